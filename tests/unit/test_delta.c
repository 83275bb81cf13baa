// SPDX-License-Identifier: GPL-2.0
/*
 * test_delta.c - differences between lists
 */
#include "mutate.h"

#include "prover.h"
#include "vectors.h"

struct two {
	struct prover *base, *now;
	uint8_t *delta;
	size_t len;
};

static int apply(const uint8_t *data, size_t len, void *arg)
{
	struct two *t = arg;
	uint8_t *out;
	size_t out_len;
	int ret = zkhsm_list_delta_apply(t->base->list, t->base->list_len, data, len, &out,
					 &out_len, NULL);

	if (ret) {
		assert_null(out);
		assert_int_equal(out_len, 0);
		return ret;
	}
	assert_int_equal(out_len, t->now->list_len);
	assert_memory_equal(out, t->now->list, out_len);
	free(out);
	return 0;
}

static void make(struct two *t)
{
	prover_refresh(t->base);
	prover_refresh(t->now);
	assert_int_equal(zkhsm_list_delta_make(t->base->list, t->base->list_len, t->now->list,
					       t->now->list_len, &t->delta, &t->len, NULL), 0);
}

static struct two two_lists(size_t count)
{
	/* The same seed: the same keys. */
	struct two t = { prover_new("delta", count), prover_new("delta", count), NULL, 0 };

	return t;
}

static void end(struct two *t)
{
	free(t->delta);
	prover_free(t->base);
	prover_free(t->now);
}

static void round_trips(void **state)
{
	struct two t;
	int i;

	(void)state;
	for (i = 0; i < 64; i++) {
		t = two_lists(5);
		if (i & 1)
			prover_key_del(t.now, "key-000000");
		if (i & 2)
			prover_key_del(t.now, "key-000004");
		if (i & 4)
			prover_key(t.now, "key-000002")->entry.state = ZKHSM_KEY_STATE_HELD;
		if (i & 8)
			prover_key_add(t.now, "a-first", NULL);
		if (i & 16)
			prover_key_add(t.now, "z-last", NULL);
		if (i & 32)
			prover_key_add(t.now, "key-000002-b", NULL);
		make(&t);
		assert_int_equal(apply(t.delta, t.len, &t), 0);
		/* Nothing but what changed travels. */
		if (!i)
			assert_int_equal(t.len, ZKHSM_HEADER_LEN + 64 + 8);
		end(&t);
	}
}

static void from_and_to_nothing(void **state)
{
	struct two t = two_lists(0);

	(void)state;
	make(&t);
	assert_int_equal(apply(t.delta, t.len, &t), 0);
	free(t.delta);
	prover_key_add(t.now, "only", NULL);
	make(&t);
	assert_int_equal(apply(t.delta, t.len, &t), 0);
	free(t.delta);
	prover_key_add(t.base, "other", NULL);
	prover_key_del(t.now, "only");
	make(&t);
	assert_int_equal(apply(t.delta, t.len, &t), 0);
	end(&t);
}

static void mutations(void **state)
{
	const size_t digest = ZKHSM_HEADER_LEN, new_digest = digest + ZKHSM_HASH_LEN;
	struct two t = two_lists(4);
	size_t i;

	(void)state;
	prover_key_del(t.now, "key-000001");
	prover_key_del(t.now, "key-000002");
	prover_key(t.now, "key-000003")->entry.usage = ZKHSM_KEY_USAGE_SIGN;
	prover_key_add(t.now, "new", NULL);
	make(&t);
	mutate_length(t.delta, t.len, apply, &t, -EBADMSG);
	for (i = 0; i < t.len; i++) {
		int ret;

		t.delta[i] ^= 1;
		ret = apply(t.delta, t.len, &t);
		t.delta[i] ^= 1;
		if (i >= digest && i < new_digest)
			assert_int_equal(ret, -ESTALE);
		else if (i >= new_digest && i < new_digest + ZKHSM_HASH_LEN)
			assert_int_equal(ret, -EKEYREJECTED);
		else if (i < digest)
			assert_int_equal(ret, -EBADMSG);
		else
			assert_true(ret == -EBADMSG || ret == -EKEYREJECTED);
	}
	end(&t);
}

