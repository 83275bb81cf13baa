// SPDX-License-Identifier: GPL-2.0
/*
 * orders.c - orders to kernels: made, numbered, and seen to be applied
 *
 * All of it within the writer's transaction: a number that was used is in the
 * store before anybody can see the order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "metrics.h"

int zkhsmd_elements_add(struct zkhsmd_elements *e, const uint8_t name[32])
{
	if (e->count == e->size) {
		size_t size = e->size ? 2 * e->size : 64;
		void *names = realloc(e->names, size * sizeof(*e->names));

		if (!names)
			return -ENOMEM;
		e->names = names;
		e->size = size;
	}
	memcpy(e->names[e->count++], name, sizeof(*e->names));
	return 0;
}

int zkhsmd_orders_last(struct zkhsmd_store *store, const struct zkhsmd_hsm *h, uint64_t *number)
{
	int ret = store->ops->order_last(store, h->id, number);

	if (!ret && *number < h->floor)
		*number = h->floor;
	return ret;
}

/* The first number that no order to this HSM has, here or in a store that was lost. */
static int next_number(struct zkhsmd_store *store, const uint8_t hsm_id[32], uint64_t *number)
{
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, hsm_id, &h);

	if (!ret)
		ret = zkhsmd_orders_last(store, &h, number);
	if (ret)
		return ret;
	(*number)++;
	return 0;
}

static int make_one(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
		    uint8_t type, uint8_t reason, uint8_t (*names)[32], size_t count, json_t *made)
{
	struct zkhsmd_order o = { .created_ms = zkhsmd_now().wall };
	int ret = next_number(store, hsm_id, &o.number);
	const uint64_t began = zkhsmd_metric_now();

	if (!ret)
		ret = zkhsm_order_make(m->identity.order_key, type, hsm_id, o.number, reason,
				       (const uint8_t (*)[32])names, count, &o.bytes, &o.len, NULL);
	zkhsmd_metric_time(m, T_SIGN, began);
	zkhsmd_metric_add(m, M_ORDERS, !ret);
	if (!ret)
		ret = store->ops->order_add(store, hsm_id, &o);
	free(o.bytes);
	if (!ret && made) {
		json_t *entry = json_pack("{s:I}", "number", (json_int_t)o.number);

		zkhsmd_json_hash(entry, "hsm_id", hsm_id);
		json_array_append_new(made, entry);
	}
	return ret;
}

int zkhsmd_orders_trust_change(struct zkhsmd *m, struct zkhsmd_store *store,
			       const uint8_t hsm_id[32], const uint8_t previous[32],
			       const uint8_t *config, size_t len, uint64_t *number)
{
	struct zkhsmd_order o = { .created_ms = zkhsmd_now().wall };
	int ret = next_number(store, hsm_id, &o.number);

	if (!ret)
		ret = zkhsm_trust_change_make(m->identity.order_key, hsm_id, o.number, previous,
					      config, len, &o.bytes, &o.len, NULL);
	if (!ret)
		ret = store->ops->order_add(store, hsm_id, &o);
	free(o.bytes);
	*number = o.number;
	return ret;
}

