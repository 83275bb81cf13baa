/* SPDX-License-Identifier: GPL-2.0 */
/*
 * managerbench.h - what managerfill stores and managerbench makes again
 */
#ifndef ZKHSM_MANAGERBENCH_H
#define ZKHSM_MANAGERBENCH_H

#include <stddef.h>

#define POSTERS		8
#define POST_SIZES	3

extern const size_t post_sizes[POST_SIZES];

void poster_seed(char *seed, size_t size, size_t keys, unsigned int index);

#endif /* ZKHSM_MANAGERBENCH_H */
