// SPDX-License-Identifier: GPL-2.0
/*
 * selftest.c - known answers at load
 *
 * The module trusts nothing that it has not seen to be right on this very
 * kernel: kernels have shipped with a carry lost in their point arithmetic,
 * and a hardware driver may be anything. The vectors come from an independent
 * reference (tools/gen-vectors.py). Whatever fails here, the load fails.
 */
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "box.h"
#include "ecdsa.h"
#include "group.h"
#include "schnorr.h"
#include "selftest.h"
#include "testvecs.h"

#define N (&zkhsm_p256_n)

/* Secrets of the vectors, in the two forms that a real one has. */
struct test_secret {
	struct zkhsm_scalar plain, mont;
	struct zkhsm_secret secret;
};

static bool no_memory __initdata;

/* A test that found no memory has found out nothing, least of all a fault. */
static int __init tried(int err)
{
	no_memory |= err == -ENOMEM;
	return err;
}

static void __init test_secret_set(struct test_secret *t, const u8 be[32])
{
	zkhsm_scalar_reduce_hash(&t->plain, be, N);
	zkhsm_scalar_to_mont(&t->mont, &t->plain, N);
	t->secret.plain = &t->plain;
	t->secret.mont = &t->mont;
}

static void __init run_scalar(const struct tv_scalar *tv, struct zkhsm_scalar *r)
{
	const struct zkhsm_modulus *m = tv->mod_p ? &zkhsm_p256_p : N;
	struct zkhsm_scalar a, b;

	zkhsm_scalar_reduce_hash(&a, tv->a, m);
	zkhsm_scalar_reduce_hash(&b, tv->b, m);
	switch (tv->op) {
	case TV_ADD:
		return zkhsm_scalar_add(r, &a, &b, m);
	case TV_SUB:
		return zkhsm_scalar_sub(r, &a, &b, m);
	case TV_MUL:
		return zkhsm_scalar_mul(r, &a, &b, m);
	case TV_NEG:
		return zkhsm_scalar_neg(r, &a, m);
	case TV_INV:
		zkhsm_scalar_to_mont(&a, &a, m);
		zkhsm_scalar_inv(&a, &a, m);
		return zkhsm_scalar_from_mont(r, &a, m);
	case TV_WIDE:
		return zkhsm_scalar_reduce_wide(r, tv->a, m);
	default:
		return zkhsm_scalar_reduce_hash(r, tv->a, m);
	}
}

static bool __init test_scalars(void)
{
	struct zkhsm_scalar r;
	u8 be[32];
	int i;

	for (i = 0; i < ARRAY_SIZE(tv_scalars); i++) {
		run_scalar(&tv_scalars[i], &r);
		zkhsm_scalar_to_be(be, &r, N);
		if (memcmp(be, tv_scalars[i].r, sizeof(be)))
			return false;
	}
	return zkhsm_scalar_from_be(&r, tv_order, N) == -ERANGE &&
	       zkhsm_scalar_from_be(&r, tv_order, &zkhsm_p256_p) == 0 &&
	       zkhsm_scalar_from_be(&r, tv_prime, &zkhsm_p256_p) == -ERANGE;
}

static bool __init test_points(void)
{
	struct zkhsm_scalar u1, u2;
	u8 out[ZKHSM_POINT_LEN];
	bool infinity;
	int i;

	for (i = 0; i < ARRAY_SIZE(tv_mul2s); i++) {
		const struct tv_mul2 *tv = &tv_mul2s[i];

		if (zkhsm_scalar_from_be(&u1, tv->u1, N) ||
		    zkhsm_scalar_from_be(&u2, tv->u2, N) ||
		    zkhsm_p256_mul2_public(&u1, &u2, tv->a, out, &infinity) ||
		    infinity != tv->infinity ||
		    memcmp(out, tv->r, sizeof(out)))
			return false;
	}
	return zkhsm_p256_decode_public(tv_off_curve) == -EBADMSG;
}

/* The driver, and y-recovery, on scalars that a driver may find odd. */
static bool __init test_driver(void)
{
	struct zkhsm_scalar k;
	u8 pub[ZKHSM_POINT_LEN], x[32];
	int i;

	for (i = 0; i < ARRAY_SIZE(tv_bases); i++) {
		const struct tv_base *tv = &tv_bases[i];

		if (zkhsm_scalar_from_be(&k, tv->k, N) ||
		    tried(zkhsm_group_mul_base(&k, pub)) ||
		    memcmp(pub, tv->point, sizeof(pub)) ||
		    tried(zkhsm_group_mul_base_x(&k, x)) ||
		    memcmp(x, tv->point + 1, sizeof(x)))
			return false;
	}

	zkhsm_scalar_set_u64(&k, 1);
	if (zkhsm_group_mul_base(&k, pub) != -ERANGE)
		return false;
	zkhsm_scalar_neg(&k, &k, N);
	return zkhsm_group_mul_base_x(&k, x) == -ERANGE;
}

