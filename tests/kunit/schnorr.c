// SPDX-License-Identifier: GPL-2.0
/*
 * schnorr.c: RFC 8235 recomputed from public operations, everything that a
 * proof depends on tampered with, and no answer out of a secret that does not
 * fit its public key.
 */
#include "group.h"
#include "kunit.h"
#include "nonce.h"
#include "vectors.h"

#define SEED	0x5c409u

static const char uid[] = "alice";
static const char info[] = "for bob";

static void schnorr_known_answers(struct kunit *test)
{
	struct test_secret t;
	struct zkhsm_scalar a, v;
	u8 proof[ZKHSM_PROOF_LEN];
	u32 i;

	zkhsm_scalar_reduce_hash(&a, tv_schnorr_secret, N);
	zkhsm_scalar_reduce_hash(&v, tv_schnorr_nonce, N);
	secret_set(&t, &a);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove_fixed(&t.secret, tv_schnorr_public, &v,
							tv_schnorr_user_id,
							sizeof(tv_schnorr_user_id), NULL, 0,
							proof), 0);
	KUNIT_EXPECT_MEMEQ(test, proof, tv_schnorr_proof, sizeof(proof));
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove_fixed(&t.secret, tv_schnorr_public, &v,
							tv_schnorr_user_id,
							sizeof(tv_schnorr_user_id),
							tv_schnorr_other_info,
							sizeof(tv_schnorr_other_info), proof), 0);
	KUNIT_EXPECT_MEMEQ(test, proof, tv_schnorr_other_proof, sizeof(proof));
	for (i = 0; i < ARRAY_SIZE(tv_schnorr_verdicts); i++)
		KUNIT_EXPECT_EQ(test,
				zkhsm_schnorr_verify(tv_schnorr_public, tv_schnorr_user_id,
						     sizeof(tv_schnorr_user_id), NULL, 0,
						     tv_schnorr_verdicts[i].bytes),
				tv_schnorr_verdicts[i].err);
}

/* Section 3.2 and 3.3 by hand: c, then V == r * G + c * A. */
static void schnorr_equation(struct kunit *test)
{
	u8 proof[ZKHSM_PROOF_LEN], digest[ZKHSM_HASH_LEN], sum[ZKHSM_POINT_LEN];
	struct zkhsm_transcript t;
	struct zkhsm_scalar c, r;
	struct test_secret *s;
	struct rnd_state rnd;
	bool infinity;
	int other;

	random_begin(test, &rnd, SEED);
	s = secret_new(test, &rnd);
	for (other = 0; other < 2; other++) {
		KUNIT_ASSERT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_PROVE,
							  uid, 5, other ? info : NULL,
							  other ? 7 : 0, proof), 0);
		zkhsm_transcript_init(&t);
		zkhsm_transcript_raw(&t, "\0\0\0\x41", 4);
		zkhsm_transcript_raw(&t, zkhsm_p256_g, 65);
		zkhsm_transcript_raw(&t, "\0\0\0\x41", 4);
		zkhsm_transcript_raw(&t, proof, 65);
		zkhsm_transcript_raw(&t, "\0\0\0\x41", 4);
		zkhsm_transcript_raw(&t, s->pub, 65);
		zkhsm_transcript_raw(&t, "\0\0\0\5alice", 9);
		if (other)
			zkhsm_transcript_raw(&t, "\0\0\0\7for bob", 11);
		KUNIT_ASSERT_EQ(test, zkhsm_transcript_final(&t, digest), 0);
		zkhsm_scalar_reduce_hash(&c, digest, N);
		KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&r, proof + 65, N), 0);
		KUNIT_ASSERT_EQ(test, zkhsm_p256_mul2_public(&r, &c, s->pub, sum, &infinity), 0);
		KUNIT_EXPECT_FALSE(test, infinity);
		KUNIT_EXPECT_MEMEQ(test, sum, proof, sizeof(sum));
	}
}

static int check(const struct test_secret *s, const u8 *proof)
{
	return zkhsm_schnorr_verify(s->pub, uid, 5, info, 7, proof);
}

/* Every byte of V | r: off the curve, or another r. */
static void schnorr_tampered_proof(struct kunit *test)
{
	u8 proof[ZKHSM_PROOF_LEN], other[ZKHSM_PROOF_LEN];
	struct zkhsm_scalar r;
	struct test_secret *s;
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 1);
	s = secret_new(test, &rnd);
	KUNIT_ASSERT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_PROVE, uid, 5,
						  info, 7, proof), 0);
	KUNIT_ASSERT_EQ(test, check(s, proof), 0);
	for (i = 0; i < ZKHSM_PROOF_LEN; i++) {
		proof[i] ^= 1 << (i % 8);
		KUNIT_EXPECT_EQ_MSG(test, check(s, proof),
				    i < ZKHSM_POINT_LEN ? -EBADMSG : -EKEYREJECTED, "byte %u", i);
		proof[i] ^= 1 << (i % 8);
	}

	/* r + n is the same residue and must not be another name of it; so is n for 0 */
	memcpy(other, proof, sizeof(other));
	zkhsm_scalar_to_be(other + ZKHSM_POINT_LEN, &N->m, N);
	KUNIT_EXPECT_EQ(test, check(s, other), -EBADMSG);
	memset(other + ZKHSM_POINT_LEN, 0xff, 32);
	KUNIT_EXPECT_EQ(test, check(s, other), -EBADMSG);
	memset(other + ZKHSM_POINT_LEN, 0, 32);
	KUNIT_EXPECT_EQ(test, check(s, other), -EKEYREJECTED);

	/* -V, with r and with -r */
	memcpy(other, proof, sizeof(other));
	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&r, proof + 33, P), 0);
	zkhsm_scalar_neg(&r, &r, P);
	zkhsm_scalar_to_be(other + 33, &r, P);
	KUNIT_EXPECT_EQ(test, check(s, other), -EKEYREJECTED);
	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&r, proof + 65, N), 0);
	zkhsm_scalar_neg(&r, &r, N);
	zkhsm_scalar_to_be(other + 65, &r, N);
	KUNIT_EXPECT_EQ(test, check(s, other), -EKEYREJECTED);
}

