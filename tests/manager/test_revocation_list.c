// SPDX-License-Identifier: GPL-2.0
/*
 * test_revocation_list.c - what is stopped is read: waited for, kept, signed again, on
 * record, and from the command line
 */
#include "stopped.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* --- waiting, keeping, who and when --------------------------------------------- */

struct waiter {
	int64_t after, number, took_ms;
	long status;
};

static void *wait_for_list(void *arg)
{
	struct zkhsm_https *h = daemon_client(stage, NULL);
	struct zkhsm_response r = { 0 };
	struct waiter *w = arg;
	int64_t start = now_ms();
	char path[80];
	json_t *list;

	snprintf(path, sizeof(path), "/v1/revocations?after=%lld&wait=50", (long long)w->after);
	if (!zkhsm_https_do(h, "GET", path, NULL, NULL, 0, &r, NULL)) {
		w->status = r.status;
		if (r.status == 200) {
			list = payload_of((const char *)r.body, "zkhsm-revocations+jwt");
			w->number = number_of(list, "number");
			json_decref(list);
		}
		zkhsm_response_free(&r);
	}
	w->took_ms = now_ms() - start;
	zkhsm_https_free(h);
	return NULL;
}

static void long_poll(void **state)
{
	struct waiter w = { .after = list_number() };
	struct unit u = unit_new();
	pthread_t thread;
	int64_t start;

	(void)state;
	unit_enrol(&u, NULL);
	tell(attest(stage, u.p, 200, NULL));
	start = now_ms();
	assert_null(get(stage->public, 204, NULL, "/v1/revocations?after=%lld&wait=1",
			(long long)w.after));
	assert_true(now_ms() - start >= 1000);
	assert_null(get(stage->public, 204, NULL, "/v1/revocations?after=%lld", (long long)w.after));
	assert_int_equal(pthread_create(&thread, NULL, wait_for_list, &w), 0);
	/* It waits, or will find it: both have to be right. */
	sleep_ms(200);
	unit_act(&u, NULL, HSM, "hold", 201, NULL);
	pthread_join(thread, NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(w.number, w.after + 1);
	assert_true(w.took_ms < 40000);
	tell(get(stage->public, 400, "request", "/v1/revocations?wait=1"));
	tell(get(stage->public, 400, "request", "/v1/revocations?after=x"));
	tell(get(stage->public, 400, "request", "/v1/revocations?after=1&wait=61"));
	prover_free(u.p);
}

static void caches(void **state)
{
	struct unit u = unit_new();
	char line[512], path[300];

	(void)state;
	unit_enrol(&u, NULL);
	tell(attest(stage, u.p, 200, NULL));
	unit_learn(&u);
	fprintf(reader.ask, "cached %s\nall\nsize %s\n", u.uri, u.uri);
	fflush(reader.ask);
	assert_non_null(fgets(line, sizeof(line), reader.answer));
	assert_string_equal(line, "0\n");
	assert_non_null(fgets(line, sizeof(line), reader.answer));
	assert_string_equal(line, "1\n");
	assert_non_null(fgets(line, sizeof(line), reader.answer));
	assert_int_equal(strncmp(line, "131072 ", 7), 0);
	snprintf(path, sizeof(path), "https://127.0.0.1:%d/v1/status-lists/0", stage->port);
	assert_string_equal(u.uri, path);
	tell(get(stage->public, 404, "unknown", "/v1/status-lists/1"));
	tell(get(stage->public, 404, "unknown", "/v1/status-lists/00"));
	tell(get(stage->public, 404, "unknown", "/v1/status-lists/x"));
	tell(get(stage->public, 404, "unknown", "/v1/status-lists/18446744073709551615"));
	prover_free(u.p);
}

/* The administrators' list, page by page: all of it, in its order, with who and when. */
static void on_record(void **state)
{
	struct unit u = unit_new();
	int64_t last = 0, found = 0;
	bool more = true;

	(void)state;
	unit_enrol(&u, "vienna");
	unit_act(&u, "vienna", CLUSTER, "hold", 201, NULL);
	unit_act(&u, "vienna", CLUSTER, "release", 201, NULL);
	unit_act(&u, "vienna", CLUSTER, "revoke", 201, NULL);
	while (more) {
		json_t *o = get(stage->admin, 200, NULL, "/v1/admin/revocations?after=%lld&limit=7",
				(long long)last), *row, *ended;
		size_t i;

		assert_in_range(json_array_size(json_object_get(o, "revocations")), 1, 7);
		json_array_foreach(json_object_get(o, "revocations"), i, row) {
			assert_true(number_of(row, "row") > last);
			last = number_of(row, "row");
			assert_string_equal(text_of(row, "who"), "admin");
			if (strcmp(text_of(row, "scope"), "cluster") != 0 ||
			    strcmp(text_of(row, "cluster"), "vienna") != 0)
				continue;
			ended = json_object_get(row, "ended");
			if (found++) {
				assert_string_equal(text_of(row, "action"), "revoke");
				assert_true(json_is_null(ended));
				continue;
			}
			assert_string_equal(text_of(row, "action"), "hold");
			assert_string_equal(text_of(row, "reason"), "key-compromise");
			assert_string_equal(text_of(ended, "who"), "admin");
			assert_string_equal(text_of(ended, "reason"), "remove-from-crl");
			assert_int_equal(number_of(ended, "number"), number_of(row, "number") + 1);
			assert_true(number_of(ended, "at_ms") >= number_of(row, "at_ms"));
		}
		more = json_is_true(json_object_get(o, "more"));
		json_decref(o);
	}
	assert_int_equal(found, 2);
	tell(get(stage->admin, 400, "request", "/v1/admin/revocations?state=ended"));
	tell(get(stage->admin, 400, "request", "/v1/admin/revocations?limit=1001"));
	prover_free(u.p);
}

/* In the transaction that does it; see test_audit.c of how they hang together. */
static void audited(void **state)
{
	struct unit u = unit_new();

	(void)state;
	unit_enrol(&u, "turin");
	unit_act(&u, "turin", CLUSTER, "hold", 201, NULL);
	daemon_log_wait(stage, "\\\"cluster\\\":\\\"turin\\\"");
	tell(unit_move(&u, "", 200, NULL));
	daemon_log_wait(stage, "\\\"from\\\":\\\"turin\\\"");
	prover_free(u.p);
}

/* --- by the command line ---------------------------------------------------------- */

/* Its exit status; what it printed in @out. */
static int zkhsm(char out[8192], const char *format, ...)
{
	char program[PATH_MAX], args[512], command[PATH_MAX + 1600];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	va_list list;
	size_t got;
	int status;
	FILE *f;

	assert_true(len > 0);
	program[len] = '\0';
	for (int up = 0; up < 3; up++)
		*strrchr(program, '/') = '\0';
	va_start(list, format);
	vsnprintf(args, sizeof(args), format, list);
	va_end(list);
	snprintf(command, sizeof(command),
		 "ZKHSM_MANAGER=https://127.0.0.1:%d ZKHSM_CA=%s/ca.pem ZKHSM_CERT=%s/admin.pem ZKHSM_KEY=%s/admin.key %s/zkhsm %s 2>&1",
		 stage->port, stage->dir, stage->dir, stage->dir, program, args);
	f = popen(command, "r");
	assert_non_null(f);
	got = fread(out, 1, 8191, f);
	out[got] = '\0';
	status = pclose(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void has(const char *out, const char *text)
{
	if (!strstr(out, text))
		fail_msg("no \"%s\" in:\n%s", text, out);
}

static void command_line(void **state)
{
	struct unit u = unit_new();
	char out[8192], id[65];
	json_t *o;

	(void)state;
	strcpy(id, hex32(u.p->hsm_id));
	tell(attest(stage, u.p, 403, "pending"));
	assert_int_equal(zkhsm(out, "manager enrol %s --name u --cluster bern", id), 0);
	tell(attest(stage, u.p, 200, NULL));
	assert_int_equal(zkhsm(out, "revocation add --cluster bern --hold --reason certificate-hold"), 0);
	assert_int_equal(zkhsm(out, "revocation list"), 0);
	has(out, "verified.");
	has(out, "Fetch it again by 2");
	has(out, "bern");
	assert_int_equal(zkhsm(out, "--output json revocation list"), 0);
	o = json_loads(out, 0, NULL);
	assert_true(list_names(o, "suspended", "cluster", "cluster", "bern"));
	assert_true(list_names(o, "suspended", "hsm", "hsm_id", id));
	json_decref(o);
	assert_int_equal(zkhsm(out, "revocation show --cluster bern"), 0);
	has(out, "certificate-hold");
	has(out, "admin");
	assert_int_equal(zkhsm(out, "revocation release --cluster bern"), 0);
	assert_int_equal(zkhsm(out, "revocation release --cluster bern"), 1);
	has(out, "urn:zkhsm:not-held");
	assert_int_equal(zkhsm(out, "--output json revocation show --cluster bern"), 0);
	assert_string_equal(out, "[]\n");
	assert_int_equal(zkhsm(out, "revocation show --cluster bern --ended"), 0);
	has(out, "by admin: remove-from-crl");
	assert_int_equal(zkhsm(out, "revocation add --hsm %s --key-id key-000001 --reason superseded", id), 0);
	assert_int_equal(zkhsm(out, "revocation show --hsm %s --key-id key-000001", id), 0);
	has(out, "revoke");
	assert_int_equal(zkhsm(out, "manager cluster %s basel", id), 0);
	has(out, "basel");
	assert_int_equal(zkhsm(out, "manager cluster %s", id), 0);
	/* What is not said clearly is not done. */
	assert_int_equal(zkhsm(out, "revocation add --reason superseded"), 2);
	assert_int_equal(zkhsm(out, "revocation add --cluster a --hsm %s --reason superseded", id), 2);
	assert_int_equal(zkhsm(out, "revocation add --key-id key-000001 --reason superseded"), 2);
	assert_int_equal(zkhsm(out, "revocation add --cluster a --reason because"), 2);
	assert_int_equal(zkhsm(out, "revocation add --cluster nowhere --reason superseded"), 1);
	has(out, "urn:zkhsm:unknown");
	prover_free(u.p);
}

/* --- one that signs often --------------------------------------------------------- */

static void signed_again(void **state)
{
	struct daemon *other = stage, *quick = daemon_new("next_update = 2s\n", NULL);
	int64_t first, until = now_ms() + 60000, iat;
	json_t *list;

	(void)state;
	daemon_start(quick, 0);
	stage = quick;
	list = revocation_list();
	first = number_of(list, "iat");
	do {
		assert_true(number_of(list, "next_update") > time(NULL));
		assert_int_equal(number_of(list, "number"), 0);
		json_decref(list);
		assert_true(now_ms() < until);
		sleep_ms(50);
		list = revocation_list();
		iat = number_of(list, "iat");
	} while (iat == first);
	json_decref(list);
	stage = other;
	daemon_free(quick);
}

/* What was answered is in the next one's lists too. */
static void killed(void **state)
{
	struct unit u = unit_new();
	int64_t number;

	(void)state;
	unit_enrol(&u, "madrid");
	tell(attest(stage, u.p, 200, NULL));
	unit_learn(&u);
	unit_act(&u, "madrid", CLUSTER, "revoke", 201, NULL);
	number = list_number();
	daemon_end(stage, SIGKILL);
	daemon_start(stage, 0);
	assert_int_equal(list_number(), number);
	/* It may listen elsewhere now. */
	snprintf(u.uri, sizeof(u.uri), "https://127.0.0.1:%d/v1/status-lists/0", stage->port);
	assert_int_equal(status_at(u.uri, u.index[1]), 1);
	unit_all_are(&u, ZKHSM_ORDER_TYPE_REVOKE);
	tell(attest(stage, u.p, 403, "hsm-revoked"));
	prover_free(u.p);
}

/* --- start and end -------------------------------------------------- */

static int start(void **state)
{
	(void)state;
	stage = daemon_new("max_age = 1h\n", "nonces_per_hsm = 64\nlarge_requests = 8");
	daemon_start(stage, 0);
	reader_start();
	return 0;
}

static int end(void **state)
{
	(void)state;
	reader_end();
	daemon_free(stage);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_poll),
		cmocka_unit_test(caches),
		cmocka_unit_test(on_record),
		cmocka_unit_test(audited),
		cmocka_unit_test(command_line),
		cmocka_unit_test(signed_again),
		cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests(tests, start, end);
}
