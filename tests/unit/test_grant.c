// SPDX-License-Identifier: GPL-2.0
/*
 * Grants and receipts as a manager, a client and a relying party make and read
 * them. The kernel's side is in tests/selftests/grant.c.
 */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib_private.h"
#include "vectors.h"

static EVP_PKEY *new_key(uint8_t public[65])
{
	EVP_PKEY *key;

	assert_int_equal(zkhsm_signer_generate(&key, NULL), 0);
	assert_int_equal(zkhsm_signer_public(key, public), 0);
	return key;
}

static struct zkhsm_grant_terms some_terms(void)
{
	struct zkhsm_grant_terms t = { .operation = ZKHSM_GRANT_OPERATION_SIGN,
				       .not_after_ms = 60000 };

	memset(t.instance_id, 1, sizeof(t.instance_id));
	memset(t.element, 2, sizeof(t.element));
	memset(t.input, 3, sizeof(t.input));
	memset(t.jti, 4, sizeof(t.jti));
	return t;
}

static void made_and_read(void **state)
{
	uint8_t manager[65], client[65], grant[ZKHSM_GRANT_LEN], a[32], b[32], sig[64];
	EVP_PKEY *key = new_key(manager), *user = new_key(client);
	const uint8_t hsm_id[32] = { 9 };
	struct zkhsm_grant_terms t = some_terms();
	uint8_t input[ZKHSM_GRANT_USE_LEN], digest[32];
	struct zkhsm_order o;

	(void)state;
	memcpy(t.client, client, sizeof(client));
	assert_int_equal(zkhsm_grant_make(key, hsm_id, &t, grant, NULL), 0);
	assert_int_equal(zkhsm_order_verify(manager, grant, sizeof(grant), &o, NULL), 0);
	assert_int_equal(o.type, ZKHSM_ORDER_TYPE_GRANT);
	assert_int_equal(o.number, 0);
	assert_int_equal(o.algorithm, ZKHSM_GRANT_ALGORITHM_ECDSA_P256_SHA256);
	assert_int_equal(o.not_after_ms, 60000);
	assert_memory_equal(o.jti, t.jti, sizeof(t.jti));
	assert_memory_equal(o.client, client, sizeof(client));

	/* One digest, whoever signed. */
	assert_int_equal(zkhsm_grant_digest(grant, sizeof(grant), a, NULL), 0);
	assert_int_equal(zkhsm_grant_terms_digest(hsm_id, &t, b, NULL), 0);
	assert_memory_equal(a, b, 32);
	assert_int_equal(zkhsm_grant_make(user, hsm_id, &t, grant, NULL), 0);
	assert_int_equal(zkhsm_grant_digest(grant, sizeof(grant), b, NULL), 0);
	assert_memory_equal(a, b, 32);
	assert_int_equal(zkhsm_order_verify(manager, grant, sizeof(grant), &o, NULL),
			 -EKEYREJECTED);

	assert_int_equal(zkhsm_grant_sign(user, a, sig, NULL), 0);
	zkhsm_grant_use_input(a, input);
	zkhsm_sha256(input, sizeof(input), digest);
	assert_int_equal(zkhsm_verify_ecdsa(client, digest, sig, NULL), 0);
	assert_int_equal(zkhsm_verify_ecdsa(manager, digest, sig, NULL), -EKEYREJECTED);
	EVP_PKEY_free(user);
	EVP_PKEY_free(key);
}

