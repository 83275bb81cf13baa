// SPDX-License-Identifier: GPL-2.0
/*
 * Keys that are used with a grant for each operation: who has to grant, what a
 * grant has to say, and every way in which it does not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grantor.h"

#define LIFE	50000ull
#define N	3
#define KEY	"granted"
#define OTHER	"another"

#define AT_NUMBER	72
#define AT_INSTANCE	80
#define AT_ELEMENT	96
#define AT_OPERATION	128
#define AT_INPUT	135
#define AT_CLIENT	167
#define AT_JTI		232
#define AT_NOT_AFTER	248
#define AT_SIGNATURE	256

static const uint8_t digest[32] = { 1 }, another[32] = { 2 };
static struct hsm h;
static struct manager m[N], client;
static struct granted g;
static struct brought b;

static void start(uint32_t quorum)
{
	int i;

	hsm_close(&h);
	hsm_fresh_quorum(&h, LESSOR_PARAMS, quorum, 2, 2);
	for (i = 0; i < N; i++) {
		manager_free(&m[i]);
		manager_new_pinned(&h, &m[i]);
	}
	manager_free(&client);
	manager_new(&client);
	key_new_granted(&h, KEY);
	key_new_granted(&h, OTHER);
	grant_to_sign(&h, KEY, digest, LIFE, &g);
	bring(&b, m, quorum, h.id, &g, NULL);
}

static void refused(int error, uint32_t reason, const char *what)
{
	granted_sign(&h, KEY, digest, &b);
	check_refused(&h.a, error, reason, "%s", what);
	check(!nlraw_attr(&h.a, ZKHSM_A_KEY_SIGNATURE), "%s: a signature all the same", what);
}

/* Nothing of what was refused before has used the grant up. */
static void good_still(void)
{
	grant_to_sign(&h, KEY, digest, LIFE, &g);
	bring(&b, m, 1, h.id, &g, NULL);
	granted_sign(&h, KEY, digest, &b);
	check_receipt(&h, ZKHSM_A_KEY_SIGNATURE, 64, ZKHSM_A_KEY_RECEIPT, &g, "a good one");
}

static uint32_t flags_of(const char *id)
{
	key_get(&h, id);
	return nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS);
}

/* At creation or later, and then for good. */
static void flag(void)
{
	const uint32_t made = ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE;
	const uint32_t needs = made | ZKHSM_KEY_FLAG_GRANT_REQUIRED;

	start(1);
	check(flags_of(KEY) == needs, "flags of a new key: %x", flags_of(KEY));
	key_new(&h, "plain");
	key_sign(&h, "plain", digest);
	check_done(&h.a, "a key that needs none");
	key_set_u32(&h, "plain", ZKHSM_A_KEY_FLAGS, needs);
	check_done(&h.a, "key-set");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) == needs, "key-set answers other flags");
	key_sign(&h, "plain", digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_NO_GRANT, "key-sign after key-set");
	key_set_u32(&h, "plain", ZKHSM_A_KEY_FLAGS, made);
	check_refused(&h.a, EPERM, ZKHSM_REASON_WIDENING, "to take it back");
	check(flags_of("plain") == needs, "taken back after all");
	hsm_get(&h);
	check(nlraw_u64(&h.a, ZKHSM_A_HSM_FEATURES) & ZKHSM_FEATURE_GRANTS, "no such feature");
}

static void needed(void)
{
	start(1);
	key_sign(&h, KEY, digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_NO_GRANT, "key-sign without");
	key_prove(&h, KEY, PROVED_USER, strlen(PROVED_USER), NULL, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_NO_GRANT, "proof-get without");
	granted_sign(&h, KEY, digest, &b);
	check_receipt(&h, ZKHSM_A_KEY_SIGNATURE, 64, ZKHSM_A_KEY_RECEIPT, &g, "with one");
}

