/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tls.h - certificates made on the spot, and a server that says what it is told
 *
 * The server answers each request on any connection with the same bytes, right
 * or wrong: what a real server would never send is what is tested with it.
 */
#ifndef ZKHSM_TEST_TLS_H
#define ZKHSM_TEST_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

struct tls_cert {
	EVP_PKEY *key;
	X509 *cert;
};

/* @issuer NULL: self-signed, and good to sign others. @san: "IP:127.0.0.1", or NULL. */
struct tls_cert tls_cert_new(const char *name, const char *san, const struct tls_cert *issuer);
/* The same of any subject, such as no honest CA would put into a certificate; @subject stays. */
struct tls_cert tls_cert_of(const X509_NAME *subject, const char *san,
			    const struct tls_cert *issuer);
/* It ends in so many seconds; signed anew. */
void tls_cert_expire(struct tls_cert *c, long seconds, const struct tls_cert *issuer);
void tls_cert_save(const struct tls_cert *c, const char *cert_path, const char *key_path);
void tls_cert_free(struct tls_cert *c);

struct tls_server_config {
	const struct tls_cert *cert;
	const struct tls_cert *clients;	/* whose certificates clients must show, or NULL */
	const char *reply;
	size_t reply_len;		/* 0: strlen */
	int max_version;		/* 0: any */
	int port;			/* 0: any that is free */
	bool close_after_reply;
	bool say_nothing;		/* reads the request and waits */
};

struct tls_server;

struct tls_server *tls_server_start(const struct tls_server_config *c);
int tls_server_port(const struct tls_server *s);
/* The last request read, as it came; good until the server stops. */
const char *tls_server_request(const struct tls_server *s);
unsigned int tls_server_connections(const struct tls_server *s);
unsigned int tls_server_requests(const struct tls_server *s);	/* read to their end */
void tls_server_stop(struct tls_server *s);

#endif /* ZKHSM_TEST_TLS_H */
