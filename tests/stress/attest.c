// SPDX-License-Identifier: GPL-2.0
/*
 * Evidence, fetched and verified by libzkhsm as a manager would, and then held
 * against the board: which keys L must name, in which state, and that S does
 * not show an order as applied over a list in which its key is alive.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress.h"
#include "zkhsm.h"

/* One attempt; the views are from before and after evidence-get alone. */
struct attempt {
	struct zkhsm_challenge challenges[MANAGERS];
	size_t count;
	uint64_t acked[MANAGERS], drawn[MANAGERS];
	int slots[SLOTS];
	struct view before[SLOTS], after[SLOTS];
	unsigned int agent, guest, evidence;
	struct zkhsm_evidence e;
	struct zkhsm_error err;
	struct zkhsm_statement s;
};

/* What the library says, as an answer that can be judged like all others. */
static void take_error(struct worker *w, int ret, const struct zkhsm_error *err)
{
	struct nlraw_answer *a = &w->h.a;

	a->error = -ret;
	a->reason = ret ? err->reason : 0;
	snprintf(a->text, sizeof(a->text), "%.255s", ret ? err->text : "");
}

static void look_at_all(struct worker *w, int slots[SLOTS], struct view views[SLOTS])
{
	unsigned int i;
	int index;

	for (i = 0; i < SLOTS; i++) {
		struct record *r = record_of(w->world, i, &index);

		slots[i] = index;
		views[i] = r ? look(r) : (struct view){ 0 };
	}
}

static void ask(struct worker *w, struct attempt *t)
{
	struct zkhsm_nl *nl = w->own;
	unsigned int i;
	int ret;

	t->count = pick(w, 3) ? GUEST : MANAGERS;
	for (i = 0; i < t->count; i++) {
		memcpy(t->challenges[i].manager_id, managers[i].id, 32);
		RAND_bytes(t->challenges[i].nonce, 32);
		t->acked[i] = atomic_load(&w->world->orders[i].acked);
	}
	t->agent = atomic_load(&w->world->agent.phase);
	t->guest = atomic_load(&w->world->guest.phase);
	t->evidence = atomic_load(&w->world->evidence);
	look_at_all(w, t->slots, t->before);
	ret = zkhsm_evidence_get(nl, t->challenges, t->count, NULL, &t->e, &t->err);
	take_error(w, ret, &t->err);
	for (i = 0; i < SLOTS; i++)
		if (t->slots[i] >= 0)
			t->after[i] = look(&w->world->records[t->slots[i]]);
	for (i = 0; i < t->count; i++)
		t->drawn[i] = atomic_load(&w->world->orders[i].drawn);
}

static bool refusal_allowed(struct worker *w, const struct attempt *t)
{
	const struct nlraw_answer *a = &w->h.a;

	if (is(a, EACCES, ZKHSM_REASON_NOT_AGENT))
		return may_be_closed(t->agent, atomic_load(&w->world->agent.phase));
	if (is(a, ENOKEY, ZKHSM_REASON_NOT_PINNED))
		return t->count == MANAGERS &&
		       may_be_closed(t->guest, atomic_load(&w->world->guest.phase));
	return is(a, EAGAIN, ZKHSM_REASON_LIST_MOVED);
}

static const struct zkhsm_challenge *challenge_of(const struct attempt *t, unsigned int m)
{
	unsigned int i;

	for (i = 0; i < t->s.challenge_count; i++)
		if (!memcmp(t->s.challenges[i].manager_id, managers[m].id, 32))
			return &t->s.challenges[i];
	return NULL;
}

static void check_statement(struct worker *w, const struct attempt *t)
{
	unsigned int i;

	check(!memcmp(t->s.hsm_id, w->world->hsm_id, 32), "S is of another HSM");
	check(t->s.number == t->e.number && t->e.number > t->evidence,
	      "n %u after %u had been seen", t->e.number, t->evidence);
	check(t->s.challenge_count == t->count, "S has %u challenges", t->s.challenge_count);
	for (i = 0; i < t->count; i++) {
		const struct zkhsm_challenge *c = challenge_of(t, i);

		if (!check(c, "a challenge is not in S"))
			continue;
		check(!memcmp(c->nonce, t->challenges[i].nonce, 32), "the nonce in S");
		check(c->last_number >= t->acked[i] && c->last_number <= t->drawn[i],
		      "counter %llu of manager %u is not in %llu..%llu",
		      (unsigned long long)c->last_number, i, (unsigned long long)t->acked[i],
		      (unsigned long long)t->drawn[i]);
	}
}

