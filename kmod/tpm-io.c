// SPDX-License-Identifier: GPL-2.0
/*
 * tpm-io.c - one TPM 2.0 command after the other (see tpm-io.h)
 *
 * Of the kernel only its driver is used: the helpers that build commands differ
 * from version to version, the bytes on the wire do not.
 */
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/tpm.h>

#include "tpm-io.h"
#include "tpm.h"

/* Before handles and parameters: tag u16, length u32, command or response code u32. */
#define HEADER_LEN	10

/*
 * Where the kernel's TPM support is a module, a dependency on it would load it
 * on machines that have no TPM, and keep us out where it is not installed.
 */
#if IS_MODULE(CONFIG_TCG_TPM)
#define call_get(name)	symbol_get(name)
#define call_put(name)	symbol_put(name)
#else
#define call_get(name)	(&(name))
#define call_put(name)	((void)&(name))
#endif

#if IS_ENABLED(CONFIG_TCG_TPM)

/* Return: the first TPM if it is a TPM 2.0, with a reference to its device; else NULL. */
static struct tpm_chip *find_chip(void)
{
	typeof(tpm_default_chip) *default_chip = call_get(tpm_default_chip);
	struct tpm_chip *chip;

	if (!default_chip)
		return NULL;
	chip = default_chip();
	if (chip && !(chip->flags & TPM_CHIP_FLAG_TPM2)) {
		put_device(&chip->dev);
		chip = NULL;
	}
	call_put(tpm_default_chip);
	return chip;
}

bool zkhsm_tpm_available(void)
{
	struct tpm_chip *chip = find_chip();

	if (chip)
		put_device(&chip->dev);
	return chip;
}

/* Return: the TPM, ours until put_chip(), or NULL. */
static struct tpm_chip *get_chip(void)
{
	typeof(tpm_try_get_ops) *try_get_ops = call_get(tpm_try_get_ops);
	struct tpm_chip *chip = find_chip();
	int err = -ENODEV;

	if (chip && try_get_ops)
		err = try_get_ops(chip);
	/* With the operations comes a reference of their own. */
	if (chip)
		put_device(&chip->dev);
	if (try_get_ops)
		call_put(tpm_try_get_ops);
	return err ? NULL : chip;
}

static void put_chip(struct zkhsm_tpm *tpm)
{
	if (tpm->chip)
		tpm->put_ops(tpm->chip);
	if (tpm->transmit)
		call_put(tpm_transmit_cmd);
	if (tpm->put_ops)
		call_put(tpm_put_ops);
}

int zkhsm_tpm_open(struct zkhsm_tpm *tpm, struct netlink_ext_ack *extack)
{
	memset(tpm, 0, sizeof(*tpm));
	tpm->extack = extack;
	tpm->page = (u8 *)__get_free_page(GFP_KERNEL);
	if (!tpm->page)
		return zkhsm_refuse_failure(extack, -ENOMEM);

	tpm->put_ops = call_get(tpm_put_ops);
	tpm->transmit = call_get(tpm_transmit_cmd);
	if (tpm->put_ops && tpm->transmit)
		tpm->chip = get_chip();
	if (tpm->chip)
		return 0;
	put_chip(tpm);
	free_page((unsigned long)tpm->page);
	return zkhsm_refuse(extack, -ENODEV, ZKHSM_REASON_TPM, "this machine has no TPM 2.0");
}

/* Return: as zkhsm_tpm_execute(), but nothing refused. */
static ssize_t transmit(struct zkhsm_tpm *tpm)
{
	struct tpm_buf buf = { .data = tpm->page };

	/* Without a description no error goes to the log: the caller gets a sentence. */
	return tpm->transmit(tpm->chip, &buf, 0, NULL);
}

#else /* CONFIG_TCG_TPM */

bool zkhsm_tpm_available(void)
{
	return false;
}

static void put_chip(struct zkhsm_tpm *tpm)
{
}

int zkhsm_tpm_open(struct zkhsm_tpm *tpm, struct netlink_ext_ack *extack)
{
	memset(tpm, 0, sizeof(*tpm));
	return zkhsm_refuse(extack, -EOPNOTSUPP, ZKHSM_REASON_TPM,
			    "this kernel was built without TPM support");
}

static ssize_t transmit(struct zkhsm_tpm *tpm)
{
	return -EOPNOTSUPP;
}

#endif /* CONFIG_TCG_TPM */

