// SPDX-License-Identifier: GPL-2.0
/*
 * api_admin.c - /v1/admin: who is enrolled, and with which configuration
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_log.h"
#include "fleet.h"
#include "holding.h"
#include "revocation.h"
#include "role.h"
#include "two_person.h"

/* --- pending ------------------------------------------------------------- */

static int add_pending(const struct zkhsmd_pending *p, void *arg)
{
	char *identity = zkhsm_hex(p->identity, sizeof(p->identity));
	json_t *o = json_pack("{s:s, s:o, s:I, s:I, s:I, s:s}", "identity",
			      identity ? identity : "", "configuration",
			      zkhsmd_configuration_json(p->config, p->config_len), "keys",
			      (json_int_t)p->keys, "first_seen_ms", (json_int_t)p->first_ms,
			      "last_seen_ms", (json_int_t)p->last_ms, "source", p->source);

	free(identity);
	if (!o)
		return -ENOMEM;
	zkhsmd_json_hash(o, "hsm_id", p->id);
	zkhsmd_json_hash(o, "config_digest", p->config_digest);
	return json_array_append_new(arg, o) ? -ENOMEM : 0;
}

static enum zkhsmd_next work_pending(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	json_t *all = json_array();
	int ret = store->ops->pending_each(store, add_pending, all);

	if (ret) {
		json_decref(all);
		zkhsmd_problem_store(job->rq, ret);
	} else {
		server_reply_json(job->rq, 200, json_pack("{s:o}", "pending", all));
	}
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_pending(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, 0);

	if (!job)
		return;
	job->work = work_pending;
	zkhsmd_job_submit(job);
}

/* --- enrolled ------------------------------------------------------------ */

struct gather {
	struct zkhsmd_job *job;
	struct zkhsmd_store *store;
	json_t *all;
};

/* More than everybody is told. */
static int add_hsm(const struct zkhsmd_hsm *h, void *arg)
{
	struct gather *g = arg;
	struct zkhsmd_store *store = g->store;
	struct zkhsmd_status status;
	json_t *o, *lease;
	int ret = zkhsmd_hsm_status(g->job->m, store, h, &status);

	if (ret)
		return ret;
	o = zkhsmd_hsm_json(h, &status);
	zkhsmd_json_hash(o, "config_digest", h->config_digest);
	/* What it attested last, when that is not what was approved. */
	zkhsmd_json_hash(o, "config_seen", h->config_seen);
	json_object_set_new(o, "enrolled_ms", json_integer(h->enrolled_ms));
	json_object_set_new(o, "restore", json_boolean(h->restore));
	json_object_set_new(o, "trust_change", zkhsmd_trust_json(h));
	ret = zkhsmd_sealing_json(store, h, o);
	if (!ret)
		ret = zkhsmd_lease_json(store, h, &lease);
	if (!ret)
		json_object_set_new(o, "lease", lease);
	json_array_append_new(g->all, o);
	return ret;
}

static enum zkhsmd_next work_hsms(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct gather g = { .job = job, .store = store, .all = json_array() };
	int ret = zkhsmd_fleet_each(store, add_hsm, &g);

	if (ret) {
		json_decref(g.all);
		zkhsmd_problem_store(job->rq, ret);
	} else {
		server_reply_json(job->rq, 200, json_pack("{s:o}", "hsms", g.all));
	}
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_hsms(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, 0);

	if (!job)
		return;
	job->work = work_hsms;
	zkhsmd_job_submit(job);
}

/* --- enrolling, ending it, another configuration -------------------------- */

struct change {
	const char *action;
	uint8_t hsm_id[32], config_digest[32];
	bool has_digest, unseen;	/* @unseen: even if it did not attest that */
	char name[ZKHSMD_NAME_MAX + 1];
	bool has_cluster;		/* else the one that it was in before */
	char cluster[ZKHSMD_NAME_MAX + 1];
	uint64_t number;		/* of the revocation list, after it */
	bool orders;			/* some were made */
};

static void changed(struct zkhsmd_job *job)
{
	struct change *c = job->data;

	if (c->number)
		zkhsmd_revocations_changed(job->m, c->number);
	if (c->orders)
		zkhsmd_polls_wake(job->m);
}

static int record(struct zkhsmd_job *job, struct zkhsmd_store *store, json_t *details)
{
	const struct change *c = job->data;

	return zkhsmd_audit_add(store, job->rq, c->action, c->hsm_id, details);
}

static json_t *with_digest(const char *name, const uint8_t digest[32])
{
	json_t *o = json_pack("{s:s}", "name", name);

	if (o)
		zkhsmd_json_hash(o, "config_digest", digest);
	return o;
}

static void submit_change(struct server_request *rq, const struct change *c,
			  int (*write)(struct zkhsmd_job *job, struct zkhsmd_store *store))
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, sizeof(*c));

	if (!job)
		return;
	memcpy(job->data, c, sizeof(*c));
	job->write = write;
	job->committed = changed;
	zkhsmd_job_submit(job);
}

