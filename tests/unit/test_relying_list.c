// SPDX-License-Identifier: GPL-2.0
/*
 * test_relying_list.c - the one call of a relying party: revocation lists that say
 * something, are old, or are not lists
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "relying_scene.h"

#define R(code)	ZKHSM_RELYING_##code

/* What the next lists say, in "revoked" or "suspended". */
static json_t *entry;
static const char *array;
static json_int_t ahead;

static void with_entry(json_t *list)
{
	json_array_append(json_object_get(list, array), entry);
}

static void say(struct relying_scene *s, size_t manager, const char *where, json_t *what)
{
	json_decref(entry);
	entry = what;
	array = where;
	s->managers[manager].payload = what ? with_entry : NULL;
}

static json_t *names(struct relying_scene *s, const char *scope, bool other)
{
	uint8_t hsm_id[32], element[32];
	char *hsm, *name;
	json_t *o;

	memcpy(hsm_id, s->hsm->p->hsm_id, 32);
	memcpy(element, s->hsm->element, 32);
	if (other && strcmp(scope, "hsm") == 0)
		hsm_id[0] ^= 1;
	else if (other)
		element[0] ^= 1;
	hsm = zkhsm_hex(hsm_id, 32);
	name = zkhsm_hex(element, 32);
	o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "scope", scope, "hsm_id", hsm, "key_id",
		      FAKE_KEY_ID, "element", name, "reason", "key-compromise", "at_ms", 1);
	free(hsm);
	free(name);
	return o;
}

static void stopped(void **state)
{
	static const char *const scopes[] = { "key", "element", "hsm" };
	struct relying_scene *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(scopes); i++) {
		say(s, 2, "revoked", names(s, scopes[i], false));
		scene_sign(s, R(REVOKED));
		assert_true(s->out.votes[2].stopped);
		assert_false(s->out.votes[1].stopped);
		say(s, 2, "suspended", names(s, scopes[i], false));
		scene_sign(s, R(SUSPENDED));
		say(s, 2, "revoked", names(s, scopes[i], true));
		scene_tokens(s, R(DONE));
	}
	assert_int_equal(s->agent.asked, 0);
	/* A manager whose token does not count can still say so. */
	say(s, 2, "revoked", names(s, "hsm", false));
	s->managers[2].status = 403;
	s->managers[2].type = "stale";
	scene_tokens(s, R(REVOKED));
	/* Without a token there is no element, and the key goes by its id. */
	say(s, 2, "suspended", names(s, "key", true));
	scene_tokens(s, R(SUSPENDED));
	/* Its list is more exact than its refusal. */
	s->managers[2].type = "revoked";
	scene_tokens(s, R(SUSPENDED));
	s->managers[2].status = 0;
	/* Two are needed, and one manager under two names is one. */
	s->config.stop = 2;
	scene_again(s);
	say(s, 2, "revoked", names(s, "hsm", false));
	scene_tokens(s, R(DONE));
	s->config.managers[1] = s->config.managers[2];
	s->config.k = 1;
	scene_again(s);
	scene_tokens(s, R(DONE));
	s->managers[0].payload = with_entry;
	scene_tokens(s, R(REVOKED));
	say(s, 0, NULL, NULL);
}

static void cluster_1(struct zkhsm_token_claims *c) { strcpy(c->cluster, "c1"); }

static void clusters(void **state)
{
	struct relying_scene *s = *state;

	say(s, 1, "revoked", json_pack("{s:s, s:s}", "scope", "cluster", "cluster", "c1"));
	scene_tokens(s, R(DONE));
	s->managers[1].claims = cluster_1;
	scene_tokens(s, R(REVOKED));
	say(s, 1, "revoked", json_pack("{s:s, s:s}", "scope", "cluster", "cluster", "c2"));
	scene_tokens(s, R(DONE));
	say(s, 1, NULL, NULL);
}

static void is_stale(json_t *list)
{
	json_object_set_new(list, "next_update", json_integer(time(NULL)));
}

static void is_ahead(json_t *list)
{
	json_object_set_new(list, "iat", json_integer(time(NULL) + ahead));
}

static void of_another(json_t *list) { json_object_set_new(list, "iss", json_string("zkhsm:00")); }
static void no_number(json_t *list) { json_object_del(list, "number"); }
static void negative(json_t *list) { json_object_set_new(list, "number", json_integer(-1)); }
static void no_array(json_t *list) { json_object_del(list, "suspended"); }
static void no_time(json_t *list) { json_object_set_new(list, "next_update", json_string("1")); }
static void backwards(json_t *list) { json_object_set_new(list, "next_update", json_integer(1)); }
static void new_scope(json_t *list)
{
	json_array_append_new(json_object_get(list, "revoked"),
			      json_pack("{s:s}", "scope", "planet"));
}

