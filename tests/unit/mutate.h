/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mutate.h - byte strings with one thing wrong, for every thing there is
 */
#ifndef ZKHSM_TEST_MUTATE_H
#define ZKHSM_TEST_MUTATE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

/* What reads the string; 0 or a negative errno. */
typedef int (*mutate_fn)(const uint8_t *data, size_t len, void *arg);

/* Every proper prefix, and one byte more than there should be: all give @expected. */
void mutate_length(const uint8_t *data, size_t len, mutate_fn fn, void *arg, int expected);

/*
 * Each byte changed in several ways, alone; @fn is asked about each result and
 * must not return 0, nor anything but the two errors given (0: only one).
 */
void mutate_bytes(const uint8_t *data, size_t len, mutate_fn fn, void *arg, int expected,
		  int or_expected);

#endif /* ZKHSM_TEST_MUTATE_H */
