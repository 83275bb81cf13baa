/* SPDX-License-Identifier: GPL-2.0 */
/*
 * log.h - one line per event, key=value, on stderr (which systemd keeps)
 *
 * Values that hold anything but letters, digits and -._:/@+, are quoted, with
 * control characters and quotes escaped: nothing that comes from the network
 * can begin a line of its own. Never give it a token or a secret.
 */
#ifndef ZKHSM_LOG_H
#define ZKHSM_LOG_H

#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,	/* as in syslog, for the "<N>" that systemd reads */
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* @priority: write "<N>" before each line, as under systemd. */
void log_setup(enum log_level most, bool priority);

/*
 * log_event(LEVEL, "evidence", "hsm", text, "keys", number_text, NULL): pairs of
 * name and value, up to a NULL name; a NULL value leaves the pair out. Atomic:
 * one write per line, whichever thread.
 */
void log_event(enum log_level level, const char *event, ...) __attribute__((sentinel));

/* A number as text for log_event(), valid until the end of the full expression's block. */
#define LOG_NUMBER(n)	(log_number((char[24]){ 0 }, (long long)(n)))
const char *log_number(char buf[24], long long n);

#endif /* ZKHSM_LOG_H */
