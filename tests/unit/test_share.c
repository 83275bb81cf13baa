// SPDX-License-Identifier: GPL-2.0
/*
 * test_share.c - shares of a KEK: made, combined, written for people and read
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "shamir.h"
#include "vectors.h"
#include "zkhsm.h"

#define N (&zkhsm_p256_n)

typedef uint8_t share_t[ZKHSM_SHARE_LEN];

static void scalar_of(const char *hex, struct zkhsm_scalar *r)
{
	uint8_t be[32];

	assert_int_equal(zkhsm_unhex(hex, be, sizeof(be)), 0);
	assert_int_equal(zkhsm_scalar_from_be(r, be, N), 0);
}

static const char *item(const json_t *array, size_t i)
{
	return json_string_value(json_array_get(array, i));
}

/* Both halves against the reference: values at the indices, and the secret from them. */
static void combinations(void **state)
{
	json_t *root = vectors_load("shares.json"), *c;
	size_t i, k;

	(void)state;
	json_array_foreach(json_object_get(root, "combinations"), i, c) {
		const json_t *coefficients = json_object_get(c, "coefficients");
		const json_t *indices = json_object_get(c, "index"), *ys = json_object_get(c, "y");
		struct zkhsm_scalar a[ZKHSM_SHARES_MAX], y[ZKHSM_SHARES_MAX], secret, r;
		const uint32_t m = (uint32_t)json_array_size(coefficients);
		uint8_t index[ZKHSM_SHARES_MAX];

		for (k = 0; k < m; k++)
			scalar_of(item(coefficients, k), &a[k]);
		for (k = 0; k < m; k++) {
			index[k] = (uint8_t)json_integer_value(json_array_get(indices, k));
			scalar_of(item(ys, k), &y[k]);
			zkhsm_shamir_split(a, m, index[k], &r);
			if (!zkhsm_scalar_eq(&r, &y[k]))
				fail_msg("%s: the share of index %u", vectors_string(c, "name"),
					 index[k]);
		}
		scalar_of(vectors_string(c, "secret"), &secret);
		assert_int_equal(zkhsm_shamir_combine(index, y, m, &r), 0);
		if (!zkhsm_scalar_eq(&r, &secret))
			fail_msg("%s: the secret", vectors_string(c, "name"));
	}
	assert_int_equal(i, 42);
	json_decref(root);
}

static void bad_indices(void **state)
{
	struct zkhsm_scalar y[ZKHSM_SHARES_MAX + 1] = { 0 }, r;
	uint8_t index[ZKHSM_SHARES_MAX + 1];
	uint32_t count, i;

	(void)state;
	for (i = 0; i <= ZKHSM_SHARES_MAX; i++)
		index[i] = (uint8_t)(i + 1);
	assert_int_equal(zkhsm_shamir_combine(index, y, 0, &r), -EINVAL);
	assert_int_equal(zkhsm_shamir_combine(index, y, 1, &r), -EINVAL);
	assert_int_equal(zkhsm_shamir_combine(index, y, 17, &r), -EINVAL);
	for (count = 2; count <= ZKHSM_SHARES_MAX; count++) {
		static const uint8_t wrong[] = { 0, 17, 255 };

		assert_int_equal(zkhsm_shamir_combine(index, y, count, &r), 0);
		for (i = 0; i < count; i++) {
			uint8_t good = index[i];

			for (size_t w = 0; w < sizeof(wrong); w++) {
				index[i] = wrong[w];
				assert_int_equal(zkhsm_shamir_combine(index, y, count, &r), -EINVAL);
			}
			/* The same as a neighbour's. */
			index[i] = i ? 1 : 2;
			assert_int_equal(zkhsm_shamir_combine(index, y, count, &r), -EINVAL);
			index[i] = good;
		}
	}
}

