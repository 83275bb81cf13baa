// SPDX-License-Identifier: GPL-2.0
/*
 * relying_code.c - the names of what can go wrong for a relying party
 */
#include <stdarg.h>
#include <stdio.h>

#include "relying_private.h"

static const struct {
	const char *name, *text;
	int error;
} codes[ZKHSM_RELYING_CODES] = {
#define C(code, name, error, text)	[ZKHSM_RELYING_##code] = { name, text, error }
	C(DONE, "done", 0, "everything was verified"),
	C(CONFIGURATION, "configuration", -EINVAL, "the configuration cannot be used"),
	C(REQUEST, "request", -EINVAL, "what was asked for cannot be asked for"),
	C(RESOURCES, "resources", -ENOMEM, "there is no memory, or there are no random numbers"),
	C(STATE, "state", -EIO, "the state file cannot be read or written"),
	C(TOKEN_MISSING, "token-missing", -ENODATA, "there is no token of this manager"),
	C(UNREACHABLE, "unreachable", -EHOSTUNREACH, "the manager does not answer in time"),
	C(BUSY, "busy", -EAGAIN, "the manager cannot answer now"),
	C(DUPLICATE, "duplicate", -EEXIST, "the same manager has been counted already"),
	C(UNKNOWN, "unknown", -ENOKEY, "the manager does not know this HSM or key"),
	C(NOT_ACTIVE, "not-active", -EACCES, "the key is not active"),
	C(STALE, "stale", -EKEYEXPIRED, "the HSM has not attested for too long"),
	C(POLICY, "policy", -EACCES, "the manager's policy does not trust the key"),
	C(QUARANTINED, "quarantined", -EACCES, "the HSM is in quarantine"),
	C(REFUSED, "refused", -EREMOTEIO, "the manager refuses"),
	C(LIST_MISSING, "list-missing", -ENODATA, "the manager gives no revocation list"),
	C(LIST_STALE, "list-stale", -EKEYEXPIRED, "the manager's revocation list is not fresh"),
	C(TOKEN_EXPIRED, "token-expired", -EKEYEXPIRED, "the token has expired"),
	C(TOKEN_FUTURE, "token-future", -EKEYEXPIRED, "the token was issued in the future"),
	C(TOKEN_AGED, "token-aged", -EKEYEXPIRED, "the HSM attested longer ago than is accepted"),
	C(TLS, "tls", -EKEYREJECTED, "the server is not who its CA says it is"),
	C(ANSWER, "answer", -EBADMSG, "the answer is not one that managers give"),
	C(TOKEN_MALFORMED, "token-malformed", -EBADMSG, "this is no verification token"),
	C(TOKEN_KEY, "token-key", -EKEYREJECTED, "the token is signed with an unknown key"),
	C(TOKEN_SIGNATURE, "token-signature", -EKEYREJECTED, "the token's signature is false"),
	C(TOKEN_ISSUER, "token-issuer", -EKEYREJECTED, "the token names another issuer"),
	C(TOKEN_STATUS, "token-status", -EKEYREJECTED, "the token does not affirm an active key"),
	C(TOKEN_AUDIENCE, "token-audience", -EACCES, "the token is for another audience"),
	C(TOKEN_NONCE, "token-nonce", -EACCES, "the token answers another nonce"),
	C(TOKEN_SUBJECT, "token-subject", -EACCES, "the token is about another HSM or key"),
	C(TOKEN_BINDING, "token-binding", -EACCES, "the token is not bound to this client"),
	C(LIST_MALFORMED, "list-malformed", -EBADMSG, "this is no revocation list"),
	C(LIST_SIGNATURE, "list-signature", -EKEYREJECTED,
	  "the revocation list's signature is false"),
	C(LIST_ISSUER, "list-issuer", -EKEYREJECTED, "the revocation list is another manager's"),
	C(LIST_ROLLBACK, "list-rollback", -ESTALE,
	  "the revocation list is older than one that was seen"),
	C(DISAGREE, "disagree", -EKEYREJECTED, "the managers do not speak of the same key"),
	C(OTHER_KEY, "other-key", -EKEYREJECTED, "the managers speak of another key than expected"),
	C(SUSPENDED, "suspended", -EACCES, "the key is on hold"),
	C(REVOKED, "revoked", -EKEYREVOKED, "the key is revoked"),
	C(GRANT_INSTANCE, "grant-instance", -EAGAIN,
	  "too few managers know the HSM as it runs now"),
	C(GRANT_TIME, "grant-time", -EAGAIN,
	  "the managers' idea of the HSM's uptime is too far from it"),
	C(GRANT_REFUSED, "grant-refused", -EACCES, "too few managers grant the operation"),
	C(GRANT_FALSE, "grant-false", -EKEYREJECTED, "a grant is not what was asked for"),
	C(AGENT_UNREACHABLE, "agent-unreachable", -EHOSTUNREACH,
	  "the agent does not answer in time"),
	C(AGENT_TLS, "agent-tls", -EKEYREJECTED, "the agent is not who its CA says it is"),
	C(AGENT_BUSY, "agent-busy", -EAGAIN, "the agent cannot answer now"),
	C(AGENT_ANSWER, "agent-answer", -EBADMSG, "the answer is not one that agents give"),
	C(AGENT_IDENTITY, "agent-identity", -EKEYREJECTED, "this is the agent of another HSM"),
	C(AGENT_REFUSED, "agent-refused", -EACCES, "the agent refuses"),
	C(KERNEL_REFUSED, "kernel-refused", -EACCES, "the HSM's kernel refuses"),
	C(ANSWER_KEY, "answer-key", -EKEYREJECTED, "the signature is of another key than attested"),
	C(SIGNATURE, "signature", -EKEYREJECTED, "the signature is false"),
	C(RECEIPT_MISSING, "receipt-missing", -ENODATA, "there is no receipt for the grants"),
	C(RECEIPT, "receipt", -EKEYREJECTED, "the receipt is false, or for something else"),
#undef C
};

