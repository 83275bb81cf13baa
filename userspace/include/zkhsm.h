/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libzkhsm: the kernel's family through libnl, verification through OpenSSL,
 * orders, lists and their differences, tokens.
 *
 * Functions return 0 (or a length or count where they say so) or a negative
 * errno, and fill *@err, which may be NULL, with a sentence for people. The
 * errnos mean what they mean in the kernel: -EBADMSG malformed, -EKEYREJECTED
 * false, -EINVAL the caller's mistake. The library never prints, keeps no
 * global state but OpenSSL's, libcurl's and the constants of the curve, and one
 * object is used by one thread at a time; a struct zkhsm_keylist may be read by
 * several.
 */
#ifndef LIBZKHSM_H
#define LIBZKHSM_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire-seal.h"

/**
 * struct zkhsm_error - why something failed
 * @code:	negative errno
 * @reason:	enum zkhsm_reason when the kernel gave one, else 0
 * @offset:	of the attribute that the kernel refuses, in the request; else 0
 * @text:	a sentence without a full stop
 */
struct zkhsm_error {
	int code;
	uint32_t reason, offset;
	char text[320];
};

/* error.c */
void zkhsm_error_set(struct zkhsm_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* zkhsm_error_set(), and @code again, so that callers can return it on. */
#define zkhsm_fail(err, code, ...) ({				\
	const int code_ = (code);				\
	zkhsm_error_set(err, code_, __VA_ARGS__);		\
	code_;							\
})
const char *zkhsm_reason_name(uint32_t reason);
/* Names are the spec's: "active", "never-extractable", "key-compromise" ... NULL / -EINVAL if unknown. */
const char *zkhsm_state_name(uint32_t state);
int zkhsm_state_parse(const char *name);
const char *zkhsm_origin_name(uint32_t origin);
const char *zkhsm_event_name(uint32_t event);
const char *zkhsm_order_type_name(uint32_t type);
const char *zkhsm_revocation_reason_name(uint32_t reason);
int zkhsm_revocation_reason_parse(const char *name);
int zkhsm_usage_parse(const char *list, uint32_t *usage);	/* "sign,prove" */
json_t *zkhsm_usage_json(uint32_t usage);			/* array of names, as all flags */
json_t *zkhsm_flags_json(uint32_t flags);			/* of a key */
json_t *zkhsm_hsm_flags_json(uint32_t flags);			/* of C */
const char *zkhsm_kek_class_name(uint32_t kek_class);		/* "keyring", "shares", "tpm" */
int zkhsm_kek_class_parse(const char *name);
const char *zkhsm_lease_verdict_name(uint32_t verdict);		/* "grant", "expired" ... */
const char *zkhsm_order_outcome_name(uint32_t outcome);		/* "done", "waiting" ... */
const char *zkhsm_grant_operation_name(uint32_t operation);	/* "sign", "prove" */
int zkhsm_grant_operation_parse(const char *name);

/* encoding.c: hex by OpenSSL, base64url by libjose */
char *zkhsm_hex(const void *data, size_t len);			/* lower case; caller frees */
int zkhsm_unhex(const char *hex, void *out, size_t len);	/* exactly @len bytes, lower case only */
char *zkhsm_b64(const void *data, size_t len);			/* base64url without padding */
int zkhsm_unb64(const char *b64, uint8_t **out, size_t *len);	/* canonical only; caller frees */
void zkhsm_sha256(const void *data, size_t len, uint8_t out[32]);
void zkhsm_element_name(uint16_t suite, const uint8_t public[65], uint8_t out[32]);
int zkhsm_read_file(const char *path, size_t max, uint8_t **out, size_t *len, struct zkhsm_error *err);
/* Written beside, synced, renamed, directory synced. */
int zkhsm_write_file(const char *path, const void *data, size_t len, int mode, struct zkhsm_error *err);
/* -EEXIST when there is anything of this name. */
int zkhsm_write_new_file(const char *path, const void *data, size_t len, int mode,
			 struct zkhsm_error *err);

/* --- the kernel's family ------------------------------------------------ */

struct zkhsm_nl;

struct zkhsm_hsm_info {
	bool initialised;		/* hsm-new has been done */
	uint8_t hsm_id[32];
	uint8_t identity[65];
	uint32_t module_version;
	uint64_t features;
	uint8_t instance_id[16];
	uint32_t boot_count, fork_count;
	uint64_t uptime_ms;
	uint32_t key_count;
	uint64_t generation;
	uint32_t flags, quorum, stop, wipe;
	uint64_t enforce_grace_ms, max_ttl_ms;
	uint32_t agent_uid;
	uint32_t faults;
	char driver[64];
	uint8_t configuration[ZKHSM_CONFIGURATION_MAX_LEN];
	size_t configuration_len;
	bool has_list_digest;
	uint8_t list_digest[32];
	uint32_t nonces;
	uint32_t kek_class;		/* enum zkhsm_kek_class; 0: nothing below is set */
	uint8_t kek_id[ZKHSM_KEK_ID_LEN];
	uint32_t counter_index;		/* 0: no counter */
	uint64_t sequence;		/* of the head that was last committed, 0: none */
	uint32_t unsealed;		/* what has changed since */
};

