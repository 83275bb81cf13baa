// SPDX-License-Identifier: GPL-2.0
/*
 * api_evidence.c - POST /v1/evidence
 *
 * The steps of the verifier in Documentation/protocol.rst: form, challenge and
 * nonce on the loop; list, configuration and proof on a worker; what it means,
 * and the record of it, on the writer. Only a proof that held over a live nonce
 * gets that far; all else is charged to where it came from.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api_evidence.h"
#include "metrics.h"
#include "watch.h"
#include "rate.h"

/* From here on a verification takes long enough to stand in others' way. */
#define HEAVY_KEYS	512
/*
 * A false proof over a long list, which anybody can post, takes as long as a true
 * one. So few may be under way but from where the HSM's evidence comes from.
 */
#define HEAVY_GUESTS	2

/* By what it cost: false evidence over 100,000 keys is worth a minute's charges. */
static void charge(struct zkhsmd_job *job)
{
	const struct evidence *ev = job->data;
	size_t keys = ev->list ? zkhsm_keylist_count(ev->list) : 0;

	for (size_t i = 0; i <= keys / HEAVY_KEYS; i++)
		zkhsmd_source_charge(job->m->sources, job->rq->origin, zkhsmd_now().boot);
	zkhsmd_burst_note(job->m, job->rq->origin);
}

static void answered(struct zkhsmd_job *job)
{
	struct evidence *ev = job->data;
	bool named = ev->own;

	if (ev->guest)
		job->m->heavy_guests--;
	zkhsmd_log_evidence(job->rq, named ? ev->s.hsm_id : NULL,
			    named ? (int64_t)ev->s.number : -1,
			    named ? (int64_t)ev->s.list_count : -1,
			    job->rq->reply.status == 503 ? "not-recorded" : ev->verdict,
			    ev->judgement.rule[0] ? ev->judgement.rule : NULL);
	if (ev->lease_made && job->rq->reply.status == 200)
		zkhsmd_lease_log(job->rq, ev->s.hsm_id, ev->s.number, &ev->lease);
	server_send(job->rq);
}

/* --- on the writer ------------------------------------------------------- */

static void undone(struct zkhsmd_job *job)
{
	struct evidence *ev = job->data;

	if (ev->taken)
		zkhsmd_nonce_return(job->m->nonces, ev->own->nonce);
	ev->taken = false;
}

static void committed(struct zkhsmd_job *job)
{
	struct evidence *ev = job->data;
	int64_t wall = zkhsmd_now().wall;

	if (ev->taken) {
		zkhsmd_nonce_drop(job->m->nonces, ev->own->nonce);
		zkhsmd_watch_verified(job->m);
	}
	/* Only the loop writes it. */
	if (ev->accepted && wall > job->m->newest_wall)
		job->m->newest_wall = wall;
}

/* Of what would be accepted. Its C came with it, or is the one seen last. */
static int judge(struct zkhsmd_job *job, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		 enum zkhsmd_verdict *verdict)
{
	struct evidence *ev = job->data;
	struct zkhsmd_shown shown = { .platform = ev->s.platform,
				      .module_version = ev->s.module_version };
	uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	struct zkhsm_configuration c;
	size_t len = ev->config_len;
	int ret = 0;

	if (zkhsmd_policy_has_hsm(ev->policy, h)) {
		memcpy(bytes, ev->config, len);
		if (!len)
			ret = store->ops->config_get(store, ev->s.config_digest, bytes, &len);
		if (!ret && zkhsm_configuration_decode(&c, bytes, len))
			ret = -EUCLEAN;
		shown.configuration = &c;
	}
	if (ret)
		return ret == -ENOENT ? -EUCLEAN : ret;
	zkhsmd_judge_shown(ev->policy, h, &shown, &ev->judgement);
	if (ev->judgement.refused)
		*verdict = ZKHSMD_AGAINST_POLICY;
	return 0;
}

/* The bytes that were accepted last, by the enrolment of today. */
static bool is_same(const struct evidence *ev, const struct zkhsmd_hsm *h)
{
	return h->enrolled && !zkhsmd_shown_before(h) &&
	       memcmp(h->evidence_digest, ev->digest, sizeof(ev->digest)) == 0;
}

