// SPDX-License-Identifier: GPL-2.0
/*
 * postbench - how many attestations a manager takes in per second
 *
 *	postbench URL CA CERT KEY PID HSMS KEYS SECONDS
 *
 * HSMS simulated HSMs with KEYS keys each are enrolled and attest once, so that
 * the manager knows their lists. Then THREADS clients attest for them in turn,
 * first over kept connections, then over a new one for each attestation, as the
 * agent does. An attestation is a challenge and a post of evidence that is
 * answered with 200, that is, recorded durably. PID is the manager's: its CPU
 * time is read from /proc.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest.h"

#define THREADS		4
#define RAW_SAMPLES	101
#define LIST_TYPE	"application/vnd.zkhsm.list"
#define CONFIG_TYPE	"application/vnd.zkhsm.configuration"

/* Agents show no certificate: evidence authenticates itself. */
static struct zkhsm_https_config agent = { .connect_timeout_ms = 10000, .timeout_ms = 60000 };

struct client {
	pthread_t thread;
	struct prover **hsms;
	unsigned int count;
	bool keep;			/* the connection */
	atomic_bool *stop;
	unsigned long done;
};

static void attest(struct zkhsm_https *h, struct prover *p)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = answer_challenge(h, p, evidence);

	post_evidence(h, evidence, len);
}

static void put(struct zkhsm_https *h, const char *what, const uint8_t digest[32],
		const struct prover *p, const char *type, const void *body, size_t len)
{
	char *hex = zkhsm_hex(digest, 32), *hsm = zkhsm_hex(p->hsm_id, 32);
	char *identity = zkhsm_hex(p->identity, 65), path[512];
	bool list = !strcmp(what, "lists");

	snprintf(path, sizeof(path), "/v1/%s/%s?hsm_id=%s%s%s", what, hex, hsm,
		 list ? "&identity=" : "",
		 list ? identity : "");
	json_decref(request(h, "PUT", path, type, body, len, 204));
	free(hex);
	free(hsm);
	free(identity);
}

/* Enrols by the digest of its configuration, and makes its list known. */
static void enrol(struct zkhsm_https *h, struct prover *p, unsigned int index)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], *announced;
	char *hsm = zkhsm_hex(p->hsm_id, 32), *digest = zkhsm_hex(p->config_digest, 32);
	char body[300];
	size_t len;

	snprintf(body, sizeof(body),
		 "{\"hsm_id\":\"%s\",\"name\":\"bench-%u\",\"config_digest\":\"%s\"}", hsm, index,
		 digest);
	json_decref(request(h, "POST", "/v1/admin/hsms", "application/json", body, strlen(body),
			    201));
	len = answer_challenge(h, p, evidence);
	json_decref(request(h, "POST", "/v1/evidence", EVIDENCE_TYPE, evidence, len, 409));
	announced = malloc(PROVER_ANNOUNCEMENT_LEN + p->list_len);
	if (!announced)
		die("out of memory");
	prover_announcement(p, announced);
	memcpy(announced + PROVER_ANNOUNCEMENT_LEN, p->list, p->list_len);
	put(h, "lists", p->list_digest, p, LIST_TYPE, announced,
	    PROVER_ANNOUNCEMENT_LEN + p->list_len);
	put(h, "configurations", p->config_digest, p, CONFIG_TYPE, p->config_bytes, p->config_len);
	json_decref(request(h, "POST", "/v1/evidence", EVIDENCE_TYPE, evidence, len, 200));
	free(announced);
	free(hsm);
	free(digest);
}

static void *client(void *arg)
{
	struct client *c = arg;
	struct zkhsm_https *h = connect_manager(&agent);

	for (unsigned int i = 0; !atomic_load(c->stop); i = (i + 1) % c->count) {
		if (!c->keep) {
			zkhsm_https_free(h);
			h = connect_manager(&agent);
		}
		attest(h, c->hsms[i]);
		c->done++;
	}
	zkhsm_https_free(h);
	return NULL;
}

