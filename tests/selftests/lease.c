// SPDX-License-Identifier: GPL-2.0
/*
 * Which leases are taken: for which evidence, in which order, for how long,
 * from whom. What a lease that was taken does to keys is lease_key.c's matter.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "lessor.h"
#include "sealed.h"

#define HOUR	3600000ull
#define DAY	(24 * HOUR)

static struct hsm h;
static struct manager m, other;
static struct attested now;

static void start(void)
{
	if (!h.nl.sock) {
		hsm_fresh(&h, LESSOR_PARAMS);
		manager_new_pinned(&h, &m);
		manager_new_pinned(&h, &other);
		key_new_leased(&h, "leased");
	}
	attest(&h, &m, &now);
}

static void granted(struct terms *t, const struct attested *of)
{
	*t = (struct terms){ .of = of, .ttl_ms = HOUR, .verdict = GRANT };
}

static void refused(const struct terms *t, int error, uint32_t reason, const char *what)
{
	lease_apply(&h, &m, t);
	check_refused(&h.a, error, reason, "%s", what);
}

/* The lease of @m answers @of, and nothing that was refused has touched it. */
static void stands(const struct attested *of, const char *after)
{
	lease_get(&h, &m);
	check_done(&h.a, "lease-get");
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_NUMBER) == of->number, "after %s: lease for %u, not %u",
	      after, nlraw_u32(&h.a, ZKHSM_A_LEASE_NUMBER), of->number);
}

static void nothing_yet(void)
{
	start();
	lease_get(&h, &m);
	check_done(&h.a, "lease-get");
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_VERDICT) == ZKHSM_LEASE_VERDICT_NONE, "verdict");
	check(!nlraw_attr(&h.a, ZKHSM_A_LEASE_NUMBER) &&
	      !nlraw_attr(&h.a, ZKHSM_A_LEASE_EXPIRES_MS), "more of a lease that is not there");
	check(nlraw_attr(&h.a, ZKHSM_A_LEASE_UPTIME_MS), "no uptime");
}

static void told(struct listener *l, uint32_t event, const struct attested *of, uint64_t ttl_ms)
{
	const struct nlattr *id;

	if (!check(listener_next(l, 0) && l->cmd == ZKHSM_CMD_LEASE_NTF, "no lease-ntf"))
		return;
	id = l->tb[ZKHSM_A_LEASE_MANAGER_ID];
	check(id && !memcmp(nla_data(id), m.id, 32), "manager in the event");
	check(listener_u32(l, ZKHSM_A_LEASE_EVENT) == event, "event");
	check(listener_u32(l, ZKHSM_A_LEASE_NUMBER) == of->number, "number in the event");
	check(l->tb[ZKHSM_A_LEASE_EXPIRES_MS] &&
	      nla_get_u64(l->tb[ZKHSM_A_LEASE_EXPIRES_MS]) == of->issued_ms + ttl_ms,
	      "end in the event");
	check(!listener_next(l, 0), "a second event");
}

static void taken(void)
{
	static const uint8_t names[2][32] = { { 1 }, { 2 } };
	static struct listener l;
	struct attested of;
	const uint8_t *id;
	struct terms t;

	start();
	of = now;
	granted(&t, &of);
	t.exceptions = names;
	t.count = 2;
	listener_start(&l);
	lease_apply(&h, &m, &t);
	check_done(&h.a, "lease");
	id = nlraw_bytes(&h.a, ZKHSM_A_ORDER_MANAGER_ID, 32);
	check(id && !memcmp(id, m.id, 32), "manager in the reply");
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_TYPE) == ZKHSM_ORDER_TYPE_LEASE, "type in the reply");
	check(nlraw_u64(&h.a, ZKHSM_A_ORDER_EXPIRES_MS) == of.issued_ms + HOUR,
	      "its end is not counted from the evidence");
	told(&l, ZKHSM_EVENT_LEASED, &of, HOUR);

	lease_get(&h, &m);
	id = nlraw_bytes(&h.a, ZKHSM_A_LEASE_MANAGER_ID, 32);
	check(id && !memcmp(id, m.id, 32), "manager");
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_NUMBER) == of.number, "number");
	check(nlraw_u64(&h.a, ZKHSM_A_LEASE_ISSUED_MS) == of.issued_ms, "issued");
	check(nlraw_u64(&h.a, ZKHSM_A_LEASE_EXPIRES_MS) == of.issued_ms + HOUR, "expires");
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_VERDICT) == GRANT, "verdict");
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_EXCEPTIONS) == 2, "exceptions");
	check(!listener_next(&l, 0), "lease-get was told");
	listener_end(&l);
}

