// SPDX-License-Identifier: GPL-2.0
/*
 * test_roles.c - who may do what: every route for every role, what a name is, and acts
 * that take two
 */
#include "cli.h"
#include "raw.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/manager/role.h"

#define POLICY \
	"[roles]\nadministrators = alice, bob, ALICE, ali,ce\noperators = olga\n" \
	"auditors = audi*, !audit-not\nmetrics = prom\n"
#define TWO_ALL \
	"[two-person]\nactions = revoke-element, revoke-cluster, revoke-hsm, approve-configuration," \
	" trust-change, restore, release-quarantine, release-alert, end-enrolment, enroll, backup\n"

#define A ZKHSMD_ADMINISTRATOR
#define O ZKHSMD_OPERATOR
#define R ZKHSMD_AUDITOR
#define M ZKHSMD_METRICS
#define P SERVER_PUBLIC

/*
 * What each route ought to be. A new one has to be written down here: who may is a
 * decision, and this is the place where somebody makes it a second time.
 */
static const struct {
	enum evhttp_cmd_type method;
	const char *path;
	unsigned int roles;
} expected[] = {
	{ EVHTTP_REQ_GET, "/", P },
	{ EVHTTP_REQ_GET, "/web/{}", P },
	{ EVHTTP_REQ_GET, "/health/alive", P },
	{ EVHTTP_REQ_GET, "/health/ready", P },
	{ EVHTTP_REQ_GET, "/metrics", A | O | R | M },
	{ EVHTTP_REQ_GET, "/.well-known/zkhsm/manager", P },
	{ EVHTTP_REQ_GET, "/.well-known/zkhsm/jwks.json", P },
	{ EVHTTP_REQ_POST, "/v1/challenges", P },
	{ EVHTTP_REQ_POST, "/v1/evidence", P },
	{ EVHTTP_REQ_PUT, "/v1/lists/{}", P },
	{ EVHTTP_REQ_PUT, "/v1/configurations/{}", P },
	{ EVHTTP_REQ_GET, "/v1/hsms/{}/orders", P },
	{ EVHTTP_REQ_GET, "/v1/hsms/{}", P },
	{ EVHTTP_REQ_GET, "/v1/hsms/{}/keys/{}", P },
	{ EVHTTP_REQ_POST, "/v1/tokens", P },
	{ EVHTTP_REQ_POST, "/v1/grants", P },
	{ EVHTTP_REQ_GET, "/v1/revocations", P },
	{ EVHTTP_REQ_GET, "/v1/status-lists", P },
	{ EVHTTP_REQ_GET, "/v1/status-lists/{}", P },
	{ EVHTTP_REQ_GET, "/v1/admin/summary", A | O | R },
	{ EVHTTP_REQ_GET, "/v1/admin/hsms/{}/keys", A | O | R },
	{ EVHTTP_REQ_GET, "/v1/admin/pending", A | O | R },
	{ EVHTTP_REQ_POST, "/v1/admin/hsms", A | O },
	{ EVHTTP_REQ_GET, "/v1/admin/hsms", A | O | R },
	{ EVHTTP_REQ_DELETE, "/v1/admin/hsms/{}", A },
	{ EVHTTP_REQ_POST, "/v1/admin/hsms/{}/configuration", A | O },
	{ EVHTTP_REQ_POST, "/v1/admin/hsms/{}/restore", A },
	{ EVHTTP_REQ_POST, "/v1/admin/hsms/{}/trust-change", A },
	{ EVHTTP_REQ_POST, "/v1/admin/hsms/{}/cluster", A },
	{ EVHTTP_REQ_POST, "/v1/admin/hsms/{}/quarantine", A | O },
	{ EVHTTP_REQ_GET, "/v1/admin/hsms/{}/history", A | O | R },
	{ EVHTTP_REQ_GET, "/v1/admin/hsms/{}/keys/{}/history", A | O | R },
	{ EVHTTP_REQ_GET, "/v1/admin/hsms/{}/keys/{}/explain", A | O | R },
	{ EVHTTP_REQ_GET, "/v1/admin/policy", A | O | R },
	{ EVHTTP_REQ_POST, "/v1/admin/revocations", A | O },
	{ EVHTTP_REQ_GET, "/v1/admin/revocations", A | O | R },
	{ EVHTTP_REQ_GET, "/v1/admin/proposals", A | O | R },
	{ EVHTTP_REQ_DELETE, "/v1/admin/proposals/{}", A | O },
	{ EVHTTP_REQ_GET, "/v1/admin/audit", A | R },
	{ EVHTTP_REQ_GET, "/v1/admin/audit/head", A | R },
	{ EVHTTP_REQ_GET, "/v1/admin/alerts", A | O | R },
	{ EVHTTP_REQ_GET, "/v1/admin/alerts/{}", A | O | R },
	{ EVHTTP_REQ_POST, "/v1/admin/alerts/{}", A | O },
	{ EVHTTP_REQ_GET, "/v1/admin/orders/{}", A | O | R },
	{ EVHTTP_REQ_POST, "/v1/admin/backup", A },
};

