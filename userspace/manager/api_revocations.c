// SPDX-License-Identifier: GPL-2.0
/*
 * api_revocations.c - GET /v1/revocations, the signed list, which may be waited for; and
 * GET /v1/admin/revocations, with who and when, what has ended too
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poll.h"
#include "revocation.h"
#include "signed.h"

/* --- for everybody ---------------------------------------------------------- */

struct wanted {
	struct zkhsmd_poll poll;
	bool newer;			/* only one with a number above @after */
	uint64_t after;
};

static enum zkhsmd_next work_list(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const struct wanted *w = job->data;
	struct zkhsm_error err = { .code = 0 };
	struct zkhsmd_copy copy;
	uint64_t number;
	int ret = 0;

	if (w->newer && !zkhsmd_rlist_number(job->m, store, &number) && number <= w->after) {
		server_reply_json(job->rq, 204, NULL);
		return ZKHSMD_ANSWER;
	}
	ret = zkhsmd_rlist_get(job->m, store, &copy, &err);
	if (ret) {
		zkhsmd_problem_store(job->rq, ret);
	} else if (w->newer && copy.number <= w->after) {
		/* The store cannot be read, and that is all there is. */
		zkhsmd_signed_put(copy.jws);
		server_reply_json(job->rq, 204, NULL);
	} else {
		zkhsmd_page_answer(job->rq, &copy, "application/jose", copy.left_s);
	}
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_revocations_get(struct server_request *rq)
{
	uint64_t after, wait_s;
	struct zkhsmd_job *job;
	struct wanted *w;

	if (!zkhsmd_poll_number(rq, "after", INT64_MAX, &after) ||
	    !zkhsmd_poll_number(rq, "wait", ZKHSMD_WAIT_MAX_S, &wait_s)) {
		server_send(rq);
		return;
	}
	if (wait_s && !server_query(rq, "after")) {
		zkhsmd_problem(rq, P_REQUEST, "wait needs after: the number that is had already");
		server_send(rq);
		return;
	}
	job = zkhsmd_poll_new(rq, sizeof(*w), ZKHSMD_POLL_REVOCATIONS, wait_s, work_list);
	if (!job)
		return;
	w = job->data;
	w->newer = server_query(rq, "after") != NULL;
	w->after = after;
	zkhsmd_poll_start(job);
}

/* --- for administrators ---------------------------------------------------- */

#define ROWS_MAX	1000
#define ROWS		100

struct listing {
	int64_t after;
	uint64_t limit;
	bool in_force;			/* only these */
	json_t *rows;
	bool more;
};

static int add_row(const struct zkhsmd_revocation *r, void *arg)
{
	struct listing *l = arg;
	json_t *o, *ended = NULL;

	if (l->in_force && r->ended)
		return 0;
	if (json_array_size(l->rows) == l->limit) {
		l->more = true;
		return 1;
	}
	o = zkhsmd_revocation_json(r);
	json_object_set_new(o, "row", json_integer(r->row));
	json_object_set_new(o, "who", r->who[0] ? json_string(r->who) : json_null());
	if (r->ended) {
		const char *reason = zkhsm_revocation_reason_name(r->ended_reason);

		/* What ended before this was kept has neither. */
		ended = json_pack("{s:I, s:o, s:o, s:o}", "number", (json_int_t)r->ended, "at_ms",
				  r->ended_ms ? json_integer(r->ended_ms) : json_null(), "who",
				  r->ended_who[0] ? json_string(r->ended_who) : json_null(),
				  "reason", r->ended_ms && reason ? json_string(reason) :
				  json_null());
	}
	json_object_set_new(o, "ended", ended ? ended : json_null());
	return json_array_append_new(l->rows, o) ? -ENOMEM : 0;
}

static enum zkhsmd_next work_rows(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct listing *l = job->data;
	uint64_t number;
	int ret;

	l->rows = json_array();
	l->more = false;
	ret = zkhsmd_rlist_number(job->m, store, &number);
	if (!ret)
		ret = store->ops->revocation_page(store, l->after, add_row, l);
	if (ret < 0) {
		json_decref(l->rows);
		zkhsmd_problem_store(job->rq, ret);
	} else {
		server_reply_json(job->rq, 200,
				  json_pack("{s:I, s:o, s:b}", "number", (json_int_t)number,
					    "revocations", l->rows, "more", l->more));
	}
	return ZKHSMD_ANSWER;
}

static bool read_state(struct server_request *rq, bool *in_force)
{
	const char *state = server_query(rq, "state");

	*in_force = state && strcmp(state, "in-force") == 0;
	if (!state || *in_force || strcmp(state, "all") == 0)
		return true;
	zkhsmd_problem(rq, P_REQUEST, "state has to be in-force or all");
	return false;
}

void zkhsmd_api_revocations_admin(struct server_request *rq)
{
	struct listing l = { .rows = NULL };
	struct zkhsmd_job *job;
	uint64_t after;

	if (!zkhsmd_poll_number(rq, "after", INT64_MAX, &after) ||
	    !zkhsmd_poll_number(rq, "limit", ROWS_MAX, &l.limit) || !read_state(rq, &l.in_force)) {
		server_send(rq);
		return;
	}
	l.after = (int64_t)after;
	if (!l.limit)
		l.limit = ROWS;
	job = zkhsmd_job_new(rq, sizeof(l));
	if (!job)
		return;
	memcpy(job->data, &l, sizeof(l));
	job->work = work_rows;
	zkhsmd_job_submit(job);
}
