// SPDX-License-Identifier: GPL-2.0
/*
 * metrics.c - counting, and the Prometheus text format (version 0.0.4)
 *
 * Plain counters and histograms are atomics. Labelled ones share a small table
 * under a lock: they are rare, or once per answer.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grant.h"
#include "metrics.h"

#define LABELS_MAX	64
#define LABEL_LEN	32

/* Upper bounds in microseconds: from a signature to a list of 100,000 keys. */
static const uint64_t bounds[] = {
	100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
	2500000, 10000000,
};

#define BOUNDS	ARRAY_SIZE(bounds)

static const struct { const char *name, *help; } counters[M_COUNT] = {
	[M_CHALLENGES] = { "zkhsm_challenges_total", "Challenges given." },
	[M_EVIDENCE] = { "zkhsm_attestation_requests_total", "Evidence posted." },
	[M_EVIDENCE_ACCEPTED] = { "zkhsm_attestation_successes_total", "Evidence accepted." },
	[M_VERIFIED_KEYS] = { "zkhsm_proof_keys_total", "Elements in proofs that were verified." },
	[M_TOKENS] = { "zkhsm_tokens_issued_total", "Tokens issued." },
	[M_GRANTS] = { "zkhsm_grants_issued_total", "Grants issued." },
	[M_ORDERS] = { "zkhsm_orders_total", "Orders made, leases and grants apart." },
	[M_LEASES] = { "zkhsm_leases_total", "Leases given." },
	[M_COMMITS] = { "zkhsm_store_commits_total", "Transactions committed." },
	[M_COMMIT_FAILURES] = { "zkhsm_store_commit_failures_total", "Transactions that failed." },
	[M_COMMITTED_JOBS] = { "zkhsm_store_committed_jobs_total",
			       "Requests whose transaction was committed." },
	[M_RELOADS] = { "zkhsm_reloads_total", "Reloads of the configuration that worked." },
	[M_RELOAD_FAILURES] = { "zkhsm_reload_failures_total",
				"Reloads that failed: what was in force stayed." },
	[M_WEBHOOK_SENT] = { "zkhsm_webhook_deliveries_total", "Alerts that a webhook took." },
	[M_WEBHOOK_FAILED] = { "zkhsm_webhook_failures_total",
			       "Attempts to deliver an alert that failed." },
	[M_AUDIT] = { "zkhsm_audit_entries_total", "Entries added to the audit log." },
	[M_BATCHES] = { "zkhsm_proof_batches_total", "Verifications of several proofs at once." },
	[M_BATCHED] = { "zkhsm_proof_batched_total", "Proofs verified in these." },
	[M_BACKUPS] = { "zkhsm_backups_total", "Backups made over HTTPS." },
};

static const struct { const char *name, *label, *help; } labelled[L_COUNT] = {
	[L_EVIDENCE_FAILURES] = { "zkhsm_attestation_failures_total", "reason",
				  "Evidence that was not accepted." },
	[L_TOKENS_REFUSED] = { "zkhsm_tokens_refused_total", "reason", "Tokens that were refused." },
	[L_GRANTS_REFUSED] = { "zkhsm_grants_refused_total", "reason", "Grants that were refused." },
	[L_REQUESTS] = { "zkhsm_http_requests_total", "code", "Requests answered, by status." },
	[L_ALERTS] = { "zkhsm_alerts_raised_total", "code", "Alerts raised, or raised again." },
	[L_RATE_LIMITED] = { "zkhsm_rate_limited_total", "by",
			     "Requests refused because there were too many." },
	[L_DUPLICATES] = { "zkhsm_duplicate_keys_total", "verdict",
			   "Proved duplicates of keys, by what was done." },
};

static const struct { const char *name, *help; } times[T_COUNT] = {
	[T_VERIFY] = { "zkhsm_proof_verify_duration_seconds", "Time to verify a proof." },
	[T_COMMIT] = { "zkhsm_store_commit_duration_seconds",
		       "Time of a transaction, from its begin to its commit." },
	[T_SIGN] = { "zkhsm_order_sign_duration_seconds", "Time to sign with the order key." },
	[T_REQUEST] = { "zkhsm_http_request_duration_seconds",
			"Time from a whole request to its answer, waiting polls apart." },
};

