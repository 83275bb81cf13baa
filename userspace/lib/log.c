// SPDX-License-Identifier: GPL-2.0
/*
 * log.c - one line per event, key=value, on stderr
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define LINE_MAX_LEN	1024

/* Set again while other threads log. */
static _Atomic(enum log_level) log_most = LOG_LEVEL_INFO;
static _Atomic(bool) log_priority;

struct line {
	char text[LINE_MAX_LEN];
	size_t len;
};

void log_setup(enum log_level most, bool priority)
{
	log_most = most;
	log_priority = priority;
}

const char *log_number(char buf[24], long long n)
{
	snprintf(buf, 24, "%lld", n);
	return buf;
}

/* Keeps one byte for the newline; what does not fit is cut. */
static void put(struct line *l, char c)
{
	if (l->len < sizeof(l->text) - 1)
		l->text[l->len++] = c;
}

static void put_text(struct line *l, const char *text)
{
	while (*text)
		put(l, *text++);
}

static bool plain(const char *value)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-._:/@+,";

	return *value && strspn(value, safe) == strlen(value);
}

static void put_value(struct line *l, const char *value)
{
	static const char hex[] = "0123456789abcdef";

	if (plain(value)) {
		put_text(l, value);
		return;
	}
	put(l, '"');
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c == '"' || c == '\\') {
			put(l, '\\');
			put(l, *value);
		} else if (c < 0x20 || c == 0x7f) {
			put_text(l, "\\x");
			put(l, hex[c >> 4]);
			put(l, hex[c & 15]);
		} else {
			put(l, *value);
		}
	}
	put(l, '"');
}

static void put_time(struct line *l)
{
	char text[32], ms[8];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ms, sizeof(ms), ".%03ldZ", now.tv_nsec / 1000000 % 1000);
	put_text(l, text);
	put_text(l, ms);
}

void log_event(enum log_level level, const char *event, ...)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning",
		[LOG_LEVEL_INFO] = "info", [LOG_LEVEL_DEBUG] = "debug",
	};
	struct line l = { .len = 0 };
	const char *name, *value;
	va_list args;
	ssize_t n;

	if (level > log_most)
		return;
	if (log_priority) {
		put(&l, '<');
		put(&l, (char)('0' + level));
		put(&l, '>');
	} else {
		put_time(&l);
		put(&l, ' ');
	}
	put_text(&l, "level=");
	put_text(&l, names[level] ? names[level] : "info");
	put_text(&l, " event=");
	put_value(&l, event);
	va_start(args, event);
	while ((name = va_arg(args, const char *))) {
		value = va_arg(args, const char *);
		if (!value)
			continue;
		put(&l, ' ');
		put_text(&l, name);
		put(&l, '=');
		put_value(&l, value);
	}
	va_end(args);
	l.text[l.len++] = '\n';
	/* There is nobody to tell when the log itself cannot be written. */
	n = write(STDERR_FILENO, l.text, l.len);
	(void)n;
}
