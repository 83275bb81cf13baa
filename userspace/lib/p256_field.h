/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arithmetic mod p = 2^256 - 2^224 + 2^192 + 2^96 - 1 for PUBLIC data, for the
 * bucket method of msm.c: OpenSSL has none, and its additions are too slow to
 * build one on.
 *
 * Numbers are 4 limbs, the lowest first, always below p, in Montgomery form
 * (x is kept as x * 2^256 mod p) where nothing else is said. They are inline:
 * a call costs as much as an addition.
 */
#ifndef ZKHSM_P256_FIELD_H
#define ZKHSM_P256_FIELD_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

typedef unsigned __int128 p256_wide;

struct p256_fe {
	uint64_t l[4];
};

#define P256_P1		0x00000000ffffffffULL	/* p is ffff... | this | 0 | P256_P3 */
#define P256_P3		0xffffffff00000001ULL

/* p256_field.c */
extern const struct p256_fe p256_one;		/* 2^256 mod p */
/* Big-endian; false unless below p. */
bool p256_fe_decode(struct p256_fe *r, const uint8_t in[32]);
void p256_fe_encode(const struct p256_fe *a, uint8_t out[32]);
/* 1 / a; 0 for 0. */
void p256_fe_invert(struct p256_fe *r, const struct p256_fe *a);

static inline bool p256_fe_zero(const struct p256_fe *a)
{
	return !(a->l[0] | a->l[1] | a->l[2] | a->l[3]);
}

static inline bool p256_fe_equal(const struct p256_fe *a, const struct p256_fe *b)
{
	return !((a->l[0] ^ b->l[0]) | (a->l[1] ^ b->l[1]) | (a->l[2] ^ b->l[2]) |
		 (a->l[3] ^ b->l[3]));
}

/* *r = a + b + carry, resp. a - b - borrow; what is left over is returned. */
#ifdef __x86_64__
static inline unsigned char p256_adc(unsigned char carry, uint64_t a, uint64_t b, uint64_t *r)
{
	return _addcarry_u64(carry, a, b, (unsigned long long *)r);
}

static inline unsigned char p256_sbb(unsigned char borrow, uint64_t a, uint64_t b, uint64_t *r)
{
	return _subborrow_u64(borrow, a, b, (unsigned long long *)r);
}
#else
static inline unsigned char p256_adc(unsigned char carry, uint64_t a, uint64_t b, uint64_t *r)
{
	p256_wide t = (p256_wide)a + b + carry;

	*r = (uint64_t)t;
	return (unsigned char)(t >> 64);
}

static inline unsigned char p256_sbb(unsigned char borrow, uint64_t a, uint64_t b, uint64_t *r)
{
	p256_wide t = (p256_wide)a - b - borrow;

	*r = (uint64_t)t;
	return (unsigned char)(t >> 64) & 1;
}
#endif

/* r = t mod p, for t = carry | t3 | t2 | t1 | t0 below 2p. A branch here would be guessed wrong. */
static inline void p256_fe_reduce_once(struct p256_fe *r, uint64_t t0, uint64_t t1, uint64_t t2,
				       uint64_t t3, uint64_t carry)
{
	uint64_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0;
	unsigned char c;

	c = p256_sbb(0, t0, ~0ULL, &s0);
	c = p256_sbb(c, t1, P256_P1, &s1);
	c = p256_sbb(c, t2, 0, &s2);
	c = p256_sbb(c, t3, P256_P3, &s3);
	c = p256_sbb(c, carry, 0, &s4);
	r->l[0] = c ? t0 : s0;
	r->l[1] = c ? t1 : s1;
	r->l[2] = c ? t2 : s2;
	r->l[3] = c ? t3 : s3;
}

static inline void p256_fe_add(struct p256_fe *r, const struct p256_fe *a, const struct p256_fe *b)
{
	uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0;
	unsigned char c;

	c = p256_adc(0, a->l[0], b->l[0], &t0);
	c = p256_adc(c, a->l[1], b->l[1], &t1);
	c = p256_adc(c, a->l[2], b->l[2], &t2);
	c = p256_adc(c, a->l[3], b->l[3], &t3);
	p256_fe_reduce_once(r, t0, t1, t2, t3, c);
}

