// SPDX-License-Identifier: GPL-2.0
/*
 * revocation.c - what a revocation, hold or release changes
 *
 * Several may stop one element on one HSM: by key, by element, by HSM. A kernel
 * keeps one vote of this manager for each element, the latest. So an order says
 * only what changed in sum: releasing one of two stops sends nothing, and a
 * hold never weakens a revocation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

/* What stops an element of an HSM: 0, ZKHSM_ORDER_TYPE_HOLD or _REVOKE. */
static int stopped_by(struct zkhsmd_store *store, const uint8_t hsm_id[32],
		      const uint8_t element[32], uint8_t *action)
{
	struct zkhsmd_revocation r;
	int ret = store->ops->revocation_stopping(store, hsm_id, element, &r);

	*action = ret ? 0 : r.action;
	return ret == -ENOENT ? 0 : ret;
}

/* One HSM that the change concerns, with the elements and how they stood before. */
struct target {
	uint8_t hsm_id[32];
	struct zkhsmd_elements elements;
	uint8_t *before;
};

struct targets {
	struct target *all;
	size_t count;
};

static void targets_free(struct targets *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->all[i].elements.names);
		free(t->all[i].before);
	}
	free(t->all);
}

static struct target *targets_add(struct targets *t, const uint8_t hsm_id[32])
{
	struct target *all = realloc(t->all, (t->count + 1) * sizeof(*all));

	if (!all)
		return NULL;
	t->all = all;
	memset(&all[t->count], 0, sizeof(*all));
	memcpy(all[t->count].hsm_id, hsm_id, 32);
	return &all[t->count++];
}

/*
 * Also those whose enrolment has ended: their kernels keep our votes, and one that
 * is enrolled again must get the release of what it was told to hold before.
 */
static int add_known(const struct zkhsmd_hsm *h, void *arg)
{
	return targets_add(arg, h->id) ? 0 : -ENOMEM;
}

/* All keys of the newest list; none, if there never was one. */
static int add_list(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		    struct target *t)
{
	struct zkhsm_keylist *list;
	uint8_t name[32];
	int ret;

	if (!h->attested)
		return 0;
	ret = zkhsmd_list_find(m, store, h->list_digest, &list);
	if (ret)
		return ret == -ENOENT ? -EUCLEAN : ret;
	for (size_t i = 0; !ret && i < zkhsm_keylist_count(list); i++) {
		struct zkhsm_list_entry entry;
		const struct zkhsm_list_entry *e = zkhsm_keylist_entry(list, i, &entry);

		zkhsm_element_name(e->type, e->public, name);
		ret = zkhsmd_elements_add(&t->elements, name);
	}
	zkhsm_keylist_free(list);
	return ret;
}

/* -ESRCH for an HSM or key that is not there; fills in a key's element. */
static int find_targets(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
			struct targets *t)
{
	struct zkhsmd_key key;
	struct zkhsmd_hsm h;
	struct target *one;
	int ret;

	if (r->scope == ZKHSMD_SCOPE_ELEMENT) {
		ret = store->ops->hsm_each(store, add_known, t);
		for (size_t i = 0; !ret && i < t->count; i++)
			ret = zkhsmd_elements_add(&t->all[i].elements, r->element);
		return ret;
	}
	ret = store->ops->hsm_get(store, r->hsm_id, &h);
	if (ret)
		return ret == -ENOENT ? -ESRCH : ret;
	if (r->scope == ZKHSMD_SCOPE_KEY) {
		ret = zkhsmd_key_find(m, store, &h, r->key_id, &key);
		if (ret)
			return ret == -ENOENT ? -ESRCH : ret;
		memcpy(r->element, key.element, sizeof(r->element));
	}
	one = targets_add(t, r->hsm_id);
	if (!one)
		return -ENOMEM;
	return r->scope == ZKHSMD_SCOPE_KEY ? zkhsmd_elements_add(&one->elements, r->element) :
					      add_list(m, store, &h, one);
}

