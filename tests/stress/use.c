// SPDX-License-Identifier: GPL-2.0
/* Keys used by their owners, while others switch, hold, revoke and delete them. */
#include <errno.h>
#include <string.h>

#include "stress.h"

#define PROVE		1
#define USER		"stress"

/* Which answers the two looks at the board leave. */
static bool refusal_allowed(const struct nlraw_answer *a, const struct view *before,
			    const struct view *after, bool prove)
{
	switch (a->reason) {
	case ZKHSM_REASON_NO_SUCH_KEY:
		return a->error == ENOKEY &&
		       (!(before->flags & CREATED) || after->flags & DELETING);
	case ZKHSM_REASON_REVOKED:
		return a->error == EKEYREVOKED && after->flags & REVOKING;
	case ZKHSM_REASON_HELD:
		return a->error == EACCES && state_possible(before, after, ZKHSM_KEY_STATE_HELD);
	case ZKHSM_REASON_STATE:
		return a->error == EACCES && may_be_closed(before->inactive, after->inactive);
	case ZKHSM_REASON_USAGE:
		return a->error == EACCES && prove && after->flags & NARROWING;
	case ZKHSM_REASON_NOT_OWNER:
		return a->error == EACCES && may_be_closed(before->given, after->given);
	default:
		return false;
	}
}

static bool success_allowed(const struct view *before, const struct view *after, bool prove)
{
	return !(before->flags & DELETED) &&
	       state_possible(before, after, ZKHSM_KEY_STATE_ACTIVE) &&
	       may_be_open(before->given, after->given) &&
	       !(prove && before->flags & NARROWED);
}

/* The slot had another key in it meanwhile: only what no key may ever say is wrong. */
static bool possible_at_all(const struct nlraw_answer *a, const struct record *r,
			    const struct view *before, bool prove)
{
	const uint8_t *public = nlraw_bytes(a, prove ? ZKHSM_A_PROOF_PUBLIC : ZKHSM_A_KEY_PUBLIC,
					    65);

	if (a->error)
		return a->error == ENOKEY || a->error == EKEYREVOKED || a->error == EACCES;
	return !(before->flags & (REVOKED | DELETED)) || !public || memcmp(public, r->public, 65);
}

/* By OpenSSL, under the key that the answer names. */
static void verify(const struct nlraw_answer *a, bool prove, const uint8_t digest[32],
		   const struct record *r, bool known)
{
	const uint8_t *public = nlraw_bytes(a, prove ? ZKHSM_A_PROOF_PUBLIC : ZKHSM_A_KEY_PUBLIC,
					    65);
	const uint8_t *answer = prove ? nlraw_bytes(a, ZKHSM_A_PROOF_PROOF, 97) :
					nlraw_bytes(a, ZKHSM_A_KEY_SIGNATURE, 64);

	if (!check(public && answer, "an answer without signature, proof or key"))
		return;
	if (known)
		check(!memcmp(public, r->public, 65), "%s answers with another key", r->id);
	if (prove)
		check(ec_proof_holds(public, USER, strlen(USER), digest, 32, answer),
		      "a false proof by %s", r->id);
	else
		check(ec_verify(public, digest, answer), "a false signature by %s", r->id);
}

static struct nl_msg *use_msg(struct worker *w, const char *id, bool prove,
			      const uint8_t digest[32])
{
	struct nl_msg *msg = id_msg(&w->h, prove ? ZKHSM_CMD_PROOF_GET : ZKHSM_CMD_KEY_SIGN, id);

	if (prove) {
		nla_put(msg, ZKHSM_A_PROOF_USER_ID, (int)strlen(USER), USER);
		nla_put(msg, ZKHSM_A_PROOF_OTHER_INFO, 32, digest);
	} else {
		nla_put(msg, ZKHSM_A_KEY_DIGEST, 32, digest);
	}
	return msg;
}

/* A success that the acknowledgment of a stop had come before. */
static bool is_late(const struct view *before, const struct view *after, unsigned int stopped)
{
	return stopped & DOOMED || before->flags & (REVOKED | DELETED) ||
	       (stopped & STOPPED && !opened(before->held, after->held) &&
		!opened(before->inactive, after->inactive));
}

