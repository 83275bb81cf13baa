// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test machine.  Starts one process per session, waits until the
 * host says stop, ends everything, judges the kernel and reports.  Whatever
 * goes wrong, the machine ends with a report or without one; the host takes a
 * missing report for a failure, so there is no way to pass by accident.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

static void end_machine(void)
{
	sync();
	/* QEMU runs with -no-reboot: this ends it, with or without ACPI. */
	reboot(RB_AUTOBOOT);
	_exit(1);
}

/* Gives every process three seconds to end by itself. */
static void end_processes(void)
{
	const struct timespec grace = { .tv_sec = 3 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);

	kill(-1, SIGTERM);
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return;
		if (!pid && sigtimedwait(&child, NULL, &grace) < 0)
			break;
	}
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void wait_for_stop(void)
{
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	while (sig != SIGUSR1) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		sigwait(&set, &sig);
	}
}

int main(void)
{
	sigset_t blocked;
	char port[32];
	int i;

	sigfillset(&blocked);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);

	if (!boot_machine() || !report_open()) {
		printf("init: cannot bring the machine up\n");
		end_machine();
	}
	if (!boot_disk()) {
		report_problem("there is no " DISK_PATH);
	} else if (!boot_module()) {
		report_problem("the module was not loaded");
	} else {
		for (i = 0; i < SESSIONS; i++) {
			snprintf(port, sizeof(port), "zkhsm.session.%d", i);
			if (session_start(port) < 0)
				report_problem("no session on port %s", port);
		}
		wait_for_stop();
		end_processes();
		disk_end();
	}
	health_check();
	report_finish();
	end_machine();
}
