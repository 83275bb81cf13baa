// SPDX-License-Identifier: GPL-2.0
/*
 * ecdsa.c: signatures that everybody refuses who should, and no signature
 * out of a secret or a nonce that is wrong.
 */
#include "ecdsa.h"
#include "group.h"
#include "kunit.h"
#include "vectors.h"

#define SEED	0xec5au

static void ecdsa_known_answers(struct kunit *test)
{
	u8 sig[ZKHSM_SIGNATURE_LEN];
	struct zkhsm_scalar a, k;
	struct test_secret t;
	u32 i;

	zkhsm_scalar_reduce_hash(&a, tv_ecdsa_secret, N);
	zkhsm_scalar_reduce_hash(&k, tv_ecdsa_k, N);
	secret_set(&t, &a);
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign_fixed(&t.secret, tv_ecdsa_public, &k,
						     tv_ecdsa_digest, sig), 0);
	KUNIT_EXPECT_MEMEQ(test, sig, tv_ecdsa_signature, sizeof(sig));
	for (i = 0; i < ARRAY_SIZE(tv_ecdsa_verdicts); i++)
		KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(tv_ecdsa_public, tv_ecdsa_digest,
							 tv_ecdsa_verdicts[i].bytes),
				tv_ecdsa_verdicts[i].err);
}

/* Digests that are 0, above n, and all ones are digests like any other. */
static void ecdsa_round_trip(struct kunit *test)
{
	static const u8 fill[] = { 0x00, 0xff, 0x01, 0x80 };
	u8 digest[32], sig[ZKHSM_SIGNATURE_LEN];
	struct test_secret *s;
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED);
	s = secret_new(test, &rnd);
	for (i = 0; i < ARRAY_SIZE(fill); i++) {
		memset(digest, fill[i], sizeof(digest));
		KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, sig), 0);
		KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(s->pub, digest, sig), 0);
	}
}

static void ecdsa_tampered(struct kunit *test)
{
	u8 digest[32], sig[ZKHSM_SIGNATURE_LEN], pub[ZKHSM_POINT_LEN];
	struct test_secret *s, *t;
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 1);
	s = secret_new(test, &rnd);
	t = secret_new(test, &rnd);
	prandom_bytes_state(&rnd, digest, sizeof(digest));
	KUNIT_ASSERT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, sig), 0);
	for (i = 0; i < ZKHSM_SIGNATURE_LEN; i += 3) {
		sig[i] ^= 1;
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_ecdsa_verify(s->pub, digest, sig), -EKEYREJECTED,
				    "byte %u", i);
		sig[i] ^= 1;
	}
	for (i = 0; i < sizeof(digest); i += 5) {
		digest[i] ^= 0x80;
		KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(s->pub, digest, sig), -EKEYREJECTED);
		digest[i] ^= 0x80;
	}
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(t->pub, digest, sig), -EKEYREJECTED);
	memcpy(pub, s->pub, sizeof(pub));
	pub[64] ^= 1;
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(pub, digest, sig), -EBADMSG);
}

/* r and s in [1, n - 1]; (r, n - s) is as true as (r, s), which order.c knows. */
static void ecdsa_ranges(struct kunit *test)
{
	u8 digest[32] = { 7 }, sig[ZKHSM_SIGNATURE_LEN], bad[ZKHSM_SIGNATURE_LEN];
	struct zkhsm_scalar x;
	struct test_secret *s;
	struct rnd_state rnd;
	u32 half;

	random_begin(test, &rnd, SEED + 2);
	s = secret_new(test, &rnd);
	KUNIT_ASSERT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, sig), 0);
	for (half = 0; half < 64; half += 32) {
		memcpy(bad, sig, sizeof(bad));
		memset(bad + half, 0, 32);
		KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(s->pub, digest, bad), -EBADMSG);
		zkhsm_scalar_to_be(bad + half, &N->m, N);
		KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(s->pub, digest, bad), -EBADMSG);
		memset(bad + half, 0xff, 32);
		KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(s->pub, digest, bad), -EBADMSG);
		x = N->m;
		x.limb[0]--;
		zkhsm_scalar_to_be(bad + half, &x, N);
		KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(s->pub, digest, bad), -EKEYREJECTED);
	}
	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&x, sig + 32, N), 0);
	zkhsm_scalar_neg(&x, &x, N);
	memcpy(bad, sig, sizeof(bad));
	zkhsm_scalar_to_be(bad + 32, &x, N);
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(s->pub, digest, bad), 0);
}

