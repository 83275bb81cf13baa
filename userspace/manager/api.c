// SPDX-License-Identifier: GPL-2.0
/*
 * api.c - the table of what the manager answers, in the order of
 * Documentation/https-api.rst; and what needs no more than a line
 */
#include <stdlib.h>
#include <string.h>

#include "backup.h"
#include "explain.h"
#include "fleet.h"
#include "grant.h"
#include "api_fraud.h"
#include "audit_log.h"
#include "manager.h"
#include "metrics.h"
#include "revocation.h"
#include "role.h"
#include "status.h"
#include "two_person.h"

#define GET	.method = EVHTTP_REQ_GET
#define POST	.method = EVHTTP_REQ_POST
#define PUT	.method = EVHTTP_REQ_PUT
#define DELETE	.method = EVHTTP_REQ_DELETE
#define JSON	.media = "application/json", .max_body = ZKHSMD_JSON_MAX
/* Who may; see role.h. A route without one of these is nobody's. */
#define PUBLIC	.roles = SERVER_PUBLIC
#define ADMIN	.roles = ZKHSMD_ADMINISTRATOR
#define WORKERS	.roles = ZKHSMD_WORKERS
#define READERS	.roles = ZKHSMD_READERS
#define AUDITORS .roles = (ZKHSMD_ADMINISTRATOR | ZKHSMD_AUDITOR)

const struct server_route zkhsmd_routes[] = {
	{ GET, .path = "/", PUBLIC, .handle = zkhsmd_api_web },
	{ GET, .path = "/web/{}", PUBLIC, .handle = zkhsmd_api_web_file },
	{ GET, .path = "/health/alive", PUBLIC, .handle = zkhsmd_api_alive },
	{ GET, .path = "/health/ready", PUBLIC, .handle = zkhsmd_api_ready },
	{ GET, .path = "/metrics", .roles = ZKHSMD_READERS | ZKHSMD_METRICS,
	  .handle = zkhsmd_api_metrics },
	{ GET, .path = "/.well-known/zkhsm/manager", PUBLIC, .handle = zkhsmd_api_manager },
	{ GET, .path = "/.well-known/zkhsm/jwks.json", PUBLIC, .handle = zkhsmd_api_jwks },
	{ POST, .path = "/v1/challenges", PUBLIC, JSON, .handle = zkhsmd_api_challenge },
	{ POST, .path = "/v1/evidence", PUBLIC, .media = "application/vnd.zkhsm.evidence",
	  .max_body = ZKHSM_EVIDENCE_MAX_LEN, .handle = zkhsmd_api_evidence },
	{ PUT, .path = "/v1/lists/{}", PUBLIC, .media = "application/vnd.zkhsm.list",
	  .max_body = ZKHSMD_ANNOUNCED + ZKHSMD_LIST_MAX, .handle = zkhsmd_api_list_put },
	{ PUT, .path = "/v1/lists/{}", PUBLIC, .media = "application/vnd.zkhsm.list-delta",
	  .max_body = ZKHSMD_ANNOUNCED + ZKHSMD_LIST_MAX, .handle = zkhsmd_api_delta_put },
	{ PUT, .path = "/v1/configurations/{}", PUBLIC, .media = "application/vnd.zkhsm.configuration",
	  .max_body = ZKHSMD_CONFIGURATION_MAX, .handle = zkhsmd_api_configuration_put },
	{ GET, .path = "/v1/hsms/{}/orders", PUBLIC, .handle = zkhsmd_api_orders_get },
	{ GET, .path = "/v1/hsms/{}", PUBLIC, .handle = zkhsmd_api_hsm_get },
	{ GET, .path = "/v1/hsms/{}/keys/{}", PUBLIC, .handle = zkhsmd_api_key_get },
	{ POST, .path = "/v1/tokens", PUBLIC, JSON, .handle = zkhsmd_api_token },
	{ POST, .path = "/v1/grants", PUBLIC, JSON, .handle = zkhsmd_api_grant },
	{ GET, .path = "/v1/revocations", PUBLIC, .handle = zkhsmd_api_revocations_get },
	{ GET, .path = "/v1/status-lists", PUBLIC, .handle = zkhsmd_api_status_lists },
	{ GET, .path = "/v1/status-lists/{}", PUBLIC, .handle = zkhsmd_api_status_list },

	{ GET, .path = "/v1/admin/summary", READERS, .handle = zkhsmd_api_summary },
	{ GET, .path = "/v1/admin/hsms/{}/keys", READERS, .handle = zkhsmd_api_keys },
	{ GET, .path = "/v1/admin/pending", READERS, .handle = zkhsmd_api_pending },
	{ POST, .path = "/v1/admin/hsms", WORKERS, JSON, .handle = zkhsmd_api_enrol },
	{ GET, .path = "/v1/admin/hsms", READERS, .handle = zkhsmd_api_hsms },
	{ DELETE, .path = "/v1/admin/hsms/{}", ADMIN, .handle = zkhsmd_api_hsm_del },
	{ POST, .path = "/v1/admin/hsms/{}/configuration", WORKERS, JSON,
	  .handle = zkhsmd_api_approve },
	{ POST, .path = "/v1/admin/hsms/{}/restore", ADMIN, .handle = zkhsmd_api_restore },
	{ POST, .path = "/v1/admin/hsms/{}/trust-change", ADMIN, JSON,
	  .handle = zkhsmd_api_trust_change },
	{ POST, .path = "/v1/admin/hsms/{}/cluster", ADMIN, JSON, .handle = zkhsmd_api_cluster },
	{ POST, .path = "/v1/admin/revocations", WORKERS, JSON, .handle = zkhsmd_api_revoke },
	{ GET, .path = "/v1/admin/revocations", READERS,
	  .handle = zkhsmd_api_revocations_admin },
	{ GET, .path = "/v1/admin/proposals", READERS, .handle = zkhsmd_api_proposals },
	{ DELETE, .path = "/v1/admin/proposals/{}", WORKERS, .handle = zkhsmd_api_proposal_del },
	{ GET, .path = "/v1/admin/audit", AUDITORS, .handle = zkhsmd_api_audit_get },
	{ GET, .path = "/v1/admin/audit/head", AUDITORS, .handle = zkhsmd_api_audit_head },
	{ GET, .path = "/v1/admin/alerts", READERS, .handle = zkhsmd_api_alerts },
	{ GET, .path = "/v1/admin/alerts/{}", READERS, .handle = zkhsmd_api_alert_get },
	{ POST, .path = "/v1/admin/alerts/{}", WORKERS, JSON, .handle = zkhsmd_api_alert_post },
	{ POST, .path = "/v1/admin/hsms/{}/quarantine", WORKERS, JSON,
	  .handle = zkhsmd_api_quarantine },
	{ GET, .path = "/v1/admin/hsms/{}/history", READERS, .handle = zkhsmd_api_hsm_history },
	{ GET, .path = "/v1/admin/hsms/{}/keys/{}/history", READERS,
	  .handle = zkhsmd_api_key_history },
	{ GET, .path = "/v1/admin/policy", READERS, .handle = zkhsmd_api_policy_get },
	{ GET, .path = "/v1/admin/hsms/{}/keys/{}/explain", READERS,
	  .handle = zkhsmd_api_explain },
	{ GET, .path = "/v1/admin/orders/{}", READERS, .handle = zkhsmd_api_orders_admin },
	{ POST, .path = "/v1/admin/backup", ADMIN, .handle = zkhsmd_api_backup },
};

