// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what: one table, command to class.
 *
 * public	anybody
 * owner	the owner of the key; an administrator too, but not to use it
 * agent	the user that hsm-new or hsm-set named, and administrators
 * admin	CAP_SYS_ADMIN in the initial user namespace
 *
 * A netlink socket can be opened by one process and written to by another,
 * also by a set-user-id program that takes it for its standard output. So a
 * class is held by the caller and by the opener of the socket, both.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <net/sock.h>

#include "netlink-gen.h"
#include "zkhsm.h"

static const u8 classes[ZKHSM_CMD_MAX + 1] = {
	[ZKHSM_CMD_HSM_NEW] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_HSM_GET] = ZKHSM_CLASS_PUBLIC,
	[ZKHSM_CMD_HSM_SET] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_HSM_LOCK] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_HSM_SEAL] = ZKHSM_CLASS_AGENT,
	[ZKHSM_CMD_HSM_UNSEAL] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_KEY_NEW] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_KEY_GET] = ZKHSM_CLASS_OWNER,
	[ZKHSM_CMD_KEY_SET] = ZKHSM_CLASS_OWNER,
	[ZKHSM_CMD_KEY_DEL] = ZKHSM_CLASS_OWNER,
	[ZKHSM_CMD_KEY_SIGN] = ZKHSM_CLASS_OWNER,
	[ZKHSM_CMD_KEY_MAC] = ZKHSM_CLASS_OWNER,
	[ZKHSM_CMD_KEY_DERIVE] = ZKHSM_CLASS_OWNER,
	[ZKHSM_CMD_PROOF_GET] = ZKHSM_CLASS_OWNER,
	[ZKHSM_CMD_EVIDENCE_GET] = ZKHSM_CLASS_AGENT,
	[ZKHSM_CMD_LIST_GET] = ZKHSM_CLASS_AGENT,
	[ZKHSM_CMD_TRUST_NEW] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_TRUST_GET] = ZKHSM_CLASS_AGENT,
	[ZKHSM_CMD_TRUST_DEL] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_ORDER_APPLY] = ZKHSM_CLASS_AGENT,
	[ZKHSM_CMD_SHARE_NEW] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_SHARE_GET] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_SHARE_DEL] = ZKHSM_CLASS_ADMIN,
	[ZKHSM_CMD_LEASE_GET] = ZKHSM_CLASS_AGENT,
};

enum zkhsm_class zkhsm_access_class(u8 cmd)
{
	return cmd < ARRAY_SIZE(classes) ? classes[cmd] : ZKHSM_CLASS_NONE;
}

/* A command that the spec gained and this table did not refuses the load. */
int __init zkhsm_access_init(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(zkhsm_nl_ops); i++) {
		if (zkhsm_access_class(zkhsm_nl_ops[i].cmd) == ZKHSM_CLASS_NONE) {
			pr_err("command %u has no permission class\n", zkhsm_nl_ops[i].cmd);
			return -ENOTRECOVERABLE;
		}
	}
	return 0;
}

/* Valid in the context of the request alone, these four: a dump goes on in any process's. */

bool zkhsm_access_admin(struct sk_buff *skb)
{
	const struct socket *sock = NETLINK_CB(skb).sk->sk_socket;

	/*
	 * netlink_capable() leaves the opener out of it when the message was
	 * sent to an address, as libnl does with every message.
	 */
	return netlink_capable(skb, CAP_SYS_ADMIN) && sock && sock->file &&
	       file_ns_capable(sock->file, &init_user_ns, CAP_SYS_ADMIN);
}

bool zkhsm_access_uid(struct sk_buff *skb, kuid_t uid)
{
	const struct socket *sock = NETLINK_CB(skb).sk->sk_socket;

	if (!uid_valid(uid) || !sock || !sock->file)
		return false;
	return uid_eq(current_euid(), uid) && uid_eq(sock->file->f_cred->euid, uid);
}

struct zkhsm_caller zkhsm_access_caller(struct sk_buff *skb)
{
	struct zkhsm_caller by = { .uid = INVALID_UID, .admin = zkhsm_access_admin(skb) };

	if (zkhsm_access_uid(skb, current_euid()))
		by.uid = current_euid();
	return by;
}

bool zkhsm_access_agent(struct sk_buff *skb)
{
	return zkhsm_access_uid(skb, zkhsm_hsm_agent()) || zkhsm_access_admin(skb);
}

/**
 * zkhsm_access_check() - whether the caller has the class of a command
 * @cmd: command
 * @skb: the request
 * @extack: of the request
 *
 * Class owner is decided by zkhsm_access_key() when the key is known.
 *
 * Return: 0, -EPERM (admin) or -EACCES (agent).
 */
int zkhsm_access_check(u8 cmd, struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	switch (zkhsm_access_class(cmd)) {
	case ZKHSM_CLASS_PUBLIC:
	case ZKHSM_CLASS_OWNER:
		return 0;
	case ZKHSM_CLASS_AGENT:
		if (zkhsm_access_agent(skb))
			return 0;
		return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_NOT_AGENT,
				    "caller and socket opener must both be the agent or administrators");
	case ZKHSM_CLASS_ADMIN:
		if (zkhsm_access_admin(skb))
			return 0;
		break;
	case ZKHSM_CLASS_NONE:
		break;
	}
	return zkhsm_refuse(extack, -EPERM, ZKHSM_REASON_NOT_ADMIN,
			    "caller and socket opener must both have CAP_SYS_ADMIN");
}

static int refuse_stranger(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_NOT_OWNER,
			    "caller and socket opener must both be the owner of the key");
}

/**
 * zkhsm_access_key() - whether the caller may do this to a key
 * @cmd: a command of class owner
 * @skb: the request
 * @owner: of the key
 * @extack: of the request
 *
 * An administrator sees and destroys every key but uses none that is not his:
 * he would have to make himself the owner, which is audited. The agent sees
 * every key.
 *
 * Return: 0 or -EACCES.
 */
int zkhsm_access_key(u8 cmd, struct sk_buff *skb, kuid_t owner, struct netlink_ext_ack *extack)
{
	if (zkhsm_access_uid(skb, owner))
		return 0;

	switch (cmd) {
	case ZKHSM_CMD_KEY_GET:
		if (zkhsm_access_agent(skb))
			return 0;
		break;
	case ZKHSM_CMD_KEY_SET:
	case ZKHSM_CMD_KEY_DEL:
		if (zkhsm_access_admin(skb))
			return 0;
		break;
	}
	return refuse_stranger(extack);
}

/*
 * Whether who was let change a key still may: an administrator can have given
 * it to somebody else meanwhile. Return: 0 or -EACCES.
 */
int zkhsm_access_still(const struct zkhsm_caller *by, kuid_t owner, struct netlink_ext_ack *extack)
{
	if (by->admin || uid_eq(by->uid, owner))
		return 0;
	return refuse_stranger(extack);
}
