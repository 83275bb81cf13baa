// SPDX-License-Identifier: GPL-2.0
/*
 * Orders of the managers: verified here, whoever carried them, and turned
 * into votes. What leases and trust-changes do is in files of theirs.
 *
 * The counter of a manager advances only in turn. A revocation or a hold that
 * is further ahead acts at once, because to stop too early is the safe side;
 * its number stays open and it comes again in turn. A release acts in turn
 * alone, or a carrier could choose which of two words of a manager is its
 * last, and so does a trust-change. At or below the counter is a replay.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "grant.h"
#include "lease.h"
#include "point.h"
#include "trace.h"

/* One verified order on its way into the votes. */
struct apply {
	const struct zkhsm_order *order;
	const u8 *digest;
	struct zkhsm_manager *by;
	bool in_turn;
	/* Memory for the worst case, so that nothing can fail half-way. */
	struct list_head spare_elements;
	struct list_head spare_votes;
	struct zkhsm_order_result *res;
};

static enum zkhsm_vote_kind vote_kind(u8 type)
{
	switch (type) {
	case ZKHSM_ORDER_TYPE_REVOKE:
		return ZKHSM_VOTE_REVOKE;
	case ZKHSM_ORDER_TYPE_HOLD:
		return ZKHSM_VOTE_HOLD;
	default:
		return ZKHSM_VOTE_RELEASE;
	}
}

static void free_spares(struct apply *a)
{
	struct zkhsm_element *e, *next_e;
	struct zkhsm_vote *v, *next_v;

	list_for_each_entry_safe(e, next_e, &a->spare_elements, voted)
		zkhsm_element_free(e);
	list_for_each_entry_safe(v, next_v, &a->spare_votes, node)
		kfree(v);
}

static int alloc_spares(struct apply *a)
{
	u32 i;

	for (i = 0; i < a->order->count; i++) {
		struct zkhsm_element *e = zkhsm_element_alloc();
		struct zkhsm_vote *v = kzalloc(sizeof(*v), GFP_KERNEL);

		if (e)
			list_add(&e->voted, &a->spare_elements);
		if (v)
			list_add(&v->node, &a->spare_votes);
		if (!e || !v)
			return -ENOMEM;
	}
	a->res->changes = kvcalloc(a->order->count, sizeof(*a->res->changes), GFP_KERNEL);
	return a->res->changes ? 0 : -ENOMEM;
}

static bool table_full(const struct apply *a)
{
	return a->by->tombstones >= ZKHSM_TOMBSTONES_MAX;
}

/* The element of this name, new if need be; NULL when there is no room for it. */
static struct zkhsm_element *find_or_add(struct apply *a, const u8 *name)
{
	struct zkhsm_element *e = zkhsm_element_find(name);

	if (e || table_full(a))
		return e;
	e = list_first_entry(&a->spare_elements, struct zkhsm_element, voted);
	list_del_init(&e->voted);
	memcpy(e->name, name, ZKHSM_HASH_LEN);
	zkhsm_element_insert(e);
	return e;
}

/* The manager's vote on the element, new if need be; NULL when there is no room for it. */
static struct zkhsm_vote *find_or_add_vote(struct apply *a, struct zkhsm_element *e)
{
	struct zkhsm_vote *v = zkhsm_vote_find(e, a->by);

	if (v || (e->role == ZKHSM_ROLE_ABSENT && table_full(a)))
		return v;
	v = list_first_entry(&a->spare_votes, struct zkhsm_vote, node);
	list_del_init(&v->node);
	zkhsm_vote_add(e, v, a->by);
	return v;
}

static void note_change(struct apply *a, struct zkhsm_key *key, enum zkhsm_event event)
{
	struct zkhsm_change *c = &a->res->changes[a->res->change_count++];

	zkhsm_key_get(key);
	c->key = key;
	c->event = event;
}

/*
 * The vote and what follows from it. A vote of a higher number stands: this
 * order is the older word. One of the same number is this very order, applied
 * ahead of its turn; if a release cleared it since, it has now served its
 * purpose.
 */
static void cast(struct apply *a, struct zkhsm_element *e, struct zkhsm_vote *v)
{
	enum zkhsm_vote_kind kind = vote_kind(a->order->type);
	enum zkhsm_event event;

	if (a->order->number < v->number)
		return;
	if (a->order->number == v->number) {
		if (a->in_turn && v->kind == ZKHSM_VOTE_CLEARED)
			zkhsm_vote_del(e, v);
		return;
	}
	zkhsm_vote_cast(e, v, kind, a->order->number, a->order->reason);
	event = zkhsm_vote_count(e, kind == ZKHSM_VOTE_RELEASE);
	if (event != ZKHSM_EVENT_UNSPEC)
		note_change(a, e->key, event);
}

