// SPDX-License-Identifier: GPL-2.0
/*
 * policy_judge.c - what the policy says, to be kept for longer than the policy
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"

static void set(struct zkhsmd_judgement *out, const char *refused, const char *rule)
{
	out->refused = refused;
	snprintf(out->rule, sizeof(out->rule), "%s", rule);
}

void zkhsmd_judge_shown(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
			const struct zkhsmd_shown *s, struct zkhsmd_judgement *out)
{
	const char *rule, *refused = zkhsmd_policy_hsm(p, h, s, &rule, out->why);

	set(out, refused, rule);
}

void zkhsmd_judge_key(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
		      const struct zkhsm_list_entry *e, struct zkhsmd_judgement *out)
{
	const char *rule, *refused = zkhsmd_policy_key(p, h, e, &rule, out->why);

	set(out, refused, rule);
}

int zkhsmd_judge_hsm(const struct zkhsmd_policy *p, struct zkhsmd_store *store,
		     const struct zkhsmd_hsm *h, struct zkhsmd_judgement *out)
{
	struct zkhsmd_shown s = { .platform = h->platform_seen, .module_version = h->module_seen };
	uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	struct zkhsm_configuration c;
	size_t len;
	int ret;

	/* Most policies are about keys: then nothing needs to be read. */
	if (zkhsmd_policy_has_hsm(p, h)) {
		ret = store->ops->config_get(store, h->config_seen, bytes, &len);
		if (ret && ret != -ENOENT)
			return ret;
		if (!ret && zkhsm_configuration_decode(&c, bytes, len))
			return -EUCLEAN;
		if (!ret)
			s.configuration = &c;
	}
	zkhsmd_judge_shown(p, h, &s, out);
	return 0;
}
