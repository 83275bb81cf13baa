// SPDX-License-Identifier: GPL-2.0
/*
 * What is wiped is wiped: freed memory, and the stack below a function that
 * had a secret, are searched for its words.
 *
 * Both are read by functions that KASAN does not look at. The words are known
 * because each secret, and each nonce, is the test's own. Two controls show
 * that the search finds what is left behind.
 */
#include <linux/sched/task_stack.h>
#include <linux/slab.h>

#include "box.h"
#include "group.h"
#include "kunit.h"
#include "nonce.h"

#define SEED		0x313edu

/* More than the deepest call of the arithmetic uses, where the compiler adds to each frame. */
#define STACK_WORDS	(12 * 1024 / sizeof(u64))
#define NEEDLES		96

/*
 * A timer that interrupts the arithmetic leaves registers on the stack, and
 * what is in them is found now and then. What the code leaves is found always.
 */
#define ATTEMPTS	4

struct needles {
	u64 word[NEEDLES];
	u32 count;
};

struct haystack {
	struct needles n;
	u64 words[STACK_WORDS];
	u32 count;
};

/* Of three kinds: the limbs, as bytes from the most significant on, and in Montgomery form. */
static void needle_add(struct needles *n, const struct zkhsm_scalar *a)
{
	struct zkhsm_scalar mont;
	u32 i;

	zkhsm_scalar_to_mont(&mont, a, N);
	for (i = 0; i < 4 && n->count + 3 <= NEEDLES; i++) {
		n->word[n->count++] = a->limb[i];
		n->word[n->count++] = swab64(a->limb[i]);
		n->word[n->count++] = mont.limb[i];
	}
}

/* crypto/ecc.c gives its ladder k + n or k + 2n; the lowest limbs tell, the highest are ~0. */
static void needle_add_ladder(struct needles *n, const struct zkhsm_scalar *k)
{
	u64 low = k->limb[0], high = k->limb[1];
	u32 round;

	needle_add(n, k);
	for (round = 0; round < 2 && n->count + 2 <= NEEDLES; round++) {
		low += N->m.limb[0];
		high += N->m.limb[1] + (low < N->m.limb[0]);
		n->word[n->count++] = low;
		n->word[n->count++] = high;
	}
}

static u32 found(const struct needles *n, const u64 *words, u32 count)
{
	u32 i, j, hits = 0;

	for (i = 0; i < count; i++) {
		for (j = 0; j < n->count && words[i] != n->word[j]; j++)
			;
		hits += j < n->count;
	}
	return hits;
}

/* Words of memory that need not be anybody's any more. */
static noinline __no_sanitize_address void read_freed(const void *from, u64 *to, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		to[i] = READ_ONCE(((const u64 *)from)[i]);
}

/* How far the stack may be touched below @frame. */
static u32 stack_room(const u64 *frame)
{
	const u64 *end = (const u64 *)task_stack_page(current) + 64;

	return min_t(size_t, frame - end, STACK_WORDS);
}

/* From below its own frame, which is smaller than the 32 words that it leaves. */
static noinline __no_sanitize_address void stack_clear(void)
{
	u64 *frame = __builtin_frame_address(0);
	u32 i, count = stack_room(frame);

	for (i = 32; i < count; i++)
		WRITE_ONCE(frame[-(int)i], 0);
}

/* And these 32 words, which are where the caller's next callee has its frame. */
static noinline void stack_clear_top(void)
{
	u64 frame[64];

	memset(frame, 0, sizeof(frame));
	barrier_data(frame);
}

static noinline __no_sanitize_address u32 stack_read(u64 *to)
{
	const u64 *frame = __builtin_frame_address(0);
	u32 i, count = stack_room(frame);

	for (i = 0; i < count; i++)
		to[i] = READ_ONCE(frame[-(int)i - 1]);
	return count;
}

static struct haystack *haystack_new(struct kunit *test)
{
	struct haystack *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	return h;
}

/* A function under test, and whether what it had is left below it. */
typedef int (*secret_user)(void *data);

static u32 residue(struct kunit *test, struct haystack *h, secret_user use, void *data)
{
	u32 i, hits, least = U32_MAX;

	for (i = 0; i < ATTEMPTS && least; i++) {
		stack_clear();
		stack_clear_top();
		KUNIT_ASSERT_EQ(test, use(data), 0);
		h->count = stack_read(h->words);
		hits = found(&h->n, h->words, h->count);
		least = min(least, hits);
	}
	KUNIT_ASSERT_GT(test, h->count, 512u);
	return least;
}

