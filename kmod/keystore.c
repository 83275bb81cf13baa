// SPDX-License-Identifier: GPL-2.0
/*
 * The keys, in the order of their ids, which is the order of L.
 *
 * A tree, because L is written by walking it, dumps resume from the last id
 * they have told, and inserting cannot fail.
 */
#include <linux/atomic.h>

#include "zkhsm.h"

DECLARE_RWSEM(zkhsm_lock);

/*
 * @keys: ordered by id
 * @count: how many
 * @list_len: length of L
 * @generation: goes up with every change of L
 *
 * Locking: zkhsm_lock.
 */
static struct {
	struct rb_root keys;
	u32 count;
	size_t list_len;
	u64 generation;
} store = { .keys = RB_ROOT, .list_len = ZKHSM_LIST_HEAD_LEN };

static int compare(const char *id, size_t len, const struct rb_node *node)
{
	const struct zkhsm_key *key = rb_entry(node, struct zkhsm_key, node);

	return zkhsm_id_compare((const u8 *)id, len, (const u8 *)key->id, key->id_len);
}

static size_t entry_len(const struct zkhsm_key *key)
{
	return ZKHSM_LIST_ENTRY_MAX_LEN - ZKHSM_ID_MAX_LEN + key->id_len;
}

/* Return: the key, good for as long as the lock is held, or NULL. */
struct zkhsm_key *zkhsm_keystore_find(const char *id)
{
	struct rb_node *node = store.keys.rb_node;
	size_t len = strlen(id);
	int d;

	lockdep_assert_held(&zkhsm_lock);

	while (node) {
		d = compare(id, len, node);
		if (!d)
			return rb_entry(node, struct zkhsm_key, node);
		node = d < 0 ? node->rb_left : node->rb_right;
	}
	return NULL;
}

/* The first key behind @id, which may be gone or empty; NULL behind the last. */
struct zkhsm_key *zkhsm_keystore_after(const char *id)
{
	struct rb_node *node = store.keys.rb_node;
	struct zkhsm_key *best = NULL;
	size_t len = strlen(id);

	lockdep_assert_held(&zkhsm_lock);

	while (node) {
		if (compare(id, len, node) < 0) {
			best = rb_entry(node, struct zkhsm_key, node);
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

struct zkhsm_key *zkhsm_keystore_next(struct zkhsm_key *key)
{
	lockdep_assert_held(&zkhsm_lock);

	return rb_entry_safe(rb_next(&key->node), struct zkhsm_key, node);
}

/**
 * zkhsm_keystore_get() - look a key up
 * @id: its id
 * @extack: of the request
 *
 * Return: the key, a reference that the caller puts, or -ENOKEY.
 */
struct zkhsm_key *zkhsm_keystore_get(const char *id, struct netlink_ext_ack *extack)
{
	struct zkhsm_key *key;

	down_read(&zkhsm_lock);
	key = zkhsm_keystore_find(id);
	if (key)
		zkhsm_key_get(key);
	up_read(&zkhsm_lock);

	if (!key)
		return ERR_PTR(zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_SUCH_KEY,
					    "no key has this id"));
	return key;
}

/* Takes a reference of its own. No key has this id; the caller has looked. */
void zkhsm_keystore_insert(struct zkhsm_key *key)
{
	struct rb_node **link = &store.keys.rb_node, *parent = NULL;

	lockdep_assert_held_write(&zkhsm_lock);

	while (*link) {
		parent = *link;
		link = compare(key->id, key->id_len, parent) < 0 ?
			&parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&key->node, parent, link);
	rb_insert_color(&key->node, &store.keys);
	store.count++;
	store.list_len += entry_len(key);
	zkhsm_key_changed(key);
	zkhsm_key_get(key);
}

/* Gives the store's reference back; the caller has one, so nothing is freed yet. */
void zkhsm_keystore_remove(struct zkhsm_key *key)
{
	lockdep_assert_held_write(&zkhsm_lock);

	rb_erase(&key->node, &store.keys);
	RB_CLEAR_NODE(&key->node);
	store.count--;
	store.list_len -= entry_len(key);
	zkhsm_keystore_changed();
	zkhsm_record_gone(&key->record);
	zkhsm_key_put(key);
}

/* Something that L says has changed. */
void zkhsm_keystore_changed(void)
{
	lockdep_assert_held_write(&zkhsm_lock);
	store.generation++;
}

/*
 * Evidence that found the keystore changed under it asks for quiet until it is
 * made: the owner of one key, switching it off and on, could keep the whole HSM
 * from being attested. Only owners' changes of state are refused meanwhile,
 * never what managers, or administrators, do.
 */
static atomic_t quiet = ATOMIC_INIT(0);

/*
 * The same while what has changed gets stored, which evidence has to wait for: until
 * when, by CLOCK_BOOTTIME. Whoever asked comes back, or the time runs out.
 */
static atomic64_t quiet_until = ATOMIC64_INIT(0);

#define STORING_S	10

void zkhsm_keystore_quiet_storing(bool storing)
{
	atomic64_set(&quiet_until,
		     storing ? ktime_get_boottime_ns() + STORING_S * NSEC_PER_SEC : 0);
}

void zkhsm_keystore_quiet_begin(void)
{
	atomic_inc(&quiet);
}

void zkhsm_keystore_quiet_end(void)
{
	atomic_dec(&quiet);
}

/* Read under the lock: whoever sees no quiet has his change in what is attested. */
bool zkhsm_keystore_quiet(void)
{
	lockdep_assert_held_write(&zkhsm_lock);
	return atomic_read(&quiet) || atomic64_read(&quiet_until) > (s64)ktime_get_boottime_ns();
}

u64 zkhsm_keystore_generation(void)
{
	lockdep_assert_held(&zkhsm_lock);
	return store.generation;
}

u32 zkhsm_keystore_count(void)
{
	lockdep_assert_held(&zkhsm_lock);
	return store.count;
}

size_t zkhsm_keystore_list_len(void)
{
	lockdep_assert_held(&zkhsm_lock);
	return store.list_len;
}

/* At unload, when nobody else is left: the lists have put their references before. */
void zkhsm_keystore_exit(void)
{
	struct zkhsm_key *key, *next;

	down_write(&zkhsm_lock);
	rbtree_postorder_for_each_entry_safe(key, next, &store.keys, node) {
		zkhsm_key_erase(key);
		key->element = NULL;
		zkhsm_key_put(key);
	}
	store.keys = RB_ROOT;
	store.count = 0;
	store.list_len = ZKHSM_LIST_HEAD_LEN;
	up_write(&zkhsm_lock);
}
