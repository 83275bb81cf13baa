// SPDX-License-Identifier: GPL-2.0
/*
 * An HSM goes with its module and comes back, whole: keys in every state,
 * managers, their counters, their votes on what is here and on what is not.
 */
#include <errno.h>
#include <string.h>

#include "sealed.h"
#include "zkhsm.h"

#define REVOKE	ZKHSM_ORDER_TYPE_REVOKE
#define HOLD	ZKHSM_ORDER_TYPE_HOLD
#define RELEASE	ZKHSM_ORDER_TYPE_RELEASE
#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

/* What the commands tell, byte by byte. */
struct told {
	size_t len;
	uint8_t bytes[32 * 1024];
};

static struct hsm h;
static struct sealed s, changes;
static struct told before, after;
static struct manager one, two, three;
static int32_t kek;
static uint8_t imported[32], stopped[32], voted[32], list_digest[32];
static uint8_t configuration[2048], instance_id[16];
static size_t configuration_len;
static uint32_t boot_count;
static const uint8_t digest[32] = { 1, 2, 3 };

static void put_message(const struct nlmsghdr *nh, void *arg)
{
	const struct genlmsghdr *g = nlmsg_data(nh);
	const struct nlattr *attr;
	struct told *t = arg;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), rest) {
		/* How often a key was used is not kept. */
		if (g->cmd == ZKHSM_CMD_KEY_GET && nla_type(attr) == ZKHSM_A_KEY_USES)
			continue;
		require(t->len + attr->nla_len <= sizeof(t->bytes), "that much");
		memcpy(t->bytes + t->len, attr, attr->nla_len);
		t->len += attr->nla_len;
	}
}

static void take_told(struct told *t)
{
	static const uint8_t dumps[] = { ZKHSM_CMD_KEY_GET, ZKHSM_CMD_TRUST_GET };
	size_t i;

	t->len = 0;
	for (i = 0; i < LENGTH(dumps); i++) {
		nlraw_dump(&h.nl, nlraw_msg(&h.nl, dumps[i]), put_message, t, &h.a);
		check_done(&h.a, "dump of command %u", dumps[i]);
	}
}

static void make(const char *id, uint32_t state, uint32_t usage, uint32_t owner)
{
	struct nl_msg *msg = id_msg(&h, ZKHSM_CMD_KEY_NEW, id);

	nla_put_u32(msg, ZKHSM_A_KEY_TYPE, ZKHSM_KEY_TYPE_EC_P256);
	nla_put_u32(msg, ZKHSM_A_KEY_USAGE, usage);
	nla_put_u32(msg, ZKHSM_A_KEY_OWNER_UID, owner);
	nla_put_u32(msg, ZKHSM_A_KEY_STATE, state);
	nlraw_do(&h.nl, msg, &h.a);
	require(!h.a.error, "key-new %s: %s", id, h.a.text);
}

static void order(const struct manager *m, uint8_t type, uint64_t number, const uint8_t *element)
{
	order_one(&h, m, type, number, element);
	check_done(&h.a, "order %u", (unsigned int)number);
}

static void order_key(const struct manager *m, uint8_t type, uint64_t number, const char *id)
{
	uint8_t element[32];

	key_element(&h, id, element);
	order(m, type, number, element);
}

static void absent_element(uint8_t scalar[32], uint8_t element[32])
{
	uint8_t public[65];

	ec_random_scalar(scalar);
	ec_public(scalar, public);
	ec_element(public, element);
}

