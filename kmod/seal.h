/* SPDX-License-Identifier: GPL-2.0 */
/*
 * seal.h - how an HSM outlives its kernel
 *
 *	netlink-seal  ->  seal, unseal, share, hsm  ->  record, kek  ->  box
 *
 * box: encryption of one head or record under a KEK. kek: which KEK, and where
 * it comes from. record: what has changed and is not stored yet. set: the set
 * digest. seal (with moment and item, see offer.h): a snapshot of that,
 * encrypted, given out, committed. unseal, unseal-record: the way back. share:
 * KEKs from administrators' shares.
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

/**
 * struct zkhsm_kek_source - where a request says that a KEK is
 * @class: enum zkhsm_kek_class
 * @serial: of a keyring key, for class keyring; 0: not given
 * @pcrs: bit mask, for class tpm
 * @blob: for class tpm: the KEK that the TPM is to give back, or whose policy
 *	another one is to have
 * @blob_len: its length; 0: not given
 */
struct zkhsm_kek_source {
	u32 class;
	s32 serial;
	u32 pcrs;
	const u8 *blob;
	u32 blob_len;
};

/* kek.c: sleeps, and asks the TPM; not with zkhsm_lock held */
/* kek_id of a KEK. Return: 0 or -EIO. */
int zkhsm_kek_id(const u8 key[ZKHSM_KEK_LEN], u8 id[ZKHSM_KEK_ID_LEN]);
int zkhsm_kek_new(struct zkhsm_kek *kek, const struct zkhsm_kek_source *src,
		  struct netlink_ext_ack *extack);
int zkhsm_kek_again(struct zkhsm_kek *kek, const struct zkhsm_kek_source *src,
		    const u8 id[ZKHSM_KEK_ID_LEN], struct netlink_ext_ack *extack);
void zkhsm_kek_wipe(struct zkhsm_kek *kek);
/* There is an HSM now, or never will be: what the TPM gave back is kept no longer. */
void zkhsm_kek_forget(void);
bool zkhsm_kek_kept(void);
u32 zkhsm_kek_flag(u32 class);

/* set.c: the set digest, a number of 64 bytes, big-endian */
int zkhsm_set_add(u8 set[ZKHSM_SET_DIGEST_LEN], const struct zkhsm_kek *kek,
		  const u8 digest[ZKHSM_HASH_LEN]);
int zkhsm_set_sub(u8 set[ZKHSM_SET_DIGEST_LEN], const struct zkhsm_kek *kek,
		  const u8 digest[ZKHSM_HASH_LEN]);

/* seal.c */
/* One record, or word that there is none any more, or the head, on its way out. */
struct zkhsm_sealed_item {
	struct list_head node;
	u8 kind;		/* 0: the head */
	bool removed;
	u8 name_len;
	u8 name[ZKHSM_ID_MAX_LEN + 1];
	u32 len;
	u8 bytes[];
};

/**
 * struct zkhsm_sealing - what one hsm-seal gives out
 * @items: struct zkhsm_sealed_item, the head last; nobody changes them
 * @sequence: its number
 * @records: how many records the head counts
 * @largest: length of the longest item
 * @blob_len: of @blob, 0 unless class tpm
 */
struct zkhsm_sealing {
	struct list_head items;
	u64 sequence;
	u32 records;
	u32 largest;
	u32 blob_len;
	u8 blob[ZKHSM_KEK_BLOB_MAX_LEN];
};

struct zkhsm_seal_request {
	bool full;
	bool rekey;
	s32 serial;
};

struct zkhsm_sealing *zkhsm_seal(const struct zkhsm_seal_request *req,
				 struct netlink_ext_ack *extack);
void zkhsm_sealing_free(struct zkhsm_sealing *s);
int zkhsm_seal_commit(u64 sequence, struct netlink_ext_ack *extack);
int zkhsm_seal_check_counter(u32 index, u64 counter, struct netlink_ext_ack *extack);

/**
 * struct zkhsm_seal_start - what sealing goes on from
 * @kek: the KEK; class unspec: nothing will be sealed
 * @sequence: of what is stored, 0: nothing is
 * @records: how many
 * @set: their set digest
 * @counter_index: NV index in the TPM, 0: none
 * @counter: where the TPM's counter has to be at least
 */
struct zkhsm_seal_start {
	const struct zkhsm_kek *kek;
	u64 sequence;
	u32 records;
	u8 set[ZKHSM_SET_DIGEST_LEN];
	u32 counter_index;
	u64 counter;
};

int zkhsm_seal_begin(const struct zkhsm_seal_start *start, struct netlink_ext_ack *extack);
int zkhsm_seal_check_settled(struct netlink_ext_ack *extack);
void zkhsm_seal_exit(void);

/* unseal.c */
struct zkhsm_unseal_info {
	u64 sequence;
	u32 boot_count;
	u32 records;
	bool finished;
};

int zkhsm_unseal_init(void);
void zkhsm_unseal_exit(void);
int zkhsm_unseal_head(u32 portid, const u8 *head, u32 len, const struct zkhsm_kek_source *src,
		      struct zkhsm_unseal_info *info, struct netlink_ext_ack *extack);
int zkhsm_unseal_record(u32 portid, const u8 *record, u32 len, struct zkhsm_unseal_info *info,
			struct netlink_ext_ack *extack);
int zkhsm_unseal_finish(u32 portid, struct zkhsm_unseal_info *info,
			struct netlink_ext_ack *extack);
void zkhsm_unseal_drop(void);
bool zkhsm_unseal_under_way(void);

/* unseal-record.c: @s has been decrypted, @digest is SHA-256 of what it came as */
int zkhsm_unseal_key(const struct zkhsm_sealed *s, const u8 digest[ZKHSM_HASH_LEN],
		     struct netlink_ext_ack *extack);
int zkhsm_unseal_votes(const struct zkhsm_sealed *s, const u8 digest[ZKHSM_HASH_LEN],
		       struct netlink_ext_ack *extack);
bool zkhsm_unseal_fits(void);

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
