// SPDX-License-Identifier: GPL-2.0
/*
 * Votes: what the managers want of an element, and what follows from it.
 *
 * One vote per element and manager, its latest revoke, hold or release.
 * At `stop` votes to revoke or hold, a key is held; at `wipe` votes to revoke
 * it is compromised, which always means erased. Only `quorum` releases undo
 * anything, and they clear all votes; a new vote to stop sets aside those that
 * were cast before it, which knew nothing of it. Nothing that happens locally
 * loosens: votes of a manager that was unpinned still stop (its releases do not
 * count), a deleted key leaves its votes behind, and lower quorums are applied
 * at once while higher ones release nothing.
 */
#include <linux/ktime.h>
#include <linux/slab.h>

#include "zkhsm.h"

/* Elements that have votes. Locking: zkhsm_lock. */
LIST_HEAD(zkhsm_voted);

struct tally {
	u32 stop;
	u32 revoke;
	u32 release;
	u8 reason;
};

static void count(const struct zkhsm_element *e, struct tally *t)
{
	const struct zkhsm_vote *v;

	memset(t, 0, sizeof(*t));
	list_for_each_entry(v, &e->votes, node) {
		switch (v->kind) {
		case ZKHSM_VOTE_REVOKE:
			t->revoke++;
			fallthrough;
		case ZKHSM_VOTE_HOLD:
			t->stop++;
			t->reason = v->reason;
			break;
		case ZKHSM_VOTE_RELEASE:
			t->release += v->by->pinned;
			break;
		case ZKHSM_VOTE_CLEARED:
			break;
		}
	}
}

static bool stops(const struct zkhsm_vote *v)
{
	return v->kind == ZKHSM_VOTE_REVOKE || v->kind == ZKHSM_VOTE_HOLD;
}

/* Whether a manager's latest word on the element is to stop it. */
bool zkhsm_vote_stops(const struct zkhsm_element *e, const struct zkhsm_manager *by)
{
	const struct zkhsm_vote *v = zkhsm_vote_find(e, by);

	return v && stops(v);
}

/* The first of those who stopped it, and how many more did, for the sentence. */
const struct zkhsm_vote *zkhsm_vote_first_stop(const struct zkhsm_element *e, u32 *others)
{
	const struct zkhsm_vote *v;
	struct tally t;

	lockdep_assert_held(&zkhsm_lock);

	count(e, &t);
	*others = t.stop ? t.stop - 1 : 0;
	list_for_each_entry(v, &e->votes, node)
		if (stops(v))
			return v;
	return NULL;
}

struct zkhsm_vote *zkhsm_vote_find(const struct zkhsm_element *e, const struct zkhsm_manager *by)
{
	struct zkhsm_vote *v;

	lockdep_assert_held(&zkhsm_lock);

	list_for_each_entry(v, &e->votes, node)
		if (v->by == by)
			return v;
	return NULL;
}

void zkhsm_vote_add(struct zkhsm_element *e, struct zkhsm_vote *v, struct zkhsm_manager *by)
{
	lockdep_assert_held_write(&zkhsm_lock);

	v->by = by;
	by->votes++;
	if (e->role == ZKHSM_ROLE_ABSENT)
		by->tombstones++;
	if (list_empty(&e->votes))
		list_add_tail(&e->voted, &zkhsm_voted);
	list_add_tail(&v->node, &e->votes);
	zkhsm_record_changed(&e->record);
}

void zkhsm_vote_del(struct zkhsm_element *e, struct zkhsm_vote *v)
{
	lockdep_assert_held_write(&zkhsm_lock);

	v->by->votes--;
	if (e->role == ZKHSM_ROLE_ABSENT)
		v->by->tombstones--;
	list_del(&v->node);
	if (list_empty(&e->votes))
		list_del_init(&e->voted);
	zkhsm_record_changed(&e->record);
	kfree(v);
}

/*
 * To forget a release loses no protection against replays. A release is cast
 * in turn alone, so its number is not above its manager's counter, and every
 * order that still gets in is: none could be older than what is forgotten.
 */
static void forget_releases(struct zkhsm_element *e)
{
	struct zkhsm_vote *v, *next;

	list_for_each_entry_safe(v, next, &e->votes, node) {
		if (v->kind != ZKHSM_VOTE_RELEASE)
			continue;
		WARN_ON_ONCE(v->number > v->by->last_number);
		zkhsm_vote_del(e, v);
	}
}

