// SPDX-License-Identifier: GPL-2.0
/*
 * test_revocation.c - what is stopped, by key, element, HSM and cluster, in every
 * order; and that kernels, the list, the status lists and tokens all say so
 *
 * Status lists are read by statuslist.py, which has nothing of zkhsm.
 */
#include "daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEYS	3

static struct daemon *d;
/* statuslist.py */
static struct {
	pid_t pid;
	FILE *ask, *answer;
} reader;

/* --- an HSM, and what its kernel makes of the orders ------------------------ */

struct unit {
	struct prover *p;
	uint8_t element[KEYS][32];
	uint64_t seen;			/* number of the last order */
	uint8_t state[KEYS];		/* 0, hold or revoke: this manager's vote */
	uint64_t index[KEYS];
	char uri[256];
	struct applied applied;
};

static struct unit unit_new(void)
{
	static unsigned int number;
	char seed[32], id[16];
	struct unit u;

	memset(&u, 0, sizeof(u));
	snprintf(seed, sizeof(seed), "revocation %u", number++);
	u.p = prover_new(seed, KEYS);
	prover_pin(u.p, d->order_public);
	prover_refresh(u.p);
	for (size_t i = 0; i < KEYS; i++) {
		snprintf(id, sizeof(id), "key-%06zu", i);
		zkhsm_element_name(1, prover_key(u.p, id)->entry.public, u.element[i]);
	}
	return u;
}

static void enrol_in(struct unit *u, const char *cluster)
{
	json_t *o;

	tell(attest(d, u->p, 403, "pending"));
	if (cluster)
		o = ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
			     "{'hsm_id':'%s','name':'test','cluster':'%s'}", hex32(u->p->hsm_id),
			     cluster);
	else
		o = ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
			     "{'hsm_id':'%s','name':'test'}", hex32(u->p->hsm_id));
	json_decref(o);
}

/* What came since: each order changes something of each key, and nothing twice. */
static void apply(struct unit *u)
{
	struct zkhsm_order order;
	const json_t *all;
	uint8_t *bytes;
	size_t len;
	json_t *o;

	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(u->p->hsm_id));
	len = json_array_size(json_object_get(o, "orders"));
	json_decref(o);
	if (len == u->seen)
		return;
	o = get(d->public, 200, NULL, "/v1/hsms/%s/orders?after=%llu", hex32(u->p->hsm_id),
		(unsigned long long)u->seen);
	all = json_object_get(o, "orders");
	for (size_t i = 0; i < json_array_size(all); i++) {
		assert_int_equal(zkhsm_unb64(json_string_value(json_array_get(all, i)), &bytes,
					     &len), 0);
		assert_int_equal(zkhsm_order_verify(d->order_public, bytes, len, &order, NULL), 0);
		assert_int_equal(order.number, ++u->seen);
		for (size_t n = 0; n < order.count; n++) {
			for (size_t k = 0; k < KEYS; k++) {
				const uint8_t to = order.type == ZKHSM_ORDER_TYPE_RELEASE ? 0 : order.type;

				if (memcmp(order.elements + 32 * n, u->element[k], 32) != 0)
					continue;
				assert_int_not_equal(u->state[k], to);
				/* A kernel takes nothing back that is revoked. */
				assert_int_not_equal(u->state[k], ZKHSM_ORDER_TYPE_REVOKE);
				u->state[k] = to;
			}
		}
		u->applied.number = order.number;
		zkhsm_sha256(bytes, order.signed_len, u->applied.digest);
		free(bytes);
	}
	json_decref(o);
}

/* The same number of orders as before. */
static void no_order(struct unit *u)
{
	const uint64_t before = u->seen;

	apply(u);
	assert_int_equal(u->seen, before);
}

/* --- what everybody can see -------------------------------------------------- */

static long long status_at(const char *uri, uint64_t index)
{
	char line[512];

	fprintf(reader.ask, "%s %llu\n", uri, (unsigned long long)index);
	fflush(reader.ask);
	assert_non_null(fgets(line, sizeof(line), reader.answer));
	if (line[0] == '!')
		fail_msg("statuslist.py: %s", line);
	return atoll(line);
}

