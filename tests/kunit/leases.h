/* SPDX-License-Identifier: GPL-2.0 */
/*
 * leases.h - evidence that leases answer, and managers that lease
 */
#ifndef ZKHSM_KUNIT_LEASES_H
#define ZKHSM_KUNIT_LEASES_H

#include "kunit.h"
#include "lease.h"

#define MANAGERS	3
#define HOUR_MS		3600000ULL

/**
 * struct leases - three managers, a key that requires leases, and a clock that stands
 * @m: the managers, pinned, ascending by their ids
 * @key: active
 * @name: of its element
 * @rnd: for more of them
 * @since: what the clock was at first, in ms
 */
struct leases {
	struct test_manager *m[MANAGERS];
	struct zkhsm_key *key;
	u8 name[ZKHSM_HASH_LEN];
	struct rnd_state rnd;
	u64 since;
};

/* An .init and an .exit; test->priv is a struct leases. */
int leases_begin(struct kunit *test);
void leases_finish(struct kunit *test);

void clock_set(struct kunit *test, u64 ms);
void leases_set(struct kunit *test, u32 quorum, u64 grace_ms, u64 max_ttl_ms);
void evidence_given(struct kunit *test, u8 id, bool by_hand);
int lease_send(struct kunit *test, struct test_manager *m, u8 id, struct zkhsm_order o,
	       u32 *reason);
void lease_grant(struct kunit *test, struct test_manager *m, u8 id, u64 ttl_ms);
void lease_deny(struct kunit *test, struct test_manager *m, u8 id);
u32 lease_says(struct kunit *test, bool *unleased);

#endif /* ZKHSM_KUNIT_LEASES_H */
