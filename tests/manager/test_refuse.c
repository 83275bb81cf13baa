// SPDX-License-Identifier: GPL-2.0
/*
 * test_refuse.c - evidence, lists and configurations that must be refused, each
 * with its own status and URN, and what that leaves as it was
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_LIFE_MS	3000

static struct daemon *d;
static struct prover *hsm;

static int start(void **state)
{
	(void)state;
	d = daemon_new("max_age = 2s\ninterval = 1s\nnonce_life = 3s\n",
		       "nonces_per_hsm = 512\nfalse_per_minute = 1000000\nrequest = 60s\n");
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
	snprintf(seed, sizeof(seed), "refused %u", number++);
	hsm = prover_new(seed, 2);
	hsm->config.max_ttl_ms = number;	/* a configuration of its own */
	prover_refresh(hsm);
	return 0;
}

static int free_hsm(void **state)
{
	(void)state;
	prover_free(hsm);
	return 0;
}

/* Evidence over a fresh nonce, after @change did what it wants to S. */
static size_t changed_evidence(void (*change)(struct zkhsm_statement *s), uint8_t *out)
{
	struct zkhsm_challenge c = { .last_number = 0 };
	struct zkhsm_statement s;

	memcpy(c.manager_id, d->manager_id, 32);
	challenge(d, hsm, c.nonce);
	hsm->uptime_ms++;
	prover_statement(hsm, &c, 1, &s);
	if (change)
		change(&s);
	return prover_evidence(hsm, &s, out);
}

static void expect(void (*change)(struct zkhsm_statement *s), long status, const char *urn)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = changed_evidence(change, evidence);

	tell(post_evidence(d, evidence, len, status, urn));
}

/* --- what the bytes say -------------------------------------------------- */

static void malformed(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN + 1];
	size_t len;

	(void)state;
	enrol(d, hsm);
	len = make_evidence(d, hsm, evidence);
	for (size_t cut = 0; cut < len; cut += cut < 8 || cut > len - 4 ? 1 : 7)
		tell(post_evidence(d, evidence, cut, 422, "malformed"));
	evidence[len] = 0;
	tell(post_evidence(d, evidence, len + 1, 422, "malformed"));
	/* The lowest bit of the type, and the id that is not D's digest. */
	evidence[5] ^= 1;
	tell(post_evidence(d, evidence, len, 422, "malformed"));
	evidence[5] ^= 1;
	evidence[8] ^= 1;
	tell(post_evidence(d, evidence, len, 422, "malformed"));
	evidence[8] ^= 1;
	/* V off the curve, r not below n. */
	evidence[len - 33] ^= 1;
	tell(post_evidence(d, evidence, len, 422, "malformed"));
	evidence[len - 33] ^= 1;
	memset(evidence + len - 32, 0xff, 32);
	tell(post_evidence(d, evidence, len, 422, "malformed"));
}

static void false_proof(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;

	(void)state;
	enrol(d, hsm);
	len = make_evidence(d, hsm, evidence);
	/* r, and fields of S that only the proof protects: uptime, module version. */
	evidence[len - 1] ^= 1;
	tell(post_evidence(d, evidence, len, 422, "false"));
	evidence[len - 1] ^= 1;
	evidence[8 + 32 + 65 + 12 + 16 + 7] ^= 1;
	tell(post_evidence(d, evidence, len, 422, "false"));
	evidence[8 + 32 + 65 + 12 + 16 + 7] ^= 1;
	/* None of that used the nonce, or moved the HSM's state. */
	tell(post_evidence(d, evidence, len, 200, NULL));
}

static void key_not_known(void **state)
{
	struct prover_key *k;

	(void)state;
	enrol(d, hsm);
	/* Claims a key whose secret it does not have. */
	k = prover_key_add(hsm, "stolen", NULL);
	prover_draw(hsm, k->secret);
	prover_refresh(hsm);
	tell(attest(d, hsm, 422, "false"));
}

/* --- nonces -------------------------------------------------------------- */

static void zero_nonce(struct zkhsm_statement *s)
{
	memset(s->challenges[0].nonce, 0, 32);
}

static void other_manager(struct zkhsm_statement *s)
{
	s->challenges[0].manager_id[0] ^= 1;
}

