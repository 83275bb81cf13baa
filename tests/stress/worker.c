// SPDX-License-Identifier: GPL-2.0
/* The threads: how they follow the module from load to load, and judge its answers. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "stress.h"

#define THREADS_MAX	32

/* Of this process: what another thread's socket has in it can be looked at. */
static struct flight flights[FLIGHTS];

struct thread {
	pthread_t id;
	struct worker w;
	const struct crew *crew;
};

unsigned int pick(struct worker *w, unsigned int below)
{
	return (unsigned int)rand_r(&w->seed) % below;
}

void pick_bytes(struct worker *w, uint8_t *out, size_t len)
{
	while (len--)
		*out++ = (uint8_t)(rand_r(&w->seed) >> 8);
}

void breathe(void)
{
	const struct timespec moment = { .tv_nsec = 1000 * 1000 };

	nanosleep(&moment, NULL);
}

/* A new socket in place of the old one, if the family is there. */
static bool reopen(struct worker *w)
{
	struct nlraw nl;

	if (nlraw_open(&nl))
		return false;
	nlraw_close(&w->h.nl);
	w->h.nl = nl;
	return true;
}

static void disown(struct worker *w)
{
	if (w->own)
		w->disown(w->own);
	w->own = NULL;
}

/* While the module goes and comes, everybody goes on asking in the old world. */
static bool enter_world(struct worker *w)
{
	unsigned int epoch = atomic_load(&board->epoch);

	if (epoch % 2 || epoch == w->epoch)
		return w->world;
	if (!reopen(w)) {
		check(atomic_load(&board->epoch) != epoch, "%s: no family", w->role);
		return false;
	}
	disown(w);
	w->world = board_world(epoch);
	memcpy(w->h.id, w->world->hsm_id, sizeof(w->h.id));
	w->epoch = epoch;
	return true;
}

/* What may be said by a module that is not there, goes, or has just come. */
static bool tolerable(int error)
{
	switch (error) {
	case 0:
	case ENOENT:		/* no family */
	case EPROTONOSUPPORT:	/* a dump of a module that goes */
	case ENOKEY:		/* no identity, no key, no manager */
	case EKEYREJECTED:	/* an order for the HSM that was */
	case EKEYREVOKED:
	case EACCES:
	case EAGAIN:
	case EALREADY:
	case EEXIST:
	case EINVAL:		/* quorums that did not fit before either */
		return true;
	default:
		return false;
	}
}

bool unsettled(struct worker *w)
{
	return atomic_load(&board->epoch) != w->epoch;
}

bool settled(struct worker *w, const char *what)
{
	if (!unsettled(w))
		return true;
	atomic_fetch_add(&w->tally->unsettled, 1);
	check(tolerable(w->h.a.error), "%s, %s, while the module came or went: %s reason %u \"%s\"",
	      w->role, what, strerrorname_np(w->h.a.error), w->h.a.reason, w->h.a.text);
	if (w->h.a.error == ENOENT && !reopen(w))
		breathe();
	return false;
}

bool is(const struct nlraw_answer *a, int error, uint32_t reason)
{
	return a->error == error && a->reason == reason;
}

void judge(struct worker *w, const char *what, bool allowed)
{
	atomic_fetch_add(&w->tally->done, 1);
	if (w->h.a.error)
		atomic_fetch_add(&w->tally->refused, 1);
	check(allowed, "%s, %s: %s reason %u \"%s\" could not be", w->role, what,
	      w->h.a.error ? strerrorname_np(w->h.a.error) : "done", w->h.a.reason, w->h.a.text);
}

/*
 * A use is published before it is sent, and taken back after the kernel has
 * served it but before its answer is read. So whoever finds it published after
 * having found the socket empty knows that no answer was there.
 */
void flight_send(struct worker *w, int index, struct nl_msg *msg)
{
	struct flight *f = w->flight;

	if (f) {
		atomic_store(&f->fd, nlraw_fd(&w->h.nl));
		atomic_store(&f->record, index);
		atomic_store(&f->number, ++w->flown & ~(DOOMED | STOPPED));
	}
	nlraw_send(&w->h.nl, msg, NLM_F_ACK);
}

