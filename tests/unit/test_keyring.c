// SPDX-License-Identifier: GPL-2.0
/*
 * test_keyring.c - secrets from PKCS#8 files, and into the kernel's keyring
 */
#include "mutate.h"

#include <keyutils.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zkhsm.h"

enum form { PKCS8_PEM, PKCS8_DER, PKCS8_ENCRYPTED, SEC1_PEM, SEC1_DER, PUBLIC_PEM };

static size_t export(EVP_PKEY *key, enum form form, uint8_t *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int ok = 0;
	char *p;
	long len;

	if (form == PKCS8_PEM)
		ok = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	else if (form == PKCS8_DER)
		ok = i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL);
	else if (form == PKCS8_ENCRYPTED)
		ok = PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "x", 1, NULL, NULL);
	else if (form == SEC1_PEM)
		ok = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
	else if (form == SEC1_DER)
		ok = i2d_PrivateKey_bio(bio, key);
	else
		ok = PEM_write_bio_PUBKEY(bio, key);
	assert_true(ok > 0);
	len = BIO_get_mem_data(bio, &p);
	assert_true(len > 0 && (size_t)len <= size);
	memcpy(out, p, (size_t)len);
	BIO_free(bio);
	return (size_t)len;
}

static int scalar_of(const uint8_t *data, size_t len, uint8_t scalar[32])
{
	struct zkhsm_error err = { 0 };
	int ret = zkhsm_pkcs8_scalar(data, len, scalar, &err);

	assert_int_equal(err.code, ret);
	if (ret)
		assert_true(err.text[0]);
	return ret;
}

static void both_forms(void **state)
{
	uint8_t data[4096], scalar[32], again[32];
	EVP_PKEY *key;
	BIGNUM *secret = NULL;
	size_t len;
	int i;

	(void)state;
	/* Some scalars begin with zero bytes. */
	for (i = 0; i < 600; i++) {
		assert_int_equal(zkhsm_signer_generate(&key, NULL), 0);
		secret = NULL;
		assert_true(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret));
		BN_bn2binpad(secret, again, 32);
		len = export(key, i & 1 ? PKCS8_PEM : PKCS8_DER, data, sizeof(data));
		assert_int_equal(scalar_of(data, len, scalar), 0);
		assert_memory_equal(scalar, again, 32);
		BN_free(secret);
		EVP_PKEY_free(key);
	}
}

static int read_scalar(const uint8_t *data, size_t len, void *arg)
{
	uint8_t scalar[32];

	(void)arg;
	return scalar_of(data, len, scalar);
}

static int refused_or_same(const uint8_t *data, size_t len, void *arg)
{
	uint8_t scalar[32];
	int ret = scalar_of(data, len, scalar);

	if (ret)
		return ret;
	/* The version of the inner structure, say: nothing that makes another key of it. */
	return memcmp(scalar, arg, sizeof(scalar)) ? -EILSEQ : -EALREADY;
}

static void broken(void **state)
{
	uint8_t data[4096], scalar[32], copy[4096];
	EVP_PKEY *key;
	size_t len, i;
	int ret;

	(void)state;
	assert_int_equal(zkhsm_signer_generate(&key, NULL), 0);
	len = export(key, PKCS8_DER, data, sizeof(data));
	assert_int_equal(scalar_of(data, len, scalar), 0);
	mutate_length(data, len, read_scalar, NULL, -EBADMSG);
	for (i = 0; i < len; i++) {
		memcpy(copy, data, len);
		copy[i] ^= 1;
		ret = refused_or_same(copy, len, scalar);
		assert_true(ret == -EBADMSG || ret == -EINVAL || ret == -EALREADY);
	}

	len = export(key, PKCS8_PEM, data, sizeof(data));
	/* Without its last line end a PEM file is whole. */
	for (i = 0; i + 1 < len; i++)
		assert_int_equal(read_scalar(data, i, NULL), -EBADMSG);
	memcpy(copy, data, len);
	memcpy(copy + len, data, len);
	assert_int_equal(read_scalar(copy, 2 * len, NULL), -EBADMSG);
	/* The beginning of a second block is not nothing. */
	assert_int_equal(read_scalar(copy, len + 40, NULL), -EBADMSG);
	EVP_PKEY_free(key);
}

static void expect(EVP_PKEY *key, enum form form, int code, const char *part)
{
	uint8_t data[8192], scalar[32];
	struct zkhsm_error err;
	size_t len = export(key, form, data, sizeof(data));

	assert_int_equal(zkhsm_pkcs8_scalar(data, len, scalar, &err), code);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static void other_containers_and_keys(void **state)
{
	EVP_PKEY *key, *other;

	(void)state;
	assert_int_equal(zkhsm_signer_generate(&key, NULL), 0);
	expect(key, SEC1_PEM, -EBADMSG, "PKCS#8");
	expect(key, SEC1_DER, -EBADMSG, "PKCS#8");
	expect(key, PKCS8_ENCRYPTED, -EBADMSG, "encrypted");
	expect(key, PUBLIC_PEM, -EBADMSG, "PKCS#8");

	/* The same group, written out. */
	assert_true(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING,
						   OSSL_PKEY_EC_ENCODING_EXPLICIT));
	expect(key, PKCS8_PEM, -EINVAL, "explicit");
	EVP_PKEY_free(key);

	other = EVP_EC_gen("P-384");
	expect(other, PKCS8_PEM, -EINVAL, "not on P-256");
	EVP_PKEY_free(other);
	other = EVP_EC_gen("secp256k1");
	expect(other, PKCS8_PEM, -EINVAL, "not on P-256");
	EVP_PKEY_free(other);
	other = EVP_RSA_gen(2048);
	expect(other, PKCS8_PEM, -EINVAL, "not an EC key");
	EVP_PKEY_free(other);
	other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	expect(other, PKCS8_PEM, -EINVAL, "not an EC key");
	EVP_PKEY_free(other);
}

