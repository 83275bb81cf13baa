// SPDX-License-Identifier: GPL-2.0
/*
 * C changes by order of a quorum: what becomes of each order, and all that
 * follows when it is done. Of a locked C, lock.c has the same.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "lessor.h"

#define HOUR	3600000ull
#define N	4

static struct hsm h;
static struct listener ear;
/* All but the last are pinned. */
static struct manager m[N];
static uint64_t number[N];
static struct zkhsm_configuration now, next;
static uint8_t previous[32];

/* C as it is, and the same to be changed. */
static void configuration(void)
{
	config_read(&h, &now, previous);
	next = now;
}

static void start(uint32_t quorum, uint32_t stop, uint32_t wipe)
{
	int i;

	listener_end(&ear);
	hsm_close(&h);
	hsm_fresh_quorum(&h, LESSOR_PARAMS, quorum, stop, wipe);
	for (i = 0; i < N; i++) {
		manager_free(&m[i]);
		manager_new(&m[i]);
		number[i] = 0;
		if (i < N - 1)
			manager_pin(&h, &m[i]);
	}
	configuration();
	listener_start(&ear);
}

static void order(int who)
{
	trust_change(&h, &m[who], ++number[who], previous, &next);
}

/* What the last order came to; @votes 0: nobody counts. */
static void outcome(uint32_t expected, uint32_t votes, uint32_t needed, const char *what)
{
	if (!check_done(&h.a, "%s", what))
		return;
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_OUTCOME) == expected, "%s: outcome %u, expected %u",
	      what, nlraw_u32(&h.a, ZKHSM_A_ORDER_OUTCOME), expected);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_VOTES) == votes &&
	      nlraw_u32(&h.a, ZKHSM_A_ORDER_NEEDED) == needed, "%s: %u of %u", what,
	      nlraw_u32(&h.a, ZKHSM_A_ORDER_VOTES), nlraw_u32(&h.a, ZKHSM_A_ORDER_NEEDED));
}

static void done(uint32_t votes, uint32_t needed, const char *what)
{
	outcome(ZKHSM_ORDER_OUTCOME_DONE, votes, needed, what);
}

static void waiting(uint32_t votes, uint32_t needed, const char *what)
{
	outcome(ZKHSM_ORDER_OUTCOME_WAITING, votes, needed, what);
}

static void refused_void(uint32_t reason, const char *what)
{
	outcome(ZKHSM_ORDER_OUTCOME_VOID, 0, 0, what);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_REASON) == reason, "%s: reason %u, expected %u", what,
	      nlraw_u32(&h.a, ZKHSM_A_ORDER_REASON), reason);
}

/* C is as it was read last, or as it was ordered. */
static void in_force(const struct zkhsm_configuration *c, const char *when)
{
	struct zkhsm_configuration found;
	uint8_t unused[32];

	config_read(&h, &found, unused);
	check(!memcmp(&found, c, sizeof(found)), "C is another %s", when);
}

static void manager_get(int who)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_GET);

	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, m[who].id);
	nlraw_do(&h.nl, msg, &h.a);
}

static bool pending(int who)
{
	manager_get(who);
	check_done(&h.a, "trust-get");
	check(nlraw_u64(&h.a, ZKHSM_A_MANAGER_LAST_NUMBER) == number[who], "counter of %d", who);
	return nlraw_attr(&h.a, ZKHSM_A_MANAGER_PENDING);
}

