// SPDX-License-Identifier: GPL-2.0
/*
 * audit_log.c - entries of the audit log, each with the hash of the one before
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_log.h"
#include "log.h"
#include "metrics.h"
#include "rate.h"
#include "role.h"

/* As sorted and as short as it can be: who hashes it again finds the same bytes. */
#define CANONICAL	(JSON_COMPACT | JSON_SORT_KEYS)
/* Refused requests of one certificate that are recorded. */
#define REFUSALS_PER_S	0.1
#define REFUSALS_BURST	30
#define DETAILS_MAX	(ZKHSMD_AUDIT_LINE_MAX - 1024)

static json_t *text_or_null(const char *text)
{
	json_t *o = text ? json_string(text) : NULL;

	return o ? o : json_null();
}

/* Too long for a line: only what it was can be said later, when somebody has it. */
static json_t *bounded(json_t *details)
{
	char *text = details ? json_dumps(details, CANONICAL) : NULL;
	size_t len = text ? strlen(text) : 0;
	uint8_t hash[32];
	json_t *o = details;

	if (len > DETAILS_MAX) {
		zkhsm_sha256(text, len, hash);
		o = json_pack("{s:I}", "bytes", (json_int_t)len);
		if (o)
			zkhsmd_json_hash(o, "sha256", hash);
		json_decref(details);
	}
	free(text);
	return o ? o : json_object();
}

/* Who it was: the certificate's hash tells two with one name apart. */
static void add_who(json_t *o, const struct server_request *rq)
{
	char roles[ZKHSMD_ROLES_TEXT];

	if (!rq) {
		json_object_set_new(o, "who", json_string("zkhsmd"));
		json_object_set_new(o, "role", json_string("manager"));
		json_object_set_new(o, "certificate", json_null());
		return;
	}
	json_object_set_new(o, "who", json_string(rq->peer_cn[0] ? rq->peer_cn : rq->peer));
	json_object_set_new(o, "role", json_string(zkhsmd_roles_text(rq->roles, roles)));
	if (rq->peer[0])
		zkhsmd_json_hash(o, "certificate", rq->peer_x5t);
	else
		json_object_set_new(o, "certificate", json_null());
}

static char *make_line(const struct zkhsmd_audit_row *row, const struct server_request *rq,
		       const char *action, const uint8_t previous[32], json_t *details)
{
	static const uint8_t none[32];
	json_t *o = json_pack("{s:I, s:I, s:s, s:o, s:o, s:o}", "number", (json_int_t)row->number,
			      "at_ms", (json_int_t)row->at_ms, "action", action, "request_id",
			      text_or_null(rq ? rq->id : NULL), "source",
			      text_or_null(rq ? rq->source : NULL), "details", bounded(details));
	char *line;

	if (!o)
		return NULL;
	add_who(o, rq);
	zkhsmd_json_hash(o, "previous", previous);
	if (memcmp(row->hsm_id, none, sizeof(none)))
		zkhsmd_json_hash(o, "hsm_id", row->hsm_id);
	else
		json_object_set_new(o, "hsm_id", json_null());
	line = json_dumps(o, CANONICAL);
	json_decref(o);
	return line;
}

int zkhsmd_audit_add(struct zkhsmd_store *store, const struct server_request *rq,
		     const char *action, const uint8_t *hsm_id, json_t *details)
{
	struct zkhsmd_audit_row row = { .at_ms = zkhsmd_now().wall };
	uint8_t previous[32];
	char *line;
	int ret;

	ret = store->ops->audit_last(store, &row.number, previous);
	if (ret) {
		json_decref(details);
		return ret;
	}
	row.number++;
	if (hsm_id)
		memcpy(row.hsm_id, hsm_id, sizeof(row.hsm_id));
	line = make_line(&row, rq, action, previous, details);
	if (!line)
		return -ENOMEM;
	row.line = line;
	zkhsm_sha256(line, strlen(line), row.hash);
	ret = store->ops->audit_add(store, &row);
	store->audit_added++;
	free(line);
	return ret;
}

/* What a client sent as a path, for a line of UTF-8. */
static void printable(const char *path, char out[256])
{
	size_t len = 0;

	for (; path && path[len] && len < 255; len++) {
		out[len] = path[len];
		if (path[len] <= 0x20 || path[len] >= 0x7f)
			out[len] = '?';
	}
	out[len] = '\0';
}

static int add_request(struct zkhsmd_store *store, const struct server_request *rq,
		       const char *action)
{
	struct zkhsmd *m = rq->arg;
	const uint64_t left_out = atomic_exchange(&m->refusals_left_out, 0);
	const struct server_reply *r = &rq->reply;
	char path[256];
	json_t *details;

	printable(rq->path, path);
	details = json_pack("{s:s, s:s, s:i, s:s}", "method", rq->method ? rq->method : "", "path",
			    path, "status", r->status, "problem", r->problem);
	if (left_out)
		json_object_set_new(details, "left_out", json_integer((json_int_t)left_out));
	return zkhsmd_audit_add(store, rq, action, NULL, details);
}

/* Whoever is refused again and again is recorded, not each time: others would pay for it. */
static bool worth_recording(const struct server_request *rq)
{
	struct zkhsmd *m = rq->arg;
	char *hex = zkhsm_hex(rq->peer_x5t, 16);
	bool worth = !m->rates || !hex ||
		     !zkhsmd_rate_take(m->rates, ZKHSMD_RATE_REFUSALS, hex, REFUSALS_PER_S,
				       REFUSALS_BURST, zkhsmd_now().boot);

	free(hex);
	if (!worth)
		m->refusals_left_out++;
	return worth;
}

