// SPDX-License-Identifier: GPL-2.0
/*
 * bundle.c - evidence with all it takes to verify it, in one file
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"

#define LIST_MAX_LEN	(ZKHSM_LIST_HEAD_LEN + (size_t)ZKHSM_KEYS_MAX * ZKHSM_LIST_ENTRY_MAX_LEN)
/* base64 of the list, and room for the rest */
#define BUNDLE_MAX_LEN	(LIST_MAX_LEN / 3 * 4 + 65536)

static void put_blob(json_t *o, const char *name, const struct blob *b)
{
	char *text = b->len ? zkhsm_b64(b->data, b->len) : NULL;

	if (text)
		json_object_set_new(o, name, json_string(text));
	free(text);
}

json_t *bundle_json(const struct bundle *b)
{
	json_t *o = json_pack("{s:s, s:i}", "format", "zkhsm-evidence", "version", 1);

	put_blob(o, "evidence", &b->evidence);
	put_blob(o, "announcement", &b->announcement);
	put_blob(o, "list", &b->list);
	put_blob(o, "configuration", &b->configuration);
	return o;
}

static int get_blob(struct cli *cli, const json_t *o, const char *name, bool needed,
		    struct blob *b)
{
	const json_t *v = json_object_get(o, name);

	if (!v && !needed)
		return 0;
	if (!json_is_string(v) || zkhsm_unb64(json_string_value(v), &b->data, &b->len))
		return zkhsm_fail(&cli->err, -EBADMSG, "the bundle's \"%s\" is %s", name,
				  v ? "not base64url" : "missing");
	return 0;
}

static int from_json(struct cli *cli, const json_t *o, struct bundle *b)
{
	const char *format = json_string_value(json_object_get(o, "format"));
	int ret;

	if (!format || strcmp(format, "zkhsm-evidence") != 0 ||
	    json_integer_value(json_object_get(o, "version")) != 1)
		return zkhsm_fail(&cli->err, -EBADMSG,
				  "neither evidence nor an evidence bundle of version 1");
	ret = get_blob(cli, o, "evidence", true, &b->evidence);
	ret = ret ? ret : get_blob(cli, o, "announcement", false, &b->announcement);
	ret = ret ? ret : get_blob(cli, o, "list", true, &b->list);
	return ret ? ret : get_blob(cli, o, "configuration", true, &b->configuration);
}

int bundle_read(struct cli *cli, const char *path, struct bundle *b)
{
	struct blob file = { 0 };
	json_t *o = NULL;
	int ret;

	memset(b, 0, sizeof(*b));
	ret = zkhsm_read_file(path, BUNDLE_MAX_LEN, &file.data, &file.len, &cli->err);
	if (ret)
		return ret;
	if (file.len >= ZKHSM_MAGIC_LEN && memcmp(file.data, ZKHSM_MAGIC, ZKHSM_MAGIC_LEN) == 0) {
		b->evidence = file;
		if (!cli->value[OPT_LIST_FILE] || !cli->value[OPT_CONFIG_FILE]) {
			ret = cli_usage(cli, "bare evidence needs --list and --config");
		} else {
			ret = zkhsm_read_file(cli->value[OPT_LIST_FILE], LIST_MAX_LEN,
					      &b->list.data, &b->list.len, &cli->err);
			ret = ret ? ret :
				zkhsm_read_file(cli->value[OPT_CONFIG_FILE],
						ZKHSM_CONFIGURATION_MAX_LEN,
						&b->configuration.data, &b->configuration.len,
						&cli->err);
		}
	} else {
		ret = cli_json_load(cli, path, file.data, file.len, &o);
		ret = ret ? ret : from_json(cli, o, b);
		json_decref(o);
		free(file.data);
	}
	if (ret)
		bundle_free(b);
	return ret;
}

void bundle_free(struct bundle *b)
{
	free(b->evidence.data);
	free(b->announcement.data);
	free(b->list.data);
	free(b->configuration.data);
	memset(b, 0, sizeof(*b));
}
