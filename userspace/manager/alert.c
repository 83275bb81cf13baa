// SPDX-License-Identifier: GPL-2.0
/*
 * alert.c - alerts: the codes, and how one is raised
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "audit_log.h"
#include "metrics.h"
#include "webhook.h"

/* How many of those that are closed are kept, about. */
#define KEPT	20000

/* Never renamed or used for something else: programs and runbooks know them. */
const char *const zkhsmd_alert_codes[] = {
	"administrator", "clock", "clone", "contested", "duplicate", "false-burst",
	"lease-denies-all", "not-verifying", "orders-absurd", "orders-rolled-back",
	"orders-unknown", "other-host", "reload-failed", "restored", "rollback", "same-identity", "silent",
	"trust-change-void", "two-instances", "uptime", "uptime-ahead", "uptime-behind", NULL
};

void zkhsmd_cut_text(char *text)
{
	const size_t len = strlen(text);
	size_t i = len, whole;
	uint8_t lead;

	while (i && ((uint8_t)text[i - 1] & 0xc0) == 0x80)
		i--;
	if (!i)
		return;
	lead = (uint8_t)text[i - 1];
	whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (len - (i - 1) < whole)
		text[i - 1] = '\0';
}

/* A line of somebody's file may stand in it: one that is no UTF-8 would be no JSON later. */
static void only_text(char *text)
{
	json_t *o = json_string(text);

	for (; !o && *text; text++) {
		if ((uint8_t)*text >= 0x80)
			*text = '?';
	}
	json_decref(o);
}

void zkhsmd_alert_make(struct zkhsmd_alert *a, const char *code, const uint8_t *hsm_id,
		       const char *format, ...)
{
	va_list args;

	memset(a, 0, sizeof(*a));
	snprintf(a->code, sizeof(a->code), "%s", code);
	if (hsm_id)
		memcpy(a->hsm_id, hsm_id, sizeof(a->hsm_id));
	va_start(args, format);
	vsnprintf(a->text, sizeof(a->text), format, args);
	va_end(args);
	zkhsmd_cut_text(a->text);
	only_text(a->text);
}

static bool is_set(const uint8_t hash[32])
{
	static const uint8_t none[32];

	return memcmp(hash, none, sizeof(none)) != 0;
}

static void log_alert(const struct zkhsmd_alert_row *r)
{
	char id[17], element[17];

	log_event(LOG_LEVEL_WARNING, "alert", "row", LOG_NUMBER(r->row), "code", r->a.code, "hsm",
		  is_set(r->a.hsm_id) ? zkhsmd_short(r->a.hsm_id, id) : NULL, "element",
		  is_set(r->a.element) ? zkhsmd_short(r->a.element, element) : NULL, "source",
		  r->a.source[0] ? r->a.source : NULL, "count", LOG_NUMBER(r->count), "text",
		  r->a.text, NULL);
}

static int audit_alert(struct zkhsmd_store *store, const struct zkhsmd_alert_row *r)
{
	json_t *details = json_pack("{s:s, s:I}", "code", r->a.code, "alert", (json_int_t)r->row);

	json_object_set_new(details, "text", json_string(r->a.text));
	return zkhsmd_audit_add(store, NULL, "alert", is_set(r->a.hsm_id) ? r->a.hsm_id : NULL,
				details);
}

int zkhsmd_alert_raise(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_alert *a)
{
	struct zkhsmd_alert_row r;
	int ret;

	ret = store->ops->alert_raise(store, a, zkhsmd_now().wall, &r);
	if (ret)
		return ret;
	log_alert(&r);
	zkhsmd_metric_label(m, L_ALERTS, a->code);
	/* While it is open, its count goes on and nobody is told again. */
	if (r.count > 1)
		return 0;
	ret = audit_alert(store, &r);
	if (!ret)
		ret = zkhsmd_webhooks_queue(m, store, r.row);
	return ret ? ret : store->ops->alert_trim(store, KEPT);
}

int zkhsmd_alert_over(struct zkhsmd *m, struct zkhsmd_store *store, const char *code,
		      const uint8_t *hsm_id, const struct server_request *rq, const char *note)
{
	uint64_t count = 0;
	char id[17];
	int ret;

	(void)m;
	ret = store->ops->alert_over(store, code, hsm_id, rq ? rq->peer_cn : "", note,
				     zkhsmd_now().wall, &count);
	if (ret || !count)
		return ret;
	log_event(LOG_LEVEL_INFO, "alert-over", "code", code, "hsm",
		  hsm_id ? zkhsmd_short(hsm_id, id) : NULL, "note", note, NULL);
	return zkhsmd_audit_add(store, rq, "alert-over", hsm_id,
				json_pack("{s:s, s:I, s:s}", "code", code, "alerts",
					  (json_int_t)count, "note", note));
}

static int write_later(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	return zkhsmd_alert_raise(job->m, store, job->data);
}

/* The store could not take it: then at least the log has it. */
static void undone_later(struct zkhsmd_job *job)
{
	const struct zkhsmd_alert *a = job->data;

	log_event(LOG_LEVEL_ERROR, "alert-lost", "code", a->code, "text", a->text, "error",
		  strerror(-job->result), NULL);
}

void zkhsmd_alert_later(struct zkhsmd *m, const struct zkhsmd_alert *a)
{
	struct zkhsmd_job *job = zkhsmd_job_own(m, sizeof(*a));

	if (!job) {
		log_event(LOG_LEVEL_ERROR, "alert-lost", "code", a->code, "text", a->text, NULL);
		return;
	}
	memcpy(job->data, a, sizeof(*a));
	job->write = write_later;
	job->undone = undone_later;
	zkhsmd_job_submit(job);
}

const char *zkhsmd_alert_state_name(enum zkhsmd_alert_state state)
{
	static const char *const names[] = {
		[ZKHSMD_ALERT_OPEN] = "open", [ZKHSMD_ALERT_ACKNOWLEDGED] = "acknowledged",
		[ZKHSMD_ALERT_CLOSED] = "closed",
	};

	return names[state];
}

json_t *zkhsmd_alert_json(const struct zkhsmd_alert_row *r)
{
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:I}", "row", (json_int_t)r->row,
			      "code", r->a.code, "state", zkhsmd_alert_state_name(r->state),
			      "text", r->a.text, "first_ms", (json_int_t)r->first_ms, "last_ms",
			      (json_int_t)r->last_ms, "count", (json_int_t)r->count);

	if (!o)
		return NULL;
	if (is_set(r->a.hsm_id))
		zkhsmd_json_hash(o, "hsm_id", r->a.hsm_id);
	if (is_set(r->a.element))
		zkhsmd_json_hash(o, "element", r->a.element);
	if (r->a.key_id[0])
		json_object_set_new(o, "key_id", json_string(r->a.key_id));
	if (r->a.source[0])
		json_object_set_new(o, "source", json_string(r->a.source));
	if (r->state == ZKHSMD_ALERT_OPEN)
		return o;
	json_object_set_new(o, "who", json_string(r->who));
	json_object_set_new(o, "note", json_string(r->note));
	json_object_set_new(o, "done_ms", json_integer(r->done_ms));
	return o;
}
