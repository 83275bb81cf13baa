// SPDX-License-Identifier: GPL-2.0
/*
 * Private keys in files: unencrypted PKCS#8 (RFC 5958), PEM (RFC 7468) or DER,
 * P-256 as a named curve, and nothing behind it. What was read is wiped.
 */
#include "lib_private.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static int check_key(EVP_PKEY *key, struct zkhsm_error *err)
{
	char group[32], encoding[32];
	EVP_PKEY_CTX *ctx;
	int good;

	if (!EVP_PKEY_is_a(key, "EC"))
		return zkhsm_fail(err, -EINVAL, "the private key is not an EC key");
	if (!EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group,
					    sizeof(group), NULL) ||
	    strcmp(group, SN_X9_62_prime256v1))
		return zkhsm_fail(err, -EINVAL, "the private key is not on P-256");
	if (!EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, encoding,
					    sizeof(encoding), NULL) ||
	    strcmp(encoding, OSSL_PKEY_EC_ENCODING_GROUP))
		return zkhsm_fail(err, -EINVAL,
				  "the private key has explicit curve parameters; only the named curve is accepted");

	/* That the scalar is in range and belongs to the public key beside it. */
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	good = ctx && EVP_PKEY_check(ctx) == 1;
	EVP_PKEY_CTX_free(ctx);
	if (!good)
		return zkhsm_fail(err, -EBADMSG,
				  "the private key is out of range or does not belong to the public key beside it");
	return 0;
}

static int decode_der(const uint8_t *der, size_t len, EVP_PKEY **key, struct zkhsm_error *err)
{
	const unsigned char *p = der;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len);
	int ret;

	if (!info)
		return zkhsm_fail(err, -EBADMSG,
				  "not a private key in unencrypted PKCS#8, the only form accepted (openssl pkcs8 -topk8 -nocrypt makes one)");
	if (p != der + len) {
		PKCS8_PRIV_KEY_INFO_free(info);
		return zkhsm_fail(err, -EBADMSG, "%zu bytes follow the private key",
				  (size_t)(der + len - p));
	}
	*key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (!*key)
		return zkhsm_fail(err, -EBADMSG, "the private key in the PKCS#8 file is malformed");
	ret = check_key(*key, err);
	if (ret) {
		EVP_PKEY_free(*key);
		*key = NULL;
	}
	return ret;
}

/* What a PEM block calls itself, as a sentence about why it is not taken; NULL if it is. */
static const char *refuse_block(const char *name, const char *header)
{
	if (!strcmp(name, "ENCRYPTED PRIVATE KEY"))
		return "the private key is encrypted; decrypt it first (openssl pkcs8 -in ...)";
	if (strcmp(name, "PRIVATE KEY"))
		return "the first PEM block is not a PRIVATE KEY; only unencrypted PKCS#8 is accepted (openssl pkcs8 -topk8 -nocrypt makes one)";
	if (*header)
		return "the PEM block has headers, which PKCS#8 does not";
	return NULL;
}

#define PEM_FLAGS (PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE)

/* Read with the wiping allocator; whatever it finds is freed through it too. */
static bool another_block(BIO *bio)
{
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long len = 0;
	bool found = PEM_read_bio_ex(bio, &name, &header, &der, &len, PEM_FLAGS) == 1;

	/* A block that begins but is broken is not nothing either. */
	if (!found)
		found = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
	OPENSSL_secure_clear_free(der, (size_t)len);
	OPENSSL_secure_free(header);
	OPENSSL_secure_free(name);
	return found;
}

static int decode_pem(const uint8_t *data, size_t len, EVP_PKEY **key, struct zkhsm_error *err)
{
	BIO *bio = BIO_new_mem_buf(data, (int)len);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	const char *why;
	long der_len = 0;
	int ret;

	if (!bio)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	if (PEM_read_bio_ex(bio, &name, &header, &der, &der_len, PEM_FLAGS) != 1) {
		ret = zkhsm_fail(err, -EBADMSG, "the PEM block is malformed");
		goto out;
	}
	why = refuse_block(name, header);
	if (why)
		ret = zkhsm_fail(err, -EBADMSG, "%s", why);
	else if (another_block(bio))
		ret = zkhsm_fail(err, -EBADMSG, "a second PEM block follows the private key");
	else
		ret = decode_der(der, (size_t)der_len, key, err);
out:
	OPENSSL_secure_clear_free(der, (size_t)der_len);
	OPENSSL_secure_free(header);
	OPENSSL_secure_free(name);
	BIO_free(bio);
	return ret;
}

/*
 * One SEQUENCE and nothing behind it, by its header alone. To look for PEM in
 * it would be to choose addresses by the bytes of the secret: memmem() hashes
 * what it searches. A text that is such a header has at most 129 bytes, which is
 * too few for a private key in PEM.
 */
static bool is_der(const uint8_t *data, size_t len)
{
	const unsigned char *p = data;
	long inside;
	int form, tag, class;

	form = ASN1_get_object(&p, &inside, &tag, &class, (long)len);
	return form == V_ASN1_CONSTRUCTED && tag == V_ASN1_SEQUENCE && p + inside == data + len;
}

/**
 * zkhsm_pkcs8_decode() - the private key in a file's bytes
 * @data: PEM or DER
 * @len: at most ZKHSM_PKCS8_MAX
 * @key: for the caller to free; it wipes itself
 * @err: why not
 *
 * Return: 0; -EFBIG; -EBADMSG malformed, encrypted, another container, or more
 * behind it; -EINVAL another kind of key.
 */
int zkhsm_pkcs8_decode(const uint8_t *data, size_t len, EVP_PKEY **key, struct zkhsm_error *err)
{
	static const char begin[] = "-----BEGIN ";
	int ret;

	*key = NULL;
	if (len > ZKHSM_PKCS8_MAX)
		return zkhsm_fail(err, -EFBIG, "a private key of more than %d bytes",
				  ZKHSM_PKCS8_MAX);
	if (len && !is_der(data, len) && memmem(data, len, begin, sizeof(begin) - 1))
		ret = decode_pem(data, len, key, err);
	else
		ret = decode_der(data, len, key, err);
	/* OpenSSL's queue belongs to the thread, which goes on to other things. */
	ERR_clear_error();
	return ret;
}

/**
 * zkhsm_pkcs8_scalar() - the secret scalar of a private key file
 * @data: PEM or DER, at most 4096 bytes
 * @len: how many
 * @scalar: big-endian, full width; the caller wipes it
 * @err: why not
 *
 * Return: 0; what zkhsm_pkcs8_decode() returns.
 */
int zkhsm_pkcs8_scalar(const uint8_t *data, size_t len, uint8_t scalar[32],
		       struct zkhsm_error *err)
{
	BIGNUM *secret = NULL;
	EVP_PKEY *key;
	int ret;

	ret = zkhsm_pkcs8_decode(data, len, &key, err);
	if (ret)
		return ret;
	if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret) ||
	    BN_bn2binpad(secret, scalar, ZKHSM_SCALAR_LEN) != ZKHSM_SCALAR_LEN)
		ret = zkhsm_fail(err, -EBADMSG, "the file has no private scalar");
	BN_clear_free(secret);
	EVP_PKEY_free(key);
	return ret;
}
