// SPDX-License-Identifier: GPL-2.0
/*
 * tpm.c - the KEK, sealed by the TPM to PCRs (see tpm.h)
 *
 * A blob: header (type 35) | pcrs u32 | public u16 length + bytes | private u16
 * length + bytes; public and private as the TPM made them. Of public there is
 * one template: what the TPM would also take from somebody who has the blob
 * rewritten (an object with a password, say) is not a blob.
 */
#include <linux/string.h>

#include "tpm-io.h"
#include "tpm-pcr.h"
#include "tpm.h"

#define PRIVATE_MAX	512

/* TPMA_OBJECT, part 2, 8.3. */
#define FIXED_TPM	BIT(1)
#define FIXED_PARENT	BIT(4)
#define DATA_ORIGIN	BIT(5)
#define USER_WITH_AUTH	BIT(6)
#define ADMIN_POLICY	BIT(7)
#define NO_DA		BIT(10)
#define RESTRICTED	BIT(16)
#define DECRYPT		BIT(17)

#define STORAGE_KEY	(FIXED_TPM | FIXED_PARENT | DATA_ORIGIN | USER_WITH_AUTH | NO_DA | \
			 RESTRICTED | DECRYPT)
/* Without user-with-auth it is the policy alone that unseals. */
#define SEALED_DATA	(FIXED_TPM | FIXED_PARENT | ADMIN_POLICY | NO_DA)

#define TPM_ECC_P256	3

/* A blob's parts, where they are in it. */
struct blob {
	u32 pcrs;
	const u8 *public;
	const u8 *private;
	u16 public_len;
	u16 private_len;
	const u8 *policy;	/* ZKHSM_HASH_LEN, within public */
};

static bool pcrs_valid(u32 pcrs)
{
	return pcrs && !(pcrs & ~ZKHSM_TPM_PCRS_ALL);
}

/* Return: the policy in the public area of our template, or NULL for any other. */
static const u8 *public_policy(const u8 *public, u16 len)
{
	struct zkhsm_reader r = { .p = public, .left = len };
	const u8 *policy;

	if (take_u16(&r) != ALG_KEYEDHASH || take_u16(&r) != ALG_SHA256 ||
	    take_u32(&r) != SEALED_DATA || take_u16(&r) != ZKHSM_HASH_LEN)
		return NULL;
	policy = take(&r, ZKHSM_HASH_LEN);
	if (take_u16(&r) != ALG_NULL || take_u16(&r) != ZKHSM_HASH_LEN)
		return NULL;
	take(&r, ZKHSM_HASH_LEN);	/* binds the private part to it */
	return reader_end(&r) ? NULL : policy;
}

static int blob_decode(struct blob *b, const u8 *buf, u32 len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	expect_header(&r, ZKHSM_WIRE_TPM_BLOB);
	b->pcrs = take_u32(&r);
	b->public_len = take_u16(&r);
	b->public = take(&r, b->public_len);
	b->private_len = take_u16(&r);
	b->private = take(&r, b->private_len);
	if (reader_end(&r) || len > ZKHSM_TPM_BLOB_MAX || !pcrs_valid(b->pcrs) ||
	    !b->private_len || b->private_len > PRIVATE_MAX)
		return -EBADMSG;
	b->policy = public_policy(b->public, b->public_len);
	return b->policy ? 0 : -EBADMSG;
}

static int blob_encode(const struct blob *b, u8 *buf, u32 size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_header(&w, ZKHSM_WIRE_TPM_BLOB);
	put_u32(&w, b->pcrs);
	put_u16(&w, b->public_len);
	put(&w, b->public, b->public_len);
	put_u16(&w, b->private_len);
	put(&w, b->private, b->private_len);
	return writer_end(&w);
}

static int refuse_blob(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED,
			    "not a secret that a TPM sealed for this module");
}

/* The same key each time, from the TPM's seed: TCG's template of an ECC storage key. */
static int create_primary(struct zkhsm_tpm *tpm, u32 *primary)
{
	struct zkhsm_writer *w = &tpm->w;
	int rc;

	zkhsm_tpm_begin(tpm, TAG_SESSIONS, CC_CREATE_PRIMARY);
	put_u32(w, RH_OWNER);
	zkhsm_tpm_put_auth(tpm, RS_PASSWORD);
	put_u16(w, 2 + 2);	/* no password, no data */
	put_u32(w, 0);
	put_u16(w, 2 + 2 + 4 + 2 + 6 + 2 + 2 + 2 + 2 + 2);
	put_u16(w, ALG_ECC);
	put_u16(w, ALG_SHA256);
	put_u32(w, STORAGE_KEY);
	put_u16(w, 0);		/* no policy */
	put_u16(w, ALG_AES);
	put_u16(w, 128);
	put_u16(w, ALG_CFB);
	put_u16(w, ALG_NULL);	/* no scheme */
	put_u16(w, TPM_ECC_P256);
	put_u16(w, ALG_NULL);	/* no key derivation */
	put_u16(w, 0);		/* x */
	put_u16(w, 0);		/* y */
	put_u16(w, 0);		/* no outside information */
	put_u32(w, 0);		/* no PCRs to remember */
	rc = zkhsm_tpm_execute(tpm, primary);
	return rc ? zkhsm_tpm_refuse(tpm, rc) : 0;
}

