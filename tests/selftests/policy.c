// SPDX-License-Identifier: GPL-2.0
/*
 * Every attribute of every command, in every wrong form that its type has: the
 * generated policies refuse it before any handler runs, so there is an errno
 * and a sentence, but no reason of ours (0) except where a handler asks for
 * what is missing.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>

#include "hsm.h"

enum kind { U32, U64, STRING, EXACT, BINARY, NEST };

/* @len: exact length; of a string, the longest without its terminator. */
struct field {
	int type;
	enum kind kind;
	int len;
	bool mandatory;
	uint32_t above;		/* U32: the lowest value too large, 0 if none is */
	bool not_zero;
};

#define FIELDS_MAX	10

struct command {
	const char *name;
	uint8_t cmd;
	int last;		/* of the attribute set */
	bool dump;
	struct field fields[FIELDS_MAX];
};

#define ID		{ ZKHSM_A_KEY_ID, STRING, ZKHSM_ID_MAX_LEN, true, 0, false }
#define COUNT(attr)	{ attr, U32, 4, false, ZKHSM_MANAGERS_MAX + 1, true }
#define QUORUMS		COUNT(ZKHSM_A_HSM_QUORUM), COUNT(ZKHSM_A_HSM_STOP), \
			COUNT(ZKHSM_A_HSM_WIPE), { ZKHSM_A_HSM_AGENT_UID, U32, 4, false, 0, false }
#define ENFORCED	{ ZKHSM_A_HSM_ENFORCE_GRACE_MS, U64, 8, false, 0, false }, \
			{ ZKHSM_A_HSM_MAX_TTL_MS, U64, 8, false, 0, false }
#define ONLY_HSM_ID	{ ZKHSM_A_HSM_HSM_ID, EXACT, 32, false, 0, false }

