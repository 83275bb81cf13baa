/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zkhsm.h - the map of the module
 *
 * The structures that several files share, what locks them, and every
 * function that crosses a file, under the name of the file that has it. The
 * cryptography below (schnorr, ecdsa, secret, group, nonce, transcript,
 * scalar, point, wire) has headers of its own and knows nothing of this one,
 * but for zkhsm_fault_report().
 *
 *	netlink*  ->  ops, use, evidence, order, list, trust, hsm-new, seal, unseal
 *	order	  ->  lease-apply, trust-change
 *	use	  ->  grant  ->  order
 *		  ->  hsm, keystore, vote, element  ->  key, lease, record
 *		  ->  schnorr, ecdsa, wire
 *
 * What seals and unseals has its map in seal.h, leases have theirs in lease.h,
 * grants in grant.h; tpm.h is a world of its own.
 *
 * Locking: see Documentation/locking.rst. zkhsm_lock covers everything that
 * the list L, the configuration C and the managers' orders say; whoever holds
 * it does no scalar multiplication, hashes no list and waits for nobody.
 */
#ifndef ZKHSM_H
#define ZKHSM_H

#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/rbtree.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/types.h>
#include <linux/uidgid.h>
#include <net/genetlink.h>

#include "compat.h"
#include "ecdsa.h"
#include "record.h"
#include "schnorr.h"
#include "secret.h"
#include "transcript.h"
#include "wire.h"

#define ZKHSM_VERSION_MAJOR	0
#define ZKHSM_VERSION_MINOR	1
#define ZKHSM_VERSION_PATCH	0
#define ZKHSM_VERSION_CODE	(ZKHSM_VERSION_MAJOR << 16 | ZKHSM_VERSION_MINOR << 8 | \
				 ZKHSM_VERSION_PATCH)
#define ZKHSM_VERSION_STRING	__stringify(ZKHSM_VERSION_MAJOR) "." \
				__stringify(ZKHSM_VERSION_MINOR) "." \
				__stringify(ZKHSM_VERSION_PATCH)

/* Elements not present that one manager may put votes on; deleted keys add theirs beyond it. */
#define ZKHSM_TOMBSTONES_MAX		4096
/* Managers whose counter or votes are remembered, pinned ones included. */
#define ZKHSM_MANAGERS_KNOWN_MAX	256
#define ZKHSM_DEFAULT_MAX_TTL_MS	(24ULL * 60 * 60 * 1000)
#define ZKHSM_ANNOUNCEMENT_PROVED_LEN	(ZKHSM_ANNOUNCEMENT_LEN + ZKHSM_PROOF_LEN)

extern struct rw_semaphore zkhsm_lock;

struct zkhsm_element;
struct zkhsm_grant;
struct zkhsm_key;
struct zkhsm_lease;
struct zkhsm_lease_info;

/**
 * struct zkhsm_live - the secret of a key while it has one
 * @ref: the key has one reference, every use in flight has one
 * @secret: immutable until the last reference is gone, then wiped
 *
 * Revocation and deletion take the key's reference away and wait for nobody;
 * a use in flight finishes on its own reference, has its result thrown away by
 * zkhsm_key_release_begin(), and wipes.
 */
struct zkhsm_live {
	refcount_t ref;
	struct zkhsm_secret secret;
};