/* Return: the KEK that shares make, as the kernel would find it. */
static void combine(share_t *shares, const uint8_t *which, uint32_t count, uint8_t kek[32])
{
	struct zkhsm_scalar y[ZKHSM_SHARES_MAX], r;
	uint8_t index[ZKHSM_SHARES_MAX];
	struct zkhsm_share s;

	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(zkhsm_share_decode(&s, shares[which[i]], ZKHSM_SHARE_CHECKED_LEN),
				 0);
		assert_int_equal(s.threshold, count);
		assert_int_equal(s.index, which[i] + 1);
		index[i] = s.index;
		assert_int_equal(zkhsm_scalar_from_be(&y[i], s.y, N), 0);
	}
	assert_int_equal(zkhsm_shamir_combine(index, y, count, &r), 0);
	zkhsm_scalar_to_be(kek, &r, N);
}

static void check_shares(share_t *shares, uint32_t threshold, uint32_t count,
			 const uint8_t kek_id[16], uint8_t kek[32])
{
	uint8_t which[ZKHSM_SHARES_MAX], other[32], id[16], digest[32];
	uint32_t i;

	for (i = 0; i < count; i++) {
		assert_memory_equal(shares[i] + ZKHSM_HEADER_LEN, kek_id, 16);
		zkhsm_sha256(shares[i], ZKHSM_SHARE_CHECKED_LEN, digest);
		assert_memory_equal(shares[i] + ZKHSM_SHARE_CHECKED_LEN, digest, 4);
	}
	for (i = 0; i < threshold; i++)
		which[i] = (uint8_t)i;
	combine(shares, which, threshold, kek);
	for (i = 0; i < threshold; i++)
		which[i] = (uint8_t)(count - 1 - i);
	combine(shares, which, threshold, other);
	assert_memory_equal(kek, other, 32);
	assert_int_equal(zkhsm_kek_id(kek, id, NULL), 0);
	assert_memory_equal(id, kek_id, 16);
}

static void split(void **state)
{
	share_t shares[ZKHSM_SHARES_MAX];
	uint8_t kek[32], again[32], kek_id[16];
	uint32_t m, n;

	(void)state;
	for (n = 2; n <= ZKHSM_SHARES_MAX; n++) {
		for (m = 2; m <= n; m++) {
			assert_int_equal(zkhsm_share_split(NULL, m, n, shares, kek_id, NULL), 0);
			check_shares(shares, m, n, kek_id, kek);
			/* The same KEK among others: other shares, the same id. */
			assert_int_equal(zkhsm_share_split(kek, 2, n, shares, kek_id, NULL), 0);
			check_shares(shares, 2, n, kek_id, again);
			assert_memory_equal(kek, again, 32);
		}
	}
}

static void fresh(void **state)
{
	share_t one[2], two[2];
	uint8_t kek[32], other[32], kek_id[16];

	(void)state;
	assert_int_equal(zkhsm_share_split(NULL, 2, 2, one, kek_id, NULL), 0);
	check_shares(one, 2, 2, kek_id, kek);
	assert_int_equal(zkhsm_share_split(NULL, 2, 2, two, kek_id, NULL), 0);
	check_shares(two, 2, 2, kek_id, other);
	assert_memory_not_equal(kek, other, 32);
	/* And the same KEK is never hidden by the same polynomial. */
	assert_int_equal(zkhsm_share_split(kek, 2, 2, two, kek_id, NULL), 0);
	assert_memory_not_equal(one[0], two[0], ZKHSM_SHARE_LEN);
	assert_memory_not_equal(one[1], two[1], ZKHSM_SHARE_LEN);
}

