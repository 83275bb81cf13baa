/* SPDX-License-Identifier: GPL-2.0 */
/*
 * adversarial-read.h - what the suites on adversarial.h share
 */
#ifndef ZKHSM_KUNIT_ADVERSARIAL_READ_H
#define ZKHSM_KUNIT_ADVERSARIAL_READ_H

#include "kunit.h"
#include "schnorr.h"
#include "adversarial.h"

/* Bytes in an allocation of exactly their size, so that KASAN sees a read behind them. */
struct bytes {
	u8 *data;
	size_t len;
};

static inline struct bytes get(struct kunit *test, struct adv_bytes b)
{
	struct bytes out = {};
	u32 i;

	if (!b.count && b.first)
		return out;
	for (i = b.first; i < b.first + b.count; i++)
		out.len += adv_slices[i].len;
	out.data = kunit_kmalloc(test, max_t(size_t, out.len, 1), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, out.data);
	for (out.len = 0, i = b.first; i < b.first + b.count; i++) {
		KUNIT_ASSERT_EQ(test, hex2bin(out.data + out.len, adv_pool + 2 * adv_slices[i].at,
					      adv_slices[i].len), 0);
		out.len += adv_slices[i].len;
	}
	return out;
}

static inline struct bytes get_sized(struct kunit *test, struct adv_bytes b, size_t len)
{
	struct bytes out = get(test, b);

	KUNIT_ASSERT_EQ(test, out.len, len);
	return out;
}

static inline void drop(struct kunit *test, struct bytes b)
{
	if (b.data)
		kunit_kfree(test, b.data);
}

/* Verdict and reason in one; @why is not looked at when @err is 0. */
static inline void expect(struct kunit *test, const char *name, int want, enum adv_reason wanted,
			  int err, enum adv_reason why)
{
	KUNIT_EXPECT_EQ_MSG(test, err, want, "%s", name);
	if (err && err == want)
		KUNIT_EXPECT_STREQ_MSG(test, adv_reasons[why], adv_reasons[wanted], "%s", name);
}

/* Which of the two makes a proof malformed; the verifiers have one errno for both. */
static inline enum adv_reason proof_reason(const u8 *proof, int err, enum adv_reason other)
{
	struct zkhsm_scalar r;

	if (err == -EKEYREJECTED)
		return ADV_EQUATION;
	if (zkhsm_p256_decode_public(proof))
		return ADV_COMMITMENT;
	return zkhsm_scalar_from_be(&r, proof + ZKHSM_POINT_LEN, N) ? ADV_RESPONSE : other;
}

#endif /* ZKHSM_KUNIT_ADVERSARIAL_READ_H */
