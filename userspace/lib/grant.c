// SPDX-License-Identifier: GPL-2.0
/*
 * Grants: what a manager signs and a client uses, and the receipt by which the
 * HSM says what it gave for one. Documentation/protocol.rst, section Grants.
 */
#include "lib_private.h"

#include <openssl/err.h>

/* The fields of a grant that are neither the manager's nor the HSM's. */
void zkhsm_grant_fill(const struct zkhsm_grant_terms *t, struct zkhsm_order *o)
{
	o->type = ZKHSM_ORDER_TYPE_GRANT;
	memcpy(o->instance_id, t->instance_id, sizeof(o->instance_id));
	memcpy(o->element, t->element, sizeof(o->element));
	/* 0 is refused; an operation cut to a byte may be another one. */
	o->operation = t->operation > UINT8_MAX ? 0 : (uint8_t)t->operation;
	o->algorithm = t->operation == ZKHSM_GRANT_OPERATION_PROVE ?
		       ZKHSM_GRANT_ALGORITHM_RFC8235 : ZKHSM_GRANT_ALGORITHM_ECDSA_P256_SHA256;
	memcpy(o->input, t->input, sizeof(o->input));
	memcpy(o->client, t->client, sizeof(o->client));
	memcpy(o->jti, t->jti, sizeof(o->jti));
	o->not_after_ms = t->not_after_ms;
}

/* What the decoder leaves to whoever knows points. */
int zkhsm_grant_check(const struct zkhsm_order *o, struct zkhsm_error *err)
{
	EC_POINT *client;

	if (!zkhsm_grant_names_client(o))
		return 0;
	client = zkhsm_ec_point_decode(o->client, NULL);
	ERR_clear_error();
	if (!client)
		return zkhsm_fail(err, -EINVAL, "the client's key is not a point of P-256");
	EC_POINT_free(client);
	return 0;
}

void zkhsm_grant_sign_input(const uint8_t digest[32], uint8_t input[32])
{
	zkhsm_sha256(digest, ZKHSM_HASH_LEN, input);
}

void zkhsm_grant_prove_input(const void *user_id, size_t user_id_len, const void *other,
			     size_t other_len, uint8_t input[32])
{
	SHA256_CTX hash;

	SHA256_Init(&hash);
	zkhsm_hash_item(&hash, user_id, user_id_len);
	if (other)
		zkhsm_hash_item(&hash, other, other_len);
	SHA256_Final(input, &hash);
}

static void digest_of(const struct zkhsm_order *o, uint8_t digest[32])
{
	uint8_t input[ZKHSM_GRANT_INPUT_LEN];

	zkhsm_grant_digest_input(o, input);
	zkhsm_sha256(input, sizeof(input), digest);
}

/**
 * zkhsm_grant_terms_digest() - the digest that names what is to be granted
 * @hsm_id: the HSM
 * @t: what it is for
 * @digest: SHA-256
 * @err: why not
 *
 * Return: 0; -EINVAL for a field that no grant has.
 */
int zkhsm_grant_terms_digest(const uint8_t hsm_id[32], const struct zkhsm_grant_terms *t,
			     uint8_t digest[32], struct zkhsm_error *err)
{
	struct zkhsm_order o = { 0 }, again;
	uint8_t buf[ZKHSM_GRANT_LEN] = { 0 };

	memcpy(o.hsm_id, hsm_id, sizeof(o.hsm_id));
	zkhsm_grant_fill(t, &o);
	if (zkhsm_order_encode(&o, buf, sizeof(buf)) < 0 ||
	    zkhsm_order_decode(&again, buf, sizeof(buf)))
		return zkhsm_fail(err, -EINVAL, "a field of the grant is none that grants have");
	digest_of(&o, digest);
	return zkhsm_grant_check(&o, err);
}

/**
 * zkhsm_grant_digest() - the digest that names what was granted
 * @grant: an order of type grant
 * @len: its length
 * @digest: SHA-256
 * @err: why not
 *
 * The signature is not looked at.
 *
 * Return: 0, or -EBADMSG.
 */
int zkhsm_grant_digest(const uint8_t *grant, size_t len, uint8_t digest[32],
		       struct zkhsm_error *err)
{
	struct zkhsm_order o;

	if (zkhsm_order_decode(&o, grant, len) || o.type != ZKHSM_ORDER_TYPE_GRANT ||
	    zkhsm_grant_check(&o, NULL))
		return zkhsm_fail(err, -EBADMSG, "the grant is malformed");
	digest_of(&o, digest);
	return 0;
}

/**
 * zkhsm_grant_sign() - the signature by which the client of a grant uses it
 * @client: the private key whose public key the grant names
 * @grant_digest: see zkhsm_grant_digest()
 * @signature: r | s
 * @err: why not
 *
 * Return: as zkhsm_signer_sign().
 */
int zkhsm_grant_sign(EVP_PKEY *client, const uint8_t grant_digest[32], uint8_t signature[64],
		     struct zkhsm_error *err)
{
	uint8_t input[ZKHSM_GRANT_USE_LEN];

	zkhsm_grant_use_input(grant_digest, input);
	return zkhsm_signer_sign(client, input, sizeof(input), signature, err);
}

/**
 * zkhsm_verify_receipt() - check what an HSM says that it gave for a grant
 * @identity: D, SEC1 uncompressed, of the HSM that the grant is for: whoever calls
 *	has compared SHA-256 of it with that hsm_id, which the digest hides
 * @grant_digest: see zkhsm_grant_digest()
 * @output: the signature, or the proof
 * @output_len: its length
 * @receipt: what the HSM says, and its proof
 * @receipt_len: their length
 * @err: why not
 *
 * Return: 0; -EBADMSG; -EKEYREJECTED when it is about another grant or another
 * output, or false; -ENOMEM.
 */
int zkhsm_verify_receipt(const uint8_t identity[65], const uint8_t grant_digest[32],
			 const void *output, size_t output_len, const uint8_t *receipt,
			 size_t receipt_len, struct zkhsm_error *err)
{
	uint8_t hsm_id[ZKHSM_HASH_LEN], digest[ZKHSM_HASH_LEN];
	struct zkhsm_receipt r;
	int ret;

	if (receipt_len != ZKHSM_RECEIPT_LEN ||
	    zkhsm_receipt_decode(&r, receipt, ZKHSM_RECEIPT_BODY_LEN))
		return zkhsm_fail(err, -EBADMSG, "the receipt is malformed");
	zkhsm_sha256(identity, ZKHSM_POINT_LEN, hsm_id);
	ret = zkhsm_verify_proof(identity, hsm_id, sizeof(hsm_id), receipt,
				 ZKHSM_RECEIPT_BODY_LEN, receipt + ZKHSM_RECEIPT_BODY_LEN, err);
	if (ret)
		return ret;
	if (memcmp(r.grant_digest, grant_digest, sizeof(r.grant_digest)))
		return zkhsm_fail(err, -EKEYREJECTED, "the receipt is for another grant");
	zkhsm_sha256(output, output_len, digest);
	if (memcmp(r.output_digest, digest, sizeof(digest)))
		return zkhsm_fail(err, -EKEYREJECTED, "the receipt is for another answer");
	return 0;
}
