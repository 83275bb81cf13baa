/* SPDX-License-Identifier: GPL-2.0 */
/*
 * tally.h - how many rows of which kind the store has
 */
#ifndef ZKHSM_TALLY_H
#define ZKHSM_TALLY_H

#include "store.h"

enum zkhsmd_tallied {
	ZKHSMD_TALLY_ALERTS = 1,	/* @name: the code; @kind: the state, 1 open, 2 acknowledged */
	ZKHSMD_TALLY_REVOCATIONS,	/* @name: the scope's number; @kind: the action */
	ZKHSMD_TALLY_STOPPED,		/* proved keys that these stop; @kind: the action */
	ZKHSMD_TALLY_DELIVERIES,	/* that wait for a webhook */
	ZKHSMD_TALLY_BYTES,		/* of the database */
};

struct zkhsmd_tally {
	enum zkhsmd_tallied what;
	char name[ZKHSMD_CODE_MAX + 1];
	int kind;
	uint64_t count;
};

#endif /* ZKHSM_TALLY_H */
