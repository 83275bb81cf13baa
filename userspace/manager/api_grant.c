// SPDX-License-Identifier: GPL-2.0
/*
 * api_grant.c - POST /v1/grants
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_log.h"
#include "grant.h"
#include "rate.h"

static bool read_terms(struct server_request *rq, const char *text, struct zkhsm_grant_terms *out)
{
	struct zkhsm_error why;
	uint8_t *body = NULL;
	size_t len;
	bool ok;

	if (zkhsm_unb64(text, &body, &len)) {
		zkhsmd_problem(rq, P_REQUEST, "body is not base64url");
		return false;
	}
	ok = zkhsm_grant_body_read(body, len, out, &why) == 0;
	if (!ok)
		zkhsmd_problem(rq, P_MALFORMED, "%s", why.text);
	free(body);
	return ok;
}

static bool read_grant(struct server_request *rq, struct zkhsmd_grant *g)
{
	const char *id, *key, *body;
	json_t *o = server_json(rq);
	json_error_t error;
	bool ok = false;

	if (!o)
		return false;
	if (json_unpack_ex(o, &error, 0, "{s:s, s:s, s:s !}", "hsm_id", &id, "key_id", &key, "body",
			   &body)) {
		server_json_problem(rq, &error);
		goto out;
	}
	if (!zkhsm_id_valid((const uint8_t *)key, strlen(key))) {
		zkhsmd_problem(rq, P_REQUEST, "key_id cannot be a key's id");
		goto out;
	}
	strcpy(g->key_id, key);	/* valid: at most ZKHSM_ID_MAX_LEN */
	ok = zkhsmd_hash_of(rq, "hsm_id", id, g->hsm_id) && read_terms(rq, body, &g->terms);
out:
	json_decref(o);
	return ok;
}

static void refuse(struct zkhsmd_job *job, enum zkhsmd_grant_verdict verdict)
{
	struct zkhsmd_grant *g = job->data;

	switch (verdict) {
	case ZKHSMD_GRANT_NO_SUCH_KEY:
		zkhsmd_problem(job->rq, P_UNKNOWN,
			       "no such HSM is enrolled, or its newest list has no such key");
		break;
	case ZKHSMD_GRANT_KEY_REFUSED:
		zkhsmd_key_refuse(job->rq, &g->key);
		break;
	case ZKHSMD_GRANT_ELEMENT:
		zkhsmd_problem(job->rq, P_GRANT, "the key with this id has another element");
		break;
	case ZKHSMD_GRANT_INSTANCE:
		zkhsmd_problem(job->rq, P_GRANT,
			       "this is not the instance of the HSM that attested last");
		break;
	case ZKHSMD_GRANT_NOT_AFTER:
		zkhsmd_problem(job->rq, P_GRANT,
			       "not_after is not within %d ms after an uptime of %lld ms",
			       ZKHSM_GRANT_AHEAD_MAX_MS, (long long)g->uptime_ms);
		break;
	default:
		zkhsmd_problem(job->rq, P_NO_GRANT,
			       "no rule of the policy grants this client this use of the key");
	}
}

static enum zkhsmd_next work(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	enum zkhsmd_grant_verdict verdict;
	int ret = zkhsmd_grant_judge(job->m, store, job->data, &verdict);

	if (ret)
		zkhsmd_problem_store(job->rq, ret);
	else if (verdict != ZKHSMD_GRANT_YES)
		refuse(job, verdict);
	else
		return ZKHSMD_WRITE;
	return ZKHSMD_ANSWER;
}

static json_t *details(const struct zkhsmd_grant *g, const uint8_t digest[32])
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:I}", "key_id", g->key_id, "operation",
			      zkhsm_grant_operation_name(g->terms.operation), "rule", g->rule,
			      "not_after_ms", (json_int_t)g->terms.not_after_ms);
	static const uint8_t nobody[ZKHSM_POINT_LEN];
	uint8_t client[32];

	zkhsmd_json_hash(o, "grant", digest);
	if (memcmp(g->terms.client, nobody, sizeof(nobody)) != 0) {
		zkhsm_sha256(g->terms.client, sizeof(g->terms.client), client);
		zkhsmd_json_hash(o, "client", client);
	}
	return o;
}

/*
 * Judged once more: on the writer nothing can be revoked between this and the commit,
 * and who has been answered about a revocation sees no grant after it.
 */
static int write(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct zkhsmd_grant *g = job->data;
	uint8_t grant[ZKHSM_GRANT_LEN], digest[32];
	enum zkhsmd_grant_verdict verdict;
	struct zkhsm_error err;
	char *text;
	int ret;

	ret = zkhsmd_grant_judge(job->m, store, g, &verdict);
	if (ret)
		return ret;
	if (verdict != ZKHSMD_GRANT_YES) {
		refuse(job, verdict);
		return 0;
	}
	ret = zkhsm_grant_make(job->m->identity.order_key, g->hsm_id, &g->terms, grant, &err);
	if (!ret)
		ret = zkhsm_grant_digest(grant, sizeof(grant), digest, &err);
	if (ret) {
		zkhsmd_problem(job->rq, P_STORE, "the grant cannot be signed: %s", err.text);
		return ret;
	}
	ret = zkhsmd_audit_add(store, job->rq, "grant", g->hsm_id, details(g, digest));
	if (ret)
		return ret;
	text = zkhsm_b64(grant, sizeof(grant));
	server_reply_json(job->rq, 200, json_pack("{s:s*, s:I}", "grant", text, "not_after_ms",
						  (json_int_t)g->terms.not_after_ms));
	free(text);
	return 0;
}

static void answered(struct zkhsmd_job *job)
{
	struct server_reply *r = &job->rq->reply;
	struct zkhsmd_grant *g = job->data;
	char id[17];

	log_event(LOG_LEVEL_INFO, "grant", "request", job->rq->id, "source", job->rq->source, "hsm",
		  zkhsmd_short(g->hsm_id, id), "key", g->key_id, "rule",
		  g->rule[0] ? g->rule : NULL, "verdict",
		  r->status == 200 ? "granted" : r->problem, NULL);
	server_send(job->rq);
}

void zkhsmd_api_grant(struct server_request *rq)
{
	struct zkhsmd_grant g;
	struct zkhsmd_job *job;

	memset(&g, 0, sizeof(g));
	if (!read_grant(rq, &g) || !zkhsmd_rate_hsm(rq, ZKHSMD_RATE_GRANTS, g.hsm_id)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(g));
	if (!job)
		return;
	memcpy(job->data, &g, sizeof(g));
	job->work = work;
	job->write = write;
	job->answered = answered;
	zkhsmd_job_submit(job);
}
