// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * scalar.c - Montgomery arithmetic modulo a prime, in fixed limbs
 *
 * Our own because nothing that the kernel exports may see a secret: its
 * vli_mod_mult_slow() and mpi_mulm() take a time that depends on their
 * operands, and r = v - a * c with a public c would tell a. Here carries and
 * conditional subtractions are masks. OPTIMIZER_HIDE_VAR() on each mask keeps
 * the compiler from finding out that it has two values only.
 *
 * The method is Montgomery multiplication in the CIOS order (Koc, Acar,
 * Kaliski, "Analyzing and comparing Montgomery multiplication algorithms",
 * IEEE Micro 1996).
 */
#include "scalar.h"

/* NIST SP 800-186, section 3.2.1.3: n and p of P-256. */
const struct zkhsm_modulus zkhsm_p256_n = {
	.limbs = 4,
	.n0 = 0xccd1c8aaee00bc4fULL,
	.m = { { 0xf3b9cac2fc632551ULL, 0xbce6faada7179e84ULL,
		 0xffffffffffffffffULL, 0xffffffff00000000ULL } },
	.one = { { 0x0c46353d039cdaafULL, 0x4319055258e8617bULL,
		   0x0000000000000000ULL, 0x00000000ffffffffULL } },
	.r2 = { { 0x83244c95be79eea2ULL, 0x4699799c49bd6fa6ULL,
		  0x2845b2392b6bec59ULL, 0x66e12d94f3d95620ULL } },
	.m_minus_2 = { { 0xf3b9cac2fc63254fULL, 0xbce6faada7179e84ULL,
			 0xffffffffffffffffULL, 0xffffffff00000000ULL } },
};

const struct zkhsm_modulus zkhsm_p256_p = {
	.limbs = 4,
	.n0 = 0x0000000000000001ULL,
	.m = { { 0xffffffffffffffffULL, 0x00000000ffffffffULL,
		 0x0000000000000000ULL, 0xffffffff00000001ULL } },
	.one = { { 0x0000000000000001ULL, 0xffffffff00000000ULL,
		   0xffffffffffffffffULL, 0x00000000fffffffeULL } },
	.r2 = { { 0x0000000000000003ULL, 0xfffffffbffffffffULL,
		  0xfffffffffffffffeULL, 0x00000004fffffffdULL } },
	.m_minus_2 = { { 0xfffffffffffffffdULL, 0x00000000ffffffffULL,
			 0x0000000000000000ULL, 0xffffffff00000001ULL } },
};

static inline u64 add_carry(u64 a, u64 b, u64 *carry)
{
	unsigned __int128 t = (unsigned __int128)a + b + *carry;

	*carry = (u64)(t >> 64);
	return (u64)t;
}

static inline u64 sub_borrow(u64 a, u64 b, u64 *borrow)
{
	unsigned __int128 t = (unsigned __int128)a - b - *borrow;

	*borrow = (u64)(t >> 64) & 1;
	return (u64)t;
}

/* a * b + c + *carry, which always fits */
static inline u64 mul_add(u64 a, u64 b, u64 c, u64 *carry)
{
	unsigned __int128 t = (unsigned __int128)a * b + c + *carry;

	*carry = (u64)(t >> 64);
	return (u64)t;
}

/* All ones for 1, zero for 0. */
static inline u64 mask_of(u64 bit)
{
	u64 mask = 0 - bit;

	OPTIMIZER_HIDE_VAR(mask);
	return mask;
}

/*
 * The next four are inlined with a constant @limbs, and -O2 alone would keep
 * their loops: unrolled, a verification takes half the time.
 */

/* r = a - m if that, with @carry above the top limb, is not negative; else a */
static __always_inline void reduce_once(u64 *r, const u64 *a, u64 carry,
					const u64 *m, unsigned int limbs)
{
	u64 diff[ZKHSM_MAX_LIMBS];
	u64 borrow = 0, keep;
	unsigned int i;

#pragma GCC unroll 6
	for (i = 0; i < limbs; i++)
		diff[i] = sub_borrow(a[i], m[i], &borrow);

	keep = mask_of(borrow & ~carry & 1);
#pragma GCC unroll 6
	for (i = 0; i < limbs; i++)
		r[i] = (a[i] & keep) | (diff[i] & ~keep);

	memzero_explicit(diff, sizeof(diff));
}

