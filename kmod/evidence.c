// SPDX-License-Identifier: GPL-2.0
/*
 * Evidence: the statement S and one proof that the identity and every key
 * that S claims are known here. Proof 2 of Documentation/protocol.rst.
 *
 * What makes it cheap is that a constant number of scalar multiplications
 * serves any number of keys; what makes it honest is the order in which
 * things are read. L and the managers' counters in S are of one moment: were
 * a counter newer than L, a manager would see an order as applied and the key
 * it revoked as alive.
 */
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "trace.h"
#include "zkhsm.h"

#define ATTEMPTS	3
#define SLICE_KEYS	32

/* The rate bucket: evidence costs milliseconds and a slot for its nonce. */
static struct {
	spinlock_t lock;	/* protects what follows */
	u64 tokens;		/* in nanoseconds of refill time */
	u64 capacity;
	u64 price;
	ktime_t last;
} bucket = { .lock = __SPIN_LOCK_UNLOCKED(bucket.lock) };

/* One evidence in the making; too much for the stack. */
struct work {
	struct zkhsm_statement s;
	struct zkhsm_configuration c;
	u8 config[ZKHSM_CONFIGURATION_MAX_LEN];
	u32 config_len;
	struct zkhsm_batch batch;
	u8 digest[ZKHSM_HASH_LEN];
};

/* @rate per second on average, @burst at once; both at least 1. */
int __init zkhsm_evidence_init(unsigned int rate, unsigned int burst)
{
	if (!rate || !burst)
		return -EINVAL;
	bucket.price = div_u64(NSEC_PER_SEC, rate) ?: 1;
	bucket.capacity = bucket.price * burst;
	bucket.tokens = bucket.capacity;
	bucket.last = ktime_get_boottime();
	return 0;
}

static bool take_token(void)
{
	bool taken;
	ktime_t now;

	spin_lock(&bucket.lock);
	now = ktime_get_boottime();
	bucket.tokens = min_t(u64, bucket.capacity,
			      bucket.tokens + ktime_to_ns(ktime_sub(now, bucket.last)));
	bucket.last = now;
	taken = bucket.tokens >= bucket.price;
	if (taken)
		bucket.tokens -= bucket.price;
	spin_unlock(&bucket.lock);
	return taken;
}

static int compare_challenges(const void *a, const void *b)
{
	const struct zkhsm_challenge *x = a, *y = b;

	return memcmp(x->manager_id, y->manager_id, sizeof(x->manager_id));
}

static int sort_challenges(struct zkhsm_evidence *ev, struct netlink_ext_ack *extack)
{
	u32 i;

	sort(ev->challenges, ev->challenge_count, sizeof(ev->challenges[0]),
	     compare_challenges, NULL);
	for (i = 1; i < ev->challenge_count; i++)
		if (!compare_challenges(&ev->challenges[i - 1], &ev->challenges[i]))
			return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_REPEATED,
					    "two challenges of one manager");
	return 0;
}

/* Challenges, each with what its manager's orders have come to. */
static int read_challenges(struct zkhsm_evidence *ev, struct netlink_ext_ack *extack)
{
	u32 i;

	lockdep_assert_held(&zkhsm_lock);

	for (i = 0; i < ev->challenge_count; i++) {
		struct zkhsm_challenge *c = &ev->challenges[i];
		const struct zkhsm_manager *m = zkhsm_trust_find(c->manager_id);

		if (!m || !m->pinned)
			return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NOT_PINNED,
					    "a challenge is of a manager that is not pinned");
		c->last_number = m->last_number;
		memcpy(c->last_digest, m->last_digest, sizeof(c->last_digest));
	}
	return 0;
}

static int refuse_moved(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -EAGAIN, ZKHSM_REASON_LIST_MOVED,
			    "the keystore changed meanwhile, ask again");
}

/*
 * A loss of power would take back what is not stored yet: nobody is told of it
 * before. Until it is, or the owner of one key could change its state again
 * whenever that has been stored, and the HSM would never be attested.
 */
static int refuse_unsealed(struct netlink_ext_ack *extack)
{
	zkhsm_keystore_quiet_storing(true);
	return zkhsm_refuse(extack, -EAGAIN, ZKHSM_REASON_UNSEALED,
			    "changes have not been sealed and stored yet");
}

