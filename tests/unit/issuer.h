/* SPDX-License-Identifier: GPL-2.0 */
/*
 * issuer.h - somebody who signs, as the state of a test
 */
#ifndef ZKHSM_TEST_ISSUER_H
#define ZKHSM_TEST_ISSUER_H

#include "zkhsm.h"

struct issuer {
	EVP_PKEY *key;
	uint8_t public[65];
	char kid[64];
	json_t *jwks;
};

int issuer_setup(void **state);
int issuer_teardown(void **state);

/* A JWS from texts, whatever they say, signed rightly; caller frees. */
char *issuer_forge(EVP_PKEY *key, const char *header, const char *payload);

#endif /* ZKHSM_TEST_ISSUER_H */
