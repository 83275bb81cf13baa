// SPDX-License-Identifier: GPL-2.0
/*
 * kill_check.c - the ledger against a manager that has just come up again
 *
 * The audit log first: it says of what was not answered whether it was done. Then
 * everything else has to agree.
 */
#include "kill.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the audit log -------------------------------------------------------------- */

static struct kill_act *act_of(struct life *l, const char *request)
{
	for (size_t i = 0; i < l->act_count; i++) {
		if (strcmp(l->acts[i].request, request) == 0)
			return &l->acts[i];
	}
	return NULL;
}

/*
 * What the manager does by itself: it starts, and looks at copies, of which each has one
 * alert, and whoever was copied another. Of what is refused there is nothing: that would
 * be one of our mistakes.
 */
static void check_own(struct life *l, const json_t *o, const char *action)
{
	struct newcomer *n = l->newcomers, *const last = n + l->newcomer_count;
	const char *code;

	if (strcmp(action, "start") == 0)
		return;
	while (n < last && strcmp(n->hex, text_of(o, "hsm_id")) != 0)
		n++;
	code = text_of(json_object_get(o, "details"), "code");
	if (n < last && strcmp(action, "alert") == 0 && strcmp(code, "contested") == 0)
		assert_int_equal(n->contested++, 0);
	else if (n < last && n->copied && strcmp(code, "duplicate") == 0 &&
		 strcmp(action, "alert") == 0)
		assert_int_equal(n->duplicate++, 0);
	else if (n == last || !n->copied || strcmp(code, "duplicate") != 0 ||
		 strcmp(action, "quarantine") != 0)
		fail_msg("the log has %s", json_dumps(o, JSON_COMPACT));
}

static void check_entry(struct life *l, const json_t *o)
{
	static const char *const acts[] = { "revoke", "hold", "release", "enroll" };
	const char *action = text_of(o, "action"), *want, *request;
	struct kill_act *a;
	bool is_act = false;

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		is_act |= strcmp(action, acts[i]) == 0;
	if (!is_act) {
		check_own(l, o, action);
		return;
	}
	request = text_of(o, "request_id");
	a = act_of(l, request);
	if (!a)
		fail_msg("nobody asked for %s (request %s)", action, request);
	if (a->audited)
		fail_msg("%s (request %s) is twice in the log", action, request);
	want = a->what == ENROL ? "enroll" : acts[a->type - ZKHSM_ORDER_TYPE_REVOKE];
	a->audited = true;
	if (a->what == ENROL || a->what == STOP_HSM)
		assert_string_equal(text_of(o, "hsm_id"), l->newcomers[a->who].hex);
	else
		assert_string_equal(text_of(o, "hsm_id"), l->sites[a->who].hex);
	if (strcmp(action, want) != 0)
		fail_msg("%s is in the log as %s", want, action);
}

/* One page of the log; false when it was empty. */
static bool check_page(struct life *l)
{
	struct zkhsm_response r = { 0 };
	char path[64], *line, *rest;
	bool any = false;
	uint8_t previous[32];
	json_t *o;

	snprintf(path, sizeof(path), "/v1/admin/audit?after=%llu",
		 (unsigned long long)l->audit_number);
	assert_int_equal(zkhsm_https_do(l->d->admin, "GET", path, NULL, NULL, 0, &r, NULL), 0);
	assert_int_equal(r.status, 200);
	rest = (char *)r.body;
	while (rest && (line = strsep(&rest, "\n")) && *line) {
		o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(o);
		assert_int_equal(number_of(o, "number"), l->audit_number + 1);
		hash_of(o, "previous", previous);
		assert_memory_equal(previous, l->audit_hash, 32);
		l->audit_number++;
		zkhsm_sha256(line, strlen(line), l->audit_hash);
		check_entry(l, o);
		json_decref(o);
		any = true;
	}
	zkhsm_response_free(&r);
	return any;
}

static void check_audit(struct life *l)
{
	while (check_page(l))
		;
	for (size_t i = 0; i < l->act_count; i++) {
		struct kill_act *a = &l->acts[i];

		if (a->acknowledged && !a->audited)
			fail_msg("request %s was acknowledged and is not in the log", a->request);
		if (a->acknowledged)
			continue;
		l->total.unanswered++;
		if (a->audited)
			kill_stopped(l, a);
		if (a->what == STOP_KEY)
			kill_act_end(l, a);
	}
}