static json_t *payload_of(const char *jws, const char *typ)
{
	json_t *jwks = get(d->public, 200, NULL, "/.well-known/zkhsm/jwks.json"), *payload = NULL;

	assert_int_equal(zkhsm_jws_verify(jwks, typ, jws, &payload, NULL), 0);
	json_decref(jwks);
	return payload;
}

static json_t *revocation_list(void)
{
	struct zkhsm_response r = { 0 };
	json_t *payload;

	assert_int_equal(zkhsm_https_do(d->public, "GET", "/v1/revocations", NULL, NULL, 0, &r,
					NULL), 0);
	assert_int_equal(r.status, 200);
	payload = payload_of((const char *)r.body, "zkhsm-revocations+jwt");
	zkhsm_response_free(&r);
	return payload;
}

static int64_t list_number(void)
{
	json_t *list = revocation_list();
	int64_t number = number_of(list, "number");

	json_decref(list);
	return number;
}

/* Where the tokens of each key say that its status is. */
static void learn_indices(struct unit *u)
{
	json_t *o, *token, *status;

	for (size_t k = 0; k < KEYS; k++) {
		o = ask_json(d->public, "POST", "/v1/tokens", 200, NULL,
			     "{'hsm_id':'%s','key_id':'key-%06zu','aud':'x'}",
			     hex32(u->p->hsm_id), k);
		token = payload_of(text_of(o, "token"), "JWT");
		status = json_object_get(json_object_get(token, "status"), "status_list");
		u->index[k] = (uint64_t)number_of(status, "idx");
		snprintf(u->uri, sizeof(u->uri), "%s", text_of(status, "uri"));
		assert_true(!k || u->index[k] != u->index[k - 1]);
		json_decref(token);
		json_decref(o);
	}
}

static long long status_of(uint8_t stop)
{
	return stop == ZKHSM_ORDER_TYPE_REVOKE ? 1 : stop == ZKHSM_ORDER_TYPE_HOLD ? 2 : 0;
}

static bool names(const json_t *list, const char *array, const char *scope, const char *member,
		  const char *value)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(list, array), i, entry) {
		if (strcmp(text_of(entry, "scope"), scope) == 0 &&
		    strcmp(text_of(entry, member), value) == 0)
			return true;
	}
	return false;
}

/* --- every scope, every action, every order ---------------------------------- */

enum { KEY, ELEMENT, HSM, CLUSTER, SCOPES };

static const char *const scopes[SCOPES] = { "key", "element", "hsm", "cluster" };
static const char *const actions[] = { "revoke", "hold", "release" };

