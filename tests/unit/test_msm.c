// SPDX-License-Identifier: GPL-2.0
/*
 * test_msm.c - the bucket method and the arithmetic below it against OpenSSL's
 *
 * Small multiples of G collide in buckets all the time: equal, opposite and
 * infinite partial sums, which random points never meet. MSM_INSTANCES is how
 * many of these are tried.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib_private.h"
#include "msm.h"
#include "p256_point.h"

#define ROUNDS		2000
#define SMALL		12		/* multiples of G that are at hand, and their negatives */
#define INSTANCES	3000

static const EC_GROUP *group;
static BN_CTX *ctx;
static BIGNUM *prime;
static uint8_t small[2 * SMALL + 1][65];	/* [SMALL + k] is k * G; [SMALL] is unused */
static uint64_t drawn = 1;

/* xorshift64*: the same instances in every run. */
static uint64_t draw(void)
{
	drawn ^= drawn >> 12;
	drawn ^= drawn << 25;
	drawn ^= drawn >> 27;
	return drawn * 0x2545f4914f6cdd1dULL;
}

static void draw_bytes(uint8_t *out, size_t len)
{
	while (len--)
		*out++ = (uint8_t)(draw() >> 56);
}

/* Random, or with limbs that carries are lost in. */
static void draw_number(uint8_t out[32])
{
	static const uint64_t edges[] = { 0, 1, ~0ULL, ~0ULL - 1, 0xffffffffULL, 0xffffffff00000000ULL,
					  0xffffffff00000001ULL, 1ULL << 63 };

	draw_bytes(out, 32);
	for (int i = 0; i < 4; i++)
		if (draw() & 1ULL << 60)
			put_unaligned_be64(edges[draw() % (sizeof(edges) / sizeof(edges[0]))],
					   out + 8 * i);
}

static void encode(const EC_POINT *p, uint8_t out[65])
{
	assert_int_equal(EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, out, 65, ctx),
			 65);
}

static void field_encoding(void **state)
{
	BIGNUM *bn = BN_new();
	uint8_t in[32], out[32];
	struct p256_fe a;

	(void)state;
	for (int i = -3; i <= 3; i++) {
		BN_copy(bn, prime);
		assert_true(i < 0 ? BN_sub_word(bn, (BN_ULONG)-i) : BN_add_word(bn, (BN_ULONG)i));
		BN_bn2binpad(bn, in, 32);
		assert_int_equal(p256_fe_decode(&a, in), i < 0);
	}
	memset(in, 0xff, sizeof(in));
	assert_false(p256_fe_decode(&a, in));
	memset(in, 0, sizeof(in));
	assert_true(p256_fe_decode(&a, in));
	assert_true(p256_fe_zero(&a));
	for (int i = 0; i < ROUNDS; i++) {
		draw_number(in);
		BN_bin2bn(in, 32, bn);
		assert_int_equal(p256_fe_decode(&a, in), BN_cmp(bn, prime) < 0);
		if (BN_cmp(bn, prime) >= 0)
			continue;
		p256_fe_encode(&a, out);
		assert_memory_equal(out, in, 32);
	}
	BN_free(bn);
}

static void same_number(const struct p256_fe *a, const BIGNUM *expected)
{
	uint8_t out[32], want[32];

	p256_fe_encode(a, out);
	BN_bn2binpad(expected, want, 32);
	assert_memory_equal(out, want, 32);
}

static void field_arithmetic(void **state)
{
	BIGNUM *x = BN_new(), *y = BN_new(), *z = BN_new();
	struct p256_fe a, b, r;
	uint8_t in[2][32];

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		draw_number(in[0]);
		draw_number(in[1]);
		BN_nnmod(x, BN_bin2bn(in[0], 32, x), prime, ctx);
		BN_nnmod(y, BN_bin2bn(in[1], 32, y), prime, ctx);
		BN_bn2binpad(x, in[0], 32);
		BN_bn2binpad(y, in[1], 32);
		assert_true(p256_fe_decode(&a, in[0]) && p256_fe_decode(&b, in[1]));
		p256_fe_mul(&r, &a, &b);
		BN_mod_mul(z, x, y, prime, ctx);
		same_number(&r, z);
		p256_fe_add(&r, &a, &b);
		BN_mod_add(z, x, y, prime, ctx);
		same_number(&r, z);
		p256_fe_sub(&r, &a, &b);
		BN_mod_sub(z, x, y, prime, ctx);
		same_number(&r, z);
		p256_fe_negate(&r, &a);
		BN_zero(z);
		BN_mod_sub(z, z, x, prime, ctx);
		same_number(&r, z);
		p256_fe_invert(&r, &a);
		if (BN_is_zero(x))
			assert_true(p256_fe_zero(&r));
		else
			same_number(&r, BN_mod_inverse(z, x, prime, ctx));
	}
	BN_free(x);
	BN_free(y);
	BN_free(z);
}

