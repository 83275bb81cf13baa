// SPDX-License-Identifier: GPL-2.0
/*
 * remote.c - asking the kernel through netlink, managers and agents over HTTPS
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int cli_open(struct cli *cli)
{
	return zkhsm_nl_open(&cli->nl, &cli->err);
}

static const char *given(struct cli *cli, enum cli_option o, const char *environment)
{
	const char *value = cli->value[o] ? cli->value[o] : getenv(environment);

	return value && *value ? value : NULL;
}

int cli_connect(struct cli *cli, const char *url, bool client_cert, struct zkhsm_https **out)
{
	struct zkhsm_https_config c = {
		.base_url = url,
		.ca_file = given(cli, OPT_CA, "ZKHSM_CA"),
		.connect_timeout_ms = 10000,
		.timeout_ms = 60000,
		.cancel = cli->cancel,
	};

	if (!c.ca_file)
		return cli_usage(cli, "needs --ca or ZKHSM_CA");
	if (client_cert) {
		c.cert_file = given(cli, OPT_CERT, "ZKHSM_CERT");
		c.key_file = given(cli, OPT_KEY_FILE, "ZKHSM_KEY");
		if (!c.cert_file || !c.key_file)
			return cli_usage(cli, "needs --cert and --key (ZKHSM_CERT, ZKHSM_KEY)");
	}
	return zkhsm_https_new(&c, out, &cli->err);
}

int cli_connect_manager(struct cli *cli, bool client_cert, struct zkhsm_https **out)
{
	const char *url = given(cli, OPT_MANAGER_URL, "ZKHSM_MANAGER");

	if (!url)
		return cli_usage(cli, "needs --manager or ZKHSM_MANAGER");
	return cli_connect(cli, url, client_cert, out);
}

int cli_json_load(struct cli *cli, const char *what, const void *data, size_t len, json_t **out)
{
	json_error_t error;

	*out = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
	if (!*out)
		return zkhsm_fail(&cli->err, -EBADMSG, "%s is not JSON: %s (line %d)", what,
				  error.text, error.line);
	return 0;
}

/* Keeps the URN of the refusal for those who read JSON. */
static int refused(struct cli *cli, const struct zkhsm_response *r)
{
	char type[64];

	zkhsm_response_type(r, type);
	cli->remote_status = r->status;
	snprintf(cli->remote_type, sizeof(cli->remote_type), "%s", type);
	return zkhsm_response_problem(r, &cli->err);
}

/* It was not done: who goes by the exit status must not think so. */
static int proposed(struct cli *cli, const struct zkhsm_response *r)
{
	json_t *o;
	int ret = cli_json_load(cli, "the answer", r->body, r->body_len, &o);

	if (ret)
		return ret;
	if (!cli->json)
		fprintf(stderr,
			"zkhsm: this takes two administrators, and is a proposal now. It is done when another one runs\n"
			"  zkhsm manager approve %.16s\n", json_string_value(json_object_get(o, "proposal")) ?
			json_string_value(json_object_get(o, "proposal")) : "?");
	ret = cli_emit(cli, o);
	return ret ? ret : CLI_FAILED;
}

static int ask(struct cli *cli, struct zkhsm_https *h, const char *method, const char *path,
	       const char *body, struct zkhsm_response *r)
{
	int ret;

	ret = zkhsm_https_do(h, method, path, body ? "application/json" : NULL, body,
			     body ? strlen(body) : 0, r, &cli->err);
	if (ret)
		return ret;
	if (r->status < 200 || r->status > 299)
		ret = refused(cli, r);
	else if (r->status == 202)
		ret = proposed(cli, r);
	if (ret)
		zkhsm_response_free(r);
	return ret;
}

int cli_request_raw(struct cli *cli, struct zkhsm_https *h, const char *path,
		    struct zkhsm_response *r)
{
	return ask(cli, h, "GET", path, NULL, r);
}

int cli_request(struct cli *cli, struct zkhsm_https *h, const char *method, const char *path,
		json_t *body, json_t **answer)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct zkhsm_response r = { 0 };
	int ret;

	if (answer)
		*answer = NULL;
	if (body && !text)
		ret = zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	else
		ret = ask(cli, h, method, path, text, &r);
	if (!ret) {
		if (answer && r.status != 204)
			ret = cli_json_load(cli, "the answer", r.body, r.body_len, answer);
		zkhsm_response_free(&r);
	}
	free(text);
	json_decref(body);
	return ret;
}

/* "https://host:port[/path]" apart; no path: the well-known one. */
static int jwks_from_url(struct cli *cli, const char *url, json_t **jwks)
{
	const char *path = strchr(url + strlen("https://"), '/');
	struct zkhsm_https *h = NULL;
	char *base;
	int ret;

	base = path ? strndup(url, (size_t)(path - url)) : strdup(url);
	if (!base)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	ret = cli_connect(cli, base, false, &h);
	if (!ret) {
		ret = cli_request(cli, h, "GET", path && path[1] ? path : ZKHSM_JWKS_PATH, NULL, jwks);
		zkhsm_https_free(h);
	}
	free(base);
	return ret;
}

int cli_jwks(struct cli *cli, struct zkhsm_https *h, json_t **jwks)
{
	const char *from = cli->value[OPT_JWKS];

	if (!from)
		return cli_request(cli, h, "GET", ZKHSM_JWKS_PATH, NULL, jwks);
	if (strncmp(from, "https://", 8) == 0)
		return jwks_from_url(cli, from, jwks);
	return zkhsm_jwks_load(from, jwks, &cli->err);
}
