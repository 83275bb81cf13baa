// SPDX-License-Identifier: GPL-2.0
/*
 * test_ceremony.c - the ceremony's questions, commands and protocol, without a
 * kernel; and the options that came with it
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/cli/ceremony.h"

static char answers_path[] = "/tmp/zkhsm-answers-XXXXXX";
static char protocol_path[] = "/tmp/zkhsm-protocol-XXXXXX";
static unsigned int runs;
static char last_label[64];

static int record_run(struct cli *cli)
{
	runs++;
	if (cli->value[OPT_LABEL])
		snprintf(last_label, sizeof(last_label), "%s", cli->value[OPT_LABEL]);
	if (cli->arg_count && strcmp(cli->args[0], "bad") == 0)
		return zkhsm_fail(&cli->err, -EKEYREVOKED, "this one is refused");
	return cli->arg_count && strcmp(cli->args[0], "half") == 0 ? CLI_FAILED : 0;
}

static const struct cli_command table[] = {
	{ "hsm", "ceremony", "", 0, 0, O(STORE) | O(ANSWERS) | O(DRY_RUN) | O(PROTOCOL), 0, "",
	  cmd_hsm_ceremony },
	{ "key", "new", "ID", 1, 1, O(OWNER) | O(LABEL), 0, "", record_run },
	{ "hsm", "new", "", 0, 0, O(TPM_PCRS) | O(COUNTER), 0, "", record_run },
};

static int make_files(void **state)
{
	int a = mkstemp(answers_path), p = mkstemp(protocol_path);

	(void)state;
	return a < 0 || p < 0 ? -1 : close(a) | close(p);
}

static int remove_files(void **state)
{
	(void)state;
	return unlink(answers_path) | unlink(protocol_path);
}

/* A rehearsal with these answers; the protocol, caller frees. */
static char *rehearse(const char *answers, struct cli *cli, int *ret)
{
	char words[][16] = { "ceremony", "--dry-run", "--answers", "--protocol" };
	char *argv[] = { words[0], words[1], words[2], answers_path, words[3], protocol_path,
			 NULL };
	uint8_t *text;
	size_t len;

	assert_int_equal(zkhsm_write_file(answers_path, answers, strlen(answers), 0600, NULL), 0);
	assert_int_equal(zkhsm_write_file(protocol_path, "", 0, 0600, NULL), 0);
	memset(cli, 0, sizeof(*cli));
	cli->table = table;
	cli->table_len = ARRAY_SIZE(table);
	cli->command = &table[0];
	runs = 0;
	assert_int_equal(cli_parse(cli, 5, argv + 1), 0);
	*ret = cmd_hsm_ceremony(cli);
	assert_int_equal(zkhsm_read_file(protocol_path, 1 << 20, &text, &len, NULL), 0);
	return (char *)text;
}

static void has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void rehearsal(void **state)
{
	struct cli cli;
	char *text;
	int ret;

	(void)state;
	text = rehearse("{\"present\":[\"Ada\",\"Grace\"],\"kek\":\"shares\",\"shares\":\"3\","
			"\"threshold\":\"2\",\"out-dir\":\"/x y\",\"custodian\":[\"A\",\"B\",\"C\"],"
			"\"manager\":[\"https://m\",\"04ab\"],\"manager-ca\":\"ca.pem\","
			"\"manager-label\":[\"one's\",\"two\"],\"quorum\":\"2\",\"lock\":\"yes\","
			"\"key\":[\"tls\"],\"key-owner\":\"www\",\"backup\":\"b.json\"}", &cli, &ret);
	assert_int_equal(ret, 0);
	assert_int_equal(runs, 0);
	has(text, "REHEARSAL");
	has(text, "Present:  Ada\nPresent:  Grace\n");
	has(text, "$ zkhsm share split --shares 3 --threshold 2 --out-dir '/x y'\n");
	has(text, "Share 3 of 3 (threshold 2): C\n");
	has(text, "$ zkhsm hsm new --shares --agent-uid zkhsm-agent\n");
	has(text, "$ zkhsm trust new --from-manager https://m --ca ca.pem --label 'one'\\''s'\n");
	has(text, "$ zkhsm trust new --key 04ab --label two\n");
	has(text, "$ zkhsm hsm set --quorum 2 --stop 1 --wipe 2\n");
	has(text, "$ zkhsm hsm lock --yes\n");
	has(text, "$ zkhsm key new tls --owner www\n");
	has(text, "$ zkhsm hsm backup --out b.json\n");
	has(text, "______________________________  Grace\n");
	free(text);

	/* What is not an array is one answer, also to what is asked until there are no more. */
	text = rehearse("{\"present\":\"Ada\",\"kek\":\"tpm\",\"tpm-pcrs\":\"0,7\","
			"\"counter\":\"0x1500016\",\"quorum\":\"1\",\"key\":\"a\"}", &cli, &ret);
	assert_int_equal(ret, 0);
	has(text, "Present:  Ada\n\n");
	has(text, "$ zkhsm hsm new --tpm-pcrs 0,7 --counter 0x1500016 --agent-uid zkhsm-agent\n");
	has(text, "Not locked.");
	free(text);
}