int zkhsmd_audit_job(struct zkhsmd_job *job, struct zkhsmd_store *store, uint64_t added)
{
	const struct server_request *rq = job->rq;

	if (!rq || !rq->route || rq->route->roles & SERVER_PUBLIC ||
	    rq->route->method == EVHTTP_REQ_GET || store->audit_added != added)
		return 0;
	if (rq->reply.status < 400)
		return add_request(store, rq, "act");
	return worth_recording(rq) ? add_request(store, rq, "refused") : 0;
}

/* --- refused for want of a role -------------------------------------------- */

/* The answer was made before; the writer forgets it. */
struct refusal {
	struct server_reply reply;
};

static int write_refusal(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct refusal *r = job->data;

	job->rq->reply = r->reply;
	memset(&r->reply, 0, sizeof(r->reply));
	return add_request(store, job->rq, "refused");
}

static void refusal_end(void *data)
{
	struct refusal *r = data;

	free(r->reply.body);
}

void zkhsmd_audit_refused(struct server_request *rq)
{
	struct server_reply reply = rq->reply;
	struct zkhsmd_job *job;
	struct refusal *r;

	if (!worth_recording(rq)) {
		server_send(rq);
		return;
	}
	memset(&rq->reply, 0, sizeof(rq->reply));
	job = zkhsmd_job_new(rq, sizeof(*r));
	if (!job) {
		free(reply.body);
		return;
	}
	r = job->data;
	r->reply = reply;
	job->write = write_refusal;
	job->data_end = refusal_end;
	zkhsmd_job_submit(job);
}

/* --- what the manager itself does ------------------------------------------- */

struct own {
	const char *action;
	json_t *details;
};

static void own_end(void *data)
{
	struct own *o = data;

	json_decref(o->details);
}

static int write_own(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct own *o = job->data;

	return zkhsmd_audit_add(store, NULL, o->action, NULL, json_incref(o->details));
}

static void own_undone(struct zkhsmd_job *job)
{
	const struct own *o = job->data;

	log_event(LOG_LEVEL_ERROR, "audit", "action", o->action, "error", strerror(-job->result), NULL);
}

void zkhsmd_audit_own(struct zkhsmd *m, const char *action, json_t *details)
{
	struct zkhsmd_job *job = zkhsmd_job_own(m, sizeof(struct own));
	struct own *o;

	if (!job) {
		json_decref(details);
		return;
	}
	o = job->data;
	o->action = action;
	o->details = details;
	job->data_end = own_end;
	job->write = write_own;
	job->undone = own_undone;
	zkhsmd_job_submit(job);
}

/* --- the log on stderr -------------------------------------------------------- */

static const char *member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* The line itself is quoted within a line: what people search for stands beside it, whole. */
static int tell(const struct zkhsmd_audit_row *row, void *arg)
{
	struct zkhsmd *m = arg;
	json_t *o = json_loads(row->line, 0, NULL);
	char *details = json_dumps(json_object_get(o, "details"), CANONICAL);
	char *hash = zkhsm_hex(row->hash, 32);

	log_event(LOG_LEVEL_INFO, "audit", "number", LOG_NUMBER(row->number), "request",
		  member(o, "request_id"), "source", member(o, "source"), "who", member(o, "who"),
		  "role", member(o, "role"), "action", member(o, "action"), "hsm",
		  member(o, "hsm_id"), "hash", hash, "details", details, NULL);
	free(hash);
	free(details);
	json_decref(o);
	m->audit_told = row->number;
	zkhsmd_metric_add(m, M_AUDIT, 1);
	return 0;
}

void zkhsmd_audit_tell(struct zkhsmd *m, struct zkhsmd_store *store)
{
	if (m->audit_seen == store->audit_added)
		return;
	/* What cannot be read now is told with the next. */
	if (store->ops->audit_each(store, m->audit_told, tell, m) == 0)
		m->audit_seen = store->audit_added;
}

static int check_newest(const struct zkhsmd_audit_row *row, void *arg)
{
	uint8_t hash[32];

	(void)arg;
	zkhsm_sha256(row->line, strlen(row->line), hash);
	return memcmp(hash, row->hash, sizeof(hash)) ? -EUCLEAN : 0;
}

int zkhsmd_audit_open(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsm_error *err)
{
	uint8_t hash[32];
	int ret = store->ops->audit_last(store, &m->audit_told, hash);

	if (!ret && m->audit_told)
		ret = store->ops->audit_each(store, m->audit_told - 1, check_newest, NULL);
	if (ret)
		return zkhsm_fail(err, ret,
				  "%s: entry %llu of the audit log is not what was written: nothing is added to such a log",
				  m->store_path, (unsigned long long)m->audit_told);
	if (!store->upgraded_from)
		return 0;
	ret = store->ops->begin(store);
	if (!ret)
		ret = zkhsmd_audit_add(store, NULL, "schema-migration", NULL,
				       json_pack("{s:i}", "from", store->upgraded_from));
	if (!ret)
		ret = store->ops->commit(store);
	else
		store->ops->rollback(store);
	return ret ? zkhsm_fail(err, ret, "%s: %s", m->store_path, strerror(-ret)) : 0;
}
