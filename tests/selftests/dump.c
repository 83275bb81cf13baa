// SPDX-License-Identifier: GPL-2.0
/*
 * Dumps: everything once and in order, and to nobody who may not see it,
 * whichever process reads on after the first part.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsm.h"

#define OWNED		150
#define MANY		3000
#define MANY_SLOW	400

static struct hsm h;

/* What one dump told. */
struct told {
	unsigned int keys;
	unsigned int owned;		/* by UID_OWNER */
	unsigned int out_of_order;
	char last[ZKHSM_ID_MAX_LEN + 1];
};

static void start(void)
{
	char id[16];
	int i;

	if (h.nl.sock)
		return;
	hsm_fresh(&h, NULL);
	/* So many that no dump has room for all in its first part, and mixed. */
	for (i = 0; i < OWNED; i++) {
		snprintf(id, sizeof(id), "k%03d-owner", i);
		key_new_owned(&h, id, UID_OWNER);
		require(!h.a.error, "key-new: %s", h.a.text);
		if (i % 5)
			continue;
		snprintf(id, sizeof(id), "k%03d-root", i);
		key_new(&h, id);
		require(!h.a.error, "key-new: %s", h.a.text);
	}
}

static void take_key(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[ZKHSM_A_KEY_MAX + 1] = { NULL };
	struct told *t = arg;
	const char *id;

	t->keys++;
	if (nla_parse(tb, ZKHSM_A_KEY_MAX, genlmsg_attrdata(nlmsg_data(nh), 0),
		      genlmsg_attrlen(nlmsg_data(nh), 0), NULL) ||
	    !tb[ZKHSM_A_KEY_ID] || !tb[ZKHSM_A_KEY_OWNER_UID]) {
		t->out_of_order++;
		return;
	}
	id = nla_get_string(tb[ZKHSM_A_KEY_ID]);
	if (strcmp(t->last, id) >= 0)
		t->out_of_order++;
	snprintf(t->last, sizeof(t->last), "%s", id);
	t->owned += nla_get_u32(tb[ZKHSM_A_KEY_OWNER_UID]) == UID_OWNER;
}

static void expect(const struct told *t, unsigned int keys, unsigned int owned, const char *who)
{
	check(!t->out_of_order, "%s: %u keys out of order", who, t->out_of_order);
	check(t->keys == keys && t->owned == owned, "%s sees %u keys, %u of the owner, not %u, %u",
	      who, t->keys, t->owned, keys, owned);
}

/* Over a socket of the calling process. */
static void own_dump(struct told *t, const char *who)
{
	static struct hsm x;

	memset(t, 0, sizeof(*t));
	hsm_reopen(&x);
	nlraw_dump(&x.nl, nlraw_msg(&x.nl, ZKHSM_CMD_KEY_GET), take_key, t, &x.a);
	check_done(&x.a, "dump by %s", who);
	hsm_close(&x);
}

static void as_owner(void *arg)
{
	struct told t;

	(void)arg;
	own_dump(&t, "the owner");
	expect(&t, OWNED, OWNED, "the owner");
}

static void as_agent(void *arg)
{
	struct told t;

	(void)arg;
	own_dump(&t, "the agent");
	expect(&t, OWNED + OWNED / 5, OWNED, "the agent");
}

static void as_other(void *arg)
{
	struct told t;

	(void)arg;
	own_dump(&t, "a stranger");
	expect(&t, 0, 0, "a stranger");
}

static void who_sees_what(void)
{
	struct told t;

	start();
	own_dump(&t, "root");
	expect(&t, OWNED + OWNED / 5, OWNED, "root");
	check(!ktap_child(UID_OWNER, as_owner, NULL), "child");
	check(!ktap_child(UID_AGENT, as_agent, NULL), "child");
	check(!ktap_child(UID_OTHER, as_other, NULL), "child");
}

/* The caller decides together with the opener: root's socket shows a stranger nothing. */
static void with_roots_socket(void *arg)
{
	static const uint8_t cmds[] = { ZKHSM_CMD_LIST_GET, ZKHSM_CMD_TRUST_GET,
					ZKHSM_CMD_LEASE_GET };
	struct told t = { 0 };
	size_t i;

	(void)arg;
	nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_KEY_GET), take_key, &t, &h.a);
	check_done(&h.a, "dump over root's socket");
	expect(&t, 0, 0, "a stranger with root's socket");
	for (i = 0; i < sizeof(cmds); i++) {
		nlraw_dump(&h.nl, nlraw_msg(&h.nl, cmds[i]), NULL, NULL, &h.a);
		check_refused(&h.a, EACCES, ZKHSM_REASON_NOT_AGENT, "dump %u over root's socket",
			      cmds[i]);
	}
}

