/* SPDX-License-Identifier: GPL-2.0 */
/*
 * entropy.h - where nonce.c takes its random bytes from
 *
 * ZKHSM_TEST_NONCES=1 builds a module whose nonces, and so whose keys, anybody
 * can compute: tests/memory must know what to look for in a machine's memory.
 * It says so wherever a module can. tools/build-module makes one only beside
 * the real module, tools/install-module refuses it.
 */
#ifndef ZKHSM_ENTROPY_H
#define ZKHSM_ENTROPY_H

#include <linux/random.h>

#ifndef ZKHSM_TEST_NONCES

/* Waits until the generator is seeded. Return: 0, or -ERESTARTSYS. */
static inline int zkhsm_entropy_wait(void *buf, size_t len)
{
	return get_random_bytes_wait(buf, len);
}

static inline void zkhsm_entropy(void *buf, size_t len)
{
	get_random_bytes(buf, len);
}

#else /* ZKHSM_TEST_NONCES */

#include <linux/atomic.h>
#include <linux/module.h>

#include "compat.h"

MODULE_INFO(zkhsm_test, "nonces and keys are predictable, never use this module");

/* The next words of SplitMix64 from state 0: a bijection of a counter, nothing is kept. */
static inline void zkhsm_entropy(void *buf, size_t len)
{
	static atomic64_t words = ATOMIC64_INIT(0);
	u64 z;
	size_t i;

	for (i = 0; i + sizeof(z) <= len; i += sizeof(z)) {
		z = atomic64_inc_return(&words) * 0x9e3779b97f4a7c15ULL;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
		put_unaligned_be64(z ^ (z >> 31), buf + i);
	}
}

static inline int zkhsm_entropy_wait(void *buf, size_t len)
{
	pr_warn("TEST BUILD: NONCES AND KEYS ARE PREDICTABLE, NEVER USE THIS MODULE\n");
	add_taint(TAINT_TEST, LOCKDEP_STILL_OK);
	zkhsm_entropy(buf, len);
	return 0;
}

#endif /* ZKHSM_TEST_NONCES */

#endif /* ZKHSM_ENTROPY_H */
