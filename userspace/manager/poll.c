// SPDX-License-Identifier: GPL-2.0
/*
 * poll.c - waiting for orders and for revocations, see poll.h
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "poll.h"

struct zkhsmd_polls {
	struct zkhsmd *m;
	TAILQ_HEAD(, zkhsmd_poll) waiting[ZKHSMD_POLL_KINDS];
	uint64_t count, generation[ZKHSMD_POLL_KINDS];
	bool stopped;
};

int zkhsmd_polls_new(struct zkhsmd *m, struct zkhsmd_polls **out)
{
	struct zkhsmd_polls *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->m = m;
	for (int kind = 0; kind < ZKHSMD_POLL_KINDS; kind++)
		TAILQ_INIT(&p->waiting[kind]);
	*out = p;
	return 0;
}

void zkhsmd_polls_free(struct zkhsmd_polls *p)
{
	free(p);
}

static void look_again(struct zkhsmd_poll *p)
{
	p->generation = p->job->m->polls->generation[p->kind];
	zkhsmd_job_submit(p->job);
}

static void stop_waiting(struct zkhsmd_poll *p)
{
	struct zkhsmd_polls *polls = p->job->m->polls;

	TAILQ_REMOVE(&polls->waiting[p->kind], p, link);
	polls->count--;
	p->waiting = false;
	event_del(p->timer);
}

static int start_timer(struct zkhsmd_poll *p, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	return event_add(p->timer, &tv);
}

/*
 * Time is up, with the 204 of the last look as the answer. Timers count from when the
 * loop last looked at its clock, and may come early by what it did since.
 */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct zkhsmd_poll *p = arg;
	int64_t left = p->until_ms - zkhsmd_now().boot;

	(void)fd;
	(void)what;
	if (left > 0 && start_timer(p, left) == 0)
		return;
	stop_waiting(p);
	server_send(p->job->rq);
}

/* Half of the places, rounded up, is what one address may take. */
static bool has_share(const struct zkhsmd_poll *p)
{
	const struct zkhsmd_polls *polls = p->job->m->polls;
	const uint64_t share = (p->job->m->config.polls_max + 1) / 2;
	const struct zkhsmd_poll *other;
	uint64_t count = 0;

	if (polls->count < share)
		return false;
	for (int kind = 0; kind < ZKHSMD_POLL_KINDS; kind++) {
		TAILQ_FOREACH(other, &polls->waiting[kind], link)
			count += strcmp(other->job->rq->origin, p->job->rq->origin) == 0;
	}
	return count >= share;
}

static void wait_for_news(struct zkhsmd_poll *p, int64_t ms)
{
	struct zkhsmd_polls *polls = p->job->m->polls;

	if (polls->count >= p->job->m->config.polls_max || has_share(p)) {
		server_reply_header(p->job->rq, "Retry-After", "%d", ZKHSMD_WAIT_MAX_S);
		zkhsmd_problem(p->job->rq, P_TOO_MANY,
			       "too many clients wait for news, or too many of this address");
		server_send(p->job->rq);
		return;
	}
	if (!p->timer)
		p->timer = event_new(p->job->m->base, -1, 0, on_timer, p);
	if (!p->timer || start_timer(p, ms)) {
		server_send(p->job->rq);
		return;
	}
	TAILQ_INSERT_TAIL(&polls->waiting[p->kind], p, link);
	polls->count++;
	p->waiting = true;
}

static void looked(struct zkhsmd_job *job)
{
	struct zkhsmd_polls *polls = job->m->polls;
	struct zkhsmd_poll *p = job->data;
	int64_t left = p->until_ms - zkhsmd_now().boot;

	if (job->rq->reply.status != 204 || left <= 0 || polls->stopped)
		server_send(job->rq);
	else if (p->generation != polls->generation[p->kind])
		look_again(p);
	else
		wait_for_news(p, left);
}

static void wake(struct zkhsmd *m, enum zkhsmd_poll_kind kind)
{
	struct zkhsmd_poll *p;

	m->polls->generation[kind]++;
	while ((p = TAILQ_FIRST(&m->polls->waiting[kind]))) {
		stop_waiting(p);
		look_again(p);
	}
}

void zkhsmd_polls_wake(struct zkhsmd *m)
{
	wake(m, ZKHSMD_POLL_ORDERS);
}

void zkhsmd_polls_wake_revocations(struct zkhsmd *m)
{
	wake(m, ZKHSMD_POLL_REVOCATIONS);
}

void zkhsmd_polls_stop(struct zkhsmd_polls *polls)
{
	struct zkhsmd_poll *p;

	polls->stopped = true;
	for (int kind = 0; kind < ZKHSMD_POLL_KINDS; kind++) {
		while ((p = TAILQ_FIRST(&polls->waiting[kind]))) {
			stop_waiting(p);
			server_send(p->job->rq);
		}
	}
}

uint64_t zkhsmd_polls_waiting(const struct zkhsmd_polls *polls)
{
	return polls->count;
}

static void end_poll(void *data)
{
	struct zkhsmd_poll *p = data;

	if (p->timer)
		event_free(p->timer);
}

struct zkhsmd_job *zkhsmd_poll_new(struct server_request *rq, size_t size,
				   enum zkhsmd_poll_kind kind, uint64_t wait_s,
				   enum zkhsmd_next (*work)(struct zkhsmd_job *job,
							    struct zkhsmd_store *store))
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, size);
	struct zkhsmd_poll *p;

	if (!job)
		return NULL;
	p = job->data;
	p->job = job;
	p->kind = kind;
	/* Not a part of a millisecond less than was asked for. */
	p->until_ms = zkhsmd_now().boot + (int64_t)wait_s * 1000 + (wait_s > 0);
	job->work = work;
	job->answered = looked;
	job->data_end = end_poll;
	return job;
}

void zkhsmd_poll_start(struct zkhsmd_job *job)
{
	look_again(job->data);
}

bool zkhsmd_poll_number(struct server_request *rq, const char *name, uint64_t max, uint64_t *out)
{
	const char *text = server_query(rq, name);
	char *end = NULL;

	*out = 0;
	if (!text)
		return true;
	errno = 0;
	if (*text >= '0' && *text <= '9')
		*out = strtoull(text, &end, 10);
	if (!end || *end || errno || *out > max) {
		zkhsmd_problem(rq, P_REQUEST, "%s has to be a number up to %llu", name,
			       (unsigned long long)max);
		return false;
	}
	return true;
}
