// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_token.c - verification tokens, and operations at a remote agent
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "relying.h"

#define TOKEN_MAX_LEN	16384
#define LEEWAY_S	5	/* of clocks */

static int token_request(struct cli *cli, json_t **body)
{
	const char *cert = cli->value[OPT_CERT_BINDING];
	char thumbprint[64];
	uint8_t hsm[32];
	int ret;

	if (!cli->value[OPT_AUD])
		return cli_usage(cli, "needs --aud");
	ret = cli_hex(cli, "--hsm", cli->value[OPT_HSM], hsm, sizeof(hsm));
	if (!ret && cert)
		ret = zkhsm_certificate_thumbprint(cert, thumbprint, &cli->err);
	if (ret)
		return ret;
	*body = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "hsm_id", cli->value[OPT_HSM],
			  "key_id", cli->value[OPT_KEY_ID], "aud", cli->value[OPT_AUD],
			  "nonce", cli->value[OPT_NONCE_TEXT], "x5t#S256",
			  cert ? thumbprint : NULL);
	return *body ? 0 : zkhsm_fail(&cli->err, -EINVAL, "the request is not UTF-8");
}

int cmd_token_get(struct cli *cli)
{
	json_t *body = NULL, *answer = NULL;
	struct zkhsm_https *h;
	const char *token;
	bool done = false;
	int ret;

	if (cli->value[OPT_RELYING]) {
		if (cli->value[OPT_MANAGER_URL] || cli->value[OPT_CERT_BINDING])
			return cli_usage(cli, "--relying says which managers and certificate");
		return relying_get(cli);
	}
	ret = token_request(cli, &body);
	if (ret)
		return ret;
	ret = cli_connect_manager(cli, false, &h);
	if (ret) {
		json_decref(body);
		return ret;
	}
	ret = cli_request(cli, h, "POST", "/v1/tokens", body, &answer);
	zkhsm_https_free(h);
	if (ret)
		return ret;
	token = json_string_value(json_object_get(answer, "token"));
	if (!token)
		ret = zkhsm_fail(&cli->err, -EBADMSG, "the answer has no token");
	/* Whoever has a token that is not bound to a certificate can use it. */
	ret = ret ? ret : cli_write_out(cli, token, strlen(token), 0600, &done);
	if (!ret && cli->json)
		return cli_emit(cli, answer);
	if (!ret && !done)
		puts(token);
	json_decref(answer);
	return ret;
}

int read_token(struct cli *cli, const char *path, char **token)
{
	uint8_t *data;
	size_t len;
	int ret;

	ret = zkhsm_read_file(path, TOKEN_MAX_LEN, &data, &len, &cli->err);
	if (ret)
		return ret;
	while (len && (data[len - 1] == '\n' || data[len - 1] == '\r'))
		len--;
	*token = strndup((char *)data, len);
	free(data);
	return *token ? 0 : zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
}

static json_t *claims_json(const struct zkhsm_token_claims *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "verified", json_true());
	json_put_text(o, "status", c->status);
	json_put_hex(o, "hsm-id", c->hsm_id, 32);
	json_put_text(o, "key-id", c->key_id);
	json_put_text(o, "state", zkhsm_state_name(c->key_state));
	json_put_hex(o, "element", c->element, 32);
	json_put_text(o, "thumbprint", c->thumbprint);
	json_put_text(o, "policy", c->policy);
	json_object_set_new(o, "grant-required", json_boolean(c->grant_required));
	json_put_text(o, "issuer", c->issuer);
	json_put_text(o, "audience", c->audience);
	if (c->nonce[0])
		json_put_text(o, "nonce", c->nonce);
	if (c->x5t[0])
		json_put_text(o, "x5t#S256", c->x5t);
	json_put_text(o, "jti", c->jti);
	json_put_time(o, "attested-at", (uint64_t)c->attested_at * 1000);
	json_put_time(o, "issued-at", (uint64_t)c->issued_at * 1000);
	json_put_time(o, "expires-at", (uint64_t)c->expires_at * 1000);
	json_put_number(o, "age-ms", c->age_ms);
	return o;
}

int cmd_token_verify(struct cli *cli)
{
	struct zkhsm_token_claims claims;
	json_t *jwks = NULL;
	char *token;
	int ret;

	if (cli->value[OPT_RELYING])
		return relying_verify(cli);
	if (!cli->value[OPT_JWKS] || !cli->value[OPT_AUD])
		return cli_usage(cli, "needs --relying, or --jwks and --aud");
	if (cli->arg_count > 1)
		return cli_usage(cli, "takes several tokens only with --relying");
	ret = read_token(cli, cli->args[0], &token);
	if (ret)
		return ret;
	ret = cli_jwks(cli, NULL, &jwks);
	ret = ret ? ret : zkhsm_token_verify(jwks, token, cli->value[OPT_AUD],
					     cli->value[OPT_NONCE_TEXT], time(NULL), LEEWAY_S,
					     &claims, &cli->err);
	free(token);
	json_decref(jwks);
	return ret ? ret : cli_emit(cli, claims_json(&claims));
}

