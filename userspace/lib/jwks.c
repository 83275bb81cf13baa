// SPDX-License-Identifier: GPL-2.0
/*
 * jwks.c - key sets (RFC 7517 section 5) from files and from managers
 */
#include "lib_private.h"

#include <stdlib.h>

#define JWKS_MAX_LEN	65536

/**
 * zkhsm_jwks_parse() - a key set from its text
 *
 * Its keys are looked at when one of them is used.
 *
 * Return: 0; -EBADMSG when it is no JSON, has a member twice, or no array of keys.
 */
int zkhsm_jwks_parse(const void *data, size_t len, json_t **jwks, struct zkhsm_error *err)
{
	*jwks = json_loadb(data, len, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_array(json_object_get(*jwks, "keys")))
		return 0;
	json_decref(*jwks);
	*jwks = NULL;
	return zkhsm_fail(err, -EBADMSG, "not a JWK set");
}

int zkhsm_jwks_load(const char *path, json_t **jwks, struct zkhsm_error *err)
{
	uint8_t *data;
	size_t len;
	int ret;

	*jwks = NULL;
	ret = zkhsm_read_file(path, JWKS_MAX_LEN, &data, &len, err);
	if (ret)
		return ret;
	ret = zkhsm_jwks_parse(data, len, jwks, err);
	free(data);
	return ret;
}

/* What zkhsm_https_do() returns; -EREMOTEIO for a refusal; -EBADMSG. */
int zkhsm_jwks_fetch(struct zkhsm_https *h, json_t **jwks, struct zkhsm_error *err)
{
	struct zkhsm_response r;
	int ret;

	*jwks = NULL;
	ret = zkhsm_https_do(h, "GET", ZKHSM_JWKS_PATH, NULL, NULL, 0, &r, err);
	if (ret)
		return ret;
	ret = r.status == 200 ? zkhsm_jwks_parse(r.body, r.body_len, jwks, err) :
	      zkhsm_response_problem(&r, err);
	zkhsm_response_free(&r);
	return ret;
}
