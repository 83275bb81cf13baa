/* SPDX-License-Identifier: GPL-2.0 */
/*
 * grant.h - one operation with one key, granted to one client
 *
 * The client makes the body that every manager signs; a manager only says yes or no
 * to it, by what it knows of the HSM and the key, and by its policy.
 */
#ifndef ZKHSM_GRANT_H
#define ZKHSM_GRANT_H

#include "manager.h"

/*
 * How long the HSM has been up at least, in ms, if it runs on: its own word in the
 * newest accepted evidence, and the time since that came. -1: not known.
 */
int64_t zkhsmd_uptime(const struct zkhsmd_hsm *h, const uint8_t boot_id[16],
		      struct zkhsmd_time now, int64_t newest_wall);
/* "instance_id" and "uptime_ms", null while they are not known. */
void zkhsmd_running_json(struct zkhsmd *m, const struct zkhsmd_hsm *h, json_t *o);

enum zkhsmd_grant_verdict {
	ZKHSMD_GRANT_YES, ZKHSMD_GRANT_NO_SUCH_KEY, ZKHSMD_GRANT_KEY_REFUSED,
	ZKHSMD_GRANT_ELEMENT, ZKHSMD_GRANT_INSTANCE, ZKHSMD_GRANT_NOT_AFTER, ZKHSMD_GRANT_POLICY,
};

/**
 * struct zkhsmd_grant - what is asked for, and what was found
 * @uptime_ms:	see zkhsmd_uptime()
 * @key:	with every verdict but _NO_SUCH_KEY
 * @rule:	of the policy that allows it
 */
struct zkhsmd_grant {
	uint8_t hsm_id[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
	struct zkhsm_grant_terms terms;
	int64_t uptime_ms;
	struct zkhsmd_key key;
	char rule[ZKHSMD_RULE_MAX + 1];
};

/* The store's errno, or 0 and *@verdict. */
int zkhsmd_grant_judge(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_grant *g,
		       enum zkhsmd_grant_verdict *verdict);

/* api_grant.c */
void zkhsmd_api_grant(struct server_request *rq);

/* api_token.c: why there is nothing to be had for a key that is not attested */
void zkhsmd_key_refuse(struct server_request *rq, const struct zkhsmd_key *k);

#endif /* ZKHSM_GRANT_H */
