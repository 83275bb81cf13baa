// SPDX-License-Identifier: GPL-2.0
/*
 * relying_state.c - the highest number of each manager's revocation list, so that
 * nobody can show an older one
 *
 * A file that several programs may share: {"lists": {issuer: number}}. Whoever
 * raises a number does it under a lock beside it, on what stands there then.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "relying_private.h"

#define STATE_MAX_LEN	65536

struct relying_state {
	char path[ZKHSM_RELYING_PATH_MAX];
	json_t *numbers;
};

static bool numbers_valid(const json_t *numbers)
{
	const char *issuer;
	json_t *number;

	if (!json_is_object(numbers))
		return false;
	json_object_foreach((json_t *)(uintptr_t)numbers, issuer, number)
		if (!json_is_integer(number) || json_integer_value(number) < 0)
			return false;
	return true;
}

/* A file that is not there has no numbers; one that is not understood is no such file. */
static int read_numbers(const char *path, json_t **out, struct zkhsm_error *err)
{
	json_t *file;
	uint8_t *data;
	size_t len;
	int ret;

	*out = NULL;
	ret = zkhsm_read_file(path, STATE_MAX_LEN, &data, &len, err);
	if (ret == -ENOENT) {
		*out = json_object();
		return 0;
	}
	if (ret)
		return ret;
	file = json_loadb((const char *)data, len, JSON_REJECT_DUPLICATES, NULL);
	free(data);
	if (numbers_valid(json_object_get(file, "lists")))
		*out = json_incref(json_object_get(file, "lists"));
	json_decref(file);
	return *out ? 0 : zkhsm_fail(err, -EBADMSG, "%s is not a state of a relying party", path);
}

/* The higher one of each, so that no memory is older than the file. */
static void merge(json_t *into, const json_t *from)
{
	const char *issuer;
	json_t *number;

	json_object_foreach((json_t *)(uintptr_t)from, issuer, number)
		if (json_integer_value(json_object_get(into, issuer)) < json_integer_value(number))
			json_object_set(into, issuer, number);
}

static int lock(const char *path, int *fd, struct zkhsm_error *err)
{
	char name[ZKHSM_RELYING_PATH_MAX + 8];
	int ret;

	snprintf(name, sizeof(name), "%s.lock", path);
	*fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd >= 0 && !flock(*fd, LOCK_EX))
		return 0;
	ret = -errno;
	if (*fd >= 0)
		close(*fd);
	return zkhsm_fail(err, ret, "cannot lock %.256s: %s", name, strerror(-ret));
}

static int write_numbers(struct relying_state *s, struct zkhsm_error *err)
{
	json_t *file = json_pack("{s:O}", "lists", s->numbers);
	char *text = file ? json_dumps(file, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	int ret;

	json_decref(file);
	if (!text)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	ret = zkhsm_write_file(s->path, text, strlen(text), 0600, err);
	free(text);
	return ret;
}

int relying_state_open(const char *path, struct relying_state **out, struct zkhsm_error *err)
{
	struct relying_state *s = calloc(1, sizeof(*s));
	int ret = 0;

	*out = NULL;
	if (!s)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	snprintf(s->path, sizeof(s->path), "%s", path);
	if (*path)
		ret = read_numbers(path, &s->numbers, err);
	else
		s->numbers = json_object();
	if (ret) {
		free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void relying_state_close(struct relying_state *s)
{
	if (!s)
		return;
	json_decref(s->numbers);
	free(s);
}

static bool behind(const struct relying_state *s, const char *issuer, uint64_t number)
{
	return number < (uint64_t)json_integer_value(json_object_get(s->numbers, issuer));
}

static int raise_number(struct relying_state *s, const char *issuer, uint64_t number,
			struct zkhsm_error *err)
{
	json_t *stored;
	int ret, fd;

	ret = lock(s->path, &fd, err);
	if (ret)
		return ret;
	ret = read_numbers(s->path, &stored, err);
	if (!ret) {
		merge(s->numbers, stored);
		if (behind(s, issuer, number))
			ret = -ESTALE;
		else if ((uint64_t)json_integer_value(json_object_get(stored, issuer)) < number ||
			 !json_object_get(stored, issuer))
			ret = json_object_set_new(s->numbers, issuer,
						  json_integer((json_int_t)number)) ?
			      zkhsm_fail(err, -ENOMEM, "out of memory") : write_numbers(s, err);
		json_decref(stored);
	}
	close(fd);
	return ret;
}

int relying_state_see(struct relying_state *s, const char *issuer, uint64_t number,
		      struct zkhsm_error *err)
{
	int ret = 0;

	if (number > INT64_MAX)
		return zkhsm_fail(err, -EBADMSG, "no list has such a number");
	if (s->path[0])
		ret = raise_number(s, issuer, number, err);
	else if (behind(s, issuer, number))
		ret = -ESTALE;
	else if (json_object_set_new(s->numbers, issuer, json_integer((json_int_t)number)))
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
	if (ret == -ESTALE)
		zkhsm_fail(err, ret, "number %llu, after number %lld was seen",
			   (unsigned long long)number,
			   (long long)json_integer_value(json_object_get(s->numbers, issuer)));
	return ret;
}