static void nonces(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], nonce[32];
	struct prover *other = prover_new("another HSM", 1);
	size_t len;

	(void)state;
	enrol(d, hsm);
	enrol(d, other);
	expect(zero_nonce, 422, "nonce");
	expect(other_manager, 422, "not-addressed");
	/* Given to another HSM. */
	challenge(d, other, nonce);
	len = prover_answer(hsm, d->manager_id, nonce, evidence);
	tell(post_evidence(d, evidence, len, 422, "nonce"));
	/* Twice, in different evidence. */
	challenge(d, hsm, nonce);
	len = prover_answer(hsm, d->manager_id, nonce, evidence);
	tell(post_evidence(d, evidence, len, 200, NULL));
	len = prover_answer(hsm, d->manager_id, nonce, evidence);
	tell(post_evidence(d, evidence, len, 422, "nonce"));
	/* Too late. */
	challenge(d, hsm, nonce);
	len = prover_answer(hsm, d->manager_id, nonce, evidence);
	sleep_ms(NONCE_LIFE_MS + 50);
	tell(post_evidence(d, evidence, len, 422, "nonce"));
	prover_free(other);
}

/* Found among those of other managers, too. */
static void among_others(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	struct zkhsm_challenge c[3];
	struct zkhsm_statement s;

	(void)state;
	enrol(d, hsm);
	memset(c, 0, sizeof(c));
	prover_draw(hsm, c[0].manager_id);
	memcpy(c[1].manager_id, d->manager_id, 32);
	challenge(d, hsm, c[1].nonce);
	memset(c[2].manager_id, 0xff, 32);
	prover_statement(hsm, c, 3, &s);
	tell(post_evidence(d, evidence, prover_evidence(hsm, &s, evidence), 200, NULL));
}

/* --- clones -------------------------------------------------------------- */

static void same_number(struct zkhsm_statement *s)
{
	s->number--;
}

static void lower_number(struct zkhsm_statement *s)
{
	s->number -= 2;
}

static void lower_boot(struct zkhsm_statement *s)
{
	s->boot_count--;
}

static void other_instance(struct zkhsm_statement *s)
{
	s->instance_id[0] ^= 1;
}

static void higher_fork(struct zkhsm_statement *s)
{
	s->fork_count++;
}

static void uptime_back(struct zkhsm_statement *s)
{
	s->uptime_ms = 0;
}

static void clones(void **state)
{
	unsigned int alerts = daemon_log_count(d, "code=clone");

	(void)state;
	hsm->boot_count = 5;
	hsm->uptime_ms = 1000;
	enrol(d, hsm);
	tell(attest(d, hsm, 200, NULL));
	expect(same_number, 403, "clone");
	hsm->number--;
	expect(lower_number, 403, "clone");
	hsm->number--;
	expect(lower_boot, 403, "rollback");
	expect(other_instance, 403, "two-instances");
	expect(higher_fork, 403, "clone");
	expect(uptime_back, 403, "clone");
	daemon_log_wait(d, "uptime went back");
	assert_int_equal(daemon_log_count(d, "code=clone"), alerts + 4);
	/* A new life has another instance, and may count anew. */
	hsm->boot_count++;
	hsm->instance_id[0] ^= 1;
	hsm->number = 0;
	hsm->uptime_ms = 0;
	tell(attest(d, hsm, 200, NULL));
}

/* How much evidence was refused for this, by the metrics. */
static long counted(const char *reason)
{
	struct zkhsm_response r = { 0 };
	char line[96], *at;
	long count = 0;

	assert_int_equal(zkhsm_https_do(d->admin, "GET", "/metrics", NULL, NULL, 0, &r, NULL), 0);
	assert_int_equal(r.status, 200);
	snprintf(line, sizeof(line), "\nzkhsm_attestation_failures_total{reason=\"%s\"} ", reason);
	at = strstr((char *)r.body, line);
	if (at)
		count = strtol(at + strlen(line), NULL, 10);
	zkhsm_response_free(&r);
	return count;
}

/* Overtaken on the way: refused and counted, but nobody is alarmed and nothing changes. */
static void late(void **state)
{
	uint8_t first[ZKHSM_EVIDENCE_MAX_LEN], second[ZKHSM_EVIDENCE_MAX_LEN];
	size_t first_len, second_len;
	unsigned int alerts;
	char *accepted, *again;
	json_t *o;
	long before;

	(void)state;
	enrol(d, hsm);
	alerts = daemon_log_count(d, "event=alert");
	before = counted("late");
	first_len = make_evidence(d, hsm, first);
	second_len = make_evidence(d, hsm, second);
	o = post_evidence(d, second, second_len, 200, NULL);
	accepted = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	tell(post_evidence(d, first, first_len, 409, "late"));
	assert_int_equal(counted("late"), before + 1);
	assert_int_equal(daemon_log_count(d, "event=alert"), alerts);
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
	assert_int_equal(number_of(o, "number"), hsm->number);
	json_decref(o);
	/* What was the newest is still that, and gets the identical answer. */
	o = post_evidence(d, second, second_len, 200, NULL);
	again = json_dumps(o, JSON_COMPACT);
	assert_string_equal(again, accepted);
	free(again);
	free(accepted);
	json_decref(o);
}

