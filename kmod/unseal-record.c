// SPDX-License-Identifier: GPL-2.0
/*
 * What a sealed record says, put where it will be used: a key, or the votes on
 * an element. There is no identity yet, so nobody else sees any of it; see
 * unseal.c.
 */
#include <linux/slab.h>

#include "group.h"
#include "seal.h"

static int refuse_malformed(struct netlink_ext_ack *extack, const char *sentence)
{
	return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED, sentence);
}

/* A key with what its record says. */
static struct zkhsm_key *make_key(const struct zkhsm_sealed *s, struct zkhsm_key_body *b)
{
	static const u8 none[ZKHSM_SCALAR_LEN];
	char id[ZKHSM_ID_MAX_LEN + 1] = "";
	struct zkhsm_key *key;
	int err = 0;

	memcpy(id, s->name, s->name_len);
	key = zkhsm_key_alloc(id);
	if (!key)
		return ERR_PTR(-ENOMEM);
	key->origin = b->origin;
	key->usage = b->usage;
	key->flags = b->flags;
	key->created_ms = b->created_ms;
	key->state = b->state;
	key->resume = b->resume;
	key->reason = b->reason;
	key->owner = make_kuid(&init_user_ns, b->owner);
	memcpy(key->pub, b->public, sizeof(key->pub));
	if (b->state == ZKHSM_KEY_STATE_COMPROMISED) {
		err = crypto_memneq(b->secret, none, sizeof(none)) ? -ERANGE : 0;
	} else {
		key->live = zkhsm_live_alloc();
		err = key->live ? zkhsm_secret_restore(&key->live->secret, b->secret) : -ENOMEM;
	}
	if (!err)
		return key;
	zkhsm_key_put(key);
	return ERR_PTR(err);
}

static int insert_key(struct zkhsm_key *key, struct zkhsm_element **fresh, const u8 *digest,
		      struct netlink_ext_ack *extack)
{
	struct zkhsm_element *e;

	lockdep_assert_held_write(&zkhsm_lock);

	if (zkhsm_keystore_find(key->id))
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_REPEATED,
				    "two sealed records of one key");
	if (zkhsm_keystore_count() >= ZKHSM_KEYS_MAX)
		return zkhsm_refuse(extack, -ENOSPC, ZKHSM_REASON_FULL, "the keystore is full");
	e = zkhsm_element_restore(fresh, ZKHSM_ROLE_KEY, extack);
	if (IS_ERR(e))
		return PTR_ERR(e);
	e->key = key;
	key->element = e;
	key->record.stored = true;
	memcpy(key->record.digest, digest, ZKHSM_HASH_LEN);
	zkhsm_keystore_insert(key);
	return 0;
}

int zkhsm_unseal_key(const struct zkhsm_sealed *s, const u8 digest[ZKHSM_HASH_LEN],
		     struct netlink_ext_ack *extack)
{
	struct zkhsm_key_body b;
	struct zkhsm_element *fresh;
	struct zkhsm_key *key;
	int err;

	err = zkhsm_key_body_decode(&b, s->body, s->body_len);
	if (err || zkhsm_p256_decode_public(b.public) ||
	    !uid_valid(make_kuid(&init_user_ns, b.owner))) {
		memzero_explicit(&b, sizeof(b));
		return refuse_malformed(extack, "the key in the sealed record is malformed");
	}
	key = make_key(s, &b);
	memzero_explicit(&b, sizeof(b));
	if (key == ERR_PTR(-ERANGE))
		return refuse_malformed(extack, "the secret in the sealed record is none");
	if (IS_ERR(key))
		return zkhsm_refuse_failure(extack, PTR_ERR(key));
	fresh = zkhsm_element_alloc();
	err = fresh ? zkhsm_element_name(key->pub, fresh->name) : -ENOMEM;
	if (err) {
		zkhsm_refuse_failure(extack, err);
	} else {
		down_write(&zkhsm_lock);
		err = insert_key(key, &fresh, digest, extack);
		up_write(&zkhsm_lock);
	}
	zkhsm_element_free(fresh);
	zkhsm_key_put(key);
	return err;
}

