// SPDX-License-Identifier: GPL-2.0
/*
 * A backup is the journal of a change that makes all of it, and a restore is
 * that change. No secret is in it in the clear, and no use without the KEK.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_private.h"

int zkhsm_store_backup(struct zkhsm_store *s, const char *path, struct zkhsm_store_summary *out,
		       struct zkhsm_error *err)
{
	struct zkhsm_sealed head;
	struct store_change c;
	char *text = NULL;
	size_t len;
	int ret;

	ret = zkhsm_store_load(s, NULL, NULL, &c, err);
	if (ret)
		return ret;
	zkhsm_sealed_decode(&head, c.head, c.head_len);
	/* A backup that will not open is none. */
	ret = zkhsm_store_blame(s, &c, &head, NULL, NULL, err);
	ret = ret ? ret : zkhsm_store_change_encode(&c, &text, &len, err);
	ret = ret ? ret : zkhsm_write_file(path, text, len, 0600, err);
	zkhsm_store_summarise(&c, &head, out);
	free(text);
	zkhsm_store_change_free(&c);
	return ret;
}

int zkhsm_store_restore(struct zkhsm_store *s, const char *path, struct zkhsm_store_summary *out,
			struct zkhsm_error *err)
{
	struct zkhsm_sealed head;
	struct store_change c;
	uint8_t *data;
	size_t len;
	int ret;

	if (!zkhsm_store_empty(s))
		return zkhsm_fail(err, -EEXIST, "%s: something is stored there already", s->path);
	ret = zkhsm_read_file(path, STORE_JOURNAL_MAX, &data, &len, err);
	if (ret)
		return ret;
	ret = zkhsm_store_change_decode(path, data, len, &c, err);
	free(data);
	if (ret)
		return ret;
	zkhsm_sealed_decode(&head, c.head, c.head_len);
	if (!c.full || c.count != head.records)
		ret = zkhsm_fail(err, -ENODATA, "%s: %zu records, the head counts %u", path,
				 c.count, head.records);
	/* Whichever kernel sealed it, this is not its store. */
	memset(c.instance, 0, sizeof(c.instance));
	ret = ret ? ret : zkhsm_store_journal_write(s, &c, err);
	ret = ret ? ret : zkhsm_store_redo(s, &c, true, err);
	zkhsm_store_summarise(&c, &head, out);
	zkhsm_store_change_free(&c);
	return ret;
}