/* A certificate for each: what it is called, its name, its roles. */
static const struct {
	const char *file, *cn;
	unsigned int roles;
} clients[] = {
	{ "alice", "alice", A }, { "bob", "bob", A }, { "olga", "olga", O },
	{ "auditor", "auditor", R }, { "prom", "prom", M }, { "nobody", "nobody", 0 },
};

static struct daemon *d;
static struct zkhsm_https *as[ARRAY_SIZE(clients)];
static struct zkhsm_https *alice, *bob, *olga, *auditor;

static void reach(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		as[i] = daemon_client(d, clients[i].file);
	alice = as[0];
	bob = as[1];
	olga = as[2];
	auditor = as[3];
}

static void unreach(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		zkhsm_https_free(as[i]);
}

static void start_with(const char *policy)
{
	daemon_policy(d, policy);
	daemon_configure(d, "", "false_per_minute = 1000000");
	daemon_start(d, 0);
	reach();
}

static int start(void **state)
{
	(void)state;
	d = daemon_new("", "");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		daemon_issue(d, clients[i].file, clients[i].cn);
	start_with(POLICY TWO_ALL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unreach();
	daemon_free(d);
	return 0;
}

/* --- all routes, all roles --------------------------------------------------- */

static const char *method_of(const struct server_route *r)
{
	return r->method == EVHTTP_REQ_GET ? "GET" : r->method == EVHTTP_REQ_POST ? "POST" :
	       r->method == EVHTTP_REQ_PUT ? "PUT" : "DELETE";
}

static void table(void **state)
{
	bool seen[ARRAY_SIZE(expected)] = { false };

	(void)state;
	for (size_t i = 0; i < zkhsmd_route_count; i++) {
		const struct server_route *r = &zkhsmd_routes[i];
		size_t k = 0;

		while (k < ARRAY_SIZE(expected) && (expected[k].method != r->method ||
						    strcmp(expected[k].path, r->path) != 0))
			k++;
		if (k == ARRAY_SIZE(expected))
			fail_msg("%s %s: who may? not in this test's table", method_of(r), r->path);
		if (r->roles != expected[k].roles)
			fail_msg("%s %s: roles are %x, not %x", method_of(r), r->path, r->roles,
				 expected[k].roles);
		seen[k] = true;
	}
	for (size_t k = 0; k < ARRAY_SIZE(expected); k++) {
		if (!seen[k])
			fail_msg("there is no route %s", expected[k].path);
	}
}

/* "/v1/hsms/{}/keys/{}" with something in it that is nothing. */
static void fill(const char *pattern, char path[128])
{
	size_t len = 0;

	for (; *pattern; pattern++) {
		if (strncmp(pattern, "{}", 2) == 0) {
			path[len++] = 'x';
			pattern++;
		} else {
			path[len++] = *pattern;
		}
	}
	path[len] = '\0';
}

/* Status, and whether it was for want of a role; the body is one that no handler takes. */
static long try(struct zkhsm_https *h, const struct server_route *r, bool *role)
{
	struct zkhsm_response answer = { 0 };
	char path[128];
	json_t *o;
	long status;

	fill(r->path, path);
	assert_int_equal(zkhsm_https_do(h, method_of(r), path, r->media, r->media ? "[]" : NULL,
					r->media ? 2 : 0, &answer, NULL), 0);
	o = json_loadb((const char *)answer.body, answer.body_len, 0, NULL);
	*role = json_is_object(o) && json_is_string(json_object_get(o, "type")) &&
		strcmp(text_of(o, "type"), "urn:zkhsm:role") == 0;
	if (*role)
		assert_true(answer.status == 403 && text_of(o, "needed")[0]);
	json_decref(o);
	status = answer.status;
	zkhsm_response_free(&answer);
	return status;
}

static void walk(void **state)
{
	bool role;
	long status;

	(void)state;
	for (size_t i = 0; i < zkhsmd_route_count; i++) {
		const struct server_route *r = &zkhsmd_routes[i];
		bool open = r->roles & SERVER_PUBLIC;

		/* It would make one each time: the roles of it are looked at elsewhere. */
		if (strcmp(r->path, "/v1/admin/backup") == 0)
			continue;
		status = try(d->public, r, &role);
		if (role || (status == 401) == open)
			fail_msg("%s %s without a certificate: %ld", method_of(r), r->path, status);
		status = try(d->stranger, r, &role);
		if (role || (status == 401) == open)
			fail_msg("%s %s for a stranger: %ld", method_of(r), r->path, status);
		for (size_t k = 0; k < ARRAY_SIZE(clients); k++) {
			bool may = open || r->roles & clients[k].roles;

			status = try(as[k], r, &role);
			if (role == may || status == 401)
				fail_msg("%s %s for %s: %ld", method_of(r), r->path, clients[k].cn,
					 status);
		}
	}
}

static const char id_x[] = "0000000000000000000000000000000000000000000000000000000000000001";

/* One route, three acts. */
static void operators(void **state)
{
	json_t *o;

	(void)state;
	o = ask_json(olga, "POST", "/v1/admin/revocations", 403, "role",
		     "{'action':'revoke','scope':'element','element':'%s','reason':'key-compromise'}",
		     id_x);
	assert_string_equal(text_of(o, "needed"), "administrator");
	assert_string_equal(text_of(o, "have"), "operator");
	json_decref(o);
	tell(ask_json(olga, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'hold','scope':'element','element':'%s','reason':'certificate-hold'}",
		      id_x));
	tell(ask_json(auditor, "POST", "/v1/admin/revocations", 403, "role",
		      "{'action':'hold','scope':'element','element':'%s','reason':'certificate-hold'}",
		      id_x));
}

