// SPDX-License-Identifier: GPL-2.0
/*
 * ask.c - requests and what must come of them; an agent in a few lines
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"

static void check_problem(const json_t *o, long status, const char *urn, const char *content)
{
	char type[64];

	assert_string_equal(content, "application/problem+json");
	snprintf(type, sizeof(type), "urn:zkhsm:%s", urn);
	assert_string_equal(text_of(o, "type"), type);
	assert_int_equal(number_of(o, "status"), status);
	assert_true(text_of(o, "title")[0] && text_of(o, "detail")[0]);
	assert_true(text_of(o, "request_id")[0]);
}

/* For whoever checks all that was answered: one line each, in one write. */
static void record(const char *method, const char *path, const struct zkhsm_response *r)
{
	const char *file = getenv("ZKHSM_RECORD");
	json_t *body, *o;
	size_t len;
	char *line;
	int fd;

	if (!file)
		return;
	body = json_loadb((const char *)r->body, r->body_len, JSON_DECODE_ANY, NULL);
	if (!body)
		body = json_stringn((const char *)r->body, r->body_len);
	o = json_pack("{s:s, s:s, s:I, s:s, s:o*}", "method", method, "path", path, "status",
		      (json_int_t)r->status, "media", r->content_type, "body", body);
	line = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_non_null(line);
	assert_true(fd >= 0);
	len = strlen(line);
	line[len] = '\n';		/* its terminator is not written */
	assert_int_equal(write(fd, line, len + 1), len + 1);
	close(fd);
	free(line);
}

