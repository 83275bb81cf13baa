/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the SQLite backend share.
 */
#ifndef ZKHSM_STORE_SQLITE_H
#define ZKHSM_STORE_SQLITE_H

#include <sqlite3.h>

#include "store.h"

/* Each is prepared once per thread, when it is first used. */
enum sql {
	SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK, SQL_MARK, SQL_KEEP, SQL_UNDO,
	SQL_HSM_GET, SQL_HSM_PUT, SQL_HSM_EACH, SQL_HSM_NEWEST,
	SQL_PENDING_GET, SQL_PENDING_PUT, SQL_PENDING_DEL, SQL_PENDING_EACH,
	SQL_PENDING_TRIM_SOURCE, SQL_PENDING_TRIM,
	SQL_LIST_GET, SQL_LIST_PUT, SQL_LIST_HAS, SQL_LIST_TRIM,
	SQL_CONFIG_GET, SQL_CONFIG_PUT, SQL_CONFIG_TRIM,
	SQL_REVOCATION_GET, SQL_REVOCATION_STOPPING, SQL_REVOCATION_ADD, SQL_REVOCATION_END,
	SQL_REVOCATION_EVERYWHERE, SQL_DATA_VERSION,
	SQL_REVOCATION_EACH, SQL_REVOCATION_ELEMENTS, SQL_REVOCATION_HSM, SQL_REVOCATION_PAGE,
	SQL_STATUS_ADD, SQL_STATUS_SKIP, SQL_STATUS_GET, SQL_STATUS_ANY, SQL_STATUS_MARK, SQL_STATUS_STOPPED,
	SQL_ORDER_ADD, SQL_ORDER_GET, SQL_ORDER_EACH, SQL_ORDER_LAST,
	SQL_LEASE_GET, SQL_LEASE_PUT,
	SQL_META_GET, SQL_META_PUT,
	SQL_TALLY,
	SQL_AUDIT_LAST, SQL_AUDIT_ADD, SQL_AUDIT_EACH,
	SQL_PROPOSAL_GET, SQL_PROPOSAL_ADD, SQL_PROPOSAL_DEL, SQL_PROPOSAL_EACH,
	SQL_ALERT_RAISE, SQL_ALERT_GET, SQL_ALERT_PUT, SQL_ALERT_EACH, SQL_ALERT_OVER, SQL_ALERT_TRIM,
	SQL_ALERT_LIVE,
	SQL_DELIVERY_ADD, SQL_DELIVERY_PUT, SQL_DELIVERY_DEL, SQL_DELIVERY_DUE, SQL_DELIVERY_HOOKS,
	SQL_DELIVERY_CLEAR,
	SQL_HOLDING_ADD, SQL_HOLDING_RENAME, SQL_HOLDING_GET, SQL_HOLDING_DEL, SQL_HOLDING_CLEAR,
	SQL_HOLDING_HAS, SQL_HOLDING_ELEMENT, SQL_HOLDING_SHARED, SQL_HOLDING_RELEASE,
	SQL_HISTORY_ADD, SQL_HISTORY_TRIM_KEY, SQL_HISTORY_TRIM, SQL_HISTORY_KEY,
	SQL_COUNT
};

struct sq_stopped;

struct sq {
	struct zkhsmd_store base;
	sqlite3 *db;
	sqlite3_stmt *stmt[SQL_COUNT];
	struct sq_stopped *stopped;
};

static inline struct sq *to_sq(struct zkhsmd_store *s)
{
	return (struct sq *)s;	/* @base is first */
}

/* store_sqlite.c */
int sq_errno(int code);
/* NULL when it cannot be prepared; otherwise reset, with nothing bound. */
sqlite3_stmt *sq_stmt(struct sq *s, enum sql which);
/* Steps once. 1 for a row, 0 for the end, else a negative errno. */
int sq_step(sqlite3_stmt *stmt);
/* Steps to the end of what returns no rows, and resets. */
int sq_run(sqlite3_stmt *stmt);
/* Ends reading; @ret with 0 for 1. */
int sq_end(sqlite3_stmt *stmt, int ret);
void sq_blob(sqlite3_stmt *stmt, int index, const void *data, size_t len);
/* NULL when all zero. */
void sq_hash(sqlite3_stmt *stmt, int index, const uint8_t hash[32]);
/* Exactly @len bytes, or NULL when that is zeroes; false otherwise. */
bool sq_take(sqlite3_stmt *stmt, int column, void *out, size_t len);
bool sq_text(sqlite3_stmt *stmt, int column, char *out, size_t size);

/* store_sqlite_schema.c: the tables made, or those of an earlier version changed. */
int sq_set_up(struct sq *s, const char *where, struct zkhsm_error *err);
int sq_check_integrity(struct sq *s, const char *where, struct zkhsm_error *err);

/* store_sqlite_hsm.c */
int sq_hsm_get(struct zkhsmd_store *s, const uint8_t id[32], struct zkhsmd_hsm *out);
int sq_hsm_put(struct zkhsmd_store *s, const struct zkhsmd_hsm *h);
int sq_hsm_each(struct zkhsmd_store *s, int (*fn)(const struct zkhsmd_hsm *h, void *arg), void *arg);
int sq_hsm_newest(struct zkhsmd_store *s, int64_t *ms);
int sq_pending_get(struct zkhsmd_store *s, const uint8_t id[32], struct zkhsmd_pending *out);
int sq_pending_put(struct zkhsmd_store *s, const struct zkhsmd_pending *p);
int sq_pending_del(struct zkhsmd_store *s, const uint8_t id[32]);
int sq_pending_each(struct zkhsmd_store *s, int (*fn)(const struct zkhsmd_pending *p, void *arg),
		    void *arg);
