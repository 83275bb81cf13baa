// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_order.c - orders and leases
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_sqlite.h"

int sq_order_add(struct zkhsmd_store *s, const uint8_t hsm_id[32], const struct zkhsmd_order *o)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ORDER_ADD);

	if (!q)
		return -EIO;
	sq_blob(q, 1, hsm_id, 32);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)o->number);
	sqlite3_bind_int64(q, 3, o->created_ms);
	sq_blob(q, 4, o->bytes, o->len);
	return sq_run(q);
}

/* The bytes stay the statement's. */
static void read_order(sqlite3_stmt *q, struct zkhsmd_order *o)
{
	o->number = (uint64_t)sqlite3_column_int64(q, 0);
	o->created_ms = sqlite3_column_int64(q, 1);
	o->len = (size_t)sqlite3_column_bytes(q, 2);
	o->bytes = (uint8_t *)(uintptr_t)sqlite3_column_blob(q, 2);
}

int sq_order_get(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t number,
		 struct zkhsmd_order *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ORDER_GET);
	uint8_t *copy;
	int ret;

	if (!q)
		return -EIO;
	sq_blob(q, 1, hsm_id, 32);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)number);
	ret = sq_step(q);
	if (ret <= 0)
		return sq_end(q, ret ? ret : -ENOENT);
	read_order(q, out);
	copy = malloc(out->len ? out->len : 1);
	if (copy && out->len)
		memcpy(copy, out->bytes, out->len);
	out->bytes = copy;
	return sq_end(q, copy ? 0 : -ENOMEM);
}

int sq_order_each(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t after,
		  int (*fn)(const struct zkhsmd_order *o, void *arg), void *arg)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ORDER_EACH);
	struct zkhsmd_order o;
	int ret, stop = 0;

	if (!q)
		return -EIO;
	/* No number is above what SQLite can hold. */
	if (after > INT64_MAX)
		return 0;
	sq_blob(q, 1, hsm_id, 32);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)after);
	while (!stop && (ret = sq_step(q)) > 0) {
		read_order(q, &o);
		stop = fn(&o, arg);
	}
	return sq_end(q, stop ? stop : ret);
}

int sq_order_last(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t *number)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ORDER_LAST);
	int ret;

	sq_blob(q, 1, hsm_id, 32);
	ret = sq_step(q);
	*number = ret > 0 ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
	return sq_end(q, ret);
}

static void *copy_of(const void *data, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy && len)
		memcpy(copy, data, len);
	if (copy)
		copy[len] = '\0';
	return copy;
}

int sq_lease_get(struct zkhsmd_store *s, const uint8_t hsm_id[32], struct zkhsmd_lease *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_LEASE_GET);
	int ret;

	memset(out, 0, sizeof(*out));
	sq_blob(q, 1, hsm_id, 32);
	ret = sq_step(q);
	if (ret <= 0)
		return sq_end(q, ret ? ret : -ENOENT);
	if (!sq_take(q, 0, out->evidence_digest, sizeof(out->evidence_digest)) ||
	    !sq_take(q, 6, out->policy, sizeof(out->policy)))
		return sq_end(q, -EUCLEAN);
	out->made_ms = sqlite3_column_int64(q, 1);
	out->granted = (uint32_t)sqlite3_column_int64(q, 2);
	out->denied = (uint32_t)sqlite3_column_int64(q, 3);
	out->denied_keys = copy_of(sqlite3_column_text(q, 4), (size_t)sqlite3_column_bytes(q, 4));
	out->len = (size_t)sqlite3_column_bytes(q, 5);
	out->bytes = copy_of(sqlite3_column_blob(q, 5), out->len);
	if (out->denied_keys && out->bytes)
		return sq_end(q, 0);
	free(out->denied_keys);
	free(out->bytes);
	/* The caller frees what is in there whether or not this failed. */
	memset(out, 0, sizeof(*out));
	return sq_end(q, -ENOMEM);
}

int sq_lease_put(struct zkhsmd_store *s, const uint8_t hsm_id[32], const struct zkhsmd_lease *l)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_LEASE_PUT);

	if (!q)
		return -EIO;
	sq_blob(q, 1, hsm_id, 32);
	sq_blob(q, 2, l->evidence_digest, sizeof(l->evidence_digest));
	sqlite3_bind_int64(q, 3, l->made_ms);
	sqlite3_bind_int64(q, 4, l->granted);
	sqlite3_bind_int64(q, 5, l->denied);
	sqlite3_bind_text(q, 6, l->denied_keys, -1, SQLITE_STATIC);
	sq_blob(q, 7, l->bytes, l->len);
	sq_hash(q, 8, l->policy);
	return sq_run(q);
}
