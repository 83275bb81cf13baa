// SPDX-License-Identifier: GPL-2.0
/*
 * test_cli_lease.c - leases and configurations made off line
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/cli/bundle.h"
#include "prover.h"

/* An HSM with three keys and two managers, evidence of it in a file, and their keys. */
struct scene {
	struct prover *p;
	EVP_PKEY *key[2];
	uint8_t public[2][65], id[2][32];
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	uint8_t statement[32];
	size_t evidence_len;
	char dir[64], evidence_path[96], key_path[2][96], out[96], pem[96];
};

static void write_scene(struct scene *s)
{
	struct bundle b = {
		.evidence = { s->evidence, s->evidence_len },
		.list = { s->p->list, s->p->list_len },
		.configuration = { s->p->config_bytes, s->p->config_len },
	};
	json_t *o = bundle_json(&b);

	assert_int_equal(json_dump_file(o, s->evidence_path, 0), 0);
	json_decref(o);
}

static void attest(struct scene *s, uint64_t last_number)
{
	struct zkhsm_challenge c = { .nonce = { 2 }, .last_number = last_number };
	struct zkhsm_statement st;
	size_t len = 0;

	memcpy(c.manager_id, s->id[0], 32);
	prover_refresh(s->p);
	prover_statement(s->p, &c, 1, &st);
	s->evidence_len = prover_evidence(s->p, &st, s->evidence);
	assert_int_equal(zkhsm_evidence_decode(&st, &len, s->evidence, s->evidence_len), 0);
	zkhsm_sha256(s->evidence, len, s->statement);
	write_scene(s);
}

static void scene_new(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/tmp/zkhsm-test-lease.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->evidence_path, sizeof(s->evidence_path), "%s/evidence", s->dir);
	snprintf(s->out, sizeof(s->out), "%s/out", s->dir);
	snprintf(s->pem, sizeof(s->pem), "%s/pem", s->dir);
	s->p = prover_new("test_cli_lease", 3);
	s->p->config.quorum = 2;
	s->p->config.stop = 1;
	s->p->config.wipe = 2;
	for (int i = 0; i < 2; i++) {
		snprintf(s->key_path[i], sizeof(s->key_path[i]), "%s/key-%d", s->dir, i);
		assert_int_equal(zkhsm_signer_generate(&s->key[i], NULL), 0);
		assert_int_equal(zkhsm_signer_public(s->key[i], s->public[i]), 0);
		assert_int_equal(zkhsm_signer_save(s->key_path[i], s->key[i], NULL), 0);
		zkhsm_sha256(s->public[i], 65, s->id[i]);
		prover_pin(s->p, s->public[i]);
	}
	attest(s, 5);
}

static void scene_free(struct scene *s)
{
	unlink(s->evidence_path);
	unlink(s->key_path[0]);
	unlink(s->key_path[1]);
	unlink(s->out);
	unlink(s->pem);
	assert_int_equal(rmdir(s->dir), 0);
	prover_free(s->p);
	EVP_PKEY_free(s->key[0]);
	EVP_PKEY_free(s->key[1]);
}

static FILE *captured;
static int saved[2];

static void quiet(void)
{
	fflush(NULL);
	captured = tmpfile();
	assert_non_null(captured);
	for (int fd = 1; fd <= 2; fd++) {
		saved[fd - 1] = dup(fd);
		dup2(fileno(captured), fd);
	}
}

static char *loud(void)
{
	static char text[1 << 16];
	size_t n;

	fflush(NULL);
	for (int fd = 1; fd <= 2; fd++) {
		dup2(saved[fd - 1], fd);
		close(saved[fd - 1]);
	}
	rewind(captured);
	n = fread(text, 1, sizeof(text) - 1, captured);
	text[n] = '\0';
	fclose(captured);
	return text;
}

static const struct cli_command lease_issue = { .object = "lease", .verb = "issue" };
static const struct cli_command trust_change = { .object = "trust", .verb = "change" };

static void prepare(const struct scene *s, struct cli *cli, const struct cli_command *c)
{
	memset(cli, 0, sizeof(*cli));
	cli->command = c;
	cli->json = true;
	cli->value[OPT_OFFLINE] = "";
	cli->value[OPT_EVIDENCE_FILE] = s->evidence_path;
	cli->value[OPT_SIGNING_KEY] = s->key_path[0];
	cli->value[OPT_OUT] = s->out;
}

