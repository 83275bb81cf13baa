// SPDX-License-Identifier: GPL-2.0
/*
 * explain.c - why a key is trusted, or not: every check that an answer about it
 * depends on, in the order in which they decide
 *
 * One that fails does not hide those behind it, unless they have nothing to look at:
 * who has to put things right wants to know of all that is wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "holding.h"

/**
 * struct explaining - one explanation under way
 * @h:		not enrolled: only its row, if that
 * @key:	valid with @listed
 */
struct explaining {
	struct zkhsmd *m;
	struct zkhsmd_store *store;
	struct zkhsmd_policy *policy;
	struct zkhsmd_hsm h;
	struct zkhsmd_status status;
	struct zkhsmd_key key;
	bool listed;
	json_t *checks;
};

enum result { PASS, FAIL, WARN, SKIP };

static void __attribute__((format(printf, 5, 6)))
add(struct explaining *x, const char *check, enum result result, const char *rule,
    const char *format, ...)
{
	static const char *const names[] = {
		[PASS] = "pass", [FAIL] = "fail", [WARN] = "warn", [SKIP] = "skip",
	};
	char text[320];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(x->checks, json_pack("{s:s, s:s, s:s, s:s*}", "check", check,
						   "result", names[result], "text", text, "rule",
						   rule));
}

/* --- the HSM ---------------------------------------------------------------- */

static void check_quarantine(struct explaining *x)
{
	if (x->h.quarantine)
		add(x, "not-quarantined", FAIL, NULL, "in quarantine since %lld ms, because of %s",
		    (long long)x->h.quarantine_ms, x->h.quarantine_code);
	else
		add(x, "not-quarantined", PASS, NULL, "it is not in quarantine");
}

static int check_hsm_revocation(struct explaining *x)
{
	struct zkhsmd_revocation r;
	int ret = x->store->ops->revocation_hsm(x->store, x->h.id, &r);

	if (ret == -ENOENT)
		add(x, "hsm-not-revoked", PASS, NULL, "neither it nor its cluster is revoked");
	else if (!ret)
		add(x, "hsm-not-revoked", FAIL, NULL, "%s: %s, in list %llu",
		    r.action == ZKHSM_ORDER_TYPE_HOLD ? "on hold" : "revoked",
		    zkhsm_revocation_reason_name(r.reason), (unsigned long long)r.number);
	return ret == -ENOENT ? 0 : ret;
}

static void check_fresh(struct explaining *x)
{
	const uint64_t most = x->m->config.max_age_ms;
	const int64_t age = x->status.age_ms;

	if (!x->h.attested)
		add(x, "fresh", FAIL, NULL, "no evidence of it was ever accepted");
	else if (zkhsmd_shown_before(&x->h))
		add(x, "fresh", FAIL, NULL, "it has not attested since it was enrolled, this time");
	else if (age < 0)
		add(x, "fresh", FAIL, NULL,
		    "the wall clock was set back since it attested, so nobody knows how long ago that was");
	else
		add(x, "fresh", (uint64_t)age > most ? FAIL : PASS, NULL,
		    "its evidence is %lld ms old, and may be %llu", (long long)age,
		    (unsigned long long)most);
}

static void check_configuration(struct explaining *x)
{
	if (memcmp(x->h.config_seen, x->h.config_digest, sizeof(x->h.config_seen)) == 0)
		add(x, "configuration", PASS, NULL, "the configuration seen last is the approved one");
	else
		add(x, "configuration", FAIL, NULL,
		    "the configuration seen last is not the approved one");
}

static void check_hsm_rule(struct explaining *x)
{
	const struct zkhsmd_judgement *j = &x->status.judgement;

	if (j->refused)
		add(x, "hsm-rule", FAIL, j->rule, "%s", j->why);
	else if (strcmp(j->rule, ZKHSMD_NO_RULE) == 0)
		add(x, "hsm-rule", PASS, j->rule, "no rule is about this HSM");
	else
		add(x, "hsm-rule", PASS, j->rule, "every rule about this HSM is met");
}

