// SPDX-License-Identifier: GPL-2.0
/*
 * verify.c - evidence, proofs, announcements and orders; nothing is accepted
 * but what tests/vectors has, because a fuzzer cannot make a true proof
 *
 * Input: kind and flags, then the pieces that the kind has. FIX puts right the
 * digests that say what belongs together, which mutation alone would never
 * get past. The bytes of the signed and the proved are never made right.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { EVIDENCE, PROOF, ANNOUNCEMENT, ORDER, KINDS };

#define FIX	4
#define WITHOUT	8	/* configuration, or OtherInfo */
#define PIECES	4

/* What is behind list_digest in S, and the proof. */
#define TAIL	(32 + 4 + 32 + 1 + 2 + ZKHSM_PROOF_LEN)

struct input {
	unsigned int kind;
	bool without;
	struct fuzz_piece p[PIECES];
};

/* Digests of what verified. */
static uint8_t (*known)[32];
static size_t known_count;

static void fix(struct input *in)
{
	struct fuzz_piece *list = &in->p[0], *config = &in->p[1], *e = &in->p[2];

	if (in->kind == ORDER && in->p[0].len == 65 && in->p[1].len >= 40)
		zkhsm_sha256(in->p[0].data, 65, in->p[1].data + 8);
	if (in->kind != EVIDENCE || e->len < 8 + 32 + 65 + TAIL)
		return;
	zkhsm_sha256(e->data + 8 + 32, 65, e->data + 8);
	zkhsm_sha256(list->data, list->len, e->data + e->len - TAIL);
	if (list->len >= ZKHSM_LIST_HEAD_LEN)
		memcpy(e->data + e->len - TAIL + 32, list->data + 8, 4);
	zkhsm_sha256(config->data, config->len, e->data + e->len - TAIL + 36);
}

static int evidence(const struct input *in, struct zkhsm_error *err)
{
	struct zkhsm_statement s;
	struct zkhsm_keylist *l;
	int ret = zkhsm_keylist_new(in->p[0].data, in->p[0].len, &l, err);

	if (ret)
		return ret;
	ret = zkhsm_verify_evidence(in->p[2].data, in->p[2].len, l,
				    in->without ? NULL : in->p[1].data, in->p[1].len, &s, err);
	zkhsm_keylist_free(l);
	return ret;
}

static int verify(const struct input *in, struct zkhsm_error *err)
{
	const struct fuzz_piece *p = in->p;
	struct zkhsm_announcement a;
	struct zkhsm_order o;

	if (in->kind == EVIDENCE)
		return evidence(in, err);
	/* Of these the caller has made sure. */
	if (p[0].len != ZKHSM_POINT_LEN || (in->kind == PROOF && p[3].len != ZKHSM_PROOF_LEN))
		return zkhsm_fail(err, -EINVAL, "of another length");
	if (in->kind == PROOF)
		return zkhsm_verify_proof(p[0].data, p[1].data, p[1].len,
					  in->without ? NULL : p[2].data,
					  in->without ? 0 : p[2].len, p[3].data, err);
	if (in->kind == ANNOUNCEMENT)
		return zkhsm_verify_announcement(p[0].data, p[1].data, p[1].len, &a, err);
	return zkhsm_order_verify(p[0].data, p[1].data, p[1].len, &o, err);
}

static uint8_t *add(uint8_t *to, const struct fuzz_piece *p)
{
	put_unaligned_be32((uint32_t)p->len, to);
	memcpy(to + 4, p->data, p->len);
	return to + 4 + p->len;
}

/* Evidence names its list and configuration itself; the rest is taken as it is. */
static void name(const struct input *in, uint8_t out[32])
{
	const struct fuzz_piece *p = in->p;
	uint8_t *all = malloc(2 + PIECES * 4 + p[0].len + p[1].len + p[2].len + p[3].len);
	uint8_t *to = all;

	FUZZ_ASSERT(all);
	*to++ = (uint8_t)in->kind;
	*to++ = in->kind == PROOF && in->without;
	if (in->kind == EVIDENCE) {
		to = add(to, &p[2]);
	} else {
		to = add(add(to, &p[0]), &p[1]);
		if (in->kind == PROOF && !in->without)
			to = add(to, &p[2]);
		if (in->kind == PROOF)
			to = add(to, &p[3]);
	}
	zkhsm_sha256(all, (size_t)(to - all), out);
	free(all);
}

static bool is_known(const uint8_t digest[32])
{
	for (size_t i = 0; i < known_count; i++)
		if (!memcmp(known[i], digest, 32))
			return true;
	return false;
}

static void learn_one(const struct input *in)
{
	if (verify(in, NULL))
		return;
	known = realloc(known, (known_count + 1) * sizeof(*known));
	FUZZ_ASSERT(known);
	name(in, known[known_count++]);
}

/* Whatever its verdict: some are false for reasons that only a manager looks at. */
static void learn(unsigned int kind, const json_t *c, const char *const names[PIECES],
		  const char *public)
{
	struct input in = { .kind = kind };

	for (size_t i = 0; i < PIECES; i++)
		in.p[i] = fuzz_hex(c, names[i]);
	if (public) {
		json_t *o = json_pack("{s:s}", "public", public);

		free(in.p[0].data);
		in.p[0] = fuzz_hex(o, "public");
		json_decref(o);
	}
	in.without = kind == EVIDENCE || !json_is_string(json_object_get(c, "other_info"));
	learn_one(&in);
	/* Many are one true case with one thing wrong, which this puts right. */
	fix(&in);
	learn_one(&in);
	fuzz_free(in.p, PIECES);
}

static void learn_all(unsigned int kind, const char *file, const char *member,
		      const char *const names[PIECES])
{
	json_t *root = fuzz_vectors(file), *c;
	size_t i, before = known_count;

	json_array_foreach(json_object_get(root, member), i, c)
		learn(kind, c, names, kind == ORDER ?
		      json_string_value(json_object_get(root, "public")) : NULL);
	FUZZ_ASSERT(known_count > before);
	json_decref(root);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	learn_all(EVIDENCE, "evidence.json", "cases",
		  (const char *[]){ "list", "configuration", "evidence", "" });
	learn_all(PROOF, "schnorr.json", "cases",
		  (const char *[]){ "public", "user_id", "other_info", "proof" });
	learn_all(ANNOUNCEMENT, "lists.json", "announcements",
		  (const char *[]){ "identity", "announcement", "", "" });
	learn_all(ORDER, "orders.json", "cases", (const char *[]){ "", "order", "", "" });
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zkhsm_error err = { 0 };
	struct input in;
	uint8_t digest[32];
	int ret;

	if (!size)
		return 0;
	in.kind = data[0] % KINDS;
	in.without = data[0] & WITHOUT;
	fuzz_cut(data + 1, size - 1, in.p, PIECES);
	if (data[0] & FIX)
		fix(&in);
	ret = verify(&in, &err);
	FUZZ_ASSERT(err.code == ret);
	FUZZ_ASSERT(!ret || ret == -EBADMSG || ret == -EKEYREJECTED || ret == -EINVAL ||
		    ret == -EOPNOTSUPP);
	if (!ret) {
		name(&in, digest);
		FUZZ_ASSERT(is_known(digest));
	}
	fuzz_free(in.p, PIECES);
	return 0;
}
