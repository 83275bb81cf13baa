// SPDX-License-Identifier: GPL-2.0
/*
 * nonce.c - challenges that were given and not answered yet
 *
 * In memory only: after a restart every nonce is unknown, and HSMs ask for
 * another one. All live equally long, so the oldest is always the first to go.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "manager.h"

/**
 * struct entry - one challenge
 * @taken:	true evidence over it is being stored; gone if that succeeds
 * @stranger:	who asked, for an HSM that is not enrolled; else NULL
 * @by_nonce, @by_hsm: chains of the two tables
 */
struct entry {
	uint8_t nonce[32], hsm_id[32];
	char source[SERVER_ORIGIN_LEN];
	struct zkhsmd_time issued;
	struct asker *stranger;
	bool taken;
	LIST_ENTRY(entry) by_nonce, by_hsm;
	TAILQ_ENTRY(entry) by_age;
};

LIST_HEAD(chain, entry);

/* How many of the strangers' challenges one source has; there while it has some. */
struct asker {
	char source[SERVER_ORIGIN_LEN];
	uint64_t count;
	LIST_ENTRY(asker) by_source;
};

LIST_HEAD(askers, asker);

/* Where true evidence of an enrolled HSM came from last; two that share a row drive each other out. */
struct home {
	uint8_t hsm_id[32];
	char source[SERVER_ORIGIN_LEN];
};

struct zkhsmd_nonces {
	pthread_mutex_t lock;		/* all below */
	int64_t life_ms;
	uint64_t per_hsm, max, count, strangers;
	size_t mask;
	struct chain *nonces, *hsms;
	struct askers *askers;
	struct home *homes;
	TAILQ_HEAD(, entry) ages;
};

/* Nonces are random, and an hsm_id is a hash: their bytes are as good as one. */
static size_t slot(const struct zkhsmd_nonces *t, const uint8_t hash[32])
{
	return get_unaligned_be64(hash) & t->mask;
}

int zkhsmd_nonces_new(const struct zkhsmd_config *c, struct zkhsmd_nonces **out)
{
	struct zkhsmd_nonces *t = calloc(1, sizeof(*t));
	size_t size = 1;

	if (!t)
		return -ENOMEM;
	while (size < c->nonces_max)
		size *= 2;
	t->mask = size - 1;
	t->nonces = calloc(size, sizeof(*t->nonces));
	t->hsms = calloc(size, sizeof(*t->hsms));
	t->askers = calloc(size, sizeof(*t->askers));
	t->homes = calloc(size, sizeof(*t->homes));
	if (!t->nonces || !t->hsms || !t->askers || !t->homes) {
		free(t->nonces);
		free(t->askers);
		free(t->hsms);
		free(t->homes);
		free(t);
		return -ENOMEM;
	}
	pthread_mutex_init(&t->lock, NULL);
	t->life_ms = (int64_t)c->nonce_life_ms;
	t->per_hsm = c->nonces_per_hsm;
	t->max = c->nonces_max;
	TAILQ_INIT(&t->ages);
	*out = t;
	return 0;
}

static struct asker *find_asker(const struct zkhsmd_nonces *t, const char *source)
{
	struct asker *a;

	LIST_FOREACH(a, &t->askers[server_origin_hash(source) & t->mask], by_source) {
		if (strcmp(a->source, source) == 0)
			return a;
	}
	return NULL;
}

/* Counted once more; NULL when there is no memory. */
static struct asker *count_asker(struct zkhsmd_nonces *t, const char *source)
{
	struct asker *a = find_asker(t, source);

	if (!a) {
		a = calloc(1, sizeof(*a));
		if (!a)
			return NULL;
		strncpy(a->source, source, sizeof(a->source) - 1);
		LIST_INSERT_HEAD(&t->askers[server_origin_hash(a->source) & t->mask], a, by_source);
	}
	a->count++;
	t->strangers++;
	return a;
}

