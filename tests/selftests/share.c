// SPDX-License-Identifier: GPL-2.0
/* A KEK from administrators' shares: entered one by one, combined, forgotten. */
#include <errno.h>
#include <keyutils.h>
#include <string.h>

#include "hsm.h"
#include "zkhsm.h"

/* Documentation/protocol.rst, "A share". */
#define AT_TYPE		5
#define AT_VERSION	6
#define AT_KEK_ID	8
#define AT_THRESHOLD	24
#define AT_INDEX	25
#define AT_Y		26
#define AT_CHECK	58

typedef uint8_t share_t[ZKHSM_SHARE_LEN];

static struct hsm h;

/* A module without an identity; nothing is entered. */
static void start(void)
{
	if (!h.nl.sock) {
		module_reload(NULL);
		hsm_reopen(&h);
	}
	nlraw_do(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_SHARE_DEL), &h.a);
	check_done(&h.a, "share-del");
}

static void split(uint32_t threshold, uint32_t count, share_t *shares, uint8_t kek_id[16])
{
	struct zkhsm_error err;

	require(!zkhsm_share_split(NULL, threshold, count, shares, kek_id, &err), "split: %s",
		err.text);
}

static int enter_serial(int32_t serial)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_SHARE_NEW);

	nla_put_u32(msg, ZKHSM_A_SHARE_KEYRING_SERIAL, (uint32_t)serial);
	return nlraw_do(&h.nl, msg, &h.a);
}

static int enter(const uint8_t *share, size_t len)
{
	int32_t serial = keyring_add("logon", share, len);
	int error;

	require(serial > 0, "add_key: %s", strerrorname_np(-serial));
	error = enter_serial(serial);
	keyring_drop(serial);
	return error;
}

static int enter_share(const share_t share)
{
	return enter(share, sizeof(share_t));
}

static int ask(uint8_t cmd, const uint8_t *kek_id)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, cmd);

	if (kek_id)
		nla_put(msg, ZKHSM_A_SHARE_KEK_ID, ZKHSM_KEK_ID_LEN, kek_id);
	return nlraw_do(&h.nl, msg, &h.a);
}

/* In what came back last. */
static void is_there(uint32_t threshold, uint32_t entered, bool complete, const uint8_t *kek_id,
		     const char *what)
{
	const uint8_t *id = nlraw_bytes(&h.a, ZKHSM_A_SHARE_KEK_ID, ZKHSM_KEK_ID_LEN);

	if (!check_done(&h.a, "%s", what))
		return;
	check(nlraw_attr(&h.a, ZKHSM_A_SHARE_THRESHOLD) &&
	      nlraw_u32(&h.a, ZKHSM_A_SHARE_THRESHOLD) == threshold, "%s: threshold", what);
	check(nlraw_attr(&h.a, ZKHSM_A_SHARE_ENTERED) &&
	      nlraw_u32(&h.a, ZKHSM_A_SHARE_ENTERED) == entered, "%s: %u entered, not %u", what,
	      nlraw_u32(&h.a, ZKHSM_A_SHARE_ENTERED), entered);
	check(nlraw_attr(&h.a, ZKHSM_A_SHARE_COMPLETE) &&
	      nlraw_u32(&h.a, ZKHSM_A_SHARE_COMPLETE) == complete, "%s: complete", what);
	check(kek_id ? id && !memcmp(id, kek_id, ZKHSM_KEK_ID_LEN) :
	      !nlraw_attr(&h.a, ZKHSM_A_SHARE_KEK_ID), "%s: the KEK's id", what);
}

static void is_told(uint32_t threshold, uint32_t entered, bool complete, const uint8_t *kek_id,
		    const char *what)
{
	ask(ZKHSM_CMD_SHARE_GET, NULL);
	is_there(threshold, entered, complete, kek_id, what);
}

static void entered(void)
{
	share_t shares[5];
	uint8_t kek_id[16];

	start();
	is_told(0, 0, false, NULL, "before");
	split(3, 5, shares, kek_id);
	enter_share(shares[4]);
	is_there(3, 1, false, kek_id, "the first");
	is_told(3, 1, false, kek_id, "after the first");
	enter_share(shares[0]);
	is_there(3, 2, false, kek_id, "the second");
	enter_share(shares[2]);
	is_there(3, 3, true, kek_id, "the third");
	is_told(3, 3, true, kek_id, "the KEK waits");

	enter_share(shares[1]);
	check_refused(&h.a, EBUSY, ZKHSM_REASON_SHARE, "one more than it takes");
	enter_share(shares[2]);
	check_refused(&h.a, EBUSY, ZKHSM_REASON_SHARE, "one again");
	is_told(3, 3, true, kek_id, "the KEK waits all the same");

	check_done(&h.a, "share-get");
	ask(ZKHSM_CMD_SHARE_DEL, NULL);
	check_done(&h.a, "share-del");
	is_told(0, 0, false, NULL, "after share-del");
	ask(ZKHSM_CMD_SHARE_DEL, NULL);
	check_done(&h.a, "share-del of nothing");
}

