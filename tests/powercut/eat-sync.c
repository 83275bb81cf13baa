// SPDX-License-Identifier: GPL-2.0
/*
 * Preloaded, it makes a store that forgets to wait for the disk: EAT says
 * where. The power cuts must find each of these out.
 *
 *	none	nowhere, which must pass
 *	all	everywhere
 *	file	for what is written, but for the directories' names
 *	dir	for the names
 *	redo	for records and head, which the journal then no longer has
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_journal(int fd)
{
	char link[64], path[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		abort();
	path[n] = '\0';
	name = strrchr(path, '/');
	return name && strstr(name, "journal");
}

static bool eaten(int fd)
{
	const char *what = getenv("EAT");
	struct stat st;

	if (!what || fstat(fd, &st))
		abort();
	if (!strcmp(what, "none"))
		return false;
	if (!strcmp(what, "all"))
		return true;
	if (!strcmp(what, "dir"))
		return S_ISDIR(st.st_mode);
	if (S_ISDIR(st.st_mode))
		return false;
	if (!strcmp(what, "file"))
		return true;
	if (!strcmp(what, "redo"))
		return !is_journal(fd);
	abort();
}

static int pass_on(const char *name, int fd)
{
	int (*next)(int fd) = (int (*)(int))dlsym(RTLD_NEXT, name);

	return eaten(fd) ? 0 : next(fd);
}

int fsync(int fd)
{
	return pass_on("fsync", fd);
}

int fdatasync(int fd)
{
	return pass_on("fdatasync", fd);
}

int syncfs(int fd)
{
	return pass_on("syncfs", fd);
}
