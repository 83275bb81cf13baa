/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/zkhsm.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_ZKHSM_H
#define _UAPI_LINUX_ZKHSM_H

#define ZKHSM_FAMILY_NAME	"zkhsm"
#define ZKHSM_FAMILY_VERSION	1

#define ZKHSM_HASH_LEN			32
#define ZKHSM_POINT_LEN			65
#define ZKHSM_SCALAR_LEN		32
#define ZKHSM_PROOF_LEN			97
#define ZKHSM_SIGNATURE_LEN		64
#define ZKHSM_INSTANCE_ID_LEN		16
#define ZKHSM_ID_MAX_LEN		64
#define ZKHSM_LABEL_MAX_LEN		64
#define ZKHSM_USER_ID_MAX_LEN		255
#define ZKHSM_OTHER_INFO_MAX_LEN	1024
#define ZKHSM_MANAGERS_MAX		16
#define ZKHSM_ELEMENTS_MAX		1024
#define ZKHSM_ORDER_MAX_LEN		40960
#define ZKHSM_KEYS_MAX			100000
#define ZKHSM_EVIDENCE_MAX_LEN		4096
#define ZKHSM_KEK_ID_LEN		16
#define ZKHSM_RECORD_MAX_LEN		16384
#define ZKHSM_HEAD_MAX_LEN		61440
#define ZKHSM_KEK_BLOB_MAX_LEN		1024
#define ZKHSM_SHARES_MAX		16
#define ZKHSM_TTL_MIN_MS		1000
#define ZKHSM_TTL_MAX_MS		2678400000
#define ZKHSM_JTI_LEN			16
#define ZKHSM_GRANT_LEN			320
#define ZKHSM_GRANT_AHEAD_MAX_MS	60000
#define ZKHSM_RECEIPT_LEN		169

/**
 * enum zkhsm_key_type - Number of the key's type in the list L; for EC keys
 *   also the suite.
 * @ZKHSM_KEY_TYPE_EC_P256: NIST P-256 with SHA-256.
 * @ZKHSM_KEY_TYPE_EC_P384: NIST P-384 with SHA-384; not accepted yet.
 */
enum zkhsm_key_type {
	ZKHSM_KEY_TYPE_UNSPEC,
	ZKHSM_KEY_TYPE_EC_P256,
	ZKHSM_KEY_TYPE_EC_P384,
};

/**
 * enum zkhsm_key_origin - Where the secret was made, as in PKCS#11 CKA_LOCAL
 *   but with its kind.
 */
enum zkhsm_key_origin {
	ZKHSM_KEY_ORIGIN_UNSPEC,
	ZKHSM_KEY_ORIGIN_GENERATED,
	ZKHSM_KEY_ORIGIN_IMPORTED,
	ZKHSM_KEY_ORIGIN_SYNCHRONISED,
};

/**
 * enum zkhsm_key_state - Administrative states after NIST SP 800-57 part 1
 *   section 7.
 * @ZKHSM_KEY_STATE_PRE_ACTIVE: Present and proved, but not usable yet.
 * @ZKHSM_KEY_STATE_ACTIVE: Usable.
 * @ZKHSM_KEY_STATE_HELD: Suspended by the managers; usable again after their
 *   release.
 * @ZKHSM_KEY_STATE_DEACTIVATED: Taken out of use by its owner; still present
 *   and proved.
 * @ZKHSM_KEY_STATE_COMPROMISED: Revoked; the secret is erased.
 */
enum zkhsm_key_state {
	ZKHSM_KEY_STATE_UNSPEC,
	ZKHSM_KEY_STATE_PRE_ACTIVE,
	ZKHSM_KEY_STATE_ACTIVE,
	ZKHSM_KEY_STATE_HELD,
	ZKHSM_KEY_STATE_DEACTIVATED,
	ZKHSM_KEY_STATE_COMPROMISED,
};

/**
 * enum zkhsm_key_usage
 * @ZKHSM_KEY_USAGE_SIGN: ECDSA signatures with key-sign.
 * @ZKHSM_KEY_USAGE_PROVE: Proofs of possession with proof-get.
 */
enum zkhsm_key_usage {
	ZKHSM_KEY_USAGE_SIGN = 1,
	ZKHSM_KEY_USAGE_PROVE = 2,
};

/**
 * enum zkhsm_key_flag
 * @ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE: Generated here, and no form of the secret
 *   can leave this kernel so that somebody outside could open it. Set by the
 *   kernel only.
 * @ZKHSM_KEY_FLAG_LEASE_REQUIRED: Works only while leases of `quorum` managers
 *   grant it. Can be set, never cleared.
 * @ZKHSM_KEY_FLAG_GRANT_REQUIRED: Each operation needs grants of `quorum`
 *   managers for it. Can be set, never cleared.
 */
