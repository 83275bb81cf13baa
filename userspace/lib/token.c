// SPDX-License-Identifier: GPL-2.0
/*
 * Verification tokens: EAT Attestation Results (draft-ietf-rats-ear) as JWTs,
 * in the form that Documentation/https-api.rst gives. One token is about one
 * key, the only member of "submods".
 */
#include "lib_private.h"

#include <stdlib.h>

#define PROFILE		"tag:ietf.org,2026:rats/ear#02"
#define AFFIRMING	"affirming"
/* draft-ietf-rats-ar4si section 2.3.2: beyond these a claim is a warning, or worse. */
#define AFFIRMING_LEAST	(-32)
#define AFFIRMING_MOST	31

/* The claims of a trustworthiness vector, by enum zkhsm_trust. */
static const char *const vector_names[ZKHSM_TRUST_COUNT] = {
	[ZKHSM_TRUST_INSTANCE_IDENTITY] = "instance-identity",
	[ZKHSM_TRUST_CONFIGURATION] = "configuration",
	[ZKHSM_TRUST_EXECUTABLES] = "executables",
	[ZKHSM_TRUST_FILE_SYSTEM] = "file-system",
	[ZKHSM_TRUST_HARDWARE] = "hardware",
	[ZKHSM_TRUST_RUNTIME_OPAQUE] = "runtime-opaque",
	[ZKHSM_TRUST_STORAGE_OPAQUE] = "storage-opaque",
	[ZKHSM_TRUST_SOURCED_DATA] = "sourced-data",
};

/* Takes the reference to @value; a failed json_pack() gives NULL, which counts. */
static int add(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value);
}

/* What no claim is made about is left out; NULL when that is all of it: none is empty. */
static json_t *make_vector(const struct zkhsm_token_claims *c)
{
	json_t *vector = NULL;

	for (size_t i = 0; i < ZKHSM_TRUST_COUNT; i++) {
		if (!c->vector[i])
			continue;
		if (!vector)
			vector = json_object();
		add(vector, vector_names[i], json_integer(c->vector[i]));
	}
	return vector;
}

