// SPDX-License-Identifier: GPL-2.0
/*
 * Sealing: everything that has changed, as it was in one moment, encrypted
 * under the KEK, and a head that says which records belong together.
 *
 * What is given out here may or may not get stored; only a commit tells. Until
 * then it waits on, and the next sealing, of a higher sequence, has it again.
 * So at any time the store holds one head whose records are all there, and the
 * kernel knows which one at the latest after the next commit.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "group.h"
#include "offer.h"
#include "tpm.h"
#include "trace.h"

#define ATTEMPTS	3
/* Given out and not read to the end yet: each may be as large as all keys are. */
#define SEALINGS_MAX	8
/*
 * Steps of the TPM's counter that a head may be ahead: sealings that were not
 * committed. The first head of a boot goes past all that an earlier boot may have
 * given out, so that none of them outlives what this boot stores; hence few.
 */
#define COUNTER_AHEAD	32

/* The KEK, what was given out and not committed, and what is being unsealed. */
DEFINE_MUTEX(zkhsm_seal_lock);

/*
 * @kek: of what is stored; @kek.class unspec: nothing is ever sealed
 * @sequence: of the last sealing
 * @records, @set: of the sealing that was committed last
 * @counter_index: NV index, 0: none
 * @counter: of the last sealing
 * @counter_stored: of the last commit, which is where the TPM's counter is
 * @fresh: with a counter: this state was unsealed and has not been stored again.
 *	Until then nothing in it changes: two first heads that follow one state
 *	have one count, so they must say the same. Read without the lock.
 * @offer: the last one given out, while it is not committed
 * @all: an offer of everything was not committed: it may be what is stored
 *
 * Locking: zkhsm_seal_lock.
 */
static struct {
	struct zkhsm_kek kek;
	u64 sequence;
	u32 records;
	u8 set[ZKHSM_SET_DIGEST_LEN];
	u32 counter_index;
	u64 counter;
	u64 counter_stored;
	bool fresh;
	struct zkhsm_offer *offer;
	bool all;
} seal;

static void offer_free(struct zkhsm_offer *o)
{
	if (!o)
		return;
	zkhsm_moment_free(&o->m);
	zkhsm_kek_wipe(&o->kek);
	kfree(o);
}

/* How many sealings there are. */
static atomic_t sealings = ATOMIC_INIT(0);

static struct zkhsm_sealing *sealing_alloc(void)
{
	struct zkhsm_sealing *s;

	if (!atomic_add_unless(&sealings, 1, SEALINGS_MAX))
		return ERR_PTR(-EBUSY);
	s = kvzalloc(sizeof(*s), GFP_KERNEL);
	if (!s) {
		atomic_dec(&sealings);
		return ERR_PTR(-ENOMEM);
	}
	INIT_LIST_HEAD(&s->items);
	return s;
}

void zkhsm_sealing_free(struct zkhsm_sealing *s)
{
	struct zkhsm_sealed_item *item, *next;

	if (!s)
		return;
	atomic_dec(&sealings);
	list_for_each_entry_safe(item, next, &s->items, node)
		zkhsm_item_free(item);
	kvfree(s);
}

static void add_item(struct zkhsm_sealing *s, struct zkhsm_sealed_item *item)
{
	list_add_tail(&item->node, &s->items);
	s->largest = max(s->largest, item->len);
}

/* One record, and what it does to the set digest. */
static int seal_entry(struct zkhsm_offer *o, struct zkhsm_entry *e, struct zkhsm_sealing *s)
{
	struct zkhsm_record *r = e->record;
	struct zkhsm_sealed_item *item;
	int err = 0;

	if (!o->full && r->stored) {
		err = zkhsm_set_sub(o->set, &o->kek, r->digest);
		o->records--;
	}
	if (err || e->silent)
		return err;
	item = e->removed ? zkhsm_item_removed(e) : zkhsm_item_record(o, e);
	if (IS_ERR(item))
		return PTR_ERR(item);
	add_item(s, item);
	if (e->removed)
		return 0;
	o->records++;
	err = zkhsm_sha256(item->bytes, item->len, e->digest) ? -EIO : 0;
	return err ?: zkhsm_set_add(o->set, &o->kek, e->digest);
}

