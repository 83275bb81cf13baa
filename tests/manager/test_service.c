// SPDX-License-Identifier: GPL-2.0
/*
 * test_service.c - what an operator relies on: metrics, systemd's protocol, the
 * filter of system calls, backup and restore, a locked store, the order key in a token
 */
#include "daemon.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS	60000

static struct daemon *d;

static int start(void **state)
{
	(void)state;
	d = daemon_new("", "nonces_per_hsm = 1000\n[backup]\nkeep = 2\n");
	daemon_start(d, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	return 0;
}

/* --- metrics ---------------------------------------------------------------- */

static char *scrape(struct zkhsm_https *h, long status)
{
	struct zkhsm_response r = { 0 };
	char *text;

	assert_int_equal(zkhsm_https_do(h, "GET", "/metrics", NULL, NULL, 0, &r, NULL), 0);
	assert_int_equal(r.status, status);
	text = strdup((const char *)r.body);
	zkhsm_response_free(&r);
	assert_non_null(text);
	return text;
}

/* The value of the sample with this name and these labels. */
static double sample(const char *text, const char *name)
{
	const size_t len = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n')) {
		p += *p == '\n';
		if (strncmp(p, name, len) == 0 && p[len] == ' ')
			return strtod(p + len + 1, NULL);
	}
	fail_msg("no %s in\n%s", name, text);
	return 0;
}

static void metrics(void **state)
{
	struct prover *hsm = prover_new("service-3", 3);
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;
	char *text, id[65];

	(void)state;
	enrol(d, hsm);
	tell(attest(d, hsm, 200, NULL));
	len = make_evidence(d, hsm, evidence);
	evidence[len - 1] ^= 1;
	tell(post_evidence(d, evidence, len, 422, "false"));
	strcpy(id, hex32(hsm->hsm_id));
	tell(ask_json(d->public, "POST", "/v1/tokens", 404, "unknown",
		      "{'hsm_id':'%s','key_id':'none','aud':'me'}", id));

	free(scrape(d->public, 401));
	text = scrape(d->admin, 200);
	assert_true(sample(text, "zkhsm_attestation_requests_total") >= 3);
	assert_true(sample(text, "zkhsm_attestation_successes_total") >= 1);
	assert_true(sample(text, "zkhsm_attestation_failures_total{reason=\"false\"}") == 1);
	assert_true(sample(text, "zkhsm_tokens_refused_total{reason=\"unknown\"}") == 1);
	assert_true(sample(text, "zkhsm_hsms{state=\"attested\"}") == 1);
	assert_true(sample(text, "zkhsm_keys{state=\"attested\"}") == 3);
	assert_true(sample(text, "zkhsm_proof_verify_duration_seconds_count") >= 3);
	assert_true(sample(text, "zkhsm_leases_total") >= 1);
	assert_true(sample(text, "process_resident_memory_bytes") > 1e6);
	assert_true(sample(text, "process_open_fds") > 5);
	/* What names one HSM is no label. */
	id[16] = '\0';
	assert_null(strstr(text, id));
	strcpy(id, hex32(hsm->hsm_id));
	free(text);
	tell(get(d->admin, 200, NULL, "/metrics"));	/* for the record */

	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'hsm','hsm_id':'%s','reason':'unspecified'}", id));
	text = scrape(d->admin, 200);
	assert_true(sample(text, "zkhsm_revocations{scope=\"hsm\",action=\"hold\"}") == 1);
	assert_true(sample(text, "zkhsm_hsms{state=\"attested\"}") == 0);
	assert_true(sample(text, "zkhsm_revocation_list_number") >= 1);
	free(text);
	prover_free(hsm);
}

/* --- systemd, and the kernel ------------------------------------------------- */

static void expect_note(int fd, const char *text)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	char note[512];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	do {
		n = recv(fd, note, sizeof(note) - 1, 0);
		assert_true(n > 0);
		note[n] = '\0';
	} while (!strstr(note, text));
}

