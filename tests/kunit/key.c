// SPDX-License-Identifier: GPL-2.0
/*
 * A key's life: the table of states, who may change what, both kinds of
 * reference, and a use that is in flight when the key is stopped.
 */
#include <linux/slab.h>

#include "kunit.h"
#include "trace.h"

#define SEED	0x6e1u

/* Keys whose struct has been given back since the test began. */
static atomic_t destroyed = ATOMIC_INIT(0);

static void count_life(void *data, const char *id, bool created)
{
	if (!created)
		atomic_inc(&destroyed);
}

static int suite_init(struct kunit_suite *suite)
{
	return register_trace_zkhsm_key_life(count_life, NULL);
}

static void suite_exit(struct kunit_suite *suite)
{
	unregister_trace_zkhsm_key_life(count_life, NULL);
	tracepoint_synchronize_unregister();
}

static int begin(struct kunit *test)
{
	atomic_set(&destroyed, 0);
	hsm_need(test);
	return stubs_reset(test);
}

static struct zkhsm_key *random_key(struct kunit *test, struct rnd_state *rnd, const char *id)
{
	struct zkhsm_scalar a;

	random_scalar(rnd, &a, N);
	return key_new(test, id, &a);
}

static void force_state(struct zkhsm_key *key, enum zkhsm_key_state state)
{
	down_write(&zkhsm_lock);
	zkhsm_key_set_state(key, state);
	up_write(&zkhsm_lock);
}

static int set_state(struct zkhsm_key *key, u32 state, struct netlink_ext_ack *extack)
{
	struct zkhsm_key_update up = { .set_state = true, .state = state, .by = admin_caller() };
	struct zkhsm_key_info info;

	return zkhsm_op_key_set(key, &up, &info, extack);
}

#define PRE	ZKHSM_KEY_STATE_PRE_ACTIVE
#define ACT	ZKHSM_KEY_STATE_ACTIVE
#define HELD	ZKHSM_KEY_STATE_HELD
#define DEACT	ZKHSM_KEY_STATE_DEACTIVATED
#define COMP	ZKHSM_KEY_STATE_COMPROMISED

/* Every state, and every number that an owner may ask for; 0: it becomes that. */
static void key_state_table(struct kunit *test)
{
	static const int table[][COMP + 2] = {
		[PRE] = { -EACCES, 0, 0, -EACCES, -EACCES, -EACCES, -EACCES },
		[ACT] = { -EACCES, -EACCES, 0, -EACCES, 0, -EACCES, -EACCES },
		[HELD] = { -EACCES, -EACCES, -EACCES, 0, -EACCES, -EACCES, -EACCES },
		[DEACT] = { -EACCES, -EACCES, 0, -EACCES, 0, -EACCES, -EACCES },
		[COMP] = { -EKEYREVOKED, -EKEYREVOKED, -EKEYREVOKED, -EKEYREVOKED, -EKEYREVOKED, 0,
			   -EKEYREVOKED },
	};
	static const u32 reason[] = {
		[PRE] = ZKHSM_REASON_STATE, [ACT] = ZKHSM_REASON_STATE, [HELD] = ZKHSM_REASON_HELD,
		[DEACT] = ZKHSM_REASON_STATE, [COMP] = ZKHSM_REASON_REVOKED,
	};
	struct zkhsm_key *key;
	struct rnd_state rnd;
	u32 from, to;

	random_begin(test, &rnd, SEED);
	key = random_key(test, &rnd, "table");
	for (from = PRE; from <= COMP; from++)
		for (to = 0; to <= COMP + 1; to++) {
			struct netlink_ext_ack extack = {};
			int want = table[from][to];

			force_state(key, from);
			KUNIT_EXPECT_EQ_MSG(test, set_state(key, to, &extack), want, "%u to %u",
					    from, to);
			KUNIT_EXPECT_EQ_MSG(test, (u32)key->state, want ? from : to, "%u to %u",
					    from, to);
			KUNIT_EXPECT_EQ_MSG(test, reason_of(&extack), want ? reason[from] : 0,
					    "%u to %u", from, to);
			KUNIT_EXPECT_EQ(test, !key->live, from == COMP);
		}
	key_delete(test, key);
}

