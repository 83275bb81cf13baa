// SPDX-License-Identifier: GPL-2.0
/*
 * api_state.c - GET /v1/hsms/{hsm_id} and its keys
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "grant.h"

struct query {
	uint8_t hsm_id[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
};

static void pending_json(struct zkhsmd_job *job, const uint8_t hsm_id[32], uint32_t keys)
{
	json_t *o = json_pack("{s:n, s:s, s:n, s:n, s:n, s:I}", "name", "state",
			      zkhsmd_state_name(ZKHSMD_PENDING), "attested_at_ms", "age_ms",
			      "number", "keys", (json_int_t)keys);

	zkhsmd_json_hash(o, "hsm_id", hsm_id);
	server_reply_json(job->rq, 200, o);
}

static enum zkhsmd_next work_hsm(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct zkhsmd_status status;
	struct query *q = job->data;
	struct zkhsmd_pending p;
	struct zkhsmd_hsm h;
	json_t *o = NULL;
	int ret;

	ret = store->ops->hsm_get(store, q->hsm_id, &h);
	if (!ret && !h.enrolled)
		ret = -ENOENT;
	if (!ret) {
		ret = zkhsmd_hsm_status(job->m, store, &h, &status);
		if (!ret) {
			o = zkhsmd_hsm_json(&h, &status);
			zkhsmd_running_json(job->m, &h, o);
			ret = zkhsmd_sealing_json(store, &h, o);
		}
		if (!ret)
			server_reply_json(job->rq, 200, o);
		else
			json_decref(o);
	} else if (ret == -ENOENT) {
		ret = store->ops->pending_get(store, q->hsm_id, &p);
		if (!ret)
			pending_json(job, p.id, p.keys);
	}
	if (ret == -ENOENT)
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is known");
	else if (ret)
		return zkhsmd_job_unread(job, ret);
	return ZKHSMD_ANSWER;
}

static void key_json(struct zkhsmd_job *job, const struct zkhsmd_hsm *h,
		     const struct zkhsmd_key *k)
{
	struct query *q = job->data;
	char thumbprint[64] = "";
	json_t *o;

	zkhsm_jwk_thumbprint(k->entry.public, thumbprint);
	o = json_pack("{s:s, s:o*, s:s, s:s, s:s, s:s, s:o*, s:o*, s:I}", "key_id", q->key_id,
		      "public", zkhsm_jwk_public(k->entry.public), "thumbprint", thumbprint,
		      "status", k->status, "key_state", zkhsm_state_name(k->entry.state), "origin",
		      zkhsm_origin_name(k->entry.origin), "usage",
		      zkhsm_usage_json(k->entry.usage), "flags", zkhsm_flags_json(k->entry.flags),
		      "attested_at_ms", (json_int_t)h->attested_ms);
	zkhsmd_json_hash(o, "hsm_id", h->id);
	zkhsmd_json_hash(o, "element", k->element);
	json_object_set_new(o, "age_ms", k->age_ms >= 0 ? json_integer(k->age_ms) : json_null());
	json_object_set_new(o, "rule", json_string(k->judgement.rule));
	if (k->judgement.refused)
		json_object_set_new(o, "why", json_string(k->judgement.why));
	if (k->revoked)
		json_object_set_new(o, "reason",
				    json_string(zkhsm_revocation_reason_name(k->revocation.reason)));
	server_reply_json(job->rq, 200, o);
}

static enum zkhsmd_next work_key(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct query *q = job->data;
	struct zkhsmd_hsm h;
	struct zkhsmd_key k;
	int ret;

	ret = store->ops->hsm_get(store, q->hsm_id, &h);
	if (!ret && !h.enrolled)
		ret = -ENOENT;
	if (!ret)
		ret = zkhsmd_key_find(job->m, store, &h, q->key_id, &k);
	if (ret == -ENOENT)
		zkhsmd_problem(job->rq, P_UNKNOWN,
			       "no such HSM is enrolled, or its newest list has no such key");
	else if (ret)
		zkhsmd_problem_store(job->rq, ret);
	else
		key_json(job, &h, &k);
	return ZKHSMD_ANSWER;
}

static void query(struct server_request *rq, const char *key_id,
		  enum zkhsmd_next (*work)(struct zkhsmd_job *job, struct zkhsmd_store *store))
{
	struct zkhsmd_job *job;
	struct query q = { .key_id = "" };

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
	/* A key's list may have to be read, an HSM's row never is more than that. */
	job->quick = !key_id;
	job->work = work;
	zkhsmd_job_submit(job);
}

void zkhsmd_api_hsm_get(struct server_request *rq)
{
	query(rq, NULL, work_hsm);
}

void zkhsmd_api_key_get(struct server_request *rq)
{
	query(rq, rq->args[1], work_key);
}
