// SPDX-License-Identifier: GPL-2.0
/*
 * How a secret gets into the kernel: as the payload of a keyring key, never
 * over netlink, where requests are echoed and can be tapped.
 *
 * The type is "logon": its payload cannot be read back by any process. The
 * keyring is the process's own, so that nobody else possesses the key.
 */
#include <keyutils.h>
#include <openssl/rand.h>

#include "lib_private.h"

int zkhsm_keyring_add(const void *secret, size_t len, int32_t *serial, struct zkhsm_error *err)
{
	uint8_t random[8];
	char *suffix, description[64];
	key_serial_t key;

	/* A description that is taken already would update that key. */
	if (RAND_bytes(random, sizeof(random)) != 1)
		return zkhsm_fail(err, -EIO, "no random bytes");
	suffix = zkhsm_hex(random, sizeof(random));
	if (!suffix)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	snprintf(description, sizeof(description), "zkhsm:import-%s", suffix);
	free(suffix);

	key = add_key("logon", description, secret, len, KEY_SPEC_PROCESS_KEYRING);
	if (key == -1)
		return zkhsm_fail(err, -errno, "adding to the process keyring: %s",
				  strerror(errno));
	*serial = key;
	return 0;
}

int zkhsm_keyring_revoke(int32_t serial, struct zkhsm_error *err)
{
	/* Revoking drops the payload at once; unlinking is tidiness. */
	if (keyctl_revoke(serial))
		return zkhsm_fail(err, -errno, "revoking keyring key %d: %s", serial,
				  strerror(errno));
	if (keyctl_unlink(serial, KEY_SPEC_PROCESS_KEYRING))
		return zkhsm_fail(err, -errno, "unlinking keyring key %d: %s", serial,
				  strerror(errno));
	return 0;
}
