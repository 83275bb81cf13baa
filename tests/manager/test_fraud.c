// SPDX-License-Identifier: GPL-2.0
/*
 * test_fraud.c - a key that turns up in a second HSM, what is done about it and how it
 * ends; and that nothing but a true proof moves what is stored of an HSM
 */
#include "daemon.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIGURED	"max_age = 1h\n[leases]\nttl = 2h\n"

static struct daemon *d;
static struct prover *a, *b, *c;
static char text[256];

/* The policy of this daemon, from its next start. */
static void write_policy(const char *policy)
{
	char path[256], limits[512];
	FILE *f;

	daemon_file(d, "policy", path);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(policy, f);
	assert_int_equal(fclose(f), 0);
	snprintf(limits, sizeof(limits), "nonces_per_hsm = 64\nfalse_per_minute = 1000\n"
		 "pending_per_source = 64\n[policy]\nfile = %s\n", path);
	daemon_configure(d, CONFIGURED, limits);
}

static int start(void **state)
{
	(void)state;
	d = daemon_new(NULL, NULL);
	/* The replica set's names are those that the tests enrol with. */
	write_policy("[replicas shared]\nkeys = shared-*\nhsms = site-*\n"
		     "[replicas strict]\nkeys = strict-*\nhsms = site-*\non_duplicate = both\n"
		     "[replicas watched]\nkeys = watched-*\nhsms = site-*\non_duplicate = alert\n"
		     "[fraud]\nburst = 5\nburst_window = 1h\n");
	daemon_start(d, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	return 0;
}

static struct prover *one(const char *role)
{
	static unsigned int number;
	struct prover *p;
	char seed[48];

	snprintf(seed, sizeof(seed), "fraud %s %u", role, number++);
	p = prover_new(seed, 2);
	prover_pin(p, d->order_public);
	prover_refresh(p);
	return p;
}

static int new_hsms(void **state)
{
	(void)state;
	a = one("a");
	b = one("b");
	c = one("c");
	return 0;
}

static int free_hsms(void **state)
{
	(void)state;
	prover_free(a);
	prover_free(b);
	prover_free(c);
	return 0;
}

static void enrol_as(struct prover *p, const char *name)
{
	tell(attest(d, p, 403, "pending"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'%s'}", hex32(p->hsm_id), name));
}

/* Accepted; whether with a lease, and the code of the quarantine, "" for none. */
static void attest_as(struct prover *p, bool lease, const char *code)
{
	json_t *o = attest(d, p, 200, NULL), *q = json_object_get(o, "quarantine");

	assert_int_equal(json_object_get(o, "lease") != NULL, lease);
	assert_string_equal(q ? text_of(q, "code") : "", code);
	json_decref(o);
}

static void state_is(struct prover *p, const char *want)
{
	json_t *o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(p->hsm_id));

	assert_string_equal(text_of(o, "state"), want);
	json_decref(o);
}

static void token(struct prover *p, const char *key, long status, const char *urn)
{
	tell(ask_json(d->public, "POST", "/v1/tokens", status, urn,
		      "{'hsm_id':'%s','key_id':'%s','aud':'x'}", hex32(p->hsm_id), key));
}

/* The secret of a key of @from, as a key of @to. */
static void copy_key(struct prover *from, const char *key, struct prover *to, const char *name)
{
	uint8_t secret[ZKHSM_SCALAR_LEN];

	memcpy(secret, prover_key(from, key)->secret, sizeof(secret));
	prover_key_add(to, name, secret);
	prover_refresh(to);
}

static json_t *open_alerts(void)
{
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/alerts?state=open&limit=1000");
	json_t *all = json_incref(json_object_get(o, "alerts"));

	assert_true(json_is_false(json_object_get(o, "more")));
	json_decref(o);
	return all;
}

/* The open alert of this code about this HSM, or NULL; caller drops it. */
static json_t *alert_of(const char *code, const struct prover *p)
{
	json_t *all = open_alerts(), *one_alert, *found = NULL;
	const char *id;
	size_t i;

	json_array_foreach(all, i, one_alert) {
		id = json_string_value(json_object_get(one_alert, "hsm_id"));
		if (strcmp(text_of(one_alert, "code"), code) == 0 &&
		    (p ? id && strcmp(id, hex32(p->hsm_id)) == 0 : !id))
			found = one_alert;
	}
	json_incref(found);
	json_decref(all);
	return found;
}

static void expect_alert(const char *code, const struct prover *p, int64_t count)
{
	json_t *o = alert_of(code, p);

	if (!o)
		fail_msg("no open alert %s", code);
	assert_int_equal(number_of(o, "count"), count);
	json_decref(o);
}

static void expect_none(const char *code, const struct prover *p)
{
	json_t *o = alert_of(code, p);

	assert_null(o);
}

static json_t *quarantine(struct prover *p, const char *action, long status, const char *urn)
{
	snprintf(text, sizeof(text), "/v1/admin/hsms/%s/quarantine", hex32(p->hsm_id));
	return ask_json(d->admin, "POST", text, status, urn, "{'action':'%s','note':'looked at'}",
			action);
}

/* --- what is stored --------------------------------------------------------- */

static char *table(const char *query)
{
	char path[256], *out = NULL, *row;
	sqlite3_stmt *q;
	sqlite3 *db;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &q, NULL), SQLITE_OK);
	while (sqlite3_step(q) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(q); i++) {
			row = sqlite3_mprintf("%d:", sqlite3_column_type(q, i));
			fputs(row, f);
			sqlite3_free(row);
			if (sqlite3_column_blob(q, i))
				fwrite(sqlite3_column_blob(q, i), 1,
				       (size_t)sqlite3_column_bytes(q, i), f);
			fputc('|', f);
		}
		fputc('\n', f);
	}
	sqlite3_finalize(q);
	sqlite3_close(db);
	fputc('\0', f);
	assert_int_equal(fclose(f), 0);
	/* Compared by length too: there are zeroes in it. */
	row = malloc(size + sizeof(size));
	assert_non_null(row);
	memcpy(row, &size, sizeof(size));
	memcpy(row + sizeof(size), out, size);
	free(out);
	return row;
}

