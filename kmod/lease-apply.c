// SPDX-License-Identifier: GPL-2.0
/*
 * A lease comes, replaces the manager's earlier one, and goes.
 *
 * It names the evidence that it answers by SHA-256(S). The table of
 * outstanding nonces knows when that was made, over which keystore, and its
 * number; nothing that the carrier could choose counts.
 */
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include "lease.h"
#include "trace.h"

static struct zkhsm_lease *lease_new(const struct zkhsm_order *o)
{
	struct zkhsm_lease *l = kvzalloc(struct_size(l, elements, o->count), GFP_KERNEL);

	if (!l)
		return NULL;
	l->ttl_ms = o->ttl_ms;
	l->verdict = o->verdict;
	l->count = o->count;
	if (o->count)
		memcpy(l->elements, o->elements, (size_t)o->count * ZKHSM_HASH_LEN);
	return l;
}

static int check_orders(const struct zkhsm_order *o, const struct zkhsm_manager *m,
			struct netlink_ext_ack *extack)
{
	/* It may grant what an order takes away that is still on its way. */
	if (m->last_number < o->least)
		return zkhsm_refuse_fmt(extack, -EAGAIN, ZKHSM_REASON_OUT_OF_TURN,
					"orders before this lease are missing",
					"lease needs orders up to %llu, %llu applied",
					o->least, m->last_number);
	return 0;
}

/* That the lease answers evidence that still counts, and nothing older than what is here. */
static int check_evidence(struct zkhsm_lease *l, const struct zkhsm_order *o,
			  const struct zkhsm_manager *m, struct netlink_ext_ack *extack)
{
	struct zkhsm_outstanding_ref ref;

	if (!zkhsm_outstanding_find(o->statement, zkhsm_hsm_max_ttl_ms(), &ref))
		return zkhsm_refuse(extack, -EKEYEXPIRED, ZKHSM_REASON_NONCE,
				    "no outstanding evidence is the one that this lease answers");
	if (ref.number <= m->lease_number)
		return zkhsm_refuse_fmt(extack, -EALREADY, ZKHSM_REASON_REPLAY,
					"a lease for this evidence, or later one, has been applied",
					"lease for evidence %u is a replay: %u has been applied",
					ref.number, m->lease_number);
	l->number = ref.number;
	l->issued_ms = ktime_to_ms(ref.issued);
	l->generation = ref.generation;
	return 0;
}

static int check_life(const struct zkhsm_lease *l, struct netlink_ext_ack *extack)
{
	if (l->ttl_ms > zkhsm_hsm_max_ttl_ms())
		return zkhsm_refuse_fmt(extack, -EINVAL, ZKHSM_REASON_TTL,
					"this lease is for longer than max-ttl-ms",
					"this lease is for %llu ms, max-ttl-ms is %llu",
					l->ttl_ms, zkhsm_hsm_max_ttl_ms());
	if (ktime_to_ms(ktime_get_boottime()) >= zkhsm_lease_expires_ms(l))
		return zkhsm_refuse(extack, -EKEYEXPIRED, ZKHSM_REASON_LEASE_EXPIRED,
				    "this lease has expired already");
	return 0;
}

/* Tells under the lock that it was done under, and gives it back: see tell() in ops.c. */
static void tell(int err, const struct zkhsm_manager *m)
{
	struct zkhsm_lease_info info;

	lockdep_assert_held_write(&zkhsm_lock);

	downgrade_write(&zkhsm_lock);
	if (!err) {
		zkhsm_lease_read(m, &info);
		zkhsm_nl_event_lease(ZKHSM_EVENT_LEASED, &info);
	}
	up_read(&zkhsm_lock);
}

/**
 * zkhsm_lease_apply() - take a lease
 * @o: the order, verified
 * @res: gets the lease's end
 * @extack: of the request
 *
 * Return: 0; -ENOKEY (unpinned meanwhile); -EAGAIN (orders are missing);
 * -EKEYEXPIRED (its evidence is not outstanding, or its time is over);
 * -EALREADY (replay, or for earlier evidence); -EINVAL (too long); -ENOMEM.
 */
int zkhsm_lease_apply(const struct zkhsm_order *o, struct zkhsm_order_result *res,
		      struct netlink_ext_ack *extack)
{
	struct zkhsm_lease *l = lease_new(o);
	struct zkhsm_manager *m;
	int err;

	if (!l)
		return zkhsm_refuse_failure(extack, -ENOMEM);

	down_write(&zkhsm_lock);
	m = zkhsm_trust_find(o->manager_id);
	err = m && m->pinned ? check_evidence(l, o, m, extack) : zkhsm_refuse_unpinned(extack);
	if (!err)
		err = check_life(l, extack);
	if (!err)
		err = check_orders(o, m, extack);
	if (!err) {
		swap(m->lease, l);
		m->lease_number = m->lease->number;
		res->expires_ms = zkhsm_lease_expires_ms(m->lease);
		trace_zkhsm_lease(m->id, ZKHSM_EVENT_LEASED, m->lease->number, res->expires_ms);
		zkhsm_lease_timer_set();
	}
	tell(err, m);
	kvfree(l);
	return err;
}

/* There is a new max_ttl_ms. What it cuts off does not come back with a longer one. */
void zkhsm_lease_shorten(u64 max_ttl_ms)
{
	struct zkhsm_manager *m;

	lockdep_assert_held_write(&zkhsm_lock);

	zkhsm_trust_for_each_pinned(m)
		if (m->lease)
			m->lease->ttl_ms = min(m->lease->ttl_ms, max_ttl_ms);
	zkhsm_lease_timer_set();
}

/*
 * The manager's word counts no more: it was unpinned, which is told with that,
 * or this is the end. NULL is fine for the lease, not for the manager.
 */
void zkhsm_lease_drop(struct zkhsm_manager *m)
{
	lockdep_assert_held_write(&zkhsm_lock);

	if (!m->lease)
		return;
	trace_zkhsm_lease(m->id, ZKHSM_EVENT_DELETED, m->lease->number, 0);
	kvfree(m->lease);
	m->lease = NULL;
}

/*
 * The VM was forked: what was granted to the one instance was not granted to
 * two. After the nonces, so that no lease comes in behind this.
 */
void zkhsm_lease_drop_all(void)
{
	struct zkhsm_lease_info info;
	struct zkhsm_manager *m;

	down_write(&zkhsm_lock);
	zkhsm_trust_for_each_pinned(m) {
		if (!m->lease)
			continue;
		zkhsm_lease_drop(m);
		zkhsm_lease_read(m, &info);
		zkhsm_nl_event_lease(ZKHSM_EVENT_DELETED, &info);
	}
	up_write(&zkhsm_lock);
}
