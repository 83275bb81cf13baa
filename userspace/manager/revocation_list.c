// SPDX-License-Identifier: GPL-2.0
/*
 * revocation_list.c - the signed list of what is revoked and suspended
 *
 * Signed once for each number, and again when half of its time has gone, so
 * that whoever asks gets one that will do for a while.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

struct zkhsmd_signed {
	atomic_uint refs;
	char *text;
};

struct zkhsmd_rlist {
	pthread_mutex_t lock;		/* all below */
	struct zkhsmd_signed *jws;
	uint64_t number;
	int64_t made_s, next_s;
};

const char *zkhsmd_signed_text(const struct zkhsmd_signed *s)
{
	return s->text;
}

void zkhsmd_signed_put(void *arg)
{
	struct zkhsmd_signed *s = arg;

	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	free(s->text);
	free(s);
}

int zkhsmd_rlist_new(struct zkhsmd_rlist **out)
{
	struct zkhsmd_rlist *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	*out = l;
	return 0;
}

void zkhsmd_rlist_free(struct zkhsmd_rlist *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	zkhsmd_signed_put(l->jws);
	free(l);
}

struct arrays {
	json_t *revoked, *suspended;
};

static int add_entry(const struct zkhsmd_revocation *r, void *arg)
{
	static const char *const scopes[] = {
		[ZKHSMD_SCOPE_KEY] = "key", [ZKHSMD_SCOPE_ELEMENT] = "element",
		[ZKHSMD_SCOPE_HSM] = "hsm",
	};
	struct arrays *a = arg;
	json_t *o = json_pack("{s:s, s:s, s:I}", "scope", scopes[r->scope], "reason",
			      zkhsm_revocation_reason_name(r->reason), "at_ms",
			      (json_int_t)r->at_ms);

	if (!o)
		return -EUCLEAN;
	if (r->scope != ZKHSMD_SCOPE_ELEMENT)
		zkhsmd_json_hash(o, "hsm_id", r->hsm_id);
	if (r->scope == ZKHSMD_SCOPE_KEY)
		json_object_set_new(o, "key_id", json_string(r->key_id));
	if (r->scope != ZKHSMD_SCOPE_HSM)
		zkhsmd_json_hash(o, "element", r->element);
	return json_array_append_new(r->action == ZKHSM_ORDER_TYPE_REVOKE ? a->revoked :
				     a->suspended, o) ? -ENOMEM : 0;
}

static int read_number(struct zkhsmd_store *store, uint64_t *number)
{
	int ret = store->ops->meta_get(store, ZKHSMD_META_LIST_NUMBER, number, sizeof(*number));

	if (ret == -ENOENT) {
		*number = 0;
		ret = 0;
	}
	return ret;
}

/* The entries of exactly @number; -EAGAIN when it changed meanwhile. */
static int read_entries(struct zkhsmd_store *store, uint64_t number, struct arrays *a)
{
	uint64_t again;
	int ret;

	a->revoked = json_array();
	a->suspended = json_array();
	ret = store->ops->revocation_each(store, add_entry, a);
	if (!ret)
		ret = read_number(store, &again);
	if (!ret && again != number)
		ret = -EAGAIN;
	if (ret) {
		json_decref(a->revoked);
		json_decref(a->suspended);
	}
	return ret;
}

static int make(struct zkhsmd *m, struct zkhsmd_store *store, uint64_t number, int64_t now_s,
		struct zkhsm_error *err)
{
	int64_t next_s = now_s + (int64_t)m->config.next_update_ms / 1000;
	struct zkhsmd_rlist *l = m->rlist;
	struct zkhsmd_signed *jws;
	struct arrays a;
	json_t *payload;
	int ret;

	ret = read_entries(store, number, &a);
	if (ret)
		return ret;
	payload = json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "iss", m->identity.issuer, "number",
			    (json_int_t)number, "iat", (json_int_t)now_s, "next_update",
			    (json_int_t)next_s, "revoked", a.revoked, "suspended", a.suspended);
	if (!payload)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	jws = calloc(1, sizeof(*jws));
	ret = !jws ? zkhsm_fail(err, -ENOMEM, "out of memory") :
	      zkhsm_jws_sign(m->identity.token_key, "zkhsm-revocations+jwt", payload, &jws->text,
			     err);
	json_decref(payload);
	if (ret) {
		free(jws);
		return ret;
	}
	atomic_init(&jws->refs, 1);
	zkhsmd_signed_put(l->jws);
	l->jws = jws;
	l->number = number;
	l->made_s = now_s;
	l->next_s = next_s;
	return 0;
}

static bool good(const struct zkhsmd_rlist *l, uint64_t number, int64_t now_s)
{
	return l->jws && l->number == number && now_s >= l->made_s &&
	       now_s < l->made_s + (l->next_s - l->made_s + 1) / 2;
}

int zkhsmd_rlist_get(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_signed **jws,
		     char etag[48], int64_t *left_s, struct zkhsm_error *err)
{
	int64_t now_s = zkhsmd_now().wall / 1000;
	struct zkhsmd_rlist *l = m->rlist;
	uint64_t number;
	int ret;

	pthread_mutex_lock(&l->lock);
	do {
		ret = read_number(store, &number);
		if (!ret && !good(l, number, now_s))
			ret = make(m, store, number, now_s, err);
	} while (ret == -EAGAIN);
	*jws = ret ? NULL : l->jws;
	if (*jws)
		atomic_fetch_add(&l->jws->refs, 1);
	snprintf(etag, 48, "\"%llu-%lld\"", (unsigned long long)l->number, (long long)l->made_s);
	*left_s = l->next_s - now_s;
	pthread_mutex_unlock(&l->lock);
	return ret;
}
