// SPDX-License-Identifier: GPL-2.0
/*
 * nonce.c: every input counts, any one source of randomness may fail, and
 * what is out of range is drawn again.
 */
#include "kunit.h"
#include "nonce.h"
#include "vectors.h"

#define SEED	0x0ceu

/* As many as nonce.c draws before it gives up. */
#define DRAWS	8

struct inputs {
	u8 seed[ZKHSM_NONCE_SEED_SIZE];
	u8 secret[ZKHSM_SCALAR_LEN];
	u8 entropy[ZKHSM_NONCE_ENTROPY_SIZE];
	u8 context[ZKHSM_HASH_LEN];
};

static struct zkhsm_nonce_input input_of(const struct inputs *in)
{
	return (struct zkhsm_nonce_input){
		.seed = in->seed,
		.secret = in->secret,
		.entropy = in->entropy,
		.context_digest = in->context,
		.suite = ZKHSM_SUITE_P256,
		.purpose = ZKHSM_NONCE_PROVE,
	};
}

static void known_answer(struct kunit *test, const struct zkhsm_nonce_input *in, const u8 *want)
{
	struct zkhsm_scalar v;
	u8 be[32];

	KUNIT_ASSERT_EQ(test, zkhsm_nonce_derive(in, &v), 0);
	zkhsm_scalar_to_be(be, &v, N);
	KUNIT_EXPECT_MEMEQ(test, be, want, sizeof(be));
}

static void nonce_known_answers(struct kunit *test)
{
	const struct zkhsm_nonce_input first = {
		.seed = tv_nonce0_seed,
		.secret = tv_nonce0_secret,
		.entropy = tv_nonce0_entropy,
		.context_digest = tv_nonce0_context,
		.counter = TV_NONCE0_COUNTER,
		.suite = ZKHSM_SUITE_P256,
		.purpose = TV_NONCE0_PURPOSE,
	}, second = {
		.seed = tv_nonce1_seed,
		.secret = tv_nonce1_secret,
		.entropy = tv_nonce1_entropy,
		.context_digest = tv_nonce1_context,
		.counter = TV_NONCE1_COUNTER,
		.suite = ZKHSM_SUITE_P256,
		.purpose = TV_NONCE1_PURPOSE,
	};

	known_answer(test, &first, tv_nonce0_v);
	known_answer(test, &second, tv_nonce1_v);
}

/* HMAC-SHA-512(seed | secret, purpose | suite | 1 | entropy | counter | context), by hand. */
static void nonce_formula(struct kunit *test)
{
	u8 key[96], msg[104], out[ZKHSM_HMAC_SIZE];
	struct inputs in;
	struct zkhsm_nonce_input input = input_of(&in);
	struct zkhsm_scalar v, want;
	struct rnd_state rnd;

	random_begin(test, &rnd, SEED);
	prandom_bytes_state(&rnd, &in, sizeof(in));
	input.purpose = ZKHSM_NONCE_ATTEST;
	input.counter = 0x01020304;
	KUNIT_ASSERT_EQ(test, zkhsm_nonce_derive(&input, &v), 0);

	memcpy(key, in.seed, 64);
	memcpy(key + 64, in.secret, 32);
	msg[0] = ZKHSM_NONCE_ATTEST;
	msg[1] = 0;
	msg[2] = ZKHSM_SUITE_P256;
	msg[3] = 1;
	memcpy(msg + 4, in.entropy, 64);
	memcpy(msg + 68, "\1\2\3\4", 4);
	memcpy(msg + 72, in.context, 32);
	KUNIT_ASSERT_EQ(test, zkhsm_hmac_sha512(key, 96, msg, 104, out), 0);
	zkhsm_scalar_reduce_wide(&want, out, N);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&v, &want));
}

