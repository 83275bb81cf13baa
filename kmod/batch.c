// SPDX-License-Identifier: GPL-2.0
/*
 * batch.c - proof 2: knowledge of every private key of a list, in one proof
 *
 * Batch Schnorr after Gennaro, Leigh, Sundaram, Yerazunis, "Batching Schnorr
 * identification scheme with applications to privacy-preserving
 * authorization" (ASIACRYPT 2004), with independent coefficients in place of
 * powers of one: three ladders whatever the number of keys is, and per key
 * one hash and three multiplications.
 */
#include <linux/string.h>

#include "compat.h"
#include "group.h"
#include "schnorr.h"

#define N (&zkhsm_p256_n)

static const char seed_label[] = "zkhsm batch v1";
static const char coefficient_label[] = "zkhsm batch coefficient";

/* What the coefficients are bound to, besides V. */
struct batch_context {
	const u8 *pub_d;
	const u8 *hsm_id;
	const void *stmt;
	size_t len;
};

/* With @commitment the seed; without, the context digest of the nonce. */
static int hash_context(const struct batch_context *ctx, const u8 *commitment,
			u8 digest[ZKHSM_HASH_LEN])
{
	struct zkhsm_transcript t;

	zkhsm_transcript_init(&t);
	zkhsm_transcript_item(&t, seed_label, sizeof(seed_label) - 1);
	zkhsm_transcript_item(&t, zkhsm_p256_g, ZKHSM_POINT_LEN);
	if (commitment)
		zkhsm_transcript_item(&t, commitment, ZKHSM_POINT_LEN);
	zkhsm_transcript_item(&t, ctx->pub_d, ZKHSM_POINT_LEN);
	zkhsm_transcript_item(&t, ctx->hsm_id, 32);
	zkhsm_transcript_item(&t, ctx->stmt, ctx->len);
	return zkhsm_transcript_final(&t, digest) ? -EIO : 0;
}

int zkhsm_batch_coefficient(const u8 seed[ZKHSM_HASH_LEN], u16 suite, u32 i,
			    struct zkhsm_scalar *c)
{
	struct zkhsm_transcript t;
	u8 suite_be[2], i_be[4], digest[ZKHSM_HASH_LEN];

	put_unaligned_be16(suite, suite_be);
	put_unaligned_be32(i, i_be);

	zkhsm_transcript_init(&t);
	zkhsm_transcript_raw(&t, coefficient_label,
			     sizeof(coefficient_label) - 1);
	zkhsm_transcript_raw(&t, seed, ZKHSM_HASH_LEN);
	zkhsm_transcript_raw(&t, suite_be, sizeof(suite_be));
	zkhsm_transcript_raw(&t, i_be, sizeof(i_be));
	if (zkhsm_transcript_final(&t, digest))
		return -EIO;

	zkhsm_scalar_set_u64(c, get_unaligned_be64(digest + 8));
	c->limb[1] = get_unaligned_be64(digest);
	return 0;
}

/* After v and V: the seed, and element 0, which is D. */
static int batch_start(struct zkhsm_batch *b, const struct zkhsm_secret *d,
		       const struct batch_context *ctx)
{
	int ret;

	zkhsm_scalar_set_u64(&b->sum, 0);
	zkhsm_scalar_set_u64(&b->check, 0);
	b->next = 0;

	ret = hash_context(ctx, b->commitment, b->seed);
	if (!ret)
		ret = zkhsm_batch_add(b, 0, d);
	return ret;
}

int zkhsm_batch_begin(struct zkhsm_batch *b, const struct zkhsm_secret *d,
		      const u8 pub_d[ZKHSM_POINT_LEN], const u8 hsm_id[32],
		      const void *stmt, size_t len)
{
	const struct batch_context ctx = { pub_d, hsm_id, stmt, len };
	u8 digest[ZKHSM_HASH_LEN];
	int ret;

	if (!zkhsm_secret_present(d))
		return -ENOKEY;

	ret = hash_context(&ctx, NULL, digest);
	if (!ret)
		ret = zkhsm_nonce_commit(ZKHSM_NONCE_ATTEST,
					 ZKHSM_SUITE_P256, d, digest,
					 &b->v, b->commitment);
	if (!ret)
		ret = batch_start(b, d, &ctx);
	if (ret)
		zkhsm_batch_wipe(b);
	if (ret == -EIO)
		zkhsm_fault_report("evidence: commitment");
	return ret;
}

int zkhsm_batch_begin_fixed(struct zkhsm_batch *b, const struct zkhsm_secret *d,
			    const u8 pub_d[ZKHSM_POINT_LEN],
			    const struct zkhsm_scalar *v, const u8 hsm_id[32],
			    const void *stmt, size_t len)
{
	const struct batch_context ctx = { pub_d, hsm_id, stmt, len };
	int ret;

	b->v = *v;
	ret = zkhsm_group_mul_base(v, b->commitment);
	return ret ?: batch_start(b, d, &ctx);
}

