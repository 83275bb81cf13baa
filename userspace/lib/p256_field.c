// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers mod p between bytes and Montgomery form, and their inverses. Variable
 * time where that is simplest: see p256_field.h.
 */
#include "p256_field.h"

#include "zkhsm.h"

const struct p256_fe p256_one = {
	{ 0x0000000000000001ULL, 0xffffffff00000000ULL, 0xffffffffffffffffULL,
	  0x00000000fffffffeULL },
};

/* 2^512 mod p: times this is into Montgomery form. */
static const struct p256_fe rr = {
	{ 0x0000000000000003ULL, 0xfffffffbffffffffULL, 0xfffffffffffffffeULL,
	  0x00000004fffffffdULL },
};

static const uint64_t prime[4] = { ~0ULL, P256_P1, 0, P256_P3 };

static bool below_prime(const struct p256_fe *a)
{
	for (int i = 3; i >= 0; i--) {
		if (a->l[i] != prime[i])
			return a->l[i] < prime[i];
	}
	return false;
}

bool p256_fe_decode(struct p256_fe *r, const uint8_t in[32])
{
	struct p256_fe plain;

	for (int i = 0; i < 4; i++)
		plain.l[i] = get_unaligned_be64(in + 24 - 8 * i);
	p256_fe_mul(r, &plain, &rr);
	return below_prime(&plain);
}

void p256_fe_encode(const struct p256_fe *a, uint8_t out[32])
{
	const struct p256_fe unit = { { 1, 0, 0, 0 } };
	struct p256_fe plain;

	p256_fe_mul(&plain, a, &unit);
	for (int i = 0; i < 4; i++)
		put_unaligned_be64(plain.l[i], out + 24 - 8 * i);
}

/* r = a^(2^times) * b */
static void shift_mul(struct p256_fe *r, const struct p256_fe *a, unsigned int times,
		      const struct p256_fe *b)
{
	struct p256_fe t = *a;

	while (times--)
		p256_fe_square(&t, &t);
	p256_fe_mul(r, &t, b);
}

/* Fermat: a^(p - 2), p - 2 = ffffffff 00000001 0 0 0 ffffffff ffffffff fffffffd. */
void p256_fe_invert(struct p256_fe *r, const struct p256_fe *a)
{
	struct p256_fe x2, x3, x6, x12, x15, x30, x32, t;	/* a^(2^n - 1) */

	shift_mul(&x2, a, 1, a);
	shift_mul(&x3, &x2, 1, a);
	shift_mul(&x6, &x3, 3, &x3);
	shift_mul(&x12, &x6, 6, &x6);
	shift_mul(&x15, &x12, 3, &x3);
	shift_mul(&x30, &x15, 15, &x15);
	shift_mul(&x32, &x30, 2, &x2);
	shift_mul(&t, &x32, 32, a);
	shift_mul(&t, &t, 128, &x32);
	shift_mul(&t, &t, 32, &x32);
	shift_mul(&t, &t, 30, &x30);
	shift_mul(r, &t, 2, a);
}
