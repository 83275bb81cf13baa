// SPDX-License-Identifier: GPL-2.0
/*
 * test_adversarial.c - libzkhsm on tests/vectors/adversarial.json: the verdict,
 * and the sentence that belongs to the reason
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib_private.h"
#include "point.h"
#include "scalar.h"
#include "vectors.h"

static json_t *root;
static struct zkhsm_error err;

/* The sentence of each reason, by what was read; NULL in @section: all. */
static const struct {
	const char *section, *reason, *text;
} sentences[] = {
	{ "evidence", "evidence-form", "the evidence is malformed" },
	{ "evidence", "list-form", "the list of keys is malformed" },
	{ "evidence", "list-form", "not a list of keys" },
	{ "lists", "list-form", "the list of keys is malformed" },
	{ "lists", "list-form", "not a list of keys" },
	{ NULL, "element", "the element of key " },
	{ NULL, "configuration-form", "the configuration is malformed" },
	{ NULL, "manager-key", "a manager's key is not a point of P-256" },
	{ NULL, "commitment", "V in the proof is not a point of P-256" },
	{ NULL, "response", "r in the proof is not below the group's order" },
	{ NULL, "identity", "the identity is not a point of P-256" },
	{ NULL, "key", "the public key is not a" },
	{ NULL, "user-id", "a UserID has 1 to 255 bytes" },
	{ NULL, "hsm-id", "hsm_id is not the digest of the identity" },
	{ NULL, "list-digest", "the evidence is over another list of keys" },
	{ NULL, "list-count", "the list has " },
	{ NULL, "configuration-digest", "the evidence is over another configuration" },
	{ NULL, "equation", "the proof is false" },
	{ NULL, "signature-range", "r or s in the signature is out of range" },
	{ NULL, "signature", "the signature is false" },
	{ NULL, "announcement-form", "the announcement is malformed" },
	{ NULL, "order-form", "the order is malformed" },
	{ NULL, "order-manager", "the order is another manager's" },
	{ NULL, "order-type", "orders of type " },
	{ NULL, "delta-form", "the list difference is malformed" },
	/* Entries behind the first are read while the list is rebuilt. */
	{ NULL, "delta-form", "the list difference does not fit its base" },
	{ NULL, "delta-fit", "the list difference does not fit its base" },
	{ NULL, "delta-base", "the difference is to another list" },
	{ NULL, "delta-result", "the difference does not lead to the list it names" },
	/* What the caller of the library compares, and what has a length that it cannot take. */
	{ "evidence", "challenge", "test: not asked" },
	{ "evidence", "nonce", "test: another nonce" },
	{ "orders", "order-hsm", "test: another HSM" },
	{ "proofs", "proof-form", "test: length" },
	{ "signatures", "signature-form", "test: length" },
};

static int errno_of(const json_t *c)
{
	const char *verdict = vectors_string(c, "verdict"), *reason = vectors_string(c, "reason");

	if (!strcmp(verdict, "ok"))
		return 0;
	if (!strcmp(verdict, "unsupported"))
		return -EOPNOTSUPP;
	if (!strcmp(reason, "user-id"))
		return -EINVAL;
	if (!strcmp(reason, "delta-base"))
		return -ESTALE;
	return strcmp(verdict, "malformed") ? -EKEYREJECTED : -EBADMSG;
}

static bool says(const char *section, const char *reason)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(sentences); i++)
		if ((!sentences[i].section || !strcmp(sentences[i].section, section)) &&
		    !strcmp(sentences[i].reason, reason) &&
		    !strncmp(err.text, sentences[i].text, strlen(sentences[i].text)))
			return true;
	return false;
}

static void expect(const char *section, const json_t *c, int ret)
{
	const char *name = vectors_string(c, "name"), *reason = vectors_string(c, "reason");

	if (ret != errno_of(c))
		fail_msg("%s: %s: %d instead of %d (%s)", section, name, ret, errno_of(c), err.text);
	if (ret && (err.code != ret || !says(section, reason)))
		fail_msg("%s: %s: not for %s but: %s", section, name, reason, err.text);
}