static void two_of_three(void)
{
	static struct order o;
	const uint8_t *found;
	uint8_t body[32];

	start(2, 1, 2);
	next.enforce_grace_ms = 5000;
	next.max_ttl_ms = HOUR;
	listener_drain(&ear);
	order(0);
	waiting(1, 2, "the first");
	in_force(&now, "after one order of two");
	check(pending(0) && !pending(1), "who waits");
	trust_change_make(&o, &m[0], h.id, 1, previous, &next);
	ec_sha256(o.bytes + 80, o.len - 80 - 64, body);
	manager_get(0);
	found = nlraw_bytes(&h.a, ZKHSM_A_MANAGER_PENDING, 32);
	check(found && !memcmp(found, body, 32), "what waits");
	check(!listener_next(&ear, 0), "an event of what was not done");

	order(0);
	waiting(1, 2, "the same manager again");
	order(1);
	done(2, 2, "the second");
	in_force(&next, "after two orders of two");
	check(!pending(0) && !pending(1), "somebody waits still");
	check(listener_next(&ear, 0) && ear.cmd == ZKHSM_CMD_HSM_NTF &&
	      listener_u32(&ear, ZKHSM_A_HSM_EVENT) == ZKHSM_EVENT_CHANGED, "nobody was told");
	check(!listener_next(&ear, 0), "another event");
	/* The third comes late, with what has been done. */
	order(2);
	outcome(ZKHSM_ORDER_OUTCOME_WITHDRAWN, 0, 0, "the third");
	check(!pending(2), "the third waits");
}

/* Whoever changes his mind takes back his own word and no other's. */
static void withdrawn(void)
{
	start(2, 1, 2);
	next.max_ttl_ms = HOUR;
	order(0);
	waiting(1, 2, "the first");
	next = now;
	order(0);
	outcome(ZKHSM_ORDER_OUTCOME_WITHDRAWN, 0, 0, "taken back");
	check(!pending(0), "it waits still");
	next.max_ttl_ms = HOUR;
	order(1);
	waiting(1, 2, "the second, alone");
	/* A newer order takes the place of the one that waits. */
	next.max_ttl_ms = 2 * HOUR;
	order(1);
	waiting(1, 2, "another by the second");
	next.max_ttl_ms = HOUR;
	order(0);
	waiting(1, 2, "the first, with what the second does not want any more");
	next.max_ttl_ms = 2 * HOUR;
	order(2);
	done(2, 2, "the third, with what the second wants");
	in_force(&next, "then");
}

static void turns(void)
{
	static struct order o;

	start(2, 1, 2);
	next.max_ttl_ms = HOUR;
	trust_change(&h, &m[0], 2, previous, &next);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_OUT_OF_TURN, "number 2 first");
	check(!pending(0), "it waits");
	order(0);
	waiting(1, 2, "number 1");
	trust_change(&h, &m[0], 1, previous, &next);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "number 1 again");
	trust_change(&h, &m[N - 1], 1, previous, &next);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "a manager that is not pinned");

	/* Signed, but no C inside: malformed, and the number is not spent. */
	trust_change_make(&o, &m[1], h.id, 1, previous, &next);
	o.bytes[80 + 34 + 12] = 0;
	order_sign(&o, &m[1], o.len - 64);
	order_apply(&h, &o);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "quorum 0");
	trust_change_make(&o, &m[1], h.id, 1, previous, &next);
	o.bytes[80 + 33]--;
	order_sign(&o, &m[1], o.len - 64 - 1);
	order_apply(&h, &o);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "a C that is a byte short");
	check(!pending(1), "it waits");
	order(1);
	done(2, 2, "the second");
	/* It names the C that is no more. */
	order(2);
	outcome(ZKHSM_ORDER_OUTCOME_WITHDRAWN, 0, 0, "the third");
	next.max_ttl_ms = 2 * HOUR;
	order(2);
	refused_void(ZKHSM_REASON_OTHER_CONFIGURATION, "of another C");
	check(!pending(2), "a void order waits");
}

static void never(int who, uint32_t reason, const char *what)
{
	order(who);
	refused_void(reason, what);
	in_force(&now, what);
	check(!pending(who), "%s: it waits", what);
	next = now;
}

