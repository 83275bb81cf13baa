// SPDX-License-Identifier: GPL-2.0
/*
 * test_durable.c - what was answered is there after kill -9; a full disk
 * records nothing; stores and keys that must not be used are not
 */
#include "daemon.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITERS		4
#define KILLS		5

static struct daemon *d;
static atomic_uint acknowledged;	/* answers since the last start */

static int start(void **state)
{
	(void)state;
	d = daemon_new("", "nonces_per_hsm = 1000\n");
	daemon_start(d, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	return 0;
}

/* --- kill -9 under load ---------------------------------------------------- */

/* One HSM that attests as fast as it can, and remembers what was acknowledged. */
struct writer {
	pthread_t thread;
	struct prover *hsm;
	struct zkhsm_https *https;
	uint32_t acknowledged, tried;
	unsigned int revoked;
	uint64_t order;
};

static bool attest_once(struct writer *w)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], nonce[32];
	char body[100], *hex = zkhsm_hex(w->hsm->hsm_id, 32);
	json_t *o = NULL;
	size_t len;
	int status;

	snprintf(body, sizeof(body), "{\"hsm_id\":\"%s\"}", hex);
	free(hex);
	if (try_ask(w->https, "POST", "/v1/challenges", JSON, body, strlen(body), &o) != 201) {
		json_decref(o);
		return false;
	}
	zkhsm_unhex(json_string_value(json_object_get(o, "nonce")), nonce, 32);
	json_decref(o);
	len = prover_answer(w->hsm, d->manager_id, nonce, evidence);
	w->tried = w->hsm->number;
	o = NULL;
	status = try_ask(w->https, "POST", "/v1/evidence", EVIDENCE, evidence, len, &o);
	json_decref(o);
	if (status == 200)
		w->acknowledged = w->hsm->number;
	return status == 200;
}

static bool revoke_once(struct writer *w)
{
	char body[256], *hex = zkhsm_hex(w->hsm->hsm_id, 32);
	json_t *o = NULL;
	int status;

	snprintf(body, sizeof(body),
		 "{\"action\":\"revoke\",\"scope\":\"key\",\"hsm_id\":\"%s\",\"key_id\":\"key-%06u\",\"reason\":\"key-compromise\"}",
		 hex, w->revoked);
	free(hex);
	status = try_ask(w->https, "POST", "/v1/admin/revocations", JSON, body, strlen(body), &o);
	if (status == 201) {
		w->revoked++;
		w->order = (uint64_t)json_integer_value(json_object_get(
				json_array_get(json_object_get(o, "orders"), 0), "number"));
	} else if (status == 409) {
		w->revoked++;	/* it was done, and the answer lost with the manager */
	}
	json_decref(o);
	return status == 201 || status == 409;
}

static void *write_until_gone(void *arg)
{
	struct writer *w = arg;
	bool ok = true;

	for (unsigned int i = 0; ok; i++) {
		ok = i % 4 == 3 && w->revoked < w->hsm->count ? revoke_once(w) : attest_once(w);
		acknowledged += ok;
	}
	return NULL;
}

static void check(struct writer *w)
{
	const char *id = hex32(w->hsm->hsm_id);
	json_t *o = get(d->public, 200, NULL, "/v1/hsms/%s", id), *orders;

	assert_string_equal(text_of(o, "state"), "attested");
	assert_true(number_of(o, "number") >= w->acknowledged);
	assert_true(number_of(o, "number") <= w->tried);
	json_decref(o);
	for (unsigned int i = 0; i < w->revoked; i++) {
		o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-%06u", id, i);
		assert_string_equal(text_of(o, "status"), "revoked");
		json_decref(o);
	}
	/* Numbers without a gap, none used twice. */
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", id);
	orders = json_object_get(o, "orders");
	assert_true(json_array_size(orders) >= w->order);
	for (size_t i = 0; i < json_array_size(orders); i++)
		assert_int_equal(number_of(json_array_get(orders, i), "number"), i + 1);
	json_decref(o);
}