/* --- what a name is --------------------------------------------------------- */

struct cn {
	const char *bytes;
	int len, type;			/* of ASN.1 */
};

static void names(const struct cn *cns, size_t count, long status)
{
	X509_NAME *subject = X509_NAME_new();
	struct zkhsm_https *h;
	struct tls_cert c;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(X509_NAME_add_entry_by_NID(subject, NID_commonName, cns[i].type,
				 (const unsigned char *)cns[i].bytes, cns[i].len, -1, 0), 1);
	c = tls_cert_of(subject, NULL, &d->ca);
	daemon_save(d, "odd", &c);
	h = daemon_client(d, "odd");
	tell(get(h, status, status == 403 ? "role" : NULL, "/v1/admin/hsms"));
	zkhsm_https_free(h);
	tls_cert_free(&c);
	X509_NAME_free(subject);
}

#define UTF8(text)	{ text, sizeof(text) - 1, V_ASN1_UTF8STRING }

static void name(const char *text, long status)
{
	const struct cn cn = { text, (int)strlen(text), V_ASN1_UTF8STRING };

	names(&cn, 1, status);
}

static void exact(void **state)
{
	static const struct cn nul[] = { UTF8("alice\0.example") }, end_nul[] = { UTF8("alice\0") };
	static const struct cn two[] = { UTF8("alice"), UTF8("eve") };
	static const struct cn other_two[] = { UTF8("eve"), UTF8("alice") };
	static const struct cn same_two[] = { UTF8("alice"), UTF8("alice") };
	static const struct cn bmp = { "\0a\0l\0i\0c\0e", 10, V_ASN1_BMPSTRING };
	static const struct cn bmp_nul = { "\0a\0l\0i\0c\0e\0\0", 12, V_ASN1_BMPSTRING };

	(void)state;
	name("alice", 200);
	/* The same name, written in another way. */
	names(&bmp, 1, 200);
	name("alice2", 403);
	name("xalice", 403);
	name("Alice", 403);
	name("alice ", 403);
	name(" alice", 403);
	name("alice,eve", 403);
	name("alice, bob", 403);
	name("eve/CN=alice", 403);
	name("CN=alice", 403);
	name("*", 403);
	name("alic?", 403);
	name("alice\n", 403);
	name("al\xc2\xad" "ice", 403);		/* a soft hyphen, which nobody sees */
	name("\xe2\x80\xae" "alice", 403);
	name("audit", 200);
	name("audit-not", 403);
	names(nul, 1, 403);
	names(end_nul, 1, 403);
	names(&bmp_nul, 1, 403);
	names(two, 2, 403);
	names(other_two, 2, 403);
	names(same_two, 2, 403);
	names(NULL, 0, 403);
}

