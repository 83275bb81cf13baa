// SPDX-License-Identifier: GPL-2.0
/*
 * lease.c - what accepted evidence is answered with: a lease for the keys in its
 * list, but for those that this manager stops or its policy refuses
 *
 * It is made by the writer, in the transaction that records the evidence. So it
 * knows every revocation that was answered before, also where the kernel does not
 * yet, and it names the last order made before: the kernel takes it only after
 * that one.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "metrics.h"
#include "policy.h"

#define DENIED_SHOWN	100

struct stop {
	uint8_t element[32];
	uint8_t action;
	bool met;			/* there is such a key */
};

/**
 * struct terms - what a lease has to say of the keys of a list
 * @stops:	of this HSM, ascending by element
 * @stopped:	how many of them are keys of the list
 * @refused:	keys that would need a lease, by @policy
 * @exceptions:	from the verdict
 * @shown:	the first keys that are denied, for the answer
 */
struct terms {
	const struct zkhsmd_policy *policy;
	const struct zkhsmd_hsm *h;
	struct stop *stops;
	size_t count, size, stopped;
	uint32_t verdict;
	struct zkhsmd_elements exceptions, refused;
	json_t *shown;
	uint32_t granted, denied;
};

static void terms_free(struct terms *t)
{
	free(t->stops);
	free(t->exceptions.names);
	free(t->refused.names);
	json_decref(t->shown);
}

static int add_stop(const uint8_t element[32], uint8_t action, void *arg)
{
	struct terms *t = arg;

	if (t->count == t->size) {
		size_t size = t->size ? 2 * t->size : 64;
		struct stop *stops = realloc(t->stops, size * sizeof(*stops));

		if (!stops)
			return -ENOMEM;
		t->stops = stops;
		t->size = size;
	}
	memcpy(t->stops[t->count].element, element, 32);
	t->stops[t->count].met = false;
	t->stops[t->count++].action = action;
	return 0;
}

static int by_element(const void *key, const void *stop)
{
	return memcmp(key, ((const struct stop *)stop)->element, 32);
}

/* What stops this key, or NULL; its element name only where anything does. */
static struct stop *find_stop(const struct terms *t, const struct zkhsm_list_entry *e,
			      uint8_t name[32])
{
	if (!t->count)
		return NULL;
	zkhsm_element_name(e->type, e->public, name);
	return bsearch(name, t->stops, t->count, sizeof(*t->stops), by_element);
}

static void deny(struct terms *t, const struct zkhsm_list_entry *e, const char *reason,
		 const char *rule)
{
	t->denied++;
	if (json_array_size(t->shown) < DENIED_SHOWN)
		json_array_append_new(t->shown, json_pack("{s:s%, s:s, s:s*}", "key_id",
							  (const char *)e->id, (size_t)e->id_len,
							  "reason", reason, "rule", rule));
}

/* The rule that a key does not meet, or NULL. */
static const char *refusing(const struct terms *t, const struct zkhsm_list_entry *e)
{
	const char *rule;
	char why[160];

	return zkhsmd_policy_key(t->policy, t->h, e, &rule, why);
}

/*
 * A key that works without leases is none that a lease could stop: to name it would
 * take the place of one that can. When it gets to need them it has changed, and what
 * was given before does not count for it.
 */
static int deny_refused(struct terms *t, const struct zkhsm_list_entry *e, const char *rule)
{
	uint8_t name[32];

	deny(t, e, "policy", rule);
	if (!(e->flags & ZKHSM_KEY_FLAG_LEASE_REQUIRED))
		return 0;
	zkhsm_element_name(e->type, e->public, name);
	return zkhsmd_elements_add(&t->refused, name);
}

static int sort_keys(struct terms *t, const struct zkhsm_keylist *list)
{
	uint8_t name[32];
	const char *rule;
	int ret = 0;

	for (size_t i = 0; !ret && i < zkhsm_keylist_count(list); i++) {
		struct zkhsm_list_entry entry;
		const struct zkhsm_list_entry *e = zkhsm_keylist_entry(list, i, &entry);
		struct stop *stop = find_stop(t, e, name);

		if (stop) {
			t->stopped += !stop->met;
			stop->met = true;
			deny(t, e, stop->action == ZKHSM_ORDER_TYPE_REVOKE ? "revoked" : "held",
			     NULL);
		} else if (zkhsm_list_entry_proved(e)) {
			rule = refusing(t, e);
			if (rule)
				ret = deny_refused(t, e, rule);
			else
				t->granted++;
		}
	}
	return ret;
}

static int except_stopped(struct terms *t)
{
	int ret = 0;

	t->verdict = ZKHSM_LEASE_VERDICT_GRANT;
	for (size_t i = 0; !ret && i < t->count; i++) {
		if (t->stops[i].met)
			ret = zkhsmd_elements_add(&t->exceptions, t->stops[i].element);
	}
	for (size_t i = 0; !ret && i < t->refused.count; i++)
		ret = zkhsmd_elements_add(&t->exceptions, t->refused.names[i]);
	return ret;
}

