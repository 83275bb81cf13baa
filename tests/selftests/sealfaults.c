// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing and unsealing while memory gives out, see faults_sweep.c: a KEK, its
 * shares, what is given out and committed, and the way back.
 */
#include <errno.h>
#include <string.h>

#include "faults.h"
#include "sealed.h"
#include "zkhsm.h"

#define H		(&faults.h)
#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define SHARES		3

static struct sealed s, c;
static uint8_t shares[SHARES][ZKHSM_SHARE_LEN];
static int32_t kek, other_kek, share;

/* An empty module, and a listener. */
static void empty(void)
{
	nlraw_close(&faults.listener);
	sealed_empty(H);
	faults_include("zkhsm_key");
	listener_open(&faults.listener);
}

static void start(void)
{
	uint8_t kek_id[16];
	struct zkhsm_error err;

	faults_begin();
	if (kek)
		return;
	kek = sealed_kek(5);
	other_kek = sealed_kek(6);
	require(!zkhsm_share_split(NULL, SHARES, SHARES, shares, kek_id, &err), "split: %s",
		err.text);
	share = keyring_add("logon", shares[0], ZKHSM_SHARE_LEN);
	require(share > 0, "add_key");
}

/* An HSM with keys, one of them held, and another element voted on; all of it stored. */
static void populated(void)
{
	uint8_t elements[2][32] = { { 7 } };
	struct order order;

	start();
	if (s.count)
		return;
	empty();
	sealed_new(H, kek, 1, 1, 1);
	require(!H->a.error, "hsm-new: %s", H->a.text);
	manager_new_pinned(H, &faults.m);
	key_new(H, "a");
	key_new(H, "b");
	key_element(H, "b", elements[1]);
	order_make(&order, &faults.m, ZKHSM_ORDER_TYPE_HOLD, H->id, 1, 1,
		   (const uint8_t (*)[32])elements, 2);
	order_apply(H, &order);
	require(!H->a.error, "order-apply: %s", H->a.text);
	sealed_store(H, &s);
	require(s.count == 4, "%u records", s.count);
}

/* --- hsm-new ------------------------------------------------------------------- */

static struct nl_msg *hsm_new_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_NEW);

	nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, ZKHSM_KEK_CLASS_KEYRING);
	nla_put_u32(msg, ZKHSM_A_HSM_KEYRING_SERIAL, (uint32_t)kek);
	return msg;
}

static bool identity_there(void)
{
	hsm_get(H);
	return nlraw_attr(&H->a, ZKHSM_A_HSM_HSM_ID) && nlraw_attr(&H->a, ZKHSM_A_HSM_KEK_ID);
}

static void hsm_new(void)
{
	static const struct scenario scenarios[] = {
		{ .name = "hsm-new (kek)", .message = hsm_new_msg, .done = identity_there,
		  .undo = empty, .messages = 1, .events = 1, .slow = true },
	};

	start();
	empty();
	sweep(scenarios, LENGTH(scenarios));
}

/* --- shares -------------------------------------------------------------------- */

static struct nl_msg *share_new_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_SHARE_NEW);

	nla_put_u32(msg, ZKHSM_A_SHARE_KEYRING_SERIAL, (uint32_t)share);
	return msg;
}

static struct nl_msg *share_get_msg(void) { return nlraw_msg(&H->nl, ZKHSM_CMD_SHARE_GET); }
static struct nl_msg *share_del_msg(void) { return nlraw_msg(&H->nl, ZKHSM_CMD_SHARE_DEL); }

static uint32_t entered(void)
{
	nlraw_do(&H->nl, share_get_msg(), &H->a);
	require(!H->a.error, "share-get: %s", H->a.text);
	return nlraw_u32(&H->a, ZKHSM_A_SHARE_ENTERED);
}

static bool one_entered(void) { return entered() == 1; }
static bool none_entered(void) { return !entered(); }
static bool all_entered(void) { return entered() == SHARES; }

static void forget(void)
{
	nlraw_do(&H->nl, share_del_msg(), &H->a);
	require(!H->a.error, "share-del: %s", H->a.text);
}

static void enter_one(void)
{
	if (!entered())
		nlraw_do(&H->nl, share_new_msg(), &H->a);
	require(!H->a.error, "share-new: %s", H->a.text);
}

/* Shares that fail to combine are forgotten: only the first must be as before. */
static void enter_but_one(void)
{
	struct nl_msg *msg;
	int32_t serial;
	int i;

	forget();
	for (i = 1; i < SHARES; i++) {
		serial = keyring_add("logon", shares[i], ZKHSM_SHARE_LEN);
		msg = nlraw_msg(&H->nl, ZKHSM_CMD_SHARE_NEW);
		nla_put_u32(msg, ZKHSM_A_SHARE_KEYRING_SERIAL, (uint32_t)serial);
		nlraw_do(&H->nl, msg, &H->a);
		require(!H->a.error, "share-new: %s", H->a.text);
		keyring_drop(serial);
	}
}

static void share_commands(void)
{
	static const struct scenario scenarios[] = {
		{ .name = "share-new", .message = share_new_msg, .done = one_entered,
		  .undo = forget, .messages = 1 },
		{ .name = "share-new (last)", .prepare = enter_but_one, .message = share_new_msg,
		  .done = all_entered, .undo = forget, .messages = 1 },
		{ .name = "share-get", .prepare = enter_one, .message = share_get_msg,
		  .messages = 1 },
		{ .name = "share-del", .prepare = enter_one, .message = share_del_msg,
		  .done = none_entered },
	};

	start();
	empty();
	sweep(scenarios, LENGTH(scenarios));
	forget();
}

