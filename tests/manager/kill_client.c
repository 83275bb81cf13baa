// SPDX-License-Identifier: GPL-2.0
/*
 * kill_client.c - clients: tokens, states and the list, against what had been acknowledged
 */
#include "kill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nothing was done to it since: what it was then it was all the time. */
static bool same(struct life *l, size_t site, size_t key, const struct kill_key *then)
{
	bool same;

	pthread_mutex_lock(&l->lock);
	same = l->sites[site].keys[key].epoch == then->epoch && !(then->epoch & 1);
	pthread_mutex_unlock(&l->lock);
	return same;
}

static bool judge(struct kill_thread *t, const char *what, size_t site, size_t key,
		  const struct kill_key *then, bool good, const char *why)
{
	const bool still = same(t->l, site, key, then);

	if (good && (then->stop == ZKHSM_ORDER_TYPE_REVOKE || (then->stop && still)))
		return kill_wrong(t->l, "%s of %s at site %zu, which is %s", what, then->id, site,
				  then->stop == ZKHSM_ORDER_TYPE_REVOKE ? "revoked" : "held");
	if (!good && !then->stop && still && strcmp(why, "revoked") == 0)
		return kill_wrong(t->l, "no %s of %s at site %zu, as if it were stopped", what,
				  then->id, site);
	t->l->total.tokens += good;
	t->l->total.refusals += !good;
	return true;
}

static bool ask_about(struct kill_thread *t)
{
	const size_t site = kill_random(&t->random, SITES);
	struct site *s = &t->l->sites[site];
	const bool token = kill_random(&t->random, 2);
	struct kill_key then;
	char text[256];
	const char *why;
	json_t *o = NULL;
	bool good, ok;
	size_t key;
	int status;

	pthread_mutex_lock(&t->l->lock);
	key = kill_random(&t->random, (uint32_t)s->key_count);
	then = s->keys[key];
	pthread_mutex_unlock(&t->l->lock);
	if (token) {
		snprintf(text, sizeof(text), "{\"hsm_id\":\"%s\",\"key_id\":\"%s\",\"aud\":\"x\"}",
			 s->hex, then.id);
		status = try_ask(t->h, "POST", "/v1/tokens", JSON, text, strlen(text), &o);
	} else {
		snprintf(text, sizeof(text), "/v1/hsms/%s/keys/%s", s->hex, then.id);
		status = try_ask(t->h, "GET", text, NULL, NULL, 0, &o);
	}
	if (status != 200 && status != 403 && status != 404)
		return kill_unexpected(t, "a client", status, o);
	why = status == 200 && !token ? json_string_value(json_object_get(o, "status")) :
					kill_problem(o);
	good = status == 200 && (token || strcmp(why, "attested") == 0);
	ok = judge(t, token ? "a token" : "a good state", site, key, &then, good, why);
	json_decref(o);
	return ok;
}

static bool names(const json_t *list, const char *array, const char *hex, const char *id)
{
	json_t *entry;
	size_t i;

	json_array_foreach(json_object_get(list, array), i, entry) {
		if (strcmp(json_string_value(json_object_get(entry, "scope")), "key") == 0 &&
		    strcmp(json_string_value(json_object_get(entry, "key_id")), id) == 0 &&
		    strcmp(json_string_value(json_object_get(entry, "hsm_id")), hex) == 0)
			return true;
	}
	return false;
}

/* A key that had been stopped before the list was asked for is in it. */
static bool ask_list(struct kill_thread *t)
{
	struct zkhsm_response r = { 0 };
	const size_t site = kill_random(&t->random, SITES);
	struct site *s = &t->l->sites[site];
	struct kill_key *then;
	json_t *list = NULL;
	size_t count;
	uint64_t least;
	bool ok = true;

	pthread_mutex_lock(&t->l->lock);
	least = t->l->list;
	count = s->key_count;
	then = malloc(count * sizeof(*then));
	memcpy(then, s->keys, count * sizeof(*then));
	pthread_mutex_unlock(&t->l->lock);
	if (zkhsm_https_do(t->h, "GET", "/v1/revocations", NULL, NULL, 0, &r, NULL)) {
		free(then);
		return false;
	}
	if (r.status != 200 || zkhsm_jws_verify(t->l->jwks, "zkhsm-revocations+jwt",
						(const char *)r.body, &list, NULL))
		ok = kill_wrong(t->l, "the list: status %ld, or not signed", r.status);
	else if ((uint64_t)json_integer_value(json_object_get(list, "number")) < least)
		ok = kill_wrong(t->l, "a list from before number %llu", (unsigned long long)least);
	for (size_t i = 0; ok && i < count; i++) {
		const bool revoked = then[i].stop == ZKHSM_ORDER_TYPE_REVOKE;

		if (!then[i].stop ||
		    names(list, revoked ? "revoked" : "suspended", s->hex, then[i].id))
			continue;
		if (revoked || same(t->l, site, i, &then[i]))
			ok = kill_wrong(t->l, "%s at site %zu is not in the list", then[i].id, site);
	}
	t->l->total.lists++;
	json_decref(list);
	zkhsm_response_free(&r);
	free(then);
	return ok;
}

void *kill_be_client(void *arg)
{
	struct kill_thread *t = arg;

	while (!t->l->wrong[0] && ask_about(t))
		t->l->answers++;
	return NULL;
}

void *kill_be_reader(void *arg)
{
	struct kill_thread *t = arg;

	while (!t->l->wrong[0] && ask_list(t))
		sleep_ms(kill_random(&t->random, 20));
	return NULL;
}
