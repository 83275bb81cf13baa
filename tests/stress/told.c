// SPDX-License-Identifier: GPL-2.0
/*
 * What the listener wrote down, held against what was acknowledged: each
 * creation and deletion once, in that order, nothing about a key after its
 * deletion, and its last word must be how the key is.
 */
#include <stdlib.h>
#include <string.h>

#include "stress.h"

struct line {
	const struct told *t;
};

static int by_key(const void *a, const void *b)
{
	const struct told *x = ((const struct line *)a)->t, *y = ((const struct line *)b)->t;
	int d = memcmp(x->public, y->public, 65);

	return d ? d : (x > y) - (x < y);
}

struct story {
	unsigned int created, deleted, stopped, after_deletion, before_creation;
	uint32_t last_state;
};

static void tell(struct story *s, const struct told *t)
{
	s->after_deletion += s->deleted;
	s->before_creation += !s->created && t->event != ZKHSM_EVENT_CREATED;
	s->created += t->event == ZKHSM_EVENT_CREATED;
	s->deleted += t->event == ZKHSM_EVENT_DELETED;
	s->stopped += t->event == ZKHSM_EVENT_HELD || t->event == ZKHSM_EVENT_COMPROMISED;
	s->last_state = t->state;
}

/* Imported keys come again with the same public key; only those of the slots live once. */
static struct story story_of(const struct line *lines, unsigned int count,
			     const struct record *r)
{
	struct story s = { 0 };
	unsigned int low = 0, high = count;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (memcmp(lines[middle].t->public, r->public, 65) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < count && !memcmp(lines[low].t->public, r->public, 65); low++)
		tell(&s, lines[low].t);
	return s;
}

static void check_story(const struct record *r, const struct story *s)
{
	unsigned int flags = atomic_load(&r->flags);

	check(s->created == 1, "the creation of %s was told %u times", r->id, s->created);
	check(!s->before_creation, "%u events about %s before its creation", s->before_creation,
	      r->id);
	check(s->deleted == !!(flags & DELETED), "the deletion of %s was told %u times", r->id,
	      s->deleted);
	check(!s->after_deletion, "%u events about %s after its deletion", s->after_deletion,
	      r->id);
	check(!(flags & REVOKED) || s->stopped, "the revocation of %s was not told", r->id);
}

/* In the world that is still there the kernel can be asked. */
static void check_last_word(struct hsm *h, const struct record *r, const struct story *s)
{
	uint32_t state;

	key_get(h, r->id);
	if (h->a.error)		/* balance and deletions are checked elsewhere */
		return;
	state = nlraw_u32(&h->a, ZKHSM_A_KEY_STATE);
	check(s->last_state == state, "%s is in state %u, the last event said %u", r->id, state,
	      s->last_state);
}

static unsigned int check_world(struct hsm *h, struct world *w, bool last)
{
	unsigned int count = atomic_load(&w->told_count), used = atomic_load(&w->used), i, keys = 0;
	struct line *lines = calloc(count + 1, sizeof(*lines));

	require(lines, "no memory");
	for (i = 0; i < count; i++)
		lines[i].t = &w->told[i];
	qsort(lines, count, sizeof(*lines), by_key);
	for (i = 0; i < used && i < RECORDS; i++) {
		struct record *r = &w->records[i];
		unsigned int flags = atomic_load(&r->flags);
		struct story s;

		/* What the end of the world cut short was not acknowledged. */
		if (!(flags & CREATED) || (flags & DELETING && !(flags & DELETED)))
			continue;
		s = story_of(lines, count, r);
		check_story(r, &s);
		if (last && !(flags & DELETED))
			check_last_word(h, r, &s);
		keys++;
	}
	free(lines);
	return keys;
}

void world_told(struct hsm *h)
{
	unsigned int last = atomic_load(&board->epoch) / 2, i, keys = 0, overruns = 0;

	for (i = 1; i <= last; i++) {
		struct world *w = &board->worlds[i];

		if (atomic_load(&w->overrun))
			overruns++;
		else
			keys += check_world(h, w, i == last);
	}
	ktap_note("%u keys in %u worlds, %u of these overrun", keys, last, overruns);
	check(keys, "the listener missed something in every world");
}
