// SPDX-License-Identifier: GPL-2.0
/*
 * daemon.c - starts, ends and asks a zkhsmd, see daemon.h
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"

#define PATIENCE_S	60

/* The zkhsmd that was built with this program. */
static const char *program(void)
{
	static char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	assert_true(len > 0);
	path[len] = '\0';
	/* build/asan/tests/manager/test_x */
	for (int up = 0; up < 3; up++)
		*strrchr(path, '/') = '\0';
	strcat(path, "/zkhsmd");
	return path;
}

void daemon_file(const struct daemon *d, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", d->dir, name);
}

void daemon_configure(struct daemon *d, const char *attestation, const char *limits)
{
	char path[256];
	FILE *f;

	daemon_file(d, "zkhsmd.conf", path);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "[server]\naddress = 127.0.0.1\nport = %d\ncertificate = %s/server.pem\n"
		"private_key = %s/server.key\nadmin_ca = %s/ca.pem\nstate_dir = %s/state\n"
		"[attestation]\n%s\n[limits]\n%s\n", d->port, d->dir, d->dir, d->dir, d->dir,
		attestation ? attestation : "", limits ? limits : "");
	daemon_file(d, "policy.conf", path);
	if (access(path, F_OK) == 0)
		fprintf(f, "[policy]\nfile = %s\n", path);
	assert_int_equal(fclose(f), 0);
}

