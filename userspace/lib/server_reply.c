// SPDX-License-Identifier: GPL-2.0
/*
 * server_reply.c - bodies in, answers and problem documents out
 */
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server_private.h"

const char *server_query(const struct server_request *rq, const char *name)
{
	return evhttp_find_header(&rq->query, name);
}

void server_json_problem(struct server_request *rq, const json_error_t *error)
{
	server_reply_problem(rq, 400, "request", "Malformed request", NULL, "%s", error->text);
}

json_t *server_json(struct server_request *rq)
{
	json_error_t error;
	json_t *body;

	body = json_loadb((const char *)rq->body, rq->body_len, JSON_REJECT_DUPLICATES, &error);
	if (json_is_object(body))
		return body;
	if (body)
		snprintf(error.text, sizeof(error.text), "the body is not a JSON object");
	json_decref(body);
	server_json_problem(rq, &error);
	return NULL;
}

static void release_body(char *body, void (*release)(void *owner), void *owner)
{
	if (release)
		release(owner);
	else
		free(body);
}

/* Whoever has the body, it goes. */
void server_reply_drop(struct server_reply *r)
{
	if (r->body)
		release_body(r->body, r->release, r->owner);
	r->body = NULL;
	r->len = 0;
	r->release = NULL;
	r->owner = NULL;
}

void server_reply_shared(struct server_request *rq, int status, const char *media,
			 const char *body, size_t len, void (*release)(void *owner), void *owner)
{
	server_reply_bytes(rq, status, media, (char *)(uintptr_t)body, len);
	rq->reply.release = release;
	rq->reply.owner = owner;
}

void server_reply_bytes(struct server_request *rq, int status, const char *media, char *body,
			size_t len)
{
	server_reply_drop(&rq->reply);
	rq->reply.status = status;
	rq->reply.media = media;
	rq->reply.body = body;
	rq->reply.len = body ? len : 0;
}

void server_reply_json(struct server_request *rq, int status, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	server_reply_bytes(rq, status, text ? "application/json" : NULL, text,
			   text ? strlen(text) : 0);
}

void server_reply_header(struct server_request *rq, const char *name, const char *format, ...)
{
	struct server_reply *r = &rq->reply;
	va_list args;

	if (r->header_count == ARRAY_SIZE(r->headers))
		return;
	r->headers[r->header_count].name = name;
	va_start(args, format);
	vsnprintf(r->headers[r->header_count].value, sizeof(r->headers[0].value), format, args);
	va_end(args);
	r->header_count++;
}

void server_reply_problem(struct server_request *rq, int status, const char *urn,
			  const char *title, json_t *extra, const char *format, ...)
{
	json_t *body = extra ? extra : json_object();
	char detail[384], type[40];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	snprintf(type, sizeof(type), "urn:zkhsm:%s", urn);
	snprintf(rq->reply.problem, sizeof(rq->reply.problem), "%s", urn);
	json_object_set_new(body, "type", json_string(type));
	json_object_set_new(body, "title", json_string(title));
	json_object_set_new(body, "status", json_integer(status));
	/* What a client sent may stand in the sentence and need not be UTF-8: set fails then. */
	json_object_set_new(body, "detail", json_string(detail));
	json_object_set_new(body, "request_id", json_string(rq->id));
	server_reply_json(rq, status, body);
	rq->reply.media = "application/problem+json";
}

static const char *reason_phrase(int status)
{
	static const struct { int status; const char *text; } phrases[] = {
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" }, { 204, "No Content" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" }, { 403, "Forbidden" },
		{ 404, "Not Found" }, { 405, "Method Not Allowed" }, { 408, "Request Timeout" },
		{ 409, "Conflict" }, { 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" }, { 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" }, { 503, "Service Unavailable" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(phrases); i++) {
		if (phrases[i].status == status)
			return phrases[i].text;
	}
	return "Error";
}

static void add_headers(struct server_request *rq)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(rq->ev);
	struct server_reply *r = &rq->reply;

	if (r->media)
		evhttp_add_header(out, "Content-Type", r->media);
	evhttp_add_header(out, "X-Request-Id", rq->id);
	for (size_t i = 0; i < r->header_count; i++)
		evhttp_add_header(out, r->headers[i].name, r->headers[i].value);
	if (!evhttp_find_header(out, "Cache-Control"))
		evhttp_add_header(out, "Cache-Control", "no-store");
	if (rq->server->stopping)
		evhttp_add_header(out, "Connection", "close");
}

/* What is left of a reply when the connection has its body. */
struct sent {
	char *body;
	void (*release)(void *owner);
	void *owner;
};

static void on_sent(const void *data, size_t len, void *arg)
{
	struct sent *sent = arg;

	(void)data;
	(void)len;
	release_body(sent->body, sent->release, sent->owner);
	free(sent);
}

/* Without a copy: @r has no body any more, unless there was no memory. */
static void hand_over(struct server_reply *r, struct evbuffer *out)
{
	struct sent *sent = malloc(sizeof(*sent));

	if (!sent)
		return;
	*sent = (struct sent){ r->body, r->release, r->owner };
	if (evbuffer_add_reference(out, r->body, r->len, on_sent, sent)) {
		free(sent);
		return;
	}
	r->body = NULL;
}

/*
 * Head and body in one piece make one TLS record and one packet. evhttp begins to
 * write with the loop's next turn.
 */
static void join_output(struct server_conn *c)
{
	struct evbuffer *output = bufferevent_get_output(c->bev);

	if (evbuffer_get_length(output) <= SSL3_RT_MAX_PLAIN_LENGTH)
		evbuffer_pullup(output, -1);
}

void server_send(struct server_request *rq)
{
	struct server_reply *r = &rq->reply;
	struct evbuffer *out = evbuffer_new();

	if (!r->status)
		server_reply_problem(rq, 503, "internal", "Internal error", NULL, "no answer was made");
	add_headers(rq);
	if (rq->server->config.seen)
		rq->server->config.seen(rq);
	if (out && r->body)
		hand_over(r, out);
	if (rq->conn)
		server_conn_set(rq->conn, CONN_WRITING);
	/* A request whose connection has gone is freed by this, too. */
	evhttp_send_reply(rq->ev, r->status, reason_phrase(r->status), out);
	if (rq->conn)
		join_output(rq->conn);
	if (out)
		evbuffer_free(out);
	server_request_free(rq);
}
