/* SPDX-License-Identifier: GPL-2.0 */
/*
 * secret.h - the private scalar of one key, stored twice
 *
 * Once plain and once in Montgomery form, in separate allocations. Answers
 * are computed from one and rechecked from the other (DESIGN: Faults), so a
 * single corrupted word never leaves the module inside an answer.
 */
#ifndef ZKHSM_SECRET_H
#define ZKHSM_SECRET_H

#include "point.h"

/**
 * struct zkhsm_secret - owner of one private scalar a in [2, n - 4]
 * @plain: a
 * @mont: a * R mod n
 *
 * Both NULL when there is no secret. The object that embeds it serialises
 * zkhsm_secret_wipe() against everything that uses the secret.
 */
struct zkhsm_secret {
	struct zkhsm_scalar *plain;
	struct zkhsm_scalar *mont;
};

/**
 * zkhsm_secret_generate() - draw a private scalar and compute its public key
 * @s: filled in; must not hold a secret; empty after an error
 * @pub: a * G, SEC1 uncompressed
 *
 * Return: 0, -ENOMEM, -EIO (the driver or the hash failed).
 */
int __must_check zkhsm_secret_generate(struct zkhsm_secret *s,
				       u8 pub[ZKHSM_POINT_LEN]);

/**
 * zkhsm_secret_import() - take a private scalar from outside
 * @s: filled in; must not hold a secret; empty after an error
 * @be: 32 bytes big-endian; the caller wipes them
 * @pub: a * G, SEC1 uncompressed
 *
 * Return: 0, -ERANGE when the scalar is not in [2, n - 4], -ENOMEM, -EIO.
 */
int __must_check zkhsm_secret_import(struct zkhsm_secret *s, const u8 be[32],
				     u8 pub[ZKHSM_POINT_LEN]);

/**
 * zkhsm_secret_restore() - take back a private scalar that was sealed here
 * @s: filled in; must not hold a secret; empty after an error
 * @be: 32 bytes big-endian; the caller wipes them
 *
 * The public element stands beside it under one seal and is not computed again.
 * Return: 0, -ERANGE, -ENOMEM.
 */
int __must_check zkhsm_secret_restore(struct zkhsm_secret *s, const u8 be[32]);

/**
 * zkhsm_secret_export() - the scalar, to be sealed
 * @s: holds a secret
 * @be: 32 bytes big-endian; the caller wipes them
 *
 * Return: 0; -EIO when the two forms disagree, which disables proving.
 */
int __must_check zkhsm_secret_export(const struct zkhsm_secret *s, u8 be[32]);

/* Zeroes, frees and forgets both forms; idempotent. */
void zkhsm_secret_wipe(struct zkhsm_secret *s);

static inline bool zkhsm_secret_present(const struct zkhsm_secret *s)
{
	return s->plain && s->mont;
}

#endif /* ZKHSM_SECRET_H */
