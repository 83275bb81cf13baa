// SPDX-License-Identifier: GPL-2.0
/*
 * Sealed state that is not whole, not ours, not of one moment, or given by who
 * may not: each refusal by its name, and nothing of it left.
 */
#include <errno.h>
#include <string.h>

#include "sealed.h"

/* Documentation/protocol.rst, "Sealed state". */
#define AT_TYPE		5
#define AT_VERSION	6
#define AT_KEK_ID	8
#define AT_HSM_ID	24
#define AT_SEQUENCE	56
#define AT_CLASS	64
#define AT_BOOT_COUNT	65
#define AT_RECORDS	69
#define AT_HEAD_SALT	73
#define AT_HEAD_LENGTH	105
#define AT_KIND		64
#define AT_NAME_LEN	65
#define AT_NAME		66

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))

static struct hsm h, x;
/* Of one HSM, one after the other; of another HSM; of the first under another KEK. */
static struct sealed s, newer, foreign, rekeyed, bad;
/* Of the first again, before a key of it went and after. */
static struct sealed earlier, later;
static int32_t kek, other_kek;
static struct manager m;

static void store_one(void)
{
	uint8_t element[32];

	manager_new_pinned(&h, &m);
	key_new(&h, "a");
	key_new(&h, "b");
	key_new(&h, "c");
	key_element(&h, "b", element);
	order_one(&h, &m, ZKHSM_ORDER_TYPE_HOLD, 1, element);
	check_done(&h.a, "order-apply");
	sealed_store(&h, &s);
	require(s.count == 4, "%u records", s.count);
}

static void start(void)
{
	if (s.count)
		return;
	kek = sealed_kek(1);
	other_kek = sealed_kek(2);
	sealed_fresh(&h, kek, 1, 1, 1);
	key_new(&h, "a");
	sealed_store(&h, &foreign);

	sealed_fresh(&h, kek, 1, 1, 1);
	store_one();
	key_set_u32(&h, "a", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	check_done(&h.a, "key-set");
	sealed_store(&h, &newer);
	sealed_take(&h, &rekeyed, true, other_kek);
	require(!h.a.error, "rekey: %s", h.a.text);
	sealed_empty(&h);
}

static struct sealed_item *record(struct sealed *of, const char *id)
{
	struct sealed_item *item = sealed_find(of, ZKHSM_RECORD_KIND_KEY, id);

	require(item, "no record of %s", id);
	return item;
}

/* There is no identity, and a right unsealing would work. */
static void nothing_left(const char *after)
{
	sealed_finish(&h, &s);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_UNSEALING, "%s: its attempt goes on", after);
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_HSM_ID) && !nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT) &&
	      !nlraw_attr(&h.a, ZKHSM_A_HSM_CONFIGURATION), "%s: something is there", after);
	key_get(&h, "a");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "%s: key-get", after);
}

static void head_refused(int32_t serial, int error, uint32_t reason, const char *what)
{
	sealed_begin(&h, &bad, serial);
	check_refused(&h.a, error, reason, "%s", what);
	nothing_left(what);
}

/* The head of @s, and what is in @bad as its records. */
static void records_refused(int error, uint32_t reason, const char *what)
{
	bad.head = s.head;
	sealed_restore(&h, &bad, kek);
	check_refused(&h.a, error, reason, "%s", what);
	nothing_left(what);
}

/* --- the head ------------------------------------------------------------------ */

static void keks(void)
{
	static const uint8_t lens[] = { 16, 31, 33, 64 };
	uint8_t bytes[64] = { 1 };
	struct nl_msg *msg;
	int32_t serial;
	size_t i;

	start();
	bad = s;
	head_refused(other_kek, ENOKEY, ZKHSM_REASON_OTHER_KEK, "another KEK");
	head_refused(0, ENOKEY, ZKHSM_REASON_NO_KEK, "no KEK");
	head_refused(INT32_MAX, ENOKEY, ZKHSM_REASON_KEYRING, "a KEK that is not there");
	for (i = 0; i < LENGTH(lens); i++) {
		serial = keyring_add("logon", bytes, lens[i]);
		head_refused(serial, EINVAL, ZKHSM_REASON_LENGTH, "a KEK of another length");
		keyring_drop(serial);
	}
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_UNSEAL);
	nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)kek);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_RESERVED_INPUT, "a KEK alone");
}

static void head_truncated(void)
{
	size_t len;

	start();
	for (len = 1; len < s.head.len; len++) {
		bad.head = s.head;
		bad.head.len = len;
		sealed_begin(&h, &bad, kek);
		check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "%zu of %zu bytes", len,
			      s.head.len);
	}
	bad.head = s.head;
	bad.head.bytes[bad.head.len++] = 0;
	head_refused(kek, EBADMSG, ZKHSM_REASON_MALFORMED, "a byte too many");
	bad.head.len = 0;
	head_refused(kek, EINVAL, ZKHSM_REASON_LENGTH, "no byte");
}

