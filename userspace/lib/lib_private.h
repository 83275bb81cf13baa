/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of libzkhsm share among themselves. OpenSSL's low-level
 * SHA-256 and EC interfaces are deprecated, not gone: EVP has no
 * multi-scalar multiplication, and a hash that cannot fail keeps error paths
 * out of transcripts.
 */
#ifndef ZKHSM_LIB_PRIVATE_H
#define ZKHSM_LIB_PRIVATE_H

#ifndef OPENSSL_SUPPRESS_DEPRECATED
#define OPENSSL_SUPPRESS_DEPRECATED
#endif
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/sha.h>

#include "zkhsm.h"

/* The largest file with a private key that is read. */
#define ZKHSM_PKCS8_MAX		4096

/* encoding.c */
void *zkhsm_copy(const void *data, size_t len);		/* malloc'ed; NULL when out of memory */

/* token.c: zkhsm_token_verify() step by step, for who has to tell its refusals apart */
enum zkhsm_token_fault {
	ZKHSM_TOKEN_FITS, ZKHSM_TOKEN_NOT_AFFIRMING, ZKHSM_TOKEN_EXPIRED, ZKHSM_TOKEN_FUTURE,
	ZKHSM_TOKEN_AUDIENCE, ZKHSM_TOKEN_NONCE,
};

/* Signature and form. */
int zkhsm_token_read(const json_t *jwks, const char *token, struct zkhsm_token_claims *out,
		     struct zkhsm_error *err);
enum zkhsm_token_fault zkhsm_token_judge(const struct zkhsm_token_claims *c, const char *audience,
					 const char *nonce, int64_t now, int64_t leeway);
/* As errno and sentence. */
int zkhsm_token_fault(enum zkhsm_token_fault fault, const struct zkhsm_token_claims *c, int64_t now,
		      struct zkhsm_error *err);

/* jwk.c */
/* The kid in the header of a JWS of type @typ, which is checked, as nothing else is; -EBADMSG. */
int zkhsm_jws_kid(const char *typ, const char *jws, char kid[64], struct zkhsm_error *err);
bool zkhsm_jwks_has(const json_t *jwks, const char *kid);

/* pkcs8.c */
int zkhsm_pkcs8_decode(const uint8_t *data, size_t len, EVP_PKEY **key, struct zkhsm_error *err);

/* point.c: P-256 through OpenSSL */
const EC_GROUP *zkhsm_p256(void);			/* NULL when out of memory */
/* Caller frees; NULL for everything that is not the canonical encoding of a point. */
EC_POINT *zkhsm_ec_point_decode(const uint8_t encoded[ZKHSM_POINT_LEN], BN_CTX *ctx);
/* NULL unless below the group's order. */
BIGNUM *zkhsm_scalar_decode(const uint8_t encoded[ZKHSM_SCALAR_LEN]);
/* The public key as OpenSSL's object; -EBADMSG unless the canonical encoding of a point. */
int zkhsm_public_decode(const uint8_t encoded[ZKHSM_POINT_LEN], EVP_PKEY **out,
			struct zkhsm_error *err);

/* batch.c */
extern const uint8_t zkhsm_base_point[ZKHSM_POINT_LEN];		/* G */
/* An item of a transcript, with its length before it. */
void zkhsm_hash_item(SHA256_CTX *hash, const void *data, size_t len);
/*
 * @sum = r * G + sum(c_i * A_i), A_0 the identity, known to be a point: what V has to
 * be. 0 or -ENOMEM.
 */
int zkhsm_batch_sum(const struct zkhsm_statement *s, const uint8_t *statement, size_t len,
		    const uint8_t v[ZKHSM_POINT_LEN], const struct zkhsm_keylist *l,
		    const BIGNUM *r, EC_POINT *sum, BN_CTX *ctx);

/* grant.c: the fields of a grant; -EINVAL unless its client is a point, or nobody */
void zkhsm_grant_fill(const struct zkhsm_grant_terms *t, struct zkhsm_order *o);
int zkhsm_grant_check(const struct zkhsm_order *o, struct zkhsm_error *err);

#endif /* ZKHSM_LIB_PRIVATE_H */
