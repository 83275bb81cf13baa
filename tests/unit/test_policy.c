// SPDX-License-Identifier: GPL-2.0
/*
 * test_policy.c - the policy file: what it means, and everything that is refused
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/manager/policy.h"

#define HEX_1	"1111111111111111111111111111111111111111111111111111111111111111"
#define HEX_2	"2222222222222222222222222222222222222222222222222222222222222222"

static char path[] = "/tmp/zkhsmd-policy-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int load(const char *text, struct zkhsmd_policy **p, struct zkhsm_error *err)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return zkhsmd_policy_load(path, p, err);
}

static struct zkhsmd_policy *loaded(const char *text)
{
	struct zkhsm_error err = { .code = 0 };
	struct zkhsmd_policy *p;

	if (load(text, &p, &err))
		fail_msg("%s", err.text);
	return p;
}

static struct zkhsmd_hsm hsm(const char *name, const char *cluster)
{
	struct zkhsmd_hsm h;

	memset(&h, 0, sizeof(h));
	memset(h.id, 0x22, sizeof(h.id));
	strcpy(h.name, name);
	strcpy(h.cluster, cluster);
	return h;
}

static struct zkhsm_list_entry key(const char *id)
{
	struct zkhsm_list_entry e;

	memset(&e, 0, sizeof(e));
	e.id_len = (uint8_t)strlen(id);
	memcpy(e.id, id, e.id_len);
	e.type = ZKHSM_KEY_TYPE_EC_P256;
	e.origin = ZKHSM_KEY_ORIGIN_GENERATED;
	e.usage = ZKHSM_KEY_USAGE_SIGN | ZKHSM_KEY_USAGE_PROVE;
	e.flags = ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE;
	e.state = ZKHSM_KEY_STATE_ACTIVE;
	return e;
}

/* The policy without a file, and no policy at all, demand nothing. */
static void nothing(void **state)
{
	static const uint8_t platform[32];
	struct zkhsmd_shown shown = { .platform = platform };
	struct zkhsm_list_entry e = key("k");
	struct zkhsmd_hsm h = hsm("a", "");
	uint8_t client[65] = { 4 };
	struct zkhsmd_policy *p;
	const char *rule;
	char why[160], id[ZKHSMD_POLICY_ID];
	size_t hooks;

	(void)state;
	assert_int_equal(zkhsmd_policy_load("", &p, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct zkhsmd_policy *q = i ? p : NULL;

		assert_null(zkhsmd_policy_hsm(q, &h, &shown, &rule, why));
		assert_string_equal(rule, "default");
		assert_null(zkhsmd_policy_key(q, &h, &e, &rule, why));
		assert_string_equal(rule, "default");
		assert_false(zkhsmd_policy_has_hsm(q, &h));
		assert_null(zkhsmd_policy_replicas(q, "k"));
		assert_null(zkhsmd_policy_grant(q, &h, &e, client, 1));
		assert_int_equal(zkhsmd_policy_fraud(q)->on_duplicate, ZKHSMD_DUPLICATE_NEWCOMER);
		assert_int_equal(zkhsmd_policy_fraud(q)->silent_ms, 7200000);
		assert_int_equal(zkhsmd_policy_fraud(q)->burst, 20);
		assert_int_equal(zkhsmd_policy_fraud(q)->burst_ms, 60000);
		assert_int_equal(zkhsmd_policy_fraud(q)->watchdog_ms, 3600000);
		assert_false(zkhsmd_policy_fraud(q)->two_release);
		zkhsmd_policy_hooks(q, &hooks);
		assert_int_equal(hooks, 0);
		zkhsmd_policy_id(q, rule, id);
		assert_string_equal(id, "urn:zkhsm:policy:unnamed:0:default");
	}
	zkhsmd_policy_put(p);
}

struct hsm_case {
	const char *rule, *why;		/* @why NULL: it is met */
};

/* One demand of each kind, met and not. */
static void hsms(void **state)
{
	static const struct hsm_case cases[] = {
		{ "locked = yes", NULL }, { "locked = no\nquorum = 1", NULL },
		{ "kek = tpm", NULL }, { "kek = none, tpm", NULL },
		{ "kek = keyring, shares", "its KEK is of class tpm" },
		{ "counter = yes", "no counter in a TPM refuses states from its past" },
		{ "quorum = 2", NULL }, { "quorum = 3", "quorum is 2, not 3 or more" },
		{ "stop = 1", NULL }, { "stop = 2", "stop is 1, not 2 or more" },
		{ "wipe = 2", NULL }, { "wipe = 4", "wipe is 2, not 4 or more" },
		{ "enforce_grace = 5s", NULL },
		{ "enforce_grace = 4s", "enforce_grace is 5000 ms, not 4000 or less" },
		{ "max_ttl = 1h", NULL },
		{ "max_ttl = 59min", "max_ttl is 3600000 ms, not 3540000 or less" },
		{ "module_version = 7", NULL },
		{ "module_version = 8", "the module's version is 7, not 8 or more" },
		{ "platform = " HEX_2 ", " HEX_1, NULL },
		{ "platform = " HEX_2, "the platform digest " HEX_1 " is not one of those allowed" },
	};
	struct zkhsm_configuration c = {
		.flags = ZKHSM_HSM_FLAG_LOCKED | ZKHSM_HSM_FLAG_KEK_TPM, .quorum = 2, .stop = 1,
		.wipe = 2, .enforce_grace_ms = 5000, .max_ttl_ms = 3600000,
	};
	struct zkhsmd_hsm h = hsm("prod-1", "");
	uint8_t platform[32];
	struct zkhsmd_shown shown = { platform, 7, &c };
	char text[256], why[160];
	const char *rule;

	(void)state;
	memset(platform, 0x11, sizeof(platform));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct zkhsmd_policy *p;
		const char *failed;

		snprintf(text, sizeof(text), "[hsms prod]\nhsms = prod-*\n%s\n", cases[i].rule);
		p = loaded(text);
		failed = zkhsmd_policy_hsm(p, &h, &shown, &rule, why);
		assert_string_equal(rule, "hsms prod");
		if (cases[i].why) {
			assert_string_equal(failed, "hsms prod");
			assert_string_equal(why, cases[i].why);
		} else if (failed) {
			fail_msg("%s: %s", cases[i].rule, why);
		}
		zkhsmd_policy_put(p);
	}
	/* What was never shown cannot be as it has to be. */
	c.flags = 0;
	struct zkhsmd_policy *p = loaded("[hsms all]\nlocked = yes\n");

	assert_string_equal(zkhsmd_policy_hsm(p, &h, &shown, &rule, why), "hsms all");
	assert_string_equal(why, "it is not locked");
	shown.configuration = NULL;
	assert_string_equal(zkhsmd_policy_hsm(p, &h, &shown, &rule, why), "hsms all");
	assert_string_equal(why, "it has never shown its configuration");
	zkhsmd_policy_put(p);
}

