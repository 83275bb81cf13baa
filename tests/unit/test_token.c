// SPDX-License-Identifier: GPL-2.0
/*
 * test_token.c - JWS with one algorithm, and the tokens in them
 */
#include "mutate.h"

#include <jose/jose.h>
#include <openssl/ec.h>

#include "zkhsm.h"

#define NOW	1800000000LL

struct issuer {
	EVP_PKEY *key;
	uint8_t public[65];
	char kid[64];
	json_t *jwks;
};

static int setup(void **state)
{
	struct issuer *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(zkhsm_signer_generate(&s->key, NULL), 0);
	assert_int_equal(zkhsm_signer_public(s->key, s->public), 0);
	assert_int_equal(zkhsm_jwk_thumbprint(s->public, s->kid), 0);
	s->jwks = zkhsm_jwks(&s->key, 1);
	assert_non_null(s->jwks);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct issuer *s = *state;

	json_decref(s->jwks);
	EVP_PKEY_free(s->key);
	free(s);
	return 0;
}

static struct zkhsm_token_claims claims(void)
{
	struct zkhsm_token_claims c = {
		.issuer = "zkhsm:00ff", .audience = "zkhsm-agent:ab", .nonce = "n-1", .jti = "id-1",
		.issued_at = NOW, .expires_at = NOW + 300, .attested_at = NOW - 20,
		.hsm_id = { 1 }, .key_id = "key-1", .element = { 2 },
		.thumbprint = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ",
		.x5t = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq",
		.status = "affirming", .age_ms = 20000, .key_state = ZKHSM_KEY_STATE_ACTIVE,
	};

	return c;
}

/* The key of RFC 7515 appendix A.3. */
static void thumbprint_and_jwk(void **state)
{
	static const char *const x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
	static const char *const y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
	uint8_t public[65] = { 4 }, *part;
	char thumbprint[64];
	json_t *jwk;
	size_t len;

	(void)state;
	assert_int_equal(zkhsm_unb64(x, &part, &len), 0);
	memcpy(public + 1, part, 32);
	free(part);
	assert_int_equal(zkhsm_unb64(y, &part, &len), 0);
	memcpy(public + 33, part, 32);
	free(part);
	jwk = zkhsm_jwk_public(public);
	assert_string_equal(json_string_value(json_object_get(jwk, "x")), x);
	assert_string_equal(json_string_value(json_object_get(jwk, "y")), y);
	assert_string_equal(json_string_value(json_object_get(jwk, "kty")), "EC");
	assert_string_equal(json_string_value(json_object_get(jwk, "crv")), "P-256");
	assert_int_equal(json_object_size(jwk), 4);
	json_decref(jwk);
	assert_int_equal(zkhsm_jwk_thumbprint(public, thumbprint), 0);
	assert_string_equal(thumbprint, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
}

/* The example of RFC 7515 appendix A.3 has no kid: it is refused for that alone. */
static void rfc7515(void **state)
{
	const char *jws = "eyJhbGciOiJFUzI1NiJ9"
		".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
		".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
	struct issuer *s = *state;
	struct zkhsm_error err;
	json_t *payload;

	assert_int_equal(zkhsm_jws_verify(s->jwks, "JWT", jws, &payload, &err), -EBADMSG);
	assert_string_equal(err.text, "the JWS is not of type JWT");
}

static void jwks(void **state)
{
	struct issuer *s = *state;
	const json_t *key = json_array_get(json_object_get(s->jwks, "keys"), 0);
	EVP_PKEY *p384 = EVP_EC_gen("P-384");

	assert_int_equal(json_array_size(json_object_get(s->jwks, "keys")), 1);
	assert_string_equal(json_string_value(json_object_get(key, "kid")), s->kid);
	assert_string_equal(json_string_value(json_object_get(key, "use")), "sig");
	assert_string_equal(json_string_value(json_object_get(key, "alg")), "ES256");
	assert_null(json_object_get(key, "d"));
	assert_null(zkhsm_jwks(&p384, 1));
	EVP_PKEY_free(p384);
}

static void round_trip(void **state)
{
	struct issuer *s = *state;
	struct zkhsm_token_claims in = claims(), out;
	char *token;
	int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(zkhsm_token_sign(s->key, &in, &token, NULL), 0);
		assert_int_equal(zkhsm_token_verify(s->jwks, token, in.audience, i ? NULL : "n-1",
						    NOW, 0, &out, NULL), 0);
		assert_memory_equal(&in, &out, sizeof(in));
		free(token);
		memset(in.nonce, 0, sizeof(in.nonce));
		memset(in.x5t, 0, sizeof(in.x5t));
	}
}

