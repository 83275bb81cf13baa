// SPDX-License-Identifier: GPL-2.0
/*
 * batch.c: one proof for many keys, each of which it depends on; special
 * combinations of keys; and both stored forms of each secret must agree.
 */
#include "group.h"
#include "kunit.h"
#include "nonce.h"
#include "vectors.h"

#define SEED	0xba7c4u
#define KEYS	4

static const u8 statement[] = "what the evidence says, with the digest of the list in it";

/* The identity and KEYS keys, and what they say together. */
struct fixture {
	struct test_secret *d;
	struct test_secret *a[KEYS];
	u8 hsm_id[ZKHSM_HASH_LEN];
	u8 pubs[KEYS][ZKHSM_POINT_LEN];
	u8 proof[ZKHSM_PROOF_LEN];
	struct zkhsm_batch batch;
};

static struct fixture *fixture_new(struct kunit *test, u32 seed)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct rnd_state rnd;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, f);
	random_begin(test, &rnd, seed);
	f->d = secret_new(test, &rnd);
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(f->d->pub, ZKHSM_POINT_LEN, f->hsm_id), 0);
	for (i = 0; i < KEYS; i++) {
		f->a[i] = secret_new(test, &rnd);
		memcpy(f->pubs[i], f->a[i]->pub, ZKHSM_POINT_LEN);
	}
	return f;
}

static int prove(struct fixture *f, u32 count)
{
	int ret;
	u32 i;

	memset(f->proof, 0xff, sizeof(f->proof));
	ret = zkhsm_batch_begin(&f->batch, &f->d->secret, f->d->pub, f->hsm_id, statement,
				sizeof(statement));
	for (i = 0; !ret && i < count; i++)
		ret = zkhsm_batch_add(&f->batch, i + 1, &f->a[i]->secret);
	if (!ret)
		ret = zkhsm_batch_finish(&f->batch, f->proof);
	zkhsm_batch_wipe(&f->batch);
	return ret;
}

static int check(const struct fixture *f, u32 count)
{
	return zkhsm_batch_verify(f->d->pub, f->hsm_id, statement, sizeof(statement), f->pubs[0],
				  count, f->proof);
}

static void batch_true(struct kunit *test)
{
	struct fixture *f = fixture_new(test, SEED);
	u32 i;

	for (i = 0; i <= KEYS; i++) {
		KUNIT_EXPECT_EQ(test, prove(f, i), 0);
		KUNIT_EXPECT_EQ(test, check(f, i), 0);
		/* not of more keys, nor of fewer */
		if (i < KEYS)
			KUNIT_EXPECT_EQ(test, check(f, i + 1), -EKEYREJECTED);
		if (i)
			KUNIT_EXPECT_EQ(test, check(f, i - 1), -EKEYREJECTED);
	}
}

static void batch_known_answer(struct kunit *test)
{
	const u8 *id = tv_batch_statement + ZKHSM_HEADER_LEN;
	struct zkhsm_batch *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	u8 proof[ZKHSM_PROOF_LEN];
	struct zkhsm_scalar a, v;
	struct test_secret t;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	zkhsm_scalar_reduce_hash(&a, tv_batch_identity, N);
	zkhsm_scalar_reduce_hash(&v, tv_batch_nonce, N);
	secret_set(&t, &a);
	KUNIT_ASSERT_EQ(test, zkhsm_batch_begin_fixed(b, &t.secret, id + ZKHSM_HASH_LEN, &v, id,
						      tv_batch_statement,
						      sizeof(tv_batch_statement)), 0);
	for (i = 0; i < TV_BATCH_COUNT; i++) {
		zkhsm_scalar_reduce_hash(&a, tv_batch_secrets + 32 * i, N);
		secret_set(&t, &a);
		KUNIT_ASSERT_EQ(test, zkhsm_batch_add(b, i + 1, &t.secret), 0);
	}
	KUNIT_EXPECT_EQ(test, zkhsm_batch_respond(b, proof), 0);
	KUNIT_EXPECT_MEMEQ(test, proof, tv_batch_proof, sizeof(proof));
}

