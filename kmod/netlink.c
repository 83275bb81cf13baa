// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family, and what every request goes through before its
 * handler: permission, identity, presence and length of attributes. The rest
 * of netlink is in netlink-{hsm,key,attest,lease,seal,share}.c (handlers), netlink-dump.c,
 * netlink-fill.c (replies) and netlink-event.c (multicast).
 */
#include <linux/capability.h>
#include <linux/module.h>

#include "netlink-gen.h"
#include "netlink.h"
#include "seal.h"

static const char *kpp_driver;

/* Attributes that must be there, and those that are strings. */
#define REQUIRED	BIT(0)
#define STRING		BIT(1)

/**
 * struct bound - what the policies cannot say about one attribute
 * @cmd: of this command
 * @attr: this attribute
 * @kind: REQUIRED, STRING
 * @min: bytes
 * @max: bytes, 0 when the policy bounds it
 */
struct bound {
	u8 cmd;
	u8 attr;
	u8 kind;
	u32 min;
	u32 max;
};

/*
 * Every mandatory attribute, every binary of variable length, and every
 * string: the generator of the policies can bound none of them. Requests
 * only; no dump has such an attribute.
 */
static const struct bound zkhsm_nl_bounds[] = {
	{ ZKHSM_CMD_KEY_NEW, ZKHSM_A_KEY_ID, REQUIRED | STRING },
	{ ZKHSM_CMD_KEY_GET, ZKHSM_A_KEY_ID, REQUIRED | STRING },
	{ ZKHSM_CMD_KEY_SET, ZKHSM_A_KEY_ID, REQUIRED | STRING },
	{ ZKHSM_CMD_KEY_DEL, ZKHSM_A_KEY_ID, REQUIRED | STRING },
	{ ZKHSM_CMD_KEY_SIGN, ZKHSM_A_KEY_ID, REQUIRED | STRING },
	{ ZKHSM_CMD_KEY_SIGN, ZKHSM_A_KEY_DIGEST, REQUIRED },
	{ ZKHSM_CMD_KEY_MAC, ZKHSM_A_KEY_ID, REQUIRED | STRING },
	{ ZKHSM_CMD_KEY_DERIVE, ZKHSM_A_KEY_ID, REQUIRED | STRING },
	{ ZKHSM_CMD_PROOF_GET, ZKHSM_A_PROOF_ID, REQUIRED | STRING },
	{ ZKHSM_CMD_PROOF_GET, ZKHSM_A_PROOF_USER_ID, REQUIRED, 1, ZKHSM_USER_ID_MAX_LEN },
	{ ZKHSM_CMD_PROOF_GET, ZKHSM_A_PROOF_OTHER_INFO, 0, 0, ZKHSM_OTHER_INFO_MAX_LEN },
	{ ZKHSM_CMD_EVIDENCE_GET, ZKHSM_A_EVIDENCE_CHALLENGE, REQUIRED },
	{ ZKHSM_CMD_TRUST_NEW, ZKHSM_A_MANAGER_PUBLIC, REQUIRED },
	{ ZKHSM_CMD_TRUST_NEW, ZKHSM_A_MANAGER_LABEL, STRING },
	{ ZKHSM_CMD_TRUST_GET, ZKHSM_A_MANAGER_MANAGER_ID, REQUIRED },
	{ ZKHSM_CMD_TRUST_DEL, ZKHSM_A_MANAGER_MANAGER_ID, REQUIRED },
	{ ZKHSM_CMD_ORDER_APPLY, ZKHSM_A_ORDER_ORDER, REQUIRED, 1, ZKHSM_ORDER_MAX_LEN },
	{ ZKHSM_CMD_HSM_SEAL, ZKHSM_A_SEAL_SEQUENCE, REQUIRED },
	{ ZKHSM_CMD_HSM_UNSEAL, ZKHSM_A_SEAL_HEAD, 0, 1, ZKHSM_HEAD_MAX_LEN },
	{ ZKHSM_CMD_HSM_UNSEAL, ZKHSM_A_SEAL_RECORD, 0, 1, ZKHSM_RECORD_MAX_LEN },
	{ ZKHSM_CMD_HSM_UNSEAL, ZKHSM_A_SEAL_KEK_BLOB, 0, 1, ZKHSM_KEK_BLOB_MAX_LEN },
	{ ZKHSM_CMD_SHARE_NEW, ZKHSM_A_SHARE_KEYRING_SERIAL, REQUIRED },
	{ ZKHSM_CMD_LEASE_GET, ZKHSM_A_LEASE_MANAGER_ID, REQUIRED },
};

/* The policy wants a NUL and a length up to it, but lets bytes behind it pass. */
static bool is_string(const struct nlattr *attr)
{
	return strnlen(nla_data(attr), nla_len(attr)) + 1 == nla_len(attr);
}

static int check_bound(const struct bound *b, struct genl_info *info)
{
	const struct nlattr *attr = info->attrs[b->attr];

	if (!attr) {
		if (!(b->kind & REQUIRED))
			return 0;
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, b->attr);
		return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_MISSING,
				    "a mandatory attribute is missing");
	}
	if (b->kind & STRING && !is_string(attr)) {
		NL_SET_BAD_ATTR(info->extack, attr);
		return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_LENGTH,
				    "a string has bytes behind its end");
	}
	if (!b->max || (nla_len(attr) >= b->min && nla_len(attr) <= b->max))
		return 0;
	NL_SET_BAD_ATTR(info->extack, attr);
	return zkhsm_refuse_fmt(info->extack, -EINVAL, ZKHSM_REASON_LENGTH,
				"an attribute is too short or too long",
				"attribute %u has %d bytes, not %u to %u",
				b->attr, nla_len(attr), b->min, b->max);
}

