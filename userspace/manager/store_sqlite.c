// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite.c - the store in one SQLite database: opening, transactions and
 * the statements
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "holding.h"
#include "store_sqlite.h"

#define HSM_COLUMNS "id, identity, enrolled, name, enrolled_ms, config_digest, config_seen," \
	" attested, boot_count, fork_count, number, instance_id, uptime_ms, attested_ms," \
	" attested_boot_ms, received_ms, boot_id, list_digest, evidence_digest, keys, proved," \
	" answer, applied, floor, shown, restore, retired, trust_number, trust_previous,"	\
	" trust_digest, cluster, quarantine, quarantine_code, quarantine_ms, platform_seen,"	\
	" module_seen"
#define ALERT_COLUMNS "row, code, hsm_id, element, key_id, source, text, first_ms, last_ms," \
	" count, state, who, note, done_ms"
#define HOLDING_COLUMNS "element, hsm_id, key_id, first_ms, released"
#define REVOCATION_COLUMNS "row, action, scope, hsm_id, key_id, element, reason, number, at_ms," \
	" cluster, who, ended, ended_ms, ended_who, ended_reason"
/* Of an HSM ?1, in force: all of it is stopped by these. */
#define REVOCATIONS_OF_HSM "SELECT * FROM revocation WHERE ended IS NULL AND hsm_id = ?1" \
	" AND scope = 3 UNION ALL SELECT * FROM revocation WHERE ended IS NULL AND scope = 4" \
	" AND cluster = (SELECT cluster FROM hsm WHERE id = ?1)"
/* In force, of one scope; first, so that the many keys are looked up by the few of these. */
#define STOPPED_BY(scope) "SELECT s.number, r.action FROM revocation r CROSS JOIN " scope \
	" AND r.ended IS NULL AND s.number BETWEEN ?1 AND ?2"

