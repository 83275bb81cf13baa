// SPDX-License-Identifier: GPL-2.0
/*
 * The set digest: which sealed records belong to a head.
 *
 * The additive multiset hash of Clarke, Devadas, van Dijk, Gassend and Suh
 * (ASIACRYPT 2003): one addition a change, whatever the number of records.
 * Its terms come from a secret key and nobody outside ever sees a sum, so
 * there is no system of equations for anybody to solve.
 */
#include "seal.h"

#define LIMBS	(ZKHSM_SET_DIGEST_LEN / 8)

static int term(const struct zkhsm_kek *kek, const u8 *digest, u8 out[ZKHSM_SET_DIGEST_LEN])
{
	BUILD_BUG_ON(ZKHSM_SET_DIGEST_LEN != ZKHSM_HMAC_SIZE);
	return zkhsm_hmac_sha512(kek->set_key, sizeof(kek->set_key), digest, ZKHSM_HASH_LEN, out) ?
		-EIO : 0;
}

/* set + t modulo 2^512, or set - t as set + ~t + 1; the time is that of eight limbs. */
static void add(u8 *set, const u8 *t, u64 flip)
{
	u64 carry = flip & 1;
	int i;

	for (i = LIMBS - 1; i >= 0; i--) {
		u64 a = get_unaligned_be64(set + 8 * i);
		u64 b = get_unaligned_be64(t + 8 * i) ^ flip;
		u64 sum = a + b;
		u64 over = sum < a;

		sum += carry;
		over |= sum < carry;
		put_unaligned_be64(sum, set + 8 * i);
		carry = over;
	}
}

int zkhsm_set_add(u8 set[ZKHSM_SET_DIGEST_LEN], const struct zkhsm_kek *kek,
		  const u8 digest[ZKHSM_HASH_LEN])
{
	u8 t[ZKHSM_SET_DIGEST_LEN];
	int err = term(kek, digest, t);

	if (!err)
		add(set, t, 0);
	memzero_explicit(t, sizeof(t));
	return err;
}

int zkhsm_set_sub(u8 set[ZKHSM_SET_DIGEST_LEN], const struct zkhsm_kek *kek,
		  const u8 digest[ZKHSM_HASH_LEN])
{
	u8 t[ZKHSM_SET_DIGEST_LEN];
	int err = term(kek, digest, t);

	if (!err)
		add(set, t, ~0ULL);
	memzero_explicit(t, sizeof(t));
	return err;
}
