/* SPDX-License-Identifier: GPL-2.0 */
/*
 * manager.h - zkhsmd, the Attestation Manager: the map
 *
 * A request arrives on the loop's thread (server.h, api_*.c). What takes
 * longer than copying a few bytes becomes a job: its work() runs on a worker,
 * which reads the store and verifies; its write() runs on the one writer, in a
 * transaction that it shares with other jobs (group commit); its answer leaves
 * after the commit. Nothing that is not durable is ever said.
 *
 * Who owns what: evhttp and the waiting long polls belong to the loop. The
 * nonces, the lists in memory and the sources have a lock each, held for a
 * few instructions. The store is opened once per thread.
 */
#ifndef ZKHSM_MANAGER_H
#define ZKHSM_MANAGER_H

#include <event2/event.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "key.h"
#include "log.h"
#include "server.h"
#include "store.h"
#include "zkhsm.h"

#define ZKHSMD_VERSION		"0.1"
#define ZKHSMD_JSON_MAX		8192
#define ZKHSMD_CONFIGURATION_MAX 2048
#define ZKHSMD_LIST_MAX		(ZKHSM_LIST_HEAD_LEN + ZKHSM_KEYS_MAX * ZKHSM_LIST_ENTRY_MAX_LEN)
/* Of a list of full length; as many of strangers' lists are read from one address in a minute. */
#define ZKHSMD_GUEST_PARTS	16
#define ZKHSMD_ANNOUNCED	(ZKHSM_ANNOUNCEMENT_LEN + ZKHSM_PROOF_LEN)

struct zkhsmd;
struct zkhsmd_job;

/* config.c */
struct zkhsmd_config {
	char address[64], certificate[256], private_key[256], admin_ca[256], state_dir[256];
	char policy[256];		/* a file, or "" */
	char order_key[512];		/* "file", a PKCS#11 URI, or "zkhsm:" and an id */
	char backup_dir[256];		/* "": "backups" in the state directory */
	uint64_t backup_keep;
	bool sandbox;
	char log_level[16], public_url[201];
	uint64_t port;
	uint64_t max_age_ms, interval_ms, next_update_ms;
	uint64_t nonce_life_ms, nonces_per_hsm, nonces_max;
	bool leases;
	uint64_t lease_ttl_ms;
	uint64_t connections_max, large_max, polls_max, max_list_body;
	uint64_t idle_ms, request_ms, large_ms;
	uint64_t workers, lists_max, guest_lists_max;
	uint64_t pending_max, pending_per_source, false_per_minute;
	uint64_t rate_source[5], rate_hsm[4];	/* a second, by enum zkhsmd_rate_kind; 0: any */
};

int zkhsmd_config_load(const char *path, struct zkhsmd_config *c, struct zkhsm_error *err);
/* Whether all options are alike; both as zkhsmd_config_load() makes them. */
bool zkhsmd_config_same(const struct zkhsmd_config *a, const struct zkhsmd_config *b);
int zkhsmd_log_level(const char *name);			/* enum log_level or -EINVAL */

/* clock.c: ms */
struct zkhsmd_time {
	int64_t wall;		/* since 1970 */
	int64_t boot;		/* CLOCK_BOOTTIME */
};

struct zkhsmd_time zkhsmd_now(void);
/* Names this boot of this machine: @boot of two times is comparable within one. */
int zkhsmd_boot_id(uint8_t id[16], struct zkhsm_error *err);

/* nonce.c: locks itself */
struct zkhsmd_nonces;

enum zkhsmd_nonce_state {
	ZKHSMD_NONCE_UNKNOWN,	/* never given, expired, used, or another HSM's */
	ZKHSMD_NONCE_LIVE,
};

int zkhsmd_nonces_new(const struct zkhsmd_config *c, struct zkhsmd_nonces **out);
void zkhsmd_nonces_free(struct zkhsmd_nonces *t);
/*
 * @source is an origin, see server_origin(). -EDQUOT: this HSM, or this source for
 * it, has its share; -EUSERS: this source has its share of what is for HSMs that
 * are not @enrolled; -ENOSPC: the table is full, or its half for these.
 */
