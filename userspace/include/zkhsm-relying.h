/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zkhsm-relying.h - what a relying party does, in one call: tokens from several
 * managers, verified and compared; revocation lists; grants where the key needs
 * them; the key used at its HSM's agent; the answer verified
 *
 * It fails closed, and each way to fail has a code of its own. Documentation/
 * relying-party.rst says what is checked in which order, and what is not.
 */
#ifndef LIBZKHSM_RELYING_H
#define LIBZKHSM_RELYING_H

#include "zkhsm.h"

/**
 * enum zkhsm_relying_code - how it went; zkhsm_relying_name() has the names that
 * programs may depend on
 *
 * Those from _TOKEN_MISSING to _LIST_ROLLBACK are about one manager. When too few
 * managers are left the code of the whole is that of the manager whose own is
 * the highest: from what happens every day to what should never happen.
 */
enum zkhsm_relying_code {
	ZKHSM_RELYING_DONE,
	/* Of the caller's. */
	ZKHSM_RELYING_CONFIGURATION,	/* a value, a file or a key of it cannot be used */
	ZKHSM_RELYING_REQUEST,		/* no key's id, nothing to sign */
	ZKHSM_RELYING_RESOURCES,	/* memory, random numbers */
	ZKHSM_RELYING_STATE,		/* the state file cannot be read or written */
	/* Of a manager. */
	ZKHSM_RELYING_TOKEN_MISSING,	/* of those to be verified none is this manager's */
	ZKHSM_RELYING_UNREACHABLE,	/* no answer in time */
	ZKHSM_RELYING_BUSY,		/* it says that it cannot now: status 429 or 503 */
	ZKHSM_RELYING_DUPLICATE,	/* another entry is the same manager: counted once */
	ZKHSM_RELYING_UNKNOWN,		/* it does not know the HSM or the key */
	ZKHSM_RELYING_NOT_ACTIVE,	/* the key is in another state than active */
	ZKHSM_RELYING_STALE,		/* the HSM has not attested for too long */
	ZKHSM_RELYING_POLICY,		/* its policy does not trust the key */
	ZKHSM_RELYING_QUARANTINED,	/* the HSM is in quarantine */
	ZKHSM_RELYING_REFUSED,		/* it gives no token for another reason */
	ZKHSM_RELYING_LIST_MISSING,	/* it gives no revocation list */
	ZKHSM_RELYING_LIST_STALE,	/* its next_update has passed, or its iat is ahead */
	ZKHSM_RELYING_TOKEN_EXPIRED,
	ZKHSM_RELYING_TOKEN_FUTURE,	/* issued later than now */
	ZKHSM_RELYING_TOKEN_AGED,	/* attested longer ago than the caller accepts */
	ZKHSM_RELYING_TLS,		/* its certificate is not of its CA, or no TLS 1.3 */
	ZKHSM_RELYING_ANSWER,		/* not what managers answer */
	ZKHSM_RELYING_TOKEN_MALFORMED,	/* or another algorithm or type than tokens have */
	ZKHSM_RELYING_TOKEN_KEY,	/* of a key that is not in its key set */
	ZKHSM_RELYING_TOKEN_SIGNATURE,	/* false */
	ZKHSM_RELYING_TOKEN_ISSUER,	/* of another manager than the one pinned */
	ZKHSM_RELYING_TOKEN_STATUS,	/* does not say affirming, and active */
	ZKHSM_RELYING_TOKEN_AUDIENCE,	/* for somebody else */
	ZKHSM_RELYING_TOKEN_NONCE,	/* an answer to another question */
	ZKHSM_RELYING_TOKEN_SUBJECT,	/* about another HSM or key */
	ZKHSM_RELYING_TOKEN_BINDING,	/* bound to another certificate, or to none */
	ZKHSM_RELYING_LIST_MALFORMED,	/* or with an entry that is not understood */
	ZKHSM_RELYING_LIST_SIGNATURE,	/* false, or of a key that is not in the key set */
	ZKHSM_RELYING_LIST_ISSUER,	/* another manager's */
	ZKHSM_RELYING_LIST_ROLLBACK,	/* a lower number than was seen before */
	/* Of all of them together. */
	ZKHSM_RELYING_DISAGREE,		/* they speak of different keys */
	ZKHSM_RELYING_OTHER_KEY,	/* they agree on another key than the caller expects */
	ZKHSM_RELYING_SUSPENDED,	/* a manager's list has it on hold */
	ZKHSM_RELYING_REVOKED,		/* a manager's list, or a manager, says so */
	/* Of grants. */
	ZKHSM_RELYING_GRANT_INSTANCE,	/* too few know the same instance of the HSM */
	ZKHSM_RELYING_GRANT_TIME,	/* no end of a grant would suit managers and kernel */
	ZKHSM_RELYING_GRANT_REFUSED,	/* too few grant it */
	ZKHSM_RELYING_GRANT_FALSE,	/* not this manager's, or not what was asked for */
	/* Of the agent, and the kernel behind it. */
	ZKHSM_RELYING_AGENT_UNREACHABLE,
	ZKHSM_RELYING_AGENT_TLS,
	ZKHSM_RELYING_AGENT_BUSY,	/* status 429 or 503 */
	ZKHSM_RELYING_AGENT_ANSWER,	/* not what agents answer */
	ZKHSM_RELYING_AGENT_IDENTITY,	/* it is the agent of another HSM */
	ZKHSM_RELYING_AGENT_REFUSED,	/* it takes none of the tokens */
	ZKHSM_RELYING_KERNEL_REFUSED,	/* see @kernel_errno and @kernel_reason */
	ZKHSM_RELYING_ANSWER_KEY,	/* signed with another key than was attested */
	ZKHSM_RELYING_SIGNATURE,	/* false */
	ZKHSM_RELYING_RECEIPT_MISSING,
	ZKHSM_RELYING_RECEIPT,		/* false, or for another grant or answer */
	ZKHSM_RELYING_CODES
};

