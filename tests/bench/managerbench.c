// SPDX-License-Identifier: GPL-2.0
/*
 * managerbench - what managers with more and less in their stores take for the same
 *
 *	managerbench CA SECONDS KEYS NAME=URL,PID,DIRECTORY...
 *
 * Each of the managers was filled by managerfill. They are asked in turn, a
 * few times each, so that whatever disturbs one disturbs the others: what
 * is asked for one HSM or key is asked for any of all. First one client, for the
 * time that an answer takes; then CLIENTS, for what the manager spends on each.
 * The bare bounds, a verification and a signature, are measured in between.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attest.h"
#include "managerbench.h"

#define CLIENTS		8
#define ROUND		100
#define TURN		5
#define SAMPLES_MAX	200000
#define BOUND_SAMPLES	2001
#define POSTS		8		/* challenges before they are answered: half of what may be */
#define MANAGERS_MAX	8

struct manager {
	char *name, *url, *pid;
	uint8_t (*hsms)[32];
	size_t count;
	struct zkhsm_https *one;
	uint64_t *ns;
	size_t samples;
	double cpu, took;
	unsigned long done;
};

static struct zkhsm_https_config agent = { .connect_timeout_ms = 10000, .timeout_ms = 60000 };
static struct manager managers[MANAGERS_MAX];
static unsigned int manager_count;
static size_t keys_each;

static void named(const struct manager *m, const char *what, const char *of, double value)
{
	char name[128];

	snprintf(name, sizeof(name), "%s_%s_%s", what, of, m->name);
	figure(name, value);
}

/* --- what is asked ------------------------------------------------------- */

static const uint8_t *any_hsm(const struct manager *m, unsigned int *random)
{
	return m->hsms[(size_t)rand_r(random) % m->count];
}

static void ask_path(struct manager *m, struct zkhsm_https *h, const char *path)
{
	(void)m;
	json_decref(request(h, "GET", path, NULL, NULL, 0, 200));
}

static void ask_alive(struct manager *m, struct zkhsm_https *h, unsigned int *random)
{
	(void)random;
	ask_path(m, h, "/health/alive");
}

static void ask_hsm(struct manager *m, struct zkhsm_https *h, unsigned int *random)
{
	char *hex = zkhsm_hex(any_hsm(m, random), 32), path[128];

	snprintf(path, sizeof(path), "/v1/hsms/%s", hex);
	free(hex);
	ask_path(m, h, path);
}

static void ask_key(struct manager *m, struct zkhsm_https *h, unsigned int *random)
{
	char *hex = zkhsm_hex(any_hsm(m, random), 32), path[256];

	snprintf(path, sizeof(path), "/v1/hsms/%s/keys/key-%06zu", hex,
		 (size_t)rand_r(random) % keys_each);
	free(hex);
	ask_path(m, h, path);
}

static void ask_token(struct manager *m, struct zkhsm_https *h, unsigned int *random)
{
	char *hex = zkhsm_hex(any_hsm(m, random), 32), body[256];

	snprintf(body, sizeof(body),
		 "{\"hsm_id\":\"%s\",\"key_id\":\"key-%06zu\",\"aud\":\"https://bench.example\"}", hex,
		 (size_t)rand_r(random) % keys_each);
	free(hex);
	json_decref(request(h, "POST", "/v1/tokens", "application/json", body, strlen(body), 200));
}

static void ask_revocations(struct manager *m, struct zkhsm_https *h, unsigned int *random)
{
	(void)random;
	ask_path(m, h, "/v1/revocations");
}

struct question {
	const char *name;
	void (*ask)(struct manager *m, struct zkhsm_https *h, unsigned int *random);
};

static const struct question questions[] = {
	{ "alive", ask_alive }, { "hsm", ask_hsm }, { "key", ask_key }, { "token", ask_token },
	{ "revocations", ask_revocations },
};

/* --- one after the other, and many at once ------------------------------- */

static void ask_one(const struct question *q, unsigned int seconds)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + seconds * 1000000000ULL * manager_count;
	unsigned int random = 1;

	for (unsigned int i = 0; i < manager_count; i++)
		managers[i].samples = 0;
	while (now_ns(CLOCK_MONOTONIC) < until) {
		for (unsigned int i = 0; i < manager_count; i++) {
			struct manager *m = &managers[i];

			for (int n = 0; n < TURN && m->samples < SAMPLES_MAX; n++) {
				uint64_t start = now_ns(CLOCK_MONOTONIC);

				q->ask(m, m->one, &random);
				m->ns[m->samples++] = now_ns(CLOCK_MONOTONIC) - start;
			}
		}
	}
	for (unsigned int i = 0; i < manager_count; i++) {
		struct manager *m = &managers[i];

		named(m, q->name, "p50_ns", (double)percentile(m->ns, m->samples, 50));
		named(m, q->name, "p99_ns", (double)percentile(m->ns, m->samples, 99));
	}
}

struct client {
	pthread_t thread;
	struct manager *m;
	const struct question *q;
	struct prover *hsm;
	struct zkhsm_https *h;
	unsigned int random;
	size_t len[POSTS];
	uint8_t evidence[POSTS][ZKHSM_EVIDENCE_MAX_LEN];
};

