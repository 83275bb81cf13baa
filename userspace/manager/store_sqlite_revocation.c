// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_revocation.c - revocations and holds, those that ended among them
 */
#include <errno.h>
#include <string.h>

#include "store_sqlite.h"

static bool read_revocation(sqlite3_stmt *q, struct zkhsmd_revocation *r)
{
	r->row = sqlite3_column_int64(q, 0);
	r->action = (uint8_t)sqlite3_column_int(q, 1);
	r->scope = (enum zkhsmd_scope)sqlite3_column_int(q, 2);
	r->reason = (uint8_t)sqlite3_column_int(q, 6);
	r->number = (uint64_t)sqlite3_column_int64(q, 7);
	r->at_ms = sqlite3_column_int64(q, 8);
	r->ended = (uint64_t)sqlite3_column_int64(q, 11);	/* NULL is 0 */
	r->ended_ms = sqlite3_column_int64(q, 12);
	r->ended_reason = (uint8_t)sqlite3_column_int(q, 14);
	return sq_take(q, 3, r->hsm_id, sizeof(r->hsm_id)) &&
	       sq_text(q, 4, r->key_id, sizeof(r->key_id)) &&
	       sq_take(q, 5, r->element, sizeof(r->element)) &&
	       sq_text(q, 9, r->cluster, sizeof(r->cluster)) &&
	       sq_text(q, 10, r->who, sizeof(r->who)) &&
	       sq_text(q, 13, r->ended_who, sizeof(r->ended_who));
}

static int one_revocation(sqlite3_stmt *q, struct zkhsmd_revocation *out)
{
	int ret = sq_step(q);

	if (!ret)
		ret = -ENOENT;
	else if (ret > 0 && !read_revocation(q, out))
		ret = -EUCLEAN;
	return sq_end(q, ret);
}

static int each_revocation(sqlite3_stmt *q,
			   int (*fn)(const struct zkhsmd_revocation *r, void *arg), void *arg)
{
	struct zkhsmd_revocation r;
	int ret = 0, stop = 0;

	while (!stop && (ret = sq_step(q)) > 0)
		stop = read_revocation(q, &r) ? fn(&r, arg) : -EUCLEAN;
	return sq_end(q, stop ? stop : ret);
}

int sq_revocation_get(struct zkhsmd_store *s, const struct zkhsmd_revocation *like,
		      struct zkhsmd_revocation *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_REVOCATION_GET);

	if (!q)
		return -EIO;
	sqlite3_bind_int(q, 1, (int)like->scope);
	sq_hash(q, 2, like->hsm_id);
	sq_hash(q, 3, like->element);
	sqlite3_bind_text(q, 4, like->cluster, -1, SQLITE_STATIC);
	return one_revocation(q, out);
}

int sq_revocation_hsm(struct zkhsmd_store *s, const uint8_t hsm_id[32],
		      struct zkhsmd_revocation *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_REVOCATION_HSM);

	sq_blob(q, 1, hsm_id, 32);
	return one_revocation(q, out);
}

int sq_revocation_stopping(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			   const uint8_t element[32], struct zkhsmd_revocation *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_REVOCATION_STOPPING);

	sq_blob(q, 1, hsm_id, 32);
	sq_blob(q, 2, element, 32);
	return one_revocation(q, out);
}

int sq_revocation_add(struct zkhsmd_store *s, const struct zkhsmd_revocation *r)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_REVOCATION_ADD);

	if (!q)
		return -EIO;
	sq_stopped_forget(to_sq(s));
	sqlite3_bind_int(q, 1, r->action);
	sqlite3_bind_int(q, 2, (int)r->scope);
	sq_hash(q, 3, r->hsm_id);
	sqlite3_bind_text(q, 4, r->key_id, -1, SQLITE_STATIC);
	sq_hash(q, 5, r->element);
	sqlite3_bind_int(q, 6, r->reason);
	sqlite3_bind_int64(q, 7, (sqlite3_int64)r->number);
	sqlite3_bind_int64(q, 8, r->at_ms);
	sqlite3_bind_text(q, 9, r->cluster, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 10, r->who, -1, SQLITE_STATIC);
	return sq_run(q);
}

int sq_revocation_end(struct zkhsmd_store *s, int64_t row, const struct zkhsmd_revocation *by)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_REVOCATION_END);

	if (!q)
		return -EIO;
	sq_stopped_forget(to_sq(s));
	sqlite3_bind_int64(q, 1, row);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)by->number);
	sqlite3_bind_int64(q, 3, by->at_ms);
	sqlite3_bind_text(q, 4, by->who, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 5, by->reason);
	return sq_run(q);
}

int sq_revocation_each(struct zkhsmd_store *s,
		       int (*fn)(const struct zkhsmd_revocation *r, void *arg), void *arg)
{
	return each_revocation(sq_stmt(to_sq(s), SQL_REVOCATION_EACH), fn, arg);
}

int sq_revocation_page(struct zkhsmd_store *s, int64_t after,
		       int (*fn)(const struct zkhsmd_revocation *r, void *arg), void *arg)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_REVOCATION_PAGE);

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, after);
	return each_revocation(q, fn, arg);
}
