// SPDX-License-Identifier: GPL-2.0
/*
 * Values that the policies let through and the module must look at itself:
 * ids, labels, flags, states, variable binaries at their bounds and beyond.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hsm.h"

static struct hsm h;

static void start(void)
{
	if (!h.nl.sock)
		hsm_fresh(&h, NULL);
}

/* Every command that names a key, with these bytes as its id. */
static void bad_id(const void *id, int len, const char *what)
{
	static const uint8_t cmds[] = { ZKHSM_CMD_KEY_NEW, ZKHSM_CMD_KEY_GET, ZKHSM_CMD_KEY_SET,
					ZKHSM_CMD_KEY_DEL, ZKHSM_CMD_KEY_SIGN,
					ZKHSM_CMD_PROOF_GET };
	static const uint8_t digest[32];
	size_t i;

	for (i = 0; i < sizeof(cmds); i++) {
		struct nl_msg *msg = nlraw_msg(&h.nl, cmds[i]);

		nla_put(msg, ZKHSM_A_KEY_ID, len, id);
		switch (cmds[i]) {
		case ZKHSM_CMD_KEY_NEW:
			nla_put_u32(msg, ZKHSM_A_KEY_TYPE, ZKHSM_KEY_TYPE_EC_P256);
			nla_put_u32(msg, ZKHSM_A_KEY_USAGE, SIGN_PROVE);
			break;
		case ZKHSM_CMD_KEY_SIGN:
			nla_put(msg, ZKHSM_A_KEY_DIGEST, 32, digest);
			break;
		case ZKHSM_CMD_PROOF_GET:
			nla_put(msg, ZKHSM_A_PROOF_USER_ID, 6, "client");
			break;
		}
		nlraw_do(&h.nl, msg, &h.a);
		if (len != (int)strlen(id) + 1)
			check_refused(&h.a, EINVAL, ZKHSM_REASON_LENGTH, "command %u, id %s",
				      cmds[i], what);
		else if (cmds[i] == ZKHSM_CMD_KEY_NEW)
			check_refused(&h.a, EINVAL, ZKHSM_REASON_BAD_ID, "key-new, id %s", what);
		else
			check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY,
				      "command %u, id %s", cmds[i], what);
	}
}

static bool allowed(int c, bool first)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
		return true;
	return !first && c && strchr("._@-", c);
}

static void id_characters(void)
{
	char id[4], what[32];
	int c;

	start();
	bad_id("", 1, "empty");
	for (c = 1; c < 256; c++) {
		snprintf(what, sizeof(what), "with 0x%02x", c);
		id[0] = (char)c;
		id[1] = '\0';
		if (!allowed(c, true))
			bad_id(id, 2, what);
		id[0] = 'a';
		id[1] = (char)c;
		id[2] = '\0';
		if (!allowed(c, false))
			bad_id(id, 3, what);
	}
	/* What a reader of C strings would not see. */
	bad_id("ab\0", 4, "with two terminators");
	bad_id("ab\0cd", 6, "with more behind the terminator");
}

static void id_lengths(void)
{
	char id[ZKHSM_ID_MAX_LEN + 1];
	int i;

	start();
	memset(id, 'x', sizeof(id));
	id[ZKHSM_ID_MAX_LEN] = '\0';
	key_new(&h, id);
	check_done(&h.a, "an id of 64");
	key_get(&h, id);
	check(nlraw_attr(&h.a, ZKHSM_A_KEY_ID) &&
	      !strcmp(nla_get_string((struct nlattr *)nlraw_attr(&h.a, ZKHSM_A_KEY_ID)), id),
	      "an id of 64 comes back");
	id[ZKHSM_ID_MAX_LEN - 1] = '\0';
	key_get(&h, id);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "its prefix of 63");
	for (i = 0; i < 4; i++) {
		static const char *const good[] = { "0", "a.b_c@d-e", "Z", "9--" };

		key_new(&h, good[i]);
		check_done(&h.a, "id \"%s\"", good[i]);
	}
}

static void unknown_bits(uint8_t cmd, const char *id, int attr, uint32_t known)
{
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		struct nl_msg *msg;

		if (known & (1u << bit))
			continue;
		msg = id_msg(&h, cmd, id);
		if (cmd == ZKHSM_CMD_KEY_NEW)
			nla_put_u32(msg, ZKHSM_A_KEY_TYPE, ZKHSM_KEY_TYPE_EC_P256);
		if (cmd == ZKHSM_CMD_KEY_NEW && attr != ZKHSM_A_KEY_USAGE)
			nla_put_u32(msg, ZKHSM_A_KEY_USAGE, SIGN_PROVE);
		nla_put_u32(msg, attr, 1u << bit);
		nlraw_do(&h.nl, msg, &h.a);
		check_refused(&h.a, EOPNOTSUPP, ZKHSM_REASON_UNKNOWN_FLAG,
			      "command %u, bit %u of %d", cmd, bit, attr);
	}
}

