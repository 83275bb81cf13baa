// SPDX-License-Identifier: GPL-2.0
#include "masked.h"

#define WORDS	5

static uint64_t run_seed;

void masked_seed(uint64_t seed)
{
	run_seed = seed;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static void half(uint64_t seed, enum secret which, volatile uint8_t out[8 * WORDS])
{
	unsigned int i, j;

	for (i = 0; i < WORDS; i++) {
		uint64_t word = mix(seed + (which * WORDS + i + 1) * 0x9e3779b97f4a7c15ull);

		for (j = 0; j < 8; j++)
			out[8 * i + j] = (uint8_t)(word >> (56 - 8 * j));
	}
}

/*
 * Byte by byte, through volatile memory: no register that the kernel might save
 * ever has more than one byte of a secret.
 */
void masked_derive(enum secret which, volatile uint8_t out[MASKED_BUFFER])
{
	static volatile uint8_t a[8 * WORDS], b[8 * WORDS];
	unsigned int i;

	half(run_seed, which, a);
	half(~run_seed, which, b);
	for (i = 0; i < MASKED_BUFFER; i++)
		out[i] = a[i] ^ b[i];
	/* Not below n, whatever follows. */
	for (i = 0; which == TOO_BIG && i < 8; i++)
		out[i] = 0xff;
}

void masked_wipe(volatile uint8_t *p, size_t len)
{
	while (len--)
		*p++ = 0;
}