static void keys(void **state)
{
	static const struct hsm_case cases[] = {
		{ "origin = generated", NULL }, { "origin = imported, generated", NULL },
		{ "origin = imported", "it was generated" },
		{ "never_extractable = yes", NULL },
		{ "lease_required = yes", "it works without leases" },
		{ "grant_required = yes", "it works without grants" },
		{ "usage = sign, prove", NULL },
		{ "usage = sign", "it may be used for [\"prove\"] too" },
		{ "type = ec-p256", NULL }, { "type = ec-p384", "its type is 1" },
	};
	struct zkhsmd_hsm h = hsm("prod-1", "");
	struct zkhsm_list_entry e = key("sig-1");
	struct zkhsmd_policy *p;
	char text[256], why[160];
	const char *rule, *failed;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(text, sizeof(text), "[keys sig]\nkeys = sig-*\n%s\n", cases[i].rule);
		p = loaded(text);
		failed = zkhsmd_policy_key(p, &h, &e, &rule, why);
		assert_string_equal(rule, "keys sig");
		if (cases[i].why) {
			assert_string_equal(failed, "keys sig");
			assert_string_equal(why, cases[i].why);
		} else if (failed) {
			fail_msg("%s: %s", cases[i].rule, why);
		}
		zkhsmd_policy_put(p);
	}
	/* All that are about it count; the first one that is not met is named. */
	p = loaded("[keys a]\nkeys = *\norigin = generated\n"
		   "[keys b]\nkeys = other\ngrant_required = yes\n"
		   "[keys c]\nkeys = sig-?\nlease_required = yes\n"
		   "[keys d]\nkeys = sig-?\ngrant_required = yes\n");
	assert_string_equal(zkhsmd_policy_key(p, &h, &e, &rule, why), "keys c");
	e.flags |= ZKHSM_KEY_FLAG_LEASE_REQUIRED;
	assert_string_equal(zkhsmd_policy_key(p, &h, &e, &rule, why), "keys d");
	e.flags |= ZKHSM_KEY_FLAG_GRANT_REQUIRED;
	assert_null(zkhsmd_policy_key(p, &h, &e, &rule, why));
	assert_string_equal(rule, "keys a");
	e.flags = 0;
	p = (zkhsmd_policy_put(p), loaded("[keys a]\nkeys = *\nnever_extractable = yes\n"));
	assert_string_equal(zkhsmd_policy_key(p, &h, &e, &rule, why), "keys a");
	assert_string_equal(why, "it may be, or have been, extractable");
	zkhsmd_policy_put(p);
}

