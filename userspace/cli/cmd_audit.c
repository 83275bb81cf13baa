// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_audit.c - a manager's audit log: shown, kept elsewhere, verified
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_chain.h"
#include "cli.h"

#define HEAD_MAX_LEN	4096
#define FILE_MAX_LEN	(1UL << 30)
#define HEAD_PATH	"/v1/admin/audit/head"

/* For each line of a page or file, without its newline. */
typedef int (*line_fn)(void *arg, const char *line, size_t len, struct zkhsm_error *err);

static int each_line(const char *text, size_t len, line_fn fn, void *arg, struct zkhsm_error *err)
{
	int ret = 0;

	while (!ret && len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;

		ret = fn(arg, text, line, err);
		text += line + (end != NULL);
		len -= line + (end != NULL);
	}
	return ret;
}

/* The number of the last entry in a page: where the next one goes on. */
static uint64_t last_number(const char *text, size_t len)
{
	const char *begin = text, *at;
	uint64_t number;
	json_t *o;

	if (len && text[len - 1] == '\n')
		len--;
	at = len ? memrchr(text, '\n', len) : NULL;
	begin = at ? at + 1 : text;
	o = json_loadb(begin, len - (size_t)(begin - text), 0, NULL);
	number = (uint64_t)json_integer_value(json_object_get(o, "number"));
	json_decref(o);
	return number;
}

/* All entries above @after, page by page, until there are no more. */
static int each_page(struct cli *cli, struct zkhsm_https *h, uint64_t after, line_fn fn, void *arg)
{
	struct zkhsm_response r;
	char path[64];
	uint64_t last;
	int ret;

	for (;;) {
		snprintf(path, sizeof(path), "/v1/admin/audit?after=%" PRIu64, after);
		ret = cli_request_raw(cli, h, path, &r);
		if (ret)
			return ret;
		last = last_number((const char *)r.body, r.body_len);
		ret = each_line((const char *)r.body, r.body_len, fn, arg, &cli->err);
		if (!ret && r.body_len && last <= after)
			ret = zkhsm_fail(&cli->err, -EBADMSG,
					 "the order was changed: a page ends with entry %" PRIu64 ", one before ended with entry %" PRIu64,
					 last, after);
		zkhsm_response_free(&r);
		if (ret || last <= after)
			return ret;
		after = last;
	}
}

static int after_option(struct cli *cli, uint64_t *after)
{
	uint32_t n = 0;
	int ret = cli_u32(cli, OPT_AFTER, 0, UINT32_MAX, &n);

	*after = n;
	return ret;
}

/* --- list ------------------------------------------------------------------- */

struct rows {
	json_t *all;
	bool people;
};

static int add_row(void *arg, const char *line, size_t len, struct zkhsm_error *err)
{
	struct rows *rows = arg;
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *details;
	char *text;

	if (!json_is_object(o)) {
		json_decref(o);
		return zkhsm_fail(err, -EBADMSG, "the manager sent a line that is not an entry");
	}
	if (rows->people) {
		details = json_object_get(o, "details");
		text = json_dumps(details, JSON_COMPACT | JSON_SORT_KEYS);
		json_object_set_new(o, "what", json_string(text ? text : ""));
		free(text);
		json_put_time(o, "at", (uint64_t)json_integer_value(json_object_get(o, "at_ms")));
	}
	return json_array_append_new(rows->all, o) ? zkhsm_fail(err, -ENOMEM, "out of memory") : 0;
}

int cmd_audit_list(struct cli *cli)
{
	struct rows rows = { .all = json_array(), .people = !cli->json };
	struct zkhsm_https *h;
	uint64_t after;
	int ret;

	ret = after_option(cli, &after);
	ret = ret ? ret : cli_connect_manager(cli, true, &h);
	if (!ret) {
		ret = each_page(cli, h, after, add_row, &rows);
		zkhsm_https_free(h);
	}
	if (ret) {
		json_decref(rows.all);
		return ret;
	}
	return cli_emit_table(cli, rows.all, "number,at,who,role,action,what");
}

/* --- heads --------------------------------------------------------------------- */

/* Caller frees. */
static int fetch_head(struct cli *cli, struct zkhsm_https *h, char **jws)
{
	struct zkhsm_response r;
	int ret = cli_request_raw(cli, h, HEAD_PATH, &r);

	if (ret)
		return ret;
	*jws = (char *)r.body;		/* terminated behind its length */
	r.body = NULL;
	zkhsm_response_free(&r);
	return 0;
}

/* What was kept from an earlier time; *jws NULL when there is no such file. */
static int read_head(struct cli *cli, const char *path, char **jws)
{
	uint8_t *data;
	size_t len;
	int ret;

	*jws = NULL;
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	ret = zkhsm_read_file(path, HEAD_MAX_LEN, &data, &len, &cli->err);
	if (ret)
		return ret;
	while (len && (data[len - 1] == '\n' || data[len - 1] == '\r'))
		len--;
	*jws = strndup((char *)data, len);
	free(data);
	return *jws ? 0 : zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
}

static int keep_head(struct cli *cli, const char *jws)
{
	const char *path = cli->value[OPT_HEAD];
	char *text;
	int ret;

	if (!path)
		return 0;
	if (asprintf(&text, "%s\n", jws) < 0)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	ret = zkhsm_write_file(path, text, strlen(text), 0644, &cli->err);
	free(text);
	return ret;
}

