/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tpm.h - what a TPM 2.0 keeps for us: the KEK, and a counter
 *
 * The KEK is a sealed data object under a storage key of the owner hierarchy,
 * with a policy over PCRs of the SHA-256 bank. The TPM's storage key is made
 * anew from its seed each time, so nothing of ours stays in the TPM. Whoever
 * has the blob and the PCRs as they were can unseal it, root included;
 * therefore the highest of the PCRs, the cap, is extended as soon as the KEK
 * has been drawn or unsealed. It has to be zero when the KEK is sealed:
 * otherwise it belongs to somebody else, or this boot has been capped before
 * and no later boot would find the same value.
 *
 * What this does not stop: root who unseals before the module does, in a boot
 * that measures the same (the PCRs should say who gets to run that early), and
 * somebody who listens or speaks on the wires between processor and TPM: the
 * sessions are neither salted nor encrypted.
 *
 * Each call but the first takes the TPM for a few commands, tens of milliseconds to a second;
 * it sleeps, and no lock of ours may be held around it.
 */
#ifndef ZKHSM_TPM_H
#define ZKHSM_TPM_H

#include <linux/netlink.h>
#include <linux/types.h>

#define ZKHSM_TPM_SECRET_LEN	32
#define ZKHSM_TPM_BLOB_MAX	1024

/* Those that locality 0 cannot reset: not 16, the debug PCR, and not 23. */
#define ZKHSM_TPM_PCRS_ALL	0xffffU

/* Whether there is a TPM 2.0 now; devices come and go. Asks the kernel, not the TPM. */
bool zkhsm_tpm_available(void);

/**
 * zkhsm_tpm_seal() - seal a secret to PCRs as they are now
 * @secret: 32 bytes
 * @pcrs: bit mask, within ZKHSM_TPM_PCRS_ALL; the highest is the cap
 * @blob: for the sealed secret
 * @size: room there in bytes, ZKHSM_TPM_BLOB_MAX is always enough
 * @len: length of the blob
 * @extack: of the request, may be NULL
 *
 * Does not cap: what the policy demands is the cap PCR before the cap, so the
 * caller seals first and calls zkhsm_tpm_cap() then.
 *
 * Return: 0, -EINVAL (@pcrs), -EBUSY (the cap PCR is not zero), -EOPNOTSUPP
 * (a kernel without TPM, or a TPM without these PCRs in its SHA-256 bank),
 * -ENODEV (no TPM 2.0), -EACCES (the owner hierarchy has a password), -EIO
 * (the TPM refuses), -EMSGSIZE (@size), -ENOMEM, or an errno of the driver.
 */
int __must_check zkhsm_tpm_seal(const u8 secret[ZKHSM_TPM_SECRET_LEN], u32 pcrs,
				u8 *blob, u32 size, u32 *len,
				struct netlink_ext_ack *extack);

/**
 * zkhsm_tpm_reseal() - seal another secret under the policy of an older blob
 * @secret: 32 bytes
 * @old: a blob of this TPM; its policy is over the PCRs before the cap, which
 *	nobody can read any more in this boot
 * @old_len: its length in bytes
 * @blob: for the sealed secret, not the same memory as @old
 * @size: as above
 * @len: as above
 * @extack: as above
 *
 * Return: as zkhsm_tpm_seal(), and -EBADMSG for @old; never -EINVAL, -EBUSY.
 */
int __must_check zkhsm_tpm_reseal(const u8 secret[ZKHSM_TPM_SECRET_LEN],
				  const u8 *old, u32 old_len,
				  u8 *blob, u32 size, u32 *len,
				  struct netlink_ext_ack *extack);

/**
 * zkhsm_tpm_unseal() - unseal the secret and cap
 * @blob: what zkhsm_tpm_seal() made
 * @len: its length in bytes
 * @secret: 32 bytes; the caller wipes them, they are zero on error
 * @extack: of the request, may be NULL
 *
 * The secret is given out only when the cap PCR has been extended.
 *
 * Return: 0, -EBADMSG (@blob is not the canonical encoding), -EKEYREJECTED
 * (changed, or another TPM's), -EACCES (the PCRs are not as they were when it
 * was sealed, for one because it was unsealed in this boot; or the owner
 * hierarchy has a password), -EOPNOTSUPP, -ENODEV, -EIO, -ENOMEM.
 */
int __must_check zkhsm_tpm_unseal(const u8 *blob, u32 len,
				  u8 secret[ZKHSM_TPM_SECRET_LEN],
				  struct netlink_ext_ack *extack);

/**
 * zkhsm_tpm_cap() - end the unsealing of a blob for this boot
 * @blob: a blob
 * @len: its length in bytes
 *
 * Extends the highest of its PCRs with SHA-256("zkhsm kek unsealed v1").
 *
 * Return: 0, -EBADMSG, -EOPNOTSUPP, -ENODEV, -EIO, -ENOMEM.
 */
int __must_check zkhsm_tpm_cap(const u8 *blob, u32 len);

/**
 * zkhsm_tpm_counter_check() - see whether an NV index will do as our counter
 * @index: its handle, 0x01000000 to 0x01ffffff
 * @extack: of the request, may be NULL
 *
 * It has to be a counter with authread and authwrite and an empty password. One
 * that was never written has no value yet and is incremented; no other index,
 * and no counter that has a value, is written to.
 *
 * Return: 0, -EINVAL (not an NV index, or not such a counter), -ENOENT (not
 * defined), -EACCES (it has a password), -EOPNOTSUPP, -ENODEV, -EIO, -ENOMEM.
 */
int __must_check zkhsm_tpm_counter_check(u32 index, struct netlink_ext_ack *extack);

/* The counter's value; errors as above. */
int __must_check zkhsm_tpm_counter_read(u32 index, u64 *value,
					struct netlink_ext_ack *extack);

/* Adds one and reads the new value, which is the caller's in case of 0 alone. */
int __must_check zkhsm_tpm_counter_increment(u32 index, u64 *value,
					     struct netlink_ext_ack *extack);

#endif /* ZKHSM_TPM_H */
