// SPDX-License-Identifier: GPL-2.0
/*
 * issuer.c - somebody who signs, see issuer.h
 */
#include "mutate.h"

#include "issuer.h"

int issuer_setup(void **state)
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

int issuer_teardown(void **state)
{
	struct issuer *s = *state;

	json_decref(s->jwks);
	EVP_PKEY_free(s->key);
	free(s);
	return 0;
}

char *issuer_forge(EVP_PKEY *key, const char *header, const char *payload)
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
