// SPDX-License-Identifier: GPL-2.0
/*
 * test_point.c - kmod/point.c against OpenSSL's EC_GROUP and the vectors
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>

#include "point.h"
#include "vectors.h"

#define ROUNDS 300

static EC_GROUP *group;
static BN_CTX *ctx;

static void encode(u8 out[65], const EC_POINT *p)
{
	assert_int_equal(EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, out, 65, ctx),
			 65);
}

static void random_scalar(struct zkhsm_scalar *r, BIGNUM *bn)
{
	u8 be[48];

	assert_int_equal(RAND_bytes(be, sizeof(be)), 1);
	zkhsm_scalar_reduce_wide(r, be, &zkhsm_p256_n);
	zkhsm_scalar_to_be(be, r, &zkhsm_p256_n);
	BN_bin2bn(be, 32, bn);
}

static void test_mul2_random(void **state)
{
	BIGNUM *b1 = BN_new(), *b2 = BN_new(), *ba = BN_new();
	EC_POINT *a = EC_POINT_new(group), *r = EC_POINT_new(group);
	struct zkhsm_scalar u1, u2, k;
	u8 a65[65], want[65], got[65];
	bool infinity;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		random_scalar(&u1, b1);
		random_scalar(&u2, b2);
		random_scalar(&k, ba);
		assert_true(EC_POINT_mul(group, a, ba, NULL, NULL, ctx));
		assert_true(EC_POINT_mul(group, r, b1, a, b2, ctx));
		encode(a65, a);
		encode(want, r);
		assert_int_equal(zkhsm_p256_mul2_public(&u1, &u2, a65, got, &infinity), 0);
		assert_false(infinity);
		assert_memory_equal(got, want, sizeof(got));
	}
	EC_POINT_free(a);
	EC_POINT_free(r);
	BN_free(b1);
	BN_free(b2);
	BN_free(ba);
}

/* x(V) and x(V + G) give V; x of any other neighbour does not. */
static void test_recover_y(void **state)
{
	BIGNUM *k = BN_new();
	EC_POINT *v = EC_POINT_new(group), *next = EC_POINT_new(group);
	struct zkhsm_scalar s;
	u8 v65[65], next65[65], got[65];
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		random_scalar(&s, k);
		if (i < 3)
			BN_set_word(k, (BN_ULONG)i + 2);
		assert_true(EC_POINT_mul(group, v, k, NULL, NULL, ctx));
		assert_true(EC_POINT_add(group, next, v, EC_GROUP_get0_generator(group), ctx));
		encode(v65, v);
		encode(next65, next);
		assert_int_equal(zkhsm_p256_recover_y(v65 + 1, next65 + 1, got), 0);
		assert_memory_equal(got, v65, sizeof(got));

		next65[32] ^= 1;
		assert_int_equal(zkhsm_p256_recover_y(v65 + 1, next65 + 1, got), -EBADMSG);
		next65[32] ^= 1;
		v65[1] ^= 0x80;
		assert_int_equal(zkhsm_p256_recover_y(v65 + 1, next65 + 1, got), -EBADMSG);
	}
	memset(v65, 0xff, sizeof(v65));
	assert_int_equal(zkhsm_p256_recover_y(v65, next65 + 1, got), -EBADMSG);
	assert_int_equal(zkhsm_p256_recover_y(next65 + 1, v65, got), -EBADMSG);
	EC_POINT_free(v);
	EC_POINT_free(next);
	BN_free(k);
}

