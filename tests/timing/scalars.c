// SPDX-License-Identifier: GPL-2.0
/*
 * scalars.c - the operations of scalar.c on secrets, natively
 */
#include <string.h>

#include "scalar.h"
#include "timing.h"

#define N (&zkhsm_p256_n)
/* One operation is too short for a clock. */
#define TIMES 64
#define REPEAT for (unsigned int i = 0; i < TIMES; i++)

static u8 pool_be[TIMING_POOL][48], be[48], out[32];
static struct zkhsm_scalar pool_plain[TIMING_POOL], a, other, result;
static volatile int sink;

unsigned char timing_nonce[32];

void timing_init(void)
{
	memset(be, 0x5a, sizeof(be));
	zkhsm_scalar_reduce_hash(&other, be, N);
}

static struct zkhsm_scalar fixed;

static void fix(const unsigned char secret[32])
{
	zkhsm_scalar_reduce_hash(&fixed, secret, N);
}

static void pool(unsigned int i, const unsigned char secret[32])
{
	memcpy(pool_be[i], secret, 32);
	memcpy(pool_be[i] + 32, secret, 16);
	zkhsm_scalar_reduce_hash(&pool_plain[i], secret, N);
}

static void set(unsigned int i)
{
	a = pool_plain[i];
	memcpy(be, pool_be[i], sizeof(be));
}

static void call_mul(void)
{
	REPEAT
		zkhsm_scalar_mul(&result, &other, &a, N);
}

static void call_mont(void)
{
	REPEAT
		zkhsm_scalar_to_mont(&result, &a, N);
}

static void call_add(void)
{
	REPEAT
		zkhsm_scalar_add(&result, &other, &a, N);
}

static void call_sub(void)
{
	REPEAT
		zkhsm_scalar_sub(&result, &other, &a, N);
}

static void call_inv(void)
{
	zkhsm_scalar_inv(&result, &a, N);
}

static void call_from_be(void)
{
	REPEAT
		sink += zkhsm_scalar_from_be(&result, be, N);
}

static void call_to_be(void)
{
	REPEAT
		zkhsm_scalar_to_be(out, &a, N);
}

static void call_wide(void)
{
	REPEAT
		zkhsm_scalar_reduce_wide(&result, be, N);
}

static void call_range(void)
{
	REPEAT
		sink += zkhsm_scalar_in_range(&a, N);
}

/* With the fixed one: equal in one class, soon different in the other. */
static void call_eq(void)
{
	REPEAT
		sink += zkhsm_scalar_eq(&a, &fixed);
}

const struct timing_target timing_targets[] = {
	{ "mul", 100000, 0, fix, pool, set, call_mul },
	{ "to_mont", 100000, 0, fix, pool, set, call_mont },
	{ "add", 100000, 0, fix, pool, set, call_add },
	{ "sub", 100000, 0, fix, pool, set, call_sub },
	{ "inv", 50000, 0, fix, pool, set, call_inv },
	{ "from_be", 100000, 0, fix, pool, set, call_from_be },
	{ "to_be", 100000, 0, fix, pool, set, call_to_be },
	{ "reduce_wide", 100000, 0, fix, pool, set, call_wide },
	{ "in_range", 100000, 0, fix, pool, set, call_range },
	{ "eq", 100000, 0, fix, pool, set, call_eq },
	{ 0 },
};