static void notifies(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), status;

	(void)state;
	status = daemon_end(d, SIGTERM);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", d->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	daemon_start(d, 0);
	expect_note(fd, "READY=1\n");
	expect_note(fd, "WATCHDOG=1");
	kill(d->pid, SIGHUP);
	expect_note(fd, "RELOADING=1\nMONOTONIC_USEC=");
	expect_note(fd, "READY=1");
	status = daemon_end(d, SIGTERM);
	assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
	expect_note(fd, "STOPPING=1");
	unsetenv("NOTIFY_SOCKET");
	close(fd);
	daemon_start(d, 0);
}

static void is_sandboxed(void **state)
{
	int filter = -1, privileges = -1;
	char path[64], line[256];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "/proc/%d/status", d->pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Seccomp: %d", &filter);
		sscanf(line, "NoNewPrivs: %d", &privileges);
	}
	fclose(f);
	assert_int_equal(filter, 2);
	assert_int_equal(privileges, 1);
}

/* --- backup ------------------------------------------------------------------ */

static int64_t sql_number(const char *path, const char *text)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static bool there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Whole, and what its digest says. */
static void check_backup(const char *path)
{
	char note[300], command[700];

	snprintf(note, sizeof(note), "%s.sha256", path);
	assert_true(there(note));
	snprintf(command, sizeof(command), "cd $(dirname %s) && sha256sum --quiet -c %s", path, note);
	assert_int_equal(system(command), 0);
	assert_int_equal(sql_number(path, "SELECT count(*) FROM pragma_integrity_check"
				    " WHERE integrity_check <> 'ok'"), 0);
	snprintf(note, sizeof(note), "%s-wal", path);
	assert_false(there(note));
}

static void take_backup(const char *path)
{
	char option[300], output[1024];

	snprintf(option, sizeof(option), "--backup=%s", path);
	if (daemon_run(d, option, output, sizeof(output)))
		fail_msg("%s", output);
	check_backup(path);
}

/* One HSM that attests all the time. */
struct load {
	pthread_t thread;
	struct prover *hsm;
	struct daemon mine;		/* a connection is one thread's */
	atomic_bool stop;
	atomic_uint accepted;
};

static void *attest_on(void *arg)
{
	struct load *l = arg;

	while (!l->stop) {
		tell(attest(&l->mine, l->hsm, 200, NULL));
		l->accepted++;
	}
	return NULL;
}

static void backup_under_load(void **state)
{
	struct load l = { .hsm = prover_new("service-5", 5) };
	char path[256], option[300], output[1024];
	json_t *o;

	(void)state;
	enrol(d, l.hsm);
	l.mine = *d;
	l.mine.public = daemon_client(d, NULL);
	assert_int_equal(pthread_create(&l.thread, NULL, attest_on, &l), 0);
	for (int i = 0; i < 5; i++) {
		char name[32], sql[200];
		unsigned int before = l.accepted;

		snprintf(name, sizeof(name), "copy-%d.db", i);
		daemon_file(d, name, path);
		take_backup(path);
		/* All that was acknowledged before it began is in it; n counts from 1. */
		snprintf(sql, sizeof(sql), "SELECT number FROM hsm WHERE id = x'%s'",
			 hex32(l.hsm->hsm_id));
		assert_true(sql_number(path, sql) >= (int64_t)before);
	}
	snprintf(option, sizeof(option), "--backup=%s", path);
	assert_int_equal(daemon_run(d, option, output, sizeof(output)), 1);
	assert_non_null(strstr(output, "File exists"));

	/* The manager's own: there are the newest two. */
	tell(ask(d->public, "POST", "/v1/admin/backup", NULL, NULL, 0, 401,
		 "client-certificate"));
	for (int i = 0; i < 3; i++) {
		o = ask(d->admin, "POST", "/v1/admin/backup", NULL, NULL, 0, 201, NULL);
		snprintf(path, sizeof(path), "%s", text_of(o, "file"));
		check_backup(path);
		tell(o);
	}
	snprintf(output, sizeof(output), "test $(ls %s/state/backups/*.db | wc -l) -eq 2", d->dir);
	assert_int_equal(system(output), 0);
	l.stop = true;
	pthread_join(l.thread, NULL);
	zkhsm_https_free(l.mine.public);
	prover_free(l.hsm);
}