/* Once per evidence and manager, and never back to an earlier one. */
static void order_of_leases(void)
{
	struct attested first, second;
	struct terms t;

	start();
	first = now;
	attest(&h, &m, &second);
	check(second.number > first.number, "n does not go up");
	granted(&t, &second);
	lease_apply(&h, &m, &t);
	check_done(&h.a, "lease");
	refused(&t, EALREADY, ZKHSM_REASON_REPLAY, "the same lease again");
	t.verdict = DENY;
	refused(&t, EALREADY, ZKHSM_REASON_REPLAY, "another lease for the same evidence");
	granted(&t, &first);
	refused(&t, EALREADY, ZKHSM_REASON_REPLAY, "a lease for earlier evidence");
	stands(&second, "replays");
	/* Each manager has its own count, though it was not asked in that evidence. */
	lease_apply(&h, &other, &t);
	check_done(&h.a, "another manager's lease for the earlier evidence");
	stands(&second, "another manager's lease");
}

static void false_ones(void)
{
	struct attested unknown;
	struct manager x;
	struct order o;
	struct terms t;

	start();
	unknown = now;
	RAND_bytes(unknown.statement, 32);
	granted(&t, &unknown);
	refused(&t, EKEYEXPIRED, ZKHSM_REASON_NONCE, "a statement that nobody made");

	granted(&t, &now);
	RAND_bytes(unknown.statement, 32);
	lease_make(&o, &m, unknown.statement, &t);
	order_apply(&h, &o);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, "a lease for another HSM");

	lease_make(&o, &m, h.id, &t);
	o.bytes[o.len - 1] ^= 1;
	order_apply(&h, &o);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_SIGNATURE, "a changed signature");
	o.bytes[o.len - 1] ^= 1;
	o.bytes[o.len - 67] ^= 1;
	order_apply(&h, &o);
	check(h.a.error, "a changed body was taken");

	manager_new(&x);
	lease_apply(&h, &x, &t);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "a lease of nobody who is pinned");
	lease_get(&h, &x);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "lease-get of nobody");
	manager_free(&x);

	lease_apply(&h, &m, &t);
	check_done(&h.a, "the lease itself");
}

static void lives(void)
{
	struct terms t;

	start();
	granted(&t, &now);
	t.ttl_ms = 0;
	refused(&t, EBADMSG, ZKHSM_REASON_MALFORMED, "no life at all");
	t.ttl_ms = DAY + 1;
	refused(&t, EINVAL, ZKHSM_REASON_TTL, "longer than max-ttl-ms");
	t.ttl_ms = UINT64_MAX;
	refused(&t, EINVAL, ZKHSM_REASON_TTL, "for ever");
	t.ttl_ms = 1;
	while (boottime_ms() <= now.issued_ms)
		;
	refused(&t, EKEYEXPIRED, ZKHSM_REASON_LEASE_EXPIRED, "over already");
	t.ttl_ms = DAY;
	lease_apply(&h, &m, &t);
	check_done(&h.a, "as long as max-ttl-ms");

	attest(&h, &m, &now);
	check(!hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, HOUR), "hsm-set: %s", h.a.text);
	t.ttl_ms = HOUR + 1;
	refused(&t, EINVAL, ZKHSM_REASON_TTL, "longer than the shorter max-ttl-ms");
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, DAY);
	check_done(&h.a, "hsm-set");
}

/* Whoever carries orders cannot have a lease granted ahead of a revocation. */
static void after_orders(void)
{
	static const uint8_t absent[32] = { 7 };
	struct attested later;
	struct terms t;

	start();
	attest(&h, &m, &later);
	granted(&t, &now);
	t.least = 1;
	refused(&t, EAGAIN, ZKHSM_REASON_OUT_OF_TURN, "order 1 is missing");
	check(!strchr(h.a.text, '1') || strstr(h.a.text, "up to 1"), "\"%s\"", h.a.text);
	order_one(&h, &m, ZKHSM_ORDER_TYPE_HOLD, 2, absent);
	check_done(&h.a, "order 2 ahead of its turn");
	refused(&t, EAGAIN, ZKHSM_REASON_OUT_OF_TURN, "order 2 acts, order 1 is missing");
	order_one(&h, &m, ZKHSM_ORDER_TYPE_HOLD, 1, absent);
	check_done(&h.a, "order 1");
	lease_apply(&h, &m, &t);
	check_done(&h.a, "the same lease, now that order 1 was applied");
	/* That the counter is above it is no matter. */
	order_one(&h, &m, ZKHSM_ORDER_TYPE_HOLD, 2, absent);
	check_done(&h.a, "order 2");
	granted(&t, &later);
	t.least = 1;
	lease_apply(&h, &m, &t);
	check_done(&h.a, "least below the counter");
	stands(&later, "orders");
}

