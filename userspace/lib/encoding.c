// SPDX-License-Identifier: GPL-2.0
/*
 * Text forms of byte strings, digests, and files read and written whole.
 */
#include "lib_private.h"

#include <ctype.h>
#include <fcntl.h>
#include <jose/b64.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void *zkhsm_copy(const void *data, size_t len)
{
	void *copy = malloc(len ? len : 1);

	if (copy && len)
		memcpy(copy, data, len);
	return copy;
}

/* Return: NULL when out of memory. */
char *zkhsm_hex(const void *data, size_t len)
{
	char *hex = malloc(2 * len + 1), *p;

	if (!hex)
		return NULL;
	hex[0] = '\0';
	if (len && !OPENSSL_buf2hexstr_ex(hex, 2 * len + 1, NULL, data, len, '\0')) {
		free(hex);
		return NULL;
	}
	for (p = hex; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return hex;
}

/**
 * zkhsm_unhex() - read hexadecimal
 *
 * OpenSSL's reader takes upper case and separators too; one encoding per value
 * is the rule here, so the characters are looked at first.
 *
 * Return: 0, or -EBADMSG unless @hex is exactly 2 * @len lower-case digits.
 */
int zkhsm_unhex(const char *hex, void *out, size_t len)
{
	size_t written;

	if (strlen(hex) != 2 * len || strspn(hex, "0123456789abcdef") != 2 * len)
		return -EBADMSG;
	if (!len)
		return 0;
	if (!OPENSSL_hexstr2buf_ex(out, len, &written, hex, '\0') || written != len)
		return -EBADMSG;
	return 0;
}

/* Return: NULL when out of memory. */
char *zkhsm_b64(const void *data, size_t len)
{
	size_t size = jose_b64_enc_buf(NULL, len, NULL, 0);
	char *text;

	if (size == SIZE_MAX)
		return NULL;
	text = malloc(size + 1);
	if (!text)
		return NULL;
	if (len && jose_b64_enc_buf(data, len, text, size) != size) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

/**
 * zkhsm_unb64() - read base64url without padding
 *
 * The last character of a group may carry bits that decoders ignore; encoding
 * the result again finds these, and everything else that is not canonical.
 *
 * Return: 0 with *@out for the caller to free; -EBADMSG, -ENOMEM.
 */
int zkhsm_unb64(const char *b64, uint8_t **out, size_t *len)
{
	size_t text_len = strlen(b64);
	size_t size = jose_b64_dec_buf(NULL, text_len, NULL, 0);
	uint8_t *data;
	char *again;
	int ret = 0;

	if (size == SIZE_MAX)
		return -EBADMSG;
	data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	if (text_len && jose_b64_dec_buf(b64, text_len, data, size) != size) {
		OPENSSL_cleanse(data, size);
		free(data);
		return -EBADMSG;
	}
	data[size] = '\0';

	again = zkhsm_b64(data, size);
	if (!again)
		ret = -ENOMEM;
	else if (strcmp(again, b64))
		ret = -EBADMSG;
	/* It may be a secret, and then the caller wipes only what he gets. */
	if (again)
		OPENSSL_cleanse(again, strlen(again));
	free(again);
	if (ret) {
		OPENSSL_cleanse(data, size);
		free(data);
		return ret;
	}
	*out = data;
	*len = size;
	return 0;
}

void zkhsm_sha256(const void *data, size_t len, uint8_t out[32])
{
	SHA256_CTX ctx;

	SHA256_Init(&ctx);
	SHA256_Update(&ctx, data, len);
	SHA256_Final(out, &ctx);
}

void zkhsm_element_name(uint16_t suite, const uint8_t public[65], uint8_t out[32])
{
	uint8_t input[ZKHSM_ELEMENT_INPUT_LEN];

	zkhsm_element_input(suite, public, input);
	zkhsm_sha256(input, sizeof(input), out);
}

/*
 * realloc() would leave copies of what may be a secret behind.
 */
static int grow(uint8_t **data, size_t used, size_t *size, size_t max)
{
	size_t larger = *size ? *size * 2 : 4096;
	uint8_t *p;

	if (larger > max + 1)
		larger = max + 1;
	p = malloc(larger + 1);
	if (!p)
		return -ENOMEM;
	if (*data) {
		memcpy(p, *data, used);
		OPENSSL_cleanse(*data, used);
		free(*data);
	}
	*data = p;
	*size = larger;
	return 0;
}

static int read_all(int fd, size_t max, uint8_t **data, size_t *len)
{
	size_t size = 0;
	ssize_t n;

	for (;;) {
		if (*len == size) {
			int ret = *len > max ? -EFBIG : grow(data, *len, &size, max);

			if (ret)
				return ret;
		}
		n = read(fd, *data + *len, size - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return *len > max ? -EFBIG : 0;
		*len += (size_t)n;
	}
}

/**
 * zkhsm_read_file() - a whole file, or what a pipe gives until it ends
 * @path: its name
 * @max: most bytes taken
 * @out: the bytes and a terminator that *@len does not count; caller frees, and
 *	 wipes when it is a secret: no other copy is left
 * @len: how many
 * @err: why not
 *
 * Return: 0; -EFBIG when larger than @max; what open() and read() say.
 */
int zkhsm_read_file(const char *path, size_t max, uint8_t **out, size_t *len,
		    struct zkhsm_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int ret;

	*out = NULL;
	*len = 0;
	if (fd < 0)
		return zkhsm_fail(err, -errno, "cannot open %s: %s", path, strerror(errno));
	ret = read_all(fd, max, out, len);
	close(fd);
	if (!ret) {
		(*out)[*len] = '\0';
		return 0;
	}
	if (*out)
		OPENSSL_cleanse(*out, *len);
	free(*out);
	*out = NULL;
	*len = 0;
	if (ret == -EFBIG)
		return zkhsm_fail(err, ret, "%s is larger than %zu bytes", path, max);
	return zkhsm_fail(err, ret, "cannot read %s: %s", path, strerror(-ret));
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The rename is on the disk only when the directory is. */
static int sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd, ret = 0;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(copy);
	if (fd < 0)
		return -errno;
	if (fsync(fd))
		ret = -errno;
	close(fd);
	return ret;
}

static int write_beside(char *temporary, const void *data, size_t len, int mode)
{
	int fd = mkostemp(temporary, O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = write_all(fd, data, len);
	if (!ret && (fchmod(fd, (mode_t)mode) || fsync(fd)))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (ret)
		unlink(temporary);
	return ret;
}

/* @flags: of renameat2(). Return: 0, or the errno of what failed. */
static int put_file(const char *path, const void *data, size_t len, int mode, unsigned int flags)
{
	char *temporary;
	int ret;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	ret = write_beside(temporary, data, len, mode);
	if (!ret && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, flags)) {
		ret = -errno;
		unlink(temporary);
	}
	free(temporary);
	return ret ? ret : sync_directory(path);
}

/* zkhsm_write_file(), but -EEXIST when there is anything of this name. */
int zkhsm_write_new_file(const char *path, const void *data, size_t len, int mode,
			 struct zkhsm_error *err)
{
	int ret = put_file(path, data, len, mode, RENAME_NOREPLACE);

	return ret ? zkhsm_fail(err, ret, "cannot write %s: %s", path, strerror(-ret)) : 0;
}

/**
 * zkhsm_write_file() - replace a file, or leave it as it was
 * @path: its name; what stands there already must be a regular file or a link
 * @mode: its permissions, whatever the umask is; nobody sees it with others
 * @data: what to write
 * @len: how many bytes
 * @err: why not
 *
 * Return: 0 when it is on the disk; -EINVAL for a device or a directory; what
 * the system calls say.
 */
int zkhsm_write_file(const char *path, const void *data, size_t len, int mode,
		     struct zkhsm_error *err)
{
	struct stat st;
	int ret;

	if (!lstat(path, &st) && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		return zkhsm_fail(err, -EINVAL, "%s is not a regular file", path);
	ret = put_file(path, data, len, mode, 0);
	if (ret)
		return zkhsm_fail(err, ret, "cannot write %s: %s", path, strerror(-ret));
	return 0;
}
