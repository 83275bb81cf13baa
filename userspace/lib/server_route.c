// SPDX-License-Identifier: GPL-2.0
/*
 * server_route.c - from a whole request to the handler of its route
 */
#include <event2/buffer.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server_private.h"

static uint64_t monotonic_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void take_id(struct server_request *rq)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-";
	const char *given = evhttp_find_header(evhttp_request_get_input_headers(rq->ev),
					       "X-Request-Id");
	uint8_t made[8];
	char *hex;

	if (given && given[0] && strlen(given) <= 64 && strspn(given, allowed) == strlen(given)) {
		strcpy(rq->id, given);	/* just measured */
		return;
	}
	/* An id needs to be distinct, not secret: a failure leaves what was there. */
	if (RAND_bytes(made, sizeof(made)) != 1)
		memset(made, 0, sizeof(made));
	hex = zkhsm_hex(made, sizeof(made));
	snprintf(rq->id, sizeof(rq->id), "%s", hex ? hex : "none");
	free(hex);
}

static void free_args(struct server_request *rq)
{
	for (size_t i = 0; i < SERVER_ARGS_MAX; i++) {
		free(rq->args[i]);
		rq->args[i] = NULL;
	}
}

void server_request_free(struct server_request *rq)
{
	if (rq->conn)
		rq->conn->rq = NULL;
	if (rq->data_free)
		rq->data_free(rq->data);
	evhttp_clear_headers(&rq->query);
	free_args(rq);
	server_reply_drop(&rq->reply);
	free(rq);
}

/* One segment, decoded; NULL if it is empty or hides a NUL. */
static char *take_arg(const char *segment, size_t len)
{
	char *raw = strndup(segment, len), *arg = NULL;
	size_t size;

	if (raw && len)
		arg = evhttp_uridecode(raw, 0, &size);
	if (arg && strlen(arg) != size) {
		free(arg);
		arg = NULL;
	}
	free(raw);
	return arg;
}

static bool match(struct server_request *rq, const char *pattern, const char *path)
{
	size_t count = 0;

	while (*pattern) {
		if (strncmp(pattern, "{}", 2) == 0) {
			size_t len = strcspn(path, "/");

			if (count == SERVER_ARGS_MAX)
				return false;
			rq->args[count] = take_arg(path, len);
			if (!rq->args[count++])
				return false;
			pattern += 2;
			path += len;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*path;
}

static bool media_is(const char *header, const char *media)
{
	size_t len = strlen(media);

	if (!header || evutil_ascii_strncasecmp(header, media, len) != 0)
		return false;
	header += len;
	header += strspn(header, " \t");
	return !*header || *header == ';';
}

/*
 * One path and method may have a route for each media type; the first of them
 * stands for all when none fits, and is then refused.
 */
static bool fits(struct server_request *rq, const struct server_route *route)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(rq->ev);

	return !route->media ||
	       media_is(evhttp_find_header(headers, "Content-Type"), route->media);
}

/* The route, or an answer: 404, or 405 and the methods that the path has. */
static const struct server_route *find(struct server_request *rq, const char *path)
{
	static const struct { enum evhttp_cmd_type type; const char *name; } names[] = {
		{ EVHTTP_REQ_GET, "GET" }, { EVHTTP_REQ_POST, "POST" },
		{ EVHTTP_REQ_PUT, "PUT" }, { EVHTTP_REQ_DELETE, "DELETE" },
	};
	const struct server_config *c = &rq->server->config;
	const struct server_route *other = NULL;
	unsigned int allowed = 0;
	char list[48] = "";

	for (size_t i = 0; i < c->route_count; i++) {
		if (match(rq, c->routes[i].path, path)) {
			if (c->routes[i].method != evhttp_request_get_command(rq->ev))
				allowed |= c->routes[i].method;
			else if (fits(rq, &c->routes[i]))
				return &c->routes[i];
			else if (!other)
				other = &c->routes[i];
		}
		free_args(rq);
	}
	if (other) {
		match(rq, other->path, path);
		return other;
	}
	if (!allowed) {
		server_reply_problem(rq, 404, "path", "Unknown path", NULL, "there is no %.64s here",
				     path);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (allowed & names[i].type)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
				 list[0] ? ", " : "", names[i].name);
	}
	server_reply_header(rq, "Allow", "%s", list);
	server_reply_problem(rq, 405, "method", "Method not allowed", NULL,
			     "this path knows %s", list);
	return NULL;
}

/* What the route asks of every request; false when it has been answered. */
static bool admit(struct server_request *rq)
{
	const struct server_route *route = rq->route;
	struct evbuffer *input = evhttp_request_get_input_buffer(rq->ev);

	if (!(route->roles & SERVER_PUBLIC) && !rq->peer[0]) {
		server_reply_problem(rq, 401, "client-certificate", "Client certificate needed", NULL,
				     "no client certificate that verifies came with the connection");
		return false;
	}
	if (!route->roles) {
		server_reply_problem(rq, 403, "role", "Not allowed", NULL,
				     "nobody may do this: the route names no role");
		return false;
	}
	rq->body_len = evbuffer_get_length(input);
	if (rq->body_len > (route->media ? route->max_body : 0)) {
		server_reply_problem(rq, 413, "too-large", "Body too large", NULL,
				     "the body has %zu bytes, at most %zu are taken here",
				     rq->body_len, route->media ? route->max_body : (size_t)0);
		return false;
	}
	if (!fits(rq, route)) {
		server_reply_problem(rq, 415, "media-type", "Unsupported media type", NULL,
				     "the body has to be %s", route->media);
		return false;
	}
	rq->body = evbuffer_pullup(input, -1);
	if (!rq->body)
		rq->body = (const uint8_t *)"";
	return true;
}

