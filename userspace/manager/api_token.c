// SPDX-License-Identifier: GPL-2.0
/*
 * api_token.c - POST /v1/tokens: what relying parties carry away
 */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"
#include "grant.h"
#include "rate.h"
#include "status.h"

struct ask {
	struct zkhsm_token_claims claims;
	uint8_t hsm_id[32];
};

/* RFC 9711 section 4.1: an eat_nonce in text has 8 to 88 bytes. */
#define NONCE_MIN	8
#define NONCE_MAX	88

static bool read_text(struct server_request *rq, const char *what, const char *text, size_t min,
		      size_t max, char *out)
{
	if (strlen(text) >= min && strlen(text) <= max) {
		strcpy(out, text);	/* just measured; the caller's array has max + 1 */
		return true;
	}
	zkhsmd_problem(rq, P_REQUEST, "%s has to have %zu to %zu bytes", what, min, max);
	return false;
}

static bool read_thumbprint(struct server_request *rq, const char *text, char out[64])
{
	uint8_t *hash = NULL;
	size_t len;
	bool ok = zkhsm_unb64(text, &hash, &len) == 0 && len == 32;

	free(hash);
	if (ok)
		snprintf(out, 64, "%s", text);
	else
		zkhsmd_problem(rq, P_REQUEST, "x5t#S256 has to be base64url of 32 bytes");
	return ok;
}

static bool read_ask(struct server_request *rq, struct ask *a)
{
	const char *id, *key, *aud, *nonce = NULL, *x5t = NULL;
	json_t *body = server_json(rq);
	json_error_t error;
	bool ok = false;

	if (!body)
		return false;
	if (json_unpack_ex(body, &error, 0, "{s:s, s:s, s:s, s?s, s?s !}", "hsm_id", &id, "key_id",
			   &key, "aud", &aud, "nonce", &nonce, "x5t#S256", &x5t)) {
		server_json_problem(rq, &error);
		goto out;
	}
	if (!zkhsm_id_valid((const uint8_t *)key, strlen(key))) {
		zkhsmd_problem(rq, P_REQUEST, "key_id cannot be a key's id");
		goto out;
	}
	strcpy(a->claims.key_id, key);	/* valid: at most ZKHSM_ID_MAX_LEN */
	ok = zkhsmd_hash_of(rq, "hsm_id", id, a->hsm_id) &&
	     read_text(rq, "aud", aud, 1, sizeof(a->claims.audience) - 1, a->claims.audience) &&
	     (!nonce || read_text(rq, "nonce", nonce, NONCE_MIN, NONCE_MAX, a->claims.nonce)) &&
	     (!x5t || read_thumbprint(rq, x5t, a->claims.x5t));
out:
	json_decref(body);
	return ok;
}

static int fill(struct zkhsmd *m, struct ask *a, const struct zkhsmd_hsm *h,
		const struct zkhsmd_key *k)
{
	int64_t now = zkhsmd_now().wall, until, left = (int64_t)m->config.max_age_ms - k->age_ms;
	struct zkhsm_token_claims *c = &a->claims;
	uint8_t random[16];
	char *jti;

	if (RAND_bytes(random, sizeof(random)) != 1)
		return -EIO;
	jti = zkhsm_hex(random, sizeof(random));
	if (!jti)
		return -ENOMEM;
	snprintf(c->jti, sizeof(c->jti), "%s", jti);
	free(jti);
	snprintf(c->issuer, sizeof(c->issuer), "%s", m->identity.issuer);
	snprintf(c->status, sizeof(c->status), "affirming");
	snprintf(c->policy, sizeof(c->policy), "%s", k->policy_id);
	/*
	 * 2 of draft-ietf-rats-ar4si: recognised and not known to be compromised, and a
	 * configuration that was approved. Of the rest the evidence says nothing.
	 */
	c->vector[ZKHSM_TRUST_INSTANCE_IDENTITY] = 2;
	c->vector[ZKHSM_TRUST_CONFIGURATION] = 2;
	snprintf(c->cluster, sizeof(c->cluster), "%s", h->cluster);
	c->grant_required = k->entry.flags & ZKHSM_KEY_FLAG_GRANT_REQUIRED;
	memcpy(c->hsm_id, h->id, sizeof(c->hsm_id));
	memcpy(c->element, k->element, sizeof(c->element));
	zkhsm_jwk_thumbprint(k->entry.public, c->thumbprint);
	c->key_state = k->entry.state;
	c->age_ms = (uint64_t)k->age_ms;
	/* Whichever is sooner: the wall clock may have been set since. */
	until = h->attested_ms + (int64_t)m->config.max_age_ms;
	if (until > now + left)
		until = now + left;
	c->issued_at = now / 1000;
	c->expires_at = until / 1000;
	c->attested_at = h->attested_ms / 1000;
	return 0;
}

