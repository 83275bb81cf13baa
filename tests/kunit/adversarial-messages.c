// SPDX-License-Identifier: GPL-2.0
/*
 * Evidence, lists, configurations, announcements and orders of somebody who wants
 * a wrong answer: tests/vectors/adversarial.json, with the verdict and the reason
 * that the independent verifier gave.
 *
 * No command makes a kernel verify evidence; its readers and its arithmetic are
 * put together here as Documentation/protocol.rst has it. Orders go the way of
 * all orders.
 */
#include <linux/slab.h>

#include "adversarial-read.h"
#include "ecdsa.h"

/* An order's fields. */
#define AT_TYPE		5
#define AT_HSM		(ZKHSM_HEADER_LEN + ZKHSM_HASH_LEN)

/* L as a verifier reads it, with the proved elements one after the other in @pubs. */
static int read_list(const struct bytes *l, u8 *pubs, u32 *count, u32 *proved,
		     enum adv_reason *why)
{
	struct zkhsm_list_reader reader;
	struct zkhsm_list_entry e;
	bool off_curve = false;
	int err;

	*why = ADV_LIST_FORM;
	*proved = 0;
	if (zkhsm_list_begin(&reader, l->data, l->len))
		return -EBADMSG;
	*count = reader.count;
	while ((err = zkhsm_list_next(&reader, &e)) > 0) {
		if (zkhsm_p256_decode_public(e.public))
			off_curve = true;
		if (zkhsm_list_entry_proved(&e))
			memcpy(pubs + ZKHSM_POINT_LEN * (*proved)++, e.public, ZKHSM_POINT_LEN);
	}
	if (err || !off_curve)
		return err;
	*why = ADV_ELEMENT;
	return -EBADMSG;
}

static int read_configuration(const struct bytes *b, struct zkhsm_configuration *c,
			      enum adv_reason *why)
{
	u32 i;

	*why = ADV_CONFIGURATION_FORM;
	if (zkhsm_configuration_decode(c, b->data, b->len))
		return -EBADMSG;
	*why = ADV_MANAGER_KEY;
	for (i = 0; i < c->manager_count; i++)
		if (zkhsm_p256_decode_public(c->managers[i]))
			return -EBADMSG;
	return 0;
}

static void adversarial_lists(struct kunit *test)
{
	u8 *pubs = kunit_kmalloc(test, PAGE_SIZE, GFP_KERNEL);
	enum adv_reason why;
	u32 i, count, proved;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, pubs);
	for (i = 0; i < ARRAY_SIZE(adv_lists); i++) {
		const struct adv_message *c = &adv_lists[i];
		struct bytes l = get(test, c->bytes);

		err = read_list(&l, pubs, &count, &proved, &why);
		expect(test, c->name, c->err, c->reason, err, why);
		drop(test, l);
	}
}

static void adversarial_configurations(struct kunit *test)
{
	struct zkhsm_configuration *out = kunit_kmalloc(test, sizeof(*out), GFP_KERNEL);
	enum adv_reason why;
	u32 i;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, out);
	for (i = 0; i < ARRAY_SIZE(adv_configurations); i++) {
		const struct adv_message *c = &adv_configurations[i];
		struct bytes b = get(test, c->bytes);

		err = read_configuration(&b, out, &why);
		expect(test, c->name, c->err, c->reason, err, why);
		drop(test, b);
	}
}

static void adversarial_announcements(struct kunit *test)
{
	struct zkhsm_announcement out;
	u8 id[ZKHSM_HASH_LEN];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(adv_announcements); i++) {
		const struct adv_announcement *c = &adv_announcements[i];
		struct bytes d = get_sized(test, c->identity, ZKHSM_POINT_LEN);
		struct bytes b = get(test, c->announcement);
		enum adv_reason why = ADV_ANNOUNCEMENT_FORM;
		const u8 *proof = b.data + ZKHSM_ANNOUNCEMENT_LEN;
		int err = -EBADMSG;

		KUNIT_ASSERT_EQ(test, zkhsm_sha256(d.data, d.len, id), 0);
		if (b.len == ZKHSM_ANNOUNCEMENT_PROVED_LEN &&
		    !zkhsm_announcement_decode(&out, b.data, ZKHSM_ANNOUNCEMENT_LEN)) {
			err = zkhsm_schnorr_verify(d.data, id, sizeof(id), b.data,
						   ZKHSM_ANNOUNCEMENT_LEN, proof);
			why = proof_reason(proof, err, ADV_KEY);
		}
		expect(test, c->name, c->err, c->reason, err, why);
		drop(test, d);
		drop(test, b);
	}
}

