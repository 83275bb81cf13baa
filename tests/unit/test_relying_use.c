// SPDX-License-Identifier: GPL-2.0
/*
 * test_relying_use.c - the one call of a relying party: grants, the agent, and what
 * comes back
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "relying_scene.h"

#define R(code)	ZKHSM_RELYING_##code

static void need_grants(struct relying_scene *s, bool needed)
{
	for (size_t i = 0; i < SCENE_MANAGERS; i++)
		s->managers[i].grant_required = needed;
}

static void grants(void **state)
{
	struct relying_scene *s = *state;
	EVP_PKEY *client;
	uint8_t digest[32];

	need_grants(s, true);
	scene_sign(s, R(DONE));
	assert_true(s->out.granted && s->out.grant_required);
	assert_int_equal(s->agent.grants, 3);
	assert_false(s->agent.client_signed);
	assert_int_equal(zkhsm_verify_receipt(s->hsm->p->identity, s->out.grant_digest,
					      s->out.signature, 64, s->out.receipt,
					      sizeof(s->out.receipt), NULL), 0);
	memcpy(digest, s->out.grant_digest, 32);

	/* A client that the grants name, who signs; and never twice the same grant. */
	assert_int_equal(zkhsm_signer_generate(&client, NULL), 0);
	scene_path(s, "client-key.pem", s->config.client_key);
	assert_int_equal(zkhsm_signer_save(s->config.client_key, client, NULL), 0);
	zkhsm_signer_public(client, s->agent.client);
	EVP_PKEY_free(client);
	scene_again(s);
	scene_sign(s, R(DONE));
	assert_true(s->agent.client_signed);
	assert_memory_not_equal(digest, s->out.grant_digest, 32);

	/* One manager that knows that grants are needed is enough. */
	need_grants(s, false);
	s->managers[2].grant_required = true;
	scene_sign(s, R(DONE));
	assert_true(s->out.granted);
	/* Only of those who agree. */
	need_grants(s, true);
	s->managers[0].status = 403;
	s->managers[0].type = "stale";
	scene_sign(s, R(DONE));
	assert_int_equal(s->agent.grants, 2);
}

static void other_input(struct zkhsm_grant_terms *t) { t->input[0] ^= 1; }
static void longer(struct zkhsm_grant_terms *t) { t->not_after_ms++; }

static void grants_that_do_not_count(void **state)
{
	struct relying_scene *s = *state;

	need_grants(s, true);
	/* One of three may fail; with two there are fewer than k. */
	s->managers[0].grant_status = 403;
	s->managers[0].grant_type = "no-grant";
	scene_sign(s, R(DONE));
	assert_int_equal(s->agent.grants, 2);
	s->managers[1].grant_status = 403;
	s->managers[1].grant_type = "no-grant";
	scene_sign(s, R(GRANT_REFUSED));
	s->managers[1].grant_status = 0;
	s->managers[1].terms = other_input;
	scene_sign(s, R(GRANT_FALSE));
	s->managers[1].terms = longer;
	scene_sign(s, R(GRANT_FALSE));
	s->managers[1].terms = NULL;
	s->managers[1].grant_key = s->managers[2].order_key;
	scene_sign(s, R(GRANT_FALSE));
	s->managers[1].grant_key = NULL;
	s->managers[1].grant = "AAAA";
	scene_sign(s, R(GRANT_FALSE));
	s->managers[1].grant = "!";
	scene_sign(s, R(GRANT_FALSE));
	s->managers[1].grant = NULL;
	/* Revoked between the token and the grant. */
	s->managers[1].grant_status = 403;
	s->managers[1].grant_type = "revoked";
	s->managers[0].grant_status = 0;
	scene_sign(s, R(DONE));
	s->config.k = 3;
	scene_again(s);
	scene_sign(s, R(REVOKED));
	assert_int_equal(s->agent.asked, 2);
}