static void flags(void)
{
	const uint32_t known = ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE | ZKHSM_KEY_FLAG_LEASE_REQUIRED |
			       ZKHSM_KEY_FLAG_GRANT_REQUIRED;

	start();
	key_new(&h, "flags");
	check_done(&h.a, "key-new");
	unknown_bits(ZKHSM_CMD_KEY_NEW, "flags-2", ZKHSM_A_KEY_USAGE, SIGN_PROVE);
	unknown_bits(ZKHSM_CMD_KEY_NEW, "flags-2", ZKHSM_A_KEY_FLAGS, known);
	unknown_bits(ZKHSM_CMD_KEY_SET, "flags", ZKHSM_A_KEY_USAGE, SIGN_PROVE);
	unknown_bits(ZKHSM_CMD_KEY_SET, "flags", ZKHSM_A_KEY_FLAGS, known);
	key_get(&h, "flags-2");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "a key after all");
	key_get(&h, "flags");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) == ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE, "flags");
}

/* Only the kernel says where a key was made and that it never leaves. */
static void claimed_flag(void)
{
	uint8_t scalar[32];
	struct nl_msg *msg;
	int32_t serial;

	start();
	ec_random_scalar(scalar);
	serial = keyring_add("logon", scalar, 32);
	require(serial > 0, "add_key: %s", strerrorname_np(-serial));
	msg = key_new_msg(&h, "claimed");
	nla_put_u32(msg, ZKHSM_A_KEY_KEYRING_SERIAL, (uint32_t)serial);
	nla_put_u32(msg, ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_RESERVED_INPUT, "an import that never left");
	key_import(&h, "claimed", scalar);
	check_done(&h.a, "import");
	key_set_u32(&h, "claimed", ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_RESERVED_INPUT, "said afterwards");
	keyring_drop(serial);
}

static void types(void)
{
	static const uint32_t later[] = { ZKHSM_KEY_TYPE_UNSPEC, ZKHSM_KEY_TYPE_EC_P384 };
	size_t i;

	start();
	for (i = 0; i < 2; i++) {
		struct nl_msg *msg = id_msg(&h, ZKHSM_CMD_KEY_NEW, "type");

		nla_put_u32(msg, ZKHSM_A_KEY_TYPE, later[i]);
		nla_put_u32(msg, ZKHSM_A_KEY_USAGE, SIGN_PROVE);
		nlraw_do(&h.nl, msg, &h.a);
		check_refused(&h.a, EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "type %u", later[i]);
	}
}

static int put_order(int len)
{
	static uint8_t bytes[ZKHSM_ORDER_MAX_LEN + 1] = "ZKHSM";
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_ORDER_APPLY);

	nla_put(msg, ZKHSM_A_ORDER_ORDER, len, bytes);
	return nlraw_do(&h.nl, msg, &h.a);
}

static void orders(void)
{
	start();
	put_order(0);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_LENGTH, "an order of no bytes");
	put_order(1);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "an order of one byte");
	put_order(ZKHSM_ORDER_MAX_LEN);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "an order of 40960 bytes");
	put_order(ZKHSM_ORDER_MAX_LEN + 1);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_LENGTH, "an order of 40961 bytes");
}

static void pin_labelled(const void *label, int len, int error, uint32_t reason)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_NEW);
	struct manager m;

	manager_new(&m);
	nla_put(msg, ZKHSM_A_MANAGER_PUBLIC, 65, m.public);
	nla_put(msg, ZKHSM_A_MANAGER_LABEL, len, label);
	nlraw_do(&h.nl, msg, &h.a);
	if (error)
		check_refused(&h.a, error, reason, "label of %d bytes", len);
	else
		check_done(&h.a, "label of %d bytes", len);
	if (!h.a.error)
		manager_unpin(&h, &m);
	manager_free(&m);
}

static void labels(void)
{
	char label[ZKHSM_LABEL_MAX_LEN + 1];

	start();
	memset(label, 'x', sizeof(label));
	label[ZKHSM_LABEL_MAX_LEN] = '\0';
	pin_labelled(label, sizeof(label), 0, 0);
	pin_labelled("", 1, 0, 0);
	pin_labelled("a\0b", 4, EINVAL, ZKHSM_REASON_LENGTH);
	/* A label ends up in log lines. */
	pin_labelled("a\nb", 4, EINVAL, ZKHSM_REASON_BAD_ID);
	pin_labelled("a\033b", 4, EINVAL, ZKHSM_REASON_BAD_ID);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "id_characters", id_characters },
		{ "id_lengths", id_lengths },
		{ "flags", flags },
		{ "claimed_flag", claimed_flag },
		{ "types", types },
		{ "orders", orders },
		{ "labels", labels },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
