// SPDX-License-Identifier: GPL-2.0
/*
 * The key encryption key: what it derives, and where it comes from.
 *
 *	keyring	a keyring key that somebody loaded: systemd-creds, clevis, a
 *		person. Who loaded it knows it, and so can root.
 *	shares	combined here from those of administrators, entered one by one.
 *	tpm	drawn here, and given back by the TPM alone, once per boot.
 */
#include <linux/random.h>
#include <linux/string.h>

#include "entropy.h"
#include "group.h"
#include "seal.h"
#include "tpm.h"

static int label_mac(const u8 *key, const char *label, u8 out[ZKHSM_HMAC_SIZE])
{
	return zkhsm_hmac_sha512(key, ZKHSM_KEK_LEN, (const u8 *)label, strlen(label), out) ?
		-EIO : 0;
}

int zkhsm_kek_id(const u8 key[ZKHSM_KEK_LEN], u8 id[ZKHSM_KEK_ID_LEN])
{
	u8 mac[ZKHSM_HMAC_SIZE];
	int err;

	err = label_mac(key, "zkhsm kek id v1", mac);
	if (!err)
		memcpy(id, mac, ZKHSM_KEK_ID_LEN);
	memzero_explicit(mac, sizeof(mac));
	return err;
}

/* What follows from @kek->key. */
static int derive(struct zkhsm_kek *kek)
{
	int err;

	err = zkhsm_kek_id(kek->key, kek->id);
	return err ?: label_mac(kek->key, "zkhsm set v1", kek->set_key);
}

void zkhsm_kek_wipe(struct zkhsm_kek *kek)
{
	memzero_explicit(kek, sizeof(*kek));
	zkhsm_burn_stack();
}

static int refuse_missing(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_KEK,
			    "the KEK is in a keyring key, and none was named");
}

/*
 * The KEK is drawn here and kept by the TPM. One that takes the place of another
 * is under the same policy: the PCR is capped already, and its value before is
 * in the old blob alone.
 */
static int make_tpm(struct zkhsm_kek *kek, const struct zkhsm_kek_source *src,
		    struct netlink_ext_ack *extack)
{
	int err;

	zkhsm_entropy(kek->key, sizeof(kek->key));
	if (src->blob_len)
		return zkhsm_tpm_reseal(kek->key, src->blob, src->blob_len, kek->blob,
					sizeof(kek->blob), &kek->blob_len, extack);
	err = zkhsm_tpm_seal(kek->key, src->pcrs, kek->blob, sizeof(kek->blob), &kek->blob_len,
			     extack);
	if (err)
		return err;
	/* From here on, until the next boot, only this kernel has it. */
	err = zkhsm_tpm_cap(kek->blob, kek->blob_len);
	return err ? zkhsm_refuse(extack, err, ZKHSM_REASON_TPM,
				  "the TPM does not extend the PCR that keeps the KEK in") : 0;
}

/**
 * zkhsm_kek_new() - the KEK of a new HSM, or another one for an old HSM
 * @kek: filled in; zkhsm_kek_wipe() it, after an error too
 * @src: what was asked for
 * @extack: of the request
 *
 * Return: 0; -ENOKEY (no keyring key named, or the shares are not complete);
 * those of zkhsm_keyring_read() and of the TPM; -EIO.
 */
int zkhsm_kek_new(struct zkhsm_kek *kek, const struct zkhsm_kek_source *src,
		  struct netlink_ext_ack *extack)
{
	int err;

	memset(kek, 0, sizeof(*kek));
	kek->class = src->class;
	switch (src->class) {
	case ZKHSM_KEK_CLASS_KEYRING:
		err = src->serial ? zkhsm_keyring_read(src->serial, kek->key, sizeof(kek->key),
						       extack) : refuse_missing(extack);
		break;
	case ZKHSM_KEK_CLASS_SHARES:
		err = zkhsm_share_take(kek->key, extack);
		break;
	default:
		err = make_tpm(kek, src, extack);
		break;
	}
	if (!err && derive(kek))
		err = zkhsm_refuse_failure(extack, -EIO);
	return err;
}

/*
 * What the TPM has given back. It does so once per boot, and what it is needed
 * for may still be refused, for a record that is missing, say: then the next
 * attempt needs no TPM, and no boot. Locking: zkhsm_seal_lock.
 */
static struct zkhsm_kek given_back;

void zkhsm_kek_forget(void)
{
	lockdep_assert_held(&zkhsm_seal_lock);

	zkhsm_kek_wipe(&given_back);
}

/* A guess without the lock. */
bool zkhsm_kek_kept(void)
{
	return READ_ONCE(given_back.blob_len);
}

static int again_tpm(struct zkhsm_kek *kek, const struct zkhsm_kek_source *src,
		     struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&zkhsm_seal_lock);

	if (!src->blob_len)
		return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NO_KEK,
				    "the KEK is in the TPM, and its kek-blob was not given");
	if (src->blob_len == given_back.blob_len &&
	    !memcmp(src->blob, given_back.blob, src->blob_len)) {
		*kek = given_back;
		return 0;
	}
	err = zkhsm_tpm_unseal(src->blob, src->blob_len, kek->key, extack);
	if (err)
		return err;
	memcpy(kek->blob, src->blob, src->blob_len);
	kek->blob_len = src->blob_len;
	if (derive(kek))
		return zkhsm_refuse_failure(extack, -EIO);
	given_back = *kek;
	return 0;
}

static int refuse_other(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_OTHER_KEK,
			    "this was sealed under another KEK");
}

/* Shares that were entered for another KEK stay: administrators do not come back at will. */
static bool other_shares(const u8 id[ZKHSM_KEK_ID_LEN])
{
	struct zkhsm_share_info share;

	zkhsm_share_read(&share);
	return share.complete && memcmp(share.kek_id, id, ZKHSM_KEK_ID_LEN);
}

/**
 * zkhsm_kek_again() - the KEK that something was sealed under
 * @kek: filled in; zkhsm_kek_wipe() it, after an error too
 * @src: class of the head, and what the request has to get it by
 * @id: of the head
 * @extack: of the request
 *
 * Return: as zkhsm_kek_new(); -ENOKEY when it is another one.
 */
int zkhsm_kek_again(struct zkhsm_kek *kek, const struct zkhsm_kek_source *src,
		    const u8 id[ZKHSM_KEK_ID_LEN], struct netlink_ext_ack *extack)
{
	int err;

	memset(kek, 0, sizeof(*kek));
	kek->class = src->class;
	if (src->class == ZKHSM_KEK_CLASS_SHARES && other_shares(id))
		return refuse_other(extack);
	if (src->class == ZKHSM_KEK_CLASS_TPM)
		err = again_tpm(kek, src, extack);
	else
		err = zkhsm_kek_new(kek, src, extack);
	if (err)
		return err;
	return memcmp(kek->id, id, ZKHSM_KEK_ID_LEN) ? refuse_other(extack) : 0;
}

/* The flag of C that tells the class. */
u32 zkhsm_kek_flag(u32 class)
{
	switch (class) {
	case ZKHSM_KEK_CLASS_KEYRING:
		return ZKHSM_HSM_FLAG_KEK_KEYRING;
	case ZKHSM_KEK_CLASS_SHARES:
		return ZKHSM_HSM_FLAG_KEK_SHARES;
	case ZKHSM_KEK_CLASS_TPM:
		return ZKHSM_HSM_FLAG_KEK_TPM;
	default:
		return 0;
	}
}
