// SPDX-License-Identifier: GPL-2.0
/*
 * test_audit.c - the audit log: that what is done is in it, that nobody changes it
 * unnoticed, and that it is whole whenever the manager is killed
 */
#include "cli.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KILLS	4

static struct daemon *d;
static char kept_head[256], kept_jwks[256], exported[256];

static int start(void **state)
{
	(void)state;
	d = daemon_new("", "");
	daemon_issue(d, "auditor", "auditor");
	daemon_policy(d, "[roles]\nadministrators = admin\nauditors = auditor\n");
	daemon_configure(d, "", "");
	daemon_start(d, 0);
	daemon_file(d, "kept.head", kept_head);
	daemon_file(d, "kept.jwks", kept_jwks);
	daemon_file(d, "exported", exported);
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	return 0;
}

/* The log above @after, as it is sent; caller frees. */
static char *fetch(uint64_t after)
{
	struct zkhsm_response r = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "/v1/admin/audit?after=%llu", (unsigned long long)after);
	assert_int_equal(zkhsm_https_do(d->admin, "GET", path, NULL, NULL, 0, &r, NULL), 0);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.content_type, "application/x-ndjson");
	return (char *)r.body;
}

static json_t *entry(const char *text, size_t which)
{
	json_t *o;

	for (; which; which--) {
		text = strchr(text, '\n');
		assert_non_null(text);
		text++;
	}
	o = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(o);
	return o;
}

static size_t count_of(const char *text)
{
	size_t count = 0;

	for (; (text = strchr(text, '\n')); text++)
		count++;
	return count;
}

/* The newest entry. */
static json_t *newest(void)
{
	char *text = fetch(0);
	json_t *o = entry(text, count_of(text) - 1);

	free(text);
	return o;
}

static void check(const json_t *o, const char *action, const char *who, const char *role)
{
	assert_string_equal(text_of(o, "action"), action);
	assert_string_equal(text_of(o, "who"), who);
	assert_string_equal(text_of(o, "role"), role);
}

static void hold(const char *digits, long status, const char *urn)
{
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", status, urn,
		      "{'action':'hold','scope':'element','element':'%064llx','reason':'certificate-hold'}",
		      strtoull(digits, NULL, 16)));
}

/* --- what is in it ------------------------------------------------------------ */

static void acts(void **state)
{
	struct prover *p = prover_new("audited", 1);
	json_t *o;
	char *text;

	(void)state;
	/* It is the writer's, and who asks early may be before it. */
	daemon_log_wait(d, "action=start");
	text = fetch(0);
	assert_int_equal(count_of(text), 1);
	o = entry(text, 0);
	check(o, "start", "zkhsmd", "manager");
	assert_int_equal(number_of(o, "number"), 1);
	assert_string_equal(text_of(o, "previous"),
			    "0000000000000000000000000000000000000000000000000000000000000000");
	assert_true(json_is_null(json_object_get(o, "hsm_id")) &&
		    json_is_null(json_object_get(o, "request_id")));
	json_decref(o);
	free(text);

	prover_pin(p, d->order_public);
	prover_refresh(p);
	enrol(d, p);
	o = newest();
	check(o, "enroll", "admin", "administrator");
	assert_string_equal(text_of(o, "hsm_id"), hex32(p->hsm_id));
	assert_string_equal(text_of(o, "source"), "127.0.0.1");
	assert_int_equal(strlen(text_of(o, "certificate")), 64);
	assert_string_equal(text_of(json_object_get(o, "details"), "name"), "test");
	json_decref(o);

	hold("1", 201, NULL);
	o = newest();
	check(o, "hold", "admin", "administrator");
	json_decref(o);
	/* Refused by what is so, and for want of a role. */
	hold("1", 409, "already");
	o = newest();
	check(o, "refused", "admin", "administrator");
	assert_string_equal(text_of(json_object_get(o, "details"), "problem"), "already");
	assert_string_equal(text_of(json_object_get(o, "details"), "path"), "/v1/admin/revocations");
	json_decref(o);
	prover_free(p);
}

