// SPDX-License-Identifier: GPL-2.0
/*
 * role.c - who may do what
 */
#include <stdio.h>
#include <string.h>

#include "audit_log.h"
#include "policy_private.h"
#include "rate.h"

static const char *const names[] = { "administrator", "operator", "auditor", "metrics" };

unsigned int zkhsmd_roles_of(const struct zkhsmd_roles *r, const char *cn, bool bad)
{
	const struct conf_list *const lists[] = { &r->administrators, &r->operators, &r->auditors,
						  &r->metrics };
	unsigned int roles = 0;

	if (bad)
		return 0;
	if (!r->line)
		return ZKHSMD_ADMINISTRATOR;
	/* "*" is any name, but no name is none. */
	for (size_t i = 0; *cn && i < ARRAY_SIZE(lists); i++) {
		if (policy_match(lists[i], cn))
			roles |= 1U << i;
	}
	return roles;
}

const char *zkhsmd_roles_text(unsigned int roles, char out[ZKHSMD_ROLES_TEXT])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (roles & 1U << i)
			len += (size_t)snprintf(out + len, ZKHSMD_ROLES_TEXT - len, "%s%s",
						len ? "," : "", names[i]);
	}
	return out;
}

const struct zkhsmd_roles *zkhsmd_policy_roles(const struct zkhsmd_policy *p)
{
	static const struct zkhsmd_roles none;

	return p ? &p->roles : &none;
}

static void refuse(struct server_request *rq, unsigned int needed)
{
	char need[ZKHSMD_ROLES_TEXT], have[ZKHSMD_ROLES_TEXT];

	zkhsmd_roles_text(needed, need);
	zkhsmd_roles_text(rq->roles, have);
	if (rq->peer_cn_bad)
		zkhsmd_problem_extra(rq, P_ROLE, json_pack("{s:s}", "needed", need),
				     "this takes one of the roles %s, and a certificate has to have one common name of printable characters",
				     need);
	else
		zkhsmd_problem_extra(rq, P_ROLE, json_pack("{s:s, s:s}", "needed", need, "have", have),
				     "this takes one of the roles %s; %s has %s", need,
				     rq->peer_cn[0] ? rq->peer_cn : "a certificate without a common name",
				     have[0] ? have : "none");
}

bool zkhsmd_role_check(struct server_request *rq, unsigned int roles)
{
	if (rq->roles & roles)
		return true;
	refuse(rq, roles);
	zkhsmd_audit_refused(rq);
	return false;
}

bool zkhsmd_admit(struct server_request *rq)
{
	struct zkhsmd_policy *p;

	if (!zkhsmd_rate_source(rq))
		return false;
	/* What the server refuses by itself has its answer. */
	if (rq->reply.status || !rq->route || rq->route->roles & SERVER_PUBLIC)
		return true;
	p = zkhsmd_policy_get(rq->arg);
	rq->roles = zkhsmd_roles_of(zkhsmd_policy_roles(p), rq->peer_cn, rq->peer_cn_bad);
	zkhsmd_policy_put(p);
	return zkhsmd_role_check(rq, rq->route->roles);
}
