// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_token.c - verification tokens, and operations at a remote agent
 */
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

#define TOKEN_MAX_LEN	16384
#define LEEWAY_S	5	/* of clocks */

/* x5t#S256 of RFC 7515: SHA-256 of the certificate's DER, base64url. */
static int certificate_thumbprint(struct cli *cli, const char *path, char **out)
{
	FILE *file = fopen(path, "re");
	uint8_t digest[32];
	X509 *cert;
	int ok;

	if (!file)
		return zkhsm_fail(&cli->err, -errno, "%s: %s", path, strerror(errno));
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	ok = cert && X509_digest(cert, EVP_sha256(), digest, NULL);
	X509_free(cert);
	if (!ok)
		return zkhsm_fail(&cli->err, -EBADMSG, "%s has no certificate in PEM", path);
	*out = zkhsm_b64(digest, sizeof(digest));
	return *out ? 0 : zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
}

static int token_request(struct cli *cli, json_t **body)
{
	const char *cert = cli->value[OPT_CERT_BINDING];
	char *thumbprint = NULL;
	uint8_t hsm[32];
	int ret;

	ret = cli_hex(cli, "--hsm", cli->value[OPT_HSM], hsm, sizeof(hsm));
	if (!ret && cert)
		ret = certificate_thumbprint(cli, cert, &thumbprint);
	if (ret)
		return ret;
	*body = json_pack("{s:s, s:s, s:s, s:s*, s:s*}", "hsm_id", cli->value[OPT_HSM],
			  "key_id", cli->value[OPT_KEY_ID], "aud", cli->value[OPT_AUD],
			  "nonce", cli->value[OPT_NONCE_TEXT], "x5t#S256", thumbprint);
	free(thumbprint);
	return *body ? 0 : zkhsm_fail(&cli->err, -EINVAL, "the request is not UTF-8");
}

int cmd_token_get(struct cli *cli)
{
	json_t *body = NULL, *answer = NULL;
	struct zkhsm_https *h;
	const char *token;
	bool done = false;
	int ret;

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

/* A token from a file, without the newline that an editor or echo left. */
static int read_token(struct cli *cli, const char *path, char **token)
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

/*
 * An agent could answer with a signature of some other key. Which one the
 * manager attested stands in the token; whether the token is the manager's is
 * for "token verify", and for the agent.
 */
static int attested_key(struct cli *cli, const char *token, const uint8_t public[65])
{
	const char *begin = strchr(token, '.'), *end = begin ? strchr(begin + 1, '.') : NULL;
	char *part = end ? strndup(begin + 1, (size_t)(end - begin - 1)) : NULL;
	const char *jkt = NULL;
	char thumbprint[64];
	json_t *payload = NULL;
	uint8_t *text = NULL;
	size_t len;
	int ret;

	if (part && !zkhsm_unb64(part, &text, &len))
		payload = json_loadb((char *)text, len, JSON_REJECT_DUPLICATES, NULL);
	json_unpack(payload, "{s:{s:{s:{s:s}}}}", "submods", cli->value[OPT_KEY_ID], "zkhsm",
		    "jkt", &jkt);
	ret = zkhsm_jwk_thumbprint(public, thumbprint);
	if (!ret && (!jkt || strcmp(jkt, thumbprint) != 0))
		ret = zkhsm_fail(&cli->err, -EKEYREJECTED,
				 "the agent signed with another key than the token is about");
	json_decref(payload);
	free(text);
	free(part);
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