static bool kept_is(struct raw *r, const char *status)
{
	const char *answer;

	raw_say(r, "GET /v1/admin/hsms HTTP/1.1\r\nHost: x\r\n\r\n");
	answer = raw_hear(r);
	assert_memory_equal(answer, "HTTP/1.1 ", 9);
	return strncmp(answer + 9, status, 3) == 0;
}

/* A connection that is kept is nobody's once its certificate has ended. */
static void expired(void **state)
{
	const int64_t until = now_ms() + 60000;
	struct tls_cert c;
	struct raw r;

	(void)state;
	/* As short as this machine can make use of. */
	for (long life_s = 3; ; life_s *= 2) {
		c = tls_cert_new("alice", NULL, &d->ca);
		tls_cert_expire(&c, life_s, &d->ca);
		daemon_save(d, "short", &c);
		tls_cert_free(&c);
		assert_int_equal(raw_connect_as(d, &r, "short"), 0);
		if (kept_is(&r, "200"))
			break;
		raw_close(&r);
		assert_true(now_ms() < until);
	}
	while (!kept_is(&r, "401")) {
		assert_true(now_ms() < until);
		sleep_ms(100);
	}
	raw_close(&r);
}

/* --- two administrators --------------------------------------------------------- */

static json_t *propose(struct zkhsm_https *h, const char *path, const char *body)
{
	json_t *o = ask(h, "POST", path, body ? JSON : NULL, body, body ? strlen(body) : 0, 202, NULL);

	assert_int_equal(strlen(text_of(o, "proposal")), 64);
	return o;
}

static size_t waiting(void)
{
	json_t *o = get(alice, 200, NULL, "/v1/admin/proposals");
	size_t count = json_array_size(json_object_get(o, "proposals"));

	json_decref(o);
	return count;
}

static void body_of(char body[256], const char *element)
{
	snprintf(body, 256,
		 "{\"action\":\"revoke\",\"scope\":\"element\",\"element\":\"%s\",\"reason\":\"key-compromise\"}",
		 element);
}

#define REVOCATIONS	"/v1/admin/revocations"

static void two(void **state)
{
	static const char element[] =
		"2200000000000000000000000000000000000000000000000000000000000001";
	struct zkhsm_https *again, *shouting;
	char body[256], sorted[256];
	json_t *o, *list, *row;

	(void)state;
	body_of(body, element);
	o = propose(alice, REVOCATIONS, body);
	assert_string_equal(text_of(o, "action"), "revoke-element");
	list = get(auditor, 200, NULL, "/v1/admin/proposals");
	row = json_array_get(json_object_get(list, "proposals"), 0);
	assert_string_equal(text_of(row, "proposal"), text_of(o, "proposal"));
	assert_string_equal(text_of(row, "proposed_by"), "alice");
	assert_string_equal(text_of(json_object_get(json_object_get(row, "request"), "body"),
				    "element"), element);
	json_decref(list);

	/* Not by herself: not so, not with a certificate more, not in capitals. */
	tell(ask(alice, "POST", REVOCATIONS, JSON, body, strlen(body), 403, "two-person"));
	daemon_issue(d, "again", "alice");
	again = daemon_client(d, "again");
	tell(ask(again, "POST", REVOCATIONS, JSON, body, strlen(body), 403, "two-person"));
	zkhsm_https_free(again);
	daemon_issue(d, "shouting", "ALICE");
	shouting = daemon_client(d, "shouting");
	tell(ask(shouting, "POST", REVOCATIONS, JSON, body, strlen(body), 403, "two-person"));
	zkhsm_https_free(shouting);
	/* Somebody without the role is no second administrator. */
	tell(ask(olga, "POST", REVOCATIONS, JSON, body, strlen(body), 403, "role"));
	assert_int_equal(waiting(), 1);

	/* Anything else is another request. */
	snprintf(sorted, sizeof(sorted),
		 "{ \"reason\": \"superseded\", \"element\":\"%s\", \"scope\":\"element\", \"action\":\"revoke\" }",
		 element);
	tell(propose(bob, REVOCATIONS, sorted));
	tell(propose(bob, REVOCATIONS "?x=1", body));
	assert_int_equal(waiting(), 3);
	/* The same in another order and with blanks is the same. */
	snprintf(sorted, sizeof(sorted),
		 "{ \"reason\": \"key-compromise\", \"element\":\"%s\", \"scope\":\"element\", \"action\":\"revoke\" }",
		 element);
	tell(ask(bob, "POST", REVOCATIONS, JSON, sorted, strlen(sorted), 201, NULL));
	assert_int_equal(waiting(), 2);
	tell(ask(alice, "POST", REVOCATIONS, JSON, body, strlen(body), 409, "already"));
	daemon_log_wait(d, "action=approve");
	json_decref(o);
}