static const char *const about_hsms[] = {
	"SELECT * FROM hsm ORDER BY id", "SELECT * FROM holding", "SELECT * FROM history",
	"SELECT * FROM lease", "SELECT * FROM orders", "SELECT digest FROM list",
	"SELECT * FROM configuration", "SELECT * FROM alert WHERE hsm_id IS NOT NULL",
	"SELECT * FROM status_index", "SELECT * FROM revocation", "SELECT * FROM pending",
};

static void take_all(char *out[ARRAY_SIZE(about_hsms)])
{
	for (size_t i = 0; i < ARRAY_SIZE(about_hsms); i++)
		out[i] = table(about_hsms[i]);
}

static void nothing_moved(char *before[ARRAY_SIZE(about_hsms)])
{
	char *after[ARRAY_SIZE(about_hsms)];
	size_t one_len, other_len;

	take_all(after);
	for (size_t i = 0; i < ARRAY_SIZE(about_hsms); i++) {
		memcpy(&one_len, before[i], sizeof(one_len));
		memcpy(&other_len, after[i], sizeof(other_len));
		if (one_len != other_len || memcmp(before[i], after[i], one_len + sizeof(one_len)))
			fail_msg("not as it was: %s", about_hsms[i]);
		free(before[i]);
		free(after[i]);
	}
}

static int64_t count_of(const char *query)
{
	char *t = table(query);
	int64_t n = strtoll(t + sizeof(size_t) + 2, NULL, 10);

	free(t);
	return n;
}

/* --- duplicates ------------------------------------------------------------- */

/* Two enrolled HSMs, of which the second one gets a copy of the first one's key. */
static void steal(const char *key)
{
	enrol_as(a, "incumbent");
	attest_as(a, true, "");
	enrol_as(b, "thief");
	attest_as(b, true, "");
	copy_key(a, key, b, "mine");
}