/* --- orders --------------------------------------------------------------------- */

/* Whose order this is: of one act, which has no other. */
static void match(struct life *l, size_t site, const struct zkhsm_order *order)
{
	for (size_t i = 0; i < l->act_count; i++) {
		struct kill_act *a = &l->acts[i];

		if (a->what != STOP_KEY || a->who != site || !a->audited || a->ordered ||
		    a->type != order->type || order->count != 1 ||
		    memcmp(order->elements, l->sites[site].keys[a->key].element, 32) != 0 ||
		    (a->acknowledged && a->number != order->number))
			continue;
		a->ordered = true;
		return;
	}
	fail_msg("order %llu of site %zu is nobody's, or was made twice",
		 (unsigned long long)order->number, site);
}

static void check_order(struct life *l, size_t site, uint64_t number, const char *text)
{
	struct site *s = &l->sites[site];
	struct zkhsm_order order;
	uint8_t *bytes, digest[32];
	size_t len;

	assert_int_equal(zkhsm_unb64(text, &bytes, &len), 0);
	zkhsm_sha256(bytes, len, digest);
	if (number > s->seen_count) {
		assert_int_equal(number, s->seen_count + 1);
		s->seen = reallocarray(s->seen, number, 32);
		memcpy(s->seen[s->seen_count++], digest, 32);
	}
	if (memcmp(s->seen[number - 1], digest, 32) != 0)
		fail_msg("order %llu of site %zu has changed", (unsigned long long)number, site);
	if (number > s->matched) {
		assert_int_equal(zkhsm_order_verify(l->d->order_public, bytes, len, &order, NULL), 0);
		assert_int_equal(order.number, number);
		match(l, site, &order);
		s->matched++;
	}
	free(bytes);
}

static void check_orders(struct life *l, size_t site)
{
	struct site *s = &l->sites[site];
	uint64_t number = 0;
	bool more = true;
	json_t *o, *order;
	char path[160];
	int status;
	size_t i;

	while (more) {
		snprintf(path, sizeof(path), "/v1/hsms/%s/orders?after=%llu", s->hex,
			 (unsigned long long)number);
		o = NULL;
		status = try_ask(l->d->public, "GET", path, NULL, NULL, 0, &o);
		assert_true(status == 200 || status == 204);
		json_array_foreach(json_object_get(o, "orders"), i, order)
			check_order(l, site, ++number, json_string_value(order));
		more = json_is_true(json_object_get(o, "more"));
		json_decref(o);
	}
	if (number < s->seen_count)
		fail_msg("site %zu had %zu orders, and now %llu", site, s->seen_count,
			 (unsigned long long)number);
	for (i = 0; i < l->act_count; i++) {
		if (l->acts[i].what == STOP_KEY && l->acts[i].who == site && l->acts[i].audited &&
		    !l->acts[i].ordered)
			fail_msg("request %s was done, and there is no order", l->acts[i].request);
	}
}

/* --- evidence ------------------------------------------------------------------- */

/* Of the same evidence, also if there are other orders now. */
static void compare_answers(const json_t *before, json_t *after, bool quiet)
{
	static const char *const fixed[] = { "result", "hsm_id", "number", "keys", "proved",
					     "attested_at_ms", "expires_at_ms", "rule" };

	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
		if (!json_equal(json_object_get(before, fixed[i]), json_object_get(after, fixed[i])))
			fail_msg("the same evidence has another %s", fixed[i]);
	}
	if (quiet && !json_equal(before, after))
		fail_msg("the same evidence has another answer:\n%s\n%s",
			 json_dumps(before, JSON_COMPACT | JSON_SORT_KEYS),
			 json_dumps(after, JSON_COMPACT | JSON_SORT_KEYS));
	json_decref(after);
}

