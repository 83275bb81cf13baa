// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_key.c - keys
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"

/* --type, --usage, --state, --owner. */
static int params(struct cli *cli, struct zkhsm_key_params *p)
{
	const char *text = cli->value[OPT_TYPE];
	int n;

	p->id = cli->args[0];
	n = text ? key_type_parse(text) : 0;
	if (n < 0)
		return cli_usage(cli, "there is no key type %s", text);
	p->type = (uint32_t)n;
	text = cli->value[OPT_USAGE];
	if (text && zkhsm_usage_parse(text, &p->usage))
		return cli_usage(cli, "--usage is a list of sign, prove; not \"%s\"", text);
	p->set_usage = text;
	text = cli->value[OPT_STATE];
	n = text ? key_state_parse(text) : 0;
	if (n < 0)
		return cli_usage(cli, "there is no key state %s", text);
	p->state = (uint32_t)n;
	p->set_state = text;
	p->set_owner = cli->value[OPT_OWNER];
	p->set_flags = cli->value[OPT_LEASE_REQUIRED] || cli->value[OPT_GRANT_REQUIRED];
	p->flags = cli->value[OPT_LEASE_REQUIRED] ? ZKHSM_KEY_FLAG_LEASE_REQUIRED : 0;
	if (cli->value[OPT_GRANT_REQUIRED])
		p->flags |= ZKHSM_KEY_FLAG_GRANT_REQUIRED;
	return cli_uid(cli, OPT_OWNER, &p->owner_uid);
}

/*
 * The secret goes through the keyring, never over netlink, and is wiped and
 * revoked here whatever the kernel says to the import.
 */
static int import(struct cli *cli, struct zkhsm_key_params *p, struct zkhsm_key_info *info)
{
	struct zkhsm_error ignored;
	uint8_t scalar[32], *file;
	size_t len;
	int ret;

	ret = zkhsm_read_file(cli->value[OPT_IMPORT], 16384, &file, &len, &cli->err);
	if (ret)
		return ret;
	ret = zkhsm_pkcs8_scalar(file, len, scalar, &cli->err);
	memzero_explicit(file, len);
	free(file);
	if (!ret)
		ret = zkhsm_keyring_add(scalar, sizeof(scalar), &p->keyring_serial, &cli->err);
	memzero_explicit(scalar, sizeof(scalar));
	if (ret)
		return ret;
	p->set_serial = true;
	ret = zkhsm_key_new(cli->nl, p, info, &cli->err);
	/* An import that worked but left the secret in the keyring has not worked. */
	if (ret)
		zkhsm_keyring_revoke(p->keyring_serial, &ignored);
	else
		ret = zkhsm_keyring_revoke(p->keyring_serial, &cli->err);
	return ret;
}

/* Those that were made are there. What stopped it is what is told. */
static int keep_some(struct cli *cli, int ret)
{
	struct zkhsm_error why = cli->err;

	if (cli_durable(cli))
		fprintf(stderr, "zkhsm: key new: %s\n", cli->err.text);
	cli->err = why;
	return ret;
}

/* ID-000001 to ID-N. */
static int bulk(struct cli *cli, struct zkhsm_key_params *p, uint32_t count)
{
	char id[ZKHSM_ID_MAX_LEN + 1];
	struct zkhsm_key_info info;
	json_t *result;
	int ret;

	if (strlen(p->id) + 7 > ZKHSM_ID_MAX_LEN)
		return cli_usage(cli, "%s is too long for a prefix", p->id);
	for (uint32_t i = 1; i <= count; i++) {
		snprintf(id, sizeof(id), "%.57s-%06u", cli->args[0], i);
		p->id = id;
		ret = zkhsm_key_new(cli->nl, p, &info, &cli->err);
		if (ret) {
			fprintf(stderr, "zkhsm: key new: %u of %u made, stopped at %s\n", i - 1,
				count, id);
			p->id = cli->args[0];
			return keep_some(cli, ret);
		}
		if (i % 1000 == 0 || i == count)
			fprintf(stderr, "zkhsm: key new: %u of %u\n", i, count);
	}
	p->id = cli->args[0];
	/* Once for all of them: what nobody was told of yet may be lost. */
	ret = cli_durable(cli);
	if (ret)
		return ret;
	result = json_pack("{s:I, s:s+, s:s}", "count", (json_int_t)count, "first", cli->args[0],
			   "-000001", "last", id);
	return cli_emit(cli, result);
}

