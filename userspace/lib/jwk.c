// SPDX-License-Identifier: GPL-2.0
/*
 * Public keys as JSON (RFC 7517), their thumbprints (RFC 7638), and compact
 * signatures (RFC 7515) with ES256 and nothing else.
 */
#include "lib_private.h"

#include <jose/b64.h>
#include <jose/jws.h>
#include <stdio.h>
#include <stdlib.h>

/* A header has three short members; what is longer is none of ours. */
#define HEADER_MAX	1024

/* Caller decrefs; NULL when out of memory. */
json_t *zkhsm_jwk_public(const uint8_t public[65])
{
	return json_pack("{s:s, s:s, s:o*, s:o*}", "kty", "EC", "crv", "P-256",
			 "x", jose_b64_enc(public + 1, 32), "y", jose_b64_enc(public + 33, 32));
}

/**
 * zkhsm_jwk_thumbprint() - SHA-256 over the required members, base64url
 *
 * Return: 0, or -ENOMEM.
 */
int zkhsm_jwk_thumbprint(const uint8_t public[65], char out[64])
{
	char *x = zkhsm_b64(public + 1, 32), *y = zkhsm_b64(public + 33, 32);
	char *digest = NULL;
	uint8_t hash[ZKHSM_HASH_LEN];
	char text[160];
	int len, ret = -ENOMEM;

	/* RFC 7638 section 3.2 gives the one text, which every token needs twice. */
	if (x && y) {
		len = snprintf(text, sizeof(text),
			       "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}",
			       x, y);
		zkhsm_sha256(text, (size_t)len, hash);
		digest = zkhsm_b64(hash, sizeof(hash));
	}
	if (digest) {
		snprintf(out, 64, "%s", digest);
		ret = 0;
	}
	free(digest);
	free(y);
	free(x);
	return ret;
}

static json_t *jwks_member(EVP_PKEY *key)
{
	uint8_t public[ZKHSM_POINT_LEN];
	char kid[64];
	json_t *jwk;

	if (zkhsm_signer_public(key, public) || zkhsm_jwk_thumbprint(public, kid))
		return NULL;
	jwk = zkhsm_jwk_public(public);
	if (jwk && (json_object_set_new(jwk, "kid", json_string(kid)) ||
		    json_object_set_new(jwk, "use", json_string("sig")) ||
		    json_object_set_new(jwk, "alg", json_string("ES256")))) {
		json_decref(jwk);
		return NULL;
	}
	return jwk;
}

/* Caller decrefs; NULL when out of memory or a key is not on P-256. */
json_t *zkhsm_jwks(EVP_PKEY *const *keys, size_t count)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < count; i++)
		if (json_array_append_new(array, jwks_member(keys[i]))) {
			json_decref(array);
			return NULL;
		}
	return json_pack("{s:o}", "keys", array);
}

static char *encode_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	char *b64 = text ? zkhsm_b64(text, strlen(text)) : NULL;

	free(text);
	return b64;
}

static char *encode_header(const char *typ, EVP_PKEY *key)
{
	uint8_t public[ZKHSM_POINT_LEN];
	char kid[64], *b64;
	json_t *header;

	if (zkhsm_signer_public(key, public) || zkhsm_jwk_thumbprint(public, kid))
		return NULL;
	header = json_pack("{s:s, s:s, s:s}", "alg", "ES256", "typ", typ, "kid", kid);
	b64 = header ? encode_json(header) : NULL;
	json_decref(header);
	return b64;
}

/**
 * zkhsm_jws_sign() - sign a JSON value
 * @key: P-256; stays OpenSSL's object, so that it may live in a provider, and
 *	 its secret is never in a JSON text, as libjose's signer would want it
 * @typ: for the header
 * @payload: what to sign; its text form is compact, members sorted
 * @out: header.payload.signature, for the caller to free
 * @err: why not
 *
 * Return: 0; -EINVAL when @key is not on P-256; -EIO; -ENOMEM.
 */
int zkhsm_jws_sign(EVP_PKEY *key, const char *typ, const json_t *payload, char **out,
		   struct zkhsm_error *err)
{
	uint8_t signature[ZKHSM_SIGNATURE_LEN];
	char *header, *body, *input = NULL, *tail = NULL;
	int ret;

