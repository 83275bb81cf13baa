// SPDX-License-Identifier: GPL-2.0
/*
 * What answers tell: remembered for later requests, and compared with what
 * must be true of it, whoever else changes things meanwhile.
 */
#include <string.h>

#include "../../selftests/ec.h"
#include "nlf.h"

/* Signatures and proofs are verified once in so many; OpenSSL is slow in an emulated machine. */
#define ONE_IN	4

/* Documentation/protocol.rst, "Sealed heads and records". */
#define SEALED_HEAD	32
#define SEALED_RECORD	33
#define AT_HSM_ID	24

struct attrs {
	const uint8_t *data;
	size_t len;
};

/* NULL when it is not there; lengths have been judged. */
static const uint8_t *find(const struct attrs *a, int type, size_t *len)
{
	const struct nlattr *attr = nla_find((const struct nlattr *)a->data, (int)a->len, type);

	if (len)
		*len = attr ? (size_t)nla_len(attr) : 0;
	return attr ? nla_data(attr) : NULL;
}

static void learn_key(struct nlf_worker *w, const struct attrs *a)
{
	const uint8_t *id = find(a, ZKHSM_A_KEY_ID, NULL), *element, *public;
	uint8_t expected[32];
	int slot;

	element = find(a, ZKHSM_A_KEY_ELEMENT, NULL);
	public = find(a, ZKHSM_A_KEY_PUBLIC, NULL);
	if (!id || !element || !public)
		return;
	ec_element(public, expected);
	/* A key that was deleted before it could be told has an empty one. */
	if (memcmp(element, expected, 32) && memcmp(element, (uint8_t [32]){ 0 }, 32))
		finding(w, "the element name of %s is not that of its key", (const char *)id);
	slot = key_slot_find((const char *)id);
	if (slot < 0) {
		finding(w, "key %s, which nobody asked for", (const char *)id);
		return;
	}
	memcpy(world->key[slot].public, public, 65);
	memcpy(world->key[slot].element, expected, 32);
	atomic_store(&world->key[slot].known, true);
}

static void learn_manager(const struct attrs *a)
{
	const uint8_t *id = find(a, ZKHSM_A_MANAGER_MANAGER_ID, NULL);
	const uint8_t *number = find(a, ZKHSM_A_MANAGER_LAST_NUMBER, NULL);
	uint64_t last;
	int i;

	if (!id || !number)
		return;
	memcpy(&last, number, sizeof(last));
	/* If none of them, it is a point that once had another role. */
	for (i = 0; i < MANAGERS; i++)
		if (!memcmp(fixed.manager[i].id, id, 32))
			atomic_store(&world->last_number[i], last);
}

static void learn_order(const struct attrs *a)
{
	const uint8_t *id = find(a, ZKHSM_A_ORDER_MANAGER_ID, NULL);
	const uint8_t *number = find(a, ZKHSM_A_ORDER_NUMBER, NULL);
	const uint8_t *in_turn = find(a, ZKHSM_A_ORDER_IN_TURN, NULL);
	uint64_t n;
	int i;

	if (!id || !number || !in_turn || !*in_turn)
		return;
	memcpy(&n, number, sizeof(n));
	for (i = 0; i < MANAGERS; i++)
		if (!memcmp(fixed.manager[i].id, id, 32))
			atomic_store(&world->last_number[i], n);
}

static void learn_evidence(struct nlf_worker *w, const struct attrs *a)
{
	const uint8_t *digest = find(a, ZKHSM_A_EVIDENCE_LIST_DIGEST, NULL);
	size_t len;
	const uint8_t *evidence = find(a, ZKHSM_A_EVIDENCE_EVIDENCE, &len);

	if (digest)
		memcpy(world->digest[atomic_fetch_add(&world->digests, 1) % DIGESTS], digest, 32);
	/* Behind S there is the proof, of 97 bytes. */
	if (evidence && len > 97)
		ec_sha256(evidence, len - 97,
			  world->statement[atomic_fetch_add(&world->statements, 1) % STATEMENTS]);
	if (evidence && (len < 8 + 32 || memcmp(evidence, "ZKHSM\1\0\1", 8) ||
			 memcmp(evidence + 8, world->hsm_id, 32)))
		finding(w, "evidence of another kind, or another HSM");
}

