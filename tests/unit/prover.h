/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prover.h - an HSM in a few lines of OpenSSL, for tests and benchmarks
 *
 * Makes lists, configurations, statements, announcements and evidence as
 * Documentation/protocol.rst has them, true ones and, since every field can be
 * changed before it is used, false ones. Deterministic: the same seed gives the
 * same keys. It keeps its secrets as carelessly as a test may. Whatever fails
 * in here aborts the test program.
 */
#ifndef ZKHSM_TEST_PROVER_H
#define ZKHSM_TEST_PROVER_H

#include "zkhsm.h"

#define PROVER_ANNOUNCEMENT_LEN	(ZKHSM_ANNOUNCEMENT_LEN + ZKHSM_PROOF_LEN)

struct prover_key {
	struct zkhsm_list_entry entry;
	uint8_t secret[ZKHSM_SCALAR_LEN];
};

/**
 * struct prover - one HSM
 * @identity:	D; @identity_secret is its scalar
 * @keys:	ascending by id, @count of them; prover_refresh() after a change
 * @config:	prover_refresh() after a change
 * @list:	L, and its digest; made by prover_refresh()
 * @config_bytes: C, likewise
 * @number:	of the last statement, goes up with each
 */
struct prover {
	uint8_t identity_secret[ZKHSM_SCALAR_LEN];
	uint8_t identity[ZKHSM_POINT_LEN];
	uint8_t hsm_id[ZKHSM_HASH_LEN];
	uint8_t instance_id[ZKHSM_INSTANCE_ID_LEN];
	uint32_t boot_count, fork_count, number;
	uint64_t uptime_ms;
	struct prover_key *keys;
	size_t count;
	struct zkhsm_configuration config;
	uint8_t *list;
	size_t list_len;
	uint8_t list_digest[ZKHSM_HASH_LEN];
	uint8_t config_bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	size_t config_len;
	uint8_t config_digest[ZKHSM_HASH_LEN];
	uint64_t draws;
	char seed[64];
};

/* An HSM with @count active keys called "key-000000" up, and no manager pinned. */
struct prover *prover_new(const char *seed, size_t count);
void prover_free(struct prover *p);

/* 32 bytes that look random, others with each call. */
void prover_draw(struct prover *p, uint8_t out[32]);
/* A scalar times the base point. */
void prover_public(const uint8_t secret[ZKHSM_SCALAR_LEN], uint8_t public[ZKHSM_POINT_LEN]);

/*
 * Adds an active key; @secret NULL: drawn. The pointer is good until the next
 * change of the keys. None of these refreshes.
 */
struct prover_key *prover_key_add(struct prover *p, const char *id, const uint8_t *secret);
struct prover_key *prover_key(struct prover *p, const char *id);	/* or NULL */
void prover_key_del(struct prover *p, const char *id);
void prover_pin(struct prover *p, const uint8_t manager[ZKHSM_POINT_LEN]);

/* L and C anew from keys and configuration. */
void prover_refresh(struct prover *p);

/* The next statement over the current L and C; sorts @challenges into it. */
void prover_statement(struct prover *p, const struct zkhsm_challenge *challenges, size_t count,
		      struct zkhsm_statement *out);
/* Evidence for @s, whatever it says, with every key's secret; returns its length. */
size_t prover_evidence(struct prover *p, const struct zkhsm_statement *s,
		       uint8_t out[ZKHSM_EVIDENCE_MAX_LEN]);
/* Both in one, for one manager: what a test wants most often. */
size_t prover_answer(struct prover *p, const uint8_t manager_id[32], const uint8_t nonce[32],
		     uint8_t out[ZKHSM_EVIDENCE_MAX_LEN]);
void prover_announcement(struct prover *p, uint8_t out[PROVER_ANNOUNCEMENT_LEN]);
/* RFC 8235; @other NULL: absent. */
void prover_proof(struct prover *p, const uint8_t secret[ZKHSM_SCALAR_LEN], const void *user_id,
		  size_t user_id_len, const void *other, size_t other_len,
		  uint8_t proof[ZKHSM_PROOF_LEN]);

#endif /* ZKHSM_TEST_PROVER_H */
