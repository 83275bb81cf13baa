/* SPDX-License-Identifier: GPL-2.0 */
/*
 * raw.h - a TLS connection that says what it is told
 */
#ifndef ZKHSM_TEST_RAW_H
#define ZKHSM_TEST_RAW_H

#include <openssl/ssl.h>

#include "daemon.h"

struct raw {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

/*
 * From 127.0.0.@host: loopback has more than one client. 0 and 0: any version, and the
 * usual buffer. -1 when there is no handshake; to be closed then too.
 */
int raw_connect_from(struct daemon *d, struct raw *r, unsigned int host, int max_version,
		     int receive_buffer);
/* With the client certificate of this name; @cert as for daemon_client(). */
int raw_connect_as(struct daemon *d, struct raw *r, const char *cert);
void raw_close(struct raw *r);
void raw_say(struct raw *r, const char *text);
/* The answer's head, and what else there was by then; empty when the connection was closed. */
const char *raw_hear(struct raw *r);
/* Whether the connection ends without another head. */
bool raw_closed(struct raw *r);

#endif /* ZKHSM_TEST_RAW_H */
