// SPDX-License-Identifier: GPL-2.0
/*
 * What hsm-seal gives out: what has changed since the last commit and nothing
 * else, as long as it takes until it is committed; and another KEK.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sealed.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define KEY	ZKHSM_RECORD_KIND_KEY
#define VOTES	ZKHSM_RECORD_KIND_VOTES

static struct hsm h;
/* What a store would have, and what was given out last. */
static struct sealed s, c, other;
static struct manager m;
static int32_t kek, other_kek;
static uint64_t number;

static void commit(void)
{
	sealed_commit(&h, &c);
	check_done(&h.a, "commit");
	sealed_merge(&s, &c);
	check(s.count == s.counted, "%u records are stored, the head counts %u", s.count, s.counted);
}

static void start(void)
{
	if (h.nl.sock)
		return;
	kek = sealed_kek(3);
	other_kek = sealed_kek(4);
	sealed_fresh(&h, kek, 1, 1, 1);
	manager_new_pinned(&h, &m);
	key_new(&h, "a");
	key_new(&h, "b");
	sealed_changes(&h, &c);
	commit();
	check(s.count == 2 && s.sequence == 1, "%u records, sequence %u", s.count,
	      (unsigned int)s.sequence);
}

/* So many records and so many removals, beside the head. */
static void given(unsigned int records, unsigned int removed, const char *what)
{
	const uint64_t before = c.sequence;

	sealed_changes(&h, &c);
	if (!check_done(&h.a, "hsm-seal, %s", what))
		return;
	check(c.head.len && c.count - c.removed == records && c.removed == removed,
	      "%s: %u records and %u removed, not %u and %u", what, c.count - c.removed, c.removed,
	      records, removed);
	check(c.sequence > before, "%s: sequence %u after %u", what, (unsigned int)c.sequence,
	      (unsigned int)before);
}

static void waits(uint32_t count, const char *what)
{
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED) == count, "%s: %u wait, not %u", what,
	      nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED), count);
}

/* There, as a record or as a removal. */
static void has(uint32_t kind, const void *name, bool removed, const char *what)
{
	const struct sealed_item *item = sealed_find(&c, kind, name);

	check(item && !item->len == removed, "%s: %s", what, item ? "the other" : "nothing");
}

static void set_state(const char *id, uint32_t state)
{
	key_set_u32(&h, id, ZKHSM_A_KEY_STATE, state);
	check_done(&h.a, "key-set");
}

static void without_kek(void)
{
	struct nl_msg *msg;

	sealed_empty(&h);
	sealed_changes(&h, &c);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "hsm-seal without identity");
	sealed_commit(&h, &c);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "commit without identity");
	hsm_close(&h);
	hsm_start(&h, 1, 1, 1);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_UNSEALED) && !nlraw_attr(&h.a, ZKHSM_A_HSM_KEK_ID),
	      "something is sealed, it says");
	sealed_changes(&h, &c);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_KEK, "hsm-seal without KEK");
	sealed_take(&h, &c, true, 1);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_KEK, "rekey without KEK");
	c.sequence = 1;
	sealed_commit(&h, &c);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_KEK, "commit without KEK");
	manager_new_pinned(&h, &m);
	evidence_get(&h, &m);
	check_done(&h.a, "evidence of an HSM without KEK");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_MISSING, "commit without sequence");
	hsm_close(&h);
	memset(&c, 0, sizeof(c));
}

