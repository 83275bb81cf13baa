// SPDX-License-Identifier: GPL-2.0
/*
 * relying.c - a relying party: whom it believes, and the order of what it does
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "relying_private.h"

#define MINUTE_MS	60000
/* Of RFC 9711 section 4.1, and of what managers take. */
#define NONCE_MIN	8
#define NONCE_MAX	88

static int check_config(const struct zkhsm_relying_config *c, struct zkhsm_error *err)
{
	if (!c->manager_count || c->manager_count > ZKHSM_MANAGERS_MAX)
		return zkhsm_fail(err, -EINVAL, "there are 1 to %d managers, not %zu",
				  ZKHSM_MANAGERS_MAX, c->manager_count);
	if (!c->k || c->k > c->manager_count)
		return zkhsm_fail(err, -EINVAL, "k is 1 to %zu, not %llu", c->manager_count,
				  (unsigned long long)c->k);
	if (!c->stop || c->stop > c->manager_count)
		return zkhsm_fail(err, -EINVAL, "stop is 1 to %zu, not %llu", c->manager_count,
				  (unsigned long long)c->stop);
	if (!c->grant_life_ms || c->grant_life_ms > ZKHSM_GRANT_AHEAD_MAX_MS)
		return zkhsm_fail(err, -EINVAL, "grants live for 1 to %d ms",
				  ZKHSM_GRANT_AHEAD_MAX_MS);
	if (!c->connect_timeout_ms || c->connect_timeout_ms > 60 * MINUTE_MS ||
	    !c->timeout_ms || c->timeout_ms > 60 * MINUTE_MS || c->leeway_ms > 60 * MINUTE_MS)
		return zkhsm_fail(err, -EINVAL, "a time is 0 or longer than an hour");
	if (!c->certificate[0] != !c->private_key[0])
		return zkhsm_fail(err, -EINVAL, "certificate and private_key belong together");
	if (c->agent_url[0] && (!c->agent_ca[0] || !c->certificate[0]))
		return zkhsm_fail(err, -EINVAL,
				  "an agent needs a CA, and a certificate for who asks it");
	return 0;
}

static void connection(const struct zkhsm_relying_config *c, struct zkhsm_https_config *out)
{
	*out = (struct zkhsm_https_config){
		.connect_timeout_ms = (long)c->connect_timeout_ms,
		.timeout_ms = (long)c->timeout_ms,
		.max_response = RELYING_LIST_MAX,
	};
}

static int open_manager(struct zkhsm_relying *r, size_t i, struct zkhsm_error *err)
{
	const struct zkhsm_relying_manager *c = &r->config.managers[i];
	struct relying_manager *m = &r->managers[i];
	struct zkhsm_https_config h;
	uint8_t id[32];
	EVP_PKEY *key;
	char *hex;
	int ret;

	m->config = c;
	if (zkhsm_unhex(c->key, m->order_key, sizeof(m->order_key)) ||
	    zkhsm_public_decode(m->order_key, &key, NULL))
		return zkhsm_fail(err, -EINVAL, "not a key of 65 bytes in hex");
	EVP_PKEY_free(key);
	zkhsm_sha256(m->order_key, sizeof(m->order_key), id);
	hex = zkhsm_hex(id, sizeof(id));
	snprintf(m->issuer, sizeof(m->issuer), "zkhsm:%s", hex ? hex : "");
	free(hex);
	connection(&r->config, &h);
	h.base_url = c->url;
	h.ca_file = c->ca;
	ret = zkhsm_https_new(&h, &m->h, err);
	if (!ret && c->jwks[0])
		ret = zkhsm_jwks_load(c->jwks, &m->jwks, err);
	return ret;
}

