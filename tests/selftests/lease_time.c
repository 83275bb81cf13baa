// SPDX-License-Identifier: GPL-2.0
/*
 * A lease ends by itself, on CLOCK_BOOTTIME, whatever becomes of other clocks
 * and of the use that is in the middle of its arithmetic then; and what C lets
 * a key do without leases.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "lessor.h"

#define HOUR		3600000ull
#define DAY_S		86400
#define KEY		"leased"
#define ROUNDS		40
#define IN_FLIGHT	5
/* An event that is later than that does not come. */
#define PATIENCE_MS	30000

static const uint8_t digest[32] = { 1 };
static struct hsm h, user;
static struct listener ear;
static struct manager m;
static struct attested now;
/* Of a lease that lives long enough to be seen alive. */
static uint64_t brief_ms;

static void start(void)
{
	listener_end(&ear);
	hsm_close(&h);
	manager_free(&m);
	hsm_fresh(&h, LESSOR_PARAMS);
	manager_new_pinned(&h, &m);
	key_new_leased(&h, KEY);
	brief_ms = kernel_is_slow() ? 4000 : 1500;
	listener_start(&ear);
}

static void lease(uint8_t verdict, uint64_t ttl_ms)
{
	attest(&h, &m, &now);
	lease_all(&h, &m, &now, verdict, ttl_ms);
	listener_drain(&ear);
}

static void set(int attr, uint64_t value)
{
	hsm_set_u64(&h, attr, value);
	check_done(&h.a, "hsm-set");
	listener_drain(&ear);
}

static void works(const char *when)
{
	key_sign(&h, KEY, digest);
	check_done(&h.a, "key-sign %s", when);
}

static void refused(uint32_t reason, const char *when)
{
	key_sign(&h, KEY, digest);
	check_refused(&h.a, EKEYEXPIRED, reason, "key-sign %s", when);
}

/* The kernel tells the end of the lease at the end, which is @expires, and once. */
static void await_end(uint64_t expires)
{
	if (!check(listener_next(&ear, PATIENCE_MS), "nobody told that the lease has ended"))
		return;
	check(boottime_ms() >= expires, "told before its time");
	check(ear.cmd == ZKHSM_CMD_LEASE_NTF &&
	      listener_u32(&ear, ZKHSM_A_LEASE_EVENT) == ZKHSM_EVENT_EXPIRED &&
	      listener_u32(&ear, ZKHSM_A_LEASE_VERDICT) == ZKHSM_LEASE_VERDICT_EXPIRED &&
	      listener_u32(&ear, ZKHSM_A_LEASE_NUMBER) == now.number,
	      "command %u, event %u", ear.cmd, listener_u32(&ear, ZKHSM_A_LEASE_EVENT));
	check(!listener_next(&ear, 0), "another event");
}

static void ends(void)
{
	start();
	lease(GRANT, brief_ms);
	works("under a lease");
	await_end(now.issued_ms + brief_ms);
	refused(ZKHSM_REASON_LEASE_EXPIRED, "after its end");
	check(!strchr(h.a.text, '0') || strstr(h.a.text, " s ago, 0 of 1 grant this key"),
	      "\"%s\"", h.a.text);
	lease_get(&h, &m);
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_VERDICT) == ZKHSM_LEASE_VERDICT_EXPIRED, "verdict");
	check(nlraw_u64(&h.a, ZKHSM_A_LEASE_EXPIRES_MS) == now.issued_ms + brief_ms, "end");
	key_get(&h, KEY);
	check(nlraw_attr(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS) &&
	      !nlraw_u64(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS), "works until");
	lease(GRANT, HOUR);
	works("under the next lease");
	check(!listener_next(&ear, 0), "an event of a use");
}

/* One that was replaced has no end to tell; one that denies has. */
static void ends_once(void)
{
	start();
	lease(GRANT, brief_ms);
	lease(DENY, brief_ms);
	await_end(now.issued_ms + brief_ms);
	refused(ZKHSM_REASON_LEASE_DENIED, "after the end of a lease that denied");
}

static void set_clock(time_t by)
{
	struct timeval t;

	require(!gettimeofday(&t, NULL), "gettimeofday");
	t.tv_sec += by;
	require(!settimeofday(&t, NULL), "settimeofday: %s", strerrorname_np(errno));
}