static const char *const statements[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_MARK] = "SAVEPOINT job",
	[SQL_KEEP] = "RELEASE job",
	[SQL_UNDO] = "ROLLBACK TO job",

	[SQL_HSM_GET] = "SELECT " HSM_COLUMNS " FROM hsm WHERE id = ?1",
	[SQL_HSM_PUT] = "INSERT INTO hsm(" HSM_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
		" ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,"
		" ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36)"
		" ON CONFLICT(id) DO UPDATE SET identity = ?2, enrolled = ?3, name = ?4,"
		" enrolled_ms = ?5, config_digest = ?6, config_seen = ?7, attested = ?8,"
		" boot_count = ?9, fork_count = ?10, number = ?11, instance_id = ?12,"
		" uptime_ms = ?13, attested_ms = ?14, attested_boot_ms = ?15, received_ms = ?16,"
		" boot_id = ?17, list_digest = ?18, evidence_digest = ?19, keys = ?20,"
		" proved = ?21, answer = ?22, applied = ?23, floor = ?24, shown = ?25,"
		" restore = ?26, retired = ?27, trust_number = ?28, trust_previous = ?29,"
		" trust_digest = ?30, cluster = ?31, quarantine = ?32, quarantine_code = ?33,"
		" quarantine_ms = ?34, platform_seen = ?35, module_seen = ?36",
	[SQL_HSM_EACH] = "SELECT " HSM_COLUMNS " FROM hsm ORDER BY id",
	[SQL_HSM_NEWEST] = "SELECT max(received_ms) FROM hsm",

	[SQL_PENDING_GET] = "SELECT id, identity, config_digest, config, keys, first_ms, last_ms,"
		" source FROM pending WHERE id = ?1",
	[SQL_PENDING_PUT] = "INSERT INTO pending(id, identity, config_digest, config, keys,"
		" first_ms, last_ms, source) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		" ON CONFLICT(id) DO UPDATE SET config_digest = ?3, config = ?4, keys = ?5,"
		" last_ms = ?7, source = ?8",
	[SQL_PENDING_DEL] = "DELETE FROM pending WHERE id = ?1",
	[SQL_PENDING_EACH] = "SELECT id, identity, config_digest, config, keys, first_ms, last_ms,"
		" source FROM pending ORDER BY first_ms, id",
	[SQL_PENDING_TRIM_SOURCE] = "DELETE FROM pending WHERE source = ?1 AND id NOT IN (SELECT id"
		" FROM pending WHERE source = ?1 ORDER BY last_ms DESC LIMIT ?2)",
	[SQL_PENDING_TRIM] = "DELETE FROM pending WHERE id NOT IN (SELECT id FROM pending"
		" ORDER BY last_ms DESC LIMIT ?1)",

	[SQL_LIST_GET] = "SELECT bytes FROM list WHERE digest = ?1",
	[SQL_LIST_PUT] = "INSERT INTO list(digest, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
	[SQL_LIST_HAS] = "SELECT 1 FROM list WHERE digest = ?1",
	[SQL_LIST_TRIM] = "DELETE FROM list WHERE digest = ?1 AND NOT EXISTS"
		" (SELECT 1 FROM hsm WHERE list_digest = ?1)",

	[SQL_CONFIG_GET] = "SELECT bytes FROM configuration WHERE digest = ?1",
	[SQL_CONFIG_PUT] = "INSERT INTO configuration(digest, bytes) VALUES (?1, ?2)"
		" ON CONFLICT DO NOTHING",
	[SQL_CONFIG_TRIM] = "DELETE FROM configuration WHERE digest NOT IN (SELECT config_digest"
		" FROM hsm UNION SELECT config_seen FROM hsm WHERE config_seen IS NOT NULL)",

	[SQL_REVOCATION_GET] = "SELECT " REVOCATION_COLUMNS " FROM revocation WHERE ended IS NULL"
		" AND scope = ?1 AND ifnull(hsm_id, x'') = ifnull(?2, x'')"
		" AND ifnull(element, x'') = ifnull(?3, x'') AND cluster = ?4",
	/* Revoke is 17 and hold 18: the strongest is the least. */
	[SQL_REVOCATION_STOPPING] = "SELECT " REVOCATION_COLUMNS " FROM (SELECT * FROM revocation"
		" WHERE ended IS NULL AND element = ?2 AND scope IN (1, 2)"
		" AND (hsm_id IS NULL OR hsm_id = ?1)"
		" UNION ALL " REVOCATIONS_OF_HSM ") ORDER BY action, row LIMIT 1",
	[SQL_REVOCATION_HSM] = "SELECT " REVOCATION_COLUMNS " FROM (" REVOCATIONS_OF_HSM ")"
		" ORDER BY action, row LIMIT 1",
	[SQL_REVOCATION_ADD] = "INSERT INTO revocation(action, scope, hsm_id, key_id, element,"
		" reason, number, at_ms, cluster, who)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
	[SQL_REVOCATION_END] = "UPDATE revocation SET ended = ?2, ended_ms = ?3, ended_who = ?4,"
		" ended_reason = ?5 WHERE row = ?1 AND ended IS NULL",
	[SQL_REVOCATION_PAGE] = "SELECT " REVOCATION_COLUMNS " FROM revocation WHERE row > ?1"
		" ORDER BY row",
	[SQL_REVOCATION_EACH] = "SELECT " REVOCATION_COLUMNS " FROM revocation WHERE ended IS NULL"
		" ORDER BY row",
	/* Of either there is one in force for an element. */
	[SQL_REVOCATION_ELEMENTS] = "SELECT element, action FROM revocation WHERE ended IS NULL"
		" AND hsm_id = ?1 AND scope = 1 ORDER BY element",
	[SQL_REVOCATION_EVERYWHERE] = "SELECT element, action FROM revocation WHERE ended IS NULL"
		" AND hsm_id IS NULL AND scope = 2 ORDER BY element",
	[SQL_DATA_VERSION] = "PRAGMA data_version",

	[SQL_STATUS_ADD] = "INSERT INTO status_index(hsm_id, element) SELECT ?1, ?2"
		" WHERE NOT EXISTS (SELECT 1 FROM status_index WHERE hsm_id = ?1 AND element = ?2)",
	[SQL_STATUS_SKIP] = "UPDATE sqlite_sequence SET seq = seq + ?1"
		" WHERE name = 'status_index'",
	[SQL_STATUS_GET] = "SELECT number FROM status_index WHERE hsm_id = ?1 AND element = ?2",
	[SQL_STATUS_ANY] = "SELECT number FROM status_index WHERE hsm_id = ?1 LIMIT 1",
	[SQL_STATUS_MARK] = "SELECT (SELECT max(number) FROM status_index), count(*),"
		" sum(quarantine_ms) FROM hsm WHERE quarantine = 1",
	[SQL_STATUS_STOPPED] =
		STOPPED_BY("status_index s WHERE r.scope = 1 AND s.hsm_id = r.hsm_id"
			   " AND s.element = r.element") " UNION ALL "
		STOPPED_BY("status_index s WHERE r.scope = 2 AND s.element = r.element") " UNION ALL "
		STOPPED_BY("status_index s WHERE r.scope = 3 AND s.hsm_id = r.hsm_id") " UNION ALL "
		STOPPED_BY("hsm h CROSS JOIN status_index s WHERE r.scope = 4"
			   " AND h.cluster = r.cluster AND s.hsm_id = h.id")
		" UNION ALL SELECT s.number, 18 FROM hsm h CROSS JOIN status_index s"
		" WHERE h.quarantine = 1 AND s.hsm_id = h.id AND s.number BETWEEN ?1 AND ?2",

	[SQL_ORDER_ADD] = "INSERT INTO orders(hsm_id, number, created_ms, bytes)"
		" VALUES (?1, ?2, ?3, ?4)",
	[SQL_ORDER_GET] = "SELECT number, created_ms, bytes FROM orders"
		" WHERE hsm_id = ?1 AND number = ?2",
	[SQL_ORDER_EACH] = "SELECT number, created_ms, bytes FROM orders"
		" WHERE hsm_id = ?1 AND number > ?2 ORDER BY number",
	[SQL_ORDER_LAST] = "SELECT max(number) FROM orders WHERE hsm_id = ?1",

	[SQL_LEASE_GET] = "SELECT evidence_digest, made_ms, granted, denied, denied_keys, bytes,"
		" policy FROM lease WHERE hsm_id = ?1",
	[SQL_LEASE_PUT] = "INSERT INTO lease(hsm_id, evidence_digest, made_ms, granted, denied,"
		" denied_keys, bytes, policy) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
		" ON CONFLICT(hsm_id) DO UPDATE SET evidence_digest = ?2, made_ms = ?3,"
		" granted = ?4, denied = ?5, denied_keys = ?6, bytes = ?7, policy = ?8",

	[SQL_AUDIT_LAST] = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1",
	[SQL_AUDIT_ADD] = "INSERT INTO audit(number, at_ms, hsm_id, line, hash)"
		" VALUES (?1, ?2, ?3, ?4, ?5)",
	[SQL_AUDIT_EACH] = "SELECT number, at_ms, hsm_id, line, hash FROM audit WHERE number > ?1"
		" ORDER BY number",
	[SQL_PROPOSAL_GET] = "SELECT id, action, body, who, x5t, at_ms FROM proposal WHERE id = ?1",
	[SQL_PROPOSAL_ADD] = "INSERT INTO proposal(id, action, body, who, x5t, at_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_PROPOSAL_DEL] = "DELETE FROM proposal WHERE id = ?1",
	[SQL_PROPOSAL_EACH] = "SELECT id, action, body, who, x5t, at_ms FROM proposal"
		" ORDER BY at_ms, id",

	[SQL_TALLY] = sq_tally_text,

	[SQL_META_GET] = "SELECT value FROM meta WHERE name = ?1",
	[SQL_META_PUT] = "INSERT INTO meta(name, value) VALUES (?1, ?2)"
		" ON CONFLICT(name) DO UPDATE SET value = ?2",

	[SQL_ALERT_RAISE] = "INSERT INTO alert(code, hsm_id, element, key_id, source, text,"
		" first_ms, last_ms, count, state, who, note, done_ms)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1, 1, '', '', 0)"
		" ON CONFLICT(code, ifnull(hsm_id, x''), ifnull(element, x''), source)"
		" WHERE state = 1 DO UPDATE SET key_id = ?4, text = ?6, last_ms = ?7,"
		" count = count + 1 RETURNING " ALERT_COLUMNS,
	[SQL_ALERT_GET] = "SELECT " ALERT_COLUMNS " FROM alert WHERE row = ?1",
	[SQL_ALERT_PUT] = "UPDATE alert SET state = ?2, who = ?3, note = ?4, done_ms = ?5"
		" WHERE row = ?1",
	[SQL_ALERT_EACH] = "SELECT " ALERT_COLUMNS " FROM alert WHERE row > ?2"
		" AND (?1 = 0 OR state = ?1) ORDER BY row LIMIT ?3",
	[SQL_ALERT_OVER] = "UPDATE alert SET state = 3, who = ?5, note = ?3, done_ms = ?4"
		" WHERE code = ?1 AND ifnull(hsm_id, x'') = ifnull(?2, x'') AND state < 3",
	[SQL_ALERT_LIVE] = "SELECT count(*) FROM alert WHERE code = ?1"
		" AND ifnull(hsm_id, x'') = ifnull(?2, x'') AND state < 3",
	/* From its beginning: what is there is open, told to somebody, or goes. */
	[SQL_ALERT_TRIM] = "DELETE FROM alert WHERE row <= (SELECT max(row) FROM alert) - ?1"
		" AND state = 3 AND NOT EXISTS (SELECT 1 FROM delivery WHERE alert = alert.row)",
	[SQL_DELIVERY_ADD] = "INSERT INTO delivery(alert, hook, attempts, next_ms)"
		" SELECT ?1, ?2, 0, ?3 WHERE (SELECT count(*) FROM delivery) < ?4",
	[SQL_DELIVERY_PUT] = "UPDATE delivery SET attempts = ?2, next_ms = ?3 WHERE row = ?1",
	[SQL_DELIVERY_DEL] = "DELETE FROM delivery WHERE row = ?1",
	[SQL_DELIVERY_DUE] = "SELECT row, alert, hook, attempts, next_ms FROM delivery"
		" WHERE hook = ?1 AND (next_ms <= ?2 OR next_ms > ?2 + 600000)"
		" ORDER BY next_ms, row LIMIT 1",
	[SQL_DELIVERY_CLEAR] = "DELETE FROM delivery WHERE hook = ?1",
	[SQL_DELIVERY_HOOKS] = "SELECT DISTINCT hook FROM delivery",

	[SQL_HOLDING_ADD] = "INSERT INTO holding(" HOLDING_COLUMNS ") VALUES (?1, ?2, ?3, ?4, 0)"
		" ON CONFLICT DO NOTHING",
	[SQL_HOLDING_RENAME] = "UPDATE holding SET key_id = ?3 WHERE element = ?1 AND hsm_id = ?2",
	[SQL_HOLDING_GET] = "SELECT " HOLDING_COLUMNS " FROM holding"
		" WHERE element = ?1 AND hsm_id = ?2",
	[SQL_HOLDING_DEL] = "DELETE FROM holding WHERE element = ?1 AND hsm_id = ?2"
		" AND key_id = ?3",
	[SQL_HOLDING_CLEAR] = "DELETE FROM holding WHERE hsm_id = ?1",
	[SQL_HOLDING_HAS] = "SELECT 1 FROM holding WHERE hsm_id = ?1 LIMIT 1",
	[SQL_HOLDING_ELEMENT] = "SELECT " HOLDING_COLUMNS " FROM holding WHERE element = ?1"
		" ORDER BY first_ms, hsm_id",
	[SQL_HOLDING_SHARED] = "SELECT " HOLDING_COLUMNS " FROM holding AS mine WHERE hsm_id = ?1"
		" AND EXISTS (SELECT 1 FROM holding AS other WHERE other.element = mine.element"
		" AND other.hsm_id <> ?1) ORDER BY key_id",
	[SQL_HOLDING_RELEASE] = "UPDATE holding SET released = 1 WHERE hsm_id = ?1"
		" AND EXISTS (SELECT 1 FROM holding AS other WHERE other.element = holding.element"
		" AND other.hsm_id <> ?1)",
	[SQL_HISTORY_ADD] = "INSERT INTO history(at_ms, hsm_id, key_id, element, event, detail)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[SQL_HISTORY_TRIM_KEY] = "DELETE FROM history WHERE hsm_id = ?1 AND key_id = ?2"
		" AND row <= (SELECT row FROM history WHERE hsm_id = ?1 AND key_id = ?2"
		" ORDER BY row DESC LIMIT 1 OFFSET ?3)",
	[SQL_HISTORY_TRIM] = "DELETE FROM history WHERE row <= (SELECT max(row) FROM history) - ?1",
	[SQL_HISTORY_KEY] = "SELECT row, at_ms, hsm_id, key_id, element, event, detail FROM history"
		" WHERE hsm_id = ?1 AND key_id = ?2 ORDER BY row DESC LIMIT ?3",
};

