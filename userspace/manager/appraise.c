// SPDX-License-Identifier: GPL-2.0
/*
 * appraise.c - what true evidence means
 *
 * The proof held and the nonce was live; what is left is whether the numbers
 * that the identity vouches for can be those of one box, and not of its past.
 * What can be told from them and what cannot: Documentation/manager.rst.
 */
#include <string.h>

#include "manager.h"

/*
 * How far clocks that are right may part: both sides' crystals, and what NTP
 * slews of each; and how far apart two times may be that were read as one.
 */
#define DRIFT_OF	200
#define SLACK_MS	10000

static int compare(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

/* Which life of the identity: unsealed or loaded again, or its VM forked. */
static int compare_life(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h)
{
	int order = compare(s->boot_count, h->boot_count);

	return order ? order : compare(s->fork_count, h->fork_count);
}

static enum zkhsmd_verdict found(struct zkhsmd_finding *out, enum zkhsmd_verdict verdict,
				 const char *code, const char *why)
{
	out->code = code;
	out->why = why;
	return verdict;
}

/*
 * Lower than what is known, though nothing is wrong: it was under way when newer
 * evidence overtook it. Then its challenge was given before the newer one
 * arrived; a box that made it afterwards would have counted on.
 */
static bool may_be_late(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h,
			const struct zkhsmd_moment *when)
{
	return s->number < h->number && s->uptime_ms <= h->uptime_ms &&
	       when->issued.wall <= h->received_ms;
}

/* --- uptime --------------------------------------------------------------- */

/**
 * struct span - the time between two statements, as far as this manager knows
 * @least, @most: ms; each was made between its challenge and its arrival
 * @sure:	by CLOCK_BOOTTIME too, which nobody can set
 */
struct span {
	uint64_t least, most;
	bool sure;
};

static uint64_t not_negative(int64_t ms)
{
	return ms > 0 ? (uint64_t)ms : 0;
}

/*
 * CLOCK_BOOTTIME stands still while the manager's own VM is paused, and the wall
 * clock can be set: only what contradicts both is impossible.
 */
static struct span span_since(const struct zkhsmd_hsm *h, const struct zkhsmd_moment *when)
{
	uint64_t way = not_negative(h->received_ms - h->attested_ms);
	uint64_t most = not_negative(when->now.wall - h->attested_ms);
	uint64_t least = not_negative(when->issued.wall - h->attested_ms);
	struct span t = { .sure = memcmp(h->boot_id, when->boot_id, sizeof(h->boot_id)) == 0 };

	if (t.sure) {
		uint64_t boot = not_negative(when->now.boot - h->attested_boot_ms);

		most = boot > most ? boot : most;
		boot = not_negative(when->issued.boot - h->attested_boot_ms);
		least = boot < least ? boot : least;
	}
	t.most = most + most / DRIFT_OF + SLACK_MS;
	way += least / DRIFT_OF + SLACK_MS;
	t.least = least > way ? least - way : 0;
	return t;
}

/* The uptime went on from the last one: not faster than time itself. */
static enum zkhsmd_verdict uptime_on(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h,
				     const struct zkhsmd_moment *when, struct zkhsmd_finding *out)
{
	struct span t = span_since(h, when);
	uint64_t on = s->uptime_ms - h->uptime_ms;

	if (on > t.most && t.sure)
		return found(out, ZKHSMD_UPTIME, "uptime",
			     "the uptime went on by more than the time that has passed");
	if (on > t.most)
		found(out, ZKHSMD_ACCEPT, "uptime-ahead",
		      "by the wall clock alone, the uptime went on by more than the time that has passed");
	else if (on < t.least)
		found(out, ZKHSMD_ACCEPT, "uptime-behind",
		      "the uptime went on by less than the time that has passed: the HSM's VM was paused, or goes on from a snapshot");
	return ZKHSMD_ACCEPT;
}

/*
 * Another boot count. A host that was started since the last evidence is not up for
 * longer than that; one that only loaded or unsealed anew has gone on from there.
 * Anything else is another machine, and nothing says whether that was meant.
 */
static void uptime_anew(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h,
			const struct zkhsmd_moment *when, struct zkhsmd_finding *out)
{
	struct span t = span_since(h, when);

	if (s->uptime_ms <= t.most)
		return;
	if (s->uptime_ms >= h->uptime_ms && s->uptime_ms - h->uptime_ms >= t.least &&
	    s->uptime_ms - h->uptime_ms <= t.most)
		return;
	found(out, ZKHSMD_ACCEPT, "other-host",
	      "a new boot count from a host that was up before, and not as the last one was: restored on another machine, or that one was paused");
}

/* --- counts --------------------------------------------------------------- */

static enum zkhsmd_verdict same_life(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h,
				     const struct zkhsmd_moment *when, struct zkhsmd_finding *out)
{
	if (memcmp(s->instance_id, h->instance_id, sizeof(s->instance_id)) != 0)
		return found(out, ZKHSMD_TWO_INSTANCES, "two-instances",
			     "two instances show the same boot and fork count");
	if (s->number > h->number) {
		if (s->uptime_ms >= h->uptime_ms)
			return uptime_on(s, h, when, out);
		return found(out, ZKHSMD_CLONE, "clone",
			     "the number went up, but the uptime went back");
	}
	if (may_be_late(s, h, when))
		return ZKHSMD_LATE;
	return found(out, ZKHSMD_CLONE, "clone",
		     s->number == h->number ? "two pieces of evidence have the same number" :
					      "the number did not increase");
}

static enum zkhsmd_verdict new_life(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h,
				    const struct zkhsmd_moment *when, struct zkhsmd_finding *out)
{
	if (memcmp(s->instance_id, h->instance_id, sizeof(s->instance_id)) == 0)
		return found(out, ZKHSMD_CLONE, "clone",
			     "the boot or fork count went up, but the instance is the same");
	if (s->boot_count != h->boot_count)
		uptime_anew(s, h, when, out);
	/* A fork of the VM goes on from where the snapshot was taken, at most from here. */
	else if (s->uptime_ms > h->uptime_ms)
		return uptime_on(s, h, when, out);
	return ZKHSMD_ACCEPT;
}

static enum zkhsmd_verdict compare_all(const struct zkhsm_statement *s, const struct zkhsmd_hsm *h,
				       const struct zkhsmd_moment *when,
				       struct zkhsmd_finding *out)
{
	static const uint8_t none[16];
	enum zkhsmd_verdict verdict;
	int order = compare_life(s, h);

	if (memcmp(h->retired, none, sizeof(none)) &&
	    memcmp(h->retired, s->instance_id, sizeof(h->retired)) == 0)
		return found(out, ZKHSMD_CLONE, "clone",
			     "the instance that a restored one took the place of is still there");
	if (order < 0)
		return found(out, ZKHSMD_ROLLBACK, "rollback", "the boot or fork count went back");
	verdict = order ? new_life(s, h, when, out) : same_life(s, h, when, out);
	if (verdict == ZKHSMD_ACCEPT && when->last_number < h->shown)
		return found(out, ZKHSMD_ORDERS_BACK, "orders-rolled-back",
			     "orders that were applied are not any more");
	return verdict;
}

/* Approved, or what an administrator ordered it to be: approved by being shown. */
static bool is_approved(const struct zkhsmd_hsm *h, const uint8_t digest[32])
{
	return memcmp(digest, h->config_digest, sizeof(h->config_digest)) == 0 ||
	       (h->trust_number && memcmp(digest, h->trust_digest, sizeof(h->trust_digest)) == 0);
}

/* An administrator said that a state from the past would come: once, it may. */
static enum zkhsmd_verdict forgive(enum zkhsmd_verdict verdict, struct zkhsmd_finding *out)
{
	if (verdict == ZKHSMD_ACCEPT || verdict == ZKHSMD_LATE)
		return verdict;
	out->restored = true;
	return found(out, ZKHSMD_ACCEPT, "restored", out->why);
}

enum zkhsmd_verdict zkhsmd_appraise(const struct zkhsmd_hsm *known, bool revoked,
				    const struct zkhsm_statement *s,
				    const struct zkhsmd_moment *when, struct zkhsmd_finding *out)
{
	enum zkhsmd_verdict verdict = ZKHSMD_ACCEPT;

	*out = (struct zkhsmd_finding){ .why = "" };
	if (!known || !known->enrolled)
		return ZKHSMD_PENDING_HSM;
	if (known->attested)
		verdict = compare_all(s, known, when, out);
	if (known->restore)
		verdict = forgive(verdict, out);
	if (verdict != ZKHSMD_ACCEPT)
		return verdict;
	if (revoked)
		return ZKHSMD_HSM_REVOKED;
	if (!is_approved(known, s->config_digest))
		return ZKHSMD_OTHER_CONFIGURATION;
	return ZKHSMD_ACCEPT;
}
