// SPDX-License-Identifier: GPL-2.0
/*
 * test_relying.c - the one call of a relying party against servers that lie: tokens
 * and who agrees on them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "issuer.h"
#include "relying_scene.h"

#define R(code)	ZKHSM_RELYING_##code

static void everything_right(void **state)
{
	struct relying_scene *s = *state;
	char thumbprint[64];

	zkhsm_jwk_thumbprint(s->hsm->public, thumbprint);
	s->request.thumbprint = thumbprint;
	scene_sign(s, R(DONE));
	assert_int_equal(s->out.agreed, 3);
	assert_memory_equal(s->out.public, s->hsm->public, 65);
	assert_int_equal(zkhsm_verify_ecdsa(s->hsm->public, s->digest, s->out.signature, NULL), 0);
	assert_false(s->out.granted);
	assert_string_equal(s->out.thumbprint, thumbprint);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(s->out.votes[i].code, 0);
		assert_string_equal(s->out.votes[i].claims.x5t, s->x5t);
		assert_string_equal(s->out.votes[i].claims.nonce, s->out.nonce);
		assert_true(s->out.votes[i].listed && s->out.votes[i].list_number == 5);
		assert_int_equal(s->managers[i].tokens, 1);
		assert_int_equal(s->managers[i].grants, 0);
	}
	/* Again over the same connections, with another nonce. */
	thumbprint[0] = s->out.nonce[0];
	thumbprint[1] = s->out.nonce[1];
	s->request.thumbprint = NULL;
	scene_tokens(s, R(DONE));
	assert_true(strncmp(thumbprint, s->out.nonce, 2) || strlen(s->out.nonce) == 43);
}

/* Ways in which a token of one manager is wrong. */
static struct relying_scene *scene;
static void expired(struct zkhsm_token_claims *c) { c->expires_at = time(NULL) - 1; c->issued_at -= 300; }
static void future(struct zkhsm_token_claims *c) { c->issued_at += 100; c->expires_at += 100; }
static void other_issuer(struct zkhsm_token_claims *c)
{
	snprintf(c->issuer, sizeof(c->issuer), "%s", scene->managers[2].issuer);
}
static void held(struct zkhsm_token_claims *c) { c->key_state = ZKHSM_KEY_STATE_DEACTIVATED; }
static void other_audience(struct zkhsm_token_claims *c) { c->audience[14] ^= 1; }
static void other_nonce(struct zkhsm_token_claims *c) { c->nonce[3] = c->nonce[3] == 'A' ? 'B' : 'A'; }
static void no_nonce(struct zkhsm_token_claims *c) { c->nonce[0] = '\0'; }
static void other_hsm(struct zkhsm_token_claims *c) { c->hsm_id[31] ^= 1; }
static void other_key(struct zkhsm_token_claims *c) { strcpy(c->key_id, "key-2"); }
static void other_binding(struct zkhsm_token_claims *c) { c->x5t[0] = c->x5t[0] == 'A' ? 'B' : 'A'; }
static void no_binding(struct zkhsm_token_claims *c) { c->x5t[0] = '\0'; }
static void warning(struct zkhsm_token_claims *c) { strcpy(c->status, "warning"); }

