// SPDX-License-Identifier: GPL-2.0
/*
 * api_revocation.c - POST /v1/admin/revocations
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit_log.h"
#include "revocation.h"
#include "role.h"
#include "two_person.h"

struct change {
	struct zkhsmd_revocation r;
	const char *action;
	bool done;
};

/* Nothing was written when it is one of these. */
static bool refused(struct zkhsmd_job *job, int error)
{
	switch (error) {
	case -ESRCH:
		zkhsmd_problem(job->rq, P_UNKNOWN,
			       "no such HSM is known, or its newest list has no such key");
		return true;
	case -EALREADY:
		zkhsmd_problem(job->rq, P_ALREADY, "this is so already");
		return true;
	case -EKEYREVOKED:
		zkhsmd_problem(job->rq, P_FINAL, "what is revoked is not released");
		return true;
	case -ENOENT:
		zkhsmd_problem(job->rq, P_NOT_HELD, "nothing of this scope is on hold");
		return true;
	default:
		return false;
	}
}

/*
 * Fleet-wide acts may take two administrators, but for holds: who sees a fire pulls
 * the brake alone.
 */
static int second_person(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	static const char *const names[] = {
		[ZKHSMD_SCOPE_KEY] = NULL, [ZKHSMD_SCOPE_ELEMENT] = "revoke-element",
		[ZKHSMD_SCOPE_HSM] = "revoke-hsm", [ZKHSMD_SCOPE_CLUSTER] = "revoke-cluster",
	};
	const struct change *c = job->data;

	if (c->r.action == ZKHSM_ORDER_TYPE_HOLD || !names[c->r.scope])
		return 0;
	return zkhsmd_two_person(job, store, names[c->r.scope]);
}

/* What was done, in the transaction that does it. */
static int record(struct zkhsmd_job *job, struct zkhsmd_store *store, size_t orders)
{
	static const uint8_t none[32];
	const struct change *c = job->data;
	json_t *details = zkhsmd_revocation_json(&c->r);

	json_object_del(details, "action");
	json_object_del(details, "hsm_id");
	json_object_set_new(details, "orders", json_integer((json_int_t)orders));
	return zkhsmd_audit_add(store, job->rq, c->action,
				memcmp(c->r.hsm_id, none, sizeof(none)) ? c->r.hsm_id : NULL,
				details);
}

static int write_it(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	json_t *orders = json_array();
	struct change *c = job->data;
	struct zkhsmd_step step;
	int ret = zkhsmd_revoke_begin(job->m, store, &c->r, &step);

	if (ret && refused(job, ret))
		ret = 1;
	if (!ret)
		ret = second_person(job, store);
	if (!ret)
		ret = zkhsmd_revoke_do(job->m, store, &c->r, &step, orders);
	if (!ret)
		ret = record(job, store, json_array_size(orders));
	zkhsmd_targets_free(&step.targets);
	if (ret) {
		json_decref(orders);
		return ret > 0 ? 0 : ret;
	}
	c->done = true;
	server_reply_json(job->rq, 201,
			  json_pack("{s:I, s:o}", "revocation", (json_int_t)c->r.number, "orders",
				    orders));
	return 0;
}

static void committed(struct zkhsmd_job *job)
{
	struct change *c = job->data;

	if (!c->done)
		return;
	zkhsmd_revocations_changed(job->m, c->r.number);
	zkhsmd_polls_wake(job->m);
}

void zkhsmd_revocation_who(const struct server_request *rq, char who[ZKHSMD_WHO_MAX + 1])
{
	snprintf(who, ZKHSMD_WHO_MAX + 1, "%s", rq->peer_cn[0] ? rq->peer_cn : rq->peer);
}

json_t *zkhsmd_revocation_json(const struct zkhsmd_revocation *r)
{
	const char *reason = zkhsm_revocation_reason_name(r->reason);
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I}", "action",
			      r->action == ZKHSM_ORDER_TYPE_REVOKE ? "revoke" : "hold", "scope",
			      zkhsmd_scope_name(r->scope), "reason", reason ? reason : "",
			      "number", (json_int_t)r->number, "at_ms", (json_int_t)r->at_ms);

	if (r->scope == ZKHSMD_SCOPE_KEY || r->scope == ZKHSMD_SCOPE_HSM)
		zkhsmd_json_hash(o, "hsm_id", r->hsm_id);
	if (r->scope == ZKHSMD_SCOPE_KEY)
		json_object_set_new(o, "key_id", json_string(r->key_id));
	if (r->scope == ZKHSMD_SCOPE_KEY || r->scope == ZKHSMD_SCOPE_ELEMENT)
		zkhsmd_json_hash(o, "element", r->element);
	if (r->scope == ZKHSMD_SCOPE_CLUSTER)
		json_object_set_new(o, "cluster", json_string(r->cluster));
	return o;
}

