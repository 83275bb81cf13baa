// SPDX-License-Identifier: GPL-2.0
/*
 * A change of the store in memory: records that came, records that went, and
 * the head; and what can be said about sealed bytes without the KEK.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_private.h"

bool zkhsm_store_name_valid(const char *name)
{
	uint8_t element[ZKHSM_HASH_LEN];

	if (!strncmp(name, "k-", 2))
		return zkhsm_id_valid((const uint8_t *)name + 2, strlen(name + 2));
	return !strncmp(name, "v-", 2) && !zkhsm_unhex(name + 2, element, sizeof(element));
}

void zkhsm_store_name(const struct zkhsm_sealed *sealed, char out[STORE_NAME_SIZE])
{
	size_t i;

	if (sealed->kind == ZKHSM_RECORD_KIND_KEY) {
		snprintf(out, STORE_NAME_SIZE, "k-%.*s", (int)sealed->name_len,
			 (const char *)sealed->name);
		return;
	}
	memcpy(out, "v-", 3);
	for (i = 0; i < ZKHSM_HASH_LEN; i++)
		snprintf(out + 2 + 2 * i, 3, "%02x", sealed->name[i]);
}

void zkhsm_store_change_free(struct store_change *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->records[i].data);
	free(c->records);
	free(c->head);
	free(c->kek_blob);
	memset(c, 0, sizeof(*c));
}

int zkhsm_store_change_add(struct store_change *c, const char *name, const uint8_t *data,
			   size_t len)
{
	struct store_record *r;

	if (c->count == c->size) {
		size_t size = c->size ? c->size * 2 : 16;

		r = realloc(c->records, size * sizeof(*r));
		if (!r)
			return -ENOMEM;
		c->records = r;
		c->size = size;
	}
	r = &c->records[c->count];
	memset(r, 0, sizeof(*r));
	snprintf(r->name, sizeof(r->name), "%s", name);
	if (data) {
		r->data = zkhsm_copy(data, len);
		if (!r->data)
			return -ENOMEM;
		r->len = len;
	}
	c->count++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct store_record *)a)->name,
		      ((const struct store_record *)b)->name);
}

int zkhsm_store_change_sort(struct store_change *c)
{
	size_t i;

	if (c->count)
		qsort(c->records, c->count, sizeof(*c->records), by_name);
	for (i = 1; i < c->count; i++)
		if (!by_name(&c->records[i - 1], &c->records[i]))
			return -EINVAL;
	return 0;
}

void zkhsm_store_change_merge(struct store_change *c)
{
	size_t i, n = 0;

	if (c->count)
		qsort(c->records, c->count, sizeof(*c->records), by_name);
	for (i = 0; i < c->count; i++) {
		const struct store_record *r = &c->records[i];

		if (n && !r->data && !c->records[n - 1].data && !by_name(&c->records[n - 1], r))
			continue;
		c->records[n++] = *r;
	}
	c->count = n;
}

const struct store_record *zkhsm_store_change_find(const struct store_change *c, const char *name)
{
	struct store_record key = { .data = NULL };

	if (!c->count)
		return NULL;
	snprintf(key.name, sizeof(key.name), "%s", name);
	return bsearch(&key, c->records, c->count, sizeof(*c->records), by_name);
}

static int fail_for(struct zkhsm_error *err, int code, uint32_t reason, const char *where,
		    const char *what)
{
	zkhsm_error_set(err, code, "%s: %s", where, what);
	if (err)
		err->reason = reason;
	return code;
}

static int decode(const char *where, const uint8_t *data, size_t len, uint8_t type,
		  struct zkhsm_sealed *out, struct zkhsm_error *err)
{
	int ret = zkhsm_sealed_decode(out, data, len);

	if (ret == -EOPNOTSUPP)
		return fail_for(err, ret, ZKHSM_REASON_NOT_SUPPORTED, where,
				"written by a later version");
	if (!ret && out->type == type)
		return 0;
	return fail_for(err, -EBADMSG, ZKHSM_REASON_MALFORMED, where,
			type == ZKHSM_WIRE_SEALED_HEAD ? "no sealed head: truncated or changed" :
			"no sealed record: truncated or changed");
}

int zkhsm_store_head_check(const char *where, const uint8_t *data, size_t len,
			   struct zkhsm_sealed *out, struct zkhsm_error *err)
{
	return decode(where, data, len, ZKHSM_WIRE_SEALED_HEAD, out, err);
}

int zkhsm_store_record_check(const char *where, const char *name, const uint8_t *data, size_t len,
			     const struct zkhsm_sealed *head, struct zkhsm_error *err)
{
	char own[STORE_NAME_SIZE];
	struct zkhsm_sealed r;
	int ret;

	ret = decode(where, data, len, ZKHSM_WIRE_SEALED_RECORD, &r, err);
	if (ret)
		return ret;
	zkhsm_store_name(&r, own);
	if (strcmp(own, name))
		return zkhsm_fail(err, -EINVAL, "%s: is the record %s: files were swapped", where,
				  own);
	if (memcmp(r.hsm_id, head->hsm_id, sizeof(r.hsm_id)))
		return fail_for(err, -EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, where,
				"a record of another HSM than the head");
	if (memcmp(r.kek_id, head->kek_id, sizeof(r.kek_id)))
		return fail_for(err, -ENOKEY, ZKHSM_REASON_OTHER_KEK, where,
				"sealed under another KEK than the head");
	if (r.sequence > head->sequence)
		return fail_for(err, -ESTALE, ZKHSM_REASON_RECORD_NEWER, where,
				"a record that is newer than the head");
	return 0;
}

int zkhsm_store_change_check(const struct store_change *c, const char *where,
			     struct zkhsm_error *err)
{
	struct zkhsm_sealed head;
	char record[384];
	int ret;

	snprintf(record, sizeof(record), "%s: head", where);
	ret = zkhsm_store_head_check(record, c->head, c->head_len, &head, err);
	if (ret)
		return ret;
	if (head.sequence != c->sequence)
		return zkhsm_fail(err, -EBADMSG, "%s: the head has another sequence", where);
	if (!c->kek_blob != (head.kek_class != ZKHSM_KEK_CLASS_TPM))
		return zkhsm_fail(err, -EBADMSG, "%s: %s", where, c->kek_blob ?
				  "a KEK of the TPM's, which the head is not under" :
				  "lacks the KEK that the TPM sealed");
	for (size_t i = 0; i < c->count; i++) {
		const struct store_record *r = &c->records[i];

		if (!r->data)
			continue;
		snprintf(record, sizeof(record), "%s: %s", where, r->name);
		ret = zkhsm_store_record_check(record, r->name, r->data, r->len, &head, err);
		if (ret)
			return ret;
	}
	return 0;
}
