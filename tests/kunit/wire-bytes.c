// SPDX-License-Identifier: GPL-2.0
/*
 * wire.c, each rule of each format: a good encoding with one thing wrong, and
 * the exact error.
 */
#include <linux/ctype.h>

#include "wire-bytes.h"

/* Where things are, by Documentation/protocol.rst and not by the encoder. */
enum {
	AT_VERSION = 6,
	AT_CHALLENGE_COUNT = 173,
	AT_CHALLENGE_0 = 174,
	AT_CHALLENGE_1 = 278,
	AT_LIST_COUNT = 450,
	AT_GROUP_COUNT = 486,
	AT_GROUP = 487,
	STATEMENT_LEN = 489,
};

static int decode_statement(struct kunit *test, const u8 *buf, size_t len)
{
	struct zkhsm_statement *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, s);
	err = zkhsm_statement_decode(s, buf, len);
	kunit_kfree(test, s);
	return err;
}

static void wire_bytes_statement(struct kunit *test)
{
	static const struct wrong wrong[] = {
		{ "magic", 0, 1, { 'z' }, -EBADMSG },
		{ "last of the magic", 4, 1, { 'm' }, -EBADMSG },
		{ "type", 5, 1, { 2 }, -EBADMSG },
		{ "version 0", AT_VERSION, 2, { 0, 0 }, -EBADMSG },
		{ "version 2", AT_VERSION, 2, { 0, 2 }, -EBADMSG },
		{ "version 257", AT_VERSION, 2, { 1, 1 }, -EBADMSG },
		{ "no challenges", AT_CHALLENGE_COUNT, 1, { 0 }, -EBADMSG },
		{ "a challenge too many", AT_CHALLENGE_COUNT, 1, { 3 }, -EBADMSG },
		{ "17 challenges", AT_CHALLENGE_COUNT, 1, { 17 }, -EBADMSG },
		{ "unsorted", AT_CHALLENGE_0, 1, { 3 }, -EBADMSG },
		{ "a manager twice", AT_CHALLENGE_1, 1, { 1 }, -EBADMSG },
		{ "a digest of no order", AT_CHALLENGE_1 + 72, 1, { 1 }, -EBADMSG },
		{ "a number and a zero digest", AT_CHALLENGE_1 + 64, 8, { 1 }, 0 },
		{ "as many keys as can be", AT_LIST_COUNT, 4, { 0, 1, 0x86, 0xa0 }, 0 },
		{ "more keys", AT_LIST_COUNT, 4, { 0, 1, 0x86, 0xa1 }, -EBADMSG },
		{ "no group", AT_GROUP_COUNT, 1, { 0 }, -EBADMSG },
		{ "two groups", AT_GROUP_COUNT, 1, { 2 }, -EBADMSG },
		{ "suite 0", AT_GROUP, 2, { 0, 0 }, -EBADMSG },
		{ "P-384", AT_GROUP, 2, { 0, 2 }, -EBADMSG },
		{ "suite 257", AT_GROUP, 2, { 1, 1 }, -EBADMSG },
	};
	struct zkhsm_statement *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	u8 *buf = buffer_new(test);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->challenge_count = 2;
	s->challenges[0].manager_id[0] = 1;
	s->challenges[1].manager_id[0] = 2;
	s->group_count = 1;
	s->groups[0] = ZKHSM_SUITE_P256;
	KUNIT_ASSERT_EQ(test, zkhsm_statement_encode(s, buf, ROOM), STATEMENT_LEN);
	each_wrong(test, buf, STATEMENT_LEN, wrong, ARRAY_SIZE(wrong), decode_statement);

	/* two suites, ascending, would be a statement of a later version */
	s->group_count = 2;
	s->groups[1] = ZKHSM_SUITE_P384;
	KUNIT_ASSERT_EQ(test, zkhsm_statement_encode(s, buf, ROOM), STATEMENT_LEN + 2);
	KUNIT_EXPECT_EQ(test, decode_statement(test, buf, STATEMENT_LEN + 2), -EBADMSG);
}