static void client_named(void)
{
	struct manager other;

	manager_new(&other);
	start(1);
	bring_client(&b, &client, h.id, &g);
	refused(EINVAL, ZKHSM_REASON_GRANT_CLIENT, "a signature, and nobody named");
	memcpy(g.client, client.public, sizeof(g.client));
	bring(&b, m, 1, h.id, &g, NULL);
	refused(EACCES, ZKHSM_REASON_GRANT_CLIENT, "no signature");
	bring_client(&b, &other, h.id, &g);
	refused(EKEYREJECTED, ZKHSM_REASON_GRANT_CLIENT, "another's signature");
	bring_client(&b, &client, h.id, &g);
	b.client_signature[63] ^= 1;
	refused(EKEYREJECTED, ZKHSM_REASON_GRANT_CLIENT, "a changed signature");
	memset(b.client_signature, 0, 32);
	refused(EBADMSG, ZKHSM_REASON_MALFORMED, "r is zero");
	/* One over another grant of the same client. */
	g.jti[0] ^= 1;
	bring_client(&b, &client, h.id, &g);
	g.jti[0] ^= 1;
	refused(EKEYREJECTED, ZKHSM_REASON_GRANT_CLIENT, "for another grant");
	/* What the manager signed, by the client's key. */
	memcpy(b.client_signature, b.grants[0] + AT_SIGNATURE, 64);
	refused(EKEYREJECTED, ZKHSM_REASON_GRANT_CLIENT, "the manager's signature");
	bring_client(&b, &client, h.id, &g);
	granted_sign(&h, KEY, digest, &b);
	check_receipt(&h, ZKHSM_A_KEY_SIGNATURE, 64, ZKHSM_A_KEY_RECEIPT, &g, "the client");
	b.count = 0;
	granted_sign(&h, KEY, digest, &b);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_GRANT_CLIENT, "a signature without a grant");
	manager_free(&other);
}

static void quorum(void)
{
	static const uint8_t nobody[32];
	struct manager stranger;
	struct brought one;

	start(2);
	b.count = 1;
	refused(EACCES, ZKHSM_REASON_GRANT_QUORUM, "one of two");
	memcpy(b.grants[1], b.grants[0], ZKHSM_GRANT_LEN);
	b.count = 2;
	refused(EINVAL, ZKHSM_REASON_REPEATED, "the same twice");
	bring(&b, m, 2, h.id, &g, NULL);
	g.jti[15] ^= 1;
	bring(&one, &m[1], 1, h.id, &g, NULL);
	memcpy(b.grants[1], one.grants[0], ZKHSM_GRANT_LEN);
	refused(EINVAL, ZKHSM_REASON_GRANTS_DIFFER, "two that differ");

	manager_new(&stranger);
	bring(&one, &stranger, 1, h.id, &g, NULL);
	bring(&b, m, 2, h.id, &g, NULL);
	memcpy(b.grants[b.count++], one.grants[0], ZKHSM_GRANT_LEN);
	refused(ENOKEY, ZKHSM_REASON_NOT_PINNED, "a stranger besides");
	memcpy(b.grants[1], b.grants[2], ZKHSM_GRANT_LEN);
	b.count = 2;
	refused(ENOKEY, ZKHSM_REASON_NOT_PINNED, "a stranger for one");
	bring(&b, m, 2, h.id, &g, NULL);
	b.grants[1][AT_SIGNATURE + 40] ^= 1;
	refused(EKEYREJECTED, ZKHSM_REASON_SIGNATURE, "the second one's signature");
	bring(&b, m, 2, nobody, &g, NULL);
	refused(EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, "another HSM");
	bring(&b, m, 3, h.id, &g, NULL);
	granted_sign(&h, KEY, digest, &b);
	check_receipt(&h, ZKHSM_A_KEY_SIGNATURE, 64, ZKHSM_A_KEY_RECEIPT, &g, "three of two");
	manager_free(&stranger);
}

/* Whoever has granted, and then holds the element, does not grant any more. */
static void changed_mind(void)
{
	start(2);
	order_one(&h, &m[1], ZKHSM_ORDER_TYPE_HOLD, 1, g.element);
	check_done(&h.a, "hold");
	check(key_state(&h, KEY) == ZKHSM_KEY_STATE_ACTIVE, "one hold stopped it");
	refused(EACCES, ZKHSM_REASON_GRANT_QUORUM, "one of them holds it");
	manager_unpin(&h, &m[0]);
	check_done(&h.a, "trust-del");
	refused(ENOKEY, ZKHSM_REASON_NOT_PINNED, "one of them is gone");
	manager_pin(&h, &m[0]);
	order_one(&h, &m[1], ZKHSM_ORDER_TYPE_RELEASE, 2, g.element);
	check_done(&h.a, "release");
	granted_sign(&h, KEY, digest, &b);
	check_receipt(&h, ZKHSM_A_KEY_SIGNATURE, 64, ZKHSM_A_KEY_RECEIPT, &g, "released");
}

