// SPDX-License-Identifier: GPL-2.0
/*
 * Differences between lists, between agent and manager only: a list of 100,000
 * keys is 10 MB, a new key in it some hundred bytes. Nothing is trusted: the
 * list that results has the digest that a verified statement names, or it is
 * not used.
 */
#include "lib_private.h"

#include <stdlib.h>

#define DELTA_HEAD_LEN	(ZKHSM_HEADER_LEN + 2 * ZKHSM_HASH_LEN)

/* One list, walked entry by entry; @start to @r.p are the entry's own bytes. */
struct walk {
	struct zkhsm_list_reader l;
	struct zkhsm_list_entry e;
	const uint8_t *start;
	int state;		/* of zkhsm_list_next: 1 entry, 0 end, negative broken */
};

static void walk_next(struct walk *w)
{
	w->start = w->l.r.p;
	w->state = zkhsm_list_next(&w->l, &w->e);
}

static int walk_begin(struct walk *w, const uint8_t *list, size_t len)
{
	w->state = zkhsm_list_begin(&w->l, list, len);
	if (!w->state)
		walk_next(w);
	return w->state < 0 ? w->state : 0;
}

static size_t walk_len(const struct walk *w)
{
	return (size_t)(w->l.r.p - w->start);
}

static int compare_entries(const struct zkhsm_list_entry *a, const struct zkhsm_list_entry *b)
{
	return zkhsm_id_compare(a->id, a->id_len, b->id, b->id_len);
}

static bool same_entry(const struct walk *a, const struct walk *b)
{
	return walk_len(a) == walk_len(b) && !memcmp(a->start, b->start, walk_len(a));
}

static uint8_t *append(uint8_t *p, const void *data, size_t len)
{
	memcpy(p, data, len);
	return p + len;
}

/*
 * Both lists in step. Writes the ids that only the base has to @p, and the
 * entries that are new or differ behind @q; either may be NULL.
 */
static int compare_lists(struct walk *base, struct walk *list, uint8_t **p, uint32_t *removed,
			 uint8_t **q, uint32_t *changed)
{
	while (base->state > 0 || list->state > 0) {
		int d = base->state <= 0 ? 1 : list->state <= 0 ? -1 :
			compare_entries(&base->e, &list->e);

		if (d < 0 && p) {
			*p = append(*p, base->start, 1U + base->e.id_len);
			++*removed;
		}
		if (q && (d > 0 || (!d && !same_entry(base, list)))) {
			*q = append(*q, list->start, walk_len(list));
			++*changed;
		}
		if (d <= 0)
			walk_next(base);
		if (d >= 0)
			walk_next(list);
		if (base->state < 0 || list->state < 0)
			return -EBADMSG;
	}
	return 0;
}

static int begin_both(struct walk *a, const uint8_t *base, size_t base_len,
		      struct walk *b, const uint8_t *list, size_t len)
{
	return walk_begin(a, base, base_len) || walk_begin(b, list, len) ? -EBADMSG : 0;
}

/**
 * zkhsm_list_delta_make() - the difference from one list to another
 * @base: the list that the reader has
 * @base_len: its length
 * @list: the list that it is to have
 * @len: its length
 * @out: the difference, for the caller to free
 * @out_len: its length
 * @err: why not
 *
 * Return: 0; -EBADMSG when one is not a list; -ENOMEM.
 */
