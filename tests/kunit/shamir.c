// SPDX-License-Identifier: GPL-2.0
/*
 * shamir.c against vectors that were made by other means, against its own
 * splitting half, and with indices that are none.
 */
#include <linux/hex.h>

#include "kunit.h"
#include "shamir.h"
#include "shares.h"

#define SEED	0x54a214u

static void scalar_of(struct kunit *test, const char *hex, struct zkhsm_scalar *r)
{
	u8 be[ZKHSM_SCALAR_LEN];

	KUNIT_ASSERT_EQ(test, hex2bin(be, hex, sizeof(be)), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(r, be, N), 0);
}

/* Too large for the stack of a case. */
struct work {
	struct zkhsm_scalar a[ZKHSM_SHARES_MAX];
	struct zkhsm_scalar y[ZKHSM_SHARES_MAX];
	u8 index[ZKHSM_SHARES_MAX];
};

static struct work *work_new(struct kunit *test)
{
	struct work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	return w;
}

static void shamir_vectors(struct kunit *test)
{
	struct work *w = work_new(test);
	struct zkhsm_scalar r, secret;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(share_combinations); i++) {
		const struct share_combination *c = &share_combinations[i];

		KUNIT_ASSERT_EQ(test, hex2bin(w->index, c->index, c->count), 0);
		for (k = 0; k < c->count; k++) {
			scalar_of(test, c->coefficients + 64 * k, &w->a[k]);
			scalar_of(test, c->y + 64 * k, &w->y[k]);
		}
		for (k = 0; k < c->count; k++) {
			zkhsm_shamir_split(w->a, c->threshold, w->index[k], &r);
			KUNIT_EXPECT_TRUE_MSG(test, zkhsm_scalar_eq(&r, &w->y[k]), "%s: share %u",
					      c->name, w->index[k]);
		}
		scalar_of(test, c->secret, &secret);
		KUNIT_EXPECT_EQ(test, zkhsm_shamir_combine(w->index, w->y, c->count, &r), 0);
		KUNIT_EXPECT_TRUE_MSG(test, zkhsm_scalar_eq(&r, &secret), "%s", c->name);
	}
	KUNIT_EXPECT_EQ(test, i, 42U);
}

/* Any shares of a random polynomial make its value at zero, and one fewer does not. */
static void shamir_any_subset(struct kunit *test)
{
	struct zkhsm_scalar all[ZKHSM_SHARES_MAX], r;
	struct work *w = work_new(test);
	struct rnd_state rnd;
	u32 m, i, round;

	random_begin(test, &rnd, SEED);
	for (m = 2; m <= ZKHSM_SHARES_MAX; m++) {
		for (i = 0; i < m; i++)
			random_scalar(&rnd, &w->a[i], N);
		for (i = 0; i < ZKHSM_SHARES_MAX; i++)
			zkhsm_shamir_split(w->a, m, i + 1, &all[i]);
		for (round = 0; round < 4; round++) {
			u32 at = prandom_u32_state(&rnd) % ZKHSM_SHARES_MAX;

			for (i = 0; i < m; i++) {
				at = (at + 5) % ZKHSM_SHARES_MAX;
				w->index[i] = at + 1;
				w->y[i] = all[at];
			}
			KUNIT_EXPECT_EQ(test, zkhsm_shamir_combine(w->index, w->y, m, &r), 0);
			KUNIT_EXPECT_TRUE_MSG(test, zkhsm_scalar_eq(&r, &w->a[0]), "%u shares", m);
			/* One wrong bit in any of them. */
			w->y[round % m].limb[0] ^= 1;
			KUNIT_EXPECT_EQ(test, zkhsm_shamir_combine(w->index, w->y, m, &r), 0);
			KUNIT_EXPECT_FALSE_MSG(test, zkhsm_scalar_eq(&r, &w->a[0]),
					       "%u shares, one false", m);
		}
		if (m == 2)
			continue;
		KUNIT_EXPECT_EQ(test, zkhsm_shamir_combine(w->index, w->y, m - 1, &r), 0);
		KUNIT_EXPECT_FALSE_MSG(test, zkhsm_scalar_eq(&r, &w->a[0]), "%u of %u", m - 1, m);
	}
}

static void shamir_bad_indices(struct kunit *test)
{
	static const u8 wrong[] = { 0, ZKHSM_SHARES_MAX + 1, 255 };
	static const struct zkhsm_scalar zero;
	struct work *w = work_new(test);
	struct zkhsm_scalar r;
	u32 count, i, k;

	for (i = 0; i < ZKHSM_SHARES_MAX; i++) {
		w->index[i] = i + 1;
		scalar_from(&w->y[i], i + 1);
	}
	KUNIT_EXPECT_EQ(test, zkhsm_shamir_combine(w->index, w->y, 0, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, zkhsm_shamir_combine(w->index, w->y, 1, &r), -EINVAL);
	KUNIT_EXPECT_EQ(test, zkhsm_shamir_combine(w->index, w->y, 17, &r), -EINVAL);
	for (count = 2; count <= ZKHSM_SHARES_MAX; count++) {
		for (i = 0; i < count; i++) {
			for (k = 0; k < ARRAY_SIZE(wrong); k++) {
				w->index[i] = wrong[k];
				scalar_from(&r, 1);
				KUNIT_EXPECT_EQ(test, -EINVAL,
						zkhsm_shamir_combine(w->index, w->y, count, &r));
				KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&r, &zero));
			}
			w->index[i] = i ? i : 2;
			KUNIT_EXPECT_EQ(test, -EINVAL,
					zkhsm_shamir_combine(w->index, w->y, count, &r));
			w->index[i] = i + 1;
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(shamir_vectors),
	KUNIT_CASE(shamir_any_subset),
	KUNIT_CASE(shamir_bad_indices),
	{}
};

struct kunit_suite zkhsm_kunit_shamir = {
	.name = "zkhsm-shamir",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