/*
 * 0 in quorum, stop, wipe, and set_agent false: not sent. What is behind them
 * is for zkhsm_hsm_new() alone: 0 in kek_class makes an HSM that ends with its
 * kernel.
 */
struct zkhsm_hsm_params {
	uint32_t quorum, stop, wipe;
	bool set_agent;
	uint32_t agent_uid;
	uint32_t kek_class;		/* enum zkhsm_kek_class */
	int32_t keyring_serial;		/* the KEK, for class keyring */
	uint32_t tpm_pcrs;		/* bit mask, for class tpm */
	uint32_t counter_index;		/* NV index; 0: none */
	/* These two for zkhsm_hsm_set() as well. */
	bool set_grace;
	uint64_t enforce_grace_ms;	/* UINT64_MAX: report only */
	uint64_t max_ttl_ms;		/* 0: not sent */
};

struct zkhsm_key_info {
	char id[ZKHSM_ID_MAX_LEN + 1];
	uint32_t type, origin, state, usage, flags;
	uint64_t created_ms;
	uint8_t public[65];
	uint8_t element[32];
	uint32_t owner_uid;
	bool has_reason;
	uint32_t reason;
	uint64_t uses;
	bool lease_required;		/* what follows is set */
	uint32_t leases_needed, leases_granted;
	uint64_t works_until_ms;	/* CLOCK_BOOTTIME; 0: not now, UINT64_MAX: not enforced */
	uint64_t unleased_uses;
	/* Of zkhsm_key_get() alone: every pinned manager. */
	size_t lease_count;
	struct zkhsm_key_lease {
		uint8_t manager_id[32];
		uint32_t verdict;	/* enum zkhsm_lease_verdict */
		uint64_t expires_ms;	/* CLOCK_BOOTTIME; 0 without a lease */
	} leases[ZKHSM_MANAGERS_MAX];
};

/* What is not set is not sent. */
struct zkhsm_key_params {
	const char *id;
	uint32_t type;			/* 0: not sent */
	bool set_usage, set_flags, set_owner, set_state, set_serial;
	uint32_t usage, flags, owner_uid, state;
	int32_t keyring_serial;
};

struct zkhsm_manager_info {
	uint8_t manager_id[32];
	uint8_t public[65];
	char label[ZKHSM_LABEL_MAX_LEN + 1];
	uint64_t last_number;
	uint8_t last_digest[32];
	uint32_t tombstones;
	bool has_pending;
	uint8_t pending[32];		/* SHA-256 of the body of a trust-change that waits */
};

/* The lease of one pinned manager; without one all but the first two and @uptime_ms are 0. */
struct zkhsm_lease_info {
	uint8_t manager_id[32];
	char label[ZKHSM_LABEL_MAX_LEN + 1];
	uint32_t verdict;		/* deny, grant, expired or none */
	uint32_t number;		/* n of the evidence */
	uint64_t issued_ms, expires_ms, uptime_ms;	/* CLOCK_BOOTTIME */
	uint32_t exceptions;
};

struct zkhsm_evidence {
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t evidence_len;
	uint8_t announcement[ZKHSM_ANNOUNCEMENT_LEN + ZKHSM_PROOF_LEN];
	size_t announcement_len;
	uint8_t list_digest[32];
	uint8_t config_digest[32];
	uint32_t number;
};

struct zkhsm_order_result {
	uint8_t manager_id[32];
	uint32_t type;
	uint64_t number;
	bool in_turn;
	uint32_t keys_changed, tombstones, dropped;
	uint64_t expires_ms;		/* of a lease, CLOCK_BOOTTIME */
	uint32_t outcome;		/* enum zkhsm_order_outcome, of a trust-change */
	uint32_t votes, needed;		/* the same */
	uint32_t reason;		/* enum zkhsm_reason, why it is void */
};

/* One notification; @kind is the ZKHSM_CMD_*_NTF, the rest as the event carries it. */
struct zkhsm_event_info {
	uint8_t kind;
	uint32_t event;
	struct zkhsm_key_info key;
	struct zkhsm_manager_info manager;
	struct zkhsm_hsm_info hsm;
	struct zkhsm_lease_info lease;
	uint32_t evidence_number;
	uint8_t list_digest[32];
};

/* nl.c: -ENOENT when the module is not loaded */
int zkhsm_nl_open(struct zkhsm_nl **nl, struct zkhsm_error *err);
void zkhsm_nl_close(struct zkhsm_nl *nl);
int zkhsm_nl_subscribe(struct zkhsm_nl *nl, struct zkhsm_error *err);	/* a socket of its own */
int zkhsm_nl_fd(const struct zkhsm_nl *nl);				/* of the subscription */
int zkhsm_nl_events(struct zkhsm_nl *nl, void (*fn)(const struct zkhsm_event_info *e, void *arg),
		    void *arg, struct zkhsm_error *err);