/* Whether a key of each state may be used, before the arithmetic and after it. */
static void key_use_table(struct kunit *test)
{
	static const int want[] = { [PRE] = -EACCES, [ACT] = 0, [HELD] = -EACCES,
				    [DEACT] = -EACCES, [COMP] = -EKEYREVOKED };
	static const u32 reason[] = { [PRE] = ZKHSM_REASON_STATE, [HELD] = ZKHSM_REASON_HELD,
				      [DEACT] = ZKHSM_REASON_STATE,
				      [COMP] = ZKHSM_REASON_REVOKED };
	struct zkhsm_live *first;
	struct zkhsm_key *key;
	struct rnd_state rnd;
	u32 state;

	random_begin(test, &rnd, SEED + 1);
	key = random_key(test, &rnd, "use");
	KUNIT_ASSERT_EQ(test, 0,
			zkhsm_key_use_begin(key, ZKHSM_KEY_USAGE_SIGN, NULL, &first, NULL));
	for (state = PRE; state <= COMP; state++) {
		struct netlink_ext_ack begun = {}, released = {};

		force_state(key, state);
		KUNIT_EXPECT_EQ_MSG(test, key_try_use(key, ZKHSM_KEY_USAGE_SIGN, &begun),
				    want[state], "state %u", state);
		KUNIT_EXPECT_EQ(test, reason_of(&begun), reason[state]);
		KUNIT_EXPECT_EQ_MSG(test, key_try_release(key, ZKHSM_KEY_USAGE_SIGN, &released),
				    want[state], "state %u", state);
		KUNIT_EXPECT_EQ(test, reason_of(&released), reason[state]);
	}
	/* only what was released has been counted */
	KUNIT_EXPECT_EQ(test, atomic64_read(&key->uses), 1);
	zkhsm_live_put(first);
	key_delete(test, key);
}

static int update(struct zkhsm_key *key, struct zkhsm_key_update up, u32 *reason)
{
	struct netlink_ext_ack extack = {};
	struct zkhsm_key_info info;
	int err = zkhsm_op_key_set(key, &up, &info, &extack);

	*reason = reason_of(&extack);
	return err;
}

/* Usage loses bits, flags gain them, the owner is an administrator's to change. */
static void key_attributes(struct kunit *test)
{
	const struct zkhsm_caller admin = admin_caller();
	const struct zkhsm_caller owner = { .uid = GLOBAL_ROOT_UID };
	const struct zkhsm_caller stranger = { .uid = KUIDT_INIT(1234) };
	const struct zkhsm_key_update no_flags = { .set_flags = true, .by = admin };
	const struct {
		struct zkhsm_key_update up;
		int err;
		u32 reason;
	} cases[] = {
		{ { .set_usage = true, .usage = 4, .by = admin }, -EOPNOTSUPP,
		  ZKHSM_REASON_UNKNOWN_FLAG },
		{ { .set_usage = true, .usage = 1, .by = stranger }, -EACCES,
		  ZKHSM_REASON_NOT_OWNER },
		{ { .set_usage = true, .usage = 1, .by = owner }, 0, 0 },
		{ { .set_usage = true, .usage = 3, .by = admin }, -EPERM, ZKHSM_REASON_WIDENING },
		{ { .set_usage = true, .usage = 2, .by = owner }, -EPERM, ZKHSM_REASON_WIDENING },
		{ { .set_usage = true, .usage = 0, .by = owner }, 0, 0 },
		{ { .set_flags = true, .flags = 8, .by = admin }, -EOPNOTSUPP,
		  ZKHSM_REASON_UNKNOWN_FLAG },
		{ { .set_flags = true, .flags = 1, .by = admin }, -EINVAL,
		  ZKHSM_REASON_RESERVED_INPUT },
		{ { .set_owner = true, .owner = KUIDT_INIT(1), .by = owner }, -EPERM,
		  ZKHSM_REASON_NOT_ADMIN },
		{ { .set_owner = true, .owner = INVALID_UID, .by = admin }, -EINVAL,
		  ZKHSM_REASON_RESERVED_INPUT },
		{ { .set_owner = true, .owner = KUIDT_INIT(1), .by = admin }, 0, 0 },
		{ { .set_state = true, .state = DEACT, .by = owner }, -EACCES,
		  ZKHSM_REASON_NOT_OWNER },
	};
	struct zkhsm_key *key;
	struct rnd_state rnd;
	u32 i, reason;

	random_begin(test, &rnd, SEED + 2);
	key = random_key(test, &rnd, "attributes");
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_EQ_MSG(test, update(key, cases[i].up, &reason), cases[i].err,
				    "case %u", i);
		KUNIT_EXPECT_EQ_MSG(test, reason, cases[i].reason, "case %u", i);
	}
	KUNIT_EXPECT_EQ(test, key->usage, 0u);
	KUNIT_EXPECT_EQ(test, key->state, ACT);
	/* a flag that the kernel set cannot be taken off */
	key->flags = ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE;
	KUNIT_EXPECT_EQ(test, update(key, no_flags, &reason), -EPERM);
	KUNIT_EXPECT_EQ(test, reason, (u32)ZKHSM_REASON_WIDENING);
	key_delete(test, key);
}