/*
 * With two lengths, or one for what should have no body, evhttp goes by one of
 * its rules. What stands before this server may have others, and take for a body
 * what is the next request here: such a connection ends.
 */
static bool one_length(struct server_request *rq)
{
	struct evkeyvalq *headers = evhttp_request_get_input_headers(rq->ev);
	enum evhttp_cmd_type method = evhttp_request_get_command(rq->ev);
	const char *length = NULL, *coding = evhttp_find_header(headers, "Transfer-Encoding");
	const struct evkeyval *h;
	size_t count = 0;

	TAILQ_FOREACH(h, headers, next) {
		if (evutil_ascii_strcasecmp(h->key, "Content-Length") == 0) {
			length = h->value;
			count++;
		}
	}
	if (method == EVHTTP_REQ_POST || method == EVHTTP_REQ_PUT || method == EVHTTP_REQ_PATCH) {
		if (count + !!coding <= 1 &&
		    (!coding || evutil_ascii_strcasecmp(coding, "chunked") == 0))
			return true;
	} else if (!coding && (!count || (count == 1 && strcmp(length, "0") == 0))) {
		return true;
	}
	server_reply_header(rq, "Connection", "close");
	server_reply_problem(rq, 400, "request", "Malformed request", NULL,
			     "where the body ends is not clear, or there may be none");
	return false;
}

static bool parse_query(struct server_request *rq)
{
	TAILQ_INIT(&rq->query);
	if (!*rq->query_text || !evhttp_parse_query_str(rq->query_text, &rq->query))
		return true;
	TAILQ_INIT(&rq->query);
	server_reply_problem(rq, 400, "request", "Malformed request", NULL,
			     "the query string cannot be parsed");
	return false;
}

static const char *method_name(enum evhttp_cmd_type method)
{
	switch (method) {
	case EVHTTP_REQ_GET:
		return "GET";
	case EVHTTP_REQ_POST:
		return "POST";
	case EVHTTP_REQ_PUT:
		return "PUT";
	case EVHTTP_REQ_DELETE:
		return "DELETE";
	default:
		return "";
	}
}

static void set_line(struct server_request *rq)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(rq->ev);

	rq->method = method_name(evhttp_request_get_command(rq->ev));
	rq->path = evhttp_uri_get_path(uri);
	rq->query_text = evhttp_uri_get_query(uri);
	if (!rq->path)
		rq->path = "";
	if (!rq->query_text)
		rq->query_text = "";
}

static void set_peer(struct server_request *rq)
{
	char *host = NULL;
	uint16_t port;

	evhttp_connection_get_peer(evhttp_request_get_connection(rq->ev), &host, &port);
	snprintf(rq->source, sizeof(rq->source), "%s", host ? host : "unknown");
	snprintf(rq->origin, sizeof(rq->origin), "%s", server_conn_origin(rq->conn));
	server_conn_peer(rq->conn);
	memcpy(rq->peer, rq->conn->peer, sizeof(rq->peer));
	memcpy(rq->peer_cn, rq->conn->peer_cn, sizeof(rq->peer_cn));
	rq->peer_cn_bad = rq->conn->peer_cn_bad;
	memcpy(rq->peer_x5t, rq->conn->peer_x5t, sizeof(rq->peer_x5t));
}

static void on_complete(struct evhttp_request *ev, void *arg)
{
	struct server_conn *c = server_conn_of(ev);

	(void)arg;
	if (c)
		server_conn_set(c, CONN_IDLE);
}

void server_dispatch(struct evhttp_request *ev, void *server)
{
	struct server_request *rq = calloc(1, sizeof(*rq));
	bool good;

	if (!rq) {
		evhttp_send_error(ev, 503, NULL);
		return;
	}
	rq->server = server;
	rq->ev = ev;
	rq->arg = rq->server->config.arg;
	rq->conn = server_conn_of(ev);
	rq->conn->rq = rq;
	rq->started_us = monotonic_us();
	server_conn_set(rq->conn, CONN_ANSWERING);
	evhttp_request_set_on_complete_cb(ev, on_complete, NULL);
	take_id(rq);
	set_peer(rq);
	set_line(rq);
	if (!parse_query(rq) || !one_length(rq)) {
		server_send(rq);
		return;
	}
	rq->route = find(rq, rq->path);
	good = rq->route && admit(rq);
	if (rq->server->config.admit && !rq->server->config.admit(rq))
		return;
	if (good)
		rq->route->handle(rq);
	else
		server_send(rq);
}