/* u1 * G + u2 * A = 0 has no x: with e = -r * a the verifier must say no, not fall. */
static void ecdsa_infinity(struct kunit *test)
{
	u8 digest[32], sig[ZKHSM_SIGNATURE_LEN];
	struct zkhsm_scalar r, e;
	struct test_secret *s;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 3);
	s = secret_new(test, &rnd);
	random_scalar(&rnd, &r, N);
	zkhsm_scalar_mul(&e, &r, &s->plain, N);
	zkhsm_scalar_neg(&e, &e, N);
	zkhsm_scalar_to_be(digest, &e, N);
	zkhsm_scalar_to_be(sig, &r, N);
	random_scalar(&rnd, &r, N);
	zkhsm_scalar_to_be(sig + 32, &r, N);
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(s->pub, digest, sig), -EKEYREJECTED);
}

/* Signing twice never takes the same k; with broken entropy only for the same digest. */
static void ecdsa_nonces(struct kunit *test)
{
	u8 digest[32] = { 9 }, first[ZKHSM_SIGNATURE_LEN], second[ZKHSM_SIGNATURE_LEN];
	struct test_secret *s;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 4);
	s = secret_new(test, &rnd);
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, first), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, second), 0);
	KUNIT_EXPECT_MEMNEQ(test, first, second, 32);
	stubs.entropy_fixed = true;
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, first), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, second), 0);
	KUNIT_EXPECT_MEMEQ(test, first, second, sizeof(first));
	digest[31] ^= 1;
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(&s->secret, s->pub, digest, second), 0);
	KUNIT_EXPECT_MEMNEQ(test, first, second, 32);
}

static void refused(struct kunit *test, const struct zkhsm_secret *a, const u8 *pub, int want,
		    u32 faults)
{
	u8 digest[32] = { 3 }, sig[ZKHSM_SIGNATURE_LEN];

	memset(sig, 0xff, sizeof(sig));
	stubs.faults = 0;
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_sign(a, pub, digest, sig), want);
	KUNIT_EXPECT_NULL(test, memchr_inv(sig, 0, sizeof(sig)));
	KUNIT_EXPECT_EQ(test, stubs.faults, faults);
	if (stubs.faults)
		KUNIT_EXPECT_STREQ(test, stubs.fault, "signature");
}

static void ecdsa_faults(struct kunit *test)
{
	struct test_secret *s, *t;
	struct zkhsm_secret none = {};
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 5);
	s = secret_new(test, &rnd);
	t = secret_new(test, &rnd);
	stubs.swallow_faults = true;
	for (i = 0; i < 256; i += 61) {
		s->plain.limb[i / 64] ^= 1ULL << (i % 64);
		refused(test, &s->secret, s->pub, -EIO, 1);
		s->plain.limb[i / 64] ^= 1ULL << (i % 64);
	}
	refused(test, &s->secret, t->pub, -EIO, 1);
	refused(test, &none, s->pub, -ENOKEY, 0);
	stubs.hash_calls = 0;
	stubs.hash_fails_at = 2;
	refused(test, &s->secret, s->pub, -EIO, 1);
	stubs.hash_fails_at = 0;
	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	kpp.flip_compute = 1;
	refused(test, &s->secret, s->pub, -EIO, 1);
	kpp.fail_compute = -ENOMEM;
	refused(test, &s->secret, s->pub, -ENOMEM, 0);
	/* a driver that refuses every scalar */
	kpp.fail_compute = 0;
	kpp.refuse_secrets = 1000;
	refused(test, &s->secret, s->pub, -EIO, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(ecdsa_known_answers),
	KUNIT_CASE(ecdsa_round_trip),
	KUNIT_CASE(ecdsa_tampered),
	KUNIT_CASE(ecdsa_ranges),
	KUNIT_CASE(ecdsa_infinity),
	KUNIT_CASE(ecdsa_nonces),
	KUNIT_CASE(ecdsa_faults),
	{}
};

struct kunit_suite zkhsm_kunit_ecdsa = {
	.name = "zkhsm-ecdsa",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
