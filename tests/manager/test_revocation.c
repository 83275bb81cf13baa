// SPDX-License-Identifier: GPL-2.0
/*
 * test_revocation.c - what is stopped, by key, element, HSM and cluster, in every
 * order; and that kernels, the list, the status lists and tokens all say so
 */
#include "stopped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const actions[] = { "revoke", "hold", "release" };

static long long status_of(uint8_t stop)
{
	return stop == ZKHSM_ORDER_TYPE_REVOKE ? 1 : stop == ZKHSM_ORDER_TYPE_HOLD ? 2 : 0;
}

/* --- every scope, every action, every order ---------------------------------- */

/* Of one scope alone: its stop and what the action comes to; 0 is done. */
static const char *step(uint8_t *stop, const char *action)
{
	const uint8_t old = *stop;

	if (strcmp(action, "release") == 0) {
		if (old != ZKHSM_ORDER_TYPE_HOLD)
			return old ? "final" : "not-held";
		*stop = 0;
	} else {
		const uint8_t new = strcmp(action, "hold") == 0 ? ZKHSM_ORDER_TYPE_HOLD :
								  ZKHSM_ORDER_TYPE_REVOKE;

		if (old == ZKHSM_ORDER_TYPE_REVOKE || old == new)
			return "already";
		*stop = new;
	}
	return NULL;
}

static uint8_t stronger(uint8_t a, uint8_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;		/* revoke is 17, hold 18 */
}

/* What all scopes come to, for the first key and for the others. */
static void compare(struct unit *u, const char *cluster, const uint8_t stop[SCOPES], bool lists)
{
	uint8_t whole = stronger(stop[HSM], stop[CLUSTER]);
	uint8_t first = stronger(whole, stronger(stop[KEY], stop[ELEMENT]));
	json_t *list;

	unit_obey(u);
	assert_int_equal(u->state[0], first);
	for (size_t k = 1; k < KEYS; k++)
		assert_int_equal(u->state[k], whole);
	for (size_t k = 0; k < 2; k++)
		tell(ask_json(stage->public, "POST", "/v1/tokens", (k ? whole : first) ? 403 : 200,
			      (k ? whole : first) ? "revoked" : NULL,
			      "{'hsm_id':'%s','key_id':'key-%06zu','aud':'x'}",
			      hex32(u->p->hsm_id), k));
	if (!lists)
		return;
	assert_int_equal(status_at(u->uri, u->index[0]), status_of(first));
	assert_int_equal(status_at(u->uri, u->index[1]), status_of(whole));
	list = revocation_list();
	for (int held = 0; held < 2; held++) {
		const uint8_t type = held ? ZKHSM_ORDER_TYPE_HOLD : ZKHSM_ORDER_TYPE_REVOKE;
		const char *array = held ? "suspended" : "revoked";

		assert_int_equal(list_names(list, array, "key", "hsm_id", hex32(u->p->hsm_id)),
				 stop[KEY] == type);
		assert_int_equal(list_names(list, array, "element", "element", hex32(u->element[0])),
				 stop[ELEMENT] == type);
		assert_int_equal(list_names(list, array, "cluster", "cluster", cluster),
				 stop[CLUSTER] == type);
		/* Its cluster's stops it too, for who does not know of clusters. */
		assert_int_equal(list_names(list, array, "hsm", "hsm_id", hex32(u->p->hsm_id)),
				 stop[HSM] == type || stop[CLUSTER] == type);
	}
	json_decref(list);
}

/* Each scope by itself, through all its actions from each state. */
static void each_scope(void **state)
{
	static const char *const story[] = { "release", "hold", "hold", "release", "release", "hold",
					     "revoke", "revoke", "hold", "release" };
	char cluster[32];

	(void)state;
	for (int scope = 0; scope < SCOPES; scope++) {
		uint8_t stop[SCOPES] = { 0 };
		struct unit u = unit_new();

		snprintf(cluster, sizeof(cluster), "each-%d", scope);
		unit_enrol(&u, cluster);
		tell(attest(stage, u.p, 200, NULL));
		unit_learn(&u);
		compare(&u, cluster, stop, true);
		for (size_t i = 0; i < ARRAY_SIZE(story); i++) {
			const char *urn = step(&stop[scope], story[i]);

			unit_act(&u, cluster, scope, story[i], urn ? 409 : 201, urn);
			compare(&u, cluster, stop, true);
		}
		prover_free(u.p);
	}
}

