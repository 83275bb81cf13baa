/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the HTTPS server share.
 */
#ifndef ZKHSM_SERVER_PRIVATE_H
#define ZKHSM_SERVER_PRIVATE_H

#include <event2/bufferevent.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

#include "server.h"

enum conn_state {
	CONN_READING,		/* of the handshake too: a request is not whole yet */
	CONN_ANSWERING,		/* a handler has it */
	CONN_WRITING,
	CONN_IDLE,
	CONN_CLOSED,		/* by us, but not freed yet */
};

/**
 * struct server_conn - one TLS connection
 *
 * evhttp frees connections on its own; this one hangs on the SSL object, whose
 * end it shares. @bytes is what came in since the last answer, @since_ms when
 * that began (CLOCK_MONOTONIC); @origin is who the peer counts as, empty until that
 * is known, and @slot its hash.
 */
struct server_conn {
	struct server *server;
	struct bufferevent *bev;
	SSL *ssl;
	struct event *timer;
	enum conn_state state;
	bool large, peer_known;
	unsigned int era;		/* of its handshake, see struct server */
	size_t bytes;
	int64_t since_ms;
	char origin[SERVER_ORIGIN_LEN];
	unsigned int slot;
	char peer[128];
	char peer_cn[SERVER_CN_MAX + 1];
	bool peer_cn_bad;
	uint8_t peer_x5t[32];
	struct server_request *rq;
	TAILQ_ENTRY(server_conn) link;	/* @server->conns, the one idle longest first */
};

TAILQ_HEAD(server_conns, server_conn);

struct server {
	struct server_config config;
	struct event_base *base;
	SSL_CTX *tls;
	unsigned int era;		/* of @tls: how many were before it */
	struct evhttp *http;
	struct evconnlistener *listener;
	struct server_conns conns;
	unsigned int conn_count, closed_count, large_count;
	uint16_t port;
	bool stopping;
};

/* server_tls.c */
int server_tls_new(const struct server_config *c, SSL_CTX **out, struct zkhsm_error *err);

/* server_conn.c */
struct bufferevent *server_conn_new(struct event_base *base, void *server);
struct server_conn *server_conn_of(struct evhttp_request *ev);
void server_conn_set(struct server_conn *c, enum conn_state state);
void server_conn_close(struct server_conn *c);
const char *server_conn_origin(struct server_conn *c);

/* server_peer.c */
void server_conn_peer(struct server_conn *c);

/* server_reply.c */
void server_reply_drop(struct server_reply *r);

/* server_route.c */
void server_dispatch(struct evhttp_request *ev, void *server);
void server_request_free(struct server_request *rq);

#endif /* ZKHSM_SERVER_PRIVATE_H */
