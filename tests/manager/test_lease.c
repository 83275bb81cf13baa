// SPDX-License-Identifier: GPL-2.0
/*
 * test_lease.c - the lease that accepted evidence is answered with: whom it is for,
 * what it grants, and that nothing gets one that should not
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONFIGURED	"max_age = 1h\n[leases]\nttl = 2h\n"

static struct daemon *d;
static struct prover *hsm;
static struct applied applied;

/* An answer with a lease, taken apart. */
struct got {
	json_t *answer;
	char *text;
	uint8_t *bytes;
	size_t len;
	struct zkhsm_order lease;
};

static int start(void **state)
{
	(void)state;
	d = daemon_new(CONFIGURED, "nonces_per_hsm = 64\n");
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
	snprintf(seed, sizeof(seed), "lease %u", number++);
	hsm = prover_new(seed, 4);
	prover_pin(hsm, d->order_public);
	prover_refresh(hsm);
	applied.number = 0;
	return 0;
}

static int free_hsm(void **state)
{
	(void)state;
	prover_free(hsm);
	return 0;
}

static void got_free(struct got *g)
{
	json_decref(g->answer);
	free(g->text);
	free(g->bytes);
}

/* Posts it, and checks what every lease has to be: ours, for this evidence, of this HSM. */
static struct got post(const uint8_t *evidence, size_t len)
{
	struct got g = { .len = 0 };
	uint8_t digest[32];

	g.answer = post_evidence(d, evidence, len, 200, NULL);
	g.text = json_dumps(g.answer, JSON_COMPACT);
	assert_int_equal(zkhsm_unb64(text_of(g.answer, "lease"), &g.bytes, &g.len), 0);
	assert_int_equal(zkhsm_order_verify(d->order_public, g.bytes, g.len, &g.lease, NULL), 0);
	assert_int_equal(g.lease.type, ZKHSM_ORDER_TYPE_LEASE);
	assert_int_equal(g.lease.number, 0);
	assert_memory_equal(g.lease.hsm_id, hsm->hsm_id, 32);
	/* S is all but the one proof. */
	zkhsm_sha256(evidence, len - ZKHSM_PROOF_LEN, digest);
	assert_memory_equal(g.lease.statement, digest, 32);
	assert_int_equal(g.lease.ttl_ms, number_of(g.answer, "lease_ttl_ms"));
	return g;
}

static struct got lease(void)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = make_evidence_after(d, hsm, &applied, evidence);

	return post(evidence, len);
}

static void no_lease(const json_t *o)
{
	assert_null(json_object_get(o, "lease"));
	assert_null(json_object_get(o, "lease_ttl_ms"));
	assert_null(json_object_get(o, "denied"));
	assert_null(json_object_get(o, "denied_more"));
}

static void element_of(const char *key, uint8_t out[32])
{
	const struct prover_key *k = prover_key(hsm, key);

	assert_non_null(k);
	zkhsm_element_name(k->entry.type, k->entry.public, out);
}

static bool excepted(const struct got *g, const char *key)
{
	uint8_t element[32];

	element_of(key, element);
	for (unsigned int i = 0; i < g->lease.count; i++) {
		if (memcmp(g->lease.elements + 32 * i, element, 32) == 0)
			return true;
	}
	return false;
}

/* The reason that is given for this key, or NULL. */
static const char *denied(const struct got *g, const char *key)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(g->answer, "denied"), i, entry) {
		if (strcmp(text_of(entry, "key_id"), key) == 0)
			return text_of(entry, "reason");
	}
	return NULL;
}

static void change(const char *action, const char *key)
{
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'%s','scope':'key','hsm_id':'%s','key_id':'%s','reason':'key-compromise'}",
		      action, hex32(hsm->hsm_id), key));
}

