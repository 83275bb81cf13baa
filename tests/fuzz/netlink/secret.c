// SPDX-License-Identifier: GPL-2.0
/*
 * The secrets that were imported, in every form that the module has them in:
 * plain and times R = 2^256 mod n, from either end, whole or a half of it; KEKs,
 * and what is secret in a share. The fuzzer never sends any of it but through
 * the keyring.
 */
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nlf.h"

/* Documentation/protocol.rst, "A share". */
#define SHARE_AT_Y	26

#define FORMS	(SECRETS * 2 * 2 + (KEKS + SHARES) * 2)

/* 16 bytes each: what is shorter could be there by chance, what is longer cut. */
static uint8_t needle[FORMS * 2][16];
/* By the first two bytes of a needle: whether there is one. */
static uint8_t begins[65536 / 8];
static size_t needles;

static void add(const uint8_t bytes[32])
{
	unsigned int half;

	for (half = 0; half < 2; half++) {
		unsigned int two = bytes[half * 16] << 8 | bytes[half * 16 + 1];

		memcpy(needle[needles++], bytes + half * 16, 16);
		begins[two / 8] |= (uint8_t)(1 << two % 8);
	}
}

static void add_both_ends(const uint8_t bytes[32])
{
	uint8_t reversed[32];
	unsigned int i;

	for (i = 0; i < 32; i++)
		reversed[i] = bytes[31 - i];
	add(bytes);
	add(reversed);
}

void secrets_prepare(void)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *r = BN_new(), *a = BN_new();
	const BIGNUM *n = group ? EC_GROUP_get0_order(group) : NULL;
	unsigned int i;
	bool ok = n && ctx && r && a && BN_set_bit(r, 256);

	for (i = 0; ok && i < SECRETS; i++) {
		uint8_t mont[32];

		ok = BN_bin2bn(fixed.secret[i], 32, a) && BN_mod_mul(a, a, r, n, ctx) &&
		     BN_bn2binpad(a, mont, 32) == 32;
		add_both_ends(fixed.secret[i]);
		add_both_ends(mont);
	}
	for (i = 0; i < KEKS; i++)
		add_both_ends(fixed.kek[i]);
	for (i = 0; i < SHARES; i++)
		add_both_ends(fixed.share[i] + SHARE_AT_Y);
	if (!ok) {
		printf("Bail out! OpenSSL: the forms of a secret\n");
		exit(EXIT_FAILURE);
	}
	BN_free(a);
	BN_free(r);
	BN_CTX_free(ctx);
	EC_GROUP_free(group);
}

static bool is_needle(const uint8_t *p)
{
	size_t i;

	for (i = 0; i < needles; i++)
		if (!memcmp(needle[i], p, 16))
			return true;
	return false;
}

bool secrets_in(const uint8_t *buf, size_t len)
{
	size_t i;

	for (i = 0; i + 16 <= len; i++) {
		unsigned int two = buf[i] << 8 | buf[i + 1];

		if (begins[two / 8] >> two % 8 & 1 && is_needle(buf + i))
			return true;
	}
	return false;
}
