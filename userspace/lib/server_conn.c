// SPDX-License-Identifier: GPL-2.0
/*
 * server_conn.c - what one connection may hold, and for how long
 *
 * evhttp gathers a request and shows it when it is whole; what goes on before
 * is watched here, on the buffer that it reads from.
 */
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/listener.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server_private.h"

/* Origins that share a slot share a share: too few to matter, and nobody can choose it. */
#define SLOTS		1024
/* A large request below this, after its first second, has no right to its place. */
#define LARGE_BYTES_PER_S	65536

static int ex_index = -1;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* evhttp gives the connection its socket after it has asked for the buffer, hence late. */
const char *server_conn_origin(struct server_conn *c)
{
	struct sockaddr_storage address = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(address);

	if (c->origin[0])
		return c->origin;
	if (getpeername(bufferevent_getfd(c->bev), (struct sockaddr *)&address, &len))
		return "unknown";
	server_origin((struct sockaddr *)&address, c->origin);
	c->slot = server_origin_hash(c->origin) % SLOTS;
	return c->origin;
}

static unsigned int conn_slot(struct server_conn *c)
{
	server_conn_origin(c);
	return c->slot;
}

static void set_timer(struct server_conn *c, uint64_t ms)
{
	struct timeval tv = { .tv_sec = (time_t)(ms / 1000),
			      .tv_usec = (suseconds_t)(ms % 1000 * 1000) };

	event_add(c->timer, &tv);
}

static void small_again(struct server_conn *c)
{
	if (c->large)
		c->server->large_count--;
	c->large = false;
	c->bytes = 0;
}

void server_conn_set(struct server_conn *c, enum conn_state state)
{
	struct server *s = c->server;

	c->state = state;
	switch (state) {
	case CONN_READING:
		c->since_ms = now_ms();
		set_timer(c, s->config.request_ms);
		break;
	case CONN_ANSWERING:
		/* The body is the handler's, and counts as held, until the answer. */
		event_del(c->timer);
		break;
	case CONN_WRITING:
		set_timer(c, s->config.large_ms);
		break;
	case CONN_IDLE:
		small_again(c);
		set_timer(c, s->config.idle_ms);
		TAILQ_REMOVE(&s->conns, c, link);
		TAILQ_INSERT_TAIL(&s->conns, c, link);
		break;
	case CONN_CLOSED:
		break;
	}
}

/*
 * As evhttp does when a time of its own runs out: without an answer. @c itself
 * goes in one of the loop's next turns, but makes room now.
 */
void server_conn_close(struct server_conn *c)
{
	if (c->state == CONN_CLOSED)
		return;
	c->state = CONN_CLOSED;
	c->server->closed_count++;
	small_again(c);
	bufferevent_trigger_event(c->bev, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	server_conn_close(arg);
}

static bool too_slow(const struct server_conn *c)
{
	int64_t ms = now_ms() - c->since_ms;

	return ms >= 1000 && (int64_t)c->bytes < LARGE_BYTES_PER_S * ms / 1000;
}

/*
 * The large places are few and anybody can take one. So who dawdles in one loses
 * it, and so does a source with several of them to one that has none.
 */
static void make_room_large(struct server_conn *newest)
{
	struct server *s = newest->server;
	unsigned int held[SLOTS] = { 0 };
	struct server_conn *c;

	TAILQ_FOREACH(c, &s->conns, link)
		held[conn_slot(c)] += c->large;
	TAILQ_FOREACH(c, &s->conns, link) {
		if (c->large && c->state == CONN_READING &&
		    (too_slow(c) || (held[conn_slot(c)] > 1 && !held[conn_slot(newest)]))) {
			server_conn_close(c);
			return;
		}
	}
}

/* A request beyond SERVER_SMALL takes one of few places, and gets more time. */
static void grow(struct server_conn *c)
{
	struct server *s = c->server;

	if (s->large_count >= s->config.large_max)
		make_room_large(c);
	if (s->large_count >= s->config.large_max) {
		/* Not from within the buffer's own callback. */
		set_timer(c, 0);
		bufferevent_disable(c->bev, EV_READ);
		return;
	}
	c->large = true;
	s->large_count++;
	set_timer(c, s->config.large_ms);
}

static void on_input(struct evbuffer *buffer, const struct evbuffer_cb_info *info, void *arg)
{
	struct server_conn *c = arg;

	(void)buffer;
	if (!info->n_added)
		return;
	if (c->state == CONN_IDLE)
		server_conn_set(c, CONN_READING);
	c->bytes += info->n_added;
	if (c->state == CONN_READING && !c->large && c->bytes > SERVER_SMALL)
		grow(c);
}

/* Runs when the SSL object goes, whoever freed the connection. */
static void on_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl, void *argp)
{
	struct server_conn *c = ptr;
	struct server *s;

	(void)parent;
	(void)ad;
	(void)idx;
	(void)argl;
	(void)argp;
	if (!c)
		return;
	s = c->server;
	if (c->rq)
		c->rq->conn = NULL;
	small_again(c);
	if (c->state == CONN_CLOSED)
		s->closed_count--;
	event_free(c->timer);
	TAILQ_REMOVE(&s->conns, c, link);
	s->conn_count--;
	if (s->listener && !s->stopping)
		evconnlistener_enable(s->listener);
	free(c);
}

