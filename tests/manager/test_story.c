// SPDX-License-Identifier: GPL-2.0
/*
 * test_story.c - what should happen: enrolled, attested, trusted, stale,
 * revoked, and every step seen by everybody whom it concerns
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct daemon *d;
static struct prover *hsm;

static int start(void **state)
{
	(void)state;
	d = daemon_new("max_age = 1h\n", "nonces_per_hsm = 64\nlarge_requests = 8");
	daemon_start(d, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	return 0;
}

static int new_hsm(void **state)
{
	static unsigned int number;
	char seed[32];

	(void)state;
	snprintf(seed, sizeof(seed), "story %u", number++);
	hsm = prover_new(seed, 3);
	prover_pin(hsm, d->order_public);
	prover_refresh(hsm);
	return 0;
}

static int free_hsm(void **state)
{
	(void)state;
	prover_free(hsm);
	return 0;
}

static void enrolment(void **state)
{
	json_t *o, *entry;
	uint8_t digest[32];

	(void)state;
	tell(get(d->public, 404, "unknown", "/v1/hsms/%s", hex32(hsm->hsm_id)));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 409, "not-pending",
		      "{'hsm_id':'%s','name':'a'}", hex32(hsm->hsm_id)));
	tell(attest(d, hsm, 403, "pending"));

	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "state"), "pending");
	json_decref(o);
	o = get(d->admin, 200, NULL, "/v1/admin/pending");
	entry = json_array_get(json_object_get(o, "pending"),
			       json_array_size(json_object_get(o, "pending")) - 1);
	assert_string_equal(text_of(entry, "hsm_id"), hex32(hsm->hsm_id));
	assert_string_equal(text_of(entry, "identity"), hex65(hsm->identity));
	assert_string_equal(text_of(entry, "config_digest"), hex32(hsm->config_digest));
	assert_string_equal(text_of(entry, "source"), "127.0.0.1");
	assert_int_equal(number_of(entry, "keys"), 3);
	assert_int_equal(number_of(json_object_get(entry, "configuration"), "quorum"),
			 hsm->config.quorum);
	json_decref(o);

	o = ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL, "{'hsm_id':'%s','name':'a b'}",
		     hex32(hsm->hsm_id));
	hash_of(o, "config_digest", digest);
	assert_memory_equal(digest, hsm->config_digest, 32);
	json_decref(o);
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 409, "enrolled",
		      "{'hsm_id':'%s','name':'a'}", hex32(hsm->hsm_id)));
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "state"), "stale");
	json_decref(o);
}

static void end_of_enrolment(void **state)
{
	char path[128];

	(void)state;
	enrol(d, hsm);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s", hex32(hsm->hsm_id));
	tell(ask(d->admin, "DELETE", path, NULL, NULL, 0, 204, NULL));
	tell(ask(d->admin, "DELETE", path, NULL, NULL, 0, 404, "unknown"));
	tell(get(d->public, 404, "unknown", "/v1/hsms/%s", hex32(hsm->hsm_id)));
	tell(get(d->public, 404, "unknown", "/v1/hsms/%s/keys/key-000000", hex32(hsm->hsm_id)));
	tell(get(d->public, 404, "unknown", "/v1/hsms/%s/orders", hex32(hsm->hsm_id)));
	enrol(d, hsm);
}

static void attestation(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	char *first, *second;
	size_t len;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	/* An unchanged list is neither asked for nor sent again. */
	len = make_evidence(d, hsm, evidence);
	o = post_evidence(d, evidence, len, 200, NULL);
	assert_string_equal(text_of(o, "result"), "accepted");
	assert_string_equal(text_of(o, "hsm_id"), hex32(hsm->hsm_id));
	assert_int_equal(number_of(o, "number"), hsm->number);
	assert_int_equal(number_of(o, "keys"), 3);
	assert_int_equal(number_of(o, "proved"), 3);
	assert_int_equal(number_of(o, "expires_at_ms") - number_of(o, "attested_at_ms"), 3600000);
	assert_int_equal(number_of(o, "next_ms"), 1200000);
	first = json_dumps(o, JSON_SORT_KEYS);
	json_decref(o);
	/* The very bytes again: the very answer. */
	o = post_evidence(d, evidence, len, 200, NULL);
	second = json_dumps(o, JSON_SORT_KEYS);
	assert_string_equal(first, second);
	free(first);
	free(second);
	json_decref(o);
	/* No longer the newest: then they are only used. */
	tell(attest(d, hsm, 200, NULL));
	tell(post_evidence(d, evidence, len, 422, "nonce"));

	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "state"), "attested");
	assert_int_equal(number_of(o, "number"), hsm->number);
	assert_int_equal(number_of(o, "keys"), 3);
	assert_true(number_of(o, "age_ms") >= 0 && number_of(o, "age_ms") < 60000);
	json_decref(o);
}

