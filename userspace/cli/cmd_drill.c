// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_drill.c - rehearsals: what a revocation, or managers that are gone, do
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill.h"

#define MAX_WAIT_MS	300000
#define MAX_WAIT_LONGEST_MS 86400000

/* To the microsecond: what is behind that is the binary form's. */
static void put_ms(json_t *o, const char *name, double ms)
{
	json_object_set_new(o, name, json_real(ms < 0 ? 0 : (double)(uint64_t)(ms * 1000) / 1000));
}

static void put_refusal(json_t *o, const struct drill *d)
{
	const char *name = strerrorname_np(-d->refusal.code);

	json_put_text(o, "errno", name ? name : "unknown");
	json_put_text(o, "reason", zkhsm_reason_name(d->refusal.reason));
	json_put_text(o, "message", d->refusal.text);
}

static json_t *result(const struct drill *d)
{
	json_t *o = json_object();

	json_put_text(o, "drill", d->cli->command->verb);
	json_put_hex(o, "hsm-id", d->hsm.hsm_id, sizeof(d->hsm.hsm_id));
	json_put_text(o, "key-id", d->key.id);
	return o;
}

/* Who it is that revokes; by its own word, as the kernel knows it by the same id. */
static int ask_id(struct cli *cli, struct zkhsm_https *h, uint8_t id[32])
{
	const char *text;
	json_t *info;
	int ret;

	ret = cli_request(cli, h, "GET", "/.well-known/zkhsm/manager", NULL, &info);
	if (ret)
		return ret;
	text = json_string_value(json_object_get(info, "manager_id"));
	if (!text || zkhsm_unhex(text, id, 32))
		ret = zkhsm_fail(&cli->err, -EBADMSG, "the manager gave no manager_id");
	json_decref(info);
	return ret;
}

/* Asked and answered; the times of both. */
static int revoke(struct drill *d, struct zkhsm_https *h, double *asked, double *answered)
{
	char *hsm = zkhsm_hex(d->hsm.hsm_id, sizeof(d->hsm.hsm_id));
	json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "action", "revoke", "scope", "key",
				 "hsm_id", hsm, "key_id", d->key.id, "reason",
				 "cessation-of-operation");
	json_t *answer = NULL;
	int ret;

	free(hsm);
	if (!body)
		return zkhsm_fail(&d->cli->err, -ENOMEM, "out of memory");
	*asked = drill_now_ms();
	ret = cli_request(d->cli, h, "POST", "/v1/admin/revocations", body, &answer);
	*answered = drill_now_ms();
	json_decref(answer);
	return ret;
}

/* Uses the key after each event until it is refused; the moment of that. */
static int until_refused(struct drill *d, const char *for_what, double *refused)
{
	bool works;
	int ret;

	for (;;) {
		ret = drill_use(d, &works);
		*refused = drill_now_ms();
		if (ret || !works)
			return ret;
		ret = drill_wait(d, 0, for_what);
		if (ret)
			return ret;
	}
}

static int drill_revoke(struct drill *d)
{
	double asked = 0, answered = 0, refused = 0;
	struct zkhsm_https *h;
	json_t *o;
	int ret;

	ret = cli_connect_manager(d->cli, true, &h);
	if (ret)
		return ret;
	ret = ask_id(d->cli, h, d->manager_id);
	ret = ret ? ret : drill_begin(d);
	ret = ret ? ret : drill_await_working(d, d->manager_id);
	ret = ret ? ret : revoke(d, h, &asked, &answered);
	ret = ret ? ret : until_refused(d, "the kernel to refuse the revoked key", &refused);
	zkhsm_https_free(h);
	ret = drill_end(d, ret);
	if (ret)
		return ret;
	o = result(d);
	put_ms(o, "manager-answered-after-ms", answered - asked);
	put_ms(o, "kernel-refused-after-ms", refused - answered);
	put_refusal(o, d);
	return cli_emit(d->cli, o);
}

/* What is still to be waited for is known: no drill that cannot end in time is begun. */
static int not_too_long(struct drill *d, uint64_t end_ms)
{
	char left[CLI_WHEN_SIZE], wait[CLI_WHEN_SIZE];
	double now = drill_now_ms();

	if (end_ms <= d->end_ms)
		return 0;
	return zkhsm_fail(&d->cli->err, -ETIME,
			  "that takes another %s, more than --max-wait %s allows",
			  cli_span(end_ms - (uint64_t)now, left), cli_span(d->max_wait_ms, wait));
}

/*
 * The key is used at the moment until which the kernel says that it works, and
 * after each event; leases that are renewed meanwhile move that moment.
 */
static int expire(struct drill *d, uint64_t *last_ms, double *used, double *refused)
{
	bool works = true;
	int ret = 0;

	*used = drill_now_ms();
	while (works) {
		ret = zkhsm_key_get(d->cli->nl, d->key.id, &d->key, &d->cli->err);
		if (ret)
			return ret;
		if (d->key.works_until_ms)
			*last_ms = d->key.works_until_ms;
		/* Over meanwhile: only a use says so. */
		if (d->key.works_until_ms)
			ret = drill_wait(d, d->key.works_until_ms,
					 "the leases to end; they are renewed: is the agent stopped?");
		ret = ret ? ret : drill_use(d, &works);
		if (ret)
			return ret;
		*(works ? used : refused) = drill_now_ms();
	}
	return 0;
}

