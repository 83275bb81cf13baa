// SPDX-License-Identifier: GPL-2.0
/*
 * fake_agent.c - see fake_issuer.h: the HSM, and its agent
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_issuer.h"

struct fake_hsm *fake_hsm_new(const char *seed)
{
	struct fake_hsm *h = calloc(1, sizeof(*h));
	uint8_t secret[32];
	BIGNUM *d = NULL;

	assert_non_null(h);
	h->p = prover_new(seed, 0);
	assert_int_equal(zkhsm_signer_generate(&h->key, NULL), 0);
	assert_int_equal(EVP_PKEY_get_bn_param(h->key, OSSL_PKEY_PARAM_PRIV_KEY, &d), 1);
	assert_int_equal(BN_bn2binpad(d, secret, 32), 32);
	BN_clear_free(d);
	prover_key_add(h->p, FAKE_KEY_ID, secret);
	prover_refresh(h->p);
	zkhsm_signer_public(h->key, h->public);
	zkhsm_element_name(ZKHSM_KEY_TYPE_EC_P256, h->public, h->element);
	h->uptime_ms = 1000000;
	return h;
}

void fake_hsm_free(struct fake_hsm *h)
{
	prover_free(h->p);
	EVP_PKEY_free(h->key);
	free(h);
}

void fake_sign_digest(EVP_PKEY *key, const uint8_t digest[32], uint8_t signature[64])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	uint8_t der[80];
	size_t len = sizeof(der);
	const uint8_t *p = der;
	ECDSA_SIG *sig;

	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, der, &len, digest, 32), 1);
	sig = d2i_ECDSA_SIG(NULL, &p, (long)len);
	assert_non_null(sig);
	BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, 32);
	BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + 32, 32);
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(ctx);
}

static void get_hsm(struct server_request *rq)
{
	struct fake_agent *f = rq->arg;
	char *id = zkhsm_hex(f->hsm->p->hsm_id, 32);
	char *identity = zkhsm_hex(f->other_identity ? f->other_identity : f->hsm->p->identity, 65);

	if (f->hsm_status)
		server_reply_problem(rq, f->hsm_status, "not-ready", "No", NULL, "no");
	else
		server_reply_json(rq, 200, json_pack("{s:s, s:s, s:I}", "hsm_id", id, "identity",
						     identity, "uptime_ms",
						     (json_int_t)f->hsm->uptime_ms));
	free(identity);
	free(id);
	server_send(rq);
}

/* As the kernel does: of the first grant, and of what it was given for. */
static char *make_receipt(struct fake_agent *f, const json_t *grants, const uint8_t signature[64])
{
	uint8_t receipt[ZKHSM_RECEIPT_LEN], *grant, input[ZKHSM_GRANT_USE_LEN];
	struct zkhsm_receipt r;
	size_t len;
	int n;

	assert_int_equal(zkhsm_unb64(json_string_value(json_array_get(grants, 0)), &grant, &len), 0);
	assert_int_equal(zkhsm_grant_digest(grant, len, r.grant_digest, NULL), 0);
	free(grant);
	zkhsm_grant_use_input(r.grant_digest, input);
	zkhsm_sha256(signature, 64, r.output_digest);
	if (f->other_receipt)
		r.grant_digest[0] ^= 1;
	n = zkhsm_receipt_encode(&r, receipt, sizeof(receipt));
	assert_int_equal(n, ZKHSM_RECEIPT_BODY_LEN);
	prover_proof(f->hsm->p, f->hsm->p->identity_secret, f->hsm->p->hsm_id, 32, receipt,
		     (size_t)n, receipt + n);
	return zkhsm_b64(receipt, f->malformed_receipt ? sizeof(receipt) - 1 : sizeof(receipt));
}

static void check_client(struct fake_agent *f, const json_t *grants, const char *text)
{
	uint8_t input[ZKHSM_GRANT_USE_LEN], digest[32], *grant, *signature;
	size_t len;

	f->grants = json_array_size(grants);
	f->client_signed = text;
	if (!text)
		return;
	assert_int_equal(zkhsm_unb64(json_string_value(json_array_get(grants, 0)), &grant, &len), 0);
	assert_int_equal(zkhsm_grant_digest(grant, len, digest, NULL), 0);
	free(grant);
	zkhsm_grant_use_input(digest, input);
	zkhsm_sha256(input, sizeof(input), digest);
	assert_int_equal(zkhsm_unb64(text, &signature, &len), 0);
	assert_int_equal(len, 64);
	assert_int_equal(zkhsm_verify_ecdsa(f->client, digest, signature, NULL), 0);
	free(signature);
}

static void answer(struct server_request *rq, const json_t *ask)
{
	const char *key = "", *text = "", *client = NULL;
	struct fake_agent *f = rq->arg;
	uint8_t public[65], signature[64], *digest;
	json_t *grants = NULL;
	char *sig, *receipt = NULL;
	size_t len;

	json_unpack((json_t *)(uintptr_t)ask, "{s?s, s?s, s?o, s?s}", "key_id", &key, "digest", &text,
		    "grants", &grants, "client_signature", &client);
	assert_int_equal(zkhsm_unb64(text, &digest, &len), 0);
	assert_int_equal(len, 32);
	fake_sign_digest(f->other_key ? f->other_key : f->hsm->key, digest, signature);
	free(digest);
	check_client(f, grants, client);
	if (grants && !f->no_receipt)
		receipt = make_receipt(f, grants, signature);
	if (f->false_signature)
		signature[63] ^= 1;
	sig = zkhsm_b64(signature, sizeof(signature));
	zkhsm_signer_public(f->other_key ? f->other_key : f->hsm->key, public);
	server_reply_json(rq, 200, json_pack("{s:s, s:o, s:s*}", "signature", sig, "public",
					     zkhsm_jwk_public(public), "receipt", receipt));
	free(receipt);
	free(sig);
}

static void post_sign(struct server_request *rq)
{
	struct fake_agent *f = rq->arg;
	json_t *ask = server_json(rq), *extra = NULL;

	f->asked++;
	if (f->errno_name)
		extra = json_pack("{s:s, s:s}", "errno", f->errno_name, "reason", f->reason);
	if (f->text)
		server_reply_bytes(rq, 200, "application/json", strdup(f->text), strlen(f->text));
	else if (f->status && (!f->refusals || f->asked <= f->refusals))
		server_reply_problem(rq, f->status, f->type, "Refused", json_incref(extra),
				     "as the test wants it");
	else
		answer(rq, ask);
	json_decref(extra);
	json_decref(ask);
	server_send(rq);
}

static const struct server_route routes[] = {
	{ .method = EVHTTP_REQ_GET, .path = "/v1/hsm", .roles = SERVER_CERTIFICATE,
	  .handle = get_hsm },
	{ .method = EVHTTP_REQ_POST, .path = "/v1/sign", .media = "application/json",
	  .max_body = 32768, .roles = SERVER_CERTIFICATE, .handle = post_sign },
};

void fake_agent_begin(struct fake_agent *f, struct fake_hsm *hsm, const char *certificate,
		      const char *private_key, const char *client_ca)
{
	memset(f, 0, sizeof(*f));
	f->hsm = hsm;
	fake_server_begin(&f->server, certificate, private_key, client_ca, routes,
			  ARRAY_SIZE(routes), f);
}

void fake_agent_end(struct fake_agent *f)
{
	fake_server_end(&f->server);
}
