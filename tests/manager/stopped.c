// SPDX-License-Identifier: GPL-2.0
/*
 * stopped.c - see stopped.h
 */
#include "stopped.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct daemon *stage;
struct reader reader;

/* --- an HSM, and what its kernel makes of the orders ------------------------ */

struct unit unit_new(void)
{
	static unsigned int number;
	char seed[32], id[16];
	struct unit u;

	memset(&u, 0, sizeof(u));
	snprintf(seed, sizeof(seed), "revocation %u", number++);
	u.p = prover_new(seed, KEYS);
	prover_pin(u.p, stage->order_public);
	prover_refresh(u.p);
	for (size_t i = 0; i < KEYS; i++) {
		snprintf(id, sizeof(id), "key-%06zu", i);
		zkhsm_element_name(1, prover_key(u.p, id)->entry.public, u.element[i]);
	}
	return u;
}

void unit_enrol(struct unit *u, const char *cluster)
{
	json_t *o;

	tell(attest(stage, u->p, 403, "pending"));
	if (cluster)
		o = ask_json(stage->admin, "POST", "/v1/admin/hsms", 201, NULL,
			     "{'hsm_id':'%s','name':'test','cluster':'%s'}", hex32(u->p->hsm_id),
			     cluster);
	else
		o = ask_json(stage->admin, "POST", "/v1/admin/hsms", 201, NULL,
			     "{'hsm_id':'%s','name':'test'}", hex32(u->p->hsm_id));
	json_decref(o);
}

/* What came since: each order changes something of each key, and nothing twice. */
void unit_obey(struct unit *u)
{
	struct zkhsm_order order;
	const json_t *all;
	uint8_t *bytes;
	size_t len;
	json_t *o;

	o = get(stage->admin, 200, NULL, "/v1/admin/orders/%s", hex32(u->p->hsm_id));
	len = json_array_size(json_object_get(o, "orders"));
	json_decref(o);
	if (len == u->seen)
		return;
	o = get(stage->public, 200, NULL, "/v1/hsms/%s/orders?after=%llu", hex32(u->p->hsm_id),
		(unsigned long long)u->seen);
	all = json_object_get(o, "orders");
	for (size_t i = 0; i < json_array_size(all); i++) {
		assert_int_equal(zkhsm_unb64(json_string_value(json_array_get(all, i)), &bytes,
					     &len), 0);
		assert_int_equal(zkhsm_order_verify(stage->order_public, bytes, len, &order, NULL), 0);
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
void unit_no_order(struct unit *u)
{
	const uint64_t before = u->seen;

	unit_obey(u);
	assert_int_equal(u->seen, before);
}

/* --- what everybody can see -------------------------------------------------- */

long long status_at(const char *uri, uint64_t index)
{
	char line[512];

	fprintf(reader.ask, "%s %llu\n", uri, (unsigned long long)index);
	fflush(reader.ask);
	assert_non_null(fgets(line, sizeof(line), reader.answer));
	if (line[0] == '!')
		fail_msg("statuslist.py: %s", line);
	return atoll(line);
}

json_t *payload_of(const char *jws, const char *typ)
{
	json_t *jwks = get(stage->public, 200, NULL, "/.well-known/zkhsm/jwks.json"), *payload = NULL;

	assert_int_equal(zkhsm_jws_verify(jwks, typ, jws, &payload, NULL), 0);
	json_decref(jwks);
	return payload;
}

json_t *revocation_list(void)
{
	struct zkhsm_response r = { 0 };
	json_t *payload;

	assert_int_equal(zkhsm_https_do(stage->public, "GET", "/v1/revocations", NULL, NULL, 0, &r,
					NULL), 0);
	assert_int_equal(r.status, 200);
	payload = payload_of((const char *)r.body, "zkhsm-revocations+jwt");
	zkhsm_response_free(&r);
	return payload;
}

int64_t list_number(void)
{
	json_t *list = revocation_list();
	int64_t number = number_of(list, "number");

	json_decref(list);
	return number;
}

/* Where the tokens of each key say that its status is. */
void unit_learn(struct unit *u)
{
	json_t *o, *token, *status;

	for (size_t k = 0; k < KEYS; k++) {
		o = ask_json(stage->public, "POST", "/v1/tokens", 200, NULL,
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

bool list_names(const json_t *list, const char *array, const char *scope, const char *member,
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

/* --- what is done -------------------------------------------------- */

const char *const scopes[SCOPES] = { "key", "element", "hsm", "cluster" };

void unit_act(const struct unit *u, const char *cluster, int scope, const char *action,
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
	o = ask_json(stage->admin, "POST", "/v1/admin/revocations", status, urn,
		     "{'action':'%s','scope':'%s','reason':'%s',%s}", action, scopes[scope], reason,
		     named);
	json_decref(o);
}

json_t *unit_move(const struct unit *u, const char *cluster, long status, const char *urn)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/cluster", hex32(u->p->hsm_id));
	return ask_json(stage->admin, "POST", path, status, urn, "{'cluster':'%s'}", cluster);
}

void unit_all_are(struct unit *u, uint8_t state)
{
	unit_obey(u);
	for (size_t k = 0; k < KEYS; k++)
		assert_int_equal(u->state[k], state);
}

/* --- statuslist.py -------------------------------------------------- */

void reader_start(void)
{
	char script[300] = __FILE__, ca[256], url[64];
	int to[2], from[2];

	strcpy(strrchr(script, '/'), "/statuslist.py");
	daemon_file(stage, "ca.pem", ca);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d", stage->port);
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

void reader_end(void)
{
	int status;

	fclose(reader.ask);
	fclose(reader.answer);
	assert_int_equal(waitpid(reader.pid, &status, 0), reader.pid);
	assert_int_equal(status, 0);
}
