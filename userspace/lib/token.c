// SPDX-License-Identifier: GPL-2.0
/*
 * Verification tokens: EAT Attestation Results (draft-ietf-rats-ear) as JWTs,
 * in the form that Documentation/https-api.rst gives. One token is about one
 * key, the only member of "submods".
 */
#include "lib_private.h"

#include <stdlib.h>

#define PROFILE		"tag:ietf.org,2026:rats/ear#02"
#define POLICY		"urn:zkhsm:policy:attested"
#define AFFIRMING	"affirming"

/* Takes the reference to @value; a failed json_pack() gives NULL, which counts. */
static int add(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

static json_t *submodule(const struct zkhsm_token_claims *c)
{
	char *hsm_id = zkhsm_hex(c->hsm_id, sizeof(c->hsm_id));
	char *element = zkhsm_hex(c->element, sizeof(c->element));
	const char *state = zkhsm_state_name(c->key_state);
	json_t *object = NULL;

	if (hsm_id && element && state)
		object = json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s, s:s, s:I, s:I}}",
				   "ear.status", c->status,
				   "ear.appraisal-policy-id", POLICY,
				   "zkhsm",
				   "hsm_id", hsm_id,
				   "key_id", c->key_id,
				   "element", element,
				   "jkt", c->thumbprint,
				   "key_state", state,
				   "attested_at_ms", (json_int_t)c->attested_at * 1000,
				   "age_ms", (json_int_t)c->age_ms);
	free(element);
	free(hsm_id);
	return object;
}

static json_t *make_payload(const struct zkhsm_token_claims *c)
{
	json_t *p = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:{s:s, s:s}, s:{}}",
			      "eat_profile", PROFILE,
			      "iss", c->issuer,
			      "aud", c->audience,
			      "jti", c->jti,
			      "iat", (json_int_t)c->issued_at,
			      "exp", (json_int_t)c->expires_at,
			      "ear.verifier-id", "developer", "zkhsm", "build", "libzkhsm 1",
			      "submods");
	int failed = !p || add(json_object_get(p, "submods"), c->key_id, submodule(c));

	if (!failed && c->nonce[0])
		failed = add(p, "eat_nonce", json_string(c->nonce));
	if (!failed && c->x5t[0])
		failed = add(p, "cnf", json_pack("{s:s}", "x5t#S256", c->x5t));
	if (failed) {
		json_decref(p);
		return NULL;
	}
	return p;
}

/* @min to @size - 1 bytes. */
static bool take_text(const json_t *object, const char *name, size_t min, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(object, name));
	size_t len = text ? strlen(text) : 0;

	if (!text || len < min || len >= size)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static bool take_optional(const json_t *object, const char *name, char *out, size_t size)
{
	return !json_object_get(object, name) || take_text(object, name, 1, out, size);
}

static bool take_number(const json_t *object, const char *name, json_int_t *out)
{
	const json_t *value = json_object_get(object, name);

	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= 0;
}

static bool take_digest(const json_t *object, const char *name, uint8_t out[32])
{
	const char *hex = json_string_value(json_object_get(object, name));

	return hex && !zkhsm_unhex(hex, out, 32);
}

/* The one member of submods, named by the key's id. */
static bool parse_submodule(const json_t *submods, struct zkhsm_token_claims *c)
{
	const char *name = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)submods));
	const json_t *m = name ? json_object_get(submods, name) : NULL;
	const json_t *z = json_object_get(m, "zkhsm");
	json_int_t attested_ms, age;
	char state[32];

	if (!name || json_object_size(submods) != 1 ||
	    !take_text(m, "ear.status", 1, c->status, sizeof(c->status)) ||
	    !take_digest(z, "hsm_id", c->hsm_id) ||
	    !take_text(z, "key_id", 1, c->key_id, sizeof(c->key_id)) ||
	    strcmp(c->key_id, name) ||
	    !zkhsm_id_valid((const uint8_t *)c->key_id, strlen(c->key_id)) ||
	    !take_digest(z, "element", c->element) ||
	    !take_text(z, "jkt", 43, c->thumbprint, 44) ||
	    !take_text(z, "key_state", 1, state, sizeof(state)) || zkhsm_state_parse(state) < 0 ||
	    !take_number(z, "attested_at_ms", &attested_ms) || !take_number(z, "age_ms", &age))
		return false;
	c->key_state = (uint32_t)zkhsm_state_parse(state);
	c->attested_at = attested_ms / 1000;
	c->age_ms = (uint64_t)age;
	return true;
}

