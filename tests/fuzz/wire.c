// SPDX-License-Identifier: GPL-2.0
/*
 * wire.c - every decoder of the protocol; what one accepts, encoded again, is
 * what it was given, byte for byte
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static uint8_t again[ZKHSM_ORDER_MAX_LEN];

static void same(int len, const uint8_t *data, size_t expected)
{
	FUZZ_ASSERT(len >= 0 && (size_t)len == expected);
	FUZZ_ASSERT(!memcmp(again, data, expected));
}

static void statement(const uint8_t *data, size_t size)
{
	struct zkhsm_statement s;
	size_t len;

	if (!zkhsm_statement_decode(&s, data, size))
		same(zkhsm_statement_encode(&s, again, sizeof(again)), data, size);
	if (!zkhsm_evidence_decode(&s, &len, data, size)) {
		FUZZ_ASSERT(len + s.group_count * ZKHSM_PROOF_LEN == size);
		same(zkhsm_statement_encode(&s, again, sizeof(again)), data, len);
		/* What does not fit is said, not written. */
		FUZZ_ASSERT(zkhsm_statement_encode(&s, again, len - 1) == -EMSGSIZE);
	}
}

static void list(const uint8_t *data, size_t size)
{
	struct zkhsm_list_reader r;
	struct zkhsm_list_entry e;
	const uint8_t *at;
	uint32_t count = 0;
	int ret;

	if (zkhsm_list_begin(&r, data, size))
		return;
	same(zkhsm_list_head_encode(r.count, again, sizeof(again)), data, ZKHSM_LIST_HEAD_LEN);
	for (at = r.r.p; (ret = zkhsm_list_next(&r, &e)) > 0; at = r.r.p, count++)
		same(zkhsm_list_entry_encode(&e, again, sizeof(again)), at,
		     (size_t)(r.r.p - at));
	FUZZ_ASSERT(ret == -EBADMSG || (!ret && count == r.count && at == data + size));
	/* An end stays the end, an error an error. */
	FUZZ_ASSERT(zkhsm_list_next(&r, &e) == ret);
}

static void order(const uint8_t *data, size_t size)
{
	struct zkhsm_order o;
	int ret = zkhsm_order_decode(&o, data, size);

	FUZZ_ASSERT(!ret || ret == -EBADMSG || ret == -EOPNOTSUPP);
	if (ret)
		return;
	FUZZ_ASSERT(o.signed_len + ZKHSM_SIGNATURE_LEN == size &&
		    o.signature == data + o.signed_len);
	FUZZ_ASSERT(o.body == data + ZKHSM_ORDER_HEAD_LEN &&
		    o.body_len == o.signed_len - ZKHSM_ORDER_HEAD_LEN);
	FUZZ_ASSERT(!o.number == (o.type == ZKHSM_ORDER_TYPE_LEASE ||
				  o.type == ZKHSM_ORDER_TYPE_GRANT));
	FUZZ_ASSERT(o.type != ZKHSM_ORDER_TYPE_GRANT || size == ZKHSM_GRANT_LEN);
	FUZZ_ASSERT(o.count <= ZKHSM_ELEMENTS_MAX &&
		    o.config_len <= ZKHSM_CONFIGURATION_MAX_LEN);
	same(zkhsm_order_encode(&o, again, sizeof(again)), data, o.signed_len);
	FUZZ_ASSERT(zkhsm_order_encode(&o, again, o.signed_len - 1) == -EMSGSIZE);
}

static void others(const uint8_t *data, size_t size)
{
	struct zkhsm_configuration c;
	struct zkhsm_announcement a;
	struct zkhsm_keylist *l;
	struct zkhsm_receipt r;

	if (!zkhsm_configuration_decode(&c, data, size))
		same(zkhsm_configuration_encode(&c, again, sizeof(again)), data, size);
	if (!zkhsm_announcement_decode(&a, data, size))
		same(zkhsm_announcement_encode(&a, again, sizeof(again)), data, size);
	if (!zkhsm_receipt_decode(&r, data, size))
		same(zkhsm_receipt_encode(&r, again, sizeof(again)), data, size);
	if (!zkhsm_configuration_check(data, size, &c, NULL))
		FUZZ_ASSERT(!zkhsm_configuration_decode(&c, data, size));
	if (zkhsm_keylist_new(data, size, &l, NULL))
		return;
	for (size_t i = 0; i < zkhsm_keylist_count(l); i++) {
		struct zkhsm_list_entry entry, found;
		const struct zkhsm_list_entry *e = zkhsm_keylist_entry(l, i, &entry);
		char id[ZKHSM_ID_MAX_LEN + 1] = "";

		memcpy(id, e->id, e->id_len);
		FUZZ_ASSERT(zkhsm_keylist_find(l, id, &found) && !memcmp(&found, e, sizeof(found)));
	}
	zkhsm_keylist_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	statement(data, size);
	list(data, size);
	order(data, size);
	others(data, size);
	return 0;
}
