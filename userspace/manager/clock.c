// SPDX-License-Identifier: GPL-2.0
/*
 * clock.c - two clocks, since neither will do alone
 *
 * The wall clock is what others understand and what outlives a boot, but it can
 * be set. CLOCK_BOOTTIME cannot, but begins anew with each boot.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "manager.h"

static int64_t read_clock(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct zkhsmd_time zkhsmd_now(void)
{
	return (struct zkhsmd_time){ .wall = read_clock(CLOCK_REALTIME),
				     .boot = read_clock(CLOCK_BOOTTIME) };
}

int zkhsmd_boot_id(uint8_t id[16], struct zkhsm_error *err)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	uint8_t hash[32];
	char text[64];
	ssize_t len;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return zkhsm_fail(err, -EIO, "%s cannot be read", path);
	zkhsm_sha256(text, (size_t)len, hash);
	memcpy(id, hash, 16);
	return 0;
}
