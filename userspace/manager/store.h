/* SPDX-License-Identifier: GPL-2.0 */
/*
 * store.h - what the manager must not forget, behind one table of operations
 *
 * A store is opened once per thread. Readers see what is committed. Writing
 * happens within begin and commit; mark and undo bracket one job in it, so that
 * one that fails takes nothing of the others with it. Functions return 0 or a
 * count where they say so, -ENOENT when there is nothing, -ENOSPC when the disk is
 * full, -EBUSY when it was locked for too long, -EUCLEAN when the content is not
 * what this program writes, or -EIO.
 */
#ifndef ZKHSM_STORE_H
#define ZKHSM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zkhsm.h"

#define ZKHSMD_NAME_MAX		64
#define ZKHSMD_ANSWER_MAX	512
#define ZKHSMD_CODE_MAX		31	/* of an alert */

struct zkhsmd_store;

/**
 * struct zkhsmd_hsm - what is known of one HSM
 * @enrolled:	its row outlives its enrolment: numbers must never be used twice
 * @identity:	D, all zero until its first true evidence
 * @config_digest: the approved configuration
 * @config_seen: that of its newest true evidence, zero if none
 * @attested:	there is accepted evidence, and the fields below are its
 * @attested_ms: when the nonce was given, by the wall clock; @attested_boot_ms the
 *		same by CLOCK_BOOTTIME of the boot @boot_id
 * @received_ms: when the evidence came
 * @proved:	entries that the proof covers
 * @answer:	what was answered to it
 * @applied:	number of our last order that it has applied
 * @floor:	numbers of orders up to here are taken, known or not
 * @shown:	number of our last order, known or not, that true evidence showed applied
 * @restore:	an administrator said that a state from the past will come
 * @retired:	the instance that such a state took the place of, zero if none
 * @trust_number: of our newest order to change C, while it has not been seen done
 *		or come to nothing; 0: none
 * @trust_previous, @trust_digest: the configuration that it replaces, and the new one
 * @cluster:	the cluster that it was enrolled in, "" for none
 * @quarantine:	it has neither leases nor tokens, until an administrator releases it
 * @quarantine_code: of the alert that was the reason, and @quarantine_ms when
 * @platform_seen, @module_seen: in its newest true evidence, as @config_seen
 */
struct zkhsmd_hsm {
	uint8_t id[32];
	uint8_t identity[65];
	bool enrolled;
	char name[ZKHSMD_NAME_MAX + 1];
	int64_t enrolled_ms;
	uint8_t config_digest[32], config_seen[32];
	bool attested;
	uint32_t boot_count, fork_count, number;
	uint8_t instance_id[16];
	uint64_t uptime_ms;
	int64_t attested_ms, attested_boot_ms, received_ms;
	uint8_t boot_id[16];
	uint8_t list_digest[32], evidence_digest[32];
	uint32_t keys, proved;
	char answer[ZKHSMD_ANSWER_MAX];
	uint64_t applied, floor, shown;
	bool restore;
	uint8_t retired[16];
	uint64_t trust_number;
	uint8_t trust_previous[32], trust_digest[32];
	char cluster[ZKHSMD_NAME_MAX + 1];
	bool quarantine;
	char quarantine_code[ZKHSMD_CODE_MAX + 1];
	int64_t quarantine_ms;
	uint8_t platform_seen[32];
	uint32_t module_seen;
};

/**
 * struct zkhsmd_lease - the lease that answered the newest accepted evidence of an HSM
 * @evidence_digest: of that evidence, as in struct zkhsmd_hsm
 * @granted, @denied: how many keys of its list; those that the proof does not cover
 *		are neither
 * @denied_keys: a JSON array that names them, cut; with @bytes the owner's, see
 *		zkhsmd_lease_free()
 * @bytes:	the order, as signed
 * @policy:	digest of the one by which it was made
 */
struct zkhsmd_lease {
	uint8_t evidence_digest[32], policy[32];
	int64_t made_ms;
	uint32_t granted, denied;
	char *denied_keys;
	uint8_t *bytes;
	size_t len;
};

