// SPDX-License-Identifier: GPL-2.0
/*
 * wipe.c - what OpenSSL frees is wiped
 *
 * OpenSSL 3.0 decodes a private key by way of a buffer that it frees as it is,
 * and so the key would stay in pages that this process gives back: see
 * tests/memory. It lets a program replace its allocator before it has used it;
 * libjose uses it when it is loaded, and so this comes before even that.
 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static void *take(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(len);
}

static void give_back(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* realloc() itself would leave the old place as it was. */
static void *resize(void *old, size_t len, const char *file, int line)
{
	size_t had = old ? malloc_usable_size(old) : 0;
	void *p;

	if (!len) {
		give_back(old, file, line);
		return NULL;
	}
	p = malloc(len);
	if (!p)
		return NULL;
	if (old)
		memcpy(p, old, had < len ? had : len);
	give_back(old, file, line);
	return p;
}

static bool wipes;

static void replace(void)
{
	wipes = CRYPTO_set_mem_functions(take, resize, give_back) == 1;
}

/* What is here runs before the initialisers of all libraries. */
static void (*const before_libraries[])(void)
	__attribute__((used, section(".preinit_array"))) = { replace };

bool cli_wipe_freed(void)
{
	return wipes;
}
