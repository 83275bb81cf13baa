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
#include <string.h>

#include "../unit/prover.h"
#include "bench.h"

#define BUDGET_NS	1500000000u	/* for one size */
#define SAMPLES_MAX	301
#define SAMPLES_MIN	7
#define ECDSA_EACH	15		/* between two verifications */

/* The peer: EVP with everything set up before, as a TLS library would. */
struct peer {
	EVP_PKEY *key;
	EVP_PKEY_CTX *ctx;
	unsigned char digest[32], signature[80];
	size_t len;
	uint64_t ns[SAMPLES_MAX * ECDSA_EACH];
	size_t count;
};

static void peer_begin(struct peer *p)
{
	struct zkhsm_error err = { 0 };

	must(zkhsm_signer_generate(&p->key, &err), &err, "key");
	p->ctx = EVP_PKEY_CTX_new(p->key, NULL);
	p->len = sizeof(p->signature);
	if (!p->ctx || EVP_PKEY_sign_init(p->ctx) != 1 ||
	    EVP_PKEY_sign(p->ctx, p->signature, &p->len, p->digest, sizeof(p->digest)) != 1 ||
	    EVP_PKEY_verify_init(p->ctx) != 1)
		die("EVP");
}

static void peer_run(struct peer *p)
{
	for (unsigned int i = 0; i < ECDSA_EACH; i++) {
		uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);

		if (EVP_PKEY_verify(p->ctx, p->signature, p->len, p->digest,
				    sizeof(p->digest)) != 1)
			die("ECDSA does not verify");
		p->ns[p->count++] = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	}
}

static void peer_end(struct peer *p)
{
	EVP_PKEY_CTX_free(p->ctx);
	EVP_PKEY_free(p->key);
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
	static struct peer peer;
	struct prover *p = prover_new("verifybench", count);
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	uint64_t ns[SAMPLES_MAX], spent = 0, start;
	struct zkhsm_error err = { 0 };
	struct zkhsm_statement s;
	struct zkhsm_keylist *l;
	size_t len, n = 0;

	memset(&peer, 0, sizeof(peer));
	peer_begin(&peer);
	prover_refresh(p);
	len = prover_answer(p, manager_id, nonce, evidence);
	start = now_ns(CLOCK_THREAD_CPUTIME_ID);
	must(zkhsm_keylist_new(p->list, p->list_len, &l, &err), &err, "list");
	name_figure("list_read_ns", count, (double)(now_ns(CLOCK_THREAD_CPUTIME_ID) - start));
	/* In turn with the peer, so that whatever disturbs one disturbs the other. */
	while (n < SAMPLES_MAX && (n < SAMPLES_MIN || spent < BUDGET_NS)) {
		peer_run(&peer);
		start = now_ns(CLOCK_THREAD_CPUTIME_ID);
		must(zkhsm_verify_evidence(evidence, len, l, p->config_bytes, p->config_len, &s,
					   &err), &err, "evidence");
		ns[n] = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
		spent += ns[n++];
	}
	name_figure("verify_ns", count, (double)median(ns, n));
	name_figure("ecdsa_verify_ns", count, (double)median(peer.ns, peer.count));
	peer_end(&peer);
	zkhsm_keylist_free(l);
	prover_free(p);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "Usage: verifybench COUNT...\n");
		return 2;
	}
	for (int i = 1; i < argc; i++)
		measure(strtoul(argv[i], NULL, 10));
	return 0;
}
