// SPDX-License-Identifier: GPL-2.0
/* Every change is told to the listeners, once, and nothing else is. */
#include <errno.h>
#include <string.h>

#include "lessor.h"

static struct hsm h;
static struct listener ear;
/* Attributes of the event last taken. */
static struct nlattr **const tb = ear.tb;
static struct manager m;

static void listen_from_now(void)
{
	if (ear.nl.sock)
		return;
	hsm_fresh(&h, LESSOR_PARAMS);
	listener_start(&ear);
}

static int event_attr(uint8_t cmd)
{
	switch (cmd) {
	case ZKHSM_CMD_HSM_NTF:
		return ZKHSM_A_HSM_EVENT;
	case ZKHSM_CMD_KEY_NTF:
		return ZKHSM_A_KEY_EVENT;
	case ZKHSM_CMD_EVIDENCE_NTF:
		return ZKHSM_A_EVIDENCE_EVENT;
	default:
		return ZKHSM_A_MANAGER_EVENT;
	}
}

static void told(uint8_t cmd, uint32_t event, const char *what)
{
	if (!check(listener_next(&ear, 0), "%s: nothing was told", what))
		return;
	check(ear.cmd == cmd, "%s: command %u, expected %u", what, ear.cmd, cmd);
	if (ear.cmd == cmd && check(tb[event_attr(cmd)], "%s: no event attribute", what))
		check(nla_get_u32(tb[event_attr(cmd)]) == event, "%s: event %u, expected %u", what,
		      nla_get_u32(tb[event_attr(cmd)]), event);
}

static void silence(const char *what)
{
	check(!listener_next(&ear, 0), "%s: command %u was told", what, ear.cmd);
}

static void told_key(uint32_t event, const char *id, uint32_t state, const char *what)
{
	told(ZKHSM_CMD_KEY_NTF, event, what);
	check(tb[ZKHSM_A_KEY_ID] && !strcmp(nla_get_string(tb[ZKHSM_A_KEY_ID]), id), "%s: id",
	      what);
	check(tb[ZKHSM_A_KEY_STATE] && nla_get_u32(tb[ZKHSM_A_KEY_STATE]) == state, "%s: state",
	      what);
	check(tb[ZKHSM_A_KEY_ELEMENT] && tb[ZKHSM_A_KEY_PUBLIC], "%s: public key", what);
	silence(what);
}

static void hsm_changes(void)
{
	struct nl_msg *msg;

	listen_from_now();
	hsm_get(&h);
	silence("hsm-get");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);
	nla_put_u32(msg, ZKHSM_A_HSM_WIPE, 1);
	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_OTHER);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "hsm-set");
	told(ZKHSM_CMD_HSM_NTF, ZKHSM_EVENT_CHANGED, "hsm-set");
	check(tb[ZKHSM_A_HSM_HSM_ID] && !memcmp(nla_data(tb[ZKHSM_A_HSM_HSM_ID]), h.id, 32),
	      "hsm_id");
	silence("hsm-set");
}

static void managers(void)
{
	listen_from_now();
	manager_new_pinned(&h, &m);
	told(ZKHSM_CMD_TRUST_NTF, ZKHSM_EVENT_CREATED, "trust-new");
	check(tb[ZKHSM_A_MANAGER_MANAGER_ID] &&
	      !memcmp(nla_data(tb[ZKHSM_A_MANAGER_MANAGER_ID]), m.id, 32), "manager_id");
	manager_pin(&h, &m);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ALREADY_PINNED, "trust-new again");
	silence("a refused trust-new");
	manager_unpin(&h, &m);
	told(ZKHSM_CMD_TRUST_NTF, ZKHSM_EVENT_DELETED, "trust-del");
	manager_pin(&h, &m);
	told(ZKHSM_CMD_TRUST_NTF, ZKHSM_EVENT_CREATED, "trust-new");
	silence("trust-new");
}

static void keys(void)
{
	static const uint8_t digest[32] = { 1 };

	listen_from_now();
	key_new(&h, "told");
	told_key(ZKHSM_EVENT_CREATED, "told", ZKHSM_KEY_STATE_ACTIVE, "key-new");
	key_new(&h, "told");
	silence("a refused key-new");
	key_sign(&h, "told", digest);
	key_prove(&h, "told", "client", 6, NULL, 0);
	key_get(&h, "told");
	silence("uses of a key");
	key_set_u32(&h, "told", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	told_key(ZKHSM_EVENT_CHANGED, "told", ZKHSM_KEY_STATE_DEACTIVATED, "key-set");
	key_set_u32(&h, "told", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_PRE_ACTIVE);
	silence("a refused key-set");
	key_del(&h, "told");
	told_key(ZKHSM_EVENT_DELETED, "told", ZKHSM_KEY_STATE_DEACTIVATED, "key-del");
}

static void orders(void)
{
	uint8_t element[32];

	listen_from_now();
	if (!m.key)
		manager_new_pinned(&h, &m);
	listener_drain(&ear);
	key_new(&h, "ordered");
	told_key(ZKHSM_EVENT_CREATED, "ordered", ZKHSM_KEY_STATE_ACTIVE, "key-new");
	key_element(&h, "ordered", element);
	order_one(&h, &m, ZKHSM_ORDER_TYPE_HOLD, 1, element);
	told_key(ZKHSM_EVENT_HELD, "ordered", ZKHSM_KEY_STATE_HELD, "hold");
	order_one(&h, &m, ZKHSM_ORDER_TYPE_RELEASE, 2, element);
	told_key(ZKHSM_EVENT_RELEASED, "ordered", ZKHSM_KEY_STATE_ACTIVE, "release");
	order_one(&h, &m, ZKHSM_ORDER_TYPE_REVOKE, 3, element);
	told_key(ZKHSM_EVENT_COMPROMISED, "ordered", ZKHSM_KEY_STATE_COMPROMISED, "revoke");
	check(tb[ZKHSM_A_KEY_REASON] && nla_get_u32(tb[ZKHSM_A_KEY_REASON]) ==
	      ZKHSM_REVOCATION_REASON_KEY_COMPROMISE, "reason");
	order_one(&h, &m, ZKHSM_ORDER_TYPE_REVOKE, 3, element);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "revoke again");
	silence("a replay");
	/* Of an element that is not here: no key, no event. */
	element[0] ^= 1;
	order_one(&h, &m, ZKHSM_ORDER_TYPE_REVOKE, 4, element);
	check_done(&h.a, "revoke of an absent element");
	silence("a tombstone");
}

static void evidence(void)
{
	uint32_t number;

	listen_from_now();
	if (!m.key)
		manager_new_pinned(&h, &m);
	listener_drain(&ear);
	evidence_get(&h, &m);
	check_done(&h.a, "evidence-get");
	number = nlraw_u32(&h.a, ZKHSM_A_EVIDENCE_NUMBER);
	told(ZKHSM_CMD_EVIDENCE_NTF, ZKHSM_EVENT_EVIDENCE, "evidence-get");
	check(tb[ZKHSM_A_EVIDENCE_NUMBER] && nla_get_u32(tb[ZKHSM_A_EVIDENCE_NUMBER]) == number,
	      "number");
	check(!tb[ZKHSM_A_EVIDENCE_EVIDENCE], "the evidence itself went to all listeners");
	silence("evidence-get");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "hsm_changes", hsm_changes },
		{ "managers", managers },
		{ "keys", keys },
		{ "orders", orders },
		{ "evidence", evidence },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