static void withdrawn(void **state)
{
	json_t *list = get(alice, 200, NULL, "/v1/admin/proposals"), *all;
	char path[128];

	(void)state;
	all = json_object_get(list, "proposals");
	assert_int_equal(json_array_size(all), 2);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/v1/admin/proposals/%s",
			 text_of(json_array_get(all, i), "proposal"));
		/* bob's: not an operator's to end. */
		tell(ask(olga, "DELETE", path, NULL, NULL, 0, 403, "role"));
		tell(ask(auditor, "DELETE", path, NULL, NULL, 0, 403, "role"));
		tell(ask(alice, "DELETE", path, NULL, NULL, 0, 204, NULL));
		tell(ask(alice, "DELETE", path, NULL, NULL, 0, 404, "unknown"));
	}
	tell(ask(alice, "DELETE", "/v1/admin/proposals/x", NULL, NULL, 0, 400, "request"));
	assert_int_equal(waiting(), 0);
	json_decref(list);
}

/* Two proposals of one thing: what the second act finds done does not use up its proposal. */
static void kept(void **state)
{
	struct prover *p = prover_new("two-person", 1);
	char *config, body[1024], path[160];

	(void)state;
	prover_pin(p, d->order_public);
	prover_refresh(p);
	tell(attest(d, p, 403, "pending"));
	snprintf(body, sizeof(body), "{\"hsm_id\":\"%s\",\"name\":\"two\"}", hex32(p->hsm_id));
	/* An operator may propose what an operator may do. */
	tell(propose(olga, "/v1/admin/hsms", body));
	tell(ask(bob, "POST", "/v1/admin/hsms", JSON, body, strlen(body), 201, NULL));
	tell(attest(d, p, 200, NULL));

	config = zkhsm_b64(p->config_bytes, p->config_len);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/trust-change", hex32(p->hsm_id));
	snprintf(body, sizeof(body), "{\"configuration\":\"%s\",\"previous\":\"%s\"}", config, id_x);
	free(config);
	tell(propose(alice, path, body));
	tell(ask(bob, "POST", path, JSON, body, strlen(body), 201, NULL));
	assert_int_equal(waiting(), 0);
	/* The same again: proposed, but it is on its way, and stays proposed. */
	tell(propose(alice, path, body));
	tell(ask(bob, "POST", path, JSON, body, strlen(body), 409, "already"));
	assert_int_equal(waiting(), 1);
	tell(ask(bob, "POST", path, JSON, body, strlen(body), 409, "already"));
	assert_int_equal(waiting(), 1);
	prover_free(p);
}

/* What waits is in the store; who proposed it has to be somebody still. */
static void restarts(void **state)
{
	static const char element[] =
		"3300000000000000000000000000000000000000000000000000000000000001";
	char body[256];
	size_t before = waiting();

	(void)state;
	body_of(body, element);
	tell(propose(alice, REVOCATIONS, body));
	unreach();
	daemon_end(d, SIGKILL);
	daemon_start(d, 0);
	reach();
	assert_int_equal(waiting(), before + 1);
	tell(ask(bob, "POST", REVOCATIONS, JSON, body, strlen(body), 201, NULL));

	body_of(body, "4400000000000000000000000000000000000000000000000000000000000001");
	tell(propose(alice, REVOCATIONS, body));
	unreach();
	daemon_end(d, SIGTERM);
	start_with("[roles]\nadministrators = bob\noperators = alice\n" TWO_ALL);
	tell(ask(bob, "POST", REVOCATIONS, JSON, body, strlen(body), 409, "proposal-expired"));
	tell(propose(bob, REVOCATIONS, body));
}

