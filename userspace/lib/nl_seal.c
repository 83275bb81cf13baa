// SPDX-License-Identifier: GPL-2.0
/*
 * hsm-seal, hsm-unseal: what leaves the kernel encrypted, and its way back.
 * Nothing here is secret; the KEK goes by its serial in the keyring.
 */
#include "nl_private.h"

/* Bytes of records in one request: well below what a message and an attribute hold. */
#define BATCH_SIZE	(48 * 1024)
#define BATCH_MAX	512

struct sealing {
	int (*fn)(const struct zkhsm_seal_item *item, void *arg);
	void *arg;
	bool has_head;
};

/* Where the attribute's bytes are: not copied, of at most @max. */
static int bytes_of(const struct nlattr *a, size_t max, const uint8_t **data, size_t *len)
{
	if (!a || !nla_len(a) || (size_t)nla_len(a) > max)
		return -EPROTO;
	*data = nla_data(a);
	*len = (size_t)nla_len(a);
	return 0;
}

static int read_head(struct nlattr **tb, struct zkhsm_seal_item *item)
{
	if (zkhsm_nl_u64(tb[ZKHSM_A_SEAL_SEQUENCE], &item->sequence) ||
	    bytes_of(tb[ZKHSM_A_SEAL_HEAD], ZKHSM_HEAD_MAX_LEN, &item->head, &item->head_len))
		return -EPROTO;
	if (!tb[ZKHSM_A_SEAL_KEK_BLOB])
		return 0;
	return bytes_of(tb[ZKHSM_A_SEAL_KEK_BLOB], ZKHSM_KEK_BLOB_MAX_LEN, &item->kek_blob,
			&item->kek_blob_len);
}

static int read_record(struct nlattr **tb, struct zkhsm_seal_item *item)
{
	uint32_t removed = 0;

	if (zkhsm_nl_u32(tb[ZKHSM_A_SEAL_KIND], &item->kind))
		return -EPROTO;
	if (item->kind == ZKHSM_RECORD_KIND_KEY) {
		if (zkhsm_nl_string(tb[ZKHSM_A_SEAL_ID], item->id, sizeof(item->id)) ||
		    !zkhsm_id_valid((const uint8_t *)item->id, strlen(item->id)))
			return -EPROTO;
	} else if (item->kind != ZKHSM_RECORD_KIND_VOTES ||
		   zkhsm_nl_bytes(tb[ZKHSM_A_SEAL_ELEMENT], item->element,
				  sizeof(item->element))) {
		return -EPROTO;
	}
	if (tb[ZKHSM_A_SEAL_REMOVED] && zkhsm_nl_u32(tb[ZKHSM_A_SEAL_REMOVED], &removed))
		return -EPROTO;
	if (removed)
		return tb[ZKHSM_A_SEAL_RECORD] ? -EPROTO : 0;
	return bytes_of(tb[ZKHSM_A_SEAL_RECORD], ZKHSM_RECORD_MAX_LEN, &item->record,
			&item->record_len);
}

static int on_item(struct nlattr **tb, void *arg)
{
	struct zkhsm_seal_item item = { 0 };
	struct sealing *s = arg;
	int ret;

	/* The head is the end. */
	if (s->has_head)
		return -EPROTO;
	s->has_head = tb[ZKHSM_A_SEAL_HEAD];
	ret = s->has_head ? read_head(tb, &item) : read_record(tb, &item);
	return ret ? ret : s->fn(&item, s->arg);
}