enum zkhsm_key_flag {
	ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE = 1,
	ZKHSM_KEY_FLAG_LEASE_REQUIRED = 2,
	ZKHSM_KEY_FLAG_GRANT_REQUIRED = 4,
};

/**
 * enum zkhsm_hsm_flag - Flags of the configuration C.
 * @ZKHSM_HSM_FLAG_LOCKED: Nothing in C changes any more but by an order of the
 *   quorum.
 * @ZKHSM_HSM_FLAG_KEK_KEYRING: State is sealed under a KEK that a keyring key
 *   brought, and which root can know. At most one of the three kek flags is
 *   set.
 * @ZKHSM_HSM_FLAG_KEK_SHARES: The KEK comes from shares of the administrators.
 * @ZKHSM_HSM_FLAG_KEK_TPM: The kernel drew the KEK; only the TPM can give it
 *   back.
 * @ZKHSM_HSM_FLAG_COUNTER: A counter in the TPM refuses states from the past.
 */
enum zkhsm_hsm_flag {
	ZKHSM_HSM_FLAG_LOCKED = 1,
	ZKHSM_HSM_FLAG_KEK_KEYRING = 2,
	ZKHSM_HSM_FLAG_KEK_SHARES = 4,
	ZKHSM_HSM_FLAG_KEK_TPM = 8,
	ZKHSM_HSM_FLAG_COUNTER = 16,
};

/**
 * enum zkhsm_kek_class - Where the key encryption key comes from; fixed by
 *   hsm-new.
 */
enum zkhsm_kek_class {
	ZKHSM_KEK_CLASS_UNSPEC,
	ZKHSM_KEK_CLASS_KEYRING,
	ZKHSM_KEK_CLASS_SHARES,
	ZKHSM_KEK_CLASS_TPM,
};

/**
 * enum zkhsm_record_kind - What a sealed record holds; the numbers are those
 *   of the byte format.
 * @ZKHSM_RECORD_KIND_KEY: One key, named by its id.
 * @ZKHSM_RECORD_KIND_VOTES: The managers' votes on one element, named by its
 *   element name.
 */
enum zkhsm_record_kind {
	ZKHSM_RECORD_KIND_UNSPEC,
	ZKHSM_RECORD_KIND_KEY,
	ZKHSM_RECORD_KIND_VOTES,
};

enum zkhsm_feature {
	ZKHSM_FEATURE_P256 = 1,
	ZKHSM_FEATURE_PROOF_BATCH = 2,
	ZKHSM_FEATURE_ORDERS = 4,
	ZKHSM_FEATURE_AUDIT = 8,
	ZKHSM_FEATURE_VMFORK = 16,
	ZKHSM_FEATURE_SEALING = 32,
	ZKHSM_FEATURE_LOCKING = 64,
	ZKHSM_FEATURE_SHARES = 128,
	ZKHSM_FEATURE_TPM = 256,
	ZKHSM_FEATURE_LEASES = 512,
	ZKHSM_FEATURE_GRANTS = 1024,
};

/**
 * enum zkhsm_fault
 * @ZKHSM_FAULT_RECHECK: An answer disagreed with its recomputation from the
 *   other stored form; proving and signing are disabled until the module is
 *   reloaded.
 */
enum zkhsm_fault {
	ZKHSM_FAULT_RECHECK = 1,
};

/**
 * enum zkhsm_event - leased and expired are of a manager's lease, unleased of
 *   a key that was used without leases because enforce-grace-ms lets it.
 */
enum zkhsm_event {
	ZKHSM_EVENT_UNSPEC,
	ZKHSM_EVENT_CREATED,
	ZKHSM_EVENT_CHANGED,
	ZKHSM_EVENT_DELETED,
	ZKHSM_EVENT_HELD,
	ZKHSM_EVENT_RELEASED,
	ZKHSM_EVENT_COMPROMISED,
	ZKHSM_EVENT_EVIDENCE,
	ZKHSM_EVENT_FAULT,
	ZKHSM_EVENT_FORKED,
	ZKHSM_EVENT_UNSEALED,
	ZKHSM_EVENT_LOCKED,
	ZKHSM_EVENT_LEASED,
	ZKHSM_EVENT_EXPIRED,
	ZKHSM_EVENT_UNLEASED,
};

/**
 * enum zkhsm_order_type - Types of signed orders; the numbers are those of the
 *   byte format.
 */
