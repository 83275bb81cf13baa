/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vectors.h - tests/vectors as the unit tests read them
 */
#ifndef ZKHSM_TEST_VECTORS_H
#define ZKHSM_TEST_VECTORS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Loads a file of $ZKHSM_VECTORS, or of tests/vectors below the current
 * directory; fails the test when there is none. The caller drops the reference.
 */
json_t *vectors_load(const char *file);

const char *vectors_string(const json_t *c, const char *name);

/* Exactly @len bytes; fails the test otherwise. */
void vectors_bytes(const json_t *c, const char *name, void *out, size_t len);

/* Any number of bytes up to @max; returns how many. */
size_t vectors_data(const json_t *c, const char *name, void *out, size_t max);

#endif /* ZKHSM_TEST_VECTORS_H */
