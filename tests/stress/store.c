// SPDX-License-Identifier: GPL-2.0
/* What hsm-seal gave out, kept by name as a store would, and given back to hsm-unseal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../selftests/sealed.h"
#include "stress.h"

struct store *store;

/* One dump on its way; it counts when its end has come. */
struct sealing {
	struct stored *items, head;
	unsigned int count, room, malformed;
	uint64_t sequence;
	uint32_t counted;
};

static void keep_bytes(struct sealing *s, struct stored *item, const struct nlattr *attr)
{
	if (!attr)
		return;
	if ((size_t)nla_len(attr) > sizeof(item->bytes)) {
		s->malformed++;
		return;
	}
	item->len = (size_t)nla_len(attr);
	memcpy(item->bytes, nla_data(attr), item->len);
}

static void take_record(struct sealing *s, struct nlattr **tb)
{
	const struct nlattr *name = tb[ZKHSM_A_SEAL_ID] ?: tb[ZKHSM_A_SEAL_ELEMENT];
	struct stored *item;

	if (s->count == s->room) {
		s->room = 2 * s->room + 64;
		s->items = realloc(s->items, s->room * sizeof(*s->items));
		if (!s->items)
			abort();
	}
	item = &s->items[s->count++];
	memset(item, 0, sizeof(*item));
	if (!tb[ZKHSM_A_SEAL_KIND] || !name || nla_len(name) > (int)sizeof(item->name) ||
	    !tb[ZKHSM_A_SEAL_RECORD] == !tb[ZKHSM_A_SEAL_REMOVED]) {
		s->malformed++;
		return;
	}
	item->kind = nla_get_u32(tb[ZKHSM_A_SEAL_KIND]);
	memcpy(item->name, nla_data(name), (size_t)nla_len(name));
	keep_bytes(s, item, tb[ZKHSM_A_SEAL_RECORD]);
}

static void take_one(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[ZKHSM_A_SEAL_MAX + 1];
	struct sealing *s = arg;

	if (s->head.len || nla_parse(tb, ZKHSM_A_SEAL_MAX, genlmsg_attrdata(nlmsg_data(nh), 0),
				     genlmsg_attrlen(nlmsg_data(nh), 0), NULL)) {
		s->malformed++;
	} else if (!tb[ZKHSM_A_SEAL_HEAD]) {
		take_record(s, tb);
	} else if (!tb[ZKHSM_A_SEAL_SEQUENCE] || !tb[ZKHSM_A_SEAL_RECORDS]) {
		s->malformed++;
	} else {
		keep_bytes(s, &s->head, tb[ZKHSM_A_SEAL_HEAD]);
		s->counted = nla_get_u32(tb[ZKHSM_A_SEAL_RECORDS]);
		s->sequence = nla_get_u64(tb[ZKHSM_A_SEAL_SEQUENCE]);
	}
}

/* Where it is, or the place where it would be: names stay when their records are removed. */
static struct stored *place(const struct stored *item)
{
	unsigned int at = item->kind, i;

	for (i = 0; i < sizeof(item->name); i++)
		at = at * 31 + item->name[i];
	for (i = 0; i < STORED_MAX; i++) {
		struct stored *here = &store->items[(at + i) % STORED_MAX];

		if (!here->kind || (here->kind == item->kind &&
				    !memcmp(here->name, item->name, sizeof(here->name))))
			return here;
	}
	return NULL;
}

static void merge(const struct sealing *s)
{
	unsigned int i;

	for (i = 0; i < s->count; i++) {
		struct stored *here = place(&s->items[i]);

		if (!check(here, "more names than the store has places"))
			return;
		store->count -= !!here->len;
		*here = s->items[i];
		store->count += !!here->len;
	}
	store->head = s->head;
	check(store->count == s->counted, "%u records are stored, the head counts %u",
	      store->count, s->counted);
}

void store_begin(unsigned int epoch)
{
	if (store->epoch == epoch)
		return;
	memset(store, 0, sizeof(*store));
	store->epoch = epoch;
}

struct nl_msg *seal_msg(const struct hsm *h, bool full)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SEAL);

	if (full)
		nla_put_u32(msg, ZKHSM_A_SEAL_FULL, 1);
	return msg;
}

uint64_t store_take(struct hsm *h, bool full, bool (*keep_it)(void *arg), void *arg)
{
	struct sealing s = { 0 };

	nlraw_dump(&h->nl, seal_msg(h, full), take_one, &s, &h->a);
	check(!s.malformed, "%u messages of a sealing are malformed", s.malformed);
	check(h->a.error || s.head.len, "a sealing without a head");
	if (!h->a.error && keep_it && keep_it(arg))
		merge(&s);
	free(s.items);
	return h->a.error ? 0 : s.sequence;
}

int store_commit(struct hsm *h, uint64_t sequence)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SEAL);

	nla_put_u64(msg, ZKHSM_A_SEAL_SEQUENCE, sequence);
	return nlraw_do(&h->nl, msg, &h->a);
}

/* As many records to a request as fit. */
int store_restore(struct hsm *h, int32_t kek)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);
	unsigned int i;

	nla_put(msg, ZKHSM_A_SEAL_HEAD, (int)store->head.len, store->head.bytes);
	nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)kek);
	for (i = 0; i < STORED_MAX; i++) {
		const struct stored *item = &store->items[i];

		if (!item->len || !nla_put(msg, ZKHSM_A_SEAL_RECORD, (int)item->len, item->bytes))
			continue;
		if (nlraw_do(&h->nl, msg, &h->a))
			return h->a.error;
		msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);
		nla_put(msg, ZKHSM_A_SEAL_RECORD, (int)item->len, item->bytes);
	}
	if (nlraw_do(&h->nl, msg, &h->a))
		return h->a.error;
	msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);
	nla_put_u32(msg, ZKHSM_A_SEAL_FINISH, 1);
	return nlraw_do(&h->nl, msg, &h->a);
}
