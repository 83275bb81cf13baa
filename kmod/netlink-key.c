// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of the commands on keys.
 */
#include <linux/cred.h>

#include "grant.h"
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

/* Where what a use comes and goes with is, in either attribute set. */
struct use_attrs {
	u32 usage;
	int grant;
	int client_signature;
	int receipt;
};

static const struct use_attrs sign_attrs = {
	ZKHSM_KEY_USAGE_SIGN, ZKHSM_A_KEY_GRANT, ZKHSM_A_KEY_CLIENT_SIGNATURE, ZKHSM_A_KEY_RECEIPT,
};

static const struct use_attrs proof_attrs = {
	ZKHSM_KEY_USAGE_PROVE, ZKHSM_A_PROOF_GRANT, ZKHSM_A_PROOF_CLIENT_SIGNATURE,
	ZKHSM_A_PROOF_RECEIPT,
};

static int find_grants(struct genl_info *info, const struct use_attrs *use, struct zkhsm_grant *g)
{
	const struct nlattr *attr;
	int left;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left) {
		if (nla_type(attr) != use->grant)
			continue;
		if (g->count == ZKHSM_MANAGERS_MAX) {
			NL_SET_BAD_ATTR(info->extack, attr);
			return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_LENGTH,
					    "more grants than managers can be pinned");
		}
		/* Each has the length of a grant: the policy has looked. */
		g->orders[g->count++] = nla_data(attr);
	}
	return 0;
}

/* The grants of a request, NULL when there are none, or an error. For zkhsm_grant_free(). */
static struct zkhsm_grant *read_grants(struct genl_info *info, const struct use_attrs *use)
{
	const struct nlattr *signature = info->attrs[use->client_signature];
	struct zkhsm_grant *g;
	int err;

	if (!info->attrs[use->grant] && !signature)
		return NULL;
	if (!info->attrs[use->grant]) {
		NL_SET_BAD_ATTR(info->extack, signature);
		err = zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_GRANT_CLIENT,
				   "a signature of a client without a grant");
		return ERR_PTR(err);
	}
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return ERR_PTR(zkhsm_refuse_failure(info->extack, -ENOMEM));
	if (signature)
		g->client_signature = nla_data(signature);
	err = find_grants(info, use, g);
	if (!err)
		return g;
	zkhsm_grant_free(g);
	return ERR_PTR(err);
}

/*
 * One use on its way: what key-sign and proof-get have in common before the
 * operation and after it. @grant: NULL when none came.
 */
struct use {
	const struct use_attrs *attrs;
	struct zkhsm_key *key;
	struct zkhsm_grant *grant;
	struct sk_buff *reply;
	void *hdr;
};

static void use_end(struct use *u)
{
	zkhsm_grant_free(u->grant);
	zkhsm_key_put(u->key);
}

static int use_begin(struct use *u, const struct use_attrs *attrs, struct sk_buff *skb,
		     struct genl_info *info)
{
	u->attrs = attrs;
	u->grant = NULL;
	u->key = key_of(skb, info);
	if (IS_ERR(u->key))
		return PTR_ERR(u->key);
	u->grant = read_grants(info, attrs);
	if (IS_ERR(u->grant)) {
		zkhsm_key_put(u->key);
		return PTR_ERR(u->grant);
	}
	u->reply = zkhsm_nl_reply_new(info, &u->hdr);
	if (u->reply)
		return 0;
	use_end(u);
	return -ENOMEM;
}

/*
 * The answer to a use gets out if the key still may be used, and by this
 * caller, or not at all. @err: of the operation, and of filling the answer.
 */
static int use_finish(struct use *u, int err, struct sk_buff *skb, struct genl_info *info)
{
	if (!err && u->grant)
		err = nla_put(u->reply, u->attrs->receipt, sizeof(u->grant->receipt),
			      u->grant->receipt);
	if (!err)
		err = zkhsm_key_release_begin(u->key, u->attrs->usage, u->grant, info->extack);
	if (err) {
		nlmsg_free(u->reply);
	} else {
		err = zkhsm_access_key(info->genlhdr->cmd, skb, u->key->owner, info->extack);
		err = zkhsm_nl_reply_send(u->reply, u->hdr, info, err);
		zkhsm_key_release_end(u->key);
	}
	use_end(u);
	return err;
}

int zkhsm_nl_key_sign_doit(struct sk_buff *skb, struct genl_info *info)
{
	u8 sig[ZKHSM_SIGNATURE_LEN];
	struct use u;
	int err;

	err = use_begin(&u, &sign_attrs, skb, info);
	if (err)
		return err;
	err = zkhsm_op_sign(u.key, nla_data(info->attrs[ZKHSM_A_KEY_DIGEST]), u.grant, sig,
			    info->extack);
	if (!err && (nla_put_string(u.reply, ZKHSM_A_KEY_ID, u.key->id) ||
		     nla_put(u.reply, ZKHSM_A_KEY_SIGNATURE, sizeof(sig), sig) ||
		     nla_put(u.reply, ZKHSM_A_KEY_PUBLIC, sizeof(u.key->pub), u.key->pub)))
		err = -EMSGSIZE;
	return use_finish(&u, err, skb, info);
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
	struct zkhsm_proof_input in;
	struct use u;
	int err;

	err = use_begin(&u, &proof_attrs, skb, info);
	if (err)
		return err;
	in.user_id = data_of(info->attrs[ZKHSM_A_PROOF_USER_ID], &in.uid_len);
	in.other = data_of(info->attrs[ZKHSM_A_PROOF_OTHER_INFO], &in.other_len);
	err = zkhsm_op_prove(u.key, &in, u.grant, proof, info->extack);
	if (!err && (nla_put_string(u.reply, ZKHSM_A_PROOF_ID, u.key->id) ||
		     nla_put(u.reply, ZKHSM_A_PROOF_PROOF, sizeof(proof), proof) ||
		     nla_put(u.reply, ZKHSM_A_PROOF_PUBLIC, sizeof(u.key->pub), u.key->pub)))
		err = -EMSGSIZE;
	return use_finish(&u, err, skb, info);
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
