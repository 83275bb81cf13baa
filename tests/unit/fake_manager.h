/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake_manager.h - managers that know what they are told to know
 *
 * Each is a real HTTPS server in a thread, with the part of the manager's API
 * that agents use. It verifies what it is sent; a test that sends it something
 * false fails. Its handlers hold fake_lock, and so does whoever looks while
 * requests may be under way.
 */
#ifndef ZKHSM_TEST_FAKE_MANAGER_H
#define ZKHSM_TEST_FAKE_MANAGER_H

#include <pthread.h>

#include "server.h"

/**
 * struct fake_manager - what it knows, and what it was sent
 * @list, @config: the newest it was sent
 * @challenges, @evidence, @accepted, @whole, @deltas, @configurations, @polls:
 *		how many requests
 * @refuse_status, @refuse_urn: how it answers evidence, unless NULL
 * @refuse_first: and before it asks for anything
 * @forget_base: differences are refused
 * @never_satisfied: the list is needed whatever was sent
 * @challenge:	what it answers for a challenge, as it stands, unless NULL
 * @need:	what it says that it needs, as JSON, unless NULL
 * @put_status:	how it refuses lists and configurations, unless 0
 * @orders:	all are sent, whatever was asked for
 * @in_turn:	but with this only those that were asked for
 * @lease_ttl_ms: accepted evidence gets a lease for so long, unless 0
 * @lease_least: what that says must have been applied
 * @lease:	what it gives for a lease, as JSON, unless NULL
 * @hold_challenges, @hold_evidence: such requests are not answered until
 *		fake_manager_let_go(), though all else is done
 */
struct fake_manager {
	struct server *server;
	struct event_base *base;
	struct event *stop, *let_go;
	pthread_t thread;
	EVP_PKEY *key;
	uint8_t id[32], public[65], nonce[32];
	uint8_t *list, *config;
	size_t list_len, config_len;
	unsigned int challenges, evidence, accepted, whole, deltas, configurations, polls;
	int refuse_status;
	const char *refuse_urn;
	bool refuse_first, forget_base, never_satisfied;
	int challenge_status, put_status;
	const char *challenge, *need;
	json_t *orders;
	bool in_turn;
	uint64_t lease_ttl_ms, lease_least;
	const char *lease;
	bool hold_challenges, hold_evidence;
	struct server_request *held;
};

extern pthread_mutex_t fake_lock;
extern pthread_cond_t fake_changed;	/* on CLOCK_REALTIME */

struct fake_manager *fake_manager_begin(const char *certificate, const char *private_key);
void fake_manager_end(struct fake_manager *fake);
/* The request that is held is answered, and no other is held. */
void fake_manager_let_go(struct fake_manager *fake);
/* Until @is(@arg), which is asked with fake_lock after each change; a test waits no longer than 30 s. */
void fake_await(bool (*is)(const void *arg), const void *arg);

#endif /* ZKHSM_TEST_FAKE_MANAGER_H */
