// SPDX-License-Identifier: GPL-2.0
/*
 * Managers that lie: with as many as the configuration stands the honest ones
 * get what they want, in leases, votes and the configuration; with one more
 * they do not.
 */
#include <errno.h>
#include <string.h>

#include "lessor.h"
#include "tolerance.h"

#define HOUR	3600000ull
#define N_MAX	5
#define KEY	"leased"

#define REVOKE	ZKHSM_ORDER_TYPE_REVOKE
#define HOLD	ZKHSM_ORDER_TYPE_HOLD
#define RELEASE	ZKHSM_ORDER_TYPE_RELEASE

/* The liars are the first @liars of @n. */
struct world {
	unsigned int n;
	unsigned int liars;
	uint32_t quorum;
};

static struct hsm h;
static struct manager m[N_MAX];
static uint64_t number[N_MAX];
static struct world w;
static uint8_t element[32];

static void make(const struct world *world, unsigned int tolerated)
{
	struct zkhsm_configuration c;
	struct zkhsm_tolerance t;
	uint8_t unused[32];
	unsigned int i;

	w = *world;
	hsm_close(&h);
	hsm_fresh_quorum(&h, LESSOR_PARAMS, w.quorum, w.quorum, w.quorum);
	for (i = 0; i < w.n; i++) {
		manager_free(&m[i]);
		manager_new_pinned(&h, &m[i]);
		number[i] = 0;
	}
	key_new_leased(&h, KEY);
	key_element(&h, KEY, element);
	/* What lock says is what is tried here. */
	config_read(&h, &c, unused);
	zkhsm_tolerance(&c, &t);
	check(t.sound && t.safe == tolerated && t.served == tolerated,
	      "%u managers, quorums %u: said to stand %u and %u", w.n, w.quorum, t.safe, t.served);
}

/* Each of those from @first up to @end, over evidence of now. */
static void lease(unsigned int first, unsigned int end, uint8_t verdict)
{
	struct attested now;

	attest(&h, &m[0], &now);
	for (; first < end; first++)
		lease_all(&h, &m[first], &now, verdict, HOUR);
}

static void vote(unsigned int first, unsigned int end, uint8_t type)
{
	for (; first < end; first++) {
		order_one(&h, &m[first], type, ++number[first], element);
		check_done(&h.a, "order %u of %u", type, first);
	}
}

/* They order that the managers be those from @from up to @to; returns the last outcome. */
static uint32_t change(unsigned int first, unsigned int end, unsigned int from, unsigned int to)
{
	struct zkhsm_configuration c;
	uint8_t previous[32];
	uint32_t outcome = 0;

	config_read(&h, &c, previous);
	config_set_managers(&c, m + from, to - from);
	c.enforce_grace_ms = UINT64_MAX;
	if (c.quorum > to - from)
		c.quorum = c.stop = c.wipe = (uint8_t)(to - from);
	for (; first < end; first++) {
		trust_change(&h, &m[first], ++number[first], previous, &c);
		check_done(&h.a, "trust-change of %u", first);
		outcome = nlraw_u32(&h.a, ZKHSM_A_ORDER_OUTCOME);
	}
	return outcome;
}

static void works(bool does, const char *when)
{
	static const uint8_t digest[32];

	key_sign(&h, KEY, digest);
	if (does)
		check_done(&h.a, "%u of %u lie, quorums %u: key-sign, %s", w.liars, w.n, w.quorum,
			   when);
	else
		check(h.a.error == EKEYEXPIRED, "%u of %u lie, quorums %u: key-sign %s: %s",
		      w.liars, w.n, w.quorum, when, strerrorname_np(h.a.error));
}

static void state(uint32_t expected, const char *when)
{
	uint32_t found = key_state(&h, KEY);

	check(found == expected, "%u of %u lie, quorums %u: state %u, %s", w.liars, w.n, w.quorum,
	      found, when);
}

static void outcome(uint32_t found, uint32_t expected, const char *when)
{
	check(found == expected, "%u of %u lie, quorums %u: outcome %u, %s", w.liars, w.n, w.quorum,
	      found, when);
}

