// SPDX-License-Identifier: GPL-2.0
/*
 * share.c: what is entered, combined, taken once, and forgotten in time. The
 * keyring's place is taken by the stubs, and the clock can be set ahead.
 */
#include <linux/hex.h>

#include "kunit.h"
#include "seal.h"
#include "shares.h"

#define LIFE_S	600

static int begin(struct kunit *test)
{
	stubs_reset(test);
	zkhsm_share_forget();
	return 0;
}

static void finish(struct kunit *test)
{
	zkhsm_share_forget();
	stubs_restore(test);
}

static void ahead(u32 seconds)
{
	stubs.boottime_ahead = seconds * (s64)NSEC_PER_SEC;
}

/* Share @i of a set; @ack is cleared first. */
static int enter(struct kunit *test, const struct share_set *s, u32 i,
		 struct zkhsm_share_info *info, struct netlink_ext_ack *ack)
{
	u8 share[ZKHSM_SHARE_LEN];
	int err;

	KUNIT_ASSERT_EQ(test, hex2bin(share, s->shares + i * 2 * ZKHSM_SHARE_LEN, sizeof(share)),
			0);
	memset(ack, 0, sizeof(*ack));
	stubs.keyring = share;
	stubs.keyring_len = sizeof(share);
	err = zkhsm_share_enter(1, info, ack);
	stubs.keyring = NULL;
	return err;
}

static const struct share_set *set_of(struct kunit *test, const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(share_sets); i++)
		if (!strcmp(share_sets[i].name, name))
			return &share_sets[i];
	KUNIT_FAIL(test, "no set %s", name);
	kunit_try_catch_throw(&test->try_catch);
	return NULL;
}

static void there(struct kunit *test, u32 threshold, u32 entered, bool complete)
{
	struct zkhsm_share_info info;

	zkhsm_share_read(&info);
	KUNIT_EXPECT_EQ(test, info.threshold, threshold);
	KUNIT_EXPECT_EQ(test, info.entered, entered);
	KUNIT_EXPECT_EQ(test, info.complete, complete);
}

static void enter_all(struct kunit *test, const struct share_set *s)
{
	struct zkhsm_share_info info;
	struct netlink_ext_ack ack;
	u32 i;

	for (i = 0; i < s->count; i++)
		KUNIT_ASSERT_EQ(test, enter(test, s, i, &info, &ack), 0);
}

static void made(struct kunit *test, const struct share_set *s,
		 const struct zkhsm_share_info *info)
{
	u8 kek[ZKHSM_KEK_LEN], want[ZKHSM_KEK_LEN], id[ZKHSM_KEK_ID_LEN];

	KUNIT_ASSERT_EQ(test, hex2bin(want, s->kek, sizeof(want)), 0);
	KUNIT_ASSERT_EQ(test, hex2bin(id, s->kek_id, sizeof(id)), 0);
	KUNIT_EXPECT_TRUE(test, info->complete);
	KUNIT_EXPECT_EQ(test, info->threshold, s->count);
	KUNIT_EXPECT_EQ(test, info->entered, s->count);
	KUNIT_EXPECT_MEMEQ(test, info->kek_id, id, sizeof(id));
	KUNIT_EXPECT_EQ(test, zkhsm_share_take(kek, NULL), 0);
	KUNIT_EXPECT_MEMEQ(test, kek, want, sizeof(kek));
	there(test, 0, 0, false);
}

