// SPDX-License-Identifier: GPL-2.0
/*
 * The configuration C is replaced by order of a quorum: the only way once it
 * is locked.
 *
 * The order names the C that it replaces and the whole new one, so what a
 * manager agreed to is what comes, or nothing. Each manager has one order
 * waiting; when a quorum's are the same, C changes in one step with all that
 * follows from it. The counter advances in any case, since an order that can
 * not be done any more must not stand in the way of the next one.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "lease.h"
#include "trace.h"

/* A manager that C is to have: what is needed to pin it, allocated before. */
struct candidate {
	struct zkhsm_manager *manager;
	struct zkhsm_element *element;
	u8 name[ZKHSM_HASH_LEN];
	bool invalid;
};

/**
 * struct change - one trust-change under way
 * @order: verified
 * @by: whose
 * @c: the new C
 * @digest: SHA-256 of the order's body
 * @candidates: one for each manager in @c
 * @now: C as it is
 * @now_bytes: the same, encoded
 * @now_len: its length
 * @told: managers that were pinned or unpinned, for the events
 * @told_event: which
 * @told_count: how many
 * @info: the HSM afterwards
 */
struct change {
	const struct zkhsm_order *order;
	struct zkhsm_manager *by;
	struct zkhsm_configuration c;
	u8 digest[ZKHSM_HASH_LEN];
	struct candidate candidates[ZKHSM_MANAGERS_MAX];
	struct zkhsm_configuration now;
	u8 now_bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	u32 now_len;
	struct zkhsm_manager_info told[2 * ZKHSM_MANAGERS_MAX];
	enum zkhsm_event told_event[2 * ZKHSM_MANAGERS_MAX];
	u32 told_count;
	struct zkhsm_hsm_info info;
};

/* Return: 0, also for a key that cannot be one; -ENOMEM; -EIO. */
static int prepare_candidate(struct candidate *k, const u8 pub[ZKHSM_POINT_LEN])
{
	if (zkhsm_p256_decode_public(pub)) {
		k->invalid = true;
		return 0;
	}
	k->manager = zkhsm_trust_alloc(pub);
	k->element = zkhsm_element_alloc();
	if (!k->manager || !k->element)
		return -ENOMEM;
	if (zkhsm_sha256(pub, ZKHSM_POINT_LEN, k->manager->id) ||
	    zkhsm_element_name(pub, k->element->name))
		return -EIO;
	memcpy(k->name, k->element->name, sizeof(k->name));
	return 0;
}

static int prepare(struct change *ch, struct netlink_ext_ack *extack)
{
	const struct zkhsm_order *o = ch->order;
	u32 i;
	int err;

	/* Its form has been looked at before the signature was. */
	if (WARN_ON_ONCE(zkhsm_configuration_decode(&ch->c, o->config, o->config_len)))
		return zkhsm_refuse_failure(extack, -EIO);
	err = zkhsm_sha256(o->body, o->body_len, ch->digest);
	for (i = 0; !err && i < ch->c.manager_count; i++)
		err = prepare_candidate(&ch->candidates[i], ch->c.managers[i]);
	return err ? zkhsm_refuse_failure(extack, err) : 0;
}

static void change_free(struct change *ch)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ch->candidates); i++) {
		kfree(ch->candidates[i].manager);
		zkhsm_element_free(ch->candidates[i].element);
	}
	kfree(ch);
}

static bool is_pinned(const struct candidate *k)
{
	const struct zkhsm_manager *m = zkhsm_trust_find(k->manager->id);

	return m && m->pinned;
}

/* Whether a manager of the new C can be pinned; ZKHSM_REASON_UNSPEC: it can. */
static enum zkhsm_reason check_candidate(const struct change *ch, u32 i, u32 *fresh)
{
	const struct candidate *k = &ch->candidates[i];
	const struct zkhsm_element *e;
	u32 j;