/*
 * Everything in S that can change, in one moment. Return: 0; 1 when @list is
 * not of that moment any more; or an error.
 */
static int read_moment(struct work *w, const struct zkhsm_list *list, struct zkhsm_evidence *ev,
		       struct netlink_ext_ack *extack)
{
	int err;

	down_read(&zkhsm_lock);
	err = read_challenges(ev, extack);
	if (!err && zkhsm_record_waiting())
		err = refuse_unsealed(extack);
	if (!err && zkhsm_keystore_generation() != list->generation)
		err = 1;
	if (!err) {
		zkhsm_hsm_state(&w->s);
		w->config_len = zkhsm_hsm_configuration(&w->c, w->config);
	}
	up_read(&zkhsm_lock);
	return err;
}

/* S into ev->bytes. Return: its length, or -EIO. */
static int write_statement(struct work *w, const struct zkhsm_list *list, struct zkhsm_evidence *ev)
{
	int len;

	w->s.challenge_count = ev->challenge_count;
	memcpy(w->s.challenges, ev->challenges, sizeof(w->s.challenges));
	memcpy(w->s.list_digest, list->digest, sizeof(w->s.list_digest));
	w->s.list_count = list->count;
	if (zkhsm_sha256(w->config, w->config_len, w->s.config_digest))
		return -EIO;

	BUILD_BUG_ON(ZKHSM_STATEMENT_MAX_LEN + ZKHSM_PROOF_LEN > ZKHSM_EVIDENCE_MAX_LEN);
	len = zkhsm_statement_encode(&w->s, ev->bytes, ZKHSM_STATEMENT_MAX_LEN);
	if (len < 0 || zkhsm_sha256(ev->bytes, len, w->digest))
		return -EIO;
	return len;
}

/*
 * References to the secrets of one slice of keys, so that no arithmetic is
 * done under the lock. Return: how many from @keys on were there.
 */
static u32 borrow(struct zkhsm_key *const *keys, u32 count, struct zkhsm_live **live)
{
	u32 i;

	down_read(&zkhsm_lock);
	for (i = 0; i < count && keys[i]->live; i++) {
		live[i] = keys[i]->live;
		refcount_inc(&live[i]->ref);
	}
	up_read(&zkhsm_lock);
	return i;
}

/* Every a_i, slice by slice. Return: 0; -ENOKEY when a secret is gone; -EINTR; -EIO. */
static int add_keys(struct zkhsm_batch *batch, const struct zkhsm_list *list)
{
	struct zkhsm_live *live[SLICE_KEYS];
	u32 done, count, got, i;
	int err = 0;

	for (done = 0; !err && done < list->proved; done += count) {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();

		count = min_t(u32, SLICE_KEYS, list->proved - done);
		got = borrow(list->keys + done, count, live);
		for (i = 0; i < got; i++) {
			if (!err)
				err = zkhsm_batch_add(batch, 1 + done + i, &live[i]->secret);
			zkhsm_live_put(live[i]);
		}
		if (!err && got < count)
			err = -ENOKEY;
	}
	return err;
}

/* Proof 2 behind the @len bytes of S. Return: as add_keys(). */
static int prove(struct work *w, const struct zkhsm_list *list, struct zkhsm_evidence *ev, u32 len)
{
	int err;

	err = zkhsm_batch_begin(&w->batch, zkhsm_hsm_secret(), zkhsm_hsm_pub(), zkhsm_hsm_id(),
				ev->bytes, len);
	if (!err)
		err = add_keys(&w->batch, list);
	if (!err)
		err = zkhsm_batch_finish(&w->batch, ev->bytes + len);
	zkhsm_batch_wipe(&w->batch);
	return err;
}

/* One attempt. Return: 0, 1 when the keystore moved on meanwhile, or an error. */
static int attempt(struct work *w, struct zkhsm_list *list, struct zkhsm_outstanding *o,
		   struct zkhsm_evidence *ev, struct netlink_ext_ack *extack)
{
	int err, len;

	/* First the number, then the state: see zkhsm_outstanding_commit(). */
	zkhsm_outstanding_number(o, &w->s);
	err = read_moment(w, list, ev, extack);
	if (err)
		return err;
	len = write_statement(w, list, ev);
	if (len < 0)
		return zkhsm_refuse_failure(extack, len);

