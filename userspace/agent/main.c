// SPDX-License-Identifier: GPL-2.0
/*
 * zkhsm-agent - carries evidence and orders between kernel and managers, and
 * uses keys for remote clients
 */
#include <errno.h>
#include <event2/thread.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

#define DEFAULT_CONFIG	"/etc/zkhsm/zkhsm-agent.conf"

static void usage(FILE *to)
{
	fprintf(to, "Usage: zkhsm-agent [OPTION...]\n"
		    "Carries evidence and orders between the kernel and its attestation managers.\n\n"
		    "  --config FILE    default %s\n"
		    "  --check-config   say whether the configuration can be used, and end\n"
		    "  --once           attest once to every manager, and end: 0 if all accepted\n"
		    "  --help           this text\n\n"
		    "zkhsm-agent(8) says more.\n", DEFAULT_CONFIG);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct agent *a = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(a->base);
}

static int init(struct agent *a, struct zkhsm_error *err)
{
	if (evthread_use_pthreads())
		return zkhsm_fail(err, -EIO, "libevent without threads");
	a->base = event_base_new();
	if (!a->base)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	rounds_init(a);
	for (size_t i = 0; i < a->manager_count; i++)
		manager_init(&a->managers[i]);
	return 0;
}

/* One attestation to each, here and now: exit status for scripts and tests. */
static int once(struct agent *a, int *status, struct zkhsm_error *err)
{
	int ret = 0;

	a->rounds.once = true;
	for (size_t i = 0; i < a->manager_count && !ret; i++)
		ret = manager_start(&a->managers[i], err);
	if (ret) {
		/* Those that were started wait for their turns. */
		a->stop = true;
		rounds_stop(a);
	}
	rounds_once(a);
	for (size_t i = 0; i < a->manager_count; i++) {
		manager_stop(&a->managers[i]);
		if (a->managers[i].result.ret || a->managers[i].result.lease_ret)
			*status = EXIT_FAILURE;
	}
	return ret;
}

static int serve(struct agent *a, struct zkhsm_error *err)
{
	struct event *term, *intr;
	int ret;

	term = evsignal_new(a->base, SIGTERM, on_signal, a);
	intr = evsignal_new(a->base, SIGINT, on_signal, a);
	ret = !term || !intr || event_add(term, NULL) || event_add(intr, NULL) ?
		zkhsm_fail(err, -ENOMEM, "out of memory") : 0;
	ret = ret ? ret : events_start(a);
	ret = ret ? ret : client_start(a, err);
	for (size_t i = 0; i < a->manager_count && !ret; i++)
		ret = manager_start(&a->managers[i], err);
	ret = ret ? ret : rounds_start(a, err);
	if (!ret) {
		log_event(LOG_LEVEL_INFO, "started", "managers", LOG_NUMBER(a->manager_count),
			  NULL);
		event_base_dispatch(a->base);
		log_event(LOG_LEVEL_INFO, "stopping", NULL);
	}
	a->stop = true;
	rounds_stop(a);
	for (size_t i = 0; i < a->manager_count; i++)
		manager_stop(&a->managers[i]);
	if (a->server)
		server_free(a->server);
	events_stop(a);
	if (term)
		event_free(term);
	if (intr)
		event_free(intr);
	return ret;
}

static void cleanup(struct agent *a)
{
	if (!a->base)
		return;
	for (size_t i = 0; i < a->manager_count; i++)
		manager_free(&a->managers[i]);
	rounds_free(a);
	event_base_free(a->base);
	libevent_global_shutdown();
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "once", no_argument, NULL, '1' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const char *path = DEFAULT_CONFIG;
	bool check = false, one = false;
	struct zkhsm_error err = { 0 };
	static struct agent agent;
	int ret, o, status = EXIT_SUCCESS;

	while ((o = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (o) {
		case 'c':
			path = optarg;
			break;
		case 'C':
			check = true;
			break;
		case '1':
			one = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	ret = agent_config_load(&agent, path, &err);
	if (!ret && check) {
		ret = agent_config_check(&agent, &err);
		if (!ret)
			printf("%s: good, %zu managers\n", path, agent.manager_count);
	} else if (!ret) {
		ret = init(&agent, &err);
		if (!ret && one)
			ret = once(&agent, &status, &err);
		else if (!ret)
			ret = serve(&agent, &err);
	}
	cleanup(&agent);
	if (ret) {
		fprintf(stderr, "zkhsm-agent: %s\n", err.text[0] ? err.text : strerror(-ret));
		return EXIT_FAILURE;
	}
	return status;
}
