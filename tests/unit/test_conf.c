// SPDX-License-Identifier: GPL-2.0
/*
 * test_conf.c - configuration files: defaults, and everything that is refused
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "conf.h"

struct main_section {
	char text[16];
	uint64_t number, time;
	bool flag;
};

struct peer_section {
	char name[16], url[32];
	struct conf_list list;
	uint32_t words;
	int line;
};

static const char *const words[] = { "red", "green", "blue", NULL };

struct config {
	struct main_section main;
	struct peer_section peers[2];
	size_t peer_count;
};

static const struct conf_option options[] = {
	CONF_TEXT_OF("main", "text", "", struct main_section, text, 1),
	CONF_NUMBER_OF("main", "number", "7", struct main_section, number, 1, 9),
	CONF_DURATION_OF("main", "time", "2s", struct main_section, time, 10, 3600000),
	CONF_BOOL_OF("main", "flag", "no", struct main_section, flag),
	CONF_TEXT_OF("peer *", "url", NULL, struct peer_section, url, 1),
	CONF_LIST_OF("peer *", "list", "", struct peer_section, list, 5, 3),
	CONF_WORDS_OF("peer *", "words", "blue", struct peer_section, words, words, 2),
	CONF_LINE_OF("peer *", struct peer_section, line),
};

static void *section(void *arg, const char *kind, const char *name)
{
	struct config *c = arg;

	if (strcmp(kind, "main") == 0)
		return &c->main;
	if (c->peer_count == ARRAY_SIZE(c->peers))
		return NULL;
	snprintf(c->peers[c->peer_count].name, sizeof(c->peers[0].name), "%s", name);
	return &c->peers[c->peer_count++];
}

static int load_bytes(const char *text, size_t len, struct config *c, struct zkhsm_error *err)
{
	char path[] = "/tmp/zkhsm-test-conf.XXXXXX";
	int fd = mkstemp(path), ret;

	memset(c, 0, sizeof(*c));
	memset(err, 0, sizeof(*err));
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	ret = conf_load(path, options, ARRAY_SIZE(options), section, c, err);
	unlink(path);
	return ret;
}

static int load(const char *text, struct config *c, struct zkhsm_error *err)
{
	return load_bytes(text, strlen(text), c, err);
}

static void free_peers(struct config *c)
{
	for (size_t i = 0; i < c->peer_count; i++)
		conf_list_free(&c->peers[i].list);
}

static void test_defaults(void **state)
{
	struct zkhsm_error err;
	struct config c;

	(void)state;
	assert_int_equal(load("", &c, &err), 0);
	assert_string_equal(c.main.text, "");
	assert_int_equal(c.main.number, 7);
	assert_int_equal(c.main.time, 2000);
	assert_false(c.main.flag);
	assert_int_equal(c.peer_count, 0);
}

static void test_values(void **state)
{
	struct zkhsm_error err;
	struct config c;

	(void)state;
	assert_int_equal(load("# comment\n[main]\ntext = abc\nnumber = 9\ntime=1min\nflag = yes\n"
			      "[peer a]\nurl = u1\n[peer b]\nurl = u2\n", &c, &err), 0);
	assert_string_equal(c.main.text, "abc");
	assert_int_equal(c.main.number, 9);
	assert_int_equal(c.main.time, 60000);
	assert_true(c.main.flag);
	assert_int_equal(c.peer_count, 2);
	assert_string_equal(c.peers[0].name, "a");
	assert_string_equal(c.peers[1].url, "u2");
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "[main]\nnumbr = 1\n", ":2: option numbr is unknown in [main]" },
		{ "[other]\nnumber = 1\n", ":1: section [other] is unknown" },
		{ "number = 1\n", ":1: section [] is unknown" },
		{ "[main]\nnumber = 1\nnumber = 2\n", ":3: number is there twice in [main]" },
		{ "[main]\nnumber = 0\n", "number is out of range: 0" },
		{ "[main]\nnumber = 10\n", "number is out of range: 10" },
		{ "[main]\nnumber = -1\n", "number is a number" },
		{ "[main]\nnumber = 1x\n", "number is a number" },
		{ "[main]\nnumber = 99999999999999999999\n", "number is a number" },
		{ "[main]\nnumber =\n", "number is a number" },
		{ "[main]\ntime = 5\n", "time is a time" },
		{ "[main]\ntime = 5 s\n", "time is a time" },
		{ "[main]\ntime = 18446744073709551615d\n", "time is a time" },
		{ "[main]\ntime = 99999999999999999999s\n", "time is a time" },
		{ "[main]\ntime = s\n", "time is a time" },
		{ "[main]\ntime = +5s\n", "time is a time" },
		{ "[main]\ntime =\n", "time is a time" },
		{ "[main]\ntime = 9ms\n", "time is out of range" },
		{ "[main]\nflag = true\n", "flag is yes or no" },
		{ "[main]\ntext = 0123456789abcdef\n", "text is too long" },
		{ "[main]\ntext =\n", "text is too short" },
		{ "[main]\njust a word\n", ":2:" },
		{ "[main\nnumber = 1\n", ":1:" },
		{ "[peer]\nurl = u\n", "section [peer] is unknown" },
		{ "[peer ]\nurl = u\n", "section [peer ] is unknown" },
		{ "[peer a]\nurl = 1\n[peer b]\nurl = 2\n[peer c]\nurl = 3\n", ":5: section [peer c]" },
		{ "[main]\nnumber = 1\n  2\n", ":3:" },
		{ "\n[peer a]\n", ":2: url is missing in [peer a]" },
		{ "[peer a]\nurl = u\n[main]\n[peer a]\n", ":4: section [peer a] is there twice" },
		{ "[peer a]\n= 7\n", ":2:" },
		{ "[peer a]\nlist =\n", ":2: list has nothing where something is to be" },
		{ "[peer a]\nlist = a, , b\n", ":2: list has nothing where something is to be" },
		{ "[peer a]\nlist = abcde\n", ":2: list has something too long: abcde" },
		{ "[peer a]\nlist = a, b\nlist = b\n", ":3: list has b twice" },
		{ "[peer a]\nlist = a, b\nlist = c, d\n", ":3: list has too many, the first of them d" },
		{ "[peer a]\nwords = red\nwords = red\n", ":3: words is there twice" },
		{ "[peer a]\nwords = red, red\n", ":2: words has red twice" },
		{ "[peer a]\nwords = re\n", ":2: words cannot be \"re\"" },
		{ "[peer a]\nwords = red, blue, green\n", ":2: words has too many" },
		{ "[main]\nnot an option\n[other]\n", ":2: not \"option = value\"" },
	};
	struct zkhsm_error err;
	struct config c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(load(bad[i].text, &c, &err), -EINVAL);
		if (!strstr(err.text, bad[i].why))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.text, bad[i].why);
		free_peers(&c);
	}
}

static void test_lists(void **state)
{
	struct zkhsm_error err;
	struct config c;

	(void)state;
	assert_int_equal(load("[main]\n[peer a]\nurl = u\nlist = a ,b\nlist=\tc d \n"
			      "words = green,red\n\n  [peer b]\nurl = u\n", &c, &err), 0);
	assert_int_equal(c.peers[0].list.count, 3);
	assert_string_equal(c.peers[0].list.items[0].text, "a");
	assert_string_equal(c.peers[0].list.items[1].text, "b");
	assert_string_equal(c.peers[0].list.items[2].text, "c d");
	assert_int_equal(c.peers[0].list.items[1].line, 4);
	assert_int_equal(c.peers[0].list.items[2].line, 5);
	assert_int_equal(c.peers[0].words, 3);
	assert_int_equal(c.peers[0].line, 2);
	assert_int_equal(c.peers[1].list.count, 0);
	assert_int_equal(c.peers[1].words, 4);
	assert_int_equal(c.peers[1].line, 8);
	free_peers(&c);
}

/* libinih would take the rest of a long line for a line of its own. */
static void test_long_lines(void **state)
{
	struct zkhsm_error err;
	char text[1200];
	struct config c;

	(void)state;
	for (int len = 150; len < 1100; len++) {
		int ret;

		snprintf(text, sizeof(text), "[main]\n#%0*dnumber = 9\n", len, 0);
		ret = load(text, &c, &err);
		if (len < 480)
			assert_int_equal(ret, 0);
		if (!ret) {
			assert_int_equal(c.main.number, 7);
		} else {
			assert_int_equal(ret, -EINVAL);
			assert_non_null(strstr(err.text, ":2: the line is too long"));
		}
	}
	assert_int_equal(load(text, &c, &err), -EINVAL);
}

