// SPDX-License-Identifier: GPL-2.0
/*
 * cache.c - decoded lists, and configurations, that are at hand
 *
 * What an agent sends lies here until evidence over it is accepted, and only
 * then goes into the store, together with that evidence: no stranger can make
 * the store grow, and no row is there without a proof that names it. Enrolled
 * HSMs and others have a cache each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "manager.h"

#define BUCKETS		4096
/* What a list takes but for its bytes: where each entry begins, and the rest of it. */
#define BYTES_PER_KEY	4
#define BYTES_PER_LIST	256
#define CONFS		1024
#define CONFS_PER_SOURCE (CONFS / 16)

struct item {
	struct zkhsm_keylist *list;
	uint64_t cost;
	LIST_ENTRY(item) by_digest;
	TAILQ_ENTRY(item) by_use;
};

LIST_HEAD(items, item);

struct zkhsmd_cache {
	pthread_mutex_t lock;		/* all below */
	uint64_t max, used;
	struct items buckets[BUCKETS];
	TAILQ_HEAD(, item) uses;	/* the newest last */
};

int zkhsmd_cache_new(uint64_t max_bytes, struct zkhsmd_cache **out)
{
	struct zkhsmd_cache *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	t->max = max_bytes;
	TAILQ_INIT(&t->uses);
	*out = t;
	return 0;
}

static void drop(struct zkhsmd_cache *t, struct item *i)
{
	LIST_REMOVE(i, by_digest);
	TAILQ_REMOVE(&t->uses, i, by_use);
	t->used -= i->cost;
	zkhsm_keylist_free(i->list);
	free(i);
}

void zkhsmd_cache_free(struct zkhsmd_cache *t)
{
	if (!t)
		return;
	while (!TAILQ_EMPTY(&t->uses))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what TAILQ_REMOVE() took out is not first */
		drop(t, TAILQ_FIRST(&t->uses));
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct item *find(struct zkhsmd_cache *t, const uint8_t digest[32])
{
	struct item *i;

	LIST_FOREACH(i, &t->buckets[get_unaligned_be16(digest) % BUCKETS], by_digest) {
		if (memcmp(zkhsm_keylist_digest(i->list), digest, 32) == 0)
			return i;
	}
	return NULL;
}

struct zkhsm_keylist *zkhsmd_cache_get(struct zkhsmd_cache *t, const uint8_t digest[32])
{
	struct zkhsm_keylist *l = NULL;
	struct item *i;

	pthread_mutex_lock(&t->lock);
	i = find(t, digest);
	if (i) {
		TAILQ_REMOVE(&t->uses, i, by_use);
		TAILQ_INSERT_TAIL(&t->uses, i, by_use);
		l = zkhsm_keylist_ref(i->list);
	}
	pthread_mutex_unlock(&t->lock);
	return l;
}

/* A list that is larger than the whole cache still gets its place until the next one. */
void zkhsmd_cache_put(struct zkhsmd_cache *t, struct zkhsm_keylist *l)
{
	struct item *i = calloc(1, sizeof(*i));
	size_t len;

	if (!i)
		return;	/* it will be asked for again */
	zkhsm_keylist_bytes(l, &len);
	i->cost = len + zkhsm_keylist_count(l) * BYTES_PER_KEY + BYTES_PER_LIST;
	pthread_mutex_lock(&t->lock);
	if (find(t, zkhsm_keylist_digest(l))) {
		free(i);
	} else {
		while (t->used + i->cost > t->max && !TAILQ_EMPTY(&t->uses))
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): what TAILQ_REMOVE() took out is not first */
			drop(t, TAILQ_FIRST(&t->uses));
		i->list = zkhsm_keylist_ref(l);
		t->used += i->cost;
		LIST_INSERT_HEAD(&t->buckets[get_unaligned_be16(zkhsm_keylist_digest(l)) % BUCKETS],
				 i, by_digest);
		TAILQ_INSERT_TAIL(&t->uses, i, by_use);
	}
	pthread_mutex_unlock(&t->lock);
}

/* The one put longest ago goes first; that of the same source if it has its share. */
struct zkhsmd_confs {
	pthread_mutex_t lock;		/* all below */
	uint64_t puts;
	struct conf {
		char source[SERVER_ORIGIN_LEN];
		uint8_t digest[32];
		uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN];
		size_t len;
		uint64_t put;		/* the how manieth; 0: free */
	} all[CONFS];
};

int zkhsmd_confs_new(struct zkhsmd_confs **out)
{
	struct zkhsmd_confs *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

void zkhsmd_confs_free(struct zkhsmd_confs *t)
{
	if (!t)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

size_t zkhsmd_conf_get(struct zkhsmd_confs *t, const uint8_t digest[32],
		       uint8_t out[ZKHSM_CONFIGURATION_MAX_LEN])
{
	size_t len = 0;

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; !len && i < CONFS; i++) {
		if (t->all[i].put && memcmp(t->all[i].digest, digest, 32) == 0) {
			len = t->all[i].len;
			memcpy(out, t->all[i].bytes, len);
		}
	}
	pthread_mutex_unlock(&t->lock);
	return len;
}

/*
 * Its own one of this digest, else the oldest of its own if it has its share, else
 * the oldest of all. Not another source's of this digest: it would go with that one's.
 */
static struct conf *place_for(struct zkhsmd_confs *t, const char *source, const uint8_t digest[32])
{
	struct conf *oldest = &t->all[0], *own = NULL;
	unsigned int count = 0;

	for (struct conf *c = t->all; c < t->all + CONFS; c++) {
		if (c->put < oldest->put)
			oldest = c;
		if (!c->put || strcmp(c->source, source) != 0)
			continue;
		if (memcmp(c->digest, digest, 32) == 0)
			return c;
		count++;
		if (!own || c->put < own->put)
			own = c;
	}
	return count >= CONFS_PER_SOURCE ? own : oldest;
}

/* @len is at most ZKHSM_CONFIGURATION_MAX_LEN. */
void zkhsmd_conf_put(struct zkhsmd_confs *t, const char *source, const uint8_t digest[32],
		     const uint8_t *data, size_t len)
{
	struct conf *c;

	pthread_mutex_lock(&t->lock);
	c = place_for(t, source, digest);
	strncpy(c->source, source, sizeof(c->source) - 1);
	memcpy(c->digest, digest, 32);
	memcpy(c->bytes, data, len);
	c->len = len;
	c->put = ++t->puts;
	pthread_mutex_unlock(&t->lock);
}
