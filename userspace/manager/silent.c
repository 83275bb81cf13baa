// SPDX-License-Identifier: GPL-2.0
/*
 * silent.c - HSMs that have not attested for too long, a manager to which none does,
 * and a wall clock that was set back
 *
 * A worker looks through what is stored; what has to be said, and what is over, is said
 * by the writer, who looks once more. Nothing is written while nothing has changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "policy.h"
#include "watch.h"

#define SILENT_MAX	256		/* at one time; the others the next time */

/**
 * struct look - what was found
 * @started, @seen: of this process, and its newest verification; CLOCK_BOOTTIME
 * @silent:	ids of HSMs that nobody was told of yet
 * @enrolled:	how many have ever attested
 */
struct look {
	int64_t started, seen;
	struct zkhsmd_fraud fraud;
	uint8_t silent[SILENT_MAX][32];
	size_t silent_count, enrolled;
	struct zkhsmd *m;
	bool *under_way;
};

/* By a manager that was up for all of that time: its own absence is nobody's silence. */
static bool is_silent(const struct look *l, const struct zkhsmd_hsm *h, struct zkhsmd_time now)
{
	const int64_t window = (int64_t)l->fraud.silent_ms;
	int64_t age = zkhsmd_age(h, l->m->boot_id, now, l->m->newest_wall);

	return h->enrolled && h->attested && window && now.boot - l->started > window &&
	       (age < 0 || age > window);
}

static bool idle(const struct look *l, struct zkhsmd_time now)
{
	const int64_t window = (int64_t)l->fraud.watchdog_ms;
	const int64_t since = l->seen > l->started ? l->seen : l->started;

	return window && l->enrolled && now.boot - since > window;
}

static bool clock_back(const struct look *l, struct zkhsmd_time now)
{
	return now.wall < l->m->newest_wall;
}

struct each {
	struct look *l;
	struct zkhsmd_store *store;
	struct zkhsmd_time now;
};

static int look_at(const struct zkhsmd_hsm *h, void *arg)
{
	struct each *e = arg;
	struct look *l = e->l;
	uint64_t count;
	int ret;

	l->enrolled += h->enrolled && h->attested;
	if (!is_silent(l, h, e->now) || l->silent_count == SILENT_MAX)
		return 0;
	ret = e->store->ops->alert_live(e->store, "silent", h->id, &count);
	if (!ret && !count)
		memcpy(l->silent[l->silent_count++], h->id, sizeof(h->id));
	return ret;
}

/* Whether what is stored of this code is not what is so. */
static bool differs(struct zkhsmd_store *store, const char *code, bool so)
{
	uint64_t count;

	return !store->ops->alert_live(store, code, NULL, &count) && so != (count > 0);
}

static enum zkhsmd_next work(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct look *l = job->data;
	struct each e = { .l = l, .store = store, .now = zkhsmd_now() };

	if (store->ops->hsm_each(store, look_at, &e))
		return ZKHSMD_ANSWER;	/* the store will say so to somebody who asks */
	return l->silent_count || differs(store, "not-verifying", idle(l, e.now)) ||
	       differs(store, "clock", clock_back(l, e.now)) ? ZKHSMD_WRITE : ZKHSMD_ANSWER;
}

/* --- on the writer ------------------------------------------------------- */

static int say_silent(struct look *l, struct zkhsmd_store *store, const uint8_t id[32])
{
	struct zkhsmd_time now = zkhsmd_now();
	struct zkhsmd_revocation r;
	struct zkhsmd_alert a;
	struct zkhsmd_hsm h;
	int64_t age;
	int ret = store->ops->hsm_get(store, id, &h);

	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = store->ops->revocation_hsm(store, id, &r);
	/* One that is revoked has nothing to say any more. */
	if (!is_silent(l, &h, now) || !ret)
		return 0;
	if (ret != -ENOENT)
		return ret;
	age = zkhsmd_age(&h, l->m->boot_id, now, l->m->newest_wall);
	if (age < 0)
		zkhsmd_alert_make(&a, "silent", id, "nobody can tell since when %s has not attested",
				  h.name);
	else
		zkhsmd_alert_make(&a, "silent", id, "%s has not attested for %lld s", h.name,
				  (long long)age / 1000);
	return zkhsmd_alert_raise(l->m, store, &a);
}

static int set(struct look *l, struct zkhsmd_store *store, const char *code, bool so,
	       const char *text, const char *over)
{
	struct zkhsmd_alert a;

	if (!differs(store, code, so))
		return 0;
	if (!so)
		return zkhsmd_alert_over(l->m, store, code, NULL, NULL, over);
	zkhsmd_alert_make(&a, code, NULL, "%s", text);
	return zkhsmd_alert_raise(l->m, store, &a);
}

static int write_it(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct zkhsmd_time now = zkhsmd_now();
	struct look *l = job->data;
	int ret = 0;

	for (size_t i = 0; !ret && i < l->silent_count; i++)
		ret = say_silent(l, store, l->silent[i]);
	if (!ret)
		ret = set(l, store, "not-verifying", idle(l, now),
			  "HSMs are enrolled, and no evidence was verified for the time of the watchdog",
			  "evidence was verified again");
	if (!ret)
		ret = set(l, store, "clock", clock_back(l, now),
			  "the wall clock is before what the store has seen: attestations of earlier boots count as stale",
			  "the wall clock is right again");
	return ret;
}

static void answered(struct zkhsmd_job *job)
{
	const struct look *l = job->data;

	*l->under_way = false;
}

void zkhsmd_silent_look(struct zkhsmd *m, int64_t started_ms, int64_t seen_ms, bool *under_way)
{
	struct zkhsmd_job *job = zkhsmd_job_own(m, sizeof(struct look));
	struct zkhsmd_policy *p;
	struct look *l;

	if (!job)
		return;
	l = job->data;
	p = zkhsmd_policy_get(m);
	*l = (struct look){ .started = started_ms, .seen = seen_ms, .m = m,
			    .fraud = *zkhsmd_policy_fraud(p), .under_way = under_way };
	zkhsmd_policy_put(p);
	*under_way = true;
	job->heavy = true;
	job->work = work;
	job->write = write_it;
	job->answered = answered;
	zkhsmd_job_submit(job);
}