static void other_things(void)
{
	start(1);
	granted_sign(&h, OTHER, digest, &b);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_GRANT_ELEMENT, "another key");
	granted_sign(&h, KEY, another, &b);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_GRANT_INPUT, "another digest");
	granted_prove(&h, KEY, NULL, 0, &b);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_GRANT_OPERATION, "proof-get for key-sign");
	grant_to_prove(&h, KEY, NULL, 0, LIFE, &g);
	bring(&b, m, 1, h.id, &g, NULL);
	refused(EKEYREJECTED, ZKHSM_REASON_GRANT_OPERATION, "key-sign for proof-get");
	granted_prove(&h, KEY, "", 0, &b);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_GRANT_INPUT, "empty for absent");
	granted_prove(&h, KEY, NULL, 0, &b);
	check_receipt(&h, ZKHSM_A_PROOF_PROOF, 97, ZKHSM_A_PROOF_RECEIPT, &g, "proof-get");
	grant_to_prove(&h, KEY, "more", 4, LIFE, &g);
	bring(&b, m, 1, h.id, &g, NULL);
	granted_prove(&h, KEY, "mor", 3, &b);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_GRANT_INPUT, "another other-info");
	granted_prove(&h, KEY, "more", 4, &b);
	check_receipt(&h, ZKHSM_A_PROOF_PROOF, 97, ZKHSM_A_PROOF_RECEIPT, &g, "with other-info");
}

static void made_with(int error, uint32_t reason, const char *what)
{
	bring(&b, m, 1, h.id, &g, NULL);
	refused(error, reason, what);
}

/* Signed, and said wrongly. */
static void said_wrongly(void)
{
	struct granted good;

	start(1);
	good = g;
#define WITH(field, value, error, reason) do {				\
	g = good;							\
	g.field = (value);						\
	made_with(error, ZKHSM_REASON_##reason, #field " " #value);	\
} while (0)
	WITH(instance_id[0], (uint8_t)(good.instance_id[0] ^ 1), ESTALE, GRANT_INSTANCE);
	WITH(element[31], (uint8_t)(good.element[31] ^ 1), EKEYREJECTED, GRANT_ELEMENT);
	WITH(input[31], (uint8_t)(good.input[31] ^ 1), EKEYREJECTED, GRANT_INPUT);
	WITH(operation, 0, EBADMSG, MALFORMED);
	WITH(operation, 2, EBADMSG, MALFORMED);
	WITH(operation, 3, EBADMSG, MALFORMED);
	WITH(algorithm, 0, EBADMSG, MALFORMED);
	WITH(algorithm, 2, EBADMSG, MALFORMED);
	WITH(parameter, 1, EBADMSG, MALFORMED);
	WITH(client[0], 4, EBADMSG, MALFORMED);
	WITH(client[64], 1, EBADMSG, MALFORMED);
	WITH(not_after_ms, 0, EBADMSG, MALFORMED);
	WITH(not_after_ms, 1, EKEYEXPIRED, GRANT_EXPIRED);
	WITH(not_after_ms, boottime_ms(), EKEYEXPIRED, GRANT_EXPIRED);
	WITH(not_after_ms, boottime_ms() + 120000, EINVAL, GRANT_AHEAD);
	WITH(not_after_ms, UINT64_MAX, EINVAL, GRANT_AHEAD);
#undef WITH
	g = good;
	memset(g.jti, 0, sizeof(g.jti));
	made_with(EBADMSG, ZKHSM_REASON_MALFORMED, "a jti of zeros");
	good_still();
}

/* Bits of its end that no uptime of a test has. */
static bool moves_the_end_up(size_t at)
{
	return at >= AT_NOT_AFTER && at < AT_SIGNATURE - 2;
}

