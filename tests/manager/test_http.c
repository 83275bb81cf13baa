// SPDX-License-Identifier: GPL-2.0
/*
 * test_http.c - the HTTP boundary: methods, media types, sizes, JSON, client
 * certificates, slow and many clients
 */
#include "daemon.h"
#include "raw.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS	12

static struct daemon *d;

static int start(void **state)
{
	(void)state;
	d = daemon_new("", "connections = 12\nlarge_requests = 1\nlong_polls = 2\n"
		       "nonces_per_hsm = 4\nnonces = 20\nrequest = 1s\nlarge_request = 2s\nidle = 1s\n"
		       "false_per_minute = 3\nlist_bytes = 200000\n");
	daemon_start(d, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	return 0;
}

static int raw_connect(struct raw *r, int max_version, int receive_buffer)
{
	return raw_connect_from(d, r, 1, max_version, receive_buffer);
}

/* --- tests ---------------------------------------------------------------- */

static void basics(void **state)
{
	struct zkhsm_response r = { 0 };
	json_t *o;

	(void)state;
	o = get(d->public, 200, NULL, "/health/alive");
	assert_string_equal(text_of(o, "status"), "ok");
	json_decref(o);
	o = get(d->public, 200, NULL, "/health/ready");
	assert_string_equal(text_of(o, "status"), "ok");
	json_decref(o);
	o = get(d->public, 200, NULL, "/.well-known/zkhsm/manager");
	assert_int_equal(number_of(o, "max_age_ms"), 3600000);
	assert_string_equal(text_of(o, "issuer") + strlen("zkhsm:"), hex32(d->manager_id));
	json_decref(o);
	assert_int_equal(zkhsm_https_do(d->public, "GET", "/.well-known/zkhsm/jwks.json", NULL,
					NULL, 0, &r, NULL), 0);
	assert_string_equal(r.content_type, "application/jwk-set+json");
	zkhsm_response_free(&r);
}

static void paths_and_methods(void **state)
{
	(void)state;
	tell(get(d->public, 404, "path", "/none"));
	tell(get(d->public, 404, "path", "/v1"));
	tell(get(d->public, 404, "path", "/v1/hsms/"));
	tell(get(d->public, 404, "path", "/v1/hsms/a/b/c/d"));
	tell(get(d->public, 404, "path", "/v2/challenges"));
	tell(get(d->public, 405, "method", "/v1/challenges"));
	tell(ask(d->public, "DELETE", "/v1/evidence", NULL, NULL, 0, 405, "method"));
	tell(ask(d->public, "PUT", "/health/alive", JSON, "{}", 2, 405, "method"));
	tell(get(d->public, 400, "request", "/v1/hsms/xyz"));
	tell(get(d->public, 400, "request", "/v1/hsms/%064d/keys/%%2e%%2f", 0));
	tell(get(d->public, 400, "request", "/v1/hsms/%064d/keys/.a", 0));
}

static void bodies(void **state)
{
	char big[9000];

	(void)state;
	memset(big, ' ', sizeof(big));
	tell(ask(d->public, "POST", "/v1/evidence", JSON, "{}", 2, 415, "media-type"));
	tell(ask(d->public, "POST", "/v1/challenges", EVIDENCE, "{}", 2, 415, "media-type"));
	tell(ask(d->public, "POST", "/v1/challenges", "application/jsonx", "{}", 2, 415,
		 "media-type"));
	tell(ask(d->public, "POST", "/v1/evidence", EVIDENCE, big, 4097, 413, "too-large"));
	tell(ask(d->public, "POST", "/v1/challenges", JSON, big, 8193, 413, "too-large"));
	tell(ask(d->public, "PUT", "/v1/configurations/0", CONFIGURATION, big, 2049, 413,
		 "too-large"));
	tell(ask(d->public, "PUT", "/v1/lists/0", DELTA, big, 200, 400, "request"));
}

static void broken_json(void **state)
{
	static const char *const bodies[] = {
		"", "{", "[]", "null", "\"x\"", "{}", "{\"hsm_id\":1}", "{\"hsm_id\":null}",
		"{\"hsm_id\":\"00\"}", "{\"hsm_id\":\"\xff\"}", "{\"hsm_id\":\"a\\u0000b\"}",
		"{\"hsm_id\":\"x\"} {}", "{\"hsm_id\":\"x\",}", "{'hsm_id':'x'}",
		"{\"hsm_id\":\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"hsm_id\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
		"{\"hsm_id\":\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"more\":1}",
		"{\"hsm_id\":\"000000000000000000000000000000000000000000000000000000000000000A\"}",
	};
	static const char *const routes[] = {
		"/v1/challenges", "/v1/tokens", "/v1/admin/hsms", "/v1/admin/revocations",
	};
	char deep[8001];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(routes); j++)
			tell(ask(d->admin, "POST", routes[j], JSON, bodies[i], strlen(bodies[i]),
				 400, "request"));
	}
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	tell(ask(d->public, "POST", "/v1/challenges", JSON, deep, strlen(deep), 400, "request"));
	tell(ask_json(d->public, "POST", "/v1/tokens", 400, "request",
		      "{'hsm_id':'%064d','key_id':'a','aud':'x','nonce':'short'}", 0));
	tell(ask_json(d->public, "POST", "/v1/tokens", 400, "request",
		      "{'hsm_id':'%064d','key_id':'a','aud':''}", 0));
	tell(ask_json(d->public, "POST", "/v1/tokens", 400, "request",
		      "{'hsm_id':'%064d','key_id':'a','aud':'x','x5t#S256':'AAAA'}", 0));
	tell(ask_json(d->public, "POST", "/v1/tokens", 400, "request",
		      "{'hsm_id':'%064d','key_id':' a','aud':'x'}", 0));
}

