// SPDX-License-Identifier: GPL-2.0
/*
 * Secrets come in by the kernel's keyrings, never by netlink: netlink echoes
 * the requests that it refuses, and nlmon shows the others.
 */
#include <keys/user-type.h>
#include <linux/key.h>

#include "zkhsm.h"

static int refuse(struct netlink_ext_ack *extack, int err, const char *sentence)
{
	return zkhsm_refuse(extack, err, ZKHSM_REASON_KEYRING, sentence);
}

static int refuse_lookup(struct netlink_ext_ack *extack, int err)
{
	switch (err) {
	case -EKEYREVOKED:
		return refuse(extack, err, "the keyring key was revoked");
	case -EKEYEXPIRED:
		return refuse(extack, err, "the keyring key has expired");
	case -EACCES:
		return refuse(extack, err, "no permission for the keyring key");
	case -ENOMEM:
		return zkhsm_refuse_failure(extack, err);
	default:
		return refuse(extack, -ENOKEY, "there is no such keyring key");
	}
}

static int copy_payload(const struct key *key, u8 *secret, size_t len,
			struct netlink_ext_ack *extack)
{
	const struct user_key_payload *payload = user_key_payload_locked(key);

	/* Revoking a key of these types takes its payload away. */
	if (!payload)
		return refuse(extack, -EKEYREVOKED, "the keyring key was revoked");
	if (payload->datalen != len)
		return zkhsm_refuse_fmt(extack, -EINVAL, ZKHSM_REASON_LENGTH,
					"the payload of the keyring key has the wrong length",
					"the payload of the keyring key must be %zu bytes", len);
	memcpy(secret, payload->data, len);
	return 0;
}

/**
 * zkhsm_keyring_read() - copy a secret out of a keyring key
 * @serial: of a key of type "logon" or "user" that the caller possesses
 * @secret: the payload; the caller wipes it
 * @len: what its length has to be
 * @extack: of the request
 *
 * A key that is still being constructed is not waited for.
 *
 * Return: 0; -ENOKEY (no such key, or not of these types), -EACCES (not
 * possessed, or no permission to find it), -EKEYREVOKED, -EKEYEXPIRED, -EINVAL
 * (length), -ENOMEM.
 */
int zkhsm_keyring_read(s32 serial, u8 *secret, size_t len, struct netlink_ext_ack *extack)
{
	struct key *key;
	key_ref_t ref;
	int err;

	/* Zero and the negative numbers are the special keyrings. */
	if (serial <= 0)
		return refuse(extack, -ENOKEY, "there is no such keyring key");
	ref = lookup_user_key(serial, KEY_LOOKUP_PARTIAL, KEY_NEED_SEARCH);
	if (IS_ERR(ref))
		return refuse_lookup(extack, PTR_ERR(ref));

	key = key_ref_to_ptr(ref);
	if (!is_key_possessed(ref))
		err = refuse(extack, -EACCES, "the caller does not possess the keyring key");
	else if (key->type != &key_type_logon && key->type != &key_type_user)
		err = refuse(extack, -ENOKEY, "the keyring key must be of type logon or user");
	else if (!key_is_positive(key))
		err = refuse(extack, -ENOKEY, "the keyring key holds nothing yet");
	else
		err = 0;
	if (!err) {
		down_read(&key->sem);
		err = copy_payload(key, secret, len, extack);
		up_read(&key->sem);
	}
	key_ref_put(ref);
	return err;
}