static void key_states(void **state)
{
	struct prover_key *k;
	json_t *o, *jwk;
	char thumbprint[64];

	(void)state;
	k = prover_key(hsm, "key-000001");
	k->entry.state = ZKHSM_KEY_STATE_DEACTIVATED;
	k = prover_key(hsm, "key-000002");
	k->entry.state = ZKHSM_KEY_STATE_COMPROMISED;
	prover_refresh(hsm);
	enrol(d, hsm);

	k = prover_key(hsm, "key-000000");
	o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-000000", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "status"), "attested");
	assert_string_equal(text_of(o, "key_state"), "active");
	assert_string_equal(text_of(o, "origin"), zkhsm_origin_name(k->entry.origin));
	jwk = zkhsm_jwk_public(k->entry.public);
	assert_true(json_equal(jwk, json_object_get(o, "public")));
	json_decref(jwk);
	assert_int_equal(zkhsm_jwk_thumbprint(k->entry.public, thumbprint), 0);
	assert_string_equal(text_of(o, "thumbprint"), thumbprint);
	assert_null(json_object_get(o, "reason"));
	json_decref(o);
	o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-000001", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "status"), "not-active");
	json_decref(o);
	o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-000002", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "status"), "not-active");
	json_decref(o);
	tell(get(d->public, 404, "unknown", "/v1/hsms/%s/keys/other", hex32(hsm->hsm_id)));
	tell(ask_json(d->public, "POST", "/v1/tokens", 403, "not-active",
		      "{'hsm_id':'%s','key_id':'key-000001','aud':'x'}", hex32(hsm->hsm_id)));
	tell(ask_json(d->public, "POST", "/v1/tokens", 404, "unknown",
		      "{'hsm_id':'%s','key_id':'other','aud':'x'}", hex32(hsm->hsm_id)));
	/* The evidence said so: two of three are proved. */
	o = attest(d, hsm, 200, NULL);
	assert_int_equal(number_of(o, "proved"), 2);
	json_decref(o);
}