/* What an administrator is told of the lease, for the caller to free; or NULL. */
static json_t *shown(void)
{
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/hsms"), *row, *is = NULL;
	size_t i;

	json_array_foreach(json_object_get(o, "hsms"), i, row) {
		if (strcmp(text_of(row, "hsm_id"), hex32(hsm->hsm_id)) == 0)
			is = json_incref(json_object_get(row, "lease"));
	}
	assert_non_null(is);
	json_decref(o);
	if (json_is_object(is))
		return is;
	assert_true(json_is_null(is));
	json_decref(is);
	return NULL;
}

static void restart(const char *attestation)
{
	daemon_end(d, SIGKILL);
	daemon_configure(d, attestation, "nonces_per_hsm = 64\n");
	daemon_start(d, 0);
}

/* --- what it says ---------------------------------------------------------- */

static void grants(void **state)
{
	struct got g;
	json_t *o;

	(void)state;
	tell(attest(d, hsm, 403, "pending"));
	enrol(d, hsm);
	g = lease();
	assert_int_equal(g.lease.verdict, ZKHSM_LEASE_VERDICT_GRANT);
	assert_int_equal(g.lease.count, 0);
	assert_int_equal(g.lease.least, 0);
	assert_int_equal(g.lease.ttl_ms, 2 * 3600 * 1000);
	assert_int_equal(json_array_size(json_object_get(g.answer, "denied")), 0);
	assert_true(json_is_false(json_object_get(g.answer, "denied_more")));
	/* A third of it is longer than the interval. */
	assert_int_equal(number_of(g.answer, "next_ms"), 1200000);
	o = shown();
	assert_int_equal(number_of(o, "ttl_ms"), 2 * 3600 * 1000);
	assert_int_equal(number_of(o, "least"), 0);
	assert_int_equal(number_of(o, "granted"), 4);
	assert_int_equal(number_of(o, "denied"), 0);
	assert_true(number_of(o, "issued_ms") >= number_of(g.answer, "attested_at_ms"));
	json_decref(o);
	daemon_log_wait(d, "event=lease");
	daemon_log_wait(d, "ttl_ms=7200000 least=0 granted=4 denied=0");
	got_free(&g);
}

/* A kernel takes none that is longer than its max_ttl. */
static void clipped(void **state)
{
	struct got g;

	(void)state;
	hsm->config.max_ttl_ms = 600000;
	prover_refresh(hsm);
	enrol(d, hsm);
	g = lease();
	assert_int_equal(g.lease.ttl_ms, 600000);
	assert_int_equal(number_of(g.answer, "next_ms"), 200000);
	got_free(&g);
}

static void exceptions(void **state)
{
	struct prover *first = hsm;
	struct got g;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	change("revoke", "key-000000");
	change("hold", "key-000002");
	/* The kernel knows neither: so it will not take this before it does. */
	g = lease();
	assert_int_equal(g.lease.least, 2);
	assert_int_equal(g.lease.verdict, ZKHSM_LEASE_VERDICT_GRANT);
	assert_int_equal(g.lease.count, 2);
	assert_true(excepted(&g, "key-000000") && excepted(&g, "key-000002"));
	assert_string_equal(denied(&g, "key-000000"), "revoked");
	assert_string_equal(denied(&g, "key-000002"), "held");
	assert_null(denied(&g, "key-000001"));
	got_free(&g);
	o = shown();
	assert_int_equal(number_of(o, "granted"), 2);
	assert_int_equal(number_of(o, "denied"), 2);
	assert_int_equal(number_of(o, "least"), 2);
	json_decref(o);
	/* And when it does. */
	obey(d, hsm, &applied, 2);
	change("release", "key-000002");
	g = lease();
	assert_int_equal(g.lease.least, 3);
	assert_int_equal(g.lease.count, 1);
	assert_true(excepted(&g, "key-000000"));
	got_free(&g);
	/* What another HSM's key of that name is. */
	hsm = prover_new("another", 4);
	enrol(d, hsm);
	applied.number = 0;
	g = lease();
	assert_int_equal(g.lease.count, 0);
	got_free(&g);
	prover_free(hsm);
	hsm = first;
}