/* Element's name in @name. */
static bool granted(const struct terms *t, const struct zkhsm_list_entry *e, uint8_t name[32])
{
	zkhsm_element_name(e->type, e->public, name);
	return zkhsm_list_entry_proved(e) && !find_stop(t, e, name) && !refusing(t, e);
}

/* More are stopped than a lease can except: those that are not are the exceptions. */
static int except_granted(struct terms *t, const struct zkhsm_keylist *list)
{
	uint8_t name[32];
	int ret = 0;

	t->verdict = ZKHSM_LEASE_VERDICT_DENY;
	for (size_t i = 0; !ret && i < zkhsm_keylist_count(list); i++) {
		struct zkhsm_list_entry entry;
		const struct zkhsm_list_entry *e = zkhsm_keylist_entry(list, i, &entry);

		if (granted(t, e, name))
			ret = zkhsmd_elements_add(&t->exceptions, name);
	}
	zkhsmd_elements_unique(&t->exceptions);
	return ret;
}

/* Neither fits. Not to grant is what a lease may always do. */
static int deny_all(struct zkhsmd *m, struct zkhsmd_store *store, struct terms *t,
		    const struct zkhsm_keylist *list)
{
	struct zkhsmd_alert a;
	uint8_t name[32];

	zkhsmd_alert_make(&a, "lease-denies-all", t->h->id,
			  "%zu elements are stopped and %zu are not: a lease can tell %d apart, so this one grants nothing",
			  t->stopped + t->refused.count, t->exceptions.count, ZKHSM_ELEMENTS_MAX);
	t->exceptions.count = 0;
	t->granted = 0;
	for (size_t i = 0; i < zkhsm_keylist_count(list); i++) {
		struct zkhsm_list_entry entry;
		const struct zkhsm_list_entry *e = zkhsm_keylist_entry(list, i, &entry);

		if (granted(t, e, name))
			deny(t, e, "too-many", NULL);
	}
	return zkhsmd_alert_raise(m, store, &a);
}

static int find_terms(struct zkhsmd *m, struct zkhsmd_store *store,
		      const struct zkhsm_keylist *list, struct terms *t)
{
	int ret = store->ops->revocation_elements(store, t->h->id, add_stop, t);

	t->shown = json_array();
	if (ret || !t->shown)
		return ret ? ret : -ENOMEM;
	ret = sort_keys(t, list);
	if (ret)
		return ret;
	if (t->stopped + t->refused.count <= ZKHSM_ELEMENTS_MAX)
		return except_stopped(t);
	ret = except_granted(t, list);
	if (!ret && t->exceptions.count > ZKHSM_ELEMENTS_MAX)
		ret = deny_all(m, store, t, list);
	return ret;
}

/* The kernel refuses what is longer than its max_ttl. */
static int find_ttl(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		    uint64_t *ttl_ms)
{
	uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	struct zkhsm_configuration c;
	size_t len;
	int ret = store->ops->config_get(store, h->config_digest, bytes, &len);

	/* It came with the evidence, or an earlier one. */
	if (ret == -ENOENT || (!ret && zkhsm_configuration_decode(&c, bytes, len)))
		return -EUCLEAN;
	if (ret)
		return ret;
	*ttl_ms = m->config.lease_ttl_ms < c.max_ttl_ms ? m->config.lease_ttl_ms : c.max_ttl_ms;
	return *ttl_ms ? 0 : -ENODATA;
}

void zkhsmd_lease_free(struct zkhsmd_lease *l)
{
	free(l->denied_keys);
	free(l->bytes);
	l->denied_keys = NULL;
	l->bytes = NULL;
}

static int sign(struct zkhsmd *m, const struct zkhsmd_hsm *h, const struct terms *t,
		struct zkhsm_lease_terms *say, struct zkhsmd_lease *out)
{
	uint64_t began;
	int ret;

	say->verdict = t->verdict;
	say->exceptions = (const uint8_t (*)[32])t->exceptions.names;
	say->exception_count = t->exceptions.count;
	began = zkhsmd_metric_now();
	ret = zkhsm_lease_make(m->identity.order_key, h->id, say, &out->bytes, &out->len, NULL);
	zkhsmd_metric_time(m, T_SIGN, began);
	if (ret)
		return ret;
	zkhsmd_metric_add(m, M_LEASES, 1);
	memcpy(out->evidence_digest, h->evidence_digest, sizeof(out->evidence_digest));
	memcpy(out->policy, zkhsmd_policy_digest(t->policy), sizeof(out->policy));
	out->made_ms = zkhsmd_now().wall;
	out->granted = t->granted;
	out->denied = t->denied;
	out->denied_keys = json_dumps(t->shown, JSON_COMPACT);
	return out->denied_keys ? 0 : -ENOMEM;
}

