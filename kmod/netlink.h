/* SPDX-License-Identifier: GPL-2.0 */
/*
 * netlink.h - what the netlink files share with each other and nobody else
 */
#ifndef ZKHSM_NETLINK_H
#define ZKHSM_NETLINK_H

#include "zkhsm.h"

extern struct genl_family zkhsm_nl_family;

/* netlink.c */
int zkhsm_nl_admit(u8 cmd, struct sk_buff *skb, struct netlink_ext_ack *extack);
int zkhsm_nl_not_supported(struct genl_info *info);
const char *zkhsm_netlink_driver(void);

/* Not aligned to 8 bytes: that would take a padding attribute, and no reader needs it. */
static inline int zkhsm_nl_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put(skb, attr, sizeof(value), &value);
}

/* netlink-fill.c */
struct sk_buff *zkhsm_nl_reply_new(struct genl_info *info, void **hdr);
int zkhsm_nl_reply_send(struct sk_buff *skb, void *hdr, struct genl_info *info, int err);
int zkhsm_nl_fill_hsm(struct sk_buff *skb, const struct zkhsm_hsm_info *info);
int zkhsm_nl_fill_key(struct sk_buff *skb, const struct zkhsm_key_info *info);
int zkhsm_nl_fill_manager(struct sk_buff *skb, const struct zkhsm_manager_info *info);
int zkhsm_nl_fill_evidence(struct sk_buff *skb, const struct zkhsm_evidence *ev);
int zkhsm_nl_fill_list(struct sk_buff *skb, const struct zkhsm_list *list);
int zkhsm_nl_fill_order(struct sk_buff *skb, const struct zkhsm_order_result *res);

/* netlink-lease.c */
struct zkhsm_key_leases;
int zkhsm_nl_fill_lease(struct sk_buff *skb, const struct zkhsm_lease_info *info);
int zkhsm_nl_fill_lease_now(struct sk_buff *skb, const struct zkhsm_lease_info *info);
int zkhsm_nl_fill_key_leases(struct sk_buff *skb, const struct zkhsm_key_leases *l);

/* netlink-event.c */
void zkhsm_nl_events_enable(bool on);
void zkhsm_nl_event_evidence(const struct zkhsm_evidence *ev);
void zkhsm_nl_audit_changes(const struct zkhsm_change *changes, u32 count);

/* netlink-seal.c */
struct zkhsm_sealing;
struct zkhsm_sealed_item;
struct zkhsm_sealing *zkhsm_nl_seal_start(struct netlink_callback *cb,
					  struct netlink_ext_ack *extack);
int zkhsm_nl_fill_sealed(struct sk_buff *skb, struct netlink_callback *cb,
			 const struct zkhsm_sealing *s, const struct zkhsm_sealed_item *item);

/* netlink-dump.c */
int zkhsm_nl_dump_start(struct netlink_callback *cb);
int zkhsm_nl_dump_done(struct netlink_callback *cb);

#endif /* ZKHSM_NETLINK_H */
