// SPDX-License-Identifier: GPL-2.0
/*
 * config.c - the agent's configuration file
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "conf.h"

#define SECOND	1000ULL
#define HOUR	(3600 * SECOND)

#define AGENT(opt, def, member, lo, hi) \
	CONF_DURATION_OF("agent", opt, def, struct agent_config, member, lo, hi)
#define HTTPS(opt, def, member, lo, hi) \
	CONF_DURATION_OF("https", opt, def, struct https_config, member, lo, hi)

static const struct conf_option options[] = {
	CONF_TEXT_OF("agent", "state_dir", "/var/lib/zkhsm-agent", struct agent_config, state_dir,
		     1),
	CONF_TEXT_OF("agent", "store", ZKHSM_STORE_DEFAULT, struct agent_config, store, 1),
	CONF_TEXT_OF("agent", "log_level", "info", struct agent_config, log_level, 1),
	AGENT("backoff_min", "1s", backoff_min_ms, 10, HOUR),
	AGENT("backoff_max", "60s", backoff_max_ms, 10, HOUR),
	AGENT("debounce", "500ms", debounce_ms, 0, HOUR),
	AGENT("watch", "5s", watch_ms, 100, HOUR),
	AGENT("connect_timeout", "10s", connect_timeout_ms, 100, HOUR),
	AGENT("request_timeout", "30s", request_timeout_ms, 100, HOUR),
	AGENT("challenge_wait", "1500ms", challenge_wait_ms, 10, HOUR),
	AGENT("orders_wait", "30s", orders_wait_ms, SECOND, 60 * SECOND),
	CONF_TEXT_OF("https", "listen", "", struct https_config, listen, 1),
	CONF_NUMBER_OF("https", "port", "8444", struct https_config, port, 0, 65535),
	CONF_TEXT_OF("https", "certificate", "", struct https_config, certificate, 1),
	CONF_TEXT_OF("https", "private_key", "", struct https_config, private_key, 1),
	CONF_TEXT_OF("https", "client_ca", "", struct https_config, client_ca, 1),
	CONF_NUMBER_OF("https", "connections_max", "256", struct https_config, connections_max,
		       1, 65536),
	HTTPS("idle_timeout", "60s", idle_timeout_ms, 100, HOUR),
	HTTPS("request_timeout", "10s", request_timeout_ms, 100, HOUR),
	HTTPS("token_leeway", "5s", token_leeway_ms, 0, 300 * SECOND),
	CONF_TEXT_OF("manager *", "url", NULL, struct manager_config, url, 1),
	CONF_TEXT_OF("manager *", "ca", NULL, struct manager_config, ca, 1),
	CONF_TEXT_OF("manager *", "jwks", "", struct manager_config, jwks, 1),
	CONF_DURATION_OF("manager *", "jwks_refresh", "10min", struct manager_config,
			 jwks_refresh_ms, SECOND, 24 * HOUR),
	CONF_BOOL_OF("manager *", "orders", "yes", struct manager_config, orders),
};

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{ "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING },
	{ "info", LOG_LEVEL_INFO }, { "debug", LOG_LEVEL_DEBUG },
};

static void *section(void *arg, const char *kind, const char *name)
{
	struct agent *a = arg;
	struct manager *m;

	if (strcmp(kind, "agent") == 0)
		return &a->config;
	if (strcmp(kind, "https") == 0)
		return &a->https;
	/* The name becomes part of a file's name, so it is like a key's id. */
	if (a->manager_count == AGENT_MANAGERS_MAX || strlen(name) >= sizeof(m->config.name) ||
	    !zkhsm_id_valid((const uint8_t *)name, strlen(name)))
		return NULL;
	m = &a->managers[a->manager_count++];
	m->agent = a;
	strcpy(m->config.name, name);	/* just measured */
	return &m->config;
}

static int check_values(struct agent *a, const char *path, struct zkhsm_error *err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].name, a->config.log_level) == 0)
			break;
	}
	if (i == ARRAY_SIZE(levels))
		return zkhsm_fail(err, -EINVAL, "%s: log_level is error, warning, info or debug",
				  path);
	/* Under systemd stderr is the journal, which stamps the time itself. */
	log_setup(levels[i].level, getenv("JOURNAL_STREAM"));
	if (!a->manager_count)
		return zkhsm_fail(err, -EINVAL, "%s: no [manager NAME] section", path);
	if (a->config.backoff_min_ms > a->config.backoff_max_ms)
		return zkhsm_fail(err, -EINVAL, "%s: backoff_min is above backoff_max", path);
	if (a->https.listen[0] && (!a->https.certificate[0] || !a->https.private_key[0] ||
				   !a->https.client_ca[0]))
		return zkhsm_fail(err, -EINVAL,
				  "%s: listen needs certificate, private_key and client_ca", path);
	for (i = 0; i < a->manager_count; i++) {
		if (strncmp(a->managers[i].config.url, "https://", 8) != 0)
			return zkhsm_fail(err, -EINVAL, "%s: url of manager %s is not https://",
					  path, a->managers[i].config.name);
	}
	return 0;
}

int agent_config_load(struct agent *a, const char *path, struct zkhsm_error *err)
{
	int ret;

	ret = conf_load(path, options, ARRAY_SIZE(options), section, a, err);
	return ret ? ret : check_values(a, path, err);
}

int agent_config_check(const struct agent *a, struct zkhsm_error *err)
{
	struct server_config server;
	int ret;

	if (access(a->config.state_dir, W_OK | X_OK))
		return zkhsm_fail(err, -errno, "state_dir %s: %s", a->config.state_dir,
				  strerror(errno));
	/* Where nothing is sealed there need not be one. */
	if (!access(a->config.store, F_OK) && access(a->config.store, R_OK | W_OK | X_OK))
		return zkhsm_fail(err, -errno, "store %s: %s", a->config.store, strerror(errno));
	for (size_t i = 0; i < a->manager_count; i++) {
		const struct manager_config *m = &a->managers[i].config;
		const char *missing = access(m->ca, R_OK) ? m->ca :
			m->jwks[0] && access(m->jwks, R_OK) ? m->jwks : NULL;

		if (missing)
			return zkhsm_fail(err, -errno, "manager %s: %s: %s", m->name, missing,
					  strerror(errno));
	}
	if (!a->https.listen[0])
		return 0;
	ret = client_server_config(a, &server);
	return ret ? ret : server_check(&server, err);
}