static void no_such_grant(void **state)
{
	uint8_t public[65], grant[ZKHSM_GRANT_LEN], digest[32];
	EVP_PKEY *key = new_key(public);
	const uint8_t hsm_id[32] = { 9 };
	struct zkhsm_grant_terms t[6];
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++)
		t[i] = some_terms();
	t[0].operation = 0;
	t[1].operation = 3;
	t[2].operation = 256 + ZKHSM_GRANT_OPERATION_SIGN;
	memset(t[3].jti, 0, sizeof(t[3].jti));
	t[4].not_after_ms = 0;
	t[5].client[0] = 4;
	for (i = 0; i < 6; i++) {
		assert_int_equal(zkhsm_grant_make(key, hsm_id, &t[i], grant, NULL), -EINVAL);
		assert_int_equal(zkhsm_grant_terms_digest(hsm_id, &t[i], digest, NULL), -EINVAL);
	}
	t[0] = some_terms();
	assert_int_equal(zkhsm_grant_make(key, hsm_id, &t[0], grant, NULL), 0);
	assert_int_equal(zkhsm_grant_digest(grant, sizeof(grant) - 1, digest, NULL), -EBADMSG);
	grant[5] = ZKHSM_ORDER_TYPE_TRANSFER;
	assert_int_equal(zkhsm_grant_digest(grant, sizeof(grant), digest, NULL), -EBADMSG);
	EVP_PKEY_free(key);
}

static void input_vectors(void **state)
{
	json_t *root = vectors_load("grants.json"), *c;
	uint8_t user_id[256], other[1100], input[32], expected[32];
	size_t i, len, other_len;

	(void)state;
	json_array_foreach(json_object_get(root, "inputs"), i, c) {
		vectors_bytes(c, "input", expected, sizeof(expected));
		if (json_object_get(c, "digest")) {
			vectors_bytes(c, "digest", user_id, 32);
			zkhsm_grant_sign_input(user_id, input);
		} else {
			bool absent = json_is_null(json_object_get(c, "other_info"));

			len = vectors_data(c, "user_id", user_id, sizeof(user_id));
			other_len = 0;
			if (!absent)
				other_len = vectors_data(c, "other_info", other, sizeof(other));
			zkhsm_grant_prove_input(user_id, len, absent ? NULL : other, other_len,
						input);
		}
		assert_memory_equal(input, expected, 32);
	}
	assert_true(i >= 5);
	json_decref(root);
}

/* The bodies with a head in front and anybody's signature behind. */
static void digest_vectors(void **state)
{
	json_t *root = vectors_load("grants.json"), *c;
	uint8_t grant[ZKHSM_GRANT_LEN], digest[32], expected[32];
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(root, "digests"), i, c) {
		memset(grant, 0, sizeof(grant));
		memcpy(grant, "ZKHSM\x14\0\1", 8);
		vectors_bytes(root, "hsm_id", grant + 40, 32);
		vectors_bytes(c, "body", grant + ZKHSM_ORDER_HEAD_LEN, ZKHSM_GRANT_BODY_LEN);
		vectors_bytes(c, "digest", expected, sizeof(expected));
		assert_int_equal(zkhsm_grant_digest(grant, sizeof(grant), digest, NULL), 0);
		assert_memory_equal(digest, expected, 32);
	}
	assert_true(i >= 4);
	json_decref(root);
}

static int expected_of(const char *verdict)
{
	return !strcmp(verdict, "ok") ? 0 : strcmp(verdict, "false") ? -EBADMSG : -EKEYREJECTED;
}

static void receipt_vectors(void **state)
{
	json_t *root = vectors_load("grants.json"), *c;
	uint8_t identity[65], digest[32], output[128], receipt[256];
	size_t i, len, output_len;
	int ret;

	(void)state;
	json_array_foreach(json_object_get(root, "receipts"), i, c) {
		vectors_bytes(c, "identity", identity, sizeof(identity));
		vectors_bytes(c, "grant_digest", digest, sizeof(digest));
		output_len = vectors_data(c, "output", output, sizeof(output));
		len = vectors_data(c, "receipt", receipt, sizeof(receipt));
		ret = zkhsm_verify_receipt(identity, digest, output, output_len, receipt, len,
					   NULL);
		if (ret != expected_of(vectors_string(c, "verdict")))
			fail_msg("%s: %d instead of %s", vectors_string(c, "name"), ret,
				 vectors_string(c, "verdict"));
	}
	assert_true(i > 15);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_and_read),
		cmocka_unit_test(no_such_grant),
		cmocka_unit_test(input_vectors),
		cmocka_unit_test(digest_vectors),
		cmocka_unit_test(receipt_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
