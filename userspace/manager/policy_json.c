// SPDX-License-Identifier: GPL-2.0
/*
 * policy_json.c - the policy as administrators see it: its rules, in the order of the file
 */
#include <string.h>

#include "policy_private.h"

static json_t *texts(const struct conf_list *l)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->count; i++)
		json_array_append_new(a, json_string(l->items[i].text));
	return a;
}

static void add_texts(json_t *o, const char *name, const struct conf_list *l)
{
	if (l->count)
		json_object_set_new(o, name, texts(l));
}

static void add_words(json_t *o, const char *name, const char *const *words, uint32_t set)
{
	json_t *a;

	if (!set)
		return;
	a = json_array();
	for (size_t i = 0; words[i]; i++) {
		if (set >> i & 1)
			json_array_append_new(a, json_string(words[i]));
	}
	json_object_set_new(o, name, a);
}

static void add_yes(json_t *o, const char *name, bool yes)
{
	if (yes)
		json_object_set_new(o, name, json_true());
}

/* @none: what says nothing. */
static void add_number(json_t *o, const char *name, uint64_t n, uint64_t none)
{
	if (n != none)
		json_object_set_new(o, name, json_integer((json_int_t)n));
}

static void add_hsms(json_t *o, const struct policy_hsms *r)
{
	add_yes(o, "locked", r->locked);
	add_yes(o, "counter", r->counter);
	add_words(o, "kek", policy_kek_words, r->kek);
	add_number(o, "quorum", r->quorum, 0);
	add_number(o, "stop", r->stop, 0);
	add_number(o, "wipe", r->wipe, 0);
	add_number(o, "enforce_grace_ms", r->enforce_grace_ms, POLICY_UNLIMITED);
	add_number(o, "max_ttl_ms", r->max_ttl_ms, POLICY_UNLIMITED);
	add_number(o, "module_version", r->module_version, 0);
	add_texts(o, "platform", &r->platforms);
}

static void add_keys(json_t *o, const struct policy_keys *r)
{
	add_words(o, "origin", policy_origin_words, r->origins);
	add_words(o, "usage", policy_usage_words, r->usage);
	add_words(o, "type", policy_type_words, r->types);
	add_yes(o, "never_extractable", r->never_extractable);
	add_yes(o, "lease_required", r->lease_required);
	add_yes(o, "grant_required", r->grant_required);
}

static json_t *rule_json(const struct policy_rule *r)
{
	const struct conf_list *keys = policy_key_patterns(r);
	const struct policy_grants *g = (const struct policy_grants *)r;
	json_t *o = json_pack("{s:s, s:i}", "rule", r->title, "line", r->line);

	add_texts(o, "hsms", &r->hsms);
	add_texts(o, "clusters", &r->clusters);
	if (keys)
		add_texts(o, "keys", keys);
	switch (r->kind) {
	case POLICY_HSMS:
		add_hsms(o, (const struct policy_hsms *)r);
		break;
	case POLICY_KEYS:
		add_keys(o, (const struct policy_keys *)r);
		break;
	case POLICY_REPLICAS:
		json_object_set_new(o, "on_duplicate", json_string(policy_duplicate_words[
			zkhsmd_replicas_on_duplicate((const struct zkhsmd_replicas *)r) - 1]));
		break;
	case POLICY_GRANTS:
		add_texts(o, "clients", &g->clients);
		add_words(o, "operations", policy_operation_words, g->operations);
		break;
	case POLICY_KINDS:
		break;
	}
	return o;
}

json_t *zkhsmd_policy_json(const struct zkhsmd_policy *p)
{
	json_t *o, *rules = json_array(), *hooks = json_array();
	const struct zkhsmd_fraud *f = zkhsmd_policy_fraud(p);

	for (size_t i = 0; p && i < POLICY_KINDS; i++) {
		for (const struct policy_rule *r = p->rules[i]; r; r = r->next)
			json_array_append_new(rules, rule_json(r));
	}
	/* Neither where the secret is, nor the URL, which may have one in it. */
	for (size_t i = 0; p && i < p->hook_count; i++)
		json_array_append_new(hooks, json_pack("{s:s, s:I, s:I}", "name", p->hooks[i].name,
						       "timeout_ms",
						       (json_int_t)p->hooks[i].timeout_ms,
						       "attempts",
						       (json_int_t)p->hooks[i].attempts));
	o = json_pack("{s:s, s:s, s:s, s:I, s:o, s:{s:s, s:I, s:I, s:I, s:I, s:b}, s:o}", "name",
		      p ? p->name : "unnamed", "version", p ? p->version : "0", "file",
		      p ? p->path : "", "loaded_ms", p ? (json_int_t)p->loaded_ms : 0, "rules",
		      rules, "fraud", "on_duplicate", policy_duplicate_words[f->on_duplicate - 1],
		      "silent_ms", (json_int_t)f->silent_ms, "burst", (json_int_t)f->burst,
		      "burst_window_ms", (json_int_t)f->burst_ms, "watchdog_ms",
		      (json_int_t)f->watchdog_ms, "two_release", f->two_release, "webhooks", hooks);
	zkhsmd_json_hash(o, "digest", zkhsmd_policy_digest(p));
	return o;
}
