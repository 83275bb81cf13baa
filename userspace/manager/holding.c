// SPDX-License-Identifier: GPL-2.0
/*
 * holding.c - which elements each HSM holds: what its newest accepted evidence proves,
 * kept up with by differences, in the transaction that accepts the evidence
 *
 * To compare two lists of 100,000 keys takes a worker some milliseconds; the writer
 * touches what changed, and nothing else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "holding.h"

#define NONE		UINT32_MAX
/* So many changes at once are told one by one; of more, how many. */
#define TOLD_MAX	1024

/**
 * struct change - one key in the old list, the new one, or both
 * @old, @new:	where, or NONE
 * @quiet:	its element has left another key's place; it is still here
 */
struct change {
	uint8_t element[32];
	uint32_t old, new;
	bool quiet;
};

/**
 * struct zkhsmd_changes - from one list to another
 * @base:	digest of the old list, zero if nothing was held
 * @old:	NULL if nothing was held
 */
struct zkhsmd_changes {
	uint8_t base[32], target[32];
	struct zkhsm_keylist *old, *new;
	struct change *all;
	size_t count, size;
};

void zkhsmd_changes_free(struct zkhsmd_changes *c)
{
	if (!c)
		return;
	zkhsm_keylist_free(c->old);
	zkhsm_keylist_free(c->new);
	free(c->all);
	free(c);
}

/* Takes over all but @quiet: nobody is told of that. */
static int add(struct zkhsmd_changes *c, const struct zkhsm_list_entry *e, uint32_t old,
	       uint32_t new, bool quiet)
{
	struct change *all;

	if (c->count == c->size) {
		size_t size = c->size ? 2 * c->size : 64;

		all = realloc(c->all, size * sizeof(*all));
		if (!all)
			return -ENOMEM;
		c->all = all;
		c->size = size;
	}
	all = &c->all[c->count++];
	zkhsm_element_name(e->type, e->public, all->element);
	all->old = old;
	all->new = new;
	all->quiet = quiet;
	return 0;
}

static bool same_element(const struct zkhsm_list_entry *a, const struct zkhsm_list_entry *b)
{
	uint8_t one[32], other[32];

	if (a->type == b->type && memcmp(a->public, b->public, sizeof(a->public)) == 0)
		return true;
	zkhsm_element_name(a->type, a->public, one);
	zkhsm_element_name(b->type, b->public, other);
	return memcmp(one, other, sizeof(one)) == 0;
}

/* Both have a key with this id. */
static int compare_key(struct zkhsmd_changes *c, const struct zkhsm_list_entry *a, uint32_t old,
		       const struct zkhsm_list_entry *b, uint32_t new)
{
	int ret;

	if (!same_element(a, b)) {
		ret = add(c, a, old, NONE, false);
		return ret ? ret : add(c, b, NONE, new, false);
	}
	if (a->state == b->state && a->usage == b->usage && a->flags == b->flags &&
	    a->origin == b->origin)
		return 0;
	return add(c, b, old, new, false);
}

/* Both are sorted by id. */
static int compare_lists(struct zkhsmd_changes *c)
{
	const uint32_t olds = c->old ? (uint32_t)zkhsm_keylist_count(c->old) : 0;
	const uint32_t news = (uint32_t)zkhsm_keylist_count(c->new);
	struct zkhsm_list_entry a, b;
	uint32_t i = 0, k = 0;
	int order, ret = 0;

	while (!ret && (i < olds || k < news)) {
		if (i < olds)
			zkhsm_keylist_entry(c->old, i, &a);
		if (k < news)
			zkhsm_keylist_entry(c->new, k, &b);
		order = i == olds ? 1 : k == news ? -1 :
			zkhsm_id_compare(a.id, a.id_len, b.id, b.id_len);
		if (order < 0)
			ret = add(c, &a, i++, NONE, false);
		else if (order > 0)
			ret = add(c, &b, NONE, k++, false);
		else
			ret = compare_key(c, &a, i++, &b, k++);
	}
	return ret;
}

static int by_element(const void *a, const void *b)
{
	return memcmp(((const struct change *)a)->element, ((const struct change *)b)->element,
		      sizeof(((const struct change *)a)->element));
}

static bool old_holds(const struct zkhsmd_changes *c, const struct change *one,
		      struct zkhsm_list_entry *e)
{
	return one->old != NONE && zkhsm_list_entry_proved(zkhsm_keylist_entry(c->old, one->old, e));
}

