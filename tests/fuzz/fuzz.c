// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz.c - what the fuzz targets share, see fuzz.h
 */
#include "fuzz.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib_private.h"

void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, condition);
	abort();
}

static struct fuzz_piece piece(const uint8_t *data, size_t len)
{
	struct fuzz_piece p = { malloc(len ? len : 1), len };

	FUZZ_ASSERT(p.data);
	if (len)
		memcpy(p.data, data, len);
	return p;
}

void fuzz_cut(const uint8_t *data, size_t size, struct fuzz_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = size;

		if (i + 1 < count && size >= 2) {
			len = get_unaligned_be16(data);
			data += 2;
			size -= 2;
			if (len > size)
				len = size;
		}
		pieces[i] = piece(data, len);
		data += len;
		size -= len;
	}
}

void fuzz_free(struct fuzz_piece *pieces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(pieces[i].data);
}

char *fuzz_string(const struct fuzz_piece *p)
{
	char *text = malloc(p->len + 1);

	FUZZ_ASSERT(text);
	memcpy(text, p->data, p->len);
	text[p->len] = '\0';
	return text;
}

json_t *fuzz_vectors(const char *file)
{
	const char *dir = getenv("ZKHSM_VECTORS");
	char path[4096];
	json_t *root;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/vectors", file);
	root = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	if (!root)
		fprintf(stderr, "%s cannot be read\n", path);
	FUZZ_ASSERT(root);
	return root;
}

struct fuzz_piece fuzz_hex(const json_t *object, const char *name)
{
	const char *hex = json_string_value(json_object_get(object, name));
	size_t size = hex ? strlen(hex) / 2 : 0;
	struct fuzz_piece p = { malloc(size ? size : 1), size };
	size_t len;

	FUZZ_ASSERT(p.data && (!size || OPENSSL_hexstr2buf_ex(p.data, p.len, &len, hex, '\0')));
	return p;
}

EVP_PKEY *fuzz_key(void)
{
	/* PKCS#8 around an ECPrivateKey without its public half, RFC 5915. */
	uint8_t der[35 + 32] = {
		0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
		0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
		0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
	};
	EVP_PKEY *key;

	memset(der + 35, 0x5a, 32);
	FUZZ_ASSERT(!zkhsm_pkcs8_decode(der, sizeof(der), &key, NULL));
	return key;
}
