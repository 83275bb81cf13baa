/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TPM 2.0 for the kernel, by swtpm through the vTPM proxy, as /dev/tpm0. It
 * has the state of its name; started again it is as after a reset of the
 * machine: the same seeds and NV memory, PCRs zero.
 */
#ifndef ZKHSM_SWTPM_H
#define ZKHSM_SWTPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hsm.h"

/* TPMA_NV: what a counter of ours has to have, and what else there is. */
#define NV_OWNERWRITE	(1U << 1)
#define NV_AUTHWRITE	(1U << 2)
#define NV_COUNTER	(1U << 4)
#define NV_OWNERREAD	(1U << 17)
#define NV_AUTHREAD	(1U << 18)
#define NV_NO_DA	(1U << 25)

#define NV_GOOD		(NV_COUNTER | NV_AUTHWRITE | NV_AUTHREAD | NV_NO_DA)

/* Skips the running test where there can be none, or is one that is not ours. */
void swtpm_need(void);
/* Until zkhsm.ko, which is loaded, finds it; ends the one before. */
void swtpm_start(struct hsm *h, const char *name);
void swtpm_stop(void);
/* As a loss of power is to it. */
void swtpm_kill(void);
/* At the end: stops it and removes the states. */
void swtpm_remove(void);

/*
 * The same with somebody in between, who passes on what is said until told
 * otherwise. swtpm_relay.c
 */
void swtpm_start_relayed(struct hsm *h, const char *name);

/**
 * struct swtpm_lie - what the one in between makes of a response
 * @command: TPM command code
 * @skip: how many of this command are answered truly before
 * @code: answered in the TPM's place, which does not get the command; 0: the
 *	TPM gets it, and the response is cut
 * @cut: to so many bytes, with a length that says so
 */
struct swtpm_lie {
	uint32_t command;
	unsigned int skip;
	uint32_t code;
	size_t cut;
};

/* One lie; NULL takes it back. */
void swtpm_lie(const struct swtpm_lie *lie);
/* Whether it was told. */
bool swtpm_lied(void);

/* For swtpm.c: takes the proxy's side over until the TPM's side ends. */
bool swtpm_relay_start(int tpm);
void swtpm_relay_end(void);

/* All abort the test when the TPM does not do it. */
void swtpm_nv_define(uint32_t index, uint32_t attributes, const char *password);
void swtpm_nv_increment(uint32_t index);
uint64_t swtpm_nv_read(uint32_t index);
/* Whether anything was ever written to it. */
bool swtpm_nv_written(uint32_t index);
void swtpm_pcr_extend(uint32_t pcr, const uint8_t digest[32]);
void swtpm_pcr_read(uint32_t pcr, uint8_t value[32]);
void swtpm_owner_password(const char *password);
/* Objects and sessions that somebody left in the TPM's memory. */
unsigned int swtpm_leftovers(void);

#endif /* ZKHSM_SWTPM_H */