static enum zkhsm_vote_kind vote_kind(u8 wire)
{
	switch (wire) {
	case ZKHSM_WIRE_VOTE_RELEASE:
		return ZKHSM_VOTE_RELEASE;
	case ZKHSM_WIRE_VOTE_HOLD:
		return ZKHSM_VOTE_HOLD;
	case ZKHSM_WIRE_VOTE_REVOKE:
		return ZKHSM_VOTE_REVOKE;
	default:
		return ZKHSM_VOTE_CLEARED;
	}
}

/* Takes @v unless it is refused. */
static int insert_vote(struct zkhsm_element *e, const struct zkhsm_vote_entry *entry,
		       struct zkhsm_vote *v, struct netlink_ext_ack *extack)
{
	struct zkhsm_manager *by = zkhsm_trust_find(entry->manager_id);

	lockdep_assert_held_write(&zkhsm_lock);

	if (!by)
		return refuse_malformed(extack, "a sealed vote is of a manager that nobody knows");
	if (zkhsm_vote_find(e, by))
		return refuse_malformed(extack, "two sealed votes of one manager");
	zkhsm_vote_add(e, v, by);
	v->number = entry->number;
	v->kind = vote_kind(entry->kind);
	v->reason = entry->reason;
	return 0;
}

static int insert_votes(struct zkhsm_element *e, struct zkhsm_votes_reader *reader,
			struct netlink_ext_ack *extack)
{
	struct zkhsm_vote_entry entry;
	struct zkhsm_vote *v;
	int ret;

	while ((ret = zkhsm_votes_next(reader, &entry)) > 0) {
		v = kzalloc(sizeof(*v), GFP_KERNEL);
		if (!v)
			return zkhsm_refuse_failure(extack, -ENOMEM);
		down_write(&zkhsm_lock);
		ret = insert_vote(e, &entry, v, extack);
		up_write(&zkhsm_lock);
		if (ret) {
			kfree(v);
			return ret;
		}
	}
	return ret ? refuse_malformed(extack, "the votes in the sealed record are malformed") : 0;
}

/* The element of this name, new if need be. Nobody else changes anything meanwhile. */
static struct zkhsm_element *element_of(const u8 *name)
{
	struct zkhsm_element *fresh, *e;

	down_read(&zkhsm_lock);
	e = zkhsm_element_find(name);
	up_read(&zkhsm_lock);
	if (e)
		return e;
	fresh = zkhsm_element_alloc();
	if (!fresh)
		return NULL;
	memcpy(fresh->name, name, sizeof(fresh->name));
	down_write(&zkhsm_lock);
	zkhsm_element_insert(fresh);
	up_write(&zkhsm_lock);
	return fresh;
}

int zkhsm_unseal_votes(const struct zkhsm_sealed *s, const u8 digest[ZKHSM_HASH_LEN],
		       struct netlink_ext_ack *extack)
{
	struct zkhsm_votes_reader reader;
	struct zkhsm_element *e;

	if (zkhsm_votes_begin(&reader, s->body, s->body_len))
		return refuse_malformed(extack, "the votes in the sealed record are malformed");
	e = element_of(s->name);
	if (!e)
		return zkhsm_refuse_failure(extack, -ENOMEM);
	if (!list_empty(&e->votes))
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_REPEATED,
				    "two sealed records of votes on one element");
	e->stopped = reader.stopped;
	e->record.stored = true;
	memcpy(e->record.digest, digest, ZKHSM_HASH_LEN);
	return insert_votes(e, &reader, extack);
}

/*
 * What stopped an element has to have stopped its key too: they are of one
 * moment. The identity and managers can be voted on, but not stopped.
 */
bool zkhsm_unseal_fits(void)
{
	struct zkhsm_element *e;

	lockdep_assert_held(&zkhsm_lock);

	list_for_each_entry(e, &zkhsm_voted, voted)
		if (e->stopped && e->key && e->key->state != ZKHSM_KEY_STATE_HELD &&
		    e->key->state != ZKHSM_KEY_STATE_COMPROMISED)
			return false;
	return true;
}
