// SPDX-License-Identifier: GPL-2.0
/*
 * test_policy.c - the policy at work: what it refuses gets neither lease nor token,
 * and every answer names the rule
 */
#include "cli.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct daemon *d;
static struct prover *hsm;
static unsigned int version;

/* With a version of its own, for which the log can be waited for. */
static void write_policy(const char *rules)
{
	char text[2048];

	snprintf(text, sizeof(text), "[policy]\nname = fleet\nversion = %u\n%s", ++version, rules);
	daemon_policy(d, text);
}

static void reload(const char *rules)
{
	char said[64];

	write_policy(rules);
	kill(d->pid, SIGHUP);
	snprintf(said, sizeof(said), "id=urn:zkhsm:policy:fleet:%u:default", version);
	daemon_log_wait(d, said);
}

static void reload_same(void)
{
	unsigned int before = daemon_log_count(d, "event=reloaded");
	int64_t until = now_ms() + 60000;

	kill(d->pid, SIGHUP);
	while (daemon_log_count(d, "event=reloaded") == before && now_ms() < until)
		sleep_ms(10);
	assert_int_equal(daemon_log_count(d, "event=reloaded"), before + 1);
}

static int start(void **state)
{
	(void)state;
	d = daemon_new("max_age = 1h\n", "nonces_per_hsm = 64\n");
	write_policy("");
	daemon_configure(d, "max_age = 1h\n", "nonces_per_hsm = 64\n");
	daemon_start(d, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	return 0;
}

/* key-000000 needs leases, key-000001 was imported, key-000002 both. */
static int new_hsm(void **state)
{
	static unsigned int number;
	char seed[32];

	(void)state;
	reload("");
	snprintf(seed, sizeof(seed), "policy %u", number++);
	hsm = prover_new(seed, 4);
	prover_pin(hsm, d->order_public);
	prover_key(hsm, "key-000000")->entry.flags |= ZKHSM_KEY_FLAG_LEASE_REQUIRED;
	prover_key(hsm, "key-000001")->entry.origin = ZKHSM_KEY_ORIGIN_IMPORTED;
	prover_key(hsm, "key-000001")->entry.flags = 0;
	prover_key(hsm, "key-000002")->entry.origin = ZKHSM_KEY_ORIGIN_IMPORTED;
	prover_key(hsm, "key-000002")->entry.flags = ZKHSM_KEY_FLAG_LEASE_REQUIRED;
	prover_refresh(hsm);
	enrol(d, hsm);
	return 0;
}

static int free_hsm(void **state)
{
	(void)state;
	prover_free(hsm);
	return 0;
}

/* --- answers, taken apart --------------------------------------------------- */

static const json_t *denied(const json_t *answer, const char *key)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(answer, "denied"), i, entry) {
		if (strcmp(text_of(entry, "key_id"), key) == 0)
			return entry;
	}
	return NULL;
}

static void check_denied(const json_t *answer, const char *key, const char *rule)
{
	const json_t *entry = denied(answer, key);

	assert_non_null(entry);
	assert_string_equal(text_of(entry, "reason"), "policy");
	assert_string_equal(text_of(entry, "rule"), rule);
}

/* How many elements the lease has exceptions for, and whether this is one. */
static unsigned int exceptions(const json_t *answer, const char *key, bool *is)
{
	const struct prover_key *k = prover_key(hsm, key);
	struct zkhsm_order o;
	uint8_t *bytes, element[32];
	unsigned int count;
	size_t len;

	assert_int_equal(zkhsm_unb64(text_of(answer, "lease"), &bytes, &len), 0);
	assert_int_equal(zkhsm_order_verify(d->order_public, bytes, len, &o, NULL), 0);
	assert_int_equal(o.verdict, ZKHSM_LEASE_VERDICT_GRANT);
	zkhsm_element_name(k->entry.type, k->entry.public, element);
	*is = false;
	for (unsigned int i = 0; i < o.count; i++)
		*is |= memcmp(o.elements + 32 * i, element, 32) == 0;
	count = o.count;
	free(bytes);
	return count;
}

