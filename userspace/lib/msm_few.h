/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Few points of P-256, each times 128 bits, for PUBLIC data: see msm.h.
 */
#ifndef ZKHSM_MSM_FEW_H
#define ZKHSM_MSM_FEW_H

#include <stddef.h>

#include "p256_point.h"

#define MSM_FEW_TABLE	4	/* P, 3P, 5P, 7P */
#define MSM_FEW_DIGITS	129

/**
 * struct msm_few - what one takes while it is being multiplied
 * @digits:	of the coefficient, the lowest first: odd, below 8 either way, or 0
 */
struct msm_few {
	struct p256_affine table[MSM_FEW_TABLE];
	struct p256_jacobian multiples[MSM_FEW_TABLE];
	struct p256_fe before;
	int8_t digits[MSM_FEW_DIGITS];
};

/* sum += sum(coefficient * point), with @count of @work for as many. */
void msm_few_add(struct p256_jacobian *sum, const struct p256_affine *points,
		 const uint8_t (*coefficients)[16], size_t count, struct msm_few *work);

#endif /* ZKHSM_MSM_FEW_H */
