// SPDX-License-Identifier: GPL-2.0
/*
 * notify.c - what systemd is told
 */
#include <systemd/sd-daemon.h>
#include <time.h>

#include "notify.h"

/*
 * Longer than any job may take: the store waits 10 s for a lock of another process,
 * and the longest list is verified in seconds on a slow machine.
 */
#define STUCK_MS	60000

void zkhsmd_notify_ready(struct zkhsmd *m)
{
	sd_notifyf(0, "READY=1\nSTATUS=Listening on %s port %u", m->config.address,
		   server_port(m->server));
}

void zkhsmd_notify_reloading(void)
{
	struct timespec t;

	/* Type=notify-reload (systemd 253 and later) wants to know since when. */
	clock_gettime(CLOCK_MONOTONIC, &t);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)t.tv_sec * 1000000 + (unsigned long long)t.tv_nsec / 1000);
}

void zkhsmd_notify_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

/*
 * A thread that hangs in a disk or in a PKCS#11 module is not to be told from one
 * that works, but by the time it takes: systemd then starts the manager anew.
 */
void zkhsmd_notify_tick(struct zkhsmd *m, struct zkhsmd_time now)
{
	(void)now;
	if (zkhsmd_jobs_longest(m) < STUCK_MS)
		sd_notify(0, "WATCHDOG=1");
}
