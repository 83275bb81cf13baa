// SPDX-License-Identifier: GPL-2.0
/*
 * pkcs8.c - private keys in files; the same DER is worth the same inside PEM
 *
 * Input: flags, then the file.
 */
#include "fuzz.h"

#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "lib_private.h"

#define WRAP	1

/* In [1, n - 1], and the file's key is the one with this scalar. */
static void check_scalar(const uint8_t scalar[32])
{
	BIGNUM *k = zkhsm_scalar_decode(scalar);

	FUZZ_ASSERT(k && !BN_is_zero(k));
	BN_clear_free(k);
}

static void wrapped(const uint8_t *der, size_t len, int expected, const uint8_t scalar[32])
{
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t again[32] = { 0 };
	char *pem;
	long size;

	FUZZ_ASSERT(bio && PEM_write_bio(bio, "PRIVATE KEY", "", der, (long)len) > 0);
	size = BIO_get_mem_data(bio, &pem);
	if (size <= ZKHSM_PKCS8_MAX)
		FUZZ_ASSERT(zkhsm_pkcs8_scalar((uint8_t *)pem, (size_t)size, again, NULL) == expected &&
			    !memcmp(again, scalar, 32));
	BIO_free(bio);
}

/* DER says itself where it ends; a key fits a length of one byte, or of two. */
static void check_end(const uint8_t *der, size_t len)
{
	FUZZ_ASSERT(len > 3 && der[0] == 0x30 &&
		    (der[1] < 0x80 ? len == 2u + der[1] :
		     der[1] == 0x81 ? len == 3u + der[2] :
		     der[1] == 0x82 && len == 4u + (der[2] << 8 | der[3])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char begin[] = "-----BEGIN ";
	struct fuzz_piece file;
	uint8_t scalar[32] = { 0 };
	struct zkhsm_error err = { 0 };
	int ret;

	if (!size)
		return 0;
	fuzz_cut(data + 1, size - 1, &file, 1);
	ret = zkhsm_pkcs8_scalar(file.data, file.len, scalar, &err);
	FUZZ_ASSERT(err.code == ret && (!ret || ret == -EBADMSG || ret == -EINVAL || ret == -EFBIG));
	if (!ret)
		check_scalar(scalar);
	if (!ret && !memmem(file.data, file.len, begin, sizeof(begin) - 1))
		check_end(file.data, file.len);
	if (data[0] & WRAP && file.len && !memmem(file.data, file.len, begin, sizeof(begin) - 1) &&
	    file.len <= ZKHSM_PKCS8_MAX)
		wrapped(file.data, file.len, ret, scalar);
	fuzz_free(&file, 1);
	return 0;
}
