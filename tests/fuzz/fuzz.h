/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fuzz.h - what the fuzz targets share
 *
 * A target aborts, which libFuzzer reports as a finding, when what it feeds
 * misbehaves without crashing: accepts what it should not, or does not give
 * back what it was given.
 */
#ifndef ZKHSM_FUZZ_H
#define ZKHSM_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zkhsm.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ASSERT(condition) \
	((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
void fuzz_fail(const char *file, int line, const char *condition) __attribute__((noreturn));

/* Part of an input, in an allocation of exactly its length: a read behind it is seen. */
struct fuzz_piece {
	uint8_t *data;
	size_t len;
};

/*
 * Cuts @data into @count pieces, each but the last behind its length (u16
 * big-endian); a length that is too long is cut. tests/fuzz/seeds writes this form.
 */
void fuzz_cut(const uint8_t *data, size_t size, struct fuzz_piece *pieces, size_t count);
void fuzz_free(struct fuzz_piece *pieces, size_t count);
/* With a terminator; the bytes behind a zero byte are lost to whoever reads a string. */
char *fuzz_string(const struct fuzz_piece *p);

/* tests/vectors/@file, or $ZKHSM_VECTORS/@file. */
json_t *fuzz_vectors(const char *file);
/* A member in hex; caller frees. Absent or null: no data. */
struct fuzz_piece fuzz_hex(const json_t *object, const char *name);
/* The key that seeds were made for; its secret is 32 times 0x5a. */
EVP_PKEY *fuzz_key(void);

#endif /* ZKHSM_FUZZ_H */
