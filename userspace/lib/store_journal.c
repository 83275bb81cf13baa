// SPDX-License-Identifier: GPL-2.0
/*
 * The journal: one change of the store as JSON, which is also what a backup is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_private.h"

#define JOURNAL		"journal"
#define VERSION		1
/* What the journal needs, and what is written after it, with names and blocks. */
#define SPACE_TIMES	3
#define SPACE_EXTRA	(1U << 20)
#define BLOCK		4096U

static json_t *b64_json(const void *data, size_t len)
{
	char *text = zkhsm_b64(data, len);
	json_t *j = text ? json_string(text) : NULL;

	free(text);
	return j;
}

static int put_records(json_t *o, const struct store_change *c)
{
	json_t *records = json_array(), *removed = json_array();
	int ret = records && removed ? 0 : -1;

	for (size_t i = 0; i < c->count && !ret; i++) {
		const struct store_record *r = &c->records[i];

		if (r->data)
			ret = json_array_append_new(records,
						    json_pack("[s, o]", r->name,
							      b64_json(r->data, r->len)));
		else
			ret = json_array_append_new(removed, json_string(r->name));
	}
	ret = json_object_set_new(o, "records", records) ? -1 : ret;
	return json_object_set_new(o, "removed", removed) ? -1 : ret;
}

int zkhsm_store_change_encode(const struct store_change *c, char **out, size_t *len,
			      struct zkhsm_error *err)
{
	char *instance = zkhsm_hex(c->instance, sizeof(c->instance));
	json_t *o;

	*out = NULL;
	o = json_pack("{s:s, s:i, s:b, s:s*, s:I, s:o, s:o*}", "zkhsm", "store", "version",
		      VERSION, "full", c->full, "instance", instance, "sequence",
		      (json_int_t)c->sequence, "head", b64_json(c->head, c->head_len), "kek",
		      c->kek_blob ? b64_json(c->kek_blob, c->kek_blob_len) : NULL);
	free(instance);
	if (o && !put_records(o, c))
		*out = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!*out)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	*len = strlen(*out);
	return 0;
}

static int take_b64(const json_t *j, size_t max, uint8_t **out, size_t *len)
{
	const char *text = json_string_value(j);
	int ret;

	if (!text)
		return -EBADMSG;
	ret = zkhsm_unb64(text, out, len);
	if (ret)
		return ret;
	return *len && *len <= max ? 0 : -EBADMSG;
}

static int take_record(const json_t *j, struct store_change *c)
{
	const char *name = json_string_value(json_array_get(j, 0));
	uint8_t *data = NULL;
	size_t len;
	int ret;

	if (json_array_size(j) != 2 || !name || !zkhsm_store_name_valid(name))
		return -EBADMSG;
	ret = take_b64(json_array_get(j, 1), ZKHSM_RECORD_MAX_LEN, &data, &len);
	ret = ret ? ret : zkhsm_store_change_add(c, name, data, len);
	free(data);
	return ret;
}

static int take_lists(const json_t *records, const json_t *removed, struct store_change *c)
{
	const char *name;
	int ret = 0;
	json_t *j;
	size_t i;

	if (!json_is_array(records) || !json_is_array(removed))
		return -EBADMSG;
	json_array_foreach(records, i, j) {
		ret = take_record(j, c);
		if (ret)
			return ret;
	}
	json_array_foreach(removed, i, j) {
		name = json_string_value(j);
		if (!name || !zkhsm_store_name_valid(name) || c->full)
			return -EBADMSG;
		ret = zkhsm_store_change_add(c, name, NULL, 0);
		if (ret)
			return ret;
	}
	return zkhsm_store_change_sort(c) ? -EBADMSG : 0;
}

