// SPDX-License-Identifier: GPL-2.0
/*
 * A KEK from its administrators' shares. Each enters his own, by the keyring;
 * with the last one that is needed the shares are combined and wiped, and the
 * KEK waits for hsm-new, hsm-unseal or a rekey, which takes it once.
 *
 * Nobody can be relied upon to come back: whatever has been entered, and the
 * KEK too, is forgotten ten minutes after the first share.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "group.h"
#include "seal.h"
#include "shamir.h"

#define SHARE_LIFE_S	(10 * 60)

/**
 * struct share_set - the shares of one KEK, or the KEK that they made
 * @kek_id: what they say they make
 * @threshold: how many make it
 * @entered: how many are there, or were
 * @complete: @key is the KEK, and the shares are wiped
 * @until: CLOCK_BOOTTIME; the time in which a machine sleeps counts
 * @index: of each share
 * @y: of each share; secret
 * @key: secret
 */
struct share_set {
	u8 kek_id[ZKHSM_KEK_ID_LEN];
	u32 threshold;
	u32 entered;
	bool complete;
	ktime_t until;
	u8 index[ZKHSM_SHARES_MAX];
	struct zkhsm_scalar y[ZKHSM_SHARES_MAX];
	u8 key[ZKHSM_KEK_LEN];
};

/* Protects @set and what it points to. Inside zkhsm_seal_lock; inside it none but the HMAC's. */
static DEFINE_MUTEX(share_lock);
static struct share_set *set;

static void share_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(forget_work, share_work);

static int refuse(struct netlink_ext_ack *extack, int err, const char *sentence)
{
	return zkhsm_refuse(extack, err, ZKHSM_REASON_SHARE, sentence);
}

static void forget(void)
{
	lockdep_assert_held(&share_lock);

	kfree_sensitive(set);
	set = NULL;
}

/* In a machine that slept the work comes late, so everybody looks at the time. */
static void forget_old(void)
{
	lockdep_assert_held(&share_lock);

	if (set && ktime_compare(ktime_get_boottime(), set->until) >= 0)
		forget();
}

static void schedule_forgetting(void)
{
	s64 left = ktime_to_ns(ktime_sub(set->until, ktime_get_boottime()));

	lockdep_assert_held(&share_lock);

	/* One more, because the current jiffy has begun. */
	mod_delayed_work(system_wq, &forget_work, nsecs_to_jiffies(max(left, 0LL)) + 1);
}

/* It may be the work of a set that is gone: then the one that is there has time left. */
static void share_work(struct work_struct *work)
{
	mutex_lock(&share_lock);
	forget_old();
	if (set)
		schedule_forgetting();
	mutex_unlock(&share_lock);
}

/*
 * @y: the value as a scalar, the caller wipes it. Return: 0; those of
 * zkhsm_keyring_read(); -EBADMSG; -EIO.
 */
static int read_share(s32 serial, struct zkhsm_share *share, struct zkhsm_scalar *y,
		      struct netlink_ext_ack *extack)
{
	u8 buf[ZKHSM_SHARE_LEN], digest[ZKHSM_HASH_LEN];
	int err;

	err = zkhsm_keyring_read(serial, buf, sizeof(buf), extack);
	if (err)
		goto out;
	err = zkhsm_sha256(buf, ZKHSM_SHARE_CHECKED_LEN, digest);
	if (err) {
		err = zkhsm_refuse_failure(extack, err);
		goto out;
	}
	if (crypto_memneq(digest, buf + ZKHSM_SHARE_CHECKED_LEN, ZKHSM_SHARE_CHECK_LEN)) {
		err = zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED,
				   "this is no share, or it was mistyped: its check is wrong");
		goto out;
	}
	if (zkhsm_share_decode(share, buf, ZKHSM_SHARE_CHECKED_LEN) ||
	    zkhsm_scalar_from_be(y, share->y, &zkhsm_p256_n))
		err = zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED,
				   "the keyring key does not hold the encoding of a share");
out:
	memzero_explicit(buf, sizeof(buf));
	/* Four bytes of it are the share's, and the rest tells y from other guesses. */
	memzero_explicit(digest, sizeof(digest));
	return err;
}

/* Whether the share goes with those that are there. */
static int check_share(const struct zkhsm_share *share, struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&share_lock);

	if (!set)
		return 0;
	if (set->complete)
		return refuse(extack, -EBUSY,
			      "the shares entered before have made a KEK that nothing has used yet");
	if (memcmp(share->kek_id, set->kek_id, sizeof(set->kek_id)))
		return refuse(extack, -EINVAL,
			      "this is a share of another KEK than those entered before");
	if (share->threshold != set->threshold)
		return refuse(extack, -EINVAL,
			      "this share has another threshold than those entered before");
	if (memchr(set->index, share->index, set->entered))
		return zkhsm_refuse(extack, -EEXIST, ZKHSM_REASON_REPEATED,
				    "the share of this index has been entered already");
	return 0;
}

