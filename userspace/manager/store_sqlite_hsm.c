// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_hsm.c - HSMs, and those that wait to be enrolled
 */
#include <errno.h>
#include <string.h>

#include "store_sqlite.h"

static bool read_hsm(sqlite3_stmt *q, struct zkhsmd_hsm *h)
{
	h->enrolled = sqlite3_column_int(q, 2);
	h->enrolled_ms = sqlite3_column_int64(q, 4);
	h->attested = sqlite3_column_int(q, 7);
	h->boot_count = (uint32_t)sqlite3_column_int64(q, 8);
	h->fork_count = (uint32_t)sqlite3_column_int64(q, 9);
	h->number = (uint32_t)sqlite3_column_int64(q, 10);
	h->uptime_ms = (uint64_t)sqlite3_column_int64(q, 12);
	h->attested_ms = sqlite3_column_int64(q, 13);
	h->attested_boot_ms = sqlite3_column_int64(q, 14);
	h->received_ms = sqlite3_column_int64(q, 15);
	h->keys = (uint32_t)sqlite3_column_int64(q, 19);
	h->proved = (uint32_t)sqlite3_column_int64(q, 20);
	h->applied = (uint64_t)sqlite3_column_int64(q, 22);
	h->floor = (uint64_t)sqlite3_column_int64(q, 23);
	h->shown = (uint64_t)sqlite3_column_int64(q, 24);
	h->restore = sqlite3_column_int(q, 25);
	h->trust_number = (uint64_t)sqlite3_column_int64(q, 27);
	h->quarantine = sqlite3_column_int(q, 31);
	h->quarantine_ms = sqlite3_column_int64(q, 33);
	h->module_seen = (uint32_t)sqlite3_column_int64(q, 35);
	return sq_take(q, 0, h->id, sizeof(h->id)) &&
	       sq_take(q, 1, h->identity, sizeof(h->identity)) &&
	       sq_text(q, 3, h->name, sizeof(h->name)) &&
	       sq_take(q, 5, h->config_digest, sizeof(h->config_digest)) &&
	       sq_take(q, 6, h->config_seen, sizeof(h->config_seen)) &&
	       sq_take(q, 11, h->instance_id, sizeof(h->instance_id)) &&
	       sq_take(q, 16, h->boot_id, sizeof(h->boot_id)) &&
	       sq_take(q, 17, h->list_digest, sizeof(h->list_digest)) &&
	       sq_take(q, 18, h->evidence_digest, sizeof(h->evidence_digest)) &&
	       sq_text(q, 21, h->answer, sizeof(h->answer)) &&
	       sq_take(q, 26, h->retired, sizeof(h->retired)) &&
	       sq_take(q, 28, h->trust_previous, sizeof(h->trust_previous)) &&
	       sq_take(q, 29, h->trust_digest, sizeof(h->trust_digest)) &&
	       sq_text(q, 30, h->cluster, sizeof(h->cluster)) &&
	       sq_text(q, 32, h->quarantine_code, sizeof(h->quarantine_code)) &&
	       sq_take(q, 34, h->platform_seen, sizeof(h->platform_seen));
}

int sq_hsm_get(struct zkhsmd_store *s, const uint8_t id[32], struct zkhsmd_hsm *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_HSM_GET);
	int ret;

	sq_blob(q, 1, id, 32);
	ret = sq_step(q);
	if (!ret)
		ret = -ENOENT;
	else if (ret > 0 && !read_hsm(q, out))
		ret = -EUCLEAN;
	return sq_end(q, ret);
}

int sq_hsm_put(struct zkhsmd_store *s, const struct zkhsmd_hsm *h)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_HSM_PUT);

	if (!q)
		return -EIO;
	sq_blob(q, 1, h->id, sizeof(h->id));
	sq_blob(q, 2, h->identity, sizeof(h->identity));
	sqlite3_bind_int(q, 3, h->enrolled);
	sqlite3_bind_text(q, 4, h->name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 5, h->enrolled_ms);
	sq_blob(q, 6, h->config_digest, sizeof(h->config_digest));
	sq_hash(q, 7, h->config_seen);
	sqlite3_bind_int(q, 8, h->attested);
	sqlite3_bind_int64(q, 9, h->boot_count);
	sqlite3_bind_int64(q, 10, h->fork_count);
	sqlite3_bind_int64(q, 11, h->number);
	sq_blob(q, 12, h->instance_id, sizeof(h->instance_id));
	sqlite3_bind_int64(q, 13, (sqlite3_int64)h->uptime_ms);
	sqlite3_bind_int64(q, 14, h->attested_ms);
	sqlite3_bind_int64(q, 15, h->attested_boot_ms);
	sqlite3_bind_int64(q, 16, h->received_ms);
	sq_blob(q, 17, h->boot_id, sizeof(h->boot_id));
	sq_hash(q, 18, h->list_digest);
	sq_hash(q, 19, h->evidence_digest);
	sqlite3_bind_int64(q, 20, h->keys);
	sqlite3_bind_int64(q, 21, h->proved);
	sqlite3_bind_text(q, 22, h->answer, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 23, (sqlite3_int64)h->applied);
	sqlite3_bind_int64(q, 24, (sqlite3_int64)h->floor);
	sqlite3_bind_int64(q, 25, (sqlite3_int64)h->shown);
	sqlite3_bind_int(q, 26, h->restore);
	sq_blob(q, 27, h->retired, sizeof(h->retired));
	sqlite3_bind_int64(q, 28, (sqlite3_int64)h->trust_number);
	sq_hash(q, 29, h->trust_previous);
	sq_hash(q, 30, h->trust_digest);
	sqlite3_bind_text(q, 31, h->cluster, -1, SQLITE_STATIC);
	sqlite3_bind_int(q, 32, h->quarantine);
	sqlite3_bind_text(q, 33, h->quarantine_code, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 34, h->quarantine_ms);
	sq_hash(q, 35, h->platform_seen);
	sqlite3_bind_int64(q, 36, h->module_seen);
	return sq_run(q);
}

