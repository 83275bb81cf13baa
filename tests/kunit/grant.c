// SPDX-License-Identifier: GPL-2.0
/*
 * grant.c and grant-used.c: the life of a grant to the millisecond, what happens
 * to it when its operation fails, and what can change while it is under way.
 */
#include <linux/slab.h>

#include "grant.h"
#include "leases.h"

#define HASHES_MAX	200
#define MANY		20

static const u8 digest[ZKHSM_HASH_LEN] = { 7 };

/* The call of a hash driver that fails in the operation, counted from 1; 0: none. */
static u32 fail_at;

/* The key of leases.h requires grants, and no leases. */
static int grants_begin(struct kunit *test)
{
	int err = leases_begin(test);
	struct leases *f = test->priv;

	if (!err)
		f->key->flags = ZKHSM_KEY_FLAG_GRANT_REQUIRED;
	return err;
}

/* Of the clock that stands, nothing would ever end. */
static void grants_finish(struct kunit *test)
{
	zkhsm_grant_drop_all();
	leases_finish(test);
}

/* To sign @digest, once, until @end. Too large for a stack that others are on. */
static struct zkhsm_order *terms(struct kunit *test, u8 jti, u64 end)
{
	struct zkhsm_order *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);
	struct leases *f = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, o);
	o->type = ZKHSM_ORDER_TYPE_GRANT;
	down_read(&zkhsm_lock);
	memcpy(o->instance_id, zkhsm_hsm_instance_id(), sizeof(o->instance_id));
	up_read(&zkhsm_lock);
	memcpy(o->element, f->name, sizeof(o->element));
	o->operation = ZKHSM_GRANT_OPERATION_SIGN;
	o->algorithm = ZKHSM_GRANT_ALGORITHM_ECDSA_P256_SHA256;
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(digest, sizeof(digest), o->input), 0);
	o->jti[0] = jti;
	o->not_after_ms = end;
	return o;
}

/* The operation, then @meanwhile, then the release. Return: the errno; @reason: why. */
static int use(struct kunit *test, struct zkhsm_order *o, void (*meanwhile)(struct kunit *test),
	       u32 *reason)
{
	struct zkhsm_grant *g = kzalloc(sizeof(*g), GFP_KERNEL);
	struct netlink_ext_ack extack = {};
	struct leases *f = test->priv;
	u8 sig[ZKHSM_SIGNATURE_LEN];
	u8 buf[ZKHSM_GRANT_LEN];
	int err;

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_EXPECT_EQ(test, order_sign(test, f->m[0], o, buf, sizeof(buf)), sizeof(buf));
	g->orders[g->count++] = buf;
	stubs.hash_calls = 0;
	stubs.hash_fails_at = fail_at;
	err = zkhsm_op_sign(f->key, digest, g, sig, &extack);
	stubs.hash_fails_at = 0;
	if (!err && meanwhile)
		meanwhile(test);
	if (!err)
		err = zkhsm_key_release_begin(f->key, ZKHSM_KEY_USAGE_SIGN, g, &extack);
	if (!err)
		zkhsm_key_release_end(f->key);
	zkhsm_grant_free(g);
	if (reason)
		*reason = err ? reason_of(&extack) : 0;
	return err;
}

static void expect_use(struct kunit *test, struct zkhsm_order *o,
		       void (*meanwhile)(struct kunit *test), int err, u32 reason)
{
	u32 got;

	KUNIT_EXPECT_EQ(test, use(test, o, meanwhile, &got), err);
	KUNIT_EXPECT_EQ(test, got, reason);
}

static void grant_life(struct kunit *test)
{
	struct leases *f = test->priv;
	u64 end = f->since + 1000;

	expect_use(test, terms(test, 1, f->since + ZKHSM_GRANT_AHEAD_MAX_MS + 1), NULL, -EINVAL,
		   ZKHSM_REASON_GRANT_AHEAD);
	expect_use(test, terms(test, 1, f->since + ZKHSM_GRANT_AHEAD_MAX_MS), NULL, 0, 0);
	clock_set(test, end - 1);
	expect_use(test, terms(test, 2, end), NULL, 0, 0);
	expect_use(test, terms(test, 2, end), NULL, -EALREADY, ZKHSM_REASON_GRANT_USED);
	/* Remembered for as long as it says, whatever another one says. */
	expect_use(test, terms(test, 2, end + 1000), NULL, -EALREADY, ZKHSM_REASON_GRANT_USED);
	clock_set(test, end);
	expect_use(test, terms(test, 2, end), NULL, -EKEYEXPIRED, ZKHSM_REASON_GRANT_EXPIRED);
	expect_use(test, terms(test, 3, end), NULL, -EKEYEXPIRED, ZKHSM_REASON_GRANT_EXPIRED);
	expect_use(test, terms(test, 2, end + 1000), NULL, 0, 0);
	expect_use(test, terms(test, 1, end + 1000), NULL, -EALREADY, ZKHSM_REASON_GRANT_USED);
}