/* The element counts, not its name; and what is not there needs no exception. */
static void by_element(void **state)
{
	uint8_t element[32], secret[32], nowhere[32] = { 0x55 };
	struct got g;

	(void)state;
	enrol(d, hsm);
	change("hold", "key-000003");
	memcpy(secret, prover_key(hsm, "key-000003")->secret, sizeof(secret));
	prover_key_del(hsm, "key-000003");
	prover_key_add(hsm, "renamed", secret);
	prover_refresh(hsm);
	put_list(d, hsm, 204, NULL);
	g = lease();
	assert_int_equal(g.lease.count, 1);
	assert_string_equal(denied(&g, "renamed"), "held");
	got_free(&g);
	element_of("key-000000", element);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'element','element':'%s','reason':'superseded'}",
		      hex32(element)));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'element','element':'%s','reason':'superseded'}",
		      hex32(nowhere)));
	g = lease();
	assert_int_equal(g.lease.least, 3);
	assert_int_equal(g.lease.count, 2);
	assert_string_equal(denied(&g, "key-000000"), "revoked");
	got_free(&g);
}

/* What no proof covers is neither granted nor denied. */
static void unproved(void **state)
{
	struct got g;
	json_t *o;

	(void)state;
	prover_key(hsm, "key-000001")->entry.state = ZKHSM_KEY_STATE_COMPROMISED;
	prover_refresh(hsm);
	enrol(d, hsm);
	g = lease();
	assert_int_equal(g.lease.count, 0);
	got_free(&g);
	o = shown();
	assert_int_equal(number_of(o, "granted"), 3);
	assert_int_equal(number_of(o, "denied"), 0);
	json_decref(o);
}

/* More exceptions than a lease has room for. */
static void too_many(void **state)
{
	unsigned int alerts = daemon_log_count(d, "code=lease-denies-all");
	struct prover *first = hsm;
	char key[32];
	struct got g;
	json_t *o;

	(void)state;
	hsm = prover_new("very many keys", ZKHSM_ELEMENTS_MAX + 3);
	enrol(d, hsm);
	for (unsigned int i = 0; i <= ZKHSM_ELEMENTS_MAX; i++) {
		snprintf(key, sizeof(key), "key-%06u", i);
		change("hold", key);
		if (i != ZKHSM_ELEMENTS_MAX - 1)
			continue;
		g = lease();
		assert_int_equal(g.lease.verdict, ZKHSM_LEASE_VERDICT_GRANT);
		assert_int_equal(g.lease.count, ZKHSM_ELEMENTS_MAX);
		got_free(&g);
	}
	/* Then those are named that work. */
	g = lease();
	assert_int_equal(g.lease.verdict, ZKHSM_LEASE_VERDICT_DENY);
	assert_int_equal(g.lease.count, 2);
	assert_true(excepted(&g, "key-001025") && excepted(&g, "key-001026"));
	assert_int_equal(g.lease.least, ZKHSM_ELEMENTS_MAX + 1);
	assert_int_equal(json_array_size(json_object_get(g.answer, "denied")), 100);
	assert_true(json_is_true(json_object_get(g.answer, "denied_more")));
	got_free(&g);
	assert_int_equal(daemon_log_count(d, "code=lease-denies-all"), alerts);
	/* And if these are too many as well, none. */
	for (unsigned int i = 0; i < ZKHSM_ELEMENTS_MAX; i++) {
		snprintf(key, sizeof(key), "more-%06u", i);
		prover_key_add(hsm, key, NULL);
	}
	prover_refresh(hsm);
	put_list(d, hsm, 204, NULL);
	g = lease();
	assert_int_equal(g.lease.verdict, ZKHSM_LEASE_VERDICT_DENY);
	assert_int_equal(g.lease.count, 0);
	got_free(&g);
	daemon_log_wait(d, "code=lease-denies-all");
	o = shown();
	assert_int_equal(number_of(o, "granted"), 0);
	assert_int_equal(number_of(o, "denied"), 2 * ZKHSM_ELEMENTS_MAX + 3);
	json_decref(o);
	prover_free(hsm);
	hsm = first;
}

