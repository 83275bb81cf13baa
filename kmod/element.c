// SPDX-License-Identifier: GPL-2.0
/*
 * Every element of the group that this HSM has heard of, by name, whatever
 * its role: the identity, keys of managers, keys in the store, and elements
 * that are not here but that managers voted on (tombstones).
 *
 * One index for all of them is what makes "a secret lives once" one lookup,
 * and what makes a revocation of a key that is not here wait for it. Again a
 * tree: an order that touches a thousand elements must not fail half-way for
 * want of memory.
 */
#include <linux/slab.h>

#include "zkhsm.h"

static struct rb_root elements = RB_ROOT;

/**
 * zkhsm_element_name() - the name of an element in orders and tombstones
 * @pub: SEC1 uncompressed
 * @name: SHA-256(BE16(suite) | x)
 *
 * Return: 0, or -EIO when the hash driver fails.
 */
int zkhsm_element_name(const u8 pub[ZKHSM_POINT_LEN], u8 name[ZKHSM_HASH_LEN])
{
	u8 input[ZKHSM_ELEMENT_INPUT_LEN];

	zkhsm_element_input(ZKHSM_SUITE_P256, pub, input);
	return zkhsm_sha256(input, sizeof(input), name) ? -EIO : 0;
}

struct zkhsm_element *zkhsm_element_alloc(void)
{
	struct zkhsm_element *e = kzalloc(sizeof(*e), GFP_KERNEL);

	if (e) {
		INIT_LIST_HEAD(&e->votes);
		INIT_LIST_HEAD(&e->voted);
		zkhsm_record_init(&e->record, ZKHSM_RECORD_KIND_VOTES);
	}
	return e;
}

/* NULL is fine; one that was inserted goes by zkhsm_element_collect(). */
void zkhsm_element_free(struct zkhsm_element *e)
{
	kfree(e);
}

struct zkhsm_element *zkhsm_element_find(const u8 name[ZKHSM_HASH_LEN])
{
	struct rb_node *node = elements.rb_node;

	lockdep_assert_held(&zkhsm_lock);

	while (node) {
		struct zkhsm_element *e = rb_entry(node, struct zkhsm_element, node);
		int d = memcmp(name, e->name, ZKHSM_HASH_LEN);

		if (!d)
			return e;
		node = d < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/* The caller has looked that the name is not there yet. */
void zkhsm_element_insert(struct zkhsm_element *e)
{
	struct rb_node **link = &elements.rb_node, *parent = NULL;

	lockdep_assert_held_write(&zkhsm_lock);

	while (*link) {
		parent = *link;
		link = memcmp(e->name, rb_entry(parent, struct zkhsm_element, node)->name,
			      ZKHSM_HASH_LEN) < 0 ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&e->node, parent, link);
	rb_insert_color(&e->node, &elements);
}

/**
 * zkhsm_element_adopt() - give an element its role
 * @fresh: with its name; taken (and set to NULL) when the element is new
 * @role: what it becomes
 * @extack: of the request
 *
 * Return: the element; -EEXIST when it has a role, under whatever id;
 * -EKEYREVOKED when enough managers have stopped it.
 */
struct zkhsm_element *zkhsm_element_adopt(struct zkhsm_element **fresh, enum zkhsm_role role,
					  struct netlink_ext_ack *extack)
{
	struct zkhsm_element *e;

	lockdep_assert_held_write(&zkhsm_lock);

	e = zkhsm_element_find((*fresh)->name);
	if (e && e->role == ZKHSM_ROLE_ABSENT && e->stopped)
		return ERR_PTR(zkhsm_refuse(extack, -EKEYREVOKED, ZKHSM_REASON_REVOKED,
					    "the managers have stopped this key"));
	return zkhsm_element_restore(fresh, role, extack);
}

/**
 * zkhsm_element_restore() - give an element that was sealed its role back
 * @fresh: as zkhsm_element_adopt()
 * @role: as zkhsm_element_adopt()
 * @extack: of the request
 *
 * One that is stopped may come, as the held or compromised key that it was.
 *
 * Return: the element; -EEXIST.
 */
struct zkhsm_element *zkhsm_element_restore(struct zkhsm_element **fresh, enum zkhsm_role role,
					    struct netlink_ext_ack *extack)
{
	struct zkhsm_element *e;

	lockdep_assert_held_write(&zkhsm_lock);

	e = zkhsm_element_find((*fresh)->name);
	if (e && e->role != ZKHSM_ROLE_ABSENT)
		return ERR_PTR(zkhsm_refuse(extack, -EEXIST, ZKHSM_REASON_ELEMENT_EXISTS,
					    "this key, or its negative, is here already"));
	if (e) {
		zkhsm_vote_moved(e, false);
	} else {
		e = *fresh;
		*fresh = NULL;
		zkhsm_element_insert(e);
	}
	e->role = role;
	return e;
}

/* The element loses its role; its votes stay. */
void zkhsm_element_abandon(struct zkhsm_element *e)
{
	lockdep_assert_held_write(&zkhsm_lock);

	e->role = ZKHSM_ROLE_ABSENT;
	e->key = NULL;
	zkhsm_vote_moved(e, true);
	zkhsm_element_collect(e);
}

/* Frees an element that neither has a role nor votes. */
void zkhsm_element_collect(struct zkhsm_element *e)
{
	lockdep_assert_held_write(&zkhsm_lock);

	if (e->role != ZKHSM_ROLE_ABSENT || !list_empty(&e->votes))
		return;
	rb_erase(&e->node, &elements);
	/* Unless the store has a record of its votes, and has to be told first. */
	if (!zkhsm_record_gone(&e->record))
		kfree(e);
}

/* At unload, after the keys and before the managers. */
void zkhsm_element_exit(void)
{
	struct zkhsm_element *e, *next;

	down_write(&zkhsm_lock);
	rbtree_postorder_for_each_entry_safe(e, next, &elements, node) {
		zkhsm_vote_exit(e);
		kfree(e);
	}
	elements = RB_ROOT;
	up_write(&zkhsm_lock);
}
