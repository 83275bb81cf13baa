/* SPDX-License-Identifier: GPL-2.0 */
/*
 * group.h - secret scalar times the generator of P-256
 *
 * The only user of KPP. It calls compute_shared_secret() and nothing else:
 * that is the one entry of crypto/ecc.c that randomises the projective
 * coordinates, generate_public_key() does not.
 */
#ifndef ZKHSM_GROUP_H
#define ZKHSM_GROUP_H

#include "point.h"

/**
 * zkhsm_group_init() - allocate the transforms
 * @driver: driver name of the KPP algorithm, "ecdh-nist-p256-generic" unless
 *	the administrator named a hardware driver
 *
 * Return: 0, or the errno of crypto_alloc_kpp() (-ENOENT: no such driver),
 * -ENOMEM, -EINVAL when the driver is not one for P-256.
 */
int zkhsm_group_init(const char *driver);

/* Overwrites and frees the transforms; idempotent. */
void zkhsm_group_exit(void);

/**
 * zkhsm_group_mul_base_x() - x(k * G), one ladder
 * @k: secret scalar, plain form
 * @x: result, 32 bytes big-endian
 *
 * Sleeps; waits at most for the ladders queued on the same slot. Everything
 * of this module that held @k is wiped before the return.
 *
 * Return: 0; -ERANGE when @k is not in [2, n - 4]; -EAGAIN when the driver
 * refuses this scalar (draw another one); -ENOMEM; -EIO when it fails.
 */
int __must_check zkhsm_group_mul_base_x(const struct zkhsm_scalar *k, u8 x[32]);

/**
 * zkhsm_group_mul_base() - k * G, two ladders and y-recovery
 * @k: secret scalar, plain form
 * @pub: result, SEC1 uncompressed, found to be on the curve
 *
 * Return: as zkhsm_group_mul_base_x(); -EIO also when the two ladders do not
 * give a point on the curve.
 */
int __must_check zkhsm_group_mul_base(const struct zkhsm_scalar *k,
				      u8 pub[ZKHSM_POINT_LEN]);

/*
 * One ladder with a peer of the caller's choice. For the tests at load alone:
 * anything that let a user choose the peer would be a static Diffie-Hellman
 * oracle. Return: as above; -EBADMSG when the driver refuses the peer.
 */
int __must_check zkhsm_group_ladder(const struct zkhsm_scalar *k,
				    const u8 peer[64], u8 x[32]);

/* Overwrites the part of the kernel stack that calls of the past have used. */
void zkhsm_burn_stack(void);

#endif /* ZKHSM_GROUP_H */
