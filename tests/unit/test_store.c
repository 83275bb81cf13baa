// SPDX-License-Identifier: GPL-2.0
/*
 * test_store.c - the store, operation by operation
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <time.h>

#include "../../userspace/manager/store.h"

static char dir[] = "/tmp/zkhsmd-store-XXXXXX";
static char path[64];
static struct zkhsmd_store *s, *reader;
static const struct zkhsmd_store_ops *ops = &zkhsmd_store_sqlite;
static const uint8_t zero[32];

static int make(void **state)
{
	(void)state;
	if (!path[0] && !mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/store", dir);
	return ops->open(path, false, true, &s, NULL) || ops->open(path, true, false, &reader, NULL);
}

static int drop(void **state)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char name[80];

	(void)state;
	ops->close(reader);
	ops->close(s);
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

static struct zkhsmd_hsm some_hsm(uint8_t id)
{
	struct zkhsmd_hsm h;

	memset(&h, 0, sizeof(h));
	h.id[0] = id;
	h.identity[0] = 4;
	h.enrolled = true;
	strcpy(h.name, "name with \"quotes\" and 'others'");
	h.boot_count = UINT32_MAX;
	h.number = 7;
	h.uptime_ms = UINT64_MAX;
	h.attested_ms = 1234567890123;
	h.config_digest[3] = 1;
	strcpy(h.answer, "{}");
	h.applied = 5;
	h.floor = 6;
	h.shown = 8;
	h.restore = true;
	h.retired[15] = 1;
	h.trust_number = 9;
	h.trust_previous[0] = 2;
	h.trust_digest[31] = 3;
	strcpy(h.cluster, "frankfurt");
	h.quarantine = true;
	strcpy(h.quarantine_code, "duplicate");
	h.quarantine_ms = 10;
	h.platform_seen[1] = 4;
	h.module_seen = UINT32_MAX;
	return h;
}

static void rows(void **state)
{
	struct zkhsmd_hsm h = some_hsm(1), out;
	int64_t newest;

	(void)state;
	assert_int_equal(ops->hsm_get(s, h.id, &out), -ENOENT);
	assert_int_equal(ops->hsm_newest(s, &newest), 0);
	assert_int_equal(newest, 0);
	assert_int_equal(ops->hsm_put(s, &h), 0);
	memset(&out, 0, sizeof(out));
	assert_int_equal(ops->hsm_get(reader, h.id, &out), 0);
	assert_memory_equal(&h, &out, sizeof(h));
	h.number++;
	h.enrolled = false;
	h.received_ms = 99;
	assert_int_equal(ops->hsm_put(s, &h), 0);
	assert_int_equal(ops->hsm_get(reader, h.id, &out), 0);
	assert_memory_equal(&h, &out, sizeof(h));
	assert_int_equal(ops->hsm_newest(reader, &newest), 0);
	assert_int_equal(newest, 99);
	/* What a row refers to has to be there. */
	h.list_digest[0] = 1;
	assert_int_equal(ops->hsm_put(s, &h), -EEXIST);
	/* A reader is one. */
	assert_true(ops->hsm_put(reader, &h) < 0);
}

static void transactions(void **state)
{
	struct zkhsmd_hsm a = some_hsm(1), b = some_hsm(2), out;

	(void)state;
	assert_int_equal(ops->begin(s), 0);
	assert_int_equal(ops->mark(s), 0);
	assert_int_equal(ops->hsm_put(s, &a), 0);
	assert_int_equal(ops->keep(s), 0);
	assert_int_equal(ops->mark(s), 0);
	assert_int_equal(ops->hsm_put(s, &b), 0);
	assert_int_equal(ops->undo(s), 0);
	assert_int_equal(ops->hsm_get(reader, a.id, &out), -ENOENT);
	assert_int_equal(ops->commit(s), 0);
	assert_int_equal(ops->hsm_get(reader, a.id, &out), 0);
	assert_int_equal(ops->hsm_get(reader, b.id, &out), -ENOENT);

	assert_int_equal(ops->begin(s), 0);
	assert_int_equal(ops->hsm_put(s, &b), 0);
	ops->rollback(s);
	assert_int_equal(ops->hsm_get(s, b.id, &out), -ENOENT);
	assert_int_equal(ops->undo(s), -EIO);
}

/*
 * A store of version 1 knew nothing of states from the past, one of version 2 gave no
 * leases; what they have is kept.
 */
static void put_back(const char *script)
{
	sqlite3 *db;

	ops->close(reader);
	ops->close(s);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, script, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(ops->open(path, false, true, &s, NULL), 0);
	assert_int_equal(ops->open(path, true, false, &reader, NULL), 0);
}

