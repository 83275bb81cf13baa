// SPDX-License-Identifier: GPL-2.0
/*
 * api_alert.c - /v1/admin/alerts: what is to be looked at, and by whom it was
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "api_fraud.h"
#include "audit_log.h"
#include "role.h"
#include "two_person.h"

#define PAGE_MAX	1000
#define PAGE_DEFAULT	100

struct page {
	int state;			/* 0: any */
	int64_t after;
	uint64_t limit;
};

/* Digits, and no more than an int64_t takes. */
static bool read_number(struct server_request *rq, const char *what, const char *text,
			int64_t max, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end && !errno && *out <= max)
		return true;
	zkhsmd_problem(rq, P_REQUEST, "%s has to be a number up to %lld", what, (long long)max);
	return false;
}

static bool read_state(struct server_request *rq, const char *text, int *state)
{
	for (int s = ZKHSMD_ALERT_OPEN; s <= ZKHSMD_ALERT_CLOSED; s++) {
		if (strcmp(text, zkhsmd_alert_state_name((enum zkhsmd_alert_state)s)) == 0) {
			*state = s;
			return true;
		}
	}
	zkhsmd_problem(rq, P_REQUEST, "state has to be open, acknowledged or closed");
	return false;
}

struct listing {
	json_t *alerts;
	uint64_t limit;
	int64_t last;
	bool more;
};

static int add_alert(const struct zkhsmd_alert_row *r, void *arg)
{
	struct listing *l = arg;

	if (json_array_size(l->alerts) == l->limit) {
		l->more = true;
		return 0;
	}
	l->last = r->row;
	return json_array_append_new(l->alerts, zkhsmd_alert_json(r)) ? -ENOMEM : 0;
}

