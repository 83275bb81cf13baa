// SPDX-License-Identifier: GPL-2.0
/*
 * test_scalar.c - kmod/scalar.c against OpenSSL's BIGNUM and the vectors
 *
 * Operands: every pair of edge values (where carries, borrows and the one
 * subtraction of a reduction change sides), and thousands of random ones. The
 * seed is printed, and $ZKHSM_TEST_SEED repeats a run.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>

#include "scalar.h"
#include "vectors.h"

#define ROUNDS 5000
#define MAX_EDGES 32

struct field {
	const char *name;
	const struct zkhsm_modulus *m;
	BIGNUM *bn;
	BIGNUM *edge[MAX_EDGES];
	int edges;
};

/* Six limbs are in use by no group yet, but their code is there. */
static struct zkhsm_modulus p384_n;

static struct field fields[] = {
	{ .name = "n", .m = &zkhsm_p256_n },
	{ .name = "p", .m = &zkhsm_p256_p },
	{ .name = "n of P-384", .m = &p384_n },
};

#define FIELDS_END (fields + ARRAY_SIZE(fields))
#define MAX_SIZE 48

static BN_CTX *ctx;
static uint64_t rng;

/* SplitMix64: repeatable, and no more is asked of it. */
static uint64_t next64(void)
{
	uint64_t z = rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void random_bytes(u8 *out, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = (u8)next64();
	/* One in four has runs of ones or zeros: that is where carries live. */
	if (!(next64() & 3)) {
		size_t at = next64() % len;

		memset(out + at, next64() & 1 ? 0xff : 0, 1 + next64() % (len - at));
	}
}


/* Load without a modulus being checked: the limbs as they are. */
static void to_limbs(struct zkhsm_scalar *r, const BIGNUM *a)
{
	u8 be[48];
	int i;

	assert_int_equal(BN_bn2binpad(a, be, sizeof(be)), sizeof(be));
	for (i = 0; i < 6; i++)
		r->limb[i] = get_unaligned_be64(be + 8 * (5 - i));
}

static void expect(const struct zkhsm_scalar *got, const BIGNUM *want, const char *what,
		   const struct field *f, const BIGNUM *a, const BIGNUM *b)
{
	struct zkhsm_scalar w;

	to_limbs(&w, want);
	if (memcmp(got, &w, sizeof(w)))
		fail_msg("%s mod %s of %s, %s", what, f->name, BN_bn2hex(a),
			 b ? BN_bn2hex(b) : "-");
}

static void check_pair(const struct field *f, const BIGNUM *a, const BIGNUM *b)
{
	struct zkhsm_scalar x, y, r;
	BIGNUM *want = BN_new();

	to_limbs(&x, a);
	to_limbs(&y, b);

	assert_true(BN_mod_add(want, a, b, f->bn, ctx));
	zkhsm_scalar_add(&r, &x, &y, f->m);
	expect(&r, want, "add", f, a, b);

	assert_true(BN_mod_sub(want, a, b, f->bn, ctx));
	zkhsm_scalar_sub(&r, &x, &y, f->m);
	expect(&r, want, "sub", f, a, b);

	assert_true(BN_mod_mul(want, a, b, f->bn, ctx));
	zkhsm_scalar_mul(&r, &x, &y, f->m);
	expect(&r, want, "mul", f, a, b);

	/* Results may be operands. */
	r = x;
	zkhsm_scalar_mul(&r, &r, &y, f->m);
	expect(&r, want, "mul in place", f, a, b);
	r = y;
	zkhsm_scalar_to_mont(&r, &r, f->m);
	zkhsm_scalar_mont_mul(&r, &x, &r, f->m);
	expect(&r, want, "plain times Montgomery", f, a, b);

	assert_int_equal(zkhsm_scalar_eq(&x, &y), !BN_cmp(a, b));
	BN_free(want);
}

static void check_one(const struct field *f, const BIGNUM *a)
{
	struct zkhsm_scalar x, r;
	BIGNUM *want = BN_new(), *low = BN_new(), *high = BN_new();
	int size = (int)f->m->limbs * 8;
	u8 be[MAX_SIZE], back[MAX_SIZE];

	to_limbs(&x, a);
	zkhsm_scalar_to_mont(&r, &x, f->m);
	zkhsm_scalar_from_mont(&r, &r, f->m);
	expect(&r, a, "to Montgomery form and back", f, a, NULL);

	BN_zero(want);
	assert_true(BN_mod_sub(want, want, a, f->bn, ctx));
	zkhsm_scalar_neg(&r, &x, f->m);
	expect(&r, want, "neg", f, a, NULL);

	if (BN_is_zero(a))
		BN_zero(want);
	else
		assert_non_null(BN_mod_inverse(want, a, f->bn, ctx));
	zkhsm_scalar_to_mont(&r, &x, f->m);
	zkhsm_scalar_inv(&r, &r, f->m);
	zkhsm_scalar_from_mont(&r, &r, f->m);
	expect(&r, want, "inv", f, a, NULL);

	assert_int_equal(zkhsm_scalar_is_zero(&x), BN_is_zero(a));

	assert_true(BN_set_word(low, 2));
	assert_true(BN_copy(high, f->bn) && BN_sub_word(high, 4));
	assert_int_equal(zkhsm_scalar_in_range(&x, f->m),
			 BN_cmp(a, low) >= 0 && BN_cmp(a, high) <= 0);

	BN_bn2binpad(a, be, size);
	assert_int_equal(zkhsm_scalar_from_be(&r, be, f->m), 0);
	expect(&r, a, "from_be", f, a, NULL);
	zkhsm_scalar_to_be(back, &r, f->m);
	assert_memory_equal(be, back, size);

	BN_free(want);
	BN_free(low);
	BN_free(high);
}

/* @be has 12 bytes per limb. */
static void check_reductions(const struct field *f, const u8 *be)
{
	static const struct zkhsm_scalar zero;
	int limbs = (int)f->m->limbs;
	struct zkhsm_scalar r;
	BIGNUM *a = BN_bin2bn(be, 12 * limbs, NULL), *want = BN_new();

	BN_nnmod(want, a, f->bn, ctx);
	memset(&r, 0xa5, sizeof(r));
	zkhsm_scalar_reduce_wide(&r, be, f->m);
	expect(&r, want, "reduce_wide", f, a, NULL);

	BN_bin2bn(be, 8 * limbs, a);
	BN_nnmod(want, a, f->bn, ctx);
	memset(&r, 0xa5, sizeof(r));
	zkhsm_scalar_reduce_hash(&r, be, f->m);
	expect(&r, want, "reduce_hash", f, a, NULL);

	memset(&r, 0xa5, sizeof(r));
	if (BN_cmp(a, f->bn) < 0) {
		assert_int_equal(zkhsm_scalar_from_be(&r, be, f->m), 0);
		expect(&r, a, "from_be", f, a, NULL);
	} else {
		assert_int_equal(zkhsm_scalar_from_be(&r, be, f->m), -ERANGE);
		assert_memory_equal(&r, &zero, sizeof(r));
	}
	BN_free(a);
	BN_free(want);
}

static void test_edges(void **state)
{
	struct field *f;
	int i, j;

	(void)state;
	for (f = fields; f < FIELDS_END; f++) {
		for (i = 0; i < f->edges; i++) {
			check_one(f, f->edge[i]);
			for (j = 0; j < f->edges; j++)
				check_pair(f, f->edge[i], f->edge[j]);
		}
	}
}

static void test_random(void **state)
{
	BIGNUM *a = BN_new(), *b = BN_new();
	u8 be[12 * ZKHSM_MAX_LIMBS];
	struct field *f;
	int i;

	(void)state;
	for (f = fields; f < FIELDS_END; f++) {
		for (i = 0; i < ROUNDS; i++) {
			random_bytes(be, sizeof(be));
			check_reductions(f, be);
			BN_nnmod(a, BN_bin2bn(be, 8 * (int)f->m->limbs, a), f->bn, ctx);
			random_bytes(be, sizeof(be));
			BN_nnmod(b, BN_bin2bn(be, 8 * (int)f->m->limbs, b), f->bn, ctx);
			check_pair(f, a, b);
			check_pair(f, a, f->edge[i % f->edges]);
			if (!(i % 10))
				check_one(f, a);
		}
	}
	BN_free(a);
	BN_free(b);
}

static void test_reduction_edges(void **state)
{
	u8 be[12 * ZKHSM_MAX_LIMBS];
	BIGNUM *a = BN_new();
	struct field *f;
	int i, shift;

	(void)state;
	for (f = fields; f < FIELDS_END; f++) {
		int size = 12 * (int)f->m->limbs, low = size / 3;

		memset(be, 0xff, sizeof(be));
		check_reductions(f, be);
		/* m * 2^shift and its neighbours, in the wide and in the narrow half */
		for (shift = 0; shift <= 8 * low; shift += 32) {
			for (i = -2; i <= 2; i++) {
				BN_lshift(a, f->bn, shift);
				if (i < 0)
					BN_sub_word(a, (BN_ULONG)-i);
				else
					BN_add_word(a, (BN_ULONG)i);
				assert_int_equal(BN_bn2binpad(a, be, size), size);
				check_reductions(f, be);
				memmove(be, be + low, size - low);
				check_reductions(f, be);
			}
		}
	}
	BN_free(a);
}

/* One operand of mont_mul may be any value below R. */
static void test_unreduced_operand(void **state)
{
	struct zkhsm_scalar all_ones = { { 0 } };
	struct field *f;
	int i;

	(void)state;
	for (f = fields; f < FIELDS_END; f++) {
		BIGNUM *ones = BN_new(), *r_inv = BN_new(), *want = BN_new();

		memset(all_ones.limb, 0xff, 8 * f->m->limbs);
		BN_set_bit(r_inv, 64 * (int)f->m->limbs);
		BN_sub(ones, r_inv, BN_value_one());
		assert_non_null(BN_mod_inverse(r_inv, r_inv, f->bn, ctx));
		for (i = 0; i < f->edges; i++) {
			struct zkhsm_scalar x, r;

			to_limbs(&x, f->edge[i]);
			BN_mod_mul(want, ones, f->edge[i], f->bn, ctx);
			BN_mod_mul(want, want, r_inv, f->bn, ctx);
			zkhsm_scalar_mont_mul(&r, &all_ones, &x, f->m);
			expect(&r, want, "all ones times", f, f->edge[i], NULL);
			zkhsm_scalar_mont_mul(&r, &x, &all_ones, f->m);
			expect(&r, want, "times all ones", f, f->edge[i], NULL);
		}
		BN_free(ones);
		BN_free(r_inv);
		BN_free(want);
	}
}

static const struct zkhsm_modulus *modulus_of(const json_t *c)
{
	return strcmp(vectors_string(c, "modulus"), "n") ? &zkhsm_p256_p : &zkhsm_p256_n;
}

static void run_vector(const json_t *c)
{
	const struct zkhsm_modulus *m = modulus_of(c);
	const char *op = vectors_string(c, "op");
	struct zkhsm_scalar a, b, r;
	u8 in[48], want[32], got[32];

	vectors_bytes(c, "a", in, !strcmp(op, "wide") ? 48 : 32);
	vectors_bytes(c, "r", want, sizeof(want));
	if (!strcmp(op, "wide")) {
		zkhsm_scalar_reduce_wide(&r, in, m);
	} else if (!strcmp(op, "hash")) {
		zkhsm_scalar_reduce_hash(&r, in, m);
	} else {
		assert_int_equal(zkhsm_scalar_from_be(&a, in, m), 0);
		if (json_object_get(c, "b")) {
			vectors_bytes(c, "b", in, 32);
			assert_int_equal(zkhsm_scalar_from_be(&b, in, m), 0);
		}
		if (!strcmp(op, "add")) {
			zkhsm_scalar_add(&r, &a, &b, m);
		} else if (!strcmp(op, "sub")) {
			zkhsm_scalar_sub(&r, &a, &b, m);
		} else if (!strcmp(op, "mul")) {
			zkhsm_scalar_mul(&r, &a, &b, m);
		} else if (!strcmp(op, "neg")) {
			zkhsm_scalar_neg(&r, &a, m);
		} else {
			assert_string_equal(op, "inv");
			zkhsm_scalar_to_mont(&r, &a, m);
			zkhsm_scalar_inv(&r, &r, m);
			zkhsm_scalar_from_mont(&r, &r, m);
		}
	}
	zkhsm_scalar_to_be(got, &r, m);
	if (memcmp(got, want, sizeof(got)))
		fail_msg("vector: %s of %s", op, vectors_string(c, "a"));
}

static void test_vectors(void **state)
{
	json_t *root = vectors_load("scalar.json"), *c;
	struct zkhsm_scalar r;
	size_t i;
	u8 be[32];

	(void)state;
	assert_true(json_array_size(json_object_get(root, "cases")) > 100);
	json_array_foreach(json_object_get(root, "cases"), i, c)
		run_vector(c);

	assert_true(json_array_size(json_object_get(root, "range")) > 10);
	json_array_foreach(json_object_get(root, "range"), i, c) {
		bool below = json_is_true(json_object_get(c, "below"));

		vectors_bytes(c, "a", be, sizeof(be));
		assert_int_equal(zkhsm_scalar_from_be(&r, be, modulus_of(c)), below ? 0 : -ERANGE);
		if (below)
			assert_int_equal(zkhsm_scalar_in_range(&r, modulus_of(c)),
					 json_is_true(json_object_get(c, "in_range")));
	}
	json_decref(root);
}

static void add_edge(struct field *f, BIGNUM *a)
{
	assert_true(f->edges < MAX_EDGES);
	BN_nnmod(a, a, f->bn, ctx);
	f->edge[f->edges++] = a;
}

/* The constants of @f->bn, from nothing but the number. */
static void make_modulus(struct zkhsm_modulus *m, const BIGNUM *bn)
{
	BIGNUM *t = BN_new(), *word = BN_new();

	memset(m, 0, sizeof(*m));
	m->limbs = (unsigned int)(BN_num_bits(bn) + 63) / 64;
	to_limbs(&m->m, bn);

	BN_set_bit(word, 64);
	assert_non_null(BN_mod_inverse(t, bn, word, ctx));
	BN_sub(t, word, t);
	m->n0 = BN_get_word(t);

	BN_zero(t);
	BN_set_bit(t, 64 * (int)m->limbs);
	BN_nnmod(t, t, bn, ctx);
	to_limbs(&m->one, t);
	BN_mod_sqr(t, t, bn, ctx);
	to_limbs(&m->r2, t);
	BN_copy(t, bn);
	BN_sub_word(t, 2);
	to_limbs(&m->m_minus_2, t);
	BN_free(t);
	BN_free(word);
}

static void test_constants(void **state)
{
	struct zkhsm_modulus m;
	struct field *f;

	(void)state;
	for (f = fields; f < FIELDS_END; f++) {
		assert_true(BN_check_prime(f->bn, ctx, NULL));
		assert_int_equal(BN_num_bits(f->bn), 64 * (int)f->m->limbs);
		make_modulus(&m, f->bn);
		assert_memory_equal(&m, f->m, sizeof(m));
	}
}

static void field_setup(struct field *f, int nid, bool order)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(nid);
	/* 2^(64 i) and its lower neighbour; the pair that loses a carry */
	static const char * const fixed[] = {
		"0", "1", "2", "3", "ffffffffffffffff", "10000000000000000",
		"ffffffffffffffffffffffffffffffff", "100000000000000000000000000000000",
		"ffffffffffffffffffffffffffffffffffffffffffffffff",
		"1000000000000000000000000000000000000000000000000",
		"8000000000000000000000000000000000000000000000000000000000000000",
		"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"ffffffffffffffffffffffffffffffff0000000000000001",
		"ffffffffffffffffffffffffffffffff0000000000000002",
		"ffffffff00000000ffffffff00000000ffffffff00000000ffffffff00000000",
		"10000000000000000000000000000000000000000000000000000000000000000",
	};
	size_t i;

	f->bn = BN_dup(order ? EC_GROUP_get0_order(group) : EC_GROUP_get0_field(group));
	EC_GROUP_free(group);
	if (f->m == &p384_n)
		make_modulus(&p384_n, f->bn);

	for (i = 0; i < ARRAY_SIZE(fixed); i++) {
		BIGNUM *a = NULL;

		BN_hex2bn(&a, fixed[i]);
		add_edge(f, a);
	}
	for (i = 1; i <= 6; i++) {
		BIGNUM *a = BN_dup(f->bn);

		BN_sub_word(a, i);
		add_edge(f, a);
	}
	add_edge(f, BN_dup(f->bn));	/* 0 again, by reduction */
	f->edge[f->edges] = BN_dup(f->bn);
	BN_rshift1(f->edge[f->edges], f->bn);
	f->edges++;
}

static int setup(void **state)
{
	const char *seed = getenv("ZKHSM_TEST_SEED");

	(void)state;
	rng = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("# ZKHSM_TEST_SEED=%llu\n", (unsigned long long)rng);
	ctx = BN_CTX_new();
	field_setup(&fields[0], NID_X9_62_prime256v1, true);
	field_setup(&fields[1], NID_X9_62_prime256v1, false);
	field_setup(&fields[2], NID_secp384r1, true);
	return 0;
}

static int teardown(void **state)
{
	struct field *f;

	(void)state;
	for (f = fields; f < FIELDS_END; f++) {
		while (f->edges)
			BN_free(f->edge[--f->edges]);
		BN_free(f->bn);
	}
	BN_CTX_free(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constants),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_reduction_edges),
		cmocka_unit_test(test_unreduced_operand),
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
