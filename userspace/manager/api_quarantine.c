// SPDX-License-Identifier: GPL-2.0
/*
 * api_quarantine.c - POST /v1/admin/hsms/{hsm_id}/quarantine
 */
#include <errno.h>
#include <string.h>

#include "api_fraud.h"
#include "role.h"
#include "two_person.h"

struct act {
	uint8_t hsm_id[32];
	bool release;
	char note[ZKHSMD_NOTE_MAX + 1];
};

static int begin(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_hsm *h)
{
	const struct act *act = job->data;
	struct zkhsmd_alert a;
	int ret;

	/* Others have to know of it too, and where it is released it is over. */
	zkhsmd_alert_make(&a, "administrator", h->id, "%s put %s into quarantine: %s",
			  job->rq->peer_cn, h->name, act->note);
	ret = zkhsmd_quarantine_begin(store, job->rq, h, "administrator", act->note);
	return ret ? ret : zkhsmd_alert_raise(job->m, store, &a);
}

static int change(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_hsm *h)
{
	const struct act *act = job->data;
	json_t *o, *still = json_array();
	int ret;

	ret = act->release ? zkhsmd_quarantine_end(job->m, store, job->rq, h, act->note, still) :
			     begin(job, store, h);
	if (!ret)
		ret = store->ops->hsm_put(store, h);
	if (ret) {
		json_decref(still);
		return ret;
	}
	o = json_pack("{s:s, s:o, s:o}", "name", h->name, "quarantine", zkhsmd_quarantine_json(h),
		      "still", still);
	zkhsmd_json_hash(o, "hsm_id", h->id);
	server_reply_json(job->rq, 200, o);
	return 0;
}

static int write_act(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const struct act *act = job->data;
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, act->hsm_id, &h);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret || !h.enrolled) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is enrolled");
		return 0;
	}
	if (h.quarantine != act->release) {
		zkhsmd_problem(job->rq, P_ALREADY, "this HSM is %sin quarantine",
			       h.quarantine ? "" : "not ");
		return 0;
	}
	if (act->release) {
		ret = zkhsmd_two_person(job, store, "release-quarantine");
		if (ret)
			return ret < 0 ? ret : 0;
	}
	return change(job, store, &h);
}

void zkhsmd_api_quarantine(struct server_request *rq)
{
	const char *action, *note;
	struct zkhsmd_job *job;
	struct act act = { .release = false };
	json_error_t error;
	bool ok = false;
	json_t *body = server_json(rq);

	if (body && json_unpack_ex(body, &error, 0, "{s:s, s:s !}", "action", &action, "note", &note))
		server_json_problem(rq, &error);
	else if (body)
		ok = zkhsmd_hash_of(rq, "hsm_id", rq->args[0], act.hsm_id) &&
		     zkhsmd_read_note(rq, note, act.note);
	if (ok) {
		act.release = strcmp(action, "release") == 0;
		ok = act.release || strcmp(action, "quarantine") == 0;
		if (!ok)
			zkhsmd_problem(rq, P_REQUEST, "action has to be quarantine or release");
	}
	json_decref(body);
	if (ok && act.release && !zkhsmd_role_check(rq, ZKHSMD_ADMINISTRATOR))
		ok = false;
	if (!ok) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(act));
	if (!job)
		return;
	memcpy(job->data, &act, sizeof(act));
	job->write = write_act;
	zkhsmd_job_submit(job);
}