int zkhsmd_nonce_new(struct zkhsmd_nonces *t, const uint8_t hsm_id[32], const char *source,
		     bool enrolled, struct zkhsmd_time now, uint8_t nonce[32]);
/* When live, @issued is when it was given. */
enum zkhsmd_nonce_state zkhsmd_nonce_look(struct zkhsmd_nonces *t, const uint8_t hsm_id[32],
					  const uint8_t nonce[32], struct zkhsmd_time now,
					  struct zkhsmd_time *issued);
/* Live, and from now on not: to be kept or given back when the transaction has ended. */
bool zkhsmd_nonce_take(struct zkhsmd_nonces *t, const uint8_t hsm_id[32],
		       const uint8_t nonce[32], struct zkhsmd_time now);
void zkhsmd_nonce_return(struct zkhsmd_nonces *t, const uint8_t nonce[32]);
/* Its evidence was true: who asked for it will always get another one for this HSM. */
void zkhsmd_nonce_drop(struct zkhsmd_nonces *t, const uint8_t nonce[32]);
/* Whether true evidence of this HSM, which is enrolled, came from there last. */
bool zkhsmd_nonce_home(struct zkhsmd_nonces *t, const uint8_t hsm_id[32], const char *source);
uint64_t zkhsmd_nonces_count(struct zkhsmd_nonces *t);
bool zkhsmd_nonce_any(struct zkhsmd_nonces *t, const uint8_t hsm_id[32], struct zkhsmd_time now);

/* source.c: false evidence is charged to where it came from; locks itself */
struct zkhsmd_sources;

int zkhsmd_sources_new(uint64_t per_minute, struct zkhsmd_sources **out);
void zkhsmd_sources_free(struct zkhsmd_sources *t);
void zkhsmd_source_charge(struct zkhsmd_sources *t, const char *source, int64_t boot_ms);
bool zkhsmd_source_over(struct zkhsmd_sources *t, const char *source, int64_t boot_ms);

/* cache.c: lists and configurations in memory, those used longest ago go first; locks itself */
struct zkhsmd_cache;

int zkhsmd_cache_new(uint64_t max_bytes, struct zkhsmd_cache **out);
void zkhsmd_cache_free(struct zkhsmd_cache *t);
/* A reference of the caller's own, or NULL. */
struct zkhsm_keylist *zkhsmd_cache_get(struct zkhsmd_cache *t, const uint8_t digest[32]);
void zkhsmd_cache_put(struct zkhsmd_cache *t, struct zkhsm_keylist *l);

struct zkhsmd_confs;

int zkhsmd_confs_new(struct zkhsmd_confs **out);
void zkhsmd_confs_free(struct zkhsmd_confs *t);
/* Its length, or 0. */
size_t zkhsmd_conf_get(struct zkhsmd_confs *t, const uint8_t digest[32],
		       uint8_t out[ZKHSM_CONFIGURATION_MAX_LEN]);
/* Anybody can put some: those of one @source drive out each other before others'. */
void zkhsmd_conf_put(struct zkhsmd_confs *t, const char *source, const uint8_t digest[32],
		     const uint8_t *data, size_t len);

/* lists.c: a list from memory, else from the store; -ENOENT */
int zkhsmd_list_find(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t digest[32],
		     struct zkhsm_keylist **out);

/* identity.c: the manager's keys */
struct zkhsmd_identity {
	EVP_PKEY *order_key, *token_key;
	struct zkhsmd_order_key order;	/* where it is */
	uint8_t order_public[65], manager_id[32];
	char issuer[80];		/* "zkhsm:" and the manager_id */
	json_t *jwks;
};

/* Makes what is not there yet, and the store's note of whose it is. */
int zkhsmd_identity_open(struct zkhsmd_identity *id, const struct zkhsmd_config *c,
			 struct zkhsmd_store *store, struct zkhsm_error *err);
