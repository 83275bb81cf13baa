// SPDX-License-Identifier: GPL-2.0
/*
 * test_cli_times.c - times as options have them and as they are told
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/cli/cli.h"

static int unused(struct cli *cli)
{
	(void)cli;
	return 0;
}

static const struct cli_command command = { .object = "thing", .verb = "do", .run = unused };

static int saved;

/* Usage errors are asserted by their status; what they say is not for the test's log. */
static void quiet(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	fflush(NULL);
	saved = dup(STDERR_FILENO);
	assert_true(null >= 0 && saved >= 0 && dup2(null, STDERR_FILENO) >= 0);
	close(null);
}

static void loud(void)
{
	fflush(NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static void durations(void **state)
{
	static const struct { const char *text; uint64_t ms; } good[] = {
		{ "1ms", 1 }, { "90s", 90000 }, { "20min", 1200000 }, { "1h", 3600000 },
		{ "7d", 604800000 },
	};
	static const char *const bad[] = { "", "1", "1 h", "h", "-1s", "+1s", "1.5h", "1m", "8d",
					   "0s", "report-only", "99999999999999999999d" };
	struct cli cli = { .command = &command };
	uint64_t ms = 5;

	(void)state;
	quiet();
	assert_int_equal(cli_duration(&cli, OPT_TTL, 1, 604800000, &ms), 0);
	assert_int_equal(cli_grace(&cli, OPT_ENFORCE_GRACE, &ms), 0);
	assert_int_equal(ms, 5);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		cli.value[OPT_TTL] = good[i].text;
		assert_int_equal(cli_duration(&cli, OPT_TTL, 1, 604800000, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cli.value[OPT_TTL] = bad[i];
		assert_int_equal(cli_duration(&cli, OPT_TTL, 1, 604800000, &ms), CLI_USAGE);
	}
	assert_int_equal(ms, 604800000);
	cli.value[OPT_ENFORCE_GRACE] = "0s";
	assert_int_equal(cli_grace(&cli, OPT_ENFORCE_GRACE, &ms), 0);
	assert_int_equal(ms, 0);
	cli.value[OPT_ENFORCE_GRACE] = "report-only";
	assert_int_equal(cli_grace(&cli, OPT_ENFORCE_GRACE, &ms), 0);
	assert_true(ms == UINT64_MAX);
	cli.value[OPT_ENFORCE_GRACE] = "report";
	assert_int_equal(cli_grace(&cli, OPT_ENFORCE_GRACE, &ms), CLI_USAGE);
	loud();
}

/* What is refused before anybody is asked; there is no kernel here and no manager. */
static void usage_of_leases(void **state)
{
	static const struct {
		const char *object, *verb;
		int (*run)(struct cli *cli);
		enum cli_option option;
		const char *value;
	} bad[] = {
		{ "hsm", "new", cmd_hsm_new, OPT_MAX_TTL, "500ms" },
		{ "hsm", "new", cmd_hsm_new, OPT_ENFORCE_GRACE, "soon" },
		{ "hsm", "set", cmd_hsm_set, OPT_MAX_TTL, "32d" },
		{ "hsm", "set", cmd_hsm_set, OPT_STORE, "/nowhere" },
		{ "drill", "expire", cmd_drill, OPT_MAX_WAIT, "10ms" },
		{ "drill", "revoke", cmd_drill, OPT_MAX_WAIT, "2d" },
		{ "drill", "manager-down", cmd_drill, OPT_MAX_WAIT, "x" },
		{ "lease", "issue", cmd_lease_issue, OPT_TTL, "0s" },
		{ "trust", "change", cmd_trust_change, OPT_NUMBER, "5" },
		{ "trust", "change", cmd_trust_change, OPT_WIPE, "0" },
		{ "manager", "trust-change", cmd_manager_trust_change, OPT_NEW_CONFIG, "f" },
	};
	char hsm[] = "abc", *args[] = { hsm, NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct cli_command cmd = { .object = bad[i].object, .verb = bad[i].verb };
		struct cli cli = { .command = &cmd, .args = args, .arg_count = 1 };
		int ret;

		cli.value[bad[i].option] = bad[i].value;
		quiet();
		ret = bad[i].run(&cli);
		loud();
		if (ret != CLI_USAGE)
			fail_msg("%s %s %s: %d", bad[i].object, bad[i].verb, bad[i].value, ret);
	}
}

static void spans(void **state)
{
	static const struct { uint64_t ms; const char *text; } all[] = {
		{ 0, "0 ms" }, { 999, "999 ms" }, { 1000, "1 s" }, { 59999, "59 s" },
		{ 60000, "1 min" }, { 61000, "1 min 1 s" }, { 41 * 60000 + 12000, "41 min" },
		{ 3600000, "1 h" }, { 3900000, "1 h 5 min" }, { 86400000, "1 d" },
		{ 26 * 3600000ULL, "1 d 2 h" }, { 31 * 86400000ULL, "31 d" },
	};
	char text[CLI_WHEN_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		assert_string_equal(cli_span(all[i].ms, text), all[i].text);
}

static void moments(void **state)
{
	/* 14:00:00 on 2026-11-22, one hour after the boot. */
	const struct cli_clock c = { .boot_ms = 3600000, .unix_ms = 1795356000000 };
	char text[CLI_WHEN_SIZE];
	json_t *o = json_object();

	(void)state;
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	assert_string_equal(cli_when(&c, 3600000 + 41 * 60000, text), "14:41:00 (in 41 min)");
	assert_string_equal(cli_when(&c, 3600000 - 12000, text), "13:59:48 (12 s ago)");
	assert_string_equal(cli_when(&c, 3600000 + 86400000, text),
			    "2026-11-23 14:00:00 (in 1 d)");
	assert_int_equal(json_put_boot_time(o, "then", &c, 3600000 + 1500), 0);
	assert_string_equal(json_string_value(json_object_get(o, "then")),
			    "2026-11-22T14:00:01.500Z");
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(usage_of_leases),
		cmocka_unit_test(spans),
		cmocka_unit_test(moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
