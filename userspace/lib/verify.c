// SPDX-License-Identifier: GPL-2.0
/*
 * The verifier of Documentation/protocol.rst: proofs of one key (RFC 8235),
 * announcements, evidence over a whole list, ECDSA signatures.
 *
 * -EBADMSG is what is not the canonical encoding of anything, -EKEYREJECTED
 * what is well-formed and does not hold. All inputs are public, so nothing
 * here is constant time.
 */
#include "lib_private.h"

#include <openssl/err.h>
#include <stdlib.h>

#include "p256_point.h"

/* What verifying one proof V | r needs, made and freed together. */
struct verifier {
	const EC_GROUP *group;
	BN_CTX *ctx;
	EC_POINT *result;	/* r * G + sum(c_i * A_i) */
	BIGNUM *r;
	const uint8_t *v;	/* the encoding of V, known to be a point */
};

static void verifier_end(struct verifier *v)
{
	EC_POINT_free(v->result);
	BN_free(v->r);
	BN_CTX_free(v->ctx);
	ERR_clear_error();
}

static int verifier_begin(struct verifier *v, const uint8_t proof[ZKHSM_PROOF_LEN],
			  struct zkhsm_error *err)
{
	struct p256_affine commitment;

	memset(v, 0, sizeof(*v));
	v->group = zkhsm_p256();
	v->ctx = BN_CTX_new();
	v->result = v->group ? EC_POINT_new(v->group) : NULL;
	if (!v->ctx || !v->result)
		return zkhsm_fail(err, -ENOMEM, "out of memory");

	v->v = proof;
	if (!p256_affine_decode(&commitment, proof))
		return zkhsm_fail(err, -EBADMSG, "V in the proof is not a point of P-256");
	v->r = zkhsm_scalar_decode(proof + ZKHSM_POINT_LEN);
	if (!v->r)
		return zkhsm_fail(err, -EBADMSG, "r in the proof is not below the group's order");
	return 0;
}

/*
 * By encoding, since V arrived as one and infinity has none of this length.
 */
static int verifier_compare(struct verifier *v, struct zkhsm_error *err)
{
	uint8_t encoded[ZKHSM_POINT_LEN];

	if (EC_POINT_point2oct(v->group, v->result, POINT_CONVERSION_UNCOMPRESSED, encoded,
			       sizeof(encoded), v->ctx) != sizeof(encoded) ||
	    memcmp(encoded, v->v, sizeof(encoded)))
		return zkhsm_fail(err, -EKEYREJECTED, "the proof is false");
	return 0;
}

/* RFC 8235 section 3.2 with the item boundaries of section 2.2: c, not yet reduced. */
static void challenge_of(const uint8_t public[ZKHSM_POINT_LEN], const void *user_id,
			 size_t user_id_len, const void *other, size_t other_len,
			 const uint8_t *v, uint8_t c[ZKHSM_HASH_LEN])
{
	SHA256_CTX hash;

	SHA256_Init(&hash);
	zkhsm_hash_item(&hash, zkhsm_base_point, sizeof(zkhsm_base_point));
	zkhsm_hash_item(&hash, v, ZKHSM_POINT_LEN);
	zkhsm_hash_item(&hash, public, ZKHSM_POINT_LEN);
	zkhsm_hash_item(&hash, user_id, user_id_len);
	if (other)
		zkhsm_hash_item(&hash, other, other_len);
	SHA256_Final(c, &hash);
}

/**
 * zkhsm_verify_proof() - check a proof of one key, RFC 8235
 * @public: A, SEC1 uncompressed
 * @user_id: UserID, 1 to 255 bytes
 * @user_id_len: its length
 * @other: OtherInfo, or NULL when absent, which is not the same as empty
 * @other_len: its length
 * @proof: V | r
 * @err: why not
 *
 * Return: 0; -EINVAL for a UserID of another length; -EBADMSG unless A and V
 * are points and r < n; -EKEYREJECTED; -ENOMEM.
 */
int zkhsm_verify_proof(const uint8_t public[65], const void *user_id, size_t user_id_len,
		       const void *other, size_t other_len, const uint8_t proof[97],
		       struct zkhsm_error *err)
{
	uint8_t hash[ZKHSM_HASH_LEN];
	struct verifier v;
	EC_POINT *a = NULL;
	BIGNUM *c = NULL;
	int ret;