/* A flipped bit in any byte of any input, each purpose, suite and counter: all different. */
static void nonce_every_input_counts(struct kunit *test)
{
	enum { BYTES = sizeof(struct inputs), MORE = 9 };
	struct inputs in;
	struct zkhsm_nonce_input input;
	struct zkhsm_scalar *v;
	struct rnd_state rnd;
	u32 i, j, n = 0;

	v = kunit_kcalloc(test, 1 + BYTES + MORE, sizeof(*v), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, v);
	random_begin(test, &rnd, SEED + 1);
	prandom_bytes_state(&rnd, &in, sizeof(in));
	input = input_of(&in);
	KUNIT_ASSERT_EQ(test, zkhsm_nonce_derive(&input, &v[n++]), 0);
	for (i = 0; i < BYTES; i++) {
		((u8 *)&in)[i] ^= 1 << (i % 8);
		KUNIT_ASSERT_EQ(test, zkhsm_nonce_derive(&input, &v[n++]), 0);
		((u8 *)&in)[i] ^= 1 << (i % 8);
	}
	for (i = ZKHSM_NONCE_ATTEST; i <= ZKHSM_NONCE_KEYGEN; i++) {
		input.purpose = i;
		KUNIT_ASSERT_EQ(test, zkhsm_nonce_derive(&input, &v[n++]), 0);
	}
	input = input_of(&in);
	for (i = 0; i < 32; i += 8) {
		input.counter = 1u << i;
		KUNIT_ASSERT_EQ(test, zkhsm_nonce_derive(&input, &v[n++]), 0);
	}
	input = input_of(&in);
	input.suite = ZKHSM_SUITE_P384;
	KUNIT_ASSERT_EQ(test, zkhsm_nonce_derive(&input, &v[n++]), 0);
	KUNIT_ASSERT_EQ(test, n, (u32)(1 + BYTES + MORE));
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_FALSE_MSG(test, zkhsm_scalar_eq(&v[i], &v[j]), "%u, %u", i, j);
}

static struct zkhsm_scalar draw(struct kunit *test, enum zkhsm_nonce_purpose purpose,
				const struct test_secret *t, u8 context, u32 counter)
{
	u8 digest[ZKHSM_HASH_LEN] = { context };
	struct zkhsm_scalar v = {};

	KUNIT_EXPECT_EQ(test, zkhsm_nonce_draw(purpose, ZKHSM_SUITE_P256, t ? &t->secret : NULL,
					       digest, &counter, &v), 0);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_in_range(&v, N));
	return v;
}

/*
 * The generator gives nothing but zeros, as after a restored snapshot: what
 * differs still gives another nonce, and what does not tells nothing new.
 */
static void nonce_broken_entropy(struct kunit *test)
{
	struct test_secret *a, *b;
	struct zkhsm_scalar v[7];
	struct rnd_state rnd;
	u32 i, j;

	random_begin(test, &rnd, SEED + 2);
	a = secret_new(test, &rnd);
	b = secret_new(test, &rnd);
	stubs.entropy_fixed = true;
	v[0] = draw(test, ZKHSM_NONCE_PROVE, a, 1, 0);
	v[1] = draw(test, ZKHSM_NONCE_PROVE, b, 1, 0);
	v[2] = draw(test, ZKHSM_NONCE_PROVE, a, 2, 0);
	v[3] = draw(test, ZKHSM_NONCE_ECDSA, a, 1, 0);
	v[4] = draw(test, ZKHSM_NONCE_ATTEST, a, 1, 0);
	v[5] = draw(test, ZKHSM_NONCE_PROVE, a, 1, 1);
	v[6] = draw(test, ZKHSM_NONCE_PROVE, NULL, 1, 0);
	for (i = 0; i < ARRAY_SIZE(v); i++)
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_FALSE_MSG(test, zkhsm_scalar_eq(&v[i], &v[j]), "%u, %u", i, j);
	v[1] = draw(test, ZKHSM_NONCE_PROVE, a, 1, 0);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&v[0], &v[1]));

	/* and with the generator at work the same request never gets the same */
	stubs.entropy = 1;
	v[1] = draw(test, ZKHSM_NONCE_PROVE, a, 1, 0);
	KUNIT_EXPECT_FALSE(test, zkhsm_scalar_eq(&v[0], &v[1]));
	stubs.entropy_fixed = false;
	v[0] = draw(test, ZKHSM_NONCE_PROVE, a, 1, 0);
	v[1] = draw(test, ZKHSM_NONCE_PROVE, a, 1, 0);
	KUNIT_EXPECT_FALSE(test, zkhsm_scalar_eq(&v[0], &v[1]));
}