static int write_it(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct evidence *ev = job->data;
	struct zkhsmd_revocation r;
	enum zkhsmd_verdict verdict;
	struct zkhsmd_finding finding;
	struct zkhsmd_moment when;
	struct zkhsmd_hsm h;
	bool known, revoked;
	int ret;

	/* It may have been replaced while this waited: no lease by one that is not in force. */
	zkhsmd_policy_put(ev->policy);
	ev->policy = zkhsmd_policy_get(job->m);
	ret = store->ops->hsm_get(store, ev->s.hsm_id, &h);
	if (ret && ret != -ENOENT)
		return ret;
	known = !ret;
	/* The same bytes came twice at once, and the others were first. */
	if (known && is_same(ev, &h))
		return zkhsmd_evidence_same_write(job, store, &h);
	/* It was the newest when a worker looked, which is why its proof was not. */
	if (!ev->live) {
		zkhsmd_evidence_refuse(job, P_NONCE, "nonce", "newer evidence was accepted");
		return 0;
	}
	ret = store->ops->revocation_hsm(store, ev->s.hsm_id, &r);
	if (ret && ret != -ENOENT)
		return ret;
	revoked = !ret;
	ev->taken = zkhsmd_nonce_take(job->m->nonces, ev->s.hsm_id, ev->own->nonce, zkhsmd_now());
	if (!ev->taken) {
		zkhsmd_evidence_refuse(job, P_NONCE, "nonce", "the nonce has expired or was used");
		return 0;
	}
	when = (struct zkhsmd_moment){ .issued = ev->issued, .now = zkhsmd_now(),
				       .boot_id = job->m->boot_id,
				       .last_number = ev->own->last_number };
	verdict = zkhsmd_appraise(known ? &h : NULL, revoked, &ev->s, &when, &finding);
	if (verdict == ZKHSMD_ACCEPT) {
		ret = judge(job, store, &h, &verdict);
		if (ret)
			return ret;
	}
	return zkhsmd_evidence_record(job, store, verdict, &h, &finding);
}

/* --- on a worker --------------------------------------------------------- */

static enum zkhsmd_next not_live(struct zkhsmd_job *job, struct zkhsmd_store *store,
				 const struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;

	if (h && is_same(ev, h))
		return zkhsmd_evidence_same(job, store, h);
	zkhsmd_evidence_refuse(job, P_NONCE, "nonce",
			       "the nonce is unknown, expired, used, or was given to another HSM");
	return ZKHSMD_ANSWER;
}

static int find_config(struct zkhsmd_job *job, struct zkhsmd_store *store,
		       const struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;

	/* The row refers to it, so the store has it. */
	if (h && memcmp(h->config_seen, ev->s.config_digest, 32) == 0 && h->enrolled)
		return 0;
	ev->config_len = zkhsmd_conf_get(job->m->confs, ev->s.config_digest, ev->config);
	if (ev->config_len)
		return 0;
	return store->ops->config_get(store, ev->s.config_digest, ev->config, &ev->config_len);
}

static void need(struct zkhsmd_job *job, const struct zkhsmd_hsm *h, bool list, bool config)
{
	struct evidence *ev = job->data;
	json_t *extra = json_object(), *what = json_array();

	if (list)
		json_array_append_new(what, json_string("list"));
	if (config)
		json_array_append_new(what, json_string("configuration"));
	json_object_set_new(extra, "need", what);
	if (h && h->enrolled && h->attested)
		zkhsmd_json_hash(extra, "known_list", h->list_digest);
	else
		json_object_set_new(extra, "known_list", json_null());
	ev->verdict = "need";
	zkhsmd_problem_extra(job->rq, P_NEED, extra,
			     "send what is needed, then the same evidence again");
}

/* Everything that the proof is about is here, or it has been asked for. */
static bool gather(struct zkhsmd_job *job, struct zkhsmd_store *store, const struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;
	int list, config;

	list = zkhsmd_list_find(job->m, store, ev->s.list_digest, &ev->list);
	config = find_config(job, store, h);
	if ((list && list != -ENOENT) || (config && config != -ENOENT)) {
		zkhsmd_problem_store(job->rq, list && list != -ENOENT ? list : config);
		return false;
	}
	if (list || config) {
		need(job, h, list, config);
		return false;
	}
	return true;
}

/* Here rather than on the writer; who does it again where this is not so any more. */
static void compare(struct zkhsmd_job *job, struct zkhsmd_store *store, const struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;

	if (h && h->enrolled)
		zkhsmd_changes_find(job->m, store, h, ev->list, &ev->changes);
}

