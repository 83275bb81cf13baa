// SPDX-License-Identifier: GPL-2.0
/*
 * test_reload.c - SIGHUP: what is read again, that nobody is sent away for it, and
 * that something broken changes nothing; and --check-config, which says so before
 */
#include "raw.h"

#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ALIVE	"GET /health/alive HTTP/1.1\r\nHost: a\r\n\r\n"
#define POLICY	"GET /v1/admin/policy HTTP/1.1\r\nHost: a\r\n\r\n"

static struct daemon *d;
static int notified;

/* Where systemd would listen. */
static void listen_for_notes(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 60 };
	char path[256];

	daemon_file(d, "notify", path);
	assert_true(strlen(path) < sizeof(a.sun_path));
	strcpy(a.sun_path, path);
	notified = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(notified >= 0);
	assert_int_equal(bind(notified, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(notified, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setenv("NOTIFY_SOCKET", path, 1);
}

/* The next note that is more than a sign of life. */
static void check_note(const char *begins)
{
	char note[1024];
	ssize_t n;

	do {
		n = recv(notified, note, sizeof(note) - 1, 0);
		assert_true(n > 0);
		note[n] = '\0';
	} while (strcmp(note, "WATCHDOG=1") == 0);
	if (strncmp(note, begins, strlen(begins)) != 0)
		fail_msg("\"%s\" where \"%s\" was to be", note, begins);
}

static int start(void **state)
{
	(void)state;
	d = daemon_new("max_age = 1h\n", "");
	daemon_policy(d, "[policy]\nname = first\n");
	daemon_configure(d, "max_age = 1h\n", "");
	/* With the port that it gets, which is then in its configuration. */
	daemon_start(d, 0);
	daemon_end(d, SIGTERM);
	daemon_configure(d, "max_age = 1h\n", "");
	listen_for_notes();
	daemon_start(d, 0);
	check_note("READY=1");
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	close(notified);
	return 0;
}

/* Back to what start() made. */
static int restore(void **state)
{
	struct tls_cert c = tls_cert_new("server", "IP:127.0.0.1", &d->ca);

	(void)state;
	daemon_save(d, "server", &c);
	tls_cert_free(&c);
	daemon_policy(d, "[policy]\nname = first\n");
	daemon_configure(d, "max_age = 1h\n", "");
	return 0;
}

static void hang_up(void)
{
	kill(d->pid, SIGHUP);
	check_note("RELOADING=1\nMONOTONIC_USEC=");
	check_note("READY=1");
}

/* One line of the configuration instead of another. */
static void configure(const char *option, const char *value)
{
	char path[256], *line, *text;
	uint8_t *bytes;
	size_t len;
	FILE *f;

	daemon_file(d, "zkhsmd.conf", path);
	assert_int_equal(zkhsm_read_file(path, 65536, &bytes, &len, NULL), 0);
	text = (char *)bytes;
	line = strstr(text, option);
	assert_non_null(line);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "%.*s%s = %s%s", (int)(line - text), text, option, value,
		line + strcspn(line, "\n"));
	assert_int_equal(fclose(f), 0);
	free(bytes);
}

static void check_policy(const char *name)
{
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/policy");

	assert_string_equal(text_of(o, "name"), name);
	json_decref(o);
}

static void check_answer(struct raw *r, const char *request, const char *begins)
{
	const char *answer;

	raw_say(r, request);
	answer = raw_hear(r);
	if (strncmp(answer, begins, strlen(begins)) != 0)
		fail_msg("\"%s\" where \"%s\" was to be", answer, begins);
}

static void certificate_of(struct raw *r, uint8_t digest[32])
{
	X509 *cert = SSL_get1_peer_certificate(r->ssl);
	unsigned int len = 32;

	assert_non_null(cert);
	assert_int_equal(X509_digest(cert, EVP_sha256(), digest, &len), 1);
	X509_free(cert);
}

/* Until the long poll of another thread is there. */
static void wait_for_poll(void)
{
	int64_t until = now_ms() + 60000;
	bool there = false;

	while (!there && now_ms() < until) {
		struct zkhsm_response r = { 0 };

		assert_int_equal(zkhsm_https_do(d->admin, "GET", "/metrics", NULL, NULL, 0, &r,
						NULL), 0);
		there = strstr((char *)r.body, "\nzkhsm_long_polls 1\n");
		zkhsm_response_free(&r);
		if (!there)
			sleep_ms(10);
	}
	assert_true(there);
}

/* --- it works ------------------------------------------------------------------ */

/* A kept connection and a long poll go on; who comes later sees the new certificate. */
static void nobody_is_dropped(void **state)
{
	struct tls_cert c = tls_cert_new("another server", "IP:127.0.0.1", &d->ca);
	struct prover *hsm = prover_new("reload", 2);
	struct poller p = { .d = d, .hsm = hsm };
	uint8_t before[32], kept[32], after[32];
	struct raw open, later;
	pthread_t thread;

	(void)state;
	enrol(d, hsm);
	assert_int_equal(raw_connect_from(d, &open, 1, 0, 0), 0);
	check_answer(&open, ALIVE, "HTTP/1.1 200");
	certificate_of(&open, before);
	assert_int_equal(pthread_create(&thread, NULL, poll_orders, &p), 0);
	wait_for_poll();
	daemon_save(d, "server", &c);
	daemon_policy(d, "[policy]\nname = second\n");
	hang_up();

	check_answer(&open, ALIVE, "HTTP/1.1 200");
	certificate_of(&open, kept);
	assert_memory_equal(kept, before, 32);
	assert_int_equal(raw_connect_from(d, &later, 1, 0, 0), 0);
	check_answer(&later, ALIVE, "HTTP/1.1 200");
	certificate_of(&later, after);
	assert_memory_not_equal(after, before, 32);
	check_policy("second");
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'key','hsm_id':'%s','key_id':'key-000000',"
		      "'reason':'unspecified'}", hex32(hsm->hsm_id)));
	pthread_join(thread, NULL);
	assert_int_equal(p.orders, 1);
	daemon_log_wait(d, "event=reloaded");
	raw_close(&later);
	raw_close(&open);
	prover_free(hsm);
	tls_cert_free(&c);
}

