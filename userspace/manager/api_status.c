// SPDX-License-Identifier: GPL-2.0
/*
 * api_status.c - GET /v1/status-lists and GET /v1/status-lists/{n}
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signed.h"
#include "status.h"

static enum zkhsmd_next work_page(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const uint64_t *page = job->data;
	struct zkhsm_error err = { .code = 0 };
	struct zkhsmd_copy copy;
	int64_t keep_s = zkhsmd_status_ttl(job->m);
	int ret = zkhsmd_status_get(job->m, store, *page, &copy, &err);

	if (ret == -ERANGE)
		zkhsmd_problem(job->rq, P_UNKNOWN, "there is no such status list yet");
	else if (ret)
		zkhsmd_problem_store(job->rq, ret);
	else
		zkhsmd_page_answer(job->rq, &copy, "application/statuslist+jwt",
				   copy.left_s < keep_s ? copy.left_s : keep_s);
	return ZKHSMD_ANSWER;
}

/* One form for one page, as it stands in tokens. */
static bool read_page(const char *text, uint64_t *page)
{
	char again[24];

	if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 15)
		return false;
	*page = strtoull(text, NULL, 10);
	snprintf(again, sizeof(again), "%llu", (unsigned long long)*page);
	return strcmp(again, text) == 0;
}

void zkhsmd_api_status_list(struct server_request *rq)
{
	struct zkhsmd_job *job;
	uint64_t page;

	if (!read_page(rq->args[0], &page)) {
		zkhsmd_problem(rq, P_UNKNOWN, "status lists have decimal numbers");
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(page));
	if (!job)
		return;
	memcpy(job->data, &page, sizeof(page));
	job->work = work_page;
	zkhsmd_job_submit(job);
}

static enum zkhsmd_next work_all(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	char uri[ZKHSMD_STATUS_URI_MAX + 1];
	json_t *all = json_array();
	uint64_t count = 0;
	int ret = zkhsmd_status_pages(store, &count);

	if (ret) {
		json_decref(all);
		zkhsmd_problem_store(job->rq, ret);
		return ZKHSMD_ANSWER;
	}
	for (uint64_t i = 0; i < count; i++) {
		zkhsmd_status_uri(job->m, i, uri);
		json_array_append_new(all, json_string(uri));
	}
	server_reply_json(job->rq, 200, json_pack("{s:o}", "status_lists", all));
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_status_lists(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, 0);

	if (!job)
		return;
	job->work = work_all;
	zkhsmd_job_submit(job);
}
