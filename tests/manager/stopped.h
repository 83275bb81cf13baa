/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stopped.h - HSMs whose keys are stopped and go on: what is ordered to them, and what
 * the lists say of them
 *
 * Everything that goes wrong in here fails the test that called it.
 */
#ifndef ZKHSM_TEST_STOPPED_H
#define ZKHSM_TEST_STOPPED_H

#include <stdio.h>

#include "daemon.h"

#define KEYS	3

/* Whom all of this asks. */
extern struct daemon *stage;

/**
 * struct unit - an HSM with keys key-000000 and so on, and what its kernel knows
 * @seen:	number of the last order
 * @state:	0, hold or revoke: the manager's vote about each key
 * @index, @uri: where tokens say that the status of each is, see unit_learn()
 */
struct unit {
	struct prover *p;
	uint8_t element[KEYS][32];
	uint64_t seen;
	uint8_t state[KEYS];
	uint64_t index[KEYS];
	char uri[256];
	struct applied applied;
};

enum { KEY, ELEMENT, HSM, CLUSTER, SCOPES };

extern const char *const scopes[SCOPES];

/* Not enrolled yet. */
struct unit unit_new(void);
/* In a cluster, or NULL; it has not been accepted then. */
void unit_enrol(struct unit *u, const char *cluster);
/* Takes the orders that came since: each has to change something of each key. */
void unit_obey(struct unit *u);
/* None came. */
void unit_no_order(struct unit *u);
void unit_all_are(struct unit *u, uint8_t state);
/* Where tokens say that the status of each key is. */
void unit_learn(struct unit *u);
/*
 * A reason to do this: to the HSM's first key, that key's element, the HSM, or the
 * cluster. The answer has this @status and, if it is a refusal, @urn.
 */
void unit_act(const struct unit *u, const char *cluster, int scope, const char *action,
		long status, const char *urn);
/* Into another cluster, "" for none. */
json_t *unit_move(const struct unit *u, const char *cluster, long status, const char *urn);

json_t *payload_of(const char *jws, const char *typ);
/* The payload of the signed list. */
json_t *revocation_list(void);
int64_t list_number(void);
/* Whether an entry of this array has this scope and this member. */
bool list_names(const json_t *list, const char *array, const char *scope, const char *member,
		  const char *value);

/* statuslist.py: reads status lists with nothing of zkhsm */
struct reader {
	pid_t pid;
	FILE *ask, *answer;
};

extern struct reader reader;

void reader_start(void);
void reader_end(void);
long long status_at(const char *uri, uint64_t index);

#endif /* ZKHSM_TEST_STOPPED_H */
