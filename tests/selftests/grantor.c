// SPDX-License-Identifier: GPL-2.0
#include "grantor.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BODY_AT		80
#define BODY_LEN	176
#define RECEIPT_BODY	72

void key_new_granted(struct hsm *h, const char *id)
{
	struct nl_msg *msg = key_new_msg(h, id);

	nla_put_u32(msg, ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_GRANT_REQUIRED);
	nlraw_do(&h->nl, msg, &h->a);
	require(!h->a.error, "key-new: %s %s", strerrorname_np(h->a.error), h->a.text);
}

static void begin(struct hsm *h, const char *id, uint64_t life_ms, struct granted *g)
{
	const uint8_t *instance;

	memset(g, 0, sizeof(*g));
	key_element(h, id, g->element);
	hsm_get(h);
	instance = nlraw_bytes(&h->a, ZKHSM_A_HSM_INSTANCE_ID, 16);
	require(instance, "no instance id");
	memcpy(g->instance_id, instance, 16);
	require(RAND_bytes(g->jti, sizeof(g->jti)) == 1, "RAND_bytes");
	g->not_after_ms = boottime_ms() + life_ms;
}

void grant_to_sign(struct hsm *h, const char *id, const uint8_t digest[32], uint64_t life_ms,
		   struct granted *g)
{
	begin(h, id, life_ms, g);
	g->operation = 1;
	g->algorithm = 1;
	ec_sha256(digest, 32, g->input);
}

static size_t put_item(uint8_t *to, const void *data, size_t len)
{
	const uint8_t prefix[4] = { 0, 0, (uint8_t)(len >> 8), (uint8_t)len };

	memcpy(to, prefix, 4);
	if (len)
		memcpy(to + 4, data, len);
	return 4 + len;
}

void grant_to_prove(struct hsm *h, const char *id, const void *other, size_t other_len,
		    uint64_t life_ms, struct granted *g)
{
	uint8_t items[512];
	size_t len;

	begin(h, id, life_ms, g);
	g->operation = 2;
	g->algorithm = 2;
	len = put_item(items, PROVED_USER, strlen(PROVED_USER));
	if (other)
		len += put_item(items + len, other, other_len);
	ec_sha256(items, len, g->input);
}

static void put_head_and_body(struct order *o, const struct manager *m, const uint8_t hsm_id[32],
			      const struct granted *g)
{
	order_begin(o, m, ZKHSM_ORDER_TYPE_GRANT, hsm_id, 0);
	order_put(o, g->instance_id, sizeof(g->instance_id));
	order_put(o, g->element, sizeof(g->element));
	order_put_number(o, g->operation, 1);
	order_put_number(o, g->algorithm, 2);
	order_put_number(o, g->parameter, 4);
	order_put(o, g->input, sizeof(g->input));
	order_put(o, g->client, sizeof(g->client));
	order_put(o, g->jti, sizeof(g->jti));
	order_put_number(o, g->not_after_ms, 8);
}

void grant_make(struct order *o, const struct manager *m, const uint8_t hsm_id[32],
		const struct granted *g)
{
	put_head_and_body(o, m, hsm_id, g);
	order_sign(o, m, o->len);
}

void grant_digest(const uint8_t hsm_id[32], const struct granted *g, uint8_t digest[32])
{
	static const struct manager nobody;
	struct order *o = malloc(sizeof(*o));
	uint8_t input[14 + 32 + BODY_LEN];

	require(o, "no memory");
	put_head_and_body(o, &nobody, hsm_id, g);
	memcpy(input, "zkhsm grant v1", 14);
	memcpy(input + 14, hsm_id, 32);
	memcpy(input + 46, o->bytes + BODY_AT, BODY_LEN);
	ec_sha256(input, sizeof(input), digest);
	free(o);
}

void bring_client(struct brought *b, const struct manager *client, const uint8_t hsm_id[32],
		  const struct granted *g)
{
	uint8_t input[18 + 32];

	memcpy(input, "zkhsm grant use v1", 18);
	grant_digest(hsm_id, g, input + 18);
	ec_sign(client->key, input, sizeof(input), b->client_signature);
	b->by_client = true;
}

