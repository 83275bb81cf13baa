// SPDX-License-Identifier: GPL-2.0
/*
 * nonce.c - hedged nonces (see nonce.h for the formula and what it hedges)
 *
 * A few bits of bias or one repetition in v tell the secret, since
 * r = v - a * c is linear in it: hence 384 bits reduced to 256, and three
 * independent sources (seed, secret, entropy), any of which may fail.
 */
#include <linux/string.h>

#include "compat.h"
#include "entropy.h"
#include "group.h"
#include "nonce.h"

/* A second draw is a matter of 2^-31 at most: this many mean a broken driver. */
#define MAX_DRAWS	8

static u8 nonce_seed[ZKHSM_NONCE_SEED_SIZE];

int zkhsm_nonce_init(void)
{
	return zkhsm_entropy_wait(nonce_seed, sizeof(nonce_seed));
}

void zkhsm_nonce_exit(void)
{
	memzero_explicit(nonce_seed, sizeof(nonce_seed));
}

/* The formula of nonce.h, all 64 bytes of it. */
static int derive_bytes(const struct zkhsm_nonce_input *in, u8 out[ZKHSM_HMAC_SIZE])
{
	struct {
		u8 seed[ZKHSM_NONCE_SEED_SIZE];
		u8 secret[ZKHSM_SCALAR_LEN];
	} __packed key;
	struct {
		u8 purpose;
		u8 suite[2];
		u8 block;
		u8 entropy[ZKHSM_NONCE_ENTROPY_SIZE];
		u8 counter[4];
		u8 context[ZKHSM_HASH_LEN];
	} __packed msg;
	int ret;

	memcpy(key.seed, in->seed, sizeof(key.seed));
	memcpy(key.secret, in->secret, sizeof(key.secret));

	msg.purpose = in->purpose;
	put_unaligned_be16(in->suite, msg.suite);
	msg.block = 1;
	memcpy(msg.entropy, in->entropy, sizeof(msg.entropy));
	put_unaligned_be32(in->counter, msg.counter);
	memcpy(msg.context, in->context_digest, sizeof(msg.context));

	ret = zkhsm_hmac_sha512((u8 *)&key, sizeof(key), (u8 *)&msg, sizeof(msg), out);

	memzero_explicit(&key, sizeof(key));
	memzero_explicit(&msg, sizeof(msg));
	return ret;
}

int zkhsm_nonce_derive(const struct zkhsm_nonce_input *in,
		       struct zkhsm_scalar *v)
{
	u8 out[ZKHSM_HMAC_SIZE];
	int ret;

	ret = derive_bytes(in, out);
	if (!ret)
		zkhsm_scalar_reduce_wide(v, out, &zkhsm_p256_n);
	memzero_explicit(out, sizeof(out));
	return ret;
}

int zkhsm_nonce_salt(const u8 key[ZKHSM_SCALAR_LEN], const u8 context_digest[ZKHSM_HASH_LEN],
		     u8 salt[ZKHSM_HASH_LEN])
{
	u8 entropy[ZKHSM_NONCE_ENTROPY_SIZE], out[ZKHSM_HMAC_SIZE];
	const struct zkhsm_nonce_input in = {
		.seed = nonce_seed,
		.secret = key,
		.entropy = entropy,
		.context_digest = context_digest,
		.purpose = ZKHSM_NONCE_SEAL,
	};
	int ret;

	zkhsm_entropy(entropy, sizeof(entropy));
	ret = derive_bytes(&in, out) ? -EIO : 0;
	if (!ret)
		memcpy(salt, out, ZKHSM_HASH_LEN);
	memzero_explicit(entropy, sizeof(entropy));
	memzero_explicit(out, sizeof(out));
	zkhsm_burn_stack();
	return ret;
}

int zkhsm_nonce_draw(enum zkhsm_nonce_purpose purpose, u16 suite,
		     const struct zkhsm_secret *secret,
		     const u8 context_digest[ZKHSM_HASH_LEN], u32 *counter,
		     struct zkhsm_scalar *v)
{
	u8 secret_be[ZKHSM_SCALAR_LEN] = { 0 };
	u8 entropy[ZKHSM_NONCE_ENTROPY_SIZE];
	struct zkhsm_nonce_input in = {
		.seed = nonce_seed,
		.secret = secret_be,
		.entropy = entropy,
		.context_digest = context_digest,
		.suite = suite,
		.purpose = purpose,
	};
	int i, ret = -EIO;

	if (secret)
		zkhsm_scalar_to_be(secret_be, secret->plain, &zkhsm_p256_n);
	zkhsm_entropy(entropy, sizeof(entropy));

	for (i = 0; i < MAX_DRAWS; i++) {
		in.counter = (*counter)++;
		ret = zkhsm_nonce_derive(&in, v) ? -EIO : 0;
		if (ret || zkhsm_scalar_in_range(v, &zkhsm_p256_n))
			break;
		ret = -EIO;
	}

	if (ret)
		memzero_explicit(v, sizeof(*v));
	memzero_explicit(secret_be, sizeof(secret_be));
	memzero_explicit(entropy, sizeof(entropy));
	zkhsm_burn_stack();
	return ret;
}

int zkhsm_nonce_commit(enum zkhsm_nonce_purpose purpose, u16 suite,
		       const struct zkhsm_secret *secret,
		       const u8 context_digest[ZKHSM_HASH_LEN],
		       struct zkhsm_scalar *v,
		       u8 commitment[ZKHSM_POINT_LEN])
{
	u32 counter = 0;
	int ret;

	do {
		ret = zkhsm_nonce_draw(purpose, suite, secret, context_digest,
				       &counter, v);
		if (!ret)
			ret = zkhsm_group_mul_base(v, commitment);
	} while (ret == -EAGAIN && counter < MAX_DRAWS);

	if (ret)
		memzero_explicit(v, sizeof(*v));
	return ret == -EAGAIN ? -EIO : ret;
}
