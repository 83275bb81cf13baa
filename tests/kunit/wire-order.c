// SPDX-License-Identifier: GPL-2.0
/*
 * wire-order.c, each rule of each type: a good order with one thing wrong, and
 * the exact error.
 */
#include "wire-bytes.h"

static const u8 elements[3][ZKHSM_HASH_LEN] = { { 1 }, { 2 }, { 3 } };

/* C with two managers, as a trust-change has it. */
static const struct zkhsm_configuration config = {
	.quorum = 2, .stop = 1, .wipe = 2, .max_ttl_ms = 1000, .manager_count = 2,
	.managers = { { 4, 1 }, { 4, 2 } },
};

#define CONFIG_LEN	(32 + 2 * 65)

static int decode_order(struct kunit *test, const u8 *buf, size_t len)
{
	struct zkhsm_order o;

	return zkhsm_order_decode(&o, buf, len);
}

/* A good one of each type; @want: how long it is without its signature. */
static size_t order_bytes(struct kunit *test, u8 *buf, u8 type, int want)
{
	struct zkhsm_order o = {
		.type = type, .number = type != ZKHSM_ORDER_TYPE_LEASE,
		.least = 5, .ttl_ms = 1000, .verdict = ZKHSM_LEASE_VERDICT_GRANT,
		.count = 3, .elements = elements[0],
		.config_len = CONFIG_LEN,
	};
	u8 *c = buffer_new(test);
	int len;

	KUNIT_ASSERT_EQ(test, zkhsm_configuration_encode(&config, c, ROOM), CONFIG_LEN);
	o.config = c;
	len = zkhsm_order_encode(&o, buf, ROOM);
	KUNIT_ASSERT_EQ(test, len, want);
	kunit_kfree(test, c);
	return len + ZKHSM_SIGNATURE_LEN;
}

static void wire_order_vote(struct kunit *test)
{
	/* number 72, reason 80, count 81, elements 83 */
	static const struct wrong wrong[] = {
		{ "number 0", 72, 8, { 0 }, -EBADMSG },
		{ "the highest number", 72, 8, { 255, 255, 255, 255, 255, 255, 255, 255 }, 0 },
		{ "reason 6", 80, 1, { 6 }, 0 },
		{ "reason 7, of no meaning", 80, 1, { 7 }, -EBADMSG },
		{ "reason 8", 80, 1, { 8 }, 0 },
		{ "reason 10", 80, 1, { 10 }, 0 },
		{ "reason 11", 80, 1, { 11 }, -EBADMSG },
		{ "reason 255", 80, 1, { 255 }, -EBADMSG },
		{ "no elements", 81, 2, { 0, 0 }, -EBADMSG },
		{ "an element less", 81, 2, { 0, 2 }, -EBADMSG },
		{ "an element more", 81, 2, { 0, 4 }, -EBADMSG },
		{ "1025 elements", 81, 2, { 4, 1 }, -EBADMSG },
		{ "unsorted", 83, 1, { 9 }, -EBADMSG },
		{ "an element twice", 83 + 64, 1, { 2 }, -EBADMSG },
	};
	u8 *buf = buffer_new(test);
	size_t len = order_bytes(test, buf, ZKHSM_ORDER_TYPE_REVOKE, 80 + 3 + 3 * 32);

	each_wrong(test, buf, len, wrong, ARRAY_SIZE(wrong), decode_order);
}