void bring(struct brought *b, const struct manager *m, size_t count, const uint8_t hsm_id[32],
	   const struct granted *g, const struct manager *client)
{
	struct order *o = malloc(sizeof(*o));
	size_t i;

	require(o, "no memory");
	memset(b, 0, sizeof(*b));
	for (i = 0; i < count; i++) {
		grant_make(o, &m[i], hsm_id, g);
		require(o->len == ZKHSM_GRANT_LEN, "a grant of %zu bytes", o->len);
		memcpy(b->grants[b->count++], o->bytes, ZKHSM_GRANT_LEN);
	}
	free(o);
	if (client)
		bring_client(b, client, hsm_id, g);
}

static void put_brought(struct nl_msg *msg, const struct brought *b, int grant, int client)
{
	size_t i;

	for (i = 0; i < b->count; i++)
		nla_put(msg, grant, ZKHSM_GRANT_LEN, b->grants[i]);
	if (b->by_client)
		nla_put(msg, client, sizeof(b->client_signature), b->client_signature);
}

struct nl_msg *granted_sign_msg(struct hsm *h, const char *id, const uint8_t digest[32],
				const struct brought *b)
{
	struct nl_msg *msg = id_msg(h, ZKHSM_CMD_KEY_SIGN, id);

	nla_put(msg, ZKHSM_A_KEY_DIGEST, 32, digest);
	put_brought(msg, b, ZKHSM_A_KEY_GRANT, ZKHSM_A_KEY_CLIENT_SIGNATURE);
	return msg;
}

struct nl_msg *granted_prove_msg(struct hsm *h, const char *id, const void *other,
				 size_t other_len, const struct brought *b)
{
	struct nl_msg *msg = id_msg(h, ZKHSM_CMD_PROOF_GET, id);

	nla_put(msg, ZKHSM_A_PROOF_USER_ID, (int)strlen(PROVED_USER), PROVED_USER);
	if (other)
		nla_put(msg, ZKHSM_A_PROOF_OTHER_INFO, (int)other_len, other);
	put_brought(msg, b, ZKHSM_A_PROOF_GRANT, ZKHSM_A_PROOF_CLIENT_SIGNATURE);
	return msg;
}

int granted_sign(struct hsm *h, const char *id, const uint8_t digest[32],
		 const struct brought *b)
{
	return nlraw_do(&h->nl, granted_sign_msg(h, id, digest, b), &h->a);
}

int granted_prove(struct hsm *h, const char *id, const void *other, size_t other_len,
		  const struct brought *b)
{
	return nlraw_do(&h->nl, granted_prove_msg(h, id, other, other_len, b), &h->a);
}

void check_receipt(struct hsm *h, int attr, size_t len, int receipt, const struct granted *g,
		   const char *what)
{
	uint8_t expected[RECEIPT_BODY] = { 'Z', 'K', 'H', 'S', 'M', 36, 0, 1 };
	const uint8_t *output, *got;

	require(!h->a.error, "%s: %s %s", what, strerrorname_np(h->a.error), h->a.text);
	output = nlraw_bytes(&h->a, attr, len);
	got = nlraw_bytes(&h->a, receipt, ZKHSM_RECEIPT_LEN);
	require(output && got, "%s: no answer, or no receipt", what);
	grant_digest(h->id, g, expected + 8);
	ec_sha256(output, len, expected + 40);
	check(!memcmp(got, expected, sizeof(expected)), "%s: the receipt is for something else",
	      what);
	check(ec_proof_holds(h->identity, h->id, 32, got, RECEIPT_BODY, got + RECEIPT_BODY),
	      "%s: the receipt's proof is false", what);
}

void wait_uptime(uint64_t ms)
{
	const struct timespec until = { .tv_sec = (time_t)(ms / 1000),
					.tv_nsec = (long)(ms % 1000) * 1000000 };

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}