void zkhsm_tpm_close(struct zkhsm_tpm *tpm)
{
	put_chip(tpm);
	/* A command to seal and the response of an unsealing have the secret in them. */
	memzero_explicit(tpm->page, PAGE_SIZE);
	free_page((unsigned long)tpm->page);
	memset(tpm, 0, sizeof(*tpm));
}

void zkhsm_tpm_begin(struct zkhsm_tpm *tpm, enum zkhsm_tpm_tag tag, enum zkhsm_tpm_command command)
{
	memzero_explicit(tpm->page, PAGE_SIZE);
	tpm->w = (struct zkhsm_writer){ .p = tpm->page, .left = PAGE_SIZE };
	put_u16(&tpm->w, tag);
	put_u32(&tpm->w, 0);	/* the length, when it is known */
	put_u32(&tpm->w, command);
}

void zkhsm_tpm_put_auth(struct zkhsm_tpm *tpm, u32 session)
{
	const u8 continue_session = BIT(0);

	put_u32(&tpm->w, 4 + 2 + 1 + 2);
	put_u32(&tpm->w, session);
	put_u16(&tpm->w, 0);	/* no nonce */
	put_u8(&tpm->w, session == RS_PASSWORD ? 0 : continue_session);
	put_u16(&tpm->w, 0);	/* empty password, no HMAC */
}

int zkhsm_tpm_refuse_response(struct zkhsm_tpm *tpm)
{
	return zkhsm_refuse(tpm->extack, -EIO, ZKHSM_REASON_TPM,
			    "the TPM's response is not what the command calls for");
}

int zkhsm_tpm_execute(struct zkhsm_tpm *tpm, u32 *handle)
{
	struct zkhsm_reader *r = &tpm->r;
	int len = writer_end(&tpm->w);
	ssize_t rc;
	u16 tag;

	if (WARN_ON_ONCE(len < 0))
		return zkhsm_refuse_failure(tpm->extack, -EIO);
	put_unaligned_be32(len, tpm->page + 2);
	rc = transmit(tpm);
	if (rc < 0)
		return zkhsm_refuse_fmt(tpm->extack, -EIO, ZKHSM_REASON_TPM,
					"the TPM does not answer",
					"the TPM does not answer, error %zd", rc);
	if (rc > 0)
		return rc;

	*r = (struct zkhsm_reader){ .p = tpm->page, .left = HEADER_LEN };
	tag = take_u16(r);
	r->left = take_u32(r) - 2 - 4;
	if (r->left > PAGE_SIZE - 2 - 4)
		r->bad = true;
	take_u32(r);	/* the response code, 0 */
	if (handle)
		*handle = take_u32(r);
	/* What follows the parameters is the session's answer; we put no trust in it. */
	if (tag == TAG_SESSIONS) {
		u32 parameters = take_u32(r);

		if (parameters > r->left)
			r->bad = true;
		else
			r->left = parameters;
	}
	return r->bad ? zkhsm_tpm_refuse_response(tpm) : 0;
}

const u8 *zkhsm_tpm_take_sized(struct zkhsm_tpm *tpm, u16 *len)
{
	*len = take_u16(&tpm->r);
	return take(&tpm->r, *len);
}

int zkhsm_tpm_refuse(struct zkhsm_tpm *tpm, int rc)
{
	if (rc < 0)
		return rc;
	if (rc_base(rc) == RC_AUTH_FAIL || rc_base(rc) == RC_BAD_AUTH)
		return zkhsm_refuse_fmt(tpm->extack, -EACCES, ZKHSM_REASON_TPM,
					"the TPM asks for a password, only an empty one will do",
					"the TPM asks for a password, only an empty one will do (0x%03x)",
					rc);
	return zkhsm_refuse_fmt(tpm->extack, -EIO, ZKHSM_REASON_TPM, "the TPM refuses",
				"the TPM refuses, response code 0x%03x", rc);
}

void zkhsm_tpm_flush(struct zkhsm_tpm *tpm, u32 handle)
{
	struct netlink_ext_ack *extack = tpm->extack;
	int rc;

	zkhsm_tpm_begin(tpm, TAG_NO_SESSIONS, CC_FLUSH_CONTEXT);
	put_u32(&tpm->w, handle);
	/* What went wrong before is the better reason. */
	tpm->extack = NULL;
	rc = zkhsm_tpm_execute(tpm, NULL);
	tpm->extack = extack;
	if (rc)
		pr_warn("TPM: handle 0x%08x could not be flushed: %d\n", handle, rc);
}