static void caught_at_once(void **state)
{
	json_t *o;

	(void)state;
	steal("key-000001");
	token(b, "key-000000", 200, NULL);
	attest_as(b, false, "duplicate");
	state_is(b, "quarantined");
	token(b, "key-000000", 403, "quarantined");
	token(b, "mine", 403, "quarantined");
	expect_alert("duplicate", b, 1);
	expect_alert("contested", a, 1);
	o = alert_of("duplicate", b);
	assert_non_null(strstr(text_of(o, "text"), "incumbent"));
	assert_non_null(strstr(text_of(o, "text"), "key-000001"));
	assert_non_null(strstr(text_of(o, "text"), "thief"));
	snprintf(text, sizeof(text), "/v1/admin/alerts/%lld", (long long)number_of(o, "row"));
	json_decref(o);
	o = get(d->admin, 200, NULL, "%s", text);
	assert_int_equal(json_array_size(json_object_get(o, "holders")), 2);
	json_decref(o);
	/* Who had it first goes on. */
	state_is(a, "attested");
	attest_as(a, true, "");
	token(a, "key-000001", 200, NULL);
	/* Nothing new: nobody is told again, and there is still no lease. */
	attest_as(b, false, "duplicate");
	expect_alert("duplicate", b, 1);
}

/* In its first evidence of all: no lease was ever given to it. */
static void caught_at_first(void **state)
{
	(void)state;
	enrol_as(a, "incumbent");
	attest_as(a, true, "");
	copy_key(a, "key-000000", b, "key-000000-copy");
	enrol_as(b, "thief");
	attest_as(b, false, "duplicate");
	snprintf(text, sizeof(text), "SELECT count(*) FROM lease WHERE hsm_id = x'%s'",
		 hex32(b->hsm_id));
	assert_int_equal(count_of(text), 0);
}

/* -A is the same key, under whatever name and state, but not when nobody proved it. */
static void unproved_is_nothing(void **state)
{
	(void)state;
	steal("key-000000");
	prover_key(b, "mine")->entry.state = ZKHSM_KEY_STATE_COMPROMISED;
	prover_refresh(b);
	attest_as(b, true, "");
	expect_none("duplicate", b);
	prover_key(b, "mine")->entry.state = ZKHSM_KEY_STATE_DEACTIVATED;
	prover_refresh(b);
	attest_as(b, false, "duplicate");
}

static void same_bytes_no_lease(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;
	json_t *o;

	(void)state;
	enrol_as(a, "incumbent");
	attest_as(a, true, "");
	len = make_evidence(d, a, evidence);
	tell(post_evidence(d, evidence, len, 200, NULL));
	tell(quarantine(a, "quarantine", 200, NULL));
	/* What was answered with a lease before is not now. */
	o = post_evidence(d, evidence, len, 200, NULL);
	assert_null(json_object_get(o, "lease"));
	json_decref(o);
	tell(quarantine(a, "release", 200, NULL));
	o = post_evidence(d, evidence, len, 200, NULL);
	assert_non_null(json_object_get(o, "lease"));
	json_decref(o);
}

static void released(void **state)
{
	json_t *o;

	(void)state;
	steal("key-000000");
	attest_as(b, false, "duplicate");
	tell(quarantine(b, "quarantine", 409, "already"));
	o = quarantine(b, "release", 200, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "still")), 1);
	json_decref(o);
	tell(quarantine(b, "release", 409, "already"));
	expect_none("duplicate", b);
	/* It is still so, and somebody has said that it may be. */
	attest_as(b, true, "");
	expect_none("duplicate", b);
	state_is(b, "attested");
	/* Something else changes: not what was released. */
	prover_key_add(b, "another", NULL);
	prover_refresh(b);
	attest_as(b, true, "");
	/* It goes, and comes again. */
	prover_key_del(b, "mine");
	prover_refresh(b);
	attest_as(b, true, "");
	copy_key(a, "key-000000", b, "mine");
	attest_as(b, false, "duplicate");
	expect_alert("duplicate", b, 1);
}

