// SPDX-License-Identifier: GPL-2.0
/*
 * relying_agent.c - the key used at its HSM's agent, who is believed nothing
 */
#include <stdio.h>
#include <stdlib.h>

#include "relying_private.h"

static enum zkhsm_relying_code transport_code(int error)
{
	switch (error) {
	case -EKEYREJECTED:
	case -EPROTO:
		return ZKHSM_RELYING_AGENT_TLS;
	case -EINVAL:
		return ZKHSM_RELYING_CONFIGURATION;
	case -ENOMEM:
		return ZKHSM_RELYING_RESOURCES;
	case -EMSGSIZE:
		return ZKHSM_RELYING_AGENT_ANSWER;
	default:
		return ZKHSM_RELYING_AGENT_UNREACHABLE;
	}
}

/* The kernel's own errno and reason, as the agent passes them on. */
static void take_refusal(struct relying_use *u, const struct zkhsm_response *r)
{
	const char *name = "", *reason = "";
	json_t *problem;

	if (zkhsm_response_json(r, &problem, NULL))
		return;
	json_unpack(problem, "{s?s, s?s}", "errno", &name, "reason", &reason);
	snprintf(u->out->kernel_errno, sizeof(u->out->kernel_errno), "%s", name);
	snprintf(u->out->kernel_reason, sizeof(u->out->kernel_reason), "%s", reason);
	json_decref(problem);
}

static enum zkhsm_relying_code refused(struct relying_use *u, const struct zkhsm_response *r)
{
	enum zkhsm_relying_code code = ZKHSM_RELYING_AGENT_REFUSED;
	struct zkhsm_error why = { 0 };
	char type[64];

	zkhsm_response_type(r, type);
	zkhsm_response_problem(r, &why);
	if (!strcmp(type, "urn:zkhsm:kernel")) {
		take_refusal(u, r);
		code = ZKHSM_RELYING_KERNEL_REFUSED;
	} else if (r->status == 429 || r->status == 503) {
		code = ZKHSM_RELYING_AGENT_BUSY;
	} else if (!type[0]) {
		code = ZKHSM_RELYING_AGENT_ANSWER;
	}
	return relying_fail(u, code, "%s", why.text);
}

static enum zkhsm_relying_code ask(struct relying_use *u, const char *method, const char *path,
				   const char *body, json_t **out)
{
	struct zkhsm_error why = { 0 };
	enum zkhsm_relying_code code = ZKHSM_RELYING_DONE;
	struct zkhsm_response r;
	int ret;

	*out = NULL;
	ret = zkhsm_https_do(u->r->agent, method, path, body ? "application/json" : NULL, body,
			     body ? strlen(body) : 0, &r, &why);
	if (ret)
		return relying_fail(u, transport_code(ret), "%s", why.text);
	if (r.status != 200)
		code = refused(u, &r);
	else if (zkhsm_response_json(&r, out, &why))
		code = relying_fail(u, ZKHSM_RELYING_AGENT_ANSWER, "%s", why.text);
	zkhsm_response_free(&r);
	return code;
}

enum zkhsm_relying_code relying_agent_hsm(struct relying_use *u, uint8_t identity[ZKHSM_POINT_LEN],
					  uint64_t *uptime_ms)
{
	enum zkhsm_relying_code code;
	uint8_t hsm_id[32];
	json_int_t uptime;
	const char *hex;
	json_t *answer;

	code = ask(u, "GET", "/v1/hsm", NULL, &answer);
	if (code)
		return code;
	/* The id is the digest of the identity, so nobody can show another one. */
	if (json_unpack(answer, "{s:s, s:I}", "identity", &hex, "uptime_ms", &uptime) ||
	    uptime < 0 || zkhsm_unhex(hex, identity, ZKHSM_POINT_LEN)) {
		code = relying_fail(u, ZKHSM_RELYING_AGENT_ANSWER,
				    "the agent does not say whose it is");
	} else {
		*uptime_ms = (uint64_t)uptime;
		zkhsm_sha256(identity, ZKHSM_POINT_LEN, hsm_id);
		if (memcmp(hsm_id, u->request->hsm_id, sizeof(hsm_id)))
			code = relying_fail(u, ZKHSM_RELYING_AGENT_IDENTITY,
					    "the agent's HSM has another identity");
	}
	json_decref(answer);
	return code;
}

