/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every allocation fails once: a command is sent again and again, and each time
 * the next of the allocations that it makes in this task fails, until one run
 * ends without the fault having been met.
 */
#ifndef ZKHSM_FAULTS_H
#define ZKHSM_FAULTS_H

#include "hsm.h"

/* --- faults_inject.c: the kernel's fault injection, for this thread alone --- */

/* ktap_run(), or one test that is skipped, with the reason, where the kernel has none. */
int faults_run(const struct ktap_test *tests, size_t count, int argc, char **argv);
/* Where one test of many needs it: it is skipped, with the reason. */
void faults_need(void);
/* In every test that needs it; once is enough. */
void faults_begin(void);
void faults_end(void);
/* A cache that came with the module just loaded; caches are named one by one. */
void faults_include(const char *cache);
/* The @nth allocation of this thread from here on fails. */
void faults_arm(unsigned int nth);
/* Whether it did. */
bool faults_disarm(void);
/* How many allocations @fn makes, at the least. */
unsigned int faults_count(void (*fn)(void *arg), void *arg);

/* --- faults_state.c: everything that the commands can tell ------------------ */

struct state {
	size_t len;
	uint8_t bytes[48 * 1024];
};

void state_take(struct hsm *h, struct state *s);
/* A listener that lost an event has to be told; both count from the last call. */
struct heard {
	unsigned int events;
	bool lost;
};

void listener_open(struct nlraw *nl);
struct heard listener_heard(struct nlraw *nl);

/* --- faults_sweep.c --------------------------------------------------------- */

/**
 * struct scenario - one command in one of its forms
 * @name:	for people
 * @prepare:	makes the state that the command is for; before every attempt
 * @message:	the request
 * @done:	whether its work is done, by the state; NULL when it changes nothing
 * @undo:	after it was done; may be NULL
 * @dump:	sent with NLM_F_DUMP
 * @messages:	the answer has so many messages
 * @events:	listeners have to hear of it so often
 * @refusal:	what it is refused with when memory is there; 0: it is not
 * @slow:	long arithmetic: prove but now and then that it succeeds afterwards
 */
struct scenario {
	const char *name;
	void (*prepare)(void);
	struct nl_msg *(*message)(void);
	bool (*done)(void);
	void (*undo)(void);
	bool dump;
	unsigned int messages;
	unsigned int events;
	int refusal;
	bool slow;
};

void sweep(const struct scenario *s, size_t count);

/* What the scenarios share; faults.c makes it. */
struct faults {
	struct hsm h;
	struct nlraw listener;
	struct manager m;
};

extern struct faults faults;

/* faults_orders.c */
extern const struct scenario faults_orders[];
extern const size_t faults_orders_count;

/* faults_grants.c */
extern const struct scenario faults_grants[];
extern const size_t faults_grants_count;

/* faults_leases.c */
extern const struct scenario faults_leases[];
extern const size_t faults_leases_count;

#endif /* ZKHSM_FAULTS_H */
