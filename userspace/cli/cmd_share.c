// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_share.c - a KEK's shares: made here, entered one by one
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli.h"

static json_t *json_share(const struct zkhsm_share_info *s)
{
	json_t *o = json_object();

	json_put_number(o, "threshold", s->threshold);
	json_put_number(o, "entered", s->entered);
	json_object_set_new(o, "complete", json_boolean(s->complete));
	if (s->threshold)
		json_put_hex(o, "kek-id", s->kek_id, sizeof(s->kek_id));
	return o;
}

static char *share_path(const char *dir, uint32_t index, uint32_t count)
{
	char *path;

	return asprintf(&path, "%s/zkhsm-share-%u-of-%u.txt", dir, index, count) < 0 ? NULL : path;
}

/* All shares or none: what has been written is taken back if another one cannot be. */
static int write_shares(struct cli *cli, uint8_t (*shares)[ZKHSM_SHARE_LEN], uint32_t count,
			json_t *files)
{
	const char *label = cli->value[OPT_LABEL];
	char text[ZKHSM_SHARE_TEXT_SIZE], *path;
	json_t *file;
	size_t n;
	int ret = 0;

	for (uint32_t i = 0; !ret && i < count; i++) {
		path = share_path(cli->value[OPT_OUT_DIR], i + 1, count);
		if (!path)
			ret = zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
		ret = ret ? ret : zkhsm_share_text(shares[i], count, label, text, &cli->err);
		ret = ret ? ret : zkhsm_write_new_file(path, text, strlen(text), 0600, &cli->err);
		if (!ret)
			json_array_append_new(files, json_string(path));
		free(path);
	}
	memzero_explicit(text, sizeof(text));
	if (!ret)
		return 0;
	json_array_foreach(files, n, file) {
		unlink(json_string_value(file));
	}
	return ret;
}

int cmd_share_split(struct cli *cli)
{
	uint8_t shares[ZKHSM_SHARES_MAX][ZKHSM_SHARE_LEN], kek[ZKHSM_KEK_LEN];
	uint8_t kek_id[ZKHSM_KEK_ID_LEN];
	uint32_t count = 0, threshold = 0;
	bool given = cli->value[OPT_KEK_FILE];
	json_t *o, *files;
	int ret;

	ret = cli_u32(cli, OPT_SHARES_COUNT, 2, ZKHSM_SHARES_MAX, &count);
	ret = ret ? ret : cli_u32(cli, OPT_THRESHOLD, 2, count, &threshold);
	if (ret)
		return ret;
	if (given)
		ret = cli_read_kek(cli, kek);
	ret = ret ? ret : zkhsm_share_split(given ? kek : NULL, threshold, count, shares, kek_id,
					    &cli->err);
	memzero_explicit(kek, sizeof(kek));
	if (ret)
		return ret;
	files = json_array();
	ret = write_shares(cli, shares, count, files);
	memzero_explicit(shares, sizeof(shares));
	if (ret) {
		json_decref(files);
		return ret;
	}
	o = json_object();
	json_put_hex(o, "kek-id", kek_id, sizeof(kek_id));
	json_put_number(o, "shares", count);
	json_put_number(o, "threshold", threshold);
	json_object_set_new(o, "files", files);
	return cli_emit(cli, o);
}

/* Whether what was typed so far is all that will be. */
static bool typed_all(const char *text)
{
	static const char first[] = "-----BEGIN", last[] = "-----END ZKHSM SHARE-----\n";
	uint8_t share[ZKHSM_SHARE_LEN];
	size_t len = strlen(text);
	bool done;

	if (strncmp(text, first, strlen(first)) == 0)
		return len > strlen(last) && strcmp(text + len - strlen(last), last) == 0;
	done = !zkhsm_share_parse(text, share, NULL);
	memzero_explicit(share, sizeof(share));
	/* An empty line says that more is not to come, however little there is. */
	return done || (len > 1 && strcmp(text + len - 2, "\n\n") == 0) || strcmp(text, "\n") == 0;
}

