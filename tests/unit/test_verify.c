// SPDX-License-Identifier: GPL-2.0
/*
 * test_verify.c - evidence, announcements and proofs, true and false
 */
#include "mutate.h"

#include <openssl/bn.h>

#include "prover.h"
#include "vectors.h"

static const uint8_t manager_id[32] = { 1 }, nonce[32] = { 2 };

/* Evidence and what it is checked against. */
struct subject {
	struct prover *p;
	struct zkhsm_keylist *l;
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;
};

static int verify(const uint8_t *data, size_t len, void *arg)
{
	const struct subject *s = arg;
	struct zkhsm_error err = { 0 };
	struct zkhsm_statement out;
	int ret = zkhsm_verify_evidence(data, len, s->l, s->p->config_bytes, s->p->config_len,
					&out, &err);

	assert_int_equal(err.code, ret);
	return ret;
}

static int verify_subject(struct subject *s)
{
	return verify(s->evidence, s->len, s);
}

static void refresh(struct subject *s)
{
	prover_refresh(s->p);
	zkhsm_keylist_free(s->l);
	assert_int_equal(zkhsm_keylist_new(s->p->list, s->p->list_len, &s->l, NULL), 0);
}

static void answer(struct subject *s)
{
	s->len = prover_answer(s->p, manager_id, nonce, s->evidence);
}

static struct subject subject_new(size_t keys)
{
	struct subject s = { .p = prover_new("verify", keys) };

	refresh(&s);
	answer(&s);
	return s;
}

static void subject_end(struct subject *s)
{
	zkhsm_keylist_free(s->l);
	prover_free(s->p);
}

/* Also around where buckets take over, and around a chunk of theirs. */
static void sizes(void **state)
{
	static const size_t counts[] = { 0, 1, 2, 17, 54, 55, 56, 600, 4095, 4096 };
	struct zkhsm_statement out;
	struct subject s;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		s = subject_new(counts[i]);
		assert_int_equal(verify_subject(&s), 0);
		assert_int_equal(zkhsm_verify_evidence(s.evidence, s.len, s.l, NULL, 0, &out, NULL), 0);
		assert_int_equal(out.list_count, counts[i]);
		assert_int_equal(out.number, 1);
		assert_memory_equal(out.hsm_id, s.p->hsm_id, 32);
		assert_memory_equal(out.challenges[0].nonce, nonce, 32);
		if (counts[i]) {
			/* One secret among all that is not known. */
			s.p->keys[counts[i] - 1].secret[31] ^= 1;
			answer(&s);
			assert_int_equal(verify_subject(&s), -EKEYREJECTED);
			s.p->keys[counts[i] - 1].secret[31] ^= 1;
			s.p->keys[0].secret[0] ^= 0x40;
			answer(&s);
			assert_int_equal(verify_subject(&s), -EKEYREJECTED);
		}
		subject_end(&s);
	}
}

static void mutations(void **state)
{
	struct subject s = subject_new(3);

	(void)state;
	mutate_length(s.evidence, s.len, verify, &s, -EBADMSG);
	mutate_bytes(s.evidence, s.len, verify, &s, -EBADMSG, -EKEYREJECTED);
	subject_end(&s);
}

static void states(void **state)
{
	struct subject s = subject_new(5);

	(void)state;
	s.p->keys[0].entry.state = ZKHSM_KEY_STATE_HELD;
	s.p->keys[1].entry.state = ZKHSM_KEY_STATE_COMPROMISED;
	s.p->keys[2].entry.state = ZKHSM_KEY_STATE_PRE_ACTIVE;
	s.p->keys[4].entry.state = ZKHSM_KEY_STATE_DEACTIVATED;
	refresh(&s);
	/* Over the list as it was before. */
	assert_int_equal(verify_subject(&s), -EKEYREJECTED);
	answer(&s);
	assert_int_equal(verify_subject(&s), 0);
	/* No proof covers the compromised one; any other is covered. */
	memset(s.p->keys[1].secret, 0, 32);
	answer(&s);
	assert_int_equal(verify_subject(&s), 0);
	memset(s.p->keys[2].secret, 0, 32);
	answer(&s);
	assert_int_equal(verify_subject(&s), -EKEYREJECTED);
	subject_end(&s);
}

static void negate(const uint8_t in[32], uint8_t out[32])
{
	static const char order[] =
		"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
	BIGNUM *n = NULL, *a = BN_bin2bn(in, 32, NULL);

	assert_true(BN_hex2bn(&n, order));
	assert_true(BN_sub(a, n, a));
	assert_int_equal(BN_bn2binpad(a, out, 32), 32);
	BN_free(a);
	BN_free(n);
}

