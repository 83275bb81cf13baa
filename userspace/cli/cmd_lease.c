// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_lease.c - leases: those that there are, and one made by hand
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"

#define TTL_DEFAULT_MS	3600000

/* What stands in the table for people; JSON has the numbers. */
static json_t *row(const struct zkhsm_lease_info *l, const struct cli_clock *c, bool text)
{
	char when[CLI_WHEN_SIZE];
	json_t *o = json_lease(l, c);

	if (text)
		json_put_text(o, "until", l->expires_ms ? cli_when(c, l->expires_ms, when) : NULL);
	return o;
}

int cmd_lease_show(struct cli *cli)
{
	const struct zkhsm_lease_info *one = NULL;
	struct cli_managers m = { 0 };
	json_t *rows = json_array();
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : cli_managers(cli, &m);
	/* Here there is nothing else to tell: say why there is nothing. */
	if (!ret && !m.count)
		ret = cli->err.code;
	if (!ret && cli->arg_count)
		ret = cli_manager_find(cli, &m, cli->args[0], &one);
	for (size_t i = 0; i < m.count && !ret; i++)
		if (!one || one == &m.lease[i])
			json_array_append_new(rows, row(&m.lease[i], &m.clock, !cli->json));
	if (!ret)
		return cli_emit_table(cli, rows,
				      "label,verdict,exceptions,number,until,manager-id");
	json_decref(rows);
	return ret;
}

/* What a lease is made from: evidence that holds. */
struct grounds {
	struct zkhsm_keylist *list;
	struct zkhsm_statement s;
	struct zkhsm_configuration c;
	uint8_t statement[32];
};

static int read_grounds(struct cli *cli, struct grounds *g)
{
	struct zkhsm_statement again;
	struct bundle b;
	size_t len = 0;
	int ret;

	memset(g, 0, sizeof(*g));
	ret = bundle_read(cli, cli->value[OPT_EVIDENCE_FILE], &b);
	if (ret)
		return ret;
	ret = zkhsm_keylist_new(b.list.data, b.list.len, &g->list, &cli->err);
	ret = ret ? ret : zkhsm_verify_evidence(b.evidence.data, b.evidence.len, g->list,
						b.configuration.data, b.configuration.len, &g->s,
						&cli->err);
	ret = ret ? ret : zkhsm_configuration_check(b.configuration.data, b.configuration.len,
						    &g->c, &cli->err);
	if (!ret && zkhsm_evidence_decode(&again, &len, b.evidence.data, b.evidence.len))
		ret = zkhsm_fail(&cli->err, -EBADMSG, "the evidence is malformed");
	if (!ret)
		zkhsm_sha256(b.evidence.data, len, g->statement);
	bundle_free(&b);
	return ret;
}

/* A key by its id in L, or by an element name, which need not be in L. */
static int element_of(struct cli *cli, const struct grounds *g, const char *key, uint8_t out[32])
{
	struct zkhsm_list_entry entry;
	const struct zkhsm_list_entry *e = zkhsm_keylist_find(g->list, key, &entry);

	if (e) {
		zkhsm_element_name(e->type, e->public, out);
		return 0;
	}
	if (zkhsm_unhex(key, out, 32))
		return zkhsm_fail(&cli->err, -ENOENT, "the evidence lists no key called %.80s",
				  key);
	return 0;
}

/* --deny: all but these; --grant: only these. */
static int read_terms(struct cli *cli, const struct grounds *g,
		      uint8_t exceptions[CLI_REPEAT_MAX][32], struct zkhsm_lease_terms *l)
{
	int which = cli->value_count[REPEAT_GRANT] ? REPEAT_GRANT : REPEAT_DENY;
	int ret = 0;

	l->verdict = which == REPEAT_GRANT ? ZKHSM_LEASE_VERDICT_DENY :
		     ZKHSM_LEASE_VERDICT_GRANT;
	l->exception_count = cli->value_count[which];
	l->exceptions = (const uint8_t (*)[32])exceptions;
	for (size_t i = 0; i < l->exception_count && !ret; i++)
		ret = element_of(cli, g, cli->values[which][i], exceptions[i]);
	if (!ret && l->ttl_ms > g->c.max_ttl_ms)
		ret = zkhsm_fail(&cli->err, -EINVAL,
				 "this HSM takes leases of %llu s at most",
				 (unsigned long long)(g->c.max_ttl_ms / 1000));
	memcpy(l->statement, g->statement, 32);
	return ret;
}