static int decode_configuration(struct kunit *test, const u8 *buf, size_t len)
{
	struct zkhsm_configuration *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, c);
	err = zkhsm_configuration_decode(c, buf, len);
	kunit_kfree(test, c);
	return err;
}

static void wire_bytes_configuration(struct kunit *test)
{
	/* flags 8, quorum 12, stop 13, wipe 14, times 15 and 23, count 31, keys 32 */
	static const struct wrong wrong[] = {
		{ "type", 5, 1, { 3 }, -EBADMSG },
		{ "a known flag", 8, 4, { 0, 0, 0, 1 }, 0 },
		{ "a class of KEK, a counter, locked", 8, 4, { 0, 0, 0, 25 }, 0 },
		{ "two classes of KEK", 8, 4, { 0, 0, 0, 6 }, -EBADMSG },
		{ "all classes of KEK", 8, 4, { 0, 0, 0, 14 }, -EBADMSG },
		{ "a counter of nothing", 8, 4, { 0, 0, 0, 16 }, -EBADMSG },
		{ "an unknown flag", 8, 4, { 0, 0, 0, 32 }, -EBADMSG },
		{ "the highest flag", 8, 4, { 0x80 }, -EBADMSG },
		{ "quorum 0", 12, 1, { 0 }, -EBADMSG },
		{ "stop 0", 13, 1, { 0 }, -EBADMSG },
		{ "wipe 0", 14, 1, { 0 }, -EBADMSG },
		{ "a manager less", 31, 1, { 1 }, -EBADMSG },
		{ "a manager more", 31, 1, { 3 }, -EBADMSG },
		{ "17 managers", 31, 1, { 17 }, -EBADMSG },
		{ "a compressed key", 32, 1, { 2 }, -EBADMSG },
		{ "another compressed key", 97, 1, { 3 }, -EBADMSG },
		{ "unsorted", 33, 1, { 9 }, -EBADMSG },
		{ "a key twice", 98, 1, { 1 }, -EBADMSG },
	};
	struct zkhsm_configuration *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	u8 *buf = buffer_new(test);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->quorum = 1;
	c->stop = 1;
	c->wipe = 1;
	c->manager_count = 2;
	c->managers[0][0] = 4;
	c->managers[0][1] = 1;
	c->managers[1][0] = 4;
	c->managers[1][1] = 2;
	KUNIT_ASSERT_EQ(test, zkhsm_configuration_encode(c, buf, ROOM), 32 + 2 * 65);
	each_wrong(test, buf, 32 + 2 * 65, wrong, ARRAY_SIZE(wrong), decode_configuration);

	c->manager_count = 0;
	KUNIT_ASSERT_EQ(test, zkhsm_configuration_encode(c, buf, ROOM), 32);
	KUNIT_EXPECT_EQ(test, decode_configuration(test, buf, 32), 0);
}

static size_t list_bytes(struct kunit *test, u8 *buf, const char *const *ids, u32 count)
{
	struct zkhsm_list_entry e = {
		.type = ZKHSM_KEY_TYPE_EC_P256,
		.origin = ZKHSM_KEY_ORIGIN_GENERATED,
		.state = ZKHSM_KEY_STATE_ACTIVE,
		.public_len = ZKHSM_POINT_LEN,
		.public = { 4 },
	};
	int at = zkhsm_list_head_encode(count, buf, ROOM), len;
	u32 i;

	for (i = 0; i < count; i++) {
		e.id_len = strlen(ids[i]);
		memcpy(e.id, ids[i], e.id_len);
		len = zkhsm_list_entry_encode(&e, buf + at, ROOM - at);
		KUNIT_ASSERT_EQ(test, len, 88 + e.id_len);
		at += len;
	}
	return at;
}

static int decode_list(struct kunit *test, const u8 *buf, size_t len)
{
	struct zkhsm_list_reader l;
	struct zkhsm_list_entry e;
	int ret = zkhsm_list_begin(&l, buf, len);

	if (ret)
		return ret;
	do {
		ret = zkhsm_list_next(&l, &e);
	} while (ret == 1);
	return ret;
}

