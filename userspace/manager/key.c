// SPDX-License-Identifier: GPL-2.0
/*
 * key.c - the order key, wherever it is
 */
#include <errno.h>
#include <string.h>

#include "key.h"

static const struct zkhsmd_key_backend *const backends[] = {
	&zkhsmd_key_file_backend, &zkhsmd_key_pkcs11_backend, &zkhsmd_key_zkhsm_backend,
};

/* That it cannot sign is to be known now, and not when a key has to be revoked. */
static int try_key(EVP_PKEY *key, struct zkhsm_error *err)
{
	/* No order begins like this. */
	static const char message[] = "zkhsm order key, tried at the start";
	uint8_t public[65], digest[32], signature[64];
	int ret;

	if (zkhsm_signer_public(key, public))
		return zkhsm_fail(err, -EINVAL, "the order key is not on P-256");
	ret = zkhsm_signer_sign(key, message, sizeof(message), signature, err);
	if (ret)
		return ret;
	zkhsm_sha256(message, sizeof(message), digest);
	ret = zkhsm_verify_ecdsa(public, digest, signature, NULL);
	return ret ? zkhsm_fail(err, ret, "what the order key signs is not true") : 0;
}

int zkhsmd_order_key_open(const char *what, const char *dir, bool make,
			  struct zkhsmd_order_key *out, struct zkhsm_error *err)
{
	const struct zkhsmd_key_backend *b = NULL;
	int ret;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; !b && i < ARRAY_SIZE(backends); i++) {
		if (strncmp(what, backends[i]->prefix, strlen(backends[i]->prefix)) == 0)
			b = backends[i];
	}
	if (!b)
		return zkhsm_fail(err, -EINVAL,
				  "order_key is file, pkcs11:... or zkhsm:KEY, not \"%s\"", what);
	ret = b->open(what, dir, make, out, err);
	if (ret)
		return ret;
	out->backend = b;
	return try_key(out->pkey, err);
}

void zkhsmd_order_key_close(struct zkhsmd_order_key *k)
{
	EVP_PKEY_free(k->pkey);
	if (k->backend && k->backend->close)
		k->backend->close(k->handle);
	memset(k, 0, sizeof(*k));
}
