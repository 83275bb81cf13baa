// SPDX-License-Identifier: GPL-2.0
/*
 * test_cli.c - options of the command, and what it says about files
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/cli/bundle.h"
#include "prover.h"

static int unused(struct cli *cli)
{
	(void)cli;
	return 0;
}

static const struct cli_command command = {
	"thing", "do", "ID", 1, 1,
	O(COUNT) | O(OUT) | O(DER) | O(MANAGER_ID) | O(NONCE_HEX) | O(OWNER) | O(KEY_ID),
	O(OUT), "does", unused,
};

/* One of stdout and stderr in a file while @cli_... runs. */
struct capture {
	FILE *file;
	int fd, saved;
};

static void capture_begin(struct capture *c, int fd)
{
	fflush(NULL);
	c->file = tmpfile();
	c->fd = fd;
	c->saved = dup(fd);
	assert_true(c->file && c->saved >= 0 && dup2(fileno(c->file), fd) >= 0);
}

static char *capture_end(struct capture *c)
{
	static char text[1 << 16];
	size_t n;

	fflush(NULL);
	dup2(c->saved, c->fd);
	close(c->saved);
	rewind(c->file);
	n = fread(text, 1, sizeof(text) - 1, c->file);
	text[n] = '\0';
	fclose(c->file);
	return text;
}

/* Parses a line of words; what it says on stderr is in @said. */
static int parse(struct cli *cli, const char *line, char **said)
{
	static char words[512];
	static char *argv[32];
	struct capture c;
	int argc = 1, ret;

	snprintf(words, sizeof(words), "%s", line);
	argv[0] = (char *)"do";
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
		argv[argc++] = w;
	argv[argc] = NULL;
	memset(cli, 0, sizeof(*cli));
	cli->command = &command;
	capture_begin(&c, STDERR_FILENO);
	ret = cli_parse(cli, argc - 1, argv + 1);
	*said = capture_end(&c);
	return ret;
}

static void test_options(void **state)
{
	struct cli cli;
	char *said;

	(void)state;
	assert_int_equal(parse(&cli, "an-id --out f --count 3 --der --output json", &said), 0);
	assert_string_equal(cli.args[0], "an-id");
	assert_string_equal(cli.value[OPT_OUT], "f");
	assert_string_equal(cli.value[OPT_COUNT], "3");
	assert_non_null(cli.value[OPT_DER]);
	assert_true(cli.json);
	assert_null(cli.value[OPT_OWNER]);

	assert_int_equal(parse(&cli, "--out=f --manager a --nonce b --manager c --nonce d x", &said),
			 0);
	assert_int_equal(cli.value_count[REPEAT_MANAGER], 2);
	assert_string_equal(cli.values[REPEAT_MANAGER][1], "c");
	assert_string_equal(cli.values[REPEAT_NONCE][0], "b");

	/* Help asks for nothing else. */
	assert_int_equal(parse(&cli, "--help", &said), 0);
	assert_true(cli.help);
	/* Abbreviated as getopt_long does. */
	assert_int_equal(parse(&cli, "x --out f --key k", &said), 0);
	assert_string_equal(cli.value[OPT_KEY_ID], "k");
	/* Nothing after -- is an option. */
	assert_int_equal(parse(&cli, "--out f -- --der", &said), 0);
	assert_string_equal(cli.args[0], "--der");
}

static void test_usage(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{ "x --out", "--out needs a value" },
		{ "x --out f --nothing", "does not know the option --nothing" },
		{ "x --out f --quorum 2", "does not know the option --quorum" },
		{ "x --out f -z", "does not know the option" },
		{ "x --out f --out g", "--out is given twice" },
		{ "x", "needs --out" },
		{ "--out f", "needs ID" },
		{ "x y --out f", "needs ID" },
		{ "x --out f --output xml", "--output is text or json" },
		{ "x --out f --manager 1 --manager 2 --manager 3 --manager 4 --manager 5 --manager 6 "
		  "--manager 7 --manager 8 --manager 9 --manager 10 --manager 11 --manager 12 "
		  "--manager 13", NULL },
	};
	struct cli cli;
	char *said;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (!bad[i].why) {
			assert_int_equal(parse(&cli, bad[i].line, &said), 0);
			continue;
		}
		assert_int_equal(parse(&cli, bad[i].line, &said), CLI_USAGE);
		if (!strstr(said, bad[i].why))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", bad[i].line, said, bad[i].why);
		assert_non_null(strstr(said, "zkhsm: thing do: "));
		assert_non_null(strstr(said, "(EINVAL, usage)"));
	}
}