/* An order that S shows as applied, and that nothing has taken back, is in effect in L. */
static void check_orders(const struct attempt *t, const struct record *r, unsigned int slot,
			 uint32_t state)
{
	const struct zkhsm_challenge *holder = challenge_of(t, 0), *revoker = challenge_of(t, 1);
	const struct view *after = &t->after[slot];

	if (state != ZKHSM_KEY_STATE_ACTIVE || !holder || !revoker)
		return;
	check(!(after->flags & REVOKING) || r->revoked_by > revoker->last_number,
	      "S shows revocation %llu applied, and L its key %s active",
	      (unsigned long long)r->revoked_by, r->id);
	check(after->held % 4 != CLOSED || after->held_by > holder->last_number,
	      "S shows hold %llu applied, and L its key %s active",
	      (unsigned long long)after->held_by, r->id);
}

/* Of each slot: was its key there throughout, and what did L say about it. */
static void check_list(struct worker *w, const struct attempt *t, const struct zkhsm_keylist *l)
{
	unsigned int i;
	int index;

	for (i = 0; i < SLOTS; i++) {
		struct record *r = record_of(w->world, i, &index);
		struct zkhsm_list_entry entry;
		const struct zkhsm_list_entry *e;

		if (!r || index != t->slots[i])
			continue;
		e = zkhsm_keylist_find(l, r->id, &entry);
		if (e && !(t->after[i].flags & CREATED))
			continue;
		check(e || !view_must_be_there(&t->before[i], &t->after[i]),
		      "%s was there all the time and is not in L", r->id);
		if (!e)
			continue;
		check(!(t->before[i].flags & DELETED), "%s is in L after its deletion", r->id);
		check(!memcmp(e->public, r->public, 65), "L has another key for %s", r->id);
		check(state_possible(&t->before[i], &t->after[i], e->state),
		      "L says state %u of %s, flags %x before, %x after", e->state, r->id,
		      t->before[i].flags, t->after[i].flags);
		check_orders(t, r, i, e->state);
	}
}

static void verify(struct worker *w, struct attempt *t, const uint8_t *list, size_t len)
{
	struct zkhsm_announcement announcement;
	struct zkhsm_keylist *l;
	int ret;

	ret = zkhsm_keylist_new(list, len, &l, &t->err);
	if (!check(!ret, "L: %s", t->err.text))
		return;
	ret = zkhsm_verify_evidence(t->e.evidence, t->e.evidence_len, l, NULL, 0, &t->s, &t->err);
	if (check(!ret, "evidence: %s", t->err.text)) {
		ret = zkhsm_verify_announcement(t->s.identity, t->e.announcement,
						t->e.announcement_len, &announcement, &t->err);
		check(!ret && !memcmp(announcement.list_digest, t->e.list_digest, 32),
		      "announcement: %s", ret ? t->err.text : "of another list");
		check_statement(w, t);
		check_list(w, t, l);
	}
	zkhsm_keylist_free(l);
}

static void raise_number(atomic_uint *at, unsigned int to)
{
	unsigned int seen = atomic_load(at);

	while (seen < to && !atomic_compare_exchange_weak(at, &seen, to))
		;
}

static void fetch(struct worker *w, struct attempt *t)
{
	uint8_t *list;
	size_t len;
	int ret;

	ret = zkhsm_list_get(w->own, t->e.list_digest, &list, &len, &t->err);
	take_error(w, ret, &t->err);
	if (settled(w, "list-get"))
		judge(w, "list-get", !ret || is(&w->h.a, EAGAIN, ZKHSM_REASON_LIST_MOVED) ||
		      (is(&w->h.a, EACCES, ZKHSM_REASON_NOT_AGENT) &&
		       may_be_closed(t->agent, atomic_load(&w->world->agent.phase))));
	if (!ret && !unsettled(w))
		verify(w, t, list, len);
	if (!ret)
		free(list);
}

static struct zkhsm_nl *open_socket(struct worker *w)
{
	struct zkhsm_error err;
	struct zkhsm_nl *nl;
	int ret = zkhsm_nl_open(&nl, &err);

	check(!ret || unsettled(w), "%s: %s", w->role, err.text);
	return ret ? NULL : nl;
}

static void leave(void *nl)
{
	zkhsm_nl_close(nl);
}

void attester(struct worker *w)
{
	struct attempt *t;
	unsigned int calm;

	if (!w->own) {
		w->own = open_socket(w);
		w->disown = leave;
	}
	t = calloc(1, sizeof(*t));
	if (!w->own || !t) {
		breathe();
		free(t);
		return;
	}
	calm = !w->number && pick(w, 2);
	atomic_fetch_add(&board->calm, calm);
	ask(w, t);
	atomic_fetch_sub(&board->calm, calm);
	if (settled(w, "evidence-get")) {
		judge(w, "evidence-get", !w->h.a.error || refusal_allowed(w, t));
		if (!w->h.a.error) {
			raise_number(&w->world->evidence, t->e.number);
			atomic_fetch_add(&board->evidence, 1);
			fetch(w, t);
		}
	}
	free(t);
}