static struct prover *attested(const char *seed, const char *cluster)
{
	struct prover *p = prover_new(seed, 1);

	prover_pin(p, d->order_public);
	prover_refresh(p);
	tell(attest(d, p, 403, "pending"));
	tell(ask_json(alice, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'%s','cluster':'%s'}", hex32(p->hsm_id), seed, cluster));
	tell(attest(d, p, 200, NULL));
	return p;
}

/* What takes two takes two by every way to it, and is nobody's whose it is not. */
static void by_the_back_door(void **state)
{
	static const char release[] = "{\"action\":\"release\",\"note\":\"x\"}",
		revoked[] = "{\"cluster\":\"gone\"}";
	struct prover *p, *q;
	char path[160];
	json_t *o;

	(void)state;
	unreach();
	daemon_end(d, SIGTERM);
	start_with(POLICY "[two-person]\nactions = release-quarantine, revoke-hsm\n");
	p = attested("back door", "");
	/* The end of a quarantine, by releasing its alert. */
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/quarantine", hex32(p->hsm_id));
	tell(ask_json(alice, "POST", path, 200, NULL, "{'action':'quarantine','note':'x'}"));
	tell(propose(alice, path, release));
	o = get(alice, 200, NULL, "/v1/admin/alerts?state=open");
	snprintf(path, sizeof(path), "/v1/admin/alerts/%lld",
		 (long long)number_of(json_array_get(json_object_get(o, "alerts"), 0), "row"));
	json_decref(o);
	o = propose(alice, path, release);
	assert_string_equal(text_of(o, "action"), "release-quarantine");
	json_decref(o);
	tell(ask(alice, "POST", path, JSON, release, strlen(release), 403, "two-person"));
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(p->hsm_id));
	assert_string_equal(text_of(o, "state"), "quarantined");
	json_decref(o);
	o = ask(bob, "POST", path, JSON, release, strlen(release), 200, NULL);
	assert_true(json_is_true(json_object_get(o, "quarantine_ended")));
	json_decref(o);
	/* One that stops nothing is one administrator's. */
	tell(ask(alice, "POST", path, JSON, release, strlen(release), 409, "already"));

	/* A revocation, by moving it to where all is revoked. */
	q = attested("revoked", "gone");
	tell(ask_json(alice, "POST", REVOCATIONS, 201, NULL,
		      "{'action':'revoke','scope':'cluster','cluster':'gone','reason':'superseded'}"));
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/cluster", hex32(p->hsm_id));
	o = propose(alice, path, revoked);
	assert_string_equal(text_of(o, "action"), "revoke-hsm");
	json_decref(o);
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(p->hsm_id));
	assert_string_equal(text_of(o, "state"), "attested");
	json_decref(o);
	tell(ask_json(alice, "POST", path, 200, NULL, "{'cluster':'elsewhere'}"));
	tell(ask(bob, "POST", path, JSON, revoked, strlen(revoked), 200, NULL));
	o = get(d->public, 200, NULL, "/v1/hsms/%s", hex32(p->hsm_id));
	assert_string_equal(text_of(o, "state"), "revoked");
	json_decref(o);

	/* Or by enrolling it there, which operators can; not so. */
	prover_free(p);
	p = prover_new("not enrolled", 1);
	prover_pin(p, d->order_public);
	prover_refresh(p);
	tell(attest(d, p, 403, "pending"));
	tell(ask_json(olga, "POST", "/v1/admin/hsms", 403, "role",
		      "{'hsm_id':'%s','name':'x','cluster':'gone'}", hex32(p->hsm_id)));
	tell(ask_json(alice, "POST", "/v1/admin/hsms", 202, NULL,
		      "{'hsm_id':'%s','name':'x','cluster':'gone'}", hex32(p->hsm_id)));
	tell(ask_json(olga, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'x','cluster':'here'}", hex32(p->hsm_id)));
	prover_free(p);
	prover_free(q);
}