static void no_key_at_all(void **state)
{
	static const char text[] = "Bag Attributes\n", empty_block[] =
		"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";
	uint8_t *large = calloc(1, 4097), scalar[32];

	(void)state;
	assert_int_equal(scalar_of(large, 0, scalar), -EBADMSG);
	assert_int_equal(scalar_of(large, 4096, scalar), -EBADMSG);
	assert_int_equal(scalar_of(large, 4097, scalar), -EFBIG);
	assert_int_equal(scalar_of((const uint8_t *)text, strlen(text), scalar), -EBADMSG);
	assert_int_equal(scalar_of((const uint8_t *)empty_block, strlen(empty_block), scalar),
			 -EBADMSG);
	free(large);
}

/* A scalar that does not make the public key beside it. */
static void pair_that_is_none(void **state)
{
	uint8_t data[4096], scalar[32], *at;
	EVP_PKEY *key;
	size_t len;

	(void)state;
	assert_int_equal(zkhsm_signer_generate(&key, NULL), 0);
	len = export(key, PKCS8_DER, data, sizeof(data));
	assert_int_equal(scalar_of(data, len, scalar), 0);
	at = memmem(data, len, scalar, 32);
	assert_non_null(at);
	at[31] ^= 1;
	assert_int_equal(scalar_of(data, len, scalar), -EBADMSG);
	/* n, and 0 */
	memset(at, 0xff, 32);
	assert_int_equal(scalar_of(data, len, scalar), -EBADMSG);
	memset(at, 0, 32);
	assert_int_equal(scalar_of(data, len, scalar), -EBADMSG);
	EVP_PKEY_free(key);
}

static void signer_files(void **state)
{
	char path[] = "/tmp/zkhsm-test-XXXXXX";
	uint8_t a[65], b[65];
	struct zkhsm_error err;
	EVP_PKEY *key, *again;
	struct stat st;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(zkhsm_signer_generate(&key, NULL), 0);
	assert_int_equal(zkhsm_signer_save(path, key, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(zkhsm_signer_load(path, &again, NULL), 0);
	assert_int_equal(zkhsm_signer_public(key, a), 0);
	assert_int_equal(zkhsm_signer_public(again, b), 0);
	assert_memory_equal(a, b, 65);
	EVP_PKEY_free(again);
	EVP_PKEY_free(key);
	assert_int_equal(zkhsm_write_file(path, "x", 1, 0600, NULL), 0);
	assert_int_equal(zkhsm_signer_load(path, &again, &err), -EBADMSG);
	assert_null(again);
	assert_memory_equal(err.text, path, strlen(path));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(zkhsm_signer_load(path, &again, &err), -ENOENT);
}

static void keyring(void **state)
{
	const uint8_t scalar[32] = { 1, 2, 3 };
	struct zkhsm_error err;
	char description[256], payload[64];
	int32_t serial, second;
	int ret = zkhsm_keyring_add(scalar, sizeof(scalar), &serial, &err);

	(void)state;
	if (ret == -ENOSYS || ret == -EPERM) {
		print_message("skipped: no kernel keyrings here (%s)\n", err.text);
		skip();
	}
	assert_int_equal(ret, 0);
	assert_true(keyctl_describe(serial, description, sizeof(description)) > 0);
	assert_memory_equal(description, "logon;", 6);
	assert_non_null(strstr(description, ";zkhsm:import-"));
	/* No process reads the payload of a logon key, its owner neither. */
	assert_int_equal(keyctl_read(serial, payload, sizeof(payload)), -1);
	assert_int_equal(errno, EOPNOTSUPP);
	/* Not the same description twice, which would change the first key. */
	assert_int_equal(zkhsm_keyring_add(scalar, sizeof(scalar), &second, NULL), 0);
	assert_int_not_equal(serial, second);
	assert_int_equal(zkhsm_keyring_revoke(second, NULL), 0);
	assert_int_equal(zkhsm_keyring_revoke(serial, NULL), 0);
	assert_int_equal(keyctl_describe(serial, description, sizeof(description)), -1);
	assert_true(errno == ENOKEY || errno == EKEYREVOKED);
	assert_true(zkhsm_keyring_revoke(serial, &err) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms),
		cmocka_unit_test(broken),
		cmocka_unit_test(other_containers_and_keys),
		cmocka_unit_test(no_key_at_all),
		cmocka_unit_test(pair_that_is_none),
		cmocka_unit_test(signer_files),
		cmocka_unit_test(keyring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