int cmd_key_new(struct cli *cli)
{
	struct zkhsm_key_params p = { .type = ZKHSM_KEY_TYPE_EC_P256 };
	struct zkhsm_key_info info;
	uint32_t count = 0;
	int ret;

	ret = params(cli, &p);
	ret = ret ? ret : cli_u32(cli, OPT_COUNT, 1, ZKHSM_KEYS_MAX, &count);
	if (ret)
		return ret;
	if (!p.type)
		p.type = ZKHSM_KEY_TYPE_EC_P256;
	if (!p.set_usage) {
		p.usage = ZKHSM_KEY_USAGE_SIGN | ZKHSM_KEY_USAGE_PROVE;
		p.set_usage = true;
	}
	if (count && cli->value[OPT_IMPORT])
		return cli_usage(cli, "--count and --import do not go together");
	ret = cli_open(cli);
	if (ret)
		return ret;
	if (count)
		return bulk(cli, &p, count);
	if (cli->value[OPT_IMPORT])
		ret = import(cli, &p, &info);
	else
		ret = zkhsm_key_new(cli->nl, &p, &info, &cli->err);
	ret = ret ? ret : cli_durable(cli);
	return ret ? ret : cli_emit(cli, json_key(&info));
}

static int add_key(const struct zkhsm_key_info *k, void *arg)
{
	return json_array_append_new(arg, json_key(k)) ? -ENOMEM : 0;
}

int cmd_key_list(struct cli *cli)
{
	json_t *keys = json_array();
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_key_list(cli->nl, add_key, keys, &cli->err);
	if (!ret)
		return cli_emit_table(cli, keys, "id,type,state,origin,usage,flags,owner-uid,uses");
	json_decref(keys);
	return ret;
}

int cmd_key_get(struct cli *cli)
{
	struct zkhsm_key_info info;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_key_get(cli->nl, cli->args[0], &info, &cli->err);
	return ret ? ret : cli_emit(cli, json_key(&info));
}

/* "works until ..., thanks to ...", or what is missing. */
static void print_leases(const struct zkhsm_key_info *k, const struct cli_managers *m)
{
	char text[CLI_WHEN_SIZE], label[ZKHSM_LABEL_MAX_LEN + 1];
	bool works = k->leases_granted >= k->leases_needed;
	const char *separator = k->works_until_ms ? ", thanks to " : "; granted only by ";

	if (k->works_until_ms == UINT64_MAX)
		printf("works without leases too, which is only reported; %llu times so far",
		       (unsigned long long)k->unleased_uses);
	else if (k->works_until_ms)
		printf("works until %s", cli_when(&m->clock, k->works_until_ms, text));
	else
		printf("DOES NOT WORK");
	for (size_t i = 0; i < k->lease_count; i++) {
		if (k->leases[i].verdict != ZKHSM_LEASE_VERDICT_GRANT)
			continue;
		printf("%s%s", separator, cli_manager_label(m, k->leases[i].manager_id, label));
		separator = ", ";
	}
	printf("\n%u of %u leases that it takes", k->leases_granted, k->leases_needed);
	if (!works && k->works_until_ms && k->works_until_ms != UINT64_MAX)
		printf("; only the grace after their end lets it go on");
	else if (!works)
		printf("; %u missing", k->leases_needed - k->leases_granted);
	putchar('\n');
}

static void print_lease_of_key(const struct zkhsm_key_lease *l, const struct cli_managers *m)
{
	static const char *const says[] = {
		[ZKHSM_LEASE_VERDICT_DENY] = "its lease does not grant this key",
		[ZKHSM_LEASE_VERDICT_GRANT] = "grants it",
		[ZKHSM_LEASE_VERDICT_EXPIRED] = "its lease has ended",
		[ZKHSM_LEASE_VERDICT_CHANGED] = "the key has changed since its lease",
		[ZKHSM_LEASE_VERDICT_NONE] = "no lease yet",
	};
	char text[CLI_WHEN_SIZE], label[ZKHSM_LABEL_MAX_LEN + 1];

	printf("  %s: %s", cli_manager_label(m, l->manager_id, label),
	       l->verdict < ARRAY_SIZE(says) && says[l->verdict] ? says[l->verdict] : "?");
	if (l->expires_ms)
		printf(", until %s", cli_when(&m->clock, l->expires_ms, text));
	putchar('\n');
}

static void print_key(const struct zkhsm_key_info *k, const struct cli_managers *m)
{
	printf("%s: %s", k->id, zkhsm_state_name(k->state));
	if (k->has_reason)
		printf(" (%s)", zkhsm_revocation_reason_name(k->reason));
	printf(", used %llu times\n", (unsigned long long)k->uses);
	if (k->flags & ZKHSM_KEY_FLAG_GRANT_REQUIRED)
		printf("each operation needs grants of managers\n");
	if (!k->lease_required) {
		printf("requires no leases\n");
		return;
	}
	/* Leases say nothing of the state, and the state nothing of leases. */
	if (k->state != ZKHSM_KEY_STATE_ACTIVE)
		printf("as it is not active, whatever leases say it does not work; they say: ");
	print_leases(k, m);
	for (size_t i = 0; i < k->lease_count; i++)
		print_lease_of_key(&k->leases[i], m);
}