static enum zkhsmd_next work(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct evidence *ev = job->data;
	struct zkhsm_error err;
	struct zkhsmd_hsm row, *h = &row;
	uint64_t began;
	int ret = store->ops->hsm_get(store, ev->s.hsm_id, &row);

	if (ret && ret != -ENOENT) {
		zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	if (ret)
		h = NULL;
	if (!ev->live)
		return not_live(job, store, h);
	if (!gather(job, store, h))
		return ZKHSMD_ANSWER;
	began = zkhsmd_metric_now();
	ret = zkhsm_verify_evidence(job->rq->body, job->rq->body_len, ev->list,
				    ev->config_len ? ev->config : NULL, ev->config_len, &ev->s,
				    &err);
	zkhsmd_metric_time(job->m, T_VERIFY, began);
	if (!ret) {
		ev->proved = (uint32_t)zkhsm_keylist_proved(ev->list);
		zkhsmd_metric_add(job->m, M_VERIFIED_KEYS, ev->proved);
		compare(job, store, h);
		return ZKHSMD_WRITE;
	}
	if (ret == -ENOMEM) {
		zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	charge(job);
	if (ret == -EBADMSG)
		zkhsmd_evidence_refuse(job, P_MALFORMED, "malformed", err.text);
	else
		zkhsmd_evidence_refuse(job, P_FALSE, "false", err.text);
	return ZKHSMD_ANSWER;
}

/* --- on the loop --------------------------------------------------------- */

static const struct zkhsm_challenge *find_own(const struct zkhsmd *m,
					      const struct zkhsm_statement *s)
{
	for (uint32_t i = 0; i < s->challenge_count; i++) {
		if (memcmp(s->challenges[i].manager_id, m->identity.manager_id, 32) == 0)
			return &s->challenges[i];
	}
	return NULL;
}

/* What the bytes say by themselves; false when it has been refused. */
static bool read_it(struct zkhsmd_job *job)
{
	struct server_request *rq = job->rq;
	struct evidence *ev = job->data;
	uint8_t id[32];

	if (zkhsm_evidence_decode(&ev->s, &ev->statement_len, rq->body, rq->body_len)) {
		zkhsmd_evidence_refuse(job, P_MALFORMED, "malformed",
				       "these bytes are not evidence");
		return false;
	}
	zkhsm_sha256(ev->s.identity, sizeof(ev->s.identity), id);
	if (memcmp(id, ev->s.hsm_id, sizeof(id)) != 0) {
		zkhsmd_evidence_refuse(job, P_MALFORMED, "malformed",
				       "the HSM's id is not its identity's digest");
		return false;
	}
	ev->own = find_own(job->m, &ev->s);
	if (!ev->own) {
		zkhsmd_evidence_refuse(job, P_NOT_ADDRESSED, "not-addressed",
				       "there is no challenge of this manager in the evidence");
		return false;
	}
	return true;
}

static void end_evidence(void *data)
{
	struct evidence *ev = data;

	zkhsmd_changes_free(ev->changes);
	zkhsm_keylist_free(ev->list);
	zkhsmd_policy_put(ev->policy);
	zkhsmd_lease_free(&ev->lease);
}

void zkhsmd_api_evidence(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, sizeof(struct evidence));
	struct zkhsmd_time now = zkhsmd_now();
	struct zkhsmd *m = rq->arg;
	struct evidence *ev;

	if (!job)
		return;
	ev = job->data;
	ev->verdict = "refused";
	ev->policy = zkhsmd_policy_get(m);
	job->data_end = end_evidence;
	job->answered = answered;
	if (zkhsmd_source_over(m->sources, rq->origin, now.boot)) {
		server_reply_header(rq, "Retry-After", "60");
		zkhsmd_burst_note(m, rq->origin);
		zkhsmd_evidence_refuse(job, P_TOO_MANY, "too-many",
				       "too much false evidence came from this address");
		answered(job);
		return;
	}
	if (!read_it(job)) {
		charge(job);
		answered(job);
		return;
	}
	if (!zkhsmd_rate_hsm(rq, ZKHSMD_RATE_EVIDENCE, ev->s.hsm_id)) {
		ev->verdict = "too-many";
		answered(job);
		return;
	}
	zkhsm_sha256(rq->body, rq->body_len, ev->digest);
	ev->live = zkhsmd_nonce_look(m->nonces, ev->s.hsm_id, ev->own->nonce, now,
				     &ev->issued) == ZKHSMD_NONCE_LIVE;
	job->heavy = ev->s.list_count > HEAVY_KEYS;
	ev->guest = job->heavy && ev->live &&
		    !zkhsmd_nonce_home(m->nonces, ev->s.hsm_id, rq->origin);
	if (ev->guest && m->heavy_guests >= HEAVY_GUESTS) {
		ev->guest = false;
		server_reply_header(rq, "Retry-After", "2");
		zkhsmd_evidence_refuse(job, P_TOO_MANY, "too-many",
				       "evidence over long lists is being verified; the nonce is kept");
		answered(job);
		return;
	}
	m->heavy_guests += ev->guest;
	job->work = work;
	job->write = write_it;
	job->undone = undone;
	job->committed = committed;
	zkhsmd_job_submit(job);
}