static int add_head(struct cli *cli, struct audit_chain *c, const json_t *jwks, const char *jws,
		    const char *what)
{
	int ret = audit_head_read(jwks, jws, what, &c->heads[c->head_count], &cli->err);

	if (!ret)
		c->head_count++;
	return ret;
}

/* --- export -------------------------------------------------------------------- */

static int write_line(void *arg, const char *line, size_t len, struct zkhsm_error *err)
{
	if (fwrite(line, 1, len, arg) != len || putc('\n', arg) == EOF)
		return zkhsm_fail(err, -errno, "cannot write: %s", strerror(errno));
	return 0;
}

/* Written beside and renamed, as all files: a log that breaks off is not left. */
static int export_to(struct cli *cli, struct zkhsm_https *h, uint64_t after)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int ret;

	if (!f)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	ret = each_page(cli, h, after, write_line, f);
	if (fclose(f) && !ret)
		ret = zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	if (!ret)
		ret = zkhsm_write_file(cli->value[OPT_OUT], text, len, 0644, &cli->err);
	free(text);
	return ret;
}

/* The head is taken first: the log has at least what it says. */
int cmd_audit_export(struct cli *cli)
{
	struct zkhsm_https *h;
	char *head = NULL;
	uint64_t after;
	int ret;

	ret = after_option(cli, &after);
	ret = ret ? ret : cli_connect_manager(cli, true, &h);
	if (ret)
		return ret;
	if (cli->value[OPT_HEAD])
		ret = fetch_head(cli, h, &head);
	if (!ret)
		ret = cli->value[OPT_OUT] ? export_to(cli, h, after) :
		      each_page(cli, h, after, write_line, stdout);
	if (!ret && head)
		ret = keep_head(cli, head);
	free(head);
	zkhsm_https_free(h);
	return ret;
}

/* --- verify -------------------------------------------------------------------- */

static int check_line(void *arg, const char *line, size_t len, struct zkhsm_error *err)
{
	return audit_chain_line(arg, line, len, err);
}

static int say(struct cli *cli, const struct audit_chain *c)
{
	json_t *o = json_object();
	uint64_t covered = 0;

	for (size_t i = 0; i < c->head_count; i++) {
		if (c->heads[i].number > covered)
			covered = c->heads[i].number;
	}
	json_put_number(o, "first", c->first);
	json_put_number(o, "last", c->number);
	json_put_hex(o, "hash", c->hash, sizeof(c->hash));
	/* Up to here nothing can have been cut off. */
	json_put_number(o, "signed-up-to", covered);
	json_object_set_new(o, "verified", json_true());
	return cli_emit(cli, o);
}

static int verify_file(struct cli *cli, struct audit_chain *c)
{
	const char *kept = cli->value[OPT_HEAD];
	char *jws = NULL;
	json_t *jwks = NULL;
	uint8_t *data;
	size_t len;
	int ret = 0;

	if (kept && !cli->value[OPT_JWKS])
		return cli_usage(cli, "--head needs --jwks: whose signature it has to have");
	if (kept) {
		ret = read_head(cli, kept, &jws);
		if (!ret && !jws)
			ret = zkhsm_fail(&cli->err, -ENOENT, "%s: no such file", kept);
		ret = ret ? ret : cli_jwks(cli, NULL, &jwks);
		ret = ret ? ret : add_head(cli, c, jwks, jws, "the head that was kept");
		free(jws);
		json_decref(jwks);
	}
	ret = ret ? ret : zkhsm_read_file(cli->args[0], FILE_MAX_LEN, &data, &len, &cli->err);
	if (ret)
		return ret;
	ret = each_line((char *)data, len, check_line, c, &cli->err);
	free(data);
	return ret;
}

static int verify_manager(struct cli *cli, struct audit_chain *c, struct zkhsm_https *h)
{
	char *old = NULL, *now = NULL;
	json_t *jwks = NULL;
	int ret;

	ret = cli_jwks(cli, h, &jwks);
	if (!ret && cli->value[OPT_HEAD])
		ret = read_head(cli, cli->value[OPT_HEAD], &old);
	if (!ret && old)
		ret = add_head(cli, c, jwks, old, "the head that was kept");
	ret = ret ? ret : fetch_head(cli, h, &now);
	ret = ret ? ret : add_head(cli, c, jwks, now, "the head that the manager signed now");
	ret = ret ? ret : each_page(cli, h, 0, check_line, c);
	ret = ret ? ret : audit_chain_end(c, &cli->err);
	/* Kept in the place of a newer one it would say less. */
	if (!ret && old && c->heads[1].number < c->heads[0].number)
		ret = zkhsm_fail(&cli->err, -EKEYREJECTED,
				 "the manager signs a head of entry %llu now, and signed one of entry %llu before",
				 (unsigned long long)c->heads[1].number,
				 (unsigned long long)c->heads[0].number);
	ret = ret ? ret : keep_head(cli, now);
	free(old);
	free(now);
	json_decref(jwks);
	return ret;
}

int cmd_audit_verify(struct cli *cli)
{
	struct audit_chain c = { .number = 0 };
	struct zkhsm_https *h;
	int ret;

	if (cli->arg_count) {
		ret = verify_file(cli, &c);
		ret = ret ? ret : audit_chain_end(&c, &cli->err);
	} else {
		ret = cli_connect_manager(cli, true, &h);
		if (ret)
			return ret;
		ret = verify_manager(cli, &c, h);
		zkhsm_https_free(h);
	}
	return ret ? ret : say(cli, &c);
}