/* Every case of a section; in allocations of exactly their size, for the sanitizer. */
static void each(const char *section, size_t least, int (*judge)(const json_t *c))
{
	const json_t *cases = json_object_get(root, section), *c;
	size_t i;

	assert_true(json_array_size(cases) >= least);
	json_array_foreach(cases, i, c) {
		memset(&err, 0, sizeof(err));
		expect(section, c, judge(c));
	}
}

static uint8_t *exactly(const json_t *c, const char *name, size_t *len)
{
	static uint8_t data[256 * 1024];
	uint8_t *copy;

	*len = vectors_data(c, name, data, sizeof(data));
	copy = malloc(*len ? *len : 1);
	assert_non_null(copy);
	memcpy(copy, data, *len);
	return copy;
}

static void scalars(void **state)
{
	const json_t *cases = json_object_get(root, "scalars"), *c;
	struct zkhsm_scalar s;
	uint8_t be[64];
	BIGNUM *bn;
	size_t i;

	(void)state;
	assert_true(json_array_size(cases) > 15);
	json_array_foreach(cases, i, c) {
		bool ok = !strcmp(vectors_string(c, "verdict"), "ok");

		if (vectors_data(c, "scalar", be, sizeof(be)) != ZKHSM_SCALAR_LEN)
			continue;
		bn = zkhsm_scalar_decode(be);
		assert_int_equal(bn != NULL, ok);
		BN_free(bn);
		assert_int_equal(zkhsm_scalar_from_be(&s, be, &zkhsm_p256_n), ok ? 0 : -ERANGE);
		assert_int_equal(ok && zkhsm_scalar_in_range(&s, &zkhsm_p256_n),
				 json_is_true(json_object_get(c, "secret")));
		assert_int_equal(ok && !zkhsm_scalar_is_zero(&s),
				 json_is_true(json_object_get(c, "half")));
	}
}

/* By OpenSSL as the library uses it, in both of its ways, and by the module's own code. */
static void points(void **state)
{
	const json_t *cases = json_object_get(root, "points"), *c;
	uint8_t data[256];
	EVP_PKEY *key;
	EC_POINT *p;
	size_t i;

	(void)state;
	assert_true(json_array_size(cases) > 25);
	json_array_foreach(cases, i, c) {
		const char *name = vectors_string(c, "name");
		bool ok = !strcmp(vectors_string(c, "verdict"), "ok");

		if (vectors_data(c, "point", data, sizeof(data)) != ZKHSM_POINT_LEN)
			continue;
		p = zkhsm_ec_point_decode(data, NULL);
		if (!!p != ok || zkhsm_public_decode(data, &key, NULL) != (ok ? 0 : -EBADMSG) ||
		    zkhsm_p256_decode_public(data) != (ok ? 0 : -EBADMSG))
			fail_msg("points: %s", name);
		EC_POINT_free(p);
		EVP_PKEY_free(key);
	}
}

/* By the arithmetic of the module, which also stands in its verifier of batches. */
static void sums(void **state)
{
	const json_t *cases = json_object_get(root, "sums"), *c, *term;
	struct zkhsm_point sum, a;
	struct zkhsm_scalar k, zero;
	uint8_t be[32], point[65], want[65] = { 0 }, got[65];
	size_t i, j;

	(void)state;
	assert_true(json_array_size(cases) > 15);
	zkhsm_scalar_set_u64(&zero, 0);
	json_array_foreach(cases, i, c) {
		zkhsm_point_set_identity(&sum);
		json_array_foreach(json_object_get(c, "terms"), j, term) {
			const char *hex = json_string_value(json_array_get(term, 0));

			assert_int_equal(zkhsm_unhex(hex, be, sizeof(be)), 0);
			hex = json_string_value(json_array_get(term, 1));
			assert_int_equal(zkhsm_unhex(hex, point, sizeof(point)), 0);
			assert_int_equal(zkhsm_scalar_from_be(&k, be, &zkhsm_p256_n), 0);
			assert_int_equal(zkhsm_point_decode(&a, point), 0);
			zkhsm_point_mul2(&a, &zero, &k, &a);
			zkhsm_point_add(&sum, &sum, &a);
		}
		if (zkhsm_point_encode(got, &sum))
			vectors_bytes(c, "r", want, sizeof(want));
		else
			memset(want, 0, sizeof(want));
		if (json_is_null(json_object_get(c, "r")) == zkhsm_point_encode(got, &sum) ||
		    memcmp(got, want, sizeof(got)))
			fail_msg("sums: %s", vectors_string(c, "name"));
	}
}

