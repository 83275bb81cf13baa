/* SPDX-License-Identifier: GPL-2.0 */
/*
 * schnorr.h - proofs of knowledge: one key (RFC 8235), and a whole keystore
 */
#ifndef ZKHSM_SCHNORR_H
#define ZKHSM_SCHNORR_H

#include "nonce.h"
#include "secret.h"

/**
 * zkhsm_fault_report() - a computation contradicted itself
 * @what: short name of the computation, for the log and the event
 *
 * Disables proving and signing until the module is loaded again and raises an
 * event. Called from process context without locks of this layer. Implemented
 * in ops.c.
 */
void zkhsm_fault_report(const char *what);
bool zkhsm_proving_disabled(void);

/**
 * zkhsm_schnorr_prove() - proof 1: knowledge of one private scalar
 * @a: the secret
 * @pub: its public key A, SEC1 uncompressed
 * @purpose: ZKHSM_NONCE_PROVE; for the identity ZKHSM_NONCE_ANNOUNCE or
 *	ZKHSM_NONCE_RECEIPT
 * @user_id: UserID of RFC 8235
 * @uid_len: its length
 * @other: OtherInfo, or NULL: absent, which is not the same as empty
 * @other_len: its length
 * @proof: V (65) | r (32)
 *
 * V = v * G, c = SHA-256(len4 G | len4 V | len4 A | len4 UserID
 * [| len4 OtherInfo]) mod n, r = v - a * c mod n (RFC 8235, sections 3.2 and
 * 3.3). The proof is verified against @pub before it is released.
 *
 * Return: 0; -ENOKEY when @a holds no secret; -ENOMEM; -EIO when something
 * failed or did not verify, which is reported as a fault. @proof is zero
 * after an error.
 */
int __must_check zkhsm_schnorr_prove(const struct zkhsm_secret *a,
				     const u8 pub[ZKHSM_POINT_LEN],
				     enum zkhsm_nonce_purpose purpose,
				     const void *user_id, size_t uid_len,
				     const void *other, size_t other_len,
				     u8 proof[ZKHSM_PROOF_LEN]);

/**
 * zkhsm_schnorr_verify() - check a proof 1
 *
 * Return: 0; -EBADMSG when @pub or V is not a point or r is not below n;
 * -EKEYREJECTED when the proof is false; -EIO when the hash driver fails.
 */
int __must_check zkhsm_schnorr_verify(const u8 pub[ZKHSM_POINT_LEN],
				      const void *user_id, size_t uid_len,
				      const void *other, size_t other_len,
				      const u8 proof[ZKHSM_PROOF_LEN]);

/**
 * struct zkhsm_batch - proof 2 in the making
 * @v: the nonce, secret
 * @sum: sum(c_i * a_i) from the plain form, secret
 * @check: the same sum from the Montgomery form, secret
 * @commitment: V, SEC1 uncompressed
 * @seed: what the coefficients derive from
 * @next: position of the next element
 *
 * Holds secrets from zkhsm_batch_begin() on: zkhsm_batch_wipe() on every path,
 * after success too.
 */
struct zkhsm_batch {
	struct zkhsm_scalar v;
	struct zkhsm_scalar sum;
	struct zkhsm_scalar check;
	u8 commitment[ZKHSM_POINT_LEN];
	u8 seed[ZKHSM_HASH_LEN];
	u32 next;
};

/**
 * zkhsm_batch_begin() - commit to a nonce, then fix the coefficients
 * @b: filled in
 * @d: the identity's secret
 * @pub_d: D, SEC1 uncompressed
 * @hsm_id: SHA-256(D)
 * @stmt: the whole statement S
 * @len: its length
 *
 * seed = SHA-256(len4 "zkhsm batch v1" | len4 G | len4 V | len4 D |
 * len4 hsm_id | len4 S). S holds the digest of the list of all elements, so
 * no coefficient is known before every element is fixed. Adds element 0,
 * which is D itself.
 *
 * Return: 0; -ENOKEY when @d holds no secret; -ENOMEM; -EIO.
 */
int __must_check zkhsm_batch_begin(struct zkhsm_batch *b,
				   const struct zkhsm_secret *d,
				   const u8 pub_d[ZKHSM_POINT_LEN],
				   const u8 hsm_id[32], const void *stmt,
				   size_t len);

/**
 * zkhsm_batch_add() - add c_i * a_i
 * @b: between begin and finish
 * @i: position in the batch: 1, 2, 3, ... in this order
 * @a: the secret
 *
 * Return: 0; -EINVAL when @i is not the next position; -ENOKEY when @a holds
 * no secret; -EIO.
 */
int __must_check zkhsm_batch_add(struct zkhsm_batch *b, u32 i,
				 const struct zkhsm_secret *a);

/**
 * zkhsm_batch_finish() - the response, rechecked
 * @b: all elements added
 * @proof: V | r; zero after an error
 *
 * r = v - sum from the plain forms, then v' = r + sum from the Montgomery
 * forms, and x(v' * G) must be x(V): a fault in any one stored form, sum or
 * step shows.
 *
 * Return: 0; -ENOMEM; -EIO with a fault reported on a mismatch.
 */
int __must_check zkhsm_batch_finish(struct zkhsm_batch *b,
				    u8 proof[ZKHSM_PROOF_LEN]);

/* Forgets everything, what the stack remembers too; idempotent. */
void zkhsm_batch_wipe(struct zkhsm_batch *b);

/**
 * zkhsm_batch_coefficient() - c_i
 *
 * The leftmost 128 bits of SHA-256("zkhsm batch coefficient" | seed |
 * suite u16 | i u32), big-endian. Return: 0, or -EIO.
 */
int __must_check zkhsm_batch_coefficient(const u8 seed[ZKHSM_HASH_LEN],
					 u16 suite, u32 i,
					 struct zkhsm_scalar *c);

/**
 * zkhsm_batch_verify() - check a proof 2; slow, for tests alone
 * @pub_d: D
 * @hsm_id: SHA-256(D)
 * @stmt: S
 * @len: its length
 * @pubs: the elements 1 ... @count, SEC1 uncompressed, one after the other
 * @count: how many
 * @proof: V (65) | r (32)
 *
 * Return: as zkhsm_schnorr_verify().
 */
int __must_check zkhsm_batch_verify(const u8 pub_d[ZKHSM_POINT_LEN],
				    const u8 hsm_id[32], const void *stmt,
				    size_t len, const u8 *pubs, u32 count,
				    const u8 proof[ZKHSM_PROOF_LEN]);

/*
 * The same with a given nonce and without the report of a fault, for the known
 * answers at load. Nothing that netlink reaches calls these three: whoever
 * chooses or repeats v learns the secret. Return: as above; -ERANGE or -EAGAIN
 * when @v does not suit.
 */
int __must_check zkhsm_schnorr_prove_fixed(const struct zkhsm_secret *a,
					   const u8 pub[ZKHSM_POINT_LEN],
					   const struct zkhsm_scalar *v,
					   const void *user_id, size_t uid_len,
					   const void *other, size_t other_len,
					   u8 proof[ZKHSM_PROOF_LEN]);
int __must_check zkhsm_batch_begin_fixed(struct zkhsm_batch *b,
					 const struct zkhsm_secret *d,
					 const u8 pub_d[ZKHSM_POINT_LEN],
					 const struct zkhsm_scalar *v,
					 const u8 hsm_id[32],
					 const void *stmt, size_t len);
int __must_check zkhsm_batch_respond(struct zkhsm_batch *b,
				     u8 proof[ZKHSM_PROOF_LEN]);

#endif /* ZKHSM_SCHNORR_H */
