// SPDX-License-Identifier: GPL-2.0
/*
 * test_rollback.c - a state from the past: seen, refused, and once accepted when
 * an administrator said that it would come
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct daemon *d;
static struct prover *hsm;
static struct applied applied;			/* of our orders, as @hsm shows them */

static int start(void **state)
{
	(void)state;
	d = daemon_new("max_age = 1h\n", "nonces_per_hsm = 64\n");
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
	snprintf(seed, sizeof(seed), "rollback %u", number++);
	hsm = prover_new(seed, 3);
	prover_pin(hsm, d->order_public);
	hsm->boot_count = 5;
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

/* What @hsm is now, with the orders that it has applied. */
static void show(long status, const char *urn)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = make_evidence_after(d, hsm, &applied, evidence);

	tell(post_evidence(d, evidence, len, status, urn));
}

/* Unsealed from a state in which boots were counted up to here. */
static void unseal(uint32_t boot_count)
{
	uint8_t random[32];

	prover_draw(hsm, random);
	memcpy(hsm->instance_id, random, sizeof(hsm->instance_id));
	hsm->boot_count = boot_count + 1;
	hsm->number = 0;
}

static void revoke_key(const char *key)
{
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'key','hsm_id':'%s','key_id':'%s','reason':'key-compromise'}",
		      hex32(hsm->hsm_id), key));
}

static void token(const char *key, long status, const char *urn)
{
	tell(ask_json(d->public, "POST", "/v1/tokens", status, urn,
		      "{'hsm_id':'%s','key_id':'%s','aud':'x'}", hex32(hsm->hsm_id), key));
}

static json_t *restore(struct zkhsm_https *who, long status, const char *urn)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/restore", hex32(hsm->hsm_id));
	return ask(who, "POST", path, NULL, NULL, 0, status, urn);
}

static bool announced(void)
{
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/hsms"), *row;
	bool is = false, found = false;
	size_t i;

	json_array_foreach(json_object_get(o, "hsms"), i, row) {
		if (strcmp(text_of(row, "hsm_id"), hex32(hsm->hsm_id)) != 0)
			continue;
		found = true;
		is = json_is_true(json_object_get(row, "restore"));
	}
	assert_true(found);
	json_decref(o);
	return is;
}

/* The number of what was accepted last, which no refusal moves. */
static void expect_last(uint32_t number)
{
	json_t *o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));

	assert_int_equal(number_of(o, "number"), number);
	assert_string_equal(text_of(o, "state"), "attested");
	json_decref(o);
}

/* --- what is seen --------------------------------------------------------- */

static void older_state(void **state)
{
	unsigned int rollbacks = daemon_log_count(d, "code=rollback");
	unsigned int twos = daemon_log_count(d, "code=two-instances");
	uint32_t last;

	(void)state;
	enrol(d, hsm);
	show(200, NULL);
	last = hsm->number;
	/* Of two boots ago; of the boot before, which comes up as this one. */
	unseal(3);
	show(403, "rollback");
	unseal(4);
	show(403, "two-instances");
	daemon_log_wait(d, "code=two-instances");
	assert_int_equal(daemon_log_count(d, "code=rollback"), rollbacks + 1);
	assert_int_equal(daemon_log_count(d, "code=two-instances"), twos + 1);
	daemon_log_wait(d, "verdict=two-instances");
	expect_last(last);
	token("key-000000", 200, NULL);
}

/* A restore of the latest state is a reboot, on whatever machine. */
static void latest_state(void **state)
{
	unsigned int moved = daemon_log_count(d, "code=other-host");

	(void)state;
	enrol(d, hsm);
	revoke_key("key-000000");
	obey(d, hsm, &applied, 1);
	show(200, NULL);
	unseal(5);
	show(200, NULL);
	assert_int_equal(daemon_log_count(d, "code=other-host"), moved);
	/* That it is another machine, up for a week, is told and no reason to refuse. */
	unseal(6);
	hsm->uptime_ms = 7 * 86400 * 1000ULL;
	show(200, NULL);
	daemon_log_wait(d, "code=other-host");
}