/* nl_hsm.c, nl_key.c, nl_evidence.c, nl_trust.c: one function per command */
int zkhsm_hsm_new(struct zkhsm_nl *nl, const struct zkhsm_hsm_params *p,
		  struct zkhsm_hsm_info *out, struct zkhsm_error *err);
int zkhsm_hsm_get(struct zkhsm_nl *nl, struct zkhsm_hsm_info *out, struct zkhsm_error *err);
int zkhsm_hsm_set(struct zkhsm_nl *nl, const struct zkhsm_hsm_params *p,
		  struct zkhsm_hsm_info *out, struct zkhsm_error *err);
int zkhsm_key_new(struct zkhsm_nl *nl, const struct zkhsm_key_params *p,
		  struct zkhsm_key_info *out, struct zkhsm_error *err);
int zkhsm_key_get(struct zkhsm_nl *nl, const char *id, struct zkhsm_key_info *out,
		  struct zkhsm_error *err);
int zkhsm_key_list(struct zkhsm_nl *nl, int (*fn)(const struct zkhsm_key_info *k, void *arg),
		   void *arg, struct zkhsm_error *err);
int zkhsm_key_set(struct zkhsm_nl *nl, const struct zkhsm_key_params *p,
		  struct zkhsm_key_info *out, struct zkhsm_error *err);
int zkhsm_key_del(struct zkhsm_nl *nl, const char *id, struct zkhsm_error *err);
int zkhsm_key_sign(struct zkhsm_nl *nl, const char *id, const uint8_t digest[32],
		   uint8_t signature[64], uint8_t public[65], struct zkhsm_error *err);
int zkhsm_proof_get(struct zkhsm_nl *nl, const char *id, const void *user_id, size_t user_id_len,
		    const void *other, size_t other_len /* other NULL: absent */,
		    uint8_t public[65], uint8_t proof[97], struct zkhsm_error *err);
int zkhsm_evidence_get(struct zkhsm_nl *nl, const struct zkhsm_challenge *challenges, size_t count,
		       const uint8_t *expected_list /* 32 or NULL */,
		       struct zkhsm_evidence *out, struct zkhsm_error *err);
/* For an answer that comes by hand: the nonce lives for max-ttl-ms. Administrators only. */
int zkhsm_evidence_get_offline(struct zkhsm_nl *nl, const struct zkhsm_challenge *challenges,
			       size_t count, struct zkhsm_evidence *out, struct zkhsm_error *err);
/* The bytes of L; caller frees *@list. Its digest has been checked. */
int zkhsm_list_get(struct zkhsm_nl *nl, const uint8_t digest[32], uint8_t **list, size_t *len,
		   struct zkhsm_error *err);
int zkhsm_trust_new(struct zkhsm_nl *nl, const uint8_t public[65], const char *label,
		    struct zkhsm_manager_info *out, struct zkhsm_error *err);
int zkhsm_trust_get(struct zkhsm_nl *nl, const uint8_t manager_id[32],
		    struct zkhsm_manager_info *out, struct zkhsm_error *err);
int zkhsm_trust_list(struct zkhsm_nl *nl, int (*fn)(const struct zkhsm_manager_info *m, void *arg),
		     void *arg, struct zkhsm_error *err);
int zkhsm_trust_del(struct zkhsm_nl *nl, const uint8_t manager_id[32], struct zkhsm_error *err);
int zkhsm_order_apply(struct zkhsm_nl *nl, const uint8_t *order, size_t len,
		      struct zkhsm_order_result *out, struct zkhsm_error *err);
/* nl_lease.c */
int zkhsm_lease_get(struct zkhsm_nl *nl, const uint8_t manager_id[32],
		    struct zkhsm_lease_info *out, struct zkhsm_error *err);
int zkhsm_lease_list(struct zkhsm_nl *nl, int (*fn)(const struct zkhsm_lease_info *l, void *arg),
		     void *arg, struct zkhsm_error *err);

/* Freezes the configuration and pins the module, for good. */
int zkhsm_hsm_lock(struct zkhsm_nl *nl, struct zkhsm_hsm_info *out, struct zkhsm_error *err);

/* nl_seal.c: the kernel's side of a store; most callers want zkhsm_store_sync(). */

/**
 * struct zkhsm_seal_request - what is to be sealed
 * @full:	everything, not only what has changed
 * @rekey:	everything, under a new KEK of the same class
 * @keyring_serial: the new KEK, for class keyring
 */
struct zkhsm_seal_request {
	bool full, rekey;
	int32_t keyring_serial;
};

/**
 * struct zkhsm_seal_item - one record, one that is to go, or the head
 * @kind:	enum zkhsm_record_kind; 0 for the head, which comes last
 * @id:		of a key
 * @element:	of votes
 * @record:	NULL when the record is to go
 * @sequence:	of the head, as are all below
 * @kek_blob:	NULL unless the KEK is the TPM's
 *
 * Pointers are good until the callback returns.
 */
struct zkhsm_seal_item {
	uint32_t kind;
	char id[ZKHSM_ID_MAX_LEN + 1];
	uint8_t element[ZKHSM_HASH_LEN];
	const uint8_t *record;
	size_t record_len;
	uint64_t sequence;
	const uint8_t *head, *kek_blob;
	size_t head_len, kek_blob_len;
};

