// SPDX-License-Identifier: GPL-2.0
/*
 * schnorr.c - proof 1: knowledge of one private key, RFC 8235 to the letter
 */
#include <linux/string.h>

#include "compat.h"
#include "group.h"
#include "schnorr.h"

#define N (&zkhsm_p256_n)

/* What a proof is about: everything that c hashes, but V. */
struct statement {
	const u8 *pub;
	const void *user_id;
	size_t uid_len;
	const void *other;	/* NULL: absent, the item itself is left out */
	size_t other_len;
};

/* Section 3.3: G || V || A || UserID || OtherInfo, or without V. */
static int hash_statement(const struct statement *st, const u8 *commitment,
			  u8 digest[ZKHSM_HASH_LEN])
{
	struct zkhsm_transcript t;

	zkhsm_transcript_init(&t);
	zkhsm_transcript_item(&t, zkhsm_p256_g, ZKHSM_POINT_LEN);
	if (commitment)
		zkhsm_transcript_item(&t, commitment, ZKHSM_POINT_LEN);
	zkhsm_transcript_item(&t, st->pub, ZKHSM_POINT_LEN);
	zkhsm_transcript_item(&t, st->user_id, st->uid_len);
	if (st->other)
		zkhsm_transcript_item(&t, st->other, st->other_len);
	return zkhsm_transcript_final(&t, digest) ? -EIO : 0;
}

static int challenge(const struct statement *st, const u8 *commitment,
		     struct zkhsm_scalar *c)
{
	u8 digest[ZKHSM_HASH_LEN];
	int ret;

	ret = hash_statement(st, commitment, digest);
	if (!ret)
		zkhsm_scalar_reduce_hash(c, digest, N);
	return ret;
}

/* Section 3.2: V == r * G + c * A */
static int verify(const struct statement *st, const u8 proof[ZKHSM_PROOF_LEN])
{
	struct zkhsm_scalar c, r;
	u8 sum[ZKHSM_POINT_LEN];
	bool infinity;
	int ret;

	if (zkhsm_p256_decode_public(proof) ||
	    zkhsm_scalar_from_be(&r, proof + ZKHSM_POINT_LEN, N))
		return -EBADMSG;

	ret = challenge(st, proof, &c);
	if (!ret)
		ret = zkhsm_p256_mul2_public(&r, &c, st->pub, sum, &infinity);
	if (ret)
		return ret;
	if (infinity || crypto_memneq(sum, proof, sizeof(sum)))
		return -EKEYREJECTED;
	return 0;
}

/* c, then r = v - a * c, then the check that every proof passes. */
static int respond(const struct zkhsm_secret *a, const struct statement *st,
		   const struct zkhsm_scalar *v, u8 proof[ZKHSM_PROOF_LEN])
{
	struct zkhsm_scalar c, r;
	int ret;

	ret = challenge(st, proof, &c);
	if (ret)
		return ret;

	zkhsm_scalar_mul(&r, &c, a->plain, N);
	zkhsm_scalar_sub(&r, v, &r, N);
	zkhsm_scalar_to_be(proof + ZKHSM_POINT_LEN, &r, N);

	/* r is public once it verifies; before, a fault may have made it tell */
	ret = verify(st, proof);
	memzero_explicit(&r, sizeof(r));
	zkhsm_burn_stack();
	return ret ? -EIO : 0;
}

int zkhsm_schnorr_prove(const struct zkhsm_secret *a,
			const u8 pub[ZKHSM_POINT_LEN],
			enum zkhsm_nonce_purpose purpose,
			const void *user_id, size_t uid_len,
			const void *other, size_t other_len,
			u8 proof[ZKHSM_PROOF_LEN])
{
	const struct statement st = { pub, user_id, uid_len, other, other_len };
	u8 context[ZKHSM_HASH_LEN];
	struct zkhsm_scalar v;
	int ret;

	if (!zkhsm_secret_present(a)) {
		memset(proof, 0, ZKHSM_PROOF_LEN);
		return -ENOKEY;
	}

	ret = hash_statement(&st, NULL, context);
	if (!ret)
		ret = zkhsm_nonce_commit(purpose, ZKHSM_SUITE_P256, a,
					 context, &v, proof);
	if (!ret)
		ret = respond(a, &st, &v, proof);

	memzero_explicit(&v, sizeof(v));
	if (ret)
		memzero_explicit(proof, ZKHSM_PROOF_LEN);
	if (ret == -EIO)
		zkhsm_fault_report("proof of possession");
	return ret;
}

int zkhsm_schnorr_prove_fixed(const struct zkhsm_secret *a,
			      const u8 pub[ZKHSM_POINT_LEN],
			      const struct zkhsm_scalar *v,
			      const void *user_id, size_t uid_len,
			      const void *other, size_t other_len,
			      u8 proof[ZKHSM_PROOF_LEN])
{
	const struct statement st = { pub, user_id, uid_len, other, other_len };
	int ret;

	ret = zkhsm_group_mul_base(v, proof);
	if (!ret)
		ret = respond(a, &st, v, proof);
	if (ret)
		memzero_explicit(proof, ZKHSM_PROOF_LEN);
	return ret;
}

int zkhsm_schnorr_verify(const u8 pub[ZKHSM_POINT_LEN],
			 const void *user_id, size_t uid_len,
			 const void *other, size_t other_len,
			 const u8 proof[ZKHSM_PROOF_LEN])
{
	const struct statement st = { pub, user_id, uid_len, other, other_len };

	return verify(&st, proof);
}
