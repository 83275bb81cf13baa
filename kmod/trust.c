// SPDX-License-Identifier: GPL-2.0
/*
 * The managers: those that are pinned, and those that were.
 *
 * A manager that is unpinned leaves its counter and its votes behind. If it
 * comes back its old orders are still replays; if it does not, what it has
 * stopped stays stopped until the others release it.
 */
#include <linux/slab.h>
#include <linux/sort.h>

#include "lease.h"
#include "trace.h"
#include "wire-seal.h"

/* Ordered by id. Locking: zkhsm_lock. */
static LIST_HEAD(known);
static u32 known_count;
static u32 pinned_count;

/* Return: the manager, pinned or not, good for as long as the lock is held; or NULL. */
struct zkhsm_manager *zkhsm_trust_find(const u8 id[ZKHSM_HASH_LEN])
{
	struct zkhsm_manager *m;

	lockdep_assert_held(&zkhsm_lock);

	list_for_each_entry(m, &known, node)
		if (!memcmp(m->id, id, ZKHSM_HASH_LEN))
			return m;
	return NULL;
}

/* For zkhsm_trust_for_each_pinned(): the one behind @m, or the first; NULL behind the last. */
struct zkhsm_manager *zkhsm_trust_next_pinned(const struct zkhsm_manager *m)
{
	const struct list_head *at = m ? &m->node : &known;
	struct zkhsm_manager *next;

	lockdep_assert_held(&zkhsm_lock);

	for (at = at->next; at != &known; at = at->next) {
		next = list_entry(at, struct zkhsm_manager, node);
		if (next->pinned)
			return next;
	}
	return NULL;
}

void zkhsm_trust_read(const struct zkhsm_manager *m, struct zkhsm_manager_info *info)
{
	memset(info, 0, sizeof(*info));
	memcpy(info->id, m->id, sizeof(info->id));
	memcpy(info->pub, m->pub, sizeof(info->pub));
	memcpy(info->label, m->label, sizeof(info->label));
	memcpy(info->last_digest, m->last_digest, sizeof(info->last_digest));
	info->last_number = m->last_number;
	info->tombstones = m->tombstones;
	info->leased = m->lease;
	info->waiting = m->waiting;
	memcpy(info->pending, m->pending, sizeof(info->pending));
}

static void insert(struct zkhsm_manager *fresh)
{
	struct zkhsm_manager *m;

	list_for_each_entry(m, &known, node)
		if (memcmp(fresh->id, m->id, ZKHSM_HASH_LEN) < 0)
			break;
	list_add_tail(&fresh->node, &m->node);
	known_count++;
}

/* Whether there is anything to remember of it. */
static bool forgettable(const struct zkhsm_manager *m)
{
	return !m->pinned && !m->last_number && !m->votes && !m->lease_number;
}

static void forget(struct zkhsm_manager *m)
{
	zkhsm_lease_drop(m);
	list_del(&m->node);
	known_count--;
	kfree(m);
}

/* C has changed, whoever did it: what was ordered about the C before is nothing any more. */
void zkhsm_trust_forget_pending(void)
{
	struct zkhsm_manager *m;

	lockdep_assert_held_write(&zkhsm_lock);

	list_for_each_entry(m, &known, node) {
		m->waiting = false;
		memset(m->pending, 0, sizeof(m->pending));
	}
}

/* A manager that nobody knows, without its id. Return: to be freed by kfree(), or NULL. */
struct zkhsm_manager *zkhsm_trust_alloc(const u8 pub[ZKHSM_POINT_LEN])
{
	struct zkhsm_manager *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (m)
		memcpy(m->pub, pub, sizeof(m->pub));
	return m;
}

/**
 * zkhsm_trust_pin() - pin a manager that may be
 * @fresh: the manager, or one of the same key; taken (and set to NULL) when it
 *	was not known
 * @e: its element
 */
