// SPDX-License-Identifier: GPL-2.0
/*
 * fake_manager.c - managers that know what they are told to know
 */
#include <errno.h>
#include <event2/thread.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_manager.h"

#define ANNOUNCEMENT_LEN	(ZKHSM_ANNOUNCEMENT_LEN + ZKHSM_PROOF_LEN)

pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t fake_changed = PTHREAD_COND_INITIALIZER;

static void send_or_hold(struct server_request *rq, bool hold)
{
	struct fake_manager *fake = rq->arg;

	if (!hold) {
		server_send(rq);
		return;
	}
	assert_null(fake->held);
	fake->held = rq;
}

static void say(struct server_request *rq, int status, const char *body)
{
	server_reply_bytes(rq, status, "application/json", strdup(body), strlen(body));
	server_send(rq);
}

static void post_challenge(struct server_request *rq)
{
	struct fake_manager *fake = rq->arg;
	char *id = zkhsm_hex(fake->id, 32), *nonce, *known = NULL;
	uint8_t digest[32];

	fake->challenges++;
	snprintf(fake->challenge_id, sizeof(fake->challenge_id), "%s", rq->id);
	if (fake->challenge) {
		say(rq, fake->challenge_status, fake->challenge);
		free(id);
		return;
	}
	fake->nonce[0]++;
	nonce = zkhsm_hex(fake->nonce, 32);
	if (fake->list) {
		zkhsm_sha256(fake->list, fake->list_len, digest);
		known = zkhsm_hex(digest, 32);
	}
	server_reply_json(rq, 201, json_pack("{s:s, s:s, s:i, s:i, s:s?}", "manager_id", id,
					     "nonce", nonce, "expires_ms", 60000, "interval_ms",
					     1000, "known_list", known));
	free(id);
	free(nonce);
	free(known);
	send_or_hold(rq, fake->hold_challenges);
}

static bool is_digest(const uint8_t *data, size_t len, const uint8_t digest[32])
{
	uint8_t own[32];

	if (!data)
		return false;
	zkhsm_sha256(data, len, own);
	return memcmp(own, digest, 32) == 0;
}

static void answer_need(struct server_request *rq, const struct zkhsm_statement *s)
{
	struct fake_manager *fake = rq->arg;
	json_t *need = fake->need ? json_loads(fake->need, JSON_DECODE_ANY, NULL) : json_array();

	if (fake->need) {
		server_reply_problem(rq, 409, "need", "Needed", json_pack("{s:o}", "need", need),
				     "send it");
		return;
	}
	if (fake->never_satisfied || !is_digest(fake->list, fake->list_len, s->list_digest))
		json_array_append_new(need, json_string("list"));
	if (!is_digest(fake->config, fake->config_len, s->config_digest))
		json_array_append_new(need, json_string("configuration"));
	if (!json_array_size(need)) {
		json_decref(need);
		return;
	}
	server_reply_problem(rq, 409, "need", "Needed", json_pack("{s:o}", "need", need), "send it");
}

/* @s is the first @len bytes of the evidence. */
static json_t *make_lease(struct fake_manager *fake, const struct zkhsm_statement *s,
			  const uint8_t *evidence, size_t len)
{
	struct zkhsm_lease_terms terms = {
		.least = fake->lease_least, .ttl_ms = fake->lease_ttl_ms,
		.verdict = ZKHSM_LEASE_VERDICT_GRANT,
	};
	uint8_t *order;
	size_t order_len;
	json_t *lease;
	char *text;

	if (fake->lease)
		return json_loads(fake->lease, JSON_DECODE_ANY, NULL);
	if (!fake->lease_ttl_ms)
		return NULL;
	zkhsm_sha256(evidence, len, terms.statement);
	assert_int_equal(zkhsm_lease_make(fake->key, s->hsm_id, &terms, &order, &order_len, NULL),
			 0);
	text = zkhsm_b64(order, order_len);
	lease = json_string(text);
	free(text);
	free(order);
	return lease;
}

/* The first byte of a nonce counts them: this one has been given, once. */
static bool answers(const struct zkhsm_statement *s, const struct fake_manager *fake)
{
	for (size_t i = 0; i < s->challenge_count; i++) {
		const struct zkhsm_challenge *c = &s->challenges[i];

		if (memcmp(c->manager_id, fake->id, 32) == 0)
			return memcmp(c->nonce + 1, fake->nonce + 1, 31) == 0 && c->nonce[0] &&
				c->nonce[0] <= fake->nonce[0];
	}
	return false;
}

