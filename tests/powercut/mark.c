// SPDX-License-Identifier: GPL-2.0
/*
 * Notes in the record of a disk's writes how far the story is: a sector beyond
 * the file system, past all caches, so that it stands there behind what was
 * written before and flushes nothing.
 *
 *	mark DEVICE OFFSET WORD...
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECTOR	512

int main(int argc, char **argv)
{
	static _Alignas(4096) char sector[SECTOR];
	int fd, i;

	if (argc < 4)
		return 2;
	strcpy(sector, "zkhsm-mark");
	for (i = 3; i < argc; i++) {
		size_t used = strlen(sector);

		snprintf(sector + used, sizeof(sector) - used, " %s", argv[i]);
	}
	sector[strlen(sector)] = '\n';
	fd = open(argv[1], O_WRONLY | O_DIRECT | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, sector, sizeof(sector), atoll(argv[2])) != sizeof(sector)) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
