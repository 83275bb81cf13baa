// SPDX-License-Identifier: GPL-2.0
/*
 * A store is a directory that one process at a time has open.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store_private.h"

/* How long somebody else may have it; a sealing of everything takes less. */
#define LOCK_WAIT_MS	10000
#define LOCK_STEP_MS	20

const struct zkhsm_store_kernel zkhsm_store_kernel = {
	.hsm_get = zkhsm_hsm_get,
	.seal = zkhsm_hsm_seal,
	.commit = zkhsm_hsm_seal_commit,
	.unseal_begin = zkhsm_hsm_unseal_begin,
	.unseal_add = zkhsm_hsm_unseal_add,
	.unseal_finish = zkhsm_hsm_unseal_finish,
};

static int make_directory(int at, const char *path, const struct zkhsm_store_owner *owner,
			  struct zkhsm_error *err)
{
	if (mkdirat(at, path, 0700))
		return errno == EEXIST ? 0 : zkhsm_fail(err, -errno, "cannot make %s: %s", path,
							 strerror(errno));
	if (geteuid() == 0 && owner->uid != 0 &&
	    fchownat(at, path, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW))
		return zkhsm_fail(err, -errno, "cannot give %s away: %s", path, strerror(errno));
	return 0;
}

static int open_directories(struct zkhsm_store *s, bool make, struct zkhsm_error *err)
{
	struct zkhsm_store_owner owner;
	struct stat st;
	int ret;

	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return zkhsm_fail(err, -errno, "cannot open the store %s: %s", s->path,
				  strerror(errno));
	if (fstat(s->dir, &st))
		return zkhsm_fail(err, -errno, "%s: %s", s->path, strerror(errno));
	if (st.st_mode & 022)
		return zkhsm_fail(err, -EACCES, "%s: others than its owner may write to it",
				  s->path);
	s->uid = st.st_uid;
	s->gid = st.st_gid;
	s->chown = geteuid() == 0 && st.st_uid != 0;
	owner.uid = st.st_uid;
	owner.gid = st.st_gid;
	ret = make ? make_directory(s->dir, "records", &owner, err) : 0;
	if (ret)
		return ret;
	s->records = openat(s->dir, "records", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->records < 0)
		return zkhsm_fail(err, -errno, "%s: no store: records: %s", s->path,
				  strerror(errno));
	return 0;
}

/* That the directory is there must outlive a power cut as what is in it does. */
static int keep_parent(struct zkhsm_store *s, struct zkhsm_error *err)
{
	int fd = openat(s->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 || fsync(fd) || fsync(s->dir) ? -errno : 0;

	/* Whoever may not read the directory above did not make this one. */
	if (fd < 0 && errno == EACCES)
		ret = 0;
	if (fd >= 0)
		close(fd);
	return ret ? zkhsm_fail(err, ret, "cannot sync %s: %s", s->path, strerror(-ret)) : 0;
}

static void say_busy(struct zkhsm_store *s, struct zkhsm_error *err)
{
	char holder[64] = "";
	ssize_t n = pread(s->lock, holder, sizeof(holder) - 1, 0);

	if (n > 0)
		holder[strcspn(holder, "\n")] = '\0';
	zkhsm_error_set(err, -EBUSY, "the store %s is in use by %s", s->path,
			holder[0] ? holder : "another process");
}

/* flock() has no timeout, and signals are not the library's. */
static int wait_for_lock(struct zkhsm_store *s, struct zkhsm_error *err)
{
	const struct timespec step = { 0, LOCK_STEP_MS * 1000000L };

	for (int waited = 0; flock(s->lock, LOCK_EX | LOCK_NB); waited += LOCK_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return zkhsm_fail(err, -errno, "locking %s: %s", s->path,
					  strerror(errno));
		if (waited >= LOCK_WAIT_MS) {
			say_busy(s, err);
			return -EBUSY;
		}
		nanosleep(&step, NULL);
	}
	return 0;
}

/* What is there already may be a link to another's file: then it is not touched. */
static int open_lock(struct zkhsm_store *s)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	struct stat st;

	s->lock = openat(s->dir, "lock", flags | O_CREAT | O_EXCL, 0600);
	if (s->lock >= 0)
		return s->chown && fchown(s->lock, s->uid, s->gid) ? -errno : 0;
	if (errno != EEXIST)
		return -errno;
	s->lock = openat(s->dir, "lock", flags);
	if (s->lock < 0 || fstat(s->lock, &st))
		return -errno;
	return S_ISREG(st.st_mode) && st.st_nlink == 1 ? 0 : -EINVAL;
}

static int take_lock(struct zkhsm_store *s, struct zkhsm_error *err)
{
	char self[64];
	int n, ret;

	ret = open_lock(s);
	if (ret)
		return zkhsm_fail(err, ret, "cannot open %s/lock: %s", s->path, strerror(-ret));
	ret = wait_for_lock(s, err);
	if (ret)
		return ret;
	/* Only for the message of whoever waits in vain. */
	n = snprintf(self, sizeof(self), "%s (process %d)\n", program_invocation_short_name,
		     (int)getpid());
	if (ftruncate(s->lock, 0) || pwrite(s->lock, self, (size_t)n, 0) != n)
		return zkhsm_fail(err, -EIO, "cannot write %s/lock", s->path);
	return 0;
}

int zkhsm_store_open(const char *path, const struct zkhsm_store_owner *make,
		     struct zkhsm_store **out, struct zkhsm_error *err)
{
	struct zkhsm_store *s = calloc(1, sizeof(*s));
	int ret;

	*out = NULL;
	if (s) {
		s->dir = -1;
		s->records = -1;
		s->lock = -1;
		s->os = &zkhsm_store_os;
		s->kernel = &zkhsm_store_kernel;
		s->path = strdup(path);
	}
	if (!s || !s->path) {
		free(s);
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	}
	ret = make ? make_directory(AT_FDCWD, path, make, err) : 0;
	ret = ret ? ret : open_directories(s, make, err);
	ret = ret ? ret : take_lock(s, err);
	if (!ret && make)
		ret = keep_parent(s, err);
	if (ret) {
		zkhsm_store_close(s);
		return ret;
	}
	*out = s;
	return 0;
}

void zkhsm_store_close(struct zkhsm_store *s)
{
	if (!s)
		return;
	/* The lock goes with its descriptor. */
	if (s->lock >= 0)
		close(s->lock);
	if (s->records >= 0)
		close(s->records);
	if (s->dir >= 0)
		close(s->dir);
	free(s->path);
	free(s);
}

bool zkhsm_store_empty(const struct zkhsm_store *s)
{
	return faccessat(s->dir, "journal", F_OK, AT_SYMLINK_NOFOLLOW) &&
	       faccessat(s->dir, "head", F_OK, AT_SYMLINK_NOFOLLOW);
}
