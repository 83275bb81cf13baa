// SPDX-License-Identifier: GPL-2.0
/*
 * api_trust_change.c - POST /v1/admin/hsms/{hsm_id}/trust-change
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_log.h"
#include "two_person.h"

struct change {
	uint8_t hsm_id[32], previous[32], digest[32];
	bool has_previous;
	uint8_t config[ZKHSM_CONFIGURATION_MAX_LEN];
	size_t len;
	struct zkhsm_configuration c;
	uint64_t number;		/* 0: no order was made */
};

/* What it replaces, if that is known here; it need not be. */
static int read_old(struct zkhsmd_store *store, const uint8_t digest[32],
		    struct zkhsm_configuration *old, bool *known)
{
	uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	size_t len;
	int ret = store->ops->config_get(store, digest, bytes, &len);

	*known = !ret;
	if (!ret && zkhsm_configuration_decode(old, bytes, len))
		ret = -EUCLEAN;
	return ret == -ENOENT ? 0 : ret;
}

static void answer(struct zkhsmd_job *job, const struct zkhsmd_hsm *h)
{
	const struct change *c = job->data;
	json_t *o = json_pack("{s:s, s:I}", "name", h->name, "number", (json_int_t)c->number);

	zkhsmd_json_hash(o, "hsm_id", c->hsm_id);
	zkhsmd_json_hash(o, "previous", c->previous);
	zkhsmd_json_hash(o, "config_digest", c->digest);
	server_reply_json(job->rq, 201, o);
}

static int make_order(struct zkhsmd_job *job, struct zkhsmd_store *store, struct zkhsmd_hsm *h)
{
	struct change *c = job->data;
	uint64_t number;
	json_t *details;
	int ret = zkhsmd_two_person(job, store, "trust-change");

	if (ret)
		return ret < 0 ? ret : 0;
	ret = zkhsmd_trust_order(job->m, store, h, c->previous, c->config, c->len, &number);

	if (ret == -EALREADY) {
		zkhsmd_problem(job->rq, P_ALREADY, "order %llu says the same, and is on its way",
			       (unsigned long long)h->trust_number);
		return 0;
	}
	if (!ret)
		ret = store->ops->hsm_put(store, h);
	if (ret)
		return ret;
	c->number = number;
	answer(job, h);
	details = json_pack("{s:s, s:I}", "name", h->name, "order", (json_int_t)number);
	zkhsmd_json_hash(details, "previous", c->previous);
	zkhsmd_json_hash(details, "config_digest", c->digest);
	return zkhsmd_audit_add(store, job->rq, "trust-change", c->hsm_id, details);
}

static int write_it(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	static const uint8_t none[32];
	struct zkhsm_configuration old;
	struct change *c = job->data;
	struct zkhsmd_hsm h;
	const char *why;
	bool known;
	int ret = store->ops->hsm_get(store, c->hsm_id, &h);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret || !h.enrolled) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is enrolled");
		return 0;
	}
	if (!c->has_previous && memcmp(h.config_seen, none, sizeof(none)) == 0) {
		zkhsmd_problem(job->rq, P_UNSEEN,
			       "it has not attested yet: say which configuration is to be replaced");
		return 0;
	}
	if (!c->has_previous)
		memcpy(c->previous, h.config_seen, sizeof(c->previous));
	ret = read_old(store, c->previous, &old, &known);
	if (ret)
		return ret;
	why = zkhsmd_trust_void(&c->c, known ? &old : NULL);
	if (why) {
		zkhsmd_problem(job->rq, P_VOID, "%s", why);
		return 0;
	}
	return make_order(job, store, &h);
}

static void undone(struct zkhsmd_job *job)
{
	struct change *c = job->data;

	c->number = 0;
}

static void committed(struct zkhsmd_job *job)
{
	const struct change *c = job->data;

	if (c->number)
		zkhsmd_polls_wake(job->m);
}

static bool read_configuration(struct server_request *rq, const char *text, struct change *c)
{
	struct zkhsm_error err;
	uint8_t *bytes = NULL;
	int ret;

	if (zkhsm_unb64(text, &bytes, &c->len)) {
		zkhsmd_problem(rq, P_REQUEST, "configuration has to be base64url without padding");
		return false;
	}
	ret = c->len > sizeof(c->config) ? zkhsm_fail(&err, -EBADMSG, "it is too long") :
	      zkhsm_configuration_check(bytes, c->len, &c->c, &err);
	if (!ret) {
		memcpy(c->config, bytes, c->len);
		zkhsm_sha256(bytes, c->len, c->digest);
	}
	free(bytes);
	if (ret)
		zkhsmd_problem(rq, P_MALFORMED, "this is no configuration: %s", err.text);
	return !ret;
}

static bool read_it(struct server_request *rq, struct change *c)
{
	const char *configuration, *previous = NULL;
	json_t *body = server_json(rq);
	json_error_t error;
	bool ok = false;

	if (body && json_unpack_ex(body, &error, 0, "{s:s, s?s !}", "configuration", &configuration,
				   "previous", &previous))
		server_json_problem(rq, &error);
	else if (body)
		ok = zkhsmd_hash_of(rq, "hsm_id", rq->args[0], c->hsm_id) &&
		     (!previous || zkhsmd_hash_of(rq, "previous", previous, c->previous)) &&
		     read_configuration(rq, configuration, c);
	c->has_previous = body && previous;
	json_decref(body);
	return ok;
}

void zkhsmd_api_trust_change(struct server_request *rq)
{
	struct zkhsmd_job *job;
	struct change c;

	memset(&c, 0, sizeof(c));
	if (!read_it(rq, &c)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(c));
	if (!job)
		return;
	memcpy(job->data, &c, sizeof(c));
	job->write = write_it;
	job->undone = undone;
	job->committed = committed;
	zkhsmd_job_submit(job);
}