static void killed(void **state)
{
	struct writer w[WRITERS];
	char seed[32];

	(void)state;
	memset(w, 0, sizeof(w));
	for (int i = 0; i < WRITERS; i++) {
		snprintf(seed, sizeof(seed), "durable %d", i);
		w[i].hsm = prover_new(seed, 40);
		enrol(d, w[i].hsm);
	}
	for (int kills = 0; kills < KILLS; kills++) {
		acknowledged = 0;
		for (int i = 0; i < WRITERS; i++) {
			w[i].https = daemon_client(d, "admin");
			pthread_create(&w[i].thread, NULL, write_until_gone, &w[i]);
		}
		/* After another number of answers each time, and so at another moment. */
		for (int ms = 0; acknowledged < 20 + 13u * (unsigned int)kills; ms++) {
			assert_true(ms < 120000);
			sleep_ms(1);
		}
		daemon_end(d, SIGKILL);
		for (int i = 0; i < WRITERS; i++) {
			pthread_join(w[i].thread, NULL);
			zkhsm_https_free(w[i].https);
		}
		daemon_start(d, 0);
		for (int i = 0; i < WRITERS; i++)
			check(&w[i]);
	}
	for (int i = 0; i < WRITERS; i++) {
		assert_true(w[i].acknowledged > 0 && w[i].revoked > 0);
		prover_free(w[i].hsm);
	}
}

/* Orders, lists and configurations are what they were: nothing has to be sent again. */
static void restarted(void **state)
{
	struct prover *p = prover_new("restarted", 3);
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], before[32];
	size_t len;
	int status;

	(void)state;
	enrol(d, p);
	memcpy(before, d->manager_id, 32);
	status = daemon_end(d, SIGTERM);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	daemon_start(d, 0);
	assert_memory_equal(before, d->manager_id, 32);
	len = make_evidence(d, p, evidence);
	tell(post_evidence(d, evidence, len, 200, NULL));
	prover_free(p);
}

/* A nonce of a manager that was restarted is nobody's. */
static void nonces_do_not_survive(void **state)
{
	struct prover *p = prover_new("nonce", 1);
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;

	(void)state;
	enrol(d, p);
	len = make_evidence(d, p, evidence);
	daemon_end(d, SIGKILL);
	daemon_start(d, 0);
	tell(post_evidence(d, evidence, len, 422, "nonce"));
	prover_free(p);
}

/* A client that waits does not hold up the end. */
static void *wait_for_orders(void *arg)
{
	json_t *o = NULL;
	int *status = arg;
	char path[128];
	struct zkhsm_https *h = daemon_client(d, NULL);

	snprintf(path, sizeof(path), "/v1/hsms/%064d/orders?wait=60", 0);
	*status = try_ask(h, "GET", path, NULL, NULL, 0, &o);
	json_decref(o);
	zkhsm_https_free(h);
	return NULL;
}

static void ends_in_order(void **state)
{
	pthread_t thread;
	int answer = 0, status;

	(void)state;
	pthread_create(&thread, NULL, wait_for_orders, &answer);
	pthread_join(thread, NULL);
	assert_int_equal(answer, 404);
	status = daemon_end(d, SIGTERM);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(daemon_log_count(d, "event=stopped"), 1);
	daemon_start(d, 0);
}

/* --- no room ---------------------------------------------------------------- */