/* Each byte of V | r, of S, of the identity's name and of each element counts. */
static void batch_tampered(struct kunit *test)
{
	struct fixture *f = fixture_new(test, SEED + 1);
	u32 i;

	KUNIT_ASSERT_EQ(test, prove(f, 2), 0);
	for (i = 0; i < ZKHSM_PROOF_LEN; i += i < ZKHSM_POINT_LEN ? 8 : 5) {
		f->proof[i] ^= 1;
		KUNIT_EXPECT_EQ_MSG(test, check(f, 2),
				    i < ZKHSM_POINT_LEN ? -EBADMSG : -EKEYREJECTED, "byte %u", i);
		f->proof[i] ^= 1;
	}
	KUNIT_EXPECT_EQ(test, zkhsm_batch_verify(f->d->pub, f->hsm_id, statement,
						 sizeof(statement) - 1, f->pubs[0], 2, f->proof),
			-EKEYREJECTED);
	f->hsm_id[7] ^= 1;
	KUNIT_EXPECT_EQ(test, check(f, 2), -EKEYREJECTED);
	f->hsm_id[7] ^= 1;
	KUNIT_EXPECT_EQ(test, zkhsm_batch_verify(f->a[3]->pub, f->hsm_id, statement,
						 sizeof(statement), f->pubs[0], 2, f->proof),
			-EKEYREJECTED);
	f->pubs[1][64] ^= 1;
	KUNIT_EXPECT_EQ(test, check(f, 2), -EBADMSG);
	memcpy(f->pubs[1], f->pubs[2], ZKHSM_POINT_LEN);
	KUNIT_EXPECT_EQ(test, check(f, 2), -EKEYREJECTED);
	/* the same elements in another order */
	memcpy(f->pubs[1], f->pubs[0], ZKHSM_POINT_LEN);
	memcpy(f->pubs[0], f->a[1]->pub, ZKHSM_POINT_LEN);
	KUNIT_EXPECT_EQ(test, check(f, 2), -EKEYREJECTED);
}

static void set_key(struct fixture *f, u32 i, const struct zkhsm_scalar *a, const u8 *pub)
{
	secret_set(f->a[i], a);
	memcpy(f->a[i]->pub, pub, ZKHSM_POINT_LEN);
	memcpy(f->pubs[i], pub, ZKHSM_POINT_LEN);
}

/* A_i = A_j, A_i = -A_j, A_i = D, A_i = -D: each has its own coefficient, nothing cancels. */
static void batch_related_keys(struct kunit *test)
{
	struct fixture *f = fixture_new(test, SEED + 2);
	struct zkhsm_scalar neg;
	u8 pub[ZKHSM_POINT_LEN];

	set_key(f, 1, &f->a[0]->plain, f->a[0]->pub);
	KUNIT_EXPECT_EQ(test, prove(f, 2), 0);
	KUNIT_EXPECT_EQ(test, check(f, 2), 0);

	zkhsm_scalar_neg(&neg, &f->a[0]->plain, N);
	KUNIT_ASSERT_EQ(test, zkhsm_group_mul_base(&neg, pub), 0);
	set_key(f, 1, &neg, pub);
	KUNIT_EXPECT_EQ(test, prove(f, 2), 0);
	KUNIT_EXPECT_EQ(test, check(f, 2), 0);
	/* nor do the two stand for any other pair that adds up to nothing */
	memcpy(f->pubs[0], f->pubs[2], ZKHSM_POINT_LEN);
	KUNIT_EXPECT_EQ(test, check(f, 2), -EKEYREJECTED);

	set_key(f, 0, &f->d->plain, f->d->pub);
	zkhsm_scalar_neg(&neg, &f->d->plain, N);
	KUNIT_ASSERT_EQ(test, zkhsm_group_mul_base(&neg, pub), 0);
	set_key(f, 1, &neg, pub);
	KUNIT_EXPECT_EQ(test, prove(f, 2), 0);
	KUNIT_EXPECT_EQ(test, check(f, 2), 0);
}

/* c_i: 128 bits, one for each seed, suite and position. */
static void batch_coefficients(struct kunit *test)
{
	u8 seed[ZKHSM_HASH_LEN] = { 1 }, input[23 + 32 + 6], digest[ZKHSM_HASH_LEN];
	struct zkhsm_scalar c[7];
	u32 i, j;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, zkhsm_batch_coefficient(seed, ZKHSM_SUITE_P256, i, &c[i]), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_batch_coefficient(seed, ZKHSM_SUITE_P384, 0, &c[4]), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_batch_coefficient(seed, ZKHSM_SUITE_P256, 1 << 24, &c[5]), 0);
	seed[31] = 1;
	KUNIT_EXPECT_EQ(test, zkhsm_batch_coefficient(seed, ZKHSM_SUITE_P256, 0, &c[6]), 0);
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		KUNIT_EXPECT_EQ(test, c[i].limb[2] | c[i].limb[3] | c[i].limb[4] | c[i].limb[5],
				0ULL);
		KUNIT_EXPECT_NE(test, c[i].limb[1], 0ULL);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_FALSE(test, zkhsm_scalar_eq(&c[i], &c[j]));
	}
	/* by hand: the leftmost 128 bits, big-endian */
	memcpy(input, "zkhsm batch coefficient", 23);
	memcpy(input + 23, seed, 32);
	memcpy(input + 55, "\0\1\0\0\0\0", 6);
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(input, sizeof(input), digest), 0);
	KUNIT_EXPECT_EQ(test, c[6].limb[1], get_unaligned_be64(digest));
	KUNIT_EXPECT_EQ(test, c[6].limb[0], get_unaligned_be64(digest + 8));
}