static void wrong_bases(void **state)
{
	struct two t = two_lists(3);
	struct prover *other = prover_new("another", 3);
	uint8_t *out;
	size_t len;

	(void)state;
	prover_key_add(t.now, "new", NULL);
	make(&t);
	assert_int_equal(zkhsm_list_delta_apply(other->list, other->list_len, t.delta, t.len, &out,
						&len, NULL), -ESTALE);
	/* A base that is no list, with the digest that the difference names. */
	zkhsm_sha256("x", 1, t.delta + ZKHSM_HEADER_LEN);
	assert_int_equal(zkhsm_list_delta_apply((const uint8_t *)"x", 1, t.delta, t.len, &out,
						&len, NULL), -EBADMSG);
	assert_int_equal(zkhsm_list_delta_make((const uint8_t *)"x", 1, other->list,
					       other->list_len, &out, &len, NULL), -EBADMSG);
	assert_int_equal(zkhsm_list_delta_make(other->list, other->list_len,
					       (const uint8_t *)"x", 1, &out, &len, NULL),
			 -EBADMSG);
	assert_null(out);
	prover_free(other);
	end(&t);
}

/* @count entries that differ in their ids alone, from @first on; the caller frees. */
static uint8_t *many(uint32_t first, uint32_t count, size_t *len)
{
	struct prover *p = prover_new("delta", 1);
	struct zkhsm_list_entry e = p->keys[0].entry;
	size_t size = ZKHSM_LIST_HEAD_LEN + (size_t)count * ZKHSM_LIST_ENTRY_MAX_LEN;
	uint8_t *list = malloc(size);
	char id[16];
	uint32_t i;
	int n;

	assert_non_null(list);
	prover_free(p);
	n = zkhsm_list_head_encode(count, list, size);
	for (*len = (size_t)n, i = first; i < first + count; i++, *len += (size_t)n) {
		e.id_len = (uint8_t)snprintf(id, sizeof(id), "%07u", i);
		memcpy(e.id, id, e.id_len);
		n = zkhsm_list_entry_encode(&e, list + *len, size - *len);
		assert_true(n > 0);
	}
	return list;
}

/* As many keys as there may be, and one more. */
static void most_keys(void **state)
{
	size_t fewer_len, full_len, more_len, empty_len, len, out_len;
	uint8_t *fewer = many(0, ZKHSM_KEYS_MAX - 1, &fewer_len);
	uint8_t *full = many(0, ZKHSM_KEYS_MAX, &full_len);
	uint8_t *more = many(ZKHSM_KEYS_MAX, 1, &more_len);
	uint8_t *empty = many(0, 0, &empty_len), *delta, *out;

	(void)state;
	assert_int_equal(zkhsm_list_delta_make(fewer, fewer_len, full, full_len, &delta, &len,
					       NULL), 0);
	assert_int_equal(zkhsm_list_delta_apply(fewer, fewer_len, delta, len, &out, &out_len,
						NULL), 0);
	assert_int_equal(out_len, full_len);
	assert_memory_equal(out, full, full_len);
	free(delta);
	free(out);
	/* One key more than nothing, said to be one more than all. */
	assert_int_equal(zkhsm_list_delta_make(empty, empty_len, more, more_len, &delta, &len,
					       NULL), 0);
	zkhsm_sha256(full, full_len, delta + ZKHSM_HEADER_LEN);
	assert_int_equal(zkhsm_list_delta_apply(full, full_len, delta, len, &out, &out_len, NULL),
			 -EBADMSG);
	assert_null(out);
	free(delta);
	free(empty);
	free(more);
	free(full);
	free(fewer);
}

static void check_vector(const json_t *c)
{
	static uint8_t base[64 * 1024], delta[64 * 1024], list[64 * 1024];
	size_t base_len = vectors_data(c, "base", base, sizeof(base));
	size_t delta_len = vectors_data(c, "delta", delta, sizeof(delta));
	const char *verdict = vectors_string(c, "verdict");
	size_t out_len;
	uint8_t *out;
	int ret = zkhsm_list_delta_apply(base, base_len, delta, delta_len, &out, &out_len, NULL);
	bool good;

	if (!strcmp(verdict, "ok"))
		good = !ret && out_len == vectors_data(c, "list", list, sizeof(list)) &&
		       !memcmp(out, list, out_len);
	else if (!strcmp(verdict, "malformed"))
		good = ret == -EBADMSG;
	else
		good = ret == -EKEYREJECTED || ret == -ESTALE;
	if (!good)
		fail_msg("%s: %d instead of %s", vectors_string(c, "name"), ret, verdict);
	free(out);
}

static void vectors(void **state)
{
	json_t *root = vectors_load("lists.json"), *c;
	size_t i;

	(void)state;
	json_array_foreach(json_object_get(root, "deltas"), i, c)
		check_vector(c);
	assert_true(i > 10);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(from_and_to_nothing),
		cmocka_unit_test(mutations),
		cmocka_unit_test(wrong_bases),
		cmocka_unit_test(most_keys),
		cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
