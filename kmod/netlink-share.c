// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of the commands on shares of a KEK.
 */
#include "netlink-gen.h"
#include "netlink.h"
#include "seal.h"

static int fill_share(struct sk_buff *skb, const struct zkhsm_share_info *share)
{
	if (nla_put_u32(skb, ZKHSM_A_SHARE_THRESHOLD, share->threshold) ||
	    nla_put_u32(skb, ZKHSM_A_SHARE_ENTERED, share->entered) ||
	    nla_put_u32(skb, ZKHSM_A_SHARE_COMPLETE, share->complete))
		return -EMSGSIZE;
	if (!share->threshold)
		return 0;
	return nla_put(skb, ZKHSM_A_SHARE_KEK_ID, sizeof(share->kek_id), share->kek_id);
}

/* A request may name the KEK that it means. */
static int read_meant(struct genl_info *info, struct zkhsm_share_info *share)
{
	const struct nlattr *id = info->attrs[ZKHSM_A_SHARE_KEK_ID];

	zkhsm_share_read(share);
	if (!id || (share->threshold &&
		    !memcmp(nla_data(id), share->kek_id, sizeof(share->kek_id))))
		return 0;
	NL_SET_BAD_ATTR(info->extack, id);
	return zkhsm_refuse(info->extack, -ENOKEY, ZKHSM_REASON_SHARE,
			    "no shares of this KEK have been entered");
}

int zkhsm_nl_share_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	s32 serial = nla_get_u32(info->attrs[ZKHSM_A_SHARE_KEYRING_SERIAL]);
	struct zkhsm_share_info share;
	struct sk_buff *reply;
	void *hdr;
	int err;

	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = zkhsm_share_enter(serial, &share, info->extack);
	if (err) {
		zkhsm_audit(err, "op=share-new");
	} else {
		zkhsm_audit(0, "op=share-new entered=%u threshold=%u", share.entered,
			    share.threshold);
		err = fill_share(reply, &share);
	}
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}

int zkhsm_nl_share_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_share_info share;
	struct sk_buff *reply;
	void *hdr;
	int err;

	err = read_meant(info, &share);
	if (err)
		return err;
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	return zkhsm_nl_reply_send(reply, hdr, info, fill_share(reply, &share));
}

/* Without an id whatever is there is forgotten, and nothing being there is no error. */
int zkhsm_nl_share_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_share_info share;
	int err;

	err = read_meant(info, &share);
	if (!err)
		zkhsm_share_forget();
	zkhsm_audit(err, "op=share-del");
	return err;
}
