// SPDX-License-Identifier: GPL-2.0
/*
 * The immutable copies of L.
 *
 * Evidence is made over a copy and refers to it by digest, so that the
 * keystore can move on meanwhile. Two copies are kept for managers to fetch:
 * the newest one that evidence was made over and the one before it. The copy
 * that was written last serves as long as the keystore does not change; it is
 * a third one for as long as no evidence over it is done, so that evidence that
 * fails takes no list away from anybody.
 *
 * A copy is written by walking the keystore in slices; between two slices a
 * revocation gets in. If one did, what has been written is of no use and the
 * walk starts again.
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "zkhsm.h"

/* Keys per slice, and bytes hashed at a time: some tens of microseconds. */
#define SLICE_KEYS	256
#define SLICE_BYTES	SZ_32K
#define WALK_ATTEMPTS	8

/* One evidence writes a new copy, others that came meanwhile wait for it and share it. */
static DEFINE_MUTEX(build_lock);

/* Protects the three pointers. */
static DEFINE_SPINLOCK(copies_lock);
static struct zkhsm_list *written;
static struct zkhsm_list *newest;
static struct zkhsm_list *previous;

void zkhsm_list_get(struct zkhsm_list *list)
{
	refcount_inc(&list->ref);
}

/* NULL is fine. */
void zkhsm_list_put(struct zkhsm_list *list)
{
	u32 i;

	if (!list || !refcount_dec_and_test(&list->ref))
		return;
	for (i = 0; i < list->proved; i++)
		zkhsm_key_put(list->keys[i]);
	kvfree(list->keys);
	kvfree(list->data);
	kfree(list);
}

static struct zkhsm_list *list_alloc(u32 count, size_t len)
{
	struct zkhsm_list *list = kzalloc(sizeof(*list), GFP_KERNEL);

	if (!list)
		return NULL;
	refcount_set(&list->ref, 1);
	list->count = count;
	list->len = len;
	list->data = kvmalloc(len, GFP_KERNEL);
	list->keys = kvmalloc_array(max(count, 1U), sizeof(*list->keys), GFP_KERNEL);
	if (!list->data || !list->keys) {
		zkhsm_list_put(list);
		return NULL;
	}
	return list;
}

/*
 * One slice from @key on, at *@offset. Return: the first key of the next one,
 * NULL at the end. Nothing can go wrong as long as the generation is that for
 * which the copy was allocated: then count and length are right.
 */
static struct zkhsm_key *write_slice(struct zkhsm_list *list, struct zkhsm_key *key, size_t *offset)
{
	struct zkhsm_list_entry e;
	u32 i;

	lockdep_assert_held_read(&zkhsm_lock);

	for (i = 0; key && i < SLICE_KEYS; i++, key = zkhsm_keystore_next(key)) {
		int len;

		zkhsm_key_entry(key, &e);
		len = zkhsm_list_entry_encode(&e, list->data + *offset, list->len - *offset);
		if (WARN_ON_ONCE(len < 0))
			return NULL;
		*offset += len;
		if (!zkhsm_list_entry_proved(&e))
			continue;
		zkhsm_key_get(key);
		list->keys[list->proved++] = key;
	}
	return key;
}

/* Return: 0; -EAGAIN when the keystore changed on the way; -EINTR. */
static int write_list(struct zkhsm_list *list)
{
	char resume[ZKHSM_ID_MAX_LEN + 1] = "";
	struct zkhsm_key *key;
	size_t offset;

	offset = zkhsm_list_head_encode(list->count, list->data, list->len);
	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		down_read(&zkhsm_lock);
		if (zkhsm_keystore_generation() != list->generation) {
			up_read(&zkhsm_lock);
			return -EAGAIN;
		}
		key = resume[0] ? zkhsm_keystore_find(resume) : zkhsm_keystore_after("");
		key = write_slice(list, key, &offset);
		if (key)
			memcpy(resume, key->id, sizeof(resume));
		up_read(&zkhsm_lock);
	} while (key);

	return WARN_ON_ONCE(offset != list->len) ? -EIO : 0;
}

static int hash_list(struct zkhsm_list *list)
{
	struct zkhsm_transcript t;
	size_t offset, len;

	zkhsm_transcript_init(&t);
	for (offset = 0; offset < list->len; offset += len) {
		len = min_t(size_t, SLICE_BYTES, list->len - offset);
		zkhsm_transcript_raw(&t, list->data + offset, len);
		cond_resched();
	}
	return zkhsm_transcript_final(&t, list->digest) ? -EIO : 0;
}

/* The identity says which L this is, so that no manager reads a list from strangers. */
static int announce(struct zkhsm_list *list)
{
	struct zkhsm_announcement a = { .list_len = list->len, .list_count = list->count };
	int len;

	memcpy(a.list_digest, list->digest, sizeof(a.list_digest));
	len = zkhsm_announcement_encode(&a, list->announcement, ZKHSM_ANNOUNCEMENT_LEN);
	if (WARN_ON_ONCE(len != ZKHSM_ANNOUNCEMENT_LEN))
		return -EIO;
	return zkhsm_schnorr_prove(zkhsm_hsm_secret(), zkhsm_hsm_pub(), ZKHSM_NONCE_ANNOUNCE,
				   zkhsm_hsm_id(), ZKHSM_HASH_LEN, list->announcement, len,
				   list->announcement + ZKHSM_ANNOUNCEMENT_LEN);
}

