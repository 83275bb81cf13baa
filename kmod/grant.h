/* SPDX-License-Identifier: GPL-2.0 */
/*
 * grant.h - orders of the managers for one operation each
 */
#ifndef ZKHSM_GRANT_H
#define ZKHSM_GRANT_H

#include "zkhsm.h"

struct zkhsm_grant_use;

/**
 * struct zkhsm_grant - the grants that came with one request
 * @count: how many
 * @orders: each ZKHSM_GRANT_LEN bytes, as they came
 * @client_signature: NULL: none came
 * @terms: what all of them say; its manager is the last one's
 * @managers: whose they are, in the order of @orders
 * @digest: names what they say
 * @use: room in the table of those that have been used; NULL once it is there
 * @receipt: for the answer
 *
 * The bytes are the request's and live as long as it. All but the first three
 * is zkhsm_grant_verify()'s to fill in, and zkhsm_grant_receipt()'s.
 */
struct zkhsm_grant {
	u32 count;
	const u8 *orders[ZKHSM_MANAGERS_MAX];
	const u8 *client_signature;
	struct zkhsm_order terms;
	u8 managers[ZKHSM_MANAGERS_MAX][ZKHSM_HASH_LEN];
	u8 digest[ZKHSM_HASH_LEN];
	struct zkhsm_grant_use *use;
	u8 receipt[ZKHSM_RECEIPT_LEN];
};

/* grant.c */
int zkhsm_grant_verify(struct zkhsm_grant *g, const struct zkhsm_key *key, u32 usage,
		       const u8 input[ZKHSM_HASH_LEN], struct netlink_ext_ack *extack);
int zkhsm_grant_check(const struct zkhsm_grant *g, const struct zkhsm_key *key,
		      struct netlink_ext_ack *extack);
int zkhsm_grant_receipt(struct zkhsm_grant *g, const void *output, size_t len,
			struct netlink_ext_ack *extack);
void zkhsm_grant_free(struct zkhsm_grant *g);

/* grant-used.c */
void zkhsm_grant_used_init(unsigned int slots);
void zkhsm_grant_used_exit(void);
struct zkhsm_grant_use *zkhsm_grant_use_alloc(void);
void zkhsm_grant_use_free(struct zkhsm_grant_use *use);
int zkhsm_grant_take(struct zkhsm_grant *g, struct netlink_ext_ack *extack);
int zkhsm_grant_refuse_expired(struct netlink_ext_ack *extack);
void zkhsm_grant_drop_all(void);

/* order.c, for grant.c */
int zkhsm_order_read(struct zkhsm_order *o, const u8 *buf, size_t len,
		     struct netlink_ext_ack *extack);
int zkhsm_order_check_signature(const struct zkhsm_order *o, const u8 *buf,
				u8 digest[ZKHSM_HASH_LEN], struct netlink_ext_ack *extack);

#endif /* ZKHSM_GRANT_H */
