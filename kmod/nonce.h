/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nonce.h - hedged nonces
 *
 * v = HMAC-SHA-512(nonce_seed | secret,
 *		    purpose u8 | suite u16 | block u8 | entropy 64 |
 *		    counter u32 | context digest 32)
 *
 * the leftmost 48 bytes reduced mod n; all integers big-endian, blocks
 * counted from 1. If the random generator repeats itself (a restored VM),
 * two different contexts still give independent nonces, and one context
 * gives the same nonce to the same challenge, which reveals nothing. If the
 * seed is known, fresh entropy protects; if the entropy is known, the secret
 * does.
 */
#ifndef ZKHSM_NONCE_H
#define ZKHSM_NONCE_H

#include "secret.h"
#include "transcript.h"
#include "wire.h"

#define ZKHSM_NONCE_SEED_SIZE		64
#define ZKHSM_NONCE_ENTROPY_SIZE	64

/* One nonce never serves two purposes: the purpose is in the message. */
enum zkhsm_nonce_purpose {
	ZKHSM_NONCE_PROVE	= 1,
	ZKHSM_NONCE_ATTEST	= 2,
	ZKHSM_NONCE_ECDSA	= 3,
	ZKHSM_NONCE_ANNOUNCE	= 4,
	ZKHSM_NONCE_KEYGEN	= 5,
	ZKHSM_NONCE_SEAL	= 6,
	ZKHSM_NONCE_RECEIPT	= 7,
};

/* Draws the seed; waits for the random generator, so only at load. */
int zkhsm_nonce_init(void);
void zkhsm_nonce_exit(void);

/**
 * zkhsm_nonce_draw() - draw a nonce in [2, n - 4]
 * @purpose: what for
 * @suite: enum zkhsm_suite
 * @secret: the key's own secret, the identity's for evidence; NULL when there
 *	is none yet (key generation): 32 zero bytes take its place
 * @context_digest: SHA-256 of everything hashed later but the commitment
 * @counter: in: value to use; out: the value after the one that was used, so
 *	that a caller whose nonce is refused later calls again
 * @v: the nonce, plain form; the caller wipes it
 *
 * Return: 0, or -EIO when the hash driver fails.
 */
int __must_check zkhsm_nonce_draw(enum zkhsm_nonce_purpose purpose, u16 suite,
				  const struct zkhsm_secret *secret,
				  const u8 context_digest[ZKHSM_HASH_LEN],
				  u32 *counter, struct zkhsm_scalar *v);

/**
 * zkhsm_nonce_commit() - draw a nonce and compute its commitment V = v * G
 * @purpose: as above
 * @suite: as above
 * @secret: as above
 * @context_digest: as above
 * @v: the nonce; the caller wipes it
 * @commitment: V, SEC1 uncompressed
 *
 * Draws again when the driver refuses v. Return: 0, -ENOMEM, -EIO.
 */
int __must_check zkhsm_nonce_commit(enum zkhsm_nonce_purpose purpose, u16 suite,
				    const struct zkhsm_secret *secret,
				    const u8 context_digest[ZKHSM_HASH_LEN],
				    struct zkhsm_scalar *v,
				    u8 commitment[ZKHSM_POINT_LEN]);

/**
 * zkhsm_nonce_salt() - 32 bytes that never come again under one key
 * @key: 32 bytes, takes the place of the secret
 * @context_digest: SHA-256 of everything that the salt is for
 * @salt: the leftmost bytes of the HMAC above; public
 *
 * The suite is 0. Return: 0 or -EIO.
 */
int __must_check zkhsm_nonce_salt(const u8 key[ZKHSM_SCALAR_LEN],
				  const u8 context_digest[ZKHSM_HASH_LEN],
				  u8 salt[ZKHSM_HASH_LEN]);

/* Everything that goes into one nonce; for zkhsm_nonce_derive(). */
struct zkhsm_nonce_input {
	const u8 *seed;			/* ZKHSM_NONCE_SEED_SIZE */
	const u8 *secret;		/* 32, big-endian */
	const u8 *entropy;		/* ZKHSM_NONCE_ENTROPY_SIZE */
	const u8 *context_digest;	/* ZKHSM_HASH_LEN */
	u32 counter;
	u16 suite;
	u8 purpose;
};

/* The formula above, without drawing anything and without the range check. */
int __must_check zkhsm_nonce_derive(const struct zkhsm_nonce_input *in,
				    struct zkhsm_scalar *v);

#endif /* ZKHSM_NONCE_H */
