// SPDX-License-Identifier: GPL-2.0
/*
 * backup.c - a copy of the store while it is used: made, checked, digested, named
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"

#define PREFIX	"zkhsmd-"
#define SUFFIX	".db"

/*
 * Two at a time would write into one file. The lock goes with whoever has it, so that
 * what is left of one that was killed is in nobody's way.
 */
static int open_part(const char *part, struct zkhsm_error *err)
{
	int fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return zkhsm_fail(err, -errno, "%s: %s", part, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) || ftruncate(fd, 0)) {
		int ret = errno == EWOULDBLOCK ? -EBUSY : -errno;

		close(fd);
		return zkhsm_fail(err, ret, "%s: %s", part,
				  ret == -EBUSY ? "being written" : strerror(-ret));
	}
	return fd;
}

/* The digest first: a backup that is there has one. */
static int publish(int fd, const char *part, const char *path, struct zkhsmd_backup *out,
		   struct zkhsm_error *err)
{
	int ret;

	if (fsync(fd))
		return zkhsm_fail(err, -errno, "%s: %s", part, strerror(errno));
	ret = zkhsmd_file_digest(part, out->sha256, &out->bytes, err);
	if (!ret)
		ret = zkhsmd_digest_write(path, out->sha256, err);
	if (!ret && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE))
		ret = zkhsm_fail(err, -errno, "%s: %s", path, strerror(errno));
	return ret ? ret : zkhsmd_sync_parent(path, err);
}

int zkhsmd_backup_make(struct zkhsmd *m, const char *path, struct zkhsmd_backup *out,
		       struct zkhsm_error *err)
{
	char part[sizeof(out->path) + 8], from[300];
	int fd, ret;

	memset(out, 0, sizeof(*out));
	if (snprintf(out->path, sizeof(out->path), "%s", path) >= (int)sizeof(out->path) - 8)
		return zkhsm_fail(err, -ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
	if (access(path, F_OK) == 0)
		return zkhsm_fail(err, -EEXIST, "%s: %s", path, strerror(EEXIST));
	snprintf(from, sizeof(from), "%s/zkhsmd.db", m->config.state_dir);
	snprintf(part, sizeof(part), "%s.part", path);
	fd = open_part(part, err);
	if (fd < 0)
		return fd;
	out->taken_ms = zkhsmd_now().wall;
	ret = zkhsmd_store_sqlite.backup(from, part, err);
	if (!ret)
		ret = publish(fd, part, path, out, err);
	if (ret)
		unlink(part);
	close(fd);
	return ret;
}

static int is_backup(const struct dirent *d)
{
	const size_t len = strlen(d->d_name), suffix = strlen(SUFFIX);

	return strncmp(d->d_name, PREFIX, strlen(PREFIX)) == 0 && len > suffix &&
	       strcmp(d->d_name + len - suffix, SUFFIX) == 0;
}

/* Names sort by time. What cannot be removed stays, and is said. */
static void remove_old(const char *dir, uint64_t keep)
{
	struct dirent **names;
	int count = scandir(dir, &names, is_backup, alphasort);
	char path[800];

	for (int i = 0; i < count; i++) {
		if ((uint64_t)(count - i) > keep) {
			snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
			if (unlink(path))
				log_event(LOG_LEVEL_WARNING, "backup-kept", "file", path, "error",
					  strerror(errno), NULL);
			strcat(path, ".sha256");	/* 800 are more than both can be */
			unlink(path);
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

int zkhsmd_backup_next(struct zkhsmd *m, struct zkhsmd_backup *out, struct zkhsm_error *err)
{
	const struct zkhsmd_config *c = &m->config;
	char dir[300], path[400], when[32];
	const int64_t now_ms = zkhsmd_now().wall;
	time_t now = now_ms / 1000;
	struct tm tm;
	int ret;

	if (c->backup_dir[0])
		snprintf(dir, sizeof(dir), "%s", c->backup_dir);
	else
		snprintf(dir, sizeof(dir), "%s/backups", c->state_dir);
	if (mkdir(dir, 0700) && errno != EEXIST)
		return zkhsm_fail(err, -errno, "%s: %s", dir, strerror(errno));
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%S", &tm);
	snprintf(path, sizeof(path), "%s/" PREFIX "%s.%03dZ" SUFFIX, dir, when,
		 (int)(now_ms % 1000));
	ret = zkhsmd_backup_make(m, path, out, err);
	if (!ret)
		remove_old(dir, c->backup_keep);
	return ret;
}

json_t *zkhsmd_backup_json(const struct zkhsmd_backup *b)
{
	json_t *o = json_pack("{s:s, s:I, s:I}", "file", b->path, "bytes", (json_int_t)b->bytes,
			      "taken_at_ms", (json_int_t)b->taken_ms);

	zkhsmd_json_hash(o, "sha256", b->sha256);
	return o;
}
