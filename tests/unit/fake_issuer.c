// SPDX-License-Identifier: GPL-2.0
/*
 * fake_issuer.c - see fake_issuer.h: the manager
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "fake_issuer.h"

static bool hold(struct server_request *rq)
{
	struct fake_issuer *f = rq->arg;

	if (!f->silent || f->held_count == ARRAY_SIZE(f->held))
		return false;
	f->held[f->held_count++] = rq;
	return true;
}

static void refuse(struct server_request *rq, int status, const char *type)
{
	server_reply_problem(rq, status, type, "Refused", NULL, "as the test wants it");
}

static void get_jwks(struct server_request *rq)
{
	struct fake_issuer *f = rq->arg;

	if (hold(rq))
		return;
	server_reply_json(rq, 200, f->key_set ? json_incref(f->key_set) :
			  zkhsm_jwks(&f->token_key, 1));
	rq->reply.media = "application/jwk-set+json";
	server_send(rq);
}

static struct zkhsm_token_claims true_claims(const struct fake_issuer *f, const json_t *ask)
{
	const char *aud = "", *nonce = "", *x5t = "", *key = "", *hsm = "";
	struct zkhsm_token_claims c = {
		.issued_at = time(NULL), .expires_at = time(NULL) + 300,
		.attested_at = time(NULL) - 30, .age_ms = 30000,
		.key_state = ZKHSM_KEY_STATE_ACTIVE, .jti = "j", .status = "affirming",
		.policy = "urn:zkhsm:policy:default", .grant_required = f->grant_required,
	};

	json_unpack((json_t *)(uintptr_t)ask, "{s?s, s?s, s?s, s?s, s?s}", "hsm_id", &hsm, "key_id",
		    &key, "aud", &aud, "nonce", &nonce, "x5t#S256", &x5t);
	snprintf(c.issuer, sizeof(c.issuer), "%s", f->issuer);
	snprintf(c.audience, sizeof(c.audience), "%s", aud);
	snprintf(c.nonce, sizeof(c.nonce), "%s", nonce);
	snprintf(c.x5t, sizeof(c.x5t), "%s", x5t);
	snprintf(c.key_id, sizeof(c.key_id), "%s", key);
	assert_int_equal(zkhsm_unhex(hsm, c.hsm_id, 32), 0);
	memcpy(c.element, f->hsm->element, 32);
	zkhsm_jwk_thumbprint(f->hsm->public, c.thumbprint);
	return c;
}

static void post_token(struct server_request *rq)
{
	struct fake_issuer *f = rq->arg;
	struct zkhsm_token_claims c;
	char *token = NULL;
	json_t *ask;

	if (hold(rq))
		return;
	f->tokens++;
	if (f->status) {
		refuse(rq, f->status, f->type);
		server_send(rq);
		return;
	}
	ask = server_json(rq);
	c = true_claims(f, ask);
	json_decref(ask);
	if (f->claims)
		f->claims(&c);
	if (!f->token)
		assert_int_equal(zkhsm_token_sign(f->token_key, &c, &token, NULL), 0);
	server_reply_json(rq, 200, json_pack("{s:s}", "token", f->token ? f->token : token));
	free(token);
	server_send(rq);
}

static void get_list(struct server_request *rq)
{
	struct fake_issuer *f = rq->arg;
	json_t *payload;
	char *jws = NULL;

	if (hold(rq))
		return;
	payload = json_pack("{s:s, s:I, s:I, s:I, s:[], s:[]}", "iss", f->issuer, "number",
			    (json_int_t)f->list_number, "iat", (json_int_t)time(NULL) - 600,
			    "next_update", (json_int_t)(time(NULL) + f->next_update_s), "revoked",
			    "suspended");
	if (f->payload)
		f->payload(payload);
	assert_int_equal(zkhsm_jws_sign(f->list_key ? f->list_key : f->token_key,
					ZKHSM_REVOCATIONS_TYPE, payload, &jws, NULL), 0);
	json_decref(payload);
	if (f->list_text) {
		free(jws);
		jws = strdup(f->list_text);
	}
	server_reply_bytes(rq, f->list_status ? f->list_status : 200, "application/jose", jws,
			   strlen(jws));
	server_send(rq);
}

static void get_running(struct server_request *rq)
{
	struct fake_issuer *f = rq->arg;
	char *instance = zkhsm_hex(f->instance, 16);

	if (f->running_status)
		refuse(rq, f->running_status, "unknown");
	else if (f->uptime_ms)
		server_reply_json(rq, 200, json_pack("{s:s, s:I}", "instance_id", instance,
						     "uptime_ms", (json_int_t)f->uptime_ms));
	else
		server_reply_json(rq, 200, json_pack("{s:n, s:n}", "instance_id", "uptime_ms"));
	free(instance);
	server_send(rq);
}

static void post_grant(struct server_request *rq)
{
	uint8_t grant[ZKHSM_GRANT_LEN], *body = NULL, hsm_id[32];
	const char *hsm = "", *key = "", *text = "";
	struct fake_issuer *f = rq->arg;
	struct zkhsm_grant_terms t;
	char *b64 = NULL;
	json_t *ask;
	size_t len;

	f->grants++;
	if (f->grant_status) {
		refuse(rq, f->grant_status, f->grant_type);
		server_send(rq);
		return;
	}
	ask = server_json(rq);
	json_unpack(ask, "{s?s, s?s, s?s}", "hsm_id", &hsm, "key_id", &key, "body", &text);
	assert_string_equal(key, FAKE_KEY_ID);
	assert_int_equal(zkhsm_unhex(hsm, hsm_id, 32), 0);
	assert_int_equal(zkhsm_unb64(text, &body, &len), 0);
	assert_int_equal(zkhsm_grant_body_read(body, len, &t, NULL), 0);
	free(body);
	json_decref(ask);
	assert_memory_equal(t.instance_id, f->instance, 16);
	assert_memory_equal(t.element, f->hsm->element, 32);
	if (f->terms)
		f->terms(&t);
	assert_int_equal(zkhsm_grant_make(f->grant_key ? f->grant_key : f->order_key, hsm_id, &t,
					  grant, NULL), 0);
	b64 = zkhsm_b64(grant, sizeof(grant));
	server_reply_json(rq, 200, json_pack("{s:s}", "grant", f->grant ? f->grant : b64));
	free(b64);
	server_send(rq);
}

#define PUBLIC	.roles = SERVER_PUBLIC
#define JSON	.media = "application/json", .max_body = 8192

static const struct server_route routes[] = {
	{ EVHTTP_REQ_GET, ZKHSM_JWKS_PATH, PUBLIC, .handle = get_jwks },
	{ EVHTTP_REQ_POST, "/v1/tokens", JSON, PUBLIC, .handle = post_token },
	{ EVHTTP_REQ_GET, "/v1/revocations", PUBLIC, .handle = get_list },
	{ EVHTTP_REQ_GET, "/v1/hsms/{}", PUBLIC, .handle = get_running },
	{ EVHTTP_REQ_POST, "/v1/grants", JSON, PUBLIC, .handle = post_grant },
};

void fake_issuer_begin(struct fake_issuer *f, struct fake_hsm *hsm, const char *certificate,
		       const char *private_key)
{
	uint8_t id[32];
	char *hex;

	memset(f, 0, sizeof(*f));
	f->hsm = hsm;
	f->list_number = 5;
	f->next_update_s = 600;
	f->uptime_ms = hsm->uptime_ms;
	memset(f->instance, 7, sizeof(f->instance));
	assert_int_equal(zkhsm_signer_generate(&f->order_key, NULL), 0);
	assert_int_equal(zkhsm_signer_generate(&f->token_key, NULL), 0);
	zkhsm_signer_public(f->order_key, f->order_public);
	zkhsm_sha256(f->order_public, 65, id);
	hex = zkhsm_hex(id, 32);
	snprintf(f->issuer, sizeof(f->issuer), "zkhsm:%s", hex);
	free(hex);
	fake_server_begin(&f->server, certificate, private_key, NULL, routes, ARRAY_SIZE(routes), f);
}

void fake_issuer_end(struct fake_issuer *f)
{
	event_active(f->server.stop, EV_READ, 0);
	pthread_join(f->server.thread, NULL);
	for (size_t i = 0; i < f->held_count; i++) {
		refuse(f->held[i], 503, "stopping");
		server_send(f->held[i]);
	}
	event_free(f->server.stop);
	server_free(f->server.server);
	event_base_free(f->server.base);
	EVP_PKEY_free(f->order_key);
	EVP_PKEY_free(f->token_key);
	json_decref(f->key_set);
}
