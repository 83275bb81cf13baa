// SPDX-License-Identifier: GPL-2.0
/*
 * What the managers' leases say of a key, asked at the moment of its use.
 *
 * A lease is no state of a key: nothing is switched when one comes or ends.
 * Whoever wants to use the key counts, under zkhsm_lock, the managers whose
 * lease grants it now; so a lease that ended a moment ago, or was replaced,
 * grants nothing, whether or not anybody has noticed.
 */
#include <linux/bsearch.h>
#include <linux/ktime.h>

#include "lease.h"

static u64 now_ms(void)
{
	return ktime_to_ms(ktime_get_boottime());
}

/* CLOCK_BOOTTIME of its end. */
u64 zkhsm_lease_expires_ms(const struct zkhsm_lease *l)
{
	return l->issued_ms + l->ttl_ms;
}

static int compare_names(const void *a, const void *b)
{
	return memcmp(a, b, ZKHSM_HASH_LEN);
}

/* Whether what a manager says, apart from its lease's age, is for the key. */
static enum zkhsm_lease_verdict words(const struct zkhsm_manager *m, const struct zkhsm_key *key)
{
	const struct zkhsm_lease *l = m->lease;
	bool grants = l->verdict == ZKHSM_LEASE_VERDICT_GRANT;
	bool exception = bsearch(key->element->name, l->elements, l->count, ZKHSM_HASH_LEN,
				 compare_names);

	if (exception == grants)
		return ZKHSM_LEASE_VERDICT_DENY;
	/* One that grants can be on its way while a hold overtakes it, or be from before. */
	if (zkhsm_vote_stops(key->element, m))
		return ZKHSM_LEASE_VERDICT_DENY;
	/* The manager has seen another key under this name, or none. */
	if (key->changed > l->generation)
		return ZKHSM_LEASE_VERDICT_CHANGED;
	return ZKHSM_LEASE_VERDICT_GRANT;
}

static enum zkhsm_lease_verdict verdict(const struct zkhsm_manager *m, const struct zkhsm_key *key,
					u64 now)
{
	enum zkhsm_lease_verdict v;

	if (!m->lease)
		return ZKHSM_LEASE_VERDICT_NONE;
	v = words(m, key);
	if (v == ZKHSM_LEASE_VERDICT_GRANT && now >= zkhsm_lease_expires_ms(m->lease))
		return ZKHSM_LEASE_VERDICT_EXPIRED;
	return v;
}

/* How the managers stand, and which of them is the first to blame for each kind of no. */
struct standing {
	u32 quorum;
	u32 granted;
	u32 graced;
	const struct zkhsm_manager *first[ZKHSM_LEASE_VERDICT_NONE + 1];
};

static void count(const struct zkhsm_key *key, u64 now, struct standing *s)
{
	u64 grace = zkhsm_hsm_grace_ms();
	const struct zkhsm_manager *m;
	enum zkhsm_lease_verdict v;
	u32 stop, wipe;

	memset(s, 0, sizeof(*s));
	zkhsm_hsm_quorums(&s->quorum, &stop, &wipe);
	zkhsm_trust_for_each_pinned(m) {
		v = verdict(m, key, now);
		if (v == ZKHSM_LEASE_VERDICT_GRANT)
			s->granted++;
		else if (v == ZKHSM_LEASE_VERDICT_EXPIRED &&
			 now - zkhsm_lease_expires_ms(m->lease) < grace)
			s->graced++;
		if (!s->first[v])
			s->first[v] = m;
	}
}

/* The refusal that says most: what has ended, what was denied, what is missing. */
static int refuse(const struct standing *s, u64 now, struct netlink_ext_ack *extack)
{
	const struct zkhsm_manager *m;

	m = s->first[ZKHSM_LEASE_VERDICT_EXPIRED];
	if (m)
		return zkhsm_refuse_fmt(extack, -EKEYEXPIRED, ZKHSM_REASON_LEASE_EXPIRED,
					"leases that granted this key have expired",
					"lease of manager %4phN expired %llu s ago, %u of %u grant this key",
					m->id, div_u64(now - zkhsm_lease_expires_ms(m->lease),
						       MSEC_PER_SEC), s->granted, s->quorum);
	m = s->first[ZKHSM_LEASE_VERDICT_DENY];
	if (m)
		return zkhsm_refuse_fmt(extack, -EKEYEXPIRED, ZKHSM_REASON_LEASE_DENIED,
					"managers do not grant this key",
					"manager %4phN does not grant this key, %u of %u do",
					m->id, s->granted, s->quorum);
	m = s->first[ZKHSM_LEASE_VERDICT_CHANGED];
	if (m)
		return zkhsm_refuse_fmt(extack, -EKEYEXPIRED, ZKHSM_REASON_LEASE_CHANGED,
					"this key has changed since the leases were granted",
					"changed since the lease of manager %4phN, %u of %u grant this key",
					m->id, s->granted, s->quorum);
	if (!s->granted)
		return zkhsm_refuse_fmt(extack, -EKEYEXPIRED, ZKHSM_REASON_NO_LEASE,
					"no lease grants this key yet",
					"no lease grants this key yet, %u are needed", s->quorum);
	return zkhsm_refuse_fmt(extack, -EKEYEXPIRED, ZKHSM_REASON_LEASE_QUORUM,
				"fewer managers grant this key than are needed",
				"%u of %u managers grant this key", s->granted, s->quorum);
}

