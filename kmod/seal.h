/* SPDX-License-Identifier: GPL-2.0 */
/*
 * seal.h - how an HSM outlives its kernel
 *
 *	netlink-seal  ->  seal, unseal, share, hsm  ->  record, kek  ->  box
 *
 * box: encryption of one head or record under a KEK. kek: which KEK, and where
 * it comes from. record: what has changed and is not stored yet, and the set
 * digest. seal: a snapshot of that, encrypted, given out, committed. unseal:
 * the way back. share: KEKs from administrators' shares.
 *
 * Locking: zkhsm_seal_lock, a mutex, is outside zkhsm_lock. It covers the KEK,
 * what was given out and not committed, and what is being unsealed. What has
 * changed is under zkhsm_lock, as are the changes.
 */
#ifndef ZKHSM_SEAL_H
#define ZKHSM_SEAL_H

#include <linux/mutex.h>

#include "wire-seal.h"
#include "zkhsm.h"

extern struct mutex zkhsm_seal_lock;

/**
 * struct zkhsm_kek - one key encryption key
 * @class: enum zkhsm_kek_class; ZKHSM_KEK_CLASS_UNSPEC: there is none
 * @id: tells it from others
 * @key: secret
 * @set_key: of the set digest, derived from @key; secret
 * @blob_len: length of @blob, 0 unless class tpm
 * @blob: the KEK as the TPM sealed it
 */
struct zkhsm_kek {
	u32 class;
	u8 id[ZKHSM_KEK_ID_LEN];
	u8 key[ZKHSM_KEK_LEN];
	u8 set_key[ZKHSM_HMAC_SIZE];
	u32 blob_len;
	u8 blob[ZKHSM_KEK_BLOB_MAX_LEN];
};

/* kek.c */
/* kek_id of a KEK. Return: 0 or -EIO. */
int zkhsm_kek_id(const u8 key[ZKHSM_KEK_LEN], u8 id[ZKHSM_KEK_ID_LEN]);

/* share.c: all under a lock of its own */
struct zkhsm_share_info {
	u32 threshold;
	u32 entered;
	bool complete;
	u8 kek_id[ZKHSM_KEK_ID_LEN];
};

/*
 * zkhsm_share_enter() - enter one share
 * @serial: keyring key whose payload it is
 * @info: what is there now
 *
 * With the last one that is needed the shares are combined and wiped, and the
 * KEK waits to be taken. What was entered is forgotten after ten minutes.
 *
 * Return: 0; -EBADMSG (form, or check: mistyped), -EINVAL (of another set or
 * threshold; or, with the last one, they do not make the KEK whose id they
 * name: then all are forgotten), -EEXIST (this index is there), -EBUSY (a KEK
 * waits already); those of zkhsm_keyring_read(); -ENOMEM; -EIO.
 */
int zkhsm_share_enter(s32 serial, struct zkhsm_share_info *info, struct netlink_ext_ack *extack);
void zkhsm_share_read(struct zkhsm_share_info *info);
void zkhsm_share_forget(void);
/* Gives the KEK out once and forgets it. Return: 0, or -ENOKEY when it is not complete. */
int zkhsm_share_take(u8 key[ZKHSM_KEK_LEN], struct netlink_ext_ack *extack);
/* At unload: waits for the timer. */
void zkhsm_share_exit(void);

#endif /* ZKHSM_SEAL_H */