static void check_evidence(struct life *l, struct site *s)
{
	json_t *o = get(l->d->public, 200, NULL, "/v1/hsms/%s", s->hex);
	int64_t number = number_of(o, "number");

	assert_string_equal(text_of(o, "state"), "attested");
	json_decref(o);
	if (number != s->accepted.number && number != s->tried.number)
		fail_msg("evidence %u was acknowledged, %u was sent, and it has %lld",
			 s->accepted.number, s->tried.number, (long long)number);
	if (number != s->accepted.number) {
		/* It was recorded, and its answer lost with the manager: the same is there. */
		s->tried.answer = post_evidence(l->d, s->tried.bytes, s->tried.len, 200, NULL);
		kill_accepted(s, &s->tried);
		json_decref(s->tried.answer);
		s->accepted.acts = s->acts_begun;
	}
	s->tried = s->accepted;
	s->tried.answer = NULL;
	o = post_evidence(l->d, s->accepted.bytes, s->accepted.len, 200, NULL);
	compare_answers(s->accepted.answer, o, s->accepted.acts == s->acts_begun);
}

/* --- what is stopped --------------------------------------------------------------- */

static struct kill_key *key_of(struct life *l, const json_t *entry, size_t *site)
{
	for (*site = 0; *site < SITES; (*site)++) {
		struct site *s = &l->sites[*site];
		size_t at = strtoul(text_of(entry, "key_id") + 1, NULL, 10);

		if (strcmp(text_of(entry, "hsm_id"), s->hex) == 0 && at < s->key_count)
			return &s->keys[at];
	}
	fail_msg("the list has a key that nobody stopped");
	return NULL;
}

static size_t check_array(struct life *l, const json_t *array, uint8_t type)
{
	size_t i, site, keys = 0;
	struct kill_key *k;
	json_t *entry;

	json_array_foreach(array, i, entry) {
		if (strcmp(text_of(entry, "scope"), "hsm") == 0) {
			bool known = false;

			for (size_t n = 0; n < l->newcomer_count; n++)
				known |= l->newcomers[n].revoked &&
					 strcmp(l->newcomers[n].hex, text_of(entry, "hsm_id")) == 0;
			assert_true(known);
			continue;
		}
		k = key_of(l, entry, &site);
		if (k->stop != type)
			fail_msg("%s at site %zu is in the list with %u, not %u", k->id, site, type,
				 k->stop);
		keys++;
	}
	return keys;
}

static void check_list(struct life *l)
{
	size_t keys[2] = { 0 }, hsms = 0, revoked;
	struct zkhsm_response r = { 0 };
	uint64_t number, acts = 0;
	json_t *list;

	assert_int_equal(zkhsm_https_do(l->d->public, "GET", "/v1/revocations", NULL, NULL, 0, &r,
					NULL), 0);
	assert_int_equal(r.status, 200);
	assert_int_equal(zkhsm_jws_verify(l->jwks, "zkhsm-revocations+jwt", (const char *)r.body,
					  &list, NULL), 0);
	zkhsm_response_free(&r);
	for (size_t i = 0; i < l->act_count; i++)
		acts += l->acts[i].audited && l->acts[i].what != ENROL;
	number = (uint64_t)number_of(list, "number");
	/* Each act is one number, so that none is lost or given twice. */
	if (number < l->list || number != l->list_then + acts)
		fail_msg("the list has number %llu after %llu acknowledged, %llu acts after %llu",
			 (unsigned long long)number, (unsigned long long)l->list,
			 (unsigned long long)acts, (unsigned long long)l->list_then);
	l->list = number;
	l->list_then = number;
	for (size_t s = 0; s < SITES; s++) {
		for (size_t k = 0; k < l->sites[s].key_count; k++) {
			keys[0] += l->sites[s].keys[k].stop == ZKHSM_ORDER_TYPE_REVOKE;
			keys[1] += l->sites[s].keys[k].stop == ZKHSM_ORDER_TYPE_HOLD;
		}
	}
	for (size_t n = 0; n < l->newcomer_count; n++)
		hsms += l->newcomers[n].revoked;
	revoked = json_array_size(json_object_get(list, "revoked"));
	assert_int_equal(check_array(l, json_object_get(list, "revoked"), ZKHSM_ORDER_TYPE_REVOKE),
			 keys[0]);
	assert_int_equal(check_array(l, json_object_get(list, "suspended"), ZKHSM_ORDER_TYPE_HOLD),
			 keys[1]);
	assert_int_equal(revoked, keys[0] + hsms);
	json_decref(list);
}

