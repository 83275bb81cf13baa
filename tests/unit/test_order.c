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
	REFUSED(ZKHSM_ORDER_TYPE_LEASE, 0, 1, 1);
	REFUSED(ZKHSM_ORDER_TYPE_TRUST_CHANGE, 1, 1, 1);
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

static void leases(void **state)
{
	struct manager m = manager_new();
	uint8_t elements[4][32];
	struct zkhsm_lease_terms l = {
		.statement = { 1, 2, 3 }, .least = 7, .ttl_ms = 3600000,
		.verdict = ZKHSM_LEASE_VERDICT_GRANT,
		.exceptions = (const uint8_t (*)[32])elements, .exception_count = 4,
	};
	struct zkhsm_order o;
	uint8_t *order;
	size_t len;

	(void)state;
	names(elements, 4);
	memcpy(elements[3], elements[0], 32);
	assert_int_equal(zkhsm_lease_make(m.key, hsm_id, &l, &order, &len, NULL), 0);
	assert_int_equal(len, 195 + 3 * 32);
	assert_int_equal(zkhsm_order_verify(m.public, order, len, &o, NULL), 0);
	assert_int_equal(o.type, ZKHSM_ORDER_TYPE_LEASE);
	assert_int_equal(o.number, 0);
	assert_memory_equal(o.hsm_id, hsm_id, 32);
	assert_memory_equal(o.statement, l.statement, 32);
	assert_int_equal(o.least, 7);
	assert_int_equal(o.ttl_ms, 3600000);
	assert_int_equal(o.verdict, ZKHSM_LEASE_VERDICT_GRANT);
	assert_int_equal(o.count, 3);
	assert_true(memcmp(o.elements, o.elements + 32, 32) < 0);
	assert_true(memcmp(o.elements + 32, o.elements + 64, 32) < 0);
	mutate_length(order, len, verify, &m, -EBADMSG);
	mutate_bytes(order, len, verify, &m, -EBADMSG, -EKEYREJECTED);
	free(order);

	/* All and none: no exception, the highest numbers, the other verdict. */
	l.exception_count = 0;
	l.least = UINT64_MAX;
	l.ttl_ms = UINT64_MAX;
	l.verdict = ZKHSM_LEASE_VERDICT_DENY;
	assert_int_equal(zkhsm_lease_make(m.key, hsm_id, &l, &order, &len, NULL), 0);
	assert_int_equal(len, 195);
	assert_int_equal(zkhsm_order_verify(m.public, order, len, &o, NULL), 0);
	assert_int_equal(o.count, 0);
	assert_true(o.least == UINT64_MAX && o.ttl_ms == UINT64_MAX);
	assert_int_equal(o.verdict, ZKHSM_LEASE_VERDICT_DENY);
	free(order);
	EVP_PKEY_free(m.key);
}

static void lease_limits(void **state)
{
	struct manager m = manager_new();
	uint8_t (*elements)[32] = calloc(ZKHSM_ELEMENTS_MAX + 1, 32);
	struct zkhsm_lease_terms l = { .ttl_ms = 1, .verdict = ZKHSM_LEASE_VERDICT_GRANT };
	static const uint32_t bad[] = { 0, 3, 4, 5, 256 + 1, 258 };
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	struct zkhsm_error err;
	struct zkhsm_order o;
	uint8_t *order;
	size_t len, i;

	(void)state;
	assert_non_null(elements);
	names(elements, ZKHSM_ELEMENTS_MAX + 1);
	l.exceptions = (const uint8_t (*)[32])elements;
	l.exception_count = ZKHSM_ELEMENTS_MAX + 1;
	assert_int_equal(zkhsm_lease_make(m.key, hsm_id, &l, &order, &len, &err), -E2BIG);
	assert_null(order);
	l.exception_count = ZKHSM_ELEMENTS_MAX;
	assert_int_equal(zkhsm_lease_make(m.key, hsm_id, &l, &order, &len, NULL), 0);
	assert_int_equal(len, ZKHSM_ORDER_LEASE_MAX_LEN);
	assert_true(len <= ZKHSM_ORDER_MAX_LEN);
	assert_int_equal(zkhsm_order_verify(m.public, order, len, &o, NULL), 0);
	assert_int_equal(o.count, ZKHSM_ELEMENTS_MAX);
	free(order);

	l.exception_count = 1;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		l.verdict = bad[i];
		if (zkhsm_lease_make(m.key, hsm_id, &l, &order, &len, &err) != -EINVAL || order)
			fail_msg("verdict %u is taken", bad[i]);
	}
	l.verdict = ZKHSM_LEASE_VERDICT_DENY;
	l.ttl_ms = 0;
	assert_int_equal(zkhsm_lease_make(m.key, hsm_id, &l, &order, &len, &err), -EINVAL);
	assert_null(order);
	l.ttl_ms = 1;
	assert_int_equal(zkhsm_lease_make(p384, hsm_id, &l, &order, &len, &err), -EINVAL);
	assert_null(order);
	EVP_PKEY_free(p384);
	free(elements);
	EVP_PKEY_free(m.key);
}

