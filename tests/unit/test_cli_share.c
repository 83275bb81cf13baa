// SPDX-License-Identifier: GPL-2.0
/*
 * test_cli_share.c - a share typed at a terminal: not shown, and given on
 *
 * What the command asks of keyring and kernel is answered here.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/cli/cli.h"

#define SERIAL	1234

static uint8_t shares[2][ZKHSM_SHARE_LEN];
static uint8_t added[ZKHSM_SHARE_LEN];
static unsigned int entered, revoked;
static int refusal;

int cli_open(struct cli *cli)
{
	(void)cli;
	return 0;
}

int zkhsm_keyring_add(const void *secret, size_t len, int32_t *serial, struct zkhsm_error *err)
{
	(void)err;
	assert_int_equal(len, sizeof(added));
	memcpy(added, secret, len);
	*serial = SERIAL;
	return 0;
}

int zkhsm_keyring_revoke(int32_t serial, struct zkhsm_error *err)
{
	(void)err;
	assert_int_equal(serial, SERIAL);
	revoked++;
	return 0;
}

int zkhsm_share_new(struct zkhsm_nl *nl, int32_t serial, struct zkhsm_share_info *out,
		    struct zkhsm_error *err)
{
	(void)nl;
	assert_int_equal(serial, SERIAL);
	entered++;
	memset(out, 0, sizeof(*out));
	return refusal ? zkhsm_fail(err, refusal, "refused") : 0;
}

int zkhsm_share_get(struct zkhsm_nl *nl, const uint8_t *kek_id, struct zkhsm_share_info *out,
		    struct zkhsm_error *err)
{
	(void)nl;
	(void)kek_id;
	(void)out;
	return zkhsm_fail(err, -ENOTSUP, "not asked here");
}

int zkhsm_share_del(struct zkhsm_nl *nl, const uint8_t *kek_id, struct zkhsm_error *err)
{
	return zkhsm_share_get(nl, kek_id, NULL, err);
}

/* A person at the terminal, who types once the command has asked. */
struct person {
	int master, prompt;
	const char *types;
	char asked[256];
};

static void *type(void *arg)
{
	struct person *p = arg;
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(p->asked) - 1 && !strchr(p->asked, '\n')) {
		n = read(p->prompt, p->asked + len, sizeof(p->asked) - 1 - len);
		if (n <= 0)
			return NULL;
		len += (size_t)n;
		p->asked[len] = '\0';
	}
	/* Written at once: the terminal's queue has room for it. */
	n = write(p->master, p->types, strlen(p->types));
	return n == (ssize_t)strlen(p->types) ? p : NULL;
}

/* What the terminal has shown, which is to be nothing. */
static void nothing_shown(int master)
{
	struct pollfd fd = { .fd = master, .events = POLLIN };
	char shown[256] = "";
	ssize_t n;

	if (poll(&fd, 1, 0) != 1)
		return;
	n = read(master, shown, sizeof(shown) - 1);
	fail_msg("%zd bytes were shown: %s", n, shown);
}

static int enter_typed(const char *types)
{
	char dash[] = "-", *args[] = { dash };
	struct cli cli = { .args = args, .arg_count = 1, .json = true };
	int slave, pipes[2], stdin_was = dup(STDIN_FILENO), stderr_was = dup(STDERR_FILENO);
	struct person person = { .types = types };
	struct termios before, after;
	pthread_t thread;
	void *typed;
	int ret;

	assert_int_equal(openpty(&person.master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(pipe(pipes), 0);
	person.prompt = pipes[0];
	fflush(NULL);
	dup2(slave, STDIN_FILENO);
	dup2(pipes[1], STDERR_FILENO);
	close(pipes[1]);
	tcgetattr(slave, &before);
	assert_true(before.c_lflag & ECHO);
	assert_int_equal(pthread_create(&thread, NULL, type, &person), 0);
	ret = cmd_share_enter(&cli);
	fflush(NULL);
	dup2(stdin_was, STDIN_FILENO);
	dup2(stderr_was, STDERR_FILENO);
	pthread_join(thread, &typed);
	assert_non_null(typed);
	tcgetattr(slave, &after);
	assert_int_equal(after.c_lflag, before.c_lflag);
	nothing_shown(person.master);
	assert_non_null(strstr(person.asked, "will not be shown"));
	close(stdin_was);
	close(stderr_was);
	close(pipes[0]);
	close(slave);
	close(person.master);
	return ret;
}

static int setup(void **state)
{
	uint8_t kek_id[16];

	(void)state;
	entered = revoked = 0;
	refusal = 0;
	memset(added, 0, sizeof(added));
	return zkhsm_share_split(NULL, 2, 2, shares, kek_id, NULL);
}

static void typed_file(void **state)
{
	char text[ZKHSM_SHARE_TEXT_SIZE];

	(void)state;
	assert_int_equal(zkhsm_share_text(shares[0], 2, "pasted", text, NULL), 0);
	assert_int_equal(enter_typed(text), 0);
	assert_memory_equal(added, shares[0], sizeof(added));
	assert_int_equal(entered, 1);
	assert_int_equal(revoked, 1);
}

static void typed_characters(void **state)
{
	char *code = zkhsm_b64(shares[1], sizeof(shares[1])), lines[128];

	(void)state;
	/* As on paper, in lines. */
	snprintf(lines, sizeof(lines), "%.30s\n%.30s\n%s\n", code, code + 30, code + 60);
	assert_int_equal(enter_typed(lines), 0);
	assert_memory_equal(added, shares[1], sizeof(added));
	assert_int_equal(entered, 1);
	free(code);
}

static void mistyped(void **state)
{
	char *code = zkhsm_b64(shares[1], sizeof(shares[1])), lines[128];

	(void)state;
	code[40] = code[40] == 'A' ? 'B' : 'A';
	snprintf(lines, sizeof(lines), "%s\n\n", code);
	assert_int_equal(enter_typed(lines), -EBADMSG);
	/* Too little, nothing, and an end instead of a line. */
	snprintf(lines, sizeof(lines), "%.20s\n\n", code);
	assert_int_equal(enter_typed(lines), -EBADMSG);
	assert_int_equal(enter_typed("\n"), -EBADMSG);
	assert_int_equal(enter_typed("\004"), -EBADMSG);
	/* An interrupt is a character, which no share has: the terminal is not left silent. */
	assert_int_equal(enter_typed("\003\n\n"), -EBADMSG);
	assert_int_equal(entered, 0);
	assert_int_equal(revoked, 0);
	free(code);
}

/* What the kernel refuses does not stay in the keyring either. */
static void refused(void **state)
{
	char text[ZKHSM_SHARE_TEXT_SIZE];

	(void)state;
	refusal = -EEXIST;
	assert_int_equal(zkhsm_share_text(shares[0], 2, NULL, text, NULL), 0);
	assert_int_equal(enter_typed(text), -EEXIST);
	assert_int_equal(entered, 1);
	assert_int_equal(revoked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(typed_file, setup),
		cmocka_unit_test_setup(typed_characters, setup),
		cmocka_unit_test_setup(mistyped, setup),
		cmocka_unit_test_setup(refused, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
