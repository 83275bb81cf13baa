// SPDX-License-Identifier: GPL-2.0
/*
 * relying_token.c - a token from each manager, and whether they are of one opinion
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "relying_private.h"

static char *token_request(const struct relying_use *u)
{
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "hsm_id", u->hsm_hex, "key_id",
				 u->request->key_id, "aud", u->out->audience, "nonce",
				 u->out->nonce, "x5t#S256", u->r->x5t[0] ? u->r->x5t : NULL);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	return text;
}

static void take_token(struct relying_use *u, size_t i, const struct zkhsm_https_call *c)
{
	struct zkhsm_relying_vote *v = &u->out->votes[i];
	json_t *answer;
	bool got;

	if (relying_answer(v, c, ZKHSM_RELYING_REFUSED, &answer)) {
		/* A list that says "on hold" is more exact, and comes later. */
		if (v->code == ZKHSM_RELYING_REVOKED)
			u->stop[i] = RELYING_REVOKED;
		return;
	}
	got = relying_vote_token(v, json_string_value(json_object_get(answer, "token")));
	json_decref(answer);
	if (got)
		relying_judge_token(u, &u->r->managers[i], v);
	else
		relying_vote_fail(v, ZKHSM_RELYING_ANSWER, "the answer has no token");
}

void relying_get_tokens(struct relying_use *u)
{
	struct relying_round round = { .count = 0 };
	char *body = token_request(u);
	size_t i;

	for (i = 0; i < u->r->config.manager_count; i++) {
		struct zkhsm_relying_vote *v = &u->out->votes[i];

		if (v->code)
			continue;
		if (body)
			relying_round_add(&round, u->r, i, "POST", "/v1/tokens", body);
		else
			relying_vote_fail(v, ZKHSM_RELYING_RESOURCES, "out of memory");
	}
	relying_round_do(&round, u->r);
	u->now_s = time(NULL);		/* The slowest may have taken its time. */
	for (i = 0; i < round.count; i++)
		take_token(u, round.manager[i], &round.calls[i]);
	relying_round_free(&round);
	free(body);
}

static enum zkhsm_relying_code fault_code(enum zkhsm_token_fault fault)
{
	static const enum zkhsm_relying_code codes[] = {
		[ZKHSM_TOKEN_FITS] = ZKHSM_RELYING_DONE,
		[ZKHSM_TOKEN_NOT_AFFIRMING] = ZKHSM_RELYING_TOKEN_STATUS,
		[ZKHSM_TOKEN_EXPIRED] = ZKHSM_RELYING_TOKEN_EXPIRED,
		[ZKHSM_TOKEN_FUTURE] = ZKHSM_RELYING_TOKEN_FUTURE,
		[ZKHSM_TOKEN_AUDIENCE] = ZKHSM_RELYING_TOKEN_AUDIENCE,
		[ZKHSM_TOKEN_NONCE] = ZKHSM_RELYING_TOKEN_NONCE,
	};

	return codes[fault];
}

/* What a true token says, against what was asked. */
static enum zkhsm_relying_code judge_claims(const struct relying_use *u,
					    const struct relying_manager *m,
					    struct zkhsm_relying_vote *v)
{
	const struct zkhsm_relying_config *config = &u->r->config;
	const struct zkhsm_token_claims *c = &v->claims;
	struct zkhsm_error why = { 0 };
	enum zkhsm_token_fault fault;

