// SPDX-License-Identifier: GPL-2.0
/*
 * revocation_list.c - the signed list of what is revoked and suspended
 *
 * A cluster stands in it by its name and, since a reader need not know who is in it,
 * once more by each of its HSMs.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poll.h"
#include "revocation.h"
#include "signed.h"

struct zkhsmd_rlist {
	struct zkhsmd_page *page;
	_Atomic uint64_t committed;	/* a list of a lower number is not the newest */
};

int zkhsmd_rlist_new(struct zkhsmd_rlist **out)
{
	struct zkhsmd_rlist *l = calloc(1, sizeof(*l));

	if (!l || zkhsmd_page_new(&l->page)) {
		free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void zkhsmd_rlist_free(struct zkhsmd_rlist *l)
{
	if (!l)
		return;
	zkhsmd_page_free(l->page);
	free(l);
}

/* In force, and of clusters the names, to be looked up when all have been read. */
struct arrays {
	json_t *revoked, *suspended;
	struct zkhsmd_revocation *clusters;
	size_t count;
};

static json_t *entry_of(const struct zkhsmd_revocation *r)
{
	json_t *o = zkhsmd_revocation_json(r);

	json_object_del(o, "action");
	json_object_del(o, "number");
	return o;
}

static int append(struct arrays *a, const struct zkhsmd_revocation *r, json_t *entry)
{
	return json_array_append_new(r->action == ZKHSM_ORDER_TYPE_REVOKE ? a->revoked :
				     a->suspended, entry) ? -ENOMEM : 0;
}

static int add_entry(const struct zkhsmd_revocation *r, void *arg)
{
	struct arrays *a = arg;
	struct zkhsmd_revocation *clusters;
	int ret = append(a, r, entry_of(r));

	if (ret || r->scope != ZKHSMD_SCOPE_CLUSTER)
		return ret;
	clusters = reallocarray(a->clusters, a->count + 1, sizeof(*clusters));
	if (!clusters)
		return -ENOMEM;
	a->clusters = clusters;
	a->clusters[a->count++] = *r;
	return 0;
}

static int add_member(const struct zkhsmd_hsm *h, void *arg)
{
	struct arrays *a = arg;
	struct zkhsmd_revocation r;
	json_t *entry;
	int ret = 0;

	for (size_t i = 0; !ret && i < a->count; i++) {
		if (strcmp(a->clusters[i].cluster, h->cluster) != 0)
			continue;
		r = a->clusters[i];
		r.scope = ZKHSMD_SCOPE_HSM;
		memcpy(r.hsm_id, h->id, sizeof(r.hsm_id));
		entry = entry_of(&r);
		json_object_set_new(entry, "cluster", json_string(r.cluster));
		ret = append(a, &r, entry);
	}
	return ret;
}

static int read_number(struct zkhsmd *m, struct zkhsmd_store *store, const void *arg,
		       struct zkhsmd_stamp *out)
{
	int ret = store->ops->meta_get(store, ZKHSMD_META_LIST_NUMBER, &out->of[0],
				       sizeof(out->of[0]));

	(void)m;
	(void)arg;
	return ret == -ENOENT ? 0 : ret;
}

/* The entries of exactly @stamp; -EAGAIN when it changed meanwhile. */
static int read_entries(struct zkhsmd_store *store, const struct zkhsmd_stamp *stamp,
			struct arrays *a)
{
	struct zkhsmd_stamp again = { { 0 } };
	int ret = store->ops->revocation_each(store, add_entry, a);

	if (!ret && a->count)
		ret = store->ops->hsm_each(store, add_member, a);
	if (!ret)
		ret = read_number(NULL, store, NULL, &again);
	if (!ret && again.of[0] != stamp->of[0])
		ret = -EAGAIN;
	return ret;
}

static int make(struct zkhsmd *m, struct zkhsmd_store *store, const void *arg,
		const struct zkhsmd_stamp *stamp, int64_t made_s, int64_t next_s, char **text,
		struct zkhsm_error *err)
{
	struct arrays a = { .revoked = json_array(), .suspended = json_array() };
	json_t *payload;
	int ret = read_entries(store, stamp, &a);

	(void)arg;
	free(a.clusters);
	/* Takes both arrays, also when it fails. */
	payload = json_pack("{s:s, s:I, s:I, s:I, s:o, s:o}", "iss", m->identity.issuer, "number",
			    (json_int_t)stamp->of[0], "iat", (json_int_t)made_s, "next_update",
			    (json_int_t)next_s, "revoked", a.revoked, "suspended", a.suspended);
	if (!ret && !payload)
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
	if (!ret)
		ret = zkhsm_jws_sign(m->identity.token_key, "zkhsm-revocations+jwt", payload, text,
				     err);
	json_decref(payload);
	return ret;
}

static const struct zkhsmd_maker maker = { .stamp = read_number, .make = make };

int zkhsmd_rlist_get(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_copy *out,
		     struct zkhsm_error *err)
{
	return zkhsmd_page_get(m, store, m->rlist->page, &maker, NULL, m->rlist->committed, out,
			       err);
}

int zkhsmd_rlist_number(struct zkhsmd *m, struct zkhsmd_store *store, uint64_t *number)
{
	struct zkhsmd_stamp stamp = { { 0 } };
	int ret = read_number(m, store, NULL, &stamp);

	*number = stamp.of[0];
	return ret;
}

uint64_t zkhsmd_rlist_committed(const struct zkhsmd *m)
{
	return m->rlist->committed;
}

void zkhsmd_revocations_changed(struct zkhsmd *m, uint64_t number)
{
	if (number > m->rlist->committed)
		m->rlist->committed = number;
	zkhsmd_polls_wake_revocations(m);
}