int zkhsm_list_delta_make(const uint8_t *base, size_t base_len, const uint8_t *list, size_t len,
			  uint8_t **out, size_t *out_len, struct zkhsm_error *err)
{
	/* Ids removed are part of the base, entries changed part of the list. */
	uint8_t *buf = malloc(DELTA_HEAD_LEN + 8 + base_len + len);
	uint32_t removed = 0, changed = 0;
	uint8_t *p = buf, *count;
	struct walk a, b;
	int ret;

	*out = NULL;
	*out_len = 0;
	if (!buf)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	p = append(p, ZKHSM_MAGIC, ZKHSM_MAGIC_LEN);
	*p++ = ZKHSM_WIRE_LIST_DELTA;
	put_unaligned_be16(ZKHSM_WIRE_VERSION, p);
	zkhsm_sha256(base, base_len, p + 2);
	zkhsm_sha256(list, len, p + 2 + ZKHSM_HASH_LEN);
	p += 2 + 2 * ZKHSM_HASH_LEN;

	/* Removed ids stand before changed entries, hence two walks. */
	count = p;
	p += 4;
	ret = begin_both(&a, base, base_len, &b, list, len);
	if (!ret)
		ret = compare_lists(&a, &b, &p, &removed, NULL, NULL);
	put_unaligned_be32(removed, count);
	count = p;
	p += 4;
	if (!ret)
		ret = begin_both(&a, base, base_len, &b, list, len);
	if (!ret)
		ret = compare_lists(&a, &b, NULL, NULL, &p, &changed);
	put_unaligned_be32(changed, count);
	if (ret) {
		free(buf);
		return zkhsm_fail(err, ret, "what the difference is made from is not a list");
	}
	*out = buf;
	*out_len = (size_t)(p - buf);
	return 0;
}

/* The difference, read from both its parts at once. */
struct delta {
	const uint8_t *new_digest;
	struct zkhsm_reader removed;		/* stands at an id */
	uint32_t removed_left;
	const uint8_t *id;			/* the id removed next, NULL at the end */
	uint8_t id_len;
	struct zkhsm_reader changed;		/* stands behind @e */
	uint32_t changed_left;
	const uint8_t *start;
	struct zkhsm_list_entry e;
	bool has_entry;
};

static int read_u32(struct zkhsm_reader *r, uint32_t *v)
{
	if (r->left < 4)
		return -EBADMSG;
	*v = get_unaligned_be32(r->p);
	r->p += 4;
	r->left -= 4;
	return 0;
}

/* Ids ascend, none twice. */
static int next_removed(struct delta *d)
{
	const uint8_t *last = d->id;
	uint8_t last_len = d->id_len;

	d->id = NULL;
	if (!d->removed_left)
		return 0;
	if (!d->removed.left || d->removed.left < 1U + d->removed.p[0] ||
	    !zkhsm_id_valid(d->removed.p + 1, d->removed.p[0]))
		return -EBADMSG;
	d->id_len = d->removed.p[0];
	d->id = d->removed.p + 1;
	d->removed.p += 1U + d->id_len;
	d->removed.left -= 1U + d->id_len;
	d->removed_left--;
	if (last && zkhsm_id_compare(last, last_len, d->id, d->id_len) >= 0)
		return -EBADMSG;
	return 0;
}

static int next_changed(struct delta *d)
{
	struct zkhsm_list_entry last = d->e;
	bool had = d->has_entry;

	d->has_entry = false;
	if (!d->changed_left)
		return d->changed.left ? -EBADMSG : 0;
	d->start = d->changed.p;
	if (zkhsm_list_entry_decode(&d->changed, &d->e))
		return -EBADMSG;
	d->has_entry = true;
	d->changed_left--;
	return had && compare_entries(&last, &d->e) >= 0 ? -EBADMSG : 0;
}

static int delta_begin(struct delta *d, const uint8_t *data, size_t len)
{
	uint32_t removed;

	memset(d, 0, sizeof(*d));
	if (len < DELTA_HEAD_LEN || memcmp(data, ZKHSM_MAGIC, ZKHSM_MAGIC_LEN) ||
	    data[ZKHSM_MAGIC_LEN] != ZKHSM_WIRE_LIST_DELTA ||
	    get_unaligned_be16(data + ZKHSM_MAGIC_LEN + 1) != ZKHSM_WIRE_VERSION)
		return -EBADMSG;
	d->new_digest = data + ZKHSM_HEADER_LEN + ZKHSM_HASH_LEN;
	d->removed.p = data + DELTA_HEAD_LEN;
	d->removed.left = len - DELTA_HEAD_LEN;
	if (read_u32(&d->removed, &removed))
		return -EBADMSG;

	/* Walk over the removed ids once to find where the changed entries begin. */
	d->changed = d->removed;
	d->removed_left = removed;
	do {
		if (next_removed(d))
			return -EBADMSG;
	} while (d->id);
	d->changed.p = d->removed.p;
	d->changed.left = d->removed.left;
	d->removed.p = data + DELTA_HEAD_LEN + 4;
	d->removed.left = (size_t)(d->changed.p - d->removed.p);
	d->removed_left = removed;
	if (read_u32(&d->changed, &d->changed_left) || next_removed(d) || next_changed(d))
		return -EBADMSG;
	return 0;
}