static void tokens_that_do_not_count(void **state)
{
	static const struct {
		void (*claims)(struct zkhsm_token_claims *c);
		enum zkhsm_relying_code code;
	} cases[] = {
		{ expired, R(TOKEN_EXPIRED) }, { future, R(TOKEN_FUTURE) },
		{ other_issuer, R(TOKEN_ISSUER) }, { held, R(TOKEN_STATUS) },
		{ warning, R(TOKEN_STATUS) }, { other_audience, R(TOKEN_AUDIENCE) },
		{ other_nonce, R(TOKEN_NONCE) }, { no_nonce, R(TOKEN_NONCE) },
		{ other_hsm, R(TOKEN_SUBJECT) }, { other_key, R(TOKEN_SUBJECT) },
		{ other_binding, R(TOKEN_BINDING) }, { no_binding, R(TOKEN_BINDING) },
	};
	struct relying_scene *s = *state;

	scene = s;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* One of three is left out, two of three are too many. */
		s->managers[1].claims = cases[i].claims;
		scene_tokens(s, R(DONE));
		assert_int_equal(s->out.agreed, 2);
		assert_int_equal(s->out.votes[1].code, cases[i].code);
		s->managers[0].claims = cases[i].claims;
		scene_tokens(s, cases[i].code);
		s->managers[0].claims = NULL;
	}
	s->managers[1].claims = NULL;
	/* A second is within the clocks' leeway if there is one. */
	s->managers[1].claims = expired;
	s->managers[0].claims = expired;
	s->config.leeway_ms = 5000;
	scene_again(s);
	scene_tokens(s, R(DONE));
	assert_int_equal(s->out.agreed, 3);
	/* What the managers think fresh may be too old for this caller. */
	s->managers[0].claims = s->managers[1].claims = NULL;
	s->config.leeway_ms = 0;
	s->config.max_age_ms = 29000;
	scene_again(s);
	scene_tokens(s, R(TOKEN_AGED));
	s->config.max_age_ms = 60000;
	scene_again(s);
	scene_tokens(s, R(DONE));
}

/* What an attacker without a manager's key can make of a token. */
static void tokens_forged(void **state)
{
	static const char *const headers[] = {
		"{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
		"{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
		"{\"alg\":\"ES384\",\"kid\":\"%s\",\"typ\":\"JWT\"}",
		"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"zkhsm-revocations+jwt\"}",
		"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"jku\":\"https://x\"}",
		"{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"JWT\",\"crit\":[\"exp\"]}",
	};
	struct relying_scene *s = *state;
	char kid[64], header[256], *token;
	uint8_t public[65];

	s->config.managers[0] = s->config.managers[1];
	s->config.manager_count = s->config.k = 1;
	scene_again(s);
	zkhsm_signer_public(s->managers[1].token_key, public);
	zkhsm_jwk_thumbprint(public, kid);
	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(header, sizeof(header), headers[i], kid);
#pragma GCC diagnostic pop
		token = issuer_forge(s->managers[1].token_key, header, "{}");
		if (!i)
			strrchr(token, '.')[1] = '\0';	/* unsecured: RFC 7515 appendix A.5 */
		s->managers[1].token = token;
		scene_tokens(s, R(TOKEN_MALFORMED));
		free(token);
	}
	s->managers[1].token = "x.y";
	scene_tokens(s, R(TOKEN_MALFORMED));
	s->managers[1].token = NULL;

	/* Of a key that is not in the set; and of another key under the name of one. */
	s->managers[1].key_set = zkhsm_jwks(&s->managers[0].token_key, 1);
	scene_again(s);
	scene_tokens(s, R(TOKEN_KEY));
	json_object_set_new(json_array_get(json_object_get(s->managers[1].key_set, "keys"), 0),
			    "kid", json_string(kid));
	scene_again(s);
	scene_tokens(s, R(TOKEN_SIGNATURE));
	/* A set that is none, and a key that came later. */
	json_object_clear(s->managers[1].key_set);
	scene_again(s);
	scene_tokens(s, R(ANSWER));
	json_decref(s->managers[1].key_set);
	s->managers[1].key_set = zkhsm_jwks(&s->managers[0].token_key, 1);
	scene_again(s);
	scene_tokens(s, R(TOKEN_KEY));
	json_decref(s->managers[1].key_set);
	s->managers[1].key_set = NULL;
	scene_tokens(s, R(DONE));
}

static void refusals(void **state)
{
	static const struct {
		int status;
		const char *type;
		enum zkhsm_relying_code code;
	} cases[] = {
		{ 404, "unknown", R(UNKNOWN) }, { 403, "not-active", R(NOT_ACTIVE) },
		{ 403, "stale", R(STALE) }, { 403, "policy", R(POLICY) },
		{ 403, "quarantined", R(QUARANTINED) }, { 429, "too-many", R(BUSY) },
		{ 503, "stopping", R(BUSY) }, { 403, "something-new", R(REFUSED) },
	};
	struct relying_scene *s = *state;

	s->config.k = 3;
	scene_again(s);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		s->managers[2].status = cases[i].status;
		s->managers[2].type = cases[i].type;
		scene_sign(s, cases[i].code);
		assert_true(s->out.votes[2].request_id[0]);
		assert_int_equal(s->agent.asked, 0);
	}
	/* It is revoked for all when one manager says so, however few are needed. */
	s->config.k = 1;
	scene_again(s);
	s->managers[2].status = 403;
	s->managers[2].type = "revoked";
	scene_sign(s, R(REVOKED));
	assert_int_equal(s->agent.asked, 0);
	s->config.stop = 2;
	scene_again(s);
	scene_sign(s, R(DONE));
}

