// SPDX-License-Identifier: GPL-2.0
/*
 * pollbench - agents that wait for orders, and what a manager pays for each
 *
 *	pollbench CA AGENTS NAME=URL,PID,DIRECTORY
 *
 * AGENTS connections of TLS 1.3, each with a long poll for another of the HSMs
 * that managerfill stored, held open at once; then the memory of the manager
 * before and with them, and what it spent on each. Sockets and OpenSSL by hand:
 * as many clients of libcurl would need more memory than the manager.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attest.h"

#define WAIT_S		60
#define SETTLE_MS	2000

struct waiting {
	SSL *tls;
	int fd;
};

static void more_files(unsigned long agents)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		die("getrlimit");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur < agents + 64)
		die("%lu open files are not allowed here", agents + 64);
}

static SSL_CTX *make_context(const char *ca)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (!tls || SSL_CTX_load_verify_file(tls, ca) != 1)
		die("TLS");
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);
	return tls;
}

static void wait_for_orders(SSL_CTX *tls, uint16_t port, const uint8_t hsm_id[32],
			    struct waiting *w)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char *hex = zkhsm_hex(hsm_id, 32), text[512];
	int len;

	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->fd < 0 || connect(w->fd, (struct sockaddr *)&to, sizeof(to)))
		die("no connection");
	w->tls = SSL_new(tls);
	if (!w->tls || !SSL_set_fd(w->tls, w->fd) || SSL_connect(w->tls) != 1)
		die("no TLS");
	len = snprintf(text, sizeof(text),
		       "GET /v1/hsms/%s/orders?after=0&wait=%d HTTP/1.1\r\nHost: localhost\r\n\r\n", hex,
		       WAIT_S);
	free(hex);
	if (SSL_write(w->tls, text, len) != len)
		die("nothing was sent");
}

/* None of them has been answered: all still wait. */
static unsigned long answered(struct waiting *w, unsigned long agents)
{
	unsigned long count = 0;
	char byte;

	for (unsigned long i = 0; i < agents; i++)
		count += recv(w[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
	return count;
}

int main(int argc, char **argv)
{
	const struct timespec settle = { .tv_sec = SETTLE_MS / 1000 };
	char *url, *pid, *directory, *rest = NULL, path[512];
	unsigned long agents;
	struct waiting *w;
	uint8_t id[32];
	double before, cpu;
	uint16_t port;
	SSL_CTX *tls;
	FILE *ids;

	if (argc != 4) {
		fprintf(stderr, "Usage: pollbench CA AGENTS NAME=URL,PID,DIRECTORY\n");
		return 2;
	}
	agents = strtoul(argv[2], NULL, 10);
	strtok_r(argv[3], "=", &rest);
	url = strtok_r(NULL, ",", &rest);
	pid = strtok_r(NULL, ",", &rest);
	directory = strtok_r(NULL, ",", &rest);
	if (!directory || !strrchr(url, ':'))
		die("NAME=URL,PID,DIRECTORY is what names a manager");
	port = (uint16_t)strtoul(strrchr(url, ':') + 1, NULL, 10);
	snprintf(path, sizeof(path), "%s/hsms", directory);
	ids = fopen(path, "re");
	w = calloc(agents, sizeof(*w));
	if (!ids || !w)
		die("%s cannot be read", path);
	more_files(agents);
	tls = make_context(argv[1]);
	before = process_resident(pid);
	cpu = process_cpu_ns(pid);
	for (unsigned long i = 0; i < agents; i++) {
		if (fread(id, sizeof(id), 1, ids) != 1) {
			rewind(ids);
			if (fread(id, sizeof(id), 1, ids) != 1)
				die("%s cannot be read", path);
		}
		wait_for_orders(tls, port, id, &w[i]);
	}
	nanosleep(&settle, NULL);
	figure("polls_open", (double)(agents - answered(w, agents)));
	figure("polls_bytes_each", (process_resident(pid) - before) / (double)agents);
	figure("polls_cpu_ns_each", (process_cpu_ns(pid) - cpu) / (double)agents);
	figure("polls_resident", process_resident(pid));
	cpu = process_cpu_ns(pid);
	nanosleep(&settle, NULL);
	figure("polls_idle_cpu", (process_cpu_ns(pid) - cpu) / (SETTLE_MS * 1e6));
	for (unsigned long i = 0; i < agents; i++) {
		SSL_free(w[i].tls);
		close(w[i].fd);
	}
	fclose(ids);
	free(w);
	SSL_CTX_free(tls);
	return 0;
}
