/* SPDX-License-Identifier: GPL-2.0 */
/*
 * record.h - what of an object has been sealed and stored, and what has not
 *
 * Part of every key and of every element. A key or element that goes away
 * while the store has a record of it stays until the store has been told.
 */
#ifndef ZKHSM_RECORD_H
#define ZKHSM_RECORD_H

#include <linux/list.h>
#include <linux/types.h>
#include <linux/zkhsm.h>

/**
 * struct zkhsm_record - the sealed record of one key, or of one element's votes
 * @waiting: among those that have changed since they were stored
 * @changed: the number of the last change
 * @kind: enum zkhsm_record_kind
 * @gone: there is nothing to seal any more; the record is to be removed
 * @offered: it was part of a sealing, which may or may not have been stored
 * @stored: a sealing that it was part of was committed
 * @digest: SHA-256 of the sealed record, while @stored
 *
 * Locking: zkhsm_lock; @digest zkhsm_seal_lock as well.
 */
struct zkhsm_record {
	struct list_head waiting;
	u64 changed;
	u8 kind;
	bool gone;
	bool offered;
	bool stored;
	u8 digest[ZKHSM_HASH_LEN];
};

void zkhsm_record_init(struct zkhsm_record *r, u8 kind);
void zkhsm_record_changed(struct zkhsm_record *r);
bool zkhsm_record_gone(struct zkhsm_record *r);
void zkhsm_record_head_changed(void);
/* How many records, and the head, wait to be stored; 0 also where nothing is ever sealed. */
u32 zkhsm_record_waiting(void);
/* From now on changes are told apart from what is stored. */
void zkhsm_record_enable(void);
void zkhsm_record_exit(void);

/* For seal.c. */
extern struct list_head zkhsm_records_waiting;
u64 zkhsm_record_moment(void);
void zkhsm_record_committed(struct zkhsm_record *r, u64 moment);
void zkhsm_record_head_committed(u64 moment);

#endif /* ZKHSM_RECORD_H */
