// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_hsm.c - the identity and what the kernel enforces
 */
#include <errno.h>
#include <stdio.h>

#include "cli.h"

static int params(struct cli *cli, struct zkhsm_hsm_params *p)
{
	int ret;

	ret = cli_u32(cli, OPT_QUORUM, 1, ZKHSM_MANAGERS_MAX, &p->quorum);
	ret = ret ? ret : cli_u32(cli, OPT_STOP, 1, ZKHSM_MANAGERS_MAX, &p->stop);
	ret = ret ? ret : cli_u32(cli, OPT_WIPE, 1, ZKHSM_MANAGERS_MAX, &p->wipe);
	ret = ret ? ret : cli_uid(cli, OPT_AGENT_UID, &p->agent_uid);
	p->set_agent = cli->value[OPT_AGENT_UID];
	return ret;
}

int cmd_hsm_new(struct cli *cli)
{
	struct zkhsm_hsm_params p = { 0 };
	struct zkhsm_hsm_info info;
	int ret;

	ret = params(cli, &p);
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_new(cli->nl, &p, &info, &cli->err);
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
	if (!ret && !p.quorum && !p.stop && !p.wipe && !p.set_agent)
		ret = cli_usage(cli, "needs something to set");
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_set(cli->nl, &p, &info, &cli->err);
	return ret ? ret : cli_emit(cli, json_hsm(&info));
}

static int add_manager(const struct zkhsm_manager_info *m, void *arg)
{
	return json_array_append_new(arg, json_manager(m)) ? -ENOMEM : 0;
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
	if (!info.initialised)
		json_array_append_new(problems, json_string("no identity yet: zkhsm hsm new"));
	if (info.faults)
		json_array_append_new(problems,
			json_string("a recheck failed: proving and signing are off until reload"));
	/* Only the agent and administrators see the managers. */
	ret = info.initialised ? zkhsm_trust_list(cli->nl, add_manager, managers, &cli->err) : 0;
	if (ret && ret != -EACCES && ret != -EPERM)
		goto out;
	if (!ret && info.initialised && json_array_size(managers) < info.quorum)
		json_array_append_new(problems,
			json_string("fewer managers pinned than the quorum: zkhsm trust new"));
	ret = 0;
	status = json_hsm(&info);
	json_object_del(status, "configuration");
	json_object_set(status, "managers", managers);
	json_object_set(status, "problems", problems);
	json_object_set_new(status, "healthy", json_boolean(!json_array_size(problems)));
	if (cli->json) {
		ret = cli_emit(cli, status);
	} else {
		printf("%s: HSM %.16s..., %u keys, %zu managers, module %s\n",
		       json_array_size(problems) ? "NOT WELL" : "well",
		       info.initialised ?
		       json_string_value(json_object_get(status, "hsm-id")) : "without identity",
		       info.key_count, json_array_size(managers),
		       json_string_value(json_object_get(status, "module-version")));
		for (size_t i = 0; i < json_array_size(problems); i++)
			printf("  %s\n", json_string_value(json_array_get(problems, i)));
		json_decref(status);
	}
	if (!ret && json_array_size(problems))
		ret = zkhsm_fail(&cli->err, info.initialised ? -EIO : -ENOKEY, "%s",
				 json_string_value(json_array_get(problems, 0)));
out:
	json_decref(managers);
	json_decref(problems);
	return ret;
}