/**
 * struct zkhsm_key - one key of the store
 * @ref: structural references: the store's own while the key is there, the
 *	lists' and the callers'. They keep the struct, not the secret.
 * @node: in the store, ordered by @id. Locking: zkhsm_lock.
 * @id: NUL-terminated
 * @id_len: without the NUL
 * @origin: enum zkhsm_key_origin
 * @created_ms: wall clock
 * @pub: public element
 * @element: its place among the elements; NULL once the key has been deleted.
 *	Locking: zkhsm_lock.
 * @live: the secret; NULL in state compromised and after deletion.
 *	Locking: zkhsm_lock for the pointer, its reference for what it points to.
 * @state: PRE_ACTIVE	secret present, proved, not usable
 *	   ACTIVE	secret present, proved, usable
 *	   HELD		secret present, proved, not usable until the managers
 *			release it into @resume
 *	   DEACTIVATED	secret present, proved, not usable until its owner
 *			activates it again
 *	   COMPROMISED	no secret, not proved, never usable again
 *	Locking: zkhsm_lock.
 * @resume: the state that a release leads to. Locking: zkhsm_lock.
 * @usage: enum zkhsm_key_usage, only ever loses bits. Locking: zkhsm_lock.
 * @flags: enum zkhsm_key_flag. Locking: zkhsm_lock.
 * @reason: enum zkhsm_revocation_reason, in states held and compromised.
 *	Locking: zkhsm_lock.
 * @owner: who may use it. Locking: zkhsm_lock.
 * @changed: the keystore's generation when what L says of it changed, but for
 *	pre-active to active: leases for evidence of before do not grant it.
 *	Locking: zkhsm_lock.
 * @record: its sealed record
 * @uses: answers released
 * @unleased_uses: those of them that leases did not grant
 * @unleased_told: bit 0: that this happens has been told, since it last was
 *	used under leases
 *
 * Members without a "Locking:" note never change after zkhsm_key_alloc() and
 * the creation of the secret, before anybody else can see the key.
 */
struct zkhsm_key {
	struct kref ref;
	struct rb_node node;
	char id[ZKHSM_ID_MAX_LEN + 1];
	u8 id_len;
	u8 origin;
	u64 created_ms;
	u8 pub[ZKHSM_POINT_LEN];
	struct zkhsm_element *element;
	struct zkhsm_live *live;
	enum zkhsm_key_state state;
	enum zkhsm_key_state resume;
	u32 usage;
	u32 flags;
	u8 reason;
	kuid_t owner;
	u64 changed;
	struct zkhsm_record record;
	atomic64_t uses;
	atomic64_t unleased_uses;
	unsigned long unleased_told;
};

/* What anybody who may see a key sees of it, copied under zkhsm_lock. */
struct zkhsm_key_info {
	char id[ZKHSM_ID_MAX_LEN + 1];
	u32 origin;
	u32 state;
	u32 usage;
	u32 flags;
	u32 reason;
	u64 created_ms;
	u64 uses;
	kuid_t owner;
	u8 pub[ZKHSM_POINT_LEN];
	u8 element[ZKHSM_HASH_LEN];
	u32 leases_needed;	/* 0: it requires none */
	u32 leases_granted;
	u64 works_until_ms;
	u64 unleased_uses;
};

/**
 * enum zkhsm_role - what an element is here
 * @ZKHSM_ROLE_ABSENT: not here, but managers voted on it: a tombstone
 * @ZKHSM_ROLE_IDENTITY: D
 * @ZKHSM_ROLE_MANAGER: key of a pinned manager
 * @ZKHSM_ROLE_KEY: key in the store
 */
enum zkhsm_role {
	ZKHSM_ROLE_ABSENT,
	ZKHSM_ROLE_IDENTITY,
	ZKHSM_ROLE_MANAGER,
	ZKHSM_ROLE_KEY,
};

/**
 * struct zkhsm_element - one element of the group that this HSM has heard of
 * @node: among all elements, ordered by @name
 * @name: SHA-256(BE16(suite) | x); an element and its negative share it
 * @role: an element has one role at a time
 * @key: with ZKHSM_ROLE_KEY
 * @stopped: enough managers stopped it, and no quorum has released it since:
 *	it may not come (back) in, whoever took a vote back or raised quorums
 * @votes: struct zkhsm_vote, at most one per manager, latest cast last
 * @voted: among the elements that have votes
 * @record: the sealed record of its votes
 *
 * Locking: zkhsm_lock.
 */
struct zkhsm_element {
	struct rb_node node;
	u8 name[ZKHSM_HASH_LEN];
	enum zkhsm_role role;
	struct zkhsm_key *key;
	bool stopped;
	struct list_head votes;
	struct list_head voted;
	struct zkhsm_record record;
};

