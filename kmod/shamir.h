/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * shamir.h - secret sharing over the scalar field of P-256
 *
 * Shamir, How to Share a Secret, CACM 22(11), 1979. The secret is the value
 * at zero of a polynomial of degree threshold - 1 whose other coefficients are
 * uniform; the share of index i is its value at i. Fewer shares than the
 * threshold are independent of the secret. Indices are public, values are not:
 * nothing here branches on a value or goes to an address by one. The combining
 * half runs in the kernel, the splitting half in userspace; they are one file.
 */
#ifndef ZKHSM_SHAMIR_H
#define ZKHSM_SHAMIR_H

#include "scalar.h"
#include "wire-seal.h"

/**
 * zkhsm_shamir_split() - the value of the polynomial at one index
 * @coefficients: @threshold scalars, the secret first; the rest uniform
 * @threshold: 2 to ZKHSM_SHARES_MAX
 * @index: 1 to ZKHSM_SHARES_MAX
 * @y: the share; secret, the caller wipes it
 */
void zkhsm_shamir_split(const struct zkhsm_scalar *coefficients, u32 threshold, u32 index,
			struct zkhsm_scalar *y);

/**
 * zkhsm_shamir_combine() - the polynomial's value at zero
 * @index: @count different indices, 1 to ZKHSM_SHARES_MAX
 * @y: the shares with these indices
 * @count: the threshold, exactly
 * @secret: the result; the caller wipes it
 *
 * Return: 0, or -EINVAL for an index that is out of range or there twice.
 */
int __must_check zkhsm_shamir_combine(const u8 *index, const struct zkhsm_scalar *y, u32 count,
				      struct zkhsm_scalar *secret);

#endif /* ZKHSM_SHAMIR_H */
