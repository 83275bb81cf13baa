// SPDX-License-Identifier: GPL-2.0
/*
 * cluster.c - what it means for an HSM to be in a cluster, or in another one
 *
 * What stops a cluster stops every HSM in it, also one that joins later. To leave is
 * no way out: not of a revocation, and out of a hold it is a release, for this HSM.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "revocation.h"

bool zkhsmd_cluster_valid(const char *name)
{
	return zkhsm_id_valid((const uint8_t *)name, strlen(name));
}

bool zkhsmd_cluster_read(struct server_request *rq, const char *name, char *out)
{
	if (!*name || zkhsmd_cluster_valid(name)) {
		strcpy(out, name);	/* at most as long as an id */
		return true;
	}
	zkhsmd_problem(rq, P_REQUEST,
		       "a cluster is named as keys are: letters, digits and . _ @ -, at most %d of them",
		       ZKHSM_ID_MAX_LEN);
	return false;
}

int zkhsmd_cluster_stop(struct zkhsmd_store *store, const char *cluster,
			struct zkhsmd_revocation *out)
{
	struct zkhsmd_revocation like = { .scope = ZKHSMD_SCOPE_CLUSTER };

	if (!*cluster)
		return -ENOENT;
	snprintf(like.cluster, sizeof(like.cluster), "%s", cluster);
	return store->ops->revocation_get(store, &like, out);
}

/* @moved: either of the two is stopped; @reason for the orders. */
static int look(struct zkhsmd_store *store, const char *from, const char *to, bool *moved,
		uint8_t *reason)
{
	struct zkhsmd_revocation r;
	int ret = zkhsmd_cluster_stop(store, from, &r);

	if (!ret && r.action == ZKHSM_ORDER_TYPE_REVOKE)
		return -EKEYREVOKED;
	if (ret && ret != -ENOENT)
		return ret;
	*moved = !ret;
	*reason = ZKHSM_REVOCATION_REASON_REMOVE_FROM_CRL;
	ret = zkhsmd_cluster_stop(store, to, &r);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	*moved = true;
	*reason = r.reason;
	return 0;
}

int zkhsmd_cluster_move(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
			const char *cluster, json_t *orders)
{
	struct zkhsmd_targets t = { .count = 0 };
	bool moved = false;
	uint64_t number;
	uint8_t reason;
	int ret = look(store, h->cluster, cluster, &moved, &reason);

	if (!ret && moved)
		ret = zkhsmd_targets_add_hsm(m, store, h, &t);
	if (!ret)
		ret = zkhsmd_targets_before(store, &t);
	if (!ret) {
		snprintf(h->cluster, sizeof(h->cluster), "%s", cluster);
		ret = store->ops->hsm_put(store, h);
	}
	/* The list names the HSMs of a cluster that is stopped. */
	if (!ret && moved)
		ret = zkhsmd_revocation_number(store, &number);
	if (!ret)
		ret = zkhsmd_targets_order(m, store, &t, reason, orders);
	zkhsmd_targets_free(&t);
	return ret;
}
