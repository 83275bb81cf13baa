// SPDX-License-Identifier: GPL-2.0
/*
 * targets.c - which orders a change needs
 *
 * Several things may stop one element on one HSM: a revocation of the key, of the
 * element, of the HSM, of its cluster. A kernel keeps one vote of this manager for
 * each element, the latest. So an order says only what changed in sum: releasing one
 * of two stops sends nothing, and a hold never weakens a revocation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "revocation.h"

int zkhsmd_stopped_by(struct zkhsmd_store *store, const uint8_t hsm_id[32],
		      const uint8_t element[32], uint8_t *action)
{
	struct zkhsmd_revocation r;
	int ret = store->ops->revocation_stopping(store, hsm_id, element, &r);

	*action = ret ? 0 : r.action;
	return ret == -ENOENT ? 0 : ret;
}

/* The same without what stops all of the HSM; the strongest is the least. */
static int stopped_apart(struct zkhsmd_store *store, const uint8_t hsm_id[32],
			 const uint8_t element[32], uint8_t *action)
{
	struct zkhsmd_revocation like[2] = { { .scope = ZKHSMD_SCOPE_KEY },
					     { .scope = ZKHSMD_SCOPE_ELEMENT } }, r;
	int ret = 0;

	*action = 0;
	memcpy(like[0].hsm_id, hsm_id, sizeof(like[0].hsm_id));
	for (size_t i = 0; !ret && i < ARRAY_SIZE(like); i++) {
		memcpy(like[i].element, element, sizeof(like[i].element));
		ret = store->ops->revocation_get(store, &like[i], &r);
		if (!ret && (!*action || r.action < *action))
			*action = r.action;
		ret = ret == -ENOENT ? 0 : ret;
	}
	return ret;
}

static int stops(struct zkhsmd_store *store, const struct zkhsmd_target *one, size_t k,
		 uint8_t *action)
{
	return one->apart ? stopped_apart(store, one->hsm_id, one->elements.names[k], action) :
			    zkhsmd_stopped_by(store, one->hsm_id, one->elements.names[k], action);
}

void zkhsmd_targets_free(struct zkhsmd_targets *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->all[i].elements.names);
		free(t->all[i].before);
	}
	free(t->all);
}

struct zkhsmd_target *zkhsmd_targets_add(struct zkhsmd_targets *t, const uint8_t hsm_id[32])
{
	struct zkhsmd_target *all = realloc(t->all, (t->count + 1) * sizeof(*all));

	if (!all)
		return NULL;
	t->all = all;
	memset(&all[t->count], 0, sizeof(*all));
	memcpy(all[t->count].hsm_id, hsm_id, 32);
	return &all[t->count++];
}

/* The element names of the list, in its order; @one NULL: only whether @wanted is there. */
static int walk_list(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		     struct zkhsmd_elements *all, const uint8_t *wanted, bool *found)
{
	struct zkhsm_list_entry entry;
	struct zkhsm_keylist *list;
	uint8_t name[32];
	int ret;

	if (!h->attested)
		return 0;
	ret = zkhsmd_list_find(m, store, h->list_digest, &list);
	if (ret)
		return ret == -ENOENT ? -EUCLEAN : ret;
	for (size_t i = 0; !ret && i < zkhsm_keylist_count(list); i++) {
		const struct zkhsm_list_entry *e = zkhsm_keylist_entry(list, i, &entry);

		zkhsm_element_name(e->type, e->public, name);
		if (all)
			ret = zkhsmd_elements_add(all, name);
		else if (memcmp(name, wanted, sizeof(name)) == 0)
			*found = true;
	}
	zkhsm_keylist_free(list);
	return ret;
}

int zkhsmd_targets_add_hsm(struct zkhsmd *m, struct zkhsmd_store *store,
			   const struct zkhsmd_hsm *h, struct zkhsmd_targets *t)
{
	struct zkhsmd_target *one = zkhsmd_targets_add(t, h->id);

	return one ? walk_list(m, store, h, &one->elements, NULL, NULL) : -ENOMEM;
}

struct rows {
	const char *cluster;		/* NULL: all */
	struct zkhsmd_hsm *rows;
	size_t count, size;
};

/*
 * Also those whose enrolment has ended: their kernels keep our votes, and one that
 * is enrolled again must get the release of what it was told to hold before.
 */
