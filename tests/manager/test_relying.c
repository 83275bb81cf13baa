// SPDX-License-Identifier: GPL-2.0
/*
 * test_relying.c - grants, and the one call of a relying party, with two real managers;
 * the HSM and its agent are played
 */
#include "../unit/fake_issuer.h"
#include "cli.h"
#include "daemon.h"
#include "log.h"
#include "zkhsm-relying.h"

#include <event2/thread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define R(code)	ZKHSM_RELYING_##code

static struct daemon *d[2];
static struct fake_hsm *hsm;
static struct fake_agent agent;
static EVP_PKEY *client;
static uint8_t client_public[65];
static struct zkhsm_relying_config config;
static struct zkhsm_relying *relying;
static struct zkhsm_relying_request request;
static struct zkhsm_relying_result result;

static void begin_manager(size_t i, const char *clients)
{
	struct zkhsm_relying_manager *m = &config.managers[i];
	char policy[512];

	d[i] = daemon_new("", "");
	snprintf(policy, sizeof(policy),
		 "[grants ours]\nkeys = key-*\nclients = %s\noperations = sign\n", clients);
	daemon_policy(d[i], policy);
	daemon_configure(d[i], "max_age = 1h\n", "nonces_per_hsm = 64\n");
	daemon_start(d[i], 0);
	snprintf(m->name, sizeof(m->name), "m%zu", i);
	snprintf(m->url, sizeof(m->url), "https://127.0.0.1:%d", d[i]->port);
	daemon_file(d[i], "ca.pem", m->ca);
	snprintf(m->key, sizeof(m->key), "%s", hex65(d[i]->order_public));
}

static void configure(void)
{
	char cert[256], key[256], ca[256];

	daemon_file(d[0], "server.pem", cert);
	daemon_file(d[0], "server.key", key);
	daemon_file(d[0], "ca.pem", ca);
	fake_agent_begin(&agent, hsm, cert, key, ca);
	memcpy(agent.client, client_public, 65);
	config.manager_count = config.k = 2;
	config.stop = 1;
	snprintf(config.agent_url, sizeof(config.agent_url), "https://127.0.0.1:%d",
		 agent.server.port);
	strcpy(config.agent_ca, ca);
	daemon_file(d[0], "admin.pem", config.certificate);
	daemon_file(d[0], "admin.key", config.private_key);
	daemon_file(d[0], "client.pem", config.client_key);
	assert_int_equal(zkhsm_signer_save(config.client_key, client, NULL), 0);
	daemon_file(d[0], "relying.state", config.state);
	config.connect_timeout_ms = 20000;
	config.timeout_ms = 60000;
	config.grant_life_ms = 30000;
	config.jwks_refresh_ms = 600000;
	assert_int_equal(zkhsm_relying_new(&config, &relying, NULL), 0);
	memcpy(request.hsm_id, hsm->p->hsm_id, 32);
	request.key_id = FAKE_KEY_ID;
}

static int setup(void **state)
{
	uint8_t id[32];

	(void)state;
	log_setup(LOG_LEVEL_ERROR, false);
	assert_int_equal(evthread_use_pthreads(), 0);
	hsm = fake_hsm_new("relying");
	prover_key_add(hsm->p, "other", NULL)->entry.flags = ZKHSM_KEY_FLAG_GRANT_REQUIRED;
	prover_refresh(hsm->p);
	assert_int_equal(zkhsm_signer_generate(&client, NULL), 0);
	zkhsm_signer_public(client, client_public);
	zkhsm_sha256(client_public, 65, id);
	for (size_t i = 0; i < 2; i++) {
		begin_manager(i, hex32(id));
		enrol(d[i], hsm->p);
	}
	hsm->uptime_ms = hsm->p->uptime_ms + 100;
	configure();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	zkhsm_relying_free(relying);
	fake_agent_end(&agent);
	for (size_t i = 0; i < 2; i++)
		daemon_free(d[i]);
	fake_hsm_free(hsm);
	EVP_PKEY_free(client);
	return 0;
}

static void sign(enum zkhsm_relying_code code)
{
	uint8_t digest[32] = { 0x17 };
	enum zkhsm_relying_code got = zkhsm_relying_sign(relying, &request, digest, &result);

	if (got != code)
		fail_msg("%s instead of %s: %s", zkhsm_relying_name(got), zkhsm_relying_name(code),
			 result.error.text);
	zkhsm_relying_result_free(&result);
}

