// SPDX-License-Identifier: GPL-2.0
/*
 * revocation.c - one step: a revocation, a hold or a release
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "holding.h"
#include "revocation.h"

const char *zkhsmd_scope_name(enum zkhsmd_scope scope)
{
	static const char *const names[] = {
		[ZKHSMD_SCOPE_KEY] = "key", [ZKHSMD_SCOPE_ELEMENT] = "element",
		[ZKHSMD_SCOPE_HSM] = "hsm", [ZKHSMD_SCOPE_CLUSTER] = "cluster",
	};

	return names[scope];
}

static int is_this_key(const struct zkhsmd_revocation *r, void *arg)
{
	struct zkhsmd_revocation *like = arg;

	if (r->scope == ZKHSMD_SCOPE_KEY && memcmp(r->hsm_id, like->hsm_id, 32) == 0 &&
	    strcmp(r->key_id, like->key_id) == 0)
		*like = *r;
	return 0;
}

/*
 * What is held is released by the id that it was held by, also when the HSM has no
 * such key any more, or another one of that id. The element, or -ENOENT.
 */
static int find_held(struct zkhsmd_store *store, struct zkhsmd_revocation *r)
{
	struct zkhsmd_revocation held = *r;
	int ret = store->ops->revocation_get(store, r, &held);

	if (ret != -ENOENT)
		return ret;
	held = *r;
	ret = store->ops->revocation_each(store, is_this_key, &held);
	if (!ret && !held.row)
		ret = -ENOENT;
	if (!ret)
		memcpy(r->element, held.element, sizeof(r->element));
	return ret;
}

/* The key's element; *@listed: it is of the newest list. */
static int find_key(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		    struct zkhsmd_revocation *r, bool *listed)
{
	struct zkhsmd_key key;
	int ret = zkhsmd_key_find(m, store, h, r->key_id, &key), held;

	if (ret && ret != -ENOENT)
		return ret;
	if (!ret)
		memcpy(r->element, key.element, sizeof(r->element));
	*listed = !ret;
	if (r->action != ZKHSM_ORDER_TYPE_RELEASE)
		return ret;
	held = find_held(store, r);
	*listed = *listed && memcmp(r->element, key.element, sizeof(r->element)) == 0;
	return held == -ENOENT ? ret : held;
}

/* -ESRCH for a key or HSM that is not there; fills in a key's element. */
static int find_in_hsm(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
		       struct zkhsmd_targets *t)
{
	struct zkhsmd_target *one;
	struct zkhsmd_hsm h;
	bool listed = false;
	int ret = store->ops->hsm_get(store, r->hsm_id, &h);

	if (!ret && r->scope == ZKHSMD_SCOPE_HSM)
		return zkhsmd_targets_add_hsm(m, store, &h, t);
	if (!ret)
		ret = find_key(m, store, &h, r, &listed);
	if (ret)
		return ret == -ENOENT ? -ESRCH : ret;
	one = zkhsmd_targets_add(t, r->hsm_id);
	if (!one)
		return -ENOMEM;
	one->apart = !listed;
	return zkhsmd_elements_add(&one->elements, r->element);
}

static int find_targets(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
			struct zkhsmd_targets *t)
{
	switch (r->scope) {
	case ZKHSMD_SCOPE_ELEMENT:
		return zkhsmd_targets_add_element(m, store, r->element, t);
	case ZKHSMD_SCOPE_CLUSTER:
		/* A name that no HSM has is a mistake, and would be found out too late. */
		return zkhsmd_targets_add_cluster(m, store, r->cluster, t);
	case ZKHSMD_SCOPE_KEY:
	case ZKHSMD_SCOPE_HSM:
		return find_in_hsm(m, store, r, t);
	}
	return -EINVAL;
}

int zkhsmd_revocation_number(struct zkhsmd_store *store, uint64_t *number)
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

int zkhsmd_revoke_begin(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
			struct zkhsmd_step *step)
{
	int ret;

	memset(step, 0, sizeof(*step));
	ret = find_targets(m, store, r, &step->targets);
	return ret ? ret : check_step(store, r, &step->old);
}

int zkhsmd_revoke_do(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
		     struct zkhsmd_step *step, json_t *orders)
{
	int ret = zkhsmd_targets_before(store, &step->targets);

	if (!ret)
		ret = zkhsmd_revocation_number(store, &r->number);
	r->at_ms = zkhsmd_now().wall;
	if (!ret && step->old.row)
		ret = store->ops->revocation_end(store, step->old.row, r);
	if (!ret && r->action != ZKHSM_ORDER_TYPE_RELEASE)
		ret = store->ops->revocation_add(store, r);
	if (!ret)
		ret = zkhsmd_history_revocation(store, r);
	return ret ? ret : zkhsmd_targets_order(m, store, &step->targets, r->reason, orders);
}

int zkhsmd_revoke(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
		  json_t *orders)
{
	struct zkhsmd_step step;
	int ret = zkhsmd_revoke_begin(m, store, r, &step);

	if (!ret)
		ret = zkhsmd_revoke_do(m, store, r, &step, orders);
	zkhsmd_targets_free(&step.targets);
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
		ret = zkhsmd_stopped_by(store, hsm_id, e->names[i], &action);
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
