// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_proposal.c - acts that take two administrators: what waits, the second one's
 * request, and the end of it
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define PROPOSALS	"/v1/admin/proposals"
#define SHORT_MIN	8

static int fetch(struct cli *cli, struct zkhsm_https *h, json_t **all)
{
	json_t *answer;
	int ret = cli_request(cli, h, "GET", PROPOSALS, NULL, &answer);

	if (ret)
		return ret;
	*all = json_incref(json_object_get(answer, "proposals"));
	json_decref(answer);
	return json_is_array(*all) ? 0 : zkhsm_fail(&cli->err, -EBADMSG, "the answer has no proposals");
}

/* For people: one line each, with what would be done. */
static void add_columns(json_t *all)
{
	json_t *row, *request;
	size_t i;
	char *body, *text;

	json_array_foreach(all, i, row) {
		const char *id = json_string_value(json_object_get(row, "proposal"));

		request = json_object_get(row, "request");
		body = json_dumps(json_object_get(request, "body"), JSON_COMPACT | JSON_ENCODE_ANY);
		if (asprintf(&text, "%s %s %s", json_string_value(json_object_get(request, "method")),
			     json_string_value(json_object_get(request, "path")),
			     body && strcmp(body, "null") ? body : "") >= 0) {
			json_object_set_new(row, "what", json_string(text));
			free(text);
		}
		free(body);
		json_object_set_new(row, "id", json_stringn(id ? id : "", id ? 16 : 0));
		json_put_time(row, "expires",
			      (uint64_t)json_integer_value(json_object_get(row, "expires_ms")));
	}
}

int cmd_manager_proposals(struct cli *cli)
{
	struct zkhsm_https *h;
	json_t *all = NULL;
	int ret;

	ret = cli_connect_manager(cli, true, &h);
	if (ret)
		return ret;
	ret = fetch(cli, h, &all);
	zkhsm_https_free(h);
	if (ret) {
		json_decref(all);
		return ret;
	}
	if (!cli->json)
		add_columns(all);
	return cli_emit_table(cli, all, "id,action,proposed_by,expires,what");
}

/* The one whose id begins like that. A reference of @all's. */
static int find(struct cli *cli, const json_t *all, const char *begin, const json_t **out)
{
	const json_t *row;
	size_t i, len = strlen(begin);

	if (len < SHORT_MIN || len > 64 || strspn(begin, "0123456789abcdef") != len)
		return cli_usage(cli, "a proposal is named by its id, or the first %d digits of it or more",
				 SHORT_MIN);
	*out = NULL;
	json_array_foreach((json_t *)all, i, row) {
		const char *id = json_string_value(json_object_get(row, "proposal"));

		if (!id || strncmp(id, begin, len) != 0)
			continue;
		if (*out)
			return zkhsm_fail(&cli->err, -EINVAL, "more than one proposal begins with %s", begin);
		*out = row;
	}
	return *out ? 0 : zkhsm_fail(&cli->err, -ENOENT, "no proposal that waits begins with %s", begin);
}

/* The same request again, from what the manager says it was. */
static int repeat(struct cli *cli, struct zkhsm_https *h, const json_t *row)
{
	const json_t *request = json_object_get(row, "request");
	const char *method = json_string_value(json_object_get(request, "method"));
	const char *path = json_string_value(json_object_get(request, "path"));
	const char *query = json_string_value(json_object_get(request, "query"));
	json_t *body = json_object_get(request, "body"), *answer = NULL;
	char *url;
	int ret;

	if (!method || !path || !query || strncmp(path, "/v1/admin/", 10) != 0)
		return zkhsm_fail(&cli->err, -EBADMSG, "the proposal does not say what is to be done");
	if (asprintf(&url, "%s%s%s", path, *query ? "?" : "", query) < 0)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	ret = cli_request(cli, h, method, url, json_is_null(body) ? NULL : json_incref(body),
				&answer);
	free(url);
	if (ret || !answer)
		return ret;
	return cli_emit(cli, answer);
}

static int with_proposal(struct cli *cli,
			 int (*fn)(struct cli *cli, struct zkhsm_https *h, const json_t *row))
{
	struct zkhsm_https *h;
	const json_t *row = NULL;
	json_t *all = NULL;
	int ret;

	ret = cli_connect_manager(cli, true, &h);
	if (ret)
		return ret;
	ret = fetch(cli, h, &all);
	ret = ret ? ret : find(cli, all, cli->args[0], &row);
	ret = ret ? ret : fn(cli, h, row);
	json_decref(all);
	zkhsm_https_free(h);
	return ret;
}

int cmd_proposal_approve(struct cli *cli)
{
	return with_proposal(cli, repeat);
}

static int withdraw(struct cli *cli, struct zkhsm_https *h, const json_t *row)
{
	char path[128];

	snprintf(path, sizeof(path), PROPOSALS "/%s",
		 json_string_value(json_object_get(row, "proposal")));
	return cli_request(cli, h, "DELETE", path, NULL, NULL);
}

int cmd_manager_withdraw(struct cli *cli)
{
	return with_proposal(cli, withdraw);
}