static void wall_clock(void)
{
	start();
	lease(GRANT, HOUR);
	set_clock(2 * DAY_S);
	works("two days on, by the wall clock");
	set_clock(-4 * DAY_S);
	works("two days back");
	lease(GRANT, brief_ms);
	works("under a lease, two days back");
	set_clock(-DAY_S);
	await_end(now.issued_ms + brief_ms);
	refused(ZKHSM_REASON_LEASE_EXPIRED, "after its end, whatever the wall clock says");
	lease(GRANT, brief_ms);
	set_clock(3 * DAY_S);
	works("under a lease, on time again");
	await_end(now.issued_ms + brief_ms);
}

static uint64_t unleased_uses(void)
{
	key_get(&h, KEY);
	return nlraw_u64(&h.a, ZKHSM_A_KEY_UNLEASED_USES);
}

static void told_unleased(const char *when)
{
	check(listener_next(&ear, 0) && ear.cmd == ZKHSM_CMD_KEY_NTF &&
	      listener_u32(&ear, ZKHSM_A_KEY_EVENT) == ZKHSM_EVENT_UNLEASED,
	      "%s: nobody was told", when);
	check(!listener_next(&ear, 0), "%s: another event", when);
}

/* A while longer than leases live, and each use of that while is counted. */
static void grace(void)
{
	uint64_t end, before, uses = 0;

	start();
	set(ZKHSM_A_HSM_ENFORCE_GRACE_MS, brief_ms);
	refused(ZKHSM_REASON_NO_LEASE, "before any lease, grace or not");
	lease(GRANT, brief_ms);
	end = now.issued_ms + 2 * brief_ms;
	works("under a lease");
	check(!unleased_uses(), "a use under a lease is counted");
	check(nlraw_u64(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS) == end, "works until");
	await_end(end - brief_ms);
	do {
		before = boottime_ms();
		key_sign(&h, KEY, digest);
		if (h.a.error)
			break;
		check(before < end, "a use after the grace");
		if (!uses++)
			told_unleased("the first use without a lease");
	} while (before < end + PATIENCE_MS);
	check_refused(&h.a, EKEYEXPIRED, ZKHSM_REASON_LEASE_EXPIRED, "after the grace");
	check(boottime_ms() >= end, "refused before the end of the grace");
	check(!listener_next(&ear, 0), "told more than once");
	check(uses && unleased_uses() == uses, "%llu uses, %llu counted", (unsigned long long)uses,
	      (unsigned long long)unleased_uses());
}

/* It is for managers that are silent, not for those that have said no. */
static void no_grace(void)
{
	start();
	set(ZKHSM_A_HSM_ENFORCE_GRACE_MS, HOUR);
	lease(GRANT, brief_ms);
	works("under a lease");
	lease(DENY, HOUR);
	refused(ZKHSM_REASON_LEASE_DENIED, "denied, in the grace of the lease before");
	lease(GRANT, brief_ms);
	await_end(now.issued_ms + brief_ms);
	works("in its grace");
	key_set_u32(&h, KEY, ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_SIGN);
	refused(ZKHSM_REASON_LEASE_CHANGED, "changed, in the grace of the lease before");
}

/* The highest grace enforces nothing and tells, once until a lease grants again. */
static void report_only(void)
{
	start();
	set(ZKHSM_A_HSM_ENFORCE_GRACE_MS, UINT64_MAX);
	works("without a lease");
	told_unleased("without a lease");
	works("without a lease, again");
	check(unleased_uses() == 2, "unleased uses");
	lease(DENY, HOUR);
	works("denied");
	check(!listener_next(&ear, 0), "told again, with no lease in between");
	lease(GRANT, HOUR);
	works("granted");
	check(unleased_uses() == 3, "unleased uses");
	lease(DENY, HOUR);
	works("denied again");
	told_unleased("denied again");
	set(ZKHSM_A_HSM_ENFORCE_GRACE_MS, UINT64_MAX - 1);
	refused(ZKHSM_REASON_LEASE_DENIED, "with the highest grace that enforces");
}

/* What shortens lives shortens those that have begun. */
static void shortened(void)
{
	start();
	lease(GRANT, HOUR);
	set(ZKHSM_A_HSM_MAX_TTL_MS, brief_ms);
	key_get(&h, KEY);
	check(!nlraw_u64(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS) ||
	      nlraw_u64(&h.a, ZKHSM_A_KEY_WORKS_UNTIL_MS) == now.issued_ms + brief_ms,
	      "works until");
	await_end(now.issued_ms + brief_ms);
	refused(ZKHSM_REASON_LEASE_EXPIRED, "after max-ttl-ms");
	set(ZKHSM_A_HSM_MAX_TTL_MS, HOUR);
	refused(ZKHSM_REASON_LEASE_EXPIRED, "although leases may be long again");
}