/* One of several changes that is refused stops all of them. */
static void key_set_all_or_none(struct kunit *test)
{
	struct zkhsm_key_update up = { .set_usage = true, .usage = 1, .set_state = true,
				       .state = PRE, .by = admin_caller() };
	struct zkhsm_key *key;
	struct rnd_state rnd;
	u32 reason;

	random_begin(test, &rnd, SEED + 3);
	key = random_key(test, &rnd, "all-or-none");
	KUNIT_EXPECT_EQ(test, update(key, up, &reason), -EACCES);
	KUNIT_EXPECT_EQ(test, key->usage, (u32)ZKHSM_KEY_USAGE_ALL);
	KUNIT_EXPECT_EQ(test, key->state, ACT);
	up.state = DEACT;
	KUNIT_EXPECT_EQ(test, update(key, up, &reason), 0);
	KUNIT_EXPECT_EQ(test, key->usage, 1u);
	KUNIT_EXPECT_EQ(test, key->state, DEACT);
	key_delete(test, key);
}

/* Usage is looked at bit by bit, and again when the answer gets out. */
static void key_usage(struct kunit *test)
{
	u8 sig[ZKHSM_SIGNATURE_LEN], digest[ZKHSM_HASH_LEN] = {}, proof[ZKHSM_PROOF_LEN];
	const struct {
		struct zkhsm_proof_input in;
		int err;
	} inputs[] = {
		{ { digest, ZKHSM_HASH_LEN }, -EINVAL },
		{ { "alice", 5, "ZKHSM", 5 }, -EINVAL },
		{ { "alice", 5, "ZKHS", 4 }, 0 },
	};
	struct zkhsm_key *key;
	struct rnd_state rnd;
	u32 i;

	random_begin(test, &rnd, SEED + 4);
	key = random_key(test, &rnd, "usage");
	KUNIT_EXPECT_EQ(test, zkhsm_op_sign(key, digest, NULL, sig, NULL), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_ecdsa_verify(key->pub, digest, sig), 0);
	key->usage = ZKHSM_KEY_USAGE_PROVE;
	KUNIT_EXPECT_EQ(test, zkhsm_op_sign(key, digest, NULL, sig, NULL), -EACCES);
	KUNIT_EXPECT_EQ(test, key_try_release(key, ZKHSM_KEY_USAGE_SIGN, NULL), -EACCES);
	KUNIT_EXPECT_EQ(test, key_prove(key, proof, NULL), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_schnorr_verify(key->pub, "alice", 5, NULL, 0, proof), 0);
	key->usage = ZKHSM_KEY_USAGE_SIGN;
	KUNIT_EXPECT_EQ(test, key_prove(key, proof, NULL), -EACCES);
	/* no key says what the identity says */
	key->usage = ZKHSM_KEY_USAGE_ALL;
	for (i = 0; i < ARRAY_SIZE(inputs); i++)
		KUNIT_EXPECT_EQ(test, zkhsm_op_prove(key, &inputs[i].in, NULL, proof, NULL),
				inputs[i].err);
	key_delete(test, key);
}

static bool is_in_store(const char *id)
{
	struct zkhsm_key *key;

	down_read(&zkhsm_lock);
	key = zkhsm_keystore_find(id);
	up_read(&zkhsm_lock);
	return key;
}

