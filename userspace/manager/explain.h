/* SPDX-License-Identifier: GPL-2.0 */
/*
 * explain.h - why a key is trusted, or not
 */
#ifndef ZKHSM_EXPLAIN_H
#define ZKHSM_EXPLAIN_H

#include "policy.h"

/*
 * Each check in its order, with what came of it: {trusted, checks: [{check, result, text,
 * rule?}]}. @trusted is whether a token would be given now. -ENOENT: no such HSM.
 */
int zkhsmd_explain(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
		   const char *key_id, json_t **out);

/* api_policy.c */
void zkhsmd_api_policy_get(struct server_request *rq);
void zkhsmd_api_explain(struct server_request *rq);

#endif /* ZKHSM_EXPLAIN_H */