static void disk_full(void **state)
{
	struct prover *p = prover_new("full", 400);
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	unsigned int refused = 0;
	char path[256];
	struct stat s;
	json_t *o;
	size_t len;

	(void)state;
	enrol(d, p);
	daemon_end(d, SIGTERM);
	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(stat(path, &s), 0);
	/* The log of the database may grow to twice what the database has now, no more. */
	daemon_start(d, (size_t)s.st_size + 65536);
	for (unsigned int i = 0; i < p->count && !refused; i++) {
		json_t *answer = NULL;
		char body[256];
		int status;

		snprintf(body, sizeof(body),
			 "{\"action\":\"revoke\",\"scope\":\"key\",\"hsm_id\":\"%s\",\"key_id\":\"key-%06u\",\"reason\":\"key-compromise\"}",
			 hex32(p->hsm_id), i);
		status = try_ask(d->admin, "POST", "/v1/admin/revocations", JSON, body, strlen(body),
			     &answer);
		if (status == 503) {
			assert_string_equal(text_of(answer, "type"), "urn:zkhsm:store");
			refused = i + 1;
		} else {
			assert_int_equal(status, 201);
		}
		json_decref(answer);
	}
	assert_true(refused > 1);
	/* What is smaller than an order may still have had room. */
	for (int i = 0; i < 100; i++) {
		json_t *answer = NULL;
		int status = try_ask(d->public, "GET", "/health/ready", NULL, NULL, 0, &answer);

		json_decref(answer);
		if (status == 503)
			break;
	}
	/* What is not recorded is not answered for, and takes no nonce with it. */
	tell(get(d->public, 503, "store", "/health/ready"));
	tell(get(d->public, 200, NULL, "/health/alive"));
	len = make_evidence(d, p, evidence);
	tell(post_evidence(d, evidence, len, 503, "store"));
	tell(post_evidence(d, evidence, len, 503, "store"));
	daemon_end(d, SIGKILL);
	/* Room again: all that was answered, and nothing of what was not. */
	daemon_start(d, 0);
	o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-%06u", hex32(p->hsm_id), refused - 2);
	assert_string_equal(text_of(o, "status"), "revoked");
	json_decref(o);
	o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-%06u", hex32(p->hsm_id), refused - 1);
	assert_string_equal(text_of(o, "status"), "attested");
	json_decref(o);
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(p->hsm_id));
	assert_int_equal(json_array_size(json_object_get(o, "orders")), refused - 1);
	json_decref(o);
	tell(get(d->public, 200, NULL, "/health/ready"));
	tell(attest(d, p, 200, NULL));
	prover_free(p);
}

/* --- what must not be used --------------------------------------------------- */

static void expect_refused(const char *text)
{
	char output[8192];

	assert_int_equal(daemon_run(d, NULL, output, sizeof(output)), 1);
	if (!strstr(output, text))
		fail_msg("\"%s\" is not in: %s", text, output);
}

static void sql(const char *statement)
{
	sqlite3 *db;
	char path[256];

	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, statement, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* One table that cannot be read, in a database that was well when we started. */
static void take_table(const char *table)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "PRAGMA legacy_alter_table = ON; ALTER TABLE %s RENAME TO %s_away", table, table);
	sql(text);
}

static void give_table(const char *table)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "PRAGMA legacy_alter_table = ON; ALTER TABLE %s_away RENAME TO %s", table, table);
	sql(text);
}

static void without_revocations(struct prover *p, const uint8_t *evidence, size_t len)
{
	const char *id = hex32(p->hsm_id);

	/* Not to know what is revoked is no reason to call a key good. */
	tell(post_evidence(d, evidence, len, 503, "store"));
	tell(get(d->public, 503, "store", "/v1/hsms/%s/keys/key-000000", id));
	tell(ask_json(d->public, "POST", "/v1/tokens", 503, "store",
		      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", id));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 503, "store",
		      "{'action':'revoke','scope':'hsm','hsm_id':'%s','reason':'superseded'}", id));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 503, "store",
		      "{'action':'release','scope':'hsm','hsm_id':'%s','reason':'superseded'}", id));
}

static void without_hsms(struct prover *p, const uint8_t *evidence, size_t len)
{
	const char *id = hex32(p->hsm_id);

	tell(post_evidence(d, evidence, len, 503, "store"));
	tell(ask_json(d->public, "POST", "/v1/challenges", 503, "store", "{'hsm_id':'%s'}", id));
	tell(get(d->public, 503, "store", "/v1/hsms/%s", id));
	tell(get(d->public, 503, "store", "/v1/hsms/%s/keys/key-000000", id));
	tell(get(d->admin, 503, "store", "/v1/admin/hsms"));
	tell(ask_json(d->public, "POST", "/v1/tokens", 503, "store",
		      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", id));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 503, "store",
		      "{'action':'revoke','scope':'hsm','hsm_id':'%s','reason':'superseded'}", id));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 503, "store",
		      "{'hsm_id':'%s','name':'a'}", id));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 503, "store",
		      "{'hsm_id':'%064d','name':'a'}", 0));
}