static json_t *token(const char *key, long status, const char *urn)
{
	return ask_json(d->public, "POST", "/v1/tokens", status, urn,
			"{'hsm_id':'%s','key_id':'%s','aud':'test'}", hex32(hsm->hsm_id), key);
}

/* What the token names as the policy by which it was issued. */
static void check_policy_of(const char *key, const char *rule)
{
	json_t *jwks = get(d->public, 200, NULL, "/.well-known/zkhsm/jwks.json");
	json_t *o = token(key, 200, NULL), *payload;
	const json_t *submod;
	struct zkhsm_error err;
	const char *name;
	json_t *submods;
	char id[96];

	snprintf(id, sizeof(id), "urn:zkhsm:policy:fleet:%u:%s", version, rule);
	if (zkhsm_jws_verify(jwks, "JWT", text_of(o, "token"), &payload, &err))
		fail_msg("%s", err.text);
	submods = json_object_get(payload, "submods");
	assert_int_equal(json_object_size(submods), 1);
	json_object_foreach(submods, name, submod)
		assert_string_equal(text_of(submod, "ear.appraisal-policy-id"), id);
	json_decref(payload);
	json_decref(o);
	json_decref(jwks);
}

static json_t *hsm_state(void)
{
	return get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
}

static json_t *key_state(const char *key)
{
	return get(d->public, 200, NULL, "/v1/hsms/%s/keys/%s", hex32(hsm->hsm_id), key);
}

static void check_state(json_t *o, const char *member, const char *is, const char *rule)
{
	assert_string_equal(text_of(o, member), is);
	assert_string_equal(text_of(o, "rule"), rule);
	json_decref(o);
}

/* --- keys -------------------------------------------------------------------- */

#define MADE_HERE	"[keys made-here]\nkeys = key-*\norigin = generated\n"

static void keys(void **state)
{
	json_t *o;
	bool is;

	(void)state;
	reload(MADE_HERE);
	o = attest(d, hsm, 200, NULL);
	assert_string_equal(text_of(o, "rule"), "default");
	assert_null(denied(o, "key-000000"));
	check_denied(o, "key-000001", "keys made-here");
	check_denied(o, "key-000002", "keys made-here");
	assert_null(denied(o, "key-000003"));
	/* No lease stops a key that works without one. */
	assert_int_equal(exceptions(o, "key-000002", &is), 1);
	assert_true(is);
	json_decref(o);

	o = token("key-000001", 403, "policy");
	assert_string_equal(text_of(o, "rule"), "keys made-here");
	assert_string_equal(text_of(o, "detail"), "[keys made-here]: it was imported");
	json_decref(o);
	check_state(key_state("key-000001"), "status", "refused", "keys made-here");
	check_state(key_state("key-000000"), "status", "attested", "keys made-here");
	check_state(hsm_state(), "state", "attested", "default");

	check_policy_of("key-000000", "keys:made-here");
	reload("");
	check_state(key_state("key-000001"), "status", "attested", "default");
	check_policy_of("key-000001", "default");
}

/* --- HSMs --------------------------------------------------------------------- */

static void hsms(void **state)
{
	json_t *o;

	(void)state;
	tell(attest(d, hsm, 200, NULL));
	reload("[hsms two]\nhsms = test\nquorum = 2\n");
	/* What was accepted before is worth nothing now. */
	check_state(hsm_state(), "state", "refused", "hsms two");
	check_state(key_state("key-000000"), "status", "refused", "hsms two");
	tell(token("key-000000", 403, "policy"));

	o = attest(d, hsm, 403, "policy");
	assert_string_equal(text_of(o, "rule"), "hsms two");
	assert_string_equal(text_of(o, "detail"), "[hsms two]: quorum is 1, not 2 or more");
	assert_null(json_object_get(o, "lease"));
	json_decref(o);
	daemon_log_wait(d, "verdict=policy rule=\"hsms two\"");
	tell(token("key-000000", 403, "policy"));

	/* Its number was not used up by what was refused, and it may come again. */
	reload("[hsms two]\nhsms = test\nquorum = 1\n");
	check_state(hsm_state(), "state", "attested", "hsms two");
	o = attest(d, hsm, 200, NULL);
	assert_string_equal(text_of(o, "rule"), "hsms two");
	json_decref(o);
}

