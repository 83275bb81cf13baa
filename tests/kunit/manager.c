// SPDX-License-Identifier: GPL-2.0
/*
 * Managers that have their private keys here, and sign orders.
 */
#include <linux/slab.h>

#include "kunit.h"

struct test_manager *manager_pin(struct kunit *test, struct rnd_state *rnd)
{
	struct test_manager *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct zkhsm_manager_info info;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->key = secret_new(test, rnd);
	KUNIT_ASSERT_EQ(test, zkhsm_trust_new(m->key->pub, "kunit", &info, NULL), 0);
	memcpy(m->id, info.id, sizeof(m->id));
	return m;
}

void manager_unpin(struct kunit *test, struct test_manager *m)
{
	struct zkhsm_manager_info info;

	KUNIT_EXPECT_EQ(test, zkhsm_trust_del(m->id, &info, NULL), 0);
}

/* Fills in sender and addressee where @o has none. Return: the length of the order. */
size_t order_sign(struct kunit *test, struct test_manager *m, struct zkhsm_order *o, u8 *buf,
		  size_t size)
{
	u8 digest[ZKHSM_HASH_LEN];
	int len;

	if (!memchr_inv(o->manager_id, 0, sizeof(o->manager_id)))
		memcpy(o->manager_id, m->id, sizeof(o->manager_id));
	if (!memchr_inv(o->hsm_id, 0, sizeof(o->hsm_id)))
		memcpy(o->hsm_id, zkhsm_hsm_id(), sizeof(o->hsm_id));
	len = zkhsm_order_encode(o, buf, size);
	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_ASSERT_LE(test, len + ZKHSM_SIGNATURE_LEN, (int)size);
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(buf, len, digest), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_ecdsa_sign(&m->key->secret, m->key->pub, digest, buf + len), 0);
	return len + ZKHSM_SIGNATURE_LEN;
}

int order_send(struct kunit *test, struct test_manager *m, u8 type, u64 number,
	       const u8 *elements, u16 count, struct netlink_ext_ack *extack)
{
	struct zkhsm_order o = {
		.type = type,
		.number = number,
		.reason = ZKHSM_REVOCATION_REASON_KEY_COMPROMISE,
		.count = count,
		.elements = elements,
	};
	size_t size = ZKHSM_ORDER_HEAD_LEN + 3 + count * ZKHSM_HASH_LEN + ZKHSM_SIGNATURE_LEN;
	struct zkhsm_order_result res;
	size_t len;
	u8 *buf;
	int err;

	buf = kunit_kmalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	len = order_sign(test, m, &o, buf, size);
	err = zkhsm_order_apply(buf, len, &res, extack);
	zkhsm_order_result_free(&res);
	return err;
}

/* The manager's next order, about one key. */
int order_next(struct kunit *test, struct test_manager *m, u8 type, const struct zkhsm_key *key)
{
	u8 name[ZKHSM_HASH_LEN];
	int err;

	KUNIT_ASSERT_EQ(test, zkhsm_element_name(key->pub, name), 0);
	err = order_send(test, m, type, m->number + 1, name, 1, NULL);
	if (!err)
		m->number++;
	return err;
}

void quorums_set(struct kunit *test, u32 quorum, u32 stop, u32 wipe)
{
	struct zkhsm_hsm_request req = { .quorum = quorum, .stop = stop, .wipe = wipe };
	struct zkhsm_hsm_info *info = kzalloc(sizeof(*info), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, info);
	KUNIT_EXPECT_EQ(test, zkhsm_hsm_set(&req, info, NULL), 0);
	zkhsm_hsm_info_free(info);
}
