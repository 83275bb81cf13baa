// SPDX-License-Identifier: GPL-2.0
/*
 * What an answer may look like: an errno that is documented, for a reason that
 * is documented for the command, with a sentence; attributes as the spec has
 * them; and never a byte of a secret.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <string.h>

#include "nlf.h"

typedef unsigned __int128 reasons_t;

#define R(name) ((reasons_t)1 << ZKHSM_REASON_##name)
#define R_ALWAYS (R(NO_IDENTITY))
#define R_ADMIN (R_ALWAYS | R(NOT_ADMIN))
#define R_AGENT (R_ALWAYS | R(NOT_AGENT))
#define R_KEY (R_ALWAYS | R(MISSING) | R(LENGTH) | R(NO_SUCH_KEY) | R(NOT_OWNER))
#define R_USE (R_KEY | R(STATE) | R(HELD) | R(REVOKED) | R(USAGE) | R(NO_LEASE) | \
	       R(LEASE_EXPIRED) | R(LEASE_DENIED) | R(LEASE_CHANGED) | R(LEASE_QUORUM) | \
	       R(MALFORMED) | R(NOT_SUPPORTED) | R(REPEATED) | R(OTHER_HSM) | R(NOT_PINNED) | \
	       R(SIGNATURE) | \
	       R(NO_GRANT) | R(GRANT_QUORUM) | R(GRANT_INSTANCE) | R(GRANT_ELEMENT) | \
	       R(GRANT_OPERATION) | R(GRANT_INPUT) | R(GRANT_EXPIRED) | R(GRANT_AHEAD) | \
	       R(GRANT_USED) | R(GRANTS_OUTSTANDING) | R(GRANT_CLIENT) | R(GRANTS_DIFFER))

/* As the comments of the functions behind the handlers say, see kmod/{hsm,ops,...}.c. */
static const reasons_t documented[NLF_COMMANDS] = {
	[ZKHSM_CMD_HSM_NEW] = R(NOT_ADMIN) | R(IDENTITY_EXISTS) | R(CONFIG) | R(RESERVED_INPUT) |
			      R(KEYRING) | R(LENGTH) | R(SHARE) | R(TPM) | R(TTL),
	[ZKHSM_CMD_HSM_GET] = R_ALWAYS | R(OTHER_HSM),
	[ZKHSM_CMD_HSM_SET] = R_ADMIN | R(CONFIG) | R(RESERVED_INPUT) | R(LOCKED) | R(TTL),
	[ZKHSM_CMD_HSM_LOCK] = R_ADMIN | R(OTHER_HSM) | R(CONFIG) | R(LOCKED),
	[ZKHSM_CMD_HSM_SEAL] = R_AGENT | R(NOT_ADMIN) | R(MISSING) | R(RESERVED_INPUT) |
			       R(NO_KEK) | R(SEQUENCE) | R(LIST_MOVED) | R(FULL) | R(KEYRING) |
			       R(LENGTH) | R(SHARE),
	[ZKHSM_CMD_HSM_UNSEAL] = R(NOT_ADMIN) | R(LENGTH) | R(RESERVED_INPUT) |
				 R(IDENTITY_EXISTS) | R(NOT_UNSEALING) | R(MALFORMED) |
				 R(NOT_SUPPORTED) | R(NO_KEK) | R(OTHER_KEK) | R(KEYRING) |
				 R(SHARE) | R(TPM) | R(AUTHENTICATION) | R(OTHER_HSM) |
				 R(RECORD_NEWER) | R(RECORD_OLDER) | R(RECORDS_MISSING) |
				 R(REPEATED) | R(ELEMENT_EXISTS) | R(FULL) | R(REVOKED),
	[ZKHSM_CMD_KEY_NEW] = R_ADMIN | R(MISSING) | R(LENGTH) | R(BAD_ID) | R(NOT_SUPPORTED) |
			      R(UNKNOWN_FLAG) | R(RESERVED_INPUT) | R(STATE) | R(ID_EXISTS) |
			      R(ELEMENT_EXISTS) | R(REVOKED) | R(FULL) | R(KEYRING) |
			      R(SECRET_RANGE),
	[ZKHSM_CMD_KEY_GET] = R_KEY | R(NOT_SUPPORTED),	/* as a dump with attributes */
	[ZKHSM_CMD_KEY_SET] = R_KEY | R(NOT_ADMIN) | R(RESERVED_INPUT) | R(UNKNOWN_FLAG) |
			      R(WIDENING) | R(NOT_SUPPORTED) | R(STATE) | R(HELD) | R(REVOKED) |
			      R(RATE),
	[ZKHSM_CMD_KEY_DEL] = R_KEY,
	[ZKHSM_CMD_KEY_SIGN] = R_USE,
	[ZKHSM_CMD_KEY_MAC] = R_KEY | R(NOT_SUPPORTED),
	[ZKHSM_CMD_KEY_DERIVE] = R_KEY | R(NOT_SUPPORTED),
	[ZKHSM_CMD_PROOF_GET] = R_USE | R(RESERVED_INPUT),
	[ZKHSM_CMD_EVIDENCE_GET] = R_AGENT | R(MISSING) | R(LENGTH) | R(REPEATED) |
				   R(NOT_PINNED) | R(RATE) | R(NONCES_OUTSTANDING) |
				   R(LIST_MOVED) | R(UNSEALED) | R(NOT_ADMIN),
	[ZKHSM_CMD_LIST_GET] = R_AGENT | R(LIST_MOVED),
	[ZKHSM_CMD_TRUST_NEW] = R_ADMIN | R(MISSING) | R(LENGTH) | R(BAD_ID) | R(MALFORMED) |
				R(ALREADY_PINNED) | R(ELEMENT_EXISTS) | R(REVOKED) | R(FULL) |
				R(LOCKED),
	[ZKHSM_CMD_TRUST_GET] = R_AGENT | R(MISSING) | R(NOT_PINNED) | R(NOT_SUPPORTED),
	[ZKHSM_CMD_TRUST_DEL] = R_ADMIN | R(MISSING) | R(NOT_PINNED) | R(LOCKED),
	[ZKHSM_CMD_ORDER_APPLY] = R_AGENT | R(MISSING) | R(LENGTH) | R(MALFORMED) |
				  R(NOT_SUPPORTED) | R(OTHER_HSM) | R(NOT_PINNED) |
				  R(SIGNATURE) | R(REPLAY) | R(OUT_OF_TURN) | R(NONCE) | R(TTL) |
				  R(LEASE_EXPIRED),
	[ZKHSM_CMD_SHARE_NEW] = R(NOT_ADMIN) | R(MISSING) | R(LENGTH) | R(KEYRING) | R(MALFORMED) |
				R(SHARE) | R(REPEATED),
	[ZKHSM_CMD_SHARE_GET] = R(NOT_ADMIN) | R(SHARE),
	[ZKHSM_CMD_SHARE_DEL] = R(NOT_ADMIN) | R(SHARE),
	[ZKHSM_CMD_LEASE_GET] = R_AGENT | R(MISSING) | R(NOT_PINNED) | R(NOT_SUPPORTED),
};

