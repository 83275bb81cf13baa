// SPDX-License-Identifier: GPL-2.0
/*
 * state.c - fresh or stale, stopped or not: at this moment, from what is stored
 */
#include <errno.h>
#include <string.h>

#include "holding.h"
#include "policy.h"

int64_t zkhsmd_age(const struct zkhsmd_hsm *h, const uint8_t boot_id[16], struct zkhsmd_time now,
		   int64_t newest_wall)
{
	if (!h->attested)
		return -1;
	if (memcmp(h->boot_id, boot_id, sizeof(h->boot_id)) == 0)
		return now.boot - h->attested_boot_ms;
	/*
	 * From an earlier boot there is the wall clock only. Where it is before
	 * what the store has seen already it was set back, and would make old
	 * evidence young again.
	 */
	if (now.wall < newest_wall || now.wall < h->attested_ms)
		return -1;
	return now.wall - h->attested_ms;
}

bool zkhsmd_shown_before(const struct zkhsmd_hsm *h)
{
	return h->attested && h->received_ms < h->enrolled_ms;
}

int zkhsmd_hsm_status_by(struct zkhsmd *m, const struct zkhsmd_policy *p,
			 struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
			 struct zkhsmd_status *out)
{
	struct zkhsmd_revocation r;
	int ret;

	ret = zkhsmd_judge_hsm(p, store, h, &out->judgement);
	if (ret)
		return ret;
	out->age_ms = zkhsmd_age(h, m->boot_id, zkhsmd_now(), m->newest_wall);
	ret = store->ops->revocation_hsm(store, h->id, &r);
	if (ret && ret != -ENOENT)
		return ret;
	if (!ret)
		out->state = ZKHSMD_REVOKED;
	else if (h->quarantine)
		out->state = ZKHSMD_QUARANTINED;
	else if (out->judgement.refused)
		out->state = ZKHSMD_REFUSED;
	else if (out->age_ms < 0 || (uint64_t)out->age_ms > m->config.max_age_ms)
		out->state = ZKHSMD_STALE;
	/* Of an enrolment that has ended; who holds what has been forgotten with it. */
	else if (zkhsmd_shown_before(h))
		out->state = ZKHSMD_STALE;
	/* It has shown since that it now enforces something that nobody approved. */
	else if (memcmp(h->config_seen, h->config_digest, sizeof(h->config_seen)) != 0)
		out->state = ZKHSMD_STALE;
	else
		out->state = ZKHSMD_ATTESTED;
	return 0;
}

int zkhsmd_hsm_status(struct zkhsmd *m, struct zkhsmd_store *store, const struct zkhsmd_hsm *h,
		      struct zkhsmd_status *out)
{
	struct zkhsmd_policy *p = zkhsmd_policy_get(m);
	int ret = zkhsmd_hsm_status_by(m, p, store, h, out);

	zkhsmd_policy_put(p);
	return ret;
}

/*
 * The list that the row names. One that has just been replaced goes with the same
 * commit that changes the row: who has read the row before reads it once more.
 */
int zkhsmd_hsm_list(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		    struct zkhsm_keylist **list)
{
	struct zkhsmd_hsm now;
	int ret;

	if (!h->attested)
		return -ENOENT;
	ret = zkhsmd_list_find(m, store, h->list_digest, list);
	if (ret != -ENOENT)
		return ret;
	ret = store->ops->hsm_get(store, h->id, &now);
	if (ret)
		return ret == -ENOENT ? -EUCLEAN : ret;
	if (memcmp(now.list_digest, h->list_digest, sizeof(now.list_digest)) == 0)
		return -EUCLEAN;
	if (now.enrolled != h->enrolled)
		return -ENOENT;
	*h = now;
	ret = zkhsmd_list_find(m, store, h->list_digest, list);
	/* The row refers to it: it is there, or the store is damaged. */
	return ret == -ENOENT ? -EUCLEAN : ret;
}

int zkhsmd_key_status(const struct zkhsmd_policy *p, struct zkhsmd_store *store,
		      const struct zkhsmd_hsm *h, const struct zkhsmd_status *hsm,
		      struct zkhsmd_key *out)
{
	int ret;

	zkhsm_element_name(out->entry.type, out->entry.public, out->element);
	out->age_ms = hsm->age_ms;
	ret = store->ops->revocation_stopping(store, h->id, out->element, &out->revocation);
	if (ret && ret != -ENOENT)
		return ret;
	out->revoked = !ret;
	out->judgement = hsm->judgement;
	if (!out->judgement.refused)
		zkhsmd_judge_key(p, h, &out->entry, &out->judgement);
	zkhsmd_policy_id(p, out->judgement.rule, out->policy_id);
	if (out->revoked)
		out->status = "revoked";
	else if (hsm->state == ZKHSMD_QUARANTINED)
		out->status = "quarantined";
	else if (out->judgement.refused)
		out->status = "refused";
	else if (hsm->state != ZKHSMD_ATTESTED)
		out->status = "stale";
	else
		out->status = out->entry.state == ZKHSM_KEY_STATE_ACTIVE ? "attested" : "not-active";
	return 0;
}

int zkhsmd_key_find(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_hsm *h,
		    const char *key_id, struct zkhsmd_key *out)
{
	const struct zkhsm_list_entry *e;
	struct zkhsmd_status status;
	struct zkhsmd_policy *p;
	struct zkhsm_keylist *list;
	int ret;

	ret = zkhsmd_hsm_list(m, store, h, &list);
	if (ret)
		return ret;
	e = zkhsm_keylist_find(list, key_id, &out->entry);
	zkhsm_keylist_free(list);
	if (!e)
		return -ENOENT;
	p = zkhsmd_policy_get(m);
	ret = zkhsmd_hsm_status_by(m, p, store, h, &status);
	if (!ret)
		ret = zkhsmd_key_status(p, store, h, &status, out);
	zkhsmd_policy_put(p);
	return ret;
}

const char *zkhsmd_state_name(enum zkhsmd_state state)
{
	static const char *const names[] = {
		[ZKHSMD_PENDING] = "pending", [ZKHSMD_ATTESTED] = "attested",
		[ZKHSMD_STALE] = "stale", [ZKHSMD_REVOKED] = "revoked",
		[ZKHSMD_QUARANTINED] = "quarantined",
		[ZKHSMD_REFUSED] = "refused",
	};

	return (size_t)state < ARRAY_SIZE(names) ? names[state] : NULL;
}

json_t *zkhsmd_hsm_json(const struct zkhsmd_hsm *h, const struct zkhsmd_status *status)
{
	json_t *o = json_pack("{s:s, s:s}", "name", h->name, "state",
			      zkhsmd_state_name(status->state));

	zkhsmd_json_hash(o, "hsm_id", h->id);
	json_object_set_new(o, "cluster", h->cluster[0] ? json_string(h->cluster) : json_null());
	json_object_set_new(o, "attested_at_ms", h->attested ? json_integer(h->attested_ms) :
			    json_null());
	json_object_set_new(o, "age_ms", status->age_ms >= 0 ? json_integer(status->age_ms) :
			    json_null());
	json_object_set_new(o, "number", h->attested ? json_integer(h->number) : json_null());
	json_object_set_new(o, "keys", h->attested ? json_integer(h->keys) : json_null());
	json_object_set_new(o, "rule", json_string(status->judgement.rule));
	if (status->judgement.refused)
		json_object_set_new(o, "why", json_string(status->judgement.why));
	json_object_set_new(o, "quarantine", zkhsmd_quarantine_json(h));
	return o;
}