/* gcc's analyzer loses sight of an array that has grown; targets_free() frees it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
static int note_before(struct zkhsmd_store *store, struct targets *t)
{
	int ret = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct target *one = &t->all[i];

		one->before = calloc(one->elements.count + 1, 1);
		if (!one->before)
			return -ENOMEM;
		for (size_t k = 0; !ret && k < one->elements.count; k++)
			ret = stopped_by(store, one->hsm_id, one->elements.names[k],
					 &one->before[k]);
	}
	return ret;
}

#pragma GCC diagnostic pop

static int order_changes(struct zkhsmd *m, struct zkhsmd_store *store,
			 const struct zkhsmd_revocation *r, struct targets *t, json_t *orders)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < t->count; i++) {
		struct target *one = &t->all[i];
		size_t changed = 0;
		uint8_t after = 0;

		for (size_t k = 0; !ret && k < one->elements.count; k++) {
			ret = stopped_by(store, one->hsm_id, one->elements.names[k], &after);
			if (!ret && after != one->before[k])
				memmove(one->elements.names[changed++], one->elements.names[k], 32);
		}
		one->elements.count = changed;
		if (!ret)
			ret = zkhsmd_orders_make(m, store, one->hsm_id, r->action, r->reason,
						 &one->elements, orders);
	}
	return ret;
}

/* The number of the revocation list that shows what is being done. */
static int next_list(struct zkhsmd_store *store, uint64_t *number)
{
	int ret = store->ops->meta_get(store, ZKHSMD_META_LIST_NUMBER, number, sizeof(*number));

	if (ret && ret != -ENOENT)
		return ret;
	*number = ret ? 1 : *number + 1;
	return store->ops->meta_put(store, ZKHSMD_META_LIST_NUMBER, number, sizeof(*number));
}

/* Whether the step is possible from what is in force, and that, if anything is. */
static int check_step(struct zkhsmd_store *store, const struct zkhsmd_revocation *r,
		      struct zkhsmd_revocation *old)
{
	int ret = store->ops->revocation_get(store, r, old);

	if (ret && ret != -ENOENT)
		return ret;
	old->row = ret ? 0 : old->row;
	if (ret)
		return r->action == ZKHSM_ORDER_TYPE_RELEASE ? -ENOENT : 0;
	if (r->action == ZKHSM_ORDER_TYPE_RELEASE)
		return old->action == ZKHSM_ORDER_TYPE_REVOKE ? -EKEYREVOKED : 0;
	return r->action == ZKHSM_ORDER_TYPE_REVOKE && old->action == ZKHSM_ORDER_TYPE_HOLD ?
	       0 : -EALREADY;
}

int zkhsmd_revoke(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
		  json_t *orders)
{
	struct zkhsmd_revocation old = { .row = 0 };
	struct targets t = { .count = 0 };
	int ret;

	ret = find_targets(m, store, r, &t);
	if (!ret)
		ret = check_step(store, r, &old);
	if (!ret)
		ret = note_before(store, &t);
	if (!ret)
		ret = next_list(store, &r->number);
	r->at_ms = zkhsmd_now().wall;
	if (!ret && old.row)
		ret = store->ops->revocation_end(store, old.row, r);
	if (!ret && r->action != ZKHSM_ORDER_TYPE_RELEASE)
		ret = store->ops->revocation_add(store, r);
	if (!ret)
		ret = order_changes(m, store, r, &t, orders);
	targets_free(&t);
	return ret;
}

#define REASONS	(ZKHSM_REVOCATION_REASON_AA_COMPROMISE + 1)

struct everywhere {
	/* By action (hold, revoke) and reason, since an order has one of each. */
	struct zkhsmd_elements elements[2][REASONS];
};

static int gather_everywhere(const struct zkhsmd_revocation *r, void *arg)
{
	struct everywhere *e = arg;

	if (r->scope != ZKHSMD_SCOPE_ELEMENT || r->reason >= REASONS)
		return 0;
	return zkhsmd_elements_add(&e->elements[r->action == ZKHSM_ORDER_TYPE_REVOKE][r->reason],
				   r->element);
}

/* A hold that stands beside a revocation of this HSM's own would weaken it. */
static int drop_weaker(struct zkhsmd_store *store, const uint8_t hsm_id[32],
		       struct zkhsmd_elements *e)
{
	size_t kept = 0;
	uint8_t action;
	int ret = 0;

	for (size_t i = 0; !ret && i < e->count; i++) {
		ret = stopped_by(store, hsm_id, e->names[i], &action);
		if (action == ZKHSM_ORDER_TYPE_HOLD)
			memmove(e->names[kept++], e->names[i], 32);
	}
	e->count = kept;
	return ret;
}

int zkhsmd_revoke_catch_up(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
			   json_t *orders)
{
	struct everywhere *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return -ENOMEM;
	ret = store->ops->revocation_each(store, gather_everywhere, e);
	for (unsigned int reason = 0; reason < REASONS; reason++) {
		for (int revoke = 0; revoke < 2; revoke++) {
			struct zkhsmd_elements *some = &e->elements[revoke][reason];

			if (!ret && !revoke)
				ret = drop_weaker(store, hsm_id, some);
			if (!ret)
				ret = zkhsmd_orders_make(m, store, hsm_id,
							 revoke ? ZKHSM_ORDER_TYPE_REVOKE :
								  ZKHSM_ORDER_TYPE_HOLD,
							 reason, some, orders);
			free(some->names);
		}
	}
	free(e);
	return ret;
}