/* Destroyed while others refer to it: gone at once, freed with the last of them. */
static void key_deleted_while_referenced(struct kunit *test)
{
	struct netlink_ext_ack extack = {};
	struct zkhsm_caller by = admin_caller();
	struct zkhsm_key_info info;
	struct zkhsm_key *key, *again;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 5);
	key = random_key(test, &rnd, "referenced");
	KUNIT_EXPECT_EQ(test, kref_read(&key->ref), 1u);
	again = zkhsm_keystore_get("referenced", NULL);
	KUNIT_ASSERT_PTR_EQ(test, again, key);
	zkhsm_key_get(key);
	KUNIT_EXPECT_EQ(test, kref_read(&key->ref), 3u);

	key_delete(test, key);
	KUNIT_EXPECT_EQ(test, kref_read(&key->ref), 2u);
	KUNIT_EXPECT_EQ(test, atomic_read(&destroyed), 0);
	KUNIT_EXPECT_FALSE(test, is_in_store("referenced"));
	KUNIT_EXPECT_NULL(test, key->element);
	KUNIT_EXPECT_NULL(test, key->live);
	KUNIT_EXPECT_NULL(test, element_of(key->pub));
	KUNIT_EXPECT_EQ(test, PTR_ERR(zkhsm_keystore_get("referenced", &extack)), (long)-ENOKEY);
	KUNIT_EXPECT_EQ(test, reason_of(&extack), (u32)ZKHSM_REASON_NO_SUCH_KEY);
	KUNIT_EXPECT_EQ(test, zkhsm_op_key_del(key, &by, &info, NULL), -ENOKEY);
	KUNIT_EXPECT_EQ(test, set_state(key, DEACT, NULL), -ENOKEY);
	KUNIT_EXPECT_EQ(test, key_try_use(key, ZKHSM_KEY_USAGE_SIGN, NULL), -ENOKEY);
	KUNIT_EXPECT_EQ(test, key_try_release(key, ZKHSM_KEY_USAGE_SIGN, NULL), -ENOKEY);

	zkhsm_key_put(key);
	KUNIT_EXPECT_EQ(test, atomic_read(&destroyed), 0);
	zkhsm_key_put(again);
	KUNIT_EXPECT_EQ(test, atomic_read(&destroyed), 1);
}

/* A secret in use outlives its key's state for as long as the use lasts, no result does. */
static void key_stopped_in_flight(struct kunit *test)
{
	struct zkhsm_live *live;
	struct zkhsm_scalar a;
	struct zkhsm_key *key;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED + 6);
	random_scalar(&rnd, &a, N);
	key = key_new(test, "in-flight", &a);
	KUNIT_EXPECT_EQ(test, refcount_read(&key->live->ref), 1u);
	KUNIT_ASSERT_EQ(test, zkhsm_key_use_begin(key, ZKHSM_KEY_USAGE_SIGN, NULL, &live, NULL), 0);
	KUNIT_EXPECT_PTR_EQ(test, live, key->live);
	KUNIT_EXPECT_EQ(test, refcount_read(&live->ref), 2u);

	force_state(key, COMP);
	KUNIT_EXPECT_NULL(test, key->live);
	KUNIT_EXPECT_EQ(test, refcount_read(&live->ref), 1u);
	KUNIT_EXPECT_TRUE(test, zkhsm_secret_present(&live->secret));
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(live->secret.plain, &a));
	KUNIT_EXPECT_EQ(test, key_try_release(key, ZKHSM_KEY_USAGE_SIGN, NULL), -EKEYREVOKED);
	zkhsm_live_put(live);
	/* it is still in the list, for managers to see */
	KUNIT_EXPECT_TRUE(test, is_in_store("in-flight"));
	key_delete(test, key);
}

/* A copy of L keeps the struct of each key that it proves, and not its secret. */
static void key_outlived_by_list(struct kunit *test)
{
	struct zkhsm_list *list, *next;
	struct zkhsm_key *key;
	struct rnd_state rnd;
	u64 generation;

	random_begin(test, &rnd, SEED + 7);
	key = random_key(test, &rnd, "listed");
	list = zkhsm_list_current();
	KUNIT_ASSERT_FALSE(test, IS_ERR(list));
	KUNIT_EXPECT_EQ(test, list->count, 1u);
	KUNIT_EXPECT_EQ(test, list->proved, 1u);
	KUNIT_EXPECT_PTR_EQ(test, list->keys[0], key);
	KUNIT_EXPECT_EQ(test, kref_read(&key->ref), 2u);
	down_read(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, (size_t)list->len, zkhsm_keystore_list_len());
	generation = zkhsm_keystore_generation();
	up_read(&zkhsm_lock);

	/* nothing has changed: the same copy; then compromised: another, that does not prove it */
	next = zkhsm_list_current();
	KUNIT_EXPECT_PTR_EQ(test, next, list);
	zkhsm_list_put(next);
	force_state(key, COMP);
	next = zkhsm_list_current();
	KUNIT_ASSERT_FALSE(test, IS_ERR(next));
	KUNIT_EXPECT_EQ(test, next->generation, generation + 1);
	KUNIT_EXPECT_EQ(test, next->count, 1u);
	KUNIT_EXPECT_EQ(test, next->proved, 0u);

	key_delete(test, key);
	KUNIT_EXPECT_EQ(test, atomic_read(&destroyed), 0);
	KUNIT_EXPECT_NULL(test, list->keys[0]->live);
	zkhsm_list_put(next);
	/* two copies are kept, and the first goes with the third */
	next = zkhsm_list_current();
	KUNIT_ASSERT_FALSE(test, IS_ERR(next));
	KUNIT_EXPECT_EQ(test, next->count, 0u);
	zkhsm_list_put(next);
	KUNIT_EXPECT_EQ(test, atomic_read(&destroyed), 0);
	zkhsm_list_put(list);
	KUNIT_EXPECT_EQ(test, atomic_read(&destroyed), 1);
}

