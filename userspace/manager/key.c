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

int zkhsmd_order_key_open(const char *what, const char *dir, bool make,
			  struct zkhsmd_order_key *out, struct zkhsm_error *err)
{
	const struct zkhsmd_key_backend *b = NULL;
	uint8_t public[65];
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
	if (zkhsm_signer_public(out->pkey, public))
		return zkhsm_fail(err, -EINVAL, "the order key is not on P-256");
	return 0;
}

void zkhsmd_order_key_close(struct zkhsmd_order_key *k)
{
	EVP_PKEY_free(k->pkey);
	if (k->backend && k->backend->close)
		k->backend->close(k->handle);
	memset(k, 0, sizeof(*k));
}