void zkhsmd_key_refuse(struct server_request *rq, const struct zkhsmd_key *k)
{
	if (k->revoked)
		zkhsmd_problem(rq, P_REVOKED, "%s: %s",
			       k->revocation.action == ZKHSM_ORDER_TYPE_HOLD ? "on hold" : "revoked",
			       zkhsm_revocation_reason_name(k->revocation.reason));
	else if (strcmp(k->status, "quarantined") == 0)
		zkhsmd_problem(rq, P_QUARANTINED,
			       "nothing of this HSM is vouched for until an administrator has looked at it");
	else if (strcmp(k->status, "refused") == 0)
		zkhsmd_problem_extra(rq, P_POLICY,
				     json_pack("{s:s}", "rule", k->judgement.rule), "[%s]: %s",
				     k->judgement.rule, k->judgement.why);
	else if (strcmp(k->status, "stale") == 0)
		zkhsmd_problem(rq, P_STALE,
			       "the HSM has not attested its approved configuration for too long");
	else
		zkhsmd_problem(rq, P_NOT_ACTIVE, "the key is %s, not active",
			       zkhsm_state_name(k->entry.state));
}

/* Where to ask whether it has been stopped since; none for what attested before there were lists. */
static int refer(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsm_token_claims *c)
{
	int ret = zkhsmd_status_reference(m, store, c->hsm_id, c->element, &c->status_index,
					  c->status_uri);

	return ret == -ENOENT ? 0 : ret;
}

static void issue(struct zkhsmd_job *job, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		  const struct zkhsmd_key *k)
{
	struct ask *a = job->data;
	struct zkhsm_error err;
	char *token;
	int ret;

	ret = fill(job->m, a, h, k);
	if (!ret)
		ret = refer(job->m, store, &a->claims);
	if (!ret && a->claims.expires_at <= a->claims.issued_at) {
		zkhsmd_problem(job->rq, P_STALE, "the attestation ends within this second");
		return;
	}
	if (!ret)
		ret = zkhsm_token_sign(job->m->identity.token_key, &a->claims, &token, &err);
	if (ret) {
		zkhsmd_problem(job->rq, P_STORE, "the token cannot be signed");
		return;
	}
	server_reply_json(job->rq, 200,
			  json_pack("{s:s, s:I}", "token", token, "expires_at_ms",
				    (json_int_t)a->claims.expires_at * 1000));
	free(token);
}

static enum zkhsmd_next work(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct ask *a = job->data;
	struct zkhsmd_hsm h;
	struct zkhsmd_key k;
	int ret = store->ops->hsm_get(store, a->hsm_id, &h);

	if (!ret && !h.enrolled)
		ret = -ENOENT;
	if (!ret)
		ret = zkhsmd_key_find(job->m, store, &h, a->claims.key_id, &k);
	if (ret == -ENOENT)
		zkhsmd_problem(job->rq, P_UNKNOWN,
			       "no such HSM is enrolled, or its newest list has no such key");
	else if (ret)
		zkhsmd_problem_store(job->rq, ret);
	else if (strcmp(k.status, "attested") != 0)
		zkhsmd_key_refuse(job->rq, &k);
	else
		issue(job, store, &h, &k);
	return ZKHSMD_ANSWER;
}

static void answered(struct zkhsmd_job *job)
{
	struct server_reply *r = &job->rq->reply;
	struct ask *a = job->data;
	char id[17];

	log_event(LOG_LEVEL_INFO, "token", "request", job->rq->id, "source", job->rq->source, "hsm",
		  zkhsmd_short(a->hsm_id, id), "key", a->claims.key_id, "jti",
		  r->status == 200 ? a->claims.jti : NULL, "verdict",
		  r->status == 200 ? "issued" : r->problem, NULL);
	server_send(job->rq);
}

void zkhsmd_api_token(struct server_request *rq)
{
	struct zkhsmd_job *job;
	struct ask a;

	memset(&a, 0, sizeof(a));
	if (!read_ask(rq, &a) || !zkhsmd_rate_hsm(rq, ZKHSMD_RATE_TOKENS, a.hsm_id)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(a));
	if (!job)
		return;
	memcpy(job->data, &a, sizeof(a));
	job->work = work;
	job->answered = answered;
	zkhsmd_job_submit(job);
}
