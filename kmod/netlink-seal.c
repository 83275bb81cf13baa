// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of the commands by which an HSM outlives its kernel: lock, seal
 * and unseal. What hsm-seal gives out is a dump, since there can be much of it.
 */
#include <linux/slab.h>

#include "netlink-gen.h"
#include "netlink.h"
#include "seal.h"

int zkhsm_nl_hsm_lock_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *id = info->attrs[ZKHSM_A_HSM_HSM_ID];
	struct zkhsm_hsm_info *hsm;
	struct sk_buff *reply;
	void *hdr;
	int err;

	if (id && memcmp(nla_data(id), zkhsm_hsm_id(), ZKHSM_HASH_LEN))
		return zkhsm_refuse(info->extack, -EKEYREJECTED, ZKHSM_REASON_OTHER_HSM,
				    "this is another HSM");
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	hsm = kzalloc(sizeof(*hsm), GFP_KERNEL);
	err = hsm ? zkhsm_hsm_lock(hsm, info->extack) : zkhsm_refuse_failure(info->extack, -ENOMEM);
	zkhsm_audit(err, "op=hsm-lock");
	if (!err)
		err = zkhsm_nl_fill_hsm(reply, hsm);
	kfree(hsm);
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}

static u32 u32_of(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

/**
 * zkhsm_nl_seal_start() - make what a dump of hsm-seal will tell
 * @cb: the dump; the request is still at hand
 * @extack: of the request
 *
 * Return: the sealing, the caller's; those of zkhsm_seal(); -EPERM for a rekey
 * by somebody who is no administrator; -EINVAL for a KEK that is not asked for.
 */
struct zkhsm_sealing *zkhsm_nl_seal_start(struct netlink_callback *cb,
					  struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	struct zkhsm_seal_request req = {};
	struct zkhsm_sealing *s;

	/* Lengths and values have been checked against the policy. */
	attr = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, ZKHSM_A_SEAL_FULL);
	req.full = u32_of(attr);
	attr = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, ZKHSM_A_SEAL_REKEY);
	req.rekey = u32_of(attr);
	attr = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, ZKHSM_A_SEAL_KEYRING_SERIAL);
	req.serial = u32_of(attr);
	if (nlmsg_find_attr(cb->nlh, GENL_HDRLEN, ZKHSM_A_SEAL_SEQUENCE) ||
	    (req.serial && !req.rekey))
		return ERR_PTR(zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
					    "a dump takes no sequence, and a KEK only with rekey"));
	if (req.rekey && !zkhsm_access_admin(cb->skb)) {
		zkhsm_audit(-EPERM, "op=hsm-seal rekey=1");
		return ERR_PTR(zkhsm_refuse(extack, -EPERM, ZKHSM_REASON_NOT_ADMIN,
					    "only an administrator can change the KEK"));
	}
	s = zkhsm_seal(&req, extack);
	if (req.rekey)
		zkhsm_audit(PTR_ERR_OR_ZERO(s), "op=hsm-seal rekey=1");
	if (!IS_ERR(s))
		/* Each item is one message, and the part has to have room for it. */
		cb->min_dump_alloc = min_t(u32, U16_MAX, s->largest + s->blob_len + 256);
	return s;
}

static int fill_item(struct sk_buff *skb, const struct zkhsm_sealing *s,
		     const struct zkhsm_sealed_item *item)
{
	if (nla_put(skb, ZKHSM_A_SEAL_SEQUENCE, sizeof(s->sequence), &s->sequence))
		return -EMSGSIZE;
	if (!item->kind) {
		if (s->blob_len && nla_put(skb, ZKHSM_A_SEAL_KEK_BLOB, s->blob_len, s->blob))
			return -EMSGSIZE;
		return nla_put_u32(skb, ZKHSM_A_SEAL_RECORDS, s->records) ?:
		       nla_put(skb, ZKHSM_A_SEAL_HEAD, item->len, item->bytes);
	}
	if (nla_put_u32(skb, ZKHSM_A_SEAL_KIND, item->kind))
		return -EMSGSIZE;
	if (item->kind == ZKHSM_RECORD_KIND_KEY) {
		if (nla_put_string(skb, ZKHSM_A_SEAL_ID, (const char *)item->name))
			return -EMSGSIZE;
	} else if (nla_put(skb, ZKHSM_A_SEAL_ELEMENT, ZKHSM_HASH_LEN, item->name)) {
		return -EMSGSIZE;
	}
	return item->removed ? nla_put_u32(skb, ZKHSM_A_SEAL_REMOVED, 1) :
			       nla_put(skb, ZKHSM_A_SEAL_RECORD, item->len, item->bytes);
}