static const struct command commands[] = {
	{ "hsm-new", ZKHSM_CMD_HSM_NEW, ZKHSM_A_HSM_MAX, false, {
		QUORUMS,
		ENFORCED,
		{ ZKHSM_A_HSM_KEK_CLASS, U32, 4, false, ZKHSM_KEK_CLASS_TPM + 1, false },
		{ ZKHSM_A_HSM_KEYRING_SERIAL, U32, 4, false, 0, false },
		{ ZKHSM_A_HSM_TPM_PCRS, U32, 4, false, 0, false },
		{ ZKHSM_A_HSM_COUNTER_INDEX, U32, 4, false, 0, false },
	} },
	{ "hsm-get", ZKHSM_CMD_HSM_GET, ZKHSM_A_HSM_MAX, false, { ONLY_HSM_ID } },
	{ "hsm-set", ZKHSM_CMD_HSM_SET, ZKHSM_A_HSM_MAX, false, { QUORUMS, ENFORCED } },
	{ "hsm-lock", ZKHSM_CMD_HSM_LOCK, ZKHSM_A_HSM_MAX, false, { ONLY_HSM_ID } },
	{ "hsm-seal", ZKHSM_CMD_HSM_SEAL, ZKHSM_A_SEAL_MAX, true, {
		{ ZKHSM_A_SEAL_SEQUENCE, U64, 8, false, 0, false },
		{ ZKHSM_A_SEAL_FULL, U32, 4, false, 2, false },
		{ ZKHSM_A_SEAL_REKEY, U32, 4, false, 2, false },
		{ ZKHSM_A_SEAL_KEYRING_SERIAL, U32, 4, false, 0, false },
	} },
	{ "hsm-unseal", ZKHSM_CMD_HSM_UNSEAL, ZKHSM_A_SEAL_MAX, false, {
		{ ZKHSM_A_SEAL_HEAD, BINARY, 200, false, 0, false },
		{ ZKHSM_A_SEAL_KEYRING_SERIAL, U32, 4, false, 0, false },
		{ ZKHSM_A_SEAL_KEK_BLOB, BINARY, 200, false, 0, false },
		{ ZKHSM_A_SEAL_RECORD, BINARY, 200, false, 0, false },
		{ ZKHSM_A_SEAL_FINISH, U32, 4, false, 2, false },
	} },
	{ "key-new", ZKHSM_CMD_KEY_NEW, ZKHSM_A_KEY_MAX, false, {
		ID,
		{ ZKHSM_A_KEY_TYPE, U32, 4, false, ZKHSM_KEY_TYPE_EC_P384 + 1, false },
		{ ZKHSM_A_KEY_USAGE, U32, 4, false, 0, false },
		{ ZKHSM_A_KEY_FLAGS, U32, 4, false, 0, false },
		{ ZKHSM_A_KEY_OWNER_UID, U32, 4, false, 0, false },
		{ ZKHSM_A_KEY_STATE, U32, 4, false, ZKHSM_KEY_STATE_COMPROMISED + 1, false },
		{ ZKHSM_A_KEY_KEYRING_SERIAL, U32, 4, false, 0, false },
	} },
	{ "key-get", ZKHSM_CMD_KEY_GET, ZKHSM_A_KEY_MAX, true, { ID } },
	{ "key-set", ZKHSM_CMD_KEY_SET, ZKHSM_A_KEY_MAX, false, {
		ID,
		{ ZKHSM_A_KEY_USAGE, U32, 4, false, 0, false },
		{ ZKHSM_A_KEY_FLAGS, U32, 4, false, 0, false },
		{ ZKHSM_A_KEY_STATE, U32, 4, false, ZKHSM_KEY_STATE_COMPROMISED + 1, false },
		{ ZKHSM_A_KEY_OWNER_UID, U32, 4, false, 0, false },
	} },
	{ "key-del", ZKHSM_CMD_KEY_DEL, ZKHSM_A_KEY_MAX, false, { ID } },
	{ "key-sign", ZKHSM_CMD_KEY_SIGN, ZKHSM_A_KEY_MAX, false, {
		ID,
		{ ZKHSM_A_KEY_DIGEST, EXACT, 32, true, 0, false },
		{ ZKHSM_A_KEY_GRANT, EXACT, 320, false, 0, false },
		{ ZKHSM_A_KEY_CLIENT_SIGNATURE, EXACT, 64, false, 0, false },
	} },
	{ "key-mac", ZKHSM_CMD_KEY_MAC, ZKHSM_A_KEY_MAX, false, { ID } },
	{ "key-derive", ZKHSM_CMD_KEY_DERIVE, ZKHSM_A_KEY_MAX, false, { ID } },
	{ "proof-get", ZKHSM_CMD_PROOF_GET, ZKHSM_A_PROOF_MAX, false, {
		ID,
		{ ZKHSM_A_PROOF_USER_ID, BINARY, 5, true, 0, false },
		{ ZKHSM_A_PROOF_OTHER_INFO, BINARY, 5, false, 0, false },
		{ ZKHSM_A_PROOF_GRANT, EXACT, 320, false, 0, false },
		{ ZKHSM_A_PROOF_CLIENT_SIGNATURE, EXACT, 64, false, 0, false },
	} },
	{ "evidence-get", ZKHSM_CMD_EVIDENCE_GET, ZKHSM_A_EVIDENCE_MAX, false, {
		{ ZKHSM_A_EVIDENCE_CHALLENGE, NEST, 72, true, 0, false },
		{ ZKHSM_A_EVIDENCE_LIST_DIGEST, EXACT, 32, false, 0, false },
		{ ZKHSM_A_EVIDENCE_OFFLINE, U32, 4, false, 2, false },
	} },
	{ "list-get", ZKHSM_CMD_LIST_GET, ZKHSM_A_LIST_MAX, true, {
		{ ZKHSM_A_LIST_DIGEST, EXACT, 32, false, 0, false },
	} },
	{ "trust-new", ZKHSM_CMD_TRUST_NEW, ZKHSM_A_MANAGER_MAX, false, {
		{ ZKHSM_A_MANAGER_PUBLIC, EXACT, 65, true, 0, false },
		{ ZKHSM_A_MANAGER_LABEL, STRING, ZKHSM_LABEL_MAX_LEN, false, 0, false },
	} },
	{ "trust-get", ZKHSM_CMD_TRUST_GET, ZKHSM_A_MANAGER_MAX, true, {
		{ ZKHSM_A_MANAGER_MANAGER_ID, EXACT, 32, true, 0, false },
	} },
	{ "trust-del", ZKHSM_CMD_TRUST_DEL, ZKHSM_A_MANAGER_MAX, false, {
		{ ZKHSM_A_MANAGER_MANAGER_ID, EXACT, 32, true, 0, false },
	} },
	{ "order-apply", ZKHSM_CMD_ORDER_APPLY, ZKHSM_A_ORDER_MAX, false, {
		{ ZKHSM_A_ORDER_ORDER, BINARY, 200, true, 0, false },
	} },
	{ "lease-get", ZKHSM_CMD_LEASE_GET, ZKHSM_A_LEASE_MAX, true, {
		{ ZKHSM_A_LEASE_MANAGER_ID, EXACT, 32, true, 0, false },
	} },
	{ "share-new", ZKHSM_CMD_SHARE_NEW, ZKHSM_A_SHARE_MAX, false, {
		{ ZKHSM_A_SHARE_KEYRING_SERIAL, U32, 4, true, 0, false },
	} },
	{ "share-get", ZKHSM_CMD_SHARE_GET, ZKHSM_A_SHARE_MAX, false, {
		{ ZKHSM_A_SHARE_KEK_ID, EXACT, 16, false, 0, false },
	} },
	{ "share-del", ZKHSM_CMD_SHARE_DEL, ZKHSM_A_SHARE_MAX, false, {
		{ ZKHSM_A_SHARE_KEK_ID, EXACT, 16, false, 0, false },
	} },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static struct hsm h;

static void start(void)
{
	if (!h.nl.sock)
		hsm_fresh(&h, NULL);
}

/* A field that the policy lets through; whether anything is done is not its matter. */
static void put_valid(struct nl_msg *msg, const struct field *f)
{
	static const uint8_t bytes[256] = { 4 };
	static const uint8_t id[32];

	switch (f->kind) {
	case U32:
		nla_put_u32(msg, f->type, 1);
		break;
	case U64:
		nla_put_u64(msg, f->type, 1);
		break;
	case STRING:
		nla_put_string(msg, f->type, "no-such-key");
		break;
	case NEST:
		put_challenge(msg, id, NULL);
		break;
	default:
		nla_put(msg, f->type, f->len, bytes);
	}
}

/* The whole request, without @skip. */
static struct nl_msg *base(const struct command *c, const struct field *skip)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, c->cmd);
	int i;

	for (i = 0; i < FIELDS_MAX && c->fields[i].type; i++)
		if (&c->fields[i] != skip)
			put_valid(msg, &c->fields[i]);
	return msg;
}