/* -EPROTO when the head did not come. A negative errno of @fn ends it. */
int zkhsm_hsm_seal(struct zkhsm_nl *nl, const struct zkhsm_seal_request *request,
		   int (*fn)(const struct zkhsm_seal_item *item, void *arg), void *arg,
		   struct zkhsm_error *err);
/* What was sealed under @sequence outlives a loss of power. -ESTALE unless given out last. */
int zkhsm_hsm_seal_commit(struct zkhsm_nl *nl, uint64_t sequence, struct zkhsm_error *err);

struct zkhsm_bytes {
	const uint8_t *data;
	size_t len;
};

/* @keyring_serial 0: the KEK is the TPM's, in @kek_blob, or made by shares. */
struct zkhsm_unseal_request {
	struct zkhsm_bytes head, kek_blob;
	int32_t keyring_serial;
};

struct zkhsm_unseal_result {
	uint64_t sequence;
	uint32_t boot_count, records;
};

/**
 * struct zkhsm_grants - what a key that requires grants is used with
 * @orders:	1 to ZKHSM_MANAGERS_MAX orders of type grant, each of another
 *		manager, all with one body
 * @count:	how many
 * @client_signature: 64 bytes, from zkhsm_grant_sign(); NULL when they name nobody
 */
struct zkhsm_grants {
	const struct zkhsm_bytes *orders;
	size_t count;
	const uint8_t *client_signature;
};

/*
 * nl_key.c: the same as zkhsm_key_sign() and zkhsm_proof_get() with grants, which
 * are used up, and a receipt, which nobody has verified yet.
 */
int zkhsm_key_sign_granted(struct zkhsm_nl *nl, const char *id, const uint8_t digest[32],
			   const struct zkhsm_grants *grants, uint8_t signature[64],
			   uint8_t public[65], uint8_t receipt[ZKHSM_RECEIPT_LEN],
			   struct zkhsm_error *err);
int zkhsm_proof_get_granted(struct zkhsm_nl *nl, const char *id, const void *user_id,
			    size_t user_id_len, const void *other, size_t other_len,
			    const struct zkhsm_grants *grants, uint8_t public[65],
			    uint8_t proof[97], uint8_t receipt[ZKHSM_RECEIPT_LEN],
			    struct zkhsm_error *err);

int zkhsm_hsm_unseal_begin(struct zkhsm_nl *nl, const struct zkhsm_unseal_request *request,
			   struct zkhsm_error *err);
/*
 * As many as fit in one request, at least one: *@done says how many. When it
 * fails, *@done is the one that is refused, or @count if the kernel does not say.
 */
int zkhsm_hsm_unseal_add(struct zkhsm_nl *nl, const struct zkhsm_bytes *records, size_t count,
			 size_t *done, struct zkhsm_error *err);
int zkhsm_hsm_unseal_finish(struct zkhsm_nl *nl, struct zkhsm_unseal_result *out,
			    struct zkhsm_error *err);

/* @threshold 0: no share has been entered. */
struct zkhsm_share_info {
	uint32_t threshold, entered;
	bool complete;			/* the KEK waits to be taken */
	uint8_t kek_id[ZKHSM_KEK_ID_LEN];
};

/* nl_share.c: @kek_id of the KEK that is meant, or NULL: whichever */
int zkhsm_share_new(struct zkhsm_nl *nl, int32_t keyring_serial, struct zkhsm_share_info *out,
		    struct zkhsm_error *err);
int zkhsm_share_get(struct zkhsm_nl *nl, const uint8_t *kek_id, struct zkhsm_share_info *out,
		    struct zkhsm_error *err);
int zkhsm_share_del(struct zkhsm_nl *nl, const uint8_t *kek_id, struct zkhsm_error *err);

/* share.c: what all of these read or write is secret, but for @kek_id */
#define ZKHSM_SHARE_TEXT_SIZE	512
int zkhsm_kek_id(const uint8_t kek[ZKHSM_KEK_LEN], uint8_t id[ZKHSM_KEK_ID_LEN],
		 struct zkhsm_error *err);
/* @kek NULL: a new one, that nobody sees. @count shares to @out, @threshold of which make it. */
int zkhsm_share_split(const uint8_t *kek, uint32_t threshold, uint32_t count,
		      uint8_t (*out)[ZKHSM_SHARE_LEN], uint8_t kek_id[ZKHSM_KEK_ID_LEN],
		      struct zkhsm_error *err);
/* A share as a file, and back: from the whole file, or from its characters alone. */
int zkhsm_share_text(const uint8_t data[ZKHSM_SHARE_LEN], uint32_t count, const char *label,
		     char text[ZKHSM_SHARE_TEXT_SIZE], struct zkhsm_error *err);
int zkhsm_share_parse(const char *text, uint8_t share[ZKHSM_SHARE_LEN], struct zkhsm_error *err);