static int run(struct cli *cli, int (*fn)(struct cli *cli), json_t **answer)
{
	int ret;

	quiet();
	ret = fn(cli);
	*answer = json_loads(loud(), 0, NULL);
	return ret;
}

static void repeat(struct cli *cli, int which, const char *value)
{
	cli->values[which][cli->value_count[which]++] = value;
}

/* The order in --out, verified; caller frees *@data. */
static void read_order(const struct scene *s, int manager, struct zkhsm_order *o, uint8_t **data)
{
	size_t len;

	assert_int_equal(zkhsm_read_file(s->out, ZKHSM_ORDER_MAX_LEN, data, &len, NULL), 0);
	assert_int_equal(zkhsm_order_verify(s->public[manager], *data, len, o, NULL), 0);
	assert_memory_equal(o->hsm_id, s->p->hsm_id, 32);
}

static void element_of(const struct scene *s, const char *id, uint8_t out[32])
{
	const struct prover_key *k = prover_key(s->p, id);

	zkhsm_element_name(k->entry.type, k->entry.public, out);
}

static void issued(void **state)
{
	uint8_t element[32], *data;
	struct zkhsm_order o;
	struct scene s;
	struct cli cli;
	json_t *answer;

	(void)state;
	scene_new(&s);
	prepare(&s, &cli, &lease_issue);
	cli.value[OPT_TTL] = "2h";
	assert_int_equal(run(&cli, cmd_lease_issue, &answer), 0);
	assert_string_equal(json_string_value(json_object_get(answer, "verdict")), "grant");
	json_decref(answer);
	read_order(&s, 0, &o, &data);
	assert_int_equal(o.type, ZKHSM_ORDER_TYPE_LEASE);
	assert_memory_equal(o.statement, s.statement, 32);
	assert_int_equal(o.ttl_ms, 7200000);
	assert_int_equal(o.least, 5);
	assert_int_equal(o.verdict, ZKHSM_LEASE_VERDICT_GRANT);
	assert_int_equal(o.count, 0);
	free(data);

	/* All but one, by its id. */
	repeat(&cli, REPEAT_DENY, "key-000001");
	assert_int_equal(run(&cli, cmd_lease_issue, &answer), 0);
	json_decref(answer);
	read_order(&s, 0, &o, &data);
	element_of(&s, "key-000001", element);
	assert_int_equal(o.verdict, ZKHSM_LEASE_VERDICT_GRANT);
	assert_int_equal(o.count, 1);
	assert_memory_equal(o.elements, element, 32);
	free(data);

	/* None but one; the other manager's last order is not told, so none is asked for. */
	prepare(&s, &cli, &lease_issue);
	cli.value[OPT_SIGNING_KEY] = s.key_path[1];
	repeat(&cli, REPEAT_GRANT, "key-000002");
	assert_int_equal(run(&cli, cmd_lease_issue, &answer), 0);
	json_decref(answer);
	read_order(&s, 1, &o, &data);
	element_of(&s, "key-000002", element);
	assert_int_equal(o.verdict, ZKHSM_LEASE_VERDICT_DENY);
	assert_int_equal(o.ttl_ms, 3600000);
	assert_int_equal(o.least, 0);
	assert_int_equal(o.count, 1);
	assert_memory_equal(o.elements, element, 32);
	free(data);
	scene_free(&s);
}

static void not_issued(void **state)
{
	struct scene s;
	struct cli cli;
	json_t *answer;

	(void)state;
	scene_new(&s);
#define NOT_ISSUED(code)								\
	do {										\
		assert_int_equal(run(&cli, cmd_lease_issue, &answer), code);		\
		json_decref(answer);							\
		assert_int_equal(access(s.out, F_OK), -1);				\
		prepare(&s, &cli, &lease_issue);					\
	} while (0)
	prepare(&s, &cli, &lease_issue);
	repeat(&cli, REPEAT_DENY, "key-000001");
	repeat(&cli, REPEAT_GRANT, "key-000002");
	NOT_ISSUED(CLI_USAGE);
	cli.value[OPT_TTL] = "1 hour";
	NOT_ISSUED(CLI_USAGE);
	cli.value[OPT_TTL] = "32d";
	NOT_ISSUED(CLI_USAGE);
	/* Longer than this HSM takes. */
	cli.value[OPT_TTL] = "25h";
	NOT_ISSUED(-EINVAL);
	repeat(&cli, REPEAT_DENY, "no-such-key");
	NOT_ISSUED(-ENOENT);
	cli.value[OPT_SIGNING_KEY] = "/nowhere";
	NOT_ISSUED(-ENOENT);
	cli.value[OPT_SIGNING_KEY] = s.evidence_path;
	NOT_ISSUED(-EBADMSG);
	/* False evidence, and true evidence of an HSM that has not pinned this manager. */
	s.evidence[s.evidence_len - 1] ^= 1;
	write_scene(&s);
	NOT_ISSUED(-EKEYREJECTED);
	s.p->config.manager_count = 0;
	prover_pin(s.p, s.public[1]);
	attest(&s, 5);
	NOT_ISSUED(-ENOKEY);
	scene_free(&s);
}

