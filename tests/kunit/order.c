// SPDX-License-Identifier: GPL-2.0
/*
 * order.c: which orders act, which are replays, early or false, and that what
 * is refused changes nothing.
 */
#include <linux/slab.h>

#include "kunit.h"

#define SEED	0x04de4u
#define ROOM	512

struct fixture {
	struct test_manager *m;
	struct zkhsm_key *key;
	u8 name[ZKHSM_HASH_LEN];
	u8 buf[ROOM];
	size_t len;
	struct rnd_state rnd;
};

static int begin(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	static u32 seed = SEED;
	struct zkhsm_scalar a;

	KUNIT_ASSERT_NOT_NULL(test, f);
	stubs_reset(test);
	hsm_need(test);
	quorums_set(test, 1, 1, 1);
	random_begin(test, &f->rnd, seed++);
	f->m = manager_pin(test, &f->rnd);
	random_scalar(&f->rnd, &a, N);
	f->key = key_new(test, "ordered", &a);
	KUNIT_ASSERT_EQ(test, zkhsm_element_name(f->key->pub, f->name), 0);
	test->priv = f;
	return 0;
}

static void finish(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct zkhsm_manager_info info;

	if (f) {
		key_delete(test, f->key);
		zkhsm_trust_del(f->m->id, &info, NULL);
	}
	stubs_restore(test);
}

/* An order of the fixture's manager about its key, in f->buf. */
static void sign(struct kunit *test, u8 type, u64 number)
{
	struct fixture *f = test->priv;
	struct zkhsm_order o = { .type = type, .number = number, .count = 1, .elements = f->name };

	f->len = order_sign(test, f->m, &o, f->buf, sizeof(f->buf));
}

static int apply(struct fixture *f, u32 *reason, bool *in_turn)
{
	struct netlink_ext_ack extack = {};
	struct zkhsm_order_result res;
	int err = zkhsm_order_apply(f->buf, f->len, &res, &extack);

	if (reason)
		*reason = reason_of(&extack);
	if (in_turn)
		*in_turn = res.in_turn;
	zkhsm_order_result_free(&res);
	return err;
}

static void expect_counter(struct kunit *test, u64 number)
{
	struct fixture *f = test->priv;
	struct zkhsm_manager_info info;

	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.last_number, number);
}

/* Refused with this error and number, and nothing has happened. */
static void refused(struct kunit *test, int want, u32 reason, const char *what)
{
	struct fixture *f = test->priv;
	enum zkhsm_key_state state = f->key->state;
	struct zkhsm_manager_info before, after;
	u32 got;

	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m->id, &before, NULL), 0);
	KUNIT_EXPECT_EQ_MSG(test, apply(f, &got, NULL), want, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, got, reason, "%s", what);
	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m->id, &after, NULL), 0);
	KUNIT_EXPECT_EQ_MSG(test, after.last_number, before.last_number, "%s", what);
	KUNIT_EXPECT_MEMEQ(test, after.last_digest, before.last_digest, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_EQ_MSG(test, f->key->state, state, "%s", what);
}

/* In turn, a replay, ahead of turn, again in turn; a release only in turn. */
static void order_counter(struct kunit *test)
{
	struct fixture *f = test->priv;
	bool in_turn;

	sign(test, ZKHSM_ORDER_TYPE_HOLD, 1);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, &in_turn), 0);
	KUNIT_EXPECT_TRUE(test, in_turn);
	expect_counter(test, 1);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_HELD);
	refused(test, -EALREADY, ZKHSM_REASON_REPLAY, "the same again");

	sign(test, ZKHSM_ORDER_TYPE_RELEASE, 1);
	refused(test, -EALREADY, ZKHSM_REASON_REPLAY, "another of the same number");
	sign(test, ZKHSM_ORDER_TYPE_RELEASE, 3);
	refused(test, -EAGAIN, ZKHSM_REASON_OUT_OF_TURN, "a release ahead of turn");
	sign(test, ZKHSM_ORDER_TYPE_RELEASE, 2);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, &in_turn), 0);
	expect_counter(test, 2);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_ACTIVE);

	/* a hold across a gap acts, and leaves its number open */
	sign(test, ZKHSM_ORDER_TYPE_HOLD, 5);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, &in_turn), 0);
	KUNIT_EXPECT_FALSE(test, in_turn);
	expect_counter(test, 2);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_HELD);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, &in_turn), 0);
	expect_counter(test, 2);

	/* what comes in the gap is older than the hold, and undoes nothing */
	sign(test, ZKHSM_ORDER_TYPE_RELEASE, 3);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, &in_turn), 0);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_HELD);
	sign(test, ZKHSM_ORDER_TYPE_RELEASE, 4);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, &in_turn), 0);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_HELD);
	sign(test, ZKHSM_ORDER_TYPE_HOLD, 5);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, &in_turn), 0);
	KUNIT_EXPECT_TRUE(test, in_turn);
	expect_counter(test, 5);
	refused(test, -EALREADY, ZKHSM_REASON_REPLAY, "the early one again");
}

