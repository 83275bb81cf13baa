// SPDX-License-Identifier: GPL-2.0
/*
 * vectors.c - read tests/vectors
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <openssl/crypto.h>

#include "vectors.h"

json_t *vectors_load(const char *file)
{
	const char *dir = getenv("ZKHSM_VECTORS");
	char path[4096];
	json_error_t err;
	json_t *root;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/vectors", file);
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &err);
	if (!root)
		fail_msg("%s: %s", path, err.text);
	return root;
}

const char *vectors_string(const json_t *c, const char *name)
{
	const char *s = json_string_value(json_object_get(c, name));

	if (!s)
		fail_msg("no \"%s\" in a vector", name);
	return s;
}

size_t vectors_data(const json_t *c, const char *name, void *out, size_t max)
{
	const char *hex = vectors_string(c, name);
	size_t len = 0;

	if (!*hex)
		return 0;
	if (!OPENSSL_hexstr2buf_ex(out, max, &len, hex, '\0'))
		fail_msg("\"%s\" is not hex of at most %zu bytes", name, max);
	return len;
}

void vectors_bytes(const json_t *c, const char *name, void *out, size_t len)
{
	size_t got = vectors_data(c, name, out, len);

	if (got != len)
		fail_msg("\"%s\" has %zu bytes instead of %zu", name, got, len);
}
