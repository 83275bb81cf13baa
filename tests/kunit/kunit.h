/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kunit.h - what the suites share
 *
 * The suites are linked into a variant of zkhsm.ko and run when it has been
 * loaded, in the order of main.c, in a module that is complete and idle: the
 * self-tests have passed, the netlink family is there, nobody talks to it.
 */
#ifndef ZKHSM_KUNIT_H
#define ZKHSM_KUNIT_H

#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/workqueue.h>

#include "zkhsm.h"

#define N (&zkhsm_p256_n)
#define P (&zkhsm_p256_p)

#define KUNIT_DRIVER	"ecdh-nist-p256-generic"

extern struct kunit_suite zkhsm_kunit_scalar;
extern struct kunit_suite zkhsm_kunit_point;
extern struct kunit_suite zkhsm_kunit_group;
extern struct kunit_suite zkhsm_kunit_transcript;
extern struct kunit_suite zkhsm_kunit_nonce;
extern struct kunit_suite zkhsm_kunit_schnorr;
extern struct kunit_suite zkhsm_kunit_batch;
extern struct kunit_suite zkhsm_kunit_ecdsa;
extern struct kunit_suite zkhsm_kunit_shamir;
extern struct kunit_suite zkhsm_kunit_share;
extern struct kunit_suite zkhsm_kunit_adversarial;
extern struct kunit_suite zkhsm_kunit_adversarial_messages;
extern struct kunit_suite zkhsm_kunit_wire;
extern struct kunit_suite zkhsm_kunit_wire_bytes;
extern struct kunit_suite zkhsm_kunit_wire_order;
extern struct kunit_suite zkhsm_kunit_set;
extern struct kunit_suite zkhsm_kunit_record;
extern struct kunit_suite zkhsm_kunit_key;
extern struct kunit_suite zkhsm_kunit_order;
extern struct kunit_suite zkhsm_kunit_lease;
extern struct kunit_suite zkhsm_kunit_lease_apply;
extern struct kunit_suite zkhsm_kunit_grant;
extern struct kunit_suite zkhsm_kunit_trust_change;
extern struct kunit_suite zkhsm_kunit_vote;
extern struct kunit_suite zkhsm_kunit_wipe;
extern struct kunit_suite zkhsm_kunit_fault;

/**
 * struct kunit_stubs - what the wrapped functions do, see Kbuild
 * @entropy_fixed: get_random_bytes() gives bytes of @entropy, as a broken
 *	generator would
 * @entropy: which byte
 * @refuse_range: so many scalars to come are called out of range
 * @range_asked: how often the range was asked for
 * @hash_calls: calls of the hash drivers
 * @hash_fails_at: the call that fails, counted from 1; 0: none
 * @swallow_faults: count reports, do not pass them on
 * @faults: reports
 * @fault: the last one's text
 * @hmac_key: what the HMAC transform has last been given
 * @hmac_key_len: its length
 * @boottime_ahead: CLOCK_BOOTTIME is so many nanoseconds ahead
 * @boottime_stands: it stands, at so many nanoseconds; 0: it goes
 * @work: delayed work that was put off last
 * @work_delay: for so many jiffies
 * @keyring: payload of every keyring key, of which there is one, or NULL
 * @keyring_len: its length
 */
struct kunit_stubs {
	bool entropy_fixed;
	u8 entropy;
	u32 refuse_range;
	u32 range_asked;
	u32 hash_calls;
	u32 hash_fails_at;
	bool swallow_faults;
	u32 faults;
	const char *fault;
	u8 hmac_key[ZKHSM_HMAC_MAX_KEY];
	unsigned int hmac_key_len;
	s64 boottime_ahead;
	s64 boottime_stands;
	struct delayed_work *work;
	unsigned long work_delay;
	const u8 *keyring;
	size_t keyring_len;
};

extern struct kunit_stubs stubs;

/* An .init and an .exit of suites: nothing is stubbed, or left so, the driver included. */
int stubs_reset(struct kunit *test);
void stubs_restore(struct kunit *test);

/* A secret in the two forms that a real one has; on the heap, freed with the test. */
struct test_secret {
	struct zkhsm_scalar plain;
	struct zkhsm_scalar mont;
	struct zkhsm_secret secret;
	u8 pub[ZKHSM_POINT_LEN];
};

/* A manager with its private key; pinned by manager_pin(). */
struct test_manager {
	struct test_secret *key;
	u8 id[ZKHSM_HASH_LEN];
	u64 number;
};

/* fixture.c */
void random_begin(struct kunit *test, struct rnd_state *rnd, u32 seed);
void random_scalar(struct rnd_state *rnd, struct zkhsm_scalar *r, const struct zkhsm_modulus *m);
void scalar_from(struct zkhsm_scalar *r, u64 value);
void secret_set(struct test_secret *t, const struct zkhsm_scalar *a);
struct test_secret *secret_new(struct kunit *test, struct rnd_state *rnd);
void hsm_need(struct kunit *test);
struct zkhsm_key *key_new(struct kunit *test, const char *id, const struct zkhsm_scalar *a);
void key_delete(struct kunit *test, struct zkhsm_key *key);
int key_try_use(struct zkhsm_key *key, u32 usage, struct netlink_ext_ack *extack);
int key_try_release(struct zkhsm_key *key, u32 usage, struct netlink_ext_ack *extack);
int key_prove(struct zkhsm_key *key, u8 proof[ZKHSM_PROOF_LEN], struct netlink_ext_ack *extack);
struct zkhsm_element *element_of(const u8 pub[ZKHSM_POINT_LEN]);
struct zkhsm_caller admin_caller(void);
u32 reason_of(const struct netlink_ext_ack *extack);

/* manager.c */
struct test_manager *manager_pin(struct kunit *test, struct rnd_state *rnd);
void manager_unpin(struct kunit *test, struct test_manager *m);
size_t order_sign(struct kunit *test, struct test_manager *m, struct zkhsm_order *o, u8 *buf,
		  size_t size);
int order_send(struct kunit *test, struct test_manager *m, u8 type, u64 number,
	       const u8 *elements, u16 count, struct netlink_ext_ack *extack);
int order_next(struct kunit *test, struct test_manager *m, u8 type, const struct zkhsm_key *key);
void quorums_set(struct kunit *test, u32 quorum, u32 stop, u32 wipe);

/**
 * struct kunit_kpp - what the driver of kpp.c does, and has done
 * @refuse_secrets: so many secrets to come are refused with -EINVAL
 * @refuse_this: and this one always, as long as it is not zero
 * @fail_compute: errno of every computation
 * @flip_compute: the computation, counted from 1, whose result has a flipped bit
 * @computed: computations
 */
struct kunit_kpp {
	u32 refuse_secrets;
	u8 refuse_this[ZKHSM_SCALAR_LEN];
	int fail_compute;
	u32 flip_compute;
	u32 computed;
};

extern struct kunit_kpp kpp;

/* kpp.c */
int kpp_begin(struct kunit *test);
void kpp_end(void);
u32 kpp_transforms(void);
u32 kpp_secrets_left(void);

#endif /* ZKHSM_KUNIT_H */
