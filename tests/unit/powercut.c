// SPDX-License-Identifier: GPL-2.0
/*
 * powercut.c - see powercut.h
 */
#include "powercut.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX	4096
#define NAMES_MAX	512
/* Short writes, so that there are places between. */
#define WRITE_MAX	700

struct file {
	ino_t ino;
	int fd;			/* keeps the inode from being another file's */
	uint8_t *kept;
	size_t kept_len;
};

struct names {
	int fd;
	ino_t ino;
	size_t count;
	struct {
		char name[256];
		ino_t ino;
	} kept[NAMES_MAX];
};

static struct file files[FILES_MAX];
static size_t file_count;
static struct names dirs[2];
static unsigned int calls, cut_at, fail_at;
static int fail_with;
static bool cut;
uint64_t powercut_free;

static void die(const char *what)
{
	perror(what);
	abort();
}

static struct file *file_of(ino_t ino)
{
	for (size_t i = 0; i < file_count; i++)
		if (files[i].ino == ino)
			return &files[i];
	return NULL;
}

/* Whether this call is to fail; errno is set. */
static bool step(void)
{
	if (cut) {
		errno = EIO;
		return true;
	}
	calls++;
	if (calls == cut_at) {
		cut = true;
		errno = EIO;
		return true;
	}
	if (calls == fail_at) {
		errno = fail_with;
		return true;
	}
	return false;
}

static uint8_t *content(int fd, size_t *len)
{
	struct stat st;
	uint8_t *data;

	if (fstat(fd, &st))
		die("fstat");
	*len = (size_t)st.st_size;
	data = malloc(*len + 1);
	if (!data || pread(fd, data, *len, 0) != (ssize_t)*len)
		die("pread");
	return data;
}

static void keep_file(struct file *f)
{
	free(f->kept);
	f->kept = content(f->fd, &f->kept_len);
}