/* The TPM's count that the next head belongs to. */
static u64 next_counter(void)
{
	if (!seal.counter_index)
		return 0;
	return seal.fresh ? seal.counter_stored + COUNTER_AHEAD + 1 : seal.counter + 1;
}

/**
 * zkhsm_seal_check_settled() - whether what is sealed may change
 * @extack: of the request
 *
 * For whoever has seen that there is an identity: that the state of the last life
 * has to be stored first never becomes true after that. So what has passed here
 * may take its time.
 *
 * Return: 0; -EAGAIN until the first commit after unsealing, with a counter.
 */
int zkhsm_seal_check_settled(struct netlink_ext_ack *extack)
{
	if (!READ_ONCE(seal.fresh))
		return 0;
	return zkhsm_refuse(extack, -EAGAIN, ZKHSM_REASON_UNSEALED,
			    "the state that was unsealed has not been stored yet: zkhsm hsm seal");
}

/* Where the sealing begins: from what was committed, or from nothing. */
static int begin(struct zkhsm_offer *o, const struct zkhsm_seal_request *req,
		 struct netlink_ext_ack *extack)
{
	const struct zkhsm_kek_source src = {
		.class = seal.kek.class,
		.serial = req->serial,
		.blob = seal.kek.blob,
		.blob_len = seal.kek.blob_len,
	};
	int err;

	/* Or a head that was stored would be further ahead than is believed at unsealing. */
	if (seal.counter - seal.counter_stored >= COUNTER_AHEAD)
		return zkhsm_refuse(extack, -EBUSY, ZKHSM_REASON_SEQUENCE,
				    "too many sealings have not been committed");
	/* A first head under the old KEK would be as good as the one under the new. */
	err = req->rekey ? zkhsm_seal_check_settled(extack) : 0;
	if (err)
		return err;
	o->rekey = req->rekey;
	o->full = req->full || req->rekey || seal.all;
	/* They are used up when it is given out: see seal_locked(). */
	o->sequence = seal.sequence + 1;
	o->counter_index = seal.counter_index;
	o->counter = next_counter();
	if (req->rekey)
		err = zkhsm_kek_new(&o->kek, &src, extack);
	else
		o->kek = seal.kek;
	return err;
}

static int seal_moment(struct zkhsm_offer *o, struct zkhsm_sealing *s)
{
	struct zkhsm_sealed_item *item;
	int err = 0;
	u32 i;

	for (i = 0; !err && i < o->m.count; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		err = seal_entry(o, &o->m.entries[i], s);
	}
	if (!err) {
		item = zkhsm_item_head(o);
		err = PTR_ERR_OR_ZERO(item);
	}
	if (!err)
		add_item(s, item);
	zkhsm_burn_stack();
	return err;
}

/* Return: the items of a moment that @o is of; -EAGAIN when a secret went meanwhile; ... */
static struct zkhsm_sealing *seal_once(struct zkhsm_offer *o)
{
	struct zkhsm_sealing *s = sealing_alloc();
	int err;

	if (IS_ERR(s))
		return s;
	o->records = o->full ? 0 : seal.records;
	if (o->full)
		memset(o->set, 0, sizeof(o->set));
	else
		memcpy(o->set, seal.set, sizeof(o->set));
	err = zkhsm_moment_take(&o->m, o->full);
	if (!err)
		err = seal_moment(o, s);
	if (err) {
		zkhsm_sealing_free(s);
		zkhsm_moment_free(&o->m);
		return ERR_PTR(err);
	}
	s->sequence = o->sequence;
	s->records = o->records;
	s->blob_len = o->kek.blob_len;
	memcpy(s->blob, o->kek.blob, o->kek.blob_len);
	return s;
}

static int refuse_no_kek(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_KEK,
			    "this HSM has no KEK: hsm-new would have had to name one");
}

static struct zkhsm_sealing *seal_locked(const struct zkhsm_seal_request *req,
					 struct netlink_ext_ack *extack)
{
	struct zkhsm_sealing *s = ERR_PTR(-EAGAIN);
	struct zkhsm_offer *o;
	int i, err;

