// SPDX-License-Identifier: GPL-2.0
/*
 * revokebench - from "revoked" at the manager to the first refusal in the kernel
 *
 *	revokebench make COUNT
 *	revokebench URL CA CERT KEY HSM-ID COUNT
 *
 * Runs in the HSM's virtual machine, so that one clock measures both ends. The
 * first makes keys. The second revokes one after the other, as an administrator
 * over TLS, waits for the kernel's own event, and asks for a signature, which
 * must be refused. The agent that carries the order is another process.
 *
 * What it is compared with is sampled in between: one round trip over TLS on a
 * connection that is there, and one verification of an order by the kernel.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define COUNT_MAX	1000
#define LONGEST_MS	30000
#define KEY_ID		"revoke-%04u"
#define SHIFT_MS	37	/* see pause_between() */
#define PERIOD_MS	401

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

/* Nanoseconds from the manager's answer to the kernel's refusal; @told: to its event. */
static uint64_t one(struct zkhsm_https *https, struct zkhsm_nl *nl, struct zkhsm_nl *events,
		    const char *hsm, const char *key_id, uint64_t *told)
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
	*told = now_ns(CLOCK_MONOTONIC) - start;
	if (zkhsm_key_sign(nl, key_id, digest, signature, public, &err) != -EKEYREVOKED)
		die("%s: a revoked key was not refused as revoked: %s", key_id, err.text);
	return now_ns(CLOCK_MONOTONIC) - start;
}

static uint64_t tls_round_trip(struct zkhsm_https *https)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	struct zkhsm_response r = { 0 };
	struct zkhsm_error err = { 0 };

	must(zkhsm_https_do(https, "GET", "/health/alive", NULL, NULL, 0, &r, &err), &err,
	     "GET /health/alive");
	zkhsm_response_free(&r);
	return now_ns(CLOCK_MONOTONIC) - start;
}

static int first_manager(const struct zkhsm_manager_info *m, void *arg)
{
	memcpy(arg, m->manager_id, sizeof(m->manager_id));
	return 0;
}

/* In the name of the manager that is pinned, but not signed by it. */
static uint8_t *false_order(struct zkhsm_nl *nl, const uint8_t hsm_id[32], size_t *len)
{
	const uint8_t element[1][32] = { { 1 } };
	struct zkhsm_error err = { 0 };
	uint8_t manager_id[32];
	uint8_t *order;
	EVP_PKEY *key;

	must(zkhsm_trust_list(nl, first_manager, manager_id, &err), &err, "trust-get");
	must(zkhsm_signer_generate(&key, &err), &err, "key");
	must(zkhsm_order_make(key, ZKHSM_ORDER_TYPE_HOLD, hsm_id, 1, 0, element, 1, &order, len,
			      &err), &err, "order");
	memcpy(order + ZKHSM_HEADER_LEN, manager_id, sizeof(manager_id));
	EVP_PKEY_free(key);
	return order;
}

/* A false signature is found only by verifying it: the kernel's time for that, and no more. */
static uint64_t order_verification(struct zkhsm_nl *nl, const uint8_t *order, size_t len)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), took;
	struct zkhsm_order_result result;
	struct zkhsm_error err = { 0 };
	int ret = zkhsm_order_apply(nl, order, len, &result, &err);

	took = now_ns(CLOCK_MONOTONIC) - start;
	if (ret != -EKEYREJECTED || err.reason != ZKHSM_REASON_SIGNATURE)
		die("a false order was not rejected as false: %s", err.text);
	return took;
}

/*
 * Each revocation is followed by new evidence; the next one comes some time
 * after or within that, every time at another place.
 */
static void pause_between(unsigned int i)
{
	const struct timespec pause = {
		.tv_nsec = (long)(100 + i * SHIFT_MS % PERIOD_MS) * 1000000,
	};

	nanosleep(&pause, NULL);
}