static void refused(struct kunit *test, struct fixture *f, int want, u32 faults, const char *what)
{
	stubs.faults = 0;
	KUNIT_EXPECT_EQ(test, prove(f, KEYS), want);
	KUNIT_EXPECT_EQ(test, stubs.faults, faults);
	if (faults) {
		KUNIT_EXPECT_STREQ(test, stubs.fault, what);
		KUNIT_EXPECT_NOT_NULL(test, memchr_inv(f->proof, 0xff, 1));
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(&f->batch, 0, sizeof(f->batch)));
}

/* One bit of either form of any secret, or of the driver's answer. */
static void batch_faults(struct kunit *test)
{
	struct fixture *f = fixture_new(test, SEED + 3);
	struct zkhsm_scalar *forms[] = { &f->d->plain, &f->d->mont, &f->a[0]->plain,
					 &f->a[2]->mont, &f->a[3]->plain };
	u32 i;

	stubs.swallow_faults = true;
	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		forms[i]->limb[i % 4] ^= 1ULL << (13 * i);
		refused(test, f, -EIO, 1, "evidence: response");
		KUNIT_EXPECT_NULL(test, memchr_inv(f->proof, 0, sizeof(f->proof)));
		forms[i]->limb[i % 4] ^= 1ULL << (13 * i);
	}
	stubs.hash_fails_at = 1;
	stubs.hash_calls = 0;
	stubs.faults = 0;
	KUNIT_EXPECT_EQ(test, prove(f, KEYS), -EIO);
	KUNIT_EXPECT_EQ(test, stubs.faults, 1u);
	KUNIT_EXPECT_STREQ(test, stubs.fault, "evidence: commitment");
	stubs.hash_fails_at = 0;

	KUNIT_ASSERT_EQ(test, kpp_begin(test), 0);
	kpp.flip_compute = 3;
	refused(test, f, -EIO, 1, "evidence: response");
	kpp.flip_compute = 0;
	KUNIT_EXPECT_EQ(test, prove(f, KEYS), 0);
	KUNIT_EXPECT_EQ(test, check(f, KEYS), 0);
}

/* Order of positions, absent secrets, and that a wipe leaves nothing. */
static void batch_misuse(struct kunit *test)
{
	struct fixture *f = fixture_new(test, SEED + 4);
	struct zkhsm_secret none = {};

	KUNIT_EXPECT_EQ(test, zkhsm_batch_begin(&f->batch, &none, f->d->pub, f->hsm_id, statement,
						sizeof(statement)), -ENOKEY);
	KUNIT_ASSERT_EQ(test, zkhsm_batch_begin(&f->batch, &f->d->secret, f->d->pub, f->hsm_id,
						statement, sizeof(statement)), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_batch_add(&f->batch, 0, &f->a[0]->secret), -EINVAL);
	KUNIT_EXPECT_EQ(test, zkhsm_batch_add(&f->batch, 2, &f->a[0]->secret), -EINVAL);
	KUNIT_EXPECT_EQ(test, zkhsm_batch_add(&f->batch, 1, &none), -ENOKEY);
	none.plain = &f->a[0]->plain;
	KUNIT_EXPECT_EQ(test, zkhsm_batch_add(&f->batch, 1, &none), -ENOKEY);
	KUNIT_EXPECT_EQ(test, zkhsm_batch_add(&f->batch, 1, &f->a[0]->secret), 0);
	KUNIT_EXPECT_EQ(test, zkhsm_batch_finish(&f->batch, f->proof), 0);
	KUNIT_EXPECT_EQ(test, check(f, 1), 0);
	KUNIT_EXPECT_FALSE(test, zkhsm_scalar_is_zero(&f->batch.v));
	zkhsm_batch_wipe(&f->batch);
	KUNIT_EXPECT_NULL(test, memchr_inv(&f->batch, 0, sizeof(f->batch)));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(batch_true),
	KUNIT_CASE(batch_known_answer),
	KUNIT_CASE(batch_tampered),
	KUNIT_CASE(batch_related_keys),
	KUNIT_CASE(batch_coefficients),
	KUNIT_CASE(batch_faults),
	KUNIT_CASE(batch_misuse),
	{}
};

struct kunit_suite zkhsm_kunit_batch = {
	.name = "zkhsm-batch",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
