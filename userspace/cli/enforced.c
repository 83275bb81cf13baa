// SPDX-License-Identifier: GPL-2.0
/*
 * enforced.c - what a configuration is good for, for who is about to lock it
 */
#include <stdio.h>

#include "cli.h"

static void print_times(FILE *to, const struct zkhsm_configuration *c)
{
	char span[CLI_WHEN_SIZE];

	fprintf(to, "longest lease: %s; ", cli_span(c->max_ttl_ms, span));
	if (c->enforce_grace_ms == UINT64_MAX)
		fprintf(to, "NOTHING IS ENFORCED: keys go on without leases, and that is only reported\n");
	else if (c->enforce_grace_ms)
		fprintf(to, "keys go on for %s after their leases\n",
			cli_span(c->enforce_grace_ms, span));
	else
		fprintf(to, "keys stop as their leases end\n");
}

void cli_print_enforced(FILE *to, const struct zkhsm_configuration *c)
{
	char text[ZKHSM_TOLERANCE_LINES][ZKHSM_TOLERANCE_SIZE];

	fprintf(to, "%u manager%s, quorum %u, stop %u, wipe %u\n", c->manager_count,
		c->manager_count == 1 ? "" : "s", c->quorum, c->stop, c->wipe);
	zkhsm_tolerance_text(c, text);
	for (size_t i = 0; i < ZKHSM_TOLERANCE_LINES; i++)
		fprintf(to, "%s\n", text[i]);
	print_times(to, c);
}

void json_put_tolerance(json_t *o, const struct zkhsm_configuration *c)
{
	struct zkhsm_tolerance t;

	zkhsm_tolerance(c, &t);
	json_put_number(o, "managers", t.managers);
	json_put_number(o, "tolerates-lying", t.safe);
	json_put_number(o, "serves-despite-lying", t.served);
	/* So many deny their leases, and those of the quorum are no more to be had. */
	json_put_number(o, "withheld-revocation-bites-at", t.deny);
}