/* Who is refused all the time does not fill the disk, but is not forgotten. */
static void floods(void **state)
{
	struct zkhsm_https *auditor = daemon_client(d, "auditor");
	char *text = fetch(0);
	size_t before = count_of(text), more;
	json_t *o;

	(void)state;
	free(text);
	for (int i = 0; i < 100; i++)
		tell(ask_json(auditor, "POST", "/v1/admin/hsms", 403, "role", "{}"));
	text = fetch(before);
	more = count_of(text);
	free(text);
	/* 30 at once, and one more every ten seconds that this took. */
	assert_in_range(more, 30, 60);
	hold("1", 409, "already");
	o = newest();
	check(o, "refused", "admin", "administrator");
	assert_int_equal(number_of(json_object_get(o, "details"), "left_out"), 100 - more);
	json_decref(o);
	zkhsm_https_free(auditor);
}

static void request_ids(void **state)
{
	json_t *o = ask_json(d->admin, "POST", "/v1/admin/revocations", 409, "already",
			     "{'action':'hold','scope':'element','element':'%064x','reason':'certificate-hold'}",
			     1);
	char *sent = strdup(zkhsm_https_request_id(d->admin)), line[128];
	json_t *logged = newest();

	(void)state;
	assert_non_null(sent);
	assert_string_equal(text_of(o, "request_id"), text_of(logged, "request_id"));
	/* It is the client's: who asked can say which one it was. */
	assert_string_equal(text_of(o, "request_id"), sent);
	free(sent);
	/* What is in the log is on the log too: as systemd keeps it. */
	snprintf(line, sizeof(line), "event=audit number=%lld request=%s",
		 (long long)number_of(logged, "number"), text_of(o, "request_id"));
	daemon_log_wait(d, line);
	json_decref(logged);
	json_decref(o);
}

/* --- the command line -------------------------------------------------------------- */

/* zkhsm audit verify of the manager's, or of a @file. */
static int verify(const char *file, bool with_head, char *said, size_t size)
{
	if (!file && !with_head)
		return cli_run(d, "admin", said, size, "audit", "verify", NULL);
	if (!file)
		return cli_run(d, "admin", said, size, "audit", "verify", "--head", kept_head, NULL);
	if (!with_head)
		return cli_run(d, "admin", said, size, "audit", "verify", file, NULL);
	return cli_run(d, "admin", said, size, "audit", "verify", file, "--head", kept_head, "--jwks",
		       kept_jwks, NULL);
}