static void *ask_round(void *arg)
{
	struct client *c = arg;

	for (int n = 0; n < ROUND; n++)
		c->q->ask(c->m, c->h, &c->random);
	return NULL;
}

static void *post_round(void *arg)
{
	struct client *c = arg;

	for (int n = 0; n < POSTS; n++)
		post_evidence(c->h, c->evidence[n], c->len[n]);
	return NULL;
}

/* All clients do their part; counts what the manager spent meanwhile. */
static void together(struct manager *m, struct client *clients, void *(*part)(void *arg),
		     unsigned long each)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	double cpu = process_cpu_ns(m->pid);

	for (int i = 0; i < CLIENTS; i++) {
		clients[i].m = m;
		if (pthread_create(&clients[i].thread, NULL, part, &clients[i]))
			die("no thread");
	}
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(clients[i].thread, NULL);
	m->cpu += process_cpu_ns(m->pid) - cpu;
	m->took += (double)(now_ns(CLOCK_MONOTONIC) - start);
	m->done += CLIENTS * each;
}

static void begin_together(struct client clients[][CLIENTS])
{
	for (unsigned int i = 0; i < manager_count; i++) {
		managers[i].cpu = managers[i].took = 0;
		managers[i].done = 0;
		agent.base_url = managers[i].url;
		for (unsigned int c = 0; c < CLIENTS; c++) {
			clients[i][c].h = connect_manager(&agent);
			clients[i][c].random = c + 1;
		}
	}
}

static void end_together(struct client clients[][CLIENTS], const char *what)
{
	for (unsigned int i = 0; i < manager_count; i++) {
		struct manager *m = &managers[i];

		named(m, what, "per_second", (double)m->done * 1e9 / m->took);
		named(m, what, "cpu_ns", m->cpu / (double)m->done);
		for (int c = 0; c < CLIENTS; c++)
			zkhsm_https_free(clients[i][c].h);
	}
}

static void ask_many(const struct question *q, unsigned int seconds)
{
	static struct client clients[MANAGERS_MAX][CLIENTS];
	uint64_t until;

	begin_together(clients);
	until = now_ns(CLOCK_MONOTONIC) + seconds * 1000000000ULL * manager_count;
	while (now_ns(CLOCK_MONOTONIC) < until) {
		for (unsigned int i = 0; i < manager_count; i++) {
			for (int c = 0; c < CLIENTS; c++)
				clients[i][c].q = q;
			together(&managers[i], clients[i], ask_round, ROUND);
		}
	}
	end_together(clients, q->name);
}

/* --- evidence, and its bound --------------------------------------------- */

static void make_evidence(struct client *clients)
{
	for (int c = 0; c < CLIENTS; c++) {
		for (int n = 0; n < POSTS; n++)
			clients[c].len[n] = answer_challenge(clients[c].h, clients[c].hsm,
							     clients[c].evidence[n]);
	}
}

/*
 * From where true evidence of an HSM came last it is taken at once; long lists from
 * elsewhere only two at a time.
 */
static void post_first(struct client *clients)
{
	for (int c = 0; c < CLIENTS; c++) {
		uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
		size_t len = answer_challenge(clients[c].h, clients[c].hsm, evidence);

		post_evidence(clients[c].h, evidence, len);
	}
}

/* One verification by a worker that has the list, as the manager's have. */
static size_t verify_some(const struct zkhsm_keylist *l,
			  const struct client *c, uint64_t ns[POSTS])
{
	struct zkhsm_error err = { 0 };
	struct zkhsm_statement s;

	for (int n = 0; n < POSTS; n++) {
		uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);

		must(zkhsm_verify_evidence(c->evidence[n], c->len[n], l, NULL, 0, &s, &err), &err,
		     "evidence");
		ns[n] = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	}
	return POSTS;
}

static void make_posters(struct client *clients, size_t keys, struct zkhsm_keylist **list)
{
	struct zkhsm_error err = { 0 };
	uint8_t order_key[65];
	char seed[64];
	json_t *info;

	info = request(clients[0].h, "GET", "/.well-known/zkhsm/manager", NULL, NULL, 0, 200);
	unhex_member(info, "order_key", order_key, sizeof(order_key));
	json_decref(info);
	for (unsigned int c = 0; c < CLIENTS; c++) {
		poster_seed(seed, sizeof(seed), keys, c);
		clients[c].hsm = prover_new(seed, keys);
		prover_pin(clients[c].hsm, order_key);
		prover_refresh(clients[c].hsm);
		clients[c].q = NULL;
	}
	must(zkhsm_keylist_new(clients[0].hsm->list, clients[0].hsm->list_len, list, &err), &err,
	     "list");
}

