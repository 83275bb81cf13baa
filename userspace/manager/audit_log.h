/* SPDX-License-Identifier: GPL-2.0 */
/*
 * audit_log.h - what was done, by whom: a log in the store, to which entries are only added
 *
 * Each entry is one line of compact, sorted JSON that has the SHA-256 of the line before
 * it, and is committed with the act that it is about: neither is there without the
 * other. What is signed is the newest number and hash, see api_audit.c. The line goes to
 * the log on stderr when it has been committed.
 */
#ifndef ZKHSM_AUDIT_LOG_H
#define ZKHSM_AUDIT_LOG_H

#include "manager.h"

#define ZKHSMD_AUDIT_LINE_MAX	4096

/*
 * Within the writer's transaction. @rq NULL: the manager itself did it. @hsm_id may be
 * NULL, @details (stolen) too. -EMSGSIZE: they are too long for a line; -ENOMEM, or
 * what the store says.
 */
int zkhsmd_audit_add(struct zkhsmd_store *store, const struct server_request *rq,
		     const char *action, const uint8_t *hsm_id, json_t *details);
/*
 * The writer asks this after each job that an administrator's request made: an act that
 * was refused is recorded here, and so is one whose handler recorded nothing.
 */
int zkhsmd_audit_job(struct zkhsmd_job *job, struct zkhsmd_store *store, uint64_t added);
/* On the loop: a request that its role does not suffice for; it is answered afterwards. */
void zkhsmd_audit_refused(struct server_request *rq);
/* On the loop: what the manager itself did. @details is stolen. */
void zkhsmd_audit_own(struct zkhsmd *m, const char *action, json_t *details);
/* On the writer, after a commit: what is new goes to the log. */
void zkhsmd_audit_tell(struct zkhsmd *m, struct zkhsmd_store *store);
/* Before the threads start. -EUCLEAN: the newest entry is not what it was. */
int zkhsmd_audit_open(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsm_error *err);

/* api_audit.c */
void zkhsmd_api_audit_get(struct server_request *rq);
void zkhsmd_api_audit_head(struct server_request *rq);

#endif /* ZKHSM_AUDIT_LOG_H */
