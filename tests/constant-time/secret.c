// SPDX-License-Identifier: GPL-2.0
/*
 * secret.c - scalar.c on secrets that valgrind watches
 *
 * Secrets are declared undefined memory. Memcheck then reports each branch and
 * each address that depends on one, in the very instructions that run: the
 * method of Langley's ctgrind. With an argument it does what scalar.c must not
 * do, so that the test is seen to see.
 */
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "scalar.h"

#define SECRET(x) ((void)VALGRIND_MAKE_MEM_UNDEFINED(&(x), sizeof(x)))
#define PUBLIC(x) ((void)VALGRIND_MAKE_MEM_DEFINED(&(x), sizeof(x)))

static void print(const struct zkhsm_scalar *a, const struct zkhsm_modulus *m)
{
	u8 be[48] = { 0 };
	unsigned int i;

	zkhsm_scalar_to_be(be, a, m);
	PUBLIC(be);
	for (i = 0; i < 8 * m->limbs; i++)
		printf("%02x", be[i]);
	putchar('\n');
}

/* Each operation of proofs, signatures and nonces, as they chain them. */
static void run(const struct zkhsm_modulus *m)
{
	struct zkhsm_scalar v, a, mont, r, c;
	u8 entropy[48], digest[32];
	bool in_range, zero, equal, below;

	memset(entropy, 0x5a, sizeof(entropy));
	memset(digest, 0xc3, sizeof(digest));
	SECRET(entropy);

	below = !zkhsm_scalar_from_be(&c, entropy + 1, m);
	PUBLIC(below);
	zkhsm_scalar_reduce_wide(&v, entropy, m);
	zkhsm_scalar_reduce_hash(&a, entropy + 9, m);
	zkhsm_scalar_reduce_hash(&c, digest, m);
	zkhsm_scalar_to_mont(&mont, &a, m);
	zkhsm_scalar_from_mont(&a, &mont, m);

	zkhsm_scalar_mul(&r, &c, &a, m);
	zkhsm_scalar_sub(&r, &v, &r, m);
	print(&r, m);
	zkhsm_scalar_mont_mul(&r, &c, &mont, m);
	zkhsm_scalar_add(&r, &v, &r, m);
	zkhsm_scalar_neg(&r, &r, m);
	print(&r, m);
	zkhsm_scalar_to_mont(&r, &v, m);
	zkhsm_scalar_inv(&r, &r, m);
	zkhsm_scalar_mont_mul(&r, &r, &a, m);
	print(&r, m);

	/* The answers are acted on, so they are public; how they came is not. */
	in_range = zkhsm_scalar_in_range(&v, m);
	zero = zkhsm_scalar_is_zero(&v);
	equal = zkhsm_scalar_eq(&v, &a);
	PUBLIC(in_range);
	PUBLIC(zero);
	PUBLIC(equal);
	printf("%d%d%d%d\n", in_range, zero, equal, below);
}

int main(int argc, char **argv)
{
	struct zkhsm_scalar a = { { 1 } };

	(void)argv;
	if (argc > 1) {
		SECRET(a);
		if (a.limb[0] & 1)
			puts("odd");
		return 0;
	}
	run(&zkhsm_p256_n);
	run(&zkhsm_p256_p);
	return 0;
}
