/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * scalar.h - integers modulo a prime, in fixed limbs
 *
 * The time these functions take, the branches they choose and the addresses
 * they touch depend on the modulus alone, never on a value. They serve
 * secrets modulo the group order and public data modulo the field prime.
 *
 * Unless it says otherwise every scalar handed in is fully reduced, every
 * scalar handed out is, and the result may be one of the operands. Scalars
 * that held a secret are the caller's to wipe; the functions wipe their own
 * temporaries.
 */
#ifndef ZKHSM_SCALAR_H
#define ZKHSM_SCALAR_H

#include "portable.h"

#define ZKHSM_MAX_LIMBS		6	/* P-384 */

/**
 * struct zkhsm_scalar - an integer modulo some struct zkhsm_modulus
 * @limb: 64-bit limbs, least significant first; those above modulus->limbs
 *	are zero
 */
struct zkhsm_scalar {
	u64 limb[ZKHSM_MAX_LIMBS];
};

/**
 * struct zkhsm_modulus - an odd prime with its Montgomery constants
 * @limbs: limbs in use; R = 2^(64 * limbs), and 2^(64 * limbs - 1) < m < R
 * @n0: -1/m mod 2^64
 * @m: the prime
 * @one: R mod m, i.e. 1 in Montgomery form
 * @r2: R^2 mod m
 * @m_minus_2: the exponent of Fermat's inversion
 */
struct zkhsm_modulus {
	unsigned int limbs;
	u64 n0;
	struct zkhsm_scalar m;
	struct zkhsm_scalar one;
	struct zkhsm_scalar r2;
	struct zkhsm_scalar m_minus_2;
};

extern const struct zkhsm_modulus zkhsm_p256_n;	/* order of the group */
extern const struct zkhsm_modulus zkhsm_p256_p;	/* prime of the field */

/**
 * zkhsm_scalar_from_be() - read the one encoding of a scalar
 * @r: result; all zero when refused
 * @be: 8 * limbs bytes, most significant first
 * @m: modulus
 *
 * Return: 0, or -ERANGE when the value is not below the modulus.
 */
int __must_check zkhsm_scalar_from_be(struct zkhsm_scalar *r, const u8 *be,
				      const struct zkhsm_modulus *m);

/* Writes 8 * limbs bytes, most significant first. */
void zkhsm_scalar_to_be(u8 *be, const struct zkhsm_scalar *a,
			const struct zkhsm_modulus *m);

/*
 * Reduces 12 * limbs bytes (48 for P-256), most significant first. Uniform
 * input gives a scalar within 2^-128 of uniform.
 */
void zkhsm_scalar_reduce_wide(struct zkhsm_scalar *r, const u8 *be,
			      const struct zkhsm_modulus *m);

/*
 * Reduces 8 * limbs bytes, most significant first, by one masked subtraction:
 * the value is below 2 * m because m fills its limbs. This is "hash mod n".
 */
void zkhsm_scalar_reduce_hash(struct zkhsm_scalar *r, const u8 *be,
			      const struct zkhsm_modulus *m);

void zkhsm_scalar_set_u64(struct zkhsm_scalar *r, u64 value);

void zkhsm_scalar_add(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_scalar *b,
		      const struct zkhsm_modulus *m);
void zkhsm_scalar_sub(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_scalar *b,
		      const struct zkhsm_modulus *m);
void zkhsm_scalar_neg(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_modulus *m);

/* a -> a * R, and back. */
void zkhsm_scalar_to_mont(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
			  const struct zkhsm_modulus *m);
void zkhsm_scalar_from_mont(struct zkhsm_scalar *r,
			    const struct zkhsm_scalar *a,
			    const struct zkhsm_modulus *m);

/*
 * a * b / R. The product of one plain and one Montgomery operand is plain.
 * One of the two may be any value below R.
 */
void zkhsm_scalar_mont_mul(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
			   const struct zkhsm_scalar *b,
			   const struct zkhsm_modulus *m);

/* a * b, both plain. */
void zkhsm_scalar_mul(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_scalar *b,
		      const struct zkhsm_modulus *m);

/*
 * 1/a in Montgomery form for a in Montgomery form, as a^(m-2); 0 for 0. The
 * exponent is a public constant, hence a fixed sequence of multiplications.
 */
void zkhsm_scalar_inv(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_modulus *m);

bool zkhsm_scalar_is_zero(const struct zkhsm_scalar *a);
bool zkhsm_scalar_eq(const struct zkhsm_scalar *a,
		     const struct zkhsm_scalar *b);

/*
 * True when 2 <= a <= m - 4: what every nonce and every private key must be,
 * because the scalar multiplication of the kernel's driver takes [2, n - 3]
 * and is asked for a and a + 1.
 */
bool zkhsm_scalar_in_range(const struct zkhsm_scalar *a,
			   const struct zkhsm_modulus *m);

#endif /* ZKHSM_SCALAR_H */