/**
 * struct zkhsm_manager - a manager that is pinned, or was and left something
 * @node: among the known managers, ordered by @id
 * @id: SHA-256 of @pub
 * @pub: its key, SEC1 uncompressed
 * @label: for people
 * @pinned: its orders count; otherwise only its counter and votes are kept
 * @element: its key among the elements, while pinned
 * @last_number: of the last order applied in turn
 * @last_digest: SHA-256 of what its signature covers, zero before the first
 * @tombstones: its votes on elements that are not here
 * @votes: all its votes
 * @lease: its lease, whether or not it lives; NULL: none, or not pinned
 * @lease_number: n of the evidence of its last lease, 0: none. Kept, so that no
 *	lease is taken twice.
 * @waiting: it has ordered a change of C that waits for others
 * @pending: SHA-256 of that order's body
 *
 * Locking: zkhsm_lock.
 */
struct zkhsm_manager {
	struct list_head node;
	u8 id[ZKHSM_HASH_LEN];
	u8 pub[ZKHSM_POINT_LEN];
	char label[ZKHSM_LABEL_MAX_LEN + 1];
	bool pinned;
	struct zkhsm_element *element;
	u64 last_number;
	u8 last_digest[ZKHSM_HASH_LEN];
	u32 tombstones;
	u32 votes;
	struct zkhsm_lease *lease;
	u32 lease_number;
	bool waiting;
	u8 pending[ZKHSM_HASH_LEN];
};

struct zkhsm_manager_info {
	u8 id[ZKHSM_HASH_LEN];
	u8 pub[ZKHSM_POINT_LEN];
	char label[ZKHSM_LABEL_MAX_LEN + 1];
	u64 last_number;
	u8 last_digest[ZKHSM_HASH_LEN];
	u32 tombstones;
	bool leased;
	bool waiting;
	u8 pending[ZKHSM_HASH_LEN];
};

enum zkhsm_vote_kind {
	ZKHSM_VOTE_RELEASE,
	ZKHSM_VOTE_HOLD,
	ZKHSM_VOTE_REVOKE,
	/*
	 * Cleared by a release while the order it came from was ahead of turn:
	 * kept until that order comes again in turn, so that it stays cleared.
	 */
	ZKHSM_VOTE_CLEARED,
};

/**
 * struct zkhsm_vote - the latest word of one manager on one element
 * @node: in the element's votes
 * @by: whose
 * @number: of the order; a lower one never takes its place
 * @kind: what
 * @reason: enum zkhsm_revocation_reason
 * @since: CLOCK_BOOTTIME when it was cast, 0: before this boot
 *
 * Locking: zkhsm_lock.
 */
struct zkhsm_vote {
	struct list_head node;
	struct zkhsm_manager *by;
	u64 number;
	enum zkhsm_vote_kind kind;
	u8 reason;
	ktime_t since;
};

/* A key whose state an order, or a lower quorum, changed; @key is a reference. */
struct zkhsm_change {
	struct zkhsm_key *key;
	enum zkhsm_event event;
};

/**
 * struct zkhsm_list - one immutable copy of L
 * @ref: references
 * @generation: of the keystore when it was made
 * @digest: SHA-256(@data)
 * @count: entries
 * @proved: length of @keys
 * @len: length of @data
 * @data: L
 * @keys: references to the keys that a proof over this list covers, in order
 * @outstanding: nonces issued over it that still live; see outstanding.c
 * @announcement: the identity's message about it and its proof
 */
struct zkhsm_list {
	refcount_t ref;
	u64 generation;
	u8 digest[ZKHSM_HASH_LEN];
	u32 count;
	u32 proved;
	u32 len;
	u8 *data;
	struct zkhsm_key **keys;
	atomic_t outstanding;
	u8 announcement[ZKHSM_ANNOUNCEMENT_PROVED_LEN];
};

