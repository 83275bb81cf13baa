// SPDX-License-Identifier: GPL-2.0
/*
 * What a journal says, done to the files: as often as one likes. Files that are
 * as they should be are not written again.
 */
#include <stdlib.h>

#include "store_private.h"

/* Beyond that many files, one syncfs() costs less than each file's own. */
#define SYNC_EACH	64

static int redo_file(const struct zkhsm_store *s, int dir, const char *name, const void *data,
		     size_t len, bool *wrote, struct zkhsm_error *err)
{
	int ret = zkhsm_store_same(s, dir, name, data, len, err);

	if (ret)
		return ret < 0 ? ret : 0;
	*wrote = true;
	return zkhsm_store_replace(s, dir, name, data, len, false, err);
}

/* A full change leaves no other record. Files that are none are left alone. */
static int remove_others(const struct zkhsm_store *s, const struct store_change *c,
			 struct zkhsm_error *err)
{
	struct dirent **names;
	size_t count, i;
	int ret;

	ret = zkhsm_store_list(s, &names, &count, err);
	for (i = 0; i < count && !ret; i++)
		if (zkhsm_store_name_valid(names[i]->d_name) &&
		    !zkhsm_store_change_find(c, names[i]->d_name))
			ret = zkhsm_store_remove(s, s->records, names[i]->d_name, err);
	zkhsm_store_list_free(names, count);
	return ret;
}

static int keep_all(const struct zkhsm_store *s, const struct store_change *c,
		    struct zkhsm_error *err)
{
	bool each = !c->full && c->count <= SYNC_EACH;
	int ret = 0;

	if (!each && s->os->syncfs(s->dir))
		return zkhsm_fail(err, -errno, "cannot sync %s: %s", s->path, strerror(errno));
	for (size_t i = 0; each && i < c->count && !ret; i++)
		if (c->records[i].data)
			ret = zkhsm_store_keep(s, s->records, c->records[i].name, err);
	ret = ret ? ret : zkhsm_store_keep(s, s->records, ".", err);
	if (!ret && c->kek_blob)
		ret = zkhsm_store_keep(s, s->dir, "kek.tpm", err);
	ret = ret ? ret : zkhsm_store_keep(s, s->dir, "head", err);
	return ret ? ret : zkhsm_store_keep(s, s->dir, ".", err);
}

int zkhsm_store_redo(const struct zkhsm_store *s, const struct store_change *c, bool durable,
		     struct zkhsm_error *err)
{
	bool wrote = false;
	int ret = 0;

	for (size_t i = 0; i < c->count && !ret; i++) {
		const struct store_record *r = &c->records[i];

		ret = r->data ?
			redo_file(s, s->records, r->name, r->data, r->len, &wrote, err) :
			zkhsm_store_remove(s, s->records, r->name, err);
	}
	if (!ret && c->full)
		ret = remove_others(s, c, err);
	if (!ret && c->kek_blob)
		ret = redo_file(s, s->dir, "kek.tpm", c->kek_blob, c->kek_blob_len, &wrote,
				err);
	ret = ret ? ret : redo_file(s, s->dir, "head", c->head, c->head_len, &wrote, err);
	/* Done before: then the index knows. */
	if (!ret && wrote)
		ret = zkhsm_store_index_note(s, c, err);
	if (!ret && durable)
		ret = keep_all(s, c, err);
	return ret;
}

int zkhsm_store_redo_journal(const struct zkhsm_store *s, bool durable, struct store_change *out,
			     struct zkhsm_error *err)
{
	struct store_change c;
	int ret;

	ret = zkhsm_store_journal_read(s, &c, err);
	ret = ret ? ret : zkhsm_store_redo(s, &c, durable, err);
	if (!ret && out)
		*out = c;
	else
		zkhsm_store_change_free(&c);
	return ret;
}
