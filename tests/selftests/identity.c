// SPDX-License-Identifier: GPL-2.0
/* The HSM itself: before it has an identity, when it gets one, its configuration. */
#include <errno.h>
#include <string.h>

#include "hsm.h"

/* kmod/zkhsm.h: ZKHSM_MANAGERS_KNOWN_MAX */
#define MANAGERS_KNOWN_MAX	256
#include "wire.h"

static struct hsm h;

static void before(void)
{
	static const uint8_t digest[32];
	struct manager m;

	hsm_close(&h);
	memset(&h, 0, offsetof(struct hsm, a));
	module_reload(NULL);
	hsm_reopen(&h);
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_HSM_ID) && !nlraw_attr(&h.a, ZKHSM_A_HSM_IDENTITY),
	      "an identity before hsm-new");
	check(nlraw_bytes(&h.a, ZKHSM_A_HSM_INSTANCE_ID, 16), "no instance id");
	check(nlraw_attr(&h.a, ZKHSM_A_HSM_DRIVER), "no driver");
	check(nlraw_u64(&h.a, ZKHSM_A_HSM_FEATURES) & ZKHSM_FEATURE_P256, "features");
	check(nlraw_attr(&h.a, ZKHSM_A_HSM_FAULTS) && !nlraw_u32(&h.a, ZKHSM_A_HSM_FAULTS),
	      "faults");

	manager_new(&m);
	evidence_get(&h, &m);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "evidence-get");
	order_one(&h, &m, ZKHSM_ORDER_TYPE_REVOKE, 1, digest);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "order-apply");
	key_new(&h, "early");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "key-new");
	manager_free(&m);
}

static void once(void)
{
	uint8_t first[16], identity[65];
	const uint8_t *p;

	hsm_close(&h);
	hsm_fresh(&h, NULL);
	check(ec_on_curve(h.identity), "D");
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_INSTANCE_ID, 16);
	require(p, "no instance id");
	memcpy(first, p, 16);
	nlraw_do(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW), &h.a);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_IDENTITY_EXISTS, "hsm-new again");
	hsm_get(&h);
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_IDENTITY, 65);
	check(p && !memcmp(p, h.identity, 65), "the identity was replaced");
	memcpy(identity, h.identity, 65);

	hsm_close(&h);
	hsm_fresh(&h, NULL);
	check(memcmp(identity, h.identity, 65), "the identity survived an unload");
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_INSTANCE_ID, 16);
	check(p && memcmp(p, first, 16), "the same instance id after a load");
}

static void right_one(void)
{
	uint8_t digest[32], wrong[32];
	struct nl_msg *msg;

	hsm_close(&h);
	hsm_fresh(&h, NULL);
	ec_sha256(h.identity, 65, digest);
	check(!memcmp(digest, h.id, 32), "hsm_id is not SHA-256 of D");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_GET);
	nla_put(msg, ZKHSM_A_HSM_HSM_ID, 32, h.id);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "hsm-get of this one");
	memcpy(wrong, h.id, 32);
	wrong[31] ^= 1;
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_GET);
	nla_put(msg, ZKHSM_A_HSM_HSM_ID, 32, wrong);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, "hsm-get of another one");
}

static void decode_configuration(struct zkhsm_configuration *c)
{
	const struct nlattr *attr;

	hsm_get(&h);
	attr = nlraw_attr(&h.a, ZKHSM_A_HSM_CONFIGURATION);
	require(attr && !zkhsm_configuration_decode(c, nla_data(attr), (size_t)nla_len(attr)),
		"the configuration does not decode");
}

static void set_u32(int attr, uint32_t value)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, attr, value);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "hsm-set %d to %u", attr, value);
	check(nlraw_u32(&h.a, attr) == value, "hsm-set %d: %u in the reply", attr, value);
}

static void configuration(void)
{
	static struct zkhsm_configuration c;
	struct manager m[3];
	int i, j;

	hsm_close(&h);
	hsm_fresh_quorum(&h, NULL, 2, 1, 3);
	decode_configuration(&c);
	check(c.quorum == 2 && c.stop == 1 && c.wipe == 3, "quorums");
	check(!c.flags && !c.enforce_grace_ms && c.max_ttl_ms && !c.manager_count, "the rest");
	for (i = 0; i < 3; i++)
		manager_new_pinned(&h, &m[i]);
	decode_configuration(&c);
	check(c.manager_count == 3, "%u managers", c.manager_count);
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3 && memcmp(c.managers[j], m[i].public, 65); j++)
			;
		check(j < 3, "manager %d is not in C", i);
	}
	manager_unpin(&h, &m[0]);
	decode_configuration(&c);
	check(c.manager_count == 2, "%u managers after trust-del", c.manager_count);

	set_u32(ZKHSM_A_HSM_QUORUM, 1);
	set_u32(ZKHSM_A_HSM_WIPE, ZKHSM_MANAGERS_MAX);
	set_u32(ZKHSM_A_HSM_STOP, 4);
	set_u32(ZKHSM_A_HSM_AGENT_UID, UID_OTHER);
	decode_configuration(&c);
	check(c.quorum == 1 && c.stop == 4 && c.wipe == ZKHSM_MANAGERS_MAX, "quorums");
	/* The managers have no say in who the agent is. */
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_AGENT_UID) == UID_OTHER, "agent");
	for (i = 0; i < 3; i++)
		manager_free(&m[i]);
}

