// SPDX-License-Identifier: GPL-2.0
/*
 * point.c: complete addition at every pair of operands that is special in
 * other formulas, the law of the group, and the one encoding of a point.
 */
#include "group.h"
#include "kunit.h"
#include "vectors.h"

#define SEED	0x90147u
#define ROUNDS	6

static struct zkhsm_point generator(struct kunit *test)
{
	struct zkhsm_point g = {};

	KUNIT_ASSERT_EQ(test, zkhsm_point_decode(&g, zkhsm_p256_g), 0);
	return g;
}

static struct zkhsm_point negative(const struct zkhsm_point *a)
{
	struct zkhsm_point r = *a;

	zkhsm_scalar_neg(&r.y, &a->y, P);
	return r;
}

/* The same point, whatever its projective coordinates. */
static bool same(const struct zkhsm_point *a, const struct zkhsm_point *b)
{
	u8 x[ZKHSM_POINT_LEN], y[ZKHSM_POINT_LEN];
	bool infinite = !zkhsm_point_encode(x, a);

	return infinite == !zkhsm_point_encode(y, b) && !memcmp(x, y, sizeof(x));
}

/* k * G for any k, by public arithmetic. */
static struct zkhsm_point multiple(const struct zkhsm_scalar *k)
{
	static const struct zkhsm_scalar zero;
	struct zkhsm_point r = {};

	zkhsm_point_set_identity(&r);
	zkhsm_point_mul2(&r, k, &zero, &r);
	return r;
}

static void point_known_answers(struct kunit *test)
{
	struct zkhsm_scalar u1, u2;
	u8 out[ZKHSM_POINT_LEN];
	bool infinity;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(tv_mul2s); i++) {
		KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&u1, tv_mul2s[i].u1, N), 0);
		KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&u2, tv_mul2s[i].u2, N), 0);
		KUNIT_EXPECT_EQ(test, zkhsm_p256_mul2_public(&u1, &u2, tv_mul2s[i].a, out,
							     &infinity), 0);
		KUNIT_EXPECT_EQ(test, infinity, tv_mul2s[i].infinity);
		KUNIT_EXPECT_MEMEQ(test, out, tv_mul2s[i].r, sizeof(out));
	}
	for (i = 0; i < ARRAY_SIZE(tv_bases); i++) {
		struct zkhsm_point r;

		KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&u1, tv_bases[i].k, N), 0);
		r = multiple(&u1);
		KUNIT_EXPECT_TRUE(test, zkhsm_point_encode(out, &r));
		KUNIT_EXPECT_MEMEQ(test, out, tv_bases[i].point, sizeof(out));
	}
}

/* P + P, P - P, P + 0, 0 + P, 0 + 0, 2 * 0, and with operands of any Z. */
static void degenerate(struct kunit *test, const struct zkhsm_point *p)
{
	struct zkhsm_point zero, r, twice, neg = negative(p);

	zkhsm_point_set_identity(&zero);
	zkhsm_point_add(&r, p, &neg);
	KUNIT_EXPECT_TRUE(test, same(&r, &zero));
	/* this identity has other coordinates than the one that was set */
	zkhsm_point_add(&r, &r, p);
	KUNIT_EXPECT_TRUE(test, same(&r, p));
	zkhsm_point_add(&r, &zero, p);
	KUNIT_EXPECT_TRUE(test, same(&r, p));
	zkhsm_point_add(&r, p, &zero);
	KUNIT_EXPECT_TRUE(test, same(&r, p));
	zkhsm_point_add(&r, &zero, &zero);
	KUNIT_EXPECT_TRUE(test, same(&r, &zero));
	zkhsm_point_double(&r, &zero);
	KUNIT_EXPECT_TRUE(test, same(&r, &zero));

	zkhsm_point_double(&twice, p);
	zkhsm_point_add(&r, p, p);
	KUNIT_EXPECT_TRUE(test, same(&r, &twice));
	zkhsm_point_add(&r, &twice, &neg);
	KUNIT_EXPECT_TRUE(test, same(&r, p));
	r = *p;
	zkhsm_point_double(&r, &r);
	KUNIT_EXPECT_TRUE(test, same(&r, &twice));
	r = *p;
	zkhsm_point_add(&r, &r, &r);
	KUNIT_EXPECT_TRUE(test, same(&r, &twice));
	KUNIT_EXPECT_FALSE(test, same(p, &neg));
	KUNIT_EXPECT_FALSE(test, same(p, &zero));
}

