// SPDX-License-Identifier: GPL-2.0
/*
 * problem.c - every refusal of the manager: its URN, status and title
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

static const struct {
	int status;
	const char *urn, *title;
} problems[] = {
	[P_REQUEST] = { 400, "request", "Malformed request" },
	[P_UNKNOWN] = { 404, "unknown", "Unknown" },
	[P_MALFORMED] = { 422, "malformed", "Malformed bytes" },
	[P_FALSE] = { 422, "false", "False proof" },
	[P_NONCE] = { 422, "nonce", "Nonce not live" },
	[P_NOT_ADDRESSED] = { 422, "not-addressed", "Not addressed to this manager" },
	[P_NEED] = { 409, "need", "List or configuration needed" },
	[P_PENDING] = { 403, "pending", "Not enrolled" },
	[P_CONFIGURATION] = { 403, "configuration", "Configuration not approved" },
	[P_HSM_REVOKED] = { 403, "hsm-revoked", "HSM revoked" },
	[P_CLONE] = { 403, "clone", "Sign of a clone" },
	[P_TWO_INSTANCES] = { 403, "two-instances", "Two instances of one HSM" },
	[P_ROLLBACK] = { 403, "rollback", "State from the past" },
	[P_ORDERS_BACK] = { 403, "orders-rolled-back", "Applied orders were lost" },
	[P_UPTIME] = { 403, "uptime", "Impossible uptime" },
	[P_LATE] = { 409, "late", "Newer evidence is known" },
	[P_STRANGER] = { 403, "stranger", "Neither enrolled nor challenged" },
	[P_ANNOUNCEMENT] = { 403, "announcement", "False announcement" },
	[P_BASE] = { 409, "base", "Base list not known" },
	[P_STALE] = { 403, "stale", "Attestation is stale" },
	[P_REVOKED] = { 403, "revoked", "Revoked" },
	[P_NOT_ACTIVE] = { 403, "not-active", "Key is not active" },
	[P_NOT_PENDING] = { 409, "not-pending", "No pending evidence" },
	[P_ENROLLED] = { 409, "enrolled", "Already enrolled" },
	[P_UNSEEN] = { 409, "unseen", "Configuration never attested" },
	[P_ALREADY] = { 409, "already", "Already so" },
	[P_FINAL] = { 409, "final", "Revoked for good" },
	[P_HELD] = { 409, "held", "On hold" },
	[P_NOT_HELD] = { 409, "not-held", "Not held" },
	[P_VOID] = { 409, "void", "No kernel would do this" },
	[P_ROLE] = { 403, "role", "Not allowed" },
	[P_TWO_PERSON] = { 403, "two-person", "Another administrator needed" },
	[P_PROPOSAL_EXPIRED] = { 409, "proposal-expired", "Proposal expired" },
	[P_TOO_MANY] = { 429, "too-many", "Too many" },
	[P_POLICY] = { 403, "policy", "Refused by the policy" },
	[P_GRANT] = { 409, "grant", "No kernel would take this grant" },
	[P_NO_GRANT] = { 403, "no-grant", "Not granted" },
	[P_QUARANTINED] = { 403, "quarantined", "HSM in quarantine" },
	[P_STORE] = { 503, "store", "Store not available" },
	[P_STOPPING] = { 503, "stopping", "Stopping" },
};

void zkhsmd_problem(struct server_request *rq, enum zkhsmd_problem p, const char *format, ...)
{
	char detail[384];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	server_reply_problem(rq, problems[p].status, problems[p].urn, problems[p].title, NULL, "%s",
			     detail);
}

void zkhsmd_problem_extra(struct server_request *rq, enum zkhsmd_problem p, json_t *extra,
			  const char *format, ...)
{
	char detail[384];
	va_list args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	server_reply_problem(rq, problems[p].status, problems[p].urn, problems[p].title, extra, "%s",
			     detail);
}

void zkhsmd_problem_store(struct server_request *rq, int error)
{
	log_event(LOG_LEVEL_ERROR, "store", "request", rq->id, "error", strerror(-error), NULL);
	server_reply_header(rq, "Retry-After", "5");
	zkhsmd_problem(rq, P_STORE, "nothing was recorded: %s",
		       error == -ENOSPC ? "the disk is full" :
		       error == -EBUSY ? "another process has locked the store for too long" :
		       error == -EUCLEAN ? "the store is damaged" : "the store failed");
}

bool zkhsmd_hash_of(struct server_request *rq, const char *what, const char *hex, uint8_t out[32])
{
	if (hex && zkhsm_unhex(hex, out, 32) == 0)
		return true;
	zkhsmd_problem(rq, P_REQUEST, "%s has to be 64 lower-case hex digits", what);
	return false;
}

bool zkhsmd_number_of(struct server_request *rq, const char *name, uint64_t max, uint64_t *out)
{
	const char *text = server_query(rq, name);
	char *end = NULL;

	*out = 0;
	if (!text)
		return true;
	errno = 0;
	if (*text >= '0' && *text <= '9')
		*out = strtoull(text, &end, 10);
	if (!end || *end || errno || *out > max) {
		zkhsmd_problem(rq, P_REQUEST, "%s has to be a number up to %llu", name,
			       (unsigned long long)max);
		return false;
	}
	return true;
}

void zkhsmd_json_hash(json_t *o, const char *name, const uint8_t hash[32])
{
	char *hex = zkhsm_hex(hash, 32);

	json_object_set_new(o, name, hex ? json_string(hex) : json_null());
	free(hex);
}