static void without_orders(struct prover *p, const uint8_t *evidence, size_t len)
{
	const char *id = hex32(p->hsm_id);

	/* A lease has to say which orders there are, and no answer goes without it. */
	tell(post_evidence(d, evidence, len, 503, "store"));
	tell(get(d->admin, 503, "store", "/v1/admin/orders/%s", id));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 503, "store",
		      "{'action':'revoke','scope':'hsm','hsm_id':'%s','reason':'superseded'}", id));
}

static void without_pending(struct prover *p, const uint8_t *evidence, size_t len)
{
	struct prover *new = prover_new("newcomer", 1);
	uint8_t news[ZKHSM_EVIDENCE_MAX_LEN];
	size_t news_len = make_evidence(d, new, news);

	(void)p;
	tell(post_evidence(d, evidence, len, 200, NULL));
	tell(get(d->admin, 503, "store", "/v1/admin/pending"));
	put_list(d, new, 204, NULL);
	put_configuration(d, new, 204, NULL);
	tell(post_evidence(d, news, news_len, 503, "store"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 503, "store",
		      "{'hsm_id':'%s','name':'a'}", hex32(new->hsm_id)));
	prover_free(new);
}

static void unreadable(void **state)
{
	static const struct {
		const char *table;
		void (*ask)(struct prover *p, const uint8_t *evidence, size_t len);
	} tables[] = {
		{ "revocation", without_revocations },
		{ "hsm", without_hsms },
		{ "orders", without_orders },
		{ "pending", without_pending },
	};
	struct prover *p = prover_new("unreadable", 2);
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];

	(void)state;
	enrol(d, p);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		size_t len = make_evidence(d, p, evidence);

		take_table(tables[i].table);
		tables[i].ask(p, evidence, len);
		give_table(tables[i].table);
		/* Nothing of it was recorded, and it works again without a restart. */
		tell(get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-000000", hex32(p->hsm_id)));
		tell(attest(d, p, 200, NULL));
	}
	prover_free(p);
}

/* The answer was made before the row was written: it must not get out. */
static void unwritable(void **state)
{
	struct prover *p = prover_new("unwritable", 2), *new = prover_new("stranger", 1);
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], news[ZKHSM_EVIDENCE_MAX_LEN];
	char id[65], path[160], body[200];
	size_t len, news_len;
	json_t *o;

	(void)state;
	enrol(d, p);
	snprintf(id, sizeof(id), "%s", hex32(p->hsm_id));
	len = make_evidence(d, p, evidence);
	news_len = make_evidence(d, new, news);
	put_list(d, new, 204, NULL);
	put_configuration(d, new, 204, NULL);
	sql("CREATE TRIGGER no_hsm BEFORE UPDATE ON hsm BEGIN SELECT RAISE(ABORT, 'no'); END;"
	    "CREATE TRIGGER no_insert BEFORE INSERT ON hsm BEGIN SELECT RAISE(ABORT, 'no'); END;"
	    "CREATE TRIGGER no_pending BEFORE INSERT ON pending BEGIN SELECT RAISE(ABORT, 'no'); END;"
	    "CREATE TRIGGER no_meta BEFORE INSERT ON meta BEGIN SELECT RAISE(ABORT, 'no'); END;");
	tell(get(d->public, 503, "store", "/health/ready"));
	tell(post_evidence(d, evidence, len, 503, "store"));
	tell(post_evidence(d, news, news_len, 503, "store"));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 503, "store",
		      "{'action':'hold','scope':'hsm','hsm_id':'%s','reason':'superseded'}", id));
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s", id);
	tell(ask(d->admin, "DELETE", path, NULL, NULL, 0, 503, "store"));
	strcat(path, "/configuration");
	snprintf(body, sizeof(body), "{\"config_digest\":\"%s\",\"unseen\":true}",
		 hex32(new->hsm_id));
	tell(ask(d->admin, "POST", path, JSON, body, strlen(body), 503, "store"));
	sql("DROP TRIGGER no_hsm; DROP TRIGGER no_insert; DROP TRIGGER no_pending;"
	    "DROP TRIGGER no_meta;");
	/* The nonces are still good, and the HSM is enrolled and not on hold. */
	tell(post_evidence(d, evidence, len, 200, NULL));
	tell(post_evidence(d, news, news_len, 403, "pending"));
	o = get(d->public, 200, NULL, "/v1/hsms/%s/keys/key-000000", id);
	assert_string_equal(text_of(o, "status"), "attested");
	json_decref(o);
	prover_free(new);
	prover_free(p);
}

