// SPDX-License-Identifier: GPL-2.0
/*
 * events.c - attest soon after a change of the keystore, which stores it first
 *
 * Everybody may look at the kernel's generation, which goes up with each change
 * of the list; only administrators may subscribe to events. The agent looks
 * every few seconds, which also finds a module that was loaded anew, and
 * subscribes where it may.
 */
#include <errno.h>
#include <string.h>

#include "agent.h"

/* A thousand changes at once make one attestation, after the pause. */
static void changed(struct agent *a)
{
	agent_attest_within(a, a->config.debounce_ms);
}

static void on_event(const struct zkhsm_event_info *e, void *arg)
{
	/* Evidence is what attesting makes, and leases are what comes of it. */
	if (e->kind != ZKHSM_CMD_EVIDENCE_NTF && e->kind != ZKHSM_CMD_LEASE_NTF)
		changed(arg);
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
	changed(a);
}

static void unsubscribe(struct agent *a)
{
	if (a->events)
		event_free(a->events);
	zkhsm_nl_close(a->events_nl);
	a->events = NULL;
	a->events_nl = NULL;
}

static void subscribe(struct agent *a)
{
	struct zkhsm_error err;
	int ret;

	unsubscribe(a);
	ret = zkhsm_nl_open(&a->events_nl, &err);
	ret = ret ? ret : zkhsm_nl_subscribe(a->events_nl, &err);
	if (!ret) {
		a->events = event_new(a->base, zkhsm_nl_fd(a->events_nl), EV_READ | EV_PERSIST,
				      on_readable, a);
		if (!a->events || event_add(a->events, NULL))
			ret = zkhsm_fail(&err, -ENOMEM, "out of memory");
	}
	if (!ret)
		return;
	unsubscribe(a);
	log_event(LOG_LEVEL_INFO, "no-events", "error", err.text, NULL);
}

/* Another module, or the first: what is waited for concerns an HSM that is no more. */
static void new_instance(struct agent *a)
{
	subscribe(a);
	for (size_t i = 0; i < a->manager_count && a->seen.known; i++)
		a->managers[i].cancel_orders = true;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;
	struct zkhsm_hsm_info hsm;
	uint8_t configuration[32];
	struct zkhsm_nl *nl;
	int ret;

	(void)fd;
	(void)what;
	/* No module, no identity: the attesting threads say so in the log. */
	if (zkhsm_nl_open(&nl, NULL))
		return;
	ret = zkhsm_hsm_get(nl, &hsm, NULL);
	zkhsm_nl_close(nl);
	if (ret || !hsm.initialised)
		return;
	zkhsm_sha256(hsm.configuration, hsm.configuration_len, configuration);
	if (!a->seen.known || memcmp(hsm.instance_id, a->seen.instance_id, 16) != 0)
		new_instance(a);
	else if (hsm.generation == a->seen.generation &&
		 memcmp(configuration, a->seen.configuration, 32) == 0 &&
		 (!hsm.unsealed || a->seen.unsealed)) {
		a->seen.unsealed = hsm.unsealed;
		return;
	}
	/* What is there from the beginning is no change: the threads begin by attesting. */
	if (a->seen.looked)
		changed(a);
	a->seen.known = true;
	a->seen.generation = hsm.generation;
	a->seen.unsealed = hsm.unsealed;
	memcpy(a->seen.instance_id, hsm.instance_id, 16);
	memcpy(a->seen.configuration, configuration, 32);
}

int events_start(struct agent *a)
{
	struct timeval period = { (time_t)(a->config.watch_ms / 1000),
				  (suseconds_t)(a->config.watch_ms % 1000 * 1000) };

	a->watch = event_new(a->base, -1, EV_PERSIST, on_watch, a);
	if (!a->watch || event_add(a->watch, &period))
		return -ENOMEM;
	on_watch(-1, 0, a);
	a->seen.looked = true;
	return 0;
}

void events_stop(struct agent *a)
{
	unsubscribe(a);
	if (a->watch)
		event_free(a->watch);
	a->watch = NULL;
}
