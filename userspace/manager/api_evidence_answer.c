// SPDX-License-Identifier: GPL-2.0
/*
 * api_evidence_answer.c - what accepted evidence is answered with, the first time
 * and when the same bytes come again
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_evidence.h"

/* The row's answer, which never changes, and what the policy of today makes of it. */
static int reply(struct zkhsmd_job *job, const struct zkhsmd_hsm *h,
		 const struct zkhsmd_lease *lease)
{
	const struct evidence *ev = job->data;
	json_t *o = json_loads(h->answer, 0, NULL);
	char *text;
	int ret = 0;

	if (!o)
		return -EUCLEAN;
	if (json_object_set_new(o, "rule", json_string(ev->judgement.rule)))
		ret = -ENOMEM;
	if (!ret && lease)
		ret = zkhsmd_lease_answer(lease, o);
	else if (h->quarantine)
		json_object_set_new(o, "quarantine", zkhsmd_quarantine_json(h));
	text = ret ? NULL : json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return -ENOMEM;
	server_reply_bytes(job->rq, 200, "application/json", text, strlen(text));
	return 0;
}

/* A third of a lease: then one that is lost can be made up for. */
static uint64_t next_after(const struct zkhsmd_config *c, uint64_t ttl_ms)
{
	return ttl_ms && ttl_ms / 3 < c->interval_ms ? ttl_ms / 3 : c->interval_ms;
}

static int make_answer(struct zkhsmd_job *job, struct zkhsmd_hsm *h, uint64_t ttl_ms)
{
	const struct zkhsmd_config *c = &job->m->config;
	char *id = zkhsm_hex(h->id, sizeof(h->id)), *text;
	json_t *o;
	int len;

	o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "result", "accepted", "hsm_id",
		      id ? id : "", "number", (json_int_t)h->number, "keys", (json_int_t)h->keys,
		      "proved", (json_int_t)h->proved, "attested_at_ms",
		      (json_int_t)h->attested_ms, "expires_at_ms",
		      (json_int_t)h->attested_ms + (json_int_t)c->max_age_ms, "next_ms",
		      (json_int_t)next_after(c, ttl_ms));
	text = o ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	free(id);
	if (!text)
		return -ENOMEM;
	len = snprintf(h->answer, sizeof(h->answer), "%s", text);
	free(text);
	return len < (int)sizeof(h->answer) ? 0 : -ENOMEM;
}

/* -ENODATA: this one gets none. @list is that of the evidence, by whichever way it came. */
static int give_lease(struct zkhsmd_job *job, struct zkhsmd_store *store,
		      const struct zkhsmd_hsm *h, const struct zkhsm_keylist *list)
{
	struct evidence *ev = job->data;
	uint8_t statement[32];
	int ret;

	if (!job->m->config.leases)
		return -ENODATA;
	zkhsm_sha256(job->rq->body, ev->statement_len, statement);
	ret = zkhsmd_lease_give(job->m, ev->policy, store, h, statement, list, &ev->lease);
	ev->lease_made = !ret;
	return ret;
}

int zkhsmd_evidence_answer(struct zkhsmd_job *job, struct zkhsmd_store *store,
			   struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;
	int ret = give_lease(job, store, h, ev->list);
	bool leased = !ret;

	if (ret && ret != -ENODATA)
		return ret;
	ret = make_answer(job, h, leased ? zkhsmd_lease_ttl(&ev->lease) : 0);
	return ret ? ret : reply(job, h, leased ? &ev->lease : NULL);
}

/* What was accepted may be worth nothing by now: then the refusal, and no lease. */
static int still_good(struct zkhsmd_job *job, struct zkhsmd_store *store,
		      const struct zkhsmd_hsm *h, bool *good)
{
	struct evidence *ev = job->data;
	struct zkhsmd_revocation r;
	int ret = store->ops->revocation_hsm(store, h->id, &r), judged;

	*good = false;
	if (ret && ret != -ENOENT)
		return ret;
	judged = zkhsmd_judge_hsm(ev->policy, store, h, &ev->judgement);
	if (judged)
		return judged;
	if (!ret)
		zkhsmd_evidence_refuse(job, P_HSM_REVOKED, "hsm-revoked", "this HSM is revoked");
	else if (memcmp(h->config_seen, h->config_digest, sizeof(h->config_seen)) != 0)
		zkhsmd_evidence_refuse(job, P_CONFIGURATION, "configuration",
				       "the configuration attested last is not the approved one");
	else if (ev->judgement.refused)
		zkhsmd_evidence_refuse_policy(job);
	else
		*good = true;
	return 0;
}

/* -ENOENT: it needs a lease that has to be made. */
static int same_as_before(struct zkhsmd_job *job, struct zkhsmd_store *store,
			  const struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;
	bool good;
	int ret;

	ev->verdict = "same";
	ret = still_good(job, store, h, &good);
	if (ret || !good)
		return ret;
	if (!job->m->config.leases)
		return reply(job, h, NULL);
	ret = zkhsmd_lease_current(ev->policy, store, h, &ev->lease);
	return ret ? ret : reply(job, h, &ev->lease);
}

/* To read a long list takes longer than others should wait for the writer. */
enum zkhsmd_next zkhsmd_evidence_same(struct zkhsmd_job *job, struct zkhsmd_store *store,
				      const struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;
	int ret = same_as_before(job, store, h);

	if (ret == -ENOENT) {
		ret = zkhsmd_list_find(job->m, store, h->list_digest, &ev->list);
		if (!ret)
			return ZKHSMD_WRITE;
	}
	/* The list went with the row that named it, after that was read. */
	if (ret == -ENOENT)
		zkhsmd_evidence_refuse(job, P_NONCE, "nonce", "newer evidence was accepted");
	else if (ret)
		zkhsmd_problem_store(job->rq, ret);
	return ZKHSMD_ANSWER;
}

int zkhsmd_evidence_same_write(struct zkhsmd_job *job, struct zkhsmd_store *store,
			       struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;
	int ret = same_as_before(job, store, h);

	if (ret != -ENOENT)
		return ret;
	ret = zkhsmd_holdings_again(job->m, store, h);
	if (!ret && h->quarantine)
		ret = store->ops->hsm_put(store, h);
	if (ret)
		return ret;
	ret = give_lease(job, store, h, ev->list);
	if (ret && ret != -ENODATA)
		return ret;
	return reply(job, h, ret ? NULL : &ev->lease);
}
