// SPDX-License-Identifier: GPL-2.0
/*
 * One key's life: made, used, stopped, erased, freed.
 *
 * Two kinds of reference, as with the kernel's own file-system keys. A
 * structural one keeps the struct. A live one keeps the secret, and only the
 * key itself and uses in flight have any: to erase a key is to take away the
 * key's own. That waits for nobody, hence a revocation never waits for a
 * signature, and the secret is wiped at once, or by the one use that was in
 * flight when it ends.
 *
 * The result of such a use does not get out: zkhsm_key_release_begin() looks
 * at the key again and holds zkhsm_lock until the answer has been queued to
 * the caller's socket. A revocation takes that lock for writing, so when it
 * returns every answer was queued before it or never will be.
 */
#include <linux/atomic.h>
#include <linux/slab.h>

#include "grant.h"
#include "lease.h"
#include "trace.h"

static struct kmem_cache *key_cache;
static atomic64_t created = ATOMIC64_INIT(0);
static atomic64_t destroyed = ATOMIC64_INIT(0);

int __init zkhsm_key_init(void)
{
	/*
	 * Keys lie among keys, and their cache is gone when the module is. What keeps
	 * older kernels from merging it is a part that could be copied to user space:
	 * the id, which is no secret, and never is.
	 */
	key_cache = KMEM_CACHE_USERCOPY(zkhsm_key, SLAB_NO_MERGE, id);
	return key_cache ? 0 : -ENOMEM;
}

void zkhsm_key_exit(void)
{
	pr_debug("keys created %lld, destroyed %lld\n",
		 atomic64_read(&created), atomic64_read(&destroyed));
	WARN_ON_ONCE(atomic64_read(&created) != atomic64_read(&destroyed));
	kmem_cache_destroy(key_cache);
}

/**
 * zkhsm_key_alloc() - a key without a secret, in no store yet
 * @id: valid, see zkhsm_id_valid()
 *
 * Return: the key with one reference, or NULL.
 */
struct zkhsm_key *zkhsm_key_alloc(const char *id)
{
	struct zkhsm_key *key = kmem_cache_zalloc(key_cache, GFP_KERNEL);

	if (!key)
		return NULL;
	kref_init(&key->ref);
	RB_CLEAR_NODE(&key->node);
	zkhsm_record_init(&key->record, ZKHSM_RECORD_KIND_KEY);
	key->id_len = strscpy(key->id, id, sizeof(key->id));
	atomic64_inc(&created);
	trace_zkhsm_key_life(key->id, true);
	return key;
}

void zkhsm_key_get(struct zkhsm_key *key)
{
	kref_get(&key->ref);
}

static void key_free(struct kref *ref)
{
	struct zkhsm_key *key = container_of(ref, struct zkhsm_key, ref);

	/* Nobody who could still be using the key holds no reference to it. */
	WARN_ON_ONCE(key->element);
	if (key->live)
		zkhsm_live_put(key->live);
	atomic64_inc(&destroyed);
	trace_zkhsm_key_life(key->id, false);
	kmem_cache_free(key_cache, key);
}

/* NULL is fine. */
void zkhsm_key_put(struct zkhsm_key *key)
{
	if (key)
		kref_put(&key->ref, key_free);
}

/* Room for a secret, with one reference. */
struct zkhsm_live *zkhsm_live_alloc(void)
{
	struct zkhsm_live *live = kzalloc(sizeof(*live), GFP_KERNEL);

	if (live)
		refcount_set(&live->ref, 1);
	return live;
}

/* The last one out wipes. */
void zkhsm_live_put(struct zkhsm_live *live)
{
	if (refcount_dec_and_test(&live->ref)) {
		zkhsm_secret_wipe(&live->secret);
		kfree_sensitive(live);
	}
}

/* No use begins after this, none that began gets its result out. */
void zkhsm_key_erase(struct zkhsm_key *key)
{
	struct zkhsm_live *live = key->live;

	lockdep_assert_held_write(&zkhsm_lock);

	key->live = NULL;
	if (live)
		zkhsm_live_put(live);
}

/* What L says of it is not what it was, and leases for evidence of before do not grant it. */
void zkhsm_key_changed(struct zkhsm_key *key)
{
	lockdep_assert_held_write(&zkhsm_lock);

	zkhsm_keystore_changed();
	key->changed = zkhsm_keystore_generation();
	zkhsm_record_changed(&key->record);
}