#define WITHOUT_4 "DROP INDEX hsm_cluster; DROP INDEX hsm_quarantine;" \
	"DROP INDEX revocation_once; ALTER TABLE revocation DROP COLUMN cluster;" \
	"ALTER TABLE revocation DROP COLUMN who; ALTER TABLE revocation DROP COLUMN ended_ms;" \
	"ALTER TABLE revocation DROP COLUMN ended_who;" \
	"ALTER TABLE revocation DROP COLUMN ended_reason;" \
	"CREATE UNIQUE INDEX revocation_once ON revocation(scope, ifnull(hsm_id, x'')," \
	" ifnull(element, x'')) WHERE ended IS NULL;" \
	"ALTER TABLE hsm DROP COLUMN cluster;" \
	"ALTER TABLE hsm DROP COLUMN quarantine;" \
	"ALTER TABLE hsm DROP COLUMN quarantine_code;" \
	"ALTER TABLE hsm DROP COLUMN platform_seen; ALTER TABLE hsm DROP COLUMN module_seen;" \
	"ALTER TABLE lease DROP COLUMN policy;" \
	"ALTER TABLE hsm DROP COLUMN quarantine_ms; DROP TABLE holding; DROP TABLE delivery;" \
	"DROP TABLE alert; DROP TABLE audit; DROP TABLE history; DROP TABLE proposal;" \
	"DROP TABLE status_index;"
#define WITHOUT_3 "ALTER TABLE hsm DROP COLUMN trust_number;" \
	"ALTER TABLE hsm DROP COLUMN trust_previous;" \
	"ALTER TABLE hsm DROP COLUMN trust_digest; DROP TABLE lease;"
#define WITHOUT_2 "ALTER TABLE hsm DROP COLUMN shown;" \
	"ALTER TABLE hsm DROP COLUMN restore; ALTER TABLE hsm DROP COLUMN retired;"

static void upgrade(void **state)
{
	static const char *const scripts[] = {
		WITHOUT_4 "PRAGMA user_version = 3",
		WITHOUT_4 WITHOUT_3 "PRAGMA user_version = 2",
		WITHOUT_4 WITHOUT_3 WITHOUT_2 "PRAGMA user_version = 1",
	};
	struct zkhsmd_lease l = { .denied_keys = (char *)(uintptr_t)"[]",
				  .bytes = (uint8_t *)(uintptr_t)"x", .len = 1 }, lease;
	struct zkhsmd_hsm h, out;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		h = some_hsm(1);
		assert_int_equal(ops->hsm_put(s, &h), 0);
		put_back(scripts[i]);
		memset(&out, 0, sizeof(out));
		assert_int_equal(ops->hsm_get(reader, h.id, &out), 0);
		memset(h.cluster, 0, sizeof(h.cluster));
		memset(h.quarantine_code, 0, sizeof(h.quarantine_code));
		h.quarantine = false;
		h.quarantine_ms = 0;
		memset(h.platform_seen, 0, sizeof(h.platform_seen));
		h.module_seen = 0;
		if (i > 0) {
			h.trust_number = 0;
			memset(h.trust_previous, 0, sizeof(h.trust_previous));
			memset(h.trust_digest, 0, sizeof(h.trust_digest));
		}
		if (i > 1) {
			h.shown = h.applied;
			h.restore = false;
			memset(h.retired, 0, sizeof(h.retired));
		}
		assert_memory_equal(&h, &out, sizeof(h));
		assert_int_equal(ops->lease_get(reader, h.id, &lease), -ENOENT);
		h = some_hsm(1);
		assert_int_equal(ops->hsm_put(s, &h), 0);
		assert_int_equal(ops->lease_put(s, h.id, &l), 0);
		assert_int_equal(ops->hsm_get(reader, h.id, &out), 0);
		assert_memory_equal(&h, &out, sizeof(h));
	}
}

/* Who may not wait is told so at once, and reads on when there is nothing to wait for. */
static void hurry(void **state)
{
	struct timespec before, after;
	struct zkhsmd_hsm h = some_hsm(1), out;
	struct zkhsmd_store *quick;
	sqlite3 *other;

	(void)state;
	assert_int_equal(ops->hsm_put(s, &h), 0);
	ops->close(reader);
	ops->close(s);
	/* With a write-ahead log readers hardly ever wait; without one a lock keeps them out. */
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL),
			 SQLITE_OK);
	assert_int_equal(ops->open(path, true, false, &quick, NULL), 0);
	assert_int_equal(ops->hurry(quick), 0);
	assert_int_equal(ops->hsm_get(quick, h.id, &out), 0);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(ops->hsm_get(quick, h.id, &out), -EBUSY);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 5);	/* others wait for ten */
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(ops->hsm_get(quick, h.id, &out), 0);
	ops->close(quick);
	sqlite3_close(other);
	assert_int_equal(make(NULL), 0);
}

