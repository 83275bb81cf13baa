// SPDX-License-Identifier: GPL-2.0
/*
 * duplicate.c - one key that two HSMs have shown to hold
 *
 * A proof shows possession, so this is either a replica that somebody declared, or a
 * copy that nobody should have. Which set a key belongs to is decided by what the one
 * calls it that had it first: what a newcomer calls it is no evidence. Nothing here
 * revokes anything, and nothing ever erases a key because of a duplicate.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "holding.h"
#include "metrics.h"

/* A stolen keystore is one alert for each of these keys, and one for the rest. */
#define TOLD_MAX	16
/* An HSM that shows others' keys a few at a time is looked at long before this. */
#define LIVE_MAX	64

/**
 * struct holder - one that has the key
 * @row:	its HSM's, which @fraud owns
 * @declared:	it is in the replica set
 */
struct holder {
	struct zkhsmd_holding holding;
	struct zkhsmd_hsm *row;
	bool *changed;
	bool declared, quarantine, contested;
};

/* @more: than these; the newcomer is always among them, though it is the last. */
struct holders {
	struct holder all[ZKHSMD_HOLDERS_MAX];
	size_t count, more;
	const uint8_t *newcomer;
};

void zkhsmd_case_begin(struct zkhsmd_case *c, struct zkhsmd *m, struct zkhsmd_store *store,
		       struct zkhsmd_hsm *h)
{
	*c = (struct zkhsmd_case){ .m = m, .store = store, .h = h,
				   .policy = zkhsmd_policy_get(m) };
}

static int add_holder(const struct zkhsmd_holding *h, void *arg)
{
	struct holders *all = arg;

	if (all->count < ARRAY_SIZE(all->all)) {
		all->all[all->count++].holding = *h;
		return 0;
	}
	all->more++;
	if (all->newcomer && memcmp(h->hsm_id, all->newcomer, sizeof(h->hsm_id)) == 0)
		all->all[all->count - 1].holding = *h;
	return 0;
}

/* The row stays where it is: an array of pointers would be one more thing to free. */
static int find_row(struct zkhsmd_case *c, struct holder *one)
{
	int ret;

	one->changed = &c->own;
	one->row = c->h;
	if (memcmp(one->holding.hsm_id, c->h->id, sizeof(c->h->id)) == 0)
		return 0;
	for (size_t i = 0; i < c->count; i++) {
		one->row = &c->rows[i].h;
		one->changed = &c->rows[i].changed;
		if (memcmp(one->holding.hsm_id, one->row->id, sizeof(one->row->id)) == 0)
			return 0;
	}
	if (c->count == ZKHSMD_CASE_MAX)
		return -ENOSPC;
	if (!c->rows)
		c->rows = calloc(ZKHSMD_CASE_MAX, sizeof(*c->rows));
	if (!c->rows)
		return -ENOMEM;
	ret = c->store->ops->hsm_get(c->store, one->holding.hsm_id, &c->rows[c->count].h);
	if (ret)
		return ret == -ENOENT ? -EUCLEAN : ret;
	one->row = &c->rows[c->count].h;
	one->changed = &c->rows[c->count++].changed;
	return 0;
}

static int find_holders(struct zkhsmd_case *c, const uint8_t element[32], struct holders *all)
{
	int ret;

	memset(all, 0, sizeof(*all));
	all->newcomer = c->h->id;
	ret = c->store->ops->holding_element(c->store, element, add_holder, all);
	if (ret || all->count < 2)
		return ret;
	for (size_t i = 0; !ret && i < all->count; i++) {
		ret = find_row(c, &all->all[i]);
		if (ret != -ENOSPC)
			continue;
		/* Of so many HSMs those that were met first are judged, and the newcomer. */
		all->more++;
		all->count--;
		memmove(&all->all[i], &all->all[i + 1], (all->count - i) * sizeof(all->all[0]));
		i--;
		ret = 0;
	}
	return ret;
}

static bool is_newcomer(const struct zkhsmd_case *c, const struct holder *one)
{
	return one->row == (c->again ? c->last : c->h);
}

/* Somebody's identity is among them: no replica set is about that. */
static bool is_identity(const struct holders *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (!all->all[i].holding.key_id[0])
			return true;
	}
	return false;
}

