// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_audit.c - the audit log, to which rows are only added, and what waits for
 * a second administrator
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_sqlite.h"

int sq_audit_last(struct zkhsmd_store *s, uint64_t *number, uint8_t hash[32])
{
	sqlite3_stmt *stmt = sq_stmt(to_sq(s), SQL_AUDIT_LAST);
	int ret = sq_step(stmt);

	*number = 0;
	memset(hash, 0, 32);
	if (ret > 0) {
		*number = (uint64_t)sqlite3_column_int64(stmt, 0);
		if (!*number || !sq_take(stmt, 1, hash, 32))
			ret = -EUCLEAN;
	}
	return sq_end(stmt, ret);
}

int sq_audit_add(struct zkhsmd_store *s, const struct zkhsmd_audit_row *row)
{
	sqlite3_stmt *stmt = sq_stmt(to_sq(s), SQL_AUDIT_ADD);

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row->number);
	sqlite3_bind_int64(stmt, 2, row->at_ms);
	sq_hash(stmt, 3, row->hsm_id);
	sqlite3_bind_text(stmt, 4, row->line, -1, SQLITE_STATIC);
	sq_blob(stmt, 5, row->hash, 32);
	return sq_run(stmt);
}

int sq_audit_each(struct zkhsmd_store *s, uint64_t after,
		  int (*fn)(const struct zkhsmd_audit_row *row, void *arg), void *arg)
{
	sqlite3_stmt *stmt = sq_stmt(to_sq(s), SQL_AUDIT_EACH);
	struct zkhsmd_audit_row row;
	int ret, result = 0;

	if (!stmt)
		return -EIO;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)after);
	while (!result && (ret = sq_step(stmt)) > 0) {
		row.number = (uint64_t)sqlite3_column_int64(stmt, 0);
		row.at_ms = sqlite3_column_int64(stmt, 1);
		row.line = (const char *)sqlite3_column_text(stmt, 3);
		if (!row.line || !sq_take(stmt, 2, row.hsm_id, 32) ||
		    !sq_take(stmt, 4, row.hash, 32))
			result = -EUCLEAN;
		else
			result = fn(&row, arg);
	}
	if (result) {
		sqlite3_reset(stmt);
		return result;
	}
	return sq_end(stmt, ret);
}

/* What the statement stands on; the text stays the statement's. */
static int take_proposal(sqlite3_stmt *stmt, struct zkhsmd_proposal *p)
{
	memset(p, 0, sizeof(*p));
	p->request = (char *)(uintptr_t)sqlite3_column_text(stmt, 2);
	p->at_ms = sqlite3_column_int64(stmt, 5);
	return p->request && sq_text(stmt, 0, p->id, sizeof(p->id)) &&
	       sq_text(stmt, 1, p->action, sizeof(p->action)) &&
	       sq_text(stmt, 3, p->who, sizeof(p->who)) &&
	       sq_take(stmt, 4, p->x5t, sizeof(p->x5t)) ? 0 : -EUCLEAN;
}

int sq_proposal_get(struct zkhsmd_store *s, const char *id, struct zkhsmd_proposal *out)
{
	sqlite3_stmt *stmt = sq_stmt(to_sq(s), SQL_PROPOSAL_GET);
	int ret;

	if (!stmt)
		return -EIO;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	ret = sq_step(stmt);
	if (ret == 0)
		ret = -ENOENT;
	if (ret > 0)
		ret = take_proposal(stmt, out);
	if (!ret) {
		out->request = strdup(out->request);
		ret = out->request ? 0 : -ENOMEM;
	}
	return sq_end(stmt, ret);
}

int sq_proposal_add(struct zkhsmd_store *s, const struct zkhsmd_proposal *p)
{
	sqlite3_stmt *stmt = sq_stmt(to_sq(s), SQL_PROPOSAL_ADD);

	if (!stmt)
		return -EIO;
	sqlite3_bind_text(stmt, 1, p->id, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, p->action, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, p->request, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, p->who, -1, SQLITE_STATIC);
	sq_blob(stmt, 5, p->x5t, sizeof(p->x5t));
	sqlite3_bind_int64(stmt, 6, p->at_ms);
	return sq_run(stmt);
}

int sq_proposal_del(struct zkhsmd_store *s, const char *id)
{
	sqlite3_stmt *stmt = sq_stmt(to_sq(s), SQL_PROPOSAL_DEL);

	if (!stmt)
		return -EIO;
	sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC);
	return sq_run(stmt);
}

int sq_proposal_each(struct zkhsmd_store *s,
		     int (*fn)(const struct zkhsmd_proposal *p, void *arg), void *arg)
{
	sqlite3_stmt *stmt = sq_stmt(to_sq(s), SQL_PROPOSAL_EACH);
	struct zkhsmd_proposal p;
	int ret;

	while ((ret = sq_step(stmt)) > 0) {
		ret = take_proposal(stmt, &p);
		if (!ret)
			ret = fn(&p, arg);
		if (ret)
			break;
	}
	return sq_end(stmt, ret);
}
