// SPDX-License-Identifier: GPL-2.0
/*
 * The grants that have been used and could be used again: each is kept until
 * its own end, from which on it is refused as expired, and for some time after.
 * What has not come to its end is never pushed out: a full table refuses further
 * grants instead.
 *
 * Only a quorum of managers puts anything here, and each entry lives a minute
 * at most. In a fork of the VM all of them go, because what they would refuse is
 * for an instance that is no more.
 */
#include <linux/ktime.h>
#include <linux/rbtree.h>
#include <linux/slab.h>

#include "grant.h"
#include "trace.h"

/*
 * Each use adds one and takes so many away that are over: the table shrinks,
 * and nobody waits for thousands to go with the spinlock held.
 */
#define FORGET_AT_ONCE	8

/**
 * struct zkhsm_grant_use - a grant that has been used
 * @by_jti: among all, by @jti
 * @by_end: among all, by @not_after_ms
 * @jti: of the grant
 * @not_after_ms: CLOCK_BOOTTIME
 */
struct zkhsm_grant_use {
	struct rb_node by_jti;
	struct rb_node by_end;
	u8 jti[ZKHSM_JTI_LEN];
	u64 not_after_ms;
};

/* Protects all of the below; a leaf, inside zkhsm_lock. */
static DEFINE_SPINLOCK(lock);
static struct rb_root jtis = RB_ROOT;
static struct rb_root_cached ends = RB_ROOT_CACHED;
static unsigned int used;
static unsigned int room;

void __init zkhsm_grant_used_init(unsigned int slots)
{
	room = slots;
}

struct zkhsm_grant_use *zkhsm_grant_use_alloc(void)
{
	return kmalloc(sizeof(struct zkhsm_grant_use), GFP_KERNEL);
}

/* NULL is fine; not one that is in the table. */
void zkhsm_grant_use_free(struct zkhsm_grant_use *use)
{
	kfree(use);
}

static int compare_jti(const void *jti, const struct rb_node *node)
{
	return memcmp(jti, rb_entry(node, struct zkhsm_grant_use, by_jti)->jti, ZKHSM_JTI_LEN);
}

static bool jti_less(struct rb_node *a, const struct rb_node *b)
{
	return compare_jti(rb_entry(a, struct zkhsm_grant_use, by_jti)->jti, b) < 0;
}

static bool end_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct zkhsm_grant_use, by_end)->not_after_ms <
	       rb_entry(b, struct zkhsm_grant_use, by_end)->not_after_ms;
}

static void forget(struct zkhsm_grant_use *use)
{
	rb_erase(&use->by_jti, &jtis);
	rb_erase_cached(&use->by_end, &ends);
	kfree(use);
	used--;
}

static void forget_over(u64 now)
{
	unsigned int i;

	for (i = 0; i < FORGET_AT_ONCE; i++) {
		struct rb_node *first = rb_first_cached(&ends);
		struct zkhsm_grant_use *use = rb_entry_safe(first, struct zkhsm_grant_use, by_end);

		if (!use || use->not_after_ms > now)
			break;
		forget(use);
	}
}

/* Whether a grant with this jti has been used that is not over; of one that is nothing is left. */
static bool is_used(const u8 jti[ZKHSM_JTI_LEN], u64 now)
{
	struct rb_node *found = rb_find(jti, &jtis, compare_jti);
	struct zkhsm_grant_use *use = rb_entry_safe(found, struct zkhsm_grant_use, by_jti);

	if (use && use->not_after_ms <= now) {
		forget(use);
		use = NULL;
	}
	return use;
}

int zkhsm_grant_refuse_expired(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -EKEYEXPIRED, ZKHSM_REASON_GRANT_EXPIRED,
			    "the grants have expired");
}

/*
 * The clock is read with the lock held. Whoever read it before could find its
 * grant alive, and then nothing of the use that somebody else has forgotten
 * meanwhile because it is over.
 */
static int take(struct zkhsm_grant *g, struct netlink_ext_ack *extack)
{
	const struct zkhsm_order *o = &g->terms;
	u64 now = ktime_to_ms(ktime_get_boottime());

	lockdep_assert_held(&lock);

	if (now >= o->not_after_ms)
		return zkhsm_grant_refuse_expired(extack);
	forget_over(now);
	if (is_used(o->jti, now))
		return zkhsm_refuse(extack, -EALREADY, ZKHSM_REASON_GRANT_USED,
				    "the grants have been used");
	/* Full of those that could be used again, or at least one had gone. */
	if (used >= room)
		return zkhsm_refuse(extack, -EBUSY, ZKHSM_REASON_GRANTS_OUTSTANDING,
				    "every slot for a used grant is taken, ask again in a minute");
	memcpy(g->use->jti, o->jti, sizeof(g->use->jti));
	g->use->not_after_ms = o->not_after_ms;
	rb_add(&g->use->by_jti, &jtis, jti_less);
	rb_add_cached(&g->use->by_end, &ends, end_less);
	used++;
	g->use = NULL;
	return 0;
}

/**
 * zkhsm_grant_take() - use the grants up
 * @g: verified, and checked without giving zkhsm_lock back since
 * @extack: of the request
 *
 * From here on they are used, whatever becomes of the operation.
 *
 * Return: 0; -EALREADY (used before); -EBUSY (no room to remember it);
 * -EKEYEXPIRED.
 */
int zkhsm_grant_take(struct zkhsm_grant *g, struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&zkhsm_lock);

	spin_lock(&lock);
	err = take(g, extack);
	spin_unlock(&lock);
	if (!err)
		trace_zkhsm_grant(g->digest, g->terms.operation, g->count, g->terms.not_after_ms);
	return err;
}

/* The VM was forked: no grant for the instance that was can be used any more. */
void zkhsm_grant_drop_all(void)
{
	struct zkhsm_grant_use *use, *next;
	struct rb_root all;

	spin_lock(&lock);
	all = jtis;
	jtis = RB_ROOT;
	ends = RB_ROOT_CACHED;
	used = 0;
	spin_unlock(&lock);

	rbtree_postorder_for_each_entry_safe(use, next, &all, by_jti)
		kfree(use);
}

void zkhsm_grant_used_exit(void)
{
	zkhsm_grant_drop_all();
}
