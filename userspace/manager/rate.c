// SPDX-License-Identifier: GPL-2.0
/*
 * rate.c - token buckets, and what is limited by them
 *
 * A table of fixed size: a bucket that nobody takes from fills, and a full one is as good as
 * none, so the one of a set that was used longest ago makes room. Who has many addresses
 * can thereby make the manager forget, but which ones, a secret decides.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "rate.h"

#define SETS	8192
#define WAYS	4
#define KEY_LEN	(SERVER_ORIGIN_LEN + 65)

struct bucket {
	char key[KEY_LEN];	/* "" : free */
	double left;
	int64_t at_ms;
	uint8_t kind;
};

struct zkhsmd_rates {
	pthread_mutex_t lock;		/* @sets */
	struct bucket sets[SETS][WAYS];
};

int zkhsmd_rates_new(struct zkhsmd_rates **out)
{
	struct zkhsmd_rates *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

void zkhsmd_rates_free(struct zkhsmd_rates *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct bucket *find(struct zkhsmd_rates *t, enum zkhsmd_rate_kind kind, const char *key)
{
	struct bucket *set = t->sets[(server_origin_hash(key) + kind * 2654435761u) % SETS];

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].key[0] && set[i].kind == kind && strcmp(set[i].key, key) == 0)
			return &set[i];
	}
	return NULL;
}

/* In the place of a free one, or the one used longest ago. */
static struct bucket *make(struct zkhsmd_rates *t, enum zkhsmd_rate_kind kind, const char *key,
			   double burst, int64_t boot_ms)
{
	struct bucket *set = t->sets[(server_origin_hash(key) + kind * 2654435761u) % SETS];
	struct bucket *b = &set[0];

	for (size_t i = 0; i < WAYS && b->key[0]; i++) {
		if (!set[i].key[0] || set[i].at_ms < b->at_ms)
			b = &set[i];
	}
	memset(b, 0, sizeof(*b));
	snprintf(b->key, sizeof(b->key), "%s", key);
	b->kind = (uint8_t)kind;
	b->left = burst;
	b->at_ms = boot_ms;
	return b;
}

uint64_t zkhsmd_rate_take(struct zkhsmd_rates *t, enum zkhsmd_rate_kind kind, const char *key,
			  double per_s, double burst, int64_t boot_ms)
{
	uint64_t wait = 0;
	struct bucket *b;

	if (per_s <= 0)
		return 0;
	pthread_mutex_lock(&t->lock);
	b = find(t, kind, key);
	if (!b)
		b = make(t, kind, key, burst, boot_ms);
	if (boot_ms > b->at_ms) {
		b->left += (double)(boot_ms - b->at_ms) * per_s / 1000;
		b->at_ms = boot_ms;
	}
	if (b->left > burst)
		b->left = burst;
	if (b->left >= 1)
		b->left -= 1;
	else
		wait = (uint64_t)((1 - b->left) * 1000 / per_s) + 1;
	pthread_mutex_unlock(&t->lock);
	return wait;
}

void zkhsmd_rate_give(struct zkhsmd_rates *t, enum zkhsmd_rate_kind kind, const char *key,
		      double burst)
{
	struct bucket *b;

	pthread_mutex_lock(&t->lock);
	b = find(t, kind, key);
	if (b && b->left + 1 <= burst)
		b->left += 1;
	pthread_mutex_unlock(&t->lock);
}

/* --- requests --------------------------------------------------------------- */

static enum zkhsmd_rate_kind kind_of(const struct server_route *route)
{
	static const struct { const char *path; enum zkhsmd_rate_kind kind; } kinds[] = {
		{ "/v1/challenges", ZKHSMD_RATE_CHALLENGES },
		{ "/v1/evidence", ZKHSMD_RATE_EVIDENCE },
		{ "/v1/tokens", ZKHSMD_RATE_TOKENS },
		{ "/v1/grants", ZKHSMD_RATE_GRANTS },
	};

	for (size_t i = 0; route && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(route->path, kinds[i].path) == 0)
			return kinds[i].kind;
	}
	return ZKHSMD_RATE_REQUESTS;
}

static double burst_of(uint64_t per_s)
{
	return (double)per_s * ZKHSMD_RATE_BURST_MS / 1000;
}

static void refuse(struct server_request *rq, uint64_t wait_ms, const char *whose)
{
	server_reply_header(rq, "Retry-After", "%llu", (unsigned long long)(wait_ms + 999) / 1000);
	zkhsmd_problem(rq, P_TOO_MANY, "too many requests of this kind %s: again in %llu ms", whose,
		       (unsigned long long)wait_ms);
}

bool zkhsmd_rate_source(struct server_request *rq)
{
	enum zkhsmd_rate_kind kind = kind_of(rq->route);
	struct zkhsmd *m = rq->arg;
	const uint64_t per_s = m->config.rate_source[kind];
	uint64_t wait;

	wait = zkhsmd_rate_take(m->rates, kind, rq->origin, (double)per_s, burst_of(per_s),
				zkhsmd_now().boot);

	if (!wait)
		return true;
	/* Of an answer that was made already nothing stays. */
	rq->reply.header_count = 0;
	refuse(rq, wait, "from this address");
	zkhsmd_metric_label(m, L_RATE_LIMITED, "source");
	server_send(rq);
	return false;
}

bool zkhsmd_rate_hsm(struct server_request *rq, enum zkhsmd_rate_kind kind,
		     const uint8_t hsm_id[32])
{
	struct zkhsmd *m = rq->arg;
	const uint64_t per_s = m->config.rate_hsm[kind], source_per_s = m->config.rate_source[kind];
	char key[KEY_LEN], *hex;
	uint64_t wait;

	if (!per_s)
		return true;
	hex = zkhsm_hex(hsm_id, 32);
	snprintf(key, sizeof(key), "%s %s", rq->origin, hex ? hex : "");
	free(hex);
	wait = zkhsmd_rate_take(m->rates, kind, key, (double)per_s, burst_of(per_s),
				zkhsmd_now().boot);
	if (!wait)
		return true;
	if (source_per_s)
		zkhsmd_rate_give(m->rates, kind, rq->origin, burst_of(source_per_s));
	refuse(rq, wait, "for this HSM from this address");
	zkhsmd_metric_label(m, L_RATE_LIMITED, "hsm");
	return false;
}
