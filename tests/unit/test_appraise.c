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

static const struct zkhsmd_hsm known = {
	.enrolled = true, .attested = true, .boot_count = 3, .fork_count = 1, .number = 10,
	.instance_id = { 1 }, .uptime_ms = 1000, .received_ms = 50000, .config_digest = { 7 },
};
static const struct zkhsmd_time fresh = { .wall = 60000 };

/* The next evidence of that HSM, in order. */
static struct zkhsm_statement next(void)
{
	struct zkhsm_statement s = {
		.boot_count = 3, .fork_count = 1, .number = 11, .instance_id = { 1 },
		.uptime_ms = 2000, .config_digest = { 7 },
	};

	return s;
}

static enum zkhsmd_verdict verdict(const struct zkhsm_statement *s)
{
	const char *why = NULL;
	enum zkhsmd_verdict v = zkhsmd_appraise(&known, false, s, fresh, &why);

	if (v == ZKHSMD_CLONE)
		assert_non_null(why);
	return v;
}

static void in_order(void **state)
{
	struct zkhsmd_hsm h = known;
	struct zkhsm_statement s = next();
	const char *why;

	(void)state;
	assert_int_equal(verdict(&s), ZKHSMD_ACCEPT);
	s.number = 500;
	assert_int_equal(verdict(&s), ZKHSMD_ACCEPT);
	s.uptime_ms = 1000;
	assert_int_equal(verdict(&s), ZKHSMD_ACCEPT);
	/* Another life: another instance, and it may count anew. */
	s = next();
	s.boot_count = 4;
	s.fork_count = 0;
	s.instance_id[0] = 2;
	s.number = 1;
	s.uptime_ms = 0;
	assert_int_equal(verdict(&s), ZKHSMD_ACCEPT);
	/* The first there is. */
	h.attested = false;
	s = next();
	s.number = 1;
	assert_int_equal(zkhsmd_appraise(&h, false, &s, fresh, &why), ZKHSMD_ACCEPT);
}

static void clones(void **state)
{
	struct zkhsm_statement s = next();

	(void)state;
	s.number = 10;
	assert_int_equal(verdict(&s), ZKHSMD_CLONE);
	s.number = 9;
	assert_int_equal(verdict(&s), ZKHSMD_CLONE);
	s = next();
	s.boot_count = 2;
	assert_int_equal(verdict(&s), ZKHSMD_CLONE);
	s = next();
	s.fork_count = 0;
	assert_int_equal(verdict(&s), ZKHSMD_CLONE);
	s = next();
	s.instance_id[15] = 1;
	assert_int_equal(verdict(&s), ZKHSMD_CLONE);
	s = next();
	s.uptime_ms = 999;
	assert_int_equal(verdict(&s), ZKHSMD_CLONE);
	s = next();
	s.boot_count = 4;
	assert_int_equal(verdict(&s), ZKHSMD_CLONE);
}

static void late(void **state)
{
	struct zkhsmd_time issued = { .wall = 49999 };
	struct zkhsm_statement s = next();
	const char *why;

	(void)state;
	s.number = 9;
	s.uptime_ms = 900;
	assert_int_equal(zkhsmd_appraise(&known, false, &s, issued, &why), ZKHSMD_LATE);
	/* Challenged after the newer one had come, or the same number twice: not late. */
	issued.wall = 50001;
	assert_int_equal(zkhsmd_appraise(&known, false, &s, issued, &why), ZKHSMD_CLONE);
	issued.wall = 49999;
	s.uptime_ms = 1001;
	assert_int_equal(zkhsmd_appraise(&known, false, &s, issued, &why), ZKHSMD_CLONE);
	s.uptime_ms = 900;
	s.number = 10;
	assert_int_equal(zkhsmd_appraise(&known, false, &s, issued, &why), ZKHSMD_CLONE);
}

static void policy(void **state)
{
	struct zkhsmd_hsm h = known;
	struct zkhsm_statement s = next();
	const char *why;

	(void)state;
	assert_int_equal(zkhsmd_appraise(NULL, false, &s, fresh, &why), ZKHSMD_PENDING_HSM);
	h.enrolled = false;
	assert_int_equal(zkhsmd_appraise(&h, false, &s, fresh, &why), ZKHSMD_PENDING_HSM);
	assert_int_equal(zkhsmd_appraise(&known, true, &s, fresh, &why), ZKHSMD_HSM_REVOKED);
	s.config_digest[31] = 1;
	assert_int_equal(verdict(&s), ZKHSMD_OTHER_CONFIGURATION);
	/* A clone is a clone whatever else it is. */
	s.number = 10;
	assert_int_equal(zkhsmd_appraise(&known, true, &s, fresh, &why), ZKHSMD_CLONE);
}

static void ages(void **state)
{
	static const uint8_t this_boot[16] = { 5 }, other_boot[16] = { 6 };
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
		cmocka_unit_test(late),
		cmocka_unit_test(policy),
		cmocka_unit_test(ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