	if (seal.kek.class == ZKHSM_KEK_CLASS_UNSPEC)
		return ERR_PTR(refuse_no_kek(extack));
	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return ERR_PTR(zkhsm_refuse_failure(extack, -ENOMEM));
	err = begin(o, req, extack);
	if (err) {
		offer_free(o);
		return ERR_PTR(err);
	}
	for (i = 0; i < ATTEMPTS && s == ERR_PTR(-EAGAIN); i++)
		s = seal_once(o);
	if (IS_ERR(s)) {
		offer_free(o);
		err = PTR_ERR(s);
		if (err == -EAGAIN)
			return ERR_PTR(zkhsm_refuse(extack, err, ZKHSM_REASON_LIST_MOVED,
						    "the keystore changed meanwhile, ask again"));
		if (err == -EBUSY)
			return ERR_PTR(zkhsm_refuse(extack, err, ZKHSM_REASON_FULL,
						    "too many sealings wait to be read"));
		return ERR_PTR(zkhsm_refuse_failure(extack, err));
	}
	/* Only now: an attempt that failed leaves the last one as it was, to be committed. */
	offer_free(seal.offer);
	seal.offer = o;
	seal.sequence = o->sequence;
	if (!seal.fresh)
		seal.counter = o->counter;
	seal.all |= o->full;
	return s;
}

/**
 * zkhsm_seal() - seal what has changed
 * @req: or everything, or under a new KEK
 * @extack: of the request
 *
 * Return: the caller's, for zkhsm_sealing_free(); -ENOKEY (no KEK, or those of
 * zkhsm_kek_new()), -EAGAIN (the keystore does not hold still; a rekey before what
 * was unsealed is stored), -EBUSY (too many that were not read to the end, or not
 * committed), -EINTR, -ENOMEM, -EIO.
 */
struct zkhsm_sealing *zkhsm_seal(const struct zkhsm_seal_request *req,
				 struct netlink_ext_ack *extack)
{
	struct zkhsm_sealing *s;

	if (mutex_lock_killable(&zkhsm_seal_lock))
		return ERR_PTR(-EINTR);
	s = seal_locked(req, extack);
	mutex_unlock(&zkhsm_seal_lock);
	return s;
}

/* The TPM's counter follows what is stored, never the other way round. */
static int count_up(u64 to, struct netlink_ext_ack *extack)
{
	u64 now;
	int err;

	err = zkhsm_tpm_counter_read(seal.counter_index, &now, extack);
	while (!err && now < to) {
		/* It has not passed what is stored, so nothing is lost by giving up half-way. */
		if (fatal_signal_pending(current))
			return -EINTR;
		err = zkhsm_tpm_counter_increment(seal.counter_index, &now, extack);
		cond_resched();
	}
	if (err || now <= to)
		return err;
	/* Somebody else counts too: a head of this count would never be unsealed. */
	seal.counter = now;
	seal.counter_stored = now;
	return zkhsm_refuse(extack, -ESTALE, ZKHSM_REASON_ROLLBACK,
			    "the TPM's counter went on by other hands: seal again");
}

static void committed(struct zkhsm_offer *o)
{
	u32 i;

	down_write(&zkhsm_lock);
	for (i = 0; i < o->m.count; i++) {
		const struct zkhsm_entry *e = &o->m.entries[i];
		struct zkhsm_record *r = e->record;

		r->stored = !e->removed;
		r->offered = false;
		if (r->stored)
			memcpy(r->digest, e->digest, sizeof(r->digest));
		zkhsm_record_committed(r, o->m.number);
	}
	zkhsm_record_head_committed(o->m.number);
	zkhsm_hsm_stored(o->sequence, o->kek.id);
	up_write(&zkhsm_lock);

	memcpy(seal.set, o->set, sizeof(seal.set));
	seal.records = o->records;
	if (seal.fresh)
		seal.counter = o->counter;
	seal.counter_stored = o->counter;
	WRITE_ONCE(seal.fresh, false);
	seal.all = false;
	if (o->rekey)
		seal.kek = o->kek;
}

