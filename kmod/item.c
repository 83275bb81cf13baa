// SPDX-License-Identifier: GPL-2.0
/*
 * One sealed record, or the head: its bytes, encrypted under the KEK.
 */
#include <linux/slab.h>

#include "box.h"
#include "group.h"
#include "nonce.h"
#include "offer.h"

static struct zkhsm_sealed_item *item_new(u8 kind, const u8 *name, u8 name_len, size_t room)
{
	struct zkhsm_sealed_item *item = kzalloc(struct_size(item, bytes, room), GFP_KERNEL);

	if (!item)
		return ERR_PTR(-ENOMEM);
	item->kind = kind;
	item->name_len = name_len;
	memcpy(item->name, name, name_len);
	item->len = room;
	return item;
}

/* Until it is encrypted an item has secrets in it, and afterwards nobody minds. */
void zkhsm_item_free(struct zkhsm_sealed_item *item)
{
	kfree_sensitive(item);
}

/*
 * @item has the clear part, with no salt yet, and the body behind it. The salt
 * is hedged over both: were the generator to repeat itself, in a copy of this
 * VM, another content would still get another key.
 */
static int encrypt(const struct zkhsm_kek *kek, struct zkhsm_sealed *clear,
		   struct zkhsm_sealed_item *item, u32 clear_len, u32 body_len)
{
	u8 context[ZKHSM_HASH_LEN];
	int err;

	err = zkhsm_sha256(item->bytes, clear_len + body_len, context) ? -EIO : 0;
	if (!err)
		err = zkhsm_nonce_salt(kek->key, context, clear->salt);
	memzero_explicit(context, sizeof(context));
	if (err)
		return err;
	clear->body_len = body_len;
	if (WARN_ON_ONCE(zkhsm_sealed_encode(clear, item->bytes, item->len) != clear_len))
		return -EIO;
	item->len = clear_len + body_len + ZKHSM_SEAL_TAG_LEN;
	return zkhsm_box_seal(kek->key, clear->salt, clear->type, item->bytes, clear_len,
			      body_len);
}

static void clear_part(struct zkhsm_sealed *clear, u8 type, const struct zkhsm_offer *o)
{
	memset(clear, 0, sizeof(*clear));
	clear->type = type;
	memcpy(clear->kek_id, o->kek.id, sizeof(clear->kek_id));
	memcpy(clear->hsm_id, zkhsm_hsm_id(), sizeof(clear->hsm_id));
	clear->sequence = o->sequence;
}

/* The secret of @e's key into the body. Return: 0; -EAGAIN when it is gone meanwhile; -EIO. */
static int read_secret(struct zkhsm_entry *e)
{
	struct zkhsm_live *live;
	int err;

	if (e->body.state == ZKHSM_KEY_STATE_COMPROMISED)
		return 0;
	down_read(&zkhsm_lock);
	live = e->key->live;
	if (live)
		refcount_inc(&live->ref);
	up_read(&zkhsm_lock);
	if (!live)
		return -EAGAIN;
	err = zkhsm_secret_export(&live->secret, e->body.secret);
	zkhsm_live_put(live);
	return err;
}

static int key_body(struct zkhsm_entry *e, u8 *buf, size_t size)
{
	int err;

	err = read_secret(e);
	if (!err)
		err = zkhsm_key_body_encode(&e->body, buf, size);
	memzero_explicit(e->body.secret, sizeof(e->body.secret));
	return err;
}

static int votes_body(const struct zkhsm_moment *m, const struct zkhsm_entry *e, u8 *buf,
		      size_t size)
{
	int len, ret;
	u32 i;

	len = zkhsm_votes_head_encode(e->stopped, e->vote_count, buf, size);
	for (i = 0; i < e->vote_count && len >= 0; i++) {
		ret = zkhsm_vote_entry_encode(&m->votes[e->first_vote + i], buf + len, size - len);
		len = ret < 0 ? ret : len + ret;
	}
	return len;
}

static int encrypt_record(const struct zkhsm_offer *o, struct zkhsm_entry *e,
			  struct zkhsm_sealed_item *item)
{
	struct zkhsm_sealed clear;
	int clear_len, body_len;