/* By its alert; and gone is gone. */
static void released_by_alert(void **state)
{
	json_t *o;

	(void)state;
	steal("key-000000");
	attest_as(b, false, "duplicate");
	prover_key_del(b, "mine");
	prover_refresh(b);
	attest_as(b, false, "duplicate");
	o = alert_of("duplicate", b);
	snprintf(text, sizeof(text), "/v1/admin/alerts/%lld", (long long)number_of(o, "row"));
	json_decref(o);
	tell(ask_json(d->admin, "POST", text, 400, "request", "{'action':'forget','note':'x'}"));
	tell(ask_json(d->admin, "POST", text, 400, "request", "{'action':'release','note':''}"));
	tell(ask_json(d->admin, "POST", "/v1/admin/alerts/999999999", 404, "unknown",
		      "{'action':'release','note':'x'}"));
	tell(ask_json(d->public, "POST", text, 401, "client-certificate", "{'action':'release','note':'x'}"));
	o = ask_json(d->admin, "POST", text, 200, NULL, "{'action':'acknowledge','note':'on it'}");
	assert_string_equal(text_of(o, "state"), "acknowledged");
	assert_string_equal(text_of(o, "note"), "on it");
	json_decref(o);
	tell(ask_json(d->admin, "POST", text, 409, "already", "{'action':'acknowledge','note':'x'}"));
	state_is(b, "quarantined");
	o = ask_json(d->admin, "POST", text, 200, NULL, "{'action':'release','note':'it is gone'}");
	assert_true(json_is_true(json_object_get(o, "quarantine_ended")));
	assert_int_equal(json_array_size(json_object_get(o, "still")), 0);
	assert_string_equal(text_of(o, "state"), "closed");
	assert_non_null(strstr(text_of(o, "who"), "admin"));
	json_decref(o);
	tell(ask_json(d->admin, "POST", text, 409, "already", "{'action':'release','note':'x'}"));
	attest_as(b, true, "");
}

/* A whole keystore is not as many alerts as it has keys. */
static void all_of_them(void **state)
{
	char name[16], mine[16];
	size_t count = 0, i;
	json_t *all, *o;

	(void)state;
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "many-%02zu", i);
		prover_key_add(a, name, NULL);
	}
	prover_refresh(a);
	enrol_as(a, "incumbent");
	attest_as(a, true, "");
	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "many-%02zu", i);
		snprintf(mine, sizeof(mine), "mine-%02zu", i);
		copy_key(a, name, b, mine);
	}
	enrol_as(b, "thief");
	attest_as(b, false, "duplicate");
	all = open_alerts();
	json_array_foreach(all, i, o)
		count += strcmp(text_of(o, "code"), "duplicate") == 0 &&
			 strcmp(text_of(o, "hsm_id"), hex32(b->hsm_id)) == 0;
	json_decref(all);
	/* And one for the rest. */
	assert_int_equal(count, 16 + 1);
	o = quarantine(b, "release", 200, NULL);
	assert_int_equal(json_array_size(json_object_get(o, "still")), 40);
	json_decref(o);
	expect_none("duplicate", b);
}

/* --- replica sets ------------------------------------------------------------ */

static void declared(void **state)
{
	(void)state;
	prover_key_add(a, "shared-1", NULL);
	prover_refresh(a);
	enrol_as(a, "site-a");
	attest_as(a, true, "");
	copy_key(a, "shared-1", b, "shared-1");
	enrol_as(b, "site-b");
	attest_as(b, true, "");
	expect_none("duplicate", b);
	expect_none("contested", a);
	/* It calls it as the set does, and is not in it. */
	copy_key(a, "shared-1", c, "shared-1");
	enrol_as(c, "elsewhere");
	attest_as(c, false, "duplicate");
	state_is(a, "attested");
	state_is(b, "attested");
	expect_alert("duplicate", c, 1);
	expect_alert("contested", a, 1);
	expect_alert("contested", b, 1);
}

