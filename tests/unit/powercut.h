/* SPDX-License-Identifier: GPL-2.0 */
/*
 * powercut.h - a directory whose power can be cut, or whose disk fails, at any
 * system call
 *
 * The calls really happen. Beside them stands what an fsync() has promised to
 * keep; a power cut leaves of the rest anything from nothing to all of it, and
 * powercut_image() makes a directory of what one such disk would hold.
 */
#ifndef POWERCUT_H
#define POWERCUT_H

#include "store_private.h"

extern const struct zkhsm_store_os powercut_os;

/* What becomes of names and of bytes that nobody asked to keep. */
enum { LOSE_NOTHING = 0, LOSE_NAMES = 1, LOSE_BYTES = 2, LOSE_ALL = 3 };

/* Watches @path and @path/records, which are there and empty. */
void powercut_start(const char *path);
/* From the @n'th call on nothing happens any more; 0: never. */
void powercut_after(unsigned int n);
/* The @n'th call alone fails with @error; 0: none. */
void powercut_fail(unsigned int n, int error);
bool powercut_happened(void);
unsigned int powercut_calls(void);
void powercut_image(const char *to, int lose);
void powercut_end(void);

/* Free space that fstatvfs() finds; 0: as it is. */
extern uint64_t powercut_free;

#endif /* POWERCUT_H */
