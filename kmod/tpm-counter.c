// SPDX-License-Identifier: GPL-2.0
/*
 * tpm-counter.c - a counter that only goes up, in the TPM's own memory
 *
 * Made by the administrator (type counter, authread, authwrite, no password).
 * Deleting and making it again does not turn it back: a new counter starts
 * above every value that any counter of this TPM ever had (TPM 2.0 Library
 * Specification, part 3, TPM2_NV_Increment).
 */
#include <linux/bitfield.h>

#include "tpm-io.h"
#include "tpm.h"

#define NV_FIRST	0x01000000U
#define NV_LAST		0x01ffffffU
#define COUNTER_LEN	8

/* TPMA_NV, part 2, 13.4. */
#define NV_AUTHWRITE	BIT(2)
#define NV_TYPE		GENMASK(7, 4)
#define NV_COUNTER	1
#define NV_AUTHREAD	BIT(18)
#define NV_WRITTEN	BIT(29)

static int begin(struct zkhsm_tpm *tpm, u32 index, struct netlink_ext_ack *extack)
{
	if (index < NV_FIRST || index > NV_LAST)
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_TPM,
				    "not the handle of an NV index: 0x01000000 to 0x01ffffff");
	return zkhsm_tpm_open(tpm, extack);
}

static int refuse_index(struct zkhsm_tpm *tpm, int rc)
{
	if (rc > 0 && rc_base(rc) == RC_HANDLE)
		return zkhsm_refuse(tpm->extack, -ENOENT, ZKHSM_REASON_TPM,
				    "the TPM has no such NV index");
	return zkhsm_tpm_refuse(tpm, rc);
}

static int read_attributes(struct zkhsm_tpm *tpm, u32 index, u32 *attributes)
{
	u32 named;
	u16 size;
	int rc;

	zkhsm_tpm_begin(tpm, TAG_NO_SESSIONS, CC_NV_READ_PUBLIC);
	put_u32(&tpm->w, index);
	rc = zkhsm_tpm_execute(tpm, NULL);
	if (rc)
		return refuse_index(tpm, rc);
	take_u16(&tpm->r);	/* length of the structure */
	named = take_u32(&tpm->r);
	take_u16(&tpm->r);	/* hash of its name */
	*attributes = take_u32(&tpm->r);
	zkhsm_tpm_take_sized(tpm, &size);	/* policy */
	size = take_u16(&tpm->r);
	if (tpm->r.bad || named != index)
		return zkhsm_tpm_refuse_response(tpm);
	if (FIELD_GET(NV_TYPE, *attributes) != NV_COUNTER || size != COUNTER_LEN)
		return zkhsm_refuse(tpm->extack, -EINVAL, ZKHSM_REASON_TPM,
				    "the NV index is not a counter");
	if (!(*attributes & NV_AUTHREAD) || !(*attributes & NV_AUTHWRITE))
		return zkhsm_refuse(tpm->extack, -EINVAL, ZKHSM_REASON_TPM,
				    "the counter has to have authread and authwrite");
	return 0;
}

static int increment(struct zkhsm_tpm *tpm, u32 index)
{
	int rc;

	zkhsm_tpm_begin(tpm, TAG_SESSIONS, CC_NV_INCREMENT);
	put_u32(&tpm->w, index);	/* who authorizes: the index itself */
	put_u32(&tpm->w, index);
	zkhsm_tpm_put_auth(tpm, RS_PASSWORD);
	rc = zkhsm_tpm_execute(tpm, NULL);
	return rc ? refuse_index(tpm, rc) : 0;
}

static int read_value(struct zkhsm_tpm *tpm, u32 index, u64 *value)
{
	int rc;

	zkhsm_tpm_begin(tpm, TAG_SESSIONS, CC_NV_READ);
	put_u32(&tpm->w, index);
	put_u32(&tpm->w, index);
	zkhsm_tpm_put_auth(tpm, RS_PASSWORD);
	put_u16(&tpm->w, COUNTER_LEN);
	put_u16(&tpm->w, 0);	/* offset */
	rc = zkhsm_tpm_execute(tpm, NULL);
	if (rc)
		return refuse_index(tpm, rc);
	if (take_u16(&tpm->r) != COUNTER_LEN)
		tpm->r.bad = true;
	*value = take_u64(&tpm->r);
	return reader_end(&tpm->r) ? zkhsm_tpm_refuse_response(tpm) : 0;
}

int zkhsm_tpm_counter_check(u32 index, struct netlink_ext_ack *extack)
{
	struct zkhsm_tpm tpm;
	u32 attributes;
	u64 value;
	int ret;

	ret = begin(&tpm, index, extack);
	if (ret)
		return ret;
	ret = read_attributes(&tpm, index, &attributes);
	if (!ret && !(attributes & NV_WRITTEN))
		ret = increment(&tpm, index);
	if (!ret)
		ret = read_value(&tpm, index, &value);
	zkhsm_tpm_close(&tpm);
	return ret;
}

/* What is no counter any more must not pass for one, hence the look at it each time. */
int zkhsm_tpm_counter_read(u32 index, u64 *value, struct netlink_ext_ack *extack)
{
	struct zkhsm_tpm tpm;
	u32 attributes;
	int ret;

	ret = begin(&tpm, index, extack);
	if (ret)
		return ret;
	ret = read_attributes(&tpm, index, &attributes);
	if (!ret)
		ret = read_value(&tpm, index, value);
	zkhsm_tpm_close(&tpm);
	return ret;
}

int zkhsm_tpm_counter_increment(u32 index, u64 *value, struct netlink_ext_ack *extack)
{
	struct zkhsm_tpm tpm;
	u32 attributes;
	int ret;

	ret = begin(&tpm, index, extack);
	if (ret)
		return ret;
	ret = read_attributes(&tpm, index, &attributes);
	if (!ret)
		ret = increment(&tpm, index);
	if (!ret)
		ret = read_value(&tpm, index, value);
	zkhsm_tpm_close(&tpm);
	return ret;
}