/* What must come out when the byte at @at of the head is @byte. */
static int head_error(size_t at, uint8_t byte, uint32_t *reason)
{
	*reason = ZKHSM_REASON_MALFORMED;
	if (at < AT_VERSION)
		return EBADMSG;
	if (at < AT_KEK_ID) {
		*reason = at == AT_VERSION || byte > 1 ? ZKHSM_REASON_NOT_SUPPORTED : *reason;
		return *reason == ZKHSM_REASON_NOT_SUPPORTED ? EOPNOTSUPP : EBADMSG;
	}
	if (at < AT_HSM_ID) {
		*reason = ZKHSM_REASON_OTHER_KEK;
		return ENOKEY;
	}
	if (at == AT_CLASS && byte == ZKHSM_KEK_CLASS_SHARES) {
		*reason = ZKHSM_REASON_SHARE;
		return ENOKEY;
	}
	if (at == AT_CLASS && byte == ZKHSM_KEK_CLASS_TPM) {
		*reason = ZKHSM_REASON_NO_KEK;
		return ENOKEY;
	}
	if (at == AT_CLASS || (!byte && (at == AT_SEQUENCE + 7 || at == AT_BOOT_COUNT + 3)) ||
	    (at >= AT_HEAD_LENGTH && at < AT_HEAD_LENGTH + 4))
		return EBADMSG;
	*reason = ZKHSM_REASON_AUTHENTICATION;
	return EKEYREJECTED;
}

static void head_altered(void)
{
	static const uint8_t flips[] = { 0x01, 0x02, 0x80 };
	uint32_t reason;
	size_t at, i;
	int error;

	start();
	for (at = 0; at < s.head.len; at++) {
		/* All of what is in the clear, some of what is not. */
		if (at > AT_HEAD_LENGTH + 8 && at % 13 && at < s.head.len - 16)
			continue;
		for (i = 0; i < LENGTH(flips); i++) {
			bad.head = s.head;
			bad.head.bytes[at] ^= flips[i];
			error = head_error(at, bad.head.bytes[at], &reason);
			sealed_begin(&h, &bad, kek);
			check_refused(&h.a, error, reason, "byte %zu ^ %02x", at, flips[i]);
		}
	}
	nothing_left("altered heads");
	bad.head = s.head;
	memset(bad.head.bytes + AT_SEQUENCE, 0, 8);
	head_refused(kek, EBADMSG, ZKHSM_REASON_MALFORMED, "sequence 0");
	bad.head = s.head;
	memset(bad.head.bytes + AT_BOOT_COUNT, 0, 4);
	head_refused(kek, EBADMSG, ZKHSM_REASON_MALFORMED, "boot count 0");
	bad.head = *record(&s, "a");
	head_refused(kek, EBADMSG, ZKHSM_REASON_MALFORMED, "a record for a head");
	bad.head = rekeyed.head;
	head_refused(kek, ENOKEY, ZKHSM_REASON_OTHER_KEK, "a head after a rekey");
}

/* --- records ------------------------------------------------------------------- */

static void record_truncated(void)
{
	struct sealed_item *item;
	size_t len, full;

	start();
	bad = s;
	item = record(&bad, "b");
	full = item->len;
	for (len = full - 1; len; len -= len > 16 ? 7 : 1) {
		item->len = len;
		sealed_restore(&h, &bad, kek);
		check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "%zu of %zu bytes", len, full);
	}
	item->len = full;
	item->bytes[item->len++] = 0;
	records_refused(EBADMSG, ZKHSM_REASON_MALFORMED, "a byte too many");
}

static int record_error(const struct sealed_item *item, size_t at, uint32_t *reason)
{
	const size_t name_end = AT_NAME + 1, length = name_end + 32;
	uint8_t byte = item->bytes[at];

	*reason = ZKHSM_REASON_MALFORMED;
	if (at < AT_VERSION || at == AT_KIND || at == AT_NAME_LEN ||
	    (at >= length && at < length + 4))
		return EBADMSG;
	if (at < AT_KEK_ID) {
		*reason = at == AT_VERSION || byte > 1 ? ZKHSM_REASON_NOT_SUPPORTED : *reason;
		return *reason == ZKHSM_REASON_NOT_SUPPORTED ? EOPNOTSUPP : EBADMSG;
	}
	if (at < AT_HSM_ID) {
		*reason = ZKHSM_REASON_OTHER_KEK;
		return ENOKEY;
	}
	if (at < AT_SEQUENCE) {
		*reason = ZKHSM_REASON_OTHER_HSM;
		return EKEYREJECTED;
	}
	if (at < AT_KIND) {
		*reason = ZKHSM_REASON_RECORD_NEWER;
		return ESTALE;
	}
	if (at == AT_NAME && (byte == ('a' ^ 0x80) || byte == ('a' ^ 1)))
		return EBADMSG;
	*reason = ZKHSM_REASON_AUTHENTICATION;
	return EKEYREJECTED;
}