int zkhsm_batch_add(struct zkhsm_batch *b, u32 i, const struct zkhsm_secret *a)
{
	struct zkhsm_scalar c, term;

	if (i != b->next)
		return -EINVAL;
	if (!zkhsm_secret_present(a))
		return -ENOKEY;
	if (zkhsm_batch_coefficient(b->seed, ZKHSM_SUITE_P256, i, &c))
		return -EIO;

	/* Two ways that share no stored word and no intermediate value. */
	zkhsm_scalar_mont_mul(&term, &c, a->mont, N);
	zkhsm_scalar_add(&b->check, &b->check, &term, N);

	zkhsm_scalar_mul(&term, &c, a->plain, N);
	zkhsm_scalar_add(&b->sum, &b->sum, &term, N);

	memzero_explicit(&term, sizeof(term));
	b->next++;
	return 0;
}

int zkhsm_batch_respond(struct zkhsm_batch *b, u8 proof[ZKHSM_PROOF_LEN])
{
	struct zkhsm_scalar r, v;
	u8 x[32];
	int ret;

	zkhsm_scalar_sub(&r, &b->v, &b->sum, N);
	zkhsm_scalar_add(&v, &r, &b->check, N);

	ret = zkhsm_group_mul_base_x(&v, x);
	if (!ret && crypto_memneq(x, b->commitment + 1, sizeof(x)))
		ret = -EIO;
	if (ret && ret != -ENOMEM)	/* a wrong v may be out of range, too */
		ret = -EIO;

	if (ret) {
		memset(proof, 0, ZKHSM_PROOF_LEN);
	} else {
		memcpy(proof, b->commitment, ZKHSM_POINT_LEN);
		zkhsm_scalar_to_be(proof + ZKHSM_POINT_LEN, &r, N);
	}
	memzero_explicit(&r, sizeof(r));
	memzero_explicit(&v, sizeof(v));
	zkhsm_burn_stack();
	return ret;
}

int zkhsm_batch_finish(struct zkhsm_batch *b, u8 proof[ZKHSM_PROOF_LEN])
{
	int ret = zkhsm_batch_respond(b, proof);

	if (ret == -EIO)
		zkhsm_fault_report("evidence: response");
	return ret;
}

void zkhsm_batch_wipe(struct zkhsm_batch *b)
{
	memzero_explicit(b, sizeof(*b));
	zkhsm_burn_stack();	/* of all the additions */
}

/* acc = r * G + c_0 * D + sum(c_i * A_i) */
static int batch_sum(struct zkhsm_point *acc, const struct zkhsm_scalar *r,
		     const u8 seed[ZKHSM_HASH_LEN], const u8 *pub_d,
		     const u8 *pubs, u32 count)
{
	struct zkhsm_point term;
	struct zkhsm_scalar c, u1 = *r;
	u32 i;

	zkhsm_point_set_identity(acc);
	for (i = 0; i <= count; i++) {
		const u8 *pub = i ? pubs + ZKHSM_POINT_LEN * (i - 1) : pub_d;

		if (zkhsm_point_decode(&term, pub))
			return -EBADMSG;
		if (zkhsm_batch_coefficient(seed, ZKHSM_SUITE_P256, i,
					    &c))
			return -EIO;
		zkhsm_point_mul2(&term, &u1, &c, &term);
		zkhsm_point_add(acc, acc, &term);
		zkhsm_scalar_set_u64(&u1, 0);	/* r * G but once */
	}
	return 0;
}

int zkhsm_batch_verify(const u8 pub_d[ZKHSM_POINT_LEN], const u8 hsm_id[32],
		       const void *stmt, size_t len, const u8 *pubs, u32 count,
		       const u8 proof[ZKHSM_PROOF_LEN])
{
	const struct batch_context ctx = { pub_d, hsm_id, stmt, len };
	u8 seed[ZKHSM_HASH_LEN], out[ZKHSM_POINT_LEN];
	struct zkhsm_point acc;
	struct zkhsm_scalar r;
	int ret;

	if (zkhsm_p256_decode_public(proof) ||
	    zkhsm_scalar_from_be(&r, proof + ZKHSM_POINT_LEN, N))
		return -EBADMSG;

	ret = hash_context(&ctx, proof, seed);
	if (!ret)
		ret = batch_sum(&acc, &r, seed, pub_d, pubs, count);
	if (ret)
		return ret;
	if (!zkhsm_point_encode(out, &acc) ||
	    crypto_memneq(out, proof, sizeof(out)))
		return -EKEYREJECTED;
	return 0;
}
