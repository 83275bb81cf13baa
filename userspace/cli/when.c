// SPDX-License-Identifier: GPL-2.0
/*
 * when.c - CLOCK_BOOTTIME, which leases live by, for people with a wall clock
 */
#include <stdio.h>
#include <time.h>

#include "cli.h"

static uint64_t now_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

struct cli_clock cli_clock(uint64_t boot_ms)
{
	return (struct cli_clock){
		.boot_ms = boot_ms ? boot_ms : now_ms(CLOCK_BOOTTIME),
		.unix_ms = now_ms(CLOCK_REALTIME),
	};
}

char *cli_span(uint64_t ms, char text[CLI_WHEN_SIZE])
{
	static const struct { uint64_t s; const char *name; } units[] = {
		{ 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" },
	};
	unsigned long long s = ms / 1000, whole, part;
	size_t i = 0;

	while (i + 1 < ARRAY_SIZE(units) && s < units[i].s)
		i++;
	whole = s / units[i].s;
	part = i + 1 < ARRAY_SIZE(units) ? s % units[i].s / units[i + 1].s : 0;
	if (s < 1)
		snprintf(text, CLI_WHEN_SIZE, "%llu ms", (unsigned long long)ms);
	/* "41 min" rather than "41 min 12 s": what is shown is read a moment later. */
	else if (part && whole < 10)
		snprintf(text, CLI_WHEN_SIZE, "%llu %s %llu %s", whole, units[i].name, part,
			 units[i + 1].name);
	else
		snprintf(text, CLI_WHEN_SIZE, "%llu %s", whole, units[i].name);
	return text;
}

/* As of the clock's moment; 0 when it would be before 1970. */
static uint64_t unix_of(const struct cli_clock *c, uint64_t boot_ms)
{
	if (boot_ms >= c->boot_ms)
		return c->unix_ms + (boot_ms - c->boot_ms);
	return c->unix_ms > c->boot_ms - boot_ms ? c->unix_ms - (c->boot_ms - boot_ms) : 0;
}

char *cli_when(const struct cli_clock *c, uint64_t boot_ms, char text[CLI_WHEN_SIZE])
{
	time_t at = (time_t)(unix_of(c, boot_ms) / 1000), now = (time_t)(c->unix_ms / 1000);
	bool over = boot_ms < c->boot_ms;
	char span[CLI_WHEN_SIZE], clock[24] = "?";
	struct tm then, today;

	cli_span(over ? c->boot_ms - boot_ms : boot_ms - c->boot_ms, span);
	if (localtime_r(&at, &then) && localtime_r(&now, &today))
		strftime(clock, sizeof(clock),
			 then.tm_year == today.tm_year && then.tm_yday == today.tm_yday ?
			 "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &then);
	snprintf(text, CLI_WHEN_SIZE, over ? "%s (%.24s ago)" : "%s (in %.24s)", clock, span);
	return text;
}

int json_put_boot_time(json_t *object, const char *name, const struct cli_clock *c,
		       uint64_t boot_ms)
{
	return json_put_time(object, name, unix_of(c, boot_ms));
}
