// SPDX-License-Identifier: GPL-2.0
/*
 * answers.c - everything that the module does with a secret, once
 *
 * Keys are generated and imported; proofs, signatures and evidence are made
 * with them, rechecked, verified, and spoiled by faults; a KEK is made of shares. After each step what
 * must be secret has to be secret still: a test that has lost track of its
 * secrets would find nothing.
 */
#include "ecdsa.h"
#include "group.h"
#include "schnorr.h"
#include "seal.h"
#include "shamir.h"
#include "zkhsm.h"
#include "taint.h"

void world_put_keyring_key(const u8 *secret, size_t len);

static struct zkhsm_secret identity, imported, generated;
static u8 pub_identity[ZKHSM_POINT_LEN], pub_imported[ZKHSM_POINT_LEN];
static u8 pub_generated[ZKHSM_POINT_LEN];
static const u8 hsm_id[ZKHSM_HASH_LEN] = { 1 }, statement[300] = { 2 };
static const u8 digest[ZKHSM_HASH_LEN] = { 0xc3 };
static const u8 user_id[5] = "alice", other[3] = "abc";

#define EXPECT(condition) taint_expect(condition, #condition)
#define SECRET(x) EXPECT(taint_is_secret(&(x), 32))
#define PUBLIC(x) EXPECT(!taint_is_secret(&(x), sizeof(x)))

static void check_secret(const struct zkhsm_secret *s)
{
	EXPECT(zkhsm_secret_present(s));
	SECRET(*s->plain);
	SECRET(*s->mont);
}

static void make_keys(void)
{
	u8 scalar[ZKHSM_SCALAR_LEN] = { 0, 0, 0x17, [20] = 0x5a, [31] = 0x99 };
	u8 be[ZKHSM_SCALAR_LEN];

	EXPECT(!zkhsm_secret_generate(&identity, pub_identity));
	/* A nonce out of range, and a scalar that the driver refuses, are drawn again. */
	host_zero_hmac = 1;
	host_refuse_scalar = 1;
	EXPECT(!zkhsm_secret_generate(&generated, pub_generated));

	taint_secret(scalar, sizeof(scalar));
	world_put_keyring_key(scalar, sizeof(scalar));
	EXPECT(!zkhsm_keyring_read(17, be, sizeof(be), NULL));
	SECRET(be);
	/* Of a key that comes from outside the negative is tried instead. */
	host_refuse_scalar = 1;
	EXPECT(!zkhsm_secret_import(&imported, be, pub_imported));

	check_secret(&identity);
	check_secret(&generated);
	check_secret(&imported);
	PUBLIC(pub_identity);
	PUBLIC(pub_generated);
	PUBLIC(pub_imported);
	EXPECT(!zkhsm_p256_decode_public(pub_imported));
}

/* Refused, and nobody is told more: above n, and the numbers that are not keys. */
static void refuse_keys(void)
{
	struct zkhsm_secret s = { };
	u8 be[ZKHSM_SCALAR_LEN], pub[ZKHSM_POINT_LEN];

	memset(be, 0xff, sizeof(be));
	taint_secret(be, sizeof(be));
	EXPECT(zkhsm_secret_import(&s, be, pub) == -ERANGE);
	memset(be, 0, sizeof(be));
	taint_secret(be, sizeof(be));
	EXPECT(zkhsm_secret_import(&s, be, pub) == -ERANGE);
	EXPECT(!zkhsm_secret_present(&s));
}

static void prove(const void *other_info, size_t len)
{
	u8 proof[ZKHSM_PROOF_LEN];

	taint_answer(proof, sizeof(proof));
	EXPECT(!zkhsm_schnorr_prove(&imported, pub_imported, ZKHSM_NONCE_PROVE, user_id,
				    sizeof(user_id), other_info, len, proof));
	PUBLIC(proof);
	EXPECT(!zkhsm_schnorr_verify(pub_imported, user_id, sizeof(user_id), other_info, len,
				     proof));
}

