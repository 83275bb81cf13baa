// SPDX-License-Identifier: GPL-2.0
/*
 * test_status.c - what is signed once for all who ask: when it is made anew, what is
 * given while the store cannot be read, how large a status list of 100,000 keys is
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <zlib.h>

#include "../../userspace/manager/revocation.h"
#include "../../userspace/manager/signed.h"
#include "../../userspace/manager/status.h"

#define MANY_KEYS	100000
#define MANY_STOPS	10000

static char dir[] = "/tmp/zkhsmd-status-XXXXXX";
static char path[64];
static struct zkhsmd m;
static struct zkhsmd_store *s;
static const struct zkhsmd_store_ops *ops = &zkhsmd_store_sqlite;
/* What reading the store comes to, for a while. */
static struct zkhsmd_store_ops broken;

static int make(void **state)
{
	(void)state;
	if (!path[0] && !mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/store", dir);
	memset(&m, 0, sizeof(m));
	strcpy(m.config.address, "::1");
	m.config.port = 8443;
	m.config.next_update_ms = 3600000;
	strcpy(m.identity.issuer, "zkhsm:test");
	m.identity.token_key = EVP_EC_gen("P-256");
	return !m.identity.token_key || ops->open(path, false, false, &s, NULL) ||
	       zkhsmd_rlist_new(&m.rlist) || zkhsmd_statuses_new(&m.statuses);
}

static int drop(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char name[80];

	(void)state;
	s->ops = ops;
	ops->close(s);
	zkhsmd_rlist_free(m.rlist);
	zkhsmd_statuses_free(m.statuses);
	EVP_PKEY_free(m.identity.token_key);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(name, sizeof(name), "%s%s", path, names[i]);
		unlink(name);
	}
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void element_of(size_t i, uint8_t out[32])
{
	zkhsm_sha256(&i, sizeof(i), out);
}

static void put_hsm(uint8_t id, bool quarantine)
{
	struct zkhsmd_hsm h;

	memset(&h, 0, sizeof(h));
	h.id[0] = id;
	h.identity[0] = 4;
	h.enrolled = true;
	h.quarantine = quarantine;
	h.quarantine_ms = quarantine ? 1 : 0;
	h.config_digest[0] = 1;
	strcpy(h.cluster, "c");
	assert_int_equal(ops->hsm_put(s, &h), 0);
}

static void stop(size_t i, uint8_t action)
{
	struct zkhsmd_revocation r = { .action = action, .scope = ZKHSMD_SCOPE_KEY, .reason = 1,
				       .hsm_id = { 1 }, .key_id = "k" };

	element_of(i, r.element);
	assert_int_equal(zkhsmd_revocation_number(s, &r.number), 0);
	assert_int_equal(ops->revocation_add(s, &r), 0);
}

static json_t *payload_of(const char *jws)
{
	const char *body = strchr(jws, '.') + 1;
	char *text = strndup(body, (size_t)(strrchr(jws, '.') - body));
	uint8_t *bytes;
	size_t len;
	json_t *o;

	assert_int_equal(zkhsm_unb64(text, &bytes, &len), 0);
	o = json_loadb((const char *)bytes, len, 0, NULL);
	assert_non_null(o);
	free(bytes);
	free(text);
	return o;
}

/* The page, and its bits. */
static struct zkhsmd_copy page(uint64_t number, uint8_t bits[ZKHSMD_STATUS_PAGE / 4])
{
	uLongf len = ZKHSMD_STATUS_PAGE / 4;
	struct zkhsmd_copy copy;
	uint8_t *packed;
	size_t packed_len;
	json_t *o;

	assert_int_equal(zkhsmd_status_get(&m, s, number, &copy, NULL), 0);
	o = payload_of(zkhsmd_signed_text(copy.jws));
	assert_int_equal(zkhsm_unb64(json_string_value(json_object_get(json_object_get(o, "status_list"),
								       "lst")), &packed, &packed_len), 0);
	assert_int_equal(uncompress(bits, &len, packed, packed_len), Z_OK);
	assert_int_equal(len, ZKHSMD_STATUS_PAGE / 4);
	free(packed);
	json_decref(o);
	return copy;
}

static unsigned int bits_at(const uint8_t *bits, uint64_t index)
{
	return bits[index / 4] >> 2 * (index % 4) & 3;
}

static void places(void **state)
{
	static uint8_t bits[ZKHSMD_STATUS_PAGE / 4];
	const uint8_t hsm[32] = { 1 };
	struct zkhsmd_copy first, again;
	uint8_t element[32];
	char uri[ZKHSMD_STATUS_URI_MAX + 1];
	uint64_t index;

	(void)state;
	put_hsm(1, false);
	for (size_t i = 1; i <= 9; i++) {
		element_of(i, element);
		assert_int_equal(ops->status_add(s, hsm, element), 0);
	}
	assert_int_equal(zkhsmd_status_reference(&m, s, hsm, element, &index, uri), 0);
	assert_int_equal(index, 9);
	assert_string_equal(uri, "https://[::1]:8443/v1/status-lists/0");
	strcpy(m.config.public_url, "https://zkhsm.example/a");
	assert_int_equal(zkhsmd_status_reference(&m, s, hsm, element, &index, uri), 0);
	assert_string_equal(uri, "https://zkhsm.example/a/v1/status-lists/0");
	element_of(99, element);
	assert_int_equal(zkhsmd_status_reference(&m, s, hsm, element, &index, uri), -ENOENT);

	first = page(0, bits);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(bits_at(bits, i), ZKHSMD_STATUS_VALID);
	/* The same for the next one, until something changes. */
	again = page(0, bits);
	assert_ptr_equal(first.jws, again.jws);
	assert_string_equal(first.etag, again.etag);
	zkhsmd_signed_put(again.jws);
	stop(3, ZKHSM_ORDER_TYPE_HOLD);
	stop(8, ZKHSM_ORDER_TYPE_REVOKE);
	again = page(0, bits);
	assert_ptr_not_equal(first.jws, again.jws);
	assert_string_not_equal(first.etag, again.etag);
	zkhsmd_signed_put(again.jws);
	zkhsmd_signed_put(first.jws);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(bits_at(bits, i), i == 3 ? ZKHSMD_STATUS_SUSPENDED :
				 i == 8 ? ZKHSMD_STATUS_INVALID : ZKHSMD_STATUS_VALID);
	/* In quarantine nothing is good, and what is revoked stays so. */
	put_hsm(1, true);
	again = page(0, bits);
	zkhsmd_signed_put(again.jws);
	for (size_t i = 1; i < 10; i++)
		assert_int_equal(bits_at(bits, i), i == 8 ? ZKHSMD_STATUS_INVALID :
				 ZKHSMD_STATUS_SUSPENDED);
	assert_int_equal(bits_at(bits, 0), 0);
	assert_int_equal(bits_at(bits, 10), 0);
	assert_int_equal(zkhsmd_status_get(&m, s, 1, &again, NULL), -ERANGE);
}

static int unreadable(struct zkhsmd_store *store, enum zkhsmd_meta name, void *out, size_t len)
{
	(void)store;
	(void)name;
	(void)out;
	(void)len;
	return -EBUSY;
}

/* The last one, while it is good and nothing newer is known. */
static void store_gone(void **state)
{
	struct zkhsmd_copy first, again;
	struct timespec tick = { .tv_nsec = 20000000 };
	time_t end = time(NULL) + 60;
	int ret;

	(void)state;
	put_hsm(1, false);
	stop(1, ZKHSM_ORDER_TYPE_REVOKE);
	broken = *ops;
	broken.meta_get = unreadable;
	s->ops = &broken;
	assert_int_equal(zkhsmd_rlist_get(&m, s, &first, NULL), -EBUSY);
	s->ops = ops;
	m.config.next_update_ms = 2000;
	assert_int_equal(zkhsmd_rlist_get(&m, s, &first, NULL), 0);
	s->ops = &broken;
	assert_int_equal(zkhsmd_rlist_get(&m, s, &again, NULL), 0);
	assert_ptr_equal(first.jws, again.jws);
	assert_int_equal(again.number, 1);
	zkhsmd_signed_put(again.jws);
	do {
		nanosleep(&tick, NULL);
		ret = zkhsmd_rlist_get(&m, s, &again, NULL);
		if (!ret) {
			assert_true(again.left_s > 0);
			zkhsmd_signed_put(again.jws);
		}
		assert_true(time(NULL) < end);
	} while (!ret);
	assert_int_equal(ret, -EBUSY);
	/* Signed anew under the same number when it can be read again. */
	s->ops = ops;
	m.config.next_update_ms = 3600000;
	assert_int_equal(zkhsmd_rlist_get(&m, s, &again, NULL), 0);
	assert_ptr_not_equal(first.jws, again.jws);
	assert_int_equal(again.number, 1);
	zkhsmd_signed_put(again.jws);
	zkhsmd_signed_put(first.jws);
}

static void etags(void **state)
{
	static const struct { const char *header; bool in; } cases[] = {
		{ "\"1-a\"", true }, { "W/\"1-a\"", true }, { "\"x\", \"1-a\"", true },
		{ "\"x\",\"1-a\" , \"y\"", true }, { "*", true }, { " \"1-a\" ", true },
		{ "\"1-ab\"", false }, { "\"x1-a\"", false }, { "1-a", false }, { "", false },
		{ "\"1-a", false }, { "\"x", false }, { "\"x\" y \"1-a\"", false },
		{ "\"1-a\"x", false }, { NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(zkhsmd_etag_in(cases[i].header, "\"1-a\""), cases[i].in);
}

/* Of the processor: who else is on the machine does not count. */
static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill(void)
{
	const uint8_t hsm[32] = { 1 };
	uint8_t element[32];

	put_hsm(1, false);
	assert_int_equal(ops->begin(s), 0);
	for (size_t i = 1; i <= MANY_KEYS + ZKHSMD_STATUS_PAGE / 2; i++) {
		element_of(i, element);
		assert_int_equal(ops->status_add(s, hsm, element), 0);
	}
	assert_int_equal(ops->commit(s), 0);
}

/* Figures are told, and only sizes are asserted: they follow from what is stopped. */
static void many(void **state)
{
	static uint8_t bits[ZKHSMD_STATUS_PAGE / 4];
	struct zkhsmd_copy copy;
	uint64_t pages;
	size_t size, count = 0, stopped = 0, of[2] = { 0 };
	uint8_t element[32];
	double start;

	(void)state;
	fill();
	assert_int_equal(zkhsmd_status_pages(s, &pages), 0);
	assert_int_equal(pages, 2);
	start = cpu_s();
	copy = page(0, bits);
	size = strlen(zkhsmd_signed_text(copy.jws));
	print_message("nothing stopped: a page of %zu bytes in %.1f ms\n", size,
		      1000 * (cpu_s() - start));
	assert_true(size < 1024);
	zkhsmd_signed_put(copy.jws);

	/* Here and there, so that they do not compress. */
	assert_int_equal(ops->begin(s), 0);
	for (size_t i = 1; stopped < MANY_STOPS; i++) {
		element_of(i, element);
		if (element[0] < 26) {
			stop(i, i % 2 ? ZKHSM_ORDER_TYPE_HOLD : ZKHSM_ORDER_TYPE_REVOKE);
			of[element[1] % 2] = i;
			stopped++;
		}
		assert_true(i < ZKHSMD_STATUS_PAGE);
	}
	assert_int_equal(ops->commit(s), 0);
	start = cpu_s();
	copy = page(0, bits);
	print_message("%d of %d stopped: a page of %zu bytes in %.1f ms\n", MANY_STOPS, MANY_KEYS,
		      strlen(zkhsmd_signed_text(copy.jws)), 1000 * (cpu_s() - start));
	assert_true(strlen(zkhsmd_signed_text(copy.jws)) < ZKHSMD_STATUS_PAGE / 2);
	zkhsmd_signed_put(copy.jws);
	for (size_t i = 0; i < ZKHSMD_STATUS_PAGE; i++)
		count += bits_at(bits, i) != 0;
	assert_int_equal(count, MANY_STOPS);
	for (size_t i = 0; i < ARRAY_SIZE(of); i++)
		assert_int_equal(bits_at(bits, of[i]), of[i] % 2 ? ZKHSMD_STATUS_SUSPENDED :
				 ZKHSMD_STATUS_INVALID);

	start = cpu_s();
	assert_int_equal(zkhsmd_rlist_get(&m, s, &copy, NULL), 0);
	print_message("the list of %d revocations: %zu bytes in %.1f ms", MANY_STOPS,
		      strlen(zkhsmd_signed_text(copy.jws)), 1000 * (cpu_s() - start));
	zkhsmd_signed_put(copy.jws);
	start = cpu_s();
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(zkhsmd_rlist_get(&m, s, &copy, NULL), 0);
		zkhsmd_signed_put(copy.jws);
	}
	print_message(", and %.3f ms for each who asks then\n", cpu_s() - start);
	/* The second page has none of them. */
	copy = page(1, bits);
	zkhsmd_signed_put(copy.jws);
	for (size_t i = 0; i < sizeof(bits); i++)
		assert_int_equal(bits[i], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(places),
		TEST(store_gone),
		cmocka_unit_test(etags),
		TEST(many),
	};

	return cmocka_run_group_tests(tests, NULL, remove_dir);
}
