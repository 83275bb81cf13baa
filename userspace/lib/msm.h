/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sum of points of P-256, each times 128 bits: by the bucket method, or where
 * they are few by one row of doublings for all. Faster than OpenSSL's
 * EC_POINTs_mul(), which hides its scalars and takes all 256 bits of them, from
 * three points on.
 *
 * For PUBLIC data only: time and memory accesses follow points and coefficients.
 * That is right where it is used, and nowhere else: a verifier's points are
 * public keys, and its coefficients a hash of what was sent to it, so that
 * whoever measures them learns what he has. No file of the kernel module has
 * this, nor may anything that signs.
 */
#ifndef ZKHSM_MSM_H
#define ZKHSM_MSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zkhsm_msm;

/* For about @points of them, any number of which can come; NULL when out of memory. */
struct zkhsm_msm *zkhsm_msm_new(size_t points);
void zkhsm_msm_free(struct zkhsm_msm *m);
/* += coefficient (big-endian) * point (SEC1 uncompressed, which was checked to be one). */
void zkhsm_msm_add(struct zkhsm_msm *m, const uint8_t point[65], const uint8_t coefficient[16]);
/* The sum so far; false for infinity, which has no such encoding. */
bool zkhsm_msm_sum(struct zkhsm_msm *m, uint8_t sum[65]);

#endif /* ZKHSM_MSM_H */
