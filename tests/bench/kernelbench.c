// SPDX-License-Identifier: GPL-2.0
/*
 * kernelbench - how long the kernel takes for evidence over 1, 1000, ... keys
 *
 *	kernelbench KPPBENCH.KO COUNT...
 *
 * Runs as root in a virtual machine with a fresh module. Times are those of
 * whole netlink round trips, as the agent sees them. The first evidence over a
 * new list builds and announces it; later ones are the steady state.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define THREADS		2
#define ROUNDS		7
#define SAMPLES		3	/* in a round */
#define FIRST_KEY	"bench-%06u"

struct manager {
	uint8_t id[32];
};

struct maker {
	pthread_t thread;
	struct zkhsm_nl *nl;
	unsigned int from, to, step;
	uint64_t longest_ns;
};

/* How long hsm-get took at worst while another thread kept the kernel busy. */
struct bystander {
	pthread_t thread;
	struct zkhsm_nl *nl;
	atomic_bool stop;
	uint64_t longest_ns;
};

static uint64_t read_kpp_median(void)
{
	unsigned long long ns = 0;
	FILE *f = fopen("/sys/module/kppbench/parameters/median_ns", "re");

	if (!f || fscanf(f, "%llu", &ns) != 1 || !ns)
		die("kppbench has no result");
	fclose(f);
	return ns;
}

/* One run of the yardstick: loading the module is the measurement. */
static uint64_t kpp_ns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t ns;

	if (fd < 0 || syscall(SYS_finit_module, fd, "runs=5", 0))
		die("cannot load %s: %m", path);
	close(fd);
	ns = read_kpp_median();
	if (syscall(SYS_delete_module, "kppbench", 0))
		die("cannot unload kppbench: %m");
	return ns;
}

/* The rate bucket is not what is measured: wait until it has a drop. */
static uint64_t one_evidence(struct zkhsm_nl *nl, const struct manager *m,
			     struct zkhsm_evidence *out)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct zkhsm_challenge challenge = { 0 };
	struct zkhsm_error err = { 0 };
	uint64_t start, took;
	int ret;

	memcpy(challenge.manager_id, m->id, sizeof(m->id));
	for (;;) {
		fill_random(challenge.nonce, sizeof(challenge.nonce));
		start = now_ns(CLOCK_MONOTONIC);
		ret = zkhsm_evidence_get(nl, &challenge, 1, NULL, out, &err);
		took = now_ns(CLOCK_MONOTONIC) - start;
		if (ret != -EAGAIN || err.reason != ZKHSM_REASON_RATE)
			break;
		nanosleep(&pause, NULL);
	}
	must(ret, &err, "evidence-get");
	return took;
}

static void *make_keys(void *arg)
{
	struct maker *m = arg;
	char id[ZKHSM_ID_MAX_LEN + 1];
	struct zkhsm_key_info key;
	struct zkhsm_error err = { 0 };
	uint64_t start, took;

	for (unsigned int i = m->from; i < m->to; i += m->step) {
		struct zkhsm_key_params p = { .id = id, .type = ZKHSM_KEY_TYPE_EC_P256 };

		snprintf(id, sizeof(id), FIRST_KEY, i);
		start = now_ns(CLOCK_MONOTONIC);
		must(zkhsm_key_new(m->nl, &p, &key, &err), &err, "key-new");
		took = now_ns(CLOCK_MONOTONIC) - start;
		if (took > m->longest_ns)
			m->longest_ns = took;
	}
	return NULL;
}

static void grow(unsigned int from, unsigned int to)
{
	struct maker makers[THREADS] = { 0 };
	struct zkhsm_error err = { 0 };

	for (unsigned int i = 0; i < THREADS; i++) {
		makers[i].from = from + i;
		makers[i].to = to;
		makers[i].step = THREADS;
		must(zkhsm_nl_open(&makers[i].nl, &err), &err, "netlink");
		if (pthread_create(&makers[i].thread, NULL, make_keys, &makers[i]))
			die("no thread");
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(makers[i].thread, NULL);
		zkhsm_nl_close(makers[i].nl);
	}
}

