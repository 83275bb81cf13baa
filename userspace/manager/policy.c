// SPDX-License-Identifier: GPL-2.0
/*
 * policy.c - the policy in force, and references to it
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "policy_private.h"

/* Held for a pointer and a counter: between taking one and the other it may be replaced. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct zkhsmd_policy *zkhsmd_policy_get(struct zkhsmd *m)
{
	struct zkhsmd_policy *p;

	pthread_mutex_lock(&lock);
	p = m->policy;
	if (p)
		atomic_fetch_add(&p->references, 1);
	pthread_mutex_unlock(&lock);
	return p;
}

void zkhsmd_policy_put(struct zkhsmd_policy *p)
{
	if (p && atomic_fetch_sub(&p->references, 1) == 1)
		policy_free(p);
}

void zkhsmd_policy_set(struct zkhsmd *m, struct zkhsmd_policy *p)
{
	struct zkhsmd_policy *old;

	pthread_mutex_lock(&lock);
	old = m->policy;
	m->policy = p;
	pthread_mutex_unlock(&lock);
	zkhsmd_policy_put(old);
}

const uint8_t *zkhsmd_policy_digest(const struct zkhsmd_policy *p)
{
	static const uint8_t none[32];

	return p ? p->digest : none;
}

void zkhsmd_policy_id(const struct zkhsmd_policy *p, const char *rule, char id[ZKHSMD_POLICY_ID])
{
	snprintf(id, ZKHSMD_POLICY_ID, "urn:zkhsm:policy:%s:%s:%s", p ? p->name : "unnamed",
		 p ? p->version : "0", rule);
	/* "keys signing", as the file has it, cannot stand in a URN. */
	for (char *at = id; *at; at++) {
		if (*at == ' ')
			*at = ':';
	}
}

const struct zkhsmd_fraud *zkhsmd_policy_fraud(const struct zkhsmd_policy *p)
{
	static const struct zkhsmd_fraud fallback = ZKHSMD_FRAUD_DEFAULT;

	return p ? &p->fraud : &fallback;
}

const struct zkhsmd_hook *zkhsmd_policy_hooks(const struct zkhsmd_policy *p, size_t *count)
{
	*count = p ? p->hook_count : 0;
	return p ? p->hooks : NULL;
}
