// SPDX-License-Identifier: GPL-2.0
/*
 * test_order.c - orders made and checked
 */
#include "mutate.h"

#include <openssl/ec.h>

#include "vectors.h"
#include "zkhsm.h"

static const uint8_t hsm_id[32] = { 0xaa };

struct manager {
	EVP_PKEY *key;
	uint8_t public[65];
};

static struct manager manager_new(void)
{
	struct manager m;

	assert_int_equal(zkhsm_signer_generate(&m.key, NULL), 0);
	assert_int_equal(zkhsm_signer_public(m.key, m.public), 0);
	return m;
}

static int verify(const uint8_t *data, size_t len, void *arg)
{
	const struct manager *m = arg;
	struct zkhsm_order o;
	int ret = zkhsm_order_verify(m->public, data, len, &o, NULL);

	/* Types without a body are refused as well, whatever follows. */
	return ret == -EOPNOTSUPP ? -EBADMSG : ret;
}

static void names(uint8_t (*out)[32], size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		zkhsm_sha256(&i, sizeof(i), out[i]);
}

static void sorted_and_unique(void **state)
{
	struct manager m = manager_new();
	uint8_t elements[6][32];
	struct zkhsm_order o;
	uint8_t *order;
	size_t len, i;

	(void)state;
	names(elements, 6);
	memcpy(elements[4], elements[1], 32);
	memcpy(elements[5], elements[0], 32);
	assert_int_equal(zkhsm_order_make(m.key, ZKHSM_ORDER_TYPE_REVOKE, hsm_id, 12, 1,
					  (const uint8_t (*)[32])elements, 6, &order, &len, NULL), 0);
	assert_int_equal(zkhsm_order_verify(m.public, order, len, &o, NULL), 0);
	assert_int_equal(o.type, ZKHSM_ORDER_TYPE_REVOKE);
	assert_int_equal(o.number, 12);
	assert_int_equal(o.reason, 1);
	assert_memory_equal(o.hsm_id, hsm_id, 32);
	assert_int_equal(o.count, 4);
	for (i = 1; i < o.count; i++)
		assert_true(memcmp(o.elements + 32 * (i - 1), o.elements + 32 * i, 32) < 0);
	/* The caller's array is not touched. */
	assert_memory_equal(elements[5], elements[0], 32);

	mutate_length(order, len, verify, &m, -EBADMSG);
	mutate_bytes(order, len, verify, &m, -EBADMSG, -EKEYREJECTED);
	free(order);
	EVP_PKEY_free(m.key);
}

static void limits(void **state)
{
	struct manager m = manager_new();
	uint8_t (*elements)[32] = calloc(ZKHSM_ELEMENTS_MAX + 2, 32);
	const uint8_t (*given)[32] = (const uint8_t (*)[32])elements;
	struct zkhsm_error err;
	struct zkhsm_order o;
	uint8_t *order;
	size_t len;

	(void)state;
	assert_non_null(elements);
	names(elements, ZKHSM_ELEMENTS_MAX + 1);
	memcpy(elements[ZKHSM_ELEMENTS_MAX + 1], elements[0], 32);
	assert_int_equal(zkhsm_order_make(m.key, ZKHSM_ORDER_TYPE_HOLD, hsm_id, 1, 6, given,
					  ZKHSM_ELEMENTS_MAX + 1, &order, &len, &err), -E2BIG);
	assert_null(order);
	/* One too many, but two of them are one. */
	memcpy(elements[ZKHSM_ELEMENTS_MAX], elements[0], 32);
	assert_int_equal(zkhsm_order_make(m.key, ZKHSM_ORDER_TYPE_HOLD, hsm_id, 1, 6, given,
					  ZKHSM_ELEMENTS_MAX + 2, &order, &len, NULL), 0);
	assert_true(len <= ZKHSM_ORDER_MAX_LEN);
	assert_int_equal(zkhsm_order_verify(m.public, order, len, &o, NULL), 0);
	assert_int_equal(o.count, ZKHSM_ELEMENTS_MAX);
	free(order);

#define REFUSED(type, number, reason, count)							\
	do {											\
		assert_int_equal(zkhsm_order_make(m.key, type, hsm_id, number, reason, given,	\
						  count, &order, &len, &err), -EINVAL);		\
		assert_null(order);								\
		assert_true(err.text[0]);							\
	} while (0)
	REFUSED(ZKHSM_ORDER_TYPE_REVOKE, 1, 1, 0);
	REFUSED(ZKHSM_ORDER_TYPE_REVOKE, 0, 1, 1);
	REFUSED(ZKHSM_ORDER_TYPE_REVOKE, 1, 7, 1);
	REFUSED(ZKHSM_ORDER_TYPE_REVOKE, 1, 11, 1);
	REFUSED(ZKHSM_ORDER_TYPE_LEASE, 1, 1, 1);
	REFUSED(ZKHSM_ORDER_TYPE_TRANSFER, 1, 1, 1);
	REFUSED(ZKHSM_WIRE_STATEMENT, 1, 1, 1);
#undef REFUSED
	free(elements);
	EVP_PKEY_free(m.key);
}

