// SPDX-License-Identifier: GPL-2.0
/*
 * What hsm-seal gave out: between two rounds whole, to be unsealed by the
 * fuzzer or by ourselves; and whatever any process saw, to be mixed in.
 */
#include <errno.h>
#include <string.h>

#include "../../selftests/hsm.h"
#include "nlf.h"

static size_t copy(uint8_t *out, const void *bytes, size_t len)
{
	memcpy(out, bytes, len);
	return len;
}

/* Any head or record that a process was given. */
static size_t loose(uint8_t arg, uint8_t *out)
{
	const struct nlf_record *r = &world->loose[arg % LOOSE];

	/* Somebody may be writing it; what is read is then none of both, and within its bounds. */
	return copy(out, r->bytes, r->len % (KEPT_RECORD_MAX + 1));
}

static size_t of_length(uint8_t arg, uint8_t *out)
{
	static const uint16_t lengths[] = { 0, 1, 7, 8, 16383, 16384, 16385, 61439, 61440, 61441 };
	size_t len = lengths[arg % (sizeof(lengths) / sizeof(lengths[0]))];

	memset(out, arg, len);
	memcpy(out, "ZKHSM", len < 5 ? len : 5);
	return len;
}

static size_t record_of(enum nlf_which which, uint8_t arg, uint8_t *out)
{
	const struct nlf_kept *k = &world->kept[which];
	const struct nlf_record *r = &k->record[k->count ? arg % k->count : 0];

	return copy(out, r->bytes, r->len);
}

static size_t head_of(enum nlf_which which, uint8_t *out)
{
	return copy(out, world->kept[which].head, world->kept[which].head_len);
}

size_t kept_head(const struct nlf_step *s, uint8_t sel, uint8_t arg, uint8_t *out)
{
	size_t len;

	if (sel < 128)
		len = head_of(KEPT_NEW, out);
	else if (sel % 5 == 3)
		len = head_of(KEPT_OLD, out);
	else if (sel % 5 == 4)
		len = head_of(KEPT_OTHER, out);
	else if (sel % 5 == 0)
		len = loose(arg, out);
	else
		len = sel % 5 == 1 ? record_of(KEPT_NEW, arg, out) : of_length(arg, out);
	payload_change(s, out, &len, VALUE_MAX - 128);
	return len;
}

size_t kept_record(const struct nlf_step *s, uint8_t sel, uint8_t arg, uint8_t *out)
{
	size_t len;

	if (sel < 128)
		len = record_of(KEPT_NEW, arg, out);
	else if (sel % 5 == 3)
		len = record_of(KEPT_OLD, arg, out);
	else if (sel % 5 == 4)
		len = record_of(KEPT_OTHER, arg, out);
	else if (sel % 5 == 0)
		len = loose(arg, out);
	else
		len = sel % 5 == 1 ? head_of(KEPT_NEW, out) : of_length(arg, out);
	/* One of many is enough. */
	if (!(arg % 4))
		payload_change(s, out, &len, VALUE_MAX - 128);
	return len;
}

void kept_learn(const uint8_t *bytes, size_t len)
{
	struct nlf_record *r;

	if (len > KEPT_RECORD_MAX)
		return;
	r = &world->loose[atomic_fetch_add(&world->loose_count, 1) % LOOSE];
	memcpy(r->bytes, bytes, len);
	r->len = (uint32_t)len;
}

static const struct nlattr *attr(const struct nlmsghdr *h, int type)
{
	return nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, GENL_HDRLEN, type);
}

/* One that does not fit is counted all the same. */
static void take_part(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *record = attr(h, ZKHSM_A_SEAL_RECORD);
	const struct nlattr *head = attr(h, ZKHSM_A_SEAL_HEAD);
	const struct nlattr *kind = attr(h, ZKHSM_A_SEAL_KIND);
	struct nlf_kept *k = arg;

	if (record && k->count < KEPT_RECORDS && nla_len(record) <= KEPT_RECORD_MAX) {
		struct nlf_record *r = &k->record[k->count];

		r->len = (uint32_t)copy(r->bytes, nla_data(record), (size_t)nla_len(record));
	}
	k->count += record != NULL;
	k->keys += record && kind && nla_get_u32(kind) == ZKHSM_RECORD_KIND_KEY;
	if (!head)
		return;
	if (nla_len(head) <= KEPT_HEAD_MAX)
		k->head_len = (uint32_t)copy(k->head, nla_data(head), (size_t)nla_len(head));
	k->sequence = nla_get_u64(attr(h, ZKHSM_A_SEAL_SEQUENCE));
	k->counted = nla_get_u32(attr(h, ZKHSM_A_SEAL_RECORDS));
}

static int commit(struct hsm *h, uint64_t sequence)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SEAL);

	nla_put_u64(msg, ZKHSM_A_SEAL_SEQUENCE, sequence);
	return nlraw_do(&h->nl, msg, &h->a);
}

int kept_take(struct hsm *h, int32_t rekey, struct nlf_kept *out)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SEAL);

	nla_put_u32(msg, rekey ? ZKHSM_A_SEAL_REKEY : ZKHSM_A_SEAL_FULL, 1);
	if (rekey)
		nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)rekey);
	memset(out, 0, sizeof(*out));
	if (nlraw_dump(&h->nl, msg, take_part, out, &h->a))
		return h->a.error;
	return commit(h, out->sequence);
}

int kept_commit(struct hsm *h)
{
	static struct nlf_kept changes;

	memset(&changes, 0, sizeof(changes));
	if (nlraw_dump(&h->nl, nlraw_msg(&h->nl, ZKHSM_CMD_HSM_SEAL), take_part, &changes, &h->a))
		return h->a.error;
	return commit(h, changes.sequence);
}

/* Head, records one by one, the end. The errno is in h->a, too. */
int kept_unseal(struct hsm *h, const struct nlf_kept *k)
{
	int32_t serial = keyring_add("logon", fixed.kek[k->kek], 32);
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);
	uint32_t i;

	nla_put(msg, ZKHSM_A_SEAL_HEAD, (int)k->head_len, k->head);
	nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)serial);
	nlraw_do(&h->nl, msg, &h->a);
	keyring_drop(serial);
	for (i = 0; i < k->count && !h->a.error; i++) {
		msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);
		nla_put(msg, ZKHSM_A_SEAL_RECORD, (int)k->record[i].len, k->record[i].bytes);
		nlraw_do(&h->nl, msg, &h->a);
	}
	if (h->a.error)
		return h->a.error;
	msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_UNSEAL);
	nla_put_u32(msg, ZKHSM_A_SEAL_FINISH, 1);
	return nlraw_do(&h->nl, msg, &h->a);
}
