// SPDX-License-Identifier: GPL-2.0
/*
 * lease.c - a manager's lease, from its answer into the kernel
 *
 * The kernel verifies it; whoever sends another gains nothing. What is refused
 * is no reason to keep it: the next evidence gets another.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "agent.h"

/* The orders that are missing come in parts, and more may be made meanwhile. */
#define CATCH_UPS_MAX	16

/* As the kernel counts the life of leases. */
static int64_t boottime_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* -EBADMSG as well for an order of another type: that is not the way for these. */
static int decode(const json_t *text, uint8_t **data, size_t *len, struct zkhsm_order *lease,
		  struct zkhsm_error *err)
{
	const char *b64 = json_string_value(text);

	*data = NULL;
	if (!b64 || zkhsm_unb64(b64, data, len))
		return zkhsm_fail(err, -EBADMSG, "the manager's lease is not base64url");
	if (zkhsm_order_decode(lease, *data, *len) || lease->type != ZKHSM_ORDER_TYPE_LEASE)
		return zkhsm_fail(err, -EBADMSG, "what the manager sends as a lease is none");
	return 0;
}

/* The kernel says which is the last order that it has; what is missing comes first. */
static int apply(struct manager *m, const struct lease_answer *a, const uint8_t *data, size_t len,
		 struct zkhsm_order_result *result, struct zkhsm_error *err)
{
	bool none = false;
	int ret;

	for (int i = 0; ; i++) {
		ret = zkhsm_order_apply(a->nl, data, len, result, err);
		if (ret != -EAGAIN || err->reason != ZKHSM_REASON_OUT_OF_TURN ||
		    !m->config.orders || i == CATCH_UPS_MAX)
			return ret;
		if (none)
			return zkhsm_fail(err, -EAGAIN,
					  "the manager does not send the orders that its lease comes after");
		ret = orders_catch_up(m, a->h, a->nl, a->hsm_id, a->manager_id, err);
		/* The orders' thread may have been faster, so that none is missing any more. */
		none = ret == -ENODATA || ret == -EALREADY;
		if (ret && !none)
			return ret;
	}
}

static void log_taken(const struct manager *m, const struct lease_answer *a,
		      const struct zkhsm_order *lease, int64_t left_ms)
{
	const json_t *denied = json_object_get(a->body, "denied");

	log_event(LOG_LEVEL_INFO, "lease", "manager", m->config.name, "n", LOG_NUMBER(a->number),
		  "verdict", zkhsm_lease_verdict_name(lease->verdict),
		  "exceptions", lease->count ? LOG_NUMBER(lease->count) : NULL,
		  "expires_in_ms", LOG_NUMBER(left_ms), "denied", LOG_NUMBER(json_array_size(denied)),
		  "denied_more", json_is_true(json_object_get(a->body, "denied_more")) ? "yes" : NULL,
		  NULL);
}

static void log_refused(const struct manager *m, const struct lease_answer *a, int ret,
			const struct zkhsm_error *err)
{
	const char *name = err->reason ? zkhsm_reason_name(err->reason) : strerrorname_np(-ret);

	/* It was posted again, or the orders' thread was faster: the kernel has it. */
	log_event(ret == -EALREADY ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, "lease",
		  "manager", m->config.name, "n", LOG_NUMBER(a->number),
		  "refused", name ? name : "error", "error", err->text, NULL);
}

int lease_take(struct manager *m, const struct lease_answer *a, uint64_t *renew_ms)
{
	const json_t *text = json_object_get(a->body, "lease");
	struct zkhsm_order_result result = { 0 };
	struct zkhsm_error err = { 0 };
	struct zkhsm_order lease;
	uint8_t *data = NULL;
	size_t len = 0;
	int64_t left;
	int ret;

	/* The manager gives none, or the keys here need none. */
	if (!text)
		return 0;
	ret = decode(text, &data, &len, &lease, &err);
	ret = ret ? ret : apply(m, a, data, len, &result, &err);
	if (ret) {
		log_refused(m, a, ret, &err);
		ret = ret == -EALREADY ? 0 : ret;
	} else {
		left = (int64_t)result.expires_ms - boottime_ms();
		left = left > 0 ? left : 0;
		log_taken(m, a, &lease, left);
		/* Whatever interval it asks for: two attempts before this one ends. */
		if ((uint64_t)left / 2 < *renew_ms)
			*renew_ms = (uint64_t)left / 2;
	}
	free(data);
	return ret;
}
