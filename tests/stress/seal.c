// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing while everything changes: one who stores and commits, most of the
 * time, and one who asks for sealings and leaves them; and at the end what was
 * stored is unsealed, and must be what was there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../selftests/sealed.h"
#include "stress.h"

#define SEALINGS_MAX	8	/* of which so many may be unread at a time */
#define SEALERS		2

/* The first world has none, unless it is the only one: evidence is easier to get there. */
bool epoch_has_kek(unsigned int epoch)
{
	bool only = !options.reload || options.reload >= options.seconds;

	return options.kek && (epoch / 2 > 1 || only);
}

int32_t the_kek(void)
{
	static int32_t serial;

	if (!serial)
		serial = sealed_kek(0x5e);
	return serial;
}

static bool refusal_allowed(struct worker *w, unsigned int agent, bool by_root)
{
	const struct nlraw_answer *a = &w->h.a;

	if (is(a, EACCES, ZKHSM_REASON_NOT_AGENT))
		return !by_root && may_be_closed(agent, atomic_load(&w->world->agent.phase));
	if (!epoch_has_kek(w->epoch))
		return is(a, ENOKEY, ZKHSM_REASON_NO_KEK);
	/* A socket that was closed is forgotten a moment later, and its dump with it. */
	if (is(a, EBUSY, ZKHSM_REASON_FULL))
		return atomic_load(&w->world->unread) > SEALINGS_MAX - SEALERS;
	return is(a, EAGAIN, ZKHSM_REASON_LIST_MOVED);
}

/* As one who is killed in the middle of it. */
static void leave_unread(struct worker *w, bool full)
{
	struct nlraw nl;

	if (nlraw_open(&nl))
		return;
	atomic_fetch_add(&w->world->unread, 1);
	nlraw_send(&nl, seal_msg(&w->h, full), NLM_F_DUMP);
	nlraw_close(&nl);
}

static bool is_of_this_world(void *w)
{
	return !unsettled(w);
}

static uint64_t take(struct worker *w, bool full, bool keep_it, bool by_root)
{
	unsigned int agent = atomic_load(&w->world->agent.phase);
	uint64_t sequence = store_take(&w->h, full, keep_it ? is_of_this_world : NULL, w);

	if (!settled(w, "hsm-seal"))
		return 0;
	judge(w, "hsm-seal", w->h.a.error ? refusal_allowed(w, agent, by_root) :
	      epoch_has_kek(w->epoch));
	return sequence;
}

/* What is stored is not always committed, and what is given out is not always stored. */
void seal_and_commit(struct worker *w)
{
	bool full = !pick(w, 50), keep_it = pick(w, 10);
	unsigned int agent;
	uint64_t sequence;

	store_begin(w->epoch);
	if (!epoch_has_kek(w->epoch) && pick(w, 20)) {
		breathe();
		return;
	}
	if (!pick(w, 100)) {
		leave_unread(w, full);
		return;
	}
	sequence = take(w, full, keep_it, false);
	if (!sequence)
		breathe();
	if (!sequence || !keep_it || !pick(w, 10))
		return;
	agent = atomic_load(&w->world->agent.phase);
	store_commit(&w->h, sequence);
	if (!settled(w, "commit"))
		return;
	if (!w->h.a.error)
		atomic_fetch_add(&board->commits, 1);
	/* The other one may have asked for a sealing meanwhile. */
	judge(w, "commit", !w->h.a.error || is(&w->h.a, ESTALE, ZKHSM_REASON_SEQUENCE) ||
	      (is(&w->h.a, EACCES, ZKHSM_REASON_NOT_AGENT) &&
	       may_be_closed(agent, atomic_load(&w->world->agent.phase))));
}

/* Never commits what nobody stores; what was given out before his own sealing is of the past. */
void seal_in_vain(struct worker *w)
{
	uint64_t sequence;

	if (pick(w, 20)) {
		breathe();
		return;
	}
	if (!pick(w, 3)) {
		leave_unread(w, !pick(w, 10));
		return;
	}
	sequence = take(w, !pick(w, 10), false, true);
	if (sequence < 2)
		return;
	store_commit(&w->h, sequence - 1);
	if (settled(w, "commit of a sealing of the past"))
		judge(w, "commit of a sealing of the past",
		      is(&w->h.a, ESTALE, ZKHSM_REASON_SEQUENCE));
}

