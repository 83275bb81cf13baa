// SPDX-License-Identifier: GPL-2.0
#include "hot.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../selftests/ktap.h"

struct shared {
	atomic_int done;
	long result;
};

static struct shared *shared;
static pid_t hot[KINDS];

void hot_start(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	require(shared != MAP_FAILED, "shared memory");
}

static void end(enum kind kind)
{
	if (hot[kind] <= 0)
		return;
	kill(hot[kind], SIGKILL);
	waitpid(hot[kind], NULL, 0);
	hot[kind] = 0;
}

void hot_end_all(void)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++)
		end(kind);
}

pid_t hot_fork(enum kind kind)
{
	end(kind);
	atomic_store(&shared->done, 0);
	fflush(stdout);
	hot[kind] = fork();
	require(hot[kind] >= 0, "fork");
	if (!hot[kind])
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return hot[kind];
}

void hot_spin(long result)
{
	shared->result = result;
	atomic_store(&shared->done, 1);
	for (;;)
		__builtin_ia32_pause();
}

long hot_wait(enum kind kind)
{
	static const struct timespec moment = { .tv_nsec = 1000 * 1000 };
	const struct sched_param param = { 0 };

	/* To tell us, it would have to make another system call. */
	while (!atomic_load(&shared->done))
		nanosleep(&moment, NULL);
	/* From here on it gets what the others leave of a processor. */
	sched_setscheduler(hot[kind], SCHED_IDLE, &param);
	return shared->result;
}