json_t *ask(struct zkhsm_https *h, const char *method, const char *path, const char *type,
	    const void *body, size_t len, long status, const char *urn)
{
	struct zkhsm_response r = { 0 };
	struct zkhsm_error err = { .code = 0 };
	json_t *o = NULL;

	if (zkhsm_https_do(h, method, path, type, body, len, &r, &err))
		fail_msg("%s %s: %s", method, path, err.text);
	if (r.status != status)
		fail_msg("%s %s: status %ld, not %ld: %s", method, path, r.status, status, r.body);
	assert_true(r.request_id[0]);
	record(method, path, &r);
	if (r.body_len && strstr(r.content_type, "json")) {
		o = json_loadb((const char *)r.body, r.body_len, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(o);
	}
	if (urn)
		check_problem(o, status, urn, r.content_type);
	else
		assert_true(status < 400);
	zkhsm_response_free(&r);
	return o;
}

int try_ask(struct zkhsm_https *h, const char *method, const char *path, const char *type,
	    const void *body, size_t len, json_t **answer)
{
	struct zkhsm_response r = { 0 };
	int status;

	if (zkhsm_https_do(h, method, path, type, body, len, &r, NULL))
		return -1;	/* the manager has gone */
	status = (int)r.status;
	*answer = r.body_len ? json_loadb((const char *)r.body, r.body_len, 0, NULL) : NULL;
	zkhsm_response_free(&r);
	return status;
}

json_t *ask_json(struct zkhsm_https *h, const char *method, const char *path, long status,
		 const char *urn, const char *format, ...)
{
	char body[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(body, sizeof(body), format, args);
	va_end(args);
	for (char *p = body; *p; p++) {
		if (*p == '\'')
			*p = '"';
	}
	return ask(h, method, path, JSON, body, strlen(body), status, urn);
}

json_t *get(struct zkhsm_https *h, long status, const char *urn, const char *format, ...)
{
	char path[512];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return ask(h, "GET", path, NULL, NULL, 0, status, urn);
}

void tell(json_t *answer)
{
	json_decref(answer);
}

const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	if (!text)
		fail_msg("no %s in the answer", name);
	return text;
}

int64_t number_of(const json_t *o, const char *name)
{
	const json_t *n = json_object_get(o, name);

	if (!json_is_integer(n))
		fail_msg("no number %s in the answer", name);
	return json_integer_value(n);
}

void hash_of(const json_t *o, const char *name, uint8_t out[32])
{
	assert_int_equal(zkhsm_unhex(text_of(o, name), out, 32), 0);
}

const char *hex32(const uint8_t hash[32])
{
	static char buffers[8][65];
	static unsigned int next;
	char *hex = zkhsm_hex(hash, 32), *out = buffers[next++ % 8];

	strcpy(out, hex);
	free(hex);
	return out;
}

const char *hex65(const uint8_t point[65])
{
	static char out[131];
	char *hex = zkhsm_hex(point, 65);

	strcpy(out, hex);
	free(hex);
	return out;
}

void sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

void challenge(struct daemon *d, struct prover *p, uint8_t nonce[32])
{
	json_t *o = ask_json(d->public, "POST", "/v1/challenges", 201, NULL, "{'hsm_id':'%s'}",
			     hex32(p->hsm_id));
	uint8_t manager_id[32];

	hash_of(o, "nonce", nonce);
	hash_of(o, "manager_id", manager_id);
	assert_memory_equal(manager_id, d->manager_id, 32);
	json_decref(o);
}

size_t make_evidence(struct daemon *d, struct prover *p, uint8_t out[ZKHSM_EVIDENCE_MAX_LEN])
{
	uint8_t nonce[32];

	challenge(d, p, nonce);
	p->uptime_ms++;
	return prover_answer(p, d->manager_id, nonce, out);
}

size_t make_evidence_after(struct daemon *d, struct prover *p, const struct applied *a,
			   uint8_t out[ZKHSM_EVIDENCE_MAX_LEN])
{
	struct zkhsm_challenge c = { .last_number = a->number };
	struct zkhsm_statement s;

	if (a->number)
		memcpy(c.last_digest, a->digest, sizeof(c.last_digest));
	memcpy(c.manager_id, d->manager_id, 32);
	challenge(d, p, c.nonce);
	p->uptime_ms++;
	prover_statement(p, &c, 1, &s);
	return prover_evidence(p, &s, out);
}

void obey(struct daemon *d, struct prover *p, struct applied *a, size_t count)
{
	json_t *o = get(d->public, 200, NULL, "/v1/hsms/%s/orders?after=%llu", hex32(p->hsm_id),
			(unsigned long long)a->number);
	const json_t *all = json_object_get(o, "orders");
	struct zkhsm_order order;
	uint8_t *bytes;
	size_t len;

	assert_int_equal(json_array_size(all), count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(zkhsm_unb64(json_string_value(json_array_get(all, i)), &bytes,
					     &len), 0);
		assert_int_equal(zkhsm_order_verify(d->order_public, bytes, len, &order, NULL), 0);
		assert_int_equal(order.number, a->number + 1);
		a->number = order.number;
		zkhsm_sha256(bytes, order.signed_len, a->digest);
		free(bytes);
	}
	json_decref(o);
}

json_t *post_evidence(struct daemon *d, const uint8_t *evidence, size_t len, long status,
		      const char *urn)
{
	return ask(d->public, "POST", "/v1/evidence", EVIDENCE, evidence, len, status, urn);
}

void put_list(struct daemon *d, struct prover *p, long status, const char *urn)
{
	uint8_t *body = malloc(PROVER_ANNOUNCEMENT_LEN + p->list_len);
	char path[512];

	assert_non_null(body);
	prover_announcement(p, body);
	memcpy(body + PROVER_ANNOUNCEMENT_LEN, p->list, p->list_len);
	snprintf(path, sizeof(path), "/v1/lists/%s?hsm_id=%s&identity=%s", hex32(p->list_digest),
		 hex32(p->hsm_id), hex65(p->identity));
	tell(ask(d->public, "PUT", path, LIST, body, PROVER_ANNOUNCEMENT_LEN + p->list_len, status,
		 urn));
	free(body);
}

void put_configuration(struct daemon *d, struct prover *p, long status, const char *urn)
{
	char path[512];

	snprintf(path, sizeof(path), "/v1/configurations/%s?hsm_id=%s", hex32(p->config_digest),
		 hex32(p->hsm_id));
	tell(ask(d->public, "PUT", path, CONFIGURATION, p->config_bytes, p->config_len, status,
		 urn));
}

/* What the answer 409 asks for is sent. */
static void serve(struct daemon *d, struct prover *p, const json_t *problem)
{
	const json_t *need = json_object_get(problem, "need"), *what;
	size_t i;

	assert_true(json_array_size(need) > 0);
	json_array_foreach(need, i, what) {
		if (strcmp(json_string_value(what), "list") == 0)
			put_list(d, p, 204, NULL);
		else if (strcmp(json_string_value(what), "configuration") == 0)
			put_configuration(d, p, 204, NULL);
		else
			fail_msg("unknown need %s", json_string_value(what));
	}
}

json_t *attest(struct daemon *d, struct prover *p, long status, const char *urn)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = make_evidence(d, p, evidence);
	struct zkhsm_response r = { 0 };
	json_t *o;

	assert_int_equal(zkhsm_https_do(d->public, "POST", "/v1/evidence", EVIDENCE, evidence, len,
					&r, NULL), 0);
	o = json_loadb((const char *)r.body, r.body_len, 0, NULL);
	if (r.status == 409 && strcmp(text_of(o, "type"), "urn:zkhsm:need") == 0) {
		serve(d, p, o);
		json_decref(o);
		zkhsm_response_free(&r);
		return post_evidence(d, evidence, len, status, urn);
	}
	if (r.status != status)
		fail_msg("evidence: status %ld, not %ld: %s", r.status, status, r.body);
	if (urn)
		check_problem(o, status, urn, r.content_type);
	zkhsm_response_free(&r);
	return o;
}

void enrol(struct daemon *d, struct prover *p)
{
	tell(attest(d, p, 403, "pending"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'test'}", hex32(p->hsm_id)));
	tell(attest(d, p, 200, NULL));
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void *poll_orders(void *arg)
{
	struct zkhsm_https *h;
	struct zkhsm_response r = { 0 };
	struct poller *p = arg;
	int64_t start = now_ms();
	char path[160], *hex = zkhsm_hex(p->hsm->hsm_id, 32);
	json_t *o;

	h = daemon_client(p->d, NULL);
	snprintf(path, sizeof(path), "/v1/hsms/%s/orders?after=0&wait=30", hex);
	free(hex);
	/* While somebody else has the last place. */
	while (zkhsm_https_do(h, "GET", path, NULL, NULL, 0, &r, NULL) == 0 && r.status == 429) {
		zkhsm_response_free(&r);
		sleep_ms(10);
	}
	if (r.status == 200) {
		o = json_loadb((const char *)r.body, r.body_len, 0, NULL);
		p->orders = json_array_size(json_object_get(o, "orders"));
		json_decref(o);
	}
	p->took_ms = now_ms() - start;
	zkhsm_response_free(&r);
	zkhsm_https_free(h);
	return NULL;
}