static void apply_to(struct apply *a, const u8 *name)
{
	struct zkhsm_element *e;
	struct zkhsm_vote *v;

	e = find_or_add(a, name);
	v = e ? find_or_add_vote(a, e) : NULL;
	if (!v) {
		a->res->dropped++;
		return;
	}
	cast(a, e, v);
	v = zkhsm_vote_find(e, a->by);
	if (v && v->kind != ZKHSM_VOTE_CLEARED && e->role == ZKHSM_ROLE_ABSENT)
		a->res->tombstones++;
	zkhsm_element_collect(e);
}

static bool acts_ahead(u8 type)
{
	return type == ZKHSM_ORDER_TYPE_REVOKE || type == ZKHSM_ORDER_TYPE_HOLD;
}

/**
 * zkhsm_order_check_number() - whether an order may act now
 * @o: the order, one that has a number
 * @by: its manager
 * @in_turn: whether this is its turn
 * @extack: of the request
 *
 * Return: 0; -EALREADY (replay); -EAGAIN (others have to come first).
 */
int zkhsm_order_check_number(const struct zkhsm_order *o, const struct zkhsm_manager *by,
			     bool *in_turn, struct netlink_ext_ack *extack)
{
	u64 last = by->last_number;

	lockdep_assert_held_write(&zkhsm_lock);

	if (o->number <= last)
		return zkhsm_refuse_fmt(extack, -EALREADY, ZKHSM_REASON_REPLAY,
					"an order with this number has been applied",
					"order %llu is a replay: %llu has been applied",
					o->number, last);
	*in_turn = o->number == last + 1;
	if (!*in_turn && !acts_ahead(o->type))
		return zkhsm_refuse_fmt(extack, -EAGAIN, ZKHSM_REASON_OUT_OF_TURN,
					"orders before this one are missing",
					"order %llu is out of turn: %llu comes next",
					o->number, last + 1);
	return 0;
}

/* In its turn: @by's counter goes on to this order, whose signature covers what @digest is of. */
void zkhsm_order_advance(const struct zkhsm_order *o, struct zkhsm_manager *by,
			 const u8 digest[ZKHSM_HASH_LEN])
{
	lockdep_assert_held_write(&zkhsm_lock);

	by->last_number = o->number;
	memcpy(by->last_digest, digest, ZKHSM_HASH_LEN);
	zkhsm_record_head_changed();
}

static int apply_locked(struct apply *a, struct netlink_ext_ack *extack)
{
	const struct zkhsm_order *o = a->order;
	u32 i;
	int err;

	lockdep_assert_held_write(&zkhsm_lock);

	/* The manager may have been unpinned while the signature was verified. */
	a->by = zkhsm_trust_find(o->manager_id);
	if (!a->by || !a->by->pinned)
		return zkhsm_refuse_unpinned(extack);
	err = zkhsm_order_check_number(o, a->by, &a->in_turn, extack);
	if (err)
		return err;

	/* Before the votes: which of them have to be remembered goes by the counter. */
	if (a->in_turn)
		zkhsm_order_advance(o, a->by, a->digest);
	for (i = 0; i < o->count; i++)
		apply_to(a, o->elements + i * ZKHSM_HASH_LEN);
	return 0;
}

/* The decoder leaves the new C of a trust-change alone: it takes room to look at. */
static int decode_trust_change(const struct zkhsm_order *o)
{
	struct zkhsm_configuration *c = kmalloc(sizeof(*c), GFP_KERNEL);
	int err;

	if (!c)
		return -ENOMEM;
	err = zkhsm_configuration_decode(c, o->config, o->config_len);
	kfree(c);
	return err;
}

static int decode(struct zkhsm_order *o, const u8 *buf, size_t len)
{
	int err;

	err = zkhsm_order_decode(o, buf, len);
	if (!err && o->type == ZKHSM_ORDER_TYPE_TRUST_CHANGE)
		err = decode_trust_change(o);
	if (!err && o->type == ZKHSM_ORDER_TYPE_GRANT && zkhsm_grant_names_client(o))
		err = zkhsm_p256_decode_public(o->client);
	return err;
}

/**
 * zkhsm_order_read() - decode an order, and look who is to obey
 * @o: what it says; points into @buf
 * @buf: the order
 * @len: its length
 * @extack: of the request
 *
 * Return: 0; -EBADMSG (malformed); -EOPNOTSUPP (type); -EKEYREJECTED (for
 * another HSM); -ENOMEM.
 */
int zkhsm_order_read(struct zkhsm_order *o, const u8 *buf, size_t len,
		     struct netlink_ext_ack *extack)
{
	int err = decode(o, buf, len);

	if (err == -ENOMEM)
		return zkhsm_refuse_failure(extack, err);
	if (err == -EOPNOTSUPP)
		return zkhsm_refuse(extack, err, ZKHSM_REASON_NOT_SUPPORTED,
				    "orders of this type are not supported yet");
	if (err)
		return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED,
				    "the order is malformed");
	if (memcmp(o->hsm_id, zkhsm_hsm_id(), sizeof(o->hsm_id)))
		return zkhsm_refuse(extack, -EKEYREJECTED, ZKHSM_REASON_OTHER_HSM,
				    "the order is for another HSM");
	return 0;
}