static bool __init test_lost_carry(void)
{
	struct zkhsm_scalar k;
	u8 x[32];

	zkhsm_scalar_set_u64(&k, 5);
	if (tried(zkhsm_group_ladder(&k, tv_off_curve + 1, x)) == -EBADMSG)
		return true;
	if (no_memory)
		return false;

	pr_err("the KPP driver takes a point off the curve: this kernel loses a carry in crypto/ecc.c and needs an update\n");
	return false;
}

static bool __init test_nonces(void)
{
	static const struct zkhsm_nonce_input in[] __initconst = {
		{
			.seed = tv_nonce0_seed,
			.secret = tv_nonce0_secret,
			.entropy = tv_nonce0_entropy,
			.context_digest = tv_nonce0_context,
			.counter = TV_NONCE0_COUNTER,
			.suite = ZKHSM_SUITE_P256,
			.purpose = TV_NONCE0_PURPOSE,
		}, {
			.seed = tv_nonce1_seed,
			.secret = tv_nonce1_secret,
			.entropy = tv_nonce1_entropy,
			.context_digest = tv_nonce1_context,
			.counter = TV_NONCE1_COUNTER,
			.suite = ZKHSM_SUITE_P256,
			.purpose = TV_NONCE1_PURPOSE,
		},
	};
	static const u8 * const want[] __initconst = {
		tv_nonce0_v, tv_nonce1_v,
	};
	struct zkhsm_scalar v;
	u8 be[32];
	int i;

	for (i = 0; i < ARRAY_SIZE(in); i++) {
		if (zkhsm_nonce_derive(&in[i], &v))
			return false;
		zkhsm_scalar_to_be(be, &v, N);
		if (memcmp(be, want[i], sizeof(be)))
			return false;
	}
	return true;
}

static bool __init test_schnorr_prove(void)
{
	struct test_secret t;
	struct zkhsm_scalar v;
	u8 proof[ZKHSM_PROOF_LEN];

	test_secret_set(&t, tv_schnorr_secret);
	zkhsm_scalar_reduce_hash(&v, tv_schnorr_nonce, N);
	if (tried(zkhsm_schnorr_prove_fixed(&t.secret, tv_schnorr_public, &v,
					    tv_schnorr_user_id,
					    sizeof(tv_schnorr_user_id), NULL, 0,
					    proof)) ||
	    memcmp(proof, tv_schnorr_proof, sizeof(proof)))
		return false;
	if (tried(zkhsm_schnorr_prove_fixed(&t.secret, tv_schnorr_public, &v,
					    tv_schnorr_user_id,
					    sizeof(tv_schnorr_user_id),
					    tv_schnorr_other_info,
					    sizeof(tv_schnorr_other_info),
					    proof)) ||
	    memcmp(proof, tv_schnorr_other_proof, sizeof(proof)))
		return false;

	/* A flipped bit in the secret must not get out. */
	t.plain.limb[1] ^= 1;
	return tried(zkhsm_schnorr_prove_fixed(&t.secret, tv_schnorr_public, &v,
					       tv_schnorr_user_id,
					       sizeof(tv_schnorr_user_id),
					       NULL, 0, proof)) == -EIO &&
	       !memchr_inv(proof, 0, sizeof(proof));
}

static bool __init test_schnorr_verify(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(tv_schnorr_verdicts); i++)
		if (zkhsm_schnorr_verify(tv_schnorr_public, tv_schnorr_user_id,
					 sizeof(tv_schnorr_user_id), NULL, 0,
					 tv_schnorr_verdicts[i].bytes) !=
		    tv_schnorr_verdicts[i].err)
			return false;
	return !zkhsm_schnorr_verify(tv_schnorr_public, tv_schnorr_user_id,
				     sizeof(tv_schnorr_user_id), NULL, 0,
				     tv_schnorr_proof);
}

/* The header of S is followed by hsm_id and D. */
#define STATEMENT_HSM_ID (tv_batch_statement + ZKHSM_HEADER_LEN)
#define STATEMENT_D (STATEMENT_HSM_ID + ZKHSM_HASH_LEN)

