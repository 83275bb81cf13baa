// SPDX-License-Identifier: GPL-2.0
/*
 * burst.c - false evidence that comes in bursts is an alert about where it comes from,
 * never about the HSM that it names
 *
 * A fixed table as in source.c: two sources that share a row drive each other out,
 * which can only delay an alert. Whoever has many addresses cannot fill the store: only
 * so many of them have alerts of their own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "policy.h"
#include "watch.h"

#define ROWS		1024
#define OWN_MAX		32		/* in an hour */
#define HOUR		3600000

struct row {
	char source[SERVER_ORIGIN_LEN];
	int64_t since;
	uint64_t count;
	bool due;
};

struct zkhsmd_bursts {
	pthread_mutex_t lock;		/* @rows, @due */
	struct row rows[ROWS];
	bool due;			/* some row is */
	int64_t hour;			/* the loop's, like @own */
	unsigned int own;
};

int zkhsmd_bursts_new(struct zkhsmd_bursts **out)
{
	struct zkhsmd_bursts *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

void zkhsmd_bursts_free(struct zkhsmd_bursts *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static void count(struct zkhsmd_bursts *t, const struct zkhsmd_fraud *f, const char *source,
		  int64_t now)
{
	struct row *r = &t->rows[server_origin_hash(source) % ROWS];

	if (!r->count || now - r->since >= (int64_t)f->burst_ms || strcmp(r->source, source) != 0) {
		/* Whoever waits to be told of stays until then. */
		if (r->due)
			return;
		memset(r, 0, sizeof(*r));
		strncpy(r->source, source, sizeof(r->source) - 1);
		r->since = now;
	}
	if (++r->count == f->burst)
		t->due = r->due = true;
}

void zkhsmd_burst_note(struct zkhsmd *m, const char *source)
{
	struct zkhsmd_bursts *t = zkhsmd_watch_bursts(m->watch);
	struct zkhsmd_policy *p = zkhsmd_policy_get(m);

	pthread_mutex_lock(&t->lock);
	count(t, zkhsmd_policy_fraud(p), source, zkhsmd_now().boot);
	pthread_mutex_unlock(&t->lock);
	zkhsmd_policy_put(p);
}

static void alert_of(struct zkhsmd *m, struct zkhsmd_bursts *t, const struct row *r, int64_t now)
{
	struct zkhsmd_alert a;

	if (now - t->hour >= HOUR || !t->own) {
		t->hour = now;
		t->own = 0;
	}
	if (t->own++ < OWN_MAX) {
		zkhsmd_alert_make(&a, "false-burst", NULL,
				  "%llu pieces of false evidence from %s within %lld s",
				  (unsigned long long)r->count, r->source,
				  (long long)(now - r->since) / 1000);
		snprintf(a.source, sizeof(a.source), "%s", r->source);
	} else {
		zkhsmd_alert_make(&a, "false-burst", NULL,
				  "false evidence from more than %d addresses, now from %s too",
				  OWN_MAX, r->source);
		snprintf(a.source, sizeof(a.source), "many");
	}
	zkhsmd_alert_later(m, &a);
}

void zkhsmd_bursts_tick(struct zkhsmd *m, struct zkhsmd_time now)
{
	struct zkhsmd_bursts *t = zkhsmd_watch_bursts(m->watch);

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; t->due && i < ROWS; i++) {
		if (t->rows[i].due)
			alert_of(m, t, &t->rows[i], now.boot);
		t->rows[i].due = false;
	}
	t->due = false;
	pthread_mutex_unlock(&t->lock);
}
