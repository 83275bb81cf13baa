// SPDX-License-Identifier: GPL-2.0
/*
 * relying_show.c - what several managers said, for people and for programs
 */
#include <stdio.h>
#include <string.h>

#include "relying.h"

static json_t *vote_json(const struct zkhsm_relying_vote *v, bool tokens)
{
	json_t *o = json_object();

	json_put_text(o, "manager", v->name[0] ? v->name : "(nobody known)");
	json_put_text(o, "code", zkhsm_relying_name(v->code));
	if (v->error.text[0])
		json_put_text(o, "error", v->error.text);
	if (v->claims.key_id[0]) {
		json_put_text(o, "issuer", v->claims.issuer);
		json_put_text(o, "policy", v->claims.policy);
		json_put_time(o, "attested-at", (uint64_t)v->claims.attested_at * 1000);
		json_put_time(o, "expires-at", (uint64_t)v->claims.expires_at * 1000);
	}
	if (v->listed)
		json_put_number(o, "revocation-list", v->list_number);
	if (v->request_id[0])
		json_put_text(o, "request-id", v->request_id);
	if (tokens && v->token)
		json_put_text(o, "token", v->token);
	return o;
}

json_t *relying_json(const struct zkhsm_relying_result *r, bool tokens)
{
	json_t *o = json_object(), *votes = json_array();

	json_put_text(o, "code", zkhsm_relying_name(r->code));
	if (r->error.text[0])
		json_put_text(o, "error", r->error.text);
	json_put_number(o, "agreed", r->agreed);
	if (r->thumbprint[0]) {
		json_put_text(o, "thumbprint", r->thumbprint);
		json_put_hex(o, "element", r->element, sizeof(r->element));
		json_object_set_new(o, "grant-required", json_boolean(r->grant_required));
	}
	json_put_text(o, "audience", r->audience);
	if (r->nonce[0])
		json_put_text(o, "nonce", r->nonce);
	if (r->kernel_errno[0]) {
		json_put_text(o, "kernel-errno", r->kernel_errno);
		json_put_text(o, "kernel-reason", r->kernel_reason);
	}
	if (r->granted)
		json_put_hex(o, "grant", r->grant_digest, sizeof(r->grant_digest));
	for (size_t i = 0; i < r->vote_count; i++)
		json_array_append_new(votes, vote_json(&r->votes[i], tokens));
	json_object_set_new(o, "managers", votes);
	return o;
}

int relying_failed(struct cli *cli, const struct zkhsm_relying_result *r)
{
	if (cli->json) {
		cli_emit(cli, relying_json(r, false));
		return CLI_FAILED;
	}
	for (size_t i = 0; i < r->vote_count; i++)
		if (r->votes[i].code)
			fprintf(stderr, "zkhsm: %s: %s\n",
				r->votes[i].name[0] ? r->votes[i].name : "(nobody known)",
				zkhsm_relying_name(r->votes[i].code));
	snprintf(cli->remote_type, sizeof(cli->remote_type), "%s", zkhsm_relying_name(r->code));
	return zkhsm_fail(&cli->err, r->error.code, "%s (%s): %.200s", zkhsm_relying_text(r->code),
			  zkhsm_relying_name(r->code), r->error.text);
}
