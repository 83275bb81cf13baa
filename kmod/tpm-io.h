/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tpm-io.h - one TPM 2.0 command after the other
 *
 * Numbers and structures are those of the TPM 2.0 Library Specification, part 2;
 * the commands those of part 3. Private to tpm.c and tpm-counter.c.
 */
#ifndef ZKHSM_TPM_IO_H
#define ZKHSM_TPM_IO_H

#include "wire-io.h"
#include "zkhsm.h"

struct tpm_buf;
struct tpm_chip;

enum zkhsm_tpm_tag {
	TAG_NO_SESSIONS	= 0x8001,
	TAG_SESSIONS	= 0x8002,
};

enum zkhsm_tpm_command {
	CC_CREATE_PRIMARY	= 0x131,
	CC_NV_INCREMENT		= 0x134,
	CC_NV_READ		= 0x14e,
	CC_CREATE		= 0x153,
	CC_LOAD			= 0x157,
	CC_UNSEAL		= 0x15e,
	CC_FLUSH_CONTEXT	= 0x165,
	CC_NV_READ_PUBLIC	= 0x169,
	CC_START_AUTH_SESSION	= 0x176,
	CC_GET_CAPABILITY	= 0x17a,
	CC_PCR_READ		= 0x17e,
	CC_POLICY_PCR		= 0x17f,
	CC_PCR_EXTEND		= 0x182,
	CC_POLICY_GET_DIGEST	= 0x189,
};

enum zkhsm_tpm_handle {
	RH_OWNER	= 0x40000001,
	RH_NULL		= 0x40000007,
	RS_PASSWORD	= 0x40000009,
};

enum zkhsm_tpm_algorithm {
	ALG_AES		= 0x0006,
	ALG_KEYEDHASH	= 0x0008,
	ALG_SHA256	= 0x000b,
	ALG_NULL	= 0x0010,
	ALG_ECC		= 0x0023,
	ALG_CFB		= 0x0043,
};

/* Of format 1: without handle, session or parameter number, as rc_base() gives it. */
enum zkhsm_tpm_rc {
	RC_HANDLE	= 0x08b,
	RC_AUTH_FAIL	= 0x08e,
	RC_POLICY_FAIL	= 0x09d,
	RC_BAD_AUTH	= 0x0a2,
};

/**
 * struct zkhsm_tpm - the TPM while it is ours
 * @chip: the first of the machine; nobody else gets a command in meanwhile
 * @put_ops: the kernel's function that gives it back
 * @transmit: the kernel's function that sends and receives
 * @page: the command, then in its place the response; wiped when given back
 * @w: writes the command's handles, authorization and parameters
 * @r: reads the response's parameters
 * @extack: of the request, may be NULL
 */
struct zkhsm_tpm {
	struct tpm_chip *chip;
	void (*put_ops)(struct tpm_chip *chip);
	ssize_t (*transmit)(struct tpm_chip *chip, struct tpm_buf *buf,
			    size_t min_rsp_body_length, const char *desc);
	u8 *page;
	struct zkhsm_writer w;
	struct zkhsm_reader r;
	struct netlink_ext_ack *extack;
};

/* Takes the TPM. Return: 0, -EOPNOTSUPP, -ENODEV, -ENOMEM, each refused; nothing to close then. */
int __must_check zkhsm_tpm_open(struct zkhsm_tpm *tpm, struct netlink_ext_ack *extack);
void zkhsm_tpm_close(struct zkhsm_tpm *tpm);

/* Begins a command; the caller goes on with @tpm->w. */
void zkhsm_tpm_begin(struct zkhsm_tpm *tpm, enum zkhsm_tpm_tag tag, enum zkhsm_tpm_command command);

/* The one authorization: by @session, which goes on, or RS_PASSWORD with an empty password. */
void zkhsm_tpm_put_auth(struct zkhsm_tpm *tpm, u32 session);

/**
 * zkhsm_tpm_execute() - send the command, wait for the response
 * @tpm: the TPM
 * @handle: where to for commands whose response has a handle, else NULL
 *
 * Return: 0, then @tpm->r reads the response's parameters; the TPM's response
 * code (positive, nothing refused yet); or -EIO, refused: no answer, or one
 * that is none.
 */
int __must_check zkhsm_tpm_execute(struct zkhsm_tpm *tpm, u32 *handle);

/* A structure with its length before it (TPM2B), or NULL; at most the response's end. */
const u8 *zkhsm_tpm_take_sized(struct zkhsm_tpm *tpm, u16 *len);

/*
 * Refuses what the TPM refused.  @rc is what zkhsm_tpm_execute() returned, not
 * 0; a negative one has been refused already.  Return: -EACCES for a password
 * that is not empty, else -EIO.
 */
int zkhsm_tpm_refuse(struct zkhsm_tpm *tpm, int rc);

/* Refuses a response that is too short or says something it cannot. Return: -EIO. */
int zkhsm_tpm_refuse_response(struct zkhsm_tpm *tpm);

/* Ends an object or session of ours; the kernel's log has it when that fails. */
void zkhsm_tpm_flush(struct zkhsm_tpm *tpm, u32 handle);

/* The error alone of a response code of format 1 (bit 7): part 2, 6.6.2. */
static inline u32 rc_base(u32 rc)
{
	return rc & BIT(7) ? rc & 0xbf : rc;
}

#endif /* ZKHSM_TPM_IO_H */