static void test_values(void **state)
{
	static const char *const bad[] = { "", "0", "11", "-1", "1x", "0x1", " 1",
					   "99999999999999999999" };
	uint32_t n = 5;
	uint8_t bytes[4];
	struct capture c;
	ssize_t len;
	struct cli cli = { .command = &command };

	(void)state;
	capture_begin(&c, STDERR_FILENO);
	assert_int_equal(cli_u32(&cli, OPT_COUNT, 1, 10, &n), 0);
	assert_int_equal(n, 5);
	cli.value[OPT_COUNT] = "10";
	assert_int_equal(cli_u32(&cli, OPT_COUNT, 1, 10, &n), 0);
	assert_int_equal(n, 10);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		cli.value[OPT_COUNT] = bad[i];
		assert_int_equal(cli_u32(&cli, OPT_COUNT, 1, 10, &n), CLI_USAGE);
	}
	cli.value[OPT_OWNER] = "root";
	assert_int_equal(cli_uid(&cli, OPT_OWNER, &n), 0);
	assert_int_equal(n, 0);
	cli.value[OPT_OWNER] = "no-such-user-here";
	assert_int_equal(cli_uid(&cli, OPT_OWNER, &n), CLI_USAGE);
	cli.value[OPT_OWNER] = "4294967295";
	assert_int_equal(cli_uid(&cli, OPT_OWNER, &n), CLI_USAGE);

	assert_int_equal(cli_hex(&cli, "x", "00ff", bytes, 2), 0);
	assert_int_equal(bytes[1], 255);
	assert_int_equal(cli_hex(&cli, "x", "00FF", bytes, 2), CLI_USAGE);
	assert_int_equal(cli_hex(&cli, "x", "00f", bytes, 2), CLI_USAGE);
	assert_int_equal(cli_hex(&cli, "x", "00ff00", bytes, 2), CLI_USAGE);

	cli.value[OPT_USER_ID_HEX] = "0102";
	assert_int_equal(cli_bytes(&cli, OPT_USER_ID, OPT_USER_ID_HEX, 4, bytes, &len), 0);
	assert_int_equal(len, 2);
	cli.value[OPT_USER_ID_HEX] = "010";
	assert_int_equal(cli_bytes(&cli, OPT_USER_ID, OPT_USER_ID_HEX, 4, bytes, &len), CLI_USAGE);
	cli.value[OPT_USER_ID_HEX] = "0102030405";
	assert_int_equal(cli_bytes(&cli, OPT_USER_ID, OPT_USER_ID_HEX, 4, bytes, &len), CLI_USAGE);
	cli.value[OPT_USER_ID_HEX] = "01";
	cli.value[OPT_USER_ID] = "a";
	assert_int_equal(cli_bytes(&cli, OPT_USER_ID, OPT_USER_ID_HEX, 4, bytes, &len), CLI_USAGE);
	capture_end(&c);
}

static void test_errors(void **state)
{
	struct cli cli = { .command = &command };
	struct capture c;
	char *said;

	(void)state;
	zkhsm_fail(&cli.err, -EKEYREVOKED, "the key has been\nrevoked");
	cli.err.reason = ZKHSM_REASON_REVOKED;
	capture_begin(&c, STDERR_FILENO);
	cli_print_error(&cli);
	said = capture_end(&c);
	assert_string_equal(said, "zkhsm: thing do: the key has been?revoked (EKEYREVOKED, revoked)\n");

	cli.json = true;
	snprintf(cli.remote_type, sizeof(cli.remote_type), "urn:zkhsm:stale");
	cli.remote_status = 403;
	capture_begin(&c, STDOUT_FILENO);
	cli_print_error(&cli);
	said = capture_end(&c);
	assert_string_equal(said, "{\"error\":{\"errno\":\"EKEYREVOKED\",\"reason\":\"urn:zkhsm:stale\","
			    "\"message\":\"the key has been?revoked\",\"status\":403}}\n");
}

/* --- evidence files --------------------------------------------------------- */

struct scene {
	struct prover *p;
	struct bundle b;
	uint8_t manager_id[32], nonce[32];
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], announcement[PROVER_ANNOUNCEMENT_LEN];
	char path[64];
};