/* The liars lie in every way that they have, before, between and after the others. */
static void tolerated(void)
{
	lease(0, w.liars, GRANT);
	works(false, "granted by liars alone");
	vote(0, w.liars, RELEASE);
	vote(0, w.liars, HOLD);
	vote(0, w.liars, REVOKE);
	state(ZKHSM_KEY_STATE_ACTIVE, "revoked by liars alone");
	outcome(change(0, w.liars, 0, w.liars), ZKHSM_ORDER_OUTCOME_WAITING,
		"liars want to be alone");
	lease(0, w.liars, DENY);
	works(false, "before the others say anything");
	lease(w.liars, w.n, GRANT);
	works(true, "granted by all who do not lie, denied by the liars");

	vote(0, w.liars, RELEASE);
	vote(w.liars, w.n, HOLD);
	state(ZKHSM_KEY_STATE_HELD, "held by all who do not lie");
	vote(0, w.liars, RELEASE);
	state(ZKHSM_KEY_STATE_HELD, "released by liars alone");
	lease(0, w.liars, GRANT);
	vote(w.liars, w.n, RELEASE);
	state(ZKHSM_KEY_STATE_ACTIVE, "released by all who do not lie");
	works(false, "released, and attested since to liars alone");
	lease(w.liars, w.n, GRANT);
	works(true, "released and granted again");

	lease(w.liars, w.n, DENY);
	works(false, "granted by liars alone, denied by the others");
	vote(0, w.liars, RELEASE);
	vote(w.liars, w.n, REVOKE);
	state(ZKHSM_KEY_STATE_COMPROMISED, "revoked by all who do not lie");
	vote(0, w.liars, RELEASE);
	state(ZKHSM_KEY_STATE_COMPROMISED, "released by liars after that");

	outcome(change(0, w.liars, 0, w.liars), ZKHSM_ORDER_OUTCOME_WAITING, "liars try again");
	outcome(change(w.liars, w.liars + w.quorum, w.liars, w.n), ZKHSM_ORDER_OUTCOME_DONE,
		"the others get rid of them");
	order_one(&h, &m[0], HOLD, number[0] + 1, element);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "a liar who is gone");
}

/* One too many, where few are enough: they do as they like. */
static void enough_to_do(void)
{
	lease(0, w.liars, GRANT);
	works(true, "granted by liars alone");
	lease(w.liars, w.n, DENY);
	works(true, "granted by liars, denied by all others");
	vote(0, w.liars, HOLD);
	state(ZKHSM_KEY_STATE_HELD, "held by liars");
	vote(0, w.liars, REVOKE);
	state(ZKHSM_KEY_STATE_COMPROMISED, "revoked by liars");
	outcome(change(0, w.liars, 0, w.liars), ZKHSM_ORDER_OUTCOME_DONE, "liars are alone");
}

/* One too many, where many are needed: the others can do nothing. */
static void enough_to_hinder(void)
{
	lease(0, w.liars, DENY);
	lease(w.liars, w.n, GRANT);
	works(false, "granted by all who do not lie");
	vote(w.liars, w.n, REVOKE);
	state(ZKHSM_KEY_STATE_ACTIVE, "revoked by all who do not lie");
	outcome(change(w.liars, w.n, w.liars, w.n), ZKHSM_ORDER_OUTCOME_WAITING,
		"the others want to get rid of them");
}

/* Low quorums are f + 1, high ones n - f; for n = 2f + 1 they are the same. */
static void each(bool high)
{
	struct world world;
	unsigned int f;

	for (world.n = 3; world.n <= N_MAX; world.n++) {
		for (f = 1; 2 * f + 1 <= world.n; f++) {
			world.quorum = high ? world.n - f : f + 1;
			world.liars = f;
			make(&world, f);
			tolerated();
			world.liars = f + 1;
			make(&world, f);
			if (high)
				enough_to_hinder();
			else
				enough_to_do();
		}
	}
}

static void low_quorums(void)
{
	each(false);
}

static void high_quorums(void)
{
	each(true);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "low_quorums", low_quorums },
		{ "high_quorums", high_quorums },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
