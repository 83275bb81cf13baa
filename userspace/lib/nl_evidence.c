// SPDX-License-Identifier: GPL-2.0
/*
 * evidence-get, list-get, order-apply: what the agent does.
 */
#include "nl_private.h"

struct list_copy {
	uint8_t *data;
	uint32_t len;
	uint32_t filled;
};

static int on_evidence(struct nlattr **tb, void *arg)
{
	struct zkhsm_evidence *e = arg;

	memset(e, 0, sizeof(*e));
	if (zkhsm_nl_binary(tb[ZKHSM_A_EVIDENCE_EVIDENCE], e->evidence, sizeof(e->evidence),
			    &e->evidence_len) ||
	    zkhsm_nl_binary(tb[ZKHSM_A_EVIDENCE_ANNOUNCEMENT], e->announcement,
			    sizeof(e->announcement), &e->announcement_len) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_EVIDENCE_LIST_DIGEST], e->list_digest, 32) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_EVIDENCE_CONFIGURATION_DIGEST], e->config_digest, 32) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_EVIDENCE_NUMBER], &e->number))
		return -EPROTO;
	return 0;
}

static int put_challenge(struct nl_msg *msg, const struct zkhsm_challenge *c)
{
	struct nlattr *nest = nla_nest_start(msg, ZKHSM_A_EVIDENCE_CHALLENGE | NLA_F_NESTED);

	if (!nest || nla_put(msg, ZKHSM_A_CHALLENGE_MANAGER_ID, 32, c->manager_id) ||
	    nla_put(msg, ZKHSM_A_CHALLENGE_NONCE, 32, c->nonce))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int evidence(struct zkhsm_nl *nl, const struct zkhsm_challenge *challenges, size_t count,
		    const uint8_t *expected_list, bool offline, struct zkhsm_evidence *out,
		    struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_EVIDENCE_GET, 0);
	size_t i;

	for (i = 0; msg && i < count; i++)
		if (put_challenge(msg, &challenges[i]))
			goto too_large;
	if (msg && expected_list &&
	    nla_put(msg, ZKHSM_A_EVIDENCE_LIST_DIGEST, ZKHSM_HASH_LEN, expected_list))
		goto too_large;
	if (msg && offline && nla_put_u32(msg, ZKHSM_A_EVIDENCE_OFFLINE, 1))
		goto too_large;
	return zkhsm_nl_call(nl, &zkhsm_nl_evidence, msg, on_evidence, out, err);

too_large:
	nlmsg_free(msg);
	return zkhsm_fail(err, -EMSGSIZE, "too many challenges for one request");
}

int zkhsm_evidence_get(struct zkhsm_nl *nl, const struct zkhsm_challenge *challenges, size_t count,
		       const uint8_t *expected_list, struct zkhsm_evidence *out,
		       struct zkhsm_error *err)
{
	return evidence(nl, challenges, count, expected_list, false, out, err);
}

int zkhsm_evidence_get_offline(struct zkhsm_nl *nl, const struct zkhsm_challenge *challenges,
			       size_t count, struct zkhsm_evidence *out, struct zkhsm_error *err)
{
	return evidence(nl, challenges, count, NULL, true, out, err);
}

static int on_chunk(struct nlattr **tb, void *arg)
{
	struct list_copy *l = arg;
	const struct nlattr *chunk = tb[ZKHSM_A_LIST_CHUNK];
	uint32_t offset, len;

	if (!chunk || zkhsm_nl_u32(tb[ZKHSM_A_LIST_OFFSET], &offset) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_LIST_LENGTH], &len))
		return -EPROTO;
	if (!l->data) {
		if (len > ZKHSM_LIST_HEAD_LEN + (size_t)ZKHSM_KEYS_MAX * ZKHSM_LIST_ENTRY_MAX_LEN)
			return -EPROTO;
		l->data = malloc(len ? len : 1);
		if (!l->data)
			return -ENOMEM;
		l->len = len;
	}
	/* Chunks come in order and without a gap; all of one copy. */
	if (len != l->len || offset != l->filled || (uint32_t)nla_len(chunk) > l->len - l->filled)
		return -EPROTO;
	memcpy(l->data + l->filled, nla_data(chunk), (size_t)nla_len(chunk));
	l->filled += (uint32_t)nla_len(chunk);
	return 0;
}