/* Where a reason has another errno than the spec gives it, or one of several. */
static const struct {
	uint8_t cmd;	/* 0: any */
	uint32_t reason;
	int error;
} several[] = {
	{ 0, ZKHSM_REASON_KEYRING, ENOKEY },
	{ 0, ZKHSM_REASON_KEYRING, EACCES },
	{ 0, ZKHSM_REASON_KEYRING, EKEYREVOKED },
	{ 0, ZKHSM_REASON_KEYRING, EKEYEXPIRED },
	{ ZKHSM_CMD_HSM_NEW, ZKHSM_REASON_SHARE, ENOKEY },
	{ ZKHSM_CMD_HSM_SEAL, ZKHSM_REASON_SHARE, ENOKEY },
	{ ZKHSM_CMD_HSM_UNSEAL, ZKHSM_REASON_SHARE, ENOKEY },
	{ ZKHSM_CMD_SHARE_NEW, ZKHSM_REASON_SHARE, EINVAL },
	{ ZKHSM_CMD_SHARE_NEW, ZKHSM_REASON_SHARE, EBUSY },
	{ ZKHSM_CMD_SHARE_NEW, ZKHSM_REASON_REPEATED, EEXIST },
	{ ZKHSM_CMD_SHARE_GET, ZKHSM_REASON_SHARE, ENOKEY },
	{ ZKHSM_CMD_SHARE_DEL, ZKHSM_REASON_SHARE, ENOKEY },
	{ ZKHSM_CMD_HSM_LOCK, ZKHSM_REASON_LOCKED, EALREADY },
	/* Too many dumps of it that were begun and not read. */
	{ ZKHSM_CMD_HSM_SEAL, ZKHSM_REASON_FULL, EBUSY },
	/* The machine has no TPM, or its kernel no driver; what can be none is refused before. */
	{ 0, ZKHSM_REASON_TPM, ENODEV },
	{ 0, ZKHSM_REASON_TPM, EOPNOTSUPP },
	{ 0, ZKHSM_REASON_TPM, EINVAL },
	/* None where one is named, a false one, one where none is named. */
	{ 0, ZKHSM_REASON_GRANT_CLIENT, EACCES },
	{ 0, ZKHSM_REASON_GRANT_CLIENT, EKEYREJECTED },
	{ 0, ZKHSM_REASON_GRANT_CLIENT, EINVAL },
};