struct work {
	struct test_secret *a;
	struct zkhsm_scalar v;
	u8 be[32];
	u8 out[ZKHSM_PROOF_LEN];
	u8 hsm_id[ZKHSM_HASH_LEN];
	struct zkhsm_batch batch;
};

static struct work *work_new(struct kunit *test, u32 seed, struct haystack *h)
{
	struct work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct zkhsm_scalar one, next;
	struct rnd_state rnd;

	KUNIT_ASSERT_NOT_NULL(test, w);
	random_begin(test, &rnd, seed);
	w->a = secret_new(test, &rnd);
	random_scalar(&rnd, &w->v, N);
	zkhsm_scalar_to_be(w->be, &w->a->plain, N);
	needle_add_ladder(&h->n, &w->a->plain);
	needle_add_ladder(&h->n, &w->v);
	/* the second ladder's scalar */
	scalar_from(&one, 1);
	zkhsm_scalar_add(&next, &w->a->plain, &one, N);
	needle_add_ladder(&h->n, &next);
	zkhsm_scalar_add(&next, &w->v, &one, N);
	needle_add_ladder(&h->n, &next);
	return w;
}

/* Leaves a secret on the stack, as a function without a wipe would. */
static noinline int careless(void *data)
{
	const struct work *w = data;
	u64 copy[64];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(copy); i++)
		copy[i] = w->a->plain.limb[i % 4];
	barrier_data(copy);
	return 0;
}

static int idle(void *data)
{
	return 0;
}

static void wipe_control_stack(struct kunit *test)
{
	struct haystack *h = haystack_new(test);
	struct work *w = work_new(test, SEED, h);

	KUNIT_EXPECT_EQ(test, residue(test, h, idle, w), 0u);
	KUNIT_EXPECT_GT(test, residue(test, h, careless, w), 0u);
}

static int use_mul_base(void *data)
{
	struct work *w = data;

	return zkhsm_group_mul_base(&w->v, w->out);
}

static int use_mul_base_x(void *data)
{
	struct work *w = data;

	return zkhsm_group_mul_base_x(&w->v, w->out);
}

static int use_import(void *data)
{
	struct work *w = data;
	struct zkhsm_secret s = {};
	int err = zkhsm_secret_import(&s, w->be, w->out);

	zkhsm_secret_wipe(&s);
	return err;
}

static int use_prove(void *data)
{
	struct work *w = data;

	return zkhsm_schnorr_prove_fixed(&w->a->secret, w->a->pub, &w->v, "alice", 5, NULL, 0,
					 w->out);
}

static int use_prove_drawn(void *data)
{
	struct work *w = data;

	return zkhsm_schnorr_prove(&w->a->secret, w->a->pub, ZKHSM_NONCE_PROVE, "alice", 5, NULL,
				   0, w->out);
}

static int use_sign(void *data)
{
	struct work *w = data;

	return zkhsm_ecdsa_sign_fixed(&w->a->secret, w->a->pub, &w->v, w->hsm_id,
				      w->out);
}

static int use_sign_drawn(void *data)
{
	struct work *w = data;

	return zkhsm_ecdsa_sign(&w->a->secret, w->a->pub, w->hsm_id, w->out);
}

static int use_draw(void *data)
{
	struct work *w = data;
	struct zkhsm_scalar v;
	u32 counter = 0;
	int err;

	err = zkhsm_nonce_draw(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, &w->a->secret, w->hsm_id,
			       &counter, &v);
	memzero_explicit(&v, sizeof(v));
	return err;
}

static int use_batch(void *data)
{
	struct work *w = data;
	int err;

	err = zkhsm_batch_begin_fixed(&w->batch, &w->a->secret, w->a->pub, &w->v, w->hsm_id, "S",
				      1);
	if (!err)
		err = zkhsm_batch_add(&w->batch, 1, &w->a->secret);
	if (!err)
		err = zkhsm_batch_finish(&w->batch, w->out);
	zkhsm_batch_wipe(&w->batch);
	return err;
}

/* A box whose KEK is the secret, with the secret in it; its own key is looked for too. */
struct boxed {
	struct work *w;
	u8 salt[ZKHSM_SEAL_SALT_LEN];
	u8 buf[16 + 3 * 32 + ZKHSM_SEAL_TAG_LEN];
};

static int use_box(void *data)
{
	struct boxed *b = data;
	u32 i;
	int err;

	for (i = 0; i < 3; i++)
		memcpy(b->buf + 16 + 32 * i, b->w->be, 32);
	err = zkhsm_box_seal(b->w->be, b->salt, ZKHSM_WIRE_SEALED_RECORD, b->buf, 16, 3 * 32);
	if (!err)
		err = zkhsm_box_open(b->w->be, b->salt, ZKHSM_WIRE_SEALED_RECORD, b->buf, 16,
				     3 * 32);
	return err;
}