/* The latest is the last: its reason is the one that is told. */
void zkhsm_vote_cast(struct zkhsm_element *e, struct zkhsm_vote *v, enum zkhsm_vote_kind kind,
		     u64 number, u8 reason)
{
	lockdep_assert_held_write(&zkhsm_lock);

	v->kind = kind;
	v->number = number;
	v->reason = reason;
	v->since = ktime_get_boottime();
	list_move_tail(&v->node, &e->votes);
	zkhsm_record_changed(&e->record);
	if (stops(v))
		forget_releases(e);
}

/*
 * The element became absent, or present: its votes are tombstones now, or no
 * more. Past the limit, if need be: an owner whose key is voted on must not
 * get rid of the votes by deleting it.
 */
void zkhsm_vote_moved(const struct zkhsm_element *e, bool absent)
{
	const struct zkhsm_vote *v;

	lockdep_assert_held_write(&zkhsm_lock);

	list_for_each_entry(v, &e->votes, node)
		v->by->tombstones += absent ? 1 : -1;
}

/*
 * Votes from orders that are still ahead of turn will come again, and must
 * then find that a quorum has cleared them. The others can only come as
 * replays, so nothing has to be remembered of them.
 */
static void clear(struct zkhsm_element *e)
{
	struct zkhsm_vote *v, *next;

	e->stopped = false;
	zkhsm_record_changed(&e->record);
	list_for_each_entry_safe(v, next, &e->votes, node) {
		if (v->number > v->by->last_number)
			v->kind = ZKHSM_VOTE_CLEARED;
		else
			zkhsm_vote_del(e, v);
	}
}

/**
 * zkhsm_vote_count() - do what the votes on an element say
 * @e: the element
 * @may_release: a release was cast; anything else only tightens
 *
 * Return: what happened to the key, ZKHSM_EVENT_UNSPEC if nothing or if there
 * is no key.
 */
enum zkhsm_event zkhsm_vote_count(struct zkhsm_element *e, bool may_release)
{
	struct zkhsm_key *key = e->key;
	u32 quorum, stop, wipe;
	struct tally t;

	lockdep_assert_held_write(&zkhsm_lock);

	zkhsm_hsm_quorums(&quorum, &stop, &wipe);
	count(e, &t);
	if (may_release && t.release >= quorum) {
		clear(e);
		if (!key || key->state != ZKHSM_KEY_STATE_HELD)
			return ZKHSM_EVENT_UNSPEC;
		key->reason = ZKHSM_REVOCATION_REASON_UNSPECIFIED;
		zkhsm_key_set_state(key, key->resume);
		return ZKHSM_EVENT_RELEASED;
	}
	/* Outlives the key, as its state would have: see zkhsm_element_adopt(). */
	if (!e->stopped && (t.stop >= stop || t.revoke >= wipe)) {
		e->stopped = true;
		zkhsm_record_changed(&e->record);
	}
	if (!key || key->state == ZKHSM_KEY_STATE_COMPROMISED)
		return ZKHSM_EVENT_UNSPEC;
	if (t.revoke >= wipe) {
		key->reason = t.reason;
		zkhsm_key_set_state(key, ZKHSM_KEY_STATE_COMPROMISED);
		return ZKHSM_EVENT_COMPROMISED;
	}
	if (t.stop >= stop && key->state != ZKHSM_KEY_STATE_HELD) {
		key->reason = t.reason;
		key->resume = key->state;
		zkhsm_key_set_state(key, ZKHSM_KEY_STATE_HELD);
		return ZKHSM_EVENT_HELD;
	}
	return ZKHSM_EVENT_UNSPEC;
}

/**
 * zkhsm_vote_tighten() - apply lower quorums to the votes that are there
 * @changes: room for every key of the store; filled in, with references
 *
 * Return: how many keys changed.
 */
u32 zkhsm_vote_tighten(struct zkhsm_change *changes)
{
	struct zkhsm_element *e;
	enum zkhsm_event event;
	u32 n = 0;

	lockdep_assert_held_write(&zkhsm_lock);

	list_for_each_entry(e, &zkhsm_voted, voted) {
		event = zkhsm_vote_count(e, false);
		if (event == ZKHSM_EVENT_UNSPEC)
			continue;
		zkhsm_key_get(e->key);
		changes[n].key = e->key;
		changes[n++].event = event;
	}
	return n;
}

void zkhsm_vote_exit(struct zkhsm_element *e)
{
	struct zkhsm_vote *v, *next;

	list_for_each_entry_safe(v, next, &e->votes, node)
		zkhsm_vote_del(e, v);
}