	err = prove(w, list, ev, len);
	if (err == -ENOKEY)
		return 1;
	if (err)
		return zkhsm_refuse_failure(extack, err);
	if (zkhsm_proving_disabled())
		return zkhsm_refuse_failure(extack, -EIO);
	/* First, or a nonce that dies at once would not find the list that names it. */
	zkhsm_list_keep(list);
	if (zkhsm_outstanding_commit(o, list, w->digest))
		return refuse_moved(extack);

	ev->len = len + ZKHSM_PROOF_LEN;
	ev->number = w->s.number;
	memcpy(ev->list_digest, list->digest, sizeof(ev->list_digest));
	memcpy(ev->config_digest, w->s.config_digest, sizeof(ev->config_digest));
	memcpy(ev->announcement, list->announcement, sizeof(ev->announcement));
	zkhsm_keystore_quiet_storing(false);
	trace_zkhsm_evidence(ev->number, list->generation, list->count);
	return 0;
}

/* One attempt over L as it is. Return: as attempt(). */
static int attempt_current(struct work *w, struct zkhsm_outstanding *o, struct zkhsm_evidence *ev,
			   struct netlink_ext_ack *extack)
{
	struct zkhsm_list *list = zkhsm_list_current();
	int err;

	if (list == ERR_PTR(-EAGAIN))
		return 1;
	if (IS_ERR(list))
		return zkhsm_refuse_failure(extack, PTR_ERR(list));
	if (ev->expect_list && memcmp(list->digest, ev->expected, sizeof(ev->expected)))
		err = refuse_moved(extack);
	else
		err = attempt(w, list, o, ev, extack);
	zkhsm_list_put(list);
	return err;
}

/* Return: 0 and the nonce of @o lives, or an error and it does not. */
static int make(struct work *w, struct zkhsm_outstanding *o, struct zkhsm_evidence *ev,
		struct netlink_ext_ack *extack)
{
	int i, err;

	err = attempt_current(w, o, ev, extack);
	if (err <= 0)
		return err;

	zkhsm_keystore_quiet_begin();
	for (i = 1; i < ATTEMPTS && err > 0; i++)
		err = attempt_current(w, o, ev, extack);
	zkhsm_keystore_quiet_end();
	return err > 0 ? refuse_moved(extack) : err;
}

/**
 * zkhsm_evidence_make() - make evidence about the whole keystore
 * @ev: challenges, in any order, and perhaps the digest of L expected; filled
 *	in with the answer
 * @extack: of the request
 *
 * Return: 0; -EIO (a fault, or proving disabled after one); -EINVAL (two
 * challenges of one manager); -ENOKEY (manager not pinned); -EAGAIN (rate,
 * the keystore would not hold still or is not at the list expected, changes
 * are not stored yet, the VM was forked meanwhile); -EBUSY (every slot for a nonce
 * is taken); -EINTR (the caller is being killed); -ENOMEM.
 */
int zkhsm_evidence_make(struct zkhsm_evidence *ev, struct netlink_ext_ack *extack)
{
	struct zkhsm_outstanding *o;
	struct work *w;
	int err;

	if (zkhsm_proving_disabled())
		return zkhsm_refuse(extack, -EIO, ZKHSM_REASON_FAULT,
				    "disabled after a failed recheck until the module is reloaded");
	err = sort_challenges(ev, extack);
	if (err)
		return err;
	down_read(&zkhsm_lock);
	err = read_challenges(ev, extack);
	if (!err && zkhsm_record_waiting())
		err = refuse_unsealed(extack);
	up_read(&zkhsm_lock);
	if (err)
		return err;
	if (!take_token())
		return zkhsm_refuse(extack, -EAGAIN, ZKHSM_REASON_RATE,
				    "too much evidence asked for, wait a moment");

	w = kzalloc(sizeof(*w), GFP_KERNEL);
	if (!w)
		return zkhsm_refuse_failure(extack, -ENOMEM);
	o = zkhsm_outstanding_reserve(ev->by_hand);
	if (!o) {
		kfree(w);
		return zkhsm_refuse(extack, -EBUSY, ZKHSM_REASON_NONCES_OUTSTANDING,
				    "every slot for an outstanding nonce is taken");
	}
	err = make(w, o, ev, extack);
	if (err)
		zkhsm_outstanding_cancel(o);
	kfree_sensitive(w);
	return err;
}
