// SPDX-License-Identifier: GPL-2.0
/*
 * quarantine.c - an HSM that neither gets leases nor is vouched for, while its evidence
 * is verified and recorded as ever
 *
 * Its kernel is told nothing: without leases, what needs them stops within one, and
 * all of it works on as it did once the quarantine has ended.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alert.h"
#include "audit_log.h"
#include "holding.h"

#define STILL_MAX	100

static int note(struct zkhsmd_store *store, const struct server_request *rq, const char *action,
		const struct zkhsmd_hsm *h, const char *code, const char *why)
{
	json_t *details = json_pack("{s:s, s:s}", "code", code, "note", why);
	char id[17];

	if (!details)
		return -ENOMEM;
	log_event(LOG_LEVEL_WARNING, action, "request", rq ? rq->id : NULL, "hsm",
		  zkhsmd_short(h->id, id), "code", code, "note", why, NULL);
	return zkhsmd_audit_add(store, rq, action, h->id, details);
}

int zkhsmd_quarantine_begin(struct zkhsmd_store *store, const struct server_request *rq,
			    struct zkhsmd_hsm *h, const char *code, const char *why)
{
	int ret;

	h->quarantine = true;
	h->quarantine_ms = zkhsmd_now().wall;
	snprintf(h->quarantine_code, sizeof(h->quarantine_code), "%s", code);
	ret = zkhsmd_history_add(store, h->id, "", NULL, "quarantined", "%s%s%s", code,
				 *why ? ": " : "", why);
	return ret ? ret : note(store, rq, "quarantine", h, code, why);
}

struct shared {
	struct zkhsmd_store *store;
	json_t *still;
};

static int add_shared(const struct zkhsmd_holding *h, void *arg)
{
	struct shared *s = arg;
	json_t *o;

	if (json_array_size(s->still) == STILL_MAX)
		return 0;
	o = json_pack("{s:s}", "key_id", h->key_id);
	zkhsmd_json_hash(o, "element", h->element);
	return json_array_append_new(s->still, o) ? -ENOMEM : 0;
}

int zkhsmd_quarantine_end(struct zkhsmd *m, struct zkhsmd_store *store,
			  const struct server_request *rq, struct zkhsmd_hsm *h, const char *why,
			  json_t *still)
{
	struct shared s = { .store = store, .still = still };
	int ret = note(store, rq, "release-quarantine", h, h->quarantine_code, why);

	if (!ret)
		ret = store->ops->holding_shared(store, h->id, add_shared, &s);
	if (!ret)
		ret = store->ops->holding_release(store, h->id);
	if (!ret)
		ret = zkhsmd_history_add(store, h->id, "", NULL, "quarantine-ended", "%s", why);
	if (!ret)
		ret = zkhsmd_alert_over(m, store, h->quarantine_code, h->id, rq, why);
	h->quarantine = false;
	h->quarantine_code[0] = '\0';
	h->quarantine_ms = 0;
	return ret;
}

json_t *zkhsmd_quarantine_json(const struct zkhsmd_hsm *h)
{
	if (!h->quarantine)
		return json_null();
	return json_pack("{s:s, s:I}", "code", h->quarantine_code, "since_ms",
			 (json_int_t)h->quarantine_ms);
}