static void broken_queries(void **state)
{
	static const char *const queries[] = { "?x", "?=1", "?a=1&b", "?a=1&=", "?&" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++)
		tell(get(d->public, 400, "request", "/health/alive%s", queries[i]));
	tell(get(d->public, 200, NULL, "/health/alive?"));
	tell(get(d->public, 200, NULL, "/health/alive?a=1"));
}

/* Whose list it is has to be said, and to be true, before it is looked at. */
static void broken_identities(void **state)
{
	static const char *const identities[] = {
		"", "?identity=", "?identity=04", "?identity=%20", "?other=04",
	};
	char path[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(identities); i++) {
		snprintf(path, sizeof(path), "/v1/lists/%064d%s", 0, identities[i]);
		tell(ask(d->public, "PUT", path, LIST, "x", 1, 400, "request"));
	}
	/* In capitals it would be a second name for the same. */
	snprintf(path, sizeof(path), "/v1/lists/%064d?identity=04%0127dA", 0, 0);
	tell(ask(d->public, "PUT", path, LIST, "x", 1, 400, "request"));
	tell(ask(d->public, "PUT", "/v1/lists/0", LIST, "x", 1, 400, "request"));
}

static void broken_administration(void **state)
{
	(void)state;
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 400, "request",
		      "{'hsm_id':'%064d','name':''}", 0));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 400, "request",
		      "{'hsm_id':'%064d','name':'a\\u0001'}", 0));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 400, "request",
		      "{'hsm_id':'%064d','name':'a','config_digest':'00'}", 0));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'end','scope':'hsm','hsm_id':'%064d','reason':'superseded'}", 0));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'revoke','scope':'hsm','hsm_id':'%064d','reason':'bad'}", 0));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'revoke','scope':'hsm','hsm_id':'%064d','reason':'unused'}", 0));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'revoke','scope':'hsm','hsm_id':'%064d','key_id':'a','reason':'superseded'}",
		      0));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 400, "request",
		      "{'action':'revoke','scope':'all','reason':'superseded'}"));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 404, "unknown",
		      "{'action':'revoke','scope':'hsm','hsm_id':'%064d','reason':'superseded'}", 0));
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 404, "unknown",
		      "{'action':'revoke','scope':'key','hsm_id':'%064d','key_id':'a','reason':'superseded'}",
		      0));
	tell(get(d->admin, 404, "unknown", "/v1/admin/orders/%064d", 0));
}

