// SPDX-License-Identifier: GPL-2.0
/*
 * vote.c: quorums, who counts, what a release clears, and that nothing local
 * loosens what managers have stopped.
 */
#include <linux/slab.h>

#include "kunit.h"

#define SEED	0x607e5u

#define HOLD	ZKHSM_ORDER_TYPE_HOLD
#define REVOKE	ZKHSM_ORDER_TYPE_REVOKE
#define RELEASE	ZKHSM_ORDER_TYPE_RELEASE

#define ACTIVE		ZKHSM_KEY_STATE_ACTIVE
#define HELD		ZKHSM_KEY_STATE_HELD
#define COMPROMISED	ZKHSM_KEY_STATE_COMPROMISED

enum { MANAGERS = 3 };

struct fixture {
	struct test_manager *m[MANAGERS];
	struct zkhsm_key *key;
	struct zkhsm_scalar a;
	u8 pub[ZKHSM_POINT_LEN];
};

static int begin(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	static u32 seed = SEED;
	struct rnd_state rnd;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	stubs_reset(test);
	hsm_need(test);
	quorums_set(test, 2, 2, 3);
	random_begin(test, &rnd, seed++);
	for (i = 0; i < MANAGERS; i++)
		f->m[i] = manager_pin(test, &rnd);
	random_scalar(&rnd, &f->a, N);
	f->key = key_new(test, "voted", &f->a);
	memcpy(f->pub, f->key->pub, sizeof(f->pub));
	test->priv = f;
	return 0;
}

static void finish(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct zkhsm_manager_info info;
	u32 i;

	if (f && f->key)
		key_delete(test, f->key);
	for (i = 0; f && i < MANAGERS; i++)
		zkhsm_trust_del(f->m[i]->id, &info, NULL);
	stubs_restore(test);
}

/* The next order of manager @who about the key, and the state that it leads to. */
static void vote(struct kunit *test, u32 who, u8 type, enum zkhsm_key_state state)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, order_next(test, f->m[who], type, f->key), 0);
	KUNIT_EXPECT_EQ_MSG(test, f->key->state, state, "manager %u, type %u", who, type);
}

static u32 votes_on(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct zkhsm_element *e = element_of(f->pub);
	struct zkhsm_vote *v;
	u32 count = 0;

	if (!e)
		return 0;
	down_read(&zkhsm_lock);
	list_for_each_entry(v, &e->votes, node)
		count++;
	up_read(&zkhsm_lock);
	return count;
}

static void vote_quorums(struct kunit *test)
{
	struct fixture *f = test->priv;

	vote(test, 0, HOLD, ACTIVE);
	vote(test, 0, HOLD, ACTIVE);
	KUNIT_EXPECT_EQ(test, votes_on(test), 1u);
	vote(test, 1, HOLD, HELD);
	vote(test, 0, RELEASE, HELD);
	vote(test, 0, RELEASE, HELD);
	vote(test, 1, RELEASE, ACTIVE);
	KUNIT_EXPECT_EQ(test, votes_on(test), 0u);
	/* hold and revoke both stop; only revocations erase */
	vote(test, 0, REVOKE, ACTIVE);
	vote(test, 1, HOLD, HELD);
	vote(test, 2, REVOKE, HELD);
	KUNIT_EXPECT_NOT_NULL(test, f->key->live);
	vote(test, 1, REVOKE, COMPROMISED);
	KUNIT_EXPECT_NULL(test, f->key->live);
	/* what is erased does not come back */
	vote(test, 0, RELEASE, COMPROMISED);
	vote(test, 1, RELEASE, COMPROMISED);
	KUNIT_EXPECT_NULL(test, f->key->live);
}

/* Held out of any state, released into that state. */
static void vote_resumes(struct kunit *test)
{
	static const enum zkhsm_key_state states[] = {
		ZKHSM_KEY_STATE_PRE_ACTIVE, ZKHSM_KEY_STATE_DEACTIVATED, ZKHSM_KEY_STATE_ACTIVE,
	};
	struct fixture *f = test->priv;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		down_write(&zkhsm_lock);
		zkhsm_key_set_state(f->key, states[i]);
		up_write(&zkhsm_lock);
		vote(test, 0, HOLD, states[i]);
		vote(test, 1, HOLD, HELD);
		vote(test, 0, RELEASE, HELD);
		vote(test, 2, RELEASE, states[i]);
		KUNIT_EXPECT_EQ(test, f->key->reason, ZKHSM_REVOCATION_REASON_UNSPECIFIED);
	}
}