static void lost_orders(void **state)
{
	unsigned int alerts = daemon_log_count(d, "code=orders-rolled-back");
	json_t *o;

	(void)state;
	enrol(d, hsm);
	revoke_key("key-000000");
	revoke_key("key-000001");
	obey(d, hsm, &applied, 2);
	show(200, NULL);
	/* A state of this boot, but from before the orders. */
	unseal(5);
	applied.number = 0;
	show(403, "orders-rolled-back");
	assert_int_equal(daemon_log_count(d, "code=orders-rolled-back"), alerts + 1);
	token("key-000000", 403, "revoked");
	/* To this manager they are applied, until something else is accepted. */
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(hsm->hsm_id));
	assert_int_equal(number_of(o, "last_applied"), 2);
	json_decref(o);
	/* Half of them is not enough. */
	obey(d, hsm, &applied, 2);
	applied.number = 1;
	show(403, "orders-rolled-back");
	applied.number = 0;
	obey(d, hsm, &applied, 2);
	show(200, NULL);
	token("key-000000", 403, "revoked");
	token("key-000002", 200, NULL);
}

static void impossible_uptime(void **state)
{
	uint32_t last;

	(void)state;
	enrol(d, hsm);
	show(200, NULL);
	last = hsm->number;
	hsm->uptime_ms += 3600 * 1000;
	show(403, "uptime");
	daemon_log_wait(d, "code=uptime ");
	hsm->fork_count++;
	hsm->instance_id[0] ^= 1;
	show(403, "uptime");
	expect_last(last);
	hsm->uptime_ms -= 3600 * 1000;
	show(200, NULL);
}

/* --- restore -------------------------------------------------------------- */

static void restore_is_admins(void **state)
{
	json_t *o;

	(void)state;
	tell(restore(d->admin, 404, "unknown"));
	tell(attest(d, hsm, 403, "pending"));
	tell(restore(d->admin, 404, "unknown"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'test'}", hex32(hsm->hsm_id)));
	tell(restore(d->admin, 409, "already"));
	show(200, NULL);
	tell(restore(d->public, 401, "client-certificate"));
	assert_false(announced());
	o = restore(d->admin, 200, NULL);
	assert_string_equal(text_of(o, "hsm_id"), hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "name"), "test");
	assert_int_equal(number_of(o, "boot_count"), 5);
	assert_int_equal(number_of(o, "fork_count"), 0);
	assert_int_equal(number_of(o, "number"), hsm->number);
	assert_int_equal(number_of(o, "last_applied"), 0);
	json_decref(o);
	daemon_log_wait(d, "action=restore");
	tell(restore(d->admin, 409, "already"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms/xx/restore", 413, "too-large", "{}"));
	tell(ask(d->admin, "POST", "/v1/admin/hsms/xx/restore", NULL, NULL, 0, 400, "request"));
	assert_true(announced());
}

static void restored_once(void **state)
{
	uint8_t instance[16];
	json_t *o;

	(void)state;
	enrol(d, hsm);
	revoke_key("key-000000");
	obey(d, hsm, &applied, 1);
	show(200, NULL);
	memcpy(instance, hsm->instance_id, sizeof(instance));

	/* The backup is of boot 2, and knows no order. */
	unseal(2);
	applied.number = 0;
	show(403, "rollback");
	json_decref(restore(d->admin, 200, NULL));
	/* That was said for good, not until the next restart. */
	daemon_end(d, SIGKILL);
	daemon_start(d, 0);
	assert_true(announced());
	token("key-000000", 403, "revoked");
	show(200, NULL);
	daemon_log_wait(d, "code=restored");
	assert_false(announced());
	expect_last(hsm->number);

	/* What it lost is delivered again; until then, and for ever, there is no token. */
	token("key-000000", 403, "revoked");
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(hsm->hsm_id));
	assert_int_equal(number_of(o, "last_applied"), 0);
	json_decref(o);
	obey(d, hsm, &applied, 1);
	show(200, NULL);
	token("key-000000", 403, "revoked");
	token("key-000001", 200, NULL);
	/* It counts from there on, and once more back is once too often. */
	applied.number = 0;
	unseal(1);
	show(403, "rollback");
	/* The host that was replaced is no reboot of the one in its place. */
	hsm->boot_count = 5;
	memcpy(hsm->instance_id, instance, sizeof(instance));
	show(403, "clone");
	daemon_log_wait(d, "took the place of");
}

/* The announcement is over with whatever is accepted next. */
static void restore_unused(void **state)
{
	(void)state;
	enrol(d, hsm);
	json_decref(restore(d->admin, 200, NULL));
	show(200, NULL);
	assert_false(announced());
	unseal(1);
	show(403, "rollback");
}

/* Nothing else that is wrong is made right, and what is refused leaves no trace. */
static void restore_and_configuration(void **state)
{
	uint64_t max_ttl_ms = hsm->config.max_ttl_ms;
	char path[128];
	uint8_t digest[32];
	json_t *o;

	(void)state;
	enrol(d, hsm);
	revoke_key("key-000000");
	obey(d, hsm, &applied, 1);
	show(200, NULL);
	json_decref(restore(d->admin, 200, NULL));
	hsm->config.max_ttl_ms = max_ttl_ms / 2;
	prover_refresh(hsm);
	memcpy(digest, hsm->config_digest, sizeof(digest));
	unseal(2);
	applied.number = 0;
	put_configuration(d, hsm, 204, NULL);
	show(403, "configuration");
	assert_true(announced());
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(hsm->hsm_id));
	assert_int_equal(number_of(o, "last_applied"), 1);
	json_decref(o);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/configuration", hex32(hsm->hsm_id));
	tell(ask_json(d->admin, "POST", path, 200, NULL, "{'config_digest':'%s'}", hex32(digest)));
	show(200, NULL);
	assert_false(announced());
}