enum zkhsm_order_type {
	ZKHSM_ORDER_TYPE_LEASE = 16,
	ZKHSM_ORDER_TYPE_REVOKE,
	ZKHSM_ORDER_TYPE_HOLD,
	ZKHSM_ORDER_TYPE_RELEASE,
	ZKHSM_ORDER_TYPE_GRANT,
	ZKHSM_ORDER_TYPE_TRUST_CHANGE,
	ZKHSM_ORDER_TYPE_TRANSFER,
};

/**
 * enum zkhsm_lease_verdict - What a manager's lease says of a key. The numbers
 *   of deny and grant are those of the byte format.
 * @ZKHSM_LEASE_VERDICT_DENY: A live lease, which does not grant the key.
 * @ZKHSM_LEASE_VERDICT_GRANT: A live lease, which grants the key.
 * @ZKHSM_LEASE_VERDICT_EXPIRED: The lease that granted the key has ended.
 * @ZKHSM_LEASE_VERDICT_CHANGED: The key has changed since the evidence that
 *   the lease answers.
 * @ZKHSM_LEASE_VERDICT_NONE: There is no lease of this manager.
 */
enum zkhsm_lease_verdict {
	ZKHSM_LEASE_VERDICT_UNSPEC,
	ZKHSM_LEASE_VERDICT_DENY,
	ZKHSM_LEASE_VERDICT_GRANT,
	ZKHSM_LEASE_VERDICT_EXPIRED,
	ZKHSM_LEASE_VERDICT_CHANGED,
	ZKHSM_LEASE_VERDICT_NONE,
};

/**
 * enum zkhsm_grant_operation - What a grant is for; the numbers are those of
 *   the byte format.
 */
enum zkhsm_grant_operation {
	ZKHSM_GRANT_OPERATION_UNSPEC,
	ZKHSM_GRANT_OPERATION_SIGN,
	ZKHSM_GRANT_OPERATION_PROVE,
};

/**
 * enum zkhsm_grant_algorithm - How it is done; the numbers are those of the
 *   byte format.
 * @ZKHSM_GRANT_ALGORITHM_ECDSA_P256_SHA256: Of key-sign, over a SHA-256
 *   digest.
 * @ZKHSM_GRANT_ALGORITHM_RFC8235: Of proof-get.
 */
enum zkhsm_grant_algorithm {
	ZKHSM_GRANT_ALGORITHM_UNSPEC,
	ZKHSM_GRANT_ALGORITHM_ECDSA_P256_SHA256,
	ZKHSM_GRANT_ALGORITHM_RFC8235,
};

/**
 * enum zkhsm_order_outcome - What became of a trust-change.
 * @ZKHSM_ORDER_OUTCOME_DONE: A quorum has ordered it, and the configuration
 *   has changed.
 * @ZKHSM_ORDER_OUTCOME_WAITING: Other managers have to order the same.
 * @ZKHSM_ORDER_OUTCOME_VOID: It can not be done; the reason attribute says
 *   why.
 * @ZKHSM_ORDER_OUTCOME_WITHDRAWN: It names the configuration in force: what
 *   this manager ordered before, and was waiting, is not wanted any more.
 */
enum zkhsm_order_outcome {
	ZKHSM_ORDER_OUTCOME_UNSPEC,
	ZKHSM_ORDER_OUTCOME_DONE,
	ZKHSM_ORDER_OUTCOME_WAITING,
	ZKHSM_ORDER_OUTCOME_VOID,
	ZKHSM_ORDER_OUTCOME_WITHDRAWN,
};

/**
 * enum zkhsm_revocation_reason - CRLReason of RFC 5280 section 5.3.1.
 */
enum zkhsm_revocation_reason {
	ZKHSM_REVOCATION_REASON_UNSPECIFIED,
	ZKHSM_REVOCATION_REASON_KEY_COMPROMISE,
	ZKHSM_REVOCATION_REASON_CA_COMPROMISE,
	ZKHSM_REVOCATION_REASON_AFFILIATION_CHANGED,
	ZKHSM_REVOCATION_REASON_SUPERSEDED,
	ZKHSM_REVOCATION_REASON_CESSATION_OF_OPERATION,
	ZKHSM_REVOCATION_REASON_CERTIFICATE_HOLD,
	ZKHSM_REVOCATION_REASON_UNUSED,
	ZKHSM_REVOCATION_REASON_REMOVE_FROM_CRL,
	ZKHSM_REVOCATION_REASON_PRIVILEGE_WITHDRAWN,
	ZKHSM_REVOCATION_REASON_AA_COMPROMISE,
};

