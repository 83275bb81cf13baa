/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An HSM beside a TPM through boots of the machine: what the tests of the KEK in the
 * TPM and those of the counter have in common.
 */
#ifndef ZKHSM_TPM_HSM_H
#define ZKHSM_TPM_HSM_H

#include "hsm.h"

/* Of the counter; each TPM has one of its own there. */
#define TPM_INDEX	0x01500001U

/* An empty module, and a TPM as after a reset of the machine; NULL: none. */
void tpm_boot(struct hsm *h, const char *name);
/* The module alone goes and comes. */
void tpm_reload(struct hsm *h);

/* hsm-new with this class of KEK; the agent is UID_AGENT. */
struct nl_msg *tpm_new_msg(struct hsm *h, uint32_t class);
/* hsm-new with a KEK in the keyring and a counter; the errno is in h->a. */
int tpm_new_counted(struct hsm *h, int32_t serial, uint32_t index);
/* Id and identity from its answer, or that of hsm-get. */
void tpm_take_identity(struct hsm *h);

/* Checks: no identity, and nothing left in the TPM. */
void tpm_no_identity(struct hsm *h, const char *when);
/* Checks: the key has this public key, and its signature verifies under it. */
void tpm_key_signs(struct hsm *h, const char *id, const uint8_t public[65]);
/* Flags of C. */
uint32_t tpm_flags(struct hsm *h);

#endif /* ZKHSM_TPM_HSM_H */
