// SPDX-License-Identifier: GPL-2.0
/*
 * scalar.c against arithmetic on bytes that is too simple to be wrong in the
 * same way, against its own laws, and at the values where a carry, a borrow or
 * the last subtraction is decided.
 */
#include "kunit.h"

#define SEED		0x5ca1a2u
#define ROUNDS		24
#define MAX_BYTES	(8 * ZKHSM_MAX_LIMBS)

/* FIPS 186-5, P-384's order: the module has no such keys, but has the code for six limbs. */
static const struct zkhsm_modulus p384_n = {
	.limbs = 6,
	.n0 = 0x6ed46089e88fdc45ULL,
	.m = { { 0xecec196accc52973ULL, 0x581a0db248b0a77aULL, 0xc7634d81f4372ddfULL,
		 0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL } },
	.one = { { 0x1313e695333ad68dULL, 0xa7e5f24db74f5885ULL, 0x389cb27e0bc8d220ULL } },
	.r2 = { { 0x2d319b2419b409a9ULL, 0xff3d81e5df1aa419ULL, 0xbc3e483afcb82947ULL,
		  0xd40d49174aab1cc5ULL, 0x3fb05b7a28266895ULL, 0x0c84ee012b39bf21ULL } },
	.m_minus_2 = { { 0xecec196accc52971ULL, 0x581a0db248b0a77aULL, 0xc7634d81f4372ddfULL,
			 0xffffffffffffffffULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL } },
};

static const struct zkhsm_modulus *const moduli[] = { N, P, &p384_n };

/* Reference: little-endian bytes, one more than the modulus has, always below it. */
struct number {
	u8 b[MAX_BYTES + 1];
};

static void number_from(struct number *r, const struct zkhsm_scalar *a)
{
	int i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < MAX_BYTES; i++)
		r->b[i] = a->limb[i / 8] >> (8 * (i % 8));
}

static bool number_below(const struct number *a, const struct number *b)
{
	int i;

	for (i = MAX_BYTES; i >= 0; i--)
		if (a->b[i] != b->b[i])
			return a->b[i] < b->b[i];
	return false;
}

static void number_add(struct number *r, const struct number *a, const struct number *m)
{
	int i, carry = 0;

	for (i = 0; i <= MAX_BYTES; i++) {
		carry += r->b[i] + a->b[i];
		r->b[i] = carry;
		carry >>= 8;
	}
	if (number_below(r, m))
		return;
	for (i = 0, carry = 0; i <= MAX_BYTES; i++) {
		carry += r->b[i] - m->b[i];
		r->b[i] = carry;
		carry >>= 8;
	}
}

static void number_mul(struct number *r, const struct number *a, const struct number *b,
		       const struct number *m, unsigned int limbs)
{
	struct number acc = {};
	int i = 64 * limbs;

	while (i--) {
		number_add(&acc, &acc, m);
		if (b->b[i / 8] >> (i % 8) & 1)
			number_add(&acc, a, m);
	}
	*r = acc;
}

static void expect_number(struct kunit *test, const struct zkhsm_scalar *got,
			  const struct number *want, const char *what, u32 round)
{
	struct number n;

	number_from(&n, got);
	KUNIT_EXPECT_TRUE_MSG(test, !memcmp(&n, want, sizeof(n)), "%s, round %u", what, round);
}

/* Values where something is decided; behind them random ones, some with limbs of 0 and ~0. */
static void pick(struct rnd_state *rnd, u32 i, struct zkhsm_scalar *r,
		 const struct zkhsm_modulus *m)
{
	static const s8 offsets[] = { -1, -2, -3, -4 };
	u32 k;

	memset(r, 0, sizeof(*r));
	if (i < 4) {
		scalar_from(r, i);
	} else if (i < 8) {
		*r = m->m;
		r->limb[0] += offsets[i - 4];
	} else if (i == 8) {
		*r = m->one;
	} else if (i == 9) {
		*r = m->r2;
	} else if (i < 14) {
		r->limb[(i - 10) % m->limbs] = ~0ULL;
		r->limb[m->limbs - 1] >>= 1;
	} else {
		random_scalar(rnd, r, m);
		for (k = 0; i % 3 == 0 && k + 1 < m->limbs; k++)
			if (prandom_u32_state(rnd) & 1)
				r->limb[k] = prandom_u32_state(rnd) & 1 ? ~0ULL : 0;
	}
}