static void refuse(const struct command *c, struct nl_msg *msg, int error, uint32_t reason,
		   const char *form, int type)
{
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, error, reason, "%s, attribute %d %s", c->name, type, form);
}

static void try_form(const struct command *c, const struct field *f, int type, int len,
		     const void *data, int error, const char *form)
{
	struct nl_msg *msg = base(c, f);

	nla_put(msg, type, len, data);
	refuse(c, msg, error, 0, form, f->type);
}

static void wrong_number(const struct command *c, const struct field *f)
{
	static const uint8_t bytes[16] = { 1 };
	const uint32_t zero = 0;
	int len;

	for (len = 0; len <= 2 * f->len; len++)
		if (len != f->len)
			try_form(c, f, f->type, len, bytes, EINVAL, "of another length");
	try_form(c, f, f->type | NLA_F_NESTED, f->len, bytes, EINVAL, "nested");
	if (f->above)
		try_form(c, f, f->type, 4, &f->above, ERANGE, "too large");
	if (f->not_zero)
		try_form(c, f, f->type, 4, &zero, ERANGE, "zero");
}

static void wrong_string(const struct command *c, const struct field *f)
{
	char text[80];

	memset(text, 'a', sizeof(text));
	try_form(c, f, f->type, 0, text, EINVAL, "of no length");
	try_form(c, f, f->type, 10, text, EINVAL, "unterminated");
	try_form(c, f, f->type, f->len, text, EINVAL, "unterminated at the bound");
	text[f->len + 1] = '\0';
	try_form(c, f, f->type, f->len + 2, text, EINVAL, "one too long");
	text[10] = '\0';
	try_form(c, f, f->type | NLA_F_NESTED, 11, text, EINVAL, "nested");
	/* A terminator where a reader of C strings stops, and more behind it. */
	text[f->len + 1] = 'a';
	try_form(c, f, f->type, f->len + 8, text, ERANGE, "too long behind a terminator");
}