void zkhsmd_identity_close(struct zkhsmd_identity *id);

/* job.c */
enum zkhsmd_next { ZKHSMD_ANSWER, ZKHSMD_WRITE, ZKHSMD_LATER };

/**
 * struct zkhsmd_job - one request on its way through the threads
 * @rq:		NULL for the manager's own work, which nobody is answered for
 * @quick:	@work only reads a row or two: done on the loop, which costs less
 *		than waking a worker. Where the store has to be waited for it says
 *		ZKHSMD_LATER, by zkhsmd_job_unread(), and is done again on a worker
 * @work:	on a worker with a store that reads; fills the reply, or asks for @write
 * @proposal:	of two_person.c: which one @write carries out
 * @write:	on the writer, within a transaction. Fills the reply. Negative
 *		undoes what it wrote, and the answer is that reply if there is
 *		one, else that the store failed
 * @undone:	on the writer, after what @write did was undone or not committed
 * @committed:	on the loop, after a commit or when none was needed, before the answer
 */
struct zkhsmd_job {
	struct zkhsmd *m;
	struct server_request *rq;
	bool quick, heavy;		/* @heavy: may take a second */
	bool slow;			/* scans or copies all of the store: one at a time */
	enum zkhsmd_next (*work)(struct zkhsmd_job *job, struct zkhsmd_store *store);
	int (*write)(struct zkhsmd_job *job, struct zkhsmd_store *store);
	void (*undone)(struct zkhsmd_job *job);
	void (*committed)(struct zkhsmd_job *job);
	void (*answered)(struct zkhsmd_job *job);	/* instead of sending the reply */
	int result;
	char proposal[65];
	struct zkhsmd_job *next;
	void *data;			/* the api's, behind this; freed with the request */
	void (*data_end)(void *data);	/* what @data refers to */
};

int zkhsmd_jobs_start(struct zkhsmd *m, struct zkhsm_error *err);
/* Ends the threads; no job may be under way. */
void zkhsmd_jobs_stop(struct zkhsmd *m);
/* A job for @rq with @size zeroed bytes of data; NULL when answered with 503. */
struct zkhsmd_job *zkhsmd_job_new(struct server_request *rq, size_t size);
/*
 * The manager's own work, without a request; NULL when there is no memory. Freed
 * after answered(), which it need not have. On the loop only, as zkhsmd_job_submit().
 */
struct zkhsmd_job *zkhsmd_job_own(struct zkhsmd *m, size_t size);
void zkhsmd_job_submit(struct zkhsmd_job *job);
/* What @work returns when the store could not be read: answered, or to be done again. */
enum zkhsmd_next zkhsmd_job_unread(struct zkhsmd_job *job, int error);
bool zkhsmd_jobs_pending(struct zkhsmd *m);
/* For how long the thread that takes longest has been at what it does, ms. */
int64_t zkhsmd_jobs_longest(struct zkhsmd *m);

struct zkhsmd_waiting {
	size_t light, heavy, slow, writes;
};

/* On the loop: how many jobs no thread has taken yet. */
void zkhsmd_jobs_waiting(struct zkhsmd *m, struct zkhsmd_waiting *out);

/* tick.c: what the manager does without being asked, on the loop, once a second */
int zkhsmd_tick_start(struct zkhsmd *m, struct zkhsm_error *err);
void zkhsmd_tick_stop(struct zkhsmd *m);

/* state.c: what is so at this moment, from what is stored */
enum zkhsmd_state {
	ZKHSMD_PENDING, ZKHSMD_ATTESTED, ZKHSMD_STALE, ZKHSMD_REVOKED, ZKHSMD_QUARANTINED,
	ZKHSMD_REFUSED,			/* by the policy */
};

struct zkhsmd_policy;

#define ZKHSMD_RULE_MAX		47
#define ZKHSMD_POLICY_ID	144