static void wire_bytes_list(struct kunit *test)
{
	/* count 8; id 13, type 14, origin 16, usage 17, flags 21, created 25, state 33, 34, 36 */
	static const struct wrong wrong[] = {
		{ "type", 5, 1, { 1 }, -EBADMSG },
		{ "an entry less", 8, 4, { 0, 0, 0, 1 }, -EBADMSG },
		{ "an entry more", 8, 4, { 0, 0, 0, 3 }, -EBADMSG },
		{ "100,001 entries", 8, 4, { 0, 1, 0x86, 0xa1 }, -EBADMSG },
		{ "no id", 12, 1, { 0 }, -EBADMSG },
		{ "id of 65", 12, 1, { 65 }, -EBADMSG },
		{ "id of 255", 12, 1, { 255 }, -EBADMSG },
		{ "id of a dot", 13, 1, { '.' }, -EBADMSG },
		{ "id of a slash", 13, 1, { '/' }, -EBADMSG },
		{ "id of a NUL", 13, 1, { 0 }, -EBADMSG },
		{ "id of a high byte", 13, 1, { 0xe1 }, -EBADMSG },
		{ "P-384", 14, 2, { 0, 2 }, -EBADMSG },
		{ "no type", 14, 2, { 0, 0 }, -EBADMSG },
		{ "no origin", 16, 1, { 0 }, -EBADMSG },
		{ "origin 3", 16, 1, { 3 }, 0 },
		{ "origin 4", 16, 1, { 4 }, -EBADMSG },
		{ "usage 3", 17, 4, { 0, 0, 0, 3 }, 0 },
		{ "usage 4", 17, 4, { 0, 0, 0, 4 }, -EBADMSG },
		{ "flags 7", 21, 4, { 0, 0, 0, 7 }, 0 },
		{ "flags 8", 21, 4, { 0, 0, 0, 8 }, -EBADMSG },
		{ "no state", 33, 1, { 0 }, -EBADMSG },
		{ "state 5", 33, 1, { 5 }, 0 },
		{ "state 6", 33, 1, { 6 }, -EBADMSG },
		{ "a compressed point", 36, 1, { 2 }, -EBADMSG },
		{ "a point of 64", 34, 2, { 0, 64 }, -EBADMSG },
		{ "a point of 66", 34, 2, { 0, 66 }, -EBADMSG },
		{ "no point", 34, 2, { 0, 0 }, -EBADMSG },
		{ "unsorted", 13, 1, { 'c' }, -EBADMSG },
		{ "an id twice", 13, 1, { 'b' }, -EBADMSG },
	};
	static const char *const ids[] = { "a", "b" }, *const prefix[] = { "a", "a1" },
		*const turned[] = { "a1", "a" }, *const upper[] = { "B", "a" };
	u8 *buf = buffer_new(test);
	size_t len = list_bytes(test, buf, ids, 2);

	each_wrong(test, buf, len, wrong, ARRAY_SIZE(wrong), decode_list);
	len = list_bytes(test, buf, prefix, 2);
	KUNIT_EXPECT_EQ(test, decode_list(test, buf, len), 0);
	len = list_bytes(test, buf, turned, 2);
	KUNIT_EXPECT_EQ(test, decode_list(test, buf, len), -EBADMSG);
	len = list_bytes(test, buf, upper, 2);
	KUNIT_EXPECT_EQ(test, decode_list(test, buf, len), 0);
	len = list_bytes(test, buf, ids, 0);
	KUNIT_EXPECT_EQ(test, decode_list(test, buf, len), 0);
	KUNIT_EXPECT_EQ(test, decode_list(test, buf, len + 1), -EBADMSG);
}

static int decode_announcement(struct kunit *test, const u8 *buf, size_t len)
{
	struct zkhsm_announcement a;

	return zkhsm_announcement_decode(&a, buf, len);
}

