// SPDX-License-Identifier: GPL-2.0
/*
 * kill_hsm.c - an HSM whose keys come and go, and that attests as fast as it can
 */
#include "kill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_LEAST	5
#define KEYS_MOST	10

/* The orders after those that it has; each goes into the ledger, once and for all. */
static bool take_order(struct kill_thread *t, struct site *s, const char *text)
{
	struct zkhsm_order order;
	uint8_t *bytes;
	size_t len;

	if (zkhsm_unb64(text, &bytes, &len) ||
	    zkhsm_order_verify(t->l->d->order_public, bytes, len, &order, NULL))
		return kill_wrong(t->l, "an order is none");
	if (order.number != s->applied.number + 1) {
		free(bytes);
		return kill_wrong(t->l, "order %llu after %llu", (unsigned long long)order.number,
				  (unsigned long long)s->applied.number);
	}
	s->applied.number++;
	zkhsm_sha256(bytes, order.signed_len, s->applied.digest);
	if (s->seen_count < order.number) {
		s->seen = reallocarray(s->seen, order.number, 32);
		zkhsm_sha256(bytes, len, s->seen[s->seen_count++]);
	}
	free(bytes);
	return true;
}

static bool obey_all(struct kill_thread *t, struct site *s)
{
	json_t *o = NULL, *order;
	char path[160];
	bool ok = true;
	int status;
	size_t i;

	snprintf(path, sizeof(path), "/v1/hsms/%s/orders?after=%llu", s->hex,
		 (unsigned long long)s->applied.number);
	status = try_ask(t->h, "GET", path, NULL, NULL, 0, &o);
	if (status != 200 && status != 204)
		return kill_unexpected(t, "orders", status, o);
	json_array_foreach(json_object_get(o, "orders"), i, order)
		ok = ok && take_order(t, s, json_string_value(order));
	json_decref(o);
	return ok;
}

/* A new key, or one that is revoked and goes; always some that are good. */
static void change_keys(struct kill_thread *t, struct site *s)
{
	struct kill_key *victim = NULL, *k;
	struct prover_key *made;
	size_t good = 0;

	pthread_mutex_lock(&t->l->lock);
	for (k = s->keys; k < s->keys + s->key_count; k++) {
		if (!prover_key(s->hsm, k->id))
			continue;
		if (k->stop == ZKHSM_ORDER_TYPE_REVOKE)
			victim = k;
		else
			good++;
	}
	if (victim && s->hsm->count >= KEYS_MOST)
		prover_key_del(s->hsm, victim->id);
	if (good < KEYS_LEAST || (s->hsm->count < KEYS_MOST && !kill_random(&t->random, 8))) {
		s->keys = reallocarray(s->keys, s->key_count + 1, sizeof(*k));
		k = &s->keys[s->key_count];
		memset(k, 0, sizeof(*k));
		snprintf(k->id, sizeof(k->id), "k%05zu", s->key_count++);
		made = prover_key_add(s->hsm, k->id, NULL);
		zkhsm_element_name(1, made->entry.public, k->element);
	}
	prover_refresh(s->hsm);
	pthread_mutex_unlock(&t->l->lock);
}

bool kill_nonce(struct kill_thread *t, const char *hex, uint8_t nonce[32])
{
	json_t *o = NULL;
	char body[100];
	int status;

	snprintf(body, sizeof(body), "{\"hsm_id\":\"%s\"}", hex);
	status = try_ask(t->h, "POST", "/v1/challenges", JSON, body, strlen(body), &o);
	if (status != 201 ||
	    zkhsm_unhex(json_string_value(json_object_get(o, "nonce")), nonce, 32))
		return kill_unexpected(t, "challenge", status, o);
	json_decref(o);
	return true;
}

static bool send_list(struct kill_thread *t, struct prover *p, const char *hex)
{
	uint8_t *body = malloc(PROVER_ANNOUNCEMENT_LEN + p->list_len);
	char path[512], *digest = zkhsm_hex(p->list_digest, 32), *identity;
	json_t *o = NULL;
	int status;

	identity = zkhsm_hex(p->identity, 65);
	prover_announcement(p, body);
	memcpy(body + PROVER_ANNOUNCEMENT_LEN, p->list, p->list_len);
	snprintf(path, sizeof(path), "/v1/lists/%s?hsm_id=%s&identity=%s", digest, hex, identity);
	status = try_ask(t->h, "PUT", path, LIST, body, PROVER_ANNOUNCEMENT_LEN + p->list_len, &o);
	free(digest);
	free(identity);
	free(body);
	return status == 204 ? true : kill_unexpected(t, "list", status, o);
}

