// SPDX-License-Identifier: GPL-2.0
/*
 * manager.c - the manager's parts put together, and taken apart
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_log.h"
#include "backup.h"
#include "manager.h"
#include "metrics.h"
#include "notify.h"
#include "policy.h"
#include "reload.h"
#include "sandbox.h"
#include "rate.h"
#include "role.h"
#include "status.h"
#include "watch.h"
#include "webhook.h"

#define HEAD_MAX	8192
/* How long requests that are under way may take after SIGTERM. */
#define STOP_S		10

/* Two managers with one key would use numbers twice. */
int zkhsmd_lock_state(struct zkhsmd *m, struct zkhsm_error *err)
{
	const char *dir = m->config.state_dir;
	char path[300];

	if (mkdir(dir, 0700) && errno != EEXIST)
		return zkhsm_fail(err, -errno, "%s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/lock", dir);
	m->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->lock_fd < 0)
		return zkhsm_fail(err, -errno, "%s: %s", path, strerror(errno));
	if (flock(m->lock_fd, LOCK_EX | LOCK_NB))
		return zkhsm_fail(err, -errno, "another zkhsmd uses %s", dir);
	return 0;
}

static int open_store(struct zkhsmd *m, struct zkhsm_error *err)
{
	const struct zkhsmd_store_ops *ops = &zkhsmd_store_sqlite;
	struct zkhsmd_store *store;
	int64_t newest = 0;
	int ret;

	m->store_ops = ops;
	snprintf(m->store_path, sizeof(m->store_path), "%s/zkhsmd.db", m->config.state_dir);
	ret = ops->open(m->store_path, false, true, &store, err);
	if (ret)
		return ret;
	ret = zkhsmd_identity_open(&m->identity, &m->config, store, err);
	if (!ret) {
		ret = ops->hsm_newest(store, &newest);
		if (ret)
			zkhsm_fail(err, ret, "%s cannot be read: %s", m->store_path,
				   strerror(-ret));
	}
	if (!ret)
		ret = zkhsmd_audit_open(m, store, err);
	ops->close(store);
	m->newest_wall = newest;
	return ret;
}

int zkhsmd_open(struct zkhsmd *m, struct zkhsm_error *err)
{
	const struct zkhsmd_config *c = &m->config;
	int ret;

	ret = zkhsmd_lock_state(m, err);
	if (!ret)
		ret = zkhsmd_restore_check(c->state_dir, err);
	if (!ret)
		ret = zkhsmd_boot_id(m->boot_id, err);
	if (!ret)
		ret = open_store(m, err);
	if (ret)
		return ret;
	if (zkhsmd_metrics_new(&m->metrics) || zkhsmd_nonces_new(c, &m->nonces) ||
	    zkhsmd_sources_new(c->false_per_minute, &m->sources) ||
	    zkhsmd_sources_new(ZKHSMD_GUEST_PARTS, &m->guest_parts) ||
	    zkhsmd_rates_new(&m->rates) || zkhsmd_watch_new(&m->watch) ||
	    zkhsmd_cache_new(c->lists_max, &m->lists) ||
	    zkhsmd_cache_new(c->guest_lists_max, &m->guest_lists) ||
	    zkhsmd_confs_new(&m->confs) || zkhsmd_rlist_new(&m->rlist) ||
	    zkhsmd_statuses_new(&m->statuses) ||
	    zkhsmd_polls_new(m, &m->polls))
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	return 0;
}

void zkhsmd_close(struct zkhsmd *m)
{
	zkhsmd_polls_free(m->polls);
	zkhsmd_statuses_free(m->statuses);
	zkhsmd_rlist_free(m->rlist);
	zkhsmd_confs_free(m->confs);
	zkhsmd_cache_free(m->guest_lists);
	zkhsmd_cache_free(m->lists);
	zkhsmd_rates_free(m->rates);
	zkhsmd_sources_free(m->guest_parts);
	zkhsmd_sources_free(m->sources);
	zkhsmd_nonces_free(m->nonces);
	zkhsmd_identity_close(&m->identity);
	zkhsmd_watch_free(m->watch);
	zkhsmd_metrics_free(m->metrics);
	zkhsmd_policy_set(m, NULL);
	if (m->lock_fd >= 0)
		close(m->lock_fd);
}

