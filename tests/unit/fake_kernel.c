// SPDX-License-Identifier: GPL-2.0
/*
 * fake_kernel.c - see fake_kernel.h
 */
#include "fake_kernel.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "powercut.h"

#define TAG	"0123456789abcdef"

struct fake_kernel fake_hsm;

void fake_reset(void)
{
	for (size_t i = 0; i < fake_hsm.count; i++) {
		free(fake_hsm.keys[i].record);
		free(fake_hsm.keys[i].given);
	}
	memset(&fake_hsm, 0, sizeof(fake_hsm));
	RAND_bytes(fake_hsm.instance, sizeof(fake_hsm.instance));
}

void fake_new(uint8_t hsm, uint32_t kek_class)
{
	fake_reset();
	fake_hsm.there = true;
	fake_hsm.boot_count = 1;
	fake_hsm.kek_class = kek_class;
	fake_hsm.head_dirty = true;
	memset(fake_hsm.hsm_id, hsm, sizeof(fake_hsm.hsm_id));
	memset(fake_hsm.kek_id, 0x11, sizeof(fake_hsm.kek_id));
	memset(fake_hsm.next_kek_id, 0x22, sizeof(fake_hsm.next_kek_id));
}

/* With the power, or with the process that asks. */
static bool gone(void)
{
	return fake_hsm.dead || powercut_happened();
}

static struct fake_key *find(const char *name)
{
	for (size_t i = 0; i < fake_hsm.count; i++)
		if (!strcmp(fake_hsm.keys[i].name, name))
			return &fake_hsm.keys[i];
	snprintf(fake_hsm.keys[fake_hsm.count].name, STORE_NAME_SIZE, "%s", name);
	return &fake_hsm.keys[fake_hsm.count++];
}

void fake_set(const char *name, uint32_t content)
{
	struct fake_key *k = find(name);

	k->content = content;
	k->there = true;
	k->dirty = true;
}

void fake_del(const char *name)
{
	struct fake_key *k = find(name);

	k->there = false;
	k->dirty = true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct fake_key *const *)a)->name,
		      (*(const struct fake_key *const *)b)->name);
}

