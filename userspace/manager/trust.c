// SPDX-License-Identifier: GPL-2.0
/*
 * trust.c - another configuration C for an HSM, by order
 *
 * As in the kernel, there is one of this manager's at a time, the newest. What it
 * orders is approved when true evidence shows it, and not before: until then, and
 * if the other managers never agree, the HSM attests what it did.
 */
#include <errno.h>
#include <string.h>

#include "manager.h"

#define TTL_MIN_MS	1000ULL
#define TTL_MAX_MS	(31 * 86400000ULL)

const char *zkhsmd_trust_void(const struct zkhsm_configuration *c,
			      const struct zkhsm_configuration *old)
{
	if (c->quorum > c->manager_count || c->stop > c->manager_count ||
	    c->wipe > c->manager_count)
		return "quorum, stop or wipe are more than there are managers";
	if (c->wipe < c->stop)
		return "wipe is less than stop";
	if (c->max_ttl_ms < TTL_MIN_MS || c->max_ttl_ms > TTL_MAX_MS)
		return "max_ttl is not from 1 second to 31 days";
	if (old && c->flags != old->flags)
		return "the flags are others than in the configuration that it replaces";
	return NULL;
}

int zkhsmd_trust_order(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		       const uint8_t previous[32], const uint8_t *config, size_t len,
		       uint64_t *number)
{
	uint8_t digest[32];
	int ret;

	zkhsm_sha256(config, len, digest);
	/* Once it is applied a kernel may have forgotten it, by a reboot: then it is made again. */
	if (h->trust_number > h->applied && memcmp(h->trust_digest, digest, 32) == 0 &&
	    memcmp(h->trust_previous, previous, 32) == 0)
		return -EALREADY;
	ret = zkhsmd_orders_trust_change(m, store, h->id, previous, config, len, number);
	if (ret)
		return ret;
	zkhsmd_trust_forget(h);
	/* From itself to itself only takes back what waits. */
	if (memcmp(previous, digest, 32) == 0)
		return 0;
	h->trust_number = *number;
	memcpy(h->trust_previous, previous, sizeof(h->trust_previous));
	memcpy(h->trust_digest, digest, sizeof(h->trust_digest));
	return 0;
}

void zkhsmd_trust_forget(struct zkhsmd_hsm *h)
{
	h->trust_number = 0;
	memset(h->trust_previous, 0, sizeof(h->trust_previous));
	memset(h->trust_digest, 0, sizeof(h->trust_digest));
}

static void log_done(const struct zkhsmd_hsm *h)
{
	char id[17], digest[17];

	log_event(LOG_LEVEL_INFO, "trust-change", "hsm", zkhsmd_short(h->id, id), "number",
		  LOG_NUMBER((int64_t)h->trust_number), "digest",
		  zkhsmd_short(h->trust_digest, digest), "result", "approved", NULL);
}

bool zkhsmd_trust_seen(struct zkhsmd_hsm *h, const uint8_t digest[32], bool accept)
{
	if (!h->trust_number)
		return false;
	if (memcmp(digest, h->trust_digest, 32) == 0) {
		if (!accept)
			return false;
		log_done(h);
		memcpy(h->config_digest, digest, sizeof(h->config_digest));
		zkhsmd_trust_forget(h);
	} else if (h->applied >= h->trust_number && memcmp(digest, h->trust_previous, 32) != 0) {
		/* It replaces what is not in force any more, and no kernel keeps such a one. */
		zkhsmd_trust_forget(h);
		return true;
	}
	return false;
}

json_t *zkhsmd_trust_json(const struct zkhsmd_hsm *h)
{
	json_t *o;

	if (!h->trust_number)
		return json_null();
	o = json_pack("{s:I, s:b}", "number", (json_int_t)h->trust_number, "applied",
		      h->applied >= h->trust_number);
	zkhsmd_json_hash(o, "previous", h->trust_previous);
	zkhsmd_json_hash(o, "config_digest", h->trust_digest);
	return o;
}
