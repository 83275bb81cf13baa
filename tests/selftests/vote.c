// SPDX-License-Identifier: GPL-2.0
/* What orders do to keys, and to elements that are not here. */
#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "hsm.h"

#define REVOKE	ZKHSM_ORDER_TYPE_REVOKE
#define HOLD	ZKHSM_ORDER_TYPE_HOLD
#define RELEASE	ZKHSM_ORDER_TYPE_RELEASE
#define TOMBSTONES_MAX	4096

static const uint8_t digest[32] = { 1 };
static struct hsm h;
static struct manager one, two;
static struct order o;

static void start(uint32_t quorum, uint32_t stop, uint32_t wipe)
{
	hsm_close(&h);
	manager_free(&one);
	manager_free(&two);
	hsm_fresh_quorum(&h, NULL, quorum, stop, wipe);
	manager_new_pinned(&h, &one);
	manager_new_pinned(&h, &two);
}

static void make(const char *id, uint8_t element[32])
{
	key_new(&h, id);
	require(!h.a.error, "key-new: %s", h.a.text);
	key_element(&h, id, element);
}

static void order(const struct manager *m, uint8_t type, uint64_t number,
		  const uint8_t element[32], uint32_t changed)
{
	order_one(&h, m, type, number, element);
	check_done(&h.a, "order %u number %llu", type, (unsigned long long)number);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_KEYS_CHANGED) == changed,
	      "order %u number %llu: keys changed", type, (unsigned long long)number);
}

static void state_is(const char *id, uint32_t state, const char *when)
{
	uint32_t found = key_state(&h, id);

	check(found == state, "%s: state %u, expected %u", when, found, state);
}

static void stopped(const char *id, int error, uint32_t reason, const char *word)
{
	key_sign(&h, id, digest);
	check_refused(&h.a, error, reason, "key-sign");
	check(strstr(h.a.text, word), "\"%s\" does not say %s", h.a.text, word);
	key_prove(&h, id, "client", 6, NULL, 0);
	check_refused(&h.a, error, reason, "proof-get");
}

static void works(const char *id)
{
	key_sign(&h, id, digest);
	check_done(&h.a, "key-sign");
	key_prove(&h, id, "client", 6, NULL, 0);
	check_done(&h.a, "proof-get");
}

static void revoke(void)
{
	uint8_t element[32];

	start(1, 1, 1);
	make("target", element);
	works("target");
	order(&one, REVOKE, 1, element, 1);
	state_is("target", ZKHSM_KEY_STATE_COMPROMISED, "revoked");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_REASON) == ZKHSM_REVOCATION_REASON_KEY_COMPROMISE,
	      "reason in key-get");
	stopped("target", EKEYREVOKED, ZKHSM_REASON_REVOKED, "revoked");
	/* Nothing local brings it back. */
	key_set_u32(&h, "target", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "activate");
	key_set_u32(&h, "target", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "deactivate");
	/* Nor does a release: the secret is gone. */
	order(&one, RELEASE, 2, element, 0);
	state_is("target", ZKHSM_KEY_STATE_COMPROMISED, "released");
	stopped("target", EKEYREVOKED, ZKHSM_REASON_REVOKED, "revoked");
}

