// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_monitor.c - the kernel's events as they come
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "cli.h"

struct monitor {
	struct cli *cli;
	uint32_t seen, wanted;		/* wanted 0: no end */
	int ret;			/* what stopped it */
};

static const char *notification_name(uint8_t kind)
{
	switch (kind) {
	case ZKHSM_CMD_HSM_NTF: return "hsm-ntf";
	case ZKHSM_CMD_KEY_NTF: return "key-ntf";
	case ZKHSM_CMD_EVIDENCE_NTF: return "evidence-ntf";
	case ZKHSM_CMD_TRUST_NTF: return "trust-ntf";
	case ZKHSM_CMD_LEASE_NTF: return "lease-ntf";
	default: return "unknown";
	}
}

static json_t *event_json(const struct zkhsm_event_info *e)
{
	const struct cli_clock now = cli_clock(0);
	json_t *o = NULL;

	switch (e->kind) {
	case ZKHSM_CMD_KEY_NTF:
		o = json_key(&e->key);
		break;
	case ZKHSM_CMD_TRUST_NTF:
		o = json_manager(&e->manager);
		/* These two are not in the notification. */
		json_object_del(o, "last-digest");
		json_object_del(o, "tombstones");
		break;
	case ZKHSM_CMD_LEASE_NTF:
		o = json_lease(&e->lease, &now);
		break;
	case ZKHSM_CMD_EVIDENCE_NTF:
		o = json_object();
		json_put_number(o, "number", e->evidence_number);
		json_put_hex(o, "list-digest", e->list_digest, 32);
		break;
	default:
		o = json_object();
		json_put_hex(o, "hsm-id", e->hsm.hsm_id, 32);
		json_put_hex(o, "instance-id", e->hsm.instance_id, 16);
		json_put_number(o, "fork-count", e->hsm.fork_count);
		json_put_number(o, "generation", e->hsm.generation);
		json_object_set_new(o, "faults", json_faults(e->hsm.faults));
	}
	json_put_text(o, "notification", notification_name(e->kind));
	json_put_text(o, "event", zkhsm_event_name(e->event));
	return o;
}

static void print_lease(const struct zkhsm_lease_info *l, uint32_t event)
{
	const struct cli_clock now = cli_clock(0);
	char text[CLI_WHEN_SIZE];

	printf(" label=%s", l->label);
	if (event == ZKHSM_EVENT_LEASED)
		printf(" verdict=%s exceptions=%u", zkhsm_lease_verdict_name(l->verdict),
		       l->exceptions);
	if (l->expires_ms)
		printf(" number=%u until=%s", l->number, cli_when(&now, l->expires_ms, text));
}

static void show(const struct zkhsm_event_info *e, void *arg)
{
	struct monitor *m = arg;
	json_t *o;

	if (m->ret || (m->wanted && m->seen == m->wanted))
		return;
	m->seen++;
	o = event_json(e);
	if (m->cli->json) {
		m->ret = cli_emit(m->cli, o);
		goto out;
	}
	printf("%s %s", notification_name(e->kind), zkhsm_event_name(e->event));
	if (e->kind == ZKHSM_CMD_KEY_NTF)
		printf(" id=%s state=%s", e->key.id, zkhsm_state_name(e->key.state));
	else if (e->kind == ZKHSM_CMD_EVIDENCE_NTF)
		printf(" number=%u", e->evidence_number);
	else if (e->kind == ZKHSM_CMD_TRUST_NTF)
		printf(" label=%s", e->manager.label);
	else if (e->kind == ZKHSM_CMD_LEASE_NTF)
		print_lease(&e->lease, e->event);
	else
		printf(" generation=%llu", (unsigned long long)e->hsm.generation);
	putchar('\n');
	json_decref(o);
out:
	/* Whoever reads events must not take a full disk for silence. */
	if (!m->ret && (fflush(stdout) || ferror(stdout)))
		m->ret = zkhsm_fail(&m->cli->err, -EIO, "cannot write events");
}

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int cmd_monitor(struct cli *cli)
{
	struct monitor m = { .cli = cli };
	long long end = -1, left = -1;
	uint32_t seconds = 0;
	struct pollfd fd;
	int ret;

	ret = cli_u32(cli, OPT_COUNT, 1, UINT32_MAX, &m.wanted);
	ret = ret ? ret : cli_u32(cli, OPT_TIMEOUT, 1, 86400, &seconds);
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_nl_subscribe(cli->nl, &cli->err);
	if (ret)
		return ret;
	/* Whoever starts us and then makes an event waits for this line. */
	fprintf(stderr, "zkhsm: monitor: listening\n");
	if (seconds)
		end = now_ms() + seconds * 1000LL;
	fd = (struct pollfd){ .fd = zkhsm_nl_fd(cli->nl), .events = POLLIN };
	while (!m.wanted || m.seen < m.wanted) {
		if (end >= 0)
			left = end - now_ms();
		if (end >= 0 && left <= 0)
			break;
		ret = poll(&fd, 1, (int)left);
		if (ret < 0 && errno != EINTR)
			return zkhsm_fail(&cli->err, -errno, "cannot wait for events");
		if (ret <= 0)
			continue;
		ret = zkhsm_nl_events(cli->nl, show, &m, &cli->err);
		ret = ret ? ret : m.ret;
		if (ret)
			return ret;
	}
	if (m.wanted && m.seen < m.wanted)
		return zkhsm_fail(&cli->err, -ETIMEDOUT, "%u of %u events came within %u seconds",
				  m.seen, m.wanted, seconds);
	return 0;
}
