// SPDX-License-Identifier: GPL-2.0
/*
 * test_token.c - verification tokens, what they say and what they may not
 */
#include "mutate.h"

#include <jose/jose.h>

#include "issuer.h"

#define NOW	1800000000LL

static struct zkhsm_token_claims claims(void)
{
	struct zkhsm_token_claims c = {
		.issuer = "zkhsm:00ff", .audience = "zkhsm-agent:ab", .nonce = "n-1", .jti = "id-1",
		.issued_at = NOW, .expires_at = NOW + 300, .attested_at = NOW - 20,
		.hsm_id = { 1 }, .key_id = "key-1", .element = { 2 },
		.thumbprint = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ",
		.x5t = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq",
		.status = "affirming", .age_ms = 20000, .key_state = ZKHSM_KEY_STATE_ACTIVE,
		.policy = "urn:zkhsm:policy:default", .vector = { 2, 2, 0, 0, 0, 0, -2, 0 },
		.grant_required = true, .status_index = 7, .status_uri = "https://m/v1/status-lists/0",
	};

	return c;
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
	json_t *header, *payload, *key, *m, *z, *jws, *vector, *list;
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
	assert_string_equal(json_string_value(json_object_get(m, "ear.appraisal-policy-id")),
			    in.policy);
	vector = json_object_get(m, "ear.trustworthiness-vector");
	/* No claim is not a claim of 0. */
	assert_int_equal(json_object_size(vector), 3);
	assert_int_equal(json_integer_value(json_object_get(vector, "instance-identity")), 2);
	assert_int_equal(json_integer_value(json_object_get(vector, "configuration")), 2);
	assert_int_equal(json_integer_value(json_object_get(vector, "storage-opaque")), -2);
	list = json_object_get(json_object_get(payload, "status"), "status_list");
	assert_int_equal(json_integer_value(json_object_get(list, "idx")), 7);
	assert_string_equal(json_string_value(json_object_get(list, "uri")), in.status_uri);
	z = json_object_get(m, "zkhsm");
	assert_string_equal(json_string_value(json_object_get(z, "key_state")), "active");
	assert_true(json_is_true(json_object_get(z, "grant_required")));
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
	struct zkhsm_token_claims in = claims();
	char *text = calloc(1, len + 1);
	int ret;

	assert_non_null(text);
	memcpy(text, data, len);
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
		{ "k", "ear.appraisal-policy-id", NULL }, { "k", "ear.appraisal-policy-id", "1" },
		{ "k", "ear.appraisal-policy-id", "\"\"" },
		{ "k", "ear.trustworthiness-vector", "[]" },
		{ "k", "ear.trustworthiness-vector", "{\"configuration\":\"2\"}" },
		/* A byte's range, and what "affirming" cannot stand over. */
		{ "k", "ear.trustworthiness-vector", "{\"configuration\":258}" },
		{ "k", "ear.trustworthiness-vector", "{\"configuration\":32}" },
		{ "k", "ear.trustworthiness-vector", "{\"hardware\":96}" },
		{ "k", "ear.trustworthiness-vector", "{\"hardware\":-33}" },
		{ "", "status", "{}" }, { "", "status", "{\"status_list\":{}}" },
		{ "", "status", "{\"status_list\":{\"idx\":1}}" },
		{ "", "status", "{\"status_list\":{\"idx\":-1,\"uri\":\"u\"}}" },
		{ "", "status", "{\"status_list\":{\"idx\":\"1\",\"uri\":\"u\"}}" },
		{ "", "status", "{\"status_list\":{\"idx\":1,\"uri\":\"\"}}" },
		{ "z", "grant_required", NULL }, { "z", "grant_required", "1" },
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
	REFUSED(c.policy[0] = '\0');
	REFUSED(c.vector[ZKHSM_TRUST_HARDWARE] = 96);
	REFUSED(c.status_index = UINT64_MAX);
#undef REFUSED
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(round_trip, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(form, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(times_audience_nonce, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(altered, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(claims_that_are_none, issuer_setup, issuer_teardown),
		cmocka_unit_test_setup_teardown(claims_not_signed, issuer_setup, issuer_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