/* Exactly @len bytes of base64url in a member. */
static bool take_bytes(const json_t *o, const char *name, uint8_t *out, size_t len)
{
	const char *text = json_string_value(json_object_get(o, name));
	uint8_t *data;
	size_t got;
	bool ok;

	if (!text || zkhsm_unb64(text, &data, &got))
		return false;
	ok = got == len;
	if (ok)
		memcpy(out, data, len);
	free(data);
	return ok;
}

static enum zkhsm_relying_code judge_receipt(struct relying_use *u, const json_t *answer,
					     const struct relying_grants *g)
{
	struct zkhsm_relying_result *out = u->out;
	struct zkhsm_error why = { 0 };

	if (!g)
		return ZKHSM_RELYING_DONE;
	if (!json_object_get(answer, "receipt"))
		return relying_fail(u, ZKHSM_RELYING_RECEIPT_MISSING,
				    "the agent gives a signature without a receipt");
	if (!take_bytes(answer, "receipt", out->receipt, sizeof(out->receipt)))
		return relying_fail(u, ZKHSM_RELYING_RECEIPT, "the receipt is malformed");
	if (zkhsm_verify_receipt(g->identity, out->grant_digest, out->signature,
				 sizeof(out->signature), out->receipt, sizeof(out->receipt), &why))
		return relying_fail(u, ZKHSM_RELYING_RECEIPT, "%s", why.text);
	out->granted = true;
	return ZKHSM_RELYING_DONE;
}

static enum zkhsm_relying_code judge_answer(struct relying_use *u, const json_t *answer,
					    const uint8_t digest[32],
					    const struct relying_grants *g)
{
	const json_t *jwk = json_object_get(answer, "public");
	struct zkhsm_relying_result *out = u->out;
	struct zkhsm_error why = { 0 };
	char thumbprint[64];

	out->public[0] = 4;
	if (!take_bytes(answer, "signature", out->signature, sizeof(out->signature)) ||
	    !take_bytes(jwk, "x", out->public + 1, 32) ||
	    !take_bytes(jwk, "y", out->public + 33, 32))
		return relying_fail(u, ZKHSM_RELYING_AGENT_ANSWER,
				    "the answer is not a signature and a key");
	if (zkhsm_jwk_thumbprint(out->public, thumbprint))
		return relying_fail(u, ZKHSM_RELYING_RESOURCES, "out of memory");
	if (strcmp(thumbprint, out->thumbprint))
		return relying_fail(u, ZKHSM_RELYING_ANSWER_KEY, "signed with %s, attested was %s",
				    thumbprint, out->thumbprint);
	if (zkhsm_verify_ecdsa(out->public, digest, out->signature, &why))
		return relying_fail(u, ZKHSM_RELYING_SIGNATURE, "%s", why.text);
	return judge_receipt(u, answer, g);
}

static char *sign_request(const struct relying_use *u, const char *token, const uint8_t digest[32],
			  const struct relying_grants *g)
{
	char *b64 = zkhsm_b64(digest, 32), *text;
	json_t *body = json_pack("{s:s, s:s*, s:s, s:O*, s:s*}", "key_id", u->request->key_id,
				 "digest", b64, "token", token, "grants", g ? g->orders : NULL,
				 "client_signature", g ? g->client_signature : NULL);

	text = body && b64 ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	free(b64);
	return text;
}

/*
 * The agent may not know every manager that the client knows: another token is tried
 * while it is the token that it does not take. The kernel is asked but once.
 */
enum zkhsm_relying_code relying_agent_sign(struct relying_use *u, const uint8_t digest[32],
					   const struct relying_grants *g)
{
	enum zkhsm_relying_code code = ZKHSM_RELYING_AGENT_REFUSED;
	json_t *answer = NULL;
	char *body;

	for (size_t i = 0; i < u->r->config.manager_count; i++) {
		if (!u->counts[i])
			continue;
		body = sign_request(u, u->out->votes[i].token, digest, g);
		if (!body)
			return relying_fail(u, ZKHSM_RELYING_RESOURCES, "out of memory");
		/* Of the token before. */
		u->out->code = ZKHSM_RELYING_DONE;
		memset(&u->out->error, 0, sizeof(u->out->error));
		code = ask(u, "POST", "/v1/sign", body, &answer);
		free(body);
		if (code != ZKHSM_RELYING_AGENT_REFUSED)
			break;
	}
	if (!code)
		code = judge_answer(u, answer, digest, g);
	json_decref(answer);
	return code;
}
