// SPDX-License-Identifier: GPL-2.0
/*
 * record.c: what waits to be stored, and for how long. Every order of changes,
 * sealings, commits and the end of a key, up to a length, against a model.
 */
#include <linux/slab.h>

#include "kunit.h"

#define STEPS	6

enum step { CHANGE, SEAL, COMMIT, GO, STEP_KINDS };

/* What seal.c does with one record, of a key or of votes. */
struct walk {
	struct zkhsm_record *r;
	u64 moment;
	bool offer, offer_removed, offer_has_it;
};

struct model {
	u32 changes, sealed, committed;
	bool gone, was_sealed;
};

static int begin(struct kunit *test)
{
	down_write(&zkhsm_lock);
	zkhsm_record_enable();
	zkhsm_record_head_committed(zkhsm_record_moment());
	up_write(&zkhsm_lock);
	return 0;
}

/* And nothing waits in what the other suites do. */
static void finish(struct kunit *test)
{
	zkhsm_record_exit();
}

static void seal(struct walk *w)
{
	struct zkhsm_record *r;

	w->moment = zkhsm_record_moment();
	w->offer = true;
	w->offer_has_it = false;
	list_for_each_entry(r, &zkhsm_records_waiting, waiting) {
		w->offer_has_it = true;
		w->offer_removed = r->gone;
		r->offered = true;
	}
}

static void commit(struct walk *w)
{
	if (!w->offer)
		return;
	w->offer = false;
	if (w->offer_has_it) {
		w->r->stored = !w->offer_removed;
		w->r->offered = false;
		zkhsm_record_committed(w->r, w->moment);
	}
	zkhsm_record_head_committed(w->moment);
}

static bool model_waits(const struct model *m)
{
	return m->changes > m->committed && (!m->gone || m->was_sealed);
}

/* One order of steps on one key. The last step of @code that matters may be its end. */
static void walk_key(struct kunit *test, u32 code)
{
	struct zkhsm_key *key = zkhsm_key_alloc("walked");
	struct walk w = {};
	struct model m = { .changes = 1 };
	u32 i, offered_changes = 0;
	bool offered = false;

	KUNIT_ASSERT_NOT_NULL(test, key);
	w.r = &key->record;
	zkhsm_record_changed(w.r);
	for (i = 0; i < STEPS; i++, code /= STEP_KINDS) {
		switch (code % STEP_KINDS) {
		case CHANGE:
			if (m.gone)
				break;
			m.changes++;
			zkhsm_record_changed(w.r);
			break;
		case SEAL:
			m.was_sealed |= model_waits(&m);
			offered = true;
			offered_changes = m.changes;
			seal(&w);
			break;
		case COMMIT:
			if (offered)
				m.committed = offered_changes;
			offered = false;
			commit(&w);
			break;
		case GO:
			if (m.gone)
				break;
			m.gone = true;
			m.changes++;
			KUNIT_EXPECT_EQ(test, zkhsm_record_gone(w.r), m.was_sealed);
			break;
		}
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_record_waiting(), model_waits(&m) ? 1u : 0u,
				    "after step %u", i);
		KUNIT_EXPECT_EQ_MSG(test, list_empty(&w.r->waiting), !model_waits(&m),
				    "after step %u", i);
		/* What waits is held, and nothing else. */
		KUNIT_EXPECT_EQ_MSG(test, kref_read(&key->ref), model_waits(&m) ? 2u : 1u,
				    "after step %u", i);
	}
	if (model_waits(&m)) {
		seal(&w);
		commit(&w);
	}
	KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), 0u);
	zkhsm_key_put(key);
}

static void record_key(struct kunit *test)
{
	u32 code, all = 1, i;

	for (i = 0; i < STEPS; i++)
		all *= STEP_KINDS;
	for (code = 0; code < all; code++) {
		down_write(&zkhsm_lock);
		walk_key(test, code);
		up_write(&zkhsm_lock);
		cond_resched();
	}
}

/* Votes: an element that goes while the store may have them is the list's, which frees it. */
static void record_votes(struct kunit *test)
{
	struct walk w = {};
	struct zkhsm_element *e;
	u32 round;

	for (round = 0; round < 3; round++) {
		e = zkhsm_element_alloc();
		KUNIT_ASSERT_NOT_NULL(test, e);
		w.r = &e->record;
		down_write(&zkhsm_lock);
		zkhsm_record_changed(w.r);
		KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), 1u);
		if (round >= 1)
			seal(&w);
		if (round >= 2)
			commit(&w);
		KUNIT_EXPECT_EQ(test, zkhsm_record_gone(w.r), round >= 1);
		KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), round >= 1 ? 1u : 0u);
		if (round >= 1) {
			seal(&w);
			commit(&w);
		} else {
			zkhsm_element_free(e);
		}
		KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), 0u);
		up_write(&zkhsm_lock);
	}
}

/* The head waits for itself, and each record for itself. */
static void record_head(struct kunit *test)
{
	struct zkhsm_key *a = zkhsm_key_alloc("a"), *b = zkhsm_key_alloc("b");
	u64 moment;

	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	down_write(&zkhsm_lock);
	zkhsm_record_head_changed();
	KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), 1u);
	zkhsm_record_changed(&a->record);
	zkhsm_record_changed(&b->record);
	zkhsm_record_changed(&a->record);
	KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), 3u);
	/* In the order of the last changes. */
	KUNIT_EXPECT_PTR_EQ(test, list_first_entry(&zkhsm_records_waiting, struct zkhsm_record,
						   waiting), &b->record);
	moment = zkhsm_record_moment();
	zkhsm_record_head_changed();
	zkhsm_record_changed(&b->record);
	zkhsm_record_committed(&a->record, moment);
	zkhsm_record_committed(&b->record, moment);
	zkhsm_record_head_committed(moment);
	KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), 2u);
	moment = zkhsm_record_moment();
	zkhsm_record_committed(&b->record, moment);
	zkhsm_record_head_committed(moment);
	KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), 0u);
	up_write(&zkhsm_lock);
	zkhsm_key_put(a);
	zkhsm_key_put(b);
}

/* Where nothing is sealed nothing waits; at the end nothing is kept. */
static void record_disabled(struct kunit *test)
{
	struct zkhsm_key *key = zkhsm_key_alloc("a");

	KUNIT_ASSERT_NOT_NULL(test, key);
	down_write(&zkhsm_lock);
	zkhsm_record_changed(&key->record);
	KUNIT_EXPECT_EQ(test, kref_read(&key->ref), 2u);
	up_write(&zkhsm_lock);
	zkhsm_record_exit();
	KUNIT_EXPECT_EQ(test, kref_read(&key->ref), 1u);
	down_write(&zkhsm_lock);
	zkhsm_record_changed(&key->record);
	zkhsm_record_head_changed();
	KUNIT_EXPECT_EQ(test, zkhsm_record_waiting(), 0u);
	KUNIT_EXPECT_FALSE(test, zkhsm_record_gone(&key->record));
	up_write(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, kref_read(&key->ref), 1u);
	zkhsm_key_put(key);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(record_key),
	KUNIT_CASE(record_votes),
	KUNIT_CASE(record_head),
	KUNIT_CASE(record_disabled),
	{}
};

struct kunit_suite zkhsm_kunit_record = {
	.name = "zkhsm-record",
	.init = begin,
	.exit = finish,
	.test_cases = cases,
};
