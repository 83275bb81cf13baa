// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_schema.c - the tables, how those of earlier versions become these,
 * and whether they are whole
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_sqlite.h"

#define APPLICATION_ID	"1514883155"	/* "ZKHS" */
#define SCHEMA_VERSION	4

/* In a table of its own: it can be larger than all else that is known of an HSM. */
#define LEASE_TABLE \
	"CREATE TABLE lease(hsm_id BLOB PRIMARY KEY REFERENCES hsm(id)," \
	" evidence_digest BLOB NOT NULL, made_ms INTEGER NOT NULL," \
	" granted INTEGER NOT NULL, denied INTEGER NOT NULL, denied_keys TEXT NOT NULL," \
	" bytes BLOB NOT NULL) STRICT;"
/* What that table lacked before version 4. */
#define LEASE_POLICY "ALTER TABLE lease ADD COLUMN policy BLOB;"

/*
 * holding: the elements that the newest accepted evidence of each HSM proves. The
 * audit log is a chain: nothing in it may change, which the triggers see to.
 */
#define TABLES_4 \
	"CREATE TABLE holding(element BLOB NOT NULL CHECK(length(element) = 32)," \
	" hsm_id BLOB NOT NULL REFERENCES hsm(id), key_id TEXT NOT NULL," \
	" first_ms INTEGER NOT NULL, released INTEGER NOT NULL," \
	" PRIMARY KEY(element, hsm_id)) STRICT, WITHOUT ROWID;" \
	"CREATE INDEX holding_hsm ON holding(hsm_id, key_id);" \
	"CREATE TABLE alert(row INTEGER PRIMARY KEY, code TEXT NOT NULL, hsm_id BLOB," \
	" element BLOB, key_id TEXT NOT NULL, source TEXT NOT NULL, text TEXT NOT NULL," \
	" first_ms INTEGER NOT NULL," \
	" last_ms INTEGER NOT NULL, count INTEGER NOT NULL, state INTEGER NOT NULL," \
	" who TEXT NOT NULL, note TEXT NOT NULL, done_ms INTEGER NOT NULL) STRICT;" \
	"CREATE UNIQUE INDEX alert_open ON alert(code, ifnull(hsm_id, x'')," \
	" ifnull(element, x''), source) WHERE state = 1;" \
	"CREATE INDEX alert_live ON alert(code, ifnull(hsm_id, x'')) WHERE state < 3;" \
	"CREATE TABLE delivery(row INTEGER PRIMARY KEY," \
	" alert INTEGER NOT NULL REFERENCES alert(row), hook TEXT NOT NULL," \
	" attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL) STRICT;" \
	"CREATE INDEX delivery_due ON delivery(hook, next_ms);" \
	"CREATE INDEX delivery_alert ON delivery(alert);" \
	"CREATE TABLE audit(number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL," \
	" hsm_id BLOB, line TEXT NOT NULL, hash BLOB NOT NULL CHECK(length(hash) = 32)) STRICT;" \
	"CREATE INDEX audit_hsm ON audit(hsm_id, number);" \
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit" \
	" BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;" \
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit" \
	" BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;" \
	"CREATE TABLE history(row INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL," \
	" hsm_id BLOB NOT NULL REFERENCES hsm(id), key_id TEXT NOT NULL, element BLOB," \
	" event TEXT NOT NULL, detail TEXT NOT NULL) STRICT;" \
	"CREATE INDEX history_key ON history(hsm_id, key_id, row);" \
	"CREATE INDEX history_element ON history(element, row);" \
	"CREATE TABLE proposal(id TEXT PRIMARY KEY, action TEXT NOT NULL, body TEXT NOT NULL," \
	" who TEXT NOT NULL, x5t BLOB NOT NULL, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;" \
	"CREATE TABLE status_index(number INTEGER PRIMARY KEY AUTOINCREMENT," \
	" hsm_id BLOB NOT NULL REFERENCES hsm(id), element BLOB NOT NULL) STRICT;" \
	"CREATE UNIQUE INDEX status_index_key ON status_index(hsm_id, element);" \
	"CREATE INDEX status_index_element ON status_index(element);" \
	"CREATE INDEX hsm_cluster ON hsm(cluster);" \
	"CREATE INDEX hsm_quarantine ON hsm(quarantine_ms) WHERE quarantine = 1;"

/* Each scope has its own names, NULL or empty are those that it does not have. */
#define REVOCATION_ONCE \
	"CREATE UNIQUE INDEX revocation_once ON revocation(scope, ifnull(hsm_id, x'')," \
	" ifnull(element, x''), cluster) WHERE ended IS NULL;"