/**
 * zkhsm_seal_commit() - what was given out last is stored for good
 * @sequence: its number
 * @extack: of the request
 *
 * Return: 0; -ESTALE when it is not the last, or when the TPM's counter has
 * passed it; -ENOKEY (no KEK); -EINTR; those of the TPM. After an error nothing
 * is committed yet.
 */
int zkhsm_seal_commit(u64 sequence, struct netlink_ext_ack *extack)
{
	struct zkhsm_offer *o;
	int err = 0;

	if (mutex_lock_killable(&zkhsm_seal_lock))
		return -EINTR;
	o = seal.offer;
	if (seal.kek.class == ZKHSM_KEK_CLASS_UNSPEC)
		err = refuse_no_kek(extack);
	else if (!o || o->sequence != sequence)
		err = zkhsm_refuse(extack, -ESTALE, ZKHSM_REASON_SEQUENCE,
				   "this is not the sealing that was given out last");
	else if (seal.counter_index)
		err = count_up(o->counter, extack);
	if (!err) {
		committed(o);
		seal.offer = NULL;
		offer_free(o);
		trace_zkhsm_sealed(sequence, seal.records);
	}
	mutex_unlock(&zkhsm_seal_lock);
	return err;
}

/**
 * zkhsm_seal_check_counter() - whether a head is not of the past
 * @index: NV index
 * @counter: of the head
 * @extack: of the request
 *
 * Return: 0; -ESTALE when the TPM's counter has gone on since; -EBADMSG when it
 * is nowhere near; those of the TPM.
 */
int zkhsm_seal_check_counter(u32 index, u64 counter, struct netlink_ext_ack *extack)
{
	u64 now;
	int err;

	err = zkhsm_tpm_counter_check(index, extack);
	if (!err)
		err = zkhsm_tpm_counter_read(index, &now, extack);
	if (err)
		return err;
	if (counter < now)
		return zkhsm_refuse_fmt(extack, -ESTALE, ZKHSM_REASON_ROLLBACK,
					"this is a state from the past: the TPM's counter has gone on",
					"this state is of count %llu, the TPM's counter is at %llu",
					counter, now);
	if (counter - now > COUNTER_AHEAD + 1)
		return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_ROLLBACK,
				    "the TPM's counter is far behind this state: another TPM?");
	return 0;
}

/**
 * zkhsm_seal_begin() - there is an HSM now whose state is sealed
 * @start: what is stored of it, if anything; @start->kek is copied
 * @extack: of the request
 *
 * With a counter that is behind @start it is brought up: that state is the
 * latest that was stored, whether or not it was committed.
 *
 * Return: 0, or those of the TPM.
 */
int zkhsm_seal_begin(const struct zkhsm_seal_start *start, struct netlink_ext_ack *extack)
{
	int err = 0;

	lockdep_assert_held(&zkhsm_seal_lock);

	seal.counter_index = start->counter_index;
	seal.counter = start->counter;
	if (start->counter_index && !start->sequence)
		err = zkhsm_tpm_counter_read(start->counter_index, &seal.counter, extack);
	else if (start->counter_index)
		err = count_up(start->counter, extack);
	if (err) {
		seal.counter_index = 0;
		return err;
	}
	seal.counter_stored = seal.counter;
	/* Before the identity can be seen: see zkhsm_seal_check_settled(). */
	WRITE_ONCE(seal.fresh, start->counter_index && start->sequence);
	seal.kek = *start->kek;
	zkhsm_kek_forget();
	seal.sequence = start->sequence;
	seal.records = start->records;
	memcpy(seal.set, start->set, sizeof(seal.set));
	return 0;
}

/* At unload, before the records. */
void zkhsm_seal_exit(void)
{
	mutex_lock(&zkhsm_seal_lock);
	offer_free(seal.offer);
	seal.offer = NULL;
	zkhsm_kek_wipe(&seal.kek);
	zkhsm_kek_forget();
	mutex_unlock(&zkhsm_seal_lock);
}