/* Platform and module version are those of the newest true evidence, accepted or not. */
static void shown_last(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], nonce[32];
	struct zkhsm_challenge c = { .last_number = 0 };
	struct zkhsm_statement s;
	size_t len;

	(void)state;
	reload("[hsms known]\nmodule_version = 7\n"
	       "platform = 0000000000000000000000000000000000000000000000000000000000000000,"
	       " 4242424242424242424242424242424242424242424242424242424242424242\n");
	for (int good = 0; good < 2; good++) {
		challenge(d, hsm, nonce);
		memcpy(c.manager_id, d->manager_id, 32);
		memcpy(c.nonce, nonce, 32);
		prover_statement(hsm, &c, 1, &s);
		memset(s.platform, 0x42, sizeof(s.platform));
		s.module_version = good ? 7 : 6;
		len = prover_evidence(hsm, &s, evidence);
		tell(post_evidence(d, evidence, len, good ? 200 : 403, good ? NULL : "policy"));
		check_state(hsm_state(), "state", good ? "attested" : "refused", "hsms known");
		tell(token("key-000000", good ? 200 : 403, good ? NULL : "policy"));
	}
}

/* --- identical evidence ------------------------------------------------------- */

static char *post_text(const uint8_t *evidence, size_t len)
{
	json_t *o = post_evidence(d, evidence, len, 200, NULL);
	char *text = json_dumps(o, JSON_COMPACT);

	json_decref(o);
	return text;
}

/* It gets the identical answer as long as the policy is the same, also after a restart. */
static void same(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = make_evidence(d, hsm, evidence);
	char *first, *again;
	json_t *o;

	(void)state;
	reload(MADE_HERE);
	first = post_text(evidence, len);
	for (int i = 0; i < 3; i++) {
		again = post_text(evidence, len);
		assert_string_equal(first, again);
		free(again);
		if (!i) {
			/* The file is the same, whenever it was read. */
			reload_same();
		} else if (i == 1) {
			daemon_end(d, SIGKILL);
			daemon_start(d, 0);
		}
	}
	/* A stricter one bites at once, and one that is less strict gives back. */
	reload("[keys none]\nkeys = *\ntype = ec-p384\n");
	o = post_evidence(d, evidence, len, 200, NULL);
	check_denied(o, "key-000000", "keys none");
	check_denied(o, "key-000003", "keys none");
	json_decref(o);
	reload("[hsms none]\nlocked = yes\n");
	tell(post_evidence(d, evidence, len, 403, "policy"));
	reload("");
	o = post_evidence(d, evidence, len, 200, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "denied")), 0);
	json_decref(o);
	free(first);
}

/* --- for administrators -------------------------------------------------------- */

/* The results of the checks in their order, as one letter each. */
static void check_explained(const char *key, bool trusted, const char *results, const char *rule)
{
	static const char *const names[] = {
		"enrolled", "hsm-not-revoked", "not-quarantined", "fresh", "configuration",
		"hsm-rule", "listed", "proved", "active", "not-revoked", "key-rule", "replicas",
		"lease",
	};
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/hsms/%s/keys/%s/explain",
			hex32(hsm->hsm_id), key);
	const json_t *checks = json_object_get(o, "checks"), *c;
	char got[ARRAY_SIZE(names) + 1] = "";
	size_t i;

	assert_int_equal(json_is_true(json_object_get(o, "trusted")), trusted);
	assert_true(json_array_size(checks) <= ARRAY_SIZE(names));
	json_array_foreach(checks, i, c) {
		const json_t *is = json_object_get(c, "rule");

		assert_string_equal(text_of(c, "check"), names[i]);
		assert_true(text_of(c, "text")[0]);
		got[i] = text_of(c, "result")[0];
		if (rule && got[i] == 'f' && is)
			assert_string_equal(json_string_value(is), rule);
	}
	assert_string_equal(got, results);
	json_decref(o);
}