static bool send_configuration(struct kill_thread *t, struct prover *p, const char *hex)
{
	char path[256], *digest = zkhsm_hex(p->config_digest, 32);
	json_t *o = NULL;
	int status;

	snprintf(path, sizeof(path), "/v1/configurations/%s?hsm_id=%s", digest, hex);
	free(digest);
	status = try_ask(t->h, "PUT", path, CONFIGURATION, p->config_bytes, p->config_len, &o);
	return status == 204 ? true : kill_unexpected(t, "configuration", status, o);
}

/* With what it needs, if it needs something; the status, and the answer. */
int kill_post(struct kill_thread *t, struct prover *p, const char *hex, const uint8_t *evidence,
	      size_t len, json_t **answer)
{
	int status = try_ask(t->h, "POST", "/v1/evidence", EVIDENCE, evidence, len, answer);
	const char *what;
	json_t *need;
	bool ok = true;
	size_t i;

	if (status != 409 || strcmp(kill_problem(*answer), "need") != 0)
		return status;
	json_array_foreach(json_object_get(*answer, "need"), i, need) {
		what = json_string_value(need);
		ok = ok && (strcmp(what, "list") == 0 ? send_list(t, p, hex) :
							send_configuration(t, p, hex));
	}
	json_decref(*answer);
	*answer = NULL;
	return ok ? try_ask(t->h, "POST", "/v1/evidence", EVIDENCE, evidence, len, answer) : -1;
}

void kill_accepted(struct site *s, const struct kill_evidence *e)
{
	struct life *l = s->life;

	pthread_mutex_lock(&l->lock);
	json_decref(s->accepted.answer);
	s->accepted = *e;
	json_incref(e->answer);
	for (size_t i = 0; i < s->key_count; i++)
		s->keys[i].listed = prover_key(s->hsm, s->keys[i].id);
	pthread_mutex_unlock(&l->lock);
}

/* A lease grants nothing that had been stopped for good before the nonce was asked for. */
static bool denies(struct kill_thread *t, const struct site *s, const bool *stopped, size_t count,
		   const json_t *answer)
{
	const json_t *denied = json_object_get(answer, "denied");
	json_t *one;
	size_t i;

	for (size_t k = 0; k < count; k++) {
		bool found = false;

		if (!stopped[k])
			continue;
		json_array_foreach(denied, i, one)
			found |= strcmp(json_string_value(json_object_get(one, "key_id")),
					s->keys[k].id) == 0;
		if (!found)
			return kill_wrong(t->l, "a lease grants %s, which was revoked",
					  s->keys[k].id);
	}
	return true;
}

static bool attest_once(struct kill_thread *t, struct site *s)
{
	struct zkhsm_challenge c = { .last_number = s->applied.number };
	struct kill_evidence *e = &s->tried;
	struct zkhsm_statement statement;
	bool *stopped, ok;
	size_t count;
	int status;

	pthread_mutex_lock(&t->l->lock);
	count = s->key_count;
	stopped = calloc(count, sizeof(*stopped));
	for (size_t i = 0; i < count; i++)
		stopped[i] = s->keys[i].stop == ZKHSM_ORDER_TYPE_REVOKE &&
			     prover_key(s->hsm, s->keys[i].id);
	e->acts = s->acts_open ? UINT64_MAX : s->acts_begun;
	pthread_mutex_unlock(&t->l->lock);

	memcpy(c.last_digest, s->applied.digest, 32);
	memcpy(c.manager_id, t->l->d->manager_id, 32);
	ok = kill_nonce(t, s->hex, c.nonce);
	if (ok) {
		s->hsm->uptime_ms = s->uptime_from + (uint64_t)now_ms();
		prover_statement(s->hsm, &c, 1, &statement);
		e->len = prover_evidence(s->hsm, &statement, e->bytes);
		e->number = s->hsm->number;
		e->answer = NULL;
		status = kill_post(t, s->hsm, s->hex, e->bytes, e->len, &e->answer);
		if (status == 200) {
			kill_accepted(s, e);
			ok = denies(t, s, stopped, count, e->answer);
			json_decref(e->answer);
			t->l->total.evidence++;
		} else {
			ok = kill_unexpected(t, "evidence", status, e->answer);
		}
		e->answer = NULL;
	}
	free(stopped);
	return ok;
}

void *kill_be_hsm(void *arg)
{
	struct kill_thread *t = arg;
	struct site *s = &t->l->sites[t->which];

	while (!t->l->wrong[0]) {
		if (!kill_random(&t->random, 3))
			change_keys(t, s);
		if ((kill_random(&t->random, 2) && !obey_all(t, s)) || !attest_once(t, s))
			break;
		t->l->answers++;
	}
	return NULL;
}
