// SPDX-License-Identifier: GPL-2.0
/*
 * api_audit.c - /v1/admin/audit: the log as it was written, a page at a time, and its
 * signed head
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_log.h"

#define PAGE_LINES	1000
#define PAGE_BYTES	(512U << 10)

struct page {
	char *text;
	size_t len, size, lines;
};

/* The bytes that were hashed, each with a newline, which no line has within. */
static int add_line(const struct zkhsmd_audit_row *row, void *arg)
{
	size_t len = strlen(row->line);
	struct page *p = arg;

	if (p->lines == PAGE_LINES || (p->lines && p->len + len > PAGE_BYTES))
		return 1;
	if (p->len + len + 1 > p->size) {
		size_t size = (p->len + len + 1) * 2;
		char *text = realloc(p->text, size);

		if (!text)
			return -ENOMEM;
		p->text = text;
		p->size = size;
	}
	memcpy(p->text + p->len, row->line, len);
	p->text[p->len + len] = '\n';
	p->len += len + 1;
	p->lines++;
	return 0;
}

static enum zkhsmd_next work_page(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const uint64_t *after = job->data;
	struct page p = { .lines = 0 };
	int ret = store->ops->audit_each(store, *after, add_line, &p);

	if (ret < 0) {
		free(p.text);
		zkhsmd_problem_store(job->rq, ret);
	} else {
		server_reply_bytes(job->rq, 200, "application/x-ndjson", p.text, p.len);
	}
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_audit_get(struct server_request *rq)
{
	struct zkhsmd_job *job;
	uint64_t after;

	if (!zkhsmd_number_of(rq, "after", INT64_MAX, &after)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(after));
	if (!job)
		return;
	memcpy(job->data, &after, sizeof(after));
	job->work = work_page;
	zkhsmd_job_submit(job);
}

static enum zkhsmd_next work_head(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct zkhsm_error err = { .code = 0 };
	uint64_t number;
	uint8_t hash[32];
	json_t *payload;
	char *jws;
	int ret = store->ops->audit_last(store, &number, hash);

	if (ret) {
		zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	payload = json_pack("{s:s, s:I, s:I}", "iss", job->m->identity.issuer, "number",
			    (json_int_t)number, "iat", (json_int_t)(zkhsmd_now().wall / 1000));
	if (payload)
		zkhsmd_json_hash(payload, "hash", hash);
	ret = payload ? zkhsm_jws_sign(job->m->identity.token_key, "zkhsm-audit-head+jwt", payload,
				       &jws, &err) : -ENOMEM;
	json_decref(payload);
	if (ret)
		zkhsmd_problem(job->rq, P_STORE, "the head cannot be signed: %s", err.text);
	else
		server_reply_bytes(job->rq, 200, "application/jwt", jws, strlen(jws));
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_audit_head(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, 0);

	if (!job)
		return;
	job->work = work_head;
	zkhsmd_job_submit(job);
}