/* Every pair of small multiples, among them all exceptional ones. */
static void test_add_is_complete(void **state)
{
	struct zkhsm_point m[9], sum, neg;
	u8 a65[65], b65[65];
	int i, j;

	(void)state;
	zkhsm_point_set_identity(&m[0]);
	assert_int_equal(zkhsm_point_decode(&m[1], zkhsm_p256_g), 0);
	for (i = 2; i < 9; i++)
		zkhsm_point_add(&m[i], &m[i - 1], &m[1]);

	for (i = 0; i < 9; i++) {
		neg = m[i];
		zkhsm_scalar_neg(&neg.y, &neg.y, &zkhsm_p256_p);
		zkhsm_point_add(&sum, &m[i], &neg);
		assert_false(zkhsm_point_encode(a65, &sum));
		for (j = 0; i + j < 9; j++) {
			zkhsm_point_add(&sum, &m[i], &m[j]);
			assert_int_equal(zkhsm_point_encode(a65, &sum), i + j > 0);
			assert_int_equal(zkhsm_point_encode(b65, &m[i + j]), i + j > 0);
			assert_memory_equal(a65, b65, sizeof(a65));
		}
		if (2 * i < 9) {
			zkhsm_point_double(&sum, &m[i]);
			assert_int_equal(zkhsm_point_encode(a65, &sum), i > 0);
			assert_int_equal(zkhsm_point_encode(b65, &m[2 * i]), i > 0);
			assert_memory_equal(a65, b65, sizeof(a65));
		}
	}
}

static void test_decode_vectors(void **state)
{
	json_t *root = vectors_load("points.json"), *c;
	size_t i, len;
	u8 point[128];

	(void)state;
	assert_true(json_array_size(json_object_get(root, "decode")) > 20);
	json_array_foreach(json_object_get(root, "decode"), i, c) {
		int want = strcmp(vectors_string(c, "verdict"), "ok") ? -EBADMSG : 0;

		len = vectors_data(c, "point", point, sizeof(point));
		if (len != 65) {	/* not a matter of this function */
			assert_int_equal(want, -EBADMSG);
			continue;
		}
		if (zkhsm_p256_decode_public(point) != want)
			fail_msg("decode vector %s", vectors_string(c, "name"));
	}
	json_decref(root);
}

static void check_mul2(const json_t *c)
{
	struct zkhsm_scalar u1, u2;
	u8 be[32], a[65], want[65] = { 0 }, got[65];
	bool infinity;

	vectors_bytes(c, "u1", be, sizeof(be));
	assert_int_equal(zkhsm_scalar_from_be(&u1, be, &zkhsm_p256_n), 0);
	vectors_bytes(c, "u2", be, sizeof(be));
	assert_int_equal(zkhsm_scalar_from_be(&u2, be, &zkhsm_p256_n), 0);
	vectors_bytes(c, "a", a, sizeof(a));
	if (!json_is_null(json_object_get(c, "r")))
		vectors_bytes(c, "r", want, sizeof(want));

	memset(got, 0xa5, sizeof(got));
	assert_int_equal(zkhsm_p256_mul2_public(&u1, &u2, a, got, &infinity), 0);
	assert_int_equal(infinity, json_is_null(json_object_get(c, "r")));
	assert_memory_equal(got, want, sizeof(got));
}

static void test_mul_vectors(void **state)
{
	static const struct zkhsm_scalar zero;
	json_t *root = vectors_load("points.json"), *c;
	struct zkhsm_scalar k;
	u8 be[32], want[65], got[65];
	bool infinity;
	size_t i;

	(void)state;
	assert_true(json_array_size(json_object_get(root, "mul2")) > 20);
	json_array_foreach(json_object_get(root, "mul2"), i, c)
		check_mul2(c);

	assert_true(json_array_size(json_object_get(root, "base")) > 5);
	json_array_foreach(json_object_get(root, "base"), i, c) {
		vectors_bytes(c, "k", be, sizeof(be));
		vectors_bytes(c, "point", want, sizeof(want));
		assert_int_equal(zkhsm_scalar_from_be(&k, be, &zkhsm_p256_n), 0);
		assert_int_equal(zkhsm_p256_mul2_public(&k, &zero, zkhsm_p256_g, got, &infinity),
				 0);
		assert_memory_equal(got, want, sizeof(got));
	}
	json_decref(root);
}

static int setup(void **state)
{
	(void)state;
	group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	ctx = BN_CTX_new();
	return group && ctx ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	EC_GROUP_free(group);
	BN_CTX_free(ctx);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mul2_random),
		cmocka_unit_test(test_recover_y),
		cmocka_unit_test(test_add_is_complete),
		cmocka_unit_test(test_decode_vectors),
		cmocka_unit_test(test_mul_vectors),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
