// SPDX-License-Identifier: GPL-2.0
/*
 * identity.c - the keys of a manager
 *
 * The order key is what kernels pin and is never replaced in silence: a store
 * that was written under another one is refused, and so is a store without its
 * key. The token key can be renewed by removing its file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

/* The store says whose it is from its first day on. */
static int claim(struct zkhsmd_store *s, const uint8_t manager_id[32], struct zkhsm_error *err)
{
	int ret = s->ops->begin(s);

	if (!ret)
		ret = s->ops->meta_put(s, ZKHSMD_META_MANAGER_ID, manager_id, 32);
	if (!ret)
		ret = s->ops->commit(s);
	if (ret) {
		s->ops->rollback(s);
		return zkhsm_fail(err, ret, "the store cannot be written: %s", strerror(-ret));
	}
	return 0;
}

int zkhsmd_identity_open(struct zkhsmd_identity *id, const struct zkhsmd_config *c,
			 struct zkhsmd_store *store, struct zkhsm_error *err)
{
	const char *dir = c->state_dir;
	uint8_t known[32];
	char *hex;
	int ret, found;

	memset(id, 0, sizeof(*id));
	found = store->ops->meta_get(store, ZKHSMD_META_MANAGER_ID, known, sizeof(known));
	if (found && found != -ENOENT)
		return zkhsm_fail(err, found, "the store cannot be read: %s", strerror(-found));
	ret = zkhsmd_order_key_open(c->order_key, dir, found == -ENOENT, &id->order, err);
	if (!ret)
		ret = zkhsmd_key_file(dir, "token.key", true, &id->token_key, err);
	if (ret)
		return ret;
	EVP_PKEY_up_ref(id->order.pkey);
	id->order_key = id->order.pkey;
	zkhsm_signer_remember(id->order_key);
	zkhsm_signer_remember(id->token_key);
	ret = zkhsm_signer_public(id->order_key, id->order_public);
	if (ret)
		return zkhsm_fail(err, ret, "the order key has no public key");
	zkhsm_sha256(id->order_public, sizeof(id->order_public), id->manager_id);
	if (!found && memcmp(known, id->manager_id, sizeof(known)) != 0)
		return zkhsm_fail(err, -EINVAL,
				  "the order key (%s) is not the key that %s/zkhsmd.db was written with",
				  c->order_key, dir);
	id->jwks = zkhsm_jwks(&id->token_key, 1);
	hex = zkhsm_hex(id->manager_id, sizeof(id->manager_id));
	if (!hex || !id->jwks) {
		free(hex);
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	}
	snprintf(id->issuer, sizeof(id->issuer), "zkhsm:%s", hex);
	free(hex);
	return found == -ENOENT ? claim(store, id->manager_id, err) : 0;
}

void zkhsmd_identity_close(struct zkhsmd_identity *id)
{
	EVP_PKEY_free(id->order_key);
	zkhsmd_order_key_close(&id->order);
	EVP_PKEY_free(id->token_key);
	json_decref(id->jwks);
	memset(id, 0, sizeof(*id));
}
