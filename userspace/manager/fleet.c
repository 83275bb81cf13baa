// SPDX-License-Identifier: GPL-2.0
/*
 * fleet.c - all HSMs at a glance: how many are in which state, what is stopped
 */
#include <errno.h>
#include <stdlib.h>

#include "fleet.h"

struct rows {
	struct zkhsmd_hsm *rows;
	size_t count, size;
};

/* Statements are not nested: what each row needs is asked for afterwards. */
static int add_row(const struct zkhsmd_hsm *h, void *arg)
{
	struct rows *r = arg;
	struct zkhsmd_hsm *rows;

	if (!h->enrolled)
		return 0;
	if (r->count == r->size) {
		r->size = r->size ? r->size * 2 : 64;
		rows = reallocarray(r->rows, r->size, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		r->rows = rows;
	}
	r->rows[r->count++] = *h;
	return 0;
}

int zkhsmd_fleet_each(struct zkhsmd_store *store,
		      int (*fn)(const struct zkhsmd_hsm *h, void *arg), void *arg)
{
	struct rows r = { .count = 0 };
	int ret = store->ops->hsm_each(store, add_row, &r);

	for (size_t i = 0; !ret && i < r.count; i++)
		ret = fn(&r.rows[i], arg);
	free(r.rows);
	return ret;
}

struct count {
	struct zkhsmd *m;
	struct zkhsmd_store *store;
	struct zkhsmd_fleet *fleet;
};

static int count_hsm(const struct zkhsmd_hsm *h, void *arg)
{
	struct count *c = arg;
	struct zkhsmd_fleet *f = c->fleet;
	struct zkhsmd_status status;
	int ret = zkhsmd_hsm_status(c->m, c->store, h, &status);

	if (ret)
		return ret;
	f->hsms[status.state]++;
	f->keys[status.state] += h->keys;
	/* Attested, but it should have come again. */
	if (status.state == ZKHSMD_ATTESTED && (uint64_t)status.age_ms > c->m->config.interval_ms) {
		f->due++;
		f->due_keys += h->keys;
	}
	return 0;
}

static int count_revocation(const struct zkhsmd_revocation *r, void *arg)
{
	struct zkhsmd_fleet *f = arg;

	if (r->action == ZKHSM_ORDER_TYPE_HOLD)
		f->held++;
	else
		f->revoked++;
	return 0;
}

static int count_pending(const struct zkhsmd_pending *p, void *arg)
{
	struct zkhsmd_fleet *f = arg;

	f->hsms[ZKHSMD_PENDING]++;
	f->keys[ZKHSMD_PENDING] += p->keys;
	return 0;
}

int zkhsmd_fleet_count(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_fleet *out)
{
	struct count c = { .m = m, .store = store, .fleet = out };
	int ret;

	*out = (struct zkhsmd_fleet){ .due = 0 };
	ret = zkhsmd_fleet_each(store, count_hsm, &c);
	if (!ret)
		ret = store->ops->revocation_each(store, count_revocation, out);
	if (!ret)
		ret = store->ops->pending_each(store, count_pending, out);
	if (!ret)
		ret = store->ops->meta_get(store, ZKHSMD_META_LIST_NUMBER, &out->list_number,
					   sizeof(out->list_number));
	return ret == -ENOENT ? 0 : ret;
}