/*
 * By the one that has had it longest. What the others call it may be a thief's word: one
 * with two HSMs in some set would make that the set of a key that he stole elsewhere,
 * and its owner the outsider.
 */
static const struct zkhsmd_replicas *find_set(const struct zkhsmd_case *c,
					      const struct holders *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (!is_newcomer(c, &all->all[i]))
			return zkhsmd_policy_replicas(c->policy, all->all[i].holding.key_id);
	}
	return NULL;
}

/* What is done to whom; the verdict for the count, or NULL when all of it is declared. */
static const char *decide(const struct zkhsmd_case *c, struct holders *all)
{
	const struct zkhsmd_replicas *set = is_identity(all) ? NULL : find_set(c, all);
	enum zkhsmd_on_duplicate on = set ? zkhsmd_replicas_on_duplicate(set) :
					    zkhsmd_policy_fraud(c->policy)->on_duplicate;
	static const char *const verdicts[] = {
		[ZKHSMD_DUPLICATE_NEWCOMER] = "newcomer", [ZKHSMD_DUPLICATE_BOTH] = "both",
		[ZKHSMD_DUPLICATE_ALERT] = "alert",
	};
	bool outsiders = false, stops = false;

	for (size_t i = 0; i < all->count; i++) {
		all->all[i].declared = set && zkhsmd_replicas_has(set, all->all[i].row);
		outsiders |= !all->all[i].declared;
	}
	if (!outsiders)
		return NULL;
	for (size_t i = 0; i < all->count; i++) {
		struct holder *one = &all->all[i];
		bool came_later = is_newcomer(c, one) && !one->declared;

		one->quarantine = (set && !one->declared) || on == ZKHSMD_DUPLICATE_BOTH ||
				  (on == ZKHSMD_DUPLICATE_NEWCOMER && came_later);
		one->contested = on == ZKHSMD_DUPLICATE_NEWCOMER && !one->quarantine;
		/* Somebody has looked at this one, and let it go on. */
		if (one->holding.released && (c->again || !is_newcomer(c, one)))
			one->quarantine = false;
		stops |= one->quarantine && !one->row->quarantine;
	}
	/* Everybody has been told of what is as it was. */
	if (c->again && !stops)
		return NULL;
	return set ? "outsider" : verdicts[on];
}

/* "NAME (0123456789abcdef) as KEY": as many as fit. */
static void name_all(const struct holders *all, char *out, size_t size)
{
	size_t len = 0, i;
	char id[17];

	out[0] = '\0';
	for (i = 0; i < all->count; i++) {
		const struct holder *one = &all->all[i];
		char text[160];
		int n = snprintf(text, sizeof(text), "%s%s (%s) as %s%s", i ? ", " : "",
				 one->row->name, zkhsmd_short(one->row->id, id),
				 one->holding.key_id[0] ? one->holding.key_id : "its identity",
				 one->quarantine ? ", quarantined" : "");

		if (n >= (int)sizeof(text) || len + (size_t)n + 24 > size)
			break;
		memcpy(out + len, text, (size_t)n + 1);
		len += (size_t)n;
	}
	if (i < all->count || all->more)
		snprintf(out + len, size - len, " and %zu more", all->count - i + all->more);
}

static int raise_one(struct zkhsmd_case *c, const struct holder *one, const char *code,
		     const char *text)
{
	struct zkhsmd_alert a;

	zkhsmd_alert_make(&a, code, one->row->id, "%s", text);
	memcpy(a.element, one->holding.element, sizeof(a.element));
	snprintf(a.key_id, sizeof(a.key_id), "%s", one->holding.key_id);
	return zkhsmd_alert_raise(c->m, c->store, &a);
}