/*
 * One step: take the smallest id of the three streams. Advances @p by what the
 * new list gets from it and sets *@kept accordingly.
 */
static int merge_step(struct walk *base, struct delta *d, uint8_t **p, uint32_t *kept)
{
	int c = !d->has_entry ? -1 : base->state <= 0 ? 1 : compare_entries(&base->e, &d->e);
	bool gone = base->state > 0 && d->id &&
		    !zkhsm_id_compare(d->id, d->id_len, base->e.id, base->e.id_len);
	size_t len = (size_t)(d->changed.p - d->start);

	/* Removed and changed at once, or changed to what it was: not canonical. */
	if (!c && (gone || (len == walk_len(base) && !memcmp(d->start, base->start, len))))
		return -EBADMSG;
	if (c >= 0) {
		*p = append(*p, d->start, len);
		++*kept;
		if (next_changed(d))
			return -EBADMSG;
		if (c > 0)
			return 0;
	} else if (gone) {
		if (next_removed(d))
			return -EBADMSG;
	} else {
		*p = append(*p, base->start, walk_len(base));
		++*kept;
	}
	walk_next(base);
	return base->state < 0 ? -EBADMSG : 0;
}

static int merge(struct walk *base, struct delta *d, uint8_t *buf, size_t *len)
{
	uint8_t *p = buf + ZKHSM_LIST_HEAD_LEN;
	uint32_t kept = 0;

	while (base->state > 0 || d->has_entry)
		if (merge_step(base, d, &p, &kept))
			return -EBADMSG;
	/* An id to remove that the base did not have is left over. */
	if (d->id || kept > ZKHSM_KEYS_MAX)
		return -EBADMSG;
	if (zkhsm_list_head_encode(kept, buf, ZKHSM_LIST_HEAD_LEN) < 0)
		return -EBADMSG;
	*len = (size_t)(p - buf);
	return 0;
}

/**
 * zkhsm_list_delta_apply() - rebuild a list from an older one
 * @base: the older list
 * @base_len: its length
 * @delta: the difference
 * @delta_len: its length
 * @out: the list, for the caller to free
 * @out_len: its length
 * @err: why not
 *
 * Return: 0; -ESTALE when @base is not the list that the difference is to;
 * -EBADMSG malformed; -EKEYREJECTED when the list that results has another
 * digest than the difference says; -ENOMEM.
 */
int zkhsm_list_delta_apply(const uint8_t *base, size_t base_len, const uint8_t *delta,
			   size_t delta_len, uint8_t **out, size_t *out_len,
			   struct zkhsm_error *err)
{
	uint8_t digest[ZKHSM_HASH_LEN];
	struct walk walk;
	struct delta d;
	uint8_t *buf;
	int ret;

	*out = NULL;
	*out_len = 0;
	if (delta_begin(&d, delta, delta_len))
		return zkhsm_fail(err, -EBADMSG, "the list difference is malformed");
	zkhsm_sha256(base, base_len, digest);
	if (memcmp(digest, delta + ZKHSM_HEADER_LEN, sizeof(digest)))
		return zkhsm_fail(err, -ESTALE, "the difference is to another list");
	if (walk_begin(&walk, base, base_len))
		return zkhsm_fail(err, -EBADMSG, "what the difference is to is not a list");

	buf = malloc(base_len + delta_len);
	if (!buf)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	ret = merge(&walk, &d, buf, out_len);
	if (ret) {
		free(buf);
		*out_len = 0;
		return zkhsm_fail(err, ret, "the list difference does not fit its base");
	}
	zkhsm_sha256(buf, *out_len, digest);
	if (memcmp(digest, d.new_digest, sizeof(digest))) {
		free(buf);
		*out_len = 0;
		return zkhsm_fail(err, -EKEYREJECTED,
				  "the difference does not lead to the list it names");
	}
	*out = buf;
	return 0;
}