static void *stand_by(void *arg)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	struct bystander *b = arg;
	struct zkhsm_hsm_info info;
	struct zkhsm_error err = { 0 };

	while (!atomic_load(&b->stop)) {
		uint64_t start = now_ns(CLOCK_MONOTONIC), took;

		must(zkhsm_hsm_get(b->nl, &info, &err), &err, "hsm-get");
		took = now_ns(CLOCK_MONOTONIC) - start;
		if (took > b->longest_ns)
			b->longest_ns = took;
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void name_figure(const char *what, unsigned int count, double value)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%u", what, count);
	figure(name, value);
}

static void list_figures(struct zkhsm_nl *nl, const struct zkhsm_evidence *e, unsigned int count)
{
	struct zkhsm_error err = { 0 };
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	uint8_t *list;
	size_t len;

	must(zkhsm_list_get(nl, e->list_digest, &list, &len, &err), &err, "list-get");
	name_figure("list_get_ns", count, (double)(now_ns(CLOCK_MONOTONIC) - start));
	name_figure("list_bytes", count, (double)len);
	name_figure("evidence_bytes", count, (double)e->evidence_len);
	free(list);
}

/* Evidence and the yardstick in turn: what else the machine does meets both. */
static void measure(struct zkhsm_nl *nl, const struct manager *m, unsigned int count,
		    const char *kppbench)
{
	uint64_t evidence[ROUNDS * SAMPLES], kpp[ROUNDS];
	struct zkhsm_evidence e;
	unsigned int n = 0;

	name_figure("evidence_first_ns", count, (double)one_evidence(nl, m, &e));
	for (unsigned int i = 0; i < ROUNDS; i++) {
		kpp[i] = kpp_ns(kppbench);
		for (unsigned int k = 0; k < SAMPLES; k++)
			evidence[n++] = one_evidence(nl, m, &e);
	}
	name_figure("kpp_ns", count, (double)median(kpp, ROUNDS));
	name_figure("evidence_median_ns", count, (double)median(evidence, n));
	name_figure("evidence_longest_ns", count, (double)evidence[n - 1]);
	list_figures(nl, &e, count);
}

static void measure_bystander(struct zkhsm_nl *nl, const struct manager *m, unsigned int count)
{
	struct bystander b = { 0 };
	struct zkhsm_error err = { 0 };
	struct zkhsm_evidence e;

	must(zkhsm_nl_open(&b.nl, &err), &err, "netlink");
	if (pthread_create(&b.thread, NULL, stand_by, &b))
		die("no thread");
	for (unsigned int i = 0; i < SAMPLES; i++)
		one_evidence(nl, m, &e);
	atomic_store(&b.stop, true);
	pthread_join(b.thread, NULL);
	zkhsm_nl_close(b.nl);
	name_figure("bystander_longest_ns", count, (double)b.longest_ns);
}

static void set_up(struct zkhsm_nl *nl, struct manager *m)
{
	struct zkhsm_hsm_params params = { .set_agent = true, .agent_uid = getuid() };
	struct zkhsm_manager_info manager;
	struct zkhsm_hsm_info hsm;
	struct zkhsm_error err = { 0 };
	uint8_t public[65];
	EVP_PKEY *key;

	must(zkhsm_hsm_new(nl, &params, &hsm, &err), &err, "hsm-new");
	must(zkhsm_signer_generate(&key, &err), &err, "a manager's key");
	must(zkhsm_signer_public(key, public), &err, "a manager's key");
	EVP_PKEY_free(key);
	must(zkhsm_trust_new(nl, public, "bench", &manager, &err), &err, "trust-new");
	memcpy(m->id, manager.manager_id, sizeof(m->id));
}

int main(int argc, char **argv)
{
	struct zkhsm_error err = { 0 };
	struct manager m;
	struct zkhsm_nl *nl;
	unsigned int have = 0;

	if (argc < 3) {
		fprintf(stderr, "Usage: kernelbench KPPBENCH.KO COUNT...\n");
		return 2;
	}
	must(zkhsm_nl_open(&nl, &err), &err, "netlink");
	set_up(nl, &m);
	for (int i = 2; i < argc; i++) {
		unsigned int count = (unsigned int)strtoul(argv[i], NULL, 10);

		if (count <= have)
			die("counts must ascend");
		grow(have, count);
		have = count;
		measure(nl, &m, count, argv[1]);
		measure_bystander(nl, &m, count);
		fprintf(stderr, "kernelbench: %u keys measured\n", count);
	}
	zkhsm_nl_close(nl);
	return 0;
}
