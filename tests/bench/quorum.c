// SPDX-License-Identifier: GPL-2.0
/*
 * quorum.c - managers as the kernel sees them, played by a benchmark
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "quorum.h"

void quorum_begin(struct quorum *q, struct zkhsm_nl *nl)
{
	struct zkhsm_hsm_params params = { .set_agent = true, .agent_uid = getuid() };
	struct zkhsm_error err = { 0 };
	struct zkhsm_hsm_info hsm;

	memset(q, 0, sizeof(*q));
	q->nl = nl;
	must(zkhsm_hsm_new(nl, &params, &hsm, &err), &err, "hsm-new");
	memcpy(q->hsm_id, hsm.hsm_id, sizeof(q->hsm_id));
}

void quorum_end(struct quorum *q)
{
	for (unsigned int i = 0; i < q->count; i++)
		EVP_PKEY_free(q->of[i].key);
}

void quorum_grow(struct quorum *q, unsigned int count)
{
	struct zkhsm_hsm_params params = { .quorum = count };
	struct zkhsm_manager_info manager;
	struct zkhsm_error err = { 0 };
	struct zkhsm_hsm_info hsm;
	uint8_t public[65];
	char label[32];

	for (; q->count < count; q->count++) {
		struct player *p = &q->of[q->count];

		snprintf(label, sizeof(label), "bench-%u", q->count);
		must(zkhsm_signer_generate(&p->key, &err), &err, "a manager's key");
		must(zkhsm_signer_public(p->key, public), &err, "a manager's key");
		must(zkhsm_trust_new(q->nl, public, label, &manager, &err), &err, "trust-new");
		memcpy(p->id, manager.manager_id, sizeof(p->id));
	}
	must(zkhsm_hsm_set(q->nl, &params, &hsm, &err), &err, "hsm-set");
}

void quorum_ask(const struct quorum *q, unsigned int count, struct asked *out)
{
	struct zkhsm_challenge challenges[ZKHSM_MANAGERS_MAX] = { 0 };
	struct zkhsm_evidence evidence;
	struct zkhsm_statement s;
	struct zkhsm_error err = { 0 };
	uint64_t start;
	size_t len;

	for (unsigned int i = 0; i < count; i++) {
		memcpy(challenges[i].manager_id, q->of[i].id, 32);
		fill_random(challenges[i].nonce, sizeof(challenges[i].nonce));
	}
	start = now_ns(CLOCK_MONOTONIC);
	must(zkhsm_evidence_get(q->nl, challenges, count, NULL, &evidence, &err), &err,
	     "evidence-get");
	out->took_ns = now_ns(CLOCK_MONOTONIC) - start;
	if (zkhsm_evidence_decode(&s, &len, evidence.evidence, evidence.evidence_len))
		die("the kernel's evidence is malformed");
	zkhsm_sha256(evidence.evidence, len, out->statement);
}

uint8_t (*names_of_nothing(size_t count))[32]
{
	uint8_t (*names)[32] = calloc(count ? count : 1, sizeof(*names));

	if (!names)
		die("out of memory");
	fill_random(names, count * sizeof(*names));
	return names;
}

struct made lease_of(const struct quorum *q, unsigned int manager, const struct asked *asked,
		     uint32_t verdict, uint64_t ttl_ms, size_t exceptions)
{
	uint8_t (*names)[32] = names_of_nothing(exceptions);
	struct zkhsm_lease_terms terms = {
		.ttl_ms = ttl_ms, .verdict = verdict,
		.exceptions = (const uint8_t (*)[32])names, .exception_count = exceptions,
		.least = q->of[manager].number,
	};
	struct zkhsm_error err = { 0 };
	struct made made;

	memcpy(terms.statement, asked->statement, sizeof(terms.statement));
	must(zkhsm_lease_make(q->of[manager].key, q->hsm_id, &terms, &made.order, &made.len, &err),
	     &err, "lease");
	free(names);
	return made;
}

struct made order_of(struct quorum *q, unsigned int manager, uint8_t type, size_t names)
{
	uint8_t (*elements)[32] = names_of_nothing(names);
	struct player *p = &q->of[manager];
	struct zkhsm_error err = { 0 };
	struct made made;

	must(zkhsm_order_make(p->key, type, q->hsm_id, ++p->number,
			      ZKHSM_REVOCATION_REASON_KEY_COMPROMISE,
			      (const uint8_t (*)[32])elements, names, &made.order, &made.len, &err),
	     &err, "order");
	free(elements);
	return made;
}

uint64_t quorum_apply(const struct quorum *q, struct made made, struct zkhsm_order_result *out)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC), took;
	struct zkhsm_order_result result;
	struct zkhsm_error err = { 0 };

	must(zkhsm_order_apply(q->nl, made.order, made.len, &result, &err), &err, "order-apply");
	took = now_ns(CLOCK_MONOTONIC) - start;
	if (result.dropped)
		die("the kernel dropped %u votes: that is not what is measured", result.dropped);
	if (out)
		*out = result;
	free(made.order);
	return took;
}

uint64_t quorum_verify(const struct quorum *q, const struct made *made)
{
	struct zkhsm_order_result result;
	struct zkhsm_error err = { 0 };
	uint64_t start, took;
	int ret;

	/* The low bits of s: it stays in its range but for one chance in 2^128. */
	made->order[made->len - 1] ^= 1;
	start = now_ns(CLOCK_MONOTONIC);
	ret = zkhsm_order_apply(q->nl, made->order, made->len, &result, &err);
	took = now_ns(CLOCK_MONOTONIC) - start;
	if (ret != -EKEYREJECTED || err.reason != ZKHSM_REASON_SIGNATURE)
		die("a false order was not rejected as false: %s", err.text);
	made->order[made->len - 1] ^= 1;
	return took;
}

void quorum_lease(const struct quorum *q, uint32_t verdict, uint64_t ttl_ms, size_t exceptions,
		  struct zkhsm_order_result *last)
{
	struct asked asked;

	quorum_ask(q, q->count, &asked);
	for (unsigned int i = 0; i < q->count; i++)
		quorum_apply(q, lease_of(q, i, &asked, verdict, ttl_ms, exceptions), last);
}
