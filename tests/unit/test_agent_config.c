// SPDX-License-Identifier: GPL-2.0
/*
 * test_agent_config.c - the agent's configuration: defaults, and what is refused
 * when it is read or, by --check-config, when what it names is looked at
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/agent/agent.h"

#define MANAGER	"[manager m]\nurl = https://m\nca = /dev/null\n"

static char path[] = "/tmp/zkhsm-agent-config-XXXXXX";
static struct agent a;

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static int load(const char *text, struct zkhsm_error *err)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	memset(&a, 0, sizeof(a));
	memset(err, 0, sizeof(*err));
	return agent_config_load(&a, path, err);
}

static void defaults(void **state)
{
	struct zkhsm_error err;

	(void)state;
	assert_int_equal(load(MANAGER, &err), 0);
	assert_string_equal(a.config.state_dir, "/var/lib/zkhsm-agent");
	assert_string_equal(a.config.store, "/var/lib/zkhsm");
	assert_int_equal(a.config.backoff_min_ms, 1000);
	assert_int_equal(a.config.backoff_max_ms, 60000);
	assert_int_equal(a.config.challenge_wait_ms, 1500);
	assert_int_equal(a.https.port, 8444);
	assert_string_equal(a.https.listen, "");
	assert_int_equal(a.manager_count, 1);
	assert_string_equal(a.managers[0].config.name, "m");
	assert_true(a.managers[0].config.orders);
	assert_ptr_equal(a.managers[0].agent, &a);
}

static void refused(void **state)
{
	static const struct { const char *text, *why; } wrong[] = {
		{ "", "no [manager NAME] section" },
		{ "[manager m]\nurl = https://m\n", "ca is missing in [manager m]" },
		{ "[manager m]\nca = c\n", "url is missing in [manager m]" },
		{ "[manager m]\nurl = http://m\nca = c\n", "url of manager m is not https://" },
		{ "[manager m]\nurl = HTTPS://m\nca = c\n", "url of manager m is not https://" },
		/* It becomes part of a file's name. */
		{ "[manager ../m]\nurl = https://m\nca = c\n", "section [manager ../m]" },
		{ "[manager a b]\nurl = https://m\nca = c\n", "section [manager a b]" },
		{ "[agent]\nlog_level = loud\n" MANAGER, "log_level is error, warning" },
		{ "[agent]\nbackoff_min = 2s\nbackoff_max = 1s\n" MANAGER, "above backoff_max" },
		{ "[agent]\nchallenge_wait = 5ms\n" MANAGER, "challenge_wait is out of range" },
		{ "[https]\nlisten = ::1\n" MANAGER, "listen needs certificate, private_key" },
		{ "[https]\nlisten = ::1\ncertificate = c\nprivate_key = k\n" MANAGER,
		  "listen needs certificate, private_key" },
		{ "[https]\nport = 65536\n" MANAGER, "port is out of range" },
		{ MANAGER "orders = true\n", "orders is yes or no" },
	};
	struct zkhsm_error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(load(wrong[i].text, &err), -EINVAL);
		if (!strstr(err.text, wrong[i].why))
			fail_msg("\"%s\" is not in \"%s\"", wrong[i].why, err.text);
	}
	assert_int_equal(agent_config_load(&a, "/nonexistent", &err), -ENOENT);
}

/* As many managers as there can be, and one more. */
static void too_many(void **state)
{
	struct zkhsm_error err;
	char text[8192];
	int len = 0;

	(void)state;
	for (int i = 0; i < AGENT_MANAGERS_MAX; i++)
		len += snprintf(text + len, sizeof(text) - len,
				"[manager m%d]\nurl = https://m\nca = c\n", i);
	assert_int_equal(load(text, &err), 0);
	assert_int_equal(a.manager_count, AGENT_MANAGERS_MAX);
	snprintf(text + len, sizeof(text) - len, "[manager more]\nurl = https://m\nca = c\n");
	assert_int_equal(load(text, &err), -EINVAL);
	assert_non_null(strstr(err.text, "section [manager more] is unknown, or one too many"));
}

static void check_says(const char *text, int ret, const char *why)
{
	struct zkhsm_error err;

	assert_int_equal(load(text, &err), 0);
	assert_int_equal(agent_config_check(&a, &err), ret);
	if (why && !strstr(err.text, why))
		fail_msg("\"%s\" is not in \"%s\"", why, err.text);
}

static void checked(void **state)
{
	(void)state;
	check_says("[agent]\nstate_dir = /tmp\n" MANAGER, 0, NULL);
	check_says("[agent]\nstate_dir = /nonexistent\n" MANAGER, -ENOENT,
		   "state_dir /nonexistent: No such file");
	check_says("[agent]\nstate_dir = /tmp\n[manager m]\nurl = https://m\nca = /nonexistent\n",
		   -ENOENT, "manager m: /nonexistent: No such file");
	check_says("[agent]\nstate_dir = /tmp\n" MANAGER "jwks = /nonexistent\n", -ENOENT,
		   "manager m: /nonexistent: No such file");
	check_says("[agent]\nstate_dir = /tmp\n[https]\nlisten = ::1\ncertificate = /nonexistent\n"
		   "private_key = k\nclient_ca = c\n" MANAGER, -EINVAL, "/nonexistent");
	check_says("[agent]\nstate_dir = /tmp\n[https]\nlisten = ::1\ncertificate = /dev/null\n"
		   "private_key = /dev/null\nclient_ca = /dev/null\n" MANAGER, -EINVAL, "/dev/null");
	check_says("[agent]\nstate_dir = /tmp\n[https]\nlisten = nowhere\ncertificate = /dev/null\n"
		   "private_key = /dev/null\nclient_ca = /dev/null\n" MANAGER, -EINVAL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_many),
		cmocka_unit_test(checked),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
