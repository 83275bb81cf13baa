// SPDX-License-Identifier: GPL-2.0
/*
 * verifybench - what verifying evidence costs, beside one ECDSA verification
 *
 *	verifybench COUNT...
 *
 * CPU time of one thread. The list has been read before, as in the steady
 * state: a manager knows it. Reading it is measured apart.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/prover.h"
#include "bench.h"

#define ECDSA_SAMPLES	501
#define BUDGET_NS	1500000000u	/* for one size */
#define SAMPLES_MAX	301
#define SAMPLES_MIN	5

/* The peer: EVP with everything set up before, as a TLS library would. */
static double ecdsa_verify_ns(void)
{
	uint64_t ns[ECDSA_SAMPLES];
	struct zkhsm_error err = { 0 };
	unsigned char digest[32] = { 7 }, signature[80];
	size_t len = sizeof(signature);
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key;

	must(zkhsm_signer_generate(&key, &err), &err, "key");
	ctx = EVP_PKEY_CTX_new(key, NULL);
	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_sign(ctx, signature, &len, digest, sizeof(digest)) != 1 ||
	    EVP_PKEY_verify_init(ctx) != 1)
		die("EVP");
	for (unsigned int i = 0; i < ECDSA_SAMPLES; i++) {
		uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);

		if (EVP_PKEY_verify(ctx, signature, len, digest, sizeof(digest)) != 1)
			die("ECDSA does not verify");
		ns[i] = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return (double)median(ns, ECDSA_SAMPLES);
}

static void name_figure(const char *what, size_t count, double value)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%zu", what, count);
	figure(name, value);
}

static void measure(size_t count)
{
	static const uint8_t manager_id[32] = { 1 }, nonce[32] = { 2 };
	struct prover *p = prover_new("verifybench", count);
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	uint64_t ns[SAMPLES_MAX], spent = 0, start;
	struct zkhsm_error err = { 0 };
	struct zkhsm_statement s;
	struct zkhsm_keylist *l;
	size_t len, n = 0;

	prover_refresh(p);
	len = prover_answer(p, manager_id, nonce, evidence);
	start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	must(zkhsm_keylist_new(p->list, p->list_len, &l, &err), &err, "list");
	name_figure("list_read_ns", count, (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start));
	while (n < SAMPLES_MAX && (n < SAMPLES_MIN || spent < BUDGET_NS)) {
		start = now_ns(CLOCK_THREAD_CPUTIME_ID);
		must(zkhsm_verify_evidence(evidence, len, l, p->config_bytes, p->config_len, &s,
					   &err), &err, "evidence");
		ns[n] = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		spent += ns[n++];
	}
	name_figure("verify_ns", count, (double)median(ns, n));
	zkhsm_keylist_free(l);
	prover_free(p);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "Usage: verifybench COUNT...\n");
		return 2;
	}
	figure("ecdsa_verify_ns", ecdsa_verify_ns());
	for (int i = 1; i < argc; i++)
		measure(strtoul(argv[i], NULL, 10));
	return 0;
}
