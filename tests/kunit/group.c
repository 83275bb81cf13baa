// SPDX-License-Identifier: GPL-2.0
/*
 * group.c: right on the kernel's driver, safe on one that refuses, fails or
 * is wrong, and no transform keeps a secret.
 */
#include <linux/cpumask.h>

#include "group.h"
#include "kunit.h"
#include "nonce.h"
#include "vectors.h"

#define SEED	0x96009u

static void group_known_answers(struct kunit *test)
{
	u8 pub[ZKHSM_POINT_LEN], x[32];
	struct zkhsm_scalar k;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(tv_bases); i++) {
		KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&k, tv_bases[i].k, N), 0);
		KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base(&k, pub), 0);
		KUNIT_EXPECT_MEMEQ(test, pub, tv_bases[i].point, sizeof(pub));
		KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base_x(&k, x), 0);
		KUNIT_EXPECT_MEMEQ(test, x, tv_bases[i].point + 1, sizeof(x));
	}
}

/* The driver's k * G is that of the public arithmetic, which shares no line with it. */
static void group_agrees_with_point(struct kunit *test)
{
	static const struct zkhsm_scalar zero;
	u8 pub[ZKHSM_POINT_LEN], want[ZKHSM_POINT_LEN];
	struct zkhsm_scalar k;
	struct rnd_state rnd;
	bool infinity;
	u32 i;

	random_begin(test, &rnd, SEED);
	for (i = 0; i < 6; i++) {
		random_scalar(&rnd, &k, N);
		if (i == 0)
			scalar_from(&k, 2);
		if (i == 1) {
			k = N->m;
			k.limb[0] -= 4;
		}
		KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base(&k, pub), 0);
		KUNIT_EXPECT_EQ(test, zkhsm_p256_mul2_public(&k, &zero, zkhsm_p256_g, want,
							     &infinity), 0);
		KUNIT_EXPECT_MEMEQ(test, pub, want, sizeof(pub));
	}
}

/* [2, n - 4], without asking the driver. */
static void group_range(struct kunit *test)
{
	static const int refused[] = { 0, 1, -1, -2, -3 };
	u8 pub[ZKHSM_POINT_LEN], x[32];
	struct zkhsm_scalar k;
	u32 i;

	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		scalar_from(&k, 0);
		if (refused[i] < 0)
			k = N->m;
		k.limb[0] += refused[i];
		KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base(&k, pub), -ERANGE);
		KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base_x(&k, x), -ERANGE);
	}
	KUNIT_EXPECT_EQ(test, kpp.computed, 0u);
}

static void group_ladder_peer(struct kunit *test)
{
	u8 peer[64] = {}, x[32];
	struct zkhsm_scalar k;

	scalar_from(&k, 5);
	KUNIT_EXPECT_EQ(test, zkhsm_group_ladder(&k, zkhsm_p256_g + 1, x), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_group_ladder(&k, tv_off_curve + 1, x), -EBADMSG);
	KUNIT_EXPECT_EQ(test, zkhsm_group_ladder(&k, peer, x), -EBADMSG);
	memcpy(peer, zkhsm_p256_g + 1, sizeof(peer));
	peer[63] ^= 1;
	KUNIT_EXPECT_EQ(test, zkhsm_group_ladder(&k, peer, x), -EBADMSG);
}

/* A refused scalar is tried as its negative, whose multiple has the same x. */
static void group_driver_refuses(struct kunit *test)
{
	u8 pub[ZKHSM_POINT_LEN], want[ZKHSM_POINT_LEN];
	struct zkhsm_scalar k;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 1);
	random_scalar(&rnd, &k, N);
	KUNIT_ASSERT_EQ(test, zkhsm_group_mul_base(&k, want), 0);
	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	zkhsm_scalar_to_be(kpp.refuse_this, &k, N);
	KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base(&k, pub), 0);
	KUNIT_EXPECT_MEMEQ(test, pub, want, sizeof(pub));
	memset(kpp.refuse_this, 0, sizeof(kpp.refuse_this));
	kpp.refuse_secrets = 2;
	KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base(&k, pub), -EAGAIN);
	kpp.refuse_secrets = 2;
	KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base_x(&k, pub), -EAGAIN);
	KUNIT_EXPECT_EQ(test, kpp_secrets_left(), 0u);
}

