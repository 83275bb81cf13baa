// SPDX-License-Identifier: GPL-2.0
/*
 * lease.c: when a key works, by what its managers' leases say, how long they
 * live and what has changed since; and for how long evidence waits for them.
 */
#include <linux/slab.h>

#include "leases.h"

static enum zkhsm_lease_verdict verdict_of(struct kunit *test, u32 manager)
{
	struct leases *f = test->priv;
	struct zkhsm_key_leases *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);
	enum zkhsm_lease_verdict v = 0;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, l);
	down_read(&zkhsm_lock);
	zkhsm_lease_read_key(f->key, l);
	up_read(&zkhsm_lock);
	for (i = 0; i < l->count; i++)
		if (!memcmp(l->of[i].manager_id, f->m[manager]->id, ZKHSM_HASH_LEN))
			v = l->of[i].verdict;
	kunit_kfree(test, l);
	return v;
}

static void expect_tally(struct kunit *test, u32 needed, u32 granted, u64 until_ms)
{
	struct leases *f = test->priv;
	struct zkhsm_lease_tally t;

	down_read(&zkhsm_lock);
	zkhsm_lease_tally(f->key, &t);
	up_read(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, t.needed, needed);
	KUNIT_EXPECT_EQ(test, t.granted, granted);
	KUNIT_EXPECT_EQ(test, t.until_ms, until_ms);
}

/* One manager's words; the exceptions are found wherever they stand. */
static void lease_words(struct kunit *test)
{
	enum { ALLOW = ZKHSM_LEASE_VERDICT_GRANT, DENY = ZKHSM_LEASE_VERDICT_DENY };
	struct leases *f = test->priv;
	static const struct {
		const char *what;
		u32 verdict;
		u8 before;
		u8 behind;
		bool named;
		u32 reason;
	} cases[] = {
		{ "grants all", ALLOW, 0, 0, false, 0 },
		{ "denies all", DENY, 0, 0, false, ZKHSM_REASON_LEASE_DENIED },
		{ "grants all but this", ALLOW, 0, 0, true, ZKHSM_REASON_LEASE_DENIED },
		{ "grants this alone", DENY, 0, 0, true, 0 },
		{ "grants all but others", ALLOW, 3, 4, false, 0 },
		{ "grants others alone", DENY, 3, 4, false, ZKHSM_REASON_LEASE_DENIED },
		{ "all but the first", ALLOW, 0, 5, true, ZKHSM_REASON_LEASE_DENIED },
		{ "all but the last", ALLOW, 5, 0, true, ZKHSM_REASON_LEASE_DENIED },
		{ "the one in the middle", DENY, 5, 5, true, 0 },
	};
	u8 names[16][ZKHSM_HASH_LEN];
	u32 i, j;

	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_NO_LEASE);
	KUNIT_EXPECT_EQ(test, verdict_of(test, 0), ZKHSM_LEASE_VERDICT_NONE);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct zkhsm_order o = { .verdict = cases[i].verdict, .elements = names[0] };

		/* Names that differ from the key's in their last byte or two alone. */
		for (j = 0; j < cases[i].before; j++) {
			memcpy(names[o.count], f->name, ZKHSM_HASH_LEN - 2);
			put_unaligned_be16(j, names[o.count++] + ZKHSM_HASH_LEN - 2);
		}
		if (cases[i].named)
			memcpy(names[o.count++], f->name, ZKHSM_HASH_LEN);
		for (j = 0; j < cases[i].behind; j++) {
			memcpy(names[o.count], f->name, ZKHSM_HASH_LEN - 2);
			put_unaligned_be16(0xff00 + j, names[o.count++] + ZKHSM_HASH_LEN - 2);
		}
		evidence_given(test, 1 + i, false);
		KUNIT_EXPECT_EQ_MSG(test, lease_send(test, f->m[0], 1 + i, o, NULL), 0, "%s",
				    cases[i].what);
		KUNIT_EXPECT_EQ_MSG(test, lease_says(test, NULL), cases[i].reason, "%s",
				    cases[i].what);
		KUNIT_EXPECT_EQ_MSG(test, verdict_of(test, 0) == ZKHSM_LEASE_VERDICT_DENY,
				    !!cases[i].reason, "%s", cases[i].what);
	}
}