/**
 * zkhsm_lease_check() - whether leases let a key be used now
 * @key: that is in the store
 * @unleased: set when they do not, and it may be used all the same, because
 *	enforce_grace_ms lets it
 * @extack: of the request
 *
 * Return: 0, or -EKEYEXPIRED.
 */
int zkhsm_lease_check(const struct zkhsm_key *key, bool *unleased, struct netlink_ext_ack *extack)
{
	struct standing s;
	u64 now;

	lockdep_assert_held(&zkhsm_lock);

	*unleased = false;
	if (!(key->flags & ZKHSM_KEY_FLAG_LEASE_REQUIRED))
		return 0;
	now = now_ms();
	count(key, now, &s);
	if (s.granted >= s.quorum)
		return 0;
	*unleased = zkhsm_hsm_grace_ms() == ZKHSM_GRACE_FOR_EVER ||
		    s.granted + s.graced >= s.quorum;
	return *unleased ? 0 : refuse(&s, now, extack);
}

/* The end of what @m grants the key, grace included; 0: it grants nothing. */
static u64 grants_until(const struct zkhsm_manager *m, const struct zkhsm_key *key, u64 now)
{
	u64 until;

	if (!m->lease || words(m, key) != ZKHSM_LEASE_VERDICT_GRANT)
		return 0;
	if (check_add_overflow(zkhsm_lease_expires_ms(m->lease), zkhsm_hsm_grace_ms(), &until))
		until = U64_MAX - 1;
	return until > now ? until : 0;
}

/* When fewer than @quorum grant the key: the quorum-th of their ends, latest first. */
static u64 works_until(const struct zkhsm_key *key, u32 quorum, u64 now)
{
	u64 ends[ZKHSM_MANAGERS_MAX] = {};
	const struct zkhsm_manager *m;
	u32 i, n = 0;

	if (zkhsm_hsm_grace_ms() == ZKHSM_GRACE_FOR_EVER)
		return U64_MAX;
	zkhsm_trust_for_each_pinned(m) {
		u64 until = grants_until(m, key, now);

		for (i = n++; i > 0 && ends[i - 1] < until; i--)
			ends[i] = ends[i - 1];
		ends[i] = until;
	}
	return quorum <= n ? ends[quorum - 1] : 0;
}

void zkhsm_lease_tally(const struct zkhsm_key *key, struct zkhsm_lease_tally *t)
{
	struct standing s;
	u64 now = now_ms();

	lockdep_assert_held(&zkhsm_lock);

	memset(t, 0, sizeof(*t));
	/* Deleted: its leases ended with it. */
	if (!(key->flags & ZKHSM_KEY_FLAG_LEASE_REQUIRED) || !key->element)
		return;
	count(key, now, &s);
	t->needed = s.quorum;
	t->granted = s.granted;
	t->until_ms = works_until(key, s.quorum, now);
}

void zkhsm_lease_read_key(const struct zkhsm_key *key, struct zkhsm_key_leases *l)
{
	const struct zkhsm_manager *m;
	u64 now = now_ms();

	lockdep_assert_held(&zkhsm_lock);

	l->count = 0;
	if (!(key->flags & ZKHSM_KEY_FLAG_LEASE_REQUIRED) || !key->element)
		return;
	zkhsm_trust_for_each_pinned(m) {
		memcpy(l->of[l->count].manager_id, m->id, ZKHSM_HASH_LEN);
		l->of[l->count].verdict = verdict(m, key, now);
		l->of[l->count++].expires_ms = m->lease ? zkhsm_lease_expires_ms(m->lease) : 0;
	}
}

void zkhsm_lease_read(const struct zkhsm_manager *m, struct zkhsm_lease_info *info)
{
	lockdep_assert_held(&zkhsm_lock);

	memset(info, 0, sizeof(*info));
	memcpy(info->manager_id, m->id, sizeof(info->manager_id));
	memcpy(info->label, m->label, sizeof(info->label));
	info->verdict = ZKHSM_LEASE_VERDICT_NONE;
	if (!m->lease)
		return;
	info->expires_ms = zkhsm_lease_expires_ms(m->lease);
	info->verdict = now_ms() < info->expires_ms ? m->lease->verdict :
						      ZKHSM_LEASE_VERDICT_EXPIRED;
	info->number = m->lease->number;
	info->issued_ms = m->lease->issued_ms;
	info->exceptions = m->lease->count;
}

/* That of the first pinned manager behind @id, NULL for the very first; for dumps. */
bool zkhsm_lease_after(const u8 *id, struct zkhsm_lease_info *info)
{
	const struct zkhsm_manager *m;

	lockdep_assert_held(&zkhsm_lock);

	zkhsm_trust_for_each_pinned(m) {
		if (id && memcmp(m->id, id, ZKHSM_HASH_LEN) <= 0)
			continue;
		zkhsm_lease_read(m, info);
		return true;
	}
	return false;
}
