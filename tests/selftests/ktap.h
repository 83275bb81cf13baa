/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KTAP output with a plan, and checks that can be made from any process or
 * thread of a test. A test that makes no check fails.
 */
#ifndef ZKHSM_KTAP_H
#define ZKHSM_KTAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ktap_test {
	const char *name;
	void (*run)(void);
};

/*
 * Runs the tests in order, or those named on the command line, and returns the
 * exit code of kselftest: 0, 1, or 4 when every test was skipped.
 */
int ktap_run(const struct ktap_test *tests, size_t count, int argc, char **argv);

/* Counts, and tells place and text when @ok is false. Safe in threads. */
bool ktap_check(bool ok, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Ends the running test; only in the thread and process that ktap_run() is in. */
void ktap_abort(void) __attribute__((noreturn));
void ktap_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void ktap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Runs @fn in a child process as user and group @uid (-1: as we are); its
 * checks count for the running test. -1 when the child did not get to its end.
 */
int ktap_child(uid_t uid, void (*fn)(void *arg), void *arg);
/* The same in two halves, for a child that the parent talks to meanwhile. */
pid_t ktap_child_start(uid_t uid, void (*fn)(void *arg), void *arg);
int ktap_child_wait(pid_t pid);

#define check(cond, ...) ktap_check(!!(cond), __FILE__, __LINE__, __VA_ARGS__)
#define require(cond, ...) do {		\
	if (!check(cond, __VA_ARGS__))	\
		ktap_abort();		\
} while (0)

#endif /* ZKHSM_KTAP_H */
