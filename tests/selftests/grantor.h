/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Managers that grant single operations, clients that use them, and what an HSM
 * says that it gave: byte by byte from protocol.rst.
 */
#ifndef ZKHSM_GRANTOR_H
#define ZKHSM_GRANTOR_H

#include "lessor.h"

#define GRANTS_MAX	17
#define PROVED_USER	"client"

/* Everything that a grant says; zero in @client: nobody. */
struct granted {
	uint8_t instance_id[16];
	uint8_t element[32];
	uint8_t operation;
	uint16_t algorithm;
	uint32_t parameter;
	uint8_t input[32];
	uint8_t client[65];
	uint8_t jti[16];
	uint64_t not_after_ms;
};

/* What goes with an operation. */
struct brought {
	uint8_t grants[GRANTS_MAX][ZKHSM_GRANT_LEN];
	size_t count;
	bool by_client;
	uint8_t client_signature[64];
};

/* A key that requires grants. */
void key_new_granted(struct hsm *h, const char *id);
/* To sign @digest, or to prove @id to PROVED_USER, for @life_ms from now, with a new jti. */
void grant_to_sign(struct hsm *h, const char *id, const uint8_t digest[32], uint64_t life_ms,
		   struct granted *g);
void grant_to_prove(struct hsm *h, const char *id, const void *other, size_t other_len,
		    uint64_t life_ms, struct granted *g);
void grant_make(struct order *o, const struct manager *m, const uint8_t hsm_id[32],
		const struct granted *g);
void grant_digest(const uint8_t hsm_id[32], const struct granted *g, uint8_t digest[32]);

/* The grants of @count managers, and the client's signature when @client is not NULL. */
void bring(struct brought *b, const struct manager *m, size_t count, const uint8_t hsm_id[32],
	   const struct granted *g, const struct manager *client);
void bring_client(struct brought *b, const struct manager *client, const uint8_t hsm_id[32],
		  const struct granted *g);

/* The requests; or sent, and the errno: the answer is in h->a. */
struct nl_msg *granted_sign_msg(struct hsm *h, const char *id, const uint8_t digest[32],
				const struct brought *b);
struct nl_msg *granted_prove_msg(struct hsm *h, const char *id, const void *other,
				 size_t other_len, const struct brought *b);
int granted_sign(struct hsm *h, const char *id, const uint8_t digest[32],
		 const struct brought *b);
int granted_prove(struct hsm *h, const char *id, const void *other, size_t other_len,
		  const struct brought *b);
/* That h->a answers with an output of @len at @attr, and a receipt at @receipt for @g. */
void check_receipt(struct hsm *h, int attr, size_t len, int receipt, const struct granted *g,
		   const char *what);
/* Until CLOCK_BOOTTIME has come to @ms. */
void wait_uptime(uint64_t ms);

#endif /* ZKHSM_GRANTOR_H */
