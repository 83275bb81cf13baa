/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake_server.h - a server of ours with a test's routes, in a thread
 */
#ifndef ZKHSM_TEST_FAKE_SERVER_H
#define ZKHSM_TEST_FAKE_SERVER_H

#include <pthread.h>

#include "server.h"

struct fake_server {
	struct server *server;
	struct event_base *base;
	struct event *stop;
	pthread_t thread;
	int port;
};

/* @client_ca NULL: certificates are not asked for. evthread_use_pthreads() has been called. */
void fake_server_begin(struct fake_server *f, const char *certificate, const char *private_key,
		       const char *client_ca, const struct server_route *routes, size_t count,
		       void *arg);
void fake_server_end(struct fake_server *f);

#endif /* ZKHSM_TEST_FAKE_SERVER_H */
