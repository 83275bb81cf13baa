// SPDX-License-Identifier: GPL-2.0
/*
 * test_appraise.c - what true evidence means, and how old it is
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/manager/manager.h"

/* Accepted a minute ago by both clocks, in this boot of the manager's machine. */
static const struct zkhsmd_hsm known = {
	.enrolled = true, .attested = true, .boot_count = 3, .fork_count = 1, .number = 10,
	.instance_id = { 1 }, .uptime_ms = 1000000, .attested_ms = 5000000,
	.attested_boot_ms = 400000, .received_ms = 5000000, .boot_id = { 9 },
	.config_digest = { 7 }, .shown = 4,
};
static const uint8_t same_boot[16] = { 9 }, other_boot[16] = { 8 };
static const struct zkhsmd_moment minute_later = {
	.issued = { .wall = 5060000, .boot = 460000 }, .now = { .wall = 5060000, .boot = 460000 },
	.boot_id = same_boot, .last_number = 4,
};

/* The next evidence of that HSM, in order. */
static struct zkhsm_statement next(void)
{
	struct zkhsm_statement s = {
		.boot_count = 3, .fork_count = 1, .number = 11, .instance_id = { 1 },
		.uptime_ms = 1060000, .config_digest = { 7 },
	};

	return s;
}

/* Unsealed again on the host that @known is of. */
static struct zkhsm_statement unsealed(void)
{
	struct zkhsm_statement s = next();

	s.boot_count = 4;
	s.fork_count = 0;
	s.instance_id[0] = 2;
	s.number = 1;
	return s;
}

static enum zkhsmd_verdict of(const struct zkhsmd_hsm *h, const struct zkhsm_statement *s,
			      const struct zkhsmd_moment *when, const char **code)
{
	struct zkhsmd_finding finding;
	enum zkhsmd_verdict v = zkhsmd_appraise(h, false, s, when, &finding);

	*code = finding.code ? finding.code : "";
	/* Every alert has its sentence, every contradiction its code. */
	assert_true(!finding.code || finding.why[0]);
	return v;
}

static void expect(const struct zkhsm_statement *s, enum zkhsmd_verdict verdict, const char *code)
{
	const char *is;

	assert_int_equal(of(&known, s, &minute_later, &is), verdict);
	assert_string_equal(is, code);
}

static void in_order(void **state)
{
	struct zkhsmd_hsm h = known;
	struct zkhsm_statement s = next();
	const char *code;

	(void)state;
	expect(&s, ZKHSMD_ACCEPT, "");
	s.number = 500;
	expect(&s, ZKHSMD_ACCEPT, "");
	/* Another life: another instance, and it may count anew. */
	s = unsealed();
	expect(&s, ZKHSMD_ACCEPT, "");
	s.uptime_ms = 0;
	expect(&s, ZKHSMD_ACCEPT, "");
	/* The first there is. */
	h.attested = false;
	s = next();
	s.number = 1;
	assert_int_equal(of(&h, &s, &minute_later, &code), ZKHSMD_ACCEPT);
}

static void clones(void **state)
{
	struct zkhsm_statement s = next();

	(void)state;
	s.number = 10;
	expect(&s, ZKHSMD_CLONE, "clone");
	s.number = 9;
	expect(&s, ZKHSMD_CLONE, "clone");
	s = next();
	s.instance_id[15] = 1;
	expect(&s, ZKHSMD_TWO_INSTANCES, "two-instances");
	s = next();
	s.uptime_ms = 999999;
	expect(&s, ZKHSMD_CLONE, "clone");
	s = next();
	s.boot_count = 4;
	expect(&s, ZKHSMD_CLONE, "clone");
}

static void rollbacks(void **state)
{
	struct zkhsmd_moment when = minute_later;
	struct zkhsm_statement s = next();
	const char *code;

	(void)state;
	s.boot_count = 2;
	expect(&s, ZKHSMD_ROLLBACK, "rollback");
	/* The past had other instances, and may have forked more often. */
	s.fork_count = 9;
	s.instance_id[0] = 5;
	expect(&s, ZKHSMD_ROLLBACK, "rollback");
	s = next();
	s.fork_count = 0;
	expect(&s, ZKHSMD_ROLLBACK, "rollback");
	/* Orders that were applied can be lost in a new life only, but are missed in any. */
	when.last_number = 3;
	s = next();
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_ORDERS_BACK);
	assert_string_equal(code, "orders-rolled-back");
	s = unsealed();
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_ORDERS_BACK);
	when.last_number = 5;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_ACCEPT);
}

