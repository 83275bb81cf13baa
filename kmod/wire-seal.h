/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * Sealed heads, sealed records and shares: what leaves the kernel encrypted,
 * and what comes back. As wire.h, this builds in the kernel and in libzkhsm
 * alike; the library needs the part in the clear alone. Documentation/
 * protocol.rst describes the bytes.
 *
 * The bodies hold secrets. No branch and no address here depends on them; the
 * caller wipes what it had encoded or decoded.
 */
#ifndef ZKHSM_WIRE_SEAL_H
#define ZKHSM_WIRE_SEAL_H

#include "wire.h"

#define ZKHSM_KEK_LEN		32
#define ZKHSM_SEAL_SALT_LEN	32
#define ZKHSM_SEAL_TAG_LEN	16
#define ZKHSM_SET_DIGEST_LEN	64

/**
 * struct zkhsm_sealed - the part in the clear of a sealed head or record
 * @type:	ZKHSM_WIRE_SEALED_HEAD or ZKHSM_WIRE_SEALED_RECORD
 * @kek_id:	of the KEK
 * @hsm_id:	of the HSM
 * @sequence:	number of the sealing
 * @kek_class:	of a head: enum zkhsm_kek_class
 * @boot_count:	of a head
 * @records:	of a head: how many records it counts
 * @kind:	of a record: enum zkhsm_record_kind
 * @name_len:	of a record
 * @name:	of a record: a key's id, or an element name; not terminated
 * @salt:	of the one-time key
 * @clear_len:	bytes before the ciphertext: what is authenticated beside it
 * @body:	the ciphertext; points into the buffer
 * @body_len:	its length, which is that of the plaintext
 * @tag:	behind it; points into the buffer
 */
struct zkhsm_sealed {
	u8 type;
	u8 kek_id[ZKHSM_KEK_ID_LEN];
	u8 hsm_id[ZKHSM_HASH_LEN];
	u64 sequence;
	u8 kek_class;
	u32 boot_count;
	u32 records;
	u8 kind;
	u8 name_len;
	u8 name[ZKHSM_ID_MAX_LEN];
	u8 salt[ZKHSM_SEAL_SALT_LEN];
	size_t clear_len;
	const u8 *body;
	u32 body_len;
	const u8 *tag;
};

#define ZKHSM_SEALED_CLEAR_MAX_LEN (ZKHSM_HEADER_LEN + ZKHSM_KEK_ID_LEN + ZKHSM_HASH_LEN + 8 + \
				    1 + 1 + ZKHSM_ID_MAX_LEN + ZKHSM_SEAL_SALT_LEN + 4)

int zkhsm_sealed_encode(const struct zkhsm_sealed *s, u8 *buf, size_t size);
int zkhsm_sealed_decode(struct zkhsm_sealed *s, const u8 *buf, size_t len);

/**
 * struct zkhsm_key_body - what a sealed record of kind key holds
 * @resume:	state after a release, while @state is held; otherwise @state
 * @reason:	enum zkhsm_revocation_reason
 * @owner:	user id in the initial user namespace
 * @secret:	big-endian, all zero if and only if @state is compromised
 */
struct zkhsm_key_body {
	u16 type;
	u8 origin;
	u32 usage;
	u32 flags;
	u64 created_ms;
	u8 state;
	u8 resume;
	u8 reason;
	u32 owner;
	u8 public[ZKHSM_POINT_LEN];
	u8 secret[ZKHSM_SCALAR_LEN];
};

#define ZKHSM_KEY_BODY_LEN	(2 + 1 + 4 + 4 + 8 + 1 + 1 + 1 + 4 + ZKHSM_POINT_LEN + \
				 ZKHSM_SCALAR_LEN)

int zkhsm_key_body_encode(const struct zkhsm_key_body *b, u8 *buf, size_t size);
int zkhsm_key_body_decode(struct zkhsm_key_body *b, const u8 *buf, size_t len);

/* Of a vote, as it stands in a record. */
enum zkhsm_wire_vote {
	ZKHSM_WIRE_VOTE_RELEASE = 1,
	ZKHSM_WIRE_VOTE_HOLD = 2,
	ZKHSM_WIRE_VOTE_REVOKE = 3,
	ZKHSM_WIRE_VOTE_CLEARED = 4,
};

struct zkhsm_vote_entry {
	u8 manager_id[ZKHSM_HASH_LEN];
	u64 number;
	u8 kind;
	u8 reason;
};