/* Two at a time in every order, holds and revocations: the strongest of what is left. */
static void pairs(void **state)
{
	char cluster[32];

	(void)state;
	for (int a = 0; a < SCOPES; a++) {
		for (int b = 0; b < SCOPES; b++) {
			uint8_t stop[SCOPES] = { 0 };
			struct unit u = unit_new();

			if (a == b) {
				prover_free(u.p);
				continue;
			}
			snprintf(cluster, sizeof(cluster), "pair-%d-%d", a, b);
			unit_enrol(&u, cluster);
			tell(attest(stage, u.p, 200, NULL));
			unit_learn(&u);
			for (int i = 0; i < 6; i++) {
				static const struct { bool second; int action; } todo[] = {
					{ false, 1 }, { true, 1 }, { false, 2 }, { false, 1 },
					{ true, 2 }, { true, 0 },
				};
				const int scope = todo[i].second ? b : a;

				assert_null(step(&stop[scope], actions[todo[i].action]));
				unit_act(&u, cluster, scope, actions[todo[i].action], 201, NULL);
				compare(&u, cluster, stop, i == 2 || i == 5);
			}
			prover_free(u.p);
		}
	}
}

/* Anything after anything: what is possible is done, what is not is refused. */
static void at_random(void **state)
{
	unsigned int seed = 20261123;
	char cluster[32];

	(void)state;
	for (int round = 0; round < 6; round++) {
		uint8_t stop[SCOPES] = { 0 };
		struct unit u = unit_new();

		snprintf(cluster, sizeof(cluster), "random-%d", round);
		unit_enrol(&u, cluster);
		tell(attest(stage, u.p, 200, NULL));
		unit_learn(&u);
		for (int i = 0; i < 12; i++) {
			const int scope = rand_r(&seed) % SCOPES;
			/* Rarely what is for ever. */
			const char *action = actions[rand_r(&seed) % 8 ? 1 + rand_r(&seed) % 2 : 0];
			const char *urn = step(&stop[scope], action);

			unit_act(&u, cluster, scope, action, urn ? 409 : 201, urn);
			compare(&u, cluster, stop, i % 4 == 3);
		}
		prover_free(u.p);
	}
}

/* --- clusters ------------------------------------------------------------------ */

