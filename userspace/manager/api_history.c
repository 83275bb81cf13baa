// SPDX-License-Identifier: GPL-2.0
/*
 * api_history.c - GET /v1/admin/hsms/{hsm_id}/history, and .../keys/{key_id}/history
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api_fraud.h"

#define LINES_MAX	100

struct query {
	uint8_t hsm_id[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];	/* "": the HSM itself */
};

static int add_line(const struct zkhsmd_history *h, void *arg)
{
	static const uint8_t none[32];
	json_t *o = json_pack("{s:I, s:s, s:s}", "at_ms", (json_int_t)h->at_ms, "event", h->event,
			      "detail", h->detail);

	if (o && memcmp(h->element, none, sizeof(none)) != 0)
		zkhsmd_json_hash(o, "element", h->element);
	return json_array_append_new(arg, o) ? -ENOMEM : 0;
}

/* What it holds now; and since when, which says more than a line that may be gone. */
static int add_key(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		   json_t *o)
{
	const struct query *q = job->data;
	struct zkhsmd_holding holding;
	json_t *holders = NULL;
	struct zkhsmd_key k;
	int ret = zkhsmd_key_find(job->m, store, h, q->key_id, &k);

	json_object_set_new(o, "key_id", json_string(q->key_id));
	json_object_set_new(o, "status", json_null());
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	json_object_set_new(o, "status", json_string(k.status));
	zkhsmd_json_hash(o, "element", k.element);
	ret = store->ops->holding_get(store, k.element, h->id, &holding);
	if (!ret)
		json_object_set_new(o, "held_since_ms", json_integer(holding.first_ms));
	if (!ret || ret == -ENOENT)
		ret = zkhsmd_holders_json(store, k.element, &holders);
	if (!ret)
		json_object_set_new(o, "holders", holders);
	return ret;
}

static enum zkhsmd_next work(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const struct query *q = job->data;
	json_t *o = json_object(), *lines = json_array();
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, q->hsm_id, &h);

	zkhsmd_json_hash(o, "hsm_id", q->hsm_id);
	json_object_set(o, "history", lines);
	if (!ret)
		json_object_set_new(o, "name", json_string(h.name));
	if (!ret && q->key_id[0])
		ret = add_key(job, store, &h, o);
	if (!ret)
		ret = store->ops->history_key(store, q->hsm_id, q->key_id, LINES_MAX, add_line,
					      lines);
	json_decref(lines);
	if (ret) {
		json_decref(o);
		if (ret == -ENOENT)
			zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is known");
		else
			zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	server_reply_json(job->rq, 200, o);
	return ZKHSMD_ANSWER;
}

static void query(struct server_request *rq, const char *key_id)
{
	struct query q = { .key_id = "" };
	struct zkhsmd_job *job;

	if (!zkhsmd_hash_of(rq, "hsm_id", rq->args[0], q.hsm_id)) {
		server_send(rq);
		return;
	}
	if (key_id && !zkhsm_id_valid((const uint8_t *)key_id, strlen(key_id))) {
		zkhsmd_problem(rq, P_REQUEST, "this cannot be a key's id");
		server_send(rq);
		return;
	}
	if (key_id)
		snprintf(q.key_id, sizeof(q.key_id), "%s", key_id);
	job = zkhsmd_job_new(rq, sizeof(q));
	if (!job)
		return;
	memcpy(job->data, &q, sizeof(q));
	job->work = work;
	zkhsmd_job_submit(job);
}

void zkhsmd_api_hsm_history(struct server_request *rq)
{
	query(rq, NULL);
}

void zkhsmd_api_key_history(struct server_request *rq)
{
	query(rq, rq->args[1]);
}
