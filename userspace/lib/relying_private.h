/* SPDX-License-Identifier: GPL-2.0 */
/*
 * relying_private.h - the steps of what zkhsm-relying.h does in one call
 *
 * relying.c has the order of them. A step asks all managers that it concerns at
 * the same time, and leaves in each vote why that manager does not count.
 */
#ifndef ZKHSM_RELYING_PRIVATE_H
#define ZKHSM_RELYING_PRIVATE_H

#include "lib_private.h"
#include "zkhsm-relying.h"

/* A signed list of a million entries is about 200 MB; of the hundred thousand of one fleet, 20. */
#define RELYING_LIST_MAX	(64UL << 20)

struct relying_manager {
	const struct zkhsm_relying_manager *config;
	struct zkhsm_https *h;
	uint8_t order_key[ZKHSM_POINT_LEN];
	char issuer[80];
	json_t *jwks;			/* or NULL */
	int64_t jwks_ms;		/* CLOCK_MONOTONIC; of what was asked for */
};

/* relying_state.c: the highest number of each issuer's list */
struct relying_state;

/* @path "": nothing outlives it. -EBADMSG for a file that is none. */
int relying_state_open(const char *path, struct relying_state **out, struct zkhsm_error *err);
void relying_state_close(struct relying_state *s);
/* -ESTALE: a higher one is known. 0 when @number is remembered, on the disk if there is a file. */
int relying_state_see(struct relying_state *s, const char *issuer, uint64_t number,
		      struct zkhsm_error *err);

struct zkhsm_relying {
	struct zkhsm_relying_config config;
	struct relying_manager managers[ZKHSM_MANAGERS_MAX];
	struct zkhsm_https_group *group;
	struct zkhsm_https *agent;	/* or NULL */
	EVP_PKEY *client;		/* or NULL */
	char x5t[64];			/* of the client's certificate, or empty */
	struct relying_state *state;
};

enum relying_stop { RELYING_GOES_ON, RELYING_SUSPENDED, RELYING_REVOKED };

/**
 * struct relying_use - one call
 * @now_s:	wall clock, of when the answers that are judged had come
 * @asked:	the tokens were asked for here, so that they are bound as we wished
 * @stop:	by vote: what its manager's list, or it, says of the key
 * @counts:	by vote: agrees with the others; known after relying_agree()
 */
struct relying_use {
	struct zkhsm_relying *r;
	const struct zkhsm_relying_request *request;
	struct zkhsm_relying_result *out;
	char hsm_hex[65];
	int64_t now_s;
	bool asked;
	enum relying_stop stop[2 * ZKHSM_MANAGERS_MAX];
	bool counts[2 * ZKHSM_MANAGERS_MAX];
};

/* relying_code.c: what a code is as an errno */
int relying_errno(enum zkhsm_relying_code code);
/* A copy; false without one. */
bool relying_vote_token(struct zkhsm_relying_vote *v, const char *token);
/* Return @code. */
enum zkhsm_relying_code relying_vote_fail(struct zkhsm_relying_vote *v,
					  enum zkhsm_relying_code code,
					  const char *format, ...)
	__attribute__((format(printf, 3, 4)));
enum zkhsm_relying_code relying_fail(struct relying_use *u, enum zkhsm_relying_code code,
				     const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The gravest of the votes that do not count, and its sentence. */
enum zkhsm_relying_code relying_fail_votes(struct relying_use *u, const char *what, size_t good,
					   size_t needed);

/* relying_round.c: one question to several managers */
struct relying_round {
	struct zkhsm_https_call calls[ZKHSM_MANAGERS_MAX];
	size_t manager[ZKHSM_MANAGERS_MAX], count;
};

/* @path and @body live until the round is freed. */
void relying_round_add(struct relying_round *round, struct zkhsm_relying *r, size_t i,
		       const char *method, const char *path, const char *body);
void relying_round_do(struct relying_round *round, struct zkhsm_relying *r);
void relying_round_free(struct relying_round *round);
/*
 * The JSON of an answer of status 200; anything else becomes the vote's code, a
 * refusal by its type, with @otherwise for types that have no code of their own.
 */
enum zkhsm_relying_code relying_answer(struct zkhsm_relying_vote *v,
				       const struct zkhsm_https_call *c,
				       enum zkhsm_relying_code otherwise, json_t **out);

/* relying_keys.c: token keys, where they are not pinned or are old */
void relying_get_keys(struct relying_use *u);

/* relying_token.c */
void relying_get_tokens(struct relying_use *u);
/* @v has a token; @m is who should have issued it. */
enum zkhsm_relying_code relying_judge_token(const struct relying_use *u, struct relying_manager *m,
					    struct zkhsm_relying_vote *v);
/* Each to the manager whose key it names. */
void relying_sort_tokens(struct relying_use *u, const char *const *tokens, size_t count);
/* Each manager once, and k of one opinion. */
enum zkhsm_relying_code relying_agree(struct relying_use *u);

/* relying_list.c */
void relying_get_lists(struct relying_use *u);
enum zkhsm_relying_code relying_judge_list(struct relying_use *u, size_t i, const char *jws);
/* After both: whether enough managers stopped the key. */
enum zkhsm_relying_code relying_stopped(struct relying_use *u);

/* relying_grant.c */
struct relying_grants {
	uint8_t identity[ZKHSM_POINT_LEN];
	json_t *orders;			/* base64url */
	char *client_signature;		/* base64url, or NULL */
};

enum zkhsm_relying_code relying_get_grants(struct relying_use *u, const uint8_t digest[32],
					   struct relying_grants *out);
void relying_grants_free(struct relying_grants *g);

/* relying_agent.c */
enum zkhsm_relying_code relying_agent_hsm(struct relying_use *u, uint8_t identity[ZKHSM_POINT_LEN],
					  uint64_t *uptime_ms);
/* @g NULL: without. */
enum zkhsm_relying_code relying_agent_sign(struct relying_use *u, const uint8_t digest[32],
					   const struct relying_grants *g);

#endif /* ZKHSM_RELYING_PRIVATE_H */
