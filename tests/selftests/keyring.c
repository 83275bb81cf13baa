// SPDX-License-Identifier: GPL-2.0
/* The kernel keyring, through which alone secrets reach the module. */
#include <errno.h>
#include <keyutils.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "hsm.h"

int32_t keyring_add(const char *type, const void *payload, size_t len)
{
	static atomic_uint number;
	char name[48];
	key_serial_t serial;

	/* The name of a logon key must have a prefix; a name used again would update. */
	snprintf(name, sizeof(name), "zkhsm:test-%d-%u", getpid(), atomic_fetch_add(&number, 1));
	serial = add_key(type, name, payload, len, KEY_SPEC_PROCESS_KEYRING);
	return serial < 0 ? -errno : serial;
}

void keyring_drop(int32_t serial)
{
	keyctl_revoke(serial);
	keyctl_unlink(serial, KEY_SPEC_PROCESS_KEYRING);
}