int zkhsm_hsm_seal(struct zkhsm_nl *nl, const struct zkhsm_seal_request *request,
		   int (*fn)(const struct zkhsm_seal_item *item, void *arg), void *arg,
		   struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_HSM_SEAL, NLM_F_DUMP);
	struct sealing s = { .fn = fn, .arg = arg };
	int ret;

	if (msg && ((request->full && nla_put_u32(msg, ZKHSM_A_SEAL_FULL, 1)) ||
		    (request->rekey && nla_put_u32(msg, ZKHSM_A_SEAL_REKEY, 1)) ||
		    (request->keyring_serial &&
		     nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL,
				 (uint32_t)request->keyring_serial)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	ret = zkhsm_nl_call(nl, &zkhsm_nl_seal, msg, on_item, &s, err);
	if (!ret && !s.has_head)
		ret = zkhsm_fail(err, -EPROTO, "the kernel gave out no sealed head");
	return ret;
}

static int on_commit(struct nlattr **tb, void *arg)
{
	return zkhsm_nl_u64(tb[ZKHSM_A_SEAL_SEQUENCE], arg);
}

int zkhsm_hsm_seal_commit(struct zkhsm_nl *nl, uint64_t sequence, struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_HSM_SEAL, 0);
	uint64_t committed = 0;
	int ret;

	if (msg && nla_put_u64(msg, ZKHSM_A_SEAL_SEQUENCE, sequence)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	ret = zkhsm_nl_call(nl, &zkhsm_nl_seal, msg, on_commit, &committed, err);
	if (!ret && committed != sequence)
		ret = zkhsm_fail(err, -EPROTO, "the kernel committed another sequence");
	return ret;
}

static int on_unseal(struct nlattr **tb, void *arg)
{
	struct zkhsm_unseal_result *r = arg;

	memset(r, 0, sizeof(*r));
	if (zkhsm_nl_u64(tb[ZKHSM_A_SEAL_SEQUENCE], &r->sequence) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_SEAL_BOOT_COUNT], &r->boot_count) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_SEAL_RECORDS], &r->records))
		return -EPROTO;
	return 0;
}

int zkhsm_hsm_unseal_begin(struct zkhsm_nl *nl, const struct zkhsm_unseal_request *request,
			   struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_HSM_UNSEAL, 0);
	struct zkhsm_unseal_result r;

	if (request->head.len > ZKHSM_HEAD_MAX_LEN ||
	    request->kek_blob.len > ZKHSM_KEK_BLOB_MAX_LEN) {
		nlmsg_free(msg);
		return zkhsm_fail(err, -EBADMSG, "a sealed head or KEK that is too long");
	}
	if (msg && (nla_put(msg, ZKHSM_A_SEAL_HEAD, (int)request->head.len, request->head.data) ||
		    (request->keyring_serial &&
		     nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL,
				 (uint32_t)request->keyring_serial)) ||
		    (request->kek_blob.len &&
		     nla_put(msg, ZKHSM_A_SEAL_KEK_BLOB, (int)request->kek_blob.len,
			     request->kek_blob.data)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_seal, msg, on_unseal, &r, err);
}

int zkhsm_hsm_unseal_add(struct zkhsm_nl *nl, const struct zkhsm_bytes *records, size_t count,
			 size_t *done, struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_HSM_UNSEAL, 0);
	struct zkhsm_unseal_result r;
	struct zkhsm_error why = { 0 };
	uint32_t at[BATCH_MAX];
	size_t n, i, used = 0;
	int ret;

	*done = count;
	for (n = 0; msg && n < count && n < BATCH_MAX; n++) {
		if (n && used + records[n].len > BATCH_SIZE)
			break;
		at[n] = nlmsg_hdr(msg)->nlmsg_len;
		if (records[n].len > ZKHSM_RECORD_MAX_LEN ||
		    nla_put(msg, ZKHSM_A_SEAL_RECORD, (int)records[n].len, records[n].data)) {
			nlmsg_free(msg);
			*done = n;
			return zkhsm_fail(err, -EBADMSG, "a sealed record that is too long");
		}
		used += records[n].len + NLA_HDRLEN;
	}
	ret = zkhsm_nl_call(nl, &zkhsm_nl_seal, msg, on_unseal, &r, &why);
	if (!ret)
		*done = n;
	for (i = 0; ret && why.offset && i < n; i++)
		if (at[i] == why.offset)
			*done = i;
	if (ret && err)
		*err = why;
	return ret;
}

int zkhsm_hsm_unseal_finish(struct zkhsm_nl *nl, struct zkhsm_unseal_result *out,
			    struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_HSM_UNSEAL, 0);

	if (msg && nla_put_u32(msg, ZKHSM_A_SEAL_FINISH, 1)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_seal, msg, on_unseal, out, err);
}