/* The key as the kernel would show it next, at both. */
static void attest_both(void)
{
	prover_refresh(hsm->p);
	for (size_t i = 0; i < 2; i++)
		tell(attest(d[i], hsm->p, 200, NULL));
	hsm->uptime_ms = hsm->p->uptime_ms + 100;
}

static void used(void **state)
{
	(void)state;
	sign(R(DONE));
	assert_int_equal(result.agreed, 2);
	assert_false(result.granted);
	/* From now on it needs grants, and nothing that the client knew before says so. */
	prover_key(hsm->p, FAKE_KEY_ID)->entry.flags |= ZKHSM_KEY_FLAG_GRANT_REQUIRED;
	attest_both();
	sign(R(DONE));
	assert_true(result.granted);
	assert_int_equal(agent.grants, 2);
	assert_true(agent.client_signed);
	request.key_id = "other";
	sign(R(GRANT_REFUSED));		/* by no rule of the policy */
	request.key_id = "nothing";
	sign(R(UNKNOWN));
	request.key_id = FAKE_KEY_ID;
	/* An agent far behind or ahead of what both managers think. */
	hsm->uptime_ms += 100000;
	sign(R(GRANT_TIME));
	hsm->uptime_ms -= 100000;
	sign(R(DONE));
	/* Only one of them has seen the instance that runs now. */
	hsm->p->instance_id[0] ^= 1;
	hsm->p->boot_count++;
	hsm->p->number = 0;
	tell(attest(d[0], hsm->p, 200, NULL));
	sign(R(GRANT_INSTANCE));
	tell(attest(d[1], hsm->p, 200, NULL));
	hsm->uptime_ms = hsm->p->uptime_ms + 100;
	sign(R(DONE));
}

static void order_revocation(const char *action, const char *reason)
{
	tell(ask_json(d[1]->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'%s','scope':'key','hsm_id':'%s','key_id':'" FAKE_KEY_ID
		      "','reason':'%s'}", action, hex32(hsm->p->hsm_id), reason));
}

/* --- one request for a grant ------------------------------------------------------ */

static struct zkhsm_grant_terms good_terms(void)
{
	json_t *o = get(d[0]->public, 200, NULL, "/v1/hsms/%s", hex32(hsm->p->hsm_id));
	struct zkhsm_grant_terms t = { .operation = ZKHSM_GRANT_OPERATION_SIGN, .jti = { 1 } };

	assert_int_equal(zkhsm_unhex(text_of(o, "instance_id"), t.instance_id, 16), 0);
	t.not_after_ms = (uint64_t)number_of(o, "uptime_ms") + 30000;
	json_decref(o);
	assert_memory_equal(t.instance_id, hsm->p->instance_id, 16);
	memcpy(t.element, hsm->element, 32);
	memcpy(t.client, client_public, 65);
	return t;
}

static json_t *ask_bytes(const char *key, const uint8_t *body, size_t len, long status,
			 const char *urn)
{
	char *b64 = zkhsm_b64(body, len);
	json_t *o = ask_json(d[0]->public, "POST", "/v1/grants", status, urn,
			     "{'hsm_id':'%s','key_id':'%s','body':'%s'}", hex32(hsm->p->hsm_id),
			     key, b64);

	free(b64);
	return o;
}

static json_t *ask_grant(const char *key, const struct zkhsm_grant_terms *t, long status,
			 const char *urn)
{
	uint8_t body[ZKHSM_GRANT_BODY_LEN];

	assert_int_equal(zkhsm_grant_body_make(t, body, NULL), 0);
	return ask_bytes(key, body, sizeof(body), status, urn);
}

static void granted(void **state)
{
	struct zkhsm_grant_terms t = good_terms();
	uint8_t *grant, body[ZKHSM_GRANT_BODY_LEN];
	struct zkhsm_response r;
	struct zkhsm_order o;
	json_t *answer;
	size_t len;

	(void)state;
	answer = ask_grant(FAKE_KEY_ID, &t, 200, NULL);
	assert_int_equal(number_of(answer, "not_after_ms"), t.not_after_ms);
	assert_int_equal(zkhsm_unb64(text_of(answer, "grant"), &grant, &len), 0);
	json_decref(answer);
	assert_int_equal(zkhsm_order_verify(d[0]->order_public, grant, len, &o, NULL), 0);
	assert_int_equal(o.type, ZKHSM_ORDER_TYPE_GRANT);
	assert_memory_equal(o.hsm_id, hsm->p->hsm_id, 32);
	assert_int_equal(zkhsm_grant_body_make(&t, body, NULL), 0);
	assert_memory_equal(o.body, body, sizeof(body));
	free(grant);
	/* It is in the audit log before it is anywhere else. */
	assert_int_equal(zkhsm_https_do(d[0]->admin, "GET", "/v1/admin/audit", NULL, NULL, 0, &r,
					NULL), 0);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr((char *)r.body, "grants ours"));
	zkhsm_response_free(&r);
	/* And counted. */
	assert_int_equal(zkhsm_https_do(d[0]->admin, "GET", "/metrics", NULL, NULL, 0, &r, NULL), 0);
	assert_non_null(strstr((char *)r.body, "zkhsm_grants_issued_total "));
	assert_null(strstr((char *)r.body, "zkhsm_grants_issued_total 0\n"));
	assert_non_null(strstr((char *)r.body,
			       "zkhsm_grants_refused_total{reason=\"no-grant\"}"));
	zkhsm_response_free(&r);
}