static void joining(void **state)
{
	struct unit first = unit_new(), second = unit_new(), third = unit_new();
	json_t *list, *o;
	int64_t number;
	char path[128];

	(void)state;
	unit_enrol(&first, "paris");
	tell(attest(stage, first.p, 200, NULL));
	unit_enrol(&second, NULL);
	tell(attest(stage, second.p, 200, NULL));
	unit_learn(&second);
	unit_all_are(&second, 0);		/* what is stopped everywhere since other tests */
	unit_act(&first, "paris", CLUSTER, "hold", 201, NULL);
	unit_all_are(&first, ZKHSM_ORDER_TYPE_HOLD);
	unit_no_order(&second);
	number = list_number();

	/* Who joins is held, and everybody can see it. */
	o = unit_move(&second, "paris", 200, NULL);
	assert_string_equal(text_of(o, "cluster"), "paris");
	assert_int_equal(json_array_size(json_object_get(o, "orders")), 1);
	json_decref(o);
	tell(unit_move(&second, "paris", 409, "already"));
	unit_all_are(&second, ZKHSM_ORDER_TYPE_HOLD);
	list = revocation_list();
	assert_int_equal(number_of(list, "number"), number + 1);
	assert_true(list_names(list, "suspended", "hsm", "hsm_id", hex32(second.p->hsm_id)));
	json_decref(list);
	assert_int_equal(status_at(second.uri, second.index[2]), 2);
	tell(attest(stage, second.p, 403, "hsm-revoked"));
	o = get(stage->public, 200, NULL, "/v1/hsms/%s", hex32(second.p->hsm_id));
	assert_string_equal(text_of(o, "state"), "revoked");
	assert_string_equal(text_of(o, "cluster"), "paris");
	json_decref(o);

	/* So is who is enrolled in it. */
	unit_enrol(&third, "paris");
	tell(attest(stage, third.p, 403, "hsm-revoked"));

	/* One key is held by itself as well, and stays so when its HSM leaves. */
	unit_act(&second, "paris", KEY, "hold", 201, NULL);
	unit_no_order(&second);
	tell(unit_move(&second, "", 200, NULL));
	unit_obey(&second);
	assert_int_equal(second.state[0], ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(second.state[1], 0);
	assert_int_equal(second.state[2], 0);
	assert_int_equal(status_at(second.uri, second.index[0]), 2);
	assert_int_equal(status_at(second.uri, second.index[2]), 0);

	/* Released, while the key's own hold remains. */
	tell(unit_move(&second, "paris", 200, NULL));
	unit_all_are(&second, ZKHSM_ORDER_TYPE_HOLD);
	unit_act(&first, "paris", CLUSTER, "release", 201, NULL);
	unit_all_are(&first, 0);
	unit_obey(&second);
	assert_int_equal(second.state[0], ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(second.state[1], 0);
	tell(attest(stage, first.p, 200, NULL));
	tell(attest(stage, third.p, 200, NULL));

	/* What is revoked is not left, by no door. */
	unit_act(&first, "paris", CLUSTER, "revoke", 201, NULL);
	unit_all_are(&first, ZKHSM_ORDER_TYPE_REVOKE);
	unit_all_are(&second, ZKHSM_ORDER_TYPE_REVOKE);
	tell(unit_move(&second, "", 409, "final"));
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s", hex32(second.p->hsm_id));
	tell(ask(stage->admin, "DELETE", path, NULL, NULL, 0, 204, NULL));
	tell(unit_move(&second, "", 404, "unknown"));
	tell(attest(stage, second.p, 403, "pending"));
	tell(ask_json(stage->admin, "POST", "/v1/admin/hsms", 409, "final",
		      "{'hsm_id':'%s','name':'a','cluster':''}", hex32(second.p->hsm_id)));
	tell(ask_json(stage->admin, "POST", "/v1/admin/hsms", 409, "final",
		      "{'hsm_id':'%s','name':'a','cluster':'berlin'}", hex32(second.p->hsm_id)));
	tell(ask_json(stage->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'a'}", hex32(second.p->hsm_id)));
	tell(attest(stage, second.p, 403, "hsm-revoked"));
	prover_free(first.p);
	prover_free(second.p);
	prover_free(third.p);
}

/* Out of a held one and into it again by enrolment: only into it. */
static void held_and_enrolled_again(void **state)
{
	struct unit u = unit_new();
	char path[128];

	(void)state;
	unit_enrol(&u, "oslo");
	tell(attest(stage, u.p, 200, NULL));
	unit_act(&u, "oslo", CLUSTER, "hold", 201, NULL);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s", hex32(u.p->hsm_id));
	tell(ask(stage->admin, "DELETE", path, NULL, NULL, 0, 204, NULL));
	tell(attest(stage, u.p, 403, "pending"));
	tell(ask_json(stage->admin, "POST", "/v1/admin/hsms", 409, "held",
		      "{'hsm_id':'%s','name':'a','cluster':''}", hex32(u.p->hsm_id)));
	/* Nobody is enrolled in it: it can be released none the less, and its kernel is told. */
	unit_act(&u, "oslo", CLUSTER, "release", 201, NULL);
	tell(ask_json(stage->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'a','cluster':''}", hex32(u.p->hsm_id)));
	unit_all_are(&u, 0);
	prover_free(u.p);
}

static void refused(void **state)
{
	static const char *const named[] = {
		"'scope':'cluster'", "'scope':'cluster','cluster':''", "'scope':'cluster','cluster':'a b'",
		"'scope':'cluster','cluster':'a','hsm_id':'00'", "'scope':'fleet','cluster':'a'",
		"'scope':'hsm','cluster':'a'", "'scope':'element','cluster':'a'",
	};
	struct unit u = unit_new();
	char path[160];
	json_t *o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(named); i++)
		tell(ask_json(stage->admin, "POST", "/v1/admin/revocations", 400, "request",
			      "{'action':'hold','reason':'unspecified',%s}", named[i]));
	/* A name that nobody has is a mistake; to release it, nothing is held. */
	unit_act(NULL, "nowhere", CLUSTER, "hold", 404, "unknown");
	unit_act(NULL, "nowhere", CLUSTER, "release", 404, "unknown");
	unit_enrol(&u, "rome");
	tell(ask_json(stage->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'revoke','scope':'cluster','cluster':'rome','reason':'certificate-hold'}"));
	tell(ask_json(stage->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'hold','scope':'cluster','cluster':'rome','reason':'remove-from-crl'}"));
	tell(ask_json(stage->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'hold','scope':'cluster','cluster':'rome','reason':'unused'}"));
	tell(unit_move(&u, "a/b", 400, "request"));
	tell(unit_move(&u, "-a", 400, "request"));
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/cluster", hex32(u.p->hsm_id));
	tell(ask_json(stage->admin, "POST", path, 400, "request", "{'cluster':7}"));
	o = ask_json(stage->admin, "POST", path, 200, NULL, "{'cluster':null}");
	assert_true(json_is_null(json_object_get(o, "cluster")));
	json_decref(o);
	tell(ask_json(stage->public, "POST", "/v1/admin/revocations", 401, "client-certificate",
		      "{'action':'hold','scope':'cluster','cluster':'rome','reason':'unspecified'}"));
	tell(get(stage->public, 401, "client-certificate", "/v1/admin/revocations"));
	prover_free(u.p);
}

/* --- elements that an HSM does not have, keys that it has no more -------------- */

static void not_in_the_list(void **state)
{
	const uint8_t element[32] = { 0x66, 0x01 };
	struct unit u = unit_new();
	uint64_t before;

	(void)state;
	unit_enrol(&u, NULL);
	tell(attest(stage, u.p, 200, NULL));
	unit_act(&u, NULL, HSM, "hold", 201, NULL);
	unit_all_are(&u, ZKHSM_ORDER_TYPE_HOLD);
	/* The HSM is held, but its kernel was not told so of a key that may come. */
	before = u.seen;
	tell(ask_json(stage->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'element','element':'%s','reason':'superseded'}",
		      hex32(element)));
	unit_obey(&u);
	assert_int_equal(u.seen, before + 1);
	unit_act(&u, NULL, HSM, "release", 201, NULL);
	unit_all_are(&u, 0);
	assert_int_equal(u.seen, before + 2);
	tell(ask_json(stage->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'release','scope':'element','element':'%s','reason':'unspecified'}",
		      hex32(element)));
	unit_obey(&u);
	assert_int_equal(u.seen, before + 3);
	prover_free(u.p);
}

static void released_when_gone(void **state)
{
	struct unit u = unit_new();

	(void)state;
	unit_enrol(&u, NULL);
	tell(attest(stage, u.p, 200, NULL));
	unit_learn(&u);
	unit_act(&u, NULL, KEY, "hold", 201, NULL);
	unit_obey(&u);
	assert_int_equal(u.state[0], ZKHSM_ORDER_TYPE_HOLD);
	prover_key_del(u.p, "key-000000");
	prover_refresh(u.p);
	tell(attest(stage, u.p, 200, NULL));
	tell(get(stage->public, 404, "unknown", "/v1/hsms/%s/keys/key-000000", hex32(u.p->hsm_id)));
	assert_int_equal(status_at(u.uri, u.index[0]), 2);
	unit_act(&u, NULL, KEY, "release", 201, NULL);
	unit_obey(&u);
	assert_int_equal(u.state[0], 0);
	/* What is gone is not invalid: its tokens end by themselves. */
	assert_int_equal(status_at(u.uri, u.index[0]), 0);
	unit_act(&u, NULL, KEY, "release", 404, "unknown");
	unit_act(&u, NULL, KEY, "hold", 404, "unknown");
	prover_free(u.p);
}

/* Enrolled later, an HSM learns of what is held and revoked everywhere. */
static void catches_up(void **state)
{
	struct unit u = unit_new();

	(void)state;
	unit_act(&u, NULL, ELEMENT, "hold", 201, NULL);
	unit_enrol(&u, "lisbon");
	unit_obey(&u);
	assert_int_equal(u.state[0], ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(u.state[1], 0);
	/* It has never been seen with a key until it attests; then the list has it at once. */
	tell(attest(stage, u.p, 200, NULL));
	tell(ask_json(stage->public, "POST", "/v1/tokens", 403, "revoked",
		      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", hex32(u.p->hsm_id)));
	unit_act(&u, NULL, ELEMENT, "release", 201, NULL);
	unit_learn(&u);
	assert_int_equal(status_at(u.uri, u.index[0]), 0);
	prover_free(u.p);
}

/* --- start and end -------------------------------------------------- */

static int start(void **state)
{
	(void)state;
	stage = daemon_new("max_age = 1h\n", "nonces_per_hsm = 64\nlarge_requests = 8");
	daemon_start(stage, 0);
	reader_start();
	return 0;
}

static int end(void **state)
{
	(void)state;
	reader_end();
	daemon_free(stage);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_scope),
		cmocka_unit_test(pairs),
		cmocka_unit_test(at_random),
		cmocka_unit_test(joining),
		cmocka_unit_test(held_and_enrolled_again),
		cmocka_unit_test(refused),
		cmocka_unit_test(not_in_the_list),
		cmocka_unit_test(released_when_gone),
		cmocka_unit_test(catches_up),
	};

	return cmocka_run_group_tests(tests, start, end);
}
