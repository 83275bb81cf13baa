// SPDX-License-Identifier: GPL-2.0
/*
 * test_jws.c - signatures over JSON, with one algorithm and no other
 */
#include "mutate.h"

#include <jose/jose.h>
#include <openssl/ec.h>

#include "issuer.h"

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

static int verify_forged(struct issuer *s, const char *header, const char *payload)
{
	char *jws = issuer_forge(s->key, header, payload);
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
	jws = issuer_forge(s->key, header, "{}");
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
	char header[256], *jws;
	EVP_PKEY *other;
	json_t *out;

	assert_int_equal(zkhsm_signer_generate(&other, NULL), 0);
	/* Under its own name, and under that of the trusted key. */
	assert_int_equal(zkhsm_jws_sign(other, "JWT", s->jwks, &jws, NULL), 0);
	assert_int_equal(zkhsm_jws_verify(s->jwks, "JWT", jws, &out, NULL), -EKEYREJECTED);
	free(jws);
	snprintf(header, sizeof(header), "{\"kid\":\"%s\",\"typ\":\"JWT\",\"alg\":\"ES256\"}", s->kid);
	jws = issuer_forge(other, header, "{}");
	assert_int_equal(zkhsm_jws_verify(s->jwks, "JWT", jws, &out, NULL), -EKEYREJECTED);
	free(jws);
	EVP_PKEY_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thumbprint_and_jwk),
		cmocka_unit_test_setup_teardown(rfc7515, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(jwks, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(headers, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(payloads, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(mac_with_the_public_key, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(key_sets, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(another_signer, issuer_setup, issuer_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