static void move(const char *from, const char *to)
{
	char a[256], b[256];

	daemon_file(d, from, a);
	daemon_file(d, to, b);
	assert_int_equal(rename(a, b), 0);
}

static void refused_states(void **state)
{
	char output[8192], path[256], zeros[64] = { 0 };
	FILE *f;

	(void)state;
	expect_refused("another zkhsmd uses");
	daemon_end(d, SIGTERM);

	sql("PRAGMA user_version = 5");
	expect_refused("schema version 5");
	sql("PRAGMA user_version = 4; PRAGMA application_id = 5");
	expect_refused("another program's database");
	sql("PRAGMA application_id = 1514883155");

	move("state/order.key", "key");
	expect_refused("order.key is missing");
	daemon_file(d, "state/order.key", path);
	tls_cert_save(&d->ca, "/dev/null", path);
	assert_int_equal(chmod(path, 0640), 0);
	expect_refused("a key that others may read or write is not used");
	assert_int_equal(chmod(path, 0600), 0);
	expect_refused("is not the key");
	move("key", "state/order.key");

	sql("PRAGMA wal_checkpoint(TRUNCATE); UPDATE hsm SET list_digest = zeroblob(32)");
	expect_refused("refer to others that are not there");
	daemon_file(d, "state/zkhsmd.db", path);
	f = fopen(path, "r+e");
	assert_non_null(f);
	assert_int_equal(fseek(f, 4096 * 2, SEEK_SET), 0);
	assert_int_equal(fwrite(zeros, sizeof(zeros), 1, f), 1);
	fclose(f);
	expect_refused("is damaged");

	/* Another directory, and all is well. */
	move("state", "old");
	assert_int_equal(daemon_run(d, "--init", output, sizeof(output)), 0);
	assert_non_null(strstr(output, "order_key 04"));
	daemon_file(d, "state/order.key", path);
	{
		struct stat s;

		assert_int_equal(stat(path, &s), 0);
		assert_int_equal(s.st_mode & 0777, 0600);
	}
	daemon_start(d, 0);
}

static void command_line(void **state)
{
	char output[8192];

	(void)state;
	assert_int_equal(daemon_run(d, "--check-config", output, sizeof(output)), 0);
	assert_int_equal(daemon_run(d, "--help", output, sizeof(output)), 0);
	assert_non_null(strstr(output, "Usage: zkhsmd"));
	assert_int_equal(daemon_run(d, "--version", output, sizeof(output)), 0);
	assert_int_equal(daemon_run(d, "--nonsense", output, sizeof(output)), 2);
	assert_int_equal(daemon_run(d, "operand", output, sizeof(output)), 2);
	daemon_configure(d, "colour = red\n", NULL);
	assert_int_equal(daemon_run(d, "--check-config", output, sizeof(output)), 1);
	assert_non_null(strstr(output, "zkhsmd.conf:9: option colour is unknown"));
	daemon_configure(d, "max_age = 1s\ninterval = 1s\n", NULL);
	assert_int_equal(daemon_run(d, "--check-config", output, sizeof(output)), 1);
	assert_non_null(strstr(output, "interval has to be shorter"));
	daemon_configure(d, "", "connections = 0\n");
	assert_int_equal(daemon_run(d, "--check-config", output, sizeof(output)), 1);
	assert_non_null(strstr(output, "out of range"));
	daemon_configure(d, "", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed),
		cmocka_unit_test(restarted),
		cmocka_unit_test(nonces_do_not_survive),
		cmocka_unit_test(ends_in_order),
		cmocka_unit_test(disk_full),
		cmocka_unit_test(unwritable),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(refused_states),
		cmocka_unit_test(command_line),
	};

	return cmocka_run_group_tests(tests, start, end);
}