/**
 * zkhsm_order_check_signature() - whether a pinned manager has signed an order
 * @o: the order
 * @buf: its bytes
 * @digest: of what the signature covers; one over the signature too could be
 *	changed by the carrier, since (r, n - s) is as good as (r, s)
 * @extack: of the request
 *
 * Return: 0; -ENOKEY (not pinned); -EBADMSG (r or s out of range);
 * -EKEYREJECTED; -EIO.
 */
int zkhsm_order_check_signature(const struct zkhsm_order *o, const u8 *buf,
				u8 digest[ZKHSM_HASH_LEN], struct netlink_ext_ack *extack)
{
	struct zkhsm_manager_info m;
	int err;

	if (zkhsm_trust_get(o->manager_id, &m, NULL))
		return zkhsm_refuse_unpinned(extack);
	if (zkhsm_sha256(buf, o->signed_len, digest))
		return zkhsm_refuse_failure(extack, -EIO);
	err = zkhsm_ecdsa_verify(m.pub, digest, o->signature);
	if (err == -EBADMSG)
		return zkhsm_refuse(extack, err, ZKHSM_REASON_MALFORMED,
				    "r or s of the order's signature is out of range");
	if (err)
		return zkhsm_refuse(extack, -EKEYREJECTED, ZKHSM_REASON_SIGNATURE,
				    "the signature of the order is false");
	return 0;
}

/* Form, addressee, sender, signature: everything but the number. */
static int verify(struct zkhsm_order *o, const u8 *buf, size_t len, u8 digest[ZKHSM_HASH_LEN],
		  struct netlink_ext_ack *extack)
{
	int err;

	err = zkhsm_order_read(o, buf, len, extack);
	if (err)
		return err;
	if (o->type == ZKHSM_ORDER_TYPE_GRANT)
		return zkhsm_refuse(extack, -EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED,
				    "a grant comes with the operation that it is for");
	return zkhsm_order_check_signature(o, buf, digest, extack);
}

/* A revoke, hold or release. */
static int apply_votes(const struct zkhsm_order *o, const u8 *digest,
		       struct zkhsm_order_result *res, struct netlink_ext_ack *extack)
{
	struct apply a = {
		.order = o,
		.digest = digest,
		.spare_elements = LIST_HEAD_INIT(a.spare_elements),
		.spare_votes = LIST_HEAD_INIT(a.spare_votes),
		.res = res,
	};
	int err;

	err = alloc_spares(&a);
	if (err) {
		err = zkhsm_refuse_failure(extack, err);
		goto out;
	}

	down_write(&zkhsm_lock);
	err = apply_locked(&a, extack);
	downgrade_write(&zkhsm_lock);
	zkhsm_nl_event_changes(res->changes, res->change_count);
	up_read(&zkhsm_lock);
	res->in_turn = a.in_turn;
out:
	free_spares(&a);
	return err;
}

/**
 * zkhsm_order_apply() - verify and apply one order
 * @buf: the order
 * @len: its length
 * @res: what it did; zkhsm_order_result_free() it, after an error too
 * @extack: of the request
 *
 * All of the order or nothing of it is applied. When it returns, no use of a
 * key that it stopped will get a result out, and the secrets of keys that it
 * compromised are wiped, or will be by the use that was in flight.
 *
 * Return: 0; -EBADMSG (malformed); -EOPNOTSUPP (type); -EKEYREJECTED (for
 * another HSM, or a false signature); -ENOKEY (manager not pinned); -EALREADY
 * (replay); -EAGAIN (out of turn); those of zkhsm_lease_apply(); -ENOMEM; -EIO.
 */
int zkhsm_order_apply(const u8 *buf, size_t len, struct zkhsm_order_result *res,
		      struct netlink_ext_ack *extack)
{
	u8 digest[ZKHSM_HASH_LEN];
	struct zkhsm_order order;
	int err;

	memset(res, 0, sizeof(*res));
	err = verify(&order, buf, len, digest, extack);
	if (err)
		return err;
	memcpy(res->manager_id, order.manager_id, sizeof(res->manager_id));
	res->type = order.type;
	res->number = order.number;

	switch (order.type) {
	case ZKHSM_ORDER_TYPE_LEASE:
		err = zkhsm_lease_apply(&order, res, extack);
		break;
	case ZKHSM_ORDER_TYPE_TRUST_CHANGE:
		err = zkhsm_trust_change(&order, digest, res, extack);
		break;
	default:
		err = apply_votes(&order, digest, res, extack);
	}
	if (!err)
		trace_zkhsm_order(res->manager_id, res->type, res->number, res->in_turn,
				  res->change_count);
	return err;
}

void zkhsm_order_result_free(struct zkhsm_order_result *res)
{
	u32 i;

	for (i = 0; i < res->change_count; i++)
		zkhsm_key_put(res->changes[i].key);
	kvfree(res->changes);
}
