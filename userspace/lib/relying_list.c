// SPDX-License-Identifier: GPL-2.0
/*
 * relying_list.c - each manager's own revocation list: true, fresh, not older than
 * one that was seen, and without the key
 */
#include <time.h>

#include "relying_private.h"

static bool member_is(const json_t *o, const char *name, const char *value)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text && !strcmp(text, value);
}

static bool member_is_hash(const json_t *o, const char *name, const uint8_t hash[32])
{
	const char *text = json_string_value(json_object_get(o, name));
	uint8_t value[32];

	return text && !zkhsm_unhex(text, value, sizeof(value)) && !memcmp(value, hash, 32);
}

/*
 * 1 when the entry stops this key, 0 when not, -EBADMSG when nobody can tell: a scope
 * of tomorrow must not pass for one that does not matter.
 */
static int entry_stops(const struct relying_use *u, const struct zkhsm_relying_vote *v,
		       const json_t *entry)
{
	const char *scope = json_string_value(json_object_get(entry, "scope"));
	const struct zkhsm_token_claims *c = &v->claims;
	bool of_hsm = member_is_hash(entry, "hsm_id", u->request->hsm_id);

	if (!scope)
		return -EBADMSG;
	if (!strcmp(scope, "hsm"))
		return of_hsm;
	/*
	 * By id as well as by element: without a token the element is not known, and a
	 * key made anew under the id of a revoked one is not the one that was revoked.
	 */
	if (!strcmp(scope, "key"))
		return of_hsm && (c->key_id[0] ? member_is_hash(entry, "element", c->element) :
				  member_is(entry, "key_id", u->request->key_id));
	if (!strcmp(scope, "element"))
		return c->key_id[0] && member_is_hash(entry, "element", c->element);
	if (!strcmp(scope, "cluster"))
		return c->cluster[0] && member_is(entry, "cluster", c->cluster);
	return -EBADMSG;
}

static int look_through(struct relying_use *u, size_t i, const json_t *entries,
			enum relying_stop means)
{
	const json_t *entry;
	size_t n;
	int ret;

	if (!json_is_array(entries))
		return -EBADMSG;
	json_array_foreach(entries, n, entry) {
		ret = entry_stops(u, &u->out->votes[i], entry);
		if (ret < 0)
			return ret;
		if (ret)
			u->stop[i] = means;
	}
	return 0;
}

struct list_head {
	const char *issuer;
	json_int_t number, iat, next_update;
};

/* Only what the issuer signed comes here. */
static enum zkhsm_relying_code judge_payload(struct relying_use *u, size_t i, const json_t *payload)
{
	struct zkhsm_relying_vote *v = &u->out->votes[i];
	int64_t leeway = (int64_t)u->r->config.leeway_ms / 1000;
	enum relying_stop said = u->stop[i];
	struct zkhsm_error why = { 0 };
	struct list_head h;
	int ret;

	if (json_unpack((json_t *)(uintptr_t)payload, "{s:s, s:I, s:I, s:I}", "iss", &h.issuer,
			"number", &h.number, "iat", &h.iat, "next_update", &h.next_update) ||
	    h.number < 0 || h.next_update <= h.iat)
		return relying_vote_fail(v, ZKHSM_RELYING_LIST_MALFORMED,
					 "a member of the list is missing or malformed");
	if (strcmp(h.issuer, u->r->managers[i].issuer))
		return relying_vote_fail(v, ZKHSM_RELYING_LIST_ISSUER, "issued by %.80s", h.issuer);
	/* Whatever else is wrong with it: that a key is revoked stays true. */
	u->stop[i] = RELYING_GOES_ON;
	if (look_through(u, i, json_object_get(payload, "suspended"), RELYING_SUSPENDED) ||
	    look_through(u, i, json_object_get(payload, "revoked"), RELYING_REVOKED)) {
		u->stop[i] = said > u->stop[i] ? said : u->stop[i];
		return relying_vote_fail(v, ZKHSM_RELYING_LIST_MALFORMED,
					 "an entry of the list is not understood");
	}
	if (u->stop[i] == RELYING_GOES_ON)
		u->stop[i] = said;
	v->listed = true;
	v->list_number = (uint64_t)h.number;
	ret = relying_state_see(u->r->state, h.issuer, v->list_number, &why);
	if (ret)
		return relying_vote_fail(v, ret == -ESTALE ? ZKHSM_RELYING_LIST_ROLLBACK :
					 ZKHSM_RELYING_STATE, "%s", why.text);
	if (h.iat > u->now_s + leeway)
		return relying_vote_fail(v, ZKHSM_RELYING_LIST_STALE, "signed %lld s in the future",
					 (long long)(h.iat - u->now_s));
	if (h.next_update <= u->now_s - leeway)
		return relying_vote_fail(v, ZKHSM_RELYING_LIST_STALE,
					 "there should be a newer one since %lld s",
					 (long long)(u->now_s - h.next_update));
	return ZKHSM_RELYING_DONE;
}