static void tokens(void **state)
{
	static const char x5t[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
	struct zkhsm_token_claims c;
	uint8_t element[32];
	json_t *o, *jwks;
	int64_t now;

	(void)state;
	enrol(d, hsm);
	jwks = get(d->public, 200, NULL, "/.well-known/zkhsm/jwks.json");
	o = ask_json(d->public, "POST", "/v1/tokens", 200, NULL,
		     "{'hsm_id':'%s','key_id':'key-000000','aud':'bank','nonce':'12345678','x5t#S256':'%s'}",
		     hex32(hsm->hsm_id), x5t);
	now = time(NULL);
	assert_int_equal(zkhsm_token_verify(jwks, text_of(o, "token"), "bank", "12345678", now, 5,
					    &c, NULL), 0);
	assert_int_equal(zkhsm_token_verify(jwks, text_of(o, "token"), "shop", NULL, now, 5, &c,
					    NULL), -EACCES);
	assert_int_equal(zkhsm_token_verify(jwks, text_of(o, "token"), "bank", NULL, now + 3700, 5,
					    &c, NULL), -EKEYEXPIRED);
	assert_int_equal(zkhsm_token_verify(jwks, text_of(o, "token"), "bank", "12345678", now, 5,
					    &c, NULL), 0);
	assert_memory_equal(c.hsm_id, hsm->hsm_id, 32);
	assert_string_equal(c.key_id, "key-000000");
	zkhsm_element_name(1, prover_key(hsm, "key-000000")->entry.public, element);
	assert_memory_equal(c.element, element, 32);
	assert_string_equal(c.x5t, x5t);
	assert_string_equal(c.status, "affirming");
	assert_string_equal(c.issuer + strlen("zkhsm:"), hex32(d->manager_id));
	assert_true(c.expires_at * 1000 == number_of(o, "expires_at_ms"));
	assert_true(c.expires_at <= c.attested_at + 3600 + 1);
	json_decref(o);
	json_decref(jwks);
}

static void list_changes(void **state)
{
	uint8_t *old, *delta, *body;
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	char path[512], old_digest[65];
	size_t old_len, delta_len, len;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	strcpy(old_digest, hex32(hsm->list_digest));
	old_len = hsm->list_len;
	old = malloc(old_len);
	memcpy(old, hsm->list, old_len);
	prover_key_add(hsm, "new", NULL);
	prover_refresh(hsm);

	/* The challenge names the list that a difference can be to. */
	o = ask_json(d->public, "POST", "/v1/challenges", 201, NULL, "{'hsm_id':'%s'}",
		     hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "known_list"), old_digest);
	json_decref(o);

	assert_int_equal(zkhsm_list_delta_make(old, old_len, hsm->list, hsm->list_len, &delta,
					       &delta_len, NULL), 0);
	body = malloc(PROVER_ANNOUNCEMENT_LEN + delta_len);
	prover_announcement(hsm, body);
	memcpy(body + PROVER_ANNOUNCEMENT_LEN, delta, delta_len);
	snprintf(path, sizeof(path), "/v1/lists/%s?base=%s&hsm_id=%s&identity=%s",
		 hex32(hsm->list_digest), old_digest, hex32(hsm->hsm_id), hex65(hsm->identity));
	tell(ask(d->public, "PUT", path, DELTA, body, PROVER_ANNOUNCEMENT_LEN + delta_len, 204,
		 NULL));
	/* Nothing more is needed. */
	len = make_evidence(d, hsm, evidence);
	o = post_evidence(d, evidence, len, 200, NULL);
	assert_int_equal(number_of(o, "keys"), 4);
	json_decref(o);
	tell(get(d->public, 200, NULL, "/v1/hsms/%s/keys/new", hex32(hsm->hsm_id)));

	/* To a base that is not known, and to one that it is not made from. */
	snprintf(path, sizeof(path), "/v1/lists/%s?base=%064d&hsm_id=%s&identity=%s",
		 hex32(hsm->list_digest), 1, hex32(hsm->hsm_id), hex65(hsm->identity));
	tell(ask(d->public, "PUT", path, DELTA, body, PROVER_ANNOUNCEMENT_LEN + delta_len, 409,
		 "base"));
	snprintf(path, sizeof(path), "/v1/lists/%s?base=%s&hsm_id=%s&identity=%s",
		 hex32(hsm->list_digest), hex32(hsm->list_digest), hex32(hsm->hsm_id),
		 hex65(hsm->identity));
	tell(ask(d->public, "PUT", path, DELTA, body, PROVER_ANNOUNCEMENT_LEN + delta_len, 409,
		 "base"));
	free(old);
	free(delta);
	free(body);
}

