// SPDX-License-Identifier: GPL-2.0
/*
 * tpm-pcr.c - the state of the machine as the TPM has it, and policies over it
 */
#include <linux/bitops.h>
#include <linux/string.h>

#include "entropy.h"
#include "tpm-io.h"
#include "tpm-pcr.h"

#define NONCE_LEN	16
#define CAP_PCRS	5

static const char cap_text[] = "zkhsm kek unsealed v1";
static const u8 zero_pcr[ZKHSM_HASH_LEN];

static int cap_pcr(u32 pcrs)
{
	return fls(pcrs) - 1;
}

/* TPML_PCR_SELECTION of one bank, 3 bytes: PCR 0 is the lowest bit of the first. */
static void put_selection(struct zkhsm_writer *w, u32 pcrs)
{
	put_u32(w, 1);
	put_u16(w, ALG_SHA256);
	put_u8(w, 3);
	put_u8(w, pcrs);
	put_u8(w, pcrs >> 8);
	put_u8(w, pcrs >> 16);
}

/* Reads a selection of any number of banks. Return: the PCRs of the SHA-256 bank. */
static u32 take_selection(struct zkhsm_reader *r)
{
	u32 banks = take_u32(r), pcrs = 0;

	while (banks-- && !r->bad) {
		u16 hash = take_u16(r);
		u8 i, size = take_u8(r);

		for (i = 0; i < size; i++) {
			u8 bits = take_u8(r);

			if (hash == ALG_SHA256 && i < sizeof(pcrs))
				pcrs |= (u32)bits << (8 * i);
		}
	}
	return pcrs;
}

/*
 * A policy over PCRs that the TPM does not have in the bank would be one over
 * nothing, which anybody satisfies.
 */
int zkhsm_tpm_check_bank(struct zkhsm_tpm *tpm, u32 pcrs)
{
	u32 capability, there;
	int rc;

	zkhsm_tpm_begin(tpm, TAG_NO_SESSIONS, CC_GET_CAPABILITY);
	put_u32(&tpm->w, CAP_PCRS);
	put_u32(&tpm->w, 0);	/* the first */
	put_u32(&tpm->w, 1);	/* all banks come as one */
	rc = zkhsm_tpm_execute(tpm, NULL);
	if (rc)
		return zkhsm_tpm_refuse(tpm, rc);
	take_u8(&tpm->r);	/* whether there is more */
	capability = take_u32(&tpm->r);
	there = take_selection(&tpm->r);
	if (tpm->r.bad || capability != CAP_PCRS)
		return zkhsm_tpm_refuse_response(tpm);
	if (pcrs & ~there)
		return zkhsm_refuse(tpm->extack, -EOPNOTSUPP, ZKHSM_REASON_TPM,
				    "the TPM does not have these PCRs in its SHA-256 bank");
	return 0;
}

int zkhsm_tpm_check_not_capped(struct zkhsm_tpm *tpm, u32 pcrs)
{
	const u8 *value;
	u32 cap = BIT(cap_pcr(pcrs)), count;
	u16 len;
	int rc;

	zkhsm_tpm_begin(tpm, TAG_NO_SESSIONS, CC_PCR_READ);
	put_selection(&tpm->w, cap);
	rc = zkhsm_tpm_execute(tpm, NULL);
	if (rc)
		return zkhsm_tpm_refuse(tpm, rc);
	take_u32(&tpm->r);	/* counts changes */
	if (take_selection(&tpm->r) != cap)
		tpm->r.bad = true;
	count = take_u32(&tpm->r);
	value = zkhsm_tpm_take_sized(tpm, &len);
	if (reader_end(&tpm->r) || count != 1 || len != ZKHSM_HASH_LEN)
		return zkhsm_tpm_refuse_response(tpm);
	if (memcmp(value, zero_pcr, ZKHSM_HASH_LEN))
		return zkhsm_refuse_fmt(tpm->extack, -EBUSY, ZKHSM_REASON_TPM,
					"the highest PCR has been extended in this boot already",
					"PCR %d has been extended in this boot already",
					cap_pcr(pcrs));
	return 0;
}

int zkhsm_tpm_extend_cap(struct zkhsm_tpm *tpm, u32 pcrs)
{
	u8 digest[ZKHSM_HASH_LEN];
	int rc;

	rc = zkhsm_sha256(cap_text, strlen(cap_text), digest);
	if (rc)
		return zkhsm_refuse_failure(tpm->extack, rc);
	zkhsm_tpm_begin(tpm, TAG_SESSIONS, CC_PCR_EXTEND);
	put_u32(&tpm->w, cap_pcr(pcrs));
	zkhsm_tpm_put_auth(tpm, RS_PASSWORD);
	put_u32(&tpm->w, 1);
	put_u16(&tpm->w, ALG_SHA256);
	put(&tpm->w, digest, sizeof(digest));
	rc = zkhsm_tpm_execute(tpm, NULL);
	return rc ? zkhsm_tpm_refuse(tpm, rc) : 0;
}

int zkhsm_tpm_policy_session(struct zkhsm_tpm *tpm, enum zkhsm_tpm_session type,
			     u32 pcrs, u32 *session)
{
	u8 nonce[NONCE_LEN];
	int rc;

	/* It proves nothing, as the session has no HMAC; the TPM wants one. */
	zkhsm_entropy(nonce, sizeof(nonce));
	zkhsm_tpm_begin(tpm, TAG_NO_SESSIONS, CC_START_AUTH_SESSION);
	put_u32(&tpm->w, RH_NULL);	/* not salted */
	put_u32(&tpm->w, RH_NULL);	/* not bound */
	put_u16(&tpm->w, sizeof(nonce));
	put(&tpm->w, nonce, sizeof(nonce));
	put_u16(&tpm->w, 0);
	put_u8(&tpm->w, type);
	put_u16(&tpm->w, ALG_NULL);
	put_u16(&tpm->w, ALG_SHA256);
	rc = zkhsm_tpm_execute(tpm, session);
	if (rc)
		return zkhsm_tpm_refuse(tpm, rc);

	zkhsm_tpm_begin(tpm, TAG_NO_SESSIONS, CC_POLICY_PCR);
	put_u32(&tpm->w, *session);
	put_u16(&tpm->w, 0);	/* no digest: as they are now */
	put_selection(&tpm->w, pcrs);
	rc = zkhsm_tpm_execute(tpm, NULL);
	if (rc) {
		rc = zkhsm_tpm_refuse(tpm, rc);
		zkhsm_tpm_flush(tpm, *session);
	}
	return rc;
}

int zkhsm_tpm_policy_now(struct zkhsm_tpm *tpm, u32 pcrs, u8 policy[ZKHSM_HASH_LEN])
{
	u32 session;
	int rc;

	rc = zkhsm_tpm_policy_session(tpm, SESSION_TRIAL, pcrs, &session);
	if (rc)
		return rc;
	zkhsm_tpm_begin(tpm, TAG_NO_SESSIONS, CC_POLICY_GET_DIGEST);
	put_u32(&tpm->w, session);
	rc = zkhsm_tpm_execute(tpm, NULL);
	if (rc) {
		rc = zkhsm_tpm_refuse(tpm, rc);
	} else {
		if (take_u16(&tpm->r) != ZKHSM_HASH_LEN)
			tpm->r.bad = true;
		take_bytes(&tpm->r, policy, ZKHSM_HASH_LEN);
		if (reader_end(&tpm->r))
			rc = zkhsm_tpm_refuse_response(tpm);
	}
	zkhsm_tpm_flush(tpm, session);
	return rc;
}
