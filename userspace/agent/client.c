// SPDX-License-Identifier: GPL-2.0
/*
 * client.c - operations for remote clients: who shows a token may use the key
 *
 * The token says that a manager found this key attested a moment ago; it is
 * not a grant. Who may use the key at all is decided by the clients' CA.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "grants.h"

#define SIGN_MAX_LEN	16384

/* An open family, or the request is answered with why there is none. */
static struct zkhsm_nl *open_hsm(struct server_request *rq, struct zkhsm_hsm_info *hsm)
{
	struct zkhsm_error err;
	struct zkhsm_nl *nl;
	int ret;

	ret = zkhsm_nl_open(&nl, &err);
	if (!ret) {
		ret = zkhsm_hsm_get(nl, hsm, &err);
		if (!ret && !hsm->initialised)
			ret = zkhsm_fail(&err, -ENOKEY, "the HSM has no identity yet");
		if (!ret)
			return nl;
		zkhsm_nl_close(nl);
	}
	server_reply_problem(rq, 503, "not-ready", "The HSM is not ready", NULL, "%s", err.text);
	return NULL;
}

static void get_alive(struct server_request *rq)
{
	server_reply_json(rq, 200, json_pack("{s:s}", "status", "ok"));
	server_send(rq);
}

static void get_hsm(struct server_request *rq)
{
	char *id = NULL, *identity = NULL, *instance = NULL;
	struct zkhsm_hsm_info hsm;
	struct zkhsm_nl *nl;

	nl = open_hsm(rq, &hsm);
	if (nl) {
		zkhsm_nl_close(nl);
		id = zkhsm_hex(hsm.hsm_id, 32);
		identity = zkhsm_hex(hsm.identity, 65);
		instance = zkhsm_hex(hsm.instance_id, 16);
		server_reply_json(rq, 200, json_pack("{s:s*, s:s*, s:s*, s:I}", "hsm_id", id,
						     "identity", identity, "instance_id", instance,
						     "uptime_ms", (json_int_t)hsm.uptime_ms));
		free(instance);
		free(id);
		free(identity);
	}
	server_send(rq);
}

/* What the kernel said, for people and for programs. */
static void kernel_problem(struct server_request *rq, const struct zkhsm_error *err)
{
	const char *name = strerrorname_np(-err->code);

	server_reply_problem(rq, 403, "kernel", "The kernel refused",
			     json_pack("{s:s, s:s}", "errno", name ? name : "unknown", "reason",
				       err->reason ? zkhsm_reason_name(err->reason) : "unspec"),
			     "%s", err->text);
}

static void token_problem(struct server_request *rq, int code, const struct zkhsm_error *err)
{
	if (code == -EKEYEXPIRED)
		server_reply_problem(rq, 403, "token-expired", "The token has expired", NULL, "%s",
				     err->text);
	else if (code == -EACCES)
		server_reply_problem(rq, 403, "token-audience", "The token is for another audience",
				     NULL, "%s", err->text);
	else if (code == -ENOKEY)
		server_reply_problem(rq, 503, "not-ready", "No token keys yet", NULL, "%s",
				     err->text);
	else
		server_reply_problem(rq, 403, "token", "The token is not valid", NULL, "%s",
				     err->text);
}

/* The token must be for this HSM, this key, and this client if it names one. */
static bool token_fits(struct server_request *rq, const struct zkhsm_hsm_info *hsm,
		       const char *token, const char *key_id, struct zkhsm_token_claims *claims)
{
	char *hex = zkhsm_hex(hsm->hsm_id, 32), *x5t = NULL, audience[96];
	struct zkhsm_error err;
	bool bound;
	int ret;

	snprintf(audience, sizeof(audience), "zkhsm-agent:%s", hex ? hex : "");
	free(hex);
	ret = jwks_token_verify(rq->arg, token, audience, claims, &err);
	if (ret) {
		token_problem(rq, ret, &err);
		return false;
	}
	if (memcmp(claims->hsm_id, hsm->hsm_id, 32) != 0 || strcmp(claims->key_id, key_id) != 0) {
		server_reply_problem(rq, 403, "token-key", "The token is for another key", NULL,
				     "the token names another HSM or key than the request");
		return false;
	}
	x5t = zkhsm_b64(rq->peer_x5t, sizeof(rq->peer_x5t));
	bound = !claims->x5t[0] || (x5t && strcmp(claims->x5t, x5t) == 0);
	free(x5t);
	if (!bound)
		server_reply_problem(rq, 403, "token-binding", "The token is another client's",
				     NULL, "the token is bound to another certificate");
	return bound;
}

/* A key made anew under an old id is not the one that was attested. */
static bool key_is_attested(struct server_request *rq, struct zkhsm_nl *nl,
			    const struct zkhsm_token_claims *claims, uint8_t public[65])
{
	struct zkhsm_key_info key;
	struct zkhsm_error err;

	if (zkhsm_key_get(nl, claims->key_id, &key, &err)) {
		kernel_problem(rq, &err);
		return false;
	}
	if (memcmp(key.element, claims->element, 32) != 0) {
		server_reply_problem(rq, 403, "token-key", "The token is for another key", NULL,
				     "the key with this id is not the one that was attested");
		return false;
	}
	memcpy(public, key.public, 65);
	return true;
}