char *fake_state(void)
{
	const struct fake_key *sorted[FAKE_KEYS_MAX];
	char *text = NULL;
	size_t size, n = 0;
	FILE *f = open_memstream(&text, &size);

	for (size_t i = 0; i < fake_hsm.count; i++)
		if (fake_hsm.keys[i].there)
			sorted[n++] = &fake_hsm.keys[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s=%u", i ? " " : "", sorted[i]->name, sorted[i]->content);
	fclose(f);
	return text;
}

static uint8_t *seal(struct zkhsm_sealed *s, const void *body, size_t body_len, size_t *len)
{
	uint8_t *out = malloc(ZKHSM_SEALED_CLEAR_MAX_LEN + body_len + ZKHSM_SEAL_TAG_LEN);
	int n;

	RAND_bytes(s->salt, sizeof(s->salt));
	s->body_len = (uint32_t)body_len;
	n = zkhsm_sealed_encode(s, out, ZKHSM_SEALED_CLEAR_MAX_LEN);
	memcpy(out + n, body, body_len);
	memcpy(out + n + body_len, TAG, ZKHSM_SEAL_TAG_LEN);
	*len = (size_t)n + body_len + ZKHSM_SEAL_TAG_LEN;
	return out;
}

uint8_t *fake_record(const char *name, const uint8_t hsm_id[32], const uint8_t kek_id[16],
		     uint64_t sequence, uint32_t content, size_t *len)
{
	struct zkhsm_sealed s = { .type = ZKHSM_WIRE_SEALED_RECORD, .sequence = sequence };

	memcpy(s.hsm_id, hsm_id, sizeof(s.hsm_id));
	memcpy(s.kek_id, kek_id, sizeof(s.kek_id));
	if (name[0] == 'k') {
		s.kind = ZKHSM_RECORD_KIND_KEY;
		s.name_len = (uint8_t)strlen(name + 2);
		memcpy(s.name, name + 2, s.name_len);
	} else {
		s.kind = ZKHSM_RECORD_KIND_VOTES;
		s.name_len = ZKHSM_HASH_LEN;
		zkhsm_unhex(name + 2, s.name, ZKHSM_HASH_LEN);
	}
	return seal(&s, &content, sizeof(content), len);
}

static void add_digest(uint8_t set[32], const uint8_t *record, size_t len)
{
	uint8_t digest[32];

	zkhsm_sha256(record, len, digest);
	for (int i = 0; i < 32; i++)
		set[i] ^= digest[i];
}

static uint32_t unsealed(void)
{
	uint32_t n = fake_hsm.head_dirty;

	for (size_t i = 0; i < fake_hsm.count; i++)
		n += fake_hsm.keys[i].dirty;
	return n;
}

static int fake_get(struct zkhsm_nl *nl, struct zkhsm_hsm_info *out, struct zkhsm_error *err)
{
	(void)nl;
	if (gone())
		return zkhsm_fail(err, -EIO, "dead");
	memset(out, 0, sizeof(*out));
	out->initialised = fake_hsm.there;
	memcpy(out->hsm_id, fake_hsm.hsm_id, 32);
	memcpy(out->instance_id, fake_hsm.instance, 16);
	memcpy(out->kek_id, fake_hsm.kek_id, 16);
	out->kek_class = fake_hsm.kek_class;
	out->sequence = fake_hsm.committed;
	out->unsealed = unsealed();
	return 0;
}

static int give_key(struct fake_key *k, const uint8_t kek_id[16],
		    int (*fn)(const struct zkhsm_seal_item *item, void *arg), void *arg)
{
	struct zkhsm_seal_item item = { 0 };

	free(k->given);
	k->given = NULL;
	item.kind = k->name[0] == 'k' ? ZKHSM_RECORD_KIND_KEY : ZKHSM_RECORD_KIND_VOTES;
	if (k->name[0] == 'k')
		strcpy(item.id, k->name + 2);
	else
		zkhsm_unhex(k->name + 2, item.element, ZKHSM_HASH_LEN);
	if (k->there) {
		k->given = fake_record(k->name, fake_hsm.hsm_id, kek_id, fake_hsm.sequence, k->content,
				       &k->given_len);
		item.record = k->given;
		item.record_len = k->given_len;
		return fn(&item, arg);
	}
	/* As the kernel does when two keys of this id have gone. */
	return fn(&item, arg) ? -EIO : fn(&item, arg);
}

static int give_head(const uint8_t kek_id[16],
		     int (*fn)(const struct zkhsm_seal_item *item, void *arg), void *arg)
{
	struct zkhsm_sealed s = {
		.type = ZKHSM_WIRE_SEALED_HEAD, .sequence = fake_hsm.sequence,
		.kek_class = (uint8_t)fake_hsm.kek_class, .boot_count = fake_hsm.boot_count,
	};
	struct zkhsm_seal_item item = { .sequence = fake_hsm.sequence };
	uint8_t set[32] = { 0 }, *head;
	int ret;

	for (size_t i = 0; i < fake_hsm.count; i++) {
		const struct fake_key *k = &fake_hsm.keys[i];

		if (!k->there)
			continue;
		s.records++;
		add_digest(set, k->given ? k->given : k->record, k->given ? k->given_len : k->len);
	}
	memcpy(s.hsm_id, fake_hsm.hsm_id, 32);
	memcpy(s.kek_id, kek_id, 16);
	head = seal(&s, set, sizeof(set), &item.head_len);
	item.head = head;
	if (fake_hsm.kek_class == ZKHSM_KEK_CLASS_TPM) {
		item.kek_blob = kek_id;
		item.kek_blob_len = 16;
	}
	ret = fn(&item, arg);
	free(head);
	return ret;
}

static int fake_seal(struct zkhsm_nl *nl, const struct zkhsm_seal_request *request,
		     int (*fn)(const struct zkhsm_seal_item *item, void *arg), void *arg,
		     struct zkhsm_error *err)
{
	const uint8_t *kek_id = request->rekey ? fake_hsm.next_kek_id : fake_hsm.kek_id;
	int ret = 0;

	(void)nl;
	if (gone())
		return zkhsm_fail(err, -EIO, "dead");
	fake_hsm.given = ++fake_hsm.sequence;
	fake_hsm.given_rekey = request->rekey;
	for (size_t i = 0; i < fake_hsm.count && !ret; i++) {
		struct fake_key *k = &fake_hsm.keys[i];

		free(k->given);
		k->given = NULL;
		if (k->dirty || ((request->full || request->rekey) && k->there))
			ret = give_key(k, kek_id, fn, arg);
	}
	ret = ret ? ret : give_head(kek_id, fn, arg);
	return ret ? zkhsm_fail(err, ret, "reader failed") : 0;
}

static int fake_commit(struct zkhsm_nl *nl, uint64_t sequence, struct zkhsm_error *err)
{
	(void)nl;
	if (gone() || fake_hsm.refuse_commit)
		return zkhsm_fail(err, -EIO, "dead");
	if (!sequence || sequence != fake_hsm.given)
		return zkhsm_fail(err, -ESTALE, "not the one given out last");
	for (size_t i = 0; i < fake_hsm.count; i++) {
		struct fake_key *k = &fake_hsm.keys[i];

		k->dirty = false;
		if (!k->given)
			continue;
		free(k->record);
		k->record = k->given;
		k->len = k->given_len;
		k->given = NULL;
	}
	if (fake_hsm.given_rekey)
		memcpy(fake_hsm.kek_id, fake_hsm.next_kek_id, 16);
	fake_hsm.head_dirty = false;
	fake_hsm.committed = sequence;
	fake_hsm.given = 0;
	fake_hsm.commits++;
	return 0;
}

static int fake_begin(struct zkhsm_nl *nl, const struct zkhsm_unseal_request *request,
		      struct zkhsm_error *err)
{
	uint8_t instance[16];

	(void)nl;
	if (fake_hsm.there)
		return zkhsm_fail(err, -EEXIST, "there is an identity");
	memcpy(instance, fake_hsm.instance, 16);
	fake_reset();
	memcpy(fake_hsm.instance, instance, 16);
	if (zkhsm_sealed_decode(&fake_hsm.head, request->head.data, request->head.len))
		return zkhsm_fail(err, -EBADMSG, "no head");
	memcpy(fake_hsm.set, fake_hsm.head.body, 32);
	fake_hsm.kek_class = fake_hsm.head.kek_class;
	if ((fake_hsm.kek_class == ZKHSM_KEK_CLASS_TPM) != (request->kek_blob.len == 16))
		return zkhsm_fail(err, -ENOKEY, "no KEK");
	return 0;
}

static int fake_add(struct zkhsm_nl *nl, const struct zkhsm_bytes *records, size_t count,
		    size_t *done, struct zkhsm_error *err)
{
	struct zkhsm_sealed s;
	char name[STORE_NAME_SIZE];
	struct fake_key *k;

	(void)nl;
	for (*done = 0; *done < count && *done < 3; (*done)++) {
		const struct zkhsm_bytes *r = &records[*done];

		if (zkhsm_sealed_decode(&s, r->data, r->len) || memcmp(s.tag, TAG, 16))
			return zkhsm_fail(err, -EKEYREJECTED, "not authentic");
		zkhsm_store_name(&s, name);
		k = find(name);
		memcpy(&k->content, s.body, sizeof(k->content));
		k->there = true;
		k->record = zkhsm_copy(r->data, r->len);
		k->len = r->len;
	}
	return 0;
}

static int fake_finish(struct zkhsm_nl *nl, struct zkhsm_unseal_result *out,
		       struct zkhsm_error *err)
{
	uint8_t set[32] = { 0 };
	int ret = 0;

	(void)nl;
	for (size_t i = 0; i < fake_hsm.count; i++)
		add_digest(set, fake_hsm.keys[i].record, fake_hsm.keys[i].len);
	if (fake_hsm.count != fake_hsm.head.records) {
		ret = zkhsm_fail(err, -ENODATA, "not as many");
		err->reason = ZKHSM_REASON_RECORDS_MISSING;
	} else if (memcmp(set, fake_hsm.set, 32) != 0) {
		ret = zkhsm_fail(err, -ESTALE, "not those");
		err->reason = ZKHSM_REASON_RECORD_OLDER;
	}
	if (ret)
		return ret;
	fake_hsm.there = true;
	fake_hsm.head_dirty = true;
	memcpy(fake_hsm.hsm_id, fake_hsm.head.hsm_id, 32);
	memcpy(fake_hsm.kek_id, fake_hsm.head.kek_id, 16);
	memset(fake_hsm.next_kek_id, 0x33, sizeof(fake_hsm.next_kek_id));
	fake_hsm.sequence = fake_hsm.head.sequence;
	fake_hsm.committed = fake_hsm.head.sequence;
	fake_hsm.boot_count = fake_hsm.head.boot_count + 1;
	out->sequence = fake_hsm.sequence;
	out->boot_count = fake_hsm.boot_count;
	out->records = (uint32_t)fake_hsm.count;
	return 0;
}

const struct zkhsm_store_kernel fake_ops = {
	.hsm_get = fake_get,
	.seal = fake_seal,
	.commit = fake_commit,
	.unseal_begin = fake_begin,
	.unseal_add = fake_add,
	.unseal_finish = fake_finish,
};
