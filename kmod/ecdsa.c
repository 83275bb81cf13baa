// SPDX-License-Identifier: GPL-2.0
/*
 * ecdsa.c - ECDSA on P-256, FIPS 186-5 section 6.4
 *
 * Own code because 6.1 has no ECDSA at all, and no kernel signs with it.
 */
#include <linux/string.h>

#include "compat.h"
#include "ecdsa.h"
#include "group.h"
#include "schnorr.h"

#define N (&zkhsm_p256_n)

#define MAX_DRAWS 8

/* @k and everything that depends on it is hashed with purpose ECDSA. */
static int context_digest(const u8 pub[ZKHSM_POINT_LEN], const u8 digest[32],
			  u8 out[ZKHSM_HASH_LEN])
{
	struct zkhsm_transcript t;

	zkhsm_transcript_init(&t);
	zkhsm_transcript_item(&t, pub, ZKHSM_POINT_LEN);
	zkhsm_transcript_item(&t, digest, 32);
	return zkhsm_transcript_final(&t, out) ? -EIO : 0;
}

/*
 * s = (e + r * a) / k
 *
 * The inversion is not blinded: it raises k to a public exponent, a sequence
 * of multiplications that is the same for every k.
 */
static void compute_s(struct zkhsm_scalar *s, const struct zkhsm_scalar *k,
		      const struct zkhsm_scalar *r,
		      const struct zkhsm_scalar *e,
		      const struct zkhsm_scalar *a)
{
	struct zkhsm_scalar inv;

	zkhsm_scalar_to_mont(&inv, k, N);
	zkhsm_scalar_inv(&inv, &inv, N);
	zkhsm_scalar_mul(s, r, a, N);
	zkhsm_scalar_add(s, s, e, N);
	zkhsm_scalar_mont_mul(s, s, &inv, N);
	memzero_explicit(&inv, sizeof(inv));
}

/*
 * -EAGAIN when this k gives no signature.
 *
 * The check against the public key covers what a second computation from the
 * Montgomery form would: a wrong stored word, r, k or s gives a signature
 * that is false under @pub, and it also covers @pub itself. Recomputing s
 * from the other form would add nothing to it.
 */
static int sign_with(const struct zkhsm_secret *a,
		     const u8 pub[ZKHSM_POINT_LEN],
		     const struct zkhsm_scalar *k, const u8 digest[32],
		     u8 sig[ZKHSM_SIGNATURE_LEN])
{
	struct zkhsm_scalar r, s, e;
	u8 x[32];
	int ret;

	ret = zkhsm_group_mul_base_x(k, x);
	if (ret)
		return ret;

	zkhsm_scalar_reduce_hash(&r, x, N);
	zkhsm_scalar_reduce_hash(&e, digest, N);
	compute_s(&s, k, &r, &e, a->plain);
	if (zkhsm_scalar_is_zero(&r) || zkhsm_scalar_is_zero(&s)) {
		ret = -EAGAIN;
	} else {
		zkhsm_scalar_to_be(sig, &r, N);
		zkhsm_scalar_to_be(sig + 32, &s, N);
		ret = zkhsm_ecdsa_verify(pub, digest, sig) ? -EIO : 0;
	}

	memzero_explicit(&s, sizeof(s));
	zkhsm_burn_stack();
	return ret;
}

int zkhsm_ecdsa_sign(const struct zkhsm_secret *a,
		     const u8 pub[ZKHSM_POINT_LEN], const u8 digest[32],
		     u8 sig[ZKHSM_SIGNATURE_LEN])
{
	u8 context[ZKHSM_HASH_LEN];
	struct zkhsm_scalar k;
	u32 counter = 0;
	int ret;

	if (!zkhsm_secret_present(a)) {
		memset(sig, 0, ZKHSM_SIGNATURE_LEN);
		return -ENOKEY;
	}

	ret = context_digest(pub, digest, context);
	if (ret)
		goto out;
	do {
		ret = zkhsm_nonce_draw(ZKHSM_NONCE_ECDSA,
				       ZKHSM_SUITE_P256, a, context,
				       &counter, &k);
		if (!ret)
			ret = sign_with(a, pub, &k, digest, sig);
	} while (ret == -EAGAIN && counter < MAX_DRAWS);
	if (ret && ret != -ENOMEM)
		ret = -EIO;

out:
	memzero_explicit(&k, sizeof(k));
	if (ret)
		memzero_explicit(sig, ZKHSM_SIGNATURE_LEN);
	if (ret == -EIO)
		zkhsm_fault_report("signature");
	return ret;
}

int zkhsm_ecdsa_sign_fixed(const struct zkhsm_secret *a,
			   const u8 pub[ZKHSM_POINT_LEN],
			   const struct zkhsm_scalar *k, const u8 digest[32],
			   u8 sig[ZKHSM_SIGNATURE_LEN])
{
	return sign_with(a, pub, k, digest, sig);
}

/* Section 6.4.2, steps 1 to 8 */
int zkhsm_ecdsa_verify(const u8 pub[ZKHSM_POINT_LEN], const u8 digest[32],
		       const u8 sig[ZKHSM_SIGNATURE_LEN])
{
	struct zkhsm_scalar r, s, e, u1, u2;
	u8 point[ZKHSM_POINT_LEN];
	bool infinity;
	int ret;

	if (zkhsm_scalar_from_be(&r, sig, N) ||
	    zkhsm_scalar_from_be(&s, sig + 32, N) ||
	    zkhsm_scalar_is_zero(&r) || zkhsm_scalar_is_zero(&s))
		return -EBADMSG;

	zkhsm_scalar_reduce_hash(&e, digest, N);
	zkhsm_scalar_to_mont(&s, &s, N);
	zkhsm_scalar_inv(&s, &s, N);
	zkhsm_scalar_mont_mul(&u1, &e, &s, N);
	zkhsm_scalar_mont_mul(&u2, &r, &s, N);

	ret = zkhsm_p256_mul2_public(&u1, &u2, pub, point, &infinity);
	if (ret)
		return ret;
	if (infinity)
		return -EKEYREJECTED;

	zkhsm_scalar_reduce_hash(&e, point + 1, N);
	return zkhsm_scalar_eq(&e, &r) ? 0 : -EKEYREJECTED;
}
