// SPDX-License-Identifier: GPL-2.0
/*
 * Every command of the family, in each of its forms, under memory that gives
 * out at each of its allocations in turn; see faults_sweep.c for what may come
 * of it. A listener is there all the time, so that events are made. Sealing is
 * in sealfaults.c, hsm-lock in lock.c.
 */
#include <errno.h>

#include "faults.h"

#define H		(&faults.h)
#define PARAMS		"evidence_rate=100000 evidence_burst=100000 nonce_slots=65536"
/* Dumps of keys, and of the list, take more than one message. */
#define KEYS		24
#define LONG_ID		"an-id-that-is-as-long-as-the-ids-of-keys-may-be-here-"
#define KEY		LONG_ID "00000"
#define VICTIM		"victim"
#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static struct manager other;
static int32_t serial;

/* The module, its identity, a manager, keys, a living nonce. */
static void start(void)
{
	uint8_t scalar[32];

	faults_begin();
	if (H->nl.sock)
		return;
	hsm_fresh(H, PARAMS);
	faults_include("zkhsm_key");
	listener_open(&faults.listener);
	manager_new_pinned(H, &faults.m);
	manager_new(&other);
	key_new_many(H, LONG_ID, KEYS);
	ec_random_scalar(scalar);
	serial = keyring_add("logon", scalar, sizeof(scalar));
	require(serial > 0, "add_key: %s", strerrorname_np(-serial));
	evidence_get(H, &faults.m);
	require(!H->a.error, "evidence-get: %s", H->a.text);
}

static bool there(const char *id)
{
	return !key_get(H, id);
}

static void make(const char *id)
{
	if (!there(id))
		key_new(H, id);
	require(!H->a.error, "key-new: %s", H->a.text);
}

/* --- the module and its identity -------------------------------------------- */

static struct nl_msg *hsm_get_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_GET);

	nla_put(msg, ZKHSM_A_HSM_HSM_ID, 32, H->id);
	return msg;
}

static uint32_t agent = UID_AGENT;

static struct nl_msg *hsm_set_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, agent ^ 1);
	nla_put_u32(msg, ZKHSM_A_HSM_QUORUM, 1);
	return msg;
}

static bool hsm_was_set(void)
{
	hsm_get(H);
	return nlraw_u32(&H->a, ZKHSM_A_HSM_AGENT_UID) == (agent ^ 1);
}

static void hsm_set_undo(void)
{
	agent ^= 1;
}

static struct nl_msg *key_mac_msg(void) { return id_msg(H, ZKHSM_CMD_KEY_MAC, KEY); }
static struct nl_msg *key_derive_msg(void) { return id_msg(H, ZKHSM_CMD_KEY_DERIVE, KEY); }

static void hsm_commands(void)
{
	static const struct scenario s[] = {
		{ .name = "hsm-get", .message = hsm_get_msg, .messages = 1 },
		{ .name = "hsm-set", .message = hsm_set_msg, .done = hsm_was_set,
		  .undo = hsm_set_undo, .messages = 1, .events = 1 },
	};

	start();
	sweep(s, LENGTH(s));
}

static void not_supported(void)
{
	static const struct scenario s[] = {
		{ .name = "key-mac", .message = key_mac_msg, .refusal = EOPNOTSUPP },
		{ .name = "key-derive", .message = key_derive_msg, .refusal = EOPNOTSUPP },
	};

	start();
	sweep(s, LENGTH(s));
}

/* --- keys -------------------------------------------------------------------- */

static struct nl_msg *key_new_victim(void) { return key_new_msg(H, VICTIM); }
static struct nl_msg *key_get_msg(void) { return id_msg(H, ZKHSM_CMD_KEY_GET, KEY); }
static struct nl_msg *key_del_msg(void) { return id_msg(H, ZKHSM_CMD_KEY_DEL, VICTIM); }
static struct nl_msg *key_dump_msg(void) { return nlraw_msg(&H->nl, ZKHSM_CMD_KEY_GET); }
static bool victim_there(void) { return there(VICTIM); }
static bool victim_gone(void) { return !there(VICTIM); }
static void victim_make(void) { make(VICTIM); }

static void victim_del(void)
{
	key_del(H, VICTIM);
}

static struct nl_msg *key_import_msg(void)
{
	struct nl_msg *msg = key_new_msg(H, VICTIM);

	nla_put_u32(msg, ZKHSM_A_KEY_KEYRING_SERIAL, (uint32_t)serial);
	return msg;
}

static struct nl_msg *key_set_msg(void)
{
	struct nl_msg *msg = id_msg(H, ZKHSM_CMD_KEY_SET, KEY);