/**
 * struct zkhsm_outstanding - one nonce that evidence was made over
 * @node: among the free or the living, oldest first
 * @nonce: the statement's lease_nonce
 * @statement: SHA-256(S), zero until the evidence is done
 * @number: n of S
 * @issued: CLOCK_BOOTTIME; its life counts from here
 * @generation: of the keystore, and so of the copy of L, that S names. Not a
 *	reference: a thousand nonces must not keep a thousand lists.
 * @epoch: what a fork of the VM changes
 *
 * Locking: the lock of outstanding.c, but for whoever has reserved it.
 */
struct zkhsm_outstanding {
	struct list_head node;
	u8 nonce[ZKHSM_HASH_LEN];
	u8 statement[ZKHSM_HASH_LEN];
	u32 number;
	ktime_t issued;
	u64 generation;
	u32 epoch;
};

/* What a lease has to know of the evidence that it answers. */
struct zkhsm_outstanding_ref {
	u32 number;
	ktime_t issued;
	u64 generation;
};

/* What hsm-new and hsm-set may ask for; zero and false: not asked for. */
struct zkhsm_hsm_request {
	u32 quorum;
	u32 stop;
	u32 wipe;
	bool set_agent;
	kuid_t agent;
	u32 kek_class;
	s32 serial;
	u32 pcrs;
	u32 counter_index;
	bool set_grace;
	u64 grace_ms;
	u64 max_ttl_ms;
};

/* An HSM that is made, or that was sealed and comes back; @secret is taken over. */
struct zkhsm_hsm_state {
	struct zkhsm_secret *secret;
	const u8 *pub;
	const u8 *id;
	u32 boot_count;
	u32 flags;
	u32 quorum;
	u32 stop;
	u32 wipe;
	u64 grace_ms;
	u64 max_ttl_ms;
	kuid_t agent;
	u32 counter_index;
	u64 sequence;
	const u8 *kek_id;
};

/*
 * What hsm-get tells, copied under zkhsm_lock; and, from hsm-set, the keys that
 * lower quorums stopped, to be freed by zkhsm_hsm_info_free().
 */
struct zkhsm_hsm_info {
	bool present;
	u8 hsm_id[ZKHSM_HASH_LEN];
	u8 identity[ZKHSM_POINT_LEN];
	u8 instance_id[ZKHSM_INSTANCE_ID_LEN];
	u32 boot_count;
	u32 fork_count;
	u32 key_count;
	u64 generation;
	kuid_t agent;
	u32 counter_index;
	u8 kek_id[ZKHSM_KEK_ID_LEN];
	u64 sequence;
	u32 unsealed;
	struct zkhsm_configuration c;
	u32 configuration_len;
	u8 configuration[ZKHSM_CONFIGURATION_MAX_LEN];
	u32 change_count;
	struct zkhsm_change *changes;
};

/* A request of evidence-get, and the answer. */
struct zkhsm_evidence {
	u32 challenge_count;
	struct zkhsm_challenge challenges[ZKHSM_MANAGERS_MAX];
	bool by_hand;
	bool expect_list;
	u8 expected[ZKHSM_HASH_LEN];

	u32 number;
	u32 len;
	u8 bytes[ZKHSM_EVIDENCE_MAX_LEN];
	u8 list_digest[ZKHSM_HASH_LEN];
	u8 config_digest[ZKHSM_HASH_LEN];
	u8 announcement[ZKHSM_ANNOUNCEMENT_PROVED_LEN];
};

/* What order-apply did. */
struct zkhsm_order_result {
	u8 manager_id[ZKHSM_HASH_LEN];
	u32 type;
	u64 number;
	bool in_turn;
	u32 tombstones;
	u32 dropped;
	u64 expires_ms;
	enum zkhsm_order_outcome outcome;
	u32 votes;
	u32 needed;
	enum zkhsm_reason reason;
	u32 change_count;
	struct zkhsm_change *changes;
};