/* Leaves the two parts in @tpm's page, where @b points. */
static int create(struct zkhsm_tpm *tpm, u32 primary, const u8 *secret, const u8 *policy,
		  struct blob *b)
{
	struct zkhsm_writer *w = &tpm->w;
	int rc;

	zkhsm_tpm_begin(tpm, TAG_SESSIONS, CC_CREATE);
	put_u32(w, primary);
	zkhsm_tpm_put_auth(tpm, RS_PASSWORD);
	put_u16(w, 2 + 2 + ZKHSM_TPM_SECRET_LEN);
	put_u16(w, 0);		/* no password */
	put_u16(w, ZKHSM_TPM_SECRET_LEN);
	put(w, secret, ZKHSM_TPM_SECRET_LEN);
	put_u16(w, 2 + 2 + 4 + 2 + ZKHSM_HASH_LEN + 2 + 2);
	put_u16(w, ALG_KEYEDHASH);
	put_u16(w, ALG_SHA256);
	put_u32(w, SEALED_DATA);
	put_u16(w, ZKHSM_HASH_LEN);
	put(w, policy, ZKHSM_HASH_LEN);
	put_u16(w, ALG_NULL);	/* no scheme */
	put_u16(w, 0);		/* the TPM makes it unique */
	put_u16(w, 0);		/* no outside information */
	put_u32(w, 0);		/* no PCRs to remember */
	rc = zkhsm_tpm_execute(tpm, NULL);
	if (rc)
		return zkhsm_tpm_refuse(tpm, rc);
	b->private = zkhsm_tpm_take_sized(tpm, &b->private_len);
	b->public = zkhsm_tpm_take_sized(tpm, &b->public_len);
	return tpm->r.bad ? zkhsm_tpm_refuse_response(tpm) : 0;
}

static int seal(struct zkhsm_tpm *tpm, const u8 *secret, u32 pcrs, const u8 *policy,
		u8 *buf, u32 size, u32 *len)
{
	struct blob b = { .pcrs = pcrs };
	u32 primary;
	int ret;

	ret = create_primary(tpm, &primary);
	if (ret)
		return ret;
	ret = create(tpm, primary, secret, policy, &b);
	if (!ret) {
		ret = blob_encode(&b, buf, size);
		if (ret < 0)
			zkhsm_refuse(tpm->extack, ret, ZKHSM_REASON_TPM,
				     "what the TPM sealed is longer than a blob may be");
	}
	zkhsm_tpm_flush(tpm, primary);
	if (ret < 0)
		return ret;
	*len = ret;
	/* A blob that cannot be read again must not be stored. */
	return blob_decode(&b, buf, *len) || memcmp(b.policy, policy, ZKHSM_HASH_LEN) ?
	       zkhsm_tpm_refuse_response(tpm) : 0;
}

int zkhsm_tpm_seal(const u8 secret[ZKHSM_TPM_SECRET_LEN], u32 pcrs,
		   u8 *blob, u32 size, u32 *len, struct netlink_ext_ack *extack)
{
	u8 policy[ZKHSM_HASH_LEN];
	struct zkhsm_tpm tpm;
	int ret;

	if (!pcrs_valid(pcrs))
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_TPM,
				    "give at least one PCR, of 0 to 15");
	ret = zkhsm_tpm_open(&tpm, extack);
	if (ret)
		return ret;
	ret = zkhsm_tpm_check_bank(&tpm, pcrs);
	if (!ret)
		ret = zkhsm_tpm_check_not_capped(&tpm, pcrs);
	if (!ret)
		ret = zkhsm_tpm_policy_now(&tpm, pcrs, policy);
	if (!ret)
		ret = seal(&tpm, secret, pcrs, policy, blob, size, len);
	zkhsm_tpm_close(&tpm);
	return ret;
}

