// SPDX-License-Identifier: GPL-2.0
/*
 * Evidence that leases answer, and managers that lease.
 */
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "leases.h"

#define SEED	0x1ea5eu

static int compare_managers(const void *a, const void *b)
{
	const struct test_manager *const *m = a, *const *n = b;

	return memcmp((*m)->id, (*n)->id, ZKHSM_HASH_LEN);
}

int leases_begin(struct kunit *test)
{
	struct leases *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	static u32 seed = SEED;
	struct zkhsm_scalar a;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	stubs_reset(test);
	/*
	 * Ahead of the real one, by more than a test takes: the timer, which is
	 * not stubbed, never finds a lease ended.
	 */
	f->since = ktime_to_ms(ktime_get_boottime()) + 31 * 24 * HOUR_MS;
	clock_set(test, f->since);
	hsm_need(test);
	quorums_set(test, 1, 1, 1);
	leases_set(test, 1, 0, ZKHSM_DEFAULT_MAX_TTL_MS);
	random_begin(test, &f->rnd, seed++);
	for (i = 0; i < MANAGERS; i++)
		f->m[i] = manager_pin(test, &f->rnd);
	sort(f->m, MANAGERS, sizeof(f->m[0]), compare_managers, NULL);
	random_scalar(&f->rnd, &a, N);
	f->key = key_new(test, "leased", &a);
	f->key->flags = ZKHSM_KEY_FLAG_LEASE_REQUIRED;
	KUNIT_ASSERT_EQ(test, zkhsm_element_name(f->key->pub, f->name), 0);
	test->priv = f;
	return 0;
}

/* Some tests leave managers unpinned. */
void leases_finish(struct kunit *test)
{
	struct leases *f = test->priv;
	struct zkhsm_manager_info info;
	u32 i;

	if (f) {
		if (f->key)
			key_delete(test, f->key);
		for (i = 0; i < MANAGERS; i++)
			zkhsm_trust_del(f->m[i]->id, &info, NULL);
		/* Numbered by a clock that is no more; they would never die. */
		zkhsm_outstanding_drop_all();
		leases_set(test, 1, 0, ZKHSM_DEFAULT_MAX_TTL_MS);
	}
	stubs_restore(test);
}

void clock_set(struct kunit *test, u64 ms)
{
	stubs.boottime_stands = ms * NSEC_PER_MSEC;
}

void leases_set(struct kunit *test, u32 quorum, u64 grace_ms, u64 max_ttl_ms)
{
	struct zkhsm_hsm_request req = { .quorum = quorum, .set_grace = true, .grace_ms = grace_ms,
					 .max_ttl_ms = max_ttl_ms };
	struct zkhsm_hsm_info *info = kzalloc(sizeof(*info), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, info);
	KUNIT_EXPECT_EQ(test, zkhsm_hsm_set(&req, info, NULL), 0);
	zkhsm_hsm_info_free(info);
}

/* Evidence over L as it is, now, whose SHA-256(S) is all @id. */
void evidence_given(struct kunit *test, u8 id, bool by_hand)
{
	struct zkhsm_outstanding *o = zkhsm_outstanding_reserve(by_hand);
	struct zkhsm_list *list = zkhsm_list_current();
	struct zkhsm_statement *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	u8 statement[ZKHSM_HASH_LEN];

	KUNIT_ASSERT_NOT_NULL(test, o);
	KUNIT_ASSERT_FALSE(test, IS_ERR(list));
	KUNIT_ASSERT_NOT_NULL(test, s);
	zkhsm_outstanding_number(o, s);
	memset(statement, id, sizeof(statement));
	KUNIT_EXPECT_EQ(test, zkhsm_outstanding_commit(o, list, statement), 0);
	zkhsm_list_put(list);
	kunit_kfree(test, s);
}

/* @o: what is not the usual; a life of an hour, that grants. */
int lease_send(struct kunit *test, struct test_manager *m, u8 id, struct zkhsm_order o,
	       u32 *reason)
{
	size_t size = ZKHSM_ORDER_HEAD_LEN + 51 + o.count * ZKHSM_HASH_LEN + ZKHSM_SIGNATURE_LEN;
	struct netlink_ext_ack extack = {};
	struct zkhsm_order_result res;
	u8 *buf = kunit_kmalloc(test, size, GFP_KERNEL);
	size_t len;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	o.type = ZKHSM_ORDER_TYPE_LEASE;
	memset(o.statement, id, sizeof(o.statement));
	o.ttl_ms = o.ttl_ms ?: HOUR_MS;
	o.verdict = o.verdict ?: ZKHSM_LEASE_VERDICT_GRANT;
	len = order_sign(test, m, &o, buf, size);
	err = zkhsm_order_apply(buf, len, &res, &extack);
	zkhsm_order_result_free(&res);
	kunit_kfree(test, buf);
	if (reason)
		*reason = reason_of(&extack);
	return err;
}

void lease_grant(struct kunit *test, struct test_manager *m, u8 id, u64 ttl_ms)
{
	struct zkhsm_order o = { .ttl_ms = ttl_ms };

	KUNIT_EXPECT_EQ_MSG(test, lease_send(test, m, id, o, NULL), 0, "evidence %u", id);
}

void lease_deny(struct kunit *test, struct test_manager *m, u8 id)
{
	struct zkhsm_order o = { .verdict = ZKHSM_LEASE_VERDICT_DENY };

	KUNIT_EXPECT_EQ_MSG(test, lease_send(test, m, id, o, NULL), 0, "evidence %u", id);
}

/* Why the key can not be used now; 0: it can. @unleased: although no lease says so. */
u32 lease_says(struct kunit *test, bool *unleased)
{
	struct leases *f = test->priv;
	struct netlink_ext_ack extack = {};
	bool without;
	int err;

	down_read(&zkhsm_lock);
	err = zkhsm_lease_check(f->key, &without, &extack);
	up_read(&zkhsm_lock);
	if (unleased)
		*unleased = without;
	KUNIT_EXPECT_TRUE(test, !err || err == -EKEYEXPIRED);
	KUNIT_EXPECT_EQ(test, !err, !reason_of(&extack));
	return reason_of(&extack);
}
