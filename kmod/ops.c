// SPDX-License-Identifier: GPL-2.0
/*
 * What the commands on keys do, without netlink.
 */
#include <linux/atomic.h>
#include <linux/ktime.h>

#include "trace.h"
#include "zkhsm.h"

/* Bits of enum zkhsm_fault; never cleared: only a reload makes new words of memory. */
static atomic_t faults = ATOMIC_INIT(0);

u32 zkhsm_faults(void)
{
	return atomic_read(&faults);
}

bool zkhsm_proving_disabled(void)
{
	return zkhsm_faults();
}

void zkhsm_fault_report(const char *what)
{
	/* Told once: everything after it is refused. */
	if (atomic_fetch_or(ZKHSM_FAULT_RECHECK, &faults) & ZKHSM_FAULT_RECHECK)
		return;
	pr_crit("%s: recheck failed, proving and signing are disabled\n", what);
	trace_zkhsm_hsm(ZKHSM_EVENT_FAULT, 0, 0, ZKHSM_FAULT_RECHECK);
	zkhsm_audit(-EIO, "op=recheck");
	zkhsm_nl_event_hsm(ZKHSM_EVENT_FAULT);
}

/* Flags that a key has (@held) and that a request names (@asked). */
static int check_flags(u32 asked, u32 held, struct netlink_ext_ack *extack)
{
	if (asked & ~ZKHSM_KEY_FLAG_ALL)
		return zkhsm_refuse(extack, -EOPNOTSUPP, ZKHSM_REASON_UNKNOWN_FLAG,
				    "a flag that this module does not know");
	if (asked & ~held & ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE)
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
				    "never-extractable is set by the kernel alone, on what it made");
	return 0;
}

static int check_usage(u32 usage, struct netlink_ext_ack *extack)
{
	if (usage & ~ZKHSM_KEY_USAGE_ALL)
		return zkhsm_refuse(extack, -EOPNOTSUPP, ZKHSM_REASON_UNKNOWN_FLAG,
				    "a usage that this module does not know");
	return 0;
}

static int check_request(const struct zkhsm_key_request *req, struct netlink_ext_ack *extack)
{
	int err;

	if (!zkhsm_id_valid((const u8 *)req->id, strlen(req->id)))
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_BAD_ID,
				    "an id is 1 to 64 of A-Z a-z 0-9 . _ @ -, a letter or digit first");
	if (req->type != ZKHSM_KEY_TYPE_EC_P256)
		return zkhsm_refuse(extack, -EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED,
				    "only keys of type ec-p256 are supported yet");
	err = check_usage(req->usage, extack);
	if (!err)
		err = check_flags(req->flags, 0, extack);
	if (err)
		return err;
	if (req->state != ZKHSM_KEY_STATE_ACTIVE && req->state != ZKHSM_KEY_STATE_PRE_ACTIVE)
		return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_STATE,
				    "a new key is active or pre-active");
	if (!uid_valid(req->owner))
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
				    "the owner is no user");
	return 0;
}

/* The scalar is nowhere but in @live when this returns, and not even there after an error. */
static int import(const struct zkhsm_key_request *req, struct zkhsm_live *live, u8 *pub,
		  struct netlink_ext_ack *extack)
{
	u8 be[ZKHSM_SCALAR_LEN];
	int err;

	err = zkhsm_keyring_read(req->serial, be, sizeof(be), extack);
	if (err)
		goto out;
	err = zkhsm_secret_import(&live->secret, be, pub);
	if (err == -ERANGE)
		err = zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_SECRET_RANGE,
				   "the scalar is not in [2, n - 4]");
	else if (err)
		err = zkhsm_refuse_failure(extack, err);
out:
	memzero_explicit(be, sizeof(be));
	return err;
}

/* The key with its secret and public element, and @e with its name. */
static int make_key(const struct zkhsm_key_request *req, struct zkhsm_key *key,
		    struct zkhsm_element *e, struct netlink_ext_ack *extack)
{
	int err;

	if (!key || !e)
		return zkhsm_refuse_failure(extack, -ENOMEM);
	key->live = zkhsm_live_alloc();
	if (!key->live)
		return zkhsm_refuse_failure(extack, -ENOMEM);