/*
 * Members that are not known are passed over, as RFC 7519 section 4 wants it;
 * those that are known must have their one form.
 */
static int parse_payload(const json_t *p, struct zkhsm_token_claims *c, struct zkhsm_error *err)
{
	char profile[64];
	json_int_t iat, exp;

	memset(c, 0, sizeof(*c));
	if (!take_text(p, "eat_profile", 1, profile, sizeof(profile)) || strcmp(profile, PROFILE))
		return zkhsm_fail(err, -EBADMSG, "the token is not of the profile " PROFILE);
	if (!take_text(p, "iss", 1, c->issuer, sizeof(c->issuer)) ||
	    !take_text(p, "aud", 1, c->audience, sizeof(c->audience)) ||
	    !take_text(p, "jti", 1, c->jti, sizeof(c->jti)) ||
	    !take_optional(p, "eat_nonce", c->nonce, sizeof(c->nonce)) ||
	    !take_number(p, "iat", &iat) || !take_number(p, "exp", &exp) || exp <= iat)
		return zkhsm_fail(err, -EBADMSG, "a claim of the token is missing or malformed");
	/* A token bound to a key in a way that is not understood must not pass as unbound. */
	if (json_object_get(p, "cnf") &&
	    (json_object_size(json_object_get(p, "cnf")) != 1 ||
	     !take_text(json_object_get(p, "cnf"), "x5t#S256", 43, c->x5t, 44)))
		return zkhsm_fail(err, -EBADMSG, "the token's confirmation is malformed");
	if (json_object_get(p, "nbf"))
		return zkhsm_fail(err, -EBADMSG, "tokens of this profile have no nbf");
	if (!parse_submodule(json_object_get(p, "submods"), c))
		return zkhsm_fail(err, -EBADMSG, "what the token says about the key is malformed");
	c->issued_at = iat;
	c->expires_at = exp;
	return 0;
}

/**
 * zkhsm_token_sign() - issue a token
 * @key: one of the issuer's token keys
 * @claims: what it says; all but nonce and x5t must be there
 * @out: the token, for the caller to free
 * @err: why not
 *
 * Return: 0; -EINVAL when a claim is missing or not of its form, so that no
 * token is issued that its reader refuses; what zkhsm_jws_sign() returns.
 */
int zkhsm_token_sign(EVP_PKEY *key, const struct zkhsm_token_claims *claims, char **out,
		     struct zkhsm_error *err)
{
	struct zkhsm_token_claims again;
	struct zkhsm_error why = { 0 };
	json_t *payload = make_payload(claims);
	int ret;

	*out = NULL;
	if (!payload)
		return zkhsm_fail(err, -EINVAL, "a claim is not text in UTF-8 or names no state");
	if (parse_payload(payload, &again, &why))
		ret = zkhsm_fail(err, -EINVAL, "not issued: %.200s", why.text);
	else
		ret = zkhsm_jws_sign(key, "JWT", payload, out, err);
	json_decref(payload);
	return ret;
}

static int check_claims(const struct zkhsm_token_claims *c, const char *audience,
			const char *nonce, int64_t now, int64_t leeway, struct zkhsm_error *err)
{
	if (strcmp(c->status, AFFIRMING))
		return zkhsm_fail(err, -EBADMSG, "the token's status is not " AFFIRMING);
	if (c->expires_at <= now - leeway)
		return zkhsm_fail(err, -EKEYEXPIRED, "the token expired %lld s ago",
				  (long long)(now - c->expires_at));
	if (c->issued_at > now + leeway)
		return zkhsm_fail(err, -EKEYEXPIRED, "the token was issued %lld s in the future",
				  (long long)(c->issued_at - now));
	if (strcmp(c->audience, audience))
		return zkhsm_fail(err, -EACCES, "the token is for %s", c->audience);
	if (nonce && strcmp(c->nonce, nonce))
		return zkhsm_fail(err, -EACCES, "the token answers another nonce");
	return 0;
}

int zkhsm_token_verify(const json_t *jwks, const char *token, const char *audience,
		       const char *nonce, int64_t now, int64_t leeway,
		       struct zkhsm_token_claims *out, struct zkhsm_error *err)
{
	json_t *payload;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = zkhsm_jws_verify(jwks, "JWT", token, &payload, err);
	if (ret)
		return ret;
	ret = parse_payload(payload, out, err);
	json_decref(payload);
	if (!ret)
		ret = check_claims(out, audience, nonce, now, leeway, err);
	return ret;
}
