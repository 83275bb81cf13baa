// SPDX-License-Identifier: GPL-2.0
/*
 * mutate.c - byte strings with one thing wrong, see mutate.h
 *
 * Each is in an allocation of exactly its length, so that the address
 * sanitizer sees a read behind its end.
 */
#include "mutate.h"

static int read_exactly(const uint8_t *data, size_t len, mutate_fn fn, void *arg)
{
	uint8_t *copy = malloc(len ? len : 1);
	int ret;

	assert_non_null(copy);
	memcpy(copy, data, len);
	ret = fn(copy, len, arg);
	free(copy);
	return ret;
}

void mutate_length(const uint8_t *data, size_t len, mutate_fn fn, void *arg, int expected)
{
	uint8_t *longer = malloc(len + 1);
	size_t i;
	int ret;

	assert_non_null(longer);
	for (i = 0; i < len; i++) {
		ret = read_exactly(data, i, fn, arg);
		if (ret != expected)
			fail_msg("cut to %zu of %zu bytes: %d instead of %d", i, len, ret, expected);
	}
	for (i = 0; i < 2; i++) {
		memcpy(longer, data, len);
		longer[len] = i ? 0xff : 0;
		ret = read_exactly(longer, len + 1, fn, arg);
		if (ret != expected)
			fail_msg("one byte more: %d instead of %d", ret, expected);
	}
	free(longer);
}

void mutate_bytes(const uint8_t *data, size_t len, mutate_fn fn, void *arg, int expected,
		  int or_expected)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };
	uint8_t *copy = malloc(len);
	size_t i, j;
	int ret;

	assert_non_null(copy);
	memcpy(copy, data, len);
	for (i = 0; i < len; i++) {
		for (j = 0; j < sizeof(flips); j++) {
			copy[i] ^= flips[j];
			ret = read_exactly(copy, len, fn, arg);
			if (!ret || (ret != expected && ret != or_expected))
				fail_msg("byte %zu of %zu ^ 0x%02x: %d", i, len, flips[j], ret);
			copy[i] ^= flips[j];
		}
	}
	free(copy);
}