static void backup_killed(void **state)
{
	char path[256], part[300], option[300];
	unsigned int whole = 0;

	(void)state;
	for (int i = 0; i < 12; i++) {
		char name[32];
		pid_t pid;

		snprintf(name, sizeof(name), "killed-%d.db", i);
		daemon_file(d, name, path);
		snprintf(option, sizeof(option), "--backup=%s", path);
		pid = daemon_spawn(d, option, NULL);
		sleep_ms(i * 15);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (there(path)) {
			check_backup(path);
			whole++;
		}
	}
	/* What is left of one that was killed is in nobody's way. */
	daemon_file(d, "again.db", path);
	snprintf(part, sizeof(part), "echo leftover > %s.part", path);
	assert_int_equal(system(part), 0);
	take_backup(path);
	printf("# %u of 12 backups were done when they were killed\n", whole);
}

/* --- restore ----------------------------------------------------------------- */

static int restore(const char *path, bool replace, const char *says)
{
	char option[300], output[2048];
	int ret;

	snprintf(option, sizeof(option), "--restore=%s", path);
	ret = daemon_run_two(d, option, replace ? "--replace" : NULL, output, sizeof(output));
	if (says && !strstr(output, says))
		fail_msg("not \"%s\":\n%s", says, output);
	if (!says && ret)
		fail_msg("%s", output);
	return ret;
}

static void restores(void **state)
{
	struct prover *hsm = prover_new("service-4", 4);
	struct applied a = { .number = 0 };
	char path[256], id[65];
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	strcpy(id, hex32(hsm->hsm_id));
	daemon_file(d, "restore.db", path);
	take_backup(path);
	/* After the backup: an order that the kernel applies, and shows. */
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'key','hsm_id':'%s','key_id':'%s',"
		      "'reason':'unspecified'}", id, "key-000000"));
	obey(d, hsm, &a, 1);

	assert_int_equal(restore(path, true, "another zkhsmd uses"), 1);
	assert_int_equal(WEXITSTATUS(daemon_end(d, SIGTERM)), 0);
	assert_int_equal(restore(path, false, "--replace"), 1);
	assert_int_equal(restore(path, true, NULL), 0);
	daemon_start(d, 0);
	/* It does not know the order; the kernel shows it, and numbers go on above. */
	len = make_evidence_after(d, hsm, &a, evidence);
	tell(post_evidence(d, evidence, len, 200, NULL));
	daemon_log_wait(d, "orders-unknown");
	o = ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		     "{'action':'hold','scope':'key','hsm_id':'%s','key_id':'%s',"
		     "'reason':'unspecified'}", id, "key-000000");
	assert_int_equal(number_of(json_array_get(json_object_get(o, "orders"), 0), "number"),
			 a.number + 1);
	/* Nor is a number of the revocation list used twice. */
	assert_true(number_of(o, "revocation") > 1 << 20);
	tell(o);
	/* The chain of the audit log goes on and says so. */
	daemon_log_wait(d, "listening");
	assert_int_equal(WEXITSTATUS(daemon_end(d, SIGTERM)), 0);
	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(sql_number(path, "SELECT count(*) FROM audit"
				    " WHERE line LIKE '%\"restore-store\"%'"), 1);
	daemon_start(d, 0);
	prover_free(hsm);
}

static void damage(const char *path, long at)
{
	FILE *f = fopen(path, "r+e");
	int c;

	assert_non_null(f);
	assert_int_equal(fseek(f, at, at < 0 ? SEEK_END : SEEK_SET), 0);
	c = fgetc(f);
	assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
	fputc(c ^ 0x55, f);
	assert_int_equal(fclose(f), 0);
}