static void administrators_only(void **state)
{
	static const struct { const char *method, *path; } routes[] = {
		{ "GET", "/v1/admin/pending" }, { "GET", "/v1/admin/hsms" },
		{ "POST", "/v1/admin/hsms" }, { "DELETE", "/v1/admin/hsms/0" },
		{ "POST", "/v1/admin/hsms/0/configuration" }, { "POST", "/v1/admin/revocations" },
		{ "GET", "/v1/admin/orders/0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		bool post = strcmp(routes[i].method, "POST") == 0;

		tell(ask(d->public, routes[i].method, routes[i].path, post ? JSON : NULL,
			 post ? "{}" : NULL, post ? 2 : 0, 401, "client-certificate"));
		/* A certificate of somebody else's CA is no certificate. */
		tell(ask(d->stranger, routes[i].method, routes[i].path, post ? JSON : NULL,
			 post ? "{}" : NULL, post ? 2 : 0, 401, "client-certificate"));
	}
	tell(get(d->stranger, 200, NULL, "/health/alive"));
	tell(get(d->admin, 200, NULL, "/v1/admin/hsms"));
}

static void tls_version(void **state)
{
	struct raw r;

	(void)state;
	assert_int_equal(raw_connect(&r, TLS1_2_VERSION, 0), -1);
	raw_close(&r);
	assert_int_equal(raw_connect(&r, TLS1_3_VERSION, 0), 0);
	raw_close(&r);
}

static void request_ids(void **state)
{
	struct raw r;
	const char *answer;

	(void)state;
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	raw_say(&r, "GET /nope HTTP/1.1\r\nHost: x\r\nX-Request-Id: my-own-1\r\n\r\n");
	answer = raw_hear(&r);
	assert_non_null(strstr(answer, "HTTP/1.1 404"));
	assert_non_null(strstr(answer, "X-Request-Id: my-own-1\r\n"));
	raw_close(&r);
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	raw_say(&r, "GET /nope HTTP/1.1\r\nHost: x\r\nX-Request-Id: bad id\r\n\r\n");
	answer = raw_hear(&r);
	assert_non_null(strstr(answer, "X-Request-Id: "));
	assert_null(strstr(answer, "bad id"));
	raw_close(&r);
}

static void not_http(void **state)
{
	static const char *const starts[] = {
		"rubbish\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\r\n\r\n\r\n",
		"POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
	};
	char head[16384];
	struct raw r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		const char *answer;

		assert_int_equal(raw_connect(&r, 0, 0), 0);
		raw_say(&r, starts[i]);
		answer = raw_hear(&r);
		/* Refused or closed, and never taken for a request. */
		if (answer[0] && strncmp(answer, "HTTP/1.1 4", 10) != 0 &&
		    strncmp(answer, "HTTP/1.0 4", 10) != 0)
			fail_msg("%s was answered with %s", starts[i], answer);
		raw_close(&r);
	}
	/* A head without end. */
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	memset(head, 'a', sizeof(head));
	snprintf(head, 40, "GET / HTTP/1.1\r\nX: ");
	head[strlen(head)] = 'a';
	head[sizeof(head) - 1] = '\0';
	SSL_write(r.ssl, head, (int)strlen(head));
	assert_non_null(strstr(raw_hear(&r), " 400 "));
	raw_close(&r);
	tell(get(d->public, 200, NULL, "/health/alive"));
}