int sq_errno(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	default:
		return -EIO;
	}
}

sqlite3_stmt *sq_stmt(struct sq *s, enum sql which)
{
	sqlite3_stmt **stmt = &s->stmt[which];

	if (!*stmt) {
		sqlite3_prepare_v3(s->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT, stmt,
				   NULL);
		return *stmt;
	}
	sqlite3_reset(*stmt);
	sqlite3_clear_bindings(*stmt);
	return *stmt;
}

int sq_step(sqlite3_stmt *stmt)
{
	int code;

	if (!stmt)
		return -EIO;
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : sq_errno(code);
}

int sq_end(sqlite3_stmt *stmt, int ret)
{
	if (stmt)
		sqlite3_reset(stmt);
	return ret > 0 ? 0 : ret;
}

int sq_run(sqlite3_stmt *stmt)
{
	return sq_end(stmt, sq_step(stmt));
}

/* Bound without a copy: every statement is run, or read to its end, before its arguments go. */
void sq_blob(sqlite3_stmt *stmt, int index, const void *data, size_t len)
{
	if (stmt)
		sqlite3_bind_blob64(stmt, index, data, len, SQLITE_STATIC);
}

void sq_hash(sqlite3_stmt *stmt, int index, const uint8_t hash[32])
{
	static const uint8_t zero[32];

	if (stmt && memcmp(hash, zero, sizeof(zero)))
		sq_blob(stmt, index, hash, 32);
}