/* To the millisecond, from when the nonce was made and not when the lease came. */
static void lease_life(struct kunit *test)
{
	struct leases *f = test->priv;

	evidence_given(test, 1, false);
	clock_set(test, f->since + 500);
	lease_grant(test, f->m[0], 1, 2000);
	expect_tally(test, 1, 1, f->since + 2000);
	clock_set(test, f->since + 1999);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
	clock_set(test, f->since + 2000);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_EXPIRED);
	KUNIT_EXPECT_EQ(test, verdict_of(test, 0), ZKHSM_LEASE_VERDICT_EXPIRED);
	expect_tally(test, 1, 0, 0);

	/* max-ttl-ms can make it shorter, for good. */
	evidence_given(test, 2, false);
	lease_grant(test, f->m[0], 2, HOUR_MS);
	leases_set(test, 1, 0, HOUR_MS);
	expect_tally(test, 1, 1, f->since + 2000 + HOUR_MS);
	leases_set(test, 1, 0, 5000);
	expect_tally(test, 1, 1, f->since + 2000 + 5000);
	leases_set(test, 1, 0, 2 * HOUR_MS);
	expect_tally(test, 1, 1, f->since + 2000 + 5000);
	clock_set(test, f->since + 7000);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_EXPIRED);
}

/* How long a key goes on behind the end of a lease, for each length of that. */
static void lease_grace(struct kunit *test)
{
	struct leases *f = test->priv;
	static const u64 graces[] = { 1, 1000, HOUR_MS };
	u64 end = f->since + 2000;
	bool unleased;
	u32 i;

	evidence_given(test, 1, false);
	lease_grant(test, f->m[0], 1, 2000);
	for (i = 0; i < ARRAY_SIZE(graces); i++) {
		leases_set(test, 1, graces[i], HOUR_MS);
		clock_set(test, end - 1);
		KUNIT_EXPECT_EQ(test, lease_says(test, &unleased), 0u);
		KUNIT_EXPECT_FALSE(test, unleased);
		expect_tally(test, 1, 1, end + graces[i]);
		clock_set(test, end + graces[i] - 1);
		KUNIT_EXPECT_EQ(test, lease_says(test, &unleased), 0u);
		KUNIT_EXPECT_TRUE(test, unleased);
		expect_tally(test, 1, 0, end + graces[i]);
		clock_set(test, end + graces[i]);
		KUNIT_EXPECT_EQ(test, lease_says(test, &unleased),
				(u32)ZKHSM_REASON_LEASE_EXPIRED);
		KUNIT_EXPECT_FALSE(test, unleased);
		expect_tally(test, 1, 0, 0);
	}
	leases_set(test, 1, 0, HOUR_MS);
	clock_set(test, end);
	KUNIT_EXPECT_EQ(test, lease_says(test, &unleased), (u32)ZKHSM_REASON_LEASE_EXPIRED);
}

/* The highest is not the longest: it reports. The one below must not wrap around. */
static void lease_grace_highest(struct kunit *test)
{
	struct leases *f = test->priv;
	bool unleased;

	leases_set(test, 1, U64_MAX, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, &unleased), 0u);
	KUNIT_EXPECT_TRUE(test, unleased);
	expect_tally(test, 1, 0, U64_MAX);
	evidence_given(test, 1, false);
	lease_deny(test, f->m[0], 1);
	KUNIT_EXPECT_EQ(test, lease_says(test, &unleased), 0u);
	KUNIT_EXPECT_TRUE(test, unleased);
	KUNIT_EXPECT_EQ(test, verdict_of(test, 0), ZKHSM_LEASE_VERDICT_DENY);

	leases_set(test, 1, U64_MAX - 1, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, &unleased), (u32)ZKHSM_REASON_LEASE_DENIED);
	evidence_given(test, 2, false);
	lease_grant(test, f->m[0], 2, 2000);
	expect_tally(test, 1, 1, U64_MAX - 1);
	clock_set(test, f->since + 2000);
	KUNIT_EXPECT_EQ(test, lease_says(test, &unleased), 0u);
	KUNIT_EXPECT_TRUE(test, unleased);
	expect_tally(test, 1, 0, U64_MAX - 1);
}

