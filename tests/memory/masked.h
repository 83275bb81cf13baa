/* SPDX-License-Identifier: GPL-2.0 */
/* Secrets that this machine makes itself, and has nowhere but where they are used. */
#ifndef ZKHSM_MEMORY_MASKED_H
#define ZKHSM_MEMORY_MASKED_H

#include <stddef.h>
#include <stdint.h>

/* By number; story.py has the same list. */
enum secret {
	DEL0, DEL1, REV0, REV1, UNL0, UNL1, HELD0, NARROW0, OFF0,
	TOO_BIG, SHORT, LONG, REVOKED, FROM_FILE, KEK, SHARE0, SHARE1, NEXT_KEK,
};

#define MASKED_BUFFER	33

/* What all secrets come from, and is none: halves that are random by themselves. */
void masked_seed(uint64_t seed);
/* The caller wipes. */
void masked_derive(enum secret which, volatile uint8_t out[MASKED_BUFFER]);
void masked_wipe(volatile uint8_t *p, size_t len);

#endif /* ZKHSM_MEMORY_MASKED_H */
