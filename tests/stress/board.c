// SPDX-License-Identifier: GPL-2.0
/* What has been begun and acknowledged, and what follows from it. */
#include <stdio.h>
#include <string.h>

#include "stress.h"

struct board *board;

void board_init(void)
{
	unsigned int i, j;

	for (i = 0; i < WORLDS; i++)
		for (j = 0; j < SLOTS; j++)
			atomic_store(&board->worlds[i].slots[j], -1);
}

struct world *board_world(unsigned int epoch)
{
	return &board->worlds[epoch / 2];
}

struct record *record_of(struct world *w, unsigned int slot, int *index)
{
	*index = atomic_load(&w->slots[slot]);
	return *index < 0 ? NULL : &w->records[*index];
}

struct record *record_new(struct world *w, unsigned int slot, int *index)
{
	unsigned int n = atomic_fetch_add(&w->used, 1);
	struct record *r;

	if (n >= RECORDS)
		return NULL;
	r = &w->records[n];
	snprintf(r->id, sizeof(r->id), "s%02u", slot);
	r->kind = slot % KINDS;
	*index = (int)n;
	atomic_store(&w->slots[slot], *index);
	return r;
}

void flags_set(struct record *r, unsigned int flags)
{
	atomic_fetch_or(&r->flags, flags);
}

void number_raise(atomic_ullong *at, unsigned long long to)
{
	unsigned long long seen = atomic_load(at);

	while (seen < to && !atomic_compare_exchange_weak(at, &seen, to))
		;
}

bool toggle_take(struct toggle *t, unsigned int from)
{
	unsigned int seen = atomic_load(&t->phase);

	return seen % 4 == from && atomic_compare_exchange_strong(&t->phase, &seen, seen + 1);
}

/* On to the next phase of that kind; also back where it came from, a turn later. */
void toggle_leave(struct toggle *t, unsigned int to)
{
	unsigned int next = atomic_load(&t->phase) + 1;

	while (next % 4 != to)
		next++;
	atomic_store(&t->phase, next);
}

bool may_be_open(unsigned int before, unsigned int after)
{
	return before != after || before % 4 != CLOSED;
}

bool may_be_closed(unsigned int before, unsigned int after)
{
	return before != after || before % 4 != OPEN;
}

bool opened(unsigned int before, unsigned int after)
{
	while (before % 4 != CLOSED)
		before++;
	return after > before;
}

struct view look(struct record *r)
{
	struct view v;

	v.flags = atomic_load(&r->flags);
	v.inactive = atomic_load(&r->inactive.phase);
	v.given = atomic_load(&r->given.phase);
	/* In this order, so that the order is that of this phase or a later one. */
	v.held = atomic_load(&r->held.phase);
	v.held_by = atomic_load(&r->held.order);
	return v;
}

bool state_possible(const struct view *before, const struct view *after, uint32_t state)
{
	switch (state) {
	case ZKHSM_KEY_STATE_ACTIVE:
		return may_be_open(before->held, after->held) &&
		       may_be_open(before->inactive, after->inactive) &&
		       !(before->flags & REVOKED);
	case ZKHSM_KEY_STATE_DEACTIVATED:
		return may_be_open(before->held, after->held) &&
		       may_be_closed(before->inactive, after->inactive) &&
		       !(before->flags & REVOKED);
	/* Where it takes two to wipe, a revocation holds. */
	case ZKHSM_KEY_STATE_HELD:
		return may_be_closed(before->held, after->held) || after->flags & REVOKING;
	case ZKHSM_KEY_STATE_COMPROMISED:
		return after->flags & REVOKING;
	default:
		return false;
	}
}

bool view_must_be_there(const struct view *before, const struct view *after)
{
	return before->flags & CREATED && !(after->flags & DELETING);
}
