// SPDX-License-Identifier: GPL-2.0
/*
 * Handlers of the commands on the HSM itself.
 */
#include "netlink-gen.h"
#include "netlink.h"

static u32 u32_or_zero(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static int read_request(struct genl_info *info, struct zkhsm_hsm_request *req)
{
	const struct nlattr *agent = info->attrs[ZKHSM_A_HSM_AGENT_UID];
	int err;

	memset(req, 0, sizeof(*req));
	req->quorum = u32_or_zero(info->attrs[ZKHSM_A_HSM_QUORUM]);
	req->stop = u32_or_zero(info->attrs[ZKHSM_A_HSM_STOP]);
	req->wipe = u32_or_zero(info->attrs[ZKHSM_A_HSM_WIPE]);
	if (info->attrs[ZKHSM_A_HSM_MAX_TTL_MS]) {
		req->max_ttl_ms = nla_get_u64(info->attrs[ZKHSM_A_HSM_MAX_TTL_MS]);
		/* 0 is not "not asked for". */
		err = zkhsm_hsm_check_ttl(req->max_ttl_ms, info->extack);
		if (err) {
			NL_SET_BAD_ATTR(info->extack, info->attrs[ZKHSM_A_HSM_MAX_TTL_MS]);
			return err;
		}
	}
	if (info->attrs[ZKHSM_A_HSM_ENFORCE_GRACE_MS]) {
		req->set_grace = true;
		req->grace_ms = nla_get_u64(info->attrs[ZKHSM_A_HSM_ENFORCE_GRACE_MS]);
	}
	/* hsm-set's table of attributes ends before these. */
	if (info->genlhdr->cmd == ZKHSM_CMD_HSM_NEW) {
		req->kek_class = u32_or_zero(info->attrs[ZKHSM_A_HSM_KEK_CLASS]);
		req->serial = u32_or_zero(info->attrs[ZKHSM_A_HSM_KEYRING_SERIAL]);
		req->pcrs = u32_or_zero(info->attrs[ZKHSM_A_HSM_TPM_PCRS]);
		req->counter_index = u32_or_zero(info->attrs[ZKHSM_A_HSM_COUNTER_INDEX]);
	}
	if (!agent)
		return 0;
	req->set_agent = true;
	req->agent = make_kuid(&init_user_ns, nla_get_u32(agent));
	if (uid_valid(req->agent))
		return 0;
	NL_SET_BAD_ATTR(info->extack, agent);
	return zkhsm_refuse(info->extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
			    "the agent is no user");
}

/*
 * hsm-new and hsm-set differ in @act and @op alone. Everything that
 * follows from the change is done before the answer, which a full socket
 * refuses: then the caller has an error, but nothing is half done.
 */
static int change(struct genl_info *info, const char *op,
		  int (*act)(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *hsm,
			     struct netlink_ext_ack *extack))
{
	struct zkhsm_hsm_request req;
	struct zkhsm_hsm_info *hsm;
	struct sk_buff *skb;
	void *hdr;
	int err;

	err = read_request(info, &req);
	if (err) {
		zkhsm_audit(err, "op=%s", op);
		return err;
	}
	skb = zkhsm_nl_reply_new(info, &hdr);
	if (!skb)
		return -ENOMEM;
	hsm = kzalloc(sizeof(*hsm), GFP_KERNEL);
	err = hsm ? act(&req, hsm, info->extack) : zkhsm_refuse_failure(info->extack, -ENOMEM);
	zkhsm_audit(err, "op=%s", op);
	if (!err) {
		zkhsm_nl_audit_changes(hsm->changes, hsm->change_count);
		err = zkhsm_nl_fill_hsm(skb, hsm);
	}
	zkhsm_hsm_info_free(hsm);
	return zkhsm_nl_reply_send(skb, hdr, info, err);
}

int zkhsm_nl_hsm_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change(info, "hsm-new", zkhsm_hsm_new);
}

int zkhsm_nl_hsm_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return change(info, "hsm-set", zkhsm_hsm_set);
}

int zkhsm_nl_hsm_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const struct nlattr *id = info->attrs[ZKHSM_A_HSM_HSM_ID];
	struct zkhsm_hsm_info *hsm;
	struct sk_buff *reply;
	void *hdr;
	int err;

	if (id && !zkhsm_hsm_present())
		return zkhsm_refuse(info->extack, -ENOKEY, ZKHSM_REASON_NO_IDENTITY,
				    "there is no identity yet: hsm-new makes it");
	if (id && memcmp(nla_data(id), zkhsm_hsm_id(), ZKHSM_HASH_LEN))
		return zkhsm_refuse(info->extack, -EKEYREJECTED, ZKHSM_REASON_OTHER_HSM,
				    "this is another HSM");

	reply = zkhsm_nl_reply_new(info, &hdr);
	if (!reply)
		return -ENOMEM;
	hsm = kzalloc(sizeof(*hsm), GFP_KERNEL);
	if (hsm) {
		zkhsm_hsm_read(hsm);
		err = zkhsm_nl_fill_hsm(reply, hsm);
	} else {
		err = zkhsm_refuse_failure(info->extack, -ENOMEM);
	}
	kfree(hsm);
	return zkhsm_nl_reply_send(reply, hdr, info, err);
}
