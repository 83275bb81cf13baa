// SPDX-License-Identifier: GPL-2.0
/*
 * How many managers a configuration lets lie or deny. A manager that lies may
 * say anything to anybody, and say nothing to some.
 */
#include <stdio.h>

#include "tolerance.h"

static bool safe(const struct zkhsm_configuration *c, unsigned int f)
{
	unsigned int honest = c->manager_count - f;

	return c->quorum > f && c->wipe > f && c->stop <= honest && c->wipe <= honest;
}

static bool served(const struct zkhsm_configuration *c, unsigned int f)
{
	return c->quorum <= c->manager_count - f && c->stop > f;
}

/**
 * zkhsm_tolerance() - what the quorums of a configuration stand
 * @c: the configuration; its managers are counted, not looked at
 * @t: see there
 *
 * What holds against f holds against fewer, so the highest f says it all.
 */
void zkhsm_tolerance(const struct zkhsm_configuration *c, struct zkhsm_tolerance *t)
{
	unsigned int n = c->manager_count;

	memset(t, 0, sizeof(*t));
	t->managers = n;
	t->sound = c->quorum && c->stop && c->wipe && c->quorum <= n && c->stop <= n &&
		   c->wipe <= n && c->wipe >= c->stop;
	while (t->safe < n && safe(c, t->safe + 1))
		t->safe++;
	while (t->served < n && served(c, t->served + 1))
		t->served++;
	if (c->quorum && c->quorum <= n)
		t->deny = n - c->quorum + 1;
}

static const char *managers(unsigned int n)
{
	return n == 1 ? "manager" : "managers";
}

/* What a single one could do. */
static void not_safe(const struct zkhsm_configuration *c, char out[ZKHSM_TOLERANCE_SIZE])
{
	unsigned int n = c->manager_count;
	const char *separator = "";

	out += snprintf(out, ZKHSM_TOLERANCE_SIZE, "safety: no manager may lie; one of %u can ", n);
	if (c->quorum <= 1) {
		out = stpcpy(out, "make a key work");
		separator = ", ";
	}
	if (c->wipe <= 1) {
		out = stpcpy(stpcpy(out, separator), "erase a key");
		separator = ", ";
	}
	if (c->stop >= n)
		stpcpy(stpcpy(out, separator), "keep the others from stopping one");
	else if (c->wipe >= n)
		stpcpy(stpcpy(out, separator), "keep the others from erasing one");
}

void zkhsm_tolerance_text(const struct zkhsm_configuration *c,
			  char out[ZKHSM_TOLERANCE_LINES][ZKHSM_TOLERANCE_SIZE])
{
	struct zkhsm_tolerance t;
	unsigned int n = c->manager_count;

	zkhsm_tolerance(c, &t);
	if (!n)
		snprintf(out[0], sizeof(out[0]), "safety: no manager is pinned");
	else if (t.safe)
		snprintf(out[0], sizeof(out[0]),
			 "safety: %u of %u %s may lie: they can neither make a key work nor erase one, nor keep the others from it",
			 t.safe, n, managers(n));
	else
		not_safe(c, out[0]);
	if (t.served)
		snprintf(out[1], sizeof(out[1]),
			 "service: %u of %u %s may lie or be silent: keys go on working", t.served, n,
			 managers(n));
	else if (!n)
		snprintf(out[1], sizeof(out[1]), "service: no manager is pinned");
	else
		snprintf(out[1], sizeof(out[1]),
			 "service: one manager of %u that lies or is silent can stop keys", n);
	if (t.deny)
		snprintf(out[2], sizeof(out[2]),
			 "leases: when %u %s or more withhold theirs, keys that require leases stop as the last ones end",
			 t.deny, managers(t.deny));
	else
		snprintf(out[2], sizeof(out[2]),
			 "leases: %u %s pinned, %u needed: keys that require leases do not work", n,
			 managers(n), c->quorum);
}
