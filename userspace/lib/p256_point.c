// SPDX-License-Identifier: GPL-2.0
/*
 * The group law of P-256, y^2 = x^3 - 3x + b, in affine and in Jacobian
 * coordinates. The formulas are those of the Explicit-Formulas Database for
 * a = -3 (dbl-2001-b, add-1998-cmo-2 and its mixed form).
 */
#include "p256_point.h"

#include "zkhsm.h"

static const struct p256_fe curve_b = {
	{ 0xd89cdf6229c4bddfULL, 0xacf005cd78843090ULL, 0xe5a220abf7212ed6ULL,
	  0xdc30061d04874834ULL },
};

/* r = 3 * a */
static void triple(struct p256_fe *r, const struct p256_fe *a)
{
	struct p256_fe t;

	p256_fe_double(&t, a);
	p256_fe_add(r, &t, a);
}

bool p256_affine_decode(struct p256_affine *p, const uint8_t encoded[65])
{
	struct p256_fe left, right, t;

	if (encoded[0] != 0x04 || !p256_fe_decode(&p->x, encoded + 1) ||
	    !p256_fe_decode(&p->y, encoded + 33))
		return false;
	p256_fe_square(&left, &p->y);
	p256_fe_square(&right, &p->x);
	p256_fe_mul(&right, &right, &p->x);
	triple(&t, &p->x);
	p256_fe_sub(&right, &right, &t);
	p256_fe_add(&right, &right, &curve_b);
	return p256_fe_equal(&left, &right);
}

void p256_affine_load(struct p256_affine *p, const uint8_t encoded[65])
{
	p256_fe_decode(&p->x, encoded + 1);
	p256_fe_decode(&p->y, encoded + 33);
}

static void from_affine(struct p256_jacobian *r, const struct p256_affine *p)
{
	r->x = p->x;
	r->y = p->y;
	if (p256_affine_infinite(p))
		memset(&r->z, 0, sizeof(r->z));
	else
		r->z = p256_one;
}

/* Z becomes 2YZ: infinity stays what it is, and no point has Y = 0. */
void p256_double(struct p256_jacobian *r, const struct p256_jacobian *p)
{
	struct p256_fe alpha, beta, gamma, delta, t, u;

	p256_fe_square(&delta, &p->z);
	p256_fe_square(&gamma, &p->y);
	p256_fe_mul(&beta, &p->x, &gamma);
	p256_fe_sub(&t, &p->x, &delta);
	p256_fe_add(&u, &p->x, &delta);
	p256_fe_mul(&t, &t, &u);
	triple(&alpha, &t);
	p256_fe_mul(&t, &p->y, &p->z);
	p256_fe_double(&r->z, &t);
	p256_fe_double(&beta, &beta);
	p256_fe_double(&beta, &beta);		/* 4 * X * Y^2 */
	p256_fe_square(&t, &alpha);
	p256_fe_double(&u, &beta);
	p256_fe_sub(&r->x, &t, &u);
	p256_fe_sub(&t, &beta, &r->x);
	p256_fe_mul(&t, &alpha, &t);
	p256_fe_square(&gamma, &gamma);
	p256_fe_double(&gamma, &gamma);
	p256_fe_double(&gamma, &gamma);
	p256_fe_double(&gamma, &gamma);
	p256_fe_sub(&r->y, &t, &gamma);
}

/*
 * What both additions end with: u1 = X1 * Z2^2 and s1 = Y1 * Z2^3, u2 and s2
 * likewise, z = Z1 * Z2. Equal u are equal points, or opposite ones.
 */
static void add_end(struct p256_jacobian *r, const struct p256_jacobian *p,
		    const struct p256_fe *u1, const struct p256_fe *s1, const struct p256_fe *u2,
		    const struct p256_fe *s2, const struct p256_fe *z)
{
	struct p256_fe h, hh, hhh, d, v, t;

	p256_fe_sub(&h, u2, u1);
	p256_fe_sub(&d, s2, s1);
	if (p256_fe_zero(&h)) {
		if (p256_fe_zero(&d))
			p256_double(r, p);
		else
			memset(r, 0, sizeof(*r));
		return;
	}
	p256_fe_mul(&r->z, z, &h);
	p256_fe_square(&hh, &h);
	p256_fe_mul(&hhh, &hh, &h);
	p256_fe_mul(&v, u1, &hh);
	p256_fe_mul(&hh, s1, &hhh);
	p256_fe_square(&t, &d);
	p256_fe_sub(&t, &t, &hhh);
	p256_fe_sub(&t, &t, &v);
	p256_fe_sub(&r->x, &t, &v);
	p256_fe_sub(&t, &v, &r->x);
	p256_fe_mul(&t, &t, &d);
	p256_fe_sub(&r->y, &t, &hh);
}