#define REVOKED	40

/* Not with cmocka's checks, which are the main thread's. */
static void *revoke_all(void *arg)
{
	unsigned int *done = arg;
	char body[256], *hex = zkhsm_hex(hsm->hsm_id, 32);

	for (unsigned int i = 0; i < REVOKED; i++) {
		struct zkhsm_response r = { 0 };

		snprintf(body, sizeof(body),
			 "{\"action\":\"revoke\",\"scope\":\"key\",\"hsm_id\":\"%s\",\"key_id\":\"key-%06u\",\"reason\":\"superseded\"}",
			 hex, i);
		if (zkhsm_https_do(d->admin, "POST", "/v1/admin/revocations", JSON, body,
				   strlen(body), &r, NULL) == 0 && r.status == 201)
			(*done)++;
		zkhsm_response_free(&r);
	}
	free(hex);
	return NULL;
}

/*
 * Whatever comes first: a lease denies what the orders say that it names, no less
 * and no more, so that the kernel never has the one without the other.
 */
static void beside_revocations(void **state)
{
	struct prover *first = hsm;
	unsigned int done = 0, between = 0;
	uint64_t least = 0, last = 0;
	pthread_t thread;

	(void)state;
	hsm = prover_new("beside", REVOKED + 1);
	enrol(d, hsm);
	assert_int_equal(pthread_create(&thread, NULL, revoke_all, &done), 0);
	for (unsigned int i = 0; least < REVOKED; i++) {
		struct got g = lease();

		assert_true(i < 10000);
		least = g.lease.least;
		assert_int_equal(g.lease.count, least);
		assert_true(least >= last);
		between += least > 0 && least < REVOKED;
		last = least;
		got_free(&g);
	}
	pthread_join(thread, NULL);
	assert_int_equal(done, REVOKED);
	assert_true(between > 0);
	prover_free(hsm);
	hsm = first;
}

/* --- the same again -------------------------------------------------------- */

static void same_again(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	struct got first, again;
	size_t len;

	(void)state;
	enrol(d, hsm);
	len = make_evidence(d, hsm, evidence);
	first = post(evidence, len);
	/* Signatures are random: this is the very lease, not another one like it. */
	for (int killed = 0; killed < 2; killed++) {
		again = post(evidence, len);
		assert_string_equal(again.text, first.text);
		got_free(&again);
		restart(CONFIGURED);
	}
	again = post(evidence, len);
	assert_string_equal(again.text, first.text);
	got_free(&again);
	got_free(&first);
	/* Newer evidence has come: then it is only used. */
	first = lease();
	tell(post_evidence(d, evidence, len, 422, "nonce"));
	got_free(&first);
}

/* Who did not get the answer shall not be granted what has been revoked since. */
static void same_but_revoked(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], element[32];
	struct got before, after, again;
	size_t len;

	(void)state;
	enrol(d, hsm);
	len = make_evidence(d, hsm, evidence);
	before = post(evidence, len);
	change("revoke", "key-000001");
	restart(CONFIGURED);
	after = post(evidence, len);
	assert_int_equal(before.lease.count, 0);
	assert_int_equal(after.lease.count, 1);
	assert_true(excepted(&after, "key-000001"));
	assert_int_equal(after.lease.least, 1);
	assert_int_equal(number_of(before.answer, "attested_at_ms"),
			 number_of(after.answer, "attested_at_ms"));
	again = post(evidence, len);
	assert_string_equal(again.text, after.text);
	/* What is stopped for one reason more is stopped as before. */
	element_of("key-000001", element);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'element','element':'%s','reason':'superseded'}",
		      hex32(element)));
	got_free(&again);
	again = post(evidence, len);
	assert_string_equal(again.text, after.text);
	got_free(&before);
	got_free(&after);
	got_free(&again);
	/* And when the whole HSM is, there is none at all. */
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'hsm','hsm_id':'%s','reason':'certificate-hold'}",
		      hex32(hsm->hsm_id)));
	tell(post_evidence(d, evidence, len, 403, "hsm-revoked"));
	tell(attest(d, hsm, 403, "hsm-revoked"));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'release','scope':'hsm','hsm_id':'%s','reason':'certificate-hold'}",
		      hex32(hsm->hsm_id)));
	again = post(evidence, len);
	assert_true(excepted(&again, "key-000001"));
	got_free(&again);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'release','scope':'element','element':'%s','reason':'superseded'}",
		      hex32(element)));
}