static int drill_expire(struct drill *d)
{
	double used = 0, refused = 0, began = 0;
	uint64_t last_ms = 0;
	json_t *o;
	int ret;

	ret = drill_begin(d);
	ret = ret ? ret : drill_await_working(d, NULL);
	ret = ret ? ret : not_too_long(d, d->key.works_until_ms);
	if (!ret) {
		began = drill_now_ms();
		fprintf(stderr, "zkhsm: drill: it works; stop the agent now, or cut its network\n");
		ret = expire(d, &last_ms, &used, &refused);
	}
	ret = drill_end(d, ret);
	if (ret)
		return ret;
	o = result(d);
	put_ms(o, "worked-for-ms", (double)last_ms - began);
	json_put_number(o, "enforce-grace-ms", d->hsm.enforce_grace_ms);
	put_ms(o, "last-use-before-end-ms", (double)last_ms - used);
	put_ms(o, "refused-after-end-ms", refused - (double)last_ms);
	put_refusal(o, d);
	return cli_emit(d->cli, o);
}

/* Until the kernel says that this manager's lease has ended, or was dropped. */
static int await_end(struct drill *d)
{
	char when[CLI_WHEN_SIZE];
	struct cli_clock now;
	int ret;

	for (;;) {
		now = cli_clock(0);
		ret = not_too_long(d, d->lease.expires_ms);
		if (ret)
			return ret;
		fprintf(stderr, "zkhsm: drill: its lease is good until %s\n",
			cli_when(&now, d->lease.expires_ms, when));
		d->event = 0;
		while (!ret && !d->event)
			ret = drill_wait(d, 0, "the lease of that manager to end: is it stopped?");
		if (ret || d->event != ZKHSM_EVENT_LEASED)
			return ret;
		/* It is there still: now it is its new lease that has to end. */
		fprintf(stderr, "zkhsm: drill: it has given another one\n");
	}
}

static int down(struct drill *d, bool *works, double *used)
{
	struct cli_managers m;
	const struct zkhsm_lease_info *l;
	int ret;

	ret = drill_await_working(d, d->manager_id);
	ret = ret ? ret : cli_managers(d->cli, &m);
	ret = ret ? ret : cli_manager_find(d->cli, &m, d->cli->value[OPT_MANAGER_SHORT], &l);
	if (ret)
		return ret;
	d->lease = *l;
	fprintf(stderr, "zkhsm: drill: the key works; stop the manager %s now\n", l->label);
	ret = await_end(d);
	ret = ret ? ret : drill_use(d, works);
	*used = drill_now_ms();
	return ret ? ret : zkhsm_key_get(d->cli->nl, d->key.id, &d->key, &d->cli->err);
}

/* Which manager is meant is looked up before anything is made. */
static int name_manager(struct drill *d)
{
	const struct zkhsm_lease_info *l;
	struct cli_managers m;
	int ret;

	ret = cli_open(d->cli);
	ret = ret ? ret : cli_managers(d->cli, &m);
	ret = ret ? ret : cli_manager_find(d->cli, &m, d->cli->value[OPT_MANAGER_SHORT], &l);
	if (!ret)
		memcpy(d->manager_id, l->manager_id, sizeof(d->manager_id));
	zkhsm_nl_close(d->cli->nl);
	d->cli->nl = NULL;
	return ret;
}

static int drill_manager_down(struct drill *d)
{
	bool works = false;
	double used = 0;
	json_t *o;
	int ret;

	ret = name_manager(d);
	ret = ret ? ret : drill_begin(d);
	ret = ret ? ret : down(d, &works, &used);
	ret = drill_end(d, ret);
	if (ret)
		return ret;
	o = result(d);
	json_put_hex(o, "manager-id", d->manager_id, sizeof(d->manager_id));
	json_put_text(o, "event", zkhsm_event_name(d->event));
	put_ms(o, "used-after-end-ms", used - (double)d->lease.expires_ms);
	json_object_set_new(o, "works", json_boolean(works));
	json_put_number(o, "leases-needed", d->key.leases_needed);
	json_put_number(o, "leases-granted", d->key.leases_granted);
	if (!works)
		put_refusal(o, d);
	return cli_emit(d->cli, o);
}

int cmd_drill(struct cli *cli)
{
	struct drill d = { .cli = cli, .max_wait_ms = MAX_WAIT_MS };
	const char *verb = cli->command->verb;
	int ret;

	ret = cli_duration(cli, OPT_MAX_WAIT, 1000, MAX_WAIT_LONGEST_MS, &d.max_wait_ms);
	if (ret)
		return ret;
	if (!strcmp(verb, "revoke"))
		return drill_revoke(&d);
	return !strcmp(verb, "expire") ? drill_expire(&d) : drill_manager_down(&d);
}