static __always_inline void mod_add(u64 *r, const u64 *a, const u64 *b,
				    const u64 *m, unsigned int limbs)
{
	u64 carry = 0;
	unsigned int i;

#pragma GCC unroll 6
	for (i = 0; i < limbs; i++)
		r[i] = add_carry(a[i], b[i], &carry);
	reduce_once(r, r, carry, m, limbs);
}

static __always_inline void mod_sub(u64 *r, const u64 *a, const u64 *b,
				    const u64 *m, unsigned int limbs)
{
	u64 borrow = 0, carry = 0, mask;
	unsigned int i;

#pragma GCC unroll 6
	for (i = 0; i < limbs; i++)
		r[i] = sub_borrow(a[i], b[i], &borrow);

	mask = mask_of(borrow);
#pragma GCC unroll 6
	for (i = 0; i < limbs; i++)
		r[i] = add_carry(r[i], m[i] & mask, &carry);
}

static __always_inline void mont_mul(u64 *r, const u64 *a, const u64 *b,
				     const struct zkhsm_modulus *m,
				     unsigned int limbs)
{
	u64 t[ZKHSM_MAX_LIMBS + 2] = { 0 };
	u64 carry, above, q;
	unsigned int i, j;

	for (i = 0; i < limbs; i++) {
		carry = 0;
#pragma GCC unroll 6
		for (j = 0; j < limbs; j++)
			t[j] = mul_add(a[j], b[i], t[j], &carry);
		above = 0;
		t[limbs] = add_carry(t[limbs], carry, &above);
		t[limbs + 1] = above;

		/* q makes the lowest limb of t + q * m zero; shift it out */
		q = t[0] * m->n0;
		carry = 0;
		mul_add(q, m->m.limb[0], t[0], &carry);
#pragma GCC unroll 6
		for (j = 1; j < limbs; j++)
			t[j - 1] = mul_add(q, m->m.limb[j], t[j], &carry);
		above = 0;
		t[limbs - 1] = add_carry(t[limbs], carry, &above);
		t[limbs] = t[limbs + 1] + above;
	}

	/* t < 2 * m: one subtraction, t[limbs] is the carry */
	reduce_once(r, t, t[limbs], m->m.limb, limbs);
	memzero_explicit(t, sizeof(t));
}

static __always_inline void clear_above(struct zkhsm_scalar *r,
					unsigned int limbs)
{
	unsigned int i;

	for (i = limbs; i < ZKHSM_MAX_LIMBS; i++)
		r->limb[i] = 0;
}

static u64 less_than(const struct zkhsm_scalar *a, const struct zkhsm_scalar *b)
{
	u64 borrow = 0;
	unsigned int i;

	for (i = 0; i < ZKHSM_MAX_LIMBS; i++)
		sub_borrow(a->limb[i], b->limb[i], &borrow);
	return borrow;
}

static void load_be(struct zkhsm_scalar *r, const u8 *be, unsigned int limbs)
{
	unsigned int i;

	for (i = 0; i < limbs; i++)
		r->limb[i] = get_unaligned_be64(be + 8 * (limbs - 1 - i));
	clear_above(r, limbs);
}

int zkhsm_scalar_from_be(struct zkhsm_scalar *r, const u8 *be,
			 const struct zkhsm_modulus *m)
{
	u64 below, mask;
	unsigned int i;

	load_be(r, be, m->limbs);
	below = less_than(r, &m->m);
	mask = mask_of(below);
	for (i = 0; i < m->limbs; i++)
		r->limb[i] &= mask;
	return below ? 0 : -ERANGE;
}

void zkhsm_scalar_to_be(u8 *be, const struct zkhsm_scalar *a,
			const struct zkhsm_modulus *m)
{
	unsigned int i;

	for (i = 0; i < m->limbs; i++)
		put_unaligned_be64(a->limb[i], be + 8 * (m->limbs - 1 - i));
}

void zkhsm_scalar_reduce_hash(struct zkhsm_scalar *r, const u8 *be,
			      const struct zkhsm_modulus *m)
{
	load_be(r, be, m->limbs);
	reduce_once(r->limb, r->limb, 0, m->m.limb, m->limbs);
}