/* Until it ends, or at a terminal until what was typed is whole. */
static int read_input(struct cli *cli, char *text, size_t size, bool terminal)
{
	size_t len = 0;
	ssize_t n;

	text[0] = '\0';
	do {
		n = read(STDIN_FILENO, text + len, size - 1 - len);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n < 0)
			return zkhsm_fail(&cli->err, -errno, "standard input: %s", strerror(errno));
		len += (size_t)n;
		text[len] = '\0';
		if (len == size - 1)
			return zkhsm_fail(&cli->err, -EBADMSG, "this is longer than a share");
	} while (n && !(terminal && typed_all(text)));
	return strlen(text) == len ? 0 : zkhsm_fail(&cli->err, -EBADMSG, "this is not text");
}

/*
 * A share typed at the terminal, which does not show it. Keys that make signals
 * make none meanwhile, so that none leaves a terminal that stays silent.
 */
static int read_terminal(struct cli *cli, char *text, size_t size)
{
	struct termios was, quiet;
	int ret;

	if (tcgetattr(STDIN_FILENO, &was))
		return zkhsm_fail(&cli->err, -errno, "the terminal: %s", strerror(errno));
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	quiet.c_lflag |= ICANON;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet))
		return zkhsm_fail(&cli->err, -errno, "the terminal: %s", strerror(errno));
	fputs("Share, which will not be shown; an empty line ends it:\n", stderr);
	ret = read_input(cli, text, size, true);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	return ret;
}

/* From a file, a pipe or the terminal; the caller wipes @share. */
static int read_share(struct cli *cli, uint8_t share[ZKHSM_SHARE_LEN])
{
	const char *path = cli->args[0];
	char typed[2 * ZKHSM_SHARE_TEXT_SIZE];
	uint8_t *file;
	size_t len;
	int ret;

	if (strcmp(path, "-") == 0) {
		ret = isatty(STDIN_FILENO) ? read_terminal(cli, typed, sizeof(typed)) :
			read_input(cli, typed, sizeof(typed), false);
		ret = ret ? ret : zkhsm_share_parse(typed, share, &cli->err);
		memzero_explicit(typed, sizeof(typed));
		return ret;
	}
	ret = zkhsm_read_file(path, sizeof(typed), &file, &len, &cli->err);
	if (ret)
		return ret;
	if (strlen((char *)file) != len)
		ret = zkhsm_fail(&cli->err, -EBADMSG, "%s is not text", path);
	else
		ret = zkhsm_share_parse((char *)file, share, &cli->err);
	memzero_explicit(file, len);
	free(file);
	return ret;
}

/* The way of an import: through the keyring, and out of it whatever the kernel says. */
int cmd_share_enter(struct cli *cli)
{
	uint8_t share[ZKHSM_SHARE_LEN];
	struct zkhsm_share_info info;
	struct zkhsm_error ignored;
	int32_t serial;
	int ret;

	/* Nobody types a share for a module that is not there. */
	ret = cli_open(cli);
	ret = ret ? ret : read_share(cli, share);
	if (ret)
		return ret;
	ret = zkhsm_keyring_add(share, sizeof(share), &serial, &cli->err);
	memzero_explicit(share, sizeof(share));
	if (ret)
		return ret;
	ret = zkhsm_share_new(cli->nl, serial, &info, &cli->err);
	if (ret)
		zkhsm_keyring_revoke(serial, &ignored);
	else
		ret = zkhsm_keyring_revoke(serial, &cli->err);
	return ret ? ret : cli_emit(cli, json_share(&info));
}

int cmd_share_status(struct cli *cli)
{
	struct zkhsm_share_info info;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_share_get(cli->nl, NULL, &info, &cli->err);
	return ret ? ret : cli_emit(cli, json_share(&info));
}

int cmd_share_forget(struct cli *cli)
{
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_share_del(cli->nl, NULL, &cli->err);
	return ret ? ret : cli_emit(cli, json_pack("{s:b}", "forgotten", 1));
}
