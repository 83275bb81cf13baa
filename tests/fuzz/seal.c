// SPDX-License-Identifier: GPL-2.0
/*
 * seal.c - what comes back after a reboot: sealed heads and records as far as
 * they are clear, what is in them once they are decrypted, and shares of a KEK,
 * as bytes and as people bring them. What is accepted, encoded again, is what
 * was given, byte for byte.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static uint8_t again[ZKHSM_HEAD_BODY_MAX_LEN + 65536];

static void same(int len, const uint8_t *data, size_t expected)
{
	FUZZ_ASSERT(len >= 0 && (size_t)len == expected);
	FUZZ_ASSERT(!memcmp(again, data, expected));
}

static void sealed(const uint8_t *data, size_t size)
{
	struct zkhsm_sealed s;
	int ret = zkhsm_sealed_decode(&s, data, size);

	FUZZ_ASSERT(!ret || ret == -EBADMSG || ret == -EOPNOTSUPP);
	if (ret == -EOPNOTSUPP)
		FUZZ_ASSERT(size >= ZKHSM_HEADER_LEN && (data[6] || data[7] > 1));
	if (ret)
		return;
	FUZZ_ASSERT(s.sequence && s.body == data + s.clear_len && s.tag == s.body + s.body_len &&
		    s.tag + ZKHSM_SEAL_TAG_LEN == data + size);
	FUZZ_ASSERT(s.clear_len <= ZKHSM_SEALED_CLEAR_MAX_LEN);
	same(zkhsm_sealed_encode(&s, again, sizeof(again)), data, s.clear_len);
	FUZZ_ASSERT(zkhsm_sealed_encode(&s, again, s.clear_len - 1) == -EMSGSIZE);
}

static void key_body(const uint8_t *data, size_t size)
{
	struct zkhsm_key_body b;
	int ret = zkhsm_key_body_decode(&b, data, size);

	FUZZ_ASSERT(!ret || ret == -EBADMSG);
	if (ret)
		return;
	FUZZ_ASSERT(size == ZKHSM_KEY_BODY_LEN);
	same(zkhsm_key_body_encode(&b, again, sizeof(again)), data, size);
}

static void votes(const uint8_t *data, size_t size)
{
	struct zkhsm_votes_reader v;
	struct zkhsm_vote_entry e;
	const uint8_t *at;
	unsigned int count = 0;
	int ret;

	if (zkhsm_votes_begin(&v, data, size))
		return;
	same(zkhsm_votes_head_encode(v.stopped, v.count, again, sizeof(again)), data,
	     ZKHSM_VOTES_HEAD_LEN);
	for (at = v.r.p; (ret = zkhsm_votes_next(&v, &e)) > 0; at = v.r.p, count++)
		same(zkhsm_vote_entry_encode(&e, again, sizeof(again)), at, (size_t)(v.r.p - at));
	FUZZ_ASSERT(ret == -EBADMSG || (!ret && count && count == v.count && at == data + size));
	FUZZ_ASSERT(zkhsm_votes_next(&v, &e) == ret);
}

static void head_body(const uint8_t *data, size_t size)
{
	struct zkhsm_managers_reader m;
	struct zkhsm_manager_entry e;
	struct zkhsm_head_body b;
	unsigned int count = 0;
	const uint8_t *at;
	int ret;

	if (zkhsm_head_body_decode(&b, &m, data, size))
		return;
	same(zkhsm_head_body_encode(&b, again, sizeof(again)), data, (size_t)(m.r.p - data));
	for (at = m.r.p; (ret = zkhsm_managers_next(&m, &e)) > 0; at = m.r.p, count++)
		same(zkhsm_manager_entry_encode(&e, again, sizeof(again)), at,
		     (size_t)(m.r.p - at));
	FUZZ_ASSERT(ret == -EBADMSG || (!ret && count == b.manager_count && at == data + size));
	FUZZ_ASSERT(zkhsm_managers_next(&m, &e) == ret);
}

static void share(const uint8_t *data, size_t size)
{
	struct zkhsm_share s;
	int ret = zkhsm_share_decode(&s, data, size);

	FUZZ_ASSERT(!ret || ret == -EBADMSG);
	if (ret)
		return;
	FUZZ_ASSERT(size == ZKHSM_SHARE_CHECKED_LEN && s.threshold >= 2 &&
		    s.threshold <= ZKHSM_SHARES_MAX && s.index && s.index <= ZKHSM_SHARES_MAX);
	same(zkhsm_share_encode(&s, again, sizeof(again)), data, size);
}

/* Whether it is the one file of this share, of so many, with this label. */
static void is_the_file(const char *typed, const uint8_t data[ZKHSM_SHARE_LEN])
{
	static const char label[] = "-----BEGIN ZKHSM SHARE-----\nlabel: ";
	char name[ZKHSM_LABEL_MAX_LEN + 1] = "", written[ZKHSM_SHARE_TEXT_SIZE];
	const char *p = typed + strlen(label);
	bool found = false;

	if (strncmp(typed, label, strlen(label)) == 0) {
		FUZZ_ASSERT(strcspn(p, "\n") && strcspn(p, "\n") < sizeof(name));
		memcpy(name, p, strcspn(p, "\n"));
	}
	for (uint32_t count = 2; count <= ZKHSM_SHARES_MAX; count++)
		found |= !zkhsm_share_text(data, count, *name ? name : NULL, written, NULL) &&
			 strcmp(typed, written) == 0;
	FUZZ_ASSERT(found);
}