static void other_keys(void **state)
{
	struct manager a = manager_new(), b = manager_new();
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	uint8_t element[1][32] = { { 1 } }, *order, digest[32];
	struct zkhsm_error err;
	struct zkhsm_order o;
	size_t len;

	(void)state;
	assert_int_equal(zkhsm_order_make(a.key, ZKHSM_ORDER_TYPE_RELEASE, hsm_id, 1, 0,
					  (const uint8_t (*)[32])element, 1, &order, &len, NULL), 0);
	assert_int_equal(zkhsm_order_verify(b.public, order, len, &o, &err), -EKEYREJECTED);
	assert_string_equal(err.text, "the order is another manager's");

	/* Signed by b, but said to be a's. */
	assert_int_equal(zkhsm_signer_sign(b.key, order, len - 64, order + len - 64, NULL), 0);
	assert_int_equal(zkhsm_order_verify(a.public, order, len, &o, &err), -EKEYREJECTED);
	assert_string_equal(err.text, "the signature is false");

	/* Said to be of a key that is none. */
	a.public[64] ^= 1;
	zkhsm_sha256(a.public, sizeof(a.public), digest);
	memcpy(order + ZKHSM_HEADER_LEN, digest, sizeof(digest));
	assert_int_equal(zkhsm_order_verify(a.public, order, len, &o, &err), -EBADMSG);
	free(order);

	assert_int_equal(zkhsm_order_make(p384, ZKHSM_ORDER_TYPE_RELEASE, hsm_id, 1, 0,
					  (const uint8_t (*)[32])element, 1, &order, &len, &err),
			 -EINVAL);
	assert_null(order);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(a.key);
	EVP_PKEY_free(b.key);
}

static int expected_of(const char *verdict)
{
	if (!strcmp(verdict, "ok"))
		return 0;
	if (!strcmp(verdict, "malformed"))
		return -EBADMSG;
	return strcmp(verdict, "unsupported") ? -EKEYREJECTED : -EOPNOTSUPP;
}

static void vectors(void **state)
{
	json_t *root = vectors_load("orders.json"), *c;
	static uint8_t order[64 * 1024];
	uint8_t public[65], hsm[32];
	struct zkhsm_order o;
	size_t i, len;
	int ret;

	(void)state;
	vectors_bytes(root, "public", public, sizeof(public));
	vectors_bytes(root, "hsm_id", hsm, sizeof(hsm));
	json_array_foreach(json_object_get(root, "cases"), i, c) {
		len = vectors_data(c, "order", order, sizeof(order));
		ret = zkhsm_order_verify(public, order, len, &o, NULL);
		/* For whom an order is, is for the HSM to say. */
		if (!ret && memcmp(o.hsm_id, hsm, sizeof(hsm)))
			ret = -EKEYREJECTED;
		if (ret != expected_of(vectors_string(c, "verdict")))
			fail_msg("%s: %d instead of %s", vectors_string(c, "name"), ret,
				 vectors_string(c, "verdict"));
	}
	assert_true(i > 20);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorted_and_unique),
		cmocka_unit_test(limits),
		cmocka_unit_test(other_keys),
		cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