/* The payload of the signed revocation list. */
static json_t *revocation_list(void)
{
	json_t *jwks = get(d->public, 200, NULL, "/.well-known/zkhsm/jwks.json"), *payload = NULL;
	struct zkhsm_response r = { 0 };

	assert_int_equal(zkhsm_https_do(d->public, "GET", "/v1/revocations", NULL, NULL, 0, &r,
					NULL), 0);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.content_type, "application/jose");
	assert_int_equal(zkhsm_jws_verify(jwks, "zkhsm-revocations+jwt", (const char *)r.body,
					  &payload, NULL), 0);
	zkhsm_response_free(&r);
	json_decref(jwks);
	assert_true(number_of(payload, "next_update") > time(NULL));
	return payload;
}

/* The entry of this HSM (or element, with @scope "element"), or NULL. */
static json_t *listed(const json_t *payload, const char *array, const char *scope,
		      const char *member, const char *value)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(payload, array), i, entry) {
		if (strcmp(text_of(entry, "scope"), scope) == 0 &&
		    strcmp(text_of(entry, member), value) == 0)
			return entry;
	}
	return NULL;
}

/* The orders above @after, verified; the one at @index. */
static struct zkhsm_order order_at(uint64_t after, size_t index, size_t count, uint8_t **bytes)
{
	json_t *o = get(d->public, 200, NULL, "/v1/hsms/%s/orders?after=%llu", hex32(hsm->hsm_id),
			(unsigned long long)after);
	const json_t *all = json_object_get(o, "orders");
	struct zkhsm_order order;
	size_t len;

	assert_int_equal(json_array_size(all), count);
	assert_int_equal(zkhsm_unb64(json_string_value(json_array_get(all, index)), bytes, &len), 0);
	assert_int_equal(zkhsm_order_verify(d->order_public, *bytes, len, &order, NULL), 0);
	assert_memory_equal(order.hsm_id, hsm->hsm_id, 32);
	json_decref(o);
	return order;
}

static void revoke_key(void **state)
{
	struct zkhsm_challenge c = { .last_number = 1 };
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], element[32], *bytes;
	struct zkhsm_statement s;
	struct zkhsm_order order;
	json_t *o, *list, *entry;
	int64_t number;

	(void)state;
	enrol(d, hsm);
	zkhsm_element_name(1, prover_key(hsm, "key-000000")->entry.public, element);
	list = revocation_list();
	number = number_of(list, "number");
	json_decref(list);

	o = ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		     "{'action':'revoke','scope':'key','hsm_id':'%s','key_id':'key-000000','reason':'key-compromise'}",
		     hex32(hsm->hsm_id));
	assert_int_equal(number_of(o, "revocation"), number + 1);
	entry = json_array_get(json_object_get(o, "orders"), 0);
	assert_string_equal(text_of(entry, "hsm_id"), hex32(hsm->hsm_id));
	assert_int_equal(number_of(entry, "number"), 1);
	json_decref(o);

	o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-000000", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "status"), "revoked");
	assert_string_equal(text_of(o, "reason"), "key-compromise");
	json_decref(o);
	tell(ask_json(d->public, "POST", "/v1/tokens", 403, "revoked",
		      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", hex32(hsm->hsm_id)));
	tell(ask_json(d->public, "POST", "/v1/tokens", 200, NULL,
		      "{'hsm_id':'%s','key_id':'key-000001','aud':'x'}", hex32(hsm->hsm_id)));
	list = revocation_list();
	assert_int_equal(number_of(list, "number"), number + 1);
	entry = listed(list, "revoked", "key", "hsm_id", hex32(hsm->hsm_id));
	assert_non_null(entry);
	assert_string_equal(text_of(entry, "key_id"), "key-000000");
	assert_string_equal(text_of(entry, "element"), hex32(element));
	assert_string_equal(text_of(entry, "reason"), "key-compromise");
	json_decref(list);

	order = order_at(0, 0, 1, &bytes);
	assert_int_equal(order.type, ZKHSM_ORDER_TYPE_REVOKE);
	assert_int_equal(order.number, 1);
	assert_int_equal(order.reason, ZKHSM_REVOCATION_REASON_KEY_COMPROMISE);
	assert_int_equal(order.count, 1);
	assert_memory_equal(order.elements, element, 32);

	/* The HSM shows that it has applied it. */
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(hsm->hsm_id));
	assert_false(json_is_true(json_object_get(json_array_get(json_object_get(o, "orders"), 0),
						  "applied")));
	json_decref(o);
	memcpy(c.manager_id, d->manager_id, 32);
	challenge(d, hsm, c.nonce);
	zkhsm_sha256(bytes, order.signed_len, c.last_digest);
	free(bytes);
	prover_statement(hsm, &c, 1, &s);
	tell(post_evidence(d, evidence, prover_evidence(hsm, &s, evidence), 200, NULL));
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(hsm->hsm_id));
	assert_true(json_is_true(json_object_get(json_array_get(json_object_get(o, "orders"), 0),
						 "applied")));
	assert_int_equal(number_of(o, "last_applied"), 1);
	json_decref(o);

	/* Twice is once, and it cannot be taken back. */
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 409, "already",
		      "{'action':'revoke','scope':'key','hsm_id':'%s','key_id':'key-000000','reason':'superseded'}",
		      hex32(hsm->hsm_id)));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 409, "already",
		      "{'action':'hold','scope':'key','hsm_id':'%s','key_id':'key-000000','reason':'certificate-hold'}",
		      hex32(hsm->hsm_id)));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 409, "final",
		      "{'action':'release','scope':'key','hsm_id':'%s','key_id':'key-000000','reason':'unspecified'}",
		      hex32(hsm->hsm_id)));
}

