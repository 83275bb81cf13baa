// SPDX-License-Identifier: GPL-2.0
/*
 * process.c - what this process uses, under the names that every exporter has
 */
#include <dirent.h>
#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "metrics.h"

/* Bytes of virtual and of resident memory; zeroes where /proc is not there. */
static void memory(double *virtual, double *resident)
{
	const double page = (double)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long size, rss;
	char line[256], *gap, *end;

	*virtual = *resident = 0;
	if (!f)
		return;
	if (fgets(line, sizeof(line), f)) {
		size = strtoull(line, &gap, 10);
		rss = strtoull(gap, &end, 10);
		if (gap != line && end != gap) {
			*virtual = (double)size * page;
			*resident = (double)rss * page;
		}
	}
	fclose(f);
}

static double open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	double count = -3;		/* ".", ".." and the directory itself */

	if (!dir)
		return 0;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static double cpu_seconds(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return 0;
	return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

int zkhsmd_process_print(struct evbuffer *to, int64_t started_ms)
{
	double virtual, resident;
	struct rlimit files;
	int ret;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return -errno;
	memory(&virtual, &resident);
	ret = evbuffer_add_printf(to, "# HELP process_cpu_seconds_total User and system time.\n"
				  "# TYPE process_cpu_seconds_total counter\n"
				  "process_cpu_seconds_total %.6f\n", cpu_seconds());
	if (ret >= 0)
		ret = zkhsmd_gauge_print(to, "process_virtual_memory_bytes", "Virtual memory.",
					 NULL, virtual);
	if (ret >= 0)
		ret = zkhsmd_gauge_print(to, "process_resident_memory_bytes", "Resident memory.",
					 NULL, resident);
	if (ret >= 0)
		ret = zkhsmd_gauge_print(to, "process_open_fds", "Open files and sockets.", NULL,
					 open_files());
	if (ret >= 0)
		ret = zkhsmd_gauge_print(to, "process_max_fds", "How many may be open.", NULL,
					 (double)files.rlim_cur);
	if (ret >= 0)
		ret = zkhsmd_gauge_print(to, "process_start_time_seconds",
					 "When it started, since 1970.", NULL,
					 (double)started_ms / 1000);
	return ret < 0 ? -ENOMEM : 0;
}