/* Returns in which way the use was stopped before it had an answer: DOOMED, STOPPED, both, 0. */
unsigned int flight_receive(struct worker *w)
{
	unsigned int number = w->flight ? atomic_exchange(&w->flight->number, 0) : 0;

	nlraw_receive(&w->h.nl, NULL, NULL, &w->h.a);
	return number & (DOOMED | STOPPED);
}

static bool empty(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

static void stop_all(int index, unsigned int how)
{
	unsigned int i, number;

	for (i = 0; i < FLIGHTS; i++) {
		struct flight *f = &flights[i];

		number = atomic_load(&f->number);
		if (number && atomic_load(&f->record) == index && empty(atomic_load(&f->fd)) &&
		    atomic_compare_exchange_strong(&f->number, &number, number | how))
			atomic_fetch_add(&board->doomed, 1);
	}
}

/* Between two steps there is no request of ours in the kernel. */
static void park(void)
{
	atomic_fetch_add(&board->parked, 1);
	while (atomic_load(&board->halt) && !atomic_load(&board->over))
		breathe();
	atomic_fetch_sub(&board->parked, 1);
}

void doom_all(int index)
{
	stop_all(index, DOOMED);
}

void hold_all(int index)
{
	stop_all(index, STOPPED);
}

/*
 * While evidence is made, which is most of the time on a machine that has half a
 * processor for this. Whoever has not had a turn yet does not wait, or never has one.
 */
static bool keeps_quiet(struct worker *w)
{
	return atomic_load(&board->calm) && atomic_load(&w->tally->done) && pick(w, 500);
}

static void *run(void *arg)
{
	struct thread *t = arg;
	struct worker *w = &t->w;
	unsigned int limit = options.operations;

	while (!atomic_load(&board->over)) {
		if (atomic_load(&board->halt))
			park();
		if (!enter_world(w)) {
			breathe();
			continue;
		}
		if (t->crew->moves && keeps_quiet(w)) {
			breathe();
			continue;
		}
		t->crew->fn(w);
		if (atomic_fetch_add(&board->operations, 1) + 1 == limit)
			atomic_store(&board->over, true);
	}
	disown(w);
	hsm_close(&w->h);
	atomic_fetch_sub(&board->threads, 1);
	return NULL;
}

/* In no world, so that it is there before the first comes and after the last has gone. */
static void *outlive(void *arg)
{
	struct thread *t = arg;
	bool last;

	do {
		last = atomic_load(&board->deaf);
		t->crew->fn(&t->w);
	} while (!last);
	hsm_close(&t->w.h);
	return NULL;
}

static void start(struct thread *t, const struct crew *c, unsigned int number,
		  unsigned int *flying)
{
	t->crew = c;
	t->w = (struct worker){
		.role = c->name, .number = number, .epoch = 1,
		.tally = &board->roles[c->role],
		.seed = options.seed + 1000 * c->role + number,
		.flight = c->flies && *flying < FLIGHTS ? &flights[(*flying)++] : NULL,
	};
	if (!c->outlives)
		atomic_fetch_add(&board->threads, 1);
	check(!pthread_create(&t->id, NULL, c->outlives ? outlive : run, t), "no thread");
}

static void crew_run(void *arg)
{
	static struct thread threads[THREADS_MAX];
	const struct crew *c;
	unsigned int n = 0, i, flying = 0;

	/* To change the user was to forget this. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (c = arg; c->name; c++) {
		for (i = 0; i < c->threads && n < THREADS_MAX; i++)
			start(&threads[n++], c, i, &flying);
	}
	for (i = 0; i < n; i++)
		pthread_join(threads[i].id, NULL);
}

pid_t crew_start(uid_t uid, const struct crew *crews)
{
	return ktap_child_start(uid, crew_run, (void *)crews);
}

/* Everybody must have had his turn, or nothing was tested. */
void crew_tally(const struct crew *crews)
{
	const struct crew *c;

	for (c = crews; c->name; c++) {
		struct tally *t = &board->roles[c->role];

		ktap_note("%-20s %6u answers, %6u refused, %5u unsettled", c->name,
			  atomic_load(&t->done), atomic_load(&t->refused),
			  atomic_load(&t->unsettled));
		check(atomic_load(&t->done), "%s: never had a turn", c->name);
	}
}