/**
 * enum zkhsm_reason - Why a request was refused, in the cookie of the extended
 *   acknowledgement as a u32 in host byte order.
 * @ZKHSM_REASON_NO_IDENTITY: hsm-new has not been done (ENOKEY).
 * @ZKHSM_REASON_IDENTITY_EXISTS: The identity is made once per load (EEXIST).
 * @ZKHSM_REASON_NO_SUCH_KEY: No key has this id (ENOKEY).
 * @ZKHSM_REASON_ID_EXISTS: A key with this id exists (EEXIST).
 * @ZKHSM_REASON_ELEMENT_EXISTS: This key, or its negative, is here in some
 *   role already (EEXIST).
 * @ZKHSM_REASON_BAD_ID: The id has other characters than it may have (EINVAL).
 * @ZKHSM_REASON_NOT_ADMIN: CAP_SYS_ADMIN is needed, of caller and socket
 *   opener (EPERM).
 * @ZKHSM_REASON_NOT_OWNER: Caller and socket opener must both be the key's
 *   owner (EACCES).
 * @ZKHSM_REASON_NOT_AGENT: Caller and socket opener must both be the agent
 *   (EACCES).
 * @ZKHSM_REASON_USAGE: The key's usage does not allow the operation (EACCES).
 * @ZKHSM_REASON_STATE: The key's administrative state does not allow it
 *   (EACCES).
 * @ZKHSM_REASON_HELD: Held by the managers (EACCES).
 * @ZKHSM_REASON_REVOKED: Revoked by the managers (EKEYREVOKED).
 * @ZKHSM_REASON_WIDENING: Attributes can only be narrowed (EPERM).
 * @ZKHSM_REASON_KEYRING: The keyring key is not there, not ours, or of another
 *   type.
 * @ZKHSM_REASON_SECRET_RANGE: The scalar is not in [2, n-4] (EINVAL).
 * @ZKHSM_REASON_FULL: A table is full (ENOSPC).
 * @ZKHSM_REASON_NONCES_OUTSTANDING: Every slot for an outstanding nonce is
 *   taken (EBUSY).
 * @ZKHSM_REASON_RATE: The rate bucket is empty (EAGAIN).
 * @ZKHSM_REASON_LIST_MOVED: The keystore changed meanwhile, or that list is
 *   gone (EAGAIN).
 * @ZKHSM_REASON_NOT_PINNED: This manager is not pinned (ENOKEY).
 * @ZKHSM_REASON_REPEATED: An entry is there twice (EINVAL).
 * @ZKHSM_REASON_ALREADY_PINNED: This manager is pinned already (EEXIST).
 * @ZKHSM_REASON_MALFORMED: Not the canonical encoding of anything (EBADMSG).
 * @ZKHSM_REASON_OTHER_HSM: The order is for another HSM (EKEYREJECTED).
 * @ZKHSM_REASON_SIGNATURE: The signature is false (EKEYREJECTED).
 * @ZKHSM_REASON_REPLAY: An order with this number has been applied (EALREADY).
 * @ZKHSM_REASON_OUT_OF_TURN: Orders before this one are missing (EAGAIN).
 * @ZKHSM_REASON_RESERVED_INPUT: The input is kept for the protocol's own
 *   messages (EINVAL).
 * @ZKHSM_REASON_FAULT: Disabled after a failed recheck (EIO).
 * @ZKHSM_REASON_UNKNOWN_FLAG: A flag or value that this module does not know
 *   (EOPNOTSUPP).
 * @ZKHSM_REASON_NOT_SUPPORTED: This module cannot do it (EOPNOTSUPP).
 * @ZKHSM_REASON_LENGTH: The attribute is too short or too long (EINVAL).
 * @ZKHSM_REASON_MISSING: A mandatory attribute is missing (EINVAL).
 * @ZKHSM_REASON_CONFIG: The quorums do not fit each other (EINVAL).
 * @ZKHSM_REASON_HIBERNATION: Kept for the log, no request is refused with it.
 * @ZKHSM_REASON_LOCKED: The configuration is locked (EPERM).
 * @ZKHSM_REASON_NO_KEK: This HSM has no KEK, or none was given (ENOKEY).
 * @ZKHSM_REASON_OTHER_KEK: Sealed under another KEK than the one given
 *   (ENOKEY).
 * @ZKHSM_REASON_AUTHENTICATION: A sealed head or record was changed
 *   (EKEYREJECTED).
 * @ZKHSM_REASON_RECORD_NEWER: A sealed record is newer than the head (ESTALE).
 * @ZKHSM_REASON_RECORD_OLDER: The sealed records are not those that the head
 *   counts (ESTALE).
 * @ZKHSM_REASON_RECORDS_MISSING: Fewer sealed records than the head counts, or
 *   more (ENODATA).
 * @ZKHSM_REASON_ROLLBACK: The TPM's counter has seen a later state (ESTALE).
 * @ZKHSM_REASON_SEQUENCE: Not the sequence that was given out last (ESTALE).
 * @ZKHSM_REASON_UNSEALED: A change has not been stored yet (EAGAIN).
 * @ZKHSM_REASON_NOT_UNSEALING: Records or the end of an unsealing that was not
 *   begun (ENOKEY).
 * @ZKHSM_REASON_SHARE: A share is of another set, or shares are missing
 *   (EINVAL, ENOKEY).
 * @ZKHSM_REASON_TPM: The TPM is not there, or refuses.
 * @ZKHSM_REASON_NO_LEASE: No manager's lease grants the key yet (EKEYEXPIRED).
 * @ZKHSM_REASON_LEASE_EXPIRED: Too many of the leases that granted the key
 *   have ended (EKEYEXPIRED).
 * @ZKHSM_REASON_LEASE_DENIED: Too many managers' leases do not grant the key
 *   (EKEYEXPIRED).
 * @ZKHSM_REASON_LEASE_CHANGED: The key has changed since the evidence that the
 *   leases answer (EKEYEXPIRED).
 * @ZKHSM_REASON_LEASE_QUORUM: Fewer managers grant the key than the quorum
 *   (EKEYEXPIRED).
 * @ZKHSM_REASON_NONCE: The lease answers evidence that is not outstanding
 *   (EKEYEXPIRED).
 * @ZKHSM_REASON_TTL: The lease is for longer than max-ttl-ms (EINVAL).
 * @ZKHSM_REASON_OTHER_CONFIGURATION: The order replaces another configuration
 *   than the one in force.
 * @ZKHSM_REASON_NO_GRANT: The key needs grants for each operation (EACCES).
 * @ZKHSM_REASON_GRANT_QUORUM: Fewer managers grant the operation than the
 *   quorum (EACCES).
 * @ZKHSM_REASON_GRANT_INSTANCE: The grants are for another instance of this
 *   HSM (ESTALE).
 * @ZKHSM_REASON_GRANT_ELEMENT: The grants are for another key (EKEYREJECTED).
 * @ZKHSM_REASON_GRANT_OPERATION: The grants are for another operation or
 *   algorithm (EKEYREJECTED).
 * @ZKHSM_REASON_GRANT_INPUT: The grants are for another input (EKEYREJECTED).
 * @ZKHSM_REASON_GRANT_EXPIRED: The grants have expired (EKEYEXPIRED).
 * @ZKHSM_REASON_GRANT_AHEAD: The grants are for longer than a grant may live
 *   (EINVAL).
 * @ZKHSM_REASON_GRANT_USED: The grants have been used (EALREADY).
 * @ZKHSM_REASON_GRANTS_OUTSTANDING: Every slot for a used grant is taken
 *   (EBUSY).
 * @ZKHSM_REASON_GRANT_CLIENT: The signature of the client that the grants name
 *   is missing or false, or they name none (EACCES, EKEYREJECTED, EINVAL).
 * @ZKHSM_REASON_GRANTS_DIFFER: The grants do not all say the same (EINVAL).
 */