/* Results are written over bytes that are not zero: the limbs above must be cleared. */
static struct zkhsm_scalar dirty(void)
{
	struct zkhsm_scalar r;

	memset(&r, 0xa5, sizeof(r));
	return r;
}

static void reference_once(struct kunit *test, struct rnd_state *rnd,
			   const struct zkhsm_modulus *m, u32 i, u32 j)
{
	struct zkhsm_scalar a, b, r = dirty();
	struct number na, nb, nm, want;

	pick(rnd, i, &a, m);
	pick(rnd, j, &b, m);
	number_from(&na, &a);
	number_from(&nb, &b);
	number_from(&nm, &m->m);

	want = na;
	number_add(&want, &nb, &nm);
	zkhsm_scalar_add(&r, &a, &b, m);
	expect_number(test, &r, &want, "a + b", i);

	r = dirty();
	zkhsm_scalar_sub(&r, &a, &b, m);
	number_from(&want, &r);
	number_add(&want, &nb, &nm);
	expect_number(test, &a, &want, "(a - b) + b", i);

	r = dirty();
	zkhsm_scalar_mul(&r, &a, &b, m);
	number_mul(&want, &na, &nb, &nm, m->limbs);
	expect_number(test, &r, &want, "a * b", i);
}

static void scalar_reference(struct kunit *test)
{
	struct rnd_state rnd;
	u32 k, i;

	random_begin(test, &rnd, SEED);
	for (k = 0; k < ARRAY_SIZE(moduli); k++)
		for (i = 0; i < ROUNDS; i++)
			reference_once(test, &rnd, moduli[k], i, (i * 7 + k) % ROUNDS);
}

/* The constants of a modulus are what their names say, by the reference alone. */
static void scalar_constants(struct kunit *test)
{
	struct number one = { { 1 } }, acc, m;
	u32 k, i;

	for (k = 0; k < ARRAY_SIZE(moduli); k++) {
		number_from(&m, &moduli[k]->m);
		acc = one;
		for (i = 0; i < 64 * moduli[k]->limbs; i++)
			number_add(&acc, &acc, &m);
		expect_number(test, &moduli[k]->one, &acc, "R mod m", k);
		for (i = 0; i < 64 * moduli[k]->limbs; i++)
			number_add(&acc, &acc, &m);
		expect_number(test, &moduli[k]->r2, &acc, "R * R mod m", k);
		KUNIT_EXPECT_EQ(test, moduli[k]->m.limb[0] * moduli[k]->n0, ~0ULL);
		KUNIT_EXPECT_EQ(test, moduli[k]->m.limb[0] - 2, moduli[k]->m_minus_2.limb[0]);
		KUNIT_EXPECT_MEMEQ(test, &moduli[k]->m.limb[1], &moduli[k]->m_minus_2.limb[1],
				   sizeof(moduli[k]->m) - sizeof(u64));
	}
}

static void laws_once(struct kunit *test, const struct zkhsm_scalar *a,
		      const struct zkhsm_scalar *b, const struct zkhsm_scalar *c,
		      const struct zkhsm_modulus *m)
{
	struct zkhsm_scalar x, y, z;

	/* a * (b + c) == a * b + a * c */
	zkhsm_scalar_add(&x, b, c, m);
	zkhsm_scalar_mul(&x, a, &x, m);
	zkhsm_scalar_mul(&y, a, b, m);
	zkhsm_scalar_mul(&z, a, c, m);
	zkhsm_scalar_add(&y, &y, &z, m);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&x, &y));

	/* (a * b) * c == a * (b * c), and one operand may be in Montgomery form */
	zkhsm_scalar_mul(&x, a, b, m);
	zkhsm_scalar_mul(&x, &x, c, m);
	zkhsm_scalar_mul(&y, b, c, m);
	zkhsm_scalar_to_mont(&y, &y, m);
	zkhsm_scalar_mont_mul(&y, a, &y, m);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&x, &y));

	/* a - b == a + (-b) */
	zkhsm_scalar_sub(&x, a, b, m);
	zkhsm_scalar_neg(&y, b, m);
	zkhsm_scalar_add(&y, a, &y, m);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&x, &y));

	/* back from Montgomery form */
	zkhsm_scalar_to_mont(&x, a, m);
	zkhsm_scalar_from_mont(&x, &x, m);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&x, a));
}