static bool errno_documented(uint8_t cmd, uint32_t reason, int error)
{
	size_t i;

	for (i = 0; i < sizeof(several) / sizeof(several[0]); i++)
		if ((!several[i].cmd || several[i].cmd == cmd) && several[i].reason == reason &&
		    several[i].error == error)
			return true;
	return nlf_reasons[reason].error == error;
}

static bool reason_documented(uint8_t cmd, uint32_t reason)
{
	return cmd < NLF_COMMANDS && reason < 8 * sizeof(reasons_t) &&
	       documented[cmd] >> reason & 1;
}

/* Whether the spec allows a value; what it says only in words is not asked. */
static bool value_fits(const struct nlf_attr *a, const uint8_t *data, size_t len)
{
	uint32_t v;

	switch (a->kind) {
	case NLF_U32:
		if (len != sizeof(v))
			return false;
		memcpy(&v, data, sizeof(v));
		return !a->max || (v >= a->min && v <= a->max);
	case NLF_U64:
		return len == 8;
	case NLF_STRING:
		return len && !memchr(data, 0, len - 1) && !data[len - 1] && len > a->min &&
		       (!a->max || len - 1 <= a->max);
	case NLF_BINARY:
		return !a->max || (len >= a->min && len <= a->max);
	default:
		return true;
	}
}

typedef bool (*attr_fn)(const struct nlf_cmd *c, uint16_t type, const uint8_t *data, size_t len,
			void *arg);

/* Each attribute to @fn; false when bytes are left that are none, or @fn says so. */
static bool each(const struct nlf_cmd *c, const uint8_t *p, size_t left, attr_fn fn, void *arg)
{
	while (left >= (size_t)NLA_HDRLEN) {
		struct nlattr a;
		size_t next;

		memcpy(&a, p, sizeof(a));
		if (a.nla_len < (size_t)NLA_HDRLEN || a.nla_len > left)
			return false;
		if (!fn(c, a.nla_type, p + NLA_HDRLEN, a.nla_len - NLA_HDRLEN, arg))
			return false;
		next = (size_t)NLA_ALIGN(a.nla_len);
		if (next > left)
			next = left;
		p += next;
		left -= next;
	}
	return !left;
}

struct request {
	uint32_t allowed;
	uint32_t wrong;
};

static bool request_attr(const struct nlf_cmd *c, uint16_t type, const uint8_t *data, size_t len,
			 void *arg)
{
	struct request *r = arg;

	type &= NLA_TYPE_MASK;
	if (!type || type > c->attr_max || !(r->allowed & 1u << type))
		return false;
	if (value_fits(&c->attrs[type], data, len))
		r->wrong &= ~(1u << type);
	else
		r->wrong |= 1u << type;
	return true;
}

/* Of an attribute that is there twice, netlink takes the last. */
bool judge_fits(const struct nlf_cmd *c, bool dump, const uint8_t *attrs, size_t len)
{
	struct request r = { .allowed = dump ? c->dump_request : c->request };

	return c->name && each(c, attrs, len, request_attr, &r) && !r.wrong;
}

