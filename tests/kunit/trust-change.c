// SPDX-License-Identifier: GPL-2.0
/*
 * trust-change.c: who has to order a new C, what becomes of an order, and that
 * all of C changes at once or nothing of it.
 */
#include <linux/slab.h>

#include "leases.h"

/* C as it is, to be changed. */
static struct zkhsm_configuration *config_now(struct kunit *test)
{
	struct zkhsm_configuration *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	u8 *buf = kunit_kmalloc(test, ZKHSM_CONFIGURATION_MAX_LEN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	down_read(&zkhsm_lock);
	zkhsm_hsm_configuration(c, buf);
	up_read(&zkhsm_lock);
	kunit_kfree(test, buf);
	return c;
}

static void config_digest(struct kunit *test, const struct zkhsm_configuration *c,
			  u8 digest[ZKHSM_HASH_LEN])
{
	u8 *buf = kunit_kmalloc(test, ZKHSM_CONFIGURATION_MAX_LEN, GFP_KERNEL);
	int len;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	len = zkhsm_configuration_encode(c, buf, ZKHSM_CONFIGURATION_MAX_LEN);
	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(buf, len, digest), 0);
	kunit_kfree(test, buf);
}

static void digest_now(struct kunit *test, u8 digest[ZKHSM_HASH_LEN])
{
	config_digest(test, config_now(test), digest);
}

/* An order of @m to replace the C of @previous by @c; @res without what it refers to. */
static int change(struct kunit *test, struct test_manager *m, u64 number, const u8 *previous,
		  const struct zkhsm_configuration *c, struct zkhsm_order_result *res, u32 *reason)
{
	struct zkhsm_order o = { .type = ZKHSM_ORDER_TYPE_TRUST_CHANGE, .number = number };
	u8 *config = kunit_kmalloc(test, ZKHSM_CONFIGURATION_MAX_LEN, GFP_KERNEL);
	u8 *buf = kunit_kmalloc(test, ZKHSM_ORDER_TRUST_MAX_LEN, GFP_KERNEL);
	struct netlink_ext_ack extack = {};
	size_t len;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, config);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	memcpy(o.previous, previous, sizeof(o.previous));
	o.config_len = zkhsm_configuration_encode(c, config, ZKHSM_CONFIGURATION_MAX_LEN);
	o.config = config;
	len = order_sign(test, m, &o, buf, ZKHSM_ORDER_TRUST_MAX_LEN);
	err = zkhsm_order_apply(buf, len, res, &extack);
	zkhsm_order_result_free(res);
	if (reason)
		*reason = reason_of(&extack);
	kunit_kfree(test, config);
	kunit_kfree(test, buf);
	return err;
}

/* The manager's next order, about C as it is. */
static enum zkhsm_order_outcome change_next(struct kunit *test, u32 manager,
					    const struct zkhsm_configuration *c,
					    struct zkhsm_order_result *res)
{
	struct leases *f = test->priv;
	struct test_manager *m = f->m[manager];
	u8 previous[ZKHSM_HASH_LEN];

	digest_now(test, previous);
	KUNIT_EXPECT_EQ(test, change(test, m, ++m->number, previous, c, res, NULL), 0);
	KUNIT_EXPECT_TRUE(test, res->in_turn);
	return res->outcome;
}

static void expect_next(struct kunit *test, u32 manager, const struct zkhsm_configuration *c,
			enum zkhsm_order_outcome outcome, u32 votes)
{
	struct zkhsm_order_result res;

	KUNIT_EXPECT_EQ(test, change_next(test, manager, c, &res), outcome);
	KUNIT_EXPECT_EQ(test, res.votes, votes);
}