static int check_hsm(struct explaining *x)
{
	int ret = check_hsm_revocation(x);

	if (ret)
		return ret;
	check_quarantine(x);
	ret = zkhsmd_hsm_status_by(x->m, x->policy, x->store, &x->h, &x->status);
	if (ret)
		return ret;
	check_fresh(x);
	check_configuration(x);
	check_hsm_rule(x);
	return 0;
}

/* --- the key ---------------------------------------------------------------- */

static int find_key(struct explaining *x, const char *key_id)
{
	struct zkhsm_keylist *list;
	int ret = zkhsmd_hsm_list(x->m, x->store, &x->h, &list);

	if (!ret) {
		x->listed = zkhsm_keylist_find(list, key_id, &x->key.entry);
		zkhsm_keylist_free(list);
	}
	if (ret && ret != -ENOENT)
		return ret;
	if (!x->listed) {
		add(x, "listed", FAIL, NULL, "its newest accepted list has no such key");
		return 0;
	}
	add(x, "listed", PASS, NULL, "its newest accepted list has the key");
	return zkhsmd_key_status(x->policy, x->store, &x->h, &x->status, &x->key);
}

static void check_state(struct explaining *x)
{
	const struct zkhsm_list_entry *e = &x->key.entry;

	if (zkhsm_list_entry_proved(e))
		add(x, "proved", PASS, NULL, "the proof covers it: the HSM has the secret");
	else
		add(x, "proved", FAIL, NULL, "no proof covers a key that is compromised");
	add(x, "active", e->state == ZKHSM_KEY_STATE_ACTIVE ? PASS : FAIL, NULL, "its state is %s",
	    zkhsm_state_name(e->state));
}

static void check_revocation(struct explaining *x)
{
	const struct zkhsmd_revocation *r = &x->key.revocation;

	if (x->key.revoked)
		add(x, "not-revoked", FAIL, NULL, "%s: %s, in list %llu",
		    r->action == ZKHSM_ORDER_TYPE_HOLD ? "on hold" : "revoked",
		    zkhsm_revocation_reason_name(r->reason), (unsigned long long)r->number);
	else
		add(x, "not-revoked", PASS, NULL, "nothing stops its element on this HSM");
}

static void check_key_rule(struct explaining *x)
{
	const char *rule, *refused;
	char why[160];

	refused = zkhsmd_policy_key(x->policy, &x->h, &x->key.entry, &rule, why);
	if (refused)
		add(x, "key-rule", FAIL, rule, "%s", why);
	else if (strcmp(rule, ZKHSMD_NO_RULE) == 0)
		add(x, "key-rule", PASS, rule, "no rule is about this key");
	else
		add(x, "key-rule", PASS, rule, "every rule about this key is met");
}

/* Being outside is no fault while nobody else has it; then the HSM is in quarantine. */
static int check_replicas(struct explaining *x, const char *key_id)
{
	const struct zkhsmd_replicas *set = zkhsmd_policy_replicas(x->policy, key_id);
	json_t *holders = NULL;
	size_t others;
	int ret = zkhsmd_holders_json(x->store, x->key.element, &holders);

	if (ret)
		return ret;
	others = json_array_size(holders);
	others -= others > 0;
	json_decref(holders);
	if (!set)
		add(x, "replicas", others ? WARN : PASS, NULL,
		    "no replica set is declared for it; %zu other HSMs have it", others);
	else if (zkhsmd_replicas_has(set, &x->h))
		add(x, "replicas", PASS, zkhsmd_replicas_name(set),
		    "this HSM may have it; %zu others do", others);
	else
		add(x, "replicas", WARN, zkhsmd_replicas_name(set),
		    "this HSM is not one of those that may have it; %zu others do", others);
	return 0;
}

/* Whether the lease names the element; they are sorted, but few. */
static bool excepts(const struct zkhsm_order *o, const uint8_t element[32])
{
	for (unsigned int i = 0; i < o->count; i++) {
		if (memcmp(o->elements + 32 * (size_t)i, element, 32) == 0)
			return true;
	}
	return false;
}

