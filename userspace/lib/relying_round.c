// SPDX-License-Identifier: GPL-2.0
/*
 * relying_round.c - one question to several managers, and what their answers mean
 */
#include <stdio.h>

#include "relying_private.h"

void relying_round_add(struct relying_round *round, struct zkhsm_relying *r, size_t i,
		       const char *method, const char *path, const char *body)
{
	round->manager[round->count] = i;
	round->calls[round->count++] = (struct zkhsm_https_call){
		.h = r->managers[i].h, .method = method, .path = path,
		.content_type = "application/json", .body = body,
		.body_len = body ? strlen(body) : 0,
	};
}

void relying_round_do(struct relying_round *round, struct zkhsm_relying *r)
{
	if (!zkhsm_https_do_many(r->group, round->calls, round->count))
		return;
	for (size_t i = 0; i < round->count; i++)
		round->calls[i].ret = zkhsm_fail(&round->calls[i].error, -ENOMEM, "out of memory");
}

void relying_round_free(struct relying_round *round)
{
	for (size_t i = 0; i < round->count; i++)
		if (!round->calls[i].ret)
			zkhsm_response_free(&round->calls[i].response);
}

static enum zkhsm_relying_code transport_code(int error)
{
	switch (error) {
	case -EKEYREJECTED:
	case -EPROTO:
		return ZKHSM_RELYING_TLS;
	case -EINVAL:
		return ZKHSM_RELYING_CONFIGURATION;
	case -ENOMEM:
		return ZKHSM_RELYING_RESOURCES;
	case -EMSGSIZE:
		return ZKHSM_RELYING_ANSWER;
	default:
		return ZKHSM_RELYING_UNREACHABLE;
	}
}

static enum zkhsm_relying_code refusal_code(const struct zkhsm_response *r,
					    enum zkhsm_relying_code otherwise)
{
	static const struct {
		const char *type;
		enum zkhsm_relying_code code;
	} types[] = {
		{ "urn:zkhsm:unknown", ZKHSM_RELYING_UNKNOWN },
		{ "urn:zkhsm:not-active", ZKHSM_RELYING_NOT_ACTIVE },
		{ "urn:zkhsm:stale", ZKHSM_RELYING_STALE },
		{ "urn:zkhsm:policy", ZKHSM_RELYING_POLICY },
		{ "urn:zkhsm:quarantined", ZKHSM_RELYING_QUARANTINED },
		{ "urn:zkhsm:revoked", ZKHSM_RELYING_REVOKED },
		{ "urn:zkhsm:hsm-revoked", ZKHSM_RELYING_REVOKED },
	};
	char type[64];

	if (r->status == 429 || r->status == 503)
		return ZKHSM_RELYING_BUSY;
	zkhsm_response_type(r, type);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].type, type))
			return types[i].code;
	/* Every refusal of ours has a type; what has none was said by something else. */
	return type[0] ? otherwise : ZKHSM_RELYING_ANSWER;
}

enum zkhsm_relying_code relying_answer(struct zkhsm_relying_vote *v,
				       const struct zkhsm_https_call *c,
				       enum zkhsm_relying_code otherwise, json_t **out)
{
	struct zkhsm_error why = { 0 };

	*out = NULL;
	if (c->ret)
		return relying_vote_fail(v, transport_code(c->ret), "%s", c->error.text);
	snprintf(v->request_id, sizeof(v->request_id), "%s", c->response.request_id);
	if (c->response.status != 200) {
		zkhsm_response_problem(&c->response, &why);
		return relying_vote_fail(v, refusal_code(&c->response, otherwise), "%s", why.text);
	}
	if (zkhsm_response_json(&c->response, out, &why))
		return relying_vote_fail(v, ZKHSM_RELYING_ANSWER, "%s", why.text);
	return ZKHSM_RELYING_DONE;
}