/* A body that one reader sees and another takes for the next request. */
static void hidden_requests(void **state)
{
	static const char *const starts[] = {
		"GET /health/alive HTTP/1.1\r\nHost: x\r\nContent-Length: 44\r\n\r\n",
		"GET /health/alive HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"DELETE /health/alive HTTP/1.1\r\nHost: x\r\nContent-Length: 44\r\n\r\n",
		"GET /health/alive HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
		"POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Type: " JSON
		"\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Type: " JSON
		"\r\nContent-Length: 2\r\nContent-Length: 44\r\n\r\n{}",
	};
	const char *answer;
	struct raw r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		assert_int_equal(raw_connect(&r, 0, 0), 0);
		raw_say(&r, starts[i]);
		raw_say(&r, "GET /health/ready HTTP/1.1\r\nHost: hidden\r\n\r\n");
		answer = raw_hear(&r);
		/* 400, or libevent's own 413 where what follows is no chunk. */
		if (strncmp(answer, "HTTP/1.1 4", 10) != 0)
			fail_msg("%s was answered with %s", starts[i], answer);
		assert_true(raw_closed(&r));
		raw_close(&r);
	}
}

static void large_requests(void **state)
{
	char *body = calloc(1, 300000), head[256];
	struct raw first, second;

	(void)state;
	/* More than any route takes. */
	assert_int_equal(raw_connect(&first, 0, 0), 0);
	snprintf(head, sizeof(head), "PUT /v1/lists/0 HTTP/1.1\r\nHost: x\r\nContent-Type: " LIST
		 "\r\nContent-Length: 300000\r\n\r\n");
	raw_say(&first, head);
	assert_non_null(strstr(raw_hear(&first), " 413 "));
	raw_close(&first);
	/* One at a time may be large; the second is closed, and the first after its time. */
	snprintf(head, sizeof(head), "PUT /v1/lists/0 HTTP/1.1\r\nHost: x\r\nContent-Type: " LIST
		 "\r\nContent-Length: 150000\r\n\r\n");
	assert_int_equal(raw_connect(&first, 0, 0), 0);
	raw_say(&first, head);
	assert_int_equal(SSL_write(first.ssl, body, 100000), 100000);
	assert_int_equal(raw_connect(&second, 0, 0), 0);
	raw_say(&second, head);
	SSL_write(second.ssl, body, 100000);
	assert_string_equal(raw_hear(&second), "");
	raw_close(&second);
	assert_string_equal(raw_hear(&first), "");
	raw_close(&first);
	/* Who dawdles for more than a second loses the place to the next. */
	assert_int_equal(raw_connect(&first, 0, 0), 0);
	raw_say(&first, head);
	assert_int_equal(SSL_write(first.ssl, body, 66000), 66000);
	poll(NULL, 0, 1300);
	assert_int_equal(raw_connect(&second, 0, 0), 0);
	raw_say(&second, head);
	assert_int_equal(SSL_write(second.ssl, body, 150000), 150000);
	assert_non_null(strstr(raw_hear(&second), " 400 "));
	raw_close(&second);
	assert_string_equal(raw_hear(&first), "");
	raw_close(&first);
	free(body);
	tell(get(d->public, 200, NULL, "/health/alive"));
}