/* Grace is for what has ended, not for what nobody says or somebody took back. */
static void lease_grace_of_grants_alone(struct kunit *test)
{
	struct leases *f = test->priv;

	leases_set(test, 1, 2 * HOUR_MS, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_NO_LEASE);
	evidence_given(test, 1, false);
	lease_grant(test, f->m[0], 1, 2000);
	clock_set(test, f->since + 3000);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);

	down_write(&zkhsm_lock);
	zkhsm_key_changed(f->key);
	up_write(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_CHANGED);
	expect_tally(test, 1, 0, 0);

	evidence_given(test, 2, false);
	lease_deny(test, f->m[0], 2);
	clock_set(test, f->since + 3000 + HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_DENIED);
	KUNIT_EXPECT_EQ(test, verdict_of(test, 0), ZKHSM_LEASE_VERDICT_DENY);
}

/* k of three; the end is the k-th latest, and what is denied has none. */
static void lease_quorum(struct kunit *test)
{
	struct leases *f = test->priv;
	u64 since = f->since;
	u32 i, k;

	evidence_given(test, 1, false);
	for (i = 0; i < MANAGERS; i++) {
		for (k = 1; k <= MANAGERS; k++) {
			leases_set(test, k, 0, HOUR_MS);
			KUNIT_EXPECT_EQ(test, lease_says(test, NULL), k <= i ? 0u : i ?
					(u32)ZKHSM_REASON_LEASE_QUORUM :
					(u32)ZKHSM_REASON_NO_LEASE);
		}
		/* In another order than that of their ids */
		lease_grant(test, f->m[(i + 1) % MANAGERS], 1, 1000 * (1 + i));
	}
	for (k = 1; k <= MANAGERS; k++) {
		leases_set(test, k, 0, HOUR_MS);
		expect_tally(test, k, 3, since + 1000 * (4 - k));
	}
	/* More than there are: never. */
	leases_set(test, 4, 0, HOUR_MS);
	expect_tally(test, 4, 3, 0);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_QUORUM);

	leases_set(test, 2, 0, HOUR_MS);
	clock_set(test, since + 1999);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
	expect_tally(test, 2, 2, since + 2000);
	clock_set(test, since + 2000);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_EXPIRED);
	/* Some that grant and some that did are enough together, for as long as grace is. */
	leases_set(test, 2, 500, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
	expect_tally(test, 2, 1, since + 2500);
	clock_set(test, since + 2500);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_EXPIRED);

	/* One that denies stops nobody else. */
	evidence_given(test, 2, false);
	lease_deny(test, f->m[0], 2);
	lease_grant(test, f->m[1], 2, 1000);
	lease_grant(test, f->m[2], 2, 3000);
	leases_set(test, 2, 0, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
	expect_tally(test, 2, 2, since + 3500);
	leases_set(test, 3, 0, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_DENIED);
	expect_tally(test, 3, 2, 0);
}

static void set_state(struct leases *f, enum zkhsm_key_state state)
{
	down_write(&zkhsm_lock);
	zkhsm_key_set_state(f->key, state);
	up_write(&zkhsm_lock);
}