/* hsm-new takes a KEK or none, and nothing that it would not use. */
static void half_described(void)
{
	static const struct {
		uint32_t class, serial, pcrs, index;
		int error;
		uint32_t reason;
	} tries[] = {
		{ ZKHSM_KEK_CLASS_KEYRING, 0, 0, 0, EINVAL, ZKHSM_REASON_CONFIG },
		{ ZKHSM_KEK_CLASS_KEYRING, 1, 1, 0, EINVAL, ZKHSM_REASON_CONFIG },
		{ ZKHSM_KEK_CLASS_KEYRING, INT32_MAX, 0, 0, ENOKEY, ZKHSM_REASON_KEYRING },
		{ ZKHSM_KEK_CLASS_SHARES, 1, 0, 0, EINVAL, ZKHSM_REASON_CONFIG },
		{ ZKHSM_KEK_CLASS_SHARES, 0, 1, 0, EINVAL, ZKHSM_REASON_CONFIG },
		{ ZKHSM_KEK_CLASS_SHARES, 0, 0, 0, ENOKEY, ZKHSM_REASON_SHARE },
		{ ZKHSM_KEK_CLASS_TPM, 0, 0, 0, EINVAL, ZKHSM_REASON_CONFIG },
		{ ZKHSM_KEK_CLASS_TPM, 1, 1, 0, EINVAL, ZKHSM_REASON_CONFIG },
		{ ZKHSM_KEK_CLASS_UNSPEC, 1, 0, 0, EINVAL, ZKHSM_REASON_CONFIG },
		{ ZKHSM_KEK_CLASS_UNSPEC, 0, 1, 0, EINVAL, ZKHSM_REASON_CONFIG },
		{ ZKHSM_KEK_CLASS_UNSPEC, 0, 0, 0x01500001, EINVAL, ZKHSM_REASON_CONFIG },
	};
	struct nl_msg *msg;
	size_t i;

	sealed_empty(&h);
	for (i = 0; i < LENGTH(tries); i++) {
		msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);
		nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, tries[i].class);
		nla_put_u32(msg, ZKHSM_A_HSM_KEYRING_SERIAL, tries[i].serial);
		nla_put_u32(msg, ZKHSM_A_HSM_TPM_PCRS, tries[i].pcrs);
		nla_put_u32(msg, ZKHSM_A_HSM_COUNTER_INDEX, tries[i].index);
		nlraw_do(&h.nl, msg, &h.a);
		check_refused(&h.a, tries[i].error, tries[i].reason, "number %zu", i);
	}
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_HSM_ID), "there is an identity");
	hsm_close(&h);
}

static void what_changed(void)
{
	uint8_t element[32];

	start();
	waits(0, "after a commit");
	given(0, 0, "nothing");
	commit();
	set_state("a", ZKHSM_KEY_STATE_DEACTIVATED);
	waits(1, "after key-set");
	given(1, 0, "key-set");
	has(KEY, "a", false, "key-set");
	commit();
	key_sign(&h, "b", element);
	check_done(&h.a, "key-sign");
	given(0, 0, "a signature");
	commit();
	key_element(&h, "b", element);
	order_one(&h, &m, ZKHSM_ORDER_TYPE_HOLD, ++number, element);
	waits(3, "after a hold");
	given(2, 0, "a hold");
	has(KEY, "b", false, "the key held");
	has(VOTES, element, false, "its vote");
	commit();
	order_one(&h, &m, ZKHSM_ORDER_TYPE_RELEASE, ++number, element);
	given(1, 1, "a release");
	has(VOTES, element, true, "its vote");
	commit();
	given(0, 0, "nothing more");
	commit();
}

static void removed(void)
{
	start();
	key_new(&h, "brief");
	key_del(&h, "brief");
	check_done(&h.a, "key-del");
	given(0, 0, "what was never given out");
	commit();
	key_new(&h, "c");
	given(1, 0, "key-new");
	/* It may be stored, though nobody has said so. */
	key_del(&h, "c");
	check_done(&h.a, "key-del");
	given(0, 1, "what was given out and not committed");
	has(KEY, "c", true, "its removal");
	given(0, 1, "the same again");
	commit();
	given(0, 0, "once it is committed");
	commit();

	key_new(&h, "d");
	given(1, 0, "key-new");
	commit();
	key_del(&h, "d");
	key_new(&h, "d");
	check_done(&h.a, "key-new again");
	given(1, 0, "a key made again under the same id");
	has(KEY, "d", false, "the new one");
	commit();
	key_del(&h, "d");
	key_new(&h, "d");
	key_del(&h, "d");
	check_done(&h.a, "key-del");
	given(0, 1, "the same, deleted at last");
	commit();
}

static void uncommitted(void)
{
	start();
	set_state("a", ZKHSM_KEY_STATE_ACTIVE);
	given(1, 0, "the first");
	other = c;
	given(1, 0, "the second");
	check(memcmp(other.records[0].bytes, c.records[0].bytes, c.records[0].len),
	      "the same bytes twice");
	sealed_commit(&h, &other);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_SEQUENCE, "commit of the first");
	other.sequence = c.sequence + 1;
	sealed_commit(&h, &other);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_SEQUENCE, "commit of what comes next");
	other.sequence = 0;
	sealed_commit(&h, &other);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_SEQUENCE, "commit of 0");
	waits(1, "not committed yet");
	/* What changes meanwhile waits for the next one, and for no other. */
	set_state("b", ZKHSM_KEY_STATE_DEACTIVATED);
	commit();
	check(nlraw_u32(&h.a, ZKHSM_A_SEAL_UNSEALED) == 1, "%u wait after the commit",
	      nlraw_u32(&h.a, ZKHSM_A_SEAL_UNSEALED));
	sealed_commit(&h, &c);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_SEQUENCE, "commit of it again");
	given(1, 0, "what has changed meanwhile");
	has(KEY, "b", false, "b");
	/* Changed in between once more: neither record is lost. */
	set_state("b", ZKHSM_KEY_STATE_ACTIVE);
	commit();
	given(1, 0, "and once more");
	commit();
	given(0, 0, "at last");
	commit();
}

