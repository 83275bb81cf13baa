/* SPDX-License-Identifier: GPL-2.0 */
/*
 * holding.h - which HSM has shown to have which key, since when, and what became
 * of it; and what is done when two have the same
 */
#ifndef ZKHSM_HOLDING_H
#define ZKHSM_HOLDING_H

#include "manager.h"
#include "policy.h"

/**
 * struct zkhsmd_holding - an element that the newest accepted evidence of an
 * enrolled HSM proves
 * @key_id:	the HSM's name for it; "" is the HSM's own identity, which its
 *		evidence proves too and nothing else may be
 * @first_ms:	since then, without a break
 * @released:	an administrator let this HSM go on although others have it too
 */
struct zkhsmd_holding {
	uint8_t element[32], hsm_id[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
	int64_t first_ms;
	bool released;
};

#define ZKHSMD_EVENT_MAX	23
#define ZKHSMD_DETAIL_MAX	255

/**
 * struct zkhsmd_history - one line of what happened to a key, or with key_id "" to an HSM
 * @event:	appeared, gone, state, attributes, revoked, held, released, duplicate,
 *		contested, quarantined, quarantine-ended, enrolled, enrolment-ended
 */
struct zkhsmd_history {
	int64_t row, at_ms;
	uint8_t hsm_id[32], element[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
	char event[ZKHSMD_EVENT_MAX + 1], detail[ZKHSMD_DETAIL_MAX + 1];
};

/* history.c: within the writer's transaction; bounded for each key, and in sum */
int zkhsmd_history_add(struct zkhsmd_store *store, const uint8_t hsm_id[32], const char *key_id,
		       const uint8_t *element, const char *event, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* The same at each HSM that holds this element. */
int zkhsmd_history_element(struct zkhsmd_store *store, const uint8_t element[32],
			   const char *event, const char *detail);

int zkhsmd_history_revocation(struct zkhsmd_store *store, const struct zkhsmd_revocation *r);

/* holding.c */
struct zkhsmd_changes;

/*
 * What is different between the holdings of @h as stored and @list: on a worker, which
 * reads the old list, or on the writer. NULL when nothing is.
 */
int zkhsmd_changes_find(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
			struct zkhsm_keylist *list, struct zkhsmd_changes **out);
void zkhsmd_changes_free(struct zkhsmd_changes *c);
/*
 * Within the writer's transaction: the evidence with @list is accepted, and @h is the
 * row before it. @changes: found before, or NULL; found anew when @h has changed since.
 * What others hold too is judged, so that @h may be in quarantine afterwards: the
 * caller stores it.
 */
int zkhsmd_holdings_accept(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
			   const struct zkhsm_statement *s, struct zkhsm_keylist *list,
			   struct zkhsmd_changes *changes);

/*
 * duplicate_again.c: within the writer's transaction, before a lease. Where the policy is
 * another than that of its last lease, what others hold too is judged again, so that @h
 * may be in quarantine afterwards: the caller stores it.
 */
int zkhsmd_holdings_again(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h);

/* Its enrolment has ended: it holds nothing, and nobody waits for it. */
int zkhsmd_holdings_end(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h);

/* duplicate.c: within the writer's transaction */
#define ZKHSMD_HOLDERS_MAX	256
#define ZKHSMD_CASE_MAX		256

/**
 * struct zkhsmd_case - the keys of one HSM that others hold too, as they are judged
 * @h:		the newcomer: whose evidence shows them just now, or who is to be released
 * @rows:	the other HSMs, as they will be stored; ZKHSMD_CASE_MAX, or NULL
 * @own:	its row changed, which the caller stores anyway
 * @again:	nothing is new but the policy: the newcomer is who came last
 * @last:	that one's row, or NULL
 * @told:	how many alerts were raised for single keys
 * @more:	how many were not, and are told of in one
 * @code:	of the alert that counts what was not told
 */
struct zkhsmd_case {
	struct zkhsmd *m;
	struct zkhsmd_store *store;
	struct zkhsmd_policy *policy;
	struct zkhsmd_hsm *h;
	struct zkhsmd_case_row { struct zkhsmd_hsm h; bool changed; } *rows;
	size_t count;
	bool own, again;
	const struct zkhsmd_hsm *last;
	unsigned int told, more;
	const char *code;
};

void zkhsmd_case_begin(struct zkhsmd_case *c, struct zkhsmd *m, struct zkhsmd_store *store,
		       struct zkhsmd_hsm *h);
/* @h has shown this element, which was not known of it before. */
int zkhsmd_case_judge(struct zkhsmd_case *c, const uint8_t element[32]);
/* Stores the other rows when @ret is 0, and frees. Returns @ret or what failed. */
int zkhsmd_case_end(struct zkhsmd_case *c, int ret);
/* Who holds this element, the earliest first: [{hsm_id, name, key_id, first_ms}]. */
int zkhsmd_holders_json(struct zkhsmd_store *store, const uint8_t element[32], json_t **out);

/* quarantine.c: within the writer's transaction; the caller stores the row */
int zkhsmd_quarantine_begin(struct zkhsmd_store *store, const struct server_request *rq,
			    struct zkhsmd_hsm *h, const char *code, const char *note);
/*
 * It works again. What it still holds as others do stays so from now on, until such a key
 * is gone and comes again. @still: an array of what that is, up to a hundred.
 */
int zkhsmd_quarantine_end(struct zkhsmd *m, struct zkhsmd_store *store,
			  const struct server_request *rq, struct zkhsmd_hsm *h, const char *note,
			  json_t *still);
json_t *zkhsmd_quarantine_json(const struct zkhsmd_hsm *h);	/* null while there is none */

/* store_sqlite_holding.c */
/* @fresh: it was not there. One that was there has this key_id from now on. */
int sq_holding_put(struct zkhsmd_store *s, const struct zkhsmd_holding *h, bool *fresh);
int sq_holding_get(struct zkhsmd_store *s, const uint8_t element[32], const uint8_t hsm_id[32],
		   struct zkhsmd_holding *out);
/* Unless it has another key_id by now. */
int sq_holding_del(struct zkhsmd_store *s, const struct zkhsmd_holding *h);
int sq_holding_clear(struct zkhsmd_store *s, const uint8_t hsm_id[32]);
int sq_holding_has(struct zkhsmd_store *s, const uint8_t hsm_id[32]);	/* 0 or -ENOENT */
/* Whoever has it, the earliest first. */
int sq_holding_element(struct zkhsmd_store *s, const uint8_t element[32],
		       int (*fn)(const struct zkhsmd_holding *h, void *arg), void *arg);
/* Those of this HSM that others have too. */
int sq_holding_shared(struct zkhsmd_store *s, const uint8_t hsm_id[32],
		      int (*fn)(const struct zkhsmd_holding *h, void *arg), void *arg);
int sq_holding_release(struct zkhsmd_store *s, const uint8_t hsm_id[32]);	/* all of these */
int sq_history_add(struct zkhsmd_store *s, const struct zkhsmd_history *h, uint64_t per_key,
		   uint64_t max);
/* The newest first. @key_id "": what concerned the HSM. */
int sq_history_key(struct zkhsmd_store *s, const uint8_t hsm_id[32], const char *key_id,
		   uint64_t limit, int (*fn)(const struct zkhsmd_history *h, void *arg), void *arg);

#endif /* ZKHSM_HOLDING_H */