static void wire_bytes_announcement(struct kunit *test)
{
	static const struct wrong wrong[] = {
		{ "type", 5, 1, { 1 }, -EBADMSG },
		{ "version", 7, 1, { 2 }, -EBADMSG },
		{ "100,000 keys", 44, 4, { 0, 1, 0x86, 0xa0 }, 0 },
		{ "100,001 keys", 44, 4, { 0, 1, 0x86, 0xa1 }, -EBADMSG },
	};
	struct zkhsm_announcement a = { .list_len = 12 };
	u8 *buf = buffer_new(test);

	KUNIT_ASSERT_EQ(test, zkhsm_announcement_encode(&a, buf, ROOM), 48);
	each_wrong(test, buf, 48, wrong, ARRAY_SIZE(wrong), decode_announcement);
}

static int compare(const char *a, const char *b)
{
	return zkhsm_id_compare((const u8 *)a, strlen(a), (const u8 *)b, strlen(b));
}

static void wire_bytes_ids(struct kunit *test)
{
	static const char good[] = "ABCXYZabcxyz0189", inside[] = "._@-";
	u8 id[ZKHSM_ID_MAX_LEN + 1];
	u32 c;

	memset(id, 'a', sizeof(id));
	KUNIT_EXPECT_FALSE(test, zkhsm_id_valid(id, 0));
	KUNIT_EXPECT_TRUE(test, zkhsm_id_valid(id, 1));
	KUNIT_EXPECT_TRUE(test, zkhsm_id_valid(id, ZKHSM_ID_MAX_LEN));
	KUNIT_EXPECT_FALSE(test, zkhsm_id_valid(id, ZKHSM_ID_MAX_LEN + 1));
	for (c = 0; c < 256; c++) {
		bool letter = isascii(c) && isalnum(c);
		bool within = letter || (c && strchr(inside, c));

		id[0] = c;
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_id_valid(id, 2), letter, "%02x first", c);
		id[0] = 'a';
		id[63] = c;
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_id_valid(id, 64), within, "%02x last", c);
		id[63] = 'a';
	}
	for (c = 0; good[c]; c++)
		KUNIT_EXPECT_TRUE(test, zkhsm_id_valid((const u8 *)good + c, 1));

	KUNIT_EXPECT_EQ(test, compare("a", "a"), 0);
	KUNIT_EXPECT_LT(test, compare("a", "b"), 0);
	KUNIT_EXPECT_GT(test, compare("b", "a"), 0);
	KUNIT_EXPECT_LT(test, compare("a", "aa"), 0);
	KUNIT_EXPECT_GT(test, compare("b", "aa"), 0);
	KUNIT_EXPECT_GT(test, compare("aa", "a"), 0);
}

/* BE16(suite) | x: a point and its negative have one name. */
static void wire_bytes_element(struct kunit *test)
{
	u8 pub[ZKHSM_POINT_LEN], other[ZKHSM_POINT_LEN], in[ZKHSM_ELEMENT_INPUT_LEN];
	u8 first[ZKHSM_ELEMENT_INPUT_LEN];
	u32 i;

	for (i = 0; i < sizeof(pub); i++)
		pub[i] = i + 4;
	zkhsm_element_input(0x0102, pub, first);
	KUNIT_EXPECT_EQ(test, first[0], 1);
	KUNIT_EXPECT_EQ(test, first[1], 2);
	KUNIT_EXPECT_MEMEQ(test, first + 2, pub + 1, 32);
	memcpy(other, pub, sizeof(other));
	memset(other + 33, 0, 32);
	zkhsm_element_input(0x0102, other, in);
	KUNIT_EXPECT_MEMEQ(test, in, first, sizeof(in));
	other[32] ^= 1;
	zkhsm_element_input(0x0102, other, in);
	KUNIT_EXPECT_MEMNEQ(test, in, first, sizeof(in));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(wire_bytes_statement),
	KUNIT_CASE(wire_bytes_configuration),
	KUNIT_CASE(wire_bytes_list),
	KUNIT_CASE(wire_bytes_announcement),
	KUNIT_CASE(wire_bytes_ids),
	KUNIT_CASE(wire_bytes_element),
	{}
};

struct kunit_suite zkhsm_kunit_wire_bytes = {
	.name = "zkhsm-wire-bytes",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