/* --- time ---------------------------------------------------------------- */

static void stale(void **state)
{
	int64_t attested;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	o = attest(d, hsm, 200, NULL);
	attested = number_of(o, "attested_at_ms");
	assert_int_equal(number_of(o, "expires_at_ms"), attested + 2000);
	json_decref(o);
	tell(ask_json(d->public, "POST", "/v1/tokens", 200, NULL,
		      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", hex32(hsm->hsm_id)));
	sleep_ms(2050);
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "state"), "stale");
	assert_true(number_of(o, "age_ms") > 2000);
	json_decref(o);
	o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-000000", hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "status"), "stale");
	json_decref(o);
	tell(ask_json(d->public, "POST", "/v1/tokens", 403, "stale",
		      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", hex32(hsm->hsm_id)));
	tell(attest(d, hsm, 200, NULL));
	tell(ask_json(d->public, "POST", "/v1/tokens", 200, NULL,
		      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", hex32(hsm->hsm_id)));
}

/* --- lists and configurations -------------------------------------------- */

static json_t *put(const char *what, const char *media, const uint8_t digest[32],
		   const uint8_t identity[65], const void *body, size_t len, long status,
		   const char *urn)
{
	char path[512];

	snprintf(path, sizeof(path), "/v1/%s/%s?hsm_id=%s&identity=%s", what, hex32(digest),
		 hex32(hsm->hsm_id), hex65(identity));
	return ask(d->public, "PUT", path, media, body, len, status, urn);
}

static void lists(void **state)
{
	struct prover *other = prover_new("no such HSM", 1);
	uint8_t *body, *list;
	uint8_t zero[32] = { 0 };
	size_t len;

	(void)state;
	/* Nobody asked it. */
	put_list(d, hsm, 403, "stranger");
	put_configuration(d, hsm, 403, "stranger");
	enrol(d, hsm);

	len = PROVER_ANNOUNCEMENT_LEN + hsm->list_len;
	body = malloc(len + 1);
	list = body + PROVER_ANNOUNCEMENT_LEN;
	prover_announcement(hsm, body);
	memcpy(list, hsm->list, hsm->list_len);
	tell(put("lists", LIST, hsm->list_digest, hsm->identity, body, len, 204, NULL));
	tell(put("lists", LIST, hsm->list_digest, hsm->identity, body, 144, 422, "malformed"));
	tell(put("lists", LIST, hsm->list_digest, hsm->identity, body, len - 1, 422, "malformed"));
	list[hsm->list_len] = 0;
	tell(put("lists", LIST, hsm->list_digest, hsm->identity, body, len + 1, 422, "malformed"));
	tell(put("lists", LIST, zero, hsm->identity, body, len, 403, "announcement"));
	tell(put("lists", LIST, hsm->list_digest, other->identity, body, len, 403, "announcement"));
	body[PROVER_ANNOUNCEMENT_LEN - 1] ^= 1;
	tell(put("lists", LIST, hsm->list_digest, hsm->identity, body, len, 403, "announcement"));
	body[PROVER_ANNOUNCEMENT_LEN - 1] ^= 1;
	/* Another list of the same length: a bit of a key's creation time. */
	list[12 + 1 + 10 + 2 + 1 + 4 + 4 + 7] ^= 1;
	tell(put("lists", LIST, hsm->list_digest, hsm->identity, body, len, 422, "false"));
	list[12 + 1 + 10 + 2 + 1 + 4 + 4 + 7] ^= 1;
	/* The last byte is of a point, which leaves the curve. */
	list[hsm->list_len - 1] ^= 1;
	tell(put("lists", LIST, hsm->list_digest, hsm->identity, body, len, 422, "malformed"));
	free(body);
	prover_free(other);
}

/* Anybody can have a live challenge: of what takes long to read strangers get little. */
static void strangers_long_lists(void **state)
{
	struct prover *large = prover_new("large", 800), *again = prover_new("large again", 800);
	uint8_t nonce[32];

	(void)state;
	assert_true(large->list_len > 65536);
	challenge(d, large, nonce);
	challenge(d, again, nonce);
	for (int i = 0; i < 16; i++)
		put_list(d, i % 2 ? large : again, 204, NULL);
	put_list(d, large, 429, "too-many");
	put_list(d, again, 429, "too-many");
	/* Short ones are read, and of whom is known all. */
	tell(attest(d, hsm, 403, "pending"));
	enrol(d, large);
	put_list(d, large, 204, NULL);
	put_list(d, again, 429, "too-many");
	prover_free(large);
	prover_free(again);
}

static void configurations(void **state)
{
	uint8_t body[ZKHSM_CONFIGURATION_MAX_LEN + 1];

	(void)state;
	enrol(d, hsm);
	memcpy(body, hsm->config_bytes, hsm->config_len);
	tell(put("configurations", CONFIGURATION, hsm->config_digest, hsm->identity, body,
		 hsm->config_len, 204, NULL));
	tell(put("configurations", CONFIGURATION, hsm->config_digest, hsm->identity, body,
		 hsm->config_len - 1, 422, "malformed"));
	body[hsm->config_len] = 0;
	tell(put("configurations", CONFIGURATION, hsm->config_digest, hsm->identity, body,
		 hsm->config_len + 1, 422, "malformed"));
	tell(put("configurations", CONFIGURATION, hsm->list_digest, hsm->identity, body,
		 hsm->config_len, 422, "false"));
}

/* What evidence needs is asked for, and its nonce is kept for it. */
static void needs(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = make_evidence(d, hsm, evidence);
	json_t *o;

	(void)state;
	o = post_evidence(d, evidence, len, 409, "need");
	assert_int_equal(json_array_size(json_object_get(o, "need")), 2);
	assert_true(json_is_null(json_object_get(o, "known_list")));
	json_decref(o);
	put_configuration(d, hsm, 204, NULL);
	o = post_evidence(d, evidence, len, 409, "need");
	assert_int_equal(json_array_size(json_object_get(o, "need")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(o, "need"), 0)),
			    "list");
	json_decref(o);
	put_list(d, hsm, 204, NULL);
	tell(post_evidence(d, evidence, len, 403, "pending"));
	tell(post_evidence(d, evidence, len, 422, "nonce"));
}

/* --- orders that this manager does not know ------------------------------- */

static void restored_from_backup(void **state)
{
	struct zkhsm_challenge c = { .last_number = 41, .last_digest = { 1 } };
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], *bytes;
	struct zkhsm_statement s;
	struct zkhsm_order order;
	size_t len;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'key','hsm_id':'%s','key_id':'key-000000','reason':'key-compromise'}",
		      hex32(hsm->hsm_id)));
	/* The HSM has applied 41 orders, of which this store knows one, and not as that. */
	memcpy(c.manager_id, d->manager_id, 32);
	challenge(d, hsm, c.nonce);
	prover_statement(hsm, &c, 1, &s);
	tell(post_evidence(d, evidence, prover_evidence(hsm, &s, evidence), 200, NULL));
	daemon_log_wait(d, "code=orders-unknown");
	/* What the kernel would take for a replay is made again above. */
	o = get(d->public, 200, NULL, "/v1/hsms/%s/orders?after=41", hex32(hsm->hsm_id));
	assert_int_equal(zkhsm_unb64(json_string_value(json_array_get(json_object_get(o, "orders"),
								      0)), &bytes, &len), 0);
	assert_int_equal(zkhsm_order_verify(d->order_public, bytes, len, &order, NULL), 0);
	assert_int_equal(order.number, 42);
	assert_int_equal(order.type, ZKHSM_ORDER_TYPE_REVOKE);
	free(bytes);
	json_decref(o);
	/* And new ones go on from there. */
	o = ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		     "{'action':'hold','scope':'key','hsm_id':'%s','key_id':'key-000001','reason':'certificate-hold'}",
		     hex32(hsm->hsm_id));
	assert_int_equal(number_of(json_array_get(json_object_get(o, "orders"), 0), "number"), 43);
	json_decref(o);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_hsm, free_hsm)
	const struct CMUnitTest tests[] = {
		TEST(malformed),
		TEST(false_proof),
		TEST(key_not_known),
		TEST(nonces),
		TEST(among_others),
		TEST(clones),
		TEST(late),
		TEST(stale),
		TEST(lists),
		TEST(strangers_long_lists),
		TEST(configurations),
		TEST(needs),
		TEST(restored_from_backup),
	};

	return cmocka_run_group_tests(tests, start, end);
}
