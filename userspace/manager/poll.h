/* SPDX-License-Identifier: GPL-2.0 */
/*
 * poll.h - requests that may wait until there is something to answer
 *
 * One that found nothing waits on the loop, without a thread, and looks again
 * whenever something was committed that it may be waiting for. One that was looking
 * meanwhile sees by the generation that it has to look again.
 */
#ifndef ZKHSM_POLL_H
#define ZKHSM_POLL_H

#include <sys/queue.h>

#include "manager.h"

#define ZKHSMD_WAIT_MAX_S	60

enum zkhsmd_poll_kind { ZKHSMD_POLL_ORDERS, ZKHSMD_POLL_REVOCATIONS, ZKHSMD_POLL_KINDS };

/* What the data of such a job begins with; all of it is poll.c's. */
struct zkhsmd_poll {
	struct zkhsmd_job *job;
	enum zkhsmd_poll_kind kind;
	int64_t until_ms;
	uint64_t generation;
	bool waiting;
	struct event *timer;
	TAILQ_ENTRY(zkhsmd_poll) link;
};

/*
 * A job whose data, of @size bytes, begins with a struct zkhsmd_poll; NULL when
 * answered. @work answers with 204 while there is nothing: then it waits, @wait_s at
 * most, and @work is done again. zkhsmd_poll_start() begins it.
 */
struct zkhsmd_job *zkhsmd_poll_new(struct server_request *rq, size_t size,
				   enum zkhsmd_poll_kind kind, uint64_t wait_s,
				   enum zkhsmd_next (*work)(struct zkhsmd_job *job,
							    struct zkhsmd_store *store));
void zkhsmd_poll_start(struct zkhsmd_job *job);
/* A decimal number of the query, 0 if it is not there; false when answered. */
bool zkhsmd_poll_number(struct server_request *rq, const char *name, uint64_t max, uint64_t *out);
/* New revocations are there; zkhsmd_polls_wake() is of orders. */
void zkhsmd_polls_wake_revocations(struct zkhsmd *m);

#endif /* ZKHSM_POLL_H */