static int take_object(const json_t *o, struct store_change *c)
{
	const char *magic, *instance;
	json_t *head, *kek = NULL, *records, *removed;
	int version, full, ret;
	json_int_t sequence;

	if (json_unpack((json_t *)o, "{s:s, s:i, s:b, s:s, s:I, s:o, s?o, s:o, s:o!}", "zkhsm",
			&magic, "version", &version, "full", &full, "instance", &instance,
			"sequence", &sequence, "head", &head, "kek", &kek, "records", &records,
			"removed", &removed))
		return -EBADMSG;
	if (strcmp(magic, "store") || version != VERSION || sequence < 1 ||
	    zkhsm_unhex(instance, c->instance, sizeof(c->instance)))
		return -EBADMSG;
	c->full = full;
	c->sequence = (uint64_t)sequence;
	ret = take_b64(head, ZKHSM_HEAD_MAX_LEN, &c->head, &c->head_len);
	if (!ret && kek)
		ret = take_b64(kek, ZKHSM_KEK_BLOB_MAX_LEN, &c->kek_blob, &c->kek_blob_len);
	return ret ? ret : take_lists(records, removed, c);
}

int zkhsm_store_change_decode(const char *where, const uint8_t *data, size_t len,
			      struct store_change *out, struct zkhsm_error *err)
{
	json_t *o = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
	int ret;

	memset(out, 0, sizeof(*out));
	ret = o ? take_object(o, out) : -EBADMSG;
	json_decref(o);
	if (ret == -ENOMEM)
		zkhsm_fail(err, ret, "out of memory");
	else if (ret)
		zkhsm_fail(err, ret, "%s: truncated or changed", where);
	else
		ret = zkhsm_store_change_check(out, where, err);
	if (ret)
		zkhsm_store_change_free(out);
	return ret;
}

int zkhsm_store_journal_read(const struct zkhsm_store *s, struct store_change *out,
			     struct zkhsm_error *err)
{
	char where[256];
	uint8_t *data;
	size_t len;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = zkhsm_store_read(s, s->dir, JOURNAL, STORE_JOURNAL_MAX, &data, &len, err);
	if (ret)
		return ret;
	zkhsm_store_where(s, s->dir, JOURNAL, where, sizeof(where));
	ret = zkhsm_store_change_decode(where, data, len, out, err);
	free(data);
	return ret;
}

/* An error here is one before anything was written. */
static int check_space(const struct zkhsm_store *s, size_t journal, size_t records,
		       struct zkhsm_error *err)
{
	uint64_t need = (uint64_t)journal * SPACE_TIMES + (uint64_t)records * BLOCK + SPACE_EXTRA;
	struct statvfs fs;

	if (s->os->fstatvfs(s->dir, &fs))
		return zkhsm_fail(err, -errno, "cannot look for space in %s: %s", s->path,
				  strerror(errno));
	if ((uint64_t)fs.f_bavail * fs.f_frsize < need)
		return zkhsm_fail(err, -ENOSPC,
				  "%s: %llu KiB are free, this needs %llu: nothing was written",
				  s->path,
				  (unsigned long long)fs.f_bavail * fs.f_frsize / 1024,
				  (unsigned long long)need / 1024);
	/* Some file systems have no fixed number of inodes and say 0. */
	if (fs.f_files && fs.f_favail < records + 8)
		return zkhsm_fail(err, -ENOSPC, "%s: no inodes are free: nothing was written",
				  s->path);
	return 0;
}

int zkhsm_store_journal_write(const struct zkhsm_store *s, const struct store_change *c,
			      struct zkhsm_error *err)
{
	size_t len;
	char *text;
	int ret;

	ret = zkhsm_store_change_encode(c, &text, &len, err);
	if (ret)
		return ret;
	ret = len > STORE_JOURNAL_MAX ? zkhsm_fail(err, -EFBIG, "%s: too much at once", s->path) :
		check_space(s, len, c->count, err);
	ret = ret ? ret : zkhsm_store_replace(s, s->dir, JOURNAL, text, len, true, err);
	free(text);
	return ret ? ret : zkhsm_store_keep(s, s->dir, ".", err);
}