/* The highest number there is does not wrap the counter around. */
static void order_highest_number(struct kunit *test)
{
	struct fixture *f = test->priv;

	sign(test, ZKHSM_ORDER_TYPE_HOLD, U64_MAX);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, NULL), 0);
	expect_counter(test, 0);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_HELD);
	sign(test, ZKHSM_ORDER_TYPE_RELEASE, 1);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, f->key->state, ZKHSM_KEY_STATE_HELD);
	expect_counter(test, 1);
}

/* A manager that is unpinned and pinned again has not forgotten its counter. */
static void order_counter_outlives_pin(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct zkhsm_manager_info info;
	u32 reason;

	sign(test, ZKHSM_ORDER_TYPE_HOLD, 1);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_del(f->m->id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, apply(f, &reason, NULL), -ENOKEY);
	KUNIT_EXPECT_EQ(test, reason, (u32)ZKHSM_REASON_NOT_PINNED);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_new(f->m->key->pub, "", &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.last_number, 1ULL);
	refused(test, -EALREADY, ZKHSM_REASON_REPLAY, "after it came back");
}

/* Each byte that the signature covers, and of the signature itself. */
static void order_tampered(struct kunit *test)
{
	struct fixture *f = test->priv;
	static const struct {
		const char *what;
		u32 at;
		int err;
		u32 reason;
	} cases[] = {
		{ "magic", 0, -EBADMSG, ZKHSM_REASON_MALFORMED },
		{ "version", 7, -EBADMSG, ZKHSM_REASON_MALFORMED },
		{ "manager", 8, -ENOKEY, ZKHSM_REASON_NOT_PINNED },
		{ "hsm", 40, -EKEYREJECTED, ZKHSM_REASON_OTHER_HSM },
		{ "last of hsm", 71, -EKEYREJECTED, ZKHSM_REASON_OTHER_HSM },
		{ "number", 72, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE },
		{ "reason", 80, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE },
		{ "count", 82, -EBADMSG, ZKHSM_REASON_MALFORMED },
		{ "element", 83, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE },
		{ "last of element", 114, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE },
		{ "r", 146, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE },
		{ "s", 178, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE },
	};
	u32 i;

	sign(test, ZKHSM_ORDER_TYPE_HOLD, 1);
	KUNIT_ASSERT_EQ(test, f->len, (size_t)179);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		f->buf[cases[i].at] ^= 1;
		refused(test, cases[i].err, cases[i].reason, cases[i].what);
		f->buf[cases[i].at] ^= 1;
	}
	for (i = 0; i < f->len; i += 17) {
		size_t len = f->len;

		f->len = i;
		refused(test, -EBADMSG, ZKHSM_REASON_MALFORMED, "truncated");
		f->len = len;
	}
	f->len++;
	refused(test, -EBADMSG, ZKHSM_REASON_MALFORMED, "extended");
	f->len--;
	KUNIT_EXPECT_EQ(test, apply(f, NULL, NULL), 0);
}

/* One type of order made into another: what was signed is not what is said. */
static void order_type_confusion(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 type;

	sign(test, ZKHSM_ORDER_TYPE_HOLD, 1);
	for (type = 0; type < 40; type++) {
		f->buf[5] = type;
		if (type == ZKHSM_ORDER_TYPE_REVOKE || type == ZKHSM_ORDER_TYPE_RELEASE)
			refused(test, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE, "another type");
		else if (type == ZKHSM_ORDER_TYPE_TRANSFER)
			refused(test, -EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "a later type");
		else if (type != ZKHSM_ORDER_TYPE_HOLD)
			refused(test, -EBADMSG, ZKHSM_REASON_MALFORMED, "no order");
	}
}

/*
 * (r, n - s) is as good a signature: the same order, whoever changed it. It
 * is a replay of the first, and what is kept of the order is the same.
 */
