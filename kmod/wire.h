/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Every byte string of the protocol, encoded and decoded in one place. This
 * file and wire.c build in the kernel and in libzkhsm alike, so that prover
 * and verifier cannot disagree about a byte. Documentation/protocol.rst is the
 * description; where the two differ, the page is right.
 *
 * Integers are big-endian. A decoder accepts the one canonical encoding and
 * returns -EBADMSG for everything else, trailing bytes included. Decoders check
 * form only: that a point is on the curve, that a digest matches and that a
 * signature holds is for the caller.
 */
#ifndef ZKHSM_WIRE_H
#define ZKHSM_WIRE_H

#include "portable.h"
#include <linux/zkhsm.h>

#define ZKHSM_MAGIC		"ZKHSM"
#define ZKHSM_MAGIC_LEN		5
#define ZKHSM_HEADER_LEN	8	/* magic | type u8 | version u16 */
#define ZKHSM_WIRE_VERSION	1

/* Types below 16 describe, 16 to 31 order (enum zkhsm_order_type), 32 to 35 are sealed. */
enum zkhsm_wire_type {
	ZKHSM_WIRE_STATEMENT = 1,
	ZKHSM_WIRE_ANNOUNCEMENT = 2,
	ZKHSM_WIRE_LIST = 3,
	ZKHSM_WIRE_CONFIGURATION = 4,
	ZKHSM_WIRE_LIST_DELTA = 5,
	ZKHSM_WIRE_SEALED_HEAD = 32,
	ZKHSM_WIRE_SEALED_RECORD = 33,
	ZKHSM_WIRE_SHARE = 34,
	ZKHSM_WIRE_TPM_BLOB = 35,
	ZKHSM_WIRE_RECEIPT = 36,
};

/* Suites: group, hash and coefficient length in one number. */
enum zkhsm_suite {
	ZKHSM_SUITE_P256 = 1,
	ZKHSM_SUITE_P384 = 2,
};

#define ZKHSM_KEY_USAGE_ALL	(ZKHSM_KEY_USAGE_SIGN | ZKHSM_KEY_USAGE_PROVE)
#define ZKHSM_KEY_FLAG_ALL	(ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE | \
				 ZKHSM_KEY_FLAG_LEASE_REQUIRED | \
				 ZKHSM_KEY_FLAG_GRANT_REQUIRED)
#define ZKHSM_HSM_FLAG_KEK	(ZKHSM_HSM_FLAG_KEK_KEYRING | ZKHSM_HSM_FLAG_KEK_SHARES | \
				 ZKHSM_HSM_FLAG_KEK_TPM)
#define ZKHSM_HSM_FLAG_ALL	(ZKHSM_HSM_FLAG_LOCKED | ZKHSM_HSM_FLAG_KEK | \
				 ZKHSM_HSM_FLAG_COUNTER)

/* What a manager asked, and the last of its orders that the kernel applied in turn. */
struct zkhsm_challenge {
	u8 manager_id[ZKHSM_HASH_LEN];
	u8 nonce[ZKHSM_HASH_LEN];
	u64 last_number;
	u8 last_digest[ZKHSM_HASH_LEN];
};

#define ZKHSM_CHALLENGE_LEN	(ZKHSM_HASH_LEN + ZKHSM_HASH_LEN + 8 + ZKHSM_HASH_LEN)
#define ZKHSM_GROUPS_MAX	2

/**
 * struct zkhsm_statement - S, what evidence says
 * @hsm_id:	SHA-256(@identity)
 * @identity:	D, SEC1 uncompressed
 * @number:	n, goes up with every evidence of this identity
 * @uptime_ms:	CLOCK_BOOTTIME
 * @lease_nonce: made by the kernel; orders of type lease name it through SHA-256(S)
 * @challenges:	1 to ZKHSM_MANAGERS_MAX, sorted by manager_id, no manager twice
 * @platform:	digest of platform evidence, zero if none
 * @list_digest: SHA-256(L)
 * @list_count:	number of entries of L
 * @config_digest: SHA-256(C)
 * @groups:	suites proved, ascending; the identity's suite is the first
 */