static void bytes(void **state)
{
	uint8_t digest[32] = { 1 }, config[ZKHSM_CONFIGURATION_MAX_LEN], *out;
	struct zkhsmd_hsm h = some_hsm(1);
	size_t len;

	(void)state;
	assert_int_equal(ops->list_has(s, digest), -ENOENT);
	assert_int_equal(ops->list_put(s, digest, (const uint8_t *)"list", 4), 0);
	assert_int_equal(ops->list_put(s, digest, (const uint8_t *)"list", 4), 0);
	assert_int_equal(ops->list_has(reader, digest), 0);
	assert_int_equal(ops->list_get(reader, digest, &out, &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(out, "list", 4);
	free(out);
	/* Not while somebody's row names it. */
	memcpy(h.list_digest, digest, 32);
	assert_int_equal(ops->hsm_put(s, &h), 0);
	assert_int_equal(ops->list_trim(s, digest), 0);
	assert_int_equal(ops->list_has(s, digest), 0);
	memset(h.list_digest, 0, 32);
	assert_int_equal(ops->hsm_put(s, &h), 0);
	assert_int_equal(ops->list_trim(s, digest), 0);
	assert_int_equal(ops->list_has(s, digest), -ENOENT);

	assert_int_equal(ops->config_put(s, digest, (const uint8_t *)"C", 1), 0);
	assert_int_equal(ops->config_put(s, h.config_digest, (const uint8_t *)"D", 1), 0);
	assert_int_equal(ops->config_trim(s), 0);
	assert_int_equal(ops->config_get(s, digest, config, &len), -ENOENT);
	assert_int_equal(ops->config_get(s, h.config_digest, config, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(config[0], 'D');
}

static int count_pending(const struct zkhsmd_pending *p, void *arg)
{
	(void)p;
	(*(unsigned int *)arg)++;
	return 0;
}

static void pending(void **state)
{
	struct zkhsmd_pending p, out;
	unsigned int count = 0;

	(void)state;
	memset(&p, 0, sizeof(p));
	p.config_len = 3;
	memcpy(p.config, "abc", 3);
	for (uint8_t i = 1; i <= 6; i++) {
		p.id[0] = i;
		p.first_ms = i;
		p.last_ms = i;
		snprintf(p.source, sizeof(p.source), "%s", i > 4 ? "other" : "one");
		assert_int_equal(ops->pending_put(s, &p), 0);
		assert_int_equal(ops->pending_trim(s, p.source, 5, 3), 0);
	}
	assert_int_equal(ops->pending_each(s, count_pending, &count), 0);
	assert_int_equal(count, 5);
	p.id[0] = 1;
	assert_int_equal(ops->pending_get(s, p.id, &out), -ENOENT);
	p.id[0] = 2;
	assert_int_equal(ops->pending_get(s, p.id, &out), 0);
	assert_int_equal(out.config_len, 3);
	/* Seen again: first_ms stays. */
	p.first_ms = 77;
	p.last_ms = 77;
	assert_int_equal(ops->pending_put(s, &p), 0);
	assert_int_equal(ops->pending_get(s, p.id, &out), 0);
	assert_int_equal(out.first_ms, 2);
	assert_int_equal(out.last_ms, 77);
	assert_int_equal(ops->pending_del(s, p.id), 0);
	assert_int_equal(ops->pending_get(s, p.id, &out), -ENOENT);
}

static struct zkhsmd_revocation revocation(enum zkhsmd_scope scope, uint8_t action)
{
	struct zkhsmd_revocation r = { .scope = scope, .action = action, .reason = 1, .number = 1 };

	if (scope != ZKHSMD_SCOPE_ELEMENT)
		r.hsm_id[0] = 1;
	if (scope != ZKHSMD_SCOPE_HSM)
		r.element[0] = 9;
	if (scope == ZKHSMD_SCOPE_KEY)
		strcpy(r.key_id, "key");
	return r;
}

static int get_like(struct zkhsmd_store *from, enum zkhsmd_scope scope, const uint8_t hsm_id[32],
		    const uint8_t element[32], struct zkhsmd_revocation *out)
{
	struct zkhsmd_revocation like = { .scope = scope };

	memcpy(like.hsm_id, hsm_id, sizeof(like.hsm_id));
	memcpy(like.element, element, sizeof(like.element));
	return ops->revocation_get(from, &like, out);
}

static int end_row(int64_t row, uint64_t number)
{
	struct zkhsmd_revocation by = { .number = number, .at_ms = 7, .who = "CN=b", .reason = 8 };

	return ops->revocation_end(s, row, &by);
}

static int none(void)
{
	fail();
	return 0;
}

static int no_revocation(const struct zkhsmd_revocation *r, void *arg)
{
	(void)r;
	(void)arg;
	return none();
}

static int first_row(const struct zkhsmd_revocation *r, void *arg)
{
	*(struct zkhsmd_revocation *)arg = *r;
	return 1;
}

static void revocations(void **state)
{
	const uint8_t hsm[32] = { 1 }, other[32] = { 2 }, element[32] = { 9 }, another[32] = { 8 };
	struct zkhsmd_hsm h = some_hsm(1);
	struct zkhsmd_revocation r, out;

	(void)state;
	assert_int_equal(ops->hsm_put(s, &h), 0);
	assert_int_equal(ops->revocation_stopping(s, hsm, element, &out), -ENOENT);

	r = revocation(ZKHSMD_SCOPE_KEY, ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(ops->revocation_add(s, &r), 0);
	assert_int_equal(ops->revocation_add(s, &r), -EEXIST);
	assert_int_equal(ops->revocation_stopping(s, hsm, element, &out), 0);
	assert_int_equal(out.action, ZKHSM_ORDER_TYPE_HOLD);
	assert_string_equal(out.key_id, "key");
	assert_int_equal(ops->revocation_stopping(s, other, element, &out), -ENOENT);
	assert_int_equal(ops->revocation_stopping(s, hsm, another, &out), -ENOENT);

	/* The strongest counts, wherever it comes from. */
	r = revocation(ZKHSMD_SCOPE_ELEMENT, ZKHSM_ORDER_TYPE_REVOKE);
	assert_int_equal(ops->revocation_add(s, &r), 0);
	assert_int_equal(ops->revocation_stopping(s, hsm, element, &out), 0);
	assert_int_equal(out.action, ZKHSM_ORDER_TYPE_REVOKE);
	assert_int_equal(ops->revocation_stopping(s, other, element, &out), 0);
	assert_int_equal(get_like(s, ZKHSMD_SCOPE_ELEMENT, zero, element, &out), 0);
	assert_int_equal(end_row(out.row, 2), 0);
	assert_int_equal(ops->revocation_stopping(s, hsm, element, &out), 0);
	assert_int_equal(out.scope, ZKHSMD_SCOPE_KEY);
	assert_int_equal(end_row(out.row, 3), 0);
	assert_int_equal(ops->revocation_stopping(s, hsm, element, &out), -ENOENT);

	r = revocation(ZKHSMD_SCOPE_HSM, ZKHSM_ORDER_TYPE_REVOKE);
	assert_int_equal(ops->revocation_add(s, &r), 0);
	assert_int_equal(ops->revocation_stopping(s, hsm, another, &out), 0);
	assert_int_equal(get_like(s, ZKHSMD_SCOPE_HSM, hsm, zero, &out), 0);
	assert_int_equal(get_like(s, ZKHSMD_SCOPE_HSM, other, zero, &out), -ENOENT);
	/* An ended one can be made again. */
	r = revocation(ZKHSMD_SCOPE_KEY, ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(ops->revocation_add(s, &r), 0);
	/* Of an HSM that is not there. */
	r.hsm_id[0] = 77;
	assert_int_equal(ops->revocation_add(s, &r), -EEXIST);
}

/* A cluster's stops every HSM in it, also one that joins later; who did what is kept. */
static void clusters(void **state)
{
	const uint8_t one[32] = { 1 }, two[32] = { 2 }, element[32] = { 9 };
	struct zkhsmd_hsm h = some_hsm(1);
	struct zkhsmd_revocation r, out;

	(void)state;
	assert_int_equal(ops->hsm_put(s, &h), 0);
	h = some_hsm(2);
	strcpy(h.cluster, "");
	assert_int_equal(ops->hsm_put(s, &h), 0);
	r = (struct zkhsmd_revocation){ .scope = ZKHSMD_SCOPE_CLUSTER, .number = 4, .at_ms = 5,
					.action = ZKHSM_ORDER_TYPE_HOLD, .cluster = "frankfurt",
					.who = "CN=a" };
	assert_int_equal(ops->revocation_add(s, &r), 0);
	assert_int_equal(ops->revocation_add(s, &r), -EEXIST);
	assert_int_equal(ops->revocation_get(s, &r, &out), 0);
	assert_string_equal(out.cluster, "frankfurt");
	assert_string_equal(out.who, "CN=a");
	assert_int_equal(out.ended, 0);
	assert_int_equal(ops->revocation_hsm(s, one, &out), 0);
	assert_int_equal(ops->revocation_stopping(s, one, element, &out), 0);
	assert_int_equal(out.scope, ZKHSMD_SCOPE_CLUSTER);
	assert_int_equal(ops->revocation_hsm(s, two, &out), -ENOENT);
	assert_int_equal(ops->revocation_stopping(s, two, element, &out), -ENOENT);
	strcpy(h.cluster, "frankfurt");
	assert_int_equal(ops->hsm_put(s, &h), 0);
	assert_int_equal(ops->revocation_stopping(s, two, element, &out), 0);

	/* One of the HSM's own is another one, and the stronger. */
	r = revocation(ZKHSMD_SCOPE_HSM, ZKHSM_ORDER_TYPE_REVOKE);
	assert_int_equal(ops->revocation_add(s, &r), 0);
	assert_int_equal(ops->revocation_hsm(s, one, &out), 0);
	assert_int_equal(out.action, ZKHSM_ORDER_TYPE_REVOKE);
	assert_int_equal(ops->revocation_hsm(s, two, &out), 0);
	assert_int_equal(out.action, ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(end_row(out.row, 6), 0);
	assert_int_equal(ops->revocation_hsm(s, two, &out), -ENOENT);
	assert_int_equal(ops->revocation_page(s, 0, first_row, &out), 0);
	assert_int_equal(out.scope, ZKHSMD_SCOPE_CLUSTER);
	assert_int_equal(out.ended, 6);
	assert_int_equal(out.ended_ms, 7);
	assert_string_equal(out.ended_who, "CN=b");
	assert_int_equal(out.ended_reason, 8);
	assert_int_equal(ops->revocation_page(s, out.row, first_row, &out), 0);
	assert_int_equal(out.scope, ZKHSMD_SCOPE_HSM);
	assert_int_equal(out.ended, 0);
	assert_int_equal(ops->revocation_page(s, out.row, no_revocation, NULL), 0);
}

static int note_status(uint64_t number, uint8_t action, void *arg)
{
	uint8_t *strongest = arg;

	assert_in_range(number, 1, 7);
	if (!strongest[number] || action < strongest[number])
		strongest[number] = action;
	return 0;
}

/* What stops which index; the strongest is the least, as revoke is 17 and hold 18. */
static void status_is(uint64_t first, uint64_t last, const uint8_t expected[8])
{
	uint8_t got[8] = { 0 };

	assert_int_equal(ops->status_stopped(reader, first, last, note_status, got), 0);
	assert_memory_equal(got, expected, sizeof(got));
}

static void status_lists(void **state)
{
	const uint8_t one[32] = { 1 }, two[32] = { 2 }, x[32] = { 9 }, y[32] = { 8 }, z[32] = { 7 };
	const uint8_t *const keys[][2] = { { one, x }, { one, y }, { one, z }, { two, x }, { two, y } };
	struct zkhsmd_status_mark mark;
	struct zkhsmd_hsm h = some_hsm(1);
	struct zkhsmd_revocation r, out;
	uint64_t number;

	(void)state;
	h.quarantine = false;
	assert_int_equal(ops->hsm_put(s, &h), 0);
	h = some_hsm(2);
	h.quarantine = false;
	strcpy(h.cluster, "paris");
	assert_int_equal(ops->hsm_put(s, &h), 0);
	assert_int_equal(ops->status_any(s, one), -ENOENT);
	assert_int_equal(ops->status_mark(s, &mark), 0);
	assert_int_equal(mark.last, 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_int_equal(ops->status_add(s, keys[i][0], keys[i][1]), 0);
		/* Once it has one it keeps it. */
		assert_int_equal(ops->status_add(s, keys[0][0], keys[0][1]), 0);
		assert_int_equal(ops->status_get(reader, keys[i][0], keys[i][1], &number), 0);
		assert_int_equal(number, i + 1);
	}
	assert_int_equal(ops->status_get(reader, two, z, &number), -ENOENT);
	assert_int_equal(ops->status_any(reader, one), 0);
	assert_int_equal(ops->status_mark(reader, &mark), 0);
	assert_int_equal(mark.last, 5);
	assert_int_equal(mark.quarantined, 0);
	status_is(1, 5, (const uint8_t[8]){ 0 });

	r = revocation(ZKHSMD_SCOPE_KEY, ZKHSM_ORDER_TYPE_HOLD);	/* one, x */
	assert_int_equal(ops->revocation_add(s, &r), 0);
	status_is(1, 5, (const uint8_t[8]){ 0, 18 });
	r = revocation(ZKHSMD_SCOPE_ELEMENT, ZKHSM_ORDER_TYPE_REVOKE);	/* x */
	assert_int_equal(ops->revocation_add(s, &r), 0);
	status_is(1, 5, (const uint8_t[8]){ 0, 17, 0, 0, 17 });
	status_is(2, 4, (const uint8_t[8]){ 0, 0, 0, 0, 17 });
	r = (struct zkhsmd_revocation){ .scope = ZKHSMD_SCOPE_CLUSTER, .cluster = "paris",
					.action = ZKHSM_ORDER_TYPE_HOLD };
	assert_int_equal(ops->revocation_add(s, &r), 0);
	status_is(1, 5, (const uint8_t[8]){ 0, 17, 0, 0, 17, 18 });
	r = revocation(ZKHSMD_SCOPE_HSM, ZKHSM_ORDER_TYPE_HOLD);	/* one */
	assert_int_equal(ops->revocation_add(s, &r), 0);
	status_is(1, 5, (const uint8_t[8]){ 0, 17, 18, 18, 17, 18 });
	assert_int_equal(ops->revocation_get(s, &r, &out), 0);
	assert_int_equal(end_row(out.row, 2), 0);
	status_is(1, 5, (const uint8_t[8]){ 0, 17, 0, 0, 17, 18 });

	h = some_hsm(1);
	assert_int_equal(ops->hsm_put(s, &h), 0);
	status_is(1, 5, (const uint8_t[8]){ 0, 17, 18, 18, 17, 18 });
	assert_int_equal(ops->status_mark(reader, &mark), 0);
	assert_int_equal(mark.quarantined, 1);
	assert_int_equal(mark.quarantined_ms, 10);
	/* Of an HSM that is not there. */
	assert_int_equal(ops->status_add(s, z, x), -EEXIST);
	/* After a restore others go on above. */
	assert_int_equal(ops->status_skip(s, 1000), 0);
	assert_int_equal(ops->status_add(s, two, z), 0);
	assert_int_equal(ops->status_get(s, two, z, &number), 0);
	assert_in_range(number, 1006, 1010);
}

static int sum_numbers(const struct zkhsmd_order *o, void *arg)
{
	*(uint64_t *)arg = *(uint64_t *)arg * 10 + o->number;
	return o->number == 4;
}

static void orders(void **state)
{
	struct zkhsmd_order o = { .bytes = (uint8_t *)(uintptr_t)"order", .len = 5, .created_ms = 3 };
	struct zkhsmd_hsm h = some_hsm(1);
	uint64_t last, seen = 0;

	(void)state;
	assert_int_equal(ops->hsm_put(s, &h), 0);
	assert_int_equal(ops->order_last(s, h.id, &last), 0);
	assert_int_equal(last, 0);
	for (o.number = 1; o.number < 6; o.number++)
		assert_int_equal(ops->order_add(s, h.id, &o), 0);
	o.number = 5;
	assert_int_equal(ops->order_add(s, h.id, &o), -EEXIST);
	assert_int_equal(ops->order_last(s, h.id, &last), 0);
	assert_int_equal(last, 5);
	assert_int_equal(ops->order_get(s, h.id, 3, &o), 0);
	assert_int_equal(o.len, 5);
	assert_memory_equal(o.bytes, "order", 5);
	free(o.bytes);
	assert_int_equal(ops->order_get(s, h.id, 6, &o), -ENOENT);
	assert_int_equal(ops->order_each(s, h.id, 1, sum_numbers, &seen), 0);
	assert_int_equal(seen, 234);
	assert_int_equal(ops->order_each(s, h.id, UINT64_MAX, sum_numbers, &seen), 0);
	assert_int_equal(seen, 234);
}

static void leases(void **state)
{
	uint8_t bytes[] = { 1, 0, 2 };
	struct zkhsmd_lease l = {
		.evidence_digest = { 5 }, .policy = { 6 }, .made_ms = 1234567890123, .granted = 3,
		.denied = UINT32_MAX, .denied_keys = (char *)(uintptr_t)"[{\"a\":1}]",
		.bytes = bytes, .len = sizeof(bytes),
	}, out;
	struct zkhsmd_hsm h = some_hsm(1);

	(void)state;
	assert_int_equal(ops->lease_get(s, h.id, &out), -ENOENT);
	/* Of an HSM that is not there. */
	assert_int_equal(ops->lease_put(s, h.id, &l), -EEXIST);
	assert_int_equal(ops->hsm_put(s, &h), 0);
	for (int i = 0; i < 2; i++) {
		l.granted += (unsigned int)i;
		assert_int_equal(ops->lease_put(s, h.id, &l), 0);
		assert_int_equal(ops->lease_get(reader, h.id, &out), 0);
		assert_memory_equal(out.evidence_digest, l.evidence_digest, 32);
		assert_memory_equal(out.policy, l.policy, 32);
		assert_int_equal(out.made_ms, l.made_ms);
		assert_int_equal(out.granted, l.granted);
		assert_int_equal(out.denied, l.denied);
		assert_string_equal(out.denied_keys, l.denied_keys);
		assert_int_equal(out.len, l.len);
		assert_memory_equal(out.bytes, l.bytes, l.len);
		free(out.denied_keys);
		free(out.bytes);
	}
}

struct met {
	uint8_t elements[8], actions[8];
	size_t count;
};

static int note_element(const uint8_t element[32], uint8_t action, void *arg)
{
	struct met *met = arg;

	assert_true(met->count < ARRAY_SIZE(met->elements));
	met->elements[met->count] = element[0];
	met->actions[met->count++] = action;
	return 0;
}

static size_t count_stopped(const uint8_t hsm_id[32])
{
	struct met met = { .count = 0 };

	assert_int_equal(ops->revocation_elements(s, hsm_id, note_element, &met), 0);
	return met.count;
}

/* Of this HSM and of all, each once, ascending, the strongest. */
static void stopped_elements(void **state)
{
	static const struct { uint8_t element, action; enum zkhsmd_scope scope; uint8_t hsm; } all[] = {
		{ 9, ZKHSM_ORDER_TYPE_HOLD, ZKHSMD_SCOPE_KEY, 1 },
		{ 9, ZKHSM_ORDER_TYPE_REVOKE, ZKHSMD_SCOPE_ELEMENT, 0 },
		{ 4, ZKHSM_ORDER_TYPE_HOLD, ZKHSMD_SCOPE_ELEMENT, 0 },
		{ 6, ZKHSM_ORDER_TYPE_REVOKE, ZKHSMD_SCOPE_KEY, 2 },
		{ 7, ZKHSM_ORDER_TYPE_REVOKE, ZKHSMD_SCOPE_KEY, 1 },
		{ 0, ZKHSM_ORDER_TYPE_REVOKE, ZKHSMD_SCOPE_HSM, 1 },
	};
	struct zkhsmd_hsm one = some_hsm(1), two = some_hsm(2);
	struct zkhsmd_revocation r;
	struct met met = { .count = 0 };

	(void)state;
	assert_int_equal(ops->hsm_put(s, &one), 0);
	assert_int_equal(ops->hsm_put(s, &two), 0);
	assert_int_equal(ops->revocation_elements(s, one.id, note_element, &met), 0);
	assert_int_equal(met.count, 0);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		memset(&r, 0, sizeof(r));
		r.action = all[i].action;
		r.scope = all[i].scope;
		r.hsm_id[0] = all[i].hsm;
		r.element[0] = all[i].element;
		assert_int_equal(ops->revocation_add(s, &r), 0);
	}
	assert_int_equal(ops->revocation_elements(reader, one.id, note_element, &met), 0);
	assert_int_equal(met.count, 3);
	assert_memory_equal(met.elements, ((uint8_t[]){ 4, 7, 9 }), 3);
	assert_memory_equal(met.actions, ((uint8_t[]){ ZKHSM_ORDER_TYPE_HOLD,
			    ZKHSM_ORDER_TYPE_REVOKE, ZKHSM_ORDER_TYPE_REVOKE }), 3);
	/* What has ended stops nothing. */
	memset(&r, 0, sizeof(r));
	r.element[0] = 9;
	assert_int_equal(get_like(s, ZKHSMD_SCOPE_ELEMENT, zero, r.element, &r), 0);
	assert_int_equal(end_row(r.row, 5), 0);
	met.count = 0;
	assert_int_equal(ops->revocation_elements(reader, one.id, note_element, &met), 0);
	assert_int_equal(met.count, 3);
	assert_int_equal(met.actions[2], ZKHSM_ORDER_TYPE_HOLD);
	/* The writer's own change, at once; and as it was when that came to nothing. */
	r = (struct zkhsmd_revocation){ .action = ZKHSM_ORDER_TYPE_HOLD,
					.scope = ZKHSMD_SCOPE_ELEMENT, .element = { 1 } };
	for (int whole = 0; whole < 2; whole++) {
		assert_int_equal(count_stopped(one.id), 3);
		assert_int_equal(ops->begin(s), 0);
		assert_int_equal(ops->mark(s), 0);
		assert_int_equal(ops->revocation_add(s, &r), 0);
		assert_int_equal(count_stopped(one.id), 4);
		if (whole) {
			ops->rollback(s);
		} else {
			assert_int_equal(ops->undo(s), 0);
			assert_int_equal(count_stopped(one.id), 3);
			assert_int_equal(ops->commit(s), 0);
		}
		assert_int_equal(count_stopped(one.id), 3);
	}
	assert_int_equal(get_like(s, ZKHSMD_SCOPE_ELEMENT, zero, (uint8_t[32]){ 4 }, &r), 0);
	assert_int_equal(end_row(r.row, 6), 0);
	assert_int_equal(count_stopped(one.id), 2);
}

static void meta(void **state)
{
	uint64_t number = 5;
	uint8_t short_one;

	(void)state;
	assert_int_equal(ops->meta_get(s, ZKHSMD_META_LIST_NUMBER, &number, 8), -ENOENT);
	assert_int_equal(ops->meta_put(s, ZKHSMD_META_LIST_NUMBER, &number, 8), 0);
	number = 6;
	assert_int_equal(ops->meta_put(s, ZKHSMD_META_LIST_NUMBER, &number, 8), 0);
	number = 0;
	assert_int_equal(ops->meta_get(reader, ZKHSMD_META_LIST_NUMBER, &number, 8), 0);
	assert_int_equal(number, 6);
	assert_int_equal(ops->meta_get(s, ZKHSMD_META_LIST_NUMBER, &short_one, 1), -EUCLEAN);
}

static int no_hsm(const struct zkhsmd_hsm *h, void *arg)
{
	(void)h;
	(void)arg;
	return none();
}

static int no_pending(const struct zkhsmd_pending *p, void *arg)
{
	(void)p;
	(void)arg;
	return none();
}

static int no_order(const struct zkhsmd_order *o, void *arg)
{
	(void)o;
	(void)arg;
	return none();
}

static void reading_fails(struct zkhsmd_store *from)
{
	struct zkhsmd_revocation revocation;
	struct zkhsmd_pending pending_one;
	uint8_t config[ZKHSM_CONFIGURATION_MAX_LEN], *out;
	struct zkhsmd_order order;
	struct zkhsmd_status_mark mark;
	struct zkhsmd_lease lease;
	struct zkhsmd_hsm h;
	int64_t newest;
	uint64_t number;
	size_t len;

	assert_int_equal(ops->hsm_get(from, zero, &h), -EIO);
	assert_int_equal(ops->hsm_each(from, no_hsm, NULL), -EIO);
	assert_int_equal(ops->hsm_newest(from, &newest), -EIO);
	assert_int_equal(ops->pending_get(from, zero, &pending_one), -EIO);
	assert_int_equal(ops->pending_each(from, no_pending, NULL), -EIO);
	assert_int_equal(ops->list_get(from, zero, &out, &len), -EIO);
	assert_int_equal(ops->list_has(from, zero), -EIO);
	assert_int_equal(ops->config_get(from, zero, config, &len), -EIO);
	assert_int_equal(get_like(from, ZKHSMD_SCOPE_HSM, zero, zero, &revocation), -EIO);
	assert_int_equal(ops->revocation_stopping(from, zero, zero, &revocation), -EIO);
	assert_int_equal(ops->revocation_each(from, no_revocation, NULL), -EIO);
	assert_int_equal(ops->order_get(from, zero, 1, &order), -EIO);
	assert_int_equal(ops->order_each(from, zero, 0, no_order, NULL), -EIO);
	assert_int_equal(ops->order_last(from, zero, &number), -EIO);
	assert_int_equal(ops->revocation_elements(from, zero, note_element, NULL), -EIO);
	assert_int_equal(ops->revocation_hsm(from, zero, &revocation), -EIO);
	assert_int_equal(ops->revocation_page(from, 0, no_revocation, NULL), -EIO);
	assert_int_equal(ops->status_get(from, zero, zero, &number), -EIO);
	assert_int_equal(ops->status_any(from, zero), -EIO);
	assert_int_equal(ops->status_mark(from, &mark), -EIO);
	assert_int_equal(ops->status_stopped(from, 1, 2, note_status, NULL), -EIO);
	assert_int_equal(ops->lease_get(from, zero, &lease), -EIO);
	assert_int_equal(ops->meta_get(from, ZKHSMD_META_LIST_NUMBER, &number, 8), -EIO);
}

static void writing_fails(void)
{
	const struct zkhsmd_revocation revocation = { .action = 17, .scope = ZKHSMD_SCOPE_HSM };
	const struct zkhsmd_order order = { .number = 1, .bytes = (uint8_t *)"o", .len = 1 };
	const struct zkhsmd_lease lease = { .bytes = (uint8_t *)"o", .len = 1 };
	const struct zkhsmd_pending pending_one = { .source = "::1" };
	struct zkhsmd_hsm h = some_hsm(1);
	const uint64_t number = 1;

	assert_int_equal(ops->hsm_put(s, &h), -EIO);
	assert_int_equal(ops->pending_put(s, &pending_one), -EIO);
	assert_int_equal(ops->pending_del(s, zero), -EIO);
	assert_int_equal(ops->pending_trim(s, "::1", 1, 1), -EIO);
	assert_int_equal(ops->list_put(s, zero, zero, 32), -EIO);
	assert_int_equal(ops->list_trim(s, zero), -EIO);
	assert_int_equal(ops->config_put(s, zero, zero, 32), -EIO);
	assert_int_equal(ops->config_trim(s), -EIO);
	assert_int_equal(ops->revocation_add(s, &revocation), -EIO);
	assert_int_equal(ops->revocation_end(s, 1, &revocation), -EIO);
	assert_int_equal(ops->status_add(s, zero, zero), -EIO);
	assert_int_equal(ops->order_add(s, zero, &order), -EIO);
	assert_int_equal(ops->lease_put(s, zero, &lease), -EIO);
	assert_int_equal(ops->meta_put(s, ZKHSMD_META_LIST_NUMBER, &number, 8), -EIO);
}

/* "Not there" would be a false answer: a revocation that cannot be read is in force. */
static void tables_gone(void **state)
{
	static const char drop_all[] =
		"DROP TABLE status_index; DROP TABLE lease; DROP TABLE orders; DROP TABLE revocation; DROP TABLE pending;"
		"DROP TABLE hsm; DROP TABLE configuration; DROP TABLE list; DROP TABLE meta;";
	sqlite3 *other;

	(void)state;
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, drop_all, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	reading_fails(s);
	reading_fails(reader);
	writing_fails();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(rows),
		TEST(transactions),
		TEST(upgrade),
		TEST(hurry),
		TEST(bytes),
		TEST(pending),
		TEST(revocations),
		TEST(clusters),
		TEST(status_lists),
		TEST(orders),
		TEST(leases),
		TEST(stopped_elements),
		TEST(meta),
		TEST(tables_gone),
	};

	return cmocka_run_group_tests(tests, NULL, remove_dir);
}