static void make(struct zkhsm_nl *nl, unsigned int count)
{
	char id[ZKHSM_ID_MAX_LEN + 1];

	for (unsigned int i = 0; i < count; i++) {
		struct zkhsm_key_params p = { .id = id, .type = ZKHSM_KEY_TYPE_EC_P256 };
		struct zkhsm_error err = { 0 };
		struct zkhsm_key_info key;

		snprintf(id, sizeof(id), KEY_ID, i);
		must(zkhsm_key_new(nl, &p, &key, &err), &err, "key-new");
	}
}

static void measure(struct zkhsm_nl *nl, struct zkhsm_https *https, const char *hsm,
		    unsigned int count)
{
	uint64_t took[COUNT_MAX], told[COUNT_MAX];
	uint64_t tls[COUNT_MAX], verified[COUNT_MAX], both[COUNT_MAX];
	char id[ZKHSM_ID_MAX_LEN + 1];
	struct zkhsm_error err = { 0 };
	struct zkhsm_nl *events;
	uint8_t hsm_id[32], *order;
	size_t len;

	must(zkhsm_unhex(hsm, hsm_id, sizeof(hsm_id)), &err, "the HSM's id");
	must(zkhsm_nl_open(&events, &err), &err, "netlink");
	must(zkhsm_nl_subscribe(events, &err), &err, "subscribe");
	order = false_order(nl, hsm_id, &len);
	/* The connection is made by the first question. */
	tls_round_trip(https);
	for (unsigned int i = 0; i < count; i++) {
		pause_between(i);
		tls[i] = tls_round_trip(https);
		verified[i] = order_verification(nl, order, len);
		snprintf(id, sizeof(id), KEY_ID, i);
		both[i] = tls[i] + verified[i];
		took[i] = one(https, nl, events, hsm, id, &told[i]);
	}
	figure("revocations", count);
	figure("tls_round_trip_ns", (double)median(tls, count));
	figure("kernel_order_ns", (double)median(verified, count));
	/* How far the machine itself, and not what is measured, strays from the median. */
	figure("unit_p99_ns", (double)percentile(both, count, 99));
	figure("revoke_to_event_p50_ns", (double)percentile(told, count, 50));
	figure("revoke_to_event_p99_ns", (double)percentile(told, count, 99));
	figure("revoke_to_refusal_p50_ns", (double)percentile(took, count, 50));
	figure("revoke_to_refusal_p99_ns", (double)percentile(took, count, 99));
	figure("revoke_to_refusal_max_ns", (double)percentile(took, count, 100));
	free(order);
	zkhsm_nl_close(events);
}

static unsigned int count_of(const char *text)
{
	char *end;
	unsigned long count = strtoul(text, &end, 10);

	if (*end || !count || count > COUNT_MAX)
		die("%s: not a number from 1 to %d", text, COUNT_MAX);
	return (unsigned int)count;
}

int main(int argc, char **argv)
{
	struct zkhsm_https_config config = { .connect_timeout_ms = 5000, .timeout_ms = 30000 };
	struct zkhsm_https *https;
	struct zkhsm_error err = { 0 };
	struct zkhsm_nl *nl;

	if (argc != 7 && (argc != 3 || strcmp(argv[1], "make") != 0)) {
		fprintf(stderr, "Usage: revokebench make COUNT | revokebench URL CA CERT KEY HSM-ID COUNT\n");
		return 2;
	}
	must(zkhsm_nl_open(&nl, &err), &err, "netlink");
	if (argc == 3) {
		make(nl, count_of(argv[2]));
	} else {
		config.base_url = argv[1];
		config.ca_file = argv[2];
		config.cert_file = argv[3];
		config.key_file = argv[4];
		must(zkhsm_https_new(&config, &https, &err), &err, "https");
		measure(nl, https, argv[5], count_of(argv[6]));
		zkhsm_https_free(https);
	}
	zkhsm_nl_close(nl);
	return 0;
}