static int open_client(struct zkhsm_relying *r, struct zkhsm_error *err)
{
	const struct zkhsm_relying_config *c = &r->config;
	struct zkhsm_https_config h;
	int ret = 0;

	if (c->certificate[0])
		ret = zkhsm_certificate_thumbprint(c->certificate, r->x5t, err);
	if (!ret && c->client_key[0])
		ret = zkhsm_signer_load(c->client_key, &r->client, err);
	if (ret || !c->agent_url[0])
		return ret;
	connection(c, &h);
	h.base_url = c->agent_url;
	h.ca_file = c->agent_ca;
	h.cert_file = c->certificate;
	h.key_file = c->private_key;
	h.max_response = 65536;
	return zkhsm_https_new(&h, &r->agent, err);
}

/**
 * zkhsm_relying_new() - a relying party
 * @c: whom it believes; copied
 * @out: for zkhsm_relying_free(); good for any number of calls, one at a time
 * @err: why not
 *
 * Files are read, but for those of TLS; nobody is connected to.
 *
 * Return: 0; -EINVAL for a value that cannot be used; what reading a file gives.
 */
int zkhsm_relying_new(const struct zkhsm_relying_config *c, struct zkhsm_relying **out,
		      struct zkhsm_error *err)
{
	struct zkhsm_error why = { 0 };
	struct zkhsm_relying *r;
	int ret;

	*out = NULL;
	ret = check_config(c, err);
	if (ret)
		return ret;
	r = calloc(1, sizeof(*r));
	if (!r)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	r->config = *c;
	for (size_t i = 0; !ret && i < c->manager_count; i++) {
		ret = open_manager(r, i, &why);
		if (ret)
			zkhsm_fail(err, ret, "manager %.64s: %.240s", c->managers[i].name,
				   why.text);
	}
	ret = ret ? ret : open_client(r, err);
	ret = ret ? ret : relying_state_open(c->state, &r->state, err);
	if (!ret && zkhsm_https_group_new(&r->group))
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
	if (ret)
		zkhsm_relying_free(r);
	else
		*out = r;
	return ret;
}

void zkhsm_relying_free(struct zkhsm_relying *r)
{
	if (!r)
		return;
	zkhsm_https_group_free(r->group);
	for (size_t i = 0; i < ARRAY_SIZE(r->managers); i++) {
		zkhsm_https_free(r->managers[i].h);
		json_decref(r->managers[i].jwks);
	}
	zkhsm_https_free(r->agent);
	EVP_PKEY_free(r->client);
	relying_state_close(r->state);
	free(r);
}

void zkhsm_relying_result_free(struct zkhsm_relying_result *out)
{
	for (size_t i = 0; i < out->vote_count; i++) {
		free(out->votes[i].token);
		out->votes[i].token = NULL;
	}
	out->vote_count = 0;
}

static enum zkhsm_relying_code set_words(struct relying_use *u)
{
	const struct zkhsm_relying_request *q = u->request;
	struct zkhsm_relying_result *out = u->out;
	uint8_t random[32];
	char *text;

	if (q->audience && (!*q->audience || strlen(q->audience) >= sizeof(out->audience)))
		return relying_fail(u, ZKHSM_RELYING_REQUEST, "the audience has 1 to %zu bytes",
				    sizeof(out->audience) - 1);
	if (q->nonce && (strlen(q->nonce) < NONCE_MIN || strlen(q->nonce) > NONCE_MAX))
		return relying_fail(u, ZKHSM_RELYING_REQUEST, "the nonce has %d to %d bytes",
				    NONCE_MIN, NONCE_MAX);
	if (q->audience)
		snprintf(out->audience, sizeof(out->audience), "%s", q->audience);
	else
		snprintf(out->audience, sizeof(out->audience), "zkhsm-agent:%s", u->hsm_hex);
	if (q->nonce)
		snprintf(out->nonce, sizeof(out->nonce), "%s", q->nonce);
	if (q->nonce || !u->asked)
		return ZKHSM_RELYING_DONE;
	text = RAND_bytes(random, sizeof(random)) == 1 ? zkhsm_b64(random, sizeof(random)) : NULL;
	if (!text)
		return relying_fail(u, ZKHSM_RELYING_RESOURCES, "there are no random numbers");
	snprintf(out->nonce, sizeof(out->nonce), "%s", text);
	free(text);
	return ZKHSM_RELYING_DONE;
}

