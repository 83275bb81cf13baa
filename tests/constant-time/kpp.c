// SPDX-License-Identifier: GPL-2.0
/*
 * kpp.c - a driver for ECDH on P-256 that computes on declassified copies
 */
#include <linux/scatterlist.h>
#include <linux/string.h>
#include <crypto/ecdh.h>
#include <crypto/kpp.h>

#include "taint.h"

/* The scalar as the driver keeps it, and what it is packed in on the way. */
static u8 kpp_scalar[32];

#define PACKED_HEADER (sizeof(struct kpp_secret) + sizeof(short))

unsigned int crypto_ecdh_key_len(const struct ecdh *params)
{
	return PACKED_HEADER + params->key_size;
}

int crypto_ecdh_encode_key(char *buf, unsigned int len, const struct ecdh *params)
{
	memset(buf, 0, PACKED_HEADER);
	memcpy(buf + PACKED_HEADER, params->key, params->key_size);
	return 0;
}

static int kpp_set_secret(struct crypto_kpp *tfm, const void *buffer, unsigned int len)
{
	memcpy(kpp_scalar, buffer + PACKED_HEADER, sizeof(kpp_scalar));
	return host_scalar_refused(kpp_scalar) ? -EINVAL : 0;
}

static int kpp_compute(struct kpp_request *req)
{
	const u8 *peer = (const u8 *)req->src->dma_address;

	return host_ladder(kpp_scalar, peer, (u8 *)req->dst->dma_address) ? -EINVAL : 0;
}

static unsigned int kpp_max_size(struct crypto_kpp *tfm)
{
	return 64;
}

static struct kpp_alg ecdh_alg = {
	.set_secret = kpp_set_secret, .compute_shared_secret = kpp_compute,
	.max_size = kpp_max_size,
};
static struct crypto_kpp ecdh = { .base.__crt_alg = &ecdh_alg.base };

struct crypto_kpp *crypto_alloc_kpp(const char *alg_name, u32 type, u32 mask)
{
	return &ecdh;
}

void crypto_destroy_tfm(void *mem, struct crypto_tfm *tfm) { }