static void what_runs(void **state)
{
	struct relying_scene *s = *state;

	need_grants(s, true);
	s->config.k = 3;
	scene_again(s);
	s->managers[1].instance[0] ^= 1;
	scene_sign(s, R(GRANT_INSTANCE));
	s->managers[1].instance[0] ^= 1;
	s->managers[1].uptime_ms = 0;
	scene_sign(s, R(GRANT_INSTANCE));
	s->managers[1].uptime_ms = s->hsm->uptime_ms;
	s->managers[1].running_status = 404;
	scene_sign(s, R(GRANT_INSTANCE));
	s->managers[1].running_status = 0;
	/* A little behind or ahead is made good; half a minute is not. */
	s->managers[1].uptime_ms -= 20000;
	scene_sign(s, R(DONE));
	s->managers[1].uptime_ms -= 10000;
	scene_sign(s, R(GRANT_TIME));
	for (size_t i = 0; i < SCENE_MANAGERS; i++)
		s->managers[i].uptime_ms = s->hsm->uptime_ms + 29000;
	scene_sign(s, R(DONE));
	for (size_t i = 0; i < SCENE_MANAGERS; i++)
		s->managers[i].uptime_ms = s->hsm->uptime_ms + 30000;
	scene_sign(s, R(GRANT_TIME));
	assert_int_equal(s->agent.asked, 2);

	/* Fewer than k that lie about it, either way, do not keep the others from granting. */
	s->config.k = 2;
	scene_again(s);
	for (size_t i = 0; i < SCENE_MANAGERS; i++)
		s->managers[i].uptime_ms = s->hsm->uptime_ms;
	s->managers[2].uptime_ms = 1;
	scene_sign(s, R(DONE));
	s->managers[2].uptime_ms = s->hsm->uptime_ms * 1000;
	scene_sign(s, R(DONE));
	s->managers[1].uptime_ms = 1;
	s->managers[2].uptime_ms = 1;
	scene_sign(s, R(GRANT_TIME));
}

static void agents(void **state)
{
	struct relying_scene *s = *state;
	struct fake_hsm *other = fake_hsm_new("other");

	s->agent.status = 403;
	s->agent.type = "token";
	scene_sign(s, R(AGENT_REFUSED));
	/* It knows but one of the managers: each token is tried. */
	assert_int_equal(s->agent.asked, 3);
	s->agent.asked = 0;
	s->agent.refusals = 2;
	scene_sign(s, R(DONE));
	assert_int_equal(s->agent.asked, 3);
	/* The kernel is asked but once. */
	s->agent.refusals = 0;
	s->agent.type = "kernel";
	s->agent.errno_name = "EKEYEXPIRED";
	s->agent.reason = "lease-expired";
	s->agent.asked = 0;
	scene_sign(s, R(KERNEL_REFUSED));
	assert_int_equal(s->agent.asked, 1);
	assert_string_equal(s->out.kernel_errno, "EKEYEXPIRED");
	assert_string_equal(s->out.kernel_reason, "lease-expired");
	s->agent.errno_name = NULL;
	s->agent.status = 503;
	s->agent.type = "not-ready";
	scene_sign(s, R(AGENT_BUSY));
	s->agent.status = 0;

	s->agent.text = "[]";
	scene_sign(s, R(AGENT_ANSWER));
	s->agent.text = "{\"signature\":\"AAAA\",\"public\":{}}";
	scene_sign(s, R(AGENT_ANSWER));
	s->agent.text = NULL;
	s->agent.other_key = other->key;
	scene_sign(s, R(ANSWER_KEY));
	s->agent.other_key = NULL;
	s->agent.false_signature = true;
	scene_sign(s, R(SIGNATURE));
	s->agent.false_signature = false;

	need_grants(s, true);
	s->agent.no_receipt = true;
	scene_sign(s, R(RECEIPT_MISSING));
	s->agent.no_receipt = false;
	s->agent.other_receipt = true;
	scene_sign(s, R(RECEIPT));
	s->agent.other_receipt = false;
	s->agent.malformed_receipt = true;
	scene_sign(s, R(RECEIPT));
	s->agent.malformed_receipt = false;
	s->agent.other_identity = other->p->identity;
	scene_sign(s, R(AGENT_IDENTITY));
	s->agent.other_identity = NULL;
	s->agent.hsm_status = 503;
	scene_sign(s, R(AGENT_BUSY));
	s->agent.hsm_status = 0;
	scene_sign(s, R(DONE));

	scene_path(s, "other-ca.pem", s->config.agent_ca);
	scene_again(s);
	scene_sign(s, R(AGENT_TLS));
	strcpy(s->config.agent_ca, s->config.managers[0].ca);
	strcpy(s->config.agent_url, "https://127.0.0.1:1");
	scene_again(s);
	scene_sign(s, R(AGENT_UNREACHABLE));
	fake_hsm_free(other);
}

