// SPDX-License-Identifier: GPL-2.0
/*
 * test_alert.c - what webhooks are told, however often it takes; and what nobody has to
 * post for it to be an alert
 */
#include "daemon.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SECRET		"not very secret, and long enough"
#define OK		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define FAILURE		"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
#define PATIENCE_MS	60000

static struct daemon *d;
static struct prover *hsm;
static struct tls_cert cert, wrong_cert;
static int port;
static int64_t begun;

/* Its uptime goes on as time does: all else would be an alert. */
static void attest_now(void)
{
	hsm->uptime_ms += (uint64_t)(now_ms() - begun);
	begun = now_ms();
	tell(attest(d, hsm, 200, NULL));
}

static void write_file(const char *name, const char *content)
{
	char path[256];
	FILE *f;

	daemon_file(d, name, path);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(content, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void configure(const char *policy)
{
	char path[256], limits[512];

	write_file("policy", policy);
	daemon_file(d, "policy", path);
	snprintf(limits, sizeof(limits), "nonces_per_hsm = 64\n[policy]\nfile = %s\n", path);
	daemon_configure(d, "max_age = 1h\n", limits);
}

/* One webhook, to @port, that is told so many times before it is given up. */
static void configure_hook(unsigned int attempts)
{
	char policy[1024];

	snprintf(policy, sizeof(policy),
		 "[webhook ops]\nurl = https://127.0.0.1:%d/alerts\nsecret_file = %s/secret\n"
		 "ca_file = %s/ca.pem\ntimeout = 5s\nattempts = %u\n", port, d->dir, d->dir,
		 attempts);
	configure(policy);
}

static struct tls_server *serve(const char *reply, const struct tls_cert *with)
{
	const struct tls_server_config c = { .cert = with, .reply = reply, .port = port,
					     .close_after_reply = true };

	return tls_server_start(&c);
}

static int start(void **state)
{
	struct tls_server *s;

	(void)state;
	d = daemon_new(NULL, NULL);
	cert = tls_cert_new("hook", "IP:127.0.0.1", &d->ca);
	wrong_cert = tls_cert_new("hook", "IP:127.0.0.1", &d->other_ca);
	/* A port that is free, and that nobody listens on from now on. */
	s = serve(OK, &cert);
	port = tls_server_port(s);
	tls_server_stop(s);
	write_file("secret", SECRET "\n");
	configure_hook(20);
	daemon_start(d, 0);
	hsm = prover_new("alerted", 2);
	begun = now_ms();
	enrol(d, hsm);
	return 0;
}

static int end(void **state)
{
	(void)state;
	prover_free(hsm);
	tls_cert_free(&cert);
	tls_cert_free(&wrong_cert);
	daemon_free(d);
	return 0;
}

static void again(int signal_number)
{
	int status = daemon_end(d, signal_number);

	if (signal_number == SIGTERM)
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	daemon_start(d, 0);
}

static int64_t waiting(void)
{
	sqlite3_stmt *q;
	char path[256];
	sqlite3 *db;
	int64_t n;

	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, PATIENCE_MS);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM delivery", -1, &q, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

static void await_none_waiting(void)
{
	for (int64_t until = now_ms() + PATIENCE_MS; waiting(); sleep_ms(20))
		assert_true(now_ms() < until);
}

static void await_requests(struct tls_server *s, unsigned int count)
{
	for (int64_t until = now_ms() + PATIENCE_MS; tls_server_requests(s) < count; sleep_ms(20))
		assert_true(now_ms() < until);
}

/* An alert, by an act that is one; and the end of it. */
static void raise_one(const char *note)
{
	char path[160];

	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/quarantine", hex32(hsm->hsm_id));
	tell(ask_json(d->admin, "POST", path, 200, NULL, "{'action':'quarantine','note':'%s'}",
		      note));
	tell(ask_json(d->admin, "POST", path, 200, NULL, "{'action':'release','note':'%s'}",
		      note));
}

/* --- webhooks --------------------------------------------------------------- */

static void header(const char *request, const char *name, char *out, size_t size)
{
	const char *at = strcasestr(request, name);
	size_t len;

	if (!at)
		fail_msg("no %s in %s", name, request);
	at += strlen(name);
	assert_int_equal(*at++, ':');
	at += strspn(at, " ");
	len = strcspn(at, "\r\n");
	assert_true(len < size);
	memcpy(out, at, len);
	out[len] = '\0';
}

/* As the receiver would, with nothing but what the documentation says. */
static json_t *check(const char *request, char id[128])
{
	char timestamp[32], signature[128], signed_text[8192], want[128];
	const char *body = strstr(request, "\r\n\r\n");
	uint8_t mac[32], b64[48];
	unsigned int len = sizeof(mac);
	json_t *o;

	assert_non_null(body);
	body += 4;
	assert_memory_equal(request, "POST /alerts HTTP/", 18);
	header(request, "webhook-id", id, 128);
	header(request, "webhook-timestamp", timestamp, sizeof(timestamp));
	header(request, "webhook-signature", signature, sizeof(signature));
	snprintf(signed_text, sizeof(signed_text), "%s.%s.%s", id, timestamp, body);
	assert_non_null(HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (uint8_t *)signed_text,
			     strlen(signed_text), mac, &len));
	EVP_EncodeBlock(b64, mac, 32);
	snprintf(want, sizeof(want), "v1,%s", (char *)b64);
	assert_string_equal(signature, want);
	assert_true(llabs(strtoll(timestamp, NULL, 10) - (long long)time(NULL)) < 300);
	o = json_loads(body, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_string_equal(text_of(o, "type"), "zkhsm.alert");
	assert_string_equal(text_of(o, "manager_id"), hex32(d->manager_id));
	return o;
}

/* Refused, failed, and the manager killed in between: told in the end, and once. */
static void told_at_last(void **state)
{
	char id[128], note[32];
	struct tls_server *s;
	json_t *o;

	(void)state;
	raise_one("first");
	daemon_log_wait(d, "result=\"will be tried again\"");
	assert_int_equal(waiting(), 1);
	s = serve(FAILURE, &cert);
	await_requests(s, 1);
	daemon_log_wait(d, "status 500");
	tls_server_stop(s);
	again(SIGKILL);
	assert_int_equal(waiting(), 1);
	s = serve(OK, &cert);
	await_none_waiting();
	assert_int_equal(tls_server_requests(s), 1);
	o = check(tls_server_request(s), id);
	assert_string_equal(text_of(json_object_get(o, "alert"), "code"), "administrator");
	assert_string_equal(text_of(json_object_get(o, "alert"), "hsm_id"), hex32(hsm->hsm_id));
	assert_non_null(strstr(text_of(json_object_get(o, "alert"), "text"), "first"));
	/* It was over before it could be told. */
	assert_string_equal(text_of(json_object_get(o, "alert"), "state"), "closed");
	json_decref(o);

	/* Others have other ids. */
	raise_one("second");
	await_none_waiting();
	assert_int_equal(tls_server_requests(s), 2);
	snprintf(note, sizeof(note), "%s", strrchr(id, '-'));
	json_decref(check(tls_server_request(s), id));
	assert_string_not_equal(note, strrchr(id, '-'));
	tls_server_stop(s);
}

/* Who has no certificate of the CA is told nothing, and is not who was meant. */
static void only_who_is_meant(void **state)
{
	struct tls_server *s = serve(OK, &wrong_cert);

	(void)state;
	raise_one("third");
	daemon_log_wait(d, "certificate");
	assert_int_equal(tls_server_requests(s), 0);
	assert_int_equal(waiting(), 1);
	tls_server_stop(s);
	s = serve(OK, &cert);
	await_none_waiting();
	tls_server_stop(s);
}

/* Whoever does not answer delays nothing else. */
static void delays_nothing(void **state)
{
	const struct tls_server_config c = { .cert = &cert, .port = port, .say_nothing = true };
	struct tls_server *s = tls_server_start(&c);

	(void)state;
	raise_one("fourth");
	await_requests(s, 1);
	attest_now();
	assert_int_equal(waiting(), 1);
	/* Nor the end, which gives it up for now. */
	again(SIGTERM);
	tls_server_stop(s);
	s = serve(OK, &cert);
	await_none_waiting();
	tls_server_stop(s);
}

static void given_up(void **state)
{
	(void)state;
	configure_hook(2);
	again(SIGTERM);
	raise_one("fifth");
	daemon_log_wait(d, "result=\"given up\"");
	await_none_waiting();
}

/* Without a secret nothing is sent: it would be from nobody. */
static void unsigned_is_not_sent(void **state)
{
	struct tls_server *s = serve(OK, &cert);

	(void)state;
	configure_hook(20);
	again(SIGTERM);
	/* It would not have started with this one. */
	write_file("secret", "short\n");
	raise_one("sixth");
	daemon_log_wait(d, "has no secret of");
	assert_int_equal(tls_server_requests(s), 0);
	write_file("secret", SECRET);
	await_none_waiting();
	assert_int_equal(tls_server_requests(s), 1);
	tls_server_stop(s);
}

static void not_wanted_any_more(void **state)
{
	(void)state;
	raise_one("seventh");
	assert_int_equal(waiting(), 1);
	configure("[fraud]\n");
	again(SIGTERM);
	daemon_log_wait(d, "not in the policy any more");
	await_none_waiting();
}

/* --- what nobody posts -------------------------------------------------------- */

/* Of this code, in this state; about the HSM, or the manager itself. */
static bool is_there(const char *code, const char *in, bool about_hsm)
{
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/alerts?state=%s&limit=1000", in), *a;
	bool found = false;
	size_t i;

	json_array_foreach(json_object_get(o, "alerts"), i, a)
		found |= strcmp(text_of(a, "code"), code) == 0 &&
			 (json_object_get(a, "hsm_id") != NULL) == about_hsm;
	json_decref(o);
	return found;
}

static void await_alert(const char *code, const char *in, bool about_hsm)
{
	for (int64_t until = now_ms() + PATIENCE_MS; !is_there(code, in, about_hsm); sleep_ms(50)) {
		if (now_ms() > until)
			fail_msg("no alert %s is %s", code, in);
	}
}

static void silence(void **state)
{
	(void)state;
	configure("[fraud]\nsilent = 1s\nwatchdog = 1s\n");
	again(SIGTERM);
	attest_now();
	await_alert("silent", "open", true);
	await_alert("not-verifying", "open", false);
	/* Told once, however long it lasts. */
	assert_int_equal(daemon_log_count(d, "event=alert row="),
			 daemon_log_count(d, "code=silent") + daemon_log_count(d, "code=not-verifying"));
	/* Each attestation ends both, until the next silence. */
	attest_now();
	await_alert("silent", "closed", true);
	await_alert("not-verifying", "closed", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(told_at_last),
		cmocka_unit_test(only_who_is_meant),
		cmocka_unit_test(delays_nothing),
		cmocka_unit_test(given_up),
		cmocka_unit_test(unsigned_is_not_sent),
		cmocka_unit_test(not_wanted_any_more),
		cmocka_unit_test(silence),
	};

	return cmocka_run_group_tests(tests, start, end);
}
