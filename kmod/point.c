// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * point.c - P-256 arithmetic on public points
 *
 * Used to verify: proofs and signatures before they are released, signed
 * orders, and the points that the driver of group.c computes. The kernel's
 * ecc_point_mult_shamir() is not used: it gives wrong results for A = G on
 * 6.1 and 6.12 and crashes when both scalars are zero.
 */
#include "point.h"

#define P (&zkhsm_p256_p)

const u8 zkhsm_p256_g[ZKHSM_POINT_LEN] = {
	0x04,
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47,
	0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
	0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
	0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
	0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b,
	0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
	0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
	0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

/* Montgomery forms modulo p of b, 3, 2 * b, x_G, y_G and 1 / (2 * y_G). */
static const struct zkhsm_scalar curve_b = { {
	0xd89cdf6229c4bddfULL, 0xacf005cd78843090ULL,
	0xe5a220abf7212ed6ULL, 0xdc30061d04874834ULL,
} };

static const struct zkhsm_scalar three = { {
	0x0000000000000003ULL, 0xfffffffd00000000ULL,
	0xffffffffffffffffULL, 0x00000002fffffffcULL,
} };

static const struct zkhsm_scalar two_b = { {
	0xb139bec453897bbfULL, 0x59e00b99f1086121ULL,
	0xcb444157ee425dadULL, 0xb8600c3b090e9068ULL,
} };

static const struct zkhsm_scalar g_x = { {
	0x79e730d418a9143cULL, 0x75ba95fc5fedb601ULL,
	0x79fb732b77622510ULL, 0x18905f76a53755c6ULL,
} };

static const struct zkhsm_scalar g_y = { {
	0xddf25357ce95560aULL, 0x8b4ab8e4ba19e45cULL,
	0xd2e88688dd21f325ULL, 0x8571ff1825885d85ULL,
} };

static const struct zkhsm_scalar inv_two_g_y = { {
	0x212b1f50bae375dbULL, 0x5ff90e3cf12e5260ULL,
	0x6619a4cfd1161dfcULL, 0x248aeb2abd5408bfULL,
} };

static inline void mul(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		       const struct zkhsm_scalar *b)
{
	zkhsm_scalar_mont_mul(r, a, b, P);
}

static inline void add(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		       const struct zkhsm_scalar *b)
{
	zkhsm_scalar_add(r, a, b, P);
}

static inline void sub(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		       const struct zkhsm_scalar *b)
{
	zkhsm_scalar_sub(r, a, b, P);
}

void zkhsm_point_set_identity(struct zkhsm_point *r)
{
	zkhsm_scalar_set_u64(&r->x, 0);
	r->y = P->one;
	zkhsm_scalar_set_u64(&r->z, 0);
}

/* Algorithm 4, line by line */
void zkhsm_point_add(struct zkhsm_point *r, const struct zkhsm_point *a,
		     const struct zkhsm_point *b)
{
	struct zkhsm_scalar t0, t1, t2, t3, t4, x, y, z;

	mul(&t0, &a->x, &b->x);
	mul(&t1, &a->y, &b->y);
	mul(&t2, &a->z, &b->z);
	add(&t3, &a->x, &a->y);
	add(&t4, &b->x, &b->y);
	mul(&t3, &t3, &t4);
	add(&t4, &t0, &t1);
	sub(&t3, &t3, &t4);
	add(&t4, &a->y, &a->z);
	add(&x, &b->y, &b->z);
	mul(&t4, &t4, &x);
	add(&x, &t1, &t2);
	sub(&t4, &t4, &x);
	add(&x, &a->x, &a->z);
	add(&y, &b->x, &b->z);
	mul(&x, &x, &y);
	add(&y, &t0, &t2);
	sub(&y, &x, &y);
	mul(&z, &curve_b, &t2);
	sub(&x, &y, &z);
	add(&z, &x, &x);
	add(&x, &x, &z);
	sub(&z, &t1, &x);
	add(&x, &t1, &x);
	mul(&y, &curve_b, &y);
	add(&t1, &t2, &t2);
	add(&t2, &t1, &t2);
	sub(&y, &y, &t2);
	sub(&y, &y, &t0);
	add(&t1, &y, &y);
	add(&y, &t1, &y);
	add(&t1, &t0, &t0);
	add(&t0, &t1, &t0);
	sub(&t0, &t0, &t2);
	mul(&t1, &t4, &y);
	mul(&t2, &t0, &y);
	mul(&y, &x, &z);
	add(&y, &y, &t2);
	mul(&x, &t3, &x);
	sub(&r->x, &x, &t1);
	mul(&z, &t4, &z);
	mul(&t1, &t3, &t0);
	add(&r->z, &z, &t1);
	r->y = y;
}

/* Algorithm 6, line by line */
void zkhsm_point_double(struct zkhsm_point *r, const struct zkhsm_point *a)
{
	struct zkhsm_scalar t0, t1, t2, t3, x, y, z;

	mul(&t0, &a->x, &a->x);
	mul(&t1, &a->y, &a->y);
	mul(&t2, &a->z, &a->z);
	mul(&t3, &a->x, &a->y);
	add(&t3, &t3, &t3);
	mul(&z, &a->x, &a->z);
	add(&z, &z, &z);
	mul(&y, &curve_b, &t2);
	sub(&y, &y, &z);
	add(&x, &y, &y);
	add(&y, &x, &y);
	sub(&x, &t1, &y);
	add(&y, &t1, &y);
	mul(&y, &x, &y);
	mul(&x, &x, &t3);
	add(&t3, &t2, &t2);
	add(&t2, &t2, &t3);
	mul(&z, &curve_b, &z);
	sub(&z, &z, &t2);
	sub(&z, &z, &t0);
	add(&t3, &z, &z);
	add(&z, &z, &t3);
	add(&t3, &t0, &t0);
	add(&t0, &t3, &t0);
	sub(&t0, &t0, &t2);
	mul(&t0, &t0, &z);
	add(&y, &y, &t0);
	mul(&t0, &a->y, &a->z);
	add(&t0, &t0, &t0);
	mul(&z, &t0, &z);
	sub(&r->x, &x, &z);
	mul(&z, &t0, &t1);
	add(&z, &z, &z);
	add(&r->z, &z, &z);
	r->y = y;
}

static bool on_curve(const struct zkhsm_scalar *x, const struct zkhsm_scalar *y)
{
	struct zkhsm_scalar lhs, rhs;

	/* y^2 = (x^2 - 3) * x + b */
	mul(&lhs, y, y);
	mul(&rhs, x, x);
	sub(&rhs, &rhs, &three);
	mul(&rhs, &rhs, x);
	add(&rhs, &rhs, &curve_b);
	return zkhsm_scalar_eq(&lhs, &rhs);
}

static int coordinate_from_be(struct zkhsm_scalar *r, const u8 be[32])
{
	if (zkhsm_scalar_from_be(r, be, P))
		return -EBADMSG;
	zkhsm_scalar_to_mont(r, r, P);
	return 0;
}

static void coordinate_to_be(u8 be[32], const struct zkhsm_scalar *a)
{
	struct zkhsm_scalar plain;

	zkhsm_scalar_from_mont(&plain, a, P);
	zkhsm_scalar_to_be(be, &plain, P);
}

int zkhsm_point_decode(struct zkhsm_point *r, const u8 sec1[ZKHSM_POINT_LEN])
{
	if (sec1[0] != 0x04 ||
	    coordinate_from_be(&r->x, sec1 + 1) ||
	    coordinate_from_be(&r->y, sec1 + 33) ||
	    !on_curve(&r->x, &r->y))
		return -EBADMSG;
	r->z = P->one;
	return 0;
}

bool zkhsm_point_encode(u8 sec1[ZKHSM_POINT_LEN], const struct zkhsm_point *a)
{
	struct zkhsm_scalar inv, t;

	if (zkhsm_scalar_is_zero(&a->z)) {
		memset(sec1, 0, ZKHSM_POINT_LEN);
		return false;
	}

	zkhsm_scalar_inv(&inv, &a->z, P);
	sec1[0] = 0x04;
	mul(&t, &a->x, &inv);
	coordinate_to_be(sec1 + 1, &t);
	mul(&t, &a->y, &inv);
	coordinate_to_be(sec1 + 33, &t);
	return true;
}

static inline unsigned int bit(const struct zkhsm_scalar *a, unsigned int i)
{
	return a->limb[i / 64] >> (i % 64) & 1;
}

void zkhsm_point_mul2(struct zkhsm_point *r, const struct zkhsm_scalar *u1,
		      const struct zkhsm_scalar *u2,
		      const struct zkhsm_point *a)
{
	/* G, A, G + A: Shamir's trick */
	struct zkhsm_point table[3] = { { g_x, g_y, P->one }, *a };
	struct zkhsm_point acc;
	unsigned int i = 64 * P->limbs, which;

	zkhsm_point_add(&table[2], &table[0], &table[1]);
	zkhsm_point_set_identity(&acc);

	while (i--) {
		zkhsm_point_double(&acc, &acc);
		which = bit(u1, i) | bit(u2, i) << 1;
		if (which)
			zkhsm_point_add(&acc, &acc, &table[which - 1]);
	}
	*r = acc;
}

int zkhsm_p256_decode_public(const u8 pub[ZKHSM_POINT_LEN])
{
	struct zkhsm_point point;

	return zkhsm_point_decode(&point, pub);
}

int zkhsm_p256_mul2_public(const struct zkhsm_scalar *u1,
			   const struct zkhsm_scalar *u2,
			   const u8 a[ZKHSM_POINT_LEN],
			   u8 out[ZKHSM_POINT_LEN], bool *infinity)
{
	struct zkhsm_point point;

	if (zkhsm_point_decode(&point, a))
		return -EBADMSG;

	zkhsm_point_mul2(&point, u1, u2, &point);
	*infinity = !zkhsm_point_encode(out, &point);
	return 0;
}

int zkhsm_p256_recover_y(const u8 x[32], const u8 x_next[32],
			 u8 out[ZKHSM_POINT_LEN])
{
	struct zkhsm_scalar x0, x1, y, t;

	if (coordinate_from_be(&x0, x) || coordinate_from_be(&x1, x_next))
		return -EBADMSG;

	/* y = (2b + (x * x_G - 3)(x + x_G) - x'(x - x_G)^2) / (2 * y_G) */
	mul(&y, &x0, &g_x);
	sub(&y, &y, &three);
	add(&t, &x0, &g_x);
	mul(&y, &y, &t);
	add(&y, &y, &two_b);
	sub(&t, &x0, &g_x);
	mul(&t, &t, &t);
	mul(&t, &t, &x1);
	sub(&y, &y, &t);
	mul(&y, &y, &inv_two_g_y);

	if (!on_curve(&x0, &y))
		return -EBADMSG;

	out[0] = 0x04;
	memcpy(out + 1, x, 32);
	coordinate_to_be(out + 33, &y);
	return 0;
}
