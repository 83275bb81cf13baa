// SPDX-License-Identifier: GPL-2.0
/*
 * kill_admin.c - administrators, who stop keys and enrol newcomers
 */
#include "kill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t act_begin(struct life *l, enum kill_what what, size_t who, size_t key, uint8_t type)
{
	struct kill_act *a;

	l->acts = reallocarray(l->acts, l->act_count + 1, sizeof(*a));
	a = &l->acts[l->act_count];
	*a = (struct kill_act){ .what = what, .who = who, .key = key, .type = type };
	return l->act_count++;
}

void kill_stopped(struct life *l, const struct kill_act *a)
{
	struct kill_key *k;

	if (a->what == ENROL) {
		l->newcomers[a->who].enrolled = true;
	} else if (a->what == STOP_HSM) {
		l->newcomers[a->who].revoked = true;
	} else {
		k = &l->sites[a->who].keys[a->key];
		k->stop = a->type == ZKHSM_ORDER_TYPE_RELEASE ? 0 : a->type;
	}
	if (a->list > l->list)
		l->list = a->list;
	l->total.done++;
}

void kill_act_end(struct life *l, const struct kill_act *a)
{
	l->sites[a->who].keys[a->key].epoch++;
	l->sites[a->who].acts_open--;
}

/* The administrator's request @n; what it was answered with goes into the ledger at once. */
static bool act(struct kill_thread *t, size_t n, const char *path, const char *body)
{
	json_t *o = NULL, *order;
	struct kill_act *a;
	int status;

	status = try_ask(t->h, "POST", path, JSON, body, strlen(body), &o);
	pthread_mutex_lock(&t->l->lock);
	a = &t->l->acts[n];
	snprintf(a->request, sizeof(a->request), "%s", zkhsm_https_request_id(t->h));
	t->l->total.acts++;
	if (status == 201) {
		order = json_array_get(json_object_get(o, "orders"), 0);
		a->acknowledged = true;
		a->list = (uint64_t)json_integer_value(json_object_get(o, "revocation"));
		a->number = (uint64_t)json_integer_value(json_object_get(order, "number"));
		kill_stopped(t->l, a);
		if (a->what == STOP_KEY)
			kill_act_end(t->l, a);
	}
	pthread_mutex_unlock(&t->l->lock);
	if (status != 201)
		return kill_unexpected(t, body, status, o);
	json_decref(o);
	t->l->answers++;
	return true;
}

/* Which key, and what is to be done to it; false when there is none. */
static bool choose(struct kill_thread *t, struct site *s, size_t *n, char body[256])
{
	static const char *const names[] = { "revoke", "hold", "release" };
	size_t at = s->key_count ? kill_random(&t->random, (uint32_t)s->key_count) : 0, tries;
	struct kill_key *k = NULL;
	uint8_t type;

	for (tries = s->key_count; tries; tries--, at = (at + 1) % s->key_count) {
		k = &s->keys[at];
		if (k->listed && k->stop != ZKHSM_ORDER_TYPE_REVOKE)
			break;
	}
	if (!tries)
		return false;
	type = kill_random(&t->random, 4) == 0 ? ZKHSM_ORDER_TYPE_REVOKE :
	       k->stop ? ZKHSM_ORDER_TYPE_RELEASE : ZKHSM_ORDER_TYPE_HOLD;
	k->epoch++;
	s->acts_begun++;
	s->acts_open++;
	*n = act_begin(t->l, STOP_KEY, (size_t)(s - t->l->sites), at, type);
	snprintf(body, 256, "{\"action\":\"%s\",\"scope\":\"key\",\"hsm_id\":\"%s\",\"key_id\":\"%s\",\"reason\":\"%s\"}",
		 names[type - ZKHSM_ORDER_TYPE_REVOKE], s->hex, k->id,
		 type == ZKHSM_ORDER_TYPE_REVOKE ? "key-compromise" :
		 type == ZKHSM_ORDER_TYPE_HOLD ? "certificate-hold" : "remove-from-crl");
	return true;
}

