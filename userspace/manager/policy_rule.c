// SPDX-License-Identifier: GPL-2.0
/*
 * policy_rule.c - appraisal: whether an HSM, or a key, is as it has to be
 *
 * Every rule that is about it has to be met: a rule more never makes a policy less
 * strict, wherever it stands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy_private.h"

#define WHY	160

static bool not_so(char why[WHY], const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool not_so(char why[WHY], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, WHY, format, args);
	va_end(args);
	return false;
}

static uint32_t kek_bit(const struct zkhsm_configuration *c)
{
	if (c->flags & ZKHSM_HSM_FLAG_KEK_KEYRING)
		return POLICY_KEK_KEYRING;
	if (c->flags & ZKHSM_HSM_FLAG_KEK_SHARES)
		return POLICY_KEK_SHARES;
	return c->flags & ZKHSM_HSM_FLAG_KEK_TPM ? POLICY_KEK_TPM : POLICY_KEK_NONE;
}

static bool at_least(char why[WHY], const char *what, uint64_t is, uint64_t least)
{
	return is >= least ? true : not_so(why, "%s is %llu, not %llu or more", what,
					   (unsigned long long)is, (unsigned long long)least);
}

static bool at_most(char why[WHY], const char *what, uint64_t is, uint64_t most)
{
	return is <= most ? true : not_so(why, "%s is %llu ms, not %llu or less", what,
					  (unsigned long long)is, (unsigned long long)most);
}

static bool platform_ok(const struct policy_hsms *r, const uint8_t platform[32], char why[WHY])
{
	uint8_t one[32];
	char *hex;

	if (!r->platforms.count)
		return true;
	for (size_t i = 0; i < r->platforms.count; i++) {
		if (zkhsm_unhex(r->platforms.items[i].text, one, sizeof(one)) == 0 &&
		    memcmp(one, platform, sizeof(one)) == 0)
			return true;
	}
	hex = zkhsm_hex(platform, 32);
	not_so(why, "the platform digest %s is not one of those allowed", hex ? hex : "");
	free(hex);
	return false;
}

static bool hsm_ok(const struct policy_hsms *r, const struct zkhsmd_shown *s, char why[WHY])
{
	const struct zkhsm_configuration *c = s->configuration;

	if (!c)
		return not_so(why, "it has never shown its configuration");
	if (r->locked && !(c->flags & ZKHSM_HSM_FLAG_LOCKED))
		return not_so(why, "it is not locked");
	if (r->kek && !(r->kek & kek_bit(c)))
		return not_so(why, "its KEK is of class %s", zkhsmd_kek_name(c));
	if (r->counter && !(c->flags & ZKHSM_HSM_FLAG_COUNTER))
		return not_so(why, "no counter in a TPM refuses states from its past");
	return at_least(why, "quorum", c->quorum, r->quorum) &&
	       at_least(why, "stop", c->stop, r->stop) &&
	       at_least(why, "wipe", c->wipe, r->wipe) &&
	       at_most(why, "enforce_grace", c->enforce_grace_ms, r->enforce_grace_ms) &&
	       at_most(why, "max_ttl", c->max_ttl_ms, r->max_ttl_ms) &&
	       at_least(why, "the module's version", s->module_version, r->module_version) &&
	       platform_ok(r, s->platform, why);
}

bool zkhsmd_policy_has_hsm(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h)
{
	for (const struct policy_rule *r = p ? p->rules[POLICY_HSMS] : NULL; r; r = r->next) {
		if (policy_match_hsm(r, h))
			return true;
	}
	return false;
}

const char *zkhsmd_policy_hsm(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
			      const struct zkhsmd_shown *s, const char **rule, char why[WHY])
{
	*rule = ZKHSMD_NO_RULE;
	why[0] = '\0';
	for (const struct policy_rule *r = p ? p->rules[POLICY_HSMS] : NULL; r; r = r->next) {
		if (!policy_match_hsm(r, h))
			continue;
		if (!hsm_ok((const struct policy_hsms *)r, s, why)) {
			*rule = r->title;
			return r->title;
		}
		if (strcmp(*rule, ZKHSMD_NO_RULE) == 0)
			*rule = r->title;
	}
	return NULL;
}

static bool usage_ok(const struct policy_keys *r, uint32_t usage, char why[WHY])
{
	char *names;
	json_t *all;

	if (!r->usage || !(usage & ~r->usage))
		return true;
	all = zkhsm_usage_json(usage & ~r->usage);
	names = all ? json_dumps(all, JSON_COMPACT) : NULL;
	not_so(why, "it may be used for %s too", names ? names : "more");
	free(names);
	json_decref(all);
	return false;
}

static bool key_ok(const struct policy_keys *r, const struct zkhsm_list_entry *e, char why[WHY])
{
	if (r->types && !(e->type >= 1 && e->type <= 32 && r->types >> (e->type - 1) & 1))
		return not_so(why, "its type is %u", e->type);
	if (r->origins && !(e->origin >= 1 && e->origin <= 32 && r->origins >> (e->origin - 1) & 1))
		return not_so(why, "it was %s", zkhsm_origin_name(e->origin));
	if (r->never_extractable && !(e->flags & ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE))
		return not_so(why, "it may be, or have been, extractable");
	if (r->lease_required && !(e->flags & ZKHSM_KEY_FLAG_LEASE_REQUIRED))
		return not_so(why, "it works without leases");
	if (r->grant_required && !(e->flags & ZKHSM_KEY_FLAG_GRANT_REQUIRED))
		return not_so(why, "it works without grants");
	return usage_ok(r, e->usage, why);
}

const char *zkhsmd_policy_key(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
			      const struct zkhsm_list_entry *e, const char **rule, char why[WHY])
{
	*rule = ZKHSMD_NO_RULE;
	why[0] = '\0';
	for (const struct policy_rule *r = p ? p->rules[POLICY_KEYS] : NULL; r; r = r->next) {
		if (!policy_match_key(r, e) || !policy_match_hsm(r, h))
			continue;
		if (!key_ok((const struct policy_keys *)r, e, why)) {
			*rule = r->title;
			return r->title;
		}
		if (strcmp(*rule, ZKHSMD_NO_RULE) == 0)
			*rule = r->title;
	}
	return NULL;
}
