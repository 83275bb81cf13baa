// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_hsm.c - the identity and what the kernel enforces
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static int params(struct cli *cli, struct zkhsm_hsm_params *p)
{
	int ret;

	ret = cli_u32(cli, OPT_QUORUM, 1, ZKHSM_MANAGERS_MAX, &p->quorum);
	ret = ret ? ret : cli_u32(cli, OPT_STOP, 1, ZKHSM_MANAGERS_MAX, &p->stop);
	ret = ret ? ret : cli_u32(cli, OPT_WIPE, 1, ZKHSM_MANAGERS_MAX, &p->wipe);
	ret = ret ? ret : cli_uid(cli, OPT_AGENT_UID, &p->agent_uid);
	ret = ret ? ret : cli_grace(cli, OPT_ENFORCE_GRACE, &p->enforce_grace_ms);
	ret = ret ? ret : cli_duration(cli, OPT_MAX_TTL, ZKHSM_TTL_MIN_MS, ZKHSM_TTL_MAX_MS,
				       &p->max_ttl_ms);
	p->set_agent = cli->value[OPT_AGENT_UID];
	p->set_grace = cli->value[OPT_ENFORCE_GRACE];
	return ret;
}

/* --kek..., --shares or --tpm-pcrs: which class of KEK, if any. */
static int kek_params(struct cli *cli, struct zkhsm_hsm_params *p)
{
	bool keyring = cli->value[OPT_KEK_FILE] || cli->value[OPT_KEK] || cli->value[OPT_KEK_KEY];
	bool shares = cli->value[OPT_SHARES], tpm = cli->value[OPT_TPM_PCRS];
	int ret;

	if (keyring + shares + tpm > 1)
		return cli_usage(cli, "one KEK: from a file or the keyring, --shares or --tpm-pcrs");
	if (cli->value[OPT_COUNTER] && !keyring && !shares && !tpm)
		return cli_usage(cli, "--%s is for what is sealed: it needs a KEK", "counter");
	ret = cli_handle(cli, OPT_COUNTER, &p->counter_index);
	ret = ret ? ret : cli_pcrs(cli, OPT_TPM_PCRS, &p->tpm_pcrs);
	if (keyring)
		p->kek_class = ZKHSM_KEK_CLASS_KEYRING;
	else if (shares)
		p->kek_class = ZKHSM_KEK_CLASS_SHARES;
	else if (tpm)
		p->kek_class = ZKHSM_KEK_CLASS_TPM;
	return ret;
}

/*
 * The store is made first: an identity that cannot be stored would be lost with
 * this kernel, and one that takes another's place would lose that.
 */
static int new_in_store(struct cli *cli, struct zkhsm_hsm_params *p, struct zkhsm_hsm_info *info)
{
	struct zkhsm_store *s;
	int ret;

	ret = cli_store_open(cli, true, p->set_agent ? p->agent_uid : 0, &s);
	if (ret)
		return ret;
	if (!zkhsm_store_empty(s))
		ret = zkhsm_fail(&cli->err, -EEXIST,
				 "another HSM is stored in %s: unseal it, or take another --store",
				 cli_store_path(cli));
	ret = ret ? ret : cli_kek(cli, &p->keyring_serial);
	if (!ret) {
		ret = zkhsm_hsm_new(cli->nl, p, info, &cli->err);
		ret = cli_kek_done(cli, p->keyring_serial, ret);
	}
	zkhsm_store_close(s);
	return ret ? ret : cli_durable(cli);
}

int cmd_hsm_new(struct cli *cli)
{
	struct zkhsm_hsm_params p = { 0 };
	struct zkhsm_hsm_info info;
	int ret;

	ret = params(cli, &p);
	ret = ret ? ret : kek_params(cli, &p);
	ret = ret ? ret : cli_open(cli);
	if (!ret && p.kek_class) {
		ret = new_in_store(cli, &p, &info);
		ret = ret ? ret : zkhsm_hsm_get(cli->nl, &info, &cli->err);
	} else if (!ret) {
		ret = zkhsm_hsm_new(cli->nl, &p, &info, &cli->err);
	}
	return ret ? ret : cli_emit(cli, json_hsm(&info));
}

int cmd_hsm_get(struct cli *cli)
{
	struct zkhsm_hsm_info info;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_get(cli->nl, &info, &cli->err);
	return ret ? ret : cli_emit(cli, json_hsm(&info));
}

int cmd_hsm_set(struct cli *cli)
{
	struct zkhsm_hsm_params p = { 0 };
	struct zkhsm_hsm_info info;
	int ret;

	ret = params(cli, &p);
	if (!ret && !p.quorum && !p.stop && !p.wipe && !p.set_agent && !p.set_grace &&
	    !p.max_ttl_ms)
		ret = cli_usage(cli, "needs something to set");
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_set(cli->nl, &p, &info, &cli->err);
	ret = ret ? ret : cli_durable(cli);
	ret = ret ? ret : zkhsm_hsm_get(cli->nl, &info, &cli->err);
	return ret ? ret : cli_emit(cli, json_hsm(&info));
}

/* The configuration that is in force, whole. */
static int configuration(struct cli *cli, struct zkhsm_hsm_info *info,
			 struct zkhsm_configuration *c)
{
	int ret;

	ret = zkhsm_hsm_get(cli->nl, info, &cli->err);
	if (!ret && !info->initialised) {
		ret = zkhsm_fail(&cli->err, -ENOKEY, "the HSM has no identity yet");
		cli->err.reason = ZKHSM_REASON_NO_IDENTITY;
	}
	return ret ? ret : zkhsm_configuration_check(info->configuration,
						     info->configuration_len, c, &cli->err);
}

