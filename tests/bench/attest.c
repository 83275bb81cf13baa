// SPDX-License-Identifier: GPL-2.0
/*
 * attest.c - see attest.h
 */
#include "attest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct zkhsm_https *connect_manager(const struct zkhsm_https_config *as)
{
	struct zkhsm_https *h;
	struct zkhsm_error err = { 0 };

	must(zkhsm_https_new(as, &h, &err), &err, "https");
	return h;
}

json_t *request(struct zkhsm_https *h, const char *method, const char *path, const char *type,
		const void *body, size_t len, long status)
{
	struct zkhsm_response r = { 0 };
	struct zkhsm_error err = { 0 };
	json_t *answer;

	must(zkhsm_https_do(h, method, path, type, body, len, &r, &err), &err, path);
	if (r.status != status)
		die("%s %s: HTTP status %ld: %s", method, path, r.status, (const char *)r.body);
	answer = r.body_len ? json_loadb((const char *)r.body, r.body_len, 0, NULL) : NULL;
	zkhsm_response_free(&r);
	return answer;
}

void unhex_member(const json_t *o, const char *name, void *out, size_t len)
{
	const char *hex = json_string_value(json_object_get(o, name));

	if (!hex || zkhsm_unhex(hex, out, len))
		die("the answer has no %s", name);
}

size_t answer_challenge(struct zkhsm_https *h, struct prover *p,
			uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN])
{
	uint8_t manager_id[32], nonce[32];
	char *hex = zkhsm_hex(p->hsm_id, 32), body[128];
	json_t *challenge;

	snprintf(body, sizeof(body), "{\"hsm_id\":\"%s\"}", hex);
	free(hex);
	challenge = request(h, "POST", "/v1/challenges", "application/json", body, strlen(body), 201);
	unhex_member(challenge, "manager_id", manager_id, 32);
	unhex_member(challenge, "nonce", nonce, 32);
	json_decref(challenge);
	/* Time goes on for a simulated HSM too. */
	p->uptime_ms = now_ns(CLOCK_BOOTTIME) / 1000000;
	return prover_answer(p, manager_id, nonce, evidence);
}

void post_evidence(struct zkhsm_https *h, const uint8_t *evidence, size_t len)
{
	json_decref(request(h, "POST", "/v1/evidence", EVIDENCE_TYPE, evidence, len, 200));
}

double process_cpu_ns(const char *pid)
{
	struct timespec spent;
	clockid_t clock;

	if (clock_getcpuclockid((pid_t)strtol(pid, NULL, 10), &clock) ||
	    clock_gettime(clock, &spent))
		die("there is no process %s", pid);
	return (double)spent.tv_sec * 1e9 + (double)spent.tv_nsec;
}

double process_resident(const char *pid)
{
	unsigned long pages;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/statm", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%*u %lu", &pages) != 1)
		die("cannot read %s", path);
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}
