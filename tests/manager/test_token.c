// SPDX-License-Identifier: GPL-2.0
/*
 * test_token.c - verification tokens, read by tests/interop/ear.py, which has nothing of
 * zkhsm; and one that it made, read here
 */
#include "daemon.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_AGE_S	3600
#define AUD		"urn:somebody"
#define NONCE		"nonce-of-somebody"

static struct daemon *d;
static struct prover *hsm;

static int setup(void **state)
{
	(void)state;
	d = daemon_new("", "");
	daemon_policy(d, "[policy]\nname = fleet\nversion = 7\n[keys signing]\nkeys = key-*\n"
		      "origin = generated\n");
	daemon_configure(d, "max_age = 1h\n", "nonces_per_hsm = 16\n");
	daemon_start(d, 0);
	hsm = prover_new("token", 2);
	enrol(d, hsm);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	prover_free(hsm);
	daemon_free(d);
	return 0;
}

/* Gives it @input; its exit status, and what it said. */
static int ear(char *output, size_t size, const char *input, const char *const words[5])
{
	char script[300] = __FILE__, *slash;
	int in[2], out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	slash = strstr(script, "tests/manager/");
	assert_non_null(slash);
	strcpy(slash, "tests/interop/ear.py");
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl("/usr/bin/python3", "python3", script, words[0], words[1], words[2],
		      words[3], words[4], (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(write(in[1], input, strlen(input)), strlen(input));
	close(in[1]);
	while ((n = read(out[0], output + len, size - 1 - len)) > 0)
		len += (size_t)n;
	output[len] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Must come out so; @says is in what it says. */
static void read_by_ear(const char *token, const char *audience, const char *nonce,
			const char *max_age, const char *says, bool good)
{
	char path[256], output[8192];
	const char *words[5] = { "verify", path, audience, nonce, max_age };
	int status;

	daemon_file(d, "jwks.json", path);
	status = ear(output, sizeof(output), token, words);
	if (status != !good || !strstr(output, says))
		fail_msg("%d: %s instead of %s", status, output, says);
}

static char *get_token(const char *extra)
{
	json_t *o = ask_json(d->public, "POST", "/v1/tokens", 200, NULL,
			     "{'hsm_id':'%s','key_id':'key-000001','aud':'" AUD "'%s}",
			     hex32(hsm->hsm_id), extra);
	char *token = strdup(text_of(o, "token"));

	json_decref(o);
	return token;
}

static void keep_keys(void)
{
	json_t *jwks = get(d->public, 200, NULL, "/.well-known/zkhsm/jwks.json");
	char path[256];

	daemon_file(d, "jwks.json", path);
	assert_int_equal(json_dump_file(jwks, path, 0), 0);
	json_decref(jwks);
}

static void read_by_somebody_else(void **state)
{
	char thumbprint[64], said[96], *token;

	(void)state;
	keep_keys();
	token = get_token(",'nonce':'" NONCE "'");
	zkhsm_jwk_thumbprint(hsm->keys[1].entry.public, thumbprint);
	snprintf(said, sizeof(said), "\"jkt\": \"%s\"", thumbprint);
	read_by_ear(token, AUD, NONCE, "3600", said, true);
	read_by_ear(token, AUD, NONCE, "3600", "\"ear.status\": \"affirming\"", true);
	read_by_ear(token, AUD, NONCE, "3600", "\"ear.trustworthiness-vector\": "
		    "{\"configuration\": 2, \"instance-identity\": 2}", true);
	read_by_ear(token, AUD, NONCE, "3600", "\"ear.appraisal-policy-id\": "
		    "\"urn:zkhsm:policy:fleet:7:keys:signing\"", true);
	/* What it says it checks it does check. */
	read_by_ear(token, "urn:other", NONCE, "3600", "InvalidAudienceError", false);
	read_by_ear(token, AUD, "other", "3600", "eat_nonce", false);
	read_by_ear(token, AUD, NONCE, "3599", "the order of its times", false);
	strrchr(token, '.')[5] ^= 1;
	read_by_ear(token, AUD, NONCE, "3600", "!", false);
	free(token);

	token = get_token(",'x5t#S256':'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopo'");
	read_by_ear(token, AUD, "", "3600",
		    "\"cnf\": {\"x5t#S256\": \"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopo\"}",
		    true);
	free(token);
}

/* The token of a key that is good for less long than the manager's clock would say. */
static void times(void **state)
{
	struct zkhsm_token_claims c;
	json_t *jwks = get(d->public, 200, NULL, "/.well-known/zkhsm/jwks.json"), *o;
	char *token = get_token("");
	int64_t attested;

	(void)state;
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->hsm_id));
	attested = number_of(o, "attested_at_ms");
	json_decref(o);
	assert_int_equal(zkhsm_token_verify(jwks, token, AUD, NULL, time(NULL), 0, &c, NULL), 0);
	assert_int_equal(c.attested_at, attested / 1000);
	assert_int_equal(c.expires_at, attested / 1000 + MAX_AGE_S);
	assert_true(c.issued_at >= c.attested_at && c.issued_at <= time(NULL));
	/* To the second. */
	assert_int_equal(zkhsm_token_verify(jwks, token, AUD, NULL, c.expires_at - 1, 0, &c, NULL),
			 0);
	assert_int_equal(zkhsm_token_verify(jwks, token, AUD, NULL, c.expires_at, 0, &c, NULL),
			 -EKEYEXPIRED);
	free(token);
	json_decref(jwks);
}

static void made_by_somebody_else(void **state)
{
	const char *words[5] = { "sign", NULL, NULL, NULL, NULL };
	json_t *own = get(d->public, 200, NULL, "/.well-known/zkhsm/jwks.json"), *payload, *jwks;
	char *token = get_token(",'nonce':'" NONCE "'"), output[8192], *claims, *line;
	struct zkhsm_token_claims c;

	(void)state;
	assert_int_equal(zkhsm_jws_verify(own, "JWT", token, &payload, NULL), 0);
	free(token);
	claims = json_dumps(payload, 0);
	json_decref(payload);
	assert_int_equal(ear(output, sizeof(output), claims, words), 0);
	free(claims);
	line = strchr(output, '\n');
	assert_non_null(line);
	*line++ = '\0';
	line[strcspn(line, "\n")] = '\0';
	jwks = json_loads(output, 0, NULL);
	assert_int_equal(zkhsm_token_verify(jwks, line, AUD, NONCE, time(NULL), 0, &c, NULL), 0);
	assert_string_equal(c.key_id, "key-000001");
	assert_int_equal(zkhsm_token_verify(own, line, AUD, NONCE, time(NULL), 0, &c, NULL),
			 -EKEYREJECTED);
	json_decref(own);
	json_decref(jwks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_by_somebody_else), cmocka_unit_test(times),
		cmocka_unit_test(made_by_somebody_else),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