/* 60 s have passed; 10 s and a two-hundredth of it are allowed on top. */
static void uptimes(void **state)
{
	struct zkhsmd_moment when = minute_later;
	struct zkhsm_statement s = next();
	const char *code;

	(void)state;
	s.uptime_ms = 1070300;
	expect(&s, ZKHSMD_ACCEPT, "");
	s.uptime_ms = 1070301;
	expect(&s, ZKHSMD_UPTIME, "uptime");
	s.uptime_ms = UINT64_MAX;
	expect(&s, ZKHSMD_UPTIME, "uptime");
	s.uptime_ms = 1049700;
	expect(&s, ZKHSMD_ACCEPT, "");
	s.uptime_ms = 1049699;
	expect(&s, ZKHSMD_ACCEPT, "uptime-behind");
	s.uptime_ms = 1000000;
	expect(&s, ZKHSMD_ACCEPT, "uptime-behind");
	/* A fork of the VM goes on as well. */
	s.fork_count = 2;
	s.instance_id[0] = 2;
	s.uptime_ms = 1070301;
	expect(&s, ZKHSMD_UPTIME, "uptime");
	s.uptime_ms = 999999;
	expect(&s, ZKHSMD_ACCEPT, "");

	/* Both clocks have to say so: one may have stood still, the other been set. */
	s = next();
	s.uptime_ms = 1070301;
	when.now.wall = 5000000;
	when.issued.wall = 5000000;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_UPTIME);
	when.now.wall = 5070000;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_ACCEPT);
	when = minute_later;
	when.now.boot = 470000;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_ACCEPT);
	/* By the wall clock alone nobody is refused. */
	when = minute_later;
	when.boot_id = other_boot;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_ACCEPT);
	assert_string_equal(code, "uptime-ahead");
}

/* After a new boot count: the host booted since, or goes on; or it is another. */
static void other_hosts(void **state)
{
	struct zkhsm_statement s = unsealed();

	(void)state;
	s.uptime_ms = 70300;
	expect(&s, ZKHSMD_ACCEPT, "");
	s.uptime_ms = 70301;
	expect(&s, ZKHSMD_ACCEPT, "other-host");
	s.uptime_ms = 1049699;
	expect(&s, ZKHSMD_ACCEPT, "other-host");
	s.uptime_ms = 1049700;
	expect(&s, ZKHSMD_ACCEPT, "");
	s.uptime_ms = 1070301;
	expect(&s, ZKHSMD_ACCEPT, "other-host");
}

/* What an administrator announced is accepted, and said. */
static void restored(void **state)
{
	struct zkhsmd_moment when = minute_later;
	struct zkhsm_statement s = unsealed();
	struct zkhsmd_finding finding;
	struct zkhsmd_hsm h = known;

	(void)state;
	h.restore = true;
	assert_int_equal(zkhsmd_appraise(&h, false, &s, &when, &finding), ZKHSMD_ACCEPT);
	assert_false(finding.restored);
	s.boot_count = 1;
	assert_int_equal(zkhsmd_appraise(&h, false, &s, &when, &finding), ZKHSMD_ACCEPT);
	assert_true(finding.restored);
	assert_string_equal(finding.code, "restored");
	/* That does not make another configuration or a revoked HSM right. */
	assert_int_equal(zkhsmd_appraise(&h, true, &s, &when, &finding), ZKHSMD_HSM_REVOKED);
	s.config_digest[0] = 1;
	assert_int_equal(zkhsmd_appraise(&h, false, &s, &when, &finding),
			 ZKHSMD_OTHER_CONFIGURATION);
	/* The one that was replaced is no reboot. */
	h = known;
	h.retired[0] = 2;
	s = unsealed();
	assert_int_equal(zkhsmd_appraise(&h, false, &s, &when, &finding), ZKHSMD_CLONE);
	assert_string_equal(finding.code, "clone");
	s.instance_id[0] = 3;
	assert_int_equal(zkhsmd_appraise(&h, false, &s, &when, &finding), ZKHSMD_ACCEPT);
}