static void sign(void)
{
	u8 sig[ZKHSM_SIGNATURE_LEN];

	taint_answer(sig, sizeof(sig));
	EXPECT(!zkhsm_ecdsa_sign(&imported, pub_imported, digest, sig));
	PUBLIC(sig);
	EXPECT(!zkhsm_ecdsa_verify(pub_imported, digest, sig));
}

static int attest(u8 proof[ZKHSM_PROOF_LEN])
{
	struct zkhsm_batch batch;
	int ret;

	taint_answer(proof, ZKHSM_PROOF_LEN);
	EXPECT(!zkhsm_batch_begin(&batch, &identity, pub_identity, hsm_id, statement,
				  sizeof(statement)));
	EXPECT(!zkhsm_batch_add(&batch, 1, &imported));
	EXPECT(!zkhsm_batch_add(&batch, 2, &generated));
	SECRET(batch.v);
	SECRET(batch.sum);
	SECRET(batch.check);
	PUBLIC(batch.commitment);
	PUBLIC(batch.seed);
	ret = zkhsm_batch_finish(&batch, proof);
	zkhsm_batch_wipe(&batch);
	return ret;
}

static void attest_and_verify(void)
{
	u8 proof[ZKHSM_PROOF_LEN], pubs[2 * ZKHSM_POINT_LEN];

	EXPECT(!attest(proof));
	PUBLIC(proof);
	memcpy(pubs, pub_imported, ZKHSM_POINT_LEN);
	memcpy(pubs + ZKHSM_POINT_LEN, pub_generated, ZKHSM_POINT_LEN);
	EXPECT(!zkhsm_batch_verify(pub_identity, hsm_id, statement, sizeof(statement), pubs, 2,
				   proof));
}

/* A flipped bit: nothing gets out, and finding it out takes no branch on a secret. */
static void spoil(struct zkhsm_scalar *form, bool plain)
{
	u8 proof[ZKHSM_PROOF_LEN], sig[ZKHSM_SIGNATURE_LEN];

	form->limb[1] ^= 1;
	EXPECT(attest(proof) == -EIO);
	if (plain) {
		taint_answer(proof, sizeof(proof));
		EXPECT(zkhsm_schnorr_prove(&imported, pub_imported, ZKHSM_NONCE_PROVE, user_id,
					   sizeof(user_id), NULL, 0, proof) == -EIO);
		taint_answer(sig, sizeof(sig));
		EXPECT(zkhsm_ecdsa_sign(&imported, pub_imported, digest, sig) == -EIO);
		PUBLIC(sig);
		EXPECT(!memchr_inv(sig, 0, sizeof(sig)));
	}
	PUBLIC(proof);
	EXPECT(!memchr_inv(proof, 0, sizeof(proof)));
	form->limb[1] ^= 1;
}

#define THRESHOLD	3

/* A share whose value and check are secret; the rest of it is not. */
static int enter(const struct zkhsm_scalar *coefficients, const u8 *kek_id, u32 index, bool wrong)
{
	struct zkhsm_share_info info;
	struct zkhsm_share share = { .threshold = THRESHOLD, .index = index };
	u8 buf[ZKHSM_SHARE_LEN], digest[ZKHSM_HASH_LEN];
	struct zkhsm_scalar y;

	zkhsm_shamir_split(coefficients, THRESHOLD, index, &y);
	y.limb[0] ^= wrong;
	SECRET(y);
	zkhsm_scalar_to_be(share.y, &y, &zkhsm_p256_n);
	memcpy(share.kek_id, kek_id, sizeof(share.kek_id));
	EXPECT(zkhsm_share_encode(&share, buf, sizeof(buf)) == ZKHSM_SHARE_CHECKED_LEN);
	EXPECT(!zkhsm_sha256(buf, ZKHSM_SHARE_CHECKED_LEN, digest));
	memcpy(buf + ZKHSM_SHARE_CHECKED_LEN, digest, ZKHSM_SHARE_CHECK_LEN);
	SECRET(buf[sizeof(buf) - 32]);
	world_put_keyring_key(buf, sizeof(buf));
	return zkhsm_share_enter(17, &info, NULL);
}