static void explained(void **state)
{
	(void)state;
	check_explained("key-000000", true, "ppppppppppppp", NULL);
	check_explained("no-such-key", false, "ppppppfssssss", NULL);
	/* The lease is by another policy than the one in force. */
	reload(MADE_HERE "[replicas one]\nkeys = key-000000\nhsms = other\n");
	check_explained("key-000000", true, "pppppppppppwf", NULL);
	tell(attest(d, hsm, 200, NULL));
	check_explained("key-000000", true, "pppppppppppwp", NULL);
	check_explained("key-000001", false, "ppppppppppfpp", "keys made-here");
	check_explained("key-000002", false, "ppppppppppfpf", "keys made-here");
	reload("[hsms locked]\nlocked = yes\n");
	check_explained("key-000003", false, "pppppfppppppp", "hsms locked");
	reload("");
	tell(attest(d, hsm, 200, NULL));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'key','hsm_id':'%s','key_id':'key-000003',"
		      "'reason':'unspecified'}", hex32(hsm->hsm_id)));
	check_explained("key-000003", false, "pppppppppfppp", NULL);
	prover_key(hsm, "key-000003")->entry.state = ZKHSM_KEY_STATE_COMPROMISED;
	prover_refresh(hsm);
	tell(attest(d, hsm, 200, NULL));
	check_explained("key-000003", false, "pppppppfffppp", NULL);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'hsm','hsm_id':'%s','reason':'unspecified'}",
		      hex32(hsm->hsm_id)));
	/* Which stops each of its keys, and whatever lease there was. */
	check_explained("key-000000", false, "pfpppppppfppf", NULL);
	tell(get(d->admin, 404, "unknown", "/v1/admin/hsms/%s/keys/k/explain",
		 "0000000000000000000000000000000000000000000000000000000000000000"));
	tell(get(d->admin, 400, "request", "/v1/admin/hsms/xyz/keys/k/explain"));
	tell(get(d->admin, 400, "request", "/v1/admin/hsms/%s/keys/-/explain",
		 hex32(hsm->hsm_id)));
	tell(get(d->public, 401, "client-certificate", "/v1/admin/hsms/%s/keys/k/explain",
		 hex32(hsm->hsm_id)));
}

static void pending(void **state)
{
	struct prover *mine = hsm;

	(void)state;
	hsm = prover_new("policy, pending", 1);
	tell(attest(d, hsm, 403, "pending"));
	check_explained("key-000000", false, "f", NULL);
	prover_free(hsm);
	hsm = mine;
}

