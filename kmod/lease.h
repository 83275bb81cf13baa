/* SPDX-License-Identifier: GPL-2.0 */
/*
 * lease.h - leases, and changes of C by order: what managers' orders say that
 * is no vote on an element
 */
#ifndef ZKHSM_LEASE_H
#define ZKHSM_LEASE_H

#include "zkhsm.h"

/* What enforce_grace_ms is when nothing is enforced, and works_until_ms then. */
#define ZKHSM_GRACE_FOR_EVER	U64_MAX

/**
 * struct zkhsm_lease - the lease of one manager
 * @number: n of the evidence that it answers
 * @issued_ms: CLOCK_BOOTTIME of that evidence's nonce; its life counts from here
 * @ttl_ms: its life, max_ttl_ms at most
 * @generation: of the keystore that the evidence was made over
 * @verdict: of all elements but @elements
 * @told: that it has ended
 * @count: how many @elements
 * @elements: those with the other verdict, ascending
 *
 * Immutable but for @told, and that @ttl_ms can become shorter. Locking: zkhsm_lock.
 */
struct zkhsm_lease {
	u32 number;
	u64 issued_ms;
	u64 ttl_ms;
	u64 generation;
	enum zkhsm_lease_verdict verdict;
	bool told;
	u32 count;
	u8 elements[][ZKHSM_HASH_LEN];
};

/* What leases come to for one key; nothing is needed of a key that requires none. */
struct zkhsm_lease_tally {
	u32 needed;
	u32 granted;
	u64 until_ms;
};

/* The same manager by manager, for whoever wants to know why. */
struct zkhsm_key_leases {
	u32 count;
	struct {
		u8 manager_id[ZKHSM_HASH_LEN];
		enum zkhsm_lease_verdict verdict;
		u64 expires_ms;
	} of[ZKHSM_MANAGERS_MAX];
};

/* What is told of a manager's lease; verdict none: there is none. */
struct zkhsm_lease_info {
	u8 manager_id[ZKHSM_HASH_LEN];
	char label[ZKHSM_LABEL_MAX_LEN + 1];
	enum zkhsm_lease_verdict verdict;
	u32 number;
	u64 issued_ms;
	u64 expires_ms;
	u32 exceptions;
};

/* lease.c */
int zkhsm_lease_check(const struct zkhsm_key *key, bool *unleased, struct netlink_ext_ack *extack);
void zkhsm_lease_tally(const struct zkhsm_key *key, struct zkhsm_lease_tally *t);
void zkhsm_lease_read_key(const struct zkhsm_key *key, struct zkhsm_key_leases *l);
void zkhsm_lease_read(const struct zkhsm_manager *m, struct zkhsm_lease_info *info);
bool zkhsm_lease_after(const u8 *id, struct zkhsm_lease_info *info);
u64 zkhsm_lease_expires_ms(const struct zkhsm_lease *l);

/* lease-apply.c */
int zkhsm_lease_apply(const struct zkhsm_order *o, struct zkhsm_order_result *res,
		      struct netlink_ext_ack *extack);
void zkhsm_lease_shorten(u64 max_ttl_ms);
void zkhsm_lease_drop(struct zkhsm_manager *m);
void zkhsm_lease_drop_all(void);

/* lease-timer.c */
void zkhsm_lease_timer_init(void);
void zkhsm_lease_timer_set(void);
void zkhsm_lease_timer_exit(void);

/* order.c, for trust-change.c */
int zkhsm_order_check_number(const struct zkhsm_order *o, const struct zkhsm_manager *by,
			     bool *in_turn, struct netlink_ext_ack *extack);
void zkhsm_order_advance(const struct zkhsm_order *o, struct zkhsm_manager *by,
			 const u8 digest[ZKHSM_HASH_LEN]);

/* trust-change.c */
int zkhsm_trust_change(const struct zkhsm_order *o, const u8 digest[ZKHSM_HASH_LEN],
		       struct zkhsm_order_result *res, struct netlink_ext_ack *extack);

#endif /* ZKHSM_LEASE_H */