/* Of the message that was sent last: an attribute, the last one of its type. */
static bool last_attr(const struct nlf_worker *w, int type, struct attrs *out)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)w->datagram;
	const struct nlattr *attr;
	int left;

	out->data = NULL;
	if (h->nlmsg_len > w->len || h->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return false;
	left = (int)(h->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	for (attr = (const struct nlattr *)(w->datagram + NLMSG_HDRLEN + GENL_HDRLEN);
	     nla_ok(attr, left); attr = nla_next(attr, &left)) {
		if (nla_type(attr) != type)
			continue;
		out->data = nla_data(attr);
		out->len = (size_t)nla_len(attr);
	}
	return out->data;
}

/* Only what a datagram of one message asked for: there it is known what was asked. */
static void check_computed(struct nlf_worker *w, const struct nlf_asked *asked,
			   const struct attrs *a)
{
	const uint8_t *public, *answer;
	struct attrs first, second;

	if (asked->seq % ONE_IN || ((const struct nlmsghdr *)w->datagram)->nlmsg_seq != asked->seq)
		return;
	if (asked->cmd == ZKHSM_CMD_KEY_SIGN) {
		public = find(a, ZKHSM_A_KEY_PUBLIC, NULL);
		answer = find(a, ZKHSM_A_KEY_SIGNATURE, NULL);
		if (!public || !answer || !last_attr(w, ZKHSM_A_KEY_DIGEST, &first))
			finding(w, "key-sign answers without a signature");
		else if (!ec_verify(public, first.data, answer))
			finding(w, "a false signature");
	} else {
		public = find(a, ZKHSM_A_PROOF_PUBLIC, NULL);
		answer = find(a, ZKHSM_A_PROOF_PROOF, NULL);
		last_attr(w, ZKHSM_A_PROOF_OTHER_INFO, &second);
		if (!public || !answer || !last_attr(w, ZKHSM_A_PROOF_USER_ID, &first))
			finding(w, "proof-get answers without a proof");
		else if (!ec_proof_holds(public, first.data, first.len, second.data,
					 second.data ? second.len : 0, answer))
			finding(w, "a false proof");
	}
}

/* Parts of a dump come in the order of ids, each id once. */
static void check_order(struct nlf_worker *w, struct nlf_asked *asked, const struct attrs *a)
{
	size_t len, room = sizeof(asked->last_id) - 1;
	const uint8_t *id;

	if (asked->cmd != ZKHSM_CMD_KEY_GET && asked->cmd != ZKHSM_CMD_TRUST_GET &&
	    asked->cmd != ZKHSM_CMD_LEASE_GET)
		return;
	/* All have theirs as the first attribute. */
	id = find(a, 1, &len);
	if (!id || len > room)
		return;
	if (asked->parts++ && (asked->cmd == ZKHSM_CMD_KEY_GET ?
			       strcmp((const char *)asked->last_id, (const char *)id) >= 0 :
			       memcmp(asked->last_id, id, 32) >= 0))
		finding(w, "%s: out of order, or twice", nlf_commands[asked->cmd].name);
	memset(asked->last_id, 0, sizeof(asked->last_id));
	memcpy(asked->last_id, id, len);
}

/* Header, the KEK's id, the HSM's. */
static bool begins_as(const uint8_t *bytes, size_t len, uint8_t type)
{
	const uint8_t header[8] = { 'Z', 'K', 'H', 'S', 'M', type, 0, 1 };

	if (len < AT_HSM_ID + 32 || memcmp(bytes, header, sizeof(header)))
		return false;
	/* Where there was none at first, another process may just have made the identity. */
	return world->kind == WORLD_EMPTY || world->kind == WORLD_SEALED ||
	       !memcmp(bytes + AT_HSM_ID, world->hsm_id, 32);
}

/* Records and names of what is gone come first, each once; the head is the end of it. */
static void learn_sealed(struct nlf_worker *w, struct nlf_asked *asked, const struct attrs *a)
{
	size_t record_len, head_len;
	const uint8_t *record = find(a, ZKHSM_A_SEAL_RECORD, &record_len);
	const uint8_t *head = find(a, ZKHSM_A_SEAL_HEAD, &head_len);
	const uint8_t *id = find(a, ZKHSM_A_SEAL_ID, NULL);
	const uint8_t *element = find(a, ZKHSM_A_SEAL_ELEMENT, NULL);
	const uint8_t *sequence = find(a, ZKHSM_A_SEAL_SEQUENCE, NULL);
	bool removed = find(a, ZKHSM_A_SEAL_REMOVED, NULL);
	unsigned long long last;

	if (asked->headed || !sequence)
		finding(w, "a sealing that goes on behind its head, or has no sequence");
	if (head ? record || id || element || removed : !record == !removed || !id == !element)
		finding(w, "a part of a sealing that is neither a head nor one record");
	if ((head && !begins_as(head, head_len, SEALED_HEAD)) ||
	    (record && !begins_as(record, record_len, SEALED_RECORD)))
		finding(w, "a head or record of another kind, or another HSM");
	if (record)
		kept_learn(record, record_len);
	if (!head || !sequence)
		return;
	kept_learn(head, head_len);
	asked->headed = true;
	memcpy(&last, sequence, sizeof(last));
	atomic_store(&world->sequence, last);
}

static void learn_unsealed(const struct attrs *a)
{
	const uint8_t *finished = find(a, ZKHSM_A_SEAL_FINISH, NULL);

	if (finished && *finished)
		atomic_fetch_add(&world->unsealed, 1);
}

static void learn_hsm(const struct attrs *a)
{
	const uint8_t *id = find(a, ZKHSM_A_HSM_HSM_ID, NULL);
	const uint8_t *identity = find(a, ZKHSM_A_HSM_IDENTITY, NULL);
	size_t len;
	const uint8_t *config = find(a, ZKHSM_A_HSM_CONFIGURATION, &len);

	if (!id || !identity)
		return;
	memcpy(world->hsm_id, id, 32);
	memcpy(world->identity, identity, 65);
	if (!config || len > sizeof(world->config))
		return;
	memcpy(world->config, config, len);
	atomic_store(&world->config_len, (unsigned int)len);
}

/* What a lease and a trust-change are told has come of them, and other orders not. */
static void check_outcome(struct nlf_worker *w, const struct attrs *a)
{
	const uint8_t *type = find(a, ZKHSM_A_ORDER_TYPE, NULL);
	bool expires = find(a, ZKHSM_A_ORDER_EXPIRES_MS, NULL);
	const uint8_t *outcome = find(a, ZKHSM_A_ORDER_OUTCOME, NULL);
	bool reason = find(a, ZKHSM_A_ORDER_REASON, NULL);
	uint32_t t = 0, o = 0;

	if (type)
		memcpy(&t, type, sizeof(t));
	if (outcome)
		memcpy(&o, outcome, sizeof(o));
	if (expires != (t == ZKHSM_ORDER_TYPE_LEASE) ||
	    !outcome != (t != ZKHSM_ORDER_TYPE_TRUST_CHANGE) ||
	    reason != (o == ZKHSM_ORDER_OUTCOME_VOID))
		finding(w, "an order of type %u with outcome %u", t, o);
	if (expires)
		atomic_fetch_add(&world->leased, 1);
	if (o == ZKHSM_ORDER_OUTCOME_DONE)
		atomic_fetch_add(&world->changed, 1);
}

/* Leases are told of a key that requires some and is there; enough of them let it work. */
static void check_leases(struct nlf_worker *w, const struct attrs *a)
{
	const uint8_t *flags = find(a, ZKHSM_A_KEY_FLAGS, NULL);
	const uint8_t *element = find(a, ZKHSM_A_KEY_ELEMENT, NULL);
	const uint8_t *needed = find(a, ZKHSM_A_KEY_LEASES_NEEDED, NULL);
	const uint8_t *granted = find(a, ZKHSM_A_KEY_LEASES_GRANTED, NULL);
	const uint8_t *until = find(a, ZKHSM_A_KEY_WORKS_UNTIL_MS, NULL);
	uint32_t f, n, g;
	uint64_t u;

	if (!flags || !element || !memcmp(element, (uint8_t [32]){ 0 }, 32))
		return;
	memcpy(&f, flags, sizeof(f));
	if (!needed != !(f & ZKHSM_KEY_FLAG_LEASE_REQUIRED) || !needed != !granted ||
	    !needed != !until) {
		finding(w, "a key of flags %#x, and what leases it needs", f);
		return;
	}
	if (!needed)
		return;
	memcpy(&n, needed, sizeof(n));
	memcpy(&g, granted, sizeof(g));
	memcpy(&u, until, sizeof(u));
	if (!n || (g >= n && !u))
		finding(w, "%u leases of %u, and the key works until %llu", g, n,
			(unsigned long long)u);
}

void learn(struct nlf_worker *w, struct nlf_asked *asked, const uint8_t *data, size_t len)
{
	const struct attrs a = { data, len };

	/* Events, and what a message without form asked for. */
	if (!asked || !asked->judged)
		return;
	if (asked->dump)
		check_order(w, asked, &a);
	switch (asked->cmd) {
	case ZKHSM_CMD_HSM_NEW:
	case ZKHSM_CMD_HSM_GET:
	case ZKHSM_CMD_HSM_SET:
		learn_hsm(&a);
		break;
	case ZKHSM_CMD_HSM_SEAL:
		if (asked->dump)
			learn_sealed(w, asked, &a);
		break;
	case ZKHSM_CMD_HSM_UNSEAL:
		learn_unsealed(&a);
		break;
	case ZKHSM_CMD_KEY_NEW:
	case ZKHSM_CMD_KEY_GET:
	case ZKHSM_CMD_KEY_SET:
		learn_key(w, &a);
		check_leases(w, &a);
		break;
	case ZKHSM_CMD_TRUST_NEW:
	case ZKHSM_CMD_TRUST_GET:
		learn_manager(&a);
		break;
	case ZKHSM_CMD_ORDER_APPLY:
		learn_order(&a);
		check_outcome(w, &a);
		break;
	case ZKHSM_CMD_EVIDENCE_GET:
		learn_evidence(w, &a);
		break;
	case ZKHSM_CMD_KEY_SIGN:
	case ZKHSM_CMD_PROOF_GET:
		check_computed(w, asked, &a);
		break;
	}
}