/* keyring.c: the only way a secret gets into the kernel */
/* PEM or DER, PKCS#8, unencrypted, P-256 only; the caller wipes @scalar. */
int zkhsm_pkcs8_scalar(const uint8_t *data, size_t len, uint8_t scalar[32], struct zkhsm_error *err);
/* A "logon" key in the process keyring; wipes nothing of the caller's. */
int zkhsm_keyring_add(const void *secret, size_t len, int32_t *serial, struct zkhsm_error *err);
int zkhsm_keyring_revoke(int32_t serial, struct zkhsm_error *err);

/* --- store: sealed records in a directory -------------------------------- */

#define ZKHSM_STORE_DEFAULT	"/var/lib/zkhsm"

/*
 * Documentation/sealing.rst has the files and why a power cut leaves the old
 * state or the new one. Errors name the file. One process at a time: open takes
 * a lock, close gives it back.
 */
struct zkhsm_store;

/* Who a directory that is made belongs to, as far as the caller may say. */
struct zkhsm_store_owner {
	uid_t uid;
	gid_t gid;
};

/*
 * store.c. @make: also when the directory is not there or empty. -ENOENT: no
 * store there; -EBUSY: somebody else has it for more than ten seconds; -EACCES:
 * others may write to it.
 */
int zkhsm_store_open(const char *path, const struct zkhsm_store_owner *make,
		     struct zkhsm_store **out, struct zkhsm_error *err);
void zkhsm_store_close(struct zkhsm_store *s);
/* Nothing was ever stored there. */
bool zkhsm_store_empty(const struct zkhsm_store *s);

/**
 * struct zkhsm_stored - what a sealing came to
 * @sequence:	of the head that is stored now
 * @changed:	there was something to store
 * @full:	everything was, not only what had changed
 * @records, @removed: how many were written, and went
 * @note:	what could not be tidied up, and will be next time; or empty. The
 *		state is stored all the same
 */
struct zkhsm_stored {
	uint64_t sequence;
	bool changed, full;
	size_t records, removed;
	char note[320];
};

/*
 * store_sync.c: what the kernel has not stored yet, or with @request what that
 * says, is durable when this returns 0, and the kernel knows it. -ENOKEY: the
 * HSM has no KEK; -EKEYREJECTED: the store is of another HSM; -ENOSPC before
 * anything is written. After a failure the same is tried again by the next call.
 */
int zkhsm_store_sync(struct zkhsm_store *s, struct zkhsm_nl *nl,
		     const struct zkhsm_seal_request *request, struct zkhsm_stored *out,
		     struct zkhsm_error *err);

/*
 * store_unseal.c: gives everything to the kernel and stores the head of the new
 * boot. @keyring_serial is the KEK's if it is of class keyring, else 0. When the
 * kernel took it but the head could not be stored, *@unsealed is true.
 */
int zkhsm_store_unseal(struct zkhsm_store *s, struct zkhsm_nl *nl, int32_t keyring_serial,
		       struct zkhsm_unseal_result *out, bool *unsealed, struct zkhsm_error *err);

/**
 * struct zkhsm_store_summary - what can be said about a store without its KEK
 */
struct zkhsm_store_summary {
	uint8_t hsm_id[ZKHSM_HASH_LEN];
	uint8_t kek_id[ZKHSM_KEK_ID_LEN];
	uint32_t kek_class;
	uint64_t sequence;
	uint32_t boot_count;
	size_t keys, votes;
};

/*
 * store_load.c: reads all of it. Each thing that is wrong is given to @fn, with
 * the file's name in the sentence; the first one is the result. -EBADMSG
 * truncated or no record; -EOPNOTSUPP of a later version; -EINVAL another
 * record's, or a file that does not belong there; -EKEYREJECTED of another HSM;
 * -ENOKEY of another KEK; -ESTALE newer than the head, or older than the index
 * says; -ENODATA missing.
 */
int zkhsm_store_check(struct zkhsm_store *s,
		      void (*fn)(const struct zkhsm_error *problem, void *arg), void *arg,
		      struct zkhsm_store_summary *out, struct zkhsm_error *err);

/* store_backup.c: all of it in one file, which is as good as the KEK is secret. */
int zkhsm_store_backup(struct zkhsm_store *s, const char *path, struct zkhsm_store_summary *out,
		       struct zkhsm_error *err);
/* Into a store where nothing was ever stored: -EEXIST. */
int zkhsm_store_restore(struct zkhsm_store *s, const char *path, struct zkhsm_store_summary *out,
			struct zkhsm_error *err);

/* --- verification ------------------------------------------------------- */

/* keylist.c: L decoded, every point checked; reference counted, read-only */
struct zkhsm_keylist;
int zkhsm_keylist_new(const uint8_t *list, size_t len, struct zkhsm_keylist **out,
		      struct zkhsm_error *err);
struct zkhsm_keylist *zkhsm_keylist_ref(struct zkhsm_keylist *l);
void zkhsm_keylist_free(struct zkhsm_keylist *l);
size_t zkhsm_keylist_count(const struct zkhsm_keylist *l);
size_t zkhsm_keylist_proved(const struct zkhsm_keylist *l);	/* entries that a batch covers */
/* It is kept as it came: an entry is read into the caller's @e, which is what is returned. */
const struct zkhsm_list_entry *zkhsm_keylist_entry(const struct zkhsm_keylist *l, size_t i,
						   struct zkhsm_list_entry *e);