static bool alive(struct kill_thread *t)
{
	json_t *o = NULL;
	int status = try_ask(t->h, "GET", "/health/alive", NULL, NULL, 0, &o);

	json_decref(o);
	return status >= 0;
}

void *kill_be_administrator(void *arg)
{
	struct kill_thread *t = arg;
	struct site *s = &t->l->sites[t->which];
	char body[256];
	bool any;
	size_t n;

	while (!t->l->wrong[0]) {
		pthread_mutex_lock(&t->l->lock);
		any = choose(t, s, &n, body);
		pthread_mutex_unlock(&t->l->lock);
		if (any && !act(t, n, "/v1/admin/revocations", body))
			break;
		/* Not so many that all the rest is about them. */
		sleep_ms(kill_random(&t->random, 30));
		if (!any && !alive(t))
			break;
	}
	return NULL;
}

/* Its list may hold a copy of a key of the one before: two that hold it, and an alert. */
static struct newcomer *make_newcomer(struct kill_thread *t, size_t *at)
{
	struct life *l = t->l;
	struct newcomer *n;
	char seed[32];

	l->newcomers = reallocarray(l->newcomers, l->newcomer_count + 1, sizeof(*n));
	*at = l->newcomer_count;
	n = &l->newcomers[*at];
	memset(n, 0, sizeof(*n));
	snprintf(seed, sizeof(seed), "newcomer %zu", *at);
	n->hsm = prover_new(seed, 1);
	if (*at && !kill_random(&t->random, 3)) {
		prover_key_add(n->hsm, "stolen", n[-1].hsm->keys[0].secret);
		n->copied = true;
		prover_refresh(n->hsm);
	}
	for (size_t i = 0; i < 32; i++)
		snprintf(n->hex + 2 * i, 3, "%02x", n->hsm->hsm_id[i]);
	return n;
}

static bool newcomer_attests(struct kill_thread *t, struct newcomer *n, int want)
{
	uint8_t nonce[32], evidence[ZKHSM_EVIDENCE_MAX_LEN];
	json_t *o = NULL;
	size_t len;
	int status;

	if (!kill_nonce(t, n->hex, nonce))
		return false;
	n->hsm->uptime_ms++;
	len = prover_answer(n->hsm, t->l->d->manager_id, nonce, evidence);
	status = kill_post(t, n->hsm, n->hex, evidence, len, &o);
	if (status != want)
		return kill_unexpected(t, "a newcomer's evidence", status, o);
	if (want == 200)
		n->number = n->hsm->number;
	json_decref(o);
	t->l->answers++;
	return true;
}

static bool newcomer_comes(struct kill_thread *t)
{
	struct newcomer *n;
	char body[256];
	size_t at, which;

	pthread_mutex_lock(&t->l->lock);
	n = make_newcomer(t, &at);
	t->l->newcomer_count++;
	pthread_mutex_unlock(&t->l->lock);
	if (!newcomer_attests(t, n, 403))
		return false;
	pthread_mutex_lock(&t->l->lock);
	which = act_begin(t->l, ENROL, at, 0, 0);
	pthread_mutex_unlock(&t->l->lock);
	snprintf(body, sizeof(body), "{\"hsm_id\":\"%s\",\"name\":\"newcomer\"}", n->hex);
	if (!act(t, which, "/v1/admin/hsms", body) || !newcomer_attests(t, n, 200))
		return false;
	if (kill_random(&t->random, 2))
		return true;
	pthread_mutex_lock(&t->l->lock);
	which = act_begin(t->l, STOP_HSM, at, 0, ZKHSM_ORDER_TYPE_REVOKE);
	pthread_mutex_unlock(&t->l->lock);
	snprintf(body, sizeof(body), "{\"action\":\"revoke\",\"scope\":\"hsm\",\"hsm_id\":\"%s\",\"reason\":\"key-compromise\"}",
		 n->hex);
	return act(t, which, "/v1/admin/revocations", body);
}

void *kill_be_enroller(void *arg)
{
	struct kill_thread *t = arg;

	for (int i = 0; i < NEW_PER_LIFE && !t->l->wrong[0]; i++) {
		if (!newcomer_comes(t))
			break;
	}
	return NULL;
}
