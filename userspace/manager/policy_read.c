// SPDX-License-Identifier: GPL-2.0
/*
 * policy_read.c - the policy file; policy.conf explains it
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"

#define FILE_MAX	1048576
#define PATTERN_SIZE	129
#define PATTERNS_MAX	1024
#define DAY		86400000ULL
#define UNLIMITED	"18446744073709551615ms"

const char *const policy_kek_words[] = { "none", "keyring", "shares", "tpm", NULL };
const char *const policy_origin_words[] = { "generated", "imported", "synchronised", NULL };
const char *const policy_usage_words[] = { "sign", "prove", NULL };
const char *const policy_type_words[] = { "ec-p256", "ec-p384", NULL };
const char *const policy_duplicate_words[] = { "newcomer", "both", "alert", NULL };
const char *const policy_operation_words[] = { "sign", "prove", NULL };

/* Where the lists of HSMs go is the same in every rule: it begins with them. */
#define RULE(sec)									\
	CONF_LINE_OF(sec, struct policy_rule, line),					\
	CONF_LIST_OF(sec, "hsms", "", struct policy_rule, hsms, PATTERN_SIZE, PATTERNS_MAX), \
	CONF_LIST_OF(sec, "clusters", "", struct policy_rule, clusters, PATTERN_SIZE, PATTERNS_MAX)
#define HSMS	struct policy_hsms
#define KEYS	struct policy_keys
#define SETS	struct zkhsmd_replicas
#define GRANTS	struct policy_grants
#define POLICY	struct zkhsmd_policy
#define HOOK	struct zkhsmd_hook

