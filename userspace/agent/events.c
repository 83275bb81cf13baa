// SPDX-License-Identifier: GPL-2.0
/*
 * events.c - the kernel's notifications: attest soon after a change
 *
 * Only administrators may subscribe; an agent without the capability attests
 * by the clock alone, which is what unprivileged operation means.
 */
#include <errno.h>

#include "agent.h"

static void on_event(const struct zkhsm_event_info *e, void *arg)
{
	struct agent *a = arg;

	/* Evidence is what attesting makes. */
	if (e->kind == ZKHSM_CMD_EVIDENCE_NTF)
		return;
	/* A thousand changes at once make one attestation, after the pause. */
	for (size_t i = 0; i < a->manager_count; i++)
		manager_attest_within(&a->managers[i], a->config.debounce_ms);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	struct zkhsm_error err;

	(void)fd;
	(void)what;
	if (!zkhsm_nl_events(a->events_nl, on_event, a, &err))
		return;
	/* Events were lost: something has changed. */
	log_event(LOG_LEVEL_WARNING, "events", "error", err.text, NULL);
	for (size_t i = 0; i < a->manager_count; i++)
		manager_attest_within(&a->managers[i], a->config.debounce_ms);
}

static void close_events(struct agent *a)
{
	if (a->events)
		event_free(a->events);
	if (a->events_nl)
		zkhsm_nl_close(a->events_nl);
	a->events = NULL;
	a->events_nl = NULL;
}

static int open_events(struct agent *a)
{
	struct zkhsm_error err;
	int ret;

	ret = zkhsm_nl_open(&a->events_nl, &err);
	ret = ret ? ret : zkhsm_nl_subscribe(a->events_nl, &err);
	if (!ret) {
		a->events = event_new(a->base, zkhsm_nl_fd(a->events_nl), EV_READ | EV_PERSIST,
				      on_readable, a);
		if (!a->events || event_add(a->events, NULL))
			ret = zkhsm_fail(&err, -ENOMEM, "out of memory");
	}
	if (!ret)
		return 0;
	close_events(a);
	log_event(LOG_LEVEL_INFO, "no-events", "error", err.text, NULL);
	return ret;
}

static void on_resubscribe(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;

	(void)fd;
	(void)what;
	close_events(a);
	open_events(a);
}

int events_start(struct agent *a)
{
	a->resubscribe = event_new(a->base, -1, EV_PERSIST, on_resubscribe, a);
	if (!a->resubscribe)
		return -ENOMEM;
	/* Failing to subscribe is said in the log, and no reason not to run. */
	open_events(a);
	return 0;
}

void events_stop(struct agent *a)
{
	close_events(a);
	if (a->resubscribe)
		event_free(a->resubscribe);
	a->resubscribe = NULL;
}

void events_resubscribe(struct agent *a)
{
	if (a->resubscribe)
		event_active(a->resubscribe, EV_READ, 0);
}
