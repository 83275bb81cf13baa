// SPDX-License-Identifier: GPL-2.0
/*
 * gates.c - every point where something secret becomes public, and why it may
 *
 * The linker's --wrap puts each of these between the file that calls and the
 * file that has the function, so the objects under test are not touched. What
 * is not said to be public here stays secret: no other result of a secret may
 * decide a branch.
 */
#include "group.h"
#include "schnorr.h"
#include "taint.h"

bool __real_zkhsm_scalar_in_range(const struct zkhsm_scalar *a, const struct zkhsm_modulus *m);
bool __wrap_zkhsm_scalar_in_range(const struct zkhsm_scalar *a, const struct zkhsm_modulus *m);
bool __real_zkhsm_scalar_is_zero(const struct zkhsm_scalar *a);
bool __wrap_zkhsm_scalar_is_zero(const struct zkhsm_scalar *a);
int __real_zkhsm_scalar_from_be(struct zkhsm_scalar *r, const u8 *be,
				const struct zkhsm_modulus *m);
int __wrap_zkhsm_scalar_from_be(struct zkhsm_scalar *r, const u8 *be,
				const struct zkhsm_modulus *m);
void __real_zkhsm_scalar_to_be(u8 *be, const struct zkhsm_scalar *a,
			       const struct zkhsm_modulus *m);
void __wrap_zkhsm_scalar_to_be(u8 *be, const struct zkhsm_scalar *a,
			       const struct zkhsm_modulus *m);
int __real_zkhsm_p256_recover_y(const u8 *x, const u8 *x_next, u8 *out);
int __wrap_zkhsm_p256_recover_y(const u8 *x, const u8 *x_next, u8 *out);
unsigned long __real___crypto_memneq(const void *a, const void *b, size_t len);
unsigned long __wrap___crypto_memneq(const void *a, const void *b, size_t len);

/*
 * The verdict on a nonce that was drawn, or on a key that is imported. A nonce
 * out of range is thrown away, so that it was out of range says nothing about
 * the next; the range of a key is told to whoever imports it.
 */
bool __wrap_zkhsm_scalar_in_range(const struct zkhsm_scalar *a, const struct zkhsm_modulus *m)
{
	bool verdict = __real_zkhsm_scalar_in_range(a, m);

	taint_release("verdict of a range", &verdict, sizeof(verdict));
	return verdict;
}

/* r or s of a signature that is zero is not released, and the nonce neither. */
bool __wrap_zkhsm_scalar_is_zero(const struct zkhsm_scalar *a)
{
	bool verdict = __real_zkhsm_scalar_is_zero(a);

	taint_release("verdict of zero", &verdict, sizeof(verdict));
	return verdict;
}

/*
 * Whether an encoding is canonical: of an imported key, whose importer is
 * told; of the coordinates that the driver computed, which always are.
 */
int __wrap_zkhsm_scalar_from_be(struct zkhsm_scalar *r, const u8 *be,
				const struct zkhsm_modulus *m)
{
	int verdict = __real_zkhsm_scalar_from_be(r, be, m);

	taint_release("verdict of an encoding", &verdict, sizeof(verdict));
	return verdict;
}

/*
 * r of a proof, r and s of a signature, once they are in the answer's buffer:
 * they are released. They are verified before, in a time that depends on them.
 * Where that fails they are not released, and their time says something about
 * which bit of a stored word was hit by a fault: proving is disabled after it.
 */
void __wrap_zkhsm_scalar_to_be(u8 *be, const struct zkhsm_scalar *a,
			       const struct zkhsm_modulus *m)
{
	__real_zkhsm_scalar_to_be(be, a, m);
	if (taint_in_answer(be, ZKHSM_SCALAR_LEN))
		taint_release("a response or half of a signature", be, ZKHSM_SCALAR_LEN);
}

/*
 * V of a proof, A of a new key: released. The coordinates that they are made
 * of stay secret until here, though anybody can compute x(V + G) from V.
 */
int __wrap_zkhsm_p256_recover_y(const u8 *x, const u8 *x_next, u8 *out)
{
	int verdict = __real_zkhsm_p256_recover_y(x, x_next, out);

	taint_release("a commitment or public key", out, ZKHSM_POINT_LEN);
	return verdict;
}

/*
 * What is acted on is whether there is a difference, never where: between x(V)
 * and its recheck, or between the sides of the curve's equation for the point
 * that the driver computed. It is a fault, and proving is disabled after it.
 */
unsigned long __wrap___crypto_memneq(const void *a, const void *b, size_t len)
{
	unsigned long verdict = __real___crypto_memneq(a, b, len);

	taint_release("verdict of a comparison", &verdict, sizeof(verdict));
	return verdict;
}
