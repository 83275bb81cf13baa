/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * portable.h - what scalar.c, point.c and wire.c need from their surroundings
 *
 * The same three files are built into the kernel module, where these names
 * are the kernel's own, and into libzkhsm and the tests, where they are
 * defined here with the same meaning. Nothing else belongs into this header.
 */
#ifndef ZKHSM_PORTABLE_H
#define ZKHSM_PORTABLE_H

#ifdef __KERNEL__

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>

#include "compat.h"

#else /* !__KERNEL__ */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __UINT8_TYPE__ u8;
typedef __UINT16_TYPE__ u16;
typedef __UINT32_TYPE__ u32;
typedef __UINT64_TYPE__ u64;

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif

#ifndef __must_check
#define __must_check __attribute__((__warn_unused_result__))
#endif

/* Keeps the compiler from turning a mask back into a branch. */
#ifndef OPTIMIZER_HIDE_VAR
#define OPTIMIZER_HIDE_VAR(var) __asm__("" : "+r"(var))
#endif

static inline u16 get_unaligned_be16(const void *p)
{
	const u8 *b = p;

	return (u16)((u16)b[0] << 8 | b[1]);
}

static inline u32 get_unaligned_be32(const void *p)
{
	const u8 *b = p;

	return (u32)get_unaligned_be16(b) << 16 | get_unaligned_be16(b + 2);
}

static inline u64 get_unaligned_be64(const void *p)
{
	const u8 *b = p;

	return (u64)get_unaligned_be32(b) << 32 | get_unaligned_be32(b + 4);
}

static inline void put_unaligned_be16(u16 v, void *p)
{
	u8 *b = p;

	b[0] = (u8)(v >> 8);
	b[1] = (u8)v;
}

static inline void put_unaligned_be32(u32 v, void *p)
{
	u8 *b = p;

	put_unaligned_be16((u16)(v >> 16), b);
	put_unaligned_be16((u16)v, b + 2);
}

static inline void put_unaligned_be64(u64 v, void *p)
{
	u8 *b = p;

	put_unaligned_be32((u32)(v >> 32), b);
	put_unaligned_be32((u32)v, b + 4);
}

/* The barrier makes the store observable, so that it is not dropped as dead. */
static inline void memzero_explicit(void *p, size_t len)
{
	memset(p, 0, len);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

/* Returns 0 when equal, non-zero otherwise; time depends on @len alone. */
static inline unsigned long crypto_memneq(const void *a, const void *b,
					  size_t len)
{
	const u8 *x = a, *y = b;
	unsigned long diff = 0;

	while (len--) {
		diff |= (unsigned long)(*x++ ^ *y++);
		OPTIMIZER_HIDE_VAR(diff);
	}
	return diff;
}

#endif /* !__KERNEL__ */

#endif /* ZKHSM_PORTABLE_H */
