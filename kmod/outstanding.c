// SPDX-License-Identifier: GPL-2.0
/*
 * The nonces that evidence was made over and that have not died yet.
 *
 * Every statement S has a nonce of the kernel's own, by which a manager's
 * later answer names that very S. What is kept of S is this table, its slots
 * allocated at load. A living entry is never pushed out by a new one, however
 * many are asked for: then whoever floods the table could make a manager's
 * answers worthless. A nonce dies of age alone, or in a fork of the VM.
 *
 * Evidence whose answer comes by hand has two slots of its own, one of which
 * lives, for as long as a lease may: an administrator asked for it, and can ask
 * for another one in its place.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/random.h>

#include "zkhsm.h"

/*
 * Protects all of the below; nothing is taken inside it. @living is in the
 * order of issue, which is the order of death, because all live equally long.
 */
static DEFINE_SPINLOCK(lock);
static struct zkhsm_outstanding *slots;
static LIST_HEAD(free_slots);
static LIST_HEAD(living);
static u32 living_count;
static ktime_t life;
static u32 epoch;
static u32 last_number;

/* @living_offline is one of the two; the other one is free, or reserved. */
static struct zkhsm_outstanding offline[2];
static struct zkhsm_outstanding *living_offline;
static bool offline_reserved;

/* Slots can be many; the table is one allocation, made and freed with the module. */
int __init zkhsm_outstanding_init(unsigned int count, unsigned int life_ms)
{
	unsigned int i;

	slots = kvcalloc(count, sizeof(*slots), GFP_KERNEL);
	if (!slots)
		return -ENOMEM;
	life = ms_to_ktime(life_ms);
	for (i = 0; i < count; i++)
		list_add_tail(&slots[i].node, &free_slots);
	return 0;
}

/* Buries those that are @age old. */
static void expire(ktime_t age)
{
	struct zkhsm_outstanding *o, *next;
	ktime_t limit = ktime_sub(ktime_get_boottime(), age);
	LIST_HEAD(dead);

	spin_lock(&lock);
	list_for_each_entry_safe(o, next, &living, node) {
		if (ktime_after(o->issued, limit))
			break;
		list_move_tail(&o->node, &dead);
		living_count--;
	}
	spin_unlock(&lock);
	if (list_empty(&dead))
		return;

	list_for_each_entry(o, &dead, node)
		zkhsm_list_unname(o->generation);
	spin_lock(&lock);
	list_splice_tail(&dead, &free_slots);
	spin_unlock(&lock);
}

static bool is_offline(const struct zkhsm_outstanding *o)
{
	return o == &offline[0] || o == &offline[1];
}

static struct zkhsm_outstanding *reserve_offline(void)
{
	struct zkhsm_outstanding *o = NULL;

	spin_lock(&lock);
	if (!offline_reserved) {
		offline_reserved = true;
		o = living_offline == &offline[0] ? &offline[1] : &offline[0];
	}
	spin_unlock(&lock);
	return o;
}

/**
 * zkhsm_outstanding_reserve() - take a slot for the evidence to come
 * @by_hand: its answer comes by hand
 *
 * Return: the slot, the caller's until zkhsm_outstanding_commit() or
 * zkhsm_outstanding_cancel(); NULL when every slot holds a living nonce, or
 * other evidence @by_hand is being made.
 */
struct zkhsm_outstanding *zkhsm_outstanding_reserve(bool by_hand)
{
	struct zkhsm_outstanding *o;

	if (by_hand)
		return reserve_offline();
	expire(life);

	spin_lock(&lock);
	o = list_first_entry_or_null(&free_slots, struct zkhsm_outstanding, node);
	if (o)
		list_del_init(&o->node);
	spin_unlock(&lock);
	return o;
}

/**
 * zkhsm_outstanding_number() - what makes a statement unlike any other
 * @o: reserved
 * @s: gets its lease_nonce, number and uptime
 *
 * Number and time are taken together, so that they grow together.
 */
void zkhsm_outstanding_number(struct zkhsm_outstanding *o, struct zkhsm_statement *s)
{
	get_random_bytes(o->nonce, sizeof(o->nonce));
	memcpy(s->lease_nonce, o->nonce, sizeof(s->lease_nonce));

	spin_lock(&lock);
	s->number = ++last_number;
	o->number = s->number;
	o->issued = ktime_get_boottime();
	o->epoch = epoch;
	spin_unlock(&lock);
	s->uptime_ms = ktime_to_ms(o->issued);
}