/* A request of key-new. */
struct zkhsm_key_request {
	const char *id;
	u32 type;
	u32 usage;
	u32 flags;
	u32 state;
	kuid_t owner;
	bool import;
	s32 serial;
};

/* Who asks, for checks that come later, under the lock. */
struct zkhsm_caller {
	kuid_t uid;	/* of caller and socket opener; nobody's when they differ */
	bool admin;
};

/* What key-set may ask for. */
struct zkhsm_key_update {
	bool set_usage, set_flags, set_state, set_owner;
	u32 usage;
	u32 flags;
	u32 state;
	kuid_t owner;
	struct zkhsm_caller by;
};

/* What proof-get is asked to prove; @other NULL: absent, which is not the same as empty. */
struct zkhsm_proof_input {
	const void *user_id;
	size_t uid_len;
	const void *other;
	size_t other_len;
};

/* refuse.c */
int zkhsm_refuse(struct netlink_ext_ack *extack, int err, enum zkhsm_reason reason,
		 const char *sentence);
int zkhsm_refuse_failure(struct netlink_ext_ack *extack, int err);
const char *zkhsm_reason_sentence(u8 reason, bool revoked);

/* The sentence with values in it, where the kernel can; the fixed one elsewhere. */
#define zkhsm_refuse_fmt(extack, err, reason, sentence, ...)			\
({										\
	struct netlink_ext_ack *__ack = (extack);				\
	int __refused = zkhsm_refuse(__ack, err, reason, sentence);		\
										\
	zkhsm_extack_format(__ack, __VA_ARGS__);				\
	__refused;								\
})

/* access.c */
enum zkhsm_class {
	ZKHSM_CLASS_NONE,	/* a command that was forgotten: nobody may */
	ZKHSM_CLASS_PUBLIC,
	ZKHSM_CLASS_OWNER,
	ZKHSM_CLASS_AGENT,
	ZKHSM_CLASS_ADMIN,
};

int zkhsm_access_init(void);
enum zkhsm_class zkhsm_access_class(u8 cmd);
int zkhsm_access_check(u8 cmd, struct sk_buff *skb, struct netlink_ext_ack *extack);
int zkhsm_access_key(u8 cmd, struct sk_buff *skb, kuid_t owner, struct netlink_ext_ack *extack);
bool zkhsm_access_admin(struct sk_buff *skb);
bool zkhsm_access_agent(struct sk_buff *skb);
bool zkhsm_access_uid(struct sk_buff *skb, kuid_t uid);
struct zkhsm_caller zkhsm_access_caller(struct sk_buff *skb);
int zkhsm_access_still(const struct zkhsm_caller *by, kuid_t owner,
		       struct netlink_ext_ack *extack);

/* key.c */
int zkhsm_key_init(void);
void zkhsm_key_exit(void);
struct zkhsm_key *zkhsm_key_alloc(const char *id);
void zkhsm_key_get(struct zkhsm_key *key);
void zkhsm_key_put(struct zkhsm_key *key);
struct zkhsm_live *zkhsm_live_alloc(void);
void zkhsm_live_put(struct zkhsm_live *live);
void zkhsm_key_erase(struct zkhsm_key *key);
void zkhsm_key_changed(struct zkhsm_key *key);
void zkhsm_key_set_state(struct zkhsm_key *key, enum zkhsm_key_state state);
void zkhsm_key_read(const struct zkhsm_key *key, struct zkhsm_key_info *info);
void zkhsm_key_entry(const struct zkhsm_key *key, struct zkhsm_list_entry *e);
int zkhsm_key_check(const struct zkhsm_key *key, u32 usage, const struct zkhsm_grant *grant,
		    struct netlink_ext_ack *extack);
int zkhsm_key_use_begin(struct zkhsm_key *key, u32 usage, struct zkhsm_grant *grant,
			struct zkhsm_live **live, struct netlink_ext_ack *extack);
int zkhsm_key_release_begin(struct zkhsm_key *key, u32 usage, const struct zkhsm_grant *grant,
			    struct netlink_ext_ack *extack);