static void keep_names(struct names *d)
{
	DIR *dir = fdopendir(openat(d->fd, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *e;

	if (!dir)
		die("fdopendir");
	d->count = 0;
	while ((e = readdir(dir))) {
		if (!file_of(e->d_ino))
			continue;
		snprintf(d->kept[d->count].name, sizeof(d->kept[0].name), "%s", e->d_name);
		d->kept[d->count++].ino = e->d_ino;
	}
	closedir(dir);
}

static int pc_openat(int dir, const char *name, int flags, mode_t mode)
{
	char path[64];
	struct stat st;
	int fd;

	if (step())
		return -1;
	fd = openat(dir, name, flags, mode);
	if (fd < 0 || !(flags & O_CREAT))
		return fd;
	if (fstat(fd, &st) || file_count == FILES_MAX)
		die("openat");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	files[file_count] = (struct file){ .ino = st.st_ino,
					   .fd = open(path, O_RDONLY | O_CLOEXEC) };
	if (files[file_count++].fd < 0)
		die("open");
	return fd;
}

static ssize_t pc_write(int fd, const void *data, size_t len)
{
	bool was = cut;

	if (len > WRITE_MAX)
		len = WRITE_MAX;
	if (step()) {
		/* Interrupted in the middle of it. */
		if (cut && !was && write(fd, data, len / 2) < 0)
			die("write");
		errno = cut ? EIO : errno;
		return -1;
	}
	return write(fd, data, len);
}

static int pc_fsync(int fd)
{
	struct stat st;
	struct file *f;

	if (step())
		return -1;
	if (fstat(fd, &st))
		die("fstat");
	f = file_of(st.st_ino);
	if (f)
		keep_file(f);
	for (int i = 0; i < 2; i++)
		if (st.st_ino == dirs[i].ino)
			keep_names(&dirs[i]);
	return 0;
}

static int pc_syncfs(int fd)
{
	(void)fd;
	if (step())
		return -1;
	for (size_t i = 0; i < file_count; i++)
		keep_file(&files[i]);
	keep_names(&dirs[0]);
	keep_names(&dirs[1]);
	return 0;
}

static int pc_close(int fd)
{
	bool bad = step();
	int error = errno;

	close(fd);
	errno = error;
	return bad ? -1 : 0;
}

static int pc_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return step() ? -1 : renameat(from_dir, from, to_dir, to);
}

static int pc_unlinkat(int dir, const char *name, int flags)
{
	return step() ? -1 : unlinkat(dir, name, flags);
}

static int pc_fchown(int fd, uid_t uid, gid_t gid)
{
	return step() ? -1 : fchown(fd, uid, gid);
}

static int pc_fstatvfs(int fd, struct statvfs *out)
{
	int ret = step() ? -1 : fstatvfs(fd, out);

	if (!ret && powercut_free) {
		out->f_frsize = 1;
		out->f_bavail = powercut_free;
	}
	return ret;
}

const struct zkhsm_store_os powercut_os = {
	.openat = pc_openat,
	.write = pc_write,
	.fsync = pc_fsync,
	.syncfs = pc_syncfs,
	.close = pc_close,
	.renameat = pc_renameat,
	.unlinkat = pc_unlinkat,
	.fchown = pc_fchown,
	.fstatvfs = pc_fstatvfs,
};

void powercut_start(const char *path)
{
	char records[256];
	struct stat st;

	powercut_end();
	snprintf(records, sizeof(records), "%s/records", path);
	for (int i = 0; i < 2; i++) {
		dirs[i].fd = open(i ? records : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dirs[i].fd < 0 || fstat(dirs[i].fd, &st))
			die(path);
		dirs[i].ino = st.st_ino;
		dirs[i].count = 0;
	}
}

void powercut_after(unsigned int n)
{
	calls = 0;
	cut = false;
	cut_at = n;
}

void powercut_fail(unsigned int n, int error)
{
	calls = 0;
	fail_at = n;
	fail_with = error;
}

bool powercut_happened(void)
{
	return cut;
}

unsigned int powercut_calls(void)
{
	return calls;
}

static void image_file(const char *to, const char *name, ino_t ino, int lose)
{
	struct file *f = file_of(ino);
	uint8_t *data = NULL;
	char path[512];
	size_t len = 0;
	FILE *out;

	if (!f)
		return;
	if (!(lose & LOSE_BYTES))
		data = content(f->fd, &len);
	else if (f->kept)
		data = zkhsm_copy(f->kept, len = f->kept_len);
	snprintf(path, sizeof(path), "%s/%s", to, name);
	out = fopen(path, "we");
	if (!out || fwrite(data ? data : (uint8_t *)"", 1, len, out) != len || fclose(out))
		die(path);
	free(data);
}

void powercut_image(const char *to, int lose)
{
	char path[512];

	for (int i = 0; i < 2; i++) {
		DIR *dir = fdopendir(openat(dirs[i].fd, ".", O_RDONLY | O_DIRECTORY));
		struct dirent *e;

		snprintf(path, sizeof(path), "%s%s", to, i ? "/records" : "");
		if (mkdir(path, 0700) || !dir)
			die(path);
		for (size_t k = 0; lose & LOSE_NAMES && k < dirs[i].count; k++)
			image_file(path, dirs[i].kept[k].name, dirs[i].kept[k].ino, lose);
		while (!(lose & LOSE_NAMES) && (e = readdir(dir)))
			image_file(path, e->d_name, e->d_ino, lose);
		closedir(dir);
	}
}

void powercut_end(void)
{
	for (size_t i = 0; i < file_count; i++) {
		close(files[i].fd);
		free(files[i].kept);
	}
	file_count = 0;
	for (int i = 0; i < 2; i++) {
		if (dirs[i].ino)
			close(dirs[i].fd);
		memset(&dirs[i], 0, sizeof(dirs[i]));
	}
	calls = 0;
	cut_at = 0;
	fail_at = 0;
	cut = false;
	powercut_free = 0;
}