/* Another evidence may have been numbered later and be done sooner. */
static void insert(struct zkhsm_outstanding *o)
{
	struct zkhsm_outstanding *older;

	list_for_each_entry_reverse(older, &living, node)
		if (!ktime_after(older->issued, o->issued))
			break;
	list_add(&o->node, &older->node);
	living_count++;
}

/**
 * zkhsm_outstanding_commit() - the evidence is good: its nonce lives
 * @o: reserved and numbered; no longer the caller's when 0 is returned
 * @list: what S was made over
 * @statement: SHA-256(S)
 *
 * Return: 0, or -EAGAIN when the VM was forked since the number was taken: S
 * names an instance that is no more.
 */
int zkhsm_outstanding_commit(struct zkhsm_outstanding *o, struct zkhsm_list *list,
			     const u8 statement[ZKHSM_HASH_LEN])
{
	const struct zkhsm_outstanding *replaced = NULL;
	u64 generation = 0;

	memcpy(o->statement, statement, sizeof(o->statement));

	spin_lock(&lock);
	if (o->epoch != epoch) {
		spin_unlock(&lock);
		return -EAGAIN;
	}
	atomic_inc(&list->outstanding);
	o->generation = list->generation;
	if (is_offline(o)) {
		replaced = living_offline;
		generation = replaced ? replaced->generation : 0;
		living_offline = o;
		offline_reserved = false;
	} else {
		insert(o);
	}
	spin_unlock(&lock);
	if (replaced)
		zkhsm_list_unname(generation);
	return 0;
}

/* The evidence was not made. */
void zkhsm_outstanding_cancel(struct zkhsm_outstanding *o)
{
	spin_lock(&lock);
	if (is_offline(o))
		offline_reserved = false;
	else
		list_add(&o->node, &free_slots);
	spin_unlock(&lock);
}

static const struct zkhsm_outstanding *find(const u8 statement[ZKHSM_HASH_LEN], u64 offline_ms)
{
	const struct zkhsm_outstanding *o;
	ktime_t now = ktime_get_boottime();

	list_for_each_entry(o, &living, node)
		if (!memcmp(o->statement, statement, ZKHSM_HASH_LEN))
			return ktime_after(o->issued, ktime_sub(now, life)) ? o : NULL;
	o = living_offline;
	if (!o || memcmp(o->statement, statement, ZKHSM_HASH_LEN))
		return NULL;
	return ktime_after(o->issued, ktime_sub(now, ms_to_ktime(offline_ms))) ? o : NULL;
}

/**
 * zkhsm_outstanding_find() - what is known of evidence whose nonce lives
 * @statement: SHA-256(S)
 * @offline_ms: how long those live whose answer comes by hand
 * @ref: filled in
 *
 * Linear: leases are rare, and the table is small.
 *
 * Return: whether there is such evidence.
 */
bool zkhsm_outstanding_find(const u8 statement[ZKHSM_HASH_LEN], u64 offline_ms,
			    struct zkhsm_outstanding_ref *ref)
{
	const struct zkhsm_outstanding *o;

	spin_lock(&lock);
	o = find(statement, offline_ms);
	if (o) {
		ref->number = o->number;
		ref->issued = o->issued;
		ref->generation = o->generation;
	}
	spin_unlock(&lock);
	return o;
}

static void drop_offline(void)
{
	struct zkhsm_outstanding *gone;

	spin_lock(&lock);
	gone = living_offline;
	living_offline = NULL;
	spin_unlock(&lock);
	if (gone)
		zkhsm_list_unname(gone->generation);
}

/* The VM was forked: nothing that was asked of this instance is asked of the new one. */
void zkhsm_outstanding_drop_all(void)
{
	spin_lock(&lock);
	epoch++;
	spin_unlock(&lock);
	expire(0);
	drop_offline();
}

u32 zkhsm_outstanding_count(void)
{
	u32 count;

	expire(life);
	spin_lock(&lock);
	count = living_count + !!living_offline;
	spin_unlock(&lock);
	return count;
}

void zkhsm_outstanding_exit(void)
{
	expire(0);
	drop_offline();
	kvfree(slots);
	slots = NULL;
}
