// SPDX-License-Identifier: GPL-2.0
/*
 * key_zkhsm.c - the order key in the zkhsm of this host
 *
 * An EVP_PKEY whose signatures are made by the kernel (key-sign). OpenSSL 3.0 has no
 * other way to have one key of another make than the methods of EC_KEY, deprecated as
 * they are, or a provider of our own.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "log.h"

#define PREFIX	"zkhsm:"

struct kernel_key {
	struct zkhsm_nl *nl;
	pthread_mutex_t lock;		/* @nl: one request at a time */
	char id[ZKHSM_ID_MAX_LEN + 1];
	uint8_t public[65];
	EC_KEY_METHOD *method;
};

static ECDSA_SIG *sign_digest(const unsigned char *digest, int len, const BIGNUM *kinv,
			      const BIGNUM *rp, EC_KEY *ec)
{
	struct kernel_key *k = EC_KEY_get_ex_data(ec, 0);
	struct zkhsm_error err = { .code = 0 };
	uint8_t signature[64], public[65];
	ECDSA_SIG *sig;
	BIGNUM *r, *s;
	int ret;

	(void)kinv;
	(void)rp;
	if (!k || len != 32)
		return NULL;
	pthread_mutex_lock(&k->lock);
	ret = zkhsm_key_sign(k->nl, k->id, digest, signature, public, &err);
	pthread_mutex_unlock(&k->lock);
	/* Another key under the same id would sign what kernels refuse. */
	if (!ret && memcmp(public, k->public, sizeof(public)) != 0)
		ret = zkhsm_fail(&err, -ENOKEY, "the key %s is another one now", k->id);
	if (ret) {
		log_event(LOG_LEVEL_ERROR, "order-key", "key", k->id, "error", err.text, NULL);
		return NULL;
	}
	r = BN_bin2bn(signature, 32, NULL);
	s = BN_bin2bn(signature + 32, 32, NULL);
	sig = ECDSA_SIG_new();
	if (r && s && sig && ECDSA_SIG_set0(sig, r, s) == 1)
		return sig;
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return NULL;
}

static int sign_der(int type, const unsigned char *digest, int len, unsigned char *out,
		    unsigned int *out_len, const BIGNUM *kinv, const BIGNUM *r, EC_KEY *ec)
{
	ECDSA_SIG *sig = sign_digest(digest, len, kinv, r, ec);
	int der = sig ? i2d_ECDSA_SIG(sig, &out) : 0;

	(void)type;
	ECDSA_SIG_free(sig);
	*out_len = der > 0 ? (unsigned int)der : 0;
	return der > 0;
}

static void close_kernel_key(void *handle)
{
	struct kernel_key *k = handle;

	if (!k)
		return;
	if (k->method)
		EC_KEY_METHOD_free(k->method);
	pthread_mutex_destroy(&k->lock);
	zkhsm_nl_close(k->nl);
	free(k);
}

static EVP_PKEY *make_pkey(struct kernel_key *k)
{
	EC_KEY *ec = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
	EVP_PKEY *pkey = EVP_PKEY_new();

	k->method = EC_KEY_METHOD_new(EC_KEY_OpenSSL());
	if (ec && pkey && k->method) {
		EC_KEY_METHOD_set_sign(k->method, sign_der, NULL, sign_digest);
		if (EC_KEY_oct2key(ec, k->public, sizeof(k->public), NULL) == 1 &&
		    EC_KEY_set_method(ec, k->method) == 1 && EC_KEY_set_ex_data(ec, 0, k) == 1 &&
		    EVP_PKEY_assign_EC_KEY(pkey, ec) == 1)
			return pkey;
	}
	EC_KEY_free(ec);
	EVP_PKEY_free(pkey);
	return NULL;
}

/* One that can stop without an order would stop the manager that should order it. */
static int check_key(const struct zkhsm_key_info *info, struct zkhsm_error *err)
{
	if (info->type != ZKHSM_KEY_TYPE_EC_P256)
		return zkhsm_fail(err, -EINVAL, "the key %s is not on P-256", info->id);
	if (info->lease_required)
		log_event(LOG_LEVEL_WARNING, "order-key", "key", info->id, "text",
			  "it needs leases: without one, this manager gives none either", NULL);
	return 0;
}

static int open_zkhsm(const char *what, const char *dir, bool make, struct zkhsmd_order_key *out,
		      struct zkhsm_error *err)
{
	const char *id = what + strlen(PREFIX);
	struct kernel_key *k = calloc(1, sizeof(*k));
	struct zkhsm_key_info info;
	int ret;

	(void)dir;
	(void)make;
	if (!k)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	pthread_mutex_init(&k->lock, NULL);
	if (!id[0] || strlen(id) > ZKHSM_ID_MAX_LEN) {
		ret = zkhsm_fail(err, -EINVAL, "order_key = zkhsm:KEY needs the id of a key");
		goto fail;
	}
	strcpy(k->id, id);		/* just measured */
	ret = zkhsm_nl_open(&k->nl, err);
	if (!ret)
		ret = zkhsm_key_get(k->nl, id, &info, err);
	if (!ret)
		ret = check_key(&info, err);
	if (ret)
		goto fail;
	memcpy(k->public, info.public, sizeof(k->public));
	out->pkey = make_pkey(k);
	if (out->pkey) {
		out->handle = k;
		return 0;
	}
	ret = zkhsm_fail(err, -ENOMEM, "OpenSSL takes no key of another make");
fail:
	close_kernel_key(k);
	return ret;
}

const struct zkhsmd_key_backend zkhsmd_key_zkhsm_backend = {
	.prefix = PREFIX,
	.open = open_zkhsm,
	.close = close_kernel_key,
};