static void not_granted(void **state)
{
	uint8_t body[ZKHSM_GRANT_BODY_LEN];
	struct zkhsm_grant_terms t = good_terms();
	EVP_PKEY *stranger;

	(void)state;
	tell(ask_grant("nothing", &t, 404, "unknown"));
	tell(ask_grant("other", &t, 409, "grant"));		/* another element's id */
	t.element[0] ^= 1;
	tell(ask_grant(FAKE_KEY_ID, &t, 409, "grant"));
	t = good_terms();
	t.instance_id[15] ^= 1;
	tell(ask_grant(FAKE_KEY_ID, &t, 409, "grant"));
	t = good_terms();
	t.not_after_ms -= 30001;
	tell(ask_grant(FAKE_KEY_ID, &t, 409, "grant"));
	/* The minute counts from the uptime for certain, which goes on meanwhile. */
	t.not_after_ms += 30001 + 3600000;
	tell(ask_grant(FAKE_KEY_ID, &t, 409, "grant"));
	t.not_after_ms = UINT64_MAX;
	tell(ask_grant(FAKE_KEY_ID, &t, 409, "grant"));

	t = good_terms();
	memset(t.client, 0, 65);
	tell(ask_grant(FAKE_KEY_ID, &t, 403, "no-grant"));
	assert_int_equal(zkhsm_signer_generate(&stranger, NULL), 0);
	zkhsm_signer_public(stranger, t.client);
	EVP_PKEY_free(stranger);
	tell(ask_grant(FAKE_KEY_ID, &t, 403, "no-grant"));
	t = good_terms();
	t.operation = ZKHSM_GRANT_OPERATION_PROVE;
	tell(ask_grant(FAKE_KEY_ID, &t, 403, "no-grant"));

	/* Bytes that no grant has. */
	t = good_terms();
	assert_int_equal(zkhsm_grant_body_make(&t, body, NULL), 0);
	tell(ask_bytes(FAKE_KEY_ID, body, sizeof(body) - 1, 422, "malformed"));
	body[48] = 9;						/* the operation */
	tell(ask_bytes(FAKE_KEY_ID, body, sizeof(body), 422, "malformed"));
	body[48] = ZKHSM_GRANT_OPERATION_SIGN;
	body[50] = ZKHSM_GRANT_ALGORITHM_RFC8235;		/* that of the other one */
	tell(ask_bytes(FAKE_KEY_ID, body, sizeof(body), 422, "malformed"));
	body[50] = ZKHSM_GRANT_ALGORITHM_ECDSA_P256_SHA256;
	body[150] ^= 1;						/* the client's y */
	tell(ask_bytes(FAKE_KEY_ID, body, sizeof(body), 422, "malformed"));
	tell(ask_json(d[0]->public, "POST", "/v1/grants", 400, "request",
		      "{'hsm_id':'%s','key_id':'k','body':'A='}", hex32(hsm->p->hsm_id)));
	tell(ask_json(d[0]->public, "POST", "/v1/grants", 400, "request",
		      "{'hsm_id':'%s','key_id':'k'}", hex32(hsm->p->hsm_id)));
	tell(ask_json(d[0]->public, "POST", "/v1/grants", 400, "request",
		      "{'hsm_id':'%s','key_id':'/','body':'AA'}", hex32(hsm->p->hsm_id)));
}

/* --- the command ------------------------------------------------------------------- */