/* A release knows nothing of what is stopped after it. */
static void vote_newer_stop_sets_releases_aside(struct kunit *test)
{
	vote(test, 0, HOLD, ACTIVE);
	vote(test, 1, HOLD, HELD);
	vote(test, 0, RELEASE, HELD);
	vote(test, 2, HOLD, HELD);
	vote(test, 1, RELEASE, HELD);
	vote(test, 0, RELEASE, ACTIVE);
}

/* Unpinned, a manager still stops; it releases nothing. */
static void vote_of_unpinned(struct kunit *test)
{
	struct fixture *f = test->priv;

	vote(test, 0, HOLD, ACTIVE);
	manager_unpin(test, f->m[0]);
	vote(test, 1, HOLD, HELD);
	vote(test, 1, RELEASE, HELD);
	KUNIT_EXPECT_EQ(test, order_next(test, f->m[0], RELEASE, f->key), -ENOKEY);
	KUNIT_EXPECT_EQ(test, f->key->state, HELD);
	manager_unpin(test, f->m[1]);
	/* the release of the one that is gone does not make two */
	vote(test, 2, RELEASE, HELD);
}

/* Lower quorums act at once on the votes that are there, higher ones release nothing. */
static void vote_quorums_change(struct kunit *test)
{
	struct fixture *f = test->priv;

	vote(test, 0, REVOKE, ACTIVE);
	quorums_set(test, 2, 1, 3);
	KUNIT_EXPECT_EQ(test, f->key->state, HELD);
	quorums_set(test, 3, 3, 3);
	KUNIT_EXPECT_EQ(test, f->key->state, HELD);
	vote(test, 1, RELEASE, HELD);
	vote(test, 2, RELEASE, HELD);
	/* not by a lower quorum of releases either: only an order releases */
	quorums_set(test, 1, 3, 3);
	KUNIT_EXPECT_EQ(test, f->key->state, HELD);
	quorums_set(test, 1, 1, 1);
	KUNIT_EXPECT_EQ(test, f->key->state, COMPROMISED);
	KUNIT_EXPECT_NULL(test, f->key->live);
}

/* Fewer to erase than to stop would make the other number a lie. */
static void vote_quorums_refused(struct kunit *test)
{
	struct zkhsm_hsm_request req = { .stop = 3, .wipe = 2 };
	struct zkhsm_hsm_info *info = kzalloc(sizeof(*info), GFP_KERNEL);
	struct netlink_ext_ack extack = {};

	KUNIT_ASSERT_NOT_NULL(test, info);
	KUNIT_EXPECT_EQ(test, zkhsm_hsm_set(&req, info, &extack), -EINVAL);
	KUNIT_EXPECT_EQ(test, reason_of(&extack), (u32)ZKHSM_REASON_CONFIG);
	zkhsm_hsm_info_free(info);
	vote(test, 0, HOLD, ACTIVE);
	vote(test, 1, HOLD, HELD);
}

static int adopt(const u8 *pub)
{
	struct zkhsm_element *fresh = zkhsm_element_alloc(), *e;
	int err = zkhsm_element_name(pub, fresh->name);

	if (!err) {
		down_write(&zkhsm_lock);
		e = zkhsm_element_adopt(&fresh, ZKHSM_ROLE_KEY, NULL);
		err = PTR_ERR_OR_ZERO(e);
		if (!err)
			zkhsm_element_abandon(e);
		up_write(&zkhsm_lock);
	}
	zkhsm_element_free(fresh);
	return err;
}