void zkhsm_key_release_end(struct zkhsm_key *key);

/* keystore.c */
struct zkhsm_key *zkhsm_keystore_find(const char *id);
struct zkhsm_key *zkhsm_keystore_after(const char *id);
struct zkhsm_key *zkhsm_keystore_next(struct zkhsm_key *key);
struct zkhsm_key *zkhsm_keystore_get(const char *id, struct netlink_ext_ack *extack);
void zkhsm_keystore_insert(struct zkhsm_key *key);
void zkhsm_keystore_remove(struct zkhsm_key *key);
void zkhsm_keystore_changed(void);
void zkhsm_keystore_quiet_begin(void);
void zkhsm_keystore_quiet_end(void);
void zkhsm_keystore_quiet_storing(bool storing);
bool zkhsm_keystore_quiet(void);
u64 zkhsm_keystore_generation(void);
u32 zkhsm_keystore_count(void);
size_t zkhsm_keystore_list_len(void);
void zkhsm_keystore_exit(void);

/* element.c */
int zkhsm_element_name(const u8 pub[ZKHSM_POINT_LEN], u8 name[ZKHSM_HASH_LEN]);
struct zkhsm_element *zkhsm_element_alloc(void);
void zkhsm_element_free(struct zkhsm_element *e);
struct zkhsm_element *zkhsm_element_find(const u8 name[ZKHSM_HASH_LEN]);
void zkhsm_element_insert(struct zkhsm_element *e);
struct zkhsm_element *zkhsm_element_restore(struct zkhsm_element **fresh, enum zkhsm_role role,
					    struct netlink_ext_ack *extack);
struct zkhsm_element *zkhsm_element_adopt(struct zkhsm_element **fresh, enum zkhsm_role role,
					  struct netlink_ext_ack *extack);
void zkhsm_element_abandon(struct zkhsm_element *e);
void zkhsm_element_collect(struct zkhsm_element *e);
void zkhsm_element_exit(void);

/* vote.c */
extern struct list_head zkhsm_voted;
struct zkhsm_vote *zkhsm_vote_find(const struct zkhsm_element *e, const struct zkhsm_manager *by);
void zkhsm_vote_add(struct zkhsm_element *e, struct zkhsm_vote *v, struct zkhsm_manager *by);
void zkhsm_vote_del(struct zkhsm_element *e, struct zkhsm_vote *v);
void zkhsm_vote_cast(struct zkhsm_element *e, struct zkhsm_vote *v, enum zkhsm_vote_kind kind,
		     u64 number, u8 reason);
void zkhsm_vote_moved(const struct zkhsm_element *e, bool absent);
enum zkhsm_event zkhsm_vote_count(struct zkhsm_element *e, bool may_release);
u32 zkhsm_vote_tighten(struct zkhsm_change *changes);
bool zkhsm_vote_stops(const struct zkhsm_element *e, const struct zkhsm_manager *by);
const struct zkhsm_vote *zkhsm_vote_first_stop(const struct zkhsm_element *e, u32 *others);
void zkhsm_vote_exit(struct zkhsm_element *e);

/* trust.c */
struct zkhsm_manager *zkhsm_trust_find(const u8 id[ZKHSM_HASH_LEN]);
struct zkhsm_manager *zkhsm_trust_next_pinned(const struct zkhsm_manager *m);
#define zkhsm_trust_for_each_pinned(m) \
	for ((m) = zkhsm_trust_next_pinned(NULL); (m); (m) = zkhsm_trust_next_pinned(m))
int zkhsm_refuse_unpinned(struct netlink_ext_ack *extack);
void zkhsm_trust_forget_pending(void);
struct zkhsm_manager *zkhsm_trust_alloc(const u8 pub[ZKHSM_POINT_LEN]);
void zkhsm_trust_pin(struct zkhsm_manager **fresh, struct zkhsm_element *e);
void zkhsm_trust_unpin(struct zkhsm_manager *m);
void zkhsm_trust_read(const struct zkhsm_manager *m, struct zkhsm_manager_info *info);
int zkhsm_trust_new(const u8 pub[ZKHSM_POINT_LEN], const char *label,
		    struct zkhsm_manager_info *info, struct netlink_ext_ack *extack);
