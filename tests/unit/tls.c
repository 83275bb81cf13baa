// SPDX-License-Identifier: GPL-2.0
/*
 * tls.c - certificates and a scripted server, see tls.h
 */
#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

#define NEED(condition)								\
	do {									\
		if (!(condition)) {						\
			fprintf(stderr, "tls.c:%d: %s\n", __LINE__, #condition); \
			abort();						\
		}								\
	} while (0)

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	NEED(e && X509_add_ext(cert, e, -1));
	X509_EXTENSION_free(e);
}

struct tls_cert tls_cert_of(const X509_NAME *subject, const char *san,
			    const struct tls_cert *issuer)
{
	static long serial;
	struct tls_cert c = { EVP_EC_gen("P-256"), X509_new() };

	NEED(c.key && c.cert);
	X509_set_version(c.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(c.cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c.cert), 3600);
	X509_set_pubkey(c.cert, c.key);
	NEED(X509_set_subject_name(c.cert, subject));
	X509_set_issuer_name(c.cert, issuer ? X509_get_subject_name(issuer->cert) : subject);
	if (!issuer)
		add_extension(c.cert, NID_basic_constraints, "critical,CA:TRUE");
	if (san)
		add_extension(c.cert, NID_subject_alt_name, san);
	NEED(X509_sign(c.cert, issuer ? issuer->key : c.key, EVP_sha256()));
	return c;
}

struct tls_cert tls_cert_new(const char *name, const char *san, const struct tls_cert *issuer)
{
	X509_NAME *subject = X509_NAME_new();
	struct tls_cert c;

	NEED(subject && X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
						   (const unsigned char *)name, -1, -1, 0));
	c = tls_cert_of(subject, san, issuer);
	X509_NAME_free(subject);
	return c;
}

void tls_cert_expire(struct tls_cert *c, long seconds, const struct tls_cert *issuer)
{
	NEED(X509_gmtime_adj(X509_getm_notAfter(c->cert), seconds));
	NEED(X509_sign(c->cert, issuer->key, EVP_sha256()));
}

void tls_cert_save(const struct tls_cert *c, const char *cert_path, const char *key_path)
{
	FILE *f = fopen(cert_path, "we");

	NEED(f && PEM_write_X509(f, c->cert) && !fclose(f));
	if (!key_path)
		return;
	f = fopen(key_path, "we");
	NEED(f && PEM_write_PKCS8PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL) && !fclose(f));
}

void tls_cert_free(struct tls_cert *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->cert);
}

struct tls_server {
	struct tls_server_config c;
	SSL_CTX *ctx;
	pthread_t thread;
	int fd, stop, port;
	atomic_uint connections, requests;
	char request[65536];
};

/* False when the server is to stop instead. */
static bool wait_for(struct tls_server *s, int fd)
{
	struct pollfd fds[] = { { fd, POLLIN, 0 }, { s->stop, POLLIN, 0 } };

	NEED(poll(fds, 2, 30000) > 0);
	return !fds[1].revents;
}

/* One request, head and body, as far as Content-Length says; false at the end. */
static bool read_request(struct tls_server *s, SSL *ssl)
{
	size_t used = 0, want = SIZE_MAX;
	char *end, *length;
	int n;

	while (used < want) {
		if (!SSL_pending(ssl) && !wait_for(s, SSL_get_fd(ssl)))
			return false;
		n = SSL_read(ssl, s->request + used, (int)(sizeof(s->request) - 1 - used));
		if (n <= 0)
			return false;
		used += (size_t)n;
		s->request[used] = '\0';
		end = strstr(s->request, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(s->request, "\r\nContent-Length:");
		want = (size_t)(end + 4 - s->request) +
		       (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
	}
	return true;
}

static void write_reply(struct tls_server *s, SSL *ssl)
{
	size_t len = s->c.reply_len ? s->c.reply_len : strlen(s->c.reply);

	/* The client may have had enough of it. */
	if (SSL_write(ssl, s->c.reply, (int)len) <= 0)
		ERR_clear_error();
}

static void serve(struct tls_server *s, int fd)
{
	SSL *ssl = SSL_new(s->ctx);

	NEED(ssl && SSL_set_fd(ssl, fd));
	if (SSL_accept(ssl) == 1) {
		atomic_fetch_add(&s->connections, 1);
		while (read_request(s, ssl)) {
			atomic_fetch_add(&s->requests, 1);
			if (s->c.say_nothing)
				continue;
			write_reply(s, ssl);
			if (s->c.close_after_reply)
				break;
		}
		SSL_shutdown(ssl);
	}
	ERR_clear_error();
	SSL_free(ssl);
	close(fd);
}

static void *run(void *arg)
{
	struct tls_server *s = arg;
	int fd;

	while (wait_for(s, s->fd)) {
		fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			serve(s, fd);
	}
	return NULL;
}

static void set_up_context(struct tls_server *s)
{
	s->ctx = SSL_CTX_new(TLS_server_method());
	NEED(s->ctx && SSL_CTX_use_certificate(s->ctx, s->c.cert->cert) == 1 &&
	     SSL_CTX_use_PrivateKey(s->ctx, s->c.cert->key) == 1);
	if (s->c.max_version)
		NEED(SSL_CTX_set_max_proto_version(s->ctx, s->c.max_version) == 1);
	if (s->c.clients) {
		NEED(X509_STORE_add_cert(SSL_CTX_get_cert_store(s->ctx), s->c.clients->cert) == 1);
		SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
}

struct tls_server *tls_server_start(const struct tls_server_config *c)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct tls_server *s = calloc(1, sizeof(*s));
	socklen_t len = sizeof(a);
	const int on = 1;

	NEED(s);
	s->c = *c;
	set_up_context(s);
	a.sin_port = htons((uint16_t)c->port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->stop = eventfd(0, EFD_CLOEXEC);
	/* One that has just ended had connections to it. */
	NEED(s->fd >= 0 && !setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	NEED(s->stop >= 0 && !bind(s->fd, (struct sockaddr *)&a, sizeof(a)) &&
	     !listen(s->fd, 8) && !getsockname(s->fd, (struct sockaddr *)&a, &len));
	s->port = ntohs(a.sin_port);
	NEED(!pthread_create(&s->thread, NULL, run, s));
	return s;
}

int tls_server_port(const struct tls_server *s)
{
	return s->port;
}

const char *tls_server_request(const struct tls_server *s)
{
	return s->request;
}

unsigned int tls_server_connections(const struct tls_server *s)
{
	return atomic_load(&s->connections);
}

unsigned int tls_server_requests(const struct tls_server *s)
{
	return atomic_load(&s->requests);
}

void tls_server_stop(struct tls_server *s)
{
	uint64_t one = 1;

	NEED(write(s->stop, &one, sizeof(one)) == sizeof(one));
	NEED(!pthread_join(s->thread, NULL));
	close(s->fd);
	close(s->stop);
	SSL_CTX_free(s->ctx);
	free(s);
}