int zkhsmd_lease_give(struct zkhsmd *m, const struct zkhsmd_policy *p,
		      struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		      const uint8_t statement[32], const struct zkhsm_keylist *list,
		      struct zkhsmd_lease *out)
{
	struct zkhsm_lease_terms say = { .least = 0 };
	struct terms t = { .policy = p, .h = h };
	int ret;

	memset(out, 0, sizeof(*out));
	memcpy(say.statement, statement, sizeof(say.statement));
	ret = h->quarantine ? -ENODATA : find_ttl(m, store, h, &say.ttl_ms);
	if (!ret)
		ret = zkhsmd_orders_last(store, h, &say.least);
	if (!ret)
		ret = find_terms(m, store, list, &t);
	if (!ret)
		ret = sign(m, h, &t, &say, out);
	if (!ret)
		ret = store->ops->lease_put(store, h->id, out);
	terms_free(&t);
	if (ret)
		zkhsmd_lease_free(out);
	return ret;
}

/* Nothing is stopped on an HSM, or is not any more, without an order to it. */
int zkhsmd_lease_current(const struct zkhsmd_policy *p, struct zkhsmd_store *store,
			 const struct zkhsmd_hsm *h, struct zkhsmd_lease *out)
{
	struct zkhsm_order o;
	uint64_t last = 0;
	int ret = h->quarantine ? -ENOENT : store->ops->lease_get(store, h->id, out);

	if (ret)
		return ret;
	ret = zkhsmd_orders_last(store, h, &last);
	if (!ret && zkhsm_order_decode(&o, out->bytes, out->len))
		ret = -EUCLEAN;
	if (!ret && (memcmp(out->evidence_digest, h->evidence_digest, 32) != 0 || o.least != last ||
		     memcmp(out->policy, zkhsmd_policy_digest(p), 32) != 0))
		ret = -ENOENT;
	if (ret)
		zkhsmd_lease_free(out);
	return ret;
}

uint64_t zkhsmd_lease_ttl(const struct zkhsmd_lease *l)
{
	struct zkhsm_order o;

	return zkhsm_order_decode(&o, l->bytes, l->len) ? 0 : o.ttl_ms;
}

int zkhsmd_lease_answer(const struct zkhsmd_lease *l, json_t *o)
{
	char *b64 = zkhsm_b64(l->bytes, l->len);
	json_t *denied = json_loads(l->denied_keys, 0, NULL), *more;
	int ret = -ENOMEM;

	if (b64 && denied) {
		more = json_boolean(l->denied > json_array_size(denied));
		ret = json_object_set_new(o, "lease", json_string(b64)) ||
		      json_object_set_new(o, "lease_ttl_ms",
					  json_integer((json_int_t)zkhsmd_lease_ttl(l))) ||
		      json_object_set(o, "denied", denied) ||
		      json_object_set_new(o, "denied_more", more) ? -ENOMEM : 0;
	}
	json_decref(denied);
	free(b64);
	return ret;
}

int zkhsmd_lease_json(struct zkhsmd_store *store, const struct zkhsmd_hsm *h, json_t **out)
{
	struct zkhsmd_lease l;
	struct zkhsm_order o;
	int ret = store->ops->lease_get(store, h->id, &l);

	if (ret && ret != -ENOENT)
		return ret;
	/* Leases are switched off, or were when that evidence came. */
	if (ret || memcmp(l.evidence_digest, h->evidence_digest, 32) != 0) {
		*out = json_null();
		ret = 0;
	} else if (zkhsm_order_decode(&o, l.bytes, l.len)) {
		ret = -EUCLEAN;
	} else {
		*out = json_pack("{s:I, s:I, s:I, s:I, s:I}", "issued_ms", (json_int_t)l.made_ms,
				 "ttl_ms", (json_int_t)o.ttl_ms, "least", (json_int_t)o.least,
				 "granted", (json_int_t)l.granted, "denied", (json_int_t)l.denied);
	}
	zkhsmd_lease_free(&l);
	return ret;
}

void zkhsmd_lease_log(const struct server_request *rq, const uint8_t hsm_id[32], uint32_t number,
		      const struct zkhsmd_lease *l)
{
	struct zkhsm_order o;
	char id[17];

	if (zkhsm_order_decode(&o, l->bytes, l->len))
		return;
	log_event(LOG_LEVEL_INFO, "lease", "request", rq->id, "hsm", zkhsmd_short(hsm_id, id), "n",
		  LOG_NUMBER(number), "ttl_ms", LOG_NUMBER((int64_t)o.ttl_ms), "least",
		  LOG_NUMBER((int64_t)o.least), "granted", LOG_NUMBER(l->granted), "denied",
		  LOG_NUMBER(l->denied), NULL);
}
