// SPDX-License-Identifier: GPL-2.0
/*
 * transcript.c - the module's hashing: SHA-256 transcripts and HMAC-SHA-512
 */
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "compat.h"
#include "transcript.h"

static struct crypto_shash *sha256_tfm;
static struct crypto_shash *hmac_tfm;

/* Protects the key of hmac_tfm. */
static DEFINE_MUTEX(hmac_lock);

static struct shash_desc *desc_of(struct zkhsm_transcript *t)
{
	return (struct shash_desc *)t->hash.desc;
}

void zkhsm_transcript_init(struct zkhsm_transcript *t)
{
	desc_of(t)->tfm = sha256_tfm;
	t->err = crypto_shash_init(desc_of(t));
}

void zkhsm_transcript_raw(struct zkhsm_transcript *t, const void *data,
			  size_t len)
{
	if (!t->err)
		t->err = crypto_shash_update(desc_of(t), data, len);
}

void zkhsm_transcript_item(struct zkhsm_transcript *t, const void *data,
			   size_t len)
{
	u8 prefix[4];

	if (WARN_ON_ONCE(len > U32_MAX)) {
		t->err = -EINVAL;
		return;
	}
	put_unaligned_be32(len, prefix);
	zkhsm_transcript_raw(t, prefix, sizeof(prefix));
	zkhsm_transcript_raw(t, data, len);
}

int zkhsm_transcript_final(struct zkhsm_transcript *t,
			   u8 out[ZKHSM_HASH_LEN])
{
	int ret = t->err;

	if (!ret)
		ret = crypto_shash_final(desc_of(t), out);
	memzero_explicit(t, sizeof(*t));
	return ret;
}

int zkhsm_sha256(const void *data, size_t len, u8 out[ZKHSM_HASH_LEN])
{
	return crypto_shash_tfm_digest(sha256_tfm, data, len, out);
}

int zkhsm_hmac_sha512(const u8 *key, size_t key_len, const u8 *msg,
		      size_t msg_len, u8 out[ZKHSM_HMAC_SIZE])
{
	static const u8 zero_key[ZKHSM_HMAC_SIZE];
	int ret, err;

	if (WARN_ON_ONCE(key_len > ZKHSM_HMAC_MAX_KEY))
		return -EINVAL;

	mutex_lock(&hmac_lock);
	ret = crypto_shash_setkey(hmac_tfm, key, key_len);
	if (!ret)
		ret = crypto_shash_tfm_digest(hmac_tfm, msg, msg_len, out);
	err = crypto_shash_setkey(hmac_tfm, zero_key, sizeof(zero_key));
	mutex_unlock(&hmac_lock);
	return ret ?: err;
}

static int alloc_tfm(struct crypto_shash **slot, const char *name)
{
	struct crypto_shash *tfm = crypto_alloc_shash(name, 0, 0);

	if (IS_ERR(tfm)) {
		pr_err("not loaded: no %s of this kernel (%ld)\n", name, PTR_ERR(tfm));
		return PTR_ERR(tfm);
	}
	*slot = tfm;
	return 0;
}

/* Transcripts are on stacks, with room for the state of every usual driver and no more. */
static int check_sizes(void)
{
	if (crypto_shash_descsize(sha256_tfm) > ZKHSM_HASH_STATE_SIZE) {
		pr_err("not loaded: the SHA-256 driver %s has a state of %u bytes, more than %u\n",
		       crypto_shash_driver_name(sha256_tfm), crypto_shash_descsize(sha256_tfm),
		       (u32)ZKHSM_HASH_STATE_SIZE);
		return -EINVAL;
	}
	if (crypto_shash_digestsize(sha256_tfm) != ZKHSM_HASH_LEN ||
	    crypto_shash_digestsize(hmac_tfm) != ZKHSM_HMAC_SIZE) {
		pr_err("not loaded: the digests of %s or %s have another length\n",
		       crypto_shash_driver_name(sha256_tfm), crypto_shash_driver_name(hmac_tfm));
		return -EINVAL;
	}
	return 0;
}

int zkhsm_hash_init(void)
{
	int ret;

	ret = alloc_tfm(&sha256_tfm, "sha256");
	if (!ret)
		ret = alloc_tfm(&hmac_tfm, "hmac(sha512)");
	if (!ret)
		ret = check_sizes();
	if (ret)
		zkhsm_hash_exit();
	return ret;
}

void zkhsm_hash_exit(void)
{
	crypto_free_shash(hmac_tfm);
	crypto_free_shash(sha256_tfm);
	hmac_tfm = NULL;
	sha256_tfm = NULL;
}
