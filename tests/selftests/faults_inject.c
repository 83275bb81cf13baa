// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/thread-self/fail-nth counts the allocations of one thread down and lets
 * the last of them fail, whatever it is for (fault-inject.rst); nothing else in
 * the system meets a fault.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faults.h"

#define DEBUG		"/sys/kernel/debug/"
#define CACHES		"/sys/kernel/slab"
#define STACK_USED	(256 * 1024)
#define MANY		1000000u

static int nth_fd = -1;
static char console_level[64];

static bool set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	return ok;
}

void faults_include(const char *cache)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), CACHES "/%s/failslab", cache);
	require(set(path, "1"), "%s: %s", path, strerrorname_np(errno));
}

/*
 * What watches the kernel must not go blind: it would not see what is looked
 * for here, and each of its allocations would cost a run.
 */
static bool watches(const char *cache)
{
	return !strncmp(cache, "kmemleak", 8) || !strncmp(cache, "debug_objects", 13);
}

static void include_all(void)
{
	DIR *dir = opendir(CACHES);
	struct dirent *e;

	require(dir, CACHES ": %s", strerrorname_np(errno));
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && !watches(e->d_name))
			faults_include(e->d_name);
	closedir(dir);
}

/* A page fault of ours would be an allocation like any other, and fail. */
static void touch_memory(void)
{
	char stack[STACK_USED];

	explicit_bzero(stack, sizeof(stack));
	require(!mlockall(MCL_CURRENT | MCL_FUTURE), "mlockall: %s", strerrorname_np(errno));
}

/* The kernel tells of each failed page in full, over a serial line. */
static void quieten(void)
{
	FILE *file = fopen("/proc/sys/kernel/printk", "re");

	if (file && fgets(console_level, sizeof(console_level), file))
		set("/proc/sys/kernel/printk", "4");
	if (file)
		fclose(file);
}

static const char *impossible(void)
{
	if (access("/proc/thread-self/fail-nth", W_OK))
		return "this kernel has no fault injection (CONFIG_FAULT_INJECTION)";
	if (access(DEBUG "failslab", X_OK) || access(DEBUG "fail_page_alloc", X_OK))
		return "this kernel has no failslab or no fail_page_alloc in debugfs";
	return NULL;
}

static void skip(void)
{
	ktap_skip("%s", impossible());
}

void faults_need(void)
{
	if (impossible())
		skip();
}

int faults_run(const struct ktap_test *tests, size_t count, int argc, char **argv)
{
	static const struct ktap_test none[] = { { "faults", skip } };

	return impossible() ? ktap_run(none, 1, 1, argv) : ktap_run(tests, count, argc, argv);
}

/*
 * Of pages only those that kvmalloc() asks for, 64 KiB and more: to refuse a slab
 * its pages is to refuse the object, and how many it takes differs from run to run.
 */
void faults_begin(void)
{
	static const struct {
		const char *path, *value;
	} settings[] = {
		{ DEBUG "failslab/ignore-gfp-wait", "N" },
		{ DEBUG "failslab/cache-filter", "Y" },
		{ DEBUG "failslab/verbose", "0" },
		{ DEBUG "fail_page_alloc/ignore-gfp-wait", "N" },
		{ DEBUG "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ DEBUG "fail_page_alloc/min-order", "4" },
		{ DEBUG "fail_page_alloc/verbose", "0" },
	};

	if (nth_fd >= 0)
		return;
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	require(nth_fd >= 0, "fail-nth: %s", strerrorname_np(errno));
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		require(set(settings[i].path, settings[i].value), "%s: %s", settings[i].path,
			strerrorname_np(errno));
	include_all();
	touch_memory();
	quieten();
}

void faults_end(void)
{
	if (console_level[0])
		set("/proc/sys/kernel/printk", console_level);
}

void faults_arm(unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);

	require(pwrite(nth_fd, text, (size_t)len, 0) == len, "fail-nth: %s",
		strerrorname_np(errno));
}

/* What is left to count; disarms. */
static unsigned int left(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) <= 0 || pwrite(nth_fd, "0", 1, 0) != 1) {
		printf("Bail out! fail-nth cannot be read\n");
		exit(EXIT_FAILURE);
	}
	return (unsigned int)strtoul(text, NULL, 10);
}

bool faults_disarm(void)
{
	return !left();
}

unsigned int faults_count(void (*fn)(void *arg), void *arg)
{
	faults_arm(MANY);
	fn(arg);
	return MANY - left();
}