/* A name of the newcomer's own choice makes nothing declared. */
static void own_name_is_nothing(void **state)
{
	(void)state;
	enrol_as(a, "incumbent");
	attest_as(a, true, "");
	copy_key(a, "key-000000", b, "shared-2");
	enrol_as(b, "site-b");
	attest_as(b, false, "duplicate");
	state_is(a, "attested");
}

/*
 * A thief with two HSMs of a set shows a stolen key by a name of that set: its owner, who
 * had it first and calls it something else, is no outsider to it.
 */
static void thief_in_a_set(void **state)
{
	(void)state;
	enrol_as(a, "owner");
	attest_as(a, true, "");
	copy_key(a, "key-000000", b, "shared-4");
	copy_key(a, "key-000000", c, "shared-4");
	enrol_as(b, "site-b");
	attest_as(b, false, "duplicate");
	enrol_as(c, "site-c");
	attest_as(c, false, "duplicate");
	state_is(a, "attested");
	attest_as(a, true, "");
	token(a, "key-000000", 200, NULL);
}

/*
 * Whoever's enrolment ended is forgotten as a holder. Enrolled again, it is vouched for
 * when it has attested again, which is when its keys are held against all others.
 */
static void enrolled_again(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;

	(void)state;
	enrol_as(a, "leaves");
	attest_as(a, true, "");
	len = make_evidence(d, a, evidence);
	tell(post_evidence(d, evidence, len, 200, NULL));
	token(a, "key-000000", 200, NULL);
	snprintf(text, sizeof(text), "/v1/admin/hsms/%s", hex32(a->hsm_id));
	tell(ask(d->admin, "DELETE", text, NULL, NULL, 0, 204, NULL));
	copy_key(a, "key-000000", b, "mine");
	enrol_as(b, "stays");
	attest_as(b, true, "");
	enrol_as(a, "comes back");
	state_is(a, "stale");
	token(a, "key-000000", 403, "stale");
	/* The bytes that it attested with before are no answer to anything now. */
	tell(post_evidence(d, evidence, len, 422, "nonce"));
	attest_as(a, false, "duplicate");
	state_is(b, "attested");
}

#define POLICY	"[replicas strict]\nkeys = strict-*\nhsms = site-*\non_duplicate = both\n" \
		"[replicas watched]\nkeys = watched-*\nhsms = site-*\non_duplicate = alert\n" \
		"[fraud]\nburst = 5\nburst_window = 1h\n"

