/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What managers do that lease, and change the configuration: evidence that
 * they answer, leases and trust-changes byte by byte, and what is told of them.
 */
#ifndef ZKHSM_LESSOR_H
#define ZKHSM_LESSOR_H

#include "hsm.h"
#include "wire.h"

/* Evidence is asked for more often than a manager would. */
#define LESSOR_PARAMS	"evidence_rate=100000 evidence_burst=100000"

#define GRANT	ZKHSM_LEASE_VERDICT_GRANT
#define DENY	ZKHSM_LEASE_VERDICT_DENY

/* The evidence that a lease answers: SHA-256(S), its n and CLOCK_BOOTTIME. */
struct attested {
	uint8_t statement[32];
	uint32_t number;
	uint64_t issued_ms;
};

/* Everything that a lease says; @statement is what @of has. */
struct terms {
	const struct attested *of;
	uint64_t least;
	uint64_t ttl_ms;
	uint8_t verdict;
	const uint8_t (*exceptions)[32];
	size_t count;
};

/* Evidence for a challenge of @m. */
void attest(struct hsm *h, const struct manager *m, struct attested *a);
/* What is in h->a now, the answer of evidence-get. */
void attested_read(struct hsm *h, struct attested *a);

void lease_make(struct order *o, const struct manager *m, const uint8_t hsm_id[32],
		const struct terms *t);
/* Made, applied; the errno, and the answer in h->a. */
int lease_apply(struct hsm *h, const struct manager *m, const struct terms *t);
/* Of all keys, for @ttl_ms; must be taken. */
void lease_all(struct hsm *h, const struct manager *m, const struct attested *a, uint8_t verdict,
	       uint64_t ttl_ms);
/* The answer of lease-get is in h->a. */
int lease_get(struct hsm *h, const struct manager *m);

/* A key that requires leases. */
void key_new_leased(struct hsm *h, const char *id);
/* CLOCK_BOOTTIME. */
uint64_t boottime_ms(void);
int hsm_set_u64(struct hsm *h, int attr, uint64_t value);

/* C as it is, decoded, and SHA-256 of its bytes. */
void config_read(struct hsm *h, struct zkhsm_configuration *c, uint8_t digest[32]);
/* Managers of C, by their public keys, in any order. */
void config_set_managers(struct zkhsm_configuration *c, const struct manager *m, size_t count);
void trust_change_make(struct order *o, const struct manager *m, const uint8_t hsm_id[32],
		       uint64_t number, const uint8_t previous[32],
		       const struct zkhsm_configuration *c);
int trust_change(struct hsm *h, const struct manager *m, uint64_t number,
		 const uint8_t previous[32], const struct zkhsm_configuration *c);

/* listener.c: one event after the other, in the order in which they were told */
struct listener {
	struct nlraw nl;
	uint8_t cmd;
	struct nlattr *tb[64];
};

void listener_start(struct listener *l);
void listener_end(struct listener *l);
/*
 * A request has run to its end when send() returns, so what it tells has been
 * queued by then: to wait is for what happens by itself. False: there is none,
 * and the last one stays.
 */
bool listener_next(struct listener *l, int wait_ms);
/* Drops what is there. */
void listener_drain(struct listener *l);
/* Attribute of the last event as a u32; 0 when it is not there. */
uint32_t listener_u32(const struct listener *l, int attr);

#endif /* ZKHSM_LESSOR_H */
