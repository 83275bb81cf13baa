// SPDX-License-Identifier: GPL-2.0
#include "sealed.h"

#include <netlink/genl/genl.h>
#include <string.h>

static void keep(struct sealed_item *item, const struct nlattr *attr)
{
	size_t len = (size_t)nla_len(attr);

	require(len <= sizeof(item->bytes), "%zu bytes sealed", len);
	memcpy(item->bytes, nla_data(attr), len);
	item->len = len;
}

static void take_one(const struct nlmsghdr *h, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(h);
	struct nlattr *tb[ZKHSM_A_SEAL_MAX + 1];
	struct sealed *s = arg;

	require(!nla_parse(tb, ZKHSM_A_SEAL_MAX, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
			   NULL), "a message that does not parse");
	require(!s->head.len, "something after the head");
	if (tb[ZKHSM_A_SEAL_RECORD]) {
		require(s->count < SEALED_RECORDS_MAX, "more than %u records", s->count);
		keep(&s->records[s->count++], tb[ZKHSM_A_SEAL_RECORD]);
	}
	if (!tb[ZKHSM_A_SEAL_HEAD])
		return;
	keep(&s->head, tb[ZKHSM_A_SEAL_HEAD]);
	if (tb[ZKHSM_A_SEAL_SEQUENCE])
		s->sequence = nla_get_u64(tb[ZKHSM_A_SEAL_SEQUENCE]);
	if (tb[ZKHSM_A_SEAL_KEK_BLOB]) {
		s->blob_len = (size_t)nla_len(tb[ZKHSM_A_SEAL_KEK_BLOB]);
		require(s->blob_len <= ZKHSM_KEK_BLOB_MAX_LEN, "a blob of %zu", s->blob_len);
		memcpy(s->blob, nla_data(tb[ZKHSM_A_SEAL_KEK_BLOB]), s->blob_len);
	}
}

int sealed_take(struct hsm *h, struct sealed *s, bool rekey, int32_t serial)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SEAL);

	nla_put_u32(msg, rekey ? ZKHSM_A_SEAL_REKEY : ZKHSM_A_SEAL_FULL, 1);
	if (serial)
		nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)serial);
	memset(s, 0, sizeof(*s));
	return nlraw_dump(&h->nl, msg, take_one, s, &h->a);
}

int sealed_commit(struct hsm *h, const struct sealed *s)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SEAL);

	nla_put_u64(msg, ZKHSM_A_SEAL_SEQUENCE, s->sequence);
	return nlraw_do(&h->nl, msg, &h->a);
}

void sealed_store(struct hsm *h, struct sealed *s)
{
	sealed_take(h, s, false, 0);
	require(!h->a.error && s->head.len, "hsm-seal: %s %s", strerrorname_np(h->a.error),
		h->a.text);
	sealed_commit(h, s);
	require(!h->a.error, "commit: %s %s", strerrorname_np(h->a.error), h->a.text);
}

int sealed_begin(struct hsm *h, const struct sealed *s, int32_t serial)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);

	nla_put(msg, ZKHSM_A_SEAL_HEAD, (int)s->head.len, s->head.bytes);
	if (serial)
		nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)serial);
	else if (s->blob_len)
		nla_put(msg, ZKHSM_A_SEAL_KEK_BLOB, (int)s->blob_len, s->blob);
	return nlraw_do(&h->nl, msg, &h->a);
}

int sealed_finish(struct hsm *h, const struct sealed *s)
{
	struct nl_msg *msg;
	unsigned int i;

	for (i = 0; i < s->count; i++) {
		msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);
		nla_put(msg, ZKHSM_A_SEAL_RECORD, (int)s->records[i].len, s->records[i].bytes);
		if (nlraw_do(&h->nl, msg, &h->a))
			return h->a.error;
	}
	msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);
	nla_put_u32(msg, ZKHSM_A_SEAL_FINISH, 1);
	return nlraw_do(&h->nl, msg, &h->a);
}

int sealed_restore(struct hsm *h, const struct sealed *s, int32_t serial)
{
	if (sealed_begin(h, s, serial))
		return h->a.error;
	return sealed_finish(h, s);
}