/* Documentation/protocol.rst, "Sealed state". */
static void needle_add_box_key(struct kunit *test, struct haystack *h, const struct boxed *b)
{
	static const char info[] = "zkhsm seal v1\x21\x01";
	u8 prk[ZKHSM_HMAC_SIZE], okm[ZKHSM_HMAC_SIZE];
	u32 i;

	KUNIT_ASSERT_EQ(test, zkhsm_hmac_sha512(b->salt, sizeof(b->salt), b->w->be, 32, prk), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_hmac_sha512(prk, sizeof(prk), (const u8 *)info,
						sizeof(info) - 1, okm), 0);
	for (i = 0; i < 8 && h->n.count + 2 <= NEEDLES; i++) {
		h->n.word[h->n.count++] = get_unaligned((u64 *)(prk + 8 * i));
		if (i < 4)
			h->n.word[h->n.count++] = get_unaligned((u64 *)(okm + 8 * i));
	}
}

static void wipe_box(struct kunit *test)
{
	struct boxed *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct haystack *h = haystack_new(test);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->w = work_new(test, SEED + 9, h);
	h->n.count = 0;
	needle_add(&h->n, &b->w->a->plain);
	needle_add_box_key(test, h, b);
	KUNIT_EXPECT_EQ(test, residue(test, h, use_box, b), 0u);
}

/* Everything that burns its stack, with a secret and a nonce that are known. */
static void wipe_stack(struct kunit *test)
{
	static const struct {
		const char *name;
		secret_user use;
	} users[] = {
		{ "zkhsm_group_mul_base_x", use_mul_base_x },
		{ "zkhsm_group_mul_base", use_mul_base },
		{ "zkhsm_secret_import", use_import },
		{ "zkhsm_nonce_draw", use_draw },
		{ "zkhsm_schnorr_prove_fixed", use_prove },
		{ "zkhsm_schnorr_prove", use_prove_drawn },
		{ "zkhsm_ecdsa_sign_fixed", use_sign },
		{ "zkhsm_ecdsa_sign", use_sign_drawn },
		{ "zkhsm_batch_finish", use_batch },
	};
	struct haystack *h = haystack_new(test);
	struct work *w = work_new(test, SEED + 1, h);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(users); i++)
		KUNIT_EXPECT_EQ_MSG(test, residue(test, h, users[i].use, w), 0u, "%s",
				    users[i].name);
}

/* Allocators write their own words into what is free; a secret that is left has others too. */
static void wipe_control_freed(struct kunit *test)
{
	struct haystack *h = haystack_new(test);
	struct zkhsm_scalar *s = kmalloc(sizeof(*s), GFP_KERNEL), a;
	struct rnd_state rnd;
	u64 words[6];

	KUNIT_ASSERT_NOT_NULL(test, s);
	random_begin(test, &rnd, SEED + 2);
	random_scalar(&rnd, &a, N);
	needle_add(&h->n, &a);
	*s = a;
	kfree(s);
	read_freed(s, words, ARRAY_SIZE(words));
	if (!found(&h->n, words, ARRAY_SIZE(words)))
		kunit_skip(test, "this kernel clears what is freed");
}

/* Both stored forms, through a pointer that outlived them. */
static void wipe_secret_freed(struct kunit *test)
{
	struct haystack *h = haystack_new(test);
	struct work *w = work_new(test, SEED + 3, h);
	struct zkhsm_scalar *plain, *mont;
	struct zkhsm_secret s = {};
	u64 words[2][6];

	KUNIT_ASSERT_EQ(test, zkhsm_secret_import(&s, w->be, w->out), 0);
	plain = s.plain;
	mont = s.mont;
	read_freed(plain, words[0], 6);
	KUNIT_EXPECT_EQ(test, found(&h->n, words[0], 6), 4u);
	read_freed(mont, words[1], 6);
	KUNIT_EXPECT_EQ(test, found(&h->n, words[1], 6), 4u);

	zkhsm_secret_wipe(&s);
	read_freed(plain, words[0], 6);
	read_freed(mont, words[1], 6);
	KUNIT_EXPECT_EQ(test, found(&h->n, words[0], 12), 0u);
	KUNIT_EXPECT_NULL(test, s.plain);
	KUNIT_EXPECT_NULL(test, s.mont);
	zkhsm_secret_wipe(&s);
	KUNIT_EXPECT_FALSE(test, zkhsm_secret_present(&s));
}

