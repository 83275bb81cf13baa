// SPDX-License-Identifier: GPL-2.0
/*
 * relying_grant.c - grants of the managers that agree, for one operation
 *
 * All sign the same body, so it has to be made before they are asked: which
 * instance of the HSM runs, and how long it has been up, is what they say in
 * public, and the agent's own word where that is less.
 */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "relying_private.h"

void relying_grants_free(struct relying_grants *g)
{
	json_decref(g->orders);
	free(g->client_signature);
	memset(g, 0, sizeof(*g));
}

struct running {
	bool known;
	uint8_t instance_id[ZKHSM_INSTANCE_ID_LEN];
	uint64_t uptime_ms;
};

static void take_running(struct zkhsm_relying_vote *v, const struct zkhsm_https_call *c,
			 struct running *out)
{
	const char *instance;
	json_int_t uptime;
	json_t *answer;

	if (relying_answer(v, c, ZKHSM_RELYING_GRANT_INSTANCE, &answer))
		return;
	if (json_unpack(answer, "{s:s, s:I}", "instance_id", &instance, "uptime_ms", &uptime) ||
	    zkhsm_unhex(instance, out->instance_id, sizeof(out->instance_id)) || uptime < 0) {
		relying_vote_fail(v, ZKHSM_RELYING_GRANT_INSTANCE,
				  "it does not say which instance runs, and since when");
	} else {
		out->uptime_ms = (uint64_t)uptime;
		out->known = true;
	}
	json_decref(answer);
}

/* How many take to be running what @one does, and their uptimes, longest first. */
static size_t same_as(const struct running *one, const struct running *all, size_t count,
		      uint64_t uptimes[ZKHSM_MANAGERS_MAX])
{
	size_t same = 0;

	for (size_t i = 0; i < count; i++) {
		size_t at = same;

		if (!all[i].known || !one->known ||
		    memcmp(one->instance_id, all[i].instance_id, sizeof(one->instance_id)))
			continue;
		for (; at && uptimes[at - 1] < all[i].uptime_ms; at--)
			uptimes[at] = uptimes[at - 1];
		uptimes[at] = all[i].uptime_ms;
		same++;
	}
	return same;
}

/*
 * What k managers take to be running, and the uptime that k of them give at least: fewer
 * than k that lie can neither make it longer than the HSM has been up, nor shorter than
 * k that do not lie say.
 */
static enum zkhsm_relying_code agree_running(struct relying_use *u, const struct running *all,
					     struct running *out)
{
	size_t count = u->r->config.manager_count, k = (size_t)u->r->config.k, most = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t uptimes[ZKHSM_MANAGERS_MAX];
		size_t same = same_as(&all[i], all, count, uptimes);

		if (same > most) {
			most = same;
			*out = all[i];
			out->uptime_ms = same >= k ? uptimes[k - 1] : 0;
		}
	}
	if (most >= k)
		return ZKHSM_RELYING_DONE;
	return relying_fail(u, ZKHSM_RELYING_GRANT_INSTANCE,
			    "%zu managers, not %llu, know the same instance of the HSM", most,
			    (unsigned long long)u->r->config.k);
}

static enum zkhsm_relying_code get_running(struct relying_use *u, struct running *out)
{
	struct relying_round round = { .count = 0 };
	struct running all[ZKHSM_MANAGERS_MAX] = { 0 };
	char path[96];
	size_t i;

	snprintf(path, sizeof(path), "/v1/hsms/%s", u->hsm_hex);
	for (i = 0; i < u->r->config.manager_count; i++)
		if (u->counts[i])
			relying_round_add(&round, u->r, i, "GET", path, NULL);
	relying_round_do(&round, u->r);
	for (i = 0; i < round.count; i++)
		take_running(&u->out->votes[round.manager[i]], &round.calls[i],
			     &all[round.manager[i]]);
	relying_round_free(&round);
	return agree_running(u, all, out);
}

static enum zkhsm_relying_code make_terms(struct relying_use *u, const uint8_t digest[32],
					  const struct running *running, uint64_t agent_ms,
					  struct zkhsm_grant_terms *t)
{
	uint64_t now = agent_ms < running->uptime_ms ? agent_ms : running->uptime_ms;

	memset(t, 0, sizeof(*t));
	t->not_after_ms = now + u->r->config.grant_life_ms;
	/* The kernel would refuse what is past by its clock, a manager by its own. */
	if (t->not_after_ms <= agent_ms || t->not_after_ms <= running->uptime_ms)
		return relying_fail(u, ZKHSM_RELYING_GRANT_TIME,
				    "up for %llu ms by its agent, for %llu by its managers",
				    (unsigned long long)agent_ms,
				    (unsigned long long)running->uptime_ms);
	if (RAND_bytes(t->jti, sizeof(t->jti)) != 1)
		return relying_fail(u, ZKHSM_RELYING_RESOURCES, "there are no random numbers");
	memcpy(t->instance_id, running->instance_id, sizeof(t->instance_id));
	memcpy(t->element, u->out->element, sizeof(t->element));
	t->operation = ZKHSM_GRANT_OPERATION_SIGN;
	zkhsm_grant_sign_input(digest, t->input);
	if (u->r->client)
		zkhsm_signer_public(u->r->client, t->client);
	return ZKHSM_RELYING_DONE;
}

