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
 * @next_ms:	when it wants evidence again
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
	char challenge_id[65], evidence_id[65];		/* X-Request-Id of the newest */
	unsigned int challenges, evidence, accepted, whole, deltas, configurations, polls;
	uint64_t next_ms;
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
/* What a test waits for comes within this, or it does not come. */
#define FAKE_PATIENCE_S	30
/* Sleeps until @condition, which is looked at with fake_lock after each request to anybody. */
#define FAKE_AWAIT(condition)						\
	do {								\
		struct timespec until_;					\
		int ret_ = 0;						\
		clock_gettime(CLOCK_REALTIME, &until_);			\
		until_.tv_sec += FAKE_PATIENCE_S;			\
		pthread_mutex_lock(&fake_lock);				\
		while (!ret_ && !(condition))				\
			ret_ = pthread_cond_timedwait(&fake_changed, &fake_lock, &until_); \
		pthread_mutex_unlock(&fake_lock);			\
		if (ret_)						\
			fail_msg("%s: did not come", #condition);	\
	} while (0)

#endif /* ZKHSM_TEST_FAKE_MANAGER_H */