static void use(struct worker *w, struct record *r, unsigned int slot, int index, bool prove)
{
	const char *what = prove ? "proof-get" : "key-sign";
	struct view before = look(r), after;
	uint8_t digest[32];
	unsigned int stopped;
	bool same;
	int now;

	pick_bytes(w, digest, sizeof(digest));
	flight_send(w, index, use_msg(w, r->id, prove, digest));
	stopped = flight_receive(w);
	same = record_of(w->world, slot, &now) == r;
	after = look(r);
	if (!w->h.a.error)
		verify(&w->h.a, prove, digest, r, same && after.flags & CREATED && !unsettled(w));
	if (!settled(w, what))
		return;
	if (!same)
		judge(w, what, possible_at_all(&w->h.a, r, &before, prove));
	else if (w->h.a.error)
		judge(w, what, refusal_allowed(&w->h.a, &before, &after, prove));
	else
		judge(w, what, success_allowed(&before, &after, prove));
	if (!w->h.a.error && same && is_late(&before, &after, stopped)) {
		atomic_fetch_add(&board->late, 1);
		check(false, "%s by %s got out after its stop had been acknowledged", what, r->id);
	}
}

static void get(struct worker *w, struct record *r, unsigned int slot)
{
	struct view before = look(r), after;
	bool same;
	int now;

	key_get(&w->h, r->id);
	same = record_of(w->world, slot, &now) == r;
	after = look(r);
	if (!settled(w, "key-get"))
		return;
	if (!same)
		judge(w, "key-get", !w->h.a.error || possible_at_all(&w->h.a, r, &before, false));
	else if (w->h.a.error)
		judge(w, "key-get", (w->h.a.reason == ZKHSM_REASON_NO_SUCH_KEY ||
				     w->h.a.reason == ZKHSM_REASON_NOT_OWNER) &&
		      refusal_allowed(&w->h.a, &before, &after, false));
	else
		judge(w, "key-get", !(before.flags & DELETED) &&
		      state_possible(&before, &after, nlraw_u32(&w->h.a, ZKHSM_A_KEY_STATE)));
}

static void use_one_of(struct worker *w, enum kind kind)
{
	unsigned int slot = pick(w, SLOTS / KINDS) * KINDS + kind;
	struct record *r;
	int index;

	r = record_of(w->world, slot, &index);
	if (!r)
		breathe();
	else if (!pick(w, 5))
		get(w, r, slot);
	else
		use(w, r, slot, index, pick(w, 2) == PROVE);
}

void use_root(struct worker *w)
{
	use_one_of(w, pick(w, 2) ? KIND_REVOKED : KIND_HELD);
}

void use_owned(struct worker *w)
{
	use_one_of(w, pick(w, 2) ? KIND_OWNED : KIND_QUIET);
}

/*
 * A key-set that closes or opens @t of a key. Its slot must still be this
 * key's once @t has been taken: see wait_for_stragglers().
 */
static void flip(struct worker *w, unsigned int slot, bool given, int attr, uint32_t open,
		 uint32_t closed)
{
	struct view before, after;
	struct record *r;
	struct toggle *t;
	unsigned int from;
	int index, now;

	r = record_of(w->world, slot, &index);
	if (!r || !(atomic_load(&r->flags) & CREATED)) {
		breathe();
		return;
	}
	t = given ? &r->given : &r->inactive;
	before = look(r);
	from = toggle_take(t, OPEN) ? OPEN : CLOSED;
	if (from == CLOSED && !toggle_take(t, CLOSED)) {
		breathe();
		return;
	}
	if (record_of(w->world, slot, &now) != r) {
		toggle_leave(t, from);
		return;
	}
	key_set_u32(&w->h, r->id, attr, from == OPEN ? closed : open);
	after = look(r);
	if (!settled(w, "key-set"))
		return;
	if (!w->h.a.error && from == OPEN)
		hold_all(index);
	toggle_leave(t, w->h.a.error ? from : from == OPEN ? CLOSED : OPEN);
	if (!w->h.a.error)
		judge(w, "key-set", !(before.flags & DELETED) &&
		      (given || may_be_open(before.given, after.given)));
	else
		judge(w, "key-set", is(&w->h.a, EAGAIN, ZKHSM_REASON_RATE) ? !given :
		      w->h.a.reason != ZKHSM_REASON_STATE &&
		      refusal_allowed(&w->h.a, &before, &after, false));
}

/* By the owner, who is asked to wait while evidence is made. */
void switch_owned(struct worker *w)
{
	flip(w, pick(w, SLOTS / KINDS) * KINDS + (pick(w, 2) ? KIND_OWNED : KIND_QUIET), false,
	     ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE, ZKHSM_KEY_STATE_DEACTIVATED);
}

/* By an administrator: to another user, and back. */
void give_owned(struct worker *w)
{
	flip(w, pick(w, SLOTS / KINDS) * KINDS + KIND_OWNED, true, ZKHSM_A_KEY_OWNER_UID, UID_OWNER,
	     UID_OTHER);
}
