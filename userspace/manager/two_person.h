/* SPDX-License-Identifier: GPL-2.0 */
/*
 * two_person.h - acts that take two administrators
 *
 * The first one's request becomes a proposal. It is done when somebody else, with
 * another certificate and another common name, makes the same request in time: the
 * same method, path, query and JSON body. Which acts are like that is in the policy.
 */
#ifndef ZKHSM_TWO_PERSON_H
#define ZKHSM_TWO_PERSON_H

#include "policy.h"

/**
 * struct zkhsmd_two - [two-person] of the policy
 * @actions:	a bit for each of zkhsmd_two_words that needs two
 * @window_ms:	the longest time between the two requests
 */
struct zkhsmd_two {
	uint32_t actions;
	uint64_t window_ms;
};

extern const char *const zkhsmd_two_words[];	/* two_words.c */
const struct zkhsmd_two *zkhsmd_policy_two(const struct zkhsmd_policy *p);
uint64_t zkhsmd_two_window(const struct zkhsmd_policy *p);	/* ms */

/*
 * In write(), when everything else has been checked and nothing was changed yet. @action:
 * revoke-element, revoke-cluster, revoke-hsm, approve-configuration, trust-change, restore,
 * release-quarantine, release-alert, end-enrolment, enroll or backup. 0: go on; 1: answered
 * (202 for a proposal, or a refusal), return 0 from write(); <0: errno for write() to return.
 * What is approved is used up only when the answer that write() made is 2xx.
 */
int zkhsmd_two_person(struct zkhsmd_job *job, struct zkhsmd_store *store, const char *action);
/* The writer asks this after each write() that did not fail. */
int zkhsmd_two_person_done(struct zkhsmd_job *job, struct zkhsmd_store *store);

/* api_proposal.c */
void zkhsmd_api_proposals(struct server_request *rq);
void zkhsmd_api_proposal_del(struct server_request *rq);

#endif /* ZKHSM_TWO_PERSON_H */