	if (strcmp(c->issuer, m->issuer))
		return relying_vote_fail(v, ZKHSM_RELYING_TOKEN_ISSUER, "issued by %.80s",
					 c->issuer);
	fault = zkhsm_token_judge(c, u->out->audience, u->out->nonce, u->now_s,
				  (int64_t)config->leeway_ms / 1000);
	if (fault) {
		zkhsm_token_fault(fault, c, u->now_s, &why);
		return relying_vote_fail(v, fault_code(fault), "%s", why.text);
	}
	if (c->key_state != ZKHSM_KEY_STATE_ACTIVE)
		return relying_vote_fail(v, ZKHSM_RELYING_TOKEN_STATUS, "the key is %s",
					 zkhsm_state_name(c->key_state));
	if (memcmp(c->hsm_id, u->request->hsm_id, sizeof(c->hsm_id)) ||
	    strcmp(c->key_id, u->request->key_id))
		return relying_vote_fail(v, ZKHSM_RELYING_TOKEN_SUBJECT,
					 "the token is about key %s of another HSM, or another key",
					 c->key_id);
	/* Bound to somebody else it is of no use here; not bound, it is not what was asked for. */
	if ((c->x5t[0] || u->asked) && strcmp(c->x5t, u->r->x5t))
		return relying_vote_fail(v, ZKHSM_RELYING_TOKEN_BINDING,
					 "the token is bound to %s",
					 c->x5t[0] ? "another certificate" : "no certificate");
	if (config->max_age_ms &&
	    (u->now_s - c->attested_at) * 1000 > (int64_t)(config->max_age_ms + config->leeway_ms))
		return relying_vote_fail(v, ZKHSM_RELYING_TOKEN_AGED, "attested %lld s ago",
					 (long long)(u->now_s - c->attested_at));
	return ZKHSM_RELYING_DONE;
}

enum zkhsm_relying_code relying_judge_token(const struct relying_use *u, struct relying_manager *m,
					    struct zkhsm_relying_vote *v)
{
	struct zkhsm_error why = { 0 };
	char kid[64];
	int ret;

	if (zkhsm_jws_kid("JWT", v->token, kid, &why))
		return relying_vote_fail(v, ZKHSM_RELYING_TOKEN_MALFORMED, "%s", why.text);
	if (!zkhsm_jwks_has(m->jwks, kid)) {
		m->jwks_ms = 0;		/* It may have new ones the next time. */
		return relying_vote_fail(v, ZKHSM_RELYING_TOKEN_KEY,
					 "no key of this manager is called %s", kid);
	}
	ret = zkhsm_token_read(m->jwks, v->token, &v->claims, &why);
	if (ret) {
		memset(&v->claims, 0, sizeof(v->claims));
		return relying_vote_fail(v, ret == -ENOMEM ? ZKHSM_RELYING_RESOURCES :
					 ret == -EBADMSG ? ZKHSM_RELYING_TOKEN_MALFORMED :
					 ZKHSM_RELYING_TOKEN_SIGNATURE, "%s", why.text);
	}
	return judge_claims(u, m, v);
}

static struct zkhsm_relying_vote *extra_vote(struct relying_use *u, const char *token)
{
	struct zkhsm_relying_vote *v = &u->out->votes[u->out->vote_count++];

	relying_vote_token(v, token);
	return v;
}

static void sort_token(struct relying_use *u, const char *token)
{
	size_t i, count = u->r->config.manager_count;
	struct zkhsm_error why = { 0 };
	char kid[64];

	if (zkhsm_jws_kid("JWT", token, kid, &why)) {
		relying_vote_fail(extra_vote(u, token), ZKHSM_RELYING_TOKEN_MALFORMED, "%s",
				  why.text);
		return;
	}
	for (i = 0; i < count; i++)
		if (zkhsm_jwks_has(u->r->managers[i].jwks, kid) && !u->out->votes[i].token)
			break;
	if (i < count) {
		relying_vote_token(&u->out->votes[i], token);
		return;
	}
	for (i = 0; i < count; i++)
		if (zkhsm_jwks_has(u->r->managers[i].jwks, kid))
			break;
	if (i < count)
		relying_vote_fail(extra_vote(u, token), ZKHSM_RELYING_DUPLICATE,
				  "one more token of %s", u->out->votes[i].name);
	else
		relying_vote_fail(extra_vote(u, token), ZKHSM_RELYING_TOKEN_KEY,
				  "no manager's key is called %s", kid);
}

/* The first true token of this call says which nonce it is that all have to have. */
static void take_nonce(struct relying_use *u)
{
	struct zkhsm_token_claims c;

	for (size_t i = 0; i < u->r->config.manager_count && !u->out->nonce[0]; i++) {
		const struct zkhsm_relying_vote *v = &u->out->votes[i];

		if (!v->token || zkhsm_token_read(u->r->managers[i].jwks, v->token, &c, NULL))
			continue;
		snprintf(u->out->nonce, sizeof(u->out->nonce), "%s", c.nonce);
	}
}