/* An administrator whose CA is not one any more is nobody, also who is here already. */
static void other_administrators(void **state)
{
	struct raw open, other;
	char path[256];

	(void)state;
	assert_int_equal(raw_connect_as(d, &open, "admin"), 0);
	check_answer(&open, POLICY, "HTTP/1.1 200");
	assert_int_equal(raw_connect_as(d, &other, "stranger"), 0);
	check_answer(&other, POLICY, "HTTP/1.1 401");
	daemon_save(d, "other", &d->other_ca);
	daemon_file(d, "other.pem", path);
	configure("admin_ca", path);
	hang_up();
	check_answer(&open, POLICY, "HTTP/1.1 401");
	check_answer(&open, ALIVE, "HTTP/1.1 200");
	check_answer(&other, POLICY, "HTTP/1.1 200");
	restore(NULL);
	hang_up();
	check_answer(&open, POLICY, "HTTP/1.1 200");
	check_answer(&other, POLICY, "HTTP/1.1 401");
	raw_close(&open);
	raw_close(&other);
}

static void log_level(void **state)
{
	unsigned int lines;

	(void)state;
	daemon_configure(d, "max_age = 1h\n[server]\nlog_level = error\n", "");
	hang_up();
	lines = daemon_log_count(d, "event=token");
	tell(ask_json(d->public, "POST", "/v1/tokens", 404, "unknown",
		      "{'hsm_id':'%s','key_id':'k','aud':'a'}", hex32(d->manager_id)));
	restore(NULL);
	hang_up();
	tell(ask_json(d->public, "POST", "/v1/tokens", 404, "unknown",
		      "{'hsm_id':'%s','key_id':'k','aud':'a'}", hex32(d->manager_id)));
	daemon_log_wait(d, "event=token");
	assert_int_equal(daemon_log_count(d, "event=token"), lines + 1);
}

static void next_start(void **state)
{
	(void)state;
	hang_up();
	assert_int_equal(daemon_log_count(d, "that counts at the next start"), 0);
	daemon_configure(d, "max_age = 2h\n", "");
	hang_up();
	daemon_log_wait(d, "that counts at the next start");
	check_policy("first");
}

/* --- it does not ---------------------------------------------------------------- */

static void break_policy(void)
{
	daemon_policy(d, "[policy]\nname = broken\n[keys a]\nkeys = *\norign = generated\n");
}

static void contradict(void)
{
	daemon_policy(d, "[policy]\nname = broken\n[keys a]\nkeys = *\n");
}

static void lose_policy(void)
{
	configure("file", "/nonexistent/policy.conf");
}

static void lose_secret(void)
{
	daemon_policy(d, "[policy]\nname = broken\n[webhook w]\nurl = https://127.0.0.1/\n"
		      "secret_file = /nonexistent/secret\n");
}

static void lose_hook_ca(void)
{
	char path[256], text[1024];
	FILE *f;

	daemon_file(d, "secret", path);
	f = fopen(path, "we");
	fputs("0123456789abcdef0123456789abcdef\n", f);
	fclose(f);
	snprintf(text, sizeof(text), "[policy]\nname = broken\n[webhook w]\n"
		 "url = https://127.0.0.1/\nsecret_file = %s\nca_file = %s\n", path, path);
	daemon_policy(d, text);
}

static void short_secret(void)
{
	char path[256], text[1024];
	FILE *f;

	daemon_file(d, "secret", path);
	f = fopen(path, "we");
	fputs("short\n", f);
	fclose(f);
	snprintf(text, sizeof(text), "[policy]\nname = broken\n[webhook w]\n"
		 "url = https://127.0.0.1/\nsecret_file = %s\n", path);
	daemon_policy(d, text);
}

