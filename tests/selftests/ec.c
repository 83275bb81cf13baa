// SPDX-License-Identifier: GPL-2.0
#include "ec.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! OpenSSL: %s\n", what);
	exit(EXIT_FAILURE);
}

static const EC_GROUP *p256(void)
{
	static EC_GROUP *group;

	if (!group)
		group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	must(group, "no P-256");
	return group;
}

static BIGNUM *number(const uint8_t *bytes, size_t len)
{
	BIGNUM *n = BN_bin2bn(bytes, (int)len, NULL);

	must(n, "BN_bin2bn");
	return n;
}

void ec_order_plus(int offset, uint8_t out[EC_SCALAR_LEN])
{
	BIGNUM *n = BN_dup(EC_GROUP_get0_order(p256()));

	must(n && (offset < 0 ? BN_sub_word(n, (BN_ULONG)(-offset)) :
				BN_add_word(n, (BN_ULONG)offset)) &&
	     BN_bn2binpad(n, out, EC_SCALAR_LEN) == EC_SCALAR_LEN, "order");
	BN_free(n);
}

void ec_negate(const uint8_t scalar[EC_SCALAR_LEN], uint8_t out[EC_SCALAR_LEN])
{
	BIGNUM *a = number(scalar, EC_SCALAR_LEN);

	must(BN_sub(a, EC_GROUP_get0_order(p256()), a) &&
	     BN_bn2binpad(a, out, EC_SCALAR_LEN) == EC_SCALAR_LEN, "negate");
	BN_free(a);
}

static void encode(const EC_POINT *point, uint8_t out[EC_POINT_LEN])
{
	must(EC_POINT_point2oct(p256(), point, POINT_CONVERSION_UNCOMPRESSED, out, EC_POINT_LEN,
				NULL) == EC_POINT_LEN, "point2oct");
}

void ec_public(const uint8_t scalar[EC_SCALAR_LEN], uint8_t out[EC_POINT_LEN])
{
	BIGNUM *a = number(scalar, EC_SCALAR_LEN);
	EC_POINT *point = EC_POINT_new(p256());

	must(point && EC_POINT_mul(p256(), point, a, NULL, NULL, NULL), "mul");
	encode(point, out);
	EC_POINT_free(point);
	BN_free(a);
}

void ec_negate_point(const uint8_t point[EC_POINT_LEN], uint8_t out[EC_POINT_LEN])
{
	EC_POINT *p = EC_POINT_new(p256());

	must(p && EC_POINT_oct2point(p256(), p, point, EC_POINT_LEN, NULL) &&
	     EC_POINT_invert(p256(), p, NULL), "invert");
	encode(p, out);
	EC_POINT_free(p);
}

void ec_random_scalar(uint8_t out[EC_SCALAR_LEN])
{
	BIGNUM *a = BN_new(), *limit = BN_dup(EC_GROUP_get0_order(p256()));

	/* In [2, n - 4], which is what the module takes. */
	must(a && limit && BN_sub_word(limit, 5) && BN_rand_range(a, limit) &&
	     BN_add_word(a, 2) && BN_bn2binpad(a, out, EC_SCALAR_LEN) == EC_SCALAR_LEN, "random");
	BN_free(limit);
	BN_free(a);
}

static EC_POINT *decode(const uint8_t bytes[EC_POINT_LEN])
{
	EC_POINT *point = EC_POINT_new(p256());

	must(point, "point");
	if (EC_POINT_oct2point(p256(), point, bytes, EC_POINT_LEN, NULL) == 1)
		return point;
	EC_POINT_free(point);
	return NULL;
}

bool ec_on_curve(const uint8_t point[EC_POINT_LEN])
{
	EC_POINT *p = decode(point);
	bool ok = p;

	EC_POINT_free(p);
	return ok;
}

void ec_sha256(const void *data, size_t len, uint8_t out[32])
{
	must(EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL), "SHA-256");
}

