// SPDX-License-Identifier: GPL-2.0
/*
 * api_revocation.c - /v1/admin/revocations, and the orders that came of them
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "manager.h"

struct change {
	struct zkhsmd_revocation r;
	const char *action;
	bool orders;
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

static int write_it(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct change *c = job->data;
	json_t *orders = json_array();
	int ret = zkhsmd_revoke(job->m, store, &c->r, orders);

	if (ret) {
		json_decref(orders);
		return refused(job, ret) ? 0 : ret;
	}
	c->orders = true;
	server_reply_json(job->rq, 201,
			  json_pack("{s:I, s:o}", "revocation", (json_int_t)c->r.number, "orders",
				    orders));
	return 0;
}

static void committed(struct zkhsmd_job *job)
{
	struct change *c = job->data;

	if (c->orders)
		zkhsmd_polls_wake(job->m);
}

static void answered(struct zkhsmd_job *job)
{
	struct server_reply *r = &job->rq->reply;
	struct change *c = job->data;
	char hsm[17], element[17], subject[192];

	snprintf(subject, sizeof(subject), "hsm %s key %s element %s reason %s: %s",
		 c->r.scope == ZKHSMD_SCOPE_ELEMENT ? "-" : zkhsmd_short(c->r.hsm_id, hsm),
		 c->r.key_id[0] ? c->r.key_id : "-",
		 c->r.scope == ZKHSMD_SCOPE_HSM ? "-" : zkhsmd_short(c->r.element, element),
		 zkhsm_revocation_reason_name(c->r.reason), r->status < 300 ? "done" : r->problem);
	zkhsmd_audit(job->rq, c->action, subject);
	server_send(job->rq);
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

static bool read_reason(struct server_request *rq, const char *text, struct change *c)
{
	int reason = zkhsm_revocation_reason_parse(text);

	/* 7 is not used in RFC 5280, and no order may have it. */
	if (reason < 0 || reason == ZKHSM_REVOCATION_REASON_UNUSED) {
		zkhsmd_problem(rq, P_REQUEST, "reason has to be a reason of RFC 5280, such as key-compromise");
		return false;
	}
	c->r.reason = (uint8_t)reason;
	return true;
}

/* Each scope has its members, all of them and no others. */
static bool read_scope(struct server_request *rq, struct change *c, const char *scope,
		       const char *hsm, const char *key, const char *element)
{
	if (strcmp(scope, "key") == 0 && hsm && key && !element &&
	    zkhsm_id_valid((const uint8_t *)key, strlen(key))) {
		c->r.scope = ZKHSMD_SCOPE_KEY;
		strcpy(c->r.key_id, key);	/* valid: at most ZKHSM_ID_MAX_LEN */
		return zkhsmd_hash_of(rq, "hsm_id", hsm, c->r.hsm_id);
	}
	if (strcmp(scope, "element") == 0 && !hsm && !key && element) {
		c->r.scope = ZKHSMD_SCOPE_ELEMENT;
		return zkhsmd_hash_of(rq, "element", element, c->r.element);
	}
	if (strcmp(scope, "hsm") == 0 && hsm && !key && !element) {
		c->r.scope = ZKHSMD_SCOPE_HSM;
		return zkhsmd_hash_of(rq, "hsm_id", hsm, c->r.hsm_id);
	}
	zkhsmd_problem(rq, P_REQUEST,
		       "scope has to be key (with hsm_id and key_id), element (with element) or hsm (with hsm_id)");
	return false;
}

void zkhsmd_api_revoke(struct server_request *rq)
{
	const char *action, *scope, *reason, *hsm = NULL, *key = NULL, *element = NULL;
	json_t *body = server_json(rq);
	struct zkhsmd_job *job;
	json_error_t error;
	bool ok = false;
	struct change c;

	memset(&c, 0, sizeof(c));
	if (body && json_unpack_ex(body, &error, 0, "{s:s, s:s, s:s, s?s, s?s, s?s !}", "action",
				   &action, "scope", &scope, "reason", &reason, "hsm_id", &hsm,
				   "key_id", &key, "element", &element))
		server_json_problem(rq, &error);
	else if (body)
		ok = read_action(rq, action, &c) && read_reason(rq, reason, &c) &&
		     read_scope(rq, &c, scope, hsm, key, element);
	json_decref(body);
	if (!ok) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(c));
	if (!job)
		return;
	memcpy(job->data, &c, sizeof(c));
	job->write = write_it;
	job->committed = committed;
	job->answered = answered;
	zkhsmd_job_submit(job);
}

/* --- orders -------------------------------------------------------------- */

struct listing {
	json_t *orders;
	uint64_t applied;
};

static int add_order(const struct zkhsmd_order *o, void *arg)
{
	struct listing *l = arg;
	struct zkhsm_order order;
	uint8_t digest[32];
	json_t *entry;

	if (zkhsm_order_decode(&order, o->bytes, o->len))
		return -EUCLEAN;
	entry = json_pack("{s:I, s:s, s:I, s:b}", "number", (json_int_t)o->number, "type",
			  zkhsm_order_type_name(order.type), "created_ms",
			  (json_int_t)o->created_ms, "applied", o->number <= l->applied);
	if (entry && order.type == ZKHSM_ORDER_TYPE_TRUST_CHANGE) {
		zkhsm_sha256(order.config, order.config_len, digest);
		zkhsmd_json_hash(entry, "previous", order.previous);
		zkhsmd_json_hash(entry, "config_digest", digest);
	} else if (entry) {
		json_object_set_new(entry, "reason",
				    json_string(zkhsm_revocation_reason_name(order.reason)));
		json_object_set_new(entry, "elements", json_integer(order.count));
	}
	return entry && json_array_append_new(l->orders, entry) == 0 ? 0 : -ENOMEM;
}

static enum zkhsmd_next work_orders(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const uint8_t *hsm_id = job->data;
	struct listing l = { .orders = json_array() };
	struct zkhsmd_hsm h;
	json_t *o;
	int ret = store->ops->hsm_get(store, hsm_id, &h);

	if (!ret) {
		l.applied = h.applied;
		ret = store->ops->order_each(store, hsm_id, 0, add_order, &l);
	}
	if (ret) {
		json_decref(l.orders);
		if (ret == -ENOENT)
			zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is known");
		else
			zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	o = json_pack("{s:I, s:o}", "last_applied", (json_int_t)h.applied, "orders", l.orders);
	zkhsmd_json_hash(o, "hsm_id", hsm_id);
	server_reply_json(job->rq, 200, o);
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_orders_admin(struct server_request *rq)
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
	job->work = work_orders;
	zkhsmd_job_submit(job);
}