static void hold_and_release(void **state)
{
	uint8_t element[32], *bytes;
	struct zkhsm_order order;
	json_t *list, *o;

	(void)state;
	enrol(d, hsm);
	zkhsm_element_name(1, prover_key(hsm, "key-000001")->entry.public, element);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 409, "not-held",
		      "{'action':'release','scope':'key','hsm_id':'%s','key_id':'key-000001','reason':'unspecified'}",
		      hex32(hsm->hsm_id)));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'key','hsm_id':'%s','key_id':'key-000001','reason':'certificate-hold'}",
		      hex32(hsm->hsm_id)));
	list = revocation_list();
	assert_non_null(listed(list, "suspended", "key", "hsm_id", hex32(hsm->hsm_id)));
	assert_null(listed(list, "revoked", "key", "hsm_id", hex32(hsm->hsm_id)));
	json_decref(list);
	tell(ask_json(d->public, "POST", "/v1/tokens", 403, "revoked",
		      "{'hsm_id':'%s','key_id':'key-000001','aud':'x'}", hex32(hsm->hsm_id)));

	/* A second reason to stop it sends nothing, and outlives the first. */
	o = ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		     "{'action':'hold','scope':'element','element':'%s','reason':'certificate-hold'}",
		     hex32(element));
	json_decref(o);
	o = ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		     "{'action':'release','scope':'key','hsm_id':'%s','key_id':'key-000001','reason':'unspecified'}",
		     hex32(hsm->hsm_id));
	assert_int_equal(json_array_size(json_object_get(o, "orders")), 0);
	json_decref(o);
	tell(ask_json(d->public, "POST", "/v1/tokens", 403, "revoked",
		      "{'hsm_id':'%s','key_id':'key-000001','aud':'x'}", hex32(hsm->hsm_id)));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'release','scope':'element','element':'%s','reason':'unspecified'}",
		      hex32(element)));
	tell(ask_json(d->public, "POST", "/v1/tokens", 200, NULL,
		      "{'hsm_id':'%s','key_id':'key-000001','aud':'x'}", hex32(hsm->hsm_id)));
	list = revocation_list();
	assert_null(listed(list, "suspended", "key", "hsm_id", hex32(hsm->hsm_id)));
	json_decref(list);
	order = order_at(0, 0, 2, &bytes);
	assert_int_equal(order.type, ZKHSM_ORDER_TYPE_HOLD);
	free(bytes);
	order = order_at(0, 1, 2, &bytes);
	assert_int_equal(order.type, ZKHSM_ORDER_TYPE_RELEASE);
	assert_int_equal(order.number, 2);
	free(bytes);
	/* Held, then revoked: that is a step further. */
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'key','hsm_id':'%s','key_id':'key-000001','reason':'certificate-hold'}",
		      hex32(hsm->hsm_id)));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'key','hsm_id':'%s','key_id':'key-000001','reason':'key-compromise'}",
		      hex32(hsm->hsm_id)));
	order = order_at(3, 0, 1, &bytes);
	assert_int_equal(order.type, ZKHSM_ORDER_TYPE_REVOKE);
	free(bytes);
}

