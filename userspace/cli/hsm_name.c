// SPDX-License-Identifier: GPL-2.0
/*
 * hsm_name.c - which HSM is meant: by its id, the first digits of it, or the name
 * that it was enrolled under
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* Fewer digits would soon be ambiguous in a large fleet. */
#define DIGITS_MIN	8

static bool is_hex(const char *text)
{
	return text[strspn(text, "0123456789abcdef")] == '\0';
}

static bool is_meant(const json_t *row, const char *text, const char *id)
{
	const char *name = json_string_value(json_object_get(row, "name"));

	if (name && strcmp(name, text) == 0)
		return true;
	return strlen(text) >= DIGITS_MIN && is_hex(text) && strncmp(id, text, strlen(text)) == 0;
}

int cli_hsm(struct cli *cli, const char *text, char id[65])
{
	struct zkhsm_https *h;
	json_t *answer, *row;
	int ret, found = 0;
	size_t i;

	if (strlen(text) == 64 && is_hex(text)) {
		memcpy(id, text, 65);
		return 0;
	}
	ret = cli_connect_manager(cli, true, &h);
	if (ret)
		return ret;
	ret = cli_request(cli, h, "GET", "/v1/admin/hsms", NULL, &answer);
	zkhsm_https_free(h);
	if (ret)
		return ret;
	json_array_foreach(json_object_get(answer, "hsms"), i, row) {
		const char *own = json_string_value(json_object_get(row, "hsm_id"));

		if (!own || strlen(own) != 64 || !is_hex(own) || !is_meant(row, text, own))
			continue;
		memcpy(id, own, 65);
		found++;
	}
	json_decref(answer);
	if (found == 1)
		return 0;
	if (found)
		return zkhsm_fail(&cli->err, -ENOTUNIQ, "%d HSMs are called \"%.64s\": use the id",
				  found, text);
	return zkhsm_fail(&cli->err, -ENOENT,
			  "no HSM is enrolled as \"%.64s\", nor does its id begin like that", text);
}