bool sq_take(sqlite3_stmt *stmt, int column, void *out, size_t len)
{
	if (sqlite3_column_type(stmt, column) == SQLITE_NULL) {
		memset(out, 0, len);
		return true;
	}
	if ((size_t)sqlite3_column_bytes(stmt, column) != len)
		return false;
	memcpy(out, sqlite3_column_blob(stmt, column), len);
	return true;
}

bool sq_text(sqlite3_stmt *stmt, int column, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	if (!text || strlen(text) >= size)
		return false;
	strcpy(out, text);	/* just measured */
	return true;
}

static int run(struct zkhsmd_store *s, enum sql which)
{
	return sq_run(sq_stmt(to_sq(s), which));
}

static int sq_begin(struct zkhsmd_store *s)
{
	return run(s, SQL_BEGIN);
}

static void sq_rollback(struct zkhsmd_store *s)
{
	sq_stopped_forget(to_sq(s));
	/* After some errors SQLite has rolled back already. */
	if (!sqlite3_get_autocommit(to_sq(s)->db))
		run(s, SQL_ROLLBACK);
}

static int sq_commit(struct zkhsmd_store *s)
{
	int ret = run(s, SQL_COMMIT);

	if (ret)
		sq_rollback(s);
	return ret;
}

static int sq_mark(struct zkhsmd_store *s)
{
	return run(s, SQL_MARK);
}

