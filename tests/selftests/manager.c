// SPDX-License-Identifier: GPL-2.0
/* Managers and what they send: challenges and signed orders. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsm.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! OpenSSL: %s\n", what);
	exit(EXIT_FAILURE);
}

void manager_new(struct manager *m)
{
	size_t len = 0;

	m->key = EVP_EC_gen("P-256");
	must(m->key && EVP_PKEY_get_octet_string_param(m->key, OSSL_PKEY_PARAM_PUB_KEY, m->public,
						       sizeof(m->public), &len) &&
	     len == sizeof(m->public) && m->public[0] == 4, "manager's key");
	ec_sha256(m->public, sizeof(m->public), m->id);
}

void manager_free(struct manager *m)
{
	EVP_PKEY_free(m->key);
	m->key = NULL;
}

int manager_pin(struct hsm *h, const struct manager *m)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_TRUST_NEW);

	nla_put(msg, ZKHSM_A_MANAGER_PUBLIC, sizeof(m->public), m->public);
	nla_put_string(msg, ZKHSM_A_MANAGER_LABEL, "test manager");
	return nlraw_do(&h->nl, msg, &h->a);
}

int manager_unpin(struct hsm *h, const struct manager *m)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_TRUST_DEL);

	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, sizeof(m->id), m->id);
	return nlraw_do(&h->nl, msg, &h->a);
}

void manager_new_pinned(struct hsm *h, struct manager *m)
{
	manager_new(m);
	manager_pin(h, m);
	require(!h->a.error, "trust-new: %s %s", strerrorname_np(h->a.error), h->a.text);
}

void put_challenge(struct nl_msg *msg, const uint8_t manager_id[32], const uint8_t *nonce)
{
	struct nlattr *nest = nla_nest_start(msg, NLA_F_NESTED | ZKHSM_A_EVIDENCE_CHALLENGE);
	uint8_t drawn[32];

	must(RAND_bytes(drawn, sizeof(drawn)) == 1, "RAND_bytes");
	nla_put(msg, ZKHSM_A_CHALLENGE_MANAGER_ID, 32, manager_id);
	nla_put(msg, ZKHSM_A_CHALLENGE_NONCE, 32, nonce ? nonce : drawn);
	nla_nest_end(msg, nest);
}

int evidence_get(struct hsm *h, const struct manager *m)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_EVIDENCE_GET);

	put_challenge(msg, m->id, NULL);
	return nlraw_do(&h->nl, msg, &h->a);
}

void order_put(struct order *o, const void *data, size_t len)
{
	must(o->len + len <= sizeof(o->bytes), "an order that long");
	memcpy(o->bytes + o->len, data, len);
	o->len += len;
}

void order_put_number(struct order *o, uint64_t value, unsigned int bytes)
{
	while (bytes--) {
		uint8_t byte = (uint8_t)(value >> (8 * bytes));

		order_put(o, &byte, 1);
	}
}

void order_begin(struct order *o, const struct manager *m, uint8_t type, const uint8_t hsm_id[32],
		 uint64_t number)
{
	o->len = 0;
	order_put(o, "ZKHSM", 5);
	order_put_number(o, type, 1);
	order_put_number(o, 1, 2);
	order_put(o, m->id, 32);
	order_put(o, hsm_id, 32);
	order_put_number(o, number, 8);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

void order_put_elements(struct order *o, const uint8_t (*elements)[32], size_t count)
{
	size_t start;

	order_put_number(o, count, 2);
	start = o->len;
	if (count)
		order_put(o, elements, count * 32);
	qsort(o->bytes + start, count, 32, by_bytes);
}

void order_sign(struct order *o, const struct manager *m, size_t signed_len)
{
	uint8_t signature[64];

	ec_sign(m->key, o->bytes, signed_len, signature);
	o->len = signed_len;
	order_put(o, signature, sizeof(signature));
}

void order_make(struct order *o, const struct manager *m, uint8_t type, const uint8_t hsm_id[32],
		uint64_t number, uint8_t reason, const uint8_t (*elements)[32], size_t count)
{
	order_begin(o, m, type, hsm_id, number);
	order_put_number(o, reason, 1);
	order_put_elements(o, elements, count);
	order_sign(o, m, o->len);
}

int order_apply(struct hsm *h, const struct order *o)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_ORDER_APPLY);

	nla_put(msg, ZKHSM_A_ORDER_ORDER, (int)o->len, o->bytes);
	return nlraw_do(&h->nl, msg, &h->a);
}

int order_one(struct hsm *h, const struct manager *m, uint8_t type, uint64_t number,
	      const uint8_t element[32])
{
	struct order *o = malloc(sizeof(*o));
	int ret;

	must(o, "no memory");
	order_make(o, m, type, h->id, number, ZKHSM_REVOCATION_REASON_KEY_COMPROMISE,
		   (const uint8_t (*)[32])element, 1);
	ret = order_apply(h, o);
	free(o);
	return ret;
}