static void share_sets_in_turn(struct kunit *test)
{
	struct zkhsm_share_info info;
	struct netlink_ext_ack ack;
	u32 i, k;

	for (i = 0; i < ARRAY_SIZE(share_sets); i++) {
		const struct share_set *s = &share_sets[i];

		zkhsm_share_forget();
		for (k = 0; k + 1 < s->count; k++) {
			KUNIT_ASSERT_EQ_MSG(test, enter(test, s, k, &info, &ack), 0, "%s", s->name);
			KUNIT_EXPECT_EQ(test, info.entered, k + 1);
			KUNIT_EXPECT_FALSE(test, info.complete);
		}
		KUNIT_EXPECT_EQ_MSG(test, enter(test, s, k, &info, &ack), s->err, "%s", s->name);
		KUNIT_EXPECT_EQ_MSG(test, reason_of(&ack), s->reason, "%s", s->name);
		if (!s->err)
			made(test, s, &info);
	}
	KUNIT_EXPECT_EQ(test, i, 11U);
}

/* Those of another length do not come past the keyring. */
static void share_encoded(struct kunit *test)
{
	u8 share[ZKHSM_SHARE_LEN];
	struct zkhsm_share_info info;
	struct netlink_ext_ack ack;
	u32 i, seen = 0;

	for (i = 0; i < ARRAY_SIZE(share_encodings); i++) {
		const struct share_encoding *c = &share_encodings[i];

		if (strlen(c->share) != 2 * sizeof(share))
			continue;
		seen++;
		zkhsm_share_forget();
		KUNIT_ASSERT_EQ(test, hex2bin(share, c->share, sizeof(share)), 0);
		memset(&ack, 0, sizeof(ack));
		stubs.keyring = share;
		stubs.keyring_len = sizeof(share);
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_share_enter(1, &info, &ack), c->err, "%s",
				    c->name);
		if (c->err)
			KUNIT_EXPECT_EQ(test, reason_of(&ack), (u32)ZKHSM_REASON_MALFORMED);
		zkhsm_share_read(&info);
		KUNIT_EXPECT_EQ(test, info.entered, (u32)!c->err);
	}
	KUNIT_EXPECT_EQ(test, seen, 18U);
}

static void nothing_to_take(struct kunit *test, const char *when)
{
	static const u8 untouched[ZKHSM_KEK_LEN] = { 1, 2, 3 };
	struct netlink_ext_ack ack = {};
	u8 kek[ZKHSM_KEK_LEN];

	memcpy(kek, untouched, sizeof(kek));
	KUNIT_EXPECT_EQ_MSG(test, zkhsm_share_take(kek, &ack), -ENOKEY, "%s", when);
	KUNIT_EXPECT_EQ_MSG(test, reason_of(&ack), (u32)ZKHSM_REASON_SHARE, "%s", when);
	KUNIT_EXPECT_MEMEQ(test, kek, untouched, sizeof(kek));
}

static void share_taken_once(struct kunit *test)
{
	const struct share_set *s = set_of(test, "first-three");
	struct zkhsm_share_info info;
	struct netlink_ext_ack ack;
	u8 kek[ZKHSM_KEK_LEN];

	nothing_to_take(test, "before the first");
	KUNIT_EXPECT_EQ(test, enter(test, s, 0, &info, &ack), 0);
	KUNIT_EXPECT_EQ(test, enter(test, s, 1, &info, &ack), 0);
	nothing_to_take(test, "two of three");
	there(test, 3, 2, false);
	KUNIT_EXPECT_EQ(test, enter(test, s, 2, &info, &ack), 0);
	KUNIT_EXPECT_EQ(test, enter(test, s, 2, &info, &ack), -EBUSY);
	KUNIT_EXPECT_EQ(test, reason_of(&ack), (u32)ZKHSM_REASON_SHARE);
	KUNIT_EXPECT_EQ(test, zkhsm_share_take(kek, NULL), 0);
	nothing_to_take(test, "again");
	enter_all(test, s);
	zkhsm_share_forget();
	nothing_to_take(test, "after it was forgotten");
}