/* What it has taken is remembered, what it granted is not. */
static void unpinned(void)
{
	static struct listener l;
	struct attested earlier;
	struct terms t;

	start();
	earlier = now;
	attest(&h, &m, &now);
	lease_all(&h, &m, &now, GRANT, HOUR);
	listener_start(&l);
	manager_unpin(&h, &m);
	check_done(&h.a, "trust-del");
	check(listener_next(&l, 0) && l.cmd == ZKHSM_CMD_TRUST_NTF, "trust-ntf");
	check(listener_next(&l, 0) && l.cmd == ZKHSM_CMD_LEASE_NTF &&
	      listener_u32(&l, ZKHSM_A_LEASE_EVENT) == ZKHSM_EVENT_DELETED &&
	      listener_u32(&l, ZKHSM_A_LEASE_VERDICT) == ZKHSM_LEASE_VERDICT_NONE,
	      "nobody was told that its lease is gone");
	lease_get(&h, &m);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "lease-get of an unpinned manager");
	granted(&t, &now);
	refused(&t, ENOKEY, ZKHSM_REASON_NOT_PINNED, "a lease of an unpinned manager");
	manager_pin(&h, &m);
	check_done(&h.a, "trust-new again");
	check(listener_next(&l, 0) && l.cmd == ZKHSM_CMD_TRUST_NTF, "trust-ntf");
	manager_unpin(&h, &m);
	check(listener_next(&l, 0) && l.cmd == ZKHSM_CMD_TRUST_NTF, "trust-ntf");
	check(!listener_next(&l, 0), "told of a lease that was not there");
	listener_end(&l);
	manager_pin(&h, &m);
	check_done(&h.a, "trust-new once more");
	lease_get(&h, &m);
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_VERDICT) == ZKHSM_LEASE_VERDICT_NONE,
	      "the lease came back");
	refused(&t, EALREADY, ZKHSM_REASON_REPLAY, "the lease from before");
	granted(&t, &earlier);
	refused(&t, EALREADY, ZKHSM_REASON_REPLAY, "an earlier one");
	attest(&h, &m, &now);
	lease_all(&h, &m, &now, GRANT, HOUR);
}

static unsigned int in_dump;
static uint8_t last[32];

static void take_lease(const struct nlmsghdr *nh, void *arg)
{
	const struct genlmsghdr *g = nlmsg_data(nh);
	const struct nlattr *id = nla_find(genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
					   ZKHSM_A_LEASE_MANAGER_ID);

	(void)arg;
	if (!check(id && nla_len(id) == 32, "a lease of nobody"))
		return;
	check(!in_dump++ || memcmp(last, nla_data(id), 32) < 0, "leases out of order");
	memcpy(last, nla_data(id), 32);
}

static void dump(void)
{
	start();
	in_dump = 0;
	nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_LEASE_GET), take_lease, NULL, &h.a);
	check_done(&h.a, "dump");
	check(in_dump == 2, "%u leases of 2 managers", in_dump);
}

/* Another load is another instance, whose nonces are others. */
static void other_instance(void)
{
	static struct sealed s;
	int32_t kek = sealed_kek(5);
	struct attested before;
	struct terms t;

	hsm_close(&h);
	sealed_fresh(&h, kek, 1, 1, 1);
	manager_pin(&h, &m);
	key_new_leased(&h, "leased");
	sealed_store(&h, &s);
	attest(&h, &m, &before);
	lease_all(&h, &m, &before, GRANT, HOUR);
	hsm_get(&h);
	check(!nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED), "a lease waits to be sealed");
	attest(&h, &m, &before);

	sealed_empty(&h);
	sealed_restore(&h, &s, kek);
	check_done(&h.a, "hsm-unseal");
	lease_get(&h, &m);
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_VERDICT) == ZKHSM_LEASE_VERDICT_NONE,
	      "a lease out of the sealed state");
	granted(&t, &before);
	refused(&t, EKEYEXPIRED, ZKHSM_REASON_NONCE, "a lease for the instance before");
	key_sign(&h, "leased", before.statement);
	check_refused(&h.a, EKEYEXPIRED, ZKHSM_REASON_NO_LEASE, "key-sign");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "nothing_yet", nothing_yet },
		{ "taken", taken },
		{ "order_of_leases", order_of_leases },
		{ "false_ones", false_ones },
		{ "lives", lives },
		{ "after_orders", after_orders },
		{ "unpinned", unpinned },
		{ "dump", dump },
		{ "other_instance", other_instance },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