int zkhsm_tpm_reseal(const u8 secret[ZKHSM_TPM_SECRET_LEN], const u8 *old, u32 old_len,
		     u8 *blob, u32 size, u32 *len, struct netlink_ext_ack *extack)
{
	struct zkhsm_tpm tpm;
	struct blob b;
	int ret;

	if (blob_decode(&b, old, old_len))
		return refuse_blob(extack);
	ret = zkhsm_tpm_open(&tpm, extack);
	if (ret)
		return ret;
	ret = zkhsm_tpm_check_bank(&tpm, b.pcrs);
	if (!ret)
		ret = seal(&tpm, secret, b.pcrs, b.policy, blob, size, len);
	zkhsm_tpm_close(&tpm);
	return ret;
}

static int load(struct zkhsm_tpm *tpm, const struct blob *b, u32 *object)
{
	u32 primary;
	int rc;

	rc = create_primary(tpm, &primary);
	if (rc)
		return rc;
	zkhsm_tpm_begin(tpm, TAG_SESSIONS, CC_LOAD);
	put_u32(&tpm->w, primary);
	zkhsm_tpm_put_auth(tpm, RS_PASSWORD);
	put_u16(&tpm->w, b->private_len);
	put(&tpm->w, b->private, b->private_len);
	put_u16(&tpm->w, b->public_len);
	put(&tpm->w, b->public, b->public_len);
	rc = zkhsm_tpm_execute(tpm, object);
	/* Format 1 with a parameter's number: one of the two parts is not what it was. */
	if (rc > 0 && (rc & (BIT(7) | BIT(6))) == (BIT(7) | BIT(6)))
		rc = zkhsm_refuse_fmt(tpm->extack, -EKEYREJECTED, ZKHSM_REASON_TPM,
				      "sealed by another TPM, or changed since",
				      "sealed by another TPM, or changed since (0x%03x)", rc);
	else if (rc)
		rc = zkhsm_tpm_refuse(tpm, rc);
	zkhsm_tpm_flush(tpm, primary);
	return rc;
}

static int unseal(struct zkhsm_tpm *tpm, u32 object, u32 pcrs, u8 *secret)
{
	u32 session;
	int rc;

	rc = zkhsm_tpm_policy_session(tpm, SESSION_POLICY, pcrs, &session);
	if (rc)
		return rc;
	zkhsm_tpm_begin(tpm, TAG_SESSIONS, CC_UNSEAL);
	put_u32(&tpm->w, object);
	zkhsm_tpm_put_auth(tpm, session);
	rc = zkhsm_tpm_execute(tpm, NULL);
	if (rc > 0 && rc_base(rc) == RC_POLICY_FAIL) {
		rc = zkhsm_refuse(tpm->extack, -EACCES, ZKHSM_REASON_TPM,
				  "the PCRs are not as when it was sealed, or it was unsealed in this boot");
	} else if (rc) {
		rc = zkhsm_tpm_refuse(tpm, rc);
	} else {
		if (take_u16(&tpm->r) != ZKHSM_TPM_SECRET_LEN)
			tpm->r.bad = true;
		take_bytes(&tpm->r, secret, ZKHSM_TPM_SECRET_LEN);
		if (reader_end(&tpm->r))
			rc = zkhsm_tpm_refuse_response(tpm);
	}
	zkhsm_tpm_flush(tpm, session);
	return rc;
}

int zkhsm_tpm_unseal(const u8 *blob, u32 len, u8 secret[ZKHSM_TPM_SECRET_LEN],
		     struct netlink_ext_ack *extack)
{
	struct zkhsm_tpm tpm;
	struct blob b;
	u32 object;
	int ret;

	memset(secret, 0, ZKHSM_TPM_SECRET_LEN);
	if (blob_decode(&b, blob, len))
		return refuse_blob(extack);
	ret = zkhsm_tpm_open(&tpm, extack);
	if (ret)
		return ret;
	ret = load(&tpm, &b, &object);
	if (!ret) {
		ret = unseal(&tpm, object, b.pcrs, secret);
		zkhsm_tpm_flush(&tpm, object);
	}
	if (!ret)
		ret = zkhsm_tpm_extend_cap(&tpm, b.pcrs);
	if (ret)
		memzero_explicit(secret, ZKHSM_TPM_SECRET_LEN);
	zkhsm_tpm_close(&tpm);
	return ret;
}

int zkhsm_tpm_cap(const u8 *blob, u32 len)
{
	struct zkhsm_tpm tpm;
	struct blob b;
	int ret;

	if (blob_decode(&b, blob, len))
		return -EBADMSG;
	ret = zkhsm_tpm_open(&tpm, NULL);
	if (ret)
		return ret;
	ret = zkhsm_tpm_extend_cap(&tpm, b.pcrs);
	zkhsm_tpm_close(&tpm);
	return ret;
}