/*
 * list_digest and config_seen are NULL until there is evidence; what they refer
 * to is stored in the transaction that sets them. Ended revocations and the
 * rows of HSMs that are no longer enrolled stay, as the record.
 */
static const char schema[] =
	"CREATE TABLE meta(name INTEGER PRIMARY KEY, value BLOB NOT NULL) STRICT;"
	"CREATE TABLE list(digest BLOB PRIMARY KEY CHECK(length(digest) = 32),"
	" bytes BLOB NOT NULL) STRICT;"
	"CREATE TABLE configuration(digest BLOB PRIMARY KEY CHECK(length(digest) = 32),"
	" bytes BLOB NOT NULL) STRICT;"
	"CREATE TABLE hsm(id BLOB PRIMARY KEY CHECK(length(id) = 32), identity BLOB NOT NULL,"
	" enrolled INTEGER NOT NULL, name TEXT NOT NULL, enrolled_ms INTEGER NOT NULL,"
	" config_digest BLOB NOT NULL, config_seen BLOB REFERENCES configuration(digest),"
	" attested INTEGER NOT NULL, boot_count INTEGER NOT NULL, fork_count INTEGER NOT NULL,"
	" number INTEGER NOT NULL, instance_id BLOB NOT NULL, uptime_ms INTEGER NOT NULL,"
	" attested_ms INTEGER NOT NULL, attested_boot_ms INTEGER NOT NULL,"
	" received_ms INTEGER NOT NULL, boot_id BLOB NOT NULL,"
	" list_digest BLOB REFERENCES list(digest), evidence_digest BLOB,"
	" keys INTEGER NOT NULL, proved INTEGER NOT NULL, answer TEXT NOT NULL,"
	" applied INTEGER NOT NULL, floor INTEGER NOT NULL, shown INTEGER NOT NULL DEFAULT 0,"
	" restore INTEGER NOT NULL DEFAULT 0, retired BLOB,"
	" trust_number INTEGER NOT NULL DEFAULT 0, trust_previous BLOB, trust_digest BLOB,"
	" cluster TEXT NOT NULL DEFAULT '', quarantine INTEGER NOT NULL DEFAULT 0,"
	" quarantine_code TEXT NOT NULL DEFAULT '', quarantine_ms INTEGER NOT NULL DEFAULT 0,"
	" platform_seen BLOB, module_seen INTEGER NOT NULL DEFAULT 0)"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX hsm_list ON hsm(list_digest);"
	"CREATE INDEX hsm_config_seen ON hsm(config_seen);"
	"CREATE TABLE pending(id BLOB PRIMARY KEY CHECK(length(id) = 32), identity BLOB NOT NULL,"
	" config_digest BLOB NOT NULL, config BLOB NOT NULL, keys INTEGER NOT NULL,"
	" first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, source TEXT NOT NULL) STRICT;"
	"CREATE TABLE revocation(row INTEGER PRIMARY KEY, action INTEGER NOT NULL,"
	" scope INTEGER NOT NULL, hsm_id BLOB REFERENCES hsm(id), key_id TEXT NOT NULL,"
	" element BLOB, reason INTEGER NOT NULL, number INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
	" ended INTEGER, cluster TEXT NOT NULL DEFAULT '', who TEXT NOT NULL DEFAULT '',"
	" ended_ms INTEGER NOT NULL DEFAULT 0, ended_who TEXT NOT NULL DEFAULT '',"
	" ended_reason INTEGER NOT NULL DEFAULT 0) STRICT;"
	REVOCATION_ONCE
	"CREATE INDEX revocation_element ON revocation(element) WHERE ended IS NULL;"
	"CREATE INDEX revocation_hsm ON revocation(hsm_id, scope) WHERE ended IS NULL;"
	"CREATE TABLE orders(hsm_id BLOB NOT NULL REFERENCES hsm(id), number INTEGER NOT NULL,"
	" created_ms INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(hsm_id, number)) STRICT;"
	LEASE_TABLE
	LEASE_POLICY
	TABLES_4
	"PRAGMA application_id = " APPLICATION_ID ";"
	"PRAGMA user_version = 4;";