void p256_add(struct p256_jacobian *r, const struct p256_jacobian *p,
	      const struct p256_jacobian *q)
{
	struct p256_fe zz1, zz2, u1, u2, s1, s2, z;

	if (p256_fe_zero(&p->z) || p256_fe_zero(&q->z)) {
		*r = p256_fe_zero(&p->z) ? *q : *p;
		return;
	}
	p256_fe_square(&zz1, &p->z);
	p256_fe_square(&zz2, &q->z);
	p256_fe_mul(&u1, &p->x, &zz2);
	p256_fe_mul(&u2, &q->x, &zz1);
	p256_fe_mul(&s1, &p->y, &zz2);
	p256_fe_mul(&s1, &s1, &q->z);
	p256_fe_mul(&s2, &q->y, &zz1);
	p256_fe_mul(&s2, &s2, &p->z);
	p256_fe_mul(&z, &p->z, &q->z);
	add_end(r, p, &u1, &s1, &u2, &s2, &z);
}

void p256_add_affine(struct p256_jacobian *r, const struct p256_jacobian *p,
		     const struct p256_affine *q)
{
	struct p256_fe zz, u2, s2;
	struct p256_jacobian from = *p;

	if (p256_affine_infinite(q)) {
		*r = from;
		return;
	}
	if (p256_fe_zero(&p->z)) {
		from_affine(r, q);
		return;
	}
	p256_fe_square(&zz, &from.z);
	p256_fe_mul(&u2, &q->x, &zz);
	p256_fe_mul(&s2, &q->y, &zz);
	p256_fe_mul(&s2, &s2, &from.z);
	add_end(r, &from, &from.x, &from.y, &u2, &s2, &from.z);
}

bool p256_encode(const struct p256_jacobian *p, uint8_t encoded[65])
{
	struct p256_fe inverse, square, t;

	if (p256_fe_zero(&p->z))
		return false;
	p256_fe_invert(&inverse, &p->z);
	p256_fe_square(&square, &inverse);
	encoded[0] = 0x04;
	p256_fe_mul(&t, &p->x, &square);
	p256_fe_encode(&t, encoded + 1);
	p256_fe_mul(&square, &square, &inverse);
	p256_fe_mul(&t, &p->y, &square);
	p256_fe_encode(&t, encoded + 33);
	return true;
}

void p256_pair_begin(const struct p256_affine *p, const struct p256_affine *q,
		     struct p256_fe *below)
{
	p256_fe_sub(below, &q->x, &p->x);
	if (p256_affine_infinite(p) || p256_affine_infinite(q))
		*below = p256_one;
	else if (p256_fe_zero(below) && p256_fe_equal(&p->y, &q->y))
		p256_fe_double(below, &p->y);
	else if (p256_fe_zero(below))
		*below = p256_one;
}

void p256_pair_end(struct p256_affine *r, const struct p256_affine *p,
		   const struct p256_affine *q, const struct p256_fe *inverse)
{
	struct p256_fe slope = { { 0 } }, x, t;

	if (p256_affine_infinite(p) || p256_affine_infinite(q)) {
		*r = p256_affine_infinite(p) ? *q : *p;
		return;
	}
	p256_fe_sub(&slope, &q->y, &p->y);
	if (p256_fe_equal(&p->x, &q->x)) {
		if (!p256_fe_zero(&slope)) {
			memset(r, 0, sizeof(*r));
			return;
		}
		/* The tangent: 3 * x^2 - 3. */
		p256_fe_square(&t, &p->x);
		p256_fe_sub(&t, &t, &p256_one);
		triple(&slope, &t);
	}
	p256_fe_mul(&slope, &slope, inverse);
	p256_fe_square(&x, &slope);
	p256_fe_sub(&x, &x, &p->x);
	p256_fe_sub(&x, &x, &q->x);
	p256_fe_sub(&t, &p->x, &x);
	p256_fe_mul(&t, &t, &slope);
	p256_fe_sub(&r->y, &t, &p->y);
	r->x = x;
}