/* What is a point and what is not: as OpenSSL says, for the one form that there is. */
static void points(void **state)
{
	uint8_t in[65];
	struct p256_affine p;
	EC_POINT *q;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		memcpy(in, small[SMALL + 1 + draw() % SMALL], 65);
		if (draw() & 1ULL << 60)
			in[draw() % 65] ^= (uint8_t)(1 << draw() % 8);
		q = zkhsm_ec_point_decode(in, ctx);
		assert_int_equal(p256_affine_decode(&p, in), !!q);
		EC_POINT_free(q);
	}
	memset(in, 0, sizeof(in));
	in[0] = 4;
	assert_false(p256_affine_decode(&p, in));
	memset(in + 1, 0xff, 64);
	assert_false(p256_affine_decode(&p, in));
	/* Off the curve, accepted by a kernel that lost a carry: kmod/selftest.c. */
	assert_int_equal(zkhsm_unhex("044ec16074e0fe7372be0e636ae94b6f73ac1edf6bf2098a8dac69831034092394"
				     "1f2506d1d650f32d307018f2539952d88d90ac5d7d5f3294294564bd96699a63",
				     in, sizeof(in)), 0);
	assert_false(p256_affine_decode(&p, in));
}

/* k * G, -SMALL <= k <= SMALL. */
static void affine(int k, struct p256_affine *p)
{
	memset(p, 0, sizeof(*p));
	if (k)
		assert_true(p256_affine_decode(p, small[SMALL + k]));
}

/* The same in Jacobian coordinates, with a Z that is not 1, or a random one for infinity. */
static void jacobian(int k, struct p256_jacobian *p)
{
	struct p256_fe z, zz;
	struct p256_affine a;
	uint8_t in[32];

	affine(k, &a);
	do {
		draw_bytes(in, sizeof(in));
	} while (!p256_fe_decode(&z, in) || p256_fe_zero(&z));
	p256_fe_square(&zz, &z);
	p256_fe_mul(&p->x, k ? &a.x : &z, &zz);
	p256_fe_mul(&zz, &zz, &z);
	p256_fe_mul(&p->y, k ? &a.y : &z, &zz);
	memset(&p->z, 0, sizeof(p->z));
	if (k)
		p->z = z;
}

static void is_multiple(const struct p256_jacobian *p, int k)
{
	uint8_t out[65];

	assert_int_equal(p256_encode(p, out), k != 0);
	if (k)
		assert_memory_equal(out, small[SMALL + k], 65);
}

/* Every sum of two of these, in every form, which has all the degenerate ones. */
static void group_law(void **state)
{
	const int most = SMALL / 2;
	struct p256_jacobian p, q, r;
	struct p256_affine a, b, c;
	struct p256_fe below;

	(void)state;
	for (int i = -most; i <= most; i++) {
		jacobian(i, &p);
		p256_double(&r, &p);
		is_multiple(&r, 2 * i);
		for (int j = -most; j <= most; j++) {
			jacobian(i, &p);
			jacobian(j, &q);
			p256_add(&r, &p, &q);
			is_multiple(&r, i + j);
			affine(i, &a);
			affine(j, &b);
			p256_add_affine(&r, &p, &b);
			is_multiple(&r, i + j);
			p256_add_affine(&p, &p, &b);
			is_multiple(&p, i + j);
			p256_add(&q, &q, &q);
			is_multiple(&q, 2 * j);

			p256_pair_begin(&a, &b, &below);
			assert_false(p256_fe_zero(&below));
			p256_fe_invert(&below, &below);
			p256_pair_end(&c, &a, &b, &below);
			p256_pair_end(&a, &a, &b, &below);
			affine(i + j, &b);
			assert_memory_equal(&c, &b, sizeof(b));
			assert_memory_equal(&a, &b, sizeof(b));
		}
	}
}

