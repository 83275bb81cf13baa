// SPDX-License-Identifier: GPL-2.0
/*
 * policy_check.c - a policy that contradicts itself, or cannot mean what it says
 */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "policy_private.h"

#define refuse(err, p, line, ...) policy_refuse(err, (p)->path, line, __VA_ARGS__)

static int __attribute__((format(printf, 4, 5)))
policy_refuse(struct zkhsm_error *err, const char *path, int line, const char *format, ...)
{
	char text[192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return zkhsm_fail(err, -EINVAL, "%s:%d: %s", path, line, text);
}

/* Brackets that do not close match themselves, which nobody means. */
static bool pattern_ok(const char *pattern)
{
	bool in = false;

	if (*pattern == '!')
		pattern++;
	if (!*pattern)
		return false;
	for (const char *at = pattern; *at; at++) {
		if (*at == '\\' && !*++at)
			return false;
		if (*at == '[' && !in)
			in = true;
		else if (*at == ']' && in)
			in = false;
	}
	return !in;
}

static int check_patterns(const struct zkhsmd_policy *p, const struct policy_rule *r,
			  const struct conf_list *l, struct zkhsm_error *err)
{
	bool any = !l->count;

	for (size_t i = 0; i < l->count; i++) {
		if (!pattern_ok(l->items[i].text))
			return refuse(err, p, l->items[i].line, "not a pattern: \"%s\"",
				      l->items[i].text);
		any |= l->items[i].text[0] != '!';
	}
	return any ? 0 : refuse(err, p, l->items[0].line,
				"[%s] names only what it leaves out, so nothing matches", r->title);
}

static int check_hashes(const struct zkhsmd_policy *p, const struct conf_list *l, const char *word,
			struct zkhsm_error *err)
{
	uint8_t hash[32];

	for (size_t i = 0; i < l->count; i++) {
		if (zkhsm_unhex(l->items[i].text, hash, sizeof(hash)) &&
		    (!word || strcmp(l->items[i].text, word) != 0))
			return refuse(err, p, l->items[i].line,
				      "neither 64 lower-case hex digits%s%s: \"%s\"",
				      word ? " nor " : " nor anything else that can be here",
				      word ? word : "", l->items[i].text);
	}
	return 0;
}

static bool demands_of_hsm(const struct policy_hsms *r)
{
	return r->locked || r->counter || r->kek || r->quorum || r->stop || r->wipe ||
	       r->module_version || r->platforms.count ||
	       r->enforce_grace_ms != POLICY_UNLIMITED || r->max_ttl_ms != POLICY_UNLIMITED;
}

static bool demands_of_key(const struct policy_keys *r)
{
	return r->origins || r->types || r->usage || r->never_extractable || r->lease_required ||
	       r->grant_required;
}

static int check_rule(const struct zkhsmd_policy *p, const struct policy_rule *r,
		      struct zkhsm_error *err)
{
	const struct conf_list *keys = policy_key_patterns(r);
	int ret = check_patterns(p, r, &r->hsms, err);

	if (!ret)
		ret = check_patterns(p, r, &r->clusters, err);
	if (!ret && keys)
		ret = check_patterns(p, r, keys, err);
	if (ret)
		return ret;
	if (strcmp(strchr(r->title, ' ') + 1, "default") == 0)
		return refuse(err, p, r->line, "[%s]: default is what no rule is about", r->title);
	switch (r->kind) {
	case POLICY_HSMS:
		if (!demands_of_hsm((const struct policy_hsms *)r))
			return refuse(err, p, r->line, "[%s] demands nothing", r->title);
		return check_hashes(p, &((const struct policy_hsms *)r)->platforms, NULL, err);
	case POLICY_KEYS:
		if (!demands_of_key((const struct policy_keys *)r))
			return refuse(err, p, r->line, "[%s] demands nothing", r->title);
		/* Only what was made here has never been elsewhere: the kernel sees to that. */
		if (((const struct policy_keys *)r)->never_extractable &&
		    ((const struct policy_keys *)r)->origins &&
		    !(((const struct policy_keys *)r)->origins & 1))
			return refuse(err, p, r->line,
				      "[%s]: no key that was not generated in its HSM is never extractable",
				      r->title);
		return 0;
	case POLICY_REPLICAS:
		if (!r->hsms.count && !r->clusters.count)
			return refuse(err, p, r->line, "[%s] has neither hsms nor clusters",
				      r->title);
		return 0;
	case POLICY_GRANTS:
		return check_hashes(p, &((const struct policy_grants *)r)->clients, "any", err);
	case POLICY_KINDS:
		break;
	}
	return 0;
}

/* --- replica sets: a key belongs to the first one that names it ------------- */

static bool leaves_out(const struct conf_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].text[0] == '!')
			return true;
	}
	return false;
}