static void accept_evidence(struct server_request *rq, struct zkhsm_statement *s, size_t len)
{
	struct fake_manager *fake = rq->arg;
	struct zkhsm_keylist *l = NULL;
	struct zkhsm_error err;

	assert_int_equal(zkhsm_keylist_new(fake->list, fake->list_len, &l, &err), 0);
	assert_int_equal(zkhsm_verify_evidence(rq->body, rq->body_len, l, fake->config,
					       fake->config_len, s, &err), 0);
	server_reply_json(rq, 200, json_pack("{s:s, s:i, s:I, s:o*, s:[]}", "result", "accepted",
					     "keys", (int)zkhsm_keylist_count(l), "next_ms",
					     (json_int_t)fake->next_ms,
					     "lease", make_lease(fake, s, rq->body, len), "denied"));
	fake->accepted++;
	zkhsm_keylist_free(l);
}

static void post_evidence(struct server_request *rq)
{
	struct fake_manager *fake = rq->arg;
	struct zkhsm_statement s;
	size_t len;

	fake->evidence++;
	snprintf(fake->evidence_id, sizeof(fake->evidence_id), "%s", rq->id);
	assert_int_equal(zkhsm_evidence_decode(&s, &len, rq->body, rq->body_len), 0);
	assert_true(answers(&s, fake));
	if (!fake->refuse_first)
		answer_need(rq, &s);
	if (rq->reply.status) {
		server_send(rq);
		return;
	}
	if (fake->refuse_urn)
		server_reply_problem(rq, fake->refuse_status, fake->refuse_urn, "No", NULL, "no");
	else
		accept_evidence(rq, &s, len);
	send_or_hold(rq, fake->hold_evidence);
}

static bool put_refused(struct server_request *rq)
{
	struct fake_manager *fake = rq->arg;

	if (!fake->put_status)
		return false;
	server_reply_problem(rq, fake->put_status, "list", "No", NULL, "no");
	server_send(rq);
	return true;
}

static void put_list(struct server_request *rq)
{
	struct fake_manager *fake = rq->arg;
	const uint8_t *body = rq->body + ANNOUNCEMENT_LEN;
	size_t len = rq->body_len - ANNOUNCEMENT_LEN, new_len;
	const char *base = server_query(rq, "base");
	struct zkhsm_announcement a;
	struct zkhsm_error err;
	uint8_t *new = NULL, identity[65];

	if (put_refused(rq))
		return;
	assert_int_equal(zkhsm_unhex(server_query(rq, "identity"), identity, 65), 0);
	assert_int_equal(zkhsm_verify_announcement(identity, rq->body, ANNOUNCEMENT_LEN, &a, &err),
			 0);
	if (base && fake->forget_base) {
		server_reply_problem(rq, 409, "base", "Base unknown", NULL, "unknown");
		server_send(rq);
		return;
	}
	if (base) {
		fake->deltas++;
		assert_int_equal(zkhsm_list_delta_apply(fake->list, fake->list_len, body, len,
							&new, &new_len, &err), 0);
	} else {
		fake->whole++;
		new = malloc(len);
		memcpy(new, body, len);
		new_len = len;
	}
	assert_true(is_digest(new, new_len, a.list_digest));
	free(fake->list);
	fake->list = new;
	fake->list_len = new_len;
	server_reply_json(rq, 204, NULL);
	server_send(rq);
}

static void put_configuration(struct server_request *rq)
{
	struct fake_manager *fake = rq->arg;

	if (put_refused(rq))
		return;
	fake->configurations++;
	free(fake->config);
	fake->config = malloc(rq->body_len);
	memcpy(fake->config, rq->body, rq->body_len);
	fake->config_len = rq->body_len;
	server_reply_json(rq, 204, NULL);
	server_send(rq);
}

static void get_orders(struct server_request *rq)
{
	struct fake_manager *fake = rq->arg;
	size_t after = strtoul(server_query(rq, "after"), NULL, 10);
	json_t *sent = json_array(), *order;
	size_t i;

	fake->polls++;
	/* All of them, whatever was asked for: replays must do no harm. */
	json_array_foreach(fake->orders, i, order) {
		if (!fake->in_turn || i >= after)
			json_array_append(sent, order);
	}
	if (fake->in_turn && !json_array_size(sent)) {
		json_decref(sent);
		server_reply_json(rq, 204, NULL);
	} else {
		server_reply_json(rq, 200, json_pack("{s:o, s:b}", "orders", sent, "more", 0));
	}
	server_send(rq);
}