/* What the proof is about: another key, UserID or OtherInfo; absent is not empty. */
static void schnorr_tampered_statement(struct kunit *test)
{
	u8 proof[ZKHSM_PROOF_LEN];
	struct test_secret *s, *t;
	struct rnd_state rnd;
	u8 pub[ZKHSM_POINT_LEN];

	random_begin(test, &rnd, SEED + 2);
	s = secret_new(test, &rnd);
	t = secret_new(test, &rnd);
	KUNIT_ASSERT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_PROVE, uid, 5,
						  info, 0, proof), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(s->pub, uid, 5, info, 0, proof), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(s->pub, uid, 5, NULL, 0, proof), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(s->pub, uid, 5, info, 1, proof), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(s->pub, uid, 4, info, 0, proof), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(s->pub, uid, 6, info, 0, proof), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(s->pub, "alicf", 5, info, 0, proof),
			-EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(t->pub, uid, 5, info, 0, proof), -EKEYREJECTED);
	memcpy(pub, s->pub, sizeof(pub));
	pub[64] ^= 1;
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(pub, uid, 5, info, 0, proof), -EBADMSG);
}

/* Two proofs of one thing have different commitments; the nonce is not the purpose's alone. */
static void schnorr_fresh_nonces(struct kunit *test)
{
	u8 first[ZKHSM_PROOF_LEN], second[ZKHSM_PROOF_LEN];
	struct test_secret *s;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 3);
	s = secret_new(test, &rnd);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_PROVE, uid, 5,
						  NULL, 0, first), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_PROVE, uid, 5,
						  NULL, 0, second), 0);
	KUNIT_EXPECT_MEMNEQ(test, first, second, ZKHSM_POINT_LEN);

	/* Broken entropy: the same again tells nothing, another statement has another V. */
	stubs.entropy_fixed = true;
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_PROVE, uid, 5,
						  NULL, 0, first), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_PROVE, uid, 5,
						  NULL, 0, second), 0);
	KUNIT_EXPECT_MEMEQ(test, first, second, ZKHSM_PROOF_LEN);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_PROVE, uid, 5,
						  info, 0, second), 0);
	KUNIT_EXPECT_MEMNEQ(test, first, second, ZKHSM_POINT_LEN);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove(&s->secret, s->pub, ZKHSM_NONCE_ANNOUNCE, uid, 5,
						  NULL, 0, second), 0);
	KUNIT_EXPECT_MEMNEQ(test, first, second, ZKHSM_POINT_LEN);
}

static void refused(struct kunit *test, const struct zkhsm_secret *a, const u8 *pub, int want,
		    u32 faults)
{
	u8 proof[ZKHSM_PROOF_LEN];

	memset(proof, 0xff, sizeof(proof));
	stubs.faults = 0;
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_prove(a, pub, ZKHSM_NONCE_PROVE, uid, 5, NULL, 0,
						  proof), want);
	KUNIT_EXPECT_NULL(test, memchr_inv(proof, 0, sizeof(proof)));
	KUNIT_EXPECT_EQ(test, stubs.faults, faults);
	if (stubs.faults)
		KUNIT_EXPECT_STREQ(test, stubs.fault, "proof of possession");
}

/* No answer, and a report, when any bit of what it is made of is wrong. */
static void schnorr_faults(struct kunit *test)
{
	struct test_secret *s, *t;
	struct zkhsm_secret none = {};
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 4);
	s = secret_new(test, &rnd);
	t = secret_new(test, &rnd);
	stubs.swallow_faults = true;
	for (i = 0; i < 256; i += 37) {
		s->plain.limb[i / 64] ^= 1ULL << (i % 64);
		refused(test, &s->secret, s->pub, -EIO, 1);
		s->plain.limb[i / 64] ^= 1ULL << (i % 64);
	}
	refused(test, &s->secret, t->pub, -EIO, 1);
	refused(test, &none, s->pub, -ENOKEY, 0);
	/* the hash of the context, of the nonce, and of c */
	for (i = 1; i <= 12; i += 4) {
		stubs.hash_calls = 0;
		stubs.hash_fails_at = i;
		refused(test, &s->secret, s->pub, -EIO, 1);
	}
	stubs.hash_fails_at = 0;
	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	kpp.flip_compute = 1;
	refused(test, &s->secret, s->pub, -EIO, 1);
	kpp.fail_compute = -ENOMEM;
	refused(test, &s->secret, s->pub, -ENOMEM, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(schnorr_known_answers),
	KUNIT_CASE(schnorr_equation),
	KUNIT_CASE(schnorr_tampered_proof),
	KUNIT_CASE(schnorr_tampered_statement),
	KUNIT_CASE(schnorr_fresh_nonces),
	KUNIT_CASE(schnorr_faults),
	{}
};

struct kunit_suite zkhsm_kunit_schnorr = {
	.name = "zkhsm-schnorr",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