	clear_part(&clear, ZKHSM_WIRE_SEALED_RECORD, o);
	clear.kind = e->record->kind;
	clear.name_len = e->name_len;
	memcpy(clear.name, e->name, e->name_len);
	clear_len = zkhsm_sealed_encode(&clear, item->bytes, item->len);
	if (WARN_ON_ONCE(clear_len < 0))
		return -EIO;
	if (e->key)
		body_len = key_body(e, item->bytes + clear_len, item->len - clear_len);
	else
		body_len = votes_body(&o->m, e, item->bytes + clear_len, item->len - clear_len);
	if (body_len < 0)
		return body_len == -EAGAIN ? -EAGAIN : -EIO;
	return encrypt(&o->kek, &clear, item, clear_len, body_len);
}

/* One record. Return: it, or -EAGAIN when its secret is gone meanwhile; -ENOMEM; -EIO. */
struct zkhsm_sealed_item *zkhsm_item_record(const struct zkhsm_offer *o, struct zkhsm_entry *e)
{
	size_t body = e->key ? ZKHSM_KEY_BODY_LEN :
		      ZKHSM_VOTES_HEAD_LEN + e->vote_count * ZKHSM_VOTE_ENTRY_LEN;
	struct zkhsm_sealed_item *item = item_new(e->record->kind, e->name, e->name_len,
						  ZKHSM_SEALED_CLEAR_MAX_LEN + body +
						  ZKHSM_SEAL_TAG_LEN);
	int err;

	if (IS_ERR(item))
		return item;
	err = encrypt_record(o, e, item);
	if (err) {
		zkhsm_item_free(item);
		return ERR_PTR(err);
	}
	return item;
}

/* Word that there is no such record any more. Return: it, or -ENOMEM. */
struct zkhsm_sealed_item *zkhsm_item_removed(const struct zkhsm_entry *e)
{
	struct zkhsm_sealed_item *item = item_new(e->record->kind, e->name, e->name_len, 0);

	if (!IS_ERR(item))
		item->removed = true;
	return item;
}

static int head_body(const struct zkhsm_offer *o, u8 *buf, size_t size)
{
	struct zkhsm_head_body b = {
		.agent = o->m.agent,
		.counter_index = o->counter_index,
		.counter = o->counter,
		.config = o->m.config,
		.config_len = o->m.config_len,
		.manager_count = o->m.manager_count,
	};
	int len;

	memcpy(b.identity, zkhsm_hsm_pub(), sizeof(b.identity));
	memcpy(b.set, o->set, sizeof(b.set));
	len = zkhsm_secret_export(zkhsm_hsm_secret(), b.secret);
	if (!len)
		len = zkhsm_head_body_encode(&b, buf, size);
	memzero_explicit(&b, sizeof(b));
	if (len < 0 || WARN_ON_ONCE(size - len < o->m.managers_len))
		return -EIO;
	memcpy(buf + len, o->m.managers, o->m.managers_len);
	return len + o->m.managers_len;
}

static int encrypt_head(const struct zkhsm_offer *o, struct zkhsm_sealed_item *item)
{
	struct zkhsm_sealed clear;
	int clear_len, body_len;

	clear_part(&clear, ZKHSM_WIRE_SEALED_HEAD, o);
	clear.kek_class = o->kek.class;
	clear.boot_count = o->m.boot_count;
	clear.records = o->records;
	clear_len = zkhsm_sealed_encode(&clear, item->bytes, item->len);
	if (WARN_ON_ONCE(clear_len < 0))
		return -EIO;
	body_len = head_body(o, item->bytes + clear_len, item->len - clear_len);
	if (body_len < 0)
		return body_len;
	return encrypt(&o->kek, &clear, item, clear_len, body_len);
}

/* The head, after all the records. Return: it, or -ENOMEM, -EIO. */
struct zkhsm_sealed_item *zkhsm_item_head(const struct zkhsm_offer *o)
{
	struct zkhsm_sealed_item *item;
	int err;

	BUILD_BUG_ON(ZKHSM_SEALED_CLEAR_MAX_LEN + ZKHSM_HEAD_BODY_MAX_LEN + ZKHSM_SEAL_TAG_LEN +
		     ZKHSM_MANAGERS_KNOWN_MAX * ZKHSM_MANAGER_ENTRY_MAX_LEN > ZKHSM_HEAD_MAX_LEN);
	item = item_new(0, NULL, 0, ZKHSM_SEALED_CLEAR_MAX_LEN + ZKHSM_HEAD_BODY_MAX_LEN +
			o->m.managers_len + ZKHSM_SEAL_TAG_LEN);
	if (IS_ERR(item))
		return item;
	err = encrypt_head(o, item);
	if (err) {
		zkhsm_item_free(item);
		return ERR_PTR(err);
	}
	return item;
}