static const struct conf_option options[] = {
	CONF_TEXT_OF("policy", "name", "unnamed", POLICY, name, 1),
	CONF_TEXT_OF("policy", "version", "0", POLICY, version, 1),

	RULE("hsms *"),
	CONF_BOOL_OF("hsms *", "locked", "no", HSMS, locked),
	CONF_BOOL_OF("hsms *", "counter", "no", HSMS, counter),
	CONF_WORDS_OF("hsms *", "kek", "", HSMS, kek, policy_kek_words, 4),
	CONF_NUMBER_OF("hsms *", "quorum", "0", HSMS, quorum, 0, 255),
	CONF_NUMBER_OF("hsms *", "stop", "0", HSMS, stop, 0, 255),
	CONF_NUMBER_OF("hsms *", "wipe", "0", HSMS, wipe, 0, 255),
	CONF_DURATION_OF("hsms *", "enforce_grace", UNLIMITED, HSMS, enforce_grace_ms, 0, UINT64_MAX),
	CONF_DURATION_OF("hsms *", "max_ttl", UNLIMITED, HSMS, max_ttl_ms, 1, UINT64_MAX),
	CONF_NUMBER_OF("hsms *", "module_version", "0", HSMS, module_version, 0, UINT32_MAX),
	CONF_LIST_OF("hsms *", "platform", "", HSMS, platforms, 65, PATTERNS_MAX),

	RULE("keys *"),
	CONF_LIST_OF("keys *", "keys", NULL, KEYS, keys, PATTERN_SIZE, PATTERNS_MAX),
	CONF_WORDS_OF("keys *", "origin", "", KEYS, origins, policy_origin_words, 3),
	CONF_WORDS_OF("keys *", "usage", "", KEYS, usage, policy_usage_words, 2),
	CONF_WORDS_OF("keys *", "type", "", KEYS, types, policy_type_words, 2),
	CONF_BOOL_OF("keys *", "never_extractable", "no", KEYS, never_extractable),
	CONF_BOOL_OF("keys *", "lease_required", "no", KEYS, lease_required),
	CONF_BOOL_OF("keys *", "grant_required", "no", KEYS, grant_required),

	RULE("replicas *"),
	CONF_LIST_OF("replicas *", "keys", NULL, SETS, keys, PATTERN_SIZE, PATTERNS_MAX),
	CONF_WORDS_OF("replicas *", "on_duplicate", "", SETS, on_duplicate, policy_duplicate_words, 1),

	RULE("grants *"),
	CONF_LIST_OF("grants *", "keys", NULL, GRANTS, keys, PATTERN_SIZE, PATTERNS_MAX),
	CONF_LIST_OF("grants *", "clients", NULL, GRANTS, clients, 65, PATTERNS_MAX),
	CONF_WORDS_OF("grants *", "operations", NULL, GRANTS, operations, policy_operation_words, 2),

	CONF_WORDS_OF("fraud", "on_duplicate", "newcomer", POLICY, on_duplicate,
		      policy_duplicate_words, 1),
	CONF_DURATION_OF("fraud", "silent", "2h", POLICY, fraud.silent_ms, 1000, 365 * DAY),
	CONF_NUMBER_OF("fraud", "burst", "20", POLICY, fraud.burst, 1, 1000000),
	CONF_DURATION_OF("fraud", "burst_window", "1min", POLICY, fraud.burst_ms, 1000, DAY),
	CONF_DURATION_OF("fraud", "watchdog", "1h", POLICY, fraud.watchdog_ms, 0, 365 * DAY),
	CONF_BOOL_OF("fraud", "two_release", "no", POLICY, fraud.two_release),

	CONF_LINE_OF("webhook *", HOOK, line),
	CONF_LINE_OF("roles", POLICY, roles.line),
	CONF_LIST_OF("roles", "administrators", "", POLICY, roles.administrators, PATTERN_SIZE,
		     PATTERNS_MAX),
	CONF_LIST_OF("roles", "operators", "", POLICY, roles.operators, PATTERN_SIZE, PATTERNS_MAX),
	CONF_LIST_OF("roles", "auditors", "", POLICY, roles.auditors, PATTERN_SIZE, PATTERNS_MAX),
	CONF_LIST_OF("roles", "metrics", "", POLICY, roles.metrics, PATTERN_SIZE, PATTERNS_MAX),

	CONF_WORDS_OF("two-person", "actions", "", POLICY, two.actions, zkhsmd_two_words, 11),
	CONF_DURATION_OF("two-person", "window", "24h", POLICY, two.window_ms, 1000, 31 * DAY),

	CONF_TEXT_OF("webhook *", "url", NULL, HOOK, url, 1),
	CONF_TEXT_OF("webhook *", "secret_file", NULL, HOOK, secret_file, 1),
	CONF_TEXT_OF("webhook *", "ca_file", "", HOOK, ca_file, 1),
	CONF_DURATION_OF("webhook *", "timeout", "10s", HOOK, timeout_ms, 100, 60000),
	CONF_NUMBER_OF("webhook *", "attempts", "10", HOOK, attempts, 1, 100),
};

static const struct {
	const char *name;
	size_t size;
} kinds[POLICY_KINDS] = {
	[POLICY_HSMS] = { "hsms", sizeof(HSMS) }, [POLICY_KEYS] = { "keys", sizeof(KEYS) },
	[POLICY_REPLICAS] = { "replicas", sizeof(SETS) },
	[POLICY_GRANTS] = { "grants", sizeof(GRANTS) },
};

static bool name_ok(const char *name)
{
	size_t len = strlen(name);

	return len <= POLICY_NAME_MAX && zkhsm_id_valid((const uint8_t *)name, len) &&
	       !strchr(name, '@');
}

static struct policy_rule *add_rule(struct zkhsmd_policy *p, enum policy_kind kind,
				    const char *name)
{
	struct policy_rule *r = calloc(1, kinds[kind].size), **end = &p->rules[kind];

	if (!r)
		return NULL;
	snprintf(r->title, sizeof(r->title), "%s %s", kinds[kind].name, name);
	r->kind = kind;
	while (*end)
		end = &(*end)->next;
	*end = r;
	return r;
}