static void wrong_exact(const struct command *c, const struct field *f)
{
	static const uint8_t bytes[256] = { 4 };

	try_form(c, f, f->type, 0, bytes, ERANGE, "of no length");
	try_form(c, f, f->type, 1, bytes, ERANGE, "of one byte");
	try_form(c, f, f->type, f->len - 1, bytes, ERANGE, "one too short");
	try_form(c, f, f->type, f->len + 1, bytes, ERANGE, "one too long");
	try_form(c, f, f->type, 256, bytes, ERANGE, "far too long");
	try_form(c, f, f->type | NLA_F_NESTED, f->len, bytes, EINVAL, "nested");
}

/* A challenge of which one inner attribute has @len bytes and type @type. */
static void try_challenge(const struct command *c, const struct field *f, int type, int len,
			  int error, const char *form)
{
	struct nl_msg *msg = base(c, f);
	struct nlattr *nest = nla_nest_start(msg, f->type | NLA_F_NESTED);
	static const uint8_t bytes[64];

	nla_put(msg, type, len, bytes);
	nla_put(msg, type == ZKHSM_A_CHALLENGE_NONCE ? ZKHSM_A_CHALLENGE_MANAGER_ID :
			ZKHSM_A_CHALLENGE_NONCE, 32, bytes);
	nla_nest_end(msg, nest);
	refuse(c, msg, error, 0, form, type);
}

static void wrong_nest(const struct command *c, const struct field *f)
{
	const int nested = f->type | NLA_F_NESTED;
	struct nl_msg *challenge = base(c, NULL);
	const struct nlattr *good = nlmsg_find_attr(nlmsg_hdr(challenge), GENL_HDRLEN, f->type);
	static const uint8_t bytes[32];
	int inner;

	/* libnl would set the flag by itself. */
	try_form(c, f, f->type, nla_len(good), nla_data(good), EINVAL, "not nested");
	nlmsg_free(challenge);
	try_form(c, f, nested, 3, bytes, ERANGE, "with no attribute in it");
	for (inner = 1; inner <= ZKHSM_A_CHALLENGE_MAX; inner++) {
		try_challenge(c, f, inner, 0, ERANGE, "empty in a challenge");
		try_challenge(c, f, inner, 31, ERANGE, "short in a challenge");
		try_challenge(c, f, inner, 33, ERANGE, "long in a challenge");
		try_challenge(c, f, inner | NLA_F_NESTED, 32, EINVAL, "nested in a challenge");
	}
	try_challenge(c, f, ZKHSM_A_CHALLENGE_MAX + 1, 32, EINVAL, "unknown in a challenge");
}

static void wrong_forms(void)
{
	static const uint8_t bytes[8];
	size_t i, j;

	start();
	for (i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		for (j = 0; j < FIELDS_MAX && c->fields[j].type; j++) {
			const struct field *f = &c->fields[j];

			switch (f->kind) {
			case U32:
			case U64:
				wrong_number(c, f);
				break;
			case STRING:
				wrong_string(c, f);
				break;
			case EXACT:
				wrong_exact(c, f);
				break;
			case BINARY:
				try_form(c, f, f->type | NLA_F_NESTED, 8, bytes, EINVAL, "nested");
				break;
			case NEST:
				wrong_nest(c, f);
			}
		}
	}
}