void zkhsm_key_set_state(struct zkhsm_key *key, enum zkhsm_key_state state)
{
	enum zkhsm_key_state from = key->state;

	lockdep_assert_held_write(&zkhsm_lock);

	trace_zkhsm_key_state(key->id, from, state);
	key->state = state;
	if (state == ZKHSM_KEY_STATE_COMPROMISED)
		zkhsm_key_erase(key);
	/* What was attested pre-active was granted to become active. */
	if (from == ZKHSM_KEY_STATE_PRE_ACTIVE && state == ZKHSM_KEY_STATE_ACTIVE) {
		zkhsm_keystore_changed();
		zkhsm_record_changed(&key->record);
	} else {
		zkhsm_key_changed(key);
	}
}

static void read_leases(const struct zkhsm_key *key, struct zkhsm_key_info *info)
{
	struct zkhsm_lease_tally t;

	zkhsm_lease_tally(key, &t);
	info->leases_needed = t.needed;
	info->leases_granted = t.granted;
	info->works_until_ms = t.until_ms;
	info->unleased_uses = atomic64_read(&key->unleased_uses);
}

/* What its owner may see; after deletion what was last seen of it. */
void zkhsm_key_read(const struct zkhsm_key *key, struct zkhsm_key_info *info)
{
	lockdep_assert_held(&zkhsm_lock);

	memset(info, 0, sizeof(*info));
	memcpy(info->id, key->id, sizeof(info->id));
	info->origin = key->origin;
	info->state = key->state;
	info->usage = key->usage;
	info->flags = key->flags;
	info->reason = key->reason;
	info->created_ms = key->created_ms;
	info->uses = atomic64_read(&key->uses);
	info->owner = key->owner;
	memcpy(info->pub, key->pub, sizeof(info->pub));
	if (key->element)
		memcpy(info->element, key->element->name, sizeof(info->element));
	read_leases(key, info);
}

/* What L says of it. */
void zkhsm_key_entry(const struct zkhsm_key *key, struct zkhsm_list_entry *e)
{
	lockdep_assert_held(&zkhsm_lock);

	e->id_len = key->id_len;
	memcpy(e->id, key->id, key->id_len);
	e->type = ZKHSM_KEY_TYPE_EC_P256;
	e->origin = key->origin;
	e->usage = key->usage;
	e->flags = key->flags;
	e->created_ms = key->created_ms;
	e->state = key->state;
	e->public_len = ZKHSM_POINT_LEN;
	memcpy(e->public, key->pub, ZKHSM_POINT_LEN);
}

/* Names the managers where the kernel lets a sentence have values. */
static int refuse_stopped(const struct zkhsm_key *key, struct netlink_ext_ack *extack)
{
	bool revoked = key->state == ZKHSM_KEY_STATE_COMPROMISED;
	int err = revoked ? -EKEYREVOKED : -EACCES;
	enum zkhsm_reason reason = revoked ? ZKHSM_REASON_REVOKED : ZKHSM_REASON_HELD;
	const char *sentence = zkhsm_reason_sentence(key->reason, revoked);
	const struct zkhsm_vote *v;
	u32 others;
	u64 ago;

	v = zkhsm_vote_first_stop(key->element, &others);
	if (!v)
		return zkhsm_refuse(extack, err, reason, sentence);
	/* Of before this boot only what was sealed is known. */
	if (!v->since)
		return zkhsm_refuse_fmt(extack, err, reason, sentence, "%s (%4phN +%u)",
					sentence, v->by->id, others);
	ago = div_u64(ktime_to_ms(ktime_sub(ktime_get_boottime(), v->since)), MSEC_PER_SEC);
	return zkhsm_refuse_fmt(extack, err, reason, sentence, "%s (%4phN +%u, %llu s ago)",
				sentence, v->by->id, others, ago);
}

/*
 * Whether the key may be used for @usage, now, while the lock is held;
 * @unleased: although leases do not grant it.
 */