enum zkhsm_reason {
	ZKHSM_REASON_UNSPEC,
	ZKHSM_REASON_NO_IDENTITY,
	ZKHSM_REASON_IDENTITY_EXISTS,
	ZKHSM_REASON_NO_SUCH_KEY,
	ZKHSM_REASON_ID_EXISTS,
	ZKHSM_REASON_ELEMENT_EXISTS,
	ZKHSM_REASON_BAD_ID,
	ZKHSM_REASON_NOT_ADMIN,
	ZKHSM_REASON_NOT_OWNER,
	ZKHSM_REASON_NOT_AGENT,
	ZKHSM_REASON_USAGE,
	ZKHSM_REASON_STATE,
	ZKHSM_REASON_HELD,
	ZKHSM_REASON_REVOKED,
	ZKHSM_REASON_WIDENING,
	ZKHSM_REASON_KEYRING,
	ZKHSM_REASON_SECRET_RANGE,
	ZKHSM_REASON_FULL,
	ZKHSM_REASON_NONCES_OUTSTANDING,
	ZKHSM_REASON_RATE,
	ZKHSM_REASON_LIST_MOVED,
	ZKHSM_REASON_NOT_PINNED,
	ZKHSM_REASON_REPEATED,
	ZKHSM_REASON_ALREADY_PINNED,
	ZKHSM_REASON_MALFORMED,
	ZKHSM_REASON_OTHER_HSM,
	ZKHSM_REASON_SIGNATURE,
	ZKHSM_REASON_REPLAY,
	ZKHSM_REASON_OUT_OF_TURN,
	ZKHSM_REASON_RESERVED_INPUT,
	ZKHSM_REASON_FAULT,
	ZKHSM_REASON_UNKNOWN_FLAG,
	ZKHSM_REASON_NOT_SUPPORTED,
	ZKHSM_REASON_LENGTH,
	ZKHSM_REASON_MISSING,
	ZKHSM_REASON_CONFIG,
	ZKHSM_REASON_HIBERNATION,
	ZKHSM_REASON_LOCKED,
	ZKHSM_REASON_NO_KEK,
	ZKHSM_REASON_OTHER_KEK,
	ZKHSM_REASON_AUTHENTICATION,
	ZKHSM_REASON_RECORD_NEWER,
	ZKHSM_REASON_RECORD_OLDER,
	ZKHSM_REASON_RECORDS_MISSING,
	ZKHSM_REASON_ROLLBACK,
	ZKHSM_REASON_SEQUENCE,
	ZKHSM_REASON_UNSEALED,
	ZKHSM_REASON_NOT_UNSEALING,
	ZKHSM_REASON_SHARE,
	ZKHSM_REASON_TPM,
	ZKHSM_REASON_NO_LEASE,
	ZKHSM_REASON_LEASE_EXPIRED,
	ZKHSM_REASON_LEASE_DENIED,
	ZKHSM_REASON_LEASE_CHANGED,
	ZKHSM_REASON_LEASE_QUORUM,
	ZKHSM_REASON_NONCE,
	ZKHSM_REASON_TTL,
	ZKHSM_REASON_OTHER_CONFIGURATION,
	ZKHSM_REASON_NO_GRANT,
	ZKHSM_REASON_GRANT_QUORUM,
	ZKHSM_REASON_GRANT_INSTANCE,
	ZKHSM_REASON_GRANT_ELEMENT,
	ZKHSM_REASON_GRANT_OPERATION,
	ZKHSM_REASON_GRANT_INPUT,
	ZKHSM_REASON_GRANT_EXPIRED,
	ZKHSM_REASON_GRANT_AHEAD,
	ZKHSM_REASON_GRANT_USED,
	ZKHSM_REASON_GRANTS_OUTSTANDING,
	ZKHSM_REASON_GRANT_CLIENT,
	ZKHSM_REASON_GRANTS_DIFFER,
};

