// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_list.c - the list L that the newest evidence is about
 */
#include <errno.h>
#include <stdlib.h>

#include "cli.h"

static json_t *rows(const struct zkhsm_keylist *l)
{
	json_t *array = json_array();
	struct zkhsm_list_entry e;

	for (size_t i = 0; i < zkhsm_keylist_count(l); i++)
		json_array_append_new(array, json_list_entry(zkhsm_keylist_entry(l, i, &e)));
	return array;
}

int cmd_list_get(struct cli *cli)
{
	struct zkhsm_keylist *l = NULL;
	struct zkhsm_hsm_info info;
	uint8_t *list = NULL;
	bool done = false;
	size_t len = 0;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_get(cli->nl, &info, &cli->err);
	if (ret)
		return ret;
	if (!info.has_list_digest)
		return zkhsm_fail(&cli->err, -ENOENT, "there has been no evidence yet, so no list");
	ret = zkhsm_list_get(cli->nl, info.list_digest, &list, &len, &cli->err);
	ret = ret ? ret : cli_write_out(cli, list, len, 0644, &done);
	if (!ret && (!done || cli->json))
		ret = zkhsm_keylist_new(list, len, &l, &cli->err);
	if (!ret && l)
		ret = cli_emit_table(cli, rows(l), "id,state,origin,usage,flags,element");
	if (l)
		zkhsm_keylist_free(l);
	free(list);
	return ret;
}
