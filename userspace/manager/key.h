/* SPDX-License-Identifier: GPL-2.0 */
/*
 * key.h - where the order key is: behind one table
 *
 * Whatever the backend, it gives an EVP_PKEY that signs, in any thread: nobody else
 * knows the difference. Leases and orders are signed on the writer, within the
 * transaction that records them; so a slow token bounds how many there can be in a
 * second, of whatever is written.
 */
#ifndef ZKHSM_KEY_H
#define ZKHSM_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "zkhsm.h"

struct zkhsmd_key_backend;

/**
 * struct zkhsmd_order_key - the order key while it is open
 * @pkey:	signs; its public half can be asked for
 * @handle:	the backend's, ended after @pkey
 */
struct zkhsmd_order_key {
	EVP_PKEY *pkey;
	const struct zkhsmd_key_backend *backend;
	void *handle;
};

/**
 * struct zkhsmd_key_backend - one place where keys can be
 * @prefix:	of [keys] order_key; the first that fits is asked
 * @open:	@what as configured, @dir the state directory; @make: a new manager, whose
 *		key may be made here. -ENOENT: there is no such key
 */
struct zkhsmd_key_backend {
	const char *prefix;
	int (*open)(const char *what, const char *dir, bool make, struct zkhsmd_order_key *out,
		    struct zkhsm_error *err);
	void (*close)(void *handle);
};

/* -EINVAL: @what names no backend; else what its open() says. On P-256 in any case. */
int zkhsmd_order_key_open(const char *what, const char *dir, bool make,
			  struct zkhsmd_order_key *out, struct zkhsm_error *err);
void zkhsmd_order_key_close(struct zkhsmd_order_key *k);

/* A key file of the state directory, made if @make and it is not there. */
int zkhsmd_key_file(const char *dir, const char *name, bool make, EVP_PKEY **key,
		    struct zkhsm_error *err);

extern const struct zkhsmd_key_backend zkhsmd_key_file_backend, zkhsmd_key_pkcs11_backend,
	zkhsmd_key_zkhsm_backend;

#endif /* ZKHSM_KEY_H */