const char *zkhsm_relying_name(enum zkhsm_relying_code code)
{
	return code < ZKHSM_RELYING_CODES ? codes[code].name : NULL;
}

const char *zkhsm_relying_text(enum zkhsm_relying_code code)
{
	return code < ZKHSM_RELYING_CODES ? codes[code].text : NULL;
}

int relying_errno(enum zkhsm_relying_code code)
{
	return codes[code].error;
}

bool relying_vote_token(struct zkhsm_relying_vote *v, const char *token)
{
	v->token = token ? strdup(token) : NULL;
	return v->token;
}

__attribute__((format(printf, 3, 0)))
static void fill(struct zkhsm_error *e, enum zkhsm_relying_code code, const char *format,
		 va_list args)
{
	memset(e, 0, sizeof(*e));
	e->code = codes[code].error;
	vsnprintf(e->text, sizeof(e->text), format, args);
}

enum zkhsm_relying_code relying_vote_fail(struct zkhsm_relying_vote *v,
					  enum zkhsm_relying_code code,
					  const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(&v->error, code, format, args);
	va_end(args);
	v->code = code;
	return code;
}

enum zkhsm_relying_code relying_fail(struct relying_use *u, enum zkhsm_relying_code code,
				     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(&u->out->error, code, format, args);
	va_end(args);
	u->out->code = code;
	return code;
}

enum zkhsm_relying_code relying_fail_votes(struct relying_use *u, const char *what, size_t good,
					   size_t needed)
{
	const struct zkhsm_relying_vote *worst = &u->out->votes[0];

	for (size_t i = 1; i < u->out->vote_count; i++)
		if (u->out->votes[i].code > worst->code)
			worst = &u->out->votes[i];
	return relying_fail(u, worst->code, "%zu of %zu %s are good; %.64s: %.200s", good, needed,
			    what, worst->name[0] ? worst->name : "of nobody known",
			    worst->error.text);
}
