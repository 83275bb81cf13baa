// SPDX-License-Identifier: GPL-2.0
/*
 * api_policy.c - GET /v1/admin/policy, and why a key is trusted or not
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "explain.h"

struct question {
	uint8_t hsm_id[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
};

void zkhsmd_api_policy_get(struct server_request *rq)
{
	struct zkhsmd_policy *p = zkhsmd_policy_get(rq->arg);

	server_reply_json(rq, 200, zkhsmd_policy_json(p));
	zkhsmd_policy_put(p);
	server_send(rq);
}

static enum zkhsmd_next work(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const struct question *q = job->data;
	json_t *o = NULL;
	int ret = zkhsmd_explain(job->m, store, q->hsm_id, q->key_id, &o);

	if (ret == -ENOENT)
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is known");
	else if (ret)
		zkhsmd_problem_store(job->rq, ret);
	else
		server_reply_json(job->rq, 200, o);
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_explain(struct server_request *rq)
{
	struct zkhsmd_job *job;
	struct question q;

	if (!zkhsmd_hash_of(rq, "hsm_id", rq->args[0], q.hsm_id)) {
		server_send(rq);
		return;
	}
	if (!zkhsm_id_valid((const uint8_t *)rq->args[1], strlen(rq->args[1]))) {
		zkhsmd_problem(rq, P_REQUEST, "this cannot be a key's id");
		server_send(rq);
		return;
	}
	snprintf(q.key_id, sizeof(q.key_id), "%s", rq->args[1]);
	job = zkhsmd_job_new(rq, sizeof(q));
	if (!job)
		return;
	memcpy(job->data, &q, sizeof(q));
	job->work = work;
	zkhsmd_job_submit(job);
}