struct watched {
	struct zkhsm_scalar *plain, *mont;
	struct zkhsm_live *live;
};

static struct watched watch(const struct zkhsm_key *key)
{
	return (struct watched){ key->live->secret.plain, key->live->secret.mont, key->live };
}

static u32 left_of(const struct needles *n, const struct watched *w)
{
	u64 words[12];

	read_freed(w->plain, words, 6);
	read_freed(w->mont, words + 6, 6);
	return found(n, words, ARRAY_SIZE(words));
}

/* The pointers to the secret go with it. Some of it may be the allocator's by now. */
static bool pointers_left(const struct watched *w)
{
	u64 words[sizeof(struct zkhsm_live) / sizeof(u64)];
	u32 i;

	read_freed(w->live, words, ARRAY_SIZE(words));
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i] == (unsigned long)w->plain || words[i] == (unsigned long)w->mont)
			return true;
	return false;
}

/* A key that nobody uses: wiped before the order that compromised it returns, or the deletion. */
static void wipe_key(struct kunit *test)
{
	struct haystack *h = haystack_new(test);
	struct work *w = work_new(test, SEED + 4, h);
	struct zkhsm_key *key;
	struct watched seen;
	u32 deletes;

	hsm_need(test);
	for (deletes = 0; deletes < 2; deletes++) {
		key = key_new(test, "wiped", &w->a->plain);
		seen = watch(key);
		KUNIT_EXPECT_EQ(test, left_of(&h->n, &seen), 8u);
		if (!deletes) {
			down_write(&zkhsm_lock);
			zkhsm_key_set_state(key, ZKHSM_KEY_STATE_COMPROMISED);
			up_write(&zkhsm_lock);
		} else {
			key_delete(test, key);
		}
		KUNIT_EXPECT_EQ(test, left_of(&h->n, &seen), 0u);
		KUNIT_EXPECT_FALSE(test, pointers_left(&seen));
		if (!deletes)
			key_delete(test, key);
	}
}

/* One that is in use: by that use's end, and not before. */
static void wipe_key_in_flight(struct kunit *test)
{
	struct haystack *h = haystack_new(test);
	struct work *w = work_new(test, SEED + 5, h);
	struct zkhsm_live *first, *second;
	struct zkhsm_key *key;
	struct watched seen;

	hsm_need(test);
	key = key_new(test, "wiped", &w->a->plain);
	seen = watch(key);
	KUNIT_ASSERT_EQ(test, 0,
			zkhsm_key_use_begin(key, ZKHSM_KEY_USAGE_SIGN, NULL, &first, NULL));
	KUNIT_ASSERT_EQ(test, 0,
			zkhsm_key_use_begin(key, ZKHSM_KEY_USAGE_PROVE, NULL, &second, NULL));
	key_delete(test, key);
	KUNIT_EXPECT_EQ(test, left_of(&h->n, &seen), 8u);
	zkhsm_live_put(first);
	KUNIT_EXPECT_EQ(test, left_of(&h->n, &seen), 8u);
	zkhsm_live_put(second);
	KUNIT_EXPECT_EQ(test, left_of(&h->n, &seen), 0u);
	KUNIT_EXPECT_FALSE(test, pointers_left(&seen));
}

/* The kernel's transforms: the scalar 3 is what they were given last. */
static void wipe_transforms(struct kunit *test)
{
	struct haystack *h = haystack_new(test);
	struct work *w = work_new(test, SEED + 6, h);

	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	KUNIT_EXPECT_EQ(test, use_import(w), 0);
	KUNIT_EXPECT_EQ(test, use_prove(w), 0);
	KUNIT_EXPECT_EQ(test, use_batch(w), 0);
	KUNIT_EXPECT_GT(test, kpp.computed, 6u);
	KUNIT_EXPECT_EQ(test, kpp_secrets_left(), 0u);
	/* also when the computation failed */
	kpp.fail_compute = -EIO;
	KUNIT_EXPECT_EQ(test, use_import(w), -EIO);
	KUNIT_EXPECT_EQ(test, use_prove(w), -EIO);
	KUNIT_EXPECT_EQ(test, kpp_secrets_left(), 0u);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(wipe_control_stack),
	KUNIT_CASE(wipe_control_freed),
	KUNIT_CASE(wipe_stack),
	KUNIT_CASE(wipe_box),
	KUNIT_CASE(wipe_secret_freed),
	KUNIT_CASE(wipe_key),
	KUNIT_CASE(wipe_key_in_flight),
	KUNIT_CASE(wipe_transforms),
	{}
};

struct kunit_suite zkhsm_kunit_wipe = {
	.name = "zkhsm-wipe",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