void zkhsm_trust_pin(struct zkhsm_manager **fresh, struct zkhsm_element *e)
{
	struct zkhsm_manager *m = zkhsm_trust_find((*fresh)->id);

	lockdep_assert_held_write(&zkhsm_lock);

	if (m) {
		memcpy(m->label, (*fresh)->label, sizeof(m->label));
	} else {
		m = *fresh;
		*fresh = NULL;
		insert(m);
	}
	m->element = e;
	m->pinned = true;
	pinned_count++;
	zkhsm_record_head_changed();
	trace_zkhsm_trust(m->id, true);
}

/* Its counter and votes stay, and so may the manager: @m may be gone afterwards. */
void zkhsm_trust_unpin(struct zkhsm_manager *m)
{
	lockdep_assert_held_write(&zkhsm_lock);

	zkhsm_lease_drop(m);
	zkhsm_element_abandon(m->element);
	m->element = NULL;
	m->pinned = false;
	pinned_count--;
	zkhsm_record_head_changed();
	trace_zkhsm_trust(m->id, false);
	if (forgettable(m))
		forget(m);
}

static int refuse_locked(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -EPERM, ZKHSM_REASON_LOCKED,
			    "the configuration is locked: only an order of the quorum changes it");
}

static int pin(struct zkhsm_manager **fresh, struct zkhsm_element **element,
	       struct zkhsm_manager_info *info, struct netlink_ext_ack *extack)
{
	struct zkhsm_manager *m;
	struct zkhsm_element *e;

	lockdep_assert_held_write(&zkhsm_lock);

	if (zkhsm_hsm_locked())
		return refuse_locked(extack);
	m = zkhsm_trust_find((*fresh)->id);
	if (m && m->pinned)
		return zkhsm_refuse(extack, -EEXIST, ZKHSM_REASON_ALREADY_PINNED,
				    "this manager is pinned already");
	if (pinned_count >= ZKHSM_MANAGERS_MAX)
		return zkhsm_refuse(extack, -ENOSPC, ZKHSM_REASON_FULL,
				    "as many managers are pinned as can be");
	if (!m && known_count >= ZKHSM_MANAGERS_KNOWN_MAX)
		return zkhsm_refuse(extack, -ENOSPC, ZKHSM_REASON_FULL,
				    "no room to remember another manager");
	e = zkhsm_element_adopt(element, ZKHSM_ROLE_MANAGER, extack);
	if (IS_ERR(e))
		return PTR_ERR(e);

	zkhsm_trust_pin(fresh, e);
	zkhsm_trust_forget_pending();
	zkhsm_trust_read(zkhsm_trust_find(info->id), info);
	return 0;
}

/**
 * zkhsm_trust_new() - pin a manager
 * @pub: its key, SEC1 uncompressed
 * @label: for people, may be empty
 * @info: the manager; when it is refused, its id alone
 * @extack: of the request
 *
 * Return: 0; -EBADMSG when @pub is not a point; -EEXIST when it is pinned or
 * the key has another role here; -EKEYREVOKED when the managers have stopped
 * it; -EPERM when the configuration is locked; -ENOSPC; -ENOMEM; -EIO.
 */
int zkhsm_trust_new(const u8 pub[ZKHSM_POINT_LEN], const char *label,
		    struct zkhsm_manager_info *info, struct netlink_ext_ack *extack)
{
	struct zkhsm_element *element;
	struct zkhsm_manager *fresh;
	int err = -ENOMEM;

	if (zkhsm_sha256(pub, ZKHSM_POINT_LEN, info->id))
		return zkhsm_refuse_failure(extack, -EIO);
	if (zkhsm_p256_decode_public(pub))
		return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED,
				    "the manager's key is not an uncompressed point of P-256");

	fresh = zkhsm_trust_alloc(pub);
	element = zkhsm_element_alloc();
	if (fresh && element) {
		strscpy(fresh->label, label, sizeof(fresh->label));
		memcpy(fresh->id, info->id, sizeof(fresh->id));
		err = zkhsm_element_name(pub, element->name);
	}
	if (err) {
		err = zkhsm_refuse_failure(extack, err);
		goto out;
	}

	down_write(&zkhsm_lock);
	err = pin(&fresh, &element, info, extack);
	downgrade_write(&zkhsm_lock);
	if (!err)
		zkhsm_nl_event_trust(ZKHSM_EVENT_CREATED, info);
	up_read(&zkhsm_lock);