/* From a file or typed; what is read can be written, and is read as the same. */
static void text(const char *typed)
{
	uint8_t data[ZKHSM_SHARE_LEN], reread[ZKHSM_SHARE_LEN];
	char written[ZKHSM_SHARE_TEXT_SIZE];
	struct zkhsm_share s;
	int ret = zkhsm_share_parse(typed, data, NULL);

	FUZZ_ASSERT(!ret || ret == -EBADMSG);
	if (ret)
		return;
	FUZZ_ASSERT(!zkhsm_share_decode(&s, data, ZKHSM_SHARE_CHECKED_LEN));
	if (strncmp(typed, "-----", 5) == 0)
		is_the_file(typed, data);
	FUZZ_ASSERT(!zkhsm_share_text(data, ZKHSM_SHARES_MAX, NULL, written, NULL));
	FUZZ_ASSERT(!zkhsm_share_parse(written, reread, NULL));
	FUZZ_ASSERT(!memcmp(data, reread, sizeof(data)));
}

/* The share of these bytes with its check right, so that one can be changed. */
static void checked_text(const struct fuzz_piece *p)
{
	uint8_t data[ZKHSM_SHARE_LEN] = { 0 }, digest[32];
	char *code;

	memcpy(data, p->data, p->len < ZKHSM_SHARE_CHECKED_LEN ? p->len : ZKHSM_SHARE_CHECKED_LEN);
	zkhsm_sha256(data, ZKHSM_SHARE_CHECKED_LEN, digest);
	memcpy(data + ZKHSM_SHARE_CHECKED_LEN, digest, ZKHSM_SHARE_CHECK_LEN);
	code = zkhsm_b64(data, sizeof(data));
	FUZZ_ASSERT(code);
	text(code);
	free(code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_piece p;
	char *typed;

	if (!size)
		return 0;
	fuzz_cut(data + 1, size - 1, &p, 1);
	typed = fuzz_string(&p);
	switch (data[0] % 7) {
	case 0:
		sealed(p.data, p.len);
		break;
	case 1:
		key_body(p.data, p.len);
		break;
	case 2:
		votes(p.data, p.len);
		break;
	case 3:
		head_body(p.data, p.len);
		break;
	case 4:
		share(p.data, p.len);
		break;
	case 5:
		text(typed);
		break;
	default:
		checked_text(&p);
	}
	free(typed);
	fuzz_free(&p, 1);
	return 0;
}