/* Names, clusters and ids of HSMs; patterns, and what they leave out. */
static void patterns(void **state)
{
	static const struct {
		const char *where, *name, *cluster;
		bool is;
	} cases[] = {
		{ "hsms = *", "a", "", true }, { "hsms = a", "a", "", true },
		{ "hsms = ab", "a", "", false }, { "hsms = ab*", "a", "", false },
		{ "hsms = ab*", "ab", "", true }, { "hsms = ab*", "abc", "", true },
		{ "hsms = a*c", "abc", "", true }, { "hsms = a*c", "abd", "", false },
		{ "hsms = a\\*", "a*", "", true }, { "hsms = a\\*", "ab", "", false },
		{ "hsms = a", "ab", "", false }, { "hsms = a?", "ab", "", true },
		{ "hsms = [a-c]*", "bx", "", true }, { "hsms = [a-c]*", "dx", "", false },
		{ "hsms = x, a*", "ab", "", true }, { "hsms = x\nhsms = a*", "ab", "", true },
		{ "hsms = *, !lab-*", "lab-1", "", false },
		{ "hsms = !lab-*, *", "lab-1", "", false },
		{ "hsms = *, !lab-*", "prod-1", "", true },
		{ "clusters = eu", "a", "eu", true }, { "clusters = eu", "a", "us", false },
		{ "clusters = eu", "eu", "", false }, { "clusters = *", "a", "", false },
		{ "hsms = b\nclusters = eu", "a", "eu", true },
		{ "hsms = b\nclusters = eu", "b", "", true },
		{ "hsms = " HEX_2, "a", "", true }, { "hsms = " HEX_1, "a", "", false },
	};
	struct zkhsm_list_entry e = key("k");
	char text[256], why[160];
	const char *rule;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct zkhsmd_hsm h = hsm(cases[i].name, cases[i].cluster);
		struct zkhsmd_policy *p;

		snprintf(text, sizeof(text), "[keys k]\nkeys = *\norigin = imported\n%s\n",
			 cases[i].where);
		p = loaded(text);
		if (!!zkhsmd_policy_key(p, &h, &e, &rule, why) != cases[i].is)
			fail_msg("case %zu: \"%s\"", i, cases[i].where);
		zkhsmd_policy_put(p);
	}
}