static void break_certificate(void)
{
	configure("certificate", "/dev/null");
}

static void other_key(void)
{
	char path[256];

	daemon_file(d, "admin.key", path);
	configure("private_key", path);
}

static void lose_ca(void)
{
	configure("admin_ca", "/nonexistent/ca.pem");
}

static void unknown_level(void)
{
	daemon_configure(d, "max_age = 1h\n[server]\nlog_level = loud\n", "");
}

static void unknown_option(void)
{
	daemon_configure(d, "max_agee = 1h\n", "");
}

static const struct {
	void (*make)(void);
	const char *says;
} broken[] = {
	{ break_policy, "policy.conf:5: option orign is unknown in [keys a]" },
	{ contradict, "policy.conf:3: [keys a] demands nothing" },
	{ lose_policy, "/nonexistent/policy.conf" },
	{ lose_secret, "[webhook w]: cannot open /nonexistent/secret" },
	{ short_secret, "is no secret that can be used" },
	{ lose_hook_ca, "cannot be read, or has no certificate" },
	{ break_certificate, "certificate /dev/null" },
	{ other_key, "private key" },
	{ lose_ca, "client CA /nonexistent/ca.pem" },
	{ unknown_level, "log_level is error, warning, info or debug, not" },
	{ unknown_option, "option max_agee is unknown in [attestation]" },
};

static int64_t open_alerts(void)
{
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/alerts?state=open"), *row;
	int64_t count = 0;
	size_t i;

	json_array_foreach(json_object_get(o, "alerts"), i, row) {
		if (strcmp(text_of(row, "code"), "reload-failed") == 0)
			count += number_of(row, "count");
	}
	json_decref(o);
	return count;
}

/* It is stored by a job of its own. */
static void wait_for_alerts(int64_t count)
{
	int64_t until = now_ms() + 60000;

	while (open_alerts() != count && now_ms() < until)
		sleep_ms(10);
	assert_int_equal(open_alerts(), count);
}

/* All or nothing: with whatever is broken comes something new that has to wait. */
static void all_or_nothing(void **state)
{
	uint8_t before[32], after[32];
	struct raw r;

	(void)state;
	hang_up();
	assert_int_equal(raw_connect_from(d, &r, 1, 0, 0), 0);
	certificate_of(&r, before);
	raw_close(&r);
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct tls_cert c = tls_cert_new("another server", "IP:127.0.0.1", &d->ca);

		daemon_save(d, "server", &c);
		tls_cert_free(&c);
		daemon_policy(d, "[policy]\nname = waiting\n");
		broken[i].make();
		hang_up();
		daemon_log_wait(d, broken[i].says);
		check_policy("first");
		assert_int_equal(raw_connect_from(d, &r, 1, 0, 0), 0);
		certificate_of(&r, after);
		raw_close(&r);
		assert_memory_equal(after, before, 32);
		wait_for_alerts((int64_t)i + 1);
		restore(NULL);
	}
	assert_int_equal(daemon_log_count(d, "event=reload-failed"), ARRAY_SIZE(broken));
	hang_up();
	wait_for_alerts(0);
}

/* A line in another character set is told of in one that is JSON's. */
static void not_utf8(void **state)
{
	bool found = false;
	json_t *o, *row;
	size_t i;

	(void)state;
	daemon_policy(d, "[hsms x]\nkek = Schl\xfcssel\n");
	hang_up();
	wait_for_alerts(1);
	o = get(d->admin, 200, NULL, "/v1/admin/alerts?state=open");
	json_array_foreach(json_object_get(o, "alerts"), i, row)
		found |= strstr(text_of(row, "text"), "Schl?ssel") != NULL;
	json_decref(o);
	assert_true(found);
	restore(NULL);
	hang_up();
	wait_for_alerts(0);
}

static void check_config(void **state)
{
	char output[1024];

	(void)state;
	assert_int_equal(daemon_run(d, "--check-config", output, sizeof(output)), 0);
	assert_string_equal(output,
			    "The configuration can be used, with urn:zkhsm:policy:first:0:default.\n");
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		broken[i].make();
		assert_int_equal(daemon_run(d, "--check-config", output, sizeof(output)), 1);
		if (!strstr(output, broken[i].says))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, output, broken[i].says);
		restore(NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nobody_is_dropped, restore),
		cmocka_unit_test_teardown(other_administrators, restore),
		cmocka_unit_test_teardown(log_level, restore),
		cmocka_unit_test_teardown(next_start, restore),
		cmocka_unit_test_teardown(all_or_nothing, restore),
		cmocka_unit_test_teardown(not_utf8, restore),
		cmocka_unit_test_teardown(check_config, restore),
	};

	return cmocka_run_group_tests(tests, start, end);
}