static void expires(void **state)
{
	char body[256];

	(void)state;
	unreach();
	daemon_end(d, SIGTERM);
	start_with(POLICY "[two-person]\nactions = revoke-element\nwindow = 1s\n");
	body_of(body, "5500000000000000000000000000000000000000000000000000000000000001");
	tell(propose(alice, REVOCATIONS, body));
	sleep_ms(1100);
	tell(ask(bob, "POST", REVOCATIONS, JSON, body, strlen(body), 409, "proposal-expired"));
	daemon_log_wait(d, "action=proposal-expired");
	/* It is gone: who asks next is the first one. */
	tell(propose(bob, REVOCATIONS, body));
	sleep_ms(1100);
	/* And the first one renews it. */
	tell(propose(bob, REVOCATIONS, body));
	tell(ask(alice, "POST", REVOCATIONS, JSON, body, strlen(body), 201, NULL));
}

static void command_line(void **state)
{
	static const char element[] =
		"6600000000000000000000000000000000000000000000000000000000000001";
	char said[4096], id[65], *at;

	(void)state;
	unreach();
	daemon_end(d, SIGTERM);
	start_with(POLICY TWO_ALL);
	/* Only proposed is not done. */
	assert_int_equal(cli_run(d, "alice", said, sizeof(said), "manager", "revoke", "--element",
				 element, "--reason", "key-compromise", NULL), 1);
	assert_non_null(strstr(said, "takes two administrators"));
	at = strstr(said, "manager approve ");
	assert_non_null(at);
	snprintf(id, sizeof(id), "%.16s", at + 16);
	assert_int_equal(cli_run(d, "bob", said, sizeof(said), "manager", "proposals", NULL), 0);
	assert_true(strstr(said, id) && strstr(said, "revoke-element") && strstr(said, "alice") &&
		    strstr(said, element));
	assert_int_equal(cli_run(d, "alice", said, sizeof(said), "manager", "approve", id, NULL), 1);
	assert_non_null(strstr(said, "somebody else"));
	assert_int_equal(cli_run(d, "bob", said, sizeof(said), "manager", "approve", "0000", NULL), 2);
	assert_int_equal(cli_run(d, "bob", said, sizeof(said), "manager", "approve", "00000000", NULL),
			 1);
	assert_non_null(strstr(said, "no proposal"));
	assert_int_equal(cli_run(d, "bob", said, sizeof(said), "manager", "approve", id, NULL), 0);
	assert_non_null(strstr(said, "revocation"));
	assert_int_equal(cli_run(d, "alice", said, sizeof(said), "manager", "release", "--element",
				 id_x, "--reason", "superseded", NULL), 1);
	at = strstr(said, "manager approve ");
	assert_non_null(at);
	snprintf(id, sizeof(id), "%.16s", at + 16);
	assert_int_equal(cli_run(d, "bob", said, sizeof(said), "manager", "withdraw", id, NULL), 0);
	assert_int_equal(cli_run(d, "bob", said, sizeof(said), "manager", "approve", id, NULL), 1);
}

/* Without [roles] all are administrators, but not those whose name is no name. */
static void without(void **state)
{
	static const struct cn both[] = { UTF8("admin"), UTF8("eve") };

	(void)state;
	unreach();
	daemon_end(d, SIGTERM);
	start_with("[two-person]\nactions = revoke-element\n");
	tell(get(as[5], 200, NULL, "/v1/admin/hsms"));
	names(NULL, 0, 200);
	names(both, 2, 403);
}

static void refused_policies(void **state)
{
	static const struct { const char *text, *why; } bad[] = {
		{ "[roles]\nauditors = x\n", "names no administrators" },
		{ "[roles]\nadministrators = [x\n", "not a pattern" },
		{ "[roles]\nroots = x\n", "roots" },
		{ "[two-person]\nactions = revoke-all\n", "revoke-all" },
		{ "[two-person]\nactions = enroll, enroll\n", "enroll" },
		{ "[two-person]\nwindow = 10\n", "window" },
	};
	char said[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		daemon_policy(d, bad[i].text);
		assert_int_equal(daemon_run(d, "--check-config", said, sizeof(said)), 1);
		if (!strstr(said, bad[i].why))
			fail_msg("\"%s\": %s", bad[i].text, said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table), cmocka_unit_test(walk), cmocka_unit_test(operators),
		cmocka_unit_test(exact), cmocka_unit_test(expired),
		cmocka_unit_test(two), cmocka_unit_test(withdrawn),
		cmocka_unit_test(kept), cmocka_unit_test(restarts), cmocka_unit_test(expires),
		cmocka_unit_test(by_the_back_door),
		cmocka_unit_test(command_line), cmocka_unit_test(without),
		cmocka_unit_test(refused_policies),
	};

	return cmocka_run_group_tests(tests, start, end);
}
