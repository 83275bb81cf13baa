// SPDX-License-Identifier: GPL-2.0
/*
 * watchdog.c - when it is time to look whether somebody, or this manager, has stopped
 * doing what it should
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"
#include "watch.h"

#define PERIOD_MS	5000

struct zkhsmd_watch {
	struct zkhsmd_bursts *bursts;
	int64_t started, next;		/* the loop's, by CLOCK_BOOTTIME */
	bool under_way;
	_Atomic int64_t verified;
};

int zkhsmd_watch_new(struct zkhsmd_watch **out)
{
	struct zkhsmd_watch *w = calloc(1, sizeof(*w));

	if (!w || zkhsmd_bursts_new(&w->bursts)) {
		free(w);
		return -ENOMEM;
	}
	w->started = zkhsmd_now().boot;
	*out = w;
	return 0;
}

void zkhsmd_watch_free(struct zkhsmd_watch *w)
{
	if (!w)
		return;
	zkhsmd_bursts_free(w->bursts);
	free(w);
}

struct zkhsmd_bursts *zkhsmd_watch_bursts(struct zkhsmd_watch *w)
{
	return w->bursts;
}

void zkhsmd_watch_verified(struct zkhsmd *m)
{
	m->watch->verified = zkhsmd_now().boot;
}

/* Short windows, of drills and tests, are looked at more often. */
static int64_t period(const struct zkhsmd_fraud *f)
{
	uint64_t ms = PERIOD_MS;

	if (f->silent_ms && f->silent_ms / 2 < ms)
		ms = f->silent_ms / 2;
	if (f->watchdog_ms && f->watchdog_ms / 2 < ms)
		ms = f->watchdog_ms / 2;
	return (int64_t)ms;
}

void zkhsmd_watch_tick(struct zkhsmd *m, struct zkhsmd_time now)
{
	struct zkhsmd_watch *w = m->watch;
	struct zkhsmd_policy *p;

	zkhsmd_bursts_tick(m, now);
	if (w->under_way || now.boot < w->next)
		return;
	p = zkhsmd_policy_get(m);
	w->next = now.boot + period(zkhsmd_policy_fraud(p));
	zkhsmd_policy_put(p);
	zkhsmd_silent_look(m, w->started, w->verified, &w->under_way);
}
