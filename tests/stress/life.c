// SPDX-License-Identifier: GPL-2.0
/*
 * Keys made, narrowed, revoked and destroyed, each by one thread, under the
 * feet of everybody else; and ids and secrets that several threads want at
 * once, of whom one may have them at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stress.h"

#define KEEPERS		2

/*
 * From before a key may be there until it is counted, or is not: whoever joins the
 * listeners meanwhile may miss its event, and finds it counted afterwards.
 */
static void creation_begins(struct worker *w)
{
	w->creating = true;
	atomic_fetch_add(&w->world->creating, 1);
}

static void creation_ends(struct worker *w)
{
	if (w->creating)
		atomic_fetch_sub(&w->world->creating, 1);
	w->creating = false;
}

static void created(struct worker *w)
{
	atomic_fetch_add(&w->world->created, 1);
	creation_ends(w);
}

/* Nobody who found the old key of this slot may change the new one in its name. */
static bool wait_for_stragglers(struct worker *w, struct record *old)
{
	while (old && (atomic_load(&old->inactive.phase) % 2 ||
		       atomic_load(&old->given.phase) % 2)) {
		if (unsettled(w))
			return false;
		breathe();
	}
	return true;
}

static void create(struct worker *w, unsigned int slot)
{
	struct nl_msg *msg;
	struct record *r, *old;
	const uint8_t *public, *element;
	int index;

	old = record_of(w->world, slot, &index);
	r = record_new(w->world, slot, &index);
	if (!r || !wait_for_stragglers(w, old)) {
		breathe();
		return;
	}
	msg = key_new_msg(&w->h, r->id);
	if (r->kind == KIND_OWNED || r->kind == KIND_QUIET)
		nla_put_u32(msg, ZKHSM_A_KEY_OWNER_UID, UID_OWNER);
	nlraw_do(&w->h.nl, msg, &w->h.a);
	if (!settled(w, "key-new"))
		return;
	judge(w, "key-new", !w->h.a.error);
	public = nlraw_bytes(&w->h.a, ZKHSM_A_KEY_PUBLIC, 65);
	element = nlraw_bytes(&w->h.a, ZKHSM_A_KEY_ELEMENT, 32);
	if (!check(public && element, "key-new gives no key"))
		return;
	memcpy(r->public, public, 65);
	memcpy(r->element, element, 32);
	created(w);
	flags_set(r, CREATED);
}

static void narrow(struct worker *w, struct record *r)
{
	flags_set(r, NARROWING);
	key_set_u32(&w->h, r->id, ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_SIGN);
	if (!settled(w, "key-set of usage"))
		return;
	judge(w, "key-set of usage", !w->h.a.error);
	flags_set(r, NARROWED);
}

static void destroy(struct worker *w, struct record *r, int index)
{
	flags_set(r, DELETING);
	key_del(&w->h, r->id);
	if (!settled(w, "key-del"))
		return;
	judge(w, "key-del", !w->h.a.error);
	doom_all(index);
	flags_set(r, DELETED);
	atomic_fetch_add(&w->world->deleted, 1);
	key_get(&w->h, r->id);
	if (settled(w, "key-get of what was deleted"))
		judge(w, "key-get of what was deleted", is(&w->h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY));
}

struct stopped {
	struct record *r;
	int index;
};

static void is_revoked(void *arg)
{
	struct stopped *s = arg;

	doom_all(s->index);
	flags_set(s->r, REVOKED);
}

static void revoke(struct worker *w, struct record *r, int index)
{
	struct stopped s = { r, index };
	uint32_t state;

	r->revoked_by = order_draw(w->world, 1);
	flags_set(r, REVOKING);
	if (!order_send(w, 1, ZKHSM_ORDER_TYPE_REVOKE, r->revoked_by, r->element, is_revoked, &s))
		return;
	key_get(&w->h, r->id);
	if (!settled(w, "key-get of what was revoked"))
		return;
	state = nlraw_u32(&w->h.a, ZKHSM_A_KEY_STATE);
	judge(w, "key-get of what was revoked",
	      !w->h.a.error && (state == ZKHSM_KEY_STATE_COMPROMISED ||
				state == ZKHSM_KEY_STATE_HELD));
}