static void hold_and_release(void)
{
	uint8_t element[32];

	start(1, 1, 1);
	make("target", element);
	order(&one, HOLD, 1, element, 1);
	state_is("target", ZKHSM_KEY_STATE_HELD, "held");
	stopped("target", EACCES, ZKHSM_REASON_HELD, "held");
	key_set_u32(&h, "target", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE);
	check_refused(&h.a, EACCES, ZKHSM_REASON_HELD, "activate a held key");
	order(&one, HOLD, 2, element, 0);
	order(&one, RELEASE, 3, element, 1);
	state_is("target", ZKHSM_KEY_STATE_ACTIVE, "released");
	check(!nlraw_attr(&h.a, ZKHSM_A_KEY_REASON), "a reason after the release");
	works("target");

	/* Released into what it was before. */
	key_set_u32(&h, "target", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	check_done(&h.a, "deactivate");
	order(&one, HOLD, 4, element, 1);
	order(&one, RELEASE, 5, element, 1);
	state_is("target", ZKHSM_KEY_STATE_DEACTIVATED, "released");
	order(&one, HOLD, 6, element, 1);
	order(&one, REVOKE, 7, element, 1);
	state_is("target", ZKHSM_KEY_STATE_COMPROMISED, "held, then revoked");
}

/* stop = wipe = 2: one manager alone does nothing. */
static void two_of_two(void)
{
	uint8_t a[32], b[32];

	start(2, 2, 2);
	make("a", a);
	make("b", b);
	order(&one, REVOKE, 1, a, 0);
	state_is("a", ZKHSM_KEY_STATE_ACTIVE, "one revoked");
	works("a");
	order(&one, REVOKE, 2, a, 0);
	state_is("a", ZKHSM_KEY_STATE_ACTIVE, "the same one twice");
	order(&two, REVOKE, 1, a, 1);
	state_is("a", ZKHSM_KEY_STATE_COMPROMISED, "two revoked");

	order(&one, REVOKE, 3, b, 0);
	order(&two, HOLD, 2, b, 1);
	state_is("b", ZKHSM_KEY_STATE_HELD, "one revoked, one held");
	/* quorum = 2: one release is not enough, but takes his vote to stop back. */
	order(&one, RELEASE, 4, b, 0);
	state_is("b", ZKHSM_KEY_STATE_HELD, "one released");
	order(&two, RELEASE, 3, b, 1);
	state_is("b", ZKHSM_KEY_STATE_ACTIVE, "both released");
	works("b");
	/* All votes were cleared: again both are needed. */
	order(&two, HOLD, 4, b, 0);
	state_is("b", ZKHSM_KEY_STATE_ACTIVE, "one held");
}

/* A release speaks of what was there when it was given, not of what others stop later. */
static void released_before(void)
{
	uint8_t element[32], other[32];

	start(2, 1, 2);
	make("target", element);
	make("other", other);
	order(&two, RELEASE, 1, element, 0);
	order(&one, HOLD, 1, element, 1);
	order(&one, RELEASE, 2, element, 0);
	state_is("target", ZKHSM_KEY_STATE_HELD, "one released before the hold, one after");
	order_one(&h, &two, RELEASE, 1, element);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "the dropped release again");
	order(&two, RELEASE, 2, element, 1);
	works("target");

	/* Held ahead of its turn; in turn the same order is no new vote. */
	order(&one, HOLD, 4, other, 1);
	order(&two, RELEASE, 3, other, 0);
	order(&one, HOLD, 3, element, 1);
	order(&one, HOLD, 4, other, 0);
	order(&one, RELEASE, 5, other, 1);
	state_is("other", ZKHSM_KEY_STATE_ACTIVE, "both released after the hold");
}

/* stop = 1, wipe = 2: one manager suspends, two erase. */
static void one_stops_two_wipe(void)
{
	uint8_t element[32];

	start(1, 1, 2);
	make("target", element);
	order(&one, REVOKE, 1, element, 1);
	state_is("target", ZKHSM_KEY_STATE_HELD, "one revoked");
	stopped("target", EACCES, ZKHSM_REASON_HELD, "held");
	order(&two, HOLD, 1, element, 0);
	state_is("target", ZKHSM_KEY_STATE_HELD, "and one held");
	order(&two, REVOKE, 2, element, 1);
	state_is("target", ZKHSM_KEY_STATE_COMPROMISED, "two revoked");
}

static void not_importable(const uint8_t scalar[32], const char *when)
{
	key_import(&h, "import", scalar);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "import %s", when);
}

static void tombstone(void)
{
	uint8_t scalar[32], negative[32], public[65], element[32];

	start(1, 1, 1);
	ec_random_scalar(scalar);
	ec_negate(scalar, negative);
	ec_public(scalar, public);
	ec_element(public, element);
	order(&one, REVOKE, 1, element, 0);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_TOMBSTONES) == 1, "tombstones in the reply");
	not_importable(scalar, "of a revoked element");
	not_importable(negative, "of its negative");
	order(&one, RELEASE, 2, element, 0);
	key_import(&h, "import", scalar);
	check_done(&h.a, "import once released");
	works("import");

	/* Deleting the key does not delete the votes on it. */
	order(&one, HOLD, 3, element, 1);
	key_del(&h, "import");
	check_done(&h.a, "key-del");
	not_importable(scalar, "of a held element that was deleted");
	order(&one, REVOKE, 4, element, 0);
	not_importable(scalar, "of it when it was revoked");
	order(&one, RELEASE, 5, element, 0);
	key_import(&h, "import", negative);
	check_done(&h.a, "import of the negative once released");
	order(&one, REVOKE, 6, element, 1);
	key_del(&h, "import");
	not_importable(scalar, "of a revoked key that was deleted");
}

static uint32_t tombstones(const struct manager *m)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_GET);

	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, m->id);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "trust-get");
	return nlraw_u32(&h.a, ZKHSM_A_MANAGER_TOMBSTONES);
}