struct reply {
	struct nlf_worker *w;
	uint32_t allowed;
	uint32_t seen;
};

/* What a key tells of one manager's lease is the one nest in answers, and as often as needed. */
static bool reply_lease(const uint8_t *data, size_t len)
{
	const struct nlattr *attr = (const struct nlattr *)data;
	int left = (int)len;
	uint32_t seen = 0;

	for (; nla_ok(attr, left); attr = nla_next(attr, &left)) {
		int type = nla_type(attr);

		if (type < 1 || type > nlf_set_max[NLF_KEY_LEASE] || seen & 1u << type ||
		    !value_fits(&nlf_sets[NLF_KEY_LEASE][type], nla_data(attr),
				(size_t)nla_len(attr)))
			return false;
		seen |= 1u << type;
	}
	return !left && seen & 1u << ZKHSM_A_KEY_LEASE_MANAGER_ID &&
	       seen & 1u << ZKHSM_A_KEY_LEASE_VERDICT;
}

static bool reply_attr(const struct nlf_cmd *c, uint16_t type, const uint8_t *data, size_t len,
		       void *arg)
{
	struct reply *r = arg;
	static const uint8_t zero[4];
	size_t pad = NLA_ALIGN(len) - len;

	type &= NLA_TYPE_MASK;
	if (!type || type > c->attr_max || !(r->allowed & 1u << type)) {
		finding(r->w, "%s answers with attribute %u", c->name, type);
		return false;
	}
	if (c->attrs[type].kind == NLF_NEST) {
		if (!reply_lease(data, len))
			finding(r->w, "%s answers a lease that is none", c->name);
		return true;
	}
	if (r->seen & 1u << type)
		finding(r->w, "%s answers %s twice", c->name, c->attrs[type].name);
	r->seen |= 1u << type;
	if (!value_fits(&c->attrs[type], data, len))
		finding(r->w, "%s answers %s of %zu bytes, or with a value that the spec has not",
			c->name, c->attrs[type].name, len);
	if (memcmp(data + len, zero, pad))
		finding(r->w, "%s: bytes behind %s", c->name, c->attrs[type].name);
	return true;
}

static struct nlf_asked *asked_by(struct nlf_socket *sock, uint32_t seq)
{
	uint32_t i;

	for (i = 0; i < ASKED_MAX && i < sock->asked_count; i++)
		if (sock->asked[i].seq == seq)
			return &sock->asked[i];
	return NULL;
}

/* 0, which has no name, also stands for what is far beyond the last. */
static uint8_t number_of(const struct nlf_asked *a)
{
	return a->cmd < NLF_COMMANDS ? a->cmd : 0;
}

/* Administrators' commands are done for them alone. */
static void judge_class(struct nlf_worker *w, const struct nlf_cmd *c)
{
	if (!w->uid || (c->class == NLF_AGENT && w->uid != UID_STRANGER))
		return;
	if (c->class == NLF_ADMIN || c->class == NLF_AGENT)
		finding(w, "%s was done for uid %u", c->name, w->uid);
}

static void judge_done(struct nlf_worker *w, struct nlf_asked *a, bool lost)
{
	const struct nlf_cmd *c = &nlf_commands[number_of(a)];

	if (!a->judged)
		return;
	if (!c->name || c->class == NLF_EVENT || (a->dump ? !c->has_dump : !c->has_do))
		finding(w, "command %u was done and is none", a->cmd);
	else if (!a->fits)
		finding(w, "%s was done, and the spec does not allow the request", c->name);
	else
		judge_class(w, c);
	if (a->rekey && w->uid)
		finding(w, "uid %u changes the KEK", w->uid);
	if (a->dump && a->cmd == ZKHSM_CMD_HSM_SEAL && !a->headed && !lost)
		finding(w, "a sealing without a head");
	atomic_fetch_add(&world->done[number_of(a)], 1);
}