/* @flip_plain and @flip_mont spoil one stored form of the second key. */
static int __init batch_prove(bool flip_plain, bool flip_mont,
			      u8 proof[ZKHSM_PROOF_LEN])
{
	struct test_secret t;
	struct zkhsm_batch batch;
	struct zkhsm_scalar v;
	int i, ret;

	test_secret_set(&t, tv_batch_identity);
	zkhsm_scalar_reduce_hash(&v, tv_batch_nonce, N);
	ret = zkhsm_batch_begin_fixed(&batch, &t.secret, STATEMENT_D, &v,
				      STATEMENT_HSM_ID, tv_batch_statement,
				      sizeof(tv_batch_statement));
	for (i = 0; !ret && i < TV_BATCH_COUNT; i++) {
		test_secret_set(&t, tv_batch_secrets + 32 * i);
		t.plain.limb[2] ^= flip_plain && i == 1;
		t.mont.limb[0] ^= flip_mont && i == 1;
		ret = zkhsm_batch_add(&batch, i + 1, &t.secret);
	}
	if (!ret && zkhsm_batch_add(&batch, i, &t.secret) != -EINVAL)
		ret = -ELIBBAD;
	if (!ret)
		ret = zkhsm_batch_respond(&batch, proof);
	zkhsm_batch_wipe(&batch);
	return tried(ret);
}

static bool __init test_batch(void)
{
	u8 proof[ZKHSM_PROOF_LEN];

	return !batch_prove(false, false, proof) &&
	       !memcmp(proof, tv_batch_proof, sizeof(proof)) &&
	       batch_prove(true, false, proof) == -EIO &&
	       !memchr_inv(proof, 0, sizeof(proof)) &&
	       batch_prove(false, true, proof) == -EIO;
}

static bool __init test_batch_verify(void)
{
	u8 elements[TV_BATCH_COUNT][ZKHSM_POINT_LEN];
	u8 proof[ZKHSM_PROOF_LEN];
	struct zkhsm_scalar a;
	int i;

	for (i = 0; i < TV_BATCH_COUNT; i++) {
		zkhsm_scalar_reduce_hash(&a, tv_batch_secrets + 32 * i, N);
		if (tried(zkhsm_group_mul_base(&a, elements[i])))
			return false;
	}
	if (zkhsm_batch_verify(STATEMENT_D, STATEMENT_HSM_ID,
			       tv_batch_statement, sizeof(tv_batch_statement),
			       elements[0], TV_BATCH_COUNT, tv_batch_proof))
		return false;

	memcpy(proof, tv_batch_proof, sizeof(proof));
	proof[sizeof(proof) - 1] ^= 1;
	return zkhsm_batch_verify(STATEMENT_D, STATEMENT_HSM_ID,
				  tv_batch_statement,
				  sizeof(tv_batch_statement), elements[0],
				  TV_BATCH_COUNT, proof) == -EKEYREJECTED;
}

static bool __init test_ecdsa(void)
{
	struct test_secret t;
	struct zkhsm_scalar k;
	u8 sig[ZKHSM_SIGNATURE_LEN];
	int i;

	for (i = 0; i < ARRAY_SIZE(tv_ecdsa_verdicts); i++)
		if (zkhsm_ecdsa_verify(tv_ecdsa_public, tv_ecdsa_digest,
				       tv_ecdsa_verdicts[i].bytes) !=
		    tv_ecdsa_verdicts[i].err)
			return false;

	test_secret_set(&t, tv_ecdsa_secret);
	zkhsm_scalar_reduce_hash(&k, tv_ecdsa_k, N);
	if (tried(zkhsm_ecdsa_sign_fixed(&t.secret, tv_ecdsa_public, &k,
					 tv_ecdsa_digest, sig)) ||
	    memcmp(sig, tv_ecdsa_signature, sizeof(sig)))
		return false;

	t.plain.limb[3] ^= 1;
	return tried(zkhsm_ecdsa_sign_fixed(&t.secret, tv_ecdsa_public, &k,
					    tv_ecdsa_digest, sig)) == -EIO;
}

static bool __init test_box(void)
{
	int err = zkhsm_box_selftest();

	return !tried(err);
}

struct selftest {
	const char *name;
	bool (*run)(void);
};

/* In this order: what a test uses, a test before it has found to be right. */
static const struct selftest tests[] __initconst = {
	{ "scalar arithmetic", test_scalars },
	{ "point arithmetic", test_points },
	{ "refusal of a point off the curve", test_lost_carry },
	{ "scalar multiplication by the KPP driver", test_driver },
	{ "nonce derivation", test_nonces },
	{ "proof of one key", test_schnorr_prove },
	{ "verification of a proof", test_schnorr_verify },
	{ "proof of a batch", test_batch },
	{ "verification of a batch", test_batch_verify },
	{ "ECDSA", test_ecdsa },
	{ "sealing", test_box },
};

int __init zkhsm_selftest(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (tests[i].run())
			continue;
		if (no_memory) {
			pr_err("no memory for the self-test: %s; not loading\n",
			       tests[i].name);
			return -ENOMEM;
		}
		pr_err("self-test failed: %s; not loading\n", tests[i].name);
		return -ELIBBAD;
	}
	return 0;
}