static void ttl_refused(uint8_t cmd, uint64_t ttl)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, cmd);

	nla_put_u64(msg, ZKHSM_A_HSM_MAX_TTL_MS, ttl);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_TTL, "max-ttl-ms %llu", (unsigned long long)ttl);
}

static void in_configuration(void)
{
	static const uint64_t never[] = { 1, ZKHSM_TTL_MIN_MS - 1, ZKHSM_TTL_MAX_MS + 1,
					  UINT64_MAX };
	static struct zkhsm_configuration c;
	uint8_t unused[32];
	struct nl_msg *msg;
	size_t i;

	listener_end(&ear);
	hsm_close(&h);
	module_reload(NULL);
	hsm_reopen(&h);
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		ttl_refused(ZKHSM_CMD_HSM_NEW, never[i]);
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);
	nla_put_u64(msg, ZKHSM_A_HSM_MAX_TTL_MS, ZKHSM_TTL_MIN_MS);
	nla_put_u64(msg, ZKHSM_A_HSM_ENFORCE_GRACE_MS, 7);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "hsm-new");
	config_read(&h, &c, unused);
	check(c.max_ttl_ms == ZKHSM_TTL_MIN_MS && c.enforce_grace_ms == 7, "C of hsm-new");
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		ttl_refused(ZKHSM_CMD_HSM_SET, never[i]);
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, ZKHSM_TTL_MAX_MS);
	check_done(&h.a, "hsm-set");
	config_read(&h, &c, unused);
	check(c.max_ttl_ms == ZKHSM_TTL_MAX_MS && c.enforce_grace_ms == 7, "C of hsm-set");
	/* Zero is a grace like others, and what is not named stays. */
	hsm_set_u64(&h, ZKHSM_A_HSM_ENFORCE_GRACE_MS, 0);
	config_read(&h, &c, unused);
	check(c.max_ttl_ms == ZKHSM_TTL_MAX_MS && !c.enforce_grace_ms, "C of hsm-set again");
}

static void *use(void *unused)
{
	struct nl_msg *msg = id_msg(&user, ZKHSM_CMD_KEY_SIGN, KEY);

	(void)unused;
	nla_put(msg, ZKHSM_A_KEY_DIGEST, sizeof(digest), digest);
	nlraw_send(&user.nl, msg, NLM_F_ACK);
	return NULL;
}

static bool nothing_there(void)
{
	char byte;

	return recv(nlraw_fd(&user.nl), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* Returns whether a use was in flight when its lease ended. */
static bool one_round(uint64_t life_ms, uint64_t before_ms)
{
	pthread_t thread;
	bool in_flight;
	uint64_t end;

	lease(GRANT, life_ms);
	end = now.issued_ms + life_ms;
	hsm_reopen(&user);
	while (boottime_ms() + before_ms < end)
		;
	require(!pthread_create(&thread, NULL, use, NULL), "no thread");
	while (boottime_ms() < end)
		;
	/* An answer that was let out before the end is queued when this is done. */
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, HOUR);
	in_flight = nothing_there();
	pthread_join(thread, NULL);
	nlraw_receive(&user.nl, NULL, NULL, &user.a);
	if (in_flight || user.a.error)
		check_refused(&user.a, EKEYEXPIRED, ZKHSM_REASON_LEASE_EXPIRED, "%llu ms before",
			      (unsigned long long)before_ms);
	hsm_close(&user);
	return in_flight;
}

/* A use that began under a lease gets no answer out when that has ended. */
static void in_flight(void)
{
	unsigned int round, found = 0;

	start();
	for (round = 0; round < ROUNDS && found < IN_FLIGHT; round++)
		found += one_round(brief_ms / 3, 1 + round % 10);
	ktap_note("%u of %u uses were in flight", found, round);
	check(found, "no use was in flight, so nothing was tested");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "ends", ends },
		{ "ends_once", ends_once },
		{ "wall_clock", wall_clock },
		{ "grace", grace },
		{ "no_grace", no_grace },
		{ "report_only", report_only },
		{ "shortened", shortened },
		{ "in_configuration", in_configuration },
		{ "in_flight", in_flight },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