void zkhsmd_server_config(struct zkhsmd *m, struct server_config *out)
{
	const struct zkhsmd_config *c = &m->config;

	*out = (struct server_config){
		.address = c->address, .port = (uint16_t)c->port,
		.certificate = c->certificate, .private_key = c->private_key,
		.client_ca = c->admin_ca,
		.max_head = HEAD_MAX, .max_body = c->max_list_body,
		.connections_max = (unsigned int)c->connections_max,
		.large_max = (unsigned int)c->large_max,
		.idle_ms = c->idle_ms, .request_ms = c->request_ms, .large_ms = c->large_ms,
		.routes = zkhsmd_routes, .route_count = zkhsmd_route_count,
		.admit = zkhsmd_admit, .arg = m,
		.seen = zkhsmd_metrics_seen,
	};
}

static void log_listening(struct zkhsmd *m)
{
	char *id = zkhsm_hex(m->identity.manager_id, 32);
	char *key = zkhsm_hex(m->identity.order_public, 65);

	log_event(LOG_LEVEL_INFO, "listening", "address", m->config.address, "port",
		  LOG_NUMBER(server_port(m->server)), "manager_id", id, "order_key", key, NULL);
	free(id);
	free(key);
}

static void on_stop_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

/* No new connections, no waiting polls; what is under way is answered. */
static void on_stop(evutil_socket_t number, short what, void *arg)
{
	const struct timeval patience = { .tv_sec = STOP_S };
	struct zkhsmd *m = arg;

	(void)what;
	if (m->stopping)
		return;
	m->stopping = true;
	log_event(LOG_LEVEL_INFO, "stopping", "signal", LOG_NUMBER(number), NULL);
	zkhsmd_notify_stopping();
	zkhsmd_tick_stop(m);
	zkhsmd_audit_own(m, "stop", json_pack("{s:i}", "signal", (int)number));
	server_stop(m->server);
	zkhsmd_polls_stop(m->polls);
	event_base_once(m->base, -1, EV_TIMEOUT, on_stop_again, m->base, &patience);
}

static void loop(struct zkhsmd *m)
{
	while (!event_base_got_break(m->base)) {
		if (m->stopping && !zkhsmd_jobs_pending(m) && !server_connections(m->server))
			break;
		if (event_base_loop(m->base, EVLOOP_ONCE) < 0)
			break;
	}
}

/* All that needs more is open; nobody from outside has been heard yet. */
static int enter_sandbox(struct zkhsmd *m, struct zkhsm_error *err)
{
	if (m->config.sandbox)
		return zkhsmd_sandbox_enter(ZKHSMD_SANITIZED, err);
	log_event(LOG_LEVEL_WARNING, "sandbox", "text", "no filter of system calls, as configured",
		  NULL);
	return 0;
}

static int open_policy(struct zkhsmd *m, struct zkhsm_error *err)
{
	struct zkhsmd_policy *policy;
	int ret = zkhsmd_policy_load(m->config.policy, &policy, err);

	if (ret)
		return ret;
	zkhsmd_policy_set(m, policy);
	return zkhsmd_check_files(m, policy, err);
}

int zkhsmd_run(struct zkhsmd *m, struct zkhsm_error *err)
{
	struct event *term = NULL, *interrupt = NULL;
	struct server_config config;
	int ret;

	signal(SIGPIPE, SIG_IGN);
	/* Until it is waited for there is nothing to read again. */
	signal(SIGHUP, SIG_IGN);
	ret = open_policy(m, err);
	if (ret)
		return ret;
	m->base = event_base_new();
	if (!m->base)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	ret = enter_sandbox(m, err);
	if (!ret)
		ret = zkhsmd_jobs_start(m, err);
	if (!ret)
		ret = zkhsmd_webhooks_start(m, err);
	if (!ret) {
		zkhsmd_server_config(m, &config);
		ret = server_new(m->base, &config, &m->server, err);
	}
	if (ret)
		goto out;
	term = evsignal_new(m->base, SIGTERM, on_stop, m);
	interrupt = evsignal_new(m->base, SIGINT, on_stop, m);
	if (!term || !interrupt || event_add(term, NULL) || event_add(interrupt, NULL)) {
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto out;
	}
	ret = zkhsmd_tick_start(m, err);
	if (!ret)
		ret = zkhsmd_reload_start(m, err);
	if (ret)
		goto out;
	zkhsmd_audit_own(m, "start", json_pack("{s:s}", "version", ZKHSMD_VERSION));
	log_listening(m);
	zkhsmd_notify_ready(m);
	loop(m);
	log_event(LOG_LEVEL_INFO, "stopped", NULL);
out:
	zkhsmd_reload_stop(m);
	/* Requests that the patience did not suffice for end with the threads. */
	zkhsmd_tick_stop(m);
	zkhsmd_webhooks_stop(m);
	zkhsmd_jobs_stop(m);
	server_free(m->server);
	m->server = NULL;
	if (term)
		event_free(term);
	if (interrupt)
		event_free(interrupt);
	event_base_free(m->base);
	return ret;
}
