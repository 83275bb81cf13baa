/* SPDX-License-Identifier: GPL-2.0 */
/*
 * backup.h - a copy of the store beside the running manager, and back
 *
 * A backup is one SQLite file, FILE, and FILE.sha256 for sha256sum(1). It has no
 * secret: the keys are files of their own, or in a token, and copied once.
 */
#ifndef ZKHSM_BACKUP_H
#define ZKHSM_BACKUP_H

#include "manager.h"

struct zkhsmd_backup {
	char path[512];
	uint8_t sha256[32];
	uint64_t bytes;
	int64_t taken_ms;
};

/*
 * A backup of the store of @m->config.state_dir as @path, which must not be there
 * yet: -EEXIST. -EBUSY: the same is being written. It is there whole or not at all,
 * and was checked. Needs nothing but the configuration: also from another process.
 */
int zkhsmd_backup_make(struct zkhsmd *m, const char *path, struct zkhsmd_backup *out,
		       struct zkhsm_error *err);
/* The same with a name that says when, in [backup] dir, of which it leaves the newest. */
int zkhsmd_backup_next(struct zkhsmd *m, struct zkhsmd_backup *out, struct zkhsm_error *err);
json_t *zkhsmd_backup_json(const struct zkhsmd_backup *b);

/*
 * restore.c: the store as @path has it. No manager runs: it takes the lock. Where there
 * is a store already it takes @replace, and keeps the old one beside.
 */
int zkhsmd_restore(struct zkhsmd *m, const char *path, bool replace, struct zkhsm_error *err);
/* -EUCLEAN: a restore was cut short, and what is there is not to be used. */
int zkhsmd_restore_check(const char *state_dir, struct zkhsm_error *err);

/* digest.c: of a whole file, read in parts. @size may be NULL. */
int zkhsmd_file_digest(const char *path, uint8_t sha256[32], uint64_t *size,
		       struct zkhsm_error *err);
int zkhsmd_digest_write(const char *path, const uint8_t sha256[32], struct zkhsm_error *err);
/* What PATH.sha256 says. -ENOENT without a sentence if it is not there; -EBADMSG. */
int zkhsmd_digest_read(const char *path, uint8_t sha256[32], struct zkhsm_error *err);
/* Directory of @path. */
int zkhsmd_sync_parent(const char *path, struct zkhsm_error *err);

/* api_backup.c */
void zkhsmd_api_backup(struct server_request *rq);

#endif /* ZKHSM_BACKUP_H */
