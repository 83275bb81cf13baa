// SPDX-License-Identifier: GPL-2.0
/*
 * Few points: one row of doublings for all of them (Straus), the coefficients in
 * non-adjacent form of width 4 (Handbook of Elliptic and Hyperelliptic Curve
 * Cryptography, algorithm 9.20), of whose digits one in five is not zero.
 */
#include "msm_few.h"

#include "zkhsm.h"

static void cut(struct msm_few *w, const uint8_t coefficient[16])
{
	p256_wide left = (p256_wide)get_unaligned_be64(coefficient) << 64 |
			 get_unaligned_be64(coefficient + 8), top = 0;
	int digit;

	memset(w->digits, 0, sizeof(w->digits));
	for (int i = 0; left || top; i++) {
		if (left & 1) {
			digit = (int)(left & 15);
			if (digit > 7)
				digit -= 16;
			w->digits[i] = (int8_t)digit;
			/* What is added for a negative one can carry out at the top. */
			if (digit < 0) {
				left += (unsigned int)-digit;
				top = left < (unsigned int)-digit;
			} else {
				left -= (unsigned int)digit;
			}
		}
		left = left >> 1 | top << 127;
		top = 0;
	}
}

static void multiply(struct msm_few *w, const struct p256_affine *point)
{
	struct p256_jacobian twice;

	memset(&w->multiples[0], 0, sizeof(w->multiples[0]));
	p256_add_affine(&w->multiples[0], &w->multiples[0], point);
	p256_double(&twice, &w->multiples[0]);
	p256_add_affine(&w->multiples[1], &twice, point);
	for (int i = 2; i < MSM_FEW_TABLE; i++)
		p256_add(&w->multiples[i], &w->multiples[i - 1], &twice);
}

static void to_affine(struct p256_affine *r, const struct p256_jacobian *p,
		      const struct p256_fe *inverse)
{
	struct p256_fe square;

	p256_fe_square(&square, inverse);
	p256_fe_mul(&r->x, &p->x, &square);
	p256_fe_mul(&square, &square, inverse);
	p256_fe_mul(&r->y, &p->y, &square);
}

/*
 * All multiples but the points themselves into affine form, by one inversion. A
 * point times 3, 5 or 7 is not infinity in a group of prime order.
 */
static void make_tables(struct msm_few *w, const struct p256_affine *points, size_t count)
{
	struct p256_fe product = p256_one, inverse, own;
	struct p256_fe before[MSM_FEW_TABLE];

	for (size_t i = 0; i < count; i++) {
		multiply(&w[i], &points[i]);
		w[i].before = product;
		for (int k = 1; k < MSM_FEW_TABLE; k++)
			p256_fe_mul(&product, &product, &w[i].multiples[k].z);
	}
	p256_fe_invert(&inverse, &product);
	for (size_t i = count; i-- > 0;) {
		before[1] = w[i].before;
		for (int k = 2; k < MSM_FEW_TABLE; k++)
			p256_fe_mul(&before[k], &before[k - 1], &w[i].multiples[k - 1].z);
		for (int k = MSM_FEW_TABLE - 1; k > 0; k--) {
			p256_fe_mul(&own, &inverse, &before[k]);
			p256_fe_mul(&inverse, &inverse, &w[i].multiples[k].z);
			to_affine(&w[i].table[k], &w[i].multiples[k], &own);
		}
		w[i].table[0] = points[i];
	}
}

void msm_few_add(struct p256_jacobian *sum, const struct p256_affine *points,
		 const uint8_t (*coefficients)[16], size_t count, struct msm_few *work)
{
	struct p256_jacobian t;
	struct p256_affine a;

	memset(&t, 0, sizeof(t));
	make_tables(work, points, count);
	for (size_t i = 0; i < count; i++)
		cut(&work[i], coefficients[i]);
	for (int d = MSM_FEW_DIGITS; d-- > 0;) {
		if (!p256_fe_zero(&t.z))
			p256_double(&t, &t);
		for (size_t i = 0; i < count; i++) {
			const int8_t digit = work[i].digits[d];

			if (!digit)
				continue;
			a = work[i].table[(digit < 0 ? -digit : digit) / 2];
			if (digit < 0)
				p256_fe_negate(&a.y, &a.y);
			p256_add_affine(&t, &t, &a);
		}
	}
	p256_add(sum, sum, &t);
}