static inline void p256_fe_sub(struct p256_fe *r, const struct p256_fe *a, const struct p256_fe *b)
{
	uint64_t t0 = 0, t1 = 0, t2 = 0, t3 = 0, below;
	unsigned char c;

	c = p256_sbb(0, a->l[0], b->l[0], &t0);
	c = p256_sbb(c, a->l[1], b->l[1], &t1);
	c = p256_sbb(c, a->l[2], b->l[2], &t2);
	c = p256_sbb(c, a->l[3], b->l[3], &t3);
	below = 0 - (uint64_t)c;		/* all ones: p has to come back */
	c = p256_adc(0, t0, below, &r->l[0]);
	c = p256_adc(c, t1, below & P256_P1, &r->l[1]);
	c = p256_adc(c, t2, 0, &r->l[2]);
	p256_adc(c, t3, below & P256_P3, &r->l[3]);
}

static inline void p256_fe_negate(struct p256_fe *r, const struct p256_fe *a)
{
	const struct p256_fe zero = { { 0, 0, 0, 0 } };

	p256_fe_sub(r, &zero, a);
}

/*
 * t = (t + m * p) / 2^64, where m is the lowest limb: it becomes zero, as -1/p
 * is 1 mod 2^64. m * p + m has no need of more multiplications than the one
 * by P256_P3: below that it is m * 2^96, so m << 32 and m >> 32 in limbs 1 and 2.
 */
static inline void p256_reduce_limb(uint64_t t[5])
{
	const uint64_t m = t[0];
	const p256_wide high = (p256_wide)m * P256_P3;
	uint64_t top = 0;
	unsigned char c;

	c = p256_adc(0, t[1], m << 32, &t[0]);
	c = p256_adc(c, t[2], m >> 32, &t[1]);
	c = p256_adc(c, t[3], (uint64_t)high, &t[2]);
	c = p256_adc(c, t[4], (uint64_t)(high >> 64), &t[3]);
	p256_adc(c, 0, 0, &top);
	t[4] = top;
}

/* t += a * b, which five limbs hold. */
static inline void p256_add_row(uint64_t t[5], const uint64_t a[4], uint64_t b)
{
	const p256_wide m0 = (p256_wide)a[0] * b, m1 = (p256_wide)a[1] * b;
	const p256_wide m2 = (p256_wide)a[2] * b, m3 = (p256_wide)a[3] * b;
	uint64_t r0, r1 = 0, r2 = 0, r3 = 0, r4 = 0;
	unsigned char c;

	r0 = (uint64_t)m0;
	c = p256_adc(0, (uint64_t)(m0 >> 64), (uint64_t)m1, &r1);
	c = p256_adc(c, (uint64_t)(m1 >> 64), (uint64_t)m2, &r2);
	c = p256_adc(c, (uint64_t)(m2 >> 64), (uint64_t)m3, &r3);
	p256_adc(c, (uint64_t)(m3 >> 64), 0, &r4);
	c = p256_adc(0, t[0], r0, &t[0]);
	c = p256_adc(c, t[1], r1, &t[1]);
	c = p256_adc(c, t[2], r2, &t[2]);
	c = p256_adc(c, t[3], r3, &t[3]);
	p256_adc(c, t[4], r4, &t[4]);
}

/* Montgomery's product, limb by limb: what there is never exceeds 2p, which 5 limbs hold. */
static inline void p256_fe_mul(struct p256_fe *r, const struct p256_fe *a, const struct p256_fe *b)
{
	uint64_t t[5] = { 0 };

	p256_add_row(t, a->l, b->l[0]);
	p256_reduce_limb(t);
	p256_add_row(t, a->l, b->l[1]);
	p256_reduce_limb(t);
	p256_add_row(t, a->l, b->l[2]);
	p256_reduce_limb(t);
	p256_add_row(t, a->l, b->l[3]);
	p256_reduce_limb(t);
	p256_fe_reduce_once(r, t[0], t[1], t[2], t[3], t[4]);
}

static inline void p256_fe_square(struct p256_fe *r, const struct p256_fe *a)
{
	p256_fe_mul(r, a, a);
}

static inline void p256_fe_double(struct p256_fe *r, const struct p256_fe *a)
{
	p256_fe_add(r, a, a);
}

#endif /* ZKHSM_P256_FIELD_H */
