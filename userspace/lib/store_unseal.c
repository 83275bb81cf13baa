// SPDX-License-Identifier: GPL-2.0
/*
 * From the store into a kernel that has no identity.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store_private.h"

static int begin(struct zkhsm_store *s, struct zkhsm_nl *nl, const struct store_change *c,
		 const struct zkhsm_sealed *head, int32_t serial, struct zkhsm_error *err)
{
	struct zkhsm_unseal_request request = {
		.head = { c->head, c->head_len },
		.kek_blob = { c->kek_blob, c->kek_blob_len },
		.keyring_serial = serial,
	};
	struct zkhsm_error why = { 0 };
	int ret;

	if (head->kek_class == ZKHSM_KEK_CLASS_KEYRING && !serial)
		return zkhsm_fail(err, -ENOKEY, "%s: sealed under a KEK from the keyring, which was not given",
				  s->path);
	if (head->kek_class != ZKHSM_KEK_CLASS_KEYRING && serial)
		return zkhsm_fail(err, -EINVAL, "%s: not sealed under a KEK from the keyring",
				  s->path);
	ret = s->kernel->unseal_begin(nl, &request, &why);
	if (ret)
		zkhsm_error_set(err, ret, "%s/head: %s", s->path, why.text);
	if (ret && err)
		err->reason = why.reason;
	return ret;
}

/* The kernel opens each record; one that it refuses is told by its file. */
static int add_all(struct zkhsm_store *s, struct zkhsm_nl *nl, const struct store_change *c,
		   struct zkhsm_error *err)
{
	struct zkhsm_bytes *records = calloc(c->count + 1, sizeof(*records));
	struct zkhsm_error why = { 0 };
	size_t at = 0, done = 0;
	int ret = 0;

	if (!records)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < c->count; i++)
		records[i] = (struct zkhsm_bytes){ c->records[i].data, c->records[i].len };
	while (at < c->count && !ret) {
		ret = s->kernel->unseal_add(nl, records + at, c->count - at, &done, &why);
		at += ret ? 0 : done;
	}
	free(records);
	if (!ret)
		return 0;
	if (done < c->count - at)
		zkhsm_error_set(err, ret, "%s/records/%s: %s", s->path, c->records[at + done].name,
				why.text);
	else
		zkhsm_error_set(err, ret, "%s, from records/%s on: %s", s->path,
				c->records[at].name, why.text);
	if (err)
		err->reason = why.reason;
	return ret;
}

static int finish(struct zkhsm_store *s, struct zkhsm_nl *nl, const struct store_change *c,
		  const struct zkhsm_sealed *head, struct zkhsm_unseal_result *out,
		  struct zkhsm_error *err)
{
	struct zkhsm_error which = { 0 };
	int ret;

	ret = s->kernel->unseal_finish(nl, out, err);
	/* The kernel knows that one is not the one; the index has a guess at which. */
	if ((ret == -ESTALE || ret == -ENODATA) && err &&
	    err->reason != ZKHSM_REASON_ROLLBACK &&
	    zkhsm_store_blame(s, c, head, NULL, NULL, &which)) {
		which.reason = err->reason;
		which.code = ret;
		*err = which;
	}
	return ret;
}

int zkhsm_store_unseal(struct zkhsm_store *s, struct zkhsm_nl *nl, int32_t keyring_serial,
		       struct zkhsm_unseal_result *out, bool *unsealed, struct zkhsm_error *err)
{
	struct zkhsm_error why = { 0 };
	struct zkhsm_stored stored;
	struct zkhsm_sealed head;
	struct store_change c;
	int ret;

	*unsealed = false;
	ret = zkhsm_store_load(s, NULL, NULL, &c, err);
	if (ret)
		return ret;
	zkhsm_sealed_decode(&head, c.head, c.head_len);
	/* Shares are to be entered again after a failure, and the TPM gives its KEK once. */
	if (c.count != head.records)
		ret = zkhsm_store_blame(s, &c, &head, NULL, NULL, err);
	ret = ret ? ret : begin(s, nl, &c, &head, keyring_serial, err);
	ret = ret ? ret : add_all(s, nl, &c, err);
	ret = ret ? ret : finish(s, nl, &c, &head, out, err);
	zkhsm_store_change_free(&c);
	if (ret)
		return ret;
	*unsealed = true;
	/* The head of this boot, before the kernel gives any evidence. */
	ret = zkhsm_store_seal(s, nl, NULL, true, &stored, &why);
	if (ret)
		return zkhsm_fail(err, ret, "unsealed, but the head of this boot is not stored: %s",
				  why.text);
	out->sequence = stored.sequence;
	return 0;
}