/* What the manager signed has to be the very bytes that it was asked for. */
static enum zkhsm_relying_code judge_grant(struct relying_use *u, size_t i, const char *text,
					   const uint8_t body[ZKHSM_GRANT_BODY_LEN])
{
	const struct relying_manager *m = &u->r->managers[i];
	struct zkhsm_relying_vote *v = &u->out->votes[i];
	struct zkhsm_error why = { 0 };
	struct zkhsm_order o;
	uint8_t *grant;
	size_t len;
	int ret;

	if (!text || zkhsm_unb64(text, &grant, &len))
		return relying_vote_fail(v, ZKHSM_RELYING_GRANT_FALSE, "the answer has no grant");
	ret = zkhsm_order_verify(m->order_key, grant, len, &o, &why);
	if (!ret && (o.type != ZKHSM_ORDER_TYPE_GRANT || len != ZKHSM_GRANT_LEN ||
		     memcmp(o.hsm_id, u->request->hsm_id, sizeof(o.hsm_id)) ||
		     memcmp(grant + ZKHSM_ORDER_HEAD_LEN, body, ZKHSM_GRANT_BODY_LEN)))
		ret = zkhsm_fail(&why, -EKEYREJECTED, "this is not the grant that was asked for");
	free(grant);
	return ret ? relying_vote_fail(v, ZKHSM_RELYING_GRANT_FALSE, "%s", why.text) :
	       ZKHSM_RELYING_DONE;
}

static void take_grant(struct relying_use *u, size_t i, const struct zkhsm_https_call *c,
		       const uint8_t body[ZKHSM_GRANT_BODY_LEN], struct relying_grants *out)
{
	json_t *answer;

	if (relying_answer(&u->out->votes[i], c, ZKHSM_RELYING_GRANT_REFUSED, &answer))
		return;
	if (!judge_grant(u, i, json_string_value(json_object_get(answer, "grant")), body))
		json_array_append(out->orders, json_object_get(answer, "grant"));
	json_decref(answer);
}

static enum zkhsm_relying_code ask_for_grants(struct relying_use *u,
					      const uint8_t body[ZKHSM_GRANT_BODY_LEN],
					      struct relying_grants *out)
{
	struct relying_round round = { .count = 0 };
	char *b64 = zkhsm_b64(body, ZKHSM_GRANT_BODY_LEN), *text = NULL;
	json_t *question = json_pack("{s:s, s:s, s:s*}", "hsm_id", u->hsm_hex, "key_id",
				     u->request->key_id, "body", b64);
	size_t i;

	text = question && b64 ? json_dumps(question, JSON_COMPACT) : NULL;
	json_decref(question);
	free(b64);
	out->orders = json_array();
	if (!text || !out->orders) {
		free(text);
		return relying_fail(u, ZKHSM_RELYING_RESOURCES, "out of memory");
	}
	for (i = 0; i < u->r->config.manager_count; i++)
		if (u->counts[i] && !u->out->votes[i].code)
			relying_round_add(&round, u->r, i, "POST", "/v1/grants", text);
	relying_round_do(&round, u->r);
	for (i = 0; i < round.count; i++)
		take_grant(u, round.manager[i], &round.calls[i], body, out);
	relying_round_free(&round);
	free(text);
	if (json_array_size(out->orders) >= u->r->config.k)
		return ZKHSM_RELYING_DONE;
	return relying_fail_votes(u, "grants", json_array_size(out->orders),
				  (size_t)u->r->config.k);
}

static enum zkhsm_relying_code sign_use(struct relying_use *u, struct relying_grants *out)
{
	uint8_t signature[ZKHSM_SIGNATURE_LEN];
	struct zkhsm_error why = { 0 };

	if (!u->r->client)
		return ZKHSM_RELYING_DONE;
	if (zkhsm_grant_sign(u->r->client, u->out->grant_digest, signature, &why))
		return relying_fail(u, ZKHSM_RELYING_CONFIGURATION, "client_key: %s", why.text);
	out->client_signature = zkhsm_b64(signature, sizeof(signature));
	return out->client_signature ? ZKHSM_RELYING_DONE :
	       relying_fail(u, ZKHSM_RELYING_RESOURCES, "out of memory");
}

enum zkhsm_relying_code relying_get_grants(struct relying_use *u, const uint8_t digest[32],
					   struct relying_grants *out)
{
	struct running running = { .known = false };
	uint8_t body[ZKHSM_GRANT_BODY_LEN];
	struct zkhsm_error why = { 0 };
	enum zkhsm_relying_code code;
	struct zkhsm_grant_terms t;
	uint64_t agent_ms;

	memset(out, 0, sizeof(*out));
	code = get_running(u, &running);
	code = code ? code : relying_agent_hsm(u, out->identity, &agent_ms);
	code = code ? code : make_terms(u, digest, &running, agent_ms, &t);
	if (code)
		return code;
	if (zkhsm_grant_body_make(&t, body, &why) ||
	    zkhsm_grant_terms_digest(u->request->hsm_id, &t, u->out->grant_digest, &why))
		return relying_fail(u, ZKHSM_RELYING_CONFIGURATION, "%s", why.text);
	code = ask_for_grants(u, body, out);
	return code ? code : sign_use(u, out);
}
