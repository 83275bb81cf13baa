// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_revocation.c - what is stopped: the signed list, the administrators' record, and
 * what changes them
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"

/* Clocks that differ by so much are not a reason to take a list for old. */
#define LEEWAY_S	60
#define PAGE		500

/* --- the signed list ---------------------------------------------------------- */

static int64_t number_in(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* A list of another time says nothing of now. */
static int check_times(struct cli *cli, const json_t *list)
{
	const int64_t now = time(NULL), next = number_in(list, "next_update");

	if (!json_is_integer(json_object_get(list, "number")) ||
	    !json_is_array(json_object_get(list, "revoked")) ||
	    !json_is_array(json_object_get(list, "suspended")) ||
	    number_in(list, "iat") <= 0 || next <= number_in(list, "iat"))
		return zkhsm_fail(&cli->err, -EBADMSG, "what was signed is no revocation list");
	if (number_in(list, "iat") > now + LEEWAY_S)
		return zkhsm_fail(&cli->err, -EKEYREJECTED, "the list was signed %lld s from now",
				  (long long)(number_in(list, "iat") - now));
	if (next <= now - LEEWAY_S)
		return zkhsm_fail(&cli->err, -EKEYEXPIRED,
				  "the list is too old: there should be a newer one since %lld s",
				  (long long)(now - next));
	return 0;
}

/* What is stopped, in one word or path; @what of the entry. */
static void name_it(json_t *entry)
{
	const char *hsm = json_string_value(json_object_get(entry, "hsm_id"));
	const char *key = json_string_value(json_object_get(entry, "key_id"));
	const char *element = json_string_value(json_object_get(entry, "element"));
	const char *cluster = json_string_value(json_object_get(entry, "cluster"));
	char *text = NULL;
	int len;

	if (hsm && key)
		len = asprintf(&text, "%s/%s", hsm, key);
	else if (hsm && cluster)
		len = asprintf(&text, "%s (in %s)", hsm, cluster);
	else
		len = asprintf(&text, "%s", hsm ? hsm : element ? element : cluster ? cluster : "?");
	if (len >= 0)
		json_object_set_new(entry, "what", json_string(text));
	free(len >= 0 ? text : NULL);
	json_put_time(entry, "since", (uint64_t)number_in(entry, "at_ms"));
}

static void show_entries(const json_t *list, const char *array, const char *title)
{
	json_t *rows = json_object_get(list, array), *row;
	size_t i;

	printf("\n%s: %zu\n", title, json_array_size(rows));
	json_array_foreach(rows, i, row) {
		name_it(row);
	}
	if (json_array_size(rows))
		cli_print_table(rows, "scope,what,reason,since", 2);
}

static int show_list(struct cli *cli, json_t *list)
{
	const int64_t left_s = number_in(list, "next_update") - time(NULL);
	const char *issuer = json_string_value(json_object_get(list, "iss"));
	char span[CLI_WHEN_SIZE], when[32];
	const time_t next = (time_t)number_in(list, "next_update");
	struct tm tm;

	if (cli->json)
		return cli_emit(cli, list);
	gmtime_r(&next, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("Revocation list number %lld of %s, verified.\n",
	       (long long)number_in(list, "number"), issuer ? issuer : "?");
	if (left_s > 0)
		printf("Fetch it again by %s (in %s).\n", when,
		       cli_span((uint64_t)left_s * 1000, span));
	else
		printf("Fetch it again now: it ended at %s.\n", when);
	show_entries(list, "revoked", "Revoked");
	show_entries(list, "suspended", "Suspended");
	json_decref(list);
	return 0;
}

/* Verified with --jwks, else with the keys that the same server names. */
int cmd_revocation_list(struct cli *cli)
{
	json_t *jwks = NULL, *list = NULL;
	struct zkhsm_response r = { 0 };
	struct zkhsm_https *h;
	int ret;

	ret = cli_connect_manager(cli, false, &h);
	if (ret)
		return ret;
	ret = cli_jwks(cli, h, &jwks);
	ret = ret ? ret : cli_request_raw(cli, h, "/v1/revocations", &r);
	if (!ret) {
		ret = zkhsm_jws_verify(jwks, ZKHSM_REVOCATIONS_TYPE, (const char *)r.body, &list,
				       &cli->err);
		zkhsm_response_free(&r);
	}
	json_decref(jwks);
	zkhsm_https_free(h);
	ret = ret ? ret : check_times(cli, list);
	if (!ret)
		return show_list(cli, list);
	json_decref(list);
	return ret;
}

/* --- whose ----------------------------------------------------------------------- */

/* What the options name; NULL what they do not. */
struct named {
	const char *scope;
	char hsm[65];
	const char *key, *element, *cluster;
};

/* @any: none of them is all of them. */
static int read_named(struct cli *cli, bool any, struct named *n)
{
	const char *hsm = cli->value[OPT_HSM];
	uint8_t digest[32];
	int given;

	memset(n, 0, sizeof(*n));
	n->key = cli->value[OPT_KEY_ID];
	n->element = cli->value[OPT_ELEMENT];
	n->cluster = cli->value[OPT_CLUSTER];
	given = (hsm != NULL) + (n->element != NULL) + (n->cluster != NULL);
	if (given > 1 || (!given && !any) || (n->key && !hsm))
		return cli_usage(cli, "needs --hsm and --key-id, or --hsm alone, or --element, or --cluster");
	n->scope = n->element ? "element" : n->cluster ? "cluster" : n->key ? "key" : "hsm";
	if (n->element)
		return cli_hex(cli, "--element", n->element, digest, sizeof(digest));
	return hsm ? cli_hsm(cli, hsm, n->hsm) : 0;
}

static bool member_is(const json_t *o, const char *name, const char *value)
{
	const char *text = json_string_value(json_object_get(o, name));

	return !value || !*value || (text && strcmp(text, value) == 0);
}

/* --- the administrators' record ------------------------------------------------ */

static int append_page(struct cli *cli, const json_t *page, const struct named *n, json_t *out,
		       int64_t *after)
{
	json_t *rows = json_object_get(page, "revocations"), *row;
	const int64_t before = *after;
	size_t i;

	json_array_foreach(rows, i, row) {
		*after = number_in(row, "row");
		if (member_is(row, "hsm_id", n->hsm) && member_is(row, "key_id", n->key) &&
		    member_is(row, "element", n->element) && member_is(row, "cluster", n->cluster))
			json_array_append(out, row);
	}
	/* Or a server that gives the same page again would be asked for ever. */
	if (!json_is_array(rows) || (json_is_true(json_object_get(page, "more")) && *after <= before))
		return zkhsm_fail(&cli->err, -EBADMSG, "the answer is no page of revocations");
	return 0;
}

static int fetch_record(struct cli *cli, struct zkhsm_https *h, const struct named *n, json_t *out)
{
	const char *state = cli->value[OPT_ENDED] ? "all" : "in-force";
	int64_t after = 0;
	bool more = true;
	char path[128];
	json_t *page;
	int ret = 0;

	while (!ret && more) {
		snprintf(path, sizeof(path), "/v1/admin/revocations?state=%s&limit=%d&after=%lld", state,
			 PAGE, (long long)after);
		ret = cli_request(cli, h, "GET", path, NULL, &page);
		if (ret)
			break;
		ret = append_page(cli, page, n, out, &after);
		more = json_is_true(json_object_get(page, "more"));
		json_decref(page);
	}
	return ret;
}

/* For people: "released 2026-... by NAME (reason)". */
static void say_ended(json_t *row)
{
	const json_t *ended = json_object_get(row, "ended");
	const char *who = json_string_value(json_object_get(ended, "who"));
	const char *reason = json_string_value(json_object_get(ended, "reason"));
	char *text;

	if (!json_is_object(ended))
		return;
	if (asprintf(&text, "list %lld%s%s%s%s", (long long)number_in(ended, "number"),
		     who ? " by " : "", who ? who : "", reason ? ": " : "", reason ? reason : "") < 0)
		return;
	json_object_set_new(row, "ended", json_string(text));
	free(text);
}

int cmd_revocation_show(struct cli *cli)
{
	json_t *rows = json_array(), *row;
	struct zkhsm_https *h;
	struct named n;
	size_t i;
	int ret;

	ret = read_named(cli, true, &n);
	if (!ret)
		ret = cli_connect_manager(cli, true, &h);
	if (!ret) {
		ret = fetch_record(cli, h, &n, rows);
		zkhsm_https_free(h);
	}
	if (ret) {
		json_decref(rows);
		return ret;
	}
	json_array_foreach(rows, i, row) {
		if (cli->json)
			break;
		name_it(row);
		say_ended(row);
	}
	return cli_emit_table(cli, rows, cli->value[OPT_ENDED] ?
			      "row,action,scope,what,reason,since,who,ended" :
			      "row,action,scope,what,reason,since,who");
}

/* --- changing it ------------------------------------------------------------------- */

static int change(struct cli *cli, const char *action, const char *reason)
{
	struct zkhsm_https *h;
	struct named n;
	json_t *answer = NULL, *body;
	int ret;

	ret = read_named(cli, false, &n);
	if (ret)
		return ret;
	if (zkhsm_revocation_reason_parse(reason) < 0)
		return cli_usage(cli, "there is no reason %s in RFC 5280", reason);
	ret = cli_connect_manager(cli, true, &h);
	if (ret)
		return ret;
	body = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:s}", "action", action, "scope",
			 n.scope, "hsm_id", n.hsm[0] ? n.hsm : NULL, "key_id", n.key, "element",
			 n.element, "cluster", n.cluster, "reason", reason);
	ret = body ? cli_request(cli, h, "POST", "/v1/admin/revocations", body, &answer) :
		     cli_usage(cli, "what is named is not UTF-8");
	zkhsm_https_free(h);
	return ret ? ret : cli_emit(cli, answer);
}

int cmd_revocation_add(struct cli *cli)
{
	return change(cli, cli->value[OPT_HOLD] ? "hold" : "revoke", cli->value[OPT_REASON]);
}

int cmd_revocation_release(struct cli *cli)
{
	const char *reason = cli->value[OPT_REASON];

	return change(cli, "release", reason ? reason : "remove-from-crl");
}

/* manager revoke, hold and release: the verb is the action. */
int cmd_manager_revoke(struct cli *cli)
{
	return change(cli, cli->command->verb, cli->value[OPT_REASON]);
}