/* --- how it is sealed ------------------------------------------------------ */

static void expect_sealing(const json_t *o, const char *kek, bool locked, bool counter)
{
	assert_string_equal(text_of(o, "kek"), kek);
	assert_int_equal(json_is_true(json_object_get(o, "locked")), locked);
	assert_int_equal(json_is_true(json_object_get(o, "counter")), counter);
}

static void sealing_shown(void **state)
{
	static const struct {
		uint32_t flags;
		const char *kek, *log;
	} cases[] = {
		{ 0, "none", "kek=none locked=no counter=no" },
		{ 2, "keyring", "kek=keyring locked=no counter=no" },
		{ 4 | 1, "shares", "kek=shares locked=yes counter=no" },
		{ 8 | 16, "tpm", "kek=tpm locked=no counter=yes" },
		{ 2 | 16 | 1, "keyring", "kek=keyring locked=yes counter=yes" },
	};
	json_t *o, *row;
	size_t i;

	(void)state;
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'unseen','config_digest':'%s'}", hex32(hsm->hsm_id),
		      hex32(hsm->config_digest)));
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
	assert_true(json_is_null(json_object_get(o, "kek")));
	assert_true(json_is_null(json_object_get(o, "locked")));
	assert_true(json_is_null(json_object_get(o, "counter")));
	json_decref(o);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		hsm->config.flags = cases[i].flags;
		prover_refresh(hsm);
		put_configuration(d, hsm, 204, NULL);
		tell(attest(d, hsm, i ? 403 : 200, i ? "configuration" : NULL));
		daemon_log_wait(d, cases[i].log);
		o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
		expect_sealing(o, cases[i].kek, cases[i].flags & 1, cases[i].flags & 16);
		json_decref(o);
	}
	o = get(d->admin, 200, NULL, "/v1/admin/hsms");
	json_array_foreach(json_object_get(o, "hsms"), i, row) {
		if (strcmp(text_of(row, "hsm_id"), hex32(hsm->hsm_id)) == 0)
			expect_sealing(row, "keyring", true, true);
	}
	json_decref(o);
}

/* Who decides about an enrolment sees it as well. */
static void sealing_of_pending(void **state)
{
	json_t *o, *row;
	bool found = false;
	size_t i;

	(void)state;
	hsm->config.flags = 8 | 1;
	prover_refresh(hsm);
	tell(attest(d, hsm, 403, "pending"));
	o = get(d->admin, 200, NULL, "/v1/admin/pending");
	json_array_foreach(json_object_get(o, "pending"), i, row) {
		if (strcmp(text_of(row, "hsm_id"), hex32(hsm->hsm_id)) != 0)
			continue;
		found = true;
		expect_sealing(json_object_get(row, "configuration"), "tpm", true, false);
	}
	assert_true(found);
	json_decref(o);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_hsm, free_hsm)
	const struct CMUnitTest tests[] = {
		TEST(older_state),
		TEST(latest_state),
		TEST(lost_orders),
		TEST(impossible_uptime),
		TEST(restore_is_admins),
		TEST(restored_once),
		TEST(restore_unused),
		TEST(restore_and_configuration),
		TEST(sealing_shown),
		TEST(sealing_of_pending),
	};

	return cmocka_run_group_tests(tests, start, end);
}