static json_t *submodule(const struct zkhsm_token_claims *c)
{
	char *hsm_id = zkhsm_hex(c->hsm_id, sizeof(c->hsm_id));
	char *element = zkhsm_hex(c->element, sizeof(c->element));
	const char *state = zkhsm_state_name(c->key_state);
	json_t *object = NULL;

	if (hsm_id && element && state)
		object = json_pack("{s:s, s:s, s:o*, s:{s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:I}}",
				   "ear.status", c->status,
				   "ear.appraisal-policy-id", c->policy,
				   "ear.trustworthiness-vector", make_vector(c),
				   "zkhsm",
				   "hsm_id", hsm_id,
				   "key_id", c->key_id,
				   "element", element,
				   "jkt", c->thumbprint,
				   "key_state", state,
				   "grant_required", c->grant_required,
				   "attested_at_ms", (json_int_t)c->attested_at * 1000,
				   "age_ms", (json_int_t)c->age_ms);
	if (object && c->cluster[0])
		add(json_object_get(object, "zkhsm"), "cluster", json_string(c->cluster));
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
	if (!failed && c->status_uri[0])
		failed = add(p, "status", json_pack("{s:{s:I, s:s}}", "status_list", "idx",
						    (json_int_t)c->status_index, "uri",
						    c->status_uri));
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

/* A vector that is worse than the status it stands under contradicts it. */
static bool parse_vector(const json_t *vector, struct zkhsm_token_claims *c)
{
	if (vector && !json_is_object(vector))
		return false;
	for (size_t i = 0; i < ZKHSM_TRUST_COUNT; i++) {
		const json_t *value = json_object_get(vector, vector_names[i]);
		json_int_t n = json_integer_value(value);

		if (value && (!json_is_integer(value) || n < INT8_MIN || n > INT8_MAX))
			return false;
		if (!strcmp(c->status, AFFIRMING) && (n < AFFIRMING_LEAST || n > AFFIRMING_MOST))
			return false;
		c->vector[i] = (int8_t)n;
	}
	return true;
}

/* Where it stands in a Token Status List; absent of tokens that are in none. */
static bool parse_status(const json_t *status, struct zkhsm_token_claims *c)
{
	const json_t *list = json_object_get(status, "status_list");
	json_int_t index;

	if (!status)
		return true;
	if (!take_number(list, "idx", &index) ||
	    !take_text(list, "uri", 1, c->status_uri, sizeof(c->status_uri)))
		return false;
	c->status_index = (uint64_t)index;
	return true;
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
	    !take_text(m, "ear.appraisal-policy-id", 1, c->policy, sizeof(c->policy)) ||
	    !parse_vector(json_object_get(m, "ear.trustworthiness-vector"), c) ||
	    !take_digest(z, "hsm_id", c->hsm_id) ||
	    !take_text(z, "key_id", 1, c->key_id, sizeof(c->key_id)) ||
	    strcmp(c->key_id, name) ||
	    !zkhsm_id_valid((const uint8_t *)c->key_id, strlen(c->key_id)) ||
	    !take_digest(z, "element", c->element) ||
	    !take_text(z, "jkt", 43, c->thumbprint, 44) ||
	    !take_text(z, "key_state", 1, state, sizeof(state)) || zkhsm_state_parse(state) < 0 ||
	    !json_is_boolean(json_object_get(z, "grant_required")) ||
	    !take_optional(z, "cluster", c->cluster, sizeof(c->cluster)) ||
	    !take_number(z, "attested_at_ms", &attested_ms) || !take_number(z, "age_ms", &age))
		return false;
	c->key_state = (uint32_t)zkhsm_state_parse(state);
	c->grant_required = json_is_true(json_object_get(z, "grant_required"));
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
	if (!parse_status(json_object_get(p, "status"), c))
		return zkhsm_fail(err, -EBADMSG, "the token's place in a status list is malformed");
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

enum zkhsm_token_fault zkhsm_token_judge(const struct zkhsm_token_claims *c, const char *audience,
					 const char *nonce, int64_t now, int64_t leeway)
{
	if (strcmp(c->status, AFFIRMING))
		return ZKHSM_TOKEN_NOT_AFFIRMING;
	if (c->expires_at <= now - leeway)
		return ZKHSM_TOKEN_EXPIRED;
	if (c->issued_at > now + leeway)
		return ZKHSM_TOKEN_FUTURE;
	if (strcmp(c->audience, audience))
		return ZKHSM_TOKEN_AUDIENCE;
	if (nonce && strcmp(c->nonce, nonce))
		return ZKHSM_TOKEN_NONCE;
	return ZKHSM_TOKEN_FITS;
}

int zkhsm_token_fault(enum zkhsm_token_fault fault, const struct zkhsm_token_claims *c, int64_t now,
		      struct zkhsm_error *err)
{
	switch (fault) {
	case ZKHSM_TOKEN_FITS:
		return 0;
	case ZKHSM_TOKEN_NOT_AFFIRMING:
		return zkhsm_fail(err, -EBADMSG, "the token's status is not " AFFIRMING);
	case ZKHSM_TOKEN_EXPIRED:
		return zkhsm_fail(err, -EKEYEXPIRED, "the token expired %lld s ago",
				  (long long)(now - c->expires_at));
	case ZKHSM_TOKEN_FUTURE:
		return zkhsm_fail(err, -EKEYEXPIRED, "the token was issued %lld s in the future",
				  (long long)(c->issued_at - now));
	case ZKHSM_TOKEN_AUDIENCE:
		return zkhsm_fail(err, -EACCES, "the token is for %s", c->audience);
	default:
		return zkhsm_fail(err, -EACCES, "the token answers another nonce");
	}
}

int zkhsm_token_read(const json_t *jwks, const char *token, struct zkhsm_token_claims *out,
		     struct zkhsm_error *err)
{
	json_t *payload;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = zkhsm_jws_verify(jwks, "JWT", token, &payload, err);
	if (ret)
		return ret;
	ret = parse_payload(payload, out, err);
	json_decref(payload);
	return ret;
}

int zkhsm_token_verify(const json_t *jwks, const char *token, const char *audience,
		       const char *nonce, int64_t now, int64_t leeway,
		       struct zkhsm_token_claims *out, struct zkhsm_error *err)
{
	int ret = zkhsm_token_read(jwks, token, out, err);

	if (ret)
		return ret;
	return zkhsm_token_fault(zkhsm_token_judge(out, audience, nonce, now, leeway), out, now,
				 err);
}
