// SPDX-License-Identifier: GPL-2.0
/*
 * A KPP driver of our own around the kernel's: it can refuse, fail and be
 * wrong, and it knows which secret each of its transforms holds.
 */
#include <crypto/ecdh.h>
#include <crypto/internal/kpp.h>
#include <crypto/kpp.h>
#include <linux/module.h>
#include <linux/scatterlist.h>

#include "group.h"
#include "kunit.h"

#define NAME	"zkhsm-kunit-kpp"

struct kunit_kpp kpp;

/* What group.c leaves in a transform that it does not use: the scalar 3. */
static const u8 nothing[ZKHSM_SCALAR_LEN] = { [ZKHSM_SCALAR_LEN - 1] = 3 };

struct transform {
	struct list_head node;
	struct crypto_kpp *real;
	u8 secret[ZKHSM_SCALAR_LEN];
};

/* The module allocates its transforms one after the other, and frees them so. */
static LIST_HEAD(transforms);
static bool registered;

static int set_secret(struct crypto_kpp *tfm, const void *buf, unsigned int len)
{
	struct transform *t = kpp_tfm_ctx(tfm);
	struct ecdh params;

	if (crypto_ecdh_decode_key(buf, len, &params) || params.key_size != sizeof(t->secret))
		return -EINVAL;
	memcpy(t->secret, params.key, sizeof(t->secret));
	if (kpp.refuse_secrets && memcmp(t->secret, nothing, sizeof(nothing))) {
		kpp.refuse_secrets--;
		return -EINVAL;
	}
	if (!memcmp(t->secret, kpp.refuse_this, sizeof(kpp.refuse_this)))
		return -EINVAL;
	return crypto_kpp_set_secret(t->real, buf, len);
}

static void flip_bit(struct kpp_request *req)
{
	u8 byte;

	sg_pcopy_to_buffer(req->dst, 1, &byte, 1, 31);
	byte ^= 1;
	sg_pcopy_from_buffer(req->dst, 1, &byte, 1, 31);
}

static int compute(struct kpp_request *req)
{
	struct transform *t = kpp_tfm_ctx(crypto_kpp_reqtfm(req));
	struct kpp_request *sub;
	int ret;

	kpp.computed++;
	if (kpp.fail_compute)
		return kpp.fail_compute;
	sub = kpp_request_alloc(t->real, GFP_KERNEL);
	if (!sub)
		return -ENOMEM;
	kpp_request_set_input(sub, req->src, req->src_len);
	kpp_request_set_output(sub, req->dst, req->dst_len);
	kpp_request_set_callback(sub, 0, NULL, NULL);
	ret = crypto_kpp_compute_shared_secret(sub);
	kpp_request_free(sub);
	if (!ret && kpp.computed == kpp.flip_compute)
		flip_bit(req);
	return ret;
}

static unsigned int max_size(struct crypto_kpp *tfm)
{
	struct transform *t = kpp_tfm_ctx(tfm);

	return crypto_kpp_maxsize(t->real);
}

static int init(struct crypto_kpp *tfm)
{
	struct transform *t = kpp_tfm_ctx(tfm);

	t->real = crypto_alloc_kpp(KUNIT_DRIVER, 0, 0);
	if (IS_ERR(t->real))
		return PTR_ERR(t->real);
	list_add(&t->node, &transforms);
	return 0;
}

static void leave(struct crypto_kpp *tfm)
{
	struct transform *t = kpp_tfm_ctx(tfm);

	list_del(&t->node);
	crypto_free_kpp(t->real);
}

static struct kpp_alg driver = {
	.set_secret = set_secret,
	.compute_shared_secret = compute,
	.max_size = max_size,
	.init = init,
	.exit = leave,
	.base = {
		.cra_name = NAME,
		.cra_driver_name = NAME,
		.cra_priority = 1,
		.cra_ctxsize = sizeof(struct transform),
		.cra_module = THIS_MODULE,
	},
};

/* The module computes with this driver until kpp_end(). */
int kpp_begin(struct kunit *test)
{
	int err;

	memset(&kpp, 0, sizeof(kpp));
	err = crypto_register_kpp(&driver);
	if (err)
		return err;
	registered = true;
	zkhsm_group_exit();
	return zkhsm_group_init(NAME);
}

/* Idempotent. */
void kpp_end(void)
{
	if (!registered)
		return;
	zkhsm_group_exit();
	crypto_unregister_kpp(&driver);
	registered = false;
	/* What comes needs it; there is nobody to tell but the tests that fail then. */
	if (zkhsm_group_init(KUNIT_DRIVER))
		pr_err("the kernel's driver does not come back\n");
}

u32 kpp_transforms(void)
{
	struct transform *t;
	u32 count = 0;

	list_for_each_entry(t, &transforms, node)
		count++;
	return count;
}

/* How many transforms still hold something that was given to them. */
u32 kpp_secrets_left(void)
{
	struct transform *t;
	u32 count = 0;

	list_for_each_entry(t, &transforms, node)
		count += !!memcmp(t->secret, nothing, sizeof(nothing));
	return count;
}