/* Any of them in any order, for every threshold. */
static void thresholds(void)
{
	share_t shares[ZKHSM_SHARES_MAX];
	uint8_t kek_id[16];
	uint32_t m, i;

	for (m = 2; m <= ZKHSM_SHARES_MAX; m++) {
		start();
		split(m, ZKHSM_SHARES_MAX, shares, kek_id);
		for (i = 0; i < m; i++) {
			/* Odd steps meet each index once. */
			enter_share(shares[(m + 5 * i) % ZKHSM_SHARES_MAX]);
			is_there(m, i + 1, i + 1 == m, kek_id, "one of many");
		}
	}
}

static void two_of_two(void)
{
	share_t shares[2];
	uint8_t kek_id[16];

	start();
	split(2, 2, shares, kek_id);
	enter_share(shares[1]);
	enter_share(shares[0]);
	is_there(2, 2, true, kek_id, "both");
}

/* The share as it is after a change, with the check that belongs to it. */
static void set_check(share_t share)
{
	uint8_t digest[32];

	ec_sha256(share, AT_CHECK, digest);
	memcpy(share + AT_CHECK, digest, 4);
}

static void mistyped(void)
{
	share_t share, shares[2];
	uint8_t kek_id[16];
	size_t i;

	start();
	split(2, 2, shares, kek_id);
	for (i = 0; i < sizeof(share); i++) {
		memcpy(share, shares[0], sizeof(share));
		share[i] ^= 1u << i % 8;
		enter_share(share);
		check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "byte %zu mistyped", i);
	}
	is_told(0, 0, false, NULL, "nothing has been entered");
}

static void no_share(const share_t good, size_t at, uint8_t value, const char *what)
{
	share_t share;

	memcpy(share, good, sizeof(share));
	share[at] = value;
	set_check(share);
	enter_share(share);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "%s", what);
}

static void malformed(void)
{
	static const int above[] = { 0, 1, 2 };
	share_t share, shares[2];
	uint8_t kek_id[16];
	size_t i;

	start();
	split(2, 2, shares, kek_id);
	no_share(shares[0], 0, 'z', "another magic");
	no_share(shares[0], AT_TYPE, 33, "the type of a record");
	no_share(shares[0], AT_TYPE, 35, "a type that is none");
	no_share(shares[0], AT_VERSION, 1, "version 257");
	no_share(shares[0], AT_VERSION + 1, 0, "version 0");
	no_share(shares[0], AT_VERSION + 1, 2, "version 2");
	no_share(shares[0], AT_THRESHOLD, 0, "threshold 0");
	no_share(shares[0], AT_THRESHOLD, 1, "threshold 1");
	no_share(shares[0], AT_THRESHOLD, 17, "threshold 17");
	no_share(shares[0], AT_THRESHOLD, 255, "threshold 255");
	no_share(shares[0], AT_INDEX, 0, "index 0, where the KEK is");
	no_share(shares[0], AT_INDEX, 17, "index 17");
	no_share(shares[0], AT_INDEX, 255, "index 255");
	for (i = 0; i < sizeof(above) / sizeof(above[0]); i++) {
		memcpy(share, shares[0], sizeof(share));
		ec_order_plus(above[i], share + AT_Y);
		set_check(share);
		enter_share(share);
		check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "y = n + %d", above[i]);
	}
	memset(share + AT_Y, 0xff, 32);
	set_check(share);
	enter_share(share);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "y = 2^256 - 1");
	is_told(0, 0, false, NULL, "nothing has been entered");

	/* The last y that there is; that it makes another KEK is found at the end. */
	ec_order_plus(-1, share + AT_Y);
	set_check(share);
	enter_share(share);
	is_there(2, 1, false, kek_id, "y = n - 1");
}

static void lengths(void)
{
	static const size_t lens[] = { 1, 32, 58, 61, 63, 124, 4096 };
	uint8_t payload[4096] = { 'Z' }, kek_id[16];
	share_t shares[2];
	size_t i;

	start();
	split(2, 2, shares, kek_id);
	memcpy(payload, shares[0], sizeof(shares[0]));
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		enter(payload, lens[i]);
		check_refused(&h.a, EINVAL, ZKHSM_REASON_LENGTH, "%zu bytes", lens[i]);
	}
}

