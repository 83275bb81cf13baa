// SPDX-License-Identifier: GPL-2.0
#include "ktap.h"

#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXIT_SKIPPED	4	/* KSFT_SKIP */
#define SHOWN_MAX	20	/* failures told in full per test */

/* In memory shared with the children, so that their checks count. */
struct counters {
	atomic_uint checks;
	atomic_uint failures;
};

static struct counters *now;
static jmp_buf leave;
static char skip_reason[256];

bool ktap_check(bool ok, const char *file, int line, const char *format, ...)
{
	char text[512];
	va_list ap;

	atomic_fetch_add(&now->checks, 1);
	if (ok)
		return true;
	if (atomic_fetch_add(&now->failures, 1) < SHOWN_MAX) {
		const char *base = strrchr(file, '/');

		va_start(ap, format);
		vsnprintf(text, sizeof(text), format, ap);
		va_end(ap);
		printf("# %s:%d: %s\n", base ? base + 1 : file, line, text);
		fflush(stdout);
	}
	return false;
}

void ktap_abort(void)
{
	longjmp(leave, 1);
}

void ktap_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(skip_reason, sizeof(skip_reason), format, ap);
	va_end(ap);
	longjmp(leave, 2);
}

void ktap_note(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	printf("# %s\n", text);
	fflush(stdout);
}

pid_t ktap_child_start(uid_t uid, void (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	/* A child whose test is gone would keep the module in use. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (uid != (uid_t)-1 &&
	    (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid)))
		_exit(2);
	/* After a change of user /proc/self would belong to root. */
	prctl(PR_SET_DUMPABLE, 1);
	if (setjmp(leave) == 0)
		fn(arg);
	fflush(stdout);
	_exit(0);
}

int ktap_child_wait(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

int ktap_child(uid_t uid, void (*fn)(void *arg), void *arg)
{
	return ktap_child_wait(ktap_child_start(uid, fn, arg));
}

enum verdict { PASSED, FAILED, SKIPPED };

static enum verdict run_one(const struct ktap_test *test, unsigned int number)
{
	unsigned int checks;

	atomic_store(&now->checks, 0);
	atomic_store(&now->failures, 0);
	skip_reason[0] = '\0';
	if (setjmp(leave) == 0)
		test->run();
	checks = atomic_load(&now->checks);
	if (skip_reason[0] && !atomic_load(&now->failures)) {
		printf("ok %u %s # SKIP %s\n", number, test->name, skip_reason);
		fflush(stdout);
		return SKIPPED;
	}
	if (!checks || atomic_load(&now->failures)) {
		printf("# %u of %u checks failed\n", atomic_load(&now->failures), checks);
		printf("not ok %u %s\n", number, test->name);
		fflush(stdout);
		return FAILED;
	}
	printf("# %u checks\nok %u %s\n", checks, number, test->name);
	fflush(stdout);
	return PASSED;
}

static bool selected(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int ktap_run(const struct ktap_test *tests, size_t count, int argc, char **argv)
{
	unsigned int verdicts[SKIPPED + 1] = { 0 };
	unsigned int planned = 0, number = 0;
	size_t i;

	now = mmap(NULL, sizeof(*now), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (now == MAP_FAILED) {
		printf("Bail out! no shared memory\n");
		return 1;
	}
	for (i = 0; i < count; i++)
		planned += selected(tests[i].name, argc, argv);
	printf("KTAP version 1\n1..%u\n", planned);
	for (i = 0; i < count; i++)
		if (selected(tests[i].name, argc, argv))
			verdicts[run_one(&tests[i], ++number)]++;
	printf("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n",
	       verdicts[PASSED], verdicts[FAILED], verdicts[SKIPPED]);
	if (verdicts[FAILED] || !planned)
		return EXIT_FAILURE;
	return verdicts[PASSED] ? EXIT_SUCCESS : EXIT_SKIPPED;
}
