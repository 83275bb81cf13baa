// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of the commands on keys.
 */
#include <linux/cred.h>

#include "lease.h"
#include "netlink-gen.h"
#include "netlink.h"

/* KEY and PROOF attributes have the id at the same place. */
static_assert((int)ZKHSM_A_KEY_ID == (int)ZKHSM_A_PROOF_ID);

/* That somebody tried to change or destroy a key; what else is refused changes nothing. */
static void audit_refused(u8 cmd, const struct zkhsm_key *key, int err)
{
	const char *op = cmd == ZKHSM_CMD_KEY_SET ? "key-set" : "key-del";

	if ((cmd == ZKHSM_CMD_KEY_SET || cmd == ZKHSM_CMD_KEY_DEL) && zkhsm_audit_allowed())
		zkhsm_audit(err, "op=%s id=%s", op, key->id);
}

/**
 * key_of() - the key that a request is about, if the caller may
 * @skb: the request
 * @info: the request
 *
 * Return: a reference; -ENOKEY; -EACCES.
 */
static struct zkhsm_key *key_of(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_key *key;
	kuid_t owner;
	int err;

	key = zkhsm_keystore_get(nla_data(info->attrs[ZKHSM_A_KEY_ID]), info->extack);
	if (IS_ERR(key))
		return key;
	down_read(&zkhsm_lock);
	owner = key->owner;
	up_read(&zkhsm_lock);
	err = zkhsm_access_key(info->genlhdr->cmd, skb, owner, info->extack);
	if (err) {
		audit_refused(info->genlhdr->cmd, key, err);
		zkhsm_key_put(key);
		return ERR_PTR(err);
	}
	return key;
}

static u32 u32_or(const struct nlattr *attr, u32 otherwise)
{
	return attr ? nla_get_u32(attr) : otherwise;
}

static void read_new(struct genl_info *info, struct zkhsm_key_request *req)
{
	struct nlattr **attrs = info->attrs;

	memset(req, 0, sizeof(*req));
	req->id = nla_data(attrs[ZKHSM_A_KEY_ID]);
	req->type = u32_or(attrs[ZKHSM_A_KEY_TYPE], ZKHSM_KEY_TYPE_EC_P256);
	req->usage = u32_or(attrs[ZKHSM_A_KEY_USAGE], ZKHSM_KEY_USAGE_ALL);
	req->flags = u32_or(attrs[ZKHSM_A_KEY_FLAGS], 0);
	req->state = u32_or(attrs[ZKHSM_A_KEY_STATE], ZKHSM_KEY_STATE_ACTIVE);
	req->owner = current_euid();
	if (attrs[ZKHSM_A_KEY_OWNER_UID])
		req->owner = make_kuid(&init_user_ns, nla_get_u32(attrs[ZKHSM_A_KEY_OWNER_UID]));
	req->import = attrs[ZKHSM_A_KEY_KEYRING_SERIAL];
	req->serial = u32_or(attrs[ZKHSM_A_KEY_KEYRING_SERIAL], 0);
}

/* An id that was refused for its characters must not reach the log. */
static const char *loggable(const char *id)
{
	return zkhsm_id_valid((const u8 *)id, strlen(id)) ? id : "?";
}

int zkhsm_nl_key_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_key_request req;
	struct zkhsm_key_info key;
	struct sk_buff *reply;
	void *hdr;
	int err;

	read_new(info, &req);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = zkhsm_op_key_new(&req, &key, info->extack);
	zkhsm_audit(err, "op=%s id=%s owner=%u", req.import ? "key-import" : "key-new",
		    loggable(req.id), from_kuid_munged(&init_user_ns, req.owner));
	if (!err)
		err = zkhsm_nl_fill_key(reply, &key);
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}

int zkhsm_nl_key_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_key_leases *leases;
	struct zkhsm_key_info kinfo;
	struct zkhsm_key *key;
	struct sk_buff *reply;
	int err = -ENOMEM;
	void *hdr;

	key = key_of(skb, info);
	if (IS_ERR(key))
		return PTR_ERR(key);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		goto out;
	leases = kmalloc(sizeof(*leases), GFP_KERNEL);
	if (leases) {
		down_read(&zkhsm_lock);
		zkhsm_key_read(key, &kinfo);
		zkhsm_lease_read_key(key, leases);
		up_read(&zkhsm_lock);
		err = zkhsm_nl_fill_key(reply, &kinfo) ?:
		      zkhsm_nl_fill_key_leases(reply, leases);
	} else {
		zkhsm_refuse_failure(info->extack, err);
	}
	kfree(leases);
	err = zkhsm_nl_reply_send(reply, hdr, info, err);
out:
	zkhsm_key_put(key);
	return err;
}

static void read_update(struct sk_buff *skb, struct genl_info *info, struct zkhsm_key_update *up)
{
	struct nlattr **attrs = info->attrs;

	memset(up, 0, sizeof(*up));
	up->set_usage = attrs[ZKHSM_A_KEY_USAGE];
	up->usage = u32_or(attrs[ZKHSM_A_KEY_USAGE], 0);
	up->set_flags = attrs[ZKHSM_A_KEY_FLAGS];
	up->flags = u32_or(attrs[ZKHSM_A_KEY_FLAGS], 0);
	up->set_state = attrs[ZKHSM_A_KEY_STATE];
	up->state = u32_or(attrs[ZKHSM_A_KEY_STATE], 0);
	up->set_owner = attrs[ZKHSM_A_KEY_OWNER_UID];
	up->owner = make_kuid(&init_user_ns, u32_or(attrs[ZKHSM_A_KEY_OWNER_UID], 0));
	up->by = zkhsm_access_caller(skb);
}