static void record_altered(void)
{
	struct sealed_item *item;
	uint32_t reason;
	size_t at;
	int error;

	start();
	bad = s;
	item = record(&bad, "a");
	require(item->bytes[AT_NAME] == 'a' && item->bytes[AT_NAME_LEN] == 1, "no key record");
	for (at = 0; at < item->len; at++) {
		if (at > AT_NAME + 40 && at % 11 && at < item->len - 16)
			continue;
		/* Sets the highest bit; what follows is a larger number, or no ASCII. */
		item->bytes[at] ^= 0x80;
		error = record_error(item, at, &reason);
		sealed_restore(&h, &bad, kek);
		check_refused(&h.a, error, reason, "byte %zu ^ 80", at);
		item->bytes[at] ^= 0x80;
	}
	nothing_left("altered records");
	/* One key's record under another's name. */
	item->bytes[AT_NAME] = 'z';
	records_refused(EKEYREJECTED, ZKHSM_REASON_AUTHENTICATION, "another name");
	item->bytes[AT_NAME] = 'a';
	item->bytes[AT_SEQUENCE + 7] = 0;
	records_refused(EBADMSG, ZKHSM_REASON_MALFORMED, "sequence 0");
}

static void strangers(void)
{
	start();
	bad = s;
	*record(&bad, "a") = *record(&foreign, "a");
	records_refused(EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, "a record of another HSM");
	bad = s;
	*record(&bad, "a") = *record(&rekeyed, "a");
	records_refused(ENOKEY, ZKHSM_REASON_OTHER_KEK, "a record under another KEK");
	bad = s;
	*record(&bad, "a") = *record(&newer, "a");
	records_refused(ESTALE, ZKHSM_REASON_RECORD_NEWER, "a record newer than the head");
	bad = s;
	memcpy(record(&bad, "a")->bytes, s.head.bytes, s.head.len);
	record(&bad, "a")->len = s.head.len;
	records_refused(EBADMSG, ZKHSM_REASON_MALFORMED, "a head for a record");
}

static void not_whole(void)
{
	start();
	bad = newer;
	*record(&bad, "a") = *record(&s, "a");
	sealed_restore(&h, &bad, kek);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_RECORD_OLDER, "a record older than the head's");
	nothing_left("an older record");
	bad = s;
	bad.count--;
	records_refused(ENODATA, ZKHSM_REASON_RECORDS_MISSING, "a record is missing");
	bad.count = 0;
	records_refused(ENODATA, ZKHSM_REASON_RECORDS_MISSING, "all records are missing");
	bad = s;
	bad.records[bad.count++] = *record(&s, "a");
	records_refused(EINVAL, ZKHSM_REASON_REPEATED, "a key twice");
	bad = s;
	bad.records[bad.count++] = bad.records[3];
	require(bad.records[3].kind == ZKHSM_RECORD_KIND_VOTES, "no record of votes");
	records_refused(EINVAL, ZKHSM_REASON_REPEATED, "votes twice");
}

/* One more than the head counts, though it belongs to this HSM and KEK and is not newer. */
static void too_many(void)
{
	start();
	sealed_empty(&h);
	sealed_restore(&h, &newer, kek);
	check_done(&h.a, "hsm-unseal");
	key_new(&h, "d");
	sealed_store(&h, &earlier);
	key_del(&h, "c");
	check_done(&h.a, "key-del");
	later = earlier;
	sealed_changes(&h, &bad);
	check(bad.removed == 1 && bad.count == 1, "%u of %u removed", bad.removed, bad.count);
	sealed_commit(&h, &bad);
	check_done(&h.a, "commit");
	sealed_merge(&later, &bad);
	sealed_empty(&h);
	bad = later;
	bad.records[bad.count++] = *record(&earlier, "c");
	sealed_restore(&h, &bad, kek);
	check_refused(&h.a, ENODATA, ZKHSM_REASON_RECORDS_MISSING, "a deleted key's record");
	nothing_left("a deleted key's record");
	/* In the place of another the count is right, and the digest is not. */
	bad = later;
	*record(&bad, "d") = *record(&earlier, "c");
	sealed_restore(&h, &bad, kek);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_RECORD_OLDER, "it, in another's place");
	nothing_left("it, in another's place");
	sealed_restore(&h, &earlier, kek);
	check_done(&h.a, "the state in which it was there");
	sealed_empty(&h);
}

