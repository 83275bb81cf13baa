// SPDX-License-Identifier: GPL-2.0
/*
 * test_ecjpake.c - proofs of one key, exchanged with mbedTLS' EC J-PAKE
 *
 * Its round one is two pairs of a key and an RFC 8235 proof of it, hashed as
 * ours are when OtherInfo is absent and UserID is "client" or "server". So each
 * side's prover can be held against the other side's verifier. Built by run,
 * with that one file of Debian's source package.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecjpake.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>

#include "prover.h"
#include "vectors.h"

/* length, key, length, V, length, r: an ECJPAKEKeyKP with an r of full length */
#define PAIR_LEN	(1 + ZKHSM_POINT_LEN + 1 + ZKHSM_POINT_LEN + 1 + ZKHSM_SCALAR_LEN)
#define ROUNDS		32

static const char *const sides[] = { "client", "server" };
static struct prover *prover;

/* One key and its proof, as our verifier takes them. */
struct pair {
	uint8_t public[ZKHSM_POINT_LEN];
	uint8_t proof[ZKHSM_PROOF_LEN];
};

static mbedtls_ecjpake_role role(const char *side)
{
	return strcmp(side, "client") ? MBEDTLS_ECJPAKE_SERVER : MBEDTLS_ECJPAKE_CLIENT;
}

static void setup(mbedtls_ecjpake_context *ctx, const char *side)
{
	/* The password only matters from round two on. */
	mbedtls_ecjpake_init(ctx);
	assert_int_equal(mbedtls_ecjpake_setup(ctx, role(side), MBEDTLS_MD_SHA256,
					       MBEDTLS_ECP_DP_SECP256R1,
					       (const unsigned char *)"unused", 6), 0);
}

static size_t pack(const struct pair *p, uint8_t out[PAIR_LEN])
{
	uint8_t *at = out;

	*at++ = ZKHSM_POINT_LEN;
	memcpy(at, p->public, ZKHSM_POINT_LEN);
	at += ZKHSM_POINT_LEN;
	*at++ = ZKHSM_POINT_LEN;
	memcpy(at, p->proof, ZKHSM_POINT_LEN);
	at += ZKHSM_POINT_LEN;
	*at++ = ZKHSM_SCALAR_LEN;
	memcpy(at, p->proof + ZKHSM_POINT_LEN, ZKHSM_SCALAR_LEN);
	return (size_t)(at + ZKHSM_SCALAR_LEN - out);
}

/* mbedTLS leaves out leading zeros of r, our form has them. */
static const uint8_t *unpack(const uint8_t *at, const uint8_t *end, struct pair *p)
{
	size_t len;

	assert_true(end - at > 2 * (1 + ZKHSM_POINT_LEN) + 1);
	assert_int_equal(*at++, ZKHSM_POINT_LEN);
	memcpy(p->public, at, ZKHSM_POINT_LEN);
	at += ZKHSM_POINT_LEN;
	assert_int_equal(*at++, ZKHSM_POINT_LEN);
	memcpy(p->proof, at, ZKHSM_POINT_LEN);
	at += ZKHSM_POINT_LEN;
	len = *at++;
	assert_in_range(len, 1, ZKHSM_SCALAR_LEN);
	assert_true((size_t)(end - at) >= len);
	memset(p->proof + ZKHSM_POINT_LEN, 0, ZKHSM_SCALAR_LEN);
	memcpy(p->proof + ZKHSM_PROOF_LEN - len, at, len);
	return at + len;
}

static void prove(const char *side, const void *other, size_t other_len, struct pair *p)
{
	uint8_t secret[ZKHSM_SCALAR_LEN];

	prover_draw(prover, secret);
	prover_public(secret, p->public);
	prover_proof(prover, secret, side, strlen(side), other, other_len, p->proof);
}

/* What mbedTLS, being the other side, says of two proofs made by @side. */
static int theirs(const char *side, const struct pair *first, const struct pair *second)
{
	const char *reader = sides[strcmp(side, "client") == 0];
	uint8_t message[2 * PAIR_LEN];
	mbedtls_ecjpake_context ctx;
	size_t len;
	int ret;

	setup(&ctx, reader);
	len = pack(first, message);
	len += pack(second, message + len);
	ret = mbedtls_ecjpake_read_round_one(&ctx, message, len);
	mbedtls_ecjpake_free(&ctx);
	return ret;
}

static int ours(const char *side, const struct pair *p)
{
	return zkhsm_verify_proof(p->public, side, strlen(side), NULL, 0, p->proof, NULL);
}

/* What mbedTLS says of a proof, and not of a fault of its own. */
static void assert_their_refusal(int ret)
{
	/* The last one is for a point that does not begin with 4. */
	if (ret != MBEDTLS_ERR_ECP_VERIFY_FAILED && ret != MBEDTLS_ERR_ECP_INVALID_KEY &&
	    ret != MBEDTLS_ERR_ECP_BAD_INPUT_DATA && ret != MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE)
		fail_msg("mbedTLS returns %d", ret);
}

/* Both say no, ours with @code, to the proof in either place of the message. */
static void both_refuse(const char *side, const struct pair *bad, int code)
{
	struct pair good;

	prove(side, NULL, 0, &good);
	assert_int_equal(ours(side, bad), code);
	assert_their_refusal(theirs(side, bad, &good));
	assert_their_refusal(theirs(side, &good, bad));
}

static void accepts_ours(void **state)
{
	struct pair first, second;
	size_t i, s;

	(void)state;
	for (s = 0; s < ARRAY_SIZE(sides); s++)
		for (i = 0; i < ROUNDS; i++) {
			prove(sides[s], NULL, 0, &first);
			prove(sides[s], NULL, 0, &second);
			assert_int_equal(ours(sides[s], &first), 0);
			assert_int_equal(theirs(sides[s], &first, &second), 0);
		}
}

