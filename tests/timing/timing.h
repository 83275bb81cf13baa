/* SPDX-License-Identifier: GPL-2.0 */
/*
 * timing.h - between what is measured and the measuring
 *
 * Types of the language alone: targets.c sees the kernel's headers, scalars.c
 * and measure.c those of the C library.
 */
#ifndef TIMING_H
#define TIMING_H

/*
 * More secrets than a branch predictor learns by heart. Half of them, anywhere
 * among the others, are the fixed one: to fetch it is no faster, and touches no
 * other lines of the cache, than to fetch another.
 */
#define TIMING_POOL 512

/**
 * struct timing_target - one thing to measure
 * @name: what
 * @samples: at most so many; time is limited too
 * @scalar: what is multiplied is no nonce but the secret itself
 * @fix: the fixed secret, before those of the pool; may be NULL
 * @pool: take secret @i of the pool, before anything is measured
 * @set: make secret @i the one that call() uses, the same way for all
 * @call: what is timed
 */
struct timing_target {
	const char *name;
	unsigned int samples;
	int scalar;
	void (*fix)(const unsigned char secret[32]);
	void (*pool)(unsigned int i, const unsigned char secret[32]);
	void (*set)(unsigned int i);
	void (*call)(void);
};

extern const struct timing_target timing_targets[];

/* Once, before the pool; anything it needs. */
void timing_init(void);

/* What the last call multiplied, big-endian; zero where it multiplied nothing. */
extern unsigned char timing_nonce[32];

#endif /* TIMING_H */