/* A secret lives once, under whatever id, and its negative is the same element. */
static void key_lives_once(struct kunit *test)
{
	struct zkhsm_element *fresh, *e;
	struct netlink_ext_ack extack = {};
	struct zkhsm_scalar a, neg;
	struct test_secret *t;
	struct zkhsm_key *key;
	struct rnd_state rnd;
	u8 name[2][ZKHSM_HASH_LEN];

	random_begin(test, &rnd, SEED + 8);
	t = secret_new(test, &rnd);
	a = t->plain;
	key = key_new(test, "once", &a);
	zkhsm_scalar_neg(&neg, &a, N);
	secret_set(t, &neg);
	memcpy(t->pub, key->pub, sizeof(t->pub));
	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&neg, key->pub + 33, P), 0);
	zkhsm_scalar_neg(&neg, &neg, P);
	zkhsm_scalar_to_be(t->pub + 33, &neg, P);
	KUNIT_EXPECT_EQ(test, zkhsm_element_name(key->pub, name[0]), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_element_name(t->pub, name[1]), 0);
	KUNIT_EXPECT_MEMEQ(test, name[0], name[1], ZKHSM_HASH_LEN);

	fresh = zkhsm_element_alloc();
	KUNIT_ASSERT_NOT_NULL(test, fresh);
	memcpy(fresh->name, name[1], ZKHSM_HASH_LEN);
	down_write(&zkhsm_lock);
	e = zkhsm_element_adopt(&fresh, ZKHSM_ROLE_KEY, &extack);
	up_write(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, PTR_ERR(e), (long)-EEXIST);
	KUNIT_EXPECT_EQ(test, reason_of(&extack), (u32)ZKHSM_REASON_ELEMENT_EXISTS);
	KUNIT_EXPECT_NOT_NULL(test, fresh);
	zkhsm_element_free(fresh);
	key_delete(test, key);
	KUNIT_EXPECT_NULL(test, element_of(t->pub));
}

/* In the order of their ids, found behind any id; count and length of L go along. */
static void key_store_order(struct kunit *test)
{
	static const char *const ids[] = { "m", "a", "z", "aa", "Z", "a-b" },
		*const sorted[] = { "Z", "a", "a-b", "aa", "m", "z" };
	struct zkhsm_key *keys[ARRAY_SIZE(ids)], *k;
	struct rnd_state rnd;
	size_t len;
	u32 i;

	random_begin(test, &rnd, SEED + 9);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		keys[i] = random_key(test, &rnd, ids[i]);
	down_read(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, zkhsm_keystore_count(), 6u);
	len = zkhsm_keystore_list_len();
	KUNIT_EXPECT_EQ(test, len, (size_t)(12 + 6 * 88 + 9));
	k = zkhsm_keystore_after("");
	for (i = 0; k && i < ARRAY_SIZE(sorted); i++, k = zkhsm_keystore_next(k))
		KUNIT_EXPECT_STREQ(test, k->id, sorted[i]);
	KUNIT_EXPECT_NULL(test, k);
	KUNIT_EXPECT_EQ(test, i, 6u);
	KUNIT_EXPECT_STREQ(test, zkhsm_keystore_after("a")->id, "a-b");
	KUNIT_EXPECT_STREQ(test, zkhsm_keystore_after("b")->id, "m");
	KUNIT_EXPECT_NULL(test, zkhsm_keystore_after("z"));
	KUNIT_EXPECT_NULL(test, zkhsm_keystore_find("b"));
	up_read(&zkhsm_lock);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		key_delete(test, keys[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&destroyed), 6);
	down_read(&zkhsm_lock);
	KUNIT_EXPECT_EQ(test, zkhsm_keystore_count(), 0u);
	KUNIT_EXPECT_EQ(test, zkhsm_keystore_list_len(), (size_t)ZKHSM_LIST_HEAD_LEN);
	up_read(&zkhsm_lock);
}