struct instance {
	struct zkhsm_msm *m;
	EC_POINT **points;
	BIGNUM **scalars;
	size_t count, size;
};

static void instance_begin(struct instance *t, size_t size)
{
	t->m = zkhsm_msm_new(size);
	t->points = calloc(size + 1, sizeof(*t->points));
	t->scalars = calloc(size + 1, sizeof(*t->scalars));
	assert_true(t->m && t->points && t->scalars);
	t->count = 0;
	t->size = size;
}

static void instance_add(struct instance *t, const uint8_t point[65], const uint8_t c[16])
{
	assert_true(t->count < t->size);
	zkhsm_msm_add(t->m, point, c);
	t->points[t->count] = zkhsm_ec_point_decode(point, ctx);
	t->scalars[t->count] = BN_bin2bn(c, 16, NULL);
	assert_true(t->points[t->count] && t->scalars[t->count]);
	t->count++;
}

/* Ends it: the sums are the same. */
static void instance_same(struct instance *t)
{
	EC_POINT *sum = EC_POINT_new(group);
	uint8_t want[65], got[65];

	assert_true(EC_POINTs_mul(group, sum, NULL, t->count, (const EC_POINT **)t->points,
				  (const BIGNUM **)t->scalars, ctx));
	if (EC_POINT_is_at_infinity(group, sum)) {
		assert_false(zkhsm_msm_sum(t->m, got));
	} else {
		encode(sum, want);
		assert_true(zkhsm_msm_sum(t->m, got));
		assert_memory_equal(got, want, sizeof(got));
	}
	while (t->count--) {
		EC_POINT_free(t->points[t->count]);
		BN_free(t->scalars[t->count]);
	}
	EC_POINT_free(sum);
	zkhsm_msm_free(t->m);
	free(t->points);
	free(t->scalars);
}

static void draw_point(uint8_t out[65])
{
	EC_POINT *p = EC_POINT_new(group);
	BIGNUM *k = BN_new();
	uint8_t bytes[32];

	draw_bytes(bytes, sizeof(bytes));
	assert_true(EC_POINT_mul(group, p, BN_bin2bn(bytes, 32, k), NULL, NULL, ctx));
	encode(p, out);
	EC_POINT_free(p);
	BN_free(k);
}

/* Every width of a digit has its turn, and so has more than one chunk. */
static void random_points(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 3, 15, 16, 17, 40, 55, 56, 150, 333, 600, 1024, 2500,
					4097 };
	struct instance t;
	uint8_t point[65], c[16];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		instance_begin(&t, sizes[i]);
		while (t.count < t.size) {
			draw_point(point);
			draw_bytes(c, sizeof(c));
			instance_add(&t, point, c);
		}
		instance_same(&t);
	}
}

/* All of one kind, in numbers that fill buckets and end chunks. */
static void alike(void **state)
{
	static const uint8_t edges[][16] = {
		{ 0 }, { [15] = 1 }, { [15] = 2 }, { [0] = 0x80 }, { [7] = 1 }, { [8] = 0x80 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		  0xff, 0xff, 0xff },
		{ 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88,
		  0x88, 0x88, 0x88 },
		{ 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
		  0xaa, 0xaa, 0xaa },
	};
	static const size_t sizes[] = { 1, 2, 7, 100, 1000 };
	struct instance t;

	(void)state;
	for (size_t e = 0; e < sizeof(edges) / sizeof(edges[0]); e++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			/* The same point each time; the same and its opposite in turn. */
			instance_begin(&t, sizes[i]);
			while (t.count < t.size)
				instance_add(&t, small[SMALL + 3], edges[e]);
			instance_same(&t);
			instance_begin(&t, sizes[i]);
			while (t.count < t.size)
				instance_add(&t, small[t.count & 1 ? SMALL - 3 : SMALL + 3],
					     edges[e]);
			instance_same(&t);
		}
	}
}