static void act(const struct unit *u, const char *cluster, int scope, const char *action,
		long status, const char *urn)
{
	const char *reason = strcmp(action, "release") == 0 ? "remove-from-crl" : "key-compromise";
	char named[256];
	json_t *o;

	if (scope == KEY)
		snprintf(named, sizeof(named), "'hsm_id':'%s','key_id':'key-000000'",
			 hex32(u->p->hsm_id));
	else if (scope == ELEMENT)
		snprintf(named, sizeof(named), "'element':'%s'", hex32(u->element[0]));
	else if (scope == HSM)
		snprintf(named, sizeof(named), "'hsm_id':'%s'", hex32(u->p->hsm_id));
	else
		snprintf(named, sizeof(named), "'cluster':'%s'", cluster);
	o = ask_json(d->admin, "POST", "/v1/admin/revocations", status, urn,
		     "{'action':'%s','scope':'%s','reason':'%s',%s}", action, scopes[scope], reason,
		     named);
	json_decref(o);
}

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

	apply(u);
	assert_int_equal(u->state[0], first);
	for (size_t k = 1; k < KEYS; k++)
		assert_int_equal(u->state[k], whole);
	for (size_t k = 0; k < 2; k++)
		tell(ask_json(d->public, "POST", "/v1/tokens", (k ? whole : first) ? 403 : 200,
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

		assert_int_equal(names(list, array, "key", "hsm_id", hex32(u->p->hsm_id)),
				 stop[KEY] == type);
		assert_int_equal(names(list, array, "element", "element", hex32(u->element[0])),
				 stop[ELEMENT] == type);
		assert_int_equal(names(list, array, "cluster", "cluster", cluster),
				 stop[CLUSTER] == type);
		/* Its cluster's stops it too, for who does not know of clusters. */
		assert_int_equal(names(list, array, "hsm", "hsm_id", hex32(u->p->hsm_id)),
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
		enrol_in(&u, cluster);
		tell(attest(d, u.p, 200, NULL));
		learn_indices(&u);
		compare(&u, cluster, stop, true);
		for (size_t i = 0; i < ARRAY_SIZE(story); i++) {
			const char *urn = step(&stop[scope], story[i]);

			act(&u, cluster, scope, story[i], urn ? 409 : 201, urn);
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
			enrol_in(&u, cluster);
			tell(attest(d, u.p, 200, NULL));
			learn_indices(&u);
			for (int i = 0; i < 6; i++) {
				static const struct { bool second; int action; } todo[] = {
					{ false, 1 }, { true, 1 }, { false, 2 }, { false, 1 },
					{ true, 2 }, { true, 0 },
				};
				const int scope = todo[i].second ? b : a;

				assert_null(step(&stop[scope], actions[todo[i].action]));
				act(&u, cluster, scope, actions[todo[i].action], 201, NULL);
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
		enrol_in(&u, cluster);
		tell(attest(d, u.p, 200, NULL));
		learn_indices(&u);
		for (int i = 0; i < 12; i++) {
			const int scope = rand_r(&seed) % SCOPES;
			/* Rarely what is for ever. */
			const char *action = actions[rand_r(&seed) % 8 ? 1 + rand_r(&seed) % 2 : 0];
			const char *urn = step(&stop[scope], action);

			act(&u, cluster, scope, action, urn ? 409 : 201, urn);
			compare(&u, cluster, stop, i % 4 == 3);
		}
		prover_free(u.p);
	}
}

/* --- clusters ------------------------------------------------------------------ */

static json_t *move(const struct unit *u, const char *cluster, long status, const char *urn)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/cluster", hex32(u->p->hsm_id));
	return ask_json(d->admin, "POST", path, status, urn, "{'cluster':'%s'}", cluster);
}

static void all_are(struct unit *u, uint8_t state)
{
	apply(u);
	for (size_t k = 0; k < KEYS; k++)
		assert_int_equal(u->state[k], state);
}

static void joining(void **state)
{
	struct unit first = unit_new(), second = unit_new(), third = unit_new();
	json_t *list, *o;
	int64_t number;
	char path[128];

	(void)state;
	enrol_in(&first, "paris");
	tell(attest(d, first.p, 200, NULL));
	enrol_in(&second, NULL);
	tell(attest(d, second.p, 200, NULL));
	learn_indices(&second);
	all_are(&second, 0);		/* what is stopped everywhere since other tests */
	act(&first, "paris", CLUSTER, "hold", 201, NULL);
	all_are(&first, ZKHSM_ORDER_TYPE_HOLD);
	no_order(&second);
	number = list_number();

	/* Who joins is held, and everybody can see it. */
	o = move(&second, "paris", 200, NULL);
	assert_string_equal(text_of(o, "cluster"), "paris");
	assert_int_equal(json_array_size(json_object_get(o, "orders")), 1);
	json_decref(o);
	tell(move(&second, "paris", 409, "already"));
	all_are(&second, ZKHSM_ORDER_TYPE_HOLD);
	list = revocation_list();
	assert_int_equal(number_of(list, "number"), number + 1);
	assert_true(names(list, "suspended", "hsm", "hsm_id", hex32(second.p->hsm_id)));
	json_decref(list);
	assert_int_equal(status_at(second.uri, second.index[2]), 2);
	tell(attest(d, second.p, 403, "hsm-revoked"));
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(second.p->hsm_id));
	assert_string_equal(text_of(o, "state"), "revoked");
	assert_string_equal(text_of(o, "cluster"), "paris");
	json_decref(o);

	/* So is who is enrolled in it. */
	enrol_in(&third, "paris");
	tell(attest(d, third.p, 403, "hsm-revoked"));

	/* One key is held by itself as well, and stays so when its HSM leaves. */
	act(&second, "paris", KEY, "hold", 201, NULL);
	no_order(&second);
	tell(move(&second, "", 200, NULL));
	apply(&second);
	assert_int_equal(second.state[0], ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(second.state[1], 0);
	assert_int_equal(second.state[2], 0);
	assert_int_equal(status_at(second.uri, second.index[0]), 2);
	assert_int_equal(status_at(second.uri, second.index[2]), 0);

	/* Released, while the key's own hold remains. */
	tell(move(&second, "paris", 200, NULL));
	all_are(&second, ZKHSM_ORDER_TYPE_HOLD);
	act(&first, "paris", CLUSTER, "release", 201, NULL);
	all_are(&first, 0);
	apply(&second);
	assert_int_equal(second.state[0], ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(second.state[1], 0);
	tell(attest(d, first.p, 200, NULL));
	tell(attest(d, third.p, 200, NULL));

	/* What is revoked is not left, by no door. */
	act(&first, "paris", CLUSTER, "revoke", 201, NULL);
	all_are(&first, ZKHSM_ORDER_TYPE_REVOKE);
	all_are(&second, ZKHSM_ORDER_TYPE_REVOKE);
	tell(move(&second, "", 409, "final"));
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s", hex32(second.p->hsm_id));
	tell(ask(d->admin, "DELETE", path, NULL, NULL, 0, 204, NULL));
	tell(move(&second, "", 404, "unknown"));
	tell(attest(d, second.p, 403, "pending"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 409, "final",
		      "{'hsm_id':'%s','name':'a','cluster':''}", hex32(second.p->hsm_id)));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 409, "final",
		      "{'hsm_id':'%s','name':'a','cluster':'berlin'}", hex32(second.p->hsm_id)));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'a'}", hex32(second.p->hsm_id)));
	tell(attest(d, second.p, 403, "hsm-revoked"));
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
	enrol_in(&u, "oslo");
	tell(attest(d, u.p, 200, NULL));
	act(&u, "oslo", CLUSTER, "hold", 201, NULL);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s", hex32(u.p->hsm_id));
	tell(ask(d->admin, "DELETE", path, NULL, NULL, 0, 204, NULL));
	tell(attest(d, u.p, 403, "pending"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 409, "held",
		      "{'hsm_id':'%s','name':'a','cluster':''}", hex32(u.p->hsm_id)));
	/* Nobody is enrolled in it: it can be released none the less, and its kernel is told. */
	act(&u, "oslo", CLUSTER, "release", 201, NULL);
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'a','cluster':''}", hex32(u.p->hsm_id)));
	all_are(&u, 0);
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
		tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
			      "{'action':'hold','reason':'unspecified',%s}", named[i]));
	/* A name that nobody has is a mistake; to release it, nothing is held. */
	act(NULL, "nowhere", CLUSTER, "hold", 404, "unknown");
	act(NULL, "nowhere", CLUSTER, "release", 404, "unknown");
	enrol_in(&u, "rome");
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'revoke','scope':'cluster','cluster':'rome','reason':'certificate-hold'}"));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'hold','scope':'cluster','cluster':'rome','reason':'remove-from-crl'}"));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'hold','scope':'cluster','cluster':'rome','reason':'unused'}"));
	tell(move(&u, "a/b", 400, "request"));
	tell(move(&u, "-a", 400, "request"));
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/cluster", hex32(u.p->hsm_id));
	tell(ask_json(d->admin, "POST", path, 400, "request", "{'cluster':7}"));
	o = ask_json(d->admin, "POST", path, 200, NULL, "{'cluster':null}");
	assert_true(json_is_null(json_object_get(o, "cluster")));
	json_decref(o);
	tell(ask_json(d->public, "POST", "/v1/admin/revocations", 401, "client-certificate",
		      "{'action':'hold','scope':'cluster','cluster':'rome','reason':'unspecified'}"));
	tell(get(d->public, 401, "client-certificate", "/v1/admin/revocations"));
	prover_free(u.p);
}

