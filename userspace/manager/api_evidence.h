/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One piece of evidence between the files that handle it.
 */
#ifndef ZKHSM_API_EVIDENCE_H
#define ZKHSM_API_EVIDENCE_H

#include "holding.h"
#include "policy.h"

/**
 * struct evidence - one piece of it under way
 * @own:	our challenge in it, NULL before it was found
 * @live:	the nonce was live when the evidence came; @issued is when it was given
 * @config:	C, when the store does not have it for sure; length 0 else
 * @statement_len: where S ends in the body
 * @proved:	entries that the proof covers
 * @changes:	of what the HSM holds, when there are any
 * @lease:	that it was answered with; @lease_made: just now
 * @taken:	the nonce is ours to give back
 * @guest:	counted in heavy_guests
 * @policy:	by which it is judged from its beginning to its end; @judgement is what
 *		that says, its rule empty while it has not been asked
 * @verdict:	for the log
 */
struct evidence {
	struct zkhsm_statement s;
	const struct zkhsm_challenge *own;
	uint8_t digest[32];
	size_t statement_len;
	bool live;
	struct zkhsmd_time issued;
	struct zkhsm_keylist *list;
	struct zkhsmd_changes *changes;
	uint8_t config[ZKHSM_CONFIGURATION_MAX_LEN];
	size_t config_len;
	uint32_t proved;
	bool taken, accepted, guest;
	struct zkhsmd_lease lease;
	bool lease_made;
	struct zkhsmd_policy *policy;
	struct zkhsmd_judgement judgement;
	const char *verdict;
};

/* api_evidence_record.c */
void zkhsmd_evidence_refuse(struct zkhsmd_job *job, enum zkhsmd_problem p, const char *verdict,
			    const char *detail);
/* By the policy, as in @ev->judgement. */
void zkhsmd_evidence_refuse_policy(struct zkhsmd_job *job);
/* On the writer. @h is the HSM's row, if there is one. */
int zkhsmd_evidence_record(struct zkhsmd_job *job, struct zkhsmd_store *store,
			   enum zkhsmd_verdict verdict, struct zkhsmd_hsm *h,
			   const struct zkhsmd_finding *finding);

/* api_evidence_answer.c */
/* On the writer, in a row that says it was accepted: a lease, and the answer. */
int zkhsmd_evidence_answer(struct zkhsmd_job *job, struct zkhsmd_store *store,
			   struct zkhsmd_hsm *h);
/*
 * The same bytes came again: the answer that they got before. On a worker it may
 * ask for the writer, who makes a lease where the one that there was would grant
 * too much now.
 */
enum zkhsmd_next zkhsmd_evidence_same(struct zkhsmd_job *job, struct zkhsmd_store *store,
				      const struct zkhsmd_hsm *h);
int zkhsmd_evidence_same_write(struct zkhsmd_job *job, struct zkhsmd_store *store,
			       struct zkhsmd_hsm *h);

#endif /* ZKHSM_API_EVIDENCE_H */
