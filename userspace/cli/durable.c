// SPDX-License-Identifier: GPL-2.0
/*
 * durable.c - a change is told as done when it would outlive a loss of power
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

/* Whoever owns a key but not the store waits that long for the agent to store it. */
#define AGENT_WAIT_MS	10000
#define AGENT_STEP_MS	50

const char *cli_store_path(const struct cli *cli)
{
	const char *path = cli->value[OPT_STORE];

	path = path ? path : getenv("ZKHSM_STORE");
	return path && *path ? path : ZKHSM_STORE_DEFAULT;
}

int cli_store_open(struct cli *cli, bool make, uint32_t agent_uid, struct zkhsm_store **out)
{
	const struct passwd *pw = getpwuid(agent_uid);
	const struct zkhsm_store_owner owner = {
		.uid = agent_uid,
		.gid = pw ? pw->pw_gid : (gid_t)-1,
	};

	return zkhsm_store_open(cli_store_path(cli), make ? &owner : NULL, out, &cli->err);
}

/* The agent sees the change by itself. */
static int wait_for_agent(struct cli *cli)
{
	const struct timespec step = { 0, AGENT_STEP_MS * 1000000L };
	struct zkhsm_hsm_info info;
	int ret;

	for (int waited = 0; waited < AGENT_WAIT_MS; waited += AGENT_STEP_MS) {
		ret = zkhsm_hsm_get(cli->nl, &info, &cli->err);
		if (ret || !info.unsealed)
			return ret;
		nanosleep(&step, NULL);
	}
	return zkhsm_fail(&cli->err, -EAGAIN, "the agent has not stored it");
}

static int store(struct cli *cli)
{
	struct zkhsm_stored stored;
	struct zkhsm_store *s;
	int ret;

	ret = cli_store_open(cli, false, 0, &s);
	if (ret && geteuid() && (ret == -EACCES || ret == -EPERM))
		return wait_for_agent(cli);
	if (ret)
		return ret;
	ret = zkhsm_store_sync(s, cli->nl, NULL, &stored, &cli->err);
	zkhsm_store_close(s);
	if (!ret && stored.note[0])
		fprintf(stderr, "zkhsm: stored, but not tidied up: %s\n", stored.note);
	return ret;
}

int cli_durable(struct cli *cli)
{
	struct zkhsm_hsm_info info;
	struct zkhsm_error why;
	int ret;

	ret = zkhsm_hsm_get(cli->nl, &info, &cli->err);
	if (!ret && (!info.initialised || !info.kek_class))
		return 0;
	ret = ret ? ret : store(cli);
	if (!ret)
		return 0;
	why = cli->err;
	zkhsm_fail(&cli->err, ret,
		   "done in the kernel, but not stored, and lost with it: %s; then: zkhsm hsm seal",
		   why.text);
	cli->err.reason = why.reason;
	return ret;
}
