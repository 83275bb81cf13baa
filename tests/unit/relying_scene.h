/* SPDX-License-Identifier: GPL-2.0 */
/*
 * relying_scene.h - three managers, an agent and its HSM, and who relies on them
 */
#ifndef ZKHSM_TEST_RELYING_SCENE_H
#define ZKHSM_TEST_RELYING_SCENE_H

#include "fake_issuer.h"
#include "tls.h"
#include "zkhsm-relying.h"

#define SCENE_MANAGERS	3

/**
 * struct relying_scene - the state of a test
 * @config:	for scene_again(), when a test has changed it; k is 2
 * @out:	of the last call
 */
struct relying_scene {
	char dir[64];
	struct fake_hsm *hsm;
	struct fake_issuer managers[SCENE_MANAGERS];
	struct fake_agent agent;
	struct zkhsm_relying_config config;
	struct zkhsm_relying *r;
	struct zkhsm_relying_request request;
	struct zkhsm_relying_result out;
	uint8_t digest[32];
	char x5t[64];			/* of the client's certificate */
};

int relying_scene_setup(void **state);
int relying_scene_teardown(void **state);
/* A relying party that has seen nothing yet. */
void scene_again(struct relying_scene *s);
/* The one call, which has to end so; and with fresh tokens. */
void scene_sign(struct relying_scene *s, enum zkhsm_relying_code code);
void scene_tokens(struct relying_scene *s, enum zkhsm_relying_code code);
void scene_path(const struct relying_scene *s, const char *name, char path[256]);

#endif /* ZKHSM_TEST_RELYING_SCENE_H */
