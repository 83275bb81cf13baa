// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_alert.c - what a manager wants somebody to look at, HSMs in quarantine, and what
 * happened to a key
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define ALERTS	"/v1/admin/alerts"
#define PAGE	500

static int ask(struct cli *cli, const char *method, const char *path, json_t *body,
	       json_t **answer)
{
	struct zkhsm_https *h;
	int ret = cli_connect_manager(cli, true, &h);

	if (ret) {
		json_decref(body);
		return ret;
	}
	ret = cli_request(cli, h, method, path, body, answer);
	zkhsm_https_free(h);
	return ret;
}

static long long number(const json_t *o, const char *name)
{
	return (long long)json_integer_value(json_object_get(o, name));
}

/* Page by page: closed ones are as many as there ever were. */
static int fetch(struct cli *cli, const char *state, json_t *all)
{
	char path[128];
	json_t *page;
	long long after = 0;
	bool more = true;
	int ret = 0;

	while (!ret && more) {
		snprintf(path, sizeof(path), ALERTS "?limit=%d&after=%lld%s%s", PAGE, after,
			 state ? "&state=" : "", state ? state : "");
		ret = ask(cli, "GET", path, NULL, &page);
		if (ret)
			break;
		/* A last one that is not beyond would be asked for without end. */
		more = json_is_true(json_object_get(page, "more")) && number(page, "last") > after;
		after = number(page, "last");
		if (json_array_extend(all, json_object_get(page, "alerts")))
			ret = zkhsm_fail(&cli->err, -EBADMSG, "the answer has no alerts");
		json_decref(page);
	}
	return ret;
}

static void add_columns(json_t *all)
{
	json_t *row;
	size_t i;

	json_array_foreach(all, i, row) {
		const char *id = json_string_value(json_object_get(row, "hsm_id"));

		json_object_set_new(row, "hsm", json_stringn(id ? id : "", id ? 16 : 0));
		json_put_time(row, "last", (uint64_t)number(row, "last_ms"));
	}
}

int cli_alerts_open(struct cli *cli, json_t *all)
{
	int ret = fetch(cli, "open", all);

	if (!ret && !cli->json)
		add_columns(all);
	return ret;
}

int cmd_alert_list(struct cli *cli)
{
	json_t *all = json_array();
	int ret;

	if (cli->value[OPT_ENDED]) {
		ret = fetch(cli, NULL, all);
	} else {
		ret = fetch(cli, "open", all);
		if (!ret)
			ret = fetch(cli, "acknowledged", all);
	}
	if (ret) {
		json_decref(all);
		return ret;
	}
	if (!cli->json)
		add_columns(all);
	return cli_emit_table(cli, all, "row,state,code,hsm,count,last,text");
}

/* Of an alert: decimal, and nothing else in the path. */
static int alert_path(struct cli *cli, char path[64])
{
	const char *row = cli->args[0];
	size_t len = strlen(row);

	if (!len || len > 18 || strspn(row, "0123456789") != len)
		return cli_usage(cli, "an alert is named by its number, not %s", row);
	snprintf(path, 64, ALERTS "/%s", row);
	return 0;
}

int cmd_alert_show(struct cli *cli)
{
	json_t *answer;
	char path[64];
	int ret = alert_path(cli, path);

	if (!ret)
		ret = ask(cli, "GET", path, NULL, &answer);
	return ret ? ret : cli_emit(cli, answer);
}

static int act(struct cli *cli, const char *path, const char *action)
{
	json_t *answer;
	int ret = ask(cli, "POST", path, json_pack("{s:s, s:s}", "action", action, "note",
						   cli->value[OPT_NOTE]), &answer);

	return ret ? ret : cli_emit(cli, answer);
}

int cmd_alert_act(struct cli *cli)
{
	char path[64];
	int ret = alert_path(cli, path);

	return ret ? ret : act(cli, path, cli->command->verb);
}

/* --- quarantine ------------------------------------------------------------- */

int cmd_manager_quarantine(struct cli *cli)
{
	char id[65], path[128];
	int ret = cli_hsm(cli, cli->args[0], id);

	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/quarantine", id);
	return ret ? ret : act(cli, path, cli->command->verb);
}

/* Of an HSM out of quarantine; of what is on hold it is what revocation release does. */
int cmd_manager_release(struct cli *cli)
{
	const bool hsm = cli->arg_count == 1;

	if (hsm && (cli->value[OPT_REASON] || cli->value[OPT_HSM] || cli->value[OPT_KEY_ID] ||
		    cli->value[OPT_ELEMENT] || cli->value[OPT_CLUSTER]))
		return cli_usage(cli, "an HSM is released with --note only");
	if (hsm && !cli->value[OPT_NOTE])
		return cli_usage(cli, "--note is needed");
	if (!hsm && cli->value[OPT_NOTE])
		return cli_usage(cli, "--note is of the release of an HSM out of quarantine");
	if (!hsm && !cli->value[OPT_REASON])
		return cli_usage(cli, "--reason is needed");
	return hsm ? cmd_manager_quarantine(cli) : cmd_manager_revoke(cli);
}

/* --- history ----------------------------------------------------------------- */

int cmd_manager_history(struct cli *cli)
{
	const char *key = cli->arg_count == 2 ? cli->args[1] : NULL;
	char id[65], path[128 + ZKHSM_ID_MAX_LEN];
	json_t *answer, *row;
	size_t i;
	int ret = 0;

	/* Such ids need no escape in a path. */
	if (key && !zkhsm_id_valid((const uint8_t *)key, strlen(key)))
		return cli_usage(cli, "%s cannot be a key's id", key);
	ret = cli_hsm(cli, cli->args[0], id);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s%s%s/history", id, key ? "/keys/" : "",
		 key ? key : "");
	ret = ask(cli, "GET", path, NULL, &answer);
	if (ret || cli->json)
		return ret ? ret : cli_emit(cli, answer);
	json_array_foreach(json_object_get(answer, "history"), i, row) {
		json_put_time(row, "at", (uint64_t)number(row, "at_ms"));
	}
	row = json_incref(json_object_get(answer, "history"));
	json_decref(answer);
	return cli_emit_table(cli, row, "at,event,detail");
}