/* An owner can go on switching his key off and on; what an administrator does is never lost. */
static void audit_set(const struct zkhsm_caller *by, const struct zkhsm_key_info *key)
{
	if (by->admin || zkhsm_audit_allowed())
		zkhsm_audit(0, "op=key-set id=%s state=%u usage=%u owner=%u", key->id, key->state,
			    key->usage, from_kuid_munged(&init_user_ns, key->owner));
}

int zkhsm_nl_key_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_key_update up;
	struct zkhsm_key_info kinfo;
	struct zkhsm_key *key;
	struct sk_buff *reply;
	void *hdr;
	int err;

	key = key_of(skb, info);
	if (IS_ERR(key))
		return PTR_ERR(key);
	read_update(skb, info, &up);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply) {
		err = -ENOMEM;
		goto out;
	}
	err = zkhsm_op_key_set(key, &up, &kinfo, info->extack);
	if (err) {
		audit_refused(info->genlhdr->cmd, key, err);
	} else {
		audit_set(&up.by, &kinfo);
		err = zkhsm_nl_fill_key(reply, &kinfo);
	}
	err = zkhsm_nl_reply_send(reply, hdr, info, err);
out:
	zkhsm_key_put(key);
	return err;
}

int zkhsm_nl_key_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_caller by = zkhsm_access_caller(skb);
	struct zkhsm_key_info kinfo;
	struct zkhsm_key *key;
	int err;

	key = key_of(skb, info);
	if (IS_ERR(key))
		return PTR_ERR(key);
	err = zkhsm_op_key_del(key, &by, &kinfo, info->extack);
	if (err)
		audit_refused(info->genlhdr->cmd, key, err);
	else
		zkhsm_audit(0, "op=key-del id=%s", key->id);
	zkhsm_key_put(key);
	return err;
}

/* The answer to a use gets out if the key still may be used, and by this caller, or not at all. */
static int release(struct zkhsm_key *key, u32 usage, struct sk_buff *request,
		   struct sk_buff *reply, void *hdr, struct genl_info *info)
{
	int err;

	err = zkhsm_key_release_begin(key, usage, info->extack);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	err = zkhsm_access_key(info->genlhdr->cmd, request, key->owner, info->extack);
	err = zkhsm_nl_reply_send(reply, hdr, info, err);
	zkhsm_key_release_end(key);
	return err;
}

int zkhsm_nl_key_sign_doit(struct sk_buff *skb, struct genl_info *info)
{
	u8 sig[ZKHSM_SIGNATURE_LEN];
	struct zkhsm_key *key;
	struct sk_buff *reply;
	void *hdr;
	int err;

	key = key_of(skb, info);
	if (IS_ERR(key))
		return PTR_ERR(key);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply) {
		err = -ENOMEM;
		goto out;
	}
	err = zkhsm_op_sign(key, nla_data(info->attrs[ZKHSM_A_KEY_DIGEST]), sig, info->extack);
	if (!err && (nla_put_string(reply, ZKHSM_A_KEY_ID, key->id) ||
		     nla_put(reply, ZKHSM_A_KEY_SIGNATURE, sizeof(sig), sig) ||
		     nla_put(reply, ZKHSM_A_KEY_PUBLIC, sizeof(key->pub), key->pub)))
		err = -EMSGSIZE;
	if (err)
		nlmsg_free(reply);
	else
		err = release(key, ZKHSM_KEY_USAGE_SIGN, skb, reply, hdr, info);
out:
	zkhsm_key_put(key);
	return err;
}

/* Tells "absent" (NULL) from "empty" (not NULL, length 0). */
static const void *data_of(const struct nlattr *attr, size_t *len)
{
	*len = attr ? nla_len(attr) : 0;
	return attr ? nla_data(attr) : NULL;
}

int zkhsm_nl_proof_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	u8 proof[ZKHSM_PROOF_LEN];
	const void *user_id, *other;
	size_t uid_len, other_len;
	struct zkhsm_key *key;
	struct sk_buff *reply;
	void *hdr;
	int err;

	key = key_of(skb, info);
	if (IS_ERR(key))
		return PTR_ERR(key);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply) {
		err = -ENOMEM;
		goto out;
	}
	user_id = data_of(info->attrs[ZKHSM_A_PROOF_USER_ID], &uid_len);
	other = data_of(info->attrs[ZKHSM_A_PROOF_OTHER_INFO], &other_len);
	err = zkhsm_op_prove(key, user_id, uid_len, other, other_len, proof, info->extack);
	if (!err && (nla_put_string(reply, ZKHSM_A_PROOF_ID, key->id) ||
		     nla_put(reply, ZKHSM_A_PROOF_PROOF, sizeof(proof), proof) ||
		     nla_put(reply, ZKHSM_A_PROOF_PUBLIC, sizeof(key->pub), key->pub)))
		err = -EMSGSIZE;
	if (err)
		nlmsg_free(reply);
	else
		err = release(key, ZKHSM_KEY_USAGE_PROVE, skb, reply, hdr, info);
out:
	zkhsm_key_put(key);
	return err;
}

static int not_supported(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_key *key = key_of(skb, info);

	if (IS_ERR(key))
		return PTR_ERR(key);
	zkhsm_key_put(key);
	return zkhsm_nl_not_supported(info);
}

int zkhsm_nl_key_mac_doit(struct sk_buff *skb, struct genl_info *info)
{
	return not_supported(skb, info);
}

int zkhsm_nl_key_derive_doit(struct sk_buff *skb, struct genl_info *info)
{
	return not_supported(skb, info);
}