void relying_sort_tokens(struct relying_use *u, const char *const *tokens, size_t count)
{
	size_t i;

	for (i = 0; i < count && u->out->vote_count < ARRAY_SIZE(u->out->votes); i++)
		sort_token(u, tokens[i]);
	if (!u->request->nonce)
		take_nonce(u);
	u->now_s = time(NULL);
	for (i = 0; i < u->r->config.manager_count; i++) {
		struct zkhsm_relying_vote *v = &u->out->votes[i];

		if (v->token)
			relying_judge_token(u, &u->r->managers[i], v);
		else if (!v->code)
			relying_vote_fail(v, ZKHSM_RELYING_TOKEN_MISSING,
					  "none of the tokens is this manager's");
	}
}

/* One manager under two names, or one token key under two managers, is one voice. */
static bool same_voice(const struct relying_use *u, size_t a, size_t b)
{
	const struct zkhsm_relying_vote *v = u->out->votes;
	char one[64], other[64];

	if (!strcmp(u->r->managers[a].issuer, u->r->managers[b].issuer))
		return true;
	return zkhsm_jws_kid("JWT", v[a].token, one, NULL) ||
	       zkhsm_jws_kid("JWT", v[b].token, other, NULL) || !strcmp(one, other);
}

static void drop_duplicates(struct relying_use *u)
{
	struct zkhsm_relying_vote *v = u->out->votes;

	for (size_t i = 0; i < u->r->config.manager_count; i++)
		for (size_t j = 0; j < i && !v[i].code; j++)
			if (!v[j].code && same_voice(u, i, j))
				relying_vote_fail(&v[i], ZKHSM_RELYING_DUPLICATE,
						  "the same manager as %s", v[j].name);
}

static bool same_key(const struct zkhsm_token_claims *a, const struct zkhsm_token_claims *b)
{
	return !strcmp(a->thumbprint, b->thumbprint) && !memcmp(a->element, b->element, 32);
}

/* How many speak of the same key as vote @i. */
static size_t opinion(const struct relying_use *u, size_t i)
{
	const struct zkhsm_relying_vote *v = u->out->votes;
	size_t same = 0;

	for (size_t j = 0; j < u->r->config.manager_count; j++)
		same += !v[j].code && same_key(&v[i].claims, &v[j].claims);
	return same;
}

static void take_opinion(struct relying_use *u, size_t best)
{
	const struct zkhsm_relying_vote *v = u->out->votes;
	struct zkhsm_relying_result *out = u->out;

	for (size_t i = 0; i < u->r->config.manager_count; i++) {
		u->counts[i] = !v[i].code && same_key(&v[best].claims, &v[i].claims);
		out->agreed += u->counts[i];
		/* One that knows of it is enough: without grants the kernel would refuse. */
		out->grant_required |= u->counts[i] && v[i].claims.grant_required;
	}
	memcpy(out->thumbprint, v[best].claims.thumbprint, sizeof(out->thumbprint));
	memcpy(out->element, v[best].claims.element, sizeof(out->element));
}

enum zkhsm_relying_code relying_agree(struct relying_use *u)
{
	size_t good = 0, best = 0, most = 0, k = (size_t)u->r->config.k;
	bool two = false;

	drop_duplicates(u);
	for (size_t i = 0; i < u->r->config.manager_count; i++) {
		size_t same;

		if (u->out->votes[i].code)
			continue;
		good++;
		same = opinion(u, i);
		if (same >= k && most >= k &&
		    !same_key(&u->out->votes[i].claims, &u->out->votes[best].claims))
			two = true;
		if (same > most) {
			most = same;
			best = i;
		}
	}
	if (good < k)
		return relying_fail_votes(u, "managers' tokens and lists", good, k);
	/* With k of no majority, two keys may both have enough who speak for them. */
	if (most < k || two)
		return relying_fail(u, ZKHSM_RELYING_DISAGREE,
				    "%zu managers gave tokens, %zu of them for one key", good,
				    most);
	take_opinion(u, best);
	if (u->request->thumbprint && strcmp(u->request->thumbprint, u->out->thumbprint))
		return relying_fail(u, ZKHSM_RELYING_OTHER_KEY,
				    "the managers agree on %s", u->out->thumbprint);
	return ZKHSM_RELYING_DONE;
}
