// SPDX-License-Identifier: GPL-2.0
/*
 * Keys of managers: P-256, in PKCS#8 PEM files, signing with ECDSA over
 * SHA-256. Signatures are r | s, 32 bytes each, as orders and JWS (RFC 7518
 * section 3.4) have them; OpenSSL speaks DER.
 */
#include "lib_private.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * The public key, kept with the key: OpenSSL takes as long to give it as to sign.
 * It is set before anybody else can have the key, and only read after that.
 */
static atomic_int public_index = -1;

static void public_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
			void *argp)
{
	(void)parent;
	(void)ad;
	(void)index;
	(void)argl;
	(void)argp;
	OPENSSL_free(ptr);
}

static int public_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **ptr, int index,
		      long argl, void *argp)
{
	(void)to;
	(void)from;
	(void)index;
	(void)argl;
	(void)argp;
	*ptr = *ptr ? OPENSSL_memdup(*ptr, ZKHSM_POINT_LEN) : NULL;
	return 1;
}

static void make_index(void)
{
	public_index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL,
					       public_dup, public_free);
}

/* Without memory it is asked for each time. */
void zkhsm_signer_remember(EVP_PKEY *key)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	uint8_t public[ZKHSM_POINT_LEN], *kept;

	pthread_once(&once, make_index);
	if (public_index < 0 || EVP_PKEY_get_ex_data(key, public_index) ||
	    zkhsm_signer_public(key, public))
		return;
	kept = OPENSSL_memdup(public, sizeof(public));
	if (kept && !EVP_PKEY_set_ex_data(key, public_index, kept))
		OPENSSL_free(kept);
}

int zkhsm_signer_generate(EVP_PKEY **key, struct zkhsm_error *err)
{
	*key = EVP_EC_gen(SN_X9_62_prime256v1);
	if (!*key) {
		ERR_clear_error();
		return zkhsm_fail(err, -ENOMEM, "OpenSSL cannot generate a P-256 key");
	}
	return 0;
}

/**
 * zkhsm_signer_load() - a signing key from a file
 *
 * Return: 0; what zkhsm_read_file() and zkhsm_pkcs8_decode() return.
 */
int zkhsm_signer_load(const char *path, EVP_PKEY **key, struct zkhsm_error *err)
{
	struct zkhsm_error why = { 0 };
	uint8_t *data;
	size_t len;
	int ret;

	*key = NULL;
	ret = zkhsm_read_file(path, ZKHSM_PKCS8_MAX, &data, &len, err);
	if (ret)
		return ret;
	ret = zkhsm_pkcs8_decode(data, len, key, &why);
	OPENSSL_cleanse(data, len);
	free(data);
	if (ret)
		return zkhsm_fail(err, ret, "%s: %s", path, why.text);
	return 0;
}

int zkhsm_signer_save(const char *path, EVP_PKEY *key, struct zkhsm_error *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *pem;
	long len;
	int ret;

	if (!bio || !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
		ERR_clear_error();
		BIO_free(bio);
		return zkhsm_fail(err, -ENOMEM, "OpenSSL cannot write the private key");
	}
	len = BIO_get_mem_data(bio, &pem);
	ret = zkhsm_write_file(path, pem, (size_t)len, 0600, err);
	BIO_free(bio);			/* wipes */
	return ret;
}

/* A key of another make than OpenSSL's, in a token or in the kernel, has only the encoded form. */
static int foreign_public(EVP_PKEY *key, uint8_t public[65])
{
	uint8_t *encoded = NULL;
	EC_POINT *p = NULL;

	if (EVP_PKEY_get1_encoded_public_key(key, &encoded) == 65) {
		memcpy(public, encoded, 65);
		p = zkhsm_ec_point_decode(public, NULL);
	}
	OPENSSL_free(encoded);
	EC_POINT_free(p);
	ERR_clear_error();
	return p ? 0 : -EINVAL;
}

/**
 * zkhsm_signer_public() - the public key, SEC1 uncompressed
 *
 * From the coordinates: the encoded form follows whatever form the file had.
 *
 * Return: 0, or -EINVAL unless @key is on P-256.
 */
int zkhsm_signer_public(EVP_PKEY *key, uint8_t public[65])
{
	BIGNUM *x = NULL, *y = NULL;
	const uint8_t *kept = public_index < 0 ? NULL : EVP_PKEY_get_ex_data(key, public_index);
	char group[32];
	int ret = -EINVAL;

	if (kept) {
		memcpy(public, kept, ZKHSM_POINT_LEN);
		return 0;
	}
	if (!EVP_PKEY_get0_provider(key))
		return foreign_public(key, public);
	public[0] = POINT_CONVERSION_UNCOMPRESSED;
	if (EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group,
					   sizeof(group), NULL) &&
	    !strcmp(group, SN_X9_62_prime256v1) &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) &&
	    BN_bn2binpad(x, public + 1, 32) == 32 && BN_bn2binpad(y, public + 33, 32) == 32)
		ret = 0;
	BN_free(x);
	BN_free(y);
	ERR_clear_error();
	return ret;
}

static int signature_from_der(const uint8_t *der, size_t len, uint8_t signature[64])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);
	int ret = -EIO;

	if (sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, 32) == 32 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + 32, 32) == 32)
		ret = 0;
	ECDSA_SIG_free(sig);
	return ret;
}

/**
 * zkhsm_signer_sign() - ECDSA over SHA-256 of @data
 * @key: a private key on P-256
 * @data: what to sign, hashed here
 * @len: its length
 * @signature: r | s, big-endian
 * @err: why not
 *
 * Return: 0, or -EIO when OpenSSL or its provider does not sign.
 */
int zkhsm_signer_sign(EVP_PKEY *key, const void *data, size_t len, uint8_t signature[64],
		      struct zkhsm_error *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[80];
	size_t der_len = sizeof(der);
	int ret = -EIO;

	if (ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, der, &der_len, data, len) == 1)
		ret = signature_from_der(der, der_len, signature);
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	if (ret)
		return zkhsm_fail(err, ret, "OpenSSL cannot sign with this key");
	return 0;
}
