/* SPDX-License-Identifier: GPL-2.0 */
/*
 * box.h - authenticated encryption of one head or record under a KEK
 *
 * AES-256-GCM through the kernel crypto API, with a key that is used once:
 * HKDF-SHA-512 (RFC 5869) of the KEK and a salt that never comes again. So
 * there is no counter to keep over reboots and no IV to repeat.
 */
#ifndef ZKHSM_BOX_H
#define ZKHSM_BOX_H

#include "wire-seal.h"

/* The transform is allocated once per load. Return: 0 or the error of the crypto API. */
int zkhsm_box_init(void);
void zkhsm_box_exit(void);
/*
 * A known answer, and that a changed byte is found. Return: 0; -ELIBBAD;
 * -ENOMEM: nothing has been found out.
 */
int zkhsm_box_selftest(void);

/**
 * zkhsm_box_seal() - encrypt in place
 * @kek: the KEK
 * @salt: never used before under this KEK
 * @type: enum zkhsm_wire_type of what it is, so that no type passes for another
 * @buf: @clear_len bytes that are authenticated, @body_len that are encrypted
 *	too, and room for ZKHSM_SEAL_TAG_LEN; in the kernel's linear mapping
 *
 * Return: 0; -ENOMEM; -EIO. The body is as it was, or lost, after an error.
 */
int __must_check zkhsm_box_seal(const u8 kek[ZKHSM_KEK_LEN], const u8 salt[ZKHSM_SEAL_SALT_LEN],
				u8 type, u8 *buf, u32 clear_len, u32 body_len);

/**
 * zkhsm_box_open() - verify and decrypt in place
 *
 * As zkhsm_box_seal(), with the tag behind the body. Return: 0; -EKEYREJECTED
 * when any byte was changed, or the KEK is another; -ENOMEM; -EIO.
 */
int __must_check zkhsm_box_open(const u8 kek[ZKHSM_KEK_LEN], const u8 salt[ZKHSM_SEAL_SALT_LEN],
				u8 type, u8 *buf, u32 clear_len, u32 body_len);

#endif /* ZKHSM_BOX_H */