/* What was held before an enrolment ended is released although it had. */
static void released_meanwhile(void **state)
{
	uint8_t element[32], *bytes;
	struct zkhsm_order order;
	char path[128];

	(void)state;
	enrol(d, hsm);
	zkhsm_element_name(1, prover_key(hsm, "key-000001")->entry.public, element);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'element','element':'%s','reason':'certificate-hold'}",
		      hex32(element)));
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s", hex32(hsm->hsm_id));
	tell(ask(d->admin, "DELETE", path, NULL, NULL, 0, 204, NULL));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'release','scope':'element','element':'%s','reason':'unspecified'}",
		      hex32(element)));
	enrol(d, hsm);
	order = order_at(1, 0, 1, &bytes);
	assert_int_equal(order.type, ZKHSM_ORDER_TYPE_RELEASE);
	free(bytes);
}

static void revoke_element_everywhere(void **state)
{
	struct prover *late = prover_new("enrolled after the revocation", 1), *first = hsm;
	uint8_t element[32] = { 0x77, 0x12 }, *bytes;
	struct zkhsm_order order;
	const json_t *entry;
	bool found = false;
	size_t i;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	o = ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		     "{'action':'revoke','scope':'element','element':'%s','reason':'superseded'}",
		     hex32(element));
	/* A tombstone for every enrolled HSM: none of them has this key. */
	json_array_foreach(json_object_get(o, "orders"), i, entry)
		found |= strcmp(text_of(entry, "hsm_id"), hex32(hsm->hsm_id)) == 0;
	assert_true(found);
	json_decref(o);
	order = order_at(0, 0, 1, &bytes);
	assert_memory_equal(order.elements, element, 32);
	free(bytes);

	hsm = late;
	enrol(d, hsm);
	order = order_at(0, 0, 1, &bytes);
	assert_int_equal(order.type, ZKHSM_ORDER_TYPE_REVOKE);
	assert_int_equal(order.reason, ZKHSM_REVOCATION_REASON_SUPERSEDED);
	for (i = 0, found = false; i < order.count; i++)
		found |= memcmp(order.elements + 32 * i, element, 32) == 0;
	assert_true(found);
	free(bytes);
	prover_free(late);
	hsm = first;
}

static void revoke_hsm(void **state)
{
	struct prover *big = prover_new("many keys", 1500);
	struct prover *first = hsm;
	uint8_t *bytes;
	json_t *o, *list;

	(void)state;
	hsm = big;
	prover_refresh(hsm);
	enrol(d, hsm);
	o = get(d->public, 204, NULL, "/v1/hsms/%s/orders?after=1", hex32(hsm->hsm_id));
	assert_null(o);
	o = ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		     "{'action':'revoke','scope':'hsm','hsm_id':'%s','reason':'cessation-of-operation'}",
		     hex32(hsm->hsm_id));
	/* All its keys, as many as fit into each. */
	assert_int_equal(json_array_size(json_object_get(o, "orders")), 2);
	json_decref(o);
	(void)order_at(1, 0, 2, &bytes);
	free(bytes);
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "state"), "revoked");
	json_decref(o);
	tell(ask_json(d->public, "POST", "/v1/tokens", 403, "revoked",
		      "{'hsm_id':'%s','key_id':'key-000007','aud':'x'}", hex32(hsm->hsm_id)));
	tell(attest(d, hsm, 403, "hsm-revoked"));
	list = revocation_list();
	assert_non_null(listed(list, "revoked", "hsm", "hsm_id", hex32(hsm->hsm_id)));
	json_decref(list);
	hsm = first;
	prover_free(big);
}