/* relying_code.c: "token-expired"; NULL for what is no code. */
const char *zkhsm_relying_name(enum zkhsm_relying_code code);
/* What it means, for people: a sentence without a full stop. */
const char *zkhsm_relying_text(enum zkhsm_relying_code code);

#define ZKHSM_RELYING_PATH_MAX	256

/* One manager; @key says who it is, wherever it listens. */
struct zkhsm_relying_manager {
	char name[64];
	char url[ZKHSM_RELYING_PATH_MAX], ca[ZKHSM_RELYING_PATH_MAX];
	char key[2 * ZKHSM_POINT_LEN + 1];	/* its order key, hex */
	char jwks[ZKHSM_RELYING_PATH_MAX];	/* its token keys; empty: asked for over TLS */
};

/**
 * struct zkhsm_relying_config - whom to believe, and what it takes
 * @managers:	@manager_count of them
 * @k:		so many have to agree
 * @stop:	so many make a key unusable by their revocation lists
 * @agent_url:	and what follows: only to use keys; empty if tokens alone are wanted
 * @certificate, @private_key: the client's, for the agent; tokens are bound to it
 * @client_key:	PKCS#8 file, whose public key grants name; empty: they name nobody
 * @state:	a file that remembers the highest number of each manager's list, so
 *		that an older one is noticed; empty: only while the program runs
 * @connect_timeout_ms, @timeout_ms: of each question; four go to the managers, at
 *		most two and one for each token to the agent
 * @leeway_ms:	of clocks
 * @max_age_ms:	since the managers gave their nonces; 0: as the managers see it
 * @grant_life_ms: how long grants may be used
 * @jwks_refresh_ms: after that token keys are asked for anew
 * @danger_without_fresh_list: a manager counts also when it has no revocation list,
 *		or an old one: a revoked key may be taken for a good one then
 */
struct zkhsm_relying_config {
	struct zkhsm_relying_manager managers[ZKHSM_MANAGERS_MAX];
	size_t manager_count;
	uint64_t k, stop;
	char agent_url[ZKHSM_RELYING_PATH_MAX], agent_ca[ZKHSM_RELYING_PATH_MAX];
	char certificate[ZKHSM_RELYING_PATH_MAX], private_key[ZKHSM_RELYING_PATH_MAX];
	char client_key[ZKHSM_RELYING_PATH_MAX], state[ZKHSM_RELYING_PATH_MAX];
	uint64_t connect_timeout_ms, timeout_ms, leeway_ms, max_age_ms, grant_life_ms;
	uint64_t jwks_refresh_ms;
	bool danger_without_fresh_list;
};