static json_t *json_key_shown(const struct zkhsm_key_info *k, const struct cli_managers *m)
{
	json_t *o = json_key(k), *row;
	char label[ZKHSM_LABEL_MAX_LEN + 1];
	size_t i;

	if (!k->lease_required)
		return o;
	json_put_number(o, "leases-missing", k->leases_granted < k->leases_needed ?
			k->leases_needed - k->leases_granted : 0);
	if (k->works_until_ms && k->works_until_ms != UINT64_MAX) {
		json_put_boot_time(o, "works-until", &m->clock, k->works_until_ms);
		json_put_number(o, "works-for-ms", k->works_until_ms > m->clock.boot_ms ?
				k->works_until_ms - m->clock.boot_ms : 0);
	}
	json_array_foreach(json_object_get(o, "lease"), i, row) {
		json_put_text(row, "label",
			      cli_manager_label(m, k->leases[i].manager_id, label));
		if (k->leases[i].expires_ms)
			json_put_boot_time(row, "expires", &m->clock, k->leases[i].expires_ms);
	}
	return o;
}

/* key get tells every attribute; this, whether it works, how long, thanks to whom. */
int cmd_key_show(struct cli *cli)
{
	struct cli_managers m;
	struct zkhsm_key_info info;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_key_get(cli->nl, cli->args[0], &info, &cli->err);
	ret = ret ? ret : cli_managers(cli, &m);
	if (ret)
		return ret;
	if (cli->json)
		return cli_emit(cli, json_key_shown(&info, &m));
	print_key(&info, &m);
	return 0;
}

int cmd_key_set(struct cli *cli)
{
	struct zkhsm_key_params p = { 0 };
	struct zkhsm_key_info info;
	int ret;

	ret = params(cli, &p);
	if (!ret && !p.set_usage && !p.set_state && !p.set_owner && !p.set_flags)
		ret = cli_usage(cli, "needs --usage, --state, --owner, --lease-required or "
				     "--grant-required");
	ret = ret ? ret : cli_open(cli);
	/* The kernel takes the whole set of flags, of which none can go. */
	if (!ret && p.set_flags)
		ret = zkhsm_key_get(cli->nl, p.id, &info, &cli->err);
	if (!ret && p.set_flags)
		p.flags |= info.flags;
	ret = ret ? ret : zkhsm_key_set(cli->nl, &p, &info, &cli->err);
	ret = ret ? ret : cli_durable(cli);
	return ret ? ret : cli_emit(cli, json_key(&info));
}

int cmd_key_del(struct cli *cli)
{
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_key_del(cli->nl, cli->args[0], &cli->err);
	ret = ret ? ret : cli_durable(cli);
	return ret ? ret : cli_emit(cli, json_pack("{s:s, s:b}", "id", cli->args[0], "deleted", 1));
}

int cmd_key_sign(struct cli *cli)
{
	uint8_t digest[32], signature[64], public[65];
	int ret;

	if (cli->value[OPT_CLIENT_KEY] && !cli->value_count[REPEAT_GRANT_FILE])
		return cli_usage(cli, "--client-key goes with --grant");
	ret = cli_digest(cli, digest);
	if (!ret && cli->value_count[REPEAT_GRANT_FILE])
		return cli_sign_granted(cli, digest);
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_key_sign(cli->nl, cli->args[0], digest, signature, public,
					 &cli->err);
	return ret ? ret : cli_emit_signature(cli, cli->args[0], digest, signature, public);
}

int cmd_key_public(struct cli *cli)
{
	struct zkhsm_key_info info;
	char *pem = NULL;
	json_t *o = NULL;
	bool done;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_key_get(cli->nl, cli->args[0], &info, &cli->err);
	if (ret)
		return ret;
	pem = public_pem(info.public);
	if (!pem)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	ret = cli_write_out(cli, cli->value[OPT_PEM] ? (void *)pem : info.public,
			    cli->value[OPT_PEM] ? strlen(pem) : sizeof(info.public), 0644, &done);
	if (!ret && cli->value[OPT_PEM] && !done && !cli->json) {
		fputs(pem, stdout);
	} else if (!ret && (!done || cli->json)) {
		o = json_object();
		json_put_text(o, "id", info.id);
		json_put_hex(o, "public", info.public, sizeof(info.public));
		json_put_hex(o, "element", info.element, sizeof(info.element));
		if (cli->value[OPT_PEM])
			json_put_text(o, "pem", pem);
		ret = cli_emit(cli, o);
	}
	free(pem);
	return ret;
}