/**
 * struct zkhsmd_judgement - what the policy says of an HSM, or a key
 * @refused:	@rule is not met, @why says what of it
 */
struct zkhsmd_judgement {
	bool refused;
	char rule[ZKHSMD_RULE_MAX + 1], why[160];
};

struct zkhsmd_status {
	enum zkhsmd_state state;
	int64_t age_ms;			/* -1: not known, which is stale */
	struct zkhsmd_judgement judgement;
};

struct zkhsmd_key {
	struct zkhsm_list_entry entry;
	uint8_t element[32];
	const char *status;		/* as in https-api */
	bool revoked;
	struct zkhsmd_revocation revocation;	/* with @revoked */
	int64_t age_ms;
	struct zkhsmd_judgement judgement;	/* of the HSM, if that is refused, else of the key */
	char policy_id[ZKHSMD_POLICY_ID];	/* for ear.appraisal-policy-id */
};

/*
 * ms since the nonce was given, -1 if that cannot be told. @newest_wall: the
 * latest time in the store, which the wall clock cannot honestly be before.
 */
int64_t zkhsmd_age(const struct zkhsmd_hsm *h, const uint8_t boot_id[16], struct zkhsmd_time now,
		   int64_t newest_wall);
/* What it attested last was before it was enrolled, this time: a former enrolment's. */
bool zkhsmd_shown_before(const struct zkhsmd_hsm *h);
int zkhsmd_hsm_status(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		      struct zkhsmd_status *out);
/* The same by @p, for who goes on with it. */
int zkhsmd_hsm_status_by(struct zkhsmd *m, const struct zkhsmd_policy *p,
			 struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
			 struct zkhsmd_status *out);
/* -ENOENT: no such key in the newest list. @h is read again when that list has changed. */
int zkhsmd_key_find(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		    const char *key_id, struct zkhsmd_key *out);
/* Its newest list, the caller's to free; -ENOENT: none. @h is read again when that changed. */
int zkhsmd_hsm_list(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		    struct zkhsm_keylist **list);
/* Fills all but @out->entry, which the caller has, from what is stored and @hsm; by @p. */
int zkhsmd_key_status(const struct zkhsmd_policy *p, struct zkhsmd_store *store,
		      const struct zkhsmd_hsm *h, const struct zkhsmd_status *hsm,
		      struct zkhsmd_key *out);
const char *zkhsmd_state_name(enum zkhsmd_state state);		/* NULL: there is no such state */
json_t *zkhsmd_hsm_json(const struct zkhsmd_hsm *h, const struct zkhsmd_status *status);

/* configuration.c: what C says of sealing, in words */
/* "none", "keyring", "shares" or "tpm" */
const char *zkhsmd_kek_name(const struct zkhsm_configuration *c);
/* Everything in C; null if that is not one. */
json_t *zkhsmd_configuration_json(const uint8_t *bytes, size_t len);
/* Adds "kek", "locked" and "counter" of the configuration seen last; null while there is none. */
int zkhsmd_sealing_json(struct zkhsmd_store *store, const struct zkhsmd_hsm *h, json_t *o);
void zkhsmd_log_configuration(const uint8_t hsm_id[32], const uint8_t digest[32],
			      const uint8_t *bytes, size_t len);

/* appraise.c: what true evidence means, given what is known; touches nothing */
enum zkhsmd_verdict {
	ZKHSMD_ACCEPT, ZKHSMD_PENDING_HSM, ZKHSMD_OTHER_CONFIGURATION, ZKHSMD_HSM_REVOKED,
	ZKHSMD_CLONE, ZKHSMD_TWO_INSTANCES, ZKHSMD_ROLLBACK, ZKHSMD_ORDERS_BACK, ZKHSMD_UPTIME,
	ZKHSMD_LATE, ZKHSMD_AGAINST_POLICY,
};

/**
 * struct zkhsmd_moment - what this manager knows of when evidence was made
 * @issued:	its nonce was given then
 * @boot_id:	of this boot of the manager's machine
 * @last_number: of our orders, in its challenge
 */
