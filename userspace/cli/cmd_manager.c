// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_manager.c - a manager's administration, over HTTPS
 *
 * Answers are shown as Documentation/https-api.rst describes them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* One request, its answer in @answer (NULL: none expected). */
static int request(struct cli *cli, bool admin, const char *method, const char *path,
		   json_t *body, json_t **answer)
{
	struct zkhsm_https *h;
	int ret;

	ret = cli_connect_manager(cli, admin, &h);
	if (ret) {
		json_decref(body);
		return ret;
	}
	ret = cli_request(cli, h, method, path, body, answer);
	zkhsm_https_free(h);
	return ret;
}

/* Arguments become parts of paths: an HSM id, of whatever it was called. */
static int hsm_path(struct cli *cli, const char *format, const char *hsm, char path[512])
{
	char id[65];
	int ret;

	ret = cli_hsm(cli, hsm, id);
	if (ret)
		return ret;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(path, 512, format, id);
#pragma GCC diagnostic pop
	return 0;
}

/* The array in @answer, or the one member of it that is an array. */
static json_t *rows_of(json_t *answer)
{
	const char *name;
	json_t *v, *rows = json_is_array(answer) ? answer : NULL;

	json_object_foreach(answer, name, v) {
		if (json_is_array(v) && !rows)
			rows = v;
	}
	return rows ? json_incref(rows) : json_array();
}

static int show_rows(struct cli *cli, const char *path, const char *columns)
{
	json_t *answer, *rows;
	int ret;

	ret = request(cli, true, "GET", path, NULL, &answer);
	if (ret)
		return ret;
	if (cli->json)
		return cli_emit(cli, answer);
	rows = rows_of(answer);
	json_decref(answer);
	return cli_emit_table(cli, rows, columns);
}

/* Large stores take longer than the answer is waited for; the backup is made all the same. */
int cmd_manager_backup(struct cli *cli)
{
	json_t *answer;
	int ret = request(cli, true, "POST", "/v1/admin/backup", NULL, &answer);

	return ret ? ret : cli_emit(cli, answer);
}

int cmd_manager_info(struct cli *cli)
{
	json_t *answer;
	int ret;

	ret = request(cli, false, "GET", "/.well-known/zkhsm/manager", NULL, &answer);
	return ret ? ret : cli_emit(cli, answer);
}

int cmd_manager_pending(struct cli *cli)
{
	return show_rows(cli, "/v1/admin/pending", "hsm_id,config_digest,keys,source");
}

int cmd_manager_list(struct cli *cli)
{
	return show_rows(cli, "/v1/admin/hsms", "hsm_id,name,state,number,keys,age_ms");
}

int cmd_manager_orders(struct cli *cli)
{
	char path[512];
	int ret;

	ret = hsm_path(cli, "/v1/admin/orders/%s", cli->args[0], path);
	return ret ? ret : show_rows(cli, path, "number,type,reason,elements,applied,created_ms");
}

int cmd_manager_enrol(struct cli *cli)
{
	json_t *body, *answer;
	uint8_t digest[32];
	int ret;

	ret = cli_hex(cli, "HSM-ID", cli->args[0], digest, sizeof(digest));
	if (!ret && cli->value[OPT_CONFIG_DIGEST])
		ret = cli_hex(cli, "--config", cli->value[OPT_CONFIG_DIGEST], digest, 32);
	if (ret)
		return ret;
	body = json_pack("{s:s, s:s, s:s*, s:s*}", "hsm_id", cli->args[0], "name",
			 cli->value[OPT_NAME], "config_digest", cli->value[OPT_CONFIG_DIGEST],
			 "cluster", cli->value[OPT_CLUSTER]);
	if (!body)
		return cli_usage(cli, "--name or --cluster is not UTF-8");
	ret = request(cli, true, "POST", "/v1/admin/hsms", body, &answer);
	return ret ? ret : cli_emit(cli, answer);
}

int cmd_manager_unenrol(struct cli *cli)
{
	char path[512];
	int ret;

	ret = hsm_path(cli, "/v1/admin/hsms/%s", cli->args[0], path);
	ret = ret ? ret : request(cli, true, "DELETE", path, NULL, NULL);
	return ret ? ret : cli_emit(cli, json_pack("{s:s, s:b}", "hsm_id", cli->args[0],
						   "enrolled", 0));
}