struct histogram {
	_Atomic uint64_t buckets[BOUNDS + 1], sum_us;
};

struct row {
	enum zkhsmd_metric_labelled which;
	char label[LABEL_LEN];
	uint64_t count;
};

struct zkhsmd_metrics {
	int64_t started_ms;
	_Atomic uint64_t counters[M_COUNT];
	struct histogram times[T_COUNT];
	pthread_mutex_t lock;			/* @rows, @used */
	struct row rows[L_COUNT * (LABELS_MAX + 1)];
	size_t used;
};

int zkhsmd_metrics_new(struct zkhsmd_metrics **out)
{
	struct zkhsmd_metrics *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	t->started_ms = zkhsmd_now().wall;
	*out = t;
	return 0;
}

void zkhsmd_metrics_free(struct zkhsmd_metrics *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

void zkhsmd_metric_add(struct zkhsmd *m, enum zkhsmd_metric which, uint64_t n)
{
	if (m->metrics)
		atomic_fetch_add_explicit(&m->metrics->counters[which], n, memory_order_relaxed);
}

uint64_t zkhsmd_metric_get(struct zkhsmd *m, enum zkhsmd_metric which)
{
	return m->metrics ? atomic_load_explicit(&m->metrics->counters[which],
						 memory_order_relaxed) : 0;
}

/* The row of this label, made if there is none; that of "other" when it has too many. */
static struct row *row_of(struct zkhsmd_metrics *t, enum zkhsmd_metric_labelled which,
			  const char *label)
{
	size_t same = 0;

	for (size_t i = 0; i < t->used; i++) {
		if (t->rows[i].which != which)
			continue;
		if (strcmp(t->rows[i].label, label) == 0)
			return &t->rows[i];
		same++;
	}
	if (same >= LABELS_MAX && strcmp(label, "other") != 0)
		return row_of(t, which, "other");
	t->rows[t->used].which = which;
	snprintf(t->rows[t->used].label, LABEL_LEN, "%s", label);
	return &t->rows[t->used++];
}

void zkhsmd_metric_label(struct zkhsmd *m, enum zkhsmd_metric_labelled which, const char *label)
{
	struct zkhsmd_metrics *t = m->metrics;
	char cut[LABEL_LEN];

	if (!t)
		return;
	snprintf(cut, sizeof(cut), "%s", label);
	pthread_mutex_lock(&t->lock);
	row_of(t, which, cut)->count++;
	pthread_mutex_unlock(&t->lock);
}

uint64_t zkhsmd_metric_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void zkhsmd_metric_time(struct zkhsmd *m, enum zkhsmd_metric_time which, uint64_t since_us)
{
	uint64_t us = zkhsmd_metric_now() - since_us;
	struct histogram *h;
	size_t i = 0;

	if (!m->metrics)
		return;
	h = &m->metrics->times[which];
	while (i < BOUNDS && us > bounds[i])
		i++;
	atomic_fetch_add_explicit(&h->buckets[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, us, memory_order_relaxed);
}

static int print_head(struct evbuffer *to, const char *name, const char *help, const char *type)
{
	return evbuffer_add_printf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type) < 0 ?
	       -ENOMEM : 0;
}

static int print_time(struct evbuffer *to, enum zkhsmd_metric_time which, const struct histogram *h)
{
	const char *name = times[which].name;
	uint64_t count = 0;
	int ret = print_head(to, name, times[which].help, "histogram");

	for (size_t i = 0; !ret && i <= BOUNDS; i++) {
		char bound[32] = "+Inf";

		count += atomic_load_explicit(&h->buckets[i], memory_order_relaxed);
		if (i < BOUNDS)
			snprintf(bound, sizeof(bound), "%g", (double)bounds[i] / 1e6);
		if (evbuffer_add_printf(to, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name, bound,
					count) < 0)
			ret = -ENOMEM;
	}
	/* The count is that of the last bucket, whatever was added meanwhile. */
	if (!ret && evbuffer_add_printf(to, "%s_sum %.6f\n%s_count %" PRIu64 "\n", name,
					(double)atomic_load(&h->sum_us) / 1e6, name, count) < 0)
		ret = -ENOMEM;
	return ret;
}

static int print_labelled(struct evbuffer *to, const struct zkhsmd_metrics *t,
			  enum zkhsmd_metric_labelled which)
{
	int ret = print_head(to, labelled[which].name, labelled[which].help, "counter");

	for (size_t i = 0; !ret && i < t->used; i++) {
		if (t->rows[i].which == which &&
		    evbuffer_add_printf(to, "%s{%s=\"%s\"} %" PRIu64 "\n", labelled[which].name,
					labelled[which].label, t->rows[i].label,
					t->rows[i].count) < 0)
			ret = -ENOMEM;
	}
	return ret;
}

int zkhsmd_metrics_print(struct zkhsmd_metrics *t, struct evbuffer *to)
{
	int ret = 0;

	for (int i = 0; !ret && i < M_COUNT; i++) {
		ret = print_head(to, counters[i].name, counters[i].help, "counter");
		if (!ret && evbuffer_add_printf(to, "%s %" PRIu64 "\n", counters[i].name,
						atomic_load(&t->counters[i])) < 0)
			ret = -ENOMEM;
	}
	for (int i = 0; !ret && i < T_COUNT; i++)
		ret = print_time(to, i, &t->times[i]);
	pthread_mutex_lock(&t->lock);
	for (int i = 0; !ret && i < L_COUNT; i++)
		ret = print_labelled(to, t, i);
	pthread_mutex_unlock(&t->lock);
	return ret ? ret : zkhsmd_process_print(to, t->started_ms);
}

int zkhsmd_gauge_print(struct evbuffer *to, const char *name, const char *help, const char *labels,
		       double number)
{
	int ret = help ? print_head(to, name, help, "gauge") : 0;

	if (!ret && labels)
		ret = evbuffer_add_printf(to, "%s{%s} %.15g\n", name, labels, number);
	else if (!ret)
		ret = evbuffer_add_printf(to, "%s %.15g\n", name, number);
	return ret < 0 ? -ENOMEM : 0;
}

/* What an answer to this handler was: a success, or refused with a reason. */
static const struct {
	void (*handle)(struct server_request *rq);
	int all, good, bad;		/* -1: not counted */
} outcomes[] = {
	{ zkhsmd_api_challenge, -1, M_CHALLENGES, -1 },
	{ zkhsmd_api_evidence, M_EVIDENCE, M_EVIDENCE_ACCEPTED, L_EVIDENCE_FAILURES },
	{ zkhsmd_api_token, -1, M_TOKENS, L_TOKENS_REFUSED },
	{ zkhsmd_api_grant, -1, M_GRANTS, L_GRANTS_REFUSED },
};

void zkhsmd_metrics_seen(const struct server_request *rq)
{
	struct zkhsmd *m = rq->arg;
	const bool good = rq->reply.status < 300;
	char code[16];

	snprintf(code, sizeof(code), "%d", rq->reply.status);
	zkhsmd_metric_label(m, L_REQUESTS, code);
	if (!rq->route)
		return;
	/* A poll that waited says nothing of the manager's speed. */
	if (rq->reply.status != 204)
		zkhsmd_metric_time(m, T_REQUEST, rq->started_us);
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		if (outcomes[i].handle != rq->route->handle)
			continue;
		if (outcomes[i].all >= 0)
			zkhsmd_metric_add(m, outcomes[i].all, 1);
		if (good)
			zkhsmd_metric_add(m, outcomes[i].good, 1);
		else if (outcomes[i].bad >= 0)
			zkhsmd_metric_label(m, outcomes[i].bad, rq->reply.problem);
	}
}
