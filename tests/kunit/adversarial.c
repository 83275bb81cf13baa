// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers, points, proofs of one key and signatures of somebody who wants a wrong
 * answer: tests/vectors/adversarial.json, with the verdict and the reason that
 * the independent verifier gave.
 */
#include "adversarial-read.h"
#include "ecdsa.h"
#include "group.h"

static void adversarial_scalars(struct kunit *test)
{
	struct zkhsm_secret secret = {};
	u8 pub[ZKHSM_POINT_LEN];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(adv_scalars); i++) {
		const struct adv_scalar *c = &adv_scalars[i];
		struct bytes be = get_sized(test, c->scalar, ZKHSM_SCALAR_LEN);
		struct zkhsm_scalar s;

		KUNIT_EXPECT_EQ_MSG(test, zkhsm_scalar_from_be(&s, be.data, N),
				    c->err ? -ERANGE : 0, "%s", c->name);
		KUNIT_EXPECT_EQ_MSG(test, !zkhsm_scalar_is_zero(&s), c->half, "%s", c->name);
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_scalar_in_range(&s, N), c->secret, "%s", c->name);
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_secret_import(&secret, be.data, pub),
				    c->secret ? 0 : -ERANGE, "%s", c->name);
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_secret_present(&secret), c->secret, "%s", c->name);
		zkhsm_secret_wipe(&secret);
		drop(test, be);
	}
}

static void adversarial_points(struct kunit *test)
{
	static const struct zkhsm_scalar zero;
	u8 out[ZKHSM_POINT_LEN];
	struct zkhsm_scalar one;
	bool infinity;
	u32 i;

	zkhsm_scalar_set_u64(&one, 1);
	for (i = 0; i < ARRAY_SIZE(adv_points); i++) {
		const struct adv_point *c = &adv_points[i];
		struct bytes p = get_sized(test, c->point, ZKHSM_POINT_LEN);
		struct zkhsm_manager_info info;

		KUNIT_EXPECT_EQ_MSG(test, zkhsm_p256_decode_public(p.data), c->err, "%s", c->name);
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_p256_mul2_public(&zero, &one, p.data, out,
								 &infinity), c->err, "%s", c->name);
		if (c->err) {
			/* A manager with such a key could not be checked, and is none. */
			KUNIT_EXPECT_EQ_MSG(test, zkhsm_trust_new(p.data, "bad", &info, NULL),
					    -EBADMSG, "%s", c->name);
		} else {
			KUNIT_EXPECT_FALSE_MSG(test, infinity, "%s", c->name);
			KUNIT_EXPECT_EQ_MSG(test, memcmp(out, p.data, sizeof(out)), 0, "%s",
					    c->name);
		}
		drop(test, p);
	}
}

static void add_term(struct kunit *test, struct zkhsm_point *sum, const struct adv_term *t)
{
	struct bytes k = get_sized(test, t->k, ZKHSM_SCALAR_LEN);
	struct bytes a = get_sized(test, t->a, ZKHSM_POINT_LEN);
	static const struct zkhsm_scalar zero;
	struct zkhsm_scalar scalar;
	struct zkhsm_point point;

	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&scalar, k.data, N), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_point_decode(&point, a.data), 0);
	zkhsm_point_mul2(&point, &zero, &scalar, &point);
	zkhsm_point_add(sum, sum, &point);
	drop(test, k);
	drop(test, a);
}

static void adversarial_sums(struct kunit *test)
{
	u8 out[ZKHSM_POINT_LEN];
	struct zkhsm_point sum;
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(adv_sums); i++) {
		const struct adv_sum *c = &adv_sums[i];
		struct bytes r = get(test, c->r);

		zkhsm_point_set_identity(&sum);
		for (j = c->first; j < c->first + c->count; j++)
			add_term(test, &sum, &adv_terms[j]);
		KUNIT_EXPECT_EQ_MSG(test, zkhsm_point_encode(out, &sum), !!r.data, "%s", c->name);
		if (r.data)
			KUNIT_EXPECT_EQ_MSG(test, memcmp(out, r.data, sizeof(out)), 0, "%s",
					    c->name);
		drop(test, r);
	}
}

static void adversarial_names(struct kunit *test)
{
	u8 name[ZKHSM_HASH_LEN];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(adv_names); i++) {
		struct bytes pub = get_sized(test, adv_names[i].public, ZKHSM_POINT_LEN);
		struct bytes want = get_sized(test, adv_names[i].element, ZKHSM_HASH_LEN);

		KUNIT_ASSERT_EQ(test, zkhsm_element_name(pub.data, name), 0);
		KUNIT_EXPECT_EQ_MSG(test, memcmp(name, want.data, sizeof(name)), 0, "%s",
				    adv_names[i].name);
		drop(test, pub);
		drop(test, want);
	}
}

static void adversarial_proofs(struct kunit *test)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(adv_proofs); i++) {
		const struct adv_proof *c = &adv_proofs[i];
		struct bytes pub = get_sized(test, c->public, ZKHSM_POINT_LEN);
		struct bytes user = get(test, c->user_id), other = get(test, c->other_info);
		struct bytes proof = get_sized(test, c->proof, ZKHSM_PROOF_LEN);
		int err = zkhsm_schnorr_verify(pub.data, user.data, user.len, other.data,
					       other.len, proof.data);

		expect(test, c->name, c->err, c->reason, err,
		       proof_reason(proof.data, err, ADV_KEY));
		drop(test, pub);
		drop(test, user);
		drop(test, other);
		drop(test, proof);
	}
}

static enum adv_reason signature_reason(const u8 *pub, int err)
{
	if (err == -EKEYREJECTED)
		return ADV_SIGNATURE;
	return zkhsm_p256_decode_public(pub) ? ADV_KEY : ADV_SIGNATURE_RANGE;
}

static void adversarial_signatures(struct kunit *test)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(adv_signatures); i++) {
		const struct adv_signature *c = &adv_signatures[i];
		struct bytes pub = get_sized(test, c->public, ZKHSM_POINT_LEN);
		struct bytes digest = get_sized(test, c->digest, ZKHSM_HASH_LEN);
		struct bytes sig = get_sized(test, c->signature, ZKHSM_SIGNATURE_LEN);
		int err = zkhsm_ecdsa_verify(pub.data, digest.data, sig.data);

		expect(test, c->name, c->err, c->reason, err, signature_reason(pub.data, err));
		drop(test, pub);
		drop(test, digest);
		drop(test, sig);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(adversarial_scalars),
	KUNIT_CASE(adversarial_points),
	KUNIT_CASE(adversarial_sums),
	KUNIT_CASE(adversarial_names),
	KUNIT_CASE(adversarial_proofs),
	KUNIT_CASE(adversarial_signatures),
	{}
};

struct kunit_suite zkhsm_kunit_adversarial = {
	.name = "zkhsm-adversarial",
	.test_cases = cases,
};
