// SPDX-License-Identifier: GPL-2.0
/*
 * targets.c - what the module does with a secret, as a kernel runs it
 *
 * The module's objects, the kernel's ladder; around them nothing but function
 * calls, where netlink and a system call would be: whoever listens from outside
 * hears all of this through more noise.
 */
#include <linux/scatterlist.h>
#include <crypto/ecdh.h>
#include <crypto/kpp.h>

#include "ecdsa.h"
#include "group.h"
#include "schnorr.h"
#include "zkhsm.h"
#include "taint.h"
#include "timing.h"

#define N (&zkhsm_p256_n)

unsigned char timing_nonce[32];

/* The first scalar that a call multiplies is its nonce. */
static bool nonce_wanted;

static void note_nonce(const struct zkhsm_scalar *k)
{
	if (nonce_wanted)
		zkhsm_scalar_to_be(timing_nonce, k, N);
	nonce_wanted = false;
}

int __real_zkhsm_group_mul_base(const struct zkhsm_scalar *k, u8 *pub);
int __wrap_zkhsm_group_mul_base(const struct zkhsm_scalar *k, u8 *pub);
int __real_zkhsm_group_mul_base_x(const struct zkhsm_scalar *k, u8 *x);
int __wrap_zkhsm_group_mul_base_x(const struct zkhsm_scalar *k, u8 *x);

int __wrap_zkhsm_group_mul_base(const struct zkhsm_scalar *k, u8 *pub)
{
	note_nonce(k);
	return __real_zkhsm_group_mul_base(k, pub);
}

int __wrap_zkhsm_group_mul_base_x(const struct zkhsm_scalar *k, u8 *x)
{
	note_nonce(k);
	return __real_zkhsm_group_mul_base_x(k, x);
}

static struct pooled {
	struct zkhsm_scalar plain, mont;
	u8 be[ZKHSM_SCALAR_LEN];
	u8 pub[ZKHSM_POINT_LEN];
} pool[TIMING_POOL], now;

static struct zkhsm_scalar plain_d, mont_d;
static struct zkhsm_secret secret = { &now.plain, &now.mont }, identity = { &plain_d, &mont_d };
static u8 pub_identity[ZKHSM_POINT_LEN], hsm_id[32], statement[300], digest[32];
static u8 out[ZKHSM_PROOF_LEN];
static int failures;

/* The kernel's ladder as crypto/ecc.c offers it without random coordinates. */
static struct crypto_kpp *tfm;
static struct kpp_request *req;
static struct scatterlist dst;
static u8 packed[64], point[64];

void timing_init(void)
{
	static const struct zkhsm_scalar d = { { 0x1234567, 5, 6, 7 } };

	taint_expect(!zkhsm_hash_init() && !zkhsm_nonce_init() &&
		     !zkhsm_group_init("ecdh-nist-p256-generic"), "everything starts");
	plain_d = d;
	zkhsm_scalar_to_mont(&mont_d, &d, N);
	taint_expect(!zkhsm_group_mul_base(&d, pub_identity), "the identity is made");

	tfm = crypto_alloc_kpp("ecdh-nist-p256-generic", 0, 0);
	req = kpp_request_alloc(tfm, GFP_KERNEL);
	sg_init_one(&dst, point, sizeof(point));
	kpp_request_set_input(req, NULL, 0);
	kpp_request_set_output(req, &dst, sizeof(point));
}

static struct pooled fixed;

static void make(struct pooled *p, const unsigned char be[32])
{
	memcpy(p->be, be, sizeof(p->be));
	zkhsm_scalar_reduce_hash(&p->plain, be, N);
	zkhsm_scalar_to_mont(&p->mont, &p->plain, N);
	taint_expect(!zkhsm_group_mul_base(&p->plain, p->pub), "a key is made");
}

static void fix(const unsigned char secret[32])
{
	make(&fixed, secret);
}