/* True evidence of an HSM that nobody enrolled. */
struct zkhsmd_pending {
	uint8_t id[32];
	uint8_t identity[65];
	uint8_t config_digest[32];
	uint8_t config[ZKHSM_CONFIGURATION_MAX_LEN];
	size_t config_len;
	uint32_t keys;
	int64_t first_ms, last_ms;
	char source[48];
};

enum zkhsmd_scope {
	ZKHSMD_SCOPE_KEY = 1, ZKHSMD_SCOPE_ELEMENT, ZKHSMD_SCOPE_HSM, ZKHSMD_SCOPE_CLUSTER,
};

#define ZKHSMD_WHO_MAX		127

/**
 * struct zkhsmd_revocation - one that is in force, or was
 * @action:	ZKHSM_ORDER_TYPE_REVOKE or _HOLD
 * @hsm_id, @key_id, @element, @cluster: those that the scope has (key: the first
 *		three), else zero
 * @number:	of the list in which it appeared
 * @who:	the subject of the administrator's certificate; "" where that was not kept
 * @ended:	number of the list in which it does not appear any more, 0 while it is
 *		in force; @ended_ms, @ended_who and @ended_reason are of the act that
 *		ended it: a release, or a revocation that took a hold's place
 */
struct zkhsmd_revocation {
	int64_t row;
	uint8_t action;
	enum zkhsmd_scope scope;
	uint8_t hsm_id[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
	uint8_t element[32];
	char cluster[ZKHSMD_NAME_MAX + 1];
	uint8_t reason;
	uint64_t number;
	int64_t at_ms;
	char who[ZKHSMD_WHO_MAX + 1];
	uint64_t ended;
	int64_t ended_ms;
	char ended_who[ZKHSMD_WHO_MAX + 1];
	uint8_t ended_reason;
};

/**
 * struct zkhsmd_status_mark - what status lists follow from, but for revocations
 * @last:	the highest index that was given, 0: none
 * @quarantined, @quarantined_ms: HSMs in quarantine, and the sum of since when
 */
struct zkhsmd_status_mark {
	uint64_t last, quarantined, quarantined_ms;
};

struct zkhsmd_order {
	uint64_t number;
	int64_t created_ms;
	uint8_t *bytes;			/* the caller of order_get frees; of each, the store's */
	size_t len;
};

/**
 * struct zkhsmd_audit_row - one entry of the audit log, see audit_log.h
 * @hsm_id:	that it is about, zero if none
 * @line:	of add, the caller's; of each, the store's
 * @hash:	SHA-256 of @line
 */
struct zkhsmd_audit_row {
	uint64_t number;
	int64_t at_ms;
	uint8_t hsm_id[32];
	const char *line;
	uint8_t hash[32];
};

#define ZKHSMD_ACTION_MAX	31

/**
 * struct zkhsmd_proposal - what one administrator asked for, and another has to
 * @id:		hex of the digest of the request
 * @request:	JSON of it and of the first one's roles; the caller of get frees, of each,
 *		the store's
 * @who, @x5t:	common name and certificate of the first one
 */
struct zkhsmd_proposal {
	char id[65];
	char action[ZKHSMD_ACTION_MAX + 1];
	char *request;
	char who[65];
	uint8_t x5t[32];
	int64_t at_ms;
};

enum zkhsmd_meta {
	ZKHSMD_META_MANAGER_ID = 1,	/* 32 bytes */
	ZKHSMD_META_LIST_NUMBER,	/* u64 */
	ZKHSMD_META_PROBE,		/* u64 */
};

/* alert.h and holding.h */
struct zkhsmd_alert;
struct zkhsmd_alert_row;
struct zkhsmd_delivery;
struct zkhsmd_holding;
struct zkhsmd_history;

/* tally.h */
struct zkhsmd_tally;

struct zkhsmd_store_ops {
	const char *name;
	/* Creates what is not there unless @readonly; checks schema and integrity if asked. */
	int (*open)(const char *where, bool readonly, bool check, struct zkhsmd_store **out,
		    struct zkhsm_error *err);
	void (*close)(struct zkhsmd_store *s);
	/*
	 * From now on reading an HSM's row takes microseconds, or is -EBUSY at once
	 * where it would have to wait. NULL if this store cannot do that.
	 */
	int (*hurry)(struct zkhsmd_store *s);