int sq_hsm_each(struct zkhsmd_store *s, int (*fn)(const struct zkhsmd_hsm *h, void *arg), void *arg)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_HSM_EACH);
	struct zkhsmd_hsm h;
	int ret, stop = 0;

	while (!stop && (ret = sq_step(q)) > 0)
		stop = read_hsm(q, &h) ? fn(&h, arg) : -EUCLEAN;
	return sq_end(q, stop ? stop : ret);
}

int sq_hsm_newest(struct zkhsmd_store *s, int64_t *ms)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_HSM_NEWEST);
	int ret = sq_step(q);

	*ms = ret > 0 ? sqlite3_column_int64(q, 0) : 0;
	return sq_end(q, ret);
}

static bool read_pending(sqlite3_stmt *q, struct zkhsmd_pending *p)
{
	p->config_len = (size_t)sqlite3_column_bytes(q, 3);
	p->keys = (uint32_t)sqlite3_column_int64(q, 4);
	p->first_ms = sqlite3_column_int64(q, 5);
	p->last_ms = sqlite3_column_int64(q, 6);
	return p->config_len <= sizeof(p->config) &&
	       sq_take(q, 3, p->config, p->config_len) &&
	       sq_take(q, 0, p->id, sizeof(p->id)) &&
	       sq_take(q, 1, p->identity, sizeof(p->identity)) &&
	       sq_take(q, 2, p->config_digest, sizeof(p->config_digest)) &&
	       sq_text(q, 7, p->source, sizeof(p->source));
}

int sq_pending_get(struct zkhsmd_store *s, const uint8_t id[32], struct zkhsmd_pending *out)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_PENDING_GET);
	int ret;

	sq_blob(q, 1, id, 32);
	ret = sq_step(q);
	if (!ret)
		ret = -ENOENT;
	else if (ret > 0 && !read_pending(q, out))
		ret = -EUCLEAN;
	return sq_end(q, ret);
}

int sq_pending_put(struct zkhsmd_store *s, const struct zkhsmd_pending *p)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_PENDING_PUT);

	if (!q)
		return -EIO;
	sq_blob(q, 1, p->id, sizeof(p->id));
	sq_blob(q, 2, p->identity, sizeof(p->identity));
	sq_blob(q, 3, p->config_digest, sizeof(p->config_digest));
	sq_blob(q, 4, p->config, p->config_len);
	sqlite3_bind_int64(q, 5, p->keys);
	sqlite3_bind_int64(q, 6, p->first_ms);
	sqlite3_bind_int64(q, 7, p->last_ms);
	sqlite3_bind_text(q, 8, p->source, -1, SQLITE_STATIC);
	return sq_run(q);
}

int sq_pending_del(struct zkhsmd_store *s, const uint8_t id[32])
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_PENDING_DEL);

	sq_blob(q, 1, id, 32);
	return sq_run(q);
}

int sq_pending_each(struct zkhsmd_store *s, int (*fn)(const struct zkhsmd_pending *p, void *arg),
		    void *arg)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_PENDING_EACH);
	struct zkhsmd_pending p;
	int ret, stop = 0;

	while (!stop && (ret = sq_step(q)) > 0)
		stop = read_pending(q, &p) ? fn(&p, arg) : -EUCLEAN;
	return sq_end(q, stop ? stop : ret);
}

int sq_pending_trim(struct zkhsmd_store *s, const char *source, uint64_t max, uint64_t per_source)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_PENDING_TRIM_SOURCE);
	int ret;

	if (!q)
		return -EIO;
	sqlite3_bind_text(q, 1, source, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)per_source);
	ret = sq_run(q);
	if (ret)
		return ret;
	q = sq_stmt(to_sq(s), SQL_PENDING_TRIM);
	if (!q)
		return -EIO;
	sqlite3_bind_int64(q, 1, (sqlite3_int64)max);
	return sq_run(q);
}