static void point_degenerate(struct kunit *test)
{
	struct zkhsm_point p = generator(test);
	struct zkhsm_scalar k;
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED);
	degenerate(test, &p);
	p = negative(&p);
	degenerate(test, &p);
	zkhsm_point_double(&p, &p);
	degenerate(test, &p);
	for (i = 0; i < ROUNDS; i++) {
		random_scalar(&rnd, &k, N);
		p = multiple(&k);
		degenerate(test, &p);
	}
}

static void point_laws(struct kunit *test)
{
	struct zkhsm_point a, b, c, left, right;
	struct zkhsm_scalar k, l, sum;
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 1);
	for (i = 0; i < ROUNDS; i++) {
		random_scalar(&rnd, &k, N);
		random_scalar(&rnd, &l, N);
		a = multiple(&k);
		b = multiple(&l);
		zkhsm_scalar_add(&sum, &k, &l, N);
		c = multiple(&sum);
		zkhsm_point_add(&left, &a, &b);
		zkhsm_point_add(&right, &b, &a);
		KUNIT_EXPECT_TRUE(test, same(&left, &right));
		KUNIT_EXPECT_TRUE(test, same(&left, &c));

		zkhsm_point_add(&left, &left, &c);
		zkhsm_point_add(&right, &b, &c);
		zkhsm_point_add(&right, &a, &right);
		KUNIT_EXPECT_TRUE(test, same(&left, &right));
	}
}

/* (n - 1) * G = -G, n * G = 0, and u1 * G + u2 * A where A is in the table already. */
static void point_mul2_degenerate(struct kunit *test)
{
	struct zkhsm_point g = generator(test), neg = negative(&g), two, zero, r;
	struct zkhsm_scalar k, l, n_1 = N->m, one;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 2);
	random_scalar(&rnd, &k, N);
	scalar_from(&one, 1);
	scalar_from(&l, 0);
	n_1.limb[0]--;
	zkhsm_point_set_identity(&zero);
	zkhsm_point_double(&two, &g);

	r = multiple(&n_1);
	KUNIT_EXPECT_TRUE(test, same(&r, &neg));
	r = multiple(&N->m);
	KUNIT_EXPECT_TRUE(test, same(&r, &zero));
	zkhsm_point_mul2(&r, &l, &l, &g);
	KUNIT_EXPECT_TRUE(test, same(&r, &zero));
	/* A = G */
	zkhsm_point_mul2(&r, &one, &one, &g);
	KUNIT_EXPECT_TRUE(test, same(&r, &two));
	zkhsm_scalar_neg(&l, &k, N);
	zkhsm_point_mul2(&r, &k, &l, &g);
	KUNIT_EXPECT_TRUE(test, same(&r, &zero));
	/* A = -G: the table's third entry is the identity */
	zkhsm_point_mul2(&r, &k, &k, &neg);
	KUNIT_EXPECT_TRUE(test, same(&r, &zero));
	zkhsm_point_mul2(&r, &one, &n_1, &neg);
	KUNIT_EXPECT_TRUE(test, same(&r, &two));
	/* A = 2 * G, the sum is zero */
	zkhsm_scalar_add(&l, &k, &k, N);
	zkhsm_scalar_neg(&l, &l, N);
	zkhsm_point_mul2(&r, &l, &k, &two);
	KUNIT_EXPECT_TRUE(test, same(&r, &zero));
	/* A = 0 */
	zkhsm_point_mul2(&r, &one, &k, &zero);
	KUNIT_EXPECT_TRUE(test, same(&r, &g));
}

/* Every bit of a point, and the other forms of it. */
static void point_decode_refuses(struct kunit *test)
{
	static const u8 prefixes[] = { 0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x84, 0xff };
	u8 pub[ZKHSM_POINT_LEN];
	struct zkhsm_scalar k;
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 3);
	random_scalar(&rnd, &k, N);
	KUNIT_ASSERT_EQ(test, zkhsm_group_mul_base(&k, pub), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_p256_decode_public(pub), 0);
	for (i = 8; i < 8 * ZKHSM_POINT_LEN; i++) {
		pub[i / 8] ^= 1 << (i % 8);
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_p256_decode_public(pub), -EBADMSG, "bit %u", i);
		pub[i / 8] ^= 1 << (i % 8);
	}
	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		pub[0] = prefixes[i];
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_p256_decode_public(pub), -EBADMSG, "prefix %u", i);
	}
	memset(pub, 0, sizeof(pub));
	KUNIT_EXPECT_EQ(test, zkhsm_p256_decode_public(pub), -EBADMSG);
	pub[0] = 4;
	KUNIT_EXPECT_EQ(test, zkhsm_p256_decode_public(pub), -EBADMSG);
	KUNIT_EXPECT_EQ(test, zkhsm_p256_decode_public(tv_off_curve), -EBADMSG);
}