static void long_poll(void **state)
{
	struct prover *fresh = prover_new("waits for orders", 1);
	struct poller p = { .d = d, .hsm = fresh };
	pthread_t thread;
	int64_t start_ms;

	(void)state;
	enrol(d, fresh);
	/* Nothing comes: it waits its second, and says so. */
	start_ms = now_ms();
	assert_null(get(d->public, 204, NULL, "/v1/hsms/%s/orders?after=0&wait=1",
			hex32(fresh->hsm_id)));
	assert_true(now_ms() - start_ms >= 1000);
	assert_int_equal(pthread_create(&thread, NULL, poll_orders, &p), 0);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'key','hsm_id':'%s','key_id':'key-000000','reason':'key-compromise'}",
		      hex32(fresh->hsm_id)));
	pthread_join(thread, NULL);
	assert_true(p.orders >= 1);
	assert_true(p.took_ms < 20000);
	tell(get(d->public, 400, "request", "/v1/hsms/%s/orders?after=x", hex32(fresh->hsm_id)));
	tell(get(d->public, 400, "request", "/v1/hsms/%s/orders?wait=61", hex32(fresh->hsm_id)));
	prover_free(fresh);
}

static void another_configuration(void **state)
{
	char path[160];

	(void)state;
	enrol(d, hsm);
	tell(attest(d, hsm, 200, NULL));
	tell(ask_json(d->public, "POST", "/v1/tokens", 200, NULL,
		      "{'hsm_id':'%s','key_id':'key-000001','aud':'x'}", hex32(hsm->hsm_id)));
	hsm->config.max_ttl_ms++;
	prover_refresh(hsm);
	tell(attest(d, hsm, 403, "configuration"));
	/* What it attested before counts no longer: the new configuration may let anything through. */
	tell(ask_json(d->public, "POST", "/v1/tokens", 403, "stale",
		      "{'hsm_id':'%s','key_id':'key-000001','aud':'x'}", hex32(hsm->hsm_id)));
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/configuration", hex32(hsm->hsm_id));
	tell(ask_json(d->admin, "POST", path, 200, NULL, "{'config_digest':'%s'}",
		      hex32(hsm->config_digest)));
	tell(attest(d, hsm, 200, NULL));
	/* One that it never showed is a mistake, or said to be none. */
	hsm->config.max_ttl_ms++;
	prover_refresh(hsm);
	tell(ask_json(d->admin, "POST", path, 409, "unseen", "{'config_digest':'%s'}",
		      hex32(hsm->config_digest)));
	tell(ask_json(d->admin, "POST", path, 409, "unseen",
		      "{'config_digest':'%s','unseen':false}", hex32(hsm->config_digest)));
	tell(ask_json(d->admin, "POST", path, 400, "request",
		      "{'config_digest':'%s','unseen':1}", hex32(hsm->config_digest)));
	tell(ask_json(d->admin, "POST", path, 200, NULL, "{'config_digest':'%s','unseen':true}",
		      hex32(hsm->config_digest)));
	tell(attest(d, hsm, 200, NULL));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_hsm, free_hsm)
	const struct CMUnitTest tests[] = {
		TEST(enrolment),
		TEST(attestation),
		TEST(key_states),
		TEST(tokens),
		TEST(list_changes),
		TEST(long_poll),
		TEST(revoke_key),
		TEST(hold_and_release),
		TEST(another_configuration),
		TEST(end_of_enrolment),
		TEST(released_meanwhile),
		TEST(revoke_element_everywhere),
		TEST(revoke_hsm),
	};

	return cmocka_run_group_tests(tests, start, end);
}
