/* SPDX-License-Identifier: GPL-2.0 */
/*
 * revocation.h - what is stopped: by key, by element everywhere, by HSM, by cluster
 *
 * What changes it is done within the writer's transaction. Who has to be told are
 * the kernels, by orders, and everybody else, by the revocation list and the status
 * lists; see status.h for these.
 */
#ifndef ZKHSM_REVOCATION_H
#define ZKHSM_REVOCATION_H

#include "manager.h"

/* targets.c: the elements of some HSMs, and how they stand before and after a change */
struct zkhsmd_target {
	uint8_t hsm_id[32];
	struct zkhsmd_elements elements;
	uint8_t *before;		/* of each element: 0, or the order type that stops it */
	bool apart;			/* not in its list: what stops all of the HSM did not tell it */
};

struct zkhsmd_targets {
	struct zkhsmd_target *all;
	size_t count;
};

void zkhsmd_targets_free(struct zkhsmd_targets *t);
/* Valid until the next one is added; NULL without memory. */
struct zkhsmd_target *zkhsmd_targets_add(struct zkhsmd_targets *t, const uint8_t hsm_id[32]);
/* With all keys of its newest list; none, if there never was one. */
int zkhsmd_targets_add_hsm(struct zkhsmd *m, struct zkhsmd_store *store,
			   const struct zkhsmd_hsm *h, struct zkhsmd_targets *t);
/* Every HSM that is or was enrolled, with this element. */
int zkhsmd_targets_add_element(struct zkhsmd *m, struct zkhsmd_store *store,
			       const uint8_t element[32], struct zkhsmd_targets *t);
/* All that are or were enrolled in it. -ESRCH: nobody was. */
int zkhsmd_targets_add_cluster(struct zkhsmd *m, struct zkhsmd_store *store, const char *cluster,
			       struct zkhsmd_targets *t);
int zkhsmd_targets_before(struct zkhsmd_store *store, struct zkhsmd_targets *t);
/* Orders for what is not as it was. */
int zkhsmd_targets_order(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_targets *t,
			 uint8_t reason, json_t *orders);
/* What stops an element of an HSM: 0, ZKHSM_ORDER_TYPE_HOLD or _REVOKE. */
int zkhsmd_stopped_by(struct zkhsmd_store *store, const uint8_t hsm_id[32],
		      const uint8_t element[32], uint8_t *action);

/* revocation.c; zkhsmd_revoke() in manager.h is these two */
struct zkhsmd_step {
	struct zkhsmd_targets targets;	/* to be freed, whatever came of it */
	struct zkhsmd_revocation old;	/* that it takes the place of or ends; row 0: none */
};

/* Whether it can be done; its errors are those of zkhsmd_revoke(). Nothing is written. */
int zkhsmd_revoke_begin(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
			struct zkhsmd_step *step);
int zkhsmd_revoke_do(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_revocation *r,
		     struct zkhsmd_step *step, json_t *orders);
const char *zkhsmd_scope_name(enum zkhsmd_scope scope);
/* Whose name is kept with it; nobody's: the manager's own. */
void zkhsmd_revocation_who(const struct server_request *rq, char who[ZKHSMD_WHO_MAX + 1]);
/* The number of the revocation list that shows what is being done. */
int zkhsmd_revocation_number(struct zkhsmd_store *store, uint64_t *number);

/* cluster.c */
/* As ids of keys are: they stand in paths, patterns and shell commands. "" is no cluster. */
bool zkhsmd_cluster_valid(const char *name);
/* One of a request, or ""; into ZKHSMD_NAME_MAX + 1 bytes. False when answered. */
bool zkhsmd_cluster_read(struct server_request *rq, const char *name, char *out);
/*
 * What an HSM of cluster @from would leave, in force, in @out: -ENOENT, nothing. A
 * revocation is not left, and leaving a hold is releasing it for this HSM.
 */
int zkhsmd_cluster_stop(struct zkhsmd_store *store, const char *cluster,
			struct zkhsmd_revocation *out);
/*
 * The row is changed and stored; orders are made, and the revocation list has a new
 * number, where that stops or releases something. -EKEYREVOKED: it stays in a
 * cluster that is revoked.
 */
int zkhsmd_cluster_move(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
			const char *cluster, json_t *orders);

/* revocation_list.c */
struct zkhsmd_copy;

int zkhsmd_rlist_get(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_copy *out,
		     struct zkhsm_error *err);
int zkhsmd_rlist_number(struct zkhsmd *m, struct zkhsmd_store *store, uint64_t *number);
/* The highest number that is known to be committed. */
uint64_t zkhsmd_rlist_committed(const struct zkhsmd *m);
/* On the loop, after the commit: whoever waits for a higher number is answered. */
void zkhsmd_revocations_changed(struct zkhsmd *m, uint64_t number);

/* api_revocation.c: with all members that its scope has */
json_t *zkhsmd_revocation_json(const struct zkhsmd_revocation *r);

/* api_cluster.c, api_revocations.c */
void zkhsmd_api_cluster(struct server_request *rq);
void zkhsmd_api_revocations_admin(struct server_request *rq);

#endif /* ZKHSM_REVOCATION_H */