static void write_config(char path[256])
{
	FILE *f;

	daemon_file(d[0], "relying.conf", path);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "[relying]\nk = 2\nclient_key = %s\nrequest_timeout = 1min\n"
		"[agent]\nurl = %s\nca = %s\ncertificate = %s\nprivate_key = %s\n",
		config.client_key, config.agent_url, config.agent_ca, config.certificate,
		config.private_key);
	for (size_t i = 0; i < 2; i++)
		fprintf(f, "[manager %s]\nurl = %s\nca = %s\nkey = %s\n",
			config.managers[i].name, config.managers[i].url, config.managers[i].ca,
			config.managers[i].key);
	assert_int_equal(fclose(f), 0);
}

/* Its exit status and the member "code" of its answer. */
static void says(const char *output, int status, int want, const char *code)
{
	json_t *o = json_loads(output, 0, NULL);
	const char *got = json_string_value(json_object_get(o, "code"));

	if (status != want || !got || strcmp(got, code) != 0)
		fail_msg("%d, not %d: %s", status, want, output);
	json_decref(o);
}

#define ZKHSM(...)	cli_run(d[0], "admin", output, sizeof(output), __VA_ARGS__, NULL)
#define ABOUT		"--relying", conf, "--hsm", hex, "--key-id", FAKE_KEY_ID
#define DIGEST		"1717171717171717171717171717171717171717171717171717171717171717"

static void command(void **state)
{
	char conf[256], tokens[256], hex[65], output[16384], *line;

	(void)state;
	write_config(conf);
	snprintf(hex, sizeof(hex), "%s", hex32(hsm->p->hsm_id));
	daemon_file(d[0], "tokens", tokens);
	says(output, ZKHSM("--output", "json", "token", "get", ABOUT, "--out", tokens), 0, "done");
	says(output, ZKHSM("--output", "json", "token", "verify", ABOUT, tokens), 0, "done");
	says(output, ZKHSM("--output", "json", "token", "verify", ABOUT, "--nonce",
			   "some other nonce", tokens), 1, "token-nonce");
	says(output, ZKHSM("--output", "json", "token", "use", ABOUT, "--digest", DIGEST), 0,
	     "done");
	assert_non_null(strstr(output, "\"receipt\""));
	/* Two lines for people who ask for tokens; and what one of them says. */
	assert_int_equal(ZKHSM("token", "get", ABOUT), 0);
	line = strchr(output, '\n');
	assert_true(line && strchr(line + 1, '\n') && !strchr(line + 1, '\n')[1]);
	assert_int_equal(zkhsm_write_file(tokens, output, (size_t)(line - output), 0600, NULL), 0);
	says(output, ZKHSM("--output", "json", "token", "verify", ABOUT, tokens), 1,
	     "token-missing");
	assert_int_equal(ZKHSM("token", "verify", ABOUT, tokens), 1);
	assert_non_null(strstr(output, "there is no token of this manager (token-missing)"));
	assert_int_equal(ZKHSM("token", "inspect", tokens), 0);
	assert_non_null(strstr(output, "eat_profile"));
	assert_int_equal(ZKHSM("token", "inspect", conf), 1);
	/* Without what it takes. */
	assert_int_equal(ZKHSM("token", "use", "--relying", conf, "--hsm", hex), 2);
	assert_int_equal(ZKHSM("token", "verify", "--relying", conf, tokens), 2);
	assert_int_equal(ZKHSM("token", "get", ABOUT, "--manager", "https://x"), 2);
	assert_int_equal(ZKHSM("token", "verify", tokens), 2);
	assert_int_equal(ZKHSM("token", "get", "--hsm", hex, "--key-id", FAKE_KEY_ID), 2);
	says(output, ZKHSM("--output", "json", "token", "use", "--relying", conf, "--hsm", hex,
			   "--key-id", "other", "--digest", DIGEST), 1, "grant-refused");
}

static void stopped(void **state)
{
	struct zkhsm_grant_terms t = good_terms();

	(void)state;
	sign(R(DONE));
	order_revocation("hold", "certificate-hold");
	sign(R(SUSPENDED));
	order_revocation("release", "certificate-hold");
	sign(R(DONE));
	order_revocation("revoke", "key-compromise");
	sign(R(REVOKED));
	/* The one manager's word is not the other's. */
	tell(ask_grant(FAKE_KEY_ID, &t, 200, NULL));
	tell(ask_json(d[0]->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'hsm','hsm_id':'%s','reason':'superseded'}",
		      hex32(hsm->p->hsm_id)));
	tell(ask_grant(FAKE_KEY_ID, &t, 403, "revoked"));
	sign(R(REVOKED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(used), cmocka_unit_test(granted), cmocka_unit_test(not_granted),
		cmocka_unit_test(command), cmocka_unit_test(stopped),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
