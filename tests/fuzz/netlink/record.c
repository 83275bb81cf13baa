// SPDX-License-Identifier: GPL-2.0
/*
 * Inputs leave the machine before they are run, so that they are known when
 * the kernel takes everything with it. The port is a file of the host's; a
 * write to it returns when the host has what was written. Without the port,
 * which only tests/fuzz/netlink/run gives to the machine, nothing is recorded.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nlf.h"

#define CLASS	"/sys/class/virtio-ports"
#define NAME	"zkhsm.fuzz\n"

static int port = -1;

static bool is_ours(const char *device)
{
	char path[300], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), CLASS "/%s/name", device);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return !strcmp(name, NAME);
}

/* By root, once: a port can be opened by one process at a time, and is inherited. */
void record_open(void)
{
	DIR *dir = opendir(CLASS);
	struct dirent *entry;
	char path[300];

	while (dir && port < 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !is_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		port = open(path, O_WRONLY | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
}

/* Four bytes before the steps: 'N', the process, 0, how many steps. */
void record(const struct nlf_worker *w, const struct nlf_input *in)
{
	uint8_t bytes[4 + INPUT_MAX] = { 'N', (uint8_t)w->number, 0, (uint8_t)in->count };
	size_t len = 4 + (size_t)in->count * STEP_LEN;

	if (port < 0)
		return;
	memcpy(bytes + 4, in->step, len - 4);
	if (write(port, bytes, len) != (ssize_t)len)
		port = -1;
}
