// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/zkhsm.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/zkhsm.h>

/* Common nested types */
const struct nla_policy zkhsm_challenge_nl_policy[ZKHSM_A_CHALLENGE_NONCE + 1] = {
	[ZKHSM_A_CHALLENGE_MANAGER_ID] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
	[ZKHSM_A_CHALLENGE_NONCE] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
};

/* ZKHSM_CMD_HSM_NEW - do */
const struct nla_policy zkhsm_hsm_new_nl_policy[ZKHSM_A_HSM_COUNTER_INDEX + 1] = {
	[ZKHSM_A_HSM_QUORUM] = NLA_POLICY_RANGE(NLA_U32, 1, ZKHSM_MANAGERS_MAX),
	[ZKHSM_A_HSM_STOP] = NLA_POLICY_RANGE(NLA_U32, 1, ZKHSM_MANAGERS_MAX),
	[ZKHSM_A_HSM_WIPE] = NLA_POLICY_RANGE(NLA_U32, 1, ZKHSM_MANAGERS_MAX),
	[ZKHSM_A_HSM_AGENT_UID] = { .type = NLA_U32, },
	[ZKHSM_A_HSM_KEK_CLASS] = NLA_POLICY_MAX(NLA_U32, 3),
	[ZKHSM_A_HSM_KEYRING_SERIAL] = { .type = NLA_U32, },
	[ZKHSM_A_HSM_TPM_PCRS] = { .type = NLA_U32, },
	[ZKHSM_A_HSM_COUNTER_INDEX] = { .type = NLA_U32, },
	[ZKHSM_A_HSM_ENFORCE_GRACE_MS] = { .type = NLA_U64, },
	[ZKHSM_A_HSM_MAX_TTL_MS] = { .type = NLA_U64, },
};

/* ZKHSM_CMD_HSM_GET - do */
const struct nla_policy zkhsm_hsm_get_nl_policy[ZKHSM_A_HSM_HSM_ID + 1] = {
	[ZKHSM_A_HSM_HSM_ID] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
};

/* ZKHSM_CMD_HSM_SET - do */
const struct nla_policy zkhsm_hsm_set_nl_policy[ZKHSM_A_HSM_AGENT_UID + 1] = {
	[ZKHSM_A_HSM_QUORUM] = NLA_POLICY_RANGE(NLA_U32, 1, ZKHSM_MANAGERS_MAX),
	[ZKHSM_A_HSM_STOP] = NLA_POLICY_RANGE(NLA_U32, 1, ZKHSM_MANAGERS_MAX),
	[ZKHSM_A_HSM_WIPE] = NLA_POLICY_RANGE(NLA_U32, 1, ZKHSM_MANAGERS_MAX),
	[ZKHSM_A_HSM_AGENT_UID] = { .type = NLA_U32, },
	[ZKHSM_A_HSM_ENFORCE_GRACE_MS] = { .type = NLA_U64, },
	[ZKHSM_A_HSM_MAX_TTL_MS] = { .type = NLA_U64, },
};

/* ZKHSM_CMD_HSM_LOCK - do */
const struct nla_policy zkhsm_hsm_lock_nl_policy[ZKHSM_A_HSM_HSM_ID + 1] = {
	[ZKHSM_A_HSM_HSM_ID] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
};

/* ZKHSM_CMD_HSM_SEAL - do */
const struct nla_policy zkhsm_hsm_seal_nl_policy[ZKHSM_A_SEAL_KEYRING_SERIAL + 1] = {
	[ZKHSM_A_SEAL_SEQUENCE] = { .type = NLA_U64, },
	[ZKHSM_A_SEAL_FULL] = NLA_POLICY_MAX(NLA_U32, 1),
	[ZKHSM_A_SEAL_REKEY] = NLA_POLICY_MAX(NLA_U32, 1),
	[ZKHSM_A_SEAL_KEYRING_SERIAL] = { .type = NLA_U32, },
};