static void shown(void **state)
{
	char path[256], text[64];
	uint8_t *bytes, digest[32];
	size_t len;
	json_t *o, *rule;

	(void)state;
	reload("[hsms a]\nclusters = eu\nkek = tpm, none\nmax_ttl = 1h\n"
	       "[keys b]\nkeys = *, !x\nusage = sign\nlease_required = yes\n"
	       "[replicas c]\nkeys = k\nhsms = a\n"
	       "[grants d]\nkeys = k\nclients = any\noperations = prove\n"
	       "[fraud]\non_duplicate = both\nsilent = 1min\n");
	o = get(d->admin, 200, NULL, "/v1/admin/policy");
	snprintf(text, sizeof(text), "%u", version);
	assert_string_equal(text_of(o, "name"), "fleet");
	assert_string_equal(text_of(o, "version"), text);
	daemon_file(d, "policy.conf", path);
	assert_string_equal(text_of(o, "file"), path);
	assert_int_equal(zkhsm_read_file(path, 4096, &bytes, &len, NULL), 0);
	zkhsm_sha256(bytes, len, digest);
	assert_string_equal(text_of(o, "digest"), hex32(digest));
	free(bytes);
	assert_int_equal(json_array_size(json_object_get(o, "rules")), 4);
	rule = json_pack("{s:s, s:i, s:[s], s:[s, s], s:i}", "rule", "hsms a", "line", 4,
			 "clusters", "eu", "kek", "none", "tpm", "max_ttl_ms", 3600000);
	assert_true(json_equal(rule, json_array_get(json_object_get(o, "rules"), 0)));
	json_decref(rule);
	rule = json_pack("{s:s, s:i, s:[s, s], s:[s], s:b}", "rule", "keys b", "line", 8, "keys",
			 "*", "!x", "usage", "sign", "lease_required", 1);
	assert_true(json_equal(rule, json_array_get(json_object_get(o, "rules"), 1)));
	json_decref(rule);
	rule = json_pack("{s:s, s:i, s:[s], s:[s], s:s}", "rule", "replicas c", "line", 12,
			 "hsms", "a", "keys", "k", "on_duplicate", "both");
	assert_true(json_equal(rule, json_array_get(json_object_get(o, "rules"), 2)));
	json_decref(rule);
	rule = json_pack("{s:s, s:i, s:[s], s:[s], s:[s]}", "rule", "grants d", "line", 15,
			 "keys", "k", "clients", "any", "operations", "prove");
	assert_true(json_equal(rule, json_array_get(json_object_get(o, "rules"), 3)));
	json_decref(rule);
	assert_int_equal(number_of(json_object_get(o, "fraud"), "silent_ms"), 60000);
	json_decref(o);
	tell(get(d->public, 401, "client-certificate", "/v1/admin/policy"));
}

/* The same by the command. */
static void commands(void **state)
{
	char said[16384], path[256];
	const char *id = hex32(hsm->hsm_id);

	(void)state;
	reload(MADE_HERE);
	assert_int_equal(cli_run(d, "admin", said, sizeof(said), "policy", "show", NULL), 0);
	assert_non_null(strstr(said, "\n[keys made-here] line 4\n"));
	assert_int_equal(cli_run(d, "admin", said, sizeof(said), "policy", "explain", id,
				 "key-000001", NULL), 0);
	assert_non_null(strstr(said, ": not trusted\n"));
	assert_non_null(strstr(said, "it was imported"));
	assert_int_equal(cli_run(d, "admin", said, sizeof(said), "policy", "explain", id,
				 "key-000000", NULL), 0);
	assert_non_null(strstr(said, ": trusted\n"));
	daemon_file(d, "policy.conf", path);
	assert_int_equal(cli_run(d, "admin", said, sizeof(said), "policy", "check", path, NULL), 0);
	assert_non_null(strstr(said, "urn:zkhsm:policy:fleet:"));
	daemon_policy(d, "[keys a]\nkeys = *\n");
	assert_int_equal(cli_run(d, "admin", said, sizeof(said), "policy", "check", path, NULL), 1);
	assert_non_null(strstr(said, "policy.conf:1: [keys a] demands nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys, new_hsm, free_hsm),
		cmocka_unit_test_setup_teardown(hsms, new_hsm, free_hsm),
		cmocka_unit_test_setup_teardown(shown_last, new_hsm, free_hsm),
		cmocka_unit_test_setup_teardown(same, new_hsm, free_hsm),
		cmocka_unit_test_setup_teardown(explained, new_hsm, free_hsm),
		cmocka_unit_test_setup_teardown(pending, new_hsm, free_hsm),
		cmocka_unit_test_setup_teardown(shown, new_hsm, free_hsm),
		cmocka_unit_test_setup_teardown(commands, new_hsm, free_hsm),
	};

	return cmocka_run_group_tests(tests, start, end);
}