	key->usage = req->usage;
	key->flags = req->flags;
	key->owner = req->owner;
	key->state = req->state;
	key->created_ms = ktime_to_ms(ktime_get_real());
	if (req->import) {
		key->origin = ZKHSM_KEY_ORIGIN_IMPORTED;
		err = import(req, key->live, key->pub, extack);
		if (err)
			return err;
	} else {
		key->origin = ZKHSM_KEY_ORIGIN_GENERATED;
		/* What is sealed under a KEK that root can know could be opened by root. */
		if (!zkhsm_hsm_extractable())
			key->flags |= ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE;
		err = zkhsm_secret_generate(&key->live->secret, key->pub);
		if (err)
			return zkhsm_refuse_failure(extack, err);
	}
	err = zkhsm_element_name(key->pub, e->name);
	return err ? zkhsm_refuse_failure(extack, err) : 0;
}

static int refuse_taken(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -EEXIST, ZKHSM_REASON_ID_EXISTS, "a key with this id exists");
}

static int insert_key(struct zkhsm_key *key, struct zkhsm_element **fresh,
		      struct netlink_ext_ack *extack)
{
	struct zkhsm_element *e;

	lockdep_assert_held_write(&zkhsm_lock);

	if (zkhsm_keystore_find(key->id))
		return refuse_taken(extack);
	if (zkhsm_keystore_count() >= ZKHSM_KEYS_MAX)
		return zkhsm_refuse(extack, -ENOSPC, ZKHSM_REASON_FULL, "the keystore is full");
	e = zkhsm_element_adopt(fresh, ZKHSM_ROLE_KEY, extack);
	if (IS_ERR(e))
		return PTR_ERR(e);
	e->key = key;
	key->element = e;
	zkhsm_keystore_insert(key);
	return 0;
}

/*
 * Gives the lock back. What was done, unless it was refused, is read and told
 * first, with no other change in between: events come in the order of the
 * changes that they tell.
 */
static void tell(int err, enum zkhsm_event event, const struct zkhsm_key *key,
		 struct zkhsm_key_info *info)
{
	lockdep_assert_held_write(&zkhsm_lock);

	if (err) {
		up_write(&zkhsm_lock);
		return;
	}
	/* What a deleted key was like has been read before. */
	if (event != ZKHSM_EVENT_DELETED)
		zkhsm_key_read(key, info);
	downgrade_write(&zkhsm_lock);
	zkhsm_nl_event_key(event, info);
	up_read(&zkhsm_lock);
}

/**
 * zkhsm_op_key_new() - generate or import a key
 * @req: what is asked for
 * @info: the key
 * @extack: of the request
 *
 * Return: 0; -EINVAL (id, flags, scalar out of range); -EOPNOTSUPP (type,
 * usage or flags); -EACCES (state); -EEXIST (the id, or the element in any
 * role); -EKEYREVOKED (the managers have stopped it); -ENOSPC; those of
 * zkhsm_keyring_read(); -ENOMEM; -EIO.
 */
int zkhsm_op_key_new(const struct zkhsm_key_request *req, struct zkhsm_key_info *info,
		     struct netlink_ext_ack *extack)
{
	struct zkhsm_element *e;
	struct zkhsm_key *key;
	bool taken;
	int err;

	err = check_request(req, extack);
	if (err)
		return err;
	/* Before the arithmetic; again under the lock. */
	down_read(&zkhsm_lock);
	taken = zkhsm_keystore_find(req->id);
	up_read(&zkhsm_lock);
	if (taken)
		return refuse_taken(extack);

	key = zkhsm_key_alloc(req->id);
	e = zkhsm_element_alloc();
	err = make_key(req, key, e, extack);
	if (err)
		goto out;

	down_write(&zkhsm_lock);
	err = insert_key(key, &e, extack);
	tell(err, ZKHSM_EVENT_CREATED, key, info);
out:
	zkhsm_element_free(e);
	zkhsm_key_put(key);
	return err;
}

static int check_state_change(const struct zkhsm_key *key, u32 to, struct netlink_ext_ack *extack)
{
	if (to == key->state)
		return 0;
	switch (key->state) {
	case ZKHSM_KEY_STATE_PRE_ACTIVE:
	case ZKHSM_KEY_STATE_DEACTIVATED:
		if (to == ZKHSM_KEY_STATE_ACTIVE)
			return 0;
		break;
	case ZKHSM_KEY_STATE_ACTIVE:
		if (to == ZKHSM_KEY_STATE_DEACTIVATED)
			return 0;
		break;
	case ZKHSM_KEY_STATE_HELD:
		return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_HELD,
				    "only the managers can release a key that they hold");
	case ZKHSM_KEY_STATE_COMPROMISED:
		return zkhsm_refuse(extack, -EKEYREVOKED, ZKHSM_REASON_REVOKED,
				    zkhsm_reason_sentence(key->reason, true));
	case ZKHSM_KEY_STATE_UNSPEC:
		break;
	}
	return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_STATE,
			    "the key cannot go from its state to this one");
}