/* G, -G, the same key twice, its negative, the identity itself: policy, not falsehood. */
static void peculiar(size_t others)
{
	const uint8_t one[32] = { [31] = 1 }, two[32] = { [31] = 2 };
	struct subject s = subject_new(others);
	uint8_t minus[32];

	prover_key_add(s.p, "g", one);
	negate(one, minus);
	prover_key_add(s.p, "g-minus", minus);
	prover_key_add(s.p, "g-twice", two);
	prover_key_add(s.p, "again", prover_key(s.p, "key-000000")->secret);
	negate(s.p->keys[1].secret, minus);
	prover_key_add(s.p, "negated", minus);
	prover_key_add(s.p, "identity", s.p->identity_secret);
	refresh(&s);
	answer(&s);
	assert_int_equal(verify_subject(&s), 0);
	prover_key(s.p, "g")->secret[31] = 3;
	answer(&s);
	assert_int_equal(verify_subject(&s), -EKEYREJECTED);
	subject_end(&s);
}

/* Without buckets, and with them. */
static void peculiar_keys(void **state)
{
	(void)state;
	peculiar(2);
	peculiar(60);
}

static void other_list_or_configuration(void **state)
{
	struct subject s = subject_new(3), other = subject_new(4);
	uint8_t manager[65];
	struct zkhsm_statement out;
	struct zkhsm_error err;

	(void)state;
	assert_int_equal(zkhsm_verify_evidence(s.evidence, s.len, other.l, s.p->config_bytes,
					       s.p->config_len, &out, &err), -EKEYREJECTED);
	assert_string_equal(err.text, "the evidence is over another list of keys");

	prover_public(s.p->keys[0].secret, manager);
	prover_pin(other.p, manager);
	prover_refresh(other.p);
	assert_int_equal(zkhsm_verify_evidence(s.evidence, s.len, s.l, other.p->config_bytes,
					       other.p->config_len, &out, &err), -EKEYREJECTED);
	assert_string_equal(err.text, "the evidence is over another configuration");
	assert_int_equal(zkhsm_verify_evidence(s.evidence, s.len, s.l, s.p->config_bytes,
					       s.p->config_len - 1, &out, &err), -EKEYREJECTED);
	subject_end(&s);
	subject_end(&other);
}

/* Statements that lie, with a proof made over the lie. */
static void statements_that_lie(void **state)
{
	struct zkhsm_challenge c = { .nonce = { 3 } };
	struct subject s = subject_new(3);
	struct zkhsm_statement good, lie;
	uint8_t garbage[] = "no configuration";

	(void)state;
	prover_statement(s.p, &c, 1, &good);
	s.len = prover_evidence(s.p, &good, s.evidence);
	assert_int_equal(verify_subject(&s), 0);

	lie = good;
	lie.list_count++;
	s.len = prover_evidence(s.p, &lie, s.evidence);
	assert_int_equal(verify_subject(&s), -EKEYREJECTED);
	lie = good;
	lie.hsm_id[0] ^= 1;
	s.len = prover_evidence(s.p, &lie, s.evidence);
	assert_int_equal(verify_subject(&s), -EKEYREJECTED);
	/* Another identity, whose secret the prover does not know. */
	lie = good;
	memcpy(lie.identity, s.p->keys[0].entry.public, ZKHSM_POINT_LEN);
	zkhsm_sha256(lie.identity, ZKHSM_POINT_LEN, lie.hsm_id);
	s.len = prover_evidence(s.p, &lie, s.evidence);
	assert_int_equal(verify_subject(&s), -EKEYREJECTED);
	lie.identity[64] ^= 1;
	zkhsm_sha256(lie.identity, ZKHSM_POINT_LEN, lie.hsm_id);
	s.len = prover_evidence(s.p, &lie, s.evidence);
	assert_int_equal(verify_subject(&s), -EBADMSG);
	/* A configuration that is none, with the right digest. */
	lie = good;
	zkhsm_sha256(garbage, sizeof(garbage), lie.config_digest);
	s.len = prover_evidence(s.p, &lie, s.evidence);
	assert_int_equal(zkhsm_verify_evidence(s.evidence, s.len, s.l, garbage, sizeof(garbage),
					       &lie, NULL), -EBADMSG);
	subject_end(&s);
}

