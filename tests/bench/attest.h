/* SPDX-License-Identifier: GPL-2.0 */
/*
 * attest.h - simulated HSMs that attest over HTTPS, and what the manager spends on it
 */
#ifndef ZKHSM_BENCH_ATTEST_H
#define ZKHSM_BENCH_ATTEST_H

#include "../unit/prover.h"
#include "bench.h"

#define EVIDENCE_TYPE	"application/vnd.zkhsm.evidence"

struct zkhsm_https *connect_manager(const struct zkhsm_https_config *as);
/* The answer's JSON if it has this status; anything else ends the program. */
json_t *request(struct zkhsm_https *h, const char *method, const char *path, const char *type,
		const void *body, size_t len, long status);
void unhex_member(const json_t *o, const char *name, void *out, size_t len);
/* A challenge, and evidence for it; its length. */
size_t answer_challenge(struct zkhsm_https *h, struct prover *p,
			uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN]);
void post_evidence(struct zkhsm_https *h, const uint8_t *evidence, size_t len);

/* User and system time of a process, in nanoseconds. */
double process_cpu_ns(const char *pid);
/* Its resident memory now, in bytes. */
double process_resident(const char *pid);

#endif /* ZKHSM_BENCH_ATTEST_H */
