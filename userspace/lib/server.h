/* SPDX-License-Identifier: GPL-2.0 */
/*
 * server.h - HTTPS for the daemons: libevent's evhttp over OpenSSL, TLS 1.3 only
 *
 * A daemon has one table of routes; method, media type, body length and who may
 * ask are checked against it before its handler sees a request. All
 * errors are application/problem+json (RFC 9457) with a stable urn:zkhsm:...
 *
 * A server lives on one event_base and one thread. A request belongs to its
 * handler until server_send(); meanwhile another thread may read its fields and
 * fill its reply, nothing else. A handler that cannot answer at once returns
 * and sends later: a client that has gone away meanwhile is no error.
 *
 * Limits: what a connection may hold before its request is whole is bounded by
 * @max_body, but only @large_max connections at a time go beyond
 * SERVER_SMALL bytes; a request that is not whole within its time, or a
 * connection idle for too long, is closed, and at @connections_max the one
 * idle longest makes room, or one of a peer that has more than a quarter.
 */
#ifndef ZKHSM_SERVER_H
#define ZKHSM_SERVER_H

#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "zkhsm.h"

#define SERVER_SMALL		65536
#define SERVER_ARGS_MAX		3
#define SERVER_ORIGIN_LEN	48
#define SERVER_CN_MAX		64	/* ub-common-name of RFC 5280 */
/* In @roles of a route: everybody may, without a certificate. */
#define SERVER_PUBLIC		(1U << 31)
/* For a daemon that knows one kind of clients only: whoever has a certificate. */
#define SERVER_CERTIFICATE	(1U << 0)

struct server;
struct server_conn;
struct server_request;

/**
 * struct server_route - what one path and method answers
 * @path:	"/v1/hsms/{}/keys/{}": {} is any one segment, and becomes an argument
 * @media:	the Content-Type that the body must have, NULL: no body is taken
 * @max_body:	413 beyond
 * @roles:	SERVER_PUBLIC, or who may: 401 without a client certificate that verified,
 *		and then @admit of the configuration says whether it is enough. A route
 *		without any is nobody's
 */
struct server_route {
	enum evhttp_cmd_type method;
	const char *path;
	const char *media;
	size_t max_body;
	unsigned int roles;
	void (*handle)(struct server_request *rq);
};

struct server_config {
	const char *address;		/* numeric */
	uint16_t port;			/* 0: any free one */
	const char *certificate, *private_key;	/* PEM files; a chain, its leaf first */
	const char *client_ca;		/* PEM, or NULL: client certificates are not asked for */
	size_t max_head, max_body;
	unsigned int connections_max, large_max;
	uint64_t idle_ms, request_ms, large_ms;
	const struct server_route *routes;
	size_t route_count;
	/*
	 * Asked before a handler is, with rq->route, or NULL where there is none: false when
	 * it has taken the request, to answer it now or later. NULL: all may pass.
	 */
	bool (*admit)(struct server_request *rq);
	void *arg;			/* the daemon's, as @arg of each request */
	/* Sees each request just before it is sent, or NULL; rq->route may be NULL. */
	void (*seen)(const struct server_request *rq);
};

struct server_reply {
	int status;			/* 0: nothing said yet */
	char *body;
	size_t len;
	void (*release)(void *owner);	/* of @body; free() of itself when NULL */
	void *owner;
	const char *media;
	struct {
		const char *name;
		char value[192];
	} headers[4];
	size_t header_count;
	char problem[24];		/* what follows urn:zkhsm:, or empty; for the log */
};

/**
 * struct server_request - a request whose head and body passed its route
 * @id:		X-Request-Id, the client's or ours
 * @source:	the peer's address without its port, for the log
 * @origin:	what it counts as where clients have shares, see server_origin()
 * @peer:	subject of the verified client certificate, or empty
 * @peer_cn:	its common name, UTF-8, when the subject has exactly one and it is of printable
 *		characters, else empty; @peer_cn_bad: it has one or several that are not like that
 * @peer_x5t:	SHA-256 of that certificate; only with @peer
 * @method, @path, @query_text: as they came, for a record; valid until server_send()
 * @args:	the segments that {} stood for, percent-decoded
 * @body:	valid until server_send()
 * @data:	the handler's; freed with @data_free
 */
struct server_request {
	struct server *server;
	struct evhttp_request *ev;
	struct server_conn *conn;	/* NULL once the connection has gone */
	const struct server_route *route;
	void *arg;
	char id[65];
	char source[48];
	char origin[SERVER_ORIGIN_LEN];
	char peer[128];
	char peer_cn[SERVER_CN_MAX + 1];
	bool peer_cn_bad;
	uint8_t peer_x5t[32];
	unsigned int roles;		/* the daemon's: what @peer is */
	const char *method, *path, *query_text;
	char *args[SERVER_ARGS_MAX];
	struct evkeyvalq query;
	const uint8_t *body;
	size_t body_len;
	uint64_t started_us;		/* CLOCK_MONOTONIC */
	struct server_reply reply;
	void *data;
	void (*data_free)(void *data);
};

/* server.c: -EADDRINUSE and friends, -EINVAL for certificates; @base outlives the server */
int server_new(struct event_base *base, const struct server_config *config, struct server **out,
	       struct zkhsm_error *err);
/*
 * New connections get the certificate, key and CA of @config. Those that are open go on,
 * and from their next request on a client is who that CA says. Nothing changes when it
 * fails. The rest of @config is not looked at.
 */
int server_reload(struct server *s, const struct server_config *config, struct zkhsm_error *err);
uint16_t server_port(const struct server *s);
unsigned int server_connections(const struct server *s);
/* No more connections; those that are open end with their next answer. */
void server_stop(struct server *s);
/* Every request must have been sent. */
void server_free(struct server *s);
/* Of the last handshakes: whether the certificate can be used; what --check-config asks. */
int server_check(const struct server_config *config, struct zkhsm_error *err);

/* server_origin.c */
/* "192.0.2.1", or "2001:db8:1:2::/64": who counts as one client; "unknown" otherwise. */
void server_origin(const struct sockaddr *address, char out[SERVER_ORIGIN_LEN]);
/* For tables; with a secret, so that nobody can choose what shares a row. Any thread. */
uint32_t server_origin_hash(const char *origin);

/* server_reply.c */
/* Parameter of the query string, percent-decoded, or NULL. */
const char *server_query(const struct server_request *rq, const char *name);
/*
 * Body as JSON object: no duplicates, no trailing bytes; NULL when a problem
 * has been answered with. json_unpack_ex(..., "{... !}") then refuses members
 * that are unknown: report that with server_json_problem().
 */
json_t *server_json(struct server_request *rq);
void server_json_problem(struct server_request *rq, const json_error_t *error);
/* Steals @body; NULL body for no content. */
void server_reply_json(struct server_request *rq, int status, json_t *body);
/* Takes over @body, which was malloc'ed. */
void server_reply_bytes(struct server_request *rq, int status, const char *media, char *body,
			size_t len);
/* @body stays the owner's, unchanged, until it is released; from any thread. */
void server_reply_shared(struct server_request *rq, int status, const char *media,
			 const char *body, size_t len, void (*release)(void *owner), void *owner);
void server_reply_header(struct server_request *rq, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* @urn without its "urn:zkhsm:", a constant; @extra (stolen) has more members, or is NULL. */
void server_reply_problem(struct server_request *rq, int status, const char *urn,
			  const char *title, json_t *extra, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
/* Only on the server's thread; the request is gone afterwards. */
void server_send(struct server_request *rq);

#endif /* ZKHSM_SERVER_H */
