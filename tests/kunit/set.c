// SPDX-License-Identifier: GPL-2.0
/*
 * set.c: the set digest is a sum, modulo 2^512, over terms that only the KEK
 * gives; and what leaves secret.c to be sealed. Expected sums are from Python's
 * hmac and integers.
 */
#include "kunit.h"
#include "seal.h"

#define SEED	0x5e7u
#define LEN	ZKHSM_SET_DIGEST_LEN

/* The set key is 00..3f, digest i is 32 bytes of i. */
static struct zkhsm_kek *kek_new(struct kunit *test)
{
	struct zkhsm_kek *kek = kunit_kzalloc(test, sizeof(*kek), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, kek);
	for (i = 0; i < sizeof(kek->set_key); i++)
		kek->set_key[i] = i;
	return kek;
}

static void add(struct kunit *test, u8 *set, const struct zkhsm_kek *kek, u8 which)
{
	u8 digest[ZKHSM_HASH_LEN];

	memset(digest, which, sizeof(digest));
	KUNIT_ASSERT_EQ(test, zkhsm_set_add(set, kek, digest), 0);
}

static void sub(struct kunit *test, u8 *set, const struct zkhsm_kek *kek, u8 which)
{
	u8 digest[ZKHSM_HASH_LEN];

	memset(digest, which, sizeof(digest));
	KUNIT_ASSERT_EQ(test, zkhsm_set_sub(set, kek, digest), 0);
}

static void expect(struct kunit *test, const u8 *set, const u8 *expected, const char *what)
{
	KUNIT_EXPECT_EQ_MSG(test, memcmp(set, expected, LEN), 0, "%s", what);
}

static const u8 sum[LEN] = {
	0xb0, 0xa2, 0xcb, 0xd0, 0x74, 0x37, 0xa2, 0x72,
	0x7a, 0xcb, 0x9c, 0xd5, 0xb5, 0x8e, 0x4f, 0xd1,
	0xba, 0x22, 0xfc, 0x92, 0x79, 0xe5, 0xb5, 0xf1,
	0x92, 0x6b, 0x03, 0x56, 0x8a, 0x1c, 0x7d, 0x95,
	0x4a, 0x98, 0xa2, 0x9a, 0xbb, 0x56, 0x7f, 0xaf,
	0x2f, 0x82, 0xd9, 0x8b, 0x1a, 0x12, 0x9b, 0xf0,
	0xdb, 0xb0, 0xf3, 0x3a, 0x9d, 0x79, 0x1c, 0xeb,
	0xb5, 0x2c, 0x0d, 0x80, 0x0c, 0x85, 0xc5, 0x53,
};

static const u8 carry_out[LEN] = {
	0xb7, 0xa8, 0xfb, 0x39, 0x80, 0x52, 0x75, 0x5b,
	0x65, 0x6d, 0x48, 0x83, 0x9b, 0xc2, 0x35, 0xf7,
	0x61, 0x21, 0x6c, 0x02, 0x1e, 0xe8, 0x52, 0x22,
	0x04, 0xfc, 0xf2, 0x2e, 0x43, 0x16, 0x8c, 0x62,
	0x95, 0x4d, 0xfe, 0x08, 0x2a, 0x08, 0x2f, 0x9b,
	0xd3, 0xb6, 0x06, 0x90, 0x9c, 0xcd, 0x5f, 0x79,
	0xf8, 0x15, 0x5d, 0x93, 0x54, 0x2c, 0x12, 0xa6,
	0x71, 0xd9, 0x6b, 0xd8, 0x3c, 0xe4, 0x20, 0xec,
};

static const u8 borrow[LEN] = {
	0x48, 0x57, 0x04, 0xc6, 0x7f, 0xad, 0x8a, 0xa4,
	0x9a, 0x92, 0xb7, 0x7c, 0x64, 0x3d, 0xca, 0x08,
	0x9e, 0xde, 0x93, 0xfd, 0xe1, 0x17, 0xad, 0xdd,
	0xfb, 0x03, 0x0d, 0xd1, 0xbc, 0xe9, 0x73, 0x9d,
	0x6a, 0xb2, 0x01, 0xf7, 0xd5, 0xf7, 0xd0, 0x64,
	0x2c, 0x49, 0xf9, 0x6f, 0x63, 0x32, 0xa0, 0x86,
	0x07, 0xea, 0xa2, 0x6c, 0xab, 0xd3, 0xed, 0x59,
	0x8e, 0x26, 0x94, 0x27, 0xc3, 0x1b, 0xdf, 0x13,
};