static void read_config(const struct scene *s, struct zkhsm_configuration *c)
{
	uint8_t *data;
	size_t len;

	assert_int_equal(zkhsm_read_file(s->out, 4096, &data, &len, NULL), 0);
	assert_int_equal(zkhsm_configuration_check(data, len, c, NULL), 0);
	free(data);
}

static void changed(void **state)
{
	struct zkhsm_configuration c;
	char *id;
	struct zkhsm_order o;
	struct scene s;
	struct cli cli;
	json_t *answer;
	uint8_t *data;

	(void)state;
	scene_new(&s);
	/* The bytes of C, for every manager to order. */
	prepare(&s, &cli, &trust_change);
	cli.value[OPT_SIGNING_KEY] = NULL;
	cli.value[OPT_STOP] = "2";
	cli.value[OPT_MAX_TTL] = "12h";
	cli.value[OPT_ENFORCE_GRACE] = "5min";
	assert_int_equal(run(&cli, cmd_trust_change, &answer), 0);
	assert_null(json_object_get(answer, "number"));
	json_decref(answer);
	read_config(&s, &c);
	assert_int_equal(c.quorum, 2);
	assert_int_equal(c.stop, 2);
	assert_int_equal(c.wipe, 2);
	assert_int_equal(c.max_ttl_ms, 12 * 3600 * 1000);
	assert_int_equal(c.enforce_grace_ms, 300000);
	assert_int_equal(c.manager_count, 2);

	/* An order, the next after the one that the evidence tells. */
	cli.value[OPT_SIGNING_KEY] = s.key_path[0];
	cli.value[OPT_ENFORCE_GRACE] = "report-only";
	assert_int_equal(run(&cli, cmd_trust_change, &answer), 0);
	assert_int_equal(json_integer_value(json_object_get(answer, "number")), 6);
	json_decref(answer);
	read_order(&s, 0, &o, &data);
	assert_int_equal(o.type, ZKHSM_ORDER_TYPE_TRUST_CHANGE);
	assert_int_equal(o.number, 6);
	assert_memory_equal(o.previous, s.p->config_digest, 32);
	assert_int_equal(zkhsm_configuration_decode(&c, o.config, o.config_len), 0);
	assert_true(c.enforce_grace_ms == UINT64_MAX);
	free(data);

	/* One manager for another; the one that goes is told by its id. */
	prepare(&s, &cli, &trust_change);
	cli.value[OPT_NUMBER] = "17";
	cli.value[OPT_QUORUM] = "1";
	cli.value[OPT_WIPE] = "1";
	id = zkhsm_hex(s.id[1], 32);
	repeat(&cli, REPEAT_UNPIN, id);
	assert_int_equal(run(&cli, cmd_trust_change, &answer), 0);
	json_decref(answer);
	free(id);
	read_order(&s, 0, &o, &data);
	assert_int_equal(o.number, 17);
	assert_int_equal(zkhsm_configuration_decode(&c, o.config, o.config_len), 0);
	assert_int_equal(c.manager_count, 1);
	assert_memory_equal(c.managers[0], s.public[0], 65);
	free(data);
	scene_free(&s);
}

