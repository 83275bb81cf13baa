// SPDX-License-Identifier: GPL-2.0
/*
 * Dumps. The first part of a dump is written while its requester sends the
 * request; the others whenever some process receives from that socket. So
 * what the requester may see is decided at the start, once.
 *
 * Keys and managers come in the order of their ids and go on behind the last
 * one told: whatever was there all the time is told exactly once.
 */
#include <linux/slab.h>

#include "lease.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "seal.h"

/**
 * struct dump - one dump under way
 * @cmd: of what
 * @all: the requester may see every key
 * @owner: otherwise those of this user
 * @last_key: the last one told
 * @any_manager: one has been told
 * @last_manager: the last one told
 * @digest: names the copy of L that is told. Not a reference: it would keep
 *	the copy for as long as the requester likes to leave the rest unread.
 * @len: length of that copy
 * @offset: how much of it has been told
 * @sealing: what hsm-seal has made for this dump
 * @item: the next one of it
 */
struct dump {
	u8 cmd;
	bool all;
	kuid_t owner;
	char last_key[ZKHSM_ID_MAX_LEN + 1];
	bool any_manager;
	u8 last_manager[ZKHSM_HASH_LEN];
	u8 digest[ZKHSM_HASH_LEN];
	u32 len;
	u32 offset;
	struct zkhsm_sealing *sealing;
	const struct zkhsm_sealed_item *item;
};

static struct dump **dump_of(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct dump *) > sizeof(cb->ctx));
	return (struct dump **)cb->ctx;
}

static int start_list(struct dump *d, struct netlink_callback *cb, struct netlink_ext_ack *extack)
{
	struct nlattr *digest;
	struct zkhsm_list *list;

	/* Its length has been checked against the policy. */
	digest = nlmsg_find_attr(cb->nlh, GENL_HDRLEN, ZKHSM_A_LIST_DIGEST);
	list = zkhsm_list_find(digest ? nla_data(digest) : NULL, extack);
	if (IS_ERR(list))
		return PTR_ERR(list);
	memcpy(d->digest, list->digest, sizeof(d->digest));
	d->len = list->len;
	zkhsm_list_put(list);
	return 0;
}

static int start_seal(struct dump *d, struct netlink_callback *cb, struct netlink_ext_ack *extack)
{
	d->sealing = zkhsm_nl_seal_start(cb, extack);
	if (IS_ERR(d->sealing))
		return PTR_ERR(d->sealing);
	d->item = list_first_entry(&d->sealing->items, struct zkhsm_sealed_item, node);
	return 0;
}

static int start(struct netlink_callback *cb, struct netlink_ext_ack *extack)
{
	u8 cmd = ((struct genlmsghdr *)nlmsg_data(cb->nlh))->cmd;
	struct dump *d;
	int err;

	err = zkhsm_nl_admit(cmd, cb->skb, extack);
	if (err)
		return err;
	/* What is ignored now could never be given a meaning. */
	if (cmd != ZKHSM_CMD_LIST_GET && cmd != ZKHSM_CMD_HSM_SEAL &&
	    nlmsg_attrlen(cb->nlh, GENL_HDRLEN))
		return zkhsm_refuse(extack, -EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED,
				    "a dump of keys, managers or leases takes no attributes");
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return zkhsm_refuse_failure(extack, -ENOMEM);

	d->cmd = cmd;
	d->all = zkhsm_access_agent(cb->skb);
	d->owner = zkhsm_access_caller(cb->skb).uid;
	if (cmd == ZKHSM_CMD_LIST_GET)
		err = start_list(d, cb, extack);
	else if (cmd == ZKHSM_CMD_HSM_SEAL)
		err = start_seal(d, cb, extack);
	if (err) {
		kfree(d);
		return err;
	}
	*dump_of(cb) = d;
	return 0;
}

/**
 * zkhsm_nl_dump_start() - admit a dump
 * @cb: the dump
 *
 * Older kernels have no extended acknowledgment here. A refusal that says
 * why is worth sending by ourselves: -EINTR is how a dump tells netlink that
 * there is nothing left to acknowledge.
 *
 * Return: 0 or an error, or -EINTR when it has been sent already.
 */
int zkhsm_nl_dump_start(struct netlink_callback *cb)
{
	struct netlink_ext_ack extack = {};
	int err;

	if (cb->extack)
		return start(cb, cb->extack);
	err = start(cb, &extack);
	if (!err)
		return 0;
	netlink_ack(cb->skb, (struct nlmsghdr *)cb->nlh, err, &extack);
	return -EINTR;
}

int zkhsm_nl_dump_done(struct netlink_callback *cb)
{
	struct dump *d = *dump_of(cb);

	if (d)
		zkhsm_sealing_free(d->sealing);
	kfree(d);
	return 0;
}

static void *put_header(struct sk_buff *skb, struct netlink_callback *cb)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &zkhsm_nl_family,
			   NLM_F_MULTI, (*dump_of(cb))->cmd);
}