#define ZKHSM_VOTES_HEAD_LEN	(1 + 2)
#define ZKHSM_VOTE_ENTRY_LEN	(ZKHSM_HASH_LEN + 8 + 1 + 1)

/* Votes in the order in which they were cast. Begin, then next until it returns 0. */
struct zkhsm_votes_reader {
	struct zkhsm_reader r;
	bool stopped;
	u16 count;
	u16 index;
};

int zkhsm_votes_head_encode(bool stopped, u16 count, u8 *buf, size_t size);
int zkhsm_vote_entry_encode(const struct zkhsm_vote_entry *e, u8 *buf, size_t size);
int zkhsm_votes_begin(struct zkhsm_votes_reader *v, const u8 *buf, size_t len);
int zkhsm_votes_next(struct zkhsm_votes_reader *v, struct zkhsm_vote_entry *e);

/**
 * struct zkhsm_head_body - what a sealed head holds, but for the managers
 * @secret:	of the identity, big-endian
 * @identity:	D
 * @agent:	user id in the initial user namespace
 * @counter_index: NV index of the TPM's counter, 0: none
 * @counter:	its value that this head belongs to; 0 when there is none
 * @set:	set digest over the records, see protocol.rst
 * @config:	C; points into the decoded buffer
 */
struct zkhsm_head_body {
	u8 secret[ZKHSM_SCALAR_LEN];
	u8 identity[ZKHSM_POINT_LEN];
	u32 agent;
	u32 counter_index;
	u64 counter;
	u8 set[ZKHSM_SET_DIGEST_LEN];
	const u8 *config;
	u16 config_len;
	u16 manager_count;
};

struct zkhsm_manager_entry {
	u8 public[ZKHSM_POINT_LEN];
	u8 label_len;
	u8 label[ZKHSM_LABEL_MAX_LEN];
	bool pinned;
	u64 last_number;
	u8 last_digest[ZKHSM_HASH_LEN];
};

#define ZKHSM_MANAGER_ENTRY_MAX_LEN (ZKHSM_POINT_LEN + 1 + ZKHSM_LABEL_MAX_LEN + 1 + 8 + \
				     ZKHSM_HASH_LEN)
#define ZKHSM_HEAD_BODY_MAX_LEN	(ZKHSM_SCALAR_LEN + ZKHSM_POINT_LEN + 4 + 4 + 8 + \
				 ZKHSM_SET_DIGEST_LEN + 2 + ZKHSM_CONFIGURATION_MAX_LEN + 2)

/* The managers follow, @manager_count of them, encoded one by one. */
int zkhsm_head_body_encode(const struct zkhsm_head_body *b, u8 *buf, size_t size);
int zkhsm_manager_entry_encode(const struct zkhsm_manager_entry *e, u8 *buf, size_t size);

struct zkhsm_managers_reader {
	struct zkhsm_reader r;
	u16 count;
	u16 index;
};

/* @m walks the managers: next until it returns 0. */
int zkhsm_head_body_decode(struct zkhsm_head_body *b, struct zkhsm_managers_reader *m,
			   const u8 *buf, size_t len);
int zkhsm_managers_next(struct zkhsm_managers_reader *m, struct zkhsm_manager_entry *e);

/**
 * struct zkhsm_share - one administrator's share of a KEK
 * @kek_id:	of the KEK that the shares make
 * @threshold:	how many shares make it, 2 to ZKHSM_SHARES_MAX
 * @index:	which one this is, 1 to ZKHSM_SHARES_MAX: where the polynomial was
 *		evaluated
 * @y:		its value there, a scalar
 */
struct zkhsm_share {
	u8 kek_id[ZKHSM_KEK_ID_LEN];
	u8 threshold;
	u8 index;
	u8 y[ZKHSM_SCALAR_LEN];
};

/* What a check of four bytes follows: the first of SHA-256 over these. */
#define ZKHSM_SHARE_CHECKED_LEN	(ZKHSM_HEADER_LEN + ZKHSM_KEK_ID_LEN + 1 + 1 + ZKHSM_SCALAR_LEN)
#define ZKHSM_SHARE_CHECK_LEN	4
#define ZKHSM_SHARE_LEN		(ZKHSM_SHARE_CHECKED_LEN + ZKHSM_SHARE_CHECK_LEN)

/* Without the check, which is the caller's: both sides hash with what they have. */
int zkhsm_share_encode(const struct zkhsm_share *s, u8 *buf, size_t size);
int zkhsm_share_decode(struct zkhsm_share *s, const u8 *buf, size_t len);

#endif /* ZKHSM_WIRE_SEAL_H */