static void print_identity(const struct zkhsm_hsm_info *info)
{
	char *id = zkhsm_hex(info->hsm_id, sizeof(info->hsm_id));

	printf("HSM %s, %s, %u key%s\n", id ? id : "?",
	       info->flags & ZKHSM_HSM_FLAG_LOCKED ? "locked" : "not locked", info->key_count,
	       info->key_count == 1 ? "" : "s");
	free(id);
}

/* hsm get tells every attribute; this, what they are good for. */
int cmd_hsm_show(struct cli *cli)
{
	struct zkhsm_configuration c;
	struct zkhsm_hsm_info info;
	json_t *o;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : configuration(cli, &info, &c);
	if (ret)
		return ret;
	if (cli->json) {
		o = json_hsm(&info);
		json_put_tolerance(o, &c);
		return cli_emit(cli, o);
	}
	print_identity(&info);
	cli_print_enforced(stdout, &c);
	return 0;
}

/* There is no way back, so a person is asked; a program says --yes or has no terminal. */
static int confirm(struct cli *cli)
{
	char line[16];

	if (cli->value[OPT_YES] || !isatty(STDIN_FILENO))
		return 0;
	fprintf(stderr, "Freeze this for good? yes or no: ");
	fflush(stderr);
	if (!fgets(line, sizeof(line), stdin) || strcmp(line, "yes\n") != 0)
		return zkhsm_fail(&cli->err, -ECANCELED, "not locked");
	return 0;
}

int cmd_hsm_lock(struct cli *cli)
{
	struct zkhsm_configuration c;
	struct zkhsm_hsm_info info;
	struct zkhsm_tolerance t;
	json_t *o;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : configuration(cli, &info, &c);
	if (ret)
		return ret;
	cli_print_enforced(stderr, &c);
	zkhsm_tolerance(&c, &t);
	/* Of what the kernel will refuse nobody is asked; it says why. */
	if (t.sound && !(info.flags & ZKHSM_HSM_FLAG_LOCKED))
		ret = confirm(cli);
	ret = ret ? ret : zkhsm_hsm_lock(cli->nl, &info, &cli->err);
	ret = ret ? ret : cli_durable(cli);
	ret = ret ? ret : configuration(cli, &info, &c);
	if (ret)
		return ret;
	o = json_hsm(&info);
	json_put_tolerance(o, &c);
	return cli_emit(cli, o);
}

static int add_manager(const struct zkhsm_manager_info *m, void *arg)
{
	return json_array_append_new(arg, json_manager(m)) ? -ENOMEM : 0;
}

static void add_problem(json_t *problems, const char *text)
{
	json_array_append_new(problems, json_string(text));
}

static void find_problems(const struct zkhsm_hsm_info *info, const json_t *managers,
			  json_t *problems)
{
	if (!info->initialised)
		add_problem(problems, "no identity yet: zkhsm hsm new");
	if (info->faults)
		add_problem(problems,
			    "a recheck failed: proving and signing are off until the module is reloaded");
	if (info->initialised && managers && json_array_size(managers) < info->quorum)
		add_problem(problems, "fewer managers pinned than the quorum: zkhsm trust new");
	if (info->initialised && info->enforce_grace_ms == UINT64_MAX)
		add_problem(problems,
			    "keys go on without leases (report-only): zkhsm hsm set --enforce-grace");
	if (info->initialised && info->unsealed)
		add_problem(problems,
			    "changes that a loss of power would lose: zkhsm hsm seal");
}

static void print_status(const struct zkhsm_hsm_info *info, const json_t *managers,
			 const json_t *problems)
{
	char *id = zkhsm_hex(info->hsm_id, 32);

	printf("%s: ", json_array_size(problems) ? "NOT WELL" : "well");
	if (info->initialised)
		printf("HSM %s, %u keys, ", id ? id : "?", info->key_count);
	if (managers)
		printf("%zu managers, ", json_array_size(managers));
	printf("module %u.%u.%u\n", info->module_version >> 16, info->module_version >> 8 & 0xff,
	       info->module_version & 0xff);
	for (size_t i = 0; i < json_array_size(problems); i++)
		printf("  %s\n", json_string_value(json_array_get(problems, i)));
	free(id);
}

/* What an operator looks at first: is it there, does it work, who governs it. */
int cmd_status(struct cli *cli)
{
	json_t *status, *problems = json_array(), *managers = json_array();
	struct zkhsm_hsm_info info;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_get(cli->nl, &info, &cli->err);
	if (ret)
		goto out;
	/* Only the agent and administrators see the managers; that is no fault. */
	if (!info.initialised || zkhsm_trust_list(cli->nl, add_manager, managers, NULL)) {
		json_decref(managers);
		managers = NULL;
	}
	find_problems(&info, managers, problems);
	if (cli->json) {
		status = json_hsm(&info);
		json_object_set_new(status, "healthy", json_boolean(!json_array_size(problems)));
		json_object_set(status, "problems", problems);
		json_object_set(status, "managers", managers ? managers : json_null());
		ret = cli_emit(cli, status);
	} else {
		print_status(&info, managers, problems);
	}
	/* Not well is an answer, and a failure for whoever looks at the exit status. */
	if (!ret && json_array_size(problems))
		ret = CLI_FAILED;
out:
	json_decref(managers);
	json_decref(problems);
	return ret;
}
