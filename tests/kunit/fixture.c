// SPDX-License-Identifier: GPL-2.0
/*
 * Secrets, keys and an HSM for the suites.
 */
#include <linux/slab.h>

#include "group.h"
#include "kunit.h"

/* Always the same numbers; the log names the seed, for whoever changes it. */
void random_begin(struct kunit *test, struct rnd_state *rnd, u32 seed)
{
	kunit_info(test, "seed %#x", seed);
	prandom_seed_state(rnd, seed);
}

void random_scalar(struct rnd_state *rnd, struct zkhsm_scalar *r, const struct zkhsm_modulus *m)
{
	u8 be[12 * ZKHSM_MAX_LIMBS];

	prandom_bytes_state(rnd, be, sizeof(be));
	zkhsm_scalar_reduce_wide(r, be, m);
}

void scalar_from(struct zkhsm_scalar *r, u64 value)
{
	zkhsm_scalar_set_u64(r, value);
}

void secret_set(struct test_secret *t, const struct zkhsm_scalar *a)
{
	t->plain = *a;
	zkhsm_scalar_to_mont(&t->mont, a, N);
	t->secret.plain = &t->plain;
	t->secret.mont = &t->mont;
}

struct test_secret *secret_new(struct kunit *test, struct rnd_state *rnd)
{
	struct test_secret *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct zkhsm_scalar a;

	KUNIT_ASSERT_NOT_NULL(test, t);
	random_scalar(rnd, &a, N);
	secret_set(t, &a);
	KUNIT_ASSERT_EQ(test, zkhsm_group_mul_base(&a, t->pub), 0);
	return t;
}

/* The identity is made once per load: the first suite that needs one makes it. */
void hsm_need(struct kunit *test)
{
	static const struct zkhsm_hsm_request req;
	struct zkhsm_hsm_info *info;

	if (zkhsm_hsm_present())
		return;
	info = kunit_kzalloc(test, sizeof(*info), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, info);
	KUNIT_ASSERT_EQ(test, zkhsm_hsm_new(&req, info, NULL), 0);
}

/*
 * What zkhsm_op_key_new() does with an imported scalar, which would have to
 * come from a keyring of the caller's. The store's reference is the only one.
 */
struct zkhsm_key *key_new(struct kunit *test, const char *id, const struct zkhsm_scalar *a)
{
	struct zkhsm_element *fresh = zkhsm_element_alloc(), *e;
	struct zkhsm_key *key = zkhsm_key_alloc(id);
	u8 be[ZKHSM_SCALAR_LEN];

	KUNIT_ASSERT_NOT_NULL(test, key);
	KUNIT_ASSERT_NOT_NULL(test, fresh);
	key->live = zkhsm_live_alloc();
	KUNIT_ASSERT_NOT_NULL(test, key->live);
	zkhsm_scalar_to_be(be, a, N);
	KUNIT_ASSERT_EQ(test, zkhsm_secret_import(&key->live->secret, be, key->pub), 0);
	memzero_explicit(be, sizeof(be));
	KUNIT_ASSERT_EQ(test, zkhsm_element_name(key->pub, fresh->name), 0);
	key->usage = ZKHSM_KEY_USAGE_ALL;
	key->owner = GLOBAL_ROOT_UID;
	key->origin = ZKHSM_KEY_ORIGIN_IMPORTED;
	key->state = ZKHSM_KEY_STATE_ACTIVE;

	down_write(&zkhsm_lock);
	e = zkhsm_element_adopt(&fresh, ZKHSM_ROLE_KEY, NULL);
	if (!IS_ERR(e)) {
		e->key = key;
		key->element = e;
		zkhsm_keystore_insert(key);
	}
	up_write(&zkhsm_lock);
	zkhsm_element_free(fresh);
	zkhsm_key_put(key);
	KUNIT_ASSERT_FALSE(test, IS_ERR(e));
	return key;
}

struct zkhsm_caller admin_caller(void)
{
	return (struct zkhsm_caller){ .uid = GLOBAL_ROOT_UID, .admin = true };
}

void key_delete(struct kunit *test, struct zkhsm_key *key)
{
	struct zkhsm_caller by = admin_caller();
	struct zkhsm_key_info info;

	KUNIT_EXPECT_EQ(test, zkhsm_op_key_del(key, &by, &info, NULL), 0);
}

/* Whether it may be used, and nothing is kept of it: a test that expects a refusal may get none. */
int key_try_use(struct zkhsm_key *key, u32 usage, struct netlink_ext_ack *extack)
{
	struct zkhsm_live *live;
	int err = zkhsm_key_use_begin(key, usage, NULL, &live, extack);

	if (!err)
		zkhsm_live_put(live);
	return err;
}

/* The same of an answer, which holds zkhsm_lock. */
int key_try_release(struct zkhsm_key *key, u32 usage, struct netlink_ext_ack *extack)
{
	int err = zkhsm_key_release_begin(key, usage, NULL, extack);

	if (!err)
		zkhsm_key_release_end(key);
	return err;
}

/* proof-get of UserID "alice". */
int key_prove(struct zkhsm_key *key, u8 proof[ZKHSM_PROOF_LEN], struct netlink_ext_ack *extack)
{
	const struct zkhsm_proof_input in = { .user_id = "alice", .uid_len = 5 };

	return zkhsm_op_prove(key, &in, NULL, proof, extack);
}

/* NULL when nobody has heard of it. The suites are alone, so it stays. */
struct zkhsm_element *element_of(const u8 pub[ZKHSM_POINT_LEN])
{
	u8 name[ZKHSM_HASH_LEN];
	struct zkhsm_element *e;

	if (zkhsm_element_name(pub, name))
		return NULL;
	down_read(&zkhsm_lock);
	e = zkhsm_element_find(name);
	up_read(&zkhsm_lock);
	return e;
}

/* The number for programs, as zkhsm_refuse() put it. */
u32 reason_of(const struct netlink_ext_ack *extack)
{
	u32 number = 0;

	if (extack->cookie_len == sizeof(number))
		memcpy(&number, extack->cookie, sizeof(number));
	return number;
}