/* A vote that is too few to stop goes with the element when it comes, and when it leaves. */
static void too_few(void)
{
	uint8_t scalar[32], public[65], element[32];

	start(1, 2, 2);
	RAND_bytes(scalar, sizeof(scalar));
	scalar[0] &= 0x7f;
	ec_public(scalar, public);
	ec_element(public, element);
	order(&one, HOLD, 1, element, 0);
	check(tombstones(&one) == 1, "one vote on what is not here");
	key_import(&h, "import", scalar);
	check_done(&h.a, "import below the quorum");
	check(!tombstones(&one), "a tombstone of what is here");
	works("import");
	key_del(&h, "import");
	check_done(&h.a, "key-del");
	check(tombstones(&one) == 1, "the vote of what has gone");
	key_import(&h, "import", scalar);
	check_done(&h.a, "import again");
	order(&two, HOLD, 1, element, 1);
	state_is("import", ZKHSM_KEY_STATE_HELD, "held by both");
	key_sign(&h, "import", digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_HELD, "key-sign");
	/* Where the kernel lets a sentence have values, it says who, how many more, since when. */
	check(!strchr(h.a.text, '(') || (strstr(h.a.text, " +1, ") && strstr(h.a.text, " s ago)")),
	      "\"%s\"", h.a.text);
	key_del(&h, "import");
	check_done(&h.a, "key-del of a held key");
	check(tombstones(&one) == 1 && tombstones(&two) == 1, "the votes of both");
	order(&one, RELEASE, 2, element, 0);
	order(&two, RELEASE, 2, element, 0);
	check(!tombstones(&one) && !tombstones(&two), "released");
}

/* A manager's own key is an element like any other: held before it was pinned, or after. */
static void manager_as_element(void)
{
	struct manager three;
	uint8_t element[32];

	start(1, 2, 2);
	manager_new(&three);
	ec_element(three.public, element);
	order(&one, HOLD, 1, element, 0);
	manager_pin(&h, &three);
	check_done(&h.a, "trust-new below the quorum");
	check(!tombstones(&one), "a tombstone of a pinned manager's key");
	manager_unpin(&h, &three);
	check_done(&h.a, "trust-del");
	check(tombstones(&one) == 1, "the vote of what has gone");
	order(&two, HOLD, 1, element, 0);
	manager_pin(&h, &three);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "trust-new of a stopped element");
	order(&two, RELEASE, 2, element, 0);
	manager_pin(&h, &three);
	check_done(&h.a, "trust-new once released");
	manager_free(&three);
}

static void votes_outlive_pins(void)
{
	uint8_t element[32];

	start(1, 1, 1);
	make("target", element);
	order(&one, HOLD, 1, element, 1);
	manager_unpin(&h, &one);
	check_done(&h.a, "trust-del");
	state_is("target", ZKHSM_KEY_STATE_HELD, "unpinned");
	stopped("target", EACCES, ZKHSM_REASON_HELD, "held");
	order_one(&h, &one, RELEASE, 2, element);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "release by an unpinned manager");
	manager_pin(&h, &one);
	check_done(&h.a, "trust-new again");
	check(nlraw_u64(&h.a, ZKHSM_A_MANAGER_LAST_NUMBER) == 1, "the counter was kept");
	order_one(&h, &one, HOLD, 1, element);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "number 1 again");
	order(&one, RELEASE, 2, element, 1);
	works("target");
	manager_pin(&h, &one);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ALREADY_PINNED, "trust-new of a pinned manager");
	manager_unpin(&h, &one);
	manager_unpin(&h, &one);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "trust-del of an unpinned manager");
}

/* Lower quorums act at once on the votes that are there; higher ones loosen nothing. */
static void quorum_lowered(void)
{
	struct nl_msg *msg;
	uint8_t element[32];
	uint64_t generation;

	start(2, 2, 2);
	make("target", element);
	order(&one, REVOKE, 1, element, 0);
	works("target");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);
	nla_put_u32(msg, ZKHSM_A_HSM_STOP, 1);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "stop = 1");
	/* In one step: the answer is of the keystore in which the key is held already. */
	generation = nlraw_u64(&h.a, ZKHSM_A_HSM_GENERATION);
	hsm_get(&h);
	check(generation && generation == nlraw_u64(&h.a, ZKHSM_A_HSM_GENERATION),
	      "the quorum was lowered before the key was held");
	state_is("target", ZKHSM_KEY_STATE_HELD, "stop = 1");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);
	nla_put_u32(msg, ZKHSM_A_HSM_STOP, 2);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "stop = 2");
	state_is("target", ZKHSM_KEY_STATE_HELD, "stop = 2 again");
}

static void set_quorum(int attr, uint32_t value)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, attr, value);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "attribute %d = %u", attr, value);
}