static void refused_numbers(uint32_t threshold, uint32_t count)
{
	share_t shares[ZKHSM_SHARES_MAX + 1];
	struct zkhsm_error err;
	uint8_t kek_id[16];

	assert_int_equal(zkhsm_share_split(NULL, threshold, count, shares, kek_id, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
}

static void numbers(void **state)
{
	static const share_t none[2];
	uint8_t kek[32], kek_id[16];
	share_t shares[2];

	(void)state;
	refused_numbers(0, 2);
	refused_numbers(1, 2);
	refused_numbers(2, 1);
	refused_numbers(3, 2);
	refused_numbers(2, 17);
	refused_numbers(17, 17);
	refused_numbers(258, 2);
	refused_numbers(UINT32_MAX, UINT32_MAX);

	/* n, and n - 1: what can be a value of the polynomial can be shared. */
	zkhsm_scalar_to_be(kek, &N->m, N);
	memset(shares, 1, sizeof(shares));
	assert_int_equal(zkhsm_share_split(kek, 2, 2, shares, kek_id, NULL), -ERANGE);
	assert_memory_equal(shares, none, sizeof(none));
	kek[31]--;
	assert_int_equal(zkhsm_share_split(kek, 2, 2, shares, kek_id, NULL), 0);
	memset(kek, 0xff, sizeof(kek));
	assert_int_equal(zkhsm_share_split(kek, 2, 2, shares, kek_id, NULL), -ERANGE);
	memset(kek, 0, sizeof(kek));
	assert_int_equal(zkhsm_share_split(kek, 2, 2, shares, kek_id, NULL), 0);
}

static void ids(void **state)
{
	json_t *root = vectors_load("shares.json"), *c;
	uint8_t kek[32], id[16], want[16];
	size_t i, seen = 0;

	(void)state;
	json_array_foreach(json_object_get(root, "sets"), i, c) {
		if (!json_object_get(c, "kek"))
			continue;
		vectors_bytes(c, "kek", kek, sizeof(kek));
		vectors_bytes(c, "kek_id", want, sizeof(want));
		assert_int_equal(zkhsm_kek_id(kek, id, NULL), 0);
		assert_memory_equal(id, want, sizeof(id));
		seen++;
	}
	assert_int_equal(seen, 5);
	json_decref(root);
}

/* What people have: written to the letter, and read. */
static void texts(void **state)
{
	static const share_t none;
	json_t *root = vectors_load("shares.json"), *c;
	char text[ZKHSM_SHARE_TEXT_SIZE];
	struct zkhsm_error err;
	share_t share, want;
	size_t i;
	int ret;

	(void)state;
	json_array_foreach(json_object_get(root, "texts"), i, c) {
		const char *name = vectors_string(c, "name");
		const json_t *count = json_object_get(c, "count");

		memset(share, 1, sizeof(share));
		ret = zkhsm_share_parse(vectors_string(c, "text"), share, &err);
		if (strcmp(vectors_string(c, "verdict"), "ok") != 0) {
			if (ret != -EBADMSG || err.code != -EBADMSG)
				fail_msg("%s: %d", name, ret);
			/* Part of a share is not left to the caller. */
			if (memcmp(share, none, sizeof(share)) && share[0] != 1)
				fail_msg("%s leaves something", name);
			continue;
		}
		vectors_bytes(c, "share", want, sizeof(want));
		if (ret || memcmp(share, want, sizeof(share)) != 0)
			fail_msg("%s: %d %s", name, ret, ret ? err.text : "another share");
		if (!count)
			continue;
		assert_int_equal(zkhsm_share_text(share, (uint32_t)json_integer_value(count),
						  json_string_value(json_object_get(c, "label")),
						  text, &err), 0);
		assert_string_equal(text, vectors_string(c, "text"));
	}
	assert_int_equal(i, 33);
	json_decref(root);
}

/* As a share that is not text: what the text may carry is what the kernel takes. */
static void encodings(void **state)
{
	json_t *root = vectors_load("shares.json"), *c;
	uint8_t data[ZKHSM_SHARE_LEN + 1];
	share_t share;
	char *code;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(root, "encodings"), i, c) {
		bool ok = strcmp(vectors_string(c, "verdict"), "ok") == 0;
		size_t len = vectors_data(c, "share", data, sizeof(data));

		code = zkhsm_b64(data, len);
		assert_non_null(code);
		if (zkhsm_share_parse(code, share, NULL) != (ok ? 0 : -EBADMSG))
			fail_msg("%s", vectors_string(c, "name"));
		free(code);
	}
	assert_int_equal(i, 21);
	json_decref(root);
}

static void labels(void **state)
{
	char text[ZKHSM_SHARE_TEXT_SIZE], label[ZKHSM_LABEL_MAX_LEN + 2];
	share_t shares[ZKHSM_SHARES_MAX], share;
	uint8_t kek_id[16];

	(void)state;
	assert_int_equal(zkhsm_share_split(NULL, 16, 16, shares, kek_id, NULL), 0);
	/* The longest there is. */
	memset(label, 0xc3, sizeof(label));
	label[ZKHSM_LABEL_MAX_LEN] = '\0';
	assert_int_equal(zkhsm_share_text(shares[15], 16, label, text, NULL), 0);
	assert_true(strlen(text) < sizeof(text) - 1);
	assert_int_equal(zkhsm_share_parse(text, share, NULL), 0);
	assert_memory_equal(share, shares[15], sizeof(share));
	memset(label, 'x', sizeof(label));
	label[ZKHSM_LABEL_MAX_LEN + 1] = '\0';
	assert_int_equal(zkhsm_share_text(shares[15], 16, label, text, NULL), -EINVAL);
	assert_int_equal(zkhsm_share_text(shares[15], 16, "", text, NULL), -EINVAL);
	assert_int_equal(zkhsm_share_text(shares[15], 16, "two\nlines", text, NULL), -EINVAL);
	assert_int_equal(zkhsm_share_text(shares[15], 16, "\x7f", text, NULL), -EINVAL);
	assert_int_equal(zkhsm_share_text(shares[15], 16, "\x1b[2J", text, NULL), -EINVAL);
	/* Not of so few, nor of so many. */
	assert_int_equal(zkhsm_share_text(shares[15], 15, NULL, text, NULL), -EINVAL);
	assert_int_equal(zkhsm_share_text(shares[15], 17, NULL, text, NULL), -EINVAL);
	assert_int_equal(zkhsm_share_text(shares[0], 15, NULL, text, NULL), -EINVAL);
	shares[0][40] ^= 1;
	assert_int_equal(zkhsm_share_text(shares[0], 16, NULL, text, NULL), -EBADMSG);
}

/* Any one mistake of a person who copies it is found. */
static void mistakes(void **state)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	share_t shares[2], share;
	uint8_t kek_id[16];
	char *code;

	(void)state;
	assert_int_equal(zkhsm_share_split(NULL, 2, 2, shares, kek_id, NULL), 0);
	code = zkhsm_b64(shares[1], sizeof(shares[1]));
	assert_non_null(code);
	for (size_t i = 0; code[i]; i++) {
		char good = code[i];

		for (const char *c = alphabet; *c; c++) {
			code[i] = *c;
			assert_int_equal(zkhsm_share_parse(code, share, NULL),
					 *c == good ? 0 : -EBADMSG);
		}
		code[i] = good;
		if (code[i + 1] && code[i + 1] != good) {
			code[i] = code[i + 1];
			code[i + 1] = good;
			assert_int_equal(zkhsm_share_parse(code, share, NULL), -EBADMSG);
			code[i + 1] = code[i];
			code[i] = good;
		}
	}
	free(code);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(combinations),
		cmocka_unit_test(bad_indices),
		cmocka_unit_test(split),
		cmocka_unit_test(fresh),
		cmocka_unit_test(numbers),
		cmocka_unit_test(ids),
		cmocka_unit_test(texts),
		cmocka_unit_test(encodings),
		cmocka_unit_test(labels),
		cmocka_unit_test(mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