/* stop = wipe = 2, quorum = 1: two stop, one releases. */
static void populate(void)
{
	uint8_t element[32];

	manager_new_pinned(&h, &one);
	manager_new_pinned(&h, &two);
	manager_new_pinned(&h, &three);
	make("active", ZKHSM_KEY_STATE_ACTIVE, SIGN_PROVE, UID_OWNER);
	make("ahead", ZKHSM_KEY_STATE_ACTIVE, SIGN_PROVE, 0);
	make("compromised", ZKHSM_KEY_STATE_ACTIVE, SIGN_PROVE, 0);
	make("deactivated", ZKHSM_KEY_STATE_ACTIVE, SIGN_PROVE, UID_OTHER);
	make("half", ZKHSM_KEY_STATE_ACTIVE, SIGN_PROVE, 0);
	make("held", ZKHSM_KEY_STATE_ACTIVE, SIGN_PROVE, 0);
	make("held-pre", ZKHSM_KEY_STATE_PRE_ACTIVE, SIGN_PROVE, 0);
	make("pre-active", ZKHSM_KEY_STATE_PRE_ACTIVE, ZKHSM_KEY_USAGE_PROVE, 0);
	make("signs", ZKHSM_KEY_STATE_ACTIVE, ZKHSM_KEY_USAGE_SIGN, 0);
	ec_random_scalar(imported);
	key_import(&h, "imported", imported);
	check_done(&h.a, "import");
	key_set_u32(&h, "deactivated", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	check_done(&h.a, "deactivate");

	order_key(&one, REVOKE, 1, "compromised");
	order_key(&two, REVOKE, 1, "compromised");
	order_key(&one, HOLD, 2, "held");
	order_key(&two, HOLD, 2, "held");
	order_key(&one, HOLD, 3, "held-pre");
	order_key(&two, REVOKE, 3, "held-pre");
	order_key(&one, HOLD, 4, "half");
	absent_element(stopped, element);
	order(&one, HOLD, 5, element);
	order(&three, HOLD, 1, element);
	absent_element(voted, element);
	order(&three, REVOKE, 2, element);
	/* What is no key is not stopped by votes, but they stay, and count once it is none. */
	ec_element(h.identity, element);
	order(&one, HOLD, 6, element);
	order(&two, HOLD, 4, element);
	ec_element(two.public, element);
	order(&one, REVOKE, 7, element);
	order(&two, HOLD, 5, element);
	/* Two orders of his are still on their way. */
	order_key(&two, HOLD, 8, "ahead");
	manager_unpin(&h, &three);
	check_done(&h.a, "trust-del");
}

static void attest(const struct manager *m, const char *when)
{
	const uint8_t *p;

	evidence_get(&h, m);
	if (!check_done(&h.a, "evidence-get %s", when))
		return;
	p = nlraw_bytes(&h.a, ZKHSM_A_EVIDENCE_LIST_DIGEST, 32);
	require(p, "no list digest");
	memcpy(list_digest, p, sizeof(list_digest));
}

static void keep_hsm(void)
{
	const struct nlattr *c;
	const uint8_t *p;

	hsm_get(&h);
	c = nlraw_attr(&h.a, ZKHSM_A_HSM_CONFIGURATION);
	require(c && nla_len(c) <= (int)sizeof(configuration), "no configuration");
	configuration_len = (size_t)nla_len(c);
	memcpy(configuration, nla_data(c), configuration_len);
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_INSTANCE_ID, 16);
	require(p, "no instance id");
	memcpy(instance_id, p, sizeof(instance_id));
	boot_count = nlraw_u32(&h.a, ZKHSM_A_HSM_BOOT_COUNT);
}

static void waits(uint32_t count, uint64_t sequence, const char *when)
{
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED) == count, "%u wait %s, not %u",
	      nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED), when, count);
	check(nlraw_u64(&h.a, ZKHSM_A_HSM_SEQUENCE) == sequence, "sequence %u %s, not %u",
	      (unsigned int)nlraw_u64(&h.a, ZKHSM_A_HSM_SEQUENCE), when,
	      (unsigned int)sequence);
}

/* Everything that there can be, sealed and stored, and another load of the module. */
static void start(void)
{
	if (s.count)
		return;
	kek = sealed_kek(0x17);
	sealed_fresh(&h, kek, 1, 2, 2);
	populate();
	evidence_get(&h, &one);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_UNSEALED, "evidence before anything is stored");
	sealed_store(&h, &s);
	/* Ten keys; votes on five of them, two that are not here, and two that are no keys. */
	check(s.count == 10 + 5 + 2 + 2 && s.counted == s.count && !s.removed, "%u records, %u counted",
	      s.count, s.counted);
	waits(0, s.sequence, "after the commit");
	attest(&one, "once it is stored");
	take_told(&before);
	keep_hsm();
}

