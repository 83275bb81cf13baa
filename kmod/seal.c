// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing: everything that has changed, as it was in one moment, encrypted
 * under the KEK, and a head that says which records belong together.
 *
 * What is given out here may or may not get stored; only a commit tells. Until
 * then it waits on, and the next sealing, of a higher sequence, has it again.
 * So at any time the store holds one head whose records are all there, and the
 * kernel knows which one at the latest after the next commit.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "box.h"
#include "group.h"
#include "nonce.h"
#include "seal.h"
#include "tpm.h"
#include "trace.h"

#define ATTEMPTS	3
/* Steps of the TPM's counter that a head may be ahead: sealings that were not committed. */
#define COUNTER_AHEAD	1024

DEFINE_MUTEX(zkhsm_seal_lock);

/* One record of a sealing. */
struct entry {
	struct zkhsm_record *record;
	struct zkhsm_key *key;		/* a reference, or NULL */
	bool removed;
	bool silent;			/* another one has its name: nothing to tell the store */
	bool stopped;
	u32 first_vote;
	u32 vote_count;
	u8 name_len;
	u8 name[ZKHSM_ID_MAX_LEN];
	struct zkhsm_key_body body;	/* but for the secret */
};

/**
 * struct moment - all that is sealed, as it was in one moment
 * @number: of the last change that it contains
 * @entries: the records
 * @votes: of all entries
 * @managers: encoded
 * @config: C
 */
struct moment {
	u64 number;
	u32 count;
	u32 room;
	struct entry *entries;
	u32 vote_count;
	u32 vote_room;
	struct zkhsm_vote_entry *votes;
	u32 managers_len;
	u32 managers_room;
	u8 *managers;
	u16 manager_count;
	u32 boot_count;
	u32 agent;
	u16 config_len;
	u8 config[ZKHSM_CONFIGURATION_MAX_LEN];
};

/* What was given out last and has not been committed. */
struct offer {
	struct moment m;
	u64 sequence;
	u64 counter;
	u32 records;
	bool full;
	bool rekey;
	u8 set[ZKHSM_SET_DIGEST_LEN];
	struct zkhsm_kek kek;
};

/*
 * @kek: of what is stored; @kek.class unspec: nothing is ever sealed
 * @sequence: of the last sealing
 * @records, @set: of the sealing that was committed last
 * @counter_index: NV index, 0: none
 * @counter: of the last sealing
 * @counter_stored: of the last commit, which is where the TPM's counter is
 * @offer: given out, not committed
 * @all: an offer of everything was not committed: it may be what is stored
 *
 * Locking: zkhsm_seal_lock.
 */
static struct {
	struct zkhsm_kek kek;
	u64 sequence;
	u32 records;
	u8 set[ZKHSM_SET_DIGEST_LEN];
	u32 counter_index;
	u64 counter;
	u64 counter_stored;
	struct offer *offer;
	bool all;
} seal;

static void moment_free(struct moment *m)
{
	u32 i;

	for (i = 0; i < m->count; i++)
		zkhsm_key_put(m->entries[i].key);
	kvfree(m->entries);
	kvfree(m->votes);
	kvfree(m->managers);
	memset(m, 0, sizeof(*m));
}

static void offer_free(struct offer *o)
{
	if (!o)
		return;
	moment_free(&o->m);
	zkhsm_kek_wipe(&o->kek);
	kfree(o);
}

/* What an entry is called by, and who has that name now. */
static void name_entry(struct entry *e, const struct zkhsm_record *r)
{
	const struct zkhsm_element *element;
	const struct zkhsm_key *key;

	if (r->kind == ZKHSM_RECORD_KIND_KEY) {
		key = container_of(r, struct zkhsm_key, record);
		e->name_len = key->id_len;
		memcpy(e->name, key->id, key->id_len);
		e->silent = r->gone && zkhsm_keystore_find(key->id);
	} else {
		element = container_of(r, struct zkhsm_element, record);
		e->name_len = ZKHSM_HASH_LEN;
		memcpy(e->name, element->name, ZKHSM_HASH_LEN);
		element = r->gone ? zkhsm_element_find(element->name) : NULL;
		e->silent = element && !list_empty(&element->votes);
	}
}