struct zkhsmd_moment {
	struct zkhsmd_time issued, now;
	const uint8_t *boot_id;
	uint64_t last_number;
};

/**
 * struct zkhsmd_finding - what was found wrong or strange
 * @code:	of the alert, NULL for none; evidence can be accepted with one
 * @why:	a sentence
 * @restored:	with ZKHSMD_ACCEPT: would be refused, had no restore been announced
 */
struct zkhsmd_finding {
	const char *code, *why;
	bool restored;
};

/* @known NULL: never heard of. */
enum zkhsmd_verdict zkhsmd_appraise(const struct zkhsmd_hsm *known, bool revoked,
				    const struct zkhsm_statement *s,
				    const struct zkhsmd_moment *when, struct zkhsmd_finding *out);

/* orders.c: within the writer's transaction */
struct zkhsmd_elements {
	uint8_t (*names)[32];
	size_t count, size;
};

int zkhsmd_elements_add(struct zkhsmd_elements *e, const uint8_t name[32]);
void zkhsmd_elements_unique(struct zkhsmd_elements *e);		/* and sorted */
/* The highest number that any order to this HSM has, known or not; 0: there is none. */
int zkhsmd_orders_last(struct zkhsmd_store *store, const struct zkhsmd_hsm *h, uint64_t *number);
/* As many orders as it takes; the last number is appended to @made as {"hsm_id","number"}. */
int zkhsmd_orders_make(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
		       uint8_t type, uint8_t reason, struct zkhsmd_elements *e, json_t *made);
int zkhsmd_orders_trust_change(struct zkhsmd *m, struct zkhsmd_store *store,
			       const uint8_t hsm_id[32], const uint8_t previous[32],
			       const uint8_t *config, size_t len, uint64_t *number);
/* What S, which is to be believed, says was applied; the row is changed, not stored. */
int zkhsmd_orders_reported(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
			   const struct zkhsm_challenge *c);

/* trust.c: a new configuration C by order; within the writer's transaction */
/* Why the kernel would not take @c in the place of @old (NULL: not known), or NULL. */
const char *zkhsmd_trust_void(const struct zkhsm_configuration *c,
			      const struct zkhsm_configuration *old);
/* -EALREADY: the same is on its way. The row is changed, not stored, as by the others. */
int zkhsmd_trust_order(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		       const uint8_t previous[32], const uint8_t *config, size_t len,
		       uint64_t *number);
/* Waits for nothing any more: it was approved, or an administrator decided otherwise. */
void zkhsmd_trust_forget(struct zkhsmd_hsm *h);
/*
 * True evidence of a configuration with this digest, after zkhsmd_orders_reported().
 * @accept: and it is accepted, so that what was ordered is approved when it shows it.
 * True when the order can come to nothing any more, of which nobody was told yet.
 */
bool zkhsmd_trust_seen(struct zkhsmd_hsm *h, const uint8_t digest[32], bool accept);
json_t *zkhsmd_trust_json(const struct zkhsmd_hsm *h);		/* null while nothing waits */

/* lease.c */
void zkhsmd_lease_free(struct zkhsmd_lease *l);
/*
 * The one for the newest accepted evidence, by @p, when no order was made since.
 * -ENOENT: there is none like that. Caller frees.
 */
int zkhsmd_lease_current(const struct zkhsmd_policy *p, struct zkhsmd_store *store,
			 const struct zkhsmd_hsm *h, struct zkhsmd_lease *out);
/*
 * Makes and stores one, within the writer's transaction. @h is the row with the
 * accepted evidence, @statement the digest of its S, @list its L. -ENODATA: its
 * configuration allows none, or it is in quarantine. Caller frees.
 */
int zkhsmd_lease_give(struct zkhsmd *m, const struct zkhsmd_policy *p,
		      struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		      const uint8_t statement[32], const struct zkhsm_keylist *list,
		      struct zkhsmd_lease *out);