static void scene_new(struct scene *s)
{
	s->p = prover_new("test_cli", 3);
	memset(s->manager_id, 1, 32);
	memset(s->nonce, 2, 32);
	prover_key(s->p, "key-000001")->entry.state = ZKHSM_KEY_STATE_COMPROMISED;
	prover_refresh(s->p);
	s->b.evidence.len = prover_answer(s->p, s->manager_id, s->nonce, s->evidence);
	s->b.evidence.data = s->evidence;
	prover_announcement(s->p, s->announcement);
	s->b.announcement.data = s->announcement;
	s->b.announcement.len = sizeof(s->announcement);
	s->b.list.data = s->p->list;
	s->b.list.len = s->p->list_len;
	s->b.configuration.data = s->p->config_bytes;
	s->b.configuration.len = s->p->config_len;
	snprintf(s->path, sizeof(s->path), "/tmp/zkhsm-test-cli.XXXXXX");
	close(mkstemp(s->path));
}

static void scene_free(struct scene *s)
{
	unlink(s->path);
	prover_free(s->p);
}

static void write_bundle(struct scene *s)
{
	json_t *o = bundle_json(&s->b);

	assert_int_equal(json_dump_file(o, s->path, 0), 0);
	json_decref(o);
}

/* The command on the scene's file; the answer as JSON, or NULL. */
static int verify(struct scene *s, const char *nonce, struct cli *cli, json_t **answer)
{
	static const struct cli_command evidence_verify = { .object = "evidence", .verb = "verify" };
	char *args[] = { s->path, NULL }, *manager = zkhsm_hex(s->manager_id, 32);
	struct capture c;
	int ret;

	memset(cli, 0, sizeof(*cli));
	cli->command = &evidence_verify;
	cli->json = true;
	cli->args = args;
	cli->arg_count = 1;
	if (nonce) {
		cli->values[REPEAT_MANAGER][0] = manager;
		cli->values[REPEAT_NONCE][0] = nonce;
		cli->value_count[REPEAT_MANAGER] = 1;
		cli->value_count[REPEAT_NONCE] = 1;
	}
	capture_begin(&c, STDOUT_FILENO);
	ret = cmd_evidence_verify(cli);
	*answer = json_loads(capture_end(&c), 0, NULL);
	free(manager);
	return ret;
}

static void test_evidence_true(void **state)
{
	json_t *answer, *keys;
	struct scene s = { 0 };
	struct cli cli;
	char *nonce;

	(void)state;
	scene_new(&s);
	write_bundle(&s);
	nonce = zkhsm_hex(s.nonce, 32);
	assert_int_equal(verify(&s, nonce, &cli, &answer), 0);
	assert_true(json_is_true(json_object_get(answer, "verified")));
	assert_int_equal(json_integer_value(json_object_get(answer, "proved")), 2);
	keys = json_object_get(answer, "keys");
	assert_int_equal(json_array_size(keys), 3);
	assert_true(json_is_true(json_object_get(json_array_get(keys, 0), "proved")));
	assert_true(json_is_false(json_object_get(json_array_get(keys, 1), "proved")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(keys, 1), "state")),
			    "compromised");
	json_decref(answer);

	/* True, but not an answer to this question. */
	nonce[0] = nonce[0] == '0' ? '1' : '0';
	assert_int_equal(verify(&s, nonce, &cli, &answer), -EKEYREJECTED);
	assert_null(answer);
	free(nonce);
	scene_free(&s);
}

static void test_evidence_false(void **state)
{
	struct scene s = { 0 };
	json_t *answer;
	struct cli cli;

	(void)state;
	scene_new(&s);
	/* The last byte of r; the state byte of the first key; a byte of the announcement's proof. */
	s.evidence[s.b.evidence.len - 1] ^= 1;
	write_bundle(&s);
	assert_int_equal(verify(&s, NULL, &cli, &answer), -EKEYREJECTED);
	s.evidence[s.b.evidence.len - 1] ^= 1;

	s.announcement[sizeof(s.announcement) - 1] ^= 1;
	write_bundle(&s);
	assert_int_equal(verify(&s, NULL, &cli, &answer), -EKEYREJECTED);
	s.announcement[sizeof(s.announcement) - 1] ^= 1;

	s.b.evidence.len--;
	write_bundle(&s);
	assert_int_equal(verify(&s, NULL, &cli, &answer), -EBADMSG);
	s.b.evidence.len++;

	s.b.list.len--;
	write_bundle(&s);
	assert_int_equal(verify(&s, NULL, &cli, &answer), -EBADMSG);
	s.b.list.len++;

	s.b.announcement.len = 0;
	write_bundle(&s);
	assert_int_equal(verify(&s, NULL, &cli, &answer), 0);
	json_decref(answer);
	scene_free(&s);
}