/* x = 0 and x = 5 have points; x + p fits into 32 bytes and must not be another name of them. */
static void point_coordinates_below_p(struct kunit *test)
{
	/* SEC 2, b's square root; and that of 5^3 - 3 * 5 + b */
	static const u8 y[2][32] = {
		{ 0x66, 0x48, 0x5c, 0x78, 0x0e, 0x2f, 0x83, 0xd7, 0x24, 0x33, 0xbd,
		  0x5d, 0x84, 0xa0, 0x6b, 0xb6, 0x54, 0x1c, 0x2a, 0xf3, 0x1d, 0xae,
		  0x87, 0x17, 0x28, 0xbf, 0x85, 0x6a, 0x17, 0x4f, 0x93, 0xf4 },
		{ 0x45, 0x92, 0x43, 0xb9, 0xaa, 0x58, 0x18, 0x06, 0xfe, 0x91, 0x3b,
		  0xce, 0x99, 0x81, 0x7a, 0xde, 0x11, 0xca, 0x50, 0x3c, 0x64, 0xd9,
		  0xa3, 0xc5, 0x33, 0x41, 0x5c, 0x08, 0x32, 0x48, 0xfb, 0xcc },
	};
	static const u8 small[2] = { 0, 5 };
	u8 pub[ZKHSM_POINT_LEN] = { 4 };
	struct zkhsm_scalar x;
	u32 i;

	for (i = 0; i < 2; i++) {
		scalar_from(&x, small[i]);
		zkhsm_scalar_to_be(pub + 1, &x, P);
		memcpy(pub + 33, y[i], 32);
		KUNIT_EXPECT_EQ(test, zkhsm_p256_decode_public(pub), 0);
		/* no byte carries: p ends in ff..ff, hence x + p = (p + 1) + (x - 1) */
		x = P->m;
		if (small[i]) {
			x.limb[0] = small[i] - 1;
			x.limb[1] = 1ULL << 32;
		}
		zkhsm_scalar_to_be(pub + 1, &x, P);
		KUNIT_EXPECT_EQ(test, zkhsm_p256_decode_public(pub), -EBADMSG);
	}
}

/* V from x(V) and x(V + G), also next to the points where the formula has no answer. */
static void point_recover_y(struct kunit *test)
{
	u8 v[ZKHSM_POINT_LEN], next[ZKHSM_POINT_LEN], out[ZKHSM_POINT_LEN];
	struct zkhsm_point p, q, g = generator(test);
	struct zkhsm_scalar k;
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 4);
	for (i = 0; i < ROUNDS + 4; i++) {
		random_scalar(&rnd, &k, N);
		if (i < 2)
			scalar_from(&k, 2 + i);
		if (i == 2 || i == 3) {
			k = N->m;
			k.limb[0] -= 1 + i;
		}
		p = multiple(&k);
		zkhsm_point_add(&q, &p, &g);
		KUNIT_ASSERT_TRUE(test, zkhsm_point_encode(v, &p));
		KUNIT_ASSERT_TRUE(test, zkhsm_point_encode(next, &q));
		KUNIT_EXPECT_EQ(test, zkhsm_p256_recover_y(v + 1, next + 1, out), 0);
		KUNIT_EXPECT_MEMEQ(test, out, v, sizeof(v));
		next[32] ^= 1;
		KUNIT_EXPECT_EQ(test, zkhsm_p256_recover_y(v + 1, next + 1, out), -EBADMSG);
		next[32] ^= 1;
		v[20] ^= 0x40;
		KUNIT_EXPECT_EQ(test, zkhsm_p256_recover_y(v + 1, next + 1, out), -EBADMSG);
		memset(v + 1, 0xff, 32);
		KUNIT_EXPECT_EQ(test, zkhsm_p256_recover_y(v + 1, next + 1, out), -EBADMSG);
		KUNIT_EXPECT_EQ(test, zkhsm_p256_recover_y(next + 1, v + 1, out), -EBADMSG);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(point_known_answers),
	KUNIT_CASE(point_degenerate),
	KUNIT_CASE(point_laws),
	KUNIT_CASE(point_mul2_degenerate),
	KUNIT_CASE(point_decode_refuses),
	KUNIT_CASE(point_coordinates_below_p),
	KUNIT_CASE(point_recover_y),
	{}
};

struct kunit_suite zkhsm_kunit_point = {
	.name = "zkhsm-point",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
