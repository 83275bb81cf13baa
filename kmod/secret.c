// SPDX-License-Identifier: GPL-2.0
/*
 * secret.c - birth and death of a private scalar
 */
#include <linux/slab.h>

#include "group.h"
#include "nonce.h"
#include "schnorr.h"
#include "secret.h"

/* Stores @a in both forms. */
static int secret_store(struct zkhsm_secret *s, const struct zkhsm_scalar *a)
{
	s->plain = kmalloc(sizeof(*s->plain), GFP_KERNEL);
	s->mont = kmalloc(sizeof(*s->mont), GFP_KERNEL);
	if (!s->plain || !s->mont) {
		kfree(s->plain);
		kfree(s->mont);
		s->plain = NULL;
		s->mont = NULL;
		return -ENOMEM;
	}
	*s->plain = *a;
	zkhsm_scalar_to_mont(s->mont, a, &zkhsm_p256_n);
	return 0;
}

int zkhsm_secret_generate(struct zkhsm_secret *s, u8 pub[ZKHSM_POINT_LEN])
{
	static const u8 no_context[ZKHSM_HASH_LEN];
	struct zkhsm_scalar a;
	int ret;

	/* A private key is a nonce that is kept: same range, same derivation. */
	ret = zkhsm_nonce_commit(ZKHSM_NONCE_KEYGEN, ZKHSM_SUITE_P256,
				 NULL, no_context, &a, pub);
	if (!ret)
		ret = secret_store(s, &a);
	memzero_explicit(&a, sizeof(a));
	zkhsm_burn_stack();
	return ret;
}

int zkhsm_secret_import(struct zkhsm_secret *s, const u8 be[32],
			u8 pub[ZKHSM_POINT_LEN])
{
	struct zkhsm_scalar a;
	int ret;

	ret = zkhsm_scalar_from_be(&a, be, &zkhsm_p256_n);
	if (!ret)
		ret = zkhsm_group_mul_base(&a, pub);
	if (ret == -EAGAIN)	/* both a and -a refused: no known driver */
		ret = -EIO;
	if (!ret)
		ret = secret_store(s, &a);
	memzero_explicit(&a, sizeof(a));
	zkhsm_burn_stack();
	return ret;
}

int zkhsm_secret_restore(struct zkhsm_secret *s, const u8 be[32])
{
	struct zkhsm_scalar a;
	int ret;

	ret = zkhsm_scalar_from_be(&a, be, &zkhsm_p256_n);
	if (!ret && !zkhsm_scalar_in_range(&a, &zkhsm_p256_n))
		ret = -ERANGE;
	if (!ret)
		ret = secret_store(s, &a);
	memzero_explicit(&a, sizeof(a));
	return ret;
}

int zkhsm_secret_export(const struct zkhsm_secret *s, u8 be[32])
{
	struct zkhsm_scalar again;
	int ret = 0;

	zkhsm_scalar_from_mont(&again, s->mont, &zkhsm_p256_n);
	if (crypto_memneq(&again, s->plain, sizeof(again))) {
		zkhsm_fault_report("sealing");
		ret = -EIO;
	} else {
		zkhsm_scalar_to_be(be, &again, &zkhsm_p256_n);
	}
	memzero_explicit(&again, sizeof(again));
	return ret;
}

void zkhsm_secret_wipe(struct zkhsm_secret *s)
{
	kfree_sensitive(s->plain);
	kfree_sensitive(s->mont);
	s->plain = NULL;
	s->mont = NULL;
}