uint64_t zkhsmd_lease_ttl(const struct zkhsmd_lease *l);
/* Adds it to an answer. */
int zkhsmd_lease_answer(const struct zkhsmd_lease *l, json_t *o);
/* For administrators: null without one for the newest accepted evidence. */
int zkhsmd_lease_json(struct zkhsmd_store *store, const struct zkhsmd_hsm *h, json_t **out);
void zkhsmd_lease_log(const struct server_request *rq, const uint8_t hsm_id[32], uint32_t number,
		      const struct zkhsmd_lease *l);

/* revocation.c: within the writer's transaction */
/*
 * @r->action is what to do, an order type; number and, for a key, the element
 * are filled in. -EALREADY, -EKEYREVOKED (final), -ENOENT (not held), -ESRCH
 * (no such HSM or key): nothing was written then.
 */
int zkhsmd_revoke(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
		  json_t *orders);
/* What was revoked everywhere before this HSM was enrolled. */
int zkhsmd_revoke_catch_up(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
			   json_t *orders);

/* revocation_list.c; see revocation.h */
struct zkhsmd_rlist;

int zkhsmd_rlist_new(struct zkhsmd_rlist **out);
void zkhsmd_rlist_free(struct zkhsmd_rlist *l);
/* signed.c. One that was signed: all who read it at a time share it. */
struct zkhsmd_signed;

const char *zkhsmd_signed_text(const struct zkhsmd_signed *s);
void zkhsmd_signed_put(void *s);		/* any thread */

/* poll.c: on the loop */
struct zkhsmd_polls;

int zkhsmd_polls_new(struct zkhsmd *m, struct zkhsmd_polls **out);
void zkhsmd_polls_free(struct zkhsmd_polls *p);
/* New orders are there. */
void zkhsmd_polls_wake(struct zkhsmd *m);
uint64_t zkhsmd_polls_waiting(const struct zkhsmd_polls *p);
/* All are answered with 204. */
void zkhsmd_polls_stop(struct zkhsmd_polls *p);
void zkhsmd_api_orders_get(struct server_request *rq);

/* problem.c: the refusals of the manager, one title each */
enum zkhsmd_problem {
	P_REQUEST, P_UNKNOWN, P_MALFORMED, P_FALSE, P_NONCE, P_NOT_ADDRESSED, P_NEED, P_PENDING,
	P_CONFIGURATION, P_HSM_REVOKED, P_CLONE, P_TWO_INSTANCES, P_ROLLBACK, P_ORDERS_BACK,
	P_UPTIME, P_LATE, P_STRANGER, P_ANNOUNCEMENT, P_BASE, P_STALE, P_REVOKED, P_NOT_ACTIVE,
	P_NOT_PENDING, P_ENROLLED, P_UNSEEN, P_ALREADY, P_FINAL, P_HELD, P_NOT_HELD, P_VOID, P_GRANT, P_NO_GRANT,
	P_ROLE, P_TWO_PERSON, P_PROPOSAL_EXPIRED,
	P_TOO_MANY, P_QUARANTINED, P_POLICY, P_STORE, P_STOPPING,
};

