// SPDX-License-Identifier: GPL-2.0
/*
 * The store's files: read whole, replaced whole by rename(). The directory can
 * be an unprivileged agent's while root works in it, so nothing is followed,
 * nothing that is there already is written to but the index, and what is read
 * is a regular file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_private.h"

#define TMP	"tmp"
#define READ_FLAGS	(O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static int os_openat(int dir, const char *name, int flags, mode_t mode)
{
	return openat(dir, name, flags, mode);
}

const struct zkhsm_store_os zkhsm_store_os = {
	.openat = os_openat,
	.write = write,
	.fsync = fsync,
	.syncfs = syncfs,
	.close = close,
	.renameat = renameat,
	.unlinkat = unlinkat,
	.fchown = fchown,
	.fstatvfs = fstatvfs,
};

void zkhsm_store_where(const struct zkhsm_store *s, int dir, const char *name, char *out,
		       size_t size)
{
	snprintf(out, size, "%.160s/%s%s", s->path, dir == s->records ? "records/" : "", name);
}

static void say(const struct zkhsm_store *s, int dir, const char *name, int code,
		const char *doing, struct zkhsm_error *err)
{
	char where[256];

	zkhsm_store_where(s, dir, name, where, sizeof(where));
	zkhsm_error_set(err, code, "cannot %s %s: %s", doing, where, strerror(-code));
}

/* As zkhsm_fail(): static analysis sees that what has failed is not zero. */
#define failed(s, dir, name, code, doing, err) ({		\
	const int code_ = (code);				\
	say(s, dir, name, code_, doing, err);			\
	code_;							\
})

static int read_fd(int fd, size_t max, uint8_t **out, size_t *len)
{
	struct stat st;
	uint8_t *data;
	size_t size;
	ssize_t n;

	*len = 0;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uintmax_t)st.st_size > max)
		return -EFBIG;
	size = (size_t)st.st_size;
	data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	while (*len < size) {
		n = read(fd, data + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			free(data);
			return n ? -errno : -EIO;
		}
		*len += (size_t)n;
	}
	data[size] = '\0';
	*out = data;
	return 0;
}

int zkhsm_store_read(const struct zkhsm_store *s, int dir, const char *name, size_t max,
		     uint8_t **out, size_t *len, struct zkhsm_error *err)
{
	int fd = s->os->openat(dir, name, READ_FLAGS, 0);
	int ret;

	*out = NULL;
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0)
		return failed(s, dir, name, -errno, "open", err);
	ret = read_fd(fd, max, out, len);
	s->os->close(fd);
	return ret ? failed(s, dir, name, ret, "read", err) : 0;
}

static int write_fd(const struct zkhsm_store *s, int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = s->os->write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* What was left by whoever was interrupted is nobody's any more. */
static int open_tmp(const struct zkhsm_store *s)
{
	int fd, ret;

	if (s->os->unlinkat(s->dir, TMP, 0) && errno != ENOENT)
		return -errno;
	fd = s->os->openat(s->dir, TMP, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			   0600);
	if (fd < 0)
		return -errno;
	if (s->chown && s->os->fchown(fd, s->uid, s->gid)) {
		ret = -errno;
		s->os->close(fd);
		return ret;
	}
	return fd;
}

int zkhsm_store_replace(const struct zkhsm_store *s, int dir, const char *name, const void *data,
			size_t len, bool durable, struct zkhsm_error *err)
{
	int fd = open_tmp(s);
	int ret;

	if (fd < 0)
		return failed(s, s->dir, TMP, fd, "make", err);
	ret = write_fd(s, fd, data, len);
	if (!ret && durable && s->os->fsync(fd))
		ret = -errno;
	if (s->os->close(fd) && !ret)
		ret = -errno;
	if (!ret && s->os->renameat(s->dir, TMP, dir, name))
		ret = -errno;
	if (!ret)
		return 0;
	s->os->unlinkat(s->dir, TMP, 0);
	return failed(s, dir, name, ret, "write", err);
}

int zkhsm_store_append(const struct zkhsm_store *s, int dir, const char *name, const void *data,
		       size_t len, struct zkhsm_error *err)
{
	const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = s->os->openat(dir, name, flags, 0);
	struct stat st;
	int ret;

	if (fd < 0 && errno == ENOENT)
		return zkhsm_store_replace(s, dir, name, data, len, false, err);
	if (fd < 0)
		return failed(s, dir, name, -errno, "open", err);
	/* It may be a link to another's file. */
	if (fstat(fd, &st))
		ret = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		ret = -EINVAL;
	else
		ret = write_fd(s, fd, data, len);
	if (s->os->close(fd) && !ret)
		ret = -errno;
	return ret ? failed(s, dir, name, ret, "write", err) : 0;
}

int zkhsm_store_same(const struct zkhsm_store *s, int dir, const char *name, const void *data,
		     size_t len, struct zkhsm_error *err)
{
	size_t there_len;
	uint8_t *there;
	int ret;

	ret = zkhsm_store_read(s, dir, name, ZKHSM_HEAD_MAX_LEN, &there, &there_len, err);
	if (ret == -ENOENT || ret == -EFBIG)
		return 0;
	if (ret || !there)
		return ret ? ret : -EIO;
	ret = there_len == len && !memcmp(there, data, len);
	free(there);
	return ret;
}

int zkhsm_store_remove(const struct zkhsm_store *s, int dir, const char *name,
		       struct zkhsm_error *err)
{
	if (s->os->unlinkat(dir, name, 0) && errno != ENOENT)
		return failed(s, dir, name, -errno, "remove", err);
	return 0;
}

int zkhsm_store_keep(const struct zkhsm_store *s, int dir, const char *name,
		     struct zkhsm_error *err)
{
	int fd = s->os->openat(dir, name, READ_FLAGS, 0);
	int ret = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return failed(s, dir, name, -errno, "open", err);
	if (s->os->fsync(fd))
		ret = -errno;
	s->os->close(fd);
	return ret ? failed(s, dir, name, ret, "sync", err) : 0;
}

static int no_dots(const struct dirent *e)
{
	return strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
}

/* As strcmp() does, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int zkhsm_store_list(const struct zkhsm_store *s, struct dirent ***names, size_t *count,
		     struct zkhsm_error *err)
{
	int n = scandirat(s->records, ".", names, no_dots, by_name);

	*count = n < 0 ? 0 : (size_t)n;
	if (n >= 0)
		return 0;
	*names = NULL;
	return failed(s, s->records, "", -errno, "list", err);
}

void zkhsm_store_list_free(struct dirent **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}