static void read_key(struct entry *e, struct zkhsm_key *key)
{
	struct zkhsm_key_body *b = &e->body;

	zkhsm_key_get(key);
	e->key = key;
	b->type = ZKHSM_KEY_TYPE_EC_P256;
	b->origin = key->origin;
	b->usage = key->usage;
	b->flags = key->flags;
	b->created_ms = key->created_ms;
	b->state = key->state;
	b->resume = key->state == ZKHSM_KEY_STATE_HELD ? key->resume : key->state;
	b->reason = key->reason;
	b->owner = from_kuid(&init_user_ns, key->owner);
	memcpy(b->public, key->pub, sizeof(b->public));
}

static void read_votes(struct moment *m, struct entry *e, const struct zkhsm_element *element)
{
	static const u8 kinds[] = {
		[ZKHSM_VOTE_RELEASE] = ZKHSM_WIRE_VOTE_RELEASE,
		[ZKHSM_VOTE_HOLD] = ZKHSM_WIRE_VOTE_HOLD,
		[ZKHSM_VOTE_REVOKE] = ZKHSM_WIRE_VOTE_REVOKE,
		[ZKHSM_VOTE_CLEARED] = ZKHSM_WIRE_VOTE_CLEARED,
	};
	const struct zkhsm_vote *v;

	e->stopped = element->stopped;
	e->first_vote = m->vote_count;
	list_for_each_entry(v, &element->votes, node) {
		struct zkhsm_vote_entry *w = &m->votes[m->vote_count++];

		memcpy(w->manager_id, v->by->id, sizeof(w->manager_id));
		w->number = v->number;
		w->kind = kinds[v->kind];
		w->reason = v->reason;
		e->vote_count++;
	}
}

static void read_record(struct moment *m, struct zkhsm_record *r)
{
	const struct zkhsm_element *element = container_of(r, struct zkhsm_element, record);
	struct entry *e = &m->entries[m->count++];

	e->record = r;
	name_entry(e, r);
	if (r->kind == ZKHSM_RECORD_KIND_KEY)
		e->removed = r->gone;
	else
		e->removed = r->gone || list_empty(&element->votes);
	if (!e->removed && r->kind == ZKHSM_RECORD_KIND_KEY)
		read_key(e, container_of(r, struct zkhsm_key, record));
	else if (!e->removed)
		read_votes(m, e, element);
	/* Whatever becomes of it, the store may have this one from now on. */
	r->offered = true;
}

static u32 votes_on(const struct zkhsm_element *e)
{
	const struct zkhsm_vote *v;
	u32 n = 0;

	list_for_each_entry(v, &e->votes, node)
		n++;
	return n;
}

/* What everything, or everything that waits, takes. */
static void measure(struct moment *m, bool all)
{
	const struct zkhsm_record *r;
	struct zkhsm_element *e;

	lockdep_assert_held(&zkhsm_lock);

	m->room = all ? zkhsm_keystore_count() : 0;
	m->vote_room = 0;
	if (all) {
		list_for_each_entry(e, &zkhsm_voted, voted) {
			m->room++;
			m->vote_room += votes_on(e);
		}
	}
	list_for_each_entry(r, &zkhsm_records_waiting, waiting) {
		m->room++;
		if (!all && r->kind == ZKHSM_RECORD_KIND_VOTES && !r->gone)
			m->vote_room += votes_on(container_of(r, struct zkhsm_element, record));
	}
	m->managers_room = zkhsm_trust_known() * ZKHSM_MANAGER_ENTRY_MAX_LEN;
}

static void read_all(struct moment *m)
{
	struct zkhsm_element *e;
	struct zkhsm_record *r;
	struct zkhsm_key *key;

	for (key = zkhsm_keystore_after(""); key; key = zkhsm_keystore_next(key))
		read_record(m, &key->record);
	list_for_each_entry(e, &zkhsm_voted, voted)
		read_record(m, &e->record);
	/* Of those that wait, only what is to be removed is not among these. */
	list_for_each_entry(r, &zkhsm_records_waiting, waiting)
		if (r->gone || (r->kind == ZKHSM_RECORD_KIND_VOTES &&
				list_empty(&container_of(r, struct zkhsm_element, record)->votes)))
			read_record(m, r);
}

