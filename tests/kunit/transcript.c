// SPDX-License-Identifier: GPL-2.0
/*
 * transcript.c: known hashes, items that no other sequence of items imitates,
 * and an HMAC whose transform does not keep the key.
 */
#include "kunit.h"

static const u8 sha256_abc[ZKHSM_HASH_LEN] = {
	0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,
	0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
	0x15, 0xad,
};

static const u8 sha256_empty[ZKHSM_HASH_LEN] = {
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
	0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
	0xb8, 0x55,
};

/* RFC 4231, test case 2 */
static const u8 hmac_jefe[ZKHSM_HMAC_SIZE] = {
	0x16, 0x4b, 0x7a, 0x7b, 0xfc, 0xf8, 0x19, 0xe2, 0xe3, 0x95, 0xfb, 0xe7, 0x3b, 0x56, 0xe0,
	0xa3, 0x87, 0xbd, 0x64, 0x22, 0x2e, 0x83, 0x1f, 0xd6, 0x10, 0x27, 0x0c, 0xd7, 0xea, 0x25,
	0x05, 0x54, 0x97, 0x58, 0xbf, 0x75, 0xc0, 0x5a, 0x99, 0x4a, 0x6d, 0x03, 0x4f, 0x65, 0xf8,
	0xf0, 0xe6, 0xfd, 0xca, 0xea, 0xb1, 0xa3, 0x4d, 0x4a, 0x6b, 0x4b, 0x63, 0x6e, 0x07, 0x0a,
	0x38, 0xbc, 0xe7, 0x37,
};

static void digest_of(struct kunit *test, const char *const *items, u32 count,
		      u8 out[ZKHSM_HASH_LEN])
{
	struct zkhsm_transcript t;
	u32 i;

	zkhsm_transcript_init(&t);
	for (i = 0; i < count; i++)
		zkhsm_transcript_item(&t, items[i], strlen(items[i]));
	KUNIT_ASSERT_EQ(test, zkhsm_transcript_final(&t, out), 0);
}

static void transcript_known_answers(struct kunit *test)
{
	struct zkhsm_transcript t;
	u8 out[ZKHSM_HMAC_SIZE];

	KUNIT_EXPECT_EQ(test, zkhsm_sha256("abc", 3, out), 0);
	KUNIT_EXPECT_MEMEQ(test, out, sha256_abc, sizeof(sha256_abc));
	KUNIT_EXPECT_EQ(test, zkhsm_sha256("", 0, out), 0);
	KUNIT_EXPECT_MEMEQ(test, out, sha256_empty, sizeof(sha256_empty));

	zkhsm_transcript_init(&t);
	zkhsm_transcript_raw(&t, "a", 1);
	zkhsm_transcript_raw(&t, "", 0);
	zkhsm_transcript_raw(&t, "bc", 2);
	KUNIT_EXPECT_EQ(test, zkhsm_transcript_final(&t, out), 0);
	KUNIT_EXPECT_MEMEQ(test, out, sha256_abc, sizeof(sha256_abc));

	KUNIT_EXPECT_EQ(test, zkhsm_hmac_sha512((const u8 *)"Jefe", 4,
						(const u8 *)"what do ya want for nothing?", 28,
						out), 0);
	KUNIT_EXPECT_MEMEQ(test, out, hmac_jefe, sizeof(hmac_jefe));
}

/* An item is its length in four bytes, then its bytes: RFC 8235, section 3.3. */
static void transcript_item_is_prefixed(struct kunit *test)
{
	static const char *const one[] = { "abc" };
	u8 out[ZKHSM_HASH_LEN], want[ZKHSM_HASH_LEN];
	struct zkhsm_transcript t;
	u8 long_item[300];

	digest_of(test, one, 1, out);
	KUNIT_EXPECT_EQ(test, zkhsm_sha256("\0\0\0\3abc", 7, want), 0);
	KUNIT_EXPECT_MEMEQ(test, out, want, sizeof(out));

	memset(long_item, 'x', sizeof(long_item));
	zkhsm_transcript_init(&t);
	zkhsm_transcript_item(&t, long_item, sizeof(long_item));
	KUNIT_EXPECT_EQ(test, zkhsm_transcript_final(&t, out), 0);
	zkhsm_transcript_init(&t);
	zkhsm_transcript_raw(&t, "\0\0\1\x2c", 4);
	zkhsm_transcript_raw(&t, long_item, sizeof(long_item));
	KUNIT_EXPECT_EQ(test, zkhsm_transcript_final(&t, want), 0);
	KUNIT_EXPECT_MEMEQ(test, out, want, sizeof(out));
}