	if (k->invalid)
		return ZKHSM_REASON_MALFORMED;
	/* Two of them can be one element, of which each is the other's negative. */
	for (j = 0; j < i; j++)
		if (!memcmp(ch->candidates[j].name, k->name, sizeof(k->name)))
			return ZKHSM_REASON_ELEMENT_EXISTS;
	if (is_pinned(k))
		return ZKHSM_REASON_UNSPEC;
	e = zkhsm_element_find(k->name);
	if (e && e->role != ZKHSM_ROLE_ABSENT)
		return ZKHSM_REASON_ELEMENT_EXISTS;
	if (e && e->stopped)
		return ZKHSM_REASON_REVOKED;
	if (!zkhsm_trust_find(k->manager->id))
		(*fresh)++;
	return ZKHSM_REASON_UNSPEC;
}

/* The checks of lock, and that every manager can be pinned. */
static enum zkhsm_reason check_new(const struct change *ch)
{
	const struct zkhsm_configuration *c = &ch->c;
	enum zkhsm_reason reason;
	u32 i, fresh = 0;

	/* What they say is fixed: locked for good, the class of the KEK, the counter. */
	if (c->flags != ch->now.flags)
		return ZKHSM_REASON_CONFIG;
	if (c->wipe < c->stop || c->quorum > c->manager_count || c->stop > c->manager_count ||
	    c->wipe > c->manager_count)
		return ZKHSM_REASON_CONFIG;
	if (zkhsm_hsm_check_ttl(c->max_ttl_ms, NULL))
		return ZKHSM_REASON_TTL;
	for (i = 0; i < c->manager_count; i++) {
		reason = check_candidate(ch, i, &fresh);
		if (reason != ZKHSM_REASON_UNSPEC)
			return reason;
	}
	if (zkhsm_trust_known() + fresh > ZKHSM_MANAGERS_KNOWN_MAX)
		return ZKHSM_REASON_FULL;
	return ZKHSM_REASON_UNSPEC;
}

static void note(struct change *ch, const struct zkhsm_manager *m, enum zkhsm_event event)
{
	zkhsm_trust_read(m, &ch->told[ch->told_count]);
	ch->told_event[ch->told_count++] = event;
}

static bool stays(const struct change *ch, const struct zkhsm_manager *m)
{
	u32 i;

	for (i = 0; i < ch->c.manager_count; i++)
		if (!memcmp(ch->c.managers[i], m->pub, sizeof(m->pub)))
			return true;
	return false;
}

static void unpin_others(struct change *ch)
{
	struct zkhsm_manager *m, *next;

	for (m = zkhsm_trust_next_pinned(NULL); m; m = next) {
		next = zkhsm_trust_next_pinned(m);
		if (stays(ch, m))
			continue;
		note(ch, m, ZKHSM_EVENT_DELETED);
		zkhsm_trust_unpin(m);
	}
}

static void pin_new(struct change *ch)
{
	u32 i;

	for (i = 0; i < ch->c.manager_count; i++) {
		struct candidate *k = &ch->candidates[i];
		struct zkhsm_element *e;
		u8 id[ZKHSM_HASH_LEN];

		if (is_pinned(k))
			continue;
		memcpy(id, k->manager->id, sizeof(id));
		e = zkhsm_element_adopt(&k->element, ZKHSM_ROLE_MANAGER, NULL);
		if (WARN_ON_ONCE(IS_ERR(e)))
			continue;
		zkhsm_trust_pin(&k->manager, e);
		note(ch, zkhsm_trust_find(id), ZKHSM_EVENT_CREATED);
	}
}

/* All of it, in one step; nothing can fail. */
static void commit(struct change *ch, struct zkhsm_order_result *res)
{
	/* Those who stay do so by what they say, before anybody may be forgotten. */
	unpin_others(ch);
	pin_new(ch);
	zkhsm_hsm_reconfigure(&ch->c);
	res->change_count = zkhsm_vote_tighten(res->changes);
	zkhsm_hsm_read_locked(&ch->info);
}

/* How many of those whose word counts have ordered this. */
static u32 count(const struct change *ch)
{
	const struct zkhsm_manager *m;
	u32 n = 0;

	zkhsm_trust_for_each_pinned(m)
		n += m->waiting && !memcmp(m->pending, ch->digest, sizeof(m->pending));
	return n;
}

static enum zkhsm_order_outcome decide(struct change *ch, const u8 now[ZKHSM_HASH_LEN],
				       struct zkhsm_order_result *res)
{
	const struct zkhsm_order *o = ch->order;
	u32 stop, wipe;