enum {
	ZKHSM_A_HSM_HSM_ID = 1,
	ZKHSM_A_HSM_IDENTITY,
	ZKHSM_A_HSM_MODULE_VERSION,
	ZKHSM_A_HSM_FEATURES,
	ZKHSM_A_HSM_INSTANCE_ID,
	ZKHSM_A_HSM_BOOT_COUNT,
	ZKHSM_A_HSM_FORK_COUNT,
	ZKHSM_A_HSM_UPTIME_MS,
	ZKHSM_A_HSM_KEY_COUNT,
	ZKHSM_A_HSM_GENERATION,
	ZKHSM_A_HSM_FLAGS,
	ZKHSM_A_HSM_QUORUM,
	ZKHSM_A_HSM_STOP,
	ZKHSM_A_HSM_WIPE,
	ZKHSM_A_HSM_ENFORCE_GRACE_MS,
	ZKHSM_A_HSM_MAX_TTL_MS,
	ZKHSM_A_HSM_AGENT_UID,
	ZKHSM_A_HSM_FAULTS,
	ZKHSM_A_HSM_DRIVER,
	ZKHSM_A_HSM_CONFIGURATION,
	ZKHSM_A_HSM_LIST_DIGEST,
	ZKHSM_A_HSM_NONCES,
	ZKHSM_A_HSM_EVENT,
	ZKHSM_A_HSM_KEK_CLASS,
	ZKHSM_A_HSM_KEYRING_SERIAL,
	ZKHSM_A_HSM_TPM_PCRS,
	ZKHSM_A_HSM_COUNTER_INDEX,
	ZKHSM_A_HSM_KEK_ID,
	ZKHSM_A_HSM_SEQUENCE,
	ZKHSM_A_HSM_UNSEALED,

	__ZKHSM_A_HSM_MAX
};
#define ZKHSM_A_HSM_MAX (__ZKHSM_A_HSM_MAX - 1)