static void new_policy(const char *replicas)
{
	static unsigned int number;
	char policy[1024], digest[80], path[256];
	FILE *f;
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/policy");
	int64_t until = now_ms() + 60000;
	bool same = true;

	snprintf(digest, sizeof(digest), "%s", text_of(o, "digest"));
	json_decref(o);
	snprintf(policy, sizeof(policy), "[policy]\nversion = %u\n%s" POLICY, ++number, replicas);
	daemon_file(d, "policy", path);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(policy, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(kill(d->pid, SIGHUP), 0);
	while (same && now_ms() < until) {
		o = get(d->admin, 200, NULL, "/v1/admin/policy");
		same = strcmp(text_of(o, "digest"), digest) == 0;
		json_decref(o);
	}
	assert_false(same);
}

/* Who was declared and is not any more, with a list that has not changed. */
static void not_declared_any_more(void **state)
{
	static const char all[] = "[replicas shared]\nkeys = shared-*\nhsms = site-*\n",
		some[] = "[replicas shared]\nkeys = shared-*\nhsms = site-a, site-c\n";
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	json_t *o;
	size_t len;

	(void)state;
	new_policy(all);
	prover_key_add(a, "shared-5", NULL);
	prover_refresh(a);
	enrol_as(a, "site-a");
	attest_as(a, true, "");
	copy_key(a, "shared-5", b, "shared-5");
	enrol_as(b, "site-b");
	attest_as(b, true, "");
	copy_key(a, "shared-5", c, "shared-5");
	enrol_as(c, "site-c");
	attest_as(c, true, "");
	/* What changes nothing for them stops nobody. */
	new_policy(all);
	attest_as(a, true, "");
	attest_as(b, true, "");
	expect_none("duplicate", b);
	len = make_evidence(d, b, evidence);
	tell(post_evidence(d, evidence, len, 200, NULL));

	new_policy(some);
	/* Also by the bytes that were accepted before. */
	o = post_evidence(d, evidence, len, 200, NULL);
	assert_null(json_object_get(o, "lease"));
	json_decref(o);
	state_is(b, "quarantined");
	attest_as(b, false, "duplicate");
	expect_alert("duplicate", b, 1);
	attest_as(a, true, "");
	attest_as(c, true, "");
	/* Somebody has looked, and that stays so. */
	tell(quarantine(b, "release", 200, NULL));
	attest_as(b, true, "");
	new_policy(some);
	attest_as(b, true, "");
	attest_as(a, true, "");

	/* By the evidence of another one of them; who came last is the newcomer. */
	new_policy("");
	attest_as(a, true, "");
	state_is(a, "attested");
	state_is(b, "attested");
	state_is(c, "quarantined");
	new_policy(all);
}

static void outsider_first(void **state)
{
	(void)state;
	prover_key_add(a, "shared-3", NULL);
	prover_refresh(a);
	enrol_as(a, "elsewhere");
	attest_as(a, true, "");
	copy_key(a, "shared-3", b, "shared-3");
	enrol_as(b, "site-b");
	attest_as(b, true, "");
	/* The declared one goes on, whoever was first. */
	state_is(a, "quarantined");
	expect_alert("duplicate", a, 1);
}

static void both(void **state)
{
	(void)state;
	prover_key_add(a, "strict-1", NULL);
	prover_refresh(a);
	enrol_as(a, "site-a");
	attest_as(a, true, "");
	copy_key(a, "strict-1", b, "x");
	enrol_as(b, "elsewhere");
	attest_as(b, false, "duplicate");
	state_is(a, "quarantined");
	attest_as(a, false, "duplicate");
}

static void only_alert(void **state)
{
	(void)state;
	prover_key_add(a, "watched-1", NULL);
	prover_refresh(a);
	enrol_as(a, "site-a");
	attest_as(a, true, "");
	copy_key(a, "watched-1", b, "x");
	enrol_as(b, "elsewhere");
	/* The outsider is stopped whatever the set says. */
	attest_as(b, false, "duplicate");
	state_is(a, "attested");
	expect_none("contested", a);
}

/* Of which only the negative is another HSM: the same secret, another id. */
static void same_identity(void **state)
{
	(void)state;
	enrol_as(a, "incumbent");
	attest_as(a, true, "");
	/* The identity of the first one, as a key of the second. */
	prover_key_add(b, "d", a->identity_secret);
	prover_refresh(b);
	enrol_as(b, "thief");
	attest_as(b, false, "same-identity");
	expect_alert("same-identity", b, 1);
	state_is(a, "attested");
}

/* --- holdings ------------------------------------------------------------------ */

static void differences(void **state)
{
	struct prover *big = prover_new("fraud big", 3000);
	int64_t first, lines;
	json_t *o;

	(void)state;
	prover_pin(big, d->order_public);
	prover_refresh(big);
	enrol_as(big, "big");
	attest_as(big, true, "");
	snprintf(text, sizeof(text), "SELECT count(*) FROM holding WHERE hsm_id = x'%s'",
		 hex32(big->hsm_id));
	/* And its identity. */
	assert_int_equal(count_of(text), 3001);
	snprintf(text, sizeof(text), "SELECT max(first_ms) FROM holding WHERE hsm_id = x'%s'",
		 hex32(big->hsm_id));
	first = count_of(text);
	lines = count_of("SELECT count(*) FROM history");
	sleep_ms(2);
	prover_key(big, "key-000017")->entry.state = ZKHSM_KEY_STATE_DEACTIVATED;
	prover_key_del(big, "key-000018");
	prover_key_add(big, "new", NULL);
	prover_refresh(big);
	attest_as(big, true, "");
	assert_int_equal(count_of("SELECT count(*) FROM history") - lines, 3);
	snprintf(text, sizeof(text), "SELECT count(*) FROM holding WHERE hsm_id = x'%s' AND "
		 "first_ms > %lld", hex32(big->hsm_id), (long long)first);
	assert_int_equal(count_of(text), 1);
	o = get(d->admin, 200, NULL, "/v1/admin/hsms/%s/keys/key-000017/history",
		hex32(big->hsm_id));
	assert_int_equal(json_array_size(json_object_get(o, "history")), 1);
	assert_string_equal(text_of(json_array_get(json_object_get(o, "history"), 0), "event"),
			    "state");
	assert_string_equal(text_of(json_array_get(json_object_get(o, "history"), 0), "detail"),
			    "active -> deactivated");
	assert_int_equal(json_array_size(json_object_get(o, "holders")), 1);
	json_decref(o);
	o = get(d->admin, 200, NULL, "/v1/admin/hsms/%s/keys/key-000018/history",
		hex32(big->hsm_id));
	assert_string_equal(text_of(json_array_get(json_object_get(o, "history"), 0), "event"),
			    "gone");
	assert_true(json_is_null(json_object_get(o, "status")));
	json_decref(o);
	prover_free(big);
}

/* Under another name it is the same key, for as long as before. */
static void renamed(void **state)
{
	int64_t first;

	(void)state;
	enrol_as(a, "renamer");
	attest_as(a, true, "");
	snprintf(text, sizeof(text), "SELECT first_ms FROM holding WHERE hsm_id = x'%s' AND "
		 "key_id = 'key-000000'", hex32(a->hsm_id));
	first = count_of(text);
	sleep_ms(2);
	copy_key(a, "key-000000", a, "zzz");
	prover_key_del(a, "key-000000");
	prover_refresh(a);
	attest_as(a, true, "");
	snprintf(text, sizeof(text), "SELECT first_ms FROM holding WHERE hsm_id = x'%s' AND "
		 "key_id = 'zzz'", hex32(a->hsm_id));
	assert_int_equal(count_of(text), first);
}

/* Two entries with one element: when one goes, the other still holds it. */
static void repeated(void **state)
{
	(void)state;
	copy_key(a, "key-000000", a, "again");
	enrol_as(a, "repeater");
	attest_as(a, true, "");
	prover_key_del(a, "key-000000");
	prover_refresh(a);
	attest_as(a, true, "");
	copy_key(a, "again", b, "mine");
	enrol_as(b, "thief");
	attest_as(b, false, "duplicate");
}

static void enrolment_ended(void **state)
{
	(void)state;
	steal("key-000000");
	snprintf(text, sizeof(text), "/v1/admin/hsms/%s", hex32(a->hsm_id));
	tell(ask(d->admin, "DELETE", text, NULL, NULL, 0, 204, NULL));
	snprintf(text, sizeof(text), "SELECT count(*) FROM holding WHERE hsm_id = x'%s'",
		 hex32(a->hsm_id));
	assert_int_equal(count_of(text), 0);
	attest_as(b, true, "");
	/* Enrolled again, with the list that it had: now it is the newcomer. */
	enrol_as(a, "again");
	attest_as(a, false, "duplicate");
}

/* --- what does not move anything ------------------------------------------------- */

static void nothing_moves_it(void **state)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], other[ZKHSM_EVIDENCE_MAX_LEN], nonce[32], id[32];
	char *before[ARRAY_SIZE(about_hsms)];
	struct zkhsm_statement s;
	size_t len, other_len;

	(void)state;
	enrol_as(a, "still");
	attest_as(a, true, "");
	enrol_as(b, "other");
	attest_as(b, true, "");
	len = make_evidence(d, a, evidence);
	tell(post_evidence(d, evidence, len, 200, NULL));
	tell(attest(d, a, 200, NULL));
	take_all(before);

	/* Garbage. */
	memset(other, 0xa5, sizeof(other));
	tell(post_evidence(d, other, 300, 422, "malformed"));
	tell(post_evidence(d, evidence, len - 1, 422, "malformed"));
	/* A replay of what was true once. */
	tell(post_evidence(d, evidence, len, 422, "nonce"));
	/* The proof does not hold. */
	other_len = make_evidence(d, a, other);
	other[other_len - 1] ^= 1;
	tell(post_evidence(d, other, other_len, 422, "false"));
	/* True, for another manager: it has nothing of this one. */
	memset(id, 7, sizeof(id));
	challenge(d, a, nonce);
	other_len = prover_answer(a, id, nonce, other);
	tell(post_evidence(d, other, other_len, 422, "not-addressed"));
	/* True, over a nonce that somebody else was given. */
	challenge(d, b, nonce);
	other_len = prover_answer(a, d->manager_id, nonce, other);
	tell(post_evidence(d, other, other_len, 422, "nonce"));
	/* True, over no nonce at all. */
	memset(nonce, 9, sizeof(nonce));
	other_len = prover_answer(a, d->manager_id, nonce, other);
	tell(post_evidence(d, other, other_len, 422, "nonce"));
	/* Over the other one's list: D, the keys and the digest do not belong together. */
	{
		struct zkhsm_challenge ch = { .last_number = 0 };

		challenge(d, a, ch.nonce);
		memcpy(ch.manager_id, d->manager_id, 32);
		prover_statement(a, &ch, 1, &s);
		memcpy(s.list_digest, b->list_digest, sizeof(s.list_digest));
		other_len = prover_evidence(a, &s, other);
		tell(post_evidence(d, other, other_len, 422, "false"));
	}
	/* A flood. */
	other_len = make_evidence(d, b, other);
	for (size_t i = 0; i < 64; i++) {
		other[other_len - 1 - i % 16] ^= (uint8_t)(1 + i);
		tell(post_evidence(d, other, other_len, 422, "false"));
		other[other_len - 1 - i % 16] ^= (uint8_t)(1 + i);
	}
	nothing_moved(before);
}

