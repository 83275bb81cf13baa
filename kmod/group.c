// SPDX-License-Identifier: GPL-2.0
/*
 * group.c - secret scalar times the generator, through the kernel's KPP
 *
 * What the driver offers is x(k * peer). With the peer G that is x(k * G),
 * and y follows from x(k * G) and x((k + 1) * G). Both come from
 * compute_shared_secret(), which randomises the projective coordinates of the
 * ladder; the secret that the transform keeps is overwritten after each use.
 *
 * There is one slot per processor (a transform, its request and its buffers,
 * all allocated at load) so that commands run in parallel; a mutex serialises
 * the users of one slot, who may have moved to another processor meanwhile.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <crypto/ecdh.h>
#include <crypto/kpp.h>

#include "group.h"

#define MAX_SLOTS	64
#define KEY_BUF_SIZE	64	/* packed struct ecdh: header, size, 32 bytes */
#define PEER_SIZE	64	/* x | y */

/* What the driver reads and writes: heap memory, for the scatterlists. */
struct group_io {
	u8 key[KEY_BUF_SIZE];
	u8 peer[PEER_SIZE];
	u8 x[32];
};

struct group_slot {
	struct mutex lock;	/* held for one ladder; protects all below */
	struct crypto_kpp *tfm;
	struct kpp_request *req;
	struct group_io *io;
	struct scatterlist src, dst;
};

static struct group_slot *slots;
static unsigned int nr_slots;

static noinline void burn_frame(unsigned int depth)
{
	u8 buf[1024];

	memzero_explicit(buf, sizeof(buf));
	if (depth)
		burn_frame(depth - 1);
	barrier_data(buf);	/* not a tail call: the frames must stack up */
}

void zkhsm_burn_stack(void)
{
	/*
	 * crypto/ecc.c leaves the regularised scalar (k + n, k + 2n) in its
	 * stack frame, less than 2 KiB below ours.
	 */
	burn_frame(2);
}

/* Gives the transform @k; -EINVAL when the driver refuses it. */
static int slot_set_secret(struct group_slot *slot, const struct zkhsm_scalar *k)
{
	u8 be[ZKHSM_SCALAR_LEN];
	struct ecdh params = { .key = be, .key_size = sizeof(be) };
	unsigned int len = crypto_ecdh_key_len(&params);
	int ret;

	lockdep_assert_held(&slot->lock);

	zkhsm_scalar_to_be(be, k, &zkhsm_p256_n);
	ret = crypto_ecdh_encode_key((char *)slot->io->key, len, &params);
	if (ret)
		ret = -EIO;
	else
		ret = crypto_kpp_set_secret(slot->tfm, slot->io->key, len);

	memzero_explicit(be, sizeof(be));
	memzero_explicit(slot->io->key, sizeof(slot->io->key));
	return ret;
}

static int slot_forget_secret(struct group_slot *slot)
{
	static const struct zkhsm_scalar dummy = { { 3 } };

	return slot_set_secret(slot, &dummy);
}

static int slot_compute(struct group_slot *slot, const u8 peer[PEER_SIZE],
			u8 x[32])
{
	DECLARE_CRYPTO_WAIT(wait);
	int ret;

	lockdep_assert_held(&slot->lock);

	memcpy(slot->io->peer, peer, PEER_SIZE);
	sg_init_one(&slot->src, slot->io->peer, sizeof(slot->io->peer));
	sg_init_one(&slot->dst, slot->io->x, sizeof(slot->io->x));
	kpp_request_set_input(slot->req, &slot->src, sizeof(slot->io->peer));
	kpp_request_set_output(slot->req, &slot->dst, sizeof(slot->io->x));
	kpp_request_set_callback(slot->req,
				 CRYPTO_TFM_REQ_MAY_SLEEP |
				 CRYPTO_TFM_REQ_MAY_BACKLOG,
				 crypto_req_done, &wait);

	/* A hardware driver may be asynchronous. */
	ret = crypto_wait_req(crypto_kpp_compute_shared_secret(slot->req),
			      &wait);
	if (!ret)
		memcpy(x, slot->io->x, sizeof(slot->io->x));
	memzero_explicit(slot->io->x, sizeof(slot->io->x));
	return ret;
}

