// SPDX-License-Identifier: GPL-2.0
/*
 * What leaves the machine: /out as a tar on one port, then the verdict on
 * another.  A verdict is the line "up", a line per problem and the line "end";
 * without that line it is not a verdict.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

static int verdict_fd = -1;

static void put_line(const char *line)
{
	size_t left = strlen(line);

	while (left) {
		ssize_t n = write(verdict_fd, line, left);

		if (n < 0)
			return;		/* no "end" line: the host will know */
		line += n;
		left -= n;
	}
}

/* "up" comes before anything of ours is loaded: without it the kernel alone is to blame. */
bool report_open(void)
{
	verdict_fd = open_port("zkhsm.verdict");
	if (verdict_fd < 0)
		return false;
	put_line("up\n");
	return true;
}

void report_problem(const char *fmt, ...)
{
	char text[512], line[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text[strcspn(text, "\n")] = '\0';
	snprintf(line, sizeof(line), "problem: %s\n", text);
	put_line(line);
}

static void send_out(void)
{
	static const char *const argv[] = { "/bin/busybox", "tar", "-C", "/out", "-cf", "-", ".", NULL };
	int fd = open_port("zkhsm.out");

	/* A port can be opened only once, so tar inherits it. */
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		report_problem("no port for /out");
	else if (run_wait(argv))
		report_problem("tar of /out failed");
}

void report_finish(void)
{
	send_out();
	put_line("end\n");
	close(verdict_fd);
}