static const u8 carry_up[LEN] = {
	0x18, 0x57, 0x71, 0x4e, 0xc5, 0xfc, 0x24, 0xee,
	0xfe, 0x6e, 0x4e, 0x9b, 0x88, 0x59, 0x6d, 0x1a,
	0x3d, 0x77, 0x66, 0xe8, 0x9e, 0x97, 0xf2, 0x8f,
	0xc6, 0x79, 0xe3, 0x48, 0x56, 0x48, 0xd2, 0x72,
	0x67, 0x1d, 0x42, 0x5a, 0x5f, 0x3f, 0x04, 0x70,
	0x45, 0xb5, 0x52, 0x78, 0x99, 0x28, 0x68, 0xf0,
	0xed, 0x58, 0xea, 0x3a, 0x9e, 0x5f, 0x76, 0x20,
	0x1f, 0xf9, 0x4b, 0x7c, 0x0d, 0x9e, 0xf7, 0x4e,
};

static void set_vectors(struct kunit *test)
{
	struct zkhsm_kek *kek = kek_new(test);
	u8 set[LEN] = {};

	add(test, set, kek, 1);
	add(test, set, kek, 2);
	add(test, set, kek, 3);
	expect(test, set, sum, "a sum of three");
	memset(set, 0xff, sizeof(set));
	add(test, set, kek, 1);
	expect(test, set, carry_out, "a carry through every limb and out");
	memset(set, 0, sizeof(set));
	sub(test, set, kek, 1);
	expect(test, set, borrow, "a borrow from above");
	memset(set, 0, LEN / 2);
	memset(set + LEN / 2, 0xff, LEN / 2);
	add(test, set, kek, 2);
	expect(test, set, carry_up, "a carry into the upper half");
}

/* Whatever is added and taken away again, in whatever order, was never there. */
static void set_order(struct kunit *test)
{
	u8 set[LEN], other[LEN], before[LEN];
	struct zkhsm_kek *kek = kek_new(test);
	struct rnd_state rnd;
	u32 round, i, n;

	random_begin(test, &rnd, SEED);
	for (round = 0; round < 64; round++) {
		prandom_bytes_state(&rnd, before, sizeof(before));
		memcpy(set, before, sizeof(set));
		memcpy(other, before, sizeof(other));
		n = 1 + prandom_u32_state(&rnd) % 16;
		for (i = 0; i < n; i++) {
			add(test, set, kek, i);
			add(test, other, kek, n - 1 - i);
		}
		KUNIT_EXPECT_EQ(test, memcmp(set, other, LEN), 0);
		KUNIT_EXPECT_NE(test, memcmp(set, before, LEN), 0);
		for (i = 0; i < n; i++)
			sub(test, set, kek, (i + n / 2) % n);
		KUNIT_EXPECT_EQ(test, memcmp(set, before, LEN), 0);
	}
}

/* A record twice is not a record less, and another KEK's terms are others. */
static void set_terms(struct kunit *test)
{
	static const u8 zero[LEN];
	struct zkhsm_kek *kek = kek_new(test), *other = kek_new(test);
	u8 set[LEN] = {};

	other->set_key[ZKHSM_HMAC_SIZE - 1] ^= 1;
	add(test, set, kek, 1);
	add(test, set, kek, 1);
	KUNIT_EXPECT_NE(test, memcmp(set, zero, LEN), 0);
	sub(test, set, kek, 1);
	sub(test, set, kek, 2);
	KUNIT_EXPECT_NE(test, memcmp(set, zero, LEN), 0);
	add(test, set, kek, 2);
	sub(test, set, other, 1);
	KUNIT_EXPECT_NE(test, memcmp(set, zero, LEN), 0);
	add(test, set, other, 1);
	sub(test, set, kek, 1);
	KUNIT_EXPECT_EQ(test, memcmp(set, zero, LEN), 0);
}

