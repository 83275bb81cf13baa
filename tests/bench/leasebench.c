// SPDX-License-Identifier: GPL-2.0
/*
 * leasebench - what leases and orders cost the kernel, with 1, 2, 4, 16 managers
 *
 *	leasebench [-q]
 *
 * Runs as root in a virtual machine with a fresh module; the managers are
 * played here. Every manager that is pinned has to grant, so every use looks at
 * all of their leases, and none of the exceptions of a lease is the key's, so
 * every look is a search to the end.
 *
 * What a lease check takes is far less than two signatures differ by. So it is
 * measured twice. Directly: signatures by a key without and by one with
 * lease-required, in pairs, the median of the differences. And finely: a use
 * that leases refuse against one that the key's usage refuses, which is the last
 * check before leases; nothing else is between the two. A use that gets
 * through checks twice, when it begins and when its result is released.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quorum.h"

#define LIFE_MS		3600000
#define SHORT_MS	700
#define PLAIN		"plain"
#define LEASED		"leased"
#define USELESS		"useless"	/* it may not sign */
#define SAMPLES_MAX	4000
/*
 * Others on this machine add to long operations alone. So that they do not make
 * a check look small beside an operation, that is timed by its fastest runs.
 */
#define QUIET		1

static unsigned int pairs = 200, refusals = 4000, orders = 48, evidences = 40, ends = 5;

static const unsigned int managers[] = { 1, 2, 4, 16 };
static const size_t exception_counts[] = { 0, ZKHSM_ELEMENTS_MAX };

static void name_figure(const char *what, unsigned int a, size_t b, double value)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%u_%zu", what, a, b);
	figure(name, value);
}

static void make_key(struct zkhsm_nl *nl, const char *id, uint32_t usage, uint32_t flags)
{
	struct zkhsm_key_params p = { .id = id, .type = ZKHSM_KEY_TYPE_EC_P256, .set_usage = true,
				      .usage = usage, .set_flags = flags, .flags = flags };
	struct zkhsm_error err = { 0 };
	struct zkhsm_key_info key;

	must(zkhsm_key_new(nl, &p, &key, &err), &err, "key-new");
}

