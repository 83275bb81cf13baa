// SPDX-License-Identifier: GPL-2.0
/*
 * test_nonce.c - what the manager keeps in memory: nonces, charges, lists
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/manager/manager.h"
#include "prover.h"

static const struct zkhsmd_config config = {
	.nonce_life_ms = 1000, .nonces_per_hsm = 4, .nonces_max = 12,
};
static const struct zkhsmd_time t0 = { .wall = 1000000, .boot = 5000 };
static const uint8_t hsm[32] = { 1 }, other[32] = { 2 };
static struct zkhsmd_nonces *t;

static struct zkhsmd_time after(int64_t ms)
{
	return (struct zkhsmd_time){ .wall = t0.wall + ms, .boot = t0.boot + ms };
}

static int make(void **state)
{
	(void)state;
	return zkhsmd_nonces_new(&config, &t);
}

static int drop(void **state)
{
	(void)state;
	zkhsmd_nonces_free(t);
	return 0;
}

static void lives_and_expires(void **state)
{
	struct zkhsmd_time issued;
	uint8_t nonce[32], second[32];

	(void)state;
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "a", true, t0, nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "a", true, after(10), second), 0);
	assert_memory_not_equal(nonce, second, 32);
	assert_int_equal(zkhsmd_nonce_look(t, hsm, nonce, after(999), &issued), ZKHSMD_NONCE_LIVE);
	assert_int_equal(issued.wall, t0.wall);
	assert_int_equal(issued.boot, t0.boot);
	assert_int_equal(zkhsmd_nonce_look(t, other, nonce, after(0), &issued),
			 ZKHSMD_NONCE_UNKNOWN);
	assert_true(zkhsmd_nonce_any(t, hsm, after(999)));
	assert_false(zkhsmd_nonce_any(t, other, after(0)));
	assert_int_equal(zkhsmd_nonce_look(t, hsm, nonce, after(1000), &issued),
			 ZKHSMD_NONCE_UNKNOWN);
	assert_int_equal(zkhsmd_nonce_look(t, hsm, second, after(1000), &issued),
			 ZKHSMD_NONCE_LIVE);
	assert_false(zkhsmd_nonce_any(t, hsm, after(1010)));
}

/* The wall clock does not make them live longer. */
static void wall_clock_back(void **state)
{
	struct zkhsmd_time issued, now = after(1000);
	uint8_t nonce[32];

	(void)state;
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "a", true, t0, nonce), 0);
	now.wall -= 3600000;
	assert_int_equal(zkhsmd_nonce_look(t, hsm, nonce, now, &issued), ZKHSMD_NONCE_UNKNOWN);
}

static void once(void **state)
{
	uint8_t nonce[32];

	(void)state;
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "a", true, t0, nonce), 0);
	assert_false(zkhsmd_nonce_take(t, other, nonce, t0));
	assert_true(zkhsmd_nonce_take(t, hsm, nonce, t0));
	assert_false(zkhsmd_nonce_take(t, hsm, nonce, t0));
	/* The transaction failed: it is live again. */
	zkhsmd_nonce_return(t, nonce);
	assert_true(zkhsmd_nonce_take(t, hsm, nonce, t0));
	zkhsmd_nonce_drop(t, nonce);
	zkhsmd_nonce_return(t, nonce);
	assert_false(zkhsmd_nonce_take(t, hsm, nonce, t0));
}