void zkhsm_scalar_reduce_wide(struct zkhsm_scalar *r, const u8 *be,
			      const struct zkhsm_modulus *m)
{
	struct zkhsm_scalar high;

	/* high * R + low, and high * R^2 / R = high * R (mod m) */
	load_be(&high, be, m->limbs / 2);
	zkhsm_scalar_mont_mul(&high, &high, &m->r2, m);
	zkhsm_scalar_reduce_hash(r, be + 4 * m->limbs, m);
	zkhsm_scalar_add(r, r, &high, m);
	memzero_explicit(&high, sizeof(high));
}

void zkhsm_scalar_set_u64(struct zkhsm_scalar *r, u64 value)
{
	r->limb[0] = value;
	clear_above(r, 1);
}

void zkhsm_scalar_add(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_scalar *b,
		      const struct zkhsm_modulus *m)
{
	if (m->limbs == 4)
		mod_add(r->limb, a->limb, b->limb, m->m.limb, 4);
	else
		mod_add(r->limb, a->limb, b->limb, m->m.limb, 6);
	clear_above(r, m->limbs);
}

void zkhsm_scalar_sub(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_scalar *b,
		      const struct zkhsm_modulus *m)
{
	if (m->limbs == 4)
		mod_sub(r->limb, a->limb, b->limb, m->m.limb, 4);
	else
		mod_sub(r->limb, a->limb, b->limb, m->m.limb, 6);
	clear_above(r, m->limbs);
}

void zkhsm_scalar_neg(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_modulus *m)
{
	static const struct zkhsm_scalar zero;

	zkhsm_scalar_sub(r, &zero, a, m);
}

void zkhsm_scalar_mont_mul(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
			   const struct zkhsm_scalar *b,
			   const struct zkhsm_modulus *m)
{
	if (m->limbs == 4)
		mont_mul(r->limb, a->limb, b->limb, m, 4);
	else
		mont_mul(r->limb, a->limb, b->limb, m, 6);
	clear_above(r, m->limbs);
}

void zkhsm_scalar_to_mont(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
			  const struct zkhsm_modulus *m)
{
	zkhsm_scalar_mont_mul(r, a, &m->r2, m);
}

void zkhsm_scalar_from_mont(struct zkhsm_scalar *r,
			    const struct zkhsm_scalar *a,
			    const struct zkhsm_modulus *m)
{
	static const struct zkhsm_scalar one = { { 1 } };

	zkhsm_scalar_mont_mul(r, a, &one, m);
}

void zkhsm_scalar_mul(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_scalar *b,
		      const struct zkhsm_modulus *m)
{
	struct zkhsm_scalar mont;

	zkhsm_scalar_to_mont(&mont, a, m);
	zkhsm_scalar_mont_mul(r, &mont, b, m);
	memzero_explicit(&mont, sizeof(mont));
}

void zkhsm_scalar_inv(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
		      const struct zkhsm_modulus *m)
{
	const struct zkhsm_scalar *e = &m->m_minus_2;
	struct zkhsm_scalar acc = m->one;
	unsigned int i = 64 * m->limbs;

	while (i--) {
		zkhsm_scalar_mont_mul(&acc, &acc, &acc, m);
		if (e->limb[i / 64] >> (i % 64) & 1)	/* public exponent */
			zkhsm_scalar_mont_mul(&acc, &acc, a, m);
	}
	*r = acc;
	memzero_explicit(&acc, sizeof(acc));
}

bool zkhsm_scalar_is_zero(const struct zkhsm_scalar *a)
{
	u64 bits = 0;
	unsigned int i;

	for (i = 0; i < ZKHSM_MAX_LIMBS; i++)
		bits |= a->limb[i];
	OPTIMIZER_HIDE_VAR(bits);
	return !bits;
}

bool zkhsm_scalar_eq(const struct zkhsm_scalar *a, const struct zkhsm_scalar *b)
{
	return !crypto_memneq(a->limb, b->limb, sizeof(a->limb));
}

bool zkhsm_scalar_in_range(const struct zkhsm_scalar *a,
			   const struct zkhsm_modulus *m)
{
	struct zkhsm_scalar low, high;
	u64 outside;

	zkhsm_scalar_set_u64(&low, 2);
	/* m - 3 does not borrow beyond the lowest limb of any NIST prime */
	high = m->m;
	high.limb[0] -= 3;

	outside = less_than(a, &low) | (less_than(a, &high) ^ 1);
	OPTIMIZER_HIDE_VAR(outside);
	return !outside;
}