static int check_bounds(u8 cmd, struct genl_info *info)
{
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(zkhsm_nl_bounds); i++) {
		if (zkhsm_nl_bounds[i].cmd != cmd)
			continue;
		err = check_bound(&zkhsm_nl_bounds[i], info);
		if (err)
			return err;
	}
	return 0;
}

/* Whoever tries an administrator's command leaves a trace. */
static void audit_denied(u8 cmd, int err)
{
	if (err == -EPERM && zkhsm_audit_allowed())
		zkhsm_audit(err, "op=command-%u", cmd);
}

/* What leads to an identity, or asks whether there is one. */
static bool works_without_identity(u8 cmd)
{
	switch (cmd) {
	case ZKHSM_CMD_HSM_NEW:
	case ZKHSM_CMD_HSM_GET:
	case ZKHSM_CMD_HSM_UNSEAL:
	case ZKHSM_CMD_SHARE_NEW:
	case ZKHSM_CMD_SHARE_GET:
	case ZKHSM_CMD_SHARE_DEL:
		return true;
	default:
		return false;
	}
}

/* With a counter, nothing of these until what was unsealed is stored: see seal.c. */
static bool changes_what_is_sealed(u8 cmd)
{
	switch (cmd) {
	case ZKHSM_CMD_HSM_SET:
	case ZKHSM_CMD_HSM_LOCK:
	case ZKHSM_CMD_KEY_NEW:
	case ZKHSM_CMD_KEY_SET:
	case ZKHSM_CMD_KEY_DEL:
	case ZKHSM_CMD_TRUST_NEW:
	case ZKHSM_CMD_TRUST_DEL:
	case ZKHSM_CMD_ORDER_APPLY:
		return true;
	default:
		return false;
	}
}

/**
 * zkhsm_nl_admit() - what every request and every dump has to pass first
 * @cmd: command
 * @skb: the request
 * @extack: of the request
 *
 * Return: 0; -EPERM or -EACCES (permission); -ENOKEY (no identity yet);
 * -EAGAIN (a change, before what was unsealed is stored).
 */
int zkhsm_nl_admit(u8 cmd, struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	int err;

	err = zkhsm_access_check(cmd, skb, extack);
	if (err) {
		audit_denied(cmd, err);
		return err;
	}
	/* Looked at first: only after it does the other say anything. */
	if (zkhsm_hsm_present())
		return changes_what_is_sealed(cmd) ? zkhsm_seal_check_settled(extack) : 0;
	if (works_without_identity(cmd))
		return 0;
	return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_IDENTITY,
			    "there is no identity yet: hsm-new makes it");
}

static int pre_doit(const struct genl_split_ops *ops, struct sk_buff *skb, struct genl_info *info)
{
	u8 cmd = info->genlhdr->cmd;
	int err;

	err = zkhsm_nl_admit(cmd, skb, info->extack);
	return err ?: check_bounds(cmd, info);
}

int zkhsm_nl_not_supported(struct genl_info *info)
{
	return zkhsm_refuse(info->extack, -EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED,
			    "this module cannot do that yet");
}

/* The generator drops the flag, without which anybody could listen. */
static const struct genl_multicast_group groups[] = {
	[ZKHSM_NLGRP_EVENTS] = { ZKHSM_MCGRP_EVENTS, GENL_MCAST_CAP_SYS_ADMIN },
};

/*
 * The generated table, plus what its format has no words for: the start of a
 * dump, where its permission is decided, and its end.
 */
static struct genl_ops ops_table[ARRAY_SIZE(zkhsm_nl_ops)] __ro_after_init;

/* Only in the initial network namespace: a container has no business here. */
struct genl_family zkhsm_nl_family __ro_after_init = {
	.name		= ZKHSM_FAMILY_NAME,
	.version	= ZKHSM_FAMILY_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= false,
	.parallel_ops	= true,
	.pre_doit	= pre_doit,
	.ops		= ops_table,
	.n_ops		= ARRAY_SIZE(ops_table),
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

const char *zkhsm_netlink_driver(void)
{
	return kpp_driver;
}

/* @driver is told by hsm-get and must live as long as the module. */
int __init zkhsm_netlink_init(const char *driver)
{
	u32 i;
	int err;

	kpp_driver = driver;
	for (i = 0; i < ARRAY_SIZE(ops_table); i++) {
		ops_table[i] = zkhsm_nl_ops[i];
		if (ops_table[i].dumpit) {
			ops_table[i].start = zkhsm_nl_dump_start;
			ops_table[i].done = zkhsm_nl_dump_done;
		}
	}
	err = genl_register_family(&zkhsm_nl_family);
	if (!err)
		zkhsm_nl_events_enable(true);
	return err;
}

/* Waits for the handlers that run. Dumps hold a reference to the module. */
void zkhsm_netlink_exit(void)
{
	zkhsm_nl_events_enable(false);
	genl_unregister_family(&zkhsm_nl_family);
}