	*out = NULL;
	header = encode_header(typ, key);
	if (!header)
		return zkhsm_fail(err, -EINVAL, "tokens are signed with keys on P-256 only");
	body = encode_json(payload);
	if (!body || asprintf(&input, "%s.%s", header, body) < 0) {
		input = NULL;
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto out;
	}
	ret = zkhsm_signer_sign(key, input, strlen(input), signature, err);
	if (ret)
		goto out;
	tail = zkhsm_b64(signature, sizeof(signature));
	if (!tail || asprintf(out, "%s.%s", input, tail) < 0) {
		*out = NULL;
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
	}
out:
	free(tail);
	free(input);
	free(body);
	free(header);
	return ret;
}

static bool member_is(const json_t *object, const char *name, const char *value)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && !strcmp(text, value);
}

static bool member_absent_or(const json_t *object, const char *name, const char *value)
{
	return !json_object_get(object, name) || member_is(object, name, value);
}

/* The three parts of a compact JWS as strings of their own. */
struct parts {
	char *text;
	const char *header, *payload, *signature;
};

static int split(const char *jws, struct parts *p, struct zkhsm_error *err)
{
	char *first, *second;

	p->text = strdup(jws);
	if (!p->text)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	first = strchr(p->text, '.');
	second = first ? strchr(first + 1, '.') : NULL;
	if (!second || strchr(second + 1, '.'))
		return zkhsm_fail(err, -EBADMSG, "not a compact JWS");
	*first = '\0';
	*second = '\0';
	p->header = p->text;
	p->payload = first + 1;
	p->signature = second + 1;
	return 0;
}

static int decode_json(const char *b64, json_t **out)
{
	uint8_t *data;
	size_t len;
	int ret = zkhsm_unb64(b64, &data, &len);

	*out = NULL;
	if (ret)
		return ret;
	/* Of two members with one name, readers would not agree on which counts. */
	*out = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
	free(data);
	return json_is_object(*out) ? 0 : -EBADMSG;
}

/*
 * alg, typ and kid as strings and no other member: what an attacker could name
 * here (another algorithm, a key of its own, a critical extension) is no
 * question that this library answers.
 */
static int check_header(const char *b64, const char *typ, json_t **header,
			struct zkhsm_error *err)
{
	const char *name;
	json_t *value;

	*header = NULL;
	if (strlen(b64) > HEADER_MAX || decode_json(b64, header))
		return zkhsm_fail(err, -EBADMSG, "the header of the JWS is malformed");
	json_object_foreach(*header, name, value)
		if (!json_is_string(value) ||
		    (strcmp(name, "alg") && strcmp(name, "typ") && strcmp(name, "kid")))
			return zkhsm_fail(err, -EBADMSG,
					  "the header of the JWS has %s, which is not accepted",
					  name);
	if (!member_is(*header, "alg", "ES256"))
		return zkhsm_fail(err, -EBADMSG, "the JWS is not signed with ES256");
	if (!member_is(*header, "typ", typ))
		return zkhsm_fail(err, -EBADMSG, "the JWS is not of type %s", typ);
	if (!json_object_get(*header, "kid"))
		return zkhsm_fail(err, -EBADMSG, "the JWS does not name its key");
	return 0;
}

/* A P-256 key for signatures, with a single meaning. */
static bool usable_key(const json_t *jwk)
{
	return member_is(jwk, "kty", "EC") && member_is(jwk, "crv", "P-256") &&
	       member_absent_or(jwk, "use", "sig") && member_absent_or(jwk, "alg", "ES256") &&
	       !json_object_get(jwk, "d") && !json_object_get(jwk, "key_ops");
}