static void refuses_restore(void **state)
{
	char path[256], note[300], mark[256], output[2048];
	FILE *f;

	(void)state;
	daemon_file(d, "bad.db", path);
	take_backup(path);
	assert_int_equal(WEXITSTATUS(daemon_end(d, SIGTERM)), 0);
	damage(path, 5000);
	assert_int_equal(restore(path, true, "is not the file that"), 1);
	snprintf(note, sizeof(note), "%s.sha256", path);
	assert_int_equal(unlink(note), 0);
	assert_int_equal(truncate(path, 8192), 0);
	assert_int_equal(restore(path, true, "zkhsmd.db.restore"), 1);
	f = fopen(path, "we");
	fputs("not a database at all, whatever its name may be", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(restore(path, true, "zkhsmd.db.restore"), 1);
	assert_int_equal(restore("/nonexistent/backup", true, "No such file"), 1);
	assert_int_equal(daemon_run(d, "--replace", output, sizeof(output)), 2);
	if (geteuid()) {
		printf("# not root: state that belongs to another user is not tried\n");
	} else {
		daemon_file(d, "state", mark);
		assert_int_equal(chown(mark, 65534, 65534), 0);
		assert_int_equal(restore(path, true, "belongs to another user"), 1);
		assert_int_equal(chown(mark, 0, 0), 0);
	}
	/* What was there is there. */
	daemon_start(d, 0);
	tell(get(d->public, 200, NULL, "/health/ready"));
	assert_int_equal(WEXITSTATUS(daemon_end(d, SIGTERM)), 0);

	/* One that was cut short is not started on. */
	daemon_file(d, "state/restoring", mark);
	f = fopen(mark, "we");
	assert_int_equal(fclose(f), 0);
	assert_int_equal(daemon_run(d, "--init", output, sizeof(output)), 1);
	assert_non_null(strstr(output, "was cut short"));
	assert_int_equal(unlink(mark), 0);
	daemon_start(d, 0);
}

static void restore_killed(void **state)
{
	char path[256], option[300], output[2048];
	unsigned int cut = 0;
	int64_t takes;

	(void)state;
	daemon_file(d, "often.db", path);
	take_backup(path);
	assert_int_equal(WEXITSTATUS(daemon_end(d, SIGTERM)), 0);
	snprintf(option, sizeof(option), "--restore=%s", path);
	takes = now_ms();
	assert_int_equal(restore(path, true, NULL), 0);
	takes = now_ms() - takes;
	for (int i = 0; i < 20; i++) {
		pid_t pid = daemon_spawn(d, option, "--replace");

		/* Most of them near its end, where it changes what is there. */
		sleep_ms(i < 4 ? takes * i / 8 : takes / 2 + takes * (i - 4) / 32);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		/* As it was, as it will be, or not to be used. */
		if (daemon_run(d, "--init", output, sizeof(output))) {
			assert_non_null(strstr(output, "was cut short"));
			cut++;
		}
	}
	assert_int_equal(restore(path, true, NULL), 0);
	daemon_start(d, 0);
	tell(get(d->public, 200, NULL, "/health/ready"));
	printf("# %u of 20 restores were cut short where it shows\n", cut);
}

/* --- a store that somebody else has locked ------------------------------------ */

static void locked(void **state)
{
	struct zkhsm_response r = { 0 };
	char path[256];
	sqlite3 *db;

	(void)state;
	daemon_file(d, "state/zkhsmd.db", path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(zkhsm_https_do(d->public, "GET", "/health/ready", NULL, NULL, 0, &r, NULL),
			 0);
	assert_int_equal(r.status, 503);
	assert_int_equal(r.retry_after_s, 5);
	assert_non_null(strstr((char *)r.body, "has locked the store for too long"));
	zkhsm_response_free(&r);
	/* Who only reads goes on. */
	tell(get(d->public, 200, NULL, "/health/alive"));
	tell(get(d->admin, 200, NULL, "/v1/admin/hsms"));
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	tell(get(d->public, 200, NULL, "/health/ready"));
}

/* --- the order key in a PKCS#11 token ------------------------------------------ */

#define MODULE	"/usr/lib/softhsm/libsofthsm2.so"

static void write_text(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void token_configure(const char *object, const char *pin)
{
	char limits[600], pin_path[256];

	daemon_file(d, pin, pin_path);
	snprintf(limits, sizeof(limits), "[keys]\norder_key = pkcs11:token=zkhsm;object=%s?"
		 "module-path=" MODULE "&pin-source=file:%s\n", object, pin_path);
	daemon_configure(d, "", limits);
}

static void init_fails(const char *says)
{
	char output[2048];

	assert_int_equal(daemon_run(d, "--init", output, sizeof(output)), 1);
	if (!strstr(output, says))
		fail_msg("not \"%s\":\n%s", says, output);
}

static void make_token(uint8_t public[65])
{
	char conf[256], tokens[256], key_path[256], text[600], command[1200];
	EVP_PKEY *key;

	daemon_file(d, "softhsm.conf", conf);
	daemon_file(d, "tokens", tokens);
	daemon_file(d, "order-key.pem", key_path);
	assert_int_equal(mkdir(tokens, 0700), 0);
	snprintf(text, sizeof(text), "directories.tokendir = %s\nlog.level = ERROR\n", tokens);
	write_text(conf, text, 0600);
	setenv("SOFTHSM2_CONF", conf, 1);
	assert_int_equal(zkhsm_signer_generate(&key, NULL), 0);
	assert_int_equal(zkhsm_signer_public(key, public), 0);
	assert_int_equal(zkhsm_signer_save(key_path, key, NULL), 0);
	EVP_PKEY_free(key);
	snprintf(command, sizeof(command),
		 "exec >/dev/null && softhsm2-util --init-token --free --label zkhsm --so-pin 1234"
		 " --pin 4321 && softhsm2-util --import %s --token zkhsm --label order --id 01"
		 " --pin 4321 && rm %s", key_path, key_path);
	assert_int_equal(system(command), 0);
}

static void key_in_token(void **state)
{
	struct prover *hsm = prover_new("service-2", 2);
	struct applied a = { .number = 0 };
	uint8_t public[65];
	char path[256];
	json_t *o;

	(void)state;
	d = daemon_new("", "");
	make_token(public);
	daemon_file(d, "pin", path);
	write_text(path, "4321\n", 0600);
	daemon_file(d, "pin-open", path);
	write_text(path, "4321\n", 0644);
	daemon_file(d, "pin-wrong", path);
	write_text(path, "1111\n", 0600);

	token_configure("order", "pin-none");
	init_fails("No such file");
	token_configure("order", "pin-open");
	init_fails("others may read");
	token_configure("order", "pin-wrong");
	init_fails("refuses the PIN");
	token_configure("other", "pin");
	init_fails("no private key as order_key says");
	daemon_configure(d, "", "[keys]\norder_key = pkcs11:token=zkhsm;object=order?module-path="
			 MODULE "&pin-value=4321\n");
	init_fails("does not belong into the configuration");
	daemon_configure(d, "", "[keys]\norder_key = pkcs11:token=none;object=order?module-path="
			 MODULE "\n");
	init_fails("no token as order_key says");
	daemon_configure(d, "", "[keys]\norder_key = somewhere\n");
	init_fails("not \"somewhere\"");
	daemon_configure(d, "", "[keys]\norder_key = zkhsm:\n");
	init_fails("needs the id of a key");

	token_configure("order", "pin");
	daemon_start(d, 0);
	assert_memory_equal(d->order_public, public, sizeof(public));
	/* A lease and an order that are true: signed in the token. */
	enrol(d, hsm);
	o = attest(d, hsm, 200, NULL);
	assert_non_null(json_object_get(o, "lease"));
	tell(o);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'hsm','hsm_id':'%s','reason':'unspecified'}",
		      hex32(hsm->hsm_id)));
	obey(d, hsm, &a, 1);
	daemon_file(d, "state/order.key", path);
	assert_false(there(path));
	/* Another key is another manager's. */
	assert_int_equal(WEXITSTATUS(daemon_end(d, SIGTERM)), 0);
	daemon_configure(d, "", "");
	init_fails("order.key is missing");
	token_configure("order", "pin");
	daemon_start(d, 0);
	daemon_free(d);
	unsetenv("SOFTHSM2_CONF");
	prover_free(hsm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics), cmocka_unit_test(notifies),
		cmocka_unit_test(is_sandboxed), cmocka_unit_test(backup_under_load),
		cmocka_unit_test(backup_killed), cmocka_unit_test(restores),
		cmocka_unit_test(refuses_restore), cmocka_unit_test(restore_killed),
		cmocka_unit_test(locked),
	};
	const struct CMUnitTest token_tests[] = { cmocka_unit_test(key_in_token) };
	int failed = cmocka_run_group_tests(tests, start, end);

	return failed + cmocka_run_group_tests(token_tests, NULL, NULL);
}
