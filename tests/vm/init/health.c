// SPDX-License-Identifier: GPL-2.0
/*
 * Is the kernel unharmed?  Three independent witnesses: what the kernel
 * counts itself (taint, lockdep's state), what it logged, and what kmemleak
 * finds after our module is gone.  Panics need no witness.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define LOG_COPY	"/out/dmesg.txt"

#define TAINT_FORCED_RMMOD	(1ul << 3)
#define TAINT_OUT_OF_TREE	(1ul << 12)

/* Bits of /proc/sys/kernel/tainted that tell of damage, not of our module. */
static const struct {
	int bit;
	const char *meaning;
} damage[] = {
	{ 4, "machine check" },
	{ 5, "bad page" },
	{ 7, "oops" },
	{ 9, "warning" },
	{ 14, "soft lockup" },
};

/* Reports that need not raise a taint, and that no healthy run logs. */
static const char *const patterns[] = {
	"WARNING: ", "BUG: ", "KASAN: ", "UBSAN: ", "ODEBUG: ", "kernel BUG at",
	"Oops: ", "general protection fault", "possible circular locking",
	"possible recursive locking", "inconsistent lock state",
	"suspicious RCU usage", "INFO: task ", "INFO: rcu", "refcount_t: ",
	"DEBUG_LOCKS_WARN_ON", "held lock freed", "sleeping function called",
	"scheduling while atomic", "list_add corruption", "list_del corruption",
	"Voluntary context switch", "stack-protector",
	"still have locks held", "nobody cared", "EXT4-fs error",
};

static unsigned long read_taint(void)
{
	FILE *file = fopen("/proc/sys/kernel/tainted", "re");
	unsigned long taint;

	if (!file || fscanf(file, "%lu", &taint) != 1) {
		report_problem("cannot read the taint of the kernel");
		taint = TAINT_OUT_OF_TREE;
	}
	if (file)
		fclose(file);
	return taint;
}

static void check_taint(unsigned long taint)
{
	size_t i;

	for (i = 0; i < sizeof(damage) / sizeof(damage[0]); i++)
		if (taint & (1ul << damage[i].bit))
			report_problem("the kernel is tainted: %s", damage[i].meaning);
}

/*
 * Lockdep switches itself off at its first report, which is in the log. After
 * "rmmod -f" it is off anyway.
 */
static void check_lockdep(unsigned long taint)
{
	FILE *file = fopen("/proc/lockdep_stats", "re");
	char line[200];
	bool alive = false;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		const char *p = strstr(line, "debug_locks:");

		if (p && atoi(p + strlen("debug_locks:")) == 1)
			alive = true;
	}
	fclose(file);
	if (!alive && !(taint & TAINT_FORCED_RMMOD))
		report_problem("lockdep found a fault and switched itself off");
}

/* The kernel's part of the log, copied to /out and searched on the way. */
static void check_log(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *copy = fopen(LOG_COPY, "we");
	char record[8192];
	ssize_t n;

	if (fd < 0 || !copy)
		report_problem("cannot read the kernel log");
	while (fd >= 0 && copy) {
		char *text, *end;
		size_t i;
		int facility;

		n = read(fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE) {
			report_problem("the kernel log overflowed, part of it is lost");
			continue;
		}
		if (n <= 0)
			break;
		record[n] = '\0';
		facility = atoi(record) >> 3;
		text = strchr(record, ';');
		if (!text)
			continue;
		text++;
		end = strchr(text, '\n');
		if (end)
			*end = '\0';
		fprintf(copy, "%s\n", text);
		if (facility)		/* written by a process, not the kernel */
			continue;
		if (kcsan_line(text))
			continue;
		for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
			if (strstr(text, patterns[i])) {
				report_problem("kernel log: %s", text);
				break;
			}
		}
	}
	kcsan_end();
	if (copy)
		fclose(copy);
	if (fd >= 0)
		close(fd);
}

/*
 * With the module gone, an object of its that is left has no owner at all.
 * That it can go is itself a check: a lost reference keeps it.
 */
static void remove_module(void)
{
	if (syscall(SYS_delete_module, "zkhsm", O_NONBLOCK) && errno != ENOENT)
		report_problem("rmmod zkhsm: %s", strerror(errno));
}

/*
 * kmemleak reports an object that two scans found without a reference and
 * unchanged, once it is five seconds old; there is no event for that.  A
 * healthy boot leaves nothing to report, so whatever is reported is ours.
 */
static bool scan_leaks(int fd)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	if (write(fd, "scan", 4) < 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec - start.tv_sec < 6)
		sleep(6 - (now.tv_sec - start.tv_sec));
	return write(fd, "scan", 4) == 4;
}

/*
 * The kernel's own: the name of a cache whose kobject cannot be registered, for
 * want of memory, which is what faults_load.c sees to.
 */
static bool known_leak(const char *record)
{
	return strstr(record, "kobject_set_name_vargs") && strstr(record, "sysfs_slab_add");
}

static void judge_leak(const char *record, FILE **copy)
{
	if (!record[0] || known_leak(record))
		return;
	if (!*copy) {
		report_problem("kmemleak reports leaks, see /out/kmemleak.txt");
		*copy = fopen("/out/kmemleak.txt", "we");
	}
	if (*copy)
		fputs(record, *copy);
}

static void read_leaks(FILE *report)
{
	static char record[8192];
	char line[256];
	FILE *copy = NULL;

	while (fgets(line, sizeof(line), report)) {
		if (!strncmp(line, "unreferenced object", strlen("unreferenced object"))) {
			judge_leak(record, &copy);
			record[0] = '\0';
		}
		strncat(record, line, sizeof(record) - strlen(record) - 1);
	}
	judge_leak(record, &copy);
	if (copy)
		fclose(copy);
}

static void check_leaks(void)
{
	int fd = open(KMEMLEAK, O_RDWR | O_CLOEXEC);
	FILE *report;

	if (fd < 0)
		return;
	if (!scan_leaks(fd))
		report_problem("kmemleak does not answer: %s", strerror(errno));
	close(fd);
	/* Opened anew: what was written has moved the place to read from. */
	report = fopen(KMEMLEAK, "re");
	if (report)
		read_leaks(report);
	else
		report_problem("kmemleak cannot be read: %s", strerror(errno));
	if (report)
		fclose(report);
}

void health_check(void)
{
	unsigned long taint;

	remove_module();
	taint = read_taint();
	/* A scan takes long; without a module of ours there is nothing to find. */
	if (taint & TAINT_OUT_OF_TREE)
		check_leaks();
	check_taint(taint);
	check_lockdep(taint);
	check_log();
}
