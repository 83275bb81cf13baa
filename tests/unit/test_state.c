// SPDX-License-Identifier: GPL-2.0
/*
 * test_state.c - a key of the newest list, while that list is being replaced
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/manager/manager.h"
#include "prover.h"

/* A store with one HSM, one list, and nothing revoked. */
static struct {
	struct zkhsmd_hsm row;
	struct prover *p;
	unsigned int reads;
} kept;

static int get_hsm(struct zkhsmd_store *s, const uint8_t id[32], struct zkhsmd_hsm *out)
{
	(void)s;
	assert_memory_equal(id, kept.row.id, 32);
	kept.reads++;
	*out = kept.row;
	return 0;
}

static int get_list(struct zkhsmd_store *s, const uint8_t digest[32], uint8_t **bytes, size_t *len)
{
	(void)s;
	if (memcmp(digest, kept.p->list_digest, 32) != 0)
		return -ENOENT;
	*len = kept.p->list_len;
	*bytes = malloc(*len);
	memcpy(*bytes, kept.p->list, *len);
	return 0;
}

static int get_of_hsm(struct zkhsmd_store *s, const uint8_t hsm_id[32],
		      struct zkhsmd_revocation *out)
{
	(void)s;
	(void)hsm_id;
	(void)out;
	return -ENOENT;
}

static int get_stopping(struct zkhsmd_store *s, const uint8_t hsm_id[32], const uint8_t element[32],
			struct zkhsmd_revocation *out)
{
	(void)element;
	return get_of_hsm(s, hsm_id, out);
}

static const struct zkhsmd_store_ops ops = {
	.hsm_get = get_hsm, .list_get = get_list, .revocation_hsm = get_of_hsm,
	.revocation_stopping = get_stopping,
};
static struct zkhsmd_store store = { .ops = &ops };
static struct zkhsmd m = { .config.max_age_ms = 1000000 };

static int make(void **state)
{
	(void)state;
	kept.p = prover_new("test_state", 3);
	memset(&kept.row, 0, sizeof(kept.row));
	kept.row.enrolled = true;
	kept.row.attested = true;
	kept.row.attested_boot_ms = zkhsmd_now().boot;
	memcpy(kept.row.id, kept.p->hsm_id, 32);
	memcpy(kept.row.list_digest, kept.p->list_digest, 32);
	kept.reads = 0;
	return zkhsmd_cache_new(1 << 20, &m.lists) || zkhsmd_cache_new(1 << 20, &m.guest_lists);
}

static int drop(void **state)
{
	(void)state;
	zkhsmd_cache_free(m.lists);
	zkhsmd_cache_free(m.guest_lists);
	prover_free(kept.p);
	return 0;
}

static void finds(void **state)
{
	struct zkhsmd_hsm h = kept.row;
	struct zkhsmd_key k;

	(void)state;
	assert_int_equal(zkhsmd_key_find(&m, &store, &h, "key-000001", &k), 0);
	assert_string_equal(k.status, "attested");
	assert_int_equal(zkhsmd_key_find(&m, &store, &h, "no-such-key", &k), -ENOENT);
	assert_int_equal(kept.reads, 0);
}

static void check_status(const char *status, int64_t age_ms)
{
	struct zkhsmd_hsm h = kept.row;
	struct zkhsmd_key k;

	assert_int_equal(zkhsmd_key_find(&m, &store, &h, "key-000001", &k), 0);
	assert_string_equal(k.status, status);
	if (age_ms < 0)
		assert_int_equal(k.age_ms, age_ms);
	else
		assert_true(k.age_ms >= age_ms);
}

/* Whatever the wall clock is set back to, it makes records stale, and none of them fresh. */
static void clock_set_back(void **state)
{
	const int64_t now = zkhsmd_now().wall;

	(void)state;
	/* Of this boot it does not count. */
	m.newest_wall = now + 3600000;
	kept.row.attested_ms = now + 3600000;
	check_status("attested", 0);
	/* Of an earlier one there is nothing else. */
	kept.row.boot_id[0]++;
	kept.row.attested_ms = now - 1000;
	m.newest_wall = now - 500;
	check_status("attested", 1000);
	/* It is before what the store has seen, or before the attestation itself. */
	m.newest_wall = now + 3600000;
	check_status("stale", -1);
	m.newest_wall = now - 500;
	kept.row.attested_ms = now + 3600000;
	check_status("stale", -1);
	/* Nor is what was too old young again. */
	kept.row.attested_ms = now - (int64_t)m.config.max_age_ms - 1;
	check_status("stale", (int64_t)m.config.max_age_ms + 1);
	m.newest_wall = now + 1000000;
	check_status("stale", -1);
	m.newest_wall = 0;
}

/* The row was read before the commit, the list is looked for after it. */
static void replaced_meanwhile(void **state)
{
	struct zkhsmd_hsm h = kept.row;
	struct zkhsmd_key k;

	(void)state;
	h.list_digest[0] ^= 1;
	h.attested_ms = 1;
	kept.row.attested_ms = 2;
	assert_int_equal(zkhsmd_key_find(&m, &store, &h, "key-000001", &k), 0);
	assert_string_equal(k.status, "attested");
	assert_int_equal(kept.reads, 1);
	/* What is said of the key goes with the list that it was found in. */
	assert_int_equal(h.attested_ms, 2);
	assert_memory_equal(h.list_digest, kept.p->list_digest, 32);
}

static void unenrolled_meanwhile(void **state)
{
	struct zkhsmd_hsm h = kept.row;
	struct zkhsmd_key k;

	(void)state;
	h.list_digest[0] ^= 1;
	kept.row.enrolled = false;
	assert_int_equal(zkhsmd_key_find(&m, &store, &h, "key-000001", &k), -ENOENT);
}

/* A row that names a list which is not there is no race. */
static void damaged(void **state)
{
	struct zkhsmd_hsm h;
	struct zkhsmd_key k;

	(void)state;
	kept.row.list_digest[0] ^= 1;
	h = kept.row;
	assert_int_equal(zkhsmd_key_find(&m, &store, &h, "key-000001", &k), -EUCLEAN);
	h.list_digest[0] ^= 2;
	assert_int_equal(zkhsmd_key_find(&m, &store, &h, "key-000001", &k), -EUCLEAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(finds, make, drop),
		cmocka_unit_test_setup_teardown(clock_set_back, make, drop),
		cmocka_unit_test_setup_teardown(replaced_meanwhile, make, drop),
		cmocka_unit_test_setup_teardown(unenrolled_meanwhile, make, drop),
		cmocka_unit_test_setup_teardown(damaged, make, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