int zkhsm_list_get(struct zkhsm_nl *nl, const uint8_t digest[32], uint8_t **list, size_t *len,
		   struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_LIST_GET, NLM_F_DUMP);
	struct list_copy l = { NULL, 0, 0 };
	uint8_t found[ZKHSM_HASH_LEN];
	int ret;

	if (msg && nla_put(msg, ZKHSM_A_LIST_DIGEST, ZKHSM_HASH_LEN, digest)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	ret = zkhsm_nl_call(nl, &zkhsm_nl_list, msg, on_chunk, &l, err);
	if (!ret && (!l.data || l.filled != l.len))
		ret = zkhsm_fail(err, -EPROTO, "the kernel's list is not complete");
	if (!ret) {
		zkhsm_sha256(l.data, l.len, found);
		if (memcmp(found, digest, sizeof(found)))
			ret = zkhsm_fail(err, -EPROTO, "the kernel's list has another digest");
	}
	if (ret) {
		free(l.data);
		return ret;
	}
	*list = l.data;
	*len = l.len;
	return 0;
}

static int on_order(struct nlattr **tb, void *arg)
{
	struct zkhsm_order_result *r = arg;
	uint32_t in_turn;

	memset(r, 0, sizeof(*r));
	if (zkhsm_nl_bytes(tb[ZKHSM_A_ORDER_MANAGER_ID], r->manager_id, 32) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_ORDER_TYPE], &r->type) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_ORDER_NUMBER], &r->number) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_ORDER_IN_TURN], &in_turn) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_ORDER_KEYS_CHANGED], &r->keys_changed) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_ORDER_TOMBSTONES], &r->tombstones) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_ORDER_DROPPED], &r->dropped))
		return -EPROTO;
	r->in_turn = in_turn;
	/* The first is of leases, the others of trust changes. */
	if (tb[ZKHSM_A_ORDER_EXPIRES_MS] &&
	    zkhsm_nl_u64(tb[ZKHSM_A_ORDER_EXPIRES_MS], &r->expires_ms))
		return -EPROTO;
	if (!tb[ZKHSM_A_ORDER_OUTCOME])
		return 0;
	if (zkhsm_nl_u32(tb[ZKHSM_A_ORDER_OUTCOME], &r->outcome) ||
	    (tb[ZKHSM_A_ORDER_VOTES] && zkhsm_nl_u32(tb[ZKHSM_A_ORDER_VOTES], &r->votes)) ||
	    (tb[ZKHSM_A_ORDER_NEEDED] && zkhsm_nl_u32(tb[ZKHSM_A_ORDER_NEEDED], &r->needed)) ||
	    (tb[ZKHSM_A_ORDER_REASON] && zkhsm_nl_u32(tb[ZKHSM_A_ORDER_REASON], &r->reason)))
		return -EPROTO;
	return 0;
}

int zkhsm_order_apply(struct zkhsm_nl *nl, const uint8_t *order, size_t len,
		      struct zkhsm_order_result *out, struct zkhsm_error *err)
{
	struct nl_msg *msg;

	/* The kernel's bound; an attribute could not even hold much more. */
	if (len > ZKHSM_ORDER_MAX_LEN)
		return zkhsm_fail(err, -EINVAL, "an order has at most %d bytes",
				  ZKHSM_ORDER_MAX_LEN);
	msg = zkhsm_nl_request(nl, ZKHSM_CMD_ORDER_APPLY, 0);
	if (msg && nla_put(msg, ZKHSM_A_ORDER_ORDER, (int)len, order)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_order, msg, on_order, out, err);
}