/* More than the caller said: room is made by summing what there is. */
static void more_than_said(void **state)
{
	static const uint8_t one[16] = { [15] = 1 };
	struct zkhsm_msm *m;
	uint8_t sum[65];

	(void)state;
	for (size_t said = 0; said < 4; said++) {
		m = zkhsm_msm_new(said);
		assert_non_null(m);
		assert_false(zkhsm_msm_sum(m, sum));
		for (int i = 0; i < SMALL; i++)
			zkhsm_msm_add(m, small[SMALL + 1], one);
		assert_true(zkhsm_msm_sum(m, sum));
		assert_memory_equal(sum, small[2 * SMALL], 65);
		/* And goes on. */
		zkhsm_msm_add(m, small[SMALL - 1], one);
		assert_true(zkhsm_msm_sum(m, sum));
		assert_memory_equal(sum, small[2 * SMALL - 1], 65);
		zkhsm_msm_free(m);
	}
	zkhsm_msm_free(NULL);
}

/* Few bits set, runs of ones, or any. */
static void draw_coefficient(uint8_t c[16])
{
	memset(c, 0, 16);
	switch (draw() % 4) {
	case 0:
		c[15] = (uint8_t)(draw() % 16);
		break;
	case 1:
		c[draw() % 16] = (uint8_t)(1 << draw() % 8);
		break;
	case 2:
		memset(c + draw() % 16, 0xff, 1);
		memset(c, 0xff, draw() % 17);
		break;
	default:
		draw_bytes(c, 16);
	}
}

/* sum(k_i * c_i) * G: what is summed is known without summing points. */
static void small_instances(void **state)
{
	const char *asked = getenv("MSM_INSTANCES");
	unsigned long instances = asked ? strtoul(asked, NULL, 10) : INSTANCES;
	BIGNUM *total = BN_new(), *part = BN_new();
	EC_POINT *sum = EC_POINT_new(group);
	uint8_t c[16], want[65], got[65];

	(void)state;
	for (unsigned long i = 0; i < instances; i++) {
		size_t count = 1 + draw() % 24, kinds = 1 + draw() % SMALL;
		/* Announced as few, or as so many that they are sorted into buckets. */
		struct zkhsm_msm *m = zkhsm_msm_new(draw() & 1ULL << 60 ? draw() % 30 : 60);

		assert_non_null(m);
		BN_zero(total);
		draw_coefficient(c);
		while (count--) {
			int k = (int)(1 + draw() % kinds);

			if (draw() & 1ULL << 60)
				draw_coefficient(c);	/* else that of the one before */
			k = draw() & 1ULL << 60 ? -k : k;
			zkhsm_msm_add(m, small[SMALL + k], c);
			BN_bin2bn(c, 16, part);
			BN_mul_word(part, (BN_ULONG)abs(k));
			BN_set_negative(part, k < 0);
			assert_true(BN_add(total, total, part));
		}
		BN_nnmod(total, total, EC_GROUP_get0_order(group), ctx);
		assert_int_equal(zkhsm_msm_sum(m, got), !BN_is_zero(total));
		if (!BN_is_zero(total)) {
			assert_true(EC_POINT_mul(group, sum, total, NULL, NULL, ctx));
			encode(sum, want);
			assert_memory_equal(got, want, sizeof(got));
		}
		zkhsm_msm_free(m);
	}
	EC_POINT_free(sum);
	BN_free(total);
	BN_free(part);
}

static int set_up(void **state)
{
	EC_POINT *p;

	(void)state;
	group = zkhsm_p256();
	ctx = BN_CTX_new();
	prime = BN_new();
	if (!group || !ctx || !EC_GROUP_get_curve(group, prime, NULL, NULL, ctx))
		return -1;
	p = EC_POINT_dup(EC_GROUP_get0_generator(group), group);
	for (int k = 1; k <= SMALL; k++) {
		encode(p, small[SMALL + k]);
		EC_POINT_invert(group, p, ctx);
		encode(p, small[SMALL - k]);
		EC_POINT_invert(group, p, ctx);
		EC_POINT_add(group, p, p, EC_GROUP_get0_generator(group), ctx);
	}
	EC_POINT_free(p);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	BN_free(prime);
	BN_CTX_free(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(field_encoding),
		cmocka_unit_test(field_arithmetic),
		cmocka_unit_test(points),
		cmocka_unit_test(group_law),
		cmocka_unit_test(random_points),
		cmocka_unit_test(alike),
		cmocka_unit_test(more_than_said),
		cmocka_unit_test(small_instances),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