static void command_line(void **state)
{
	struct zkhsm_response r = { 0 };
	char said[16384], *text;
	FILE *f;

	(void)state;
	assert_int_equal(zkhsm_https_do(d->public, "GET", "/.well-known/zkhsm/jwks.json", NULL, NULL,
					0, &r, NULL), 0);
	f = fopen(kept_jwks, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(r.body, 1, r.body_len, f), r.body_len);
	assert_int_equal(fclose(f), 0);
	zkhsm_response_free(&r);

	assert_int_equal(verify(NULL, false, said, sizeof(said)), 0);
	assert_non_null(strstr(said, "verified"));
	assert_int_equal(cli_run(d, "auditor", said, sizeof(said), "audit", "list", NULL), 0);
	assert_true(strstr(said, "enroll") && strstr(said, "refused"));
	assert_int_equal(cli_run(d, "admin", said, sizeof(said), "audit", "export", "--out", exported,
				 "--head", kept_head, NULL), 0);
	assert_int_equal(verify(exported, false, said, sizeof(said)), 0);
	assert_int_equal(verify(exported, true, said, sizeof(said)), 0);
	/* What was exported is what was sent. */
	text = fetch(0);
	f = fopen(exported, "re");
	assert_non_null(f);
	said[fread(said, 1, sizeof(said) - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
	assert_int_equal(strncmp(text, said, strlen(said)), 0);
	free(text);
	/* The head of before is good for what came since; then the newest is kept. */
	hold("2", 201, NULL);
	assert_int_equal(verify(NULL, true, said, sizeof(said)), 0);
}

/* --- tampering with a file --------------------------------------------------------- */

struct lines {
	char *text, *line[64];
	size_t count;
};

static struct lines read_lines(void)
{
	struct lines l = { .text = fetch(0) };
	char *save = NULL;

	for (char *p = strtok_r(l.text, "\n", &save); p && l.count < 64; p = strtok_r(NULL, "\n", &save))
		l.line[l.count++] = p;
	assert_true(l.count > 8 && l.count < 64);
	return l;
}

static void write_lines(const struct lines *l)
{
	FILE *f = fopen(exported, "we");

	assert_non_null(f);
	for (size_t i = 0; i < l->count; i++) {
		if (l->line[i])
			assert_true(fprintf(f, "%s\n", l->line[i]) > 0);
	}
	assert_int_equal(fclose(f), 0);
}

/* Refused, and the message names what and where. */
static void found(const struct lines *l, bool with_head, const char *format, size_t number)
{
	char said[16384], why[128];

	write_lines(l);
	assert_int_equal(verify(exported, with_head, said, sizeof(said)), 1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(why, sizeof(why), format, number, number + 1);
#pragma GCC diagnostic pop
	if (!strstr(said, why))
		fail_msg("not \"%s\": %s", why, said);
}

/* A digit of the time, which no number or hash of the line is. */
static void flip(char *line)
{
	char *at = strstr(line, "\"at_ms\":");

	assert_non_null(at);
	at[12] = at[12] == '5' ? '6' : '5';
}

static void tampering(void **state)
{
	struct lines l;
	char *a, *b;

	(void)state;
	assert_int_equal(verify(NULL, true, (char[4096]){ 0 }, 4096), 0);
	l = read_lines();

	flip(l.line[4]);
	found(&l, false, "entry %zu was changed", 5);
	free(l.text);

	l = read_lines();
	flip(l.line[0]);
	found(&l, false, "entry %zu was changed", 1);
	free(l.text);

	l = read_lines();
	a = strstr(l.line[5], "\"previous\":\"") + 12;
	*a = *a == '0' ? '1' : '0';
	found(&l, false, "entry %zu was changed", 6);
	free(l.text);

	/* The last one is what only a head knows of. */
	l = read_lines();
	flip(l.line[l.count - 1]);
	found(&l, true, "entry %zu was changed", l.count);
	free(l.text);

	l = read_lines();
	l.line[4] = NULL;
	found(&l, false, "entry %zu is missing", 5);
	l.line[5] = NULL;
	found(&l, false, "entries %zu to %zu are missing", 5);
	free(l.text);

	l = read_lines();
	a = l.line[4];
	b = l.line[5];
	l.line[4] = b;
	l.line[5] = a;
	found(&l, false, "the order was changed: entry %zu stands behind entry %zu", 5);
	l.line[4] = a;
	l.line[5] = a;
	l.line[6] = b;
	found(&l, false, "the order was changed: entry %zu stands behind entry 5", 5);
	free(l.text);

	l = read_lines();
	l.count -= 3;
	found(&l, true, "the end was cut off: the log ends with entry %zu", l.count);
	free(l.text);

	l = read_lines();
	l.line[0] = NULL;
	found(&l, false, "entries 1 to %zu are missing", 1);
	free(l.text);

	l = read_lines();
	memmove(l.line[3] + 1, l.line[3], strlen(l.line[3]) - 1);
	found(&l, false, "the line behind entry %zu was changed", 3);
	free(l.text);

	/* The same value written in another way hashes otherwise, and is no entry. */
	l = read_lines();
	a = strstr(l.line[3], "\"who\"");
	memcpy(a, "\"\\u00", 5);
	found(&l, false, "the line behind entry %zu was changed", 3);
	free(l.text);
}

/* --- tampering with the database ----------------------------------------------------- */

static void change_store(const char *sql)
{
	char path[256], *why = NULL;
	sqlite3 *db;

	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static void append_only(void **state)
{
	static const char *const acts[] = { "UPDATE audit SET line = ''", "DELETE FROM audit" };
	char path[256], *why;
	sqlite3 *db;

	(void)state;
	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < 2; i++) {
		why = NULL;
		assert_int_equal(sqlite3_exec(db, acts[i], NULL, NULL, &why), SQLITE_CONSTRAINT);
		assert_string_equal(why, "the audit log is append-only");
		sqlite3_free(why);
	}
	sqlite3_close(db);
}

static void in_the_store(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(verify(NULL, true, said, sizeof(said)), 0);
	hold("20", 201, NULL);
	/* Whoever has the database can cut its end off; the manager signs what is left. */
	daemon_end(d, SIGTERM);
	change_store("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE number >"
		     " (SELECT max(number) - 6 FROM audit)");
	daemon_start(d, 0);
	assert_int_equal(verify(NULL, false, said, sizeof(said)), 0);
	assert_int_equal(verify(NULL, true, said, sizeof(said)), 1);
	assert_non_null(strstr(said, "the end was cut off"));
	/* Grown again beyond it, the head that was kept still knows. */
	for (int i = 0; i < 8; i++) {
		snprintf(said, sizeof(said), "%x", 0x30 + i);
		hold(said, 201, NULL);
	}
	assert_int_equal(verify(NULL, true, said, sizeof(said)), 1);
	assert_non_null(strstr(said, "the head that was kept has another hash of it"));
	assert_int_equal(verify(NULL, false, said, sizeof(said)), 0);

	daemon_end(d, SIGTERM);
	change_store("DROP TRIGGER audit_no_update; UPDATE audit SET line ="
		     " replace(line, 'admin', 'nimda') WHERE number = 3");
	daemon_start(d, 0);
	assert_int_equal(verify(NULL, false, said, sizeof(said)), 1);
	assert_true(strstr(said, "entry 3 was changed") != NULL);
	daemon_end(d, SIGTERM);
	change_store("UPDATE audit SET line = replace(line, 'nimda', 'admin') WHERE number = 3");

	/* To a log whose newest entry is not what it was nothing is added. */
	change_store("UPDATE audit SET line = replace(line, 'zkhsmd', 'nobody') WHERE number ="
		     " (SELECT max(number) FROM audit)");
	assert_int_equal(daemon_run(d, "--init", said, sizeof(said)), 1);
	assert_non_null(strstr(said, "is not what was written"));
	change_store("UPDATE audit SET line = replace(line, 'nobody', 'zkhsmd') WHERE number ="
		     " (SELECT max(number) FROM audit)");
	daemon_start(d, 0);
	assert_int_equal(verify(NULL, false, said, sizeof(said)), 0);
}

/* --- killed ------------------------------------------------------------------------------ */

struct writer {
	pthread_t thread;
	unsigned int from;
	atomic_uint done;		/* that were answered with 201 */
};

static void *write_acts(void *arg)
{
	struct zkhsm_https *h = daemon_client(d, "admin");
	struct zkhsm_response r = { 0 };
	struct writer *w = arg;
	char body[256];
	bool on = true;

	for (unsigned int i = 0; on; i++) {
		snprintf(body, sizeof(body),
			 "{\"action\":\"hold\",\"scope\":\"element\",\"element\":\"%064x\",\"reason\":\"certificate-hold\"}",
			 w->from + i);
		on = zkhsm_https_do(h, "POST", "/v1/admin/revocations", JSON, body, strlen(body), &r,
				    NULL) == 0 && r.status == 201;
		w->done += on;
		zkhsm_response_free(&r);
	}
	zkhsm_https_free(h);
	return NULL;
}

static unsigned int held(void)
{
	char path[256];
	sqlite3_stmt *stmt;
	unsigned int count;
	sqlite3 *db;

	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT (SELECT count(*) FROM revocation),"
					    " (SELECT count(*) FROM audit WHERE line LIKE"
					    " '%\"action\":\"hold\"%')", -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	count = (unsigned int)sqlite3_column_int(stmt, 0);
	/* Neither without the other. */
	assert_int_equal(count, sqlite3_column_int(stmt, 1));
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return count;
}

static void kills(void **state)
{
	struct daemon *first = d;
	unsigned int before;
	char said[4096];

	(void)state;
	d = daemon_new("", "");
	daemon_start(d, 0);
	daemon_file(d, "kept.head", kept_head);
	for (unsigned int i = 0; i < KILLS; i++) {
		struct writer w = { .from = (i + 1) * 0x10000 };
		struct writer v = { .from = (i + 1) * 0x10000000 };

		before = held();
		assert_int_equal(pthread_create(&w.thread, NULL, write_acts, &w), 0);
		assert_int_equal(pthread_create(&v.thread, NULL, write_acts, &v), 0);
		while (w.done + v.done < 10 + i)
			sleep_ms(1);
		kill(d->pid, SIGKILL);
		pthread_join(w.thread, NULL);
		pthread_join(v.thread, NULL);
		daemon_end(d, SIGKILL);
		daemon_start(d, 0);
		/* What was answered is there; at most what was under way may be there too. */
		assert_in_range(held(), before + w.done + v.done, before + w.done + v.done + 2);
		assert_int_equal(verify(NULL, i > 0, said, sizeof(said)), 0);
		assert_int_equal(verify(NULL, true, said, sizeof(said)), 0);
	}
	daemon_free(d);
	d = first;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acts), cmocka_unit_test(floods), cmocka_unit_test(request_ids),
		cmocka_unit_test(command_line), cmocka_unit_test(tampering),
		cmocka_unit_test(append_only), cmocka_unit_test(in_the_store),
		cmocka_unit_test(kills),
	};

	return cmocka_run_group_tests(tests, start, end);
}
