// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_trust.c - managers pinned in the kernel
 */
#include <errno.h>
#include <string.h>

#include "cli.h"

/*
 * Trust on the word of the CA in --ca: the manager says which key it orders
 * with, and that its id is the digest of that key.
 */
static int key_from_manager(struct cli *cli, uint8_t public[65])
{
	uint8_t id[32], digest[32];
	struct zkhsm_https *h;
	json_t *info = NULL;
	const char *key, *manager;
	int ret;

	ret = cli_connect(cli, cli->value[OPT_FROM_MANAGER], false, &h);
	if (ret)
		return ret;
	ret = cli_request(cli, h, "GET", "/.well-known/zkhsm/manager", NULL, &info);
	zkhsm_https_free(h);
	if (ret)
		return ret;
	key = json_string_value(json_object_get(info, "order_key"));
	manager = json_string_value(json_object_get(info, "manager_id"));
	if (!key || !manager || zkhsm_unhex(key, public, 65) || zkhsm_unhex(manager, id, 32)) {
		ret = zkhsm_fail(&cli->err, -EBADMSG,
				 "the manager gave no order_key and manager_id");
	} else {
		zkhsm_sha256(public, 65, digest);
		if (memcmp(digest, id, 32) != 0)
			ret = zkhsm_fail(&cli->err, -EKEYREJECTED,
					 "the manager's id is not the digest of its order key");
	}
	json_decref(info);
	return ret;
}

int cmd_trust_new(struct cli *cli)
{
	const char *label = cli->value[OPT_LABEL];
	struct zkhsm_manager_info info;
	uint8_t public[65];
	int ret;

	if (!cli->value[OPT_KEY_HEX] == !cli->value[OPT_FROM_MANAGER])
		return cli_usage(cli, "needs either --key or --from-manager");
	if (!*label || strlen(label) > ZKHSM_LABEL_MAX_LEN)
		return cli_usage(cli, "--label has 1 to %d bytes", ZKHSM_LABEL_MAX_LEN);
	if (cli->value[OPT_KEY_HEX])
		ret = cli_hex(cli, "--key", cli->value[OPT_KEY_HEX], public, sizeof(public));
	else
		ret = key_from_manager(cli, public);
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_trust_new(cli->nl, public, label, &info, &cli->err);
	ret = ret ? ret : cli_durable(cli);
	return ret ? ret : cli_emit(cli, json_manager(&info));
}

static int add_manager(const struct zkhsm_manager_info *m, void *arg)
{
	return json_array_append_new(arg, json_manager(m)) ? -ENOMEM : 0;
}

int cmd_trust_list(struct cli *cli)
{
	json_t *managers = json_array();
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_trust_list(cli->nl, add_manager, managers, &cli->err);
	if (!ret)
		return cli_emit_table(cli, managers, "manager-id,label,last-number,tombstones");
	json_decref(managers);
	return ret;
}

int cmd_trust_get(struct cli *cli)
{
	struct zkhsm_manager_info info;
	uint8_t id[32];
	int ret;

	ret = cli_hex(cli, "MANAGER-ID", cli->args[0], id, sizeof(id));
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_trust_get(cli->nl, id, &info, &cli->err);
	return ret ? ret : cli_emit(cli, json_manager(&info));
}

int cmd_trust_del(struct cli *cli)
{
	uint8_t id[32];
	int ret;

	ret = cli_hex(cli, "MANAGER-ID", cli->args[0], id, sizeof(id));
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_trust_del(cli->nl, id, &cli->err);
	ret = ret ? ret : cli_durable(cli);
	return ret ? ret : cli_emit(cli, json_pack("{s:s, s:b}", "manager-id", cli->args[0],
						   "deleted", 1));
}