	nla_put_u32(msg, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	nla_put_u32(msg, ZKHSM_A_KEY_OWNER_UID, UID_OWNER);
	return msg;
}

static bool key_was_set(void)
{
	return key_state(H, KEY) == ZKHSM_KEY_STATE_DEACTIVATED &&
	       nlraw_u32(&H->a, ZKHSM_A_KEY_OWNER_UID) == UID_OWNER;
}

static void key_set_undo(void)
{
	key_set_u32(H, KEY, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE);
	key_set_u32(H, KEY, ZKHSM_A_KEY_OWNER_UID, 0);
}

static void key_commands(void)
{
	static const struct scenario s[] = {
		{ .name = "key-new", .message = key_new_victim, .done = victim_there,
		  .undo = victim_del, .messages = 1, .events = 1, .slow = true },
		{ .name = "key-new (import)", .message = key_import_msg, .done = victim_there,
		  .undo = victim_del, .messages = 1, .events = 1, .slow = true },
		{ .name = "key-get", .message = key_get_msg, .messages = 1 },
		{ .name = "key-get (dump)", .message = key_dump_msg, .dump = true },
		{ .name = "key-set", .message = key_set_msg, .done = key_was_set,
		  .undo = key_set_undo, .messages = 1, .events = 1 },
		{ .name = "key-del", .prepare = victim_make, .message = key_del_msg,
		  .done = victim_gone, .events = 1, .slow = true },
	};

	start();
	sweep(s, LENGTH(s));
}

static uint64_t uses;

static void uses_before(void)
{
	key_get(H, KEY);
	uses = nlraw_u64(&H->a, ZKHSM_A_KEY_USES);
}

static bool used_once(void)
{
	key_get(H, KEY);
	return nlraw_u64(&H->a, ZKHSM_A_KEY_USES) == uses + 1;
}

static struct nl_msg *sign_msg(void)
{
	static const uint8_t digest[32] = { 1 };
	struct nl_msg *msg = id_msg(H, ZKHSM_CMD_KEY_SIGN, KEY);

	nla_put(msg, ZKHSM_A_KEY_DIGEST, sizeof(digest), digest);
	return msg;
}

static struct nl_msg *proof_msg(void)
{
	struct nl_msg *msg = id_msg(H, ZKHSM_CMD_PROOF_GET, KEY);

	nla_put(msg, ZKHSM_A_PROOF_USER_ID, 6, "client");
	nla_put(msg, ZKHSM_A_PROOF_OTHER_INFO, 5, "other");
	return msg;
}

static void uses_of_keys(void)
{
	static const struct scenario s[] = {
		{ .name = "key-sign", .prepare = uses_before, .message = sign_msg,
		  .done = used_once, .messages = 1, .slow = true },
		{ .name = "proof-get", .prepare = uses_before, .message = proof_msg,
		  .done = used_once, .messages = 1, .slow = true },
	};

	start();
	sweep(s, LENGTH(s));
}

/* --- evidence and its list --------------------------------------------------- */

static uint32_t nonces;

static void count_nonces(void)
{
	hsm_get(H);
	nonces = nlraw_u32(&H->a, ZKHSM_A_HSM_NONCES);
}

static bool one_nonce_more(void)
{
	hsm_get(H);
	return nlraw_u32(&H->a, ZKHSM_A_HSM_NONCES) == nonces + 1;
}

/* Another L each time, so that it has to be written, hashed and announced. */
static void move_list(void)
{
	uint32_t state = key_state(H, KEY) == ZKHSM_KEY_STATE_ACTIVE ?
			 ZKHSM_KEY_STATE_DEACTIVATED : ZKHSM_KEY_STATE_ACTIVE;

	key_set_u32(H, KEY, ZKHSM_A_KEY_STATE, state);
	require(!H->a.error, "key-set: %s", H->a.text);
	count_nonces();
}

static struct nl_msg *evidence_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_EVIDENCE_GET);

	put_challenge(msg, faults.m.id, NULL);
	return msg;
}

static struct nl_msg *list_msg(void)
{
	return nlraw_msg(&H->nl, ZKHSM_CMD_LIST_GET);
}

static void attest(void)
{
	evidence_get(H, &faults.m);
	require(!H->a.error, "evidence-get: %s", H->a.text);
}

static void evidence(void)
{
	static const struct scenario s[] = {
		{ .name = "evidence-get (new list)", .prepare = move_list,
		  .message = evidence_msg, .done = one_nonce_more, .messages = 1, .events = 1,
		  .slow = true },
		{ .name = "evidence-get", .prepare = count_nonces, .message = evidence_msg,
		  .done = one_nonce_more, .messages = 1, .events = 1, .slow = true },
	};

	start();
	sweep(s, LENGTH(s));
}