/* True, of the same HSM, but it announces what the evidence does not cover. */
static void test_other_announcement(void **state)
{
	struct scene s = { 0 };
	json_t *answer;
	struct cli cli;
	uint8_t *list;

	(void)state;
	scene_new(&s);
	list = malloc(s.p->list_len);
	assert_non_null(list);
	memcpy(list, s.p->list, s.p->list_len);
	s.b.list.data = list;
	prover_key_add(s.p, "later", NULL);
	prover_refresh(s.p);
	prover_announcement(s.p, s.announcement);
	write_bundle(&s);
	assert_int_equal(verify(&s, NULL, &cli, &answer), -EKEYREJECTED);
	assert_string_equal(cli.err.text, "the announcement is of another list");
	free(list);
	scene_free(&s);
}

static void test_proof_malformed(void **state)
{
	static const struct cli_command proof_verify = { .object = "proof", .verb = "verify" };
#define H8	"0011223344556677"
#define H32	H8 H8 H8 H8
	static const char *const bad[] = {
		"", "{", "[]", "\"x\"", "{}",
		"{\"public\":1}", "{\"public\":\"zz\"}", "{\"public\":\"001\"}", "{\"public\":\"0A\"}",
		"{\"public\":\"04" H32 H32 "00\"}", "{\"public\":\"04" H32 H32 "\"}",
		"{\"public\":\"04" H32 H32 "\",\"proof\":\"" H32 H32 H32 "\",\"user-id\":\"00\"}",
		"{\"public\":\"04" H32 H32 "\",\"proof\":\"04" H32 H32 H32 "\"}",
		"{\"public\":\"04" H32 H32 "\",\"proof\":\"04" H32 H32 H32 "\",\"user-id\":\"\"}",
		"{\"public\":\"04" H32 "\",\"proof\":\"04" H32 H32 H32 "\",\"user-id\":\"00\"}",
		"{\"public\":\"04" H32 H32 "\",\"public\":\"04" H32 H32 "\"}",
	};
	char path[] = "/tmp/zkhsm-test-cli.XXXXXX";
	char *args[] = { path, NULL };

	(void)state;
	close(mkstemp(path));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct cli cli = { .command = &proof_verify, .json = true, .args = args,
				   .arg_count = 1 };
		FILE *f = fopen(path, "we");

		assert_non_null(f);
		fputs(bad[i], f);
		fclose(f);
		cli.value[OPT_PUBLIC] = "04" H32 H32;
		if (cmd_proof_verify(&cli) != -EBADMSG)
			fail_msg("%s", bad[i]);
	}
	unlink(path);
}

static void test_bundle_malformed(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"format\":\"zkhsm-evidence\"}",
		"{\"format\":\"zkhsm-evidence\",\"version\":2}",
		"{\"format\":\"zkhsm-evidence\",\"version\":1,\"evidence\":\"AA\"}",
		"{\"format\":\"zkhsm-evidence\",\"version\":1,\"evidence\":\"A=\",\"list\":\"AA\","
		"\"configuration\":\"AA\"}",
		"{\"format\":\"zkhsm-evidence\",\"format\":\"zkhsm-evidence\",\"version\":1}",
	};
	struct scene s = { 0 };
	json_t *answer;
	struct cli cli;

	(void)state;
	scene_new(&s);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		FILE *f = fopen(s.path, "w");

		assert_non_null(f);
		fputs(bad[i], f);
		fclose(f);
		assert_int_equal(verify(&s, NULL, &cli, &answer), -EBADMSG);
	}
	unlink(s.path);
	assert_int_equal(verify(&s, NULL, &cli, &answer), -ENOENT);
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_evidence_true),
		cmocka_unit_test(test_evidence_false),
		cmocka_unit_test(test_other_announcement),
		cmocka_unit_test(test_bundle_malformed),
		cmocka_unit_test(test_proof_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
