// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_bytes.c - what is stored as it came, by its digest: lists and
 * configurations; and the manager's own few values
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_sqlite.h"

static sqlite3_stmt *by_digest(struct zkhsmd_store *s, enum sql which, const uint8_t digest[32])
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), which);

	sq_blob(q, 1, digest, 32);
	return q;
}

int sq_list_get(struct zkhsmd_store *s, const uint8_t digest[32], uint8_t **bytes, size_t *len)
{
	sqlite3_stmt *q = by_digest(s, SQL_LIST_GET, digest);
	int ret = sq_step(q);

	if (ret <= 0)
		return sq_end(q, ret ? ret : -ENOENT);
	*len = (size_t)sqlite3_column_bytes(q, 0);
	*bytes = malloc(*len ? *len : 1);
	if (*bytes && *len)
		memcpy(*bytes, sqlite3_column_blob(q, 0), *len);
	return sq_end(q, *bytes ? 0 : -ENOMEM);
}

int sq_list_put(struct zkhsmd_store *s, const uint8_t digest[32], const uint8_t *bytes, size_t len)
{
	sqlite3_stmt *q = by_digest(s, SQL_LIST_PUT, digest);

	sq_blob(q, 2, bytes, len);
	return sq_run(q);
}

int sq_list_has(struct zkhsmd_store *s, const uint8_t digest[32])
{
	sqlite3_stmt *q = by_digest(s, SQL_LIST_HAS, digest);
	int ret = sq_step(q);

	return sq_end(q, ret ? ret : -ENOENT);
}

int sq_list_trim(struct zkhsmd_store *s, const uint8_t digest[32])
{
	return sq_run(by_digest(s, SQL_LIST_TRIM, digest));
}

int sq_config_get(struct zkhsmd_store *s, const uint8_t digest[32],
		  uint8_t out[ZKHSM_CONFIGURATION_MAX_LEN], size_t *len)
{
	sqlite3_stmt *q = by_digest(s, SQL_CONFIG_GET, digest);
	int ret = sq_step(q);

	if (ret <= 0)
		return sq_end(q, ret ? ret : -ENOENT);
	*len = (size_t)sqlite3_column_bytes(q, 0);
	if (*len > ZKHSM_CONFIGURATION_MAX_LEN || !sq_take(q, 0, out, *len))
		ret = -EUCLEAN;
	return sq_end(q, ret);
}

int sq_config_put(struct zkhsmd_store *s, const uint8_t digest[32], const uint8_t *bytes, size_t len)
{
	sqlite3_stmt *q = by_digest(s, SQL_CONFIG_PUT, digest);

	sq_blob(q, 2, bytes, len);
	return sq_run(q);
}

int sq_config_trim(struct zkhsmd_store *s)
{
	return sq_run(sq_stmt(to_sq(s), SQL_CONFIG_TRIM));
}

int sq_meta_get(struct zkhsmd_store *s, enum zkhsmd_meta name, void *out, size_t len)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_META_GET);
	int ret;

	if (!q)
		return -EIO;
	sqlite3_bind_int(q, 1, (int)name);
	ret = sq_step(q);
	if (!ret)
		ret = -ENOENT;
	else if (ret > 0 && !sq_take(q, 0, out, len))
		ret = -EUCLEAN;
	return sq_end(q, ret);
}

int sq_meta_put(struct zkhsmd_store *s, enum zkhsmd_meta name, const void *value, size_t len)
{
	sqlite3_stmt *q = sq_stmt(to_sq(s), SQL_META_PUT);

	if (!q)
		return -EIO;
	sqlite3_bind_int(q, 1, (int)name);
	sq_blob(q, 2, value, len);
	return sq_run(q);
}
