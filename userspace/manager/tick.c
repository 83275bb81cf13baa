// SPDX-License-Identifier: GPL-2.0
/*
 * tick.c - what the manager does without being asked
 *
 * One timer on the loop; each mechanism decides by itself whether it is time, and
 * makes a job of its own of what touches the store.
 */
#include <errno.h>

#include "manager.h"
#include "notify.h"
#include "watch.h"
#include "webhook.h"

#define PERIOD_S	1

static void (*const ticks[])(struct zkhsmd *m, struct zkhsmd_time now) = {
	zkhsmd_notify_tick,
	zkhsmd_watch_tick,
	zkhsmd_webhooks_tick,
	NULL
};

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct zkhsmd_time now = zkhsmd_now();

	(void)fd;
	(void)what;
	for (size_t i = 0; ticks[i]; i++)
		ticks[i](arg, now);
}

int zkhsmd_tick_start(struct zkhsmd *m, struct zkhsm_error *err)
{
	const struct timeval period = { .tv_sec = PERIOD_S };

	m->tick = event_new(m->base, -1, EV_PERSIST, on_tick, m);
	if (!m->tick || event_add(m->tick, &period))
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	return 0;
}

void zkhsmd_tick_stop(struct zkhsmd *m)
{
	if (m->tick)
		event_free(m->tick);
	m->tick = NULL;
}