/* Proofs of one kind where the other is wanted, or of another statement. */
static void swapped_proofs(void **state)
{
	struct subject s = subject_new(0), later = subject_new(0);
	uint8_t announcement[PROVER_ANNOUNCEMENT_LEN], mixed[ZKHSM_EVIDENCE_MAX_LEN];
	struct zkhsm_announcement a;
	size_t statement_len = s.len - ZKHSM_PROOF_LEN;

	(void)state;
	answer(&later);
	memcpy(mixed, s.evidence, s.len);
	memcpy(mixed + statement_len, later.evidence + statement_len, ZKHSM_PROOF_LEN);
	assert_int_equal(verify(mixed, s.len, &s), -EKEYREJECTED);
	prover_announcement(s.p, announcement);
	memcpy(mixed + statement_len, announcement + ZKHSM_ANNOUNCEMENT_LEN, ZKHSM_PROOF_LEN);
	assert_int_equal(verify(mixed, s.len, &s), -EKEYREJECTED);
	memcpy(announcement + ZKHSM_ANNOUNCEMENT_LEN, s.evidence + statement_len, ZKHSM_PROOF_LEN);
	assert_int_equal(zkhsm_verify_announcement(s.p->identity, announcement,
						   sizeof(announcement), &a, NULL), -EKEYREJECTED);
	/* A proof of a key, over the announcement, is not one of the identity. */
	prover_proof(s.p, nonce, s.p->hsm_id, 32, announcement, ZKHSM_ANNOUNCEMENT_LEN,
		     announcement + ZKHSM_ANNOUNCEMENT_LEN);
	assert_int_equal(zkhsm_verify_announcement(s.p->identity, announcement,
						   sizeof(announcement), &a, NULL), -EKEYREJECTED);
	subject_end(&s);
	subject_end(&later);
}

static int verify_announcement(const uint8_t *data, size_t len, void *arg)
{
	const struct subject *s = arg;
	struct zkhsm_announcement a;

	return zkhsm_verify_announcement(s->p->identity, data, len, &a, NULL);
}

static void announcements(void **state)
{
	struct subject s = subject_new(3);
	uint8_t data[PROVER_ANNOUNCEMENT_LEN], off_curve[65];
	struct zkhsm_announcement a;

	(void)state;
	prover_announcement(s.p, data);
	assert_int_equal(zkhsm_verify_announcement(s.p->identity, data, sizeof(data), &a, NULL), 0);
	assert_memory_equal(a.list_digest, s.p->list_digest, 32);
	assert_int_equal(a.list_len, s.p->list_len);
	assert_int_equal(a.list_count, 3);
	mutate_length(data, sizeof(data), verify_announcement, &s, -EBADMSG);
	mutate_bytes(data, sizeof(data), verify_announcement, &s, -EBADMSG, -EKEYREJECTED);
	assert_int_equal(zkhsm_verify_announcement(s.p->keys[0].entry.public, data, sizeof(data),
						   &a, NULL), -EKEYREJECTED);
	memcpy(off_curve, s.p->identity, 65);
	off_curve[64] ^= 1;
	assert_int_equal(zkhsm_verify_announcement(off_curve, data, sizeof(data), &a, NULL),
			 -EBADMSG);
	subject_end(&s);
}

static void user_ids(void **state)
{
	struct prover *p = prover_new("verify", 1);
	uint8_t proof[ZKHSM_PROOF_LEN], user_id[256] = { 0 };
	const uint8_t *public = p->keys[0].entry.public;

	(void)state;
	prover_proof(p, p->keys[0].secret, user_id, 255, NULL, 0, proof);
	assert_int_equal(zkhsm_verify_proof(public, user_id, 255, NULL, 0, proof, NULL), 0);
	assert_int_equal(zkhsm_verify_proof(public, user_id, 254, NULL, 0, proof, NULL),
			 -EKEYREJECTED);
	assert_int_equal(zkhsm_verify_proof(public, user_id, 0, NULL, 0, proof, NULL), -EINVAL);
	assert_int_equal(zkhsm_verify_proof(public, user_id, 256, NULL, 0, proof, NULL), -EINVAL);
	/* Absent and empty differ. */
	assert_int_equal(zkhsm_verify_proof(public, user_id, 255, "", 0, proof, NULL),
			 -EKEYREJECTED);
	prover_free(p);
}

static int expected_of(const json_t *c)
{
	const char *verdict = vectors_string(c, "verdict");

	if (!strcmp(verdict, "ok"))
		return 0;
	return strcmp(verdict, "malformed") ? -EKEYREJECTED : -EBADMSG;
}

static void expect(const json_t *c, int ret)
{
	if (ret != expected_of(c))
		fail_msg("%s: %d instead of %s", vectors_string(c, "name"), ret,
			 vectors_string(c, "verdict"));
}

