// SPDX-License-Identifier: GPL-2.0
/*
 * Which orders are taken: form, signature, HSM, manager, number. What an order
 * that was taken does to keys is vote.c's matter. After every refusal the key
 * must be as it was and the manager's counter too.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "hsm.h"

/* Offsets in an order, Documentation/protocol.rst. */
#define AT_TYPE		5
#define AT_VERSION	6
#define AT_MANAGER	8
#define AT_HSM		40
#define AT_NUMBER	72
#define AT_REASON	80
#define AT_COUNT	81
#define AT_ELEMENTS	83
#define SIGNED_ONE	(AT_ELEMENTS + 32)

#define REVOKE	ZKHSM_ORDER_TYPE_REVOKE
#define HOLD	ZKHSM_ORDER_TYPE_HOLD
#define RELEASE	ZKHSM_ORDER_TYPE_RELEASE

static struct hsm h;
static struct manager m;
static uint8_t element[32];
static struct order good, bad;

static void start(void)
{
	if (h.nl.sock)
		return;
	hsm_fresh(&h, NULL);
	manager_new_pinned(&h, &m);
	key_new(&h, "target");
	require(!h.a.error, "key-new: %s", h.a.text);
	key_element(&h, "target", element);
	order_make(&good, &m, REVOKE, h.id, 1, 1, &element, 1);
}

static void untouched(const char *after)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_GET);

	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, m.id);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "trust-get");
	check(!nlraw_u64(&h.a, ZKHSM_A_MANAGER_LAST_NUMBER), "counter moved: %s", after);
	check(!nlraw_u32(&h.a, ZKHSM_A_MANAGER_TOMBSTONES), "a vote was kept: %s", after);
	check(key_state(&h, "target") == ZKHSM_KEY_STATE_ACTIVE, "key changed: %s", after);
}

static void refused(int error, uint32_t reason, const char *what)
{
	order_apply(&h, &bad);
	check_refused(&h.a, error, reason, "%s", what);
}

static void truncated(void)
{
	size_t len;

	start();
	for (len = 1; len < good.len; len++) {
		bad = good;
		bad.len = len;
		order_apply(&h, &bad);
		check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "%zu of %zu bytes", len,
			      good.len);
	}
	bad = good;
	bad.bytes[bad.len++] = 0;
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, "a byte too many");
	untouched("truncated");
}

/* What must come out when the byte at @at of an otherwise good order is @byte. */
static int expected_error(size_t at, uint8_t byte, uint32_t *reason)
{
	*reason = ZKHSM_REASON_MALFORMED;
	if (at == AT_TYPE && byte == ZKHSM_ORDER_TYPE_TRANSFER) {
		*reason = ZKHSM_REASON_NOT_SUPPORTED;
		return EOPNOTSUPP;
	}
	if (at < AT_MANAGER && !(at == AT_TYPE && byte >= REVOKE && byte <= RELEASE))
		return EBADMSG;
	if (at >= AT_MANAGER && at < AT_HSM) {
		*reason = ZKHSM_REASON_NOT_PINNED;
		return ENOKEY;
	}
	if (at >= AT_HSM && at < AT_NUMBER) {
		*reason = ZKHSM_REASON_OTHER_HSM;
		return EKEYREJECTED;
	}
	if ((at == AT_NUMBER + 7 && !byte) || (at == AT_REASON && (byte > 10 || byte == 7)) ||
	    at == AT_COUNT || at == AT_COUNT + 1)
		return EBADMSG;
	*reason = ZKHSM_REASON_SIGNATURE;
	return EKEYREJECTED;
}

static void altered(void)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };
	uint32_t reason;
	size_t at, i;
	int error;

	start();
	for (at = 0; at < good.len; at++) {
		for (i = 0; i < sizeof(flips); i++) {
			bad = good;
			bad.bytes[at] ^= flips[i];
			error = expected_error(at, bad.bytes[at], &reason);
			order_apply(&h, &bad);
			check_refused(&h.a, error, reason, "byte %zu ^ %02x", at, flips[i]);
		}
	}
	untouched("altered");
}

/* Wrong, but with a signature that holds. */
static void resigned(size_t at, uint8_t byte, const char *what)
{
	bad = good;
	bad.bytes[at] = byte;
	order_sign(&bad, &m, SIGNED_ONE);
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, what);
}