static void drop(struct zkhsmd_nonces *t, struct entry *e)
{
	struct asker *a = e->stranger;

	LIST_REMOVE(e, by_nonce);
	LIST_REMOVE(e, by_hsm);
	TAILQ_REMOVE(&t->ages, e, by_age);
	t->count--;
	if (a) {
		t->strangers--;
		if (!--a->count) {
			LIST_REMOVE(a, by_source);
			free(a);
		}
	}
	free(e);
}

void zkhsmd_nonces_free(struct zkhsmd_nonces *t)
{
	if (!t)
		return;
	while (!TAILQ_EMPTY(&t->ages))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what TAILQ_REMOVE() took out is not first */
		drop(t, TAILQ_FIRST(&t->ages));
	pthread_mutex_destroy(&t->lock);
	free(t->nonces);
	free(t->hsms);
	free(t->askers);
	free(t->homes);
	free(t);
}

static void expire(struct zkhsmd_nonces *t, struct zkhsmd_time now)
{
	struct entry *e;

	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what TAILQ_REMOVE() took out is not first */
	while ((e = TAILQ_FIRST(&t->ages)) && now.boot - e->issued.boot >= t->life_ms)
		drop(t, e);
}

static struct entry *find(struct zkhsmd_nonces *t, const uint8_t nonce[32])
{
	struct entry *e;

	LIST_FOREACH(e, &t->nonces[slot(t, nonce)], by_nonce) {
		if (memcmp(e->nonce, nonce, sizeof(e->nonce)) == 0)
			return e;
	}
	return NULL;
}

static struct entry *find_live(struct zkhsmd_nonces *t, const uint8_t hsm_id[32],
			       const uint8_t nonce[32], struct zkhsmd_time now)
{
	struct entry *e;

	expire(t, now);
	e = find(t, nonce);
	return e && !e->taken && memcmp(e->hsm_id, hsm_id, 32) == 0 ? e : NULL;
}

static bool is_home(const struct zkhsmd_nonces *t, const uint8_t hsm_id[32], const char *source)
{
	const struct home *h = &t->homes[slot(t, hsm_id)];

	return memcmp(h->hsm_id, hsm_id, 32) == 0 && strcmp(h->source, source) == 0;
}

/* The strangers' half is for many: a quarter of it, rounded up, is one source's. */
static int room_for_stranger(struct zkhsmd_nonces *t, const char *source)
{
	const uint64_t half = t->max / 2;
	const struct asker *a = find_asker(t, source);

	if (t->strangers >= half)
		return -ENOSPC;
	return a && a->count >= (half + 3) / 4 ? -EUSERS : 0;
}

/*
 * Anybody may ask in the name of any HSM, so no one source may use up what an
 * HSM may have, nor many together the share of where its evidence comes from, nor
 * strangers what the enrolled ones need.
 */
static int room_for(struct zkhsmd_nonces *t, const uint8_t hsm_id[32], const char *source,
		    bool enrolled)
{
	const uint64_t share = (t->per_hsm + 1) / 2;
	uint64_t of_hsm = 0, of_source = 0;
	struct entry *e;
	int ret = 0;

	if (t->count >= t->max)
		return -ENOSPC;
	if (!enrolled)
		ret = room_for_stranger(t, source);
	if (ret)
		return ret;
	LIST_FOREACH(e, &t->hsms[slot(t, hsm_id)], by_hsm) {
		if (memcmp(e->hsm_id, hsm_id, 32) != 0)
			continue;
		of_hsm++;
		if (strcmp(e->source, source) == 0)
			of_source++;
	}
	if (of_source >= share)
		return -EDQUOT;
	/* Beyond the total: at most its share. */
	if (is_home(t, hsm_id, source))
		return 0;
	return of_hsm >= t->per_hsm ? -EDQUOT : 0;
}

