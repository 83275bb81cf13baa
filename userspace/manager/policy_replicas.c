// SPDX-License-Identifier: GPL-2.0
/*
 * policy_replicas.c - which HSMs a key may be on, and what clients may have grants for
 */
#include <string.h>

#include "policy_private.h"

const struct zkhsmd_replicas *zkhsmd_policy_replicas(const struct zkhsmd_policy *p,
						     const char *key_id)
{
	for (const struct policy_rule *r = p ? p->rules[POLICY_REPLICAS] : NULL; r; r = r->next) {
		if (policy_match(policy_key_patterns(r), key_id))
			return (const struct zkhsmd_replicas *)r;
	}
	return NULL;
}

const char *zkhsmd_replicas_name(const struct zkhsmd_replicas *r)
{
	return r->rule.title;
}

bool zkhsmd_replicas_has(const struct zkhsmd_replicas *r, const struct zkhsmd_hsm *h)
{
	return policy_match_hsm(&r->rule, h);
}

enum zkhsmd_on_duplicate zkhsmd_replicas_on_duplicate(const struct zkhsmd_replicas *r)
{
	if (!r->on_duplicate)
		return r->fallback;
	return (enum zkhsmd_on_duplicate)__builtin_ctz(r->on_duplicate) + 1;
}

static bool is_client(const struct policy_grants *g, const uint8_t client[65])
{
	static const uint8_t nobody[65];
	uint8_t digest[32], one[32];

	zkhsm_sha256(client, 65, digest);
	for (size_t i = 0; i < g->clients.count; i++) {
		if (strcmp(g->clients.items[i].text, "any") == 0)
			return true;
		/* Zeroes have a digest too, that somebody may be made to list. */
		if (memcmp(client, nobody, sizeof(nobody)) != 0 &&
		    zkhsm_unhex(g->clients.items[i].text, one, sizeof(one)) == 0 &&
		    memcmp(one, digest, sizeof(one)) == 0)
			return true;
	}
	return false;
}

const char *zkhsmd_policy_grant(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
				const struct zkhsm_list_entry *e, const uint8_t client[65],
				uint8_t operation)
{
	if (!operation || operation > 32)
		return NULL;
	for (const struct policy_rule *r = p ? p->rules[POLICY_GRANTS] : NULL; r; r = r->next) {
		const struct policy_grants *g = (const struct policy_grants *)r;

		if (g->operations >> (operation - 1) & 1 && policy_match_key(r, e) &&
		    policy_match_hsm(r, h) && is_client(g, client))
			return r->title;
	}
	return NULL;
}
