/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ecdsa.h - ECDSA on P-256 over a SHA-256 digest (FIPS 186-5, section 6)
 */
#ifndef ZKHSM_ECDSA_H
#define ZKHSM_ECDSA_H

#include "secret.h"

/**
 * zkhsm_ecdsa_sign() - sign a digest
 * @a: the secret
 * @pub: its public key
 * @digest: SHA-256 of the message
 * @sig: r (32) | s (32), big-endian
 *
 * Return: 0; -ENOKEY when @a holds no secret; -ENOMEM; -EIO when something
 * failed or the signature does not verify, which is reported as a fault.
 * @sig is zero after an error.
 */
int __must_check zkhsm_ecdsa_sign(const struct zkhsm_secret *a,
				  const u8 pub[ZKHSM_POINT_LEN],
				  const u8 digest[32],
				  u8 sig[ZKHSM_SIGNATURE_LEN]);

/**
 * zkhsm_ecdsa_verify() - check a signature
 *
 * Return: 0; -EBADMSG when @pub is not a point, or r or s is zero or not
 * below n; -EKEYREJECTED when the signature is false.
 */
int __must_check zkhsm_ecdsa_verify(const u8 pub[ZKHSM_POINT_LEN],
				    const u8 digest[32],
				    const u8 sig[ZKHSM_SIGNATURE_LEN]);

/* With a given nonce, for the known answers at load; see schnorr.h. */
int __must_check zkhsm_ecdsa_sign_fixed(const struct zkhsm_secret *a,
					const u8 pub[ZKHSM_POINT_LEN],
					const struct zkhsm_scalar *k,
					const u8 digest[32],
					u8 sig[ZKHSM_SIGNATURE_LEN]);

#endif /* ZKHSM_ECDSA_H */
