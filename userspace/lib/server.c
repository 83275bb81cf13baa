// SPDX-License-Identifier: GPL-2.0
/*
 * server.c - the server's beginning and end
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "server_private.h"

/* Whatever is not in the routes is answered by us, with a problem document. */
#define ALL_METHODS	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | \
			 EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH)

static int listen_on(struct server *s, struct zkhsm_error *err)
{
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} address = { 0 };
	struct evhttp_bound_socket *bound;
	socklen_t len = sizeof(address);
	const int on = 1;

	errno = 0;
	bound = evhttp_bind_socket_with_handle(s->http, s->config.address, s->config.port);
	if (!bound)
		return zkhsm_fail(err, errno ? -errno : -EINVAL, "cannot listen on %s port %u: %s",
				  s->config.address, s->config.port,
				  errno ? strerror(errno) : "not a numeric address");
	s->listener = evhttp_bound_socket_get_listener(bound);
	/*
	 * Accepted sockets inherit it. Head and body of an answer are two writes,
	 * and the second would wait for the client's delayed acknowledgement.
	 */
	setsockopt(evhttp_bound_socket_get_fd(bound), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (getsockname(evhttp_bound_socket_get_fd(bound), &address.any, &len))
		return zkhsm_fail(err, -errno, "getsockname: %s", strerror(errno));
	s->port = ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port :
							    address.in.sin_port);
	return 0;
}

int server_new(struct event_base *base, const struct server_config *config, struct server **out,
	       struct zkhsm_error *err)
{
	struct server *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	s->config = *config;
	s->base = base;
	TAILQ_INIT(&s->conns);
	ret = server_tls_new(config, &s->tls, err);
	if (ret)
		goto fail;
	s->http = evhttp_new(base);
	if (!s->http) {
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto fail;
	}
	evhttp_set_max_headers_size(s->http, (ev_ssize_t)config->max_head);
	/* One more byte shows that a body is too large, and is answered by us. */
	evhttp_set_max_body_size(s->http, (ev_ssize_t)config->max_body + 1);
	evhttp_set_allowed_methods(s->http, ALL_METHODS);
	evhttp_set_default_content_type(s->http, NULL);
	/* Its own timeouts restart with every byte; the connection's timer does not. */
	evhttp_set_timeout(s->http, 24 * 3600);
	evhttp_set_bevcb(s->http, server_conn_new, s);
	evhttp_set_gencb(s->http, server_dispatch, s);
	ret = listen_on(s, err);
	if (ret)
		goto fail;
	*out = s;
	return 0;
fail:
	server_free(s);
	return ret;
}

int server_reload(struct server *s, const struct server_config *config, struct zkhsm_error *err)
{
	struct server_conn *c;
	SSL_CTX *tls;
	int ret = server_tls_new(config, &tls, err);

	if (ret)
		return ret;
	/* Open connections have a reference to theirs. */
	SSL_CTX_free(s->tls);
	s->tls = tls;
	s->era++;
	TAILQ_FOREACH(c, &s->conns, link)
		c->peer_known = false;
	return 0;
}

uint16_t server_port(const struct server *s)
{
	return s->port;
}

unsigned int server_connections(const struct server *s)
{
	return s->conn_count;
}

void server_stop(struct server *s)
{
	struct server_conn *c, *next;

	s->stopping = true;
	evconnlistener_disable(s->listener);
	for (c = TAILQ_FIRST(&s->conns); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->state == CONN_IDLE)
			server_conn_close(c);
	}
}

void server_free(struct server *s)
{
	if (!s)
		return;
	s->stopping = true;
	s->listener = NULL;
	if (s->http)
		evhttp_free(s->http);
	/* Connections go in the loop's next turns, and @s with the last of them. */
	for (int turns = 0; s->conn_count && turns < 100; turns++)
		event_base_loop(s->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	SSL_CTX_free(s->tls);
	free(s);
}
