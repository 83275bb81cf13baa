// SPDX-License-Identifier: GPL-2.0
/*
 * certificate.c - what tokens are bound to: a client's certificate, by its digest
 */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib_private.h"

#define PEM_MAX_LEN	(1U << 20)

/**
 * zkhsm_certificate_thumbprint() - x5t#S256 of RFC 7515 section 4.1.8
 * @path: PEM; of several certificates the first is meant
 * @out: SHA-256 of its DER, base64url
 * @err: why not
 *
 * Return: 0; what zkhsm_read_file() returns; -EBADMSG without a certificate.
 */
int zkhsm_certificate_thumbprint(const char *path, char out[64], struct zkhsm_error *err)
{
	char *text = NULL;
	uint8_t *pem, digest[32];
	X509 *cert = NULL;
	size_t len;
	BIO *bio;
	int ret;

	ret = zkhsm_read_file(path, PEM_MAX_LEN, &pem, &len, err);
	if (ret)
		return ret;
	bio = BIO_new_mem_buf(pem, (int)len);
	if (bio)
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (cert && X509_digest(cert, EVP_sha256(), digest, NULL))
		text = zkhsm_b64(digest, sizeof(digest));
	if (text)
		snprintf(out, 64, "%s", text);
	else
		ret = zkhsm_fail(err, -EBADMSG, "%s has no certificate in PEM", path);
	ERR_clear_error();
	free(text);
	X509_free(cert);
	BIO_free(bio);
	free(pem);
	return ret;
}