static void callers(void **state)
{
	struct relying_scene *s = *state;
	struct zkhsm_relying_config good = s->config;

	s->request.key_id = "no/key";
	scene_sign(s, R(REQUEST));
	s->request.key_id = NULL;
	scene_sign(s, R(REQUEST));
	s->request.key_id = FAKE_KEY_ID;
	s->request.nonce = "short";
	scene_sign(s, R(REQUEST));
	s->request.nonce = NULL;
	s->request.audience = "somebody";
	scene_sign(s, R(REQUEST));
	scene_tokens(s, R(DONE));
	assert_string_equal(s->out.audience, "somebody");
	s->request.audience = "";
	scene_tokens(s, R(REQUEST));
	s->request.audience = NULL;
	s->config.agent_url[0] = '\0';
	scene_again(s);
	scene_sign(s, R(CONFIGURATION));
	scene_tokens(s, R(DONE));

	zkhsm_relying_free(s->r);
#define REFUSED(change, code) do {							\
	s->config = good;								\
	change;										\
	assert_int_equal(zkhsm_relying_new(&s->config, &s->r, NULL), code);		\
} while (0)
	REFUSED(s->config.manager_count = 0, -EINVAL);
	REFUSED(s->config.k = 0, -EINVAL);
	REFUSED(s->config.k = 4, -EINVAL);
	REFUSED(s->config.stop = 0, -EINVAL);
	REFUSED(s->config.stop = 4, -EINVAL);
	REFUSED(s->config.grant_life_ms = 60001, -EINVAL);
	REFUSED(s->config.timeout_ms = 0, -EINVAL);
	REFUSED(s->config.managers[1].key[129] = '\0', -EINVAL);
	REFUSED(memset(s->config.managers[1].key + 2, '0', 128), -EINVAL);
	REFUSED(s->config.managers[1].url[4] = ':', -EINVAL);
	REFUSED(s->config.private_key[0] = '\0', -EINVAL);
	REFUSED(s->config.agent_ca[0] = '\0', -EINVAL);
	REFUSED(strcpy(s->config.managers[1].jwks, "/nowhere"), -ENOENT);
	REFUSED(strcpy(s->config.certificate, "/nowhere"), -ENOENT);
	REFUSED(strcpy(s->config.client_key, "/nowhere"), -ENOENT);
	assert_null(s->r);
}

static void files(void **state)
{
	static const char text[] = "[relying]\nk = 1\nmax_age = 1h\nstate = /s\n"
				   "[agent]\nurl = https://a\nca = /ca\ncertificate = /c\n"
				   "private_key = /k\n[manager one]\nurl = https://m\nca = /m\nkey = ",
		more[] = "[manager two]\nurl = https://n\nca = /n\n";
	struct relying_scene *s = *state;
	struct zkhsm_relying_config c;
	struct zkhsm_error err;
	char path[256], file[1024], source[320] = __FILE__;

	scene_path(s, "relying.conf", path);
	snprintf(file, sizeof(file), "%s%s\n", text, s->config.managers[0].key);
	assert_int_equal(zkhsm_write_file(path, file, strlen(file), 0600, NULL), 0);
	if (zkhsm_relying_load(path, &c, &err))
		fail_msg("%s", err.text);
	assert_int_equal(c.manager_count, 1);
	assert_string_equal(c.managers[0].name, "one");
	assert_int_equal(c.k, 1);
	assert_int_equal(c.stop, 1);
	assert_int_equal(c.max_age_ms, 3600000);
	assert_string_equal(c.agent_url, "https://a");
	assert_string_equal(c.state, "/s");
	assert_false(c.danger_without_fresh_list);
	/* The one that is shipped can be filled in and used. */
	strcpy(strstr(source, "tests/unit/"), "userspace/cli/zkhsm-relying.conf");
	if (zkhsm_relying_load(source, &c, &err))
		fail_msg("%s", err.text);
	assert_int_equal(c.manager_count, 2);
	assert_int_equal(c.leeway_ms, 5000);
	c.certificate[0] = c.private_key[0] = c.agent_url[0] = '\0';
	zkhsm_relying_free(s->r);
	assert_int_equal(zkhsm_relying_new(&c, &s->r, NULL), 0);
	/* No key pinned: nobody is believed by his address alone. */
	strcat(file, more);
	assert_int_equal(zkhsm_write_file(path, file, strlen(file), 0600, NULL), 0);
	assert_int_equal(zkhsm_relying_load(path, &c, NULL), -EINVAL);
	assert_int_equal(zkhsm_write_file(path, more, strlen(more), 0600, NULL), 0);
	assert_int_equal(zkhsm_relying_load(path, &c, NULL), -EINVAL);
}

int main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, relying_scene_setup, relying_scene_teardown)
	const struct CMUnitTest tests[] = {
		T(grants), T(grants_that_do_not_count), T(what_runs), T(agents), T(callers),
		T(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