static enum zkhsm_relying_code begin(struct relying_use *u, struct zkhsm_relying *r,
				     const struct zkhsm_relying_request *request, bool asked,
				     struct zkhsm_relying_result *out)
{
	char *hex = zkhsm_hex(request->hsm_id, sizeof(request->hsm_id));

	memset(u, 0, sizeof(*u));
	memset(out, 0, sizeof(*out));
	u->r = r;
	u->request = request;
	u->out = out;
	u->asked = asked;
	if (!hex)
		return relying_fail(u, ZKHSM_RELYING_RESOURCES, "out of memory");
	snprintf(u->hsm_hex, sizeof(u->hsm_hex), "%s", hex);
	free(hex);
	if (!request->key_id ||
	    !zkhsm_id_valid((const uint8_t *)request->key_id, strlen(request->key_id)))
		return relying_fail(u, ZKHSM_RELYING_REQUEST, "this cannot be a key's id");
	out->vote_count = r->config.manager_count;
	for (size_t i = 0; i < out->vote_count; i++)
		snprintf(out->votes[i].name, sizeof(out->votes[i].name), "%s",
			 r->config.managers[i].name);
	return set_words(u);
}

/* What is revoked is revoked however many managers are left. */
static enum zkhsm_relying_code conclude(struct relying_use *u)
{
	enum zkhsm_relying_code code;

	relying_get_lists(u);
	code = relying_stopped(u);
	return code ? code : relying_agree(u);
}

static enum zkhsm_relying_code get_tokens(struct relying_use *u)
{
	relying_get_keys(u);
	relying_get_tokens(u);
	return conclude(u);
}

enum zkhsm_relying_code zkhsm_relying_tokens(struct zkhsm_relying *r,
					     const struct zkhsm_relying_request *request,
					     struct zkhsm_relying_result *out)
{
	struct relying_use u;
	enum zkhsm_relying_code code = begin(&u, r, request, true, out);

	return code ? code : get_tokens(&u);
}

enum zkhsm_relying_code zkhsm_relying_verify(struct zkhsm_relying *r,
					     const struct zkhsm_relying_request *request,
					     const char *const *tokens, size_t count,
					     struct zkhsm_relying_result *out)
{
	struct relying_use u;
	enum zkhsm_relying_code code = begin(&u, r, request, false, out);

	if (!code && count > ZKHSM_MANAGERS_MAX)
		code = relying_fail(&u, ZKHSM_RELYING_REQUEST, "more than %d tokens",
				    ZKHSM_MANAGERS_MAX);
	if (code)
		return code;
	relying_get_keys(&u);
	relying_sort_tokens(&u, tokens, count);
	return conclude(&u);
}

enum zkhsm_relying_code zkhsm_relying_sign(struct zkhsm_relying *r,
					   const struct zkhsm_relying_request *request,
					   const uint8_t digest[32],
					   struct zkhsm_relying_result *out)
{
	struct relying_grants grants = { .orders = NULL };
	enum zkhsm_relying_code code;
	struct relying_use u;

	code = begin(&u, r, request, true, out);
	if (!code && !r->agent)
		code = relying_fail(&u, ZKHSM_RELYING_CONFIGURATION, "no agent is named");
	if (!code && request->audience)
		code = relying_fail(&u, ZKHSM_RELYING_REQUEST,
				    "tokens for another audience are of no use to the agent");
	code = code ? code : get_tokens(&u);
	if (!code && out->grant_required)
		code = relying_get_grants(&u, digest, &grants);
	if (!code)
		code = relying_agent_sign(&u, digest, out->grant_required ? &grants : NULL);
	relying_grants_free(&grants);
	/* What was not verified is not there for anybody to use all the same. */
	if (code) {
		memset(out->signature, 0, sizeof(out->signature));
		memset(out->public, 0, sizeof(out->public));
		memset(out->receipt, 0, sizeof(out->receipt));
	}
	return code;
}