static int add_row(const struct zkhsmd_hsm *h, void *arg)
{
	struct rows *r = arg;

	if (r->cluster && strcmp(r->cluster, h->cluster) != 0)
		return 0;
	if (r->count == r->size) {
		size_t size = r->size ? 2 * r->size : 64;
		struct zkhsmd_hsm *rows = reallocarray(r->rows, size, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		r->rows = rows;
		r->size = size;
	}
	r->rows[r->count++] = *h;
	return 0;
}

/*
 * An HSM that is stopped as a whole was told so key by key, of those that it had:
 * of an element that it does not have it knows only what is said of that element.
 */
static int add_element(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		       const uint8_t element[32], struct zkhsmd_targets *t)
{
	struct zkhsmd_target *one = zkhsmd_targets_add(t, h->id);
	struct zkhsmd_revocation r;
	bool found = false;
	int ret;

	if (!one)
		return -ENOMEM;
	ret = zkhsmd_elements_add(&one->elements, element);
	if (!ret)
		ret = store->ops->revocation_hsm(store, h->id, &r);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	ret = walk_list(m, store, h, NULL, element, &found);
	one->apart = !found;
	return ret;
}

int zkhsmd_targets_add_element(struct zkhsmd *m, struct zkhsmd_store *store,
			       const uint8_t element[32], struct zkhsmd_targets *t)
{
	struct rows r = { .cluster = NULL };
	int ret = store->ops->hsm_each(store, add_row, &r);

	for (size_t i = 0; !ret && i < r.count; i++)
		ret = add_element(m, store, &r.rows[i], element, t);
	free(r.rows);
	return ret;
}

int zkhsmd_targets_add_cluster(struct zkhsmd *m, struct zkhsmd_store *store, const char *cluster,
			       struct zkhsmd_targets *t)
{
	struct rows r = { .cluster = cluster };
	int ret = store->ops->hsm_each(store, add_row, &r);

	for (size_t i = 0; !ret && i < r.count; i++)
		ret = zkhsmd_targets_add_hsm(m, store, &r.rows[i], t);
	if (!ret && !r.count)
		ret = -ESRCH;
	free(r.rows);
	return ret;
}

/* gcc's analyzer loses sight of an array that has grown; zkhsmd_targets_free() frees it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
int zkhsmd_targets_before(struct zkhsmd_store *store, struct zkhsmd_targets *t)
{
	int ret = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct zkhsmd_target *one = &t->all[i];

		one->before = calloc(one->elements.count + 1, 1);
		if (!one->before)
			return -ENOMEM;
		for (size_t k = 0; !ret && k < one->elements.count; k++)
			ret = stops(store, one, k, &one->before[k]);
	}
	return ret;
}

#pragma GCC diagnostic pop

/* How each stands now takes the place of how it stood: 0xff where that is the same. */
static int note_after(struct zkhsmd_store *store, struct zkhsmd_target *one)
{
	uint8_t after = 0;
	int ret = 0;

	for (size_t k = 0; !ret && k < one->elements.count; k++) {
		ret = stops(store, one, k, &after);
		one->before[k] = after == one->before[k] ? 0xff : after;
	}
	return ret;
}

int zkhsmd_targets_order(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_targets *t,
			 uint8_t reason, json_t *orders)
{
	static const struct { uint8_t now, type; } steps[] = {
		{ ZKHSM_ORDER_TYPE_REVOKE, ZKHSM_ORDER_TYPE_REVOKE },
		{ ZKHSM_ORDER_TYPE_HOLD, ZKHSM_ORDER_TYPE_HOLD },
		{ 0, ZKHSM_ORDER_TYPE_RELEASE },
	};
	struct zkhsmd_elements some = { .count = 0 };
	int ret = 0;

	for (size_t i = 0; !ret && i < t->count; i++) {
		struct zkhsmd_target *one = &t->all[i];

		ret = note_after(store, one);
		for (size_t step = 0; !ret && step < ARRAY_SIZE(steps); step++) {
			some.count = 0;
			for (size_t k = 0; !ret && k < one->elements.count; k++) {
				if (one->before[k] == steps[step].now)
					ret = zkhsmd_elements_add(&some, one->elements.names[k]);
			}
			if (!ret)
				ret = zkhsmd_orders_make(m, store, one->hsm_id, steps[step].type,
							 reason, &some, orders);
		}
	}
	free(some.names);
	return ret;
}