static enum zkhsmd_next work_list(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const struct page *p = job->data;
	struct listing l = { .alerts = json_array(), .limit = p->limit, .last = p->after };
	int ret = store->ops->alert_each(store, p->state, p->after, p->limit + 1, add_alert, &l);

	if (ret) {
		json_decref(l.alerts);
		zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	server_reply_json(job->rq, 200, json_pack("{s:o, s:b, s:I}", "alerts", l.alerts, "more",
						  l.more, "last", (json_int_t)l.last));
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_alerts(struct server_request *rq)
{
	const char *state = server_query(rq, "state"), *after = server_query(rq, "after"),
		   *limit = server_query(rq, "limit");
	struct page p = { .limit = PAGE_DEFAULT };
	struct zkhsmd_job *job;
	int64_t number = PAGE_DEFAULT;

	if ((state && !read_state(rq, state, &p.state)) ||
	    (after && !read_number(rq, "after", after, INT64_MAX, &p.after)) ||
	    (limit && !read_number(rq, "limit", limit, PAGE_MAX, &number))) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(p));
	if (!job)
		return;
	p.limit = number ? (uint64_t)number : 1;
	memcpy(job->data, &p, sizeof(p));
	job->work = work_list;
	zkhsmd_job_submit(job);
}

/* --- one ------------------------------------------------------------------ */

/**
 * struct act - what an administrator does about one alert
 * @release:	it is over; else it was seen
 */
struct act {
	int64_t row;
	bool release;
	char note[ZKHSMD_NOTE_MAX + 1];
};

static enum zkhsmd_next work_one(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	static const uint8_t none[32];
	const struct act *act = job->data;
	json_t *o = NULL, *holders = NULL;
	struct zkhsmd_alert_row r;
	int ret = store->ops->alert_get(store, act->row, &r);

	if (!ret)
		o = zkhsmd_alert_json(&r);
	if (!ret && memcmp(r.a.element, none, sizeof(none)) != 0)
		ret = zkhsmd_holders_json(store, r.a.element, &holders);
	if (ret) {
		json_decref(o);
		if (ret == -ENOENT)
			zkhsmd_problem(job->rq, P_UNKNOWN, "there is no such alert");
		else
			zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	if (holders)
		json_object_set_new(o, "holders", holders);
	server_reply_json(job->rq, 200, o);
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_alert_get(struct server_request *rq)
{
	struct act act = { .row = 0 };
	struct zkhsmd_job *job;

	if (!read_number(rq, "alert", rq->args[0], INT64_MAX, &act.row)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(act));
	if (!job)
		return;
	memcpy(job->data, &act, sizeof(act));
	job->work = work_one;
	zkhsmd_job_submit(job);
}

/* --- acknowledged, released ------------------------------------------------ */

bool zkhsmd_read_note(struct server_request *rq, const char *text, char out[ZKHSMD_NOTE_MAX + 1])
{
	bool ok = *text && strlen(text) <= ZKHSMD_NOTE_MAX;

	for (const unsigned char *p = (const unsigned char *)text; ok && *p; p++)
		ok = *p >= 0x20 && *p != 0x7f;
	if (ok)
		strcpy(out, text);	/* just measured */
	else
		zkhsmd_problem(rq, P_REQUEST, "note has to have 1 to %d bytes, no control characters",
			       ZKHSMD_NOTE_MAX);
	return ok;
}

/* Whether @r is why this HSM is in quarantine. */
static int find_stopped(struct zkhsmd_store *store, const struct zkhsmd_alert_row *r,
			struct zkhsmd_hsm *h, bool *stopped)
{
	int ret = store->ops->hsm_get(store, r->a.hsm_id, h);

	*stopped = !ret && h->quarantine && strcmp(h->quarantine_code, r->a.code) == 0;
	return ret == -ENOENT ? 0 : ret;
}

/*
 * Whoever releases the alert that stopped an HSM ends its quarantine: that is two acts in
 * one, and takes as many people as either of them. 1: answered.
 */
static int second_person(struct zkhsmd_job *job, struct zkhsmd_store *store,
			 const struct zkhsmd_alert_row *r)
{
	struct zkhsmd_hsm h;
	bool stopped;
	int ret = zkhsmd_two_person(job, store, "release-alert");

	if (ret)
		return ret;
	ret = find_stopped(store, r, &h, &stopped);
	return ret || !stopped ? ret : zkhsmd_two_person(job, store, "release-quarantine");
}

/* All of the same code and HSM are released with it. */
static int release(struct zkhsmd_job *job, struct zkhsmd_store *store,
		   const struct zkhsmd_alert_row *r, json_t *answer)
{
	const struct act *act = job->data;
	json_t *still = json_array();
	struct zkhsmd_hsm h;
	bool stopped;
	int ret = find_stopped(store, r, &h, &stopped);

	if (!ret && stopped) {
		ret = zkhsmd_quarantine_end(job->m, store, job->rq, &h, act->note, still);
		if (!ret)
			ret = store->ops->hsm_put(store, &h);
	}
	json_object_set_new(answer, "quarantine_ended", json_boolean(stopped));
	json_object_set_new(answer, "still", still);
	return ret;
}

static int change(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_alert_row *r)
{
	const struct act *act = job->data;
	json_t *answer, *more = json_object();
	int ret = act->release ? release(job, store, r, more) : 0;

	r->state = act->release ? ZKHSMD_ALERT_CLOSED : ZKHSMD_ALERT_ACKNOWLEDGED;
	snprintf(r->who, sizeof(r->who), "%s", job->rq->peer_cn);
	zkhsmd_cut_text(r->who);
	snprintf(r->note, sizeof(r->note), "%s", act->note);
	r->done_ms = zkhsmd_now().wall;
	if (!ret)
		ret = store->ops->alert_put(store, r);
	if (!ret)
		ret = zkhsmd_audit_add(store, job->rq,
				       act->release ? "release-alert" : "acknowledge-alert",
				       r->a.hsm_id,
				       json_pack("{s:I, s:s, s:s}", "alert", (json_int_t)r->row,
						 "code", r->a.code, "note", act->note));
	answer = ret ? NULL : zkhsmd_alert_json(r);
	if (answer) {
		json_object_update(answer, more);
		server_reply_json(job->rq, 200, answer);
	}
	json_decref(more);
	return ret;
}

static int write_act(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const struct act *act = job->data;
	struct zkhsmd_alert_row r;
	int ret = store->ops->alert_get(store, act->row, &r);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "there is no such alert");
		return 0;
	}
	if (r.state == ZKHSMD_ALERT_CLOSED ||
	    (r.state == ZKHSMD_ALERT_ACKNOWLEDGED && !act->release)) {
		zkhsmd_problem(job->rq, P_ALREADY, "this alert is %s already",
			       zkhsmd_alert_state_name(r.state));
		return 0;
	}
	if (act->release) {
		ret = second_person(job, store, &r);
		if (ret)
			return ret < 0 ? ret : 0;
	}
	return change(job, store, &r);
}

void zkhsmd_api_alert_post(struct server_request *rq)
{
	struct act act = { .row = 0 };
	const char *action, *note;
	struct zkhsmd_job *job;
	json_error_t error;
	bool ok = false;
	json_t *body;

	if (!read_number(rq, "alert", rq->args[0], INT64_MAX, &act.row)) {
		server_send(rq);
		return;
	}
	body = server_json(rq);
	if (body && json_unpack_ex(body, &error, 0, "{s:s, s:s !}", "action", &action, "note", &note))
		server_json_problem(rq, &error);
	else if (body)
		ok = zkhsmd_read_note(rq, note, act.note);
	if (ok) {
		act.release = strcmp(action, "release") == 0;
		ok = act.release || strcmp(action, "acknowledge") == 0;
		if (!ok)
			zkhsmd_problem(rq, P_REQUEST, "action has to be acknowledge or release");
	}
	json_decref(body);
	/* Whoever may see to an alert need not be who may let go on what it stopped. */
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
