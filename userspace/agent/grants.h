/* SPDX-License-Identifier: GPL-2.0 */
/*
 * grants.h - the grants in a request to sign
 */
#ifndef ZKHSM_AGENT_GRANTS_H
#define ZKHSM_AGENT_GRANTS_H

#include "server.h"

/* @grants.count 0: there were none. It points into this, so it is not copied. */
struct grants {
	struct zkhsm_grants grants;
	struct zkhsm_bytes orders[ZKHSM_MANAGERS_MAX];
	uint8_t client_signature[64];
};

/* Members of the body, or NULL. False when answered; grants_free() in any case. */
bool grants_read(struct server_request *rq, const json_t *orders, const char *client_signature,
		 struct grants *out);
void grants_free(struct grants *g);

#endif /* ZKHSM_AGENT_GRANTS_H */
