// SPDX-License-Identifier: GPL-2.0
/*
 * api_restore.c - POST /v1/admin/hsms/{hsm_id}/restore
 *
 * An older backup looks like a theft. Only somebody who knows that it was
 * restored can say so; it holds for one piece of evidence.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit_log.h"
#include "two_person.h"

static int write_it(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const uint8_t *hsm_id = job->data;
	struct zkhsmd_hsm h;
	json_t *o;
	int ret = store->ops->hsm_get(store, hsm_id, &h);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret || !h.enrolled) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is enrolled");
		return 0;
	}
	if (!h.attested || h.restore) {
		zkhsmd_problem(job->rq, P_ALREADY, h.restore ?
			       "its next evidence may be of an older state already" :
			       "it has not attested yet: there is nothing to forget");
		return 0;
	}
	ret = zkhsmd_two_person(job, store, "restore");
	if (ret)
		return ret < 0 ? ret : 0;
	h.restore = true;
	o = json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", h.name, "boot_count",
		      (json_int_t)h.boot_count, "fork_count", (json_int_t)h.fork_count, "number",
		      (json_int_t)h.number, "last_applied", (json_int_t)h.shown);
	zkhsmd_json_hash(o, "hsm_id", hsm_id);
	server_reply_json(job->rq, 200, o);
	ret = store->ops->hsm_put(store, &h);
	return ret ? ret : zkhsmd_audit_add(store, job->rq, "restore", hsm_id,
					    json_pack("{s:s}", "name", h.name));
}

void zkhsmd_api_restore(struct server_request *rq)
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
	job->write = write_it;
	zkhsmd_job_submit(job);
}
