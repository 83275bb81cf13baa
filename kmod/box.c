// SPDX-License-Identifier: GPL-2.0
/*
 * box.c - authenticated encryption under one-time keys, see box.h
 */
#include <crypto/aead.h>
#include <linux/err.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "box.h"
#include "group.h"
#include "transcript.h"

#define KEY_LEN	32
#define IV_LEN	12

static struct crypto_aead *tfm;

/* Protects the key of the transform, which is nobody's between two uses. */
static DEFINE_MUTEX(box_lock);

/* Only synchronous drivers: nobody waits for hardware with a KEK on the stack. */
int zkhsm_box_init(void)
{
	struct crypto_aead *aead = crypto_alloc_aead("gcm(aes)", 0, CRYPTO_ALG_ASYNC);
	int err;

	if (IS_ERR(aead)) {
		pr_err("not loaded: no gcm(aes) of this kernel (%ld)\n", PTR_ERR(aead));
		return PTR_ERR(aead);
	}
	err = crypto_aead_setauthsize(aead, ZKHSM_SEAL_TAG_LEN);
	if (!err && crypto_aead_ivsize(aead) != IV_LEN)
		err = -EINVAL;
	if (err) {
		crypto_free_aead(aead);
		return err;
	}
	tfm = aead;
	return 0;
}

void zkhsm_box_exit(void)
{
	crypto_free_aead(tfm);
	tfm = NULL;
}

/* HKDF-SHA-512: extract with the salt, expand by one block. */
static int derive(const u8 *kek, const u8 *salt, u8 type, u8 key[KEY_LEN])
{
	static const char label[] = "zkhsm seal v1";
	u8 prk[ZKHSM_HMAC_SIZE], okm[ZKHSM_HMAC_SIZE];
	u8 info[sizeof(label) - 1 + 2];
	int err;

	memcpy(info, label, sizeof(label) - 1);
	info[sizeof(label) - 1] = type;
	info[sizeof(label)] = 1;
	err = zkhsm_hmac_sha512(salt, ZKHSM_SEAL_SALT_LEN, kek, ZKHSM_KEK_LEN, prk);
	if (!err)
		err = zkhsm_hmac_sha512(prk, sizeof(prk), info, sizeof(info), okm);
	if (!err)
		memcpy(key, okm, KEY_LEN);
	memzero_explicit(prk, sizeof(prk));
	memzero_explicit(okm, sizeof(okm));
	return err;
}

static int crypt(struct aead_request *req, bool seal, u8 *buf, u32 clear_len, u32 len)
{
	/* Constant: the key is used once. */
	u8 iv[IV_LEN] = { 0 };
	struct scatterlist sg;

	sg_init_one(&sg, buf, clear_len + len + (seal ? ZKHSM_SEAL_TAG_LEN : 0));
	aead_request_set_callback(req, CRYPTO_TFM_REQ_MAY_SLEEP, NULL, NULL);
	aead_request_set_crypt(req, &sg, &sg, len, iv);
	aead_request_set_ad(req, clear_len);
	return seal ? crypto_aead_encrypt(req) : crypto_aead_decrypt(req);
}

static int box(const u8 *kek, const u8 *salt, u8 type, bool seal, u8 *buf, u32 clear_len, u32 len)
{
	static const u8 nobodys[KEY_LEN];
	struct aead_request *req;
	u8 key[KEY_LEN];
	int err, reset;

	req = aead_request_alloc(tfm, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	err = derive(kek, salt, type, key);
	if (err)
		goto out;

	mutex_lock(&box_lock);
	err = crypto_aead_setkey(tfm, key, sizeof(key));
	if (!err)
		err = crypt(req, seal, buf, clear_len, len);
	reset = crypto_aead_setkey(tfm, nobodys, sizeof(nobodys));
	mutex_unlock(&box_lock);
	err = err ?: reset;
out:
	memzero_explicit(key, sizeof(key));
	/* Has what GCM works with in it, and is wiped. */
	aead_request_free(req);
	zkhsm_burn_stack();
	return err;
}

static int error_of(int err)
{
	return !err || err == -ENOMEM ? err : err == -EBADMSG ? -EKEYREJECTED : -EIO;
}

int zkhsm_box_seal(const u8 kek[ZKHSM_KEK_LEN], const u8 salt[ZKHSM_SEAL_SALT_LEN], u8 type,
		   u8 *buf, u32 clear_len, u32 body_len)
{
	return error_of(box(kek, salt, type, true, buf, clear_len, body_len));
}

int zkhsm_box_open(const u8 kek[ZKHSM_KEK_LEN], const u8 salt[ZKHSM_SEAL_SALT_LEN], u8 type,
		   u8 *buf, u32 clear_len, u32 body_len)
{
	return error_of(box(kek, salt, type, false, buf, clear_len,
			    body_len + ZKHSM_SEAL_TAG_LEN));
}

/* KEK 00..1f, salt 40..5f; from an independent implementation. */
static const u8 known_answer[] = {
	0x9c, 0x00, 0xa4, 0x11, 0x2d, 0x98, 0x3e, 0xf0, 0x6e, 0xf3,
	0xb7, 0x59, 0x61, 0xb6, 0x32, 0xe9, 0x79, 0x98, 0x15, 0xd2,
	0xf0, 0x0b, 0xf9, 0x89, 0xe1, 0x28, 0x69, 0x0e, 0x21, 0xde,
};

static int known_answer_test(const u8 *kek, const u8 *salt, u8 *buf)
{
	static const char clear[] = "in the clear", body[] = "what is sealed";
	const u32 clear_len = sizeof(clear) - 1, body_len = sizeof(body) - 1;
	const u8 type = ZKHSM_WIRE_SEALED_RECORD;
	int err;

	memcpy(buf, clear, clear_len);
	memcpy(buf + clear_len, body, body_len);
	err = zkhsm_box_seal(kek, salt, type, buf, clear_len, body_len);
	if (!err && memcmp(buf + clear_len, known_answer, sizeof(known_answer)))
		err = -ELIBBAD;
	if (!err)
		err = zkhsm_box_open(kek, salt, type, buf, clear_len, body_len);
	if (!err && memcmp(buf + clear_len, body, body_len))
		err = -ELIBBAD;
	if (err)
		return err;

	memcpy(buf + clear_len, known_answer, sizeof(known_answer));
	buf[0] ^= 1;
	err = zkhsm_box_open(kek, salt, type, buf, clear_len, body_len);
	return err == -EKEYREJECTED ? 0 : err ?: -ELIBBAD;
}

int zkhsm_box_selftest(void)
{
	u8 kek[ZKHSM_KEK_LEN], salt[ZKHSM_SEAL_SALT_LEN], *buf;
	int err;
	u32 i;

	for (i = 0; i < sizeof(kek); i++)
		kek[i] = i;
	for (i = 0; i < sizeof(salt); i++)
		salt[i] = 0x40 + i;
	buf = kzalloc(64, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	err = known_answer_test(kek, salt, buf);
	kfree(buf);
	return err;
}