/* --- hsm-seal ------------------------------------------------------------------ */

static struct nl_msg *seal_msg(int attr)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_SEAL);

	if (attr)
		nla_put_u32(msg, attr, 1);
	if (attr == ZKHSM_A_SEAL_REKEY)
		nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)other_kek);
	return msg;
}

static struct nl_msg *changes_msg(void) { return seal_msg(0); }
static struct nl_msg *full_msg(void) { return seal_msg(ZKHSM_A_SEAL_FULL); }
static struct nl_msg *rekey_msg(void) { return seal_msg(ZKHSM_A_SEAL_REKEY); }

static void toggle(void)
{
	key_set_u32(H, "a", ZKHSM_A_KEY_STATE,
		    key_state(H, "a") == ZKHSM_KEY_STATE_ACTIVE ? ZKHSM_KEY_STATE_DEACTIVATED :
								  ZKHSM_KEY_STATE_ACTIVE);
	require(!H->a.error, "key-set: %s", H->a.text);
}

static struct nl_msg *commit_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_SEAL);

	nla_put_u64(msg, ZKHSM_A_SEAL_SEQUENCE, c.sequence);
	return msg;
}

static void give_out(void)
{
	toggle();
	sealed_changes(H, &c);
	require(!H->a.error && c.count, "hsm-seal: %s", H->a.text);
}

static bool is_committed(void)
{
	hsm_get(H);
	return nlraw_u64(&H->a, ZKHSM_A_HSM_SEQUENCE) == c.sequence &&
	       !nlraw_u32(&H->a, ZKHSM_A_HSM_UNSEALED);
}

static void merge(void)
{
	sealed_merge(&s, &c);
}

static void seal(void)
{
	static const struct scenario scenarios[] = {
		{ .name = "hsm-seal", .prepare = toggle, .message = changes_msg, .dump = true },
		{ .name = "hsm-seal (commit)", .prepare = give_out, .message = commit_msg,
		  .done = is_committed, .undo = merge, .messages = 1 },
		{ .name = "hsm-seal (full)", .message = full_msg, .dump = true },
		{ .name = "hsm-seal (rekey)", .message = rekey_msg, .dump = true },
	};

	populated();
	sweep(scenarios, LENGTH(scenarios));
}

static void opens(void)
{
	empty();
	sealed_restore(H, &s, kek);
	require(!H->a.error, "hsm-unseal: %s", H->a.text);
	sealed_changes(H, &c);
	sealed_commit(H, &c);
	require(!H->a.error, "commit: %s", H->a.text);
	merge();
}

/*
 * A sealing that failed says nothing of the one before, which may be in the
 * store and is committed, or is not: what the store has fits in either case.
 */
static void overtaken(void)
{
	unsigned int nth = 0, refused = 0;
	bool fired;

	populated();
	opens();
	do {
		give_out();
		nth++;
		/* Other bytes for the same records. */
		faults_arm(nth);
		if (!nlraw_send(&H->nl, changes_msg(), NLM_F_DUMP))
			nlraw_receive(&H->nl, NULL, NULL, &H->a);
		fired = faults_disarm();
		/* Netlink may still hold a dump that broke off. */
		hsm_close(H);
		hsm_reopen(H);
		sealed_commit(H, &c);
		if (H->a.error)
			check_refused(&H->a, ESTALE, ZKHSM_REASON_SEQUENCE, "commit %u", nth);
		else
			merge();
		refused += !H->a.error;
		if (nth % 16 == 0 || !fired)
			opens();
	} while (fired && nth < 500);
	check(!fired && refused, "%u sealings, of which %u failed", nth, refused);
}

/* --- hsm-unseal ---------------------------------------------------------------- */

static struct nl_msg *unseal_msg(bool records, bool finish)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_UNSEAL);
	unsigned int i;

	nla_put(msg, ZKHSM_A_SEAL_HEAD, (int)s.head.len, s.head.bytes);
	nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)kek);
	for (i = 0; records && i < s.count; i++)
		nla_put(msg, ZKHSM_A_SEAL_RECORD, (int)s.records[i].len, s.records[i].bytes);
	if (finish)
		nla_put_u32(msg, ZKHSM_A_SEAL_FINISH, 1);
	return msg;
}

static struct nl_msg *head_msg(void) { return unseal_msg(false, false); }
static struct nl_msg *records_msg(void) { return unseal_msg(true, false); }
static struct nl_msg *whole_msg(void) { return unseal_msg(true, true); }

static bool restored(void)
{
	return identity_there() && key_state(H, "b") == ZKHSM_KEY_STATE_HELD;
}

static void unseal(void)
{
	static const struct scenario scenarios[] = {
		{ .name = "hsm-unseal (head)", .message = head_msg, .messages = 1, .slow = true },
		{ .name = "hsm-unseal (records)", .message = records_msg, .messages = 1,
		  .slow = true },
		{ .name = "hsm-unseal", .message = whole_msg, .done = restored, .undo = empty,
		  .messages = 1, .events = 1, .slow = true },
	};

	populated();
	empty();
	sweep(scenarios, LENGTH(scenarios));
	nlraw_close(&faults.listener);
	hsm_close(H);
	check(!module_unload(), "rmmod");
	faults_end();
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "hsm_new", hsm_new },
		{ "shares", share_commands },
		{ "seal", seal },
		{ "overtaken", overtaken },
		{ "unseal", unseal },
	};

	return faults_run(tests, LENGTH(tests), argc, argv);
}
