// SPDX-License-Identifier: GPL-2.0
/*
 * audit.c - the manager's lines in the log
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manager.h"

const char *zkhsmd_short(const uint8_t hash[32], char out[17])
{
	char *hex = zkhsm_hex(hash, 8);

	snprintf(out, 17, "%s", hex ? hex : "");
	free(hex);
	return out;
}

void zkhsmd_log_evidence(const struct server_request *rq, const uint8_t hsm_id[32], int64_t n,
			 int64_t keys, const char *verdict, const char *rule)
{
	char id[17];
	struct timespec t;
	int64_t us;

	clock_gettime(CLOCK_MONOTONIC, &t);
	us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 - (int64_t)rq->started_us;
	log_event(LOG_LEVEL_INFO, "evidence", "request", rq->id, "source", rq->source, "hsm",
		  hsm_id ? zkhsmd_short(hsm_id, id) : NULL, "n", n < 0 ? NULL : LOG_NUMBER(n), "keys",
		  keys < 0 ? NULL : LOG_NUMBER(keys), "verdict", verdict, "rule", rule, "ms",
		  LOG_NUMBER(us / 1000), NULL);
}