static void replicas(void **state)
{
	struct zkhsmd_policy *p = loaded(
		"[policy]\nname = fleet\nversion = 2026-11\n"
		"[replicas eu]\nkeys = eu-*\nhsms = a, b\nclusters = frankfurt\non_duplicate = both\n"
		"[replicas rest]\nkeys = *\nhsms = *\n"
		"[fraud]\non_duplicate = alert\nsilent = 5min\nburst = 3\nburst_window = 10s\n"
		"watchdog = 0s\ntwo_release = yes\n"
		"[webhook ops]\nurl = https://ops.example/hook\nsecret_file = /etc/zkhsm/hook\n"
		"ca_file = /etc/ca.pem\ntimeout = 3s\nattempts = 4\n");
	const struct zkhsmd_replicas *eu = zkhsmd_policy_replicas(p, "eu-1");
	const struct zkhsmd_replicas *rest = zkhsmd_policy_replicas(p, "us-1");
	struct zkhsmd_hsm a = hsm("a", ""), c = hsm("c", ""), f = hsm("c", "frankfurt");
	const struct zkhsmd_fraud *fraud = zkhsmd_policy_fraud(p);
	const struct zkhsmd_hook *hook;
	char id[ZKHSMD_POLICY_ID];
	size_t count;

	(void)state;
	assert_string_equal(zkhsmd_replicas_name(eu), "replicas eu");
	assert_true(zkhsmd_replicas_has(eu, &a));
	assert_false(zkhsmd_replicas_has(eu, &c));
	assert_true(zkhsmd_replicas_has(eu, &f));
	assert_int_equal(zkhsmd_replicas_on_duplicate(eu), ZKHSMD_DUPLICATE_BOTH);
	assert_string_equal(zkhsmd_replicas_name(rest), "replicas rest");
	assert_int_equal(zkhsmd_replicas_on_duplicate(rest), ZKHSMD_DUPLICATE_ALERT);
	assert_int_equal(fraud->on_duplicate, ZKHSMD_DUPLICATE_ALERT);
	assert_int_equal(fraud->silent_ms, 300000);
	assert_int_equal(fraud->burst, 3);
	assert_int_equal(fraud->burst_ms, 10000);
	assert_int_equal(fraud->watchdog_ms, 0);
	assert_true(fraud->two_release);
	hook = zkhsmd_policy_hooks(p, &count);
	assert_int_equal(count, 1);
	assert_string_equal(hook->name, "ops");
	assert_string_equal(hook->url, "https://ops.example/hook");
	assert_string_equal(hook->secret_file, "/etc/zkhsm/hook");
	assert_string_equal(hook->ca_file, "/etc/ca.pem");
	assert_int_equal(hook->timeout_ms, 3000);
	assert_int_equal(hook->attempts, 4);
	assert_int_equal(hook->line, 19);
	zkhsmd_policy_id(p, "keys eu", id);
	assert_string_equal(id, "urn:zkhsm:policy:fleet:2026-11:keys:eu");
	zkhsmd_policy_put(p);
}

static void grants(void **state)
{
	uint8_t client[65] = { 4, 1 }, other[65] = { 4, 2 }, nobody[65] = { 0 }, digest[32];
	struct zkhsm_list_entry pay = key("pay-1"), open = key("open");
	struct zkhsmd_hsm h = hsm("prod-1", ""), lab = hsm("lab-1", "");
	struct zkhsmd_policy *p;
	char text[512], *hex, *zero_hex;

	(void)state;
	zkhsm_sha256(client, sizeof(client), digest);
	hex = zkhsm_hex(digest, sizeof(digest));
	zkhsm_sha256(nobody, sizeof(nobody), digest);
	zero_hex = zkhsm_hex(digest, sizeof(digest));
	snprintf(text, sizeof(text),
		 "[grants pay]\nkeys = pay-*\nhsms = prod-*\nclients = %s, %s\noperations = sign\n"
		 "[grants open]\nkeys = open\nclients = any\noperations = sign, prove\n",
		 hex, zero_hex);
	p = loaded(text);
	assert_string_equal(zkhsmd_policy_grant(p, &h, &pay, client, 1), "grants pay");
	assert_null(zkhsmd_policy_grant(p, &h, &pay, client, 2));
	assert_null(zkhsmd_policy_grant(p, &h, &pay, client, 0));
	assert_null(zkhsmd_policy_grant(p, &h, &pay, client, 33));
	assert_null(zkhsmd_policy_grant(p, &h, &pay, other, 1));
	assert_null(zkhsmd_policy_grant(p, &h, &pay, nobody, 1));
	assert_null(zkhsmd_policy_grant(p, &lab, &pay, client, 1));
	assert_string_equal(zkhsmd_policy_grant(p, &lab, &open, other, 2), "grants open");
	assert_string_equal(zkhsmd_policy_grant(p, &lab, &open, nobody, 1), "grants open");
	free(zero_hex);
	free(hex);
	zkhsmd_policy_put(p);
}

#define SET(name, patterns)	"[replicas " name "]\nkeys = " patterns "\nhsms = a\n"

