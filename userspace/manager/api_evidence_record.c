// SPDX-License-Identifier: GPL-2.0
/*
 * api_evidence_record.c - what true evidence changes in the store, and what is
 * answered to it; on the writer, but for the refusals
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "api_evidence.h"

void zkhsmd_evidence_refuse(struct zkhsmd_job *job, enum zkhsmd_problem p, const char *verdict,
			    const char *detail)
{
	struct evidence *ev = job->data;

	ev->verdict = verdict;
	zkhsmd_problem(job->rq, p, "%s", detail);
}

void zkhsmd_evidence_refuse_policy(struct zkhsmd_job *job)
{
	struct evidence *ev = job->data;

	ev->verdict = "policy";
	zkhsmd_problem_extra(job->rq, P_POLICY, json_pack("{s:s}", "rule", ev->judgement.rule),
			     "[%s]: %s", ev->judgement.rule, ev->judgement.why);
}

/* The list and the configuration go in with the evidence that binds them. */
static int store_list(struct zkhsmd_store *store, const struct evidence *ev)
{
	const uint8_t *bytes;
	size_t len;

	bytes = zkhsm_keylist_bytes(ev->list, &len);
	return store->ops->list_put(store, ev->s.list_digest, bytes, len);
}

static int store_config(struct zkhsmd_store *store, const struct evidence *ev,
			struct zkhsmd_hsm *h)
{
	int ret = 0;

	if (memcmp(h->config_seen, ev->s.config_digest, 32) == 0)
		return 0;
	if (ev->config_len)
		ret = store->ops->config_put(store, ev->s.config_digest, ev->config,
					     ev->config_len);
	zkhsmd_log_configuration(h->id, ev->s.config_digest, ev->config, ev->config_len);
	memcpy(h->config_seen, ev->s.config_digest, 32);
	return ret;
}

static void note_platform(const struct evidence *ev, struct zkhsmd_hsm *h)
{
	memcpy(h->platform_seen, ev->s.platform, sizeof(h->platform_seen));
	h->module_seen = ev->s.module_version;
}

static void fill_row(struct zkhsmd_job *job, struct zkhsmd_hsm *h, bool restored)
{
	struct evidence *ev = job->data;

	/* Where the host that was replaced still runs, it shall not pass for a reboot. */
	if (restored && memcmp(h->instance_id, ev->s.instance_id, sizeof(h->retired)) != 0)
		memcpy(h->retired, h->instance_id, sizeof(h->retired));
	h->restore = false;
	memcpy(h->identity, ev->s.identity, sizeof(h->identity));
	h->attested = true;
	h->boot_count = ev->s.boot_count;
	h->fork_count = ev->s.fork_count;
	h->number = ev->s.number;
	memcpy(h->instance_id, ev->s.instance_id, sizeof(h->instance_id));
	h->uptime_ms = ev->s.uptime_ms;
	h->attested_ms = ev->issued.wall;
	h->attested_boot_ms = ev->issued.boot;
	h->received_ms = zkhsmd_now().wall;
	/* The clock was set back since: this came after it all the same. */
	if (h->enrolled_ms > h->received_ms)
		h->enrolled_ms = h->received_ms;
	memcpy(h->boot_id, job->m->boot_id, sizeof(h->boot_id));
	memcpy(h->list_digest, ev->s.list_digest, sizeof(h->list_digest));
	memcpy(h->evidence_digest, ev->digest, sizeof(h->evidence_digest));
	h->keys = ev->s.list_count;
	h->proved = ev->proved;
	note_platform(ev, h);
}

/* Refused or strange: for whoever has to look, with what was known before. */
static int alert(struct zkhsmd_job *job, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		 const struct zkhsmd_finding *finding)
{
	const struct evidence *ev = job->data;
	struct zkhsmd_alert a;

	zkhsmd_alert_make(&a, finding->code, h->id,
			  "%s: boot %u fork %u number %u order %llu uptime %llu ms after boot %u fork %u number %u order %llu uptime %llu ms, from %s",
			  finding->why, ev->s.boot_count, ev->s.fork_count, ev->s.number,
			  (unsigned long long)ev->own->last_number,
			  (unsigned long long)ev->s.uptime_ms, h->boot_count, h->fork_count,
			  h->number, (unsigned long long)h->shown,
			  (unsigned long long)h->uptime_ms, job->rq->source);
	return zkhsmd_alert_raise(job->m, store, &a);
}

/* What was ordered and came to nothing; @number was its. */
static int trust_seen(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		      bool accept)
{
	const struct evidence *ev = job->data;
	const uint64_t number = h->trust_number;
	struct zkhsmd_alert a;

	if (!zkhsmd_trust_seen(h, ev->s.config_digest, accept))
		return 0;
	zkhsmd_alert_make(&a, "trust-change-void", h->id,
			  "order %llu was to replace another configuration than the one in force, and is void",
			  (unsigned long long)number);
	return zkhsmd_alert_raise(job->m, store, &a);
}

