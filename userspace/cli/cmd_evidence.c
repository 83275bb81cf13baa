// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_evidence.c - ask for evidence, and say what evidence proves
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"

#define TRIES	5

static int challenges(struct cli *cli, struct zkhsm_challenge *c, size_t *count)
{
	int ret = 0;

	*count = cli->value_count[REPEAT_MANAGER];
	if (cli->value_count[REPEAT_NONCE] != *count)
		return cli_usage(cli, "needs one --nonce for each --manager");
	for (size_t i = 0; i < *count && !ret; i++) {
		ret = cli_hex(cli, "--manager", cli->values[REPEAT_MANAGER][i],
			      c[i].manager_id, 32);
		ret = ret ? ret : cli_hex(cli, "--nonce", cli->values[REPEAT_NONCE][i],
					  c[i].nonce, 32);
	}
	return ret;
}

static int keep(struct blob *b, const void *data, size_t len)
{
	b->data = malloc(len ? len : 1);
	if (!b->data)
		return -ENOMEM;
	memcpy(b->data, data, len);
	b->len = len;
	return 0;
}

/*
 * Evidence names list and configuration by digest; fetched after it they can
 * be newer. -EAGAIN then: new evidence is wanted.
 */
static int collect(struct cli *cli, const struct zkhsm_challenge *c, size_t count,
		   struct zkhsm_evidence *e, struct bundle *b)
{
	struct zkhsm_hsm_info info;
	uint8_t digest[32];
	int ret;

	if (cli->value[OPT_OFFLINE])
		ret = zkhsm_evidence_get_offline(cli->nl, c, count, e, &cli->err);
	else
		ret = zkhsm_evidence_get(cli->nl, c, count, NULL, e, &cli->err);
	ret = ret ? ret : zkhsm_list_get(cli->nl, e->list_digest, &b->list.data, &b->list.len,
					 &cli->err);
	ret = ret ? ret : zkhsm_hsm_get(cli->nl, &info, &cli->err);
	if (ret)
		return ret;
	zkhsm_sha256(info.configuration, info.configuration_len, digest);
	if (memcmp(digest, e->config_digest, 32) != 0)
		return zkhsm_fail(&cli->err, -EAGAIN, "the configuration changed meanwhile");
	if (keep(&b->evidence, e->evidence, e->evidence_len) ||
	    keep(&b->announcement, e->announcement, e->announcement_len) ||
	    keep(&b->configuration, info.configuration, info.configuration_len))
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	return 0;
}

static int show_collected(struct cli *cli, const struct zkhsm_evidence *e, const struct bundle *b)
{
	json_t *o = bundle_json(b);
	bool done = false;
	char *text;
	int ret;

	text = json_dumps(o, JSON_INDENT(2));
	if (!text)
		ret = zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	else
		ret = cli_write_out(cli, text, strlen(text), 0644, &done);
	if (!ret && !done) {
		ret = cli_emit(cli, json_incref(o));
	} else if (!ret) {
		json_t *s = json_object();

		json_put_number(s, "number", e->number);
		json_put_number(s, "evidence-bytes", e->evidence_len);
		json_put_hex(s, "list-digest", e->list_digest, 32);
		json_put_number(s, "list-bytes", b->list.len);
		json_put_hex(s, "configuration-digest", e->config_digest, 32);
		json_put_text(s, "file", cli->value[OPT_OUT]);
		ret = cli_emit(cli, s);
	}
	free(text);
	json_decref(o);
	return ret;
}

int cmd_evidence_get(struct cli *cli)
{
	struct zkhsm_challenge c[ZKHSM_MANAGERS_MAX] = { 0 };
	struct zkhsm_evidence e;
	struct bundle b = { 0 };
	size_t count;
	int ret;

	ret = challenges(cli, c, &count);
	ret = ret ? ret : cli_open(cli);
	if (ret)
		return ret;
	for (int i = 0; i < TRIES; i++) {
		bundle_free(&b);
		ret = collect(cli, c, count, &e, &b);
		/* An empty rate bucket does not fill by asking again. */
		if (ret != -EAGAIN || cli->err.reason == ZKHSM_REASON_RATE)
			break;
	}
	if (!ret)
		ret = show_collected(cli, &e, &b);
	bundle_free(&b);
	return ret;
}

static json_t *challenges_json(const struct zkhsm_statement *s)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < s->challenge_count; i++) {
		const struct zkhsm_challenge *c = &s->challenges[i];
		json_t *o = json_object();

		json_put_hex(o, "manager-id", c->manager_id, 32);
		json_put_hex(o, "nonce", c->nonce, 32);
		json_put_number(o, "last-number", c->last_number);
		json_put_hex(o, "last-digest", c->last_digest, 32);
		json_array_append_new(array, o);
	}
	return array;
}

static json_t *keys_json(const struct zkhsm_keylist *l, size_t *proved)
{
	json_t *array = json_array();

	*proved = 0;
	for (size_t i = 0; i < zkhsm_keylist_count(l); i++) {
		struct zkhsm_list_entry entry;
		const struct zkhsm_list_entry *e = zkhsm_keylist_entry(l, i, &entry);
		json_t *o = json_list_entry(e);

		json_object_set_new(o, "proved", json_boolean(zkhsm_list_entry_proved(e)));
		*proved += zkhsm_list_entry_proved(e);
		json_array_append_new(array, o);
	}
	return array;
}

