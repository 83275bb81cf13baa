// SPDX-License-Identifier: GPL-2.0
/*
 * driver.c - what the kernel's own ecc and ecdh_generic need, in user space
 *
 * Their code is the kernel's: Debian's modules where it has them as modules,
 * otherwise the same source with the same compiler, configuration and flags.
 */
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <crypto/kpp.h>
#include <crypto/internal/kpp.h>

#include "taint.h"

struct ratelimit_state;

int fips_enabled;
struct crypto_rng *crypto_default_rng;

int crypto_get_default_rng(void);
void crypto_put_default_rng(void);
int ___ratelimit(struct ratelimit_state *rs, const char *func);

int crypto_get_default_rng(void)
{
	return -ENOENT;
}

void crypto_put_default_rng(void) { }

int ___ratelimit(struct ratelimit_state *rs, const char *func)
{
	return 1;
}

static struct kpp_alg *p256;

int crypto_register_kpp(struct kpp_alg *alg)
{
	if (!strcmp(alg->base.cra_driver_name, "ecdh-nist-p256-generic"))
		p256 = alg;
	return 0;
}

void crypto_unregister_kpp(struct kpp_alg *alg) { }

struct crypto_kpp *crypto_alloc_kpp(const char *alg_name, u32 type, u32 mask)
{
	struct crypto_kpp *tfm;

	if (!p256)
		taint_expect(!init_module(), "ecdh_generic registers itself");
	tfm = kzalloc(sizeof(*tfm) + p256->base.cra_ctxsize, GFP_KERNEL);
	tfm->base.__crt_alg = &p256->base;
	p256->init(tfm);
	return tfm;
}

void crypto_destroy_tfm(void *mem, struct crypto_tfm *tfm)
{
	kfree(mem);
}

int sg_nents_for_len(struct scatterlist *sg, u64 len)
{
	return 1;
}

size_t sg_copy_to_buffer(struct scatterlist *sgl, unsigned int nents, void *buf, size_t buflen)
{
	memcpy(buf, (void *)sgl->dma_address, buflen);
	return buflen;
}

size_t sg_copy_from_buffer(struct scatterlist *sgl, unsigned int nents, const void *buf,
			   size_t buflen)
{
	memcpy((void *)sgl->dma_address, buf, buflen);
	return buflen;
}
