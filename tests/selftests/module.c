// SPDX-License-Identifier: GPL-2.0
/* Loading and unloading, as insmod, modprobe and rmmod do it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hsm.h"

static int insert_file(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, params ? params : "", 0))
		ret = -errno;
	close(fd);
	return ret;
}

/* modprobe resolves the dependencies, but keeps the errno for itself. */
static int probe(const char *params)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execlp("modprobe", "modprobe", "zkhsm", params && *params ? params : NULL, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -ECHILD;
	return status ? -EIO : 0;
}

/* tests/selftests/PROGRAM and zkhsm.ko in one directory, as in the test machine. */
static const char *beside_tests(void)
{
	static char path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX);
	char *slash;

	if (n < 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	strcpy(slash ? slash : path, "/../../zkhsm.ko");
	return access(path, R_OK) ? NULL : path;
}

int module_load(const char *params)
{
	const char *path = getenv("ZKHSM_MODULE");

	if (!path)
		path = beside_tests();
	return path ? insert_file(path, params) : probe(params);
}

int module_unload(void)
{
	return syscall(SYS_delete_module, "zkhsm", O_NONBLOCK) ? -errno : 0;
}

int module_unload_forced(void)
{
	return syscall(SYS_delete_module, "zkhsm", O_NONBLOCK | O_TRUNC) ? -errno : 0;
}

bool module_loaded(void)
{
	return !access("/sys/module/zkhsm", F_OK);
}

bool kernel_is_slow(void)
{
	return !access("/proc/lockdep_stats", F_OK);
}

static void bail(const char *what, int error)
{
	printf("Bail out! %s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

void module_reload(const char *params)
{
	int ret = module_loaded() ? module_unload() : 0;

	if (ret)
		bail("rmmod zkhsm", ret);
	ret = module_load(params);
	if (ret)
		bail("insmod zkhsm", ret);
}