/* One use, which has to end with @want; 0 in @reason: any. */
static uint64_t use(struct zkhsm_nl *nl, const char *id, int want, uint32_t reason)
{
	uint8_t digest[32] = { 1 }, signature[64], public[65];
	struct zkhsm_error err = { 0 };
	uint64_t start = now_ns(CLOCK_MONOTONIC), took;
	int ret = zkhsm_key_sign(nl, id, digest, signature, public, &err);

	took = now_ns(CLOCK_MONOTONIC) - start;
	if (ret != want || (reason && err.reason != reason))
		die("use of the key \"%s\" ended with %d instead of %d: %s", id, ret, want,
		    err.text);
	return took;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/*
 * The median; sorts. Its standard error is told by the values themselves: the
 * rank of the true median among them has a deviation of half the root of @count.
 */
static double middle(double *values, size_t count, double *error)
{
	size_t root = 0;

	qsort(values, count, sizeof(*values), compare);
	while ((root + 1) * (root + 1) <= count)
		root++;
	*error = (values[count / 2 + root / 2] - values[count / 2 - root / 2]) / 2;
	return values[count / 2];
}

/* Either goes first every other time: what the one leaves behind, the other meets. */
static void measure_pairs(const struct quorum *q, size_t exceptions)
{
	double differences[SAMPLES_MAX], error;
	uint64_t plain[SAMPLES_MAX], leased;

	quorum_lease(q, ZKHSM_LEASE_VERDICT_GRANT, LIFE_MS, exceptions, NULL);
	for (unsigned int i = 0; i < pairs; i++) {
		if (i % 2)
			plain[i] = use(q->nl, PLAIN, 0, 0);
		leased = use(q->nl, LEASED, 0, 0);
		if (i % 2 == 0)
			plain[i] = use(q->nl, PLAIN, 0, 0);
		differences[i] = (double)leased - (double)plain[i];
	}
	name_figure("sign_more_ns", q->count, exceptions, middle(differences, pairs, &error));
	name_figure("sign_more_error_ns", q->count, exceptions, error);
	name_figure("sign_ns", q->count, exceptions, (double)percentile(plain, pairs, QUIET));
}

static void measure_refusals(const struct quorum *q, size_t exceptions)
{
	double differences[SAMPLES_MAX], error;
	uint64_t useless = 0, leased;

	quorum_lease(q, ZKHSM_LEASE_VERDICT_DENY, LIFE_MS, exceptions, NULL);
	for (unsigned int i = 0; i < refusals; i++) {
		if (i % 2)
			useless = use(q->nl, USELESS, -EACCES, ZKHSM_REASON_USAGE);
		leased = use(q->nl, LEASED, -EKEYEXPIRED, ZKHSM_REASON_LEASE_DENIED);
		if (i % 2 == 0)
			useless = use(q->nl, USELESS, -EACCES, ZKHSM_REASON_USAGE);
		differences[i] = (double)leased - (double)useless;
	}
	name_figure("check_ns", q->count, exceptions, middle(differences, refusals, &error));
	name_figure("check_error_ns", q->count, exceptions, error);
}

static void measure_leases(const struct quorum *q, size_t exceptions)
{
	uint64_t applied[SAMPLES_MAX], verified[SAMPLES_MAX];
	unsigned int n = 0;

	while (n < orders) {
		struct asked asked;

		quorum_ask(q, q->count, &asked);
		for (unsigned int i = 0; i < q->count && n < orders; i++, n++) {
			struct made made = lease_of(q, i, &asked, ZKHSM_LEASE_VERDICT_GRANT,
						    LIFE_MS, exceptions);

			verified[n] = quorum_verify(q, &made);
			applied[n] = quorum_apply(q, made, NULL);
		}
	}
	name_figure("lease_verify_ns", q->count, exceptions, (double)percentile(verified, n, QUIET));
	name_figure("lease_apply_ns", q->count, exceptions, (double)percentile(applied, n, QUIET));
}

/* The managers in turn, one vote or all that an order can have. */
static void measure_revokes(struct quorum *q, size_t names, unsigned int count)
{
	uint64_t applied[SAMPLES_MAX], verified[SAMPLES_MAX];

	for (unsigned int i = 0; i < count; i++) {
		/* From the last one on: each has room for four times 1,024 of nothing. */
		struct made made = order_of(q, q->count - 1 - i % q->count,
					    ZKHSM_ORDER_TYPE_REVOKE, names);

		verified[i] = quorum_verify(q, &made);
		applied[i] = quorum_apply(q, made, NULL);
	}
	name_figure("revoke_verify_ns", q->count, names, (double)percentile(verified, count, QUIET));
	name_figure("revoke_apply_ns", q->count, names, (double)percentile(applied, count, QUIET));
}

/* All are pinned; who asks is what differs. */
static void measure_challenges(const struct quorum *q)
{
	uint64_t took[4][SAMPLES_MAX];
	struct asked asked;

	for (unsigned int i = 0; i < evidences; i++) {
		for (unsigned int k = 0; k < 4; k++) {
			quorum_ask(q, managers[k], &asked);
			took[k][i] = asked.took_ns;
		}
	}
	for (unsigned int k = 0; k < 4; k++)
		name_figure("evidence_ns", managers[k], q->count,
			    (double)percentile(took[k], evidences, QUIET));
}

/* When the last use got its result and when the first one was refused, both after the end. */
static void measure_end(const struct quorum *q)
{
	uint8_t digest[32] = { 1 }, signature[64], public[65];
	double refused[SAMPLES_MAX], latest = -INFINITY, error;

	for (unsigned int i = 0; i < ends; i++) {
		struct zkhsm_order_result last;
		struct zkhsm_error err = { 0 };
		double asked = 0;
		int ret;

		quorum_lease(q, ZKHSM_LEASE_VERDICT_GRANT, SHORT_MS, 0, &last);
		do {
			if (asked - (double)last.expires_ms > latest)
				latest = asked - (double)last.expires_ms;
			asked = (double)now_ns(CLOCK_BOOTTIME) / 1e6;
			ret = zkhsm_key_sign(q->nl, LEASED, digest, signature, public, &err);
		} while (!ret);
		if (ret != -EKEYEXPIRED || err.reason != ZKHSM_REASON_LEASE_EXPIRED)
			die("the end of a lease: %s", err.text);
		refused[i] = (double)now_ns(CLOCK_BOOTTIME) / 1e6 - (double)last.expires_ms;
	}
	if (latest >= 0)
		die("a use asked for %g ms after the end of the leases had a result", latest);
	figure("end_to_refusal_ms", middle(refused, ends, &error));
	figure("end_to_refusal_longest_ms", refused[ends - 1]);
}

static void measure(struct quorum *q, unsigned int count)
{
	quorum_grow(q, count);
	for (size_t i = 0; i < sizeof(exception_counts) / sizeof(exception_counts[0]); i++) {
		measure_pairs(q, exception_counts[i]);
		measure_refusals(q, exception_counts[i]);
		measure_leases(q, exception_counts[i]);
	}
	measure_revokes(q, 1, orders);
	measure_revokes(q, ZKHSM_ELEMENTS_MAX, count == 1 ? 1 : 2);
	fprintf(stderr, "leasebench: %u managers measured\n", count);
}

int main(int argc, char **argv)
{
	struct zkhsm_error err = { 0 };
	struct zkhsm_nl *nl;
	struct quorum q;

	if (argc > 2 || (argc == 2 && strcmp(argv[1], "-q") != 0)) {
		fprintf(stderr, "Usage: leasebench [-q]\n");
		return 2;
	}
	if (argc == 2) {
		pairs = 40;
		refusals = 800;
		orders = 16;
		evidences = 10;
		ends = 2;
	}
	must(zkhsm_nl_open(&nl, &err), &err, "netlink");
	quorum_begin(&q, nl);
	make_key(nl, PLAIN, ZKHSM_KEY_USAGE_SIGN, 0);
	make_key(nl, LEASED, ZKHSM_KEY_USAGE_SIGN, ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	make_key(nl, USELESS, ZKHSM_KEY_USAGE_PROVE, ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++)
		measure(&q, managers[i]);
	measure_challenges(&q);
	measure_end(&q);
	quorum_end(&q);
	zkhsm_nl_close(nl);
	return 0;
}