static int sq_keep(struct zkhsmd_store *s)
{
	return run(s, SQL_KEEP);
}

static int sq_undo(struct zkhsmd_store *s)
{
	int ret;

	if (sqlite3_get_autocommit(to_sq(s)->db))
		return -EIO;
	sq_stopped_forget(to_sq(s));
	ret = run(s, SQL_UNDO);
	return ret ? ret : run(s, SQL_KEEP);
}

static void sq_close(struct zkhsmd_store *store)
{
	struct sq *s = to_sq(store);

	if (!store)
		return;
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(s->stmt[i]);
	sq_stopped_forget(s);
	sqlite3_close(s->db);
	free(s);
}

/* Preparing reads the schema, which may have to wait: done before. */
static int sq_hurry(struct zkhsmd_store *store)
{
	static const enum sql needed[] = { SQL_HSM_GET, SQL_REVOCATION_HSM, SQL_PENDING_GET,
					   SQL_CONFIG_GET };
	struct sq *s = to_sq(store);

	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (!sq_stmt(s, needed[i]))
			return sq_errno(sqlite3_errcode(s->db));
	}
	sqlite3_busy_timeout(s->db, 0);
	return 0;
}

static int sq_open(const char *where, bool readonly, bool check, struct zkhsmd_store **out,
		   struct zkhsm_error *err)
{
	struct sq *s = calloc(1, sizeof(*s));
	int code, ret;