static void roots_socket(void)
{
	start();
	check(!ktap_child(UID_OTHER, with_roots_socket, NULL), "child");
	check(!ktap_child(UID_OWNER, with_roots_socket, NULL), "child");
}

static void start_dump(void *arg)
{
	check(!nlraw_send(arg, nlraw_msg(arg, ZKHSM_CMD_KEY_GET), NLM_F_DUMP), "send");
}

static void finish_dump(struct nlraw *nl, unsigned int keys, unsigned int owned, const char *who)
{
	struct told t = { 0 };

	nlraw_receive(nl, take_key, &t, &h.a);
	check_done(&h.a, "%s", who);
	expect(&t, keys, owned, who);
}

/* A stranger starts it, root reads on: still nothing but what the stranger may see. */
static void changes_hands(void)
{
	struct nlraw nl;

	start();
	require(!nlraw_open(&nl), "no family");
	check(!ktap_child(UID_OTHER, start_dump, &nl), "child");
	finish_dump(&nl, 0, 0, "started by a stranger, finished by root");
	nlraw_close(&nl);
}

static void finish_all(void *arg)
{
	finish_dump(arg, OWNED + OWNED / 5, OWNED, "started by root, finished by a stranger");
}

/* And the other way: whom root gave the socket to reads what root asked for. */
static void goes_on(void)
{
	struct nlraw nl;

	start();
	require(!nlraw_open(&nl), "no family");
	start_dump(&nl);
	check(!ktap_child(UID_OTHER, finish_all, &nl), "child");
	nlraw_close(&nl);
}

struct managers {
	unsigned int count;
	uint8_t ids[ZKHSM_MANAGERS_MAX][32];
};

static void take_manager(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *id = nla_find(genlmsg_attrdata(nlmsg_data(nh), 0),
				     genlmsg_attrlen(nlmsg_data(nh), 0),
				     ZKHSM_A_MANAGER_MANAGER_ID);
	struct managers *t = arg;

	if (id && nla_len(id) == 32 && t->count < ZKHSM_MANAGERS_MAX)
		memcpy(t->ids[t->count++], nla_data(id), 32);
}

static void managers(void)
{
	struct managers t = { 0 };
	struct manager m[5];
	unsigned int i, j;

	start();
	for (i = 0; i < 5; i++)
		manager_new_pinned(&h, &m[i]);
	nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_GET), take_manager, &t, &h.a);
	check_done(&h.a, "trust-get dump");
	check(t.count == 5, "%u managers, not 5", t.count);
	for (i = 0; i < 5; i++) {
		for (j = 0; j < t.count && memcmp(t.ids[j], m[i].id, 32); j++)
			;
		check(j < t.count, "manager %u is missing", i);
		check(!i || memcmp(t.ids[i - 1], t.ids[i], 32) < 0, "managers out of order");
	}
	for (i = 0; i < 5; i++)
		manager_free(&m[i]);
}

/* Ids of all lengths, made in another order than they are told in. */
static void many(void)
{
	const unsigned int count = kernel_is_slow() ? MANY_SLOW : MANY;
	struct told t = { 0 };
	unsigned int i, before;
	char id[32];

	start();
	hsm_get(&h);
	before = nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT);
	for (i = 0; i < count - before; i++) {
		/* 7919 is prime: every number comes once. */
		snprintf(id, sizeof(id), "%x%.*s", (unsigned int)((i * 7919ull) % 0x10000),
			 (int)(i % 20), "....................");
		key_new(&h, id);
		require(!h.a.error, "key-new %s: %s", id, h.a.text);
	}
	nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_KEY_GET), take_key, &t, &h.a);
	check_done(&h.a, "dump");
	expect(&t, count, OWNED, "root");
}

/* A dump of "one" must not tell all. */
static void attributes(void)
{
	static const uint8_t id[32];
	struct nl_msg *msg;

	start();
	nlraw_dump(&h.nl, id_msg(&h, ZKHSM_CMD_KEY_GET, "a"), NULL, NULL, &h.a);
	check_refused(&h.a, EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "dump of one key");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_GET);
	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, sizeof(id), id);
	nlraw_dump(&h.nl, msg, NULL, NULL, &h.a);
	check_refused(&h.a, EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "dump of one manager");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_LEASE_GET);
	nla_put(msg, ZKHSM_A_LEASE_MANAGER_ID, sizeof(id), id);
	nlraw_dump(&h.nl, msg, NULL, NULL, &h.a);
	check_refused(&h.a, EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "dump of one lease");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "who_sees_what", who_sees_what },
		{ "roots_socket", roots_socket },
		{ "changes_hands", changes_hands },
		{ "goes_on", goes_on },
		{ "managers", managers },
		{ "attributes", attributes },
		{ "many", many },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