static void late(void **state)
{
	struct zkhsmd_moment when = minute_later;
	struct zkhsm_statement s = next();
	const char *code;

	(void)state;
	when.issued.wall = 5000000;
	when.last_number = 3;
	s.number = 9;
	s.uptime_ms = 999999;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_LATE);
	/* Challenged after the newer one had come, or the same number twice: not late. */
	when.issued.wall = 5000001;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_CLONE);
	when.issued.wall = 5000000;
	s.uptime_ms = 1000001;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_CLONE);
	s.uptime_ms = 999999;
	s.number = 10;
	assert_int_equal(of(&known, &s, &when, &code), ZKHSMD_CLONE);
}

static void policy(void **state)
{
	struct zkhsmd_hsm h = known;
	struct zkhsm_statement s = next();
	struct zkhsmd_finding finding;
	const char *code;

	(void)state;
	assert_int_equal(of(NULL, &s, &minute_later, &code), ZKHSMD_PENDING_HSM);
	h.enrolled = false;
	assert_int_equal(of(&h, &s, &minute_later, &code), ZKHSMD_PENDING_HSM);
	assert_int_equal(zkhsmd_appraise(&known, true, &s, &minute_later, &finding),
			 ZKHSMD_HSM_REVOKED);
	s.config_digest[31] = 1;
	expect(&s, ZKHSMD_OTHER_CONFIGURATION, "");
	/* What was ordered to be is right as well, once it is shown, until it is forgotten. */
	h = known;
	h.trust_number = 5;
	h.trust_digest[31] = 1;
	memcpy(s.config_digest, h.trust_digest, sizeof(s.config_digest));
	assert_int_equal(of(&h, &s, &minute_later, &code), ZKHSMD_ACCEPT);
	assert_int_equal(zkhsmd_appraise(&h, true, &s, &minute_later, &finding),
			 ZKHSMD_HSM_REVOKED);
	h.trust_number = 0;
	assert_int_equal(of(&h, &s, &minute_later, &code), ZKHSMD_OTHER_CONFIGURATION);
	h.trust_number = 5;
	memcpy(s.config_digest, known.config_digest, sizeof(s.config_digest));
	assert_int_equal(of(&h, &s, &minute_later, &code), ZKHSMD_ACCEPT);
	/* A clone is a clone whatever else it is. */
	s.number = 10;
	assert_int_equal(zkhsmd_appraise(&known, true, &s, &minute_later, &finding),
			 ZKHSMD_CLONE);
}

static void ages(void **state)
{
	static const uint8_t this_boot[16] = { 5 };
	struct zkhsmd_hsm h = { .attested = true, .attested_ms = 100000,
				.attested_boot_ms = 2000, .boot_id = { 5 } };
	struct zkhsmd_time now = { .wall = 101500, .boot = 3000 };

	(void)state;
	/* Within one boot the wall clock says nothing, wherever it stands. */
	assert_int_equal(zkhsmd_age(&h, this_boot, now, 0), 1000);
	now.wall = 1;
	assert_int_equal(zkhsmd_age(&h, this_boot, now, 100000), 1000);
	/* From another boot it is all there is, unless it went back. */
	now.wall = 101500;
	assert_int_equal(zkhsmd_age(&h, other_boot, now, 101000), 1500);
	assert_int_equal(zkhsmd_age(&h, other_boot, now, 102000), -1);
	now.wall = 99999;
	assert_int_equal(zkhsmd_age(&h, other_boot, now, 0), -1);
	h.attested = false;
	assert_int_equal(zkhsmd_age(&h, this_boot, now, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(clones),
		cmocka_unit_test(rollbacks),
		cmocka_unit_test(uptimes),
		cmocka_unit_test(other_hosts),
		cmocka_unit_test(restored),
		cmocka_unit_test(late),
		cmocka_unit_test(policy),
		cmocka_unit_test(ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
