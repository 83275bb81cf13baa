// SPDX-License-Identifier: GPL-2.0
/*
 * The sum that a batch of Schnorr proofs is about, Documentation/protocol.rst:
 * r * G + sum(c_i * A_i), the coefficients from a hash of all that was said.
 */
#include "lib_private.h"

#include <stdlib.h>

/* Points for one call into OpenSSL, which takes 1.5 KiB of tables for each. */
#define CHUNK	1024

static const uint8_t batch_label[] = { 'z', 'k', 'h', 's', 'm', ' ', 'b', 'a', 't', 'c', 'h', ' ',
				       'v', '1' };
static const uint8_t coefficient_label[] = { 'z', 'k', 'h', 's', 'm', ' ', 'b', 'a', 't', 'c', 'h',
					     ' ', 'c', 'o', 'e', 'f', 'f', 'i', 'c', 'i', 'e', 'n',
					     't' };

const uint8_t zkhsm_base_point[ZKHSM_POINT_LEN] = {
	0x04,
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6,
	0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb,
	0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f,
	0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a,
	0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e,
	0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

void zkhsm_hash_item(SHA256_CTX *hash, const void *data, size_t len)
{
	uint8_t prefix[4];

	put_unaligned_be32((uint32_t)len, prefix);
	SHA256_Update(hash, prefix, sizeof(prefix));
	SHA256_Update(hash, data, len);
}

static void make_seed(const struct zkhsm_statement *s, const uint8_t *statement, size_t len,
		      const uint8_t *v, uint8_t seed[ZKHSM_HASH_LEN])
{
	SHA256_CTX hash;

	SHA256_Init(&hash);
	zkhsm_hash_item(&hash, batch_label, sizeof(batch_label));
	zkhsm_hash_item(&hash, zkhsm_base_point, sizeof(zkhsm_base_point));
	zkhsm_hash_item(&hash, v, ZKHSM_POINT_LEN);
	zkhsm_hash_item(&hash, s->identity, sizeof(s->identity));
	zkhsm_hash_item(&hash, s->hsm_id, sizeof(s->hsm_id));
	zkhsm_hash_item(&hash, statement, len);
	SHA256_Final(seed, &hash);
}

/* c_i, 128 bits, big-endian. */
static void make_coefficient(const uint8_t seed[ZKHSM_HASH_LEN], uint32_t i, uint8_t c[16])
{
	uint8_t input[sizeof(coefficient_label) + ZKHSM_HASH_LEN + 2 + 4];
	uint8_t hash[ZKHSM_HASH_LEN];
	uint8_t *p = input;

	memcpy(p, coefficient_label, sizeof(coefficient_label));
	p += sizeof(coefficient_label);
	memcpy(p, seed, ZKHSM_HASH_LEN);
	p += ZKHSM_HASH_LEN;
	put_unaligned_be16(ZKHSM_SUITE_P256, p);
	put_unaligned_be32(i, p + 2);
	zkhsm_sha256(input, sizeof(input), hash);
	memcpy(c, hash, 16);
}

/* What one call into OpenSSL takes. */
struct chunk {
	const EC_POINT *points[CHUNK];
	BIGNUM *scalars[CHUNK];
	EC_POINT *own[CHUNK];		/* of @points, those made here */
	size_t count, made;
};

static int chunk_add(struct chunk *k, const EC_POINT *identity, const uint8_t *element,
		     const uint8_t seed[ZKHSM_HASH_LEN], uint32_t i, BN_CTX *ctx)
{
	uint8_t c[16];

	if (!identity) {
		identity = k->own[k->made] = zkhsm_ec_point_decode(element, ctx);
		if (!identity)
			return -ENOMEM;
		k->made++;
	}
	make_coefficient(seed, i, c);
	k->points[k->count] = identity;
	k->scalars[k->count] = BN_bin2bn(c, sizeof(c), k->scalars[k->count]);
	return k->scalars[k->count++] ? 0 : -ENOMEM;
}

static int chunk_sum(struct chunk *k, const BIGNUM *r, EC_POINT *sum, EC_POINT *part, BN_CTX *ctx)
{
	const EC_GROUP *g = zkhsm_p256();

	if (!EC_POINTs_mul(g, part, r, k->count, k->points, (const BIGNUM **)k->scalars, ctx) ||
	    (r ? !EC_POINT_copy(sum, part) : !EC_POINT_add(g, sum, sum, part, ctx)))
		return -ENOMEM;
	while (k->made)
		EC_POINT_free(k->own[--k->made]);
	k->count = 0;
	return 0;
}

int zkhsm_batch_sum(const struct zkhsm_statement *s, const uint8_t *statement, size_t len,
		    const uint8_t v[ZKHSM_POINT_LEN], const EC_POINT *identity,
		    const struct zkhsm_keylist *l, const BIGNUM *r, EC_POINT *sum, BN_CTX *ctx)
{
	struct chunk *k = calloc(1, sizeof(*k));
	EC_POINT *part = EC_POINT_new(zkhsm_p256());
	uint8_t seed[ZKHSM_HASH_LEN];
	struct zkhsm_list_entry e;
	uint32_t i = 0;
	int ret = -ENOMEM;

	if (!k || !part)
		goto out;
	make_seed(s, statement, len, v, seed);
	ret = chunk_add(k, identity, NULL, seed, i++, ctx);
	for (size_t at = 0; !ret && at < zkhsm_keylist_count(l); at++) {
		if (!zkhsm_list_entry_proved(zkhsm_keylist_entry(l, at, &e)))
			continue;
		if (k->count == CHUNK) {
			/* r * G goes with the first chunk. */
			ret = chunk_sum(k, i == CHUNK ? r : NULL, sum, part, ctx);
			if (ret)
				break;
		}
		ret = chunk_add(k, NULL, e.public, seed, i++, ctx);
	}
	if (!ret)
		ret = chunk_sum(k, i <= CHUNK ? r : NULL, sum, part, ctx);
out:
	for (size_t n = 0; k && n < CHUNK; n++)
		BN_free(k->scalars[n]);
	while (k && k->made)
		EC_POINT_free(k->own[--k->made]);
	EC_POINT_free(part);
	free(k);
	return ret;
}
