// SPDX-License-Identifier: GPL-2.0
/*
 * restore.c - the store as a backup has it
 *
 * The copy is made and checked beside the store, and takes its place by one rename.
 * A mark stands there from before the first change of what is in use until after the
 * last: a manager does not start on what a restore that was cut short has left.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_log.h"
#include "backup.h"
#include "status.h"

/*
 * Lists that were published after the backup have numbers that nobody knows any more.
 * The next one is above all of them, or clients that have seen these would refuse it.
 */
#define NUMBERS_SKIPPED	(1ULL << 20)

/* A state directory, and the names in it. */
struct place {
	char db[300], wal[304], shm[304], copy[310], mark[300];
};

static void place_of(const char *dir, struct place *p)
{
	snprintf(p->db, sizeof(p->db), "%s/zkhsmd.db", dir);
	snprintf(p->wal, sizeof(p->wal), "%s-wal", p->db);
	snprintf(p->shm, sizeof(p->shm), "%s-shm", p->db);
	snprintf(p->copy, sizeof(p->copy), "%s.restore", p->db);
	snprintf(p->mark, sizeof(p->mark), "%s/restoring", dir);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

int zkhsmd_restore_check(const char *state_dir, struct zkhsm_error *err)
{
	struct place p = { .db = "" };

	place_of(state_dir, &p);
	if (!is_there(p.mark))
		return 0;
	return zkhsm_fail(err, -EUCLEAN,
			  "a restore into %s was cut short: run zkhsmd --restore once more", state_dir);
}

static int fail(const char *path, struct zkhsm_error *err)
{
	int ret = -errno;

	return zkhsm_fail(err, ret ? ret : -EIO, "%s: %s", path, strerror(-ret));
}

/* Whoever moved the backup may have left part of it behind. */
static int check_digest(const char *path, struct zkhsm_error *err)
{
	uint8_t said[32], is[32];
	int ret = zkhsmd_digest_read(path, said, err);

	if (ret == -ENOENT) {
		log_event(LOG_LEVEL_WARNING, "restore", "file", path, "text",
			  "there is no .sha256 beside it: only its inner consistency can be checked",
			  NULL);
		return 0;
	}
	if (!ret)
		ret = zkhsmd_file_digest(path, is, NULL, err);
	if (!ret && memcmp(said, is, sizeof(is)) != 0)
		ret = zkhsm_fail(err, -EBADMSG, "%s is not the file that %s.sha256 is about", path,
				 path);
	return ret;
}

static int copy_bytes(int from, int to)
{
	ssize_t n;

	do {
		n = copy_file_range(from, NULL, to, NULL, 1 << 24, 0);
	} while (n > 0);
	if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
		uint8_t part[16384];

		while ((n = read(from, part, sizeof(part))) > 0) {
			if (write(to, part, (size_t)n) != n)
				return errno ? -errno : -ENOSPC;
		}
	}
	return n < 0 ? -errno : fsync(to) ? -errno : 0;
}

static int copy_file(const char *from, const char *to, struct zkhsm_error *err)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out, ret;

	if (in < 0)
		return fail(from, err);
	unlink(to);
	out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0) {
		ret = fail(to, err);
		close(in);
		return ret;
	}
	ret = copy_bytes(in, out);
	close(in);
	close(out);
	return ret ? zkhsm_fail(err, ret, "%s to %s: %s", from, to, strerror(-ret)) : 0;
}

/* Within a transaction: what the restored store has to know of its being restored. */
static int note(struct zkhsmd_store *s, const char *path)
{
	uint64_t number = 0;
	int ret = s->ops->meta_get(s, ZKHSMD_META_LIST_NUMBER, &number, sizeof(number));

	if (ret && ret != -ENOENT)
		return ret;
	number += NUMBERS_SKIPPED;
	ret = s->ops->meta_put(s, ZKHSMD_META_LIST_NUMBER, &number, sizeof(number));
	/* Nor is an index given twice. */
	if (!ret)
		ret = s->ops->status_skip(s, ZKHSMD_STATUS_PAGE);
	if (!ret)
		ret = zkhsmd_audit_add(s, NULL, "restore-store", NULL,
				       json_pack("{s:s, s:I}", "file", path, "revocation_list",
						 (json_int_t)number));
	return ret;
}

