// SPDX-License-Identifier: GPL-2.0
/*
 * share-new, share-get, share-del: administrators' shares of a KEK.
 */
#include "nl_private.h"

static int on_share(struct nlattr **tb, void *arg)
{
	struct zkhsm_share_info *s = arg;
	uint32_t complete;

	memset(s, 0, sizeof(*s));
	if (zkhsm_nl_u32(tb[ZKHSM_A_SHARE_THRESHOLD], &s->threshold) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_SHARE_ENTERED], &s->entered) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_SHARE_COMPLETE], &complete))
		return -EPROTO;
	s->complete = complete;
	/* Before the first share there is no KEK to speak of. */
	return s->threshold ? zkhsm_nl_bytes(tb[ZKHSM_A_SHARE_KEK_ID], s->kek_id,
					     sizeof(s->kek_id)) : 0;
}

int zkhsm_share_new(struct zkhsm_nl *nl, int32_t keyring_serial, struct zkhsm_share_info *out,
		    struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_SHARE_NEW, 0);

	if (msg && nla_put_u32(msg, ZKHSM_A_SHARE_KEYRING_SERIAL, (uint32_t)keyring_serial)) {
		nlmsg_free(msg);
		return zkhsm_fail(err, -EMSGSIZE, "the request is too large");
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_share, msg, on_share, out, err);
}

/* What both other commands send: perhaps the KEK that is meant. */
static int ask(struct zkhsm_nl *nl, uint8_t cmd, const uint8_t *kek_id, zkhsm_nl_fn fn,
	       struct zkhsm_share_info *out, struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, cmd, 0);

	if (msg && kek_id && nla_put(msg, ZKHSM_A_SHARE_KEK_ID, ZKHSM_KEK_ID_LEN, kek_id)) {
		nlmsg_free(msg);
		return zkhsm_fail(err, -EMSGSIZE, "the request is too large");
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_share, msg, fn, out, err);
}

int zkhsm_share_get(struct zkhsm_nl *nl, const uint8_t *kek_id, struct zkhsm_share_info *out,
		    struct zkhsm_error *err)
{
	return ask(nl, ZKHSM_CMD_SHARE_GET, kek_id, on_share, out, err);
}

int zkhsm_share_del(struct zkhsm_nl *nl, const uint8_t *kek_id, struct zkhsm_error *err)
{
	return ask(nl, ZKHSM_CMD_SHARE_DEL, kek_id, NULL, NULL, err);
}