	/*
	 * A consistent copy of @where as @file, an empty one; whole, and checked. Others
	 * may read and write meanwhile.
	 */
	int (*backup)(const char *where, const char *file, struct zkhsm_error *err);

	int (*begin)(struct zkhsmd_store *s);
	int (*commit)(struct zkhsmd_store *s);		/* rolled back when it fails */
	void (*rollback)(struct zkhsmd_store *s);
	int (*mark)(struct zkhsmd_store *s);
	int (*keep)(struct zkhsmd_store *s);
	int (*undo)(struct zkhsmd_store *s);		/* -EIO: the whole transaction is gone */

	int (*hsm_get)(struct zkhsmd_store *s, const uint8_t id[32], struct zkhsmd_hsm *out);
	int (*hsm_put)(struct zkhsmd_store *s, const struct zkhsmd_hsm *h);
	int (*hsm_each)(struct zkhsmd_store *s, int (*fn)(const struct zkhsmd_hsm *h, void *arg),
			void *arg);
	/* The newest @received_ms of all, 0 if none. */
	int (*hsm_newest)(struct zkhsmd_store *s, int64_t *ms);

	int (*pending_get)(struct zkhsmd_store *s, const uint8_t id[32], struct zkhsmd_pending *out);
	int (*pending_put)(struct zkhsmd_store *s, const struct zkhsmd_pending *p);
	int (*pending_del)(struct zkhsmd_store *s, const uint8_t id[32]);
	int (*pending_each)(struct zkhsmd_store *s,
			    int (*fn)(const struct zkhsmd_pending *p, void *arg), void *arg);
	/* Leaves @max of all and @per_source of @source, the newest. */
	int (*pending_trim)(struct zkhsmd_store *s, const char *source, uint64_t max,
			    uint64_t per_source);

	/* Caller frees *@bytes. */
	int (*list_get)(struct zkhsmd_store *s, const uint8_t digest[32], uint8_t **bytes, size_t *len);
	int (*list_put)(struct zkhsmd_store *s, const uint8_t digest[32], const uint8_t *bytes,
			size_t len);
	int (*list_has)(struct zkhsmd_store *s, const uint8_t digest[32]);	/* 0 or -ENOENT */
	int (*list_trim)(struct zkhsmd_store *s, const uint8_t digest[32]);	/* if nobody's */

	int (*config_get)(struct zkhsmd_store *s, const uint8_t digest[32],
			  uint8_t out[ZKHSM_CONFIGURATION_MAX_LEN], size_t *len);
	int (*config_put)(struct zkhsmd_store *s, const uint8_t digest[32], const uint8_t *bytes,
			  size_t len);
	int (*config_trim)(struct zkhsmd_store *s);				/* nobody's ones */

	/* In force, of exactly the scope and the names that @like has. */
	int (*revocation_get)(struct zkhsmd_store *s, const struct zkhsmd_revocation *like,
			      struct zkhsmd_revocation *out);
	/* In force, the strongest that stops all of this HSM: its own, or its cluster's. */
	int (*revocation_hsm)(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			      struct zkhsmd_revocation *out);
	/* In force, the strongest that stops this element on this HSM, of any scope. */
	int (*revocation_stopping)(struct zkhsmd_store *s, const uint8_t hsm_id[32],
				   const uint8_t element[32], struct zkhsmd_revocation *out);
	/* Each element that a key's or element's scope stops on this HSM, ascending, once. */
	int (*revocation_elements)(struct zkhsmd_store *s, const uint8_t hsm_id[32],
				   int (*fn)(const uint8_t element[32], uint8_t action, void *arg),
				   void *arg);
	int (*revocation_add)(struct zkhsmd_store *s, const struct zkhsmd_revocation *r);
	/* Number, time, who and reason of @by: what ended it. */
	int (*revocation_end)(struct zkhsmd_store *s, int64_t row,
			      const struct zkhsmd_revocation *by);
	int (*revocation_each)(struct zkhsmd_store *s,
			       int (*fn)(const struct zkhsmd_revocation *r, void *arg), void *arg);
	/* Ended ones too, those of rows above @after, until @fn returns other than 0. */
	int (*revocation_page)(struct zkhsmd_store *s, int64_t after,
			       int (*fn)(const struct zkhsmd_revocation *r, void *arg), void *arg);