static int enrol_row(struct zkhsmd_store *store, struct change *c, struct zkhsmd_hsm *h,
		     const struct zkhsmd_pending *p)
{
	int ret = 0;

	memcpy(h->id, c->hsm_id, sizeof(h->id));
	h->enrolled = true;
	h->enrolled_ms = zkhsmd_now().wall;
	/* What it showed before counts for nothing, whatever the clock says. */
	if (h->attested && h->enrolled_ms <= h->received_ms)
		h->enrolled_ms = h->received_ms + 1;
	zkhsmd_trust_forget(h);
	snprintf(h->name, sizeof(h->name), "%s", c->name);
	memcpy(h->config_digest, c->config_digest, sizeof(h->config_digest));
	if (p) {
		memcpy(h->identity, p->identity, sizeof(h->identity));
		if (p->config_len) {
			ret = store->ops->config_put(store, p->config_digest, p->config,
						     p->config_len);
			memcpy(h->config_seen, p->config_digest, sizeof(h->config_seen));
		}
	}
	return ret ? ret : store->ops->hsm_put(store, h);
}

/* Ending its enrolment and making another is no way out of a cluster. 1: answered. */
static int stays_stopped(struct zkhsmd_job *job, struct zkhsmd_store *store,
			 const struct zkhsmd_hsm *h)
{
	const struct change *c = job->data;
	struct zkhsmd_revocation r;
	int ret;

	if (!c->has_cluster || strcmp(c->cluster, h->cluster) == 0)
		return 0;
	ret = zkhsmd_cluster_stop(store, h->cluster, &r);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	if (r.action == ZKHSM_ORDER_TYPE_REVOKE)
		zkhsmd_problem(job->rq, P_FINAL, "it was in %s, which is revoked", h->cluster);
	else
		zkhsmd_problem(job->rq, P_HELD, "it was in %s, which is on hold: enrol it there, and then move it",
			       h->cluster);
	return 1;
}

/*
 * Into a cluster that is revoked: that revokes it, for good, and is for whoever may do
 * so. 1: answered.
 */
static int enrols_revoked(struct zkhsmd_job *job, struct zkhsmd_store *store,
			  const struct zkhsmd_hsm *h)
{
	const struct change *c = job->data;
	struct zkhsmd_revocation r;
	int ret;

	if (!c->has_cluster || strcmp(c->cluster, h->cluster) == 0)
		return 0;
	ret = zkhsmd_cluster_stop(store, c->cluster, &r);
	if (ret || r.action != ZKHSM_ORDER_TYPE_REVOKE)
		return ret == -ENOENT ? 0 : ret;
	if (!(job->rq->roles & ZKHSMD_ADMINISTRATOR)) {
		zkhsmd_problem(job->rq, P_ROLE,
			       "%s is revoked: only an administrator may enrol an HSM there",
			       c->cluster);
		return 1;
	}
	return zkhsmd_two_person(job, store, "revoke-hsm");
}

static int write_enrol(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct change *c = job->data;
	struct zkhsmd_pending p;
	struct zkhsmd_hsm h;
	json_t *orders, *o;
	bool pending;
	int ret;

	memset(&h, 0, sizeof(h));
	ret = store->ops->hsm_get(store, c->hsm_id, &h);
	if (ret && ret != -ENOENT)
		return ret;
	if (!ret && h.enrolled) {
		zkhsmd_problem(job->rq, P_ENROLLED, "this HSM is enrolled already");
		return 0;
	}
	ret = store->ops->pending_get(store, c->hsm_id, &p);
	if (ret && ret != -ENOENT)
		return ret;
	pending = !ret;
	if (!pending && !c->has_digest) {
		zkhsmd_problem(job->rq, P_NOT_PENDING,
			       "there is no evidence of this HSM to take the configuration from");
		return 0;
	}
	if (!c->has_digest)
		memcpy(c->config_digest, p.config_digest, sizeof(c->config_digest));
	ret = stays_stopped(job, store, &h);
	if (!ret)
		ret = enrols_revoked(job, store, &h);
	if (!ret)
		ret = zkhsmd_two_person(job, store, "enroll");
	if (ret)
		return ret < 0 ? ret : 0;
	orders = json_array();
	ret = enrol_row(store, c, &h, pending ? &p : NULL);
	if (!ret)
		ret = store->ops->pending_del(store, c->hsm_id);
	if (!ret && c->has_cluster && strcmp(c->cluster, h.cluster) != 0)
		ret = zkhsmd_cluster_move(job->m, store, &h, c->cluster, orders);
	if (!ret)
		ret = zkhsmd_rlist_number(job->m, store, &c->number);
	if (!ret)
		ret = zkhsmd_revoke_catch_up(job->m, store, c->hsm_id, orders);
	if (!ret)
		ret = zkhsmd_history_add(store, c->hsm_id, "", NULL, "enrolled", "%s", c->name);
	c->orders = json_array_size(orders) > 0;
	json_decref(orders);
	if (ret)
		return ret;
	o = with_digest(c->name, c->config_digest);
	zkhsmd_json_hash(o, "hsm_id", c->hsm_id);
	server_reply_json(job->rq, 201, o);
	o = with_digest(c->name, c->config_digest);
	if (h.cluster[0])
		json_object_set_new(o, "cluster", json_string(h.cluster));
	return record(job, store, o);
}