/* What netlink says by itself, before the family sees a message or about a second dump. */
static bool core_refusal(const struct nlf_asked *a, int error, const char *text)
{
	const struct nlf_cmd *c = &nlf_commands[number_of(a)];
	bool there = c->name && c->class != NLF_EVENT && (a->dump ? c->has_dump : c->has_do);

	if (error == EINVAL || error == ERANGE)
		return text[0];
	if (error == EOPNOTSUPP)
		return !there;
	return error == EBUSY && a->dump;
}

static void judge_error(struct nlf_worker *w, struct nlf_asked *a, int error,
			const struct nlraw_answer *said)
{
	const struct nlf_cmd *c = &nlf_commands[number_of(a)];
	const char *name = c->name ? c->name : "no command";

	if (!a->judged)
		return;
	atomic_fetch_add(&world->refused[number_of(a)], 1);
	if (!said->reason) {
		if (!core_refusal(a, error, said->text))
			finding(w, "%s: %s without a reason, \"%s\"", name, strerrorname_np(error),
				said->text);
		return;
	}
	atomic_fetch_or(&world->reasons[said->reason / 64 % 2], 1ull << said->reason % 64);
	if (!said->text[0])
		finding(w, "%s: %s without a sentence", name, strerrorname_np(error));
	if (said->reason >= nlf_reason_count || !reason_documented(a->cmd, said->reason)) {
		finding(w, "%s: %s for reason %u, \"%s\"", name, strerrorname_np(error),
			said->reason, said->text);
		return;
	}
	if (!errno_documented(a->cmd, said->reason, error))
		finding(w, "%s: %s for reason %s, which has another", name, strerrorname_np(error),
			nlf_reasons[said->reason].name);
}

/* An acknowledgement, or the end of a dump: the errno, then what was said about it. */
static void judge_end(struct nlf_worker *w, struct nlf_socket *sock, const struct nlmsghdr *h)
{
	struct nlf_asked *a = asked_by(sock, h->nlmsg_seq);
	static struct nlraw_answer said;

	memset(&said, 0, offsetof(struct nlraw_answer, body));
	nlraw_end(&said, h);
	if (!a)
		return;
	a->answered = true;
	if (said.error)
		judge_error(w, a, said.error, &said);
	else
		judge_done(w, a, sock->lost);
}

static void judge_reply(struct nlf_worker *w, struct nlf_socket *sock, const struct nlmsghdr *h)
{
	const struct genlmsghdr *g = (const struct genlmsghdr *)(h + 1);
	const uint8_t *attrs = (const uint8_t *)(g + 1);
	size_t len = h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN;
	struct nlf_asked *a = h->nlmsg_seq ? asked_by(sock, h->nlmsg_seq) : NULL;
	const struct nlf_cmd *c;
	struct reply r = { .w = w };

	if (h->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN || g->cmd >= NLF_COMMANDS ||
	    !nlf_commands[g->cmd].name || g->version != ZKHSM_FAMILY_VERSION || g->reserved) {
		finding(w, "a message of %u bytes that is none of ours", h->nlmsg_len);
		return;
	}
	c = &nlf_commands[g->cmd];
	if (!h->nlmsg_seq != (c->class == NLF_EVENT) || (a && a->cmd != g->cmd))
		finding(w, "%s to a request for command %u", c->name, a ? a->cmd : 0);
	r.allowed = a && a->dump ? c->part : c->reply;
	if (!each(c, attrs, len, reply_attr, &r))
		finding(w, "%s answers what is no list of attributes", c->name);
	learn(w, a, attrs, len);
	atomic_fetch_add(&world->checked, 1);
}

void judge_buffer(struct nlf_worker *w, struct nlf_socket *sock, const uint8_t *buf, size_t len)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)buf;
	int left = (int)len;

	if (secrets_in(buf, len))
		finding(w, "an answer of %zu bytes has a secret in it, first message type %u", len,
			h->nlmsg_type);
	for (; nlmsg_ok(h, left); h = nlmsg_next((struct nlmsghdr *)(uintptr_t)h, &left)) {
		if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
			judge_end(w, sock, h);
		else if (h->nlmsg_type == sock->nl.family)
			judge_reply(w, sock, h);
	}
	if (left > 0)
		finding(w, "%d bytes behind the last message", left);
}