void ec_element(const uint8_t public[EC_POINT_LEN], uint8_t out[32])
{
	uint8_t input[34] = { 0, 1 };

	memcpy(input + 2, public + 1, 32);
	ec_sha256(input, sizeof(input), out);
}

static EVP_PKEY *public_key(const uint8_t public[EC_POINT_LEN])
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)SN_X9_62_prime256v1, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)public,
						  EC_POINT_LEN),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	must(ctx && EVP_PKEY_fromdata_init(ctx) == 1, "fromdata");
	if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

bool ec_verify(const uint8_t public[EC_POINT_LEN], const uint8_t digest[32],
	       const uint8_t signature[64])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	EVP_PKEY *key = public_key(public);
	unsigned char *der = NULL;
	EVP_PKEY_CTX *ctx;
	bool ok;
	int len;

	must(sig, "ECDSA_SIG");
	if (!key) {
		ECDSA_SIG_free(sig);
		return false;
	}
	must(ECDSA_SIG_set0(sig, number(signature, 32), number(signature + 32, 32)), "set0");
	len = i2d_ECDSA_SIG(sig, &der);
	ctx = EVP_PKEY_CTX_new(key, NULL);
	must(len > 0 && ctx && EVP_PKEY_verify_init(ctx) == 1, "verify");
	ok = EVP_PKEY_verify(ctx, der, (size_t)len, digest, 32) == 1;
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	ECDSA_SIG_free(sig);
	return ok;
}

void ec_sign(EVP_PKEY *key, const void *data, size_t len, uint8_t signature[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const unsigned char *p;
	unsigned char der[128];
	size_t der_len = sizeof(der);
	ECDSA_SIG *sig;

	must(ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	     EVP_DigestSign(ctx, der, &der_len, data, len) == 1, "sign");
	p = der;
	sig = d2i_ECDSA_SIG(NULL, &p, (long)der_len);
	must(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), signature, 32) == 32 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), signature + 32, 32) == 32, "r | s");
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(ctx);
}

static void hash_item(EVP_MD_CTX *ctx, const void *data, size_t len)
{
	const uint8_t head[4] = { (uint8_t)(len >> 24), (uint8_t)(len >> 16),
				  (uint8_t)(len >> 8), (uint8_t)len };

	must(EVP_DigestUpdate(ctx, head, sizeof(head)) && EVP_DigestUpdate(ctx, data, len),
	     "hash");
}

bool ec_proof_holds(const uint8_t public[EC_POINT_LEN], const void *user, size_t user_len,
		    const void *other, size_t other_len, const uint8_t proof[97])
{
	EC_POINT *a = decode(public), *v = decode(proof);
	EC_POINT *sum = EC_POINT_new(p256());
	BIGNUM *r = number(proof + EC_POINT_LEN, EC_SCALAR_LEN), *c;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t g[EC_POINT_LEN], digest[32];
	bool ok = false;

	must(sum && ctx && EVP_DigestInit(ctx, EVP_sha256()), "proof");
	encode(EC_GROUP_get0_generator(p256()), g);
	hash_item(ctx, g, sizeof(g));
	hash_item(ctx, proof, EC_POINT_LEN);
	hash_item(ctx, public, EC_POINT_LEN);
	hash_item(ctx, user, user_len);
	if (other)
		hash_item(ctx, other, other_len);
	must(EVP_DigestFinal(ctx, digest, NULL), "hash");
	c = number(digest, sizeof(digest));

	if (a && v && BN_cmp(r, EC_GROUP_get0_order(p256())) < 0) {
		must(EC_POINT_mul(p256(), sum, r, a, c, NULL), "mul");
		ok = !EC_POINT_cmp(p256(), sum, v, NULL);
	}
	EVP_MD_CTX_free(ctx);
	BN_free(c);
	BN_free(r);
	EC_POINT_free(sum);
	EC_POINT_free(v);
	EC_POINT_free(a);
	return ok;
}