int zkhsmd_nonce_new(struct zkhsmd_nonces *t, const uint8_t hsm_id[32], const char *source,
		     bool enrolled, struct zkhsmd_time now, uint8_t nonce[32])
{
	struct entry *e = calloc(1, sizeof(*e));
	int ret;

	if (!e || RAND_bytes(e->nonce, sizeof(e->nonce)) != 1) {
		free(e);
		return -ENOMEM;
	}
	memcpy(e->hsm_id, hsm_id, sizeof(e->hsm_id));
	strncpy(e->source, source, sizeof(e->source) - 1);
	e->issued = now;
	memcpy(nonce, e->nonce, sizeof(e->nonce));

	pthread_mutex_lock(&t->lock);
	expire(t, now);
	ret = room_for(t, hsm_id, source, enrolled);
	if (!ret && !enrolled) {
		e->stranger = count_asker(t, source);
		ret = e->stranger ? 0 : -ENOMEM;
	}
	if (!ret) {
		LIST_INSERT_HEAD(&t->nonces[slot(t, e->nonce)], e, by_nonce);
		LIST_INSERT_HEAD(&t->hsms[slot(t, hsm_id)], e, by_hsm);
		TAILQ_INSERT_TAIL(&t->ages, e, by_age);
		t->count++;
	}
	pthread_mutex_unlock(&t->lock);
	if (ret)
		free(e);
	return ret;
}

enum zkhsmd_nonce_state zkhsmd_nonce_look(struct zkhsmd_nonces *t, const uint8_t hsm_id[32],
					  const uint8_t nonce[32], struct zkhsmd_time now,
					  struct zkhsmd_time *issued)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = find_live(t, hsm_id, nonce, now);
	if (e)
		*issued = e->issued;
	pthread_mutex_unlock(&t->lock);
	return e ? ZKHSMD_NONCE_LIVE : ZKHSMD_NONCE_UNKNOWN;
}

bool zkhsmd_nonce_take(struct zkhsmd_nonces *t, const uint8_t hsm_id[32],
		       const uint8_t nonce[32], struct zkhsmd_time now)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = find_live(t, hsm_id, nonce, now);
	/* Not dropped yet, so that it can be given back. */
	if (e)
		e->taken = true;
	pthread_mutex_unlock(&t->lock);
	return e;
}

void zkhsmd_nonce_return(struct zkhsmd_nonces *t, const uint8_t nonce[32])
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = find(t, nonce);
	if (e)
		e->taken = false;
	pthread_mutex_unlock(&t->lock);
}

void zkhsmd_nonce_drop(struct zkhsmd_nonces *t, const uint8_t nonce[32])
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = find(t, nonce);
	if (e && !e->stranger) {
		struct home *h = &t->homes[slot(t, e->hsm_id)];

		memcpy(h->hsm_id, e->hsm_id, sizeof(h->hsm_id));
		memcpy(h->source, e->source, sizeof(h->source));
	}
	if (e)
		drop(t, e);
	pthread_mutex_unlock(&t->lock);
}

bool zkhsmd_nonce_home(struct zkhsmd_nonces *t, const uint8_t hsm_id[32], const char *source)
{
	bool home;

	pthread_mutex_lock(&t->lock);
	home = is_home(t, hsm_id, source);
	pthread_mutex_unlock(&t->lock);
	return home;
}

bool zkhsmd_nonce_any(struct zkhsmd_nonces *t, const uint8_t hsm_id[32], struct zkhsmd_time now)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	expire(t, now);
	LIST_FOREACH(e, &t->hsms[slot(t, hsm_id)], by_hsm) {
		if (!e->taken && memcmp(e->hsm_id, hsm_id, 32) == 0)
			break;
	}
	pthread_mutex_unlock(&t->lock);
	return e;
}

uint64_t zkhsmd_nonces_count(struct zkhsmd_nonces *t)
{
	uint64_t count;

	pthread_mutex_lock(&t->lock);
	count = t->count;
	pthread_mutex_unlock(&t->lock);
	return count;
}
