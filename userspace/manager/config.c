// SPDX-License-Identifier: GPL-2.0
/*
 * config.c - the options of zkhsmd; zkhsmd.conf explains them
 */
#include <errno.h>
#include <string.h>

#include "rate.h"

#define TEXT(sec, opt, def, member, least) \
	CONF_TEXT_OF(sec, opt, def, struct zkhsmd_config, member, least)
#define NUMBER(sec, opt, def, member, lo, hi) \
	CONF_NUMBER_OF(sec, opt, def, struct zkhsmd_config, member, lo, hi)
#define TIME(sec, opt, def, member, lo, hi) \
	CONF_DURATION_OF(sec, opt, def, struct zkhsmd_config, member, lo, hi)

#define BOOL(sec, opt, def, member) \
	CONF_BOOL_OF(sec, opt, def, struct zkhsmd_config, member)

#define DAY	86400000ULL
#define RATE	10000000

static const struct conf_option options[] = {
	TEXT("server", "address", "127.0.0.1", address, 1),
	NUMBER("server", "port", "8443", port, 0, 65535),
	TEXT("server", "certificate", NULL, certificate, 1),
	TEXT("server", "private_key", NULL, private_key, 1),
	TEXT("server", "admin_ca", NULL, admin_ca, 1),
	TEXT("server", "state_dir", "/var/lib/zkhsmd", state_dir, 1),
	TEXT("server", "log_level", "info", log_level, 1),
	TEXT("server", "public_url", "", public_url, 0),
	NUMBER("server", "workers", "2", workers, 1, 64),
	BOOL("server", "sandbox", "yes", sandbox),

	TEXT("keys", "order_key", "file", order_key, 1),

	TEXT("backup", "dir", "", backup_dir, 0),
	NUMBER("backup", "keep", "7", backup_keep, 1, 10000),

	TEXT("policy", "file", "", policy, 0),

	TIME("attestation", "max_age", "1h", max_age_ms, 100, 365 * DAY),
	TIME("attestation", "interval", "20min", interval_ms, 50, 365 * DAY),
	TIME("attestation", "nonce_life", "60s", nonce_life_ms, 100, 600000),
	TIME("attestation", "next_update", "1h", next_update_ms, 1000, 365 * DAY),

	BOOL("leases", "enabled", "yes", leases),
	TIME("leases", "ttl", "1h", lease_ttl_ms, 1000, 31 * DAY),

	NUMBER("limits", "connections", "1024", connections_max, 4, 65536),
	NUMBER("limits", "large_requests", "4", large_max, 1, 256),
	NUMBER("limits", "long_polls", "512", polls_max, 1, 65536),
	NUMBER("limits", "list_bytes", "16777216", max_list_body, 4096, 67108864),
	TIME("limits", "idle", "2min", idle_ms, 100, DAY),
	TIME("limits", "request", "10s", request_ms, 100, DAY),
	TIME("limits", "large_request", "2min", large_ms, 100, DAY),
	NUMBER("limits", "nonces_per_hsm", "16", nonces_per_hsm, 1, 1024),
	NUMBER("limits", "nonces", "65536", nonces_max, 4, 16777216),
	NUMBER("limits", "lists_memory", "167772160", lists_max, 1048576, 1ULL << 40),
	NUMBER("limits", "strangers_memory", "33554432", guest_lists_max, 1048576, 1ULL << 40),
	NUMBER("limits", "pending", "1000", pending_max, 1, 1000000),
	NUMBER("limits", "pending_per_source", "16", pending_per_source, 1, 1000000),
	NUMBER("limits", "false_per_minute", "60", false_per_minute, 1, 1000000),
	NUMBER("limits", "challenges_per_second", "500", rate_source[ZKHSMD_RATE_CHALLENGES], 0, RATE),
	NUMBER("limits", "evidence_per_second", "500", rate_source[ZKHSMD_RATE_EVIDENCE], 0, RATE),
	NUMBER("limits", "tokens_per_second", "2000", rate_source[ZKHSMD_RATE_TOKENS], 0, RATE),
	NUMBER("limits", "grants_per_second", "2000", rate_source[ZKHSMD_RATE_GRANTS], 0, RATE),
	NUMBER("limits", "requests_per_second", "2000", rate_source[ZKHSMD_RATE_REQUESTS], 0, RATE),
	NUMBER("limits", "hsm_challenges_per_second", "50", rate_hsm[ZKHSMD_RATE_CHALLENGES], 0, RATE),
	NUMBER("limits", "hsm_evidence_per_second", "50", rate_hsm[ZKHSMD_RATE_EVIDENCE], 0, RATE),
	NUMBER("limits", "hsm_tokens_per_second", "500", rate_hsm[ZKHSMD_RATE_TOKENS], 0, RATE),
	NUMBER("limits", "hsm_grants_per_second", "500", rate_hsm[ZKHSMD_RATE_GRANTS], 0, RATE),
};

static void *section_of(void *arg, const char *kind, const char *name)
{
	(void)kind;
	return name ? NULL : arg;
}

int zkhsmd_log_level(const char *name)
{
	static const struct { const char *name; int level; } levels[] = {
		{ "error", LOG_LEVEL_ERROR }, { "warning", LOG_LEVEL_WARNING },
		{ "info", LOG_LEVEL_INFO }, { "debug", LOG_LEVEL_DEBUG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		if (strcmp(levels[i].name, name) == 0)
			return levels[i].level;
	}
	return -EINVAL;
}

/* What tokens and status lists say of where this server is: what follows is appended. */
static int check_url(const char *path, const char *url, struct zkhsm_error *err)
{
	static const char scheme[] = "https://";
	const size_t len = strlen(url);

	for (size_t i = 0; i < len; i++) {
		if (url[i] <= ' ' || url[i] >= 0x7f || strchr("\"#?<>\\", url[i]))
			return zkhsm_fail(err, -EINVAL, "%s: public_url has a character that it cannot have", path);
	}
	if (len && (strncmp(url, scheme, strlen(scheme)) != 0 || len == strlen(scheme) ||
		    url[len - 1] == '/'))
		return zkhsm_fail(err, -EINVAL,
				  "%s: public_url has to begin with https:// and to end without a slash",
				  path);
	return 0;
}

int zkhsmd_config_load(const char *path, struct zkhsmd_config *c, struct zkhsm_error *err)
{
	int ret;

	memset(c, 0, sizeof(*c));
	ret = conf_load(path, options, ARRAY_SIZE(options), section_of, c, err);
	if (ret)
		return ret;
	if (zkhsmd_log_level(c->log_level) < 0)
		return zkhsm_fail(err, -EINVAL,
				  "%s: log_level is error, warning, info or debug, not \"%s\"",
				  path, c->log_level);
	if (c->interval_ms >= c->max_age_ms)
		return zkhsm_fail(err, -EINVAL,
				  "%s: interval has to be shorter than max_age, or every HSM would be stale between two attestations",
				  path);
	return check_url(path, c->public_url, err);
}

static size_t size_of(const struct conf_option *o)
{
	switch (o->type) {
	case CONF_TEXT:
		return o->size;
	case CONF_BOOL:
		return sizeof(bool);
	default:			/* numbers and durations: there are no others above */
		return sizeof(uint64_t);
	}
}

bool zkhsmd_config_same(const struct zkhsmd_config *a, const struct zkhsmd_config *b)
{
	const struct conf_option *o;

	/* Texts too: what is behind their ends was zeroed before they were filled in. */
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		o = &options[i];
		if (memcmp((const char *)a + o->offset, (const char *)b + o->offset, size_of(o)) != 0)
			return false;
	}
	return true;
}