/* What was stopped stays out until a quorum releases it, as a held key stays held. */
static void stopped_stays_out(void)
{
	uint8_t scalar[32], public[65], element[32];

	start(2, 1, 2);
	ec_random_scalar(scalar);
	ec_public(scalar, public);
	ec_element(public, element);
	key_import(&h, "import", scalar);
	check_done(&h.a, "import");
	order(&one, HOLD, 1, element, 1);
	order(&one, RELEASE, 2, element, 0);
	state_is("import", ZKHSM_KEY_STATE_HELD, "one release of two");
	key_del(&h, "import");
	check_done(&h.a, "key-del");
	not_importable(scalar, "with one release of two");
	order(&two, RELEASE, 1, element, 0);
	key_import(&h, "import", scalar);
	check_done(&h.a, "import once two released");
	works("import");

	/* Nor do higher quorums let anything in. */
	order(&one, REVOKE, 3, element, 1);
	order(&two, REVOKE, 2, element, 1);
	state_is("import", ZKHSM_KEY_STATE_COMPROMISED, "two revoked");
	key_del(&h, "import");
	check_done(&h.a, "key-del of a revoked key");
	set_quorum(ZKHSM_A_HSM_WIPE, 16);
	set_quorum(ZKHSM_A_HSM_STOP, 16);
	not_importable(scalar, "under higher quorums");
}

/* An element that is not here is stopped by a lower quorum, too. */
static void absent_lowered(void)
{
	uint8_t scalar[32], public[65], element[32];

	start(2, 2, 2);
	ec_random_scalar(scalar);
	ec_public(scalar, public);
	ec_element(public, element);
	order(&one, HOLD, 1, element, 0);
	set_quorum(ZKHSM_A_HSM_STOP, 1);
	set_quorum(ZKHSM_A_HSM_STOP, 2);
	not_importable(scalar, "once one vote was enough");
}

static void many(uint8_t (*elements)[32], size_t count)
{
	RAND_bytes(elements[0], (int)(count * 32));
}

static void send_many(uint64_t number, uint8_t (*elements)[32], size_t count)
{
	order_make(&o, &one, REVOKE, h.id, number, 1, (const uint8_t (*)[32])elements, count);
	order_apply(&h, &o);
	check_done(&h.a, "order of %zu elements", count);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_IN_TURN) == 1, "in turn");
}

static void table_full(void)
{
	static uint8_t elements[ZKHSM_ELEMENTS_MAX][32];
	uint8_t here[2][32], scalar[32], public[65], element[32];
	unsigned int i, rounds = TOMBSTONES_MAX / ZKHSM_ELEMENTS_MAX;

	start(1, 1, 1);
	make("here", here[0]);
	make("here-2", here[1]);
	for (i = 1; i <= rounds; i++) {
		many(elements, ZKHSM_ELEMENTS_MAX);
		if (i == 1)
			memcpy(elements[7], here[0], 32);
		send_many(i, elements, ZKHSM_ELEMENTS_MAX);
		check(nlraw_u32(&h.a, ZKHSM_A_ORDER_KEYS_CHANGED) == (i == 1), "keys changed");
		check(!nlraw_u32(&h.a, ZKHSM_A_ORDER_DROPPED), "dropped");
	}
	state_is("here", ZKHSM_KEY_STATE_COMPROMISED, "one of 1024");

	/* One place is left: that of the element that is here. */
	ec_random_scalar(scalar);
	ec_public(scalar, public);
	ec_element(public, element);
	memcpy(elements[0], element, 32);
	send_many(rounds + 1, elements, 1);
	check(!nlraw_u32(&h.a, ZKHSM_A_ORDER_DROPPED), "the last place");
	not_importable(scalar, "of the last element in the table");

	many(elements, 3);
	memcpy(elements[1], here[1], 32);
	send_many(rounds + 2, elements, 3);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_DROPPED) == 2, "dropped %u, expected 2",
	      nlraw_u32(&h.a, ZKHSM_A_ORDER_DROPPED));
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_KEYS_CHANGED) == 1, "an element that is here");
	state_is("here-2", ZKHSM_KEY_STATE_COMPROMISED, "with a full table");
	/* The other manager has a table of its own. */
	order_make(&o, &two, REVOKE, h.id, 1, 1, (const uint8_t (*)[32])elements, 1);
	order_apply(&h, &o);
	check(!h.a.error && !nlraw_u32(&h.a, ZKHSM_A_ORDER_DROPPED), "the other manager");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "revoke", revoke },
		{ "hold_and_release", hold_and_release },
		{ "two_of_two", two_of_two },
		{ "released_before", released_before },
		{ "one_stops_two_wipe", one_stops_two_wipe },
		{ "tombstone", tombstone },
		{ "too_few", too_few },
		{ "manager_as_element", manager_as_element },
		{ "votes_outlive_pins", votes_outlive_pins },
		{ "quorum_lowered", quorum_lowered },
		{ "stopped_stays_out", stopped_stays_out },
		{ "absent_lowered", absent_lowered },
		{ "table_full", table_full },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