/* What L says of the key; that it becomes active was granted. */
static void lease_changed(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_scalar a;

	set_state(f, ZKHSM_KEY_STATE_PRE_ACTIVE);
	evidence_given(test, 1, false);
	lease_grant(test, f->m[0], 1, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
	set_state(f, ZKHSM_KEY_STATE_ACTIVE);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
	set_state(f, ZKHSM_KEY_STATE_HELD);
	set_state(f, ZKHSM_KEY_STATE_ACTIVE);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_CHANGED);
	KUNIT_EXPECT_EQ(test, verdict_of(test, 0), ZKHSM_LEASE_VERDICT_CHANGED);
	expect_tally(test, 1, 0, 0);
	evidence_given(test, 2, false);
	lease_grant(test, f->m[0], 2, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);

	/* Gone and come back, the same element even: nobody has seen it come. */
	random_scalar(&f->rnd, &a, N);
	key_delete(test, f->key);
	f->key = key_new(test, "leased", &a);
	f->key->flags = ZKHSM_KEY_FLAG_LEASE_REQUIRED;
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_CHANGED);
}

/* At the moment when the answer is released, too; uses that no lease grants are counted. */
static void lease_uses(struct kunit *test)
{
	struct leases *f = test->priv;
	struct netlink_ext_ack extack = {};
	u32 sign = ZKHSM_KEY_USAGE_SIGN;

	KUNIT_EXPECT_EQ(test, key_try_use(f->key, sign, &extack), -EKEYEXPIRED);
	KUNIT_EXPECT_EQ(test, reason_of(&extack), (u32)ZKHSM_REASON_NO_LEASE);
	evidence_given(test, 1, false);
	lease_grant(test, f->m[0], 1, 2000);
	KUNIT_EXPECT_EQ(test, key_try_use(f->key, sign, NULL), 0);
	KUNIT_EXPECT_EQ(test, key_try_release(f->key, sign, NULL), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->key->unleased_uses), 0LL);
	KUNIT_EXPECT_EQ(test, key_try_use(f->key, sign, NULL), 0);
	clock_set(test, f->since + 2000);
	KUNIT_EXPECT_EQ(test, key_try_release(f->key, sign, &extack), -EKEYEXPIRED);
	KUNIT_EXPECT_EQ(test, reason_of(&extack), (u32)ZKHSM_REASON_LEASE_EXPIRED);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->key->uses), 1LL);

	leases_set(test, 1, 1000, HOUR_MS);
	KUNIT_EXPECT_EQ(test, key_try_release(f->key, sign, NULL), 0);
	KUNIT_EXPECT_EQ(test, key_try_release(f->key, sign, NULL), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->key->unleased_uses), 2LL);
	KUNIT_EXPECT_TRUE(test, test_bit(0, &f->key->unleased_told));
	evidence_given(test, 2, false);
	lease_grant(test, f->m[0], 2, 2000);
	KUNIT_EXPECT_EQ(test, key_try_release(f->key, sign, NULL), 0);
	KUNIT_EXPECT_FALSE(test, test_bit(0, &f->key->unleased_told));
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->key->uses), 4LL);
	KUNIT_EXPECT_EQ(test, atomic64_read(&f->key->unleased_uses), 2LL);
}

/* A key that requires none has none, and one that is gone. */
static void lease_not_required(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_key *key = f->key;
	bool unleased;

	key->flags = 0;
	KUNIT_EXPECT_EQ(test, lease_says(test, &unleased), 0u);
	KUNIT_EXPECT_FALSE(test, unleased);
	expect_tally(test, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, verdict_of(test, 0), 0);
	key->flags = ZKHSM_KEY_FLAG_LEASE_REQUIRED;
	zkhsm_key_get(key);
	key_delete(test, key);
	expect_tally(test, 0, 0, 0);
	f->key = NULL;
	zkhsm_key_put(key);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lease_words),
	KUNIT_CASE(lease_life),
	KUNIT_CASE(lease_grace),
	KUNIT_CASE(lease_grace_highest),
	KUNIT_CASE(lease_grace_of_grants_alone),
	KUNIT_CASE(lease_quorum),
	KUNIT_CASE(lease_changed),
	KUNIT_CASE(lease_uses),
	KUNIT_CASE(lease_not_required),
	{}
};

struct kunit_suite zkhsm_kunit_lease = {
	.name = "zkhsm-lease",
	.init = leases_begin,
	.exit = leases_finish,
	.test_cases = cases,
};
