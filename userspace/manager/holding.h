/* SPDX-License-Identifier: GPL-2.0 */
/*
 * holding.h - which HSM has shown to have which key, since when, and what became
 * of it; and what is done when two have the same
 */
#ifndef ZKHSM_HOLDING_H
#define ZKHSM_HOLDING_H

#include "manager.h"
#include "policy.h"

/**
 * struct zkhsmd_holding - an element that the newest accepted evidence of an
 * enrolled HSM proves
 * @key_id:	the HSM's name for it; "" is the HSM's own identity, which its
 *		evidence proves too and nothing else may be
 * @first_ms:	since then, without a break
 * @released:	an administrator let this HSM go on although others have it too
 */
struct zkhsmd_holding {
	uint8_t element[32], hsm_id[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
	int64_t first_ms;
	bool released;
};

#define ZKHSMD_EVENT_MAX	23
#define ZKHSMD_DETAIL_MAX	255

/**
 * struct zkhsmd_history - one line of what happened to a key, or with key_id "" to an HSM
 * @event:	appeared, gone, state, attributes, revoked, held, released, duplicate,
 *		contested, quarantined, quarantine-ended, enrolled, enrolment-ended
 */
struct zkhsmd_history {
	int64_t row, at_ms;
	uint8_t hsm_id[32], element[32];
	char key_id[ZKHSM_ID_MAX_LEN + 1];
	char event[ZKHSMD_EVENT_MAX + 1], detail[ZKHSMD_DETAIL_MAX + 1];
};

/* store_sqlite_holding.c */
/* @fresh: it was not there. One that was there has this key_id from now on. */
int sq_holding_put(struct zkhsmd_store *s, const struct zkhsmd_holding *h, bool *fresh);
int sq_holding_get(struct zkhsmd_store *s, const uint8_t element[32], const uint8_t hsm_id[32],
		   struct zkhsmd_holding *out);
/* Unless it has another key_id by now. */
int sq_holding_del(struct zkhsmd_store *s, const struct zkhsmd_holding *h);
int sq_holding_clear(struct zkhsmd_store *s, const uint8_t hsm_id[32]);
int sq_holding_has(struct zkhsmd_store *s, const uint8_t hsm_id[32]);	/* 0 or -ENOENT */
/* Whoever has it, the earliest first. */
int sq_holding_element(struct zkhsmd_store *s, const uint8_t element[32],
		       int (*fn)(const struct zkhsmd_holding *h, void *arg), void *arg);
/* Those of this HSM that others have too. */
int sq_holding_shared(struct zkhsmd_store *s, const uint8_t hsm_id[32],
		      int (*fn)(const struct zkhsmd_holding *h, void *arg), void *arg);
int sq_holding_release(struct zkhsmd_store *s, const struct zkhsmd_holding *h);
int sq_history_add(struct zkhsmd_store *s, const struct zkhsmd_history *h, uint64_t per_key,
		   uint64_t max);
/* The newest first. @key_id "": what concerned the HSM. */
int sq_history_key(struct zkhsmd_store *s, const uint8_t hsm_id[32], const char *key_id,
		   uint64_t limit, int (*fn)(const struct zkhsmd_history *h, void *arg), void *arg);

#endif /* ZKHSM_HOLDING_H */