/* More at once than one use forgets: what has ended stands in nobody's way all the same. */
static void grant_many(struct kunit *test)
{
	struct leases *f = test->priv;
	u64 end = f->since + 1000;
	u32 i;

	for (i = 1; i <= MANY; i++)
		expect_use(test, terms(test, i, end), NULL, 0, 0);
	clock_set(test, end);
	/* The latest first: it is among those that are still there. */
	for (i = MANY; i; i--) {
		expect_use(test, terms(test, i, end + 1000), NULL, 0, 0);
		expect_use(test, terms(test, i, end + 1000), NULL, -EALREADY,
			   ZKHSM_REASON_GRANT_USED);
	}
	expect_use(test, terms(test, MANY, end), NULL, -EKEYEXPIRED, ZKHSM_REASON_GRANT_EXPIRED);
}

static void end_it(struct kunit *test)
{
	struct leases *f = test->priv;

	clock_set(test, f->since + 1000);
}

static void fork_it(struct kunit *test)
{
	zkhsm_hsm_forked();
}

static void hold_it(struct kunit *test)
{
	struct leases *f = test->priv;

	KUNIT_EXPECT_EQ(test, order_next(test, f->m[0], ZKHSM_ORDER_TYPE_HOLD, f->key), 0);
}

static void unpin_it(struct kunit *test)
{
	struct leases *f = test->priv;

	manager_unpin(test, f->m[0]);
}

static void raise_quorum(struct kunit *test)
{
	leases_set(test, 2, 0, ZKHSM_DEFAULT_MAX_TTL_MS);
}

/* What changes between the operation and the release keeps the answer back. */
static void grant_in_flight(struct kunit *test)
{
	struct leases *f = test->priv;
	u64 end = f->since + 1000;

	expect_use(test, terms(test, 1, end), end_it, -EKEYEXPIRED, ZKHSM_REASON_GRANT_EXPIRED);
	clock_set(test, f->since);
	expect_use(test, terms(test, 2, end), fork_it, -ESTALE, ZKHSM_REASON_GRANT_INSTANCE);
	expect_use(test, terms(test, 3, end), raise_quorum, -EACCES,
		   ZKHSM_REASON_GRANT_QUORUM);
	leases_set(test, 1, 0, ZKHSM_DEFAULT_MAX_TTL_MS);
	/* The answer was not released, and it is used up. */
	expect_use(test, terms(test, 3, end), NULL, -EALREADY, ZKHSM_REASON_GRANT_USED);
	quorums_set(test, 1, 2, 2);
	expect_use(test, terms(test, 4, end), hold_it, -EACCES, ZKHSM_REASON_GRANT_QUORUM);
	expect_use(test, terms(test, 5, end), NULL, -EACCES, ZKHSM_REASON_GRANT_QUORUM);
	KUNIT_EXPECT_EQ(test, order_next(test, f->m[0], ZKHSM_ORDER_TYPE_RELEASE, f->key), 0);
	expect_use(test, terms(test, 5, end), unpin_it, -ENOKEY, ZKHSM_REASON_NOT_PINNED);
}

/* A fork of the VM forgets what nobody could use again. */
static void grant_fork(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_order *old = terms(test, 1, f->since + 1000);

	expect_use(test, old, NULL, 0, 0);
	zkhsm_hsm_forked();
	expect_use(test, old, NULL, -ESTALE, ZKHSM_REASON_GRANT_INSTANCE);
	expect_use(test, terms(test, 1, f->since + 1000), NULL, 0, 0);
}

/*
 * Whatever fails, fails for good or not at all: before the grant is taken it is
 * as good as before, and from then on used up.
 */
static void grant_burnt(struct kunit *test)
{
	struct leases *f = test->priv;
	bool before = false, after = false;
	u32 i;
	int err, again;

	stubs.swallow_faults = true;
	for (i = 1; i < HASHES_MAX; i++) {
		struct zkhsm_order *o = terms(test, i, f->since + 1000);

		fail_at = i;
		err = use(test, o, NULL, NULL);
		fail_at = 0;
		/* It takes fewer, or it has not been told. */
		if (!err) {
			KUNIT_EXPECT_LT(test, stubs.hash_calls, i);
			break;
		}
		KUNIT_EXPECT_EQ(test, err, -EIO);
		again = use(test, o, NULL, NULL);
		if (again)
			KUNIT_EXPECT_EQ(test, again, -EALREADY);
		/* Once it has been taken, it is for every later failure. */
		KUNIT_EXPECT_FALSE(test, after && !again);
		before |= !again;
		after |= again == -EALREADY;
	}
	KUNIT_EXPECT_TRUE(test, before);
	KUNIT_EXPECT_TRUE(test, after);
	KUNIT_EXPECT_LT(test, i, (u32)HASHES_MAX);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(grant_life),
	KUNIT_CASE(grant_many),
	KUNIT_CASE(grant_in_flight),
	KUNIT_CASE(grant_fork),
	KUNIT_CASE(grant_burnt),
	{}
};

struct kunit_suite zkhsm_kunit_grant = {
	.name = "zkhsm-grant",
	.init = grants_begin,
	.exit = grants_finish,
	.test_cases = cases,
};
