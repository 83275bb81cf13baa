// SPDX-License-Identifier: GPL-2.0
/*
 * delta.c - differences of lists, made and applied; one that is accepted is
 * the one that would have been made
 *
 * Input: flags, then base and difference, or base and list. Digests cannot be
 * guessed: with FORCE the base's is put right, and the one of the result is
 * taken to be what the difference says, by a wrapped zkhsm_sha256().
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define MAKE		1
#define FORCE		2
#define HEAD		(ZKHSM_HEADER_LEN + 2 * ZKHSM_HASH_LEN)

void __real_zkhsm_sha256(const void *data, size_t len, uint8_t out[32]);
void __wrap_zkhsm_sha256(const void *data, size_t len, uint8_t out[32]);

static const uint8_t *forced, *not_forced_for;

void __wrap_zkhsm_sha256(const void *data, size_t len, uint8_t out[32])
{
	if (forced && data != not_forced_for)
		memcpy(out, forced, 32);
	else
		__real_zkhsm_sha256(data, len, out);
}

static void make(const struct fuzz_piece *base, const struct fuzz_piece *list)
{
	uint8_t *delta, *out;
	size_t len, out_len;

	if (zkhsm_list_delta_make(base->data, base->len, list->data, list->len, &delta, &len, NULL))
		return;
	FUZZ_ASSERT(!zkhsm_list_delta_apply(base->data, base->len, delta, len, &out, &out_len,
					    NULL));
	FUZZ_ASSERT(out_len == list->len && !memcmp(out, list->data, out_len));
	free(out);
	free(delta);
}

static void apply(const struct fuzz_piece *base, const struct fuzz_piece *delta, bool force)
{
	uint8_t *list, *again;
	size_t len, again_len;
	int ret;

	if (force && delta->len >= HEAD) {
		__real_zkhsm_sha256(base->data, base->len, delta->data + ZKHSM_HEADER_LEN);
		not_forced_for = base->data;
		forced = delta->data + ZKHSM_HEADER_LEN + ZKHSM_HASH_LEN;
	}
	ret = zkhsm_list_delta_apply(base->data, base->len, delta->data, delta->len, &list, &len,
				     NULL);
	forced = NULL;
	if (ret) {
		FUZZ_ASSERT(!list && !len);
		return;
	}
	FUZZ_ASSERT(!zkhsm_list_delta_make(base->data, base->len, list, len, &again, &again_len,
					   NULL));
	FUZZ_ASSERT(again_len == delta->len);
	FUZZ_ASSERT(!memcmp(again + HEAD, delta->data + HEAD, again_len - HEAD));
	FUZZ_ASSERT(force || !memcmp(again, delta->data, HEAD));
	free(again);
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_piece p[2];

	if (!size)
		return 0;
	fuzz_cut(data + 1, size - 1, p, 2);
	if (data[0] & MAKE)
		make(&p[0], &p[1]);
	else
		apply(&p[0], &p[1], data[0] & FORCE);
	fuzz_free(p, 2);
	return 0;
}
