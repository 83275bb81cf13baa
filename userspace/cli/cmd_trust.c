// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_trust.c - managers pinned in the kernel
 */
#include <errno.h>
#include <stdlib.h>
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
		return cli_emit_table(cli, managers, "manager-id,label,last-number,tombstones,pending");
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

/*
 * The number after the last that the kernel has applied: from the evidence, if
 * it answers this manager, or from the kernel here.
 */
static int next_number(struct cli *cli, const struct cli_change *change, const uint8_t id[32],
		       uint64_t *number)
{
	const struct zkhsm_statement *s = &change->evidence;
	struct zkhsm_manager_info info;
	uint32_t given = 0;
	int ret;

	if (cli->value[OPT_NUMBER]) {
		ret = cli_u32(cli, OPT_NUMBER, 1, UINT32_MAX, &given);
		*number = given;
		return ret;
	}
	if (!cli->value[OPT_EVIDENCE_FILE]) {
		ret = zkhsm_trust_get(cli->nl, id, &info, &cli->err);
		*number = ret ? 0 : info.last_number + 1;
		return ret;
	}
	for (uint32_t i = 0; i < s->challenge_count; i++) {
		if (memcmp(s->challenges[i].manager_id, id, 32) == 0) {
			*number = s->challenges[i].last_number + 1;
			return 0;
		}
	}
	return cli_usage(cli, "the evidence does not tell this manager's last order: give --number");
}

/* An order of the manager whose key this is, for every HSM host that has pinned it. */
static int sign_change(struct cli *cli, const struct cli_change *change, uint8_t **order,
		       size_t *len, uint64_t *number)
{
	uint8_t public[65], id[32];
	EVP_PKEY *key;
	int ret;

	ret = zkhsm_signer_load(cli->value[OPT_SIGNING_KEY], &key, &cli->err);
	if (ret)
		return ret;
	if (zkhsm_signer_public(key, public))
		ret = zkhsm_fail(&cli->err, -EINVAL, "the key in %s is not on P-256",
				 cli->value[OPT_SIGNING_KEY]);
	if (!ret) {
		zkhsm_sha256(public, sizeof(public), id);
		ret = next_number(cli, change, id, number);
	}
	ret = ret ? ret : zkhsm_trust_change_make(key, change->hsm_id, *number, change->previous,
						  change->bytes, change->len, order, len,
						  &cli->err);
	EVP_PKEY_free(key);
	return ret;
}

/*
 * With --key the order itself, for order apply; without it the new C, which
 * "manager trust-change --config" gives to each manager, all the same bytes.
 */
int cmd_trust_change(struct cli *cli)
{
	struct cli_change change;
	uint8_t *order = NULL;
	uint64_t number = 0;
	size_t len = 0;
	bool done;
	json_t *o;
	int ret;

	if (cli->value[OPT_NUMBER] && !cli->value[OPT_SIGNING_KEY])
		return cli_usage(cli, "--number is of an order, which needs --key");
	ret = cli_change(cli, &change);
	if (ret)
		return ret;
	if (cli->value[OPT_SIGNING_KEY])
		ret = sign_change(cli, &change, &order, &len, &number);
	if (!ret && order)
		ret = cli_write_out(cli, order, len, 0644, &done);
	else if (!ret)
		ret = cli_write_out(cli, change.bytes, change.len, 0644, &done);
	free(order);
	if (ret)
		return ret;
	o = json_change(&change);
	if (number)
		json_put_number(o, "number", number);
	json_put_text(o, "file", cli->value[OPT_OUT]);
	return cli_emit(cli, o);
}
