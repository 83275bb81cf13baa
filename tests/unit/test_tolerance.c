// SPDX-License-Identifier: GPL-2.0
/*
 * test_tolerance.c - how many managers may lie, against every way to lie
 *
 * The quorums' arithmetic is checked against what it is about: every set of
 * liars, and what they can bring about, alone or by keeping out of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tolerance.h"

/* Whether a set of @f managers that acts alone reaches the number @needed. */
static bool reaches(unsigned int n, uint32_t set, unsigned int needed)
{
	unsigned int votes = 0, i;

	for (i = 0; i < n; i++)
		votes += set >> i & 1;
	return votes >= needed;
}

/* The liars alone can not make a key work or erase it; the others alone can stop and erase. */
static bool set_safe(const struct zkhsm_configuration *c, unsigned int n, uint32_t liars)
{
	uint32_t honest = ~liars & ((1U << n) - 1);

	return !reaches(n, liars, c->quorum) && !reaches(n, liars, c->wipe) &&
	       reaches(n, honest, c->stop) && reaches(n, honest, c->wipe);
}

/* The others alone can make a key work, and the liars alone can not stop it. */
static bool set_served(const struct zkhsm_configuration *c, unsigned int n, uint32_t liars)
{
	uint32_t honest = ~liars & ((1U << n) - 1);

	return reaches(n, honest, c->quorum) && !reaches(n, liars, c->stop);
}

/* The quorums only count, so one set of each size is like all of that size. */
static unsigned int highest(const struct zkhsm_configuration *c, unsigned int n,
			    bool (*holds)(const struct zkhsm_configuration *, unsigned int,
					  uint32_t))
{
	unsigned int f = 0;

	while (f < n && holds(c, n, (1U << (f + 1)) - 1))
		f++;
	return f;
}

/* How many must withhold their leases so that fewer than the quorum are left. */
static unsigned int denial(const struct zkhsm_configuration *c, unsigned int n)
{
	unsigned int f;

	if (c->quorum > n)
		return 0;
	for (f = 1; f <= n; f++)
		if (!reaches(n, (1U << (n - f)) - 1, c->quorum))
			return f;
	return 0;
}

static void all_configurations(void **state)
{
	struct zkhsm_configuration c = { 0 };
	struct zkhsm_tolerance t;
	unsigned int n, q, s, w, looked = 0;

	(void)state;
	for (n = 0; n <= ZKHSM_MANAGERS_MAX; n++)
		for (q = 1; q <= ZKHSM_MANAGERS_MAX; q++)
			for (s = 1; s <= ZKHSM_MANAGERS_MAX; s++)
				for (w = 1; w <= ZKHSM_MANAGERS_MAX; w++) {
					c.manager_count = (uint8_t)n;
					c.quorum = (uint8_t)q;
					c.stop = (uint8_t)s;
					c.wipe = (uint8_t)w;
					zkhsm_tolerance(&c, &t);
					if (t.managers != n ||
					    t.safe != highest(&c, n, set_safe) ||
					    t.served != highest(&c, n, set_served) ||
					    t.deny != denial(&c, n) ||
					    t.sound != (q <= n && s <= n && w <= n && s <= w))
						fail_msg("n %u quorum %u stop %u wipe %u: %u %u %u",
							 n, q, s, w, t.safe, t.served, t.deny);
					looked++;
				}
	assert_int_equal(looked, 17 * 16 * 16 * 16);
}

/* Sets of one size are alike: every set of liars of every size, for up to 8 managers. */
static void all_sets(void **state)
{
	struct zkhsm_configuration c = { 0 };
	struct zkhsm_tolerance t;
	unsigned int n, q, s, w;
	uint32_t liars;

	(void)state;
	for (n = 1; n <= 8; n++)
		for (q = 1; q <= n; q++)
			for (s = 1; s <= n; s++)
				for (w = s; w <= n; w++) {
					c.manager_count = (uint8_t)n;
					c.quorum = (uint8_t)q;
					c.stop = (uint8_t)s;
					c.wipe = (uint8_t)w;
					zkhsm_tolerance(&c, &t);
					for (liars = 1; liars < 1U << n; liars++) {
						unsigned int f = (unsigned int)
							__builtin_popcount(liars);

						assert_int_equal(set_safe(&c, n, liars), f <= t.safe);
						assert_int_equal(set_served(&c, n, liars),
								 f <= t.served);
					}
				}
}

static void zeros(void **state)
{
	struct zkhsm_configuration c = { .manager_count = 3 };
	struct zkhsm_tolerance t;

	(void)state;
	zkhsm_tolerance(&c, &t);
	assert_false(t.sound);
	assert_int_equal(t.safe, 0);
	assert_int_equal(t.served, 0);
	assert_int_equal(t.deny, 0);
}

static void sentences(void **state)
{
	struct zkhsm_configuration c = { .manager_count = 4, .quorum = 3, .stop = 2, .wipe = 3 };
	char text[ZKHSM_TOLERANCE_LINES][ZKHSM_TOLERANCE_SIZE];

	(void)state;
	zkhsm_tolerance_text(&c, text);
	assert_non_null(strstr(text[0], "safety: 1 of 4 managers may lie"));
	assert_non_null(strstr(text[1], "service: 1 of 4 managers may lie or be silent"));
	assert_non_null(strstr(text[2], "leases: when 2 managers or more withhold theirs"));
	c.quorum = 1;
	c.stop = 1;
	zkhsm_tolerance_text(&c, text);
	assert_string_equal(text[0], "safety: no manager may lie; one of 4 can make a key work");
	assert_non_null(strstr(text[1], "service: one manager of 4"));
	c.manager_count = 3;
	c.wipe = 1;
	c.stop = 3;
	zkhsm_tolerance_text(&c, text);
	assert_string_equal(text[0], "safety: no manager may lie; one of 3 can make a key work, "
			    "erase a key, keep the others from stopping one");
	c.quorum = 2;
	c.stop = 1;
	c.wipe = 3;
	zkhsm_tolerance_text(&c, text);
	assert_string_equal(text[0], "safety: no manager may lie; one of 3 can keep the others "
			    "from erasing one");
	c.manager_count = 4;
	c.quorum = 5;
	zkhsm_tolerance_text(&c, text);
	assert_non_null(strstr(text[2], "leases: 4 managers pinned, 5 needed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_configurations),
		cmocka_unit_test(all_sets),
		cmocka_unit_test(zeros),
		cmocka_unit_test(sentences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
