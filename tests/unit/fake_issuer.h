/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fake_issuer.h - a manager as a relying party sees it, right until a test spoils it,
 * and an agent of an HSM with one key
 */
#ifndef ZKHSM_TEST_FAKE_ISSUER_H
#define ZKHSM_TEST_FAKE_ISSUER_H

#include "fake_server.h"
#include "prover.h"

#define FAKE_KEY_ID	"key-1"

/* @key is that of FAKE_KEY_ID, whose secret @p has too. */
struct fake_hsm {
	struct prover *p;
	EVP_PKEY *key;
	uint8_t public[65], element[32];
	uint64_t uptime_ms;
};

struct fake_hsm *fake_hsm_new(const char *seed);
void fake_hsm_free(struct fake_hsm *h);
/* r | s over a digest. */
void fake_sign_digest(EVP_PKEY *key, const uint8_t digest[32], uint8_t signature[64]);

/**
 * struct fake_issuer - what it says, and what is wrong with that
 * @order_key, @token_key: its own; @key_set: the keys that it shows, NULL: @token_key
 * @claims, @payload, @list, @terms: change what is signed next, or NULL
 * @token, @list_text: said as it stands instead of what it would sign
 * @status, @type: how tokens are refused; @grant_status, @grant_type grants; 0: they are not
 * @list_status, @running_status: of other answers; 0: 200
 * @list_number, @next_update_s: of the list, that from now on
 * @grant_required: what tokens say
 * @instance: that it takes to be running, for so long
 * @silent: it does not answer any more, until fake_issuer_end()
 */
struct fake_issuer {
	struct fake_server server;
	struct fake_hsm *hsm;
	EVP_PKEY *order_key, *token_key;
	uint8_t order_public[65];
	char issuer[80];
	json_t *key_set;
	void (*claims)(struct zkhsm_token_claims *c);
	void (*payload)(json_t *list);
	void (*terms)(struct zkhsm_grant_terms *t);
	EVP_PKEY *list_key, *grant_key;
	const char *token, *list_text, *grant;
	int status, grant_status, list_status, running_status;
	const char *type, *grant_type;
	int64_t list_number, next_update_s;
	bool grant_required, silent;
	uint8_t instance[16];
	uint64_t uptime_ms;
	unsigned int tokens, grants;
	struct server_request *held[8];
	size_t held_count;
};

void fake_issuer_begin(struct fake_issuer *f, struct fake_hsm *hsm, const char *certificate,
		       const char *private_key);
void fake_issuer_end(struct fake_issuer *f);

/**
 * struct fake_agent - likewise
 * @status, @type: how it refuses to sign; @errno_name, @reason: with urn:zkhsm:kernel
 * @refusals:	so many times, then it signs; 0: always
 * @other_key:	it signs with this one
 * @false_signature, @no_receipt, @other_receipt: what is wrong with the answer
 * @other_identity: it is another HSM's
 * @grants:	how many came with the last request; @client_signed: and a signature
 */
struct fake_agent {
	struct fake_server server;
	struct fake_hsm *hsm;
	int status, hsm_status;
	const char *type, *errno_name, *reason, *text;
	unsigned int refusals, asked;
	EVP_PKEY *other_key;
	bool false_signature, no_receipt, other_receipt, malformed_receipt;
	const uint8_t *other_identity;
	size_t grants;
	bool client_signed;
	uint8_t client[65];		/* whose signature it has to be */
};

void fake_agent_begin(struct fake_agent *f, struct fake_hsm *hsm, const char *certificate,
		      const char *private_key, const char *client_ca);
void fake_agent_end(struct fake_agent *f);

#endif /* ZKHSM_TEST_FAKE_ISSUER_H */