/* --- sockets ------------------------------------------------------------------- */

static void add(struct hsm *by, const struct sealed_item *item)
{
	struct nl_msg *msg = nlraw_msg(&by->nl, ZKHSM_CMD_HSM_UNSEAL);

	nla_put(msg, ZKHSM_A_SEAL_RECORD, (int)item->len, item->bytes);
	nlraw_do(&by->nl, msg, &by->a);
}

static void two_sockets(void)
{
	start();
	nothing_left("nothing");
	hsm_reopen(&x);
	sealed_begin(&h, &s, kek);
	check_done(&h.a, "the head by one");
	add(&x, record(&s, "a"));
	check_refused(&x.a, ENOKEY, ZKHSM_REASON_NOT_UNSEALING, "a record by the other");
	sealed_finish(&x, &bad);
	check_refused(&x.a, ENOKEY, ZKHSM_REASON_NOT_UNSEALING, "the end by the other");
	add(&h, record(&s, "a"));
	check_done(&h.a, "a record by one");
	check(nlraw_u32(&h.a, ZKHSM_A_SEAL_RECORDS) == 1 && !nlraw_u32(&h.a, ZKHSM_A_SEAL_FINISH),
	      "records in the reply");
	/* The last to begin is who goes on. */
	sealed_begin(&x, &s, kek);
	check_done(&x.a, "the head by the other");
	add(&h, record(&s, "b"));
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NOT_UNSEALING, "a record by who was dropped");
	add(&x, record(&s, "a"));
	check_done(&x.a, "the same record by the other");
	hsm_close(&x);
	nothing_left("a closed socket");
}

/* What is not finished is nobody's business, and an identity of its own ends it. */
static void in_the_middle(void)
{
	start();
	sealed_begin(&h, &s, kek);
	add(&h, record(&s, "a"));
	check_done(&h.a, "a record");
	hsm_reopen(&x);
	hsm_get(&x);
	check(!nlraw_attr(&x.a, ZKHSM_A_HSM_HSM_ID) && !nlraw_u32(&x.a, ZKHSM_A_HSM_KEY_COUNT),
	      "what is being unsealed is told");
	key_get(&x, "a");
	check_refused(&x.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "key-get in the middle");
	sealed_changes(&x, &bad);
	check_refused(&x.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "hsm-seal in the middle");
	/* rmmod waits for no socket. */
	hsm_close(&x);
	sealed_empty(&h);
	sealed_begin(&h, &s, kek);
	add(&h, record(&s, "b"));
	check_done(&h.a, "a record");
	sealed_new(&h, kek, 1, 1, 1);
	check_done(&h.a, "hsm-new in the middle");
	hsm_get(&h);
	check(!nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT), "a key of what was dropped");
	add(&h, record(&s, "a"));
	check_refused(&h.a, EEXIST, ZKHSM_REASON_IDENTITY_EXISTS, "a record after hsm-new");
	sealed_restore(&h, &s, kek);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_IDENTITY_EXISTS, "hsm-unseal after hsm-new");
	manager_pin(&h, &m);
	check_done(&h.a, "the manager of what was dropped");
	sealed_empty(&h);
}

/* All in one message, and after all that was refused before. */
static void at_once(void)
{
	struct nl_msg *msg;
	unsigned int i;

	start();
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_UNSEAL);
	nla_put_u32(msg, ZKHSM_A_SEAL_FINISH, 1);
	for (i = 0; i < newer.count; i++)
		nla_put(msg, ZKHSM_A_SEAL_RECORD, (int)newer.records[i].len, newer.records[i].bytes);
	nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)kek);
	nla_put(msg, ZKHSM_A_SEAL_HEAD, (int)newer.head.len, newer.head.bytes);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "hsm-unseal in one message");
	check(key_state(&h, "a") == ZKHSM_KEY_STATE_DEACTIVATED, "a is not as it was");
	check(key_state(&h, "b") == ZKHSM_KEY_STATE_HELD, "b is not as it was");
	sealed_restore(&h, &newer, kek);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_IDENTITY_EXISTS, "hsm-unseal once more");
	sealed_new(&h, kek, 1, 1, 1);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_IDENTITY_EXISTS, "hsm-new of what was unsealed");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "keks", keks },
		{ "head_truncated", head_truncated },
		{ "head_altered", head_altered },
		{ "record_truncated", record_truncated },
		{ "record_altered", record_altered },
		{ "strangers", strangers },
		{ "not_whole", not_whole },
		{ "too_many", too_many },
		{ "two_sockets", two_sockets },
		{ "in_the_middle", in_the_middle },
		{ "at_once", at_once },
	};

	return ktap_run(tests, LENGTH(tests), argc, argv);
}
