// SPDX-License-Identifier: GPL-2.0
/*
 * api_fleet.c - GET /v1/admin/summary and /v1/admin/hsms/{hsm_id}/keys
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "policy.h"

/* Keys of one answer; whoever wants more goes on after the last one. */
#define PAGE_MAX	1000
#define PAGE_DEFAULT	100

static json_t *state_json(const struct zkhsmd_fleet *f, enum zkhsmd_state state)
{
	return json_pack("{s:I, s:I}", "hsms", (json_int_t)f->hsms[state], "keys",
			 (json_int_t)f->keys[state]);
}

static enum zkhsmd_next work_summary(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct zkhsmd_fleet f;
	json_t *o, *states;
	int ret = zkhsmd_fleet_count(job->m, store, &f);

	if (ret) {
		zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	states = json_object();
	for (int s = 0; s < ZKHSMD_STATES; s++) {
		if (zkhsmd_state_name(s))
			json_object_set_new(states, zkhsmd_state_name(s), state_json(&f, s));
	}
	o = json_pack("{s:o, s:{s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:I}", "states", states,
		      "due", "hsms", (json_int_t)f.due, "keys", (json_int_t)f.due_keys,
		      "held", (json_int_t)f.held, "revoked", (json_int_t)f.revoked,
		      "revocation_list", (json_int_t)f.list_number, "max_age_ms",
		      (json_int_t)job->m->config.max_age_ms, "interval_ms",
		      (json_int_t)job->m->config.interval_ms, "now_ms",
		      (json_int_t)zkhsmd_now().wall);
	zkhsmd_json_hash(o, "manager_id", job->m->identity.manager_id);
	server_reply_json(job->rq, 200, o);
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_summary(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, 0);

	if (!job)
		return;
	job->work = work_summary;
	job->heavy = true;	/* each row of a large fleet */
	zkhsmd_job_submit(job);
}

struct page {
	uint8_t hsm_id[32];
	char after[ZKHSM_ID_MAX_LEN + 1];
	size_t limit;
};

static int compare(const struct zkhsm_list_entry *e, const char *id)
{
	const size_t len = strlen(id), both = e->id_len < len ? e->id_len : len;
	int order = memcmp(e->id, id, both);

	return order ? order : (e->id_len > len) - (e->id_len < len);
}

/* The list is sorted by id, as bytes. */
static size_t first_after(const struct zkhsm_keylist *list, const char *after)
{
	size_t low = 0, high = zkhsm_keylist_count(list);
	struct zkhsm_list_entry e;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		zkhsm_keylist_entry(list, middle, &e);
		if (compare(&e, after) > 0)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static json_t *key_row(const struct zkhsmd_key *k)
{
	json_t *o = json_pack("{s:s%, s:s, s:s, s:s, s:o*, s:o*, s:I}", "key_id", k->entry.id,
			      (size_t)k->entry.id_len, "status", k->status, "key_state", zkhsm_state_name(k->entry.state),
			      "origin", zkhsm_origin_name(k->entry.origin), "usage",
			      zkhsm_usage_json(k->entry.usage), "flags",
			      zkhsm_flags_json(k->entry.flags), "created_ms",
			      (json_int_t)k->entry.created_ms);

	zkhsmd_json_hash(o, "element", k->element);
	json_object_set_new(o, "age_ms", k->age_ms >= 0 ? json_integer(k->age_ms) : json_null());
	if (k->revoked)
		json_object_set_new(o, "reason",
				    json_string(zkhsm_revocation_reason_name(k->revocation.reason)));
	return o;
}

static int fill_page(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		     const struct zkhsm_keylist *list, json_t *o)
{
	const struct page *p = job->data;
	size_t i = first_after(list, p->after), count = zkhsm_keylist_count(list);
	json_t *keys = json_array();
	struct zkhsmd_policy *policy = zkhsmd_policy_get(job->m);
	struct zkhsmd_status status;
	int ret = zkhsmd_hsm_status_by(job->m, policy, store, h, &status);

	for (size_t n = 0; !ret && n < p->limit && i < count; n++, i++) {
		struct zkhsmd_key k = { 0 };

		zkhsm_keylist_entry(list, i, &k.entry);
		ret = zkhsmd_key_status(policy, store, h, &status, &k);
		if (!ret)
			json_array_append_new(keys, key_row(&k));
	}
	zkhsmd_policy_put(policy);
	zkhsmd_json_hash(o, "hsm_id", h->id);
	json_object_set_new(o, "name", json_string(h->name));
	json_object_set_new(o, "state", json_string(zkhsmd_state_name(status.state)));
	json_object_set_new(o, "keys", keys);
	json_object_set_new(o, "more", json_boolean(i < count));
	return ret;
}

static enum zkhsmd_next work_keys(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct zkhsm_keylist *list = NULL;
	struct page *p = job->data;
	json_t *o = json_object();
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, p->hsm_id, &h);

	if (!ret && !h.enrolled)
		ret = -ENOENT;
	if (!ret)
		ret = zkhsmd_hsm_list(job->m, store, &h, &list);
	if (!ret)
		ret = fill_page(job, store, &h, list, o);
	if (!ret) {
		server_reply_json(job->rq, 200, o);
	} else {
		json_decref(o);
		if (ret == -ENOENT)
			zkhsmd_problem(job->rq, P_UNKNOWN,
				       "no such HSM is enrolled, or it never attested");
		else
			zkhsmd_problem_store(job->rq, ret);
	}
	zkhsm_keylist_free(list);
	return ZKHSMD_ANSWER;
}

/* A decimal number from 1 to @max; false when answered. */
static bool read_limit(struct server_request *rq, size_t max, size_t *out)
{
	const char *text = server_query(rq, "limit");
	char *end;

	if (!text)
		return true;
	errno = 0;
	*out = strtoul(text, &end, 10);
	if (*text >= '1' && *text <= '9' && !*end && !errno && *out <= max)
		return true;
	zkhsmd_problem(rq, P_REQUEST, "limit has to be a number from 1 to %zu", max);
	return false;
}

void zkhsmd_api_keys(struct server_request *rq)
{
	const char *after = server_query(rq, "after");
	struct page p = { .limit = PAGE_DEFAULT };
	struct zkhsmd_job *job;
	bool ok;

	ok = zkhsmd_hash_of(rq, "hsm_id", rq->args[0], p.hsm_id) &&
	     read_limit(rq, PAGE_MAX, &p.limit);
	if (ok && after && !zkhsm_id_valid((const uint8_t *)after, strlen(after))) {
		zkhsmd_problem(rq, P_REQUEST, "after cannot be a key's id");
		ok = false;
	}
	if (!ok) {
		server_send(rq);
		return;
	}
	if (after)
		snprintf(p.after, sizeof(p.after), "%s", after);
	job = zkhsmd_job_new(rq, sizeof(p));
	if (!job)
		return;
	memcpy(job->data, &p, sizeof(p));
	job->work = work_keys;
	zkhsmd_job_submit(job);
}