/* So that whoever waits for something looks after each request. */
#define LOCKED(handler)						\
	static void locked_##handler(struct server_request *rq)	\
	{							\
		pthread_mutex_lock(&fake_lock);			\
		handler(rq);					\
		pthread_cond_broadcast(&fake_changed);		\
		pthread_mutex_unlock(&fake_lock);		\
	}
LOCKED(post_challenge)
LOCKED(post_evidence)
LOCKED(put_list)
LOCKED(put_configuration)
LOCKED(get_orders)

static const struct server_route routes[] = {
	{ EVHTTP_REQ_POST, "/v1/challenges", "application/json", 4096, SERVER_PUBLIC,
	  locked_post_challenge },
	{ EVHTTP_REQ_POST, "/v1/evidence", "application/vnd.zkhsm.evidence", 4096, SERVER_PUBLIC,
	  locked_post_evidence },
	{ EVHTTP_REQ_PUT, "/v1/lists/{}", "application/vnd.zkhsm.list", 1 << 20, SERVER_PUBLIC,
	  locked_put_list },
	{ EVHTTP_REQ_PUT, "/v1/lists/{}", "application/vnd.zkhsm.list-delta", 1 << 20, SERVER_PUBLIC,
	  locked_put_list },
	{ EVHTTP_REQ_PUT, "/v1/configurations/{}", "application/vnd.zkhsm.configuration", 4096,
	  SERVER_PUBLIC, locked_put_configuration },
	{ EVHTTP_REQ_GET, "/v1/hsms/{}/orders", NULL, 0, SERVER_PUBLIC, locked_get_orders },
};

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void *serve(void *arg)
{
	event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void on_let_go(evutil_socket_t fd, short what, void *arg)
{
	struct fake_manager *fake = arg;

	(void)fd;
	(void)what;
	pthread_mutex_lock(&fake_lock);
	if (fake->held)
		server_send(fake->held);
	fake->held = NULL;
	pthread_mutex_unlock(&fake_lock);
}

void fake_manager_let_go(struct fake_manager *fake)
{
	pthread_mutex_lock(&fake_lock);
	fake->hold_challenges = false;
	fake->hold_evidence = false;
	pthread_mutex_unlock(&fake_lock);
	event_active(fake->let_go, EV_READ, 0);
}

struct fake_manager *fake_manager_begin(const char *certificate, const char *private_key)
{
	struct fake_manager *fake = calloc(1, sizeof(*fake));
	struct server_config c = {
		.address = "127.0.0.1", .certificate = certificate,
		.private_key = private_key, .max_head = 8192, .max_body = 1 << 20,
		.connections_max = 16, .large_max = 4, .idle_ms = 10000, .request_ms = 10000,
		.large_ms = 10000, .routes = routes, .route_count = ARRAY_SIZE(routes),
		.arg = fake,
	};
	struct zkhsm_error err;

	assert_non_null(fake);
	fake->next_ms = 1234;
	assert_int_equal(zkhsm_signer_generate(&fake->key, NULL), 0);
	zkhsm_signer_public(fake->key, fake->public);
	zkhsm_sha256(fake->public, 65, fake->id);
	fake->base = event_base_new();
	assert_int_equal(server_new(fake->base, &c, &fake->server, &err), 0);
	fake->stop = event_new(fake->base, -1, 0, on_stop, fake->base);
	fake->let_go = event_new(fake->base, -1, 0, on_let_go, fake);
	assert_int_equal(pthread_create(&fake->thread, NULL, serve, fake->base), 0);
	return fake;
}

void fake_manager_end(struct fake_manager *fake)
{
	event_active(fake->stop, EV_READ, 0);
	pthread_join(fake->thread, NULL);
	if (fake->held)
		server_send(fake->held);
	event_free(fake->stop);
	event_free(fake->let_go);
	server_free(fake->server);
	event_base_free(fake->base);
	EVP_PKEY_free(fake->key);
	free(fake->list);
	free(fake->config);
	free(fake);
}
