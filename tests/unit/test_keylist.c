// SPDX-License-Identifier: GPL-2.0
/*
 * test_keylist.c - lists of keys with every point checked
 */
#include "mutate.h"

#include "lib_private.h"
#include "prover.h"
#include "vectors.h"

static int read_list(const uint8_t *data, size_t len, void *arg)
{
	struct zkhsm_keylist *l;
	struct zkhsm_error err = { 0 };
	int ret = zkhsm_keylist_new(data, len, &l, &err);

	(void)arg;
	if (ret) {
		assert_null(l);
		assert_int_equal(err.code, ret);
		assert_true(err.text[0]);
	}
	zkhsm_keylist_free(l);
	return ret;
}

/* A change of an attribute is read: only the digest tells. */
static int refused_or_read(const uint8_t *data, size_t len, void *arg)
{
	int ret = read_list(data, len, arg);

	return ret ? ret : -EALREADY;
}

static void contents(void **state)
{
	struct prover *p = prover_new("keylist", 100);
	struct zkhsm_list_entry entry, found;
	const struct zkhsm_list_entry *e;
	struct zkhsm_keylist *l;
	const uint8_t *bytes;
	size_t len, i;
	char id[32];

	(void)state;
	prover_key(p, "key-000003")->entry.state = ZKHSM_KEY_STATE_COMPROMISED;
	prover_key(p, "key-000007")->entry.state = ZKHSM_KEY_STATE_HELD;
	prover_refresh(p);
	assert_int_equal(zkhsm_keylist_new(p->list, p->list_len, &l, NULL), 0);
	assert_int_equal(zkhsm_keylist_count(l), 100);
	assert_memory_equal(zkhsm_keylist_digest(l), p->list_digest, 32);
	bytes = zkhsm_keylist_bytes(l, &len);
	assert_int_equal(len, p->list_len);
	assert_memory_equal(bytes, p->list, len);
	for (i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "key-%06zu", i);
		e = zkhsm_keylist_find(l, id, &found);
		assert_ptr_equal(e, &found);
		assert_ptr_equal(zkhsm_keylist_entry(l, i, &entry), &entry);
		assert_memory_equal(e, &entry, sizeof(entry));
		assert_memory_equal(e->public, p->keys[i].entry.public, ZKHSM_POINT_LEN);
	}
	assert_null(zkhsm_keylist_find(l, "key-000100", &found));
	assert_null(zkhsm_keylist_find(l, "key-00000", &found));
	assert_null(zkhsm_keylist_find(l, "", &found));
	assert_int_equal(zkhsm_keylist_proved(l), 99);

	/* The bytes were copied, and the last reference frees. */
	memset(p->list, 0, p->list_len);
	assert_ptr_equal(zkhsm_keylist_ref(l), l);
	zkhsm_keylist_free(l);
	assert_non_null(zkhsm_keylist_find(l, "key-000042", &found));
	zkhsm_keylist_free(l);
	prover_free(p);
}

static void mutations(void **state)
{
	struct prover *p = prover_new("keylist", 3);

	(void)state;
	mutate_length(p->list, p->list_len, read_list, NULL, -EBADMSG);
	mutate_bytes(p->list, p->list_len, refused_or_read, NULL, -EBADMSG, -EALREADY);
	prover_free(p);
}

/* An element is a point even where no proof covers it. */
static void points(void **state)
{
	static const uint8_t states[] = { ZKHSM_KEY_STATE_ACTIVE, ZKHSM_KEY_STATE_COMPROMISED };
	struct prover *p = prover_new("keylist", 3);
	struct prover_key good = p->keys[1];
	uint8_t *public = p->keys[1].entry.public;
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(states); i++) {
		/* x and y determine each other up to a choice of three and of two. */
		for (at = 1; at < ZKHSM_POINT_LEN; at++) {
			p->keys[1] = good;
			p->keys[1].entry.state = states[i];
			prover_refresh(p);
			assert_int_equal(read_list(p->list, p->list_len, NULL), 0);
			public[at] ^= 1;
			prover_refresh(p);
			assert_int_equal(read_list(p->list, p->list_len, NULL), -EBADMSG);
		}
		p->keys[1] = good;
		p->keys[1].entry.state = states[i];
		memset(public + 1, 0, 64);
		prover_refresh(p);
		assert_int_equal(read_list(p->list, p->list_len, NULL), -EBADMSG);
		memset(public + 1, 0xff, 64);
		prover_refresh(p);
		assert_int_equal(read_list(p->list, p->list_len, NULL), -EBADMSG);
	}
	prover_free(p);
}

/* A small message must not make the reader allocate for 100,000 keys. */
static void count_that_lies(void **state)
{
	struct prover *p = prover_new("keylist", 1);
	struct zkhsm_error err;
	struct zkhsm_keylist *l;

	(void)state;
	put_unaligned_be32(ZKHSM_KEYS_MAX, p->list + ZKHSM_HEADER_LEN);
	assert_int_equal(zkhsm_keylist_new(p->list, p->list_len, &l, &err), -EBADMSG);
	assert_string_equal(err.text, "not a list of keys");
	zkhsm_keylist_free(NULL);
	prover_free(p);
}

static void vectors(void **state)
{
	json_t *root = vectors_load("lists.json"), *c;
	static uint8_t list[64 * 1024];
	size_t i, len;

	(void)state;
	json_array_foreach(json_object_get(root, "lists"), i, c) {
		int expected = strcmp(vectors_string(c, "verdict"), "ok") ? -EBADMSG : 0;

		len = vectors_data(c, "list", list, sizeof(list));
		if (read_list(list, len, NULL) != expected)
			fail_msg("%s: not %s", vectors_string(c, "name"),
				 vectors_string(c, "verdict"));
	}
	assert_true(i > 10);
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(contents),
		cmocka_unit_test(mutations),
		cmocka_unit_test(points),
		cmocka_unit_test(count_that_lies),
		cmocka_unit_test(vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