enum {
	ZKHSM_A_KEY_ID = 1,
	ZKHSM_A_KEY_TYPE,
	ZKHSM_A_KEY_ORIGIN,
	ZKHSM_A_KEY_STATE,
	ZKHSM_A_KEY_USAGE,
	ZKHSM_A_KEY_FLAGS,
	ZKHSM_A_KEY_CREATED_MS,
	ZKHSM_A_KEY_PUBLIC,
	ZKHSM_A_KEY_ELEMENT,
	ZKHSM_A_KEY_OWNER_UID,
	ZKHSM_A_KEY_KEYRING_SERIAL,
	ZKHSM_A_KEY_REASON,
	ZKHSM_A_KEY_USES,
	ZKHSM_A_KEY_DIGEST,
	ZKHSM_A_KEY_SIGNATURE,
	ZKHSM_A_KEY_EVENT,
	ZKHSM_A_KEY_LEASES_NEEDED,
	ZKHSM_A_KEY_LEASES_GRANTED,
	ZKHSM_A_KEY_WORKS_UNTIL_MS,
	ZKHSM_A_KEY_UNLEASED_USES,
	ZKHSM_A_KEY_LEASE,
	ZKHSM_A_KEY_GRANT,
	ZKHSM_A_KEY_CLIENT_SIGNATURE,
	ZKHSM_A_KEY_RECEIPT,

	__ZKHSM_A_KEY_MAX
};
#define ZKHSM_A_KEY_MAX (__ZKHSM_A_KEY_MAX - 1)

enum {
	ZKHSM_A_KEY_LEASE_MANAGER_ID = 1,
	ZKHSM_A_KEY_LEASE_VERDICT,
	ZKHSM_A_KEY_LEASE_EXPIRES_MS,

	__ZKHSM_A_KEY_LEASE_MAX
};
#define ZKHSM_A_KEY_LEASE_MAX (__ZKHSM_A_KEY_LEASE_MAX - 1)

enum {
	ZKHSM_A_PROOF_ID = 1,
	ZKHSM_A_PROOF_USER_ID,
	ZKHSM_A_PROOF_OTHER_INFO,
	ZKHSM_A_PROOF_PUBLIC,
	ZKHSM_A_PROOF_PROOF,
	ZKHSM_A_PROOF_GRANT,
	ZKHSM_A_PROOF_CLIENT_SIGNATURE,
	ZKHSM_A_PROOF_RECEIPT,

	__ZKHSM_A_PROOF_MAX
};
#define ZKHSM_A_PROOF_MAX (__ZKHSM_A_PROOF_MAX - 1)

enum {
	ZKHSM_A_CHALLENGE_MANAGER_ID = 1,
	ZKHSM_A_CHALLENGE_NONCE,

	__ZKHSM_A_CHALLENGE_MAX
};
#define ZKHSM_A_CHALLENGE_MAX (__ZKHSM_A_CHALLENGE_MAX - 1)

enum {
	ZKHSM_A_EVIDENCE_CHALLENGE = 1,
	ZKHSM_A_EVIDENCE_LIST_DIGEST,
	ZKHSM_A_EVIDENCE_EVIDENCE,
	ZKHSM_A_EVIDENCE_ANNOUNCEMENT,
	ZKHSM_A_EVIDENCE_NUMBER,
	ZKHSM_A_EVIDENCE_CONFIGURATION_DIGEST,
	ZKHSM_A_EVIDENCE_EVENT,
	ZKHSM_A_EVIDENCE_OFFLINE,

	__ZKHSM_A_EVIDENCE_MAX
};
#define ZKHSM_A_EVIDENCE_MAX (__ZKHSM_A_EVIDENCE_MAX - 1)

enum {
	ZKHSM_A_LIST_DIGEST = 1,
	ZKHSM_A_LIST_LENGTH,
	ZKHSM_A_LIST_COUNT,
	ZKHSM_A_LIST_OFFSET,
	ZKHSM_A_LIST_CHUNK,
	ZKHSM_A_LIST_ANNOUNCEMENT,

	__ZKHSM_A_LIST_MAX
};
#define ZKHSM_A_LIST_MAX (__ZKHSM_A_LIST_MAX - 1)

enum {
	ZKHSM_A_MANAGER_MANAGER_ID = 1,
	ZKHSM_A_MANAGER_PUBLIC,
	ZKHSM_A_MANAGER_LABEL,
	ZKHSM_A_MANAGER_LAST_NUMBER,
	ZKHSM_A_MANAGER_LAST_DIGEST,
	ZKHSM_A_MANAGER_TOMBSTONES,
	ZKHSM_A_MANAGER_EVENT,
	ZKHSM_A_MANAGER_PENDING,

	__ZKHSM_A_MANAGER_MAX
};
#define ZKHSM_A_MANAGER_MAX (__ZKHSM_A_MANAGER_MAX - 1)

