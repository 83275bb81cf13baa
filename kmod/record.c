// SPDX-License-Identifier: GPL-2.0
/*
 * What has changed since it was stored last.
 *
 * Each change has a number. A sealing is of one moment, that is of all changes
 * up to a number; when it is committed, what has not changed since then waits
 * no more. Whoever asks for evidence is refused while anything waits: a
 * manager must not be told what a loss of power could take back.
 */
#include <linux/slab.h>

#include "zkhsm.h"

/* In the order of the changes. Locking for all of these: zkhsm_lock. */
LIST_HEAD(zkhsm_records_waiting);
static u32 waiting_count;
static u64 last_change;
static u64 head_changed;
static u64 head_stored;
static bool enabled;

void zkhsm_record_init(struct zkhsm_record *r, u8 kind)
{
	memset(r, 0, sizeof(*r));
	INIT_LIST_HEAD(&r->waiting);
	r->kind = kind;
}

/* Keys have references; an element without a role or votes belongs to the list alone. */
static void hold(struct zkhsm_record *r)
{
	if (r->kind == ZKHSM_RECORD_KIND_KEY)
		zkhsm_key_get(container_of(r, struct zkhsm_key, record));
}

static void let_go(struct zkhsm_record *r)
{
	if (r->kind == ZKHSM_RECORD_KIND_KEY)
		zkhsm_key_put(container_of(r, struct zkhsm_key, record));
	else if (r->gone)
		kfree(container_of(r, struct zkhsm_element, record));
}

static void wait(struct zkhsm_record *r)
{
	r->changed = ++last_change;
	if (list_empty(&r->waiting)) {
		waiting_count++;
		hold(r);
	}
	list_move_tail(&r->waiting, &zkhsm_records_waiting);
}

static void wait_no_more(struct zkhsm_record *r)
{
	if (list_empty(&r->waiting))
		return;
	list_del_init(&r->waiting);
	waiting_count--;
	let_go(r);
}

void zkhsm_record_changed(struct zkhsm_record *r)
{
	lockdep_assert_held_write(&zkhsm_lock);

	if (enabled)
		wait(r);
}

/**
 * zkhsm_record_gone() - the object of a record has gone
 * @r: the record
 *
 * Return: whether an element is the list's now, which frees it. (A key has its
 * references.)
 */
bool zkhsm_record_gone(struct zkhsm_record *r)
{
	lockdep_assert_held_write(&zkhsm_lock);

	if (r->stored || r->offered) {
		r->gone = true;
		wait(r);
		return true;
	}
	/* Nobody has ever seen a record of it. */
	if (r->kind == ZKHSM_RECORD_KIND_KEY) {
		wait_no_more(r);
	} else if (!list_empty(&r->waiting)) {
		list_del_init(&r->waiting);
		waiting_count--;
	}
	return false;
}

void zkhsm_record_head_changed(void)
{
	lockdep_assert_held_write(&zkhsm_lock);

	head_changed = ++last_change;
}

u32 zkhsm_record_waiting(void)
{
	lockdep_assert_held(&zkhsm_lock);

	return enabled ? waiting_count + (head_changed > head_stored) : 0;
}

void zkhsm_record_enable(void)
{
	lockdep_assert_held_write(&zkhsm_lock);

	enabled = true;
	zkhsm_record_head_changed();
}

u64 zkhsm_record_moment(void)
{
	lockdep_assert_held(&zkhsm_lock);

	return last_change;
}

/* A sealing of this moment, which had @r in it, is stored. May free what @r is part of. */
void zkhsm_record_committed(struct zkhsm_record *r, u64 moment)
{
	lockdep_assert_held_write(&zkhsm_lock);

	if (r->changed <= moment)
		wait_no_more(r);
}

void zkhsm_record_head_committed(u64 moment)
{
	lockdep_assert_held_write(&zkhsm_lock);

	head_stored = moment;
}

/* At unload, before the keys and elements. */
void zkhsm_record_exit(void)
{
	struct zkhsm_record *r, *next;

	down_write(&zkhsm_lock);
	list_for_each_entry_safe(r, next, &zkhsm_records_waiting, waiting)
		wait_no_more(r);
	enabled = false;
	up_write(&zkhsm_lock);
}