	/* The latest word of this manager takes the place of what was waiting. */
	ch->by->waiting = false;
	memset(ch->by->pending, 0, sizeof(ch->by->pending));
	if (o->config_len == ch->now_len && !memcmp(o->config, ch->now_bytes, ch->now_len))
		return ZKHSM_ORDER_OUTCOME_WITHDRAWN;
	res->reason = memcmp(o->previous, now, ZKHSM_HASH_LEN) ?
		      ZKHSM_REASON_OTHER_CONFIGURATION : check_new(ch);
	if (res->reason != ZKHSM_REASON_UNSPEC)
		return ZKHSM_ORDER_OUTCOME_VOID;

	ch->by->waiting = true;
	memcpy(ch->by->pending, ch->digest, sizeof(ch->by->pending));
	zkhsm_hsm_quorums(&res->needed, &stop, &wipe);
	res->votes = count(ch);
	if (res->votes < res->needed)
		return ZKHSM_ORDER_OUTCOME_WAITING;
	commit(ch, res);
	return ZKHSM_ORDER_OUTCOME_DONE;
}

static int apply_locked(struct change *ch, const u8 digest[ZKHSM_HASH_LEN],
			struct zkhsm_order_result *res, struct netlink_ext_ack *extack)
{
	const struct zkhsm_order *o = ch->order;
	u8 now[ZKHSM_HASH_LEN];
	bool in_turn;
	int err;

	lockdep_assert_held_write(&zkhsm_lock);

	ch->by = zkhsm_trust_find(o->manager_id);
	if (!ch->by || !ch->by->pinned)
		return zkhsm_refuse_unpinned(extack);
	err = zkhsm_order_check_number(o, ch->by, &in_turn, extack);
	if (err)
		return err;
	ch->now_len = zkhsm_hsm_configuration(&ch->now, ch->now_bytes);
	if (zkhsm_sha256(ch->now_bytes, ch->now_len, now))
		return zkhsm_refuse_failure(extack, -EIO);

	/* First, for the manager that orders may be one of those that go. */
	zkhsm_order_advance(o, ch->by, digest);
	res->in_turn = true;
	res->outcome = decide(ch, now, res);
	return 0;
}

/* Gives the lock back: see tell() in ops.c. */
static void tell(const struct change *ch, const struct zkhsm_order_result *res)
{
	u32 i;

	lockdep_assert_held_write(&zkhsm_lock);

	downgrade_write(&zkhsm_lock);
	for (i = 0; i < ch->told_count; i++)
		zkhsm_nl_event_trust(ch->told_event[i], &ch->told[i]);
	zkhsm_nl_event_changes(res->changes, res->change_count);
	if (res->outcome == ZKHSM_ORDER_OUTCOME_DONE)
		zkhsm_nl_event_hsm_info(ZKHSM_EVENT_CHANGED, &ch->info);
	up_read(&zkhsm_lock);
}

/**
 * zkhsm_trust_change() - count an order to replace C, and replace it
 * @o: the order, verified
 * @digest: SHA-256 of what its signature covers
 * @res: what became of it
 * @extack: of the request
 *
 * Return: 0, whatever became of it; -ENOKEY (unpinned meanwhile); -EALREADY
 * (replay); -EAGAIN (out of turn); -ENOMEM; -EIO.
 */
int zkhsm_trust_change(const struct zkhsm_order *o, const u8 digest[ZKHSM_HASH_LEN],
		       struct zkhsm_order_result *res, struct netlink_ext_ack *extack)
{
	struct change *ch = kzalloc(sizeof(*ch), GFP_KERNEL);
	int err;

	if (!ch)
		return zkhsm_refuse_failure(extack, -ENOMEM);
	ch->order = o;
	err = prepare(ch, extack);
	if (err)
		goto out;
	err = zkhsm_hsm_lock_with_room(&res->changes);
	if (err) {
		zkhsm_refuse_failure(extack, err);
		goto out;
	}
	err = apply_locked(ch, digest, res, extack);
	tell(ch, res);
out:
	change_free(ch);
	return err;
}