static void scalar_laws(struct kunit *test)
{
	struct zkhsm_scalar a, b, c;
	struct rnd_state rnd;
	u32 k, i;

	random_begin(test, &rnd, SEED + 1);
	for (k = 0; k < ARRAY_SIZE(moduli); k++)
		for (i = 0; i < 2 * ROUNDS; i++) {
			pick(&rnd, i, &a, moduli[k]);
			pick(&rnd, (i + 5) % ROUNDS, &b, moduli[k]);
			pick(&rnd, (i * 11 + 3) % ROUNDS, &c, moduli[k]);
			laws_once(test, &a, &b, &c, moduli[k]);
		}
}

static void scalar_inverse(struct kunit *test)
{
	struct zkhsm_scalar a, inv;
	struct rnd_state rnd;
	u32 k, i;

	random_begin(test, &rnd, SEED + 2);
	for (k = 0; k < ARRAY_SIZE(moduli); k++)
		for (i = 0; i < ROUNDS; i++) {
			pick(&rnd, i, &a, moduli[k]);
			inv = dirty();
			zkhsm_scalar_to_mont(&a, &a, moduli[k]);
			zkhsm_scalar_inv(&inv, &a, moduli[k]);
			zkhsm_scalar_mont_mul(&inv, &inv, &a, moduli[k]);
			if (zkhsm_scalar_is_zero(&a))
				KUNIT_EXPECT_TRUE(test, zkhsm_scalar_is_zero(&inv));
			else
				KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&inv, &moduli[k]->one));
		}
}

/* The result may be one of the operands, or all three one. */
static void scalar_aliases(struct kunit *test)
{
	typedef void (*op)(struct zkhsm_scalar *r, const struct zkhsm_scalar *a,
			   const struct zkhsm_scalar *b, const struct zkhsm_modulus *m);
	static const op ops[] = { zkhsm_scalar_add, zkhsm_scalar_sub, zkhsm_scalar_mont_mul,
				  zkhsm_scalar_mul };
	struct zkhsm_scalar a, b, r, x;
	struct rnd_state rnd;
	u32 k, i, o;

	random_begin(test, &rnd, SEED + 3);
	for (k = 0; k < ARRAY_SIZE(moduli); k++)
		for (i = 0; i < ROUNDS; i++)
			for (o = 0; o < ARRAY_SIZE(ops); o++) {
				pick(&rnd, i, &a, moduli[k]);
				pick(&rnd, ROUNDS - i, &b, moduli[k]);
				ops[o](&r, &a, &b, moduli[k]);
				x = a;
				ops[o](&x, &x, &b, moduli[k]);
				KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&x, &r));
				x = b;
				ops[o](&x, &a, &x, moduli[k]);
				KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&x, &r));
				ops[o](&r, &a, &a, moduli[k]);
				x = a;
				ops[o](&x, &x, &x, moduli[k]);
				KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&x, &r));
			}
}

/* Bytes whose first 48 are read bit by bit, as r = 2 * r + bit. */
static void scalar_wide(struct kunit *test)
{
	struct zkhsm_scalar r;
	struct number want, m, one = { { 1 } };
	struct rnd_state rnd;
	u8 be[MAX_BYTES * 3 / 2];
	u32 k, i, bit, bytes;

	random_begin(test, &rnd, SEED + 4);
	for (k = 0; k < ARRAY_SIZE(moduli); k++) {
		bytes = 12 * moduli[k]->limbs;
		number_from(&m, &moduli[k]->m);
		for (i = 0; i < 8; i++) {
			prandom_bytes_state(&rnd, be, bytes);
			if (i < 2)
				memset(be, i ? 0xff : 0, bytes);
			memset(&want, 0, sizeof(want));
			for (bit = 0; bit < 8 * bytes; bit++) {
				number_add(&want, &want, &m);
				if (be[bit / 8] << (bit % 8) & 0x80)
					number_add(&want, &one, &m);
			}
			r = dirty();
			zkhsm_scalar_reduce_wide(&r, be, moduli[k]);
			expect_number(test, &r, &want, "wide", i);
		}
	}
}

/* m + offset as bytes; no byte carries over for the offsets used. */
static void bytes_around(u8 be[32], const struct zkhsm_modulus *m, int offset)
{
	struct zkhsm_scalar a = m->m;

	a.limb[0] += offset;
	zkhsm_scalar_to_be(be, &a, m);
}