/* The public key called @kid; two with one name are as bad as none. */
static int find_key(const json_t *jwks, const char *kid, json_t **key, struct zkhsm_error *err)
{
	const json_t *keys = json_object_get(jwks, "keys");
	const json_t *found = NULL, *jwk;
	size_t i;

	*key = NULL;
	if (!json_is_array(keys))
		return zkhsm_fail(err, -EINVAL, "the key set has no array of keys");
	json_array_foreach(keys, i, jwk) {
		if (!member_is(jwk, "kid", kid))
			continue;
		if (found)
			return zkhsm_fail(err, -EKEYREJECTED, "two keys are called %.64s", kid);
		found = jwk;
	}
	if (!found)
		return zkhsm_fail(err, -EKEYREJECTED, "no trusted key is called %.64s", kid);
	if (!usable_key(found))
		return zkhsm_fail(err, -EKEYREJECTED, "key %.64s is not a P-256 key for signatures",
				  kid);
	/* Only what makes up the key goes on to libjose. */
	*key = json_pack("{s:s, s:s, s:O*, s:O*}", "kty", "EC", "crv", "P-256",
			 "x", json_object_get(found, "x"), "y", json_object_get(found, "y"));
	return *key ? 0 : zkhsm_fail(err, -ENOMEM, "out of memory");
}

static int check_signature(const struct parts *p, const json_t *key, struct zkhsm_error *err)
{
	json_t *jws;
	uint8_t *data;
	size_t len;
	bool good;

	/* Signed as text: another text of the same bytes would be as good to some readers. */
	if (zkhsm_unb64(p->payload, &data, &len))
		return zkhsm_fail(err, -EBADMSG, "the payload of the JWS is malformed");
	free(data);
	if (zkhsm_unb64(p->signature, &data, &len))
		return zkhsm_fail(err, -EBADMSG, "the signature of the JWS is malformed");
	free(data);
	if (len != ZKHSM_SIGNATURE_LEN)
		return zkhsm_fail(err, -EBADMSG, "the signature of the JWS has %zu bytes, not %d",
				  len, ZKHSM_SIGNATURE_LEN);
	jws = json_pack("{s:s, s:s, s:s}", "protected", p->header, "payload", p->payload,
			"signature", p->signature);
	if (!jws)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	good = jose_jws_ver(NULL, jws, NULL, key, false);
	json_decref(jws);
	if (!good)
		return zkhsm_fail(err, -EKEYREJECTED, "the signature of the JWS is false");
	return 0;
}

/**
 * zkhsm_jws_verify() - check a compact JWS and take out what was signed
 * @jwks: the keys that are trusted; a member that is not a P-256 key for
 *	  signatures is never used
 * @typ: what the header must say
 * @jws: header.payload.signature
 * @payload: a JSON object, for the caller to decref; set only when 0 is returned
 * @err: why not
 *
 * Return: 0; -EBADMSG malformed, of another type or algorithm, or with header
 * members other than alg, typ and kid; -EKEYREJECTED unknown key or false
 * signature; -EINVAL when @jwks is not a key set; -ENOMEM.
 */
int zkhsm_jws_verify(const json_t *jwks, const char *typ, const char *jws, json_t **payload,
		     struct zkhsm_error *err)
{
	struct parts p = { 0 };
	json_t *header = NULL, *key = NULL;
	int ret;

	*payload = NULL;
	ret = split(jws, &p, err);
	if (!ret)
		ret = check_header(p.header, typ, &header, err);
	if (!ret)
		ret = find_key(jwks, json_string_value(json_object_get(header, "kid")), &key, err);
	if (!ret)
		ret = check_signature(&p, key, err);
	if (!ret && decode_json(p.payload, payload)) {
		json_decref(*payload);
		*payload = NULL;
		ret = zkhsm_fail(err, -EBADMSG, "what the JWS carries is not a JSON object");
	}
	json_decref(key);
	json_decref(header);
	free(p.text);
	return ret;
}

int zkhsm_jws_kid(const char *typ, const char *jws, char kid[64], struct zkhsm_error *err)
{
	struct parts p = { 0 };
	json_t *header = NULL;
	const char *text;
	int ret;

	ret = split(jws, &p, err);
	if (!ret)
		ret = check_header(p.header, typ, &header, err);
	text = json_string_value(json_object_get(header, "kid"));
	if (!ret && (!text || snprintf(kid, 64, "%s", text) >= 64))
		ret = zkhsm_fail(err, -EBADMSG, "the name of the JWS's key is too long");
	json_decref(header);
	free(p.text);
	return ret;
}

bool zkhsm_jwks_has(const json_t *jwks, const char *kid)
{
	const json_t *jwk;
	size_t i;

	json_array_foreach(json_object_get(jwks, "keys"), i, jwk)
		if (member_is(jwk, "kid", kid))
			return true;
	return false;
}
