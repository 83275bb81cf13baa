// SPDX-License-Identifier: GPL-2.0
/*
 * api_orders.c - orders: for the HSM's agent, who may wait for them, and as what was
 * ordered and whether it is done
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "poll.h"

/* Of orders in one answer. */
#define BYTES_MAX	262144

struct wanted {
	struct zkhsmd_poll poll;
	uint8_t hsm_id[32];
	uint64_t after;
	json_t *orders;			/* while it is looking */
	size_t bytes;
	bool more;
};

static int take_order(const struct zkhsmd_order *o, void *arg)
{
	struct wanted *w = arg;
	char *text;

	if (w->bytes && w->bytes + o->len > BYTES_MAX) {
		w->more = true;
		return 1;
	}
	text = zkhsm_b64(o->bytes, o->len);
	if (!text)
		return -ENOMEM;
	w->bytes += o->len;
	json_array_append_new(w->orders, json_string(text));
	free(text);
	return 0;
}

static enum zkhsmd_next look(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct wanted *w = job->data;
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, w->hsm_id, &h);

	if (ret == -ENOENT || (!ret && !h.enrolled)) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is enrolled");
		return ZKHSMD_ANSWER;
	}
	w->bytes = 0;
	w->more = false;
	w->orders = json_array();
	if (!ret)
		ret = store->ops->order_each(store, w->hsm_id, w->after, take_order, w);
	if (ret) {
		json_decref(w->orders);
		zkhsmd_problem_store(job->rq, ret);
	} else if (json_array_size(w->orders)) {
		server_reply_json(job->rq, 200, json_pack("{s:o, s:b}", "orders", w->orders, "more",
							  w->more));
	} else {
		json_decref(w->orders);
		server_reply_json(job->rq, 204, NULL);
	}
	w->orders = NULL;
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_orders_get(struct server_request *rq)
{
	uint64_t after, wait_s;
	struct zkhsmd_job *job;
	uint8_t hsm_id[32];
	struct wanted *w;

	if (!zkhsmd_hash_of(rq, "hsm_id", rq->args[0], hsm_id) ||
	    !zkhsmd_poll_number(rq, "after", INT64_MAX, &after) ||
	    !zkhsmd_poll_number(rq, "wait", ZKHSMD_WAIT_MAX_S, &wait_s)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_poll_new(rq, sizeof(*w), ZKHSMD_POLL_ORDERS, wait_s, look);
	if (!job)
		return;
	w = job->data;
	memcpy(w->hsm_id, hsm_id, sizeof(w->hsm_id));
	w->after = after;
	zkhsmd_poll_start(job);
}

/* --- for administrators ---------------------------------------------------- */

struct listing {
	json_t *orders;
	uint64_t applied;
};

static int add_order(const struct zkhsmd_order *o, void *arg)
{
	struct listing *l = arg;
	struct zkhsm_order order;
	uint8_t digest[32];
	json_t *entry;

	if (zkhsm_order_decode(&order, o->bytes, o->len))
		return -EUCLEAN;
	entry = json_pack("{s:I, s:s, s:I, s:b}", "number", (json_int_t)o->number, "type",
			  zkhsm_order_type_name(order.type), "created_ms",
			  (json_int_t)o->created_ms, "applied", o->number <= l->applied);
	if (entry && order.type == ZKHSM_ORDER_TYPE_TRUST_CHANGE) {
		zkhsm_sha256(order.config, order.config_len, digest);
		zkhsmd_json_hash(entry, "previous", order.previous);
		zkhsmd_json_hash(entry, "config_digest", digest);
	} else if (entry) {
		json_object_set_new(entry, "reason",
				    json_string(zkhsm_revocation_reason_name(order.reason)));
		json_object_set_new(entry, "elements", json_integer(order.count));
	}
	return entry && json_array_append_new(l->orders, entry) == 0 ? 0 : -ENOMEM;
}

static enum zkhsmd_next work_orders(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const uint8_t *hsm_id = job->data;
	struct listing l = { .orders = json_array() };
	struct zkhsmd_hsm h;
	json_t *o;
	int ret = store->ops->hsm_get(store, hsm_id, &h);

	if (!ret) {
		l.applied = h.applied;
		ret = store->ops->order_each(store, hsm_id, 0, add_order, &l);
	}
	if (ret) {
		json_decref(l.orders);
		if (ret == -ENOENT)
			zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is known");
		else
			zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	o = json_pack("{s:I, s:o}", "last_applied", (json_int_t)h.applied, "orders", l.orders);
	zkhsmd_json_hash(o, "hsm_id", hsm_id);
	server_reply_json(job->rq, 200, o);
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_orders_admin(struct server_request *rq)
{
	struct zkhsmd_job *job;
	uint8_t hsm_id[32];

	if (!zkhsmd_hash_of(rq, "hsm_id", rq->args[0], hsm_id)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(hsm_id));
	if (!job)
		return;
	memcpy(job->data, hsm_id, sizeof(hsm_id));
	job->work = work_orders;
	zkhsmd_job_submit(job);
}