/* 1,024 elements are the most, and are taken. */
static void longest(struct kunit *test, u8 type, int want)
{
	size_t size = ZKHSM_ORDER_LEASE_MAX_LEN + ZKHSM_HASH_LEN;
	u8 *buf = kunit_kzalloc(test, size, GFP_KERNEL);
	u8 *names = kunit_kcalloc(test, ZKHSM_ELEMENTS_MAX + 1, ZKHSM_HASH_LEN, GFP_KERNEL);
	struct zkhsm_order o = {
		.type = type, .number = type != ZKHSM_ORDER_TYPE_LEASE, .elements = names,
		.ttl_ms = 1, .verdict = ZKHSM_LEASE_VERDICT_DENY,
	};
	u32 i;
	int len;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_ASSERT_NOT_NULL(test, names);
	for (i = 0; i <= ZKHSM_ELEMENTS_MAX; i++)
		put_unaligned_be16(i, names + i * ZKHSM_HASH_LEN);
	o.count = ZKHSM_ELEMENTS_MAX;
	len = zkhsm_order_encode(&o, buf, size);
	KUNIT_ASSERT_EQ(test, len + ZKHSM_SIGNATURE_LEN, want);
	KUNIT_EXPECT_EQ(test, decode_order(test, buf, len + ZKHSM_SIGNATURE_LEN), 0);
	o.count++;
	len = zkhsm_order_encode(&o, buf, size);
	KUNIT_EXPECT_EQ(test, decode_order(test, buf, len + ZKHSM_SIGNATURE_LEN), -EBADMSG);
}

static void wire_order_longest(struct kunit *test)
{
	longest(test, ZKHSM_ORDER_TYPE_HOLD, ZKHSM_ORDER_ELEMENTS_MAX_LEN);
	longest(test, ZKHSM_ORDER_TYPE_LEASE, ZKHSM_ORDER_LEASE_MAX_LEN);
}

static void wire_order_lease(struct kunit *test)
{
	/* number 72, statement 80, least 112, ttl 120, verdict 128, count 129, exceptions 131 */
	static const struct wrong wrong[] = {
		{ "a number", 72 + 7, 1, { 1 }, -EBADMSG },
		{ "a high number", 72, 1, { 0x80 }, -EBADMSG },
		{ "any statement", 80, 8, { 255, 255, 255, 255, 255, 255, 255, 255 }, 0 },
		{ "least 0", 112, 8, { 0 }, 0 },
		{ "the highest least", 112, 8, { 255, 255, 255, 255, 255, 255, 255, 255 }, 0 },
		{ "no life", 120, 8, { 0 }, -EBADMSG },
		{ "a life of 1 ms", 120, 8, { 0, 0, 0, 0, 0, 0, 0, 1 }, 0 },
		{ "the longest life", 120, 8, { 255, 255, 255, 255, 255, 255, 255, 255 }, 0 },
		{ "verdict 0", 128, 1, { 0 }, -EBADMSG },
		{ "verdict 1", 128, 1, { 1 }, 0 },
		{ "verdict 3, which only the kernel gives", 128, 1, { 3 }, -EBADMSG },
		{ "verdict 255", 128, 1, { 255 }, -EBADMSG },
		{ "an exception less", 129, 2, { 0, 2 }, -EBADMSG },
		{ "an exception more", 129, 2, { 0, 4 }, -EBADMSG },
		{ "no exceptions, and three", 129, 2, { 0, 0 }, -EBADMSG },
		{ "1025 exceptions", 129, 2, { 4, 1 }, -EBADMSG },
		{ "unsorted", 131, 1, { 9 }, -EBADMSG },
		{ "an exception twice", 131 + 64, 1, { 2 }, -EBADMSG },
	};
	struct zkhsm_order o;
	u8 *buf = buffer_new(test);
	size_t len = order_bytes(test, buf, ZKHSM_ORDER_TYPE_LEASE, 131 + 3 * 32);

	each_wrong(test, buf, len, wrong, ARRAY_SIZE(wrong), decode_order);
	KUNIT_ASSERT_EQ(test, zkhsm_order_decode(&o, buf, len), 0);
	KUNIT_EXPECT_PTR_EQ(test, o.body, (const u8 *)buf + 80);
	KUNIT_EXPECT_EQ(test, o.body_len, (size_t)(51 + 3 * 32));

	/* It is about all keys: it need not name one. */
	buf[130] = 0;
	KUNIT_EXPECT_EQ(test, decode_order(test, buf, 131 + ZKHSM_SIGNATURE_LEN), 0);
	KUNIT_EXPECT_EQ(test, decode_order(test, buf, 130 + ZKHSM_SIGNATURE_LEN), -EBADMSG);
	KUNIT_EXPECT_EQ(test, decode_order(test, buf, 132 + ZKHSM_SIGNATURE_LEN), -EBADMSG);
}

