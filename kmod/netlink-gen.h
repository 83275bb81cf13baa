/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/zkhsm.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_ZKHSM_GEN_H
#define _LINUX_ZKHSM_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/zkhsm.h>

/* Common nested types */
extern const struct nla_policy zkhsm_challenge_nl_policy[ZKHSM_A_CHALLENGE_NONCE + 1];

extern const struct nla_policy zkhsm_hsm_new_nl_policy[ZKHSM_A_HSM_COUNTER_INDEX + 1];

extern const struct nla_policy zkhsm_hsm_get_nl_policy[ZKHSM_A_HSM_HSM_ID + 1];

extern const struct nla_policy zkhsm_hsm_set_nl_policy[ZKHSM_A_HSM_AGENT_UID + 1];

extern const struct nla_policy zkhsm_hsm_lock_nl_policy[ZKHSM_A_HSM_HSM_ID + 1];

extern const struct nla_policy zkhsm_hsm_seal_nl_policy[ZKHSM_A_SEAL_KEYRING_SERIAL + 1];

extern const struct nla_policy zkhsm_hsm_unseal_nl_policy[ZKHSM_A_SEAL_FINISH + 1];

extern const struct nla_policy zkhsm_key_new_nl_policy[ZKHSM_A_KEY_KEYRING_SERIAL + 1];

extern const struct nla_policy zkhsm_key_get_nl_policy[ZKHSM_A_KEY_ID + 1];

extern const struct nla_policy zkhsm_key_set_nl_policy[ZKHSM_A_KEY_OWNER_UID + 1];

extern const struct nla_policy zkhsm_key_del_nl_policy[ZKHSM_A_KEY_ID + 1];

extern const struct nla_policy zkhsm_key_sign_nl_policy[ZKHSM_A_KEY_CLIENT_SIGNATURE + 1];

extern const struct nla_policy zkhsm_key_mac_nl_policy[ZKHSM_A_KEY_ID + 1];

extern const struct nla_policy zkhsm_key_derive_nl_policy[ZKHSM_A_KEY_ID + 1];

extern const struct nla_policy zkhsm_proof_get_nl_policy[ZKHSM_A_PROOF_CLIENT_SIGNATURE + 1];

extern const struct nla_policy zkhsm_evidence_get_nl_policy[ZKHSM_A_EVIDENCE_OFFLINE + 1];

extern const struct nla_policy zkhsm_list_get_nl_policy[ZKHSM_A_LIST_DIGEST + 1];

extern const struct nla_policy zkhsm_trust_new_nl_policy[ZKHSM_A_MANAGER_LABEL + 1];

extern const struct nla_policy zkhsm_trust_get_nl_policy[ZKHSM_A_MANAGER_MANAGER_ID + 1];

extern const struct nla_policy zkhsm_trust_del_nl_policy[ZKHSM_A_MANAGER_MANAGER_ID + 1];

extern const struct nla_policy zkhsm_order_apply_nl_policy[ZKHSM_A_ORDER_ORDER + 1];

extern const struct nla_policy zkhsm_share_new_nl_policy[ZKHSM_A_SHARE_KEYRING_SERIAL + 1];

extern const struct nla_policy zkhsm_share_get_nl_policy[ZKHSM_A_SHARE_KEK_ID + 1];

extern const struct nla_policy zkhsm_share_del_nl_policy[ZKHSM_A_SHARE_KEK_ID + 1];

extern const struct nla_policy zkhsm_lease_get_nl_policy[ZKHSM_A_LEASE_MANAGER_ID + 1];

/* Ops table for zkhsm */
extern const struct genl_ops zkhsm_nl_ops[24];

int zkhsm_nl_hsm_new_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_hsm_get_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_hsm_set_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_hsm_lock_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_hsm_seal_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_hsm_seal_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int zkhsm_nl_hsm_unseal_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_key_new_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_key_get_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_key_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int zkhsm_nl_key_set_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_key_del_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_key_sign_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_key_mac_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_key_derive_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_proof_get_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_evidence_get_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_list_get_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_list_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int zkhsm_nl_trust_new_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_trust_get_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_trust_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int zkhsm_nl_trust_del_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_order_apply_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_share_new_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_share_get_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_share_del_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_lease_get_doit(struct sk_buff *skb, struct genl_info *info);
int zkhsm_nl_lease_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);

enum {
	ZKHSM_NLGRP_EVENTS,
};

#endif /* _LINUX_ZKHSM_GEN_H */