static void unsealed(void)
{
	const uint8_t *p;

	start();
	sealed_empty(&h);
	nlraw_do(&h.nl, id_msg(&h, ZKHSM_CMD_KEY_GET, "active"), &h.a);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "key-get of an empty module");
	sealed_restore(&h, &s, kek);
	if (!check_done(&h.a, "hsm-unseal"))
		ktap_abort();
	check(nlraw_u32(&h.a, ZKHSM_A_SEAL_FINISH) == 1, "not finished");
	check(nlraw_u64(&h.a, ZKHSM_A_SEAL_SEQUENCE) == s.sequence, "another sequence");
	check(nlraw_u32(&h.a, ZKHSM_A_SEAL_RECORDS) == s.count, "not all of the records");
	check(nlraw_u32(&h.a, ZKHSM_A_SEAL_BOOT_COUNT) == boot_count + 1, "boot count");

	take_told(&after);
	check(before.len == after.len && !memcmp(before.bytes, after.bytes, before.len),
	      "keys or managers are not what they were");
	hsm_get(&h);
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_HSM_ID, 32);
	check(p && !memcmp(p, h.id, 32), "another HSM");
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_IDENTITY, 65);
	check(p && !memcmp(p, h.identity, 65), "another identity");
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_CONFIGURATION, configuration_len);
	check(p && !memcmp(p, configuration, configuration_len), "another configuration");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_AGENT_UID) == UID_AGENT, "another agent");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_KEK_CLASS) == ZKHSM_KEK_CLASS_KEYRING, "another class");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_BOOT_COUNT) == boot_count + 1, "boot count");
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_INSTANCE_ID, 16);
	check(p && memcmp(p, instance_id, 16), "the same instance id");
}

/* A manager must not be told of a boot that a power cut could undo. */
static void evidence(void)
{
	uint8_t old[32];

	waits(1, s.sequence, "after hsm-unseal");
	evidence_get(&h, &one);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_UNSEALED, "evidence before the new head is stored");
	sealed_changes(&h, &changes);
	check_done(&h.a, "hsm-seal");
	check(!changes.count && changes.counted == s.count && changes.sequence > s.sequence,
	      "%u records wait after hsm-unseal", changes.count);
	evidence_get(&h, &one);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_UNSEALED, "evidence before the commit");
	sealed_commit(&h, &changes);
	check_done(&h.a, "commit");
	check(!nlraw_u32(&h.a, ZKHSM_A_SEAL_UNSEALED), "something waits");
	waits(0, changes.sequence, "after the commit");
	memcpy(old, list_digest, sizeof(old));
	attest(&one, "after the commit");
	check(!memcmp(old, list_digest, sizeof(old)), "another list");
	sealed_merge(&s, &changes);
}

static void signs(const char *id)
{
	const uint8_t *sig;
	uint8_t public[65];

	key_public(&h, id, public);
	key_sign(&h, id, digest);
	sig = nlraw_bytes(&h.a, ZKHSM_A_KEY_SIGNATURE, 64);
	check(sig && ec_verify(public, digest, sig), "%s: its signature is false", id);
}

static void secrets(void)
{
	uint8_t public[65], expected[65];

	signs("signs");
	signs("imported");
	key_public(&h, "imported", public);
	ec_public(imported, expected);
	check(!memcmp(public, expected, sizeof(public)), "imported is another key");
	key_prove(&h, "ahead", "client", 6, NULL, 0);
	check_done(&h.a, "proof-get");
	key_sign(&h, "active", digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_NOT_OWNER, "root signs for the owner");
	key_prove(&h, "signs", "client", 6, NULL, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_USAGE, "proof-get of a key to sign alone");
	key_prove(&h, "pre-active", "client", 6, NULL, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_STATE, "proof-get of a pre-active key");
	key_sign(&h, "held", digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_HELD, "key-sign of a held key");
	key_sign(&h, "compromised", digest);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "key-sign of a revoked key");
	key_import(&h, "again", imported);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ELEMENT_EXISTS, "import of what is here");
	key_new(&h, "held");
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ID_EXISTS, "key-new of an id that is here");
}

static void state_is(const char *id, uint32_t state)
{
	check(key_state(&h, id) == state, "%s is in state %u, not %u", id,
	      nlraw_u32(&h.a, ZKHSM_A_KEY_STATE), state);
}

static void replay(const struct manager *m, uint64_t number, const char *what)
{
	order_one(&h, m, HOLD, number, digest);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "%s", what);
}