/* What must come out when the byte at @at of a good grant is changed. */
static int expected_error(size_t at, uint32_t *reason)
{
	*reason = ZKHSM_REASON_MALFORMED;
	if (at < 8 || (at >= AT_NUMBER && at < AT_INSTANCE) ||
	    (at >= AT_OPERATION && at < AT_INPUT) || (at >= AT_CLIENT && at < AT_JTI))
		return EBADMSG;
	if (at < 40) {
		*reason = ZKHSM_REASON_NOT_PINNED;
		return ENOKEY;
	}
	if (at < AT_NUMBER)
		*reason = ZKHSM_REASON_OTHER_HSM;
	else if (at < AT_ELEMENT)
		*reason = ZKHSM_REASON_GRANT_INSTANCE;
	else if (at < AT_OPERATION)
		*reason = ZKHSM_REASON_GRANT_ELEMENT;
	else if (at < AT_CLIENT)
		*reason = ZKHSM_REASON_GRANT_INPUT;
	else
		*reason = ZKHSM_REASON_SIGNATURE;
	if (moves_the_end_up(at)) {
		*reason = ZKHSM_REASON_GRANT_AHEAD;
		return EINVAL;
	}
	return *reason == ZKHSM_REASON_GRANT_INSTANCE ? ESTALE : EKEYREJECTED;
}

static void altered(void)
{
	struct brought good;
	uint32_t reason;
	size_t at;
	int error;

	start(1);
	for (at = 0; at < ZKHSM_GRANT_LEN; at++) {
		/* However slow the machine is: none of them comes to its end. */
		if (at % 32 == 0) {
			grant_to_sign(&h, KEY, digest, LIFE, &g);
			bring(&good, m, 1, h.id, &g, NULL);
		}
		b = good;
		b.grants[0][at] ^= moves_the_end_up(at) ? 0x80 : 1;
		error = expected_error(at, &reason);
		granted_sign(&h, KEY, digest, &b);
		check_refused(&h.a, error, reason, "byte %zu", at);
	}
	good_still();
}

/* Of no use where it is not asked for, but counted and used up all the same. */
static void not_required(void)
{
	start(1);
	key_new(&h, "plain");
	grant_to_sign(&h, "plain", digest, LIFE, &g);
	bring(&b, m, 1, h.id, &g, NULL);
	granted_sign(&h, "plain", another, &b);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_GRANT_INPUT, "for another input");
	granted_sign(&h, "plain", digest, &b);
	check_receipt(&h, ZKHSM_A_KEY_SIGNATURE, 64, ZKHSM_A_KEY_RECEIPT, &g, "not required");
	granted_sign(&h, "plain", digest, &b);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_GRANT_USED, "again");
	key_sign(&h, "plain", digest);
	check_done(&h.a, "without");
	check(!nlraw_attr(&h.a, ZKHSM_A_KEY_RECEIPT), "a receipt for nothing");
}

/* As no order is it taken, and too many are not. */
static void elsewhere(void)
{
	static struct order o;
	size_t i;

	start(1);
	grant_make(&o, &m[0], h.id, &g);
	order_apply(&h, &o);
	check_refused(&h.a, EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "order-apply of a grant");
	o.len--;
	order_apply(&h, &o);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "order-apply of a short grant");
	for (i = 0; i < ZKHSM_MANAGERS_MAX + 1; i++)
		memcpy(b.grants[i], o.bytes, ZKHSM_GRANT_LEN);
	b.count = ZKHSM_MANAGERS_MAX + 1;
	refused(EINVAL, ZKHSM_REASON_LENGTH, "seventeen grants");
	/* The type of an order whose body nobody knows yet. */
	bring(&b, m, 1, h.id, &g, NULL);
	b.grants[0][5] = ZKHSM_ORDER_TYPE_TRANSFER;
	refused(EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "a transfer");
	good_still();
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "flag", flag },
		{ "needed", needed },
		{ "client_named", client_named },
		{ "quorum", quorum },
		{ "changed_mind", changed_mind },
		{ "other_things", other_things },
		{ "said_wrongly", said_wrongly },
		{ "altered", altered },
		{ "not_required", not_required },
		{ "elsewhere", elsewhere },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