static void slow_clients(void **state)
{
	struct raw r;

	(void)state;
	/* Nothing at all; half a head; a head and half a body; byte by byte. */
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	assert_string_equal(raw_hear(&r), "");
	raw_close(&r);
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	raw_say(&r, "GET /health/al");
	assert_string_equal(raw_hear(&r), "");
	raw_close(&r);
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	raw_say(&r, "POST /v1/challenges HTTP/1.1\r\nHost: x\r\nContent-Type: " JSON
		"\r\nContent-Length: 100\r\n\r\n{");
	assert_string_equal(raw_hear(&r), "");
	raw_close(&r);
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	raw_say(&r, "GET /health/alive HTTP/1.1\r\nX-Slow: ");
	for (int i = 0; i < 200; i++) {
		struct pollfd p = { .fd = r.fd, .events = POLLIN };

		if (SSL_write(r.ssl, "a", 1) != 1 || poll(&p, 1, 50) == 1)
			break;
		assert_int_not_equal(i, 199);
	}
	assert_string_equal(raw_hear(&r), "");
	raw_close(&r);
	/* Idle after an answer. */
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	raw_say(&r, "GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(raw_hear(&r), "200 OK"));
	assert_true(raw_closed(&r));
	raw_close(&r);
}

static void many_connections(void **state)
{
	struct raw r[3 * CONNECTIONS];

	(void)state;
	/* All that were answered and stay idle make room for those that come. */
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		assert_int_equal(raw_connect(&r[i], 0, 0), 0);
		raw_say(&r[i], "GET /health/alive HTTP/1.1\r\nHost: x\r\n\r\n");
		assert_non_null(strstr(raw_hear(&r[i]), "200 OK"));
	}
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		raw_close(&r[i]);
	/* So do those of one address that never say what they want. */
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		assert_int_equal(raw_connect(&r[i], 0, 0), 0);
		raw_say(&r[i], "GET /health/al");
	}
	raw_say(&r[ARRAY_SIZE(r) - 1], "ive HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_non_null(strstr(raw_hear(&r[ARRAY_SIZE(r) - 1]), "200 OK"));
	assert_string_equal(raw_hear(&r[0]), "");
	for (size_t i = 0; i < ARRAY_SIZE(r); i++)
		raw_close(&r[i]);
}

/* Which of the two is answered first; the other has got nothing by then. */
static size_t raw_first(const struct raw r[2])
{
	struct pollfd p[2];
	size_t first = 2;
	char c;

	for (size_t i = 0; i < 2; i++) {
		p[i] = (struct pollfd){ .fd = r[i].fd, .events = POLLIN };
		assert_int_equal(fcntl(r[i].fd, F_SETFL, O_NONBLOCK), 0);
	}
	/* What comes first is the tickets of TLS 1.3, hence SSL_peek(). */
	for (;;) {
		for (size_t i = 0; i < 2 && first == 2; i++) {
			if (SSL_peek(r[i].ssl, &c, 1) == 1)
				first = i;
		}
		if (first != 2)
			break;
		assert_true(poll(p, 2, 30000) > 0);
	}
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(fcntl(r[i].fd, F_SETFL, 0), 0);
	return first;
}

static void many_polls(void **state)
{
	/*
	 * Of two places one address may have one, so of two polls from there
	 * one is refused; of two more addresses only one finds a place. Which
	 * one is for the threads to decide. The refusal tells that the other
	 * one of the pair is waiting.
	 */
	static const unsigned int from[2][2] = { { 1, 1 }, { 2, 3 } };
	struct prover *p = prover_new("polled", 1);
	struct raw r[2][2];
	size_t refused[2];
	char head[200];

	(void)state;
	enrol(d, p);
	snprintf(head, sizeof(head),
		 "GET /v1/hsms/%s/orders?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n", hex32(p->hsm_id));
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(raw_connect_from(d, &r[i][k], from[i][k], 0, 0), 0);
			raw_say(&r[i][k], head);
		}
		refused[i] = raw_first(r[i]);
		assert_non_null(strstr(raw_hear(&r[i][refused[i]]), " 429 "));
	}
	/* An order ends the waiting of those that were let in. */
	tell(ask_json(d->admin, "POST", "/v1/admin/revocations", 201, NULL,
		      "{'action':'revoke','scope':'hsm','hsm_id':'%s','reason':'cessation-of-operation'}",
		      hex32(p->hsm_id)));
	for (size_t i = 0; i < 2; i++) {
		assert_non_null(strstr(raw_hear(&r[i][!refused[i]]), " 200 "));
		raw_close(&r[i][0]);
		raw_close(&r[i][1]);
	}
	prover_free(p);
}