/* A challenge without its manager or without its nonce. */
static void half_challenge(int inner)
{
	const struct command *c = commands;
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_EVIDENCE_GET);
	struct nlattr *nest = nla_nest_start(msg, ZKHSM_A_EVIDENCE_CHALLENGE | NLA_F_NESTED);
	static const uint8_t bytes[32];

	while (c->cmd != ZKHSM_CMD_EVIDENCE_GET)
		c++;
	if (inner)
		nla_put(msg, inner, sizeof(bytes), bytes);
	nla_nest_end_keep_empty(msg, nest);
	refuse(c, msg, EINVAL, ZKHSM_REASON_MISSING, "alone in a challenge", inner);
}

static void missing(void)
{
	size_t i, j;
	int inner;

	start();
	for (inner = 0; inner <= ZKHSM_A_CHALLENGE_MAX; inner++)
		half_challenge(inner);
	for (i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		for (j = 0; j < FIELDS_MAX && c->fields[j].type; j++)
			if (c->fields[j].mandatory)
				refuse(c, base(c, &c->fields[j]), EINVAL, ZKHSM_REASON_MISSING,
				       "missing", c->fields[j].type);
	}
}

static bool has_field(const struct command *c, int type)
{
	int i;

	for (i = 0; i < FIELDS_MAX && c->fields[i].type; i++)
		if (c->fields[i].type == type)
			return true;
	return false;
}

/* Attributes of the set that this command does not take, and unknown ones. */
static void foreign(void)
{
	static const uint8_t bytes[32];
	struct nl_msg *msg;
	size_t i;
	int type;

	start();
	for (i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];

		for (type = 0; type <= c->last + 2; type++) {
			if (has_field(c, type))
				continue;
			msg = base(c, NULL);
			nla_put(msg, type, 32, bytes);
			refuse(c, msg, EINVAL, 0, "foreign", type);
		}
		msg = base(c, NULL);
		nla_put(msg, 1000, 32, bytes);
		refuse(c, msg, EINVAL, 0, "unknown", 1000);
	}
}

static void dump_attributes(void)
{
	static const uint8_t bytes[32];
	size_t i;

	start();
	for (i = 0; i < COMMANDS; i++) {
		const struct command *c = &commands[i];
		struct nl_msg *msg = nlraw_msg(&h.nl, c->cmd);

		nla_put(msg, c->last + 1, sizeof(bytes), bytes);
		nlraw_dump(&h.nl, msg, NULL, NULL, &h.a);
		if (c->dump)
			check_refused(&h.a, EINVAL, 0, "dump of %s, foreign attribute", c->name);
		else
			check(h.a.error == EOPNOTSUPP, "dump of %s: %s", c->name,
			      strerrorname_np(h.a.error));
	}
}

/* What the generic layer checks of every message, seen from this family. */
static void headers(void)
{
	uint8_t leftover[3] = { 0 };
	struct genlmsghdr *g;
	struct nl_msg *msg;
	unsigned int cmd;

	start();
	for (cmd = 0; cmd < 256; cmd++) {
		size_t i = 0;

		while (i < COMMANDS && commands[i].cmd != cmd)
			i++;
		if (i < COMMANDS)
			continue;
		nlraw_do(&h.nl, nlraw_msg(&h.nl, (uint8_t)cmd), &h.a);
		check(h.a.error == EOPNOTSUPP, "command %u: %s", cmd, strerrorname_np(h.a.error));
	}

	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_GET);
	g = nlmsg_data(nlmsg_hdr(msg));
	g->reserved = 1;
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, 0, "reserved field of the header");

	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_GET);
	nlmsg_append(msg, leftover, sizeof(leftover), 0);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EINVAL, 0, "bytes behind the last attribute");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "wrong_forms", wrong_forms },
		{ "missing", missing },
		{ "foreign", foreign },
		{ "dump_attributes", dump_attributes },
		{ "headers", headers },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