static void names(void **state)
{
	const json_t *cases = json_object_get(root, "names"), *c;
	uint8_t public[65], want[32], got[32];
	size_t i;

	(void)state;
	assert_true(json_array_size(cases) > 5);
	json_array_foreach(cases, i, c) {
		vectors_bytes(c, "public", public, sizeof(public));
		vectors_bytes(c, "element", want, sizeof(want));
		zkhsm_element_name(ZKHSM_SUITE_P256, public, got);
		assert_memory_equal(got, want, sizeof(got));
	}
}

static int judge_proof(const json_t *c)
{
	const json_t *absent = json_object_get(c, "other_info");
	uint8_t *user_id, *other = NULL, *proof, public[65];
	size_t id_len, other_len = 0, len;
	int ret;

	vectors_bytes(c, "public", public, sizeof(public));
	user_id = exactly(c, "user_id", &id_len);
	if (!json_is_null(absent))
		other = exactly(c, "other_info", &other_len);
	proof = exactly(c, "proof", &len);
	if (len != ZKHSM_PROOF_LEN)
		ret = zkhsm_fail(&err, -EBADMSG, "test: length");
	else
		ret = zkhsm_verify_proof(public, user_id, id_len, other, other_len, proof, &err);
	free(user_id);
	free(other);
	free(proof);
	return ret;
}

static int judge_signature(const json_t *c)
{
	uint8_t public[65], digest[32], signature[256];
	size_t len;

	vectors_bytes(c, "public", public, sizeof(public));
	vectors_bytes(c, "digest", digest, sizeof(digest));
	len = vectors_data(c, "signature", signature, sizeof(signature));
	if (len != ZKHSM_SIGNATURE_LEN)
		return zkhsm_fail(&err, -EBADMSG, "test: length");
	return zkhsm_verify_ecdsa(public, digest, signature, &err);
}

/* Step 2 of the protocol's verifier, which is the manager's. */
static int judge_challenge(const json_t *c, const struct zkhsm_statement *s)
{
	uint8_t asker[32], asked[32];
	uint32_t i;

	vectors_bytes(c, "manager_id", asker, sizeof(asker));
	vectors_bytes(c, "nonce", asked, sizeof(asked));
	for (i = 0; i < s->challenge_count; i++)
		if (!memcmp(s->challenges[i].manager_id, asker, sizeof(asker)))
			return memcmp(s->challenges[i].nonce, asked, sizeof(asked)) ?
			       zkhsm_fail(&err, -EKEYREJECTED, "test: another nonce") : 0;
	return zkhsm_fail(&err, -EKEYREJECTED, "test: not asked");
}

static void check_proved(const json_t *c, const struct zkhsm_keylist *l)
{
	const json_t *ids = json_object_get(c, "proved"), *id;
	const struct zkhsm_list_entry *e;
	struct zkhsm_list_entry found;
	size_t i;

	assert_int_equal(zkhsm_keylist_proved(l), json_array_size(ids));
	json_array_foreach(ids, i, id) {
		e = zkhsm_keylist_find(l, json_string_value(id), &found);
		assert_non_null(e);
		assert_true(zkhsm_list_entry_proved(e));
	}
}

/*
 * Whoever verifies has looked for the list by the digest in S; the order in
 * which a manager finds things out is its own.
 */
static int judge_evidence(const json_t *c)
{
	size_t len, list_len, config_len, statement_len;
	uint8_t *evidence = exactly(c, "evidence", &len), *list = exactly(c, "list", &list_len);
	uint8_t *config = exactly(c, "configuration", &config_len), digest[32];
	struct zkhsm_keylist *l = NULL;
	struct zkhsm_statement s;
	int ret;

	zkhsm_sha256(list, list_len, digest);
	ret = zkhsm_keylist_new(list, list_len, &l, &err);
	/* Another list, or none: what the evidence is called does not depend on it. */
	if (ret && (zkhsm_evidence_decode(&s, &statement_len, evidence, len) ||
		    memcmp(s.list_digest, digest, sizeof(digest)))) {
		static const uint8_t empty[ZKHSM_LIST_HEAD_LEN] = "ZKHSM\3\0\1";

		ret = zkhsm_keylist_new(empty, sizeof(empty), &l, &err);
	}
	if (!ret)
		ret = zkhsm_verify_evidence(evidence, len, l, config, config_len, &s, &err);
	if (!ret)
		ret = judge_challenge(c, &s);
	if (!ret)
		check_proved(c, l);
	zkhsm_keylist_free(l);
	free(evidence);
	free(config);
	free(list);
	return ret;
}

