// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_alert.c - alerts, and which webhooks have to be told of them
 */
#include <errno.h>
#include <string.h>

#include "alert.h"
#include "store_sqlite.h"

static void bind_text(sqlite3_stmt *q, int index, const char *text)
{
	sqlite3_bind_text(q, index, text, -1, SQLITE_STATIC);
}

static bool read_alert(sqlite3_stmt *q, struct zkhsmd_alert_row *r)
{
	r->row = sqlite3_column_int64(q, 0);
	r->first_ms = sqlite3_column_int64(q, 7);
	r->last_ms = sqlite3_column_int64(q, 8);
	r->count = (uint64_t)sqlite3_column_int64(q, 9);
	r->state = (enum zkhsmd_alert_state)sqlite3_column_int(q, 10);
	r->done_ms = sqlite3_column_int64(q, 13);
	return sq_text(q, 1, r->a.code, sizeof(r->a.code)) &&
	       sq_take(q, 2, r->a.hsm_id, sizeof(r->a.hsm_id)) &&
	       sq_take(q, 3, r->a.element, sizeof(r->a.element)) &&
	       sq_text(q, 4, r->a.key_id, sizeof(r->a.key_id)) &&
	       sq_text(q, 5, r->a.source, sizeof(r->a.source)) &&
	       sq_text(q, 6, r->a.text, sizeof(r->a.text)) &&
	       sq_text(q, 11, r->who, sizeof(r->who)) &&
	       sq_text(q, 12, r->note, sizeof(r->note)) &&
	       r->state >= ZKHSMD_ALERT_OPEN && r->state <= ZKHSMD_ALERT_CLOSED;
}

static int one_alert(sqlite3_stmt *q, struct zkhsmd_alert_row *out)
{
	int ret = sq_step(q);

	if (!ret)
		ret = -ENOENT;
	else if (ret > 0 && !read_alert(q, out))
		ret = -EUCLEAN;
	return ret;
}

int sq_alert_raise(struct zkhsmd_store *s, const struct zkhsmd_alert *a, int64_t now_ms,
		   struct zkhsmd_alert_row *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ALERT_RAISE);
	int ret;

	if (!q)
		return -EIO;
	bind_text(q, 1, a->code);
	sq_hash(q, 2, a->hsm_id);
	sq_hash(q, 3, a->element);
	bind_text(q, 4, a->key_id);
	bind_text(q, 5, a->source);
	bind_text(q, 6, a->text);
	sqlite3_bind_int64(q, 7, now_ms);
	ret = one_alert(q, out);
	/* What returns a row is done only when it has been read to its end. */
	if (ret > 0)
		ret = sq_step(q);
	return sq_end(q, ret);
}

int sq_alert_get(struct zkhsmd_store *s, int64_t row, struct zkhsmd_alert_row *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ALERT_GET);

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, row);
	return sq_end(q, one_alert(q, out));
}

int sq_alert_put(struct zkhsmd_store *s, const struct zkhsmd_alert_row *r)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ALERT_PUT);

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, r->row);
	sqlite3_bind_int(q, 2, (int)r->state);
	bind_text(q, 3, r->who);
	bind_text(q, 4, r->note);
	sqlite3_bind_int64(q, 5, r->done_ms);
	return sq_run(q);
}

int sq_alert_each(struct zkhsmd_store *s, int state, int64_t after, uint64_t limit,
		  int (*fn)(const struct zkhsmd_alert_row *r, void *arg), void *arg)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ALERT_EACH);
	struct zkhsmd_alert_row r;
	int ret = 0, stop = 0;

	if (!q)
		return -EIO;
	sqlite3_bind_int(q, 1, state);
	sqlite3_bind_int64(q, 2, after);
	sqlite3_bind_int64(q, 3, (sqlite3_int64)limit);
	while (!stop && (ret = sq_step(q)) > 0)
		stop = read_alert(q, &r) ? fn(&r, arg) : -EUCLEAN;
	return sq_end(q, stop ? stop : ret);
}