static bool new_holds(const struct zkhsmd_changes *c, const struct change *one,
		      struct zkhsm_list_entry *e)
{
	return one->new != NONE && zkhsm_list_entry_proved(zkhsm_keylist_entry(c->new, one->new, e));
}

/*
 * No kernel of ours has an element twice; one that is not may, and then it is not gone
 * while the other key is there. @c is sorted by element.
 */
static int keep_repeated(struct zkhsmd_changes *c)
{
	const size_t count = c->count;
	struct change key = { .old = NONE };
	struct zkhsm_list_entry e;
	bool any = false;
	int ret = 0;

	for (size_t i = 0; !any && i < count; i++)
		any = old_holds(c, &c->all[i], &e) && !new_holds(c, &c->all[i], &e);
	for (uint32_t k = 0; any && !ret && k < zkhsm_keylist_count(c->new); k++) {
		zkhsm_keylist_entry(c->new, k, &e);
		if (!zkhsm_list_entry_proved(&e))
			continue;
		zkhsm_element_name(e.type, e.public, key.element);
		if (bsearch(&key, c->all, count, sizeof(key), by_element))
			ret = add(c, &e, NONE, k, true);
	}
	return ret;
}

static int find_changes(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_changes *c)
{
	static const uint8_t none[32];
	int ret = 0;

	if (memcmp(c->base, none, sizeof(none)) != 0)
		ret = zkhsmd_list_find(m, store, c->base, &c->old);
	if (!ret)
		ret = compare_lists(c);
	/* So that the tree of the holdings is gone through once, from one end to the other. */
	if (!ret && c->count)
		qsort(c->all, c->count, sizeof(*c->all), by_element);
	return ret ? ret : keep_repeated(c);
}

/* The list that the stored holdings of @h are those of, or zero. */
static int find_base(struct zkhsmd_store *store, const struct zkhsmd_hsm *h, uint8_t base[32])
{
	int ret = store->ops->holding_has(store, h->id);

	memset(base, 0, 32);
	if (!ret)
		memcpy(base, h->list_digest, 32);
	return ret == -ENOENT ? 0 : ret;
}

int zkhsmd_changes_find(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
			struct zkhsm_keylist *list, struct zkhsmd_changes **out)
{
	struct zkhsmd_changes *c;
	uint8_t base[32];
	int ret = find_base(store, h, base);

	*out = NULL;
	if (ret || memcmp(base, zkhsm_keylist_digest(list), sizeof(base)) == 0)
		return ret;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	memcpy(c->base, base, sizeof(c->base));
	memcpy(c->target, zkhsm_keylist_digest(list), sizeof(c->target));
	c->new = zkhsm_keylist_ref(list);
	ret = find_changes(m, store, c);
	if (ret)
		zkhsmd_changes_free(c);
	else
		*out = c;
	return ret;
}

/* --- within the writer's transaction -------------------------------------- */

static void name_holding(struct zkhsmd_holding *out, const struct zkhsmd_hsm *h,
			 const uint8_t element[32], const struct zkhsm_list_entry *e)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->element, element, sizeof(out->element));
	memcpy(out->hsm_id, h->id, sizeof(out->hsm_id));
	if (e)
		memcpy(out->key_id, e->id, e->id_len);
	out->first_ms = zkhsmd_now().wall;
}

static int hold(struct zkhsmd_case *fraud, const struct zkhsmd_holding *holding)
{
	struct zkhsmd_store *store = fraud->store;
	bool fresh;
	int ret = store->ops->holding_put(store, holding, &fresh);

	/* Its place in the status lists; there are no tokens for the identity. */
	if (!ret && fresh && holding->key_id[0])
		ret = store->ops->status_add(store, holding->hsm_id, holding->element);
	return ret || !fresh ? ret : zkhsmd_case_judge(fraud, holding->element);
}

/* The identity is proved by all evidence, and nobody else's key may be the same. */
static int hold_identity(struct zkhsmd_case *fraud, const struct zkhsm_statement *s)
{
	struct zkhsmd_holding holding;
	uint8_t element[32];

	zkhsm_element_name(ZKHSM_KEY_TYPE_EC_P256, s->identity, element);
	name_holding(&holding, fraud->h, element, NULL);
	return hold(fraud, &holding);
}