static void *section_of(void *arg, const char *kind, const char *name)
{
	struct zkhsmd_policy *p = arg;
	struct zkhsmd_hook *hook;

	if (!name)
		return p;
	if (!name_ok(name))
		return NULL;
	if (strcmp(kind, "webhook") == 0) {
		if (p->hook_count == POLICY_HOOKS_MAX)
			return NULL;
		hook = &p->hooks[p->hook_count++];
		strcpy(hook->name, name);	/* just measured */
		return hook;
	}
	for (size_t i = 0; i < POLICY_KINDS; i++) {
		if (strcmp(kind, kinds[i].name) == 0)
			return add_rule(p, (enum policy_kind)i, name);
	}
	return NULL;
}

static void free_rule(struct policy_rule *r)
{
	struct conf_list *patterns = (struct conf_list *)policy_key_patterns(r);

	conf_list_free(&r->hsms);
	conf_list_free(&r->clusters);
	if (patterns)
		conf_list_free(patterns);
	if (r->kind == POLICY_HSMS)
		conf_list_free(&((struct policy_hsms *)r)->platforms);
	if (r->kind == POLICY_GRANTS)
		conf_list_free(&((struct policy_grants *)r)->clients);
	free(r);
}

void policy_free(struct zkhsmd_policy *p)
{
	for (size_t i = 0; i < POLICY_KINDS; i++) {
		for (struct policy_rule *r = p->rules[i], *next; r; r = next) {
			next = r->next;
			free_rule(r);
		}
	}
	conf_list_free(&p->roles.administrators);
	conf_list_free(&p->roles.operators);
	conf_list_free(&p->roles.auditors);
	conf_list_free(&p->roles.metrics);
	free(p);
}

/* What was hashed is what is parsed, whatever happens to the file meanwhile. */
static int parse(struct zkhsmd_policy *p, const uint8_t *bytes, size_t len,
		 struct zkhsm_error *err)
{
	/* fmemopen() takes no empty buffer. */
	FILE *file = len ? fmemopen((void *)bytes, len, "re") : fopen("/dev/null", "re");
	int ret;

	if (!file)
		return zkhsm_fail(err, -errno, "%s: %s", p->path, strerror(errno));
	ret = conf_read(file, p->path, options, ARRAY_SIZE(options), section_of, p, err);
	fclose(file);
	if (ret)
		return ret;
	p->fraud.on_duplicate = (enum zkhsmd_on_duplicate)__builtin_ctz(p->on_duplicate) + 1;
	for (struct policy_rule *r = p->rules[POLICY_REPLICAS]; r; r = r->next)
		((struct zkhsmd_replicas *)r)->fallback = p->fraud.on_duplicate;
	if (!name_ok(p->name) || !name_ok(p->version))
		return zkhsm_fail(err, -EINVAL,
				  "%s: name and version in [policy] have letters, digits and . _ - only",
				  p->path);
	return policy_check(p, err);
}

int zkhsmd_policy_load(const char *path, struct zkhsmd_policy **out, struct zkhsm_error *err)
{
	struct zkhsmd_policy *p = calloc(1, sizeof(*p));
	uint8_t *bytes = NULL;
	size_t len = 0;
	int ret = 0;

	if (!p)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	atomic_init(&p->references, 1);
	p->loaded_ms = zkhsmd_now().wall;
	if (*path)
		ret = zkhsm_read_file(path, FILE_MAX, &bytes, &len, err);
	if (!ret && snprintf(p->path, sizeof(p->path), "%s", path) >= (int)sizeof(p->path))
		ret = zkhsm_fail(err, -EINVAL, "the path is too long: %s", path);
	if (!ret) {
		/* Without a file it stays zero, as in what was stored before there were any. */
		if (*path)
			zkhsm_sha256(bytes, len, p->digest);
		ret = parse(p, bytes, len, err);
	}
	free(bytes);
	if (ret)
		policy_free(p);
	else
		*out = p;
	return ret;
}