static void read_moment(struct moment *m, bool all)
{
	struct zkhsm_record *r;

	lockdep_assert_held_write(&zkhsm_lock);

	m->number = zkhsm_record_moment();
	if (all) {
		read_all(m);
	} else {
		list_for_each_entry(r, &zkhsm_records_waiting, waiting)
			read_record(m, r);
	}
	m->managers_len = zkhsm_trust_encode(m->managers, m->managers_room, &m->manager_count);
	zkhsm_hsm_seal_state(m->config, &m->config_len, &m->boot_count, &m->agent);
}

/* Room first, then the moment: under the lock nobody waits for memory. */
static int take_moment(struct moment *m, bool all)
{
	struct moment now;

	memset(m, 0, sizeof(*m));
	memset(&now, 0, sizeof(now));
	for (;;) {
		down_read(&zkhsm_lock);
		measure(m, all);
		up_read(&zkhsm_lock);

		m->entries = kvcalloc(max(m->room, 1U), sizeof(*m->entries), GFP_KERNEL);
		m->votes = kvcalloc(max(m->vote_room, 1U), sizeof(*m->votes), GFP_KERNEL);
		m->managers = kvzalloc(max(m->managers_room, 1U), GFP_KERNEL);
		if (!m->entries || !m->votes || !m->managers) {
			moment_free(m);
			return -ENOMEM;
		}
		down_write(&zkhsm_lock);
		measure(&now, all);
		if (now.room <= m->room && now.vote_room <= m->vote_room &&
		    now.managers_room <= m->managers_room)
			break;
		up_write(&zkhsm_lock);
		moment_free(m);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	read_moment(m, all);
	up_write(&zkhsm_lock);
	return 0;
}

static struct zkhsm_sealed_item *item_new(u8 kind, const u8 *name, u8 name_len, size_t room)
{
	struct zkhsm_sealed_item *item = kzalloc(struct_size(item, bytes, room), GFP_KERNEL);

	if (!item)
		return NULL;
	item->kind = kind;
	item->name_len = name_len;
	memcpy(item->name, name, name_len);
	item->len = room;
	return item;
}

/* Until it is encrypted an item has secrets in it, and afterwards nobody minds. */
static void item_free(struct zkhsm_sealed_item *item)
{
	kfree_sensitive(item);
}

void zkhsm_sealing_free(struct zkhsm_sealing *s)
{
	struct zkhsm_sealed_item *item, *next;

	if (!s)
		return;
	list_for_each_entry_safe(item, next, &s->items, node)
		item_free(item);
	kvfree(s);
}

static void add_item(struct zkhsm_sealing *s, struct zkhsm_sealed_item *item)
{
	list_add_tail(&item->node, &s->items);
	s->largest = max(s->largest, item->len);
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

static void clear_part(struct zkhsm_sealed *clear, u8 type, const struct offer *o)
{
	memset(clear, 0, sizeof(*clear));
	clear->type = type;
	memcpy(clear->kek_id, o->kek.id, sizeof(clear->kek_id));
	memcpy(clear->hsm_id, zkhsm_hsm_id(), sizeof(clear->hsm_id));
	clear->sequence = o->sequence;
}

/* The secret of @e's key into the body. Return: 0; -EAGAIN when it is gone meanwhile; -EIO. */
static int read_secret(struct entry *e)
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

static int key_body(struct entry *e, u8 *buf, size_t size)
{
	int err;

	err = read_secret(e);
	if (!err)
		err = zkhsm_key_body_encode(&e->body, buf, size);
	memzero_explicit(e->body.secret, sizeof(e->body.secret));
	return err;
}

static int votes_body(const struct moment *m, const struct entry *e, u8 *buf, size_t size)
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

static int encrypt_entry(struct offer *o, struct entry *e, struct zkhsm_sealed_item *item)
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

/* One record, and what it does to the set digest. */
static int seal_entry(struct offer *o, struct entry *e, struct zkhsm_sealing *s)
{
	struct zkhsm_record *r = e->record;
	struct zkhsm_sealed_item *item;
	size_t room;
	int err = 0;

	if (!o->full && r->stored) {
		err = zkhsm_set_sub(o->set, &o->kek, r->digest);
		o->records--;
	}
	if (err || e->silent)
		return err;
	room = e->removed ? 0 : ZKHSM_SEALED_CLEAR_MAX_LEN + ZKHSM_SEAL_TAG_LEN +
		(e->key ? ZKHSM_KEY_BODY_LEN :
		 ZKHSM_VOTES_HEAD_LEN + e->vote_count * ZKHSM_VOTE_ENTRY_LEN);
	item = item_new(r->kind, e->name, e->name_len, room);
	if (!item)
		return -ENOMEM;
	item->removed = e->removed;
	if (!e->removed)
		err = encrypt_entry(o, e, item);
	if (!err && !e->removed)
		err = zkhsm_sha256(item->bytes, item->len, r->fresh) ? -EIO : 0;
	if (!err && !e->removed)
		err = zkhsm_set_add(o->set, &o->kek, r->fresh);
	if (err) {
		item_free(item);
		return err;
	}
	o->records += !e->removed;
	add_item(s, item);
	return 0;
}

static int head_body(const struct offer *o, u8 *buf, size_t size)
{
	struct zkhsm_head_body b = {
		.agent = o->m.agent,
		.counter_index = seal.counter_index,
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

static int seal_head(const struct offer *o, struct zkhsm_sealing *s)
{
	struct zkhsm_sealed_item *item;
	struct zkhsm_sealed clear;
	int clear_len, body_len, err = -EIO;

	item = item_new(0, NULL, 0, ZKHSM_SEALED_CLEAR_MAX_LEN + ZKHSM_HEAD_BODY_MAX_LEN +
			o->m.managers_len + ZKHSM_SEAL_TAG_LEN);
	if (!item)
		return -ENOMEM;
	clear_part(&clear, ZKHSM_WIRE_SEALED_HEAD, o);
	clear.kek_class = o->kek.class;
	clear.boot_count = o->m.boot_count;
	clear.records = o->records;
	clear_len = zkhsm_sealed_encode(&clear, item->bytes, item->len);
	if (WARN_ON_ONCE(clear_len < 0))
		goto out;
	body_len = head_body(o, item->bytes + clear_len, item->len - clear_len);
	if (body_len < 0)
		goto out;
	err = encrypt(&o->kek, &clear, item, clear_len, body_len);
	BUILD_BUG_ON(ZKHSM_SEALED_CLEAR_MAX_LEN + ZKHSM_HEAD_BODY_MAX_LEN + ZKHSM_SEAL_TAG_LEN +
		     ZKHSM_MANAGERS_KNOWN_MAX * ZKHSM_MANAGER_ENTRY_MAX_LEN > ZKHSM_HEAD_MAX_LEN);
out:
	if (err) {
		item_free(item);
		return err;
	}
	add_item(s, item);
	return 0;
}

/* Where the sealing begins: from what was committed, or from nothing. */
static int begin(struct offer *o, const struct zkhsm_seal_request *req,
		 struct netlink_ext_ack *extack)
{
	const struct zkhsm_kek_source src = {
		.class = seal.kek.class,
		.serial = req->serial,
		.blob = seal.kek.blob,
		.blob_len = seal.kek.blob_len,
	};
	int err = 0;

	/* Or a head that was stored would be further ahead than is believed at unsealing. */
	if (seal.counter - seal.counter_stored >= COUNTER_AHEAD)
		return zkhsm_refuse(extack, -EBUSY, ZKHSM_REASON_SEQUENCE,
				    "too many sealings have not been committed");
	o->rekey = req->rekey;
	o->full = req->full || req->rekey || seal.all;
	o->sequence = ++seal.sequence;
	if (seal.counter_index)
		o->counter = ++seal.counter;
	if (req->rekey)
		err = zkhsm_kek_new(&o->kek, &src, extack);
	else
		o->kek = seal.kek;
	return err;
}

static int seal_moment(struct offer *o, struct zkhsm_sealing *s)
{
	int err = 0;
	u32 i;

	for (i = 0; !err && i < o->m.count; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		err = seal_entry(o, &o->m.entries[i], s);
	}
	if (!err)
		err = seal_head(o, s);
	zkhsm_burn_stack();
	return err;
}

/* Return: the items of a moment that @o is of; -EAGAIN when a secret went meanwhile; ... */
static struct zkhsm_sealing *seal_once(struct offer *o)
{
	struct zkhsm_sealing *s = kvzalloc(sizeof(*s), GFP_KERNEL);
	int err;

	if (!s)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&s->items);
	o->records = o->full ? 0 : seal.records;
	if (o->full)
		memset(o->set, 0, sizeof(o->set));
	else
		memcpy(o->set, seal.set, sizeof(o->set));
	err = take_moment(&o->m, o->full);
	if (!err)
		err = seal_moment(o, s);
	if (err) {
		zkhsm_sealing_free(s);
		moment_free(&o->m);
		return ERR_PTR(err);
	}
	s->sequence = o->sequence;
	s->records = o->records;
	s->blob_len = o->kek.blob_len;
	memcpy(s->blob, o->kek.blob, o->kek.blob_len);
	return s;
}

static struct zkhsm_sealing *seal_locked(const struct zkhsm_seal_request *req,
					 struct netlink_ext_ack *extack)
{
	struct zkhsm_sealing *s = ERR_PTR(-EAGAIN);
	struct offer *o;
	int i, err;

	if (seal.kek.class == ZKHSM_KEK_CLASS_UNSPEC)
		return ERR_PTR(zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_KEK,
					    "this HSM has no KEK: hsm-new would have had to name one"));
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return ERR_PTR(zkhsm_refuse_failure(extack, -ENOMEM));
	err = begin(o, req, extack);
	if (err) {
		offer_free(o);
		return ERR_PTR(err);
	}
	for (i = 0; i < ATTEMPTS && s == ERR_PTR(-EAGAIN); i++)
		s = seal_once(o);
	if (IS_ERR(s)) {
		offer_free(o);
		err = PTR_ERR(s);
		if (err == -EAGAIN)
			return ERR_PTR(zkhsm_refuse(extack, err, ZKHSM_REASON_LIST_MOVED,
						    "the keystore changed meanwhile, ask again"));
		return ERR_PTR(zkhsm_refuse_failure(extack, err));
	}
	offer_free(seal.offer);
	seal.offer = o;
	seal.all |= o->full;
	return s;
}

/**
 * zkhsm_seal() - seal what has changed
 * @req: or everything, or under a new KEK
 * @extack: of the request
 *
 * Return: the caller's, for zkhsm_sealing_free(); -ENOKEY (no KEK, or those of
 * zkhsm_kek_new()), -EAGAIN (the keystore does not hold still), -EINTR,
 * -ENOMEM, -EIO.
 */
struct zkhsm_sealing *zkhsm_seal(const struct zkhsm_seal_request *req,
				 struct netlink_ext_ack *extack)
{
	struct zkhsm_sealing *s;

	if (mutex_lock_killable(&zkhsm_seal_lock))
		return ERR_PTR(-EINTR);
	s = seal_locked(req, extack);
	mutex_unlock(&zkhsm_seal_lock);
	return s;
}

/* The TPM's counter follows what is stored, never the other way round. */
static int count_up(u64 to, struct netlink_ext_ack *extack)
{
	u64 now;
	int err;

	err = zkhsm_tpm_counter_read(seal.counter_index, &now, extack);
	while (!err && now < to) {
		err = zkhsm_tpm_counter_increment(seal.counter_index, &now, extack);
		cond_resched();
	}
	return err;
}

static void committed(struct offer *o)
{
	u32 i;

	down_write(&zkhsm_lock);
	for (i = 0; i < o->m.count; i++) {
		const struct entry *e = &o->m.entries[i];
		struct zkhsm_record *r = e->record;

		r->stored = !e->removed;
		r->offered = false;
		if (r->stored)
			memcpy(r->digest, r->fresh, sizeof(r->digest));
		zkhsm_record_committed(r, o->m.number);
	}
	zkhsm_record_head_committed(o->m.number);
	zkhsm_hsm_stored(o->sequence, o->kek.id);
	up_write(&zkhsm_lock);

	memcpy(seal.set, o->set, sizeof(seal.set));
	seal.records = o->records;
	seal.counter_stored = o->counter;
	seal.all = false;
	if (o->rekey)
		seal.kek = o->kek;
}

/**
 * zkhsm_seal_commit() - what was given out last is stored for good
 * @sequence: its number
 * @extack: of the request
 *
 * Return: 0; -ESTALE when it is not the last; -ENOKEY (no KEK); those of the
 * TPM, and then nothing is committed yet.
 */
int zkhsm_seal_commit(u64 sequence, struct netlink_ext_ack *extack)
{
	struct offer *o;
	int err = 0;

	if (mutex_lock_killable(&zkhsm_seal_lock))
		return -EINTR;
	o = seal.offer;
	if (seal.kek.class == ZKHSM_KEK_CLASS_UNSPEC)
		err = zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_KEK, "this HSM has no KEK");
	else if (!o || o->sequence != sequence)
		err = zkhsm_refuse(extack, -ESTALE, ZKHSM_REASON_SEQUENCE,
				   "this is not the sealing that was given out last");
	else if (seal.counter_index)
		err = count_up(o->counter, extack);
	if (!err) {
		committed(o);
		seal.offer = NULL;
		offer_free(o);
		trace_zkhsm_sealed(sequence, seal.records);
	}
	mutex_unlock(&zkhsm_seal_lock);
	return err;
}

/**
 * zkhsm_seal_check_counter() - whether a head is not of the past
 * @index: NV index
 * @counter: of the head
 * @extack: of the request
 *
 * Return: 0; -ESTALE when the TPM's counter has gone on since; -EBADMSG when it
 * is nowhere near; those of the TPM.
 */
int zkhsm_seal_check_counter(u32 index, u64 counter, struct netlink_ext_ack *extack)
{
	u64 now;
	int err;

	err = zkhsm_tpm_counter_check(index, extack);
	if (!err)
		err = zkhsm_tpm_counter_read(index, &now, extack);
	if (err)
		return err;
	if (counter < now)
		return zkhsm_refuse_fmt(extack, -ESTALE, ZKHSM_REASON_ROLLBACK,
					"this is a state from the past: the TPM's counter has gone on",
					"this state is of count %llu, the TPM's counter is at %llu",
					counter, now);
	if (counter - now > COUNTER_AHEAD)
		return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_ROLLBACK,
				    "the TPM's counter is far behind this state: another TPM?");
	return 0;
}