static json_t *decode(const char *part, size_t len)
{
	char *text = strndup(part, len);
	uint8_t *data;
	size_t size;
	json_t *value;

	assert_int_equal(zkhsm_unb64(text, &data, &size), 0);
	value = json_loadb((char *)data, size, 0, NULL);
	assert_non_null(value);
	free(data);
	free(text);
	return value;
}

/* That the token looks as Documentation/https-api.rst says, and libjose takes it as it is. */
static void form(void **state)
{
	struct issuer *s = *state;
	struct zkhsm_token_claims in = claims();
	json_t *header, *payload, *key, *m, *z, *jws;
	char *token, *dot, *last;

	assert_int_equal(zkhsm_token_sign(s->key, &in, &token, NULL), 0);
	dot = strchr(token, '.');
	last = strrchr(token, '.');
	header = decode(token, (size_t)(dot - token));
	payload = decode(dot + 1, (size_t)(last - dot - 1));
	assert_int_equal(json_object_size(header), 3);
	assert_string_equal(json_string_value(json_object_get(header, "kid")), s->kid);
	assert_string_equal(json_string_value(json_object_get(payload, "eat_profile")),
			    "tag:ietf.org,2026:rats/ear#02");
	assert_string_equal(json_string_value(json_object_get(payload, "eat_nonce")), "n-1");
	assert_string_equal(json_string_value(json_object_get(json_object_get(payload, "cnf"),
							      "x5t#S256")), in.x5t);
	assert_int_equal(json_integer_value(json_object_get(payload, "exp")), NOW + 300);
	assert_non_null(json_object_get(json_object_get(payload, "ear.verifier-id"), "developer"));
	assert_non_null(json_object_get(json_object_get(payload, "ear.verifier-id"), "build"));
	m = json_object_get(json_object_get(payload, "submods"), "key-1");
	assert_string_equal(json_string_value(json_object_get(m, "ear.status")), "affirming");
	z = json_object_get(m, "zkhsm");
	assert_string_equal(json_string_value(json_object_get(z, "key_state")), "active");
	assert_string_equal(json_string_value(json_object_get(z, "jkt")), in.thumbprint);
	assert_int_equal(json_integer_value(json_object_get(z, "attested_at_ms")),
			 (NOW - 20) * 1000);
	assert_int_equal(strlen(json_string_value(json_object_get(z, "hsm_id"))), 64);

	*last = '\0';
	*dot = '\0';
	key = json_array_get(json_object_get(s->jwks, "keys"), 0);
	jws = json_pack("{s:s, s:s, s:s}", "protected", token, "payload", dot + 1, "signature",
			last + 1);
	assert_true(jose_jws_ver(NULL, jws, NULL, key, false));
	json_decref(jws);
	json_decref(payload);
	json_decref(header);
	free(token);
}

static int verify_at(struct issuer *s, const char *token, const char *audience, const char *nonce,
		     int64_t now, int64_t leeway)
{
	struct zkhsm_token_claims out;
	struct zkhsm_error err = { 0 };
	int ret = zkhsm_token_verify(s->jwks, token, audience, nonce, now, leeway, &out, &err);

	assert_int_equal(err.code, ret);
	return ret;
}

