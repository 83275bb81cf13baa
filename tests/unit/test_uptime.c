// SPDX-License-Identifier: GPL-2.0
/*
 * test_uptime.c - how long an HSM has been up, as a manager knows for certain
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/manager/grant.h"

static const uint8_t boot[16] = { 1 }, other_boot[16] = { 2 };

/* Nonce at 1000 s by the wall and 50 s by the boot, evidence 3 s after; up for 200 s. */
static struct zkhsmd_hsm hsm(void)
{
	struct zkhsmd_hsm h = { .attested = true, .uptime_ms = 200000, .attested_ms = 1000000,
				.attested_boot_ms = 50000, .received_ms = 1003000 };

	memcpy(h.boot_id, boot, sizeof(boot));
	return h;
}

static int64_t at(const struct zkhsmd_hsm *h, const uint8_t id[16], int64_t wall, int64_t up)
{
	return zkhsmd_uptime(h, id, (struct zkhsmd_time){ .wall = wall, .boot = up }, 1003000);
}

static void never_more_than_it_has(void **state)
{
	struct zkhsmd_hsm h = hsm();

	(void)state;
	/* S was made at some time of the 3 s: it is 200 s when the evidence came. */
	assert_int_equal(at(&h, boot, 1003000, 53000), 200000);
	assert_int_equal(at(&h, boot, 1013000, 63000), 210000);
	/* The wall clock has no part in it, while this machine runs. */
	assert_int_equal(at(&h, boot, 9999999, 63000), 210000);
	assert_int_equal(at(&h, boot, 1, 63000), 210000);
	/* It was set while the evidence was on its way: more is not made of it. */
	h.received_ms = 900000;
	assert_int_equal(at(&h, boot, 1013000, 63000), 213000);
	h.received_ms = 99000000;
	assert_int_equal(at(&h, boot, 1013000, 63000), 200000);
}

static void not_known(void **state)
{
	struct zkhsmd_hsm h = hsm();

	(void)state;
	/* After this machine's boot by the wall clock alone, unless that went back. */
	assert_int_equal(at(&h, other_boot, 1013000, 5), 210000);
	assert_int_equal(at(&h, other_boot, 1002999, 5), -1);
	h.uptime_ms = UINT64_MAX;
	assert_int_equal(at(&h, boot, 1013000, 63000), -1);
	h = hsm();
	h.attested = false;
	assert_int_equal(at(&h, boot, 1013000, 63000), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_more_than_it_has), cmocka_unit_test(not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