/* relying_conf.c: a file as in zkhsm-relying.conf(5). -EINVAL, or the errno of reading. */
int zkhsm_relying_load(const char *path, struct zkhsm_relying_config *c,
		       struct zkhsm_error *err);

/**
 * struct zkhsm_relying_vote - what one manager said
 * @name:	as in the configuration
 * @code, @error: _DONE, or why it does not count
 * @token, @claims: the token, whatever became of it, or NULL; @claims if its
 *		signature and form are good
 * @list_number: of its revocation list, with @listed
 * @stopped:	its list, or it, says that the key is revoked or on hold
 * @request_id: under which it is in the manager's log
 */
struct zkhsm_relying_vote {
	char name[64];
	enum zkhsm_relying_code code;
	struct zkhsm_error error;
	char *token;
	struct zkhsm_token_claims claims;
	bool listed, stopped;
	uint64_t list_number;
	char request_id[64];
};

/**
 * struct zkhsm_relying_result - all that came of it; zkhsm_relying_result_free()
 * @code, @error: of the whole
 * @votes:	@vote_count: the managers as in the configuration, then tokens to be
 *		verified that are none of theirs
 * @agreed:	how many agree; what follows is what they agree on
 * @nonce, @audience: that the tokens were asked for with
 * @signature, @public: verified; only with _DONE of zkhsm_relying_sign()
 * @granted:	grants were used, the receipt for @grant_digest is verified
 * @kernel_errno, @kernel_reason: with _KERNEL_REFUSED, as the agent passes them on
 */
struct zkhsm_relying_result {
	enum zkhsm_relying_code code;
	struct zkhsm_error error;
	struct zkhsm_relying_vote votes[2 * ZKHSM_MANAGERS_MAX];
	size_t vote_count;
	size_t agreed;
	char thumbprint[64];
	uint8_t element[32];
	bool grant_required;
	char nonce[128], audience[256];
	uint8_t signature[64], public[65];
	bool granted;
	uint8_t grant_digest[32], receipt[ZKHSM_RECEIPT_LEN];
	char kernel_errno[32], kernel_reason[48];
};

void zkhsm_relying_result_free(struct zkhsm_relying_result *out);

struct zkhsm_relying;

/* relying.c. -EINVAL and code _CONFIGURATION for what cannot be used; of one thread at a time. */
int zkhsm_relying_new(const struct zkhsm_relying_config *c, struct zkhsm_relying **out,
		      struct zkhsm_error *err);
void zkhsm_relying_free(struct zkhsm_relying *r);

/**
 * struct zkhsm_relying_request - a key, and what to do with it
 * @hsm_id, @key_id: the key
 * @thumbprint:	the caller knows which key that has to be (RFC 7638), or NULL
 * @audience:	of the tokens; NULL: the agent's, "zkhsm-agent:" and the hsm_id
 * @nonce:	comes back in the tokens; NULL: a random one
 */
struct zkhsm_relying_request {
	uint8_t hsm_id[32];
	const char *key_id;
	const char *thumbprint;
	const char *audience, *nonce;
};

/* Tokens that agree, and nothing revoked; the result says why not. */
enum zkhsm_relying_code zkhsm_relying_tokens(struct zkhsm_relying *r,
					     const struct zkhsm_relying_request *request,
					     struct zkhsm_relying_result *out);
/*
 * The one call: all of the above, and a signature over @digest by that key, with
 * grants where it needs them, and everything verified.
 */
enum zkhsm_relying_code zkhsm_relying_sign(struct zkhsm_relying *r,
					   const struct zkhsm_relying_request *request,
					   const uint8_t digest[32],
					   struct zkhsm_relying_result *out);
/*
 * Tokens that came another way, @count of them, in any order: as _tokens(), but the
 * managers are only asked for their keys and lists. @request->nonce NULL: any, as long
 * as it is one.
 */
enum zkhsm_relying_code zkhsm_relying_verify(struct zkhsm_relying *r,
					     const struct zkhsm_relying_request *request,
					     const char *const *tokens, size_t count,
					     struct zkhsm_relying_result *out);

#endif /* LIBZKHSM_RELYING_H */