static void quorums(uint8_t cmd, int first, uint32_t a, int second, uint32_t b)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, cmd);

	nla_put_u32(msg, first, a);
	nla_put_u32(msg, second, b);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_CONFIG, "%u = %u, %u = %u", first, a, second, b);
}

/* An erasure that needs fewer votes than a stop would stop too. */
static void unfit_quorums(void)
{
	static struct zkhsm_configuration c;
	struct nl_msg *msg;

	hsm_close(&h);
	memset(&h, 0, offsetof(struct hsm, a));
	module_reload(NULL);
	hsm_reopen(&h);
	quorums(ZKHSM_CMD_HSM_NEW, ZKHSM_A_HSM_STOP, 3, ZKHSM_A_HSM_WIPE, 2);
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_IDENTITY), "an identity all the same");

	/* What is not asked for: 1, and a wipe that fits. */
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);
	nla_put_u32(msg, ZKHSM_A_HSM_STOP, 2);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "hsm-new with stop alone");
	decode_configuration(&c);
	check(c.quorum == 1 && c.stop == 2 && c.wipe == 2, "defaults");

	hsm_close(&h);
	hsm_fresh_quorum(&h, NULL, 1, 2, 3);
	quorums(ZKHSM_CMD_HSM_SET, ZKHSM_A_HSM_STOP, 4, ZKHSM_A_HSM_QUORUM, 2);
	quorums(ZKHSM_CMD_HSM_SET, ZKHSM_A_HSM_WIPE, 1, ZKHSM_A_HSM_QUORUM, 2);
	decode_configuration(&c);
	check(c.quorum == 1 && c.stop == 2 && c.wipe == 3, "a refusal changed something");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);
	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UINT32_MAX);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_RESERVED_INPUT, "agent -1");
}

static void managers_full(void)
{
	static struct manager m[ZKHSM_MANAGERS_MAX + 1];
	struct nl_msg *msg;
	uint8_t bad[65];
	int i;

	hsm_close(&h);
	hsm_fresh(&h, NULL);
	for (i = 0; i < ZKHSM_MANAGERS_MAX; i++)
		manager_new_pinned(&h, &m[i]);
	manager_new(&m[i]);
	manager_pin(&h, &m[i]);
	check_refused(&h.a, ENOSPC, ZKHSM_REASON_FULL, "a 17th manager");
	manager_unpin(&h, &m[0]);
	check_done(&h.a, "trust-del");
	manager_pin(&h, &m[i]);
	check_done(&h.a, "a 16th manager again");
	manager_unpin(&h, &m[i]);

	/* Points that are none. */
	for (i = 0; i < 65; i += 16) {
		memcpy(bad, m[0].public, 65);
		bad[i] ^= 1;
		if (i && ec_on_curve(bad))
			continue;
		msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_NEW);
		nla_put(msg, ZKHSM_A_MANAGER_PUBLIC, 65, bad);
		nlraw_do(&h.nl, msg, &h.a);
		check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "byte %d altered", i);
	}
	memset(bad, 0, sizeof(bad));
	bad[0] = 4;
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_NEW);
	nla_put(msg, ZKHSM_A_MANAGER_PUBLIC, 65, bad);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "(0, 0)");
	memset(bad + 1, 0xff, 64);
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_NEW);
	nla_put(msg, ZKHSM_A_MANAGER_PUBLIC, 65, bad);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "coordinates above p");
	for (i = 0; i <= ZKHSM_MANAGERS_MAX; i++)
		manager_free(&m[i]);
}

static void known(struct manager *m)
{
	static const uint8_t element[32] = { 1 };

	manager_new_pinned(&h, m);
	order_one(&h, m, ZKHSM_ORDER_TYPE_RELEASE, 1, element);
	require(!h.a.error, "order-apply: %s", h.a.text);
	manager_unpin(&h, m);
	require(!h.a.error, "trust-del: %s", h.a.text);
}

/*
 * A manager that gave an order is not forgotten when it is unpinned: its numbers
 * must never count anew. So there is an end to how many there may ever be.
 */
static void managers_known(void)
{
	struct manager first, m;
	unsigned int i;

	hsm_close(&h);
	hsm_fresh(&h, NULL);
	known(&first);
	for (i = 1; i < MANAGERS_KNOWN_MAX; i++) {
		known(&m);
		manager_free(&m);
	}
	manager_new(&m);
	manager_pin(&h, &m);
	check_refused(&h.a, ENOSPC, ZKHSM_REASON_FULL, "one more than can be known");
	check(strstr(h.a.text, "remember"), "\"%s\" does not say what is full", h.a.text);
	manager_unpin(&h, &m);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "trust-del of the refused one");
	manager_free(&m);
	/* Those that are known come and go. */
	for (i = 0; i < 2; i++) {
		manager_pin(&h, &first);
		check_done(&h.a, "trust-new of a known one");
		manager_unpin(&h, &first);
		check_done(&h.a, "trust-del of it");
	}
	manager_free(&first);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "before", before },
		{ "once", once },
		{ "right_one", right_one },
		{ "configuration", configuration },
		{ "unfit_quorums", unfit_quorums },
		{ "managers_full", managers_full },
		{ "managers_known", managers_known },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