static void pinned(void **state)
{
	char *hex, *pem;
	struct zkhsm_configuration c;
	struct scene s;
	struct cli cli;
	json_t *answer;
	EVP_PKEY *key;
	uint8_t public[65];

	(void)state;
	scene_new(&s);
	assert_int_equal(zkhsm_signer_generate(&key, NULL), 0);
	assert_int_equal(zkhsm_signer_public(key, public), 0);
	EVP_PKEY_free(key);
	pem = public_pem(public);
	assert_int_equal(zkhsm_write_file(s.pem, pem, strlen(pem), 0600, NULL), 0);
	free(pem);
	hex = zkhsm_hex(public, sizeof(public));
	for (int i = 0; i < 2; i++) {
		prepare(&s, &cli, &trust_change);
		cli.value[OPT_SIGNING_KEY] = NULL;
		repeat(&cli, REPEAT_PIN, i ? hex : s.pem);
		assert_int_equal(run(&cli, cmd_trust_change, &answer), 0);
		json_decref(answer);
		read_config(&s, &c);
		assert_int_equal(c.manager_count, 3);
		/* Sorted, as C has to be, or it would not have been read. */
		assert_true(!memcmp(c.managers[0], public, 65) ||
			    !memcmp(c.managers[1], public, 65) ||
			    !memcmp(c.managers[2], public, 65));
	}
	free(hex);
	/* A private key is not what is pinned. */
	prepare(&s, &cli, &trust_change);
	repeat(&cli, REPEAT_PIN, s.key_path[1]);
	assert_int_equal(run(&cli, cmd_trust_change, &answer), -EBADMSG);
	json_decref(answer);
	scene_free(&s);
}

static void not_changed(void **state)
{
	struct scene s;
	struct cli cli;
	json_t *answer;
	char *hex;

	(void)state;
	scene_new(&s);
#define NOT_CHANGED(code)								\
	do {										\
		assert_int_equal(run(&cli, cmd_trust_change, &answer), code);		\
		json_decref(answer);							\
		assert_int_equal(access(s.out, F_OK), -1);				\
		prepare(&s, &cli, &trust_change);					\
	} while (0)
	prepare(&s, &cli, &trust_change);
	NOT_CHANGED(CLI_USAGE);
	cli.value[OPT_QUORUM] = "17";
	NOT_CHANGED(CLI_USAGE);
	cli.value[OPT_ENFORCE_GRACE] = "never";
	NOT_CHANGED(CLI_USAGE);
	cli.value[OPT_MAX_TTL] = "1ms";
	NOT_CHANGED(CLI_USAGE);
	/* What the kernel would find void. */
	cli.value[OPT_QUORUM] = "3";
	NOT_CHANGED(-EINVAL);
	cli.value[OPT_STOP] = "2";
	cli.value[OPT_WIPE] = "1";
	NOT_CHANGED(-EINVAL);
	repeat(&cli, REPEAT_UNPIN, "00");
	NOT_CHANGED(CLI_USAGE);
	hex = zkhsm_hex(s.statement, 32);
	repeat(&cli, REPEAT_UNPIN, hex);
	NOT_CHANGED(-ENOKEY);
	free(hex);
	hex = zkhsm_hex(s.public[1], 65);
	repeat(&cli, REPEAT_PIN, hex);
	NOT_CHANGED(-EEXIST);
	free(hex);
	/* The number of a manager that was not asked is not known. */
	cli.value[OPT_STOP] = "2";
	cli.value[OPT_SIGNING_KEY] = s.key_path[1];
	NOT_CHANGED(CLI_USAGE);
	cli.value[OPT_STOP] = "2";
	cli.value[OPT_WITHDRAW] = "";
	NOT_CHANGED(CLI_USAGE);
	scene_free(&s);
}

/* To take back is to order what is in force. */
static void withdrawn(void **state)
{
	struct zkhsm_order o;
	struct scene s;
	struct cli cli;
	json_t *answer;
	uint8_t *data;

	(void)state;
	scene_new(&s);
	prepare(&s, &cli, &trust_change);
	cli.value[OPT_WITHDRAW] = "";
	assert_int_equal(run(&cli, cmd_trust_change, &answer), 0);
	json_decref(answer);
	read_order(&s, 0, &o, &data);
	assert_int_equal(o.config_len, s.p->config_len);
	assert_memory_equal(o.config, s.p->config_bytes, s.p->config_len);
	free(data);
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(issued),
		cmocka_unit_test(not_issued),
		cmocka_unit_test(changed),
		cmocka_unit_test(pinned),
		cmocka_unit_test(not_changed),
		cmocka_unit_test(withdrawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