const struct zkhsm_list_entry *zkhsm_keylist_find(const struct zkhsm_keylist *l, const char *id,
						  struct zkhsm_list_entry *e);
const uint8_t *zkhsm_keylist_digest(const struct zkhsm_keylist *l);
const uint8_t *zkhsm_keylist_bytes(const struct zkhsm_keylist *l, size_t *len);

/* verify.c */
int zkhsm_verify_proof(const uint8_t public[65], const void *user_id, size_t user_id_len,
		       const void *other, size_t other_len, const uint8_t proof[97],
		       struct zkhsm_error *err);
int zkhsm_verify_announcement(const uint8_t identity[65], const uint8_t *data, size_t len,
			      struct zkhsm_announcement *out, struct zkhsm_error *err);
/* C, decoded, and every manager's key a point. */
int zkhsm_configuration_check(const uint8_t *config, size_t len, struct zkhsm_configuration *out,
			      struct zkhsm_error *err);
/*
 * Steps 1 and 4 of the protocol's verifier, and that the digests and the count
 * in S are those of @l and, when not NULL, of @config. Nonces, freshness and
 * policy are the caller's.
 */
int zkhsm_verify_evidence(const uint8_t *evidence, size_t len, const struct zkhsm_keylist *l,
			  const uint8_t *config, size_t config_len,
			  struct zkhsm_statement *out, struct zkhsm_error *err);
int zkhsm_verify_ecdsa(const uint8_t public[65], const uint8_t digest[32],
		       const uint8_t signature[64], struct zkhsm_error *err);

/* signer.c: keys of managers, P-256 in PEM files or made here */
int zkhsm_signer_generate(EVP_PKEY **key, struct zkhsm_error *err);
int zkhsm_signer_load(const char *path, EVP_PKEY **key, struct zkhsm_error *err);
int zkhsm_signer_save(const char *path, EVP_PKEY *key, struct zkhsm_error *err);	/* mode 0600 */
int zkhsm_signer_public(EVP_PKEY *key, uint8_t public[65]);
/* For one that signs often, while one thread has it: its public key is kept with it. */
void zkhsm_signer_remember(EVP_PKEY *key);
int zkhsm_signer_sign(EVP_PKEY *key, const void *data, size_t len, uint8_t signature[64],
		      struct zkhsm_error *err);		/* ECDSA over SHA-256(data), raw r | s */

/* order.c */
/* @elements are sorted and made unique by it; caller frees *@out. -E2BIG over ZKHSM_ELEMENTS_MAX. */
int zkhsm_order_make(EVP_PKEY *key, uint8_t type, const uint8_t hsm_id[32], uint64_t number,
		     uint8_t reason, const uint8_t (*elements)[32], size_t count,
		     uint8_t **out, size_t *len, struct zkhsm_error *err);
/**
 * struct zkhsm_lease_terms - what a lease is to say
 * @statement: SHA-256 of the S that it answers
 * @least: number of the last order that must have been applied, 0: none
 * @ttl_ms: its life from when the kernel made the nonce in S
 * @verdict: ZKHSM_LEASE_VERDICT_DENY or ZKHSM_LEASE_VERDICT_GRANT
 * @exceptions: element names with the other verdict, in any order, repeated or not
 * @exception_count: how many
 */
struct zkhsm_lease_terms {
	uint8_t statement[32];
	uint64_t least, ttl_ms;
	uint32_t verdict;
	const uint8_t (*exceptions)[32];
	size_t exception_count;
};

int zkhsm_lease_make(EVP_PKEY *key, const uint8_t hsm_id[32], const struct zkhsm_lease_terms *l,
		     uint8_t **out, size_t *len, struct zkhsm_error *err);
int zkhsm_trust_change_make(EVP_PKEY *key, const uint8_t hsm_id[32], uint64_t number,
			    const uint8_t previous[32], const uint8_t *config, size_t config_len,
			    uint8_t **out, size_t *len, struct zkhsm_error *err);
int zkhsm_order_verify(const uint8_t public[65], const uint8_t *data, size_t len,
		       struct zkhsm_order *out, struct zkhsm_error *err);

/**
 * struct zkhsm_grant_terms - the one operation that a grant is for
 * @instance_id: of the HSM, as in S and in hsm-get
 * @element:	name of the key's element
 * @operation:	ZKHSM_GRANT_OPERATION_SIGN or ZKHSM_GRANT_OPERATION_PROVE; the
 *		algorithm is the one that each of them has
 * @input:	from zkhsm_grant_sign_input() or zkhsm_grant_prove_input()
 * @client:	SEC1 uncompressed; all zero: whoever brings it
 * @jti:	random, never used before; all zero is no jti
 * @not_after_ms: when it ends, in the HSM's uptime_ms; at most
 *		ZKHSM_GRANT_AHEAD_MAX_MS ahead when it is used
 */
