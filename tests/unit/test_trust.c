// SPDX-License-Identifier: GPL-2.0
/*
 * test_trust.c - an order to change a configuration: what is void, and what
 * becomes of the one that waits
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/manager/manager.h"

static const uint8_t before[32] = { 1 }, wanted[32] = { 2 }, third[32] = { 3 };

static struct zkhsmd_hsm waiting(uint64_t applied)
{
	struct zkhsmd_hsm h = { .enrolled = true, .trust_number = 7, .applied = applied };

	memcpy(h.config_digest, before, 32);
	memcpy(h.trust_previous, before, 32);
	memcpy(h.trust_digest, wanted, 32);
	return h;
}

static void expect(const struct zkhsmd_hsm *h, bool waits, const uint8_t approved[32])
{
	json_t *o = zkhsmd_trust_json(h);

	assert_int_equal(h->trust_number, waits ? 7 : 0);
	assert_memory_equal(h->config_digest, approved, 32);
	assert_int_equal(json_is_null(o), !waits);
	json_decref(o);
}

static void seen(void **state)
{
	struct zkhsmd_hsm h;

	(void)state;
	/* Nothing has happened yet, or it waits for other managers. */
	for (uint64_t applied = 6; applied < 9; applied++) {
		h = waiting(applied);
		zkhsmd_trust_seen(&h, before, true);
		expect(&h, true, before);
	}
	/* Done, by others alone even. */
	for (uint64_t applied = 6; applied < 9; applied++) {
		h = waiting(applied);
		zkhsmd_trust_seen(&h, wanted, true);
		expect(&h, false, wanted);
	}
	/* True, but not accepted: that says nothing about it. */
	h = waiting(7);
	zkhsmd_trust_seen(&h, wanted, false);
	expect(&h, true, before);
	/* Another one came first. Ours is void once it has got there. */
	h = waiting(6);
	zkhsmd_trust_seen(&h, third, false);
	expect(&h, true, before);
	h = waiting(7);
	zkhsmd_trust_seen(&h, third, false);
	expect(&h, false, before);
	/* And when nothing waits, nothing is seen. */
	zkhsmd_trust_seen(&h, wanted, true);
	expect(&h, false, before);
}

static void forgotten(void **state)
{
	static const uint8_t none[32];
	struct zkhsmd_hsm h = waiting(6);

	(void)state;
	zkhsmd_trust_forget(&h);
	expect(&h, false, before);
	assert_memory_equal(h.trust_digest, none, 32);
	assert_memory_equal(h.trust_previous, none, 32);
}

static void shown(void **state)
{
	struct zkhsmd_hsm h = waiting(6);
	json_t *o;

	(void)state;
	for (int applied = 0; applied < 2; applied++) {
		h.applied += (unsigned int)applied;
		o = zkhsmd_trust_json(&h);
		assert_int_equal(json_integer_value(json_object_get(o, "number")), 7);
		assert_int_equal(json_is_true(json_object_get(o, "applied")), applied);
		assert_int_equal(strncmp(json_string_value(json_object_get(o, "config_digest")),
					 "0200", 4), 0);
		assert_int_equal(strncmp(json_string_value(json_object_get(o, "previous")), "0100",
					 4), 0);
		json_decref(o);
	}
}

static void expect_void(const struct zkhsm_configuration *c, const char *text)
{
	static const struct zkhsm_configuration old = { .flags = ZKHSM_HSM_FLAG_LOCKED };
	const char *why = zkhsmd_trust_void(c, &old);

	if (!text)
		assert_null(why);
	else if (!why || !strstr(why, text))
		fail_msg("\"%s\" is not in \"%s\"", text, why ? why : "");
}

static void voids(void **state)
{
	static const struct zkhsm_configuration good = {
		.flags = ZKHSM_HSM_FLAG_LOCKED, .quorum = 2, .stop = 1, .wipe = 2,
		.manager_count = 3, .max_ttl_ms = 86400000, .enforce_grace_ms = UINT64_MAX,
	};
	struct zkhsm_configuration c = good;

	(void)state;
	expect_void(&c, NULL);
	c.quorum = 3;
	expect_void(&c, NULL);
	c.quorum = 4;
	expect_void(&c, "more than there are managers");
	c = good;
	c.stop = 3;
	expect_void(&c, "wipe is less than stop");
	c.wipe = 4;
	expect_void(&c, "more than there are managers");
	c = good;
	c.max_ttl_ms = 999;
	expect_void(&c, "max_ttl");
	c.max_ttl_ms = 1000;
	expect_void(&c, NULL);
	c.max_ttl_ms = 31 * 86400000ULL;
	expect_void(&c, NULL);
	c.max_ttl_ms++;
	expect_void(&c, "max_ttl");
	c = good;
	c.flags = 0;
	expect_void(&c, "flags");
	/* What it replaces is not known: then the kernel will say so. */
	assert_null(zkhsmd_trust_void(&c, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seen),
		cmocka_unit_test(forgotten),
		cmocka_unit_test(shown),
		cmocka_unit_test(voids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