static void refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "[policy]\nname = a b\n", "letters, digits and . _ - only" },
		{ "[policy]\nversion = a@b\n", "letters, digits and . _ - only" },
		{ "[colours]\n", ":1: section [colours] is unknown" },
		{ "\n[hsms]\nlocked = yes\n", ":2: section [hsms] is unknown" },
		{ "[hsms ]\nlocked = yes\n", ":1: section [hsms ] is unknown" },
		{ "[keys a b]\nkeys = *\n", ":1: section [keys a b] is unknown" },
		{ "[keys 0123456789012345678901234567890ab]\n", ":1: section [keys" },
		{ "[hsms a]\nlocked = yes\n[hsms a]\n", ":3: section [hsms a] is there twice" },
		{ "[hsms a]\n", ":1: [hsms a] demands nothing" },
		{ "\n[hsms a]\nhsms = *\nlocked = no\n", ":2: [hsms a] demands nothing" },
		{ "[hsms default]\nlocked = yes\n", ":1: [hsms default]: default is" },
		{ "[hsms a]\nlockd = yes\n", ":2: option lockd is unknown in [hsms a]" },
		{ "[hsms a]\nlocked = yes\nlocked = yes\n", ":3: locked is there twice" },
		{ "[hsms a]\nkek = pin\n", ":2: kek cannot be \"pin\"" },
		{ "[hsms a]\nkek = tpm, tpm\n", ":2: kek has tpm twice" },
		{ "[hsms a]\nkek =\n", ":2: kek has nothing where something is to be" },
		{ "[hsms a]\nquorum = 256\n", ":2: quorum is out of range" },
		{ "[hsms a]\nplatform = abc\n", ":2: neither 64 lower-case hex digits" },
		{ "[hsms a]\nplatform = any\n", ":2: neither 64 lower-case hex digits" },
		{ "[hsms a]\nhsms = ,\n", ":2: hsms has nothing where something is to be" },
		{ "[hsms a]\nlocked = yes\nhsms = a,\n", ":3: hsms has nothing" },
		{ "[hsms a]\nlocked = yes\nhsms = a, b\nhsms = a\n", ":4: hsms has a twice" },
		{ "[hsms a]\nlocked = yes\nhsms = !a\n", ":3: [hsms a] names only what it leaves out" },
		{ "[hsms a]\nlocked = yes\nhsms = [a\n", ":3: not a pattern: \"[a\"" },
		{ "[hsms a]\nlocked = yes\nclusters = !\n", ":3: not a pattern: \"!\"" },
		{ "[keys a]\norigin = generated\n", ":1: keys is missing in [keys a]" },
		{ "[keys a]\nkeys = *\n", ":1: [keys a] demands nothing" },
		{ "[keys a]\nkeys =\n", ":2: keys has nothing" },
		{ "[keys a]\nkeys = *\nlocked = yes\n", ":3: option locked is unknown in [keys a]" },
		{ "[keys a]\nkeys = *\norigin = imported\nnever_extractable = yes\n",
		  ":1: [keys a]: no key that was not generated" },
		{ "[replicas a]\nkeys = *\n", ":1: [replicas a] has neither hsms nor clusters" },
		{ "[replicas a]\nkeys = *\nhsms = a\non_duplicate = wipe\n",
		  ":4: on_duplicate cannot be \"wipe\"" },
		{ "[replicas a]\nkeys = *\nhsms = a\non_duplicate = both, alert\n",
		  ":4: on_duplicate has too many" },
		{ SET("a", "k") SET("b", "k"), ":5: keys k are in [replicas a] already, by k in line 2" },
		{ SET("a", "x, k*") SET("b", "y, k*"), ":5: keys k* are in [replicas a] already" },
		{ SET("a", "*") SET("b", "k"), ":5: keys k are in [replicas a] already, by * in line 2" },
		{ SET("a", "k-*") SET("b", "k-eu-?"), ":5: keys k-eu-? are in [replicas a] already" },
		{ "[grants a]\nkeys = *\nclients = any\n", ":1: operations is missing in [grants a]" },
		{ "[grants a]\nkeys = *\noperations = sign\n", ":1: clients is missing" },
		{ "[grants a]\nkeys = *\noperations = wipe\nclients = any\n",
		  ":3: operations cannot be \"wipe\"" },
		{ "[grants a]\nkeys = *\noperations = sign\nclients = anybody\n",
		  ":4: neither 64 lower-case hex digits nor any: \"anybody\"" },
		{ "[fraud]\non_duplicate = wipe\n", ":2: on_duplicate cannot be \"wipe\"" },
		{ "[fraud]\nburst = 0\n", ":2: burst is out of range" },
		{ "[webhook a]\nurl = https://a\n", ":1: secret_file is missing in [webhook a]" },
		{ "[webhook a]\nurl = http://a\nsecret_file = s\n",
		  ":1: [webhook a]: url begins with https://" },
	};
	struct zkhsmd_policy *p;
	struct zkhsm_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (load(bad[i].text, &p, &err) != -EINVAL)
			fail_msg("case %zu is not refused: %s", i, bad[i].why);
		if (!strstr(err.text, bad[i].why) || strncmp(err.text, path, strlen(path)) != 0)
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.text, bad[i].why);
	}
	assert_int_equal(zkhsmd_policy_load("/nonexistent/policy", &p, &err), -ENOENT);
}