static void challenge_from(unsigned int host, uint8_t id, int status)
{
	const uint8_t hsm_id[32] = { 0x56, id };
	char request[300], expected[8];
	const char *answer;
	struct raw r;

	snprintf(request, sizeof(request), "POST /v1/challenges HTTP/1.1\r\nHost: x\r\n"
		 "Content-Type: " JSON "\r\nContent-Length: 77\r\n\r\n{\"hsm_id\":\"%s\"}",
		 hex32(hsm_id));
	assert_int_equal(raw_connect_from(d, &r, host, 0, 0), 0);
	raw_say(&r, request);
	answer = raw_hear(&r);
	snprintf(expected, sizeof(expected), " %d ", status);
	if (!strstr(answer, expected))
		fail_msg("127.0.0.%u was answered with %s", host, answer);
	if (status == 429)
		assert_non_null(strstr(answer, "Retry-After: "));
	raw_close(&r);
}

static void too_many_challenges(void **state)
{
	uint8_t id[32] = { 0x55 };

	(void)state;
	/* From one address half of what an HSM may have: 2 of 4. */
	for (int i = 0; i < 2; i++)
		tell(ask_json(d->public, "POST", "/v1/challenges", 201, NULL, "{'hsm_id':'%s'}",
			      hex32(id)));
	tell(ask_json(d->public, "POST", "/v1/challenges", 429, "too-many", "{'hsm_id':'%s'}",
		      hex32(id)));
	/* From one address, for all HSMs that are not enrolled, a quarter of their half: 3. */
	id[1] = 1;
	tell(ask_json(d->public, "POST", "/v1/challenges", 201, NULL, "{'hsm_id':'%s'}",
		      hex32(id)));
	id[1] = 2;
	tell(ask_json(d->public, "POST", "/v1/challenges", 429, "too-many", "{'hsm_id':'%s'}",
		      hex32(id)));
	/* Others are not kept out by it, until strangers together have their half: 10 of 20. */
	for (unsigned int host = 2; host <= 4; host++) {
		for (unsigned int i = 0; i < 3; i++)
			challenge_from(host, (uint8_t)(3 * host + i), host == 4 && i ? 429 : 201);
	}
}

static void too_much_rubbish(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		tell(post_evidence(d, (const uint8_t *)"x", 1, 422, "malformed"));
	tell(post_evidence(d, (const uint8_t *)"x", 1, 429, "too-many"));
}

static void revocations_caching(void **state)
{
	struct zkhsm_response first = { 0 };
	char head[256], *etag;
	struct raw r;

	(void)state;
	assert_int_equal(zkhsm_https_do(d->public, "GET", "/v1/revocations", NULL, NULL, 0, &first,
					NULL), 0);
	zkhsm_response_free(&first);
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	raw_say(&r, "GET /v1/revocations HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	etag = strstr((char *)(uintptr_t)raw_hear(&r), "ETag: ");
	assert_non_null(etag);
	snprintf(head, sizeof(head), "GET /v1/revocations HTTP/1.1\r\nHost: x\r\nIf-None-Match: %.*s\r\n\r\n",
		 (int)strcspn(etag + 6, "\r"), etag + 6);
	raw_close(&r);
	assert_int_equal(raw_connect(&r, 0, 0), 0);
	raw_say(&r, head);
	assert_non_null(strstr(raw_hear(&r), " 304 "));
	raw_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(basics),
		cmocka_unit_test(paths_and_methods),
		cmocka_unit_test(bodies),
		cmocka_unit_test(broken_json),
		cmocka_unit_test(broken_queries),
		cmocka_unit_test(broken_identities),
		cmocka_unit_test(broken_administration),
		cmocka_unit_test(administrators_only),
		cmocka_unit_test(tls_version),
		cmocka_unit_test(request_ids),
		cmocka_unit_test(not_http),
		cmocka_unit_test(hidden_requests),
		cmocka_unit_test(large_requests),
		cmocka_unit_test(slow_clients),
		cmocka_unit_test(many_connections),
		cmocka_unit_test(many_polls),
		cmocka_unit_test(revocations_caching),
		cmocka_unit_test(too_many_challenges),
		cmocka_unit_test(too_much_rubbish),
	};

	return cmocka_run_group_tests(tests, start, end);
}