int sq_alert_live(struct zkhsmd_store *s, const char *code, const uint8_t *hsm_id, uint64_t *count)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ALERT_LIVE);
	int ret;

	if (!q)
		return -EIO;
	bind_text(q, 1, code);
	if (hsm_id)
		sq_hash(q, 2, hsm_id);
	ret = sq_step(q);
	*count = ret > 0 ? (uint64_t)sqlite3_column_int64(q, 0) : 0;
	return sq_end(q, ret);
}

int sq_alert_over(struct zkhsmd_store *s, const char *code, const uint8_t *hsm_id,
		  const char *who, const char *note, int64_t now_ms, uint64_t *count)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ALERT_OVER);
	int ret;

	if (!q)
		return -EIO;
	bind_text(q, 1, code);
	if (hsm_id)
		sq_hash(q, 2, hsm_id);
	bind_text(q, 3, note);
	sqlite3_bind_int64(q, 4, now_ms);
	bind_text(q, 5, who);
	ret = sq_run(q);
	*count = ret ? 0 : (uint64_t)sqlite3_changes(to_sq(s)->db);
	return ret;
}

int sq_alert_trim(struct zkhsmd_store *s, uint64_t max)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_ALERT_TRIM);

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, (sqlite3_int64)max);
	return sq_run(q);
}

int sq_delivery_add(struct zkhsmd_store *s, const struct zkhsmd_delivery *d, uint64_t max)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_DELIVERY_ADD);
	int ret;

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, d->alert);
	bind_text(q, 2, d->hook);
	sqlite3_bind_int64(q, 3, d->next_ms);
	sqlite3_bind_int64(q, 4, (sqlite3_int64)max);
	ret = sq_run(q);
	return !ret && !sqlite3_changes(to_sq(s)->db) ? -ENOBUFS : ret;
}

int sq_delivery_put(struct zkhsmd_store *s, const struct zkhsmd_delivery *d)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_DELIVERY_PUT);

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, d->row);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)d->attempts);
	sqlite3_bind_int64(q, 3, d->next_ms);
	return sq_run(q);
}

int sq_delivery_del(struct zkhsmd_store *s, int64_t row)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_DELIVERY_DEL);

	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, row);
	return sq_run(q);
}

int sq_delivery_clear(struct zkhsmd_store *s, const char *hook)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_DELIVERY_CLEAR);

	if (!q)
		return -EIO;
	bind_text(q, 1, hook);
	return sq_run(q);
}

int sq_delivery_due(struct zkhsmd_store *s, const char *hook, int64_t now_ms,
		    struct zkhsmd_delivery *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_DELIVERY_DUE);
	int ret;

	if (!q)
		return -EIO;
	bind_text(q, 1, hook);
	sqlite3_bind_int64(q, 2, now_ms);
	ret = sq_step(q);
	if (ret <= 0)
		return sq_end(q, ret ? ret : -ENOENT);
	out->row = sqlite3_column_int64(q, 0);
	out->alert = sqlite3_column_int64(q, 1);
	out->attempts = (uint64_t)sqlite3_column_int64(q, 3);
	out->next_ms = sqlite3_column_int64(q, 4);
	return sq_end(q, sq_text(q, 2, out->hook, sizeof(out->hook)) ? 0 : -EUCLEAN);
}

int sq_delivery_hooks(struct zkhsmd_store *s, int (*fn)(const char *hook, void *arg), void *arg)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_DELIVERY_HOOKS);
	int ret = 0, stop = 0;
	char hook[33];

	while (!stop && (ret = sq_step(q)) > 0)
		stop = sq_text(q, 0, hook, sizeof(hook)) ? fn(hook, arg) : -EUCLEAN;
	ret = sq_end(q, ret);
	return stop ? stop : ret;
}