static void sign(struct server_request *rq, struct zkhsm_nl *nl, const char *key_id,
		 const uint8_t digest[32], const struct zkhsm_grants *grants,
		 const uint8_t attested[65])
{
	uint8_t signature[64], public[65], receipt[ZKHSM_RECEIPT_LEN];
	char *text, *said = NULL;
	struct zkhsm_error err;
	int ret;

	ret = grants->count ? zkhsm_key_sign_granted(nl, key_id, digest, grants, signature, public,
						     receipt, &err) :
	      zkhsm_key_sign(nl, key_id, digest, signature, public, &err);
	if (ret) {
		kernel_problem(rq, &err);
		return;
	}
	/* Exchanged between the two requests to the kernel. */
	if (memcmp(public, attested, 65) != 0) {
		server_reply_problem(rq, 403, "token-key", "The token is for another key", NULL,
				     "the key was replaced meanwhile");
		return;
	}
	text = zkhsm_b64(signature, sizeof(signature));
	if (grants->count)
		said = zkhsm_b64(receipt, sizeof(receipt));
	server_reply_json(rq, 200, json_pack("{s:s*, s:o*, s:s*}", "signature", text, "public",
					     zkhsm_jwk_public(public), "receipt", said));
	free(said);
	free(text);
}

static void post_sign(struct server_request *rq)
{
	const char *key_id, *digest64, *token, *client_signature = NULL;
	struct zkhsm_token_claims claims;
	struct zkhsm_hsm_info hsm;
	struct zkhsm_nl *nl = NULL;
	uint8_t *digest = NULL, public[65];
	struct grants grants = { .grants.count = 0 };
	json_t *body, *orders = NULL;
	json_error_t error;
	size_t len;

	body = server_json(rq);
	if (!body)
		goto out;
	if (json_unpack_ex(body, &error, 0, "{s:s, s:s, s:s, s?o, s?s !}", "key_id", &key_id,
			   "digest", &digest64, "token", &token, "grants", &orders,
			   "client_signature", &client_signature)) {
		server_json_problem(rq, &error);
		goto out;
	}
	if (zkhsm_unb64(digest64, &digest, &len) || len != 32) {
		server_reply_problem(rq, 400, "request", "Malformed request", NULL,
				     "the digest is not base64url of 32 bytes");
		goto out;
	}
	if (!grants_read(rq, orders, client_signature, &grants))
		goto out;
	nl = open_hsm(rq, &hsm);
	if (nl && token_fits(rq, &hsm, token, key_id, &claims) &&
	    key_is_attested(rq, nl, &claims, public))
		sign(rq, nl, key_id, digest, &grants.grants, public);
	log_event(LOG_LEVEL_INFO, "sign", "request_id", rq->id, "source", rq->source,
		  "client", rq->peer, "key", key_id, "status", LOG_NUMBER(rq->reply.status),
		  "problem", rq->reply.problem[0] ? rq->reply.problem : NULL, NULL);
out:
	zkhsm_nl_close(nl);
	grants_free(&grants);
	free(digest);
	json_decref(body);
	server_send(rq);
}

static const struct server_route routes[] = {
	{ EVHTTP_REQ_GET, "/health/alive", NULL, 0, SERVER_CERTIFICATE, get_alive },
	{ EVHTTP_REQ_GET, "/v1/hsm", NULL, 0, SERVER_CERTIFICATE, get_hsm },
	{ EVHTTP_REQ_POST, "/v1/sign", "application/json", SIGN_MAX_LEN, SERVER_CERTIFICATE,
	  post_sign },
};

int client_server_config(const struct agent *a, struct server_config *c)
{
	const struct https_config *h = &a->https;

	*c = (struct server_config){
		.address = h->listen,
		.port = (uint16_t)h->port,
		.certificate = h->certificate,
		.private_key = h->private_key,
		.client_ca = h->client_ca,
		.max_head = 16384,
		.max_body = SIGN_MAX_LEN,
		.connections_max = (unsigned int)h->connections_max,
		.large_max = 1,
		.idle_ms = h->idle_timeout_ms,
		.request_ms = h->request_timeout_ms,
		.large_ms = h->request_timeout_ms,
		.routes = routes,
		.route_count = ARRAY_SIZE(routes),
		.arg = (void *)a,
	};
	return 0;
}

int client_start(struct agent *a, struct zkhsm_error *err)
{
	struct server_config c;
	int ret;

	if (!a->https.listen[0])
		return 0;
	client_server_config(a, &c);
	ret = server_new(a->base, &c, &a->server, err);
	if (!ret)
		log_event(LOG_LEVEL_INFO, "listening", "address", a->https.listen,
			  "port", LOG_NUMBER(server_port(a->server)), NULL);
	return ret;
}