static void say_lease(struct explaining *x, const struct zkhsmd_lease *l)
{
	const int64_t age = x->status.age_ms;
	struct zkhsm_order o;
	bool grants;

	if (zkhsm_order_decode(&o, l->bytes, l->len)) {
		add(x, "lease", FAIL, NULL, "what is stored is no lease");
		return;
	}
	grants = (o.verdict == ZKHSM_LEASE_VERDICT_GRANT) != excepts(&o, x->key.element);
	if (!grants)
		add(x, "lease", FAIL, NULL, "this manager's lease denies it");
	else if (age < 0 || (uint64_t)age >= o.ttl_ms)
		add(x, "lease", FAIL, NULL, "this manager's lease for it has ended");
	else
		add(x, "lease", PASS, NULL,
		    "this manager's lease grants it for %llu ms, were it fetched at once",
		    (unsigned long long)(o.ttl_ms - (uint64_t)age));
}

static int check_lease(struct explaining *x)
{
	struct zkhsmd_lease l;
	int ret;

	if (!(x->key.entry.flags & ZKHSM_KEY_FLAG_LEASE_REQUIRED)) {
		add(x, "lease", PASS, NULL, "it works without leases");
		return 0;
	}
	if (!x->m->config.leases) {
		add(x, "lease", FAIL, NULL, "this manager gives no leases");
		return 0;
	}
	ret = zkhsmd_lease_current(x->policy, x->store, &x->h, &l);
	if (ret == -ENOENT)
		add(x, "lease", FAIL, NULL,
		    "there is no lease for the newest evidence and what is ordered and demanded by now");
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	say_lease(x, &l);
	zkhsmd_lease_free(&l);
	return 0;
}

static int check_key(struct explaining *x, const char *key_id)
{
	static const char *const behind[] = { "proved", "active", "not-revoked", "key-rule",
					      "replicas", "lease" };
	int ret = find_key(x, key_id);

	if (ret)
		return ret;
	for (size_t i = 0; !x->listed && i < ARRAY_SIZE(behind); i++)
		add(x, behind[i], SKIP, NULL, "there is no key to look at");
	if (!x->listed)
		return 0;
	check_state(x);
	check_revocation(x);
	check_key_rule(x);
	ret = check_replicas(x, key_id);
	return ret ? ret : check_lease(x);
}

static int explain(struct explaining *x, const char *key_id)
{
	int ret;

	if (!x->h.enrolled) {
		add(x, "enrolled", FAIL, NULL, "nobody has enrolled this HSM");
		return 0;
	}
	add(x, "enrolled", PASS, NULL, "enrolled as %s", x->h.name);
	ret = check_hsm(x);
	return ret ? ret : check_key(x, key_id);
}

int zkhsmd_explain(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
		   const char *key_id, json_t **out)
{
	struct explaining x = { .m = m, .store = store, .policy = zkhsmd_policy_get(m),
				.checks = json_array() };
	char id[ZKHSMD_POLICY_ID];
	int ret = store->ops->hsm_get(store, hsm_id, &x.h);
	struct zkhsmd_pending pending;

	if (ret == -ENOENT) {
		memset(&x.h, 0, sizeof(x.h));
		memcpy(x.h.id, hsm_id, sizeof(x.h.id));
		ret = store->ops->pending_get(store, hsm_id, &pending);
	}
	if (!ret)
		ret = explain(&x, key_id);
	if (!ret) {
		zkhsmd_policy_id(x.policy, x.listed ? x.key.judgement.rule : ZKHSMD_NO_RULE, id);
		*out = json_pack("{s:s, s:s, s:b, s:s, s:O}", "name", x.h.name, "key_id", key_id,
				 "trusted", x.listed && strcmp(x.key.status, "attested") == 0,
				 "policy_id", id, "checks", x.checks);
		zkhsmd_json_hash(*out, "hsm_id", x.h.id);
		zkhsmd_json_hash(*out, "policy_digest", zkhsmd_policy_digest(x.policy));
	}
	json_decref(x.checks);
	zkhsmd_policy_put(x.policy);
	return ret;
}