/* Both readers, as whoever takes an order has to ask them. */
static int decode_with_config(struct kunit *test, const u8 *buf, size_t len)
{
	struct zkhsm_configuration *c;
	struct zkhsm_order o;
	int err;

	err = zkhsm_order_decode(&o, buf, len);
	if (err)
		return err;
	c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	err = zkhsm_configuration_decode(c, o.config, o.config_len);
	kunit_kfree(test, c);
	return err;
}

static void wire_order_trust_change(struct kunit *test)
{
	/* number 72, previous 80, length 112, C 114: flags 122, quorum 126, ttl 137, count 145 */
	static const struct wrong wrong[] = {
		{ "number 0", 72, 8, { 0 }, -EBADMSG },
		{ "the highest number", 72, 8, { 255, 255, 255, 255, 255, 255, 255, 255 }, 0 },
		{ "any C before", 80, 8, { 255, 255, 255, 255, 255, 255, 255, 255 }, 0 },
		{ "no C", 112, 2, { 0, 0 }, -EBADMSG },
		{ "C of a byte less", 112, 2, { 0, CONFIG_LEN - 1 }, -EBADMSG },
		{ "C of a byte more", 112, 2, { 0, CONFIG_LEN + 1 }, -EBADMSG },
		{ "C longer than any", 112, 2, { 4, 0x31 }, -EBADMSG },
		{ "another message", 114 + 5, 1, { 3 }, -EBADMSG },
		{ "a later version of C", 114 + 7, 1, { 2 }, -EBADMSG },
		{ "a flag that is none", 122, 1, { 1 }, -EBADMSG },
		{ "two classes of KEK", 125, 1, { 6 }, -EBADMSG },
		{ "no quorum", 126, 1, { 0 }, -EBADMSG },
		{ "a quorum above the managers", 126, 1, { 3 }, 0 },
		{ "max-ttl 0, which is no form", 137, 8, { 0 }, 0 },
		{ "a manager more", 145, 1, { 3 }, -EBADMSG },
		{ "a manager less", 145, 1, { 1 }, -EBADMSG },
		{ "a compressed manager", 146, 1, { 2 }, -EBADMSG },
		{ "managers unsorted", 147, 1, { 3 }, -EBADMSG },
		{ "a manager twice", 147, 1, { 2 }, -EBADMSG },
	};
	struct zkhsm_order o;
	u8 *buf = buffer_new(test);
	size_t len = order_bytes(test, buf, ZKHSM_ORDER_TYPE_TRUST_CHANGE, 114 + CONFIG_LEN);

	each_wrong(test, buf, len, wrong, ARRAY_SIZE(wrong), decode_with_config);
	KUNIT_ASSERT_EQ(test, zkhsm_order_decode(&o, buf, len), 0);
	KUNIT_EXPECT_PTR_EQ(test, o.config, (const u8 *)buf + 114);
	KUNIT_EXPECT_EQ(test, o.config_len, CONFIG_LEN);
	KUNIT_EXPECT_PTR_EQ(test, o.body, (const u8 *)buf + 80);
	KUNIT_EXPECT_EQ(test, o.body_len, (size_t)(34 + CONFIG_LEN));
}

