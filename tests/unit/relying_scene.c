// SPDX-License-Identifier: GPL-2.0
/*
 * relying_scene.c - see relying_scene.h
 */
#include <event2/thread.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "log.h"
#include "relying_scene.h"

void scene_path(const struct relying_scene *s, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", s->dir, name);
}

static void issue(struct relying_scene *s, const char *name, const struct tls_cert *ca)
{
	struct tls_cert c = tls_cert_new(name, "IP:127.0.0.1", ca);
	char file[64], cert[256], key[256];

	snprintf(file, sizeof(file), "%s.pem", name);
	scene_path(s, file, cert);
	snprintf(file, sizeof(file), "%s.key", name);
	scene_path(s, file, key);
	tls_cert_save(&c, cert, key);
	tls_cert_free(&c);
}

static void make_files(struct relying_scene *s)
{
	struct tls_cert ca = tls_cert_new("CA", NULL, NULL), other = tls_cert_new("CA 2", NULL, NULL);
	char path[256], key[256];

	scene_path(s, "ca.pem", path);
	scene_path(s, "ca.key", key);
	tls_cert_save(&ca, path, key);
	scene_path(s, "other-ca.pem", path);
	tls_cert_save(&other, path, NULL);
	issue(s, "server", &ca);
	issue(s, "client", &ca);
	tls_cert_free(&ca);
	tls_cert_free(&other);
}

static void configure(struct relying_scene *s)
{
	struct zkhsm_relying_config *c = &s->config;

	c->manager_count = SCENE_MANAGERS;
	for (size_t i = 0; i < SCENE_MANAGERS; i++) {
		struct zkhsm_relying_manager *m = &c->managers[i];
		char *hex = zkhsm_hex(s->managers[i].order_public, 65);

		snprintf(m->name, sizeof(m->name), "m%zu", i);
		snprintf(m->url, sizeof(m->url), "https://127.0.0.1:%d",
			 s->managers[i].server.port);
		scene_path(s, "ca.pem", m->ca);
		snprintf(m->key, sizeof(m->key), "%s", hex);
		free(hex);
	}
	c->k = 2;
	c->stop = 1;
	snprintf(c->agent_url, sizeof(c->agent_url), "https://127.0.0.1:%d", s->agent.server.port);
	scene_path(s, "ca.pem", c->agent_ca);
	scene_path(s, "client.pem", c->certificate);
	scene_path(s, "client.key", c->private_key);
	c->connect_timeout_ms = 20000;
	c->timeout_ms = 30000;
	c->grant_life_ms = 30000;
	c->jwks_refresh_ms = 600000;
}

int relying_scene_setup(void **state)
{
	struct relying_scene *s = calloc(1, sizeof(*s));
	char cert[256], key[256], ca[256];

	assert_non_null(s);
	log_setup(LOG_LEVEL_ERROR, false);
	assert_int_equal(evthread_use_pthreads(), 0);
	strcpy(s->dir, "/tmp/zkhsm-relying-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	make_files(s);
	scene_path(s, "server.pem", cert);
	scene_path(s, "server.key", key);
	scene_path(s, "ca.pem", ca);
	s->hsm = fake_hsm_new("relying");
	for (size_t i = 0; i < SCENE_MANAGERS; i++)
		fake_issuer_begin(&s->managers[i], s->hsm, cert, key);
	fake_agent_begin(&s->agent, s->hsm, cert, key, ca);
	configure(s);
	scene_path(s, "client.pem", cert);
	assert_int_equal(zkhsm_certificate_thumbprint(cert, s->x5t, NULL), 0);
	memcpy(s->request.hsm_id, s->hsm->p->hsm_id, 32);
	s->request.key_id = FAKE_KEY_ID;
	memset(s->digest, 0x42, sizeof(s->digest));
	scene_again(s);
	*state = s;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

int relying_scene_teardown(void **state)
{
	struct relying_scene *s = *state;

	zkhsm_relying_free(s->r);
	for (size_t i = 0; i < SCENE_MANAGERS; i++)
		fake_issuer_end(&s->managers[i]);
	fake_agent_end(&s->agent);
	fake_hsm_free(s->hsm);
	nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s);
	return 0;
}

void scene_again(struct relying_scene *s)
{
	struct zkhsm_error err = { .code = 0 };

	zkhsm_relying_free(s->r);
	if (zkhsm_relying_new(&s->config, &s->r, &err))
		fail_msg("%s", err.text);
}

/* The result is freed, but what a test looks at is no text of tokens. */
static void judge(struct relying_scene *s, enum zkhsm_relying_code got,
		  enum zkhsm_relying_code code)
{
	static const uint8_t none[64];

	if (got != code)
		fail_msg("%s instead of %s: %s", zkhsm_relying_name(got), zkhsm_relying_name(code),
			 s->out.error.text);
	assert_int_equal(s->out.code, code);
	assert_int_equal(!!s->out.error.code, !!code);
	assert_int_equal(!!s->out.error.text[0], !!code);
	/* Nothing that was not verified to the end. */
	if (code)
		assert_memory_equal(s->out.signature, none, sizeof(none));
	zkhsm_relying_result_free(&s->out);
}

void scene_sign(struct relying_scene *s, enum zkhsm_relying_code code)
{
	judge(s, zkhsm_relying_sign(s->r, &s->request, s->digest, &s->out), code);
}

void scene_tokens(struct relying_scene *s, enum zkhsm_relying_code code)
{
	judge(s, zkhsm_relying_tokens(s->r, &s->request, &s->out), code);
}