static void times_audience_nonce(void **state)
{
	struct issuer *s = *state;
	struct zkhsm_token_claims in = claims();
	const char *a = in.audience;
	char *token;

	assert_int_equal(zkhsm_token_sign(s->key, &in, &token, NULL), 0);
	assert_int_equal(verify_at(s, token, a, NULL, NOW + 299, 0), 0);
	assert_int_equal(verify_at(s, token, a, NULL, NOW + 300, 0), -EKEYEXPIRED);
	assert_int_equal(verify_at(s, token, a, NULL, NOW + 309, 10), 0);
	assert_int_equal(verify_at(s, token, a, NULL, NOW + 310, 10), -EKEYEXPIRED);
	assert_int_equal(verify_at(s, token, a, NULL, NOW - 10, 10), 0);
	assert_int_equal(verify_at(s, token, a, NULL, NOW - 11, 10), -EKEYEXPIRED);
	assert_int_equal(verify_at(s, token, "zkhsm-agent:a", NULL, NOW, 0), -EACCES);
	assert_int_equal(verify_at(s, token, "", NULL, NOW, 0), -EACCES);
	assert_int_equal(verify_at(s, token, a, "n-2", NOW, 0), -EACCES);
	assert_int_equal(verify_at(s, token, a, "", NOW, 0), -EACCES);
	free(token);
	/* A nonce is asked for and there is none. */
	memset(in.nonce, 0, sizeof(in.nonce));
	assert_int_equal(zkhsm_token_sign(s->key, &in, &token, NULL), 0);
	assert_int_equal(verify_at(s, token, a, "n-1", NOW, 0), -EACCES);
	free(token);
}

static int verify_bytes(const uint8_t *data, size_t len, void *arg)
{
	char *text = strndup((const char *)data, len);
	struct zkhsm_token_claims in = claims();
	int ret;

	assert_non_null(text);
	ret = verify_at(arg, text, in.audience, "n-1", NOW, 0);
	free(text);
	return ret == -EKEYREJECTED ? -EBADMSG : ret;
}

static void altered(void **state)
{
	struct issuer *s = *state;
	struct zkhsm_token_claims in = claims();
	char *token;
	size_t i, len;

	assert_int_equal(zkhsm_token_sign(s->key, &in, &token, NULL), 0);
	len = strlen(token);
	for (i = 0; i < len; i++)
		assert_int_equal(verify_bytes((uint8_t *)token, i, s), -EBADMSG);
	/* With bit 0x20 too: another letter case is another character. */
	mutate_bytes((uint8_t *)token, len, verify_bytes, s, -EBADMSG, 0);
	for (i = 0; i < len; i++) {
		token[i] ^= 0x20;
		assert_int_equal(verify_bytes((uint8_t *)token, len, s), -EBADMSG);
		token[i] ^= 0x20;
	}
	free(token);
}

/* A JWS from texts, signed rightly. */
static char *forge(EVP_PKEY *key, const char *header, const char *payload)
{
	char *h = zkhsm_b64(header, strlen(header)), *p = zkhsm_b64(payload, strlen(payload));
	char *input, *b64, *jws;
	uint8_t signature[64];

	assert_true(asprintf(&input, "%s.%s", h, p) > 0);
	assert_int_equal(zkhsm_signer_sign(key, input, strlen(input), signature, NULL), 0);
	b64 = zkhsm_b64(signature, sizeof(signature));
	assert_true(asprintf(&jws, "%s.%s", input, b64) > 0);
	free(b64);
	free(input);
	free(p);
	free(h);
	return jws;
}

static int verify_forged(struct issuer *s, const char *header, const char *payload)
{
	char *jws = forge(s->key, header, payload);
	json_t *out;
	int ret = zkhsm_jws_verify(s->jwks, "JWT", jws, &out, NULL);

	assert_true(!out == !!ret);
	json_decref(out);
	free(jws);
	return ret;
}