/* C with @count managers whose keys are points only in their first byte. */
static size_t config_bytes(unsigned int count, uint8_t *out, size_t size)
{
	struct zkhsm_configuration c = {
		.quorum = 1, .stop = 1, .wipe = 1, .max_ttl_ms = 86400000,
		.manager_count = (uint8_t)count,
	};
	unsigned int i;
	int len;

	for (i = 0; i < count; i++) {
		c.managers[i][0] = 4;
		c.managers[i][1] = (uint8_t)(i + 1);
	}
	len = zkhsm_configuration_encode(&c, out, size);
	assert_true(len > 0);
	return (size_t)len;
}

static void trust_changes(void **state)
{
	uint8_t config[ZKHSM_CONFIGURATION_MAX_LEN + 1], previous[32] = { 9 };
	struct manager m = manager_new();
	struct zkhsm_error err;
	struct zkhsm_order o;
	size_t len, config_len;
	unsigned int count;
	uint8_t *order;

	(void)state;
	for (count = 0; count <= ZKHSM_MANAGERS_MAX; count += 8) {
		config_len = config_bytes(count, config, sizeof(config));
		assert_int_equal(zkhsm_trust_change_make(m.key, hsm_id, 5, previous, config,
							 config_len, &order, &len, NULL), 0);
		assert_true(len <= ZKHSM_ORDER_TRUST_MAX_LEN);
		assert_int_equal(zkhsm_order_verify(m.public, order, len, &o, NULL), 0);
		assert_int_equal(o.type, ZKHSM_ORDER_TYPE_TRUST_CHANGE);
		assert_int_equal(o.number, 5);
		assert_memory_equal(o.previous, previous, 32);
		assert_int_equal(o.config_len, config_len);
		assert_memory_equal(o.config, config, config_len);
		assert_int_equal(o.body_len, 32 + 2 + config_len);
		if (!count) {
			mutate_length(order, len, verify, &m, -EBADMSG);
			mutate_bytes(order, len, verify, &m, -EBADMSG, -EKEYREJECTED);
		}
		free(order);
	}

	/* A C that is cut, has more behind it, or is something else. */
	config_len = config_bytes(2, config, sizeof(config));
	config[config_len] = 0;
	for (len = 0; len <= config_len + 1; len++) {
		size_t made;

		if (len == config_len)
			continue;
		assert_int_equal(zkhsm_trust_change_make(m.key, hsm_id, 5, previous, config, len,
							 &order, &made, &err), -EINVAL);
		assert_null(order);
	}
	assert_string_equal(err.text, "the new configuration is malformed");
	config[5] = ZKHSM_WIRE_LIST;
	assert_int_equal(zkhsm_trust_change_make(m.key, hsm_id, 5, previous, config, config_len,
						 &order, &len, &err), -EINVAL);
	config[5] = ZKHSM_WIRE_CONFIGURATION;
	/* Numbers begin with 1. */
	assert_int_equal(zkhsm_trust_change_make(m.key, hsm_id, 0, previous, config, config_len,
						 &order, &len, &err), -EINVAL);
	assert_null(order);
	EVP_PKEY_free(m.key);
}

/* A C inside that is none is found, also when the signature is good. */
static void trust_change_of_nothing(void **state)
{
	uint8_t config[ZKHSM_CONFIGURATION_MAX_LEN], previous[32] = { 9 };
	struct manager m = manager_new();
	size_t len, config_len = config_bytes(2, config, sizeof(config));
	struct zkhsm_order o;
	uint8_t *order;

	(void)state;
	assert_int_equal(zkhsm_trust_change_make(m.key, hsm_id, 5, previous, config, config_len,
						 &order, &len, NULL), 0);
	/* How many managers there are, in C. */
	order[ZKHSM_ORDER_HEAD_LEN + 32 + 2 + ZKHSM_HEADER_LEN + 4 + 3 + 16] = 3;
	assert_int_equal(zkhsm_signer_sign(m.key, order, len - 64, order + len - 64, NULL), 0);
	assert_int_equal(zkhsm_order_verify(m.public, order, len, &o, NULL), -EBADMSG);
	free(order);
	EVP_PKEY_free(m.key);
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
		cmocka_unit_test(leases),
		cmocka_unit_test(lease_limits),
		cmocka_unit_test(trust_changes),
		cmocka_unit_test(trust_change_of_nothing),
		cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