/* Of a key that is stopped there is no token and no good state; of another both. */
static void check_key(struct life *l, const struct site *s, const struct kill_key *k)
{
	const char *urn = !k->listed ? "unknown" : k->stop ? "revoked" : NULL;
	json_t *o = get(l->d->public, k->listed ? 200 : 404, k->listed ? NULL : "unknown",
			"/v1/hsms/%s/keys/%s", s->hex, k->id);

	if (k->listed)
		assert_string_equal(text_of(o, "status"), k->stop ? "revoked" : "attested");
	json_decref(o);
	tell(ask_json(l->d->public, "POST", "/v1/tokens", !k->listed ? 404 : k->stop ? 403 : 200, urn,
		      "{'hsm_id':'%s','key_id':'%s','aud':'x'}", s->hex, k->id));
}

static void check_newcomer(struct life *l, const struct newcomer *n)
{
	json_t *o;

	if (!n->enrolled)
		return;
	o = get(l->d->public, 200, NULL, "/v1/hsms/%s", n->hex);
	if (n->revoked)
		assert_string_equal(text_of(o, "state"), "revoked");
	else
		assert_string_not_equal(text_of(o, "state"), "pending");
	/* null, if it has not attested */
	assert_true(json_integer_value(json_object_get(o, "number")) >= n->number);
	json_decref(o);
	if (n->revoked)
		tell(ask_json(l->d->public, "POST", "/v1/tokens", 403, "revoked",
			      "{'hsm_id':'%s','key_id':'key-000000','aud':'x'}", n->hex));
}

/* --- holdings and alerts, which only the store has whole ------------------------------- */

static int64_t count_of(struct life *l, const char *query)
{
	sqlite3_stmt *statement;
	char path[256];
	int64_t count;
	sqlite3 *db;

	daemon_file(l->d, "state/zkhsmd.db", path);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	assert_int_equal(sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return count;
}

static void check_holdings(struct life *l, const struct site *s)
{
	char query[320], *hex;
	size_t listed = 0;

	for (size_t i = 0; i < s->key_count; i++) {
		if (!s->keys[i].listed)
			continue;
		listed++;
		hex = zkhsm_hex(s->keys[i].element, 32);
		snprintf(query, sizeof(query),
			 "SELECT count(*) FROM holding WHERE hsm_id = x'%s' AND key_id = '%s' AND element = x'%s'",
			 s->hex, s->keys[i].id, hex);
		free(hex);
		if (count_of(l, query) != 1)
			fail_msg("%s is listed, and not held", s->keys[i].id);
	}
	snprintf(query, sizeof(query),
		 "SELECT count(*) FROM holding WHERE hsm_id = x'%s' AND key_id <> ''", s->hex);
	assert_int_equal(count_of(l, query), listed);
}

static void check_duplicates(struct life *l)
{
	/* Two that hold one key: whoever came second has an alert of its own. */
	assert_int_equal(count_of(l, "SELECT count(*) FROM (SELECT element FROM holding"
				  " GROUP BY element HAVING count(*) > 1) d WHERE NOT EXISTS (SELECT 1 FROM alert a"
				  " WHERE a.element = d.element AND a.code = 'duplicate')"), 0);
	/* No alert about a key that not two HSMs have: what raised it was not undone. */
	assert_int_equal(count_of(l, "SELECT count(*) FROM alert a WHERE a.code = 'duplicate' AND"
				  " (SELECT count(*) FROM holding h WHERE h.element = a.element) < 2"), 0);
}

/* @all: what earlier lives left as well, of which else only some is looked at. */
void kill_check(struct life *l, bool all)
{
	size_t from = all || l->newcomer_count < 10 ? 0 : l->newcomer_count - 10;

	check_audit(l);
	for (size_t i = 0; i < SITES; i++) {
		struct site *s = &l->sites[i];

		check_orders(l, i);
		check_evidence(l, s);
		for (size_t k = 0; k < s->key_count; k++) {
			if (all || s->keys[k].listed || k + 5 > s->key_count)
				check_key(l, s, &s->keys[k]);
		}
		check_holdings(l, s);
	}
	check_list(l);
	for (size_t n = from; n < l->newcomer_count; n++)
		check_newcomer(l, &l->newcomers[n]);
	check_duplicates(l);
	l->act_count = 0;
}
