// SPDX-License-Identifier: GPL-2.0
/*
 * How much evidence may be asked for: the rate bucket, the table of outstanding
 * nonces, and how long a nonce lives. The module is loaded with small numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hsm.h"

#define FAST	"evidence_rate=1000 evidence_burst=1000 "

static struct hsm h;
static struct manager m;

static void start(const char *params)
{
	hsm_close(&h);
	manager_free(&m);
	hsm_fresh(&h, params);
	manager_new_pinned(&h, &m);
}

static uint32_t outstanding(void)
{
	hsm_get(&h);
	return nlraw_u32(&h.a, ZKHSM_A_HSM_NONCES);
}

/* Until evidence-get is done; only @reason may refuse it meanwhile. */
static void wait_until_done(int error, uint32_t reason, unsigned int seconds)
{
	const struct timespec moment = { .tv_nsec = 50 * 1000 * 1000 };
	unsigned int i;

	for (i = 0; i < seconds * 20; i++) {
		if (!evidence_get(&h, &m))
			break;
		check_refused(&h.a, error, reason, "evidence-get while waiting");
		nanosleep(&moment, NULL);
	}
	check_done(&h.a, "evidence-get after %u seconds", seconds);
}

static void rate(void)
{
	int i;

	start("evidence_rate=1 evidence_burst=3");
	/* However slow the machine: four take less than the one second each costs. */
	for (i = 0; i < 20 && !evidence_get(&h, &m); i++)
		;
	check(i >= 3, "only %d at once", i);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_RATE, "after a burst");
	check(outstanding() == (uint32_t)i, "a refusal cost a nonce");
	wait_until_done(EAGAIN, ZKHSM_REASON_RATE, 10);
}

static void table(void)
{
	int i;

	start(FAST "nonce_slots=4");
	check(!outstanding(), "nonces at first");
	for (i = 0; i < 4; i++) {
		evidence_get(&h, &m);
		check_done(&h.a, "evidence-get %d", i);
	}
	check(outstanding() == 4, "4 outstanding");
	for (i = 0; i < 3; i++) {
		evidence_get(&h, &m);
		check_refused(&h.a, EBUSY, ZKHSM_REASON_NONCES_OUTSTANDING, "a full table");
	}
	/* A live entry is never pushed out. */
	check(outstanding() == 4, "4 outstanding");
}

static void life(void)
{
	uint8_t digest[32];
	const uint8_t *p;
	struct nl_msg *msg;

	start(FAST "nonce_slots=2 nonce_life_ms=1500");
	evidence_get(&h, &m);
	check_done(&h.a, "evidence-get");
	p = nlraw_bytes(&h.a, ZKHSM_A_EVIDENCE_LIST_DIGEST, 32);
	require(p, "no list digest");
	memcpy(digest, p, 32);
	evidence_get(&h, &m);
	wait_until_done(EBUSY, ZKHSM_REASON_NONCES_OUTSTANDING, 10);
	while (outstanding())
		nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
	/* A list is handed out only as long as a live nonce names it. */
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_LIST_GET);
	nla_put(msg, ZKHSM_A_LIST_DIGEST, 32, digest);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_LIST_MOVED, "list-get after the nonce's life");
	nlraw_do(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_LIST_GET), &h.a);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_LIST_MOVED, "list-get of the newest");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "rate", rate },
		{ "table", table },
		{ "life", life },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