/* A failed hash changes no sum. */
static void set_hash_fails(struct kunit *test)
{
	static const u8 digest[ZKHSM_HASH_LEN];
	u8 set[LEN], before[LEN];
	struct zkhsm_kek *kek = kek_new(test);

	memset(set, 3, sizeof(set));
	memcpy(before, set, sizeof(before));
	stubs.hash_calls = 0;
	stubs.hash_fails_at = 1;
	KUNIT_EXPECT_EQ(test, zkhsm_set_add(set, kek, digest), -EIO);
	stubs.hash_calls = 0;
	stubs.hash_fails_at = 1;
	KUNIT_EXPECT_EQ(test, zkhsm_set_sub(set, kek, digest), -EIO);
	stubs.hash_fails_at = 0;
	KUNIT_EXPECT_EQ(test, memcmp(set, before, LEN), 0);
}

/* Where the two forms disagree nothing is sealed, whichever of them is wrong. */
static void set_secret_export(struct kunit *test)
{
	u8 be[ZKHSM_SCALAR_LEN] = {}, expected[ZKHSM_SCALAR_LEN];
	static const u8 zero[ZKHSM_SCALAR_LEN];
	struct test_secret *a;
	struct rnd_state rnd;
	u32 bit;

	random_begin(test, &rnd, SEED + 1);
	a = secret_new(test, &rnd);
	zkhsm_scalar_to_be(expected, &a->plain, N);
	KUNIT_EXPECT_EQ(test, zkhsm_secret_export(&a->secret, be), 0);
	KUNIT_EXPECT_EQ(test, memcmp(be, expected, sizeof(be)), 0);
	KUNIT_EXPECT_EQ(test, stubs.faults, 0u);

	stubs.swallow_faults = true;
	memset(be, 0, sizeof(be));
	for (bit = 0; bit < 256; bit += 5) {
		struct zkhsm_scalar *form = bit & 1 ? &a->plain : &a->mont;

		form->limb[bit / 64] ^= 1ULL << bit % 64;
		stubs.faults = 0;
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_secret_export(&a->secret, be), -EIO, "bit %u", bit);
		KUNIT_EXPECT_EQ_MSG(test, stubs.faults, 1u, "bit %u", bit);
		KUNIT_EXPECT_STREQ(test, stubs.fault, "sealing");
		KUNIT_EXPECT_EQ(test, memcmp(be, zero, sizeof(be)), 0);
		form->limb[bit / 64] ^= 1ULL << bit % 64;
	}
}

/* What was sealed is in the range of secrets, or it was not sealed here. */
static void set_secret_restore(struct kunit *test)
{
	static const u32 below[] = { 0, 1 };
	static const u32 from_n[] = { 3, 2, 1, 0 };
	struct zkhsm_secret s = {};
	u8 be[ZKHSM_SCALAR_LEN], again[ZKHSM_SCALAR_LEN];
	struct zkhsm_scalar v;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(below); i++) {
		scalar_from(&v, below[i]);
		zkhsm_scalar_to_be(be, &v, N);
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_secret_restore(&s, be), -ERANGE, "%u", below[i]);
		KUNIT_EXPECT_FALSE(test, zkhsm_secret_present(&s));
	}
	/* n - 4 is the last one; its lowest byte is 0x51 - 4. */
	v = N->m;
	v.limb[0] -= 4;
	zkhsm_scalar_to_be(be, &v, N);
	KUNIT_EXPECT_EQ(test, zkhsm_secret_restore(&s, be), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_secret_export(&s, again), 0);
	KUNIT_EXPECT_EQ(test, memcmp(be, again, sizeof(be)), 0);
	zkhsm_secret_wipe(&s);
	for (i = 0; i < ARRAY_SIZE(from_n); i++) {
		be[ZKHSM_SCALAR_LEN - 1] = 0x51 - from_n[i];
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_secret_restore(&s, be), -ERANGE, "n - %u",
				    from_n[i]);
		KUNIT_EXPECT_FALSE(test, zkhsm_secret_present(&s));
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(set_vectors),
	KUNIT_CASE(set_order),
	KUNIT_CASE(set_terms),
	KUNIT_CASE(set_hash_fails),
	KUNIT_CASE(set_secret_export),
	KUNIT_CASE(set_secret_restore),
	{}
};

struct kunit_suite zkhsm_kunit_set = {
	.name = "zkhsm-set",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