/* --- elements that an HSM does not have, keys that it has no more -------------- */

static void not_in_the_list(void **state)
{
	const uint8_t element[32] = { 0x66, 0x01 };
	struct unit u = unit_new();
	uint64_t before;

	(void)state;
	enrol_in(&u, NULL);
	tell(attest(d, u.p, 200, NULL));
	act(&u, NULL, HSM, "hold", 201, NULL);
	all_are(&u, ZKHSM_ORDER_TYPE_HOLD);
	/* The HSM is held, but its kernel was not told so of a key that may come. */
	before = u.seen;
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'element','element':'%s','reason':'superseded'}",
		      hex32(element)));
	apply(&u);
	assert_int_equal(u.seen, before + 1);
	act(&u, NULL, HSM, "release", 201, NULL);
	all_are(&u, 0);
	assert_int_equal(u.seen, before + 2);
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'release','scope':'element','element':'%s','reason':'unspecified'}",
		      hex32(element)));
	apply(&u);
	assert_int_equal(u.seen, before + 3);
	prover_free(u.p);
}

static void released_when_gone(void **state)
{
	struct unit u = unit_new();

	(void)state;
	enrol_in(&u, NULL);
	tell(attest(d, u.p, 200, NULL));
	learn_indices(&u);
	act(&u, NULL, KEY, "hold", 201, NULL);
	apply(&u);
	assert_int_equal(u.state[0], ZKHSM_ORDER_TYPE_HOLD);
	prover_key_del(u.p, "key-000000");
	prover_refresh(u.p);
	tell(attest(d, u.p, 200, NULL));
	tell(get(d->public, 404, "unknown", "/v1/hsms/%s/keys/key-000000", hex32(u.p->hsm_id)));
	assert_int_equal(status_at(u.uri, u.index[0]), 2);
	act(&u, NULL, KEY, "release", 201, NULL);
	apply(&u);
	assert_int_equal(u.state[0], 0);
	/* What is gone is not invalid: its tokens end by themselves. */
	assert_int_equal(status_at(u.uri, u.index[0]), 0);
	act(&u, NULL, KEY, "release", 404, "unknown");
	act(&u, NULL, KEY, "hold", 404, "unknown");
	prover_free(u.p);
}