/* One of a token's first two parts as JSON; NULL if it is none. Caller decrefs. */
static json_t *token_part(const char *token, int number)
{
	const char *begin = token, *end;
	uint8_t *text = NULL;
	json_t *value = NULL;
	char *part;
	size_t len;

	for (; number && begin; number--) {
		begin = strchr(begin, '.');
		begin = begin ? begin + 1 : NULL;
	}
	end = begin ? strchr(begin, '.') : NULL;
	part = end ? strndup(begin, (size_t)(end - begin)) : NULL;
	if (part && !zkhsm_unb64(part, &text, &len))
		value = json_loadb((char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	free(part);
	return value;
}

int cmd_token_inspect(struct cli *cli)
{
	json_t *header, *payload, *o;
	char *token;
	int ret;

	ret = read_token(cli, cli->args[0], &token);
	if (ret)
		return ret;
	header = token_part(token, 0);
	payload = token_part(token, 1);
	free(token);
	if (!header || !payload) {
		json_decref(header);
		json_decref(payload);
		return zkhsm_fail(&cli->err, -EBADMSG, "%s is not a token", cli->args[0]);
	}
	o = json_object();
	json_object_set_new(o, "verified", json_false());
	json_object_set_new(o, "header", header);
	json_object_set_new(o, "claims", payload);
	return cli_emit(cli, o);
}

/*
 * An agent could answer with a signature of some other key. Which one the
 * manager attested stands in the token; whether the token is the manager's is
 * for "token verify", and for the agent.
 */
static int attested_key(struct cli *cli, const char *token, const uint8_t public[65])
{
	json_t *payload = token_part(token, 1);
	const char *jkt = NULL;
	char thumbprint[64];
	int ret;

	json_unpack(payload, "{s:{s:{s:{s:s}}}}", "submods", cli->value[OPT_KEY_ID], "zkhsm",
		    "jkt", &jkt);
	ret = zkhsm_jwk_thumbprint(public, thumbprint);
	if (!ret && (!jkt || strcmp(jkt, thumbprint) != 0))
		ret = zkhsm_fail(&cli->err, -EKEYREJECTED,
				 "the agent signed with another key than the token is about");
	json_decref(payload);
	return ret;
}

/* The answer of an agent; its signature is checked here, the agent may be anybody's. */
static int signed_answer(struct cli *cli, const json_t *answer, const char *token,
			 const uint8_t digest[32])
{
	const json_t *jwk = json_object_get(answer, "public");
	const char *sig = json_string_value(json_object_get(answer, "signature"));
	const char *x = json_string_value(json_object_get(jwk, "x"));
	const char *y = json_string_value(json_object_get(jwk, "y"));
	struct blob { uint8_t *data; size_t len; } s = { 0 }, px = { 0 }, py = { 0 };
	uint8_t public[65] = { 4 };
	int ret;

	if (!sig || !x || !y || zkhsm_unb64(sig, &s.data, &s.len) ||
	    zkhsm_unb64(x, &px.data, &px.len) || zkhsm_unb64(y, &py.data, &py.len) ||
	    s.len != 64 || px.len != 32 || py.len != 32) {
		ret = zkhsm_fail(&cli->err, -EBADMSG, "the agent's answer is not a signature");
	} else {
		memcpy(public + 1, px.data, 32);
		memcpy(public + 33, py.data, 32);
		ret = attested_key(cli, token, public);
		ret = ret ? ret : zkhsm_verify_ecdsa(public, digest, s.data, &cli->err);
		ret = ret ? ret : cli_emit_signature(cli, cli->value[OPT_KEY_ID], digest, s.data,
						     public);
	}
	free(s.data);
	free(px.data);
	free(py.data);
	return ret;
}

int cmd_remote_sign(struct cli *cli)
{
	char *token = NULL, *digest64;
	json_t *body, *answer = NULL;
	struct zkhsm_https *h;
	uint8_t digest[32];
	int ret;

	ret = cli_digest(cli, digest);
	ret = ret ? ret : read_token(cli, cli->value[OPT_TOKEN], &token);
	if (ret)
		return ret;
	ret = cli_connect(cli, cli->value[OPT_AGENT], true, &h);
	if (!ret) {
		digest64 = zkhsm_b64(digest, sizeof(digest));
		body = json_pack("{s:s, s:s, s:s}", "key_id", cli->value[OPT_KEY_ID], "digest",
				 digest64 ? digest64 : "", "token", token);
		free(digest64);
		ret = cli_request(cli, h, "POST", "/v1/sign", body, &answer);
		zkhsm_https_free(h);
	}
	ret = ret ? ret : signed_answer(cli, answer, token, digest);
	free(token);
	json_decref(answer);
	return ret;
}
