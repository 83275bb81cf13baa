// SPDX-License-Identifier: GPL-2.0
/*
 * host.c - the user-space half: valgrind's marks, OpenSSL's stand-ins, main()
 *
 * Callers are kernel code, which keeps the stack aligned to 8 only; this file
 * is built with -mincoming-stack-boundary=3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <valgrind/memcheck.h>

#include "taint.h"

void taint_secret(void *p, unsigned long len)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(p, len);
}

void taint_public(void *p, unsigned long len)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(p, len);
}

int taint_is_secret(const void *p, unsigned long len)
{
	unsigned char bits[4096];
	unsigned long i;
	int secret = 0;

	if (len > sizeof(bits))
		abort();
	/* 3: some of it is not addressable, which is not for us to ask */
	if (VALGRIND_GET_VBITS(p, bits, len) != 1)
		abort();
	taint_public(bits, len);
	for (i = 0; i < len; i++)
		secret |= bits[i];
	return secret != 0;
}

static struct {
	const char *name;
	unsigned int uses;
} gates[16];

void taint_release(const char *gate, void *p, unsigned long len)
{
	unsigned int i = 0;

	while (gates[i].name && strcmp(gates[i].name, gate))
		i++;
	gates[i].name = gate;
	if (taint_is_secret(p, len))
		gates[i].uses++;
	taint_public(p, len);
}

int taint_faults;

static const char *answer;
static unsigned long answer_len;

void taint_answer(const void *p, unsigned long len)
{
	answer = p;
	answer_len = len;
}

int taint_in_answer(const void *p, unsigned long len)
{
	const char *c = p;

	return answer && c >= answer && c + len <= answer + answer_len;
}

static int failed;

void taint_expect(int good, const char *what)
{
	if (!good) {
		failed = 1;
		printf("not so: %s\n", what);
	}
}

void host_random(void *buf, unsigned long len)
{
	static unsigned char next;
	unsigned char *p = buf;
	unsigned long i;

	for (i = 0; i < len; i++)
		p[i] = (unsigned char)(0x9d * ++next);
	taint_secret(buf, len);
}

/* A copy that may be computed on, and whether it was secret. */
static int declassify(unsigned char *copy, const void *p, unsigned long len)
{
	int secret = taint_is_secret(p, len);

	memcpy(copy, p, len);
	taint_public(copy, len);
	return secret;
}

struct hash {
	EVP_MD_CTX *ctx;
	int secret;
};

void *host_hash_new(void)
{
	struct hash *h = calloc(1, sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	if (!EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL))
		abort();
	return h;
}

void host_hash_update(void *hash, const void *data, unsigned long len)
{
	unsigned char copy[4096];
	struct hash *h = hash;

	h->secret |= declassify(copy, data, len);
	EVP_DigestUpdate(h->ctx, copy, len);
}

void host_hash_final(void *hash, unsigned char out[32])
{
	struct hash *h = hash;

	EVP_DigestFinal_ex(h->ctx, out, NULL);
	if (h->secret)
		taint_secret(out, 32);
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

int host_zero_hmac, host_refuse_scalar;

void host_hmac_sha512(const unsigned char *key, unsigned long key_len,
		      const unsigned char *msg, unsigned long len, unsigned char out[64])
{
	unsigned char key_copy[128], msg_copy[512];
	int secret;

	if (key_len > sizeof(key_copy) || len > sizeof(msg_copy))
		abort();
	secret = declassify(key_copy, key, key_len);
	secret |= declassify(msg_copy, msg, len);
	if (!HMAC(EVP_sha512(), key_copy, (int)key_len, msg_copy, len, out, NULL))
		abort();
	if (host_zero_hmac)
		memset(out, 0, 64);
	host_zero_hmac = 0;
	if (secret)
		taint_secret(out, 64);
}

static const unsigned char order[32] = {
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
	0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
};

int host_scalar_refused(const unsigned char k[32])
{
	unsigned char copy[32];
	int refused = host_refuse_scalar;

	host_refuse_scalar = 0;
	declassify(copy, k, sizeof(copy));
	return refused || memcmp(copy, order, sizeof(copy)) >= 0;
}

int host_ladder(const unsigned char k[32], const unsigned char peer[64], unsigned char x[32])
{
	unsigned char scalar[32], point[65] = { 0x04 };
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *p = EC_POINT_new(group);
	BIGNUM *bn;
	int secret, good;

	secret = declassify(scalar, k, sizeof(scalar));
	taint_expect(!declassify(point + 1, peer, 64), "the point that is multiplied is public");
	bn = BN_bin2bn(scalar, sizeof(scalar), NULL);
	good = EC_POINT_oct2point(group, p, point, sizeof(point), NULL) &&
	       EC_POINT_mul(group, p, NULL, p, bn, NULL) &&
	       EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, point,
				  sizeof(point), NULL) == sizeof(point);
	memcpy(x, point + 1, 32);
	if (secret)
		taint_secret(x, 32);
	BN_free(bn);
	EC_POINT_free(p);
	EC_GROUP_free(group);
	return !good;
}

int main(void)
{
	unsigned int i;

	answers();
	for (i = 0; gates[i].name; i++) {
		printf("released: %s, %u times\n", gates[i].name, gates[i].uses);
		taint_expect(gates[i].uses, "each point of declassification is needed");
	}
	return failed;
}
