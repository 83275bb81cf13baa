/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZKHSM_FLEET_H
#define ZKHSM_FLEET_H

#include "manager.h"

/* One for each of enum zkhsmd_state. */
#define ZKHSMD_STATES	8

/**
 * struct zkhsmd_fleet - how many of what, at one moment
 * @hsms, @keys: by enum zkhsmd_state; keys as their newest lists count them
 * @due, @due_keys: of the attested ones, those older than the interval
 * @held, @revoked: holds and revocations in force, of any scope
 */
struct zkhsmd_fleet {
	uint64_t hsms[ZKHSMD_STATES], keys[ZKHSMD_STATES];
	uint64_t due, due_keys;
	uint64_t held, revoked, list_number;
};

/* The enrolled ones. @fn may ask the store; what it returns other than 0 ends it. */
int zkhsmd_fleet_each(struct zkhsmd_store *store,
		      int (*fn)(const struct zkhsmd_hsm *h, void *arg), void *arg);
int zkhsmd_fleet_count(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_fleet *out);

/* api_fleet.c */
void zkhsmd_api_summary(struct server_request *rq);
void zkhsmd_api_keys(struct server_request *rq);

/* web.c */
void zkhsmd_api_web(struct server_request *rq);
void zkhsmd_api_web_file(struct server_request *rq);

#endif /* ZKHSM_FLEET_H */
