/* SPDX-License-Identifier: GPL-2.0 */
/*
 * sandbox.h - what the process can ask of the kernel once it listens
 */
#ifndef ZKHSM_SANDBOX_H
#define ZKHSM_SANDBOX_H

#include <stdbool.h>

#include "zkhsm.h"

/* Of this build. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ZKHSMD_SANITIZED	true
#else
#define ZKHSMD_SANITIZED	false
#endif

/*
 * For the whole process and for good: system calls that are of no use here fail with
 * EPERM, those that only an intruder makes end the process with SIGSYS, and no new
 * privileges can be had. @sanitized: with what AddressSanitizer's runtime does besides.
 * An errno when there is no filter: then do not go on.
 */
int zkhsmd_sandbox_enter(bool sanitized, struct zkhsm_error *err);

#endif /* ZKHSM_SANDBOX_H */
