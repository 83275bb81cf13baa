// SPDX-License-Identifier: GPL-2.0
/*
 * managers.c - the pinned managers by name, and what their leases say
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static int keep(const struct zkhsm_lease_info *l, void *arg)
{
	struct cli_managers *m = arg;

	if (m->count == ZKHSM_MANAGERS_MAX)
		return -EPROTO;
	m->lease[m->count++] = *l;
	return 0;
}

int cli_managers(struct cli *cli, struct cli_managers *m)
{
	int ret;

	memset(m, 0, sizeof(*m));
	ret = zkhsm_lease_list(cli->nl, keep, m, &cli->err);
	m->clock = cli_clock(m->count ? m->lease[0].uptime_ms : 0);
	/* Only the agent and administrators are told. */
	if (ret == -EACCES || ret == -EPERM) {
		m->count = 0;
		return 0;
	}
	return ret;
}

static const struct zkhsm_lease_info *by_id(const struct cli_managers *m, const uint8_t id[32])
{
	for (size_t i = 0; i < m->count; i++)
		if (!memcmp(m->lease[i].manager_id, id, 32))
			return &m->lease[i];
	return NULL;
}

const char *cli_manager_label(const struct cli_managers *m, const uint8_t id[32],
			      char text[ZKHSM_LABEL_MAX_LEN + 1])
{
	const struct zkhsm_lease_info *l = by_id(m, id);

	if (l && l->label[0])
		snprintf(text, ZKHSM_LABEL_MAX_LEN + 1, "%s", l->label);
	else
		snprintf(text, ZKHSM_LABEL_MAX_LEN + 1, "%02x%02x%02x%02x", id[0], id[1], id[2],
			 id[3]);
	return text;
}

int cli_manager_find(struct cli *cli, const struct cli_managers *m, const char *name,
		     const struct zkhsm_lease_info **out)
{
	uint8_t id[32];

	*out = NULL;
	if (!zkhsm_unhex(name, id, sizeof(id))) {
		*out = by_id(m, id);
	} else {
		for (size_t i = 0; i < m->count; i++) {
			if (strcmp(m->lease[i].label, name) != 0)
				continue;
			if (*out)
				return zkhsm_fail(&cli->err, -EINVAL,
						  "several managers are called %s: give the id",
						  name);
			*out = &m->lease[i];
		}
	}
	if (!*out)
		return zkhsm_fail(&cli->err, -ENOKEY, "no pinned manager is called %.80s", name);
	return 0;
}

json_t *json_lease(const struct zkhsm_lease_info *l, const struct cli_clock *c)
{
	json_t *o = json_object();

	json_put_hex(o, "manager-id", l->manager_id, sizeof(l->manager_id));
	json_put_text(o, "label", l->label);
	json_put_text(o, "verdict", zkhsm_lease_verdict_name(l->verdict));
	if (l->expires_ms) {
		json_put_number(o, "number", l->number);
		json_put_number(o, "issued-ms", l->issued_ms);
		json_put_number(o, "expires-ms", l->expires_ms);
		json_put_boot_time(o, "expires", c, l->expires_ms);
		json_put_number(o, "exceptions", l->exceptions);
	}
	if (l->uptime_ms)
		json_put_number(o, "uptime-ms", l->uptime_ms);
	return o;
}