/* Every word of S that a person may ask about; the keys apart. */
static json_t *statement_json(const struct zkhsm_statement *s, const struct zkhsm_configuration *c)
{
	char version[32];
	json_t *o = json_object();

	snprintf(version, sizeof(version), "%u.%u.%u", s->module_version >> 16,
		 s->module_version >> 8 & 0xff, s->module_version & 0xff);
	json_object_set_new(o, "verified", json_true());
	json_put_hex(o, "hsm-id", s->hsm_id, 32);
	json_put_hex(o, "identity", s->identity, 65);
	json_put_number(o, "number", s->number);
	json_put_number(o, "boot-count", s->boot_count);
	json_put_number(o, "fork-count", s->fork_count);
	json_put_hex(o, "instance-id", s->instance_id, 16);
	json_put_number(o, "uptime-ms", s->uptime_ms);
	json_put_text(o, "module-version", version);
	json_object_set_new(o, "challenge", challenges_json(s));
	json_put_hex(o, "configuration-digest", s->config_digest, 32);
	json_object_set_new(o, "configuration", json_configuration(c));
	json_put_hex(o, "list-digest", s->list_digest, 32);
	json_put_number(o, "list-count", s->list_count);
	return o;
}

static void print_evidence(const json_t *o, size_t proved)
{
	const char *hsm = json_string_value(json_object_get(o, "hsm-id"));
	long long up = json_integer_value(json_object_get(o, "uptime-ms"));
	json_t *rest = json_copy((json_t *)o), *keys = json_object_get(o, "keys");

	printf("True: HSM %s\n"
	       "knows the secrets of its identity and of %zu of the %zu keys it lists, as of\n"
	       " %lld h %02lld min %02lld.%03lld s after its boot (evidence number %lld).\n"
	       "Whether that is now, the nonce below says to the manager who gave it. States, origins\n"
	       "and usages are the word of the identity.\n\n", hsm, proved, json_array_size(keys),
	       up / 3600000, up / 60000 % 60, up / 1000 % 60, up % 1000,
	       (long long)json_integer_value(json_object_get(o, "number")));
	json_object_del(rest, "keys");
	json_object_del(rest, "verified");
	cli_print_object(rest, 0);
	printf("\n");
	cli_print_table(keys, "id,state,origin,usage,flags,proved,element", 0);
	json_decref(rest);
}

/* --manager and --nonce, if given, must stand in S. */
static int expect_challenges(struct cli *cli, const struct zkhsm_statement *s)
{
	struct zkhsm_challenge wanted[ZKHSM_MANAGERS_MAX];
	size_t count;
	int ret;

	ret = challenges(cli, wanted, &count);
	for (size_t i = 0; i < count && !ret; i++) {
		uint32_t k = 0;

		while (k < s->challenge_count &&
		       memcmp(&s->challenges[k], &wanted[i], 64) != 0)
			k++;
		if (k == s->challenge_count)
			ret = zkhsm_fail(&cli->err, -EKEYREJECTED,
					 "the evidence does not answer this nonce of manager %.16s...",
					 cli->values[REPEAT_MANAGER][i]);
	}
	return ret;
}

static int verify(struct cli *cli, const struct bundle *b, struct zkhsm_keylist *l)
{
	struct zkhsm_configuration c;
	struct zkhsm_announcement a;
	struct zkhsm_statement s;
	size_t proved;
	json_t *o;
	int ret;

	ret = zkhsm_verify_evidence(b->evidence.data, b->evidence.len, l, b->configuration.data,
				    b->configuration.len, &s, &cli->err);
	if (!ret && b->announcement.len)
		ret = zkhsm_verify_announcement(s.identity, b->announcement.data,
						b->announcement.len, &a, &cli->err);
	if (!ret && b->announcement.len && memcmp(a.list_digest, s.list_digest, 32) != 0)
		ret = zkhsm_fail(&cli->err, -EKEYREJECTED, "the announcement is of another list");
	ret = ret ? ret : expect_challenges(cli, &s);
	if (!ret && zkhsm_configuration_decode(&c, b->configuration.data, b->configuration.len))
		ret = zkhsm_fail(&cli->err, -EBADMSG, "the configuration is malformed");
	if (ret)
		return ret;
	o = statement_json(&s, &c);
	json_object_set_new(o, "keys", keys_json(l, &proved));
	json_put_number(o, "proved", proved);
	if (cli->json)
		return cli_emit(cli, o);
	print_evidence(o, proved);
	json_decref(o);
	return 0;
}

int cmd_evidence_verify(struct cli *cli)
{
	struct zkhsm_keylist *l = NULL;
	struct bundle b;
	int ret;

	ret = bundle_read(cli, cli->args[0], &b);
	if (ret)
		return ret;
	ret = zkhsm_keylist_new(b.list.data, b.list.len, &l, &cli->err);
	if (!ret) {
		ret = verify(cli, &b, l);
		zkhsm_keylist_free(l);
	}
	bundle_free(&b);
	return ret;
}