static void headers(void **state)
{
	/* %s is the kid. All are signed by the right key. */
	static const char *const bad[] = {
		"{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"{\"alg\":\"ES384\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"{\"alg\":\"es256\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"{\"alg\":[\"ES256\"],\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"{\"alg\":null,\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"{\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"{\"alg\":\"ES256\",\"kid\":\"%s\"}",
		"{\"alg\":\"ES256\",\"typ\":\"jwt\",\"kid\":\"%s\"}",
		"{\"alg\":\"ES256\",\"typ\":\"zkhsm-revocations+jwt\",\"kid\":\"%s\"}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\"}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":[\"%s\"]}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"crit\":[\"b64\"],\"b64\":false}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"b64\":false}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jku\":\"https://x.example\"}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x5u\":\"https://x.example\"}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"jwk\":{}}",
		"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\",\"x\":\"\"}",
		"{\"alg\":\"ES256\",\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
		"[\"%s\"]", "\"%s\"", "%s", "",
	};
	struct issuer *s = *state;
	char header[2048];
	size_t i;

	snprintf(header, sizeof(header), "{\"kid\":\"%s\",\"typ\":\"JWT\",\"alg\":\"ES256\"}", s->kid);
	assert_int_equal(verify_forged(s, header, "{\"a\":1}"), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int ret;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(header, sizeof(header), bad[i], s->kid);
#pragma GCC diagnostic pop
		ret = verify_forged(s, header, "{\"a\":1}");
		if (ret != -EBADMSG)
			fail_msg("%s: %d", header, ret);
	}
	snprintf(header, sizeof(header), "{\"kid\":\"%s\",\"typ\":\"JWT\",\"alg\":\"ES256\"%1500s}",
		 s->kid, "");
	assert_int_equal(verify_forged(s, header, "{}"), -EBADMSG);
}

static void payloads(void **state)
{
	static const char *const bad[] = { "", "[]", "1", "\"x\"", "{", "{\"a\":1}x",
					   "{\"a\":1,\"a\":2}", "{\"a\":\"\\u0000\"}", "{\"a\":\"\xff\"}" };
	struct issuer *s = *state;
	char header[256];
	size_t i;

	snprintf(header, sizeof(header), "{\"kid\":\"%s\",\"typ\":\"JWT\",\"alg\":\"ES256\"}", s->kid);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (verify_forged(s, header, bad[i]) != -EBADMSG)
			fail_msg("%s", bad[i]);
}

/* RS/HS confusion: a MAC with the public key as its secret. */
static void mac_with_the_public_key(void **state)
{
	struct issuer *s = *state;
	json_t *key = json_pack("{s:s, s:s, s:o}", "kty", "oct", "alg", "HS256", "k",
				jose_b64_enc(s->public, sizeof(s->public)));
	json_t *jws = json_pack("{s:o}", "payload", jose_b64_enc("{}", 2)), *out;
	json_t *sig = json_pack("{s:{s:s, s:s, s:s}}", "protected", "alg", "HS256", "typ", "JWT",
				"kid", s->kid);
	char *text;

	assert_true(jose_jws_sig(NULL, jws, sig, key));
	assert_true(asprintf(&text, "%s.%s.%s",
			     json_string_value(json_object_get(jws, "protected")),
			     json_string_value(json_object_get(jws, "payload")),
			     json_string_value(json_object_get(jws, "signature"))) > 0);
	assert_int_equal(zkhsm_jws_verify(s->jwks, "JWT", text, &out, NULL), -EBADMSG);
	free(text);
	json_decref(sig);
	json_decref(jws);
	json_decref(key);
}

static int verify_with(const json_t *set, struct issuer *s)
{
	char header[256], *jws;
	json_t *out;
	int ret;

	snprintf(header, sizeof(header), "{\"kid\":\"%s\",\"typ\":\"JWT\",\"alg\":\"ES256\"}", s->kid);
	jws = forge(s->key, header, "{}");
	ret = zkhsm_jws_verify(set, "JWT", jws, &out, NULL);
	json_decref(out);
	free(jws);
	return ret;
}

/* What else may be in a key set, wanted or not. */
static void key_sets(void **state)
{
	static const char *const spoilt[][2] = {
		{ "kty", "oct" }, { "kty", "RSA" }, { "crv", "P-384" }, { "use", "enc" },
		{ "alg", "HS256" }, { "alg", "none" }, { "d", "AA" }, { "x", "AA" }, { "y", "!" },
		{ "kid", "another" }, { "key_ops", "sign" },
	};
	struct issuer *s = *state;
	json_t *set, *keys, *key;
	size_t i;

	assert_int_equal(verify_with(s->jwks, s), 0);
	for (i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		set = json_deep_copy(s->jwks);
		key = json_array_get(json_object_get(set, "keys"), 0);
		json_object_set_new(key, spoilt[i][0], json_string(spoilt[i][1]));
		assert_int_equal(verify_with(set, s), -EKEYREJECTED);
		json_decref(set);
	}

	/* Members that are no keys of ours do no harm; two with one name do. */
	set = json_deep_copy(s->jwks);
	keys = json_object_get(set, "keys");
	key = json_deep_copy(json_array_get(keys, 0));
	json_array_insert_new(keys, 0, json_pack("{s:s}", "kty", "oct"));
	json_array_insert_new(keys, 0, json_integer(7));
	assert_int_equal(verify_with(set, s), 0);
	json_array_append_new(keys, key);
	assert_int_equal(verify_with(set, s), -EKEYREJECTED);
	json_decref(set);

	set = json_pack("{s:[]}", "keys");
	assert_int_equal(verify_with(set, s), -EKEYREJECTED);
	json_decref(set);
	set = json_object();
	assert_int_equal(verify_with(set, s), -EINVAL);
	json_decref(set);
	set = json_array();
	assert_int_equal(verify_with(set, s), -EINVAL);
	json_decref(set);
}

static void another_signer(void **state)
{
	struct issuer *s = *state;
	struct zkhsm_token_claims in = claims();
	EVP_PKEY *other;
	char header[256], *token;
	json_t *out;

	assert_int_equal(zkhsm_signer_generate(&other, NULL), 0);
	assert_int_equal(zkhsm_token_sign(other, &in, &token, NULL), 0);
	assert_int_equal(verify_at(s, token, in.audience, NULL, NOW, 0), -EKEYREJECTED);
	free(token);
	/* With the name of the trusted key. */
	snprintf(header, sizeof(header), "{\"kid\":\"%s\",\"typ\":\"JWT\",\"alg\":\"ES256\"}", s->kid);
	token = forge(other, header, "{}");
	assert_int_equal(zkhsm_jws_verify(s->jwks, "JWT", token, &out, NULL), -EKEYREJECTED);
	free(token);
	EVP_PKEY_free(other);
}

/* One claim of a rightly signed token changed, by its path. */
static void claims_that_are_none(void **state)
{
	static const struct {
		const char *path, *name, *value;	/* value NULL: removed */
	} bad[] = {
		{ "", "eat_profile", "\"tag:other\"" }, { "", "eat_profile", NULL },
		{ "", "iss", NULL }, { "", "iss", "\"\"" }, { "", "iss", "7" },
		{ "", "aud", NULL }, { "", "aud", "[\"zkhsm-agent:ab\"]" },
		{ "", "jti", NULL }, { "", "iat", NULL }, { "", "iat", "\"1\"" },
		{ "", "iat", "1800000000.5" }, { "", "iat", "-1" }, { "", "exp", NULL },
		{ "", "exp", "1800000000" }, { "", "exp", "\"1800000300\"" },
		{ "", "nbf", "1" }, { "", "eat_nonce", "[\"n-1\"]" }, { "", "eat_nonce", "\"\"" },
		{ "", "cnf", "{}" }, { "", "cnf", "{\"jkt\":\"x\"}" }, { "", "cnf", "\"x\"" },
		{ "", "cnf", "{\"x5t#S256\":\"short\"}" },
		{ "", "submods", NULL }, { "", "submods", "{}" }, { "", "submods", "[]" },
		{ "", "submods", "{\"key-1\":{}}" }, { "submods", "other", "{}" },
		{ "k", "ear.status", NULL }, { "k", "ear.status", "2" },
		{ "k", "ear.status", "\"warning\"" }, { "k", "ear.status", "\"none\"" },
		{ "k", "zkhsm", NULL }, { "z", "hsm_id", NULL }, { "z", "hsm_id", "\"AB\"" },
		{ "z", "key_id", "\"key-2\"" }, { "z", "key_id", NULL }, { "z", "element", NULL },
		{ "z", "element", "\"00\"" }, { "z", "jkt", "\"short\"" },
		{ "z", "key_state", "\"asleep\"" }, { "z", "key_state", "2" },
		{ "z", "attested_at_ms", "\"1\"" }, { "z", "age_ms", "-1" }, { "z", "age_ms", NULL },
	};
	struct issuer *s = *state;
	struct zkhsm_token_claims in = claims();
	json_t *good, *payload, *at;
	char *token;
	size_t i;
	int ret;

	assert_int_equal(zkhsm_token_sign(s->key, &in, &token, NULL), 0);
	assert_int_equal(zkhsm_jws_verify(s->jwks, "JWT", token, &good, NULL), 0);
	free(token);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		payload = json_deep_copy(good);
		at = payload;
		if (bad[i].path[0])
			at = json_object_get(at, "submods");
		if (*bad[i].path == 'k' || *bad[i].path == 'z')
			at = json_object_get(at, "key-1");
		if (*bad[i].path == 'z')
			at = json_object_get(at, "zkhsm");
		if (bad[i].value)
			json_object_set_new(at, bad[i].name,
					    json_loads(bad[i].value, JSON_DECODE_ANY, NULL));
		else
			json_object_del(at, bad[i].name);
		assert_int_equal(zkhsm_jws_sign(s->key, "JWT", payload, &token, NULL), 0);
		ret = verify_at(s, token, in.audience, "n-1", NOW, 0);
		if (ret != -EBADMSG)
			fail_msg("%s %s %s: %d", bad[i].path, bad[i].name,
				 bad[i].value ? bad[i].value : "removed", ret);
		free(token);
		json_decref(payload);
	}
	/* What is not known is passed over. */
	json_object_set_new(good, "new-claim", json_true());
	assert_int_equal(zkhsm_jws_sign(s->key, "JWT", good, &token, NULL), 0);
	assert_int_equal(verify_at(s, token, in.audience, "n-1", NOW, 0), 0);
	free(token);
	json_decref(good);
}

/* Nothing is signed that would be refused. */
static void claims_not_signed(void **state)
{
	struct issuer *s = *state;
	struct zkhsm_token_claims c;
	char *token;

#define REFUSED(change)									\
	do {										\
		c = claims();								\
		change;									\
		assert_int_equal(zkhsm_token_sign(s->key, &c, &token, NULL), -EINVAL);	\
		assert_null(token);							\
	} while (0)
	REFUSED(c.key_state = 0);
	REFUSED(c.key_id[0] = '\0');
	REFUSED(c.key_id[0] = '/');
	REFUSED(c.issuer[0] = '\0');
	REFUSED(c.audience[0] = '\0');
	REFUSED(c.audience[0] = '\xff');
	REFUSED(c.jti[0] = '\0');
	REFUSED(c.thumbprint[5] = '\0');
	REFUSED(c.expires_at = c.issued_at);
	REFUSED(c.status[0] = '\0');
	REFUSED(c.age_ms = UINT64_MAX);
#undef REFUSED
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thumbprint_and_jwk),
		cmocka_unit_test_setup_teardown(rfc7515, setup, teardown),
		cmocka_unit_test_setup_teardown(jwks, setup, teardown),
		cmocka_unit_test_setup_teardown(round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(form, setup, teardown),
		cmocka_unit_test_setup_teardown(times_audience_nonce, setup, teardown),
		cmocka_unit_test_setup_teardown(altered, setup, teardown),
		cmocka_unit_test_setup_teardown(headers, setup, teardown),
		cmocka_unit_test_setup_teardown(payloads, setup, teardown),
		cmocka_unit_test_setup_teardown(mac_with_the_public_key, setup, teardown),
		cmocka_unit_test_setup_teardown(key_sets, setup, teardown),
		cmocka_unit_test_setup_teardown(another_signer, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_that_are_none, setup, teardown),
		cmocka_unit_test_setup_teardown(claims_not_signed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
