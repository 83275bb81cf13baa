// SPDX-License-Identifier: GPL-2.0
/*
 * msm.c - the bucket method gives the sum that OpenSSL gives
 *
 * Input: how many points are announced, then 17 bytes each: which point, and
 * its coefficient. The points are few, small multiples of G and their opposites,
 * so that sums meet themselves, each other and infinity.
 */
#include "fuzz.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <string.h>

#include "msm.h"
#include "p256_point.h"

#define SMALL	8
#define PIECE	17
#define POINTS	40	/* more than this of so few is only slow */

static EC_GROUP *group;
static uint8_t points[2 * SMALL][65];
static int multiples[2 * SMALL];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	BIGNUM *k = BN_new();
	EC_POINT *p;

	(void)argc;
	(void)argv;
	group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	p = EC_POINT_new(group);
	for (int i = 0; i < 2 * SMALL; i++) {
		multiples[i] = i < SMALL ? i + 1 : SMALL - i - 1;
		BN_set_word(k, (BN_ULONG)(i % SMALL + 1));
		BN_set_negative(k, i >= SMALL);
		FUZZ_ASSERT(EC_POINT_mul(group, p, k, NULL, NULL, NULL));
		FUZZ_ASSERT(EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, points[i],
					       65, NULL) == 65);
	}
	EC_POINT_free(p);
	BN_free(k);
	return 0;
}

/* sum(k_i * c_i) * G, or infinity: what it has to be. */
static void compare(const BIGNUM *total, bool finite, const uint8_t got[65])
{
	EC_POINT *p = EC_POINT_new(group);
	uint8_t want[65];

	FUZZ_ASSERT(p && EC_POINT_mul(group, p, total, NULL, NULL, NULL));
	FUZZ_ASSERT(finite == !EC_POINT_is_at_infinity(group, p));
	if (finite) {
		FUZZ_ASSERT(EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, want, 65,
					       NULL) == 65);
		FUZZ_ASSERT(!memcmp(got, want, 65));
	}
	EC_POINT_free(p);
}

/* Whatever the bytes are: decoded as OpenSSL decodes the one form that there is. */
static void decode(const uint8_t *data, size_t size)
{
	struct p256_affine a;
	struct p256_jacobian j = { .z = { { 0 } } };
	uint8_t again[65];
	EC_POINT *p;
	bool point;

	if (size < 65)
		return;
	p = EC_POINT_new(group);
	point = data[0] == POINT_CONVERSION_UNCOMPRESSED &&
		EC_POINT_oct2point(group, p, data, 65, NULL);
	FUZZ_ASSERT(p256_affine_decode(&a, data) == point);
	EC_POINT_free(p);
	if (!point)
		return;
	p256_add_affine(&j, &j, &a);
	FUZZ_ASSERT(p256_encode(&j, again) && !memcmp(again, data, 65));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	BIGNUM *total, *part;
	struct zkhsm_msm *m;
	uint8_t got[65];
	bool finite;

	decode(data, size);
	if (!size)
		return 0;
	m = zkhsm_msm_new(data[0]);
	total = BN_new();
	part = BN_new();
	FUZZ_ASSERT(m && total && part);
	data++;
	size = size - 1 < POINTS * PIECE ? size - 1 : POINTS * PIECE;
	for (; size >= PIECE; data += PIECE, size -= PIECE) {
		int which = data[0] % (2 * SMALL);

		zkhsm_msm_add(m, points[which], data + 1);
		BN_bin2bn(data + 1, 16, part);
		BN_mul_word(part, (BN_ULONG)(multiples[which] < 0 ? -multiples[which] :
					     multiples[which]));
		FUZZ_ASSERT(multiples[which] < 0 ? BN_sub(total, total, part) :
			    BN_add(total, total, part));
	}
	finite = zkhsm_msm_sum(m, got);
	compare(total, finite, got);
	zkhsm_msm_free(m);
	BN_free(total);
	BN_free(part);
	return 0;
}
