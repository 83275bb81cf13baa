/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rate.h - how often: token buckets in memory
 *
 * A client has a bucket for each kind of request, and in it one for each HSM that it
 * names: an agent that runs wild on one HSM is stopped by that, before it takes what the
 * 199 others behind the same address need. Nobody can empty a bucket of somebody else
 * by naming his HSM.
 */
#ifndef ZKHSM_RATE_H
#define ZKHSM_RATE_H

#include "manager.h"

enum zkhsmd_rate_kind {
	ZKHSMD_RATE_CHALLENGES, ZKHSMD_RATE_EVIDENCE, ZKHSMD_RATE_TOKENS, ZKHSMD_RATE_GRANTS,
	ZKHSMD_RATE_REQUESTS,		/* everything else */
	ZKHSMD_RATE_KINDS,
	ZKHSMD_RATE_REFUSALS = ZKHSMD_RATE_KINDS,	/* that the audit log is told of */
};

/* Buckets hold what comes in within this time. */
#define ZKHSMD_RATE_BURST_MS	10000

struct zkhsmd_rates;

int zkhsmd_rates_new(struct zkhsmd_rates **out);
void zkhsmd_rates_free(struct zkhsmd_rates *t);
/*
 * One out of the bucket of @key, which gets @per_s a second and holds @burst: 0, or ms until
 * there is one again. @per_s 0: there is no limit. Any thread.
 */
uint64_t zkhsmd_rate_take(struct zkhsmd_rates *t, enum zkhsmd_rate_kind kind, const char *key,
			  double per_s, double burst, int64_t boot_ms);
void zkhsmd_rate_give(struct zkhsmd_rates *t, enum zkhsmd_rate_kind kind, const char *key,
		      double burst);

/* On the loop. Of the client; false when it has been answered with 429. */
bool zkhsmd_rate_source(struct server_request *rq);
/* Of this HSM for this client, likewise; the reply is made, but not sent. Any thread. */
bool zkhsmd_rate_hsm(struct server_request *rq, enum zkhsmd_rate_kind kind,
		     const uint8_t hsm_id[32]);

#endif /* ZKHSM_RATE_H */
