/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake_manager.h - a manager that knows what it is told to know
 *
 * A real HTTPS server in a thread, with the part of the manager's API that
 * agents use. It verifies what it is sent; a test that sends it something false
 * fails. There is one, and its fields are touched only while no request of the
 * test's is under way.
 */
#ifndef ZKHSM_TEST_FAKE_MANAGER_H
#define ZKHSM_TEST_FAKE_MANAGER_H

#include "server.h"

/**
 * struct fake_manager - what it knows, and what it was sent
 * @list, @config: the newest it was sent
 * @evidence, @whole, @deltas, @configurations, @polls: how many requests
 * @refuse_status, @refuse_urn: how it answers evidence, unless NULL
 * @refuse_first: and before it asks for anything
 * @forget_base: differences are refused
 * @never_satisfied: the list is needed whatever was sent
 * @challenge:	what it answers for a challenge, as it stands, unless NULL
 * @need:	what it says that it needs, as JSON, unless NULL
 * @put_status:	how it refuses lists and configurations, unless 0
 * @orders:	all are sent, whatever was asked for
 */
struct fake_manager {
	struct server *server;
	struct event_base *base;
	EVP_PKEY *key;
	uint8_t id[32], public[65], nonce[32];
	uint8_t *list, *config;
	size_t list_len, config_len;
	unsigned int evidence, whole, deltas, configurations, polls;
	int refuse_status;
	const char *refuse_urn;
	bool refuse_first, forget_base, never_satisfied;
	int challenge_status, put_status;
	const char *challenge, *need;
	json_t *orders;
};

extern struct fake_manager fake;

void fake_manager_begin(const char *certificate, const char *private_key);
void fake_manager_end(void);

#endif /* ZKHSM_TEST_FAKE_MANAGER_H */
