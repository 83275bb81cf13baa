// SPDX-License-Identifier: GPL-2.0
/*
 * Points and scalars of P-256 between their one encoding and OpenSSL's objects.
 * All of it is public data.
 */
#include "lib_private.h"

#include <openssl/core_names.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <pthread.h>

static EC_GROUP *group;

static void make_group(void)
{
	group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
}

/* Made once: setting the group up costs as much as a verification. */
const EC_GROUP *zkhsm_p256(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_group);
	return group;
}

EC_POINT *zkhsm_ec_point_decode(const uint8_t encoded[ZKHSM_POINT_LEN], BN_CTX *ctx)
{
	const EC_GROUP *g = zkhsm_p256();
	EC_POINT *p;

	/* OpenSSL would take the hybrid form, 06 or 07, too. */
	if (!g || encoded[0] != POINT_CONVERSION_UNCOMPRESSED)
		return NULL;
	p = EC_POINT_new(g);
	/* Checks that both coordinates are below p and the point on the curve. */
	if (p && !EC_POINT_oct2point(g, p, encoded, ZKHSM_POINT_LEN, ctx)) {
		EC_POINT_free(p);
		p = NULL;
	}
	return p;
}

BIGNUM *zkhsm_scalar_decode(const uint8_t encoded[ZKHSM_SCALAR_LEN])
{
	const EC_GROUP *g = zkhsm_p256();
	BIGNUM *s = g ? BN_bin2bn(encoded, ZKHSM_SCALAR_LEN, NULL) : NULL;

	if (s && BN_cmp(s, EC_GROUP_get0_order(g)) >= 0) {
		BN_free(s);
		s = NULL;
	}
	return s;
}

int zkhsm_public_decode(const uint8_t encoded[ZKHSM_POINT_LEN], EVP_PKEY **out,
			struct zkhsm_error *err)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)(uintptr_t)SN_X9_62_prime256v1, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						  (void *)(uintptr_t)encoded, ZKHSM_POINT_LEN),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx;
	int ret = -EBADMSG;

	*out = NULL;
	if (encoded[0] != POINT_CONVERSION_UNCOMPRESSED)
		return zkhsm_fail(err, -EBADMSG, "the public key is not an uncompressed point");
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) == 1)
		ret = 0;
	EVP_PKEY_CTX_free(ctx);
	if (ret)
		return zkhsm_fail(err, ret, "the public key is not a point of P-256");
	return 0;
}