/* It may be what the store goes on from. */
static void full(void)
{
	start();
	sealed_take(&h, &c, false, 0);
	check_done(&h.a, "hsm-seal of everything");
	check(c.count == s.count && !c.removed, "%u records, not %u", c.count, s.count);
	given(s.count, 0, "after everything, not committed");
	set_state("a", ZKHSM_KEY_STATE_DEACTIVATED);
	commit();
	given(1, 0, "after everything, committed");
	commit();
	set_state("a", ZKHSM_KEY_STATE_ACTIVE);
	given(1, 0, "before the end");
	commit();
}

static void opens(const struct sealed *what, int32_t serial, int error, uint32_t reason,
		  const char *name)
{
	sealed_empty(&h);
	sealed_restore(&h, what, serial);
	if (error)
		check_refused(&h.a, error, reason, "%s", name);
	else
		check_done(&h.a, "%s", name);
}

static void rekey(void)
{
	uint8_t old_id[16];
	const uint8_t *p;

	start();
	hsm_get(&h);
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_KEK_ID, 16);
	require(p, "no kek-id");
	memcpy(old_id, p, sizeof(old_id));
	sealed_take(&h, &c, true, 0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_KEK, "rekey without a KEK");
	sealed_take(&h, &c, false, other_kek);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_RESERVED_INPUT, "a KEK without rekey");

	sealed_take(&h, &other, true, other_kek);
	check_done(&h.a, "rekey");
	check(other.count == s.count, "%u records under the new KEK", other.count);
	hsm_get(&h);
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_KEK_ID, 16);
	check(p && !memcmp(p, old_id, 16), "another KEK before the commit");
	/* A power cut now: the store has either. */
	opens(&s, kek, 0, 0, "the state before");
	sealed_changes(&h, &c);
	commit();
	opens(&other, kek, ENOKEY, ZKHSM_REASON_OTHER_KEK, "the new state under the old KEK");
	sealed_restore(&h, &other, other_kek);
	check_done(&h.a, "the new state under the new KEK");

	opens(&s, kek, 0, 0, "the state before");
	given(0, 0, "before the rekey");
	sealed_take(&h, &c, true, other_kek);
	commit();
	hsm_get(&h);
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_KEK_ID, 16);
	check(p && memcmp(p, old_id, 16), "the same KEK after the commit");
	waits(0, "after a rekey");
	set_state("a", ZKHSM_KEY_STATE_DEACTIVATED);
	given(1, 0, "after a rekey");
	commit();
	opens(&s, kek, ENOKEY, ZKHSM_REASON_OTHER_KEK, "the old KEK at last");
	sealed_restore(&h, &s, other_kek);
	check_done(&h.a, "the new KEK at last");
	check(key_state(&h, "a") == ZKHSM_KEY_STATE_DEACTIVATED, "a is not as it was");
	/* And back. */
	sealed_take(&h, &c, true, kek);
	commit();
}

/* A dump is of one moment, and whoever leaves it unread leaves nothing behind. */
static void half_read(void)
{
	struct hsm *x;
	unsigned int i;

	start();
	for (i = 0; i < 3; i++) {
		x = calloc(1, sizeof(*x));
		require(x, "no memory");
		key_new_many(&h, i == 0 ? "many" : i == 1 ? "much" : "more", 60);
		hsm_reopen(x);
		check(!nlraw_send(&x->nl, nlraw_msg(&x->nl, ZKHSM_CMD_HSM_SEAL), NLM_F_DUMP),
		      "send");
		hsm_close(x);
		free(x);
	}
	nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL), NULL, NULL, &h.a);
	check_done(&h.a, "hsm-seal");
	check(h.a.messages == 180 + 1, "%u messages", h.a.messages);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "without_kek", without_kek },
		{ "half_described", half_described },
		{ "what_changed", what_changed },
		{ "removed", removed },
		{ "uncommitted", uncommitted },
		{ "full", full },
		{ "rekey", rekey },
		{ "half_read", half_read },
	};

	return ktap_run(tests, LENGTH(tests), argc, argv);
}
