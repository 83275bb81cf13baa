// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * shamir.c - secret sharing over the scalar field of P-256, see shamir.h
 */
#include "shamir.h"

#define N (&zkhsm_p256_n)

void zkhsm_shamir_split(const struct zkhsm_scalar *coefficients, u32 threshold, u32 index,
			struct zkhsm_scalar *y)
{
	struct zkhsm_scalar x;
	u32 i;

	zkhsm_scalar_set_u64(&x, index);
	*y = coefficients[threshold - 1];
	for (i = threshold - 1; i > 0; i--) {
		zkhsm_scalar_mul(y, y, &x, N);
		zkhsm_scalar_add(y, y, &coefficients[i - 1], N);
	}
}

static bool indices_valid(const u8 *index, u32 count)
{
	u32 i, j;

	if (count < 2 || count > ZKHSM_SHARES_MAX)
		return false;
	for (i = 0; i < count; i++) {
		if (!index[i] || index[i] > ZKHSM_SHARES_MAX)
			return false;
		for (j = 0; j < i; j++)
			if (index[i] == index[j])
				return false;
	}
	return true;
}

/* Lagrange's coefficient at zero of the share @k: all of it is public. */
static void coefficient(const u8 *index, u32 count, u32 k, struct zkhsm_scalar *l)
{
	struct zkhsm_scalar num, den, x, d;
	u32 j;

	zkhsm_scalar_set_u64(&num, 1);
	zkhsm_scalar_set_u64(&den, 1);
	for (j = 0; j < count; j++) {
		if (j == k)
			continue;
		zkhsm_scalar_set_u64(&x, index[j]);
		zkhsm_scalar_mul(&num, &num, &x, N);
		zkhsm_scalar_set_u64(&d, index[k]);
		zkhsm_scalar_sub(&d, &x, &d, N);
		zkhsm_scalar_mul(&den, &den, &d, N);
	}
	zkhsm_scalar_to_mont(&den, &den, N);
	zkhsm_scalar_inv(&den, &den, N);
	/* A product of a plain and a Montgomery operand is plain. */
	zkhsm_scalar_mont_mul(l, &num, &den, N);
}

int zkhsm_shamir_combine(const u8 *index, const struct zkhsm_scalar *y, u32 count,
			 struct zkhsm_scalar *secret)
{
	struct zkhsm_scalar l, term;
	u32 k;

	memset(secret, 0, sizeof(*secret));
	if (!indices_valid(index, count))
		return -EINVAL;
	for (k = 0; k < count; k++) {
		coefficient(index, count, k, &l);
		zkhsm_scalar_mul(&term, &y[k], &l, N);
		zkhsm_scalar_add(secret, secret, &term, N);
	}
	memzero_explicit(&term, sizeof(term));
	return 0;
}