/* The order is counted, and C is what it was. */
static void expect_void(struct kunit *test, const struct zkhsm_configuration *c, u32 reason,
			const char *what)
{
	struct leases *f = test->priv;
	u8 before[ZKHSM_HASH_LEN], after[ZKHSM_HASH_LEN];
	struct zkhsm_order_result res;
	struct zkhsm_manager_info info;

	digest_now(test, before);
	KUNIT_EXPECT_EQ_MSG(test, change_next(test, 0, c, &res), ZKHSM_ORDER_OUTCOME_VOID, "%s",
			    what);
	KUNIT_EXPECT_EQ_MSG(test, (u32)res.reason, reason, "%s", what);
	digest_now(test, after);
	KUNIT_EXPECT_MEMEQ(test, before, after, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(f->m[0]->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ_MSG(test, info.last_number, f->m[0]->number, "%s", what);
	KUNIT_EXPECT_FALSE_MSG(test, info.waiting, "%s", what);
}

static void expect_waiting(struct kunit *test, u32 manager, bool waiting)
{
	struct leases *f = test->priv;
	struct zkhsm_manager_info info;

	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(f->m[manager]->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ_MSG(test, info.waiting, waiting, "manager %u", manager);
	KUNIT_EXPECT_EQ(test, !!memchr_inv(info.pending, 0, ZKHSM_HASH_LEN), waiting);
}

/* Two of three; in whatever order; and C is the new one, all of it. */
static void trust_change_quorum(struct kunit *test)
{
	struct zkhsm_configuration *c, *other;
	u8 wanted[ZKHSM_HASH_LEN], got[ZKHSM_HASH_LEN];

	leases_set(test, 2, 0, HOUR_MS);
	c = config_now(test);
	c->quorum = 3;
	c->stop = 2;
	c->wipe = 3;
	c->enforce_grace_ms = 77;
	c->max_ttl_ms = 88000;
	config_digest(test, c, wanted);
	other = config_now(test);
	other->quorum = 1;

	expect_next(test, 2, c, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	expect_waiting(test, 2, true);
	/* The same again is no other manager's. */
	expect_next(test, 2, c, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	expect_next(test, 0, other, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	expect_next(test, 1, c, ZKHSM_ORDER_OUTCOME_DONE, 2);
	digest_now(test, got);
	KUNIT_EXPECT_MEMEQ(test, got, wanted, ZKHSM_HASH_LEN);
	/* Those who waited, for what is not any more, wait no longer. */
	expect_waiting(test, 0, false);
	expect_waiting(test, 1, false);
	expect_waiting(test, 2, false);
	/* Three, from now on. */
	expect_next(test, 0, other, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	expect_next(test, 1, other, ZKHSM_ORDER_OUTCOME_WAITING, 2);
	expect_next(test, 2, other, ZKHSM_ORDER_OUTCOME_DONE, 3);
	KUNIT_EXPECT_EQ(test, config_now(test)->quorum, 1);
	expect_next(test, 0, c, ZKHSM_ORDER_OUTCOME_DONE, 1);
}

/* A replay, out of turn, the digest of the order; in turn alone, unlike a hold. */
static void trust_change_numbers(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_configuration *c;
	struct zkhsm_manager_info info;
	struct zkhsm_order_result res;
	u8 previous[ZKHSM_HASH_LEN];
	u32 reason;

	leases_set(test, 2, 0, HOUR_MS);
	c = config_now(test);
	c->quorum = 1;
	digest_now(test, previous);
	KUNIT_EXPECT_EQ(test, change(test, f->m[0], 2, previous, c, &res, &reason), -EAGAIN);
	KUNIT_EXPECT_EQ(test, reason, (u32)ZKHSM_REASON_OUT_OF_TURN);
	expect_waiting(test, 0, false);
	KUNIT_EXPECT_EQ(test, change(test, f->m[0], 1, previous, c, &res, &reason), 0);
	KUNIT_EXPECT_EQ(test, res.outcome, ZKHSM_ORDER_OUTCOME_WAITING);
	KUNIT_EXPECT_EQ(test, res.needed, 2u);
	KUNIT_EXPECT_EQ(test, change(test, f->m[0], 1, previous, c, &res, &reason), -EALREADY);
	KUNIT_EXPECT_EQ(test, reason, (u32)ZKHSM_REASON_REPLAY);
	KUNIT_EXPECT_EQ(test, change(test, f->m[0], 3, previous, c, &res, &reason), -EAGAIN);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(f->m[0]->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.last_number, 1ULL);
	KUNIT_EXPECT_TRUE(test, memchr_inv(info.last_digest, 0, ZKHSM_HASH_LEN));
	expect_waiting(test, 0, true);
	/* Votes are counted on, in the same row. */
	f->m[0]->number = 1;
	KUNIT_EXPECT_EQ(test, order_next(test, f->m[0], ZKHSM_ORDER_TYPE_RELEASE, f->key), 0);
}

/* The latest word of a manager is its only one. */
static void trust_change_latest_word(struct kunit *test)
{
	struct zkhsm_configuration *a, *b, *now;

	leases_set(test, 2, 0, HOUR_MS);
	now = config_now(test);
	a = config_now(test);
	a->enforce_grace_ms = 1;
	b = config_now(test);
	b->enforce_grace_ms = 2;
	expect_next(test, 0, a, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	expect_next(test, 0, b, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	expect_next(test, 1, a, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	/* Back to what is: nothing waits. */
	expect_next(test, 1, now, ZKHSM_ORDER_OUTCOME_WITHDRAWN, 0);
	expect_waiting(test, 1, false);
	expect_waiting(test, 0, true);
	/* What is void takes the place too: nobody may count on the word of before. */
	b->max_ttl_ms = 1;
	expect_void(test, b, ZKHSM_REASON_TTL, "in place of what waited");
	b->max_ttl_ms = now->max_ttl_ms;
	expect_next(test, 2, b, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	/* A change from elsewhere: what was agreed to was about another C. */
	leases_set(test, 2, 3, HOUR_MS);
	expect_waiting(test, 2, false);
	expect_next(test, 0, b, ZKHSM_ORDER_OUTCOME_WAITING, 1);
}

/* Those who are not pinned have no say, whatever they said while they were. */
static void trust_change_of_unpinned(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_configuration *c;
	struct zkhsm_manager *m;

	leases_set(test, 2, 0, HOUR_MS);
	c = config_now(test);
	c->quorum = 1;
	expect_next(test, 0, c, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	/* Nothing but unpinning it and nothing that follows from that */
	down_write(&zkhsm_lock);
	m = zkhsm_trust_find(f->m[0]->id);
	m->pinned = false;
	up_write(&zkhsm_lock);
	/* C is without it now, so what the others order is void where it names the manager. */
	c = config_now(test);
	c->quorum = 1;
	expect_next(test, 1, c, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	down_write(&zkhsm_lock);
	/* The same order as that of manager 1, of one who has no say. */
	memcpy(m->pending, zkhsm_trust_find(f->m[1]->id)->pending, ZKHSM_HASH_LEN);
	m->waiting = true;
	up_write(&zkhsm_lock);
	expect_next(test, 1, c, ZKHSM_ORDER_OUTCOME_WAITING, 1);
	/* As it was, unless C has changed after all. */
	down_write(&zkhsm_lock);
	m->pinned = m->element;
	up_write(&zkhsm_lock);
}

static void trust_change_void(struct kunit *test)
{
	const struct {
		const char *what;
		u32 flags;
		u8 quorum, stop, wipe;
		u64 ttl;
		u32 reason;
	} cases[] = {
		{ "locked", ZKHSM_HSM_FLAG_LOCKED, 1, 1, 1, HOUR_MS, ZKHSM_REASON_CONFIG },
		{ "sealed", ZKHSM_HSM_FLAG_KEK_KEYRING, 1, 1, 1, HOUR_MS, ZKHSM_REASON_CONFIG },
		{ "quorum 4", 0, 4, 1, 1, HOUR_MS, ZKHSM_REASON_CONFIG },
		{ "quorum 255", 0, 255, 1, 1, HOUR_MS, ZKHSM_REASON_CONFIG },
		{ "stop 4", 0, 1, 4, 4, HOUR_MS, ZKHSM_REASON_CONFIG },
		{ "wipe 4", 0, 1, 1, 4, HOUR_MS, ZKHSM_REASON_CONFIG },
		{ "wipe below stop", 0, 1, 2, 1, HOUR_MS, ZKHSM_REASON_CONFIG },
		{ "no ttl", 0, 1, 1, 1, 0, ZKHSM_REASON_TTL },
		{ "a ttl too short", 0, 1, 1, 1, 999, ZKHSM_REASON_TTL },
		{ "a ttl too long", 0, 1, 1, 1, 2678400001, ZKHSM_REASON_TTL },
	};
	struct leases *f = test->priv;
	struct zkhsm_configuration *c = config_now(test), *good = config_now(test);
	struct zkhsm_order_result res;
	u8 other[ZKHSM_HASH_LEN];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		*c = *good;
		c->flags ^= cases[i].flags;
		c->quorum = cases[i].quorum;
		c->stop = cases[i].stop;
		c->wipe = cases[i].wipe;
		c->max_ttl_ms = cases[i].ttl;
		expect_void(test, c, cases[i].reason, cases[i].what);
	}
	*c = *good;
	c->manager_count = 0;
	expect_void(test, c, ZKHSM_REASON_CONFIG, "no managers");

	/* A key that is no point, one that has another role, and a manager and its negative. */
	*c = *good;
	memset(c->managers[c->manager_count - 1] + 1, 0xff, ZKHSM_POINT_LEN - 1);
	expect_void(test, c, ZKHSM_REASON_MALFORMED, "no point");
	for (i = 0; i < 2; i++) {
		*c = *good;
		c->manager_count = 1;
		memcpy(c->managers[0], i ? zkhsm_hsm_pub() : f->key->pub, ZKHSM_POINT_LEN);
		memset(c->managers + 1, 0, sizeof(c->managers) - ZKHSM_POINT_LEN);
		expect_void(test, c, ZKHSM_REASON_ELEMENT_EXISTS, i ? "the identity" : "a key");
	}

	/* About another C than the one in force. */
	*c = *good;
	c->enforce_grace_ms = 1;
	config_digest(test, c, other);
	f->m[0]->number++;
	KUNIT_EXPECT_EQ(test, change(test, f->m[0], f->m[0]->number, other, c, &res, NULL), 0);
	KUNIT_EXPECT_EQ(test, res.outcome, ZKHSM_ORDER_OUTCOME_VOID);
	KUNIT_EXPECT_EQ(test, (u32)res.reason, (u32)ZKHSM_REASON_OTHER_CONFIGURATION);
	expect_waiting(test, 0, false);

	/* The bounds themselves are good. */
	c->max_ttl_ms = 2678400000;
	expect_next(test, 0, c, ZKHSM_ORDER_OUTCOME_DONE, 1);
	c->max_ttl_ms = 1000;
	expect_next(test, 0, c, ZKHSM_ORDER_OUTCOME_DONE, 1);
}

static void set_managers(struct zkhsm_configuration *c, struct test_manager *const *m, u32 count)
{
	u32 i, j;

	memset(c->managers, 0, sizeof(c->managers));
	c->manager_count = count;
	for (i = 0; i < count; i++) {
		for (j = i; j > 0 && memcmp(c->managers[j - 1], m[i]->key->pub,
					    ZKHSM_POINT_LEN) > 0; j--)
			memcpy(c->managers[j], c->managers[j - 1], ZKHSM_POINT_LEN);
		memcpy(c->managers[j], m[i]->key->pub, ZKHSM_POINT_LEN);
	}
}

/* Managers come and go; whoever goes takes its lease along and leaves its counter. */
static void trust_change_managers(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_configuration *c = config_now(test);
	struct test_manager *fresh = kunit_kzalloc(test, sizeof(*fresh), GFP_KERNEL), *stay[2];
	struct zkhsm_manager_info info;
	struct zkhsm_order_result res;

	KUNIT_ASSERT_NOT_NULL(test, fresh);
	fresh->key = secret_new(test, &f->rnd);
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(fresh->key->pub, ZKHSM_POINT_LEN, fresh->id), 0);
	evidence_given(test, 1, false);
	lease_grant(test, f->m[0], 1, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);

	/* Manager 0 and 2 go, and the one who orders it may be one of them. */
	stay[0] = f->m[1];
	stay[1] = fresh;
	set_managers(c, stay, 2);
	KUNIT_EXPECT_EQ(test, change_next(test, 0, c, &res), ZKHSM_ORDER_OUTCOME_DONE);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(f->m[0]->id, &info, NULL), -ENOKEY);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(f->m[2]->id, &info, NULL), -ENOKEY);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(f->m[1]->id, &info, NULL), 0);
	KUNIT_EXPECT_STREQ(test, info.label, "kunit");
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(fresh->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.last_number, 0ULL);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), (u32)ZKHSM_REASON_NO_LEASE);
	lease_grant(test, fresh, 1, HOUR_MS);
	KUNIT_EXPECT_EQ(test, lease_says(test, NULL), 0u);

	/* Back: its counter goes on, and its lease can not come again. */
	set_managers(c, f->m, MANAGERS);
	KUNIT_EXPECT_EQ(test, change_next(test, 1, c, &res), ZKHSM_ORDER_OUTCOME_DONE);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(f->m[0]->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.last_number, 1ULL);
	KUNIT_EXPECT_EQ(test, lease_send(test, f->m[0], 1, (struct zkhsm_order){}, NULL),
			-EALREADY);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(fresh->id, &info, NULL), -ENOKEY);
}

/* A lower quorum meets the votes that are there, in the same step. */
static void trust_change_tightens(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_configuration *c;
	struct zkhsm_order_result res;

	quorums_set(test, 1, 2, 2);
	KUNIT_EXPECT_EQ(test, order_next(test, f->m[1], ZKHSM_ORDER_TYPE_HOLD, f->key), 0);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_ACTIVE);
	c = config_now(test);
	c->stop = 1;
	KUNIT_EXPECT_EQ(test, change_next(test, 0, c, &res), ZKHSM_ORDER_OUTCOME_DONE);
	KUNIT_EXPECT_EQ(test, res.change_count, 1u);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_HELD);
	KUNIT_EXPECT_EQ(test, order_next(test, f->m[1], ZKHSM_ORDER_TYPE_RELEASE, f->key), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(trust_change_quorum),
	KUNIT_CASE(trust_change_numbers),
	KUNIT_CASE(trust_change_latest_word),
	KUNIT_CASE(trust_change_of_unpinned),
	KUNIT_CASE(trust_change_void),
	KUNIT_CASE(trust_change_managers),
	KUNIT_CASE(trust_change_tightens),
	{}
};

struct kunit_suite zkhsm_kunit_trust_change = {
	.name = "zkhsm-trust-change",
	.init = leases_begin,
	.exit = leases_finish,
	.test_cases = cases,
};