enum {
	ZKHSM_A_ORDER_ORDER = 1,
	ZKHSM_A_ORDER_MANAGER_ID,
	ZKHSM_A_ORDER_TYPE,
	ZKHSM_A_ORDER_NUMBER,
	ZKHSM_A_ORDER_IN_TURN,
	ZKHSM_A_ORDER_KEYS_CHANGED,
	ZKHSM_A_ORDER_TOMBSTONES,
	ZKHSM_A_ORDER_DROPPED,
	ZKHSM_A_ORDER_EXPIRES_MS,
	ZKHSM_A_ORDER_OUTCOME,
	ZKHSM_A_ORDER_VOTES,
	ZKHSM_A_ORDER_NEEDED,
	ZKHSM_A_ORDER_REASON,

	__ZKHSM_A_ORDER_MAX
};
#define ZKHSM_A_ORDER_MAX (__ZKHSM_A_ORDER_MAX - 1)

enum {
	ZKHSM_A_LEASE_MANAGER_ID = 1,
	ZKHSM_A_LEASE_LABEL,
	ZKHSM_A_LEASE_NUMBER,
	ZKHSM_A_LEASE_ISSUED_MS,
	ZKHSM_A_LEASE_EXPIRES_MS,
	ZKHSM_A_LEASE_UPTIME_MS,
	ZKHSM_A_LEASE_VERDICT,
	ZKHSM_A_LEASE_EXCEPTIONS,
	ZKHSM_A_LEASE_EVENT,

	__ZKHSM_A_LEASE_MAX
};
#define ZKHSM_A_LEASE_MAX (__ZKHSM_A_LEASE_MAX - 1)

enum {
	ZKHSM_A_SEAL_SEQUENCE = 1,
	ZKHSM_A_SEAL_KIND,
	ZKHSM_A_SEAL_ID,
	ZKHSM_A_SEAL_ELEMENT,
	ZKHSM_A_SEAL_RECORD,
	ZKHSM_A_SEAL_REMOVED,
	ZKHSM_A_SEAL_HEAD,
	ZKHSM_A_SEAL_FULL,
	ZKHSM_A_SEAL_REKEY,
	ZKHSM_A_SEAL_KEYRING_SERIAL,
	ZKHSM_A_SEAL_KEK_BLOB,
	ZKHSM_A_SEAL_FINISH,
	ZKHSM_A_SEAL_BOOT_COUNT,
	ZKHSM_A_SEAL_RECORDS,
	ZKHSM_A_SEAL_UNSEALED,

	__ZKHSM_A_SEAL_MAX
};
#define ZKHSM_A_SEAL_MAX (__ZKHSM_A_SEAL_MAX - 1)

enum {
	ZKHSM_A_SHARE_KEYRING_SERIAL = 1,
	ZKHSM_A_SHARE_THRESHOLD,
	ZKHSM_A_SHARE_ENTERED,
	ZKHSM_A_SHARE_COMPLETE,
	ZKHSM_A_SHARE_KEK_ID,

	__ZKHSM_A_SHARE_MAX
};
#define ZKHSM_A_SHARE_MAX (__ZKHSM_A_SHARE_MAX - 1)

enum {
	ZKHSM_CMD_HSM_NEW = 1,
	ZKHSM_CMD_HSM_GET,
	ZKHSM_CMD_HSM_SET,
	ZKHSM_CMD_HSM_LOCK,
	ZKHSM_CMD_HSM_SEAL,
	ZKHSM_CMD_HSM_UNSEAL,
	ZKHSM_CMD_HSM_NTF,
	ZKHSM_CMD_KEY_NEW,
	ZKHSM_CMD_KEY_GET,
	ZKHSM_CMD_KEY_SET,
	ZKHSM_CMD_KEY_DEL,
	ZKHSM_CMD_KEY_SIGN,
	ZKHSM_CMD_KEY_MAC,
	ZKHSM_CMD_KEY_DERIVE,
	ZKHSM_CMD_KEY_NTF,
	ZKHSM_CMD_PROOF_GET,
	ZKHSM_CMD_EVIDENCE_GET,
	ZKHSM_CMD_EVIDENCE_NTF,
	ZKHSM_CMD_LIST_GET,
	ZKHSM_CMD_TRUST_NEW,
	ZKHSM_CMD_TRUST_GET,
	ZKHSM_CMD_TRUST_DEL,
	ZKHSM_CMD_TRUST_NTF,
	ZKHSM_CMD_ORDER_APPLY,
	ZKHSM_CMD_SHARE_NEW,
	ZKHSM_CMD_SHARE_GET,
	ZKHSM_CMD_SHARE_DEL,
	ZKHSM_CMD_LEASE_GET,
	ZKHSM_CMD_LEASE_NTF,

	__ZKHSM_CMD_MAX
};
#define ZKHSM_CMD_MAX (__ZKHSM_CMD_MAX - 1)

#define ZKHSM_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_ZKHSM_H */
