/* SPDX-License-Identifier: GPL-2.0 */
/*
 * role.h - who may do what, by the common name of a client certificate
 *
 * Each route declares whom it is for; so a new one is nobody's until somebody has
 * thought about it. The policy file says who is what. Without a word of it every
 * certificate of the administrators' CA is an administrator's.
 */
#ifndef ZKHSM_ROLE_H
#define ZKHSM_ROLE_H

#include "policy.h"

enum zkhsmd_role {
	ZKHSMD_ADMINISTRATOR = 1 << 0,	/* everything */
	ZKHSMD_OPERATOR = 1 << 1,	/* enrols, approves, holds, releases holds, acknowledges */
	ZKHSMD_AUDITOR = 1 << 2,	/* reads everything */
	ZKHSMD_METRICS = 1 << 3,	/* reads /metrics */
};

/* What most routes have: one of these in .roles. */
#define ZKHSMD_READERS	(ZKHSMD_ADMINISTRATOR | ZKHSMD_OPERATOR | ZKHSMD_AUDITOR)
#define ZKHSMD_WORKERS	(ZKHSMD_ADMINISTRATOR | ZKHSMD_OPERATOR)

#define ZKHSMD_ROLES_TEXT	64	/* "administrator,operator,auditor,metrics" */

/**
 * struct zkhsmd_roles - [roles] of the policy: the common names that have each, or patterns
 * of them as elsewhere in the policy
 * @line:	where the section begins, 0 when there is none
 */
struct zkhsmd_roles {
	int line;
	struct conf_list administrators, operators, auditors, metrics;
};

/* Of the policy; lives as long as it does. */
const struct zkhsmd_roles *zkhsmd_policy_roles(const struct zkhsmd_policy *p);

/*
 * Of a certificate with this common name, or with none (""). @bad: with several of them or
 * a strange one, which is nobody's whatever the policy says.
 */
unsigned int zkhsmd_roles_of(const struct zkhsmd_roles *r, const char *cn, bool bad);
const char *zkhsmd_roles_text(unsigned int roles, char out[ZKHSMD_ROLES_TEXT]);
/*
 * For a route that is several acts in one: whether the client may, else it has been
 * answered with 403. On the loop, and the last thing before a job is made.
 */
bool zkhsmd_role_check(struct server_request *rq, unsigned int roles);
/* What the server asks before every handler: limits, then roles. */
bool zkhsmd_admit(struct server_request *rq);

#endif /* ZKHSM_ROLE_H */