static bool read_action(struct server_request *rq, const char *text, struct change *c)
{
	static const struct { const char *name; uint8_t action; } actions[] = {
		{ "revoke", ZKHSM_ORDER_TYPE_REVOKE }, { "hold", ZKHSM_ORDER_TYPE_HOLD },
		{ "release", ZKHSM_ORDER_TYPE_RELEASE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (strcmp(text, actions[i].name) == 0) {
			c->action = actions[i].name;
			c->r.action = actions[i].action;
			return true;
		}
	}
	zkhsmd_problem(rq, P_REQUEST, "action has to be revoke, hold or release");
	return false;
}

/* As RFC 5280 has them: what is a hold's is not a revocation's, and remove-from-crl is an end. */
static bool read_reason(struct server_request *rq, const char *text, struct change *c)
{
	int reason = zkhsm_revocation_reason_parse(text);

	/* 7 is not used in RFC 5280, and no order may have it. */
	if (reason < 0 || reason == ZKHSM_REVOCATION_REASON_UNUSED) {
		zkhsmd_problem(rq, P_REQUEST, "reason has to be a reason of RFC 5280, such as key-compromise");
		return false;
	}
	if ((reason == ZKHSM_REVOCATION_REASON_REMOVE_FROM_CRL &&
	     c->r.action != ZKHSM_ORDER_TYPE_RELEASE) ||
	    (reason == ZKHSM_REVOCATION_REASON_CERTIFICATE_HOLD &&
	     c->r.action == ZKHSM_ORDER_TYPE_REVOKE)) {
		zkhsmd_problem(rq, P_REQUEST, "%s is not a reason to %s", text, c->action);
		return false;
	}
	c->r.reason = (uint8_t)reason;
	return true;
}

/* What a request names; NULL what it does not. */
struct names {
	const char *scope, *hsm, *key, *element, *cluster;
};

/* Each scope has its members, all of them and no others. */
static bool read_scope(struct server_request *rq, struct change *c, const struct names *n)
{
	if (strcmp(n->scope, "key") == 0 && n->hsm && n->key && !n->element && !n->cluster &&
	    zkhsm_id_valid((const uint8_t *)n->key, strlen(n->key))) {
		c->r.scope = ZKHSMD_SCOPE_KEY;
		strcpy(c->r.key_id, n->key);	/* valid: at most ZKHSM_ID_MAX_LEN */
		return zkhsmd_hash_of(rq, "hsm_id", n->hsm, c->r.hsm_id);
	}
	if (strcmp(n->scope, "element") == 0 && !n->hsm && !n->key && n->element && !n->cluster) {
		c->r.scope = ZKHSMD_SCOPE_ELEMENT;
		return zkhsmd_hash_of(rq, "element", n->element, c->r.element);
	}
	if (strcmp(n->scope, "hsm") == 0 && n->hsm && !n->key && !n->element && !n->cluster) {
		c->r.scope = ZKHSMD_SCOPE_HSM;
		return zkhsmd_hash_of(rq, "hsm_id", n->hsm, c->r.hsm_id);
	}
	if (strcmp(n->scope, "cluster") == 0 && !n->hsm && !n->key && !n->element && n->cluster &&
	    zkhsmd_cluster_valid(n->cluster)) {
		c->r.scope = ZKHSMD_SCOPE_CLUSTER;
		strcpy(c->r.cluster, n->cluster);	/* as long as an id at most */
		return true;
	}
	zkhsmd_problem(rq, P_REQUEST,
		       "scope has to be key (with hsm_id and key_id), element (with element), hsm (with hsm_id) or cluster (with cluster)");
	return false;
}

static bool read_change(struct server_request *rq, struct change *c)
{
	const char *action, *reason;
	struct names n = { .hsm = NULL };
	json_t *body = server_json(rq);
	json_error_t error;
	bool ok = false;

	if (body && json_unpack_ex(body, &error, 0, "{s:s, s:s, s:s, s?s, s?s, s?s, s?s !}",
				   "action", &action, "scope", &n.scope, "reason", &reason,
				   "hsm_id", &n.hsm, "key_id", &n.key, "element", &n.element,
				   "cluster", &n.cluster))
		server_json_problem(rq, &error);
	else if (body)
		ok = read_action(rq, action, c) && read_reason(rq, reason, c) &&
		     read_scope(rq, c, &n);
	json_decref(body);
	return ok;
}

void zkhsmd_api_revoke(struct server_request *rq)
{
	struct zkhsmd_job *job;
	struct change c;

	memset(&c, 0, sizeof(c));
	if (!read_change(rq, &c)) {
		server_send(rq);
		return;
	}
	/* An operator holds and releases what is held; to revoke is for good. */
	if (c.r.action == ZKHSM_ORDER_TYPE_REVOKE && !zkhsmd_role_check(rq, ZKHSMD_ADMINISTRATOR))
		return;
	zkhsmd_revocation_who(rq, c.r.who);
	job = zkhsmd_job_new(rq, sizeof(c));
	if (!job)
		return;
	memcpy(job->data, &c, sizeof(c));
	job->write = write_it;
	job->committed = committed;
	zkhsmd_job_submit(job);
}