/* Only who is pinned there, and was asked, has a word; what it ordered last the kernel says. */
static int signer(struct cli *cli, const struct grounds *g, EVP_PKEY **key, uint8_t id[32],
		  uint64_t *least)
{
	uint8_t public[65];
	bool pinned = false;
	int ret;

	ret = zkhsm_signer_load(cli->value[OPT_SIGNING_KEY], key, &cli->err);
	if (ret)
		return ret;
	if (zkhsm_signer_public(*key, public))
		return zkhsm_fail(&cli->err, -EINVAL, "the key in %s is not on P-256",
				  cli->value[OPT_SIGNING_KEY]);
	for (unsigned int i = 0; i < g->c.manager_count; i++)
		pinned |= !memcmp(g->c.managers[i], public, sizeof(public));
	if (!pinned)
		return zkhsm_fail(&cli->err, -ENOKEY,
				  "this HSM has not pinned the manager of this key");
	zkhsm_sha256(public, sizeof(public), id);
	*least = 0;
	for (uint32_t i = 0; i < g->s.challenge_count; i++)
		if (!memcmp(g->s.challenges[i].manager_id, id, 32))
			*least = g->s.challenges[i].last_number;
	return 0;
}

static json_t *issued_json(const struct grounds *g, const struct zkhsm_lease_terms *l,
			   const uint8_t manager_id[32])
{
	json_t *o = json_object(), *elements = json_array();

	for (size_t i = 0; i < l->exception_count; i++) {
		char *hex = zkhsm_hex(l->exceptions[i], 32);

		json_array_append_new(elements, json_string(hex ? hex : "?"));
		free(hex);
	}
	json_put_hex(o, "hsm-id", g->s.hsm_id, 32);
	json_put_number(o, "number", g->s.number);
	json_put_number(o, "boot-count", g->s.boot_count);
	json_put_number(o, "uptime-ms", g->s.uptime_ms);
	json_put_number(o, "keys", zkhsm_keylist_count(g->list));
	json_put_hex(o, "configuration-digest", g->s.config_digest, 32);
	json_put_hex(o, "manager-id", manager_id, 32);
	json_put_text(o, "verdict", zkhsm_lease_verdict_name(l->verdict));
	json_object_set_new(o, "exceptions", elements);
	json_put_number(o, "ttl-ms", l->ttl_ms);
	json_put_number(o, "least", l->least);
	return o;
}

static void print_issued(struct cli *cli, const struct grounds *g,
			 const struct zkhsm_lease_terms *l)
{
	char span[CLI_WHEN_SIZE], *hsm = zkhsm_hex(g->s.hsm_id, 32);

	printf("Lease for HSM %s\n", hsm ? hsm : "?");
	printf("whose evidence number %u is true, and lists %zu key%s.\n", g->s.number,
	       zkhsm_keylist_count(g->list), zkhsm_keylist_count(g->list) == 1 ? "" : "s");
	if (l->verdict == ZKHSM_LEASE_VERDICT_DENY)
		printf("It grants %zu and no other", l->exception_count);
	else if (l->exception_count)
		printf("It grants all but %zu", l->exception_count);
	else
		printf("It grants all");
	printf(", for %s from when the evidence was made (not from now).\n"
	       "%u of %u managers have to grant. On that host: zkhsm order apply %s\n",
	       cli_span(l->ttl_ms, span), g->c.quorum, g->c.manager_count,
	       cli->value[OPT_OUT]);
	free(hsm);
}

/*
 * Break-glass: a manager whose key is kept off line, and which counts in n like
 * the others, grants by hand what these can not.
 */
static int issue(struct cli *cli, struct grounds *g)
{
	uint8_t exceptions[CLI_REPEAT_MAX][32], id[32], *order = NULL;
	struct zkhsm_lease_terms l = { .ttl_ms = TTL_DEFAULT_MS };
	EVP_PKEY *key = NULL;
	json_t *o;
	size_t len;
	bool done;
	int ret;

	if (l.ttl_ms > g->c.max_ttl_ms)
		l.ttl_ms = g->c.max_ttl_ms;
	ret = cli_duration(cli, OPT_TTL, 1, ZKHSM_TTL_MAX_MS, &l.ttl_ms);
	ret = ret ? ret : read_terms(cli, g, exceptions, &l);
	ret = ret ? ret : signer(cli, g, &key, id, &l.least);
	ret = ret ? ret : zkhsm_lease_make(key, g->s.hsm_id, &l, &order, &len, &cli->err);
	ret = ret ? ret : cli_write_out(cli, order, len, 0644, &done);
	EVP_PKEY_free(key);
	free(order);
	if (ret)
		return ret;
	if (!cli->json) {
		print_issued(cli, g, &l);
		return 0;
	}
	o = issued_json(g, &l, id);
	json_put_text(o, "file", cli->value[OPT_OUT]);
	return cli_emit(cli, o);
}

int cmd_lease_issue(struct cli *cli)
{
	struct grounds g;
	uint64_t unused;
	int ret;

	if (cli->value_count[REPEAT_DENY] && cli->value_count[REPEAT_GRANT])
		return cli_usage(cli, "--deny or --grant, not both");
	ret = cli_duration(cli, OPT_TTL, 1, ZKHSM_TTL_MAX_MS, &unused);
	if (ret)
		return ret;
	ret = read_grounds(cli, &g);
	ret = ret ? ret : issue(cli, &g);
	if (g.list)
		zkhsm_keylist_free(g.list);
	return ret;
}