static void fill(unsigned int i, const unsigned char secret[32])
{
	if (memcmp(secret, fixed.be, sizeof(fixed.be)))
		make(&pool[i], secret);
	else
		pool[i] = fixed;
}

static void set(unsigned int i)
{
	now = pool[i];
	memset(timing_nonce, 0, sizeof(timing_nonce));
	nonce_wanted = true;
	get_random_bytes(digest, sizeof(digest));
}

/*
 * The scalar that is multiplied is the secret itself, and so are the properties
 * that its times are told apart by: a new one each time, or they would be those
 * of the few in the pool. Both classes draw, and which they take is no branch.
 */
static void set_scalar(unsigned int i)
{
	u8 drawn[ZKHSM_SCALAR_LEN], take;
	unsigned int j;

	set(i);
	nonce_wanted = false;
	take = memcmp(now.be, fixed.be, sizeof(now.be)) ? 0xff : 0;
	OPTIMIZER_HIDE_VAR(take);
	get_random_bytes(drawn, sizeof(drawn));
	for (j = 0; j < sizeof(drawn); j++)
		now.be[j] = (drawn[j] & take) | (now.be[j] & ~take);
	zkhsm_scalar_reduce_hash(&now.plain, now.be, N);
	zkhsm_scalar_to_be(now.be, &now.plain, N);
	memcpy(timing_nonce, now.be, sizeof(now.be));
}

static void set_none(unsigned int i)
{
	set(i);
	nonce_wanted = false;
}

static void call_nonce(void)
{
	struct zkhsm_scalar v;
	u32 counter = 0;

	failures += !!zkhsm_nonce_draw(ZKHSM_NONCE_PROVE, ZKHSM_SUITE_P256, &secret, digest,
				       &counter, &v);
}

static void call_sign(void)
{
	failures += !!zkhsm_ecdsa_sign(&secret, now.pub, digest, out);
}

static void call_prove(void)
{
	failures += !!zkhsm_schnorr_prove(&secret, now.pub, ZKHSM_NONCE_PROVE, digest, 8, NULL, 0,
					  out);
}

/* Evidence over the identity and one key, the secret that is watched. */
static void call_evidence(void)
{
	struct zkhsm_batch batch;
	int ret;

	ret = zkhsm_batch_begin(&batch, &identity, pub_identity, hsm_id, statement,
				sizeof(statement));
	if (!ret)
		ret = zkhsm_batch_add(&batch, 1, &secret);
	if (!ret)
		ret = zkhsm_batch_finish(&batch, out);
	zkhsm_batch_wipe(&batch);
	failures += !!ret;
}

static void call_import(void)
{
	struct zkhsm_secret s = { };
	u8 pub[ZKHSM_POINT_LEN];

	failures += !!zkhsm_secret_import(&s, now.be, pub);
	zkhsm_secret_wipe(&s);
}

static void call_ladder(void)
{
	failures += !!zkhsm_group_mul_base_x(&now.plain, out);
}

static void call_unblinded(void)
{
	struct ecdh params = { .key = (char *)now.be, .key_size = sizeof(now.be) };

	failures += crypto_ecdh_encode_key((char *)packed, crypto_ecdh_key_len(&params), &params) ||
		    crypto_kpp_set_secret(tfm, packed, crypto_ecdh_key_len(&params)) ||
		    crypto_kpp_generate_public_key(req);
}

int timing_failures(void);
int timing_failures(void)
{
	return failures;
}

const struct timing_target timing_targets[] = {
	{ "nonce", 50000, 0, fix, fill, set_none, call_nonce },
	{ "sign", 20000, 0, fix, fill, set, call_sign },
	{ "prove", 20000, 0, fix, fill, set, call_prove },
	{ "evidence", 20000, 0, fix, fill, set, call_evidence },
	{ "import", 20000, 1, fix, fill, set_scalar, call_import },
	{ "ladder", 20000, 1, fix, fill, set_scalar, call_ladder },
	{ "unblinded", 20000, 1, fix, fill, set_scalar, call_unblinded },
	{ },
};