/* Stopped and erased, then deleted: gone from every index but the managers' votes. */
static void vote_outlives_key(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct zkhsm_element *e;
	u8 name[ZKHSM_HASH_LEN];
	u32 i;

	for (i = 0; i < MANAGERS; i++)
		vote(test, i, REVOKE, i < 1 ? ACTIVE : i < 2 ? HELD : COMPROMISED);
	zkhsm_key_get(f->key);
	key_delete(test, f->key);
	KUNIT_EXPECT_EQ(test, kref_read(&f->key->ref), 1u);
	zkhsm_key_put(f->key);
	f->key = NULL;

	down_read(&zkhsm_lock);
	KUNIT_EXPECT_NULL(test, zkhsm_keystore_find("voted"));
	KUNIT_EXPECT_NULL(test, zkhsm_keystore_after(""));
	up_read(&zkhsm_lock);
	e = element_of(f->pub);
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_EXPECT_EQ(test, e->role, ZKHSM_ROLE_ABSENT);
	KUNIT_EXPECT_NULL(test, e->key);
	KUNIT_EXPECT_TRUE(test, e->stopped);
	KUNIT_EXPECT_EQ(test, votes_on(test), 3u);
	KUNIT_EXPECT_EQ(test, adopt(f->pub), -EKEYREVOKED);
	/* lower or higher quorums change nothing of that */
	quorums_set(test, 3, 3, 3);
	KUNIT_EXPECT_EQ(test, adopt(f->pub), -EKEYREVOKED);
	quorums_set(test, 2, 2, 3);

	/* released by a quorum it is forgotten, and may come again */
	KUNIT_ASSERT_EQ(test, zkhsm_element_name(f->pub, name), 0);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, adopt(f->pub), -EKEYREVOKED);
		KUNIT_EXPECT_EQ(test, order_send(test, f->m[i], RELEASE, f->m[i]->number + 1, name,
						 1, NULL), 0);
	}
	KUNIT_EXPECT_NULL(test, element_of(f->pub));
	KUNIT_EXPECT_EQ(test, adopt(f->pub), 0);
	KUNIT_EXPECT_NULL(test, element_of(f->pub));
}

/* On an element that is not here: it waits, is counted, and goes when it is released. */
static void vote_tombstones(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 name[2][ZKHSM_HASH_LEN] = { { 1 }, { 2 } };
	struct zkhsm_manager_info info;

	KUNIT_EXPECT_EQ(test, order_send(test, f->m[0], HOLD, 1, name[0], 2, NULL), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m[0]->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.tombstones, 2u);
	quorums_set(test, 1, 2, 3);
	KUNIT_EXPECT_EQ(test, order_send(test, f->m[1], RELEASE, 1, name[1], 1, NULL), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m[0]->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.tombstones, 1u);
	KUNIT_EXPECT_EQ(test, order_send(test, f->m[0], RELEASE, 2, name[0], 1, NULL), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m[0]->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.tombstones, 0u);
	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m[1]->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.tombstones, 0u);
}

/* An early hold that the others cleared stays cleared when its turn comes. */
static void vote_cleared_ahead_of_turn(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 name[ZKHSM_HASH_LEN], other[ZKHSM_HASH_LEN] = { 3 };

	KUNIT_ASSERT_EQ(test, zkhsm_element_name(f->pub, name), 0);
	quorums_set(test, 1, 1, 3);
	KUNIT_EXPECT_EQ(test, order_send(test, f->m[0], HOLD, 2, name, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, f->key->state, HELD);
	vote(test, 1, RELEASE, ACTIVE);
	KUNIT_EXPECT_EQ(test, votes_on(test), 1u);
	/* the carrier brings it again, early and then in turn */
	KUNIT_EXPECT_EQ(test, order_send(test, f->m[0], HOLD, 2, name, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, f->key->state, ACTIVE);
	KUNIT_EXPECT_EQ(test, order_send(test, f->m[0], RELEASE, 1, other, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, order_send(test, f->m[0], HOLD, 2, name, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, f->key->state, ACTIVE);
	KUNIT_EXPECT_EQ(test, votes_on(test), 0u);
	/* a later one is another word */
	KUNIT_EXPECT_EQ(test, order_send(test, f->m[0], HOLD, 3, name, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, f->key->state, HELD);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(vote_quorums),
	KUNIT_CASE(vote_resumes),
	KUNIT_CASE(vote_newer_stop_sets_releases_aside),
	KUNIT_CASE(vote_of_unpinned),
	KUNIT_CASE(vote_quorums_change),
	KUNIT_CASE(vote_quorums_refused),
	KUNIT_CASE(vote_outlives_key),
	KUNIT_CASE(vote_tombstones),
	KUNIT_CASE(vote_cleared_ahead_of_turn),
	{}
};

struct kunit_suite zkhsm_kunit_vote = {
	.name = "zkhsm-vote",
	.init = begin,
	.exit = finish,
	.test_cases = cases,
};
