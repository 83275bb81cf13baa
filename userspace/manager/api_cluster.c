// SPDX-License-Identifier: GPL-2.0
/*
 * api_cluster.c - POST /v1/admin/hsms/{hsm_id}/cluster
 */
#include <errno.h>
#include <string.h>

#include "audit_log.h"
#include "revocation.h"
#include "two_person.h"

struct change {
	uint8_t hsm_id[32];
	char cluster[ZKHSMD_NAME_MAX + 1];
	bool orders;
	uint64_t number;		/* of the revocation list, after it */
};

/*
 * Out of a hold is a release, and into a cluster that is revoked is a revocation, for
 * good: each takes as many people as it does elsewhere. 1: answered.
 */
static int check(struct zkhsmd_job *job, struct zkhsmd_store *store, const struct zkhsmd_hsm *h)
{
	const struct change *c = job->data;
	struct zkhsmd_revocation held, there;
	int ret;

	if (strcmp(h->cluster, c->cluster) == 0) {
		zkhsmd_problem(job->rq, P_ALREADY, "this is its cluster already");
		return 1;
	}
	ret = zkhsmd_cluster_stop(store, h->cluster, &held);
	if (ret && ret != -ENOENT)
		return ret;
	if (!ret && held.action == ZKHSM_ORDER_TYPE_REVOKE) {
		zkhsmd_problem(job->rq, P_FINAL,
			       "its cluster is revoked: what is revoked is not released");
		return 1;
	}
	if (!ret)
		ret = zkhsmd_two_person(job, store, "revoke-cluster");
	if (ret && ret != -ENOENT)
		return ret;
	ret = zkhsmd_cluster_stop(store, c->cluster, &there);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	return there.action == ZKHSM_ORDER_TYPE_REVOKE ?
	       zkhsmd_two_person(job, store, "revoke-hsm") : 0;
}

static int write_it(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	char from[ZKHSMD_NAME_MAX + 1];
	struct change *c = job->data;
	json_t *orders, *o;
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, c->hsm_id, &h);

	if (ret && ret != -ENOENT)
		return ret;
	if (ret || !h.enrolled) {
		zkhsmd_problem(job->rq, P_UNKNOWN, "no such HSM is enrolled");
		return 0;
	}
	ret = check(job, store, &h);
	if (ret)
		return ret > 0 ? 0 : ret;
	strcpy(from, h.cluster);
	orders = json_array();
	ret = zkhsmd_cluster_move(job->m, store, &h, c->cluster, orders);
	if (!ret)
		ret = zkhsmd_rlist_number(job->m, store, &c->number);
	if (!ret)
		ret = zkhsmd_audit_add(store, job->rq, "cluster", c->hsm_id,
				       json_pack("{s:s, s:s, s:I}", "from", from, "to", h.cluster,
						 "orders", (json_int_t)json_array_size(orders)));
	if (ret) {
		json_decref(orders);
		return ret;
	}
	c->orders = true;
	o = json_pack("{s:s, s:o, s:o}", "name", h.name, "cluster",
		      h.cluster[0] ? json_string(h.cluster) : json_null(), "orders", orders);
	zkhsmd_json_hash(o, "hsm_id", c->hsm_id);
	server_reply_json(job->rq, 200, o);
	return 0;
}

static void committed(struct zkhsmd_job *job)
{
	const struct change *c = job->data;

	if (!c->orders)
		return;
	zkhsmd_revocations_changed(job->m, c->number);
	zkhsmd_polls_wake(job->m);
}

void zkhsmd_api_cluster(struct server_request *rq)
{
	json_t *body = server_json(rq), *cluster = NULL;
	struct zkhsmd_job *job;
	json_error_t error;
	struct change c;
	bool ok = false;

	memset(&c, 0, sizeof(c));
	if (body && json_unpack_ex(body, &error, 0, "{s:o !}", "cluster", &cluster))
		server_json_problem(rq, &error);
	else if (body && !json_is_string(cluster) && !json_is_null(cluster))
		zkhsmd_problem(rq, P_REQUEST, "cluster has to be a name, or null for none");
	else if (body)
		ok = zkhsmd_hash_of(rq, "hsm_id", rq->args[0], c.hsm_id) &&
		     zkhsmd_cluster_read(rq, json_is_null(cluster) ? "" : json_string_value(cluster),
					 c.cluster);
	json_decref(body);
	if (!ok) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(c));
	if (!job)
		return;
	memcpy(job->data, &c, sizeof(c));
	job->write = write_it;
	job->committed = committed;
	zkhsmd_job_submit(job);
}