/* Every field by value. */
static void wire_order_fields(struct kunit *test)
{
	struct zkhsm_order o, in = {
		.type = ZKHSM_ORDER_TYPE_LEASE, .least = 0x0102030405060708,
		.ttl_ms = 0x1112131415161718, .verdict = ZKHSM_LEASE_VERDICT_DENY, .count = 3,
		.elements = elements[0],
	};
	u8 *buf = buffer_new(test);
	int len;

	memset(in.manager_id, 0x31, sizeof(in.manager_id));
	memset(in.hsm_id, 0x32, sizeof(in.hsm_id));
	memset(in.statement, 0x33, sizeof(in.statement));
	len = zkhsm_order_encode(&in, buf, ROOM) + ZKHSM_SIGNATURE_LEN;
	KUNIT_ASSERT_EQ(test, zkhsm_order_decode(&o, buf, len), 0);
	KUNIT_EXPECT_EQ(test, o.type, ZKHSM_ORDER_TYPE_LEASE);
	KUNIT_EXPECT_MEMEQ(test, o.manager_id, in.manager_id, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_MEMEQ(test, o.hsm_id, in.hsm_id, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_EQ(test, o.number, 0ULL);
	KUNIT_EXPECT_MEMEQ(test, o.statement, in.statement, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_EQ(test, o.least, in.least);
	KUNIT_EXPECT_EQ(test, o.ttl_ms, in.ttl_ms);
	KUNIT_EXPECT_EQ(test, o.verdict, in.verdict);
	KUNIT_EXPECT_EQ(test, o.count, 3);
	KUNIT_EXPECT_MEMEQ(test, o.elements, elements, sizeof(elements));

	in = (struct zkhsm_order){ .type = ZKHSM_ORDER_TYPE_TRUST_CHANGE, .number = 0x2122,
				   .config = elements[0], .config_len = sizeof(elements) };
	memset(in.previous, 0x34, sizeof(in.previous));
	len = zkhsm_order_encode(&in, buf, ROOM) + ZKHSM_SIGNATURE_LEN;
	KUNIT_ASSERT_EQ(test, zkhsm_order_decode(&o, buf, len), 0);
	KUNIT_EXPECT_EQ(test, o.number, in.number);
	KUNIT_EXPECT_MEMEQ(test, o.previous, in.previous, ZKHSM_HASH_LEN);
	KUNIT_EXPECT_EQ(test, o.config_len, sizeof(elements));
	KUNIT_EXPECT_MEMEQ(test, o.config, elements, sizeof(elements));
}

/* A body under another type's name is no order: the number and the counts do not fit. */
static void wire_order_types(struct kunit *test)
{
	static const struct {
		u8 type;
		int len;
	} good[] = {
		{ ZKHSM_ORDER_TYPE_LEASE, 131 + 3 * 32 },
		{ ZKHSM_ORDER_TYPE_HOLD, 83 + 3 * 32 },
		{ ZKHSM_ORDER_TYPE_TRUST_CHANGE, 114 + CONFIG_LEN },
	};
	u8 *buf = buffer_new(test);
	u32 i, type;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		size_t len = order_bytes(test, buf, good[i].type, good[i].len);

		for (type = 0; type < 256; type++) {
			int want = -EBADMSG;

			if (type == good[i].type ||
			    (good[i].type == ZKHSM_ORDER_TYPE_HOLD &&
			     type >= ZKHSM_ORDER_TYPE_REVOKE && type <= ZKHSM_ORDER_TYPE_RELEASE))
				want = 0;
			else if (type == ZKHSM_ORDER_TYPE_TRANSFER)
				want = -EOPNOTSUPP;
			buf[5] = type;
			KUNIT_EXPECT_EQ_MSG(test, decode_order(test, buf, len), want,
					    "type %u as %u", good[i].type, type);
			/* A number more or less does not help. */
			if (!want || want == -EOPNOTSUPP)
				continue;
			buf[79] ^= 1;
			KUNIT_EXPECT_EQ_MSG(test, decode_order(test, buf, len), want,
					    "type %u as %u", good[i].type, type);
			buf[79] ^= 1;
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(wire_order_vote),
	KUNIT_CASE(wire_order_longest),
	KUNIT_CASE(wire_order_lease),
	KUNIT_CASE(wire_order_trust_change),
	KUNIT_CASE(wire_order_fields),
	KUNIT_CASE(wire_order_types),
	{}
};

struct kunit_suite zkhsm_kunit_wire_order = {
	.name = "zkhsm-wire-order",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