static int accept_it(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		     const struct zkhsmd_finding *finding)
{
	struct evidence *ev = job->data;
	bool new_list = memcmp(h->list_digest, ev->s.list_digest, 32) != 0;
	bool new_config = memcmp(h->config_seen, ev->s.config_digest, 32) != 0;
	uint8_t old_list[32];
	int ret = 0;

	if (finding->code)
		ret = alert(job, store, h, finding);
	memcpy(old_list, h->list_digest, sizeof(old_list));
	if (!ret)
		ret = zkhsmd_orders_reported(job->m, store, h, ev->own);
	if (!ret && new_list)
		ret = store_list(store, ev);
	if (!ret)
		ret = store_config(store, ev, h);
	if (!ret)
		ret = trust_seen(job, store, h, true);
	/* Before the lease: what makes it a clone of another may be in this list. */
	if (!ret)
		ret = zkhsmd_holdings_accept(job->m, store, h, &ev->s, ev->list, ev->changes);
	if (!ret)
		ret = zkhsmd_holdings_again(job->m, store, h);
	if (!ret)
		ret = zkhsmd_alert_over(job->m, store, "silent", h->id, NULL, "it has attested again");
	fill_row(job, h, finding->restored);
	if (!ret)
		ret = zkhsmd_evidence_answer(job, store, h);
	if (!ret)
		ret = store->ops->hsm_put(store, h);
	if (!ret && new_list)
		ret = store->ops->list_trim(store, old_list);
	if (!ret && new_config)
		ret = store->ops->config_trim(store);
	ev->accepted = !ret;
	ev->verdict = "accepted";
	return ret;
}

/* An enrolled HSM whose evidence is true, but not accepted: what else it says still counts. */
static int note_it(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_hsm *h)
{
	struct evidence *ev = job->data;
	int ret = 0;

	/* Even where a restore was announced: what was accepted last stays. */
	if (ev->own->last_number >= h->shown)
		ret = zkhsmd_orders_reported(job->m, store, h, ev->own);
	memcpy(h->identity, ev->s.identity, sizeof(h->identity));
	note_platform(ev, h);
	if (!ret)
		ret = trust_seen(job, store, h, false);
	if (!ret)
		ret = store_config(store, ev, h);
	if (!ret)
		ret = store->ops->hsm_put(store, h);
	return ret ? ret : store->ops->config_trim(store);
}

static int make_pending(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const struct zkhsmd_config *c = &job->m->config;
	int64_t now = zkhsmd_now().wall;
	struct evidence *ev = job->data;
	struct zkhsmd_pending p;
	int ret;

	memset(&p, 0, sizeof(p));
	memcpy(p.id, ev->s.hsm_id, sizeof(p.id));
	memcpy(p.identity, ev->s.identity, sizeof(p.identity));
	memcpy(p.config_digest, ev->s.config_digest, sizeof(p.config_digest));
	memcpy(p.config, ev->config, ev->config_len);
	p.config_len = ev->config_len;
	p.keys = ev->s.list_count;
	p.first_ms = now;
	p.last_ms = now;
	snprintf(p.source, sizeof(p.source), "%s", job->rq->origin);
	ret = store->ops->pending_put(store, &p);
	if (!ret)
		ret = store->ops->pending_trim(store, p.source, c->pending_max,
					       c->pending_per_source);
	zkhsmd_evidence_refuse(job, P_PENDING, "pending",
			       "the proof is true, but this HSM is not enrolled; an administrator can enrol it now");
	return ret;
}

/* The numbers contradict what is known, which stays as it was. */
static int contradict(struct zkhsmd_job *job, struct zkhsmd_store *store,
		      const struct zkhsmd_hsm *h, enum zkhsmd_problem p,
		      const struct zkhsmd_finding *finding)
{
	zkhsmd_evidence_refuse(job, p, finding->code, finding->why);
	return alert(job, store, h, finding);
}

int zkhsmd_evidence_record(struct zkhsmd_job *job, struct zkhsmd_store *store,
			   enum zkhsmd_verdict verdict, struct zkhsmd_hsm *h,
			   const struct zkhsmd_finding *finding)
{
	switch (verdict) {
	case ZKHSMD_ACCEPT:
		return accept_it(job, store, h, finding);
	case ZKHSMD_PENDING_HSM:
		return make_pending(job, store);
	case ZKHSMD_OTHER_CONFIGURATION:
		zkhsmd_evidence_refuse(job, P_CONFIGURATION, "configuration",
				       "the attested configuration is not the approved one");
		return note_it(job, store, h);
	case ZKHSMD_HSM_REVOKED:
		zkhsmd_evidence_refuse(job, P_HSM_REVOKED, "hsm-revoked", "this HSM is revoked");
		return note_it(job, store, h);
	case ZKHSMD_AGAINST_POLICY:
		zkhsmd_evidence_refuse_policy(job);
		return note_it(job, store, h);
	case ZKHSMD_CLONE:
		return contradict(job, store, h, P_CLONE, finding);
	case ZKHSMD_TWO_INSTANCES:
		return contradict(job, store, h, P_TWO_INSTANCES, finding);
	case ZKHSMD_ROLLBACK:
		return contradict(job, store, h, P_ROLLBACK, finding);
	case ZKHSMD_ORDERS_BACK:
		return contradict(job, store, h, P_ORDERS_BACK, finding);
	case ZKHSMD_UPTIME:
		return contradict(job, store, h, P_UPTIME, finding);
	case ZKHSMD_LATE:
		zkhsmd_evidence_refuse(job, P_LATE, "late",
				       "newer evidence of this HSM has overtaken this one");
		return 0;
	}
	return -EINVAL;
}
