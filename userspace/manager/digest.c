// SPDX-License-Identifier: GPL-2.0
/*
 * digest.c - digests of files that need not fit in memory, and where they are noted
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"

#define PART	65536

static int digest_of(int fd, uint8_t sha256[32], uint64_t *size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	static _Thread_local uint8_t part[PART];
	uint64_t total = 0;
	ssize_t n = -1;
	int ret = -ENOMEM;

	if (ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1) {
		while ((n = read(fd, part, sizeof(part))) > 0) {
			EVP_DigestUpdate(ctx, part, (size_t)n);
			total += (uint64_t)n;
		}
		ret = n < 0 ? -errno : 0;
	}
	if (!ret && EVP_DigestFinal_ex(ctx, sha256, NULL) != 1)
		ret = -EIO;
	EVP_MD_CTX_free(ctx);
	if (size)
		*size = total;
	return ret;
}

int zkhsmd_file_digest(const char *path, uint8_t sha256[32], uint64_t *size,
		       struct zkhsm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return zkhsm_fail(err, -errno, "%s: %s", path, strerror(errno));
	ret = digest_of(fd, sha256, size);
	close(fd);
	return ret ? zkhsm_fail(err, ret, "%s: %s", path, strerror(-ret)) : 0;
}

int zkhsmd_digest_write(const char *path, const uint8_t sha256[32], struct zkhsm_error *err)
{
	const char *slash = strrchr(path, '/');
	char *hex = zkhsm_hex(sha256, 32), note[512], text[512];
	int len, ret = -ENAMETOOLONG;

	len = snprintf(text, sizeof(text), "%s  %s\n", hex ? hex : "", slash ? slash + 1 : path);
	if (hex && len < (int)sizeof(text) &&
	    snprintf(note, sizeof(note), "%s.sha256", path) < (int)sizeof(note))
		ret = zkhsm_write_file(note, text, (size_t)len, 0600, err);
	free(hex);
	return ret;
}

int zkhsmd_digest_read(const char *path, uint8_t sha256[32], struct zkhsm_error *err)
{
	char note[512];
	uint8_t *text;
	size_t len;
	int ret;

	if (snprintf(note, sizeof(note), "%s.sha256", path) >= (int)sizeof(note))
		return zkhsm_fail(err, -ENAMETOOLONG, "%s: %s", path, strerror(ENAMETOOLONG));
	if (access(note, F_OK) && errno == ENOENT)
		return -ENOENT;
	ret = zkhsm_read_file(note, sizeof(note) + 128, &text, &len, err);
	if (ret)
		return ret;
	/* "HEX  NAME", of which the name may have been another one. */
	if (len > 64 && text[64] == ' ')
		text[64] = '\0';
	if (len <= 64 || zkhsm_unhex((char *)text, sha256, 32))
		ret = zkhsm_fail(err, -EBADMSG, "%s is not what sha256sum writes", note);
	free(text);
	return ret;
}

int zkhsmd_sync_parent(const char *path, struct zkhsm_error *err)
{
	char *copy = strdup(path);
	int fd, ret = 0;

	if (!copy)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		ret = zkhsm_fail(err, -errno, "the directory of %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(copy);
	return ret;
}