static void group_driver_fails(struct kunit *test)
{
	static const struct {
		int driver, ours;
	} cases[] = {
		{ -ENOMEM, -ENOMEM }, { -EIO, -EIO }, { -ETIMEDOUT, -EIO },
		/* a driver that calls G a bad point */
		{ -EINVAL, -EIO },
	};
	u8 pub[ZKHSM_POINT_LEN], x[32];
	struct zkhsm_scalar k;
	u32 i;

	scalar_from(&k, 0x123456789);
	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		kpp.fail_compute = cases[i].driver;
		KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base(&k, pub), cases[i].ours);
		KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base_x(&k, x), cases[i].ours);
		KUNIT_EXPECT_EQ(test, kpp_secrets_left(), 0u);
	}
}

/* One wrong bit in either ladder gives no point of the curve, and no answer. */
static void group_driver_is_wrong(struct kunit *test)
{
	u8 pub[ZKHSM_POINT_LEN];
	struct zkhsm_scalar k;
	u32 i;

	scalar_from(&k, 0x987654321);
	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	for (i = 1; i <= 2; i++) {
		kpp.computed = 0;
		kpp.flip_compute = i;
		KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base(&k, pub), -EIO);
	}
	kpp.flip_compute = 0;
	KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base(&k, pub), 0);
}

/* After each use, of every kind, the transforms hold the public 3. */
static void group_forgets(struct kunit *test)
{
	u8 pub[ZKHSM_POINT_LEN], x[32], sig[ZKHSM_SIGNATURE_LEN], digest[32] = { 1 };
	struct zkhsm_secret s = {};
	struct zkhsm_scalar k;

	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	KUNIT_EXPECT_EQ(test, kpp_transforms(), (u32)num_possible_cpus());
	KUNIT_EXPECT_EQ(test, kpp_secrets_left(), 0u);
	scalar_from(&k, 0x1234);
	KUNIT_EXPECT_EQ(test, zkhsm_group_mul_base_x(&k, x), 0);
	KUNIT_EXPECT_EQ(test, kpp.computed, 1u);
	KUNIT_EXPECT_EQ(test, kpp_secrets_left(), 0u);
	KUNIT_EXPECT_EQ(test, zkhsm_secret_generate(&s, pub), 0);
	KUNIT_EXPECT_EQ(test, kpp_secrets_left(), 0u);
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(&s, pub, digest, sig), 0);
	KUNIT_EXPECT_EQ(test, kpp_secrets_left(), 0u);
	zkhsm_secret_wipe(&s);
}

static void group_init_refuses(struct kunit *test)
{
	zkhsm_group_exit();
	KUNIT_EXPECT_EQ(test, zkhsm_group_init("no-such-driver"), -ENOENT);
	/* one that is no KPP for P-256 */
	KUNIT_EXPECT_NE(test, zkhsm_group_init("ecdh-nist-p384-generic"), 0);
	zkhsm_group_exit();
	KUNIT_ASSERT_EQ(test, zkhsm_group_init(KUNIT_DRIVER), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(group_known_answers),
	KUNIT_CASE(group_agrees_with_point),
	KUNIT_CASE(group_range),
	KUNIT_CASE(group_ladder_peer),
	KUNIT_CASE(group_driver_refuses),
	KUNIT_CASE(group_driver_fails),
	KUNIT_CASE(group_driver_is_wrong),
	KUNIT_CASE(group_forgets),
	KUNIT_CASE(group_init_refuses),
	{}
};

struct kunit_suite zkhsm_kunit_group = {
	.name = "zkhsm-group",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
