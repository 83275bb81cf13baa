/* SPDX-License-Identifier: GPL-2.0 */
/*
 * quorum.h - managers as the kernel sees them, played by a benchmark
 *
 * A manager is a key that is pinned, and what is signed by it; nothing here
 * needs zkhsmd. All times are of whole netlink round trips, in nanoseconds.
 */
#ifndef ZKHSM_BENCH_QUORUM_H
#define ZKHSM_BENCH_QUORUM_H

#include "bench.h"

struct quorum {
	struct zkhsm_nl *nl;
	uint8_t hsm_id[32];
	unsigned int count;
	struct player {
		EVP_PKEY *key;
		uint8_t id[32];
		uint64_t number;	/* of the last order */
	} of[ZKHSM_MANAGERS_MAX];
};

/* What evidence is named by in the leases that answer it. */
struct asked {
	uint8_t statement[32];
	uint64_t took_ns;
};

struct made {
	uint8_t *order;
	size_t len;
};

/* Makes the identity. */
void quorum_begin(struct quorum *q, struct zkhsm_nl *nl);
void quorum_end(struct quorum *q);
/* Pins more managers until there are @count; keys need leases of all of them. */
void quorum_grow(struct quorum *q, unsigned int count);
/* Evidence over nonces of the first @count managers. */
void quorum_ask(const struct quorum *q, unsigned int count, struct asked *out);

/* @names: element names that nothing has, @count of them; the caller frees. */
uint8_t (*names_of_nothing(size_t count))[32];
struct made lease_of(const struct quorum *q, unsigned int manager, const struct asked *asked,
		     uint32_t verdict, uint64_t ttl_ms, size_t exceptions);
/* A revoke or hold of @names elements that nothing has, with the manager's next number. */
struct made order_of(struct quorum *q, unsigned int manager, uint8_t type, size_t names);
/* Gives it to the kernel, which has to take it; frees it. @out may be NULL. */
uint64_t quorum_apply(const struct quorum *q, struct made made, struct zkhsm_order_result *out);
/* The same for an order whose signature is made false: found by verifying it, and no more. */
uint64_t quorum_verify(const struct quorum *q, const struct made *made);
/* One lease of each for all keys, with @exceptions for elements that are none. */
void quorum_lease(const struct quorum *q, uint32_t verdict, uint64_t ttl_ms, size_t exceptions,
		  struct zkhsm_order_result *last);

#endif /* ZKHSM_BENCH_QUORUM_H */