struct zkhsm_statement {
	u8 hsm_id[ZKHSM_HASH_LEN];
	u8 identity[ZKHSM_POINT_LEN];
	u32 boot_count;
	u32 fork_count;
	u32 number;
	u8 instance_id[ZKHSM_INSTANCE_ID_LEN];
	u64 uptime_ms;
	u8 lease_nonce[ZKHSM_HASH_LEN];
	u32 challenge_count;
	struct zkhsm_challenge challenges[ZKHSM_MANAGERS_MAX];
	u8 platform[ZKHSM_HASH_LEN];
	u32 module_version;
	u8 list_digest[ZKHSM_HASH_LEN];
	u32 list_count;
	u8 config_digest[ZKHSM_HASH_LEN];
	u32 group_count;
	u16 groups[ZKHSM_GROUPS_MAX];
};

#define ZKHSM_STATEMENT_MAX_LEN	(ZKHSM_HEADER_LEN + 32 + 65 + 4 + 4 + 4 + 16 + 8 + 32 + \
				 1 + ZKHSM_MANAGERS_MAX * ZKHSM_CHALLENGE_LEN + \
				 32 + 4 + 32 + 4 + 32 + 1 + 2 * ZKHSM_GROUPS_MAX)

int zkhsm_statement_encode(const struct zkhsm_statement *s, u8 *buf, size_t size);
int zkhsm_statement_decode(struct zkhsm_statement *s, const u8 *buf, size_t len);

/*
 * Evidence is S followed by one proof (V | r) per group. *statement_len tells
 * where S ends; the proofs fill the rest exactly.
 */
int zkhsm_evidence_decode(struct zkhsm_statement *s, size_t *statement_len,
			  const u8 *buf, size_t len);

/* One key in L. @id is not terminated; @public is of the length of @type's encoding. */
struct zkhsm_list_entry {
	u8 id_len;
	u8 id[ZKHSM_ID_MAX_LEN];
	u16 type;
	u8 origin;
	u32 usage;
	u32 flags;
	u64 created_ms;
	u8 state;
	u16 public_len;
	u8 public[ZKHSM_POINT_LEN];
};

#define ZKHSM_LIST_HEAD_LEN	(ZKHSM_HEADER_LEN + 4)
#define ZKHSM_LIST_ENTRY_MAX_LEN (1 + ZKHSM_ID_MAX_LEN + 2 + 1 + 4 + 4 + 8 + 1 + 2 + \
				  ZKHSM_POINT_LEN)

/* Whether a batch proof covers the entry; one that it does not says nothing. */
static inline bool zkhsm_list_entry_proved(const struct zkhsm_list_entry *e)
{
	return e->state != ZKHSM_KEY_STATE_COMPROMISED;
}

bool zkhsm_id_valid(const u8 *id, size_t len);
int zkhsm_id_compare(const u8 *a, size_t a_len, const u8 *b, size_t b_len);

int zkhsm_list_head_encode(u32 count, u8 *buf, size_t size);
int zkhsm_list_entry_encode(const struct zkhsm_list_entry *e, u8 *buf, size_t size);

struct zkhsm_reader {
	const u8 *p;
	size_t left;
	bool bad;
};

/* Walks L: begin, then next until it returns 0; order and end are checked on the way. */
struct zkhsm_list_reader {
	struct zkhsm_reader r;
	u32 count;
	u32 index;
	u8 last_id_len;
	u8 last_id[ZKHSM_ID_MAX_LEN];
};

int zkhsm_list_begin(struct zkhsm_list_reader *l, const u8 *buf, size_t len);
int zkhsm_list_next(struct zkhsm_list_reader *l, struct zkhsm_list_entry *e);
int zkhsm_list_entry_decode(struct zkhsm_reader *r, struct zkhsm_list_entry *e);

/* C, the configuration that the kernel enforces. */
struct zkhsm_configuration {
	u32 flags;
	u8 quorum;
	u8 stop;
	u8 wipe;
	u64 enforce_grace_ms;
	u64 max_ttl_ms;
	u8 manager_count;
	u8 managers[ZKHSM_MANAGERS_MAX][ZKHSM_POINT_LEN];
};