static struct zkhsm_list *build_once(void)
{
	struct zkhsm_list *list;
	u64 generation;
	size_t len;
	u32 count;
	int err;

	down_read(&zkhsm_lock);
	generation = zkhsm_keystore_generation();
	count = zkhsm_keystore_count();
	len = zkhsm_keystore_list_len();
	up_read(&zkhsm_lock);

	list = list_alloc(count, len);
	if (!list)
		return ERR_PTR(-ENOMEM);
	list->generation = generation;
	err = write_list(list);
	if (!err)
		err = hash_list(list);
	if (!err)
		err = announce(list);
	if (err) {
		zkhsm_list_put(list);
		return ERR_PTR(err);
	}
	return list;
}

/* A reference to what one of the three points to, or NULL. */
static struct zkhsm_list *copy_get(struct zkhsm_list *const *copy)
{
	struct zkhsm_list *list;

	spin_lock(&copies_lock);
	list = *copy;
	if (list)
		zkhsm_list_get(list);
	spin_unlock(&copies_lock);
	return list;
}

static void install(struct zkhsm_list *list)
{
	struct zkhsm_list *gone;

	zkhsm_list_get(list);
	spin_lock(&copies_lock);
	gone = written;
	written = list;
	spin_unlock(&copies_lock);
	zkhsm_list_put(gone);
}

/**
 * zkhsm_list_current() - a copy of L as it is
 *
 * The same copy again when nothing has changed. It may be out of date by the
 * time it is returned; compare its generation under zkhsm_lock.
 *
 * Return: a reference; -EAGAIN when the keystore would not hold still;
 * -EINTR; -ENOMEM; -EIO.
 */
struct zkhsm_list *zkhsm_list_current(void)
{
	struct zkhsm_list *list;
	u64 generation;
	int i;

	if (mutex_lock_killable(&build_lock))
		return ERR_PTR(-EINTR);

	list = copy_get(&written);
	down_read(&zkhsm_lock);
	generation = zkhsm_keystore_generation();
	up_read(&zkhsm_lock);
	if (list && list->generation == generation)
		goto out;

	zkhsm_list_put(list);
	list = ERR_PTR(-EAGAIN);
	for (i = 0; i < WALK_ATTEMPTS && list == ERR_PTR(-EAGAIN); i++)
		list = build_once();
	if (!IS_ERR(list))
		install(list);
out:
	mutex_unlock(&build_lock);
	return list;
}

/**
 * zkhsm_list_keep() - evidence over this copy is about to be given out
 * @list: from zkhsm_list_current()
 *
 * Evidence over a later copy may have been done sooner.
 */
void zkhsm_list_keep(struct zkhsm_list *list)
{
	struct zkhsm_list *gone = NULL;

	spin_lock(&copies_lock);
	if (!newest || list->generation > newest->generation) {
		gone = previous;
		previous = newest;
		newest = list;
		zkhsm_list_get(list);
	} else if (list != newest &&
		   (!previous || list->generation > previous->generation)) {
		gone = previous;
		previous = list;
		zkhsm_list_get(list);
	}
	spin_unlock(&copies_lock);
	zkhsm_list_put(gone);
}

/**
 * zkhsm_list_find() - a copy that evidence was made over
 * @digest: SHA-256(L), or NULL for the newest
 * @extack: of the request
 *
 * Only while a nonce is outstanding whose evidence names that digest: nobody
 * else has a reason to ask.
 *
 * Return: a reference, or -EAGAIN.
 */
struct zkhsm_list *zkhsm_list_find(const u8 *digest, struct netlink_ext_ack *extack)
{
	struct zkhsm_list *copies[2], *found = NULL;
	int i;

	/* Lets nonces go that have outlived themselves. */
	zkhsm_outstanding_count();

	spin_lock(&copies_lock);
	copies[0] = newest;
	copies[1] = previous;
	for (i = 0; i < ARRAY_SIZE(copies) && !found; i++)
		if (copies[i] && atomic_read(&copies[i]->outstanding) &&
		    (!digest || !memcmp(copies[i]->digest, digest, ZKHSM_HASH_LEN)))
			found = copies[i];
	if (found)
		zkhsm_list_get(found);
	spin_unlock(&copies_lock);

	if (!found)
		return ERR_PTR(zkhsm_refuse(extack, -EAGAIN, ZKHSM_REASON_LIST_MOVED,
					    "no outstanding evidence names this list"));
	return found;
}

/* A nonce whose evidence named the list of this generation has died. */
void zkhsm_list_unname(u64 generation)
{
	spin_lock(&copies_lock);
	if (newest && newest->generation == generation)
		atomic_dec(&newest->outstanding);
	else if (previous && previous->generation == generation)
		atomic_dec(&previous->outstanding);
	spin_unlock(&copies_lock);
}

/* Return: whether there is one. */
bool zkhsm_list_newest_digest(u8 digest[ZKHSM_HASH_LEN])
{
	struct zkhsm_list *list = copy_get(&newest);

	if (!list)
		return false;
	memcpy(digest, list->digest, ZKHSM_HASH_LEN);
	zkhsm_list_put(list);
	return true;
}

/* At unload, after the outstanding nonces and before the keys. */
void zkhsm_list_exit(void)
{
	zkhsm_list_put(written);
	zkhsm_list_put(newest);
	zkhsm_list_put(previous);
	written = NULL;
	newest = NULL;
	previous = NULL;
}