/* One step in the life of one of this keeper's slots. */
void keep(struct worker *w)
{
	unsigned int group = pick(w, SLOTS / KINDS / KEEPERS) * KEEPERS + w->number;
	unsigned int slot = group * KINDS + pick(w, KINDS);
	struct record *r;
	unsigned int flags;
	int index;

	r = record_of(w->world, slot, &index);
	flags = r ? atomic_load(&r->flags) : 0;
	if (!r || flags & DELETED) {
		creation_begins(w);
		create(w, slot);
		creation_ends(w);
	} else if (!(flags & CREATED)) {
		breathe();		/* of no more room, or refused and told */
	} else if (!(flags & NARROWING) && !pick(w, 4)) {
		narrow(w, r);
	} else if (r->kind == KIND_QUIET) {
		breathe();
	} else if (r->kind == KIND_REVOKED && !(flags & REVOKING)) {
		revoke(w, r, index);
	} else {
		destroy(w, r, index);
	}
}

/* What one thread alone has now: it may use it, and must be able to delete it. */
static void use_and_delete(struct worker *w, const char *id, atomic_uint *holders,
			   struct toggle *tomb)
{
	const uint8_t *signature, *public;
	unsigned int before = 0, after = 0;
	uint8_t digest[32];

	created(w);
	check(!atomic_fetch_add(holders, 1), "%s: two have %s at once", w->role, id);
	pick_bytes(w, digest, sizeof(digest));
	if (tomb)
		before = atomic_load(&tomb->phase);
	key_sign(&w->h, id, digest);
	if (tomb)
		after = atomic_load(&tomb->phase);
	if (!settled(w, "key-sign by its maker"))
		return;
	judge(w, "key-sign by its maker",
	      w->h.a.error ? may_be_closed(before, after) && is(&w->h.a, EACCES, ZKHSM_REASON_HELD) :
			     may_be_open(before, after));
	signature = nlraw_bytes(&w->h.a, ZKHSM_A_KEY_SIGNATURE, 64);
	public = nlraw_bytes(&w->h.a, ZKHSM_A_KEY_PUBLIC, 65);
	if (!w->h.a.error)
		check(signature && public && ec_verify(public, digest, signature),
		      "a false signature by %s", id);
	atomic_fetch_sub(holders, 1);
	key_del(&w->h, id);
	if (!settled(w, "key-del by its maker"))
		return;
	judge(w, "key-del by its maker", !w->h.a.error);
	atomic_fetch_add(&w->world->deleted, 1);
}

static void take_id(struct worker *w)
{
	unsigned int i = pick(w, IDS);
	char id[16];

	snprintf(id, sizeof(id), "want-%u", i);
	creation_begins(w);
	key_new(&w->h, id);
	if (!settled(w, "key-new of a wanted id"))
		return;
	judge(w, "key-new of a wanted id",
	      !w->h.a.error || is(&w->h.a, EEXIST, ZKHSM_REASON_ID_EXISTS));
	if (!w->h.a.error)
		use_and_delete(w, id, &w->world->holders[i], NULL);
}

/* An id is a lock that key-new takes and key-del gives back. */
void want_id(struct worker *w)
{
	take_id(w);
	creation_ends(w);
}

static void take_scalar(struct worker *w)
{
	unsigned int i = pick(w, SCALARS), before, after;
	struct toggle *tomb = &w->world->tombs[i];
	int32_t serial = keyring_add("logon", scalars[i], 32);
	char id[16];

	if (!check(serial > 0, "add_key: %s", strerrorname_np(-serial)))
		return;
	snprintf(id, sizeof(id), "import-%u-%u", w->number, i);
	creation_begins(w);
	before = atomic_load(&tomb->phase);
	key_import_serial(&w->h, id, serial);
	after = atomic_load(&tomb->phase);
	keyring_drop(serial);
	if (!settled(w, "key-import"))
		return;
	if (w->h.a.error == EKEYREVOKED)
		judge(w, "key-import", w->h.a.reason == ZKHSM_REASON_REVOKED &&
		      may_be_closed(before, after));
	else
		judge(w, "key-import", w->h.a.error ?
		      is(&w->h.a, EEXIST, ZKHSM_REASON_ELEMENT_EXISTS) : may_be_open(before, after));
	if (!w->h.a.error)
		use_and_delete(w, id, &w->world->importers[i], tomb);
}

/* So is a secret, which lives once, whatever its id; and whose element may be stopped. */
void want_scalar(struct worker *w)
{
	take_scalar(w);
	creation_ends(w);
}