/* However many addresses ask in an HSM's name, where its evidence comes from gets its share. */
static void home(void **state)
{
	uint8_t nonce[32], id[32] = { 7 };

	(void)state;
	assert_int_equal(zkhsmd_nonce_new(t, id, "home", true, t0, nonce), 0);
	assert_false(zkhsmd_nonce_home(t, id, "home"));
	zkhsmd_nonce_drop(t, nonce);
	assert_true(zkhsmd_nonce_home(t, id, "home"));
	assert_false(zkhsmd_nonce_home(t, id, "a"));
	assert_false(zkhsmd_nonce_home(t, other, "home"));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(zkhsmd_nonce_new(t, id, "a", true, t0, nonce), 0);
		assert_int_equal(zkhsmd_nonce_new(t, id, "b", true, t0, nonce), 0);
	}
	assert_int_equal(zkhsmd_nonce_new(t, id, "c", true, t0, nonce), -EDQUOT);
	assert_int_equal(zkhsmd_nonce_new(t, id, "home", true, t0, nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, id, "home", true, t0, nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, id, "home", true, t0, nonce), -EDQUOT);
	/* A stranger's evidence gives no such right. */
	assert_int_equal(zkhsmd_nonce_new(t, other, "s", false, t0, nonce), 0);
	zkhsmd_nonce_drop(t, nonce);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(zkhsmd_nonce_new(t, other, "a", false, t0, nonce), 0);
		assert_int_equal(zkhsmd_nonce_new(t, other, "b", false, t0, nonce), 0);
	}
	assert_int_equal(zkhsmd_nonce_new(t, other, "s", false, t0, nonce), -EDQUOT);
}

static void shares(void **state)
{
	uint8_t nonce[32], id[32] = { 9 };

	(void)state;
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "a", true, t0, nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "a", true, t0, nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "a", true, t0, nonce), -EDQUOT);
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "b", true, t0, nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "c", true, t0, nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, hsm, "d", true, t0, nonce), -EDQUOT);
	/* Those that are used make room. */
	zkhsmd_nonce_drop(t, nonce);
	/* Half of the table for strangers, of which two for one source; the whole of it for all. */
	for (uint8_t i = 0; i < 6; i++) {
		const char source[] = { (char)('a' + i / 2), '\0' };

		id[1] = i;
		assert_int_equal(zkhsmd_nonce_new(t, id, source, false, t0, nonce), 0);
		if (i == 1) {
			id[1] = 6;
			assert_int_equal(zkhsmd_nonce_new(t, id, "a", false, t0, nonce), -EUSERS);
		}
	}
	id[1] = 6;
	assert_int_equal(zkhsmd_nonce_new(t, id, "d", false, t0, nonce), -ENOSPC);
	assert_int_equal(zkhsmd_nonce_new(t, id, "a", true, t0, nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, id, "b", true, t0, nonce), 0);
	id[1] = 7;
	assert_int_equal(zkhsmd_nonce_new(t, id, "b", true, t0, nonce), -ENOSPC);
	assert_int_equal(zkhsmd_nonce_new(t, id, "b", true, after(1000), nonce), 0);
}

/* Who has used or let go what it had may have as much again. */
static void strangers_come_back(void **state)
{
	uint8_t first[32], nonce[32], id[32] = { 9 };

	(void)state;
	assert_int_equal(zkhsmd_nonce_new(t, id, "a", false, t0, first), 0);
	id[1]++;
	assert_int_equal(zkhsmd_nonce_new(t, id, "a", false, after(1), nonce), 0);
	id[1]++;
	assert_int_equal(zkhsmd_nonce_new(t, id, "a", false, after(1), nonce), -EUSERS);
	zkhsmd_nonce_drop(t, first);
	assert_int_equal(zkhsmd_nonce_new(t, id, "a", false, after(1), nonce), 0);
	id[1]++;
	assert_int_equal(zkhsmd_nonce_new(t, id, "a", false, after(1), nonce), -EUSERS);
	assert_int_equal(zkhsmd_nonce_new(t, id, "a", false, after(1001), nonce), 0);
	assert_int_equal(zkhsmd_nonce_new(t, id, "a", true, after(1001), nonce), 0);
}

static void charges(void **state)
{
	struct zkhsmd_sources *s;

	(void)state;
	assert_int_equal(zkhsmd_sources_new(2, &s), 0);
	zkhsmd_source_charge(s, "192.0.2.1", 0);
	assert_false(zkhsmd_source_over(s, "192.0.2.1", 1));
	zkhsmd_source_charge(s, "192.0.2.1", 2);
	assert_true(zkhsmd_source_over(s, "192.0.2.1", 3));
	assert_false(zkhsmd_source_over(s, "192.0.2.2", 3));
	assert_false(zkhsmd_source_over(s, "192.0.2.1", 60000));
	zkhsmd_sources_free(s);
}