static const char *const upgrades[SCHEMA_VERSION] = {
	/* From version 1, which knew nothing of states from the past. */
	[1] =
		"ALTER TABLE hsm ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE hsm ADD COLUMN restore INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE hsm ADD COLUMN retired BLOB;"
		"UPDATE hsm SET shown = applied;"
		"PRAGMA user_version = 2;",
	/* From version 2, which gave no leases, and no order to change a configuration. */
	[2] =
		"ALTER TABLE hsm ADD COLUMN trust_number INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE hsm ADD COLUMN trust_previous BLOB;"
		"ALTER TABLE hsm ADD COLUMN trust_digest BLOB;"
		LEASE_TABLE
		"PRAGMA user_version = 3;",
	/* From version 3, which knew of no clusters, duplicates, alerts, audit log or status list. */
	[3] =
		"ALTER TABLE hsm ADD COLUMN cluster TEXT NOT NULL DEFAULT '';"
		"ALTER TABLE hsm ADD COLUMN quarantine INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE hsm ADD COLUMN quarantine_code TEXT NOT NULL DEFAULT '';"
		"ALTER TABLE hsm ADD COLUMN quarantine_ms INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE hsm ADD COLUMN platform_seen BLOB;"
		"ALTER TABLE hsm ADD COLUMN module_seen INTEGER NOT NULL DEFAULT 0;"
		LEASE_POLICY
		"ALTER TABLE revocation ADD COLUMN cluster TEXT NOT NULL DEFAULT '';"
		"ALTER TABLE revocation ADD COLUMN who TEXT NOT NULL DEFAULT '';"
		"ALTER TABLE revocation ADD COLUMN ended_ms INTEGER NOT NULL DEFAULT 0;"
		"ALTER TABLE revocation ADD COLUMN ended_who TEXT NOT NULL DEFAULT '';"
		"ALTER TABLE revocation ADD COLUMN ended_reason INTEGER NOT NULL DEFAULT 0;"
		"DROP INDEX revocation_once;"
		REVOCATION_ONCE
		TABLES_4
		"PRAGMA user_version = 4;",
};

/* The first column of the first row, as a number; -1 if there is none. */
static int64_t pragma(struct sq *s, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = -1;

	if (sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

int sq_check_integrity(struct sq *s, const char *where, struct zkhsm_error *err)
{
	sqlite3_stmt *stmt = NULL;
	int ret = 0;

	if (sqlite3_prepare_v2(s->db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) != SQLITE_OK ||
	    sqlite3_step(stmt) != SQLITE_ROW ||
	    strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0)
		ret = zkhsm_fail(err, -EUCLEAN, "%s is damaged: %s", where,
				 sqlite3_errcode(s->db) == SQLITE_ROW ?
				 (const char *)sqlite3_column_text(stmt, 0) :
				 sqlite3_errmsg(s->db));
	sqlite3_finalize(stmt);
	/* It returns a row for each violation. */
	if (!ret && pragma(s, "SELECT count(*) FROM pragma_foreign_key_check") != 0)
		ret = zkhsm_fail(err, -EUCLEAN, "%s is damaged: rows refer to others that are not there",
				 where);
	return ret;
}

/* All of it, or nothing. */
static int run_script(struct sq *s, const char *script, const char *where, struct zkhsm_error *err)
{
	char *text = NULL;
	int ret = 0;

	if (sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(s->db, script, NULL, NULL, &text) != SQLITE_OK ||
	    sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		ret = zkhsm_fail(err, sq_errno(sqlite3_errcode(s->db)), "%s: %s", where,
				 text ? text : sqlite3_errmsg(s->db));
	sqlite3_free(text);
	return ret;
}

int sq_set_up(struct sq *s, const char *where, struct zkhsm_error *err)
{
	int64_t version = pragma(s, "PRAGMA user_version");
	int ret = 0;

	if (version == 0 && pragma(s, "SELECT count(*) FROM sqlite_schema") == 0)
		return run_script(s, schema, where, err);
	if (version < 0)
		return zkhsm_fail(err, sq_errno(sqlite3_errcode(s->db)), "%s: %s", where,
				  sqlite3_errmsg(s->db));
	if (pragma(s, "PRAGMA application_id") != strtol(APPLICATION_ID, NULL, 10))
		return zkhsm_fail(err, -EUCLEAN, "%s is another program's database", where);
	if (version > 0 && version < SCHEMA_VERSION)
		s->base.upgraded_from = (int)version;
	for (; !ret && version > 0 && version < SCHEMA_VERSION; version++)
		ret = run_script(s, upgrades[version], where, err);
	if (ret)
		return ret;
	if (version != SCHEMA_VERSION)
		return zkhsm_fail(err, -EUCLEAN,
				  "%s has schema version %lld, this zkhsmd knows version %d", where,
				  (long long)version, SCHEMA_VERSION);
	return 0;
}
