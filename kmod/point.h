/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * point.h - P-256 points that everybody may see
 *
 * Decoding, y-recovery and double-scalar multiplication for verifying proofs
 * and signatures. The addition formulas are complete (Renes, Costello,
 * Batina, "Complete addition formulas for prime order elliptic curves",
 * EUROCRYPT 2016, algorithms 4 and 6, a = -3): there is no exceptional pair
 * of operands, so every degenerate case is exact.
 *
 * Scalars and points must be public: nothing here is blinded. Secret scalars
 * go through group.h.
 */
#ifndef ZKHSM_POINT_H
#define ZKHSM_POINT_H

#include <linux/zkhsm.h>

#include "scalar.h"

/* The generator in SEC1 form. */
extern const u8 zkhsm_p256_g[ZKHSM_POINT_LEN];

/**
 * struct zkhsm_point - a point in homogeneous projective coordinates
 * @x: X, Montgomery form modulo p
 * @y: Y
 * @z: Z; zero for the identity alone
 */
struct zkhsm_point {
	struct zkhsm_scalar x, y, z;
};

void zkhsm_point_set_identity(struct zkhsm_point *r);
void zkhsm_point_add(struct zkhsm_point *r, const struct zkhsm_point *a,
		     const struct zkhsm_point *b);
void zkhsm_point_double(struct zkhsm_point *r, const struct zkhsm_point *a);

/* r = u1 * G + u2 * a */
void zkhsm_point_mul2(struct zkhsm_point *r, const struct zkhsm_scalar *u1,
		      const struct zkhsm_scalar *u2,
		      const struct zkhsm_point *a);

/* -EBADMSG unless @sec1 is 0x04 | x | y with x, y below p and on the curve. */
int __must_check zkhsm_point_decode(struct zkhsm_point *r,
				    const u8 sec1[ZKHSM_POINT_LEN]);

/* Returns false, and writes zeros, for the identity. */
bool __must_check zkhsm_point_encode(u8 sec1[ZKHSM_POINT_LEN],
				     const struct zkhsm_point *a);

/**
 * zkhsm_p256_decode_public() - check the encoding of a public element
 * @pub: SEC1 uncompressed
 *
 * The cofactor is 1, so a point on the curve is in the group, and the
 * identity has no encoding of this form.
 *
 * Return: 0, or -EBADMSG for a wrong prefix, a coordinate not below p, or a
 * point off the curve.
 */
int __must_check zkhsm_p256_decode_public(const u8 pub[ZKHSM_POINT_LEN]);

/**
 * zkhsm_p256_mul2_public() - u1 * G + u2 * A
 * @u1: public scalar, below n
 * @u2: public scalar, below n
 * @a: A, SEC1 uncompressed
 * @out: result, SEC1 uncompressed; zeros when it is the identity
 * @infinity: whether the result is the identity
 *
 * Return: 0, or -EBADMSG when @a is not a valid point.
 */
int __must_check zkhsm_p256_mul2_public(const struct zkhsm_scalar *u1,
					const struct zkhsm_scalar *u2,
					const u8 a[ZKHSM_POINT_LEN],
					u8 out[ZKHSM_POINT_LEN],
					bool *infinity);

/**
 * zkhsm_p256_recover_y() - V from x(V) and x(V + G)
 * @x: x(V), 32 bytes big-endian
 * @x_next: x(V + G), 32 bytes big-endian
 * @out: V, SEC1 uncompressed
 *
 * Brier, Joye, "Weierstrass elliptic curves and side-channel attacks" (PKC
 * 2002): y(V) is a rational function of x(V), x(V + G) and the coordinates of
 * G. V must not be G, -G or the identity.
 *
 * Return: 0, or -EBADMSG when the two do not belong together: a coordinate
 * not below p, or the recovered point is off the curve.
 */
int __must_check zkhsm_p256_recover_y(const u8 x[32], const u8 x_next[32],
				      u8 out[ZKHSM_POINT_LEN]);

#endif /* ZKHSM_POINT_H */