/* Sets that only look as if they overlapped. */
static void apart(void **state)
{
	(void)state;
	zkhsmd_policy_put(loaded(SET("a", "k-eu-*") SET("b", "k-*") SET("c", "*")));
	zkhsmd_policy_put(loaded(SET("a", "k-*, !k-eu-*") SET("b", "k-eu-*")));
	zkhsmd_policy_put(loaded(SET("a", "k-?") SET("b", "k-*")));
	zkhsmd_policy_put(loaded(SET("a", "*-*") SET("b", "[a-c]")));
}

/* Whoever has a policy keeps it when another one comes. */
static void references(void **state)
{
	static struct zkhsmd m;
	struct zkhsmd_policy *a = loaded("[policy]\nname = a\n"), *b = loaded("[policy]\nname = b\n");
	struct zkhsmd_policy *held;
	char id[ZKHSMD_POLICY_ID];

	(void)state;
	assert_null(zkhsmd_policy_get(&m));
	zkhsmd_policy_set(&m, a);
	held = zkhsmd_policy_get(&m);
	assert_ptr_equal(held, a);
	assert_memory_not_equal(zkhsmd_policy_digest(a), zkhsmd_policy_digest(b), 32);
	zkhsmd_policy_set(&m, b);
	zkhsmd_policy_id(held, "default", id);
	assert_string_equal(id, "urn:zkhsm:policy:a:0:default");
	zkhsmd_policy_put(held);
	held = zkhsmd_policy_get(&m);
	assert_ptr_equal(held, b);
	zkhsmd_policy_put(held);
	zkhsmd_policy_set(&m, NULL);
}

/* The example as it is demands nothing; every line of it uncommented is a policy too. */
static void example(void **state)
{
	static const uint8_t platform[32];
	struct zkhsmd_shown shown = { .platform = platform };
	struct zkhsm_list_entry e = key("sign-payments-1");
	struct zkhsmd_hsm h = hsm("prod-1", "");
	char source[PATH_MAX], line[512], why[160];
	struct zkhsm_error err = { .code = 0 };
	unsigned int options = 0, sections = 0;
	struct zkhsmd_policy *p;
	const char *rule;
	FILE *in, *out;
	ssize_t len;

	(void)state;
	/* build/asan/tests/unit/test_policy */
	len = readlink("/proc/self/exe", source, sizeof(source) - 1);
	assert_true(len > 0);
	source[len] = '\0';
	for (int up = 0; up < 5; up++)
		*strrchr(source, '/') = '\0';
	strcat(source, "/userspace/manager/policy.conf");
	assert_int_equal(zkhsmd_policy_load(source, &p, &err), 0);
	assert_null(zkhsmd_policy_hsm(p, &h, &shown, &rule, why));
	assert_string_equal(rule, "default");
	assert_null(zkhsmd_policy_key(p, &h, &e, &rule, why));
	assert_string_equal(rule, "default");
	assert_int_equal(zkhsmd_policy_fraud(p)->silent_ms, 7200000);
	zkhsmd_policy_put(p);

	in = fopen(source, "re");
	out = fopen(path, "we");
	assert_true(in && out);
	while (fgets(line, sizeof(line), in)) {
		bool section = line[0] == '#' && line[1] == '[';
		bool option = line[0] == '#' && line[1] != ' ' && !section && strchr(line, '=');

		options += option;
		sections += section;
		fputs(line + (option || section), out);
	}
	fclose(in);
	fclose(out);
	assert_int_equal(sections, 7);
	assert_int_equal(options, 45);
	if (zkhsmd_policy_load(path, &p, &err))
		fail_msg("%s", err.text);
	assert_string_equal(zkhsmd_policy_hsm(p, &h, &shown, &rule, why), "hsms production");
	assert_string_equal(zkhsmd_policy_key(p, &h, &e, &rule, why), "keys signing");
	assert_string_equal(zkhsmd_replicas_name(zkhsmd_policy_replicas(p, "sign-1")),
			    "replicas signing");
	zkhsmd_policy_put(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(hsms),
		cmocka_unit_test(keys),
		cmocka_unit_test(patterns),
		cmocka_unit_test(replicas),
		cmocka_unit_test(grants),
		cmocka_unit_test(refused),
		cmocka_unit_test(apart),
		cmocka_unit_test(references),
		cmocka_unit_test(example),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