int zkhsm_group_ladder(const struct zkhsm_scalar *k, const u8 peer[PEER_SIZE],
		       u8 x[32])
{
	struct group_slot *slot = &slots[raw_smp_processor_id() % nr_slots];
	int ret, err;

	mutex_lock(&slot->lock);
	ret = slot_set_secret(slot, k);
	if (ret == -EINVAL) {
		ret = -EAGAIN;
	} else if (!ret) {
		ret = slot_compute(slot, peer, x);
		if (ret == -EINVAL)
			ret = -EBADMSG;
	}
	err = slot_forget_secret(slot);
	mutex_unlock(&slot->lock);

	zkhsm_burn_stack();
	if (err)
		ret = err;
	if (ret && ret != -EAGAIN && ret != -EBADMSG && ret != -ENOMEM)
		ret = -EIO;
	return ret;
}

/*
 * x(k * G) for k in [2, n - 3]. Kernel 6.1 checks the range of the
 * byte-swapped scalar and so refuses, once in 2^32, a good one; that of -k it
 * then accepts, and x(-k * G) = x(k * G). An imported key cannot be redrawn.
 */
static int mul_g_x(const struct zkhsm_scalar *k, u8 x[32])
{
	struct zkhsm_scalar neg;
	int ret;

	ret = zkhsm_group_ladder(k, zkhsm_p256_g + 1, x);
	if (ret == -EAGAIN) {
		zkhsm_scalar_neg(&neg, k, &zkhsm_p256_n);
		ret = zkhsm_group_ladder(&neg, zkhsm_p256_g + 1, x);
		memzero_explicit(&neg, sizeof(neg));
	}
	/* A driver that calls G a bad point is broken. */
	return ret == -EBADMSG ? -EIO : ret;
}

int zkhsm_group_mul_base_x(const struct zkhsm_scalar *k, u8 x[32])
{
	if (!zkhsm_scalar_in_range(k, &zkhsm_p256_n))
		return -ERANGE;
	return mul_g_x(k, x);
}

int zkhsm_group_mul_base(const struct zkhsm_scalar *k,
			 u8 pub[ZKHSM_POINT_LEN])
{
	static const struct zkhsm_scalar one = { { 1 } };
	struct zkhsm_scalar next;
	u8 x[32], x_next[32];
	int ret;

	if (!zkhsm_scalar_in_range(k, &zkhsm_p256_n))
		return -ERANGE;

	zkhsm_scalar_add(&next, k, &one, &zkhsm_p256_n);
	ret = mul_g_x(k, x);
	if (!ret)
		ret = mul_g_x(&next, x_next);
	memzero_explicit(&next, sizeof(next));
	zkhsm_burn_stack();
	if (ret)
		return ret;

	/* A wrong x in either ladder gives a point off the curve. */
	return zkhsm_p256_recover_y(x, x_next, pub) ? -EIO : 0;
}

static int slot_init(struct group_slot *slot, const char *driver)
{
	struct ecdh params = { .key_size = ZKHSM_SCALAR_LEN };
	int ret;

	mutex_init(&slot->lock);
	slot->tfm = crypto_alloc_kpp(driver, 0, 0);
	if (IS_ERR(slot->tfm)) {
		ret = PTR_ERR(slot->tfm);
		slot->tfm = NULL;
		return ret;
	}

	slot->req = kpp_request_alloc(slot->tfm, GFP_KERNEL);
	slot->io = kzalloc(sizeof(*slot->io), GFP_KERNEL);
	if (!slot->req || !slot->io)
		return -ENOMEM;
	if (crypto_ecdh_key_len(&params) > sizeof(slot->io->key))
		return -EINVAL;

	mutex_lock(&slot->lock);
	ret = slot_forget_secret(slot);
	mutex_unlock(&slot->lock);
	if (ret)
		return ret;
	return crypto_kpp_maxsize(slot->tfm) == PEER_SIZE ? 0 : -EINVAL;
}

int zkhsm_group_init(const char *driver)
{
	unsigned int i, n = min_t(unsigned int, num_possible_cpus(), MAX_SLOTS);
	int ret;

	slots = kcalloc(n, sizeof(*slots), GFP_KERNEL);
	if (!slots)
		return -ENOMEM;
	nr_slots = n;

	for (i = 0; i < n; i++) {
		ret = slot_init(&slots[i], driver);
		if (ret) {
			pr_err("KPP driver %s: not usable for P-256 (%d)\n",
			       driver, ret);
			zkhsm_group_exit();
			return ret;
		}
	}
	return 0;
}

void zkhsm_group_exit(void)
{
	unsigned int i;

	for (i = 0; i < nr_slots; i++) {
		if (!slots[i].tfm)
			continue;
		if (slots[i].req)
			kpp_request_free(slots[i].req);
		kfree_sensitive(slots[i].io);
		crypto_free_kpp(slots[i].tfm);
	}
	kfree(slots);
	slots = NULL;
	nr_slots = 0;
}
