// SPDX-License-Identifier: GPL-2.0
/*
 * What is to be sealed, as it was in one moment: copies, but for the secrets,
 * of which there are references.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "offer.h"

/* What a moment holds; it can be taken again. */
void zkhsm_moment_free(struct zkhsm_moment *m)
{
	u32 i;

	for (i = 0; i < m->count; i++)
		zkhsm_key_put(m->entries[i].key);
	kvfree(m->entries);
	kvfree(m->votes);
	kvfree(m->managers);
	memset(m, 0, sizeof(*m));
}

/* What an entry is called by, and who has that name now. */
static void name_entry(struct zkhsm_entry *e, const struct zkhsm_record *r)
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

static void read_key(struct zkhsm_entry *e, struct zkhsm_key *key)
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

static void read_votes(struct zkhsm_moment *m, struct zkhsm_entry *e,
		       const struct zkhsm_element *element)
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

static void read_record(struct zkhsm_moment *m, struct zkhsm_record *r)
{
	const struct zkhsm_element *element = container_of(r, struct zkhsm_element, record);
	struct zkhsm_entry *e = &m->entries[m->count++];

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
static void measure(struct zkhsm_moment *m, bool all)
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

static void read_all(struct zkhsm_moment *m)
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

static void read_moment(struct zkhsm_moment *m, bool all)
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
int zkhsm_moment_take(struct zkhsm_moment *m, bool all)
{
	struct zkhsm_moment now;

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
			zkhsm_moment_free(m);
			return -ENOMEM;
		}
		down_write(&zkhsm_lock);
		measure(&now, all);
		if (now.room <= m->room && now.vote_room <= m->vote_room &&
		    now.managers_room <= m->managers_room)
			break;
		up_write(&zkhsm_lock);
		zkhsm_moment_free(m);
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	read_moment(m, all);
	up_write(&zkhsm_lock);
	return 0;
}
