// SPDX-License-Identifier: GPL-2.0
/*
 * token.c - compact JWS and the tokens in them
 *
 * Input: what follows, then that: a JWS as it is; a header or a payload, which
 * is signed here, so that it is read at all; changes to a true token, of which
 * none may pass; or members that the key in the key set gets, in JSON.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

enum { PLAIN, HEADER, PAYLOAD, CHANGES, KEY, KINDS };

#define NOW	1800000000LL

static EVP_PKEY *key;
static json_t *jwks;
static char *good, *header, *payload;

static char *sign(const char *head, size_t head_len, const char *body, size_t body_len)
{
	char *h = zkhsm_b64(head, head_len), *b = zkhsm_b64(body, body_len), *s, *input, *jws;
	uint8_t signature[64];

	FUZZ_ASSERT(h && b && asprintf(&input, "%s.%s", h, b) > 0);
	FUZZ_ASSERT(!zkhsm_signer_sign(key, input, strlen(input), signature, NULL));
	s = zkhsm_b64(signature, sizeof(signature));
	FUZZ_ASSERT(s && asprintf(&jws, "%s.%s", input, s) > 0);
	free(s);
	free(input);
	free(b);
	free(h);
	return jws;
}

static char *decode(const char *from, const char *to)
{
	struct fuzz_piece b64 = { (uint8_t *)(uintptr_t)from, (size_t)(to - from) }, plain;
	char *text = fuzz_string(&b64);

	FUZZ_ASSERT(!zkhsm_unb64(text, &plain.data, &plain.len));
	free(text);
	text = fuzz_string(&plain);
	free(plain.data);
	return text;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct zkhsm_token_claims c = {
		.issuer = "zkhsm:00ff", .audience = "aud", .nonce = "n-1", .jti = "id-1",
		.issued_at = NOW, .expires_at = NOW + 300, .attested_at = NOW - 20,
		.hsm_id = { 1 }, .key_id = "key-1", .element = { 2 },
		.thumbprint = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ",
		.x5t = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq",
		.status = "affirming", .age_ms = 20000, .key_state = ZKHSM_KEY_STATE_ACTIVE,
		.policy = "urn:zkhsm:policy:default", .vector = { 2, 2, 0, 0, 0, 0, -2, 0 },
		.grant_required = true, .status_index = 7,
		.status_uri = "https://m/v1/status-lists/0", .cluster = "c",
	};
	char *end;

	(void)argc;
	(void)argv;
	key = fuzz_key();
	jwks = zkhsm_jwks(&key, 1);
	FUZZ_ASSERT(jwks && !zkhsm_token_sign(key, &c, &good, NULL));
	end = strchr(good, '.');
	header = decode(good, end);
	payload = decode(end + 1, strchr(end + 1, '.'));
	return 0;
}

/* What it says can be issued again and then says the same. */
static void check_token(const char *token)
{
	struct zkhsm_token_claims claims, again;
	struct zkhsm_error err = { 0 };
	char *copy;
	int ret = zkhsm_token_verify(jwks, token, "aud", NULL, NOW, 0, &claims, &err);

	FUZZ_ASSERT(err.code == ret);
	if (ret)
		return;
	FUZZ_ASSERT(!zkhsm_token_sign(key, &claims, &copy, NULL));
	FUZZ_ASSERT(!zkhsm_token_verify(jwks, copy, "aud", claims.nonce, NOW, 0, &again, NULL));
	FUZZ_ASSERT(!memcmp(&claims, &again, sizeof(claims)));
	free(copy);
}

static int check_jws(const char *jws)
{
	json_t *said = NULL;
	struct zkhsm_error err = { 0 };
	int ret = zkhsm_jws_verify(jwks, "JWT", jws, &said, &err);

	FUZZ_ASSERT(err.code == ret && !ret == json_is_object(said));
	FUZZ_ASSERT(!ret || ret == -EBADMSG || ret == -EKEYREJECTED);
	json_decref(said);
	return ret;
}

/* Three bytes each: where, and what is written there; 0 ends the token. */
static void changes(const uint8_t *data, size_t size)
{
	char *token = strdup(good);
	size_t len = strlen(good);

	FUZZ_ASSERT(token);
	for (; size >= 3; data += 3, size -= 3)
		token[get_unaligned_be16(data) % len] = (char)data[2];
	if (strcmp(token, good))
		FUZZ_ASSERT(check_jws(token));
	free(token);
}

/* Whatever stands in a key set, a token that passes was signed by the key of that point. */
static void other_key(const char *data, size_t size)
{
	json_t *more = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
	json_t *set = json_deep_copy(jwks), *jwk = json_array_get(json_object_get(set, "keys"), 0);
	const json_t *true_jwk = json_array_get(json_object_get(jwks, "keys"), 0);
	json_t *said = NULL;

	FUZZ_ASSERT(jwk);
	if (json_is_object(more) && !json_object_update(jwk, more) &&
	    !zkhsm_jws_verify(set, "JWT", good, &said, NULL))
		for (const char *const *n = (const char *const []){ "kty", "crv", "x", "y", "kid",
								   NULL }; *n; n++)
			FUZZ_ASSERT(json_equal(json_object_get(jwk, *n),
					       json_object_get(true_jwk, *n)));
	json_decref(said);
	json_decref(set);
	json_decref(more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;
	struct fuzz_piece p;
	char *jws = NULL;

	if (!size)
		return 0;
	switch (data[0] % KINDS) {
	case PLAIN:
		fuzz_cut(data + 1, size - 1, &p, 1);
		jws = fuzz_string(&p);
		fuzz_free(&p, 1);
		/* Seeds have none; one that is made by the fuzzer is forged. */
		FUZZ_ASSERT(check_jws(jws));
		break;
	case HEADER:
		jws = sign(text, size - 1, payload, strlen(payload));
		break;
	case PAYLOAD:
		jws = sign(header, strlen(header), text, size - 1);
		break;
	case CHANGES:
		changes(data + 1, size - 1);
		break;
	case KEY:
		other_key(text, size - 1);
		break;
	}
	if (jws) {
		check_jws(jws);
		check_token(jws);
	}
	free(jws);
	return 0;
}
