// SPDX-License-Identifier: GPL-2.0
/*
 * The whole state of a store, read and looked at as far as that goes without
 * the KEK: each file that is not what its name says is told by name.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_private.h"

/* Where problems go: to somebody who wants all of them, or the first one ends it. */
struct findings {
	void (*fn)(const struct zkhsm_error *problem, void *arg);
	void *arg;
	struct zkhsm_error first;
};

/* Return: 0 to go on. */
static int found(struct findings *f, const struct zkhsm_error *problem)
{
	if (!f->first.code)
		f->first = *problem;
	if (!f->fn)
		return problem->code;
	f->fn(problem, f->arg);
	return 0;
}

static int load_head(const struct zkhsm_store *s, struct store_change *c, struct zkhsm_sealed *head,
		     struct zkhsm_error *err)
{
	char where[256];
	int ret;

	ret = zkhsm_store_read(s, s->dir, "head", ZKHSM_HEAD_MAX_LEN, &c->head, &c->head_len, err);
	zkhsm_store_where(s, s->dir, "head", where, sizeof(where));
	if (ret == -ENOENT)
		return zkhsm_fail(err, ret, "%s: there is none: nothing was stored here", where);
	ret = ret ? ret : zkhsm_store_head_check(where, c->head, c->head_len, head, err);
	if (ret)
		return ret;
	c->sequence = head->sequence;
	if (head->kek_class != ZKHSM_KEK_CLASS_TPM)
		return 0;
	ret = zkhsm_store_read(s, s->dir, "kek.tpm", ZKHSM_KEK_BLOB_MAX_LEN, &c->kek_blob,
			       &c->kek_blob_len, err);
	if (ret == -ENOENT)
		zkhsm_fail(err, ret, "%s/kek.tpm: there is none: only with it the TPM gives the KEK",
			   s->path);
	return ret;
}

static int load_record(const struct zkhsm_store *s, const char *name,
		       const struct zkhsm_sealed *head, struct store_change *c,
		       struct zkhsm_error *err)
{
	char where[384];
	uint8_t *data;
	size_t len;
	int ret;

	zkhsm_store_where(s, s->records, name, where, sizeof(where));
	if (!zkhsm_store_name_valid(name))
		return zkhsm_fail(err, -EINVAL, "%s: does not belong here", where);
	ret = zkhsm_store_read(s, s->records, name, ZKHSM_RECORD_MAX_LEN, &data, &len, err);
	if (ret == -EFBIG)
		zkhsm_fail(err, -EBADMSG, "%s: too long for a sealed record", where);
	if (ret)
		return ret;
	ret = zkhsm_store_record_check(where, name, data, len, head, err);
	if (!ret && zkhsm_store_change_add(c, name, data, len))
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
	free(data);
	return ret;
}

static int load_records(const struct zkhsm_store *s, const struct zkhsm_sealed *head,
			struct findings *f, struct store_change *c, struct zkhsm_error *err)
{
	struct zkhsm_error problem;
	struct dirent **names;
	size_t count, i;
	int ret;

	ret = zkhsm_store_list(s, &names, &count, err);
	for (i = 0; i < count && !ret; i++) {
		memset(&problem, 0, sizeof(problem));
		if (load_record(s, names[i]->d_name, head, c, &problem))
			ret = found(f, &problem);
	}
	zkhsm_store_list_free(names, count);
	return ret;
}

/* A record that the index knows, against what is there. */
static int blame_one(const struct zkhsm_store *s, const struct store_change *c, const char *name,
		     uint64_t sequence, struct zkhsm_error *problem)
{
	const struct store_record *r = zkhsm_store_change_find(c, name);
	struct zkhsm_sealed there;
	char where[384];

	zkhsm_store_where(s, s->records, name, where, sizeof(where));
	if (!r) {
		zkhsm_error_set(problem, -ENODATA, "%s: is missing", where);
		problem->reason = ZKHSM_REASON_RECORDS_MISSING;
	} else if (!zkhsm_sealed_decode(&there, r->data, r->len) && there.sequence < sequence) {
		zkhsm_error_set(problem, -ESTALE, "%s: an old one, of sequence %llu, not %llu",
				where, (unsigned long long)there.sequence,
				(unsigned long long)sequence);
		problem->reason = ZKHSM_REASON_RECORD_OLDER;
	}
	return problem->code;
}

