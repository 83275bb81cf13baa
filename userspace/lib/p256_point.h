/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Points of P-256 for PUBLIC data, see p256_field.h. Every function is exact for
 * equal points, opposite points and infinity.
 */
#ifndef ZKHSM_P256_POINT_H
#define ZKHSM_P256_POINT_H

#include "p256_field.h"

/* x = y = 0, which is not on the curve, is infinity. */
struct p256_affine {
	struct p256_fe x, y;
};

/* x = X / Z^2, y = Y / Z^3; Z = 0 is infinity. */
struct p256_jacobian {
	struct p256_fe x, y, z;
};

static inline bool p256_affine_infinite(const struct p256_affine *p)
{
	return p256_fe_zero(&p->x) && p256_fe_zero(&p->y);
}

/* SEC1 uncompressed; false for all but the encoding of a point. */
bool p256_affine_decode(struct p256_affine *p, const uint8_t encoded[65]);
/* The same for bytes that were decoded before. */
void p256_affine_load(struct p256_affine *p, const uint8_t encoded[65]);

void p256_double(struct p256_jacobian *r, const struct p256_jacobian *p);
void p256_add(struct p256_jacobian *r, const struct p256_jacobian *p,
	      const struct p256_jacobian *q);
void p256_add_affine(struct p256_jacobian *r, const struct p256_jacobian *p,
		     const struct p256_affine *q);
/* SEC1 uncompressed; false for infinity, which has no such encoding. */
bool p256_encode(const struct p256_jacobian *p, uint8_t encoded[65]);

/*
 * The sum of two affine points in two halves, between which many can share one
 * inversion: what has to be inverted, which is never 0, and the sum from that.
 */
void p256_pair_begin(const struct p256_affine *p, const struct p256_affine *q,
		     struct p256_fe *below);
void p256_pair_end(struct p256_affine *r, const struct p256_affine *p,
		   const struct p256_affine *q, const struct p256_fe *inverse);

#endif /* ZKHSM_P256_POINT_H */
