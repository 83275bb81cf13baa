// SPDX-License-Identifier: GPL-2.0
#include "sealed.h"

#include <netlink/genl/genl.h>
#include <string.h>

/* Evidence is asked for more often than a manager would. */
#define PARAMS	"evidence_rate=100000 evidence_burst=100000"

int32_t sealed_kek(uint8_t fill)
{
	uint8_t kek[32];
	int32_t serial;

	memset(kek, fill, sizeof(kek));
	serial = keyring_add("logon", kek, sizeof(kek));
	require(serial > 0, "add_key: %s", strerrorname_np(-serial));
	return serial;
}

int sealed_new(struct hsm *h, int32_t serial, uint32_t quorum, uint32_t stop, uint32_t wipe)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_NEW);
	const uint8_t *id, *identity;

	nla_put_u32(msg, ZKHSM_A_HSM_QUORUM, quorum);
	nla_put_u32(msg, ZKHSM_A_HSM_STOP, stop);
	nla_put_u32(msg, ZKHSM_A_HSM_WIPE, wipe);
	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_AGENT);
	nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, ZKHSM_KEK_CLASS_KEYRING);
	nla_put_u32(msg, ZKHSM_A_HSM_KEYRING_SERIAL, (uint32_t)serial);
	if (nlraw_do(&h->nl, msg, &h->a))
		return h->a.error;
	id = nlraw_bytes(&h->a, ZKHSM_A_HSM_HSM_ID, 32);
	identity = nlraw_bytes(&h->a, ZKHSM_A_HSM_IDENTITY, 65);
	require(id && identity, "hsm-new gives no identity");
	memcpy(h->id, id, 32);
	memcpy(h->identity, identity, 65);
	return 0;
}

void sealed_empty(struct hsm *h)
{
	hsm_close(h);
	module_reload(PARAMS);
	hsm_reopen(h);
}

void sealed_fresh(struct hsm *h, int32_t serial, uint32_t quorum, uint32_t stop, uint32_t wipe)
{
	sealed_empty(h);
	sealed_new(h, serial, quorum, stop, wipe);
	require(!h->a.error, "hsm-new: %s %s", strerrorname_np(h->a.error), h->a.text);
}

static void keep(struct sealed_item *item, const struct nlattr *attr)
{
	size_t len = (size_t)nla_len(attr);

	require(len <= sizeof(item->bytes), "%zu bytes sealed", len);
	memcpy(item->bytes, nla_data(attr), len);
	item->len = len;
}

static void take_record(struct sealed *s, struct nlattr **tb)
{
	struct nlattr *name = tb[ZKHSM_A_SEAL_ID] ? tb[ZKHSM_A_SEAL_ID] : tb[ZKHSM_A_SEAL_ELEMENT];
	struct sealed_item *item = &s->records[s->count++];

	require(s->count <= SEALED_RECORDS_MAX, "more than %u records", SEALED_RECORDS_MAX);
	require(tb[ZKHSM_A_SEAL_KIND] && name && nla_len(name) <= (int)sizeof(item->name) &&
		!tb[ZKHSM_A_SEAL_ID] != !tb[ZKHSM_A_SEAL_ELEMENT], "a record without a name");
	item->kind = nla_get_u32(tb[ZKHSM_A_SEAL_KIND]);
	memcpy(item->name, nla_data(name), (size_t)nla_len(name));
	require(!tb[ZKHSM_A_SEAL_RECORD] != !tb[ZKHSM_A_SEAL_REMOVED], "neither there nor removed");
	if (tb[ZKHSM_A_SEAL_RECORD])
		keep(item, tb[ZKHSM_A_SEAL_RECORD]);
	else
		s->removed++;
}

static void take_one(const struct nlmsghdr *h, void *arg)
{
	struct genlmsghdr *g = nlmsg_data(h);
	struct nlattr *tb[ZKHSM_A_SEAL_MAX + 1];
	struct sealed *s = arg;

	require(!nla_parse(tb, ZKHSM_A_SEAL_MAX, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
			   NULL), "a message that does not parse");
	require(!s->head.len, "something after the head");
	if (!tb[ZKHSM_A_SEAL_HEAD]) {
		take_record(s, tb);
		return;
	}
	keep(&s->head, tb[ZKHSM_A_SEAL_HEAD]);
	if (tb[ZKHSM_A_SEAL_RECORDS])
		s->counted = nla_get_u32(tb[ZKHSM_A_SEAL_RECORDS]);
	if (tb[ZKHSM_A_SEAL_SEQUENCE])
		s->sequence = nla_get_u64(tb[ZKHSM_A_SEAL_SEQUENCE]);
	if (tb[ZKHSM_A_SEAL_KEK_BLOB]) {
		s->blob_len = (size_t)nla_len(tb[ZKHSM_A_SEAL_KEK_BLOB]);
		require(s->blob_len <= ZKHSM_KEK_BLOB_MAX_LEN, "a blob of %zu", s->blob_len);
		memcpy(s->blob, nla_data(tb[ZKHSM_A_SEAL_KEK_BLOB]), s->blob_len);
	}
}

int sealed_receive(struct hsm *h, struct sealed *s)
{
	memset(s, 0, sizeof(*s));
	return nlraw_receive(&h->nl, take_one, s, &h->a);
}

int sealed_changes(struct hsm *h, struct sealed *s)
{
	memset(s, 0, sizeof(*s));
	return nlraw_dump(&h->nl, nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SEAL), take_one, s, &h->a);
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

static size_t find(const struct sealed *s, uint32_t kind, const uint8_t *name)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->records[i].kind == kind &&
		    !memcmp(s->records[i].name, name, sizeof(s->records[i].name)))
			break;
	return i;
}

struct sealed_item *sealed_find(struct sealed *s, uint32_t kind, const void *name)
{
	uint8_t padded[ZKHSM_ID_MAX_LEN + 1] = { 0 };
	size_t i;

	memcpy(padded, name, kind == ZKHSM_RECORD_KIND_KEY ? strlen(name) : ZKHSM_HASH_LEN);
	i = find(s, kind, padded);
	return i < s->count ? &s->records[i] : NULL;
}

void sealed_merge(struct sealed *s, const struct sealed *changes)
{
	size_t i, at;

	for (i = 0; i < changes->count; i++) {
		const struct sealed_item *item = &changes->records[i];

		at = find(s, item->kind, item->name);
		require(at < SEALED_RECORDS_MAX, "more than %u records", SEALED_RECORDS_MAX);
		if (item->len) {
			s->records[at] = *item;
			s->count += at == s->count;
		} else if (at < s->count) {
			s->records[at] = s->records[--s->count];
		}
	}
	s->head = changes->head;
	s->sequence = changes->sequence;
	s->counted = changes->counted;
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
