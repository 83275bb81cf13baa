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

/* keylist.c: the decoded elements of the entries that a batch covers, in the order of L */
const EC_POINT *const *zkhsm_keylist_proved(const struct zkhsm_keylist *l, size_t *count);

#endif /* ZKHSM_LIB_PRIVATE_H */
