// SPDX-License-Identifier: GPL-2.0
/*
 * pkcs8.c - the scalar of a private key file, on its way to the keyring
 *
 * What OpenSSL does with the secret is OpenSSL's, and suppressed: it decodes
 * ASN.1 and compares numbers in a time that depends on them, once, on the
 * machine and in the hands of who has the file. Ours must not.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <valgrind/memcheck.h>

#include "zkhsm.h"

/* Where RFC 5915 has the scalar: behind version 1, 32 bytes. */
static const unsigned char before[] = { 0x02, 0x01, 0x01, 0x04, 0x20 };

int main(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	unsigned char *der = NULL, *secret, scalar[32];
	struct zkhsm_error err;
	int len, ret;

	len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	secret = memmem(der, (size_t)len, before, sizeof(before));
	if (len <= 0 || !secret)
		return 1;
	(void)VALGRIND_MAKE_MEM_UNDEFINED(secret + sizeof(before), 32);
	ret = zkhsm_pkcs8_scalar(der, (size_t)len, scalar, &err);
	(void)VALGRIND_MAKE_MEM_DEFINED(&ret, sizeof(ret));
	printf("released: the verdict of OpenSSL on a file, 1 times\n");
	OPENSSL_free(der);
	PKCS8_PRIV_KEY_INFO_free(info);
	EVP_PKEY_free(key);
	return ret != 0;
}
