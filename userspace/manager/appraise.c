// SPDX-License-Identifier: GPL-2.0
/*
 * appraise.c - what true evidence means
 *
 * The proof held and the nonce was live; what is left is whether the numbers
 * that the identity vouches for can be those of one box.
 */
#include <string.h>

#include "manager.h"

static int compare(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

/* Which life of the identity: loaded again, or its VM forked. */
static int compare_life(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h)
{
	int order = compare(s->boot_count, h->boot_count);

	return order ? order : compare(s->fork_count, h->fork_count);
}

/*
 * Lower than what is known, though nothing is wrong: it was under way when newer
 * evidence overtook it. Then its challenge was given before the newer one
 * arrived; a box that made it afterwards would have counted on.
 */
static bool may_be_late(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h,
			struct zkhsmd_time issued)
{
	return s->number < h->number && s->uptime_ms <= h->uptime_ms &&
	       issued.wall <= h->received_ms;
}

static enum zkhsmd_verdict same_life(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h,
				     struct zkhsmd_time issued, const char **why)
{
	if (memcmp(s->instance_id, h->instance_id, sizeof(s->instance_id)) != 0) {
		*why = "two instances show the same boot and fork count";
		return ZKHSMD_CLONE;
	}
	if (s->number > h->number) {
		if (s->uptime_ms >= h->uptime_ms)
			return ZKHSMD_ACCEPT;
		*why = "the number went up, but the uptime went back";
		return ZKHSMD_CLONE;
	}
	if (may_be_late(s, h, issued))
		return ZKHSMD_LATE;
	*why = s->number == h->number ? "two pieces of evidence have the same number" :
					"the number did not increase";
	return ZKHSMD_CLONE;
}

enum zkhsmd_verdict zkhsmd_appraise(const struct zkhsmd_hsm *known, bool revoked,
				    const struct zkhsm_statement *s, struct zkhsmd_time issued,
				    const char **why)
{
	enum zkhsmd_verdict verdict = ZKHSMD_ACCEPT;
	int order;

	if (!known || !known->enrolled)
		return ZKHSMD_PENDING_HSM;
	if (known->attested) {
		order = compare_life(s, known);
		if (order == 0) {
			verdict = same_life(s, known, issued, why);
		} else if (order < 0) {
			*why = "the boot or fork count went back";
			verdict = ZKHSMD_CLONE;
		} else if (memcmp(s->instance_id, known->instance_id,
				  sizeof(s->instance_id)) == 0) {
			*why = "the boot or fork count went up, but the instance is the same";
			verdict = ZKHSMD_CLONE;
		}
	}
	if (verdict != ZKHSMD_ACCEPT)
		return verdict;
	if (revoked)
		return ZKHSMD_HSM_REVOKED;
	if (memcmp(s->config_digest, known->config_digest, sizeof(s->config_digest)) != 0)
		return ZKHSMD_OTHER_CONFIGURATION;
	return ZKHSMD_ACCEPT;
}
