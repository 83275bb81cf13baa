// SPDX-License-Identifier: GPL-2.0
/*
 * raw.c - a TLS connection that says what it is told
 */
#include "raw.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int connect_with(struct daemon *d, struct raw *r, unsigned int host, int receive_buffer)
{
	struct sockaddr_in from = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)d->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = 30 };

	r->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(r->fd >= 0);
	setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (receive_buffer)
		setsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	assert_int_equal(bind(r->fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(r->fd, (struct sockaddr *)&to, sizeof(to)), 0);
	r->ssl = SSL_new(r->ctx);
	SSL_set_fd(r->ssl, r->fd);
	return SSL_connect(r->ssl) == 1 ? 0 : -1;
}

int raw_connect_from(struct daemon *d, struct raw *r, unsigned int host, int max_version,
		     int receive_buffer)
{
	r->ctx = SSL_CTX_new(TLS_client_method());
	if (max_version)
		SSL_CTX_set_max_proto_version(r->ctx, max_version);
	return connect_with(d, r, host, receive_buffer);
}

int raw_connect_as(struct daemon *d, struct raw *r, const char *cert)
{
	char file[64], path[256];

	r->ctx = SSL_CTX_new(TLS_client_method());
	snprintf(file, sizeof(file), "%s.pem", cert);
	daemon_file(d, file, path);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(r->ctx, path), 1);
	snprintf(file, sizeof(file), "%s.key", cert);
	daemon_file(d, file, path);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(r->ctx, path, SSL_FILETYPE_PEM), 1);
	return connect_with(d, r, 1, 0);
}

void raw_close(struct raw *r)
{
	SSL_free(r->ssl);
	SSL_CTX_free(r->ctx);
	close(r->fd);
	ERR_clear_error();
}

void raw_say(struct raw *r, const char *text)
{
	assert_int_equal(SSL_write(r->ssl, text, (int)strlen(text)), (int)strlen(text));
}

const char *raw_hear(struct raw *r)
{
	static char answer[4096];
	int len = 0, n;

	answer[0] = '\0';
	while (!strstr(answer, "\r\n\r\n")) {
		n = SSL_read(r->ssl, answer + len, (int)sizeof(answer) - 1 - len);
		if (n <= 0)
			break;
		len += n;
		answer[len] = '\0';
	}
	return answer;
}

bool raw_closed(struct raw *r)
{
	char rest[4096];
	int n;

	while ((n = SSL_read(r->ssl, rest, sizeof(rest) - 1)) > 0) {
		rest[n] = '\0';
		if (strstr(rest, "HTTP/1.1"))
			return false;
	}
	return true;
}