/* Both proofs of a round one that mbedTLS writes as @side. */
static void written(const char *side, struct pair pairs[2])
{
	mbedtls_ctr_drbg_context drbg;
	mbedtls_entropy_context entropy;
	mbedtls_ecjpake_context ctx;
	uint8_t message[2 * PAIR_LEN];
	const uint8_t *at;
	size_t len;

	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	assert_int_equal(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0), 0);
	setup(&ctx, side);
	assert_int_equal(mbedtls_ecjpake_write_round_one(&ctx, message, sizeof(message), &len,
							 mbedtls_ctr_drbg_random, &drbg), 0);
	at = unpack(message, message + len, &pairs[0]);
	at = unpack(at, message + len, &pairs[1]);
	assert_ptr_equal(at, message + len);
	mbedtls_ecjpake_free(&ctx);
	mbedtls_ctr_drbg_free(&drbg);
	mbedtls_entropy_free(&entropy);
}

static void accepts_theirs(void **state)
{
	struct pair pairs[2];
	size_t i, s;

	(void)state;
	for (s = 0; s < ARRAY_SIZE(sides); s++)
		for (i = 0; i < ROUNDS; i++) {
			written(sides[s], pairs);
			assert_int_equal(ours(sides[s], &pairs[0]), 0);
			assert_int_equal(ours(sides[s], &pairs[1]), 0);
			/* The padding of r that we add changes nothing for them. */
			assert_int_equal(theirs(sides[s], &pairs[0], &pairs[1]), 0);
		}
}

/* One bit of each byte of key and proof, whoever made it. */
static void tamper(const char *side, const struct pair *good)
{
	struct pair bad;
	size_t i;

	for (i = 0; i < sizeof(bad); i++) {
		bad = *good;
		((uint8_t *)&bad)[i] ^= (uint8_t)(1 << i % 8);
		/* A point leaves the curve, r stays below n. */
		both_refuse(side, &bad, i < offsetof(struct pair, proof) + ZKHSM_POINT_LEN ?
			    -EBADMSG : -EKEYREJECTED);
	}
}

static void tampered_ours(void **state)
{
	struct pair good;

	(void)state;
	prove("client", NULL, 0, &good);
	tamper("client", &good);
}

static void tampered_theirs(void **state)
{
	struct pair good[2];

	(void)state;
	written("server", good);
	tamper("server", &good[0]);
}

static void another_transcript(void **state)
{
	struct pair p, q, pairs[2];
	size_t s;

	(void)state;
	for (s = 0; s < ARRAY_SIZE(sides); s++) {
		/* made by the other side */
		prove(sides[!s], NULL, 0, &p);
		assert_int_equal(ours(sides[!s], &p), 0);
		both_refuse(sides[s], &p, -EKEYREJECTED);
		written(sides[!s], pairs);
		assert_int_equal(ours(sides[!s], &pairs[0]), 0);
		both_refuse(sides[s], &pairs[0], -EKEYREJECTED);
		/* with an OtherInfo, an empty one too */
		prove(sides[s], "other", 5, &p);
		both_refuse(sides[s], &p, -EKEYREJECTED);
		prove(sides[s], "", 0, &p);
		both_refuse(sides[s], &p, -EKEYREJECTED);
		/* of another key */
		prove(sides[s], NULL, 0, &p);
		prove(sides[s], NULL, 0, &q);
		memcpy(p.public, q.public, sizeof(p.public));
		both_refuse(sides[s], &p, -EKEYREJECTED);
	}
}

/* Every vector in their form gets the same verdict from all three. */
static void vectors(void **state)
{
	json_t *file = vectors_load("schnorr.json"), *cases = json_object_get(file, "cases"), *c;
	size_t i, s, len, good = 0, bad = 0;
	uint8_t user[256], proof[256];
	const char *verdict;
	struct pair p, other;

	(void)state;
	json_array_foreach(cases, i, c) {
		len = vectors_data(c, "user_id", user, sizeof(user));
		for (s = 0; s < ARRAY_SIZE(sides); s++)
			if (len == strlen(sides[s]) && !memcmp(user, sides[s], len))
				break;
		/* A proof of another length has no form there. */
		if (s == ARRAY_SIZE(sides) || !json_is_null(json_object_get(c, "other_info")) ||
		    vectors_data(c, "proof", proof, sizeof(proof)) != ZKHSM_PROOF_LEN)
			continue;
		vectors_bytes(c, "public", p.public, sizeof(p.public));
		memcpy(p.proof, proof, sizeof(p.proof));
		prove(sides[s], NULL, 0, &other);
		print_message("# %s\n", vectors_string(c, "name"));
		verdict = vectors_string(c, "verdict");
		if (strcmp(verdict, "ok")) {
			both_refuse(sides[s], &p, strcmp(verdict, "false") ? -EBADMSG : -EKEYREJECTED);
			bad++;
		} else {
			assert_int_equal(ours(sides[s], &p), 0);
			assert_int_equal(theirs(sides[s], &p, &other), 0);
			good++;
		}
	}
	json_decref(file);
	assert_true(good >= 2);
	assert_true(bad >= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_ours),
		cmocka_unit_test(accepts_theirs),
		cmocka_unit_test(tampered_ours),
		cmocka_unit_test(tampered_theirs),
		cmocka_unit_test(another_transcript),
		cmocka_unit_test(vectors),
	};
	int failed;

	prover = prover_new("ecjpake", 0);
	failed = cmocka_run_group_tests_name("ecjpake", tests, NULL, NULL);
	prover_free(prover);
	return failed;
}