/* What one evidence is judged by; too much for a stack. */
struct evidence {
	struct zkhsm_statement s;
	struct zkhsm_configuration c;
	struct bytes bytes, list, config, asker, nonce;
	size_t statement_len;
	u32 count, proved;
	u8 pubs[PAGE_SIZE];
};

static bool is_digest(const struct bytes *b, const u8 *digest)
{
	u8 got[ZKHSM_HASH_LEN];

	return !zkhsm_sha256(b->data, b->len, got) && !memcmp(got, digest, sizeof(got));
}

/* Steps 2 and 3 of the protocol's verifier. */
static int judge_context(struct evidence *ev, enum adv_reason *why)
{
	const struct zkhsm_challenge *c = ev->s.challenges;
	const struct bytes d = { ev->s.identity, ZKHSM_POINT_LEN };
	int err;

	*why = ADV_HSM_ID;
	if (!is_digest(&d, ev->s.hsm_id))
		return -EKEYREJECTED;
	*why = ADV_CHALLENGE;
	while (memcmp(c->manager_id, ev->asker.data, sizeof(c->manager_id)))
		if (++c == ev->s.challenges + ev->s.challenge_count)
			return -EKEYREJECTED;
	*why = ADV_NONCE;
	if (memcmp(c->nonce, ev->nonce.data, sizeof(c->nonce)))
		return -EKEYREJECTED;
	*why = ADV_LIST_DIGEST;
	if (!is_digest(&ev->list, ev->s.list_digest))
		return -EKEYREJECTED;
	*why = ADV_CONFIGURATION_DIGEST;
	if (!is_digest(&ev->config, ev->s.config_digest))
		return -EKEYREJECTED;
	err = read_configuration(&ev->config, &ev->c, why);
	if (!err)
		err = read_list(&ev->list, ev->pubs, &ev->count, &ev->proved, why);
	if (err)
		return err;
	*why = ADV_LIST_COUNT;
	return ev->count == ev->s.list_count ? 0 : -EKEYREJECTED;
}

static int judge_evidence(struct evidence *ev, enum adv_reason *why)
{
	const u8 *proof;
	int err;

	*why = ADV_EVIDENCE_FORM;
	if (zkhsm_evidence_decode(&ev->s, &ev->statement_len, ev->bytes.data, ev->bytes.len))
		return -EBADMSG;
	proof = ev->bytes.data + ev->statement_len;
	*why = proof_reason(proof, -EBADMSG, ADV_IDENTITY);
	if (*why != ADV_IDENTITY || zkhsm_p256_decode_public(ev->s.identity))
		return zkhsm_batch_verify(ev->s.identity, ev->s.hsm_id, ev->bytes.data,
					  ev->statement_len, ev->pubs, 0, proof);
	err = judge_context(ev, why);
	if (err)
		return err;
	*why = ADV_EQUATION;
	return zkhsm_batch_verify(ev->s.identity, ev->s.hsm_id, ev->bytes.data, ev->statement_len,
				  ev->pubs, ev->proved, proof);
}

static void adversarial_evidence(struct kunit *test)
{
	struct evidence *ev = kunit_kzalloc(test, sizeof(*ev), GFP_KERNEL);
	enum adv_reason why;
	u32 i;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, ev);
	for (i = 0; i < ARRAY_SIZE(adv_evidence); i++) {
		const struct adv_evidence *c = &adv_evidence[i];

		ev->bytes = get(test, c->evidence);
		ev->list = get(test, c->list);
		ev->config = get(test, c->configuration);
		ev->asker = get_sized(test, c->manager_id, ZKHSM_HASH_LEN);
		ev->nonce = get_sized(test, c->nonce, ZKHSM_HASH_LEN);
		err = judge_evidence(ev, &why);
		expect(test, c->name, c->err, c->reason, err, why);
		if (!err)
			KUNIT_EXPECT_EQ_MSG(test, ev->proved, c->proved, "%s", c->name);
		drop(test, ev->bytes);
		drop(test, ev->list);
		drop(test, ev->config);
		drop(test, ev->asker);
		drop(test, ev->nonce);
		cond_resched();
	}
}