#define ZKHSM_CONFIGURATION_MAX_LEN (ZKHSM_HEADER_LEN + 4 + 3 + 8 + 8 + 1 + \
				     ZKHSM_MANAGERS_MAX * ZKHSM_POINT_LEN)

bool zkhsm_hsm_flags_valid(u32 flags);
int zkhsm_configuration_encode(const struct zkhsm_configuration *c, u8 *buf, size_t size);
int zkhsm_configuration_decode(struct zkhsm_configuration *c, const u8 *buf, size_t len);

/* What the identity says, in a proof of RFC 8235, about an L that evidence was made over. */
struct zkhsm_announcement {
	u8 list_digest[ZKHSM_HASH_LEN];
	u32 list_len;
	u32 list_count;
};

#define ZKHSM_ANNOUNCEMENT_LEN	(ZKHSM_HEADER_LEN + ZKHSM_HASH_LEN + 4 + 4)

int zkhsm_announcement_encode(const struct zkhsm_announcement *a, u8 *buf, size_t size);
int zkhsm_announcement_decode(struct zkhsm_announcement *a, const u8 *buf, size_t len);

/**
 * struct zkhsm_order - one signed order of a manager
 * @type:	enum zkhsm_order_type; the decoder knows all but transfer
 * @number:	per manager and HSM, from 1; 0 for a lease and a grant
 * @reason:	enum zkhsm_revocation_reason, of revoke, hold and release
 * @statement:	of a lease: SHA-256 of the S that it answers
 * @least:	of a lease: number of the last order that must have been applied
 * @ttl_ms:	of a lease: its life, from the issue of the nonce in S; not 0
 * @verdict:	of a lease: of all keys but the exceptions, ZKHSM_LEASE_VERDICT_DENY
 *		or ZKHSM_LEASE_VERDICT_GRANT
 * @count:	how many @elements; of a lease 0 to ZKHSM_ELEMENTS_MAX, of the
 *		others from 1
 * @elements:	@count element names of 32 bytes, ascending; of a lease those
 *		with the other verdict. Points into the decoded buffer
 * @previous:	of a trust-change: SHA-256 of the C that it replaces
 * @config_len:	length of @config
 * @config:	of a trust-change: the new C, well-formed; points into the buffer
 * @instance_id: of a grant: of the HSM, as in S
 * @element:	of a grant: the name of the key's element
 * @operation:	of a grant: enum zkhsm_grant_operation
 * @algorithm:	of a grant: enum zkhsm_grant_algorithm, that of @operation
 * @parameter:	of a grant: 0
 * @input:	of a grant: SHA-256 of what is signed, or of a proof's items
 * @client:	of a grant: whose it is, SEC1 uncompressed; all zero: anybody's
 * @jti:	of a grant: makes it unlike any other; not all zero
 * @not_after_ms: of a grant: when it ends, in the HSM's uptime; not 0
 * @body:	what the signature covers from the body on; points into the buffer
 * @body_len:	its length
 * @signed_len:	how many bytes from the start the signature covers
 * @signature:	r | s over SHA-256 of those bytes; points into the buffer
 *
 * The encoder does not look at @body, @body_len, @signed_len and @signature.
 */
struct zkhsm_order {
	u8 type;
	u8 manager_id[ZKHSM_HASH_LEN];
	u8 hsm_id[ZKHSM_HASH_LEN];
	u64 number;
	u8 reason;
	u8 statement[ZKHSM_HASH_LEN];
	u64 least;
	u64 ttl_ms;
	u8 verdict;
	u16 count;
	const u8 *elements;
	u8 previous[ZKHSM_HASH_LEN];
	u16 config_len;
	const u8 *config;
	u8 instance_id[ZKHSM_INSTANCE_ID_LEN];
	u8 element[ZKHSM_HASH_LEN];
	u8 operation;
	u16 algorithm;
	u32 parameter;
	u8 input[ZKHSM_HASH_LEN];
	u8 client[ZKHSM_POINT_LEN];
	u8 jti[ZKHSM_JTI_LEN];
	u64 not_after_ms;
	const u8 *body;
	size_t body_len;
	size_t signed_len;
	const u8 *signature;
};