	/* Its index in the status lists, from 1; never taken back. What has one keeps it. */
	int (*status_add)(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			  const uint8_t element[32]);
	int (*status_get)(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			  const uint8_t element[32], uint64_t *number);
	/* So many will be nobody's: after a restore tokens may name some that are not known. */
	int (*status_skip)(struct zkhsmd_store *s, uint64_t count);
	int (*status_any)(struct zkhsmd_store *s, const uint8_t hsm_id[32]);	/* 0 or -ENOENT */
	int (*status_mark)(struct zkhsmd_store *s, struct zkhsmd_status_mark *out);
	/* Each index from @first to @last and what stops it, in no order, maybe several times. */
	int (*status_stopped)(struct zkhsmd_store *s, uint64_t first, uint64_t last,
			      int (*fn)(uint64_t number, uint8_t action, void *arg), void *arg);

	int (*order_add)(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			 const struct zkhsmd_order *o);
	int (*order_get)(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t number,
			 struct zkhsmd_order *out);
	/* Those above @after, the lowest first, until @fn returns other than 0. */
	int (*order_each)(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t after,
			  int (*fn)(const struct zkhsmd_order *o, void *arg), void *arg);
	int (*order_last)(struct zkhsmd_store *s, const uint8_t hsm_id[32], uint64_t *number);

	/* One per HSM, which has a row. What get returns is the caller's to free. */
	int (*lease_get)(struct zkhsmd_store *s, const uint8_t hsm_id[32], struct zkhsmd_lease *out);
	int (*lease_put)(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			 const struct zkhsmd_lease *l);

	/* Of the newest entry; 0 and zeroes when there is none. */
	int (*audit_last)(struct zkhsmd_store *s, uint64_t *number, uint8_t hash[32]);
	int (*audit_add)(struct zkhsmd_store *s, const struct zkhsmd_audit_row *row);
	/* Those above @after in turn, until @fn returns other than 0, which is returned. */
	int (*audit_each)(struct zkhsmd_store *s, uint64_t after,
			  int (*fn)(const struct zkhsmd_audit_row *row, void *arg), void *arg);

	int (*proposal_get)(struct zkhsmd_store *s, const char *id, struct zkhsmd_proposal *out);
	int (*proposal_add)(struct zkhsmd_store *s, const struct zkhsmd_proposal *p);
	int (*proposal_del)(struct zkhsmd_store *s, const char *id);
	/* The oldest first. */
	int (*proposal_each)(struct zkhsmd_store *s,
			     int (*fn)(const struct zkhsmd_proposal *p, void *arg), void *arg);

	/* tally.h: until @fn returns other than 0. */
	int (*tally)(struct zkhsmd_store *s, int (*fn)(const struct zkhsmd_tally *t, void *arg),
		     void *arg);

	int (*meta_get)(struct zkhsmd_store *s, enum zkhsmd_meta name, void *out, size_t len);
	int (*meta_put)(struct zkhsmd_store *s, enum zkhsmd_meta name, const void *value, size_t len);