const size_t zkhsmd_route_count = ARRAY_SIZE(zkhsmd_routes);

void zkhsmd_api_alive(struct server_request *rq)
{
	server_reply_json(rq, 200, json_pack("{s:s}", "status", "ok"));
	server_send(rq);
}

static int probe(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	uint64_t now = (uint64_t)zkhsmd_now().wall;

	server_reply_json(job->rq, 200, json_pack("{s:s}", "status", "ok"));
	return store->ops->meta_put(store, ZKHSMD_META_PROBE, &now, sizeof(now));
}

/* Ready is who can still write: it is tried, with a commit. */
void zkhsmd_api_ready(struct server_request *rq)
{
	struct zkhsmd *m = rq->arg;
	struct zkhsmd_job *job;

	if (m->stopping) {
		zkhsmd_problem(rq, P_STOPPING, "the manager is being stopped");
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, 0);
	if (!job)
		return;
	job->write = probe;
	zkhsmd_job_submit(job);
}

void zkhsmd_api_manager(struct server_request *rq)
{
	struct zkhsmd *m = rq->arg;
	char *key = zkhsm_hex(m->identity.order_public, sizeof(m->identity.order_public));
	json_t *o;

	o = json_pack("{s:s, s:s, s:I, s:I, s:s}", "order_key", key ? key : "", "issuer",
		      m->identity.issuer, "max_age_ms", (json_int_t)m->config.max_age_ms,
		      "interval_ms", (json_int_t)m->config.interval_ms, "version", ZKHSMD_VERSION);
	zkhsmd_json_hash(o, "manager_id", m->identity.manager_id);
	free(key);
	server_reply_json(rq, 200, o);
	server_send(rq);
}

void zkhsmd_api_jwks(struct server_request *rq)
{
	struct zkhsmd *m = rq->arg;

	server_reply_json(rq, 200, json_incref(m->identity.jwks));
	rq->reply.media = "application/jwk-set+json";
	server_send(rq);
}