static int may_use(const struct zkhsm_key *key, u32 usage, const struct zkhsm_grant *grant,
		   bool *unleased, struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&zkhsm_lock);

	if (zkhsm_proving_disabled())
		return zkhsm_refuse(extack, -EIO, ZKHSM_REASON_FAULT,
				    "disabled after a failed recheck until the module is reloaded");
	if (!key->element)
		return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_SUCH_KEY,
				    "the key was deleted");
	switch (key->state) {
	case ZKHSM_KEY_STATE_ACTIVE:
		break;
	case ZKHSM_KEY_STATE_HELD:
	case ZKHSM_KEY_STATE_COMPROMISED:
		return refuse_stopped(key, extack);
	case ZKHSM_KEY_STATE_PRE_ACTIVE:
		return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_STATE,
				    "the key is pre-active");
	case ZKHSM_KEY_STATE_DEACTIVATED:
	case ZKHSM_KEY_STATE_UNSPEC:
		return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_STATE,
				    "the key is deactivated");
	}
	if (!(key->usage & usage))
		return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_USAGE,
				    "the key's usage does not allow this operation");
	err = zkhsm_lease_check(key, unleased, extack);
	return err ?: zkhsm_grant_check(grant, key, extack);
}

/**
 * zkhsm_key_check() - whether a use that is begun now would be refused
 * @key: the key
 * @usage: what for, one of enum zkhsm_key_usage
 * @grant: what came with the request, read, or NULL
 * @extack: of the request
 *
 * Before work that would be for nothing; says nothing about the use itself.
 *
 * Return: 0; as zkhsm_key_use_begin(), but for those of zkhsm_grant_take().
 */
int zkhsm_key_check(const struct zkhsm_key *key, u32 usage, const struct zkhsm_grant *grant,
		    struct netlink_ext_ack *extack)
{
	bool unleased;
	int err;

	down_read(&zkhsm_lock);
	err = may_use(key, usage, grant, &unleased, extack);
	up_read(&zkhsm_lock);
	return err;
}

/**
 * zkhsm_key_use_begin() - borrow the secret for one operation
 * @key: the key
 * @usage: what for, one of enum zkhsm_key_usage
 * @grant: what came with the request, verified, or NULL; used up when 0 is returned
 * @live: the secret; the caller's until zkhsm_live_put()
 * @extack: of the request
 *
 * Return: 0; -EKEYREVOKED (compromised), -EACCES (held, not active, usage),
 * -EKEYEXPIRED (leases do not grant it), -ENOKEY (deleted meanwhile), -EIO
 * (disabled after a fault); those of zkhsm_grant_check() and zkhsm_grant_take().
 */
int zkhsm_key_use_begin(struct zkhsm_key *key, u32 usage, struct zkhsm_grant *grant,
			struct zkhsm_live **live, struct netlink_ext_ack *extack)
{
	bool unleased;
	int err;

	down_read(&zkhsm_lock);
	err = may_use(key, usage, grant, &unleased, extack);
	if (!err && grant)
		err = zkhsm_grant_take(grant, extack);
	if (!err) {
		refcount_inc(&key->live->ref);
		*live = key->live;
	}
	up_read(&zkhsm_lock);
	return err;
}

/* What was not granted and went on is told once, until it is granted again. */
static void note_use(struct zkhsm_key *key, bool unleased)
{
	struct zkhsm_key_info info;

	lockdep_assert_held_read(&zkhsm_lock);

	if (!unleased) {
		if (test_bit(0, &key->unleased_told))
			clear_bit(0, &key->unleased_told);
		return;
	}
	atomic64_inc(&key->unleased_uses);
	trace_zkhsm_key_unleased(key->id);
	if (test_and_set_bit(0, &key->unleased_told))
		return;
	zkhsm_key_read(key, &info);
	zkhsm_nl_event_key(ZKHSM_EVENT_UNLEASED, &info);
}

/**
 * zkhsm_key_release_begin() - whether the result of a use may still get out
 * @key: the key
 * @usage: as it was for zkhsm_key_use_begin()
 * @grant: as well
 * @extack: of the request
 *
 * Returns with zkhsm_lock held for reading when it returns 0: queue the
 * answer, which must not wait, then zkhsm_key_release_end().
 *
 * Return: as zkhsm_key_use_begin(), but for those of zkhsm_grant_take().
 */
int zkhsm_key_release_begin(struct zkhsm_key *key, u32 usage, const struct zkhsm_grant *grant,
			    struct netlink_ext_ack *extack)
{
	bool unleased;
	int err;

	down_read(&zkhsm_lock);
	err = may_use(key, usage, grant, &unleased, extack);
	if (err) {
		up_read(&zkhsm_lock);
		return err;
	}
	note_use(key, unleased);
	trace_zkhsm_key_use(key->id, usage, atomic64_inc_return(&key->uses));
	return 0;
}

void zkhsm_key_release_end(struct zkhsm_key *key)
{
	lockdep_assert_held_read(&zkhsm_lock);
	up_read(&zkhsm_lock);
}