static void keyring(void)
{
	share_t shares[2];
	uint8_t kek_id[16];
	int32_t serial;

	start();
	split(2, 2, shares, kek_id);
	enter_serial(0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_KEYRING, "serial 0");
	enter_serial(KEY_SPEC_PROCESS_KEYRING);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_KEYRING, "the process keyring by its alias");
	enter_serial(INT32_MAX);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_KEYRING, "no such key");
	serial = keyring_add("keyring", NULL, 0);
	require(serial > 0, "add_key");
	enter_serial(serial);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_KEYRING, "a keyring");
	keyring_drop(serial);
	serial = keyring_add("logon", shares[0], sizeof(shares[0]));
	require(serial > 0 && !keyctl_revoke(serial), "revoke");
	enter_serial(serial);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_KEYRING, "a revoked key");
	is_told(0, 0, false, NULL, "nothing has been entered");

	serial = keyring_add("user", shares[0], sizeof(shares[0]));
	require(serial > 0, "add_key");
	enter_serial(serial);
	is_there(2, 1, false, kek_id, "a key of type user");
	keyring_drop(serial);

	nlraw_do(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_SHARE_NEW), &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_MISSING, "no serial");
}

/* What does not go with those that are there changes nothing. */
static void strangers(void)
{
	share_t ours[5], theirs[5], share;
	uint8_t our_id[16], their_id[16];

	start();
	split(3, 5, ours, our_id);
	split(3, 5, theirs, their_id);
	enter_share(ours[0]);
	is_there(3, 1, false, our_id, "ours");
	enter_share(theirs[1]);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_SHARE, "a share of another KEK");
	memcpy(share, ours[1], sizeof(share));
	share[AT_THRESHOLD] = 4;
	set_check(share);
	enter_share(share);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_SHARE, "another threshold");
	enter_share(ours[0]);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_REPEATED, "the same again");
	memcpy(share, ours[1], sizeof(share));
	share[AT_INDEX] = 1;
	set_check(share);
	enter_share(share);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_REPEATED, "another value of the same index");
	is_told(3, 1, false, our_id, "after all of these");
	enter_share(ours[1]);
	is_there(3, 2, false, our_id, "ours again");
	enter_share(ours[4]);
	is_there(3, 3, true, our_id, "ours, the last");
}

/* Checks that are right, and a sum that is not. */
static void wrong_sum(void)
{
	share_t shares[5], share;
	uint8_t kek_id[16];
	int which;

	for (which = 0; which < 3; which++) {
		start();
		split(3, 5, shares, kek_id);
		memcpy(share, shares[which], sizeof(share));
		share[AT_Y + 31] ^= 1;
		set_check(share);
		enter_share(which == 0 ? share : shares[0]);
		enter_share(which == 1 ? share : shares[1]);
		is_there(3, 2, false, kek_id, "two");
		enter_share(which == 2 ? share : shares[2]);
		check_refused(&h.a, EINVAL, ZKHSM_REASON_SHARE, "number %d is false", which);
		is_told(0, 0, false, NULL, "all are forgotten");
	}
	/* A value under another index than it has been made for. */
	start();
	split(2, 5, shares, kek_id);
	memcpy(share, shares[1], sizeof(share));
	share[AT_INDEX] = 3;
	set_check(share);
	enter_share(shares[0]);
	enter_share(share);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_SHARE, "another index");
	enter_share(shares[0]);
	is_there(2, 1, false, kek_id, "from the beginning");
	enter_share(shares[1]);
	is_there(2, 2, true, kek_id, "and now all are right");
}

static void meant(void)
{
	share_t shares[2];
	uint8_t kek_id[16], other[16] = { 0 };

	start();
	ask(ZKHSM_CMD_SHARE_GET, other);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_SHARE, "share-get of zeros, nothing entered");
	ask(ZKHSM_CMD_SHARE_DEL, other);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_SHARE, "share-del of zeros, nothing entered");
	split(2, 2, shares, kek_id);
	enter_share(shares[0]);
	memcpy(other, kek_id, sizeof(other));
	other[15] ^= 1;
	ask(ZKHSM_CMD_SHARE_GET, other);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_SHARE, "share-get of another KEK");
	ask(ZKHSM_CMD_SHARE_DEL, other);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_SHARE, "share-del of another KEK");
	ask(ZKHSM_CMD_SHARE_GET, kek_id);
	is_there(2, 1, false, kek_id, "share-get of this one");
	ask(ZKHSM_CMD_SHARE_DEL, kek_id);
	check_done(&h.a, "share-del of this one");
	is_told(0, 0, false, NULL, "after it");
}

static int hsm_new_of_shares(void)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);

	nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, ZKHSM_KEK_CLASS_SHARES);
	return nlraw_do(&h.nl, msg, &h.a);
}

static void no_identity(void)
{
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_HSM_ID), "there is an identity");
}

static uint8_t head[ZKHSM_HEAD_MAX_LEN];
static size_t head_len;
static uint64_t sequence;

