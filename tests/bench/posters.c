// SPDX-License-Identifier: GPL-2.0
/*
 * posters.c - see managerbench.h
 */
#include "managerbench.h"

#include <stdio.h>

const size_t post_sizes[POST_SIZES] = { 1, 100, 1000 };

void poster_seed(char *seed, size_t size, size_t keys, unsigned int index)
{
	snprintf(seed, size, "poster %zu %u", keys, index);
}
