// SPDX-License-Identifier: GPL-2.0
/*
 * prover.c - an HSM in a few lines of OpenSSL, see prover.h
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prover.h"

#define NEED(condition)								\
	do {									\
		if (!(condition)) {						\
			fprintf(stderr, "prover.c:%d: %s\n", __LINE__, #condition); \
			abort();						\
		}								\
	} while (0)

static EC_GROUP *group(void)
{
	static EC_GROUP *g;

	if (!g)
		g = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	NEED(g);
	return g;
}

static void encode_point(const EC_POINT *point, uint8_t out[ZKHSM_POINT_LEN])
{
	NEED(EC_POINT_point2oct(group(), point, POINT_CONVERSION_UNCOMPRESSED, out,
				ZKHSM_POINT_LEN, NULL) == ZKHSM_POINT_LEN);
}

void prover_public(const uint8_t secret[ZKHSM_SCALAR_LEN], uint8_t public[ZKHSM_POINT_LEN])
{
	BIGNUM *s = BN_bin2bn(secret, ZKHSM_SCALAR_LEN, NULL);
	EC_POINT *point = EC_POINT_new(group());

	NEED(s && point && EC_POINT_mul(group(), point, s, NULL, NULL, NULL));
	encode_point(point, public);
	EC_POINT_free(point);
	BN_free(s);
}

void prover_draw(struct prover *p, uint8_t out[32])
{
	uint8_t input[sizeof(p->seed) + 8];

	memcpy(input, p->seed, sizeof(p->seed));
	put_unaligned_be64(p->draws++, input + sizeof(p->seed));
	zkhsm_sha256(input, sizeof(input), out);
	/* Below n, so that it is good for a scalar as well. */
	out[0] &= 0x7f;
}

struct prover *prover_new(const char *seed, size_t count)
{
	struct prover *p = calloc(1, sizeof(*p));
	uint8_t random[32];
	char id[32];
	size_t i;

	NEED(p);
	snprintf(p->seed, sizeof(p->seed), "%s", seed);
	prover_draw(p, p->identity_secret);
	prover_public(p->identity_secret, p->identity);
	zkhsm_sha256(p->identity, sizeof(p->identity), p->hsm_id);
	prover_draw(p, random);
	memcpy(p->instance_id, random, sizeof(p->instance_id));
	p->boot_count = 1;
	p->uptime_ms = 60000;
	p->config.quorum = 1;
	p->config.stop = 1;
	p->config.wipe = 1;
	p->config.max_ttl_ms = 24 * 3600 * 1000ULL;
	for (i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "key-%06zu", i);
		prover_key_add(p, id, NULL);
	}
	prover_refresh(p);
	return p;
}

void prover_free(struct prover *p)
{
	if (!p)
		return;
	free(p->keys);
	free(p->list);
	free(p);
}

struct prover_key *prover_key_add(struct prover *p, const char *id, const uint8_t *secret)
{
	size_t len = strlen(id), at = p->count;
	struct prover_key *k;

	while (at && zkhsm_id_compare(p->keys[at - 1].entry.id, p->keys[at - 1].entry.id_len,
				      (const uint8_t *)id, len) > 0)
		at--;
	/* Grows by doubling whenever the count is a power of two. */
	if (!(p->count & (p->count - 1))) {
		p->keys = reallocarray(p->keys, p->count ? 2 * p->count : 1, sizeof(*k));
		NEED(p->keys);
	}
	k = &p->keys[at];
	memmove(k + 1, k, (p->count - at) * sizeof(*k));
	p->count++;

	memset(k, 0, sizeof(*k));
	k->entry.id_len = (uint8_t)len;
	memcpy(k->entry.id, id, len);
	k->entry.type = ZKHSM_KEY_TYPE_EC_P256;
	k->entry.origin = ZKHSM_KEY_ORIGIN_GENERATED;
	k->entry.usage = ZKHSM_KEY_USAGE_ALL;
	k->entry.flags = ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE;
	k->entry.created_ms = 1767225600000ULL;
	k->entry.state = ZKHSM_KEY_STATE_ACTIVE;
	k->entry.public_len = ZKHSM_POINT_LEN;
	if (secret)
		memcpy(k->secret, secret, sizeof(k->secret));
	else
		prover_draw(p, k->secret);
	prover_public(k->secret, k->entry.public);
	return k;
}

struct prover_key *prover_key(struct prover *p, const char *id)
{
	size_t i, len = strlen(id);

	for (i = 0; i < p->count; i++)
		if (p->keys[i].entry.id_len == len && !memcmp(p->keys[i].entry.id, id, len))
			return &p->keys[i];
	return NULL;
}