static void scalar_encoding(struct kunit *test)
{
	static const int refused[] = { 0, 1, 2 };
	struct zkhsm_scalar r, want;
	struct rnd_state rnd;
	u8 be[32], again[32];
	u32 i;

	random_begin(test, &rnd, SEED + 5);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		bytes_around(be, N, refused[i]);
		r = dirty();
		KUNIT_EXPECT_EQ(test, zkhsm_scalar_from_be(&r, be, N), -ERANGE);
		KUNIT_EXPECT_TRUE(test, zkhsm_scalar_is_zero(&r));
		KUNIT_EXPECT_EQ(test, zkhsm_scalar_from_be(&r, be, P), 0);
		/* one masked subtraction */
		zkhsm_scalar_reduce_hash(&r, be, N);
		scalar_from(&want, refused[i]);
		KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&r, &want));
	}
	bytes_around(be, P, 0);
	KUNIT_EXPECT_EQ(test, zkhsm_scalar_from_be(&r, be, P), -ERANGE);
	KUNIT_EXPECT_EQ(test, zkhsm_scalar_from_be(&r, be, N), -ERANGE);
	memset(be, 0xff, sizeof(be));
	KUNIT_EXPECT_EQ(test, zkhsm_scalar_from_be(&r, be, P), -ERANGE);
	KUNIT_EXPECT_EQ(test, zkhsm_scalar_from_be(&r, be, N), -ERANGE);
	/* 2^256 - 1 - n is R - 1 mod n */
	zkhsm_scalar_reduce_hash(&r, be, N);
	scalar_from(&want, 1);
	zkhsm_scalar_sub(&want, &N->one, &want, N);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&r, &want));

	for (i = 0; i < ROUNDS; i++) {
		pick(&rnd, i, &want, N);
		zkhsm_scalar_to_be(be, &want, N);
		r = dirty();
		KUNIT_EXPECT_EQ(test, zkhsm_scalar_from_be(&r, be, N), 0);
		KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&r, &want));
		zkhsm_scalar_to_be(again, &r, N);
		KUNIT_EXPECT_MEMEQ(test, again, be, sizeof(be));
		KUNIT_EXPECT_EQ(test, (u8)want.limb[0], be[31]);
	}
}

static void scalar_range(struct kunit *test)
{
	static const struct {
		int offset;
		bool from_m, good;
	} cases[] = {
		{ 0, false, false }, { 1, false, false }, { 2, false, true }, { 3, false, true },
		{ -5, true, true }, { -4, true, true }, { -3, true, false }, { -2, true, false },
		{ -1, true, false },
	};
	struct zkhsm_scalar a = {};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		scalar_from(&a, 0);
		if (cases[i].from_m)
			a = N->m;
		a.limb[0] += cases[i].offset;
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_scalar_in_range(&a, N), cases[i].good,
				    "%d from n: %d", cases[i].offset, cases[i].from_m);
	}
	/* small in one limb alone */
	for (i = 1; i < 4; i++) {
		memset(&a, 0, sizeof(a));
		a.limb[i] = 1;
		KUNIT_EXPECT_TRUE(test, zkhsm_scalar_in_range(&a, N));
		KUNIT_EXPECT_FALSE(test, zkhsm_scalar_is_zero(&a));
	}
}

/* Every bit counts. */
static void scalar_equal(struct kunit *test)
{
	struct zkhsm_scalar a, b = {};
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 6);
	random_scalar(&rnd, &a, N);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&a, &a));
	for (i = 0; i < 256; i++) {
		b = a;
		b.limb[i / 64] ^= 1ULL << (i % 64);
		KUNIT_EXPECT_FALSE_MSG(test, zkhsm_scalar_eq(&a, &b), "bit %u", i);
		memset(&b, 0, sizeof(b));
		KUNIT_EXPECT_TRUE(test, zkhsm_scalar_is_zero(&b));
		b.limb[i / 64] = 1ULL << (i % 64);
		KUNIT_EXPECT_FALSE_MSG(test, zkhsm_scalar_is_zero(&b), "bit %u", i);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(scalar_constants),
	KUNIT_CASE(scalar_reference),
	KUNIT_CASE(scalar_laws),
	KUNIT_CASE(scalar_inverse),
	KUNIT_CASE(scalar_aliases),
	KUNIT_CASE(scalar_wide),
	KUNIT_CASE(scalar_encoding),
	KUNIT_CASE(scalar_range),
	KUNIT_CASE(scalar_equal),
	{}
};

struct kunit_suite zkhsm_kunit_scalar = {
	.name = "zkhsm-scalar",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
