// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of the commands between the managers and this kernel: evidence and
 * its list, pinned managers, orders.
 */
#include <linux/ctype.h>
#include <linux/slab.h>

#include "netlink-gen.h"
#include "netlink.h"

static int read_challenge(struct genl_info *info, const struct nlattr *nest,
			  struct zkhsm_challenge *c)
{
	struct nlattr *tb[ZKHSM_A_CHALLENGE_MAX + 1];
	int err;

	err = nla_parse_nested(tb, ZKHSM_A_CHALLENGE_MAX, nest, zkhsm_challenge_nl_policy,
			       info->extack);
	if (err)
		return err;
	if (!tb[ZKHSM_A_CHALLENGE_MANAGER_ID] || !tb[ZKHSM_A_CHALLENGE_NONCE]) {
		NL_SET_BAD_ATTR(info->extack, nest);
		return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_MISSING,
				    "a challenge needs a manager-id and a nonce");
	}
	nla_memcpy(c->manager_id, tb[ZKHSM_A_CHALLENGE_MANAGER_ID], sizeof(c->manager_id));
	nla_memcpy(c->nonce, tb[ZKHSM_A_CHALLENGE_NONCE], sizeof(c->nonce));
	return 0;
}

static int read_challenges(struct genl_info *info, struct zkhsm_evidence *ev)
{
	const struct nlattr *attr;
	int left, err;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, left) {
		if (nla_type(attr) != ZKHSM_A_EVIDENCE_CHALLENGE)
			continue;
		if (ev->challenge_count == ZKHSM_MANAGERS_MAX) {
			NL_SET_BAD_ATTR(info->extack, attr);
			return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_LENGTH,
					    "more challenges than managers can be pinned");
		}
		err = read_challenge(info, attr, &ev->challenges[ev->challenge_count]);
		if (err)
			return err;
		ev->challenge_count++;
	}
	return 0;
}

/* Its nonce outlives all others, and there is one: not for an agent, which is not trusted. */
static int read_offline(struct sk_buff *skb, struct genl_info *info, struct zkhsm_evidence *ev)
{
	const struct nlattr *offline = info->attrs[ZKHSM_A_EVIDENCE_OFFLINE];

	ev->by_hand = offline && nla_get_u32(offline);
	if (!ev->by_hand || zkhsm_access_admin(skb))
		return 0;
	NL_SET_BAD_ATTR(info->extack, offline);
	return zkhsm_refuse(info->extack, -EPERM, ZKHSM_REASON_NOT_ADMIN,
			    "only an administrator can ask for evidence to be answered by hand");
}

static int make_evidence(struct sk_buff *skb, struct genl_info *info, struct zkhsm_evidence *ev)
{
	const struct nlattr *expected = info->attrs[ZKHSM_A_EVIDENCE_LIST_DIGEST];
	struct sk_buff *reply;
	void *hdr;
	int err;

	err = read_offline(skb, info, ev);
	if (!err)
		err = read_challenges(info, ev);
	if (err)
		return err;
	if (expected) {
		ev->expect_list = true;
		nla_memcpy(ev->expected, expected, sizeof(ev->expected));
	}
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = zkhsm_evidence_make(ev, info->extack);
	if (!err) {
		zkhsm_nl_event_evidence(ev);
		err = zkhsm_nl_fill_evidence(reply, ev);
	}
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}

int zkhsm_nl_evidence_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_evidence *ev = kzalloc(sizeof(*ev), GFP_KERNEL);
	int err;

	if (!ev)
		return zkhsm_refuse_failure(info->extack, -ENOMEM);
	err = make_evidence(skb, info, ev);
	kfree(ev);
	return err;
}

int zkhsm_nl_list_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *digest = info->attrs[ZKHSM_A_LIST_DIGEST];
	struct zkhsm_list *list;
	struct sk_buff *reply;
	void *hdr;
	int err;

	list = zkhsm_list_find(digest ? nla_data(digest) : NULL, info->extack);
	if (IS_ERR(list))
		return PTR_ERR(list);
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply) {
		err = -ENOMEM;
		goto out;
	}
	err = zkhsm_nl_fill_list(reply, list);
	if (!err)
		err = nla_put(reply, ZKHSM_A_LIST_ANNOUNCEMENT, sizeof(list->announcement),
			      list->announcement);
	err = zkhsm_nl_reply_send(reply, hdr, info, err);
out:
	zkhsm_list_put(list);
	return err;
}

/* Bytes from 0x80 on may be UTF-8; whoever prints them has to know how. */
static bool label_valid(const char *label)
{
	for (; *label; label++)
		if (isascii(*label) && iscntrl(*label))
			return false;
	return true;
}

int zkhsm_nl_trust_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *attr = info->attrs[ZKHSM_A_MANAGER_LABEL];
	const char *label = attr ? nla_data(attr) : "";
	struct zkhsm_manager_info m = {};
	struct sk_buff *reply;
	void *hdr;
	int err;

	if (!label_valid(label)) {
		NL_SET_BAD_ATTR(info->extack, attr);
		return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_BAD_ID,
				    "a label has no control characters");
	}
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = zkhsm_trust_new(nla_data(info->attrs[ZKHSM_A_MANAGER_PUBLIC]), label, &m,
			      info->extack);
	zkhsm_audit(err, "op=trust-new manager=%8phN", m.id);
	if (!err)
		err = zkhsm_nl_fill_manager(reply, &m);
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}

int zkhsm_nl_trust_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zkhsm_manager_info m;
	struct sk_buff *reply;
	void *hdr;
	int err;

	err = zkhsm_trust_get(nla_data(info->attrs[ZKHSM_A_MANAGER_MANAGER_ID]), &m,
			      info->extack);
	if (err)
		return err;
	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	return zkhsm_nl_reply_send(reply, hdr, info, zkhsm_nl_fill_manager(reply, &m));
}

int zkhsm_nl_trust_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	const u8 *id = nla_data(info->attrs[ZKHSM_A_MANAGER_MANAGER_ID]);
	struct zkhsm_manager_info m;
	int err;

	err = zkhsm_trust_del(id, &m, info->extack);
	zkhsm_audit(err, "op=trust-del manager=%8phN", id);
	return err;
}

int zkhsm_nl_order_apply_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *order = info->attrs[ZKHSM_A_ORDER_ORDER];
	struct zkhsm_order_result res;
	struct sk_buff *reply;
	void *hdr;
	int err;

	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	err = zkhsm_order_apply(nla_data(order), nla_len(order), &res, info->extack);
	if (!err || zkhsm_audit_allowed())
		zkhsm_audit(err, "op=order-apply manager=%8phN type=%u number=%llu changed=%u",
			    res.manager_id, res.type, res.number, res.change_count);
	if (!err) {
		zkhsm_nl_audit_changes(res.changes, res.change_count);
		err = zkhsm_nl_fill_order(reply, &res);
	}
	zkhsm_order_result_free(&res);
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}