void prover_key_del(struct prover *p, const char *id)
{
	struct prover_key *k = prover_key(p, id);

	NEED(k);
	memmove(k, k + 1, (size_t)(p->keys + p->count - (k + 1)) * sizeof(*k));
	p->count--;
	/* prover_key_add() takes a power of two for full. */
	if (p->count) {
		p->keys = reallocarray(p->keys, 2 * p->count, sizeof(*k));
		NEED(p->keys);
	}
}

void prover_pin(struct prover *p, const uint8_t manager[ZKHSM_POINT_LEN])
{
	size_t at = p->config.manager_count;

	NEED(at < ZKHSM_MANAGERS_MAX);
	for (; at && memcmp(p->config.managers[at - 1], manager, ZKHSM_POINT_LEN) > 0; at--)
		memcpy(p->config.managers[at], p->config.managers[at - 1], ZKHSM_POINT_LEN);
	memcpy(p->config.managers[at], manager, ZKHSM_POINT_LEN);
	p->config.manager_count++;
}

void prover_refresh(struct prover *p)
{
	size_t size = ZKHSM_LIST_HEAD_LEN + p->count * ZKHSM_LIST_ENTRY_MAX_LEN, i;
	int n;

	free(p->list);
	p->list = malloc(size);
	NEED(p->list);
	p->list_len = ZKHSM_LIST_HEAD_LEN;
	NEED(zkhsm_list_head_encode((uint32_t)p->count, p->list, size) == ZKHSM_LIST_HEAD_LEN);
	for (i = 0; i < p->count; i++) {
		n = zkhsm_list_entry_encode(&p->keys[i].entry, p->list + p->list_len,
					    size - p->list_len);
		NEED(n > 0);
		p->list_len += (size_t)n;
	}
	zkhsm_sha256(p->list, p->list_len, p->list_digest);

	n = zkhsm_configuration_encode(&p->config, p->config_bytes, sizeof(p->config_bytes));
	NEED(n > 0);
	p->config_len = (size_t)n;
	zkhsm_sha256(p->config_bytes, p->config_len, p->config_digest);
}

static int compare_challenges(const void *a, const void *b)
{
	return memcmp(((const struct zkhsm_challenge *)a)->manager_id,
		      ((const struct zkhsm_challenge *)b)->manager_id, ZKHSM_HASH_LEN);
}

void prover_statement(struct prover *p, const struct zkhsm_challenge *challenges, size_t count,
		      struct zkhsm_statement *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->hsm_id, p->hsm_id, sizeof(out->hsm_id));
	memcpy(out->identity, p->identity, sizeof(out->identity));
	memcpy(out->instance_id, p->instance_id, sizeof(out->instance_id));
	out->boot_count = p->boot_count;
	out->fork_count = p->fork_count;
	out->number = ++p->number;
	out->uptime_ms = p->uptime_ms++;
	prover_draw(p, out->lease_nonce);
	NEED(count <= ZKHSM_MANAGERS_MAX);
	out->challenge_count = (uint32_t)count;
	memcpy(out->challenges, challenges, count * sizeof(*challenges));
	qsort(out->challenges, count, sizeof(*challenges), compare_challenges);
	out->module_version = 1 << 16;
	memcpy(out->list_digest, p->list_digest, sizeof(out->list_digest));
	out->list_count = (uint32_t)p->count;
	memcpy(out->config_digest, p->config_digest, sizeof(out->config_digest));
	out->group_count = 1;
	out->groups[0] = ZKHSM_SUITE_P256;
}

static void item(SHA256_CTX *hash, const void *data, size_t len)
{
	uint8_t prefix[4];

	put_unaligned_be32((uint32_t)len, prefix);
	SHA256_Update(hash, prefix, sizeof(prefix));
	SHA256_Update(hash, data, len);
}

static void generator_item(SHA256_CTX *hash)
{
	uint8_t g[ZKHSM_POINT_LEN];

	encode_point(EC_GROUP_get0_generator(group()), g);
	item(hash, g, sizeof(g));
}

/* r -= c * a mod n; both given as bytes. */
static void subtract(BIGNUM *r, const uint8_t *c, size_t c_len, const uint8_t secret[32],
		     BN_CTX *ctx)
{
	const BIGNUM *n = EC_GROUP_get0_order(group());
	BIGNUM *coefficient = BN_bin2bn(c, (int)c_len, NULL);
	BIGNUM *a = BN_bin2bn(secret, 32, NULL);

	NEED(coefficient && a && BN_mod_mul(coefficient, coefficient, a, n, ctx) &&
	     BN_mod_sub(r, r, coefficient, n, ctx));
	BN_free(a);
	BN_free(coefficient);
}