/* It is charged to where it came from, in one alert. */
static void burst(void **state)
{
	json_t *o = NULL;

	(void)state;
	/* Its line is written before the commit. */
	daemon_log_wait(d, "code=false-burst");
	for (int64_t until = now_ms() + 60000; !o && now_ms() < until; sleep_ms(20))
		o = alert_of("false-burst", NULL);
	assert_non_null(o);
	assert_string_equal(text_of(o, "source"), "127.0.0.1");
	json_decref(o);
}

static void asked_wrongly(void **state)
{
	(void)state;
	tell(get(d->admin, 400, "request", "/v1/admin/alerts?state=strange"));
	tell(get(d->admin, 400, "request", "/v1/admin/alerts?after=-1"));
	tell(get(d->admin, 400, "request", "/v1/admin/alerts?limit=1001"));
	tell(get(d->admin, 400, "request", "/v1/admin/alerts/x"));
	tell(get(d->admin, 404, "unknown", "/v1/admin/alerts/999999999"));
	tell(get(d->public, 401, "client-certificate", "/v1/admin/alerts"));
	tell(get(d->admin, 404, "unknown", "/v1/admin/hsms/%064d/history", 7));
	tell(get(d->admin, 400, "request", "/v1/admin/hsms/xy/history"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_hsms, free_hsms)
	const struct CMUnitTest tests[] = {
		TEST(caught_at_once),
		TEST(caught_at_first),
		TEST(unproved_is_nothing),
		TEST(same_bytes_no_lease),
		TEST(released),
		TEST(released_by_alert),
		TEST(thief_in_a_set),
		TEST(enrolled_again),
		TEST(not_declared_any_more),
		TEST(all_of_them),
		TEST(declared),
		TEST(own_name_is_nothing),
		TEST(outsider_first),
		TEST(both),
		TEST(only_alert),
		TEST(same_identity),
		TEST(differences),
		TEST(renamed),
		TEST(repeated),
		TEST(enrolment_ended),
		TEST(nothing_moves_it),
		/* Of what the one before posted. */
		TEST(burst),
		TEST(asked_wrongly),
	};

	return cmocka_run_group_tests(tests, start, end);
}