int zkhsm_trust_get(const u8 id[ZKHSM_HASH_LEN], struct zkhsm_manager_info *info,
		    struct netlink_ext_ack *extack);
int zkhsm_trust_del(const u8 id[ZKHSM_HASH_LEN], struct zkhsm_manager_info *info,
		    struct netlink_ext_ack *extack);
bool zkhsm_trust_after(const u8 *id, struct zkhsm_manager_info *info);
void zkhsm_trust_keys(struct zkhsm_configuration *c);
struct zkhsm_manager_entry;
int zkhsm_trust_restore(const struct zkhsm_manager_entry *e, struct netlink_ext_ack *extack);
u32 zkhsm_trust_known(void);
u32 zkhsm_trust_pinned(void);
u32 zkhsm_trust_encode(u8 *buf, size_t size, u16 *count);
void zkhsm_trust_exit(void);

/* hsm.c */
void zkhsm_hsm_init(void);
void zkhsm_hsm_exit(void);
bool zkhsm_hsm_present(void);
kuid_t zkhsm_hsm_agent(void);
void zkhsm_hsm_quorums(u32 *quorum, u32 *stop, u32 *wipe);
u64 zkhsm_hsm_grace_ms(void);
u64 zkhsm_hsm_max_ttl_ms(void);
void zkhsm_hsm_reconfigure(const struct zkhsm_configuration *c);
int zkhsm_hsm_lock_with_room(struct zkhsm_change **changes);
int zkhsm_hsm_check_ttl(u64 max_ttl_ms, struct netlink_ext_ack *extack);
const u8 *zkhsm_hsm_instance_id(void);
const u8 *zkhsm_hsm_id(void);
const u8 *zkhsm_hsm_pub(void);
const struct zkhsm_secret *zkhsm_hsm_secret(void);
int zkhsm_hsm_set(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		  struct netlink_ext_ack *extack);
void zkhsm_hsm_info_free(struct zkhsm_hsm_info *info);
void zkhsm_hsm_read(struct zkhsm_hsm_info *info);
void zkhsm_hsm_read_locked(struct zkhsm_hsm_info *info);
u32 zkhsm_hsm_configuration(struct zkhsm_configuration *c, u8 buf[ZKHSM_CONFIGURATION_MAX_LEN]);
void zkhsm_hsm_state(struct zkhsm_statement *s);
void zkhsm_hsm_forked(void);
bool zkhsm_hsm_locked(void);
int zkhsm_hsm_lock(struct zkhsm_hsm_info *info, struct netlink_ext_ack *extack);
void zkhsm_hsm_publish(const struct zkhsm_hsm_state *state, enum zkhsm_event event);
int zkhsm_hsm_check_quorums(u32 stop, u32 wipe, struct netlink_ext_ack *extack);
void zkhsm_hsm_tell(int err, enum zkhsm_event event, const struct zkhsm_hsm_info *info);
bool zkhsm_hsm_extractable(void);
void zkhsm_hsm_seal_state(u8 config[ZKHSM_CONFIGURATION_MAX_LEN], u16 *config_len,
			  u32 *boot_count, u32 *agent);
void zkhsm_hsm_stored(u64 sequence, const u8 kek_id[ZKHSM_KEK_ID_LEN]);

/* hsm-new.c */
int zkhsm_hsm_new(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		  struct netlink_ext_ack *extack);

/* list.c */
struct zkhsm_list *zkhsm_list_current(void);
void zkhsm_list_keep(struct zkhsm_list *list);
struct zkhsm_list *zkhsm_list_find(const u8 *digest, struct netlink_ext_ack *extack);
void zkhsm_list_unname(u64 generation);
bool zkhsm_list_newest_digest(u8 digest[ZKHSM_HASH_LEN]);
void zkhsm_list_get(struct zkhsm_list *list);
void zkhsm_list_put(struct zkhsm_list *list);
void zkhsm_list_exit(void);

