// SPDX-License-Identifier: GPL-2.0
/*
 * A list L, decoded once and then read by every verification over it: decoding
 * a point costs a tenth of what a batch spends on it.
 */
#include "lib_private.h"

#include <openssl/err.h>
#include <stdatomic.h>
#include <stdlib.h>

struct zkhsm_keylist {
	atomic_uint refs;
	uint8_t digest[ZKHSM_HASH_LEN];
	uint8_t *bytes;
	size_t len;
	size_t count;
	struct zkhsm_list_entry *entries;
	EC_POINT **proved;		/* elements of the entries a batch covers */
	size_t proved_count;
};

static int decode_entries(struct zkhsm_keylist *l, struct zkhsm_list_reader *reader,
			  BN_CTX *ctx, struct zkhsm_error *err)
{
	struct zkhsm_list_entry *e = l->entries;
	EC_POINT *p;
	int ret;

	while ((ret = zkhsm_list_next(reader, e)) > 0) {
		l->count++;
		p = zkhsm_ec_point_decode(e->public, ctx);
		if (!p)
			return zkhsm_fail(err, -EBADMSG,
					  "the element of key %.*s is not a point of P-256",
					  e->id_len, e->id);
		if (zkhsm_list_entry_proved(e))
			l->proved[l->proved_count++] = p;
		else
			EC_POINT_free(p);
		e++;
	}
	if (ret)
		return zkhsm_fail(err, ret, "the list of keys is malformed after %zu entries",
				  l->count);
	return 0;
}

/**
 * zkhsm_keylist_new() - decode L
 * @list: its bytes, copied
 * @len: how many
 * @out: the list, with one reference
 * @err: why not
 *
 * Memory is bounded by @len, not by the count that the list claims.
 *
 * Return: 0, -EBADMSG, -ENOMEM.
 */
int zkhsm_keylist_new(const uint8_t *list, size_t len, struct zkhsm_keylist **out,
		      struct zkhsm_error *err)
{
	/* With an id of one byte. */
	const size_t shortest = ZKHSM_LIST_ENTRY_MAX_LEN - ZKHSM_ID_MAX_LEN + 1;
	struct zkhsm_list_reader reader;
	struct zkhsm_keylist *l;
	BN_CTX *ctx = NULL;
	int ret;

	*out = NULL;
	if (zkhsm_list_begin(&reader, list, len) ||
	    reader.count > (len - ZKHSM_LIST_HEAD_LEN) / shortest)
		return zkhsm_fail(err, -EBADMSG, "not a list of keys");

	l = calloc(1, sizeof(*l));
	if (!l)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	l->refs = 1;
	l->len = len;
	l->bytes = zkhsm_copy(list, len);
	l->entries = calloc(reader.count + 1, sizeof(*l->entries));
	l->proved = calloc(reader.count + 1, sizeof(EC_POINT *));
	ctx = BN_CTX_new();
	if (!l->bytes || !l->entries || !l->proved || !ctx || !zkhsm_p256()) {
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto out;
	}
	zkhsm_sha256(list, len, l->digest);
	ret = decode_entries(l, &reader, ctx, err);
out:
	BN_CTX_free(ctx);
	ERR_clear_error();
	if (ret)
		zkhsm_keylist_free(l);
	else
		*out = l;
	return ret;
}

struct zkhsm_keylist *zkhsm_keylist_ref(struct zkhsm_keylist *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

/* Drops one reference; NULL is nothing. */
void zkhsm_keylist_free(struct zkhsm_keylist *l)
{
	size_t i;

	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (i = 0; i < l->proved_count; i++)
		EC_POINT_free(l->proved[i]);
	free(l->proved);
	free(l->entries);
	free(l->bytes);
	free(l);
}

size_t zkhsm_keylist_count(const struct zkhsm_keylist *l)
{
	return l->count;
}

/* @i must be below the count. */
const struct zkhsm_list_entry *zkhsm_keylist_entry(const struct zkhsm_keylist *l, size_t i)
{
	return &l->entries[i];
}

/* NULL if there is none. */
const struct zkhsm_list_entry *zkhsm_keylist_find(const struct zkhsm_keylist *l, const char *id)
{
	size_t low = 0, high = l->count, len = strlen(id);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct zkhsm_list_entry *e = &l->entries[middle];
		int d = zkhsm_id_compare((const uint8_t *)id, len, e->id, e->id_len);

		if (!d)
			return e;
		if (d < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const uint8_t *zkhsm_keylist_digest(const struct zkhsm_keylist *l)
{
	return l->digest;
}

const uint8_t *zkhsm_keylist_bytes(const struct zkhsm_keylist *l, size_t *len)
{
	*len = l->len;
	return l->bytes;
}

const EC_POINT *const *zkhsm_keylist_proved(const struct zkhsm_keylist *l, size_t *count)
{
	*count = l->proved_count;
	return (const EC_POINT *const *)l->proved;
}