/* With the C in it. */
static int read_order(const struct bytes *b, struct zkhsm_order *o)
{
	struct zkhsm_configuration *c;
	int err;

	err = zkhsm_order_decode(o, b->data, b->len);
	if (!err && o->type == ZKHSM_ORDER_TYPE_GRANT && zkhsm_grant_names_client(o))
		return zkhsm_p256_decode_public(o->client);
	if (err || o->type != ZKHSM_ORDER_TYPE_TRUST_CHANGE)
		return err;
	c = kmalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	err = zkhsm_configuration_decode(c, o->config, o->config_len);
	kfree(c);
	return err;
}

/* Form, addressee, sender, signature, as the kernel would for the HSM of the vectors. */
static int judge_order(const struct bytes *b, const struct bytes *pub, const struct bytes *hsm_id,
		       enum adv_reason *why)
{
	u8 digest[ZKHSM_HASH_LEN];
	struct zkhsm_order o;
	int err;

	err = read_order(b, &o);
	*why = err == -EOPNOTSUPP ? ADV_ORDER_TYPE : ADV_ORDER_FORM;
	if (err)
		return err;
	*why = ADV_ORDER_HSM;
	if (memcmp(o.hsm_id, hsm_id->data, sizeof(o.hsm_id)))
		return -EKEYREJECTED;
	*why = ADV_ORDER_MANAGER;
	if (!is_digest(pub, o.manager_id) || zkhsm_sha256(b->data, o.signed_len, digest))
		return -EKEYREJECTED;
	err = zkhsm_ecdsa_verify(pub->data, digest, o.signature);
	*why = err == -EKEYREJECTED ? ADV_SIGNATURE : ADV_SIGNATURE_RANGE;
	return err;
}

static void adversarial_orders(struct kunit *test)
{
	struct bytes pub = get_sized(test, adv_order_public, ZKHSM_POINT_LEN);
	struct bytes hsm_id = get_sized(test, adv_order_hsm_id, ZKHSM_HASH_LEN);
	enum adv_reason why;
	u32 i;
	int err;

	for (i = 0; i < ARRAY_SIZE(adv_orders); i++) {
		const struct adv_message *c = &adv_orders[i];
		struct bytes b = get(test, c->bytes);

		err = judge_order(&b, &pub, &hsm_id, &why);
		expect(test, c->name, c->err, c->reason, err, why);
		drop(test, b);
		cond_resched();
	}
}

/* What zkhsm_order_apply() says of an order with another HSM's signature on it. */
static u32 applied_reason(const struct adv_message *c, int *err)
{
	*err = c->err;
	switch (c->reason) {
	case ADV_ORDER_TYPE:
		return ZKHSM_REASON_NOT_SUPPORTED;
	case ADV_ORDER_HSM:
		return ZKHSM_REASON_OTHER_HSM;
	case ADV_ORDER_MANAGER:
		*err = -ENOKEY;
		return ZKHSM_REASON_NOT_PINNED;
	case ADV_SIGNATURE:
		return ZKHSM_REASON_SIGNATURE;
	default:
		return ZKHSM_REASON_MALFORMED;
	}
}

static int apply(const struct bytes *b, u32 *reason)
{
	struct netlink_ext_ack extack = {};
	struct zkhsm_order_result res;
	int err = zkhsm_order_apply(b->data, b->len, &res, &extack);

	zkhsm_order_result_free(&res);
	*reason = reason_of(&extack);
	return err;
}

/* Which no order-apply takes, whoever signed it. */
static bool is_grant(const struct bytes *b)
{
	return b->len > AT_TYPE && b->data[AT_TYPE] == ZKHSM_ORDER_TYPE_GRANT;
}

/*
 * True orders are signed again, since here they are for another HSM; the number is
 * the next. Leases have none, and answer evidence that this HSM never made.
 */
