// SPDX-License-Identifier: GPL-2.0
/*
 * key_file.c - keys in files of the state directory
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key.h"
#include "log.h"

/* One that others could have read is not the manager's alone. */
static int check_mode(const char *path, struct zkhsm_error *err)
{
	struct stat st;

	if (stat(path, &st))
		return zkhsm_fail(err, -errno, "%s: %s", path, strerror(errno));
	if (st.st_mode & 077)
		return zkhsm_fail(err, -EACCES,
				  "%s has mode %03o: a key that others may read or write is not used",
				  path, st.st_mode & 0777);
	return 0;
}

int zkhsmd_key_file(const char *dir, const char *name, bool make, EVP_PKEY **key,
		    struct zkhsm_error *err)
{
	char path[320];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (access(path, F_OK) == 0) {
		ret = check_mode(path, err);
		return ret ? ret : zkhsm_signer_load(path, key, err);
	}
	if (!make)
		return zkhsm_fail(err, -ENOENT,
				  "%s is missing, but %s/zkhsmd.db was written with it: restore both, or neither",
				  path, dir);
	ret = zkhsm_signer_generate(key, err);
	if (!ret)
		ret = zkhsm_signer_save(path, *key, err);
	if (!ret)
		log_event(LOG_LEVEL_INFO, "key-made", "file", path, NULL);
	return ret;
}

static int open_file(const char *what, const char *dir, bool make, struct zkhsmd_order_key *out,
		     struct zkhsm_error *err)
{
	if (strcmp(what, "file") != 0)
		return zkhsm_fail(err, -EINVAL, "order_key = file takes nothing more, not \"%s\"",
				  what);
	return zkhsmd_key_file(dir, "order.key", make, &out->pkey, err);
}

const struct zkhsmd_key_backend zkhsmd_key_file_backend = {
	.prefix = "file",
	.open = open_file,
};
