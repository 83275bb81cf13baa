// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_seal.c - an HSM that outlives its kernel: seal, unseal, backup
 */
#include <errno.h>
#include <string.h>

#include "cli.h"

static json_t *json_stored(const struct zkhsm_stored *s)
{
	json_t *o = json_object();

	json_put_number(o, "sequence", s->sequence);
	json_object_set_new(o, "changed", json_boolean(s->changed));
	json_object_set_new(o, "full", json_boolean(s->full));
	json_put_number(o, "records", s->records);
	json_put_number(o, "removed", s->removed);
	if (s->note[0])
		json_put_text(o, "note", s->note);
	return o;
}

static json_t *json_summary(const struct zkhsm_store_summary *s)
{
	json_t *o = json_object();

	json_put_hex(o, "hsm-id", s->hsm_id, sizeof(s->hsm_id));
	json_put_text(o, "kek-class", zkhsm_kek_class_name(s->kek_class));
	json_put_hex(o, "kek-id", s->kek_id, sizeof(s->kek_id));
	json_put_number(o, "sequence", s->sequence);
	json_put_number(o, "boot-count", s->boot_count);
	json_put_number(o, "keys", s->keys);
	json_put_number(o, "votes", s->votes);
	return o;
}

int cmd_hsm_seal(struct cli *cli)
{
	const struct zkhsm_seal_request request = { .full = cli->value[OPT_FULL] };
	struct zkhsm_stored stored;
	struct zkhsm_hsm_info info;
	struct zkhsm_store *s;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_get(cli->nl, &info, &cli->err);
	if (!ret && (!info.initialised || !info.kek_class))
		ret = zkhsm_fail(&cli->err, -ENOKEY, info.initialised ?
				 "this HSM has no KEK: nothing of it can be stored" :
				 "the HSM has no identity yet");
	ret = ret ? ret : cli_store_open(cli, true, info.agent_uid, &s);
	if (ret)
		return ret;
	ret = zkhsm_store_sync(s, cli->nl, &request, &stored, &cli->err);
	zkhsm_store_close(s);
	return ret ? ret : cli_emit(cli, json_stored(&stored));
}

int cmd_hsm_unseal(struct cli *cli)
{
	struct zkhsm_unseal_result result;
	struct zkhsm_store *s;
	bool unsealed;
	int32_t serial;
	json_t *o;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : cli_store_open(cli, false, 0, &s);
	if (ret)
		return ret;
	ret = cli_kek(cli, &serial);
	if (!ret) {
		ret = zkhsm_store_unseal(s, cli->nl, serial, &result, &unsealed, &cli->err);
		ret = cli_kek_done(cli, serial, ret);
	}
	zkhsm_store_close(s);
	if (ret)
		return ret;
	o = json_object();
	json_put_number(o, "sequence", result.sequence);
	json_put_number(o, "boot-count", result.boot_count);
	json_put_number(o, "records", result.records);
	return cli_emit(cli, o);
}

int cmd_hsm_rekey(struct cli *cli)
{
	struct zkhsm_seal_request request = { .rekey = true };
	struct zkhsm_stored stored;
	struct zkhsm_store *s;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : cli_store_open(cli, false, 0, &s);
	if (ret)
		return ret;
	ret = cli_kek(cli, &request.keyring_serial);
	if (!ret) {
		ret = zkhsm_store_sync(s, cli->nl, &request, &stored, &cli->err);
		ret = cli_kek_done(cli, request.keyring_serial, ret);
	}
	zkhsm_store_close(s);
	return ret ? ret : cli_emit(cli, json_stored(&stored));
}

int cmd_hsm_backup(struct cli *cli)
{
	struct zkhsm_store_summary summary;
	struct zkhsm_store *s;
	int ret;

	ret = cli_store_open(cli, false, 0, &s);
	if (ret)
		return ret;
	ret = zkhsm_store_backup(s, cli->value[OPT_OUT], &summary, &cli->err);
	zkhsm_store_close(s);
	return ret ? ret : cli_emit(cli, json_summary(&summary));
}

int cmd_hsm_restore(struct cli *cli)
{
	struct zkhsm_store_summary summary;
	struct zkhsm_store *s;
	uint32_t uid = 0;
	int ret;

	ret = cli_uid(cli, OPT_AGENT_UID, &uid);
	ret = ret ? ret : cli_store_open(cli, true, uid, &s);
	if (ret)
		return ret;
	ret = zkhsm_store_restore(s, cli->value[OPT_IN], &summary, &cli->err);
	zkhsm_store_close(s);
	return ret ? ret : cli_emit(cli, json_summary(&summary));
}

static void add_problem(const struct zkhsm_error *problem, void *arg)
{
	json_array_append_new(arg, json_string(problem->text));
}

/* hsm store check: every problem, not only the first. */
int cmd_hsm_store(struct cli *cli)
{
	struct zkhsm_store_summary summary;
	json_t *problems, *o;
	struct zkhsm_store *s;
	int bad, ret;

	if (strcmp(cli->args[0], "check") != 0)
		return cli_usage(cli, "there is only hsm store check");
	ret = cli_store_open(cli, false, 0, &s);
	if (ret)
		return ret;
	problems = json_array();
	bad = zkhsm_store_check(s, add_problem, problems, &summary, &cli->err);
	zkhsm_store_close(s);
	/* Not readable at all is another failure than something wrong with what was read. */
	if (bad && !summary.sequence) {
		json_decref(problems);
		return bad;
	}
	o = json_summary(&summary);
	json_object_set_new(o, "good", json_boolean(!bad));
	json_object_set_new(o, "problems", problems);
	ret = cli_emit(cli, o);
	return !ret && bad ? CLI_FAILED : ret;
}