	if (!user_id_len || user_id_len > ZKHSM_USER_ID_MAX_LEN)
		return zkhsm_fail(err, -EINVAL, "a UserID has 1 to %d bytes, not %zu",
				  ZKHSM_USER_ID_MAX_LEN, user_id_len);
	ret = verifier_begin(&v, proof, err);
	if (ret)
		goto out;
	a = zkhsm_ec_point_decode(public, v.ctx);
	if (!a) {
		ret = zkhsm_fail(err, -EBADMSG, "the public key is not a point of P-256");
		goto out;
	}
	challenge_of(public, user_id, user_id_len, other, other_len, v.v, hash);
	c = BN_bin2bn(hash, sizeof(hash), NULL);
	if (!c || !BN_nnmod(c, c, EC_GROUP_get0_order(v.group), v.ctx) ||
	    !EC_POINT_mul(v.group, v.result, v.r, a, c, v.ctx)) {
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto out;
	}
	ret = verifier_compare(&v, err);
out:
	BN_free(c);
	EC_POINT_free(a);
	verifier_end(&v);
	return ret;
}

/**
 * zkhsm_verify_announcement() - check that an identity uses a list
 * @identity: D, SEC1 uncompressed
 * @data: the announcement and its proof, 145 bytes
 * @len: how many bytes there are
 * @out: what it says; nothing that may be used unless 0 is returned
 * @err: why not
 *
 * Return: 0, -EBADMSG, -EKEYREJECTED, -ENOMEM.
 */
int zkhsm_verify_announcement(const uint8_t identity[65], const uint8_t *data, size_t len,
			      struct zkhsm_announcement *out, struct zkhsm_error *err)
{
	uint8_t hsm_id[ZKHSM_HASH_LEN];

	if (len != ZKHSM_ANNOUNCEMENT_LEN + ZKHSM_PROOF_LEN ||
	    zkhsm_announcement_decode(out, data, ZKHSM_ANNOUNCEMENT_LEN))
		return zkhsm_fail(err, -EBADMSG, "the announcement is malformed");
	zkhsm_sha256(identity, ZKHSM_POINT_LEN, hsm_id);
	return zkhsm_verify_proof(identity, hsm_id, sizeof(hsm_id), data, ZKHSM_ANNOUNCEMENT_LEN,
				  data + ZKHSM_ANNOUNCEMENT_LEN, err);
}

/**
 * zkhsm_configuration_check() - read C, the managers' keys included
 * @config: its bytes
 * @len: how many
 * @out: what it says; may be used only when 0 is returned
 * @err: why not
 *
 * Return: 0, -EBADMSG, -ENOMEM.
 */
int zkhsm_configuration_check(const uint8_t *config, size_t len, struct zkhsm_configuration *out,
			      struct zkhsm_error *err)
{
	struct p256_affine key;
	int i;

	if (zkhsm_configuration_decode(out, config, len))
		return zkhsm_fail(err, -EBADMSG, "the configuration is malformed");
	for (i = 0; i < out->manager_count; i++) {
		if (!p256_affine_decode(&key, out->managers[i]))
			return zkhsm_fail(err, -EBADMSG,
					  "a manager's key is not a point of P-256");
	}
	return 0;
}

/* That S is about this list and this configuration. */
static int check_statement(const struct zkhsm_statement *s, const struct zkhsm_keylist *l,
			   const uint8_t *config, size_t config_len, struct zkhsm_error *err)
{
	struct zkhsm_configuration decoded;
	uint8_t digest[ZKHSM_HASH_LEN];

	zkhsm_sha256(s->identity, sizeof(s->identity), digest);
	if (memcmp(digest, s->hsm_id, sizeof(digest)))
		return zkhsm_fail(err, -EKEYREJECTED, "hsm_id is not the digest of the identity");
	if (memcmp(zkhsm_keylist_digest(l), s->list_digest, ZKHSM_HASH_LEN))
		return zkhsm_fail(err, -EKEYREJECTED, "the evidence is over another list of keys");
	if (zkhsm_keylist_count(l) != s->list_count)
		return zkhsm_fail(err, -EKEYREJECTED, "the list has %zu keys, the evidence says %u",
				  zkhsm_keylist_count(l), s->list_count);
	if (!config)
		return 0;
	zkhsm_sha256(config, config_len, digest);
	if (memcmp(digest, s->config_digest, sizeof(digest)))
		return zkhsm_fail(err, -EKEYREJECTED, "the evidence is over another configuration");
	return zkhsm_configuration_check(config, config_len, &decoded, err);
}