/**
 * zkhsm_seal_begin() - there is an HSM now whose state is sealed
 * @start: what is stored of it, if anything; @start->kek is copied
 * @extack: of the request
 *
 * With a counter that is behind @start it is brought up: that state is the
 * latest that was stored, whether or not it was committed.
 *
 * Return: 0, or those of the TPM.
 */
int zkhsm_seal_begin(const struct zkhsm_seal_start *start, struct netlink_ext_ack *extack)
{
	int err = 0;

	lockdep_assert_held(&zkhsm_seal_lock);

	seal.counter_index = start->counter_index;
	if (start->counter_index)
		err = count_up(start->counter, extack);
	if (!err && start->counter_index)
		err = zkhsm_tpm_counter_read(start->counter_index, &seal.counter, extack);
	if (err) {
		seal.counter_index = 0;
		return err;
	}
	seal.counter_stored = seal.counter;
	seal.kek = *start->kek;
	seal.sequence = start->sequence;
	seal.records = start->records;
	memcpy(seal.set, start->set, sizeof(seal.set));
	return 0;
}

/* At unload, before the records. */
void zkhsm_seal_exit(void)
{
	mutex_lock(&zkhsm_seal_lock);
	offer_free(seal.offer);
	seal.offer = NULL;
	zkhsm_kek_wipe(&seal.kek);
	mutex_unlock(&zkhsm_seal_lock);
}