static void post_many(size_t keys, unsigned int seconds)
{
	static struct client clients[MANAGERS_MAX][CLIENTS];
	static uint64_t bound[BOUND_SAMPLES + POSTS];
	struct zkhsm_keylist *list[MANAGERS_MAX];
	char what[32];
	size_t bounds = 0;
	uint64_t until;

	begin_together(clients);
	for (unsigned int i = 0; i < manager_count; i++) {
		make_posters(clients[i], keys, &list[i]);
		post_first(clients[i]);
	}
	until = now_ns(CLOCK_MONOTONIC) + seconds * 1000000000ULL * manager_count;
	do {
		for (unsigned int i = 0; i < manager_count; i++) {
			make_evidence(clients[i]);
			together(&managers[i], clients[i], post_round, POSTS);
			if (bounds < BOUND_SAMPLES)
				bounds += verify_some(list[i], &clients[i][0],
						      bound + bounds);
		}
	} while (now_ns(CLOCK_MONOTONIC) < until);
	for (unsigned int i = 0; i < manager_count; i++) {
		for (int c = 0; c < CLIENTS; c++)
			prover_free(clients[i][c].hsm);
		zkhsm_keylist_free(list[i]);
	}
	snprintf(what, sizeof(what), "post_%zu", keys);
	end_together(clients, what);
	snprintf(what, sizeof(what), "verify_ns_%zu", keys);
	figure(what, (double)median(bound, bounds));
}

/* ES256 alone: a signature over a digest, made ready as often as the manager has to. */
static void sign_bound(void)
{
	static uint64_t ns[BOUND_SAMPLES];
	uint8_t digest[32] = { 1 }, signature[80];
	struct zkhsm_error err = { 0 };
	EVP_PKEY *key;

	must(zkhsm_signer_generate(&key, &err), &err, "key");
	for (int i = 0; i < BOUND_SAMPLES; i++) {
		size_t len = sizeof(signature);
		uint64_t start = now_ns(CLOCK_THREAD_CPUTIME_ID);
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

		if (!ctx || EVP_PKEY_sign_init(ctx) != 1 ||
		    EVP_PKEY_sign(ctx, signature, &len, digest, sizeof(digest)) != 1)
			die("EVP");
		EVP_PKEY_CTX_free(ctx);
		ns[i] = now_ns(CLOCK_THREAD_CPUTIME_ID) - start;
	}
	EVP_PKEY_free(key);
	figure("sign_ns", (double)median(ns, BOUND_SAMPLES));
}

/* --- the managers -------------------------------------------------------- */

static void read_ids(struct manager *m, const char *directory)
{
	char path[512];
	long len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/hsms", directory);
	f = fopen(path, "re");
	if (!f || fseek(f, 0, SEEK_END) || (len = ftell(f)) < 32 || fseek(f, 0, SEEK_SET))
		die("%s cannot be read", path);
	m->count = (size_t)len / 32;
	m->hsms = malloc((size_t)len);
	if (!m->hsms || fread(m->hsms, 32, m->count, f) != m->count)
		die("%s cannot be read", path);
	fclose(f);
}

/* NAME=URL,PID,DIRECTORY */
static void add_manager(char *text)
{
	struct manager *m = &managers[manager_count++];
	char *directory, *rest = NULL;

	m->name = strtok_r(text, "=", &rest);
	m->url = strtok_r(NULL, ",", &rest);
	m->pid = strtok_r(NULL, ",", &rest);
	directory = strtok_r(NULL, ",", &rest);
	if (!directory)
		die("NAME=URL,PID,DIRECTORY is what names a manager");
	read_ids(m, directory);
	m->ns = calloc(SAMPLES_MAX, sizeof(*m->ns));
	agent.base_url = m->url;
	m->one = connect_manager(&agent);
	named(m, "resident", "start", process_resident(m->pid));
}

/* Every list once: the memory that the manager keeps, and none is read later. */
static void warm_up(struct manager *m)
{
	char path[256], *hex;

	for (size_t i = 0; i < m->count; i++) {
		hex = zkhsm_hex(m->hsms[i], 32);
		snprintf(path, sizeof(path), "/v1/hsms/%s/keys/key-000000", hex);
		free(hex);
		ask_path(m, m->one, path);
	}
	named(m, "resident", "warm", process_resident(m->pid));
}

int main(int argc, char **argv)
{
	unsigned int seconds;

	if (argc < 5 || argc - 4 > MANAGERS_MAX) {
		fprintf(stderr, "Usage: managerbench CA SECONDS KEYS NAME=URL,PID,DIRECTORY...\n");
		return 2;
	}
	agent.ca_file = argv[1];
	seconds = (unsigned int)strtoul(argv[2], NULL, 10);
	keys_each = strtoul(argv[3], NULL, 10);
	for (int i = 4; i < argc; i++)
		add_manager(argv[i]);
	for (unsigned int i = 0; i < manager_count; i++)
		warm_up(&managers[i]);
	for (size_t q = 0; q < ARRAY_SIZE(questions); q++) {
		ask_one(&questions[q], seconds);
		ask_many(&questions[q], seconds);
	}
	sign_bound();
	for (size_t size = 0; size < POST_SIZES; size++)
		post_many(post_sizes[size], seconds);
	for (unsigned int i = 0; i < manager_count; i++) {
		named(&managers[i], "resident", "end", process_resident(managers[i].pid));
		zkhsm_https_free(managers[i].one);
		free(managers[i].hsms);
		free(managers[i].ns);
	}
	return 0;
}