/**
 * zkhsm_verify_evidence() - check evidence over a list
 * @evidence: S | V | r
 * @len: how many bytes
 * @l: the list whose digest is in S
 * @config: C, or NULL when the caller has looked at it before
 * @config_len: its length
 * @out: S; what it says may be used only when 0 is returned
 * @err: why not
 *
 * Return: 0; -EBADMSG: S, V, r, D or C is malformed; -EKEYREJECTED: hsm_id,
 * list, count, configuration or proof is false; -ENOMEM.
 */
int zkhsm_verify_evidence(const uint8_t *evidence, size_t len, const struct zkhsm_keylist *l,
			  const uint8_t *config, size_t config_len,
			  struct zkhsm_statement *out, struct zkhsm_error *err)
{
	struct p256_affine identity;
	struct verifier v;
	size_t statement_len;
	int ret;

	if (zkhsm_evidence_decode(out, &statement_len, evidence, len))
		return zkhsm_fail(err, -EBADMSG, "the evidence is malformed");
	ret = verifier_begin(&v, evidence + statement_len, err);
	if (ret)
		goto out;
	if (!p256_affine_decode(&identity, out->identity)) {
		ret = zkhsm_fail(err, -EBADMSG, "the identity is not a point of P-256");
		goto out;
	}
	ret = check_statement(out, l, config, config_len, err);
	if (ret)
		goto out;
	if (zkhsm_batch_sum(out, evidence, statement_len, v.v, l, v.r, v.result, v.ctx))
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
	else
		ret = verifier_compare(&v, err);
out:
	verifier_end(&v);
	return ret;
}

static int signature_to_der(const uint8_t signature[64], unsigned char **der, int *len,
			    struct zkhsm_error *err)
{
	BIGNUM *r = zkhsm_scalar_decode(signature), *s = zkhsm_scalar_decode(signature + 32);
	ECDSA_SIG *sig = ECDSA_SIG_new();

	*der = NULL;
	/* Both in [1, n - 1]: SEC1 section 4.1.4 step 1. */
	if (!r || !s || BN_is_zero(r) || BN_is_zero(s) || !sig || !ECDSA_SIG_set0(sig, r, s)) {
		BN_free(r);
		BN_free(s);
		ECDSA_SIG_free(sig);
		return zkhsm_fail(err, -EBADMSG, "r or s in the signature is out of range");
	}
	*len = i2d_ECDSA_SIG(sig, der);
	ECDSA_SIG_free(sig);
	if (*len <= 0)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	return 0;
}

/**
 * zkhsm_verify_ecdsa() - check an ECDSA signature over a SHA-256 digest
 * @public: the key, SEC1 uncompressed
 * @digest: what was signed
 * @signature: r | s, big-endian
 * @err: why not
 *
 * Return: 0; -EBADMSG unless the key is a point and r and s are in [1, n - 1];
 * -EKEYREJECTED; -ENOMEM.
 */
int zkhsm_verify_ecdsa(const uint8_t public[65], const uint8_t digest[32],
		       const uint8_t signature[64], struct zkhsm_error *err)
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;
	unsigned char *der;
	int len = 0, ret;

	ret = signature_to_der(signature, &der, &len, err);
	if (ret)
		goto out;
	ret = zkhsm_public_decode(public, &key, err);
	if (ret)
		goto out;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (!ctx || EVP_PKEY_verify_init(ctx) != 1)
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
	else if (EVP_PKEY_verify(ctx, der, (size_t)len, digest, ZKHSM_HASH_LEN) != 1)
		ret = zkhsm_fail(err, -EKEYREJECTED, "the signature is false");
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	OPENSSL_free(der);
	ERR_clear_error();
	return ret;
}
