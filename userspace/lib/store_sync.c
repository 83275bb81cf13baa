// SPDX-License-Identifier: GPL-2.0
/*
 * From the kernel into the store: seal, journal, commit, redo.
 *
 * Only what has changed is asked for when the store holds just what the kernel
 * thinks it does: the journal is from this instance of it, and of the sequence
 * that was committed last. After everything else (an interruption between
 * journal and commit, a restored backup, another directory) all of it is.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_private.h"

static int on_record(const struct zkhsm_seal_item *item, struct store_change *c)
{
	struct zkhsm_sealed name = { .kind = (uint8_t)item->kind };
	char text[STORE_NAME_SIZE];

	name.name_len = (uint8_t)strlen(item->id);
	memcpy(name.name, item->kind == ZKHSM_RECORD_KIND_KEY ? (const uint8_t *)item->id :
	       item->element, item->kind == ZKHSM_RECORD_KIND_KEY ? name.name_len :
	       ZKHSM_HASH_LEN);
	zkhsm_store_name(&name, text);
	/* Everything there is: then what is not there goes by itself. */
	if (!item->record && c->full)
		return 0;
	return zkhsm_store_change_add(c, text, item->record, item->record_len);
}

static int on_item(const struct zkhsm_seal_item *item, void *arg)
{
	struct store_change *c = arg;

	if (item->kind)
		return on_record(item, c);
	c->sequence = item->sequence;
	c->head = zkhsm_copy(item->head, item->head_len);
	c->head_len = item->head_len;
	if (item->kek_blob) {
		c->kek_blob = zkhsm_copy(item->kek_blob, item->kek_blob_len);
		c->kek_blob_len = item->kek_blob_len;
	}
	return c->head && (c->kek_blob || !item->kek_blob) ? 0 : -ENOMEM;
}

/* What has been sealed must be what the unsealing of it will ask for. */
static int take_dump(struct zkhsm_store *s, struct zkhsm_nl *nl,
		     const struct zkhsm_seal_request *request, const struct zkhsm_hsm_info *info,
		     struct store_change *c, struct zkhsm_error *err)
{
	struct zkhsm_sealed head;
	int ret;

	c->full = request->full || request->rekey;
	memcpy(c->instance, info->instance_id, sizeof(c->instance));
	ret = s->kernel->seal(nl, request, on_item, c, err);
	if (ret)
		return ret;
	zkhsm_store_change_merge(c);
	if (zkhsm_store_change_sort(c))
		return zkhsm_fail(err, -EPROTO, "the kernel gave out a record twice");
	ret = zkhsm_store_change_check(c, "what the kernel sealed", err);
	if (ret)
		return ret;
	zkhsm_sealed_decode(&head, c->head, c->head_len);
	if (memcmp(head.hsm_id, info->hsm_id, sizeof(head.hsm_id)))
		return zkhsm_fail(err, -EPROTO, "the kernel sealed another HSM");
	if (c->full && c->count != head.records)
		return zkhsm_fail(err, -EPROTO,
				  "the kernel gave out %zu records, its head counts %u", c->count,
				  head.records);
	return 0;
}

/*
 * Makes what was stored last durable outside of its journal, whose place the
 * next one will take. *@known: the kernel has committed just this.
 */
static int settle(struct zkhsm_store *s, const struct zkhsm_hsm_info *info, bool *known,
		  struct zkhsm_error *err)
{
	struct store_change last;
	struct zkhsm_sealed head;
	int ret;

	*known = false;
	ret = zkhsm_store_redo_journal(s, true, &last, err);
	if (ret == -ENOENT)
		return 0;
	if (ret)
		return ret;
	zkhsm_sealed_decode(&head, last.head, last.head_len);
	*known = last.sequence == info->sequence &&
		 !memcmp(last.instance, info->instance_id, sizeof(last.instance)) &&
		 !memcmp(head.kek_id, info->kek_id, sizeof(head.kek_id));
	if (memcmp(head.hsm_id, info->hsm_id, sizeof(head.hsm_id)))
		ret = zkhsm_fail(err, -EKEYREJECTED,
				 "the store %s is of another HSM: nothing was written", s->path);
	zkhsm_store_change_free(&last);
	return ret;
}

static int make_change(struct zkhsm_store *s, struct zkhsm_nl *nl, const struct store_change *c,
		       struct zkhsm_stored *out, struct zkhsm_error *err)
{
	struct zkhsm_error later = { 0 };
	int ret;

	ret = zkhsm_store_journal_write(s, c, err);
	ret = ret ? ret : s->kernel->commit(nl, c->sequence, err);
	if (ret)
		return ret;
	/* The journal holds it: what cannot be done now is done before the next one. */
	if (zkhsm_store_redo(s, c, false, &later))
		snprintf(out->note, sizeof(out->note), "%s", later.text);
	out->changed = true;
	out->full = c->full;
	out->sequence = c->sequence;
	for (size_t i = 0; i < c->count; i++) {
		out->records += c->records[i].data != NULL;
		out->removed += !c->records[i].data;
	}
	return 0;
}

int zkhsm_store_seal(struct zkhsm_store *s, struct zkhsm_nl *nl,
		     const struct zkhsm_seal_request *request, bool known,
		     struct zkhsm_stored *out, struct zkhsm_error *err)
{
	struct zkhsm_seal_request what = { 0 };
	struct zkhsm_hsm_info info;
	struct store_change c = { 0 };
	bool same;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = s->kernel->hsm_get(nl, &info, err);
	if (!ret && !info.initialised)
		ret = zkhsm_fail(err, -ENOKEY, "the HSM has no identity yet");
	if (!ret && !info.kek_class)
		ret = zkhsm_fail(err, -ENOKEY, "this HSM has no KEK: nothing of it can be stored");
	ret = ret ? ret : settle(s, &info, &same, err);
	if (ret)
		return ret;
	if (request)
		what = *request;
	if (!known && !same)
		what.full = true;
	out->sequence = info.sequence;
	if (!info.unsealed && !what.full && !what.rekey)
		return 0;
	ret = take_dump(s, nl, &what, &info, &c, err);
	ret = ret ? ret : make_change(s, nl, &c, out, err);
	zkhsm_store_change_free(&c);
	return ret;
}

int zkhsm_store_sync(struct zkhsm_store *s, struct zkhsm_nl *nl,
		     const struct zkhsm_seal_request *request, struct zkhsm_stored *out,
		     struct zkhsm_error *err)
{
	return zkhsm_store_seal(s, nl, request, false, out, err);
}