/* What key-new refuses, and that it leaves nothing of what it refused. */
static void key_new_refuses(struct kunit *test)
{
	const struct zkhsm_key_request good = {
		.id = "new", .type = ZKHSM_KEY_TYPE_EC_P256, .usage = ZKHSM_KEY_USAGE_ALL,
		.state = ACT, .owner = GLOBAL_ROOT_UID,
	};
	struct zkhsm_key_request req = good;
	struct netlink_ext_ack extack = {};
	struct zkhsm_key_info info;
	struct zkhsm_key *key;

#define REFUSED(field, value, err, number) do {					\
	req = good;								\
	req.field = value;							\
	KUNIT_EXPECT_EQ(test, zkhsm_op_key_new(&req, &info, &extack), err);	\
	KUNIT_EXPECT_EQ(test, reason_of(&extack), (u32)(number));		\
} while (0)
	REFUSED(id, "", -EINVAL, ZKHSM_REASON_BAD_ID);
	REFUSED(id, "-x", -EINVAL, ZKHSM_REASON_BAD_ID);
	REFUSED(type, ZKHSM_KEY_TYPE_EC_P384, -EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED);
	REFUSED(usage, 4, -EOPNOTSUPP, ZKHSM_REASON_UNKNOWN_FLAG);
	REFUSED(flags, 8, -EOPNOTSUPP, ZKHSM_REASON_UNKNOWN_FLAG);
	REFUSED(flags, ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE, -EINVAL, ZKHSM_REASON_RESERVED_INPUT);
	REFUSED(state, HELD, -EACCES, ZKHSM_REASON_STATE);
	REFUSED(state, DEACT, -EACCES, ZKHSM_REASON_STATE);
	REFUSED(owner, INVALID_UID, -EINVAL, ZKHSM_REASON_RESERVED_INPUT);
	KUNIT_EXPECT_EQ(test, zkhsm_op_key_new(&good, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.flags, (u32)ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE);
	REFUSED(usage, 1, -EEXIST, ZKHSM_REASON_ID_EXISTS);
#undef REFUSED
	key = zkhsm_keystore_get("new", NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(key));
	key_delete(test, key);
	zkhsm_key_put(key);
	KUNIT_EXPECT_FALSE(test, is_in_store("new"));
}

/* While evidence waits, owners' changes of state wait too, administrators' do not. */
static void key_quiet(struct kunit *test)
{
	struct zkhsm_key_update up = { .set_state = true, .state = DEACT,
				       .by = { .uid = GLOBAL_ROOT_UID } };
	struct zkhsm_key *key;
	struct rnd_state rnd;
	u32 reason;

	random_begin(test, &rnd, SEED + 10);
	key = random_key(test, &rnd, "quiet");
	zkhsm_keystore_quiet_begin();
	KUNIT_EXPECT_EQ(test, update(key, up, &reason), -EAGAIN);
	KUNIT_EXPECT_EQ(test, reason, (u32)ZKHSM_REASON_RATE);
	KUNIT_EXPECT_EQ(test, key->state, ACT);
	up.by.admin = true;
	KUNIT_EXPECT_EQ(test, update(key, up, &reason), 0);
	zkhsm_keystore_quiet_end();
	up.by.admin = false;
	up.state = ACT;
	KUNIT_EXPECT_EQ(test, update(key, up, &reason), 0);
	key_delete(test, key);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(key_state_table),
	KUNIT_CASE(key_use_table),
	KUNIT_CASE(key_attributes),
	KUNIT_CASE(key_set_all_or_none),
	KUNIT_CASE(key_usage),
	KUNIT_CASE(key_deleted_while_referenced),
	KUNIT_CASE(key_stopped_in_flight),
	KUNIT_CASE(key_outlived_by_list),
	KUNIT_CASE(key_lives_once),
	KUNIT_CASE(key_store_order),
	KUNIT_CASE(key_new_refuses),
	KUNIT_CASE(key_quiet),
	{}
};

struct kunit_suite zkhsm_kunit_key = {
	.name = "zkhsm-key",
	.suite_init = suite_init,
	.suite_exit = suite_exit,
	.init = begin,
	.exit = stubs_restore,
	.test_cases = cases,
};
