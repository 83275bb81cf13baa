/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tpm-pcr.h - the state of the machine as the TPM has it, and policies over it
 *
 * PCRs of the SHA-256 bank, as a bit mask within ZKHSM_TPM_PCRS_ALL, at least
 * one; the highest is the cap (see tpm.h). Private to tpm.c. Each refuses what
 * it returns, with -EIO or -EACCES for what the TPM did not do.
 */
#ifndef ZKHSM_TPM_PCR_H
#define ZKHSM_TPM_PCR_H

#include "tpm-io.h"

enum zkhsm_tpm_session {
	SESSION_POLICY	= 1,
	SESSION_TRIAL	= 3,
};

/* Return: -EOPNOTSUPP when the TPM has not all of them in this bank. */
int __must_check zkhsm_tpm_check_bank(struct zkhsm_tpm *tpm, u32 pcrs);

/* Return: -EBUSY when the cap is not zero. */
int __must_check zkhsm_tpm_check_not_capped(struct zkhsm_tpm *tpm, u32 pcrs);

int __must_check zkhsm_tpm_extend_cap(struct zkhsm_tpm *tpm, u32 pcrs);

/* A session whose policy is that the PCRs are what they are now; the caller flushes it after 0. */
int __must_check zkhsm_tpm_policy_session(struct zkhsm_tpm *tpm, enum zkhsm_tpm_session type,
					  u32 pcrs, u32 *session);

/* The digest of that policy, to seal under. */
int __must_check zkhsm_tpm_policy_now(struct zkhsm_tpm *tpm, u32 pcrs, u8 policy[ZKHSM_HASH_LEN]);

#endif /* ZKHSM_TPM_PCR_H */
