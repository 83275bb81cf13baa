// SPDX-License-Identifier: GPL-2.0
/*
 * fake_server.c - see fake_server.h
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_server.h"

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void *serve(void *arg)
{
	event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

void fake_server_begin(struct fake_server *f, const char *certificate, const char *private_key,
		       const char *client_ca, const struct server_route *routes, size_t count,
		       void *arg)
{
	struct server_config c = {
		.address = "127.0.0.1", .certificate = certificate,
		.private_key = private_key, .client_ca = client_ca, .max_head = 16384,
		.max_body = 1 << 20, .connections_max = 16, .large_max = 4, .idle_ms = 60000,
		.request_ms = 60000, .large_ms = 60000, .routes = routes, .route_count = count,
		.arg = arg,
	};

	f->base = event_base_new();
	assert_int_equal(server_new(f->base, &c, &f->server, NULL), 0);
	f->port = server_port(f->server);
	f->stop = event_new(f->base, -1, 0, on_stop, f->base);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f->base), 0);
}

void fake_server_end(struct fake_server *f)
{
	event_active(f->stop, EV_READ, 0);
	pthread_join(f->thread, NULL);
	event_free(f->stop);
	server_free(f->server);
	event_base_free(f->base);
}
