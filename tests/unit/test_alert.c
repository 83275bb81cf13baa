// SPDX-License-Identifier: GPL-2.0
/*
 * test_alert.c - every alert has its paragraph in the runbook, and none is there without;
 * the signature of a webhook as the Standard Webhooks have it; text that is cut
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

#include "../../userspace/manager/webhook.h"

/* build/asan/tests/unit/test_alert: the tree is five up. */
static FILE *open_runbook(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	FILE *f;

	assert_true(len > 0);
	path[len] = '\0';
	for (int up = 0; up < 5; up++)
		*strrchr(path, '/') = '\0';
	strcat(path, "/Documentation/runbook.rst");
	f = fopen(path, "re");
	if (!f)
		fail_msg("%s cannot be read", path);
	return f;
}

/* The terms of its definition list: a line of its own, what follows is indented. */
static void runbook(void **state)
{
	char line[512], term[512] = "";
	FILE *f = open_runbook();
	size_t next = 0;

	(void)state;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "    ", 4) == 0 && term[0]) {
			assert_non_null(zkhsmd_alert_codes[next]);
			assert_string_equal(term, zkhsmd_alert_codes[next]);
			next++;
		}
		line[strcspn(line, "\n")] = '\0';
		term[0] = '\0';
		if (line[0] && strspn(line, "abcdefghijklmnopqrstuvwxyz-") == strlen(line))
			strcpy(term, line);
	}
	if (zkhsmd_alert_codes[next])
		fail_msg("the runbook has no paragraph for %s", zkhsmd_alert_codes[next]);
	fclose(f);
}

static void codes_fit(void **state)
{
	(void)state;
	for (size_t i = 0; zkhsmd_alert_codes[i]; i++) {
		assert_true(strlen(zkhsmd_alert_codes[i]) <= ZKHSMD_CODE_MAX);
		if (i)
			assert_true(strcmp(zkhsmd_alert_codes[i - 1], zkhsmd_alert_codes[i]) < 0);
	}
}

static int sign(const char *secret, char out[64])
{
	return zkhsmd_webhook_sign((const uint8_t *)secret, strlen(secret),
				   "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
				   "{\"test\": 2432232314}", out);
}

/* The example of the Standard Webhooks' own libraries. */
static void signature(void **state)
{
	char out[64];

	(void)state;
	assert_int_equal(sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", out), 0);
	assert_string_equal(out, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	/* The same key as it is, where its bytes are not text. */
	assert_int_equal(sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=", out), -EINVAL);
	assert_int_equal(sign("whsec_", out), -EINVAL);
	assert_int_equal(sign("whsec_!!!!", out), -EINVAL);
	assert_int_equal(sign("whsec_MfKQ9r8GKYqrTwjU", out), -EINVAL);
	assert_int_equal(sign("fifteen bytes..", out), -EINVAL);
	assert_int_equal(sign("sixteen bytes...", out), 0);
}

static void cut(void **state)
{
	static const struct { const char *text, *want; } cases[] = {
		{ "", "" }, { "abc", "abc" }, { "ab\xc3", "ab" }, { "ab\xc3\xa4", "ab\xc3\xa4" },
		{ "a\xe2\x82", "a" }, { "a\xe2\x82\xac", "a\xe2\x82\xac" },
		{ "\xf0\x9f\x98", "" }, { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	};
	char text[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		strcpy(text, cases[i].text);
		zkhsmd_cut_text(text);
		assert_string_equal(text, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runbook),
		cmocka_unit_test(codes_fit),
		cmocka_unit_test(signature),
		cmocka_unit_test(cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
