/* SPDX-License-Identifier: GPL-2.0 */
/* What outlives the module: the KEK, what was sealed under it, and shares of another KEK. */
#ifndef ZKHSM_MEMORY_KEPT_H
#define ZKHSM_MEMORY_KEPT_H

#include <stdbool.h>

/* Seals, tells run what was given out, keeps it, and commits it. */
void seal(bool full);
/* Everything under another KEK. */
void rekey(void);
/* All that was kept, into an empty module. */
void unseal(void);

/* Of @argument, in hex: what is around the share @index, 0 or 1. */
bool share_set(unsigned int index, const char *argument);
void share_enter(unsigned int index);
void share_drop(void);

#endif /* ZKHSM_MEMORY_KEPT_H */
