// SPDX-License-Identifier: GPL-2.0
/*
 * kek.c - the KEK of an HSM whose KEK comes from a keyring
 *
 * Only its serial goes to the kernel. One from a file is put into the process's
 * own keyring for as long as the request takes.
 */
#include <errno.h>
#include <keyutils.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int cli_read_kek(struct cli *cli, uint8_t kek[ZKHSM_KEK_LEN])
{
	const char *path = cli->value[OPT_KEK_FILE];
	uint8_t *file;
	size_t len;
	int ret;

	ret = zkhsm_read_file(path, 2 * ZKHSM_KEK_LEN, &file, &len, &cli->err);
	if (ret)
		return ret;
	if (len == ZKHSM_KEK_LEN)
		memcpy(kek, file, ZKHSM_KEK_LEN);
	else
		ret = zkhsm_fail(&cli->err, -EINVAL, "%s holds %zu bytes, and a KEK has %d", path,
				 len, ZKHSM_KEK_LEN);
	memzero_explicit(file, len);
	free(file);
	return ret;
}

static int from_file(struct cli *cli, int32_t *serial)
{
	uint8_t kek[ZKHSM_KEK_LEN];
	int ret;

	ret = cli_read_kek(cli, kek);
	ret = ret ? ret : zkhsm_keyring_add(kek, sizeof(kek), serial, &cli->err);
	memzero_explicit(kek, sizeof(kek));
	return ret;
}

/* As whoever loads it at boot named it, in a keyring that this process possesses. */
static int by_name(struct cli *cli, int32_t *serial)
{
	const char *name = cli->value[OPT_KEK_KEY];
	key_serial_t key;

	key = request_key("logon", name, NULL, 0);
	if (key == -1)
		key = request_key("user", name, NULL, 0);
	if (key == -1)
		return zkhsm_fail(&cli->err, -errno, "keyring key %s: %s", name, strerror(errno));
	*serial = key;
	return 0;
}

int cli_kek(struct cli *cli, int32_t *serial)
{
	uint32_t n = 0;
	int ret;

	*serial = 0;
	/* --shares says only what is meant: the kernel has them, or refuses. */
	if (!!cli->value[OPT_KEK_FILE] + !!cli->value[OPT_KEK] + !!cli->value[OPT_KEK_KEY] +
	    !!cli->value[OPT_SHARES] > 1)
		return cli_usage(cli, "one of --kek-file, --kek, --kek-key and --shares");
	if (cli->value[OPT_KEK_FILE])
		return from_file(cli, serial);
	if (cli->value[OPT_KEK_KEY])
		return by_name(cli, serial);
	ret = cli_u32(cli, OPT_KEK, 1, INT_MAX, &n);
	*serial = (int32_t)n;
	return ret;
}

int cli_kek_done(struct cli *cli, int32_t serial, int ret)
{
	struct zkhsm_error ignored;
	int left;

	if (!cli->value[OPT_KEK_FILE] || !serial)
		return ret;
	/* What worked but left the KEK in the keyring has not worked. */
	left = zkhsm_keyring_revoke(serial, ret ? &ignored : &cli->err);
	return ret ? ret : left;
}