/* Enrolled later, an HSM learns of what is held and revoked everywhere. */
static void catches_up(void **state)
{
	struct unit u = unit_new();

	(void)state;
	act(&u, NULL, ELEMENT, "hold", 201, NULL);
	enrol_in(&u, "lisbon");
	apply(&u);
	assert_int_equal(u.state[0], ZKHSM_ORDER_TYPE_HOLD);
	assert_int_equal(u.state[1], 0);
	/* It has never been seen with a key until it attests; then the list has it at once. */
	tell(attest(d, u.p, 200, NULL));
	tell(ask_json(d->public, "POST", "/v1/tokens", 403, "revoked",
		      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", hex32(u.p->hsm_id)));
	act(&u, NULL, ELEMENT, "release", 201, NULL);
	learn_indices(&u);
	assert_int_equal(status_at(u.uri, u.index[0]), 0);
	prover_free(u.p);
}

/* --- waiting, keeping, who and when --------------------------------------------- */

struct waiter {
	int64_t after, number, took_ms;
	long status;
};

static void *wait_for_list(void *arg)
{
	struct zkhsm_https *h = daemon_client(d, NULL);
	struct zkhsm_response r = { 0 };
	struct waiter *w = arg;
	int64_t start = now_ms();
	char path[80];
	json_t *list;

	snprintf(path, sizeof(path), "/v1/revocations?after=%lld&wait=50", (long long)w->after);
	if (!zkhsm_https_do(h, "GET", path, NULL, NULL, 0, &r, NULL)) {
		w->status = r.status;
		if (r.status == 200) {
			list = payload_of((const char *)r.body, "zkhsm-revocations+jwt");
			w->number = number_of(list, "number");
			json_decref(list);
		}
		zkhsm_response_free(&r);
	}
	w->took_ms = now_ms() - start;
	zkhsm_https_free(h);
	return NULL;
}

static void long_poll(void **state)
{
	struct waiter w = { .after = list_number() };
	struct unit u = unit_new();
	pthread_t thread;
	int64_t start;

	(void)state;
	enrol_in(&u, NULL);
	tell(attest(d, u.p, 200, NULL));
	start = now_ms();
	assert_null(get(d->public, 204, NULL, "/v1/revocations?after=%lld&wait=1",
			(long long)w.after));
	assert_true(now_ms() - start >= 1000);
	assert_null(get(d->public, 204, NULL, "/v1/revocations?after=%lld", (long long)w.after));
	assert_int_equal(pthread_create(&thread, NULL, wait_for_list, &w), 0);
	/* It waits, or will find it: both have to be right. */
	sleep_ms(200);
	act(&u, NULL, HSM, "hold", 201, NULL);
	pthread_join(thread, NULL);
	assert_int_equal(w.status, 200);
	assert_int_equal(w.number, w.after + 1);
	assert_true(w.took_ms < 40000);
	tell(get(d->public, 400, "request", "/v1/revocations?wait=1"));
	tell(get(d->public, 400, "request", "/v1/revocations?after=x"));
	tell(get(d->public, 400, "request", "/v1/revocations?after=1&wait=61"));
	prover_free(u.p);
}

static void caches(void **state)
{
	struct unit u = unit_new();
	char line[512], path[300];

	(void)state;
	enrol_in(&u, NULL);
	tell(attest(d, u.p, 200, NULL));
	learn_indices(&u);
	fprintf(reader.ask, "cached %s\nall\nsize %s\n", u.uri, u.uri);
	fflush(reader.ask);
	assert_non_null(fgets(line, sizeof(line), reader.answer));
	assert_string_equal(line, "0\n");
	assert_non_null(fgets(line, sizeof(line), reader.answer));
	assert_string_equal(line, "1\n");
	assert_non_null(fgets(line, sizeof(line), reader.answer));
	assert_int_equal(strncmp(line, "131072 ", 7), 0);
	snprintf(path, sizeof(path), "https://127.0.0.1:%d/v1/status-lists/0", d->port);
	assert_string_equal(u.uri, path);
	tell(get(d->public, 404, "unknown", "/v1/status-lists/1"));
	tell(get(d->public, 404, "unknown", "/v1/status-lists/00"));
	tell(get(d->public, 404, "unknown", "/v1/status-lists/x"));
	tell(get(d->public, 404, "unknown", "/v1/status-lists/18446744073709551615"));
	prover_free(u.p);
}

/* The administrators' list, page by page: all of it, in its order, with who and when. */
static void on_record(void **state)
{
	struct unit u = unit_new();
	int64_t last = 0, found = 0;
	bool more = true;

	(void)state;
	enrol_in(&u, "vienna");
	act(&u, "vienna", CLUSTER, "hold", 201, NULL);
	act(&u, "vienna", CLUSTER, "release", 201, NULL);
	act(&u, "vienna", CLUSTER, "revoke", 201, NULL);
	while (more) {
		json_t *o = get(d->admin, 200, NULL, "/v1/admin/revocations?after=%lld&limit=7",
				(long long)last), *row, *ended;
		size_t i;

		assert_in_range(json_array_size(json_object_get(o, "revocations")), 1, 7);
		json_array_foreach(json_object_get(o, "revocations"), i, row) {
			assert_true(number_of(row, "row") > last);
			last = number_of(row, "row");
			assert_string_equal(text_of(row, "who"), "admin");
			if (strcmp(text_of(row, "scope"), "cluster") != 0 ||
			    strcmp(text_of(row, "cluster"), "vienna") != 0)
				continue;
			ended = json_object_get(row, "ended");
			if (found++) {
				assert_string_equal(text_of(row, "action"), "revoke");
				assert_true(json_is_null(ended));
				continue;
			}
			assert_string_equal(text_of(row, "action"), "hold");
			assert_string_equal(text_of(row, "reason"), "key-compromise");
			assert_string_equal(text_of(ended, "who"), "admin");
			assert_string_equal(text_of(ended, "reason"), "remove-from-crl");
			assert_int_equal(number_of(ended, "number"), number_of(row, "number") + 1);
			assert_true(number_of(ended, "at_ms") >= number_of(row, "at_ms"));
		}
		more = json_is_true(json_object_get(o, "more"));
		json_decref(o);
	}
	assert_int_equal(found, 2);
	tell(get(d->admin, 400, "request", "/v1/admin/revocations?state=ended"));
	tell(get(d->admin, 400, "request", "/v1/admin/revocations?limit=1001"));
	prover_free(u.p);
}

/* In the transaction that does it; see test_audit.c of how they hang together. */
static void audited(void **state)
{
	struct unit u = unit_new();

	(void)state;
	enrol_in(&u, "turin");
	act(&u, "turin", CLUSTER, "hold", 201, NULL);
	daemon_log_wait(d, "\\\"cluster\\\":\\\"turin\\\"");
	tell(move(&u, "", 200, NULL));
	daemon_log_wait(d, "\\\"from\\\":\\\"turin\\\"");
	prover_free(u.p);
}

/* --- one that signs often --------------------------------------------------------- */

static void signed_again(void **state)
{
	struct daemon *other = d, *quick = daemon_new("next_update = 2s\n", NULL);
	int64_t first, until = now_ms() + 60000, iat;
	json_t *list;

	(void)state;
	daemon_start(quick, 0);
	d = quick;
	list = revocation_list();
	first = number_of(list, "iat");
	do {
		assert_true(number_of(list, "next_update") > time(NULL));
		assert_int_equal(number_of(list, "number"), 0);
		json_decref(list);
		assert_true(now_ms() < until);
		sleep_ms(50);
		list = revocation_list();
		iat = number_of(list, "iat");
	} while (iat == first);
	json_decref(list);
	d = other;
	daemon_free(quick);
}

/* What was answered is in the next one's lists too. */
static void killed(void **state)
{
	struct unit u = unit_new();
	int64_t number;

	(void)state;
	enrol_in(&u, "madrid");
	tell(attest(d, u.p, 200, NULL));
	learn_indices(&u);
	act(&u, "madrid", CLUSTER, "revoke", 201, NULL);
	number = list_number();
	daemon_end(d, SIGKILL);
	daemon_start(d, 0);
	assert_int_equal(list_number(), number);
	/* It may listen elsewhere now. */
	snprintf(u.uri, sizeof(u.uri), "https://127.0.0.1:%d/v1/status-lists/0", d->port);
	assert_int_equal(status_at(u.uri, u.index[1]), 1);
	all_are(&u, ZKHSM_ORDER_TYPE_REVOKE);
	tell(attest(d, u.p, 403, "hsm-revoked"));
	prover_free(u.p);
}

/* --- start and end ------------------------------------------------------------------ */

static void start_reader(void)
{
	char script[300] = __FILE__, ca[256], url[64];
	int to[2], from[2];

	strcpy(strrchr(script, '/'), "/statuslist.py");
	daemon_file(d, "ca.pem", ca);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d", d->port);
	/* No zkhsmd that is started later shall hold its end open. */
	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	reader.pid = fork();
	assert_true(reader.pid >= 0);
	if (!reader.pid) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execl("/usr/bin/python3", "python3", script, ca, url, (char *)NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	reader.ask = fdopen(to[1], "w");
	reader.answer = fdopen(from[0], "r");
	assert_true(reader.ask && reader.answer);
}

static int start(void **state)
{
	(void)state;
	d = daemon_new("max_age = 1h\n", "nonces_per_hsm = 64\nlarge_requests = 8");
	daemon_start(d, 0);
	start_reader();
	return 0;
}

static int end(void **state)
{
	int status;

	(void)state;
	fclose(reader.ask);
	fclose(reader.answer);
	assert_int_equal(waitpid(reader.pid, &status, 0), reader.pid);
	assert_int_equal(status, 0);
	daemon_free(d);
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
		cmocka_unit_test(long_poll),
		cmocka_unit_test(caches),
		cmocka_unit_test(on_record),
		cmocka_unit_test(audited),
		cmocka_unit_test(signed_again),
		cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests(tests, start, end);
}