/*
 * Whether every key that @pattern names is named by @by too; false where that is
 * not plain to see. What ids have and "*" stand for everything that "?" may.
 */
static bool covers(const char *by, const char *pattern)
{
	static const char plain[] =
		"*abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";

	if (by[strspn(by, plain)] || strpbrk(pattern, "[\\"))
		return false;
	return fnmatch(by, pattern, 0) == 0;
}

static int check_pair(const struct zkhsmd_policy *p, const struct zkhsmd_replicas *first,
		      const struct zkhsmd_replicas *later, struct zkhsm_error *err)
{
	bool partly = leaves_out(&first->keys);

	for (size_t i = 0; i < later->keys.count; i++) {
		const struct conf_item *item = &later->keys.items[i];

		if (item->text[0] == '!')
			continue;
		for (size_t k = 0; k < first->keys.count; k++) {
			const char *by = first->keys.items[k].text;

			if (strcmp(by, item->text) == 0 || (!partly && covers(by, item->text)))
				return refuse(err, p, item->line,
					      "keys %s are in [%s] already, by %s in line %d",
					      item->text, first->rule.title, by,
					      first->keys.items[k].line);
		}
	}
	return 0;
}

static int check_sets(const struct zkhsmd_policy *p, struct zkhsm_error *err)
{
	int ret = 0;

	for (const struct policy_rule *a = p->rules[POLICY_REPLICAS]; a; a = a->next) {
		for (const struct policy_rule *b = a->next; !ret && b; b = b->next)
			ret = check_pair(p, (const struct zkhsmd_replicas *)a,
					 (const struct zkhsmd_replicas *)b, err);
	}
	return ret;
}

/* Without an administrator nobody could ever change a thing again but by this file. */
static int check_roles(const struct zkhsmd_policy *p, struct zkhsm_error *err)
{
	const struct zkhsmd_roles *r = &p->roles;
	const struct conf_list *const lists[] = { &r->administrators, &r->operators, &r->auditors,
						  &r->metrics };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (size_t k = 0; k < lists[i]->count; k++) {
			if (!pattern_ok(lists[i]->items[k].text))
				return refuse(err, p, lists[i]->items[k].line,
					      "not a pattern: \"%s\"", lists[i]->items[k].text);
		}
	}
	if (r->line && !r->administrators.count)
		return refuse(err, p, r->line, "[roles] names no administrators");
	return 0;
}

int policy_check(const struct zkhsmd_policy *p, struct zkhsm_error *err)
{
	int ret = check_roles(p, err);

	for (size_t i = 0; i < POLICY_KINDS; i++) {
		for (const struct policy_rule *r = p->rules[i]; !ret && r; r = r->next)
			ret = check_rule(p, r, err);
	}
	for (size_t i = 0; !ret && i < p->hook_count; i++) {
		if (strncmp(p->hooks[i].url, "https://", 8) != 0)
			ret = refuse(err, p, p->hooks[i].line, "[webhook %s]: url begins with https://",
				     p->hooks[i].name);
	}
	return ret ? ret : check_sets(p, err);
}