/* Its schema brought up to date, whole, of this manager's key, and noted. */
static int adopt(struct zkhsmd *m, const char *copy, const char *path, struct zkhsm_error *err)
{
	const struct zkhsmd_store_ops *ops = &zkhsmd_store_sqlite;
	struct zkhsmd_store *s;
	uint8_t id[32];
	int ret = ops->open(copy, false, true, &s, err);

	if (ret)
		return ret;
	ret = ops->meta_get(s, ZKHSMD_META_MANAGER_ID, id, sizeof(id));
	if (ret)
		zkhsm_fail(err, ret, "%s is not of a manager", path);
	if (!ret)
		ret = zkhsmd_identity_open(&m->identity, &m->config, s, err);
	if (!ret) {
		ret = ops->begin(s);
		if (!ret)
			ret = note(s, path);
		if (!ret)
			ret = ops->commit(s);
		else
			ops->rollback(s);
		if (ret)
			zkhsm_fail(err, ret, "%s cannot be written: %s", copy, strerror(-ret));
	}
	/* The last to close it takes its WAL away. */
	ops->close(s);
	return ret;
}

/* The old one, with what only its WAL has, under a name that says until when it was used. */
static int set_aside(const struct place *p, struct zkhsm_error *err)
{
	char old[340], wal[360];

	if (!is_there(p->db))
		return 0;
	snprintf(old, sizeof(old), "%s.before-%lld", p->db, (long long)zkhsmd_now().wall);
	snprintf(wal, sizeof(wal), "%s-wal", old);
	if (link(p->db, old))
		return fail(old, err);
	if (is_there(p->wal) && rename(p->wal, wal))
		return fail(wal, err);
	log_event(LOG_LEVEL_INFO, "restore", "kept", old, NULL);
	return 0;
}

static int swap(const struct place *p, struct zkhsm_error *err)
{
	int ret = zkhsm_write_file(p->mark, "", 0, 0600, err);

	if (!ret)
		ret = set_aside(p, err);
	if (ret)
		return ret;
	/* A WAL that is left over would be read into the database that replaces its own. */
	if ((unlink(p->shm) && errno != ENOENT) || (unlink(p->wal) && errno != ENOENT))
		return fail(p->wal, err);
	if (rename(p->copy, p->db))
		return fail(p->db, err);
	ret = zkhsmd_sync_parent(p->db, err);
	if (!ret && unlink(p->mark))
		return fail(p->mark, err);
	return ret ? ret : zkhsmd_sync_parent(p->db, err);
}

/* What root puts there, the manager could not open. */
static int check_owner(const char *dir, struct zkhsm_error *err)
{
	struct stat st;

	if (stat(dir, &st))
		return errno == ENOENT ? 0 : fail(dir, err);
	if (st.st_uid != geteuid())
		return zkhsm_fail(err, -EPERM, "%s belongs to another user: restore as that one, by runuser(1)",
				  dir);
	return 0;
}

int zkhsmd_restore(struct zkhsmd *m, const char *path, bool replace, struct zkhsm_error *err)
{
	struct place p = { .db = "" };
	int ret;

	place_of(m->config.state_dir, &p);
	ret = check_owner(m->config.state_dir, err);
	if (!ret)
		ret = zkhsmd_lock_state(m, err);
	if (ret)
		return ret;
	/* With the mark it was allowed before. */
	if (is_there(p.db) && !is_there(p.mark) && !replace)
		return zkhsm_fail(err, -EEXIST, "%s has a store: --replace sets it aside",
				  m->config.state_dir);
	ret = check_digest(path, err);
	if (!ret)
		ret = copy_file(path, p.copy, err);
	if (!ret)
		ret = adopt(m, p.copy, path, err);
	if (!ret)
		ret = swap(&p, err);
	if (ret && !is_there(p.mark))
		unlink(p.copy);
	return ret;
}
