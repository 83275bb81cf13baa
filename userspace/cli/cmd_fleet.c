// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_fleet.c - zkhsm manager status, show and keys: what a manager knows, for people
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

#define PAGE	500

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

static long long number(const json_t *o, const char *name)
{
	return (long long)json_integer_value(json_object_get(o, name));
}

static void print_state(const char *name, long long hsms, long long keys)
{
	printf("  %-14s %8lld %10lld\n", name, hsms, keys);
}

static void print_states(const json_t *s)
{
	const json_t *states = json_object_get(s, "states"), *due = json_object_get(s, "due");
	const json_t *attested = json_object_get(states, "attested"), *v;
	const char *name;

	printf("  %-14s %8s %10s\n", "", "HSMs", "keys");
	print_state("fresh", number(attested, "hsms") - number(due, "hsms"),
		    number(attested, "keys") - number(due, "keys"));
	print_state("due", number(due, "hsms"), number(due, "keys"));
	json_object_foreach((json_t *)(uintptr_t)states, name, v) {
		if (strcmp(name, "attested") != 0)
			print_state(name, number(v, "hsms"), number(v, "keys"));
	}
}

static int print_status(struct cli *cli, json_t *s)
{
	time_t now = (time_t)(number(s, "now_ms") / 1000);
	json_t *alerts = json_object_get(s, "alerts");
	const char *id = json_string_value(json_object_get(s, "manager_id"));
	char when[32];
	struct tm tm;

	if (cli->json)
		return cli_emit(cli, s);
	strftime(when, sizeof(when), "%F %T UTC", gmtime_r(&now, &tm));
	printf("Manager %.16s, %s\n\n", id ? id : "?", when);
	print_states(s);
	printf("\n%lld holds and %lld revocations in force, revocation list number %lld.\n",
	       number(s, "held"), number(s, "revoked"), number(s, "revocation_list"));
	if (json_array_size(alerts)) {
		printf("\n%zu open alerts:\n", json_array_size(alerts));
		cli_print_table(alerts, "row,code,hsm,count,last,text", 2);
	} else {
		printf("No alert is open.\n");
	}
	json_decref(s);
	return 0;
}

int cmd_manager_status(struct cli *cli)
{
	json_t *s = NULL, *alerts = json_array();
	int ret;

	ret = ask(cli, "/v1/admin/summary", &s);
	if (!ret)
		ret = cli_alerts_open(cli, alerts);
	if (ret) {
		json_decref(alerts);
		json_decref(s);
		return ret;
	}
	json_object_set_new(s, "alerts", alerts);
	return print_status(cli, s);
}

int cmd_manager_show(struct cli *cli)
{
	json_t *answer, *row, *found = NULL;
	char id[65];
	size_t i;
	int ret;

	ret = cli_hsm(cli, cli->args[0], id);
	if (!ret)
		ret = ask(cli, "/v1/admin/hsms", &answer);
	if (ret)
		return ret;
	json_array_foreach(json_object_get(answer, "hsms"), i, row) {
		const char *own = json_string_value(json_object_get(row, "hsm_id"));

		if (own && strcmp(own, id) == 0)
			found = json_incref(row);
	}
	json_decref(answer);
	if (!found)
		return zkhsm_fail(&cli->err, -ENOENT, "no such HSM is enrolled");
	return cli_emit(cli, found);
}

/* Page by page, so that a hundred thousand of them are no more than one answer each. */
int cmd_manager_keys(struct cli *cli)
{
	char id[65], path[256], after[ZKHSM_ID_MAX_LEN + 8] = "";
	json_t *all = json_array(), *page;
	bool more = true;
	int ret;

	ret = cli_hsm(cli, cli->args[0], id);
	while (!ret && more) {
		json_t *keys, *last;

		snprintf(path, sizeof(path), "/v1/admin/hsms/%s/keys?limit=%d%s", id, PAGE, after);
		ret = ask(cli, path, &page);
		if (ret)
			break;
		keys = json_object_get(page, "keys");
		last = json_array_get(keys, json_array_size(keys) - 1);
		more = json_is_true(json_object_get(page, "more")) && last;
		if (last)
			snprintf(after, sizeof(after), "&after=%s",
				 json_string_value(json_object_get(last, "key_id")));
		if (json_array_extend(all, keys))
			ret = zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
		json_decref(page);
	}
	if (ret) {
		json_decref(all);
		return ret;
	}
	return cli_emit_table(cli, all, "key_id,status,key_state,origin,usage,flags,age_ms");
}