/* Everything lasting that is told of keys and managers, one after the other. */
struct snapshot {
	uint8_t *bytes;
	size_t len;
	unsigned int count;
};

static size_t same_until(const struct snapshot *a, const struct snapshot *b)
{
	size_t i;

	for (i = 0; i < a->len && i < b->len && a->bytes[i] == b->bytes[i]; i++)
		;
	return i;
}

static void append(const struct nlmsghdr *nh, void *arg)
{
	struct snapshot *s = arg;
	size_t len = (size_t)genlmsg_attrlen(nlmsg_data(nh), 0);
	struct nlattr *uses = NULL;

	/* Uses are counted anew with each load of the module. */
	if (((struct genlmsghdr *)nlmsg_data(nh))->cmd == ZKHSM_CMD_KEY_GET)
		uses = nla_find(genlmsg_attrdata(nlmsg_data(nh), 0), (int)len, ZKHSM_A_KEY_USES);
	if (uses)
		memset(nla_data(uses), 0, (size_t)nla_len(uses));
	s->bytes = realloc(s->bytes, s->len + len);
	require(s->bytes, "no memory");
	memcpy(s->bytes + s->len, genlmsg_attrdata(nlmsg_data(nh), 0), len);
	s->len += len;
	s->count++;
}

static struct snapshot snapshot_of(struct hsm *h)
{
	struct snapshot s = { 0 };

	nlraw_dump(&h->nl, nlraw_msg(&h->nl, ZKHSM_CMD_KEY_GET), append, &s, &h->a);
	check_done(&h->a, "key dump");
	nlraw_dump(&h->nl, nlraw_msg(&h->nl, ZKHSM_CMD_TRUST_GET), append, &s, &h->a);
	check_done(&h->a, "trust dump");
	return s;
}

static bool always(void *arg)
{
	(void)arg;
	return true;
}

void world_store(struct hsm *h)
{
	uint64_t sequence;

	store_begin(atomic_load(&board->epoch));
	sequence = store_take(h, false, always, NULL);
	check_done(&h->a, "hsm-seal");
	store_commit(h, sequence);
	check_done(&h->a, "commit");
	hsm_get(h);
	check(!nlraw_u32(&h->a, ZKHSM_A_HSM_UNSEALED), "%u wait after the commit",
	      nlraw_u32(&h->a, ZKHSM_A_HSM_UNSEALED));
}

/* In a module that has just been loaded: whatever was stored last, committed or not. */
void world_unseal(struct hsm *h, unsigned int epoch)
{
	const uint8_t *id;

	hsm_reopen(h);
	store_restore(h, the_kek());
	check_done(&h->a, "hsm-unseal of %u records", store->count);
	hsm_get(h);
	id = nlraw_bytes(&h->a, ZKHSM_A_HSM_HSM_ID, 32);
	check(id && !memcmp(id, board_world(epoch)->hsm_id, 32), "another HSM was unsealed");
	check(nlraw_u32(&h->a, ZKHSM_A_HSM_UNSEALED), "nothing waits after hsm-unseal");
}

/* Everybody is gone, so what is stored now is what is there. */
void world_comes_back(struct hsm *h)
{
	unsigned int epoch = atomic_load(&board->epoch);
	struct snapshot before, after;

	if (!epoch_has_kek(epoch)) {
		store_take(h, false, NULL, NULL);
		check_refused(&h->a, ENOKEY, ZKHSM_REASON_NO_KEK, "hsm-seal without KEK");
		return;
	}
	world_store(h);
	before = snapshot_of(h);
	hsm_close(h);
	module_reload(WORLD_PARAMS);
	world_unseal(h, epoch);
	after = snapshot_of(h);
	check(before.len == after.len && same_until(&before, &after) == before.len,
	      "of %u keys and managers %u came back, the same in %zu of %zu bytes", before.count,
	      after.count, same_until(&before, &after), before.len);
	ktap_note("%u records came back, and with them %u keys and managers", store->count,
		  after.count);
	check(atomic_load(&board->commits), "nothing was ever committed");
	free(before.bytes);
	free(after.bytes);
	evidence_get(h, &managers[0]);
	check_refused(&h->a, EAGAIN, ZKHSM_REASON_UNSEALED, "evidence after hsm-unseal");
	world_store(h);
}
