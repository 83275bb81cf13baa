// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_status.c - the places of keys in the status lists
 */
#include <errno.h>

#include "store_sqlite.h"

int sq_status_add(struct zkhsmd_store *s, const uint8_t hsm_id[32], const uint8_t element[32])
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_STATUS_ADD);

	sq_blob(q, 1, hsm_id, 32);
	sq_blob(q, 2, element, 32);
	return sq_run(q);
}

int sq_status_skip(struct zkhsmd_store *s, uint64_t count)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_STATUS_SKIP);

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, (sqlite3_int64)count);
	return sq_run(q);
}

static int one_number(sqlite3_stmt *q, uint64_t *number)
{
	int ret = sq_step(q);

	if (!ret)
		ret = -ENOENT;
	else if (ret > 0 && number)
		*number = (uint64_t)sqlite3_column_int64(q, 0);
	return sq_end(q, ret);
}

int sq_status_get(struct zkhsmd_store *s, const uint8_t hsm_id[32], const uint8_t element[32],
		  uint64_t *number)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_STATUS_GET);

	sq_blob(q, 1, hsm_id, 32);
	sq_blob(q, 2, element, 32);
	return one_number(q, number);
}

int sq_status_any(struct zkhsmd_store *s, const uint8_t hsm_id[32])
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_STATUS_ANY);

	sq_blob(q, 1, hsm_id, 32);
	return one_number(q, NULL);
}

int sq_status_mark(struct zkhsmd_store *s, struct zkhsmd_status_mark *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_STATUS_MARK);
	int ret = sq_step(q);

	if (ret > 0) {
		out->last = (uint64_t)sqlite3_column_int64(q, 0);
		out->quarantined = (uint64_t)sqlite3_column_int64(q, 1);
		out->quarantined_ms = (uint64_t)sqlite3_column_int64(q, 2);
	}
	return sq_end(q, ret);
}

int sq_status_stopped(struct zkhsmd_store *s, uint64_t first, uint64_t last,
		      int (*fn)(uint64_t number, uint8_t action, void *arg), void *arg)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_STATUS_STOPPED);
	int ret, stop = 0;

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, (sqlite3_int64)first);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)last);
	while (!stop && (ret = sq_step(q)) > 0)
		stop = fn((uint64_t)sqlite3_column_int64(q, 0), (uint8_t)sqlite3_column_int(q, 1),
			  arg);
	return sq_end(q, stop ? stop : ret);
}