enum zkhsm_relying_code relying_judge_list(struct relying_use *u, size_t i, const char *jws)
{
	struct zkhsm_relying_vote *v = &u->out->votes[i];
	struct zkhsm_error why = { 0 };
	enum zkhsm_relying_code code;
	json_t *payload;
	int ret;

	ret = zkhsm_jws_verify(u->r->managers[i].jwks, ZKHSM_REVOCATIONS_TYPE, jws, &payload, &why);
	if (ret)
		return relying_vote_fail(v, ret == -EKEYREJECTED ? ZKHSM_RELYING_LIST_SIGNATURE :
					 ret == -ENOMEM ? ZKHSM_RELYING_RESOURCES :
					 ZKHSM_RELYING_LIST_MALFORMED, "%s", why.text);
	code = judge_payload(u, i, payload);
	json_decref(payload);
	return code;
}

/*
 * A list counts against a manager that was good so far; of one that was not, what it
 * says of the key still counts.
 */
static void take_list(struct relying_use *u, size_t i, const struct zkhsm_https_call *c)
{
	struct zkhsm_relying_vote *v = &u->out->votes[i], before = *v;
	enum zkhsm_relying_code code;
	bool old;

	if (c->ret)
		code = relying_vote_fail(v, ZKHSM_RELYING_LIST_MISSING, "%s", c->error.text);
	else if (c->response.status != 200)
		code = relying_vote_fail(v, ZKHSM_RELYING_LIST_MISSING,
					 "the answer for the list has status %ld",
					 c->response.status);
	else
		code = relying_judge_list(u, i, (const char *)c->response.body);
	v->stopped = u->stop[i] != RELYING_GOES_ON;
	old = code == ZKHSM_RELYING_LIST_MISSING || code == ZKHSM_RELYING_LIST_STALE;
	if (before.code || (old && u->r->config.danger_without_fresh_list)) {
		v->code = before.code;
		v->error = before.error;
	}
}

void relying_get_lists(struct relying_use *u)
{
	struct relying_round round = { .count = 0 };
	size_t i;

	/* Of one whose keys are not known nothing can be believed. */
	for (i = 0; i < u->r->config.manager_count; i++)
		if (u->r->managers[i].jwks && u->out->votes[i].code != ZKHSM_RELYING_UNREACHABLE &&
		    u->out->votes[i].code != ZKHSM_RELYING_TLS)
			relying_round_add(&round, u->r, i, "GET", "/v1/revocations", NULL);
	relying_round_do(&round, u->r);
	u->now_s = time(NULL);
	for (i = 0; i < round.count; i++)
		take_list(u, round.manager[i], &round.calls[i]);
	relying_round_free(&round);
}

/* One manager under two names has one vote here too. */
static bool first_of_its_name(const struct relying_use *u, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (u->stop[j] && !strcmp(u->r->managers[i].issuer, u->r->managers[j].issuer))
			return false;
	return true;
}

enum zkhsm_relying_code relying_stopped(struct relying_use *u)
{
	size_t revoked = 0, stopped = 0, first = 0;

	for (size_t i = u->r->config.manager_count; i-- > 0;) {
		if (!u->stop[i] || !first_of_its_name(u, i))
			continue;
		stopped++;
		revoked += u->stop[i] == RELYING_REVOKED;
		first = i;
	}
	if (stopped < u->r->config.stop)
		return ZKHSM_RELYING_DONE;
	return relying_fail(u, revoked >= u->r->config.stop ? ZKHSM_RELYING_REVOKED :
			    ZKHSM_RELYING_SUSPENDED, "%zu managers say so, %s is one of them",
			    stopped, u->out->votes[first].name);
}