/* Votes that were cast before go on to count, and orders that were applied are spent. */
static void votes(void)
{
	uint8_t element[32], public[65];

	replay(&one, 7, "the last order of one");
	replay(&two, 5, "the last order of two");
	order_key(&two, HOLD, 7, "half");
	state_is("half", ZKHSM_KEY_STATE_HELD);
	order_key(&one, HOLD, 8, "ahead");
	state_is("ahead", ZKHSM_KEY_STATE_HELD);
	order_key(&one, RELEASE, 9, "held");
	state_is("held", ZKHSM_KEY_STATE_ACTIVE);
	signs("held");
	order_key(&one, RELEASE, 10, "held-pre");
	state_is("held-pre", ZKHSM_KEY_STATE_PRE_ACTIVE);
	order_key(&one, RELEASE, 11, "compromised");
	state_is("compromised", ZKHSM_KEY_STATE_COMPROMISED);

	key_import(&h, "stopped", stopped);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "import of what two have stopped");
	ec_public(stopped, public);
	ec_element(public, element);
	order(&one, RELEASE, 12, element);
	key_import(&h, "stopped", stopped);
	check_done(&h.a, "import once it is released");
	/* The vote of a manager that was unpinned counts as one. */
	key_import(&h, "voted", voted);
	check_done(&h.a, "import below the quorum");
	order_key(&one, REVOKE, 13, "voted");
	state_is("voted", ZKHSM_KEY_STATE_COMPROMISED);

	order_one(&h, &three, HOLD, 3, element);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_PINNED, "an order of who was unpinned");
	manager_pin(&h, &three);
	check_done(&h.a, "trust-new");
	replay(&three, 2, "the last order of three");
	order(&three, HOLD, 3, element);
}

/* What was unsealed, used and changed is sealed again, and comes back too. */
static void again(void)
{
	sealed_changes(&h, &changes);
	check_done(&h.a, "hsm-seal");
	sealed_commit(&h, &changes);
	check_done(&h.a, "commit");
	sealed_merge(&s, &changes);
	check(s.counted == s.count, "%u records, %u counted", s.count, s.counted);
	take_told(&before);
	sealed_empty(&h);
	sealed_restore(&h, &s, kek);
	check_done(&h.a, "hsm-unseal");
	check(nlraw_u32(&h.a, ZKHSM_A_SEAL_BOOT_COUNT) == boot_count + 2, "boot count");
	take_told(&after);
	check(before.len == after.len && !memcmp(before.bytes, after.bytes, before.len),
	      "keys or managers are not what they were");
}

/* A KEK that three administrators make together, and a fourth can stand in. */
static void shares(void)
{
	uint8_t share[4][ZKHSM_SHARE_LEN], kek_id[16];
	static const int first[] = { 0, 1, 2 }, second[] = { 3, 0, 2 };
	const int *const rounds[] = { first, second };
	struct zkhsm_error err;
	struct nl_msg *msg;
	int32_t serial;
	size_t i, j;

	require(!zkhsm_share_split(NULL, 3, 4, share, kek_id, &err), "split: %s", err.text);
	for (i = 0; i < LENGTH(rounds); i++) {
		sealed_empty(&h);
		if (i) {
			sealed_begin(&h, &s, 0);
			check_refused(&h.a, ENOKEY, ZKHSM_REASON_SHARE, "hsm-unseal without shares");
		}
		for (j = 0; j < 3; j++) {
			serial = keyring_add("logon", share[rounds[i][j]], ZKHSM_SHARE_LEN);
			msg = nlraw_msg(&h.nl, ZKHSM_CMD_SHARE_NEW);
			nla_put_u32(msg, ZKHSM_A_SHARE_KEYRING_SERIAL, (uint32_t)serial);
			nlraw_do(&h.nl, msg, &h.a);
			check_done(&h.a, "share-new");
			keyring_drop(serial);
		}
		if (i) {
			sealed_restore(&h, &s, 0);
			check_done(&h.a, "hsm-unseal");
			signs("one");
			continue;
		}
		msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);
		nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, ZKHSM_KEK_CLASS_SHARES);
		nlraw_do(&h.nl, msg, &h.a);
		require(!h.a.error, "hsm-new: %s", h.a.text);
		key_new(&h, "one");
		sealed_store(&h, &s);
	}
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "unsealed", unsealed },
		{ "evidence", evidence },
		{ "secrets", secrets },
		{ "votes", votes },
		{ "again", again },
		{ "shares", shares },
	};

	return ktap_run(tests, LENGTH(tests), argc, argv);
}
