/* SPDX-License-Identifier: GPL-2.0 */
/*
 * transcript.h - SHA-256 over length-prefixed items, and HMAC-SHA-512
 *
 * An item is its length in 4 bytes, big-endian, then its bytes (RFC 8235,
 * section 3.3): no two sequences of items hash the same string.
 */
#ifndef ZKHSM_TRANSCRIPT_H
#define ZKHSM_TRANSCRIPT_H

#include <linux/types.h>
#include <linux/zkhsm.h>
#include <crypto/hash.h>

#define ZKHSM_HMAC_SIZE		64
#define ZKHSM_HMAC_MAX_KEY	128

/* Room for the state of any "sha256" driver; checked at load. */
#define ZKHSM_HASH_STATE_SIZE	368

/**
 * struct zkhsm_sha256 - one running hash, may live on the stack
 * @desc: memory of a struct shash_desc and its state
 */
struct zkhsm_sha256 {
	u8 desc[sizeof(struct shash_desc) + ZKHSM_HASH_STATE_SIZE]
		__aligned(__alignof__(struct shash_desc));
};

/**
 * struct zkhsm_transcript - the hash of a sequence of items
 * @hash: running hash
 * @err: first error; later calls do nothing, final returns it
 */
struct zkhsm_transcript {
	struct zkhsm_sha256 hash;
	int err;
};

/* Allocate and free the hash transforms; once per load. */
int zkhsm_hash_init(void);
void zkhsm_hash_exit(void);

void zkhsm_transcript_init(struct zkhsm_transcript *t);
/* Length prefix and bytes. @len up to 2^32 - 1. */
void zkhsm_transcript_item(struct zkhsm_transcript *t, const void *data,
			   size_t len);
/* Bytes alone, for what has a fixed length or carries its own. */
void zkhsm_transcript_raw(struct zkhsm_transcript *t, const void *data,
			  size_t len);
/* Also wipes @t. Return: 0 or the first error of the hash driver. */
int __must_check zkhsm_transcript_final(struct zkhsm_transcript *t,
					u8 out[ZKHSM_HASH_LEN]);

int __must_check zkhsm_sha256(const void *data, size_t len,
			      u8 out[ZKHSM_HASH_LEN]);

/**
 * zkhsm_hmac_sha512() - one HMAC
 * @key: at most ZKHSM_HMAC_MAX_KEY bytes, secret; the transform forgets it
 *	before the return
 *
 * Sleeps: setting a key changes the transform, hence a mutex held for the
 * microseconds of one HMAC. Return: 0 or the error of the hash driver.
 */
int __must_check zkhsm_hmac_sha512(const u8 *key, size_t key_len,
				   const u8 *msg, size_t msg_len,
				   u8 out[ZKHSM_HMAC_SIZE]);

#endif /* ZKHSM_TRANSCRIPT_H */
