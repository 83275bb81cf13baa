// SPDX-License-Identifier: GPL-2.0
/*
 * output.c - results as text or JSON, refusals with their names
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define COLUMNS_MAX	16

/* Much of this comes from the network: no control character reaches the terminal. */
static void print_clean(FILE *to, const char *text, int width)
{
	int n = 0;

	for (; *text; text++, n++) {
		unsigned char c = (unsigned char)*text;

		fputc(c < 0x20 || c == 0x7f ? '?' : c, to);
	}
	for (; n < width; n++)
		fputc(' ', to);
}

/* A value as one word or line; caller frees. */
static char *scalar_text(const json_t *v)
{
	char *text = NULL;
	size_t size, i;
	json_t *item;
	FILE *f;

	if (json_is_string(v))
		return strdup(json_string_value(v));
	if (json_is_null(v) || !v)
		return strdup("-");
	if (json_is_boolean(v))
		return strdup(json_is_true(v) ? "yes" : "no");
	if (!json_is_array(v))
		return json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
	f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	json_array_foreach(v, i, item) {
		char *part = scalar_text(item);

		fprintf(f, "%s%s", i ? "," : "", part ? part : "?");
		free(part);
	}
	if (!json_array_size(v))
		fputc('-', f);
	fclose(f);
	return text;
}

static size_t split_columns(const char *columns, char names[][64])
{
	size_t n = 0;

	while (*columns && n < COLUMNS_MAX) {
		size_t len = strcspn(columns, ",");

		snprintf(names[n++], 64, "%.*s", (int)len, columns);
		columns += len;
		columns += *columns == ',';
	}
	return n;
}

void cli_print_table(const json_t *rows, const char *columns, int indent)
{
	char names[COLUMNS_MAX][64];
	int width[COLUMNS_MAX];
	size_t n = split_columns(columns, names), i, k;
	json_t *row;

	for (k = 0; k < n; k++)
		width[k] = (int)strlen(names[k]);
	json_array_foreach(rows, i, row) {
		for (k = 0; k < n; k++) {
			char *text = scalar_text(json_object_get(row, names[k]));
			int len = text ? (int)strlen(text) : 0;

			width[k] = len > width[k] ? len : width[k];
			free(text);
		}
	}
	printf("%*s", indent, "");
	for (k = 0; k < n; k++)
		printf("%-*s%s", k + 1 < n ? width[k] : 0, names[k], k + 1 < n ? "  " : "\n");
	json_array_foreach(rows, i, row) {
		printf("%*s", indent, "");
		for (k = 0; k < n; k++) {
			char *text = scalar_text(json_object_get(row, names[k]));

			print_clean(stdout, text ? text : "?", k + 1 < n ? width[k] : 0);
			fputs(k + 1 < n ? "  " : "\n", stdout);
			free(text);
		}
	}
}

static bool is_rows(const json_t *v)
{
	return json_is_array(v) && json_is_object(json_array_get(v, 0));
}

void cli_print_object(const json_t *object, int indent)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value) {
		printf("%*s", indent, "");
		if (json_is_object(value)) {
			printf("%s:\n", name);
			cli_print_object(value, indent + 2);
		} else if (is_rows(value)) {
			size_t i;
			json_t *row;

			json_array_foreach(value, i, row) {
				if (i)
					printf("%*s", indent, "");
				printf("%s:\n", name);
				cli_print_object(row, indent + 2);
			}
		} else {
			char *text = scalar_text(value);

			printf("%-22s ", name);
			print_clean(stdout, text ? text : "?", 0);
			putchar('\n');
			free(text);
		}
	}
}

static int dump(const json_t *v)
{
	if (json_dumpf(v, stdout, JSON_COMPACT))
		return -EIO;
	putchar('\n');
	return 0;
}

int cli_emit(struct cli *cli, json_t *result)
{
	int ret = 0;

	if (!result)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	if (cli->json)
		ret = dump(result);
	else
		cli_print_object(result, 0);
	json_decref(result);
	return ret ? zkhsm_fail(&cli->err, ret, "cannot write the answer") : 0;
}

int cli_emit_table(struct cli *cli, json_t *rows, const char *columns)
{
	int ret = 0;

	if (!rows)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	if (cli->json)
		ret = dump(rows);
	else
		cli_print_table(rows, columns, 0);
	json_decref(rows);
	return ret ? zkhsm_fail(&cli->err, ret, "cannot write the answer") : 0;
}

/*
 * What a program reads: the errno's name, and the reason, which is the kernel's
 * enum by name, or the URN that a manager or agent answered.
 */
void cli_print_error(struct cli *cli)
{
	const char *name = strerrorname_np(-cli->err.code);
	const char *reason = NULL;
	json_t *error;

	if (cli->remote_type[0])
		reason = cli->remote_type;
	else if (cli->err.reason)
		reason = zkhsm_reason_name(cli->err.reason);
	fflush(stdout);
	fputs("zkhsm: ", stderr);
	if (cli->command)
		fprintf(stderr, "%s%s%s: ", cli->command->object, *cli->command->verb ? " " : "",
			cli->command->verb);
	print_clean(stderr, cli->err.text, 0);
	fprintf(stderr, " (%s", name ? name : "unknown error");
	if (reason) {
		fputs(", ", stderr);
		print_clean(stderr, reason, 0);
	}
	fputs(")\n", stderr);
	if (!cli->json)
		return;
	error = json_pack("{s:{s:s, s:s*, s:s}}", "error", "errno", name ? name : "unknown",
			  "reason", reason, "message", cli->err.text);
	if (error && cli->remote_status)
		json_put_number(json_object_get(error, "error"), "status",
				(uint64_t)cli->remote_status);
	if (error)
		dump(error);
	json_decref(error);
}

int cli_write_out(struct cli *cli, const void *data, size_t len, int mode, bool *done)
{
	*done = cli->value[OPT_OUT];
	if (!*done)
		return 0;
	return zkhsm_write_file(cli->value[OPT_OUT], data, len, mode, &cli->err);
}

int cli_emit_signature(struct cli *cli, const char *id, const uint8_t digest[32],
		       const uint8_t signature[64], const uint8_t public[65])
{
	return cli_emit_signature_and(cli, id, digest, signature, public, NULL);
}

int cli_emit_signature_and(struct cli *cli, const char *id, const uint8_t digest[32],
			   const uint8_t signature[64], const uint8_t public[65], json_t *more)
{
	uint8_t *der = NULL;
	size_t der_len = 0;
	bool done = false;
	json_t *o;
	int ret;

	ret = signature_der(signature, &der, &der_len);
	if (ret)
		ret = zkhsm_fail(&cli->err, ret, "cannot encode the signature");
	else if (cli->value[OPT_DER])
		ret = cli_write_out(cli, der, der_len, 0644, &done);
	else
		ret = cli_write_out(cli, signature, 64, 0644, &done);
	if (!ret && (!done || cli->json || more)) {
		o = json_object();
		json_put_text(o, "id", id);
		json_put_hex(o, "digest", digest, 32);
		json_put_hex(o, "signature", signature, 64);
		if (cli->value[OPT_DER])
			json_put_hex(o, "der", der, der_len);
		json_put_hex(o, "public", public, 65);
		if (more)
			json_object_update(o, more);
		ret = cli_emit(cli, o);
	}
	json_decref(more);
	OPENSSL_free(der);
	return ret;
}
