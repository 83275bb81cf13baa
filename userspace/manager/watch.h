/* SPDX-License-Identifier: GPL-2.0 */
/*
 * watch.h - what nobody posts: bursts of false evidence by where they came from, HSMs
 * that have fallen silent, a manager that verifies nothing, a clock that was set back
 */
#ifndef ZKHSM_WATCH_H
#define ZKHSM_WATCH_H

#include "manager.h"

struct zkhsmd_watch;

int zkhsmd_watch_new(struct zkhsmd_watch **out);
void zkhsmd_watch_free(struct zkhsmd_watch *w);
/* A proof was verified, whatever came of it. Any thread. */
void zkhsmd_watch_verified(struct zkhsmd *m);
/* In tick.c. */
void zkhsmd_watch_tick(struct zkhsmd *m, struct zkhsmd_time now);
/* silent.c: looks for all of it, by a job of its own. @seen_ms: the newest verification. */
void zkhsmd_silent_look(struct zkhsmd *m, int64_t started_ms, int64_t seen_ms, bool *under_way);

/* burst.c: locks itself */
struct zkhsmd_bursts;

int zkhsmd_bursts_new(struct zkhsmd_bursts **out);
void zkhsmd_bursts_free(struct zkhsmd_bursts *t);
struct zkhsmd_bursts *zkhsmd_watch_bursts(struct zkhsmd_watch *w);
/* False evidence came from there; @source is an origin, see server_origin(). Any thread. */
void zkhsmd_burst_note(struct zkhsmd *m, const char *source);
/* On the loop: alerts of what has come together since. */
void zkhsmd_bursts_tick(struct zkhsmd *m, struct zkhsmd_time now);

#endif /* ZKHSM_WATCH_H */
