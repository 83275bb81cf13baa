// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_policy.c - zkhsm policy: what a manager demands, why a key is trusted or not,
 * and whether a file can be a policy
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../manager/policy.h"
#include "cli.h"

static int ask(struct cli *cli, const char *path, json_t **answer)
{
	struct zkhsm_https *h;
	int ret = cli_connect_manager(cli, true, &h);

	if (ret)
		return ret;
	ret = cli_request(cli, h, "GET", path, NULL, answer);
	zkhsm_https_free(h);
	return ret;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text ? text : "?";
}

/* Each rule as the file has it, so that it can be found there. */
static void print_policy(const json_t *o)
{
	const json_t *rule;
	size_t i;

	printf("Policy %s version %s, %s\n", text_of(o, "name"), text_of(o, "version"),
	       *text_of(o, "file") ? text_of(o, "file") : "without a file");
	printf("SHA-256 %s\n", text_of(o, "digest"));
	json_array_foreach(json_object_get(o, "rules"), i, rule) {
		json_t *rest = json_copy((json_t *)(uintptr_t)rule);

		printf("\n[%s] line %lld\n", text_of(rule, "rule"),
		       (long long)json_integer_value(json_object_get(rule, "line")));
		json_object_del(rest, "rule");
		json_object_del(rest, "line");
		cli_print_object(rest, 2);
		json_decref(rest);
	}
	printf("\n[fraud]\n");
	cli_print_object(json_object_get(o, "fraud"), 2);
	json_array_foreach(json_object_get(o, "webhooks"), i, rule) {
		printf("\n[webhook %s]\n", text_of(rule, "name"));
	}
}

int cmd_policy_show(struct cli *cli)
{
	json_t *answer = NULL;
	int ret = ask(cli, "/v1/admin/policy", &answer);

	if (ret)
		return ret;
	if (cli->json)
		return cli_emit(cli, answer);
	print_policy(answer);
	json_decref(answer);
	return 0;
}

static void print_explanation(const json_t *o)
{
	printf("Key %s of HSM %s (%.16s): %s\n\n", text_of(o, "key_id"), text_of(o, "name"),
	       text_of(o, "hsm_id"),
	       json_is_true(json_object_get(o, "trusted")) ? "trusted" : "not trusted");
	cli_print_table(json_object_get(o, "checks"), "check,result,rule,text", 2);
	printf("\nBy %s\n", text_of(o, "policy_id"));
}

int cmd_policy_explain(struct cli *cli)
{
	const char *key = cli->args[1];
	json_t *answer = NULL;
	char id[65], path[320];
	int ret;

	if (!zkhsm_id_valid((const uint8_t *)key, strlen(key)))
		return cli_usage(cli, "\"%s\" cannot be a key's id", key);
	ret = cli_hsm(cli, cli->args[0], id);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/keys/%s/explain", id, key);
	ret = ask(cli, path, &answer);
	if (ret)
		return ret;
	if (cli->json)
		return cli_emit(cli, answer);
	print_explanation(answer);
	json_decref(answer);
	return 0;
}

/* With the manager's own reader: what passes here is what a reload takes, its files apart. */
int cmd_policy_check(struct cli *cli)
{
	struct zkhsmd_policy *p = NULL;
	char *digest, id[ZKHSMD_POLICY_ID];
	json_t *o;
	int ret = zkhsmd_policy_load(cli->args[0], &p, &cli->err);

	if (ret)
		return ret;
	digest = zkhsm_hex(zkhsmd_policy_digest(p), 32);
	zkhsmd_policy_id(p, ZKHSMD_NO_RULE, id);
	o = json_pack("{s:s, s:s, s:s}", "file", cli->args[0], "policy_id", id, "digest",
		      digest ? digest : "");
	free(digest);
	zkhsmd_policy_put(p);
	return cli_emit(cli, o);
}
