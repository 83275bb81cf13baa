// SPDX-License-Identifier: GPL-2.0
/*
 * jwks.c - the keys that managers sign tokens with
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent.h"

/* Steals @jwks. */
static void install(struct manager *m, json_t *jwks)
{
	json_t *old;

	pthread_mutex_lock(&m->lock);
	old = m->jwks;
	m->jwks = jwks;
	pthread_mutex_unlock(&m->lock);
	json_decref(old);
}

static int from_manager(struct manager *m, json_t **jwks, struct zkhsm_error *err)
{
	struct zkhsm_https *h;
	int ret;

	ret = manager_https(m, m->agent->config.request_timeout_ms, NULL, &h, err);
	if (ret)
		return ret;
	ret = zkhsm_jwks_fetch(h, jwks, err);
	zkhsm_https_free(h);
	return ret;
}

/* The old keys stay when there are no new ones: a manager that is away takes nothing back. */
int jwks_refresh(struct manager *m, struct zkhsm_error *err)
{
	json_t *jwks = NULL;
	int ret;

	ret = m->config.jwks[0] ? zkhsm_jwks_load(m->config.jwks, &jwks, err) :
		from_manager(m, &jwks, err);
	if (!ret)
		install(m, jwks);
	return ret;
}

/* A manager's keys are good for its own tokens only. */
static bool issued_by(const struct manager *m, const struct zkhsm_token_claims *c)
{
	char *hex = zkhsm_hex(m->manager_id, 32), issuer[80];

	snprintf(issuer, sizeof(issuer), "zkhsm:%s", hex ? hex : "");
	free(hex);
	return strcmp(issuer, c->issuer) == 0;
}

int jwks_token_verify(struct agent *a, const char *token, const char *audience,
		      struct zkhsm_token_claims *out, struct zkhsm_error *err)
{
	int64_t leeway = (int64_t)a->https.token_leeway_ms / 1000;
	int ret = zkhsm_fail(err, -ENOKEY, "no manager's token keys are known yet");

	for (size_t i = 0; i < a->manager_count; i++) {
		struct manager *m = &a->managers[i];

		pthread_mutex_lock(&m->lock);
		/* Right after the start it may not have said yet who it is. */
		if (m->jwks && m->known) {
			ret = zkhsm_token_verify(m->jwks, token, audience, NULL, time(NULL),
						 leeway, out, err);
			if (!ret && !issued_by(m, out))
				ret = zkhsm_fail(err, -EKEYREJECTED,
						 "the issuer is not the manager whose key signed");
		}
		pthread_mutex_unlock(&m->lock);
		/* Only a key that is not this manager's makes another one worth asking. */
		if (ret != -EKEYREJECTED && ret != -ENOKEY)
			break;
	}
	return ret;
}