	/* alert.h: the one that is open, with another count; or a new one, whose count is 1. */
	int (*alert_raise)(struct zkhsmd_store *s, const struct zkhsmd_alert *a, int64_t now_ms,
			   struct zkhsmd_alert_row *out);
	int (*alert_get)(struct zkhsmd_store *s, int64_t row, struct zkhsmd_alert_row *out);
	/* State, who, note and done_ms. */
	int (*alert_put)(struct zkhsmd_store *s, const struct zkhsmd_alert_row *r);
	/* Those above @after in this state (0: any), the oldest first, @limit at most. */
	int (*alert_each)(struct zkhsmd_store *s, int state, int64_t after, uint64_t limit,
			  int (*fn)(const struct zkhsmd_alert_row *r, void *arg), void *arg);
	/* How many of this code and HSM (or NULL) are open or acknowledged. */
	int (*alert_live)(struct zkhsmd_store *s, const char *code, const uint8_t *hsm_id,
			  uint64_t *count);
	/* Closes what is open or acknowledged of this code and HSM; says how many those were. */
	int (*alert_over)(struct zkhsmd_store *s, const char *code, const uint8_t *hsm_id,
			  const char *who, const char *note, int64_t now_ms, uint64_t *count);
	/* Of those that are closed, and nobody has to be told of any more, about the newest @max. */
	int (*alert_trim)(struct zkhsmd_store *s, uint64_t max);
	/* -ENOBUFS: @max wait already. */
	int (*delivery_add)(struct zkhsmd_store *s, const struct zkhsmd_delivery *d, uint64_t max);
	int (*delivery_put)(struct zkhsmd_store *s, const struct zkhsmd_delivery *d);
	int (*delivery_del)(struct zkhsmd_store *s, int64_t row);
	int (*delivery_clear)(struct zkhsmd_store *s, const char *hook);
	/*
	 * The next one of this hook, or -ENOENT. Nothing waits for more than ten minutes: what
	 * seems to was put off before the clock was set back.
	 */
	int (*delivery_due)(struct zkhsmd_store *s, const char *hook, int64_t now_ms,
			    struct zkhsmd_delivery *out);
	/* Each hook that something waits for, once; what @fn returns other than 0 ends it. */
	int (*delivery_hooks)(struct zkhsmd_store *s, int (*fn)(const char *hook, void *arg),
			      void *arg);

	/* holding.h */
	int (*holding_put)(struct zkhsmd_store *s, const struct zkhsmd_holding *h, bool *fresh);
	int (*holding_get)(struct zkhsmd_store *s, const uint8_t element[32],
			   const uint8_t hsm_id[32], struct zkhsmd_holding *out);
	int (*holding_del)(struct zkhsmd_store *s, const struct zkhsmd_holding *h);
	int (*holding_clear)(struct zkhsmd_store *s, const uint8_t hsm_id[32]);
	int (*holding_has)(struct zkhsmd_store *s, const uint8_t hsm_id[32]);
	int (*holding_element)(struct zkhsmd_store *s, const uint8_t element[32],
			       int (*fn)(const struct zkhsmd_holding *h, void *arg), void *arg);
	int (*holding_shared)(struct zkhsmd_store *s, const uint8_t hsm_id[32],
			      int (*fn)(const struct zkhsmd_holding *h, void *arg), void *arg);
	int (*holding_release)(struct zkhsmd_store *s, const uint8_t hsm_id[32]);
	int (*history_add)(struct zkhsmd_store *s, const struct zkhsmd_history *h, uint64_t per_key,
			   uint64_t max);
	int (*history_key)(struct zkhsmd_store *s, const uint8_t hsm_id[32], const char *key_id,
			   uint64_t limit, int (*fn)(const struct zkhsmd_history *h, void *arg),
			   void *arg);
};

/**
 * struct zkhsmd_store - what every backend's handle begins with
 * @upgraded_from: the schema version that open() found and changed, 0 if it did not
 * @audit_added: entries added to the audit log through this handle, undone ones too
 */
struct zkhsmd_store {
	const struct zkhsmd_store_ops *ops;
	int upgraded_from;
	uint64_t audit_added;
};

extern const struct zkhsmd_store_ops zkhsmd_store_sqlite;

#endif /* ZKHSM_STORE_H */
