// SPDX-License-Identifier: GPL-2.0
/*
 * api_challenge.c - POST /v1/challenges
 */
#include <errno.h>
#include <string.h>

#include "rate.h"

struct challenge {
	uint8_t hsm_id[32];
};

static void answer(struct zkhsmd_job *job, const uint8_t nonce[32], const struct zkhsmd_hsm *h)
{
	const struct zkhsmd_config *c = &job->m->config;
	json_t *o = json_pack("{s:I, s:I}", "expires_ms", (json_int_t)c->nonce_life_ms,
			      "interval_ms", (json_int_t)c->interval_ms);

	zkhsmd_json_hash(o, "manager_id", job->m->identity.manager_id);
	zkhsmd_json_hash(o, "nonce", nonce);
	if (h && h->attested)
		zkhsmd_json_hash(o, "known_list", h->list_digest);
	else
		json_object_set_new(o, "known_list", json_null());
	server_reply_json(job->rq, 201, o);
}

static enum zkhsmd_next work(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct challenge *c = job->data;
	struct zkhsmd_hsm h;
	uint8_t nonce[32];
	int ret = store->ops->hsm_get(store, c->hsm_id, &h);
	bool enrolled = !ret && h.enrolled;

	if (ret && ret != -ENOENT)
		return zkhsmd_job_unread(job, ret);
	ret = zkhsmd_nonce_new(job->m->nonces, c->hsm_id, job->rq->origin, enrolled,
			       zkhsmd_now(), nonce);
	if (ret == -ENOMEM) {
		zkhsmd_problem_store(job->rq, ret);
	} else if (ret) {
		server_reply_header(job->rq, "Retry-After", "%llu",
				    (unsigned long long)job->m->config.nonce_life_ms / 1000 + 1);
		zkhsmd_problem(job->rq, P_TOO_MANY, ret == -EDQUOT ?
			       "this HSM has as many challenges outstanding as it may" :
			       ret == -EUSERS ?
			       "this address has as many challenges outstanding for HSMs that are not enrolled as it may" :
			       "there are as many challenges outstanding as there may be");
	} else {
		answer(job, nonce, enrolled ? &h : NULL);
	}
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_challenge(struct server_request *rq)
{
	json_t *body = server_json(rq);
	struct challenge c;
	struct zkhsmd_job *job;
	json_error_t error;
	const char *id;
	bool ok = false;

	if (body) {
		if (json_unpack_ex(body, &error, 0, "{s:s !}", "hsm_id", &id))
			server_json_problem(rq, &error);
		else
			ok = zkhsmd_hash_of(rq, "hsm_id", id, c.hsm_id);
	}
	json_decref(body);
	if (!ok || !zkhsmd_rate_hsm(rq, ZKHSMD_RATE_CHALLENGES, c.hsm_id)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(c));
	if (!job)
		return;
	memcpy(job->data, &c, sizeof(c));
	job->quick = true;
	job->work = work;
	zkhsmd_job_submit(job);
}