static void share_dies_of_age(struct kunit *test)
{
	const struct share_set *s = set_of(test, "in-no-order");
	struct zkhsm_share_info info;
	struct netlink_ext_ack ack;

	KUNIT_EXPECT_EQ(test, enter(test, s, 0, &info, &ack), 0);
	ahead(LIFE_S - 60);
	/* A later share does not make those before it live longer. */
	KUNIT_EXPECT_EQ(test, enter(test, s, 1, &info, &ack), 0);
	there(test, 3, 2, false);
	ahead(LIFE_S);
	there(test, 0, 0, false);

	enter_all(test, s);
	ahead(2 * LIFE_S - 60);
	there(test, 3, 3, true);
	ahead(2 * LIFE_S);
	nothing_to_take(test, "too late");
	there(test, 0, 0, false);

	enter_all(test, s);
	ahead(3 * LIFE_S);
	KUNIT_EXPECT_EQ_MSG(test, enter(test, s, 2, &info, &ack), 0,
			    "the old KEK is not in the way");
	KUNIT_EXPECT_EQ(test, info.entered, 1U);
}

static void run_work(void)
{
	stubs.work->work.func(&stubs.work->work);
}

/* Nobody asks, and they are forgotten all the same. */
static void share_forgotten_by_work(struct kunit *test)
{
	const struct share_set *s = set_of(test, "first-three");
	struct zkhsm_share_info info;
	struct netlink_ext_ack ack;

	KUNIT_EXPECT_EQ(test, enter(test, s, 0, &info, &ack), 0);
	KUNIT_ASSERT_NOT_NULL(test, stubs.work);
	KUNIT_EXPECT_GE(test, stubs.work_delay, (unsigned long)LIFE_S * HZ - HZ);
	KUNIT_EXPECT_LE(test, stubs.work_delay, (unsigned long)LIFE_S * HZ + HZ);

	/* Too early, as for the work of a set that has been taken: once more then. */
	ahead(LIFE_S - 60);
	stubs.work_delay = 0;
	run_work();
	KUNIT_EXPECT_GE(test, stubs.work_delay, 55UL * HZ);
	KUNIT_EXPECT_LE(test, stubs.work_delay, 61UL * HZ);
	there(test, 3, 1, false);

	ahead(LIFE_S);
	stubs.work_delay = 0;
	run_work();
	KUNIT_EXPECT_EQ(test, stubs.work_delay, 0UL);
	/* Seen with the clock set back: it was the work, not the look. */
	ahead(0);
	there(test, 0, 0, false);
}

static void share_hash_fails(struct kunit *test)
{
	const struct share_set *s = set_of(test, "first-three");
	struct zkhsm_share_info info;
	struct netlink_ext_ack ack;

	stubs.hash_fails_at = 1;
	KUNIT_EXPECT_EQ(test, enter(test, s, 0, &info, &ack), -EIO);
	KUNIT_EXPECT_EQ(test, reason_of(&ack), (u32)ZKHSM_REASON_FAULT);
	there(test, 0, 0, false);

	KUNIT_EXPECT_EQ(test, enter(test, s, 0, &info, &ack), 0);
	KUNIT_EXPECT_EQ(test, enter(test, s, 1, &info, &ack), 0);
	/* The check of the share, and then the id of the KEK. */
	stubs.hash_calls = 0;
	stubs.hash_fails_at = 2;
	KUNIT_EXPECT_EQ(test, enter(test, s, 2, &info, &ack), -EIO);
	KUNIT_EXPECT_EQ(test, reason_of(&ack), (u32)ZKHSM_REASON_FAULT);
	there(test, 0, 0, false);
	nothing_to_take(test, "a KEK whose id is not known");
}

static struct kunit_case cases[] = {
	KUNIT_CASE(share_sets_in_turn),
	KUNIT_CASE(share_encoded),
	KUNIT_CASE(share_taken_once),
	KUNIT_CASE(share_dies_of_age),
	KUNIT_CASE(share_forgotten_by_work),
	KUNIT_CASE(share_hash_fails),
	{}
};

struct kunit_suite zkhsm_kunit_share = {
	.name = "zkhsm-share",
	.init = begin,
	.exit = finish,
	.test_cases = cases,
};