/* What lock would not pass, or what cannot be pinned; each costs its number. */
static void void_ones(void)
{
	uint8_t element[32], wrong[32];

	start(1, 1, 1);
	RAND_bytes(wrong, sizeof(wrong));
	next.max_ttl_ms = HOUR;
	trust_change(&h, &m[0], ++number[0], wrong, &next);
	refused_void(ZKHSM_REASON_OTHER_CONFIGURATION, "another previous");
	next = now;
	next.flags |= ZKHSM_HSM_FLAG_LOCKED;
	never(0, ZKHSM_REASON_CONFIG, "a lock by order");
	next.stop = 2;
	never(0, ZKHSM_REASON_CONFIG, "wipe below stop");
	next.quorum = N;
	never(0, ZKHSM_REASON_CONFIG, "a quorum above the managers");
	next.wipe = N;
	never(0, ZKHSM_REASON_CONFIG, "wipe above the managers");
	next.max_ttl_ms = ZKHSM_TTL_MIN_MS - 1;
	never(0, ZKHSM_REASON_TTL, "a short max-ttl-ms");
	next.max_ttl_ms = ZKHSM_TTL_MAX_MS + 1;
	never(0, ZKHSM_REASON_TTL, "a long max-ttl-ms");

	memset(next.managers[2] + 1, 0xff, 64);
	never(1, ZKHSM_REASON_MALFORMED, "a manager that is no point");
	config_set_managers(&next, m, N);
	ec_element(m[N - 1].public, element);
	order_one(&h, &m[0], ZKHSM_ORDER_TYPE_HOLD, ++number[0], element);
	check_done(&h.a, "hold");
	never(1, ZKHSM_REASON_REVOKED, "a manager who was stopped");
	order_one(&h, &m[0], ZKHSM_ORDER_TYPE_RELEASE, ++number[0], element);
	check_done(&h.a, "release");
	key_new(&h, "key");
	memcpy(m[N - 1].public, nlraw_bytes(&h.a, ZKHSM_A_KEY_PUBLIC, 65), 65);
	config_set_managers(&next, m, N);
	never(1, ZKHSM_REASON_ELEMENT_EXISTS, "a manager who is a key here");
	memcpy(m[N - 1].public, h.identity, 65);
	config_set_managers(&next, m, N);
	never(1, ZKHSM_REASON_ELEMENT_EXISTS, "a manager who is the identity");
	ec_negate_point(m[0].public, m[N - 1].public);
	config_set_managers(&next, m, N);
	never(1, ZKHSM_REASON_ELEMENT_EXISTS, "a manager twice, once negated");
	next.max_ttl_ms = HOUR;
	order(2);
	done(1, 1, "what can be done");
}

static void still_waits(const char *what)
{
	check(pending(0), "%s: forgotten", what);
}

static void forgotten(const char *what)
{
	check(!pending(0), "%s: it waits still", what);
	configuration();
	next.enforce_grace_ms ^= 1;
	order(0);
	waiting(1, 2, what);
}

/* Any change of C by anybody forgets what was ordered about the C before. */
static void local_changes(void)
{
	struct nl_msg *msg;

	start(2, 1, 2);
	next.enforce_grace_ms = 1;
	order(0);
	waiting(1, 2, "the first");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);
	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_OTHER);
	nla_put_u32(msg, ZKHSM_A_HSM_QUORUM, 2);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "hsm-set");
	still_waits("another agent, and C as it was");
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, HOUR);
	forgotten("another max-ttl-ms");
	manager_pin(&h, &m[N - 1]);
	forgotten("a manager was pinned");
	manager_unpin(&h, &m[N - 1]);
	forgotten("a manager was unpinned");
	key_new(&h, "key");
	still_waits("a key was made");
	/* The same C as when it was ordered first is another one in between. */
	hsm_set_u64(&h, ZKHSM_A_HSM_ENFORCE_GRACE_MS, 9);
	hsm_set_u64(&h, ZKHSM_A_HSM_ENFORCE_GRACE_MS, now.enforce_grace_ms);
	order(1);
	waiting(1, 2, "the second");
}

static void told(uint8_t cmd, int attr, uint32_t event, const char *what)
{
	check(listener_next(&ear, 0) && ear.cmd == cmd && listener_u32(&ear, attr) == event,
	      "%s: command %u, event %u", what, ear.cmd, listener_u32(&ear, attr));
}