static int judge_list(const json_t *c)
{
	struct zkhsm_keylist *l;
	size_t len;
	uint8_t *list = exactly(c, "list", &len);
	int ret = zkhsm_keylist_new(list, len, &l, &err);

	zkhsm_keylist_free(l);
	free(list);
	return ret;
}

static int judge_configuration(const json_t *c)
{
	struct zkhsm_configuration out;
	size_t len;
	uint8_t *config = exactly(c, "configuration", &len);
	int ret = zkhsm_configuration_check(config, len, &out, &err);

	free(config);
	return ret;
}

static int judge_announcement(const json_t *c)
{
	struct zkhsm_announcement out;
	uint8_t identity[65], *data;
	size_t len;
	int ret;

	vectors_bytes(c, "identity", identity, sizeof(identity));
	data = exactly(c, "announcement", &len);
	ret = zkhsm_verify_announcement(identity, data, len, &out, &err);
	free(data);
	return ret;
}

static int judge_delta(const json_t *c)
{
	size_t base_len, len, out_len, want_len;
	uint8_t *base = exactly(c, "base", &base_len), *delta = exactly(c, "delta", &len);
	uint8_t *out, *want;
	int ret = zkhsm_list_delta_apply(base, base_len, delta, len, &out, &out_len, &err);

	/* What is removed is read before anything is rebuilt. */
	if (ret == -EBADMSG && !strcmp(vectors_string(c, "reason"), "delta-form") &&
	    !strncmp(vectors_string(c, "name"), "removed-", 8))
		assert_string_equal(err.text, "the list difference is malformed");
	if (!ret) {
		want = exactly(c, "list", &want_len);
		assert_int_equal(out_len, want_len);
		assert_memory_equal(out, want, out_len);
		free(want);
	}
	free(out);
	free(delta);
	free(base);
	return ret;
}

static int judge_order(const json_t *c)
{
	uint8_t public[65], hsm[32], *data;
	struct zkhsm_order o;
	size_t len;
	int ret;

	vectors_bytes(c, "public", public, sizeof(public));
	vectors_bytes(c, "hsm_id", hsm, sizeof(hsm));
	data = exactly(c, "order", &len);
	ret = zkhsm_order_verify(public, data, len, &o, &err);
	/* For whom an order is, is for the HSM to say, and it says so before the signature. */
	if ((!ret || ret == -EKEYREJECTED) && memcmp(o.hsm_id, hsm, sizeof(hsm)))
		ret = zkhsm_fail(&err, -EKEYREJECTED, "test: another HSM");
	free(data);
	return ret;
}

#define SECTION(name, least)				\
static void name##s(void **state)			\
{							\
	(void)state;					\
	each(#name "s", least, judge_##name);		\
}

SECTION(proof, 90)
SECTION(signature, 30)
SECTION(list, 120)
SECTION(configuration, 60)
SECTION(announcement, 80)
SECTION(delta, 50)
SECTION(order, 300)

static void evidence(void **state)
{
	(void)state;
	each("evidence", 250, judge_evidence);
}

static int setup(void **state)
{
	(void)state;
	root = vectors_load("adversarial.json");
	return root ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	json_decref(root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars),
		cmocka_unit_test(points),
		cmocka_unit_test(sums),
		cmocka_unit_test(names),
		cmocka_unit_test(proofs),
		cmocka_unit_test(signatures),
		cmocka_unit_test(evidence),
		cmocka_unit_test(lists),
		cmocka_unit_test(configurations),
		cmocka_unit_test(announcements),
		cmocka_unit_test(deltas),
		cmocka_unit_test(orders),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
