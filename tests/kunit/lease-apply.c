// SPDX-License-Identifier: GPL-2.0
/*
 * lease-apply.c and outstanding.c: which leases are taken, in which order, and
 * what makes them go.
 */
#include <linux/slab.h>

#include "leases.h"

/* That of outstanding nonces, see Documentation/protocol.rst. */
#define LIFE_MS		600000ULL

static void expect_refused(struct kunit *test, u32 manager, u8 id, struct zkhsm_order o, int err,
			   u32 reason)
{
	struct leases *f = test->priv;
	u32 got;

	KUNIT_EXPECT_EQ_MSG(test, lease_send(test, f->m[manager], id, o, &got), err,
			    "evidence %u", id);
	KUNIT_EXPECT_EQ_MSG(test, got, reason, "evidence %u", id);
}

static void expect_replay(struct kunit *test, u32 manager, u8 id)
{
	struct zkhsm_order o = {};

	expect_refused(test, manager, id, o, -EALREADY, ZKHSM_REASON_REPLAY);
}

static void expect_no_nonce(struct kunit *test, u32 manager, u8 id)
{
	struct zkhsm_order o = {};

	expect_refused(test, manager, id, o, -EKEYEXPIRED, ZKHSM_REASON_NONCE);
}

static void read_lease(struct leases *f, u32 manager, struct zkhsm_lease_info *info)
{
	down_read(&zkhsm_lock);
	zkhsm_lease_read(zkhsm_trust_find(f->m[manager]->id), info);
	up_read(&zkhsm_lock);
}

/* A manager's leases go forward, by the number of the evidence; others' are none of it. */
static void lease_apply_in_order(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_lease_info info, later;
	u8 id;

	for (id = 1; id <= 3; id++)
		evidence_given(test, id, false);
	lease_grant(test, f->m[0], 2, HOUR_MS);
	read_lease(f, 0, &info);
	KUNIT_EXPECT_EQ(test, info.verdict, ZKHSM_LEASE_VERDICT_GRANT);
	KUNIT_EXPECT_EQ(test, info.issued_ms, f->since);
	KUNIT_EXPECT_EQ(test, info.expires_ms, f->since + HOUR_MS);
	KUNIT_EXPECT_MEMEQ(test, info.manager_id, f->m[0]->id, ZKHSM_HASH_LEN);
	expect_replay(test, 0, 2);
	expect_replay(test, 0, 1);
	lease_deny(test, f->m[0], 3);
	read_lease(f, 0, &later);
	KUNIT_EXPECT_EQ(test, later.number, info.number + 1);
	KUNIT_EXPECT_EQ(test, later.verdict, ZKHSM_LEASE_VERDICT_DENY);
	/* The word of before does not come back. */
	expect_replay(test, 0, 2);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_DENIED);
	lease_grant(test, f->m[1], 1, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);

	/* Nor by unpinning the manager and pinning it again. */
	manager_unpin(test, f->m[0]);
	KUNIT_ASSERT_EQ(test, zkhsm_trust_new(f->m[0]->key->pub, "", &(struct zkhsm_manager_info){},
					      NULL), 0);
	read_lease(f, 0, &info);
	KUNIT_EXPECT_EQ(test, info.verdict, ZKHSM_LEASE_VERDICT_NONE);
	expect_replay(test, 0, 2);
	expect_replay(test, 0, 3);
}

static void lease_apply_refuses(struct kunit *test)
{
	/* Not on the stack: an order has room for every type. */
	static const struct zkhsm_order long_life = { .ttl_ms = HOUR_MS + 1 };
	static const struct zkhsm_order good = { .ttl_ms = HOUR_MS }, over = { .ttl_ms = 1000 };
	static const struct zkhsm_order no_life = { .least = 1 };
	static const struct zkhsm_order least = { .least = 1, .ttl_ms = HOUR_MS };
	struct leases *f = test->priv;
	u32 got;

	leases_set(test, 1, 0, HOUR_MS);
	expect_no_nonce(test, 0, 1);
	evidence_given(test, 1, false);
	expect_no_nonce(test, 0, 2);
	expect_refused(test, 0, 1, long_life, -EINVAL, ZKHSM_REASON_TTL);
	expect_refused(test, 0, 1, no_life, -EAGAIN, ZKHSM_REASON_OUT_OF_TURN);
	clock_set(test, f->since + 1000);
	expect_refused(test, 0, 1, over, -EKEYEXPIRED, ZKHSM_REASON_LEASE_EXPIRED);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_NO_LEASE);

	/* What was refused can come again once nothing is in its way. */
	KUNIT_EXPECT_EQ(test, order_next(test, f->m[0], ZKHSM_ORDER_TYPE_RELEASE, f->key), 0);
	KUNIT_EXPECT_EQ(test, lease_send(test, f->m[0], 1, least, NULL), 0);
	/* The order has no number, so no counter moves. */
	KUNIT_EXPECT_EQ(test, order_next(test, f->m[0], ZKHSM_ORDER_TYPE_RELEASE, f->key), 0);

	manager_unpin(test, f->m[1]);
	KUNIT_EXPECT_EQ(test, lease_send(test, f->m[1], 1, good, &got), -ENOKEY);
	KUNIT_EXPECT_EQ(test, got, (u32)ZKHSM_REASON_NOT_PINNED);
}