/* ZKHSM_CMD_HSM_UNSEAL - do */
const struct nla_policy zkhsm_hsm_unseal_nl_policy[ZKHSM_A_SEAL_FINISH + 1] = {
	[ZKHSM_A_SEAL_HEAD] = { .type = NLA_BINARY, },
	[ZKHSM_A_SEAL_KEYRING_SERIAL] = { .type = NLA_U32, },
	[ZKHSM_A_SEAL_KEK_BLOB] = { .type = NLA_BINARY, },
	[ZKHSM_A_SEAL_RECORD] = { .type = NLA_BINARY, },
	[ZKHSM_A_SEAL_FINISH] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* ZKHSM_CMD_KEY_NEW - do */
const struct nla_policy zkhsm_key_new_nl_policy[ZKHSM_A_KEY_KEYRING_SERIAL + 1] = {
	[ZKHSM_A_KEY_ID] = { .type = NLA_NUL_STRING, .len = ZKHSM_ID_MAX_LEN, },
	[ZKHSM_A_KEY_TYPE] = NLA_POLICY_MAX(NLA_U32, 2),
	[ZKHSM_A_KEY_USAGE] = { .type = NLA_U32, },
	[ZKHSM_A_KEY_FLAGS] = { .type = NLA_U32, },
	[ZKHSM_A_KEY_OWNER_UID] = { .type = NLA_U32, },
	[ZKHSM_A_KEY_STATE] = NLA_POLICY_MAX(NLA_U32, 5),
	[ZKHSM_A_KEY_KEYRING_SERIAL] = { .type = NLA_U32, },
};

/* ZKHSM_CMD_KEY_GET - do */
const struct nla_policy zkhsm_key_get_nl_policy[ZKHSM_A_KEY_ID + 1] = {
	[ZKHSM_A_KEY_ID] = { .type = NLA_NUL_STRING, .len = ZKHSM_ID_MAX_LEN, },
};

/* ZKHSM_CMD_KEY_SET - do */
const struct nla_policy zkhsm_key_set_nl_policy[ZKHSM_A_KEY_OWNER_UID + 1] = {
	[ZKHSM_A_KEY_ID] = { .type = NLA_NUL_STRING, .len = ZKHSM_ID_MAX_LEN, },
	[ZKHSM_A_KEY_USAGE] = { .type = NLA_U32, },
	[ZKHSM_A_KEY_FLAGS] = { .type = NLA_U32, },
	[ZKHSM_A_KEY_STATE] = NLA_POLICY_MAX(NLA_U32, 5),
	[ZKHSM_A_KEY_OWNER_UID] = { .type = NLA_U32, },
};

/* ZKHSM_CMD_KEY_DEL - do */
const struct nla_policy zkhsm_key_del_nl_policy[ZKHSM_A_KEY_ID + 1] = {
	[ZKHSM_A_KEY_ID] = { .type = NLA_NUL_STRING, .len = ZKHSM_ID_MAX_LEN, },
};

/* ZKHSM_CMD_KEY_SIGN - do */
const struct nla_policy zkhsm_key_sign_nl_policy[ZKHSM_A_KEY_CLIENT_SIGNATURE + 1] = {
	[ZKHSM_A_KEY_ID] = { .type = NLA_NUL_STRING, .len = ZKHSM_ID_MAX_LEN, },
	[ZKHSM_A_KEY_DIGEST] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
	[ZKHSM_A_KEY_GRANT] = NLA_POLICY_EXACT_LEN(ZKHSM_GRANT_LEN),
	[ZKHSM_A_KEY_CLIENT_SIGNATURE] = NLA_POLICY_EXACT_LEN(ZKHSM_SIGNATURE_LEN),
};

/* ZKHSM_CMD_KEY_MAC - do */
const struct nla_policy zkhsm_key_mac_nl_policy[ZKHSM_A_KEY_ID + 1] = {
	[ZKHSM_A_KEY_ID] = { .type = NLA_NUL_STRING, .len = ZKHSM_ID_MAX_LEN, },
};

/* ZKHSM_CMD_KEY_DERIVE - do */
const struct nla_policy zkhsm_key_derive_nl_policy[ZKHSM_A_KEY_ID + 1] = {
	[ZKHSM_A_KEY_ID] = { .type = NLA_NUL_STRING, .len = ZKHSM_ID_MAX_LEN, },
};

/* ZKHSM_CMD_PROOF_GET - do */
const struct nla_policy zkhsm_proof_get_nl_policy[ZKHSM_A_PROOF_CLIENT_SIGNATURE + 1] = {
	[ZKHSM_A_PROOF_ID] = { .type = NLA_NUL_STRING, .len = ZKHSM_ID_MAX_LEN, },
	[ZKHSM_A_PROOF_USER_ID] = { .type = NLA_BINARY, },
	[ZKHSM_A_PROOF_OTHER_INFO] = { .type = NLA_BINARY, },
	[ZKHSM_A_PROOF_GRANT] = NLA_POLICY_EXACT_LEN(ZKHSM_GRANT_LEN),
	[ZKHSM_A_PROOF_CLIENT_SIGNATURE] = NLA_POLICY_EXACT_LEN(ZKHSM_SIGNATURE_LEN),
};

/* ZKHSM_CMD_EVIDENCE_GET - do */
const struct nla_policy zkhsm_evidence_get_nl_policy[ZKHSM_A_EVIDENCE_OFFLINE + 1] = {
	[ZKHSM_A_EVIDENCE_CHALLENGE] = NLA_POLICY_NESTED(zkhsm_challenge_nl_policy),
	[ZKHSM_A_EVIDENCE_LIST_DIGEST] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
	[ZKHSM_A_EVIDENCE_OFFLINE] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* ZKHSM_CMD_LIST_GET - do */
const struct nla_policy zkhsm_list_get_nl_policy[ZKHSM_A_LIST_DIGEST + 1] = {
	[ZKHSM_A_LIST_DIGEST] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
};

/* ZKHSM_CMD_TRUST_NEW - do */
const struct nla_policy zkhsm_trust_new_nl_policy[ZKHSM_A_MANAGER_LABEL + 1] = {
	[ZKHSM_A_MANAGER_PUBLIC] = NLA_POLICY_EXACT_LEN(ZKHSM_POINT_LEN),
	[ZKHSM_A_MANAGER_LABEL] = { .type = NLA_NUL_STRING, .len = ZKHSM_LABEL_MAX_LEN, },
};

/* ZKHSM_CMD_TRUST_GET - do */
const struct nla_policy zkhsm_trust_get_nl_policy[ZKHSM_A_MANAGER_MANAGER_ID + 1] = {
	[ZKHSM_A_MANAGER_MANAGER_ID] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
};

/* ZKHSM_CMD_TRUST_DEL - do */
const struct nla_policy zkhsm_trust_del_nl_policy[ZKHSM_A_MANAGER_MANAGER_ID + 1] = {
	[ZKHSM_A_MANAGER_MANAGER_ID] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
};

/* ZKHSM_CMD_ORDER_APPLY - do */
const struct nla_policy zkhsm_order_apply_nl_policy[ZKHSM_A_ORDER_ORDER + 1] = {
	[ZKHSM_A_ORDER_ORDER] = { .type = NLA_BINARY, },
};

/* ZKHSM_CMD_SHARE_NEW - do */
const struct nla_policy zkhsm_share_new_nl_policy[ZKHSM_A_SHARE_KEYRING_SERIAL + 1] = {
	[ZKHSM_A_SHARE_KEYRING_SERIAL] = { .type = NLA_U32, },
};

/* ZKHSM_CMD_SHARE_GET - do */
const struct nla_policy zkhsm_share_get_nl_policy[ZKHSM_A_SHARE_KEK_ID + 1] = {
	[ZKHSM_A_SHARE_KEK_ID] = NLA_POLICY_EXACT_LEN(ZKHSM_KEK_ID_LEN),
};

/* ZKHSM_CMD_SHARE_DEL - do */
const struct nla_policy zkhsm_share_del_nl_policy[ZKHSM_A_SHARE_KEK_ID + 1] = {
	[ZKHSM_A_SHARE_KEK_ID] = NLA_POLICY_EXACT_LEN(ZKHSM_KEK_ID_LEN),
};

/* ZKHSM_CMD_LEASE_GET - do */
const struct nla_policy zkhsm_lease_get_nl_policy[ZKHSM_A_LEASE_MANAGER_ID + 1] = {
	[ZKHSM_A_LEASE_MANAGER_ID] = NLA_POLICY_EXACT_LEN(ZKHSM_HASH_LEN),
};

/* Ops table for zkhsm */
const struct genl_ops zkhsm_nl_ops[24] = {
	{
		.cmd		= ZKHSM_CMD_HSM_NEW,
		.doit		= zkhsm_nl_hsm_new_doit,
		.policy		= zkhsm_hsm_new_nl_policy,
		.maxattr	= ZKHSM_A_HSM_COUNTER_INDEX,
	},
	{
		.cmd		= ZKHSM_CMD_HSM_GET,
		.doit		= zkhsm_nl_hsm_get_doit,
		.policy		= zkhsm_hsm_get_nl_policy,
		.maxattr	= ZKHSM_A_HSM_HSM_ID,
	},
	{
		.cmd		= ZKHSM_CMD_HSM_SET,
		.doit		= zkhsm_nl_hsm_set_doit,
		.policy		= zkhsm_hsm_set_nl_policy,
		.maxattr	= ZKHSM_A_HSM_AGENT_UID,
	},
	{
		.cmd		= ZKHSM_CMD_HSM_LOCK,
		.doit		= zkhsm_nl_hsm_lock_doit,
		.policy		= zkhsm_hsm_lock_nl_policy,
		.maxattr	= ZKHSM_A_HSM_HSM_ID,
	},
	{
		.cmd		= ZKHSM_CMD_HSM_SEAL,
		.doit		= zkhsm_nl_hsm_seal_doit,
		.dumpit		= zkhsm_nl_hsm_seal_dumpit,
		.policy		= zkhsm_hsm_seal_nl_policy,
		.maxattr	= ZKHSM_A_SEAL_KEYRING_SERIAL,
	},
	{
		.cmd		= ZKHSM_CMD_HSM_UNSEAL,
		.doit		= zkhsm_nl_hsm_unseal_doit,
		.policy		= zkhsm_hsm_unseal_nl_policy,
		.maxattr	= ZKHSM_A_SEAL_FINISH,
	},
	{
		.cmd		= ZKHSM_CMD_KEY_NEW,
		.doit		= zkhsm_nl_key_new_doit,
		.policy		= zkhsm_key_new_nl_policy,
		.maxattr	= ZKHSM_A_KEY_KEYRING_SERIAL,
	},
	{
		.cmd		= ZKHSM_CMD_KEY_GET,
		.doit		= zkhsm_nl_key_get_doit,
		.dumpit		= zkhsm_nl_key_get_dumpit,
		.policy		= zkhsm_key_get_nl_policy,
		.maxattr	= ZKHSM_A_KEY_ID,
	},
	{
		.cmd		= ZKHSM_CMD_KEY_SET,
		.doit		= zkhsm_nl_key_set_doit,
		.policy		= zkhsm_key_set_nl_policy,
		.maxattr	= ZKHSM_A_KEY_OWNER_UID,
	},
	{
		.cmd		= ZKHSM_CMD_KEY_DEL,
		.doit		= zkhsm_nl_key_del_doit,
		.policy		= zkhsm_key_del_nl_policy,
		.maxattr	= ZKHSM_A_KEY_ID,
	},
	{
		.cmd		= ZKHSM_CMD_KEY_SIGN,
		.doit		= zkhsm_nl_key_sign_doit,
		.policy		= zkhsm_key_sign_nl_policy,
		.maxattr	= ZKHSM_A_KEY_CLIENT_SIGNATURE,
	},
	{
		.cmd		= ZKHSM_CMD_KEY_MAC,
		.doit		= zkhsm_nl_key_mac_doit,
		.policy		= zkhsm_key_mac_nl_policy,
		.maxattr	= ZKHSM_A_KEY_ID,
	},
	{
		.cmd		= ZKHSM_CMD_KEY_DERIVE,
		.doit		= zkhsm_nl_key_derive_doit,
		.policy		= zkhsm_key_derive_nl_policy,
		.maxattr	= ZKHSM_A_KEY_ID,
	},
	{
		.cmd		= ZKHSM_CMD_PROOF_GET,
		.doit		= zkhsm_nl_proof_get_doit,
		.policy		= zkhsm_proof_get_nl_policy,
		.maxattr	= ZKHSM_A_PROOF_CLIENT_SIGNATURE,
	},
	{
		.cmd		= ZKHSM_CMD_EVIDENCE_GET,
		.doit		= zkhsm_nl_evidence_get_doit,
		.policy		= zkhsm_evidence_get_nl_policy,
		.maxattr	= ZKHSM_A_EVIDENCE_OFFLINE,
	},
	{
		.cmd		= ZKHSM_CMD_LIST_GET,
		.doit		= zkhsm_nl_list_get_doit,
		.dumpit		= zkhsm_nl_list_get_dumpit,
		.policy		= zkhsm_list_get_nl_policy,
		.maxattr	= ZKHSM_A_LIST_DIGEST,
	},
	{
		.cmd		= ZKHSM_CMD_TRUST_NEW,
		.doit		= zkhsm_nl_trust_new_doit,
		.policy		= zkhsm_trust_new_nl_policy,
		.maxattr	= ZKHSM_A_MANAGER_LABEL,
	},
	{
		.cmd		= ZKHSM_CMD_TRUST_GET,
		.doit		= zkhsm_nl_trust_get_doit,
		.dumpit		= zkhsm_nl_trust_get_dumpit,
		.policy		= zkhsm_trust_get_nl_policy,
		.maxattr	= ZKHSM_A_MANAGER_MANAGER_ID,
	},
	{
		.cmd		= ZKHSM_CMD_TRUST_DEL,
		.doit		= zkhsm_nl_trust_del_doit,
		.policy		= zkhsm_trust_del_nl_policy,
		.maxattr	= ZKHSM_A_MANAGER_MANAGER_ID,
	},
	{
		.cmd		= ZKHSM_CMD_ORDER_APPLY,
		.doit		= zkhsm_nl_order_apply_doit,
		.policy		= zkhsm_order_apply_nl_policy,
		.maxattr	= ZKHSM_A_ORDER_ORDER,
	},
	{
		.cmd		= ZKHSM_CMD_SHARE_NEW,
		.doit		= zkhsm_nl_share_new_doit,
		.policy		= zkhsm_share_new_nl_policy,
		.maxattr	= ZKHSM_A_SHARE_KEYRING_SERIAL,
	},
	{
		.cmd		= ZKHSM_CMD_SHARE_GET,
		.doit		= zkhsm_nl_share_get_doit,
		.policy		= zkhsm_share_get_nl_policy,
		.maxattr	= ZKHSM_A_SHARE_KEK_ID,
	},
	{
		.cmd		= ZKHSM_CMD_SHARE_DEL,
		.doit		= zkhsm_nl_share_del_doit,
		.policy		= zkhsm_share_del_nl_policy,
		.maxattr	= ZKHSM_A_SHARE_KEK_ID,
	},
	{
		.cmd		= ZKHSM_CMD_LEASE_GET,
		.doit		= zkhsm_nl_lease_get_doit,
		.dumpit		= zkhsm_nl_lease_get_dumpit,
		.policy		= zkhsm_lease_get_nl_policy,
		.maxattr	= ZKHSM_A_LEASE_MANAGER_ID,
	},
};

static const struct genl_multicast_group zkhsm_nl_mcgrps[] = {
	[ZKHSM_NLGRP_EVENTS] = { "events", },
};
