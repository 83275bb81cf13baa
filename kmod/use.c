// SPDX-License-Identifier: GPL-2.0
/*
 * What key-sign and proof-get do with a key, without netlink: the grants that
 * came with the request, the secret, the receipt.
 */
#include "grant.h"

/* @err of the arithmetic. An answer to what was granted gets its receipt. */
static int finish(int err, struct zkhsm_grant *grant, const void *output, size_t len,
		  struct netlink_ext_ack *extack)
{
	if (err)
		return zkhsm_refuse_failure(extack, err);
	return grant ? zkhsm_grant_receipt(grant, output, len, extack) : 0;
}

static int verify_sign_grant(struct zkhsm_grant *grant, const struct zkhsm_key *key,
			     const u8 digest[ZKHSM_HASH_LEN], struct netlink_ext_ack *extack)
{
	u8 input[ZKHSM_HASH_LEN];

	if (!grant)
		return 0;
	if (zkhsm_sha256(digest, ZKHSM_HASH_LEN, input))
		return zkhsm_refuse_failure(extack, -EIO);
	return zkhsm_grant_verify(grant, key, ZKHSM_KEY_USAGE_SIGN, input, extack);
}

/**
 * zkhsm_op_sign() - ECDSA over a digest
 * @key: the key
 * @digest: SHA-256
 * @grant: what came with the request, or NULL; gets the receipt
 * @sig: r | s; to be released through zkhsm_key_release_begin() alone
 * @extack: of the request
 *
 * Return: 0; as zkhsm_grant_verify() and zkhsm_key_use_begin(); -ENOMEM; -EIO.
 */
int zkhsm_op_sign(struct zkhsm_key *key, const u8 digest[ZKHSM_HASH_LEN],
		  struct zkhsm_grant *grant, u8 sig[ZKHSM_SIGNATURE_LEN],
		  struct netlink_ext_ack *extack)
{
	struct zkhsm_live *live;
	int err;

	err = verify_sign_grant(grant, key, digest, extack);
	if (!err)
		err = zkhsm_key_use_begin(key, ZKHSM_KEY_USAGE_SIGN, grant, &live, extack);
	if (err)
		return err;
	err = zkhsm_ecdsa_sign(&live->secret, key->pub, digest, sig);
	zkhsm_live_put(live);
	return finish(err, grant, sig, ZKHSM_SIGNATURE_LEN, extack);
}

/*
 * The protocol's own messages are proved by the identity with a 32-byte
 * UserID or begin with the magic; no key may be made to say such a thing.
 */
static int check_proof_input(const struct zkhsm_proof_input *in, struct netlink_ext_ack *extack)
{
	if (in->uid_len == ZKHSM_HASH_LEN)
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
				    "a user-id of 32 bytes is kept for the protocol");
	if (in->other_len >= ZKHSM_MAGIC_LEN && !memcmp(in->other, ZKHSM_MAGIC, ZKHSM_MAGIC_LEN))
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_RESERVED_INPUT,
				    "other-info that begins with ZKHSM is kept for the protocol");
	return 0;
}

static int verify_prove_grant(struct zkhsm_grant *grant, const struct zkhsm_key *key,
			      const struct zkhsm_proof_input *in, struct netlink_ext_ack *extack)
{
	struct zkhsm_transcript t;
	u8 input[ZKHSM_HASH_LEN];

	if (!grant)
		return 0;
	zkhsm_transcript_init(&t);
	zkhsm_transcript_item(&t, in->user_id, in->uid_len);
	if (in->other)
		zkhsm_transcript_item(&t, in->other, in->other_len);
	if (zkhsm_transcript_final(&t, input))
		return zkhsm_refuse_failure(extack, -EIO);
	return zkhsm_grant_verify(grant, key, ZKHSM_KEY_USAGE_PROVE, input, extack);
}

/**
 * zkhsm_op_prove() - proof of possession of one key, RFC 8235
 * @key: the key
 * @in: UserID, 1 to 255 bytes, not 32, and perhaps OtherInfo
 * @grant: what came with the request, or NULL; gets the receipt
 * @proof: V | r; to be released through zkhsm_key_release_begin() alone
 * @extack: of the request
 *
 * Return: 0; -EINVAL (reserved input); as zkhsm_grant_verify() and
 * zkhsm_key_use_begin(); -ENOMEM; -EIO.
 */
int zkhsm_op_prove(struct zkhsm_key *key, const struct zkhsm_proof_input *in,
		   struct zkhsm_grant *grant, u8 proof[ZKHSM_PROOF_LEN],
		   struct netlink_ext_ack *extack)
{
	struct zkhsm_live *live;
	int err;

	err = check_proof_input(in, extack);
	if (!err)
		err = verify_prove_grant(grant, key, in, extack);
	if (!err)
		err = zkhsm_key_use_begin(key, ZKHSM_KEY_USAGE_PROVE, grant, &live, extack);
	if (err)
		return err;
	err = zkhsm_schnorr_prove(&live->secret, key->pub, ZKHSM_NONCE_PROVE, in->user_id,
				  in->uid_len, in->other, in->other_len, proof);
	zkhsm_live_put(live);
	return finish(err, grant, proof, ZKHSM_PROOF_LEN, extack);
}
