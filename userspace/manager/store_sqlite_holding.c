// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_holding.c - who holds what, and what happened to it
 */
#include <errno.h>
#include <string.h>

#include "holding.h"
#include "store_sqlite.h"

static sqlite3_stmt *by_names(struct zkhsmd_store *s, enum sql which, const uint8_t *element,
			      const uint8_t *hsm_id)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), which);

	sq_blob(q, 1, element, 32);
	sq_blob(q, 2, hsm_id, 32);
	return q;
}

static sqlite3_stmt *by_hsm(struct zkhsmd_store *s, enum sql which, const uint8_t hsm_id[32])
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), which);

	sq_blob(q, 1, hsm_id, 32);
	return q;
}

static bool read_holding(sqlite3_stmt *q, struct zkhsmd_holding *h)
{
	h->first_ms = sqlite3_column_int64(q, 3);
	h->released = sqlite3_column_int(q, 4);
	return sq_take(q, 0, h->element, sizeof(h->element)) &&
	       sq_take(q, 1, h->hsm_id, sizeof(h->hsm_id)) &&
	       sq_text(q, 2, h->key_id, sizeof(h->key_id));
}

static int each_holding(sqlite3_stmt *q, int (*fn)(const struct zkhsmd_holding *h, void *arg),
			void *arg)
{
	struct zkhsmd_holding h;
	int ret = 0, stop = 0;

	while (!stop && (ret = sq_step(q)) > 0)
		stop = read_holding(q, &h) ? fn(&h, arg) : -EUCLEAN;
	return sq_end(q, stop ? stop : ret);
}

int sq_holding_put(struct zkhsmd_store *s, const struct zkhsmd_holding *h, bool *fresh)
{
	sqlite3_stmt *q = by_names(s, SQL_HOLDING_ADD, h->element, h->hsm_id);
	int ret;

	if (!q)
		return -EIO;
	sqlite3_bind_text(q, 3, h->key_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 4, h->first_ms);
	ret = sq_run(q);
	*fresh = !ret && sqlite3_changes(to_sq(s)->db);
	if (ret || *fresh)
		return ret;
	q = by_names(s, SQL_HOLDING_RENAME, h->element, h->hsm_id);
	if (!q)
		return -EIO;
	sqlite3_bind_text(q, 3, h->key_id, -1, SQLITE_STATIC);
	return sq_run(q);
}

int sq_holding_get(struct zkhsmd_store *s, const uint8_t element[32], const uint8_t hsm_id[32],
		   struct zkhsmd_holding *out)
{
	sqlite3_stmt *q = by_names(s, SQL_HOLDING_GET, element, hsm_id);
	int ret = sq_step(q);

	if (!ret)
		ret = -ENOENT;
	else if (ret > 0 && !read_holding(q, out))
		ret = -EUCLEAN;
	return sq_end(q, ret);
}

int sq_holding_del(struct zkhsmd_store *s, const struct zkhsmd_holding *h)
{
	sqlite3_stmt *q = by_names(s, SQL_HOLDING_DEL, h->element, h->hsm_id);

	if (!q)
		return -EIO;
	sqlite3_bind_text(q, 3, h->key_id, -1, SQLITE_STATIC);
	return sq_run(q);
}

int sq_holding_clear(struct zkhsmd_store *s, const uint8_t hsm_id[32])
{
	return sq_run(by_hsm(s, SQL_HOLDING_CLEAR, hsm_id));
}

int sq_holding_has(struct zkhsmd_store *s, const uint8_t hsm_id[32])
{
	sqlite3_stmt *q = by_hsm(s, SQL_HOLDING_HAS, hsm_id);
	int ret = sq_step(q);

	return sq_end(q, ret ? ret : -ENOENT);
}

int sq_holding_element(struct zkhsmd_store *s, const uint8_t element[32],
		       int (*fn)(const struct zkhsmd_holding *h, void *arg), void *arg)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_HOLDING_ELEMENT);

	sq_blob(q, 1, element, 32);
	return each_holding(q, fn, arg);
}

int sq_holding_shared(struct zkhsmd_store *s, const uint8_t hsm_id[32],
		      int (*fn)(const struct zkhsmd_holding *h, void *arg), void *arg)
{
	return each_holding(by_hsm(s, SQL_HOLDING_SHARED, hsm_id), fn, arg);
}

int sq_holding_release(struct zkhsmd_store *s, const uint8_t hsm_id[32])
{
	return sq_run(by_hsm(s, SQL_HOLDING_RELEASE, hsm_id));
}

/* --- history ------------------------------------------------------------- */

static int history_trim(struct zkhsmd_store *s, const struct zkhsmd_history *h, uint64_t per_key,
			uint64_t max)
{
	sqlite3_stmt *q = by_hsm(s, SQL_HISTORY_TRIM_KEY, h->hsm_id);
	int ret;

	if (!q)
		return -EIO;
	sqlite3_bind_text(q, 2, h->key_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)per_key);
	ret = sq_run(q);
	if (ret)
		return ret;
	q = sq_stmt(to_sq(s), SQL_HISTORY_TRIM);
	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, (sqlite3_int64)max);
	return sq_run(q);
}

int sq_history_add(struct zkhsmd_store *s, const struct zkhsmd_history *h, uint64_t per_key,
		   uint64_t max)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_HISTORY_ADD);
	int ret;

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, h->at_ms);
	sq_blob(q, 2, h->hsm_id, sizeof(h->hsm_id));
	sqlite3_bind_text(q, 3, h->key_id, -1, SQLITE_STATIC);
	sq_hash(q, 4, h->element);
	sqlite3_bind_text(q, 5, h->event, -1, SQLITE_STATIC);
	sqlite3_bind_text(q, 6, h->detail, -1, SQLITE_STATIC);
	ret = sq_run(q);
	return ret ? ret : history_trim(s, h, per_key, max);
}

int sq_history_key(struct zkhsmd_store *s, const uint8_t hsm_id[32], const char *key_id,
		   uint64_t limit, int (*fn)(const struct zkhsmd_history *h, void *arg), void *arg)
{
	sqlite3_stmt *q = by_hsm(s, SQL_HISTORY_KEY, hsm_id);
	struct zkhsmd_history h;
	int ret = 0, stop = 0;

	if (!q)
		return -EIO;
	sqlite3_bind_text(q, 2, key_id, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)limit);
	while (!stop && (ret = sq_step(q)) > 0) {
		h.row = sqlite3_column_int64(q, 0);
		h.at_ms = sqlite3_column_int64(q, 1);
		stop = sq_take(q, 2, h.hsm_id, sizeof(h.hsm_id)) &&
		       sq_text(q, 3, h.key_id, sizeof(h.key_id)) &&
		       sq_take(q, 4, h.element, sizeof(h.element)) &&
		       sq_text(q, 5, h.event, sizeof(h.event)) &&
		       sq_text(q, 6, h.detail, sizeof(h.detail)) ? fn(&h, arg) : -EUCLEAN;
	}
	return sq_end(q, stop ? stop : ret);
}