static void apply_true(struct kunit *test, struct test_secret *key, struct bytes *b, u64 *number,
		       const char *name)
{
	bool lease = b->data[AT_TYPE] == ZKHSM_ORDER_TYPE_LEASE;
	size_t len = b->len - ZKHSM_SIGNATURE_LEN;
	u8 digest[ZKHSM_HASH_LEN];
	u32 reason;

	if (is_grant(b)) {
		KUNIT_EXPECT_EQ_MSG(test, apply(b, &reason), -EOPNOTSUPP, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, reason, (u32)ZKHSM_REASON_NOT_SUPPORTED, "%s", name);
		return;
	}
	if (!lease)
		put_unaligned_be64(++*number, b->data + AT_HSM + ZKHSM_HASH_LEN);
	KUNIT_ASSERT_EQ(test, zkhsm_sha256(b->data, len, digest), 0);
	KUNIT_ASSERT_EQ(test, zkhsm_ecdsa_sign(&key->secret, key->pub, digest, b->data + len), 0);
	if (lease) {
		KUNIT_EXPECT_EQ_MSG(test, apply(b, &reason), -EKEYEXPIRED, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, reason, (u32)ZKHSM_REASON_NONCE, "%s", name);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, apply(b, &reason), 0, "%s", name);
	/* Once. */
	KUNIT_EXPECT_EQ_MSG(test, apply(b, &reason), -EALREADY, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, reason, (u32)ZKHSM_REASON_REPLAY, "%s", name);
}

static void apply_false(struct kunit *test, const struct adv_message *c, const struct bytes *b)
{
	u32 reason, wanted;
	int want, err;

	wanted = applied_reason(c, &want);
	if (is_grant(b) && c->reason != ADV_ORDER_FORM && c->reason != ADV_ORDER_HSM) {
		want = -EOPNOTSUPP;
		wanted = ZKHSM_REASON_NOT_SUPPORTED;
	}
	err = apply(b, &reason);
	KUNIT_EXPECT_EQ_MSG(test, err, want, "%s", c->name);
	KUNIT_EXPECT_EQ_MSG(test, reason, wanted, "%s", c->name);
}

/* The same orders through the module's front door, addressed to its own identity. */
static void adversarial_orders_applied(struct kunit *test)
{
	struct test_secret *key = kunit_kzalloc(test, sizeof(*key), GFP_KERNEL);
	struct bytes secret = get_sized(test, adv_order_secret, ZKHSM_SCALAR_LEN);
	struct bytes pub = get_sized(test, adv_order_public, ZKHSM_POINT_LEN);
	struct bytes hsm_id = get_sized(test, adv_order_hsm_id, ZKHSM_HASH_LEN);
	struct zkhsm_manager_info info;
	struct zkhsm_scalar a;
	u64 number = 0;
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, key);
	hsm_need(test);
	KUNIT_ASSERT_EQ(test, zkhsm_scalar_from_be(&a, secret.data, N), 0);
	secret_set(key, &a);
	memcpy(key->pub, pub.data, sizeof(key->pub));
	KUNIT_ASSERT_EQ(test, zkhsm_trust_new(key->pub, "adversarial", &info, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(adv_orders); i++) {
		const struct adv_message *c = &adv_orders[i];
		struct bytes b = get(test, c->bytes);

		if (b.len >= AT_HSM + ZKHSM_HASH_LEN &&
		    !memcmp(b.data + AT_HSM, hsm_id.data, ZKHSM_HASH_LEN))
			memcpy(b.data + AT_HSM, zkhsm_hsm_id(), ZKHSM_HASH_LEN);
		if (c->err)
			apply_false(test, c, &b);
		else
			apply_true(test, key, &b, &number, c->name);
		drop(test, b);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, zkhsm_trust_get(info.id, &info, NULL), 0);
	KUNIT_EXPECT_EQ(test, info.last_number, number);
	KUNIT_EXPECT_EQ(test, zkhsm_trust_del(info.id, &info, NULL), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(adversarial_lists),
	KUNIT_CASE(adversarial_configurations),
	KUNIT_CASE(adversarial_announcements),
	KUNIT_CASE_SLOW(adversarial_evidence),
	KUNIT_CASE(adversarial_orders),
	KUNIT_CASE_SLOW(adversarial_orders_applied),
	{}
};

struct kunit_suite zkhsm_kunit_adversarial_messages = {
	.name = "zkhsm-adversarial-messages",
	.test_cases = cases,
};
