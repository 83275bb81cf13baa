/* SPDX-License-Identifier: GPL-2.0 */
/* Requests of hot processes, and what they bring through the keyring. */
#ifndef ZKHSM_MEMORY_ASK_H
#define ZKHSM_MEMORY_ASK_H

#include "../selftests/sealed.h"
#include "hot.h"
#include "masked.h"

/* The one HSM; the last answer is in h.a. */
extern struct hsm h;

void ask(enum kind kind, struct nl_msg *msg);
/* A dump of hsm-seal: the process makes it, and what it gives out is taken here. */
void ask_sealed(enum kind kind, struct nl_msg *msg, struct sealed *s);

#define SHARE_BEFORE	26
#define SHARE_AFTER	4

/* What stands before a secret in a keyring key's payload, and behind it: no secrets. */
struct around {
	uint8_t before[SHARE_BEFORE];
	uint8_t after[SHARE_AFTER];
};

/* The serial of a keyring key that holds @len bytes of a secret, in @around unless that is NULL. */
int32_t add_secret(enum secret which, size_t len, const struct around *around);
void drop_secret(int32_t serial);

void hex(const char *before, const void *data, size_t len);

#endif /* ZKHSM_MEMORY_ASK_H */
