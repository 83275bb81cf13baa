// SPDX-License-Identifier: GPL-2.0
/*
 * host.c - the half of the kernel around targets.c that is OpenSSL and libc
 *
 * Built with -mincoming-stack-boundary=3, as tests/constant-time/host.c is.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "taint.h"

int taint_faults;

void taint_expect(int good, const char *what)
{
	if (!good) {
		printf("Bail out! not so: %s\n", what);
		exit(1);
	}
}

void taint_secret(void *p, unsigned long len)
{
	(void)p;
	(void)len;
}

void host_random(void *buf, unsigned long len)
{
	static unsigned char pool[65536];
	static unsigned long used = sizeof(pool);

	if (len > sizeof(pool) - used) {
		if (RAND_bytes(pool, sizeof(pool)) != 1)
			abort();
		used = 0;
	}
	memcpy(buf, pool + used, len);
	used += len;
}

void *host_hash_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL))
		abort();
	return ctx;
}

void host_hash_update(void *hash, const void *data, unsigned long len)
{
	EVP_DigestUpdate(hash, data, len);
}

void host_hash_final(void *hash, unsigned char out[32])
{
	EVP_DigestFinal_ex(hash, out, NULL);
	EVP_MD_CTX_free(hash);
}

void host_hmac_sha512(const unsigned char *key, unsigned long key_len,
		      const unsigned char *msg, unsigned long len, unsigned char out[64])
{
	if (!HMAC(EVP_sha512(), key, (int)key_len, msg, len, out, NULL))
		abort();
}