struct zkhsm_grant_terms {
	uint8_t instance_id[ZKHSM_INSTANCE_ID_LEN];
	uint8_t element[32];
	uint32_t operation;
	uint8_t input[32];
	uint8_t client[65];
	uint8_t jti[ZKHSM_JTI_LEN];
	uint64_t not_after_ms;
};

/* order.c: a manager's grant. -EINVAL for a field that no grant has. */
int zkhsm_grant_make(EVP_PKEY *key, const uint8_t hsm_id[32], const struct zkhsm_grant_terms *t,
		     uint8_t grant[ZKHSM_GRANT_LEN], struct zkhsm_error *err);
/* grant.c: what @input of a grant has to be */
void zkhsm_grant_sign_input(const uint8_t digest[32], uint8_t input[32]);
void zkhsm_grant_prove_input(const void *user_id, size_t user_id_len,
			     const void *other /* NULL: absent */, size_t other_len,
			     uint8_t input[32]);
/* The digest that names what was granted; one for all managers. @terms as in the grants. */
int zkhsm_grant_terms_digest(const uint8_t hsm_id[32], const struct zkhsm_grant_terms *t,
			     uint8_t digest[32], struct zkhsm_error *err);
/* The same of a grant as a manager made it, whose signature is not looked at. -EBADMSG. */
int zkhsm_grant_digest(const uint8_t *grant, size_t len, uint8_t digest[32],
		       struct zkhsm_error *err);
/* grant_body.c: what of a grant is the client's wish, the same for every manager */
int zkhsm_grant_body_make(const struct zkhsm_grant_terms *t, uint8_t body[ZKHSM_GRANT_BODY_LEN],
			  struct zkhsm_error *err);
int zkhsm_grant_body_read(const uint8_t *body, size_t len, struct zkhsm_grant_terms *out,
			  struct zkhsm_error *err);
/* The signature of the client that a grant names. */
int zkhsm_grant_sign(EVP_PKEY *client, const uint8_t grant_digest[32], uint8_t signature[64],
		     struct zkhsm_error *err);
/*
 * That the HSM with this identity gave @output (a signature of 64 bytes or a
 * proof of 97) for what was granted. -EBADMSG; -EKEYREJECTED when it is about
 * another grant or output, or false.
 */
int zkhsm_verify_receipt(const uint8_t identity[65], const uint8_t grant_digest[32],
			 const void *output, size_t output_len, const uint8_t *receipt,
			 size_t receipt_len, struct zkhsm_error *err);

/* delta.c */
int zkhsm_list_delta_make(const uint8_t *base, size_t base_len, const uint8_t *list, size_t len,
			  uint8_t **out, size_t *out_len, struct zkhsm_error *err);
/* Checks both digests; -ESTALE when @base is not what the difference is to. */
int zkhsm_list_delta_apply(const uint8_t *base, size_t base_len, const uint8_t *delta,
			   size_t delta_len, uint8_t **out, size_t *out_len,
			   struct zkhsm_error *err);

/* --- tokens: EAR (draft-ietf-rats-ear) in a JWT, ES256, by libjose -------- */

/* The claims of ear.trustworthiness-vector, draft-ietf-rats-ar4si section 2.3.4. */
enum zkhsm_trust {
	ZKHSM_TRUST_INSTANCE_IDENTITY, ZKHSM_TRUST_CONFIGURATION, ZKHSM_TRUST_EXECUTABLES,
	ZKHSM_TRUST_FILE_SYSTEM, ZKHSM_TRUST_HARDWARE, ZKHSM_TRUST_RUNTIME_OPAQUE,
	ZKHSM_TRUST_STORAGE_OPAQUE, ZKHSM_TRUST_SOURCED_DATA, ZKHSM_TRUST_COUNT
};

/**
 * struct zkhsm_token_claims - what a verification token says
 * @status:	"affirming" is the only one issued
 * @age_ms:	at issue, since the manager gave the nonce
 * @x5t:	confirmation, "x5t#S256" of the client's certificate, or empty
 * @policy:	ear.appraisal-policy-id: which rule of which policy found it so
 * @vector:	by enum zkhsm_trust; 0: no claim
 * @grant_required: operations need grants beside the token
 * @cluster:	that the manager enrolled the HSM in, or empty
 * @status_index: its place in the Token Status List @status_uri, which is empty
 *		of tokens that are in none
 * Times are in seconds since 1970, as JWT has them.
 */