/* What was looked at before the lock was taken. */
static int check_still(const struct zkhsm_key *key, const struct zkhsm_caller *by,
		       struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&zkhsm_lock);

	if (!key->element)
		return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_SUCH_KEY,
				    "the key was deleted");
	return zkhsm_access_still(by, key->owner, extack);
}

static int check_update(const struct zkhsm_key *key, const struct zkhsm_key_update *up,
			struct netlink_ext_ack *extack)
{
	int err;

	err = check_still(key, &up->by, extack);
	if (err)
		return err;
	if (up->set_owner && !up->by.admin)
		return zkhsm_refuse(extack, -EPERM, ZKHSM_REASON_NOT_ADMIN,
				    "only an administrator can change the owner");
	if (up->set_owner && !uid_valid(up->owner))
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
				    "the owner is no user");
	if (up->set_usage) {
		err = check_usage(up->usage, extack);
		if (err)
			return err;
		if (up->usage & ~key->usage)
			return zkhsm_refuse(extack, -EPERM, ZKHSM_REASON_WIDENING,
					    "usage can only be narrowed");
	}
	if (up->set_flags) {
		err = check_flags(up->flags, key->flags, extack);
		if (err)
			return err;
		if (key->flags & ~up->flags)
			return zkhsm_refuse(extack, -EPERM, ZKHSM_REASON_WIDENING,
					    "flags can only be added");
	}
	if (!up->set_state)
		return 0;
	err = check_state_change(key, up->state, extack);
	if (!err && up->state != key->state && !up->by.admin && zkhsm_keystore_quiet())
		return zkhsm_refuse(extack, -EAGAIN, ZKHSM_REASON_RATE,
				    "the keystore is being attested, ask again");
	return err;
}

/**
 * zkhsm_op_key_set() - change attributes, all or none
 * @key: the key
 * @up: what is asked for
 * @info: the key afterwards
 * @extack: of the request
 *
 * Return: 0; -ENOKEY (deleted meanwhile); -EPERM (would widen, or the owner by
 * somebody who is no administrator); -EACCES (state, held, another's meanwhile);
 * -EKEYREVOKED; -EOPNOTSUPP (unknown or unsupported bits); -EINVAL; -EAGAIN
 * (state, while evidence waits for the keystore to hold still).
 */
int zkhsm_op_key_set(struct zkhsm_key *key, const struct zkhsm_key_update *up,
		     struct zkhsm_key_info *info, struct netlink_ext_ack *extack)
{
	int err;

	down_write(&zkhsm_lock);
	err = check_update(key, up, extack);
	if (err)
		goto out;
	if (up->set_owner && !uid_eq(up->owner, key->owner)) {
		key->owner = up->owner;
		zkhsm_record_changed(&key->record);
	}
	if (up->set_usage && up->usage != key->usage) {
		key->usage = up->usage;
		zkhsm_key_changed(key);
	}
	if (up->set_flags && up->flags != key->flags) {
		key->flags = up->flags;
		zkhsm_key_changed(key);
	}
	if (up->set_state && up->state != key->state)
		zkhsm_key_set_state(key, up->state);
out:
	tell(err, ZKHSM_EVENT_CHANGED, key, info);
	return err;
}

/**
 * zkhsm_op_key_del() - destroy a key
 * @key: the key
 * @by: who asks
 * @info: the key as it was
 * @extack: of the request
 *
 * What the managers have voted about the element outlives the key.
 *
 * Return: 0; -ENOKEY when somebody else deleted it meanwhile, -EACCES when an
 * administrator gave it to somebody else.
 */
int zkhsm_op_key_del(struct zkhsm_key *key, const struct zkhsm_caller *by,
		     struct zkhsm_key_info *info, struct netlink_ext_ack *extack)
{
	int err;

	down_write(&zkhsm_lock);
	err = check_still(key, by, extack);
	if (err)
		goto out;
	zkhsm_key_read(key, info);
	zkhsm_key_erase(key);
	zkhsm_element_abandon(key->element);
	key->element = NULL;
	zkhsm_keystore_remove(key);
out:
	tell(err, ZKHSM_EVENT_DELETED, key, info);
	return err;
}