/* What is out of range is drawn again, with the next counter, and then given up. */
static void nonce_redraw(struct kunit *test)
{
	u8 digest[ZKHSM_HASH_LEN] = {};
	struct zkhsm_scalar v, first, third;
	u32 counter;

	stubs.entropy_fixed = true;
	first = draw(test, ZKHSM_NONCE_PROVE, NULL, 0, 5);
	third = draw(test, ZKHSM_NONCE_PROVE, NULL, 0, 7);

	counter = 5;
	stubs.refuse_range = 2;
	KUNIT_EXPECT_EQ(test, zkhsm_nonce_draw(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, NULL, digest,
					       &counter, &v), 0);
	KUNIT_EXPECT_EQ(test, counter, 8u);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&v, &third));
	KUNIT_EXPECT_FALSE(test, zkhsm_scalar_eq(&v, &first));

	counter = 0;
	stubs.refuse_range = DRAWS - 1;
	KUNIT_EXPECT_EQ(test, zkhsm_nonce_draw(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, NULL, digest,
					       &counter, &v), 0);
	counter = 0;
	stubs.refuse_range = DRAWS;
	memset(&v, 0xff, sizeof(v));
	KUNIT_EXPECT_EQ(test, zkhsm_nonce_draw(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, NULL, digest,
					       &counter, &v), -EIO);
	KUNIT_EXPECT_EQ(test, counter, (u32)DRAWS);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_is_zero(&v));
}

static void nonce_hash_fails(struct kunit *test)
{
	u8 digest[ZKHSM_HASH_LEN] = {}, commitment[ZKHSM_POINT_LEN];
	struct zkhsm_scalar v;
	u32 counter = 0;

	memset(&v, 0xff, sizeof(v));
	stubs.hash_fails_at = 1;
	KUNIT_EXPECT_EQ(test, zkhsm_nonce_draw(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, NULL, digest,
					       &counter, &v), -EIO);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_is_zero(&v));

	memset(&v, 0xff, sizeof(v));
	stubs.hash_calls = 0;
	KUNIT_EXPECT_EQ(test, zkhsm_nonce_commit(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, NULL, digest,
						 &v, commitment), -EIO);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_is_zero(&v));
}

/* A driver that refuses a scalar, and its negative, gets the next one; not for ever. */
static void nonce_driver_refuses(struct kunit *test)
{
	u8 digest[ZKHSM_HASH_LEN] = {}, commitment[ZKHSM_POINT_LEN];
	struct zkhsm_scalar v, second;

	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	stubs.entropy_fixed = true;
	second = draw(test, ZKHSM_NONCE_PROVE, NULL, 0, 1);
	kpp.refuse_secrets = 2;
	KUNIT_EXPECT_EQ(test, zkhsm_nonce_commit(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, NULL, digest,
						 &v, commitment), 0);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_eq(&v, &second));

	kpp.refuse_secrets = 2 * DRAWS;
	memset(&v, 0xff, sizeof(v));
	KUNIT_EXPECT_EQ(test, zkhsm_nonce_commit(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, NULL, digest,
						 &v, commitment), -EIO);
	KUNIT_EXPECT_EQ(test, kpp.refuse_secrets, 0u);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_is_zero(&v));

	kpp.fail_compute = -ENOMEM;
	memset(&v, 0xff, sizeof(v));
	KUNIT_EXPECT_EQ(test, zkhsm_nonce_commit(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, NULL, digest,
						 &v, commitment), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, zkhsm_scalar_is_zero(&v));
	kpp_end();
}

static struct kunit_case cases[] = {
	KUNIT_CASE(nonce_known_answers),
	KUNIT_CASE(nonce_formula),
	KUNIT_CASE(nonce_every_input_counts),
	KUNIT_CASE(nonce_broken_entropy),
	KUNIT_CASE(nonce_redraw),
	KUNIT_CASE(nonce_hash_fails),
	KUNIT_CASE(nonce_driver_refuses),
	{}
};

struct kunit_suite zkhsm_kunit_nonce = {
	.name = "zkhsm-nonce",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
