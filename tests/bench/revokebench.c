// SPDX-License-Identifier: GPL-2.0
/*
 * revokebench - from "revoked" at the manager to the first refusal in the kernel
 *
 *	revokebench URL CA CERT KEY HSM-ID KEY-ID...
 *
 * Runs in the HSM's virtual machine, so that one clock measures both ends: it
 * revokes each key as an administrator over TLS, waits for the kernel's own
 * event, and asks for a signature, which must be refused. The agent that
 * carries the order is another process.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define SAMPLES		15
#define LONGEST_MS	30000

struct waiting {
	const char *key_id;
	bool compromised;
};

static void on_event(const struct zkhsm_event_info *e, void *arg)
{
	struct waiting *w = arg;

	if (e->kind == ZKHSM_CMD_KEY_NTF && e->event == ZKHSM_EVENT_COMPROMISED &&
	    !strcmp(e->key.id, w->key_id))
		w->compromised = true;
}

static void revoke(struct zkhsm_https *https, const char *hsm, const char *key_id)
{
	struct zkhsm_response r = { 0 };
	struct zkhsm_error err = { 0 };
	json_t *body = json_pack("{ss ss ss ss ss}", "action", "revoke", "scope", "key", "hsm_id",
				 hsm, "key_id", key_id, "reason", "key-compromise");
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	if (!text)
		die("out of memory");
	must(zkhsm_https_do(https, "POST", "/v1/admin/revocations", "application/json", text,
			    strlen(text), &r, &err), &err, "revoke");
	if (r.status != 201)
		die("revoke: HTTP status %ld: %s", r.status, (const char *)r.body);
	zkhsm_response_free(&r);
	free(text);
	json_decref(body);
}

/* Nanoseconds from the manager's answer to the kernel's refusal. */
static uint64_t one(struct zkhsm_https *https, struct zkhsm_nl *nl, struct zkhsm_nl *events,
		    const char *hsm, const char *key_id)
{
	struct pollfd fd = { .fd = zkhsm_nl_fd(events), .events = POLLIN };
	struct waiting w = { .key_id = key_id };
	uint8_t digest[32] = { 1 }, signature[64], public[65];
	struct zkhsm_error err = { 0 };
	uint64_t start;

	must(zkhsm_key_sign(nl, key_id, digest, signature, public, &err), &err, "sign before");
	revoke(https, hsm, key_id);
	start = now_ns(CLOCK_MONOTONIC);
	while (!w.compromised) {
		if (poll(&fd, 1, LONGEST_MS) != 1)
			die("%s: not refused within %d ms", key_id, LONGEST_MS);
		must(zkhsm_nl_events(events, on_event, &w, &err), &err, "events");
	}
	if (zkhsm_key_sign(nl, key_id, digest, signature, public, &err) != -EKEYREVOKED)
		die("%s: a revoked key was not refused as revoked: %s", key_id, err.text);
	return now_ns(CLOCK_MONOTONIC) - start;
}

static double tls_round_trip(struct zkhsm_https *https)
{
	struct zkhsm_error err = { 0 };
	uint64_t ns[SAMPLES];

	for (unsigned int i = 0; i < SAMPLES; i++) {
		struct zkhsm_response r = { 0 };
		uint64_t start = now_ns(CLOCK_MONOTONIC);

		must(zkhsm_https_do(https, "GET", "/health/alive", NULL, NULL, 0, &r, &err),
		     &err, "GET /health/alive");
		ns[i] = now_ns(CLOCK_MONOTONIC) - start;
		zkhsm_response_free(&r);
	}
	return (double)median(ns, SAMPLES);
}

/* A false signature is found only by verifying it: the kernel's own time, no key needed. */
static double kernel_order_verification(struct zkhsm_nl *nl, const uint8_t hsm_id[32])
{
	const uint8_t element[1][32] = { { 1 } };
	struct zkhsm_order_result result;
	struct zkhsm_manager_info manager;
	struct zkhsm_error err = { 0 };
	uint64_t ns[SAMPLES];
	uint8_t *order, public[65];
	EVP_PKEY *key;
	size_t len;

	must(zkhsm_signer_generate(&key, &err), &err, "key");
	must(zkhsm_signer_public(key, public), &err, "key");
	must(zkhsm_trust_new(nl, public, "revokebench", &manager, &err), &err, "trust-new");
	must(zkhsm_order_make(key, ZKHSM_ORDER_TYPE_HOLD, hsm_id, 1, 0, element, 1, &order, &len,
			      &err), &err, "order");
	order[len - 1] ^= 1;
	for (unsigned int i = 0; i < SAMPLES; i++) {
		uint64_t start = now_ns(CLOCK_MONOTONIC);

		if (zkhsm_order_apply(nl, order, len, &result, &err) != -EKEYREJECTED)
			die("a false order was not rejected: %s", err.text);
		ns[i] = now_ns(CLOCK_MONOTONIC) - start;
	}
	must(zkhsm_trust_del(nl, manager.manager_id, &err), &err, "trust-del");
	free(order);
	EVP_PKEY_free(key);
	return (double)median(ns, SAMPLES);
}

int main(int argc, char **argv)
{
	struct zkhsm_https_config config = { .connect_timeout_ms = 5000, .timeout_ms = 30000 };
	struct zkhsm_nl *nl, *events;
	struct zkhsm_https *https;
	struct zkhsm_error err = { 0 };
	uint64_t ns[64];
	uint8_t hsm_id[32];
	unsigned int count = 0;

	if (argc < 7 || argc > 6 + 64) {
		fprintf(stderr, "Usage: revokebench URL CA CERT KEY HSM-ID KEY-ID...\n");
		return 2;
	}
	config.base_url = argv[1];
	config.ca_file = argv[2];
	config.cert_file = argv[3];
	config.key_file = argv[4];
	must(zkhsm_unhex(argv[5], hsm_id, sizeof(hsm_id)), &err, "the HSM's id");
	must(zkhsm_https_new(&config, &https, &err), &err, "https");
	must(zkhsm_nl_open(&nl, &err), &err, "netlink");
	must(zkhsm_nl_open(&events, &err), &err, "netlink");
	must(zkhsm_nl_subscribe(events, &err), &err, "subscribe");
	figure("tls_round_trip_ns", tls_round_trip(https));
	for (int i = 6; i < argc; i++)
		ns[count++] = one(https, nl, events, argv[5], argv[i]);
	figure("revoke_to_refusal_ns", (double)median(ns, count));
	figure("revoke_to_refusal_longest_ns", (double)ns[count - 1]);
	/* Last: pinning changes C, which the manager has not approved. */
	figure("kernel_order_ns", kernel_order_verification(nl, hsm_id));
	zkhsm_https_free(https);
	zkhsm_nl_close(events);
	zkhsm_nl_close(nl);
	return 0;
}