static int tell(struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		const struct zkhsmd_changes *c, const struct change *one)
{
	struct zkhsm_list_entry a = { .id_len = 0 }, b = { .id_len = 0 };
	char id[ZKHSM_ID_MAX_LEN + 1] = "";

	if (one->old != NONE)
		zkhsm_keylist_entry(c->old, one->old, &a);
	if (one->new != NONE)
		zkhsm_keylist_entry(c->new, one->new, &b);
	memcpy(id, one->new != NONE ? b.id : a.id, one->new != NONE ? b.id_len : a.id_len);
	if (one->old == NONE)
		return zkhsmd_history_add(store, h->id, id, one->element, "appeared", "%s",
					  zkhsm_state_name(b.state));
	if (one->new == NONE)
		return zkhsmd_history_add(store, h->id, id, one->element, "gone", "%s",
					  zkhsm_state_name(a.state));
	if (a.state != b.state)
		return zkhsmd_history_add(store, h->id, id, one->element, "state", "%s -> %s",
					  zkhsm_state_name(a.state), zkhsm_state_name(b.state));
	return zkhsmd_history_add(store, h->id, id, one->element, "attributes",
				  "usage %#x -> %#x, flags %#x -> %#x", a.usage, b.usage, a.flags,
				  b.flags);
}

/* Of a first list the holdings themselves say since when. */
static int tell_all(struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		    const struct zkhsmd_changes *c)
{
	int ret = 0;

	if (!c->old || c->count > TOLD_MAX)
		return zkhsmd_history_add(store, h->id, "", NULL, "keys", "%zu changes, now %zu",
					  c->count, zkhsm_keylist_count(c->new));
	for (size_t i = 0; !ret && i < c->count; i++) {
		if (!c->all[i].quiet)
			ret = tell(store, h, c, &c->all[i]);
	}
	return ret;
}

/* What comes is stored before what goes is removed: a key that was renamed is held on. */
static int apply(struct zkhsmd_case *fraud, const struct zkhsmd_changes *c)
{
	struct zkhsmd_store *store = fraud->store;
	struct zkhsmd_holding holding;
	struct zkhsm_list_entry a, b;
	int ret = c->old ? 0 : store->ops->holding_clear(store, fraud->h->id);

	for (size_t i = 0; !ret && i < c->count; i++) {
		if (!new_holds(c, &c->all[i], &b) || old_holds(c, &c->all[i], &a))
			continue;
		name_holding(&holding, fraud->h, c->all[i].element, &b);
		ret = hold(fraud, &holding);
	}
	for (size_t i = 0; !ret && i < c->count; i++) {
		if (!old_holds(c, &c->all[i], &a) || new_holds(c, &c->all[i], &b))
			continue;
		name_holding(&holding, fraud->h, c->all[i].element, &a);
		ret = store->ops->holding_del(store, &holding);
	}
	return ret;
}

static bool still_so(const struct zkhsmd_changes *c, const uint8_t base[32],
		     const struct zkhsm_keylist *list)
{
	return c && memcmp(c->base, base, sizeof(c->base)) == 0 &&
	       memcmp(c->target, zkhsm_keylist_digest(list), sizeof(c->target)) == 0;
}

int zkhsmd_holdings_accept(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
			   const struct zkhsm_statement *s, struct zkhsm_keylist *list,
			   struct zkhsmd_changes *changes)
{
	struct zkhsmd_changes *own = NULL;
	struct zkhsmd_case fraud;
	uint8_t base[32];
	int ret = find_base(store, h, base);

	if (ret || memcmp(base, zkhsm_keylist_digest(list), sizeof(base)) == 0)
		return ret;
	if (!still_so(changes, base, list)) {
		ret = zkhsmd_changes_find(m, store, h, list, &own);
		changes = own;
	}
	/* As above: this list is what is held. */
	if (ret || !changes)
		return ret;
	zkhsmd_case_begin(&fraud, m, store, h);
	ret = tell_all(store, h, changes);
	if (!ret)
		ret = apply(&fraud, changes);
	if (!ret)
		ret = hold_identity(&fraud, s);
	ret = zkhsmd_case_end(&fraud, ret);
	zkhsmd_changes_free(own);
	return ret;
}

int zkhsmd_holdings_end(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h)
{
	int ret = store->ops->holding_clear(store, h->id);

	if (!ret)
		ret = zkhsmd_history_add(store, h->id, "", NULL, "enrolment-ended", "%s", h->name);
	return ret ? ret : zkhsmd_alert_over(m, store, "silent", h->id, NULL,
					     "its enrolment has ended");
}
