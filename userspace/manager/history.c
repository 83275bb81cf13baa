// SPDX-License-Identifier: GPL-2.0
/*
 * history.c - what happened to a key, for whoever asks how it came to be so
 *
 * It is for people. What somebody has to be able to prove later is in the audit log,
 * which nothing is removed from.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alert.h"
#include "holding.h"

#define PER_KEY		64
#define IN_SUM		1000000

int zkhsmd_history_add(struct zkhsmd_store *store, const uint8_t hsm_id[32], const char *key_id,
		       const uint8_t *element, const char *event, const char *format, ...)
{
	struct zkhsmd_history h = { .at_ms = zkhsmd_now().wall };
	va_list args;

	memcpy(h.hsm_id, hsm_id, sizeof(h.hsm_id));
	if (element)
		memcpy(h.element, element, sizeof(h.element));
	snprintf(h.key_id, sizeof(h.key_id), "%s", key_id);
	snprintf(h.event, sizeof(h.event), "%s", event);
	va_start(args, format);
	vsnprintf(h.detail, sizeof(h.detail), format, args);
	va_end(args);
	zkhsmd_cut_text(h.detail);
	return store->ops->history_add(store, &h, PER_KEY, IN_SUM);
}

struct holders {
	struct zkhsmd_holding all[ZKHSMD_HOLDERS_MAX];
	size_t count;
};

static int add_holder(const struct zkhsmd_holding *h, void *arg)
{
	struct holders *all = arg;

	if (all->count < ARRAY_SIZE(all->all))
		all->all[all->count++] = *h;
	return 0;
}

int zkhsmd_history_element(struct zkhsmd_store *store, const uint8_t element[32],
			   const char *event, const char *detail)
{
	struct holders all = { .count = 0 };
	int ret = store->ops->holding_element(store, element, add_holder, &all);

	for (size_t i = 0; !ret && i < all.count; i++)
		ret = zkhsmd_history_add(store, all.all[i].hsm_id, all.all[i].key_id, element,
					 event, "%s", detail);
	return ret;
}

int zkhsmd_history_revocation(struct zkhsmd_store *store, const struct zkhsmd_revocation *r)
{
	const char *reason = zkhsm_revocation_reason_name(r->reason);
	const char *event = r->action == ZKHSM_ORDER_TYPE_REVOKE ? "revoked" :
			    r->action == ZKHSM_ORDER_TYPE_HOLD ? "held" : "released";

	switch (r->scope) {
	case ZKHSMD_SCOPE_KEY:
		return zkhsmd_history_add(store, r->hsm_id, r->key_id, r->element, event, "%s",
					  reason);
	case ZKHSMD_SCOPE_ELEMENT:
		return zkhsmd_history_element(store, r->element, event, reason);
	case ZKHSMD_SCOPE_HSM:
		return zkhsmd_history_add(store, r->hsm_id, "", NULL, event, "%s", reason);
	case ZKHSMD_SCOPE_CLUSTER:
		break;		/* of no HSM: those that are in it can change */
	}
	return 0;
}