/*
 * Whoever has more than a quarter of all connections gives one back, be it idle or
 * not whole yet: otherwise one host that opens them and says nothing would keep
 * everybody out. Nobody else loses more than an idle one. The newest connection
 * has been counted already.
 */
static void make_room(struct server *s)
{
	struct server_conn *c, *idle = NULL, *greedy = NULL;
	unsigned int held[SLOTS] = { 0 };

	if (s->conn_count - s->closed_count < s->config.connections_max)
		return;
	TAILQ_FOREACH(c, &s->conns, link)
		held[conn_slot(c)] += c->state != CONN_CLOSED;
	TAILQ_FOREACH(c, &s->conns, link) {
		if (!idle && c->state == CONN_IDLE)
			idle = c;
		if (!greedy && (c->state == CONN_READING || c->state == CONN_WRITING) &&
		    c != TAILQ_LAST(&s->conns, server_conns) &&
		    held[conn_slot(c)] > s->config.connections_max / 4)
			greedy = c;
	}
	if (greedy && (!idle || held[conn_slot(idle)] <= s->config.connections_max / 4))
		idle = greedy;
	if (idle)
		server_conn_close(idle);
	else
		evconnlistener_disable(s->listener);
}

/* Once for the process, in which each thread may have a server. */
static void take_ex_index(void)
{
	ex_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, on_free);
}

struct bufferevent *server_conn_new(struct event_base *base, void *server)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct server_conn *c = calloc(1, sizeof(*c));
	struct server *s = server;

	pthread_once(&once, take_ex_index);
	if (!c || ex_index < 0)
		abort();
	c->server = s;
	c->ssl = SSL_new(s->tls);
	c->era = s->era;
	c->timer = event_new(base, -1, 0, on_timer, c);
	if (c->ssl && c->timer)
		c->bev = bufferevent_openssl_socket_new(base, -1, c->ssl, BUFFEREVENT_SSL_ACCEPTING,
							BEV_OPT_CLOSE_ON_FREE);
	/* NULL would make evhttp go on in the clear. */
	if (!c->bev || !SSL_set_ex_data(c->ssl, ex_index, c) ||
	    !evbuffer_add_cb(bufferevent_get_input(c->bev), on_input, c))
		abort();
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	TAILQ_INSERT_TAIL(&s->conns, c, link);
	s->conn_count++;
	server_conn_set(c, CONN_READING);
	make_room(s);
	return c->bev;
}

struct server_conn *server_conn_of(struct evhttp_request *ev)
{
	struct evhttp_connection *evcon = evhttp_request_get_connection(ev);

	if (!evcon)
		return NULL;
	return SSL_get_ex_data(bufferevent_openssl_get_ssl(
				evhttp_connection_get_bufferevent(evcon)), ex_index);
}