static int by_name(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

/* Two keys of a list may have one name: A and -A, or one element twice. */
void zkhsmd_elements_unique(struct zkhsmd_elements *e)
{
	size_t unique = 0;

	if (e->count)
		qsort(e->names, e->count, sizeof(*e->names), by_name);
	for (size_t i = 0; i < e->count; i++) {
		if (!unique || memcmp(e->names[unique - 1], e->names[i], 32) != 0)
			memmove(e->names[unique++], e->names[i], 32);
	}
	e->count = unique;
}

int zkhsmd_orders_make(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
		       uint8_t type, uint8_t reason, struct zkhsmd_elements *e, json_t *made)
{
	size_t done, part;
	int ret = 0;

	zkhsmd_elements_unique(e);
	for (done = 0; !ret && done < e->count; done += part) {
		part = e->count - done;
		if (part > ZKHSM_ELEMENTS_MAX)
			part = ZKHSM_ELEMENTS_MAX;
		ret = make_one(m, store, hsm_id, type, reason, e->names + done, part, made);
	}
	return ret;
}

struct copies {
	struct zkhsmd_order *orders;
	size_t count;
	uint64_t upto;
	int error;
};

static int copy_order(const struct zkhsmd_order *o, void *arg)
{
	struct copies *c = arg;
	struct zkhsmd_order *grown;

	if (o->number > c->upto)
		return 1;
	grown = realloc(c->orders, (c->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	c->orders = grown;
	c->orders[c->count] = *o;
	c->orders[c->count].bytes = malloc(o->len);
	if (!c->orders[c->count].bytes)
		return -ENOMEM;
	memcpy(c->orders[c->count++].bytes, o->bytes, o->len);
	return 0;
}

/* One order once more, with a number that the kernel has not seen. */
static int make_copy(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		     const struct zkhsm_order *o)
{
	uint64_t number;
	int ret;

	if (o->type != ZKHSM_ORDER_TYPE_TRUST_CHANGE)
		return make_one(m, store, h->id, o->type, o->reason,
				(uint8_t (*)[32])(uintptr_t)o->elements, o->count, NULL);
	/* Done, void, replaced or taken back: to order it again could bring an old C back. */
	if (h->trust_number != o->number)
		return 0;
	ret = zkhsmd_orders_trust_change(m, store, h->id, o->previous, o->config, o->config_len,
					 &number);
	if (!ret)
		h->trust_number = number;
	return ret;
}

/* Orders that the kernel will take for replays; the row is changed, not stored. */
static int make_again(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		      uint64_t upto)
{
	struct copies c = { .upto = upto };
	struct zkhsm_order o;
	int ret = store->ops->order_each(store, h->id, h->applied, copy_order, &c);

	for (size_t i = 0; i < c.count; i++) {
		if (!ret && zkhsm_order_decode(&o, c.orders[i].bytes, c.orders[i].len))
			ret = -EUCLEAN;
		if (!ret)
			ret = make_copy(m, store, h, &o);
		free(c.orders[i].bytes);
	}
	free(c.orders);
	return ret;
}

/*
 * The kernel's counter stands where no order of ours does: this store is older
 * than the kernel, restored from a backup. What lies below that number can
 * never reach the kernel any more.
 */
static int numbers_lost(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
			uint64_t number)
{
	struct zkhsmd_alert a;
	int ret;

	if (number <= h->floor)
		return 0;	/* seen to already */
	zkhsmd_alert_make(&a, "orders-unknown", h->id,
			  "the HSM has applied order %llu, which this store does not know: it was restored from a backup, or the order key is used elsewhere; the numbers go on above",
			  (unsigned long long)number);
	h->floor = number;
	ret = zkhsmd_alert_raise(m, store, &a);
	if (!ret)
		ret = store->ops->hsm_put(store, h);
	return ret ? ret : make_again(m, store, h, number);
}

/* Whether the HSM names this order, by what its signature covers; frees its bytes. */
static bool is_ours(struct zkhsmd_order *o, const struct zkhsm_challenge *c)
{
	struct zkhsm_order order;
	uint8_t digest[32];
	bool ours = false;

	if (!zkhsm_order_decode(&order, o->bytes, o->len)) {
		zkhsm_sha256(o->bytes, order.signed_len, digest);
		ours = memcmp(digest, c->last_digest, sizeof(digest)) == 0;
	}
	free(o->bytes);
	return ours;
}

int zkhsmd_orders_reported(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
			   const struct zkhsm_challenge *c)
{
	struct zkhsmd_alert a;
	struct zkhsmd_order o;
	int ret;

	if (c->last_number > INT64_MAX / 2) {
		zkhsmd_alert_make(&a, "orders-absurd", h->id,
				  "the HSM shows an order number near the end of all numbers");
		return zkhsmd_alert_raise(m, store, &a);
	}
	h->shown = c->last_number;
	if (c->last_number == h->applied)
		return 0;
	/* Only of a restored state, see appraise.c: what it lost is to be applied again. */
	if (c->last_number < h->applied)
		h->applied = 0;
	if (!c->last_number)
		return 0;
	ret = store->ops->order_get(store, h->id, c->last_number, &o);
	if (ret && ret != -ENOENT)
		return ret;
	if (!ret && is_ours(&o, c)) {
		h->applied = c->last_number;
		return 0;
	}
	return numbers_lost(m, store, h, c->last_number);
}