static void broken_off(void **state)
{
	static const struct {
		const char *answers, *says;
		int ret;
	} cases[] = {
		{ "{\"quorum\":\"1\"}", "(present)", -EINVAL },
		{ "{\"present\":[\"A\"],\"kek\":\"paper\"}", "no KEK of \"paper\"", -EINVAL },
		{ "{\"present\":[\"A\"],\"kek\":\"file\"}", "(kek-file)", -EINVAL },
		{ "{\"present\":[\"A\\u001b[2J\"]}", "no good answer (present)", -EINVAL },
		{ "{\"present\":[\"A\"],\"kek\":\"keyring\"}", "(quorum)", -EINVAL },
		{ "{\"present\":[\"A\"],\"present\":[]}", "", -EBADMSG },
		{ "[", "", -EBADMSG },
	};
	struct cli cli;
	char *text;
	int ret;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		text = rehearse(cases[i].answers, &cli, &ret);
		assert_int_equal(ret, cases[i].ret);
		has(cli.err.text, cases[i].says);
		has(text, "Broken off:");
		free(text);
	}
}

static void commands(void **state)
{
	struct words good = { { "key", "new", "web" }, 3 }, bad = { { "key", "new", "bad" }, 3 },
		half = { { "key", "new", "half" }, 3 }, none = { { "key", "old" }, 2 },
		usage = { { "key", "new" }, 2 };
	struct cli cli = { .table = table, .table_len = ARRAY_SIZE(table) };
	struct ceremony c;

	(void)state;
	runs = 0;
	assert_int_equal(ceremony_begin(&c, &cli), 0);
	words_add(&good, "--label", "a b");
	words_add(&good, "--owner", "");
	assert_int_equal(good.count, 5);
	assert_int_equal(ceremony_run(&c, &good), 0);
	assert_int_equal(runs, 1);
	assert_string_equal(last_label, "a b");
	assert_int_equal(ceremony_run(&c, &bad), -EKEYREVOKED);
	assert_string_equal(cli.err.text, "this one is refused");
	assert_int_equal(ceremony_run(&c, &half), -EINVAL);
	assert_int_equal(ceremony_run(&c, &none), -EINVAL);
	assert_int_equal(ceremony_run(&c, &usage), -EINVAL);
	assert_int_equal(runs, 3);
	fflush(c.protocol);
	has(c.text, "$ zkhsm key new web --label 'a b'\n");
	has(c.text, "REFUSED: this one is refused\n");
	assert_int_equal(ceremony_end(&c, 0), 0);
}

/* What the two options make of a word: 0, or refused. */
static int parse(enum cli_option o, const char *text, uint32_t *out)
{
	struct cli cli = { .command = &table[2] };

	cli.value[o] = text;
	return o == OPT_TPM_PCRS ? cli_pcrs(&cli, o, out) : cli_handle(&cli, o, out);
}

static void options(void **state)
{
	static const char *const bad_pcrs[] = { "", ",", "0,", ",0", "16", "0,0", "a", "0-7",
						"0 7", "-1", "4294967296" };
	static const char *const bad_handles[] = { "", "0x", "16", "1500016", "0x123456789", "0xg",
						   "0x 1", "0x-1", "x1" };
	uint32_t n;

	(void)state;
	assert_int_equal(parse(OPT_TPM_PCRS, "0", &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(parse(OPT_TPM_PCRS, "15,7,0", &n), 0);
	assert_int_equal(n, 0x8081);
	assert_int_equal(parse(OPT_TPM_PCRS, NULL, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(parse(OPT_COUNTER, "0x1500016", &n), 0);
	assert_int_equal(n, 0x1500016);
	assert_int_equal(parse(OPT_COUNTER, "0xFFFFFFFF", &n), 0);
	assert_int_equal(n, 0xffffffff);
	for (size_t i = 0; i < ARRAY_SIZE(bad_pcrs); i++)
		if (parse(OPT_TPM_PCRS, bad_pcrs[i], &n) != CLI_USAGE)
			fail_msg("PCRs \"%s\" were taken", bad_pcrs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad_handles); i++)
		if (parse(OPT_COUNTER, bad_handles[i], &n) != CLI_USAGE)
			fail_msg("index \"%s\" was taken", bad_handles[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rehearsal),
		cmocka_unit_test(broken_off),
		cmocka_unit_test(commands),
		cmocka_unit_test(options),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