/* One item. Return: 0, or -EMSGSIZE when it has to wait for the next part. */
int zkhsm_nl_fill_sealed(struct sk_buff *skb, struct netlink_callback *cb,
			 const struct zkhsm_sealing *s, const struct zkhsm_sealed_item *item)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&zkhsm_nl_family, NLM_F_MULTI, ZKHSM_CMD_HSM_SEAL);

	if (!hdr)
		return -EMSGSIZE;
	if (fill_item(skb, s, item)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* Without a dump hsm-seal is the commit. */
int zkhsm_nl_hsm_seal_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *attr = info->attrs[ZKHSM_A_SEAL_SEQUENCE];
	struct sk_buff *reply;
	u32 unsealed;
	u64 sequence;
	void *hdr;
	int err;

	if (info->attrs[ZKHSM_A_SEAL_FULL] || info->attrs[ZKHSM_A_SEAL_REKEY] ||
	    info->attrs[ZKHSM_A_SEAL_KEYRING_SERIAL])
		return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
				    "a commit takes a sequence alone");
	sequence = nla_get_u64(attr);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = zkhsm_seal_commit(sequence, info->extack);
	if (!err) {
		down_read(&zkhsm_lock);
		unsealed = zkhsm_record_waiting();
		up_read(&zkhsm_lock);
		err = nla_put(reply, ZKHSM_A_SEAL_SEQUENCE, sizeof(sequence), &sequence) ?:
		      nla_put_u32(reply, ZKHSM_A_SEAL_UNSEALED, unsealed);
	}
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}

static int give_head(struct genl_info *info, struct zkhsm_unseal_info *u)
{
	const struct nlattr *head = info->attrs[ZKHSM_A_SEAL_HEAD];
	const struct nlattr *blob = info->attrs[ZKHSM_A_SEAL_KEK_BLOB];
	const struct zkhsm_kek_source src = {
		.serial = u32_of(info->attrs[ZKHSM_A_SEAL_KEYRING_SERIAL]),
		.blob = blob ? nla_data(blob) : NULL,
		.blob_len = blob ? nla_len(blob) : 0,
	};

	return zkhsm_unseal_head(info->snd_portid, nla_data(head), nla_len(head), &src, u,
				 info->extack);
}

/* The bounds know one attribute of a kind only; these can be many. */
static int check_record(struct genl_info *info, const struct nlattr *attr)
{
	if (nla_len(attr) && nla_len(attr) <= ZKHSM_RECORD_MAX_LEN)
		return 0;
	NL_SET_BAD_ATTR(info->extack, attr);
	return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_LENGTH,
			    "a sealed record is too short or too long");
}

static int give_records(struct genl_info *info, struct zkhsm_unseal_info *u)
{
	const struct nlattr *attr;
	int left, err;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left) {
		if (nla_type(attr) != ZKHSM_A_SEAL_RECORD)
			continue;
		err = check_record(info, attr);
		if (!err)
			err = zkhsm_unseal_record(info->snd_portid, nla_data(attr), nla_len(attr),
						  u, info->extack);
		if (err) {
			/* Tells which of them it was. */
			NL_SET_BAD_ATTR(info->extack, attr);
			return err;
		}
		cond_resched();
	}
	return 0;
}

static int unseal(struct genl_info *info, struct zkhsm_unseal_info *u)
{
	int err = 0;

	if (!info->attrs[ZKHSM_A_SEAL_HEAD] && (info->attrs[ZKHSM_A_SEAL_KEYRING_SERIAL] ||
						info->attrs[ZKHSM_A_SEAL_KEK_BLOB]))
		return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
				    "a KEK comes with the head");
	if (info->attrs[ZKHSM_A_SEAL_HEAD])
		err = give_head(info, u);
	if (!err && info->attrs[ZKHSM_A_SEAL_RECORD])
		err = give_records(info, u);
	if (!err && u32_of(info->attrs[ZKHSM_A_SEAL_FINISH]))
		err = zkhsm_unseal_finish(info->snd_portid, u, info->extack);
	return err;
}

int zkhsm_nl_hsm_unseal_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_unseal_info u = {};
	struct sk_buff *reply;
	void *hdr;
	int err;

	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = unseal(info, &u);
	/* Not each of many requests, but how it began and how it ended. */
	if (err || info->attrs[ZKHSM_A_SEAL_HEAD] || u.finished)
		zkhsm_audit(err, "op=hsm-unseal sequence=%llu records=%u finished=%d",
			    u.sequence, u.records, u.finished);
	if (!err && u.finished)
		zkhsm_nl_event_hsm(ZKHSM_EVENT_UNSEALED);
	if (!err)
		err = nla_put(reply, ZKHSM_A_SEAL_SEQUENCE, sizeof(u.sequence), &u.sequence) ?:
		      nla_put_u32(reply, ZKHSM_A_SEAL_BOOT_COUNT, u.boot_count) ?:
		      nla_put_u32(reply, ZKHSM_A_SEAL_RECORDS, u.records) ?:
		      nla_put_u32(reply, ZKHSM_A_SEAL_FINISH, u.finished);
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}