/* And would cut the title of a section. */
static void test_long_titles(void **state)
{
	struct zkhsm_error err;
	char text[1200];
	struct config c;

	(void)state;
	snprintf(text, sizeof(text), "[peer %044d]\nurl = u\n", 0);
	assert_int_equal(load(text, &c, &err), 0);
	snprintf(text, sizeof(text), "[peer %045d]\nurl = u\n", 0);
	assert_int_equal(load(text, &c, &err), -EINVAL);
	assert_non_null(strstr(err.text, ":1: the name of the section is too long"));
	snprintf(text, sizeof(text), "\v[peer %045d]\nurl = u\n", 0);
	assert_int_equal(load(text, &c, &err), -EINVAL);
	snprintf(text, sizeof(text), "\xef\xbb\xbf[peer %045d]\nurl = u\n", 0);
	assert_int_equal(load(text, &c, &err), -EINVAL);
}

/* And would not see what follows a zero byte. */
static void test_zero_byte(void **state)
{
	static const char text[] = "[main]\nnumber = 9\0 8\n";
	struct zkhsm_error err;
	struct config c;

	(void)state;
	assert_int_equal(load_bytes(text, sizeof(text) - 1, &c, &err), -EINVAL);
	assert_non_null(strstr(err.text, ":2: a zero byte"));
	assert_int_equal(conf_load("/", options, ARRAY_SIZE(options), section, &c, &err), -EINVAL);
	assert_non_null(strstr(err.text, "the file cannot be read"));
}

static void test_missing(void **state)
{
	struct zkhsm_error err;
	struct config c;

	(void)state;
	assert_int_equal(conf_load("/nonexistent/conf", options, ARRAY_SIZE(options), section, &c,
				   &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/conf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_titles),
		cmocka_unit_test(test_zero_byte),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
