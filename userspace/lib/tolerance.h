/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tolerance.h - how many managers a configuration lets lie or deny
 */
#ifndef ZKHSM_TOLERANCE_H
#define ZKHSM_TOLERANCE_H

#include "zkhsm.h"

/**
 * struct zkhsm_tolerance - what a configuration C stands
 * @managers:	n, how many are pinned
 * @safe:	so many may lie and no key works, or is erased, by their word
 *		alone, and the others can still stop and erase one without them:
 *		quorum > f, wipe > f, stop <= n - f, wipe <= n - f
 * @served:	so many may lie or be silent and no key stops by that:
 *		n - quorum >= f, stop > f
 * @deny:	when so many withhold their leases, keys that require leases stop
 *		as the leases that are there end: n - quorum + 1; 0 when there are
 *		fewer managers than the quorum and no such key works
 * @sound:	false for quorums with which the HSM can not do what they are for:
 *		one of them 0 or above n, or wipe below stop
 */
struct zkhsm_tolerance {
	unsigned int managers, safe, served, deny;
	bool sound;
};

void zkhsm_tolerance(const struct zkhsm_configuration *c, struct zkhsm_tolerance *t);
/* The three as a sentence each for people; @out of ZKHSM_TOLERANCE_LINES. */
#define ZKHSM_TOLERANCE_LINES	3
#define ZKHSM_TOLERANCE_SIZE	200
void zkhsm_tolerance_text(const struct zkhsm_configuration *c,
			  char out[ZKHSM_TOLERANCE_LINES][ZKHSM_TOLERANCE_SIZE]);

#endif /* ZKHSM_TOLERANCE_H */
