// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers and replies that are about leases.
 */
#include <linux/ktime.h>

#include "lease.h"
#include "netlink-gen.h"
#include "netlink.h"

/* Without the time, which events do not tell. */
int zkhsm_nl_fill_lease(struct sk_buff *skb, const struct zkhsm_lease_info *info)
{
	if (nla_put(skb, ZKHSM_A_LEASE_MANAGER_ID, sizeof(info->manager_id), info->manager_id) ||
	    nla_put_string(skb, ZKHSM_A_LEASE_LABEL, info->label) ||
	    nla_put_u32(skb, ZKHSM_A_LEASE_VERDICT, info->verdict))
		return -EMSGSIZE;
	if (info->verdict == ZKHSM_LEASE_VERDICT_NONE)
		return 0;
	if (nla_put_u32(skb, ZKHSM_A_LEASE_NUMBER, info->number) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_LEASE_ISSUED_MS, info->issued_ms) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_LEASE_EXPIRES_MS, info->expires_ms) ||
	    nla_put_u32(skb, ZKHSM_A_LEASE_EXCEPTIONS, info->exceptions))
		return -EMSGSIZE;
	return 0;
}

/* With the time, by which to read the others. */
int zkhsm_nl_fill_lease_now(struct sk_buff *skb, const struct zkhsm_lease_info *info)
{
	return zkhsm_nl_fill_lease(skb, info) ?:
	       zkhsm_nl_put_u64(skb, ZKHSM_A_LEASE_UPTIME_MS, ktime_to_ms(ktime_get_boottime()));
}

static int fill_one(struct sk_buff *skb, const struct zkhsm_key_leases *l, u32 i)
{
	struct nlattr *nest = nla_nest_start(skb, ZKHSM_A_KEY_LEASE);

	if (!nest ||
	    nla_put(skb, ZKHSM_A_KEY_LEASE_MANAGER_ID, ZKHSM_HASH_LEN, l->of[i].manager_id) ||
	    nla_put_u32(skb, ZKHSM_A_KEY_LEASE_VERDICT, l->of[i].verdict) ||
	    (l->of[i].expires_ms &&
	     zkhsm_nl_put_u64(skb, ZKHSM_A_KEY_LEASE_EXPIRES_MS, l->of[i].expires_ms)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int zkhsm_nl_fill_key_leases(struct sk_buff *skb, const struct zkhsm_key_leases *l)
{
	int err = 0;
	u32 i;

	for (i = 0; !err && i < l->count; i++)
		err = fill_one(skb, l, i);
	return err;
}

int zkhsm_nl_lease_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct zkhsm_manager *m;
	struct zkhsm_lease_info lease;
	struct sk_buff *reply;
	bool pinned;
	void *hdr;

	down_read(&zkhsm_lock);
	m = zkhsm_trust_find(nla_data(info->attrs[ZKHSM_A_LEASE_MANAGER_ID]));
	pinned = m && m->pinned;
	if (pinned)
		zkhsm_lease_read(m, &lease);
	up_read(&zkhsm_lock);
	if (!pinned)
		return zkhsm_refuse_unpinned(info->extack);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	return zkhsm_nl_reply_send(reply, hdr, info, zkhsm_nl_fill_lease_now(reply, &lease));
}