static void proof_vectors(void **state)
{
	json_t *root = vectors_load("schnorr.json"), *c;
	uint8_t public[65], user_id[512], other[2048], proof[256];
	size_t i, id_len, other_len, len;
	bool absent;

	(void)state;
	json_array_foreach(json_object_get(root, "cases"), i, c) {
		vectors_bytes(c, "public", public, sizeof(public));
		id_len = vectors_data(c, "user_id", user_id, sizeof(user_id));
		absent = json_is_null(json_object_get(c, "other_info"));
		other_len = absent ? 0 : vectors_data(c, "other_info", other, sizeof(other));
		len = vectors_data(c, "proof", proof, sizeof(proof));
		/* A proof of another length cannot be given to a function that takes 97 bytes. */
		if (len != ZKHSM_PROOF_LEN)
			expect(c, -EBADMSG);
		else
			expect(c, zkhsm_verify_proof(public, user_id, id_len,
						     absent ? NULL : other, other_len, proof,
						     NULL));
	}
	assert_true(i > 30);
	json_decref(root);
}

static void signature_vectors(void **state)
{
	json_t *root = vectors_load("ecdsa.json"), *c;
	uint8_t public[65], digest[32], signature[256];
	size_t i, len;

	(void)state;
	json_array_foreach(json_object_get(root, "cases"), i, c) {
		vectors_bytes(c, "public", public, sizeof(public));
		vectors_bytes(c, "digest", digest, sizeof(digest));
		len = vectors_data(c, "signature", signature, sizeof(signature));
		if (len != ZKHSM_SIGNATURE_LEN)
			expect(c, -EBADMSG);
		else
			expect(c, zkhsm_verify_ecdsa(public, digest, signature, NULL));
	}
	assert_true(i > 20);
	json_decref(root);
}

/* The steps of the protocol's verifier in its order, 2 and 3 as a manager does them. */
static int judge(const json_t *c)
{
	static uint8_t evidence[8192], list[65536], config[8192];
	size_t len = vectors_data(c, "evidence", evidence, sizeof(evidence));
	size_t list_len = vectors_data(c, "list", list, sizeof(list));
	size_t config_len = vectors_data(c, "configuration", config, sizeof(config));
	uint8_t asker[32], asked[32], digest[32];
	struct zkhsm_keylist *l;
	struct zkhsm_statement s;
	size_t statement_len;
	uint32_t i;
	int ret;

	vectors_bytes(c, "manager_id", asker, sizeof(asker));
	vectors_bytes(c, "nonce", asked, sizeof(asked));
	if (zkhsm_evidence_decode(&s, &statement_len, evidence, len))
		return -EBADMSG;
	zkhsm_sha256(list, list_len, digest);
	if (memcmp(digest, s.list_digest, sizeof(digest)))
		return -EKEYREJECTED;
	ret = zkhsm_keylist_new(list, list_len, &l, NULL);
	if (ret)
		return ret;
	ret = zkhsm_verify_evidence(evidence, len, l, config, config_len, &s, NULL);
	zkhsm_keylist_free(l);
	for (i = 0; !ret && i < s.challenge_count; i++)
		if (!memcmp(s.challenges[i].manager_id, asker, sizeof(asker)))
			return memcmp(s.challenges[i].nonce, asked, sizeof(asked)) ? -EKEYREJECTED : 0;
	return ret ? ret : -EKEYREJECTED;
}

static void evidence_vectors(void **state)
{
	json_t *root = vectors_load("evidence.json"), *c;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(root, "cases"), i, c)
		expect(c, judge(c));
	assert_true(i > 50);
	json_decref(root);
}

static void other_vectors(void **state)
{
	json_t *root = vectors_load("lists.json"), *c;
	struct zkhsm_configuration config;
	struct zkhsm_announcement a;
	static uint8_t data[65536];
	uint8_t identity[65];
	size_t i, len;

	(void)state;
	json_array_foreach(json_object_get(root, "configurations"), i, c) {
		len = vectors_data(c, "configuration", data, sizeof(data));
		expect(c, zkhsm_configuration_check(data, len, &config, NULL));
	}
	assert_true(i > 10);
	json_array_foreach(json_object_get(root, "announcements"), i, c) {
		vectors_bytes(c, "identity", identity, sizeof(identity));
		len = vectors_data(c, "announcement", data, sizeof(data));
		expect(c, zkhsm_verify_announcement(identity, data, len, &a, NULL));
	}
	assert_true(i > 10);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(mutations),
		cmocka_unit_test(states),
		cmocka_unit_test(peculiar_keys),
		cmocka_unit_test(other_list_or_configuration),
		cmocka_unit_test(statements_that_lie),
		cmocka_unit_test(swapped_proofs),
		cmocka_unit_test(announcements),
		cmocka_unit_test(user_ids),
		cmocka_unit_test(proof_vectors),
		cmocka_unit_test(signature_vectors),
		cmocka_unit_test(evidence_vectors),
		cmocka_unit_test(other_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