static void keep_head(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a = nlmsg_find_attr((struct nlmsghdr *)nlh, GENL_HDRLEN,
						 ZKHSM_A_SEAL_HEAD);
	const struct nlattr *s = nlmsg_find_attr((struct nlmsghdr *)nlh, GENL_HDRLEN,
						 ZKHSM_A_SEAL_SEQUENCE);

	(void)arg;
	if (!a || !s || (size_t)nla_len(a) > sizeof(head))
		return;
	head_len = (size_t)nla_len(a);
	memcpy(head, nla_data(a), head_len);
	sequence = nla_get_u64((struct nlattr *)s);
}

static void seal(void)
{
	struct nl_msg *msg;

	head_len = 0;
	nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL), keep_head, NULL, &h.a);
	check_done(&h.a, "hsm-seal");
	require(head_len, "no head");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL);
	nla_put_u64(msg, ZKHSM_A_SEAL_SEQUENCE, sequence);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "commit");
}

static int unseal(void)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_UNSEAL);

	nla_put(msg, ZKHSM_A_SEAL_HEAD, (int)head_len, head);
	nla_put_u32(msg, ZKHSM_A_SEAL_FINISH, 1);
	return nlraw_do(&h.nl, msg, &h.a);
}

static void reload(void)
{
	hsm_close(&h);
	module_reload(NULL);
	hsm_reopen(&h);
}

/* The KEK of the shares makes an HSM, once, and brings it back in another load. */
static void taken(void)
{
	uint8_t identity[65], kek_id[16], other_id[16];
	share_t shares[5], others[2];
	const uint8_t *p;

	start();
	split(3, 5, shares, kek_id);
	hsm_new_of_shares();
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_SHARE, "hsm-new without shares");
	enter_share(shares[0]);
	enter_share(shares[1]);
	hsm_new_of_shares();
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_SHARE, "hsm-new with too few");
	no_identity();
	is_told(3, 2, false, kek_id, "those that are there stay");
	enter_share(shares[4]);
	hsm_new_of_shares();
	check_done(&h.a, "hsm-new");
	is_told(0, 0, false, NULL, "taken");
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_FLAGS) == ZKHSM_HSM_FLAG_KEK_SHARES, "flags");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_KEK_CLASS) == ZKHSM_KEK_CLASS_SHARES, "class");
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_KEK_ID, 16);
	check(p && !memcmp(p, kek_id, 16), "the KEK's id");
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_IDENTITY, 65);
	require(p, "no identity");
	memcpy(identity, p, 65);
	seal();

	reload();
	unseal();
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_SHARE, "hsm-unseal without shares");
	split(2, 2, others, other_id);
	enter_share(others[0]);
	enter_share(others[1]);
	unseal();
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_OTHER_KEK, "hsm-unseal by another KEK");
	no_identity();
	nlraw_do(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_SHARE_DEL), &h.a);
	check_done(&h.a, "share-del");
	enter_share(shares[3]);
	enter_share(shares[2]);
	enter_share(shares[0]);
	is_there(3, 3, true, kek_id, "other shares of the same KEK");
	unseal();
	check_done(&h.a, "hsm-unseal");
	is_told(0, 0, false, NULL, "taken");
	hsm_get(&h);
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_IDENTITY, 65);
	check(p && !memcmp(p, identity, 65), "another identity");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_BOOT_COUNT) == 2, "boot count");
	seal();
	reload();
}

/* An HSM that needs no KEK takes none, and shares are entered beside it. */
static void with_identity(void)
{
	share_t shares[2];
	uint8_t kek_id[16];

	start();
	split(2, 2, shares, kek_id);
	enter_share(shares[0]);
	hsm_close(&h);
	hsm_start(&h, 1, 1, 1);
	is_told(2, 1, false, kek_id, "after hsm-new");
	enter_share(shares[1]);
	is_there(2, 2, true, kek_id, "the last");
}

/* Whether what is left is leaked, or its timer fires later, the kernel says. */
static void unloaded(void)
{
	share_t shares[3];
	uint8_t kek_id[16];
	uint32_t i, some;

	for (some = 1; some <= 3; some++) {
		start();
		split(3, 3, shares, kek_id);
		for (i = 0; i < some; i++)
			enter_share(shares[i]);
		is_there(3, some, some == 3, kek_id, "before rmmod");
		hsm_close(&h);
		check(!module_unload(), "rmmod");
		check(!module_load(NULL), "insmod");
		hsm_reopen(&h);
		is_told(0, 0, false, NULL, "another load");
	}
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "entered", entered },
		{ "thresholds", thresholds },
		{ "two_of_two", two_of_two },
		{ "mistyped", mistyped },
		{ "malformed", malformed },
		{ "lengths", lengths },
		{ "keyring", keyring },
		{ "strangers", strangers },
		{ "wrong_sum", wrong_sum },
		{ "meant", meant },
		{ "unloaded", unloaded },
		{ "taken", taken },
		{ "with_identity", with_identity },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