#define ZKHSM_ORDER_HEAD_LEN	(ZKHSM_HEADER_LEN + ZKHSM_HASH_LEN + ZKHSM_HASH_LEN + 8)
#define ZKHSM_ORDER_ELEMENTS_MAX_LEN (ZKHSM_ORDER_HEAD_LEN + 1 + 2 + \
				      ZKHSM_ELEMENTS_MAX * ZKHSM_HASH_LEN + ZKHSM_SIGNATURE_LEN)
#define ZKHSM_ORDER_LEASE_MAX_LEN (ZKHSM_ORDER_HEAD_LEN + ZKHSM_HASH_LEN + 8 + 8 + 1 + 2 + \
				   ZKHSM_ELEMENTS_MAX * ZKHSM_HASH_LEN + ZKHSM_SIGNATURE_LEN)
#define ZKHSM_ORDER_TRUST_MAX_LEN (ZKHSM_ORDER_HEAD_LEN + ZKHSM_HASH_LEN + 2 + \
				   ZKHSM_CONFIGURATION_MAX_LEN + ZKHSM_SIGNATURE_LEN)

#define ZKHSM_GRANT_BODY_LEN	(ZKHSM_INSTANCE_ID_LEN + ZKHSM_HASH_LEN + 1 + 2 + 4 + \
				 ZKHSM_HASH_LEN + ZKHSM_POINT_LEN + ZKHSM_JTI_LEN + 8)

/* wire-order.c. Encodes what is signed: all but the signature. */
int zkhsm_order_encode(const struct zkhsm_order *o, u8 *buf, size_t size);
/*
 * -EOPNOTSUPP for an order whose head is well-formed but whose type this
 * version does not know the body of; its type, ids and number are set then.
 */
int zkhsm_order_decode(struct zkhsm_order *o, const u8 *buf, size_t len);

/*
 * The input of SHA-256 for the grant digest, of a grant that was decoded:
 * "zkhsm grant v1" | hsm_id | body. No manager and no signature is in it: it is
 * one for all that grant the same.
 */
#define ZKHSM_GRANT_INPUT_LEN	(14 + ZKHSM_HASH_LEN + ZKHSM_GRANT_BODY_LEN)
void zkhsm_grant_digest_input(const struct zkhsm_order *o, u8 out[ZKHSM_GRANT_INPUT_LEN]);
/* What the client that a grant names signs: "zkhsm grant use v1" | grant digest. */
#define ZKHSM_GRANT_USE_LEN	(18 + ZKHSM_HASH_LEN)
void zkhsm_grant_use_input(const u8 digest[ZKHSM_HASH_LEN], u8 out[ZKHSM_GRANT_USE_LEN]);
bool zkhsm_grant_names_client(const struct zkhsm_order *o);

/* What the identity says, in a proof of RFC 8235, about an answer that was granted. */
struct zkhsm_receipt {
	u8 grant_digest[ZKHSM_HASH_LEN];
	u8 output_digest[ZKHSM_HASH_LEN];	/* SHA-256 of the signature, or of the proof */
};

#define ZKHSM_RECEIPT_BODY_LEN	(ZKHSM_HEADER_LEN + ZKHSM_HASH_LEN + ZKHSM_HASH_LEN)

int zkhsm_receipt_encode(const struct zkhsm_receipt *r, u8 *buf, size_t size);
int zkhsm_receipt_decode(struct zkhsm_receipt *r, const u8 *buf, size_t len);

/* The input of SHA-256 for an element name: BE16(suite) | x-coordinate. */
#define ZKHSM_ELEMENT_INPUT_LEN	(2 + 32)
void zkhsm_element_input(u16 suite, const u8 public[ZKHSM_POINT_LEN],
			 u8 out[ZKHSM_ELEMENT_INPUT_LEN]);

#endif /* ZKHSM_WIRE_H */