static void malformed(void)
{
	static const uint8_t types[] = { 0, 1, 15, 23, 32, 255 };
	static uint8_t many[ZKHSM_ELEMENTS_MAX + 1][32];
	size_t i;

	start();
	resigned(0, 'z', "magic");
	resigned(AT_VERSION + 1, 2, "version 2");
	resigned(AT_VERSION, 1, "version 257");
	resigned(AT_NUMBER + 7, 0, "number 0");
	resigned(AT_REASON, 7, "reason 7");
	resigned(AT_REASON, 11, "reason 11");
	resigned(AT_COUNT + 1, 0, "count 0");
	resigned(AT_COUNT + 1, 2, "count above what is there");
	for (i = 0; i < sizeof(types); i++)
		resigned(AT_TYPE, types[i], "no type of an order");

	memset(many, 0x11, 64);
	order_make(&bad, &m, REVOKE, h.id, 1, 1, (const uint8_t (*)[32])many, 2);
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, "an element twice");
	memset(many[0], 0x22, 32);
	order_make(&bad, &m, REVOKE, h.id, 1, 1, (const uint8_t (*)[32])many, 2);
	memset(bad.bytes + AT_ELEMENTS, 0x22, 32);
	memset(bad.bytes + AT_ELEMENTS + 32, 0x11, 32);
	order_sign(&bad, &m, AT_ELEMENTS + 64);
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, "elements out of order");
	order_make(&bad, &m, REVOKE, h.id, 1, 1, (const uint8_t (*)[32])many, 0);
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, "no element");
	for (i = 0; i <= ZKHSM_ELEMENTS_MAX; i++) {
		many[i][0] = (uint8_t)(i >> 8);
		many[i][1] = (uint8_t)i;
	}
	order_make(&bad, &m, REVOKE, h.id, 1, 1, (const uint8_t (*)[32])many, ZKHSM_ELEMENTS_MAX + 1);
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, "1025 elements");
	untouched("malformed");
}

static void unsupported(void)
{
	uint64_t number;

	start();
	for (number = 0; number < 2; number++) {
		order_make(&bad, &m, ZKHSM_ORDER_TYPE_TRANSFER, h.id, number, 1, &element, 1);
		refused(EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "a type for later");
	}
	untouched("unsupported");
}

/* Signed, but with the body of another type, or a number that its type has not. */
static void other_body(void)
{
	uint64_t number;

	start();
	for (number = 0; number < 2; number++) {
		order_make(&bad, &m, ZKHSM_ORDER_TYPE_LEASE, h.id, number, 1, &element, 1);
		refused(EBADMSG, ZKHSM_REASON_MALFORMED, "a lease like a revocation");
		order_make(&bad, &m, ZKHSM_ORDER_TYPE_TRUST_CHANGE, h.id, number, 1, &element, 1);
		refused(EBADMSG, ZKHSM_REASON_MALFORMED, "a trust-change like a revocation");
		order_make(&bad, &m, ZKHSM_ORDER_TYPE_GRANT, h.id, number, 1, &element, 1);
		refused(EBADMSG, ZKHSM_REASON_MALFORMED, "a grant like a revocation");
	}
	untouched("other_body");
}

static void strangers(void)
{
	uint8_t other[32];
	struct manager x;

	start();
	RAND_bytes(other, sizeof(other));
	order_make(&bad, &m, REVOKE, other, 1, 1, &element, 1);
	refused(EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, "another HSM");

	manager_new(&x);
	order_make(&bad, &x, REVOKE, h.id, 1, 1, &element, 1);
	refused(ENOKEY, ZKHSM_REASON_NOT_PINNED, "a manager that nobody pinned");
	/* In the name of the pinned one, signed by the other. */
	bad = good;
	order_sign(&bad, &x, SIGNED_ONE);
	refused(EKEYREJECTED, ZKHSM_REASON_SIGNATURE, "signed by somebody else");
	manager_free(&x);
	untouched("strangers");
}

static void put_scalar(size_t at, const uint8_t scalar[32], const char *what)
{
	bad = good;
	memcpy(bad.bytes + at, scalar, 32);
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, what);
}

/* Values of r and s that no signature has; a verifier must look, not compute. */
static void signature_range(void)
{
	uint8_t scalar[32] = { 0 };

	start();
	put_scalar(SIGNED_ONE, scalar, "r = 0");
	put_scalar(SIGNED_ONE + 32, scalar, "s = 0");
	ec_order_plus(0, scalar);
	put_scalar(SIGNED_ONE, scalar, "r = n");
	put_scalar(SIGNED_ONE + 32, scalar, "s = n");
	memset(scalar, 0xff, sizeof(scalar));
	put_scalar(SIGNED_ONE, scalar, "r = 2^256 - 1");
	put_scalar(SIGNED_ONE + 32, scalar, "s = 2^256 - 1");
	bad = good;
	memset(bad.bytes + SIGNED_ONE, 0, 64);
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, "r = s = 0");
	untouched("signature_range");
}

