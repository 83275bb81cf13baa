/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One piece of evidence between the files that handle it.
 */
#ifndef ZKHSM_API_EVIDENCE_H
#define ZKHSM_API_EVIDENCE_H

#include "manager.h"

/**
 * struct evidence - one piece of it under way
 * @own:	our challenge in it, NULL before it was found
 * @live:	the nonce was live when the evidence came; @issued is when it was given
 * @config:	C, when the store does not have it for sure; length 0 else
 * @proved:	entries that the proof covers
 * @taken:	the nonce is ours to give back
 * @guest:	counted in heavy_guests
 * @verdict:	for the log
 */
struct evidence {
	struct zkhsm_statement s;
	const struct zkhsm_challenge *own;
	uint8_t digest[32];
	bool live;
	struct zkhsmd_time issued;
	struct zkhsm_keylist *list;
	uint8_t config[ZKHSM_CONFIGURATION_MAX_LEN];
	size_t config_len;
	uint32_t proved;
	bool taken, accepted, guest;
	const char *verdict;
};

/* api_evidence_record.c */
void zkhsmd_evidence_refuse(struct zkhsmd_job *job, enum zkhsmd_problem p, const char *verdict,
			    const char *detail);
/* The same bytes came again: the answer that they got before. */
void zkhsmd_evidence_same(struct zkhsmd_job *job, const struct zkhsmd_hsm *h);
/* On the writer. @h is the HSM's row, if there is one. */
int zkhsmd_evidence_record(struct zkhsmd_job *job, struct zkhsmd_store *store,
			   enum zkhsmd_verdict verdict, struct zkhsmd_hsm *h,
			   const struct zkhsmd_finding *finding);

#endif /* ZKHSM_API_EVIDENCE_H */