static void list(void)
{
	static const struct scenario s[] = {
		{ .name = "list-get", .message = list_msg, .messages = 1 },
		{ .name = "list-get (dump)", .message = list_msg, .dump = true },
	};

	start();
	attest();
	sweep(s, LENGTH(s));
}

/* --- managers ---------------------------------------------------------------- */

static struct nl_msg *manager_msg(uint8_t cmd, const struct manager *m)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, cmd);

	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, m->id);
	return msg;
}

static struct nl_msg *trust_new_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_TRUST_NEW);

	nla_put(msg, ZKHSM_A_MANAGER_PUBLIC, 65, other.public);
	nla_put_string(msg, ZKHSM_A_MANAGER_LABEL, "other");
	return msg;
}

static struct nl_msg *trust_get_msg(void)
{
	return manager_msg(ZKHSM_CMD_TRUST_GET, &faults.m);
}

static struct nl_msg *trust_del_msg(void) { return manager_msg(ZKHSM_CMD_TRUST_DEL, &other); }
static struct nl_msg *trust_dump_msg(void) { return nlraw_msg(&H->nl, ZKHSM_CMD_TRUST_GET); }

static bool other_pinned(void)
{
	return !nlraw_do(&H->nl, manager_msg(ZKHSM_CMD_TRUST_GET, &other), &H->a);
}

static bool other_unpinned(void) { return !other_pinned(); }
static void unpin(void) { manager_unpin(H, &other); }

static void pin(void)
{
	if (!other_pinned())
		manager_pin(H, &other);
	require(!H->a.error, "trust-new: %s", H->a.text);
}

static void managers(void)
{
	static const struct scenario s[] = {
		{ .name = "trust-new", .message = trust_new_msg, .done = other_pinned,
		  .undo = unpin, .messages = 1, .events = 1 },
		{ .name = "trust-get", .message = trust_get_msg, .messages = 1 },
		{ .name = "trust-get (dump)", .message = trust_dump_msg, .dump = true },
		{ .name = "trust-del", .prepare = pin, .message = trust_del_msg,
		  .done = other_unpinned, .events = 1 },
	};

	start();
	sweep(s, LENGTH(s));
	if (other_pinned())
		unpin();
}

static void orders(void)
{
	start();
	sweep(faults_orders, faults_orders_count);
}

static void leases(void)
{
	start();
	sweep(faults_leases, faults_leases_count);
}

static void grants(void)
{
	start();
	sweep(faults_grants, faults_grants_count);
}

/* --- what is not a command of the family on an HSM that is there ------------- */

/* The group is netlink's; what fails is its to tell, and nothing of ours is left. */
static void subscribe(void)
{
	struct nlraw nl;
	unsigned int nth = 0, refused = 0;
	bool fired;
	int ret;

	start();
	do {
		require(!nlraw_open(&nl), "no netlink family");
		faults_arm(++nth);
		ret = nl_socket_add_memberships(nl.sock, nl.group, 0);
		fired = faults_disarm();
		check(!ret || (fired && ret == -NLE_NOMEM), "subscription %u: %s", nth,
		      nl_geterror(ret));
		refused += ret < 0;
		check(!ret || !nl_socket_add_memberships(nl.sock, nl.group, 0),
		      "subscription %u: not once more", nth);
		nlraw_close(&nl);
	} while (fired && nth < 100);
	check(!fired && refused, "subscription: %u refused", refused);
}

static struct nl_msg *hsm_new_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_NEW);

	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_AGENT);
	return msg;
}

static bool identity_there(void)
{
	hsm_get(H);
	return nlraw_attr(&H->a, ZKHSM_A_HSM_HSM_ID);
}

/* An identity is made once per load. */
static void hsm_new_undo(void)
{
	nlraw_close(&H->nl);
	nlraw_close(&faults.listener);
	module_reload(PARAMS);
	faults_include("zkhsm_key");
	hsm_reopen(H);
	listener_open(&faults.listener);
}

static void hsm_new(void)
{
	static const struct scenario s[] = {
		{ .name = "hsm-new", .message = hsm_new_msg, .done = identity_there,
		  .undo = hsm_new_undo, .messages = 1, .events = 1, .slow = true },
	};

	start();
	hsm_new_undo();
	sweep(s, LENGTH(s));
	nlraw_close(&H->nl);
	nlraw_close(&faults.listener);
	check(!module_unload(), "rmmod");
	faults_end();
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "hsm", hsm_commands },
		{ "not_supported", not_supported },
		{ "keys", key_commands },
		{ "uses", uses_of_keys },
		{ "evidence", evidence },
		{ "list", list },
		{ "managers", managers },
		{ "orders", orders },
		{ "leases", leases },
		{ "grants", grants },
		{ "subscribe", subscribe },
		{ "hsm_new", hsm_new },
	};

	return faults_run(tests, LENGTH(tests), argc, argv);
}