static void replayed(const struct order *o, const char *what)
{
	order_apply(&h, o);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "%s", what);
}

static void applied_once(void)
{
	const uint8_t *id, *digest;
	uint8_t expected[32];
	struct nl_msg *msg;

	start();
	order_make(&good, &m, HOLD, h.id, 1, 6, &element, 1);
	order_apply(&h, &good);
	check_done(&h.a, "hold");
	id = nlraw_bytes(&h.a, ZKHSM_A_ORDER_MANAGER_ID, 32);
	check(id && !memcmp(id, m.id, 32), "manager in the reply");
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_TYPE) == HOLD, "type in the reply");
	check(nlraw_u64(&h.a, ZKHSM_A_ORDER_NUMBER) == 1, "number in the reply");
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_IN_TURN) == 1, "in turn");
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_KEYS_CHANGED) == 1, "keys changed");
	check(!nlraw_u32(&h.a, ZKHSM_A_ORDER_DROPPED), "dropped");

	msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_GET);
	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, m.id);
	nlraw_do(&h.nl, msg, &h.a);
	/* Not over the signature, which has two forms. */
	ec_sha256(good.bytes, good.len - 64, expected);
	digest = nlraw_bytes(&h.a, ZKHSM_A_MANAGER_LAST_DIGEST, 32);
	check(nlraw_u64(&h.a, ZKHSM_A_MANAGER_LAST_NUMBER) == 1, "last number");
	check(digest && !memcmp(digest, expected, 32), "last digest");

	replayed(&good, "the same bytes");
	/* (r, n - s) is a signature too; a number is spent all the same. */
	bad = good;
	ec_negate(good.bytes + SIGNED_ONE + 32, bad.bytes + SIGNED_ONE + 32);
	replayed(&bad, "the other form of the signature");
	order_make(&bad, &m, RELEASE, h.id, 1, 0, &element, 1);
	replayed(&bad, "another order with this number");
	check(key_state(&h, "target") == ZKHSM_KEY_STATE_HELD, "the replay acted");
}

static void in_turn(struct order *o, uint32_t expected, const char *what)
{
	order_apply(&h, o);
	check_done(&h.a, "%s", what);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_IN_TURN) == expected, "%s in turn", what);
}

static uint64_t counter(void)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_GET);

	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, m.id);
	nlraw_do(&h.nl, msg, &h.a);
	return nlraw_u64(&h.a, ZKHSM_A_MANAGER_LAST_NUMBER);
}

/* A stop acts at once wherever it stands in the order; a release waits its turn. */
static void out_of_turn(void)
{
	static const uint8_t digest[32] = { 1 };
	static struct order two, three, four, five;
	uint8_t second[32];

	start();
	require(counter() == 1, "runs after applied_once");
	key_new(&h, "second");
	key_element(&h, "second", second);
	order_make(&two, &m, RELEASE, h.id, 2, 0, &element, 1);
	order_make(&three, &m, HOLD, h.id, 3, 6, &second, 1);
	order_make(&four, &m, RELEASE, h.id, 4, 0, &second, 1);
	order_make(&five, &m, REVOKE, h.id, 5, 1, &element, 1);

	order_apply(&h, &four);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_OUT_OF_TURN, "release 4 after 1");
	in_turn(&three, 0, "hold 3 after 1");
	check(key_state(&h, "second") == ZKHSM_KEY_STATE_HELD, "the hold did not act");
	check(counter() == 1, "the counter moved");
	in_turn(&three, 0, "hold 3 after 1, again");

	in_turn(&two, 1, "release 2 after 1");
	check(key_state(&h, "target") == ZKHSM_KEY_STATE_ACTIVE, "the release did not act");
	in_turn(&three, 1, "hold 3 after 2");
	in_turn(&four, 1, "release 4 after 3");
	check(key_state(&h, "second") == ZKHSM_KEY_STATE_ACTIVE, "the release did not act");
	replayed(&three, "hold 3 after 4");
	check(key_state(&h, "second") == ZKHSM_KEY_STATE_ACTIVE, "the replay acted");
	in_turn(&five, 1, "revoke 5 after 4");
	check(counter() == 5, "counter");
	key_sign(&h, "target", digest);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "key-sign");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "truncated", truncated },
		{ "altered", altered },
		{ "malformed", malformed },
		{ "unsupported", unsupported },
		{ "other_body", other_body },
		{ "strangers", strangers },
		{ "signature_range", signature_range },
		{ "applied_once", applied_once },
		{ "out_of_turn", out_of_turn },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
