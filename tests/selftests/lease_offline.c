// SPDX-License-Identifier: GPL-2.0
/*
 * Evidence whose answer comes by hand: for administrators, one at a time, and
 * outstanding for as long as a lease may live.
 */
#include <errno.h>
#include <string.h>

#include "lessor.h"

#define HOUR		3600000ull
#define NONCE_LIFE_MS	1000
/* The offline one has no slot of these. */
#define PARAMS		LESSOR_PARAMS " nonce_life_ms=1000 nonce_slots=2"
#define PATIENCE_MS	60000

static const uint8_t digest[32] = { 1 };
static struct hsm h;
static struct manager m;

static void start(void)
{
	hsm_close(&h);
	manager_free(&m);
	hsm_fresh(&h, PARAMS);
	manager_new_pinned(&h, &m);
	key_new_leased(&h, "leased");
}

static int ask(struct hsm *x, uint32_t offline)
{
	struct nl_msg *msg = nlraw_msg(&x->nl, ZKHSM_CMD_EVIDENCE_GET);

	put_challenge(msg, m.id, NULL);
	nla_put_u32(msg, ZKHSM_A_EVIDENCE_OFFLINE, offline);
	return nlraw_do(&x->nl, msg, &x->a);
}

static void by_hand(struct attested *a)
{
	ask(&h, 1);
	attested_read(&h, a);
}

static int answer(const struct attested *a)
{
	const struct terms t = { .of = a, .ttl_ms = HOUR, .verdict = GRANT };

	return lease_apply(&h, &m, &t);
}

static void no_answer(const struct attested *a, const char *what)
{
	answer(a);
	check_refused(&h.a, EKEYEXPIRED, ZKHSM_REASON_NONCE, "%s", what);
}

static uint32_t nonces(void)
{
	hsm_get(&h);
	return nlraw_u32(&h.a, ZKHSM_A_HSM_NONCES);
}

/* Until the time of other nonces is over. */
static void outlive_others(const struct attested *a)
{
	uint64_t end = boottime_ms() + PATIENCE_MS;

	while (boottime_ms() <= a->issued_ms + NONCE_LIFE_MS && boottime_ms() < end)
		;
}

static void as_agent(void *arg)
{
	struct hsm x = { 0 };

	(void)arg;
	hsm_reopen(&x);
	ask(&x, 1);
	check_refused(&x.a, EPERM, ZKHSM_REASON_NOT_ADMIN, "offline evidence for the agent");
	ask(&x, 0);
	check_done(&x.a, "evidence for the agent, which says that it is none");
}

static void as_other(void *arg)
{
	struct hsm x = { 0 };

	(void)arg;
	hsm_reopen(&x);
	ask(&x, 1);
	check_refused(&x.a, EACCES, ZKHSM_REASON_NOT_AGENT, "offline evidence for anybody");
}

static void for_administrators(void)
{
	struct attested a;

	start();
	check(!ktap_child(UID_AGENT, as_agent, NULL), "child");
	check(!ktap_child(UID_OTHER, as_other, NULL), "child");
	by_hand(&a);
	answer(&a);
	check_done(&h.a, "the lease");
	key_sign(&h, "leased", digest);
	check_done(&h.a, "key-sign");
}

static void outlives(void)
{
	struct attested usual, a;

	start();
	attest(&h, &m, &usual);
	by_hand(&a);
	check(a.number > usual.number, "n does not go up");
	outlive_others(&a);
	no_answer(&usual, "usual evidence after its time");
	check(nonces() == 1, "nonces outstanding");
	answer(&a);
	check_done(&h.a, "the lease, after the time of other nonces");
	check(nlraw_u64(&h.a, ZKHSM_A_ORDER_EXPIRES_MS) == a.issued_ms + HOUR,
	      "its life does not count from the evidence");
	answer(&a);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "the lease again");
}

/* When max-ttl-ms, which may have become shorter, is over. */
static void dies(void)
{
	struct attested a;

	start();
	by_hand(&a);
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, NONCE_LIFE_MS);
	check_done(&h.a, "hsm-set");
	outlive_others(&a);
	no_answer(&a, "after max-ttl-ms");
}

/* One slot, which is nobody else's, and takes none from anybody. */
static void one_slot(void)
{
	struct attested first, second, usual;
	int i;

	start();
	by_hand(&first);
	by_hand(&second);
	check(nonces() == 1, "two are outstanding");
	no_answer(&first, "the one that was replaced");
	for (i = 0; i < 2; i++)
		attest(&h, &m, &usual);
	evidence_get(&h, &m);
	check_refused(&h.a, EBUSY, ZKHSM_REASON_NONCES_OUTSTANDING, "a third of two slots");
	by_hand(&first);
	check(nonces() == 3, "nonces outstanding");
	no_answer(&second, "the second one, replaced as well");
	answer(&usual);
	check_done(&h.a, "the lease of usual evidence");
	answer(&first);
	check_done(&h.a, "the lease of what came later, by hand");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "for_administrators", for_administrators },
		{ "outlives", outlives },
		{ "dies", dies },
		{ "one_slot", one_slot },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
