// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_relying.c - tokens of several managers, and a key used on the strength of them
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relying.h"

/* What the command line says of what is asked for. */
static int read_request(struct cli *cli, struct zkhsm_relying_request *q)
{
	memset(q, 0, sizeof(*q));
	if (!cli->value[OPT_HSM] || !cli->value[OPT_KEY_ID])
		return cli_usage(cli, "needs --hsm and --key-id");
	q->key_id = cli->value[OPT_KEY_ID];
	q->audience = cli->value[OPT_AUD];
	q->nonce = cli->value[OPT_NONCE_TEXT];
	return cli_hex(cli, "--hsm", cli->value[OPT_HSM], q->hsm_id, sizeof(q->hsm_id));
}

/* Both, or why not; the result is for relying_close(). */
static int open_relying(struct cli *cli, struct zkhsm_relying_request *q,
			struct zkhsm_relying **r, struct zkhsm_relying_result **result)
{
	const char *path = cli->value[OPT_RELYING];
	struct zkhsm_relying_config *c;
	int ret = read_request(cli, q);

	*r = NULL;
	*result = NULL;
	if (ret)
		return ret;
	c = calloc(1, sizeof(*c));
	*result = calloc(1, sizeof(**result));
	if (!c || !*result)
		ret = zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	ret = ret ? ret : zkhsm_relying_load(path, c, &cli->err);
	if (!ret && cli->value[OPT_AGENT] &&
	    snprintf(c->agent_url, sizeof(c->agent_url), "%s", cli->value[OPT_AGENT]) >=
	    (int)sizeof(c->agent_url))
		ret = zkhsm_fail(&cli->err, -EINVAL, "--agent is too long");
	ret = ret ? ret : zkhsm_relying_new(c, r, &cli->err);
	free(c);
	if (ret) {
		free(*result);
		*result = NULL;
	}
	return ret;
}

static void close_relying(struct zkhsm_relying *r, struct zkhsm_relying_result *result)
{
	zkhsm_relying_result_free(result);
	free(result);
	zkhsm_relying_free(r);
}

/* One token a line, of those who agree. */
static int show_tokens(struct cli *cli, const struct zkhsm_relying_result *result)
{
	char *text = NULL;
	bool done = false;
	size_t size;
	FILE *f;
	int ret;

	f = open_memstream(&text, &size);
	if (!f)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < result->vote_count; i++)
		if (!result->votes[i].code)
			fprintf(f, "%s\n", result->votes[i].token);
	fclose(f);
	ret = cli_write_out(cli, text, size, 0600, &done);
	if (!ret && cli->json)
		ret = cli_emit(cli, relying_json(result, true));
	else if (!ret && !done)
		fputs(text, stdout);
	free(text);
	return ret;
}

int relying_get(struct cli *cli)
{
	struct zkhsm_relying_result *result;
	struct zkhsm_relying_request q;
	struct zkhsm_relying *r;
	int ret;

	ret = open_relying(cli, &q, &r, &result);
	if (ret)
		return ret;
	ret = zkhsm_relying_tokens(r, &q, result) ? relying_failed(cli, result) :
	      show_tokens(cli, result);
	close_relying(r, result);
	return ret;
}

struct tokens {
	char *files[CLI_REPEAT_MAX];
	const char *list[ZKHSM_MANAGERS_MAX];
	size_t file_count, count;
};

static int read_tokens(struct cli *cli, struct tokens *t)
{
	for (int i = 0; i < cli->arg_count; i++) {
		char *save = NULL, *line;
		int ret = read_token(cli, cli->args[i], &t->files[t->file_count]);

		if (ret)
			return ret;
		line = strtok_r(t->files[t->file_count++], "\r\n", &save);
		for (; line; line = strtok_r(NULL, "\r\n", &save)) {
			if (t->count == ARRAY_SIZE(t->list))
				return zkhsm_fail(&cli->err, -E2BIG, "more than %zu tokens",
						  ARRAY_SIZE(t->list));
			t->list[t->count++] = line;
		}
	}
	return 0;
}

int relying_verify(struct cli *cli)
{
	struct zkhsm_relying_result *result = NULL;
	struct zkhsm_relying *r = NULL;
	struct zkhsm_relying_request q;
	struct tokens t = { .count = 0 };
	int ret;

	ret = read_tokens(cli, &t);
	ret = ret ? ret : open_relying(cli, &q, &r, &result);
	if (!ret) {
		ret = zkhsm_relying_verify(r, &q, t.list, t.count, result) ?
		      relying_failed(cli, result) : cli_emit(cli, relying_json(result, false));
		close_relying(r, result);
	}
	for (size_t i = 0; i < t.file_count; i++)
		free(t.files[i]);
	return ret;
}

static int show_signature(struct cli *cli, const struct zkhsm_relying_result *result,
			  const uint8_t digest[32])
{
	json_t *o;
	char *hex;

	if (!cli->json)
		return cli_emit_signature(cli, cli->value[OPT_KEY_ID], digest, result->signature,
					  result->public);
	o = relying_json(result, false);
	json_put_text(o, "id", cli->value[OPT_KEY_ID]);
	json_put_hex(o, "digest", digest, 32);
	json_put_hex(o, "signature", result->signature, 64);
	hex = zkhsm_hex(result->public, sizeof(result->public));
	json_put_text(o, "public", hex ? hex : "");
	free(hex);
	if (result->granted)
		json_put_hex(o, "receipt", result->receipt, sizeof(result->receipt));
	return cli_emit(cli, o);
}

int cmd_token_use(struct cli *cli)
{
	struct zkhsm_relying_result *result;
	struct zkhsm_relying_request q;
	struct zkhsm_relying *r;
	uint8_t digest[32];
	int ret;

	ret = cli_digest(cli, digest);
	ret = ret ? ret : open_relying(cli, &q, &r, &result);
	if (ret)
		return ret;
	ret = zkhsm_relying_sign(r, &q, digest, result) ? relying_failed(cli, result) :
	      show_signature(cli, result, digest);
	close_relying(r, result);
	return ret;
}
