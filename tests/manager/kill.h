/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kill.h - a manager under load that is killed again and again, and a ledger of
 * what it acknowledged
 *
 * Everything is written down twice: before it is asked for, and when it has been
 * answered. What lies between the two may have happened or not, once; the audit log
 * of the next life says which, and orders, list and states have to agree with it.
 */
#ifndef ZKHSM_TEST_KILL_H
#define ZKHSM_TEST_KILL_H

#include <stdatomic.h>

#include "daemon.h"

#define SITES		3
#define CLIENTS		2
#define NEW_PER_LIFE	3	/* an address has no room for more than 16 lists of strangers */

/**
 * struct kill_key - one key, of which the id and the element are never used again
 * @stop:	0, ZKHSM_ORDER_TYPE_HOLD or ZKHSM_ORDER_TYPE_REVOKE, as acknowledged
 * @epoch:	odd while something is being done to it
 * @listed:	in the list of the newest evidence that was accepted
 */
struct kill_key {
	char id[16];
	uint8_t element[32];
	uint8_t stop;
	unsigned int epoch;
	bool listed;
};

/*
 * Evidence, and what it was answered with, NULL if that never came. @acts: how many had
 * been begun when it was asked for, if none was under way.
 */
struct kill_evidence {
	uint8_t bytes[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;
	uint32_t number;
	uint64_t acts;
	json_t *answer;
};

/**
 * struct site - an HSM that attests as fast as it can, and whose keys are stopped
 * @seen:	digest of each order that was ever given out, from number 1
 * @matched:	how many orders have been found to be somebody's act
 * @tried:	newer than @accepted, or of the same number
 * @acts_begun:	upon its keys, ever; @acts_open of them are under way
 */
struct site {
	struct life *life;
	struct prover *hsm;
	char hex[65];
	uint64_t uptime_from;
	struct applied applied;
	struct kill_key *keys;
	size_t key_count, matched;
	uint8_t (*seen)[32];
	size_t seen_count;
	struct kill_evidence accepted, tried;
	uint64_t acts_begun, acts_open;
};

/* One that comes while the manager is being killed, and may have to go. */
struct newcomer {
	struct prover *hsm;
	char hex[65];
	bool enrolled, revoked;
	uint32_t number;
	bool copied;		/* has a key of the one before */
	unsigned int duplicate, contested;	/* alerts */
};

enum kill_what { STOP_KEY, ENROL, STOP_HSM };

/**
 * struct kill_act - something that an administrator asked for in this life
 * @who:	number of the site or newcomer, and @key of its key
 * @type:	of the order
 * @list, @number: of the list and the order, if it was acknowledged
 * @audited:	it stands in the log
 * @ordered:	its order was found
 */
struct kill_act {
	char request[64];
	enum kill_what what;
	size_t who, key;
	uint8_t type;
	bool acknowledged, audited, ordered;
	uint64_t list, number;
};

/**
 * struct life - everything, for this and for all lives
 * @lock:	all of it that threads share
 * @acts:	of this life only
 * @list:	number of the list, as far as it was acknowledged; @list_then at the
 *		last check
 */
struct life {
	struct daemon *d;
	json_t *jwks;
	pthread_mutex_t lock;
	struct site sites[SITES];
	struct newcomer *newcomers;
	size_t newcomer_count;
	struct kill_act *acts;
	size_t act_count;
	uint64_t list, list_then;
	uint64_t audit_number;
	uint8_t audit_hash[32];
	uint64_t seed;
	atomic_uint answers;
	char wrong[512];
	struct {
		unsigned int evidence, acts, tokens, refusals, lists, unanswered, done;
	} total;
};

uint32_t kill_random(uint64_t *state, uint32_t below);
/* What is wrong for good: the first is kept. False, so that a thread can end by it. */
bool kill_wrong(struct life *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* One of those who ask; @which: number of its site. */
struct kill_thread {
	pthread_t id;
	struct life *l;
	size_t which;
	struct zkhsm_https *h;
	uint64_t random;
};

/* An answer that has no place here; none at all is what a thread waits for. Takes @o; false. */
bool kill_unexpected(struct kill_thread *t, const char *what, int status, json_t *o);
const char *kill_problem(const json_t *o);

/* kill_load.c: all threads, until the manager has gone, or something is wrong */
void kill_load_start(struct life *l);
void kill_load_join(struct life *l);

/* kill_hsm.c */
void *kill_be_hsm(void *arg);
bool kill_nonce(struct kill_thread *t, const char *hex, uint8_t nonce[32]);
/* With what it needs, if it needs something; the status, and the answer. */
int kill_post(struct kill_thread *t, struct prover *p, const char *hex, const uint8_t *evidence,
	      size_t len, json_t **answer);
/* What came of evidence: all that the list has is listed now. */
void kill_accepted(struct site *s, const struct kill_evidence *e);

/* kill_admin.c */
void *kill_be_administrator(void *arg);
void *kill_be_enroller(void *arg);
/* It was done; and it is under way no more, whether done or not. Under the lock. */
void kill_stopped(struct life *l, const struct kill_act *a);
void kill_act_end(struct life *l, const struct kill_act *a);

/* kill_client.c */
void *kill_be_client(void *arg);
void *kill_be_reader(void *arg);

/* kill_check.c: in the quiet after a start; these fail the test */
void kill_check(struct life *l, bool all);

#endif /* ZKHSM_TEST_KILL_H */