/* outstanding.c */
int zkhsm_outstanding_init(unsigned int slots, unsigned int life_ms);
void zkhsm_outstanding_exit(void);
struct zkhsm_outstanding *zkhsm_outstanding_reserve(bool by_hand);
bool zkhsm_outstanding_find(const u8 statement[ZKHSM_HASH_LEN], u64 offline_ms,
			    struct zkhsm_outstanding_ref *ref);
void zkhsm_outstanding_number(struct zkhsm_outstanding *o, struct zkhsm_statement *s);
int zkhsm_outstanding_commit(struct zkhsm_outstanding *o, struct zkhsm_list *list,
			     const u8 statement[ZKHSM_HASH_LEN]);
void zkhsm_outstanding_cancel(struct zkhsm_outstanding *o);
void zkhsm_outstanding_drop_all(void);
u32 zkhsm_outstanding_count(void);

/* evidence.c */
int zkhsm_evidence_init(unsigned int rate, unsigned int burst);
int zkhsm_evidence_make(struct zkhsm_evidence *ev, struct netlink_ext_ack *extack);

/* order.c */
int zkhsm_order_apply(const u8 *buf, size_t len, struct zkhsm_order_result *res,
		      struct netlink_ext_ack *extack);
void zkhsm_order_result_free(struct zkhsm_order_result *res);

/* keyring.c */
int zkhsm_keyring_read(s32 serial, u8 *secret, size_t len, struct netlink_ext_ack *extack);

/* ops.c */
int zkhsm_op_key_new(const struct zkhsm_key_request *req, struct zkhsm_key_info *info,
		     struct netlink_ext_ack *extack);
int zkhsm_op_key_set(struct zkhsm_key *key, const struct zkhsm_key_update *up,
		     struct zkhsm_key_info *info, struct netlink_ext_ack *extack);
int zkhsm_op_key_del(struct zkhsm_key *key, const struct zkhsm_caller *by,
		     struct zkhsm_key_info *info, struct netlink_ext_ack *extack);
u32 zkhsm_faults(void);

/* use.c */
int zkhsm_op_sign(struct zkhsm_key *key, const u8 digest[ZKHSM_HASH_LEN],
		  struct zkhsm_grant *grant, u8 sig[ZKHSM_SIGNATURE_LEN],
		  struct netlink_ext_ack *extack);
int zkhsm_op_prove(struct zkhsm_key *key, const struct zkhsm_proof_input *in,
		   struct zkhsm_grant *grant, u8 proof[ZKHSM_PROOF_LEN],
		   struct netlink_ext_ack *extack);

/* audit.c */
bool zkhsm_audit_allowed(void);
__printf(2, 3) void zkhsm_audit(int err, const char *fmt, ...);

/* guard.c */
int zkhsm_guard_init(void);
void zkhsm_guard_exit(void);

/* netlink.c */
int zkhsm_netlink_init(const char *driver);
void zkhsm_netlink_exit(void);

/*
 * netlink-event.c: all that what is below netlink calls in it. The others are
 * called with zkhsm_lock held since the change that they tell; this one takes it.
 */
void zkhsm_nl_event_hsm(enum zkhsm_event event);
void zkhsm_nl_event_hsm_info(enum zkhsm_event event, const struct zkhsm_hsm_info *info);
void zkhsm_nl_event_key(enum zkhsm_event event, const struct zkhsm_key_info *info);
void zkhsm_nl_event_changes(const struct zkhsm_change *changes, u32 count);
void zkhsm_nl_event_trust(enum zkhsm_event event, const struct zkhsm_manager_info *info);
void zkhsm_nl_event_lease(enum zkhsm_event event, const struct zkhsm_lease_info *info);

#endif /* ZKHSM_H */