static void order_malleable_signature(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct zkhsm_manager_info info;
	u8 digest[ZKHSM_HASH_LEN];
	struct zkhsm_scalar s;

	sign(test, ZKHSM_ORDER_TYPE_HOLD, 1);
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(f->buf, f->len - ZKHSM_SIGNATURE_LEN, digest), 0);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, NULL), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&s, f->buf + f->len - 32, N), 0);
	zkhsm_scalar_neg(&s, &s, N);
	zkhsm_scalar_to_be(f->buf + f->len - 32, &s, N);
	refused(test, -EALREADY, ZKHSM_REASON_REPLAY, "n - s");
	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m->id, &info, NULL), 0);
	KUNIT_EXPECT_MEMEQ(test, info.last_digest, digest, sizeof(digest));

	/* and the changed one alone does what the order says, under the same digest */
	sign(test, ZKHSM_ORDER_TYPE_RELEASE, 2);
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(f->buf, f->len - ZKHSM_SIGNATURE_LEN, digest), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&s, f->buf + f->len - 32, N), 0);
	zkhsm_scalar_neg(&s, &s, N);
	zkhsm_scalar_to_be(f->buf + f->len - 32, &s, N);
	KUNIT_EXPECT_EQ(test, apply(f, NULL, NULL), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_trust_get(f->m->id, &info, NULL), 0);
	KUNIT_EXPECT_MEMEQ(test, info.last_digest, digest, sizeof(digest));

	sign(test, ZKHSM_ORDER_TYPE_HOLD, 3);
	memset(f->buf + f->len - 32, 0, 32);
	refused(test, -EBADMSG, ZKHSM_REASON_MALFORMED, "s = 0");
	zkhsm_scalar_to_be(f->buf + f->len - 32, &N->m, N);
	refused(test, -EBADMSG, ZKHSM_REASON_MALFORMED, "s = n");
}

/* Of one manager in another's name, of nobody that is pinned, to another HSM. */
static void order_strangers(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct zkhsm_order o = { .type = ZKHSM_ORDER_TYPE_REVOKE, .number = 1, .count = 1,
				 .elements = f->name };
	struct test_manager *other = manager_pin(test, &f->rnd);

	memcpy(o.manager_id, f->m->id, sizeof(o.manager_id));
	f->len = order_sign(test, other, &o, f->buf, sizeof(f->buf));
	refused(test, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE, "in another's name");

	memset(&o.manager_id, 0, sizeof(o.manager_id));
	f->len = order_sign(test, other, &o, f->buf, sizeof(f->buf));
	manager_unpin(test, other);
	refused(test, -ENOKEY, ZKHSM_REASON_NOT_PINNED, "of a manager that was");

	memset(o.manager_id, 0, sizeof(o.manager_id));
	memset(o.hsm_id, 0x77, sizeof(o.hsm_id));
	f->len = order_sign(test, f->m, &o, f->buf, sizeof(f->buf));
	refused(test, -EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, "to another HSM");
}

/* What the order did is told, each change once, with a reference to the key. */
static void order_result(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 names[2][ZKHSM_HASH_LEN];
	struct zkhsm_order o = { .type = ZKHSM_ORDER_TYPE_REVOKE, .number = 1, .count = 2,
				 .reason = ZKHSM_REVOCATION_REASON_SUPERSEDED,
				 .elements = names[0] };
	struct zkhsm_order_result res;

	memcpy(names[0], f->name, ZKHSM_HASH_LEN);
	memcpy(names[1], f->name, ZKHSM_HASH_LEN);
	names[f->name[0] < 0x80][0] ^= 0x80;
	f->len = order_sign(test, f->m, &o, f->buf, sizeof(f->buf));
	KUNIT_ASSERT_EQ(test, zkhsm_order_apply(f->buf, f->len, &res, NULL), 0);
	KUNIT_EXPECT_MEMEQ(test, res.manager_id, f->m->id, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_EQ(test, res.type, (u32)ZKHSM_ORDER_TYPE_REVOKE);
	KUNIT_EXPECT_EQ(test, res.number, 1ULL);
	KUNIT_EXPECT_TRUE(test, res.in_turn);
	KUNIT_EXPECT_EQ(test, res.tombstones, 1u);
	KUNIT_EXPECT_EQ(test, res.dropped, 0u);
	KUNIT_ASSERT_EQ(test, res.change_count, 1u);
	KUNIT_EXPECT_PTR_EQ(test, res.changes[0].key, f->key);
	KUNIT_EXPECT_EQ(test, res.changes[0].event, ZKHSM_EVENT_COMPROMISED);
	KUNIT_EXPECT_EQ(test, kref_read(&f->key->ref), 2u);
	zkhsm_order_result_free(&res);
	KUNIT_EXPECT_EQ(test, kref_read(&f->key->ref), 1u);
	KUNIT_EXPECT_EQ(test, f->key->reason, ZKHSM_REVOCATION_REASON_SUPERSEDED);
	KUNIT_EXPECT_NULL(test, f->key->live);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(order_counter),
	KUNIT_CASE(order_highest_number),
	KUNIT_CASE(order_counter_outlives_pin),
	KUNIT_CASE(order_tampered),
	KUNIT_CASE(order_type_confusion),
	KUNIT_CASE(order_malleable_signature),
	KUNIT_CASE(order_strangers),
	KUNIT_CASE(order_result),
	{}
};

struct kunit_suite zkhsm_kunit_order = {
	.name = "zkhsm-order",
	.init = begin,
	.exit = finish,
	.test_cases = cases,
};
