// SPDX-License-Identifier: GPL-2.0
/*
 * source.c - false and malformed evidence counts against where it came from,
 * never against the HSM that it names
 *
 * A source is an origin, see server_origin(). A fixed table, one minute per row:
 * two that share a row drive each other out, which can only forget a charge.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

#define ROWS	4096
#define MINUTE	60000

struct row {
	char source[SERVER_ORIGIN_LEN];
	int64_t since;
	uint64_t count;
};

struct zkhsmd_sources {
	pthread_mutex_t lock;		/* @rows */
	uint64_t per_minute;
	struct row rows[ROWS];
};

int zkhsmd_sources_new(uint64_t per_minute, struct zkhsmd_sources **out)
{
	struct zkhsmd_sources *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	t->per_minute = per_minute;
	*out = t;
	return 0;
}

void zkhsmd_sources_free(struct zkhsmd_sources *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct row *row_of(struct zkhsmd_sources *t, const char *source)
{
	return &t->rows[server_origin_hash(source) % ROWS];
}

static bool current(const struct row *r, const char *source, int64_t boot_ms)
{
	return r->count && boot_ms - r->since < MINUTE && strcmp(r->source, source) == 0;
}

void zkhsmd_source_charge(struct zkhsmd_sources *t, const char *source, int64_t boot_ms)
{
	struct row *r;

	pthread_mutex_lock(&t->lock);
	r = row_of(t, source);
	if (!current(r, source, boot_ms)) {
		memset(r, 0, sizeof(*r));
		strncpy(r->source, source, sizeof(r->source) - 1);
		r->since = boot_ms;
	}
	r->count++;
	pthread_mutex_unlock(&t->lock);
}

bool zkhsmd_source_over(struct zkhsmd_sources *t, const char *source, int64_t boot_ms)
{
	struct row *r;
	bool over;

	pthread_mutex_lock(&t->lock);
	r = row_of(t, source);
	over = current(r, source, boot_ms) && r->count >= t->per_minute;
	pthread_mutex_unlock(&t->lock);
	return over;
}