/* Return: 0, or -EMSGSIZE when the key has to wait for the next part. */
static int dump_key(struct sk_buff *skb, struct netlink_callback *cb, const struct zkhsm_key *key)
{
	struct zkhsm_key_info info;
	void *hdr;

	hdr = put_header(skb, cb);
	if (!hdr)
		return -EMSGSIZE;
	zkhsm_key_read(key, &info);
	if (zkhsm_nl_fill_key(skb, &info)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* Keys looked at under the lock at a time: most of them may be somebody else's. */
#define SLICE_KEYS	256

/* Return: whether there may be more. */
static bool dump_slice(struct sk_buff *skb, struct netlink_callback *cb, struct dump *d)
{
	struct zkhsm_key *key = zkhsm_keystore_after(d->last_key);
	u32 i;

	for (i = 0; key && i < SLICE_KEYS; i++, key = zkhsm_keystore_next(key)) {
		if ((d->all || uid_eq(key->owner, d->owner)) && dump_key(skb, cb, key))
			return false;
		memcpy(d->last_key, key->id, sizeof(d->last_key));
	}
	return key;
}

int zkhsm_nl_key_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *d = *dump_of(cb);
	bool more;

	do {
		down_read(&zkhsm_lock);
		more = dump_slice(skb, cb, d);
		up_read(&zkhsm_lock);
		cond_resched();
	} while (more);
	return skb->len;
}

static bool next_manager(const struct dump *d, struct zkhsm_manager_info *info)
{
	bool there;

	down_read(&zkhsm_lock);
	there = zkhsm_trust_after(d->any_manager ? d->last_manager : NULL, info);
	up_read(&zkhsm_lock);
	return there;
}

int zkhsm_nl_trust_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *d = *dump_of(cb);
	struct zkhsm_manager_info info;
	void *hdr;

	while (next_manager(d, &info)) {
		hdr = put_header(skb, cb);
		if (!hdr)
			break;
		if (zkhsm_nl_fill_manager(skb, &info)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		d->any_manager = true;
		memcpy(d->last_manager, info.id, sizeof(d->last_manager));
	}
	return skb->len;
}

static bool next_lease(const struct dump *d, struct zkhsm_lease_info *info)
{
	bool there;

	down_read(&zkhsm_lock);
	there = zkhsm_lease_after(d->any_manager ? d->last_manager : NULL, info);
	up_read(&zkhsm_lock);
	return there;
}

int zkhsm_nl_lease_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *d = *dump_of(cb);
	struct zkhsm_lease_info info;
	void *hdr;

	while (next_lease(d, &info)) {
		hdr = put_header(skb, cb);
		if (!hdr)
			break;
		if (zkhsm_nl_fill_lease_now(skb, &info)) {
			genlmsg_cancel(skb, hdr);
			break;
		}
		genlmsg_end(skb, hdr);
		d->any_manager = true;
		memcpy(d->last_manager, info.manager_id, sizeof(d->last_manager));
	}
	return skb->len;
}

/* One chunk per part, as large as the part. */
static int dump_chunk(struct sk_buff *skb, struct netlink_callback *cb,
		      const struct zkhsm_list *list)
{
	struct dump *d = *dump_of(cb);
	int room;
	u32 len;
	void *hdr;

	hdr = put_header(skb, cb);
	if (!hdr)
		return -EMSGSIZE;
	if (zkhsm_nl_fill_list(skb, list) ||
	    nla_put_u32(skb, ZKHSM_A_LIST_OFFSET, d->offset))
		goto too_small;
	room = skb_tailroom(skb) - nla_total_size(0) - NLA_ALIGNTO;
	if (room <= 0)
		goto too_small;
	len = min3((u32)room, (u32)(U16_MAX - NLA_HDRLEN), list->len - d->offset);
	if (nla_put(skb, ZKHSM_A_LIST_CHUNK, len, list->data + d->offset))
		goto too_small;
	genlmsg_end(skb, hdr);
	d->offset += len;
	return skb->len;

too_small:
	genlmsg_cancel(skb, hdr);
	return -EMSGSIZE;
}

/* Every part looks for the copy again; one that is gone ends the dump with -EAGAIN. */
int zkhsm_nl_list_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *d = *dump_of(cb);
	struct zkhsm_list *list;
	int ret;

	if (d->offset == d->len)
		return skb->len;
	list = zkhsm_list_find(d->digest, cb->extack);
	if (IS_ERR(list))
		return PTR_ERR(list);
	ret = dump_chunk(skb, cb, list);
	zkhsm_list_put(list);
	return ret;
}

int zkhsm_nl_hsm_seal_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump *d = *dump_of(cb);
	const struct list_head *end = &d->sealing->items;

	while (&d->item->node != end) {
		/* A part that is empty has room for each of them: see min_dump_alloc. */
		if (zkhsm_nl_fill_sealed(skb, cb, d->sealing, d->item))
			return skb->len ?: -EMSGSIZE;
		d->item = list_next_entry(d->item, node);
	}
	return skb->len;
}