int sq_pending_trim(struct zkhsmd_store *s, const char *source, uint64_t max, uint64_t per_source);

/* store_sqlite_bytes.c */
int sq_list_get(struct zkhsmd_store *s, const uint8_t digest[32], uint8_t **bytes, size_t *len);
int sq_list_put(struct zkhsmd_store *s, const uint8_t digest[32], const uint8_t *bytes, size_t len);
int sq_list_has(struct zkhsmd_store *s, const uint8_t digest[32]);
int sq_list_trim(struct zkhsmd_store *s, const uint8_t digest[32]);
int sq_config_get(struct zkhsmd_store *s, const uint8_t digest[32],
		  uint8_t out[ZKHSM_CONFIGURATION_MAX_LEN], size_t *len);
int sq_config_put(struct zkhsmd_store *s, const uint8_t digest[32], const uint8_t *bytes, size_t len);
int sq_config_trim(struct zkhsmd_store *s);
int sq_meta_get(struct zkhsmd_store *s, enum zkhsmd_meta name, void *out, size_t len);
int sq_meta_put(struct zkhsmd_store *s, enum zkhsmd_meta name, const void *value, size_t len);

/* store_sqlite_revocation.c */
int sq_revocation_get(struct zkhsmd_store *s, const struct zkhsmd_revocation *like,
		      struct zkhsmd_revocation *out);
int sq_revocation_hsm(struct zkhsmd_store *s, const uint8_t hsm_id[32],
		      struct zkhsmd_revocation *out);
int sq_revocation_page(struct zkhsmd_store *s, int64_t after,
		       int (*fn)(const struct zkhsmd_revocation *r, void *arg), void *arg);
int sq_revocation_stopping(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			   const uint8_t element[32], struct zkhsmd_revocation *out);
/* store_sqlite_stopped.c: after every change of revocations, and where one was undone */
void sq_stopped_forget(struct sq *s);
int sq_revocation_elements(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			   int (*fn)(const uint8_t element[32], uint8_t action, void *arg),
			   void *arg);
int sq_revocation_add(struct zkhsmd_store *s, const struct zkhsmd_revocation *r);
int sq_revocation_end(struct zkhsmd_store *s, int64_t row, const struct zkhsmd_revocation *by);
int sq_revocation_each(struct zkhsmd_store *s,
		       int (*fn)(const struct zkhsmd_revocation *r, void *arg), void *arg);

/* store_sqlite_status.c */
int sq_status_add(struct zkhsmd_store *s, const uint8_t hsm_id[32], const uint8_t element[32]);
int sq_status_get(struct zkhsmd_store *s, const uint8_t hsm_id[32], const uint8_t element[32],
		  uint64_t *number);
int sq_status_skip(struct zkhsmd_store *s, uint64_t count);
int sq_status_any(struct zkhsmd_store *s, const uint8_t hsm_id[32]);
int sq_status_mark(struct zkhsmd_store *s, struct zkhsmd_status_mark *out);
int sq_status_stopped(struct zkhsmd_store *s, uint64_t first, uint64_t last,
		      int (*fn)(uint64_t number, uint8_t action, void *arg), void *arg);

/* store_sqlite_backup.c */
int sq_backup(const char *where, const char *file, struct zkhsm_error *err);

/* store_sqlite_tally.c */
extern const char sq_tally_text[];
int sq_tally(struct zkhsmd_store *s, int (*fn)(const struct zkhsmd_tally *t, void *arg), void *arg);

/* store_sqlite_order.c */
int sq_order_add(struct zkhsmd_store *s, const uint8_t hsm_id[32], const struct zkhsmd_order *o);
int sq_order_get(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t number,
		 struct zkhsmd_order *out);
int sq_order_each(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t after,
		  int (*fn)(const struct zkhsmd_order *o, void *arg), void *arg);
int sq_order_last(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t *number);
int sq_lease_get(struct zkhsmd_store *s, const uint8_t hsm_id[32], struct zkhsmd_lease *out);
int sq_lease_put(struct zkhsmd_store *s, const uint8_t hsm_id[32], const struct zkhsmd_lease *l);

/* store_sqlite_audit.c */
int sq_audit_last(struct zkhsmd_store *s, uint64_t *number, uint8_t hash[32]);
int sq_audit_add(struct zkhsmd_store *s, const struct zkhsmd_audit_row *row);
int sq_audit_each(struct zkhsmd_store *s, uint64_t after,
		  int (*fn)(const struct zkhsmd_audit_row *row, void *arg), void *arg);
int sq_proposal_get(struct zkhsmd_store *s, const char *id, struct zkhsmd_proposal *out);
int sq_proposal_add(struct zkhsmd_store *s, const struct zkhsmd_proposal *p);
int sq_proposal_del(struct zkhsmd_store *s, const char *id);
int sq_proposal_each(struct zkhsmd_store *s,
		     int (*fn)(const struct zkhsmd_proposal *p, void *arg), void *arg);

#endif /* ZKHSM_STORE_SQLITE_H */
