// SPDX-License-Identifier: GPL-2.0
/*
 * api_proposal.c - /v1/admin/proposals: what waits for a second administrator
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_log.h"
#include "role.h"
#include "two_person.h"

struct listing {
	json_t *all;
	int64_t now_ms, window_ms;
};

static int add_proposal(const struct zkhsmd_proposal *p, void *arg)
{
	const struct listing *l = arg;
	json_t *stored, *request, *o;

	if (l->now_ms < p->at_ms || l->now_ms - p->at_ms > l->window_ms)
		return 0;
	stored = json_loads(p->request, 0, NULL);
	request = json_incref(json_object_get(stored, "request"));
	json_decref(stored);
	if (!request)
		return -EUCLEAN;
	o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:o}", "proposal", p->id, "action", p->action,
		      "proposed_by", p->who, "proposed_ms", (json_int_t)p->at_ms, "expires_ms",
		      (json_int_t)p->at_ms + l->window_ms, "request", request);
	return json_array_append_new(l->all, o) ? -ENOMEM : 0;
}

static enum zkhsmd_next work_list(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct zkhsmd_policy *policy = zkhsmd_policy_get(job->m);
	struct listing l = { .all = json_array(), .now_ms = zkhsmd_now().wall,
			     .window_ms = (int64_t)zkhsmd_two_window(policy) };
	int ret = store->ops->proposal_each(store, add_proposal, &l);

	zkhsmd_policy_put(policy);
	if (ret) {
		json_decref(l.all);
		zkhsmd_problem_store(job->rq, ret);
	} else {
		server_reply_json(job->rq, 200, json_pack("{s:o}", "proposals", l.all));
	}
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_proposals(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, 0);

	if (!job)
		return;
	job->work = work_list;
	zkhsmd_job_submit(job);
}

/* --- withdrawn ----------------------------------------------------------------- */

/* An administrator's say is enough; others take back what is their own. */
static int write_del(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct server_request *rq = job->rq;
	struct zkhsmd_proposal p;
	int ret = store->ops->proposal_get(store, rq->args[0], &p);

	if (ret == -ENOENT) {
		zkhsmd_problem(rq, P_UNKNOWN, "there is no such proposal");
		return 0;
	}
	if (ret)
		return ret;
	free(p.request);
	if (!(rq->roles & ZKHSMD_ADMINISTRATOR) &&
	    (memcmp(p.x5t, rq->peer_x5t, sizeof(p.x5t)) || strcmp(p.who, rq->peer_cn))) {
		zkhsmd_problem(rq, P_ROLE, "this is %s's: only an administrator can withdraw it too",
			       p.who);
		return 0;
	}
	ret = store->ops->proposal_del(store, p.id);
	if (ret)
		return ret;
	server_reply_json(rq, 204, NULL);
	return zkhsmd_audit_add(store, rq, "withdraw", NULL,
				json_pack("{s:s, s:s, s:s}", "proposal", p.id, "proposed", p.action,
					  "proposed_by", p.who));
}

void zkhsmd_api_proposal_del(struct server_request *rq)
{
	struct zkhsmd_job *job;
	uint8_t id[32];

	if (!zkhsmd_hash_of(rq, "proposal", rq->args[0], id)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, 0);
	if (!job)
		return;
	job->write = write_del;
	zkhsmd_job_submit(job);
}
