// SPDX-License-Identifier: GPL-2.0
/*
 * A list L, checked once and then read by every verification over it.
 *
 * It stays as it came, with where each entry begins: 4 bytes for each key more
 * than L itself, so that a manager can hold a million keys. To read an entry
 * again costs a hundredth of what a batch spends on it, and its point, known to
 * be one, a thirtieth.
 */
#include "lib_private.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "p256_point.h"

struct zkhsm_keylist {
	atomic_uint refs;
	uint8_t digest[ZKHSM_HASH_LEN];
	uint8_t *bytes;
	size_t len;
	size_t count;
	size_t proved;
	uint32_t *starts;		/* of each entry in @bytes */
};

static int check_entries(struct zkhsm_keylist *l, struct zkhsm_list_reader *reader,
			 struct zkhsm_error *err)
{
	const uint8_t *start = reader->r.p;
	struct zkhsm_list_entry e;
	struct p256_affine point;
	int ret;

	while ((ret = zkhsm_list_next(reader, &e)) > 0) {
		if (!p256_affine_decode(&point, e.public))
			return zkhsm_fail(err, -EBADMSG,
					  "the element of key %.*s is not a point of P-256",
					  e.id_len, e.id);
		l->starts[l->count++] = (uint32_t)(start - l->bytes);
		l->proved += zkhsm_list_entry_proved(&e);
		start = reader->r.p;
	}
	if (ret)
		return zkhsm_fail(err, ret, "the list of keys is malformed after %zu entries",
				  l->count);
	return 0;
}

/**
 * zkhsm_keylist_new() - check L
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
	l->starts = calloc(reader.count + 1, sizeof(*l->starts));
	if (!l->bytes || !l->starts) {
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto out;
	}
	zkhsm_sha256(list, len, l->digest);
	zkhsm_list_begin(&reader, l->bytes, len);
	ret = check_entries(l, &reader, err);
out:
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
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(l->starts);
	free(l->bytes);
	free(l);
}

size_t zkhsm_keylist_count(const struct zkhsm_keylist *l)
{
	return l->count;
}

size_t zkhsm_keylist_proved(const struct zkhsm_keylist *l)
{
	return l->proved;
}

/* @i must be below the count. */
const struct zkhsm_list_entry *zkhsm_keylist_entry(const struct zkhsm_keylist *l, size_t i,
						   struct zkhsm_list_entry *e)
{
	struct zkhsm_reader r = { .p = l->bytes + l->starts[i], .left = l->len - l->starts[i] };

	zkhsm_list_entry_decode(&r, e);		/* as it was before: it cannot fail now */
	return e;
}

/* NULL if there is none. */
const struct zkhsm_list_entry *zkhsm_keylist_find(const struct zkhsm_keylist *l, const char *id,
						  struct zkhsm_list_entry *e)
{
	size_t low = 0, high = l->count, len = strlen(id);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const uint8_t *at = l->bytes + l->starts[middle];	/* id: u8 length | bytes */
		int d = zkhsm_id_compare((const uint8_t *)id, len, at + 1, at[0]);

		if (!d)
			return zkhsm_keylist_entry(l, middle, e);
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
