// SPDX-License-Identifier: GPL-2.0
/*
 * test_config.c - the manager's configuration, and that its example tells the truth
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/manager/manager.h"

#define NEEDED	"[server]\ncertificate = c\nprivate_key = k\nadmin_ca = a\n"

static char path[] = "/tmp/zkhsmd-config-XXXXXX";

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

static int load(const char *text, struct zkhsmd_config *c, struct zkhsm_error *err)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	return zkhsmd_config_load(path, c, err);
}

static void defaults(void **state)
{
	struct zkhsmd_config c;

	(void)state;
	assert_int_equal(load(NEEDED, &c, NULL), 0);
	assert_string_equal(c.address, "127.0.0.1");
	assert_int_equal(c.port, 8443);
	assert_int_equal(c.max_age_ms, 3600000);
	assert_int_equal(c.nonce_life_ms, 60000);
	assert_true(c.leases);
	assert_int_equal(c.lease_ttl_ms, 3600000);
	assert_true(c.max_list_body >= ZKHSMD_ANNOUNCED + ZKHSMD_LIST_MAX);
}

/* The example as it is, and with every option of it uncommented, mean the same. */
static void example(void **state)
{
	struct zkhsmd_config as_it_is, uncommented;
	char source[PATH_MAX], line[512];
	unsigned int options = 0;
	FILE *in, *out;
	ssize_t len;

	(void)state;
	/* build/asan/tests/unit/test_config */
	len = readlink("/proc/self/exe", source, sizeof(source) - 1);
	assert_true(len > 0);
	source[len] = '\0';
	for (int up = 0; up < 5; up++)
		*strrchr(source, '/') = '\0';
	strcat(source, "/userspace/manager/zkhsmd.conf");
	assert_int_equal(zkhsmd_config_load(source, &as_it_is, NULL), 0);

	in = fopen(source, "re");
	out = fopen(path, "we");
	assert_true(in && out);
	while (fgets(line, sizeof(line), in)) {
		bool option = line[0] == '#' && line[1] != ' ' && strchr(line, '=');

		options += option;
		fputs(line + option, out);
	}
	fclose(in);
	fclose(out);
	assert_int_equal(options, 40);
	assert_int_equal(zkhsmd_config_load(path, &uncommented, NULL), 0);
	assert_memory_equal(&as_it_is, &uncommented, sizeof(as_it_is));
}

static void refused(void **state)
{
	static const struct { const char *text, *why; } wrong[] = {
		{ "[server]\ncertificate = c\nprivate_key = k\n", "admin_ca is missing" },
		{ NEEDED "colour = red\n", ":5: option colour is unknown" },
		{ NEEDED "[colours]\nred = 1\n", ":5: section [colours] is unknown" },
		{ NEEDED "port = 1\nport = 1\n", ":6: port is there twice" },
		{ NEEDED "port = 65536\n", "port is out of range" },
		{ NEEDED "port = x\n", "port is a number" },
		{ NEEDED "log_level = loud\n", "log_level is error, warning, info or debug" },
		{ NEEDED "public_url = http://a\n", "public_url has to begin with https://" },
		{ NEEDED "public_url = https://\n", "public_url has to begin with https://" },
		{ NEEDED "public_url = https://a/\n", "end without a slash" },
		{ NEEDED "public_url = https://a/?b\n", "public_url has a character" },
		{ NEEDED "public_url = https://a b\n", "public_url has a character" },
		{ NEEDED "[attestation]\nmax_age = 1\n", "max_age is a time" },
		{ NEEDED "[attestation]\nmax_age = 5s\n", "interval has to be shorter" },
		{ NEEDED "[leases]\nenabled = maybe\n", "enabled is yes or no" },
		{ NEEDED "[leases]\nttl = 999ms\n", "ttl is out of range" },
		{ NEEDED "[leases]\nttl = 32d\n", "ttl is out of range" },
		{ NEEDED "[leases]\nttl = 60\n", "ttl is a time" },
	};
	struct zkhsm_error err;
	struct zkhsmd_config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(load(wrong[i].text, &c, &err), -EINVAL);
		if (!strstr(err.text, wrong[i].why))
			fail_msg("\"%s\" is not in \"%s\"", wrong[i].why, err.text);
	}
	assert_int_equal(zkhsmd_config_load("/nonexistent", &c, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(example),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