int cmd_manager_approve(struct cli *cli)
{
	json_t *answer;
	uint8_t digest[32];
	char path[512];
	int ret;

	if (!cli->value[OPT_CONFIG_DIGEST])
		return cli->value[OPT_UNSEEN] ? cli_usage(cli, "--unseen goes with --config") :
		       cmd_proposal_approve(cli);
	ret = hsm_path(cli, "/v1/admin/hsms/%s/configuration", cli->args[0], path);
	ret = ret ? ret : cli_hex(cli, "--config", cli->value[OPT_CONFIG_DIGEST], digest, 32);
	ret = ret ? ret : request(cli, true, "POST", path,
				  json_pack("{s:s, s:b}", "config_digest",
					    cli->value[OPT_CONFIG_DIGEST], "unseen",
					    cli->value[OPT_UNSEEN] != NULL), &answer);
	return ret ? ret : cli_emit(cli, answer);
}

int cmd_manager_restore(struct cli *cli)
{
	json_t *answer;
	char path[512];
	int ret;

	ret = hsm_path(cli, "/v1/admin/hsms/%s/restore", cli->args[0], path);
	ret = ret ? ret : request(cli, true, "POST", path, NULL, &answer);
	return ret ? ret : cli_emit(cli, answer);
}

/* Into another cluster, or, with none named, out of any. */
int cmd_manager_cluster(struct cli *cli)
{
	char path[512], id[65];
	json_t *answer;
	int ret;

	ret = cli_hsm(cli, cli->args[0], id);
	ret = ret ? ret : hsm_path(cli, "/v1/admin/hsms/%s/cluster", id, path);
	ret = ret ? ret : request(cli, true, "POST", path,
				  json_pack("{s:s}", "cluster",
					    cli->arg_count == 2 ? cli->args[1] : ""), &answer);
	return ret ? ret : cli_emit(cli, answer);
}

int cmd_manager_state(struct cli *cli)
{
	char path[512], key[ZKHSM_ID_MAX_LEN + 8] = "";
	json_t *answer;
	int ret;

	ret = hsm_path(cli, "/v1/hsms/%s", cli->args[0], path);
	if (ret)
		return ret;
	if (cli->arg_count == 2) {
		/* Key ids have no character that means something in a path, except '@'. */
		if (!zkhsm_id_valid((uint8_t *)cli->args[1], strlen(cli->args[1])))
			return cli_usage(cli, "%.80s is not a key id", cli->args[1]);
		snprintf(key, sizeof(key), "/keys/%s", cli->args[1]);
		strcat(path, key);	/* 9 + 64 + 6 + 64 of 512 */
	}
	ret = request(cli, false, "GET", path, NULL, &answer);
	return ret ? ret : cli_emit(cli, answer);
}

/* --config: what trust change wrote, to be the same bytes for every manager. */
static int read_change(struct cli *cli, uint8_t **config, size_t *len)
{
	struct zkhsm_configuration c;
	int ret;

	ret = zkhsm_read_file(cli->value[OPT_NEW_CONFIG], ZKHSM_CONFIGURATION_MAX_LEN, config,
			      len, &cli->err);
	if (ret)
		return ret;
	ret = zkhsm_configuration_check(*config, *len, &c, &cli->err);
	if (ret)
		free(*config);
	return ret;
}

int cmd_manager_trust_change(struct cli *cli)
{
	const char *previous = cli->value[OPT_PREVIOUS];
	uint8_t digest[32], *config;
	json_t *answer, *body;
	char path[512], *text;
	size_t len;
	int ret;

	ret = hsm_path(cli, "/v1/admin/hsms/%s/trust-change", cli->args[0], path);
	if (!ret && previous)
		ret = cli_hex(cli, "--previous", previous, digest, sizeof(digest));
	ret = ret ? ret : read_change(cli, &config, &len);
	if (ret)
		return ret;
	text = zkhsm_b64(config, len);
	free(config);
	body = json_pack("{s:s*, s:s}", "previous", previous, "configuration", text);
	free(text);
	ret = request(cli, true, "POST", path, body, &answer);
	return ret ? ret : cli_emit(cli, answer);
}