/* Names are for people: anything but control characters. */
static bool read_name(struct server_request *rq, const char *name, char *out)
{
	bool ok = *name && strlen(name) <= ZKHSMD_NAME_MAX;

	for (const unsigned char *p = (const unsigned char *)name; ok && *p; p++)
		ok = *p >= 0x20 && *p != 0x7f;
	if (ok)
		strcpy(out, name);	/* just measured */
	else
		zkhsmd_problem(rq, P_REQUEST, "name has to have 1 to %d bytes, no control characters",
			       ZKHSMD_NAME_MAX);
	return ok;
}

void zkhsmd_api_enrol(struct server_request *rq)
{
	const char *id, *name, *digest = NULL, *cluster = NULL;
	struct change c = { .action = "enroll" };
	json_t *body = server_json(rq);
	json_error_t error;
	bool ok = false;

	if (body && json_unpack_ex(body, &error, 0, "{s:s, s:s, s?s, s?s !}", "hsm_id", &id,
				   "name", &name, "config_digest", &digest, "cluster", &cluster))
		server_json_problem(rq, &error);
	else if (body)
		ok = zkhsmd_hash_of(rq, "hsm_id", id, c.hsm_id) && read_name(rq, name, c.name) &&
		     (!digest || zkhsmd_hash_of(rq, "config_digest", digest, c.config_digest)) &&
		     (!cluster || zkhsmd_cluster_read(rq, cluster, c.cluster));
	c.has_digest = body && digest;
	c.has_cluster = body && cluster;
	json_decref(body);
	if (ok)
		submit_change(rq, &c, write_enrol);
	else
		server_send(rq);
}

/* The row stays, not enrolled: its numbers must never be used twice. */
static int write_end(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct change *c = job->data;
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, c->hsm_id, &h);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret || !h.enrolled) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is enrolled");
		return 0;
	}
	ret = zkhsmd_two_person(job, store, "end-enrolment");
	if (ret)
		return ret < 0 ? ret : 0;
	h.enrolled = false;
	zkhsmd_trust_forget(&h);
	server_reply_json(job->rq, 204, NULL);
	ret = store->ops->hsm_put(store, &h);
	if (!ret)
		ret = zkhsmd_holdings_end(job->m, store, &h);
	return ret ? ret : record(job, store, json_pack("{s:s}", "name", h.name));
}

void zkhsmd_api_hsm_del(struct server_request *rq)
{
	struct change c = { .action = "end-enrolment" };

	if (zkhsmd_hash_of(rq, "hsm_id", rq->args[0], c.hsm_id))
		submit_change(rq, &c, write_end);
	else
		server_send(rq);
}

static int write_approve(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct change *c = job->data;
	struct zkhsmd_hsm h;
	json_t *o;
	int ret = store->ops->hsm_get(store, c->hsm_id, &h);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret || !h.enrolled) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is enrolled");
		return 0;
	}
	/* A digest that was mistyped would leave the HSM stale, or wait for who fits it. */
	if (!c->unseen && memcmp(c->config_digest, h.config_seen, 32) != 0 &&
	    memcmp(c->config_digest, h.config_digest, 32) != 0) {
		zkhsmd_problem(job->rq, P_UNSEEN,
			       "this is not the configuration that this HSM attested last");
		return 0;
	}
	ret = zkhsmd_two_person(job, store, "approve-configuration");
	if (ret)
		return ret < 0 ? ret : 0;
	memcpy(h.config_digest, c->config_digest, sizeof(h.config_digest));
	/* This is what is wanted now, whatever was ordered before. */
	zkhsmd_trust_forget(&h);
	o = with_digest(h.name, c->config_digest);
	zkhsmd_json_hash(o, "hsm_id", c->hsm_id);
	server_reply_json(job->rq, 200, o);
	ret = store->ops->hsm_put(store, &h);
	return ret ? ret : record(job, store, with_digest(h.name, c->config_digest));
}

void zkhsmd_api_approve(struct server_request *rq)
{
	struct change c = { .action = "approve-configuration" };
	json_t *body = server_json(rq);
	json_error_t error;
	const char *digest;
	bool ok = false;
	int unseen = 0;

	if (body && json_unpack_ex(body, &error, 0, "{s:s, s?b !}", "config_digest", &digest,
				   "unseen", &unseen))
		server_json_problem(rq, &error);
	else if (body)
		ok = zkhsmd_hash_of(rq, "hsm_id", rq->args[0], c.hsm_id) &&
		     zkhsmd_hash_of(rq, "config_digest", digest, c.config_digest);
	c.unseen = unseen;
	json_decref(body);
	if (ok)
		submit_change(rq, &c, write_approve);
	else
		server_send(rq);
}