void zkhsmd_problem(struct server_request *rq, enum zkhsmd_problem p, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void zkhsmd_problem_extra(struct server_request *rq, enum zkhsmd_problem p, json_t *extra,
			  const char *format, ...) __attribute__((format(printf, 4, 5)));
/* The store's errno as an answer: 503. */
void zkhsmd_problem_store(struct server_request *rq, int error);
/* 32 bytes of lower-case hex from the path, the query or a body; false when answered. */
bool zkhsmd_hash_of(struct server_request *rq, const char *what, const char *hex, uint8_t out[32]);
/* A decimal number of the query, 0 if it is not there; false when answered. */
bool zkhsmd_number_of(struct server_request *rq, const char *name, uint64_t max, uint64_t *out);
void zkhsmd_json_hash(json_t *o, const char *name, const uint8_t hash[32]);

/* audit.c */
/* One line per attestation event; @keys and @n below 0 are left out. */
void zkhsmd_log_evidence(const struct server_request *rq, const uint8_t hsm_id[32], int64_t n,
			 int64_t keys, const char *verdict, const char *rule);
/* "0123456789abcdef" of 32 bytes: enough to tell HSMs apart in a log. */
const char *zkhsmd_short(const uint8_t hash[32], char out[17]);

/* manager.c */
struct zkhsmd {
	struct zkhsmd_config config;
	struct event_base *base;
	struct server *server;
	struct zkhsmd_identity identity;
	const struct zkhsmd_store_ops *store_ops;
	char store_path[300];
	int lock_fd;
	uint8_t boot_id[16];
	_Atomic int64_t newest_wall;	/* of what is stored */
	struct zkhsmd_nonces *nonces;
	struct zkhsmd_sources *sources, *guest_parts;
	struct zkhsmd_rates *rates;
	_Atomic uint64_t refusals_left_out;	/* of the audit log, since its newest one */
	struct zkhsmd_cache *lists, *guest_lists;
	struct zkhsmd_confs *confs;
	struct zkhsmd_rlist *rlist;
	struct zkhsmd_statuses *statuses;
	struct zkhsmd_polls *polls;
	struct zkhsmd_jobs *jobs;
	struct zkhsmd_policy *policy;	/* by zkhsmd_policy_get() only */
	const char *config_path;	/* where @config is from */
	struct event *hangup;		/* reload.c */
	struct zkhsmd_metrics *metrics;
	struct zkhsmd_watch *watch;
	struct zkhsmd_webhooks *webhooks;
	struct event *tick;
	uint64_t audit_seen, audit_told;	/* the writer's: audit_log.c */
	unsigned int heavy_guests;	/* the loop's: api_evidence.c */
	unsigned int list_guests;	/* likewise: api_list.c */
	bool stopping;
};

/* Keys and store, made if they are not there; @m->config has been loaded. */
int zkhsmd_open(struct zkhsmd *m, struct zkhsm_error *err);
/* Makes the state directory. -EWOULDBLOCK: another process uses it. */
int zkhsmd_lock_state(struct zkhsmd *m, struct zkhsm_error *err);
/* Serves until SIGTERM or SIGINT. */
int zkhsmd_run(struct zkhsmd *m, struct zkhsm_error *err);
void zkhsmd_close(struct zkhsmd *m);
void zkhsmd_server_config(struct zkhsmd *m, struct server_config *out);

/* api.c, api_*.c */
extern const struct server_route zkhsmd_routes[];
extern const size_t zkhsmd_route_count;

void zkhsmd_api_alive(struct server_request *rq);
void zkhsmd_api_ready(struct server_request *rq);
void zkhsmd_api_manager(struct server_request *rq);
void zkhsmd_api_jwks(struct server_request *rq);
void zkhsmd_api_challenge(struct server_request *rq);
void zkhsmd_api_evidence(struct server_request *rq);
void zkhsmd_api_list_put(struct server_request *rq);
void zkhsmd_api_delta_put(struct server_request *rq);
void zkhsmd_api_configuration_put(struct server_request *rq);
void zkhsmd_api_hsm_get(struct server_request *rq);
void zkhsmd_api_key_get(struct server_request *rq);
void zkhsmd_api_token(struct server_request *rq);
void zkhsmd_api_revocations_get(struct server_request *rq);
void zkhsmd_api_pending(struct server_request *rq);
void zkhsmd_api_enrol(struct server_request *rq);
void zkhsmd_api_hsms(struct server_request *rq);
void zkhsmd_api_hsm_del(struct server_request *rq);
void zkhsmd_api_approve(struct server_request *rq);
void zkhsmd_api_restore(struct server_request *rq);
void zkhsmd_api_trust_change(struct server_request *rq);
void zkhsmd_api_revoke(struct server_request *rq);
void zkhsmd_api_orders_admin(struct server_request *rq);

#endif /* ZKHSM_MANAGER_H */