/* Draws v, writes V to @proof and returns v to become r. */
static BIGNUM *commit(struct prover *p, uint8_t proof[ZKHSM_PROOF_LEN])
{
	uint8_t nonce[32];
	BIGNUM *v;

	prover_draw(p, nonce);
	prover_public(nonce, proof);
	v = BN_bin2bn(nonce, sizeof(nonce), NULL);
	NEED(v);
	return v;
}

static void respond(BIGNUM *r, uint8_t proof[ZKHSM_PROOF_LEN])
{
	NEED(BN_bn2binpad(r, proof + ZKHSM_POINT_LEN, 32) == 32);
	BN_free(r);
}

void prover_proof(struct prover *p, const uint8_t secret[ZKHSM_SCALAR_LEN], const void *user_id,
		  size_t user_id_len, const void *other, size_t other_len,
		  uint8_t proof[ZKHSM_PROOF_LEN])
{
	uint8_t public[ZKHSM_POINT_LEN], c[32];
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *r = commit(p, proof);
	SHA256_CTX hash;

	NEED(ctx);
	prover_public(secret, public);
	SHA256_Init(&hash);
	generator_item(&hash);
	item(&hash, proof, ZKHSM_POINT_LEN);
	item(&hash, public, sizeof(public));
	item(&hash, user_id, user_id_len);
	if (other)
		item(&hash, other, other_len);
	SHA256_Final(c, &hash);
	subtract(r, c, sizeof(c), secret, ctx);
	respond(r, proof);
	BN_CTX_free(ctx);
}

void prover_announcement(struct prover *p, uint8_t out[PROVER_ANNOUNCEMENT_LEN])
{
	struct zkhsm_announcement a = {
		.list_len = (uint32_t)p->list_len,
		.list_count = (uint32_t)p->count,
	};

	memcpy(a.list_digest, p->list_digest, sizeof(a.list_digest));
	NEED(zkhsm_announcement_encode(&a, out, ZKHSM_ANNOUNCEMENT_LEN) == ZKHSM_ANNOUNCEMENT_LEN);
	prover_proof(p, p->identity_secret, p->hsm_id, sizeof(p->hsm_id), out,
		     ZKHSM_ANNOUNCEMENT_LEN, out + ZKHSM_ANNOUNCEMENT_LEN);
}

static void coefficient(const uint8_t seed[32], uint32_t i, uint8_t c[32])
{
	static const char label[] = "zkhsm batch coefficient";
	uint8_t number[6];
	SHA256_CTX hash;

	put_unaligned_be16(1, number);
	put_unaligned_be32(i, number + 2);
	SHA256_Init(&hash);
	SHA256_Update(&hash, label, strlen(label));
	SHA256_Update(&hash, seed, 32);
	SHA256_Update(&hash, number, sizeof(number));
	SHA256_Final(c, &hash);
}

size_t prover_evidence(struct prover *p, const struct zkhsm_statement *s,
		       uint8_t out[ZKHSM_EVIDENCE_MAX_LEN])
{
	int len = zkhsm_statement_encode(s, out, ZKHSM_EVIDENCE_MAX_LEN - ZKHSM_PROOF_LEN);
	uint8_t *proof = out + len, seed[32], c[32];
	BN_CTX *ctx = BN_CTX_new();
	SHA256_CTX hash;
	uint32_t position = 0;
	BIGNUM *r;
	size_t i;

	NEED(len > 0 && ctx);
	r = commit(p, proof);
	SHA256_Init(&hash);
	item(&hash, "zkhsm batch v1", 14);
	generator_item(&hash);
	item(&hash, proof, ZKHSM_POINT_LEN);
	item(&hash, s->identity, sizeof(s->identity));
	item(&hash, s->hsm_id, sizeof(s->hsm_id));
	item(&hash, out, (size_t)len);
	SHA256_Final(seed, &hash);

	coefficient(seed, position++, c);
	subtract(r, c, 16, p->identity_secret, ctx);
	for (i = 0; i < p->count; i++) {
		if (!zkhsm_list_entry_proved(&p->keys[i].entry))
			continue;
		coefficient(seed, position++, c);
		subtract(r, c, 16, p->keys[i].secret, ctx);
	}
	respond(r, proof);
	BN_CTX_free(ctx);
	return (size_t)len + ZKHSM_PROOF_LEN;
}

size_t prover_answer(struct prover *p, const uint8_t manager_id[32], const uint8_t nonce[32],
		     uint8_t out[ZKHSM_EVIDENCE_MAX_LEN])
{
	struct zkhsm_challenge c = { .last_number = 0 };
	struct zkhsm_statement s;

	memcpy(c.manager_id, manager_id, sizeof(c.manager_id));
	memcpy(c.nonce, nonce, sizeof(c.nonce));
	prover_statement(p, &c, 1, &s);
	return prover_evidence(p, &s, out);
}
