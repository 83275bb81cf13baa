// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_backup.c - a consistent copy of a database that is being written
 *
 * One read transaction spans the whole copy: a WAL lets writers go on beside it, and
 * the copy is the database at one moment. Without it the backup would begin again
 * with each write of another connection.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store_sqlite.h"

#define PAGES	1024
#define WAIT_MS	10000

static int fail(sqlite3 *db, const char *where, struct zkhsm_error *err)
{
	int ret = sq_errno(db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM);

	return zkhsm_fail(err, ret ? ret : -EIO, "%s: %s", where,
			  db ? sqlite3_errmsg(db) : "out of memory");
}

static int open_db(const char *where, const char *first, sqlite3 **db, struct zkhsm_error *err)
{
	if (sqlite3_open_v2(where, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
			    SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK)
		return fail(*db, where, err);
	sqlite3_busy_timeout(*db, WAIT_MS);
	if (sqlite3_exec(*db, first, NULL, NULL, NULL) != SQLITE_OK)
		return fail(*db, where, err);
	return 0;
}

static int copy(sqlite3 *from, const char *where, sqlite3 *to, const char *file,
		struct zkhsm_error *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int code;

	if (!b)
		return fail(to, file, err);
	do {
		code = sqlite3_backup_step(b, PAGES);
	} while (code == SQLITE_OK);
	sqlite3_backup_finish(b);
	if (code != SQLITE_DONE)
		return zkhsm_fail(err, sq_errno(code), "%s to %s: %s", where, file,
				  sqlite3_errstr(code));
	return 0;
}

/* One file, without a WAL beside it, and whole. */
static int settle(sqlite3 *to, const char *file, struct zkhsm_error *err)
{
	struct sq s = { .db = to };

	if (sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
		return fail(to, file, err);
	return sq_check_integrity(&s, file, err);
}

int sq_backup(const char *where, const char *file, struct zkhsm_error *err)
{
	sqlite3 *from = NULL, *to = NULL;
	int ret = open_db(where, "PRAGMA query_only = ON; BEGIN; SELECT count(*) FROM sqlite_schema",
			  &from, err);

	/* Whoever takes the file syncs it; until then it is nobody's. */
	if (!ret)
		ret = open_db(file, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF", &to, err);
	if (!ret)
		ret = copy(from, where, to, file, err);
	if (!ret)
		ret = settle(to, file, err);
	if (sqlite3_close(to) != SQLITE_OK && !ret)
		ret = zkhsm_fail(err, -EIO, "%s cannot be closed", file);
	sqlite3_close(from);
	return ret;
}
