// SPDX-License-Identifier: GPL-2.0
/*
 * api_backup.c - POST /v1/admin/backup
 *
 * The backup stays on this host: what leaves it, and where to, is for who runs it.
 * First the act is recorded, by the writer; then the thread for slow things does it.
 */
#include <errno.h>
#include <string.h>

#include "audit_log.h"
#include "backup.h"
#include "metrics.h"
#include "two_person.h"

struct ask {
	bool making;
	struct zkhsmd_backup backup;
};

static enum zkhsmd_next make(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct ask *a = job->data;
	struct zkhsm_error err = { .code = 0 };
	int ret = zkhsmd_backup_next(job->m, &a->backup, &err);

	(void)store;
	if (!ret) {
		server_reply_json(job->rq, 201, zkhsmd_backup_json(&a->backup));
		return ZKHSMD_ANSWER;
	}
	log_event(LOG_LEVEL_ERROR, "backup", "request", job->rq->id, "error", err.text, NULL);
	/* A second one at the same moment has its name. */
	if (ret == -EEXIST || ret == -EBUSY)
		server_reply_header(job->rq, "Retry-After", "1");
	zkhsmd_problem(job->rq, ret == -EEXIST || ret == -EBUSY ? P_TOO_MANY : P_STORE,
		       "no backup was made: %s", err.text);
	return ZKHSMD_ANSWER;
}

static void answered(struct zkhsmd_job *job)
{
	struct ask *a = job->data;

	if (!a->making && job->rq->reply.status == 201) {
		a->making = true;
		job->work = make;
		job->write = NULL;
		job->slow = true;
		zkhsmd_job_submit(job);
		return;
	}
	if (a->making && job->rq->reply.status == 201) {
		zkhsmd_metric_add(job->m, M_BACKUPS, 1);
		zkhsmd_audit_own(job->m, "backup-made", zkhsmd_backup_json(&a->backup));
	}
	server_send(job->rq);
}

/* The answer is made when it is done; this one is not sent. */
static int permit(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	int ret = zkhsmd_two_person(job, store, "backup");

	if (ret)
		return ret < 0 ? ret : 0;
	ret = zkhsmd_audit_add(store, job->rq, "backup", NULL, NULL);
	if (!ret)
		server_reply_json(job->rq, 201, NULL);
	return ret;
}

void zkhsmd_api_backup(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, sizeof(struct ask));

	if (!job)
		return;
	job->write = permit;
	job->answered = answered;
	zkhsmd_job_submit(job);
}
