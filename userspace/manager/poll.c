// SPDX-License-Identifier: GPL-2.0
/*
 * poll.c - GET /v1/hsms/{hsm_id}/orders, which may wait for an order
 *
 * A poll that found nothing waits on the loop, without a thread, and looks
 * again whenever orders have been committed. One that was looking meanwhile
 * sees by the generation that it has to look again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "manager.h"

#define WAIT_MAX_S	60
/* Of orders in one answer. */
#define BYTES_MAX	262144

struct poll {
	struct zkhsmd_job *job;
	uint8_t hsm_id[32];
	uint64_t after;
	int64_t until_ms;
	uint64_t generation;
	bool waiting;
	struct event *timer;
	json_t *orders;			/* while it is looking */
	size_t bytes;
	bool more;
	TAILQ_ENTRY(poll) link;
};

struct zkhsmd_polls {
	struct zkhsmd *m;
	TAILQ_HEAD(, poll) waiting;
	uint64_t count, generation;
	bool stopped;
};

int zkhsmd_polls_new(struct zkhsmd *m, struct zkhsmd_polls **out)
{
	struct zkhsmd_polls *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->m = m;
	TAILQ_INIT(&p->waiting);
	*out = p;
	return 0;
}

void zkhsmd_polls_free(struct zkhsmd_polls *p)
{
	free(p);
}

static int take_order(const struct zkhsmd_order *o, void *arg)
{
	struct poll *p = arg;
	char *text;

	if (p->bytes && p->bytes + o->len > BYTES_MAX) {
		p->more = true;
		return 1;
	}
	text = zkhsm_b64(o->bytes, o->len);
	if (!text)
		return -ENOMEM;
	p->bytes += o->len;
	json_array_append_new(p->orders, json_string(text));
	free(text);
	return 0;
}

static enum zkhsmd_next look(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct poll *p = job->data;
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, p->hsm_id, &h);

	if (ret == -ENOENT || (!ret && !h.enrolled)) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is enrolled");
		return ZKHSMD_ANSWER;
	}
	p->bytes = 0;
	p->more = false;
	p->orders = json_array();
	if (!ret)
		ret = store->ops->order_each(store, p->hsm_id, p->after, take_order, p);
	if (ret) {
		json_decref(p->orders);
		zkhsmd_problem_store(job->rq, ret);
	} else if (json_array_size(p->orders)) {
		server_reply_json(job->rq, 200, json_pack("{s:o, s:b}", "orders", p->orders, "more",
							  p->more));
	} else {
		json_decref(p->orders);
		server_reply_json(job->rq, 204, NULL);
	}
	p->orders = NULL;
	return ZKHSMD_ANSWER;
}

static void look_again(struct poll *p)
{
	p->generation = p->job->m->polls->generation;
	zkhsmd_job_submit(p->job);
}

static void stop_waiting(struct poll *p)
{
	struct zkhsmd_polls *polls = p->job->m->polls;

	TAILQ_REMOVE(&polls->waiting, p, link);
	polls->count--;
	p->waiting = false;
	event_del(p->timer);
}

/* Time is up, with the 204 of the last look as the answer. */
static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct poll *p = arg;

	(void)fd;
	(void)what;
	stop_waiting(p);
	server_send(p->job->rq);
}

/* Half of the places, rounded up, is what one address may take. */
static bool has_share(const struct poll *p)
{
	const struct zkhsmd_polls *polls = p->job->m->polls;
	const uint64_t share = (p->job->m->config.polls_max + 1) / 2;
	const struct poll *other;
	uint64_t count = 0;

	if (polls->count < share)
		return false;
	TAILQ_FOREACH(other, &polls->waiting, link)
		count += strcmp(other->job->rq->origin, p->job->rq->origin) == 0;
	return count >= share;
}

static void wait_for_orders(struct poll *p, int64_t ms)
{
	struct zkhsmd_polls *polls = p->job->m->polls;
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	if (polls->count >= p->job->m->config.polls_max || has_share(p)) {
		server_reply_header(p->job->rq, "Retry-After", "%d", WAIT_MAX_S);
		zkhsmd_problem(p->job->rq, P_TOO_MANY,
			       "too many clients wait for orders, or too many of this address");
		server_send(p->job->rq);
		return;
	}
	if (!p->timer)
		p->timer = event_new(p->job->m->base, -1, 0, on_timer, p);
	if (!p->timer || event_add(p->timer, &tv)) {
		server_send(p->job->rq);
		return;
	}
	TAILQ_INSERT_TAIL(&polls->waiting, p, link);
	polls->count++;
	p->waiting = true;
}

static void looked(struct zkhsmd_job *job)
{
	struct zkhsmd_polls *polls = job->m->polls;
	struct poll *p = job->data;
	int64_t left = p->until_ms - zkhsmd_now().boot;

	if (job->rq->reply.status != 204 || left <= 0 || polls->stopped)
		server_send(job->rq);
	else if (p->generation != polls->generation)
		look_again(p);
	else
		wait_for_orders(p, left);
}

void zkhsmd_polls_wake(struct zkhsmd *m)
{
	struct poll *p;

	m->polls->generation++;
	while ((p = TAILQ_FIRST(&m->polls->waiting))) {
		stop_waiting(p);
		look_again(p);
	}
}

uint64_t zkhsmd_polls_waiting(const struct zkhsmd_polls *polls)
{
	return polls->count;
}

void zkhsmd_polls_stop(struct zkhsmd_polls *polls)
{
	struct poll *p;

	polls->stopped = true;
	while ((p = TAILQ_FIRST(&polls->waiting))) {
		stop_waiting(p);
		server_send(p->job->rq);
	}
}

static void end_poll(void *data)
{
	struct poll *p = data;

	if (p->timer)
		event_free(p->timer);
}

void zkhsmd_api_orders_get(struct server_request *rq)
{
	uint64_t after, wait_s;
	struct zkhsmd_job *job;
	uint8_t hsm_id[32];
	struct poll *p;

	if (!zkhsmd_hash_of(rq, "hsm_id", rq->args[0], hsm_id) ||
	    !zkhsmd_number_of(rq, "after", INT64_MAX, &after) ||
	    !zkhsmd_number_of(rq, "wait", WAIT_MAX_S, &wait_s)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(*p));
	if (!job)
		return;
	p = job->data;
	p->job = job;
	memcpy(p->hsm_id, hsm_id, sizeof(p->hsm_id));
	p->after = after;
	p->until_ms = zkhsmd_now().boot + (int64_t)wait_s * 1000;
	job->work = look;
	job->answered = looked;
	job->data_end = end_poll;
	look_again(p);
}