static void answers_that_are_none(void **state)
{
	struct relying_scene *s = *state;
	struct tls_server_config c = { .reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
				       "Content-Type: application/json\r\n\r\n{}" };
	struct tls_cert ca = tls_cert_new("CA 3", NULL, NULL);
	struct tls_cert cert = tls_cert_new("x", "IP:127.0.0.1", &ca);
	struct tls_server *server;
	char path[256];
	json_t *jwks;

	c.cert = &cert;
	server = tls_server_start(&c);
	s->config.k = 3;
	snprintf(s->config.managers[0].url, sizeof(s->config.managers[0].url),
		 "https://127.0.0.1:%d", tls_server_port(server));
	scene_again(s);
	scene_tokens(s, R(TLS));
	scene_path(s, "third-ca.pem", path);
	tls_cert_save(&ca, path, NULL);
	strcpy(s->config.managers[0].ca, path);
	scene_again(s);
	scene_tokens(s, R(ANSWER));	/* no key set */
	/* With keys of its own, but not even a token in the answer. */
	scene_path(s, "jwks.json", s->config.managers[0].jwks);
	jwks = zkhsm_jwks(&s->managers[0].token_key, 1);
	assert_int_equal(json_dump_file(jwks, s->config.managers[0].jwks, 0), 0);
	json_decref(jwks);
	scene_again(s);
	scene_tokens(s, R(ANSWER));
	tls_server_stop(server);
	scene_tokens(s, R(UNREACHABLE));
	tls_cert_free(&cert);
	tls_cert_free(&ca);
}

/* Who says nothing costs its time, and the others are there meanwhile. */
static void silence(void **state)
{
	struct relying_scene *s = *state;
	struct timespec begin, end;

	s->config.timeout_ms = 3000;
	scene_again(s);
	s->managers[0].silent = true;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	scene_tokens(s, R(DONE));
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_int_equal(s->out.agreed, 2);
	assert_int_equal(s->out.votes[0].code, R(UNREACHABLE));
	/* Not asked anew after that: once the time, not three times. */
	assert_true(end.tv_sec - begin.tv_sec < 8);
	s->managers[1].silent = true;
	scene_tokens(s, R(UNREACHABLE));
}

static struct fake_hsm *impostor;

static void of_impostor(struct zkhsm_token_claims *c)
{
	memcpy(c->element, impostor->element, 32);
	zkhsm_jwk_thumbprint(impostor->public, c->thumbprint);
}

static void of_impostors_element(struct zkhsm_token_claims *c)
{
	memcpy(c->element, impostor->element, 32);
}

static void agreement(void **state)
{
	struct relying_scene *s = *state;
	char thumbprint[64];

	impostor = fake_hsm_new("impostor");
	/* One of three of another opinion is outvoted; with k of all it is not. */
	s->managers[0].claims = of_impostor;
	scene_sign(s, R(DONE));
	assert_int_equal(s->out.agreed, 2);
	zkhsm_jwk_thumbprint(impostor->public, thumbprint);
	assert_string_not_equal(s->out.thumbprint, thumbprint);
	s->config.k = 3;
	scene_again(s);
	scene_sign(s, R(DISAGREE));
	s->managers[0].claims = of_impostors_element;
	scene_sign(s, R(DISAGREE));
	s->managers[0].claims = of_impostor;
	/* Each opinion has the k that it takes: nobody's is taken. */
	s->config.k = 1;
	scene_again(s);
	scene_sign(s, R(DISAGREE));
	/* All agree on a key that is not the one that the caller knows. */
	s->managers[1].claims = s->managers[2].claims = of_impostor;
	zkhsm_jwk_thumbprint(s->hsm->public, thumbprint);
	s->request.thumbprint = thumbprint;
	scene_sign(s, R(OTHER_KEY));
	assert_int_equal(s->agent.asked, 1);
	fake_hsm_free(impostor);
}