/* One for the newcomer, or for the first that is stopped; and one for each contested one. */
static int raise_all(struct zkhsmd_case *c, const struct holders *all, const char *code)
{
	const struct holder *subject = NULL;
	char names[ZKHSMD_ALERT_TEXT + 1 - 32];
	char text[ZKHSMD_ALERT_TEXT + 1];
	uint64_t live = 0;
	int ret;

	ret = c->told ? 0 : c->store->ops->alert_live(c->store, code, c->h->id, &live);
	if (ret)
		return ret;
	if (live >= LIVE_MAX)
		c->told = TOLD_MAX;
	if (c->told++ >= TOLD_MAX) {
		c->more++;
		c->code = code;
		return 0;
	}
	for (size_t i = 0; i < all->count; i++) {
		const struct holder *one = &all->all[i];

		if (is_newcomer(c, one) && (one->quarantine || !subject || !subject->quarantine))
			subject = one;
		else if (one->quarantine && !subject)
			subject = one;
	}
	name_all(all, names, sizeof(names));
	snprintf(text, sizeof(text), "one key in %zu HSMs: %s", all->count + all->more, names);
	if (subject)
		ret = raise_one(c, subject, code, text);
	for (size_t i = 0; !ret && i < all->count; i++) {
		if (all->all[i].contested)
			ret = raise_one(c, &all->all[i], "contested", text);
	}
	return ret;
}

static int note_one(struct zkhsmd_case *c, struct holder *one, const char *code, size_t count)
{
	struct zkhsmd_hsm *h = one->row;
	int ret = 0;

	if (c->told <= TOLD_MAX)
		ret = zkhsmd_history_add(c->store, h->id, one->holding.key_id,
					 one->holding.element,
					 one->contested ? "contested" : "duplicate",
					 "in %zu HSMs%s", count,
					 one->quarantine ? ", this one quarantined" : "");
	if (ret || !one->quarantine || h->quarantine)
		return ret;
	*one->changed = true;
	return zkhsmd_quarantine_begin(c->store, NULL, h, code, one->holding.key_id);
}

int zkhsmd_case_judge(struct zkhsmd_case *c, const uint8_t element[32])
{
	struct holders all;
	const char *verdict, *code;
	int ret = find_holders(c, element, &all);

	if (ret || all.count < 2)
		return ret;
	/* They are in the order in which they came. */
	c->last = all.all[all.count - 1].row;
	verdict = decide(c, &all);
	if (!verdict)
		return 0;
	code = is_identity(&all) ? "same-identity" : "duplicate";
	zkhsmd_metric_label(c->m, L_DUPLICATES, verdict);
	ret = raise_all(c, &all, code);
	for (size_t i = 0; !ret && i < all.count; i++)
		ret = note_one(c, &all.all[i], code, all.count + all.more);
	return ret;
}

int zkhsmd_case_end(struct zkhsmd_case *c, int ret)
{
	struct zkhsmd_alert a;

	if (!ret && c->more) {
		zkhsmd_alert_make(&a, c->code, c->h->id,
				  "%u more keys of %s are in other HSMs too than those that have alerts of their own",
				  c->more, c->h->name);
		ret = zkhsmd_alert_raise(c->m, c->store, &a);
	}
	for (size_t i = 0; !ret && i < c->count; i++) {
		if (c->rows[i].changed)
			ret = c->store->ops->hsm_put(c->store, &c->rows[i].h);
	}
	free(c->rows);
	zkhsmd_policy_put(c->policy);
	return ret;
}

/* --- for whoever looks ---------------------------------------------------- */

int zkhsmd_holders_json(struct zkhsmd_store *store, const uint8_t element[32], json_t **out)
{
	struct holders all;
	struct zkhsmd_hsm row;
	json_t *o;
	int ret;

	memset(&all, 0, sizeof(all));
	*out = json_array();
	ret = store->ops->holding_element(store, element, add_holder, &all);
	for (size_t i = 0; !ret && i < all.count; i++) {
		const struct zkhsmd_holding *h = &all.all[i].holding;

		ret = store->ops->hsm_get(store, h->hsm_id, &row);
		if (ret)
			break;
		o = json_pack("{s:s, s:s, s:I, s:b, s:b}", "name", row.name, "key_id", h->key_id,
			      "first_ms", (json_int_t)h->first_ms, "quarantine", row.quarantine,
			      "released", h->released);
		zkhsmd_json_hash(o, "hsm_id", h->hsm_id);
		if (json_array_append_new(*out, o))
			ret = -ENOMEM;
	}
	if (ret) {
		json_decref(*out);
		*out = NULL;
	}
	return ret;
}
