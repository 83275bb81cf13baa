// SPDX-License-Identifier: GPL-2.0
/*
 * relying_conf.c - the file that says whom a relying party believes
 */
#include "conf.h"
#include "lib_private.h"
#include "zkhsm-relying.h"

#define SECOND	1000ULL
#define HOUR	(3600 * SECOND)
#define DAY	(24 * HOUR)

#define CONFIG	struct zkhsm_relying_config
#define MANAGER	struct zkhsm_relying_manager

static const struct conf_option options[] = {
	CONF_NUMBER_OF("relying", "k", NULL, CONFIG, k, 1, ZKHSM_MANAGERS_MAX),
	CONF_NUMBER_OF("relying", "stop", "1", CONFIG, stop, 1, ZKHSM_MANAGERS_MAX),
	CONF_TEXT_OF("relying", "state", "", CONFIG, state, 1),
	CONF_TEXT_OF("relying", "client_key", "", CONFIG, client_key, 1),
	CONF_DURATION_OF("relying", "connect_timeout", "5s", CONFIG, connect_timeout_ms, 10, HOUR),
	CONF_DURATION_OF("relying", "request_timeout", "10s", CONFIG, timeout_ms, 10, HOUR),
	CONF_DURATION_OF("relying", "leeway", "5s", CONFIG, leeway_ms, 0, HOUR),
	CONF_DURATION_OF("relying", "max_age", "0s", CONFIG, max_age_ms, 0, 31 * DAY),
	CONF_DURATION_OF("relying", "grant_life", "30s", CONFIG, grant_life_ms, SECOND,
			 ZKHSM_GRANT_AHEAD_MAX_MS),
	CONF_DURATION_OF("relying", "jwks_refresh", "10min", CONFIG, jwks_refresh_ms, SECOND, DAY),
	CONF_BOOL_OF("relying", "danger_without_fresh_list", "no", CONFIG,
		     danger_without_fresh_list),
	CONF_TEXT_OF("agent", "url", "", CONFIG, agent_url, 1),
	CONF_TEXT_OF("agent", "ca", "", CONFIG, agent_ca, 1),
	CONF_TEXT_OF("agent", "certificate", "", CONFIG, certificate, 1),
	CONF_TEXT_OF("agent", "private_key", "", CONFIG, private_key, 1),
	CONF_TEXT_OF("manager *", "url", NULL, MANAGER, url, 1),
	CONF_TEXT_OF("manager *", "ca", NULL, MANAGER, ca, 1),
	CONF_TEXT_OF("manager *", "key", NULL, MANAGER, key, 2 * ZKHSM_POINT_LEN),
	CONF_TEXT_OF("manager *", "jwks", "", MANAGER, jwks, 1),
};

static void *section(void *arg, const char *kind, const char *name)
{
	struct zkhsm_relying_config *c = arg;
	struct zkhsm_relying_manager *m;

	if (strcmp(kind, "relying") == 0 || strcmp(kind, "agent") == 0)
		return c;
	if (c->manager_count == ARRAY_SIZE(c->managers) || strlen(name) >= sizeof(m->name))
		return NULL;
	m = &c->managers[c->manager_count++];
	strcpy(m->name, name);	/* just measured */
	return m;
}

int zkhsm_relying_load(const char *path, struct zkhsm_relying_config *c, struct zkhsm_error *err)
{
	memset(c, 0, sizeof(*c));
	return conf_load(path, options, ARRAY_SIZE(options), section, c, err);
}