out:
	kfree(fresh);
	zkhsm_element_free(element);
	return err;
}

int zkhsm_refuse_unpinned(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NOT_PINNED, "this manager is not pinned");
}

/* Return: 0 or -ENOKEY. */
int zkhsm_trust_get(const u8 id[ZKHSM_HASH_LEN], struct zkhsm_manager_info *info,
		    struct netlink_ext_ack *extack)
{
	struct zkhsm_manager *m;
	bool pinned;

	down_read(&zkhsm_lock);
	m = zkhsm_trust_find(id);
	pinned = m && m->pinned;
	if (pinned)
		zkhsm_trust_read(m, info);
	up_read(&zkhsm_lock);
	return pinned ? 0 : zkhsm_refuse_unpinned(extack);
}

/* Unpin; @info is what it was. Return: 0; -ENOKEY; -EPERM when the configuration is locked. */
int zkhsm_trust_del(const u8 id[ZKHSM_HASH_LEN], struct zkhsm_manager_info *info,
		    struct netlink_ext_ack *extack)
{
	struct zkhsm_manager *m;

	down_write(&zkhsm_lock);
	m = zkhsm_trust_find(id);
	if (!m || !m->pinned) {
		up_write(&zkhsm_lock);
		return zkhsm_refuse_unpinned(extack);
	}
	if (zkhsm_hsm_locked()) {
		up_write(&zkhsm_lock);
		return refuse_locked(extack);
	}
	zkhsm_trust_read(m, info);
	zkhsm_trust_unpin(m);
	zkhsm_trust_forget_pending();
	downgrade_write(&zkhsm_lock);
	zkhsm_nl_event_trust(ZKHSM_EVENT_DELETED, info);
	up_read(&zkhsm_lock);
	return 0;
}

/* The first pinned manager behind @id, NULL for the very first; for dumps. */
bool zkhsm_trust_after(const u8 *id, struct zkhsm_manager_info *info)
{
	struct zkhsm_manager *m;

	lockdep_assert_held(&zkhsm_lock);

	list_for_each_entry(m, &known, node) {
		if (!m->pinned || (id && memcmp(m->id, id, ZKHSM_HASH_LEN) <= 0))
			continue;
		zkhsm_trust_read(m, info);
		return true;
	}
	return false;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, ZKHSM_POINT_LEN);
}

/* The managers' part of C: the keys, sorted. */
void zkhsm_trust_keys(struct zkhsm_configuration *c)
{
	struct zkhsm_manager *m;

	lockdep_assert_held(&zkhsm_lock);

	c->manager_count = 0;
	list_for_each_entry(m, &known, node)
		if (m->pinned)
			memcpy(c->managers[c->manager_count++], m->pub, ZKHSM_POINT_LEN);
	sort(c->managers, c->manager_count, ZKHSM_POINT_LEN, compare_keys, NULL);
}

u32 zkhsm_trust_known(void)
{
	lockdep_assert_held(&zkhsm_lock);
	return known_count;
}

u32 zkhsm_trust_pinned(void)
{
	lockdep_assert_held(&zkhsm_lock);
	return pinned_count;
}

