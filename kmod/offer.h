/* SPDX-License-Identifier: GPL-2.0 */
/*
 * offer.h - a sealing while it is made, and until it is committed
 *
 *	seal  ->  moment, item  ->  record, box
 *
 * moment: what is to be sealed, as it was under the lock. item: one record or
 * the head of it, encrypted. For seal.c, moment.c and item.c alone.
 */
#ifndef ZKHSM_OFFER_H
#define ZKHSM_OFFER_H

#include "seal.h"

/* One record of a sealing. */
struct zkhsm_entry {
	struct zkhsm_record *record;
	struct zkhsm_key *key;		/* a reference, or NULL */
	bool removed;
	bool silent;			/* another one has its name: nothing to tell the store */
	bool stopped;
	u32 first_vote;
	u32 vote_count;
	u8 name_len;
	u8 name[ZKHSM_ID_MAX_LEN];
	struct zkhsm_key_body body;	/* but for the secret */
	u8 digest[ZKHSM_HASH_LEN];	/* of the sealed record, unless @removed */
};

/**
 * struct zkhsm_moment - all that is sealed, as it was in one moment
 * @number: of the last change that it contains
 * @entries: the records
 * @votes: of all entries
 * @managers: encoded
 * @config: C
 */
struct zkhsm_moment {
	u64 number;
	u32 count;
	u32 room;
	struct zkhsm_entry *entries;
	u32 vote_count;
	u32 vote_room;
	struct zkhsm_vote_entry *votes;
	u32 managers_len;
	u32 managers_room;
	u8 *managers;
	u16 manager_count;
	u32 boot_count;
	u32 agent;
	u16 config_len;
	u8 config[ZKHSM_CONFIGURATION_MAX_LEN];
};

/* What was given out last and has not been committed. */
struct zkhsm_offer {
	struct zkhsm_moment m;
	u64 sequence;
	u32 counter_index;
	u64 counter;
	u32 records;
	bool full;
	bool rekey;
	u8 set[ZKHSM_SET_DIGEST_LEN];
	struct zkhsm_kek kek;
};

/* moment.c */
int zkhsm_moment_take(struct zkhsm_moment *m, bool all);
void zkhsm_moment_free(struct zkhsm_moment *m);

/* item.c */
struct zkhsm_sealed_item *zkhsm_item_record(const struct zkhsm_offer *o, struct zkhsm_entry *e);
struct zkhsm_sealed_item *zkhsm_item_removed(const struct zkhsm_entry *e);
struct zkhsm_sealed_item *zkhsm_item_head(const struct zkhsm_offer *o);
void zkhsm_item_free(struct zkhsm_sealed_item *item);

#endif /* ZKHSM_OFFER_H */