struct zkhsm_token_claims {
	char issuer[128];		/* "zkhsm:" and the manager_id in hex */
	char audience[256];
	char nonce[128];		/* eat_nonce, as the client gave it; may be empty */
	char jti[64];
	char x5t[64];
	int64_t issued_at, expires_at, attested_at;
	uint8_t hsm_id[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
	uint8_t element[32];
	char thumbprint[64];		/* RFC 7638 of the key's public JWK */
	char status[24];
	uint64_t age_ms;
	uint32_t key_state;
	char policy[160];
	int8_t vector[ZKHSM_TRUST_COUNT];
	bool grant_required;
	uint64_t status_index;
	char status_uri[256];
	char cluster[65];
};

/* token.c, jwk.c */
json_t *zkhsm_jwk_public(const uint8_t public[65]);	/* kty, crv, x, y */
int zkhsm_jwk_thumbprint(const uint8_t public[65], char out[64]);
json_t *zkhsm_jwks(EVP_PKEY *const *keys, size_t count);	/* kid = thumbprint, use sig, alg ES256 */
/* jwks.c: key sets as JSON, from a file, or from where managers have theirs; caller decrefs */
int zkhsm_jwks_parse(const void *data, size_t len, json_t **jwks, struct zkhsm_error *err);
int zkhsm_jwks_load(const char *path, json_t **jwks, struct zkhsm_error *err);
struct zkhsm_https;
int zkhsm_jwks_fetch(struct zkhsm_https *h, json_t **jwks, struct zkhsm_error *err);
#define ZKHSM_JWKS_PATH		"/.well-known/zkhsm/jwks.json"
#define ZKHSM_REVOCATIONS_TYPE	"zkhsm-revocations+jwt"
/* Compact JWS of @payload with typ @typ; caller frees. */
int zkhsm_jws_sign(EVP_PKEY *key, const char *typ, const json_t *payload, char **out,
		   struct zkhsm_error *err);
/* Only alg ES256 and a kid that is in @jwks; caller decrefs *@payload. */
int zkhsm_jws_verify(const json_t *jwks, const char *typ, const char *jws, json_t **payload,
		     struct zkhsm_error *err);
int zkhsm_token_sign(EVP_PKEY *key, const struct zkhsm_token_claims *claims, char **out,
		     struct zkhsm_error *err);
/*
 * Signature, form and times (@now, with @leeway seconds for clocks); audience
 * and nonce must be those given (@nonce NULL: not looked at). -EKEYREJECTED
 * false signature or unknown key, -EKEYEXPIRED expired, -EBADMSG malformed,
 * -EACCES another audience or nonce.
 */
int zkhsm_token_verify(const json_t *jwks, const char *token, const char *audience,
		       const char *nonce, int64_t now, int64_t leeway,
		       struct zkhsm_token_claims *out, struct zkhsm_error *err);

/* https.c: libcurl, TLS 1.3 only, one handle per object; used by agent and command line */
struct zkhsm_https;

struct zkhsm_https_config {
	const char *base_url;		/* https://host:port */
	const char *ca_file;		/* what the server's certificate must chain to */
	const char *cert_file, *key_file; /* client certificate, or NULL */
	long connect_timeout_ms, timeout_ms;
	size_t max_response;		/* bytes; 0: 64 MiB */
	const _Atomic(bool) *cancel;	/* once set, by any thread: -ECANCELED within a second; or NULL */
};

struct zkhsm_response {
	long status;			/* HTTP */
	uint8_t *body;			/* terminated, length not counting the terminator */
	size_t body_len;
	char content_type[64];
	char request_id[64];
	long retry_after_s;		/* -1 if none */
};

int zkhsm_https_new(const struct zkhsm_https_config *c, struct zkhsm_https **out,
		    struct zkhsm_error *err);
void zkhsm_https_free(struct zkhsm_https *h);
/* -EHOSTUNREACH and friends when there is no answer; an answer of any status is 0. */
int zkhsm_https_do(struct zkhsm_https *h, const char *method, const char *path,
		   const char *content_type, const void *body, size_t body_len,
		   struct zkhsm_response *out, struct zkhsm_error *err);
/* X-Request-Id of the newest request, as it was sent: servers log it and send it back. */
const char *zkhsm_https_request_id(const struct zkhsm_https *h);
/* https_many.c: the same to several servers at once, each with an object of its own */
struct zkhsm_https_call {
	struct zkhsm_https *h;
	const char *method, *path, *content_type;
	const void *body;
	size_t body_len;
	int ret;			/* from here on what came of it */
	struct zkhsm_response response;	/* with @ret 0, to be freed */
	struct zkhsm_error error;
};

struct zkhsm_https_group;
int zkhsm_https_group_new(struct zkhsm_https_group **out);	/* after a zkhsm_https_new() */
void zkhsm_https_group_free(struct zkhsm_https_group *g);	/* before their zkhsm_https_free() */
int zkhsm_https_do_many(struct zkhsm_https_group *g, struct zkhsm_https_call *calls, size_t count);
void zkhsm_response_free(struct zkhsm_response *r);
/* The JSON object in an answer, no member twice; caller decrefs. -EBADMSG. */
int zkhsm_response_json(const struct zkhsm_response *r, json_t **out, struct zkhsm_error *err);
/* certificate.c: x5t#S256 of RFC 7515 of a certificate in PEM, to which tokens are bound */
int zkhsm_certificate_thumbprint(const char *path, char out[64], struct zkhsm_error *err);
/* "urn:zkhsm:..." of a problem, or empty. */
void zkhsm_response_type(const struct zkhsm_response *r, char type[64]);
/* A problem+json answer as an error: title and detail in the text, -EREMOTEIO. */
int zkhsm_response_problem(const struct zkhsm_response *r, struct zkhsm_error *err);

#endif /* LIBZKHSM_H */