static void lists_in_memory(void **state)
{
	struct prover *a = prover_new("a", 5), *b = prover_new("b", 5);
	struct zkhsm_keylist *la, *lb, *found;
	struct zkhsmd_cache *cache;

	(void)state;
	/* Room for one of the two. */
	assert_int_equal(zkhsmd_cache_new(1000, &cache), 0);
	assert_int_equal(zkhsm_keylist_new(a->list, a->list_len, &la, NULL), 0);
	assert_int_equal(zkhsm_keylist_new(b->list, b->list_len, &lb, NULL), 0);
	assert_null(zkhsmd_cache_get(cache, a->list_digest));
	zkhsmd_cache_put(cache, la);
	zkhsmd_cache_put(cache, la);
	zkhsm_keylist_free(la);
	found = zkhsmd_cache_get(cache, a->list_digest);
	assert_non_null(found);
	zkhsmd_cache_put(cache, lb);
	zkhsm_keylist_free(lb);
	assert_null(zkhsmd_cache_get(cache, a->list_digest));
	/* Driven out, but not from under who is reading it. */
	assert_int_equal(zkhsm_keylist_count(found), 5);
	zkhsm_keylist_free(found);
	zkhsmd_cache_free(cache);
	prover_free(a);
	prover_free(b);
}

static struct zkhsmd_confs *confs;

static void put_conf(unsigned int source, unsigned int number)
{
	uint8_t digest[32] = { 0 }, one = 1;
	char name[16];

	snprintf(name, sizeof(name), "192.0.2.%u", source);
	put_unaligned_be32(number, digest);
	zkhsmd_conf_put(confs, name, digest, &one, 1);
}

static bool has_conf(unsigned int number)
{
	uint8_t out[ZKHSM_CONFIGURATION_MAX_LEN], digest[32] = { 0 };

	put_unaligned_be32(number, digest);
	return zkhsmd_conf_get(confs, digest, out) == 1;
}

/* Room for 1024, of which one source has 64. */
static void configurations_in_memory(void **state)
{
	(void)state;
	assert_int_equal(zkhsmd_confs_new(&confs), 0);
	assert_false(has_conf(0));
	put_conf(100, 5000);
	for (unsigned int i = 0; i < 2000; i++)
		put_conf(0, i);
	assert_true(has_conf(5000));
	assert_true(has_conf(1999));
	assert_true(has_conf(2000 - 64));
	assert_false(has_conf(2000 - 65));
	/* Put again it is the newest; and what others put as well does not go with theirs. */
	put_conf(0, 2000 - 64);
	put_conf(0, 3000);
	assert_true(has_conf(2000 - 64));
	assert_false(has_conf(2000 - 63));
	put_conf(0, 5000);
	for (unsigned int i = 0; i < 64; i++)
		put_conf(0, i);
	assert_true(has_conf(5000));
	/* When all places are taken the oldest goes. */
	for (unsigned int i = 0; i < 1024 - 65; i++)
		put_conf(1 + i / 64, 10000 + i);
	assert_true(has_conf(5000));
	put_conf(99, 20000);
	assert_false(has_conf(5000));
	assert_true(has_conf(20000));
	zkhsmd_confs_free(confs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lives_and_expires, make, drop),
		cmocka_unit_test_setup_teardown(wall_clock_back, make, drop),
		cmocka_unit_test_setup_teardown(once, make, drop),
		cmocka_unit_test_setup_teardown(shares, make, drop),
		cmocka_unit_test_setup_teardown(home, make, drop),
		cmocka_unit_test_setup_teardown(strangers_come_back, make, drop),
		cmocka_unit_test(charges),
		cmocka_unit_test(lists_in_memory),
		cmocka_unit_test(configurations_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