static void one_manager_twice(void **state)
{
	struct relying_scene *s = *state;
	EVP_PKEY *own;

	/* Under two names at one address. */
	s->config.managers[1] = s->config.managers[0];
	s->config.manager_count = 2;
	scene_again(s);
	scene_tokens(s, R(DUPLICATE));
	assert_int_equal(s->out.votes[1].code, R(DUPLICATE));
	s->config.k = 1;
	scene_again(s);
	scene_tokens(s, R(DONE));
	assert_int_equal(s->out.agreed, 1);

	/* Two managers by their order keys, but it is one who signs their tokens. */
	strcpy(s->config.managers[1].url, s->config.managers[2].url);
	strcpy(s->config.managers[1].key, s->config.managers[2].key);
	s->config.k = 2;
	own = s->managers[2].token_key;
	s->managers[2].token_key = s->managers[0].token_key;
	scene_again(s);
	scene_tokens(s, R(DUPLICATE));
	s->managers[2].token_key = own;
	scene_again(s);
	scene_tokens(s, R(DONE));
}

/* Tokens that somebody brings, as if they had just come. */
static void brought_along(void **state)
{
	struct relying_scene *s = *state;
	struct zkhsm_relying_result *first = calloc(1, sizeof(*first)), *then;
	const char *tokens[4];

	then = calloc(1, sizeof(*then));
	assert_true(first && then);
	assert_int_equal(zkhsm_relying_tokens(s->r, &s->request, first), 0);
	for (size_t i = 0; i < 3; i++)
		tokens[2 - i] = first->votes[i].token;
#define VERIFY(count, want) do {							\
	enum zkhsm_relying_code got = zkhsm_relying_verify(s->r, &s->request, tokens, count,	\
							   then);			\
	zkhsm_relying_result_free(then);						\
	if (got != (want))								\
		fail_msg("%s: %s", zkhsm_relying_name(got), then->error.text);		\
} while (0)
	VERIFY(3, R(DONE));
	VERIFY(2, R(DONE));
	VERIFY(1, R(TOKEN_MISSING));
	VERIFY(0, R(TOKEN_MISSING));
	s->request.nonce = first->nonce;
	VERIFY(2, R(DONE));
	s->request.nonce = "another one";
	VERIFY(2, R(TOKEN_NONCE));
	s->request.nonce = NULL;
	/* The same one again does not make two. */
	tokens[1] = tokens[0];
	VERIFY(2, R(DUPLICATE));
	/* One of another answer, under another nonce: mixed tokens do not add up. */
	assert_int_equal(zkhsm_relying_tokens(s->r, &s->request, then), 0);
	tokens[1] = strdup(then->votes[1].token);
	zkhsm_relying_result_free(then);
	VERIFY(2, R(TOKEN_NONCE));
	free((void *)(uintptr_t)tokens[1]);
	tokens[1] = "a.b.c";
	VERIFY(2, R(TOKEN_MALFORMED));
#undef VERIFY
	zkhsm_relying_result_free(first);
	free(first);
	free(then);
}

static void codes(void **state)
{
	(void)state;
	for (int i = 0; i < ZKHSM_RELYING_CODES; i++) {
		assert_non_null(zkhsm_relying_name((enum zkhsm_relying_code)i));
		assert_non_null(zkhsm_relying_text((enum zkhsm_relying_code)i));
		for (int j = 0; j < i; j++)
			assert_string_not_equal(zkhsm_relying_name((enum zkhsm_relying_code)i),
						zkhsm_relying_name((enum zkhsm_relying_code)j));
	}
	assert_null(zkhsm_relying_name(ZKHSM_RELYING_CODES));
}

int main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, relying_scene_setup, relying_scene_teardown)
	const struct CMUnitTest tests[] = {
		T(everything_right), T(tokens_that_do_not_count), T(tokens_forged), T(refusals),
		T(answers_that_are_none), T(silence), T(agreement), T(one_manager_twice),
		T(brought_along), cmocka_unit_test(codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