	if (!s)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	s->base.ops = &zkhsmd_store_sqlite;
	/* A reader of a WAL writes into its index: query_only is what keeps it a reader. */
	code = sqlite3_open_v2(where, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
			       SQLITE_OPEN_EXRESCODE | (readonly ? 0 : SQLITE_OPEN_CREATE), NULL);
	if (code == SQLITE_OK) {
		sqlite3_busy_timeout(s->db, 10000);
		code = sqlite3_exec(s->db, readonly ? "PRAGMA query_only = ON" :
				    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
				    "PRAGMA cell_size_check = ON;"
				    "PRAGMA journal_size_limit = 67108864", NULL, NULL, NULL);
	}
	ret = code == SQLITE_OK ? 0 : zkhsm_fail(err, sq_errno(code), "%s: %s", where,
						 s->db ? sqlite3_errmsg(s->db) : "out of memory");
	if (!ret && !readonly)
		ret = sq_set_up(s, where, err);
	if (!ret && check)
		ret = sq_check_integrity(s, where, err);
	if (ret) {
		sq_close(&s->base);
		return ret;
	}
	*out = &s->base;
	return 0;
}

const struct zkhsmd_store_ops zkhsmd_store_sqlite = {
	.name = "sqlite",
	.open = sq_open,
	.close = sq_close,
	.hurry = sq_hurry,
	.backup = sq_backup,
	.begin = sq_begin,
	.commit = sq_commit,
	.rollback = sq_rollback,
	.mark = sq_mark,
	.keep = sq_keep,
	.undo = sq_undo,
	.hsm_get = sq_hsm_get,
	.hsm_put = sq_hsm_put,
	.hsm_each = sq_hsm_each,
	.hsm_newest = sq_hsm_newest,
	.pending_get = sq_pending_get,
	.pending_put = sq_pending_put,
	.pending_del = sq_pending_del,
	.pending_each = sq_pending_each,
	.pending_trim = sq_pending_trim,
	.list_get = sq_list_get,
	.list_put = sq_list_put,
	.list_has = sq_list_has,
	.list_trim = sq_list_trim,
	.config_get = sq_config_get,
	.config_put = sq_config_put,
	.config_trim = sq_config_trim,
	.revocation_get = sq_revocation_get,
	.revocation_stopping = sq_revocation_stopping,
	.revocation_add = sq_revocation_add,
	.revocation_end = sq_revocation_end,
	.revocation_each = sq_revocation_each,
	.revocation_hsm = sq_revocation_hsm,
	.revocation_page = sq_revocation_page,
	.revocation_elements = sq_revocation_elements,
	.status_add = sq_status_add,
	.status_get = sq_status_get,
	.status_skip = sq_status_skip,
	.status_any = sq_status_any,
	.status_mark = sq_status_mark,
	.status_stopped = sq_status_stopped,
	.order_add = sq_order_add,
	.order_get = sq_order_get,
	.order_each = sq_order_each,
	.order_last = sq_order_last,
	.lease_get = sq_lease_get,
	.lease_put = sq_lease_put,
	.audit_last = sq_audit_last,
	.audit_add = sq_audit_add,
	.audit_each = sq_audit_each,
	.proposal_get = sq_proposal_get,
	.proposal_add = sq_proposal_add,
	.proposal_del = sq_proposal_del,
	.proposal_each = sq_proposal_each,
	.tally = sq_tally,
	.meta_get = sq_meta_get,
	.meta_put = sq_meta_put,
	.alert_raise = sq_alert_raise,
	.alert_get = sq_alert_get,
	.alert_put = sq_alert_put,
	.alert_each = sq_alert_each,
	.alert_live = sq_alert_live,
	.alert_over = sq_alert_over,
	.alert_trim = sq_alert_trim,
	.delivery_add = sq_delivery_add,
	.delivery_put = sq_delivery_put,
	.delivery_del = sq_delivery_del,
	.delivery_clear = sq_delivery_clear,
	.delivery_due = sq_delivery_due,
	.delivery_hooks = sq_delivery_hooks,
	.holding_put = sq_holding_put,
	.holding_get = sq_holding_get,
	.holding_del = sq_holding_del,
	.holding_clear = sq_holding_clear,
	.holding_has = sq_holding_has,
	.holding_element = sq_holding_element,
	.holding_shared = sq_holding_shared,
	.holding_release = sq_holding_release,
	.history_add = sq_history_add,
	.history_key = sq_history_key,
};
