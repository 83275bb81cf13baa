// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of the commands by which an HSM outlives its kernel: lock, seal,
 * unseal.
 */
#include "netlink-gen.h"
#include "netlink.h"

int zkhsm_nl_hsm_lock_doit(struct sk_buff *skb, struct genl_info *info)
{
	return zkhsm_nl_not_supported(info);
}

int zkhsm_nl_hsm_seal_doit(struct sk_buff *skb, struct genl_info *info)
{
	return zkhsm_nl_not_supported(info);
}

int zkhsm_nl_hsm_seal_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return -EOPNOTSUPP;
}

int zkhsm_nl_hsm_unseal_doit(struct sk_buff *skb, struct genl_info *info)
{
	return zkhsm_nl_not_supported(info);
}