static int blame(const struct zkhsm_store *s, const struct store_change *c,
		 const struct zkhsm_sealed *head, struct findings *f)
{
	json_t *index = zkhsm_store_index_read(s), *sequence;
	struct zkhsm_error problem = { 0 };
	const char *name;
	int ret = 0;

	json_object_foreach(index, name, sequence) {
		memset(&problem, 0, sizeof(problem));
		if (blame_one(s, c, name, (uint64_t)json_integer_value(sequence), &problem))
			ret = found(f, &problem);
		if (ret)
			break;
	}
	for (size_t i = 0; i < c->count && c->count > head->records && !ret; i++) {
		if (json_object_get(index, c->records[i].name))
			continue;
		zkhsm_error_set(&problem, -ENODATA, "%s/records/%s: is one too many", s->path,
				c->records[i].name);
		ret = found(f, &problem);
	}
	json_decref(index);
	/* Without the index, all that can be said is how many. */
	if (!ret && !f->first.code && c->count != head->records) {
		zkhsm_error_set(&problem, -ENODATA, "%s: %zu records are here, the head counts %u",
				s->path, c->count, head->records);
		problem.reason = ZKHSM_REASON_RECORDS_MISSING;
		ret = found(f, &problem);
	}
	return ret;
}

int zkhsm_store_blame(const struct zkhsm_store *s, const struct store_change *c,
		      const struct zkhsm_sealed *head,
		      void (*fn)(const struct zkhsm_error *problem, void *arg), void *arg,
		      struct zkhsm_error *err)
{
	struct findings f = { .fn = fn, .arg = arg };

	blame(s, c, head, &f);
	if (f.first.code && err)
		*err = f.first;
	return f.first.code;
}

int zkhsm_store_load(struct zkhsm_store *s,
		     void (*fn)(const struct zkhsm_error *problem, void *arg), void *arg,
		     struct store_change *out, struct zkhsm_error *err)
{
	struct findings f = { .fn = fn, .arg = arg };
	struct zkhsm_sealed head;
	int ret;

	memset(out, 0, sizeof(*out));
	out->full = true;
	ret = zkhsm_store_redo_journal(s, false, NULL, err);
	if (ret == -ENOENT)
		ret = 0;
	ret = ret ? ret : load_head(s, out, &head, err);
	if (ret)
		goto fail;
	ret = load_records(s, &head, &f, out, err);
	if (!ret && zkhsm_store_change_sort(out))
		ret = zkhsm_fail(err, -EINVAL, "%s: a record is there twice", s->path);
	if (f.first.code && err)
		*err = f.first;
	ret = f.first.code ? f.first.code : ret;
	if (!ret || fn)
		return ret;
fail:
	zkhsm_store_change_free(out);
	return ret;
}

void zkhsm_store_summarise(const struct store_change *c, const struct zkhsm_sealed *head,
			   struct zkhsm_store_summary *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->hsm_id, head->hsm_id, sizeof(out->hsm_id));
	memcpy(out->kek_id, head->kek_id, sizeof(out->kek_id));
	out->kek_class = head->kek_class;
	out->sequence = head->sequence;
	out->boot_count = head->boot_count;
	for (size_t i = 0; i < c->count; i++) {
		out->keys += c->records[i].name[0] == 'k';
		out->votes += c->records[i].name[0] == 'v';
	}
}

int zkhsm_store_check(struct zkhsm_store *s,
		      void (*fn)(const struct zkhsm_error *problem, void *arg), void *arg,
		      struct zkhsm_store_summary *out, struct zkhsm_error *err)
{
	struct zkhsm_error first = { 0 }, second = { 0 };
	struct store_change c;
	struct zkhsm_sealed head;
	int ret, more;

	memset(out, 0, sizeof(*out));
	ret = zkhsm_store_load(s, fn, arg, &c, &first);
	if (ret && !c.head) {
		/* Not even a head, or no reading at all. */
		if (fn)
			fn(&first, arg);
		if (err)
			*err = first;
		return ret;
	}
	zkhsm_sealed_decode(&head, c.head, c.head_len);
	zkhsm_store_summarise(&c, &head, out);
	more = zkhsm_store_blame(s, &c, &head, fn, arg, &second);
	zkhsm_store_change_free(&c);
	if (err && (ret || more))
		*err = ret ? first : second;
	return ret ? ret : more;
}