/* Evidence waits for leases for ten minutes. */
static void lease_apply_nonce_dies(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_outstanding_ref ref;
	u8 statement[ZKHSM_HASH_LEN];

	memset(statement, 1, sizeof(statement));
	KUNIT_EXPECT_FALSE(test, zkhsm_outstanding_find(statement, HOUR_MS, &ref));
	evidence_given(test, 1, false);
	KUNIT_ASSERT_TRUE(test, zkhsm_outstanding_find(statement, 0, &ref));
	KUNIT_EXPECT_EQ(test, (u64)ktime_to_ms(ref.issued), f->since);
	KUNIT_EXPECT_GT(test, ref.number, 0u);
	down_read(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, ref.generation, zkhsm_keystore_generation());
	up_read(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, zkhsm_outstanding_count(), 1u);

	clock_set(test, f->since + LIFE_MS - 1);
	lease_grant(test, f->m[0], 1, HOUR_MS);
	clock_set(test, f->since + LIFE_MS);
	expect_no_nonce(test, 1, 1);
	KUNIT_EXPECT_FALSE(test, zkhsm_outstanding_find(statement, HOUR_MS, &ref));
	KUNIT_EXPECT_EQ(test, zkhsm_outstanding_count(), 0u);
	/* The lease that was taken lives on. */
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
}

/* What is answered by hand waits as long as a lease may live; there is one of it. */
static void lease_apply_offline(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_outstanding *o;

	leases_set(test, 1, 0, 2 * HOUR_MS);
	evidence_given(test, 1, true);
	KUNIT_EXPECT_EQ(test, zkhsm_outstanding_count(), 1u);
	clock_set(test, f->since + 2 * HOUR_MS - 1);
	lease_grant(test, f->m[0], 1, 2 * HOUR_MS);
	clock_set(test, f->since + 2 * HOUR_MS);
	expect_no_nonce(test, 1, 1);

	evidence_given(test, 2, true);
	lease_grant(test, f->m[0], 2, HOUR_MS);
	/* While another one is made the one before is good, and there is no third one. */
	o = zkhsm_outstanding_reserve(true);
	KUNIT_ASSERT_NOT_NULL(test, o);
	KUNIT_EXPECT_NULL(test, zkhsm_outstanding_reserve(true));
	lease_grant(test, f->m[1], 2, HOUR_MS);
	zkhsm_outstanding_cancel(o);
	lease_grant(test, f->m[2], 2, HOUR_MS);
	evidence_given(test, 3, true);
	expect_no_nonce(test, 0, 2);
	lease_grant(test, f->m[0], 3, HOUR_MS);
	/* What others ask for does not push it out. */
	evidence_given(test, 4, false);
	lease_grant(test, f->m[1], 3, HOUR_MS);
	KUNIT_EXPECT_EQ(test, zkhsm_outstanding_count(), 2u);
	/* max-ttl-ms is asked when the lease comes. */
	clock_set(test, f->since + 3 * HOUR_MS);
	leases_set(test, 1, 0, HOUR_MS);
	expect_no_nonce(test, 2, 3);
}

/* A fork of the VM: neither the leases nor what they could answer. */
static void lease_apply_forked(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_lease_info info;

	evidence_given(test, 1, false);
	evidence_given(test, 2, true);
	lease_grant(test, f->m[0], 1, HOUR_MS);
	lease_grant(test, f->m[1], 2, HOUR_MS);
	zkhsm_outstanding_drop_all();
	KUNIT_EXPECT_EQ(test, zkhsm_outstanding_count(), 0u);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
	zkhsm_lease_drop_all();
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_NO_LEASE);
	read_lease(f, 0, &info);
	KUNIT_EXPECT_EQ(test, info.verdict, ZKHSM_LEASE_VERDICT_NONE);
	expect_no_nonce(test, 2, 1);
	expect_no_nonce(test, 2, 2);
	evidence_given(test, 3, false);
	lease_grant(test, f->m[0], 3, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
}

/* One that is not pinned says nothing any more. */
static void lease_apply_unpinned(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_lease_info info;
	u8 last[ZKHSM_HASH_LEN] = {};
	u32 count = 0;

	evidence_given(test, 1, false);
	lease_grant(test, f->m[0], 1, HOUR_MS);
	lease_grant(test, f->m[1], 1, HOUR_MS);
	leases_set(test, 2, 0, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);
	manager_unpin(test, f->m[0]);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_LEASE_QUORUM);
	down_read(&zkhsm_lock);
	while (zkhsm_lease_after(count ? last : NULL, &info)) {
		KUNIT_EXPECT_MEMEQ(test, info.manager_id, f->m[1 + count]->id, ZKHSM_HASH_LEN);
		KUNIT_EXPECT_EQ(test, info.verdict, count ? ZKHSM_LEASE_VERDICT_NONE :
				ZKHSM_LEASE_VERDICT_GRANT);
		memcpy(last, info.manager_id, sizeof(last));
		if (++count == MANAGERS - 1)
			break;
	}
	KUNIT_EXPECT_FALSE(test, zkhsm_lease_after(last, &info));
	up_read(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, count, MANAGERS - 1u);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lease_apply_in_order),
	KUNIT_CASE(lease_apply_refuses),
	KUNIT_CASE(lease_apply_nonce_dies),
	KUNIT_CASE(lease_apply_offline),
	KUNIT_CASE(lease_apply_forked),
	KUNIT_CASE(lease_apply_unpinned),
	{}
};

struct kunit_suite zkhsm_kunit_lease_apply = {
	.name = "zkhsm-lease-apply",
	.init = leases_begin,
	.exit = leases_finish,
	.test_cases = cases,
};
