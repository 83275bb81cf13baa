// SPDX-License-Identifier: GPL-2.0
/*
 * relying_keys.c - the keys that managers sign tokens with
 *
 * Asked for over TLS where none are pinned. That they are this manager's is the
 * word of its server, whose certificate its own CA signed; the issuer in what they
 * sign has to be the manager whose order key is pinned.
 */
#include <time.h>

#include "relying_private.h"

static int64_t monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool wanted(const struct zkhsm_relying *r, const struct relying_manager *m, int64_t now)
{
	if (m->config->jwks[0])
		return false;
	return !m->jwks || !m->jwks_ms || now - m->jwks_ms >= (int64_t)r->config.jwks_refresh_ms;
}

void relying_get_keys(struct relying_use *u)
{
	struct relying_round round = { .count = 0 };
	struct zkhsm_relying *r = u->r;
	int64_t now = monotonic_ms();
	size_t i;

	for (i = 0; i < r->config.manager_count; i++)
		if (wanted(r, &r->managers[i], now))
			relying_round_add(&round, r, i, "GET", ZKHSM_JWKS_PATH, NULL);
	relying_round_do(&round, r);
	for (i = 0; i < round.count; i++) {
		struct relying_manager *m = &r->managers[round.manager[i]];
		struct zkhsm_relying_vote *v = &u->out->votes[round.manager[i]];
		json_t *jwks;

		if (relying_answer(v, &round.calls[i], ZKHSM_RELYING_REFUSED, &jwks))
			continue;
		if (!json_is_array(json_object_get(jwks, "keys"))) {
			json_decref(jwks);
			relying_vote_fail(v, ZKHSM_RELYING_ANSWER, "the answer is not a JWK set");
			continue;
		}
		json_decref(m->jwks);
		m->jwks = jwks;
		m->jwks_ms = now;
	}
	relying_round_free(&round);
}