/* One goes, one comes: pins, elements, leases, events, and the counter that stays. */
static void other_managers(void)
{
	struct attested a;

	start(2, 1, 2);
	key_new_leased(&h, "leased");
	attest(&h, &m[1], &a);
	lease_all(&h, &m[0], &a, GRANT, HOUR);
	lease_all(&h, &m[1], &a, GRANT, HOUR);
	config_set_managers(&next, m + 1, N - 1);
	order(0);
	waiting(1, 2, "the one who goes");
	listener_drain(&ear);
	order(1);
	done(2, 2, "one who stays");
	in_force(&next, "then");
	told(ZKHSM_CMD_TRUST_NTF, ZKHSM_A_MANAGER_EVENT, ZKHSM_EVENT_DELETED, "who goes");
	told(ZKHSM_CMD_LEASE_NTF, ZKHSM_A_LEASE_EVENT, ZKHSM_EVENT_DELETED, "its lease");
	told(ZKHSM_CMD_TRUST_NTF, ZKHSM_A_MANAGER_EVENT, ZKHSM_EVENT_CREATED, "who comes");
	told(ZKHSM_CMD_HSM_NTF, ZKHSM_A_HSM_EVENT, ZKHSM_EVENT_CHANGED, "C");
	check(!listener_next(&ear, 0), "another event");

	manager_get(0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "who goes");
	order(0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "an order of who went");
	number[0]--;
	key_sign(&h, "leased", a.statement);
	check_refused(&h.a, EKEYEXPIRED, ZKHSM_REASON_LEASE_QUORUM, "one of two leases is left");
	lease_all(&h, &m[N - 1], &a, GRANT, HOUR);
	key_sign(&h, "leased", a.statement);
	check_done(&h.a, "with the lease of who came");
	manager_pin(&h, &m[N - 1]);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ALREADY_PINNED, "trust-new of who came");

	/* Back again, by the two others: what it ordered before is a replay still. */
	configuration();
	config_set_managers(&next, m, N);
	order(N - 1);
	waiting(1, 2, "who came");
	order(2);
	done(2, 2, "and another");
	check(!pending(0), "it waits");
	trust_change(&h, &m[0], 1, previous, &next);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "number 1 of who came back");
}

/* The key of a manager has no other role, and is free when the manager has gone. */
static void roles(void)
{
	uint8_t scalar[32];

	start(1, 1, 1);
	ec_random_scalar(scalar);
	ec_public(scalar, m[N - 1].public);
	config_set_managers(&next, m, N);
	order(0);
	done(1, 1, "pinned by order");
	key_import(&h, "import", scalar);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ELEMENT_EXISTS, "import of a manager's key");
	configuration();
	config_set_managers(&next, m, N - 1);
	order(0);
	done(1, 1, "unpinned by order");
	key_import(&h, "import", scalar);
	check_done(&h.a, "import once it is nobody's");
}

/* Lower quorums act on the votes that are there, in the same step. */
static void votes_there(void)
{
	uint8_t element[32];

	start(2, 2, 2);
	key_new(&h, "key");
	key_element(&h, "key", element);
	order_one(&h, &m[2], ZKHSM_ORDER_TYPE_HOLD, ++number[2], element);
	check_done(&h.a, "hold");
	check(key_state(&h, "key") == ZKHSM_KEY_STATE_ACTIVE, "one vote of two holds");
	configuration();
	next.stop = 1;
	order(0);
	waiting(1, 2, "the first");
	listener_drain(&ear);
	order(1);
	done(2, 2, "the second");
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_KEYS_CHANGED) == 1, "keys changed");
	told(ZKHSM_CMD_KEY_NTF, ZKHSM_A_KEY_EVENT, ZKHSM_EVENT_HELD, "the key");
	told(ZKHSM_CMD_HSM_NTF, ZKHSM_A_HSM_EVENT, ZKHSM_EVENT_CHANGED, "C");
	check(key_state(&h, "key") == ZKHSM_KEY_STATE_HELD, "the key is not held");
	/* The quorum that counts is that of the C in force. */
	configuration();
	next.quorum = 3;
	order(0);
	order(1);
	done(2, 2, "a higher quorum, by the lower one");
	configuration();
	next.quorum = 1;
	order(0);
	waiting(1, 3, "the first");
	order(1);
	waiting(2, 3, "the second");
	order(2);
	done(3, 3, "the third");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "two_of_three", two_of_three },
		{ "withdrawn", withdrawn },
		{ "turns", turns },
		{ "void_ones", void_ones },
		{ "local_changes", local_changes },
		{ "other_managers", other_managers },
		{ "roles", roles },
		{ "votes_there", votes_there },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