static int set_new(const struct zkhsm_share *share)
{
	lockdep_assert_held(&share_lock);

	set = kzalloc(sizeof(*set), GFP_KERNEL);
	if (!set)
		return -ENOMEM;
	memcpy(set->kek_id, share->kek_id, sizeof(set->kek_id));
	set->threshold = share->threshold;
	set->until = ktime_add(ktime_get_boottime(), ktime_set(SHARE_LIFE_S, 0));
	schedule_forgetting();
	return 0;
}

/*
 * From the shares to the KEK. That it has the id which they name also finds a
 * bit that fell over meanwhile. Return: 0, -EINVAL, -EIO.
 */
static int combine(struct netlink_ext_ack *extack)
{
	struct zkhsm_scalar secret;
	u8 id[ZKHSM_KEK_ID_LEN];
	int err;

	lockdep_assert_held(&share_lock);

	err = zkhsm_shamir_combine(set->index, set->y, set->threshold, &secret);
	if (!err) {
		zkhsm_scalar_to_be(set->key, &secret, &zkhsm_p256_n);
		err = zkhsm_kek_id(set->key, id);
	}
	memzero_explicit(&secret, sizeof(secret));
	memzero_explicit(set->y, sizeof(set->y));
	zkhsm_burn_stack();
	if (err)
		return zkhsm_refuse_failure(extack, err);
	if (crypto_memneq(id, set->kek_id, sizeof(id)))
		return refuse(extack, -EINVAL,
			      "the shares do not make the KEK that they name: all are forgotten");
	set->complete = true;
	return 0;
}

static void read_set(struct zkhsm_share_info *info)
{
	lockdep_assert_held(&share_lock);

	memset(info, 0, sizeof(*info));
	if (!set)
		return;
	info->threshold = set->threshold;
	info->entered = set->entered;
	info->complete = set->complete;
	memcpy(info->kek_id, set->kek_id, sizeof(info->kek_id));
}

int zkhsm_share_enter(s32 serial, struct zkhsm_share_info *info, struct netlink_ext_ack *extack)
{
	struct zkhsm_share share;
	struct zkhsm_scalar y;
	int err;

	err = read_share(serial, &share, &y, extack);
	if (err)
		goto out;

	mutex_lock(&share_lock);
	forget_old();
	err = check_share(&share, extack);
	if (err)
		goto unlock;
	if (!set && set_new(&share)) {
		err = zkhsm_refuse_failure(extack, -ENOMEM);
		goto unlock;
	}
	set->index[set->entered] = share.index;
	set->y[set->entered] = y;
	set->entered++;
	if (set->entered == set->threshold)
		err = combine(extack);
	if (err)
		forget();
	else
		read_set(info);
unlock:
	mutex_unlock(&share_lock);
out:
	memzero_explicit(&share, sizeof(share));
	memzero_explicit(&y, sizeof(y));
	zkhsm_burn_stack();
	return err;
}

/* All zero when nothing has been entered. */
void zkhsm_share_read(struct zkhsm_share_info *info)
{
	mutex_lock(&share_lock);
	forget_old();
	read_set(info);
	mutex_unlock(&share_lock);
}

void zkhsm_share_forget(void)
{
	mutex_lock(&share_lock);
	forget();
	mutex_unlock(&share_lock);
}

int zkhsm_share_take(u8 key[ZKHSM_KEK_LEN], struct netlink_ext_ack *extack)
{
	int err = 0;

	mutex_lock(&share_lock);
	forget_old();
	if (!set) {
		err = refuse(extack, -ENOKEY, "no shares have been entered, or they are forgotten");
	} else if (!set->complete) {
		err = zkhsm_refuse_fmt(extack, -ENOKEY, ZKHSM_REASON_SHARE,
				       "fewer shares have been entered than the KEK needs",
				       "%u shares have been entered, and the KEK needs %u",
				       set->entered, set->threshold);
	} else {
		memcpy(key, set->key, sizeof(set->key));
		forget();
	}
	mutex_unlock(&share_lock);
	return err;
}

/* The netlink family is gone: nobody enters any more. */
void zkhsm_share_exit(void)
{
	zkhsm_share_forget();
	cancel_delayed_work_sync(&forget_work);
}