static void same_but_reconfigured(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	struct got g;
	size_t len;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	len = make_evidence(d, hsm, evidence);
	g = post(evidence, len);
	got_free(&g);
	hsm->config.enforce_grace_ms = UINT64_MAX;
	prover_refresh(hsm);
	o = attest(d, hsm, 403, "configuration");
	no_lease(o);
	json_decref(o);
	o = post_evidence(d, evidence, len, 403, "configuration");
	no_lease(o);
	json_decref(o);
}

/* --- to whom not ------------------------------------------------------------ */

static void not_approved(void **state)
{
	char path[160];
	struct got g;
	json_t *o;

	(void)state;
	o = attest(d, hsm, 403, "pending");
	no_lease(o);
	json_decref(o);
	enrol(d, hsm);
	hsm->config.quorum = 1;
	hsm->config.enforce_grace_ms = 5;
	prover_refresh(hsm);
	o = attest(d, hsm, 403, "configuration");
	no_lease(o);
	json_decref(o);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/configuration", hex32(hsm->hsm_id));
	tell(ask_json(d->admin, "POST", path, 200, NULL, "{'config_digest':'%s'}",
		      hex32(hsm->config_digest)));
	g = lease();
	assert_int_equal(g.lease.verdict, ZKHSM_LEASE_VERDICT_GRANT);
	got_free(&g);
}

/* A configuration that no kernel has: with a max_ttl that allows no lease. */
static void no_life(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;
	json_t *o;

	(void)state;
	hsm->config.max_ttl_ms = 0;
	prover_refresh(hsm);
	enrol(d, hsm);
	len = make_evidence(d, hsm, evidence);
	for (int again = 0; again < 2; again++) {
		o = post_evidence(d, evidence, len, 200, NULL);
		no_lease(o);
		json_decref(o);
	}
	assert_null(shown());
}

static void disabled(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	struct got g;
	size_t len;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	restart("max_age = 1h\n[leases]\nenabled = no\n");
	len = make_evidence(d, hsm, evidence);
	for (int again = 0; again < 2; again++) {
		o = post_evidence(d, evidence, len, 200, NULL);
		no_lease(o);
		assert_int_equal(number_of(o, "next_ms"), 1200000);
		json_decref(o);
	}
	assert_null(shown());
	/* Switched on: the same evidence gets one after all. */
	restart(CONFIGURED);
	g = post(evidence, len);
	o = shown();
	assert_int_equal(number_of(o, "granted"), 4);
	json_decref(o);
	got_free(&g);
}

/* Orders that a lost store made are in the way of a lease as those that this one knows. */
static void above_the_floor(void **state)
{
	struct got g;

	(void)state;
	enrol(d, hsm);
	applied = (struct applied){ .number = 41, .digest = { 1 } };
	g = lease();
	assert_int_equal(g.lease.least, 41);
	got_free(&g);
	change("hold", "key-000000");
	g = lease();
	assert_int_equal(g.lease.least, 42);
	got_free(&g);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_hsm, free_hsm)
	const struct CMUnitTest tests[] = {
		TEST(grants),
		TEST(clipped),
		TEST(exceptions),
		TEST(unproved),
		TEST(beside_revocations),
		TEST(same_again),
		TEST(same_but_revoked),
		TEST(same_but_reconfigured),
		TEST(not_approved),
		TEST(no_life),
		TEST(above_the_floor),
		TEST(disabled),
		TEST(too_many),
		/* What it revokes everywhere is ordered to all who enrol later. */
		TEST(by_element),
	};

	return cmocka_run_group_tests(tests, start, end);
}