void daemon_policy(struct daemon *d, const char *text)
{
	char path[256];
	FILE *f;

	daemon_file(d, "policy.conf", path);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void daemon_save(struct daemon *d, const char *name, const struct tls_cert *c)
{
	char cert[256], key[256], file[64];

	snprintf(file, sizeof(file), "%s.pem", name);
	daemon_file(d, file, cert);
	snprintf(file, sizeof(file), "%s.key", name);
	daemon_file(d, file, key);
	tls_cert_save(c, cert, key);
}

static void issue(struct daemon *d, const char *name, const struct tls_cert *by)
{
	struct tls_cert c = tls_cert_new(name, "IP:127.0.0.1", by);

	daemon_save(d, name, &c);
	tls_cert_free(&c);
}

void daemon_issue(struct daemon *d, const char *name, const char *cn)
{
	struct tls_cert c = tls_cert_new(cn, NULL, &d->ca);

	daemon_save(d, name, &c);
	tls_cert_free(&c);
}

struct daemon *daemon_new(const char *attestation, const char *limits)
{
	struct daemon *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	signal(SIGPIPE, SIG_IGN);
	strcpy(d->dir, "/tmp/zkhsmd-test-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->more, NULL);
	d->ca = tls_cert_new("test CA", NULL, NULL);
	d->other_ca = tls_cert_new("other CA", NULL, NULL);
	daemon_save(d, "ca", &d->ca);
	issue(d, "server", &d->ca);
	issue(d, "admin", &d->ca);
	issue(d, "stranger", &d->other_ca);
	daemon_configure(d, attestation, limits);
	return d;
}

static void *read_log(void *arg)
{
	struct daemon *d = arg;
	char part[4096];
	ssize_t n;

	while ((n = read(d->log_fd, part, sizeof(part))) > 0) {
		pthread_mutex_lock(&d->lock);
		d->log = realloc(d->log, d->log_len + (size_t)n + 1);
		if (!d->log)
			abort();
		memcpy(d->log + d->log_len, part, (size_t)n);
		d->log_len += (size_t)n;
		d->log[d->log_len] = '\0';
		pthread_cond_broadcast(&d->more);
		pthread_mutex_unlock(&d->lock);
	}
	pthread_mutex_lock(&d->lock);
	d->ended = true;
	pthread_cond_broadcast(&d->more);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

void daemon_log_wait(struct daemon *d, const char *text)
{
	struct timespec until;
	int ret = 0;
	bool found;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&d->lock);
	while (!(found = d->log && strstr(d->log, text)) && !d->ended && !ret)
		ret = pthread_cond_timedwait(&d->more, &d->lock, &until);
	pthread_mutex_unlock(&d->lock);
	if (!found)
		fail_msg("no \"%s\" in the log:\n%s", text, d->log ? d->log : "(nothing)");
}

unsigned int daemon_log_count(struct daemon *d, const char *text)
{
	unsigned int count = 0;

	pthread_mutex_lock(&d->lock);
	for (char *p = d->log; p && (p = strstr(p, text)); p++)
		count++;
	pthread_mutex_unlock(&d->lock);
	return count;
}

struct zkhsm_https *daemon_client(struct daemon *d, const char *cert)
{
	char url[64], ca[256], cert_path[256], key_path[256], file[64];
	struct zkhsm_https_config c = { .base_url = url, .ca_file = ca, .connect_timeout_ms = 10000,
					.timeout_ms = PATIENCE_S * 1000 };
	struct zkhsm_https *h;

	snprintf(url, sizeof(url), "https://127.0.0.1:%d", d->port);
	daemon_file(d, "ca.pem", ca);
	if (cert) {
		snprintf(file, sizeof(file), "%s.pem", cert);
		daemon_file(d, file, cert_path);
		snprintf(file, sizeof(file), "%s.key", cert);
		daemon_file(d, file, key_path);
		c.cert_file = cert_path;
		c.key_file = key_path;
	}
	assert_int_equal(zkhsm_https_new(&c, &h, NULL), 0);
	return h;
}

static void child(struct daemon *d, const char *const options[2], int out, size_t file_max)
{
	struct rlimit limit = { .rlim_cur = file_max, .rlim_max = file_max };
	char config[256];

	daemon_file(d, "zkhsmd.conf", config);
	dup2(out, STDERR_FILENO);
	dup2(out, STDOUT_FILENO);
	if (file_max) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
	}
	execl(program(), "zkhsmd", "-c", config, options[0], options[1], (char *)NULL);
	_exit(127);
}

void daemon_start(struct daemon *d, size_t file_max)
{
	json_t *about;
	int fds[2];
	char *port;

	free(d->log);
	d->log = NULL;
	d->log_len = 0;
	d->ended = false;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	d->pid = fork();
	assert_true(d->pid >= 0);
	if (!d->pid)
		child(d, (const char *[2]){ NULL, NULL }, fds[1], file_max);
	close(fds[1]);
	d->log_fd = fds[0];
	assert_int_equal(pthread_create(&d->reader, NULL, read_log, d), 0);
	daemon_log_wait(d, "order_key=");
	/* The log grows, and moves. */
	pthread_mutex_lock(&d->lock);
	port = strstr(d->log, " port=");
	d->port = port ? atoi(port + 6) : 0;
	pthread_mutex_unlock(&d->lock);
	assert_true(d->port > 0);

	d->public = daemon_client(d, NULL);
	d->admin = daemon_client(d, "admin");
	d->stranger = daemon_client(d, "stranger");
	about = get(d->public, 200, NULL, "/.well-known/zkhsm/manager");
	hash_of(about, "manager_id", d->manager_id);
	assert_int_equal(zkhsm_unhex(text_of(about, "order_key"), d->order_public, 65), 0);
	json_decref(about);
}

int daemon_end(struct daemon *d, int signal_number)
{
	int status;

	zkhsm_https_free(d->public);
	zkhsm_https_free(d->admin);
	zkhsm_https_free(d->stranger);
	kill(d->pid, signal_number);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	pthread_join(d->reader, NULL);
	close(d->log_fd);
	d->pid = 0;
	return status;
}

pid_t daemon_spawn(struct daemon *d, const char *option, const char *second)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		child(d, (const char *[2]){ option, second }, open("/dev/null", O_WRONLY | O_CLOEXEC),
		      0);
	return pid;
}

int daemon_run(struct daemon *d, const char *option, char *output, size_t size)
{
	return daemon_run_two(d, option, NULL, output, size);
}

int daemon_run_two(struct daemon *d, const char *option, const char *second, char *output,
		   size_t size)
{
	size_t len = 0;
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(d, (const char *[2]){ option, second }, fds[1], 0);
	close(fds[1]);
	while ((n = read(fds[0], output + len, size - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int remove_one(const char *path, const struct stat *s, int flag, struct FTW *f)
{
	(void)s;
	(void)flag;
	(void)f;
	return remove(path);
}

void daemon_free(struct daemon *d)
{
	int status = 0;

	if (d->pid)
		status = daemon_end(d, SIGTERM);
	/* A sanitizer's report is an exit status too. */
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("zkhsmd ended with %x:\n%s", status, d->log);
	nftw(d->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	tls_cert_free(&d->ca);
	tls_cert_free(&d->other_ca);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->more);
	free(d->log);
	free(d);
}