static void run(struct prover **hsms, unsigned int count, unsigned int seconds, bool keep,
		const char *pid)
{
	const struct timespec duration = { .tv_sec = seconds };
	struct client clients[THREADS] = { 0 };
	unsigned int share = count / THREADS;
	unsigned long done = 0;
	atomic_bool stop = false;
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	double cpu = process_cpu_ns(pid), took;
	char name[64];

	for (unsigned int i = 0; i < THREADS; i++) {
		clients[i] = (struct client){ .hsms = hsms + i * share, .count = share,
					      .keep = keep, .stop = &stop };
		if (pthread_create(&clients[i].thread, NULL, client, &clients[i]))
			die("no thread");
	}
	nanosleep(&duration, NULL);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(clients[i].thread, NULL);
		done += clients[i].done;
	}
	took = (double)(now_ns(CLOCK_MONOTONIC) - start);
	snprintf(name, sizeof(name), "posts_per_second_%s", keep ? "kept" : "new");
	figure(name, (double)done * 1e9 / took);
	snprintf(name, sizeof(name), "manager_cpu_ns_per_post_%s", keep ? "kept" : "new");
	figure(name, (process_cpu_ns(pid) - cpu) / (double)done);
}

/* The proof alone, here and now, as a worker of the manager would verify it. */
static void raw_verification(struct prover *p)
{
	static const uint8_t manager_id[32] = { 1 }, nonce[32] = { 2 };
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = prover_answer(p, manager_id, nonce, evidence);
	struct zkhsm_error err = { 0 };
	struct zkhsm_statement s;
	struct zkhsm_keylist *l;
	uint64_t ns[RAW_SAMPLES];

	must(zkhsm_keylist_new(p->list, p->list_len, &l, &err), &err, "list");
	for (unsigned int i = 0; i < RAW_SAMPLES; i++) {
		uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);

		must(zkhsm_verify_evidence(evidence, len, l, p->config_bytes, p->config_len, &s,
					   &err), &err, "evidence");
		ns[i] = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	}
	figure("raw_verify_ns", (double)median(ns, RAW_SAMPLES));
	zkhsm_keylist_free(l);
}

int main(int argc, char **argv)
{
	struct zkhsm_https_config admin;
	unsigned int count, keys, seconds;
	struct zkhsm_https *h;
	struct prover **hsms;
	uint8_t order_key[65];
	json_t *info;

	if (argc != 9 || strtoul(argv[6], NULL, 10) < THREADS) {
		fprintf(stderr, "Usage: postbench URL CA CERT KEY PID HSMS KEYS SECONDS\n");
		return 2;
	}
	agent.base_url = argv[1];
	agent.ca_file = argv[2];
	admin = agent;
	admin.cert_file = argv[3];
	admin.key_file = argv[4];
	count = (unsigned int)strtoul(argv[6], NULL, 10);
	keys = (unsigned int)strtoul(argv[7], NULL, 10);
	seconds = (unsigned int)strtoul(argv[8], NULL, 10);
	hsms = calloc(count, sizeof(*hsms));
	if (!hsms)
		die("out of memory");
	h = connect_manager(&admin);
	info = request(h, "GET", "/.well-known/zkhsm/manager", NULL, NULL, 0, 200);
	unhex_member(info, "order_key", order_key, sizeof(order_key));
	json_decref(info);
	for (unsigned int i = 0; i < count; i++) {
		char seed[64];

		snprintf(seed, sizeof(seed), "postbench %u %u", keys, i);
		hsms[i] = prover_new(seed, keys);
		prover_pin(hsms[i], order_key);
		prover_refresh(hsms[i]);
		enrol(h, hsms[i], i);
	}
	zkhsm_https_free(h);
	run(hsms, count, seconds, true, argv[5]);
	raw_verification(hsms[0]);
	run(hsms, count, seconds, false, argv[5]);
	for (unsigned int i = 0; i < count; i++)
		prover_free(hsms[i]);
	free(hsms);
	return 0;
}