static void lists_that_do_not_count(void **state)
{
	static const struct {
		void (*payload)(json_t *list);
		enum zkhsm_relying_code code;
	} cases[] = {
		{ is_stale, R(LIST_STALE) }, { is_ahead, R(LIST_STALE) },
		{ of_another, R(LIST_ISSUER) }, { no_number, R(LIST_MALFORMED) },
		{ negative, R(LIST_MALFORMED) }, { no_array, R(LIST_MALFORMED) },
		{ no_time, R(LIST_MALFORMED) }, { backwards, R(LIST_MALFORMED) },
		{ new_scope, R(LIST_MALFORMED) },
	};
	struct relying_scene *s = *state;

	ahead = 60;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		s->managers[1].payload = cases[i].payload;
		scene_tokens(s, R(DONE));
		assert_int_equal(s->out.votes[1].code, cases[i].code);
		s->managers[2].payload = cases[i].payload;
		scene_sign(s, cases[i].code);
		s->managers[2].payload = NULL;
	}
	s->managers[1].payload = NULL;
	s->config.k = 3;
	scene_again(s);
	s->managers[1].list_key = s->managers[0].token_key;
	scene_sign(s, R(LIST_SIGNATURE));
	s->managers[1].list_key = NULL;
	s->managers[1].list_text = "nothing";
	scene_sign(s, R(LIST_MALFORMED));
	s->managers[1].list_text = "";
	scene_sign(s, R(LIST_MALFORMED));
	s->managers[1].list_text = NULL;
	s->managers[1].list_status = 503;
	scene_sign(s, R(LIST_MISSING));
	assert_int_equal(s->agent.asked, 0);
	s->managers[1].list_status = 0;
	scene_sign(s, R(DONE));
}

/* Only if the caller says so, and not whatever comes. */
static void lenient(void **state)
{
	struct relying_scene *s = *state;

	s->config.k = 3;
	s->config.danger_without_fresh_list = true;
	scene_again(s);
	s->managers[0].list_status = 503;
	s->managers[1].payload = is_stale;
	scene_tokens(s, R(DONE));
	assert_false(s->out.votes[0].listed);
	s->managers[1].payload = of_another;
	scene_tokens(s, R(LIST_ISSUER));
	s->managers[1].payload = NULL;
	s->managers[1].list_key = s->managers[0].token_key;
	scene_tokens(s, R(LIST_SIGNATURE));
	s->managers[1].list_key = NULL;
	s->managers[1].list_number = 4;
	scene_tokens(s, R(LIST_ROLLBACK));
	s->managers[1].list_number = 5;
	/* An old list that has the key has it for good. */
	s->managers[1].next_update_s = -10;
	say(s, 1, "revoked", names(s, "element", false));
	scene_tokens(s, R(REVOKED));
	say(s, 1, NULL, NULL);
}

static void rollback(void **state)
{
	struct relying_scene *s = *state;
	char path[256], lock[264];
	uint8_t *data;
	size_t len;

	s->config.k = 3;
	scene_path(s, "state", s->config.state);
	scene_again(s);
	scene_tokens(s, R(DONE));
	s->managers[1].list_number = 7;
	scene_tokens(s, R(DONE));
	s->managers[1].list_number = 6;
	scene_tokens(s, R(LIST_ROLLBACK));
	/* Also one that has begun anew, by the file. */
	scene_again(s);
	scene_tokens(s, R(LIST_ROLLBACK));
	s->managers[1].list_number = 7;
	scene_tokens(s, R(DONE));
	/* Without a file only as long as it runs. */
	strcpy(path, s->config.state);
	s->config.state[0] = '\0';
	scene_again(s);
	scene_tokens(s, R(DONE));
	s->managers[1].list_number = 6;
	scene_tokens(s, R(LIST_ROLLBACK));
	scene_again(s);
	scene_tokens(s, R(DONE));

	/* Another program has seen more meanwhile. */
	strcpy(s->config.state, path);
	s->managers[1].list_number = 7;
	scene_again(s);
	assert_int_equal(zkhsm_read_file(path, 65536, &data, &len, NULL), 0);
	*strstr((char *)data, ": 7") = ':';
	strstr((char *)data, ": 7")[2] = '9';
	assert_int_equal(zkhsm_write_file(path, data, len, 0600, NULL), 0);
	free(data);
	scene_tokens(s, R(LIST_ROLLBACK));
	s->managers[1].list_number = 9;
	scene_tokens(s, R(DONE));

	/* A file that is none is not begun anew, and one that cannot be written is not passed over. */
	assert_int_equal(zkhsm_write_file(path, "{}", 2, 0600, NULL), 0);
	scene_tokens(s, R(STATE));
	zkhsm_relying_free(s->r);
	assert_int_equal(zkhsm_relying_new(&s->config, &s->r, NULL), -EBADMSG);
	remove(path);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	remove(lock);
	scene_path(s, "nowhere/state", s->config.state);
	scene_again(s);
	scene_tokens(s, R(STATE));
}

int main(void)
{
#define T(f)	cmocka_unit_test_setup_teardown(f, relying_scene_setup, relying_scene_teardown)
	const struct CMUnitTest tests[] = {
		T(stopped), T(clusters), T(lists_that_do_not_count), T(lenient), T(rollback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