static void enter_shares(void)
{
	u8 kek[ZKHSM_KEK_LEN], kek_id[ZKHSM_KEK_ID_LEN], made[ZKHSM_KEK_LEN], wide[48];
	struct zkhsm_scalar c[THRESHOLD];
	u32 i;

	for (i = 0; i < THRESHOLD; i++) {
		get_random_bytes(wide, sizeof(wide));
		zkhsm_scalar_reduce_wide(&c[i], wide, &zkhsm_p256_n);
		SECRET(c[i]);
	}
	zkhsm_scalar_to_be(kek, &c[0], &zkhsm_p256_n);
	EXPECT(!zkhsm_kek_id(kek, kek_id));
	taint_release("id of a KEK", kek_id, sizeof(kek_id));

	EXPECT(!enter(c, kek_id, 16, false));
	EXPECT(!enter(c, kek_id, 1, false));
	EXPECT(enter(c, kek_id, 7, true) == -EINVAL);
	EXPECT(!enter(c, kek_id, 9, false));
	EXPECT(!enter(c, kek_id, 2, false));
	EXPECT(!enter(c, kek_id, 16, false));
	EXPECT(!zkhsm_share_take(made, NULL));
	SECRET(made);
	taint_public(made, sizeof(made));
	taint_public(kek, sizeof(kek));
	EXPECT(!memcmp(made, kek, sizeof(made)));
	zkhsm_share_exit();
}

/* What is decrypted is looked at for its form, and no look falls on a secret. */
static void open_records(void)
{
	struct zkhsm_key_body key = {
		.type = ZKHSM_KEY_TYPE_EC_P256, .origin = ZKHSM_KEY_ORIGIN_GENERATED,
		.state = ZKHSM_KEY_STATE_ACTIVE, .resume = ZKHSM_KEY_STATE_ACTIVE,
		.public = { 4 }, .secret = { 5 },
	}, key_again;
	static const u8 config[2] = { 1, 2 };
	struct zkhsm_head_body head = { .secret = { 6 }, .config = config, .config_len = 2 };
	struct zkhsm_head_body head_again;
	struct zkhsm_managers_reader m;
	static u8 buf[ZKHSM_HEAD_BODY_MAX_LEN];
	struct zkhsm_secret restored = { };
	int len;

	taint_secret(key.secret, sizeof(key.secret));
	len = zkhsm_key_body_encode(&key, buf, sizeof(buf));
	EXPECT(len == ZKHSM_KEY_BODY_LEN);
	EXPECT(!zkhsm_key_body_decode(&key_again, buf, len));
	SECRET(key_again.secret);
	EXPECT(!zkhsm_secret_restore(&restored, key_again.secret));
	check_secret(&restored);
	EXPECT(!zkhsm_secret_export(&restored, key.secret));
	SECRET(key.secret);
	zkhsm_secret_wipe(&restored);

	taint_secret(head.secret, sizeof(head.secret));
	len = zkhsm_head_body_encode(&head, buf, sizeof(buf));
	EXPECT(len > 0);
	EXPECT(!zkhsm_head_body_decode(&head_again, &m, buf, len));
	SECRET(head_again.secret);
}

int answers(void)
{
	EXPECT(!zkhsm_hash_init());
	EXPECT(!zkhsm_nonce_init());
	EXPECT(!zkhsm_group_init("stand-in"));

	make_keys();
	refuse_keys();
	prove(NULL, 0);
	prove(other, sizeof(other));
	sign();
	attest_and_verify();
	EXPECT(!taint_faults);
	spoil(imported.plain, true);
	spoil(imported.mont, false);
	EXPECT(taint_faults == 4);
	enter_shares();
	open_records();

	zkhsm_secret_wipe(&identity);
	zkhsm_secret_wipe(&imported);
	zkhsm_secret_wipe(&generated);
	EXPECT(!zkhsm_secret_present(&imported));
	zkhsm_group_exit();
	zkhsm_nonce_exit();
	zkhsm_hash_exit();
	return 0;
}
