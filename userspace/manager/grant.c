// SPDX-License-Identifier: GPL-2.0
/*
 * grant.c - whether an operation may be granted
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grant.h"
#include "policy.h"

int64_t zkhsmd_uptime(const struct zkhsmd_hsm *h, const uint8_t boot_id[16],
		      struct zkhsmd_time now, int64_t newest_wall)
{
	int64_t age = zkhsmd_age(h, boot_id, now, newest_wall), gap;

	if (age < 0 || h->uptime_ms > INT64_MAX / 2)
		return -1;
	/*
	 * S was made between the nonce and the evidence that answers it. The later of the
	 * two gives the uptime that the HSM has for certain; a clock that was set meanwhile
	 * cannot make it more than that.
	 */
	gap = h->received_ms - h->attested_ms;
	if (gap < 0 || gap > age)
		gap = gap < 0 ? 0 : age;
	return (int64_t)h->uptime_ms + age - gap;
}

void zkhsmd_running_json(struct zkhsmd *m, const struct zkhsmd_hsm *h, json_t *o)
{
	int64_t uptime = zkhsmd_uptime(h, m->boot_id, zkhsmd_now(), m->newest_wall);
	char *instance = h->attested ? zkhsm_hex(h->instance_id, sizeof(h->instance_id)) : NULL;

	json_object_set_new(o, "instance_id", instance ? json_string(instance) : json_null());
	json_object_set_new(o, "uptime_ms", uptime >= 0 ? json_integer(uptime) : json_null());
	free(instance);
}

static enum zkhsmd_grant_verdict judge_terms(const struct zkhsmd_hsm *h, struct zkhsmd_grant *g)
{
	const struct zkhsm_grant_terms *t = &g->terms;

	if (strcmp(g->key.status, "attested") != 0)
		return ZKHSMD_GRANT_KEY_REFUSED;
	if (memcmp(t->element, g->key.element, sizeof(t->element)) != 0)
		return ZKHSMD_GRANT_ELEMENT;
	if (memcmp(t->instance_id, h->instance_id, sizeof(t->instance_id)) != 0)
		return ZKHSMD_GRANT_INSTANCE;
	if (g->uptime_ms < 0 || t->not_after_ms <= (uint64_t)g->uptime_ms ||
	    t->not_after_ms > (uint64_t)g->uptime_ms + ZKHSM_GRANT_AHEAD_MAX_MS)
		return ZKHSMD_GRANT_NOT_AFTER;
	return ZKHSMD_GRANT_YES;
}

static bool policy_allows(struct zkhsmd *m, const struct zkhsmd_hsm *h, struct zkhsmd_grant *g)
{
	struct zkhsmd_policy *p = zkhsmd_policy_get(m);
	const char *rule;

	rule = zkhsmd_policy_grant(p, h, &g->key.entry, g->terms.client,
				   (uint8_t)g->terms.operation);
	snprintf(g->rule, sizeof(g->rule), "%s", rule ? rule : "");
	zkhsmd_policy_put(p);
	return rule;
}

int zkhsmd_grant_judge(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_grant *g,
		       enum zkhsmd_grant_verdict *verdict)
{
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, g->hsm_id, &h);

	if (!ret && !h.enrolled)
		ret = -ENOENT;
	if (!ret)
		ret = zkhsmd_key_find(m, store, &h, g->key_id, &g->key);
	if (ret) {
		*verdict = ZKHSMD_GRANT_NO_SUCH_KEY;
		return ret == -ENOENT ? 0 : ret;
	}
	g->uptime_ms = zkhsmd_uptime(&h, m->boot_id, zkhsmd_now(), m->newest_wall);
	*verdict = judge_terms(&h, g);
	if (*verdict == ZKHSMD_GRANT_YES && !policy_allows(m, &h, g))
		*verdict = ZKHSMD_GRANT_POLICY;
	return 0;
}