/* Where one item ends is part of what is hashed, and so is an empty one. */
static void transcript_sequences_differ(struct kunit *test)
{
	static const struct {
		const char *items[3];
		u32 count;
	} cases[] = {
		{ { "abc" }, 1 }, { { "ab", "c" }, 2 }, { { "a", "bc" }, 2 },
		{ { "abc", "" }, 2 }, { { "", "abc" }, 2 }, { { "a", "b", "c" }, 3 },
		{ { "" }, 1 }, { { "" }, 0 }, { { "c", "ab" }, 2 },
	};
	u8 out[ARRAY_SIZE(cases)][ZKHSM_HASH_LEN];
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		digest_of(test, cases[i].items, cases[i].count, out[i]);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_MEMNEQ(test, out[i], out[j], ZKHSM_HASH_LEN);
}

/* The first error stays, and nothing is written. */
static void transcript_error_is_kept(struct kunit *test)
{
	u8 out[ZKHSM_HASH_LEN], before[ZKHSM_HASH_LEN];
	struct zkhsm_transcript t;
	u32 at;

	memset(before, 0x5a, sizeof(before));
	for (at = 1; at <= 4; at++) {
		memcpy(out, before, sizeof(out));
		stubs.hash_calls = 0;
		stubs.hash_fails_at = at;
		zkhsm_transcript_init(&t);
		zkhsm_transcript_item(&t, "abc", 3);
		zkhsm_transcript_item(&t, "def", 3);
		KUNIT_EXPECT_EQ(test, zkhsm_transcript_final(&t, out), -ENODATA);
		KUNIT_EXPECT_MEMEQ(test, out, before, sizeof(out));
		KUNIT_EXPECT_NULL(test, memchr_inv(&t, 0, sizeof(t)));
		/* after the failure the driver is not called any more */
		KUNIT_EXPECT_EQ(test, stubs.hash_calls, at);
	}
	stubs.hash_calls = 0;
	stubs.hash_fails_at = 1;
	KUNIT_EXPECT_EQ(test, zkhsm_sha256("abc", 3, out), -ENODATA);
}

static void transcript_final_wipes(struct kunit *test)
{
	struct zkhsm_transcript t;
	u8 out[ZKHSM_HASH_LEN];

	zkhsm_transcript_init(&t);
	zkhsm_transcript_item(&t, "a secret", 8);
	KUNIT_EXPECT_NOT_NULL(test, memchr_inv(&t, 0, sizeof(t)));
	KUNIT_EXPECT_EQ(test, zkhsm_transcript_final(&t, out), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(&t, 0, sizeof(t)));
}

/* What the transform was given last is not the key, even after a failure. */
static void transcript_hmac_forgets(struct kunit *test)
{
	u8 key[ZKHSM_HMAC_MAX_KEY], out[ZKHSM_HMAC_SIZE];
	int fail;

	memset(key, 0xc3, sizeof(key));
	for (fail = 0; fail < 2; fail++) {
		stubs.hash_calls = 0;
		stubs.hash_fails_at = fail;
		stubs.hmac_key_len = 0;
		KUNIT_EXPECT_EQ(test, zkhsm_hmac_sha512(key, sizeof(key), (const u8 *)"m", 1, out),
				fail ? -ENODATA : 0);
		KUNIT_EXPECT_GT(test, stubs.hmac_key_len, 0u);
		KUNIT_EXPECT_NULL(test, memchr_inv(stubs.hmac_key, 0, stubs.hmac_key_len));
	}
}

/* Every byte of a key of the greatest length counts. */
static void transcript_hmac_whole_key(struct kunit *test)
{
	u8 key[ZKHSM_HMAC_MAX_KEY] = {}, first[ZKHSM_HMAC_SIZE], out[ZKHSM_HMAC_SIZE];
	u32 i;

	KUNIT_EXPECT_EQ(test, zkhsm_hmac_sha512(key, sizeof(key), (const u8 *)"m", 1, first), 0);
	for (i = 0; i < sizeof(key); i++) {
		key[i] ^= 1;
		KUNIT_EXPECT_EQ(test, zkhsm_hmac_sha512(key, sizeof(key), (const u8 *)"m", 1, out),
				0);
		KUNIT_EXPECT_MEMNEQ(test, out, first, sizeof(out));
		key[i] ^= 1;
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(transcript_known_answers),
	KUNIT_CASE(transcript_item_is_prefixed),
	KUNIT_CASE(transcript_sequences_differ),
	KUNIT_CASE(transcript_error_is_kept),
	KUNIT_CASE(transcript_final_wipes),
	KUNIT_CASE(transcript_hmac_forgets),
	KUNIT_CASE(transcript_hmac_whole_key),
	{}
};

struct kunit_suite zkhsm_kunit_transcript = {
	.name = "zkhsm-transcript",
	.init = stubs_reset,
	.exit = stubs_restore,
	.test_cases = cases,
};
