// SPDX-License-Identifier: GPL-2.0
/*
 * store.c - the journal of a store, which a backup is too: what is taken has
 * heads and records that are what their names say, and is the same once it is
 * written and read again.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "store_private.h"

static void check_records(const struct store_change *c)
{
	char own[STORE_NAME_SIZE];
	struct zkhsm_sealed head, s;

	FUZZ_ASSERT(!zkhsm_sealed_decode(&head, c->head, c->head_len));
	FUZZ_ASSERT(head.type == ZKHSM_WIRE_SEALED_HEAD && head.sequence == c->sequence);
	for (size_t i = 0; i < c->count; i++) {
		const struct store_record *r = &c->records[i];

		/* Names of files come from here. */
		FUZZ_ASSERT(zkhsm_store_name_valid(r->name) && !strchr(r->name, '/'));
		FUZZ_ASSERT(!i || strcmp(c->records[i - 1].name, r->name) < 0);
		FUZZ_ASSERT(zkhsm_store_change_find(c, r->name) == r);
		FUZZ_ASSERT(r->data || !c->full);
		if (!r->data)
			continue;
		FUZZ_ASSERT(r->len <= ZKHSM_RECORD_MAX_LEN);
		FUZZ_ASSERT(!zkhsm_sealed_decode(&s, r->data, r->len));
		zkhsm_store_name(&s, own);
		FUZZ_ASSERT(s.type == ZKHSM_WIRE_SEALED_RECORD && !strcmp(own, r->name));
		FUZZ_ASSERT(s.sequence <= head.sequence && !memcmp(s.hsm_id, head.hsm_id, 32) &&
			    !memcmp(s.kek_id, head.kek_id, sizeof(s.kek_id)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zkhsm_error err = { 0 };
	struct store_change c, again;
	char *text, *text_again;
	size_t len, len_again;
	int ret;

	ret = zkhsm_store_change_decode("fuzz", data, size, &c, &err);
	FUZZ_ASSERT(ret == err.code && !ret == !err.text[0]);
	if (ret) {
		FUZZ_ASSERT(!c.records && !c.head && !c.kek_blob);
		return 0;
	}
	check_records(&c);
	FUZZ_ASSERT(!zkhsm_store_change_encode(&c, &text, &len, &err));
	FUZZ_ASSERT(!zkhsm_store_change_decode("again", (uint8_t *)text, len, &again, &err));
	FUZZ_ASSERT(!zkhsm_store_change_encode(&again, &text_again, &len_again, &err));
	FUZZ_ASSERT(len == len_again && !strcmp(text, text_again));
	FUZZ_ASSERT(c.count == again.count && c.full == again.full);
	zkhsm_store_change_free(&c);
	zkhsm_store_change_free(&again);
	free(text);
	free(text_again);
	return 0;
}
