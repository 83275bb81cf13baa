/* SPDX-License-Identifier: GPL-2.0 */
/*
 * P-256 by OpenSSL alone, so that a mistake which kernel and libzkhsm share
 * does not pass. Scalars are 32 bytes big-endian, points SEC1 uncompressed.
 * Whatever OpenSSL cannot do ends the program: that is no result of a test.
 */
#ifndef ZKHSM_EC_H
#define ZKHSM_EC_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EC_SCALAR_LEN	32
#define EC_POINT_LEN	65

/* n + @offset, which must fit 32 bytes. */
void ec_order_plus(int offset, uint8_t out[EC_SCALAR_LEN]);
/* n - @scalar: the secret of the negative key. */
void ec_negate(const uint8_t scalar[EC_SCALAR_LEN], uint8_t out[EC_SCALAR_LEN]);
void ec_public(const uint8_t scalar[EC_SCALAR_LEN], uint8_t out[EC_POINT_LEN]);
/* The point of the negative key. */
void ec_negate_point(const uint8_t point[EC_POINT_LEN], uint8_t out[EC_POINT_LEN]);
void ec_random_scalar(uint8_t out[EC_SCALAR_LEN]);
bool ec_on_curve(const uint8_t point[EC_POINT_LEN]);

void ec_sha256(const void *data, size_t len, uint8_t out[32]);
/* Documentation/protocol.rst, "Element names". */
void ec_element(const uint8_t public[EC_POINT_LEN], uint8_t out[32]);

/* ECDSA as r | s. */
bool ec_verify(const uint8_t public[EC_POINT_LEN], const uint8_t digest[32],
	       const uint8_t signature[64]);
void ec_sign(EVP_PKEY *key, const void *data, size_t len, uint8_t signature[64]);

/* RFC 8235 with @proof = V | r; @other NULL: absent. */
bool ec_proof_holds(const uint8_t public[EC_POINT_LEN], const void *user, size_t user_len,
		    const void *other, size_t other_len, const uint8_t proof[97]);

#endif /* ZKHSM_EC_H */
