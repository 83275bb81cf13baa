/* SPDX-License-Identifier: GPL-2.0 */
/*
 * metrics.h - what is counted, for GET /metrics
 *
 * Counters only go up and are lost with the process, as Prometheus expects. What is
 * so at a moment (keys by state, open alerts) is not counted but computed from the
 * store when it is asked for, see api_metrics.c. Labels have few values: never an
 * HSM, a key, an address or anything else that somebody from outside can choose.
 *
 * All of these may be called from any thread, and with @m->metrics NULL.
 */
#ifndef ZKHSM_METRICS_H
#define ZKHSM_METRICS_H

#include "manager.h"

/* Of each row of the table in metrics.c one number. */
enum zkhsmd_metric {
	M_CHALLENGES,			/* challenges given */
	M_EVIDENCE,			/* evidence posted, whatever came of it */
	M_EVIDENCE_ACCEPTED,
	M_VERIFIED_KEYS,		/* elements in proofs that were verified */
	M_TOKENS,			/* tokens issued */
	M_GRANTS,			/* grants issued */
	M_ORDERS,			/* orders made, leases apart */
	M_LEASES,			/* leases given */
	M_COMMITS,			/* transactions committed */
	M_COMMIT_FAILURES,		/* transactions that failed */
	M_COMMITTED_JOBS,		/* jobs in them */
	M_RELOADS,			/* of the configuration, that worked */
	M_RELOAD_FAILURES,
	M_WEBHOOK_SENT,			/* deliveries that were taken */
	M_WEBHOOK_FAILED,		/* attempts that were not */
	M_AUDIT,			/* audit entries written */
	M_BATCHES,			/* multi-scalar multiplications for several pieces of evidence */
	M_BATCHED,			/* pieces of evidence in them */
	M_BACKUPS,			/* backups made */
	M_COUNT
};

/* With a label, whose values are constants of the program. */
enum zkhsmd_metric_labelled {
	L_EVIDENCE_FAILURES,		/* reason: the end of the URN */
	L_TOKENS_REFUSED,		/* likewise */
	L_GRANTS_REFUSED,
	L_REQUESTS,			/* code: of the HTTP answer */
	L_ALERTS,			/* code: of the alert; raised, or its count went up */
	L_DUPLICATES,			/* verdict: newcomer, both, alert, outsider */
	L_RATE_LIMITED,			/* by: source, hsm */
	L_COUNT
};

enum zkhsmd_metric_time {
	T_VERIFY,			/* a proof, by a worker */
	T_COMMIT,			/* begin to commit, of a transaction */
	T_SIGN,				/* an order, by the order key wherever it is */
	T_REQUEST,			/* from a whole request to its answer; long polls apart */
	T_COUNT
};

struct zkhsmd_metrics;

int zkhsmd_metrics_new(struct zkhsmd_metrics **out);
void zkhsmd_metrics_free(struct zkhsmd_metrics *t);

void zkhsmd_metric_add(struct zkhsmd *m, enum zkhsmd_metric which, uint64_t n);
/* @label is kept, up to 31 bytes; values beyond the first 64 count as "other". */
void zkhsmd_metric_label(struct zkhsmd *m, enum zkhsmd_metric_labelled which, const char *label);
/* @since_us: from zkhsmd_metric_now(). */
void zkhsmd_metric_time(struct zkhsmd *m, enum zkhsmd_metric_time which, uint64_t since_us);
uint64_t zkhsmd_metric_now(void);		/* CLOCK_MONOTONIC, microseconds */
uint64_t zkhsmd_metric_get(struct zkhsmd *m, enum zkhsmd_metric which);

/* Of struct server_config: counts what can be told from an answer. On the loop. */
void zkhsmd_metrics_seen(const struct server_request *rq);

/* All of it in the Prometheus text format, appended to @to. */
struct evbuffer;
int zkhsmd_metrics_print(struct zkhsmd_metrics *t, struct evbuffer *to);
/* One sample of a gauge, below its head when @help is given; @labels as they stand in braces. */
int zkhsmd_gauge_print(struct evbuffer *to, const char *name, const char *help, const char *labels,
		       double number);

/* process.c */
int zkhsmd_process_print(struct evbuffer *to, int64_t started_ms);

/* api_metrics.c */
void zkhsmd_api_metrics(struct server_request *rq);

#endif /* ZKHSM_METRICS_H */