/* The managers' part of a sealed head, in @size bytes, which are enough. Return: its length. */
u32 zkhsm_trust_encode(u8 *buf, size_t size, u16 *count)
{
	struct zkhsm_manager_entry e;
	struct zkhsm_manager *m;
	u32 len = 0;
	int ret;

	lockdep_assert_held(&zkhsm_lock);

	*count = 0;
	list_for_each_entry(m, &known, node) {
		/* Remembered for what a reboot forgets. */
		if (!m->pinned && !m->last_number && !m->votes)
			continue;
		memset(&e, 0, sizeof(e));
		memcpy(e.public, m->pub, sizeof(e.public));
		e.label_len = strlen(m->label);
		memcpy(e.label, m->label, e.label_len);
		e.pinned = m->pinned;
		e.last_number = m->last_number;
		memcpy(e.last_digest, m->last_digest, sizeof(e.last_digest));
		ret = zkhsm_manager_entry_encode(&e, buf + len, size - len);
		if (WARN_ON_ONCE(ret < 0))
			break;
		len += ret;
		(*count)++;
	}
	return len;
}

/* What is pinned has a role; the others have left a counter or votes. */
static int insert_restored(struct zkhsm_manager *m, struct zkhsm_element **element,
			   struct netlink_ext_ack *extack)
{
	const struct zkhsm_manager *last;
	struct zkhsm_element *e;

	lockdep_assert_held_write(&zkhsm_lock);

	last = list_empty(&known) ? NULL : list_last_entry(&known, struct zkhsm_manager, node);
	if (last && memcmp(last->id, m->id, sizeof(m->id)) >= 0)
		return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED,
				    "the managers in the sealed head are out of order");
	if (known_count >= ZKHSM_MANAGERS_KNOWN_MAX ||
	    (m->pinned && pinned_count >= ZKHSM_MANAGERS_MAX))
		return zkhsm_refuse(extack, -ENOSPC, ZKHSM_REASON_FULL,
				    "more managers in the sealed head than there can be");
	if (m->pinned) {
		e = zkhsm_element_restore(element, ZKHSM_ROLE_MANAGER, extack);
		if (IS_ERR(e))
			return PTR_ERR(e);
		m->element = e;
		pinned_count++;
	}
	insert(m);
	return 0;
}

/**
 * zkhsm_trust_restore() - a manager of a sealed head
 * @entry: the next one, in their order
 * @extack: of the request
 *
 * Return: 0; -EBADMSG (no point, or out of order); -EEXIST (the key has another
 * role); -ENOSPC; -ENOMEM; -EIO.
 */
int zkhsm_trust_restore(const struct zkhsm_manager_entry *entry, struct netlink_ext_ack *extack)
{
	struct zkhsm_element *element;
	struct zkhsm_manager *m;
	int err = -ENOMEM;

	if (zkhsm_p256_decode_public(entry->public))
		return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED,
				    "a manager's key in the sealed head is no point of P-256");
	m = kzalloc(sizeof(*m), GFP_KERNEL);
	element = zkhsm_element_alloc();
	if (m && element) {
		memcpy(m->pub, entry->public, sizeof(m->pub));
		memcpy(m->label, entry->label, entry->label_len);
		m->pinned = entry->pinned;
		m->last_number = entry->last_number;
		memcpy(m->last_digest, entry->last_digest, sizeof(m->last_digest));
		err = zkhsm_sha256(m->pub, sizeof(m->pub), m->id) ? -EIO :
			zkhsm_element_name(m->pub, element->name);
	}
	if (err) {
		zkhsm_refuse_failure(extack, err);
	} else {
		down_write(&zkhsm_lock);
		err = insert_restored(m, &element, extack);
		up_write(&zkhsm_lock);
	}
	if (err)
		kfree(m);
	zkhsm_element_free(element);
	return err;
}

/* At unload, after the votes. */
void zkhsm_trust_exit(void)
{
	struct zkhsm_manager *m, *next;

	down_write(&zkhsm_lock);
	list_for_each_entry_safe(m, next, &known, node) {
		WARN_ON_ONCE(m->votes);
		forget(m);
	}
	pinned_count = 0;
	up_write(&zkhsm_lock);
}
