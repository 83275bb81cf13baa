/* SPDX-License-Identifier: GPL-2.0 */
/*
 * status.h - Token Status Lists (draft-ietf-oauth-status-list): what became of a key
 * that a token was about, in two bits
 *
 * Each element that an HSM showed to have has an index for ever. Lists are pages of
 * ZKHSMD_STATUS_PAGE indices, all of one size, so that how many keys there are does
 * not show. INVALID is what is revoked, SUSPENDED what is held or in an HSM that is in
 * quarantine, all others are VALID, also what is stale or gone: a token ends by its
 * exp.
 */
#ifndef ZKHSM_STATUS_H
#define ZKHSM_STATUS_H

#include "manager.h"

#define ZKHSMD_STATUS_PAGE	(1U << 17)
#define ZKHSMD_STATUS_BITS	2
#define ZKHSMD_STATUS_URI_MAX	255

enum zkhsmd_token_status {
	ZKHSMD_STATUS_VALID, ZKHSMD_STATUS_INVALID, ZKHSMD_STATUS_SUSPENDED,
};

struct zkhsmd_statuses;

int zkhsmd_statuses_new(struct zkhsmd_statuses **out);
void zkhsmd_statuses_free(struct zkhsmd_statuses *s);

/* https://host:port, without a path: public_url of the configuration, else the address. */
void zkhsmd_public_url(const struct zkhsmd *m, char out[ZKHSMD_STATUS_URI_MAX + 1]);
/* Of one page. */
void zkhsmd_status_uri(const struct zkhsmd *m, uint64_t page, char out[ZKHSMD_STATUS_URI_MAX + 1]);
/*
 * What a token about this key says of where to ask for its status. -ENOENT: it has
 * not been in accepted evidence since there are status lists.
 */
int zkhsmd_status_reference(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
			    const uint8_t element[32], uint64_t *index,
			    char uri[ZKHSMD_STATUS_URI_MAX + 1]);

struct zkhsmd_copy;

/* -ERANGE: there is no such page yet; page 0 always is. */
int zkhsmd_status_get(struct zkhsmd *m, struct zkhsmd_store *store, uint64_t page,
		      struct zkhsmd_copy *out, struct zkhsm_error *err);
/* How many pages there are, at least one. */
int zkhsmd_status_pages(struct zkhsmd_store *store, uint64_t *count);
/* How long a reader should keep one: half of its life, when there is a newer one. */
int64_t zkhsmd_status_ttl(const struct zkhsmd *m);

/* api_status.c */
void zkhsmd_api_status_list(struct server_request *rq);
void zkhsmd_api_status_lists(struct server_request *rq);

#endif /* ZKHSM_STATUS_H */
